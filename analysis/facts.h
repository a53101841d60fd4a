/* Facts: what can be said of a tensor before any quantizer is chosen.
 *
 * One pass (and three more for the percentile). Definitions over the finite elements, N of them:
 * mean; std = sqrt(mean((x - mean)^2)) (population); kurtosis = m4 / m2^2 - 3 (excess; a
 * Gaussian has 0); papr = absmax / rms; p99 = exact 99th percentile of |x|, linear
 * interpolation. NaN where a number does not exist (no finite element, zero variance).
 * Ownership: plain value. Threads: none needed. */
#ifndef QSCOPE_ANALYSIS_FACTS_H
#define QSCOPE_ANALYSIS_FACTS_H

#include "quant/base/pool.h"
#include "quant/base/status.h"
#include "quant/feed.h"

#include <stdint.h>

struct facts {
  uint64_t count, finite, nan, inf, zeros;
  double min, max, absmax, mean, std, kurtosis, rms, papr, p99;
};

enum status facts_compute(const struct feed *feed, struct progress *progress, struct facts *out,
                          struct error *error);

#endif
