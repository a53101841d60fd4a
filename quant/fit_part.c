/* Parts of fits whose scales are made where they are used. A part is a fit of its own, of a matrix
 * cut out of the tensor: whole rows of units, or a stretch of a row, so that every unit is whole
 * and gets the scale that it would get among all others. Then it is told where it lies. */
#include "quant/base/pool.h"
#include "quant/base/size.h"
#include "quant/fit.h"

#include <float.h>
#include <math.h>

enum {
  ROW_MOST = 1 << 22,  /* elements of a row that is always taken whole */
  GROUP_BYTES = 28,    /* of a unit whose scale the extremes decide: itself, and these */
  SEARCHED_BYTES = 60, /* of others: its extremes, what a calibrator gathers, bounds */
};

/* What makes a whole number of units: rows of COLUMNS elements, or STEP of them where a part of a
 * row will do. */
struct cut {
  size_t columns, step, count;
};

/* LENGTH: of a group or a block, also where the rows are shorter. */
static bool lay_cut(const struct grain *grain, size_t length, struct cut *cut)
{
  *cut = (struct cut){.columns = grain->columns, .count = grain->count};
  if (grain->units <= 1)
    return false;
  if (grain->kind == GRAIN_CHANNEL) {
    cut->columns = grain->inner;
    return grain->outer == 1 && grain->inner <= ROW_MOST;
  }
  if (grain->kind == GRAIN_GROUP && grain->columns % length == 0) {
    cut->step = length;
    return length <= ROW_MOST;
  }
  return grain->columns <= ROW_MOST;
}

/* --- room ------------------------------------------------------------------------------------- */

static struct block_codec codec_of(const struct quantizer *quantizer)
{
  const struct block_codec *codec = block_codec_find(quantizer->format->name);
  return quantizer->block.length ? block_resized(codec, quantizer->block.length) : *codec;
}

/* Of what a block format stores: the blocks, and a scale (an offset) for each of their parts. */
static bool block_size(const struct quantizer *quantizer, const struct grain *grain, size_t *bytes,
                       size_t *scales)
{
  const struct block_codec own = codec_of(quantizer);
  size_t columns = size_max(grain->columns, 1), rows = grain->count / columns, packed;
  *scales = rows * size_div_up(columns, own.sub_length);
  return size_mul(rows * size_div_up(columns, own.length), own.bytes, &packed) &&
         size_mul(*scales, sizeof(struct unit) + sizeof(float), bytes) &&
         size_add(*bytes, packed, bytes);
}

enum status quantizer_fit_size(const struct quantizer *quantizer, const struct shape *shape,
                               size_t *bytes, size_t *scales, struct error *error)
{
  const bool block = format_is_block(quantizer->format);
  const struct granularity rows = {.kind = GRAIN_TOKEN};
  struct grain grain;
  enum status status = grain_make(block ? &rows : &quantizer->granularity, shape, &grain, error);
  if (status != STATUS_OK)
    return status;
  *scales = grain.units;
  const struct calibrator *calibrator = quantizer->calibrator;
  bool extremes = calibrator && calibrator_by_extremes(calibrator) &&
                  (grain.kind == GRAIN_GROUP || grain.kind == GRAIN_TOKEN);
  if (block ? !block_size(quantizer, &grain, bytes, scales)
            : !size_mul(grain.units, extremes ? GROUP_BYTES : SEARCHED_BYTES, bytes))
    *bytes = SIZE_MAX;
  return status;
}

/* --- on demand -------------------------------------------------------------------------------- */

bool quantizer_can_fit_on_demand(const struct quantizer *quantizer, const struct shape *shape)
{
  struct granularity granularity = quantizer->granularity;
  struct grain grain;
  struct cut cut;
  if (format_is_block(quantizer->format))
    granularity = (struct granularity){.kind = GRAIN_GROUP, .group = codec_of(quantizer).length};
  return !quantizer->format->learned && !quantizer->block.importance[0] &&
         grain_make(&granularity, shape, &grain, NULL) == STATUS_OK &&
         lay_cut(&grain, granularity.group, &cut);
}

bool fit_is_on_demand(const struct fit *fit)
{
  return fit->on_demand;
}

struct stretch {
  struct feed whole;
  size_t start;
};

static void read_stretch(const void *self, size_t start, size_t n, float *out)
{
  const struct stretch *stretch = self;
  stretch->whole.decode(stretch->whole.self, stretch->start + start, n, out);
}

/* N elements of FEED from START on; refers to STRETCH. */
static struct feed feed_stretch(const struct feed *feed, size_t start, size_t n,
                                struct stretch *stretch)
{
  struct feed part = *feed;
  *stretch = (struct stretch){*feed, start};
  part.count = n;
  if (feed->direct) {
    part.direct = feed->direct + start;
    return part;
  }
  part.decode = read_stretch;
  part.self = stretch;
  return part;
}

/* Elements around start..start+n-1 that are whole units, at most so many as AHEAD where possible.
 */
static void widen(const struct cut *cut, size_t n, size_t ahead, size_t *start, size_t *end)
{
  size_t step = cut->step ? cut->step : cut->columns;
  size_t behind = *start + size_max(n, size_min(ahead, cut->count - *start));
  *start -= *start % step;
  *end = size_min(size_div_up(behind, step) * step, cut->count);
}

static struct fit *make(const struct fit *whole, const struct cut *cut, const struct feed *feed,
                        size_t start, size_t n)
{
  struct stretch stretch;
  struct quantizer quantizer = whole->quantizer;
  const struct feed own = feed_stretch(feed, start, n, &stretch);
  const struct shape shape =
      cut->step ? (struct shape){.dims = 2, .dim = {1, n}}
                : (struct shape){.dims = 2, .dim = {n / cut->columns, cut->columns}};
  struct fit *fit = NULL;
  struct error error;
  quantizer.granularity.axis = 0;
  if (whole->block)
    return block_fit_part(whole, &own, &shape);
  return quantizer_fit(&quantizer, &own, &shape, NULL, &fit, &error) == STATUS_OK ? fit : NULL;
}

/* Tells FIT where in WHOLE it lies, from element START on. */
static void place(struct fit *fit, const struct fit *whole, size_t start)
{
  free(fit->ends);
  fit->ends = NULL;
  fit->grain = whole->grain;
  fit->first = grain_unit(&whole->grain, start);
  if (!fit->block)
    return;
  const struct grain blocks = fit_block_grain(whole);
  fit->block->rows = whole->block->rows;
  fit->block->columns = whole->block->columns;
  fit->block->row_blocks = whole->block->row_blocks;
  fit->block->first = grain_unit(&blocks, start);
}

static void note_ranges(struct fit_part *part)
{
  const size_t first = part->made->first, last = grain_unit(&part->made->grain, part->end - 1);
  for (size_t unit = first; unit <= last; unit++) {
    double lo, hi;
    fit_range(part->made, unit, &lo, &hi);
    part->lo = part->any ? fmin(part->lo, lo) : lo;
    part->hi = part->any ? fmax(part->hi, hi) : hi;
    part->any = true;
  }
}

const struct fit *fit_part_at(struct fit_part *part, const struct fit *fit, const struct feed *feed,
                              size_t start, size_t n)
{
  if (!fit->on_demand)
    return fit;
  if (part->made && start >= part->start && start + n <= part->end)
    return part->made;
  const struct grain blocks = fit_block_grain(fit);
  struct cut cut;
  fit_part_free(part);
  lay_cut(&blocks, fit->block ? fit->block->codec.length : fit->quantizer.granularity.group, &cut);
  part->start = start;
  widen(&cut, n, part->ahead, &part->start, &part->end);
  part->made = make(fit, &cut, feed, part->start, part->end - part->start);
  if (!part->made)
    return NULL;
  place(part->made, fit, part->start);
  note_ranges(part);
  return part->made;
}

void fit_part_free(struct fit_part *part)
{
  fit_free(part->made);
  part->made = NULL;
}

struct fit_part *fit_parts_new(size_t ahead)
{
  struct fit_part *parts = mem_array(pool_threads(), sizeof *parts);
  for (unsigned w = 0; parts && w < pool_threads(); w++)
    parts[w].ahead = ahead;
  return parts;
}

void fit_parts_free(struct fit_part *parts)
{
  for (unsigned w = 0; parts && w < pool_threads(); w++)
    fit_part_free(&parts[w]);
  free(parts);
}

bool fit_part_round_trip(const struct fit *fit, const struct feed *feed, size_t start, size_t n,
                         const float *x, float *y)
{
  struct fit_part part = {0};
  const struct fit *own = n > 0 ? fit_part_at(&part, fit, feed, start, n) : fit;
  if (own)
    fit_round_trip(own, start, n, x, y, NULL);
  for (size_t i = 0; !own && i < n; i++)
    y[i] = NAN;
  fit_part_free(&part);
  return own != NULL;
}
