/* Saves what a method made of a layer as .npy files.
 *
 * Ownership: borrows. Threads: the main thread. */
#ifndef QSCOPE_TUI_CLI_LAYER_SAVE_H
#define QSCOPE_TUI_CLI_LAYER_SAVE_H

#include "analysis/layer_lab.h"
#include "tui/cli/options.h"

/* True when --weight-out, --codes or one of their sisters was given. */
bool layer_save_wanted(const struct options *options);

/* STATUS_USAGE when one of the files to write is one of those that are read: SPEC (COUNT; NULL:
 * none). */
enum status layer_save_check(const struct options *options, const char *const *spec, size_t count,
                             struct error *error);

/* Writes the files that OPTIONS name. --weight-out has the shape of the weight tensor, and so have
 * codes; both lie as it does when it is transposed. Scales and zero points are [output channels],
 * or [output channels, groups] where a row has several; the group index and the factors are [input
 * channels], the bias [output channels]. With g = group index, f = factors and (code - zero) scale
 * of row and group, what stands for W is that divided by f (after the rotation is taken back, where
 * there is one), and the output X Wᵀ + bias. STATUS_USAGE (the method keeps no codes of one kind),
 * STATUS_OUTPUT, STATUS_MEMORY. */
enum status layer_save(const struct options *options, const struct layer_problem *problem,
                       const struct layer_row *row, const struct layer_made *made,
                       struct error *error);

#endif
