/* E8M0: bare powers of two, the scales of the OCP microscaling formats. No sign, no zero.
 *
 * The value of code c is 2^(c - 127), 255 is NaN. Rounding is to the nearest exponent field, where
 * the tie 1.5 * 2^k goes up; below the normal numbers of float32 everything above 2^-127 goes to
 * 2^-126. Zero, negative numbers and those beyond 2^127 are overflows: the nearest code, or NaN. */
#include "quant/family.h"
#include "quant/kernels/lanes.h"

static uint32_t code_of(float x, float v, bool nonfinite)
{
  return nonfinite ? power_code(x, v, POWER_NAN, POWER_NAN) : power_code(x, v, POWER_LARGEST, 0);
}

static double max_of(const struct format *format)
{
  (void)format;
  return 0x1p127;
}

static size_t levels_of(const struct format *format, bool asymmetric, bool narrow)
{
  (void)format;
  (void)asymmetric;
  (void)narrow;
  return POWER_LARGEST + 1;
}

static float decode(const struct format *format, uint32_t code)
{
  (void)format;
  return power_value(code);
}

static uint32_t encode(const struct format *format, float x, bool nonfinite)
{
  (void)format;
  return code_of(x, x, nonfinite);
}

static void prepare(struct grid *grid)
{
  (void)grid;
}

static struct unit unit_of(const struct grid *grid, float scale, long zero)
{
  (void)grid;
  (void)zero;
  return (struct unit){.scale = scale, .lo = 0x1p-127f, .hi = 0x1p127f};
}

static float level(const struct grid *grid, const struct unit *unit, size_t index)
{
  (void)grid;
  (void)unit;
  return power_value((uint32_t)index);
}

static size_t zero_level(const struct grid *grid, const struct unit *unit)
{
  (void)grid;
  (void)unit;
  return 0;
}

static void ends(const struct grid *grid, const struct unit *unit, struct grid_end end[2])
{
  (void)grid;
  (void)unit;
  end[0] = (struct grid_end){-0x1p-127, 0x1p-128, false};
  end[1] = (struct grid_end){0x1p127, 0x1p127, true};
}

static float code_value(const struct grid *grid, const struct unit *unit, uint32_t code)
{
  (void)grid;
  (void)unit;
  return power_value(code);
}

static void run(const struct grid *grid, const struct unit *unit, const float *x, size_t n,
                float *y, uint16_t *codes)
{
  kernels.power_run(x, n, unit, 0, grid->nonfinite, y, codes);
}

static void lanes(const struct grid *grid, const struct unit *units, const float *x, size_t n,
                  float *y, uint16_t *codes)
{
  kernels.power_run(x, n, units, 1, grid->nonfinite, y, codes);
}

/* Between two powers of two, V rounds by its place between them. */
static float value(const struct grid *grid, const struct unit *unit, float x,
                   struct rounding_rule rule, size_t index, uint16_t *code)
{
  float v = x / unit->scale;
  uint32_t found = code_of(x, v, grid->nonfinite);
  bool inside = v >= 0x1p-127f && v < 0x1p127f && float_magnitude(x) < FLOAT_INFINITY;
  if (rule.mode != ROUND_EVEN && inside) {
    uint32_t below = v < 0x1p-126f ? 0 : float_bits(v) >> 23;
    double lower = (double)power_value(below), upper = (double)power_value(below + 1);
    found = below + (uint32_t)round_to_whole(((double)v - lower) / (upper - lower), rule, index);
  }
  if (code)
    *code = (uint16_t)found;
  return power_value(found) * unit->scale;
}

static double sse(const struct grid *grid, const struct unit *unit, const float *x, size_t n)
{
  double sum = 0;
  float y[KERNEL_BLOCK];
  for (size_t m; n > 0; x += m, n -= m) {
    m = n < KERNEL_BLOCK ? n : KERNEL_BLOCK;
    run(grid, unit, x, m, y, NULL);
    for (size_t i = 0; i < m; i++)
      sum += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
  }
  return sum;
}

const struct family power_family = {
    .name = "power of two",
    .doubles = true,
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
