#include "analysis/measure.h"
#include "quant/base/size.h"
#include "quant/sample.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Counters are kept for each worker: whole numbers add up to the same in any order. Sums of
 * errors are kept for each span. */
struct worker_bins {
  struct histogram original, reconstruction, error;
};

struct bins_pass {
  struct pass pass;
  size_t bins;
  unsigned workers;
  struct worker_bins *of_worker;
  double *sum, *most; /* of |error| in each bin of the original, for each span */
};

/* --- ranges ------------------------------------------------------------------------------- */

struct range {
  double lo, hi;
};

/* Clip thresholds that lie a little outside the data are worth showing. */
static void include_thresholds(const struct fit *fit, struct range *range)
{
  double lo = INFINITY, hi = -INFINITY, near = (range->hi - range->lo) / 10;
  for (size_t unit = 0; unit < fit_grain(fit)->units; unit++) {
    double unit_lo, unit_hi;
    fit_range(fit, unit, &unit_lo, &unit_hi);
    lo = fmin(lo, unit_lo);
    hi = fmax(hi, unit_hi);
  }
  if (lo < range->lo && lo >= range->lo - near)
    range->lo = lo;
  if (hi > range->hi && hi <= range->hi + near)
    range->hi = hi;
}

/* All of the data and of its reconstruction; about 0 for symmetric schemes; never empty. */
static struct range data_range(const struct measure *measure, const struct result *result)
{
  if (result->facts.finite == 0)
    return (struct range){-1, 1};
  struct range range = {result->facts.min, result->facts.max};
  if (measure->least <= measure->most) {
    range.lo = fmin(range.lo, (double)measure->least);
    range.hi = fmax(range.hi, (double)measure->most);
  }
  include_thresholds(measure->fit, &range);
  if (!result->quantizer.asymmetric) {
    range.hi = fmax(fabs(range.lo), fabs(range.hi));
    range.lo = -range.hi;
  }
  if (range.lo < range.hi)
    return range;
  double half = range.lo == 0 ? 1 : fabs(range.lo) / 2;
  return (struct range){range.lo - half, range.hi + half};
}

/* The error's: to its largest magnitude; when there is no error, half a step to show that. */
static struct range error_range(const struct measure *measure, const struct result *result)
{
  double reach = result->metrics.max_abs_error;
  if (!(reach > 0)) {
    reach = fit_grain(measure->fit)->units ? (double)fit_scale(measure->fit, 0) / 2 : 0.5;
    reach = fmax(reach, DBL_MIN);
  }
  reach = fmin(reach, 2 * (double)FLT_MAX); /* a reconstruction can overflow */
  return (struct range){-reach, reach};
}

/* --- the pass ----------------------------------------------------------------------------- */

static void count_value(struct histogram *h, size_t bin, double x)
{
  if (bin != HISTOGRAM_OUTSIDE)
    h->count[bin]++;
  else
    histogram_add_outside(h, x);
}

static void bin_block(void *context, const struct pass_block *block)
{
  struct bins_pass *job = context;
  struct worker_bins *bins = &job->of_worker[block->worker];
  struct histogram_scale value = histogram_scale(&bins->original);
  struct histogram_scale difference = histogram_scale(&bins->error);
  double *sum = job->sum + block->span * job->bins, *most = job->most + block->span * job->bins;
  for (size_t i = 0; i < block->n; i++) {
    double x = (double)block->x[i], y = (double)block->y[i], error = y - x;
    size_t bin = histogram_bin(&value, x);
    count_value(&bins->original, bin, x);
    if (!isfinite(x))
      continue;
    count_value(&bins->reconstruction, histogram_bin(&value, y), y);
    count_value(&bins->error, histogram_bin(&difference, error), error);
    if (bin == HISTOGRAM_OUTSIDE)
      continue;
    error = fabs(error);
    sum[bin] += error;
    most[bin] = error > most[bin] ? error : most[bin];
  }
}

/* --- memory and merging -------------------------------------------------------------------- */

static bool make_bins(struct bins_pass *job, struct range range, struct range error)
{
  job->workers = pool_threads();
  job->of_worker = mem_array(job->workers, sizeof *job->of_worker);
  job->sum = mem_array(job->pass.spans, job->bins * sizeof *job->sum);
  job->most = mem_array(job->pass.spans, job->bins * sizeof *job->most);
  bool made = job->of_worker && job->sum && job->most;
  for (unsigned w = 0; made && w < job->workers; w++) {
    struct worker_bins *bins = &job->of_worker[w];
    made = histogram_init(&bins->original, range.lo, range.hi, job->bins) &&
           histogram_init(&bins->reconstruction, range.lo, range.hi, job->bins) &&
           histogram_init(&bins->error, error.lo, error.hi, job->bins);
  }
  return made;
}

static void free_bins(struct bins_pass *job)
{
  for (unsigned w = 0; job->of_worker && w < job->workers; w++) {
    histogram_free(&job->of_worker[w].original);
    histogram_free(&job->of_worker[w].reconstruction);
    histogram_free(&job->of_worker[w].error);
  }
  free(job->of_worker);
  free(job->sum);
  free(job->most);
}

/* Everything into the first worker's histograms, which become the result's. */
static void merge_workers(struct bins_pass *job, struct result *result)
{
  struct worker_bins *all = &job->of_worker[0];
  for (unsigned w = 1; w < job->workers; w++) {
    histogram_merge(&all->original, &job->of_worker[w].original);
    histogram_merge(&all->reconstruction, &job->of_worker[w].reconstruction);
    histogram_merge(&all->error, &job->of_worker[w].error);
  }
  result->original = all->original;
  result->reconstruction = all->reconstruction;
  result->error = all->error;
  *all = (struct worker_bins){0};
}

static bool merge_curve(const struct bins_pass *job, struct result *result)
{
  result->error_mean = mem_array(job->bins, sizeof *result->error_mean);
  result->error_max = mem_array(job->bins, sizeof *result->error_max);
  if (!result->error_mean || !result->error_max)
    return false;
  for (size_t bin = 0; bin < job->bins; bin++) {
    double sum = 0, most = 0;
    for (size_t span = 0; span < job->pass.spans; span++) {
      sum += job->sum[span * job->bins + bin];
      most = fmax(most, job->most[span * job->bins + bin]);
    }
    uint64_t n = result->original.count[bin];
    result->error_mean[bin] = n ? sum / (double)n : (double)NAN;
    result->error_max[bin] = n ? most : (double)NAN;
  }
  return true;
}

enum status measure_histograms(const struct measure *measure, const struct result_request *request,
                               struct result *result, struct error *error)
{
  struct range range = {request->lo, request->hi};
  if (isnan(range.lo) || isnan(range.hi))
    range = data_range(measure, result);
  if (!(range.lo < range.hi) || isinf(range.hi - range.lo))
    return error_set(error, STATUS_USAGE, "the range %g to %g of the histogram is not a range",
                     range.lo, range.hi);
  struct bins_pass job = {.pass = {.feed = measure->feed,
                                   .fit = measure->fit,
                                   .spans = pass_spans(measure->feed->count, SIZE_MAX),
                                   .progress = measure->progress},
                          .bins = request->bins};
  enum status status = STATUS_MEMORY;
  if (make_bins(&job, range, error_range(measure, result)))
    status = pass_run(&job.pass, bin_block, &job);
  if (status == STATUS_OK) {
    merge_workers(&job, result);
    status = merge_curve(&job, result) ? STATUS_OK : STATUS_MEMORY;
  }
  free_bins(&job);
  return status == STATUS_MEMORY ? error_memory(error, "the histograms") : status;
}
