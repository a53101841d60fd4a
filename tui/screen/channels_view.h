/* The channels: view 3, their magnitudes and SQNR above, the outliers below, largest first.
 *
 * Ownership: borrows the explorer. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_CHANNELS_VIEW_H
#define QSCOPE_TUI_SCREEN_CHANNELS_VIEW_H

#include "tui/screen/explorer.h"

/* BY places down the list of outliers, or up. */
void channels_view_move(struct explorer *explorer, int by);
/* The next channel along the axis (1), or the one before. */
void channels_view_step(struct explorer *explorer, int direction);
/* Channel TEXT; the one that is drawn at a place of the screen. */
enum status channels_view_stand(struct explorer *explorer, const char *text, struct error *error);
bool channels_view_click(struct explorer *explorer, int row, int column);
/* Opens the selected channel alone. */
void channels_view_enter(struct explorer *explorer);
/* CHANNEL alone, as a histogram. */
void channels_view_open(struct explorer *explorer, size_t channel);
/* From a channel back to the whole tensor. */
void channels_view_leave(struct explorer *explorer);

void channels_view_paint(struct explorer *explorer, struct rect rect);

#endif
