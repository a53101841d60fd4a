/* Methods of the layer lab, run for a test. What fails there fails the test.
 *
 * Ownership: layer_made_free, layer_close. Threads: no state. */
#ifndef QSCOPE_TESTS_LAYER_RUNS_H
#define QSCOPE_TESTS_LAYER_RUNS_H

#include "quant/layer/method.h"
#include "tests/support/layer_vectors.h"

#include <jansson.h>

/* Numbers between -1 and 1 without a pattern; another STATE gives others. */
void layer_runs_fill(float *values, size_t count, uint64_t state);

/* layer_open, without progress. */
void layer_runs_open(const float *weight, size_t rows, size_t columns, const float *activation,
                     size_t tokens, struct layer *out);
/* The layer of VECTORS, which it borrows. */
void layer_runs_open_vectors(const struct layer_vectors *vectors, struct layer *out);

/* Gives each entry of the manifest of the layer called NAME to CHECK, which tells whether it is one
 * of its; how many were. */
size_t layer_runs_each(const char *name, bool (*check)(const struct layer_vectors *vectors,
                                                       struct layer *layer, const json_t *entry));

/* METHOD ("awq,clip") with WEIGHT and, unless NULL, ACTIVATION as specs; codes are kept. */
void layer_runs_task(const struct layer *layer, const char *method, const char *weight,
                     const char *activation, struct layer_task *out);
/* The same, run. */
void layer_runs_do(struct layer *layer, const char *method, const char *weight,
                   const char *activation, struct layer_made *made);
/* Run as well, and refused with STATUS_USAGE and MESSAGE somewhere in what is said. */
void layer_runs_refuse(struct layer *layer, const char *method, const char *weight,
                       const char *message);

/* sum (X' W'ᵀ - X Wᵀ)^2, by a plain loop in double over what MADE holds: "output_err_sq". */
double layer_runs_error(const struct layer *layer, const struct layer_made *made);

#endif
