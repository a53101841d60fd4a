/* The general path of rounding: every mode, one value at a time. ROUND_EVEN over arrays goes
 * through the kernels, which give the same values.
 *
 * Stochastic rounding draws from the seed and the element's index in the tensor alone, so that
 * it does not depend on threads, blocks or order. Ownership: plain values. Threads: no state. */
#ifndef QSCOPE_QUANT_ROUNDING_H
#define QSCOPE_QUANT_ROUNDING_H

#include "quant/kernels/kernels.h"

struct rounding_rule {
  enum rounding mode;
  uint64_t seed; /* ROUND_STOCHASTIC */
};

/* V rounded to a whole number; exact in every mode. NaN and infinities stay what they are. */
double round_to_whole(double v, struct rounding_rule rule, size_t index);

/* Grid value (lo..hi) of X / scale; NaN stays NaN. */
float integer_round_any(float x, struct unit unit, struct rounding_rule rule, size_t index);

/* Grid value of V = x / scale, saturating, sign of zero kept; NaN stays NaN. */
float minifloat_round_any(float v, const struct minifloat_grid *grid, struct rounding_rule rule,
                          size_t index);

/* Reconstruction and code (unless NULL) of one element, any mode: what the kernels of the same
 * names compute for ROUND_EVEN. */
float integer_value_any(float x, struct unit unit, struct rounding_rule rule, size_t index,
                        uint16_t *code);
float minifloat_value_any(float x, const struct minifloat_grid *grid, float scale,
                          struct rounding_rule rule, size_t index, uint16_t *code);

#endif
