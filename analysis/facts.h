/* Facts: what can be said of a tensor before any quantizer is chosen.
 *
 * One pass (and three more for the percentile); from a digest none: then the sums run over its
 * values in ascending order, which changes the moments by some 1e-15 of themselves. A tensor that
 * can have a digest is always described by it, so that its facts are the same everywhere.
 * Definitions over the finite elements, N of them:
 * mean; std = sqrt(mean((x - mean)^2)) (population); kurtosis = m4 / m2^2 - 3 (excess; a
 * Gaussian has 0); papr = absmax / rms; p99 = exact 99th percentile of |x|, linear
 * interpolation. denormals: of the type that is stored, whatever they become as float32 (of float32
 * where it has none of its own: integers, blocks, float64). NaN where a number does not exist (no
 * finite element, zero variance). Ownership: plain value. Threads: none needed. */
#ifndef QSCOPE_ANALYSIS_FACTS_H
#define QSCOPE_ANALYSIS_FACTS_H

#include "data/tensor.h"
#include "quant/base/pool.h"
#include "quant/base/status.h"
#include "quant/digest.h"
#include "quant/feed.h"

#include <stdint.h>

struct facts {
  uint64_t count, finite, nan, inf, zeros, denormals;
  double min, max, absmax, mean, std, kurtosis, rms, papr, p99;
};

/* Of FEED, whose type has this LEAST_NORMAL number. */
enum status facts_compute(const struct feed *feed, float least_normal, struct progress *progress,
                          struct facts *out, struct error *error);

/* The same of a tensor that is known by its digest, with the LEAST_NORMAL number of its type. */
void facts_from_digest(const struct digest *digest, float least_normal, struct facts *out);

/* The extremes that FACTS tell. */
struct extremes facts_extremes(const struct facts *facts);

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
