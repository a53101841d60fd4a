/* The fit in use: its numbers, and the round trip of a block. */
#include "quant/fit.h"

#include "quant/base/size.h"

#include <float.h>
#include <math.h>
#include <stdint.h>

enum {
  ROW_WORTH_A_CALL = 64, /* channels of one row that are done without copying units */
  POW2_BITS = 8,         /* of a scale that is an exponent */
};

void fit_free(struct fit *fit)
{
  if (!fit || atomic_fetch_sub(&fit->others, 1) > 0)
    return;
  free(fit->unit);
  free(fit->ends);
  free(fit->waiting);
  block_fit_free(fit->block);
  free(fit->codebook);
  free(fit);
}

struct fit *fit_share(struct fit *fit)
{
  if (fit)
    atomic_fetch_add(&fit->others, 1);
  return fit;
}

static size_t block_fit_bytes(const struct fit *fit)
{
  const struct block_fit *block = fit->block;
  size_t offsets = block->offset ? fit->grain.units * sizeof *block->offset : 0;
  size_t packed = block->rows * block->row_blocks * block->codec.bytes;
  return sizeof *block + (fit->on_demand ? 0 : packed + offsets);
}

size_t fit_bytes(const struct fit *fit)
{
  /* A codebook has some three arrays of twice its levels. */
  size_t levels = fit->codebook ? 8 * sizeof(float) * fit->codebook->size : 0;
  size_t ends = fit->ends ? 2 * fit->grain.units * sizeof *fit->ends : 0;
  size_t units = fit->on_demand ? 1 : fit->grain.units;
  return sizeof *fit + units * sizeof *fit->unit + levels + ends +
         (fit->block ? block_fit_bytes(fit) : 0);
}

const struct quantizer *fit_quantizer(const struct fit *fit)
{
  return &fit->quantizer;
}

const struct codebook *fit_codebook(const struct fit *fit)
{
  return fit->grid.codebook;
}

const struct grain *fit_grain(const struct fit *fit)
{
  return &fit->grain;
}

float fit_scale(const struct fit *fit, size_t unit)
{
  return unit_of(fit, unit)->scale;
}

long fit_zero_point(const struct fit *fit, size_t unit)
{
  return unit_zero_point(&fit->quantizer, &fit->grid, unit_of(fit, unit));
}

long unit_zero_point(const struct quantizer *quantizer, const struct grid *grid,
                     const struct unit *unit)
{
  if (grid->arithmetic == ARITHMETIC_OFFSET || !grid->format->family->has_zero_point)
    return 0;
  /* Whatever the numbering, the lowest code stands for the lowest grid number. */
  long lowest, highest;
  quantizer_code_range(quantizer, &lowest, &highest);
  return lowest - (long)unit->lo;
}

bool fit_has_offset(const struct fit *fit)
{
  return fit->grid.arithmetic == ARITHMETIC_OFFSET || (fit->block && fit->block->offset);
}

float fit_offset(const struct fit *fit, size_t unit)
{
  if (fit->grid.arithmetic == ARITHMETIC_OFFSET)
    return unit_of(fit, unit)->offset;
  return fit_has_offset(fit) ? fit->block->offset[fit->on_demand ? 0 : unit - fit->first] : 0;
}

size_t fit_alignment(const struct fit *fit)
{
  (void)fit;
  return 1;
}

const unsigned char *fit_packed(const struct fit *fit, size_t *rows, size_t *row_bytes)
{
  if (!fit->block || fit->on_demand)
    return NULL;
  *rows = fit->block->rows;
  *row_bytes = fit->block->row_blocks * fit->block->codec.bytes;
  return fit->block->packed;
}

const unsigned char *fit_packed_block(const struct fit *fit, size_t block, size_t *bytes)
{
  if (!fit->block)
    return NULL;
  *bytes = fit->block->codec.bytes;
  return fit->block->packed ? fit->block->packed + (block - fit->block->first) * *bytes : NULL;
}

struct scaling fit_scaling(const struct fit *fit, size_t unit)
{
  const struct grid *grid = &fit->grid;
  const struct unit *is = unit_of(fit, unit);
  const long lowest = grid->limited ? grid->code_lo : 0;
  return (struct scaling){.scale = is->scale,
                          .zero = grid->asymmetric ? lowest - (long)is->lo : 0,
                          .offset = grid->arithmetic == ARITHMETIC_OFFSET ? is->offset : 0};
}

void fit_set_scaling(struct fit *fit, size_t unit, struct scaling scaling)
{
  scaling.scale = fit_usable_scale(scaling.scale);
  *unit_of(fit, unit) = calibration_unit(&fit->grid, &scaling);
}

void fit_run(const struct fit *fit, size_t unit, const float *x, size_t n, float *y)
{
  fit->family->run(&fit->grid, unit_of(fit, unit), x, n, y, NULL);
}

void fit_stretch(struct fit *fit, const struct fit *plain, double ratio)
{
  const struct calibration calibration = fit_calibration(&fit->quantizer);
  for (size_t unit = 0; unit < fit->grain.units; unit++) {
    struct scaling scaling = fit_scaling(plain, unit);
    const float scale = fit_usable_scale((float)((double)scaling.scale * ratio));
    scaling.scale = calibration_stored_scale(&calibration, scale);
    scaling.offset = (float)((double)scaling.offset * ratio);
    fit_set_scaling(fit, unit, scaling);
  }
}

void fit_range(const struct fit *fit, size_t unit, double *lo, double *hi)
{
  if (fit->block) {
    block_range(fit, unit, lo, hi);
    return;
  }
  unit_range(&fit->grid, unit_of(fit, unit), lo, hi);
}

void unit_range(const struct grid *grid, const struct unit *unit, double *lo, double *hi)
{
  double offset = grid->arithmetic == ARITHMETIC_OFFSET ? (double)unit->offset : 0;
  double ends[2] = {(double)(unit->lo * unit->scale) + offset,
                    (double)(unit->hi * unit->scale) + offset};
  *lo = fmin(ends[0], ends[1]);
  *hi = fmax(ends[0], ends[1]);
}

size_t fit_level_count(const struct fit *fit)
{
  return grid_levels(&fit->grid);
}

double fit_grid_max(const struct fit *fit)
{
  double max = format_max(fit->quantizer.format);
  if (!isnan(max))
    return max;
  struct unit unit = fit->family->unit(&fit->grid, 1, 0);
  return fmax(fabs((double)unit.lo), fabs((double)unit.hi));
}

bool fit_loses_numbers(const struct fit *fit)
{
  return fit->quantizer.nonfinite;
}

double fit_code_value(const struct fit *fit, size_t unit, uint32_t code)
{
  return (double)fit->family->code_value(&fit->grid, unit_of(fit, unit), code);
}

struct grain fit_block_grain(const struct fit *fit)
{
  struct grain grain = fit->grain;
  if (fit->block) {
    grain.group = size_min(fit->block->codec.length, size_max(grain.columns, 1));
    grain.groups = fit->block->row_blocks;
    grain.units = fit->block->rows * fit->block->row_blocks;
  }
  return grain;
}

const struct block_codec *fit_block_parts(const struct fit *fit, size_t block,
                                          struct block_parts *parts)
{
  if (!fit->block)
    return NULL;
  const struct block_codec *codec = &fit->block->codec;
  size_t bytes;
  codec->take_apart(&fit->block->setting, fit_packed_block(fit, block, &bytes), parts);
  return codec;
}

/* --- bounds ------------------------------------------------------------------------------- */

/* True when x / scale rounds beyond the end of the grid. Stochastic rounding goes by the value
 * itself: beyond the end there is nothing to choose from. */
static bool is_clipped(const struct grid_end *end, float scale, enum rounding mode, float x)
{
  double steps = ((double)(x / scale) - end->end) / end->step;
  struct rounding_rule rule = {.mode = mode};
  if (steps < -1 || mode == ROUND_STOCHASTIC)
    return steps > 0;
  /* Counted from the even step at or below the last one, so that ties go where they went. */
  return round_to_whole(steps + 2 + end->odd, rule, 0) > 2 + end->odd;
}

/* The real threshold is within a few numbers of the computed one. */
float grid_last_inside(const struct grid_end *end, float scale, enum rounding mode)
{
  static const double beyond[] = {
      [ROUND_EVEN] = 0.5, [ROUND_AWAY] = 0.5, [ROUND_ZERO] = 1, [ROUND_STOCHASTIC] = 0};
  double threshold = (end->end + beyond[mode] * end->step) * (double)scale;
  float x = (float)fmin(threshold, (double)FLT_MAX);
  while (is_clipped(end, scale, mode, x))
    x = nextafterf(x, -INFINITY);
  while (x < FLT_MAX && !is_clipped(end, scale, mode, nextafterf(x, INFINITY)))
    x = nextafterf(x, INFINITY);
  return x;
}

/* The grid number of X as the arithmetic makes it, without an end to the grid. */
static float open_number(const struct grid *grid, const struct unit *unit, float x)
{
  struct unit open = *unit;
  float y;
  uint16_t code;
  const float room = 3; /* beyond the ends; the codes still fit, or the value clips anyway */
  open.lo -= room;
  open.hi += room;
  kernels.integer_by(grid->arithmetic, &x, 1, &open, 0, &y, &code);
  return (float)code + open.lo;
}

static bool is_inside(const struct grid *grid, const struct unit *unit, float x)
{
  float r = open_number(grid, unit, x);
  return r >= unit->lo && r <= unit->hi;
}

/* The last number from INSIDE in the direction of OUTWARDS that keeps its code, half a step or so
 * from END. */
static float last_inside(const struct grid *grid, const struct unit *unit, double end,
                         float outwards)
{
  double half = fabs((double)unit->scale) / 2;
  float x =
      (float)fmax(fmin(end + copysign(half, (double)outwards), (double)FLT_MAX), -(double)FLT_MAX);
  while (!is_inside(grid, unit, x) && (double)x != end)
    x = nextafterf(x, -outwards);
  while (fabsf(x) < FLT_MAX && is_inside(grid, unit, nextafterf(x, outwards)))
    x = nextafterf(x, outwards);
  return x;
}

/* Arithmetics that do not simply divide. Values that AIMET clamps first are clipped when they lie
 * beyond the ends themselves. */
static void bounds_by_arithmetic(const struct grid *grid, const struct unit *unit,
                                 struct tally_bounds *bounds)
{
  double lo, hi;
  unit_range(grid, unit, &lo, &hi);
  bool clamps = grid->arithmetic == ARITHMETIC_CLAMP_FIRST;
  *bounds =
      (struct tally_bounds){.clip_lo = clamps ? (float)lo : last_inside(grid, unit, lo, -INFINITY),
                            .clip_hi = clamps ? (float)hi : last_inside(grid, unit, hi, INFINITY)};
  /* The last ones inside have the end codes, whose values are what the arithmetic makes of them. */
  kernels.integer_by(grid->arithmetic, &bounds->clip_lo, 1, unit, 0, &bounds->rail_lo, NULL);
  kernels.integer_by(grid->arithmetic, &bounds->clip_hi, 1, unit, 0, &bounds->rail_hi, NULL);
}

void unit_bounds(const struct grid *grid, const struct unit *unit, enum rounding mode,
                 struct tally_bounds *bounds)
{
  struct grid_end end[2];
  if (grid->arithmetic != ARITHMETIC_DIVIDE) {
    bounds_by_arithmetic(grid, unit, bounds);
    return;
  }
  grid->format->family->ends(grid, unit, end);
  float scale = fabsf(unit->scale);
  bool turned = unit->scale < 0;
  float low = -grid_last_inside(&end[turned], scale, mode);
  float high = grid_last_inside(&end[!turned], scale, mode);
  *bounds = (struct tally_bounds){.clip_lo = low,
                                  .clip_hi = high,
                                  .rail_lo = (turned ? unit->hi : unit->lo) * unit->scale,
                                  .rail_hi = (turned ? unit->lo : unit->hi) * unit->scale};
}

void fit_bounds(const struct fit *fit, size_t unit, struct tally_bounds *bounds)
{
  if (fit->block)
    block_bounds(fit, unit, bounds);
  else
    unit_bounds(&fit->grid, unit_of(fit, unit), fit->quantizer.rounding, bounds);
}

/* --- round trip --------------------------------------------------------------------------- */

static void any_rounding(const struct fit *fit, size_t start, size_t n, const float *x, float *y,
                         uint16_t *codes)
{
  struct rounding_rule rule = {fit->quantizer.rounding, fit->quantizer.seed};
  struct grain_walk walk = grain_walk_from(&fit->grain, start);
  for (size_t i = 0; i < n; i++)
    y[i] = fit->family->value(&fit->grid, unit_of(fit, grain_walk_step(&walk)), x[i], rule,
                              start + i, codes ? codes + i : NULL);
}

static void by_runs(const struct fit *fit, size_t start, size_t n, const float *x, float *y,
                    uint16_t *codes)
{
  size_t run, unit;
  for (size_t i = 0; i < n; i += run) {
    run = grain_run(&fit->grain, start + i, n - i, &unit);
    fit->family->run(&fit->grid, unit_of(fit, unit), x + i, run, y + i, codes ? codes + i : NULL);
  }
}

/* Channels are the columns of the last axis: the units of a row lie in order already. */
static void by_rows(const struct fit *fit, size_t start, size_t n, const float *x, float *y,
                    uint16_t *codes)
{
  size_t run;
  for (size_t i = 0; i < n; i += run) {
    size_t unit = (start + i) % fit->grain.channels;
    run = size_min(fit->grain.channels - unit, n - i);
    fit->family->lanes(&fit->grid, unit_of(fit, unit), x + i, run, y + i, codes ? codes + i : NULL);
  }
}

static void by_lanes(const struct fit *fit, size_t start, size_t n, const float *x, float *y,
                     uint16_t *codes)
{
  struct grain_walk walk = grain_walk_from(&fit->grain, start);
  struct unit units[FEED_BLOCK];
  for (size_t i = 0; i < n; i++)
    units[i] = *unit_of(fit, grain_walk_step(&walk));
  fit->family->lanes(&fit->grid, units, x, n, y, codes);
}

void fit_round_trip(const struct fit *fit, size_t start, size_t n, const float *x, float *y,
                    uint16_t *codes)
{
  const struct grain *grain = &fit->grain;
  if (n == 0)
    return;
  if (fit->block)
    block_round_trip(fit->block, start, n, y, codes);
  else if (fit->quantizer.rounding != ROUND_EVEN)
    any_rounding(fit, start, n, x, y, codes);
  else if (!grain_is_interleaved(grain))
    by_runs(fit, start, n, x, y, codes);
  else if (grain->kind == GRAIN_CHANNEL && grain->inner == 1 && grain->channels >= ROW_WORTH_A_CALL)
    by_rows(fit, start, n, x, y, codes);
  else
    by_lanes(fit, start, n, x, y, codes);
}

/* Infinity, NaN and the exponents of float32 are not for the kernel of groups. */
static bool is_small(const struct grid *grid)
{
  return grid->format->family == &minifloat_family && !grid->nonfinite &&
         grid->minifloat.exponent_bits < 8;
}

/* Elements in a byte, divided and rounded to even. */
static bool is_plain(const struct fit *fit)
{
  return !fit->block && fit->quantizer.format->bits <= 8 && fit->quantizer.rounding == ROUND_EVEN &&
         fit->grid.arithmetic == ARITHMETIC_DIVIDE;
}

bool fit_can_group(const struct fit *fit)
{
  return is_plain(fit) && (fit->family == &integer_family || is_small(&fit->grid));
}

bool fit_group_rows(const struct fit *fit, const struct feed *feed, size_t unit,
                    struct group_row *out)
{
  enum grain_kind kind = fit->grain.kind;
  *out = (struct group_row){.units = unit_of(fit, unit),
                            .grid = is_small(&fit->grid) ? &fit->grid.minifloat : NULL,
                            .length = fit->grain.group};
  if (fit->ends && fit->ends_self == feed->self && fit->ends_direct == feed->direct &&
      !fit_groups_odd(fit)) {
    out->least = fit->ends + unit;
    out->most = fit->ends + fit->grain.units + unit;
  }
  return (kind == GRAIN_GROUP || kind == GRAIN_TOKEN) && fit_can_group(fit);
}

bool fit_can_tally(const struct fit *fit)
{
  return is_plain(fit) && fit->family->tally && !fit->quantizer.nonfinite;
}

void fit_tally(const struct fit *fit, size_t unit, const float *x, size_t n,
               const struct tally_bounds *bounds, struct tally *tally, struct coded *coded)
{
  fit->family->tally(&fit->grid, unit_of(fit, unit), x, n, bounds, tally, coded);
}

void fit_coded(const struct fit *fit, size_t unit, const struct tally_bounds *bounds,
               struct coded *coded, struct tally *tally, uint32_t *count)
{
  fit->family->coded(&fit->grid, unit_of(fit, unit), bounds, coded, tally, count);
}

/* --- what is stored ------------------------------------------------------------------------ */

/* A cast stores codes alone; its scale is the number 1 by definition. */
static bool is_cast(const struct quantizer *quantizer)
{
  return quantizer->by == BY_SCALE && quantizer->scale == 1 && !quantizer->asymmetric;
}

double fit_bits_per_element(const struct fit *fit)
{
  const struct quantizer *quantizer = &fit->quantizer;
  if (fit->grain.count == 0)
    return 0;
  if (fit->block)
    return block_bits_per_element(fit);
  const struct format *type = quantizer->scale_type;
  int scale_bits = type ? type->bits : quantizer->pow2 ? POW2_BITS : 32;
  bool offset = fit->grid.arithmetic == ARITHMETIC_OFFSET; /* as wide as the scale */
  int zero_bits = offset ? scale_bits : quantizer->asymmetric ? quantizer->format->bits : 0;
  int unit_bits = scale_bits + zero_bits;
  double scales = is_cast(quantizer) ? 0 : (double)fit->grain.units * unit_bits;
  double levels = fit->codebook ? 32 * (double)fit->codebook->count : 0;
  return quantizer->format->bits + (scales + levels) / (double)fit->grain.count;
}

/* --- levels -------------------------------------------------------------------------------- */

double *fit_levels(const struct fit *fit, size_t unit, size_t *count)
{
  if (fit->block)
    return block_unit_levels(fit, unit, count);
  size_t levels = grid_levels(&fit->grid);
  const struct unit *u = unit_of(fit, unit);
  double *values = mem_array(levels, sizeof *values);
  size_t kept = 0;
  if (!values)
    return NULL;
  for (size_t i = 0; i < levels; i++) {
    /* A negative scale turns the order over. */
    size_t place = u->scale < 0 ? levels - 1 - i : i;
    double value = (double)(fit->family->level(&fit->grid, u, place) * u->scale);
    value += (double)fit_offset(fit, unit);
    if (kept == 0 || value != values[kept - 1])
      values[kept++] = value;
  }
  *count = kept;
  return values;
}
