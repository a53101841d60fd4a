/* The header of a .npy array, for those who hold one in memory: data/npy.c (files, standard
 * input) and data/zip_npz.c (members of an archive).
 *
 * Ownership: borrows the bytes. Threads: no state. Messages name neither file nor array. */
#ifndef QSCOPE_DATA_NPY_H
#define QSCOPE_DATA_NPY_H

#include "data/source_types.h"

enum { NPY_PREFIX_MAX = 12 };

struct bytes {
  const unsigned char *data;
  size_t size;
};

/* Where the header lies: *start and *size, from the first NPY_PREFIX_MAX bytes of FILE (fewer
 * where it ends before). */
enum status npy_prefix(struct bytes file, size_t *start, size_t *size, struct error *error);

/* Type, order, shape, count and bytes into TENSOR; *start is where the data begins. FILE holds at
 * least the header; whether it also holds the data is for npy_check_data. */
enum status npy_header(struct bytes file, struct tensor *tensor, size_t *start,
                       struct error *error);

/* SIZE bytes of file hold the data of TENSOR, which begins at START (at most SIZE). */
enum status npy_check_data(const struct tensor *tensor, size_t start, size_t size,
                           struct error *error);

#endif
