/* The help: the command table as a page that scrolls.
 *
 * Ownership: nothing. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_HELP_H
#define QSCOPE_TUI_SCREEN_HELP_H

#include "tui/screen/cells.h"
#include "tui/screen/commands.h"

/* Lines that the page has. */
int help_lines(void);

/* The line on which a group of commands begins. */
int help_line_of(enum command_group group);

/* The page from line TOP on. */
void help_paint(struct cells *cells, struct rect rect, int top);

#endif
