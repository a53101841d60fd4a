#include "quant/probe.h"

#include "quant/base/size.h"
#include "quant/extent.h"
#include "quant/fit.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* --- opening -------------------------------------------------------------------------------- */

static size_t largest_unit(const struct extent *extents, size_t units)
{
  size_t best = 0;
  float most = -1;
  for (size_t i = 0; i < units; i++) {
    if (extent_finite(&extents[i]) == 0)
      continue;
    float magnitude = fmaxf(fabsf(extent_min(&extents[i])), fabsf(extent_max(&extents[i])));
    best = magnitude > most ? i : best;
    most = fmaxf(most, magnitude);
  }
  return best;
}

/* Chooses the unit and learns its extremes. */
static enum status find_unit(struct probe *probe, size_t unit, struct error *error)
{
  const struct grain *grain = &probe->grain;
  if (unit != PROBE_LARGEST && unit >= grain->units)
    return error_set(error, STATUS_USAGE, "unit %zu does not exist: there are %zu, from 0", unit,
                     grain->units);
  struct extent *extents = mem_array(grain->units, sizeof *extents);
  if (!extents)
    return error_memory(error, "the extremes of the units");
  progress_expect(probe->sample.progress, grain->count);
  enum status status = extents_measure(&probe->batch->feed, grain, probe->sample.progress, extents);
  probe->unit = unit == PROBE_LARGEST ? largest_unit(extents, grain->units) : unit;
  if (status == STATUS_OK && grain->units > 0) {
    const struct extent *extent = &extents[probe->unit];
    probe->sample.finite = extent_finite(extent);
    probe->sample.unit = probe->unit;
    if (probe->sample.finite) {
      probe->sample.min = extent_min(extent);
      probe->sample.max = extent_max(extent);
    }
  }
  free(extents);
  return status;
}

/* The finite values of a small unit, in their order: as fitting.c gives them to calibrators. */
static enum status gather(struct probe *probe, struct error *error)
{
  const struct grain *grain = &probe->grain;
  size_t size = grain_unit_size(grain, probe->unit), kept = 0, run, unit;
  float scratch[FEED_BLOCK];
  probe->values = mem_array(size, sizeof(float));
  if (!probe->values)
    return error_memory(error, "the values of a unit");
  for (size_t k = 0; k < size; k += run) {
    size_t start = grain_element(grain, probe->unit, k);
    run = grain_run(grain, start, size_min(size - k, FEED_BLOCK), &unit);
    const float *x = feed_block(&probe->batch->feed, start, run, scratch);
    for (size_t i = 0; i < run; i++)
      if (isfinite(x[i]))
        probe->values[kept++] = x[i];
  }
  probe->sample.values = probe->values;
  return STATUS_OK;
}

static void add_signal(void *state, const float *x, const uint64_t *counts, size_t n,
                       const void *context)
{
  double sum = 0;
  (void)context;
  for (size_t i = 0; i < n; i++)
    sum += (double)x[i] * (double)x[i] * (counts ? (double)counts[i] : 1);
  *(double *)state += sum;
}

static void merge_signal(void *into, const void *from, const void *context)
{
  (void)context;
  *(double *)into += *(const double *)from;
}

/* The digest of the tensor, where the unit is all of it. */
static const struct digest *whole_digest(const struct probe *probe)
{
  return probe->grain.kind == GRAIN_TENSOR ? probe->batch->digest : NULL;
}

static void take_digest(struct probe *probe, const struct digest *digest)
{
  struct sample *sample = &probe->sample;
  sample->finite = digest->finite;
  sample->values = digest->values;
  sample->counts = digest->counts;
  sample->distinct = digest->distinct;
  if (digest->distinct) {
    sample->min = digest->values[0];
    sample->max = digest->values[digest->distinct - 1];
  }
}

static enum status read_unit(struct probe *probe, size_t unit, struct error *error)
{
  const struct visitor visitor = {
      .state_size = sizeof(double), .block = add_signal, .merge = merge_signal};
  const struct digest *digest = whole_digest(probe);
  enum status status = STATUS_OK;
  if (digest)
    take_digest(probe, digest);
  else
    status = find_unit(probe, unit, error);
  if (status == STATUS_OK && !digest && probe->sample.finite &&
      grain_unit_size(&probe->grain, probe->unit) <= FIT_SMALL_UNIT)
    status = gather(probe, error);
  if (status == STATUS_OK && probe->sample.finite)
    status = sample_visit(&probe->sample, &visitor, &probe->signal2);
  return status;
}

enum status probe_check(const struct quantizer *quantizer, struct error *error)
{
  if (quantizer->format->learned)
    return error_set(error, STATUS_USAGE, "%s learns its levels: there is no threshold to choose",
                     quantizer->format->name);
  if (format_is_block(quantizer->format))
    return error_set(error, STATUS_USAGE,
                     "%s brings its own blocks and scales: there is no threshold to choose",
                     quantizer->format->name);
  return quantizer_check(quantizer, error);
}

enum status probe_open(const struct quantizer *quantizer, const struct batch *batch, size_t unit,
                       struct progress *progress, struct probe *out, struct error *error)
{
  struct probe probe = {.quantizer = *quantizer,
                        .calibration = fit_calibration(quantizer),
                        .batch = batch,
                        .sample = {.feed = &batch->feed, .progress = progress}};
  enum status status = probe_check(quantizer, error);
  if (status == STATUS_OK)
    status = grain_make(&quantizer->granularity, &batch->shape, &probe.grain, error);
  if (status != STATUS_OK)
    return status;
  probe.grid = calibration_grid(&probe.calibration);
  *out = probe;
  out->sample.grain = &out->grain;
  status = read_unit(out, unit, error);
  if (status != STATUS_OK)
    probe_close(out);
  return status == STATUS_CANCELLED ? error_set(error, status, "cancelled") : status;
}

void probe_close(struct probe *probe)
{
  free(probe->values);
  probe->values = NULL;
}

bool probe_has_values(const struct probe *probe)
{
  return probe->sample.finite > 0 && (probe->sample.min != 0 || probe->sample.max != 0);
}

/* --- choices -------------------------------------------------------------------------------- */

enum status probe_choose(const struct probe *probe, const struct quantizer *quantizer,
                         struct choice *choice, struct error *error)
{
  const struct calibration calibration = fit_calibration(quantizer);
  *choice = (struct choice){.lo = (double)probe->sample.min, .hi = (double)probe->sample.max};
  if (quantizer->by == BY_RANGE)
    *choice = (struct choice){.lo = quantizer->lo, .hi = quantizer->hi};
  if (quantizer->by == BY_SCALE)
    *choice = (struct choice){
        .has_scale = true, .scale = (float)quantizer->scale, .zero = lrint(quantizer->zero)};
  if (quantizer->by != BY_CALIBRATOR || !quantizer->calibrator->choose)
    return STATUS_OK;
  return quantizer->calibrator->choose(&calibration, &probe->sample, choice, error);
}

struct choice probe_threshold(const struct probe *probe, double threshold)
{
  double lo = fmin((double)probe->sample.min, 0), hi = fmax((double)probe->sample.max, 0);
  double factor = threshold / fmax(-lo, hi);
  if (!probe->quantizer.asymmetric)
    return (struct choice){.lo = -threshold, .hi = threshold};
  return (struct choice){.lo = lo * factor, .hi = hi * factor};
}

struct scaling probe_scaling(const struct probe *probe, const struct choice *choice)
{
  struct scaling scaling = {.scale = 1};
  calibration_scale(&probe->calibration, choice, &scaling);
  scaling.scale = fit_usable_scale(scaling.scale);
  return scaling;
}

void probe_range(const struct probe *probe, const struct scaling *scaling, double *lo, double *hi)
{
  struct unit unit = calibration_unit(&probe->grid, scaling);
  struct tally_bounds bounds;
  unit_bounds(&probe->grid, &unit, probe->quantizer.rounding, &bounds);
  *lo = (double)fminf(bounds.rail_lo, bounds.rail_hi);
  *hi = (double)fmaxf(bounds.rail_lo, bounds.rail_hi);
}

double probe_threshold_of(const struct probe *probe, const struct choice *choice)
{
  double lo, hi, max = format_max(probe->quantizer.format);
  if (!choice->has_scale)
    return fmax(fabs(choice->lo), fabs(choice->hi));
  struct scaling scaling = probe_scaling(probe, choice);
  if (!probe->quantizer.asymmetric && isfinite(max))
    return fabs((double)scaling.scale) * max;
  probe_range(probe, &scaling, &lo, &hi);
  return fmax(fabs(lo), fabs(hi));
}

/* --- losses --------------------------------------------------------------------------------- */

struct trial {
  struct unit unit;
  struct tally_bounds bounds;
};

struct trials {
  const struct grid *grid;
  struct rounding_rule rule;
  size_t count;
  struct trial trial[PROBE_MOST];
};

/* Error of the values beyond the range, which all become the end of the grid. */
static void add_clipped(const struct tally_bounds *bounds, const float *x, const uint64_t *counts,
                        size_t n, struct loss *loss)
{
  const double lo = (double)bounds->clip_lo, hi = (double)bounds->clip_hi;
  const double low = (double)bounds->rail_lo, high = (double)bounds->rail_hi;
  for (size_t i = 0; i < n; i++) {
    double value = (double)x[i];
    if (value >= lo && value <= hi)
      continue;
    double error = value - (value < lo ? low : high), times = counts ? (double)counts[i] : 1;
    loss->clipped_error2 += error * error * times;
    loss->clipped += counts ? counts[i] : 1;
  }
}

/* Element by element: values that stand for several, and roundings without kernels. */
static double weighted_error(const struct trials *trials, const struct unit *unit, const float *x,
                             const uint64_t *counts, size_t n)
{
  const struct family *family = trials->grid->format->family;
  bool even = trials->rule.mode == ROUND_EVEN;
  float y[FEED_BLOCK];
  double sum = 0;
  if (even)
    family->run(trials->grid, unit, x, n, y, NULL);
  for (size_t i = 0; i < n; i++) {
    double error =
        (double)x[i] -
        (double)(even ? y[i] : family->value(trials->grid, unit, x[i], trials->rule, i, NULL));
    sum += error * error * (counts ? (double)counts[i] : 1);
  }
  return sum;
}

/* All trials on one block while it is in cache; values that clip are rare, and blocks without any
 * are told by their extremes. */
static void try_block(void *state, const float *x, const uint64_t *counts, size_t n,
                      const void *context)
{
  const struct trials *trials = context;
  const struct family *family = trials->grid->format->family;
  struct loss *loss = state;
  struct extremes extremes = extremes_empty();
  kernels.extremes(x, n, &extremes);
  for (size_t t = 0; t < trials->count; t++) {
    const struct trial *trial = &trials->trial[t];
    if (counts || trials->rule.mode != ROUND_EVEN)
      loss[t].error2 += weighted_error(trials, &trial->unit, x, counts, n);
    else
      loss[t].error2 += family->sse(trials->grid, &trial->unit, x, n);
    if (extremes.min < trial->bounds.clip_lo || extremes.max > trial->bounds.clip_hi)
      add_clipped(&trial->bounds, x, counts, n, &loss[t]);
  }
}

static void merge_losses(void *into, const void *from, const void *context)
{
  const struct trials *trials = context;
  struct loss *sum = into;
  const struct loss *loss = from;
  for (size_t t = 0; t < trials->count; t++) {
    sum[t].error2 += loss[t].error2;
    sum[t].clipped_error2 += loss[t].clipped_error2;
    sum[t].clipped += loss[t].clipped;
  }
}

enum status probe_measure(const struct probe *probe, const struct scaling *scalings, size_t count,
                          struct loss *out, struct error *error)
{
  struct trials *trials = mem_array(1, sizeof *trials);
  if (!trials)
    return error_memory(error, "the thresholds");
  trials->grid = &probe->grid;
  trials->rule =
      (struct rounding_rule){.mode = probe->quantizer.rounding, .seed = probe->quantizer.seed};
  trials->count = count;
  for (size_t t = 0; t < count; t++) {
    struct trial *trial = &trials->trial[t];
    trial->unit = calibration_unit(&probe->grid, &scalings[t]);
    unit_bounds(&probe->grid, &trial->unit, trials->rule.mode, &trial->bounds);
  }
  const struct visitor visitor = {.state_size = count * sizeof *out,
                                  .block = try_block,
                                  .merge = merge_losses,
                                  .context = trials};
  enum status status = sample_visit(&probe->sample, &visitor, out);
  free(trials);
  if (status == STATUS_MEMORY)
    return error_memory(error, "the thresholds");
  return status == STATUS_CANCELLED ? error_set(error, status, "cancelled") : status;
}
