/* Ranges made of extremes: absmax; clip=R, a share of minmax; and those that go from batch to
 * batch.
 *
 * ema=M, in float32: the first batch as is, then old + M * (new - old), as PyTorch's
 * MovingAverageMinMaxObserver computes it (pytorch/pytorch: torch/ao/quantization/observer.py) and,
 * up to the last bit, llm-compressor's observers and ONNX Runtime's moving average from call to
 * call; with magnitude=1 it is the largest magnitude of each batch that is averaged, as ONNX
 * Runtime does when it calibrates symmetrically. sample-mean, in double: the mean of the batches'
 * extremes (NNCF for activations; ONNX Runtime's moving average within one call). */
#include "quant/calibrators.h"

#include <float.h>
#include <math.h>

enum status absmax_choose(const struct calibration *calibration, const struct sample *sample,
                          struct choice *choice, struct error *error)
{
  (void)calibration;
  (void)error;
  double most = (double)sample_absmax(sample);
  *choice = (struct choice){.lo = -most, .hi = most};
  return STATUS_OK;
}

enum status clip_choose(const struct calibration *calibration, const struct sample *sample,
                        struct choice *choice, struct error *error)
{
  (void)error;
  double share = calibration->parameter;
  *choice = (struct choice){.lo = fmax(share * (double)sample->min, (double)-FLT_MAX),
                            .hi = fmin(share * (double)sample->max, (double)FLT_MAX)};
  return STATUS_OK;
}

/* The extremes of batch I. */
static void batch_ends(const struct calibration *calibration, const struct sample *sample, size_t i,
                       float ends[2])
{
  const struct sample *batch = sample_batch(sample, i);
  bool magnitude = calibration->option[0] != 0;
  ends[1] = magnitude ? sample_absmax(batch) : batch->max;
  ends[0] = magnitude ? -ends[1] : batch->min;
}

/* The difference of two float32 may be none. */
static float move(float old, float next, float weight)
{
  float moved = old + weight * (next - old);
  return isfinite(moved) ? moved
                         : (float)((double)old + (double)weight * ((double)next - (double)old));
}

enum status ema_choose(const struct calibration *calibration, const struct sample *sample,
                       struct choice *choice, struct error *error)
{
  (void)error;
  float weight = (float)calibration->parameter, lo_hi[2], next[2];
  batch_ends(calibration, sample, 0, lo_hi);
  for (size_t i = 1; i < sample_batches(sample); i++) {
    batch_ends(calibration, sample, i, next);
    for (int end = 0; end < 2; end++)
      lo_hi[end] = move(lo_hi[end], next[end], weight);
  }
  *choice = (struct choice){.lo = (double)lo_hi[0], .hi = (double)lo_hi[1]};
  return STATUS_OK;
}

enum status sample_mean_choose(const struct calibration *calibration, const struct sample *sample,
                               struct choice *choice, struct error *error)
{
  (void)calibration;
  (void)error;
  size_t batches = sample_batches(sample);
  double lo = 0, hi = 0;
  for (size_t i = 0; i < batches; i++) {
    lo += (double)sample_batch(sample, i)->min;
    hi += (double)sample_batch(sample, i)->max;
  }
  *choice = (struct choice){.lo = lo / (double)batches, .hi = hi / (double)batches};
  return STATUS_OK;
}
