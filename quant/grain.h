/* Granularity: which elements of a tensor share a scale.
 *
 * A granularity is what people ask for ("channel=1", "group=128"); a grain is that request
 * laid over a shape: units numbered 0..units-1, and the unit of every element. Any tensor is
 * seen as outer x channels x inner for channels (the axis has `channels` sizes, everything
 * before it is outer, everything behind it inner) and as rows of the last axis for groups.
 * A scalar is one channel, one row, one group. Ownership: plain values. Threads: immutable. */
#ifndef QSCOPE_QUANT_GRAIN_H
#define QSCOPE_QUANT_GRAIN_H

#include "quant/base/shape.h"
#include "quant/base/status.h"

#include <stdbool.h>
#include <stddef.h>

enum grain_kind {
  GRAIN_TENSOR,  /* one scale */
  GRAIN_CHANNEL, /* one scale per index of an axis */
  GRAIN_TOKEN,   /* one scale per row of the last axis (a token of an activation) */
  GRAIN_GROUP,   /* one scale per `group` neighbours of the last axis; the tail of a row is short */
};

struct granularity {
  enum grain_kind kind;
  int axis;     /* GRAIN_CHANNEL: negative counts from the end; default 0 */
  size_t group; /* GRAIN_GROUP: 1 or more */
};

struct grain {
  enum grain_kind kind;
  size_t count;                  /* elements */
  size_t units;                  /* 0 for an empty tensor */
  size_t outer, channels, inner; /* GRAIN_CHANNEL */
  size_t columns, group,
      groups; /* GRAIN_TOKEN, GRAIN_GROUP: row length, length of a group, groups per row */
};

/* Lays GRANULARITY over SHAPE. STATUS_USAGE when the axis does not exist or the group is 0,
 * naming what the shape offers. */
enum status grain_make(const struct granularity *granularity, const struct shape *shape,
                       struct grain *out, struct error *error);

/* The unit of element INDEX (< count). */
size_t grain_unit(const struct grain *grain, size_t index);

/* Length (1..limit) of the longest run from START whose elements share a unit; *unit is it. */
size_t grain_run(const struct grain *grain, size_t start, size_t limit, size_t *unit);

/* True when runs are so short (channels along a late axis) that it is faster to look units up
 * element by element than run by run. */
bool grain_is_interleaved(const struct grain *grain);

/* Elements of UNIT (ragged tails are shorter). */
size_t grain_unit_size(const struct grain *grain, size_t unit);

/* Storage index of the K-th element (K < grain_unit_size) of UNIT, in storage order. */
size_t grain_element(const struct grain *grain, size_t unit, size_t k);

/* Element after element in storage order, without a division for each. */
struct grain_walk {
  const struct grain *grain;
  size_t unit, left; /* of the next element, and how many follow in its run, it included */
};

/* Stands before element START (< count). */
struct grain_walk grain_walk_from(const struct grain *grain, size_t start);

/* Enters the next run; for grain_walk_step alone. */
void grain_walk_turn(struct grain_walk *walk);

/* The unit of the next element; goes past it. */
static inline size_t grain_walk_step(struct grain_walk *walk)
{
  size_t unit = walk->unit;
  if (--walk->left == 0)
    grain_walk_turn(walk);
  return unit;
}

#endif
