/* Codebooks from files, for quant/codebook.h.
 *
 * Ownership: the caller frees the levels. Threads: any. */
#ifndef QSCOPE_DATA_CODEBOOK_FILE_H
#define QSCOPE_DATA_CODEBOOK_FILE_H

#include "quant/base/status.h"

#include <stddef.h>

/* The values of FILE's only tensor, as float32, into a new array. Anything source_open reads will
 * do. STATUS_INPUT, STATUS_MEMORY. */
enum status codebook_read_file(const char *file, float **levels, size_t *count,
                               struct error *error);

#endif
