/* Bins of values: where in a histogram each of them is counted, and sums by bin. */
#include "quant/kernels/table.h"

/* All in doubles and without branches, so that the loops run in vectors; NaN goes with the
 * infinite. */
static inline int32_t place(double x, const struct bin_edges *edges)
{
  double bin = (x - edges->lo) * edges->per_unit;
  bin = bin < edges->last ? bin : edges->last;
  bin = bin > 0 ? bin : 0;
  bin = x < edges->lo ? edges->last + 1 : bin;
  bin = x > edges->hi ? edges->last + 2 : bin;
  bin = fabs(x) <= __DBL_MAX__ ? bin : edges->last + 3;
  return (int32_t)bin;
}

/* The same between the ends. */
static inline int32_t place_inside(double x, const struct bin_edges *edges)
{
  double bin = (x - edges->lo) * edges->per_unit;
  return (int32_t)(bin < edges->last ? bin : edges->last);
}

/* True when X, or X less LESS, lies between the ends: whole LANES of them. */
static bool all_inside(const float *x, const float *less, size_t n, const struct bin_edges *edges)
{
  const doubles lo = (doubles){0} + edges->lo, hi = (doubles){0} + edges->hi;
  masks inside = ~(masks){0};
  for (size_t i = 0; i < n; i += DOUBLES) {
    doubles v = doubles_load(x + i);
    if (less)
      v -= doubles_load(less + i);
    inside &= (masks)(v >= lo) & (masks)(v <= hi);
  }
  int64_t all = -1;
  for (size_t k = 0; k < DOUBLES; k++)
    all &= inside[k];
  return all != 0;
}

static void bins_inside(const float *x, const float *less, size_t n, struct bin_edges e,
                        int32_t *at)
{
  if (less)
    for (size_t i = 0; i < n; i++)
      at[i] = place_inside((double)x[i] - (double)less[i], &e);
  else
    for (size_t i = 0; i < n; i++)
      at[i] = place_inside((double)x[i], &e);
}

static void bins_anywhere(const float *x, const float *less, size_t n, struct bin_edges e,
                          int32_t *at)
{
  if (less)
    for (size_t i = 0; i < n; i++)
      at[i] = place((double)x[i] - (double)less[i], &e);
  else
    for (size_t i = 0; i < n; i++)
      at[i] = place((double)x[i], &e);
}

/* Most often all values of a block lie between the ends. */
void KERNEL(bins)(const float *x, const float *less, size_t n, const struct bin_edges *edges,
                  int32_t *at)
{
  for (size_t done = 0; done < n; done += KERNEL_BLOCK) {
    size_t m = n - done < KERNEL_BLOCK ? n - done : KERNEL_BLOCK;
    const float *from = less ? less + done : NULL;
    bool inside = m % LANES == 0 && all_inside(x + done, from, m, edges);
    (inside ? bins_inside : bins_anywhere)(x + done, from, m, *edges, at + done);
  }
}

/* --- errors by bin ------------------------------------------------------------------------ */

typedef double quad __attribute__((vector_size(4 * sizeof(double))));
typedef int64_t quad_masks __attribute__((vector_size(4 * sizeof(int64_t))));

/* The larger of each of A and B. */
static inline quad quad_larger(quad a, quad b)
{
#ifdef __AVX__
  return (quad)_mm256_max_pd((__m256d)a, (__m256d)b);
#else
  quad_masks larger = a > b;
  return (quad)((larger & (quad_masks)a) | (~larger & (quad_masks)b));
#endif
}

/* A bin is one vector, loaded and stored at once: {sum, squares, count, most}. */
static void add_error(struct error_bin *bin, double magnitude, double square)
{
  const quad_masks last = {0, 0, 0, -1};
  quad before, error = {magnitude, square, 1, magnitude};
  memcpy(&before, bin, sizeof before);
  quad_masks sum = (quad_masks)(before + error), most = (quad_masks)quad_larger(before, error);
  quad after = (quad)((sum & ~last) | (most & last));
  memcpy(bin, &after, sizeof after);
}

void KERNEL(error_bins)(const float *x, const float *y, const int32_t *at, size_t n,
                        struct error_bin *bins)
{
  double magnitude[KERNEL_BLOCK], square[KERNEL_BLOCK];
  for (size_t done = 0; done < n; done += KERNEL_BLOCK) {
    size_t m = n - done < KERNEL_BLOCK ? n - done : KERNEL_BLOCK;
    for (size_t i = 0; i < m; i++) {
      double e = fabs((double)y[done + i] - (double)x[done + i]);
      e = e <= __DBL_MAX__ ? e : __builtin_inf(); /* NaN comes of overflow */
      magnitude[i] = e;
      square[i] = e <= __DBL_MAX__ ? e * e : 0;
    }
    for (size_t i = 0; i < m; i++)
      add_error(&bins[at[done + i]], magnitude[i], square[i]);
  }
}
