/* Small-float formats: their grid, and rounding to it in all modes. */
#include "quant/calibrator.h"
#include "quant/kernels/lanes.h"
#include "quant/rounding.h"

struct minifloat_grid format_grid(const struct format *format)
{
  return (struct minifloat_grid){
      .mantissa_bits = format->mantissa_bits,
      .min_exponent = 1 - format->bias,
      .max = (float)format_max(format),
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
