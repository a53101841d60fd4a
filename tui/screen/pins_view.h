/* View 5: what is pinned, and the present quantizer, as a table under the figure of their errors.
 *
 * Ownership: borrows the explorer. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_PINS_VIEW_H
#define QSCOPE_TUI_SCREEN_PINS_VIEW_H

#include "tui/screen/explorer.h"

void pins_view_paint(struct explorer *explorer, struct rect rect);
/* Chooses the pin whose row is at this place of the screen; false when none is. */
bool pins_view_click(struct explorer *explorer, int row, int column);

#endif
