/* Signals: resize, suspend and continue arrive as bytes in a pipe; those that end the program
 * restore the terminal first, and say how the session goes on, with async-signal-safe calls only.
 *
 * Ownership: process-wide, as signals are. Threads: install and remove on the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_SIGNALS_H
#define QSCOPE_TUI_SCREEN_SIGNALS_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

/* What to write to TERMINAL, and the settings to put back, when the program is killed. */
struct signal_rescue {
  int terminal;
  struct termios settings;
  size_t length;
  char restore[256];
};

/* Install before files are mapped (so that the map's own SIGBUS handler can pass on to this one)
 * and before curses starts. False when there is no pipe to be had. */
bool signals_install(void);
void signals_remove(void);

/* From now on the terminal needs rescue (NULL: no more). */
void signals_arm(const struct signal_rescue *rescue);

/* What is left of a session that is killed: a line "#= ended by SIGNAL" at the end of FILE (-1:
 * none), and ADVICE (cut to what there is room for) behind "qscope: ended by SIGNAL" on standard
 * error. */
void signals_leave(int file, const char *advice);

/* Readable when a byte waits; signals_take gives 'r' (resize), 'z' (suspend), 'c' (it goes on after
 * a stop that nobody announced: SIGSTOP) or 0 (nothing). */
int signals_descriptor(void);
char signals_take(void);

/* Stops the process as Ctrl-Z does without a handler; returns when it continues. */
void signals_stop(void);

#endif
