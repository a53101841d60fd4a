#include "analysis/theory_fit.h"

#include "analysis/metrics.h"
#include "quant/base/size.h"

#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <stdlib.h>

/* Ascending values, each WEIGHT times. */
struct values {
  double *x, *weight;
  size_t count;
  double total;
};

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void take_digest(const struct digest *digest, struct values *v)
{
  for (size_t i = 0; i < digest->distinct; i++) {
    v->x[i] = (double)digest->values[i];
    v->weight[i] = (double)digest->counts[i];
  }
  v->count = digest->distinct;
}

/* Evenly spaced elements. The distance is odd, so that rows of even length are not met in the same
 * column each time. */
static void take_sample(const struct tensor *tensor, struct values *v)
{
  const struct feed feed = tensor_feed(tensor);
  float scratch[FEED_BLOCK];
  size_t step = tensor->count <= THEORY_SAMPLE ? 1 : (tensor->count / THEORY_SAMPLE) | 1;
  for (size_t start = 0, next = 0; start < feed.count; start += FEED_BLOCK) {
    size_t n = size_min(FEED_BLOCK, feed.count - start);
    if (next >= start + n)
      continue;
    const float *x = feed_block(&feed, start, n, scratch);
    for (; next < start + n; next += step)
      if (isfinite(x[next - start]))
        v->x[v->count++] = (double)x[next - start];
  }
  qsort(v->x, v->count, sizeof *v->x, ascending);
  for (size_t i = 0; i < v->count; i++)
    v->weight[i] = 1;
}

static bool gather(const struct tensor *tensor, const struct digest *digest, struct values *v)
{
  /* An odd step is at least tensor->count / THEORY_SAMPLE, which was rounded down. */
  size_t most = digest ? digest->distinct : size_min(tensor->count, 2 * THEORY_SAMPLE);
  *v = (struct values){.x = mem_array(most, sizeof *v->x),
                       .weight = mem_array(most, sizeof *v->weight)};
  if (!v->x || !v->weight)
    return false;
  if (digest)
    take_digest(digest, v);
  else
    take_sample(tensor, v);
  for (size_t i = 0; i < v->count; i++)
    v->total += v->weight[i];
  return true;
}

/* --- the fits -------------------------------------------------------------------------------- */

static struct distribution named(const char *name)
{
  struct distribution d;
  distribution_parse(name, &d, NULL);
  return d;
}

static void fit_gaussian(const struct values *v, const struct facts *facts, struct distribution *d)
{
  (void)v;
  *d = named("gaussian");
  d->mean = facts->mean;
  d->deviation = facts->std;
}

static void fit_laplace(const struct values *v, const struct facts *facts, struct distribution *d)
{
  double sum = 0;
  *d = named("laplace");
  d->mean = facts->mean;
  for (size_t i = 0; i < v->count; i++)
    sum += v->weight[i] * fabs(v->x[i] - d->mean);
  d->deviation = sqrt(2) * sum / v->total;
}

/* Log-likelihood per value of the t of NU degrees, whose location and scale (its own, not the
 * deviation) are improved in place by a few rounds of expectation-maximisation: a value far out
 * weighs (nu + 1) / (nu + z^2). */
static double climb(const struct values *v, double nu, double *location, double *scale)
{
  enum { ROUNDS = 12 };
  for (int round = 0; round < ROUNDS; round++) {
    double weights = 0, first = 0, second = 0;
    for (size_t i = 0; i < v->count; i++) {
      double e = v->x[i] - *location, z = e / *scale;
      double w = v->weight[i] * (nu + 1) / (nu + z * z);
      weights += w, first += w * e, second += w * e * e;
    }
    *location += first / weights;
    *scale = sqrt(second / v->total);
    if (!(*scale > 0))
      return -(double)INFINITY;
  }
  double sum = 0;
  for (size_t i = 0; i < v->count; i++) {
    double z = (v->x[i] - *location) / *scale;
    sum += v->weight[i] * log1p(z * z / nu);
  }
  return gsl_sf_lngamma((nu + 1) / 2) - gsl_sf_lngamma(nu / 2) - log(nu * M_PI) / 2 - log(*scale) -
         (nu + 1) / 2 * sum / v->total;
}

#define NU_LEAST 2.1
#define NU_MOST  200.0

/* Golden section in log nu: the likelihood has one maximum there. */
static void fit_student(const struct values *v, const struct facts *facts, struct distribution *d)
{
  const double golden = (sqrt(5) - 1) / 2;
  double lo = log(NU_LEAST), hi = log(NU_MOST), location = facts->mean, scale = facts->std;
  double a = hi - golden * (hi - lo), b = lo + golden * (hi - lo);
  double at_a = climb(v, exp(a), &location, &scale), at_b = climb(v, exp(b), &location, &scale);
  while (hi - lo > 0.005) {
    if (at_a > at_b) {
      hi = b, b = a, at_b = at_a;
      a = hi - golden * (hi - lo);
      at_a = climb(v, exp(a), &location, &scale);
    } else {
      lo = a, a = b, at_a = at_b;
      b = lo + golden * (hi - lo);
      at_b = climb(v, exp(b), &location, &scale);
    }
  }
  *d = named("student-t");
  d->nu = exp((lo + hi) / 2);
  climb(v, d->nu, &location, &scale);
  d->mean = location;
  d->deviation = scale * sqrt(d->nu / (d->nu - 2));
}

static void judge(const struct values *v, struct theory_fit *fit)
{
  double below = 0, sum = 0;
  fit->ks = 0;
  for (size_t i = 0; i < v->count; i++) {
    double expected = distribution_below(&fit->d, v->x[i]);
    fit->ks = fmax(fit->ks, fabs(expected - below / v->total));
    below += v->weight[i];
    fit->ks = fmax(fit->ks, fabs(expected - below / v->total));
    sum += v->weight[i] * log(fmax(distribution_density(&fit->d, v->x[i]), 1e-300));
  }
  fit->log_likelihood = sum / v->total;
}

enum status theory_fit(const struct tensor *tensor, const struct facts *facts,
                       const struct digest *digest, struct theory_fits *out, struct error *error)
{
  static void (*const methods[THEORY_FITS])(const struct values *, const struct facts *,
                                            struct distribution *) = {fit_gaussian, fit_laplace,
                                                                      fit_student};
  struct values v;
  *out = (struct theory_fits){.examined = 0};
  if (facts->finite < 2 || !(facts->std > 0) || !isfinite(facts->std * facts->std))
    return STATUS_OK;
  bool good = gather(tensor, digest, &v);
  bool varied = good && v.count >= 2 && v.x[0] < v.x[v.count - 1];
  for (size_t i = 0; i < THEORY_FITS && varied; i++) {
    struct theory_fit *fit = &out->fit[i];
    methods[i](&v, facts, &fit->d);
    judge(&v, fit);
    fit->d.limit = fmax(facts->max - fit->d.mean, fit->d.mean - facts->min) / fit->d.deviation;
    if (fit->log_likelihood > out->fit[out->best].log_likelihood)
      out->best = i;
  }
  if (varied)
    out->examined = (size_t)v.total;
  free(v.x);
  free(v.weight);
  return good ? STATUS_OK : error_memory(error, "the fitted distributions");
}

enum status theory_predict(const struct theory_fit *fit, const struct result *result,
                           struct theory_prediction *out, struct error *error)
{
  const struct grain *grain = fit_grain(result->fit);
  struct theory_error predicted;
  *out = (struct theory_prediction){(double)NAN, (double)NAN, (double)NAN};
  if (grain->kind != GRAIN_TENSOR || grain->units != 1 ||
      format_is_block(result->quantizer.format) || fit_level_count(result->fit) > 65536)
    return STATUS_OK;
  size_t count;
  double *levels = fit_levels(result->fit, 0, &count);
  if (!levels)
    return error_memory(error, "the levels");
  theory_error(&fit->d, levels, count, 1, &predicted);
  out->sqnr_db = predicted.sqnr_db;
  double factor =
      count <= THEORY_LEVELS_MOST ? theory_best_scale(&fit->d, levels, count) : (double)NAN;
  if (factor > 0) {
    theory_error(&fit->d, levels, count, factor, &predicted);
    out->optimum_clip = factor * fmax(fabs(levels[0]), fabs(levels[count - 1]));
    out->optimum_sqnr_db = predicted.sqnr_db;
  }
  free(levels);
  return STATUS_OK;
}
