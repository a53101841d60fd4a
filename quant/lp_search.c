#include "quant/lp_search.h"

#include "quant/base/ascending.h"
#include "quant/base/size.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  BUCKETS = 32,
  RUN = BUCKETS / 4,
  WHOLE = 60,
  FEW_LEVELS = 24,
  MOST_VISITS = 2000,
  MOST_VISITS_BELOW_1 = 300
};

/* The first intervals are this wide; how near to the least error the search comes; and what part of
 * the error the tiniest values are worth, whose codes then count as 0. */
#define RATIO     0.92
#define TOLERANCE 1e-4
#define TINY      1e-5

/* --- values --------------------------------------------------------------------------------- */

struct atom {
  double size, weight;
};

static int ascending(const void *a, const void *b)
{
  const struct atom *x = a, *y = b;
  return (x->size > y->size) - (x->size < y->size);
}

/* The magnitudes of one sign (0: of both) behind the N atoms already there; how many then. */
static size_t take_atoms(const struct sample *sample, double factor, int sign, struct atom *atom,
                         size_t n)
{
  size_t values = sample->counts ? sample->distinct : sample->finite;
  for (size_t i = 0; i < values; i++) {
    double x = (double)sample->values[i] * factor;
    if (x != 0 && (sign == 0 || (x < 0) == (sign < 0)))
      atom[n++] = (struct atom){fabs(x), sample->counts ? (double)sample->counts[i] : 1};
  }
  return n;
}

/* Sorts N atoms and adds up those of one size; how many are left. Digests come sorted, whichever
 * way. */
static size_t sort_atoms(struct atom *atom, size_t n)
{
  size_t kept = 0, falls = 0;
  for (size_t i = 1; i < n; i++)
    falls += atom[i].size < atom[i - 1].size;
  for (size_t i = 0; falls + 1 == n && i < n / 2; i++) {
    struct atom other = atom[i];
    atom[i] = atom[n - 1 - i];
    atom[n - 1 - i] = other;
  }
  if (falls > 0 && falls + 1 < n)
    qsort(atom, n, sizeof *atom, ascending);
  for (size_t i = 0; i < n; i++)
    if (kept > 0 && atom[kept - 1].size == atom[i].size)
      atom[kept - 1].weight += atom[i].weight;
    else
      atom[kept++] = atom[i];
  return kept;
}

static void fill_side(struct lp_search *search, struct lp_side *side, const struct atom *atom,
                      size_t n, double *memory)
{
  double *size = memory, *weight = memory + n, sum = 0;
  for (size_t i = 0; i < n; i++) {
    size[i] = atom[i].size;
    weight[i] = atom[i].weight;
    search->distance[i] = (float)atom[i].size;
  }
  *side = (struct lp_side){.end = n, .size = size, .weight = weight, .tiny = memory + 2 * n};
  kernels.powers(search->distance, n, search->norm, 1, search->power);
  for (size_t i = 0; i < n; i++) {
    side->tiny[i] = sum;
    sum += weight[i] * search->power[i];
  }
  side->tiny[n] = sum;
}

enum status lp_values_make(const struct sample *sample, int exponent, double norm, bool merged,
                           struct lp_search *out)
{
  size_t values = sample->counts ? sample->distinct : sample->finite;
  struct atom *atom = mem_array(values, sizeof *atom);
  *out = (struct lp_search){.norm = norm,
                            .memory = mem_array(values + 2, 3 * sizeof *out->memory),
                            .distance = mem_array(values, sizeof *out->distance),
                            .level = mem_array(values, sizeof *out->level),
                            .power = mem_array(values, sizeof *out->power),
                            .share = mem_array(2, sizeof *out->share)};
  if (!atom || !out->memory || !out->distance || !out->level || !out->power || !out->share) {
    free(atom);
    lp_values_free(out);
    return STATUS_MEMORY;
  }
  double factor = ldexp(1, -exponent), *memory = out->memory;
  for (int i = 0; i < 2; i++) {
    int sign = merged ? 0 : 1 - 2 * i;
    size_t n = merged && i > 0 ? 0 : sort_atoms(atom, take_atoms(sample, factor, sign, atom, 0));
    fill_side(out, &out->side[i], atom, n, memory);
    memory += 3 * n + 1;
  }
  free(atom);
  return STATUS_OK;
}

void lp_values_free(struct lp_search *search)
{
  free(search->memory);
  free(search->distance);
  free(search->level);
  free(search->power);
  free(search->share);
}

/* fmax without its care for NaN, which is a call. */
static double larger(double a, double b)
{
  return a > b ? a : b;
}

/* --- one interval --------------------------------------------------------------------------- */

/* at + slope (s - middle) */
struct line {
  double at, slope;
};

struct visit {
  bool whole; /* one of those that all others are parts of: what is clipped matters */
  double from, middle, to, width; /* of a bucket */
  double error, clipped;          /* at the middle; of what lies beyond the ends there */
  struct line kept;               /* of values that keep their codes ... */
  double curve;                   /* ... with this second derivative */
  /* Of those that change them: what is added from a bucket on, and to one bucket. */
  struct line broken[BUCKETS + 1], within[BUCKETS];
  double least[BUCKETS]; /* the bounds */
};

/* Where values pass middles: the first one that is beyond middle K at the three scales. */
struct passes {
  size_t levels; /* that matter */
  size_t low[LADDER_STEPS + 1], middle[LADDER_STEPS + 1], high[LADDER_STEPS + 1];
};

static size_t advance(const struct lp_side *side, size_t i, double size)
{
  while (i < side->end && side->size[i] < size)
    i++;
  return i;
}

/* The same from I down to LOW, for what is not far below. */
static size_t retreat(const struct lp_side *side, size_t i, size_t low, double size)
{
  while (i > low && side->size[i - 1] >= size)
    i--;
  return i;
}

static size_t first_beyond(const struct lp_side *side, double size)
{
  return first_at_least(side->size, side->first, side->end, size);
}

/* Distances of values FIRST to END - 1 to Y, and their level R, its negative for those above it. */
static void fill_level(const struct lp_search *search, const struct lp_side *side, size_t first,
                       size_t end, double r, double y)
{
  const float level = (float)r;
  for (size_t i = first; i < end; i++) {
    double e = side->size[i] - y;
    search->distance[i] = (float)fabs(e);
    search->level[i] = level * copysignf(1, (float)-e);
  }
}

/* 0 for the values that do not keep theirs. */
static void clear_levels(const struct lp_search *search, const struct passes *passes)
{
  for (size_t k = 0, i = 0; k < passes->levels; k++)
    for (i = size_max(i, passes->low[k]); i < passes->high[k]; i++)
      search->level[i] = 0;
}

/* Fills PASSES, and distances and levels of the values at the middle. */
static void find_passes(const struct lp_search *search, int which, const struct visit *visit,
                        struct passes *passes)
{
  const struct lp_side *side = &search->side[which];
  const struct ladder *ladder = search->ladder[which];
  size_t steps = search->steps[which], low = side->first, middle = low, high = low, before = low;
  const bool narrow = (visit->to - visit->from) * (double)steps < 4 * visit->from;
  if (steps > 0) {
    low = first_beyond(side, ladder->middle[0] * visit->from);
    middle = advance(side, low, ladder->middle[0] * visit->middle);
    high = advance(side, middle, ladder->middle[0] * visit->to);
  }
  for (size_t k = 0;; k++) {
    if (k >= steps) {
      low = middle = high = side->end;
    } else {
      const double at = ladder->middle[k];
      middle = advance(side, middle, at * visit->middle);
      low = narrow ? retreat(side, middle, low, at * visit->from)
                   : advance(side, low, at * visit->from);
      high = advance(side, size_max(high, middle), at * visit->to);
    }
    passes->low[k] = low;
    passes->middle[k] = middle;
    passes->high[k] = high;
    double r = ladder->value[k], y = visit->middle * r;
    fill_level(search, side, y == 0 ? middle : before, middle, r, y);
    before = middle;
    passes->levels = k + 1;
    if (low == side->end)
      break;
  }
  clear_levels(search, passes);
}

/* How much the curvature of |e|^p, d = |e|, may fall while e moves by H: (1 - h / d)^(p - 2), or
 * (1 + h / d)^(p - 2) where p < 2, is at least 1 - RATE h / d (Bernoulli's inequality; for
 * 2 < p < 3 the chord, up to h = d / 2). */
static double curvature_rate(double p)
{
  return p >= 3 ? p - 2 : p > 2 ? 2 * (1 - exp2(2 - p)) : 2 - p;
}

/* Values FIRST to END - 1, none of which has the level 0. */
static void add_kept(const struct lp_search *search, const struct lp_side *side, size_t first,
                     size_t end, struct visit *visit)
{
  const double p = search->norm, half = (visit->to - visit->from) / 2;
  const double rate = search->curvature_rate * half, near = p > 2 && p < 3 ? 2 * half : 0;
  struct kept_sums sums = {0};
  kernels.kept_sums(search->distance + first, search->level + first, side->weight + first,
                    search->power + first, end - first, (float)rate, (float)near, &sums);
  visit->error += sums.error;
  if (p < 1)
    return;
  visit->kept.at += sums.kept;
  visit->kept.slope += p * sums.slope;
  visit->curve += p * (p - 1) * sums.curve;
}

/* Values FIRST to END - 1 keep the level R, for p < 1, where |e|^p falls by at most h^p. */
static void add_kept_below_1(const struct lp_search *search, const struct lp_side *side,
                             size_t first, size_t end, double r, struct visit *visit)
{
  double fall = pow(fabs(r) * (visit->to - visit->from) / 2, search->norm);
  for (size_t i = first; i < end; i++)
    visit->kept.at += side->weight[i] * larger(search->power[i] - fall, 0);
}

/* The error at the middle of values FIRST to END - 1. */
static double sum_errors(const struct lp_search *search, const struct lp_side *side, size_t first,
                         size_t end)
{
  double sum = 0;
  for (size_t i = first; i < end; i++)
    sum += side->weight[i] * search->power[i];
  return sum;
}

static void add_line(struct line *sum, double at, double slope)
{
  sum->at += at;
  sum->slope += slope;
}

/* Adds the line on the buckets FIRST to END - 1. */
static void add_stretch(struct visit *visit, size_t first, size_t end, double at, double slope)
{
  if (first < end) {
    add_line(&visit->broken[first], at, slope);
    add_line(&visit->broken[end], -at, -slope);
  }
}

/* The bucket of a place, counted from FROM; at most BUCKETS. */
static size_t bucket_of(double buckets)
{
  return buckets < BUCKETS ? (size_t)larger(buckets, 0) : BUCKETS;
}

static double share_of(const struct lp_search *search, int which, size_t k, double gap)
{
  double *share = &search->share[which][k];
  if (!(*share > 0))
    *share = pow(gap, search->norm);
  return *share;
}

/* Values FIRST to END - 1 pass middle K. Behind and before each other they may pass other middles:
 * the tangents of two passes are 0 in between. */
static void add_passes(const struct lp_search *search, int which, size_t k, size_t first,
                       size_t end, struct visit *visit)
{
  const struct lp_side *side = &search->side[which];
  const struct ladder *ladder = search->ladder[which];
  const double p = search->norm, upper = ladder->value[k + 1], lower = ladder->value[k];
  const double gap = ladder->rise[k] / 2 / ladder->middle[k];
  const double share = first < end ? share_of(search, which, k, gap) : 0;
  const double per_middle = 1 / ladder->middle[k], per_width = 1 / visit->width;
  const double reach = gap / p, up_reach = reach / upper;
  const double down_reach = lower > 0 ? reach / lower : HUGE_VAL;
  for (size_t i = first; i < end; i++) {
    double size = side->size[i], place = size * per_middle;
    double high = share * (side->tiny[i + 1] - side->tiny[i]), steep = high / (reach * size);
    double up = steep * upper, down = -steep * lower, at = (place - visit->from) * per_width;
    size_t b = size_min(bucket_of(at), BUCKETS - 1);
    double left = visit->from + visit->width * (double)b, right = left + visit->width;
    double from = high + up * (left - place), to = high + down * (right - place);
    double begins = at - up_reach * size * per_width, ends = at + down_reach * size * per_width;
    add_stretch(visit, begins > 0 ? bucket_of(begins) + 1 : 0, b,
                high + up * (visit->middle - place), up);
    add_stretch(visit, b + 1, bucket_of(ends), high + down * (visit->middle - place), down);
    if (from >= 0 && to >= 0) {
      double slope = (to - from) * per_width;
      add_line(&visit->within[b], from + slope * (visit->middle - left), slope);
    }
  }
}

/* All but the passes. */
static void visit_side(const struct lp_search *search, int which, struct visit *visit,
                       struct passes *passes)
{
  const struct lp_side *side = &search->side[which];
  const struct ladder *ladder = search->ladder[which];
  passes->levels = 0;
  visit->kept.at += side->tiny[side->first];
  visit->error += side->tiny[side->first];
  if (side->first == side->end)
    return;
  find_passes(search, which, visit, passes);
  size_t first = ladder->value[0] == 0 ? passes->middle[0] : side->first;
  kernels.powers(search->distance + first, side->end - first, search->norm, 1,
                 search->power + first);
  add_kept(search, side, first, side->end, visit);
  size_t steps = search->steps[which], kept = side->first;
  for (size_t k = 0; k < passes->levels; k++) {
    size_t low = size_max(passes->low[k], kept);
    if (ladder->value[k] == 0) {
      visit->error += side->tiny[passes->middle[k]] - side->tiny[side->first];
      visit->kept.at += side->tiny[low] - side->tiny[kept];
    } else if (search->norm < 1) {
      add_kept_below_1(search, side, kept, low, ladder->value[k], visit);
    }
    kept = size_max(kept, passes->high[k]);
  }
  if (!visit->whole)
    return;
  /* Beyond the last level, by a step and more: that only grows as the scale shrinks. */
  double last = ladder->value[steps], step = steps > 0 ? last - ladder->value[steps - 1] : 1;
  if (passes->levels == steps + 1 && last != 0)
    visit->clipped +=
        sum_errors(search, side, size_max(first_beyond(side, visit->middle * (last + step)), first),
                   side->end);
}

/* The passes of middles FIRST to END - 1. */
static void visit_passes(const struct lp_search *search, int which, const struct passes *passes,
                         size_t first, size_t end, struct visit *visit)
{
  end = size_min(end, size_min(passes->levels, search->steps[which]));
  for (size_t k = first; k < end && search->norm >= 1; k++)
    if (search->ladder[which]->middle[k] > 0)
      add_passes(search, which, k, passes->low[k], passes->high[k], visit);
}

/* The least of a parabola on a bucket. */
static double least_of(const struct line *line, double curve, double from, double to)
{
  double s = curve > 0 ? -line->slope / curve : line->slope > 0 ? from : to;
  s = fmin(fmax(s, from), to);
  return line->at + s * (line->slope + curve * s / 2);
}

static void bound_buckets(struct visit *visit)
{
  struct line sum = visit->kept;
  for (size_t b = 0; b < BUCKETS; b++) {
    add_line(&sum, visit->broken[b].at, visit->broken[b].slope);
    struct line here = sum;
    add_line(&here, visit->within[b].at, visit->within[b].slope);
    double from = visit->from + visit->width * (double)b - visit->middle;
    visit->least[b] = least_of(&here, visit->curve, from, from + visit->width);
  }
}

static bool is_promising(const struct visit *visit, double promising)
{
  for (size_t b = 0; b < BUCKETS; b++)
    if (visit->least[b] < promising)
      return true;
  return false;
}

/* Most values pass the first middles, and few passes are theirs: often they are bound enough. */
static void look(const struct lp_search *search, double from, double to, bool whole,
                 struct visit *visit)
{
  struct passes passes[2];
  *visit = (struct visit){.whole = whole,
                          .from = from,
                          .middle = (from + to) / 2,
                          .to = to,
                          .width = (to - from) / BUCKETS};
  for (int side = 0; side < 2; side++)
    visit_side(search, side, visit, &passes[side]);
  double promising = fmin(search->error, visit->error) * (1 - TOLERANCE);
  for (size_t first = 0, end = FEW_LEVELS; first < LADDER_STEPS; first = end, end = LADDER_STEPS) {
    for (int side = 0; side < 2; side++)
      visit_passes(search, side, &passes[side], first, end, visit);
    bound_buckets(visit);
    if (!is_promising(visit, promising))
      return;
  }
}

double lp_error(const struct lp_search *search, double scale)
{
  double sum = 0;
  for (int which = 0; which < 2; which++) {
    const struct lp_side *side = &search->side[which];
    const struct ladder *ladder = search->ladder[which];
    size_t i = side->first, none = i;
    sum += side->tiny[i];
    for (size_t k = 0; k <= search->steps[which] && i < side->end; k++) {
      double y = scale * ladder->value[k],
             most = k < search->steps[which] ? scale * ladder->middle[k] : HUGE_VAL;
      if (k == 0 && y == 0 && side->end > i) {
        none = first_beyond(side, most);
        sum += side->tiny[none] - side->tiny[i];
        i = none;
        continue;
      }
      for (; i < side->end && side->size[i] < most; i++)
        search->distance[i] = (float)fabs(side->size[i] - y);
    }
    kernels.powers(search->distance + none, side->end - none, search->norm, 1,
                   search->power + none);
    for (size_t n = none; n < side->end; n++)
      sum += side->weight[n] * search->power[n];
  }
  return sum;
}

/* --- all scales ----------------------------------------------------------------------------- */

/* Intervals yet to be entered, as a heap: the least bound on top. */
struct piece {
  double from, to, bound;
};
struct heap {
  size_t count;
  struct piece piece[MOST_VISITS * (BUCKETS / 2 + 1) / 4];
};

static void heap_push(struct heap *heap, struct piece piece)
{
  if (heap->count == sizeof heap->piece / sizeof *heap->piece)
    return;
  size_t i = heap->count++;
  for (; i > 0 && heap->piece[(i - 1) / 2].bound > piece.bound; i = (i - 1) / 2)
    heap->piece[i] = heap->piece[(i - 1) / 2];
  heap->piece[i] = piece;
}

static struct piece heap_pop(struct heap *heap)
{
  struct piece top = heap->piece[0], last = heap->piece[--heap->count];
  size_t i = 0, child;
  for (; (child = 2 * i + 1) < heap->count; i = child) {
    if (child + 1 < heap->count && heap->piece[child + 1].bound < heap->piece[child].bound)
      child++;
    if (!(heap->piece[child].bound < last.bound))
      break;
    heap->piece[i] = heap->piece[child];
  }
  heap->piece[i] = last;
  return top;
}

/* Enters an interval: considers its middle, and pushes the runs of buckets that are promising. */
static double enter(struct lp_search *search, double from, double to, bool whole, struct heap *heap)
{
  struct visit visit;
  look(search, from, to, whole, &visit);
  if (visit.error < search->error) {
    search->error = visit.error;
    search->scale = visit.middle;
  }
  if (!(visit.width > 1e-8 * from)) /* between neighbouring float32 */
    return visit.clipped;
  double promising = search->error * (1 - TOLERANCE);
  for (size_t b = 0, n; b < BUCKETS; b += n) {
    struct piece piece = {.from = from + visit.width * (double)b, .bound = visit.least[b]};
    for (n = 1;
         b + n < BUCKETS && n < RUN && visit.least[b] < promising && visit.least[b + n] < promising;
         n++)
      piece.bound = fmin(piece.bound, visit.least[b + n]);
    piece.to = from + visit.width * (double)(b + n);
    if (piece.bound < promising)
      heap_push(heap, piece);
  }
  return visit.clipped;
}

/* Values that are worth nothing, whatever their codes: each costs at most size^p. */
static void skip_tiny(struct lp_search *search)
{
  for (int which = 0; which < 2; which++) {
    struct lp_side *side = &search->side[which];
    while (search->ladder[which]->value[0] == 0 && side->first < side->end &&
           side->tiny[side->first + 1] <= TINY / 2 * search->error)
      side->first++;
  }
}

enum status lp_improve(struct lp_search *search, double most, struct progress *progress)
{
  struct heap heap;
  double clipped = 0, to = most;
  size_t visits = 0, most_visits = search->norm < 1 ? MOST_VISITS_BELOW_1 : MOST_VISITS;
  heap.count = 0;
  search->curvature_rate = curvature_rate(search->norm);
  skip_tiny(search);
  for (int i = 0; i < WHOLE && clipped < search->error; i++, to *= RATIO)
    clipped = enter(search, RATIO * to, to, true, &heap);
  for (; heap.count > 0 && visits < most_visits; visits++) {
    struct piece piece = heap_pop(&heap);
    if (piece.bound >= search->error * (1 - TOLERANCE))
      break;
    if (progress_cancelled(progress))
      return STATUS_CANCELLED;
    enter(search, piece.from, piece.to, false, &heap);
  }
  return STATUS_OK;
}
