/* Draws a grid of characters, as a terminal shows it, to a PNG or SVG file.
 *
 * Ownership: borrows. Threads: any, one snapshot at a time. */
#ifndef QSCOPE_TUI_FIGURE_SNAPSHOT_H
#define QSCOPE_TUI_FIGURE_SNAPSHOT_H

#include "quant/base/status.h"

#include <stdbool.h>
#include <stdint.h>

struct snapshot_cell {
  uint32_t code;       /* 0: the right half of the wide character before it */
  uint32_t ink, paper; /* 0xrrggbb */
  bool bold, dim, underline;
};

struct snapshot {
  int rows, columns;
  uint32_t background;              /* around the grid */
  const struct snapshot_cell *cell; /* row by row */
};

/* Writes to PATH, which ends in .png or .svg, whole or not at all. STATUS_OUTPUT: it cannot be
 * written, or no monospaced font is installed; STATUS_USAGE: too large; STATUS_MEMORY. */
enum status snapshot_write(const struct snapshot *snapshot, const char *path, struct error *error);

#endif
