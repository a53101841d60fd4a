#include "config.h"

#include "analysis/diff.h"

#include "analysis/arrange.h"
#include "analysis/channel_sums.h"
#include "analysis/measure.h"
#include "analysis/pass.h"
#include "quant/base/size.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An SQNR below this is worth the question whether the two lie in the same order. */
static const double doubtful_db = 6;

/* --- shapes --------------------------------------------------------------------------------- */

static struct shape without_ones(const struct shape *shape)
{
  struct shape squeezed = {0};
  for (unsigned i = 0; i < shape->dims; i++)
    if (shape->dim[i] != 1)
      squeezed.dim[squeezed.dims++] = shape->dim[i];
  return squeezed;
}

static bool same_shape(const struct shape *a, const struct shape *b)
{
  struct shape x = without_ones(a), y = without_ones(b);
  return x.dims == y.dims && memcmp(x.dim, y.dim, x.dims * sizeof *x.dim) == 0;
}

bool diff_shapes_fit(const struct tensor *a, const struct tensor *b, bool align, bool *transposed)
{
  bool same = same_shape(&a->shape, &b->shape);
  bool turned = !same && a->shape.dims == 2 && b->shape.dims == 2 &&
                a->shape.dim[0] == b->shape.dim[1] && a->shape.dim[1] == b->shape.dim[0];
  if (transposed)
    *transposed = turned;
  return same || (turned && align);
}

/* --- the two side by side ------------------------------------------------------------------- */

/* What one span adds up. */
struct span_sums {
  struct tally tally;
  struct extremes a, b;
  uint64_t lost, differing;
};

struct job {
  struct pass pass;
  struct span_sums *spans;
  struct channel_sums channels;
  /* of the second pass: */
  struct diff *diff;
  size_t bins;
  uint64_t *a_count, *b_count; /* of each span */
  double *error_sum, *error_max;
};

/* Values with other bits. All NaNs are one: what a NaN carries is no part of the tensor. */
static uint64_t count_differing(const float *x, const float *y, size_t n)
{
  uint32_t differing = 0;
  for (size_t i = 0; i < n; i++) {
    uint32_t a, b;
    memcpy(&a, x + i, sizeof a);
    memcpy(&b, y + i, sizeof b);
    differing += (a != b) & !((x[i] != x[i]) & (y[i] != y[i]));
  }
  return differing;
}

static void add_block(void *context, const struct pass_block *given)
{
  struct job *job = context;
  struct span_sums *span = &job->spans[given->span];
  struct pass_block block = *given;
  struct extremes a = extremes_empty(), b = extremes_empty();
  const struct tally_bounds unbounded = {-INFINITY, INFINITY, NAN, NAN, -1};
  float masked[FEED_BLOCK];
  struct tally tally = {0};
  kernels.extremes(block.x, block.n, &a);
  kernels.extremes(block.y, block.n, &b);
  span->differing += count_differing(block.x, block.y, block.n);
  if (b.finite < block.n) {
    block.x = pass_without_lost(block.x, block.y, block.n, masked, &block.lost);
    span->lost += block.lost;
  }
  kernels.tally(block.x, block.y, block.n, &unbounded, &tally);
  channel_sums_add_block(&job->channels, &block, tally.finite == block.n, NULL);
  tally_merge(&span->tally, &tally);
  extremes_merge(&span->a, &a);
  extremes_merge(&span->b, &b);
}

static int by_sqnr(const void *left, const void *right)
{
  const struct diff_channel *a = left, *b = right;
  int order = (a->sqnr_db > b->sqnr_db) - (a->sqnr_db < b->sqnr_db);
  return order ? order : (a->channel > b->channel) - (a->channel < b->channel);
}

static bool find_worst(struct diff *diff)
{
  const struct channels *channels = &diff->channels;
  struct diff_channel *all = mem_array(channels->count, sizeof *all);
  size_t known = 0;
  for (size_t c = 0; all && c < channels->count; c++) {
    const struct channel *channel = &channels->channel[c];
    if (isfinite(channel->sqnr_db))
      all[known++] = (struct diff_channel){c, channel->sqnr_db, channel->mse};
  }
  if (known)
    qsort(all, known, sizeof *all, by_sqnr);
  diff->worst_count = channels->count > 1 ? size_min(known, DIFF_WORST) : 0;
  for (size_t i = 0; i < diff->worst_count; i++)
    diff->worst[i] = all[i];
  free(all);
  return all != NULL;
}

static bool finish(const struct job *job, struct diff *diff)
{
  struct tally tally = {0};
  diff->a = diff->b = extremes_empty();
  for (size_t i = 0; i < job->pass.spans; i++) {
    const struct span_sums *span = &job->spans[i];
    tally_merge(&tally, &span->tally);
    extremes_merge(&diff->a, &span->a);
    extremes_merge(&diff->b, &span->b);
    diff->lost += span->lost;
    diff->differing += span->differing;
  }
  uint64_t b_missing = diff->b.nan + diff->b.inf, a_missing = diff->a.nan + diff->a.inf;
  diff->found = a_missing - (b_missing - diff->lost);
  metrics_from_tally(&tally, diff->lost, &diff->metrics);
  diff->signal2 = tally.signal2;
  diff->error2 = tally.error2;
  struct channels *channels = &diff->channels;
  channels->count = job->channels.grain.units;
  channels->channel = mem_array(channels->count, sizeof *channels->channel);
  if (!channels->channel || !channel_sums_finish(&job->channels, channels->channel))
    return false;
  for (size_t c = 0; c < channels->count; c++)
    channels->channel[c].scale = (double)NAN;
  return channels_finish(channels, &diff->metrics) && find_worst(diff);
}

static enum status compare(const struct feed *a, const struct feed *b, const struct grain *grain,
                           struct progress *progress, struct diff *diff)
{
  struct job job = {.pass = {.feed = a, .other = b, .progress = progress}};
  job.pass.spans = pass_spans(a->count, channel_sums_spans(grain));
  job.spans = mem_array(job.pass.spans, sizeof *job.spans);
  for (size_t i = 0; job.spans && i < job.pass.spans; i++)
    job.spans[i].a = job.spans[i].b = extremes_empty();
  enum status status =
      job.spans && channel_sums_init(&job.channels, grain, &job.pass) ? STATUS_OK : STATUS_MEMORY;
  if (status == STATUS_OK)
    status = pass_run(&job.pass, add_block, &job);
  if (status == STATUS_OK && !finish(&job, diff))
    status = STATUS_MEMORY;
  if (job.spans)
    channel_sums_free(&job.channels);
  free(job.spans);
  return status;
}

/* --- histograms ----------------------------------------------------------------------------- */

static void bin_block(void *context, const struct pass_block *block)
{
  struct job *job = context;
  const struct bin_edges scale = histogram_edges(&job->diff->a_histogram);
  size_t base = block->span * job->bins;
  for (size_t i = 0; i < block->n; i++) {
    double x = (double)block->x[i], y = (double)block->y[i];
    size_t a = histogram_bin(&scale, x), b = histogram_bin(&scale, y);
    job->b_count[base + (b == HISTOGRAM_OUTSIDE ? job->bins - 1 : b)] += b != HISTOGRAM_OUTSIDE;
    if (a == HISTOGRAM_OUTSIDE)
      continue;
    job->a_count[base + a]++;
    double error = fabs(x - y);
    if (!isfinite(error))
      continue;
    job->error_sum[base + a] += error;
    job->error_max[base + a] = fmax(job->error_max[base + a], error);
  }
}

static bool merge_bins(const struct job *job, struct diff *diff)
{
  diff->error_mean = mem_array(job->bins, sizeof *diff->error_mean);
  diff->error_max = mem_array(job->bins, sizeof *diff->error_max);
  if (!diff->error_mean || !diff->error_max)
    return false;
  for (size_t bin = 0; bin < job->bins; bin++) {
    double sum = 0, most = 0;
    for (size_t at = bin; at < job->pass.spans * job->bins; at += job->bins) {
      diff->a_histogram.count[bin] += job->a_count[at];
      diff->b_histogram.count[bin] += job->b_count[at];
      sum += job->error_sum[at];
      most = fmax(most, job->error_max[at]);
    }
    uint64_t n = diff->a_histogram.count[bin];
    diff->error_mean[bin] = n ? sum / (double)n : (double)NAN;
    diff->error_max[bin] = n ? most : (double)NAN;
  }
  return true;
}

/* Both tensors' range, widened where it is a point. False when there is no finite value. */
static bool value_range(const struct diff *diff, const struct diff_request *request, double *lo,
                        double *hi)
{
  *lo = request->lo;
  *hi = request->hi;
  if (isfinite(*lo) && isfinite(*hi))
    return *lo < *hi;
  *lo = fmin((double)diff->a.min, (double)diff->b.min);
  *hi = fmax((double)diff->a.max, (double)diff->b.max);
  if (!isfinite(*lo) || !isfinite(*hi))
    return false;
  double room = *lo < *hi ? 0 : fmax(fabs(*lo), 1) * 0.5;
  *lo -= room;
  *hi += room;
  return true;
}

static enum status bin_both(const struct feed *a, const struct feed *b,
                            const struct diff_request *request, struct progress *progress,
                            struct diff *diff)
{
  struct job job = {
      .pass = {.feed = a, .other = b, .progress = progress}, .diff = diff, .bins = request->bins};
  double lo, hi;
  if (!value_range(diff, request, &lo, &hi))
    return STATUS_OK;
  if (!histogram_init(&diff->a_histogram, lo, hi, job.bins) ||
      !histogram_init(&diff->b_histogram, lo, hi, job.bins))
    return STATUS_MEMORY;
  job.pass.spans = pass_spans(a->count, size_max(RESULT_BINS_MOST / job.bins, 1));
  size_t entries = job.pass.spans * job.bins;
  job.a_count = mem_array(entries, sizeof *job.a_count);
  job.b_count = mem_array(entries, sizeof *job.b_count);
  job.error_sum = mem_array(entries, sizeof *job.error_sum);
  job.error_max = mem_array(entries, sizeof *job.error_max);
  enum status status =
      job.a_count && job.b_count && job.error_sum && job.error_max ? STATUS_OK : STATUS_MEMORY;
  if (status == STATUS_OK)
    status = pass_run(&job.pass, bin_block, &job);
  if (status == STATUS_OK && !merge_bins(&job, diff))
    status = STATUS_MEMORY;
  free(job.a_count);
  free(job.b_count);
  free(job.error_sum);
  free(job.error_max);
  return status;
}

/* --- everything ----------------------------------------------------------------------------- */

static enum status lay_channels(const struct tensor *a, int axis, bool turned,
                                struct channels *channels, struct grain *grain, struct error *error)
{
  struct granularity granularity = {.kind = GRAIN_TENSOR};
  struct shape shape = a->shape;
  if (shape.dims == 0 && axis == 0)
    return grain_make(&granularity, &shape, grain, error);
  if (!shape_axis(&shape, axis, &channels->axis))
    return error_set(error, STATUS_USAGE, "expected an axis below %u, found %d", shape.dims, axis);
  if (shape.dims > 1)
    granularity = (struct granularity){.kind = GRAIN_CHANNEL,
                                       .axis = (int)(turned ? 1 - channels->axis : channels->axis)};
  if (turned) {
    shape.dim[0] = a->shape.dim[1];
    shape.dim[1] = a->shape.dim[0];
  }
  return grain_make(&granularity, &shape, grain, error);
}

static void forget_channels(struct channels *channels)
{
  free(channels->channel);
  free(channels->by_ratio);
  *channels = (struct channels){.axis = channels->axis};
}

/* Lays the two over each other as HOW says. A is turned where B, in blocks, cannot be. */
static enum status measure(const struct tensor *a, const struct tensor *b, struct arrangement how,
                           const struct diff_request *request, struct progress *progress,
                           struct diff *diff, struct error *error)
{
  struct arranged left, right;
  struct grain grain;
  bool turned = how.kind == ARRANGED_TRANSPOSED, turn_b = turned && arrange_can_transpose(b);
  if (turned && !turn_b && !arrange_can_transpose(a))
    return error_set(error, STATUS_USAGE,
                     "transposed, and both are stored in blocks (%s, %s): expected plain numbers "
                     "on one side",
                     a->stored->name, b->stored->name);
  arrange_rows(a, (struct arrangement){0}, &left);
  arrange_rows(b, how, &right);
  if (turned)
    arrange_transpose(turn_b ? b : a, turn_b ? &right : &left);
  diff->compared = how;
  enum status status =
      lay_channels(a, request->axis, turned && !turn_b, &diff->channels, &grain, error);
  if (status == STATUS_OK)
    status = compare(&left.feed, &right.feed, &grain, progress, diff);
  if (request->brief)
    forget_channels(&diff->channels);
  if (status == STATUS_OK && request->bins)
    status = bin_both(&left.feed, &right.feed, request, progress, diff);
  return status;
}

static struct diff *diff_new(const struct tensor *a, const struct tensor *b)
{
  struct diff *diff = mem_array(1, sizeof *diff);
  if (!diff)
    return NULL;
  double elements = a->count ? (double)a->count : (double)NAN;
  diff->count = a->count;
  diff->a_bits = 8 * (double)a->bytes / elements;
  diff->b_bits = 8 * (double)b->bytes / elements;
  return diff;
}

/* What the definitions give without a quantizer; the rest is no number here. */
static void forget_quantizer(struct diff *diff)
{
  struct metrics *m = &diff->metrics;
  m->clip_rate = m->rail_rate = m->rounding_mse = m->clipping_mse = m->bulk_sqnr_db = (double)NAN;
  m->code_entropy_bits = m->high_code_rate = m->relative_error_p50 = (double)NAN;
  m->relative_error_p99 = m->kl_divergence = m->clipped_blocks = m->papr = (double)NAN;
  m->bits_per_element = diff->b_bits;
}

static enum status find_grids(const struct tensor *a, const struct tensor *b,
                              struct progress *progress, struct diff *diff, struct error *error)
{
  enum status status = grid_find(a, progress, &diff->a_grid, error);
  return status == STATUS_OK ? grid_find(b, progress, &diff->b_grid, error) : status;
}

static enum status compute(const struct tensor *a, const struct tensor *b,
                           const struct diff_request *request, struct progress *progress,
                           struct diff **out, struct error *error)
{
  bool transposed;
  if (!diff_shapes_fit(a, b, request->align, &transposed)) {
    char found[160], expected[160];
    return error_set(error, STATUS_USAGE, "expected the shape %s, found %s%s",
                     shape_print(&a->shape, expected, sizeof expected),
                     shape_print(&b->shape, found, sizeof found),
                     transposed ? ", the transposed one (--align compares them so)" : "");
  }
  struct diff *diff = diff_new(a, b);
  if (!diff)
    return STATUS_MEMORY;
  struct arrangement how = {transposed ? ARRANGED_TRANSPOSED : ARRANGED_ALIKE, 0};
  progress_expect(progress, a->count * (1 + (size_t)(request->bins > 0)));
  enum status status = measure(a, b, how, request, progress, diff, error);
  if (status == STATUS_OK && !transposed && diff->metrics.sqnr_db < doubtful_db) {
    diff->suggested = arrange_find(a, b);
    if (request->align && diff->suggested.kind != ARRANGED_ALIKE) {
      how = diff->suggested;
      diff_free(diff);
      if (!(diff = diff_new(a, b)))
        return STATUS_MEMORY;
      progress_expect(progress, a->count * (1 + (size_t)(request->bins > 0)));
      status = measure(a, b, how, request, progress, diff, error);
    }
  }
  if (status == STATUS_OK)
    forget_quantizer(diff);
  if (status == STATUS_OK && request->grids)
    status = find_grids(a, b, progress, diff, error);
  if (status == STATUS_OK)
    *out = diff;
  else
    diff_free(diff);
  return status;
}

enum status diff_compute(const struct tensor *a, const struct tensor *b,
                         const struct diff_request *request, struct progress *progress,
                         struct diff **out, struct error *error)
{
  enum status status = compute(a, b, request, progress, out, error);
  if (status == STATUS_MEMORY)
    return error_memory(error, "the comparison");
  return status == STATUS_CANCELLED ? error_set(error, status, "cancelled") : status;
}

void diff_shorten(struct diff *diff)
{
  forget_channels(&diff->channels);
  histogram_free(&diff->a_histogram);
  histogram_free(&diff->b_histogram);
  diff->a_histogram = diff->b_histogram = (struct histogram){0};
  free(diff->error_mean);
  free(diff->error_max);
  diff->error_mean = diff->error_max = NULL;
}

void diff_free(struct diff *diff)
{
  if (!diff)
    return;
  diff_shorten(diff);
  free(diff);
}

/* --- words ---------------------------------------------------------------------------------- */

char *arrangement_print(struct arrangement arrangement, char *text, size_t size)
{
  text[0] = '\0';
  if (arrangement.kind == ARRANGED_TRANSPOSED)
    snprintf(text, size, "transposed");
  else if (arrangement.kind != ARRANGED_ALIKE)
    snprintf(text, size, "rows %sin llama.cpp's rotary order, %zu heads",
             arrangement.kind == ARRANGED_ROPE_BACK ? "of A " : "", arrangement.heads);
  return text;
}

static void say(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void say(char *text, size_t size, const char *format, ...)
{
  size_t used = strlen(text);
  va_list arguments;
  if (used > 0 && used + 2 < size)
    used += (size_t)snprintf(text + used, size - used, "; ");
  va_start(arguments, format);
  vsnprintf(text + used, size - used, format, arguments);
  va_end(arguments);
}

char *diff_remark(const struct diff *diff, char *text, size_t size)
{
  char words[DIFF_TEXT];
  text[0] = '\0';
  if (diff->differing == 0 && diff->count)
    say(text, size, "identical");
  if (diff->compared.kind != ARRANGED_ALIKE)
    say(text, size, "compared %s", arrangement_print(diff->compared, words, sizeof words));
  if (diff->suggested.kind != ARRANGED_ALIKE)
    say(text, size, "%s: --align compares them so",
        arrangement_print(diff->suggested, words, sizeof words));
  if (diff->lost)
    say(text, size, "%llu finite in A only", (unsigned long long)diff->lost);
  if (diff->found)
    say(text, size, "%llu finite in B only", (unsigned long long)diff->found);
  if (diff->a_grid.kind != GRID_NONE)
    say(text, size, "A lies on %s", grid_print(&diff->a_grid, words, sizeof words));
  if (diff->b_grid.kind != GRID_NONE)
    say(text, size, "B lies on %s", grid_print(&diff->b_grid, words, sizeof words));
  return text;
}
