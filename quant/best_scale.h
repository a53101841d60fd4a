/* The scale with the least squared error, for values and a grid of levels: an exact search.
 *
 * With codes fixed, sum (x - s g)^2 = A - 2 s B + s^2 C is a parabola in the scale s (A = sum x^2,
 * B = sum x g, C = sum g^2), so the error over all scales is a chain of parabolas that change where
 * a value passes the middle between two levels. The search walks the chain in buckets of 1 / s,
 * keeps the best vertex A - B^2 / C, and enters again only those buckets whose lower bound is
 * below it. The answer is therefore within a relative 1e-7, or what is tolerated (plus 1e-13 A, the
 * rounding of the sums), of the least error that any scale has.
 *
 * Ownership: borrows everything. Threads: no state. */
#ifndef QSCOPE_QUANT_BEST_SCALE_H
#define QSCOPE_QUANT_BEST_SCALE_H

#include "quant/kernels/kernels.h"
#include "quant/ladder.h"
#include "quant/places.h"

#include <stdbool.h>
#include <stddef.h>

/* Magnitudes above 0 and at most 1, those of positive values first; WEIGHT (NULL: all 1) tells how
 * many values stand there. */
struct atoms {
  size_t count, positive;
  const double *size, *weight;
  /* Where the sizes of either side ascend: the tail from atom I of SIDE on is tail[I + SIDE], and
   * each side has one more, which is empty. Searches are then several times faster. Else NULL. */
  struct tail *tail;
  double *inverse;       /* with a tail: 1 / size ... */
  kernel_pair *own;      /* ... weight * size and weight ... */
  struct places *places; /* ... and, of many atoms, a table for each side; else NULL */
};

/* Sums of the weights of some atoms, of weight * size and of weight * size^2. */
struct tail {
  double weight, moment, square;
};

/* What searches that differ in `steps` alone can share: lower bounds of the error that all levels
 * of the ladders together would make, worked out as they are asked for. */
struct scale_floor;

struct scale_search {
  const struct ladder *ladder[2]; /* for positive, negative values; may be the same */
  struct atoms atoms;
  size_t steps[2];           /* levels above zero that positive, negative values may use */
  double energy;             /* A */
  double tolerance;          /* of the least error, relative; 0: 1e-7 */
  double error;              /* the least so far ... */
  double scale;              /* ... and where; both updated */
  struct scale_floor *floor; /* of sorted atoms; NULL: none */
};

/* A floor that knows nothing yet; the caller frees it with free(). NULL when memory runs out. */
struct scale_floor *scale_floor_new(void);

/* Makes and lets go of all that searches of atoms want whose sides ascend. False: no memory. */
bool atoms_prepare(struct atoms *atoms);
void atoms_release(struct atoms *atoms);

/* The first atom of SIDE (0: positive values) that can be SIZE or larger: of sorted ones the first
 * that is. And the end of SIDE. */
size_t atoms_above(const struct atoms *atoms, int side, double size);
size_t atoms_end(const struct atoms *atoms, int side);

/* The error of SCALE. */
double scale_error(const struct scale_search *search, double scale);

/* Looks for a scale whose error is below search->error; true when one was found. */
bool scale_improve(struct scale_search *search);

#endif
