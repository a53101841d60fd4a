#include "data/tensor.h"

#include "data/map_range.h"
#include "data/strided.h"
#include "quant/base/size.h"
#include "quant/block.h"

#include <float.h>
#include <string.h>

enum { PAGE = 4096 };

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

float tensor_least_normal(const struct tensor *tensor)
{
  return tensor->stored->normal > 0 ? tensor->stored->normal : FLT_MIN;
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

/* BLOCK with the bytes of its words the other way round, into TURNED. */
static void turn_words(const struct stored *stored, const unsigned char *block,
                       unsigned char *turned)
{
  memcpy(turned, block, stored->size);
  for (const struct word_run *run = stored->words; run->size > 0; run++)
    for (unsigned i = 0; i < run->size * run->count; i++)
      turned[run->at + i] =
          block[run->at + i / run->size * run->size + run->size - 1 - i % run->size];
}

/* Blocks of a big-endian file, one by one. */
static void decode_turned(const void *self, size_t start, size_t n, float *out)
{
  const struct tensor *tensor = self;
  const struct stored *stored = tensor->stored;
  unsigned char turned[BLOCK_BYTES_MOST];
  for (size_t taken; n > 0; start += taken, out += taken, n -= taken) {
    size_t first = start % stored->length;
    taken = size_min(n, stored->length - first);
    turn_words(stored, tensor->data + start / stored->length * stored->size, turned);
    decode_part(stored, turned, first, taken, out);
  }
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

/* Bytes of the file that a read touches for each element: a page where neighbours are that far
 * apart. */
static size_t bytes_touched(const struct tensor *tensor)
{
  size_t each = tensor->count ? size_div_up(tensor->bytes, tensor->count) : 1;
  unsigned axis = tensor->strided ? strided_fastest_axis(&tensor->shape) : 0;
  bool far = tensor->strided && tensor->stride[axis] >= PAGE / each;
  return far && !strided_in_bands(tensor) ? PAGE : each;
}

struct feed tensor_feed(const struct tensor *tensor)
{
  struct feed feed = {.count = tensor->count, .self = tensor, .decode = decode_plain};
  if (tensor->derived)
    feed.decode = decode_derived;
  else if (is_native_float(tensor) && !tensor->strided)
    feed = feed_floats((const float *)(const void *)tensor->data, tensor->count);
  else if (tensor->stored->length > 1)
    feed.decode = tensor->swapped ? decode_turned : decode_blocks;
  else if (tensor->count > 0 && strided_in_bands(tensor)) {
    strided_forget();
    feed.decode = strided_decode_bands;
  } else if (tensor->count > 0 && (tensor->swapped || tensor->strided))
    feed.decode = strided_decode;
  feed.passed = map_passed;
  feed.touched = bytes_touched(tensor);
  return feed;
}
