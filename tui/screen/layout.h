/* The layout: where each panel is, for every size of terminal. Pure arithmetic.
 *
 * Panels never overlap and never leave the screen; a panel that has no place has no rows. There
 * are three forms: everything at once; one panel at a time; one line. Threads: no state. */
#ifndef QSCOPE_TUI_SCREEN_LAYOUT_H
#define QSCOPE_TUI_SCREEN_LAYOUT_H

#include "tui/screen/cells.h"

enum layout_form {
  LAYOUT_LINE, /* below 40x12: a few lines with the essential numbers */
  LAYOUT_ONE,  /* one panel at a time */
  LAYOUT_FULL, /* the design: plot beside knobs and metrics */
};

enum panel_place {
  PLACE_TITLE,
  PLACE_PLOT,
  PLACE_COMPANION, /* a second view, below the first or beside it */
  PLACE_THIRD,     /* and a third */
  PLACE_KNOBS,
  PLACE_METRICS,
  PLACE_MESSAGE, /* message, or the verdict */
  PLACE_RECIPE,
  PLACE_HINTS,
  PLACE_COUNT
};

/* What fills a small screen: Tab cycles. */
enum focus { FOCUS_PLOT, FOCUS_METRICS, FOCUS_KNOBS, FOCUS_COUNT };

struct layout {
  enum layout_form form;
  struct rect place[PLACE_COUNT];
  struct rect body;  /* everything between title and message: overlays go here */
  struct rect frame; /* the column of the line between plot and side panel, or no rows */
};

enum { KNOB_ROWS = 8 };

/* FIGURES is how many views there are to show, 1 to 3: those that have room get it. */
struct layout layout_make(int rows, int columns, enum focus focus, int figures);

#endif
