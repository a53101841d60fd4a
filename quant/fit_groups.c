/* Scales of groups whose extremes decide, in one pass, their own or that of who measures: the
 * extremes of a block's groups, then their scales, all at once where the default rule makes them.
 * What the rule treats by itself (nothing but zeros, scales near the ends of float32) and what is
 * not finite goes group by group. */
#include "quant/base/size.h"
#include "quant/calibrator.h"
#include "quant/fit.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  LONG_GROUP = FEED_BLOCK / 4, /* elements: read by itself */
  GROUPS = FEED_BLOCK,         /* of one block, at most */
};

struct groups {
  struct fit *fit;
  const struct feed *feed;
  struct progress *progress;
  struct calibration calibration;
  struct unit unit;       /* of scale 1 */
  bool plain;             /* the default rule, and nothing that changes its scales */
  bool magnitude;         /* of the extremes, on both sides of zero */
  float steps, widest;    /* the width of the grid in steps, or its maximum; its largest number */
  size_t columns, across; /* elements and groups of a row; of the whole where no group is short */
  float *least, *most;    /* NULL: no room, nothing lost */
  atomic_bool odd;        /* some value is not finite */
  size_t chunk;           /* groups of a job */
};

bool fit_groups_can(const struct fit *fit)
{
  const struct calibrator *calibrator = fit->quantizer.calibrator;
  const struct grain *grain = &fit->grain;
  return (grain->kind == GRAIN_GROUP || grain->kind == GRAIN_TOKEN) &&
         grain->group <= FIT_SMALL_UNIT && calibrator && calibrator_by_extremes(calibrator);
}

/* --- scales --------------------------------------------------------------------------------- */

static void any_scale(const struct groups *groups, size_t unit, float lo, float hi, bool finite)
{
  struct choice choice = {.lo = (double)lo, .hi = (double)hi};
  struct scaling scaling;
  if (!finite || (lo == 0 && hi == 0))
    choice.lo = choice.hi = 0;
  calibration_scale(&groups->calibration, &choice, &scaling);
  scaling.scale = fit_usable_scale(scaling.scale);
  groups->fit->unit[unit] = calibration_unit(&groups->fit->grid, &scaling);
}

static bool is_usual(const struct groups *groups, float scale)
{
  return (scale >= FLT_MIN) & (scale * groups->widest <= FLT_MAX);
}

/* N units, which are like LIKE. Number by number: what goes on to read them waits where a number
 * was written twice. */
static void plain_units(const struct unit *like, const float *scale, const float *zero, size_t n,
                        struct unit *unit)
{
  const float lo = like->lo, hi = like->hi, offset = like->offset, multiplier = like->multiplier;
  for (size_t i = 0; i < n; i++)
    unit[i] = (struct unit){.scale = scale[i],
                            .lo = lo - zero[i],
                            .hi = hi - zero[i],
                            .offset = offset,
                            .multiplier = multiplier};
}

/* calibration_scale without a rule, where no limit of float32 is near. */
static void plain_scales(const struct groups *groups, size_t first, const float *lo,
                         const float *hi, size_t n)
{
  float scale[GROUPS], zero[GROUPS];
  struct unit *unit = groups->fit->unit + first;
  kernels.group_scales(lo, hi, n, groups->steps, groups->calibration.asymmetric, scale, zero);
  plain_units(&groups->unit, scale, zero, n, unit);
  size_t usual = 0;
  for (size_t i = 0; i < n; i++)
    usual += is_usual(groups, scale[i]);
  for (size_t i = 0; usual < n && i < n; i++)
    if (!is_usual(groups, scale[i]))
      any_scale(groups, first + i, lo[i], hi[i], true);
}

/* --- ranges --------------------------------------------------------------------------------- */

static void widen(float *lo, float *hi, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    hi[i] = -lo[i] > hi[i] ? -lo[i] : hi[i];
    lo[i] = -hi[i];
  }
}

static void keep_ends(const struct groups *groups, size_t first, const float *lo, const float *hi,
                      size_t n)
{
  if (!groups->least)
    return;
  memcpy(groups->least + first, lo, n * sizeof *lo);
  memcpy(groups->most + first, hi, n * sizeof *hi);
}

static void one_group(struct groups *groups, size_t unit, const struct extremes *e)
{
  float lo = e->finite ? e->min : 0, hi = e->finite ? e->max : 0;
  keep_ends(groups, unit, &lo, &hi, 1);
  if (e->nan || e->inf)
    atomic_store_explicit(&groups->odd, true, memory_order_relaxed);
  if (groups->magnitude)
    widen(&lo, &hi, 1);
  any_scale(groups, unit, lo, hi, e->finite > 0);
}

/* N elements of a block, the first of them that of group FIRST. */
static void short_groups(struct groups *groups, size_t first, const float *x, size_t n)
{
  float lo[GROUPS], hi[GROUPS];
  size_t length = groups->fit->grain.group, count = size_div_up(n, length);
  if (groups->plain && kernels.group_ranges(x, n, length, length, lo, hi)) {
    keep_ends(groups, first, lo, hi, count);
    if (groups->magnitude)
      widen(lo, hi, count);
    plain_scales(groups, first, lo, hi, count);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    struct extremes extremes = extremes_empty();
    kernels.extremes(x + i * length, size_min(length, n - i * length), &extremes);
    one_group(groups, first + i, &extremes);
  }
}

static void long_group(struct groups *groups, size_t unit, size_t start, size_t n)
{
  float scratch[FEED_BLOCK];
  struct extremes extremes = extremes_empty();
  for (size_t m; n > 0 && !progress_cancelled(groups->progress); start += m, n -= m) {
    m = size_min(n, FEED_BLOCK);
    kernels.extremes(feed_block(groups->feed, start, m, scratch), m, &extremes);
  }
  one_group(groups, unit, &extremes);
}

/* COUNT groups from FIRST, whose N elements from START lie side by side. */
static void row_of_groups(struct groups *groups, size_t first, size_t count, size_t start, size_t n)
{
  float scratch[FEED_BLOCK];
  size_t length = groups->fit->grain.group, at_once = length < LONG_GROUP ? FEED_BLOCK / length : 1;
  for (size_t i = 0, k; i < count && !progress_cancelled(groups->progress); i += k) {
    k = size_min(at_once, count - i);
    size_t from = i * length, m = size_min(k * length, n - from);
    if (length < LONG_GROUP)
      short_groups(groups, first + i, feed_block(groups->feed, start + from, m, scratch), m);
    else
      long_group(groups, first + i, start + from, m);
  }
}

static void fit_chunk(void *context, size_t chunk, unsigned worker)
{
  struct groups *groups = context;
  (void)worker;
  size_t length = groups->fit->grain.group;
  size_t unit = chunk * groups->chunk,
         end = size_min(unit + groups->chunk, groups->fit->grain.units);
  for (size_t k; unit < end && !progress_cancelled(groups->progress); unit += k) {
    size_t place = unit % groups->across;
    k = size_min(end - unit, groups->across - place);
    size_t n = size_min(k * length, groups->columns - place * length);
    row_of_groups(groups, unit, k, unit / groups->across * groups->columns + place * length, n);
    progress_advance(groups->progress, n);
  }
}

/* --- the whole ------------------------------------------------------------------------------ */

/* FEED: whose values will be told apart by their addresses. */
static void start_groups(struct groups *groups, struct fit *fit, const struct feed *feed)
{
  const struct grain *grain = &fit->grain;
  const struct quantizer *quantizer = &fit->quantizer;
  *groups = (struct groups){.fit = fit,
                            .feed = feed,
                            .calibration = fit_calibration(quantizer),
                            .columns = grain->columns,
                            .across = grain->groups};
  const struct calibration *calibration = &groups->calibration;
  const struct format *format = quantizer->format;
  bool integers = format->family->has_zero_point;
  const struct scaling one = {.scale = 1};
  groups->unit = calibration_unit(&groups->fit->grid, &one);
  groups->magnitude = quantizer->calibrator->magnitude;
  groups->plain =
      calibration_is_plain(calibration) && groups->fit->grid.arithmetic == ARITHMETIC_DIVIDE;
  groups->steps = calibration->asymmetric ? (float)(format_levels(format, true, false) - 1)
                                          : (float)format_max(format);
  groups->widest = integers ? (float)(1UL << format->bits) : (float)format_max(format);
  if (grain->columns % grain->group == 0) {
    groups->columns = grain->count;
    groups->across = grain->units;
  }
  fit->ends = groups->least =
      grain->units <= FIT_ENDS_MOST ? mem_room(grain->units, 2 * sizeof *fit->ends) : NULL;
  groups->most = groups->least ? groups->least + grain->units : NULL;
  fit->ends_self = feed->self;
  fit->ends_direct = feed->direct;
}

static void end_groups(struct groups *groups)
{
  struct fit *fit = groups->fit;
  if (!atomic_load(&groups->odd))
    return;
  free(fit->ends);
  fit->ends = NULL;
}

enum status fit_groups(struct fit *fit, const struct feed *feed, struct progress *progress)
{
  struct groups groups;
  start_groups(&groups, fit, feed);
  groups.progress = progress;
  groups.chunk = size_max(FEED_CHUNK / fit->grain.group, 1);
  enum status status =
      pool_for(size_div_up(fit->grain.units, groups.chunk), fit_chunk, &groups, progress);
  end_groups(&groups);
  return status;
}

/* --- block by block ------------------------------------------------------------------------- */

bool fit_groups_can_wait(const struct fit *fit)
{
  const struct grain *grain = &fit->grain;
  return fit_groups_can(fit) && grain->group < LONG_GROUP && FEED_BLOCK % grain->group == 0 &&
         grain->columns % grain->group == 0;
}

enum status fit_groups_wait(struct fit *fit, const struct feed *feed)
{
  fit->waiting = mem_array(1, sizeof *fit->waiting);
  if (!fit->waiting)
    return STATUS_MEMORY;
  start_groups(fit->waiting, fit, feed);
  fit->waiting->feed = NULL; /* the pass brings the values, and FEED may be gone by then */
  return STATUS_OK;
}

bool fit_groups_odd(const struct fit *fit)
{
  return fit->waiting && atomic_load_explicit(&fit->waiting->odd, memory_order_relaxed);
}

bool fit_is_waiting(const struct fit *fit)
{
  return fit->waiting != NULL;
}

void fit_block(struct fit *fit, size_t start, const float *x, size_t n)
{
  short_groups(fit->waiting, start / fit->grain.group, x, n);
}

void fit_settle(struct fit *fit)
{
  end_groups(fit->waiting);
  free(fit->waiting);
  fit->waiting = NULL;
}
