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

/* The finite values of a unit, in their order; how many. */
static size_t gather_unit(const struct feed *feed, const struct grain *grain, size_t unit,
                          float *values)
{
  size_t size = grain_unit_size(grain, unit), kept = 0, run, same;
  float scratch[FEED_BLOCK];
  for (size_t k = 0; k < size; k += run) {
    size_t start = grain_element(grain, unit, k);
    run = grain_run(grain, start, size_min(size - k, FEED_BLOCK), &same);
    const float *x = feed_block(feed, start, run, scratch);
    for (size_t i = 0; i < run; i++)
      if (isfinite(x[i]))
        values[kept++] = x[i];
  }
  return kept;
}

/* Those of a small unit: as fitting.c gives them to calibrators. */
static enum status gather(struct probe *probe, struct error *error)
{
  probe->values = mem_array(grain_unit_size(&probe->grain, probe->unit), sizeof(float));
  if (!probe->values)
    return error_memory(error, "the values of a unit");
  gather_unit(&probe->batch->feed, &probe->grain, probe->unit, probe->values);
  probe->sample.values = probe->values;
  return STATUS_OK;
}

struct power {
  size_t count;
  double signal2;
};

static void add_power(void *state, const float *x, const uint64_t *counts, size_t n,
                      const void *context)
{
  struct power *power = state;
  double sum = 0;
  (void)context;
  for (size_t i = 0; i < n; i++) {
    sum += (double)x[i] * (double)x[i] * (counts ? (double)counts[i] : 1);
    power->count += counts ? counts[i] : 1;
  }
  power->signal2 += sum;
}

static void merge_power(void *into, const void *from, const void *context)
{
  struct power *sum = into;
  const struct power *power = from;
  (void)context;
  sum->count += power->count;
  sum->signal2 += power->signal2;
}

/* Counts the values and their energy. */
static enum status measure_power(struct probe *probe)
{
  const struct visitor visitor = {
      .state_size = sizeof(struct power), .block = add_power, .merge = merge_power};
  struct power power;
  enum status status = sample_visit(&probe->sample, &visitor, &power);
  if (status == STATUS_OK) {
    probe->sample.finite = power.count;
    probe->signal2 = power.signal2;
  }
  return status;
}

/* The digest of the tensor, where the unit is all of it. */
static const struct digest *whole_digest(const struct probe *probe)
{
  return probe->grain.kind == GRAIN_TENSOR ? probe->batch->digest : NULL;
}

static void take_digest(struct sample *sample, const struct digest *digest)
{
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
  const struct digest *digest = whole_digest(probe);
  enum status status = STATUS_OK;
  if (digest)
    take_digest(&probe->sample, digest);
  else
    status = find_unit(probe, unit, error);
  if (status == STATUS_OK && !digest && probe->sample.finite &&
      grain_unit_size(&probe->grain, probe->unit) <= FIT_SMALL_UNIT)
    status = gather(probe, error);
  if (status == STATUS_OK && probe->sample.finite)
    status = measure_power(probe);
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

/* --- other data to choose from -------------------------------------------------------------- */

/* The unit in every batch that has values of it, and the union. */
struct probe_basis {
  struct sample whole;
  struct grain *grain;
  struct sample *sample;
  float *values; /* of a small unit: of one batch behind the other */
};

static void basis_free(struct probe_basis *basis)
{
  if (!basis)
    return;
  free(basis->grain);
  free(basis->sample);
  free(basis->values);
  free(basis);
}

void probe_close(struct probe *probe)
{
  free(probe->values);
  probe->values = NULL;
  for (int running = 0; running < 2; running++) {
    basis_free(probe->basis[running]);
    probe->basis[running] = NULL;
  }
}

static void add_extremes(void *state, const float *x, const uint64_t *counts, size_t n,
                         const void *context)
{
  (void)counts, (void)context;
  struct extremes *extremes = state;
  if (extremes->finite == 0)
    *extremes = extremes_empty();
  kernels.extremes(x, n, extremes);
}

static void merge_extremes(void *into, const void *from, const void *context)
{
  (void)context;
  struct extremes *extremes = into;
  const struct extremes *more = from;
  if (extremes->finite == 0)
    *extremes = *more;
  else if (more->finite > 0)
    extremes_merge(extremes, more);
}

/* The unit in BATCH; `finite` is 0 when it has no values there. */
static enum status take_batch(const struct probe *probe, const struct batch *batch,
                              struct grain *grain, struct sample *sample, struct error *error)
{
  const struct visitor visitor = {
      .state_size = sizeof(struct extremes), .block = add_extremes, .merge = merge_extremes};
  const struct digest *digest = probe->grain.kind == GRAIN_TENSOR ? batch->digest : NULL;
  struct extremes extremes;
  enum status status = grain_make(&probe->quantizer.granularity, &batch->shape, grain, error);
  *sample = (struct sample){.feed = &batch->feed,
                            .grain = grain,
                            .unit = probe->unit,
                            .progress = probe->sample.progress};
  if (status != STATUS_OK || grain->count == 0)
    return status;
  if (grain->units != probe->grain.units)
    return error_set(error, STATUS_USAGE, "a batch has %zu channels, the tensor %zu", grain->units,
                     probe->grain.units);
  if (digest) {
    take_digest(sample, digest);
    return STATUS_OK;
  }
  status = sample_visit(sample, &visitor, &extremes);
  sample->finite = extremes.finite;
  sample->min = extremes.min + 0.0f; /* a zero is +0 */
  sample->max = extremes.max + 0.0f;
  return status;
}

static void add_sample(struct probe_basis *basis, const struct sample *sample)
{
  struct sample *whole = &basis->whole;
  whole->min = whole->batches ? fminf(whole->min, sample->min) : sample->min;
  whole->max = whole->batches ? fmaxf(whole->max, sample->max) : sample->max;
  whole->finite += sample->finite;
  basis->sample[whole->batches++] = *sample;
}

/* A small unit is read once, as when it is fitted. */
static enum status gather_basis(struct probe_basis *basis, size_t elements, struct error *error)
{
  size_t kept = 0;
  for (size_t i = 0; i < basis->whole.batches; i++)
    if (basis->sample[i].counts)
      return STATUS_OK;
  if (elements > FIT_SMALL_UNIT)
    return STATUS_OK;
  basis->whole.values = basis->values = mem_array(elements, sizeof(float));
  if (!basis->values)
    return error_memory(error, "the values of a unit");
  for (size_t i = 0; i < basis->whole.batches; i++) {
    struct sample *sample = &basis->sample[i];
    sample->values = basis->values + kept;
    kept += gather_unit(sample->feed, sample->grain, sample->unit, basis->values + kept);
  }
  return STATUS_OK;
}

enum status probe_calibrate(struct probe *probe, bool running, const struct batch *batches,
                            size_t count, struct error *error)
{
  struct probe_basis *basis = probe->basis[running] = mem_array(1, sizeof *basis);
  size_t elements = 0;
  if (!basis)
    return error_memory(error, "the batches");
  basis->grain = mem_array(count, sizeof *basis->grain);
  basis->sample = mem_array(count, sizeof *basis->sample);
  if (!basis->grain || !basis->sample)
    return error_memory(error, "the batches");
  basis->whole = (struct sample){
      .batch = basis->sample, .unit = probe->unit, .progress = probe->sample.progress};
  enum status status = STATUS_OK;
  for (size_t i = 0; i < count && status == STATUS_OK; i++) {
    struct sample sample;
    status = take_batch(probe, &batches[i], &basis->grain[i], &sample, error);
    if (status != STATUS_OK || sample.finite == 0)
      continue;
    elements += grain_unit_size(&basis->grain[i], probe->unit);
    add_sample(basis, &sample);
  }
  if (status == STATUS_OK)
    status = gather_basis(basis, elements, error);
  return status == STATUS_CANCELLED ? error_set(error, status, "cancelled") : status;
}

/* What QUANTIZER chooses from. */
static const struct sample *basis_of(const struct probe *probe, const struct quantizer *quantizer)
{
  bool running = quantizer->by == BY_CALIBRATOR && quantizer->calibrator->running;
  const struct probe_basis *basis = probe->basis[running];
  if (!basis)
    return &probe->sample;
  return basis->whole.batches == 1 ? &basis->sample[0] : &basis->whole;
}

bool probe_has_values(const struct probe *probe)
{
  return probe->sample.finite > 0 && (probe->sample.min != 0 || probe->sample.max != 0);
}

/* --- a few of the values -------------------------------------------------------------------- */

enum {
  LONG_VISIT = 1 << 21, /* elements */
  FEW = 16,             /* one block in so many */
};

/* A tensor of every 16th block of another. */
struct probe_few {
  struct probe probe;
  struct batch batch;
  const struct feed *all;
};

static void decode_few(const void *self, size_t start, size_t n, float *out)
{
  const struct probe_few *few = self;
  float scratch[FEED_BLOCK];
  for (size_t length; n > 0; start += length, out += length, n -= length) {
    size_t block = start / FEED_BLOCK, within = start % FEED_BLOCK;
    length = size_min(n, FEED_BLOCK - within);
    const float *x = feed_block(few->all, block * FEW * FEED_BLOCK + within, length, scratch);
    memcpy(out, x, length * sizeof *out);
  }
}

bool probe_is_long(const struct probe *probe)
{
  return probe->grain.kind == GRAIN_TENSOR && !probe->sample.values &&
         probe->sample.finite >= LONG_VISIT;
}

enum status probe_take_few(const struct probe *probe, struct probe_few **out, struct error *error)
{
  struct probe_few *few = mem_array(1, sizeof *few);
  if (!few)
    return error_memory(error, "an estimate");
  size_t blocks = probe->batch->feed.count / FEED_BLOCK / FEW;
  few->all = &probe->batch->feed;
  few->batch.feed = (struct feed){.count = blocks * FEED_BLOCK, .decode = decode_few, .self = few};
  few->probe = *probe;
  few->probe.values = NULL;
  few->probe.batch = &few->batch;
  few->probe.grain.count = few->batch.feed.count;
  few->probe.sample.feed = &few->batch.feed;
  few->probe.sample.grain = &few->probe.grain;
  enum status status = measure_power(&few->probe);
  if (status == STATUS_OK) {
    *out = few;
    return status;
  }
  free(few);
  return status == STATUS_CANCELLED ? error_set(error, status, "cancelled") : status;
}

const struct probe *probe_of_few(const struct probe_few *few)
{
  return &few->probe;
}

void probe_few_free(struct probe_few *few)
{
  free(few);
}

/* --- choices -------------------------------------------------------------------------------- */

enum status probe_choose(const struct probe *probe, const struct quantizer *quantizer,
                         struct choice *choice, struct error *error)
{
  const struct calibration calibration = fit_calibration(quantizer);
  const struct sample *sample = basis_of(probe, quantizer);
  *choice = (struct choice){.lo = (double)sample->min, .hi = (double)sample->max};
  if (quantizer->by == BY_RANGE)
    *choice = (struct choice){.lo = quantizer->lo, .hi = quantizer->hi};
  if (quantizer->by == BY_SCALE)
    *choice = (struct choice){
        .has_scale = true, .scale = (float)quantizer->scale, .zero = fit_zero_by_hand(quantizer)};
  if (quantizer->by != BY_CALIBRATOR || !quantizer->calibrator->choose)
    return STATUS_OK;
  if (sample->min == 0 && sample->max == 0)
    return STATUS_OK;
  return quantizer->calibrator->choose(&calibration, sample, choice, error);
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
  unit_range(&probe->grid, &unit, lo, hi);
}

long probe_zero_point(const struct probe *probe, const struct scaling *scaling)
{
  struct unit unit = calibration_unit(&probe->grid, scaling);
  return unit_zero_point(&probe->quantizer, &probe->grid, &unit);
}

double probe_threshold_of(const struct probe *probe, const struct choice *choice)
{
  double lo, hi, max = format_max(probe->quantizer.format);
  if (!choice->has_scale)
    return fmax(fabs(choice->lo), fabs(choice->hi));
  struct scaling scaling = probe_scaling(probe, choice);
  if (!probe->quantizer.asymmetric && !probe->quantizer.limited && isfinite(max))
    return fabs((double)scaling.scale) * max;
  probe_range(probe, &scaling, &lo, &hi);
  return fmax(fabs(lo), fabs(hi));
}

/* --- losses --------------------------------------------------------------------------------- */

/* One side of all trials: where each begins to clip, ascending, and whose edge that is. The lower
 * side is turned over, so that clipping is beyond the edge on either. */
struct side {
  float edge[PROBE_MOST];
  size_t trial[PROBE_MOST];
};

struct trials {
  const struct grid *grid;
  struct rounding_rule rule;
  size_t count, steps; /* steps: of a search among the edges, a power of two each */
  struct unit unit[PROBE_MOST];
  double rail[2][PROBE_MOST]; /* ends of the grid: [0] the lower one, turned over */
  struct side side[2];
};

/* Values beyond an edge and not beyond the next one, as moments about that edge: from them the
 * error to any end of a grid below the edge adds up without cancellation. */
struct beyond {
  uint64_t count;
  double sum, square;
};

/* What a visit collects: errors of all trials, then the buckets of both sides. */
struct losses {
  double error2[PROBE_MOST];
  struct beyond beyond[2][PROBE_MOST];
};

/* How many edges X lies beyond. Without branches: they would be guessed wrong half the time. */
static size_t edges_below(const struct trials *trials, const struct side *side, float x)
{
  size_t at = 0;
  for (size_t step = trials->steps; step > 0; step /= 2)
    at += at + step <= trials->count && side->edge[at + step - 1] < x ? step : 0;
  return at;
}

static void add_beyond(const struct trials *trials, int side, float x, uint64_t times,
                       struct losses *losses)
{
  if (!(x > trials->side[side].edge[0]))
    return;
  size_t at = edges_below(trials, &trials->side[side], x) - 1;
  struct beyond *beyond = &losses->beyond[side][at];
  double distance = (double)x - (double)trials->side[side].edge[at], n = (double)times;
  beyond->count += times;
  beyond->sum += n * distance;
  beyond->square += n * distance * distance;
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

/* All trials on one block while it is in cache. */
static void try_block(void *state, const float *x, const uint64_t *counts, size_t n,
                      const void *context)
{
  const struct trials *trials = context;
  const struct family *family = trials->grid->format->family;
  struct losses *losses = state;
  bool plain = !counts && trials->rule.mode == ROUND_EVEN;
  for (size_t t = 0; t < trials->count; t++)
    losses->error2[t] += plain ? family->sse(trials->grid, &trials->unit[t], x, n)
                               : weighted_error(trials, &trials->unit[t], x, counts, n);
  for (size_t i = 0; i < n; i++) {
    uint64_t times = counts ? counts[i] : 1;
    add_beyond(trials, 0, -x[i], times, losses);
    add_beyond(trials, 1, x[i], times, losses);
  }
}

static void merge_losses(void *into, const void *from, const void *context)
{
  const struct trials *trials = context;
  struct losses *sum = into;
  const struct losses *losses = from;
  for (size_t t = 0; t < trials->count; t++)
    sum->error2[t] += losses->error2[t];
  for (int side = 0; side < 2; side++)
    for (size_t t = 0; t < trials->count; t++) {
      struct beyond *beyond = &sum->beyond[side][t];
      beyond->count += losses->beyond[side][t].count;
      beyond->sum += losses->beyond[side][t].sum;
      beyond->square += losses->beyond[side][t].square;
    }
}

/* Adds what lies beyond the edge at place AT of a side: all buckets from there on. */
static void add_clipped(const struct trials *trials, const struct losses *losses, int side,
                        size_t at, struct loss *loss)
{
  const struct side *edges = &trials->side[side];
  double rail = trials->rail[side][edges->trial[at]];
  for (size_t k = at; k < trials->count; k++) {
    const struct beyond *beyond = &losses->beyond[side][k];
    double away = (double)edges->edge[k] - rail;
    if (beyond->count == 0)
      continue;
    loss->clipped += beyond->count;
    loss->clipped_error2 +=
        beyond->square + 2 * away * beyond->sum + (double)beyond->count * away * away;
  }
}

static void conclude(const struct trials *trials, const struct losses *losses, struct loss *out)
{
  for (size_t t = 0; t < trials->count; t++)
    out[t] = (struct loss){.error2 = losses->error2[t]};
  for (int side = 0; side < 2; side++)
    for (size_t at = 0; at < trials->count; at++)
      add_clipped(trials, losses, side, at, &out[trials->side[side].trial[at]]);
}

/* Puts the edge of TRIAL into its place among the COUNT that are there. */
static void insert_edge(struct side *side, size_t count, float edge, size_t trial)
{
  for (; count > 0 && side->edge[count - 1] > edge; count--) {
    side->edge[count] = side->edge[count - 1];
    side->trial[count] = side->trial[count - 1];
  }
  side->edge[count] = edge;
  side->trial[count] = trial;
}

static void plan(const struct probe *probe, const struct scaling *scalings, size_t count,
                 struct trials *trials)
{
  trials->grid = &probe->grid;
  trials->rule =
      (struct rounding_rule){.mode = probe->quantizer.rounding, .seed = probe->quantizer.seed};
  trials->count = count;
  for (trials->steps = 1; 2 * trials->steps <= count;)
    trials->steps *= 2;
  for (size_t t = 0; t < count; t++) {
    struct tally_bounds bounds;
    trials->unit[t] = calibration_unit(&probe->grid, &scalings[t]);
    unit_bounds(&probe->grid, &trials->unit[t], trials->rule.mode, &bounds);
    trials->rail[0][t] = -(double)bounds.rail_lo;
    trials->rail[1][t] = (double)bounds.rail_hi;
    insert_edge(&trials->side[0], t, -bounds.clip_lo, t);
    insert_edge(&trials->side[1], t, bounds.clip_hi, t);
  }
}

enum status probe_measure(const struct probe *probe, const struct scaling *scalings, size_t count,
                          struct loss *out, struct error *error)
{
  struct trials *trials = mem_array(1, sizeof *trials);
  struct losses *losses = mem_array(1, sizeof *losses);
  const struct visitor visitor = {
      .state_size = sizeof *losses, .block = try_block, .merge = merge_losses, .context = trials};
  enum status status = STATUS_MEMORY;
  if (trials && losses) {
    plan(probe, scalings, count, trials);
    status = sample_visit(&probe->sample, &visitor, losses);
  }
  if (status == STATUS_OK)
    conclude(trials, losses, out);
  free(trials);
  free(losses);
  if (status == STATUS_MEMORY)
    return error_memory(error, "the thresholds");
  return status == STATUS_CANCELLED ? error_set(error, status, "cancelled") : status;
}
