/* A file mapped for reading: borrowed bytes, never read whole.
 *
 * A file that shrinks (or fails) under the map raises SIGBUS in whoever reads it. A process-wide
 * handler answers: a fault inside a map puts zeros in place of the rest of that map and marks it,
 * so that the reader goes on and map_verify tells afterwards. Any other SIGBUS goes to the
 * handler that was there before.
 *
 * Ownership: the caller owns the map and closes it. Threads: the bytes may be read from any
 * thread; open and close from one at a time per map. */
#ifndef QSCOPE_DATA_MAP_H
#define QSCOPE_DATA_MAP_H

#include "quant/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct map {
  const unsigned char *bytes; /* page-aligned; not NULL even when size is 0 */
  size_t size;
  char *path;
  int file;     /* -1 behind map_close_file */
  dev_t device; /* which the file is */
  ino_t number;
  struct map_range *range;
};

/* Maps the regular file PATH. Messages start with the path, escaped. */
enum status map_open(const char *path, struct map **out, struct error *error);

/* The same of the open regular FILE, which the map closes, also after a failure; messages call it
 * NAME. A negative FILE: the one in errno is why. */
enum status map_open_file(int file, const char *name, struct map **out, struct error *error);
void map_close(struct map *map);

/* Closes the file of MAP, whose bytes stay: for sources of thousands of files. map_verify asks the
 * path from then on. */
void map_close_file(struct map *map);

/* Puts the handler in place, or back in place in front of one that the program has installed
 * since. map_open does it, and source_load. */
void map_guard(void);

/* STATUS_INPUT when the file is shorter than it was, or could not be read, since map_open. */
enum status map_verify(const struct map *map, struct error *error);

/* True when a page of MAP could not be read: all of it that costs no call of the system. */
bool map_failed(const struct map *map);

#endif
