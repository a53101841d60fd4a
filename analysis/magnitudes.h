/* A percentile of |x| that rides along with a pass which is made anyway, and takes one more: the
 * pass counts the upper half of each float's bits, the second one the lower half of those that
 * begin like the wanted value. For long tensors; sample_percentiles is for all.
 *
 * Ownership: magnitudes_new returns tables that the caller frees. Threads: magnitudes_add from
 * many at once, each with a worker number of its own (quant/base/pool.h). */
#ifndef QSCOPE_ANALYSIS_MAGNITUDES_H
#define QSCOPE_ANALYSIS_MAGNITUDES_H

#include "quant/base/pool.h"
#include "quant/feed.h"

#include <stdint.h>

struct magnitudes;

/* MOST, at least the elements of a call of magnitudes_add: so many a worker counts before its
 * counters, of 32 bits, are emptied into larger ones. NULL when memory runs out. */
struct magnitudes *magnitudes_new(uint32_t most);
void magnitudes_free(struct magnitudes *magnitudes);

/* Counts N finite values. */
void magnitudes_add(struct magnitudes *magnitudes, unsigned worker, const float *x, size_t n);

/* PERCENTILE of the COUNT (1 or more) magnitudes that were added, the finite ones of FEED, as
 * sample_percentiles defines it, to the bit. STATUS_CANCELLED, STATUS_MEMORY. */
enum status magnitudes_percentile(struct magnitudes *magnitudes, const struct feed *feed,
                                  uint64_t count, double percentile, struct progress *progress,
                                  double *out);

#endif
