#include "data/tensor.h"

#include "quant/base/size.h"
#include "quant/block.h"

#include <string.h>

enum { PIECE = 1024 }; /* elements that are reordered at a time */

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

void tensor_set_strides(struct tensor *tensor, const size_t *stride)
{
  const struct shape *shape = &tensor->shape;
  size_t plain = 1;
  tensor->strided = false;
  for (unsigned axis = shape->dims; axis-- > 0; plain *= shape->dim[axis]) {
    tensor->stride[axis] = stride[axis];
    tensor->strided |= shape->dim[axis] > 1 && stride[axis] != plain;
  }
}

void tensor_set_fortran(struct tensor *tensor)
{
  size_t stride[SHAPE_MAX_DIMS], earlier = 1;
  for (unsigned axis = 0; axis < tensor->shape.dims; earlier *= tensor->shape.dim[axis++])
    stride[axis] = earlier;
  tensor_set_strides(tensor, stride);
}

bool tensor_is_loaded(const struct tensor *tensor)
{
  return tensor->data ||
         (tensor->derived && (tensor->derived->parts == 0 || tensor->derived->part[0].tensor));
}

/* The axis of at least two elements whose neighbours lie STRIDE apart; dims when there is none. */
static unsigned axis_of_stride(const struct tensor *tensor, size_t stride)
{
  unsigned axis = 0;
  while (axis < tensor->shape.dims &&
         (tensor->shape.dim[axis] < 2 || tensor->stride[axis] != stride))
    axis++;
  return axis;
}

bool tensor_is_dense(const struct tensor *tensor)
{
  size_t covered = 1;
  if (!tensor->strided)
    return true;
  for (unsigned axis; covered < tensor->count; covered *= tensor->shape.dim[axis])
    if ((axis = axis_of_stride(tensor, covered)) == tensor->shape.dims)
      return false;
  return true;
}

/* Where the C-order element INDEX lies. */
static size_t place_of(const struct tensor *tensor, size_t index)
{
  const struct shape *shape = &tensor->shape;
  size_t place = 0;
  for (unsigned axis = shape->dims; axis-- > 0; index /= shape->dim[axis])
    place += index % shape->dim[axis] * tensor->stride[axis];
  return place;
}

/* The last axis that is longer than 1: neighbours along it are neighbours in C order. */
static unsigned fastest_axis(const struct shape *shape)
{
  unsigned axis = shape->dims - 1;
  while (axis > 0 && shape->dim[axis] == 1)
    axis--;
  return axis;
}

/* Bytes reversed, or not in C order: gathers piece by piece, each within one run along the fastest
 * axis, where elements lie a fixed stride apart. */
static void decode_gathered(const void *self, size_t start, size_t n, float *out)
{
  const struct tensor *tensor = self;
  const struct stored *stored = tensor->stored;
  unsigned axis = tensor->strided ? fastest_axis(&tensor->shape) : 0;
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

static void decode_plain(const void *self, size_t start, size_t n, float *out)
{
  const struct tensor *tensor = self;
  tensor->stored->decode(tensor->data + start * tensor->stored->size, n, out);
}

/* Part of one block, from its element FIRST on. */
static void decode_part(const struct stored *stored, const unsigned char *block, size_t first,
                        size_t n, float *out)
{
  float values[BLOCK_MOST];
  stored->decode(block, stored->length, values);
  memcpy(out, values + first, n * sizeof *out);
}

/* Blocks: the end of one that START is in, whole ones, the beginning of the last. */
static void decode_blocks(const void *self, size_t start, size_t n, float *out)
{
  const struct tensor *tensor = self;
  const struct stored *stored = tensor->stored;
  const unsigned char *block = tensor->data + start / stored->length * stored->size;
  size_t first = start % stored->length;
  if (first > 0) {
    size_t part = size_min(n, stored->length - first);
    decode_part(stored, block, first, part, out);
    block += stored->size;
    out += part;
    n -= part;
  }
  size_t whole = n - n % stored->length;
  stored->decode(block, whole, out);
  if (n > whole)
    decode_part(stored, block + whole / stored->length * stored->size, 0, n - whole, out + whole);
}

static void decode_derived(const void *self, size_t start, size_t n, float *out)
{
  const struct tensor *tensor = self;
  tensor->derived->decode(tensor->derived, start, n, out);
}

static bool is_native_float(const struct tensor *tensor)
{
  bool native = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? !tensor->swapped : tensor->swapped;
  return native && strcmp(tensor->stored->name, "f32") == 0 &&
         (uintptr_t)tensor->data % sizeof(float) == 0;
}

struct feed tensor_feed(const struct tensor *tensor)
{
  struct feed feed = {.count = tensor->count, .self = tensor, .decode = decode_plain};
  if (tensor->derived)
    feed.decode = decode_derived;
  else if (is_native_float(tensor) && !tensor->strided)
    feed = feed_floats((const float *)(const void *)tensor->data, tensor->count);
  else if (tensor->stored->length > 1)
    feed.decode = decode_blocks;
  else if (tensor->count > 0 && (tensor->swapped || tensor->strided))
    feed.decode = decode_gathered;
  return feed;
}
