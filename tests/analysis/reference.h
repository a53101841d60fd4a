/* A second, straightforward implementation of the numbers of a result: one loop over elements in
 * long double, indices worked out from the shape, codes searched for by rounding one value at a
 * time. It shares nothing with analysis/ but the definitions; scales and zero points are taken
 * from the fit. */
#ifndef QSCOPE_TESTS_ANALYSIS_REFERENCE_H
#define QSCOPE_TESTS_ANALYSIS_REFERENCE_H

#include "analysis/result.h"

/* Fails the running test where RESULT, of X laid out as SHAPE with channels along AXIS, differs. */
void reference_check(const struct result *result, const float *x, const struct shape *shape,
                     int axis);

/* Fails unless FOUND is EXPECTED (both NaN, both the same infinity, or within a relative
 * TOLERANCE). */
void reference_near(const char *what, double found, double expected, double tolerance);

#endif
