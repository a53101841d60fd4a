#include "quant/lp_floor.h"

#include "quant/lp_search.h"

#include <math.h>

/* Of the scale, one cell: narrower ones bound better and are more. */
#define CELL 0.01

void lp_floor_start(struct lp_floor *floor, const struct lp_search *search, double most)
{
  floor->steps[0] = search->steps[0];
  floor->steps[1] = search->steps[1];
  floor->count = 0;
  floor->lost = false;
  floor->most = most;
  for (size_t i = 0; i < LP_CELLS; i++)
    floor->cell[i] = NAN;
}

void lp_floor_add(struct lp_floor *floor, double from, double to, double bound)
{
  if (!floor)
    return;
  struct lp_leaf *last = floor->count > 0 ? &floor->leaf[floor->count - 1] : NULL;
  if (floor->count == LP_LEAVES)
    floor->lost = true;
  else if (last && last->to == from && last->bound == bound)
    last->to = to;
  else
    floor->leaf[floor->count++] = (struct lp_leaf){from, to, bound};
}

/* --- the difference that a level makes ------------------------------------------------------ */

/* A sum of errors at a scale, and its slope there. */
struct tangent {
  double at, slope;
};

/* Of the values FIRST to the end of a side, with level R at SCALE. */
static struct tangent errors_at(const struct lp_search *search, int which, size_t first, double r,
                                double scale)
{
  const struct lp_side *side = &search->side[which];
  const struct rungs rungs = {.size = side->size,
                              .weight = side->weight,
                              .rung = search->rung,
                              .first = first,
                              .end = side->end};
  struct kept_sums sums = {0};
  for (size_t i = first; i < side->end; i++)
    search->rung[i] = (float)r;
  kernels.rung_sums(&rungs, scale, search->norm, 0, 0, &sums);
  return (struct tangent){sums.error, search->norm * sums.slope};
}

/* The most that values FIRST to END - 1, between which and the next the middle before level UPPER
 * passes, gain by that level from SCALE on. */
static double gain_of_few(const struct lp_search *search, int which, size_t first, size_t end,
                          double lower, double upper, double scale)
{
  const struct lp_side *side = &search->side[which];
  double sum = 0;
  for (size_t i = first; i < end; i++) {
    double before = side->size[i] - scale * lower, after = scale * upper - side->size[i];
    double gain = pow(before, search->norm) - (after > 0 ? pow(after, search->norm) : 0);
    sum += side->weight[i] * (gain > 0 ? gain : 0);
  }
  return sum;
}

/* Errors |x - s r|^p are convex in the scale s: the sum of those that are added lies above its
 * tangent in the middle of the cell, the sum of those that are taken away below its chord. */
struct change {
  double from, to;
  struct tangent added;    /* in the middle */
  double taken[2], losses; /* at the ends; and what is lost besides, at most */
};

/* One side: with the larger number of steps of both, values beyond its last middle have level
 * UPPER, with the other one LOWER. */
static void add_change(const struct lp_search *search, int which, size_t old, struct change *change)
{
  const struct ladder *ladder = search->ladder[which];
  const size_t now = search->steps[which], k = now < old ? now : old;
  const double lower = ladder->value[k], upper = ladder->value[k + 1];
  const double before = now < old ? upper : lower, after = now < old ? lower : upper;
  size_t first = lp_first_beyond(search, which, ladder->middle[k] * change->to);
  size_t some = lp_first_beyond(search, which, ladder->middle[k] * change->from);
  struct tangent added = errors_at(search, which, first, after, (change->from + change->to) / 2);
  change->added.at += added.at;
  change->added.slope += added.slope;
  change->taken[0] += errors_at(search, which, first, before, change->from).at;
  change->taken[1] += errors_at(search, which, first, before, change->to).at;
  if (now > old)
    change->losses += gain_of_few(search, which, some, first, lower, upper, change->from);
}

static double least_change(const struct lp_search *search, const size_t old[2], double from,
                           double to)
{
  struct change change = {.from = from, .to = to};
  for (int which = 0; which < 2; which++)
    if (search->steps[which] != old[which])
      add_change(search, which, old[which], &change);
  double half = (to - from) / 2 * change.added.slope;
  double low = change.added.at - half - change.taken[0];
  double high = change.added.at + half - change.taken[1];
  return (low < high ? low : high) - change.losses;
}

/* --- bounds --------------------------------------------------------------------------------- */

static bool is_one_apart(size_t a, size_t b)
{
  return a + 1 == b || b + 1 == a;
}

/* Cell I reaches from most exp(-(I + 1) CELL) to most exp(-I CELL). */
static double least_change_between(const struct lp_search *search, double from, double to)
{
  struct lp_floor *own = search->floor;
  double first = floor(log(own->most / to) / CELL - 1e-6), last = log(own->most / from) / CELL;
  double least = HUGE_VAL;
  for (double i = first > 0 ? first : 0; i <= last + 1e-6; i++) {
    if (!(i < LP_CELLS))
      return -HUGE_VAL;
    double *cell = &own->cell[(size_t)i];
    if (isnan(*cell))
      *cell = least_change(search, search->before->steps, own->most * exp(-(i + 1) * CELL),
                           own->most * exp(-i * CELL));
    least = *cell < least ? *cell : least;
  }
  return least;
}

double lp_floor_bound(const struct lp_search *search, double from, double to, double needed)
{
  const struct lp_floor *before = search->before;
  if (!before || before->lost || !is_one_apart(before->steps[0], search->steps[0]) ||
      !is_one_apart(before->steps[1], search->steps[1]))
    return -HUGE_VAL;
  double least = HUGE_VAL, covered = 0;
  for (size_t i = 0; i < before->count; i++) {
    const struct lp_leaf *leaf = &before->leaf[i];
    double low = leaf->from > from ? leaf->from : from, high = leaf->to < to ? leaf->to : to;
    if (!(low < high))
      continue;
    covered += high - low;
    double bound = leaf->bound;
    if (bound > 0.9 * needed)
      bound += least_change_between(search, low, high);
    least = bound < least ? bound : least;
    if (!(least >= needed))
      return -HUGE_VAL;
  }
  return covered >= (to - from) * (1 - 1e-9) ? least : -HUGE_VAL;
}
