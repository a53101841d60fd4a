/* Writes arrays as .npy, version 1.0, block by block, whole or not at all (data/outfile.h).
 *
 * Ownership: npy_write_end and npy_write_discard free. Threads: one at a time. */
#ifndef QSCOPE_DATA_NPY_WRITE_H
#define QSCOPE_DATA_NPY_WRITE_H

#include "quant/base/shape.h"
#include "quant/base/status.h"

#include <stddef.h>

/* Element types, in the byte order of this machine (the header says which). */
enum npy_type { NPY_I1, NPY_U1, NPY_I2, NPY_U2, NPY_I4, NPY_F4 };

struct npy_writer;

/* Starts an array of SHAPE in C order at PATH ("-": standard output). STATUS_OUTPUT,
 * STATUS_MEMORY. */
enum status npy_write_begin(const char *path, enum npy_type type, const struct shape *shape,
                            struct npy_writer **out, struct error *error);

/* The next COUNT elements. Errors show in npy_write_end. */
void npy_write_block(struct npy_writer *writer, const void *values, size_t count);

/* Finishes the file and frees WRITER. STATUS_OUTPUT when anything could not be written; then
 * nothing is left behind. */
enum status npy_write_end(struct npy_writer *writer, struct error *error);

/* Throws away what was written and frees WRITER (may be NULL). */
void npy_write_discard(struct npy_writer *writer);

#endif
