/* The log of a session: the commands since the start, as a script that does them again.
 *
 * Ownership: session_clear frees its lines. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_SESSION_H
#define QSCOPE_TUI_SCREEN_SESSION_H

#include "tui/screen/commands.h"

#include "quant/base/status.h"

struct explorer;

struct session {
  char *start; /* the recipe of the first state */
  char **line;
  size_t count, room;
  size_t top; /* on its page: the line that is shown first */
};

/* Begins with the present state. */
void session_begin(struct explorer *explorer);
/* Command ID was done with TEXT ("": without). What only looks or asks is left out. */
void session_note(struct explorer *explorer, enum command_id id, const char *text);
/* The last line that changed something, for `repeat`; NULL when there is none. */
const char *session_last(const struct explorer *explorer);
void session_clear(struct session *session);

/* Writes the script. STATUS_OUTPUT. */
enum status session_save(const struct explorer *explorer, const char *path, struct error *error);

/* Its page. */
void session_move(struct explorer *explorer, int by);
void session_paint(struct explorer *explorer);

#endif
