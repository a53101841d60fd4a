#include "analysis/histogram.h"

#include "quant/base/size.h"

#include <math.h>
#include <string.h>

bool histogram_init(struct histogram *h, double lo, double hi, size_t bins)
{
  *h = (struct histogram){.lo = lo, .hi = hi, .bins = bins};
  h->count = mem_array(bins + BINS_OUTSIDE, sizeof *h->count);
  return h->count != NULL;
}

void histogram_free(struct histogram *h)
{
  free(h->count);
  *h = (struct histogram){0};
}

bool histogram_copy(struct histogram *into, const struct histogram *from)
{
  uint64_t *count = mem_array(from->bins + BINS_OUTSIDE, sizeof *count);
  if (!count)
    return false;
  memcpy(count, from->count, from->bins * sizeof *count);
  *into = *from;
  into->count = count;
  return true;
}

void histogram_add_outside(struct histogram *h, double x)
{
  if (isnan(x))
    h->nan++;
  else if (isinf(x))
    h->inf++;
  else if (x < h->lo)
    h->under++;
  else
    h->over++;
}

enum { PIECE = 512 }; /* values placed at a time: their bins stay in the nearest cache */

/* What is counted behind the bins is told apart afterwards: most often there is nothing. */
static void add_piece(struct histogram *h, const float *x, size_t n)
{
  const struct bin_edges edges = histogram_edges(h);
  uint64_t *count = h->count, *outside = count + h->bins;
  int32_t at[PIECE];
  kernels.bins(x, NULL, n, &edges, at);
  for (size_t i = 0; i < n; i++)
    count[at[i]]++;
  if (outside[0] + outside[1] + outside[2] == 0)
    return;
  memset(outside, 0, BINS_OUTSIDE * sizeof *outside);
  for (size_t i = 0; i < n; i++)
    if ((size_t)at[i] >= h->bins)
      histogram_add_outside(h, (double)x[i]);
}

void histogram_add(struct histogram *h, const float *x, size_t n)
{
  for (size_t i = 0; i < n; i += PIECE)
    add_piece(h, x + i, n - i < PIECE ? n - i : PIECE);
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
  for (size_t i = 0; i < into->bins; i++)
    into->count[i] += from->count[i];
  into->under += from->under;
  into->over += from->over;
  into->nan += from->nan;
  into->inf += from->inf;
}

double histogram_edge(const struct histogram *h, size_t i)
{
  if (i >= h->bins)
    return h->hi;
  return h->lo + (h->hi - h->lo) * ((double)i / (double)h->bins);
}

uint64_t histogram_peak(const struct histogram *h)
{
  uint64_t peak = 0;
  for (size_t i = 0; i < h->bins; i++)
    peak = h->count[i] > peak ? h->count[i] : peak;
  return peak;
}

uint64_t histogram_total(const struct histogram *h)
{
  uint64_t total = h->under + h->over + h->nan + h->inf;
  for (size_t i = 0; i < h->bins; i++)
    total += h->count[i];
  return total;
}
