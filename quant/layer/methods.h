/* The methods' own functions, for the table in method.c; see struct method. */
#ifndef QSCOPE_QUANT_LAYER_METHODS_H
#define QSCOPE_QUANT_LAYER_METHODS_H

#include "quant/layer/method.h"

enum status awq_run(const struct layer_task *task, struct layer_made *made, struct error *error);
enum status rtn_run(const struct layer_task *task, struct layer_made *made, struct error *error);

#endif
