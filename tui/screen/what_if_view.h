/* The what-ifs: in view 3, in place of the list of outliers. Rows are measured one after the other
 * while they are on the screen, and stay until the state changes.
 *
 * Ownership: borrows the explorer. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_WHAT_IF_VIEW_H
#define QSCOPE_TUI_SCREEN_WHAT_IF_VIEW_H

#include "tui/screen/explorer.h"

/* Rows that it would like to have. */
int what_if_rows(void);
void what_if_paint(struct explorer *explorer, struct rect rect);

void what_if_toggle(struct explorer *explorer);
/* BY rows down, or up. */
void what_if_move(struct explorer *explorer, int by);
/* The selected one becomes the state; undo takes it back, so does transform_off where it is a
 * transform. */
void what_if_enter(struct explorer *explorer);

/* For the table of views: see screen_view.h. */
bool what_if_back(struct explorer *explorer);
bool what_if_lacks(const struct explorer *explorer);
void what_if_ask(struct explorer *explorer);
void what_if_take(struct explorer *explorer, struct engine_answer *answer);

#endif
