/* Where the program keeps its own files: the folders of the XDG Base Directory Specification.
 *
 * Ownership: paths are new strings that the caller frees. Threads: reads the environment, as
 * getenv does. */
#ifndef QSCOPE_TUI_BASE_XDG_H
#define QSCOPE_TUI_BASE_XDG_H

#include "quant/base/status.h"

enum xdg_place {
  XDG_CONFIG, /* what the user decided: $XDG_CONFIG_HOME, or ~/.config */
  XDG_STATE,  /* what should survive a restart: $XDG_STATE_HOME, or ~/.local/state */
};

/* "PLACE/qscope/NAME" in *path; nothing is created. A variable that is empty or no absolute path
 * counts as unset, as the specification wants it. STATUS_OUTPUT when neither it nor HOME says
 * where; STATUS_MEMORY; then *path is NULL. */
enum status xdg_path(enum xdg_place place, const char *name, char **path, struct error *error);

/* Creates the folders above PATH that are missing, for the user alone (0700). STATUS_OUTPUT names
 * the one that cannot be created. */
enum status xdg_make_folders(const char *path, struct error *error);

#endif
