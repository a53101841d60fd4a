/* Bins of values: where in a histogram each of them is counted, and sums by bin. */
#include "quant/kernels/table.h"

enum { AHEAD = 1024 }; /* elements from which memory is asked before they are needed */

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

typedef int32_t places __attribute__((vector_size(DOUBLES * sizeof(int32_t))));

/* The bins of V, between the ends. */
static inline places places_inside(doubles v, const struct bin_edges *edges)
{
  const doubles last = (doubles){0} + edges->last;
  doubles bin = (v - edges->lo) * edges->per_unit;
#if defined __AVX512F__
  return (places)_mm512_cvttpd_epi32(_mm512_min_pd((__m512d)bin, (__m512d)last));
#elif defined __AVX__
  return (places)_mm256_cvttpd_epi32(_mm256_min_pd((__m256d)bin, (__m256d)last));
#else
  masks below = bin < last;
  bin = (doubles)(((masks)bin & below) | ((masks)last & ~below));
  return __builtin_convertvector(bin, places);
#endif
}

/* Whole TURNs of values. False when one is not between the ends: then the bins mean nothing. */
static bool bins_inside(const float *x, size_t n, struct bin_edges edges, int32_t *at)
{
  floats least = floats_load(x), most = least;
  ints odd = {0};
  for (size_t i = 0; i < n; i += TURN) {
    __builtin_prefetch(x + i + AHEAD); /* while bins are counted nothing is read */
    KERNEL_UNROLL
    for (size_t k = 0; k < TURN; k += FLOATS) {
      const floats v = floats_load(x + i + k);
      least = floats_min(least, v);
      most = floats_max(most, v);
      odd |= (ints)(v - v); /* not 0 where v is infinite or NaN */
    }
    KERNEL_UNROLL
    for (size_t k = 0; k < TURN; k += DOUBLES) {
      const places bin = places_inside(doubles_load(x + i + k), &edges);
      memcpy(at + i + k, &bin, sizeof bin);
    }
  }
  bool inside = true;
  for (size_t k = 0; k < FLOATS; k++)
    inside &= odd[k] == 0 && (double)least[k] >= edges.lo && (double)most[k] <= edges.hi;
  return inside;
}

/* The same of differences, of whole LANES. */
static bool differences_inside(const float *x, const float *less, size_t n, struct bin_edges edges,
                               int32_t *at)
{
  masks inside = ~(masks){0};
  for (size_t i = 0; i < n; i += DOUBLES) {
    const doubles v = doubles_load(x + i) - doubles_load(less + i);
    const places bin = places_inside(v, &edges);
    inside &= (masks)(v >= edges.lo) & (masks)(v <= edges.hi);
    memcpy(at + i, &bin, sizeof bin);
  }
  int64_t all = -1;
  for (size_t k = 0; k < DOUBLES; k++)
    all &= inside[k];
  return all != 0;
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
    bool inside = m % TURN == 0 && (from ? differences_inside(x + done, from, m, *edges, at + done)
                                         : bins_inside(x + done, m, *edges, at + done));
    if (!inside)
      bins_anywhere(x + done, from, m, *edges, at + done);
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
static inline void add_error(struct error_bin *bin, quad error)
{
  quad before;
  memcpy(&before, bin, sizeof before);
  quad after = __builtin_shufflevector(before + error, quad_larger(before, error), 0, 1, 2, 4 + 3);
  memcpy(bin, &after, sizeof after);
}

/* Four elements, one after the other. */
static inline void add_errors(const float *x, const float *y, const int32_t *at,
                              struct error_bin *bins)
{
  const quad infinity = (quad){0} + __builtin_inf(), one = {1, 1, 1, 1};
  quad e = (quad){(double)y[0], (double)y[1], (double)y[2], (double)y[3]} -
           (quad){(double)x[0], (double)x[1], (double)x[2], (double)x[3]};
  quad size = (quad)((quad_masks)e & INT64_MAX);
  quad_masks finite = size < infinity; /* NaN comes of overflow */
  quad square = (quad)((quad_masks)(size * size) & finite);
  size = (quad)(((quad_masks)size & finite) | ((quad_masks)infinity & ~finite));
  const quad a = __builtin_shufflevector(size, square, 0, 4, 2, 6);
  const quad b = __builtin_shufflevector(size, square, 1, 5, 3, 7);
  const quad c = __builtin_shufflevector(one, size, 0, 4, 2, 6);
  const quad d = __builtin_shufflevector(one, size, 1, 5, 3, 7);
  add_error(&bins[at[0]], __builtin_shufflevector(a, c, 0, 1, 4, 5));
  add_error(&bins[at[1]], __builtin_shufflevector(b, d, 0, 1, 4, 5));
  add_error(&bins[at[2]], __builtin_shufflevector(a, c, 2, 3, 6, 7));
  add_error(&bins[at[3]], __builtin_shufflevector(b, d, 2, 3, 6, 7));
}

void KERNEL(error_bins)(const float *x, const float *y, const int32_t *at, size_t n,
                        struct error_bin *bins)
{
  size_t whole = n / 4 * 4;
  for (size_t i = 0; i < whole; i += 4)
    add_errors(x + i, y + i, at + i, bins);
  for (size_t i = whole; i < n; i++) {
    double e = fabs((double)y[i] - (double)x[i]);
    e = e <= __DBL_MAX__ ? e : __builtin_inf();
    add_error(&bins[at[i]], (quad){e, e <= __DBL_MAX__ ? e * e : 0, 1, e});
  }
}
