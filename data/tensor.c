#include "data/tensor.h"

#include "quant/base/size.h"

#include <string.h>

enum {
  WIDEST = 8,   /* bytes of the largest element */
  PIECE = 1024, /* elements that are reordered at a time */
};

/* Reverses the bytes of each of n elements of SIZE bytes, in place. */
static void swap_bytes(unsigned char *bytes, size_t n, unsigned size)
{
  for (unsigned char *end = bytes + n * size; bytes < end; bytes += size)
    for (unsigned i = 0; i < size / 2; i++) {
      unsigned char low = bytes[i];
      bytes[i] = bytes[size - 1 - i];
      bytes[size - 1 - i] = low;
    }
}

static void decode_swapped(const struct tensor *tensor, size_t start, size_t n, float *out)
{
  unsigned size = tensor->stored->size;
  unsigned char piece[PIECE * WIDEST];
  for (size_t taken; n > 0; start += taken, out += taken, n -= taken) {
    taken = size_min(n, PIECE);
    memcpy(piece, tensor->data + start * size, taken * size);
    swap_bytes(piece, taken, size);
    tensor->stored->decode(piece, taken, out);
  }
}

static void decode_plain(const void *self, size_t start, size_t n, float *out)
{
  const struct tensor *tensor = self;
  if (tensor->swapped)
    decode_swapped(tensor, start, n, out);
  else
    tensor->stored->decode(tensor->data + start * tensor->stored->size, n, out);
}

/* Copies n elements of SIZE bytes that lie STRIDE elements apart. */
static void gather(const unsigned char *from, size_t stride, size_t n, unsigned size,
                   unsigned char *to)
{
  for (size_t i = 0; i < n; i++)
    memcpy(to + i * size, from + i * stride * size, size);
}

/* Where the C-order element INDEX lies in Fortran order: the first axis is the fastest. */
static size_t fortran_place(const struct shape *shape, size_t index)
{
  size_t place = 0, later = 1, digit[SHAPE_MAX_DIMS];
  for (unsigned axis = shape->dims; axis-- > 0; index /= shape->dim[axis])
    digit[axis] = index % shape->dim[axis];
  for (unsigned axis = 0; axis < shape->dims; later *= shape->dim[axis++])
    place += digit[axis] * later;
  return place;
}

/* Runs along the last axis: within one, elements lie a fixed stride apart. */
static void decode_fortran(const void *self, size_t start, size_t n, float *out)
{
  const struct tensor *tensor = self;
  unsigned size = tensor->stored->size;
  size_t row = tensor->shape.dim[tensor->shape.dims - 1], stride = tensor->count / row;
  unsigned char piece[PIECE * WIDEST];
  for (size_t taken; n > 0; start += taken, out += taken, n -= taken) {
    taken = size_min(size_min(n, PIECE), row - start % row);
    const unsigned char *from = tensor->data + fortran_place(&tensor->shape, start) * size;
    gather(from, stride, taken, size, piece);
    if (tensor->swapped)
      swap_bytes(piece, taken, size);
    tensor->stored->decode(piece, taken, out);
  }
}

/* Both orders are the same when at most one axis is longer than 1. */
static bool order_matters(const struct tensor *tensor)
{
  unsigned longer = 0;
  for (unsigned axis = 0; axis < tensor->shape.dims; axis++)
    longer += tensor->shape.dim[axis] > 1;
  return tensor->fortran && longer > 1;
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
  if (tensor->count > 0 && order_matters(tensor))
    feed.decode = decode_fortran;
  else if (is_native_float(tensor))
    feed = feed_floats((const float *)(const void *)tensor->data, tensor->count);
  return feed;
}
