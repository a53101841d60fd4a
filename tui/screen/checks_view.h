/* The checks that engineers do by hand, over the plot: what each says of the present tensor and
 * quantizer, its usual reading, and why it matters.
 *
 * The engine computes them with the result when this page is open. Ownership: nothing. Threads: the
 * UI thread. */
#ifndef QSCOPE_TUI_SCREEN_CHECKS_VIEW_H
#define QSCOPE_TUI_SCREEN_CHECKS_VIEW_H

#include "tui/screen/explorer.h"

/* True when the page is open and the shown numbers have no checks yet. */
bool checks_view_lacks(const struct explorer *explorer);

/* BY checks down, or up. */
void checks_view_move(struct explorer *explorer, int by);

void checks_view_paint(struct explorer *explorer, struct rect rect);

#endif
