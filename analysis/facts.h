/* Facts: what can be said of a tensor before any quantizer is chosen.
 *
 * One pass (and three more for the percentile); from a digest none: then the sums run over its
 * values in ascending order, which changes the moments by some 1e-15 of themselves. A tensor that
 * can have a digest is always described by it, so that its facts are the same everywhere.
 * Definitions over the finite elements, N of them:
 * mean; std = sqrt(mean((x - mean)^2)) (population); kurtosis = m4 / m2^2 - 3 (excess; a
 * Gaussian has 0); papr = absmax / rms; p99 = exact 99th percentile of |x|, linear
 * interpolation. NaN where a number does not exist (no finite element, zero variance).
 * Ownership: plain value. Threads: none needed. */
#ifndef QSCOPE_ANALYSIS_FACTS_H
#define QSCOPE_ANALYSIS_FACTS_H

#include "data/tensor.h"
#include "quant/base/pool.h"
#include "quant/base/status.h"
#include "quant/digest.h"
#include "quant/feed.h"

#include <stdint.h>

struct facts {
  uint64_t count, finite, nan, inf, zeros;
  double min, max, absmax, mean, std, kurtosis, rms, papr, p99;
};

enum status facts_compute(const struct feed *feed, struct progress *progress, struct facts *out,
                          struct error *error);

/* The same of a tensor that is known by its digest. */
void facts_from_digest(const struct digest *digest, struct facts *out);

/* A tensor and what is known of it. */
struct described {
  const struct tensor *tensor;
  struct facts facts;
  struct digest *digest; /* NULL where it has none */
};

/* Facts of TENSOR, which must be loaded, by way of its digest where it can have one: *digest is it
 * (the caller frees it), else NULL. STATUS_MEMORY, STATUS_CANCELLED. */
enum status facts_of_tensor(const struct tensor *tensor, struct progress *progress,
                            struct facts *out, struct digest **digest, struct error *error);

#endif
