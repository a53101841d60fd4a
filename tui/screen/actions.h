/* What each command does: one function for each handler named in commands.def.
 *
 * Ownership: borrows the explorer. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_ACTIONS_H
#define QSCOPE_TUI_SCREEN_ACTIONS_H

#include "tui/screen/explorer.h"

/* A key of an overlay. */
void action_browser_key(struct explorer *explorer, uint32_t key);
void action_checks_key(struct explorer *explorer, uint32_t key);
void action_session_key(struct explorer *explorer, uint32_t key);
void action_changes_key(struct explorer *explorer, uint32_t key);
void action_experiments_key(struct explorer *explorer, uint32_t key);

/* Sends the recipe to the clipboard. */
void action_send_clipboard(const char *text);

#endif
