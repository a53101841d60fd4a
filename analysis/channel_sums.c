#include "analysis/channel_sums.h"

#include "quant/base/size.h"

#include <math.h>

enum { SUMS_MOST = 1 << 20 }; /* entries of all spans together, 36 bytes each */

size_t channel_sums_spans(const struct grain *grain)
{
  /* Spans of an outermost axis overlap in a channel at most. */
  return grain->outer <= 1 ? SIZE_MAX : size_max(SUMS_MOST / size_max(grain->units, 1), 1);
}

/* Channels that the elements START..END-1 can belong to. */
static struct channel_span channels_between(const struct grain *grain, size_t start, size_t end)
{
  size_t slab = grain->channels * grain->inner;
  struct channel_span span = {.count = grain->units};
  if (grain->kind == GRAIN_CHANNEL && start / slab == (end - 1) / slab) {
    span.first = start % slab / grain->inner;
    span.count = (end - 1) % slab / grain->inner + 1 - span.first;
  }
  return span;
}

bool channel_sums_init(struct channel_sums *sums, const struct grain *grain,
                       const struct pass *pass)
{
  size_t total = 0, start, end;
  *sums = (struct channel_sums){.grain = *grain, .spans = pass->spans};
  sums->span = mem_array(pass->spans, sizeof *sums->span);
  for (size_t i = 0; sums->span && i < pass->spans; i++) {
    pass_span(pass, i, &start, &end);
    sums->span[i] = channels_between(grain, start, end);
    sums->span[i].base = total;
    total += sums->span[i].count;
  }
  sums->error2 = mem_array(total, sizeof *sums->error2);
  sums->signal2 = mem_array(total, sizeof *sums->signal2);
  sums->absmax = mem_array(total, sizeof *sums->absmax);
  sums->missing = mem_array(total, sizeof *sums->missing);
  sums->clipped = mem_array(total, sizeof *sums->clipped);
  return sums->span && sums->error2 && sums->signal2 && sums->absmax && sums->missing &&
         sums->clipped;
}

void channel_sums_free(struct channel_sums *sums)
{
  free(sums->span);
  free(sums->error2);
  free(sums->signal2);
  free(sums->absmax);
  free(sums->missing);
  free(sums->clipped);
}

void channel_sums_add_run(struct channel_sums *sums, size_t span, size_t channel, size_t n,
                          const struct tally *tally)
{
  size_t at = sums->span[span].base + channel - sums->span[span].first;
  sums->error2[at] += tally->error2;
  sums->signal2[at] += tally->signal2;
  sums->missing[at] += n - tally->finite;
  sums->clipped[at] += tally->clipped;
  sums->absmax[at] = fmaxf(sums->absmax[at], tally->absmax);
}

/* --- blocks --------------------------------------------------------------------------------- */

static void add_one(struct channel_sums *sums, size_t at, float x, float y, bool clipped)
{
  if (!isfinite(x)) {
    sums->missing[at]++;
    return;
  }
  double error = (double)x - (double)y;
  sums->error2[at] += error * error;
  sums->signal2[at] += (double)x * (double)x;
  sums->absmax[at] = fabsf(x) > sums->absmax[at] ? fabsf(x) : sums->absmax[at];
  sums->clipped[at] += clipped;
}

/* N finite elements of as many neighbouring channels, the first at AT. */
static void add_row(struct channel_sums *sums, size_t at, const float *x, const float *y, size_t n)
{
  double *restrict error2 = sums->error2 + at, *restrict signal2 = sums->signal2 + at;
  float *restrict absmax = sums->absmax + at;
  for (size_t i = 0; i < n; i++) {
    double xd = (double)x[i], error = xd - (double)y[i];
    error2[i] += error * error;
    signal2[i] += xd * xd;
  }
  for (size_t i = 0; i < n; i++)
    absmax[i] = fabsf(x[i]) > absmax[i] ? fabsf(x[i]) : absmax[i];
}

/* Channels that are columns, all values finite. */
static void add_rows(struct channel_sums *sums, const struct channel_span *span,
                     const struct pass_block *block, const uint8_t *clipped)
{
  size_t channels = sums->grain.channels, channel = block->start % channels;
  for (size_t i = 0, n; i < block->n; i += n, channel = 0) {
    size_t at = span->base + channel - span->first;
    n = size_min(channels - channel, block->n - i);
    add_row(sums, at, block->x + i, block->y + i, n);
    for (size_t k = 0; clipped && k < n; k++)
      sums->clipped[at + k] += clipped[i + k];
  }
}

/* Long runs of a channel. */
static void add_runs(struct channel_sums *sums, const struct pass_block *block,
                     const uint8_t *clipped)
{
  const struct tally_bounds unbounded = {-INFINITY, INFINITY, NAN, NAN, -1};
  for (size_t i = 0, run; i < block->n; i += run) {
    size_t channel;
    run = grain_run(&sums->grain, block->start + i, block->n - i, &channel);
    struct tally tally = {0};
    kernels.tally(block->x + i, block->y + i, run, &unbounded, &tally);
    for (size_t k = i; clipped && k < i + run; k++)
      tally.clipped += clipped[k];
    channel_sums_add_run(sums, block->span, channel, run, &tally);
  }
}

void channel_sums_add_block(struct channel_sums *sums, const struct pass_block *block, bool finite,
                            const uint8_t *clipped)
{
  const struct channel_span *span = &sums->span[block->span];
  if (finite && sums->grain.kind == GRAIN_CHANNEL && sums->grain.inner == 1) {
    add_rows(sums, span, block, clipped);
    return;
  }
  if (!grain_is_interleaved(&sums->grain)) {
    add_runs(sums, block, clipped);
    return;
  }
  struct grain_walk walk = grain_walk_from(&sums->grain, block->start);
  for (size_t i = 0; i < block->n; i++) {
    size_t at = span->base + grain_walk_step(&walk) - span->first;
    add_one(sums, at, block->x[i], block->y[i], clipped && clipped[i]);
  }
}

/* --- the whole ------------------------------------------------------------------------------ */

static struct channel describe(const struct channel_sums *sums, size_t at, size_t elements)
{
  uint64_t finite = elements - sums->missing[at];
  double n = finite ? (double)finite : (double)NAN;
  return (struct channel){
      .absmax = finite ? (double)sums->absmax[at] : (double)NAN,
      .mse = sums->error2[at] / n,
      .sqnr_db = finite ? sqnr_db(sums->signal2[at], sums->error2[at]) : (double)NAN,
      .clip_rate = (double)sums->clipped[at] / n,
      .finite = finite,
  };
}

static void merge_spans(const struct channel_sums *sums, struct channel_sums *all)
{
  for (size_t i = 0; i < sums->spans; i++)
    for (size_t c = 0; c < sums->span[i].count; c++) {
      size_t into = sums->span[i].first + c, from = sums->span[i].base + c;
      all->error2[into] += sums->error2[from];
      all->signal2[into] += sums->signal2[from];
      all->absmax[into] = fmaxf(all->absmax[into], sums->absmax[from]);
      all->missing[into] += sums->missing[from];
      all->clipped[into] += sums->clipped[from];
    }
}

bool channel_sums_finish(const struct channel_sums *sums, struct channel *channels)
{
  struct pass whole = {.feed = &(struct feed){.count = sums->grain.count}, .spans = 1};
  struct channel_sums all;
  if (sums->grain.units == 0)
    return true;
  bool made = channel_sums_init(&all, &sums->grain, &whole);
  if (made) {
    merge_spans(sums, &all);
    for (size_t c = 0; c < sums->grain.units; c++)
      channels[c] = describe(&all, c, grain_unit_size(&sums->grain, c));
  }
  channel_sums_free(&all);
  return made;
}
