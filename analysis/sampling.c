/* Results from a sample: which elements, and what the rest is likely to be. */
#include "analysis/measure.h"
#include "data/transformed.h"
#include "quant/base/size.h"
#include "quant/block.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <string.h>

enum {
  PIECE = 1024,       /* elements, at least, of a piece of rows: a page */
  PIECES_LEAST = 16,  /* of a sample that says something of the rest */
  NEAR = 1024,        /* elements: shorter stretches are a reading of the whole tensor */
  RAGGED = 1024,      /* units of a row whose last, shorter one may be left out */
  PLACES = 64,        /* wished for, where channels are sampled in part */
  FITTED_LEAST = 512, /* elements of a channel: scales that are fitted to fewer fit them too well */
};

/* A sample is an array of RUNS stretches of storage, LENGTH elements each. */
struct plan {
  enum { STRETCHES, CHANNELS, PLACES_OF_ALL } kind;
  size_t of, pieces;      /* to choose from, chosen: of rows, of the channels, of places */
  size_t per_row, row;    /* STRETCHES: pieces in so many elements */
  size_t channels, inner; /* of the tensor, as a grain has them; else */
  size_t runs, length;
  struct shape shape;
  int axis;   /* of SHAPE, along which the pieces lie */
  bool whole; /* each scale is what it is in the tensor */
};

/* --- which ---------------------------------------------------------------------------------- */

static bool by_extremes(const struct quantizer *quantizer)
{
  return quantizer->by == BY_CALIBRATOR && calibrator_by_extremes(quantizer->calibrator);
}

bool result_sample_extremes(const struct quantizer *quantizer)
{
  if (format_is_block(quantizer->format))
    return block_codec_find(quantizer->format->name)->tensor_scale != NULL;
  return quantizer->granularity.kind == GRAIN_TENSOR && by_extremes(quantizer);
}

/* Pieces of rows of COLUMNS elements in which UNIT neighbours share a scale. */
static bool plan_stretches(size_t count, size_t columns, size_t unit, size_t elements,
                           struct plan *plan)
{
  bool ragged = columns % unit != 0;
  size_t length = size_div_up(PIECE, unit) * unit;
  plan->row = ragged ? columns : count;
  if (ragged && columns / unit < RAGGED)
    length = columns;
  plan->kind = STRETCHES;
  plan->per_row = plan->row / length;
  plan->of = count / plan->row * plan->per_row;
  plan->pieces = size_min(elements / length, plan->of);
  plan->runs = plan->pieces;
  plan->length = length;
  plan->shape = (struct shape){.dims = 2, .dim = {plan->pieces, length}};
  return plan->pieces >= PIECES_LEAST;
}

static bool plan_whole_channels(const struct grain *grain, size_t elements, struct plan *plan)
{
  plan->kind = CHANNELS;
  plan->whole = true;
  plan->of = grain->channels;
  plan->pieces = size_min(elements / (grain->outer * grain->inner), grain->channels);
  plan->runs = grain->outer * plan->pieces;
  plan->length = grain->inner;
  plan->shape = (struct shape){.dims = 3, .dim = {grain->outer, plan->pieces, grain->inner}};
  plan->axis = 1;
  return plan->pieces >= PIECES_LEAST;
}

/* A part of each channel, in places that are the same for all of them. */
static bool plan_places(const struct grain *grain, size_t elements, struct plan *plan)
{
  size_t length = elements / PLACES / grain->channels;
  length = size_min(size_max(length, 1), grain->inner);
  plan->kind = PLACES_OF_ALL;
  plan->whole = false;
  plan->of = grain->outer * (grain->inner / length);
  plan->pieces = size_min(elements / length / grain->channels, plan->of);
  plan->runs = plan->pieces * grain->channels;
  plan->length = length;
  plan->shape = (struct shape){.dims = 3, .dim = {plan->pieces, grain->channels, length}};
  return plan->pieces >= PIECES_LEAST && plan->pieces * length >= FITTED_LEAST;
}

/* SEEN: the tensor was read not long ago, so that reading here and there is not reading all of it
 * from a file. */
static bool plan_channels(const struct grain *grain, size_t elements, bool seen, struct plan *plan)
{
  plan->channels = grain->channels;
  plan->inner = grain->inner;
  return ((seen || grain->inner >= NEAR || grain->outer == 1) &&
          plan_whole_channels(grain, elements, plan)) ||
         plan_places(grain, elements, plan);
}

/* Elements in a row that share what is chosen for them; 1 where all share it. */
static size_t unit_of(const struct quantizer *quantizer, const struct grain *grain)
{
  if (format_is_block(quantizer->format)) {
    size_t length = quantizer->block.length;
    return length ? length : block_codec_find(quantizer->format->name)->length;
  }
  return grain->kind == GRAIN_GROUP   ? size_min(grain->group, grain->columns)
         : grain->kind == GRAIN_TOKEN ? grain->columns
                                      : 1;
}

/* False where no sample makes sense. */
static bool make_plan(const struct tensor *tensor, const struct quantizer *quantizer,
                      const struct result_request *request, size_t elements, struct plan *plan)
{
  const bool block = format_is_block(quantizer->format);
  const struct granularity rows = {.kind = GRAIN_TOKEN};
  const bool shared = !block && quantizer->granularity.kind == GRAIN_TENSOR;
  struct grain grain;
  bool made;
  *plan =
      (struct plan){.whole = !shared || quantizer->by != BY_CALIBRATOR || by_extremes(quantizer)};
  if (tensor_transformed(tensor) || request->calibrated.on || request->calibrated.batching.on ||
      quantizer->block.importance[0] ||
      grain_make(block || shared ? &rows : &quantizer->granularity, &tensor->shape, &grain, NULL) !=
          STATUS_OK ||
      grain.count == 0)
    return false;
  if (grain.kind == GRAIN_CHANNEL)
    made = plan_channels(&grain, elements, request->facts != NULL, plan);
  else
    made = plan_stretches(grain.count, grain.columns, shared ? 1 : unit_of(quantizer, &grain),
                          elements, plan);
  made = made && (plan->whole || !by_extremes(quantizer));
  plan->whole = plan->whole && !quantizer->format->learned;
  return made;
}

bool result_can_sample(const struct tensor *tensor, const struct quantizer *quantizer,
                       const struct result_request *request, size_t elements)
{
  struct plan plan;
  return make_plan(tensor, quantizer, request, elements, &plan);
}

/* Scatters the bits of K. */
static uint64_t mix(uint64_t k)
{
  k = (k + 1) * 0x9E3779B97F4A7C15u;
  k = (k ^ k >> 30) * 0xBF58476D1CE4E5B9u;
  k = (k ^ k >> 27) * 0x94D049BB133111EBu;
  return k ^ k >> 31;
}

/* The piece of stratum K. */
static size_t chosen(const struct plan *plan, size_t k)
{
  size_t each = plan->of / plan->pieces, longer = plan->of % plan->pieces;
  size_t first = k * each + size_min(k, longer);
  return first + (size_t)(mix(k) % (each + (k < longer)));
}

static size_t run_start(const struct plan *plan, size_t run)
{
  size_t channel, piece;
  switch (plan->kind) {
  case STRETCHES:
    piece = chosen(plan, run);
    return piece / plan->per_row * plan->row + piece % plan->per_row * plan->length;
  case CHANNELS:
    channel = chosen(plan, run % plan->pieces);
    return (run / plan->pieces * plan->channels + channel) * plan->inner;
  case PLACES_OF_ALL:
    break;
  }
  size_t per_outer = plan->inner / plan->length;
  piece = chosen(plan, run / plan->channels);
  channel = run % plan->channels;
  return (piece / per_outer * plan->channels + channel) * plan->inner +
         piece % per_outer * plan->length;
}

/* --- reading -------------------------------------------------------------------------------- */

struct reading {
  const struct plan *plan;
  const struct feed *feed;
  const struct progress *progress;
  size_t together; /* runs of a job */
  float *values;
};

static void read_runs(void *context, size_t chunk, unsigned worker)
{
  const struct reading *reading = context;
  const struct plan *plan = reading->plan;
  size_t first = chunk * reading->together;
  size_t end = size_min(first + reading->together, plan->runs);
  (void)worker;
  for (size_t run = first; run < end && !progress_cancelled(reading->progress); run++) {
    size_t start = run_start(plan, run);
    float *values = reading->values + run * plan->length;
    for (size_t i = 0, n; i < plan->length; i += n) {
      n = size_min(FEED_BLOCK, plan->length - i);
      const float *x = feed_block(reading->feed, start + i, n, values + i);
      if (x != values + i)
        memcpy(values + i, x, n * sizeof *x);
    }
  }
}

static enum status read_sample(const struct tensor *tensor, const struct plan *plan,
                               struct progress *progress, float **out, struct error *error)
{
  const struct feed feed = tensor_feed(tensor);
  struct reading reading = {.plan = plan,
                            .feed = &feed,
                            .progress = progress,
                            .together = size_div_up(FEED_CHUNK, plan->length),
                            .values = mem_array(plan->runs, plan->length * sizeof(float))};
  if (!reading.values)
    return error_memory(error, "a sample");
  enum status status =
      pool_for(size_div_up(plan->runs, reading.together), read_runs, &reading, progress);
  *out = reading.values;
  return status;
}

/* --- what it says of the rest --------------------------------------------------------------- */

/* Sums over each piece: of the squares, and how many values are finite. */
struct pieces {
  double *squares, *finite;
  size_t all; /* finite ones */
};

static void add_pieces(const struct plan *plan, const float *values, struct pieces *pieces)
{
  for (size_t run = 0; run < plan->runs; run++) {
    const float *x = values + run * plan->length;
    size_t finite = 0;
    double sum = 0;
    for (size_t i = 0; i < plan->length; i++) {
      bool counts = fabsf(x[i]) < INFINITY;
      sum += counts ? (double)x[i] * (double)x[i] : 0;
      finite += counts;
    }
    pieces->squares[run % plan->pieces] += sum;
    pieces->finite[run % plan->pieces] += (double)finite;
    pieces->all += finite;
  }
}

static double error_of(const struct channel *piece)
{
  return piece->finite ? piece->mse * (double)piece->finite : 0;
}

/* Half of the interval around the ratio of the errors of all pieces to their WEIGHTS, relative to
 * it; NaN where nothing is to be stated. */
static double margin(const struct plan *plan, const struct channel *piece, const double *weights)
{
  const double most = 0.2, confidence = 0.999;
  double error = 0, weight = 0, largest = 0, widest = 0, sum = 0, n = (double)plan->pieces;
  for (size_t i = 0; i < plan->pieces; i++) {
    error += error_of(&piece[i]);
    weight += weights[i];
    largest = fmax(largest, error_of(&piece[i]));
    widest = fmax(widest, weights[i]);
  }
  if (!(error > 0 && isfinite(error) && isfinite(weight)) || largest > most * error ||
      widest > most * weight)
    return (double)NAN;
  for (size_t i = 0; i < plan->pieces; i++) {
    double off = error_of(&piece[i]) / error - weights[i] / weight;
    sum += off * off;
  }
  double left = 1 - n / (double)plan->of;
  return gsl_cdf_tdist_Pinv((1 + confidence) / 2, n - 1) * sqrt(left * n / (n - 1) * sum);
}

/* By the squares of the values, whose mean is known or is not to be known: errors often go with
 * them. Or by the number of values, where that says more and the mean of the squares is known. */
static void set_bounds(const struct plan *plan, const struct pieces *pieces, bool known,
                       struct result *result)
{
  struct metrics *metrics = &result->metrics;
  const struct channels *channels = &result->channels;
  double rms2 = result->facts.rms * result->facts.rms, off = (double)NAN, even = (double)NAN;
  double mse = rms2 * pow(10, -metrics->sqnr_db / 10); /* 0 without an error */
  if (plan->whole && !(metrics->overflow_rate > 0) && channels->count == plan->pieces) {
    off = margin(plan, channels->channel, pieces->squares);
    even = known ? margin(plan, channels->channel, pieces->finite) : (double)NAN;
  }
  if (isnan(off) ? known : even < off) {
    off = even;
    mse = metrics->mse;
  }
  if (isfinite(mse))
    metrics_set_mse(metrics, result->facts.rms, mse);
  result->least_mse = isnan(off) ? off : fmax(1 - off, 0) * metrics->mse;
  result->most_mse = (1 + off) * metrics->mse;
}

static void scale_histogram(struct histogram *h, double by)
{
  uint64_t *const outside[] = {&h->under, &h->over, &h->nan, &h->inf};
  for (size_t i = 0; i < h->bins; i++)
    h->count[i] = (uint64_t)llround((double)h->count[i] * by);
  for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
    *outside[i] = (uint64_t)llround((double)*outside[i] * by);
}

/* As many as there are, in place of those that were looked at. */
static void scale_counts(const struct tensor *tensor, const struct result_request *request,
                         struct result *result)
{
  struct facts *facts = &result->facts;
  uint64_t *const counts[] = {&facts->finite, &facts->nan, &facts->inf, &facts->zeros,
                              &facts->denormals};
  const struct histogram *known = request->original;
  struct histogram *original = &result->original;
  double by = 1 / result->sampled;
  for (size_t i = 0; !request->facts && i < sizeof counts / sizeof *counts; i++)
    *counts[i] = (uint64_t)llround((double)*counts[i] * by);
  facts->count = tensor->count;
  scale_histogram(&result->reconstruction, by);
  scale_histogram(&result->error, by);
  for (size_t i = 0; result->error2 && i < original->bins; i++)
    result->error2[i] *= by;
  scale_histogram(original, by);
  if (known && known->bins > 0 && known->bins == original->bins && known->lo == original->lo &&
      known->hi == original->hi) {
    uint64_t *count = original->count;
    memcpy(count, known->count, known->bins * sizeof *count);
    *original = *known;
    original->count = count;
  }
}

/* What a channel is in the sample means nothing outside of it; nor does its fit. */
static void forget_parts(struct result *result)
{
  struct metrics *metrics = &result->metrics;
  free(result->channels.channel);
  free(result->channels.by_ratio);
  result->channels = (struct channels){.count = 0};
  metrics->channel_sqnr_median = metrics->channel_sqnr_worst = (double)NAN;
  metrics->worst_channel = 0;
  fit_free(result->fit);
  result->fit = NULL;
}

/* Scales are shared by more, or by fewer, in a sample. */
static void set_bits(const struct tensor *tensor, const struct quantizer *quantizer,
                     struct result *result)
{
  size_t bytes, scales = 0;
  double codes = (double)quantizer->format->bits, *bits = &result->metrics.bits_per_element;
  double units = (double)fit_grain(result->fit)->units;
  if (quantizer_fit_size(quantizer, &tensor->shape, &bytes, &scales, NULL) != STATUS_OK)
    return;
  result->scales = scales;
  if (!format_is_block(quantizer->format))
    *bits = codes + (*bits - codes) * result->sampled * (double)scales / units;
}

static void extrapolate(const struct tensor *tensor, const struct quantizer *quantizer,
                        const struct result_request *request, const struct plan *plan,
                        const struct pieces *pieces, struct result *result)
{
  result->estimated = result->partial = true;
  result->sampled = (double)(plan->runs * plan->length) / (double)tensor->count;
  result->facts_sampled = !request->facts;
  result->quantizer = *quantizer;
  set_bounds(plan, pieces, request->facts != NULL, result);
  set_bits(tensor, quantizer, result);
  scale_counts(tensor, request, result);
  forget_parts(result);
}

/* --- the whole ------------------------------------------------------------------------------ */

static enum status measure_sample(const struct tensor *tensor, const struct quantizer *quantizer,
                                  const struct result_request *request,
                                  const struct extremes *extremes, const struct plan *plan,
                                  const float *values, struct progress *progress,
                                  struct result **out, struct error *error)
{
  struct pieces pieces = {.squares = mem_array(plan->pieces, 2 * sizeof(double))};
  if (!pieces.squares)
    return error_memory(error, "the pieces of a sample");
  pieces.finite = pieces.squares + plan->pieces;
  add_pieces(plan, values, &pieces);
  struct extremes lent = {.min = INFINITY};
  if (extremes)
    lent = *extremes;
  lent.finite = pieces.all;
  struct tensor sample = {.name = tensor->name,
                          .shape = plan->shape,
                          .stored = stored_find("f32"),
                          .count = plan->runs * plan->length,
                          .bytes = plan->runs * plan->length * sizeof *values,
                          .data = (const unsigned char *)values};
  const struct feed feed = tensor_feed(&sample);
  struct facts facts;
  struct quantizer own = *quantizer;
  enum status status = STATUS_OK;
  if (own.granularity.kind == GRAIN_CHANNEL)
    own.granularity.axis = 1;
  const struct result_request measured = {.axis = plan->axis,
                                          .bins = request->bins,
                                          .lo = request->lo,
                                          .hi = request->hi,
                                          .no_errors = request->no_errors,
                                          .facts = request->facts ? request->facts : &facts,
                                          .extremes = extremes ? &lent : NULL};
  if (!request->facts)
    status = facts_compute(&feed, tensor_least_normal(tensor), progress, &facts, error);
  if (status == STATUS_OK)
    status = result_compute(&sample, &own, &measured, progress, out, error);
  if (status == STATUS_OK)
    extrapolate(tensor, quantizer, request, plan, &pieces, *out);
  free(pieces.squares);
  return status;
}

enum status result_sample(const struct tensor *tensor, const struct quantizer *quantizer,
                          const struct result_request *request, const struct extremes *extremes,
                          size_t elements, struct progress *progress, struct result **out,
                          struct error *error)
{
  struct plan plan;
  float *values = NULL;
  if (!make_plan(tensor, quantizer, request, elements, &plan) ||
      (!extremes && result_sample_extremes(quantizer)))
    return error_set(error, STATUS_USAGE, "no sample tells what this quantizer does to all");
  enum status status = read_sample(tensor, &plan, progress, &values, error);
  if (status == STATUS_OK)
    status =
        measure_sample(tensor, quantizer, request, extremes, &plan, values, progress, out, error);
  free(values);
  return status;
}
