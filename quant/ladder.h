/* The levels of a grid at scale 1, either side of zero by itself: what searches for a scale walk
 * up and down.
 *
 * Ownership: plain values; struct ladders points into itself, so that it is not copied. Threads: no
 * state. */
#ifndef QSCOPE_QUANT_LADDER_H
#define QSCOPE_QUANT_LADDER_H

#include "quant/calibrator.h"

#include <stdbool.h>
#include <stddef.h>

enum { LADDER_STEPS = 256 };

/* One side: levels value[0] < value[1] < ... < value[steps], of which value[0] is the one that tiny
 * numbers take: 0, or the level nearest to it. */
struct ladder {
  size_t steps;
  bool even;    /* value[k] = k */
  bool doubles; /* twice a level of the lower half is a level: of integers, of small floats */
  double value[LADDER_STEPS + 1];
  double middle[LADDER_STEPS];                    /* between value[k] and value[k + 1] */
  double rise[LADDER_STEPS], rise2[LADDER_STEPS]; /* of the value and of its square */
};

/* Fills MIDDLE, RISE and RISE2 from the values. */
void ladder_finish(struct ladder *ladder);

/* How many of the first STEPS middles a value of SIZE has passed at SCALE, that is, how many are at
 * most SIZE there. */
size_t ladder_passed(const struct ladder *ladder, size_t steps, double scale, double size);

/* The levels above zero and those below, the other way up. */
struct ladders {
  struct ladder ladder[2];
  const struct ladder *side[2]; /* above, below; may be the same */
};

/* Those of a format of at most 8 bits. */
void ladders_make(const struct calibration *calibration, struct ladders *ladders);

/* How many steps of them there are above and below ZERO. */
void ladders_steps(const struct calibration *calibration, long zero, size_t steps[2]);

/* Zero points count from here: codes=LO:HI. */
long ladders_first_zero(const struct calibration *calibration);

#endif
