#include "analysis/measure.h"

#include "analysis/channel_sums.h"
#include "analysis/codes.h"
#include "quant/base/size.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum {
  BOUNDS_CHUNK = 1024,  /* units whose bounds one job works out */
  LONG_RUN = 512,       /* elements that share a unit or a channel */
  CODED_MOST = 1 << 30, /* elements whose codes are counted together */
};

/* Bounds of many units, or of each element of a block: one array for each bound. */
struct bounds_table {
  float *clip_lo, *clip_hi, *rail_lo, *rail_hi;
};

/* Units with a value beyond their range. A unit may begin in one span and end in the next: the
 * first and the last tell. */
struct clipped_units {
  size_t count, first, last;
};

/* The unit whose elements a worker is adding up, and the span they lie in. */
struct coded_unit {
  size_t span, unit, elements;
  struct coded coded;
};

/* What one span adds up. */
struct span_sums {
  struct tally tally, coded;            /* the latter: what follows from codes */
  double inside_error2, inside_signal2; /* of a struct coded of all spans */
  struct clipped_units clipped;
  uint64_t lost;
};

struct metrics_pass {
  const struct measure *measure;
  struct pass pass;
  const struct grain *units;
  float bulk;
  bool blocks;                      /* a block format */
  bool grouped;                     /* in groups that a kernel measures */
  bool tallied;                     /* long runs of units that fit_tally adds up */
  bool unclipped;                   /* those of which nothing is clipped: by the kernel of groups */
  bool own_channels;                /* each unit is a channel */
  bool mixed_units, mixed_channels; /* runs that share a unit (channel) are short */
  bool table_known;                 /* else a pass meets each unit about once */
  struct bounds_table table;        /* of each unit */
  struct span_sums *spans;
  struct channel_sums channels;
  struct coded_unit *coded; /* of each worker; NULL where no codes are tallied */
  bool coded_once;          /* for all spans: whole numbers do not depend on who walks which */
  struct codes codes;
};

/* --- bounds ------------------------------------------------------------------------------- */

static struct tally_bounds unit_bounds(const struct metrics_pass *job, const struct fit *fit,
                                       size_t unit)
{
  struct tally_bounds bounds;
  if (job->table_known)
    return (struct tally_bounds){job->table.clip_lo[unit], job->table.clip_hi[unit],
                                 job->table.rail_lo[unit], job->table.rail_hi[unit], job->bulk};
  fit_bounds(fit, unit, &bounds);
  bounds.bulk = job->bulk;
  return bounds;
}

static void table_set(const struct bounds_table *table, size_t at,
                      const struct tally_bounds *bounds)
{
  table->clip_lo[at] = bounds->clip_lo;
  table->clip_hi[at] = bounds->clip_hi;
  table->rail_lo[at] = bounds->rail_lo;
  table->rail_hi[at] = bounds->rail_hi;
}

static void fill_table(void *context, size_t chunk, unsigned worker)
{
  const struct metrics_pass *job = context;
  (void)worker;
  size_t start = chunk * BOUNDS_CHUNK, end = size_min(start + BOUNDS_CHUNK, job->units->units);
  for (size_t unit = start; unit < end; unit++) {
    struct tally_bounds bounds;
    fit_bounds(job->measure->fit, unit, &bounds);
    table_set(&job->table, unit, &bounds);
  }
}

static enum status make_table(struct metrics_pass *job)
{
  size_t units = job->units->units;
  if (fit_is_on_demand(job->measure->fit) ||
      (job->units->kind != GRAIN_TENSOR && job->units->kind != GRAIN_CHANNEL))
    return STATUS_OK;
  float *all = mem_array(units, 4 * sizeof *all);
  job->table = (struct bounds_table){all, all + units, all + 2 * units, all + 3 * units};
  if (!all)
    return STATUS_MEMORY;
  enum status status =
      pool_for(size_div_up(units, BOUNDS_CHUNK), fill_table, job, job->pass.progress);
  job->table_known = status == STATUS_OK;
  return status;
}

/* --- adding up a block ---------------------------------------------------------------------- */

/* N elements that each have bounds: which are clipped, and what follows from it. */
static void add_bounded(const struct bounds_table *bounds, size_t at, const float *x,
                        const float *y, size_t n, uint8_t *clipped, struct tally *tally)
{
  const float *clip_lo = bounds->clip_lo + at, *clip_hi = bounds->clip_hi + at;
  const float *rail_lo = bounds->rail_lo + at, *rail_hi = bounds->rail_hi + at;
  uint32_t count = 0, at_rail = 0;
  for (size_t i = 0; i < n; i++) {
    uint32_t finite = fabsf(x[i]) < INFINITY;
    uint32_t outside = finite & (uint32_t)((x[i] < clip_lo[i]) | (x[i] > clip_hi[i]));
    at_rail += finite & (uint32_t)((y[i] <= rail_lo[i]) | (y[i] >= rail_hi[i]));
    count += outside;
    clipped[i] = (uint8_t)outside;
  }
  tally->at_rail += at_rail;
  tally->clipped += count;
  for (size_t i = 0; count && i < n; i++) {
    double error = (double)x[i] - (double)y[i];
    tally->clipped_error2 += clipped[i] ? error * error : 0;
  }
}

/* Bounds that change with every few elements. The kernel adds up what is the same for all units. */
static void tally_mixed(const struct metrics_pass *job, const struct pass_block *block,
                        uint8_t *clipped, struct tally *tally)
{
  const struct tally_bounds unbounded = {-INFINITY, INFINITY, NAN, NAN, job->bulk};
  const struct grain *units = job->units;
  kernels.tally(block->x, block->y, block->n, &unbounded, tally);
  if (job->table_known && units->kind == GRAIN_CHANNEL && units->inner == 1) {
    size_t unit = block->start % units->channels;
    for (size_t i = 0, n; i < block->n; i += n, unit = 0) {
      n = size_min(units->channels - unit, block->n - i);
      add_bounded(&job->table, unit, block->x + i, block->y + i, n, clipped + i, tally);
    }
    return;
  }
  float all[4][FEED_BLOCK];
  const struct bounds_table spread = {all[0], all[1], all[2], all[3]};
  for (size_t i = 0, run; i < block->n; i += run) {
    size_t unit;
    run = grain_run(units, block->start + i, block->n - i, &unit);
    struct tally_bounds bounds = unit_bounds(job, block->fit, unit);
    for (size_t k = i; k < i + run; k++)
      table_set(&spread, k, &bounds);
  }
  add_bounded(&spread, 0, block->x, block->y, block->n, clipped, tally);
}

/* Long runs of a unit, whatever the channels. */
static void tally_runs(const struct metrics_pass *job, const struct pass_block *block,
                       uint8_t *clipped, struct tally *tally)
{
  for (size_t i = 0, run; i < block->n; i += run) {
    size_t unit;
    run = grain_run(job->units, block->start + i, block->n - i, &unit);
    struct tally_bounds bounds = unit_bounds(job, block->fit, unit);
    kernels.tally(block->x + i, block->y + i, run, &bounds, tally);
    for (size_t k = i; k < i + run; k++)
      clipped[k] = fabsf(block->x[k]) < INFINITY &&
                   (block->x[k] < bounds.clip_lo || block->x[k] > bounds.clip_hi);
  }
}

/* Long runs of a unit and of a channel: the kernels see one of each at a time. */
static void add_runs(struct metrics_pass *job, const struct pass_block *block, struct tally *tally)
{
  for (size_t i = 0, run; i < block->n; i += run) {
    size_t unit, channel;
    run = grain_run(job->units, block->start + i, block->n - i, &unit);
    run = grain_run(&job->measure->channels, block->start + i, run, &channel);
    struct tally_bounds bounds = unit_bounds(job, block->fit, unit);
    struct tally one = {0};
    kernels.tally(block->x + i, block->y + i, run, &bounds, &one);
    channel_sums_add_run(&job->channels, block->span, channel, run, &one);
    tally_merge(tally, &one);
  }
}

/* Adds what follows from the codes that WORKER has counted. */
static void settle(struct metrics_pass *job, unsigned worker, const struct fit *fit)
{
  struct coded_unit *run = &job->coded[worker];
  uint32_t count[CODES_COUNTED] = {0};
  if (run->elements == 0)
    return;
  struct tally_bounds bounds = unit_bounds(job, fit, run->unit);
  fit_coded(fit, run->unit, &bounds, &run->coded, &job->spans[run->span].coded, count);
  codes_add_counts(&job->codes, worker, fit, run->unit, count);
  run->elements = 0;
}

/* The span keeps its sums, where the codes are counted on in another. */
static void leave_span(struct metrics_pass *job, struct coded_unit *run)
{
  struct span_sums *span = &job->spans[run->span];
  span->inside_error2 = run->coded.error2;
  span->inside_signal2 = run->coded.signal2;
  run->coded.error2 = run->coded.signal2 = 0;
}

/* Where N elements of UNIT are to be counted: those of one unit in one span together, so that the
 * sums do not depend on who walks which span. */
static struct coded *coded_for(struct metrics_pass *job, const struct pass_block *block,
                               size_t unit, size_t n)
{
  struct coded_unit *run = &job->coded[block->worker];
  bool same = run->span == block->span && run->unit == unit && run->elements + n <= CODED_MOST;
  if (!same && !job->coded_once)
    settle(job, block->worker, block->fit);
  else if (run->elements > 0 && run->span != block->span)
    leave_span(job, run);
  run->span = block->span;
  run->unit = unit;
  run->elements += n;
  return &run->coded;
}

/* True when UNIT, or SPAN, ends before element NEXT: a part of a fit on demand that knows the unit
 * may be gone with the next block. */
static bool ends_at(const struct metrics_pass *job, size_t span, size_t unit, size_t next)
{
  size_t start, end;
  pass_span(&job->pass, span, &start, &end);
  return next == end || grain_unit(job->units, next) != unit;
}

/* N elements from X on into ONE by the kernel of groups, as far as nothing is clipped; how many. */
static size_t add_row(struct metrics_pass *job, unsigned worker, const float *x, size_t n,
                      const struct group_row *row, struct tally *one)
{
  struct codes *codes = &job->codes;
  const struct code_tables tables =
      job->pass.codes ? codes_tables(codes, worker) : (struct code_tables){0};
  uint64_t high = 0;
  size_t added = kernels.group_errors(x, n, row, job->bulk, job->pass.codes ? &tables : NULL, one,
                                      codes->high_by_unit ? &high : NULL);
  if (codes->high_by_unit)
    codes_add_high(codes, worker, high);
  return added;
}

/* That needs no table of codes for each unit: faster. RUN elements of UNIT from element I of BLOCK
 * on; false where it cannot. */
static bool add_unclipped(struct metrics_pass *job, const struct pass_block *block, size_t i,
                          size_t run, size_t unit, struct tally *one)
{
  struct group_row row;
  fit_group_rows(block->fit, job->measure->feed, unit, &row);
  row.first = row.length = run;
  if (!job->own_channels)
    row.least = row.most = NULL;
  return add_row(job, block->worker, block->x + i, run, &row, one) == run;
}

/* The same without reconstructions. */
static void add_tallied(struct metrics_pass *job, const struct pass_block *block,
                        struct tally *tally)
{
  for (size_t i = 0, run; i < block->n; i += run) {
    size_t unit, channel;
    run = grain_run(job->units, block->start + i, block->n - i, &unit);
    run = grain_run(&job->measure->channels, block->start + i, run, &channel);
    struct tally_bounds bounds = unit_bounds(job, block->fit, unit);
    struct tally one = {0};
    if (!job->unclipped || !add_unclipped(job, block, i, run, unit, &one))
      fit_tally(block->fit, unit, block->x + i, run, &bounds, &one,
                job->coded ? coded_for(job, block, unit, run) : NULL);
    channel_sums_add_run(&job->channels, block->span, channel, run, &one);
    tally_merge(tally, &one);
    if (job->coded && fit_is_on_demand(job->measure->fit) &&
        ends_at(job, block->span, unit, block->start + i + run))
      settle(job, block->worker, block->fit);
  }
}

static void add_mixed(struct metrics_pass *job, const struct pass_block *block, struct tally *tally)
{
  uint8_t clipped[FEED_BLOCK];
  (job->mixed_units ? tally_mixed : tally_runs)(job, block, clipped, tally);
  channel_sums_add_block(&job->channels, block, tally->finite == block->n,
                         tally->clipped ? clipped : NULL);
}

/* True when one of N values, the finite ones, lies beyond LO or HI. */
static bool any_beyond(const float *x, size_t n, float lo, float hi)
{
  bool beyond = false;
  for (size_t i = 0; i < n; i++)
    beyond |= fabsf(x[i]) < INFINITY && (x[i] < lo || x[i] > hi);
  return beyond;
}

static void count_clipped_units(const struct metrics_pass *job, const struct pass_block *block,
                                struct clipped_units *clipped)
{
  for (size_t i = 0, run; i < block->n; i += run) {
    size_t unit;
    double lo, hi;
    run = grain_run(job->units, block->start + i, block->n - i, &unit);
    if (clipped->count && clipped->last == unit)
      continue;
    fit_range(block->fit, unit, &lo, &hi);
    if (!any_beyond(block->x + i, run, (float)lo, (float)hi))
      continue;
    if (clipped->count++ == 0)
      clipped->first = unit;
    clipped->last = unit;
  }
}

/* Share of the clipped units, each counted once. */
static double clipped_share(const struct metrics_pass *job)
{
  size_t count = 0, last = SIZE_MAX;
  for (size_t i = 0; i < job->pass.spans; i++) {
    const struct clipped_units *clipped = &job->spans[i].clipped;
    if (clipped->count == 0)
      continue;
    count += clipped->count - (clipped->first == last);
    last = clipped->last;
  }
  return job->units->units ? (double)count / (double)job->units->units : (double)NAN;
}

/* --- groups ----------------------------------------------------------------------------------- */

/* What the kernel leaves: groups with values that are clipped or not finite. */
static void add_plainly(struct metrics_pass *job, const struct pass_block *bare,
                        struct tally *tally)
{
  float y[FEED_BLOCK];
  uint16_t codes[FEED_BLOCK];
  struct pass_block block = *bare;
  struct tally own = {0};
  block.y = y;
  block.codes = job->pass.codes ? codes : NULL;
  fit_round_trip(block.fit, block.start, block.n, block.x, y, job->pass.codes ? codes : NULL);
  add_runs(job, &block, &own);
  tally_merge(tally, &own);
  if (block.codes)
    codes_add(&job->codes, &block, own.finite == block.n);
}

/* A block without reconstruction: stretch by stretch of a row and a channel. Groups that the kernel
 * leaves go alone at first, then more and more at a time: where one clips, often all do. */
static void add_groups(struct metrics_pass *job, const struct pass_block *bare, struct tally *tally)
{
  const struct grain *units = job->units;
  struct pass_block block = *bare;
  size_t more = 0; /* elements beyond the first group that is left */
  for (size_t end = bare->start + bare->n; block.start < end; block.start += block.n) {
    size_t unit, channel;
    struct group_row row;
    struct tally one = {0};
    size_t first = grain_run(units, block.start, units->group, &unit);
    fit_group_rows(block.fit, job->measure->feed, unit, &row);
    row.first = first;
    block.n = size_min(end - block.start, units->columns - block.start % units->columns);
    block.n = grain_run(&job->measure->channels, block.start, block.n, &channel);
    block.x = bare->x + (block.start - bare->start);
    size_t added = add_row(job, block.worker, block.x, block.n, &row, &one);
    if (added == 0) {
      block.n = size_min(block.n, row.first + more);
      more = size_min(2 * more + units->group, FEED_BLOCK);
      add_plainly(job, &block, tally);
      continue;
    }
    block.n = added;
    more = 0;
    channel_sums_add_run(&job->channels, block.span, channel, block.n, &one);
    tally_merge(tally, &one);
  }
}

static void add_block(void *context, const struct pass_block *block)
{
  struct metrics_pass *job = context;
  struct span_sums *span = &job->spans[block->span];
  if (job->grouped) {
    add_groups(job, block, &span->tally);
    return;
  }
  struct tally tally = {0};
  (job->tallied                              ? add_tallied
   : job->mixed_units || job->mixed_channels ? add_mixed
                                             : add_runs)(job, block, &tally);
  tally_merge(&span->tally, &tally);
  if (job->blocks)
    count_clipped_units(job, block, &span->clipped);
  span->lost += block->lost;
  if (block->codes)
    codes_add(&job->codes, block, tally.finite == block->n);
}

/* --- what the quantizer shares -------------------------------------------------------------- */

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

/* True when each unit is a channel. */
static bool are_channels(const struct grain *units, const struct grain *channels)
{
  return units->units == channels->units && !share_scales(units, channels);
}

/* The scale of each of CHANNELS, NaN where it has none of its own. */
static bool find_scales(const struct measure *measure, struct channels *channels)
{
  const struct grain *units = fit_grain(measure->fit);
  struct fit_part part = {.ahead = FEED_CHUNK};
  bool own = are_channels(units, &measure->channels);
  const struct fit *fit = measure->fit;
  for (size_t c = 0; c < channels->count && fit; c++) {
    size_t unit = units->units == 1 ? 0 : c;
    channels->channel[c].scale = (double)NAN;
    if (!own && units->units != 1)
      continue;
    fit = fit_part_at(&part, measure->fit, measure->feed, grain_element(units, unit, 0), 1);
    if (fit)
      channels->channel[c].scale = (double)fit_scale(fit, unit);
  }
  fit_part_free(&part);
  return fit != NULL;
}

/* --- the pass ------------------------------------------------------------------------------- */

float float_at_or_below(double limit)
{
  if (isnan(limit))
    return -1;
  float x = (float)limit;
  return (double)x > limit ? nextafterf(x, -INFINITY) : x;
}

static bool make_spans(struct metrics_pass *job)
{
  const struct grain *channels = &job->measure->channels;
  job->pass.spans = pass_spans(channels->count, channel_sums_spans(channels));
  job->spans = mem_array(job->pass.spans, sizeof *job->spans);
  return job->spans && channel_sums_init(&job->channels, channels, &job->pass);
}

/* The range of the finite reconstructions; without one, an empty range. */
static void note_reconstruction(const struct tally *tally, struct measure *measure)
{
  measure->least = tally->finite ? tally->least : INFINITY;
  measure->most = tally->finite ? tally->most : -INFINITY;
}

/* After codes_finish, which gathers them. */
static void note_codes(const struct metrics_pass *job, struct measure *measure)
{
  measure->codes_known = job->tallied && job->units->units == 1;
  if (measure->codes_known)
    memcpy(measure->code_count, job->codes.count, job->codes.codes * sizeof(uint64_t));
}

/* All spans together; *LOST: see pass_block. */
static struct tally total(const struct metrics_pass *job, uint64_t *lost)
{
  struct tally tally = {0};
  *lost = 0;
  for (size_t i = 0; i < job->pass.spans; i++) {
    *lost += job->spans[i].lost;
    tally_merge(&tally, &job->spans[i].tally);
    tally_merge_coded(&tally, &job->spans[i].coded);
  }
  return tally;
}

/* Adds the codes that FROM counted to those of INTO. */
static void merge_coded(struct coded *into, struct coded *from)
{
  kernels.settle_pairs(from->pairs, CODES_COUNTED, from->inside[0]);
  from->paired = 0;
  if (from == into)
    return;
  into->finite += from->finite;
  into->zeros += from->zeros;
  for (size_t code = 0; code < CODES_COUNTED; code++) {
    into->outside[code] += from->outside[code];
    for (size_t t = 0; t < CODE_COUNTERS; t++)
      into->inside[t][code] += from->inside[t][code];
  }
}

/* What all spans counted, at the first worker and the first span: sums do not depend on who was
 * done last. */
static void gather_coded(struct metrics_pass *job)
{
  struct coded_unit *first = job->coded;
  for (unsigned w = 0; w < job->codes.workers; w++) {
    struct coded_unit *run = &job->coded[w];
    if (run->elements == 0)
      continue;
    leave_span(job, run);
    merge_coded(&first->coded, &run->coded);
    run->elements = 0;
  }
  for (size_t i = 0; i < job->pass.spans; i++) {
    first->coded.error2 += job->spans[i].inside_error2;
    first->coded.signal2 += job->spans[i].inside_signal2;
  }
  first->span = 0;
  first->elements = job->units->count;
}

static void finish_errors(const struct metrics_pass *job, struct result *result)
{
  uint64_t lost;
  const struct tally tally = total(job, &lost);
  metrics_from_errors(&tally, lost, &result->metrics);
}

static void finish_metrics(struct metrics_pass *job, struct measure *measure, struct result *result)
{
  uint64_t lost;
  if (job->coded_once)
    gather_coded(job);
  for (unsigned w = 0; job->coded && w < job->codes.workers; w++)
    settle(job, w, job->measure->fit);
  const struct tally tally = total(job, &lost);
  note_reconstruction(&tally, measure);
  metrics_from_tally(&tally, lost, &result->metrics);
  codes_finish(&job->codes, &result->metrics);
  note_codes(job, measure);
  if (job->blocks)
    result->metrics.clipped_blocks = clipped_share(job);
}

static bool finish_channels(struct metrics_pass *job, struct result *result)
{
  const struct measure *measure = job->measure;
  struct channels *channels = &result->channels;
  channels->count = measure->channels.units;
  channels->share_scales = share_scales(job->units, &measure->channels);
  channels->channel = mem_array(channels->count, sizeof *channels->channel);
  if (!channels->channel || !channel_sums_finish(&job->channels, channels->channel))
    return false;
  return find_scales(measure, channels) && channels_finish(channels, &result->metrics);
}

static bool finish(struct metrics_pass *job, struct measure *measure, struct result *result)
{
  if (job->pass.codes)
    finish_metrics(job, measure, result);
  else if (!measure->counted)
    finish_errors(job, result);
  return finish_channels(job, result);
}

/* Long enough for tables of codes of their own. */
static bool has_long_runs(const struct grain *grain)
{
  size_t length = grain->kind == GRAIN_TENSOR    ? grain->count
                  : grain->kind == GRAIN_CHANNEL ? grain->inner
                  : grain->kind == GRAIN_TOKEN   ? grain->columns
                                                 : size_min(grain->group, grain->columns);
  return length >= LONG_RUN;
}

/* True where the extremes make the scale of each unit. */
static bool seldom_clips(const struct fit *fit)
{
  const struct calibrator *calibrator = fit_quantizer(fit)->calibrator;
  return fit_can_group(fit) && (!calibrator || calibrator_by_extremes(calibrator));
}

static struct fit *waiting_fit(const struct measure *measure)
{
  return measure->own && fit_is_waiting(measure->own) ? measure->own : NULL;
}

/* Long enough for counters of pairs of codes. */
static bool lasts(const struct grain *units)
{
  return units->count >= FEED_CHUNK;
}

/* What counts codes on the way. */
static bool make_counters(struct metrics_pass *job)
{
  struct codes *codes = &job->codes;
  const bool one = job->tallied && job->units->units == 1;
  if (!codes_init(codes, job->measure->fit) ||
      ((one || job->grouped || job->unclipped) && lasts(job->units) && !codes_pair(codes)))
    return false;
  if (!job->tallied)
    return true;
  job->coded = mem_array(codes->workers, sizeof *job->coded);
  for (unsigned w = 0; one && job->coded && w < codes->workers; w++)
    job->coded[w].coded.pairs = codes_tables(codes, w).pairs;
  job->coded_once = one && lasts(job->units) && job->units->count <= CODED_MOST;
  return job->coded != NULL;
}

/* WHOLE: also what errors and channels do not tell. */
static enum status run(struct measure *measure, bool whole, struct result *result)
{
  struct metrics_pass job = {.measure = measure,
                             .pass = {.feed = measure->feed,
                                      .fit = measure->fit,
                                      .waiting = waiting_fit(measure),
                                      .ranges = &measure->ranges,
                                      .codes = whole,
                                      .progress = measure->progress},
                             .units = fit_grain(measure->fit),
                             .bulk = whole ? float_at_or_below(result->facts.p99) : -1};
  struct group_row row;
  job.blocks = whole && format_is_block(fit_quantizer(measure->fit)->format);
  job.mixed_units = grain_is_interleaved(job.units);
  job.mixed_channels = grain_is_interleaved(&measure->channels);
  job.tallied =
      fit_can_tally(measure->fit) && has_long_runs(job.units) && has_long_runs(&measure->channels);
  job.grouped = !job.tallied && !job.mixed_units && !job.mixed_channels &&
                fit_group_rows(measure->fit, measure->feed, 0, &row);
  job.unclipped = job.tallied && seldom_clips(measure->fit) && (!whole || job.units->units > 1);
  job.own_channels = are_channels(job.units, &measure->channels);
  job.pass.bare = job.grouped || job.tallied;
  enum status status = make_table(&job);
  if (status == STATUS_OK && (!make_spans(&job) || (whole && !make_counters(&job))))
    status = STATUS_MEMORY;
  if (status == STATUS_OK)
    status = pass_run(&job.pass, add_block, &job);
  if (status == STATUS_OK && job.pass.waiting)
    fit_settle(job.pass.waiting);
  if (status == STATUS_OK && !finish(&job, measure, result))
    status = STATUS_MEMORY;
  codes_free(&job.codes);
  channel_sums_free(&job.channels);
  free(job.table.clip_lo);
  free(job.coded);
  free(job.spans);
  return status;
}

/* --- without a pass --------------------------------------------------------------------------- */

static enum status count_metrics(struct measure *measure, struct result *result)
{
  const struct counted *counted = measure->counted;
  struct tally_bounds bounds;
  struct codes codes;
  uint64_t lost = 0;
  bool made = codes_init(&codes, measure->fit);
  if (made) {
    fit_bounds(measure->fit, 0, &bounds);
    bounds.bulk = float_at_or_below(result->facts.p99);
    struct tally tally = counted_tally(counted, &bounds, &lost);
    metrics_from_tally(&tally, lost, &result->metrics);
    codes_add_counted(&codes, counted);
    codes_finish(&codes, &result->metrics);
    note_reconstruction(&tally, measure);
  }
  codes_free(&codes);
  return made ? STATUS_OK : STATUS_MEMORY;
}

enum status measure_metrics(struct measure *measure, struct result *result, struct error *error)
{
  enum status status = measure->counted ? count_metrics(measure, result)
                                        : run(measure, !measure->errors_only, result);
  return status == STATUS_MEMORY ? error_memory(error, "the metrics") : status;
}

enum status measure_channels(struct measure *measure, struct result *result, struct error *error)
{
  enum status status = run(measure, false, result);
  return status == STATUS_MEMORY ? error_memory(error, "the channels") : status;
}
