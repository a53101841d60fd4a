/* The checksum of a tensor: XXH64 (quant/base/xxh64.h) of its stored bytes, as they lie in the file
 * (of a member of an archive: as they are in the member).
 *
 * Of a tensor that is computed from others of its source (packed weights): of their bytes, one
 * after the other. Of one whose elements do not fill a stretch of bytes, and of what was
 * transformed: of its values in C order, as little-endian float32. Threads: as source_load. */
#ifndef QSCOPE_DATA_TENSOR_HASH_H
#define QSCOPE_DATA_TENSOR_HASH_H

#include "data/source.h"

/* Loads tensor INDEX of SOURCE and reads all of it, counting PROGRESS in elements. STATUS_INPUT: it
 * cannot be read, or its file shrank meanwhile; STATUS_CANCELLED. */
enum status tensor_hash(struct source *source, size_t index, struct progress *progress,
                        uint64_t *out, struct error *error);

#endif
