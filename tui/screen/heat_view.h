/* The heat map on the screen: beside the bars of view 3, two cells of the map in each cell of the
 * terminal where half blocks and 256 colours are there, else one, by a ramp of characters. A cursor
 * reads it; Enter goes into its cell, down to the element and from there to the inspector.
 *
 * Ownership: borrows the explorer, whose heating.map belongs to it. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_HEAT_VIEW_H
#define QSCOPE_TUI_SCREEN_HEAT_VIEW_H

#include "tui/screen/explorer.h"

void heat_view_forget(struct explorer *explorer);

/* Finds the cell of the element that the cursor is on: in another map, or after undo. */
void heat_view_find(struct explorer *explorer);

/* From the bars to the map and back; the next quantity; the worst channels first, or the order of
 * the tensor; into the cell of the cursor; its channel alone, of several the one that loses most;
 * out again. */
void heat_view_toggle(struct explorer *explorer);
void heat_view_quantity(struct explorer *explorer);
void heat_view_sort(struct explorer *explorer);
void heat_view_enter(struct explorer *explorer);
void heat_view_channel(struct explorer *explorer);
void heat_view_out(struct explorer *explorer);
/* The cursor to the worst cell; from there to the next worst. */
void heat_view_worst(struct explorer *explorer);

/* For the table of views: see screen_view.h. */
void heat_view_paint(struct explorer *explorer, struct rect rect);
void heat_view_move(struct explorer *explorer, int by);
void heat_view_step(struct explorer *explorer, int direction);
bool heat_view_click(struct explorer *explorer, int row, int column);
enum status heat_view_stand(struct explorer *explorer, const char *text, struct error *error);
char *heat_view_readout(const struct explorer *explorer, char *text, size_t size);
bool heat_view_lacks(const struct explorer *explorer);
void heat_view_ask(struct explorer *explorer);
void heat_view_take(struct explorer *explorer, struct engine_answer *answer);
struct figure *heat_view_figure(const struct explorer *explorer, const struct engine_answer *answer,
                                const struct state *state, const char *recipe);

#endif
