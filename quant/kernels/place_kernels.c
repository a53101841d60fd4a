/* Places of many numbers in one array that ascends. */
#include "quant/places.h"

#include "quant/kernels/table.h"

enum { PLACE_BLOCK = 64 };

/* As places_cell finds them. */
static void find_cells(const struct places *places, const double *x, size_t n, uint32_t *cell)
{
  const int shift = places->shift;
  const int32_t below = (int32_t)places->below, last = (int32_t)places->cells - 1;
  for (size_t i = 0; i < n; i++) {
    uint64_t bits;
    memcpy(&bits, x + i, sizeof bits);
    int32_t at = (int32_t)(bits >> shift) - below;
    at = at > 0 ? at : 0;
    cell[i] = (uint32_t)(at < last ? at : last);
  }
}

/* As places_first, but for the first cell. */
static void search_cells(const struct places *places, const double *x, const uint32_t *cell,
                         size_t n, uint32_t *at)
{
  const double *value = places->value;
  const uint32_t count = places->start[places->cells];
  for (size_t i = 0; i < n; i++)
    at[i] = places->start[cell[i]];
  for (uint32_t step = places->stride; step > 0; step /= 2)
    for (size_t i = 0; i < n; i++) {
      uint32_t probe = at[i] + step;
      probe = probe <= count ? probe : count;
      at[i] += value[probe - 1] < x[i] ? step : 0;
    }
  for (size_t i = 0; i < n; i++)
    at[i] = at[i] <= count ? at[i] : count;
}

void KERNEL(places_find)(const struct places *places, const double *size, size_t n, double factor,
                         uint32_t *at)
{
  double x[PLACE_BLOCK];
  uint32_t cell[PLACE_BLOCK];
  const uint32_t count = places->start[places->cells];
  for (size_t done = 0; done < n; done += PLACE_BLOCK) {
    const size_t m = n - done < PLACE_BLOCK ? n - done : PLACE_BLOCK;
    for (size_t i = 0; i < m; i++)
      x[i] = size[done + i] * factor > 0 ? size[done + i] * factor : 0;
    find_cells(places, x, m, cell);
    if (count > 0)
      search_cells(places, x, cell, m, at + done);
    for (size_t i = 0; i < m; i++)
      if (cell[i] == 0 || count == 0)
        at[done + i] = (uint32_t)places_first(places, x[i]);
  }
}
