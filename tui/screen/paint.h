/* Drawing: the whole screen, and what stands over it.
 *
 * Ownership: borrows the explorer. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_PAINT_H
#define QSCOPE_TUI_SCREEN_PAINT_H

#include "tui/screen/explorer.h"

/* Draws an overlay over the view, with its hints. */
void paint_browser(struct explorer *explorer);
void paint_help(struct explorer *explorer);
void paint_checks(struct explorer *explorer);
void paint_palette(struct explorer *explorer);
void paint_open(struct explorer *explorer);

#endif
