/* NVIDIA's calibrators (pytorch-quantization, Model-Optimizer); nvidia-entropy is cal_entropy.c.
 *
 * nvidia-max: the largest |x| of all batches.
 * nvidia-percentile: the left edge of the first bin of |x| at which the running share reaches P.
 * nvidia-mse: thresholds are the bin centres from start-bin on; the error is that of all centres,
 * weighted with the counts, and the first least wins.
 * modelopt-mse: thresholds are the largest |x| times `steps` multipliers, evenly from `start` to
 * `stop`; the error is that of the values themselves, and the first least wins. One is not among
 * them unless a step falls on it.
 *
 * The references sum in float32, where a sum beyond the largest number is infinite: the first
 * candidate wins when all are. Asymmetric: candidates scale both ends of the range; the centres of
 * a histogram of |x| count as lying on the side that reaches further. */
#include "quant/base/size.h"
#include "quant/calibrators.h"
#include "quant/nvidia.h"
#include "quant/trial.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

double nvidia_option(const struct calibration *calibration, enum nvidia_option option,
                     double standard)
{
  double value = calibration->option[option];
  return value > 0 ? value : standard;
}

enum status nvidia_histogram(struct batch_histogram *out, const struct calibration *calibration,
                             const struct sample *sample, struct error *error)
{
  bool numpy = nvidia_option(calibration, NVIDIA_NUMPY, 0) > 0;
  return batch_histogram_make(out, sample, numpy ? HISTOGRAM_NUMPY : HISTOGRAM_TORCH,
                              (size_t)nvidia_option(calibration, NVIDIA_BINS, 2048), error);
}

bool nvidia_one_sided(const struct calibration *calibration, const struct sample *sample)
{
  return calibration->asymmetric && (sample->min >= 0 || sample->max <= 0);
}

void nvidia_range(const struct calibration *calibration, const struct sample *sample,
                  double threshold, struct choice *choice)
{
  threshold = (double)(float)threshold;
  if (!(threshold > 0)) /* numpy's widened bins of a constant begin below zero */
    threshold = (double)sample_absmax(sample);
  *choice = (struct choice){.lo = -threshold, .hi = threshold};
  if (calibration->asymmetric) {
    choice->lo = fmax(choice->lo, fmin((double)sample->min, 0));
    choice->hi = fmin(choice->hi, fmax((double)sample->max, 0));
    if (choice->hi == 0) /* all below zero */
      choice->lo = -threshold;
    else if (choice->lo == 0)
      choice->hi = threshold;
  }
}

enum status nvidia_max_choose(const struct calibration *calibration, const struct sample *sample,
                              struct choice *choice, struct error *error)
{
  (void)error;
  nvidia_range(calibration, sample, (double)sample_absmax(sample), choice);
  return STATUS_OK;
}

enum status nvidia_percentile_choose(const struct calibration *calibration,
                                     const struct sample *sample, struct choice *choice,
                                     struct error *error)
{
  struct batch_histogram histogram;
  enum status status = nvidia_histogram(&histogram, calibration, sample, error);
  if (status != STATUS_OK)
    return status;
  size_t bin = batch_histogram_reach(&histogram, calibration->parameter / 100);
  nvidia_range(calibration, sample, histogram.edge[bin], choice);
  batch_histogram_free(&histogram);
  return STATUS_OK;
}

/* --- searches ---------------------------------------------------------------------------- */

struct search {
  const struct calibration *calibration;
  const struct sample *sample, *measured; /* what is calibrated; what the errors are taken of */
  double least;
  size_t best, candidates;
  void (*range)(const struct search *search, size_t i, struct choice *out);
  const float *centre; /* nvidia-mse */
  size_t first, stride;
};

/* Takes the trials of candidates FROM.. into account. The first of equals wins, in whatever order
 * they come. */
static void judge(struct search *search, const struct trials *trials, size_t from)
{
  double limit = ldexp((double)FLT_MAX, -2 * trials->exponent);
  for (size_t i = 0; i < trials->count; i++) {
    double found = trials->error[i] <= limit ? trials->error[i] : HUGE_VAL;
    if (found < search->least || (found == search->least && from + i < search->best)) {
      search->least = found;
      search->best = from + i;
    }
  }
}

/* From the widest candidate to the narrowest, until clipping alone costs more than the best. */
static enum status search_down(struct search *search, struct choice *choice, struct error *error)
{
  enum status status = STATUS_OK;
  bool done = false;
  search->least = HUGE_VAL;
  search->best = search->candidates;
  for (size_t left = search->candidates; left > 0 && status == STATUS_OK && !done;) {
    struct trials trials = trials_make(search->calibration, search->measured, 2);
    size_t count = size_min(left, TRIALS_MOST);
    double clipping = 0;
    left -= count;
    for (size_t i = 0; i < count; i++) {
      search->range(search, left + i, choice);
      trials_add(&trials, choice);
    }
    status = trials_measure(&trials, search->measured, error);
    if (status == STATUS_OK)
      judge(search, &trials, left);
    if (status == STATUS_OK && left > 0)
      status = trials_clipping(&trials, 0, search->measured, &clipping, error);
    done = clipping > search->least * 1.001;
  }
  if (status != STATUS_OK)
    return status;
  search->range(search, search->best, choice);
  choice->at_end = search->best == 0 || search->best + 1 == search->candidates;
  return STATUS_OK;
}

static void centre_range(const struct search *search, size_t i, struct choice *out)
{
  float centre = search->centre[search->first + i * search->stride];
  nvidia_range(search->calibration, search->sample, (double)centre, out);
}

/* The centres as values, those of empty bins left out; returns how many. */
static size_t weigh_centres(const struct batch_histogram *histogram, bool below, float *value,
                            uint64_t *count, float *centre)
{
  size_t n = 0;
  for (size_t i = 0; i < histogram->bins; i++) {
    centre[i] = ((float)histogram->edge[i + 1] + (float)histogram->edge[i]) / 2;
    value[n] = below ? -centre[i] : centre[i];
    count[n] = histogram->count[i];
    n += count[n] > 0;
  }
  return n;
}

static enum status search_centres(const struct calibration *calibration,
                                  const struct sample *sample,
                                  const struct batch_histogram *histogram, float *memory,
                                  uint64_t *count, struct choice *choice, struct error *error)
{
  size_t bins = histogram->bins;
  bool below = calibration->asymmetric && -sample->min > sample->max;
  float *centre = memory + bins;
  size_t n = weigh_centres(histogram, below, memory, count, centre);
  if (n == 0) /* every value lies beyond the edges, which float64 rounded: the range itself */
    return nvidia_max_choose(calibration, sample, choice, error);
  float near = below ? -memory[0] : memory[0], far = below ? -memory[n - 1] : memory[n - 1];
  const struct sample centres = {.finite = n,
                                 .min = below ? -far : near,
                                 .max = below ? -near : far,
                                 .values = memory,
                                 .counts = count,
                                 .distinct = n,
                                 .progress = sample->progress};
  struct search search = {
      .calibration = calibration,
      .sample = sample,
      .measured = &centres,
      .range = centre_range,
      .centre = centre,
      .first = size_min((size_t)nvidia_option(calibration, NVIDIA_START, 128), bins - 1),
      .stride = (size_t)nvidia_option(calibration, NVIDIA_STRIDE, 1)};
  while (search.first + 1 < bins && centre[search.first] <= 0)
    search.first++;
  search.candidates = size_div_up(bins - search.first, search.stride);
  return search_down(&search, choice, error);
}

enum status nvidia_mse_choose(const struct calibration *calibration, const struct sample *sample,
                              struct choice *choice, struct error *error)
{
  struct batch_histogram histogram;
  enum status status = nvidia_histogram(&histogram, calibration, sample, error);
  if (status != STATUS_OK)
    return status;
  float *memory = mem_array(2 * histogram.bins, sizeof *memory);
  uint64_t *count = mem_array(histogram.bins, sizeof *count);
  if (memory && count)
    status = search_centres(calibration, sample, &histogram, memory, count, choice, error);
  else
    status = error_memory(error, "the centres of a histogram");
  free(memory);
  free(count);
  batch_histogram_free(&histogram);
  return status;
}

/* --- multipliers ------------------------------------------------------------------------- */

enum { START, STOP, STEPS };

/* torch.linspace in float32: from both ends to the middle. */
static float multiplier(const double option[], size_t i)
{
  float start = (float)option[START], stop = (float)option[STOP];
  size_t steps = (size_t)option[STEPS];
  if (steps == 1)
    return start;
  float step = (stop - start) / (float)(steps - 1);
  return i < steps / 2 ? start + step * (float)i : stop - step * (float)(steps - 1 - i);
}

static void multiple_range(const struct search *search, size_t i, struct choice *out)
{
  const struct sample *sample = search->sample;
  float factor = multiplier(search->calibration->option, i);
  float lo = fmaxf(sample->min, -FLT_MAX / factor), hi = fminf(sample->max, FLT_MAX / factor);
  if (!search->calibration->asymmetric) {
    hi = fminf(sample_absmax(sample), FLT_MAX / factor);
    lo = -hi;
  }
  *out = (struct choice){.lo = (double)(factor * lo), .hi = (double)(factor * hi)};
}

enum status modelopt_mse_choose(const struct calibration *calibration, const struct sample *sample,
                                struct choice *choice, struct error *error)
{
  struct search search = {.calibration = calibration,
                          .sample = sample,
                          .measured = sample,
                          .range = multiple_range,
                          .candidates = (size_t)calibration->option[STEPS]};
  return search_down(&search, choice, error);
}
