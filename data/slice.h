/* One channel of a tensor as a source of its own, so that it can be looked at alone.
 *
 * Ownership: the values are copied (many into a temporary file: data/spill.h); the caller closes
 * the new source, which does not refer to the old one. Threads: as source.h. */
#ifndef QSCOPE_DATA_SLICE_H
#define QSCOPE_DATA_SLICE_H

#include "data/source.h"

/* Channel CHANNEL along AXIS (negative counts from the end) of tensor INDEX, which must be
 * loaded: one tensor with the same name and shape, but a single element along the axis, stored
 * as f32. STATUS_USAGE when there is no such axis or channel, STATUS_INPUT when the file shrank,
 * STATUS_MEMORY. */
enum status source_channel(const struct source *source, size_t index, int axis, size_t channel,
                           struct source **out, struct error *error);

#endif
