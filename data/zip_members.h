/* Where the members of a zip archive lie: its directory, for reading stored members in place.
 * What is compressed is left to libzip.
 *
 * Ownership: the caller frees the array; names and data are borrowed from the archive's bytes.
 * Threads: no state. */
#ifndef QSCOPE_DATA_ZIP_MEMBERS_H
#define QSCOPE_DATA_ZIP_MEMBERS_H

#include "quant/base/status.h"

#include <stdbool.h>
#include <stddef.h>

#define ZIP_NO_DIRECTORY "zip archive without its directory: cut off, or no zip archive"

struct zip_member {
  const char *name; /* not ended by NUL */
  size_t name_length;
  bool stored;             /* neither compressed nor encrypted: DATA is known */
  size_t compressed, size; /* bytes in the archive, and when taken out */
  const unsigned char *data;
};

/* All members in the order of the directory, ZIP64 ones too. STATUS_INPUT when the directory is
 * damaged or a member does not lie in the SIZE bytes, STATUS_MEMORY. */
enum status zip_members_read(const unsigned char *bytes, size_t size, struct zip_member **out,
                             size_t *count, struct error *error);

#endif
