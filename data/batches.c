#include "data/batches.h"

#include "quant/base/size.h"

#include <string.h>

/* A tensor seen as outer x count x inner elements; batch i is the slice i of the middle. */
struct batches_cut {
  struct batches_cut *next;
  struct feed feed;
  size_t outer, count, inner;
  struct slice {
    const struct batches_cut *cut;
    size_t index;
  } slice[];
};

struct batches *batches_new(void)
{
  return mem_array(1, sizeof(struct batches));
}

void batches_free(struct batches *batches)
{
  if (!batches)
    return;
  for (struct batches_cut *cut = batches->cuts, *next; cut; cut = next) {
    next = cut->next;
    free(cut);
  }
  free(batches->batch);
  free(batches->whole);
  free(batches);
}

/* --- reading a slice ------------------------------------------------------------------------ */

/* N elements from START of the tensor, any number, in blocks. */
static void copy_run(const struct feed *feed, size_t start, size_t n, float *out)
{
  for (size_t taken; n > 0; start += taken, out += taken, n -= taken) {
    taken = size_min(n, FEED_BLOCK);
    if (feed->direct)
      memcpy(out, feed->direct + start, taken * sizeof *out);
    else
      feed->decode(feed->self, start, taken, out);
  }
}

/* Short runs near each other: reads across what lies between and picks. Returns how many of the N
 * elements from START of the slice it got. */
static size_t pick_window(const struct slice *slice, size_t start, size_t n, float *out)
{
  const struct batches_cut *cut = slice->cut;
  size_t row = cut->count * cut->inner, outer = start / cut->inner, offset = start % cut->inner;
  size_t first = outer * row + slice->index * cut->inner + offset;
  size_t rows = size_min(FEED_BLOCK / row, cut->outer - outer);
  size_t length = size_min(rows * row, cut->feed.count - first), taken = 0;
  float scratch[FEED_BLOCK];
  const float *x = feed_block(&cut->feed, first, length, scratch);
  for (size_t at = 0; at < length && taken < n; at += row - cut->inner, offset = 0)
    for (size_t left = cut->inner - offset; left > 0 && at < length && taken < n; left--)
      out[taken++] = x[at++];
  return taken;
}

static void read_slice(const void *self, size_t start, size_t n, float *out)
{
  const struct slice *slice = self;
  const struct batches_cut *cut = slice->cut;
  bool near = cut->count * cut->inner <= FEED_BLOCK / 2;
  for (size_t taken; n > 0; start += taken, out += taken, n -= taken) {
    size_t outer = start / cut->inner, offset = start % cut->inner;
    taken = size_min(n, cut->inner - offset);
    if (near)
      taken = pick_window(slice, start, n, out);
    else
      copy_run(&cut->feed, (outer * cut->count + slice->index) * cut->inner + offset, taken, out);
  }
}

/* --- filling -------------------------------------------------------------------------------- */

/* Room for MORE behind the COUNT entries of LIST. */
static enum status make_room(struct batch **list, size_t count, size_t more, struct error *error)
{
  if (more > BATCHES_MOST - count)
    return error_set(error, STATUS_USAGE, "expected at most %d batches, found %zu", BATCHES_MOST,
                     count + more);
  struct batch *grown = mem_resize(*list, count + more, sizeof *grown);
  if (!grown)
    return error_memory(error, "the batches");
  *list = grown;
  return STATUS_OK;
}

static struct batches_cut *cut_new(const struct tensor *tensor, unsigned axis)
{
  const struct shape *shape = &tensor->shape;
  struct batches_cut *cut = calloc(1, sizeof *cut + shape->dim[axis] * sizeof *cut->slice);
  if (!cut)
    return NULL;
  cut->feed = tensor_feed(tensor);
  cut->count = shape->dim[axis];
  cut->outer = cut->inner = 1;
  for (unsigned i = 0; i < shape->dims; i++)
    if (i != axis)
      *(i < axis ? &cut->outer : &cut->inner) *= shape->dim[i];
  return cut;
}

/* What lies in one piece is lent in one piece. */
static struct feed slice_feed(const struct slice *slice)
{
  const struct batches_cut *cut = slice->cut;
  struct feed feed = {
      .count = cut->outer * cut->inner, .passed = cut->feed.passed, .touched = cut->feed.touched};
  if (cut->outer == 1 && cut->feed.direct) {
    feed.direct = cut->feed.direct + slice->index * cut->inner;
  } else {
    feed.decode = read_slice;
    feed.self = slice;
  }
  return feed;
}

static enum status add_slices(struct batches *batches, const struct tensor *tensor, unsigned axis,
                              struct error *error)
{
  if (tensor->count == 0)
    return STATUS_OK;
  enum status status = make_room(&batches->batch, batches->count, tensor->shape.dim[axis], error);
  if (status != STATUS_OK)
    return status;
  struct batches_cut *cut = cut_new(tensor, axis);
  if (!cut)
    return error_memory(error, "the batches");
  cut->next = batches->cuts;
  batches->cuts = cut;
  struct shape shape = tensor->shape;
  shape.dim[axis] = 1;
  for (size_t i = 0; i < cut->count; i++) {
    cut->slice[i].cut = cut;
    cut->slice[i].index = i;
    batches->batch[batches->count++] =
        (struct batch){.feed = slice_feed(&cut->slice[i]), .shape = shape};
  }
  return STATUS_OK;
}

static enum status find_axis(struct batching batching, const struct shape *shape, unsigned *axis,
                             struct error *error)
{
  char text[24 * SHAPE_MAX_DIMS];
  if (shape_axis(shape, batching.axis, axis))
    return STATUS_OK;
  if (shape->dims == 0)
    return error_set(error, STATUS_USAGE, "--batches %d: a scalar has no axes", batching.axis);
  return error_set(error, STATUS_USAGE,
                   "--batches %d: the tensor %s has axes 0 to %u (or -%u to -1)", batching.axis,
                   shape_print(shape, text, sizeof text), shape->dims - 1, shape->dims);
}

static enum status add_batch(struct batches *batches, const struct batch *whole,
                             struct error *error)
{
  enum status status = make_room(&batches->batch, batches->count, 1, error);
  if (status == STATUS_OK)
    batches->batch[batches->count++] = *whole;
  return status;
}

enum status batches_add(struct batches *batches, const struct tensor *tensor,
                        const struct digest *digest, struct batching batching, struct error *error)
{
  const struct batch whole = {tensor_feed(tensor), tensor->shape, digest, NULL};
  unsigned axis = 0;
  enum status status = STATUS_OK;
  if (batching.on)
    status = find_axis(batching, &tensor->shape, &axis, error);
  if (status == STATUS_OK)
    status = make_room(&batches->whole, batches->wholes, 1, error);
  if (status == STATUS_OK)
    status =
        batching.on ? add_slices(batches, tensor, axis, error) : add_batch(batches, &whole, error);
  if (status == STATUS_OK)
    batches->whole[batches->wholes++] = whole;
  return status;
}

enum status batching_check(struct batching batching, const struct quantizer *quantizer,
                           const struct shape *shape, struct error *error)
{
  const struct granularity *granularity = &quantizer->granularity;
  unsigned axis, channels;
  if (!batching.on)
    return STATUS_OK;
  enum status status = find_axis(batching, shape, &axis, error);
  if (status != STATUS_OK || granularity->kind != GRAIN_CHANNEL)
    return status;
  if (shape_axis(shape, granularity->axis, &channels) && axis == channels)
    return error_set(error, STATUS_USAGE,
                     "channel=%d: axis %u holds the batches: a scale for each would serve no batch "
                     "that comes later; choose another axis, or tensor",
                     granularity->axis, axis);
  return STATUS_OK;
}
