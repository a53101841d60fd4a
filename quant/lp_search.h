/* The scale with the least sum of |x - s g|^p for values and levels g: branch and bound.
 *
 * On an interval of scales the values fall in two. One that keeps its code all the way has an error
 * |x - s g|^p that is convex in s and lies above a parabola: its value and slope in the middle, and
 * the least curvature that it has on the interval. One that changes its code once, where it passes
 * the middle between two levels, has convex errors before and behind that scale, which lie above
 * their tangents there and half way to the level. So the sum lies above one parabola and a broken
 * line, whose breaks are kept in buckets: each bucket has a bound, short by the third power of its
 * width. Buckets that may hold less than the best by a relative 1e-4 are entered again, the lowest
 * bound first. For p < 1 errors are not convex; the bounds are then wide, and the search stops when
 * it has tried enough: good, not proved.
 *
 * Ownership: lp_values_make allocates, lp_values_free frees (lp_values_share, lp_shared_free);
 * ladders are borrowed. Threads: no state. */
#ifndef QSCOPE_QUANT_LP_SEARCH_H
#define QSCOPE_QUANT_LP_SEARCH_H

#include "quant/ladder.h"
#include "quant/lp_floor.h"
#include "quant/places.h"
#include "quant/sample.h"

/* Magnitudes above 0 and at most 1 of values of one sign, ascending. */
struct lp_side {
  size_t first, end; /* those before FIRST are worth nothing: ... */
  double settled;    /* ... this, whatever the scale */
  const double *size, *weight;
  const double *mass, *pull; /* weight * size^p, and that / size */
  double *tiny;              /* of each, and the end: the sum of weight * size^p of all before it */
};

/* Rungs are written so many at once. */
enum { RUNG_ROOM = 16 };

/* Positive values, negative ones, and those of both signs that have the same levels. */
enum { LP_SIDES = 3 };

struct lp_search {
  double norm;
  const struct ladder *ladder[LP_SIDES]; /* may be the same */
  size_t steps[LP_SIDES];
  struct lp_side side[LP_SIDES];
  double scale, error; /* the best so far; updated */
  double curvature_rate;
  struct level_pass (*pass)[LADDER_STEPS]; /* share[0] 0: not worked out yet */
  struct places *places;                   /* of each side that has PLACES_WORTH values or more */
  double *memory;
  float *distance, *rung; /* scratch for a side; rungs have RUNG_ROOM more */
  /* What lp_improve leaves for searches of other steps, and what it goes by; NULL: nothing. */
  struct lp_floor *floor;
  const struct lp_floor *before;
  double *power;
};

/* The values of SAMPLE, which lie in memory, divided by 2^exponent: fills `norm` and `side`.
 * MERGED: both signs as one side, for levels that are the same up and down. STATUS_MEMORY. */
enum status lp_values_make(const struct sample *sample, int exponent, double norm, bool merged,
                           struct lp_search *out);
void lp_values_free(struct lp_search *search);

/* Where values of both signs have the same levels at all scales from LEAST up, and they are many: a
 * search that has them as one side, which does the same work in less time. It borrows from SEARCH
 * and is freed by lp_shared_free; *any false: OUT is not filled. STATUS_MEMORY. */
enum status lp_values_share(const struct lp_search *search, double least, struct lp_search *out,
                            bool *any);
void lp_shared_free(struct lp_search *shared);

/* The first value of a side, those worth nothing left out, that is SIZE or larger. */
size_t lp_first_beyond(const struct lp_search *search, int which, double size);

/* The error of SCALE; where that is ENOUGH or more, something that is. */
double lp_error(const struct lp_search *search, double scale, double enough);

/* The error of what lies beyond the last levels, by a step and more: that only grows as the scale
 * shrinks. */
double lp_clipped_error(const struct lp_search *search, double scale);

/* Looks for a better scale, from MOST down. STATUS_CANCELLED. */
enum status lp_improve(struct lp_search *search, double most, struct progress *progress);

#endif
