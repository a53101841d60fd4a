/* Saves what was computed as .npy files, so that any other tool can check it.
 *
 * Ownership: borrows. Threads: the main thread. */
#ifndef QSCOPE_TUI_CLI_SAVE_H
#define QSCOPE_TUI_CLI_SAVE_H

#include "analysis/result.h"
#include "tui/cli/options.h"

/* True when any of --codes and its sisters was given. */
bool save_wanted(const struct options *options);
/* How many of the arrays, --weight-out with them, go to standard output: at most one can. */
int save_to_stdout(const struct options *options);

/* Writes the files that OPTIONS name. Codes and reconstruction have the tensor's shape; scales
 * and zero points have one element (shape []) per tensor, [channels], [rows...] for tokens or
 * [rows..., groups]. Integer codes are the grid numbers (-128..127; 0..255 with a zero point),
 * small floats their bit patterns; a codebook is its
 * levels at scale 1, ascending. STATUS_OUTPUT, STATUS_CANCELLED, STATUS_MEMORY. */
enum status save_all(const struct options *options, const struct tensor *tensor,
                     const struct result *result, struct progress *progress, struct error *error);

/* Writes CODES, counted from 0, of a tensor of SHAPE under QUANTIZER to PATH in the same way. */
enum status save_code_array(const char *path, const struct quantizer *quantizer,
                            const struct shape *shape, const uint16_t *codes, struct error *error);

#endif
