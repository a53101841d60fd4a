/* Opening a source without making anybody wait for it: it is read on a thread of its own, and where
 * that takes longer than a frame, the screen tells how far it is. Esc and q leave it; other keys
 * are kept for what comes then.
 *
 * Ownership: the source belongs to the caller. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_READING_H
#define QSCOPE_TUI_SCREEN_READING_H

#include "quant/base/status.h"

#include <stdbool.h>

struct explorer;
struct source;

/* As source_open_as; opens the terminal when it needs that. STATUS_CANCELLED when the user does not
 * want to wait; STATUS_OUTPUT without a usable terminal. */
enum status reading_open(struct explorer *explorer, const char *spec, const char *type,
                         struct source **out, struct error *error);

/* True while something is still being read that nobody waits for any more: the process must end
 * without taking away what that thread uses, by _exit. */
bool reading_goes_on(void);

#endif
