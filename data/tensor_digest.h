/* The digest of a stored tensor, in one pass that counts codes instead of decoding them.
 *
 * Ownership: the caller frees the digest with digest_free. Threads: parallel inside; the outcome
 * does not depend on how many. */
#ifndef QSCOPE_DATA_TENSOR_DIGEST_H
#define QSCOPE_DATA_TENSOR_DIGEST_H

#include "data/tensor.h"
#include "quant/base/pool.h"
#include "quant/digest.h"

/* True for stored tensors of plain numbers in 16 bits or fewer that have more elements than a
 * digest has entries: below that, reading the tensor is as fast as counting it. */
bool tensor_has_digest(const struct tensor *tensor);

/* Counts TENSOR, which must be loaded and have a digest. Counts progress in elements (announced
 * here). STATUS_MEMORY, STATUS_CANCELLED. */
enum status tensor_digest(const struct tensor *tensor, struct progress *progress,
                          struct digest **out, struct error *error);

#endif
