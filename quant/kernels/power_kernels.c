/* Bare powers of two: E8M0. */
#include "quant/kernels/table.h"

void KERNEL(power_run)(const float *x, size_t n, const struct unit *units, size_t step,
                       bool nonfinite, float *y, uint16_t *codes)
{
  const uint32_t over = nonfinite ? POWER_NAN : POWER_LARGEST, under = nonfinite ? POWER_NAN : 0;
  float scale[KERNEL_BLOCK];
  uint32_t found[KERNEL_BLOCK];
  for (size_t i = 0; i < KERNEL_BLOCK; i++)
    scale[i] = units->scale;
  for (size_t done = 0; done < n; done += KERNEL_BLOCK) {
    size_t m = n - done < KERNEL_BLOCK ? n - done : KERNEL_BLOCK;
    if (step)
      for (size_t i = 0; i < m; i++)
        scale[i] = units[done + i].scale;
    for (size_t i = 0; i < m; i++)
      found[i] = power_code(x[done + i], x[done + i] / scale[i], over, under);
    for (size_t i = 0; i < m; i++)
      y[done + i] = power_value(found[i]) * scale[i];
    if (codes)
      for (size_t i = 0; i < m; i++)
        codes[done + i] = (uint16_t)found[i];
  }
}
