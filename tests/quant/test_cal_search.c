/* Calibrators that measure a spread or search candidates: sigma, exclude, aciq. Expected values are
 * closed forms of the portable tensors' distributions, published tables, and the reference
 * implementations' own results (conformance vectors). */
#include "quant/calibrator.h"
#include "quant/moments.h"

#include "tests/quant/reference.h"
#include "tests/support/npy_vectors.h"
#include "tests/support/portable.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

enum { N = 1 << 20 };

static struct choice choose(const char *name, const struct calibration *calibration,
                            const struct sample *sample)
{
  struct choice choice = {.lo = (double)sample->min, .hi = (double)sample->max};
  assert_int_equal(calibrator_find(name)->choose(calibration, sample, &choice, NULL), STATUS_OK);
  return choice;
}

static float *portable(void (*make)(float *, size_t), size_t n)
{
  float *x = malloc(n * sizeof *x);
  assert_non_null(x);
  make(x, n);
  return x;
}

/* --- moments, sigma, exclude ---------------------------------------------------------------- */

static void test_moments(void **state)
{
  (void)state;
  /* 1, 1, 2, 6: mean 2.5, deviations -1.5 -1.5 -.5 3.5 */
  const float plain[] = {1, 6, 2, 1};
  struct sample sample = reference_sample(plain, 4);
  struct moments found;
  assert_int_equal(sample_moments(&sample, &found, NULL), STATUS_OK);
  assert_true(found.mean == 2.5 && fabs(found.std - sqrt(17.0 / 4)) < 1e-15 &&
              found.deviation == 7.0 / 4);
  /* Far from zero nothing cancels. */
  float far[1000];
  for (int i = 0; i < 1000; i++)
    far[i] = 65536 + (float)(i % 2);
  sample = reference_sample(far, 1000);
  sample_moments(&sample, &found, NULL);
  assert_true(found.mean == 65536.5 && found.std == 0.5 && found.deviation == 0.5);
}

static void test_sigma(void **state)
{
  (void)state;
  float *x = portable(portable_gaussian, N);
  struct sample sample = reference_sample(x, N);
  struct calibration calibration = reference_calibration("sigma", "int8", true);
  calibration.parameter = 3;
  struct choice choice = choose("sigma", &calibration, &sample);
  /* mean and deviation of the sample are within a few 1 / sqrt(n) of 0 and 1 */
  assert_true(fabs(choice.hi - 3) < 0.02 && fabs(choice.lo + 3) < 0.02);
  calibration.parameter = 50; /* no further than the values reach */
  choice = choose("sigma", &calibration, &sample);
  assert_true(choice.lo == (double)sample.min && choice.hi == (double)sample.max);
  free(x);
}

/* K sigma finds outliers rarer than 1 / K^2; above that they hide themselves. OUTLIERS of 1000
 * values at 1, the others at 0: the outlier's distance is sqrt((1 - p) / p) sigma. */
static void test_exclude(void **state)
{
  (void)state;
  static const struct {
    int outliers;
    double k;
    bool found;
  } cases[] = {{1, 6, true},   {26, 6, true}, {28, 6, false},
               {50, 6, false}, {99, 3, true}, {101, 3, false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    float x[1000] = {0};
    x[500] = -0x1p-10F;
    for (int k = 0; k < cases[i].outliers; k++)
      x[k] = 1;
    struct sample sample = reference_sample(x, 1000);
    struct calibration calibration = reference_calibration("exclude", "int8", false);
    calibration.parameter = cases[i].k;
    struct choice choice = choose("exclude", &calibration, &sample);
    assert_true(choice.lo == -0x1p-10);
    assert_true(choice.hi == (cases[i].found ? 0 : 1));
    assert_true((strncmp(choice.note, "inert", 5) == 0) == !cases[i].found);
  }
}

/* --- aciq ------------------------------------------------------------------------------------ */

/* The factor that a row takes for values of unit spread: the clip of x = -1, 1 (which reaches no
 * further) cannot show it, so half the values carry the spread and two far ones the range. */
static double factor_of(const char *row, int bits, double variant)
{
  char format[16];
  float x[4096];
  double square = 0, absolute = 0;
  for (int i = 0; i < 4096; i++) {
    x[i] = i < 4 ? (i % 2 ? 200.0F : -200.0F) : (i % 2 ? 1.0F : -1.0F);
    square += (double)x[i] * (double)x[i] / 4096;
    absolute += fabs((double)x[i]) / 4096;
  }
  struct sample sample = reference_sample(x, 4096);
  snprintf(format, sizeof format, "int%d", bits);
  struct calibration calibration = reference_calibration(row, format, bits == 1);
  calibration.option[0] = variant;
  return choose(row, &calibration, &sample).hi /
         (strcmp(row, "aciq-laplace") == 0 ? absolute : sqrt(square));
}

/* The tables of submission2019/cnn-quantization, which cut the digits off. */
static void test_aciq_tables(void **state)
{
  (void)state;
  static const double gaussian[] = {1.24, 1.71, 2.15, 2.55, 2.93, 3.28, 3.61, 3.92},
                      laplace[] = {1.86, 2.83, 3.89, 5.03, 6.20, 7.41, 8.64, 9.89};
  for (int bits = 1; bits <= 8; bits++) {
    assert_true(fabs(factor_of("aciq-gaussian", bits, 1) - gaussian[bits - 1]) < 0.01);
    assert_true(fabs(factor_of("aciq-laplace", bits, 1) - laplace[bits - 1]) < 0.01);
  }
  for (int bits = 9; bits <= 16; bits++)
    assert_true(factor_of("aciq-gaussian", bits, 1) > factor_of("aciq-gaussian", bits - 1, 1));
}

static const json_t *aciq_rows(json_t **manifest)
{
  char path[4096];
  snprintf(path, sizeof path, "%s/conformance/calibration/manifest_theory.json", vectors_folder());
  *manifest = json_load_file(path, 0, NULL);
  assert_non_null(*manifest);
  return json_object_get(*manifest, "aciq");
}

/* All roots of the vectors, to the accuracy of the float32 values here. */
static void test_aciq_vectors(void **state)
{
  (void)state;
  static const struct {
    const char *row, *key;
    double variant;
  } columns[] = {{"aciq-gaussian", "gauss_alpha_over_sigma", 1},
                 {"aciq-gaussian", "gauss_alpha_over_sigma_variant2", 2},
                 {"aciq-laplace", "laplace_alpha_over_b", 1},
                 {"aciq-laplace", "laplace_alpha_over_b_variant2", 2}};
  json_t *manifest;
  size_t i, checked = 0;
  const json_t *row;
  if (!vectors_folder())
    skip();
  json_array_foreach(aciq_rows(&manifest), i, row)
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++, checked++) {
      int bits = (int)json_integer_value(json_object_get(row, "bits"));
      double expected = json_number_value(json_object_get(row, columns[c].key));
      double found = factor_of(columns[c].row, bits, columns[c].variant);
      if (fabs(found - expected) > 1e-9)
        fail_msg("%s, %d bits: %.12g, expected %.12g", columns[c].key, bits, found, expected);
    }
  json_decref(manifest);
  assert_int_equal(checked, 12);
}

/* Asymmetric: around the mean. */
static void test_aciq_around_mean(void **state)
{
  (void)state;
  float *x = portable(portable_laplace, N);
  for (size_t i = 0; i < N; i++)
    x[i] += 3;
  struct sample sample = reference_sample(x, N);
  struct calibration calibration = reference_calibration("aciq-laplace", "int4", true);
  struct choice choice = choose("aciq-laplace", &calibration, &sample);
  assert_true(fabs(choice.lo - (3 - 5.0286)) < 0.02 && fabs(choice.hi - (3 + 5.0286)) < 0.02);
  free(x);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_moments),      cmocka_unit_test(test_sigma),
      cmocka_unit_test(test_exclude),      cmocka_unit_test(test_aciq_tables),
      cmocka_unit_test(test_aciq_vectors), cmocka_unit_test(test_aciq_around_mean),
  };
  return cmocka_run_group_tests_name("searching calibrators", tests, NULL, NULL);
}
