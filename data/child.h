/* What may crash, or take all memory, is done in a child process first: libraries that read
 * damaged files. The process that shows the screen does it only when the child has lived. That is
 * no sandbox.
 *
 * Ownership: nothing is kept. Threads: any; the caller holds the locks that ACT needs. */
#ifndef QSCOPE_DATA_CHILD_H
#define QSCOPE_DATA_CHILD_H

#include "quant/base/pool.h"
#include "quant/base/status.h"

#include <stdbool.h>
#include <stddef.h>

struct trial {
  bool (*act)(void *state); /* false: it fails */
  void *state;              /* memory that is mapped shared carries results back */
  const char *library;      /* for the message: "libhdf5" */
  size_t memory;            /* bytes of address space beside what is there; 0: no limit */
};

/* Does TRIAL in a child process, for at most two minutes of CPU time. STATUS_INPUT when it fails or
 * the child dies, STATUS_CANCELLED when PROGRESS (or NULL) is, STATUS_MEMORY without a process. */
enum status child_try(const struct trial *trial, struct progress *progress, struct error *error);

#endif
