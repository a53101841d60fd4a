/* The user's settings (tui/base/settings.h) as options.
 *
 * Ownership: the words of OPTIONS then borrow from options->settings. Threads: the main thread. */
#ifndef QSCOPE_TUI_CLI_USER_SETTINGS_H
#define QSCOPE_TUI_CLI_USER_SETTINGS_H

#include "tui/cli/options.h"

/* Does what option NAME does with VALUE, unless USED says that it was given. */
typedef enum status apply_setting(struct options *options, const bool *used, const char *name,
                                  const char *value, struct error *error);

/* Reads the settings of the user and applies each. What is wrong with them stops nobody: the first
 * of it becomes options->app.notice. */
void user_settings_apply(struct options *options, const bool *used, apply_setting *apply);

#endif
