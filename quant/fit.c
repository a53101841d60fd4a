/* The fit in use: its numbers, and the round trip of a block. */
#include "quant/fit.h"

#include "quant/base/size.h"
#include "quant/rounding.h"

#include <float.h>
#include <math.h>
#include <stdint.h>

enum { ROW_WORTH_A_CALL = 64 }; /* channels of one row that are done without copying units */

void fit_free(struct fit *fit)
{
  if (!fit)
    return;
  free(fit->scale);
  free(fit->integers);
  free(fit);
}

const struct quantizer *fit_quantizer(const struct fit *fit)
{
  return &fit->quantizer;
}

const struct grain *fit_grain(const struct fit *fit)
{
  return &fit->grain;
}

float fit_scale(const struct fit *fit, size_t unit)
{
  return fit->scale[unit];
}

long fit_zero_point(const struct fit *fit, size_t unit)
{
  return fit->quantizer.asymmetric ? -(long)fit->integers[unit].lo : 0;
}

size_t fit_alignment(const struct fit *fit)
{
  (void)fit;
  return 1;
}

/* Lowest and highest grid value of UNIT at scale 1. */
static void grid_ends(const struct fit *fit, size_t unit, float *lo, float *hi)
{
  *lo = fit->integers ? fit->integers[unit].lo : -fit->grid.max;
  *hi = fit->integers ? fit->integers[unit].hi : fit->grid.max;
}

void fit_range(const struct fit *fit, size_t unit, double *lo, double *hi)
{
  float lowest, highest;
  grid_ends(fit, unit, &lowest, &highest);
  *lo = (double)(lowest * fit->scale[unit]);
  *hi = (double)(highest * fit->scale[unit]);
}

/* --- bounds ------------------------------------------------------------------------------- */

/* One end of a grid, turned so that it is the upper one: END whole steps of size STEP. */
struct end {
  double end, step;
  float scale;
  enum rounding mode;
};

/* True when x / scale rounds beyond the end of the grid. Stochastic rounding goes by the value
 * itself: beyond the end there is nothing to choose from. */
static bool is_clipped(const struct end *end, float x)
{
  double steps = (double)(x / end->scale) / end->step;
  struct rounding_rule rule = {.mode = end->mode};
  return (end->mode == ROUND_STOCHASTIC ? steps : round_to_whole(steps, rule, 0)) > end->end;
}

/* The last float32 that is not clipped: the real threshold is within a few of it. */
static float last_inside(const struct end *end)
{
  static const double beyond[] = {
      [ROUND_EVEN] = 0.5, [ROUND_AWAY] = 0.5, [ROUND_ZERO] = 1, [ROUND_STOCHASTIC] = 0};
  double threshold = (end->end + beyond[end->mode]) * end->step * (double)end->scale;
  float x = (float)fmin(threshold, (double)FLT_MAX);
  while (is_clipped(end, x))
    x = nextafterf(x, -INFINITY);
  while (x < FLT_MAX && !is_clipped(end, nextafterf(x, INFINITY)))
    x = nextafterf(x, INFINITY);
  return x;
}

void fit_bounds(const struct fit *fit, size_t unit, struct tally_bounds *bounds)
{
  float lo, hi, scale = fit->scale[unit];
  grid_ends(fit, unit, &lo, &hi);
  /* The last step of a small float grid; beyond its end the steps would go on the same. */
  double step = fit->integers ? 1 : ldexp(1, ilogb((double)hi) - fit->grid.mantissa_bits);
  /* All rounding modes are symmetric about 0. */
  struct end top = {(double)hi / step, step, scale, fit->quantizer.rounding};
  struct end bottom = {-(double)lo / step, step, scale, fit->quantizer.rounding};
  *bounds = (struct tally_bounds){.clip_lo = -last_inside(&bottom),
                                  .clip_hi = last_inside(&top),
                                  .rail_lo = lo * scale,
                                  .rail_hi = hi * scale};
}

/* --- round trip --------------------------------------------------------------------------- */

static void any_rounding(const struct fit *fit, size_t start, size_t n, const float *x, float *y,
                         uint16_t *codes)
{
  struct rounding_rule rule = {fit->quantizer.rounding, fit->quantizer.seed};
  struct grain_walk walk = grain_walk_from(&fit->grain, start);
  for (size_t i = 0; i < n; i++) {
    size_t unit = grain_walk_step(&walk);
    uint16_t *code = codes ? codes + i : NULL;
    y[i] = fit->integers
               ? integer_value_any(x[i], fit->integers[unit], rule, start + i, code)
               : minifloat_value_any(x[i], &fit->grid, fit->scale[unit], rule, start + i, code);
  }
}

static void by_runs(const struct fit *fit, size_t start, size_t n, const float *x, float *y,
                    uint16_t *codes)
{
  size_t run, unit;
  for (size_t i = 0; i < n; i += run) {
    run = grain_run(&fit->grain, start + i, n - i, &unit);
    uint16_t *run_codes = codes ? codes + i : NULL;
    if (fit->integers)
      kernels.integer_run(x + i, run, fit->integers[unit], y + i, run_codes);
    else
      kernels.minifloat_run(x + i, run, &fit->grid, fit->scale[unit], y + i, run_codes);
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
    uint16_t *run_codes = codes ? codes + i : NULL;
    if (fit->integers)
      kernels.integer_lanes(x + i, run, fit->integers + unit, y + i, run_codes);
    else
      kernels.minifloat_lanes(x + i, run, &fit->grid, fit->scale + unit, y + i, run_codes);
  }
}

static void by_lanes(const struct fit *fit, size_t start, size_t n, const float *x, float *y,
                     uint16_t *codes)
{
  struct grain_walk walk = grain_walk_from(&fit->grain, start);
  if (fit->integers) {
    struct integer_unit units[FEED_BLOCK];
    for (size_t i = 0; i < n; i++)
      units[i] = fit->integers[grain_walk_step(&walk)];
    kernels.integer_lanes(x, n, units, y, codes);
  } else {
    float scales[FEED_BLOCK];
    for (size_t i = 0; i < n; i++)
      scales[i] = fit->scale[grain_walk_step(&walk)];
    kernels.minifloat_lanes(x, n, &fit->grid, scales, y, codes);
  }
}

void fit_round_trip(const struct fit *fit, size_t start, size_t n, const float *x, float *y,
                    uint16_t *codes)
{
  const struct grain *grain = &fit->grain;
  if (n == 0)
    return;
  if (fit->quantizer.rounding != ROUND_EVEN)
    any_rounding(fit, start, n, x, y, codes);
  else if (!grain_is_interleaved(grain))
    by_runs(fit, start, n, x, y, codes);
  else if (grain->kind == GRAIN_CHANNEL && grain->inner == 1 && grain->channels >= ROW_WORTH_A_CALL)
    by_rows(fit, start, n, x, y, codes);
  else
    by_lanes(fit, start, n, x, y, codes);
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
  int unit_bits = 32 + (quantizer->asymmetric ? quantizer->format->bits : 0);
  double scales = is_cast(quantizer) ? 0 : (double)fit->grain.units * unit_bits;
  return quantizer->format->bits + scales / (double)fit->grain.count;
}

/* --- levels -------------------------------------------------------------------------------- */

/* Grid value number INDEX, counted from the lowest, at scale 1. The codes of positive small
 * floats are in the order of their values. */
static float grid_value(const struct fit *fit, size_t unit, size_t levels, size_t index)
{
  if (fit->integers)
    return fit->integers[unit].lo + (float)index;
  size_t zero = levels / 2;
  return index < zero ? -format_decode(fit->quantizer.format, (uint32_t)(zero - index))
                      : format_decode(fit->quantizer.format, (uint32_t)(index - zero));
}

double *fit_levels(const struct fit *fit, size_t unit, size_t *count)
{
  const struct quantizer *quantizer = &fit->quantizer;
  size_t levels = format_levels(quantizer->format, quantizer->asymmetric, quantizer->narrow);
  double *values = mem_array(levels, sizeof *values);
  size_t kept = 0;
  if (!values)
    return NULL;
  for (size_t i = 0; i < levels; i++) {
    double value = (double)(grid_value(fit, unit, levels, i) * fit->scale[unit]);
    if (kept == 0 || value != values[kept - 1])
      values[kept++] = value;
  }
  *count = kept;
  return values;
}
