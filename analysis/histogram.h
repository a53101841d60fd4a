/* Histograms with explicit counters for what falls outside.
 *
 * BINS equal bins over [lo, hi]; a value equal to hi is in the last bin; below lo is `under`,
 * above hi is `over`; NaN and infinities are counted apart and never enter a bin. (GSL's
 * histograms drop the upper edge and count NaN in bin 0: different on purpose.) Bin of x:
 * floor((x - lo) * (bins / (hi - lo))) in double, clamped to the last bin.
 * Ownership: histogram_init allocates, histogram_free frees. Threads: one writer. */
#ifndef QSCOPE_ANALYSIS_HISTOGRAM_H
#define QSCOPE_ANALYSIS_HISTOGRAM_H

#include "quant/kernels/kernels.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct histogram {
  double lo, hi;
  size_t bins;
  uint64_t *count;
  uint64_t under, over, nan, inf;
};

/* Where a value goes, for loops that do more than count: the edges of a histogram. */
#define HISTOGRAM_OUTSIDE SIZE_MAX

static inline struct bin_edges histogram_edges(const struct histogram *h)
{
  double bins = (double)h->bins;
  return (struct bin_edges){h->lo, h->hi, bins / (h->hi - h->lo), bins - 1};
}

/* Bin of X, or HISTOGRAM_OUTSIDE (below, above, infinite, NaN). */
static inline size_t histogram_bin(const struct bin_edges *scale, double x)
{
  if (!(x >= scale->lo && x <= scale->hi))
    return HISTOGRAM_OUTSIDE;
  double bin = (x - scale->lo) * scale->per_unit;
  return (size_t)(bin < scale->last ? bin : scale->last);
}

/* lo < hi, bins >= 1. False when memory runs out. */
bool histogram_init(struct histogram *h, double lo, double hi, size_t bins);
void histogram_free(struct histogram *h);
/* FROM again, into one that holds nothing. False when memory runs out. */
bool histogram_copy(struct histogram *into, const struct histogram *from);
void histogram_add(struct histogram *h, const float *x, size_t n);
/* Counts X, for which histogram_bin said HISTOGRAM_OUTSIDE. */
void histogram_add_outside(struct histogram *h, double x);
/* Adds FROM, which has the same edges. */
void histogram_merge(struct histogram *into, const struct histogram *from);
/* Left edge of bin I (I == bins gives hi). */
double histogram_edge(const struct histogram *h, size_t i);
/* Largest count of a bin, and the sum of all counters. */
uint64_t histogram_peak(const struct histogram *h);
uint64_t histogram_total(const struct histogram *h);

#endif
