/* The densities of theory.h, each of variance 1, and their tails in closed form. */
#include "analysis/theory.h"

#include "quant/base/nearest.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double gaussian_density(double nu, double x)
{
  (void)nu;
  return gsl_ran_ugaussian_pdf(x);
}

static void gaussian_tail(double nu, double x, double out[3])
{
  out[0] = erfc(x / sqrt(2)) / 2;
  out[1] = gaussian_density(nu, x);
  out[2] = x * out[1] + out[0];
}

static double laplace_density(double nu, double x)
{
  (void)nu;
  return exp(-sqrt(2) * x) / sqrt(2);
}

static void laplace_tail(double nu, double x, double out[3])
{
  const double b = 1 / sqrt(2);
  (void)nu;
  out[0] = exp(-x / b) / 2;
  out[1] = out[0] * (x + b);
  out[2] = out[0] * (x * x + 2 * b * x + 2 * b * b);
}

/* Student's t has the variance nu / (nu - 2): in units of its root. */
static double student_density(double nu, double x)
{
  double unit = sqrt(nu / (nu - 2));
  return unit * gsl_ran_tdist_pdf(x * unit, nu);
}

/* With x^2 / nu = (1 + x^2 / nu) - 1 the second moment is one of the t of nu - 2 degrees less one
 * of the t itself. */
static void student_tail(double nu, double x, double out[3])
{
  double unit = sqrt(nu / (nu - 2)), t = x * unit;
  out[0] = gsl_cdf_tdist_Q(t, nu);
  out[1] = gsl_ran_tdist_pdf(t, nu) * (nu + t * t) / (nu - 1) / unit;
  out[2] = (nu - 1) * gsl_cdf_tdist_Q(x, nu - 2) - (nu - 2) * out[0];
}

/* |x| has the gamma distribution of shape 1/2 and this rate. */
static double gamma_rate(void)
{
  return sqrt(3) / 2;
}

static double gamma_density(double nu, double x)
{
  (void)nu;
  return sqrt(gamma_rate() / (4 * M_PI * x)) * exp(-gamma_rate() * x);
}

static void gamma_tail(double nu, double x, double out[3])
{
  const double k = gamma_rate();
  (void)nu;
  out[0] = gsl_sf_gamma_inc_Q(0.5, k * x) / 2;
  out[1] = gsl_sf_gamma_inc_Q(1.5, k * x) / (4 * k);
  out[2] = gsl_sf_gamma_inc_Q(2.5, k * x) / 2;
}

#define UNIFORM_END 1.7320508075688772 /* sqrt(3) */

static double uniform_density(double nu, double x)
{
  (void)nu;
  return x <= UNIFORM_END ? 1 / (2 * UNIFORM_END) : 0;
}

static void uniform_tail(double nu, double x, double out[3])
{
  (void)nu;
  x = fmin(x, UNIFORM_END);
  out[0] = (UNIFORM_END - x) / (2 * UNIFORM_END);
  out[1] = (3 - x * x) / (4 * UNIFORM_END);
  out[2] = (3 * UNIFORM_END - x * x * x) / (6 * UNIFORM_END);
}

const struct distribution_type distribution_table[] = {
    {"gaussian", "normal", false, gaussian_density, gaussian_tail, (double)INFINITY},
    {"laplace", "laplacian", false, laplace_density, laplace_tail, (double)INFINITY},
    {"student-t", "t", true, student_density, student_tail, (double)INFINITY},
    {"gamma", "", false, gamma_density, gamma_tail, (double)INFINITY},
    {"uniform", "", false, uniform_density, uniform_tail, UNIFORM_END},
};
const size_t distribution_table_length = sizeof distribution_table / sizeof *distribution_table;

static const struct distribution_type *find(const char *name)
{
  for (size_t i = 0; i < distribution_table_length; i++)
    if (strcmp(distribution_table[i].name, name) == 0 ||
        (distribution_table[i].aliases[0] && strcmp(distribution_table[i].aliases, name) == 0))
      return &distribution_table[i];
  return NULL;
}

static enum status unknown(const char *name, struct error *error)
{
  const char *names[8];
  size_t count = 0;
  for (; count < distribution_table_length && count < 8; count++)
    names[count] = distribution_table[count].name;
  const char *near = nearest_word(name, names, count);
  return near ? error_set(error, STATUS_USAGE, "unknown distribution '%s'; did you mean '%s'?",
                          name, near)
              : error_set(error, STATUS_USAGE,
                          "unknown distribution '%s'; there are gaussian, laplace, student-t=NU, "
                          "gamma, uniform",
                          name);
}

enum status distribution_parse(const char *word, struct distribution *out, struct error *error)
{
  char name[32];
  size_t length = strcspn(word, "=");
  snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), word);
  const struct distribution_type *type = find(name);
  if (!type)
    return unknown(name, error);
  double nu = type->has_nu ? 5 : (double)NAN;
  if (word[length] && !type->has_nu)
    return error_set(error, STATUS_USAGE, "'%s' takes no number", type->name);
  if (word[length]) {
    char *end;
    nu = strtod(word + length + 1, &end);
    if (end == word + length + 1 || *end || !(nu > 2 && nu <= 1e6))
      return error_set(error, STATUS_USAGE,
                       "expected degrees of freedom above 2 (below, the variance is infinite) and "
                       "up to 1e6, found '%s'",
                       word + length + 1);
  }
  *out = (struct distribution){type, nu, 0, 1, (double)INFINITY};
  return STATUS_OK;
}

double distribution_density(const struct distribution *d, double x)
{
  double z = fabs(x - d->mean) / d->deviation;
  return z > d->limit ? 0 : d->type->density(d->nu, z) / d->deviation;
}

double distribution_below(const struct distribution *d, double x)
{
  double z = (x - d->mean) / d->deviation, out[3] = {0};
  if (fabs(z) < d->limit)
    d->type->tail(d->nu, fabs(z), out);
  return z < 0 ? out[0] : 1 - out[0];
}
