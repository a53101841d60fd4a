#include "quant/layer/find_params.h"

#include "quant/fit.h"

#include <math.h>

float weight_grid_code(const struct weight_grid *grid, float value)
{
  return fminf(fmaxf(rintf(value / grid->scale) + grid->zero, 0), grid->most);
}

float weight_grid_value(const struct weight_grid *grid, float code)
{
  return grid->scale * (code - grid->zero);
}

static struct weight_grid grid_of(float lo, float hi, float most, bool symmetric)
{
  float scale = (hi - lo) / most;
  if (!isfinite(scale))
    scale = hi / most - lo / most;
  scale = fit_usable_scale(scale);
  return (struct weight_grid){scale, symmetric ? (most + 1) / 2 : rintf(-lo / scale), most};
}

/* Sum of |error|^2.4; once it is as large as ENOUGH, the rest is left out. */
static double error_of(const struct weight_grid *grid, const float *values, size_t count,
                       double enough)
{
  double sum = 0;
  for (size_t i = 0; i < count && sum < enough; i++) {
    const float value = weight_grid_value(grid, weight_grid_code(grid, values[i]));
    sum += (double)powf(fabsf(value - values[i]), 2.4F);
  }
  return sum;
}

static struct weight_grid shrunk(const float *values, size_t count, float lo, float hi, float most,
                                 bool symmetric)
{
  enum { STEPS = 80 };
  struct weight_grid best = grid_of(lo, hi, most, symmetric);
  double least = HUGE_VAL;
  for (int i = 0; i < STEPS; i++) {
    const float part = (float)(1 - i / 100.0);
    const struct weight_grid grid = grid_of(part * lo, part * hi, most, symmetric);
    const double error = error_of(&grid, values, count, least);
    if (error < least) {
      least = error;
      best = grid;
    }
  }
  return best;
}

struct weight_grid find_params(const float *values, size_t count, int bits, bool symmetric,
                               bool shrinks)
{
  const float most = (float)((1UL << bits) - 1);
  float lo = 0, hi = 0;
  for (size_t i = 0; i < count; i++) {
    lo = fminf(lo, values[i]);
    hi = fmaxf(hi, values[i]);
  }
  if (symmetric)
    hi = fmaxf(-lo, hi);
  if (symmetric && lo < 0)
    lo = -hi;
  if (!(lo < 0) && !(hi > 0)) {
    lo = -1;
    hi = 1;
  }
  return shrinks ? shrunk(values, count, lo, hi, most, symmetric)
                 : grid_of(lo, hi, most, symmetric);
}
