#include "analysis/metrics.h"

#include "quant/format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

double sqnr_db(double signal2, double error2)
{
  if (error2 == 0)
    return signal2 > 0 ? (double)INFINITY : (double)NAN;
  return 10 * log10(signal2 / error2);
}

double papr_rule_db(double papr)
{
  return 10 * log10(12.0 * 127 * 127) - 20 * log10(papr);
}

char *papr_words(double papr, char *text, size_t size)
{
  *text = '\0';
  if (isfinite(papr))
    snprintf(text, size, "peak / RMS %.3g: minmax int8 %.1f dB, scaled e4m3 31.5 dB (even at %.1f)",
             papr, papr_rule_db(papr), METRICS_PAPR_CROSSING);
  return text;
}

void metrics_from_errors(const struct tally *tally, uint64_t overflowed, struct metrics *metrics)
{
  uint64_t all = tally->finite + overflowed;
  metrics->overflow_rate = all ? (double)overflowed / (double)all : (double)NAN;
  double n = tally->finite ? (double)tally->finite : (double)NAN;
  metrics->mse = tally->error2 / n;
  metrics->rmse = sqrt(metrics->mse);
  metrics->sqnr_db = tally->finite ? sqnr_db(tally->signal2, tally->error2) : (double)NAN;
  metrics->max_abs_error = tally->finite ? tally->max_error : (double)NAN;
  metrics->clip_rate = (double)tally->clipped / n;
  metrics->clipping_mse = tally->clipped_error2 / n;
  metrics->rounding_mse = fmax(tally->error2 - tally->clipped_error2, 0) / n;
}

void metrics_from_tally(const struct tally *tally, uint64_t overflowed, struct metrics *metrics)
{
  double n = tally->finite ? (double)tally->finite : (double)NAN;
  metrics_from_errors(tally, overflowed, metrics);
  metrics->mean_error = tally->error / n;
  metrics->rail_rate = (double)tally->at_rail / n;
  metrics->bulk_sqnr_db = sqnr_db(tally->bulk_signal2, tally->bulk_error2);
  metrics->zero_rate = (double)tally->flushed / n;
  metrics->cosine = tally->product / (sqrt(tally->signal2) * sqrt(tally->reconstruction2));
}

#define VALUE(field)                                                                               \
  static double field##_value(const struct metrics *metrics)                                       \
  {                                                                                                \
    return (double)metrics->field;                                                                 \
  }
VALUE(mse)
VALUE(rmse)
VALUE(sqnr_db)
VALUE(bulk_sqnr_db)
VALUE(channel_sqnr_median)
VALUE(channel_sqnr_worst)
VALUE(max_abs_error)
VALUE(mean_error)
VALUE(clip_rate)
VALUE(overflow_rate)
VALUE(rail_rate)
VALUE(rounding_mse)
VALUE(clipping_mse)
VALUE(cosine)
VALUE(papr)
VALUE(zero_rate)
VALUE(levels)
VALUE(code_entropy_bits)
VALUE(high_code_rate)
VALUE(relative_error_p50)
VALUE(relative_error_p99)
VALUE(kl_divergence)
VALUE(clipped_blocks)
VALUE(bits_per_element)
#undef VALUE

/* Formats without codes have none that could be counted. */
static double levels_used_value(const struct metrics *metrics)
{
  bool counted = metrics->levels <= (size_t)1 << FORMAT_CODE_BITS;
  return counted ? (double)metrics->levels_used : (double)NAN;
}

#define ROW(field, label, unit, better, meaning)                                                   \
  {                                                                                                \
#field, label, unit, better, meaning, field##_value                                            \
  }
const struct metric metric_table[] = {
    ROW(mse, "MSE", "", -1, "mean squared error"),
    ROW(rmse, "RMSE", "", -1, "root of the MSE, in the units of the tensor"),
    ROW(sqnr_db, "SQNR", "dB", 1, "signal power over error power; about 6 dB a bit"),
    ROW(bulk_sqnr_db, "bulk SQNR", "dB", 1,
        "SQNR of the smallest 99 %: what is left when a few big values do not decide"),
    ROW(channel_sqnr_median, "channel SQNR", "dB", 1, "SQNR of the median channel"),
    ROW(channel_sqnr_worst, "worst channel", "dB", 1, "SQNR of the worst channel"),
    ROW(max_abs_error, "max error", "", -1, "largest |x - y|"),
    ROW(mean_error, "mean error", "", 0, "mean of x - y: the bias"),
    ROW(clip_rate, "clip rate", "%", -1,
        "share of the elements outside the range of the quantizer"),
    ROW(overflow_rate, "overflow", "%", -1, "share of the elements that became infinite or NaN"),
    ROW(rail_rate, "rail rate", "%", 0, "share of the elements on the lowest or the highest code"),
    ROW(rounding_mse, "rounding MSE", "", -1, "part of the MSE made inside the range"),
    ROW(clipping_mse, "clipping MSE", "", -1, "part of the MSE made outside the range"),
    ROW(cosine, "cosine", "", 1, "cosine of the angle between tensor and reconstruction"),
    ROW(papr, "peak / RMS", "", 0, "absmax over rms: how far the outliers stretch the scale"),
    ROW(zero_rate, "zero rate", "%", -1, "share of the elements that were not 0 and became 0"),
    ROW(levels_used, "levels used", "", 0, "distinct codes that occur"),
    ROW(levels, "levels", "", 0, "codes the scheme can produce"),
    ROW(code_entropy_bits, "code entropy", "bit", 0, "bits that an ideal coder needs for a code"),
    ROW(high_code_rate, "high codes", "%", 0, "share of |codes| above 100/127 of full scale"),
    ROW(relative_error_p50, "rel. error p50", "%", -1, "median of |x - y| / |x|"),
    ROW(relative_error_p99, "rel. error p99", "%", -1, "99th percentile of |x - y| / |x|"),
    ROW(kl_divergence, "KL divergence", "", -1,
        "of the reconstruction's histogram, 128 bins, nats"),
    ROW(clipped_blocks, "clipped blocks", "%", -1,
        "share of the blocks whose largest value is beyond what the block can represent"),
    ROW(bits_per_element, "bits / element", "bit", -1, "codes, scales and zero points, stored"),
};
#undef ROW
const size_t metric_table_length = sizeof metric_table / sizeof *metric_table;

const struct metric *metric_find(const char *name)
{
  for (size_t i = 0; i < metric_table_length; i++)
    if (strcmp(metric_table[i].name, name) == 0)
      return &metric_table[i];
  return NULL;
}

static void print_share(double share, char *text, size_t size)
{
  /* Not quite all is not all: 100 % is said only of a share that is. */
  if (share < 1 && share >= 0.9995)
    snprintf(text, size, ">99.9 %%");
  else
    snprintf(text, size, "%.3g %%", share * 100);
}

static void print_plain(double value, char *text, size_t size)
{
  /* A cosine just below 1 keeps the digits that tell it from 1. */
  if (fabs(value) < 1 && fabs(value) >= 0.9995)
    snprintf(text, size, "%.9g", value);
  else
    snprintf(text, size, "%.4g", value);
}

char *metric_print(const struct metric *metric, double value, char *text, size_t size)
{
  bool whole = metric->value == levels_value || metric->value == levels_used_value;
  if (isnan(value))
    snprintf(text, size, "n/a");
  else if (strcmp(metric->unit, "dB") == 0 && value == (double)INFINITY)
    snprintf(text, size, "exact");
  else if (strcmp(metric->unit, "dB") == 0)
    snprintf(text, size, "%.2f dB", value);
  else if (strcmp(metric->unit, "%") == 0)
    print_share(value, text, size);
  else if (strcmp(metric->unit, "bit") == 0)
    snprintf(text, size, "%.4g bit", value);
  else if (whole)
    snprintf(text, size, "%.0f", value);
  else
    print_plain(value, text, size);
  return text;
}

int metric_judge(const struct metric *metric, double a, double b)
{
  return b > a ? metric->better : b < a ? -metric->better : 0;
}

char *metric_difference(const struct metric *metric, double a, double b, char *text, size_t size)
{
  double by = b - a;
  if (isnan(a) || isnan(b))
    snprintf(text, size, "n/a");
  else if (a == b)
    snprintf(text, size, "same");
  else if (strcmp(metric->unit, "dB") == 0 && isfinite(by))
    snprintf(text, size, "%+.2f dB", by);
  else if (strcmp(metric->unit, "%") == 0)
    snprintf(text, size, "%+.3g %%", by * 100);
  else if (strcmp(metric->unit, "bit") == 0)
    snprintf(text, size, "%+.3g bit", by);
  else if (metric->better < 0 && a > 0 && isfinite(b))
    snprintf(text, size, "%.3gx", b / a);
  else
    snprintf(text, size, "%+.3g", by);
  return text;
}

void metrics_set_mse(struct metrics *metrics, double rms, double mse)
{
  double clipped = metrics->mse > 0 ? metrics->clipping_mse / metrics->mse : 0;
  metrics->mse = mse;
  metrics->rmse = sqrt(mse);
  metrics->sqnr_db = sqnr_db(rms * rms, mse);
  metrics->clipping_mse = clipped * mse;
  metrics->rounding_mse = mse - metrics->clipping_mse;
}
