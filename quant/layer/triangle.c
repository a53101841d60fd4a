#include "quant/layer/triangle.h"

#include <stdlib.h>

bool triangle_make(struct triangle *triangle, size_t n)
{
  const size_t last = n ? (n - 1) / TRIANGLE_PANEL : 0;
  size_t count;
  *triangle = (struct triangle){NULL, n};
  if (!size_mul(n, n, &count)) /* which is more */
    return false;
  for (size_t i = count = 0; i <= last; i++)
    count += size_min(TRIANGLE_PANEL, n - i * TRIANGLE_PANEL) *
             triangle_stride(triangle, i * TRIANGLE_PANEL);
  triangle->value = mem_array(count, sizeof *triangle->value);
  return triangle->value != NULL;
}

void triangle_free(struct triangle *triangle)
{
  free(triangle->value);
  triangle->value = NULL;
}

bool upper_make(struct upper *upper, size_t n, size_t block)
{
  size_t count;
  *upper = (struct upper){NULL, n, block};
  if (!size_mul(n, n, &count))
    return false;
  count = 0;
  for (size_t first = 0; first < n; first += block)
    count += size_min(block, n - first) * (n - first);
  upper->value = mem_array(count, sizeof *upper->value);
  return upper->value != NULL;
}

void upper_free(struct upper *upper)
{
  free(upper->value);
  upper->value = NULL;
}
