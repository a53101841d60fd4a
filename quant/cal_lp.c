/* lp=P: the scale (and zero point) with the least sum of |x - y|^P. P = 2 is mse.
 *
 * Formats up to 8 bits, P >= 1: branch and bound over the scale. On an interval of scales, a value
 * whose code is the same at both ends keeps it in between, and its |x - s r|^P is convex, so it
 * lies above its tangent in the middle. A value that changes its code has an error that
 * varies by at most its level times the change of the scale. The sum of these bounds is below the
 * least error of the interval; intervals that cannot be better than the best by a relative
 * 1e-4 are left, the others are cut in four. For P < 1 errors are not convex, and the second bound
 * has to do for all; it is wide, so the answer is good, but not proved. Large units are searched in
 * a sketch, and what that finds is settled on the values. Asymmetric: from a scan of zero points,
 * each next to the best is searched. 16-bit formats: 64 scales, the best refined. minmax and mse
 * are where every search starts: the answer is never worse than theirs. */
#include "quant/base/size.h"
#include "quant/calibrators.h"
#include "quant/sketch.h"
#include "quant/trial.h"

#include <float.h>
#include <math.h>

enum { WHOLE = 60, PARTS = 4, MAX_VISITS = 6000, MAX_VISITS_BELOW_1 = 1000, SCANNED_ZEROS = 16 };

/* The first intervals are this wide; how near to the least error the search comes. */
#define RATIO     0.92
#define TOLERANCE 1e-4

struct search {
  const struct calibration *calibration;
  const struct sample *sample; /* the sketch */
  struct grid grid;
  double norm;
  int exponent;
  long zero;   /* the one that is being searched */
  bool turned; /* scales are negative */
  struct scaling best;
  double least;
  size_t visits;
};

/* --- one interval ------------------------------------------------------------------------- */

struct interval {
  const struct search *search;
  struct unit unit[3]; /* at its scales, ascending */
  struct error_interval scales;
};

/* N <= FEED_BLOCK. */
static void bound_block(void *state, const float *x, const uint64_t *counts, size_t n,
                        const void *context)
{
  const struct interval *interval = context;
  const struct search *search = interval->search;
  float y[3][FEED_BLOCK];
  const float *const columns[3] = {y[0], y[1], y[2]};
  for (int i = 0; i < 3; i++)
    search->grid.format->family->run(&search->grid, &interval->unit[i], x, n, y[i], NULL);
  kernels.error_bound(x, columns, counts, n, &interval->scales, search->norm,
                      ldexpf(1, -search->exponent), state);
}

static void merge_bounds(void *into, const void *from, const void *context)
{
  (void)context;
  double *sum = into;
  const double *bound = from;
  for (size_t i = 0; i < sizeof(struct error_bound) / sizeof(double); i++)
    sum[i] += bound[i];
}

/* A scale of the sign of SCALE that is not 0. */
static float usable(double scale)
{
  return copysignf(fmaxf(fabsf((float)scale), FLT_TRUE_MIN), (float)scale);
}

static struct unit unit_at(const struct search *search, double scale)
{
  struct scaling scaling = {.scale = usable(search->turned ? -scale : scale), .zero = search->zero};
  return calibration_unit(&search->grid, &scaling);
}

/* The lower bound of the errors between the two scales; the middle one is considered. */
static enum status visit(struct search *search, double from, double to, double *least,
                         double *clipped)
{
  struct interval interval = {.search = search};
  struct grid_end ends[2];
  struct error_bound bound;
  const double scales[3] = {from, (from + to) / 2, to};
  for (int i = 0; i < 3; i++)
    interval.unit[i] = unit_at(search, scales[i]);
  const struct unit *middle = &interval.unit[1];
  search->grid.format->family->ends(&search->grid, middle, ends);
  float rails[2] = {(float)-ends[0].end * middle->scale, (float)ends[1].end * middle->scale};
  interval.scales = (struct error_interval){.low = fabsf(interval.unit[0].scale),
                                            .middle = fabsf(middle->scale),
                                            .high = fabsf(interval.unit[2].scale),
                                            .rail_lo = rails[search->turned],
                                            .rail_hi = rails[!search->turned]};
  struct visitor visitor = {.state_size = sizeof bound,
                            .block = bound_block,
                            .merge = merge_bounds,
                            .context = &interval};
  enum status status = sample_visit(search->sample, &visitor, &bound);
  search->visits++;
  if (bound.middle < search->least) {
    search->least = bound.middle;
    search->best = (struct scaling){.scale = middle->scale, .zero = search->zero};
  }
  *least =
      fmax(bound.fixed - search->norm * fabs(bound.slope) * (to - from) / 2, 0) + bound.changed;
  *clipped = bound.clipped;
  return status;
}

/* --- all scales of one zero point --------------------------------------------------------- */

/* Intervals yet to be entered, as a heap: the least bound on top. */
struct piece {
  double from, to, bound;
};
struct heap {
  size_t count;
  struct piece piece[MAX_VISITS + PARTS + WHOLE];
};

static void heap_push(struct heap *heap, struct piece piece)
{
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

/* Down from scale MOST, until clipping alone is worse than the best. */
static enum status push_all(struct search *search, struct heap *heap, double most)
{
  double clipped = 0, to = most;
  enum status status = STATUS_OK;
  for (int i = 0; i < WHOLE && status == STATUS_OK && clipped < search->least; i++, to *= RATIO) {
    struct piece piece = {.from = RATIO * to, .to = to};
    status = visit(search, piece.from, piece.to, &piece.bound, &clipped);
    heap_push(heap, piece);
  }
  return status;
}

/* The interval in parts, of which those between neighbouring numbers are not entered again. */
static enum status push_parts(struct search *search, struct heap *heap, const struct piece *whole)
{
  double ratio = pow(whole->to / whole->from, 1.0 / PARTS), clipped;
  enum status status = STATUS_OK;
  for (int i = 0; i < PARTS && status == STATUS_OK; i++) {
    struct piece piece = {.from = whole->from * pow(ratio, i),
                          .to = whole->from * pow(ratio, i + 1)};
    status = visit(search, piece.from, piece.to, &piece.bound, &clipped);
    if ((float)piece.from < (float)piece.to)
      heap_push(heap, piece);
  }
  return status;
}

static enum status search_scales(struct search *search, double most)
{
  struct heap heap;
  size_t most_visits = search->norm < 1 ? MAX_VISITS_BELOW_1 : MAX_VISITS;
  heap.count = 0;
  search->visits = 0;
  enum status status = push_all(search, &heap, most);
  while (status == STATUS_OK && heap.count > 0 && search->visits < most_visits) {
    struct piece piece = heap_pop(&heap);
    if (piece.bound >= search->least * (1 - TOLERANCE))
      break;
    status = push_parts(search, &heap, &piece);
  }
  return status;
}

/* --- zero points -------------------------------------------------------------------------- */

/* The least errors of some scales for zero points all over the codes. */
static enum status scan_zeros(struct search *search, double most, long levels)
{
  struct search scan = *search;
  enum status status = STATUS_OK;
  long step = levels / SCANNED_ZEROS > 0 ? levels / SCANNED_ZEROS : 1;
  for (scan.zero = 0; scan.zero < levels && status == STATUS_OK; scan.zero += step) {
    double bound, clipped = 0, to = most;
    for (int i = 0; i < WHOLE / 3 && status == STATUS_OK && clipped < scan.least; i++, to *= 0.8)
      status = visit(&scan, 0.999 * to, to, &bound, &clipped);
  }
  search->best = scan.best;
  search->least = scan.least;
  return status;
}

static enum status search_zeros(struct search *search, double most)
{
  long levels = (long)format_levels(search->calibration->format, true, false);
  enum status status = scan_zeros(search, most, levels);
  long low = search->best.zero, high = low; /* done from LOW to HIGH */
  search->zero = low;
  while (status == STATUS_OK) {
    status = search_scales(search, most);
    if (search->best.zero == high && high + 1 < levels)
      search->zero = ++high;
    else if (search->best.zero == low && low > 0)
      search->zero = --low;
    else
      break;
  }
  return status;
}

/* --- settling on the values --------------------------------------------------------------- */

static enum status try_scales(struct search *search, const struct sample *sample, double center,
                              double width, int count)
{
  struct trials trials = trials_make(search->calibration, sample, search->norm);
  struct scaling before = search->best;
  for (int i = -count; i <= count; i++) {
    float scale = usable(center * (1 + (count ? width * i / count : 0)));
    scale = calibration_stored_scale(search->calibration, scale);
    trials.scaling[trials.count++] =
        (struct scaling){.scale = scale, .zero = before.zero, .offset = before.offset};
  }
  enum status status = trials_measure(&trials, sample, NULL);
  for (size_t i = 0; i < trials.count && status == STATUS_OK; i++)
    if (trials.error[i] < search->least) {
      search->least = trials.error[i];
      search->best = trials.scaling[i];
    }
  return status;
}

static enum status refine(struct search *search, const struct sample *sample, double width,
                          double until)
{
  enum status status = STATUS_OK;
  for (; status == STATUS_OK && width > until; width /= 4)
    status = try_scales(search, sample, (double)search->best.scale, width, 4);
  return status;
}

/* The best of the sketch and the two starts, on the values. */
static enum status settle(struct search *search, const struct sample *sample,
                          const struct scaling starts[2], bool sketched)
{
  struct scaling candidate[] = {starts[0], starts[1], search->best};
  enum status status = STATUS_OK;
  search->least = HUGE_VAL;
  for (size_t i = 0; i < 3 && status == STATUS_OK; i++) {
    struct scaling best = search->best;
    double least = search->least;
    search->best = candidate[i];
    status = try_scales(search, sample, (double)candidate[i].scale, 0, 0);
    if (!(search->least < least))
      search->best = best;
  }
  /* The error is flat there: a thousandth beside the best scale costs a millionth. */
  return status == STATUS_OK && sketched
             ? try_scales(search, sample, (double)search->best.scale, 1e-3, 2)
             : status;
}

/* --- the row ------------------------------------------------------------------------------ */

static enum status search_many_levels(struct search *search, const struct sample *sample,
                                      double most)
{
  enum status status = STATUS_OK;
  const struct family *family = search->grid.format->family;
  double step = pow(family->narrowest / family->widest, 1.0 / 63);
  for (int i = 0; i < 64 && status == STATUS_OK; i += 16) {
    struct trials trials = trials_make(search->calibration, sample, search->norm);
    for (int k = i; k < i + 16; k++) {
      float scale = usable(most * pow(step, k));
      trials.scaling[trials.count++] = (struct scaling){.scale = scale, .zero = search->best.zero};
    }
    status = trials_measure(&trials, sample, NULL);
    for (size_t k = 0; k < trials.count && status == STATUS_OK; k++)
      if (trials.error[k] < search->least) {
        search->least = trials.error[k];
        search->best = trials.scaling[k];
      }
  }
  return status == STATUS_OK ? refine(search, sample, 1 - step, 1e-6) : status;
}

static enum status search_format(struct search *search, const struct sample *sample,
                                 const struct scaling starts[2])
{
  /* Beyond twice the scale of minmax all codes are in the lower half of the levels, and half the
   * scale has those levels, too. */
  double most = 2 * fabs((double)starts[0].scale);
  if (search->calibration->format->bits > 8)
    return search_many_levels(search, sample,
                              (double)starts[0].scale * search->grid.format->family->widest);
  struct sketch sketch;
  enum status status = sketch_make(sample, &sketch);
  if (status != STATUS_OK)
    return status;
  search->sample = &sketch.sample;
  status =
      search->calibration->asymmetric ? search_zeros(search, most) : search_scales(search, most);
  sketch_free(&sketch);
  return status == STATUS_OK ? settle(search, sample, starts, !sketch.exact) : status;
}

enum status lp_choose(const struct calibration *calibration, const struct sample *sample,
                      struct choice *choice, struct error *error)
{
  double norm = calibration->parameter;
  struct choice minmax = {.lo = (double)sample->min, .hi = (double)sample->max};
  struct scaling starts[2];
  enum status status = mse_choose(calibration, sample, choice, error);
  if (status != STATUS_OK || norm == 2)
    return status;
  calibration_scale(calibration, &minmax, &starts[0]);
  calibration_scale(calibration, choice, &starts[1]);
  struct search search = {.calibration = calibration,
                          .sample = sample,
                          .grid = calibration_grid(calibration),
                          .norm = norm,
                          .zero = starts[1].zero,
                          .turned = starts[1].scale < 0,
                          .best = starts[0],
                          .least = HUGE_VAL};
  search.exponent = trials_make(calibration, sample, norm).exponent;
  status = search_format(&search, sample, starts);
  choice->has_scale = true;
  choice->scale = search.best.scale;
  choice->zero = search.best.zero;
  if (status == STATUS_MEMORY)
    return error_memory(error, "the search for the least error");
  return status == STATUS_OK ? status : error_set(error, status, "cancelled");
}
