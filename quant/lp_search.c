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
  WHOLE = 200,
  AT_ONCE = 512,
  FEW_LEVELS = 24,
  MOST_VISITS = 2000,
  MOST_VISITS_BELOW_1 = 300
};

/* The first intervals are this wide; how near to the least error the search comes; and what part of
 * the error the tiniest values are worth, whose codes then count as 0. */
#define RATIO     0.92
#define TOLERANCE 1e-4
#define TINY      1e-5

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

/* Where values pass middles: the first one that is beyond middle K at the three scales. All pass
 * those before BEGIN, none what comes behind END. */
struct passes {
  size_t begin, end;
  uint32_t low[LADDER_STEPS + 1], middle[LADDER_STEPS + 1], high[LADDER_STEPS + 1];
};

/* The first values beyond middles BEGIN to END - 1 at SCALE. */
static void find_beyond(const struct lp_search *search, int which, size_t begin, size_t end,
                        double scale, uint32_t *beyond)
{
  const struct lp_side *side = &search->side[which];
  const double *middle = search->ladder[which]->middle;
  uint32_t i = (uint32_t)side->first;
  if (side->end >= PLACES_WORTH) {
    kernels.places_find(&search->places[which], middle + begin, end - begin, scale, beyond + begin);
    for (size_t k = begin; k < end && beyond[k] < i; k++)
      beyond[k] = i;
    return;
  }
  for (size_t k = begin; k < end; k++) {
    while (i < side->end && side->size[i] < middle[k] * scale)
      i++;
    beyond[k] = i;
  }
}

/* The rungs BEGIN to LAST of values, BEYOND the middles before each. Some behind take them, too. */
static void fill_rungs(const struct lp_search *search, int which, size_t begin, size_t last,
                       const uint32_t *beyond)
{
  const double *value = search->ladder[which]->value;
  size_t i = search->side[which].first;
  for (size_t k = begin; k <= last; i = beyond[k++])
    for (const float r = (float)value[k]; r != 0 && i < beyond[k]; i += RUNG_ROOM)
      for (size_t n = 0; n < RUNG_ROOM; n++)
        search->rung[i + n] = r;
}

/* Fills PASSES, and the rungs of the values at the middle. */
static void find_passes(const struct lp_search *search, int which, const struct visit *visit,
                        struct passes *passes)
{
  const struct lp_side *side = &search->side[which];
  const struct ladder *ladder = search->ladder[which];
  const size_t steps = search->steps[which];
  const size_t begin = ladder_passed(ladder, steps, visit->to, side->size[side->first]);
  const size_t last = ladder_passed(ladder, steps, visit->from, side->size[side->end - 1]);
  const size_t end = size_min(last + 1, steps);
  find_beyond(search, which, begin, end, visit->from, passes->low);
  find_beyond(search, which, begin, end, visit->middle, passes->middle);
  find_beyond(search, which, begin, end, visit->to, passes->high);
  if (end == last)
    passes->low[last] = passes->middle[last] = passes->high[last] = (uint32_t)side->end;
  fill_rungs(search, which, begin, last, passes->middle);
  passes->begin = begin;
  passes->end = last + 1;
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
                              .passes = passes->end - passes->begin,
                              .low = passes->low + passes->begin,
                              .high = passes->high + passes->begin,
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

/* Where the second line touches the error: at this part of the distance of the middle. */
#define SECOND 0.5

/* The second line of |e|^p, e = 1 at the middle: where it is there, for the steepness of the first,
 * which is p; where it is higher than the first; where it is 0. */
struct second {
  double at, steep, higher, zero;
};

static struct second second_line(double p)
{
  const double steep = pow(SECOND, p - 1), power = SECOND * steep;
  return (struct second){.at = power + p * steep * (1 - SECOND),
                         .steep = steep,
                         .higher = p > 1.001 ? (p - 1) * (1 - power) / (p * (1 - steep)) : 1,
                         .zero = SECOND * (p - 1) / p};
}

/* What the passes of middle K have in common. Below a level that is 0 the error stays. */
static const struct level_pass *pass_of(const struct lp_search *search, int which, size_t k)
{
  struct level_pass *pass = &search->pass[which][k];
  if (pass->share[0] > 0)
    return pass;
  const struct ladder *ladder = search->ladder[which];
  const struct second second = second_line(search->norm);
  const double upper = ladder->value[k + 1], lower = ladder->value[k];
  const double gap = ladder->rise[k] / 2 / ladder->middle[k], share = pow(gap, search->norm);
  const double steep = search->norm * share / gap, far = lower > 0 ? gap / lower : HUGE_VAL;
  *pass = (struct level_pass){
      .per_middle = 1 / ladder->middle[k],
      .share = {share, share * second.at},
      .up = {steep * upper, steep * second.steep * upper},
      .down = {-steep * lower, -steep * second.steep * lower},
      .up_reach = {(1 - second.higher) * gap / upper, (1 - second.zero) * gap / upper},
      .down_reach = {(1 - second.higher) * far, (1 - second.zero) * far}};
  if (!(lower > 0))
    pass->down_reach[0] = HUGE_VAL;
  return pass;
}

/* All but the passes. */
static void visit_side(const struct lp_search *search, int which, struct visit *visit,
                       struct passes *passes)
{
  const struct lp_side *side = &search->side[which];
  const struct ladder *ladder = search->ladder[which];
  passes->begin = passes->end = 0;
  visit->kept[0] += side->settled;
  visit->error += side->settled;
  if (side->first == side->end)
    return;
  find_passes(search, which, visit, passes);
  const bool zero = passes->begin == 0 && ladder->value[0] == 0;
  size_t first = zero ? passes->middle[0] : side->first;
  add_kept(search, which, first, passes, visit);
  size_t kept = side->first;
  for (size_t k = passes->begin; k < passes->end; k++) {
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
  const struct lp_side *side = &search->side[which];
  const struct broken broken = {.from = visit->from,
                                .middle = visit->middle,
                                .width = visit->width,
                                .buckets = BUCKETS,
                                .change = visit->broken,
                                .within = visit->within};
  end = size_min(end, size_min(passes->end, search->steps[which]));
  for (size_t k = size_max(first, passes->begin); k < end && search->norm >= 1; k++)
    if (search->ladder[which]->middle[k] > 0 && passes->low[k] < passes->high[k])
      kernels.breaks(side->size + passes->low[k], side->mass + passes->low[k],
                     side->pull + passes->low[k], passes->high[k] - passes->low[k],
                     pass_of(search, which, k), &broken);
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
  const double promising = smaller(search->error, visit->error) * (1 - TOLERANCE);
  for (size_t first = 0, end = FEW_LEVELS; first < LADDER_STEPS; first = end, end = LADDER_STEPS) {
    for (int side = 0; side < LP_SIDES; side++)
      visit_passes(search, side, &passes[side], first, end, visit);
    bound_buckets(visit);
    if (!is_promising(visit, promising))
      return;
  }
}

/* The error of a side at a scale; or ENOUGH or more, where it is. The largest first: in a few of
 * them is most of the error. */
static double side_error(const struct lp_search *search, int which, double scale, double enough)
{
  const struct lp_side *side = &search->side[which];
  const struct ladder *ladder = search->ladder[which];
  uint32_t beyond[LADDER_STEPS + 1];
  const size_t last = ladder_passed(ladder, search->steps[which], scale, side->size[side->end - 1]);
  find_beyond(search, which, 0, last, scale, beyond);
  beyond[last] = (uint32_t)side->end;
  fill_rungs(search, which, 0, last, beyond);
  const size_t first = ladder->value[0] == 0 ? beyond[0] : side->first;
  struct kept_sums sums = {.error = side->tiny[first] - side->tiny[side->first]};
  for (size_t end = side->end; end > first && sums.error < enough;) {
    const size_t start = end - first > AT_ONCE ? end - AT_ONCE : first;
    const struct rungs rungs = {.size = side->size,
                                .weight = side->weight,
                                .rung = search->rung,
                                .first = start,
                                .end = end};
    kernels.rung_sums(&rungs, scale, search->norm, 0, 0, &sums);
    end = start;
  }
  return sums.error;
}

double lp_error(const struct lp_search *search, double scale, double enough)
{
  double sum = 0;
  for (int which = 0; which < LP_SIDES && sum < enough; which++) {
    const struct lp_side *side = &search->side[which];
    sum += side->settled;
    if (side->first < side->end)
      sum += side_error(search, which, scale, enough - sum);
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

/* Pushes the runs of buckets that are promising; how many are. */
static size_t push_runs(struct lp_search *search, const struct visit *visit, struct heap *heap)
{
  double promising = search->error * (1 - TOLERANCE);
  size_t all = 0;
  for (size_t b = 0; b < BUCKETS && search->floor; b++)
    search->floor->lost |= isnan(visit->least[b]);
  for (size_t b = 0, n; b < BUCKETS; b += n) {
    struct piece piece = {.from = visit->from + visit->width * (double)b, .bound = visit->least[b]};
    const bool enters = visit->least[b] < promising;
    for (n = 1; b + n < BUCKETS && n < RUN && enters == (visit->least[b + n] < promising); n++)
      piece.bound = smaller(piece.bound, visit->least[b + n]);
    piece.to = visit->from + visit->width * (double)(b + n);
    all += enters ? n : 0;
    if (!enters)
      lp_floor_add(search->floor, piece.from, piece.to, piece.bound);
    else if (!heap_push(heap, piece) && search->floor)
      search->floor->lost = true;
  }
  return all;
}

/* Enters an interval: considers its middle, and pushes what is promising; how many buckets are. */
static size_t enter(struct lp_search *search, double from, double to, struct heap *heap)
{
  struct visit visit;
  double least = lp_floor_bound(search, from, to, search->error * (1 + SAFE));
  if (least > -HUGE_VAL) {
    lp_floor_add(search->floor, from, to, least);
    return 0;
  }
  look(search, from, to, &visit);
  if (visit.error < search->error) {
    search->error = visit.error;
    search->scale = visit.middle;
  }
  if (visit.width > 1e-8 * from) /* else between neighbouring float32 */
    return push_runs(search, &visit, heap);
  if (search->floor)
    search->floor->lost = true;
  return 0;
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

/* What an error can be at most of a size that has passed J middles or more, and is not clipped. */
static double largest_share(const struct ladder *ladder, size_t steps, size_t j, double norm)
{
  double most = 0;
  for (size_t k = j; j > 0 && k <= steps; k++) {
    const double below = ladder->rise[k - 1], above = k < steps ? ladder->rise[k] : below;
    most = larger(most, larger(below, above) / 2 / ladder->middle[k - 1]);
  }
  return j > 0 && most < 1 ? pow(most, norm) : 1;
}

/* Values that are worth nothing, whatever their codes at scales from LEAST to MOST. */
static void skip_tiny(struct lp_search *search, double least, double most)
{
  for (int which = 0; which < LP_SIDES; which++) {
    struct lp_side *side = &search->side[which];
    const struct ladder *ladder = search->ladder[which];
    const size_t steps = search->steps[which];
    size_t passed = 0;
    double share = 1;
    side->first = 0;
    side->settled = 0;
    while (side->first < side->end && ladder->value[0] == 0) {
      const double size = side->size[side->first];
      const bool clips = size > ladder->value[steps] * least;
      for (; !clips && passed < steps && ladder->middle[passed] * most <= size; passed++)
        share = -1;
      if (share < 0)
        share = largest_share(ladder, steps, passed, search->norm);
      const double worth = side->settled + side->mass[side->first] * (clips ? 1 : share);
      if (worth > TINY / 2 * search->error)
        break;
      side->settled = worth;
      side->first++;
    }
  }
}

/* What is left in the heap has its bounds. */
static void leave_rest(struct lp_search *search, const struct heap *heap)
{
  for (size_t i = 0; i < heap->count && search->floor; i++)
    lp_floor_add(search->floor, heap->piece[i].from, heap->piece[i].to, heap->piece[i].bound);
}

/* Enters all scales from MOST down to LEAST, or to where clipping is too much. Where nearly all of
 * an interval is promising it was too wide to tell. */
static enum status enter_all(struct lp_search *search, double least, double most, struct heap *heap,
                             struct progress *progress)
{
  const double ratio[] = {RATIO, sqrt(sqrt(RATIO)), sqrt(sqrt(sqrt(sqrt(RATIO))))};
  const int narrowest = sizeof ratio / sizeof *ratio - 1;
  double clipped = 0, from;
  int narrow = 0;
  for (double to = most; to > least && clipped < search->error; to = from) {
    if (progress_cancelled(progress))
      return STATUS_CANCELLED;
    from = larger(to * ratio[narrow], least);
    const size_t promising = enter(search, from, to, heap);
    if (promising >= BUCKETS * 3 / 4 && narrow < narrowest)
      narrow++;
    else if (promising < BUCKETS / 4 && narrow > 0)
      narrow--;
    clipped = lp_clipped_error(search, (from + to) / 2);
  }
  return STATUS_OK;
}

static enum status improve(struct lp_search *search, double least, double most,
                           struct progress *progress)
{
  struct heap heap;
  size_t visits = 0, most_visits = search->norm < 1 ? MOST_VISITS_BELOW_1 : MOST_VISITS;
  enum status status;
  double before;
  search->curvature_rate = curvature_rate(search->norm);
  do { /* again where so much better scales were found that what was tiny may not be */
    before = search->error;
    heap.count = 0;
    skip_tiny(search, least, most);
    if (search->floor)
      lp_floor_start(search->floor, search, most);
    status = enter_all(search, least, most, &heap, progress);
  } while (status == STATUS_OK && search->error < before / 2);
  for (; status == STATUS_OK && heap.count > 0 &&
         heap.piece[0].bound < search->error * (1 - TOLERANCE) && visits < most_visits;
       visits++) {
    struct piece piece = heap_pop(&heap);
    if (progress_cancelled(progress))
      status = STATUS_CANCELLED;
    else
      enter(search, piece.from, piece.to, &heap);
  }
  leave_rest(search, &heap);
  return status;
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
  const double least = least_scale(search, most);
  enum status status = lp_values_share(search, least, &shared, &any);
  if (status != STATUS_OK || !any)
    return status == STATUS_OK ? improve(search, least, most, progress) : status;
  status = improve(&shared, least, most, progress);
  search->error = shared.error;
  search->scale = shared.scale;
  lp_shared_free(&shared);
  return status;
}
