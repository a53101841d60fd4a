/* Input channels of a weight, apart from the others: what several methods of the layer lab do.
 *
 * Ownership: borrows all arrays. Threads: parallel inside. */
#ifndef QSCOPE_QUANT_LAYER_COLUMNS_H
#define QSCOPE_QUANT_LAYER_COLUMNS_H

#include "quant/layer/method.h"

/* RANK = the numbers of COUNT columns, the one of the largest score first, of equals the first;
 * column j's score is SCORE[j * STRIDE], never NaN. False: no memory. */
bool columns_rank(const double *score, size_t stride, size_t count, uint32_t *rank);

/* made->weight, which the rest of W was quantized to: the CHOSEN columns become those of W through
 * QUANTIZER, as a matrix of their own. Adds its bits to what is stored, and 32 for the number of
 * each column; the codes that stood there before are not stored where the rest is an element
 * format. STATUS_USAGE, STATUS_CANCELLED, STATUS_MEMORY. */
enum status columns_keep(const struct layer_task *task, const unsigned char *chosen,
                         const struct quantizer *quantizer, const struct quantizer *rest,
                         struct layer_made *made, struct error *error);

/* The same columns of quantized activations stay in float16: made->inputs gets CHOSEN, which it
 * then owns. STATUS_USAGE: one of them is too large for that. */
enum status columns_keep_inputs(const struct layer_task *task, unsigned char *chosen,
                                struct layer_made *made, struct error *error);

#endif
