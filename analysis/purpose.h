/* What a tensor is for, guessed from its stored type, its name and its shape: so that integers,
 * masks and embeddings are not taken for weights that want quantizing. One row of a table for each
 * rule, in purpose.c.
 *
 * Ownership: constants. Threads: no state. */
#ifndef QSCOPE_ANALYSIS_PURPOSE_H
#define QSCOPE_ANALYSIS_PURPOSE_H

#include "data/tensor.h"

enum purpose {
  PURPOSE_WEIGHT, /* everything else */
  PURPOSE_EMBEDDING,
  PURPOSE_NORM, /* gains and statistics of normalisations, slopes of activations */
  PURPOSE_BIAS,
  PURPOSE_NUMBER, /* a single one */
  PURPOSE_SCALE,  /* of a packed or quantized tensor */
  PURPOSE_ZERO_POINT,
  PURPOSE_PACKED, /* codes, several in a word: the derived tensor beside it has the values */
  PURPOSE_MASK,
  PURPOSE_INTEGER,
  PURPOSE_COUNT
};

struct purpose_row {
  const char *word;  /* "embedding": in filters, JSON and tables */
  const char *brief; /* at most five columns: in the browser; "" for weights */
};
extern const struct purpose_row purpose_table[PURPOSE_COUNT];

enum purpose purpose_of(const struct tensor *tensor);

#endif
