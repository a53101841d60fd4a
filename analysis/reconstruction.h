/* A tensor and what a fit makes of it, as two feeds in the domain of the original: x and y. Where
 * the tensor is the z of a transform (data/transformed.h), x is what the transform was laid over,
 * and y goes all the way back.
 *
 * Ownership: borrows tensor and fit; reconstruction_close frees the rest. It must stay where it is
 * while its feeds are used. Threads: reading from any. */
#ifndef QSCOPE_ANALYSIS_RECONSTRUCTION_H
#define QSCOPE_ANALYSIS_RECONSTRUCTION_H

#include "data/transformed.h"
#include "quant/quantizer.h"

#include <stdatomic.h>

struct reconstruction {
  struct feed x, y;
  struct feed z; /* what is quantized; x where there is no transform */
  const struct fit *fit;
  atomic_bool failed, *failure; /* without memory for a part of the fit; its address */
  struct way_back back;
};

/* TENSOR is loaded. STATUS_CANCELLED, STATUS_MEMORY. */
enum status reconstruction_open(const struct tensor *tensor, const struct fit *fit,
                                struct progress *progress, struct reconstruction *out,
                                struct error *error);
/* STATUS; STATUS_MEMORY where all went well but y could not be made everywhere. */
enum status reconstruction_check(const struct reconstruction *reconstruction, enum status status,
                                 struct error *error);
void reconstruction_close(struct reconstruction *reconstruction);

#endif
