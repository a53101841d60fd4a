/* The integers, and rounding in all its modes. */
#include "quant/base/uniform.h"
#include "quant/family.h"

#include <math.h>

enum { SSE_BLOCK = 512 };

double round_to_whole(double v, struct rounding_rule rule, size_t index)
{
  switch (rule.mode) {
  case ROUND_EVEN:
    return nearbyint(v);
  case ROUND_AWAY:
    return round(v);
  case ROUND_ZERO:
    return trunc(v);
  case ROUND_STOCHASTIC:
    break;
  }
  double below = floor(v);
  return v == below ? v : below + (uniform_at(rule.seed, index) < v - below);
}

float integer_round_any(float x, struct unit unit, struct rounding_rule rule, size_t index)
{
  float v = x / unit.scale;
  v = unit.lo > v ? unit.lo : v;
  v = unit.hi < v ? unit.hi : v;
  return (float)round_to_whole((double)v, rule, index) + 0.0f;
}

float integer_value_any(float x, struct unit unit, struct rounding_rule rule, size_t index,
                        uint16_t *code)
{
  float r = integer_round_any(x, unit, rule, index);
  if (code)
    *code = (uint16_t)((isnan(r) ? 0.0f : r) - unit.lo);
  return r * unit.scale;
}

/* --- the family ----------------------------------------------------------------------------- */

static double max_of(const struct format *format)
{
  return format->bits == 1 ? 1 : ldexp(1, format->bits - 1) - 1; /* one bit: 0 and 1 */
}

static size_t levels_of(const struct format *format, bool asymmetric, bool narrow)
{
  return format_codes(format) - (narrow && !asymmetric);
}

static float decode(const struct format *format, uint32_t code)
{
  uint32_t sign = 1u << (format->bits - 1);
  return (float)((int32_t)((code & (2 * sign - 1)) ^ sign) - (int32_t)sign);
}

static uint32_t encode(const struct format *format, float x, bool nonfinite)
{
  (void)nonfinite;
  const struct rounding_rule even = {.mode = ROUND_EVEN};
  uint16_t code;
  float max = ldexpf(1, format->bits - 1) - 1;
  integer_value_any(x, (struct unit){.scale = 1, .lo = -max - 1, .hi = max}, even, 0, &code);
  return code ^ 1u << (format->bits - 1);
}

static void prepare(struct grid *grid)
{
  (void)grid;
}

static struct unit unit_of(const struct grid *grid, float scale, long zero)
{
  long half = 1L << (grid->format->bits - 1);
  if (grid->limited && grid->asymmetric)
    return (struct unit){
        .scale = scale, .lo = (float)(grid->code_lo - zero), .hi = (float)(grid->code_hi - zero)};
  if (grid->limited)
    return (struct unit){.scale = scale, .lo = (float)grid->code_lo, .hi = (float)grid->code_hi};
  if (grid->asymmetric)
    return (struct unit){.scale = scale, .lo = (float)-zero, .hi = (float)(2 * half - 1 - zero)};
  return (struct unit){.scale = scale, .lo = (float)(grid->narrow - half), .hi = (float)(half - 1)};
}

static float level(const struct grid *grid, const struct unit *unit, size_t index)
{
  (void)grid;
  return unit->lo + (float)index;
}

static size_t zero_level(const struct grid *grid, const struct unit *unit)
{
  (void)grid;
  return (size_t)-unit->lo;
}

static void ends(const struct grid *grid, const struct unit *unit, struct grid_end end[2])
{
  (void)grid;
  end[0] = (struct grid_end){-(double)unit->lo, 1, (long)unit->lo % 2 != 0};
  end[1] = (struct grid_end){(double)unit->hi, 1, (long)unit->hi % 2 != 0};
}

static float code_value(const struct grid *grid, const struct unit *unit, uint32_t code)
{
  return level(grid, unit, code);
}

static void run(const struct grid *grid, const struct unit *unit, const float *x, size_t n,
                float *y, uint16_t *codes)
{
  if (grid->arithmetic == ARITHMETIC_DIVIDE)
    kernels.integer_run(x, n, *unit, y, codes);
  else
    kernels.integer_by(grid->arithmetic, x, n, unit, 0, y, codes);
}

static void lanes(const struct grid *grid, const struct unit *units, const float *x, size_t n,
                  float *y, uint16_t *codes)
{
  if (grid->arithmetic == ARITHMETIC_DIVIDE)
    kernels.integer_lanes(x, n, units, y, codes);
  else
    kernels.integer_by(grid->arithmetic, x, n, units, 1, y, codes);
}

static float value(const struct grid *grid, const struct unit *unit, float x,
                   struct rounding_rule rule, size_t index, uint16_t *code)
{
  if (grid->arithmetic == ARITHMETIC_DIVIDE)
    return integer_value_any(x, *unit, rule, index, code);
  float y;
  if (grid->arithmetic == ARITHMETIC_OFFSET)
    return integer_value_any(x - unit->offset, *unit, rule, index, code) + unit->offset;
  kernels.integer_by(grid->arithmetic, &x, 1, unit, 0, &y, code);
  return y;
}

static void tally(const struct grid *grid, const struct unit *unit, const float *x, size_t n,
                  const struct tally_bounds *bounds, struct tally *sums, struct coded *codes)
{
  (void)grid;
  kernels.integer_tally(x, n, *unit, bounds, sums, codes);
}

static void coded(const struct grid *grid, const struct unit *unit,
                  const struct tally_bounds *bounds, struct coded *codes, struct tally *sums,
                  uint32_t *count)
{
  (void)grid;
  kernels.integer_coded(*unit, bounds, codes, sums, count);
}

static double sse(const struct grid *grid, const struct unit *unit, const float *x, size_t n)
{
  if (grid->arithmetic == ARITHMETIC_DIVIDE)
    return kernels.integer_sse(x, n, *unit);
  double sum = 0;
  float y[SSE_BLOCK];
  for (size_t done = 0; done < n; done += SSE_BLOCK) {
    size_t m = n - done < SSE_BLOCK ? n - done : SSE_BLOCK;
    kernels.integer_by(grid->arithmetic, x + done, m, unit, 0, y, NULL);
    for (size_t i = 0; i < m; i++)
      sum += ((double)x[done + i] - (double)y[i]) * ((double)x[done + i] - (double)y[i]);
  }
  return sum;
}

/* Integers may clip far: the search goes down to a fiftieth of the range. */
const struct family integer_family = {
    .name = "integer",
    .has_zero_point = true,
    .even = true,
    .doubles = true,
    .widest = 1,
    .narrowest = 0.02,
    .max = max_of,
    .levels = levels_of,
    .decode = decode,
    .encode = encode,
    .prepare = prepare,
    .unit = unit_of,
    .level = level,
    .zero_level = zero_level,
    .ends = ends,
    .code_value = code_value,
    .run = run,
    .lanes = lanes,
    .value = value,
    .tally = tally,
    .coded = coded,
    .sse = sse,
};
