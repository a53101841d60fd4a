#include "analysis/result.h"

#include "analysis/checks.h"
#include "analysis/measure.h"
#include "analysis/sweep.h"
#include "data/numbers.h"
#include "data/source.h"
#include "data/tensor_digest.h"
#include "data/transformed.h"
#include "quant/base/clock.h"
#include "quant/base/size.h"
#include "quant/format.h"

#include <math.h>

#define NONE ((double)NAN)

static const struct metrics no_metrics = {
    .mse = NONE,
    .rmse = NONE,
    .sqnr_db = NONE,
    .max_abs_error = NONE,
    .mean_error = NONE,
    .clip_rate = NONE,
    .rail_rate = NONE,
    .overflow_rate = NONE,
    .rounding_mse = NONE,
    .clipping_mse = NONE,
    .bulk_sqnr_db = NONE,
    .channel_sqnr_median = NONE,
    .channel_sqnr_worst = NONE,
    .papr = NONE,
    .zero_rate = NONE,
    .code_entropy_bits = NONE,
    .high_code_rate = NONE,
    .cosine = NONE,
    .relative_error_p50 = NONE,
    .relative_error_p99 = NONE,
    .kl_divergence = NONE,
    .clipped_blocks = NONE,
    .bits_per_element = NONE,
};

/* The channels of TENSOR along AXIS. Where each channel would be a single element of a long
 * tensor, per-channel numbers say nothing and cost more than the tensor: it is one channel. So it
 * is where there are more than anybody looks at. */
static enum status lay_channels(const struct tensor *tensor, int axis, struct result *result,
                                struct grain *grain, struct error *error)
{
  struct granularity channels = {.kind = GRAIN_CHANNEL, .axis = axis};
  enum status status = grain_make(&channels, &tensor->shape, grain, error);
  if (status != STATUS_OK)
    return status;
  if (!shape_axis(&tensor->shape, axis, &result->channels.axis))
    result->channels.axis = 0; /* a scalar */
  if (grain->units > RESULT_CHANNELS_MOST ||
      (grain->units == grain->count && grain->count > RESULT_SINGLES_MOST))
    status = grain_make(&(struct granularity){.kind = GRAIN_TENSOR}, &tensor->shape, grain, error);
  return status;
}

/* True when what is kept of QUANTIZER would take more than KEEP bytes, and need not be. */
static bool on_demand(const struct tensor *tensor, const struct quantizer *quantizer, size_t keep)
{
  size_t bytes, scales;
  return quantizer_fit_size(quantizer, &tensor->shape, &bytes, &scales, NULL) == STATUS_OK &&
         bytes > keep && quantizer_can_fit_on_demand(quantizer, &tensor->shape);
}

enum status result_check_room(const struct tensor *tensor, const struct quantizer *quantizer,
                              struct error *error)
{
  size_t need, scales, half = source_memory() / 2;
  enum status status = quantizer_fit_size(quantizer, &tensor->shape, &need, &scales, error);
  if (status != STATUS_OK || need <= half || on_demand(tensor, quantizer, RESULT_KEEP))
    return status;
  return error_set(error, STATUS_MEMORY,
                   "%zu scales for %zu elements need some %zu MB; half of this machine's memory is "
                   "%zu MB: let more elements share a scale",
                   scales, tensor->count, need >> 20, half >> 20);
}

static size_t passes(const struct result_request *request, bool counted)
{
  if (counted)
    return request->at_once ? 0 : (size_t)(1 + request->blocks);
  return (size_t)(1 + (request->bins > 0) + (request->details ? 2 : 0) + request->blocks);
}

/* What a transformed tensor cannot have. */
static enum status check_transform(const struct tensor *tensor, const struct quantizer *quantizer,
                                   const struct result_request *request, struct error *error)
{
  const struct transformed *transformed = tensor_transformed(tensor);
  char word[TRANSFORM_TEXT];
  if (!transformed)
    return STATUS_OK;
  if (request->calibrated.on)
    return error_set(error, STATUS_USAGE,
                     "%s: the data to calibrate on would have to be transformed, too",
                     transform_print(&transformed->transform, word));
  if (transformed->transform.kind == TRANSFORM_SPLIT && format_is_block(quantizer->format))
    return error_set(error, STATUS_USAGE,
                     "%s: %s stores whole blocks; a channel of its own needs a plain format",
                     transform_print(&transformed->transform, word), quantizer->format->name);
  return STATUS_OK;
}

/* The board that goes with RESULT. */
static enum status compute_board(const struct tensor *tensor, const struct result_request *request,
                                 const struct digest *digest, struct progress *progress,
                                 struct result *result, struct error *error)
{
  const struct board_request board = {.unit =
                                          request->unit < 0 ? PROBE_LARGEST : (size_t)request->unit,
                                      .axis = request->axis,
                                      .facts = &result->facts,
                                      .digest = digest,
                                      .calibrated = request->calibrated,
                                      .theory = request->theory};
  return board_compute(tensor, &result->quantizer, &board, progress, &result->board, error);
}

/* They look at the finished result, and measure others like it. */
static enum status compute_checks(const struct tensor *tensor, const struct result_request *request,
                                  const struct digest *digest, struct progress *progress,
                                  struct result *result, struct error *error)
{
  struct checks *checks = mem_array(1, sizeof *checks);
  if (!checks)
    return error_memory(error, "the checks");
  const struct result_request plain = {.axis = request->axis,
                                       .lo = NONE,
                                       .hi = NONE,
                                       .facts = &result->facts,
                                       .digest = digest,
                                       .calibrated = request->calibrated};
  enum status status = checks_compute(tensor, result, &plain, progress, checks, error);
  if (status == STATUS_OK)
    result->checks = checks;
  else
    free(checks);
  return status;
}

static enum status measure_all(const struct measure *known, const struct result_request *request,
                               struct result *result, struct error *error)
{
  struct measure measure = *known;
  result->partial = measure.counted && request->at_once;
  measure.errors_only = request->errors_only;
  enum status status = measure_metrics(&measure, result, error);
  result->metrics.papr = result->facts.papr;
  if (status == STATUS_OK && measure.feed->count)
    result->metrics.bits_per_element = fit_bits_per_element(result->fit);
  if (status == STATUS_OK && request->bins)
    status = measure_histograms(&measure, request, result, error);
  if (status == STATUS_OK && request->details)
    status = measure_details(&measure, result, error);
  if (status == STATUS_OK && measure.counted && !result->partial)
    status = measure_channels(&measure, result, error);
  if (status == STATUS_OK && request->blocks && !result->partial)
    status =
        inspect_errors_compute(measure.feed, result->fit, measure.progress, &result->blocks, error);
  return status;
}

/* The same, by the DIGEST of the tensor where it answers. */
static enum status measure_known(struct measure *measure, const struct digest *digest,
                                 const struct result_request *request, struct result *result,
                                 struct error *error)
{
  struct counted counted;
  if (!digest || !counted_can_answer(&result->quantizer))
    return measure_all(measure, request, result, error);
  if (counted_make(digest, result->fit, &counted) != STATUS_OK)
    return error_memory(error, "the reconstruction of the digest");
  measure->counted = &counted;
  enum status status = measure_all(measure, request, result, error);
  measure->counted = NULL;
  counted_free(&counted);
  return status;
}

struct target {
  const struct tensor *tensor;
  struct batch values; /* its own */
  const struct calibrated *calibrated;
  bool timed;
  size_t keep;
};

/* On the batches of the tensor itself. */
static enum status fit_own_batches(const struct target *target, const struct quantizer *quantizer,
                                   struct progress *progress, struct fit **out, struct error *error)
{
  struct batches *batches = batches_new();
  enum status status =
      batches ? batches_add(batches, target->tensor, NULL, target->calibrated->batching, error)
              : error_memory(error, "the batches");
  if (status == STATUS_OK)
    status = quantizer_fit_batches(quantizer, batches->batch, batches->count,
                                   &target->tensor->shape, progress, out, error);
  batches_free(batches);
  return status;
}

static enum status no_batches(const struct quantizer *quantizer, struct error *error)
{
  return error_set(error, STATUS_USAGE,
                   "%s: goes from batch to batch, but scales of tokens, groups and blocks are made "
                   "at run time from the values they serve",
                   quantizer->calibrator->name);
}

/* Only what depends on the batches is fitted to them one by one: together they are the tensor. */
static enum status fit_target(const struct target *target, const struct quantizer *quantizer,
                              struct progress *progress, struct fit **out, struct error *error)
{
  const struct calibrated *how = target->calibrated;
  const struct shape *shape = &target->tensor->shape;
  bool running = quantizer->by == BY_CALIBRATOR && quantizer->calibrator->running;
  bool dynamic = quantizer_is_dynamic(quantizer);
  if (running && dynamic && (how->on || how->batching.on))
    return no_batches(quantizer, error);
  if (how->on && !dynamic && running)
    return quantizer_fit_batches(quantizer, how->on->batch, how->on->count, shape, progress, out,
                                 error);
  if (how->on && !dynamic)
    return quantizer_fit_batches(quantizer, how->on->whole, how->on->wholes, shape, progress, out,
                                 error);
  enum status status = batching_check(how->batching, quantizer, shape, error);
  if (status != STATUS_OK)
    return status;
  if (how->batching.on && running)
    return fit_own_batches(target, quantizer, progress, out, error);
  if (on_demand(target->tensor, quantizer, target->keep))
    return quantizer_fit_on_demand(quantizer, &target->values.feed, shape, progress, out, error);
  return (target->timed ? quantizer_fit_values : quantizer_fit_waiting)(quantizer, &target->values,
                                                                        progress, out, error);
}

/* Fits the quantizer; what its spec names as a file is lent for as long as that takes. */
static enum status fit(const struct target *target, struct progress *progress,
                       struct result *result, struct error *error)
{
  struct quantizer quantizer = result->quantizer;
  struct block_choice *block = &quantizer.block;
  float *weights = NULL;
  enum status status = STATUS_OK;
  if (block->importance[0])
    status = numbers_read_for(block->importance, target->tensor->name, &weights,
                              &block->weight_count, error);
  block->weights = weights;
  double start = seconds_now();
  if (status == STATUS_OK)
    status = fit_target(target, &quantizer, progress, &result->fit, error);
  result->fit_seconds = seconds_now() - start;
  free(weights);
  return status;
}

static enum status compute(const struct tensor *tensor, const struct result_request *request,
                           struct progress *progress, struct result *result, struct error *error)
{
  struct feed feed = tensor_feed(tensor);
  struct measure measure = {.feed = &feed,
                            .progress = progress,
                            .ranges = {(double)INFINITY, -(double)INFINITY},
                            .restored = tensor_transformed(tensor) != NULL};
  enum status status = lay_channels(tensor, request->axis, result, &measure.channels, error);
  if (status == STATUS_OK)
    status = result_check_room(tensor, &result->quantizer, error);
  if (status == STATUS_OK)
    status = check_transform(tensor, &result->quantizer, request, error);
  if (status != STATUS_OK)
    return status;
  struct digest *own = NULL;
  bool counted = request->facts ? request->digest != NULL : tensor_has_digest(tensor);
  progress_expect(progress,
                  passes(request, counted && counted_can_answer(&result->quantizer)) * feed.count);
  if (request->facts)
    result->facts = *request->facts;
  else
    status = facts_of_tensor(tensor, progress, &result->facts, &own, error);
  /* A fit that is timed looks for its extremes itself, as it would have to elsewhere. */
  const struct extremes known = facts_extremes(&result->facts);
  const struct extremes *extremes = request->timed ? NULL : &known;
  const struct target target = {tensor,
                                {feed, tensor->shape, request->facts ? request->digest : own,
                                 request->extremes ? request->extremes : extremes},
                                &request->calibrated,
                                request->timed,
                                request->keep_nothing ? 0 : RESULT_KEEP};
  if (status == STATUS_OK)
    status = fit(&target, progress, result, error);
  measure.fit = measure.own = result->fit;
  if (status == STATUS_OK)
    status = measure_known(&measure, target.values.digest, request, result, error);
  if (status == STATUS_OK && tensor_transformed(tensor))
    status = restore_errors(&measure, tensor, result, error);
  if (status == STATUS_OK && request->board && !result->partial)
    status = compute_board(tensor, request, target.values.digest, progress, result, error);
  if (status == STATUS_OK && request->heat.down && !result->partial)
    status = heat_compute(tensor, result->fit, request->axis, &request->heat, progress,
                          &result->heat, error);
  if (status == STATUS_OK && request->checks && !result->partial)
    status = compute_checks(tensor, request, target.values.digest, progress, result, error);
  digest_free(own);
  return status;
}

enum status result_compute(const struct tensor *tensor, const struct quantizer *quantizer,
                           const struct result_request *request, struct progress *progress,
                           struct result **out, struct error *error)
{
  struct result *result = mem_array(1, sizeof *result);
  if (!result)
    return error_memory(error, "the result");
  result->quantizer = *quantizer;
  result->metrics = no_metrics;
  enum status status = compute(tensor, request, progress, result, error);
  if (status == STATUS_OK) {
    *out = result;
    return status;
  }
  result_free(result);
  return status == STATUS_CANCELLED ? error_set(error, status, "cancelled") : status;
}

void result_free(struct result *result)
{
  if (!result)
    return;
  histogram_free(&result->original);
  histogram_free(&result->reconstruction);
  histogram_free(&result->error);
  free(result->error_mean);
  free(result->error_max);
  free(result->error2);
  free(result->channels.channel);
  free(result->channels.by_ratio);
  inspect_errors_free(result->blocks);
  board_free(result->board);
  heat_free(result->heat);
  sweep_free(result->sweep);
  if (result->checks)
    checks_free(result->checks);
  free(result->checks);
  if (result->fit)
    fit_free(result->fit);
  free(result);
}
