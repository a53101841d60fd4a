/* Small-float formats: their grid, and rounding to it in all modes. */
#include "quant/family.h"
#include "quant/kernels/lanes.h"

/* Largest exponent field and mantissa of a finite number. */
static void largest_fields(const struct format *format, int *exponent, int *mantissa)
{
  *exponent = (1 << format->exponent_bits) - 1;
  *mantissa = (1 << format->mantissa_bits) - 1;
  if (format->specials == SPECIALS_IEEE)
    --*exponent;
  if (format->specials == SPECIALS_FN)
    --*mantissa;
}

static double max_of(const struct format *format)
{
  int exponent, mantissa;
  largest_fields(format, &exponent, &mantissa);
  return ldexp((1 << format->mantissa_bits) + mantissa,
               exponent - format->bias - format->mantissa_bits);
}

struct minifloat_grid format_grid(const struct format *format)
{
  return (struct minifloat_grid){
      .mantissa_bits = format->mantissa_bits,
      .min_exponent = 1 - format->bias,
      .max = (float)max_of(format),
      .bits = format->bits,
      .exponent_bits = format->exponent_bits,
      .bias = format->bias,
      .infinity = format->specials == SPECIALS_IEEE,
  };
}

/* Steps of the grid at v are powers of two, so that v / step is exact in double. */
float minifloat_round_any(float v, const struct minifloat_grid *grid, struct rounding_rule rule,
                          size_t index)
{
  float clamped = minifloat_clamp(v, grid->max);
  if (isnan(clamped) || clamped == 0)
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
  float g = minifloat_round_any(x / scale, grid, rule, index);
  if (code)
    *code = minifloat_code(x, g, &c);
  return minifloat_value(x, g, scale, &c);
}

/* --- the family ----------------------------------------------------------------------------- */

static size_t levels_of(const struct format *format, bool asymmetric, bool narrow)
{
  (void)asymmetric;
  (void)narrow;
  int exponent, mantissa;
  largest_fields(format, &exponent, &mantissa);
  size_t positive = ((size_t)exponent << format->mantissa_bits) + (size_t)mantissa;
  return 2 * positive + 1;
}

static float decode(const struct format *format, uint32_t code)
{
  int largest_exponent, largest_mantissa;
  largest_fields(format, &largest_exponent, &largest_mantissa);
  int mantissa = (int)(code & ((1u << format->mantissa_bits) - 1));
  int exponent = (int)(code >> format->mantissa_bits & ((1u << format->exponent_bits) - 1));
  float value;
  if (exponent > largest_exponent)
    value = mantissa == 0 ? INFINITY : NAN;
  else if (exponent == largest_exponent && mantissa > largest_mantissa)
    value = NAN;
  else if (exponent == 0)
    value = ldexpf((float)mantissa, 1 - format->bias - format->mantissa_bits);
  else
    value = ldexpf((float)((1 << format->mantissa_bits) + mantissa),
                   exponent - format->bias - format->mantissa_bits);
  return copysignf(value, code >> (format->bits - 1) & 1 ? -1.0f : 1.0f);
}

static uint32_t encode(const struct format *format, float x)
{
  const struct rounding_rule even = {.mode = ROUND_EVEN};
  struct minifloat_grid grid = format_grid(format);
  uint16_t code;
  minifloat_value_any(x, &grid, 1, even, 0, &code);
  return code;
}

static void prepare(struct grid *grid)
{
  grid->minifloat = format_grid(grid->format);
}

static struct unit unit_of(const struct grid *grid, float scale, long zero)
{
  (void)zero;
  return (struct unit){scale, -grid->minifloat.max, grid->minifloat.max};
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
    .sse = sse,
};
