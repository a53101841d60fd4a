/* "Did you mean ...?": the nearest word of a list, by edit distance.
 *
 * Ownership: the answer is one of the candidates. Threads: no state. */
#ifndef QSCOPE_QUANT_BASE_NEAREST_H
#define QSCOPE_QUANT_BASE_NEAREST_H

#include <stddef.h>

/* Number of insertions, deletions, replacements and swaps of neighbours that turn A into B,
 * without regard to case (restricted Damerau-Levenshtein distance). Words longer than 64
 * characters are compared by their first 64. */
size_t edit_distance(const char *a, const char *b);

/* The candidate with the least distance to WORD, the first of equals; a candidate that WORD
 * begins ("perc" for "percentile") counts as near. NULL when nothing is near: more than a
 * third of the longer word, rounded up, would have to change. */
const char *nearest_word(const char *word, const char *const *candidates, size_t count);

#endif
