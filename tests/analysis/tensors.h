/* Tensors for tests: random values of any shape, awkward ones sprinkled in. */
#ifndef QSCOPE_TESTS_ANALYSIS_TENSORS_H
#define QSCOPE_TESTS_ANALYSIS_TENSORS_H

#include "data/tensor.h"
#include "quant/quantizer.h"

/* COUNT values: normal by sums of uniforms, every 97th times 30; with AWKWARD also NaN, both
 * infinities, both zeros and a denormal. The caller frees. */
float *random_values(size_t count, uint64_t seed, bool awkward);

/* A loaded float32 tensor over VALUES (borrowed), which must have as many as SHAPE. */
struct tensor tensor_over(const float *values, struct shape shape);

/* The quantizer of SPEC, which must parse. */
struct quantizer quantizer_of(const char *spec);

#endif
