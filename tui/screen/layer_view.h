/* The layer view: what each method of the layer lab does to the output of the layer that the open
 * tensor is the weight of. One method at a time is asked of the engine; a change of a knob asks for
 * those rows alone that it concerns.
 *
 * Ownership: borrows the explorer; layer_view_forget frees what it made. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_LAYER_VIEW_H
#define QSCOPE_TUI_SCREEN_LAYER_VIEW_H

#include "tui/screen/explorer.h"

/* See struct screen_view. */
bool layer_view_lacks(const struct explorer *explorer);
void layer_view_ask(struct explorer *explorer);
void layer_view_take(struct explorer *explorer, struct engine_answer *answer);
void layer_view_settle(struct explorer *explorer);
void layer_view_move(struct explorer *explorer, int by);
void layer_view_step(struct explorer *explorer, int direction);
bool layer_view_click(struct explorer *explorer, int row, int column);
enum status layer_view_stand(struct explorer *explorer, const char *text, struct error *error);
bool layer_view_back(struct explorer *explorer);
char *layer_view_verdict(const struct explorer *explorer, char *text, size_t size);
char *layer_view_summary(const struct explorer *explorer, char *text, size_t size);
struct figure *layer_view_figure(const struct explorer *explorer,
                                 const struct engine_answer *answer, const struct state *state,
                                 const char *recipe);

/* Draws it (layer_paint.c). */
void layer_view_paint(struct explorer *explorer, struct rect rect);

/* Frees rows and tokens; what was chosen is forgotten, too. */
void layer_view_forget(struct explorer *explorer);

/* Tokens that go into the layer, or held-out ones: of tensor TENSOR (NULL: the one that fits) of
 * SOURCE (NULL: synthetic ones, or none). On failure everything stays. */
enum status layer_view_choose(struct explorer *explorer, enum layer_part part, const char *source,
                              const char *tensor, struct error *error);
/* The source that was chosen for PART; NULL when none was. */
struct source *layer_view_source(const struct explorer *explorer, enum layer_part part);

/* Keys of the view: */
void layer_view_sort(struct explorer *explorer);
void layer_view_detail(struct explorer *explorer);
void layer_view_enter(struct explorer *explorer);
void layer_view_option(struct explorer *explorer); /* the next option of the selected method */
void layer_view_turn(struct explorer *explorer, int direction); /* its value */
void layer_view_quantize(struct explorer *explorer); /* the next quantizer of activations */
void layer_view_transpose(struct explorer *explorer);

/* Puts METHOD in place of the one of its name, or behind all, in STATE. STATUS_USAGE: too many. */
enum status layer_view_set_method(struct state *state, const struct method_choice *method,
                                  struct error *error);

/* The place of the plot that the cursor belongs to, inside the view's RECT; no rows: there is none.
 */
struct rect layer_plot_place(const struct explorer *explorer, struct rect rect);

/* --- for layer_paint.c ---------------------------------------------------------------------- */

/* What is there to be shown, as far as it is known; no rows: layering.why says why. */
struct layer_shown layer_view_shown(const struct explorer *explorer);
/* Place of the selected row in the order, and the row; NULL. */
size_t layer_view_place(const struct explorer *explorer);
const struct layer_row *layer_view_selected(const struct explorer *explorer);

#endif
