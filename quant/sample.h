/* The values of one unit, as a calibrator sees them.
 *
 * Small units are gathered into memory, finite values only. A large unit (a whole tensor) stays
 * where it is and is visited block by block, in parallel, as often as the calibrator wants; or a
 * digest of it (quant/digest.h) stands for it: its distinct values, each with its count.
 * Ownership: a sample borrows everything. Threads: immutable. */
#ifndef QSCOPE_QUANT_SAMPLE_H
#define QSCOPE_QUANT_SAMPLE_H

#include "quant/base/pool.h"
#include "quant/base/status.h"
#include "quant/feed.h"
#include "quant/grain.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sample {
  size_t finite;             /* number of finite values */
  float min, max;            /* of the finite values */
  const float *values;       /* all finite values, when gathered or counted; else NULL and: */
  const uint64_t *counts;    /* of a digest: how often each of the VALUES occurs; else NULL */
  size_t distinct;           /* of a digest: entries of VALUES (ascending) and COUNTS */
  const struct feed *feed;   /* the tensor ... */
  const struct grain *grain; /* ... and which of its elements belong here */
  size_t unit;
  struct progress *progress; /* for cancelling; may be NULL */
  /* Values that came in batches: this sample is the union of BATCHES samples, in their order; each
   * has a finite value or more (empty ones were left out). VALUES of a union, when gathered, are
   * those of its batches one behind the other. 0: one batch. */
  const struct sample *batch;
  size_t batches;
};

/* Number of batches (1 or more), and batch I of them (the sample itself when there is one). */
size_t sample_batches(const struct sample *sample);
const struct sample *sample_batch(const struct sample *sample, size_t i);

/* Largest magnitude. */
float sample_absmax(const struct sample *sample);

/* How sample_visit collects: one state for each of at most 32 stretches of the unit, whose borders
 * depend on its size alone, merged in order, so that the outcome does not depend on the number
 * of threads. */
struct visitor {
  size_t state_size; /* bytes; states start zeroed */
  /* N finite values, at most FEED_BLOCK (non-finite ones are filtered out before), and how often
   * each occurs; COUNTS is NULL when each occurs once. */
  void (*block)(void *state, const float *x, const uint64_t *counts, size_t n, const void *context);
  /* Adds FROM, which covers later elements, to INTO. */
  void (*merge)(void *into, const void *from, const void *context);
  const void *context;
};

/* Visits all values; the merged state is written to RESULT (state_size bytes, zeroed first).
 * STATUS_MEMORY, STATUS_CANCELLED. */
enum status sample_visit(const struct sample *sample, const struct visitor *visitor, void *result);

/* The values of COUNT (at most 16) ranks, 0..finite-1 in ascending order; of |x| when MAGNITUDE.
 * Works in three visits (radix selection on the bits of the floats), never sorts or copies a large
 * sample. STATUS_MEMORY, STATUS_CANCELLED. */
enum status sample_ranks(const struct sample *sample, bool magnitude, const uint64_t *ranks,
                         size_t count, float *out, struct error *error);

/* Exact order statistics with linear interpolation, as numpy.percentile computes by default:
 * position h = (n - 1) * p / 100, result x[floor h] + (h - floor h) * (x[floor h + 1] - x[floor h])
 * in double. PERCENTILES has COUNT entries (at most 8) in 0..100; of |x| when MAGNITUDE. */
enum status sample_percentiles(const struct sample *sample, bool magnitude,
                               const double *percentiles, size_t count, double *out,
                               struct error *error);

#endif
