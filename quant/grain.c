/* Granularity laid over a shape. */
#include "quant/grain.h"

#include "quant/base/size.h"

#include <stdint.h>

enum { RUN_WORTH_A_CALL = 16 }; /* elements */

static enum status axis_error(const struct granularity *granularity, const struct shape *shape,
                              struct error *error)
{
  char text[128];
  shape_print(shape, text, sizeof text);
  if (shape->dims == 0)
    return error_set(error, STATUS_USAGE, "channel=%d: a scalar has only axis 0",
                     granularity->axis);
  return error_set(error, STATUS_USAGE, "channel=%d: the tensor %s has axes 0 to %u (or -%u to -1)",
                   granularity->axis, text, shape->dims - 1, shape->dims);
}

static enum status lay_channels(const struct granularity *granularity, const struct shape *shape,
                                struct grain *out, struct error *error)
{
  unsigned axis = 0;
  out->outer = out->channels = out->inner = 1;
  if (shape->dims == 0) {
    if (granularity->axis != 0 && granularity->axis != -1)
      return axis_error(granularity, shape, error);
  } else {
    if (!shape_axis(shape, granularity->axis, &axis))
      return axis_error(granularity, shape, error);
    out->channels = shape->dim[axis];
  }
  /* The product of all sizes was checked when the tensor was opened; an empty tensor's sizes
   * may multiply to anything. */
  for (unsigned i = 0; i < shape->dims && out->count; i++)
    if (i != axis)
      *(i < axis ? &out->outer : &out->inner) *= shape->dim[i];
  out->units = out->count ? out->channels : 0;
  return STATUS_OK;
}

static void lay_groups(size_t group, const struct shape *shape, struct grain *out)
{
  out->columns = shape->dims ? shape->dim[shape->dims - 1] : 1;
  out->group = size_min(group, size_max(out->columns, 1));
  out->groups = size_div_up(out->columns, out->group);
  out->units = out->count ? out->count / out->columns * out->groups : 0;
}

enum status grain_make(const struct granularity *granularity, const struct shape *shape,
                       struct grain *out, struct error *error)
{
  struct grain grain = {.kind = granularity->kind};
  if (!shape_count(shape, &grain.count))
    return error_set(error, STATUS_USAGE, "the tensor has more elements than memory can address");
  enum status status = STATUS_OK;
  switch (granularity->kind) {
  case GRAIN_TENSOR:
    grain.units = grain.count != 0;
    break;
  case GRAIN_CHANNEL:
    status = lay_channels(granularity, shape, &grain, error);
    break;
  case GRAIN_TOKEN:
    lay_groups(SIZE_MAX, shape, &grain);
    break;
  case GRAIN_GROUP:
    if (granularity->group == 0)
      return error_set(error, STATUS_USAGE, "group=0: a group has 1 element or more");
    lay_groups(granularity->group, shape, &grain);
    break;
  }
  if (status == STATUS_OK)
    *out = grain;
  return status;
}

/* The run of INDEX's unit that INDEX lies in: where it starts, and its length. */
static size_t run_around(const struct grain *grain, size_t index, size_t *start, size_t *length)
{
  if (grain->kind == GRAIN_TENSOR) {
    *start = 0;
    *length = grain->count;
    return 0;
  }
  if (grain->kind == GRAIN_CHANNEL) {
    size_t run = index / grain->inner;
    *start = run * grain->inner;
    *length = grain->inner;
    return run % grain->channels;
  }
  size_t row = index / grain->columns, column = index % grain->columns;
  size_t group = column / grain->group;
  *start = row * grain->columns + group * grain->group;
  *length = size_min(grain->group, grain->columns - group * grain->group);
  return row * grain->groups + group;
}

size_t grain_unit(const struct grain *grain, size_t index)
{
  size_t start, length;
  return run_around(grain, index, &start, &length);
}

size_t grain_run(const struct grain *grain, size_t start, size_t limit, size_t *unit)
{
  size_t first, length;
  *unit = run_around(grain, start, &first, &length);
  /* With one channel, neighbouring runs belong together. */
  size_t end = grain->units == 1 ? grain->count : first + length;
  return size_min(limit, end - start);
}

bool grain_is_interleaved(const struct grain *grain)
{
  if (grain->units <= 1)
    return false;
  return (grain->kind == GRAIN_CHANNEL ? grain->inner : grain->group) < RUN_WORTH_A_CALL;
}

size_t grain_unit_size(const struct grain *grain, size_t unit)
{
  switch (grain->kind) {
  case GRAIN_TENSOR:
    return grain->count;
  case GRAIN_CHANNEL:
    return grain->outer * grain->inner;
  case GRAIN_TOKEN:
  case GRAIN_GROUP:
    break;
  }
  return size_min(grain->group, grain->columns - unit % grain->groups * grain->group);
}

size_t grain_element(const struct grain *grain, size_t unit, size_t k)
{
  switch (grain->kind) {
  case GRAIN_TENSOR:
    return k;
  case GRAIN_CHANNEL:
    return (k / grain->inner * grain->channels + unit) * grain->inner + k % grain->inner;
  case GRAIN_TOKEN:
  case GRAIN_GROUP:
    break;
  }
  return unit / grain->groups * grain->columns + unit % grain->groups * grain->group + k;
}

struct grain_walk grain_walk_from(const struct grain *grain, size_t start)
{
  struct grain_walk walk = {.grain = grain};
  walk.left = grain_run(grain, start, SIZE_MAX, &walk.unit);
  return walk;
}

void grain_walk_turn(struct grain_walk *walk)
{
  const struct grain *grain = walk->grain;
  if (++walk->unit == grain->units)
    walk->unit = 0;
  walk->left = grain->kind == GRAIN_CHANNEL ? grain->inner : grain_unit_size(grain, walk->unit);
}
