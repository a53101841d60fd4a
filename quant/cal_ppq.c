/* ppq-percentile=P: the values that stand at P and at 100 - P percent of the batch in ascending
 * order, nothing interpolated, each averaged over the batches in float32 (OpenPPL/ppq:
 * ppq/quantization/observer/range.py, where P is the share 0.9999). */
#include "quant/calibrators.h"

#include <math.h>

enum status ppq_percentile_choose(const struct calibration *calibration,
                                  const struct sample *sample, struct choice *choice,
                                  struct error *error)
{
  double share = calibration->parameter / 100;
  size_t batches = sample_batches(sample);
  double sum[2] = {0, 0};
  for (size_t i = 0; i < batches; i++) {
    const struct sample *batch = sample_batch(sample, i);
    double n = (double)batch->finite;
    uint64_t rank[2] = {(uint64_t)(n * (1 - share)), (uint64_t)fmin(n * share, n - 1)};
    float found[2];
    enum status status = sample_ranks(batch, false, rank, 2, found, error);
    if (status != STATUS_OK)
      return status;
    for (int end = 0; end < 2; end++)
      sum[end] += (double)found[end];
  }
  *choice = (struct choice){.lo = (double)(float)(sum[0] / (double)batches),
                            .hi = (double)(float)(sum[1] / (double)batches)};
  return STATUS_OK;
}
