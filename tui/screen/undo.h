/* Undo and redo of everything that decides what is seen: the state, its looks, and the cursors; and
 * the page that lists the changes.
 *
 * Whoever changes the state by explorer_go has it remembered. What else changes is noticed between
 * undo_begin and undo_end, which enclose every command. Ownership: borrows the explorer. Threads:
 * the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_UNDO_H
#define QSCOPE_TUI_SCREEN_UNDO_H

#include "tui/screen/history.h"

struct explorer;

/* The last change: several steps of a kind in a row are undone at once. */
enum stride { STRIDE_CHANGE, STRIDE_STEP, STRIDE_CURSOR };

struct undoing {
  struct history history;
  enum stride stride;
  int depth; /* of commands that run within each other; of the outermost: */
  bool done; /* its change is in the history; how everything was when it began: */
  struct looks looks;
  struct places places;
  size_t selected,
      first; /* of the page: the place of the selected moment; the first that is shown */
};

void undo_begin(struct explorer *explorer);
void undo_end(struct explorer *explorer);

/* Remembers the present, which is about to change by STRIDE. */
void undo_remember(struct explorer *explorer, enum stride stride);
/* Forgets everything: another source is looked at. */
void undo_forget(struct explorer *explorer);

/* So many changes back, or forth where BY is negative. False: there are none at all. */
bool undo_go(struct explorer *explorer, int by);

/* The page: opens it; its keys; draws it. */
void undo_page_open(struct explorer *explorer);
void undo_page_move(struct explorer *explorer, int by);
/* Goes to the selected moment. */
void undo_page_enter(struct explorer *explorer);
void undo_page_paint(struct explorer *explorer);

#endif
