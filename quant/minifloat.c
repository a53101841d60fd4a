/* Small-float formats: their grid, and rounding to it in all modes. */
#include "quant/family.h"
#include "quant/kernels/lanes.h"

/* Magnitude code of the largest number: below infinity and NaN, or the NaN that is all ones. */
static uint32_t largest_code(const struct format *format)
{
  uint32_t all = (1u << (format->exponent_bits + format->mantissa_bits)) - 1;
  if (format->top == TOP_IEEE)
    return all - (1u << format->mantissa_bits);
  return all - (format->top == TOP_FN);
}

/* Value of a magnitude code of a number. */
static double magnitude_of(const struct format *format, uint32_t code)
{
  uint32_t one = 1u << format->mantissa_bits;
  int exponent = (int)(code >> format->mantissa_bits);
  uint32_t mantissa = (code & (one - 1)) + (exponent > 0 ? one : 0);
  return ldexp(mantissa, (exponent > 0 ? exponent : 1) - format->bias - format->mantissa_bits);
}

static double max_of(const struct format *format)
{
  return magnitude_of(format, largest_code(format));
}

struct minifloat_grid format_grid(const struct format *format)
{
  return (struct minifloat_grid){
      .mantissa_bits = format->mantissa_bits,
      .min_exponent = 1 - format->bias,
      .max = (float)max_of(format),
      .bits = format->bits,
      .exponent_bits = format->exponent_bits,
      .top = format->top,
  };
}

/* Steps of the grid at v are powers of two, so that v / step is exact in double. Rounding towards
 * zero never goes beyond the largest number. */
float minifloat_round_any(float v, const struct minifloat_grid *grid, struct rounding_rule rule,
                          size_t index)
{
  const struct minifloat_constants c = minifloat_constants(grid);
  float clamped = minifloat_clamp(v, rule.mode == ROUND_ZERO ? grid->max : c.limit);
  if (isnan(clamped) || isinf(clamped) || clamped == 0)
    return clamped;
  int exponent = ilogb((double)clamped);
  if (exponent < grid->min_exponent)
    exponent = grid->min_exponent;
  int step = exponent - grid->mantissa_bits;
  double whole = round_to_whole(ldexp((double)clamped, -step), rule, index);
  return copysignf((float)ldexp(whole, step), clamped);
}

float minifloat_value_any(float x, const struct minifloat_grid *grid, float scale,
                          struct rounding_rule rule, size_t index, uint16_t *code)
{
  const struct minifloat_constants c = minifloat_constants(grid);
  float g = minifloat_special(x, minifloat_round_any(x / scale, grid, rule, index), &c);
  if (code)
    *code = (uint16_t)minifloat_code(g, &c);
  return g * scale;
}

/* --- the family ----------------------------------------------------------------------------- */

static size_t levels_of(const struct format *format, bool asymmetric, bool narrow)
{
  (void)asymmetric;
  (void)narrow;
  return 2 * (size_t)largest_code(format) + 1;
}

static float decode(const struct format *format, uint32_t code)
{
  uint32_t sign_bit = 1u << (format->bits - 1), magnitude = code & (sign_bit - 1);
  bool minus = code & sign_bit;
  if (format->top == TOP_FNUZ && minus && magnitude == 0)
    return NAN;
  float value = (float)magnitude_of(format, magnitude);
  if (magnitude > largest_code(format))
    value = magnitude == largest_code(format) + 1 && format->top == TOP_IEEE ? INFINITY : NAN;
  return copysignf(value, minus ? -1.0f : 1.0f);
}

static uint32_t encode(const struct format *format, float x, bool nonfinite)
{
  const struct rounding_rule even = {.mode = ROUND_EVEN};
  struct minifloat_grid grid = format_grid(format);
  grid.nonfinite = nonfinite;
  const struct minifloat_constants c = minifloat_constants(&grid);
  return minifloat_code(minifloat_special(x, minifloat_round_any(x, &grid, even, 0), &c), &c);
}

static void prepare(struct grid *grid)
{
  grid->minifloat = format_grid(grid->format);
  grid->minifloat.nonfinite = grid->nonfinite;
}

static struct unit unit_of(const struct grid *grid, float scale, long zero)
{
  (void)zero;
  return (struct unit){.scale = scale, .lo = -grid->minifloat.max, .hi = grid->minifloat.max};
}

static size_t zero_level(const struct grid *grid, const struct unit *unit)
{
  (void)unit;
  return levels_of(grid->format, false, false) / 2;
}

/* The codes of positive numbers are in the order of their values. */
static float level(const struct grid *grid, const struct unit *unit, size_t index)
{
  size_t zero = zero_level(grid, unit);
  return index < zero ? -decode(grid->format, (uint32_t)(zero - index))
                      : decode(grid->format, (uint32_t)(index - zero));
}

/* The last step; beyond the end the steps would go on the same. */
static void ends(const struct grid *grid, const struct unit *unit, struct grid_end end[2])
{
  double max = (double)unit->hi, step = ldexp(1, ilogb(max) - grid->minifloat.mantissa_bits);
  end[0] = end[1] = (struct grid_end){max, step, fmod(max / step, 2) != 0};
}

static float code_value(const struct grid *grid, const struct unit *unit, uint32_t code)
{
  (void)unit;
  return decode(grid->format, code);
}

static void run(const struct grid *grid, const struct unit *unit, const float *x, size_t n,
                float *y, uint16_t *codes)
{
  kernels.minifloat_run(x, n, &grid->minifloat, unit->scale, y, codes);
}

static void lanes(const struct grid *grid, const struct unit *units, const float *x, size_t n,
                  float *y, uint16_t *codes)
{
  kernels.minifloat_lanes(x, n, &grid->minifloat, units, y, codes);
}

static float value(const struct grid *grid, const struct unit *unit, float x,
                   struct rounding_rule rule, size_t index, uint16_t *code)
{
  return minifloat_value_any(x, &grid->minifloat, unit->scale, rule, index, code);
}

static void tally(const struct grid *grid, const struct unit *unit, const float *x, size_t n,
                  const struct tally_bounds *bounds, struct tally *sums, struct coded *codes)
{
  kernels.minifloat_tally(x, n, &grid->minifloat, unit->scale, bounds, sums, codes);
}

static void coded(const struct grid *grid, const struct unit *unit,
                  const struct tally_bounds *bounds, struct coded *codes, struct tally *sums,
                  uint32_t *count)
{
  kernels.minifloat_coded(&grid->minifloat, unit->scale, bounds, codes, sums, count);
}

static double sse(const struct grid *grid, const struct unit *unit, const float *x, size_t n)
{
  return kernels.minifloat_sse(x, n, &grid->minifloat, unit->scale);
}

/* Small floats have the same levels in every octave, so one octave on either side of minmax is
 * all there is to see. */
const struct family minifloat_family = {
    .name = "small float",
    .doubles = true,
    .signed_zero = true,
    .widest = 2,
    .narrowest = 0.5,
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
