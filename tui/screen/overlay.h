/* What stands over the view and takes the keys: lists, pages, prompts. One row each in the table.
 *
 * Ownership: constant. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_OVERLAY_H
#define QSCOPE_TUI_SCREEN_OVERLAY_H

#include "tui/screen/explorer.h"

struct overlay {
  void (*key)(struct explorer *explorer, uint32_t key);
  void (*paint)(struct explorer *explorer);
};

/* By mode; MODE_MAIN has none. */
extern const struct overlay overlay_table[MODE_COUNT];

#endif
