/* Where numbers stand in a long array that ascends: a table of their leading bits leaves few to
 * compare with.
 *
 * Ownership: plain values that borrow the array. Threads: immutable once filled. */
#ifndef QSCOPE_QUANT_PLACES_H
#define QSCOPE_QUANT_PLACES_H

#include "quant/base/ascending.h"

#include <stdint.h>
#include <string.h>

/* 128 cells an octave from 2^-16 up to 1, 512 where there are PLACES_MANY numbers or more; one
 * below them, one from 1 on. A table is worth making for PLACES_WORTH numbers. */
enum { PLACES_CELLS = 16 * 512 + 2, PLACES_WORTH = 512, PLACES_MANY = 8192 };

struct places {
  const double *value;
  uint32_t start[PLACES_CELLS + 1]; /* the first number of each cell, and the count */
  uint32_t stride;                  /* the highest power of two in the most that a cell has */
  uint32_t cells;
  int shift;     /* of a double's bits */
  int64_t below; /* the number of the first cell but one, by the bits alone */
};

/* For COUNT (below 2^32) numbers from 0 to 1. */
void places_fill(struct places *places, const double *value, size_t count);

/* The cell of X, which is not negative. */
static inline size_t places_cell(const struct places *places, double x)
{
  int64_t bits;
  memcpy(&bits, &x, sizeof bits);
  int64_t cell = (bits >> places->shift) - places->below, last = places->cells - 1;
  cell = cell > 0 ? cell : 0;
  return (size_t)(cell < last ? cell : last);
}

/* The first number that is at least X (0 or more); the count when none is. Without branches: which
 * way a comparison goes is as good as random. What a cell's numbers are compared with beyond it is
 * larger than X. */
static inline size_t places_first(const struct places *places, double x)
{
  size_t cell = places_cell(places, x), low = places->start[cell];
  size_t count = places->start[places->cells];
  if (cell == 0 || count == 0)
    return first_at_least(places->value, low, places->start[1], x);
  for (size_t step = places->stride; step > 0; step /= 2) {
    size_t probe = low + step <= count ? low + step : count;
    low += step & -(size_t)(places->value[probe - 1] < x);
  }
  return low < count ? low : count;
}

#endif
