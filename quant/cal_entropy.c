/* entropy: NVIDIA's threshold rule. The 2048 bins of |x| over 0..absmax are cut after the i-th,
 * i = 128..2048. The reference distribution is the kept bins with all that was cut off added to
 * the last; the candidate is the kept bins merged into the quantized bins and spread evenly over
 * the non-empty ones, without what was cut off. The last i with the least Kullback-Leibler
 * divergence wins, and the threshold is the upper edge of its last bin.
 *
 * As in the original: the first bin takes the count of the second, an empty last bin makes a
 * divergence infinite, and when at least the first 128 bins are empty the divergence is not a
 * number and that wins, so that the threshold is the lower edge of the first value's bin (data
 * far from zero are badly served; see minmax and mse). Unlike the original, counts beyond 2^24
 * are exact.
 *
 * Quantized bins: 2^(b-1), as for int8. Asymmetric with all values on one side of zero: 2^b, as
 * the original's unsigned integers. Asymmetric with values on both sides: the threshold of |x| with
 * 2^(b-1) bins on both sides, no further than the values reach. */
#include "quant/calibrators.h"

#include <math.h>
#include <string.h>

enum { BINS = 2048, FIRST_CANDIDATE = 128, LOGARITHMS = 4096 };

struct histogram {
  uint64_t bins[BINS];
};

/* --- counting ------------------------------------------------------------------------ */

static void count_block(void *state, const float *x, const uint64_t *counts, size_t n,
                        const void *context)
{
  struct histogram *histogram = state;
  float absmax = *(const float *)context;
  for (size_t i = 0; i < n; i++) {
    /* The order of the operations decides which bin a value on an edge falls into. */
    int bin = (int)(fabsf(x[i]) / absmax * (float)BINS);
    histogram->bins[bin < BINS ? bin : BINS - 1] += counts ? counts[i] : 1;
  }
}

static void merge(void *into, const void *from, const void *context)
{
  (void)context;
  struct histogram *sum = into;
  const struct histogram *histogram = from;
  for (size_t i = 0; i < BINS; i++)
    sum->bins[i] += histogram->bins[i];
}

/* --- divergence ---------------------------------------------------------------------- */

/* Sums before bin i, so that the mass of any run of bins is one difference. */
struct sums {
  const uint64_t *bins;
  uint64_t mass[BINS + 1];
  unsigned filled[BINS + 1];    /* non-empty bins */
  double information[BINS + 1]; /* of count * log count */
  double logarithm[LOGARITHMS]; /* of small counts */
};

static double logarithm(const struct sums *sums, uint64_t count)
{
  return count < LOGARITHMS ? sums->logarithm[count] : log((double)count);
}

static void sums_make(struct sums *sums, const uint64_t *bins)
{
  uint64_t total = 0;
  sums->bins = bins;
  for (size_t i = 0; i < BINS; i++)
    total += bins[i];
  /* Only as many as can be asked for: small units are many. Nothing counts as nothing. */
  sums->logarithm[0] = 0;
  for (size_t i = 1; i < LOGARITHMS && i <= total; i++)
    sums->logarithm[i] = log((double)i);
  sums->mass[0] = 0;
  sums->filled[0] = 0;
  sums->information[0] = 0;
  for (size_t i = 0; i < BINS; i++) {
    sums->mass[i + 1] = sums->mass[i] + bins[i];
    sums->filled[i + 1] = sums->filled[i] + (bins[i] > 0);
    sums->information[i + 1] =
        sums->information[i] + (bins[i] ? (double)bins[i] * logarithm(sums, bins[i]) : 0);
  }
}

/* Divergence of keeping KEPT bins, of which the last is not empty, as LEVELS quantized bins. With
 * N the total mass, S the kept mass and T = N - S:
 * sum p log(p / q), p = n / N (the last bin: (n + T) / N), q = (mass of its quantized bin) /
 * (non-empty bins in it) / S. */
static double divergence(const struct sums *sums, size_t kept, unsigned level_bits)
{
  uint64_t total = sums->mass[BINS], inside = sums->mass[kept], outside = total - inside;
  uint64_t last = sums->bins[kept - 1] + outside;
  double own = sums->information[kept - 1] + (double)last * logarithm(sums, last);
  double cross = 0, spread = 0;
  size_t levels = (size_t)1 << level_bits, round_up = levels - 1;
  bool merged = levels < kept;
  for (size_t level = 1, start = 0; start < kept; level++) {
    size_t end = merged ? (level * kept + round_up) >> level_bits : level;
    uint64_t mass = sums->mass[end] - sums->mass[start];
    spread = logarithm(sums, mass) - logarithm(sums, sums->filled[end] - sums->filled[start]);
    cross += (double)mass * spread;
    start = end;
  }
  cross += (double)outside * spread;
  return (own - cross) / (double)total + log((double)inside / (double)total);
}

/* Number of bins to keep. */
static size_t best_cut(const uint64_t *bins, unsigned level_bits)
{
  struct sums sums;
  double least = HUGE_VAL;
  size_t best = BINS;
  sums_make(&sums, bins);
  if (sums.mass[FIRST_CANDIDATE] == 0) { /* not a number wins: the last such candidate */
    for (best = FIRST_CANDIDATE; bins[best] == 0;)
      best++;
    return best;
  }
  if (1 << level_bits >= BINS) /* nothing is merged: keeping everything costs nothing */
    return BINS;
  for (size_t kept = FIRST_CANDIDATE; kept <= BINS; kept++) {
    double cost = bins[kept - 1] ? divergence(&sums, kept, level_bits) : HUGE_VAL;
    if (cost <= least) {
      least = cost;
      best = kept;
    }
  }
  return best;
}

/* The lower edge of bin CUT as the original has it: torch.linspace in float32 works on vectors of
 * eight, whose first element and whose offsets are rounded apart. */
static float edge(float absmax, size_t cut)
{
  float step = absmax / (float)BINS;
  return step * (float)(cut / 8 * 8) + step * (float)(cut % 8);
}

enum status entropy_choose(const struct calibration *calibration, const struct sample *sample,
                           struct choice *choice, struct error *error)
{
  float absmax = sample_absmax(sample);
  struct histogram histogram;
  struct visitor visitor = {
      .state_size = sizeof histogram, .block = count_block, .merge = merge, .context = &absmax};
  enum status status = sample_visit(sample, &visitor, &histogram);
  if (status == STATUS_MEMORY)
    return error_memory(error, "the histogram of the entropy calibrator");
  if (status != STATUS_OK)
    return error_set(error, status, "cancelled");
  bool one_sided = calibration->asymmetric && (sample->min >= 0 || sample->max <= 0);
  unsigned level_bits = (unsigned)(calibration->format->bits - !one_sided);
  histogram.bins[0] = histogram.bins[1];
  double threshold = (double)edge(absmax, best_cut(histogram.bins, level_bits));
  *choice = (struct choice){.lo = -threshold, .hi = threshold};
  if (calibration->asymmetric) {
    choice->lo = fmax(choice->lo, fmin((double)sample->min, 0));
    choice->hi = fmin(choice->hi, fmax((double)sample->max, 0));
  }
  return STATUS_OK;
}
