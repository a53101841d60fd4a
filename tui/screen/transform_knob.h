/* The transform as a knob: put on, turned, taken off.
 *
 * Ownership: borrows the explorer. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_TRANSFORM_KNOB_H
#define QSCOPE_TUI_SCREEN_TRANSFORM_KNOB_H

#include "tui/screen/explorer.h"

/* True when the transform of STATE can be laid over its tensor; ERROR (or NULL) says why not. */
bool transform_fits(const struct explorer *explorer, const struct state *state,
                    struct error *error);

/* Puts TRANSFORM on. STATUS_USAGE: it does not fit the tensor. */
enum status transform_put_on(struct explorer *explorer, const struct transform *transform,
                             struct error *error);
/* Its argument up (1) or down (-1): ALPHA by a twentieth, N twofold, K by one. */
void transform_turn(struct explorer *explorer, int direction);
/* Takes it off; false when there is none. */
bool transform_off(struct explorer *explorer);

#endif
