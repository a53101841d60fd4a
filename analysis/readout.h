/* The readout of a cursor: what is known of the bin that it stands on.
 *
 * Ownership: plain value. Threads: none needed. */
#ifndef QSCOPE_ANALYSIS_READOUT_H
#define QSCOPE_ANALYSIS_READOUT_H

#include "analysis/result.h"

enum { READOUT_TEXT = 256 };

struct readout {
  double lo, hi;      /* of the bin */
  uint64_t count;     /* finite elements in it, */
  double share;       /* of all of them, */
  double below;       /* and the share of those in it or below */
  double error_share; /* of the squared error of all; NaN when there is none, or not measured */
  double error_mean, error_max;   /* of |error|; NaN where the bin is empty, or not measured */
  bool maps;                      /* the tensor has one scale, and these are known: */
  double first_level, last_level; /* what its lower and upper end become */
  long first_code, last_code;     /* the same as codes, as the scheme numbers them (integers) */
};

/* What RESULT knows of the bin that holds X; false when none does. */
bool readout_at(const struct result *result, double x, struct readout *out);

/* "1.2 to 1.4: 23410 values (2.23 %, 97.1 % up to here), codes 11 to 12, 3.1 % of the error ..." */
char *readout_print(const struct readout *readout, const struct quantizer *quantizer, char *text,
                    size_t size);

#endif
