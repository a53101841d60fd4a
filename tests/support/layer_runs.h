/* Methods of the layer lab, run for a test. What fails there fails the test.
 *
 * Ownership: layer_made_free, layer_close. Threads: no state. */
#ifndef QSCOPE_TESTS_LAYER_RUNS_H
#define QSCOPE_TESTS_LAYER_RUNS_H

#include "quant/layer/method.h"
#include "tests/support/layer_vectors.h"

/* The layer of VECTORS, which it borrows. */
void layer_runs_open(const struct layer_vectors *vectors, struct layer *out);

/* METHOD ("awq,clip") with WEIGHT and, unless NULL, ACTIVATION as specs. */
void layer_runs_do(struct layer *layer, const char *method, const char *weight,
                   const char *activation, struct layer_made *made);

/* sum (X' W'ᵀ - X Wᵀ)^2, by a plain loop in double over what MADE holds: "output_err_sq". */
double layer_runs_error(const struct layer *layer, const struct layer_made *made);

#endif
