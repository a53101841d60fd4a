#include "analysis/stats.h"

#include "analysis/result.h"

#include <math.h>

size_t stats_unpacks(const struct source *source, size_t index)
{
  const struct tensor *tensor = source_tensor(source, index);
  if (!tensor->derived)
    return tensor_is_loaded(tensor) ? 0 : tensor->bytes;
  size_t bytes = 0;
  for (unsigned i = 0; i < tensor->derived->parts; i++) {
    const struct tensor *part = source_tensor(source, tensor->derived->part[i].index);
    bytes += tensor_is_loaded(part) ? 0 : part->bytes;
  }
  return bytes;
}

static void keep(const struct result *result, double value[STAT_COUNT])
{
  value[STAT_ABSMAX] = result->facts.absmax;
  value[STAT_STD] = result->facts.std;
  value[STAT_KURTOSIS] = result->facts.kurtosis;
  value[STAT_OUTLIER] = result->channels.count > 1
                            ? result->channels.channel[result->channels.by_ratio[0]].ratio
                            : (double)NAN;
  value[STAT_SQNR] = result->metrics.sqnr_db;
  value[STAT_CLIP] = result->metrics.clip_rate;
}

/* A quantizer may not apply to a tensor (an axis or groups that it has not), and an axis may not
 * exist: then what needs no quantizer is still known. */
static enum status measure(const struct tensor *tensor, const struct quantizer *quantizer, int axis,
                           const struct known *known, struct progress *progress,
                           double value[STAT_COUNT], struct error *error)
{
  struct quantizer plain;
  struct result *result;
  struct result_request request = {.axis = axis,
                                   .lo = (double)NAN,
                                   .hi = (double)NAN,
                                   .facts = &known->facts,
                                   .digest = known->digest,
                                   .errors_only = true};
  enum status status = result_compute(tensor, quantizer, &request, progress, &result, error);
  bool applies = status == STATUS_OK;
  if (status == STATUS_USAGE || status == STATUS_INPUT) {
    request.axis = 0;
    status = quantizer_parse("int8", &plain, error);
    if (status == STATUS_OK)
      status = result_compute(tensor, &plain, &request, progress, &result, error);
  }
  if (status != STATUS_OK)
    return status;
  keep(result, value);
  if (!applies)
    value[STAT_SQNR] = value[STAT_CLIP] = (double)NAN;
  result_free(result);
  return STATUS_OK;
}

enum status stats_compute(struct source *source, size_t index, const struct quantizer *quantizer,
                          int axis, struct known *known, struct progress *progress,
                          double value[STAT_COUNT], struct error *error)
{
  const struct tensor *tensor = source_tensor(source, index);
  enum status status = source_load(source, index, progress, error);
  if (status == STATUS_OK && known->facts.count == 0)
    status = facts_of_tensor(tensor, progress, &known->facts, &known->digest, error);
  if (status == STATUS_OK)
    status = measure(tensor, quantizer, axis, known, progress, value, error);
  if (status == STATUS_OK)
    status = source_verify(source, error);
  return status;
}
