#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/analysis/reference.h"

#include "quant/base/size.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void reference_near(const char *what, double found, double expected, double tolerance)
{
  if (isnan(expected) && isnan(found))
    return;
  if (found == expected)
    return;
  if (!(fabs(found - expected) <= tolerance * fabs(expected)))
    fail_msg("%s: found %.17g, expected %.17g", what, found, expected);
}

/* Decibels: a relative error of the sums is an absolute one here. */
static void near_db(const char *what, double found, double expected)
{
  if (!(fabs(found - expected) <= 1e-10))
    reference_near(what, found, expected, 0);
}

/* Index of element I along each axis of SHAPE. */
static void index_of(size_t i, const struct shape *shape, size_t *index)
{
  for (unsigned a = shape->dims; a-- > 0; i /= shape->dim[a])
    index[a] = i % shape->dim[a];
}

static size_t channel_of(size_t i, const struct shape *shape, int axis)
{
  size_t index[SHAPE_MAX_DIMS];
  index_of(i, shape, index);
  return shape->dims ? index[axis < 0 ? axis + (int)shape->dims : axis] : 0;
}

static size_t unit_of(size_t i, const struct shape *shape, const struct granularity *granularity)
{
  size_t index[SHAPE_MAX_DIMS], row = 0;
  size_t columns = shape->dims ? shape->dim[shape->dims - 1] : 1;
  index_of(i, shape, index);
  for (unsigned a = 0; a + 1 < shape->dims; a++)
    row = row * shape->dim[a] + index[a];
  switch (granularity->kind) {
  case GRAIN_TENSOR:
    break;
  case GRAIN_CHANNEL:
    return channel_of(i, shape, granularity->axis);
  case GRAIN_TOKEN:
    return row;
  case GRAIN_GROUP:
    return row * ((columns + granularity->group - 1) / granularity->group) +
           i % columns / granularity->group;
  }
  return 0;
}

struct sums {
  long double e, e2, ce2, x2, y2, xy, be2, bx2, worst;
  double n, clipped, rail, flushed, high;
};

struct element {
  float y;
  long code;    /* grid number of integers, bit pattern of floats */
  bool clipped; /* the clamp changed the rounded code */
  bool rail, high;
};

static struct element integer_element(const struct result *result, size_t unit, float x)
{
  float scale = fit_scale(result->fit, unit);
  long zero = fit_zero_point(result->fit, unit), lowest, highest;
  quantizer_code_range(&result->quantizer, &lowest, &highest);
  double rounded = nearbyint((double)(x / scale)) + (double)zero;
  double code = fmin(fmax(rounded, (double)lowest), (double)highest);
  long reach = result->quantizer.asymmetric
                   ? (highest - zero > zero - lowest ? highest - zero : zero - lowest)
                   : highest;
  float y = (float)(code - (double)zero) * scale;
  return (struct element){.y = y,
                          .code = (long)code,
                          .clipped = rounded != code,
                          .rail = y == (float)(lowest - zero) * scale ||
                                  y == (float)(highest - zero) * scale,
                          .high = fabs(code - (double)zero) * 127 > 100 * (double)reach};
}

/* The float grid: what is beyond the midpoint to the number that would come next is clipped. */
static struct element float_element(const struct result *result, size_t unit, float x)
{
  const struct format *format = result->quantizer.format;
  float scale = fit_scale(result->fit, unit), scaled = x / scale;
  uint32_t code = format_encode(format, scaled);
  float grid = format_decode(format, code);
  float max = (float)format_max(format);
  double ulp = ldexp(1, ilogbf(max) - format->mantissa_bits);
  bool clipped = fabs((double)scaled) >= (double)max + ulp / 2;
  /* At the midpoint itself the tie goes to the even code. */
  if (fabs((double)scaled) == (double)max + ulp / 2)
    clipped = format_encode(format, max) % 2 == 1;
  if (grid == 0)
    code = 0;
  return (struct element){.y = grid * scale,
                          .code = (long)code,
                          .clipped = clipped,
                          .rail = fabsf(grid * scale) == max * scale,
                          .high = fabs((double)grid) * 127 > 100 * (double)max};
}

static struct element element_of(const struct result *result, size_t unit, float x)
{
  return format_is_integer(result->quantizer.format) ? integer_element(result, unit, x)
                                                     : float_element(result, unit, x);
}

static void add(struct sums *s, float xf, const struct element *element, double p99)
{
  long double x = (long double)xf, y = (long double)element->y, e = x - y;
  s->n++;
  s->e += e;
  s->e2 += e * e;
  s->ce2 += element->clipped ? e * e : 0;
  s->x2 += x * x;
  s->y2 += y * y;
  s->xy += x * y;
  s->worst = fabsl(e) > s->worst ? fabsl(e) : s->worst;
  if (fabsl(x) <= (long double)p99) {
    s->be2 += e * e;
    s->bx2 += x * x;
  }
  s->clipped += element->clipped;
  s->rail += element->rail;
  s->high += element->high;
  s->flushed += x != 0 && y == 0;
}

static double decibels(long double x2, long double e2)
{
  if (e2 == 0)
    return x2 == 0 ? (double)NAN : (double)INFINITY;
  return (double)(10 * log10l(x2 / e2));
}

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* numpy.percentile(values, p) with its default method; sorts VALUES. */
static double percentile(double *values, size_t n, double p)
{
  if (n == 0)
    return (double)NAN;
  qsort(values, n, sizeof *values, ascending);
  double h = (double)(n - 1) * p / 100;
  size_t i = (size_t)h;
  return i + 1 < n ? values[i] + (h - (double)i) * (values[i + 1] - values[i]) : values[i];
}

static void check_totals(const struct metrics *m, const struct sums *s)
{
  double n = s->n > 0 ? s->n : (double)NAN;
  double bound = 1e-11;
  reference_near("mse", m->mse, (double)s->e2 / n, bound);
  reference_near("rmse", m->rmse, sqrt((double)s->e2 / n), bound);
  if (fabs(m->mean_error - (double)s->e / n) > 1e-12 * sqrt((double)s->e2 / n))
    fail_msg("mean_error: found %.17g, expected %.17g", m->mean_error, (double)s->e / n);
  near_db("sqnr_db", m->sqnr_db, decibels(s->x2, s->e2));
  near_db("bulk_sqnr_db", m->bulk_sqnr_db, decibels(s->bx2, s->be2));
  reference_near("max_abs_error", m->max_abs_error, s->n > 0 ? (double)s->worst : (double)NAN, 0);
  reference_near("clip_rate", m->clip_rate, s->clipped / n, 0);
  reference_near("rail_rate", m->rail_rate, s->rail / n, 0);
  reference_near("zero_rate", m->zero_rate, s->flushed / n, 0);
  reference_near("high_code_rate", m->high_code_rate, s->high / n, 0);
  reference_near("clipping_mse", m->clipping_mse, (double)s->ce2 / n, bound);
  if (s->e2 > 0 &&
      isfinite(
          s->e2)) /* near zero beside the clipping error, rounding is a difference of two sums */
    assert_true(fabs(m->rounding_mse - (double)(s->e2 - s->ce2) / n) <= bound * m->mse);
  if (s->n > 0 && isfinite(s->e2)) /* a reconstruction can overflow */
    assert_true(fabs(m->rounding_mse + m->clipping_mse - m->mse) <= 1e-15 * m->mse);
  reference_near("cosine", m->cosine, (double)(s->xy / sqrtl(s->x2 * s->y2)), bound);
}

/* The figure's: of the finite ones among N sorted numbers. */
static void check_spread(const struct spread *spread, const double *sorted, size_t n)
{
  size_t first = 0, positive = 0;
  for (; n > 0 && isinf(sorted[n - 1]); n--)
    continue;
  for (; first < n && isinf(sorted[first]); first++)
    continue;
  sorted += first;
  n -= first;
  for (; positive < n && !(sorted[positive] > 0); positive++)
    continue;
  assert_int_equal(spread->count, n);
  assert_true(spread->least == (n ? sorted[0] : HUGE_VAL));
  assert_true(spread->most == (n ? sorted[n - 1] : -HUGE_VAL));
  assert_true(spread->least_positive == (positive < n ? sorted[positive] : HUGE_VAL));
  double median = n ? (sorted[(n - 1) / 2] + sorted[n / 2]) / 2 : (double)NAN;
  reference_near("median of the finite", spread->median, median, 1e-15);
}

static void check_channels(const struct result *result, const struct sums *of_channel,
                           const double *absmax)
{
  const struct channels *channels = &result->channels;
  size_t known = 0, present = 0;
  double *sqnr = malloc((channels->count + 1) * sizeof *sqnr);
  double *sorted = malloc((channels->count + 1) * sizeof *sorted);
  for (size_t c = 0; c < channels->count; c++) {
    const struct channel *channel = &channels->channel[c];
    const struct sums *s = &of_channel[c];
    double n = s->n > 0 ? s->n : (double)NAN, db = s->n > 0 ? decibels(s->x2, s->e2) : (double)NAN;
    assert_int_equal(channel->finite, (uint64_t)s->n);
    reference_near("channel absmax", channel->absmax, s->n > 0 ? absmax[c] : (double)NAN, 0);
    reference_near("channel mse", channel->mse, (double)s->e2 / n, 1e-11);
    near_db("channel sqnr", channel->sqnr_db, db);
    reference_near("channel clip rate", channel->clip_rate, s->clipped / n, 0);
    if (!isnan(channel->sqnr_db))
      sqnr[known++] = channel->sqnr_db; /* near to db */
    if (s->n > 0)
      sorted[present++] = absmax[c];
  }
  qsort(sorted, present, sizeof *sorted, ascending);
  check_spread(&channels->absmax, sorted, present);
  double median = percentile(sorted, present, 50);
  reference_near("median absmax", channels->median_absmax, median, 1e-15);
  for (size_t c = 0; c < channels->count; c++)
    reference_near("ratio", channels->channel[c].ratio, channels->channel[c].absmax / median,
                   1e-15);
  qsort(sqnr, known, sizeof *sqnr, ascending);
  check_spread(&channels->sqnr_db, sqnr, known);
  double middle = known ? sqnr[known / 2] : (double)NAN;
  if (known && known % 2 == 0)
    middle = sqnr[known / 2 - 1] == middle ? middle : (sqnr[known / 2 - 1] + middle) / 2;
  near_db("median channel sqnr", result->metrics.channel_sqnr_median, middle);
  near_db("worst channel sqnr", result->metrics.channel_sqnr_worst, known ? sqnr[0] : (double)NAN);
  if (known)
    assert_true(channels->channel[result->metrics.worst_channel].sqnr_db ==
                result->metrics.channel_sqnr_worst);
  free(sqnr);
  free(sorted);
}

static int by_code(const void *a, const void *b)
{
  long x = *(const long *)a, y = *(const long *)b;
  return (x > y) - (x < y);
}

static void check_codes(const struct metrics *m, long *codes, size_t n)
{
  size_t used = 0;
  double entropy = 0;
  qsort(codes, n, sizeof *codes, by_code);
  for (size_t i = 0, run; i < n; i += run, used++) {
    for (run = 1; i + run < n && codes[i + run] == codes[i]; run++)
      continue;
    entropy -= (double)run / (double)n * log2((double)run / (double)n);
  }
  assert_int_equal(m->levels_used, used);
  assert_true(m->levels_used <= m->levels);
  if (n)
    assert_true(fabs(m->code_entropy_bits - entropy) <= 1e-12 * fmax(entropy, 1));
  else
    assert_true(isnan(m->code_entropy_bits));
}

static void count_one(struct histogram *h, double x)
{
  if (isnan(x))
    h->nan++;
  else if (isinf(x))
    h->inf++;
  else if (x < h->lo)
    h->under++;
  else if (x > h->hi)
    h->over++;
  else
    h->count[(size_t)fmin(floor((x - h->lo) * ((double)h->bins / (h->hi - h->lo))),
                          (double)(h->bins - 1))]++;
}

static void check_histogram(const char *what, const struct histogram *found,
                            const struct histogram *expected)
{
  for (size_t i = 0; i < expected->bins; i++)
    if (found->count[i] != expected->count[i])
      fail_msg("%s: bin %zu has %llu, expected %llu", what, i, (unsigned long long)found->count[i],
               (unsigned long long)expected->count[i]);
  assert_int_equal(found->under, expected->under);
  assert_int_equal(found->over, expected->over);
  assert_int_equal(found->nan, expected->nan);
  assert_int_equal(found->inf, expected->inf);
}

static void check_histograms(const struct result *result, const float *x, const float *y, size_t n)
{
  const struct histogram *given[] = {&result->original, &result->reconstruction, &result->error};
  struct histogram h[3];
  size_t bins = result->original.bins;
  if (bins == 0)
    return;
  double *sum = calloc(bins, sizeof *sum), *most = calloc(bins, sizeof *most);
  double *squares = calloc(bins, sizeof *squares);
  for (int k = 0; k < 3; k++)
    assert_true(histogram_init(&h[k], given[k]->lo, given[k]->hi, given[k]->bins));
  for (size_t i = 0; i < n; i++) {
    double xd = (double)x[i], e = (double)y[i] - xd;
    count_one(&h[0], xd);
    if (!isfinite(x[i]))
      continue;
    count_one(&h[1], (double)y[i]);
    count_one(&h[2], e);
    if (xd < h[0].lo || xd > h[0].hi)
      continue;
    size_t bin =
        (size_t)fmin((xd - h[0].lo) * ((double)bins / (h[0].hi - h[0].lo)), (double)(bins - 1));
    sum[bin] += fabs(e);
    most[bin] = fmax(most[bin], fabs(e));
    squares[bin] += isfinite(e) ? e * e : 0;
  }
  check_histogram("original", &result->original, &h[0]);
  check_histogram("reconstruction", &result->reconstruction, &h[1]);
  check_histogram("error", &result->error, &h[2]);
  assert_int_equal(histogram_total(&result->original), n);
  assert_int_equal(histogram_total(&result->error), result->facts.finite);
  assert_int_equal(result->error.under + result->error.over, 0);
  for (size_t bin = 0; bin < bins; bin++) {
    double count = h[0].count[bin] ? (double)h[0].count[bin] : (double)NAN;
    reference_near("error_mean", result->error_mean[bin], sum[bin] / count, 1e-11);
    reference_near("error_max", result->error_max[bin], h[0].count[bin] ? most[bin] : count, 0);
    reference_near("error2", result->error2[bin], squares[bin], 1e-11);
  }
  for (int k = 0; k < 3; k++)
    histogram_free(&h[k]);
  free(sum);
  free(most);
  free(squares);
}

/* KL over METRICS_KL_BINS bins of min..max, and relative errors rounded to float32. */
static void check_details(const struct result *result, const float *x, const float *y, size_t n)
{
  const struct metrics *m = &result->metrics;
  if (!result->has_details) {
    assert_true(isnan(m->kl_divergence) && isnan(m->relative_error_p50));
    return;
  }
  double *relative = malloc((n + 1) * sizeof *relative), kl = 0;
  struct histogram p, q;
  size_t kept = 0;
  bool range = result->facts.min < result->facts.max;
  double lo = range ? result->facts.min : 0, hi = range ? result->facts.max : 1;
  assert_true(histogram_init(&p, lo, hi, METRICS_KL_BINS));
  assert_true(histogram_init(&q, lo, hi, METRICS_KL_BINS));
  for (size_t i = 0; i < n; i++) {
    double xd = (double)x[i], yd = (double)y[i];
    if (!isfinite(x[i]))
      continue;
    count_one(&p, xd);
    count_one(&q, fmin(fmax(yd, lo), hi));
    if (xd != 0)
      relative[kept++] = (double)(float)fmin(fabs(xd - yd) / fabs(xd), (double)FLT_MAX);
  }
  double total = (double)result->facts.finite;
  for (size_t i = 0; i < METRICS_KL_BINS; i++)
    if (p.count[i])
      kl += (double)p.count[i] / total *
            log((double)p.count[i] / total / (q.count[i] ? (double)q.count[i] / total : 1e-10));
  if (range)
    assert_true(fabs(m->kl_divergence - kl) <= 1e-12 * fmax(1, fabs(kl)));
  else
    assert_true(isnan(m->kl_divergence));
  reference_near("relative p50", m->relative_error_p50, percentile(relative, kept, 50), 1e-14);
  reference_near("relative p99", m->relative_error_p99, percentile(relative, kept, 99), 1e-14);
  histogram_free(&p);
  histogram_free(&q);
  free(relative);
}

void reference_check(const struct result *result, const float *x, const struct shape *shape,
                     int axis)
{
  size_t n = shape_elements(shape), finite = 0;
  size_t channels = result->channels.count;
  struct sums whole = {0}, *of_channel = calloc(channels + 1, sizeof *of_channel);
  double *absmax = calloc(channels + 1, sizeof *absmax);
  double *magnitude = malloc((n + 1) * sizeof *magnitude);
  long *codes = malloc((n + 1) * sizeof *codes);
  float *y = malloc((n + 1) * sizeof *y);
  for (size_t i = 0; i < n; i++)
    if (isfinite(x[i]))
      magnitude[finite++] = fabs((double)x[i]);
  double p99 = percentile(magnitude, finite, 99);
  finite = 0;
  for (size_t i = 0; i < n; i++) {
    size_t unit = unit_of(i, shape, &result->quantizer.granularity);
    size_t channel = channels == 1 ? 0 : channel_of(i, shape, axis);
    struct element element = element_of(result, unit, x[i]);
    y[i] = element.y;
    if (!isfinite(x[i]))
      continue;
    codes[finite++] = element.code;
    add(&whole, x[i], &element, p99);
    add(&of_channel[channel], x[i], &element, p99);
    absmax[channel] = fmax(absmax[channel], fabs((double)x[i]));
  }
  check_totals(&result->metrics, &whole);
  check_channels(result, of_channel, absmax);
  check_codes(&result->metrics, codes, finite);
  check_histograms(result, x, y, n);
  check_details(result, x, y, n);
  free(of_channel);
  free(absmax);
  free(magnitude);
  free(codes);
  free(y);
}
