/* What is pinned: quantizers that the present one is compared with, each with its transform. They
 * are part of the state; here they are pinned, unpinned and exchanged, and their numbers asked for
 * when the engine rests.
 *
 * Ownership: borrows the explorer, whose part `pinned` is filled here and freed by pins_forget.
 * Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_PINS_H
#define QSCOPE_TUI_SCREEN_PINS_H

#include "tui/screen/explorer.h"

/* Keeps the present quantizer; lets go of the one that is compared with; exchanges that and the
 * present one. All can be undone, and say what they did. */
void pins_pin(struct explorer *explorer);
void pins_unpin(struct explorer *explorer);
void pins_swap(struct explorer *explorer);
/* Holds what is compared with to this tensor, so that others are compared with it; or lets it go
 * along again. */
void pins_hold(struct explorer *explorer);
/* Says what becomes of what is held where a view has the present tensor alone. */
void pins_tell_held(struct explorer *explorer);
/* True when pin I of STATE is of another tensor than that. */
bool pins_is_other(const struct state *state, size_t i);
/* Compares with the pin BY places on. */
void pins_choose(struct explorer *explorer, int by);

/* Puts all but the last quantizer of RECIPE into STATE, with their transforms and tensors, which
 * are of SOURCE. STATUS_USAGE: it has no such tensor. */
enum status pins_take_recipe(struct state *state, const struct recipe *recipe,
                             const struct source *source, struct error *error);
/* Puts the pins of STATE into RECIPE, all but the present one; with their transforms and tensors
 * where the view shows those, or the WHOLE is wanted. */
void pins_put_recipe(const struct explorer *explorer, const struct state *state,
                     struct recipe *recipe, bool whole);
/* True when not all that is pinned is transformed as STATE is. */
bool pins_are_mixed(const struct state *state);
/* What pin I of STATE is called: its quantizer, its transform where not all have the same, its
 * tensor where it is another. */
enum { PIN_NAME = QUANTIZER_TEXT + TRANSFORM_TEXT + 128 };
char *pins_name(const struct explorer *explorer, const struct state *state, size_t i, char *text,
                size_t size);

/* The numbers of pin I for the tensor of STATE; NULL: not known yet. */
const struct result *pins_result(const struct explorer *explorer, const struct state *state,
                                 size_t i);
/* All of them, for figures. */
struct figure_pins pins_of(const struct explorer *explorer, const struct state *state);

/* Which is better, the pin or the present quantizer: "" where nothing is pinned, or not measured.
 */
char *pins_verdict(const struct explorer *explorer, char *text, size_t size);

/* What the engine is asked: whether something is missing, the question, the answer. */
bool pins_lack(const struct explorer *explorer);
void pins_ask(struct explorer *explorer);
void pins_take(struct explorer *explorer, struct engine_answer *answer);
/* The user does not want the rest, until something changes. */
void pins_stop(struct explorer *explorer);

/* For a figure: takes the ANSWER, and asks for more (true) until all of them are there. Then
 * ANSWER holds the present result, which is the caller's, and pins_exported the others. */
bool pins_export_more(struct explorer *explorer, struct engine_answer *answer);
struct figure_pins pins_exported(const struct explorer *explorer);
void pins_export_end(struct explorer *explorer);

/* Frees all numbers. */
void pins_forget(struct explorer *explorer);

#endif
