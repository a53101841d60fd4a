/* How far numbers are spread: least, median, most.
 *
 * Ownership: plain values. Threads: no state. */
#ifndef QSCOPE_ANALYSIS_SPREAD_H
#define QSCOPE_ANALYSIS_SPREAD_H

#include <stddef.h>

/* The finite ones of some numbers. */
struct spread {
  size_t count;
  double least, median, most; /* 0: HUGE_VAL, NaN, -HUGE_VAL */
  double least_positive;      /* HUGE_VAL: none is */
};

/* Of N VALUES, which lose their order, and those that are not finite. */
struct spread spread_of(double *values, size_t n);

#endif
