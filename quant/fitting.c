/* Choosing the scale and zero point of every unit. Pass 1 measures extremes in storage order;
 * minmax needs no more. Other calibrators then see unit after unit: small ones gathered into
 * the memory of a worker, several neighbours at a time, large ones where they lie. All of it batch
 * by batch: a tensor that is fitted to itself is one batch. A digest replaces the reading. */
#include "quant/base/size.h"
#include "quant/codebook.h"
#include "quant/extent.h"
#include "quant/fit.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum {
  CACHE_LINE = 16,     /* elements */
  TILE_MOST = 1 << 21, /* elements that a worker gathers at once, beyond a single unit */
  LINE_ELEMENTS = 256, /* neighbouring elements to read at once from interleaved units */
};

/* Values to calibrate on, with the grain laid over them. */
struct part {
  const struct batch *batch;
  struct grain grain;
  struct extent *extents; /* of its units */
};

/* Whose values a fit is made from. */
enum values {
  VALUES_OWN,     /* the tensor's */
  VALUES_WAITING, /* the tensor's, when a pass brings them */
  VALUES_BATCHES, /* other ones: messages speak of batches */
};

struct fitting {
  struct fit *fit;
  enum values of;
  struct part *part; /* none of them empty */
  size_t parts;
  struct calibration calibration;
  struct progress *progress;
  size_t tile, stride;    /* units gathered at once, room for each */
  float *values;          /* tile * stride for each worker */
  size_t *counts;         /* tile for each worker */
  struct sample *samples; /* parts for each worker */
  atomic_int failure;     /* first status of a unit that could not be calibrated */
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
                                    .code_hi = quantizer->code_hi,
                                    .unsigned_codes = quantizer->unsigned_codes,
                                    .signed_codes = quantizer->signed_codes};
  memcpy(calibration.option, quantizer->option, sizeof calibration.option);
  return calibration;
}

/* --- one unit ----------------------------------------------------------------------------- */

float fit_usable_scale(float scale)
{
  float size = fabsf(scale);
  return copysignf(size > FLT_MAX ? FLT_MAX : size > 0 ? size : FLT_TRUE_MIN, scale);
}

static void set_unit(const struct fitting *fitting, size_t unit, struct scaling scaling)
{
  struct fit *fit = fitting->fit;
  scaling.scale = fit_usable_scale(scaling.scale);
  fit->unit[unit] = calibration_unit(&fit->grid, &scaling);
}

/* Values of UNIT in PART: those gathered at VALUES, or where they lie (NULL). */
static struct sample part_sample(const struct fitting *fitting, const struct part *part,
                                 size_t unit, const float *values)
{
  const struct extent *extent = &part->extents[unit];
  const struct digest *digest = part->grain.kind == GRAIN_TENSOR ? part->batch->digest : NULL;
  struct sample sample = {.finite = extent_finite(extent),
                          .min = extent_min(extent),
                          .max = extent_max(extent),
                          .values = values,
                          .feed = &part->batch->feed,
                          .grain = &part->grain,
                          .unit = unit,
                          .progress = fitting->progress};
  if (digest) {
    sample.values = digest->values;
    sample.counts = digest->counts;
    sample.distinct = digest->distinct;
  }
  return sample;
}

/* Values of UNIT in all parts, one behind the other at VALUES when gathered. SAMPLES has room for
 * each part; the union refers to it. */
static struct sample unit_sample(const struct fitting *fitting, size_t unit, const float *values,
                                 struct sample *samples)
{
  struct sample whole = {.values = values, .unit = unit, .progress = fitting->progress};
  size_t used = 0;
  for (size_t i = 0; i < fitting->parts; i++) {
    const float *own = values ? values + whole.finite : NULL;
    struct sample sample = part_sample(fitting, &fitting->part[i], unit, own);
    if (sample.finite == 0)
      continue;
    whole.min = used ? fminf(whole.min, sample.min) : sample.min;
    whole.max = used ? fmaxf(whole.max, sample.max) : sample.max;
    whole.finite += sample.finite;
    samples[used++] = sample;
  }
  whole.batch = samples;
  whole.batches = used;
  return used == 1 ? samples[0] : whole;
}

static enum status fit_unit(const struct fitting *fitting, const struct sample *sample,
                            struct error *error)
{
  const struct calibrator *calibrator = fitting->fit->quantizer.calibrator;
  struct choice choice = {.lo = (double)sample->min, .hi = (double)sample->max};
  struct scaling scaling = {.scale = 1};
  bool nothing = sample->finite == 0 || (sample->min == 0 && sample->max == 0);
  if (nothing)
    choice.lo = choice.hi = 0;
  else if (calibrator->choose) {
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
  size_t first, stride; /* `first`: unit of the first column of `values` */
  float *values;
  size_t *counts;
  const struct progress *progress; /* once it is cancelled, the values are not all there */
};

/* N elements from START, all of units of the tile. */
static void gather_span(const struct gathering *gathering, const struct feed *feed, size_t start,
                        size_t n)
{
  float scratch[FEED_BLOCK], *values = gathering->values;
  size_t *counts = gathering->counts, first = gathering->first, stride = gathering->stride;
  struct grain_walk walk = grain_walk_from(gathering->grain, start);
  for (size_t block; n > 0 && !progress_cancelled(gathering->progress);
       start += block, n -= block) {
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
static void gather_tile(const struct gathering *gathering, const struct feed *feed, size_t count)
{
  const struct grain *grain = gathering->grain;
  size_t last = gathering->first + count - 1;
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

/* COUNT units from FIRST, of all parts. */
static void gather_parts(const struct fitting *fitting, size_t first, size_t count, float *values,
                         size_t *counts)
{
  memset(counts, 0, count * sizeof *counts);
  for (size_t i = 0; i < fitting->parts; i++) {
    const struct part *part = &fitting->part[i];
    struct gathering gathering = {&part->grain, first,  fitting->stride,
                                  values,       counts, fitting->progress};
    gather_tile(&gathering, &part->batch->feed, count);
  }
}

static void fit_tile(void *context, size_t chunk, unsigned worker)
{
  struct fitting *fitting = context;
  const struct grain *grain = &fitting->fit->grain;
  size_t first = chunk * fitting->tile, count = size_min(fitting->tile, grain->units - first);
  float *values = fitting->values + worker * fitting->tile * fitting->stride;
  gather_parts(fitting, first, count, values, fitting->counts + worker * fitting->tile);
  for (size_t i = 0; i < count; i++) {
    if (progress_cancelled(fitting->progress) || atomic_load(&fitting->failure) != STATUS_OK)
      return;
    struct sample sample = unit_sample(fitting, first + i, values + i * fitting->stride,
                                       fitting->samples + worker * fitting->parts);
    struct error error;
    enum status status = fit_unit(fitting, &sample, &error);
    if (status != STATUS_OK)
      fail(fitting, status, &error);
    progress_advance(fitting->progress, sample.finite);
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

/* Elements of the largest unit in all parts. */
static size_t unit_capacity(const struct fitting *fitting)
{
  size_t capacity = 0;
  for (size_t i = 0; i < fitting->parts; i++)
    capacity += grain_unit_size(&fitting->part[i].grain, 0);
  return capacity;
}

static enum status fit_small_units(struct fitting *fitting, size_t capacity)
{
  const struct grain *grain = &fitting->fit->grain;
  fitting->tile = tile_units(grain, capacity);
  /* An odd number of cache lines: neighbouring units must not fall into the same sets. */
  fitting->stride = (size_div_up(capacity, CACHE_LINE) | 1) * CACHE_LINE;
  size_t chunks = size_div_up(grain->units, fitting->tile);
  size_t workers = size_min(pool_threads(), chunks);
  fitting->values = mem_array(workers, fitting->tile * fitting->stride * sizeof(float));
  fitting->counts = mem_array(workers, fitting->tile * sizeof(size_t));
  fitting->samples = mem_array(workers, fitting->parts * sizeof *fitting->samples);
  enum status status = STATUS_MEMORY;
  if (fitting->values && fitting->counts && fitting->samples)
    status = pool_for(chunks, fit_tile, fitting, fitting->progress);
  else
    error_memory(fitting->error, "the values of a unit");
  free(fitting->values);
  free(fitting->counts);
  free(fitting->samples);
  return status;
}

static bool by_extremes(const struct fitting *fitting)
{
  return calibrator_by_extremes(fitting->fit->quantizer.calibrator);
}

/* One after the other, each where it lies: it is read in parallel. What extremes alone decide, and
 * digests, need no reading. */
static enum status fit_in_place(struct fitting *fitting)
{
  const struct grain *grain = &fitting->fit->grain;
  struct sample *samples = mem_array(fitting->parts, sizeof *samples);
  enum status status = samples ? STATUS_OK : error_memory(fitting->error, "the batches");
  for (size_t unit = 0; unit < grain->units && status == STATUS_OK; unit++) {
    struct sample sample = unit_sample(fitting, unit, NULL, samples);
    status = fit_unit(fitting, &sample, fitting->error);
    if (!by_extremes(fitting) && !sample.counts)
      progress_advance(fitting->progress, sample.finite);
  }
  free(samples);
  return status;
}

/* --- extremes ------------------------------------------------------------------------------- */

static bool has_digest(const struct part *part)
{
  return part->grain.kind == GRAIN_TENSOR && part->batch->digest;
}

static bool has_extremes(const struct part *part)
{
  return part->grain.kind == GRAIN_TENSOR && part->batch->extremes;
}

static enum status measure_part(const struct fitting *fitting, struct part *part)
{
  part->extents = mem_array(part->grain.units, sizeof *part->extents);
  if (!part->extents)
    return error_memory(fitting->error, "the extremes of the units");
  const struct extremes *known = part->batch->extremes;
  if (has_extremes(part)) {
    extent_set(part->extents, known->min, known->max, known->finite);
    return STATUS_OK;
  }
  if (!has_digest(part))
    return extents_measure(&part->batch->feed, &part->grain, fitting->progress, part->extents);
  const struct digest *digest = part->batch->digest;
  size_t n = digest->distinct;
  extent_set(part->extents, n ? digest->values[0] : 0, n ? digest->values[n - 1] : 0,
             digest->finite);
  return STATUS_OK;
}

static enum status measure_parts(const struct fitting *fitting)
{
  enum status status = STATUS_OK;
  for (size_t i = 0; i < fitting->parts && status == STATUS_OK; i++)
    status = measure_part(fitting, &fitting->part[i]);
  return status;
}

/* Announces PASSES over what has to be read, the first of which is for extremes. */
static void expect_passes(const struct fitting *fitting, size_t passes)
{
  for (size_t i = 0; i < fitting->parts; i++)
    if (!has_digest(&fitting->part[i]))
      progress_expect(fitting->progress,
                      (passes - has_extremes(&fitting->part[i])) * fitting->part[i].grain.count);
}

/* The extremes, for who measures, of many units whose values are all finite. */
static void keep_ends(const struct fitting *fitting)
{
  struct fit *fit = fitting->fit;
  const struct part *part = &fitting->part[0];
  const size_t units = fit->grain.units;
  if (fitting->parts != 1 || units <= 1 || units > FIT_ENDS_MOST ||
      !(fit->ends = mem_room(units, 2 * sizeof *fit->ends)))
    return;
  fit->ends_self = part->batch->feed.self;
  fit->ends_direct = part->batch->feed.direct;
  for (size_t unit = 0; unit < units; unit++) {
    const struct extent *extent = &part->extents[unit];
    size_t finite = extent_finite(extent);
    if (finite < grain_unit_size(&part->grain, unit)) {
      free(fit->ends);
      fit->ends = NULL;
      return;
    }
    fit->ends[unit] = finite ? extent_min(extent) : 0;
    fit->ends[units + unit] = finite ? extent_max(extent) : 0;
  }
}

/* --- the whole ------------------------------------------------------------------------------ */

static bool any_digest(const struct fitting *fitting)
{
  for (size_t i = 0; i < fitting->parts; i++)
    if (has_digest(&fitting->part[i]))
      return true;
  return false;
}

static enum status calibrate(struct fitting *fitting)
{
  bool extremes = by_extremes(fitting);
  if (fitting->parts == 1 && fit_groups_can(fitting->fit)) {
    const struct feed *feed = &fitting->part[0].batch->feed;
    if (fitting->of == VALUES_WAITING && fit_groups_can_wait(fitting->fit))
      return fit_groups_wait(fitting->fit, feed);
    expect_passes(fitting, 1);
    return fit_groups(fitting->fit, feed, fitting->progress);
  }
  expect_passes(fitting, extremes ? 1 : 2);
  enum status status = measure_parts(fitting);
  if (status != STATUS_OK)
    return status;
  if (extremes)
    keep_ends(fitting);
  size_t capacity = unit_capacity(fitting);
  if (extremes || capacity == 0 || capacity > FIT_SMALL_UNIT || any_digest(fitting))
    return fit_in_place(fitting);
  status = fit_small_units(fitting, capacity);
  int failure = atomic_load(&fitting->failure);
  return failure != STATUS_OK ? (enum status)failure : status;
}

long fit_zero_by_hand(const struct quantizer *quantizer)
{
  long half = 1L << (quantizer->format->bits - 1);
  if (quantizer->unsigned_codes)
    return half - quantizer->narrow;
  return lrint(quantizer->zero) + (quantizer->signed_codes ? half : 0);
}

static void set_by_hand(const struct fitting *fitting)
{
  const struct quantizer *quantizer = &fitting->fit->quantizer;
  struct scaling scaling = {.scale = (float)quantizer->scale, .zero = fit_zero_by_hand(quantizer)};
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
  struct sample *samples = mem_array(fitting->parts, sizeof *samples);
  if (!samples)
    return error_memory(fitting->error, "the batches");
  expect_passes(fitting, 1);
  enum status status = measure_parts(fitting);
  if (status == STATUS_OK) {
    struct sample sample = unit_sample(fitting, 0, NULL, samples);
    if (sample.finite > 0)
      status = lloyd_learn(&sample, fit->quantizer.format->learned, &fit->codebook, fitting->error);
    else if (!(fit->codebook = codebook_new(&zero, 1)))
      status = error_memory(fitting->error, "the levels");
  }
  free(samples);
  fit->grid.codebook = fit->codebook;
  return status;
}

/* Without KEEP there is a unit that knows no scale. */
static struct fit *fit_new(const struct quantizer *quantizer, const struct grain *grain, bool keep)
{
  struct fit *fit = mem_array(1, sizeof *fit);
  if (!fit)
    return NULL;
  fit->quantizer = *quantizer;
  fit->family = quantizer->format->family;
  fit->grain = *grain;
  const struct calibration calibration = fit_calibration(quantizer);
  fit->grid = quantizer->nonfinite ? grid_make(quantizer->format, false, false, true)
                                   : calibration_grid(&calibration);
  fit->on_demand = !keep;
  fit->unit = keep && fit_groups_can(fit) ? mem_room(grain->units, sizeof *fit->unit)
                                          : mem_array(keep ? grain->units : 1, sizeof *fit->unit);
  if (!fit->unit) {
    fit_free(fit);
    return NULL;
  }
  if (!keep) {
    fit->unit[0] = fit->family->unit(&fit->grid, 1, 0);
    fit->unit[0].scale = NAN;
  }
  return fit;
}

static void parts_free(struct fitting *fitting)
{
  for (size_t i = 0; i < fitting->parts; i++)
    free(fitting->part[i].extents);
  free(fitting->part);
}

/* Lays the granularity over BATCH; its units must be those of the tensor. */
static enum status add_part(struct fitting *fitting, const struct batch *batch, size_t number)
{
  const struct fit *fit = fitting->fit;
  struct part *part = &fitting->part[fitting->parts];
  struct error *error = fitting->error;
  enum status status = grain_make(&fit->quantizer.granularity, &batch->shape, &part->grain, error);
  if (status != STATUS_OK) {
    if (number)
      error_prefix(error, "batch %zu: ", number);
    return status;
  }
  if (part->grain.count != batch->feed.count)
    return error_set(error, STATUS_USAGE, "the shape has %zu elements, the data %zu",
                     part->grain.count, batch->feed.count);
  if (part->grain.count == 0 || fit->grain.units == 0)
    return STATUS_OK;
  if (part->grain.units != fit->grain.units)
    return error_set(error, STATUS_USAGE,
                     "channel=%d: batch %zu has %zu channels, the tensor that is quantized %zu",
                     fit->quantizer.granularity.axis, number, part->grain.units, fit->grain.units);
  part->batch = batch;
  fitting->parts++;
  return STATUS_OK;
}

static enum status fit_parts(const struct quantizer *quantizer, const struct batch *batches,
                             size_t count, enum values of, const struct grain *grain,
                             struct progress *progress, struct fit **out, struct error *error)
{
  struct fitting fitting = {.fit = fit_new(quantizer, grain, true),
                            .of = of,
                            .part = mem_array(count, sizeof *fitting.part),
                            .calibration = fit_calibration(quantizer),
                            .progress = progress,
                            .error = error};
  enum status status = STATUS_OK;
  if (!fitting.fit || !fitting.part)
    status = error_memory(error, "the scales of the units");
  for (size_t i = 0; i < count && status == STATUS_OK; i++)
    status = add_part(&fitting, &batches[i], of == VALUES_BATCHES ? i + 1 : 0);
  if (status == STATUS_OK && quantizer->format->learned)
    status = learn(&fitting);
  if (status == STATUS_OK && quantizer->by == BY_CALIBRATOR)
    status = calibrate(&fitting);
  else if (status == STATUS_OK)
    set_by_hand(&fitting);
  parts_free(&fitting);
  if (status == STATUS_OK)
    *out = fitting.fit;
  else
    fit_free(fitting.fit);
  return status;
}

static enum status fit_tensor(const struct quantizer *quantizer, const struct batch *values,
                              enum values of, struct progress *progress, struct fit **out,
                              struct error *error)
{
  struct grain grain;
  enum status status = quantizer_check(quantizer, error);
  if (status == STATUS_OK && format_is_block(quantizer->format))
    return block_quantizer_fit(quantizer, values, true, progress, out, error);
  if (status == STATUS_OK)
    status = grain_make(&quantizer->granularity, &values->shape, &grain, error);
  return status == STATUS_OK ? fit_parts(quantizer, values, 1, of, &grain, progress, out, error)
                             : status;
}

enum status quantizer_fit_values(const struct quantizer *quantizer, const struct batch *values,
                                 struct progress *progress, struct fit **out, struct error *error)
{
  return fit_tensor(quantizer, values, VALUES_OWN, progress, out, error);
}

enum status quantizer_fit_waiting(const struct quantizer *quantizer, const struct batch *values,
                                  struct progress *progress, struct fit **out, struct error *error)
{
  return fit_tensor(quantizer, values, VALUES_WAITING, progress, out, error);
}

enum status quantizer_fit(const struct quantizer *quantizer, const struct feed *feed,
                          const struct shape *shape, struct progress *progress, struct fit **out,
                          struct error *error)
{
  const struct batch values = {.feed = *feed, .shape = *shape};
  return quantizer_fit_values(quantizer, &values, progress, out, error);
}

enum status quantizer_fit_on_demand(const struct quantizer *quantizer, const struct feed *feed,
                                    const struct shape *shape, struct progress *progress,
                                    struct fit **out, struct error *error)
{
  const struct batch values = {.feed = *feed, .shape = *shape};
  struct grain grain;
  enum status status = quantizer_check(quantizer, error);
  if (status == STATUS_OK && format_is_block(quantizer->format))
    return block_quantizer_fit(quantizer, &values, false, progress, out, error);
  if (status == STATUS_OK)
    status = grain_make(&quantizer->granularity, shape, &grain, error);
  if (status == STATUS_OK && !(*out = fit_new(quantizer, &grain, false)))
    status = error_memory(error, "the quantizer");
  return status;
}

bool quantizer_is_dynamic(const struct quantizer *quantizer)
{
  enum grain_kind kind = quantizer->granularity.kind;
  return format_is_block(quantizer->format) ||
         (quantizer->by == BY_CALIBRATOR && (kind == GRAIN_TOKEN || kind == GRAIN_GROUP));
}

enum status quantizer_fit_batches(const struct quantizer *quantizer, const struct batch *batches,
                                  size_t count, const struct shape *shape,
                                  struct progress *progress, struct fit **out, struct error *error)
{
  struct grain grain;
  enum status status = quantizer_check(quantizer, error);
  if (status == STATUS_OK && quantizer_is_dynamic(quantizer))
    return error_set(error, STATUS_USAGE,
                     "nothing to calibrate: the scales of tokens, groups and blocks are made from "
                     "the values they serve; give the tensor or channels a scale");
  if (status == STATUS_OK)
    status = grain_make(&quantizer->granularity, shape, &grain, error);
  return status == STATUS_OK
             ? fit_parts(quantizer, batches, count, VALUES_BATCHES, &grain, progress, out, error)
             : status;
}
