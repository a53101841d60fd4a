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

/* In intervals so wide, what passes a middle lies side by side. */
#define NARROW (1.0 / 128)

/* Bounds of another search count where they are so far above: powers are good to a millionth. */
#define SAFE 1e-5

/* fmin and fmax without their care for NaN, which is a call. */
static double smaller(double a, double b)
{
  return a < b ? a : b;
}

static double larger(double a, double b)
{
  return a > b ? a : b;
}

/* --- one interval --------------------------------------------------------------------------- */

/* at + slope (s - middle): AT and SLOPE, which are added together. */
typedef kernel_pair line;

struct visit {
  double from, middle, to, width; /* of a bucket */
  double error;                   /* at the middle */
  line kept;                      /* of values that keep their codes ... */
  double curve;                   /* ... with this second derivative */
  /* Of those that change them: what is added from a bucket on, and to one bucket. */
  line broken[BUCKETS + 1], within[BUCKETS];
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

/* Where the values of a side pass middle K, which is not the first. */
static void find_pass(const struct lp_search *search, int which, const struct visit *visit,
                      size_t k, struct passes *passes)
{
  const struct lp_side *side = &search->side[which];
  const double at = search->ladder[which]->middle[k];
  const double steps = (double)search->steps[which], width = visit->to - visit->from;
  size_t low = passes->low[k - 1], middle = passes->middle[k - 1], high = passes->high[k - 1];
  if (side->end >= PLACES_WORTH) {
    low = lp_first_beyond(search, which, at * visit->from);
    if (width < NARROW * visit->from) {
      middle = advance(side, size_max(low, middle), at * visit->middle);
      high = advance(side, size_max(high, middle), at * visit->to);
    } else {
      middle = lp_first_beyond(search, which, at * visit->middle);
      high = lp_first_beyond(search, which, at * visit->to);
    }
  } else {
    middle = advance(side, middle, at * visit->middle);
    low = width * steps < 4 * visit->from ? retreat(side, middle, low, at * visit->from)
                                          : advance(side, low, at * visit->from);
    high = advance(side, size_max(high, middle), at * visit->to);
  }
  passes->low[k] = low;
  passes->middle[k] = middle;
  passes->high[k] = high;
}

/* Fills PASSES, and the rungs of the values at the middle. */
static void find_passes(const struct lp_search *search, int which, const struct visit *visit,
                        struct passes *passes)
{
  const struct lp_side *side = &search->side[which];
  const struct ladder *ladder = search->ladder[which];
  const size_t steps = search->steps[which];
  size_t before = side->first;
  for (size_t k = 0;; k++) {
    if (k >= steps) {
      passes->low[k] = passes->middle[k] = passes->high[k] = side->end;
    } else if (k == 0) {
      passes->low[k] = lp_first_beyond(search, which, ladder->middle[0] * visit->from);
      passes->middle[k] = lp_first_beyond(search, which, ladder->middle[0] * visit->middle);
      passes->high[k] = lp_first_beyond(search, which, ladder->middle[0] * visit->to);
    } else {
      find_pass(search, which, visit, k, passes);
    }
    const float level = (float)ladder->value[k];
    for (size_t i = before; level != 0 && i < passes->middle[k]; i++)
      search->rung[i] = level;
    before = passes->middle[k];
    passes->levels = k + 1;
    if (passes->low[k] == side->end)
      break;
  }
}

/* How much the curvature of |e|^p, d = |e|, may fall while e moves by H: (1 - h / d)^(p - 2), or
 * (1 + h / d)^(p - 2) where p < 2, is at least 1 - RATE h / d (Bernoulli's inequality; for
 * 2 < p < 3 the chord, up to h = d / 2). */
static double curvature_rate(double p)
{
  return p >= 3 ? p - 2 : p > 2 ? 2 * (1 - exp2(2 - p)) : 2 - p;
}

/* Values FIRST to the end, none of which has the level 0. */
static void add_kept(const struct lp_search *search, int which, size_t first,
                     const struct passes *passes, struct visit *visit)
{
  const struct lp_side *side = &search->side[which];
  const double p = search->norm, half = (visit->to - visit->from) / 2;
  const double rate = search->curvature_rate * half, near = p > 2 && p < 3 ? 2 * half : 0;
  const struct rungs rungs = {.size = side->size,
                              .weight = side->weight,
                              .rung = search->rung,
                              .first = first,
                              .end = side->end,
                              .passes = passes->levels,
                              .low = passes->low,
                              .high = passes->high,
                              .power = p < 1 ? search->power : NULL};
  struct kept_sums sums = {0};
  kernels.rung_sums(&rungs, visit->middle, p, (float)rate, (float)near, &sums);
  visit->error += sums.error;
  if (p < 1)
    return;
  visit->kept[0] += sums.kept;
  visit->kept[1] += p * sums.slope;
  visit->curve += p * (p - 1) * sums.curve;
}

/* Values FIRST to END - 1 keep the level R, for p < 1, where |e|^p falls by at most h^p. */
static void add_kept_below_1(const struct lp_search *search, const struct lp_side *side,
                             size_t first, size_t end, double r, struct visit *visit)
{
  double fall = pow(fabs(r) * (visit->to - visit->from) / 2, search->norm);
  for (size_t i = first; i < end; i++)
    visit->kept[0] += side->weight[i] * larger(search->power[i] - fall, 0);
}

/* Adds the line on the buckets FIRST to END - 1. */
static void add_stretch(struct visit *visit, int32_t first, int32_t end, line stretch)
{
  if (first < end) {
    visit->broken[first] += stretch;
    visit->broken[end] -= stretch;
  }
}

/* The bucket of a place, counted from FROM; at most BUCKETS. */
static int32_t bucket_of(double buckets)
{
  return (int32_t)smaller(larger(buckets, 0), BUCKETS);
}

/* What the passes of middle K have in common. */
static const struct lp_pass *pass_of(const struct lp_search *search, int which, size_t k)
{
  struct lp_pass *pass = &search->pass[which][k];
  if (pass->share > 0)
    return pass;
  const struct ladder *ladder = search->ladder[which];
  const double upper = ladder->value[k + 1], lower = ladder->value[k];
  const double gap = ladder->rise[k] / 2 / ladder->middle[k], reach = gap / search->norm;
  const double share = pow(gap, search->norm);
  *pass = (struct lp_pass){.share = share,
                           .per_middle = 1 / ladder->middle[k],
                           .up = share / reach * upper,
                           .down = -share / reach * lower,
                           .up_reach = reach / upper,
                           .down_reach = lower > 0 ? reach / lower : HUGE_VAL};
  return pass;
}

/* Values FIRST to END - 1, one or more, pass middle K. Behind and before each other they may pass
 * other middles: the tangents of two passes are 0 in between. */
static void add_passes(const struct lp_search *search, int which, size_t k, size_t first,
                       size_t end, struct visit *visit)
{
  const struct lp_side *side = &search->side[which];
  const struct lp_pass pass = *pass_of(search, which, k);
  const double per_width = 1 / visit->width;
  for (size_t i = first; i < end; i++) {
    double size = side->size[i], place = size * pass.per_middle;
    double high = pass.share * side->mass[i], at = (place - visit->from) * per_width;
    double up = pass.up * side->pull[i], down = pass.down * side->pull[i];
    double begins = at - pass.up_reach * size * per_width;
    double ends = at + pass.down_reach * size * per_width;
    int32_t b = bucket_of(smaller(at, BUCKETS - 1)), last = bucket_of(ends);
    int32_t first_whole = bucket_of(begins) + (begins > 0);
    double left = visit->from + visit->width * b, right = left + visit->width;
    double from = high + up * (left - place), to = high + down * (right - place);
    add_stretch(visit, first_whole, b, (line){high + up * (visit->middle - place), up});
    add_stretch(visit, b + 1, last, (line){high + down * (visit->middle - place), down});
    if (from >= 0 && to >= 0) {
      double slope = (to - from) * per_width;
      visit->within[b] += (line){from + slope * (visit->middle - left), slope};
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
  visit->kept[0] += side->tiny[side->first];
  visit->error += side->tiny[side->first];
  if (side->first == side->end)
    return;
  find_passes(search, which, visit, passes);
  size_t first = ladder->value[0] == 0 ? passes->middle[0] : side->first;
  add_kept(search, which, first, passes, visit);
  size_t kept = side->first;
  for (size_t k = 0; k < passes->levels; k++) {
    size_t low = size_max(passes->low[k], kept);
    if (ladder->value[k] == 0) {
      visit->error += side->tiny[passes->middle[k]] - side->tiny[side->first];
      visit->kept[0] += side->tiny[low] - side->tiny[kept];
    } else if (search->norm < 1) {
      add_kept_below_1(search, side, kept, low, ladder->value[k], visit);
    }
    kept = size_max(kept, passes->high[k]);
  }
}

/* The passes of middles FIRST to END - 1. */
static void visit_passes(const struct lp_search *search, int which, const struct passes *passes,
                         size_t first, size_t end, struct visit *visit)
{
  end = size_min(end, size_min(passes->levels, search->steps[which]));
  for (size_t k = first; k < end && search->norm >= 1; k++)
    if (search->ladder[which]->middle[k] > 0 && passes->low[k] < passes->high[k])
      add_passes(search, which, k, passes->low[k], passes->high[k], visit);
}

/* The least of a parabola on a bucket. */
static double least_of(line sum, double curve, double from, double to)
{
  double s = curve > 0 ? -sum[1] / curve : sum[1] > 0 ? from : to;
  s = smaller(larger(s, from), to);
  return sum[0] + s * (sum[1] + curve * s / 2);
}

static void bound_buckets(struct visit *visit)
{
  line sum = visit->kept;
  for (size_t b = 0; b < BUCKETS; b++) {
    sum += visit->broken[b];
    const line here = sum + visit->within[b];
    double from = visit->from + visit->width * (double)b - visit->middle;
    visit->least[b] = least_of(here, visit->curve, from, from + visit->width);
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
static void look(const struct lp_search *search, double from, double to, struct visit *visit)
{
  struct passes passes[LP_SIDES];
  *visit = (struct visit){
      .from = from, .middle = (from + to) / 2, .to = to, .width = (to - from) / BUCKETS};
  for (int side = 0; side < LP_SIDES; side++)
    visit_side(search, side, visit, &passes[side]);
  double promising = fmin(search->error, visit->error) * (1 - TOLERANCE);
  for (size_t first = 0, end = FEW_LEVELS; first < LADDER_STEPS; first = end, end = LADDER_STEPS) {
    for (int side = 0; side < LP_SIDES; side++)
      visit_passes(search, side, &passes[side], first, end, visit);
    bound_buckets(visit);
    if (!is_promising(visit, promising))
      return;
  }
}

double lp_error(const struct lp_search *search, double scale)
{
  double sum = 0;
  for (int which = 0; which < LP_SIDES; which++) {
    const struct lp_side *side = &search->side[which];
    const struct ladder *ladder = search->ladder[which];
    size_t i = side->first, none = i;
    sum += side->tiny[i];
    for (size_t k = 0; k <= search->steps[which] && i < side->end; k++) {
      double y = scale * ladder->value[k],
             most = k < search->steps[which] ? scale * ladder->middle[k] : HUGE_VAL;
      if (k == 0 && y == 0 && side->end > i) {
        none = lp_first_beyond(search, which, most);
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

/* False: it is full. */
static bool heap_push(struct heap *heap, struct piece piece)
{
  if (heap->count == sizeof heap->piece / sizeof *heap->piece)
    return false;
  size_t i = heap->count++;
  for (; i > 0 && heap->piece[(i - 1) / 2].bound > piece.bound; i = (i - 1) / 2)
    heap->piece[i] = heap->piece[(i - 1) / 2];
  heap->piece[i] = piece;
  return true;
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

/* Pushes the runs of buckets that are promising. */
static void push_runs(struct lp_search *search, const struct visit *visit, struct heap *heap)
{
  double promising = search->error * (1 - TOLERANCE);
  for (size_t b = 0; b < BUCKETS && search->floor; b++)
    search->floor->lost |= isnan(visit->least[b]);
  for (size_t b = 0, n; b < BUCKETS; b += n) {
    struct piece piece = {.from = visit->from + visit->width * (double)b, .bound = visit->least[b]};
    const bool enters = visit->least[b] < promising;
    for (n = 1; b + n < BUCKETS && n < RUN && enters == (visit->least[b + n] < promising); n++)
      piece.bound = smaller(piece.bound, visit->least[b + n]);
    piece.to = visit->from + visit->width * (double)(b + n);
    if (!enters)
      lp_floor_add(search->floor, piece.from, piece.to, piece.bound);
    else if (!heap_push(heap, piece) && search->floor)
      search->floor->lost = true;
  }
}

/* Enters an interval: considers its middle, and pushes what is promising. */
static void enter(struct lp_search *search, double from, double to, struct heap *heap)
{
  struct visit visit;
  double least = lp_floor_bound(search, from, to, search->error * (1 + SAFE));
  if (least > -HUGE_VAL) {
    lp_floor_add(search->floor, from, to, least);
    return;
  }
  look(search, from, to, &visit);
  if (visit.error < search->error) {
    search->error = visit.error;
    search->scale = visit.middle;
  }
  if (visit.width > 1e-8 * from) /* else between neighbouring float32 */
    push_runs(search, &visit, heap);
  else if (search->floor)
    search->floor->lost = true;
}

double lp_clipped_error(const struct lp_search *search, double scale)
{
  double sum = 0;
  for (int which = 0; which < LP_SIDES; which++) {
    const struct lp_side *side = &search->side[which];
    if (side->first == side->end)
      continue;
    const size_t steps = search->steps[which];
    const double last = search->ladder[which]->value[steps];
    const double step = steps > 0 ? last - search->ladder[which]->value[steps - 1] : 1;
    size_t first = last != 0 ? lp_first_beyond(search, which, scale * (last + step)) : side->end;
    for (size_t i = first; i < side->end; i++)
      search->distance[i] = (float)fabs(side->size[i] - scale * last);
    kernels.powers(search->distance + first, side->end - first, search->norm, 1,
                   search->power + first);
    for (size_t i = first; i < side->end; i++)
      sum += side->weight[i] * search->power[i];
  }
  return sum;
}

/* Values that are worth nothing, whatever their codes: each costs at most size^p. */
static void skip_tiny(struct lp_search *search)
{
  for (int which = 0; which < LP_SIDES; which++) {
    struct lp_side *side = &search->side[which];
    while (side->first < side->end && search->ladder[which]->value[0] == 0 &&
           side->tiny[side->first + 1] <= TINY / 2 * search->error)
      side->first++;
  }
}

/* What is left in the heap has its bounds. */
static void leave_rest(struct lp_search *search, const struct heap *heap)
{
  for (size_t i = 0; i < heap->count && search->floor; i++)
    lp_floor_add(search->floor, heap->piece[i].from, heap->piece[i].to, heap->piece[i].bound);
}

static enum status improve(struct lp_search *search, double most, struct progress *progress)
{
  struct heap heap;
  double clipped = 0, to = most;
  size_t visits = 0, most_visits = search->norm < 1 ? MOST_VISITS_BELOW_1 : MOST_VISITS;
  heap.count = 0;
  search->curvature_rate = curvature_rate(search->norm);
  skip_tiny(search);
  if (search->floor)
    lp_floor_start(search->floor, search, most);
  for (int i = 0; i < WHOLE && clipped < search->error; i++, to *= RATIO) {
    enter(search, RATIO * to, to, &heap);
    clipped = lp_clipped_error(search, (RATIO * to + to) / 2);
  }
  for (; heap.count > 0 && heap.piece[0].bound < search->error * (1 - TOLERANCE) &&
         visits < most_visits;
       visits++) {
    struct piece piece = heap_pop(&heap);
    if (progress_cancelled(progress))
      return STATUS_CANCELLED;
    enter(search, piece.from, piece.to, &heap);
  }
  leave_rest(search, &heap);
  return STATUS_OK;
}

/* No scale that lp_improve looks at is smaller. */
static double least_scale(const struct lp_search *search, double most)
{
  double clipped = 0;
  for (int i = 0; i < WHOLE && clipped < search->error; i++, most *= RATIO)
    clipped = lp_clipped_error(search, (RATIO * most + most) / 2);
  return most;
}

enum status lp_improve(struct lp_search *search, double most, struct progress *progress)
{
  struct lp_search shared;
  bool any = false;
  enum status status = lp_values_share(search, least_scale(search, most), &shared, &any);
  if (status != STATUS_OK || !any)
    return status == STATUS_OK ? improve(search, most, progress) : status;
  status = improve(&shared, most, progress);
  search->error = shared.error;
  search->scale = shared.scale;
  lp_shared_free(&shared);
  return status;
}
