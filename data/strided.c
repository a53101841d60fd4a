#include "data/strided.h"

#include "data/map_range.h"
#include "quant/base/pool.h"
#include "quant/base/size.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1024 /* elements that are reordered at a time */ };

/* Copies n words that lie STRIDE words apart, with their bytes reversed or not. */
#define GATHER(name, type, change)                                                                 \
  static void name(const unsigned char *from, size_t stride, size_t n, unsigned char *to)          \
  {                                                                                                \
    for (size_t i = 0; i < n; i++) {                                                               \
      type word;                                                                                   \
      memcpy(&word, from + i * stride * sizeof word, sizeof word);                                 \
      word = change(word);                                                                         \
      memcpy(to + i * sizeof word, &word, sizeof word);                                            \
    }                                                                                              \
  }
#define SAME(word) (word)

GATHER(gather_1, uint8_t, SAME)
GATHER(gather_2, uint16_t, SAME)
GATHER(gather_4, uint32_t, SAME)
GATHER(gather_8, uint64_t, SAME)
GATHER(reverse_2, uint16_t, __builtin_bswap16)
GATHER(reverse_4, uint32_t, __builtin_bswap32)
GATHER(reverse_8, uint64_t, __builtin_bswap64)

typedef void gather_function(const unsigned char *, size_t, size_t, unsigned char *);

/* By the size of an element, then by whether its bytes are reversed. */
static gather_function *const gathers[9][2] = {[1] = {gather_1, gather_1},
                                               [2] = {gather_2, reverse_2},
                                               [4] = {gather_4, reverse_4},
                                               [8] = {gather_8, reverse_8}};

/* Where the C-order element INDEX lies. */
static size_t place_of(const struct tensor *tensor, size_t index)
{
  const struct shape *shape = &tensor->shape;
  size_t place = 0;
  for (unsigned axis = shape->dims; axis-- > 0; index /= shape->dim[axis])
    place += index % shape->dim[axis] * tensor->stride[axis];
  return place;
}

unsigned strided_fastest_axis(const struct shape *shape)
{
  unsigned axis = shape->dims - 1;
  while (axis > 0 && shape->dim[axis] == 1)
    axis--;
  return axis;
}

/* Bytes reversed, or not in C order: gathers piece by piece, each within one run along the fastest
 * axis, where elements lie a fixed stride apart. */
void strided_decode(const void *self, size_t start, size_t n, float *out)
{
  const struct tensor *tensor = self;
  const struct stored *stored = tensor->stored;
  unsigned axis = tensor->strided ? strided_fastest_axis(&tensor->shape) : 0;
  size_t run = tensor->strided ? tensor->shape.dim[axis] : tensor->count;
  size_t stride = tensor->strided ? tensor->stride[axis] : 1;
  unsigned char piece[PIECE * sizeof(uint64_t)];
  for (size_t taken; n > 0; start += taken, out += taken, n -= taken) {
    taken = size_min(size_min(n, PIECE), run - start % run);
    size_t place = tensor->strided ? place_of(tensor, start) : start;
    gathers[stored->size][tensor->swapped](tensor->data + place * stored->size, stride, taken,
                                           piece);
    stored->decode(piece, taken, out);
  }
}

/* --- bands ---------------------------------------------------------------------------------- */

enum {
  BAND_WORTH = 4 << 20,  /* bytes of a tensor from which bands are worth it */
  BANDS_MOST = 64 << 20, /* bytes of all threads' bands */
  BAND_MOST = 4 << 20,   /* of one */
  ROWS_MOST = PIECE,     /* of a band */
  ABREAST = 16,          /* columns that are picked up before their rows are written */
};

/* How a tensor is cut into bands: index = (outer * length + row) * columns + column, and rows are
 * near each other in the file. */
struct cut {
  size_t length, columns, stride; /* of the axis of rows */
  size_t rows;                    /* of a band */
};

struct band {
  const struct tensor *tensor;
  unsigned epoch;
  size_t start, count, room; /* elements */
  float *values;
};

static atomic_uint epoch;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool key_made;

static void free_band(void *argument)
{
  struct band *band = argument;
  free(band->values);
  free(band);
}

static void make_key(void)
{
  key_made = pthread_key_create(&key, free_band) == 0;
}

void strided_forget(void)
{
  atomic_fetch_add(&epoch, 1);
}

/* The axis whose neighbours lie nearest; the fastest when none is nearer. */
static unsigned nearest_axis(const struct tensor *tensor)
{
  unsigned nearest = strided_fastest_axis(&tensor->shape);
  for (unsigned axis = 0; axis < tensor->shape.dims; axis++)
    if (tensor->shape.dim[axis] > 1 && tensor->stride[axis] < tensor->stride[nearest])
      nearest = axis;
  return nearest;
}

static bool cut_make(const struct tensor *tensor, struct cut *cut)
{
  const struct shape *shape = &tensor->shape;
  unsigned axis = nearest_axis(tensor);
  if (axis == strided_fastest_axis(shape))
    return false;
  *cut = (struct cut){.length = shape->dim[axis], .columns = 1, .stride = tensor->stride[axis]};
  for (unsigned i = axis + 1; i < shape->dims; i++)
    cut->columns *= shape->dim[i];
  size_t most = size_min(BANDS_MOST / pool_threads(), BAND_MOST) / sizeof(float);
  cut->rows = size_min(size_min(most / cut->columns, cut->length), ROWS_MOST);
  return cut->rows > 1;
}

bool strided_in_bands(const struct tensor *tensor)
{
  struct cut cut;
  return tensor->strided && tensor->stored->length == 1 && tensor->bytes >= BAND_WORTH &&
         cut_make(tensor, &cut);
}

/* This thread's band with room for COUNT elements; NULL when memory runs out. */
static struct band *own_band(size_t count)
{
  pthread_once(&once, make_key);
  struct band *band = key_made ? pthread_getspecific(key) : NULL;
  if (key_made && !band && (band = calloc(1, sizeof *band)) &&
      pthread_setspecific(key, band) != 0) {
    free(band);
    return NULL;
  }
  if (band && band->room < count) {
    float *values = mem_resize(band->values, count, sizeof *values);
    if (!values)
      return NULL;
    band->values = values;
    band->room = count;
    band->tensor = NULL;
  }
  return band;
}

/* WIDE columns (at most ABREAST) of ROWS rows, the first element at index START. */
static void read_columns(const struct tensor *tensor, const struct cut *cut, size_t start,
                         size_t rows, size_t wide, float *out)
{
  const struct stored *stored = tensor->stored;
  unsigned char run[PIECE * sizeof(uint64_t)], piece[PIECE * sizeof(uint64_t)];
  float column[ABREAST][ROWS_MOST];
  size_t span = ((rows - 1) * cut->stride + 1) * stored->size;
  for (size_t i = 0; i < wide; i++) {
    const unsigned char *from = tensor->data + place_of(tensor, start + i) * stored->size;
    if (span <= sizeof run) {
      map_copy(from, span, run); /* mapped, each run would make all that is around it resident */
      from = run;
    }
    gathers[stored->size][tensor->swapped](from, cut->stride, rows, piece);
    stored->decode(piece, rows, column[i]);
  }
  for (size_t row = 0; row < rows; row++)
    for (size_t i = 0; i < wide; i++)
      out[row * cut->columns + i] = column[i][row];
}

/* The band that holds the element INDEX. */
static void fill_band(const struct tensor *tensor, const struct cut *cut, size_t index,
                      struct band *band)
{
  size_t row = index / cut->columns % cut->length, first = row - row % cut->rows;
  size_t rows = size_min(cut->rows, cut->length - first);
  band->tensor = tensor;
  band->epoch = atomic_load(&epoch);
  band->start = (index / cut->columns - (row - first)) * cut->columns;
  band->count = rows * cut->columns;
  for (size_t column = 0; column < cut->columns; column += ABREAST)
    read_columns(tensor, cut, band->start + column, rows, size_min(ABREAST, cut->columns - column),
                 band->values + column);
}

/* --- copies ----------------------------------------------------------------------------------- */

enum { RUN_BYTES = 4096 /* of a column, which lie next to each other in the file */ };

struct straightening {
  const struct tensor *tensor;
  struct cut cut;
  size_t rows, blocks; /* rows of a block; blocks of all rows */
  unsigned char *to;
  struct progress *progress;
};

/* Rows of WIDE (at most ABREAST) elements, ROW bytes apart at TO, from as many columns. */
#define SCATTER(name, type)                                                                        \
  static void name(const unsigned char *from, size_t wide, size_t rows, size_t row,                \
                   unsigned char *to)                                                              \
  {                                                                                                \
    for (size_t k = 0; k < rows; k++, to += row)                                                   \
      for (size_t i = 0; i < wide; i++)                                                            \
        memcpy(to + i * sizeof(type), from + i * RUN_BYTES + k * sizeof(type), sizeof(type));      \
  }

SCATTER(scatter_1, uint8_t)
SCATTER(scatter_2, uint16_t)
SCATTER(scatter_4, uint32_t)
SCATTER(scatter_8, uint64_t)

typedef void scatter_function(const unsigned char *, size_t, size_t, size_t, unsigned char *);
static scatter_function *const scatters[9] = {
    [1] = scatter_1, [2] = scatter_2, [4] = scatter_4, [8] = scatter_8};

/* WIDE columns from START on, of ROWS rows. */
static void straighten_columns(const struct straightening *s, size_t start, size_t rows,
                               size_t wide)
{
  unsigned char runs[ABREAST][RUN_BYTES];
  size_t size = s->tensor->stored->size;
  for (size_t i = 0; i < wide; i++) {
    const unsigned char *from = s->tensor->data + place_of(s->tensor, start + i) * size;
    if (s->cut.stride == 1)
      map_copy(from, rows * size, runs[i]);
    else
      gathers[size][false](from, s->cut.stride, rows, runs[i]);
  }
  scatters[size](runs[0], wide, rows, s->cut.columns * size, s->to + start * size);
  map_passed(rows * wide * size);
}

static void straighten_block(void *context, size_t chunk, unsigned worker)
{
  const struct straightening *s = context;
  size_t first = chunk % s->blocks * s->rows, rows = size_min(s->rows, s->cut.length - first);
  size_t start = (chunk / s->blocks * s->cut.length + first) * s->cut.columns;
  (void)worker;
  for (size_t i = 0, wide; i < s->cut.columns && !progress_cancelled(s->progress); i += wide) {
    wide = size_min(ABREAST, s->cut.columns - i);
    straighten_columns(s, start + i, rows, wide);
    progress_advance(s->progress, rows * wide);
  }
}

bool strided_straighten(const struct tensor *tensor, unsigned char *to, struct progress *progress)
{
  struct straightening s = {.tensor = tensor, .to = to, .progress = progress};
  if (!cut_make(tensor, &s.cut))
    return false;
  s.rows = size_min(s.cut.length, RUN_BYTES / tensor->stored->size);
  s.blocks = size_div_up(s.cut.length, s.rows);
  size_t outer = tensor->count / (s.cut.length * s.cut.columns);
  return pool_for(outer * s.blocks, straighten_block, &s, progress) == STATUS_OK;
}

/* --- reading in bands ------------------------------------------------------------------------- */

void strided_decode_bands(const void *self, size_t start, size_t n, float *out)
{
  const struct tensor *tensor = self;
  struct cut cut;
  bool possible = cut_make(tensor, &cut);
  struct band *band = possible ? own_band(cut.rows * cut.columns) : NULL;
  if (!band) {
    strided_decode(self, start, n, out);
    return;
  }
  for (size_t taken; n > 0; start += taken, out += taken, n -= taken) {
    if (band->tensor != tensor || band->epoch != atomic_load(&epoch) || start < band->start ||
        start - band->start >= band->count)
      fill_band(tensor, &cut, start, band);
    size_t offset = start - band->start;
    taken = size_min(n, band->count - offset);
    memcpy(out, band->values + offset, taken * sizeof *out);
  }
}
