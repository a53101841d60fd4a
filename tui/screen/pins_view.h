/* View 5: what is pinned, and the present quantizer, as a table under the figure of their errors.
 *
 * Ownership: borrows the explorer. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_PINS_VIEW_H
#define QSCOPE_TUI_SCREEN_PINS_VIEW_H

#include "tui/screen/explorer.h"

void pins_view_paint(struct explorer *explorer, struct rect rect);

/* The figure of the view format: the formats of what is pinned beside the present one. ANSWER does
 * not matter. NULL when memory runs out. */
struct figure *pins_view_formats(const struct explorer *explorer,
                                 const struct engine_answer *answer, const struct state *state,
                                 const char *recipe);

#endif
