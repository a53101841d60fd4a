#include "analysis/drift.h"

#include <math.h>

/* Sums that tensors add to. */
struct sums {
  double signal, error, clipped;
};

static void add(struct drift *drift, struct sums *sums, const struct result *result)
{
  const struct facts *facts = &result->facts;
  const struct metrics *metrics = &result->metrics;
  double n = (double)facts->finite;
  if (facts->finite == 0)
    return;
  drift->finite += facts->finite;
  drift->min = fmin(drift->min, facts->min);
  drift->max = fmax(drift->max, facts->max);
  drift->max_abs_error = fmax(drift->max_abs_error, metrics->max_abs_error);
  sums->signal += n * facts->rms * facts->rms;
  sums->error += n * metrics->mse;
  sums->clipped += n * metrics->clip_rate;
}

static enum status measure_one(const struct described *described, const struct quantizer *quantizer,
                               const struct calibrated *calibrated, struct progress *progress,
                               struct drift *drift, struct sums *sums, struct error *error)
{
  const struct result_request request = {.lo = (double)NAN,
                                         .hi = (double)NAN,
                                         .facts = &described->facts,
                                         .digest = described->digest,
                                         .calibrated = *calibrated,
                                         .errors_only = true};
  struct result *result;
  enum status status =
      result_compute(described->tensor, quantizer, &request, progress, &result, error);
  if (status != STATUS_OK)
    return status;
  add(drift, sums, result);
  result_free(result);
  return STATUS_OK;
}

enum status drift_measure(const struct described *data, size_t count,
                          const struct quantizer *quantizer, const struct calibrated *calibrated,
                          struct progress *progress, struct drift *out, struct error *error)
{
  struct drift drift = {.min = (double)NAN, .max = (double)NAN, .max_abs_error = (double)NAN};
  struct sums sums = {0};
  enum status status = STATUS_OK;
  for (size_t i = 0; i < count && status == STATUS_OK; i++)
    status = measure_one(&data[i], quantizer, calibrated, progress, &drift, &sums, error);
  if (status != STATUS_OK)
    return status;
  double n = (double)drift.finite; /* 0: all are NaN */
  drift.mse = sums.error / n;
  drift.clip_rate = sums.clipped / n;
  drift.sqnr_db = n > 0 ? sqnr_db(sums.signal, sums.error) : (double)NAN;
  *out = drift;
  return STATUS_OK;
}
