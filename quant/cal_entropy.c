/* entropy and nvidia-entropy: NVIDIA's threshold rule. The bins of |x| are cut after the i-th, i =
 * start-bin, start-bin + stride ... The reference distribution is the kept bins with all that was
 * cut off added to the last; the candidate is the kept bins merged into the quantized bins and
 * spread evenly over the non-empty ones, without what was cut off. The last i with the least
 * Kullback-Leibler divergence wins, and the threshold is the upper edge of its last bin.
 *
 * As in the original: the first bin takes the count of the second, an empty last bin makes a
 * divergence infinite, and when at least the first start-bin bins are empty the divergence is not a
 * number and that wins, so that the threshold is the lower edge of the first value's bin (data
 * far from zero are badly served; see minmax and mse). Unlike the original, counts beyond 2^24
 * are exact.
 *
 * Quantized bins: 2^(b-1), as for int8. Asymmetric with all values on one side of zero: 2^b, as
 * the original's unsigned integers. Asymmetric with values on both sides: the threshold of |x| with
 * 2^(b-1) bins on both sides, no further than the values reach. */
#include "quant/calibrators.h"
#include "quant/nvidia.h"

#include "quant/base/size.h"

#include <math.h>
#include <stdlib.h>

enum { LOGARITHMS = 4096 };

/* --- divergence ---------------------------------------------------------------------- */

/* Sums before bin i, so that the mass of any run of bins is one difference. */
struct sums {
  const uint64_t *count;
  size_t bins;
  uint64_t *mass;
  size_t *filled;               /* non-empty bins */
  double *information;          /* of count * log count */
  double logarithm[LOGARITHMS]; /* of small counts */
};

static double logarithm(const struct sums *sums, uint64_t count)
{
  return count < LOGARITHMS ? sums->logarithm[count] : log((double)count);
}

static void sums_free(struct sums *sums)
{
  free(sums->mass);
  free(sums->filled);
  free(sums->information);
}

static enum status sums_make(struct sums *sums, const struct batch_histogram *histogram)
{
  uint64_t total = 0;
  size_t bins = histogram->bins;
  sums->count = histogram->count;
  sums->bins = bins;
  sums->mass = mem_array(bins + 1, sizeof *sums->mass);
  sums->filled = mem_array(bins + 1, sizeof *sums->filled);
  sums->information = mem_array(bins + 1, sizeof *sums->information);
  if (!sums->mass || !sums->filled || !sums->information)
    return STATUS_MEMORY;
  for (size_t i = 0; i < bins; i++)
    total += sums->count[i];
  /* Only as many as can be asked for: small units are many. Nothing counts as nothing. */
  sums->logarithm[0] = 0;
  for (size_t i = 1; i < LOGARITHMS && i <= size_max(total, bins); i++)
    sums->logarithm[i] = log((double)i);
  sums->mass[0] = 0;
  sums->filled[0] = 0;
  sums->information[0] = 0;
  for (size_t i = 0; i < bins; i++) {
    uint64_t count = sums->count[i];
    sums->mass[i + 1] = sums->mass[i] + count;
    sums->filled[i + 1] = sums->filled[i] + (count > 0);
    sums->information[i + 1] =
        sums->information[i] + (count ? (double)count * logarithm(sums, count) : 0);
  }
  return STATUS_OK;
}

/* Divergence of keeping KEPT bins, of which the last is not empty, as LEVELS quantized bins. With
 * N the total mass, S the kept mass and T = N - S:
 * sum p log(p / q), p = n / N (the last bin: (n + T) / N), q = (mass of its quantized bin) /
 * (non-empty bins in it) / S. Quantized bin k begins at the first bin not below k * kept / levels.
 */
static double divergence(const struct sums *sums, size_t kept, size_t levels)
{
  uint64_t total = sums->mass[sums->bins], inside = sums->mass[kept], outside = total - inside;
  uint64_t last = sums->count[kept - 1] + outside;
  double own = sums->information[kept - 1] + (double)last * logarithm(sums, last);
  double cross = 0, spread = 0, step = (double)kept / (double)levels;
  for (size_t level = 1, start = 0; start < kept; level++) {
    double border = (double)level * step;
    size_t end = level < levels ? (size_t)border : kept;
    end = levels >= kept ? level : end + ((double)end < border && end < kept);
    uint64_t mass = sums->mass[end] - sums->mass[start];
    spread = logarithm(sums, mass) - logarithm(sums, sums->filled[end] - sums->filled[start]);
    cross += (double)mass * spread;
    start = end;
  }
  cross += (double)outside * spread;
  return (own - cross) / (double)total + log((double)inside / (double)total);
}

/* Number of bins to keep. */
static size_t best_cut(const struct sums *sums, size_t levels, size_t first, size_t stride,
                       bool *at_end)
{
  double least = HUGE_VAL;
  size_t best = sums->bins, kept;
  *at_end = false;
  if (first > sums->bins)
    return best;
  if (sums->mass[first] == 0) { /* not a number wins: the last such candidate */
    for (best = first; best + stride <= sums->bins && sums->mass[best + stride] == 0;)
      best += stride;
    return best;
  }
  if (levels >= sums->bins) /* nothing is merged: keeping everything costs nothing */
    return best;
  for (kept = first; kept <= sums->bins; kept += stride) {
    double cost = sums->count[kept - 1] ? divergence(sums, kept, levels) : HUGE_VAL;
    if (cost <= least) {
      least = cost;
      best = kept;
    }
  }
  *at_end = best == first || best == kept - stride;
  return best;
}

enum status entropy_choose(const struct calibration *calibration, const struct sample *sample,
                           struct choice *choice, struct error *error)
{
  struct batch_histogram histogram;
  struct sums sums = {.mass = NULL};
  enum status status = nvidia_histogram(&histogram, calibration, sample, error);
  if (status != STATUS_OK)
    return status;
  bool at_end = false, one_sided = nvidia_one_sided(calibration, sample);
  size_t levels = (size_t)nvidia_option(calibration, NVIDIA_LEVELS,
                                        ldexp(1, calibration->format->bits - !one_sided));
  histogram.count[0] = histogram.count[1];
  status = sums_make(&sums, &histogram);
  if (status == STATUS_OK) {
    size_t cut = best_cut(&sums, levels, (size_t)nvidia_option(calibration, NVIDIA_START, 128),
                          (size_t)nvidia_option(calibration, NVIDIA_STRIDE, 1), &at_end);
    nvidia_range(calibration, sample, histogram.edge[cut], choice);
    choice->at_end = at_end;
  } else {
    error_memory(error, "the sums of the entropy calibrator");
  }
  sums_free(&sums);
  batch_histogram_free(&histogram);
  return status;
}
