/* The methods' own functions, for the table in method.c; see struct method. */
#ifndef QSCOPE_QUANT_LAYER_METHODS_H
#define QSCOPE_QUANT_LAYER_METHODS_H

#include "quant/layer/method.h"

typedef enum status method_function(const struct layer_task *task, struct layer_made *made,
                                    struct error *error);

method_function rtn_run;
method_function gptq_run;
method_function bits_run;
method_function awq_run, smoothquant_run;
method_function llm_int8_run, protect_run;
method_function hadamard_run;
method_function zeroquant_run, llm_qat_run;
method_function bias_run;
method_function alternating_run;
method_function joint_run;

#endif
