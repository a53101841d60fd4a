/* Names of tensors as people read them: their order, their levels, and how well a few letters
 * mean them.
 *
 * Ownership: nothing allocates. Threads: no state. */
#ifndef QSCOPE_ANALYSIS_NAMES_H
#define QSCOPE_ANALYSIS_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* Dots and slashes separate the levels of a name. */
static inline bool name_separator(char c)
{
  return c == '.' || c == '/';
}

/* Natural order, as strcmp: runs of digits by the number that they write ("layers.2" before
 * "layers.10"), separators before every other character, so that names with the same beginning up
 * to a separator stand together. 0 for equal names only. */
int name_order(const char *a, const char *b);

/* Bytes that A and B have in common up to and including their last common separator; of their
 * first LEVELS separators. */
size_t name_common(const char *a, const char *b, unsigned levels);

/* How well PATTERN means NAME: 0 when its letters do not occur in NAME in this order; more is
 * better. The pattern in one piece counts most, then letters at the start of a word and letters in
 * a row; of equals the shorter name is better. Case does not matter. */
int name_score(const char *pattern, const char *name);

#endif
