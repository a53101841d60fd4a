/* Tensors as a sequence of batches, for calibrators that go from one to the next.
 *
 * Nothing is copied: a batch is a feed over part of a tensor. Ownership: batches_new returns a
 * sequence that the caller frees; tensors are borrowed and must outlive it. Threads: immutable
 * once filled; reading is safe from any thread. */
#ifndef QSCOPE_DATA_BATCHES_H
#define QSCOPE_DATA_BATCHES_H

#include "data/tensor.h"
#include "quant/quantizer.h"

enum { BATCHES_MOST = 65536 };

/* Whether a tensor is a sequence of batches, one for each index of an axis. */
struct batching {
  bool on;
  int axis; /* negative counts from the end */
};

struct batches {
  size_t count;
  struct batch *batch; /* in their order, for calibrators that go from one to the next */
  size_t wholes;
  struct batch *whole; /* the tensors they were cut from, for those that see all values together */
  struct batches_cut *cuts;
};

/* What static quantizers are calibrated on. All zero: the tensor in one piece. Dynamic ones (see
 * quantizer_is_dynamic) make their scales from the tensor itself all the same. */
struct calibrated {
  const struct batches *on; /* other data; NULL: the tensor itself, ... */
  struct batching batching; /* ... which may be a sequence of batches */
};

struct batches *batches_new(void);
void batches_free(struct batches *batches);

/* Appends TENSOR, which is loaded: whole, or cut along the axis of BATCHING. DIGEST is its own, or
 * NULL; borrowed. A batch keeps the tensor's dimensions, with a single element along that axis, so
 * that axes are counted as before. STATUS_USAGE when there is no such axis, or more than
 * BATCHES_MOST batches; STATUS_MEMORY. */
enum status batches_add(struct batches *batches, const struct tensor *tensor,
                        const struct digest *digest, struct batching batching, struct error *error);

/* STATUS_USAGE where a tensor of SHAPE has no such axis, or QUANTIZER gives each of its batches a
 * scale of its own: the channels of its granularity are the batches. */
enum status batching_check(struct batching batching, const struct quantizer *quantizer,
                           const struct shape *shape, struct error *error);

#endif
