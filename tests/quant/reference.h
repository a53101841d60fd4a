/* Quantization written down once more, element by element and without the kernels, so that
 * calibrators are judged by something that is not theirs.
 *
 * Ownership: borrows the values. Threads: no state. */
#ifndef QSCOPE_TESTS_REFERENCE_H
#define QSCOPE_TESTS_REFERENCE_H

#include "quant/calibrator.h"

/* A gathered sample of N finite values. */
struct sample reference_sample(const float *values, size_t n);

/* Sum of (x - y)^2, y in double: codes are those of x / scale, products are not rounded. */
double reference_error(const struct calibration *calibration, const float *x, size_t n,
                       double scale, long zero);

/* What a spec of FORMAT and CALIBRATOR without further words asks for. */
struct calibration reference_calibration(const char *calibrator, const char *format,
                                         bool asymmetric);

/* What the calibrator called NAME chooses for SAMPLE, whose extremes it is given to begin with.
 * Fails the test when it fails. */
struct choice reference_choice(const char *name, const struct calibration *calibration,
                               const struct sample *sample);

struct reference {
  float scale;
  long zero;
  double signal, error, db;
};

/* Runs the calibrator called NAME; its choice and what it costs. Fails the test when it fails. */
struct reference reference_run(const struct calibration *calibration, const char *name,
                               const struct sample *sample);

#endif
