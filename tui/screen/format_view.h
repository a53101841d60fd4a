/* View K on the screen: the numbers of the formats of the knobs and of what is pinned, and a cursor
 * that stands on a number of the present one.
 *
 * It keeps its place as a share of the largest number, which is what the axis counts: another
 * format has another number there. Ownership: borrows the explorer. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_FORMAT_VIEW_H
#define QSCOPE_TUI_SCREEN_FORMAT_VIEW_H

#include "tui/screen/explorer.h"

/* For the table of views: see screen_view.h. A row is a power of two. */
void format_view_paint(struct explorer *explorer, struct rect rect);
void format_view_move(struct explorer *explorer, int by);
void format_view_step(struct explorer *explorer, int direction);
void format_view_end(struct explorer *explorer, int direction);
bool format_view_click(struct explorer *explorer, int row, int column);
enum status format_view_stand(struct explorer *explorer, const char *text, struct error *error);
bool format_view_back(struct explorer *explorer);
char *format_view_readout(const struct explorer *explorer, char *text, size_t size);
struct figure *format_view_figure(const struct explorer *explorer,
                                  const struct engine_answer *answer, const struct state *state,
                                  const char *recipe);

#endif
