/* The causes of an error: one row each. */
#include "analysis/verdict.h"

#include <math.h>
#include <stdio.h>

enum { SHARE_TEXT = 32 };

/* The largest value is this many times the 99th percentile where a few values set a scale. */
static const double FEW_RATIO = 4;
/* Less of a range about 0 left unused is usual. */
static const double UNUSED_LEAST = 0.35;
/* Clipping of at least this share of the error is not a balance any more. */
static const double MOSTLY = 0.7;
/* Formats of more levels are not called coarse, nor is one that leaves this SQNR. */
static const size_t COARSE_LEVELS = 16;
static const double COARSE_DB = 20;

/* SHARE as people read it, never rounded up to all. */
static char *print_share(double share, char *text)
{
  if (share > 0.999 && share < 1)
    snprintf(text, SHARE_TEXT, "over 99.9 %%");
  else
    snprintf(text, SHARE_TEXT, "%.3g %%", share * 100);
  return text;
}

/* " (about 15 dB better)": what the advice is worth. */
static char *print_worth(const struct evidence *evidence, double without, char *text, size_t size)
{
  double db = 10 * log10(evidence->metrics.mse / without);
  *text = '\0';
  if (isfinite(db))
    snprintf(text, size, " (about %.*f dB better)", db < 9.95, db);
  return text;
}

static bool has_one_scale(const struct evidence *evidence)
{
  return evidence->units == 1 && isfinite(evidence->lo) && isfinite(evidence->hi);
}

/* What rounding would make of even levels over SPAN, where that is less than it makes now. */
static double with_span(const struct evidence *evidence, double span)
{
  return evidence->metrics.clipping_mse +
         fmin(evidence->metrics.rounding_mse, evidence_even_mse(span, evidence->metrics.levels));
}

/* --- overflow --------------------------------------------------------------------------------- */

/* The values are gone, whatever the error of the others is. */
static double without_overflow(const struct evidence *evidence)
{
  return evidence->metrics.overflow_rate > 0 ? 0 : (double)NAN;
}

static void tell_overflow(const struct evidence *evidence, char *text, size_t size)
{
  char share[SHARE_TEXT];
  snprintf(text, size,
           "Overflow: %s of the values became infinite or NaN, and are in no other number: try a "
           "larger scale.",
           print_share(evidence->metrics.overflow_rate, share));
}

static void blame_overflow(const struct evidence *evidence, const char *name, char *text,
                           size_t size)
{
  char share[SHARE_TEXT];
  snprintf(text, size, "%s of the values overflow in %s",
           print_share(evidence->metrics.overflow_rate, share), name);
}

/* --- clipping --------------------------------------------------------------------------------- */

static double without_clipping(const struct evidence *evidence)
{
  return evidence->metrics.clipping_mse > 0 ? evidence->metrics.rounding_mse : (double)NAN;
}

static void tell_clipping(const struct evidence *evidence, char *text, size_t size)
{
  const struct metrics *metrics = &evidence->metrics;
  char part[SHARE_TEXT], rate[SHARE_TEXT];
  double share = metrics->clipping_mse / metrics->mse;
  const char *verb = share >= MOSTLY ? "Clipping dominates" : "Rounding and clipping balance";
  const char *advice = share >= MOSTLY ? ": try a wider range" : "";
  snprintf(text, size, "%s: clipping made %s of the error, from %s of the values%s.", verb,
           print_share(share, part), print_share(metrics->clip_rate, rate), advice);
}

static void blame_clipping(const struct evidence *evidence, const char *name, char *text,
                           size_t size)
{
  char rate[SHARE_TEXT];
  snprintf(text, size, "%s clips %s of the values", name,
           print_share(evidence->metrics.clip_rate, rate));
}

/* --- the scale is stretched ------------------------------------------------------------------- */

static double without_outlier(const struct evidence *evidence)
{
  return evidence->outlier ? evidence->own_mse : (double)NAN;
}

static void tell_outlier(const struct evidence *evidence, char *text, size_t size)
{
  const struct metrics *metrics = &evidence->metrics;
  char part[SHARE_TEXT], rounding[64] = "", shared[64], axis[SHARE_TEXT] = "", worth[48];
  double share = metrics->rounding_mse / metrics->mse;
  if (share < 0.995)
    snprintf(rounding, sizeof rounding, "rounding is %s of the error, and ",
             print_share(share, part));
  if (evidence->units == 1)
    snprintf(shared, sizeof shared, "one scale serves %zu channels", evidence->channels);
  else
    snprintf(shared, sizeof shared, "scales serve several of %zu channels", evidence->channels);
  if (evidence->axis > 0)
    snprintf(axis, sizeof axis, "=%u", evidence->axis);
  snprintf(text, size,
           "Outlier channel: %s%s although channel %zu is %.3gx the median: try channel%s%s.",
           rounding, shared, evidence->channel, evidence->ratio, axis,
           print_worth(evidence, evidence->own_mse, worth, sizeof worth));
}

static void blame_outlier(const struct evidence *evidence, const char *name, char *text,
                          size_t size)
{
  snprintf(text, size, "channel %zu, %.3gx the median, sets the scale%s of %s", evidence->channel,
           evidence->ratio, evidence->units > 1 ? "s" : "", name);
}

/* Where a channel is to blame, that is said instead: a scale of its own heals it. */
static double without_few(const struct evidence *evidence)
{
  const struct facts *facts = &evidence->facts;
  if (!has_one_scale(evidence) || evidence->outlier || !evidence_grid_is_fixed(evidence) ||
      !(facts->p99 > 0 && facts->absmax >= FEW_RATIO * facts->p99) ||
      fmax(-evidence->lo, evidence->hi) < facts->absmax / 2 ||
      evidence_width(evidence) >= EVIDENCE_WIDE)
    return (double)NAN;
  return with_span(evidence, 2 * facts->p99);
}

static void tell_few(const struct evidence *evidence, char *text, size_t size)
{
  const struct metrics *metrics = &evidence->metrics;
  snprintf(
      text, size,
      "A few values set the scale: the largest is %.3gx the 99th percentile (SQNR %.1f dB, of "
      "the smallest 99 %% only %.1f dB): try groups, or a format whose steps follow the value.",
      evidence->facts.absmax / evidence->facts.p99, metrics->sqnr_db, metrics->bulk_sqnr_db);
}

static void blame_few(const struct evidence *evidence, const char *name, char *text, size_t size)
{
  snprintf(text, size,
           "a few values set the scale of %s (the largest is %.3gx the 99th percentile)", name,
           evidence->facts.absmax / evidence->facts.p99);
}

/* --- the range does not fit the data ---------------------------------------------------------- */

static double without_width(const struct evidence *evidence)
{
  if (!has_one_scale(evidence) || !evidence_grid_is_fixed(evidence) ||
      !(evidence_width(evidence) >= EVIDENCE_WIDE))
    return (double)NAN;
  return with_span(evidence, evidence->quantizer.asymmetric ? evidence_data_span(evidence)
                                                            : 2 * evidence->facts.absmax);
}

static void tell_width(const struct evidence *evidence, char *text, size_t size)
{
  const struct metrics *metrics = &evidence->metrics;
  char worth[48];
  snprintf(
      text, size,
      "The range is too wide: it reaches %.3gx as far as the data, which use %zu of %zu levels: "
      "try minmax%s.",
      evidence_width(evidence), metrics->levels_used, metrics->levels,
      print_worth(evidence, without_width(evidence), worth, sizeof worth));
}

static void blame_width(const struct evidence *evidence, const char *name, char *text, size_t size)
{
  snprintf(text, size, "the range of %s is %.3gx as wide as the data", name,
           evidence_width(evidence));
}

/* Of a range about 0: the share that holds no data. Several scales may each have other data, unless
 * all of it is on one side. */
static double unused_half(const struct evidence *evidence)
{
  const struct facts *facts = &evidence->facts;
  bool one_sided = facts->min >= 0 || facts->max <= 0;
  if (evidence->quantizer.asymmetric || !format_is_integer(evidence->quantizer.format) ||
      !(evidence->units == 1 || one_sided) || !(facts->absmax > 0))
    return 0;
  return 1 - evidence_data_span(evidence) / (2 * facts->absmax);
}

static double without_half(const struct evidence *evidence)
{
  double used = 1 - unused_half(evidence);
  const struct metrics *metrics = &evidence->metrics;
  return used <= 1 - UNUSED_LEAST ? metrics->clipping_mse + metrics->rounding_mse * used * used
                                  : (double)NAN;
}

static void tell_half(const struct evidence *evidence, char *text, size_t size)
{
  char share[SHARE_TEXT], worth[48];
  snprintf(text, size,
           "One-sided data: the values lie in %.4g .. %.4g, so that %s of a range about 0 is not "
           "used: try asym%s.",
           evidence->facts.min, evidence->facts.max, print_share(unused_half(evidence), share),
           print_worth(evidence, without_half(evidence), worth, sizeof worth));
}

static void blame_half(const struct evidence *evidence, const char *name, char *text, size_t size)
{
  char share[SHARE_TEXT];
  snprintf(text, size, "the data are one-sided, and %s leaves %s of its range unused", name,
           print_share(unused_half(evidence), share));
}

/* --- the steps of floats ---------------------------------------------------------------------- */

/* A float whose numbers are all normal has this SQNR, whatever the data: its step is 2^-m of the
 * binade's start, and 13.5 dB are left at m = 0 (31.5 dB for e4m3, 25.5 dB for e5m2). */
static double normal_mse(const struct evidence *evidence)
{
  double db = 13.5 + 20 * log10(2) * evidence->quantizer.format->mantissa_bits;
  return evidence->facts.rms * evidence->facts.rms / pow(10, db / 10);
}

static double without_underflow(const struct evidence *evidence)
{
  const struct format *format = evidence->quantizer.format;
  if (format->mantissa_bits <= 0 || format_is_block(format) || format_is_integer(format) ||
      isnan(format_min_subnormal(format)))
    return (double)NAN;
  return evidence->metrics.clipping_mse +
         fmin(evidence->metrics.rounding_mse, normal_mse(evidence));
}

static void tell_underflow(const struct evidence *evidence, char *text, size_t size)
{
  char name[64], zeros[SHARE_TEXT];
  snprintf(text, size,
           "Underflow: many values lie below the smallest normal number of %s, where its steps are "
           "coarse; %s became zero.",
           format_label(evidence->quantizer.format, name, sizeof name),
           print_share(evidence->metrics.zero_rate, zeros));
}

static void blame_underflow(const struct evidence *evidence, const char *name, char *text,
                            size_t size)
{
  char zeros[SHARE_TEXT];
  snprintf(text, size, "many values lie below the normal numbers of %s (%s become zero)", name,
           print_share(evidence->metrics.zero_rate, zeros));
}

/* --- bias ------------------------------------------------------------------------------------- */

static double without_bias(const struct evidence *evidence)
{
  double mse = evidence->metrics.mse, mean = evidence->metrics.mean_error;
  return mse > 0 ? fmax(mse - mean * mean, 0) : (double)NAN;
}

static double bias_share(const struct evidence *evidence)
{
  return 1 - without_bias(evidence) / evidence->metrics.mse;
}

static void tell_bias(const struct evidence *evidence, char *text, size_t size)
{
  char share[SHARE_TEXT];
  double mean = evidence->metrics.mean_error;
  snprintf(text, size, "Bias: the reconstruction is too %s by %.3g on average, %s of the error.",
           mean > 0 ? "low" : "high", fabs(mean), print_share(bias_share(evidence), share));
}

static void blame_bias(const struct evidence *evidence, const char *name, char *text, size_t size)
{
  snprintf(text, size, "the errors of %s do not cancel (its mean error is %.3g)", name,
           evidence->metrics.mean_error);
}

/* --- what is left: rounding ------------------------------------------------------------------- */

static void tell_rounding(const struct evidence *evidence, char *text, size_t size)
{
  const struct metrics *metrics = &evidence->metrics;
  char part[SHARE_TEXT], zeros[SHARE_TEXT], flushed[2 * SHARE_TEXT] = "", coarse[96] = "";
  if (metrics->zero_rate >= 0.01)
    snprintf(flushed, sizeof flushed, "; %s of the values became zero",
             print_share(metrics->zero_rate, zeros));
  if (metrics->levels <= COARSE_LEVELS && metrics->sqnr_db < COARSE_DB &&
      !format_is_block(evidence->quantizer.format))
    snprintf(coarse, sizeof coarse, "; %zu levels are few, each bit more is worth 6 dB",
             metrics->levels);
  if (metrics->clip_rate > 0)
    snprintf(text, size, "Rounding dominates: %s of the error; clipping made the rest%s%s.",
             print_share(1 - metrics->clipping_mse / metrics->mse, part), flushed, coarse);
  else
    snprintf(text, size, "Rounding is the whole error, nothing clips%s%s.", flushed, coarse);
}

static void blame_rounding(const struct evidence *evidence, const char *name, char *text,
                           size_t size)
{
  char share[SHARE_TEXT];
  snprintf(text, size, "rounding, %s of its error, costs %s more",
           print_share(evidence->metrics.rounding_mse / evidence->metrics.mse, share), name);
}

/* --- the table -------------------------------------------------------------------------------- */

const struct cause cause_table[] = {
    {"overflow", without_overflow, tell_overflow, blame_overflow},
    {"clipping", without_clipping, tell_clipping, blame_clipping},
    {"outlier-channel", without_outlier, tell_outlier, blame_outlier},
    {"few-values", without_few, tell_few, blame_few},
    {"wide-range", without_width, tell_width, blame_width},
    {"one-sided", without_half, tell_half, blame_half},
    {"underflow", without_underflow, tell_underflow, blame_underflow},
    {"bias", without_bias, tell_bias, blame_bias},
    {"rounding", NULL, tell_rounding, blame_rounding},
};
const size_t cause_table_length = sizeof cause_table / sizeof *cause_table;

double cause_gain_db(const struct cause *cause, const struct evidence *evidence)
{
  double without = cause->without ? cause->without(evidence) : (double)NAN;
  if (!(without < evidence->metrics.mse))
    return without == 0 ? (double)INFINITY : 0; /* overflow may be all there is to say */
  return 10 * log10(evidence->metrics.mse / without);
}

const struct cause *cause_of(const struct evidence *evidence)
{
  const struct cause *worst = &cause_table[cause_table_length - 1];
  double least = -10 * log10(1 - CAUSE_LEAST), most = 0;
  bool overflowed = evidence->metrics.overflow_rate > 0;
  if (evidence->facts.finite == 0 || (!(evidence->metrics.mse > 0) && !overflowed))
    return NULL;
  for (size_t i = 0; i < cause_table_length; i++) {
    double gain = cause_gain_db(&cause_table[i], evidence);
    if (gain >= least && gain > most) {
      worst = &cause_table[i];
      most = gain;
    }
  }
  return worst;
}
