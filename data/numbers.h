/* A file of plain numbers, for words of the spec that name one: importance=FILE, codebook=FILE.
 *
 * Ownership: the caller frees the values. Threads: as data/source.h. */
#ifndef QSCOPE_DATA_NUMBERS_H
#define QSCOPE_DATA_NUMBERS_H

#include "quant/base/status.h"

#include <stddef.h>

enum { NUMBERS_MOST = 1 << 26 }; /* the most values such a file may hold */

/* All values of the only tensor of PATH, whatever its shape, as float32: *count of them. The
 * message of a failure starts with the file's name. STATUS_INPUT, STATUS_MEMORY. */
enum status numbers_read(const char *path, float **values, size_t *count, struct error *error);

/* The same, or where PATH is an importance matrix of llama.cpp its values for the tensor called
 * NAME (see imatrix_find). STATUS_USAGE when it has none. */
enum status numbers_read_for(const char *path, const char *name, float **values, size_t *count,
                             struct error *error);

#endif
