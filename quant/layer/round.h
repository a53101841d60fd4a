/* A matrix in memory through a quantizer, for the methods of the layer lab.
 *
 * Ownership: borrows the arrays; codes are the caller's to free (layer_made_free). Threads:
 * parallel inside. */
#ifndef QSCOPE_QUANT_LAYER_ROUND_H
#define QSCOPE_QUANT_LAYER_ROUND_H

#include "quant/layer/method.h"

/* OUT (rows x columns; may be VALUES) = what QUANTIZER makes of VALUES; *bits, unless NULL, all
 * that has to be stored. CODES, unless NULL, gets codes, scales and zero points where the quantizer
 * has one scale for a group of a row, a row, or the matrix; else it stays empty (blocks of a
 * format). STATUS_USAGE, STATUS_CANCELLED, STATUS_MEMORY. */
enum status layer_round(const struct quantizer *quantizer, const float *values, size_t rows,
                        size_t columns, float *out, double *bits, struct method_codes *codes,
                        struct progress *progress, struct error *error);

/* The same with a fit of the matrix that is there already. */
enum status layer_round_fit(const struct fit *fit, const float *values, size_t rows, size_t columns,
                            float *out, double *bits, struct method_codes *codes,
                            struct progress *progress, struct error *error);

/* made->weight and what is stored: the task's W as made->inputs turn it (columns times factors,
 * rotated), through QUANTIZER, and turned back. Fails as layer_round does. */
enum status layer_round_turned(const struct layer_task *task, const struct quantizer *quantizer,
                               struct layer_made *made, struct error *error);

/* True when each scale of QUANTIZER serves one output channel or a part of it: channel, token,
 * group=N. */
bool layer_scales_rows(const struct quantizer *quantizer);

/* *BITS: what one scale of QUANTIZER and its zero point take. Fails as quantizer_fit does. */
enum status layer_scale_bits(const struct quantizer *quantizer, double *bits, struct error *error);

#endif
