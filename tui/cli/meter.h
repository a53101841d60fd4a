/* The meter: progress of long work on a terminal, and the signals that stop it.
 *
 * Nothing is shown before a second has passed, or when standard error is not a terminal; what is
 * shown is erased when the work ends. Ctrl-C and the other stop signals cancel the work, so that
 * nothing partial is left; a second one ends the program at once. Ownership: one meter, static.
 * Threads: called from the main thread; a thread of its own does the drawing. */
#ifndef QSCOPE_TUI_CLI_METER_H
#define QSCOPE_TUI_CLI_METER_H

#include "quant/base/pool.h"

#include <stddef.h>

/* Catches the stop signals and begins to measure time. WEIGHT is the size of all the work, in
 * whatever meter_task counts. */
void meter_start(size_t weight);

/* The next piece of work, WEIGHT of the whole; NAME may be as a file has it. Returns the progress
 * to hand down. */
struct progress *meter_task(const char *name, size_t weight);

/* Ends the measuring and erases the line. */
void meter_stop(void);

/* Erases the line, so that something else can be written to standard error. */
void meter_clear(void);

/* The signal that stopped the work, 0 when none did. */
int meter_signal(void);

#endif
