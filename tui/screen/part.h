/* What the numbers are of: the tensor as its source has it, or something made of it, a channel
 * alone or what a transform makes of it.
 *
 * Ownership: borrows the explorer, which holds what was made. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_PART_H
#define QSCOPE_TUI_SCREEN_PART_H

#include "tui/screen/explorer.h"

/* True when the numbers of STATE are of something made of the tensor. */
bool part_is_needed(const struct state *state);

/* Makes what STATE looks at, unless it is there: in place of what was looked at (false: it cannot
 * be, and it says so), or beside that. */
bool part_open(struct explorer *explorer, const struct state *state);
enum status part_open_aside(struct explorer *explorer, const struct state *state,
                            struct error *error);

#endif
