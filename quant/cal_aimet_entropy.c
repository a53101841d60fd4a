/* aimet-entropy: AIMET's divergence rule (quic/aimet: EntropyEncodingAnalyzer.cpp,
 * math_functions.cpp). 512 bins over the range of the values, which grow when a batch reaches
 * further; windows of the histogram, each with what lies outside added to its end bins (P) and, of
 * the same window without that, 255 merged bins spread evenly over those that are not empty (Q).
 * Both have their empty bins raised a little; the first window with the least divergence is the
 * range. Symmetric windows lose a bin on both sides at a time, others two bins where the least is
 * lost, never past zero. Other widths than 8 bits take the whole range.
 *
 * Sums that normalise are float32, as in the original. */
#include "quant/base/size.h"
#include "quant/calibrators.h"

#include <math.h>
#include <string.h>

enum { BINS = 512, MERGED = 255, ENTROPY_BITS = 8 };

struct histogram {
  double lo, hi; /* equal: nothing counted yet */
  double bin[BINS];
};

/* --- counting ------------------------------------------------------------------------------ */

static size_t bin_of(float width, float lo, float value)
{
  return width == 0 ? 0 : size_min((size_t)((value - lo) / width), BINS - 1);
}

static void count_block(void *state, const float *x, const uint64_t *counts, size_t n,
                        const void *context)
{
  const struct histogram *histogram = context;
  uint64_t *bins = state;
  float width = (float)((histogram->hi - histogram->lo) / BINS), lo = (float)histogram->lo;
  for (size_t i = 0; i < n; i++)
    bins[bin_of(width, lo, x[i])] += counts ? counts[i] : 1;
}

static void merge(void *into, const void *from, const void *context)
{
  (void)context;
  uint64_t *sum = into;
  const uint64_t *bins = from;
  for (size_t i = 0; i < BINS; i++)
    sum[i] += bins[i];
}

/* Lays the counts over the range LO..HI, which contains the present one: whole counts go to the bin
 * where a bin begins, the rest one bin further. */
static void grow(struct histogram *histogram, double lo, double hi)
{
  double old[BINS], to = (hi - lo) / BINS, from = (histogram->hi - histogram->lo) / BINS;
  memcpy(old, histogram->bin, sizeof old);
  memset(histogram->bin, 0, sizeof histogram->bin);
  for (size_t i = 0; i < BINS; i++) {
    if (old[i] == 0)
      continue;
    double begin = histogram->lo + from * (double)i;
    double end = lo + to * (floor((begin - lo) / to) + 1);
    double here = fmin(round((end - begin) / from * old[i]), old[i]);
    histogram->bin[bin_of((float)to, (float)lo, (float)begin)] += here;
    if (here < old[i])
      histogram->bin[bin_of((float)to, (float)lo, (float)(begin + to))] += old[i] - here;
  }
  histogram->lo = lo;
  histogram->hi = hi;
}

static enum status add_batch(struct histogram *histogram, const struct sample *batch)
{
  uint64_t counts[BINS];
  double lo = (double)batch->min, hi = (double)batch->max;
  if (lo == hi)
    hi = fmax(hi, lo + (double)0.01F);
  if (histogram->lo == histogram->hi) {
    histogram->lo = lo;
    histogram->hi = hi;
  } else if (lo < histogram->lo || hi > histogram->hi) {
    grow(histogram, fmin(lo, histogram->lo), fmax(hi, histogram->hi));
  }
  struct visitor visitor = {
      .state_size = sizeof counts, .block = count_block, .merge = merge, .context = histogram};
  enum status status = sample_visit(batch, &visitor, counts);
  for (size_t i = 0; i < BINS && status == STATUS_OK; i++)
    histogram->bin[i] += (double)counts[i];
  return status;
}

static double share(double share)
{
  return fmin(fmax(share, 0), 1);
}

/* The histogram over -a..a: each bin's counts go to the bins that it overlaps, rounded. */
static void mirror(struct histogram *histogram)
{
  struct histogram wide = {
      .hi = (double)fmaxf(fabsf((float)histogram->hi), fabsf((float)histogram->lo))};
  wide.lo = -wide.hi;
  double from = (histogram->hi - histogram->lo) / BINS, to = (wide.hi - wide.lo) / BINS;
  if (wide.lo == histogram->lo && wide.hi == histogram->hi)
    return;
  for (size_t i = 0; i < BINS; i++) {
    double begin = histogram->lo + (double)i * from, end = histogram->lo + (double)(i + 1) * from;
    double left = histogram->bin[i];
    size_t first = (size_t)fmin(fmax(floor((begin - wide.lo) / to), 0), BINS - 1);
    size_t last = (size_t)fmin(fmax(ceil((end - wide.lo) / to), 0), BINS - 1);
    for (size_t k = first; k <= last && left > 0; k++) {
      double low = fmax(begin, wide.lo + (double)k * to);
      double high = fmin(end, wide.lo + (double)(k + 1) * to);
      double moved = fmin(round(share((high - low) / from) * histogram->bin[i]), left);
      wide.bin[k] += moved;
      left -= moved;
    }
  }
  *histogram = wide;
}

/* --- divergence ------------------------------------------------------------------------------ */

/* Bins FIRST..LAST of a histogram. */
struct window {
  const struct histogram *histogram;
  size_t first, last;
};

static size_t window_size(const struct window *window)
{
  return window->last - window->first + 1;
}

/* In float32, one after the other. */
static double float_sum(const double *p, size_t n)
{
  float sum = 0;
  for (size_t i = 0; i < n; i++)
    sum = (float)((double)sum + p[i]);
  return (double)sum;
}

/* The window with everything outside in its end bins. */
static void saturate(const struct window *window, double *p)
{
  const double *bin = window->histogram->bin;
  size_t n = window_size(window);
  memcpy(p, bin + window->first, n * sizeof *p);
  double left = 0, right = 0;
  for (size_t i = 0; i <= window->first; i++)
    left += bin[i];
  for (size_t i = window->last; i < BINS; i++)
    right += bin[i];
  p[0] = left;
  p[n - 1] = n > 1 ? right : left + right;
}

/* The window merged into MERGED bins and spread over those that are not empty. */
static void spread(const struct window *window, double *q)
{
  const double *bin = window->histogram->bin + window->first;
  size_t n = window_size(window);
  double step = (double)n / MERGED;
  memset(q, 0, n * sizeof *q);
  for (size_t k = 0; k < MERGED; k++) {
    size_t start = (size_t)ceil((double)k * step);
    size_t end = k + 1 < MERGED ? (size_t)ceil((double)(k + 1) * step) : n;
    double sum = 0, filled = 0;
    for (size_t i = start; i < end; i++) {
      sum += bin[i];
      filled += bin[i] != 0;
    }
    for (size_t i = start; i < end; i++)
      if (bin[i] != 0)
        q[i] = sum / filled;
  }
}

/* Empty bins get 1e-4, taken evenly from the others. */
static void smooth(double *p, size_t n)
{
  static const double least = 0.0001;
  size_t empty = 0;
  for (size_t i = 0; i < n; i++)
    empty += p[i] == 0;
  double taken = empty < n ? least * (double)empty / (double)(n - empty) : 1;
  if (taken >= 1)
    return;
  for (size_t i = 0; i < n; i++)
    p[i] += p[i] == 0 ? least : -taken;
}

/* HUGE_VAL, and *done set, when one of the distributions is empty: no smaller window will do. */
static double divergence(const struct window *window, bool *done)
{
  double p[BINS], q[BINS], sum = 0;
  size_t n = window_size(window);
  saturate(window, p);
  spread(window, q);
  *done = float_sum(p, n) == 0 || float_sum(q, n) == 0;
  if (*done)
    return HUGE_VAL;
  smooth(p, n);
  smooth(q, n);
  double all_p = float_sum(p, n), all_q = float_sum(q, n);
  for (size_t i = 0; i < n; i++) {
    double a = p[i] / all_p, b = q[i] / all_q;
    if (a > 0 && b > 0)
      sum += a * log(a / b);
  }
  return sum;
}

/* --- windows ---------------------------------------------------------------------------------- */

enum loss { LOSS_BOTH, LOSS_LEFT, LOSS_RIGHT };

/* Where two bins cost least; on the other side when zero would fall out. */
static enum loss cheapest(const struct window *window, double width)
{
  const double *bin = window->histogram->bin;
  double lo = window->histogram->lo;
  size_t first = window->first, last = window->last;
  double both = bin[first] + bin[last], left = bin[first] + bin[first + 1],
         right = bin[last] + bin[last - 1];
  enum loss loss = left < both ? LOSS_LEFT : LOSS_BOTH;
  if (right < fmin(both, left))
    loss = LOSS_RIGHT;
  if ((loss == LOSS_BOTH && lo + (double)(first + 1) * width > 0) ||
      (loss == LOSS_LEFT && lo + (double)(first + 2) * width > 0))
    return LOSS_RIGHT;
  if ((loss == LOSS_BOTH && lo + (double)last * width < 0) ||
      (loss == LOSS_RIGHT && lo + (double)(last - 1) * width < 0))
    return LOSS_LEFT;
  return loss;
}

static void shrink(struct window *window, enum loss loss)
{
  window->first += loss == LOSS_BOTH ? 1 : loss == LOSS_LEFT ? 2 : 0;
  window->last -= loss == LOSS_BOTH ? 1 : loss == LOSS_RIGHT ? 2 : 0;
}

static void search(const struct histogram *histogram, bool symmetric, struct choice *choice)
{
  struct window window = {.histogram = histogram, .first = 0, .last = BINS - 1};
  double width = (histogram->hi - histogram->lo) / BINS, least = HUGE_VAL;
  bool done = false, first = true;
  while (window_size(&window) >= MERGED) {
    double found = divergence(&window, &done);
    if (done)
      break;
    if (found < least) {
      least = found;
      choice->lo = histogram->lo + (double)window.first * width;
      choice->hi = histogram->lo + (double)(window.last + 1) * width;
      choice->at_end = first;
    }
    first = false;
    shrink(&window, symmetric ? LOSS_BOTH : cheapest(&window, width));
  }
}

enum status aimet_entropy_choose(const struct calibration *calibration, const struct sample *sample,
                                 struct choice *choice, struct error *error)
{
  struct histogram histogram = {.lo = 0};
  enum status status = STATUS_OK;
  for (size_t i = 0; i < sample_batches(sample) && status == STATUS_OK; i++) {
    const struct sample *batch = sample_batch(sample, i);
    if (batch->finite > 0 && sample_absmax(batch) > 0)
      status = add_batch(&histogram, batch);
  }
  if (status == STATUS_MEMORY)
    return error_memory(error, "the histogram of an AIMET calibrator");
  if (status != STATUS_OK)
    return error_set(error, status, "cancelled");
  bool one_sided = calibration->unsigned_codes && histogram.lo >= 0;
  if (!calibration->asymmetric && !one_sided)
    mirror(&histogram);
  *choice = (struct choice){.lo = histogram.lo, .hi = histogram.hi};
  bool usable = isfinite((float)(histogram.hi - histogram.lo)) &&
                (float)((histogram.hi - histogram.lo) / BINS) > 0;
  if (calibration->format->bits == ENTROPY_BITS && usable)
    search(&histogram, !calibration->asymmetric, choice);
  choice->lo = (double)fminf((float)choice->lo, 0);
  choice->hi = (double)fmaxf((float)choice->hi, 0);
  return STATUS_OK;
}
