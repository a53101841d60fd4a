#include "analysis/measure.h"
#include "quant/base/size.h"

#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Median of the N numbers in VALUES, which lose their order; NaN when there is none. */
static double median(double *values, size_t n)
{
  return n ? gsl_stats_median(values, 1, n) : (double)NAN;
}

struct rank {
  uint64_t key;
  size_t channel;
};

/* In ascending order, the largest ratios first; what is not a number goes last. */
static uint64_t key_of_ratio(double ratio)
{
  const double infinity = (double)INFINITY;
  uint64_t bits, most;
  memcpy(&bits, &ratio, sizeof bits);
  memcpy(&most, &infinity, sizeof most);
  return isnan(ratio) ? most + 1 : most - bits; /* ratios are not negative */
}

/* One pass of a radix sort, stable, by byte BYTE of the keys. */
static void sort_by_byte(const struct rank *from, struct rank *to, size_t n, unsigned byte)
{
  size_t place[256] = {0}, before = 0;
  for (size_t i = 0; i < n; i++)
    place[from[i].key >> 8 * byte & 255]++;
  for (size_t value = 0; value < 256; value++) {
    size_t count = place[value];
    place[value] = before;
    before += count;
  }
  for (size_t i = 0; i < n; i++)
    to[place[from[i].key >> 8 * byte & 255]++] = from[i];
}

/* Equal ones stay in their order. */
static bool rank_channels(struct channels *channels)
{
  struct rank *ranks = mem_array(channels->count, 2 * sizeof *ranks);
  channels->by_ratio = mem_array(channels->count, sizeof *channels->by_ratio);
  if (ranks && channels->by_ratio) {
    struct rank *other = ranks + channels->count;
    for (size_t c = 0; c < channels->count; c++)
      ranks[c] = (struct rank){key_of_ratio(channels->channel[c].ratio), c};
    for (unsigned byte = 0; byte < sizeof ranks->key; byte += 2) {
      sort_by_byte(ranks, other, channels->count, byte);
      sort_by_byte(other, ranks, channels->count, byte + 1);
    }
    for (size_t c = 0; c < channels->count; c++)
      channels->by_ratio[c] = ranks[c].channel;
  }
  free(ranks);
  return ranks && channels->by_ratio;
}

static void channel_metrics(struct channels *channels, double *scratch, struct metrics *metrics)
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
  channels->sqnr_db = spread_of(scratch, known);
}

bool channels_errors(struct channels *channels, struct metrics *metrics)
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
  channels->absmax = spread_of(scratch, known);
  channels->median_absmax = channels->absmax.median;
  for (size_t c = 0; c < channels->count; c++) {
    struct channel *channel = &channels->channel[c];
    /* A median of zero makes every other channel infinitely larger, and itself nothing. */
    channel->ratio = channel->absmax / channels->median_absmax;
  }
  channel_metrics(channels, scratch, metrics);
  free(scratch);
  return rank_channels(channels);
}
