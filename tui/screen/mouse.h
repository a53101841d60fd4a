/* What the mouse does: clicks on hints, knobs and lines of lists are their keys; the wheel zooms at
 * the pointer or walks; a click on the plot takes the cursor there, dragging selects a part of the
 * axis, or moves the clip threshold where it began.
 *
 * Ownership: embedded. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_MOUSE_H
#define QSCOPE_TUI_SCREEN_MOUSE_H

#include "tui/screen/cells.h"

struct explorer;

enum mouse_kind { MOUSE_PRESS, MOUSE_DRAG, MOUSE_RELEASE, MOUSE_WHEEL_UP, MOUSE_WHEEL_DOWN };

struct mouse_event {
  enum mouse_kind kind;
  int row, column;
};

/* What is on the screen for the mouse: as last painted. */
enum { MOUSE_SPOTS = 64 };
struct mouse_spot {
  struct rect rect;
  uint32_t key; /* a click is this key */
};
struct mouse {
  struct mouse_spot spot[MOUSE_SPOTS];
  int spots;
  struct rect list; /* lines of which one is selected: its paper or a '>' tells */
  bool dragging;
  int row, from, to; /* where it was pressed, and where it is */
  int handle;        /* the clip threshold that is held: -1 the lower, 1 the upper, 0 none */
};

/* Before a frame is painted; then the painters name their spots. */
void mouse_forget(struct explorer *explorer);
void mouse_spot(struct explorer *explorer, struct rect rect, const char *key);
void mouse_list(struct explorer *explorer, struct rect rect);

/* Does what EVENT means, by keys and lines (KEY: the explorer's). */
void mouse_event(struct explorer *explorer, const struct mouse_event *event,
                 void (*key)(struct explorer *explorer, uint32_t key));
/* Marks the part of the plot that is being selected. */
void mouse_paint(struct explorer *explorer);

#endif
