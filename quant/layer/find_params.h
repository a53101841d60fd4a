/* Scale and zero point of weights as the implementation of GPTQ finds them, in its own arithmetic
 * (float32): zero is in the range; the symmetric scheme mirrors the range only where some weight is
 * negative, and codes 0..2^bits-1 decode as scale (code - zero).
 *
 * Ownership: borrows. Threads: no state. Source: the `find_params` of the reference implementation
 * of GPTQ; conformance vectors compare it. */
#ifndef QSCOPE_QUANT_LAYER_FIND_PARAMS_H
#define QSCOPE_QUANT_LAYER_FIND_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

struct weight_grid {
  float scale, zero, most; /* most: the highest code */
};

/* The grid of COUNT finite values. SHRINKS: of 80 ranges, 1.00 to 0.21 of the whole one, the widest
 * with the least sum of |error|^2.4. */
struct weight_grid find_params(const float *values, size_t count, int bits, bool symmetric,
                               bool shrinks);

/* The code of VALUE, and what it decodes to. */
float weight_grid_code(const struct weight_grid *grid, float value);
float weight_grid_value(const struct weight_grid *grid, float code);

#endif
