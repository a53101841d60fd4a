/* Bins of values: where in a histogram each of them is counted. */
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

void KERNEL(bins)(const float *x, const float *less, size_t n, const struct bin_edges *edges,
                  int32_t *at)
{
  const struct bin_edges e = *edges;
  if (less)
    for (size_t i = 0; i < n; i++)
      at[i] = place((double)x[i] - (double)less[i], &e);
  else
    for (size_t i = 0; i < n; i++)
      at[i] = place((double)x[i], &e);
}
