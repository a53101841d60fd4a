/* Fits of the formats that bring their own blocks: the tensor is packed once, in parallel, and
 * every answer is read from the bytes. Scales of the sub-blocks are kept beside them, because
 * measuring asks for them all the time. */
#include "quant/base/size.h"
#include "quant/extent.h"
#include "quant/fit.h"

#include <float.h>
#include <math.h>
#include <string.h>

void block_fit_free(struct block_fit *block)
{
  if (!block)
    return;
  free(block->packed);
  free(block->offset);
  free(block);
}

static size_t sub_blocks(const struct block_fit *block)
{
  return block->codec.length / block->codec.sub_length;
}

/* --- what is asked of it ---------------------------------------------------------------------- */

/* Matrices of a tensor: what lies in front of its rows. */
static size_t matrices(const struct shape *shape)
{
  size_t count = 1;
  for (unsigned axis = 0; axis + 2 < shape->dims; axis++)
    count *= shape->dim[axis];
  return count;
}

/* A weight for each column, or for each column of each matrix (an expert's). */
static enum status check_weights(const struct block_choice *choice, const struct shape *shape,
                                 size_t columns, struct error *error)
{
  size_t all = matrices(shape) * columns, count = choice->weight_count;
  if (count != columns && count != all && all == columns)
    return error_set(error, STATUS_USAGE,
                     "importance=%s: expected %zu weights, one for each column, found %zu",
                     choice->importance, columns, count);
  if (count != columns && count != all)
    return error_set(error, STATUS_USAGE,
                     "importance=%s: expected %zu weights, one for each column, or %zu, for each "
                     "matrix its own; found %zu",
                     choice->importance, columns, all, count);
  for (size_t i = 0; i < count; i++)
    if (!(choice->weights[i] >= 0) || isinf(choice->weights[i]))
      return error_set(error, STATUS_USAGE,
                       "importance=%s: expected finite weights of 0 or more, found %g at %zu",
                       choice->importance, (double)choice->weights[i], i);
  return STATUS_OK;
}

static enum status check_rows(const struct quantizer *quantizer, const struct block_codec *codec,
                              const struct shape *shape, size_t columns, struct error *error)
{
  const struct block_choice *choice = &quantizer->block;
  if (columns % codec->length != 0 && !codec->pads && !choice->pad)
    return error_set(error, STATUS_USAGE,
                     "%s: the rows have %zu elements, which its blocks of %zu do not divide; the "
                     "word \"pad\" fills the last block with zeros",
                     codec->name, columns, codec->length);
  if (choice->importance[0] && !choice->weights)
    return error_set(error, STATUS_USAGE, "importance=%s: the file has not been read",
                     choice->importance);
  return choice->weights ? check_weights(choice, shape, columns, error) : STATUS_OK;
}

static void lay_out(const struct quantizer *quantizer, struct block_fit *block)
{
  const struct block_choice *choice = &quantizer->block;
  const struct block_codec *codec = block_codec_find(quantizer->format->name);
  block->codec = choice->length ? block_resized(codec, choice->length) : *codec;
  block->setting = (struct block_setting){.length = block->codec.length,
                                          .tensor_scale = 1,
                                          .rule = choice->rule,
                                          .variant = choice->variant,
                                          .four_over_six = choice->four_over_six,
                                          .rounding = (int)quantizer->rounding};
}

static void find_ends(struct block_fit *block)
{
  size_t count;
  const float *levels = block_levels(&block->codec, &count);
  block->lo = INFINITY;
  block->hi = -INFINITY;
  block->lo_step = block->hi_step = INFINITY;
  for (size_t i = 0; i < count; i++)
    if (block_makes(&block->codec, levels[i])) {
      block->lo = fminf(block->lo, levels[i]);
      block->hi = fmaxf(block->hi, levels[i]);
    }
  for (size_t i = 0; i < count; i++)
    if (block_makes(&block->codec, levels[i])) {
      if (levels[i] > block->lo)
        block->lo_step = fminf(block->lo_step, levels[i] - block->lo);
      if (levels[i] < block->hi)
        block->hi_step = fminf(block->hi_step, block->hi - levels[i]);
    }
}

static bool has_offset(const struct block_fit *block)
{
  static const unsigned char zeros[BLOCK_BYTES_MOST];
  struct block_parts parts;
  block->codec.take_apart(&block->setting, zeros, &parts);
  return parts.has_offset;
}

/* Without KEEP there is a unit that knows no scale, and nothing packed. */
static struct fit *fit_new(const struct quantizer *quantizer, const struct block_fit *laid_out,
                           const struct grain *grain, bool keep)
{
  const size_t units = keep ? grain->units : 1;
  struct fit *fit = mem_array(1, sizeof *fit);
  struct block_fit *block = mem_array(1, sizeof *block);
  size_t blocks, bytes;
  if (!fit || !block) {
    free(fit);
    free(block);
    return NULL;
  }
  *block = *laid_out;
  fit->quantizer = *quantizer;
  fit->quantizer.block.weights = NULL; /* they were only lent */
  fit->grain = *grain;
  fit->block = block;
  block->columns = grain->columns;
  block->rows = grain->count ? grain->count / grain->columns : 0;
  block->row_blocks = size_div_up(block->columns, block->codec.length);
  fit->family = quantizer->format->family;
  fit->grid.format = quantizer->format;
  block->packed = NULL;
  block->offset = NULL;
  fit->on_demand = !keep;
  fit->unit = mem_array(units, sizeof *fit->unit);
  if (has_offset(block))
    block->offset = mem_array(units, sizeof *block->offset);
  if (keep && size_mul(block->rows, block->row_blocks, &blocks) &&
      size_mul(blocks, block->codec.bytes, &bytes))
    block->packed = mem_array(bytes, 1);
  if (!fit->unit || !(block->packed || !keep) || (has_offset(block) && !block->offset)) {
    fit_free(fit);
    return NULL;
  }
  find_ends(block);
  if (!keep)
    fit->unit[0] = (struct unit){.scale = NAN, .lo = block->lo, .hi = block->hi};
  return fit;
}

/* --- packing ---------------------------------------------------------------------------------- */

struct packing {
  struct fit *fit;
  const struct feed *feed;
  const float *weights; /* of a padded row, for each matrix; NULL without importance */
  size_t matrix;        /* rows that share them */
  size_t chunk;         /* blocks, or rows with importance, of one job */
  float *rows;          /* a padded row for each worker */
  struct progress *progress;
};

/* Keeps the scales of COUNT blocks from BLOCK on, all of one row. */
static void keep_scales(struct fit *fit, size_t first, size_t count)
{
  struct block_fit *block = fit->block;
  size_t row = first / block->row_blocks, subs = sub_blocks(block);
  struct block_parts parts;
  for (size_t b = first; b < first + count; b++) {
    size_t sub = (b - row * block->row_blocks) * subs;
    block->codec.take_apart(&block->setting, block->packed + b * block->codec.bytes, &parts);
    for (size_t i = 0; i < subs && sub + i < fit->grain.groups; i++) {
      size_t unit = row * fit->grain.groups + sub + i;
      fit->unit[unit] = (struct unit){.scale = parts.scale[i], .lo = block->lo, .hi = block->hi};
      if (block->offset)
        block->offset[unit] = parts.offset[i];
    }
  }
}

/* Elements of ROW from column START on into VALUES, zeros behind the end of the row. */
static void read_padded(const struct packing *packing, size_t row, size_t start, size_t n,
                        float *values)
{
  const struct block_fit *block = packing->fit->block;
  size_t there = size_min(n, block->columns - start), at = row * block->columns + start;
  for (size_t i = 0, take; i < there; i += take) {
    take = size_min(FEED_BLOCK, there - i);
    const float *x = feed_block(packing->feed, at + i, take, values + i);
    if (x != values + i)
      memcpy(values + i, x, take * sizeof *x);
  }
  memset(values + there, 0, (n - there) * sizeof *values);
  progress_advance(packing->progress, there);
}

/* Blocks do not depend on each other. */
static void pack_blocks(void *context, size_t chunk, unsigned worker)
{
  const struct packing *packing = context;
  const struct block_fit *block = packing->fit->block;
  const struct block_codec *codec = &block->codec;
  size_t all = block->rows * block->row_blocks, first = chunk * packing->chunk;
  size_t end = size_min(first + packing->chunk, all), most = FEED_BLOCK / codec->length;
  float values[FEED_BLOCK];
  (void)worker;
  for (size_t b = first, count; b < end && !progress_cancelled(packing->progress); b += count) {
    size_t row = b / block->row_blocks, at = b % block->row_blocks;
    count = size_min(size_min(end - b, block->row_blocks - at), most);
    read_padded(packing, row, at * codec->length, count * codec->length, values);
    codec->encode(&block->setting, values, NULL, count * codec->length,
                  block->packed + b * codec->bytes);
    keep_scales(packing->fit, b, count);
  }
}

/* With weights the formats of ggml look at the whole row. */
static void pack_rows(void *context, size_t chunk, unsigned worker)
{
  const struct packing *packing = context;
  const struct block_fit *block = packing->fit->block;
  size_t n = block->row_blocks * block->codec.length, first = chunk * packing->chunk;
  size_t end = size_min(first + packing->chunk, block->rows);
  float *values = packing->rows + worker * n;
  for (size_t row = first; row < end && !progress_cancelled(packing->progress); row++) {
    read_padded(packing, row, 0, n, values);
    block->codec.encode(&block->setting, values, packing->weights + row / packing->matrix * n, n,
                        block->packed + row * block->row_blocks * block->codec.bytes);
    keep_scales(packing->fit, row * block->row_blocks, block->row_blocks);
  }
}

static enum status pack_weighted(struct packing *packing, const struct quantizer *quantizer)
{
  const struct block_fit *block = packing->fit->block;
  size_t n = block->row_blocks * block->codec.length;
  size_t sets = quantizer->block.weight_count / block->columns;
  float *weights = mem_array(sets, n * sizeof *weights);
  enum status status = STATUS_MEMORY;
  packing->chunk = size_max(FEED_CHUNK / n, 1);
  size_t chunks = size_div_up(block->rows, packing->chunk);
  packing->rows = mem_array(size_min(pool_threads(), chunks), n * sizeof *packing->rows);
  packing->weights = weights;
  packing->matrix = block->rows / sets;
  if (weights && packing->rows) {
    for (size_t i = 0; i < sets; i++)
      memcpy(weights + i * n, quantizer->block.weights + i * block->columns,
             block->columns * sizeof *weights);
    status = pool_for(chunks, pack_rows, packing, packing->progress);
  }
  free(packing->rows);
  free(weights);
  return status;
}

static enum status pack(struct packing *packing, const struct quantizer *quantizer)
{
  const struct block_fit *block = packing->fit->block;
  if (packing->feed->count == 0)
    return STATUS_OK;
  if (quantizer->block.weights)
    return pack_weighted(packing, quantizer);
  packing->chunk = FEED_CHUNK / block->codec.length;
  size_t chunks = size_div_up(block->rows * block->row_blocks, packing->chunk);
  return pool_for(chunks, pack_blocks, packing, packing->progress);
}

/* The scale above the block scales, from one pass over the tensor. */
static enum status find_tensor_scale(const struct packing *packing, const struct extremes *known)
{
  struct block_fit *block = packing->fit->block;
  struct grain whole = {.kind = GRAIN_TENSOR, .count = packing->feed->count, .units = 1};
  struct extent extent;
  float absmax = 0;
  if (!block->codec.tensor_scale)
    return STATUS_OK;
  enum status status = STATUS_OK;
  if (known) {
    extent_set(&extent, known->min, known->max, known->finite);
  } else {
    progress_expect(packing->progress, packing->feed->count);
    status = extents_measure(packing->feed, &whole, packing->progress, &extent);
  }
  if (status == STATUS_OK && extent_finite(&extent))
    absmax = fmaxf(fabsf(extent_min(&extent)), fabsf(extent_max(&extent)));
  block->setting.tensor_scale = block->codec.tensor_scale(&block->setting, absmax);
  return status;
}

struct fit *block_fit_part(const struct fit *whole, const struct feed *feed,
                           const struct shape *part)
{
  const struct granularity subs = {.kind = GRAIN_GROUP, .group = whole->grain.group};
  struct grain grain;
  if (grain_make(&subs, part, &grain, NULL) != STATUS_OK)
    return NULL;
  struct packing packing = {.feed = feed,
                            .fit = fit_new(&whole->quantizer, whole->block, &grain, true)};
  if (packing.fit && pack(&packing, &whole->quantizer) != STATUS_OK) {
    fit_free(packing.fit);
    return NULL;
  }
  return packing.fit;
}

enum status block_quantizer_fit(const struct quantizer *quantizer, const struct batch *values,
                                bool keep, struct progress *progress, struct fit **out,
                                struct error *error)
{
  const struct feed *feed = &values->feed;
  const struct shape *shape = &values->shape;
  struct block_fit laid_out = {.packed = NULL};
  struct grain grain;
  lay_out(quantizer, &laid_out);
  struct granularity subs = {.kind = GRAIN_GROUP, .group = laid_out.codec.sub_length};
  enum status status = grain_make(&subs, shape, &grain, error);
  if (status == STATUS_OK)
    status = check_rows(quantizer, &laid_out.codec, shape, grain.columns, error);
  if (status != STATUS_OK)
    return status;
  if (grain.count != feed->count)
    return error_set(error, STATUS_USAGE, "the shape has %zu elements, the data %zu", grain.count,
                     feed->count);
  struct packing packing = {.feed = feed, .progress = progress};
  packing.fit = fit_new(quantizer, &laid_out, &grain, keep);
  if (!packing.fit)
    return error_memory(error, "the packed tensor");
  progress_expect(progress, keep ? feed->count : 0);
  status = find_tensor_scale(&packing, values->extremes);
  if (status == STATUS_OK && keep)
    status = pack(&packing, quantizer);
  if (status == STATUS_OK) {
    *out = packing.fit;
    return status;
  }
  fit_free(packing.fit);
  return status == STATUS_MEMORY ? error_memory(error, "the rows with their weights") : status;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* N elements of block B from its element FROM on. */
static void read_part(const struct block_fit *block, size_t b, size_t from, size_t n, float *y,
                      uint16_t *codes)
{
  const unsigned char *packed = block->packed + (b - block->first) * block->codec.bytes;
  float values[BLOCK_MOST];
  block->codec.decode(&block->setting, packed, 1, values);
  memcpy(y, values + from, n * sizeof *y);
  if (!codes)
    return;
  struct block_parts parts;
  block->codec.take_apart(&block->setting, packed, &parts);
  for (size_t i = 0; i < n; i++)
    codes[i] = parts.code[from + i];
}

void block_round_trip(const struct block_fit *block, size_t start, size_t n, float *y,
                      uint16_t *codes)
{
  size_t length = block->codec.length;
  while (n > 0) {
    size_t row = start / block->columns, column = start % block->columns;
    size_t at = column / length, from = column % length, left = block->columns - at * length;
    size_t b = row * block->row_blocks + at, take = size_min(size_min(length, left) - from, n);
    if (!codes && from == 0 && size_min(n, left) >= length) {
      size_t whole = size_min(n, left) / length;
      block->codec.decode(&block->setting, block->packed + (b - block->first) * block->codec.bytes,
                          whole, y);
      take = whole * length;
    } else {
      read_part(block, b, from, take, y, codes);
    }
    start += take;
    y += take;
    codes = codes ? codes + take : NULL;
    n -= take;
  }
}

/* As float32, the way block_values computes them. */
static void end_values(const struct fit *fit, size_t unit, float *lo, float *hi)
{
  float scale = unit_of(fit, unit)->scale, offset = fit_offset(fit, unit);
  float a = scale * fit->block->lo + offset, b = scale * fit->block->hi + offset;
  *lo = a < b ? a : b;
  *hi = a < b ? b : a;
}

void block_range(const struct fit *fit, size_t unit, double *lo, double *hi)
{
  float low, high;
  end_values(fit, unit, &low, &high);
  *lo = (double)low;
  *hi = (double)high;
}

/* The last float32 at or below THRESHOLD. */
static float at_or_below(double threshold)
{
  float x = (float)fmax(fmin(threshold, (double)FLT_MAX), -(double)FLT_MAX);
  return (double)x > threshold ? nextafterf(x, -INFINITY) : x;
}

void block_bounds(const struct fit *fit, size_t unit, struct tally_bounds *bounds)
{
  const struct block_fit *block = fit->block;
  double scale = (double)unit_of(fit, unit)->scale, offset = (double)fit_offset(fit, unit);
  *bounds = (struct tally_bounds){.clip_lo = -FLT_MAX, .clip_hi = FLT_MAX};
  end_values(fit, unit, &bounds->rail_lo, &bounds->rail_hi);
  if (!isfinite(scale) || !isfinite(offset))
    return;
  if (block->codec.resizes && scale > 0) { /* MX, NVFP4: symmetric about 0 */
    const double hi = (double)block->hi, step = (double)block->hi_step;
    const struct grid_end end = {hi, step, fmod(hi / step, 2) != 0};
    bounds->clip_hi = grid_last_inside(&end, unit_of(fit, unit)->scale, fit->quantizer.rounding);
    bounds->clip_lo = -bounds->clip_hi;
    return;
  }
  double low = scale * ((double)block->lo - (double)block->lo_step / 2) + offset;
  double high = scale * ((double)block->hi + (double)block->hi_step / 2) + offset;
  bounds->clip_lo = -at_or_below(-fmin(low, high));
  bounds->clip_hi = at_or_below(fmax(low, high));
}

double block_bits_per_element(const struct fit *fit)
{
  const struct block_fit *block = fit->block;
  size_t bytes = block->rows * block->row_blocks * block->codec.bytes;
  bool two_levels = block->codec.tensor_scale && block->setting.tensor_scale != 0;
  return ((double)bytes * 8 + (two_levels ? 32 : 0)) / (double)fit->grain.count;
}

static int by_value(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double *block_unit_levels(const struct fit *fit, size_t unit, size_t *count)
{
  size_t codes, found = 0, kept = 0;
  const float *levels = block_levels(&fit->block->codec, &codes);
  double *values = mem_array(codes, sizeof *values);
  if (!values)
    return NULL;
  for (size_t i = 0; i < codes; i++) {
    float value = unit_of(fit, unit)->scale * levels[i] + fit_offset(fit, unit);
    if (isfinite(value) && block_makes(&fit->block->codec, levels[i]))
      values[found++] = (double)value + 0.0;
  }
  qsort(values, found, sizeof *values, by_value);
  for (size_t i = 0; i < found; i++)
    if (kept == 0 || values[i] != values[kept - 1])
      values[kept++] = values[i];
  *count = kept;
  return values;
}
