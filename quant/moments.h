/* Mean, spread and mean deviation of a sample, for the calibrators that suppose a distribution.
 *
 * Ownership: borrows the sample. Threads: no state. */
#ifndef QSCOPE_QUANT_MOMENTS_H
#define QSCOPE_QUANT_MOMENTS_H

#include "quant/sample.h"

struct moments {
  double mean, std; /* of the population: the divisor is the count */
  double deviation; /* mean of |x - mean| */
};

/* Two visits: the deviations are from the mean itself, so nothing cancels. */
enum status sample_moments(const struct sample *sample, struct moments *out, struct error *error);

#endif
