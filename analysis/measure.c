#include "analysis/measure.h"

#include "analysis/codes.h"
#include "quant/base/size.h"

#include <math.h>
#include <string.h>

/* Spans share out this many sums of channels, so that memory stays bounded (40 MB). */
enum { CHANNEL_SUMS_MOST = 1 << 20 };
enum { BOUNDS_CHUNK = 1024 }; /* units whose bounds one job works out */

/* What one span adds up. */
struct span_sums {
  struct tally tally;
  struct extremes reconstruction;
  size_t first; /* channel of sums[0] */
  struct channel_sums *sums;
};

struct metrics_pass {
  const struct measure *measure;
  struct pass pass;
  const struct grain *units;
  float bulk;
  bool by_element;             /* runs of a channel or of a unit are short */
  struct tally_bounds *bounds; /* of each unit; NULL where a pass meets each unit about once */
  struct span_sums *spans;
  struct channel_sums *sums; /* of all spans */
  struct codes codes;
};

/* --- bounds and indices of a block ------------------------------------------------------ */

static struct tally_bounds work_out_bounds(const struct metrics_pass *job, size_t unit)
{
  struct tally_bounds bounds;
  fit_bounds(job->measure->fit, unit, &bounds);
  bounds.bulk = job->bulk;
  return bounds;
}

static struct tally_bounds unit_bounds(const struct metrics_pass *job, size_t unit)
{
  return job->bounds ? job->bounds[unit] : work_out_bounds(job, unit);
}

/* Bounds of the units in a block: each element's entry in OF points into the table, or into LOCAL
 * where the unit's were worked out. */
static void element_bounds(const struct metrics_pass *job, const struct pass_block *block,
                           struct tally_bounds *local, const struct tally_bounds **of)
{
  const struct grain *units = job->units;
  size_t i = 0, unit = 0;
  if (job->bounds && units->kind == GRAIN_CHANNEL) {
    size_t left = units->inner - block->start % units->inner;
    for (unit = grain_unit(units, block->start); i < block->n; i++) {
      of[i] = &job->bounds[unit];
      if (--left == 0) {
        left = units->inner;
        unit = unit + 1 < units->channels ? unit + 1 : 0;
      }
    }
    return;
  }
  for (size_t run, k = 0; i < block->n; i += run, k++) {
    run = grain_run(units, block->start + i, block->n - i, &unit);
    local[k] = unit_bounds(job, unit);
    for (size_t e = i; e < i + run; e++)
      of[e] = &local[k];
  }
}

/* --- the two ways to add up a block ------------------------------------------------------ */

static void add_tally(struct channel_sums *sums, const struct tally *tally,
                      const struct extremes *extremes)
{
  sums->error2 += tally->error2;
  sums->signal2 += tally->signal2;
  sums->finite += tally->finite;
  sums->clipped += tally->clipped;
  if (extremes->finite)
    sums->absmax = fmaxf(sums->absmax, fmaxf(-extremes->min, extremes->max));
}

/* Long runs: the kernels see one unit and one channel at a time. */
static void add_runs(const struct metrics_pass *job, struct span_sums *span,
                     const struct pass_block *block)
{
  for (size_t i = 0, run; i < block->n; i += run) {
    size_t unit, channel;
    run = grain_run(job->units, block->start + i, block->n - i, &unit);
    run = grain_run(&job->measure->channels, block->start + i, run, &channel);
    struct tally_bounds bounds = unit_bounds(job, unit);
    struct tally tally = {0};
    struct extremes extremes = extremes_empty();
    kernels.tally(block->x + i, block->y + i, run, &bounds, &tally);
    kernels.extremes(block->x + i, run, &extremes);
    tally_merge(&span->tally, &tally);
    add_tally(&span->sums[channel - span->first], &tally, &extremes);
  }
}

/* Channels that change with every few elements: the kernel sums what is the same for all units,
 * and one loop does the rest. */
static void add_elements(const struct metrics_pass *job, struct span_sums *span,
                         const struct pass_block *block)
{
  const struct grain *channels = &job->measure->channels;
  const struct tally_bounds unbounded = {-INFINITY, INFINITY, NAN, NAN, job->bulk};
  struct tally_bounds local[FEED_BLOCK];
  const struct tally_bounds *bounds[FEED_BLOCK];
  struct tally tally = {0};
  element_bounds(job, block, local, bounds);
  kernels.tally(block->x, block->y, block->n, &unbounded, &tally);
  size_t channel,
      left = grain_run(channels, block->start, channels->count - block->start, &channel);
  struct channel_sums *sums = span->sums + (channel - span->first);
  for (size_t i = 0; i < block->n; i++, left--) {
    if (left == 0) {
      left = grain_run(channels, block->start + i, channels->count - block->start - i, &channel);
      sums = span->sums + (channel - span->first);
    }
    float x = block->x[i], y = block->y[i], magnitude = fabsf(x);
    if (!isfinite(x))
      continue;
    double error = (double)x - (double)y, error2 = error * error;
    bool clipped = x < bounds[i]->clip_lo || x > bounds[i]->clip_hi;
    sums->error2 += error2;
    sums->signal2 += (double)x * (double)x;
    sums->finite++;
    sums->clipped += clipped;
    sums->absmax = magnitude > sums->absmax ? magnitude : sums->absmax;
    tally.at_rail += y <= bounds[i]->rail_lo || y >= bounds[i]->rail_hi;
    tally.clipped += clipped;
    tally.clipped_error2 += clipped ? error2 : 0;
  }
  tally_merge(&span->tally, &tally);
}

static void add_block(void *context, const struct pass_block *block)
{
  struct metrics_pass *job = context;
  struct span_sums *span = &job->spans[block->span];
  uint64_t before = span->tally.finite;
  if (job->by_element)
    add_elements(job, span, block);
  else
    add_runs(job, span, block);
  kernels.extremes(block->y, block->n, &span->reconstruction);
  codes_add(&job->codes, block, span->tally.finite - before == block->n);
}

/* --- setting up --------------------------------------------------------------------------- */

/* Channels that the elements of a span can belong to. */
static void span_channels(const struct grain *channels, size_t start, size_t end, size_t *first,
                          size_t *count)
{
  size_t slab = channels->channels * channels->inner;
  *first = 0;
  *count = channels->units;
  if (channels->kind == GRAIN_CHANNEL && start / slab == (end - 1) / slab) {
    *first = start % slab / channels->inner;
    *count = (end - 1) % slab / channels->inner + 1 - *first;
  }
}

static void bounds_chunk(void *context, size_t chunk, unsigned worker)
{
  const struct metrics_pass *job = context;
  (void)worker;
  size_t start = chunk * BOUNDS_CHUNK, end = size_min(start + BOUNDS_CHUNK, job->units->units);
  for (size_t unit = start; unit < end; unit++)
    job->bounds[unit] = work_out_bounds(job, unit);
}

static enum status make_bounds(struct metrics_pass *job)
{
  size_t units = job->units->units;
  if (job->units->kind != GRAIN_TENSOR && job->units->kind != GRAIN_CHANNEL)
    return STATUS_OK;
  job->bounds = mem_array(units, sizeof *job->bounds);
  if (!job->bounds)
    return STATUS_MEMORY;
  return pool_for(size_div_up(units, BOUNDS_CHUNK), bounds_chunk, job, job->pass.progress);
}

static bool make_spans(struct metrics_pass *job)
{
  const struct grain *channels = &job->measure->channels;
  size_t total = 0, first, count, start, end;
  /* A slab that holds the whole tensor is cut into pieces that do not overlap. */
  size_t most = channels->outer <= 1 ? SIZE_MAX : CHANNEL_SUMS_MOST / size_max(channels->units, 1);
  job->pass.spans = pass_spans(channels->count, most);
  job->spans = mem_array(job->pass.spans, sizeof *job->spans);
  if (!job->spans)
    return false;
  for (size_t i = 0; i < job->pass.spans; i++) {
    pass_span(&job->pass, i, &start, &end);
    span_channels(channels, start, end, &first, &count);
    total += count;
  }
  job->sums = mem_array(total, sizeof *job->sums);
  if (!job->sums)
    return false;
  struct channel_sums *sums = job->sums;
  for (size_t i = 0; i < job->pass.spans; i++) {
    pass_span(&job->pass, i, &start, &end);
    span_channels(channels, start, end, &first, &count);
    job->spans[i] =
        (struct span_sums){.reconstruction = extremes_empty(), .first = first, .sums = sums};
    sums += count;
  }
  return true;
}

/* The largest float32 at or below LIMIT; below every magnitude when LIMIT is not a number. */
static float float_at_or_below(double limit)
{
  if (isnan(limit))
    return -1;
  float x = (float)limit;
  return (double)x > limit ? nextafterf(x, -INFINITY) : x;
}

/* --- bringing together --------------------------------------------------------------------- */

static void merge_channels(const struct metrics_pass *job, struct channel_sums *all)
{
  const struct grain *channels = &job->measure->channels;
  for (size_t i = 0; i < job->pass.spans; i++) {
    size_t start, end, first, count;
    pass_span(&job->pass, i, &start, &end);
    span_channels(channels, start, end, &first, &count);
    for (size_t c = 0; c < count; c++) {
      const struct channel_sums *from = &job->spans[i].sums[c];
      struct channel_sums *into = &all[first + c];
      into->error2 += from->error2;
      into->signal2 += from->signal2;
      into->finite += from->finite;
      into->clipped += from->clipped;
      into->absmax = fmaxf(into->absmax, from->absmax);
    }
  }
}

/* True when a unit of the quantizer holds elements of several channels. */
static bool share_scales(const struct grain *units, const struct grain *channels)
{
  if (channels->units <= 1)
    return false;
  switch (units->kind) {
  case GRAIN_TENSOR:
    break;
  case GRAIN_CHANNEL:
    return units->channels != channels->channels || units->inner != channels->inner;
  case GRAIN_TOKEN:
    return units->columns > channels->inner;
  case GRAIN_GROUP:
    return size_min(units->group, units->columns) > channels->inner;
  }
  return true;
}

static double channel_scale(const struct measure *measure, size_t channel)
{
  const struct grain *units = fit_grain(measure->fit);
  if (units->units == 1)
    return (double)fit_scale(measure->fit, 0);
  bool own = units->units == measure->channels.units && !share_scales(units, &measure->channels);
  return own ? (double)fit_scale(measure->fit, channel) : (double)NAN;
}

static struct channel describe_channel(const struct channel_sums *sums, double scale)
{
  double n = sums->finite ? (double)sums->finite : (double)NAN;
  return (struct channel){.absmax = sums->finite ? (double)sums->absmax : (double)NAN,
                          .scale = scale,
                          .mse = sums->error2 / n,
                          .sqnr_db =
                              sums->finite ? sqnr_db(sums->signal2, sums->error2) : (double)NAN,
                          .clip_rate = (double)sums->clipped / n,
                          .finite = sums->finite};
}

static bool finish(struct metrics_pass *job, struct measure *measure, struct result *result)
{
  struct tally tally = {0};
  struct extremes reconstruction = extremes_empty();
  for (size_t i = 0; i < job->pass.spans; i++) {
    tally_merge(&tally, &job->spans[i].tally);
    extremes_merge(&reconstruction, &job->spans[i].reconstruction);
  }
  measure->least = reconstruction.min;
  measure->most = reconstruction.max;
  metrics_from_tally(&tally, &result->metrics);
  codes_finish(&job->codes, &result->metrics);
  struct channels *channels = &result->channels;
  channels->count = measure->channels.units;
  channels->share_scales = share_scales(fit_grain(measure->fit), &measure->channels);
  channels->channel = mem_array(channels->count, sizeof *channels->channel);
  struct channel_sums *all = mem_array(channels->count, sizeof *all);
  if (channels->channel && all) {
    merge_channels(job, all);
    for (size_t c = 0; c < channels->count; c++)
      channels->channel[c] = describe_channel(&all[c], channel_scale(measure, c));
  }
  free(all);
  return channels->channel && all && channels_finish(channels, &result->metrics);
}

enum status measure_metrics(struct measure *measure, struct result *result, struct error *error)
{
  struct metrics_pass job = {.measure = measure,
                             .pass = {.feed = measure->feed,
                                      .fit = measure->fit,
                                      .codes = true,
                                      .progress = measure->progress},
                             .units = fit_grain(measure->fit),
                             .bulk = float_at_or_below(result->facts.p99)};
  job.by_element = grain_is_interleaved(job.units) || grain_is_interleaved(&measure->channels);
  enum status status = make_bounds(&job);
  if (status == STATUS_OK && (!make_spans(&job) || !codes_init(&job.codes, measure->fit)))
    status = STATUS_MEMORY;
  if (status == STATUS_OK)
    status = pass_run(&job.pass, add_block, &job);
  if (status == STATUS_OK && !finish(&job, measure, result))
    status = STATUS_MEMORY;
  codes_free(&job.codes);
  free(job.bounds);
  free(job.spans);
  free(job.sums);
  return status == STATUS_MEMORY ? error_memory(error, "the metrics") : status;
}
