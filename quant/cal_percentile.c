/* percentile=P. Symmetric: the P-th percentile of |x|, no further than the values
 * reach on either side (scale rules that use both sides see them). Asymmetric: (100 - P) / 2
 * percent of the values are cut off on each side. Exact order statistics; see sample_percentiles.
 */
#include "quant/calibrators.h"

#include <math.h>

enum status percentile_choose(const struct calibration *calibration, const struct sample *sample,
                              struct choice *choice, struct error *error)
{
  double cut = (100 - calibration->parameter) / 2, ends[2] = {cut, 100 - cut}, found[2];
  if (!calibration->asymmetric)
    ends[0] = calibration->parameter;
  enum status status = sample_percentiles(sample, !calibration->asymmetric, ends,
                                          calibration->asymmetric ? 2 : 1, found, error);
  if (status != STATUS_OK)
    return status;
  *choice = calibration->asymmetric ? (struct choice){.lo = found[0], .hi = found[1]}
                                    : (struct choice){.lo = fmax(-found[0], (double)sample->min),
                                                      .hi = fmin(found[0], (double)sample->max)};
  return STATUS_OK;
}
