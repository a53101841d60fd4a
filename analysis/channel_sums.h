/* Sums of every channel, kept for each span of a pass and merged in span order.
 *
 * A span has a table of the channels that its elements can belong to: few where the channels are
 * the outer axis, all of them otherwise; channel_sums_spans keeps the whole bounded. One array
 * for each sum, so that channels that are columns add up row by row, in vectors. Ownership:
 * channel_sums_init allocates, channel_sums_free frees; the pass is borrowed. Threads: one
 * writer for each span. */
#ifndef QSCOPE_ANALYSIS_CHANNEL_SUMS_H
#define QSCOPE_ANALYSIS_CHANNEL_SUMS_H

#include "analysis/pass.h"
#include "analysis/result.h"

struct channel_span {
  size_t first, count; /* channels of its table */
  size_t base;         /* of its entries in the arrays */
};

struct channel_sums {
  struct grain grain; /* of kind GRAIN_CHANNEL, or GRAIN_TENSOR: one channel */
  size_t spans;
  struct channel_span *span;
  double *error2, *signal2;
  float *absmax;
  uint64_t *missing, *clipped; /* elements that are not finite; that were clipped */
};

/* How many spans a pass may have for channels laid out as GRAIN. */
size_t channel_sums_spans(const struct grain *grain);

/* False when memory runs out; free in either case. */
bool channel_sums_init(struct channel_sums *sums, const struct grain *grain,
                       const struct pass *pass);
void channel_sums_free(struct channel_sums *sums);

/* Adds N elements of one CHANNEL, which were added up before. */
void channel_sums_add_run(struct channel_sums *sums, size_t span, size_t channel, size_t n,
                          const struct tally *tally);

/* Adds a block of any channels. FINITE: no value is NaN or infinite; CLIPPED: 1 for each element
 * that was clipped, NULL when none was. */
void channel_sums_add_block(struct channel_sums *sums, const struct pass_block *block, bool finite,
                            const uint8_t *clipped);

/* Adds up all spans into CHANNELS (grain.units of them): all but scale and ratio. False when memory
 * runs out. */
bool channel_sums_finish(const struct channel_sums *sums, struct channel *channels);

#endif
