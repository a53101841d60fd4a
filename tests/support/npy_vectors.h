/* Reference vectors for tests: a reader of the plain .npy files under QSCOPE_SHARED (version
 * 1.0, little-endian, C order). Not the product's reader, on purpose: a fault there must not
 * hide here.
 *
 * Ownership: vector_load returns memory that vector_free frees. Threads: no state. */
#ifndef QSCOPE_TESTS_NPY_VECTORS_H
#define QSCOPE_TESTS_NPY_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vector {
  char type;   /* 'f', 'i', 'u' */
  size_t size; /* bytes of an element */
  size_t dims, dim[4];
  size_t count;
  void *data;
};

/* The folder QSCOPE_SHARED names, when it exists; else NULL: the test should skip. */
const char *vectors_folder(void);

/* Reads FILE (relative to the folder, printf style); prints why and returns false on failure. */
bool vector_load(struct vector *out, const char *file, ...) __attribute__((format(printf, 2, 3)));
void vector_free(struct vector *vector);

/* Element INDEX, whatever the type. */
double vector_number(const struct vector *vector, size_t index);

/* All elements as float ('f' of 4 bytes only), else NULL. */
const float *vector_floats(const struct vector *vector);

#endif
