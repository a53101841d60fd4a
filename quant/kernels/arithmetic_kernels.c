/* The arithmetics of other implementations: where they divide, add the zero point, clamp, round.
 * All round half to even but CLAMP_FIRST; clamping to whole ends before rounding is the same as
 * behind it. */
#include "quant/kernels/table.h"

/* From here on a conversion to a 64-bit integer overflows. */
#define TOO_LARGE 0x1p63f

static inline float clamped(float v, float lo, float hi)
{
  v = lo > v ? lo : v;
  return hi < v ? hi : v;
}

static inline float rounded(float v)
{
  return (v + ROUND_MAGIC) - ROUND_MAGIC;
}

static inline float grid_reciprocal(float x, const struct unit *unit)
{
  float v = x * (1.0f / unit->scale);
  return v < TOO_LARGE ? rounded(clamped(v, unit->lo, unit->hi)) : unit->lo;
}

static inline float grid_zero_first(float x, const struct unit *unit)
{
  float zero = unit->zero;
  return rounded(clamped(x / unit->scale + zero, unit->lo + zero, unit->hi + zero)) - zero;
}

/* Half up, by the code counted from 0, which is never negative. */
static inline float grid_clamp_first(float x, const struct unit *unit)
{
  float least = unit->lo * unit->scale, most = unit->hi * unit->scale;
  x = x == x ? clamped(x, least, most) : most;
  float v = x / unit->scale - unit->lo, whole = rounded(v);
  whole = whole > v ? whole - 1 : whole;
  whole = v - whole >= 0.5f ? whole + 1 : whole;
  return clamped(whole + unit->lo, unit->lo, unit->hi);
}

static inline float grid_multiply(float x, const struct unit *unit)
{
  return rounded(clamped(x * unit->multiplier, unit->lo, unit->hi));
}

static inline float grid_offset(float x, const struct unit *unit)
{
  return rounded(clamped((x - unit->offset) / unit->scale, unit->lo, unit->hi));
}

static inline float times_scale(float r, const struct unit *unit)
{
  return r * unit->scale;
}

static inline float by_multiplier(float r, const struct unit *unit)
{
  return r / unit->multiplier;
}

/* By halves: the product alone may be beyond float32 where the sum is not. */
static inline float plus_offset(float r, const struct unit *unit)
{
  return 2 * (r * (0.5f * unit->scale) + 0.5f * unit->offset);
}

/* A negative value that rounds to 0 becomes +0. */
#define LOOP(name, grid, value)                                                                    \
  static void name(const float *x, size_t n, const struct unit *units, size_t step, float *y,      \
                   uint16_t *codes)                                                                \
  {                                                                                                \
    for (size_t i = 0; i < n; i++)                                                                 \
      y[i] = value(grid(x[i], &units[i * step]) + 0.0f, &units[i * step]);                         \
    if (!codes)                                                                                    \
      return;                                                                                      \
    for (size_t i = 0; i < n; i++) {                                                               \
      float r = grid(x[i], &units[i * step]);                                                      \
      codes[i] = (uint16_t)(int32_t)((r == r ? r : 0.0f) - units[i * step].lo);                    \
    }                                                                                              \
  }

LOOP(run_reciprocal, grid_reciprocal, times_scale)
LOOP(run_zero_first, grid_zero_first, times_scale)
LOOP(run_clamp_first, grid_clamp_first, times_scale)
LOOP(run_multiply, grid_multiply, by_multiplier)
LOOP(run_offset, grid_offset, plus_offset)

void KERNEL(integer_by)(enum arithmetic arithmetic, const float *x, size_t n,
                        const struct unit *units, size_t step, float *y, uint16_t *codes)
{
  static void (*const runs[])(const float *, size_t, const struct unit *, size_t, float *,
                              uint16_t *) = {
      [ARITHMETIC_RECIPROCAL] = run_reciprocal,   [ARITHMETIC_ZERO_FIRST] = run_zero_first,
      [ARITHMETIC_CLAMP_FIRST] = run_clamp_first, [ARITHMETIC_MULTIPLY] = run_multiply,
      [ARITHMETIC_OFFSET] = run_offset,
  };
  runs[arithmetic](x, n, units, step, y, codes);
}
