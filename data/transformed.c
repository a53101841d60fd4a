#include "data/transformed.h"

#include "data/map_range.h"
#include "data/source_types.h"
#include "data/spill.h"
#include "quant/base/size.h"
#include "quant/format.h"
#include "quant/hadamard.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const double float16_most = 65504;

/* --- factors ---------------------------------------------------------------------------------- */

/* The factors of the channels of elements START..START+N-1 (n <= FEED_BLOCK), one for each. */
static void spread_factors(const struct transformed *t, size_t start, size_t n, float *out)
{
  const struct grain *grain = &t->grain;
  for (size_t i = 0, run; i < n; i += run) {
    size_t unit;
    if (grain->inner == 1) {
      unit = (start + i) % grain->channels;
      run = size_min(grain->channels - unit, n - i);
      memcpy(out + i, t->factor + unit, run * sizeof *out);
      continue;
    }
    run = grain_run(grain, start + i, n - i, &unit);
    for (size_t k = i; k < i + run; k++)
      out[k] = t->factor[unit];
  }
}

static void divide_block(const struct transformed *t, size_t start, size_t n, float *out)
{
  float factor[FEED_BLOCK], scratch[FEED_BLOCK];
  const float *x = feed_block(&t->feed, start, n, scratch);
  spread_factors(t, start, n, factor);
  for (size_t i = 0; i < n; i++)
    out[i] = x[i] / factor[i];
}

static void decode_divided(const struct derived *self, size_t start, size_t n, float *out)
{
  const struct transformed *t = (const struct transformed *)(const void *)self;
  for (size_t taken; n > 0; start += taken, out += taken, n -= taken) {
    taken = size_min(n, FEED_BLOCK);
    divide_block(t, start, taken, out);
  }
}

static float kept_value(const struct transformed *t, float x)
{
  return format_decode(t->kept_as, format_encode(t->kept_as, x));
}

static void multiply_back(const void *self, size_t start, size_t n, float *out)
{
  const struct way_back *back = self;
  const struct transformed *t = back->transformed;
  float factor[FEED_BLOCK], scratch[FEED_BLOCK];
  const float *z = feed_block(&back->quantized, start, n, out);
  spread_factors(t, start, n, factor);
  bool any_kept = false;
  for (size_t i = 0; i < n; i++) {
    any_kept |= isnan(factor[i]) != 0;
    out[i] = z[i] * factor[i];
  }
  const float *x = any_kept ? feed_block(&t->feed, start, n, scratch) : NULL;
  for (size_t i = 0; any_kept && i < n; i++)
    out[i] = isnan(factor[i]) ? kept_value(t, x[i]) : out[i];
}

/* Largest finite magnitude of each channel: of bit patterns, which are in the same order. */
struct magnitudes {
  const struct transformed *of;
  atomic_uint *largest;
  struct progress *progress;
};

static void raise_to(atomic_uint *largest, float x)
{
  unsigned bits, before = atomic_load_explicit(largest, memory_order_relaxed);
  memcpy(&bits, &x, sizeof bits);
  bits &= 0x7fffffff;
  if (bits >= 0x7f800000)
    return;
  while (bits > before && !atomic_compare_exchange_weak_explicit(
                              largest, &before, bits, memory_order_relaxed, memory_order_relaxed))
    continue;
}

static void measure_chunk(void *context, size_t chunk, unsigned worker)
{
  const struct magnitudes *m = context;
  const struct feed *feed = &m->of->feed;
  float scratch[FEED_BLOCK];
  size_t end = size_min((chunk + 1) * FEED_CHUNK, feed->count), n;
  (void)worker;
  for (size_t start = chunk * FEED_CHUNK; start < end; start += n) {
    n = size_min(FEED_BLOCK, end - start);
    const float *x = feed_block(feed, start, n, scratch);
    struct grain_walk walk = grain_walk_from(&m->of->grain, start);
    for (size_t i = 0; i < n; i++)
      raise_to(&m->largest[grain_walk_step(&walk)], x[i]);
    progress_advance(m->progress, n);
  }
}

/* Into FACTOR, one for each channel. */
static enum status measure_channels(const struct transformed *t, struct progress *progress,
                                    float *factor, struct error *error)
{
  size_t channels = t->grain.units;
  const struct magnitudes m = {t, mem_array(channels, sizeof *m.largest), progress};
  if (!m.largest)
    return error_memory(error, "the magnitudes of the channels");
  progress_expect(progress, t->feed.count);
  enum status status = pool_for(size_div_up(t->feed.count, FEED_CHUNK), measure_chunk,
                                (void *)(uintptr_t)&m, progress);
  for (size_t c = 0; c < channels; c++) {
    unsigned bits = atomic_load(&m.largest[c]);
    memcpy(&factor[c], &bits, sizeof bits);
  }
  free(m.largest);
  return status;
}

/* A subnormal factor would not divide back. */
static void make_smooth(struct transformed *t)
{
  for (size_t c = 0; c < t->grain.units; c++) {
    float absmax = t->factor[c];
    double s = pow((double)absmax, t->transform.parameter);
    t->factor[c] = absmax > 0 ? (float)fmax(s, (double)FLT_MIN) : 1;
  }
}

struct rank {
  float absmax;
  size_t channel;
};

static int largest_first(const void *a, const void *b)
{
  const struct rank *x = a, *y = b;
  if (x->absmax > y->absmax || x->absmax < y->absmax)
    return x->absmax > y->absmax ? -1 : 1;
  return (x->channel > y->channel) - (x->channel < y->channel);
}

static enum status make_split(struct transformed *t, struct error *error)
{
  size_t channels = t->grain.units, keep = (size_t)t->transform.parameter;
  struct rank *ranks = mem_array(channels, sizeof *ranks);
  if (!ranks)
    return error_memory(error, "the channels to keep");
  for (size_t c = 0; c < channels; c++)
    ranks[c] = (struct rank){t->factor[c], c};
  qsort(ranks, channels, sizeof *ranks, largest_first);
  t->kept_as = format_find((double)ranks[0].absmax <= float16_most ? "float16" : "bfloat16");
  for (size_t i = 0; i < channels; i++)
    t->factor[ranks[i].channel] = i < keep ? NAN : 1;
  t->kept = keep * grain_unit_size(&t->grain, 0);
  free(ranks);
  return STATUS_OK;
}

static enum status prepare_factors(struct transformed *t, struct progress *progress,
                                   struct error *error)
{
  float *factor = mem_array(t->grain.units, sizeof *factor);
  if (!factor)
    return error_memory(error, "the channels");
  t->factor = factor;
  enum status status = measure_channels(t, progress, factor, error);
  if (status == STATUS_OK && t->transform.kind == TRANSFORM_SMOOTH)
    make_smooth(t);
  else if (status == STATUS_OK)
    status = make_split(t, error);
  if (status != STATUS_OK) {
    free(factor);
    t->factor = NULL;
  }
  return status;
}

/* --- rotations -------------------------------------------------------------------------------- */

enum { TILE_MOST = 1 << 18, TILE_LEAST = 16 /* elements; columns */ };

static void read_run(const struct feed *feed, size_t start, size_t n, float *out)
{
  for (size_t taken; n > 0; start += taken, out += taken, n -= taken) {
    taken = size_min(n, FEED_BLOCK);
    const float *x = feed_block(feed, start, taken, out);
    if (x != out)
      memcpy(out, x, taken * sizeof *out);
  }
}

/* Elements START..START+N-1 of the rotation of FEED along the last axis: whole blocks at a time.
 * The way back reads its own rotation of a rotation: each has room of its own. */
static void rotate_along(const struct feed *feed, size_t block, size_t start, size_t n, float *out)
{
  static _Thread_local float room[2][TRANSFORM_BLOCK_MOST];
  static _Thread_local unsigned depth;
  float *values = room[depth++];
  size_t most = TRANSFORM_BLOCK_MOST / block * block;
  for (size_t taken; n > 0; start += taken, out += taken, n -= taken) {
    size_t first = start - start % block;
    size_t length = size_min(size_div_up(start + n - first, block) * block, most);
    read_run(feed, first, length, values);
    for (size_t at = 0; at < length; at += block)
      hadamard(values + at, block, 1);
    taken = size_min(n, first + length - start);
    memcpy(out, values + (start - first), taken * sizeof *out);
  }
  depth--;
}

static void decode_rotated(const struct derived *self, size_t start, size_t n, float *out)
{
  const struct transformed *t = (const struct transformed *)(const void *)self;
  if (t->rotated)
    memcpy(out, t->rotated + start, n * sizeof *out);
  else
    rotate_along(&t->feed, t->block, start, n, out);
}

static void rotate_back(const void *self, size_t start, size_t n, float *out)
{
  const struct way_back *back = self;
  rotate_along(&back->quantized, back->transformed->block, start, n, out);
}

/* A rotation whose blocks lie scattered: BLOCK rows of WIDE neighbours each are a job. */
struct scattered {
  const struct feed *feed;
  const struct grain *grain;
  size_t block, wide, strips; /* jobs across a row */
  float *out;
  atomic_bool failed;
  struct progress *progress;
};

static void rotate_tile(void *context, size_t job, unsigned worker)
{
  struct scattered *s = context;
  size_t inner = s->grain->inner, column = job % s->strips * s->wide;
  size_t wide = size_min(s->wide, inner - column);
  size_t first = job / s->strips * s->block * inner + column;
  float *tile = mem_array(s->block * wide, sizeof *tile);
  (void)worker;
  if (!tile) {
    atomic_store(&s->failed, true);
    return;
  }
  for (size_t i = 0; i < s->block; i++)
    read_run(s->feed, first + i * inner, wide, tile + i * wide);
  hadamard(tile, s->block, wide);
  for (size_t i = 0; i < s->block; i++)
    memcpy(s->out + first + i * inner, tile + i * wide, wide * sizeof *tile);
  map_passed(s->block * wide * sizeof *tile);
  progress_advance(s->progress, s->block * wide);
  free(tile);
}

/* All of FEED rotated, into *OUT (spill_new). */
static enum status rotate_scattered(const struct transformed *t, const struct feed *feed,
                                    struct progress *progress, float **out, struct error *error)
{
  struct scattered s = {.feed = feed, .grain = &t->grain, .block = t->block, .progress = progress};
  unsigned char *bytes;
  size_t size;
  if (!size_mul(feed->count, sizeof(float), &size))
    return error_memory(error, "the rotated tensor");
  enum status status = spill_new(size, &bytes, error);
  if (status != STATUS_OK)
    return status;
  s.out = (float *)(void *)bytes;
  s.wide = size_min(size_max(TILE_MOST / t->block, TILE_LEAST), t->grain.inner);
  s.strips = size_div_up(t->grain.inner, s.wide);
  progress_expect(progress, feed->count);
  size_t rows = feed->count / t->grain.inner;
  status = pool_for(rows / t->block * s.strips, rotate_tile, &s, progress);
  if (status == STATUS_OK && atomic_load(&s.failed))
    status = error_memory(error, "the rotated tensor");
  if (status == STATUS_OK)
    *out = s.out;
  else
    spill_free(bytes);
  return status;
}

static bool is_scattered(const struct transformed *t)
{
  return t->grain.inner > 1;
}

static enum status prepare_rotation(struct transformed *t, struct progress *progress,
                                    struct error *error)
{
  return is_scattered(t) ? rotate_scattered(t, &t->feed, progress, &t->rotated, error) : STATUS_OK;
}

/* --- the kinds -------------------------------------------------------------------------------- */

static enum status check_factors(struct transformed *t, struct error *error)
{
  size_t channels = t->grain.units;
  char word[TRANSFORM_TEXT];
  if (channels > TRANSFORM_CHANNELS_MOST)
    return error_set(error, STATUS_USAGE, "%s: expected at most %d channels, axis %u has %zu",
                     transform_print(&t->transform, word), TRANSFORM_CHANNELS_MOST, t->axis,
                     channels);
  if (t->transform.kind == TRANSFORM_SPLIT && t->transform.parameter >= (double)channels)
    return error_set(error, STATUS_USAGE,
                     "%s: axis %u has %zu channels; nothing would be left to quantize",
                     transform_print(&t->transform, word), t->axis, channels);
  return STATUS_OK;
}

static enum status check_rotation(struct transformed *t, struct error *error)
{
  size_t length = t->grain.channels, most = TRANSFORM_BLOCK_MOST;
  size_t largest = size_min(length & (~length + 1), most); /* the lowest bit that is set */
  t->block = t->transform.parameter > 0 ? (size_t)t->transform.parameter : largest;
  if (t->block < 2 || length % t->block != 0)
    return error_set(error, STATUS_USAGE,
                     "hadamard: axis %u has %zu channels; expected a multiple of %zu", t->axis,
                     length, size_max(t->block, 2));
  return STATUS_OK;
}

static const struct kind {
  enum status (*check)(struct transformed *t, struct error *error);
  enum status (*prepare)(struct transformed *t, struct progress *progress, struct error *error);
  void (*forth)(const struct derived *self, size_t start, size_t n, float *out);
  void (*back)(const void *self, size_t start, size_t n, float *out);
} kinds[] = {
    [TRANSFORM_SMOOTH] = {check_factors, prepare_factors, decode_divided, multiply_back},
    [TRANSFORM_HADAMARD] = {check_rotation, prepare_rotation, decode_rotated, rotate_back},
    [TRANSFORM_SPLIT] = {check_factors, prepare_factors, decode_divided, multiply_back},
};

static enum status lay(struct transformed *t, int axis, struct error *error)
{
  const struct granularity channels = {.kind = GRAIN_CHANNEL, .axis = axis};
  const struct shape *shape = &t->original->shape;
  if (shape->dims > 0 && !shape_axis(shape, axis, &t->axis))
    return error_set(error, STATUS_USAGE, "there is no axis %d; the tensor has %u", axis,
                     shape->dims);
  enum status status = grain_make(&channels, shape, &t->grain, error);
  if (status != STATUS_OK)
    return status;
  if (t->grain.count == 0)
    return error_set(error, STATUS_USAGE, "there is nothing to transform: the tensor is empty");
  return kinds[t->transform.kind].check(t, error);
}

enum status transformed_new(const struct tensor *tensor, const struct transform *transform,
                            int axis, struct transformed **out, struct error *error)
{
  struct transformed *t = mem_array(1, sizeof *t);
  if (!t)
    return error_memory(error, "a transform");
  t->transform = *transform;
  t->original = tensor;
  t->bulk = (double)NAN;
  t->derived.decode = kinds[transform->kind].forth;
  t->derived.parts = 1;
  t->tensor = *tensor;
  t->tensor.data = NULL;
  t->tensor.swapped = t->tensor.strided = false;
  t->tensor.derived = &t->derived;
  enum status status = lay(t, axis, error);
  if (status == STATUS_OK)
    *out = t;
  else
    free(t);
  return status;
}

void transformed_release(struct transformed *transformed)
{
  free(transformed->factor);
  spill_free(transformed->rotated);
  transformed->factor = transformed->rotated = NULL;
  transformed->derived.part[0].tensor = NULL;
}

void transformed_free(struct transformed *transformed)
{
  if (transformed)
    transformed_release(transformed);
  free(transformed);
}

enum status transformed_prepare(struct transformed *transformed, struct progress *progress,
                                struct error *error)
{
  if (tensor_is_loaded(&transformed->tensor))
    return STATUS_OK;
  transformed->feed = tensor_feed(transformed->original);
  enum status status = kinds[transformed->transform.kind].prepare(transformed, progress, error);
  if (status == STATUS_OK)
    transformed->derived.part[0].tensor = transformed->original;
  return status == STATUS_CANCELLED ? error_set(error, status, "cancelled") : status;
}

struct transformed *tensor_transformed(const struct tensor *tensor)
{
  const struct derived *derived = tensor->derived;
  bool ours = derived && (derived->decode == decode_divided || derived->decode == decode_rotated);
  return ours ? (struct transformed *)(uintptr_t)derived : NULL;
}

const struct tensor *tensor_original(const struct tensor *tensor)
{
  const struct transformed *transformed = tensor_transformed(tensor);
  return transformed ? transformed->original : tensor;
}

double transformed_bits(const struct transformed *transformed, double bits)
{
  double n = (double)transformed->grain.count, kept = (double)transformed->kept / n;
  if (transformed->transform.kind == TRANSFORM_SMOOTH)
    return bits + 32 * (double)transformed->grain.units / n;
  return bits * (1 - kept) + 16 * kept;
}

/* --- back ------------------------------------------------------------------------------------- */

enum status way_back_open(const struct transformed *transformed, const struct feed *quantized,
                          struct progress *progress, struct way_back *back, struct error *error)
{
  *back = (struct way_back){.transformed = transformed, .quantized = *quantized};
  back->feed = (struct feed){
      .count = quantized->count, .self = back, .decode = kinds[transformed->transform.kind].back};
  if (transformed->transform.kind != TRANSFORM_HADAMARD || !is_scattered(transformed))
    return STATUS_OK;
  enum status status =
      rotate_scattered(transformed, &back->quantized, progress, &back->rotated, error);
  if (status == STATUS_OK)
    back->feed = feed_floats(back->rotated, quantized->count);
  return status;
}

void way_back_close(struct way_back *back)
{
  spill_free(back->rotated);
  back->rotated = NULL;
}

/* --- as a source ------------------------------------------------------------------------------ */

static const struct source_type transform_source = {.name = "transform",
                                                    .summary = "one tensor, transformed"};

static void close_transform(struct source *source)
{
  transformed_free(source->state);
}

static enum status load_transform(struct source *source, size_t index, struct progress *progress,
                                  struct error *error)
{
  struct transformed *t = source->state;
  size_t original = (size_t)(t->original - source_tensor(source->base, 0));
  (void)index;
  enum status status = source_load(source->base, original, progress, error);
  return status == STATUS_OK ? transformed_prepare(t, progress, error) : status;
}

/* An empty source over BASE. */
static struct source *new_over(struct source *base)
{
  struct source *source = mem_array(1, sizeof *source);
  if (!source)
    return NULL;
  source->number = source_new_number();
  source->type = &transform_source;
  source->base = base;
  source->load = load_transform;
  source->close = close_transform;
  source->spec = strdup(source_spec(base));
  if (source->spec)
    return source;
  source_close(source);
  return NULL;
}

enum status source_transform(struct source *source, size_t index, const struct transform *transform,
                             int axis, struct source **out, struct error *error)
{
  struct transformed *t;
  const struct tensor *tensor = source_tensor(source, index);
  enum status status = transformed_new(tensor, transform, axis, &t, error);
  if (status != STATUS_OK)
    return status;
  struct source *made = new_over(source);
  if (!made) {
    transformed_free(t);
    return error_memory(error, "a transform");
  }
  made->state = t;
  status = source_add(made, &t->tensor, error);
  if (status == STATUS_OK)
    *out = made;
  else
    source_close(made);
  return status;
}
