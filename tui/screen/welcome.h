/* The welcome: three lines, at the first start alone.
 *
 * Ownership: nothing. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_WELCOME_H
#define QSCOPE_TUI_SCREEN_WELCOME_H

#include <stdint.h>

struct explorer;

/* Shows it when it was never shown to this user, and remembers that (a file "welcomed" in the state
 * folder). Not in tests unless QSCOPE_TEST_WELCOME asks for it. */
void welcome_once(struct explorer *explorer);
/* Says that the last session was killed, where it was and nothing else is said; in tests as above.
 */
void welcome_back(struct explorer *explorer);

/* Any key closes it, and does what it does. */
void welcome_key(struct explorer *explorer, uint32_t key);
void welcome_paint(struct explorer *explorer);

#endif
