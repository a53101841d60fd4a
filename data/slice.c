#include "data/slice.h"

#include "data/map_range.h"
#include "data/source_types.h"
#include "data/spill.h"
#include "quant/base/size.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct source_type slice_type = {.name = "channel",
                                              .summary = "one channel of a tensor, copied"};

static void slice_close(struct source *source)
{
  spill_free(source->state);
}

/* Elements START..START+N-1 of FEED, in blocks. */
static void copy_run(const struct feed *feed, size_t start, size_t n, float *out)
{
  static _Thread_local float scratch[FEED_BLOCK];
  for (size_t taken; n > 0; start += taken, out += taken, n -= taken) {
    taken = size_min(n, FEED_BLOCK);
    memcpy(out, feed_block(feed, start, taken, scratch), taken * sizeof *out);
    map_passed(taken * (feed->touched + sizeof *out));
  }
}

/* The channel's elements lie in `outer` runs of `inner` neighbours. */
static void copy_channel(const struct tensor *tensor, unsigned axis, size_t channel, float *out)
{
  const struct shape *shape = &tensor->shape;
  size_t inner = 1, outer = 1;
  for (unsigned i = 0; i < shape->dims; i++)
    *(i < axis ? &outer : &inner) *= i == axis ? 1 : shape->dim[i];
  struct feed feed = tensor_feed(tensor);
  for (size_t i = 0; i < outer; i++)
    copy_run(&feed, (i * shape->dim[axis] + channel) * inner, inner, out + i * inner);
}

/* An empty source with the spec of SOURCE. */
static struct source *slice_new(const struct source *source)
{
  struct source *slice = mem_array(1, sizeof *slice);
  if (!slice)
    return NULL;
  slice->number = source_new_number();
  slice->type = &slice_type;
  slice->close = slice_close;
  slice->spec = strdup(source_spec(source));
  if (slice->spec)
    return slice;
  source_close(slice);
  return NULL;
}

static enum status fill(struct source *slice, const struct source *source, size_t index,
                        unsigned axis, size_t channel, struct error *error)
{
  struct tensor tensor = *source_tensor(source, index);
  size_t count = tensor.count / tensor.shape.dim[axis];
  unsigned char *values = NULL;
  size_t bytes;
  if (!size_mul(count, sizeof(float), &bytes))
    return error_memory(error, "a channel");
  enum status status = spill_new(bytes, &values, error);
  if (status != STATUS_OK)
    return status;
  slice->state = values;
  copy_channel(source_tensor(source, index), axis, channel, (float *)(void *)values);
  tensor.shape.dim[axis] = 1;
  tensor.count = count;
  tensor.bytes = bytes;
  tensor.stored = stored_find("f32");
  tensor.data = values;
  tensor.swapped = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
  tensor.strided = false;
  tensor.derived = NULL;
  return source_add(slice, &tensor, error);
}

enum status source_channel(const struct source *source, size_t index, int axis, size_t channel,
                           struct source **out, struct error *error)
{
  const struct tensor *tensor = source_tensor(source, index);
  unsigned resolved;
  if (!shape_axis(&tensor->shape, axis, &resolved))
    return error_set(error, STATUS_USAGE, "%s: there is no axis %d; the tensor has %u",
                     SHOWN(tensor->name), axis, tensor->shape.dims);
  if (channel >= tensor->shape.dim[resolved])
    return error_set(error, STATUS_USAGE, "%s: there is no channel %zu; axis %u has %zu",
                     SHOWN(tensor->name), channel, resolved, tensor->shape.dim[resolved]);
  struct source *slice = slice_new(source);
  if (!slice)
    return error_memory(error, "a channel");
  enum status status = fill(slice, source, index, resolved, channel, error);
  if (status == STATUS_OK)
    status = source_verify(source, error);
  if (status == STATUS_OK)
    *out = slice;
  else
    source_close(slice);
  return status;
}
