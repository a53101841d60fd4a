/* Fits of data made from known distributions (quantiles at even shares, so that nothing is left to
 * chance), and predictions against measurement. */
#include "tests/analysis/tensors.h"

#include "analysis/theory_fit.h"

#include <float.h>
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 16000 };

static double student4(double p)
{
  return gsl_cdf_tdist_Pinv(p, 4);
}

static double laplace(double p)
{
  return gsl_cdf_laplace_Pinv(p, 1);
}

static struct theory_fits fits_of(const struct tensor *tensor)
{
  const struct feed feed = tensor_feed(tensor);
  struct facts facts;
  struct theory_fits fits;
  struct error error = {0};
  assert_int_equal(facts_compute(&feed, FLT_MIN, NULL, &facts, &error), STATUS_OK);
  assert_int_equal(theory_fit(tensor, &facts, NULL, &fits, &error), STATUS_OK);
  return fits;
}

static void near(double found, double expected, double tolerance, const char *what)
{
  if (!(fabs(found - expected) <= tolerance))
    fail_msg("%s: found %.9g, expected %.9g", what, found, expected);
}

/* Each source is recognised; its numbers come back within what N quantiles say of the tail; int8 by
 * minmax and by hand loses what is predicted, within 0.1 dB; 0.5 dB for the t, whose farthest value
 * alone decides much of what is clipped. */
static void test_sources(void **state)
{
  static const struct {
    const char *name;
    double (*quantile)(double);
    double deviation, nu;
  } sources[] = {
      {"gaussian", gsl_cdf_ugaussian_Pinv, 1, NAN},
      {"laplace", laplace, 1.4142135623730951, NAN},
      {"student-t", student4, 1.4142135623730951, 4},
  };
  float *values = malloc(N * sizeof *values);
  (void)state;
  for (size_t s = 0; s < sizeof sources / sizeof *sources; s++) {
    for (size_t i = 0; i < N; i++)
      values[i] = (float)(3 * sources[s].quantile(((double)i + 0.5) / N) + 0.5);
    const struct tensor tensor = tensor_over(values, (struct shape){.dims = 1, .dim = {N}});
    const struct theory_fits fits = fits_of(&tensor);
    const struct theory_fit *best = &fits.fit[fits.best];
    assert_int_equal(fits.examined, N);
    assert_string_equal(best->d.type->name, sources[s].name);
    near(best->d.mean, 0.5, 0.01, "mean");
    near(best->d.deviation, 3 * sources[s].deviation, 0.03, sources[s].name);
    assert_true(best->ks < 0.002);
    if (best->d.type->has_nu)
      near(best->d.nu, sources[s].nu, 0.1, "nu");
    static const char *const specs[] = {"int8", "int8,range=-8:8", "int4,asym", "e4m3"};
    for (size_t k = 0; k < sizeof specs / sizeof *specs; k++) {
      const struct quantizer quantizer = quantizer_of(specs[k]);
      const struct result_request request = {.lo = NAN, .hi = NAN};
      struct theory_prediction prediction;
      struct result *result;
      assert_int_equal(result_compute(&tensor, &quantizer, &request, NULL, &result, NULL),
                       STATUS_OK);
      assert_int_equal(theory_predict(best, result, &prediction, NULL), STATUS_OK);
      near(prediction.sqnr_db, result->metrics.sqnr_db, best->d.type->has_nu ? 0.5 : 0.1, specs[k]);
      assert_true(prediction.optimum_sqnr_db >= prediction.sqnr_db - 1e-9);
      result_free(result);
    }
  }
  free(values);
}

static void test_degenerate(void **state)
{
  static const float zero[4] = {0}, one[] = {3}, two[] = {-1, 2, NAN},
                     spike[] = {0, 0, 0, 0, 0, 0, 0, 1}, none[] = {NAN, INFINITY},
                     huge[] = {3e38f, -3e38f, 1};
  static const struct {
    const float *values;
    size_t count;
    bool fitted;
  } rows[] = {{zero, 4, false}, {one, 1, false}, {two, 3, true},  {spike, 8, true},
              {none, 2, false}, {huge, 3, true}, {zero, 0, false}};
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct tensor tensor =
        tensor_over(rows[i].values, (struct shape){.dims = 1, .dim = {rows[i].count}});
    const struct theory_fits fits = fits_of(&tensor);
    assert_int_equal(fits.examined > 0, rows[i].fitted);
    for (size_t k = 0; k < THEORY_FITS && fits.examined; k++) {
      assert_true(fits.fit[k].ks >= 0 && fits.fit[k].ks <= 1);
      assert_true(fits.fit[k].d.deviation > 0);
    }
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_sources),
                                     cmocka_unit_test(test_degenerate)};
  return cmocka_run_group_tests_name("theory_fit", tests, NULL, NULL);
}
