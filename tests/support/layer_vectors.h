/* The layers of conformance/layer: "small" is stored, "big" is made anew by the rule that stands
 * beside its results, and checked against the sums in the manifest.
 *
 * Ownership: layer_vectors_free. Threads: no state. There must be a vectors_folder(); what is
 * missing or not as it should be fails the test. */
#ifndef QSCOPE_TESTS_LAYER_VECTORS_H
#define QSCOPE_TESTS_LAYER_VECTORS_H

#include <jansson.h>
#include <stddef.h>

struct layer_vectors {
  size_t rows, columns, tokens;
  float *weight;     /* rows x columns */
  float *activation; /* tokens x columns */
  double *gram;      /* XᵀX, columns x columns, by a plain loop in double */
  json_t *manifest;  /* "meta", "entries" */
};

/* NAME: "small" or "big". */
void layer_vectors_load(const char *name, struct layer_vectors *out);
void layer_vectors_free(struct layer_vectors *vectors);

/* The entry of FAMILY whose "config" is CONFIG. */
const json_t *layer_vectors_entry(const struct layer_vectors *vectors, const char *family,
                                  const char *config);

/* sum (X (W' - W)ᵀ)^2: the "output_err_sq" of the manifest when X is as it was. */
double layer_vectors_output_error(const struct layer_vectors *vectors, const float *weight);
/* mean (W' - W)^2: "weight_mse". */
double layer_vectors_weight_mse(const struct layer_vectors *vectors, const float *weight);

#endif
