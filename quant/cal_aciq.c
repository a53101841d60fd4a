/* aciq-gaussian, aciq-laplace: the clip that is best for a fitted Gaussian (factor * standard
 * deviation) or Laplace distribution (factor * mean |x - mean|), by the approximation of Banner,
 * Nahshan, Soudry, "Post training 4-bit quantization of convolutional networks for
 * rapid-deployment", 2019. With M bits and threshold a, in units of the spread, the clipping error
 *   Gaussian: 2 integral from a of (x - a)^2 phi(x), whose derivative is -4 (phi(a) - a Q(a))
 *   Laplace:  2 exp(-a), whose derivative is -2 exp(-a)
 * is weighed against the rounding error of 2^M even steps, a^2 / (3 4^M); the factor is the root of
 * the derivative of their sum. That gives the tables in circulation (Gaussian 1.24 1.71 2.15
 * 2.55 2.93 3.28 3.61 3.92 for 1..8 bits). variant=2: the table that comes from the
 * rounding error 2 a^2 (2^M - 2) / (3 2^(3 M)), 1.71 2.03 2.40 from 2 bits on; with 1 bit nothing
 * weighs against clipping less, and the rule is inert.
 *
 * Symmetric: the threshold itself. Asymmetric: that much on both sides of the mean. Neither goes
 * further than the values reach. */
#include "quant/calibrators.h"
#include "quant/moments.h"

#include <gsl/gsl_sf_lambert.h>
#include <math.h>

enum { OPTION_VARIANT, NEWTON = 40 };

/* The rounding error of threshold a is this times a^2. */
static double rounding_rate(int bits, int variant)
{
  double steps = ldexp(1, bits);
  return variant == 2 ? 2 * (steps - 2) / (3 * steps * steps * steps) : 1 / (3 * steps * steps);
}

/* The root of 4 (phi(a) - a Q(a)) = 2 rate a. Their difference is convex and falls, so Newton's
 * steps from 0 rise to it; 0 where it never balances. */
static double gaussian_factor(double rate)
{
  static const double density_at_0 = 0.39894228040143267794;
  double a = 0, step = 1;
  for (int i = 0; i < NEWTON && step > 1e-14 * a && rate > 0; i++, a += step) {
    double tail = erfc(a / sqrt(2)) / 2;
    double difference = 4 * (density_at_0 * exp(-a * a / 2) - a * tail) - 2 * rate * a;
    step = difference / (4 * tail + 2 * rate);
  }
  return a;
}

/* The root of 2 exp(-a) = 2 rate a: Lambert's function of 1 / rate. */
static double laplace_factor(double rate)
{
  return rate > 0 ? gsl_sf_lambert_W0(1 / rate) : 0;
}

static void choose_around(const struct calibration *calibration, const struct sample *sample,
                          double mean, double reach, struct choice *choice)
{
  if (calibration->asymmetric) {
    choice->lo = fmax(mean - reach, (double)sample->min);
    choice->hi = fmin(mean + reach, (double)sample->max);
  } else {
    choice->hi = fmin(reach, (double)sample_absmax(sample));
    choice->lo = -choice->hi;
  }
}

static enum status choose(const struct calibration *calibration, const struct sample *sample,
                          bool laplace, struct choice *choice, struct error *error)
{
  struct moments moments;
  enum status status = sample_moments(sample, &moments, error);
  if (status != STATUS_OK)
    return status;
  double rate = rounding_rate(calibration->format->bits, (int)calibration->option[OPTION_VARIANT]);
  double reach =
      laplace ? laplace_factor(rate) * moments.deviation : gaussian_factor(rate) * moments.std;
  *choice = (struct choice){.lo = (double)sample->min, .hi = (double)sample->max};
  if (reach > 0) /* constant values have no spread */
    choose_around(calibration, sample, moments.mean, reach, choice);
  return STATUS_OK;
}

enum status aciq_gaussian_choose(const struct calibration *calibration, const struct sample *sample,
                                 struct choice *choice, struct error *error)
{
  return choose(calibration, sample, false, choice, error);
}

enum status aciq_laplace_choose(const struct calibration *calibration, const struct sample *sample,
                                struct choice *choice, struct error *error)
{
  return choose(calibration, sample, true, choice, error);
}
