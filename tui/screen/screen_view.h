/* The views on the screen: what each adds to its figure. One row each in the table.
 *
 * A view whose figure says everything needs only the first fields. What takes long is asked of the
 * engine when the numbers of the knobs are there and nothing else is to be done.
 * Ownership: constant. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_SCREEN_VIEW_H
#define QSCOPE_TUI_SCREEN_SCREEN_VIEW_H

#include "tui/screen/explorer.h"

struct screen_view {
  enum view_kind kind;     /* its row in analysis/view.c */
  enum command_id command; /* what opens it */
  bool pairs;              /* its state is about two files */
  bool window;             /* there is a window on its x axis to zoom and pan */
  bool alone;              /* it has use for the room of the other views */
  const char *arrows;      /* what the arrow keys do, for the hints; NULL: nothing of its own */

  /* Draws it; NULL: the figure fills RECT. */
  void (*paint)(struct explorer *explorer, struct rect rect);
  /* BY rows down, or up; NULL: zooms. */
  void (*move)(struct explorer *explorer, int by);
  /* One to the right (1), or left (-1); NULL: pans. */
  void (*step)(struct explorer *explorer, int direction);
  /* To the first of them (-1), or the last (1); NULL: to the first row, or the last. */
  void (*end)(struct explorer *explorer, int direction);
  /* Selects what is drawn in this cell of the screen, or near it; false when nothing is. NULL: the
   * plot has values on its x axis, or nothing to be selected. */
  bool (*click)(struct explorer *explorer, int row, int column);
  /* The cursor goes where TEXT says; NULL: to a value, see cursor.h. */
  enum status (*stand)(struct explorer *explorer, const char *text, struct error *error);
  /* Closes what lies open in it; false when nothing does. */
  bool (*back)(struct explorer *explorer);
  /* What the message line says: "" (or NULL) leaves it to the verdict on the result. */
  char *(*verdict)(const struct explorer *explorer, char *text, size_t size);

  /* The line that the smallest screens have of it; NULL: they have none. */
  char *(*summary)(const struct explorer *explorer, char *text, size_t size);

  /* What the result shall hold beyond the usual, for the screen or for an EXPORT; and whether
   * RESULT lacks it. */
  void (*request)(struct result_request *request, bool export);
  bool (*incomplete)(const struct result *result);

  /* More that it asks of the engine, in steps: whether something is missing, the question, and
   * the answer (or why there is none). LACKS is called when the engine rests. */
  bool (*lacks)(const struct explorer *explorer);
  void (*ask)(struct explorer *explorer);
  void (*take)(struct explorer *explorer, struct engine_answer *answer);
  const char *work;    /* this work's name, in 7 columns */
  const char *stopped; /* what is said when the user stops it */
  /* Before a frame, after answers were taken. */
  void (*settle)(struct explorer *explorer);

  /* The figure of STATE with RECIPE: of what is known, or of ANSWER to the question that
   * ASK_EXPORT asked (false: there is none, and it says so). NULL, both: made of the result. */
  struct figure *(*figure)(const struct explorer *explorer, const struct engine_answer *answer,
                           const struct state *state, const char *recipe);
  bool (*ask_export)(struct explorer *explorer, int bins);
};

const struct screen_view *screen_view_of(const struct state *state);

/* Whose keys come first: the view's, see commands.h. */
int explorer_scope(const struct explorer *explorer);

/* The one that is open. */
const struct screen_view *screen_view(const struct explorer *explorer);

#endif
