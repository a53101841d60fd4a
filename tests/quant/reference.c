#include "tests/quant/reference.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct sample reference_sample(const float *values, size_t n)
{
  struct sample sample = {.finite = n, .min = values[0], .max = values[0], .values = values};
  for (size_t i = 1; i < n; i++) {
    sample.min = fminf(sample.min, values[i]);
    sample.max = fmaxf(sample.max, values[i]);
  }
  return sample;
}

/* Saturating: a quotient beyond float32 is no infinity. */
static double nearest_float(const struct format *format, double quotient)
{
  double most = format_max(format);
  float clamped = (float)fmin(fmax(quotient, -most), most);
  return (double)format_decode(format, format_encode(format, clamped));
}

double reference_error(const struct calibration *calibration, const float *x, size_t n,
                       double scale, long zero)
{
  const struct format *format = calibration->format;
  double half = ldexp(1, format->bits - 1), sum = 0;
  double lo = calibration->asymmetric ? (double)-zero : -half + calibration->narrow;
  double hi = calibration->asymmetric ? 2 * half - 1 - (double)zero : half - 1;
  for (size_t i = 0; i < n; i++) {
    double level;
    if (format_is_integer(format))
      level = fmin(fmax(nearbyint((double)x[i] / scale), lo), hi);
    else
      level = nearest_float(format, (double)x[i] / scale);
    double error = (double)x[i] - level * scale;
    sum += error * error;
  }
  return sum;
}

struct calibration reference_calibration(const char *calibrator, const char *format,
                                         bool asymmetric)
{
  const struct calibrator *row = calibrator_find(calibrator);
  assert_non_null(row);
  struct calibration calibration = {.format = format_find(format), .asymmetric = asymmetric};
  assert_non_null(calibration.format);
  calibration.parameter = calibrator_default(row, calibration.format);
  calibrator_options(row, calibration.option);
  return calibration;
}

struct choice reference_choice(const char *name, const struct calibration *calibration,
                               const struct sample *sample)
{
  struct choice choice = {.lo = (double)sample->min, .hi = (double)sample->max};
  assert_int_equal(calibrator_find(name)->choose(calibration, sample, &choice, NULL), STATUS_OK);
  return choice;
}

struct reference reference_run(const struct calibration *calibration, const char *name,
                               const struct sample *sample)
{
  struct choice choice = {.lo = (double)sample->min, .hi = (double)sample->max};
  struct reference found = {.signal = 0};
  const struct calibrator *calibrator = calibrator_find(name);
  assert_non_null(calibrator);
  if (calibrator->choose)
    assert_int_equal(calibrator->choose(calibration, sample, &choice, NULL), STATUS_OK);
  struct scaling scaling;
  calibration_scale(calibration, &choice, &scaling);
  found.scale = scaling.scale;
  found.zero = scaling.zero;
  for (size_t i = 0; i < sample->finite; i++)
    found.signal += (double)sample->values[i] * (double)sample->values[i];
  found.error =
      reference_error(calibration, sample->values, sample->finite, (double)found.scale, found.zero);
  found.db = 10 * log10(found.signal / found.error);
  return found;
}
