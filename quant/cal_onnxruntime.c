/* ONNX Runtime's calibrators (microsoft/onnxruntime: tools/quantization/calibrate.py).
 *
 * onnxruntime-percentile: symmetric: the left edge of the first bin of |x|, over min|x|..max|x|, at
 * which the running share reaches P; asymmetric: half of 100 - P is cut on each side of a histogram
 * over -t..t. Both ends are then limited to the values' extremes, so that a symmetric range may
 * have two different ends.
 * onnxruntime-entropy: windows of 2 i + 1 bins around the middle of the signed histogram,
 * i = quantized-bins / 2 .. bins / 2. What lies outside goes to the window's end bins, of the
 * reference alone. The candidate merges window / quantized-bins bins into one (what is left over
 * joins the last but gets nothing back), spread over the whole of it, cut to whole numbers. Empty
 * bins of both count 1e-4, taken from the others. The first least divergence wins, the narrowest
 * window when all are infinite. The stock 128 and 128 bins leave one candidate: with one batch,
 * minmax.
 * distribution: the scale at which the codes, taken as equally frequent, spread as the values do.
 */
#include "quant/batch_histogram.h"
#include "quant/calibrators.h"
#include "quant/quantizer.h"

#include "quant/base/size.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* No further than the values reach. */
static void limited_range(const struct sample *sample, double lo, double hi, struct choice *choice)
{
  *choice = (struct choice){.lo = fmax((double)(float)lo, (double)sample->min),
                            .hi = fmin((double)(float)hi, (double)sample->max)};
}

enum { BINS, LEVELS, ROOTS = 1 };

enum status onnxruntime_percentile_choose(const struct calibration *calibration,
                                          const struct sample *sample, struct choice *choice,
                                          struct error *error)
{
  struct batch_histogram histogram;
  bool two_sided = calibration->asymmetric;
  double percentile = calibration->parameter, cut = (100 - percentile) / 200;
  enum status status =
      batch_histogram_make(&histogram, sample, two_sided ? HISTOGRAM_SIGNED : HISTOGRAM_MAGNITUDES,
                           (size_t)calibration->option[BINS], error);
  if (status != STATUS_OK)
    return status;
  double hi =
      histogram.edge[batch_histogram_reach(&histogram, two_sided ? 1 - cut : percentile / 100)];
  double lo = two_sided ? histogram.edge[batch_histogram_reach(&histogram, cut)] : -hi;
  limited_range(sample, lo, hi, choice);
  batch_histogram_free(&histogram);
  return STATUS_OK;
}

/* --- entropy ------------------------------------------------------------------------------ */

#define SMOOTHING 1e-4

/* Sums before bin i, and a window of bins whose ends take what lies outside. */
struct window {
  const struct batch_histogram *histogram;
  const uint64_t *mass;
  const size_t *filled;
  size_t levels, start, end;
  uint64_t left, right;
};

static uint64_t reference_count(const struct window *window, size_t bin)
{
  return window->histogram->count[bin] + (bin == window->start ? window->left : 0) +
         (bin + 1 == window->end ? window->right : 0);
}

/* Non-empty bins of the reference in START..END-1. */
static size_t nonempty(const struct window *window, size_t start, size_t end)
{
  const uint64_t *count = window->histogram->count;
  size_t filled = window->filled[end] - window->filled[start], last = window->end - 1;
  if (start == window->start && end > start && count[start] == 0 && window->left > 0)
    filled++;
  if (start <= last && last < end && count[last] == 0 && window->right > 0)
    filled++;
  return filled;
}

static double reference_mass(const struct window *window, size_t start, size_t end)
{
  uint64_t mass = window->mass[end] - window->mass[start];
  mass += start == window->start ? window->left : 0;
  mass += end == window->end ? window->right : 0;
  return (double)mass;
}

/* What smoothing takes from each of the other bins when EMPTY of COUNT are empty; infinite when
 * there is nothing to take from. */
static double smoothing(size_t empty, size_t count)
{
  double taken = SMOOTHING * (double)empty / (double)(count - empty);
  return taken < 1 ? taken : HUGE_VAL;
}

/* What each bin of quantized bin LEVEL gets, a whole number. */
static double candidate(const struct window *window, size_t level, size_t merged)
{
  size_t start = window->start + level * merged, end = start + merged;
  size_t filled = nonempty(window, start, end);
  size_t until = level + 1 == window->levels ? window->end : end;
  uint64_t mass = window->mass[until] - window->mass[start];
  return filled > 0 ? floor((double)mass / (double)filled) : 0;
}

/* Sum of p log p of the smoothed reference. */
static double information(const struct window *window, size_t empty, double taken)
{
  double sum = (double)empty * SMOOTHING * log(SMOOTHING);
  for (size_t i = window->start; i < window->end; i++) {
    uint64_t count = reference_count(window, i);
    if (count > 0)
      sum += ((double)count - taken) * log((double)count - taken);
  }
  return sum;
}

/* Divergence of the smoothed candidate from the smoothed reference, both made to sum to 1. */
static double divergence(const struct window *window)
{
  size_t size = window->end - window->start, merged = size / window->levels;
  size_t empty = size - nonempty(window, window->start, window->end);
  size_t rest = size - merged * window->levels, absent = rest;
  double taken = smoothing(empty, size), mass = reference_mass(window, window->start, window->end);
  double cross = 0, whole = 0;
  for (size_t level = 0; level < window->levels; level++)
    absent += candidate(window, level, merged) > 0 ? 0 : merged;
  double lost = smoothing(absent, size);
  if (isinf(taken) || isinf(lost))
    return HUGE_VAL;
  for (size_t level = 0; level <= window->levels; level++) {
    bool tail = level == window->levels; /* its candidate stays empty */
    size_t start = window->start + level * merged, end = tail ? window->end : start + merged;
    if (start == end)
      continue;
    size_t filled = nonempty(window, start, end);
    double q = tail ? 0 : candidate(window, level, merged);
    double p = reference_mass(window, start, end) - taken * (double)filled +
               SMOOTHING * (double)(end - start - filled);
    q = q > 0 ? q - lost : SMOOTHING;
    whole += q * (double)(end - start);
    cross += p * log(q);
  }
  mass += SMOOTHING * (double)empty - taken * (double)(size - empty);
  return (information(window, empty, taken) - cross) / mass + log(whole / mass);
}

static void set_window(struct window *window, size_t half)
{
  size_t bins = window->histogram->bins, middle = bins / 2;
  window->start = middle - half;
  window->end = size_min(middle + half + 1, bins);
  window->left = window->mass[window->start];
  window->right = window->mass[bins] - window->mass[window->end];
}

/* Half the width of the best window. */
static size_t best_half(struct window *window, bool *at_end)
{
  size_t first = window->levels / 2, last = window->histogram->bins / 2, best = first;
  double least = HUGE_VAL;
  for (size_t half = first; half <= last; half++) {
    set_window(window, half);
    double cost = divergence(window);
    if (cost < least) {
      least = cost;
      best = half;
    }
  }
  *at_end = best == first || best == last;
  return best;
}

static enum status cut_by_entropy(const struct batch_histogram *histogram, size_t levels,
                                  const struct sample *sample, struct choice *choice,
                                  struct error *error)
{
  size_t bins = histogram->bins;
  uint64_t *mass = mem_array(bins + 1, sizeof *mass);
  size_t *filled = mem_array(bins + 1, sizeof *filled);
  struct window window = {histogram, mass, filled, levels, 0, bins, 0, 0};
  bool at_end = false;
  if (!mass || !filled) {
    free(mass);
    free(filled);
    return error_memory(error, "the sums of the entropy calibrator");
  }
  mass[0] = 0;
  filled[0] = 0;
  for (size_t i = 0; i < bins; i++) {
    mass[i + 1] = mass[i] + histogram->count[i];
    filled[i + 1] = filled[i] + (histogram->count[i] > 0);
  }
  if (levels / 2 <= bins / 2) /* else there is no candidate: all is kept */
    set_window(&window, best_half(&window, &at_end));
  limited_range(sample, histogram->edge[window.start], histogram->edge[window.end], choice);
  choice->at_end = at_end;
  free(mass);
  free(filled);
  return STATUS_OK;
}

enum status onnxruntime_entropy_choose(const struct calibration *calibration,
                                       const struct sample *sample, struct choice *choice,
                                       struct error *error)
{
  struct batch_histogram histogram;
  enum status status = batch_histogram_make(&histogram, sample, HISTOGRAM_SIGNED,
                                            (size_t)calibration->option[BINS], error);
  if (status == STATUS_OK)
    status = cut_by_entropy(&histogram, (size_t)calibration->option[LEVELS], sample, choice, error);
  batch_histogram_free(&histogram);
  return status;
}

/* --- distribution ------------------------------------------------------------------------- */

/* Standard deviation of all finite codes, each counted once: both zeros are there. */
static double code_spread(const struct format *format)
{
  double sum = 0, squares = 0, count = 0;
  for (uint32_t code = 0; code < 1U << format->bits; code++) {
    double value = (double)format_decode(format, code);
    if (!isfinite(value))
      continue;
    sum += value;
    squares += value * value;
    count++;
  }
  return sqrt(squares / count - sum / count * (sum / count));
}

enum status distribution_choose(const struct calibration *calibration, const struct sample *sample,
                                struct choice *choice, struct error *error)
{
  struct batch_histogram histogram;
  double mean, std;
  enum status status = batch_histogram_make(&histogram, sample, HISTOGRAM_SIGNED,
                                            (size_t)calibration->option[BINS], error);
  if (status != STATUS_OK)
    return status;
  batch_histogram_moments(&histogram, calibration->option[ROOTS] > 0, &mean, &std);
  batch_histogram_free(&histogram);
  float scale = (float)(std / code_spread(calibration->format));
  if (!(scale > 0 && scale <= FLT_MAX)) /* no spread in any digit: minmax */
    return STATUS_OK;
  double clip = fmin((double)scale * format_max(calibration->format), (double)FLT_MAX);
  *choice = (struct choice){.lo = -clip, .hi = clip, .has_scale = true, .scale = scale};
  return STATUS_OK;
}

const char *distribution_refuse(const struct quantizer *quantizer)
{
  return quantizer->format->family == &minifloat_family
             ? NULL
             : "the rule matches the spread of the values to that of a small float's codes";
}
