/* Where a session left off: a recipe in the user's state folder, for --restore.
 *
 * Ownership: see each function. Threads: any. */
#ifndef QSCOPE_TUI_SCREEN_SESSION_FILE_H
#define QSCOPE_TUI_SCREEN_SESSION_FILE_H

#include "quant/base/status.h"

/* Keeps RECIPE, readable by the user alone. STATUS_OUTPUT. */
enum status session_keep(const char *recipe, struct error *error);
/* What was kept, into *recipe, which the caller frees. STATUS_INPUT: there is none, or it is not
 * the user's own file. */
enum status session_kept(char **recipe, struct error *error);

#endif
