/* How a result is measured: the passes that result_compute is made of. Inside analysis/ only.
 *
 * Ownership: a measure borrows; what the functions allocate goes into the result. Threads: each
 * function is itself parallel. */
#ifndef QSCOPE_ANALYSIS_MEASURE_H
#define QSCOPE_ANALYSIS_MEASURE_H

#include "analysis/counted.h"
#include "analysis/pass.h"
#include "analysis/result.h"

struct measure {
  const struct feed *feed;
  const struct fit *fit;
  struct fit *own;               /* the same, if its scales may wait for measure_metrics */
  struct grain channels;         /* of kind GRAIN_CHANNEL, or GRAIN_TENSOR: one channel */
  const struct counted *counted; /* answers in place of the tensor; NULL: passes are made */
  struct progress *progress;
  float least, most;    /* of the finite reconstructions: measure_metrics finds them */
  struct ranges ranges; /* of a fit on demand: the same */
  bool codes_known;     /* the one unit's codes were counted on the way: */
  uint64_t code_count[CODES_COUNTED];
  bool errors_only; /* of measure_metrics: see result_request */
  bool restored;    /* the metrics are not the last word: restore_errors follows */
};

/* The tally, the codes and the extremes of the reconstruction, into result->metrics. Needs
 * result->facts. Where it takes a pass, the pass fills result->channels on the way. */
enum status measure_metrics(struct measure *measure, struct result *result, struct error *error);

/* A pass for result->channels and the channel metrics alone. */
enum status measure_channels(struct measure *measure, struct result *result, struct error *error);

/* The histograms and the error curve of REQUEST: one pass more (none where counted, nor without the
 * errors where the values are known and the codes are), because the range of the error has to be
 * known; its `news` is called before that pass. STATUS_USAGE when the range asked for is empty. */
enum status measure_histograms(const struct measure *measure, const struct result_request *request,
                               struct result *result, struct error *error);

/* Relative errors and KL divergence. */
enum status measure_details(const struct measure *measure, struct result *result,
                            struct error *error);

/* Fills CHANNELS (count entries allocated, absmax..finite known) with what needs all of them:
 * median, ratios, order; and the channel metrics. False when memory runs out. */
bool channels_finish(struct channels *channels, struct metrics *metrics);

/* The channel metrics alone, of errors that have changed. */
bool channels_errors(struct channels *channels, struct metrics *metrics);

/* Of TENSOR, which is the z of a transform: measures RESULT, which knows everything about z, in the
 * domain of the original. From the errors there follow mse, rmse, sqnr_db, max_abs_error,
 * mean_error, overflow_rate, rounding_mse, clipping_mse, bulk_sqnr_db, zero_rate, cosine and the
 * mse and sqnr_db of the channels; bits_per_element counts what the transform stores. All else
 * (facts, codes, clip and rail rate, relative errors, histograms) stays of the values that are
 * quantized. */
enum status restore_errors(const struct measure *measure, const struct tensor *tensor,
                           struct result *result, struct error *error);

/* The largest float32 at or below LIMIT; below every magnitude when LIMIT is not a number. */
float float_at_or_below(double limit);

#endif
