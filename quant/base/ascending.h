/* Places in arrays that ascend.
 *
 * Threads: no state. */
#ifndef QSCOPE_QUANT_BASE_ASCENDING_H
#define QSCOPE_QUANT_BASE_ASCENDING_H

#include <stddef.h>

/* The first of value[LOW] .. value[HIGH - 1], which ascend, that is at least X (above X); HIGH
 * when none is, or X is NaN. */
static inline size_t first_at_least(const double *value, size_t low, size_t high, double x)
{
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (value[middle] >= x)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

static inline size_t first_above(const double *value, size_t low, size_t high, double x)
{
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (value[middle] > x)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

#endif
