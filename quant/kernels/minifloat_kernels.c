/* Small-float grids: rounding, codes, and the sums of the scale searches. */
#include "quant/kernels/table.h"

/* r[i] = what x[i] / scale becomes. The constants come by value, here and below: a load under a
 * condition would keep the loop from being vectorised. */
static void minifloat_grid_values(const float *x, size_t n, struct minifloat_constants c,
                                  float scale, float *r)
{
  if (c.wide)
    for (size_t i = 0; i < n; i++)
      r[i] = minifloat_special(x[i], minifloat_nearest_wide(x[i] / scale, &c), &c);
  else
    for (size_t i = 0; i < n; i++)
      r[i] = minifloat_special(x[i], minifloat_nearest(x[i] / scale, &c), &c);
}

static void minifloat_codes(const float *r, size_t n, struct minifloat_constants c, uint16_t *codes)
{
  for (size_t i = 0; i < n; i++)
    codes[i] = (uint16_t)minifloat_code(r[i], &c);
}

void KERNEL(minifloat_run)(const float *x, size_t n, const struct minifloat_grid *grid, float scale,
                           float *y, uint16_t *codes)
{
  const struct minifloat_constants c = minifloat_constants(grid);
  float r[KERNEL_BLOCK];
  for (size_t done = 0; done < n; done += KERNEL_BLOCK) {
    size_t m = n - done < KERNEL_BLOCK ? n - done : KERNEL_BLOCK;
    minifloat_grid_values(x + done, m, c, scale, r);
    if (codes)
      minifloat_codes(r, m, c, codes + done);
    for (size_t i = 0; i < m; i++)
      y[done + i] = r[i] * scale;
  }
}

void KERNEL(minifloat_lanes)(const float *x, size_t n, const struct minifloat_grid *grid,
                             const struct unit *units, float *y, uint16_t *codes)
{
  const struct minifloat_constants c = minifloat_constants(grid);
  float v[KERNEL_BLOCK], r[KERNEL_BLOCK];
  for (size_t done = 0; done < n; done += KERNEL_BLOCK) {
    size_t m = n - done < KERNEL_BLOCK ? n - done : KERNEL_BLOCK;
    for (size_t i = 0; i < m; i++)
      v[i] = x[done + i] / units[done + i].scale;
    /* A quotient may be infinite where x is not. */
    if (c.wide)
      for (size_t i = 0; i < m; i++)
        r[i] = minifloat_special(x[done + i], minifloat_nearest_wide(v[i], &c), &c);
    else
      for (size_t i = 0; i < m; i++)
        r[i] = minifloat_special(x[done + i], minifloat_nearest(v[i], &c), &c);
    if (codes)
      minifloat_codes(r, m, c, codes + done);
    for (size_t i = 0; i < m; i++)
      y[done + i] = r[i] * units[done + i].scale;
  }
}

/* Grid values of N (<= KERNEL_BLOCK) elements; X itself, or a padded copy in COPY, is what they
 * belong to. */
static const float *minifloat_grid_block(const float *x, size_t *n, struct minifloat_constants c,
                                         float scale, float *copy, float *r)
{
  if (*n % LANES) {
    memcpy(copy, x, *n * sizeof *x);
    *n = lanes_pad(copy, *n, 0.0f);
    x = copy;
  }
  minifloat_grid_values(x, *n, c, scale, r);
  return x;
}

double KERNEL(minifloat_sse)(const float *x, size_t n, const struct minifloat_grid *grid,
                             float scale)
{
  const struct minifloat_constants c = minifloat_constants(grid);
  float copy[KERNEL_BLOCK], y[KERNEL_BLOCK];
  struct lanes error2 = {0};
  for (size_t done = 0; done < n; done += KERNEL_BLOCK) {
    size_t m = n - done < KERNEL_BLOCK ? n - done : KERNEL_BLOCK;
    const float *block = minifloat_grid_block(x + done, &m, c, scale, copy, y);
    for (size_t i = 0; i < m; i++)
      y[i] *= scale;
    KERNEL(lanes_add_error2)(block, y, m, &error2);
  }
  return lanes_total(&error2);
}
