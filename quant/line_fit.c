#include "quant/line_fit.h"

#include "quant/scale_rule.h"

#include <float.h>
#include <math.h>

/* The least error that the codes of SUMS can have when their zero point moves by SHIFT steps of
 * scale S, and the factor for the scale that gives it. */
static double solve(const struct line_sums *sums, double count, double shift, double *factor)
{
  double xy = sums->xy - shift * sums->x;
  double yy = sums->yy - 2 * shift * sums->y + count * shift * shift;
  *factor = yy > 0 ? xy / yy : 1;
  return sums->xx - *factor * (2 * xy - *factor * yy);
}

/* The zero point that is best with the codes of SUMS, and its scale. */
static struct scaling solve_both(const struct calibration *calibration, struct scaling now,
                                 const struct line_sums *sums, double n)
{
  double s = (double)now.scale, factor;
  double least = solve(sums, n, 0, &factor);
  struct scaling next = now;
  double best = factor;
  double spread = n * sums->yy - sums->y * sums->y;
  if (calibration->asymmetric && spread > 0) {
    double a = (n * sums->xy - sums->x * sums->y) / spread, b = (sums->x - a * sums->y) / n;
    double wish = a > 0 ? (double)now.zero - b / (a * s) : (double)now.zero;
    double most = (double)format_levels(calibration->format, true, false) - 1;
    for (int up = 0; up < 2; up++) {
      double zero = fmin(fmax(floor(wish) + up, 0), most);
      double error = solve(sums, n, (zero - (double)now.zero) * s, &factor);
      if (error < least && factor > 0) {
        least = error;
        best = factor;
        next.zero = (long)zero;
      }
    }
  }
  if (best > 0)
    next.scale = calibration_stored_scale(
        calibration, copysignf(fmaxf(fabsf((float)(s * best)), FLT_TRUE_MIN), now.scale));
  return next;
}

/* With a free minimum the line itself: x = a y + b, and y = s r + offset. */
static struct scaling solve_line(const struct calibration *calibration, struct scaling now,
                                 const struct line_sums *sums, double n)
{
  double spread = n * sums->yy - sums->y * sums->y;
  double a = spread > 0 ? (n * sums->xy - sums->x * sums->y) / spread : 0;
  double b = (sums->x - a * sums->y) / n;
  if (!(a > 0))
    return now;
  now.scale = calibration_stored_scale(calibration, (float)((double)now.scale * a));
  now.offset = (float)((double)now.offset * a + b);
  return now;
}

struct scaling line_fit(const struct calibration *calibration, struct scaling now,
                        const struct line_sums *sums, double count)
{
  return calibration->rule && calibration->rule->offset ? solve_line(calibration, now, sums, count)
                                                        : solve_both(calibration, now, sums, count);
}
