/* The cursor of the views over values (1, 2, and 5 for what is pinned): it stands on a value,
 * whatever the bins are, and the message line says what is known of its bin.
 *
 * Ownership: borrows the explorer. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_CURSOR_H
#define QSCOPE_TUI_SCREEN_CURSOR_H

#include "tui/screen/explorer.h"

/* Where it stands in the view that is open; NaN: nowhere. */
double cursor_value(const struct explorer *explorer);
/* Where in the window, 0 to 1; the middle when it stands nowhere. */
double cursor_share(const struct explorer *explorer);

/* To X; out of sight is allowed. */
void cursor_set(struct explorer *explorer, double x);
/* One bin to the right (1), or left (-1): at the end of the window it goes on, and the window with
 * it. The first time it comes to the highest bin. */
void cursor_step(struct explorer *explorer, int direction);
/* To the last bin in sight (1), or the first (-1); in a view without a cursor, to its last row. */
void cursor_end(struct explorer *explorer, int direction);
/* Takes it away; false when there is none, or something is being computed that can be stopped. */
bool cursor_back(struct explorer *explorer);

/* What is known of its bin; "" when it stands nowhere. */
char *cursor_words(const struct explorer *explorer, char *text, size_t size);

#endif
