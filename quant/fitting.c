/* Choosing the scale and zero point of every unit. Pass 1 measures extremes in storage order;
 * minmax needs no more. Other calibrators then see unit after unit: small ones gathered into
 * the memory of a worker, several neighbours at a time, large ones where they lie. */
#include "quant/base/size.h"
#include "quant/codebook.h"
#include "quant/extent.h"
#include "quant/fit.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum {
  CACHE_LINE = 16,      /* elements */
  SMALL_UNIT = 1 << 20, /* elements: gathered, and calibrated in parallel with other units */
  TILE_MOST = 1 << 21,  /* elements that a worker gathers at once, beyond a single unit */
  LINE_ELEMENTS = 256,  /* neighbouring elements to read at once from interleaved units */
};

struct fitting {
  struct fit *fit;
  const struct feed *feed;
  struct calibration calibration;
  struct extent *extents;
  struct progress *progress;
  size_t tile, stride; /* units gathered at once, room for each */
  float *values;       /* tile * stride for each worker */
  size_t *counts;      /* tile for each worker */
  atomic_int failure;  /* first status of a unit that could not be calibrated */
  struct error *error;
};

struct calibration fit_calibration(const struct quantizer *quantizer)
{
  struct calibration calibration = {.format = quantizer->format,
                                    .asymmetric = quantizer->asymmetric,
                                    .narrow = quantizer->narrow,
                                    .rounding = quantizer->rounding,
                                    .parameter = quantizer->parameter,
                                    .pow2 = quantizer->pow2,
                                    .scale_type = quantizer->scale_type,
                                    .rule = quantizer->rule,
                                    .eps = quantizer->eps,
                                    .arithmetic = quantizer->arithmetic,
                                    .limited = quantizer->limited,
                                    .code_lo = quantizer->code_lo,
                                    .code_hi = quantizer->code_hi};
  memcpy(calibration.option, quantizer->option, sizeof calibration.option);
  return calibration;
}

/* --- one unit ----------------------------------------------------------------------------- */

static void set_unit(const struct fitting *fitting, size_t unit, struct scaling scaling)
{
  struct fit *fit = fitting->fit;
  float scale = scaling.scale;
  /* No scale may be 0 or infinite: x / scale has to mean something. */
  scaling.scale = scale > FLT_MAX ? FLT_MAX : scale > 0 ? scale : FLT_TRUE_MIN;
  fit->unit[unit] = calibration_unit(&fit->grid, &scaling);
}

static struct sample unit_sample(const struct fitting *fitting, size_t unit)
{
  const struct extent *extent = &fitting->extents[unit];
  return (struct sample){.finite = extent_finite(extent),
                         .min = extent_min(extent),
                         .max = extent_max(extent),
                         .feed = fitting->feed,
                         .grain = &fitting->fit->grain,
                         .unit = unit,
                         .progress = fitting->progress};
}

static enum status fit_unit(const struct fitting *fitting, const struct sample *sample,
                            struct error *error)
{
  const struct calibrator *calibrator = fitting->fit->quantizer.calibrator;
  struct choice choice = {.lo = (double)sample->min, .hi = (double)sample->max};
  struct scaling scaling = {.scale = 1};
  if (sample->finite == 0 || (sample->min == 0 && sample->max == 0)) {
    set_unit(fitting, sample->unit, scaling);
    return STATUS_OK;
  }
  if (calibrator->choose) {
    enum status status = calibrator->choose(&fitting->calibration, sample, &choice, error);
    if (status != STATUS_OK)
      return status;
  }
  calibration_scale(&fitting->calibration, &choice, &scaling);
  set_unit(fitting, sample->unit, scaling);
  return STATUS_OK;
}

/* Only the first failure is reported. */
static void fail(struct fitting *fitting, enum status status, const struct error *error)
{
  int none = STATUS_OK;
  if (atomic_compare_exchange_strong(&fitting->failure, &none, (int)status) && fitting->error)
    *fitting->error = *error;
}

/* --- gathering ------------------------------------------------------------------------------ */

struct gathering {
  const struct grain *grain;
  size_t first, stride; /* unit of the first column of `values` */
  float *values;
  size_t *counts;
};

/* N elements from START, all of units of the tile. */
static void gather_span(const struct gathering *gathering, const struct feed *feed, size_t start,
                        size_t n)
{
  float scratch[FEED_BLOCK], *values = gathering->values;
  size_t *counts = gathering->counts, first = gathering->first, stride = gathering->stride;
  struct grain_walk walk = grain_walk_from(gathering->grain, start);
  for (size_t block; n > 0; start += block, n -= block) {
    block = size_min(n, FEED_BLOCK);
    const float *x = feed_block(feed, start, block, scratch);
    for (size_t i = 0; i < block; i++) {
      size_t column = grain_walk_step(&walk) - first;
      if (isfinite(x[i]))
        values[column * stride + counts[column]++] = x[i];
    }
  }
}

/* COUNT neighbouring units: one stretch of storage for groups and tokens, one in each outer
 * slice for channels. */
static void gather_tile(struct gathering *gathering, const struct feed *feed, size_t count)
{
  const struct grain *grain = gathering->grain;
  size_t last = gathering->first + count - 1;
  for (size_t i = 0; i < count; i++)
    gathering->counts[i] = 0;
  if (grain->kind != GRAIN_CHANNEL) {
    size_t start = grain_element(grain, gathering->first, 0);
    size_t end = grain_element(grain, last, grain_unit_size(grain, last) - 1) + 1;
    gather_span(gathering, feed, start, end - start);
    return;
  }
  for (size_t outer = 0; outer < grain->outer; outer++)
    gather_span(gathering, feed, (outer * grain->channels + gathering->first) * grain->inner,
                count * grain->inner);
}

static void fit_tile(void *context, size_t chunk, unsigned worker)
{
  struct fitting *fitting = context;
  const struct grain *grain = &fitting->fit->grain;
  struct gathering gathering = {
      .grain = grain,
      .first = chunk * fitting->tile,
      .stride = fitting->stride,
      .values = fitting->values + worker * fitting->tile * fitting->stride,
      .counts = fitting->counts + worker * fitting->tile,
  };
  size_t count = size_min(fitting->tile, grain->units - gathering.first);
  gather_tile(&gathering, fitting->feed, count);
  for (size_t i = 0; i < count; i++) {
    if (progress_cancelled(fitting->progress) || atomic_load(&fitting->failure) != STATUS_OK)
      return;
    struct sample sample = unit_sample(fitting, gathering.first + i);
    struct error error;
    sample.values = gathering.values + i * gathering.stride;
    sample.finite = gathering.counts[i];
    enum status status = fit_unit(fitting, &sample, &error);
    if (status != STATUS_OK)
      fail(fitting, status, &error);
    progress_advance(fitting->progress, grain_unit_size(grain, sample.unit));
  }
}

/* Units of a tile: enough to make a job worth starting and, when they are interleaved, to use
 * what a cache line brings; but no more than fits. */
static size_t tile_units(const struct grain *grain, size_t capacity)
{
  size_t wish = FEED_CHUNK / capacity;
  if (grain->kind == GRAIN_CHANNEL)
    wish = size_max(wish, size_div_up(LINE_ELEMENTS, grain->inner));
  size_t most = size_max(TILE_MOST / capacity, 1);
  return size_min(size_min(size_max(wish, 1), most), grain->units);
}

static enum status fit_small_units(struct fitting *fitting)
{
  const struct grain *grain = &fitting->fit->grain;
  size_t capacity = grain_unit_size(grain, 0);
  fitting->tile = tile_units(grain, capacity);
  /* An odd number of cache lines: neighbouring units must not fall into the same sets. */
  fitting->stride = (size_div_up(capacity, CACHE_LINE) | 1) * CACHE_LINE;
  size_t chunks = size_div_up(grain->units, fitting->tile);
  size_t workers = size_min(pool_threads(), chunks);
  fitting->values = mem_array(workers, fitting->tile * fitting->stride * sizeof(float));
  fitting->counts = mem_array(workers, fitting->tile * sizeof(size_t));
  enum status status = STATUS_MEMORY;
  if (fitting->values && fitting->counts)
    status = pool_for(chunks, fit_tile, fitting, fitting->progress);
  else
    error_memory(fitting->error, "the values of a unit");
  free(fitting->values);
  free(fitting->counts);
  return status;
}

/* One after the other: each is read in parallel. */
static enum status fit_large_units(struct fitting *fitting)
{
  const struct grain *grain = &fitting->fit->grain;
  for (size_t unit = 0; unit < grain->units; unit++) {
    struct sample sample = unit_sample(fitting, unit);
    enum status status = fit_unit(fitting, &sample, fitting->error);
    if (status != STATUS_OK)
      return status;
    progress_advance(fitting->progress, grain_unit_size(grain, unit));
  }
  return STATUS_OK;
}

/* --- the whole ------------------------------------------------------------------------------ */

static enum status calibrate(struct fitting *fitting)
{
  const struct grain *grain = &fitting->fit->grain;
  bool minmax = !fitting->fit->quantizer.calibrator->choose;
  progress_expect(fitting->progress, minmax ? grain->count : 2 * grain->count);
  fitting->extents = mem_array(grain->units, sizeof *fitting->extents);
  if (!fitting->extents)
    return error_memory(fitting->error, "the extremes of the units");
  enum status status = extents_measure(fitting->feed, grain, fitting->progress, fitting->extents);
  if (status == STATUS_OK && grain->units > 0) {
    if (minmax)
      for (size_t unit = 0; unit < grain->units; unit++) {
        struct sample sample = unit_sample(fitting, unit);
        fit_unit(fitting, &sample, NULL);
      }
    else
      status = grain_unit_size(grain, 0) <= SMALL_UNIT ? fit_small_units(fitting)
                                                       : fit_large_units(fitting);
    if (atomic_load(&fitting->failure) != STATUS_OK)
      status = (enum status)atomic_load(&fitting->failure);
  }
  free(fitting->extents);
  return status;
}

static void set_by_hand(const struct fitting *fitting)
{
  const struct quantizer *quantizer = &fitting->fit->quantizer;
  struct scaling scaling = {(float)quantizer->scale, lrint(quantizer->zero), 0};
  struct choice choice = {.lo = quantizer->lo, .hi = quantizer->hi};
  if (quantizer->by == BY_RANGE)
    calibration_scale(&fitting->calibration, &choice, &scaling);
  else
    scaling.scale = calibration_stored_scale(&fitting->calibration, scaling.scale);
  for (size_t unit = 0; unit < fitting->fit->grain.units; unit++)
    set_unit(fitting, unit, scaling);
}

/* A codebook learned from all values; a tensor without values has the single level 0. */
static enum status learn(struct fitting *fitting)
{
  struct fit *fit = fitting->fit;
  static const float zero = 0;
  struct extent extent;
  progress_expect(fitting->progress, fit->grain.count);
  enum status status =
      extents_measure(fitting->feed, &fit->grain, fitting->progress, fitting->extents = &extent);
  struct sample sample = unit_sample(fitting, 0);
  fitting->extents = NULL;
  if (status == STATUS_OK && sample.finite > 0)
    status = lloyd_learn(&sample, fit->quantizer.format->learned, &fit->codebook, fitting->error);
  else if (status == STATUS_OK && !(fit->codebook = codebook_new(&zero, 1)))
    status = error_memory(fitting->error, "the levels");
  fit->grid.codebook = fit->codebook;
  return status;
}

static struct fit *fit_new(const struct quantizer *quantizer, const struct grain *grain)
{
  struct fit *fit = mem_array(1, sizeof *fit);
  if (!fit)
    return NULL;
  fit->quantizer = *quantizer;
  fit->family = quantizer->format->family;
  fit->grain = *grain;
  fit->grid =
      grid_make(quantizer->format, quantizer->asymmetric, quantizer->narrow, quantizer->nonfinite);
  fit->unit = mem_array(grain->units, sizeof *fit->unit);
  if (!fit->unit) {
    fit_free(fit);
    return NULL;
  }
  return fit;
}

enum status quantizer_fit(const struct quantizer *quantizer, const struct feed *feed,
                          const struct shape *shape, struct progress *progress, struct fit **out,
                          struct error *error)
{
  struct grain grain;
  enum status status = quantizer_check(quantizer, error);
  if (status == STATUS_OK && format_is_block(quantizer->format))
    return block_quantizer_fit(quantizer, feed, shape, progress, out, error);
  if (status == STATUS_OK)
    status = grain_make(&quantizer->granularity, shape, &grain, error);
  if (status != STATUS_OK)
    return status;
  if (grain.count != feed->count)
    return error_set(error, STATUS_USAGE, "the shape has %zu elements, the data %zu", grain.count,
                     feed->count);
  struct fitting fitting = {.fit = fit_new(quantizer, &grain),
                            .feed = feed,
                            .calibration = fit_calibration(quantizer),
                            .progress = progress,
                            .error = error};
  if (!fitting.fit)
    return error_memory(error, "the scales of the units");
  if (quantizer->format->learned)
    status = learn(&fitting);
  if (status == STATUS_OK && quantizer->by == BY_CALIBRATOR)
    status = calibrate(&fitting);
  else if (status == STATUS_OK)
    set_by_hand(&fitting);
  if (status == STATUS_OK)
    *out = fitting.fit;
  else
    fit_free(fitting.fit);
  return status;
}
