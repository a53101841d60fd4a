/* Which source is open: the first one, and others in its place (explorer_open, explorer_enter).
 *
 * Ownership: borrows the explorer, which owns the source. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_OPENING_H
#define QSCOPE_TUI_SCREEN_OPENING_H

#include "tui/screen/explorer.h"

/* Begins with RECIPE, and says what people should know of it. STATUS_INPUT when the source cannot
 * be opened, STATUS_USAGE when it has no such tensor. */
enum status opening_start(struct explorer *explorer, const struct recipe *recipe,
                          struct error *error);

#endif
