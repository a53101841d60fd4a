/* Integer grids: rounding, codes, and the sums of the scale searches. */
#include "quant/kernels/table.h"

/* Where codes are wanted, too, the shifted grid values are kept for a block: one division for
 * both. */
void KERNEL(integer_run)(const float *x, size_t n, struct unit unit, float *y, uint16_t *codes)
{
  if (!codes) {
    for (size_t i = 0; i < n; i++)
      y[i] = (integer_shifted(x[i], unit.scale, unit.lo, unit.hi) - ROUND_MAGIC) * unit.scale;
    return;
  }
  float shifted[KERNEL_BLOCK];
  for (size_t done = 0; done < n; done += KERNEL_BLOCK) {
    size_t m = n - done < KERNEL_BLOCK ? n - done : KERNEL_BLOCK;
    for (size_t i = 0; i < m; i++)
      shifted[i] = integer_shifted(x[done + i], unit.scale, unit.lo, unit.hi);
    for (size_t i = 0; i < m; i++)
      y[done + i] = (shifted[i] - ROUND_MAGIC) * unit.scale;
    for (size_t i = 0; i < m; i++)
      codes[done + i] = integer_code(shifted[i], unit.lo);
  }
}

void KERNEL(integer_lanes)(const float *x, size_t n, const struct unit *units, float *y,
                           uint16_t *codes)
{
  for (size_t i = 0; i < n; i++)
    y[i] = (integer_shifted(x[i], units[i].scale, units[i].lo, units[i].hi) - ROUND_MAGIC) *
           units[i].scale;
  if (!codes)
    return;
  for (size_t i = 0; i < n; i++)
    codes[i] =
        integer_code(integer_shifted(x[i], units[i].scale, units[i].lo, units[i].hi), units[i].lo);
}

/* Grid values of N (<= KERNEL_BLOCK) elements; X itself, or a padded copy in COPY, is what they
 * belong to. Zeros add nothing to any sum, since zero is on every grid. */
static const float *integer_grid_block(const float *x, size_t *n, struct unit unit, float *copy,
                                       float *r)
{
  if (*n % LANES) {
    memcpy(copy, x, *n * sizeof *x);
    *n = lanes_pad(copy, *n, 0.0f);
    x = copy;
  }
  for (size_t i = 0; i < *n; i++)
    r[i] = integer_shifted(x[i], unit.scale, unit.lo, unit.hi) - ROUND_MAGIC;
  return x;
}

double KERNEL(integer_sse)(const float *x, size_t n, struct unit unit)
{
  float copy[KERNEL_BLOCK], y[KERNEL_BLOCK];
  struct lanes error2 = {0};
  for (size_t done = 0; done < n; done += KERNEL_BLOCK) {
    size_t m = n - done < KERNEL_BLOCK ? n - done : KERNEL_BLOCK;
    const float *block = integer_grid_block(x + done, &m, unit, copy, y);
    for (size_t i = 0; i < m; i++)
      y[i] *= unit.scale;
    KERNEL(lanes_add_error2)(block, y, m, &error2);
  }
  return lanes_total(&error2);
}
