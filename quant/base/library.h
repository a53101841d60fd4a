/* Shared libraries that are loaded at the first file that needs them, and never else: libhdf5 and
 * libmatio bring fifty others, which cost more than all that a small report does.
 *
 * A library is a list of names, #define HDF5_CALLS(CALL) CALL(Aclose) CALL(Aget_name) ..., from
 * which are made a struct of pointers of the types that its header declares (LIBRARY_CALL) and the
 * names to look up (LIBRARY_NAME), in the same order.
 *
 * Ownership: what is loaded stays until the process ends. Threads: any may load. */
#ifndef QSCOPE_QUANT_BASE_LIBRARY_H
#define QSCOPE_QUANT_BASE_LIBRARY_H

#include "quant/base/status.h"

#include <stddef.h>

/* The header may define a name as another one, which both follow. */
#define LIBRARY_CALL(prefix, name) __typeof__(&prefix##name) name;
#define LIBRARY_NAME(prefix, name) LIBRARY_TEXT(prefix##name),
#define LIBRARY_TEXT(name)         LIBRARY_TEXT_OF(name)
#define LIBRARY_TEXT_OF(name)      #name

struct library {
  const char *name, *file;  /* "libhdf5"; what configure has linked: "libhdf5_serial.so.103" */
  const char *packages;     /* that hold the file, for the message */
  const char *const *names; /* COUNT of them */
  size_t count;
  void *calls; /* a struct of COUNT pointers, filled in when the library is loaded */
  void *handle;
};

/* Loads LIBRARY unless that is done. STATUS_INPUT: the file is missing, is none, or lacks one of
 * the names; its calls are not for use then. */
enum status library_load(struct library *library, struct error *error);

#endif
