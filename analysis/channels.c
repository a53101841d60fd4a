#include "analysis/measure.h"
#include "quant/base/size.h"

#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>

/* Median of the N numbers in VALUES, which lose their order; NaN when there is none. */
static double median(double *values, size_t n)
{
  return n ? gsl_stats_median(values, 1, n) : (double)NAN;
}

struct rank {
  double ratio;
  size_t channel;
};

/* Largest first; what is not a number goes last; equal ones stay in their order. */
static int by_ratio(const void *a, const void *b)
{
  const struct rank *x = a, *y = b;
  if (isnan(x->ratio) != isnan(y->ratio))
    return isnan(x->ratio) ? 1 : -1;
  if (x->ratio > y->ratio || x->ratio < y->ratio)
    return x->ratio > y->ratio ? -1 : 1;
  return (x->channel > y->channel) - (x->channel < y->channel);
}

static bool rank_channels(struct channels *channels)
{
  struct rank *ranks = mem_array(channels->count, sizeof *ranks);
  channels->by_ratio = mem_array(channels->count, sizeof *channels->by_ratio);
  if (ranks && channels->by_ratio) {
    for (size_t c = 0; c < channels->count; c++)
      ranks[c] = (struct rank){channels->channel[c].ratio, c};
    qsort(ranks, channels->count, sizeof *ranks, by_ratio);
    for (size_t c = 0; c < channels->count; c++)
      channels->by_ratio[c] = ranks[c].channel;
  }
  free(ranks);
  return ranks && channels->by_ratio;
}

static void channel_metrics(const struct channels *channels, double *scratch,
                            struct metrics *metrics)
{
  size_t known = 0;
  metrics->channel_sqnr_worst = (double)NAN;
  metrics->worst_channel = 0;
  for (size_t c = 0; c < channels->count; c++) {
    double sqnr = channels->channel[c].sqnr_db;
    if (isnan(sqnr))
      continue;
    scratch[known++] = sqnr;
    if (known == 1 || sqnr < metrics->channel_sqnr_worst) {
      metrics->channel_sqnr_worst = sqnr;
      metrics->worst_channel = c;
    }
  }
  metrics->channel_sqnr_median = median(scratch, known);
}

bool channels_errors(const struct channels *channels, struct metrics *metrics)
{
  double *scratch = mem_array(channels->count, sizeof *scratch);
  if (scratch)
    channel_metrics(channels, scratch, metrics);
  free(scratch);
  return scratch;
}

bool channels_finish(struct channels *channels, struct metrics *metrics)
{
  double *scratch = mem_array(channels->count, sizeof *scratch);
  if (!scratch)
    return false;
  size_t known = 0;
  for (size_t c = 0; c < channels->count; c++)
    if (!isnan(channels->channel[c].absmax))
      scratch[known++] = channels->channel[c].absmax;
  channels->median_absmax = median(scratch, known);
  for (size_t c = 0; c < channels->count; c++) {
    struct channel *channel = &channels->channel[c];
    /* A median of zero makes every other channel infinitely larger, and itself nothing. */
    channel->ratio = channel->absmax / channels->median_absmax;
  }
  channel_metrics(channels, scratch, metrics);
  free(scratch);
  return rank_channels(channels);
}
