/* Small-float grids: rounding, codes, and the sums of the scale searches. */
#include "quant/kernels/table.h"

/* r[i] = grid value of x[i] / scale. The constants come by value, here and below: a load under a
 * condition would keep the loop from being vectorised. */
static void minifloat_grid_values(const float *x, size_t n, struct minifloat_constants c,
                                  float scale, float *r)
{
  if (c.wide)
    for (size_t i = 0; i < n; i++)
      r[i] = minifloat_nearest_wide(x[i] / scale, &c);
  else
    for (size_t i = 0; i < n; i++)
      r[i] = minifloat_nearest(x[i] / scale, &c);
}

/* Scale i is scales[i * step]: step 0 for a single scale. */
static void minifloat_finish(const float *x, const float *r, const float *scales, size_t step,
                             size_t n, struct minifloat_constants c, float *y, uint16_t *codes)
{
  if (codes)
    for (size_t i = 0; i < n; i++)
      codes[i] = minifloat_code(x[i], r[i], &c);
  if (step)
    for (size_t i = 0; i < n; i++)
      y[i] = minifloat_value(x[i], r[i], scales[i], &c);
  else
    for (size_t i = 0; i < n; i++)
      y[i] = minifloat_value(x[i], r[i], scales[0], &c);
}

void KERNEL(minifloat_run)(const float *x, size_t n, const struct minifloat_grid *grid, float scale,
                           float *y, uint16_t *codes)
{
  const struct minifloat_constants c = minifloat_constants(grid);
  float r[KERNEL_BLOCK];
  for (size_t done = 0; done < n; done += KERNEL_BLOCK) {
    size_t m = n - done < KERNEL_BLOCK ? n - done : KERNEL_BLOCK;
    minifloat_grid_values(x + done, m, c, scale, r);
    minifloat_finish(x + done, r, &scale, 0, m, c, y + done, codes ? codes + done : NULL);
  }
}

void KERNEL(minifloat_lanes)(const float *x, size_t n, const struct minifloat_grid *grid,
                             const struct unit *units, float *y, uint16_t *codes)
{
  const struct minifloat_constants c = minifloat_constants(grid);
  float v[KERNEL_BLOCK], scales[KERNEL_BLOCK];
  for (size_t done = 0; done < n; done += KERNEL_BLOCK) {
    size_t m = n - done < KERNEL_BLOCK ? n - done : KERNEL_BLOCK;
    for (size_t i = 0; i < m; i++)
      scales[i] = units[done + i].scale;
    for (size_t i = 0; i < m; i++)
      v[i] = x[done + i] / scales[i];
    minifloat_grid_values(v, m, c, 1.0f, v);
    minifloat_finish(x + done, v, scales, 1, m, c, y + done, codes ? codes + done : NULL);
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

void KERNEL(minifloat_fit)(const float *x, size_t n, const struct minifloat_grid *grid, float scale,
                           double *xr, double *rr)
{
  const struct minifloat_constants c = minifloat_constants(grid);
  float copy[KERNEL_BLOCK], r[KERNEL_BLOCK];
  struct lanes xr_lanes = {0}, rr_lanes = {0};
  for (size_t done = 0; done < n; done += KERNEL_BLOCK) {
    size_t m = n - done < KERNEL_BLOCK ? n - done : KERNEL_BLOCK;
    const float *block = minifloat_grid_block(x + done, &m, c, scale, copy, r);
    KERNEL(lanes_add_products)(block, r, m, &xr_lanes, &rr_lanes);
  }
  *xr = lanes_total(&xr_lanes);
  *rr = lanes_total(&rr_lanes);
}
