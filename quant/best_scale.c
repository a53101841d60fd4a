#include "quant/best_scale.h"

#include "quant/base/ascending.h"
#include "quant/base/size.h"
#include "quant/kernels/kernels.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 256, MOST_INNER = 64, LEAST_BUCKETS = 16, MAX_STRETCHES = 100 };

/* fmin and fmax without their care for NaN, which is a call. */
static double smaller(double a, double b)
{
  return a < b ? a : b;
}

static double larger(double a, double b)
{
  return a > b ? a : b;
}

/* Number of middles at or below T, at most STEPS: the code of T. */
static size_t code_of(const struct ladder *ladder, double t, size_t steps)
{
  if (ladder->even)
    return t < (double)steps ? (size_t)(t + 0.5) : steps;
  return first_above(ladder->middle, 0, steps, t);
}

static double weight_of(const struct atoms *atoms, size_t i)
{
  return atoms->weight ? atoms->weight[i] : 1;
}

static size_t side_start(const struct atoms *atoms, int side)
{
  return side == 0 ? 0 : atoms->positive;
}

size_t atoms_end(const struct atoms *atoms, int side)
{
  return side == 0 ? atoms->positive : atoms->count;
}

static void sum_tails(const struct atoms *atoms, int side, struct tail *tail)
{
  struct tail sum = {0, 0, 0};
  size_t end = atoms_end(atoms, side);
  tail[end] = sum;
  for (size_t i = end; i-- > side_start(atoms, side);) {
    sum.weight += weight_of(atoms, i);
    sum.moment += weight_of(atoms, i) * atoms->size[i];
    sum.square += weight_of(atoms, i) * atoms->size[i] * atoms->size[i];
    tail[i] = sum;
  }
}

bool atoms_prepare(struct atoms *atoms)
{
  const size_t n = atoms->count;
  struct tail *tail = mem_room(n + 2, sizeof *tail);
  double *inverse = mem_room(n, sizeof *inverse);
  kernel_pair *own = mem_room(n, sizeof *own);
  struct places *places = n >= PLACES_WORTH ? mem_room(2, sizeof *places) : NULL;
  atoms->tail = tail;
  atoms->inverse = inverse;
  atoms->own = own;
  atoms->places = places;
  if (!tail || !inverse || !own || (n >= PLACES_WORTH && !places)) {
    atoms_release(atoms);
    return false;
  }
  for (size_t i = 0; i < n; i++) {
    inverse[i] = 1 / atoms->size[i];
    own[i] = (kernel_pair){weight_of(atoms, i) * atoms->size[i], weight_of(atoms, i)};
  }
  for (int side = 0; side < 2; side++) {
    const size_t start = side_start(atoms, side);
    sum_tails(atoms, side, tail + side);
    if (places)
      places_fill(&places[side], atoms->size + start, atoms_end(atoms, side) - start);
  }
  return true;
}

void atoms_release(struct atoms *atoms)
{
  free(atoms->tail);
  free(atoms->inverse);
  free(atoms->own);
  free(atoms->places);
  atoms->tail = NULL;
  atoms->inverse = NULL;
  atoms->own = NULL;
  atoms->places = NULL;
}

size_t atoms_above(const struct atoms *atoms, int side, double size)
{
  size_t first = side_start(atoms, side);
  if (atoms->places)
    return first + places_first(&atoms->places[side], larger(size, 0));
  return atoms->tail ? first_at_least(atoms->size, first, atoms_end(atoms, side), size) : first;
}

double scale_error(const struct scale_search *search, double scale)
{
  const struct atoms *atoms = &search->atoms;
  size_t code = 0;
  double sum = 0;
  for (size_t i = 0; i < atoms->count; i++) {
    bool side = i >= atoms->positive;
    const struct ladder *ladder = search->ladder[side];
    double t = atoms->size[i] / scale;
    if (atoms->tail && !ladder->even) {
      code = i == atoms->positive ? 0 : code;
      while (code < search->steps[side] && ladder->middle[code] <= t)
        code++;
    } else {
      code = code_of(ladder, t, search->steps[side]);
    }
    double error = atoms->size[i] - scale * ladder->value[code];
    sum += weight_of(atoms, i) * error * error;
  }
  return sum;
}

/* The part of the error that clipping alone makes: it only grows as the scale shrinks. */
static double clipping_error(const struct scale_search *search, double scale)
{
  const struct atoms *atoms = &search->atoms;
  double sum = 0;
  for (int side = 0; side < 2; side++) {
    double top = scale * search->ladder[side]->value[search->steps[side]];
    for (size_t i = atoms_above(atoms, side, top); i < atoms_end(atoms, side); i++) {
      double excess = larger(atoms->size[i] - top, 0);
      sum += weight_of(atoms, i) * excess * excess;
    }
  }
  return sum;
}

/* Whether that alone is no better than the best. */
static bool clips_too_much(const struct scale_search *search, double scale)
{
  const struct atoms *atoms = &search->atoms;
  const double doubt = 1e-6 * search->error + 1e-12 * search->energy;
  double sum = 0;
  for (int side = 0; side < 2 && atoms->tail; side++) {
    double top = scale * search->ladder[side]->value[search->steps[side]];
    const struct tail *tail = &atoms->tail[atoms_above(atoms, side, top) + (size_t)side];
    sum += tail->square + top * (top * tail->weight - 2 * tail->moment);
  }
  if (atoms->tail && fabs(sum - search->error) > doubt)
    return sum > search->error;
  return clipping_error(search, scale) >= search->error;
}

/* --- one interval --------------------------------------------------------------------- */

/* B and C where an interval of 1 / s begins, and what they gain in each bucket of it. */
struct chain {
  double first, width; /* of a bucket */
  size_t buckets;
  kernel_pair sum, gain[BUCKETS];
};

static void chain_add(struct chain *chain, const struct ladder *ladder, double size, double weight,
                      size_t steps)
{
  size_t k = code_of(ladder, chain->first * size, steps);
  double end = (chain->first + chain->width * (double)chain->buckets) * size;
  double per_middle = 1 / (size * chain->width), offset = chain->first / chain->width;
  chain->sum +=
      (kernel_pair){weight * size * ladder->value[k], weight * ladder->value[k] * ladder->value[k]};
  for (; k < steps && ladder->middle[k] <= end; k++) {
    double place = larger(ladder->middle[k] * per_middle - offset, 0);
    size_t bucket = size_min((size_t)place, chain->buckets - 1);
    chain->gain[bucket] +=
        (kernel_pair){weight * size * ladder->rise[k], weight * ladder->rise2[k]};
  }
}

/* So few crossings are not worth a call. */
enum { FEW_CROSSINGS = 24 };

/* The atoms from FIRST to END - 1, ascending, pass middle K of LADDER: later the smaller they are.
 */
static void chain_add_crossings(struct chain *chain, const struct atoms *atoms, size_t first,
                                size_t end, const struct ladder *ladder, size_t k)
{
  const struct crossing c = {.per_size = ladder->middle[k] / chain->width,
                             .offset = chain->first / chain->width,
                             .last = (double)(chain->buckets - 1),
                             .rise = {ladder->rise[k], ladder->rise2[k]}};
  if (end - first >= FEW_CROSSINGS) {
    kernels.crossings(atoms->size + first, atoms->inverse + first, atoms->own + first, end - first,
                      &c, chain->gain);
    return;
  }
  for (size_t i = first; i < end; i++) {
    double place = smaller(larger(c.per_size / atoms->size[i] - c.offset, 0), c.last);
    chain->gain[(size_t)place] += atoms->own[i] * c.rise;
  }
}

/* The first atom of SIDE from I on that has passed MIDDLE at the inverse scale T. */
static size_t next_passed(const struct atoms *atoms, int side, size_t i, double middle, double t)
{
  size_t end = atoms_end(atoms, side);
  while (i < end && atoms->size[i] * t < middle)
    i++;
  return i;
}

/* The same from where it is near I, not before LOW. */
static size_t first_passed(const struct atoms *atoms, int side, size_t low, size_t i, double middle,
                           double t)
{
  i = size_max(i, low);
  while (i > low && !(atoms->size[i - 1] * t < middle))
    i--;
  return next_passed(atoms, side, i, middle, t);
}

/* Where the atoms of a side pass middles at the inverse scale T, or near there. Without a table
 * only the first is looked for. */
static void find_passed(const struct scale_search *search, int side, size_t n, double t,
                        uint32_t *near)
{
  const struct atoms *atoms = &search->atoms;
  const double *middle = search->ladder[side]->middle;
  const uint32_t start = (uint32_t)side_start(atoms, side);
  if (!atoms->places) {
    for (size_t k = 0; k < n; k++)
      near[k] = k == 0 ? (uint32_t)atoms_above(atoms, side, middle[0] / t) : start;
    return;
  }
  kernels.places_find(&atoms->places[side], middle, n, 1 / t, near);
  for (size_t k = 0; k < n; k++)
    near[k] += start;
}

/* Middle by middle: what passes each lies side by side. */
static void chain_fill_sorted(struct chain *chain, const struct scale_search *search, int side)
{
  const struct atoms *atoms = &search->atoms;
  const struct ladder *ladder = search->ladder[side];
  const struct tail *tail = atoms->tail + side;
  const size_t begin = side_start(atoms, side), end = atoms_end(atoms, side);
  const double last = chain->first + chain->width * (double)chain->buckets,
               least = ladder->value[0];
  chain->sum += (kernel_pair){least * tail[begin].moment, least * least * tail[begin].weight};
  if (begin == end)
    return;
  /* In narrow intervals the ends of what passes are near each other. */
  const bool narrow = last < (1 + 1.0 / 128) * chain->first;
  size_t low = begin, high = begin;
  uint32_t near[2][LADDER_STEPS];
  /* One more, for what rounding takes for passed. */
  const size_t steps =
      size_min(ladder_passed(ladder, search->steps[side], 1 / last, atoms->size[end - 1]) + 2,
               search->steps[side]);
  find_passed(search, side, steps, last, near[0]);
  find_passed(search, side, narrow ? size_min(steps, 1) : steps, chain->first, near[1]);
  for (size_t k = 0; k < steps && low < end; k++) {
    const double middle = ladder->middle[k];
    low = first_passed(atoms, side, low, near[0][k], middle, last);
    high =
        first_passed(atoms, side, high, narrow && k > 0 ? low : near[1][k], middle, chain->first);
    chain->sum +=
        (kernel_pair){ladder->rise[k] * tail[high].moment, ladder->rise2[k] * tail[high].weight};
    if (low < high)
      chain_add_crossings(chain, atoms, low, high, ladder, k);
  }
}

static void chain_fill(struct chain *chain, const struct scale_search *search)
{
  const struct atoms *atoms = &search->atoms;
  memset(chain->gain, 0, chain->buckets * sizeof *chain->gain);
  chain->sum = (kernel_pair){0, 0};
  for (int side = 0; side < 2; side++)
    if (atoms->tail)
      chain_fill_sorted(chain, search, side);
    else
      for (size_t i = side_start(atoms, side); i < atoms_end(atoms, side); i++)
        chain_add(chain, search->ladder[side], atoms->size[i], weight_of(atoms, i),
                  search->steps[side]);
}

/* The vertex of a parabola is reached by its codes, so no scale's own codes are worse there. */
static void consider(struct scale_search *search, double error, double scale)
{
  /* What rounding of the sums feigns is no improvement: minmax stays where nothing beats it. */
  if (error < search->error - 1e-14 * search->energy) {
    search->error = larger(error, 0);
    search->scale = scale;
  }
}

/* Takes the vertex of the codes with sums B and C into account. Returns the least error that scales
 * from LEAST to MOST can have: that of these codes, less what the crossings in between can gain. A
 * crossing at t changes the error at s by rise2 s (s - t); GAIN is the sum of rise2. */
static double visit_bucket(struct scale_search *search, double b, double c, double least,
                           double most, double gain)
{
  double vertex = c > 0 ? b / c : most;
  if (c > 0)
    consider(search, search->energy - b * vertex, vertex);
  double s = smaller(larger(vertex, least), most);
  return search->energy - s * (2 * b - s * c) - most * (most - least) * gain;
}

static void search_interval(struct scale_search *search, double from, double to, size_t buckets);

/* Enters the runs of buckets whose bound is below the best; runs so short that the buckets inside
 * are at most a quarter as wide. */
static void search_inside(struct scale_search *search, double first, double width,
                          const double *bounds, size_t buckets)
{
  const double tolerance = search->tolerance > 0 ? search->tolerance : 1e-7;
  size_t inner = size_min(size_max(LEAST_BUCKETS, 4 * search->atoms.count), MOST_INNER);
  for (size_t i = 0; i < buckets; i++) {
    double promising = search->error * (1 - tolerance) - 1e-13 * search->energy;
    size_t end = i;
    while (end < buckets && end - i < inner / 4 && bounds[end] < promising)
      end++;
    if (end > i) {
      search_interval(search, first + width * (double)i, first + width * (double)end, inner);
      i = end - 1;
    }
  }
}

/* Fills BOUNDS, of each bucket; considers the vertices on the way. False between neighbouring
 * numbers, where nothing is left. */
static bool bound_interval(struct scale_search *search, double from, double to, size_t buckets,
                           double *bounds)
{
  struct chain chain;
  chain.first = from;
  chain.width = (to - from) / (double)buckets;
  chain.buckets = buckets;
  if (!(chain.width > from * DBL_EPSILON))
    return false;
  chain_fill(&chain, search);
  kernel_pair sum = chain.sum;
  double most = 1 / from;
  for (size_t i = 0; i < buckets; i++) {
    double least = 1 / (from + chain.width * (double)(i + 1));
    kernel_pair gain = chain.gain[i];
    bounds[i] = visit_bucket(search, sum[0], sum[1], least, most, gain[1]);
    sum += gain;
    most = least;
  }
  visit_bucket(search, sum[0], sum[1], most, most, 0);
  return true;
}

static void search_interval(struct scale_search *search, double from, double to, size_t buckets)
{
  double bounds[BUCKETS];
  if (bound_interval(search, from, to, buckets, bounds))
    search_inside(search, from, (to - from) / (double)buckets, bounds, buckets);
}

/* --- all scales ----------------------------------------------------------------------- */

/* The least middle above 0: before values reach it their codes do not depend on the scale. */
static double first_middle(const struct ladder *ladder, size_t steps)
{
  return ladder->middle[0] > 0 || steps < 2 ? ladder->middle[0] : ladder->middle[1];
}

/* Where 1 / s may begin: as long as all codes stay in the lower half of the levels, half the scale
 * has the same levels and more where levels double, so it is no worse. */
static double first_inverse(const struct scale_search *search)
{
  const struct atoms *atoms = &search->atoms;
  double least = HUGE_VAL;
  for (int side = 0; side < 2; side++) {
    const struct ladder *ladder = search->ladder[side];
    size_t steps = search->steps[side];
    double largest = 0, half = 0;
    size_t end = atoms_end(atoms, side), i = side_start(atoms, side);
    for (i = atoms->tail && i < end ? end - 1 : i; i < end; i++)
      largest = larger(largest, atoms->size[i]);
    if (steps == 0 || largest == 0)
      continue;
    if (ladder->doubles)
      half = ladder->even ? floor(ladder->value[steps] / 2) : ladder->value[steps] / 2;
    least = smaller(least, larger(half, 0.999 * first_middle(ladder, steps)) / largest);
  }
  /* Levels that the scale does not choose among have one parabola, which any interval tells. */
  return isfinite(least) && least > 0 ? least : 1 / search->scale;
}

/* Scales are searched in stretches of 1 / s, until clipping alone costs too much. */
#define STRETCH (4.0 / 3)

static void search_stretches(struct scale_search *search, double from)
{
  size_t most = size_max(search->ladder[0]->steps, search->ladder[1]->steps);
  size_t crossings = search->atoms.count * most;
  size_t buckets = size_min(size_max(LEAST_BUCKETS, crossings / 16), BUCKETS);
  for (int i = 0; i < MAX_STRETCHES && isfinite(from); i++, from *= STRETCH) {
    if (clips_too_much(search, 1 / from))
      break;
    search_interval(search, from, STRETCH * from, buckets);
  }
}

/* --- many searches ---------------------------------------------------------------------- */

/* Stretches begin at FLOOR_FIRST, below where any search begins: sizes are at most 1. */
#define FLOOR_FIRST 0.25
enum { FLOOR_RUN = MOST_INNER / 4, RUNS = BUCKETS / FLOOR_RUN };

struct scale_floor {
  bool used, known[MAX_STRETCHES], fine_known[MAX_STRETCHES][RUNS];
  double bound[MAX_STRETCHES][BUCKETS];
  double fine[MAX_STRETCHES][RUNS][MOST_INNER]; /* the same of a run, with narrower buckets */
};

struct scale_floor *scale_floor_new(void)
{
  return mem_array(1, sizeof(struct scale_floor));
}

/* More levels are no worse, whatever STEPS says. */
static bool bound_whole(const struct scale_search *search, double from, double to, size_t buckets,
                        double *bounds)
{
  struct scale_search whole = *search;
  whole.steps[0] = search->ladder[0]->steps;
  whole.steps[1] = search->ladder[1]->steps;
  return bound_interval(&whole, from, to, buckets, bounds);
}

static const double *floor_bounds(const struct scale_search *search, int stretch, double from)
{
  struct scale_floor *floor = search->floor;
  if (!floor->known[stretch])
    floor->known[stretch] =
        bound_whole(search, from, STRETCH * from, BUCKETS, floor->bound[stretch]);
  return floor->bound[stretch];
}

static const double *fine_bounds(const struct scale_search *search, int stretch, size_t run,
                                 double from, double to)
{
  struct scale_floor *floor = search->floor;
  if (!floor->fine_known[stretch][run])
    floor->fine_known[stretch][run] =
        bound_whole(search, from, to, MOST_INNER, floor->fine[stretch][run]);
  return floor->fine[stretch][run];
}

/* Added to that for scales from LEAST to MOST, at least: sums of (x - top)^2 - s^2 / 4 over the
 * values that are clipped, but would not be with all levels. */
static double clipping_above_floor(const struct scale_search *search, double least, double most)
{
  const struct atoms *atoms = &search->atoms;
  double sum = 0;
  for (int side = 0; side < 2; side++) {
    const struct ladder *ladder = search->ladder[side];
    double top = (double)search->steps[side], last = (double)ladder->steps;
    const struct tail *tail = atoms->tail + side;
    size_t first = atoms_above(atoms, side, (top + 0.5) * most);
    size_t end = atoms_above(atoms, side, (last + 0.5) * least);
    if (first >= end)
      continue;
    double square = tail[first].square - tail[end].square;
    double moment = tail[first].moment - tail[end].moment;
    double weight = tail[first].weight - tail[end].weight;
    sum += larger(square - 2 * top * most * moment + (top * top - 0.25) * most * most * weight, 0);
  }
  return sum;
}

/* Enters what is promising of a run of buckets. */
static void search_run(struct scale_search *search, double first, double width, const double *floor)
{
  double bounds[FLOOR_RUN], least = HUGE_VAL;
  for (size_t i = 0; i < FLOOR_RUN; i++)
    least = smaller(least, floor[i]);
  if (least >= search->error)
    return;
  double clipping = clipping_above_floor(search, 1 / (first + width * FLOOR_RUN), 1 / first);
  for (size_t i = 0; i < FLOOR_RUN; i++)
    bounds[i] = floor[i] + clipping;
  search_inside(search, first, width, bounds, FLOOR_RUN);
}

/* Whether the bounds of some buckets tell that no scale there is better than the best. */
static bool is_above(const struct scale_search *search, double first, double width,
                     const double *bounds, size_t buckets)
{
  double least = HUGE_VAL, needed = search->error + 1e-13 * search->energy;
  for (size_t i = 0; i < buckets; i++)
    least = smaller(least, bounds[i]);
  return least >= needed ||
         least + clipping_above_floor(search, 1 / (first + width * (double)buckets), 1 / first) >=
             needed;
}

static bool is_run_above(const struct scale_search *search, int stretch, size_t run, double first,
                         double width)
{
  double from = first + width * (double)(run * FLOOR_RUN), fine = width * FLOOR_RUN / MOST_INNER;
  const double *bounds = floor_bounds(search, stretch, first) + run * FLOOR_RUN;
  bool above = is_above(search, from, width, bounds, FLOOR_RUN);
  if (above)
    return true;
  bounds = fine_bounds(search, stretch, run, from, from + width * FLOOR_RUN);
  for (size_t i = 0; i < MOST_INNER; i += MOST_INNER / 4)
    if (!is_above(search, from + fine * (double)i, fine, bounds + i, MOST_INNER / 4))
      return false;
  return true;
}

/* Whether bounds of the stretches from STRETCH on, which begins at FIRST, tell that no scale of
 * these steps is better than the best. Then a search would find nothing: no vertex has a smaller
 * error than its own scale, wherever that lies. */
static bool is_hopeless(const struct scale_search *search, int stretch, double first)
{
  for (; stretch < MAX_STRETCHES; stretch++, first *= STRETCH) {
    if (clips_too_much(search, 1 / first))
      return true;
    for (size_t run = 0; run < RUNS; run++)
      if (!is_run_above(search, stretch, run, first, (STRETCH * first - first) / BUCKETS))
        return false;
  }
  return true;
}

/* As search_stretches, of even levels. */
static void search_above_floor(struct scale_search *search, double from)
{
  int stretch = (int)larger(floor(log(from / FLOOR_FIRST) / log(STRETCH)), 0);
  double first = FLOOR_FIRST * pow(STRETCH, stretch);
  if (search->floor->used && is_hopeless(search, stretch, first))
    return;
  search->floor->used = true;
  for (; stretch < MAX_STRETCHES; stretch++, first *= STRETCH) {
    if (clips_too_much(search, 1 / first))
      break;
    const double *bounds = floor_bounds(search, stretch, first);
    double width = (STRETCH * first - first) / BUCKETS;
    for (size_t i = 0; i < BUCKETS; i += FLOOR_RUN)
      search_run(search, first + width * (double)i, width, bounds + i);
  }
}

bool scale_improve(struct scale_search *search)
{
  double before = search->error, from = first_inverse(search);
  if (search->floor)
    search_above_floor(search, from);
  else
    search_stretches(search, from);
  return search->error < before;
}
