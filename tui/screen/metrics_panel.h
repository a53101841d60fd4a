/* The metrics panel: numbers beside their names, the most important first.
 *
 * Ownership: borrows. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_METRICS_PANEL_H
#define QSCOPE_TUI_SCREEN_METRICS_PANEL_H

#include "analysis/result.h"
#include "tui/screen/cells.h"

/* As many rows of the table as fit into RECT; in two columns where one is too short. */
void metrics_paint(struct cells *cells, struct rect rect, const struct result *result);

#endif
