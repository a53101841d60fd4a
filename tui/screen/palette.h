/* The palette: a line in which commands are written, with what it may go on with above it, and what
 * it would do shown while it is written.
 *
 * Ownership: embedded. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_PALETTE_H
#define QSCOPE_TUI_SCREEN_PALETTE_H

#include "tui/screen/commands.h"
#include "tui/screen/prompt.h"
#include "tui/screen/state.h"
#include "tui/screen/suggest.h"

struct explorer;

struct palette {
  struct prompt prompt;
  struct suggestions suggested; /* for the prompt as it is */
  size_t selected;
  bool chosen;     /* by an arrow: it is meant, whatever the text means */
  int over;        /* the mode it was opened in, and leads back to */
  bool previewing; /* what it would do is shown; this is left: */
  struct state before;
  size_t wrong;    /* the byte from which on the line is wrong, */
  char words[256]; /* why; or what it would do */
  bool is_wrong;
  int first_row, rows; /* of the suggestions on the screen, for the mouse */
  size_t first;        /* the one on the first of them */
};

/* Opens it: empty (COMMAND_COUNT), or with a command, and the text that it would have now. */
void palette_open(struct explorer *explorer, enum command_id id);
void palette_key(struct explorer *explorer, uint32_t key);
void palette_paint(struct explorer *explorer);
/* A click on ROW of the screen: runs what stands there. */
void palette_click(struct explorer *explorer, int row);

#endif
