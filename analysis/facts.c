#include "analysis/facts.h"

#include "analysis/magnitudes.h"
#include "data/tensor_digest.h"
#include "quant/base/size.h"
#include "quant/grain.h"
#include "quant/kernels/kernels.h"
#include "quant/sample.h"

#include <math.h>

/* Central moments are taken about the mean of each block (4096 values, two sweeps in cache) and
 * merged pairwise in storage order with the update formulas of P. Pébay, "Formulas for robust,
 * one-pass parallel computation of covariances and arbitrary-order statistical moments", Sandia
 * report SAND2008-6212 (2008). So a mean far from zero costs no digits, and the outcome does
 * not depend on the number of threads. */
struct moments {
  double n, mean, m2, m3, m4; /* m_k: sum of (x - mean)^k */
};

static void moments_merge(struct moments *a, const struct moments *b)
{
  if (b->n == 0)
    return;
  if (a->n == 0) {
    *a = *b;
    return;
  }
  double n = a->n + b->n, d = b->mean - a->mean, d2 = d * d, ab = a->n * b->n;
  double m4 = a->m4 + b->m4 + d2 * d2 * ab * (a->n * a->n - ab + b->n * b->n) / (n * n * n) +
              6 * d2 * (a->n * a->n * b->m2 + b->n * b->n * a->m2) / (n * n) +
              4 * d * (a->n * b->m3 - b->n * a->m3) / n;
  double m3 = a->m3 + b->m3 + d * d2 * ab * (a->n - b->n) / (n * n) +
              3 * d * (a->n * b->m2 - b->n * a->m2) / n;
  double m2 = a->m2 + b->m2 + d2 * ab / n;
  *a = (struct moments){n, a->mean + d * b->n / n, m2, m3, m4};
}

/* N finite values, 1 or more. */
static struct moments block_moments(const float *x, size_t n)
{
  struct central_moments m;
  kernels.moments(x, n, &m);
  return (struct moments){(double)n, m.mean, m.m2, m.m3, m.m4};
}

struct part {
  struct extremes extremes;
  uint64_t denormals;
  struct moments moments;
};

struct job {
  const struct feed *feed;
  float least_normal;
  struct progress *progress;
  struct part *parts;            /* one for each chunk */
  struct magnitudes *magnitudes; /* of a long tensor; else NULL */
};

/* Elements from which counting magnitudes on the way is worth its tables. */
enum { LONG_TENSOR = 1 << 20 };

static void add_block(struct job *job, unsigned worker, struct part *part, const float *x, size_t n)
{
  struct extremes extremes = extremes_empty();
  kernels.extremes(x, n, &extremes);
  extremes_merge(&part->extremes, &extremes);
  if (extremes.finite == 0)
    return;
  float finite[FEED_BLOCK];
  if (extremes.finite != n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
      if (isfinite(x[i]))
        finite[kept++] = x[i];
    x = finite;
    n = kept;
  }
  part->denormals += kernels.count_below(x, n, job->least_normal);
  struct moments moments = block_moments(x, n);
  moments_merge(&part->moments, &moments);
  if (job->magnitudes)
    magnitudes_add(job->magnitudes, worker, x, n);
}

static void add_chunk(void *context, size_t chunk, unsigned worker)
{
  struct job *job = context;
  float scratch[FEED_BLOCK];
  size_t start = chunk * FEED_CHUNK, end = size_min(start + FEED_CHUNK, job->feed->count);
  struct part *part = &job->parts[chunk];
  part->extremes = extremes_empty();
  for (; start < end && !progress_cancelled(job->progress); start += FEED_BLOCK) {
    size_t n = size_min(FEED_BLOCK, end - start);
    add_block(job, worker, part, feed_block(job->feed, start, n, scratch), n);
    progress_advance(job->progress, n);
  }
}

static enum status collect(struct job *job, struct part *out, struct error *error)
{
  size_t chunks = size_div_up(job->feed->count, FEED_CHUNK);
  *out = (struct part){.extremes = extremes_empty()};
  job->parts = mem_array(chunks, sizeof *job->parts);
  if (!job->parts)
    return error_memory(error, "the moments of the tensor");
  enum status status = pool_for(chunks, add_chunk, job, job->progress);
  for (size_t i = 0; status == STATUS_OK && i < chunks; i++) {
    extremes_merge(&out->extremes, &job->parts[i].extremes);
    out->denormals += job->parts[i].denormals;
    moments_merge(&out->moments, &job->parts[i].moments);
  }
  free(job->parts);
  return status == STATUS_OK ? status : error_set(error, status, "cancelled");
}

static void describe(const struct part *part, struct facts *out)
{
  const struct extremes *e = &part->extremes;
  const struct moments *m = &part->moments;
  bool constant = e->finite && e->min == e->max;
  double variance = constant ? 0 : m->m2 / m->n; /* NaN when nothing is finite */
  out->min = e->finite ? (double)e->min : (double)NAN;
  out->max = e->finite ? (double)e->max : (double)NAN;
  out->absmax = e->finite ? fmax(fabs(out->min), fabs(out->max)) : (double)NAN;
  out->mean = constant ? out->min : e->finite ? m->mean : (double)NAN;
  out->std = sqrt(variance);
  out->kurtosis = m->m4 / m->n / (variance * variance) - 3;
  out->rms = sqrt(variance + out->mean * out->mean);
  out->papr = out->absmax / out->rms;
  if (constant)
    out->kurtosis = (double)NAN;
}

static enum status magnitude_p99(const struct job *job, const struct extremes *extremes,
                                 double *out, struct error *error)
{
  const struct feed *feed = job->feed;
  struct progress *progress = job->progress;
  *out = (double)NAN;
  if (extremes->finite == 0)
    return STATUS_OK;
  if (job->magnitudes) {
    enum status counted =
        magnitudes_percentile(job->magnitudes, feed, extremes->finite, 99, progress, out);
    return counted == STATUS_MEMORY ? error_memory(error, "the counts of a percentile") : counted;
  }
  struct grain grain;
  struct granularity whole = {.kind = GRAIN_TENSOR};
  struct shape flat = {.dims = 1, .dim = {feed->count}};
  enum status status = grain_make(&whole, &flat, &grain, error);
  if (status != STATUS_OK)
    return status;
  struct sample sample = {.finite = extremes->finite,
                          .min = extremes->min,
                          .max = extremes->max,
                          .feed = feed,
                          .grain = &grain,
                          .progress = progress};
  return sample_percentiles(&sample, true, (const double[]){99}, 1, out, error);
}

static enum status compute(struct job *job, struct facts *out, struct error *error)
{
  struct part whole;
  enum status status = collect(job, &whole, error);
  if (status != STATUS_OK)
    return status;
  struct facts facts = {.count = job->feed->count,
                        .finite = whole.extremes.finite,
                        .nan = whole.extremes.nan,
                        .inf = whole.extremes.inf,
                        .zeros = whole.extremes.zeros,
                        .denormals = whole.denormals};
  describe(&whole, &facts);
  status = magnitude_p99(job, &whole.extremes, &facts.p99, error);
  if (status == STATUS_OK)
    *out = facts;
  return status == STATUS_CANCELLED ? error_set(error, status, "cancelled") : status;
}

enum status facts_compute(const struct feed *feed, float least_normal, struct progress *progress,
                          struct facts *out, struct error *error)
{
  struct job job = {.feed = feed, .least_normal = least_normal, .progress = progress};
  progress_expect(progress, feed->count);
  if (feed->count >= LONG_TENSOR && !(job.magnitudes = magnitudes_new(UINT32_MAX)))
    return error_memory(error, "the counts of a percentile");
  enum status status = compute(&job, out, error);
  magnitudes_free(job.magnitudes);
  return status;
}

/* --- by digest -------------------------------------------------------------------------------- */

static struct moments digest_moments(const struct digest *digest)
{
  double n = (double)digest->finite, sum = 0, m2 = 0, m3 = 0, m4 = 0;
  for (size_t i = 0; i < digest->distinct; i++)
    sum += (double)digest->counts[i] * (double)digest->values[i];
  double mean = sum / n;
  for (size_t i = 0; i < digest->distinct; i++) {
    double d = (double)digest->values[i] - mean, d2 = (double)digest->counts[i] * d * d;
    m2 += d2;
    m3 += d2 * d;
    m4 += d2 * d * d;
  }
  return (struct moments){n, mean, m2, m3, m4};
}

static struct extremes digest_extremes(const struct digest *digest)
{
  struct extremes extremes = extremes_empty();
  extremes.finite = digest->finite;
  extremes.nan = digest->nan;
  extremes.inf = digest->inf;
  if (digest->distinct == 0)
    return extremes;
  extremes.min = digest->values[0];
  extremes.max = digest->values[digest->distinct - 1];
  for (size_t i = 0; i < digest->distinct; i++)
    extremes.zeros += digest->values[i] == 0 ? digest->counts[i] : 0;
  return extremes;
}

static uint64_t digest_denormals(const struct digest *digest, float least_normal)
{
  uint64_t count = 0;
  for (size_t i = 0; i < digest->distinct; i++)
    if (kernels.count_below(&digest->values[i], 1, least_normal))
      count += digest->counts[i];
  return count;
}

struct extremes facts_extremes(const struct facts *facts)
{
  struct extremes extremes = extremes_empty();
  if (facts->finite > 0)
    extremes = (struct extremes){.min = (float)facts->min, .max = (float)facts->max};
  extremes.finite = facts->finite;
  extremes.nan = facts->nan;
  extremes.inf = facts->inf;
  extremes.zeros = facts->zeros;
  return extremes;
}

void facts_from_digest(const struct digest *digest, float least_normal, struct facts *out)
{
  struct part whole = {.extremes = digest_extremes(digest), .moments = digest_moments(digest)};
  *out = (struct facts){.count = digest->finite + digest->nan + digest->inf,
                        .finite = digest->finite,
                        .nan = digest->nan,
                        .inf = digest->inf,
                        .zeros = whole.extremes.zeros,
                        .denormals = digest_denormals(digest, least_normal),
                        .p99 = (double)NAN};
  describe(&whole, out);
  struct sample sample = {.finite = digest->finite,
                          .values = digest->values,
                          .counts = digest->counts,
                          .distinct = digest->distinct};
  if (digest->finite > 0)
    sample_percentiles(&sample, true, (const double[]){99}, 1, &out->p99, NULL);
}

enum status facts_of_tensor(const struct tensor *tensor, struct progress *progress,
                            struct facts *out, struct digest **digest, struct error *error)
{
  struct feed feed = tensor_feed(tensor);
  *digest = NULL;
  if (!tensor_has_digest(tensor))
    return facts_compute(&feed, tensor_least_normal(tensor), progress, out, error);
  enum status status = tensor_digest(tensor, progress, digest, error);
  if (status == STATUS_OK)
    facts_from_digest(*digest, tensor_least_normal(tensor), out);
  return status;
}
