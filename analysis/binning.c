#include "analysis/measure.h"
#include "quant/base/size.h"

#include <float.h>
#include <math.h>

enum { OUTSIDE = BINS_OUTSIDE };
enum {
  PIECE = 512
}; /* at least CODES_COUNTED; elements placed at a time: their bins stay in the nearest cache */

/* One histogram in the making: its edges, a counter for each bin, and OUTSIDE more. */
struct counter {
  struct bin_edges edges;
  uint64_t *count;
};

/* Counters are kept for each worker: whole numbers add up to the same in any order. Where there are
 * sums of errors, the bins of the original are kept with them, for each span. */
struct worker_bins {
  struct counter original, reconstruction, error;
  uint64_t nan, inf; /* of the original */
};

struct bins_pass {
  struct pass pass;
  size_t bins;
  bool all_finite;
  bool errors;                   /* by value, and their own histogram */
  const struct histogram *known; /* of the original; NULL: not yet */
  bool levels_known;             /* the reconstruction's bins follow from the counts of codes */
  unsigned workers;
  struct worker_bins *of_worker;
  struct error_bin *original; /* each bin, with what is outside, of each span */
};

/* --- ranges ------------------------------------------------------------------------------- */

struct range {
  double lo, hi;
};

/* Clip thresholds that lie a little outside the data are worth showing. */
static void include_thresholds(const struct measure *measure, struct range *range)
{
  const struct fit *fit = measure->fit;
  const bool known = fit_is_on_demand(fit);
  double lo = known ? measure->ranges.lo : (double)INFINITY;
  double hi = known ? measure->ranges.hi : -(double)INFINITY;
  double near = (range->hi - range->lo) / 10;
  for (size_t unit = 0; !known && unit < fit_grain(fit)->units; unit++) {
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
  include_thresholds(measure, &range);
  if (!result->quantizer.asymmetric) {
    range.hi = fmax(fabs(range.lo), fabs(range.hi));
    range.lo = -range.hi;
  }
  if (range.lo < range.hi)
    return range;
  double half = range.lo == 0 ? 1 : fabs(range.lo) / 2;
  return (struct range){range.lo - half, range.hi + half};
}

/* 1 in an empty tensor. */
static double first_scale(const struct measure *measure)
{
  struct fit_part part = {0};
  double scale = 1;
  if (measure->feed->count == 0)
    return scale;
  const struct fit *fit = fit_part_at(&part, measure->fit, measure->feed, 0, 1);
  scale = fit ? (double)fit_scale(fit, 0) : scale;
  fit_part_free(&part);
  return scale;
}

/* The error's: to its largest magnitude; when there is no error, half a step to show that. */
static struct range error_range(const struct measure *measure, const struct result *result)
{
  double reach = result->metrics.max_abs_error;
  if (!(reach > 0)) {
    reach = fmax(first_scale(measure) / 2, DBL_MIN);
  }
  reach = fmin(reach, 2 * (double)FLT_MAX); /* a reconstruction can overflow */
  return (struct range){-reach, reach};
}

/* --- the pass ----------------------------------------------------------------------------- */

static void count_piece(struct counter *counter, const float *x, const float *less, size_t n)
{
  int32_t at[PIECE];
  kernels.bins(x, less, n, &counter->edges, at);
  for (size_t i = 0; i < n; i++)
    counter->count[at[i]]++;
}

/* N finite values (n <= PIECE) and their reconstructions, which can overflow to infinity. */
static void bin_piece(const struct bins_pass *job, struct worker_bins *bins,
                      struct error_bin *original, const float *x, const float *y, size_t n)
{
  if (job->errors) {
    int32_t at[PIECE];
    kernels.bins(x, NULL, n, &bins->original.edges, at);
    kernels.error_bins(x, y, at, n, original);
    count_piece(&bins->error, y, x, n);
  } else if (!job->known) {
    count_piece(&bins->original, x, NULL, n);
  }
  if (!job->levels_known)
    count_piece(&bins->reconstruction, y, NULL, n);
}

/* Values that each stand for COUNT elements. */
static void add_counts(struct counter *counter, const float *x, const float *less, size_t n,
                       const uint64_t *count)
{
  int32_t at[PIECE];
  kernels.bins(x, less, n, &counter->edges, at);
  for (size_t i = 0; i < n; i++)
    counter->count[at[i]] += count[i];
}

static void bin_counted(struct worker_bins *bins, struct error_bin *original,
                        const struct counted *counted, size_t start, size_t n)
{
  int32_t at[PIECE];
  const float *x = counted->x + start, *y = counted->y + start;
  kernels.bins(x, NULL, n, &bins->original.edges, at);
  for (size_t i = 0; i < n; i++) {
    struct error_bin *bin = &original[at[i]];
    double count = (double)counted->count[start + i];
    double magnitude = fabs((double)y[i] - (double)x[i]);
    magnitude = isnan(magnitude) ? (double)INFINITY : magnitude; /* overflow to NaN */
    bin->sum += count * magnitude;
    bin->squares += magnitude < (double)INFINITY ? count * (magnitude * magnitude) : 0;
    bin->count += count;
    bin->most = magnitude > bin->most ? magnitude : bin->most;
  }
  add_counts(&bins->error, y, x, n, counted->count + start);
  add_counts(&bins->reconstruction, y, NULL, n, counted->count + start);
}

/* The reconstruction from how often each code of the only unit occurs. */
static void bin_levels(struct worker_bins *bins, const struct measure *measure)
{
  float y[CODES_COUNTED];
  for (size_t code = 0; code < CODES_COUNTED; code++) {
    bool used = measure->code_count[code] > 0;
    y[code] =
        used ? (float)fit_code_value(measure->fit, 0, (uint32_t)code) * fit_scale(measure->fit, 0)
             : 0;
  }
  add_counts(&bins->reconstruction, y, NULL, CODES_COUNTED, measure->code_count);
}

static enum status bin_digest(struct bins_pass *job, const struct counted *counted)
{
  struct worker_bins *bins = &job->of_worker[0];
  for (size_t i = 0; i < counted->n; i += PIECE)
    bin_counted(bins, job->original, counted, i, size_min(PIECE, counted->n - i));
  bins->nan = counted->nan;
  bins->inf = counted->inf;
  return STATUS_OK;
}

/* The finite ones of N values and their reconstructions, moved together; how many. */
static size_t keep_finite(struct worker_bins *bins, const float *x, const float *y, size_t n,
                          float *kept_x, float *kept_y)
{
  size_t kept = 0;
  for (size_t i = 0; i < n; i++) {
    kept_x[kept] = x[i];
    kept_y[kept] = y[i];
    kept += isfinite(x[i]) != 0;
    bins->nan += isnan(x[i]) != 0;
    bins->inf += isinf(x[i]) != 0;
  }
  return kept;
}

static void bin_block(void *context, const struct pass_block *block)
{
  struct bins_pass *job = context;
  struct worker_bins *bins = &job->of_worker[block->worker];
  struct error_bin *original =
      job->errors ? job->original + block->span * (job->bins + OUTSIDE) : NULL;
  for (size_t i = 0; i < block->n; i += PIECE) {
    size_t n = size_min(PIECE, block->n - i);
    if (job->all_finite) {
      bin_piece(job, bins, original, block->x + i, block->y ? block->y + i : NULL, n);
    } else {
      float x[PIECE], y[PIECE];
      const float *other = block->y ? block->y : block->x;
      n = keep_finite(bins, block->x + i, other + i, n, x, y);
      bin_piece(job, bins, original, x, y, n);
    }
  }
}

/* --- memory and merging -------------------------------------------------------------------- */

static bool make_counter(struct counter *counter, struct range range, size_t bins)
{
  struct histogram edges = {.lo = range.lo, .hi = range.hi, .bins = bins};
  *counter = (struct counter){.edges = histogram_edges(&edges),
                              .count = mem_array(bins + OUTSIDE, sizeof *counter->count)};
  return counter->count != NULL;
}

static bool make_bins(struct bins_pass *job, struct range range, struct range error)
{
  job->of_worker = mem_array(job->workers, sizeof *job->of_worker);
  if (job->errors)
    job->original = mem_array(job->pass.spans, (job->bins + OUTSIDE) * sizeof *job->original);
  bool made = job->of_worker && (job->original || !job->errors);
  for (unsigned w = 0; made && w < job->workers; w++) {
    struct worker_bins *bins = &job->of_worker[w];
    made = make_counter(&bins->original, range, job->bins) &&
           make_counter(&bins->reconstruction, range, job->bins) &&
           make_counter(&bins->error, error, job->bins);
  }
  return made;
}

static void free_bins(struct bins_pass *job)
{
  for (unsigned w = 0; job->of_worker && w < job->workers; w++) {
    free(job->of_worker[w].original.count);
    free(job->of_worker[w].reconstruction.count);
    free(job->of_worker[w].error.count);
  }
  free(job->of_worker);
  free(job->original);
}

static bool add_counter(struct histogram *h, const struct counter *counter, size_t bins)
{
  if (!h->count && !histogram_init(h, counter->edges.lo, counter->edges.hi, bins))
    return false;
  for (size_t i = 0; i < bins; i++)
    h->count[i] += counter->count[i];
  h->under += counter->count[bins];
  h->over += counter->count[bins + 1];
  h->inf += counter->count[bins + 2];
  return true;
}

static bool merge_workers(const struct bins_pass *job, struct result *result)
{
  for (unsigned w = 0; w < job->workers; w++) {
    const struct worker_bins *bins = &job->of_worker[w];
    if (!add_counter(&result->reconstruction, &bins->reconstruction, job->bins) ||
        (job->errors && !add_counter(&result->error, &bins->error, job->bins)) ||
        (!job->errors && !job->known &&
         !add_counter(&result->original, &bins->original, job->bins)))
      return false;
    result->original.nan += job->known ? 0 : bins->nan;
    result->original.inf += job->known ? 0 : bins->inf;
  }
  return true;
}

/* Bin BIN of all spans. */
static struct error_bin merged_bin(const struct bins_pass *job, size_t bin)
{
  struct error_bin all = {0};
  for (size_t span = 0; span < job->pass.spans; span++) {
    const struct error_bin *part = &job->original[span * (job->bins + OUTSIDE) + bin];
    all.sum += part->sum;
    all.squares += part->squares;
    all.count += part->count;
    all.most = fmax(all.most, part->most);
  }
  return all;
}

static bool merge_errors(const struct bins_pass *job, struct range range, struct result *result)
{
  struct histogram *original = &result->original;
  size_t bins = job->bins;
  result->error_mean = mem_array(bins, sizeof *result->error_mean);
  result->error_max = mem_array(bins, sizeof *result->error_max);
  result->error2 = mem_array(bins, sizeof *result->error2);
  if (!histogram_init(original, range.lo, range.hi, bins) || !result->error_mean ||
      !result->error_max || !result->error2)
    return false;
  for (size_t i = 0; i < bins; i++) {
    struct error_bin bin = merged_bin(job, i);
    original->count[i] = (uint64_t)bin.count;
    result->error_mean[i] = bin.count > 0 ? bin.sum / bin.count : (double)NAN;
    result->error_max[i] = bin.count > 0 ? bin.most : (double)NAN;
    result->error2[i] = bin.squares;
  }
  original->under = (uint64_t)merged_bin(job, bins).count;
  original->over = (uint64_t)merged_bin(job, bins + 1).count;
  return true;
}

/* What was counted before, where it has the same bins. */
static const struct histogram *known_bins(const struct result_request *request, struct range range)
{
  const struct histogram *known = request->original;
  return known && known->bins == request->bins && known->lo == range.lo && known->hi == range.hi
             ? known
             : NULL;
}

/* Nothing that a pass would have to find. */
static bool all_known(const struct bins_pass *job)
{
  return !job->errors && job->known && job->levels_known;
}

static enum status bin_all(struct bins_pass *job, const struct measure *measure)
{
  enum status status = STATUS_OK;
  if (measure->counted)
    return bin_digest(job, measure->counted);
  if (all_known(job))
    progress_advance(measure->progress, measure->feed->count);
  else
    status = pass_run(&job->pass, bin_block, job);
  if (status == STATUS_OK && job->levels_known)
    bin_levels(&job->of_worker[0], measure);
  return status;
}

static bool merge(const struct bins_pass *job, struct range range, struct result *result)
{
  if (job->errors && !merge_errors(job, range, result))
    return false;
  if (job->known && !histogram_copy(&result->original, job->known))
    return false;
  return merge_workers(job, result);
}

enum status measure_histograms(const struct measure *measure, const struct result_request *request,
                               struct result *result, struct error *error)
{
  bool counted = measure->counted != NULL;
  struct range range = {request->lo, request->hi};
  if (isnan(range.lo) || isnan(range.hi))
    range = data_range(measure, result);
  if (!(range.lo < range.hi) || isinf(range.hi - range.lo))
    return error_set(error, STATUS_USAGE, "the range %g to %g of the histogram is not a range",
                     range.lo, range.hi);
  if (request->bins > RESULT_BINS_MOST)
    return error_set(error, STATUS_USAGE, "%zu bins: a histogram has at most %d", request->bins,
                     RESULT_BINS_MOST);
  struct bins_pass job = {
      .pass = {.feed = measure->feed,
               .fit = measure->fit,
               .spans = counted ? 1 : pass_spans(measure->feed->count, SIZE_MAX),
               .lost = true,
               .progress = measure->progress},
      .bins = request->bins,
      .workers = counted ? 1 : pool_threads(),
      .all_finite = result->facts.finite == measure->feed->count,
      .errors = counted || !request->no_errors,
      .levels_known = !counted && measure->codes_known};
  job.known = job.errors ? NULL : known_bins(request, range);
  job.pass.bare = !job.errors && job.levels_known;
  enum status status = STATUS_MEMORY;
  if (request->news && !counted && !measure->restored && !all_known(&job))
    request->news(request->context, result);
  if (make_bins(&job, range, error_range(measure, result)))
    status = bin_all(&job, measure);
  if (status == STATUS_OK && !merge(&job, range, result))
    status = STATUS_MEMORY;
  free_bins(&job);
  return status == STATUS_MEMORY ? error_memory(error, "the histograms") : status;
}
