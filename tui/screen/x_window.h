/* The part of the x axis that is shown: zoom and pan.
 *
 * Ownership: borrows the explorer. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_X_WINDOW_H
#define QSCOPE_TUI_SCREEN_X_WINDOW_H

#include "tui/screen/explorer.h"

/* The window that is shown now; false when the view has none, or there are no numbers yet. */
bool x_window(const struct explorer *explorer, double *lo, double *hi);

/* The values LO to HI, rounded to a thousandth of their distance (NaN: everything). */
void x_window_set(struct explorer *explorer, double lo, double hi);
/* Twice as close (DIRECTION 1), or half, while the value at the share AT of the window (0 to 1)
 * stays where it is. Says why when it cannot be. */
void x_window_zoom(struct explorer *explorer, int direction, double at);
/* An eighth of the window to the right (1), or left (-1). */
void x_window_pan(struct explorer *explorer, int direction);

/* Where COLUMN of the screen is in the window: 0 is its left end, 1 its right end; false when ROW
 * and COLUMN are not in the plot of a view with a window. */
bool x_window_share(const struct explorer *explorer, int row, int column, double *share);
/* False over a panel that has an axis of its own: the errors of view 2. */
bool x_window_is_over(const struct explorer *explorer, int row);

#endif
