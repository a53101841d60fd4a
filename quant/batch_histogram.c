#include "quant/batch_histogram.h"

#include "quant/base/size.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void batch_histogram_free(struct batch_histogram *histogram)
{
  free(histogram->edge);
  free(histogram->count);
  histogram->edge = NULL;
  histogram->count = NULL;
}

/* --- counting ------------------------------------------------------------------------ */

static bool is_signed(const struct batch_histogram *histogram)
{
  return histogram->rule == HISTOGRAM_SIGNED;
}

/* Where X belongs by the edges: bins are half open, the last is closed. Only when edges coincide
 * does the walk take more than one step. */
static size_t bin_by_edges(const struct batch_histogram *histogram, double x)
{
  const double *edge = histogram->edge;
  size_t last = histogram->bins - 1;
  double guess = (x - edge[0]) / (edge[last + 1] - edge[0]) * (double)histogram->bins;
  size_t bin = guess < (double)last ? (size_t)guess : last;
  while (bin > 0 && x < edge[bin])
    bin--;
  while (bin < last && x >= edge[bin + 1])
    bin++;
  return bin;
}

static void count_by_edges(const struct batch_histogram *histogram, uint64_t *bins, const float *x,
                           const uint64_t *counts, size_t n)
{
  double lo = histogram->edge[0], hi = histogram->edge[histogram->bins];
  if (is_signed(histogram)) { /* numpy compares with the ends before they are rounded */
    lo = -histogram->reach;
    hi = histogram->reach;
  }
  for (size_t i = 0; i < n; i++) {
    double value = is_signed(histogram) ? (double)x[i] : fabs((double)x[i]);
    if (value >= lo && value <= hi)
      bins[bin_by_edges(histogram, value)] += counts ? counts[i] : 1;
  }
}

/* The order of the float32 operations decides which bin a value on an edge falls into. */
static void count_histc(const struct batch_histogram *histogram, uint64_t *bins, const float *x,
                        const uint64_t *counts, size_t n)
{
  float reach = (float)histogram->edge[histogram->bins], width = (float)histogram->bins;
  size_t last = histogram->bins - 1;
  for (size_t i = 0; i < n; i++) {
    float size = fabsf(x[i]);
    if (size <= reach)
      bins[size_min((size_t)(size / reach * width), last)] += counts ? counts[i] : 1;
  }
}

static void count_block(void *state, const float *x, const uint64_t *counts, size_t n,
                        const void *context)
{
  const struct batch_histogram *histogram = context;
  if (histogram->rule == HISTOGRAM_TORCH)
    count_histc(histogram, state, x, counts, n);
  else
    count_by_edges(histogram, state, x, counts, n);
}

static void merge_counts(void *into, const void *from, const void *context)
{
  const struct batch_histogram *histogram = context;
  uint64_t *sum = into;
  const uint64_t *counts = from;
  for (size_t i = 0; i < histogram->bins; i++)
    sum[i] += counts[i];
}

/* --- edges --------------------------------------------------------------------------- */

/* numpy.linspace, as numpy.histogram rounds it. */
static void set_linspace(struct batch_histogram *histogram, double lo, double hi)
{
  double step = (hi - lo) / (double)histogram->bins;
  for (size_t i = 0; i < histogram->bins; i++)
    histogram->edge[i] = (double)(float)((double)i * step + lo);
  histogram->edge[histogram->bins] = (double)(float)hi;
}

/* torch.linspace from 0 works on vectors of eight, whose first element and whose offsets are
 * rounded apart. */
static void set_torch_linspace(struct batch_histogram *histogram, float hi)
{
  float step = hi / (float)histogram->bins;
  for (size_t i = 0; i <= histogram->bins; i++) {
    float first = step * (float)(i / 8 * 8), offset = step * (float)(i % 8);
    histogram->edge[i] = (double)(first + offset);
  }
}

/* torch.arange from 0: vectors of eight again, in double from a first element in float32; what is
 * left over is computed one by one. */
static void set_torch_arange(struct batch_histogram *histogram, float width)
{
  size_t count = histogram->bins + 1;
  for (size_t i = 0; i < count; i++) {
    size_t base = i < count / 8 * 8 ? i / 8 * 8 : i;
    double first = (double)(float)((double)base * (double)width);
    histogram->edge[i] = (double)(float)(first + (double)(i - base) * (double)width);
  }
}

/* States start as zero: kept is the bits of the least magnitude counted down from the largest, for
 * the bits of numbers that are not negative are in their order. */
static void least_block(void *state, const float *x, const uint64_t *counts, size_t n,
                        const void *context)
{
  (void)counts;
  (void)context;
  uint32_t *best = state;
  for (size_t i = 0; i < n; i++) {
    float size = fabsf(x[i]);
    uint32_t bits;
    memcpy(&bits, &size, sizeof bits);
    *best = *best > UINT32_MAX - bits ? *best : UINT32_MAX - bits;
  }
}

static void least_merge(void *into, const void *from, const void *context)
{
  (void)context;
  uint32_t *best = into;
  const uint32_t *other = from;
  *best = *best > *other ? *best : *other;
}

static enum status least_magnitude(const struct sample *sample, float *out)
{
  uint32_t bits = 0;
  const struct visitor visitor = {
      .state_size = sizeof bits, .block = least_block, .merge = least_merge};
  *out = fminf(fabsf(sample->min), fabsf(sample->max));
  if (sample->min >= 0 || sample->max <= 0)
    return STATUS_OK;
  enum status status = sample_visit(sample, &visitor, &bits);
  bits = UINT32_MAX - bits;
  memcpy(out, &bits, sizeof *out);
  return status;
}

static enum status allocate(struct batch_histogram *histogram)
{
  histogram->edge = mem_array(histogram->bins + 1, sizeof *histogram->edge);
  histogram->count = mem_array(histogram->bins, sizeof *histogram->count);
  return histogram->edge && histogram->count ? STATUS_OK : STATUS_MEMORY;
}

/* The edges that the first batch gives. */
static enum status begin(struct batch_histogram *histogram, const struct sample *batch)
{
  float least = 0, most = sample_absmax(batch);
  enum status status = allocate(histogram);
  histogram->reach = (double)most;
  if (status == STATUS_OK && histogram->rule == HISTOGRAM_TORCH) {
    set_torch_linspace(histogram, most);
  } else if (status == STATUS_OK && is_signed(histogram)) {
    set_linspace(histogram, -(double)most, (double)most);
  } else if (status == STATUS_OK) {
    status = least_magnitude(batch, &least);
    double margin = least == most ? 0.5 : 0; /* as numpy widens a range without width */
    set_linspace(histogram, (double)least - margin, (double)most + margin);
  }
  return status;
}

/* --- growing ------------------------------------------------------------------------- */

/* Edges appended as numpy.arange(last + width, most + width, width) makes them, in float32 as long
 * as all edges are. */
struct appendix {
  double start, step, count;
};

static struct appendix appendix_of(const struct batch_histogram *old, float most)
{
  double last = old->edge[old->bins], width = old->edge[1] - old->edge[0];
  bool single = old->rule == HISTOGRAM_MAGNITUDES || last == (double)(float)last;
  struct appendix appendix;
  double stop = (double)most + width;
  appendix.start = last + width;
  if (single) {
    float narrow = (float)old->edge[1] - (float)old->edge[0];
    width = (double)narrow;
    appendix.start = (double)((float)last + narrow);
    stop = (double)(most + narrow);
  }
  double second = appendix.start + width; /* numpy steps by the difference of the first two */
  appendix.step = (single ? (double)(float)second : second) - appendix.start;
  appendix.count = ceil((stop - appendix.start) / width);
  return appendix;
}

static void append_edges(struct batch_histogram *grown, const struct batch_histogram *old,
                         const struct appendix *appendix)
{
  memcpy(grown->edge, old->edge, (old->bins + 1) * sizeof *old->edge);
  for (size_t i = old->bins + 1; i <= grown->bins; i++) {
    double edge = appendix->start + (double)(i - old->bins - 1) * appendix->step;
    grown->edge[i] = old->rule == HISTOGRAM_MAGNITUDES ? (double)(float)edge : edge;
  }
}

/* The wider range of OLD that holds MOST. The counts of OLD go *SHIFT bins up. Bins are left 0
 * when there would be too many. */
static enum status widen(struct batch_histogram *grown, const struct batch_histogram *old,
                         float most, size_t *shift)
{
  float width = (float)old->edge[1] - (float)old->edge[0];
  double stride = 2 * old->reach / (double)old->bins, half = 0, bins;
  struct appendix appendix = appendix_of(old, most);
  if (old->rule == HISTOGRAM_TORCH) {
    bins = (double)ceilf(most / width);
  } else if (is_signed(old)) {
    half = floor(((double)most - old->reach) / stride) + 1;
    bins = (double)old->bins + 2 * half;
  } else {
    bins = (double)old->bins + appendix.count;
  }
  *grown = (struct batch_histogram){.rule = old->rule, .reach = half * stride + old->reach};
  if (!(bins <= HISTOGRAM_MOST && bins >= (double)old->bins))
    return STATUS_OK;
  grown->bins = (size_t)bins;
  *shift = (size_t)half;
  if (allocate(grown) != STATUS_OK)
    return STATUS_MEMORY;
  if (old->rule == HISTOGRAM_TORCH)
    set_torch_arange(grown, width);
  else if (is_signed(old))
    set_linspace(grown, -grown->reach, grown->reach);
  else
    append_edges(grown, old, &appendix);
  return STATUS_OK;
}

static enum status count_batch(struct batch_histogram *histogram, const struct sample *batch)
{
  const struct visitor visitor = {.state_size = histogram->bins * sizeof *histogram->count,
                                  .block = count_block,
                                  .merge = merge_counts,
                                  .context = histogram};
  return sample_visit(batch, &visitor, histogram->count);
}

/* Adds BATCH. *TOO_MANY: it would need more bins than there may be. */
static enum status add_batch(struct batch_histogram *histogram, const struct sample *batch,
                             bool *too_many)
{
  struct batch_histogram grown = *histogram;
  float most = sample_absmax(batch);
  double end = is_signed(histogram) ? histogram->reach : histogram->edge[histogram->bins];
  size_t shift = 0;
  enum status status = STATUS_OK;
  grown.edge = NULL;
  grown.count = NULL;
  if ((double)most > end) {
    status = widen(&grown, histogram, most, &shift);
    *too_many = status == STATUS_OK && !grown.edge;
  } else {
    status = allocate(&grown);
    if (status == STATUS_OK)
      memcpy(grown.edge, histogram->edge, (grown.bins + 1) * sizeof *grown.edge);
  }
  if (status == STATUS_OK && !*too_many)
    status = count_batch(&grown, batch);
  for (size_t i = 0; i < histogram->bins && status == STATUS_OK && !*too_many; i++)
    grown.count[i + shift] += histogram->count[i];
  if (status != STATUS_OK || *too_many) {
    batch_histogram_free(&grown);
    return status;
  }
  batch_histogram_free(histogram);
  *histogram = grown;
  return STATUS_OK;
}

/* --- the whole ------------------------------------------------------------------------ */

static void add_zeros(struct batch_histogram *histogram, uint64_t zeros)
{
  static const float zero = 0;
  if (zeros > 0)
    count_block(histogram->count, &zero, &zeros, 1, histogram);
}

/* BATCHES samples, at least one with a range. */
static enum status make(struct batch_histogram *out, const struct sample *batch, size_t batches,
                        bool *too_many)
{
  enum status status = STATUS_OK;
  uint64_t zeros = 0;
  for (size_t i = 0; i < batches && status == STATUS_OK && !*too_many; i++) {
    if (batch[i].finite == 0)
      continue;
    if (!out->edge && sample_absmax(&batch[i]) == 0) {
      zeros += batch[i].finite;
    } else if (!out->edge) {
      status = begin(out, &batch[i]);
      if (status == STATUS_OK)
        status = count_batch(out, &batch[i]);
      if (status == STATUS_OK)
        add_zeros(out, zeros);
    } else {
      status = add_batch(out, &batch[i], too_many);
    }
  }
  return status;
}

enum status batch_histogram_make(struct batch_histogram *out, const struct sample *sample,
                                 enum batch_histogram_rule rule, size_t bins, struct error *error)
{
  bool too_many = false;
  *out = (struct batch_histogram){.rule = rule, .bins = bins};
  enum status status = make(out, sample_batch(sample, 0), sample_batches(sample), &too_many);
  if (status == STATUS_OK && too_many) {
    struct sample whole = *sample;
    too_many = false;
    batch_histogram_free(out);
    *out = (struct batch_histogram){.rule = rule, .bins = bins};
    status = begin(out, &whole);
    for (size_t i = 0; i < sample_batches(sample) && status == STATUS_OK; i++)
      status = add_batch(out, sample_batch(sample, i), &too_many);
  }
  if (status == STATUS_OK)
    return STATUS_OK;
  batch_histogram_free(out);
  return status == STATUS_MEMORY ? error_memory(error, "the histogram of a calibrator")
                                 : error_set(error, status, "cancelled");
}

size_t batch_histogram_reach(const struct batch_histogram *histogram, double share)
{
  uint64_t total = 0;
  double sum = 0;
  for (size_t i = 0; i < histogram->bins; i++)
    total += histogram->count[i];
  for (size_t i = 0; i < histogram->bins; i++) {
    sum += (double)histogram->count[i] / (double)total;
    if (sum >= share)
      return i;
  }
  return histogram->bins;
}

void batch_histogram_moments(const struct batch_histogram *histogram, bool roots, double *mean,
                             double *std)
{
  double total = 0, sum = 0, squares = 0;
  for (size_t i = 0; i < histogram->bins; i++) {
    double centre = (histogram->edge[i] + histogram->edge[i + 1]) / 2;
    double value = roots ? cbrt(centre) : centre, count = (double)histogram->count[i];
    total += count;
    sum += count * value;
    squares += count * value * value;
  }
  *mean = sum / total;
  *std = sqrt(fmax(squares / total - *mean * *mean, 0));
}
