#include "analysis/evidence.h"

#include <math.h>

/* A channel this many times the median one is an outlier. */
static const double OUTLIER_RATIO = 4;
/* Channels of fewer elements do not get a scale of their own: it would cost more than it helps. */
enum { CHANNEL_LEAST = 16 };

double evidence_even_mse(double span, size_t count)
{
  double step = span / (double)(count > 1 ? count - 1 : 1);
  return step * step / 12;
}

bool evidence_grid_is_fixed(const struct evidence *evidence)
{
  const struct format *format = evidence->quantizer.format;
  return format_is_integer(format) || (format->codebook && !format->learned);
}

/* The channel that may stretch a scale, or NULL. */
static const struct channel *largest_channel(const struct result *result)
{
  const struct channels *channels = &result->channels;
  if (channels->count < 2 || !channels->by_ratio || !channels->share_scales ||
      result->facts.count / channels->count < CHANNEL_LEAST)
    return NULL;
  const struct channel *top = &channels->channel[channels->by_ratio[0]];
  return top->ratio >= OUTLIER_RATIO && !isinf(top->ratio) ? top : NULL;
}

double evidence_data_span(const struct evidence *evidence)
{
  return fmax(evidence->facts.max, 0) - fmin(evidence->facts.min, 0);
}

double evidence_width(const struct evidence *evidence)
{
  if (evidence->quantizer.asymmetric)
    return (evidence->hi - evidence->lo) / evidence_data_span(evidence);
  return fmin(-evidence->lo, evidence->hi) / evidence->facts.absmax;
}

/* False where it was clipped to less than half of itself, or the range is wider than it: then it is
 * not what the scale was stretched for. */
static bool sets_scale(const struct evidence *evidence, const struct channel *top)
{
  if (evidence->units > 1)
    return !(top->clip_rate > 0);
  return fmax(fabs(evidence->lo), fabs(evidence->hi)) >= top->absmax / 2 &&
         !(evidence_width(evidence) >= EVIDENCE_WIDE);
}

static size_t units_of(const struct result *result)
{
  return result->fit ? fit_grain(result->fit)->units : result->scales;
}

/* A channel with a scale of its own has steps in proportion to its largest magnitude, which are
 * finer than those of one scale for all: there, what is exact already stays so. Errors that are not
 * measured yet (those of a partial result are of another quantizer) count as the mean of all. */
static double mse_with_own_scales(const struct result *result)
{
  bool finer = units_of(result) == 1;
  double sum = 0, elements = 0;
  for (size_t c = 0; c < result->channels.count; c++) {
    const struct channel *channel = &result->channels.channel[c];
    double now = result->partial ? result->metrics.mse : channel->mse;
    double own = evidence_even_mse(2 * channel->absmax, result->metrics.levels);
    if (channel->finite == 0 || isnan(own))
      continue;
    sum += (double)channel->finite * (finer ? fmin(now, own) : own);
    elements += (double)channel->finite;
  }
  return elements > 0 ? sum / elements : (double)NAN;
}

struct evidence evidence_of(const struct result *result)
{
  struct evidence evidence = {.facts = result->facts,
                              .quantizer = result->quantizer,
                              .metrics = result->metrics,
                              .units = units_of(result),
                              .lo = (double)NAN,
                              .hi = (double)NAN,
                              .channels = result->channels.count,
                              .axis = result->channels.axis,
                              .own_mse = (double)NAN,
                              .uncertain = result->estimated};
  if (result->rescaled) /* what the closed forms say of ranges does not hold of these errors */
    return evidence;
  if (evidence.units == 1 && result->fit)
    fit_range(result->fit, 0, &evidence.lo, &evidence.hi);
  const struct channel *top = largest_channel(result);
  evidence.outlier = top && evidence_grid_is_fixed(&evidence) && sets_scale(&evidence, top);
  if (!evidence.outlier)
    return evidence;
  evidence.channel = (size_t)(top - result->channels.channel);
  evidence.ratio = top->ratio;
  evidence.own_mse = mse_with_own_scales(result);
  return evidence;
}
