/* Figures say what their tensors are: hashes, which the engine makes when a figure is written; and
 * who opens a figure again is told when its tensors have other values by now.
 *
 * Ownership: borrows the explorer, whose part `stamping` stamping_forget frees. Threads: the UI
 * thread. */
#ifndef QSCOPE_TUI_SCREEN_STAMPING_H
#define QSCOPE_TUI_SCREEN_STAMPING_H

#include "analysis/engine.h"

struct explorer;
struct figure;

struct stamping {
  struct figure *figure; /* that waits to be written */
  size_t subjects;       /* what the figure that was opened is of, until that is compared: */
  struct engine_hashed subject[ENGINE_HASHES];
};

/* Takes FIGURE (NULL: there is none) of explorer->exported, and asks for its hashes; they are the
 * answer, and then the figure is written. */
void stamping_ask(struct explorer *explorer, struct figure *figure);
void stamping_take(struct explorer *explorer, struct engine_answer *answer);

/* Compares the stamp of the figure that is opened, if one is, with what is there now: what that is
 * of is noted; it is to be asked for; is asked for; is the answer. */
void stamping_begin(struct explorer *explorer);
bool stamping_lacks(const struct explorer *explorer);
void stamping_check(struct explorer *explorer);
void stamping_compare(struct explorer *explorer, struct engine_answer *answer);

/* The user does not want to wait: for the figure, or to be told. */
void stamping_stop(struct explorer *explorer);
/* What it is of is closed. */
void stamping_forget(struct explorer *explorer);

#endif
