/* Two sources: view 5, a pair of tensors above, every pair below, ranked.
 *
 * The pair that is drawn is the present tensor's; the others are compared while the view is open
 * and nothing else is to be done. Ownership: borrows the explorer, whose part `compare` is opened
 * and closed here. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_COMPARE_VIEW_H
#define QSCOPE_TUI_SCREEN_COMPARE_VIEW_H

#include "tui/screen/explorer.h"

/* Opens what WITH names beside the explorer's source, in place of what was there; matches the
 * tensors. On failure everything stays. */
enum status compare_view_open(struct explorer *explorer, const struct comparand *with,
                              struct error *error);
/* Closes it. The engine must not be at work on it. */
void compare_view_close(struct explorer *explorer);

/* True when some pair is not compared. */
bool compare_view_lacks(const struct explorer *explorer);
/* Asks the engine for the next one. */
void compare_view_ask(struct explorer *explorer);
/* Asks for the present pair with BINS bins, for a figure. False where there is none, and says so.
 */
bool compare_view_ask_export(struct explorer *explorer, int bins);
/* Takes what the engine found, or why there is nothing. */
void compare_view_take(struct explorer *explorer, struct engine_answer *answer);
/* Ranks what is new; before a frame. */
void compare_view_settle(struct explorer *explorer);

/* The figure of ANSWER (NULL: of what is known of the present pair) with RECIPE; NULL when memory
 * runs out. */
struct figure *compare_view_figure(const struct explorer *explorer,
                                   const struct engine_answer *answer, const struct state *state,
                                   const char *recipe);

/* BY rows down, or up: to their tensors. */
void compare_view_move(struct explorer *explorer, int by);
/* Ranks by the next number. */
void compare_view_rank(struct explorer *explorer);
/* Lays transposed and reordered tensors over each other as they agree, or as they are. */
void compare_view_align(struct explorer *explorer);

/* What the message line says of the pair: "" when there is nothing to say. */
/* The histogram of A in the pair whose figure is shown; NULL where none is known. */
const struct histogram *compare_view_bins(const struct explorer *explorer);

char *compare_view_verdict(const struct explorer *explorer, char *text, size_t size);

void compare_view_paint(struct explorer *explorer, struct rect rect);

#endif
