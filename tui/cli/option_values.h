/* The values of options: what the table of options (options.c) has a column of.
 *
 * Ownership: borrows the words of argv. Threads: the main thread. */
#ifndef QSCOPE_TUI_CLI_OPTION_VALUES_H
#define QSCOPE_TUI_CLI_OPTION_VALUES_H

#include "quant/base/status.h"

#include <stddef.h>

/* Reads TEXT, which is NULL for an option without a value, into MEMBER: the member of struct
 * options that the row of the option names, or all of them. STATUS_USAGE tells what is expected. */
typedef enum status option_function(void *member, const char *text, struct error *error);

option_function option_apply_word, option_apply_once, option_apply_tensor, option_apply_check,
    option_apply_rename, option_apply_command, option_apply_quantizer, option_apply_pin_transform,
    option_apply_pin_tensor, option_apply_transform, option_apply_json, option_apply_csv,
    option_apply_view, option_apply_over, option_apply_range, option_apply_axis,
    option_apply_batches, option_apply_channel, option_apply_against, option_apply_block,
    option_apply_part, option_apply_bins, option_apply_top, option_apply_size, option_apply_yes,
    option_apply_delay, option_apply_screen, option_apply_dpi, option_apply_glyphs,
    option_apply_color, option_apply_quantity, option_apply_metric, option_apply_rank,
    option_apply_threads, option_apply_cache, option_apply_switch;

/* A word out of a short list, which ends with NULL: its place in the list. */
enum status option_choose(const char *text, const char *const *words, size_t *place,
                          struct error *error);

#endif
