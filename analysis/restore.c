/* The errors of a tensor that was transformed before it was quantized, measured where they matter:
 * in the domain of the original. One pass more over both, side by side. */
#include "analysis/channel_sums.h"
#include "analysis/measure.h"
#include "analysis/reconstruction.h"
#include "quant/base/size.h"

#include <math.h>
#include <stdatomic.h>

struct restoration {
  const struct reconstruction *both;
  struct pass pass;
  float bulk;
  bool clipped; /* which elements were clipped matters, and how far they are off */
  struct tally *tally;
  uint64_t *lost; /* of each span */
  struct channel_sums channels;
  struct fit_part *parts; /* of each worker */
  atomic_bool failed;     /* without memory for one */
};

/* Squared error of the elements whose z lies beyond what their unit can represent. */
static double clipped_error2(struct restoration *job, const struct pass_block *block,
                             const float *x)
{
  float scratch[FEED_BLOCK];
  const float *z = feed_block(&job->both->z, block->start, block->n, scratch);
  const struct grain *units = fit_grain(job->both->fit);
  const struct fit *fit = fit_part_at(&job->parts[block->worker], job->both->fit, &job->both->z,
                                      block->start, block->n);
  double sum = 0;
  if (!fit)
    atomic_store(&job->failed, true);
  for (size_t i = 0, run; fit && i < block->n; i += run) {
    size_t unit;
    struct tally_bounds bounds;
    run = grain_run(units, block->start + i, block->n - i, &unit);
    fit_bounds(fit, unit, &bounds);
    for (size_t k = i; k < i + run; k++)
      if (isfinite(x[k]) && (z[k] < bounds.clip_lo || z[k] > bounds.clip_hi))
        sum += ((double)x[k] - (double)block->y[k]) * ((double)x[k] - (double)block->y[k]);
  }
  return sum;
}

static void add_block(void *context, const struct pass_block *given)
{
  struct restoration *job = context;
  const struct tally_bounds open = {-INFINITY, INFINITY, NAN, NAN, job->bulk};
  float scratch[FEED_BLOCK];
  struct pass_block block = *given;
  struct tally tally = {0};
  block.x = pass_without_lost(given->x, given->y, given->n, scratch, &block.lost);
  kernels.tally(block.x, block.y, block.n, &open, &tally);
  if (job->clipped)
    tally.clipped_error2 = clipped_error2(job, &block, block.x);
  channel_sums_add_block(&job->channels, &block, tally.finite == block.n, NULL);
  tally_merge(&job->tally[block.span], &tally);
  job->lost[block.span] += block.lost;
}

/* What follows from the errors; what follows from the codes stays. */
static void restore_metrics(const struct restoration *job, const struct transformed *transformed,
                            struct result *result)
{
  struct metrics *metrics = &result->metrics;
  const struct metrics quantized = *metrics;
  struct tally tally = {0};
  uint64_t lost = 0;
  for (size_t i = 0; i < job->pass.spans; i++) {
    tally_merge(&tally, &job->tally[i]);
    lost += job->lost[i];
  }
  metrics_from_tally(&tally, lost, metrics);
  metrics->clip_rate = quantized.clip_rate;
  metrics->rail_rate = quantized.rail_rate;
  if (transformed->transform.kind == TRANSFORM_HADAMARD) { /* orthogonal: the sums are the same */
    metrics->clipping_mse = fmin(quantized.clipping_mse, metrics->mse);
    metrics->rounding_mse = metrics->mse - metrics->clipping_mse;
  }
  result->rescaled = transformed->transform.kind == TRANSFORM_SMOOTH;
  metrics->bits_per_element = transformed_bits(transformed, quantized.bits_per_element);
  if (transformed->transform.kind == TRANSFORM_SPLIT) /* what was kept is no NaN of the file's */
    result->facts.nan -= tally.finite - result->facts.finite;
}

static bool restore_channels(const struct restoration *job, struct result *result)
{
  struct channels *channels = &result->channels;
  struct channel *original = mem_array(channels->count, sizeof *original);
  bool made = original && channel_sums_finish(&job->channels, original);
  for (size_t c = 0; made && c < channels->count; c++) {
    channels->channel[c].mse = original[c].mse;
    channels->channel[c].sqnr_db = original[c].sqnr_db;
  }
  free(original);
  return made && channels_errors(channels, &result->metrics);
}

static enum status find_bulk(struct transformed *transformed, struct progress *progress,
                             struct error *error)
{
  struct facts facts;
  struct digest *digest = NULL;
  if (!isnan(transformed->bulk))
    return STATUS_OK;
  enum status status = facts_of_tensor(transformed->original, progress, &facts, &digest, error);
  digest_free(digest);
  if (status == STATUS_OK)
    transformed->bulk = isnan(facts.p99) ? -1 : facts.p99;
  return status;
}

static enum status measure_original(struct restoration *job, const struct measure *measure,
                                    const struct transformed *transformed, struct result *result,
                                    struct error *error)
{
  job->pass.spans = pass_spans(job->both->x.count, channel_sums_spans(&measure->channels));
  job->tally = mem_array(job->pass.spans, sizeof *job->tally);
  job->lost = mem_array(job->pass.spans, sizeof *job->lost);
  job->parts = fit_parts_new(0);
  bool made = job->parts && job->tally && job->lost &&
              channel_sums_init(&job->channels, &measure->channels, &job->pass);
  enum status status = made ? pass_run(&job->pass, add_block, job) : STATUS_MEMORY;
  if (status == STATUS_OK && atomic_load(&job->failed))
    status = STATUS_MEMORY;
  if (status == STATUS_OK) {
    restore_metrics(job, transformed, result);
    status = restore_channels(job, result) ? STATUS_OK : STATUS_MEMORY;
  }
  channel_sums_free(&job->channels);
  fit_parts_free(job->parts);
  free(job->tally);
  free(job->lost);
  return status == STATUS_MEMORY ? error_memory(error, "the errors of the original") : status;
}

enum status restore_errors(const struct measure *measure, const struct tensor *tensor,
                           struct result *result, struct error *error)
{
  struct transformed *transformed = tensor_transformed(tensor);
  struct reconstruction both;
  progress_expect(measure->progress, tensor->count);
  enum status status = find_bulk(transformed, measure->progress, error);
  if (status != STATUS_OK)
    return status;
  status = reconstruction_open(tensor, result->fit, measure->progress, &both, error);
  struct restoration job = {
      .both = &both,
      .pass = {.feed = &both.x, .other = &both.y, .progress = measure->progress},
      .bulk = float_at_or_below(transformed->bulk),
      .clipped =
          result->metrics.clip_rate > 0 && transformed->transform.kind != TRANSFORM_HADAMARD};
  if (status == STATUS_OK)
    status = measure_original(&job, measure, transformed, result, error);
  status = reconstruction_check(&both, status, error);
  reconstruction_close(&both);
  return status;
}
