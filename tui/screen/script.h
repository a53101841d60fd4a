/* Scripts: lines of commands (run_line.h) that the explorer does without a screen. After each, it
 * waits until every number is exact.
 *
 * Ownership: borrows. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_SCRIPT_H
#define QSCOPE_TUI_SCREEN_SCRIPT_H

#include "tui/screen/explorer.h"

/* Runs the lines of the script that the options of EXPLORER name ("-": standard input), then those
 * of -c, up to the first that fails, or quit. Empty lines and those that begin with # are skipped.
 * The error names file and line. STATUS_FAILED: an assertion does not hold; STATUS_INPUT: the file
 * cannot be read; or as run_line. */
enum status script_run(struct explorer *explorer, struct error *error);

#endif
