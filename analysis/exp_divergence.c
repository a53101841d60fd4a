/* Divergence as a threshold rule when nobody cares for the zeros: NVIDIA's rule written out a
 * second time, with and without its first line, in which the bin of the smallest values takes the
 * count of its neighbour. */
#include "analysis/experiments.h"
#include "analysis/metrics.h"
#include "analysis/result.h"

enum { BINS = 2048, LEVELS = 128 };

static double absmax_of(const struct measured *m)
{
  return fmax(fabs(m->result->facts.min), fabs(m->result->facts.max));
}

static void count_bins(const struct measured *m, double absmax, double count[BINS])
{
  for (size_t i = 0; i < BINS; i++)
    count[i] = 0;
  for (size_t i = 0; i < m->count; i++)
    count[(size_t)fmin(fabs((double)m->x[i]) / absmax * BINS, BINS - 1)]++;
}

/* The kept bins merged into levels, each spread over those of its bins that hold something. */
static void merge(const double *count, size_t kept, double *merged)
{
  for (size_t level = 0, start = 0; level < LEVELS; level++) {
    size_t end = level + 1 < LEVELS ? ((level + 1) * kept + LEVELS - 1) / LEVELS : kept, filled = 0;
    double mass = 0;
    for (size_t i = start; i < end; i++) {
      mass += count[i];
      filled += count[i] > 0;
    }
    for (size_t i = start; i < end; i++)
      merged[i] = count[i] > 0 ? mass / (double)filled : 0;
    start = end;
  }
}

/* Of what is kept, all that is cut off being added to the last bin, from what the levels make of
 * it.
 */
static double divergence(const double *count, size_t kept, double total)
{
  double merged[BINS], inside = 0, sum = 0;
  for (size_t i = 0; i < kept; i++)
    inside += count[i];
  merge(count, kept, merged);
  for (size_t i = 0; i < kept; i++) {
    double p = (count[i] + (i + 1 == kept ? total - inside : 0)) / total, q = merged[i] / inside;
    if (p > 0)
      sum += q > 0 ? p * log(p / q) : HUGE_VAL;
  }
  return sum;
}

static double threshold_of(const struct measured *m, bool cares)
{
  double count[BINS], absmax = absmax_of(m), total = 0, least = HUGE_VAL;
  size_t best = BINS;
  count_bins(m, absmax, count);
  if (cares)
    count[0] = count[1];
  for (size_t i = 0; i < BINS; i++)
    total += count[i];
  for (size_t kept = LEVELS; kept <= BINS; kept++) {
    double cost = divergence(count, kept, total);
    if (cost <= least) {
      least = cost;
      best = kept;
    }
  }
  return absmax * (double)best / BINS;
}

/* int8 that ends at THRESHOLD. */
static double sqnr_of(const struct measured *m, double threshold)
{
  double step = threshold / 127, signal = 0, error = 0;
  for (size_t i = 0; i < m->count; i++) {
    double x = (double)m->x[i], d = step * fmin(fmax(rint(x / step), -128), 127) - x;
    signal += x * x;
    error += d * d;
  }
  return sqnr_db(signal, error);
}

double exp_divergence(const struct measured *m)
{
  return sqnr_of(m, threshold_of(m, m->parameter > 0));
}

/* A rule that is often written down and looks like the one above: a histogram of the signed values,
 * of which thresholds in the uppermost tenth are tried; what is kept is compared with the histogram
 * itself, neither merged into levels nor given what is cut off. What is kept of a whole diverges
 * from it by the logarithm of its share, which only falls as more is kept: the last threshold that
 * still gains an element wins, and what lies below zero has no say. */
static double threshold_as_written(const struct measured *m)
{
  const double lo = m->result->facts.min, hi = m->result->facts.max, width = (hi - lo) / BINS;
  double count[BINS] = {0}, total = 0, kept = 0, least = HUGE_VAL;
  size_t best = BINS - 1;
  if (!(width > 0))
    return hi;
  for (size_t i = 0; i < m->count; i++)
    count[(size_t)fmin(((double)m->x[i] - lo) / width, BINS - 1)]++;
  for (size_t i = 0; i < BINS; i++)
    total += count[i];
  for (size_t bins = 1; bins < BINS; bins++) {
    kept += count[bins - 1];
    const double cost = kept > 0 ? log(total / kept) : HUGE_VAL;
    if (bins >= BINS - BINS / 10 && cost < least) {
      least = cost;
      best = bins;
    }
  }
  return lo + width * (double)best;
}

double exp_divergence_as_written(const struct measured *m)
{
  const double threshold = threshold_as_written(m);
  return m->parameter > 0 ? threshold / m->result->facts.max : sqnr_of(m, threshold);
}
