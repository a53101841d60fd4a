#include "analysis/spread.h"

#include <gsl/gsl_statistics_double.h>
#include <math.h>

/* No sort, and no call for each number: an axis may have very many channels. */
struct spread spread_of(double *values, size_t n)
{
  struct spread spread = {0, HUGE_VAL, (double)NAN, -HUGE_VAL, HUGE_VAL};
  for (size_t i = 0; i < n; i++) {
    double v = values[i];
    if (!isfinite(v))
      continue;
    values[spread.count++] = v;
    spread.least = v < spread.least ? v : spread.least;
    spread.most = v > spread.most ? v : spread.most;
    spread.least_positive = v > 0 && v < spread.least_positive ? v : spread.least_positive;
  }
  if (spread.count > 0)
    spread.median = gsl_stats_median(values, 1, spread.count);
  return spread;
}
