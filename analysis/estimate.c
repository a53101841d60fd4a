/* Results from a digest on the high bits. */
#include "analysis/result.h"

#include <math.h>

bool result_can_estimate(const struct quantizer *quantizer, const struct result_request *request)
{
  return high_digest_can_measure(quantizer) && !request->calibrated.on &&
         !request->calibrated.batching.on;
}

static enum status bound(const struct high_digest *high, struct result *result, struct error *error)
{
  struct error_estimate sum;
  double n = (double)result->facts.finite;
  if (high_digest_error(high, result->fit, &sum) != STATUS_OK)
    return error_memory(error, "the levels of the quantizer");
  if (result->facts.finite > 0)
    metrics_set_mse(&result->metrics, result->facts.rms, sum.likely / n);
  bool known = high_digest_knows_scale(&result->quantizer) && result->facts.finite > 0;
  result->least_mse = known ? sum.least / n : (double)NAN;
  result->most_mse = known ? sum.most / n : (double)NAN;
  result->estimated = true;
  return STATUS_OK;
}

enum status result_estimate(const struct tensor *tensor, const struct quantizer *quantizer,
                            const struct result_request *request, const struct high_digest *high,
                            struct result **out, struct error *error)
{
  struct result_request at_once = *request;
  at_once.at_once = true;
  at_once.digest = high->means;
  struct result *result = NULL;
  enum status status = result_compute(tensor, quantizer, &at_once, NULL, &result, error);
  if (status == STATUS_OK)
    status = bound(high, result, error);
  if (status == STATUS_OK)
    *out = result;
  else
    result_free(result);
  return status;
}
