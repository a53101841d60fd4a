/* A digest under a fit: what each distinct value becomes, and how often. Where a reconstruction
 * follows from the value alone (one scale for the whole tensor, no dice), metrics, histograms and
 * error curves are answered by it with no pass over the tensor. Inside analysis/ only.
 *
 * Definition of the sums: terms count * f(x, y), added in double in blocks of COUNTED_BLOCK values
 * in ascending order, the blocks one after the other. A pass over the elements adds the same terms
 * in storage order. So counts, rates, extremes and bins are the same as a pass gives, to the bit;
 * sums are, too, where every partial sum is a double (whole multiples of one power of two), and
 * elsewhere both lie within some 1e-13 of the sum of magnitudes.
 *
 * Ownership: counted_make allocates, counted_free frees; the digest is borrowed. Threads: immutable
 * once made. */
#ifndef QSCOPE_ANALYSIS_COUNTED_H
#define QSCOPE_ANALYSIS_COUNTED_H

#include "quant/digest.h"
#include "quant/quantizer.h"

#include <stdbool.h>

enum { COUNTED_BLOCK = 512 };

struct counted {
  size_t n;       /* distinct finite values */
  const float *x; /* ascending */
  const uint64_t *count;
  float *y;
  uint16_t *code;
  uint64_t nan, inf; /* elements that are */
  bool loses;        /* finite values may become infinite or NaN, and have no error then */
};

/* True when what QUANTIZER makes of a value depends on the value alone, whatever its place. */
bool counted_can_answer(const struct quantizer *quantizer);

/* What FIT, whose quantizer can, makes of the values of DIGEST. STATUS_MEMORY. */
enum status counted_make(const struct digest *digest, const struct fit *fit, struct counted *out);
void counted_free(struct counted *counted);

/* True when value I, a finite one, became infinite or NaN. */
bool counted_is_lost(const struct counted *counted, size_t i);

/* The sums of all values that are not lost, under BOUNDS; adds the elements that are to *lost. */
struct tally counted_tally(const struct counted *counted, const struct tally_bounds *bounds,
                           uint64_t *lost);

#endif
