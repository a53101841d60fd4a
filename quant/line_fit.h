/* The scale and the zero point with the least squared error for codes that stay as they are: a line
 * through the pairs (value, reconstruction), in closed form.
 *
 * With the reconstruction y = s r of the present scale and sums over the values, the best scale
 * for these codes is s * sum x y / sum y^2. Asymmetric: the line x = a y + b has the best slope
 * and offset, so the best zero point is z - b / (a s); the neighbours of that and the present one
 * are compared, each with the scale that is best for it; with a free minimum (scale-rule=) the
 * line itself is the answer. Values may have weights: all sums are then weighted.
 *
 * Ownership: plain values. Threads: no state. */
#ifndef QSCOPE_QUANT_LINE_FIT_H
#define QSCOPE_QUANT_LINE_FIT_H

#include "quant/calibrator.h"

/* The scaling that is best for the codes that NOW gave; SUMS (x: values, y: their reconstructions)
 * and COUNT, the sum of the weights (of 1 each: the number of values). NOW where nothing is better.
 * The scale is rounded as it is stored. */
struct scaling line_fit(const struct calibration *calibration, struct scaling now,
                        const struct line_sums *sums, double count);

/* The squared error of SUMS. */
static inline double line_error(const struct line_sums *sums)
{
  return sums->xx - 2 * sums->xy + sums->yy;
}

#endif
