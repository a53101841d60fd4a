/* Drift: what a calibrated quantizer costs on the data it was calibrated on, to hold against what
 * it costs on the data that came later.
 *
 * Ownership: plain value. Threads: drift_measure may run on any thread and is itself parallel. */
#ifndef QSCOPE_ANALYSIS_DRIFT_H
#define QSCOPE_ANALYSIS_DRIFT_H

#include "analysis/result.h"

/* Over all tensors of the calibration data together, as metrics.h defines each number. */
struct drift {
  uint64_t finite;
  double min, max; /* NaN when nothing is finite */
  double mse, sqnr_db, max_abs_error;
  double clip_rate; /* share of the values beyond the calibrated range */
};

/* Measures QUANTIZER on the COUNT tensors of DATA (loaded), which CALIBRATED is made of. The ranges
 * of a dynamic quantizer are made from each of them. STATUS_USAGE, STATUS_CANCELLED,
 * STATUS_MEMORY. */
enum status drift_measure(const struct described *data, size_t count,
                          const struct quantizer *quantizer, const struct calibrated *calibrated,
                          struct progress *progress, struct drift *out, struct error *error);

#endif
