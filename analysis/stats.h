/* Statistics of the tensors of a source, as a list shows them: a few numbers each, which become
 * known one tensor after the other.
 *
 * Ownership: plain values. Threads: one writes a row (stats_publish), any read it after `state`
 * says so. */
#ifndef QSCOPE_ANALYSIS_STATS_H
#define QSCOPE_ANALYSIS_STATS_H

#include "analysis/cache.h"
#include "data/source.h"
#include "quant/quantizer.h"

#include <stdatomic.h>

enum stats_state {
  STATS_UNKNOWN,
  STATS_KNOWN,
  STATS_NONE,       /* the values cannot be read */
  STATS_COMPRESSED, /* not computed: unpacking would take too much memory */
};

enum stat { STAT_ABSMAX, STAT_STD, STAT_KURTOSIS, STAT_OUTLIER, STAT_SQNR, STAT_CLIP, STAT_COUNT };

/* absmax, std, kurtosis as facts.h defines them; outlier: the largest channel's absmax over the
 * median channel's; under the quantizer: sqnr in dB (+inf: exact), and clip, the share of clipped
 * elements. NaN where there is no number. */
struct stats {
  double value[STAT_COUNT];
  _Atomic unsigned char state;
};

/* Computes the row of tensor INDEX (loading it) under QUANTIZER, channels along AXIS; where the
 * quantizer does not apply, its sqnr and clip are NaN. KNOWN: what is known of the tensor, or all
 * zero, and then found out; the caller frees it, also after a failure. STATUS_CANCELLED,
 * STATUS_MEMORY, STATUS_INPUT. */
enum status stats_compute(struct source *source, size_t index, const struct quantizer *quantizer,
                          int axis, struct known *known, struct progress *progress,
                          double value[STAT_COUNT], struct error *error);

/* Bytes that computing INDEX would unpack into memory, beside what is mapped or loaded. */
size_t stats_unpacks(const struct source *source, size_t index);

#endif
