/* Drawing: the whole screen, and what stands over it.
 *
 * Ownership: borrows the explorer. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_PAINT_H
#define QSCOPE_TUI_SCREEN_PAINT_H

#include "tui/screen/explorer.h"

/* Draws an overlay over the view, with its hints. */
void paint_browser(struct explorer *explorer);
void paint_checks(struct explorer *explorer);
void paint_session(struct explorer *explorer);
void paint_changes(struct explorer *explorer);
void paint_experiments(struct explorer *explorer);

/* A bar of WIDTH columns in the first row of RECT, SHARE (0 to 1) of it full. Returns the column
 * behind it. */
int paint_bar(struct explorer *explorer, struct rect rect, int column, int width, double share);

/* Keys and words for the line of hints, in PAIRS, NULL-terminated. */
void paint_fixed_hints(struct explorer *explorer, const char *const *pairs);

#endif
