#include "quant/aimet_histogram.h"

#include "quant/base/size.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const float LEAST_RANGE = 0.01F;

static void count_block(void *state, const float *x, const uint64_t *counts, size_t n,
                        const void *context)
{
  const struct aimet_histogram *histogram = context;
  uint64_t *bins = state;
  float shift = histogram->start / histogram->width;
  for (size_t i = 0; i < n; i++) {
    /* Half away from zero, in double as the original's round. */
    double bin = round((double)(x[i] / histogram->width - shift));
    if (bin >= 0 && bin < (double)histogram->bins)
      bins[(size_t)bin] += counts ? counts[i] : 1;
  }
}

static void merge(void *into, const void *from, const void *context)
{
  const struct aimet_histogram *histogram = context;
  uint64_t *sum = into;
  const uint64_t *bins = from;
  for (size_t i = 0; i < histogram->bins; i++)
    sum[i] += bins[i];
}

/* Lays the bins over three times the range of BATCH; false when float32 cannot tell them apart. */
static bool lay_bins(struct aimet_histogram *histogram, const struct sample *batch)
{
  float lo = batch->min, hi = batch->max;
  if (lo == hi)
    hi = fmaxf(hi, lo + LEAST_RANGE);
  float middle = (hi + lo) / 2;
  lo = middle - 3 * (middle - lo);
  hi = middle + 3 * (hi - middle);
  float width = (hi - lo) / (float)histogram->bins;
  for (size_t i = 0; i < histogram->bins; i++)
    histogram->left[i] = fmaf((float)i, width, lo);
  histogram->start = lo;
  histogram->width = width;
  return histogram->width > 0 && isfinite(histogram->start / histogram->width) &&
         isfinite(histogram->left[histogram->bins - 1]);
}

static void average(struct aimet_histogram *histogram, const uint64_t *counts, size_t values,
                    double batches)
{
  for (size_t i = 0; i < histogram->bins; i++)
    histogram->share[i] =
        (histogram->share[i] * batches + (double)counts[i] / (double)values) / (batches + 1);
}

enum status aimet_histogram_make(const struct sample *sample, size_t bins,
                                 struct aimet_histogram *out, struct error *error)
{
  uint64_t *counts = mem_array(bins, sizeof *counts);
  struct visitor visitor = {
      .state_size = bins * sizeof *counts, .block = count_block, .merge = merge, .context = out};
  enum status status = counts ? STATUS_OK : STATUS_MEMORY;
  double averaged = 0;
  bool usable = true;
  memset(out, 0, sizeof *out);
  out->bins = bins;
  for (size_t i = 0; i < sample_batches(sample) && status == STATUS_OK && usable; i++) {
    const struct sample *batch = sample_batch(sample, i);
    if (batch->finite == 0 || (averaged == 0 && sample_absmax(batch) == 0))
      continue; /* zeros do not begin a histogram */
    usable = averaged > 0 || lay_bins(out, batch);
    if (usable && (status = sample_visit(batch, &visitor, counts)) == STATUS_OK)
      average(out, counts, batch->finite, averaged++);
  }
  if (!usable || averaged == 0)
    out->bins = 0;
  free(counts);
  if (status == STATUS_MEMORY)
    return error_memory(error, "the histogram of an AIMET calibrator");
  return status == STATUS_OK ? status : error_set(error, status, "cancelled");
}

void aimet_histogram_range(const struct aimet_histogram *histogram, float *lo, float *hi)
{
  size_t first = 0, last = histogram->bins - 1;
  while (first < histogram->bins - 1 && histogram->share[first] <= 0)
    first++;
  while (last > 0 && histogram->share[last] <= 0)
    last--;
  *lo = fminf(histogram->left[first], 0);
  *hi = fmaxf(fmaxf(histogram->left[last], 0), *lo + LEAST_RANGE);
}

double aimet_steps(const struct calibration *calibration)
{
  return exp2(calibration->format->bits) - 1 -
         (!calibration->asymmetric && calibration->narrow ? 1 : 0);
}

bool aimet_symmetric(const struct calibration *calibration, double lo)
{
  return !calibration->asymmetric && (lo < 0 || !calibration->unsigned_codes);
}

struct aimet_encoding aimet_encode(const struct calibration *calibration, double lo, double hi)
{
  double steps = aimet_steps(calibration);
  if (aimet_symmetric(calibration, lo))
    return (struct aimet_encoding){fmax(fabs(lo), fabs(hi)) / floor(steps / 2), -ceil(steps / 2),
                                   steps};
  double delta = (hi - lo) / steps;
  return (struct aimet_encoding){delta, -fmin(fmax(round(-lo / delta), 0), steps), steps};
}
