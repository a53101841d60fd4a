#include "analysis/measure.h"
#include "quant/base/size.h"
#include "quant/sample.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>

/* --- relative errors ------------------------------------------------------------------------ */

/* |x - y| / |x|, worked out in double and rounded to float32, seen as a feed, so that the exact
 * order statistics of quant/sample.h serve here too. Elements without a relative error (zero, NaN,
 * infinite) are NaN, which a sample leaves out. */
static float relative_error(float x, float y)
{
  double error = fabs((double)x - (double)y) / fabs((double)x);
  error = error < (double)FLT_MAX ? error : (double)FLT_MAX;
  return x != 0 && fabsf(x) < INFINITY ? (float)error : NAN;
}

struct relative {
  const struct measure *measure;
  atomic_bool *failed; /* without memory */
};

static void decode_relative(const void *self, size_t start, size_t n, float *out)
{
  const struct relative *relative = self;
  const struct measure *measure = relative->measure;
  float scratch[FEED_BLOCK], y[FEED_BLOCK];
  const float *x = feed_block(measure->feed, start, n, scratch);
  if (!fit_part_round_trip(measure->fit, measure->feed, start, n, x, y))
    atomic_store(relative->failed, true);
  for (size_t i = 0; i < n; i++)
    out[i] = relative_error(x[i], y[i]);
}

struct scan {
  const struct feed *feed;
  struct progress *progress;
  struct extremes *of_worker;
};

static void scan_chunk(void *context, size_t chunk, unsigned worker)
{
  const struct scan *scan = context;
  float scratch[FEED_BLOCK];
  size_t start = chunk * FEED_CHUNK, end = size_min(start + FEED_CHUNK, scan->feed->count);
  for (; start < end && !progress_cancelled(scan->progress); start += FEED_BLOCK) {
    size_t n = size_min(FEED_BLOCK, end - start);
    kernels.extremes(feed_block(scan->feed, start, n, scratch), n, &scan->of_worker[worker]);
    progress_advance(scan->progress, n);
  }
}

static enum status feed_extremes(const struct feed *feed, struct progress *progress,
                                 struct extremes *out)
{
  unsigned workers = pool_threads();
  struct scan scan = {feed, progress, mem_array(workers, sizeof *scan.of_worker)};
  if (!scan.of_worker)
    return STATUS_MEMORY;
  for (unsigned w = 0; w < workers; w++)
    scan.of_worker[w] = extremes_empty();
  enum status status = pool_for(size_div_up(feed->count, FEED_CHUNK), scan_chunk, &scan, progress);
  *out = extremes_empty();
  for (unsigned w = 0; w < workers; w++)
    extremes_merge(out, &scan.of_worker[w]);
  free(scan.of_worker);
  return status;
}

static enum status percentiles_of(const struct sample *sample, struct metrics *metrics,
                                  struct error *error)
{
  double percentiles[2];
  enum status status =
      sample_percentiles(sample, false, (const double[]){50, 99}, 2, percentiles, error);
  if (status == STATUS_OK) {
    metrics->relative_error_p50 = percentiles[0];
    metrics->relative_error_p99 = percentiles[1];
  }
  return status;
}

static enum status counted_relative_errors(const struct measure *measure, struct metrics *metrics,
                                           struct error *error)
{
  const struct counted *counted = measure->counted;
  enum status status = STATUS_OK;
  float *values = mem_array(counted->n, sizeof *values);
  for (size_t i = 0; values && i < counted->n; i++)
    values[i] = relative_error(counted->x[i], counted->y[i]);
  struct digest *sorted = values ? digest_new(values, counted->count, counted->n) : NULL;
  free(values);
  if (!sorted)
    return STATUS_MEMORY;
  struct sample sample = {.values = sorted->values,
                          .counts = sorted->counts,
                          .distinct = sorted->distinct,
                          .finite = sorted->finite,
                          .progress = measure->progress};
  if (sorted->finite > 0)
    status = percentiles_of(&sample, metrics, error);
  digest_free(sorted);
  return status;
}

static enum status relative_errors(const struct measure *measure, struct metrics *metrics,
                                   struct error *error)
{
  atomic_bool failed = false;
  const struct relative self = {measure, &failed};
  struct feed relative = {.count = measure->feed->count, .decode = decode_relative, .self = &self};
  struct extremes extremes;
  enum status status = feed_extremes(&relative, measure->progress, &extremes);
  if (status != STATUS_OK || extremes.finite == 0)
    return status;
  struct grain grain;
  struct granularity whole = {.kind = GRAIN_TENSOR};
  struct shape flat = {.dims = 1, .dim = {relative.count}};
  status = grain_make(&whole, &flat, &grain, error);
  if (status != STATUS_OK)
    return status;
  struct sample sample = {.finite = extremes.finite,
                          .min = extremes.min,
                          .max = extremes.max,
                          .feed = &relative,
                          .grain = &grain,
                          .progress = measure->progress};
  status = percentiles_of(&sample, metrics, error);
  return status == STATUS_OK && atomic_load(&failed) ? STATUS_MEMORY : status;
}

/* --- KL divergence -------------------------------------------------------------------------- */

struct divergence {
  struct pass pass;
  struct bin_edges scale;
  uint64_t (*counts)[2][METRICS_KL_BINS]; /* of each worker: original, reconstruction */
};

/* X and Y, which COUNT elements have. */
static void count_pair(const struct bin_edges *scale, float x, float y, uint64_t count,
                       uint64_t (*counts)[METRICS_KL_BINS])
{
  double inside = (double)y;
  inside = inside > scale->lo ? inside : scale->lo;
  inside = inside < scale->hi ? inside : scale->hi;
  counts[0][histogram_bin(scale, (double)x)] += count;
  counts[1][histogram_bin(scale, inside)] += count;
}

static enum status count_digest(const struct divergence *job, const struct counted *counted)
{
  for (size_t i = 0; i < counted->n; i++)
    if (!counted_is_lost(counted, i))
      count_pair(&job->scale, counted->x[i], counted->y[i], counted->count[i], job->counts[0]);
  return STATUS_OK;
}

static void count_block(void *context, const struct pass_block *block)
{
  struct divergence *job = context;
  uint64_t(*counts)[METRICS_KL_BINS] = job->counts[block->worker];
  const struct bin_edges *scale = &job->scale;
  for (size_t i = 0; i < block->n; i++)
    if (isfinite(block->x[i]))
      count_pair(scale, block->x[i], block->y[i], 1, counts);
}

static double divergence_of(const uint64_t *p, const uint64_t *q, double n)
{
  double sum = 0;
  for (size_t i = 0; i < METRICS_KL_BINS; i++)
    if (p[i])
      sum += (double)p[i] / n * log((double)p[i] / n / (q[i] ? (double)q[i] / n : 1e-10));
  return sum;
}

static enum status kl_divergence(const struct measure *measure, struct result *result)
{
  const struct facts *facts = &result->facts;
  if (!(facts->min < facts->max))
    return STATUS_OK; /* no range, no bins */
  struct histogram edges = {.lo = facts->min, .hi = facts->max, .bins = METRICS_KL_BINS};
  struct divergence job = {.pass = {.feed = measure->feed,
                                    .fit = measure->fit,
                                    .spans = pass_spans(measure->feed->count, SIZE_MAX),
                                    .progress = measure->progress},
                           .scale = histogram_edges(&edges),
                           .counts = mem_array(pool_threads(), sizeof *job.counts)};
  if (!job.counts)
    return STATUS_MEMORY;
  unsigned workers = pool_threads();
  enum status status = measure->counted ? count_digest(&job, measure->counted)
                                        : pass_run(&job.pass, count_block, &job);
  for (unsigned w = 1; w < workers; w++)
    for (size_t i = 0; i < METRICS_KL_BINS; i++) {
      job.counts[0][0][i] += job.counts[w][0][i];
      job.counts[0][1][i] += job.counts[w][1][i];
    }
  if (status == STATUS_OK)
    result->metrics.kl_divergence =
        divergence_of(job.counts[0][0], job.counts[0][1], (double)facts->finite);
  free(job.counts);
  return status;
}

enum status measure_details(const struct measure *measure, struct result *result,
                            struct error *error)
{
  enum status status = (measure->counted ? counted_relative_errors
                                         : relative_errors)(measure, &result->metrics, error);
  if (status == STATUS_OK)
    status = kl_divergence(measure, result);
  result->has_details = status == STATUS_OK;
  return status == STATUS_MEMORY ? error_memory(error, "the relative errors") : status;
}
