/* The page of experiments: the list with what is often said; one of them, whose prepared state is
 * open, with what to see and the answer, which is measured while the page is read.
 *
 * Ownership: embedded in the explorer. Threads: the UI thread; the answer is written by the
 * engine's idle work until `known` is set. */
#ifndef QSCOPE_TUI_SCREEN_EXPERIMENTS_PAGE_H
#define QSCOPE_TUI_SCREEN_EXPERIMENTS_PAGE_H

#include "analysis/experiment.h"

#include <stdatomic.h>

struct explorer;

struct experiments_page {
  size_t at, top;                    /* the selected one; what is shown first */
  const struct experiment *open;     /* whose state was opened last; NULL: none */
  bool reading;                      /* the page of OPEN in place of the list */
  const struct experiment *measured; /* whose answer that is, or will be */
  struct experiment_answer answer;
  enum status failed;
  atomic_bool known;
};

/* Opens the page: of the experiment whose state is open, else the list. */
void experiments_open(struct explorer *explorer);
void experiments_move(struct explorer *explorer, int by);
/* From the list: opens the prepared state and asks its question. From an experiment's page: back to
 * the view. */
void experiments_enter(struct explorer *explorer);
/* From an experiment's page to the list; from there to the view. */
void experiments_back(struct explorer *explorer);

/* Has the answer measured when somebody waits for it and nothing else is to be done; true while it
 * is missing. */
bool experiments_tend(struct explorer *explorer);

void experiments_paint(struct explorer *explorer);

#endif
