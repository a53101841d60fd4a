/* Where figures go: to the file that -o names, their numbers to the one that --data names.
 *
 * Ownership: borrows. Threads: the main thread. */
#ifndef QSCOPE_TUI_CLI_FIGURE_OUT_H
#define QSCOPE_TUI_CLI_FIGURE_OUT_H

#include "analysis/figure.h"
#include "tui/cli/options.h"

/* True when OPTIONS want a figure or its numbers. */
bool figure_out_wanted(const struct options *options);

/* STATUS_USAGE when they want neither, or -o is no name of a figure. */
enum status figure_out_check(const struct options *options, struct error *error);

/* Writes FIGURE; NULL: memory ran out. STATUS_OUTPUT. */
/* Says in FIGURE (NULL: nothing) what tensor INDEX of SOURCE is, where it becomes a file: reads all
 * of it once more, with the meter running. */
enum status figure_out_stamp(struct figure *figure, struct source *source, size_t index,
                             const struct options *options, struct error *error);
enum status figure_out_write(const struct figure *figure, const struct options *options,
                             struct error *error);

#endif
