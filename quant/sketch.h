/* A sketch of a sample: some ten thousand counted values in place of millions, for searches that
 * try many candidates. The values are the means of bins, one per 2^-11 of an octave and sign; what
 * is found on them has to be settled on the sample itself.
 *
 * Ownership: sketch_free frees what sketch_make made; the sample is borrowed. Threads: no state. */
#ifndef QSCOPE_QUANT_SKETCH_H
#define QSCOPE_QUANT_SKETCH_H

#include "quant/sample.h"

struct sketch {
  struct sample sample; /* counted values, ascending; or the sample itself, where it is small */
  bool exact;           /* the sample itself */
  float *values;
  uint64_t *counts;
};

/* Samples that lie in memory and have at most 65536 values, which are their own sketch; digests of
 * more values but for what lies 15 octaves below the largest, which is one value of either sign. */
bool sample_is_small(const struct sample *sample);

/* STATUS_MEMORY, STATUS_CANCELLED. */
enum status sketch_make(const struct sample *sample, struct sketch *out);
void sketch_free(struct sketch *sketch);

#endif
