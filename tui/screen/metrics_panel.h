/* The metrics panel: numbers beside their names, the most important first.
 *
 * Ownership: borrows. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_METRICS_PANEL_H
#define QSCOPE_TUI_SCREEN_METRICS_PANEL_H

#include "analysis/result.h"
#include "tui/screen/cells.h"
#include "tui/screen/glyphs.h"

/* As many rows of the table as fit into RECT; in two columns where one is too short. */
void metrics_paint(struct cells *cells, struct rect rect, const struct result *result);

/* Two results of one tensor, and what they are called. */
struct metrics_pair {
  const struct result *a, *b;
  char a_name, b_name;
};

/* The numbers of both, and the difference as far as there is room: with an arrow (up: B is better),
 * with its amount, with a word. */
void metrics_paint_pair(struct cells *cells, struct rect rect, const struct metrics_pair *pair,
                        const struct glyphs *glyphs);

#endif
