/* torch-histogram, torchao-histogram: PyTorch's HistogramObserver (pytorch/pytorch 1.13.1:
 * torch/ao/quantization/observer.py; pytorch/ao: torchao/quantization/pt2e/observer.py).
 *
 * 2048 bins over the range of the first batch. A later batch is counted over the joint range, and
 * what was there is laid over it: in PyTorch in whole fractions of a bin (128 to a bin, the upper
 * end moved outwards until they fit), in torchao by the middles of 16 parts of each bin. Then the
 * range is walked inwards in steps of 1e-5 of the values, on the side that gives up more bins,
 * while the modelled error does not rise: values even within their bins, 256 levels whatever the
 * format.
 *
 * truncate=1 is 1.13.1 as it was shipped: it counts between the whole parts of the ends and loses
 * what lies beyond, though bins keep their width. Counts are float32, so a bin ends at 2^24; so is
 * the arithmetic, but for the last sum. */
#include "quant/base/size.h"
#include "quant/calibrators.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_BINS, OPTION_TRUNCATE };
enum { LEVELS = 256, FINE_PYTORCH = 128, FINE_TORCHAO = 16, MOST_DOWNSAMPLE = 1 << 14 };

struct observer {
  size_t bins;
  bool truncate, torchao;
  float lo, hi;
  bool started;
  float *count; /* bins of them */
};

/* --- counting -------------------------------------------------------------------------------- */

/* torch.histc. */
struct counting {
  float lo, hi;
  size_t bins;
};

static void count_block(void *state, const float *x, const uint64_t *counts, size_t n,
                        const void *context)
{
  const struct counting *counting = context;
  uint64_t *bins = state;
  float lo = counting->lo, hi = counting->hi;
  for (size_t i = 0; i < n; i++) {
    if (x[i] < lo || x[i] > hi)
      continue;
    size_t bin = (size_t)((x[i] - lo) / (hi - lo) * (float)counting->bins);
    bins[size_min(bin, counting->bins - 1)] += counts ? counts[i] : 1;
  }
}

static void merge(void *into, const void *from, const void *context)
{
  const struct counting *counting = context;
  uint64_t *sum = into;
  const uint64_t *bins = from;
  for (size_t i = 0; i < counting->bins; i++)
    sum[i] += bins[i];
}

/* Counts BATCH between LO and HI into OUT; equal ends mean those of the batch, or one on either
 * side where these are equal, too. */
static enum status count(const struct observer *observer, const struct sample *batch, float lo,
                         float hi, float *out)
{
  uint64_t *bins = mem_array(observer->bins, sizeof *bins);
  if (observer->truncate) {
    lo = truncf(lo);
    hi = truncf(hi);
  }
  if (lo == hi) {
    lo = batch->min;
    hi = batch->max;
  }
  if (lo == hi) {
    lo -= 1;
    hi += 1;
  }
  struct counting counting = {lo, hi, observer->bins};
  struct visitor visitor = {.state_size = observer->bins * sizeof *bins,
                            .block = count_block,
                            .merge = merge,
                            .context = &counting};
  enum status status = bins ? sample_visit(batch, &visitor, bins) : STATUS_MEMORY;
  for (size_t i = 0; i < observer->bins && status == STATUS_OK; i++)
    out[i] = fminf((float)bins[i], 0x1p24f);
  free(bins);
  return status;
}

/* --- joining batches ------------------------------------------------------------------------- */

/* PyTorch: where the joint range begins and ends, in fractions of the present bins. */
struct joint {
  float lo, hi;
  size_t downsample, start; /* fractions to a new bin; before the first old one */
};

static struct joint join_ranges(const struct observer *observer, float lo, float hi)
{
  float bins = (float)observer->bins;
  float fine = (observer->hi - observer->lo) / (bins * FINE_PYTORCH), width = bins * fine;
  float rate = ceilf((hi - lo) / width);
  struct joint joint = {.lo = lo, .hi = hi};
  joint.downsample = rate < (float)MOST_DOWNSAMPLE ? (size_t)rate : 0;
  joint.hi = hi + (rate * width - (hi - lo));
  joint.start = (size_t)nearbyintf((observer->lo - lo) / fine);
  return joint;
}

/* Adds the present counts to OUT, whose bins are of the joint range. */
static void add_fractions(const struct observer *observer, const struct joint *joint, float *out)
{
  size_t bins = observer->bins, rate = joint->downsample;
  double *sum = calloc(bins, sizeof *sum);
  for (size_t i = 0; sum && i < bins * FINE_PYTORCH; i++)
    sum[size_min((joint->start + i) / rate, bins - 1)] += (double)observer->count[i / FINE_PYTORCH];
  for (size_t i = 0; sum && i < bins; i++)
    out[i] += (float)(sum[i] / FINE_PYTORCH);
  free(sum);
}

/* Bin of VALUE among BINS between LO and HI. */
static size_t bin_among(float lo, float hi, size_t bins, float value)
{
  float step = (hi - lo) / (float)bins;
  long bin = lrintf(floorf((value - lo) / step));
  bin = bin < 0 ? 0 : bin > (long)bins - 1 ? (long)bins - 1 : bin;
  /* The quotient may be off by one at an edge. */
  while (bin + 1 < (long)bins && value >= lo + step * (float)(bin + 1))
    bin++;
  while (bin > 0 && value < lo + step * (float)bin)
    bin--;
  return (size_t)bin;
}

/* torchao: by the middles of parts of the present bins. */
static void add_middles(const struct observer *observer, float lo, float hi, float *out)
{
  size_t parts = observer->bins * FINE_TORCHAO;
  float part = (observer->hi - observer->lo) / (float)parts;
  for (size_t i = 0; i < parts; i++) {
    float middle = observer->lo + part * (float)i + 0.5F * part;
    out[bin_among(lo, hi, observer->bins, middle)] +=
        observer->count[i / FINE_TORCHAO] / FINE_TORCHAO;
  }
}

/* Counts BATCH over the joint range and adds what was there. */
static enum status join(struct observer *observer, const struct sample *batch)
{
  float lo = fminf(observer->lo, batch->min), hi = fmaxf(observer->hi, batch->max);
  bool same = lo == observer->lo && hi == observer->hi;
  struct joint joint = {.lo = lo, .hi = hi};
  if (!observer->torchao && !same) {
    joint = join_ranges(observer, lo, hi);
    if (joint.downsample == 0) /* thousands of times wider: the old range is one bin of the new */
      joint = (struct joint){.lo = lo, .hi = hi};
  }
  float *joined = mem_array(observer->bins, sizeof *joined);
  enum status status = joined ? count(observer, batch, joint.lo, joint.hi, joined) : STATUS_MEMORY;
  if (status != STATUS_OK) {
    free(joined);
    return status;
  }
  if (same)
    for (size_t i = 0; i < observer->bins; i++)
      joined[i] += observer->count[i];
  else if (joint.downsample)
    add_fractions(observer, &joint, joined);
  else
    add_middles(observer, joint.lo, joint.hi, joined);
  free(observer->count);
  observer->count = joined;
  observer->lo = joint.lo;
  observer->hi = joint.hi;
  return status;
}

static enum status observe(struct observer *observer, const struct sample *batch)
{
  bool first = !observer->started || observer->lo == observer->hi;
  if (!first)
    return join(observer, batch);
  observer->started = true;
  observer->lo = batch->min;
  observer->hi = batch->max;
  return count(observer, batch, batch->min, batch->max, observer->count);
}

/* --- the walk --------------------------------------------------------------------------------- */

/* Integral of density * d^2 from BEGIN to END. */
static float moment(float begin, float end, float density)
{
  return density * ((end * end * end - begin * begin * begin) / 3);
}

/* Quotients of float32 numbers lie further from whole ones than double can err. */
static float level_of(float distance, float width)
{
  double level = floor((double)distance / (double)width);
  return (float)fmin(fmax(level, 0), LEVELS - 1);
}

/* The modelled squared error when bins FIRST..LAST are spread over LEVELS levels. */
static double modelled_error(const struct observer *observer, size_t first, size_t last)
{
  double bin = ((double)observer->hi - (double)observer->lo) / (double)observer->bins;
  double level = bin * (double)(last - first + 1) / LEVELS, sum = 0;
  float width = (float)bin, step = (float)level, half = (float)(level / 2);
  if (level == 0)
    return 0;
  for (size_t i = 0; i < observer->bins; i++) {
    float begin = ((float)i - (float)first) * width, end = begin + width;
    float from = level_of(begin, step), to = level_of(end, step);
    float density = observer->count[i] / width;
    float error = moment(begin - (from + 0.5F) * step, half, density);
    error += (to - from - 1) * moment(-half, half, density);
    error += moment(-half, end - (to * step + half), density);
    sum += (double)error;
  }
  return sum;
}

struct walk {
  size_t first, last;
  bool moved;
};

static enum status walk_inwards(const struct observer *observer, const float *below, double total,
                                struct progress *progress, struct walk *walk)
{
  static const double step = 1e-5;
  double alpha = 0, beta = 1, least = HUGE_VAL;
  while (alpha < beta) {
    size_t left = walk->first, right = walk->last;
    double next_alpha = alpha + step, next_beta = beta - step;
    while (left < walk->last && below[left] < (float)(next_alpha * total))
      left++;
    while (right > walk->first && below[right] > (float)(next_beta * total))
      right--;
    bool by_left = left - walk->first > walk->last - right;
    if (by_left)
      alpha = next_alpha;
    else
      beta = next_beta;
    struct walk next = {by_left ? left : walk->first, by_left ? walk->last : right, true};
    if (next.first == walk->first && next.last == walk->last)
      continue;
    if (progress_cancelled(progress))
      return STATUS_CANCELLED;
    double error = modelled_error(observer, next.first, next.last);
    if (error > least) /* beyond 1e30 the model is no number, and the walk goes on to the end */
      break;
    least = error;
    *walk = next;
  }
  return STATUS_OK;
}

static enum status search(const struct observer *observer, struct progress *progress,
                          struct choice *choice)
{
  float *below = mem_array(observer->bins, sizeof *below);
  struct walk walk = {.first = 0, .last = observer->bins - 1};
  double sum = 0;
  if (!below)
    return STATUS_MEMORY;
  for (size_t i = 0; i < observer->bins; i++)
    below[i] = (float)(sum += (double)observer->count[i]);
  enum status status = walk_inwards(observer, below, sum, progress, &walk);
  float width = (observer->hi - observer->lo) / (float)observer->bins;
  choice->lo = (double)(observer->lo + width * (float)walk.first);
  choice->hi = (double)(observer->lo + width * (float)(walk.last + 1));
  free(below);
  return status;
}

static enum status choose(const struct calibration *calibration, const struct sample *sample,
                          struct observer *observer, struct choice *choice, struct error *error)
{
  observer->bins = (size_t)calibration->option[OPTION_BINS];
  observer->count = mem_array(observer->bins, sizeof *observer->count);
  *choice = (struct choice){.lo = (double)sample->min, .hi = (double)sample->max};
  enum status status = observer->count ? STATUS_OK : STATUS_MEMORY;
  for (size_t i = 0; i < sample_batches(sample) && status == STATUS_OK; i++)
    if (sample_batch(sample, i)->finite > 0)
      status = observe(observer, sample_batch(sample, i));
  /* A range too wide for float32 has no bins to walk over. */
  if (status == STATUS_OK && observer->lo < observer->hi && isfinite(observer->hi - observer->lo) &&
      (observer->hi - observer->lo) / (float)observer->bins > 0)
    status = search(observer, sample->progress, choice);
  free(observer->count);
  if (status == STATUS_MEMORY)
    return error_memory(error, "the histogram of PyTorch's observer");
  return status == STATUS_OK ? status : error_set(error, status, "cancelled");
}

enum status torch_histogram_choose(const struct calibration *calibration,
                                   const struct sample *sample, struct choice *choice,
                                   struct error *error)
{
  struct observer observer = {.truncate = calibration->option[OPTION_TRUNCATE] > 0};
  return choose(calibration, sample, &observer, choice, error);
}

enum status torchao_histogram_choose(const struct calibration *calibration,
                                     const struct sample *sample, struct choice *choice,
                                     struct error *error)
{
  struct observer observer = {.torchao = true};
  return choose(calibration, sample, &observer, choice, error);
}
