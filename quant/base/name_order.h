/* The order of names with numbers in them: of tensors, of files.
 *
 * Ownership: nothing allocates. Threads: no state. */
#ifndef QSCOPE_QUANT_BASE_NAME_ORDER_H
#define QSCOPE_QUANT_BASE_NAME_ORDER_H

#include <stdbool.h>

/* Dots and slashes separate the levels of a name. */
static inline bool name_separator(char c)
{
  return c == '.' || c == '/';
}

/* Natural order, as strcmp: runs of digits by the number that they write ("layers.2" before
 * "layers.10"), separators before every other character, so that names with the same beginning up
 * to a separator stand together. 0 for equal names only. */
int name_order(const char *a, const char *b);

#endif
