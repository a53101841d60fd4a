/* Whether the tensor on the screen already lies on a quantization grid: found out while nothing
 * else is asked for, and said with the verdict.
 *
 * Ownership: borrows the explorer. Threads: the UI thread; the search itself is the engine's idle
 * work. */
#ifndef QSCOPE_TUI_SCREEN_GRID_WATCH_H
#define QSCOPE_TUI_SCREEN_GRID_WATCH_H

#include "tui/screen/explorer.h"

/* Has the search of the present tensor run where there is time for it. True while it is not done.
 */
bool grid_watch_tend(struct explorer *explorer);

/* " It lies on a 4-bit grid, groups of 32, 16 levels used.", or "". */
char *grid_watch_words(const struct explorer *explorer, char *text, size_t size);

#endif
