/* The words of a line as a POSIX shell cuts it: quotes and $'...', no expansions.
 *
 * Ownership: shell_words_free. Threads: no state. */
#ifndef QSCOPE_ANALYSIS_SHELL_WORDS_H
#define QSCOPE_ANALYSIS_SHELL_WORDS_H

#include "quant/base/status.h"

#include <stdbool.h>
#include <stddef.h>

/* The words: their bytes one after the other in `bytes`. */
struct shell_words {
  size_t count;
  char **word;
  char *bytes;
};

/* Cuts TEXT. STATUS_USAGE: a quote that is not closed, an escape that is wrong; STATUS_MEMORY.
 * WORDS must be freed in any case. */
enum status shell_words_split(const char *text, struct shell_words *words, struct error *error);
void shell_words_free(struct shell_words *words);

/* True when WORD needs no quotes in any shell. */
bool shell_word_is_plain(const char *word);

#endif
