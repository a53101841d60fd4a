/* The commands that take text: one function for each, named in commands.def.
 *
 * TEXT is not empty. STATUS_USAGE: the text is not right, or there is nothing to do it with.
 * Ownership: borrows the explorer. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_TEXT_COMMANDS_H
#define QSCOPE_TUI_SCREEN_TEXT_COMMANDS_H

#include "tui/screen/explorer.h"

typedef enum status text_command(struct explorer *explorer, const char *text, struct error *error);

/* The function of command ID; NULL when it takes no text. */
text_command *text_command_of(enum command_id id);

/* The state that a line would lead to, for a preview: STATUS_USAGE when it is wrong, with the byte
 * of TEXT from which on it is (0: all of it), or STATUS_CANCELLED when nothing is to be seen before
 * it runs. FROM is the state that it starts from. */
enum status text_command_preview(enum command_id id, const char *text, const struct state *from,
                                 struct state *out, size_t *wrong, struct error *error);

#endif
