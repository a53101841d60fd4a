/* The help: the command table as a list that is filtered while one types, and runs what is
 * selected. What belongs to the place it was opened from comes first.
 *
 * Ownership: embedded. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_HELP_H
#define QSCOPE_TUI_SCREEN_HELP_H

#include "tui/screen/commands.h"
#include "tui/screen/prompt.h"

struct explorer;

struct help {
  int over; /* the mode it was opened in, and leads back to */
  struct prompt filter;
  int selected; /* of the commands that are listed */
  int top;      /* the line that is shown first */
};

/* The commands that FILTER leaves for those who are in SCOPE, in the order of the page: theirs
 * first. Returns how many. */
size_t help_commands(const char *filter, int scope, enum command_id *ids);

void help_open(struct explorer *explorer);
void help_key(struct explorer *explorer, uint32_t key);
void help_paint(struct explorer *explorer);
/* A click on ROW of the screen: runs the command there. */
void help_click(struct explorer *explorer, int row);

#endif
