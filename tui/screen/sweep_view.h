/* The sweep: view 4, a metric against the stored bits while one word of the quantizer changes, the
 * Pareto front, and the points as a table.
 *
 * Points come from the engine one by one while the view is open; those that were measured before
 * come at once. Ownership: borrows the explorer, which holds the sweep. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_SWEEP_VIEW_H
#define QSCOPE_TUI_SCREEN_SWEEP_VIEW_H

#include "tui/screen/explorer.h"

/* True when points of the present sweep are not known. */
bool sweep_view_lacks(const struct explorer *explorer);
/* Asks the engine for them. */
void sweep_view_ask(struct explorer *explorer);
/* Takes the sweep, or a part of it, or why there is none. */
void sweep_view_take(struct explorer *explorer, struct engine_answer *answer);
/* Stops a sweep that nobody looks for any more. */
void sweep_view_settle(struct explorer *explorer);
/* Another source. */
void sweep_view_forget(struct explorer *explorer);

struct figure *sweep_view_figure(const struct explorer *explorer,
                                 const struct engine_answer *answer, const struct state *state,
                                 const char *recipe);
bool sweep_view_ask_export(struct explorer *explorer, int bins);

/* BY places down the ranking, or up. */
void sweep_view_move(struct explorer *explorer, int by);
/* The next point of the same line to the right (1) or to the left (-1). */
void sweep_view_step(struct explorer *explorer, int direction);
/* Selects the point that NAME is of, as sweep_row_find has it. */
enum status sweep_view_select(struct explorer *explorer, const char *name, struct error *error);
/* Selects that which is drawn near a cell of the screen. False: none is. */
bool sweep_view_click(struct explorer *explorer, int row, int column);
/* Takes the quantizer of the selected point for the knobs. */
void sweep_view_enter(struct explorer *explorer);
/* Sweeps over the next thing that the quantizer has, or (-1) the one before. */
void sweep_view_turn(struct explorer *explorer, int by);
/* Ranks by the next metric. */
void sweep_view_rank(struct explorer *explorer);
void sweep_view_toggle_front(struct explorer *explorer);

/* What the message line says of the present quantizer: "" when there is nothing to say. */
char *sweep_view_verdict(const struct explorer *explorer, char *text, size_t size);

void sweep_view_paint(struct explorer *explorer, struct rect rect);

#endif
