/* What a method does to the inputs of a layer: X' of Y' = X' W'ᵀ, in the domain of X.
 *
 * Each token is divided by a factor for each channel, rotated in blocks, quantized, and taken back
 * the same way, so that X' stands in place of X whatever was done in between; a layer would never
 * go back, but multiply W (times the factors, rotated) with what is quantized, which is the same
 * product. Ownership: layer_inputs_free. Threads: layer_inputs_apply on any. */
#ifndef QSCOPE_QUANT_LAYER_INPUTS_H
#define QSCOPE_QUANT_LAYER_INPUTS_H

#include "quant/layer/layer.h"
#include "quant/quantizer.h"

struct layer_inputs {
  float *factor;       /* of each column: what is quantized is x / factor; NULL: none */
  size_t rotation;     /* Hadamard blocks of this many columns; 0: none */
  float *sign;         /* +1 or -1 for each column, before the rotation; NULL: all +1 */
  unsigned char *kept; /* columns that are not quantized but rounded to float16; NULL: none */
  float counted;       /* values of kept columns below this magnitude take part in the ranges of the
                          others       all the same, as in LLM.int8(), which leaves out values; 0: none
                          does */
  bool quantized;      /* by quantizer; else only `kept` is rounded */
  struct quantizer quantizer;
  double ratio; /* its scales (no format's blocks) are multiplied by this; 0: as they are */
};

void layer_inputs_free(struct layer_inputs *inputs);

/* True when X' = X: nothing is rounded. */
bool layer_inputs_exact(const struct layer_inputs *inputs);

/* OUT (rows x columns; may be VALUES) = VALUES as they are quantized (divided and rotated), or with
 * BACK the other way round. A weight W goes the way of what it is multiplied with when its columns
 * are multiplied by the factors (weight = true), so that the product stays. */
void layer_inputs_turn(const struct layer_inputs *inputs, const float *values, size_t rows,
                       size_t columns, bool weight, bool back, float *out);

/* OUT (tokens x columns) = X' of X. A quantizer whose scales are chosen beforehand is calibrated on
 * the tokens of LAYER, not on X: it is the same question for held-out tokens. STATUS_USAGE (the
 * quantizer does not fit the shape), STATUS_CANCELLED, STATUS_MEMORY. */
enum status layer_inputs_apply(const struct layer_inputs *inputs, const struct layer *layer,
                               const float *x, size_t tokens, float *out, struct progress *progress,
                               struct error *error);

#endif
