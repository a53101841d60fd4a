/* The extremes of every unit of a tensor, in one streaming pass: all that minmax needs, and
 * what every other calibrator starts from.
 *
 * Ownership: the caller owns the array of extents. Threads: extents_measure runs on the pool;
 * minima, maxima and counts do not depend on the order in which threads add to them. */
#ifndef QSCOPE_QUANT_EXTENT_H
#define QSCOPE_QUANT_EXTENT_H

#include "quant/base/pool.h"
#include "quant/feed.h"
#include "quant/grain.h"

#include <stdatomic.h>

struct extent {
  atomic_int low, high; /* keys of the extreme finite values: whole numbers ordered like them */
  atomic_size_t finite;
};

/* Measures all grain->units units into EXTENTS (any contents before). Reads the tensor in storage
 * order, whatever the granularity. Counts progress in elements (announced by the caller).
 * STATUS_OK or STATUS_CANCELLED. */
enum status extents_measure(const struct feed *feed, const struct grain *grain,
                            struct progress *progress, struct extent *extents);

/* What a digest knows already. */
void extent_set(struct extent *extent, float min, float max, size_t finite);

/* The extremes; a zero is +0. Only when finite > 0. */
float extent_min(const struct extent *extent);
float extent_max(const struct extent *extent);
size_t extent_finite(const struct extent *extent);

#endif
