/* The user's settings: a text file of lines "key = value".
 *
 *   version = 1
 *   # comments and empty lines stay
 *   color = 256
 *
 * What is not understood is kept when the file is written again. Ownership: settings_read returns
 * what settings_free frees. Threads: one at a time. */
#ifndef QSCOPE_TUI_BASE_SETTINGS_H
#define QSCOPE_TUI_BASE_SETTINGS_H

#include "quant/base/status.h"

#include <stdbool.h>
#include <stddef.h>

enum { SETTINGS_VERSION = 1, SETTINGS_MOST = 1 << 16 /* bytes of a file that is read */ };

struct settings_line {
  char *text;        /* as it is in the file; owned, like the others */
  char *key, *value; /* NULL: a comment, an empty line, or WRONG */
  bool wrong;        /* neither of these */
};

struct settings {
  struct settings_line *line;
  size_t lines;
  long version; /* SETTINGS_VERSION when the file says none */
};

/* Reads TEXT of LENGTH bytes. STATUS_INPUT: it holds a NUL byte; STATUS_MEMORY. */
enum status settings_parse(const char *text, size_t length, struct settings **out,
                           struct error *error);

/* Reads PATH; a file that is not there is an empty one. STATUS_INPUT: it cannot be read, belongs to
 * another user, is no regular file, or is too long. */
enum status settings_read(const char *path, struct settings **out, struct error *error);
void settings_free(struct settings *settings);

/* The value of KEY, NULL when there is none. Of two, the last one counts. */
const char *settings_get(const struct settings *settings, const char *key);
/* Gives KEY this VALUE, in its place or in a new line at the end. STATUS_MEMORY. */
enum status settings_set(struct settings *settings, const char *key, const char *value,
                         struct error *error);

/* Writes it to PATH, whole or not at all, readable by the user alone; makes the folders.
 * STATUS_OUTPUT: it cannot be written; a later version of the program, which has other keys, wrote
 * it. */
enum status settings_write(const struct settings *settings, const char *path, struct error *error);

#endif
