#include "analysis/checks.h"

#include "analysis/codes.h"
#include "analysis/what_if.h"
#include "data/transformed.h"
#include "quant/base/size.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define NONE ((double)NAN)

/* --- the codes ------------------------------------------------------------------------------- */

static void count_block(void *context, const struct pass_block *block)
{
  bool finite = true;
  for (size_t i = 0; i < block->n && finite; i++)
    finite = isfinite(block->x[i]);
  codes_add(context, block, finite);
}

/* What CODE stands for, for comparing: with a zero point the codes themselves are in order. */
static double code_number(const struct result *result, size_t code)
{
  return result->quantizer.asymmetric ? (double)code
                                      : fit_code_value(result->fit, 0, (uint32_t)code);
}

/* Codes within LO..HI that never occur: minus zero is no code of its own, nor are NaN and infinity.
 */
static size_t count_dead(const struct result *result, const struct codes *codes, double lo,
                         double hi)
{
  size_t dead = 0;
  for (size_t i = 0; i < codes->codes; i++) {
    double value = code_number(result, i);
    bool own = isfinite(value) && !(value == 0 && signbit(value));
    dead += own && codes->count[i] == 0 && value >= lo && value <= hi;
  }
  return dead;
}

static bool keep_histogram(const struct result *result, const struct codes *codes,
                           struct checks *out)
{
  if (codes->codes > CHECKS_CODES_MOST)
    return true;
  out->code_value = mem_array(codes->codes, sizeof *out->code_value);
  out->code_count = mem_array(codes->codes, sizeof *out->code_count);
  if (!out->code_value || !out->code_count)
    return false;
  out->codes = codes->codes;
  for (size_t i = 0; i < codes->codes; i++) {
    out->code_value[i] = code_number(result, i);
    out->code_count[i] = codes->count[i];
  }
  return true;
}

static bool judge_codes(const struct result *result, const struct codes *codes, struct checks *out)
{
  double lo = (double)INFINITY, hi = -(double)INFINITY;
  for (size_t i = 0; i < codes->codes; i++)
    if (codes->count[i]) {
      lo = fmin(lo, code_number(result, i));
      hi = fmax(hi, code_number(result, i));
    }
  double dead = (double)count_dead(result, codes, lo, hi), levels = (double)result->metrics.levels;
  double used = (double)result->metrics.levels_used;
  if (used > 0) {
    out->dead_codes = dead / (dead + used);
    out->unused_codes = (levels - used) / levels;
  }
  return keep_histogram(result, codes, out);
}

/* Counts the codes once more: a result keeps what follows from them, not the counts. */
static enum status count_codes(const struct tensor *tensor, const struct result *result,
                               struct progress *progress, struct checks *out, struct error *error)
{
  struct feed feed = tensor_feed(tensor);
  struct metrics scratch = result->metrics;
  struct codes codes;
  const struct pass pass = {.feed = &feed,
                            .fit = result->fit,
                            .spans = pass_spans(feed.count, 64),
                            .codes = true,
                            .progress = progress};
  enum status status = STATUS_OK;
  bool good = codes_init(&codes, result->fit);
  if (good && codes.codes && feed.count) {
    progress_expect(progress, feed.count);
    status = pass_run(&pass, count_block, &codes);
    codes_finish(&codes, &scratch);
    good = status != STATUS_OK || judge_codes(result, &codes, out);
  }
  codes_free(&codes);
  return good ? status : error_memory(error, "the checks");
}

/* --- what if --------------------------------------------------------------------------------- */

struct trial_case {
  const struct tensor *tensor;
  const struct result *result;
  struct result_request request;
  struct progress *progress;
};

/* What row NAME of the what-ifs gains over the result; NaN when it cannot be. */
static enum status gain_of(const struct trial_case *t, const char *name, double *gain,
                           struct error *error)
{
  const struct what_if_case now = what_if_case_of(t->tensor, t->result, &t->request);
  struct what_if_answer answer;
  enum status status = what_if_measure(what_if_find(name), &now, t->progress, &answer, error);
  *gain = status == STATUS_OK ? answer.sqnr_db - t->result->metrics.sqnr_db : NONE;
  return status;
}

/* Squared error of X as a 16-bit float; beyond its range bfloat16 takes over. */
static double error16(double x, const struct format *format)
{
  double y = (double)format_decode(format, format_encode(format, (float)x));
  return (x - y) * (x - y);
}

/* The tensor again, its largest magnitudes replaced by NaN, which no calibrator and no metric sees.
 */
struct masked {
  struct derived derived; /* first: its decoder gets this one */
  struct feed feed;
  uint32_t threshold;              /* larger bit patterns of magnitudes are masked */
  const struct progress *progress; /* once it is cancelled, no number counts */
  struct tensor tensor;
  double kept_error2; /* of the elements kept in 16 bits */
  uint64_t kept;
};

static uint32_t magnitude_bits(float x)
{
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits & 0x7fffffff;
}

static bool is_kept(const struct masked *masked, float x)
{
  return isfinite(x) && magnitude_bits(x) > masked->threshold;
}

static void decode_masked(const struct derived *derived, size_t start, size_t n, float *out)
{
  const struct masked *masked = (const struct masked *)derived;
  float scratch[FEED_BLOCK];
  for (size_t i = 0, m; i < n; i += m) {
    m = size_min(FEED_BLOCK, n - i);
    const float *x = feed_block(&masked->feed, start + i, m, scratch);
    for (size_t k = 0; k < m; k++)
      out[i + k] = is_kept(masked, x[k]) ? NAN : x[k];
  }
}

/* Borrows TENSOR; stays where it is. */
static void mask_begin(const struct tensor *tensor, const struct progress *progress,
                       struct masked *masked)
{
  *masked = (struct masked){
      .derived = {.decode = decode_masked}, .feed = tensor_feed(tensor), .progress = progress};
  masked->tensor = (struct tensor){.name = tensor->name,
                                   .shape = tensor->shape,
                                   .stored = stored_find("f32"),
                                   .count = tensor->count,
                                   .bytes = tensor->count * sizeof(float),
                                   .derived = &masked->derived};
}

static enum status masked_gain(const struct trial_case *t, const struct masked *masked,
                               double *gain, struct error *error)
{
  struct result *rest;
  struct result_request request = t->request;
  const struct metrics *whole = &t->result->metrics;
  double n = (double)t->result->facts.finite, rms = t->result->facts.rms;
  request.facts = NULL;
  request.digest = NULL;
  enum status status =
      result_compute(&masked->tensor, &t->result->quantizer, &request, t->progress, &rest, error);
  if (status != STATUS_OK)
    return status;
  double left = rest->facts.finite ? rest->metrics.mse * (double)rest->facts.finite : 0;
  *gain = sqnr_db(n * rms * rms, left + masked->kept_error2) - whole->sqnr_db;
  result_free(rest);
  return STATUS_OK;
}

static const struct format *format16(const struct facts *facts)
{
  return format_find(facts->absmax <= 65504 ? "float16" : "bfloat16");
}

/* Adds the finite magnitudes of N values that begin with PREFIX (all of them where it is negative)
 * to COUNT, by the 16 bits that follow. */
static void count_bits(const float *x, size_t n, long prefix, uint64_t *count)
{
  for (size_t i = 0; i < n; i++) {
    uint32_t bits = magnitude_bits(x[i]);
    if (isfinite(x[i]) && prefix < 0)
      count[bits >> 16]++;
    else if (isfinite(x[i]) && (long)(bits >> 16) == prefix)
      count[bits & 0xffff]++;
  }
}

static void count_magnitudes(const struct masked *masked, long prefix, uint64_t *count)
{
  float scratch[FEED_BLOCK];
  for (size_t start = 0, n; start < masked->feed.count && !progress_cancelled(masked->progress);
       start += n) {
    n = size_min(FEED_BLOCK, masked->feed.count - start);
    count_bits(feed_block(&masked->feed, start, n, scratch), n, prefix, count);
  }
}

/* The largest bit pattern of which at most MOST finite magnitudes are larger; 16 bits first, the
 * rest among those that share them. False when memory runs out. */
static bool find_threshold(struct masked *masked, uint64_t most)
{
  uint64_t *count = mem_array(2 * 65536, sizeof *count), above = 0;
  if (!count)
    return false;
  count_magnitudes(masked, -1, count);
  uint32_t high = 0x7fff;
  while (high > 0 && above + count[high] <= most)
    above += count[high--];
  uint64_t *low_count = count + 65536;
  count_magnitudes(masked, (long)high, low_count);
  uint32_t low = 0xffff;
  while (low > 0 && above + low_count[low] <= most)
    above += low_count[low--];
  free(count);
  masked->threshold = high << 16 | low;
  return true;
}

static bool keep_values(const struct trial_case *t, struct masked *masked)
{
  const struct format *format = format16(&t->result->facts);
  float scratch[FEED_BLOCK];
  if (!find_threshold(masked, t->result->facts.finite / CHECKS_VALUES_PER))
    return false;
  for (size_t start = 0, n; start < masked->feed.count && !progress_cancelled(masked->progress);
       start += n) {
    n = size_min(FEED_BLOCK, masked->feed.count - start);
    const float *x = feed_block(&masked->feed, start, n, scratch);
    for (size_t i = 0; i < n; i++)
      if (is_kept(masked, x[i])) {
        masked->kept_error2 += error16((double)x[i], format);
        masked->kept++;
      }
  }
  return true;
}

/* The largest values, whatever their channels, and the largest channels. */
static enum status try_values(const struct trial_case *t, struct checks *out, struct error *error)
{
  struct masked masked;
  enum status status = STATUS_OK;
  mask_begin(t->tensor, t->progress, &masked);
  if (!keep_values(t, &masked))
    status = error_memory(error, "the checks");
  out->values_kept = masked.kept;
  if (status == STATUS_OK && masked.kept)
    status = masked_gain(t, &masked, &out->outlier_values_gain_db, error);
  return status;
}

static enum status try_outliers(const struct trial_case *t, struct checks *out, struct error *error)
{
  size_t all = t->result->channels.count, channels = size_min(WHAT_IF_CHANNELS, all / 2);
  bool meaningful = !t->request.calibrated.on && !format_is_block(t->result->quantizer.format) &&
                    t->result->facts.finite > 0;
  if (!meaningful)
    return STATUS_OK;
  enum status status = tensor_transformed(t->tensor) ? STATUS_OK : try_values(t, out, error);
  if (status != STATUS_OK || channels == 0 || all > RESULT_SINGLES_MOST)
    return status;
  status = gain_of(t, "split", &out->outlier_channels_gain_db, error);
  if (!isnan(out->outlier_channels_gain_db))
    out->channels_kept = channels;
  return status;
}

enum status checks_compute(const struct tensor *tensor, const struct result *result,
                           const struct result_request *request, struct progress *progress,
                           struct checks *out, struct error *error)
{
  const struct metrics *metrics = &result->metrics;
  struct trial_case t = {tensor, result, *request, progress};
  t.request.bins = 0;
  t.request.details = t.request.blocks = t.request.board = false;
  *out = (struct checks){.utilisation = metrics->high_code_rate,
                         .rail_rate = metrics->rail_rate,
                         .code_entropy = metrics->code_entropy_bits,
                         .dead_codes = NONE,
                         .unused_codes = NONE,
                         .flushed = metrics->zero_rate,
                         .asymmetry_gain_db = NONE,
                         .extra_bit_gain_db = NONE,
                         .outlier_channels_gain_db = NONE,
                         .outlier_values_gain_db = NONE};
  enum status status = format_is_block(result->quantizer.format)
                           ? STATUS_OK
                           : count_codes(tensor, result, progress, out, error);
  /* An exact reconstruction cannot gain. */
  if (status == STATUS_OK && isfinite(metrics->sqnr_db)) {
    status = gain_of(&t, "asym", &out->asymmetry_gain_db, error);
    if (status == STATUS_OK)
      status = gain_of(&t, "bit", &out->extra_bit_gain_db, error);
    if (status == STATUS_OK)
      status = try_outliers(&t, out, error);
  }
  if (status != STATUS_OK)
    checks_free(out);
  return status;
}

void checks_free(struct checks *checks)
{
  free(checks->code_value);
  free(checks->code_count);
  checks->code_value = NULL;
  checks->code_count = NULL;
}
