/* Room for bytes that are unpacked: memory for little, for much (SPILL_FROM) an unlinked temporary
 * file in $TMPDIR (or /tmp), mapped, so that the process does not grow with the size of a tensor.
 * The file's place on the disk is reserved first, at most half of what is free there.
 *
 * Ownership: the caller frees with spill_free. Threads: any. */
#ifndef QSCOPE_DATA_SPILL_H
#define QSCOPE_DATA_SPILL_H

#include "quant/base/status.h"

#include <stdbool.h>
#include <stddef.h>

enum { SPILL_FROM = 64 << 20 };

/* SIZE zeroed bytes in *out. STATUS_MEMORY, naming the folder where it is the disk that is full. */
enum status spill_new(size_t size, unsigned char **out, struct error *error);
/* BYTES from spill_new, or NULL. */
void spill_free(const void *bytes);

/* Does SIZE go to a file? */
static inline bool spill_is_file(size_t size)
{
  return size >= SPILL_FROM;
}

#endif
