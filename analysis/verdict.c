/* The verdict: the dominant cause of the error in one sentence, from measured numbers alone.
 *
 * Rules, the first that holds:
 *   1. nothing finite, or no error at all: says so
 *   2. clipping made at least MOSTLY of the squared error: clipping
 *   3. clipping made at least PARTLY of it: a balance of rounding and clipping
 *   4. rounding on an integer grid whose scales serve several channels, one of which has an
 *      absmax of at least OUTLIER_RATIO times the median channel's and is not clipped to less than
 *      half of it (so it is what the scale was stretched for): outlier channel
 *   5. otherwise: rounding
 * A small-float grid is never blamed on an outlier channel: its steps follow each value. */
#include "analysis/result.h"

#include <math.h>
#include <stdio.h>

static const double MOSTLY = 0.7, PARTLY = 0.3, OUTLIER_RATIO = 4;

enum { SHARE_TEXT = 32 };

/* SHARE as people read it, never rounded up to all. */
static char *print_share(double share, char *text)
{
  if (share > 0.999 && share < 1)
    snprintf(text, SHARE_TEXT, "over 99.9 %%");
  else
    snprintf(text, SHARE_TEXT, "%.3g %%", share * 100);
  return text;
}

/* The channel that stretched a scale which others have to live with, or NULL. */
static const struct channel *outlier(const struct result *result)
{
  const struct channels *channels = &result->channels;
  if (!format_is_integer(result->quantizer.format) || !channels->share_scales)
    return NULL;
  const struct channel *top = &channels->channel[channels->by_ratio[0]];
  if (!(top->ratio >= OUTLIER_RATIO) || isinf(top->ratio))
    return NULL;
  if (fit_grain(result->fit)->units > 1)
    return top->clip_rate > 0 ? NULL : top;
  double lo, hi;
  fit_range(result->fit, 0, &lo, &hi);
  return fmax(fabs(lo), fabs(hi)) >= top->absmax / 2 ? top : NULL;
}

static void blame_outlier(const struct result *result, const struct channel *top, char *text,
                          size_t size)
{
  const struct channels *channels = &result->channels;
  char rounding[SHARE_TEXT], shared[64], axis[SHARE_TEXT] = "";
  if (fit_grain(result->fit)->units == 1)
    snprintf(shared, sizeof shared, "one scale serves %zu channels", channels->count);
  else
    snprintf(shared, sizeof shared, "scales serve several of %zu channels", channels->count);
  if (channels->axis > 0)
    snprintf(axis, sizeof axis, "=%u", channels->axis);
  snprintf(text, size,
           "Outlier channel: rounding is %s of the error, and %s although channel %zu is %.3gx the "
           "median: try channel%s.",
           print_share(result->metrics.rounding_mse / result->metrics.mse, rounding), shared,
           (size_t)(top - channels->channel), top->ratio, axis);
}

static void blame_clipping(const struct metrics *metrics, double share, char *text, size_t size)
{
  char part[SHARE_TEXT], rate[SHARE_TEXT];
  const char *verb = share >= MOSTLY ? "Clipping dominates" : "Rounding and clipping balance";
  const char *advice = share >= MOSTLY ? ": try a wider range" : "";
  snprintf(text, size, "%s: clipping made %s of the error, from %s of the values%s.", verb,
           print_share(share, part), print_share(metrics->clip_rate, rate), advice);
}

static void blame_rounding(const struct metrics *metrics, double share, char *text, size_t size)
{
  char part[SHARE_TEXT], zeros[SHARE_TEXT], flushed[2 * SHARE_TEXT] = "";
  if (metrics->zero_rate >= 0.01)
    snprintf(flushed, sizeof flushed, "; %s of the values became zero",
             print_share(metrics->zero_rate, zeros));
  if (metrics->clip_rate > 0)
    snprintf(text, size, "Rounding dominates: %s of the error; clipping made the rest%s.",
             print_share(1 - share, part), flushed);
  else
    snprintf(text, size, "Rounding is the whole error, nothing clips%s.", flushed);
}

char *result_verdict(const struct result *result, char *text, size_t size)
{
  const struct metrics *metrics = &result->metrics;
  if (result->facts.finite == 0) {
    snprintf(text, size, "Nothing to measure: the tensor has no finite values.");
    return text;
  }
  if (metrics->mse == 0) {
    snprintf(text, size, "Exact: every value is on the grid of the quantizer.");
    return text;
  }
  double clipping = metrics->clipping_mse / metrics->mse;
  const struct channel *top = outlier(result);
  if (clipping >= PARTLY)
    blame_clipping(metrics, clipping, text, size);
  else if (top)
    blame_outlier(result, top, text, size);
  else
    blame_rounding(metrics, clipping, text, size);
  return text;
}
