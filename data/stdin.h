/* Standard input as a file: what is read of it goes to a temporary file that has no name, so that
 * it can be looked at, mapped, and opened again.
 *
 * Ownership: the file stays open to the end of the program; the caller must not close it. Threads:
 * any; one waits for the other. */
#ifndef QSCOPE_DATA_STDIN_H
#define QSCOPE_DATA_STDIN_H

#include "quant/base/pool.h"
#include "quant/base/status.h"

#include <stddef.h>

/* How standard input is called in messages. */
#define STDIN_NAME "standard input"

/* A file of the first WANTED bytes of standard input, or of all, where it ends before; it may hold
 * more. PROGRESS (or NULL) counts the bytes; STATUS_CANCELLED when it is, also while none come.
 * STATUS_INPUT when standard input is a terminal, cannot be read, or holds more than half of
 * the memory or of the room for temporary files (TMPDIR). */
enum status stdin_file(size_t wanted, int *file, struct progress *progress, struct error *error);

#endif
