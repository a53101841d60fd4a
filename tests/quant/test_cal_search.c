/* Calibrators that measure a spread or search candidates: sigma, exclude, aciq, lp, alternate,
 * llmcompressor-mse, gptq-mse, awq-clip, ppq-percentile. Expected values are closed forms,
 * published tables, brute force, and the reference implementations' own results (conformance
 * vectors). */
#include "quant/calibrator.h"
#include "quant/moments.h"
#include "quant/scale_rule.h"

#include "tests/quant/reference.h"
#include "tests/support/manifest.h"
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
  struct choice choice = reference_choice("sigma", &calibration, &sample);
  /* mean and deviation of the sample are within a few 1 / sqrt(n) of 0 and 1 */
  assert_true(fabs(choice.hi - 3) < 0.02 && fabs(choice.lo + 3) < 0.02);
  calibration.parameter = 50; /* no further than the values reach */
  choice = reference_choice("sigma", &calibration, &sample);
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
    struct choice choice = reference_choice("exclude", &calibration, &sample);
    assert_true(choice.lo == -0x1p-10);
    assert_true(choice.hi == (cases[i].found ? 0 : 1));
    assert_true((strncmp(choice.note, "nothing", 7) == 0) == !cases[i].found);
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
  return reference_choice(row, &calibration, &sample).hi /
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
  *manifest = manifest_load("theory");
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
  const json_t *rows = aciq_rows(&manifest); /* the macro takes its argument again and again */
  json_array_foreach(rows, i, row)
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
  struct choice choice = reference_choice("aciq-laplace", &calibration, &sample);
  assert_true(fabs(choice.lo - (3 - 5.0286)) < 0.02 && fabs(choice.hi - (3 + 5.0286)) < 0.02);
  free(x);
}

/* --- lp --------------------------------------------------------------------------------------- */

/* Sum of |x - y|^norm for integers, without the kernels. */
static double lp_error(const struct calibration *calibration, const struct sample *sample,
                       double scale, long zero)
{
  double half = ldexp(1, calibration->format->bits - 1), sum = 0;
  double lo = calibration->asymmetric ? (double)-zero : -half;
  double hi = lo + 2 * half - 1;
  for (size_t i = 0; i < sample->finite; i++) {
    double x = (double)sample->values[i], r = fmin(fmax(nearbyint(x / scale), lo), hi);
    sum += pow(fabs(x - r * scale), calibration->parameter);
  }
  return sum;
}

/* The least error of COUNT clips from 1 to 0.02 times the range, for all zero points. */
static double lp_brute_force(const struct calibration *calibration, const struct sample *sample,
                             int count)
{
  struct choice whole = {.lo = (double)sample->min, .hi = (double)sample->max};
  struct scaling scaling;
  double least = HUGE_VAL;
  long zeros = calibration->asymmetric ? 1L << calibration->format->bits : 1;
  calibration_scale(calibration, &whole, &scaling);
  for (long zero = 0; zero < zeros; zero++)
    for (int i = 0; i < count; i++) {
      double scale = (double)scaling.scale * 1.1 * pow(0.02, (double)i / count);
      least = fmin(least, lp_error(calibration, sample, scale, zero));
    }
  return least;
}

static void check_lp(const char *format, bool asymmetric, double p, const struct sample *sample,
                     int count)
{
  struct calibration calibration = reference_calibration("lp", format, asymmetric);
  calibration.parameter = p;
  struct choice choice = reference_choice("lp", &calibration, sample);
  double found = lp_error(&calibration, sample, (double)choice.scale, choice.zero);
  double least = lp_brute_force(&calibration, sample, count);
  /* Rounding the scale to float32 moves reconstructions by 2^-24: below the 1e-4 of the search. */
  double allowed = p < 1 ? 2e-2 : 1.1e-4;
  if (!(found <= least * (1 + allowed)))
    fail_msg("%s%s, P = %g, %zu values: %.9g, brute force %.9g", format, asymmetric ? ",asym" : "",
             p, sample->finite, found, least);
}

static void test_lp_brute_force(void **state)
{
  (void)state;
  static void (*const makers[])(float *, size_t) = {portable_gaussian, portable_laplace,
                                                    portable_student3};
  static const double powers[] = {0.5, 1, 1.5, 2.4, 4, 10};
  static const size_t sizes[] = {3, 20, 100};
  float x[100];
  for (size_t p = 0; p < sizeof powers / sizeof *powers; p++)
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
      makers[(p + s) % 3](x, sizes[s]);
      struct sample sample = reference_sample(x, sizes[s]);
      check_lp("int3", false, powers[p], &sample, 1500);
      check_lp("int4", false, powers[p], &sample, 1500);
      check_lp("int8", false, powers[p], &sample, 1500);
      if (powers[p] >= 1 && s < 2)
        check_lp("int3", true, powers[p], &sample, 1500);
    }
}

/* One value a thousand times as far out as millions of others are: the best scale is that of the
 * others, by brute force. */
static void test_lp_far_outlier(void **state)
{
  (void)state;
  enum { OTHERS = 100, FAR = 1000 };
  static const char *const formats[] = {"int2", "int4"};
  float x[OTHERS + 1];
  uint64_t count[OTHERS + 1];
  for (size_t i = 0; i < OTHERS; i++) {
    x[i] = (float)i / OTHERS - 0.5f;
    count[i] = 1000000;
  }
  x[OTHERS] = FAR;
  count[OTHERS] = 1;
  struct sample sample = reference_sample(x, OTHERS + 1);
  sample.counts = count;
  sample.distinct = OTHERS + 1;
  sample.finite = OTHERS * count[0] + 1;
  struct sample others = reference_sample(x, OTHERS);
  for (size_t f = 0; f < 2; f++) {
    struct calibration calibration = reference_calibration("lp", formats[f], false);
    calibration.parameter = 1.5;
    struct choice choice = reference_choice("lp", &calibration, &sample);
    const double half = ldexp(1, calibration.format->bits - 1);
    double found = 1e6 * lp_error(&calibration, &others, (double)choice.scale, 0), least = HUGE_VAL;
    found += pow((double)FAR - (half - 1) * (double)choice.scale, 1.5);
    for (double scale = 2; scale > 0.01; scale *= 0.9995)
      least = fmin(least, 1e6 * lp_error(&calibration, &others, scale, 0) +
                              pow((double)FAR - (half - 1) * scale, 1.5));
    if (!(found <= least * (1 + 1.1e-4)))
      fail_msg("%s: %.9g at %g, brute force %.9g", formats[f], found, (double)choice.scale, least);
  }
}

/* Values on a grid, a few of them beyond its ends: for P < 1 nothing comes near the scale of that
 * grid, to the last bit, where all others have no error at all. */
static void test_lp_exact_levels(void **state)
{
  (void)state;
  enum { VALUES = 79 };
  static const float steps[] = {0.25f, 0.3f, 0x1.7p-9f};
  float x[VALUES];
  for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
    for (size_t i = 0; i < VALUES; i++)
      x[i] = (float)((long)i - VALUES / 2) * steps[s];
    struct sample sample = reference_sample(x, VALUES);
    struct calibration calibration = reference_calibration("lp", "int6", false);
    calibration.parameter = 0.5;
    struct choice choice = reference_choice("lp", &calibration, &sample);
    const double found = lp_error(&calibration, &sample, (double)choice.scale, 0);
    const double least = lp_error(&calibration, &sample, (double)steps[s], 0);
    if (!(found <= least * (1 + 1e-3)))
      fail_msg("step %a: %.9g at %a, not %.9g", (double)steps[s], found, (double)choice.scale,
               least);
  }
}

/* P = 2 is mse, and the neighbours of 2 are near it. */
static void test_lp_of_two(void **state)
{
  (void)state;
  float *x = portable(portable_laplace, N);
  struct sample sample = reference_sample(x, N);
  for (int asymmetric = 0; asymmetric < 2; asymmetric++) {
    struct calibration calibration = reference_calibration("lp", "int4", asymmetric);
    calibration.parameter = 2;
    struct reference mse = reference_run(&calibration, "mse", &sample);
    struct reference lp = reference_run(&calibration, "lp", &sample);
    assert_true(lp.scale == mse.scale && lp.zero == mse.zero);
    calibration.parameter = 2.0001;
    lp = reference_run(&calibration, "lp", &sample);
    assert_true(lp.error < mse.error * (1 + 1e-4));
  }
  free(x);
}

/* --- alternate -------------------------------------------------------------------------------- */

/* The error of ROUNDS rounds over groups of LENGTH. */
static double alternate_error(const float *x, size_t n, size_t length, const char *format,
                              bool asymmetric, double rounds)
{
  struct calibration calibration = reference_calibration("alternate", format, asymmetric);
  double error = 0;
  calibration.parameter = rounds;
  for (size_t start = 0; start < n; start += length) {
    struct sample sample = reference_sample(x + start, length);
    error += reference_run(&calibration, "alternate", &sample).error;
  }
  return error;
}

/* The error never rises from round to round, for any kind of grid, and comes to rest. No rounds are
 * minmax. */
static void test_alternate_falls(void **state)
{
  (void)state;
  static const struct {
    const char *format;
    bool asymmetric;
  } kinds[] = {{"int4", false}, {"int4", true},  {"int8", true},
               {"int2", true},  {"e2m1", false}, {"nf4", false}};
  float x[2560];
  portable_student3(x, 2560);
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
    for (size_t start = 0; start < 2560; start += 128) {
      struct sample sample = reference_sample(x + start, 128);
      struct calibration calibration =
          reference_calibration("alternate", kinds[k].format, kinds[k].asymmetric);
      struct reference before = reference_run(&calibration, "minmax", &sample);
      for (int rounds = 0; rounds <= 30; rounds++) {
        calibration.parameter = rounds;
        struct reference now = reference_run(&calibration, "alternate", &sample);
        if (!(now.error <= before.error * (1 + 1e-6)))
          fail_msg("%s %d, round %d: %.9g after %.9g", kinds[k].format, kinds[k].asymmetric, rounds,
                   now.error, before.error);
        assert_true(rounds > 0 || now.scale == before.scale);
        before = now;
      }
      calibration.parameter = 1000;
      struct reference rest = reference_run(&calibration, "alternate", &sample);
      calibration.parameter = 999;
      assert_true(reference_run(&calibration, "alternate", &sample).scale == rest.scale);
    }
}

/* EXPERIMENTS C91: 2000 groups of 128 Gaussian values in int4, 19.94 dB before, 20.38 after the
 * rounds with whole zero points; 3 rounds give 70 percent of the gain. Stated to 0.1 dB. */
static void test_alternate_gain(void **state)
{
  (void)state;
  enum { GROUPS = 2000, LENGTH = 128 };
  float *x = portable(portable_gaussian, (size_t)GROUPS * LENGTH);
  double signal = 0, db[3];
  static const double rounds[] = {0, 3, 20};
  for (size_t i = 0; i < (size_t)GROUPS * LENGTH; i++)
    signal += (double)x[i] * (double)x[i];
  for (int i = 0; i < 3; i++)
    db[i] = 10 * log10(signal / alternate_error(x, (size_t)GROUPS * LENGTH, LENGTH, "int4", true,
                                                rounds[i]));
  assert_true(fabs(db[0] - 19.94) < 0.1 && fabs(db[2] - 20.38) < 0.1);
  double share = (db[1] - db[0]) / (db[2] - db[0]);
  assert_true(share > 0.6 && share < 0.85);
  free(x);
}

/* --- ppq-percentile, awq-clip
 * ----------------------------------------------------------------------- */

static void test_ppq(void **state)
{
  (void)state;
  float x[2][1000];
  for (int i = 0; i < 1000; i++) {
    x[0][i] = (float)(999 - i);
    x[1][i] = (float)(10 * ((i * 7) % 1000)) - 5000;
  }
  struct sample batches[] = {reference_sample(x[0], 1000), reference_sample(x[1], 1000)};
  struct sample whole = reference_sample(x[0], 2000);
  struct calibration calibration = reference_calibration("ppq-percentile", "int8", true);
  assert_true(calibration.parameter == 99.99);
  calibration.parameter = 99;
  struct choice choice = reference_choice("ppq-percentile", &calibration, &batches[0]);
  assert_true(choice.lo == 10 && choice.hi == 990);
  whole.batch = batches;
  whole.batches = 2;
  choice = reference_choice("ppq-percentile", &calibration, &whole);
  assert_true(choice.lo == (10 + 10 * 10 - 5000) / 2.0 && choice.hi == (990 + 9900 - 5000) / 2.0);
  calibration.parameter = 100;
  choice = reference_choice("ppq-percentile", &calibration, &batches[0]);
  assert_true(choice.lo == 0 && choice.hi == 999);
}

/* awq-clip picks the best of ten clips: all of them by hand. */
static void test_awq_clip(void **state)
{
  (void)state;
  enum { LENGTH = 128 };
  float x[LENGTH * 20];
  portable_laplace(x, LENGTH * 20);
  for (int group = 0; group < 20; group++) {
    struct sample sample = reference_sample(x + group * LENGTH, LENGTH);
    struct calibration calibration = reference_calibration("awq-clip", "int4", group % 2);
    struct choice choice = reference_choice("awq-clip", &calibration, &sample), best = {.lo = 0};
    double least = HUGE_VAL, most = (double)sample_absmax(&sample);
    for (int i = 0; i < 10; i++) {
      double clip = most * (1 - 0.05 * i);
      struct choice candidate = {.lo = fmax(-clip, (double)sample.min),
                                 .hi = fmin(clip, (double)sample.max)};
      struct scaling scaling;
      calibration_scale(&calibration, &candidate, &scaling);
      double error =
          reference_error(&calibration, sample.values, LENGTH, (double)scaling.scale, scaling.zero);
      if (error < least * (1 - 1e-6)) {
        least = error;
        best = candidate;
      }
    }
    assert_true(fabs(choice.hi - best.hi) <= 1e-6 * most &&
                fabs(choice.lo - best.lo) <= 1e-6 * most);
  }
}

/* --- shrinking ranges
 * ----------------------------------------------------------------------------- */

/* The factor with the least error of the first COUNT hundredths, all of them by hand; ties go to
 * the widest. */
static size_t best_factor(const struct calibration *calibration, const struct sample *sample,
                          size_t count)
{
  struct calibration measured = *calibration;
  double least = HUGE_VAL;
  size_t best = 0;
  measured.parameter = calibration->option[0];
  for (size_t i = 0; i < count; i++) {
    double factor = (double)(float)(1 - (double)i / 100);
    struct choice choice = {.lo = factor * (double)sample->min, .hi = factor * (double)sample->max};
    struct scaling scaling;
    calibration_scale(calibration, &choice, &scaling);
    double error = lp_error(&measured, sample, (double)scaling.scale, scaling.zero);
    if (error < least) {
      least = error;
      best = i;
    }
  }
  return best;
}

/* Small units measured directly and a large one through its sketch. */
static void test_shrinking(void **state)
{
  (void)state;
  enum { LARGE = 100000 };
  static const char *const formats[] = {"int8", "int4"};
  float *x = portable(portable_student3, LARGE);
  for (size_t f = 0; f < 2; f++)
    for (int asymmetric = 0; asymmetric < 2; asymmetric++)
      for (int unit = 0; unit < 20; unit++) {
        size_t length = unit == 0 ? LARGE : 128;
        struct sample sample = reference_sample(x + (size_t)unit * 128, length);
        if (unit == 0)
          sample = reference_sample(x, LARGE);
        struct calibration calibration = reference_calibration("gptq-mse", formats[f], asymmetric);
        size_t best = best_factor(&calibration, &sample, 80);
        struct choice choice = reference_choice("gptq-mse", &calibration, &sample);
        double expected = (double)sample.max * (1 - (double)best / 100);
        if (fabs(choice.hi - expected) > 1e-6 * fabs(expected))
          fail_msg("%s, unit %d: %.9g, expected %.9g", formats[f], unit, choice.hi, expected);
        assert_true(choice.at_end == (best == 0 || best == 79));
      }
  free(x);
}

/* Patience: with 1, the first factor that is no improvement ends the search; with 100 none does. */
static void test_patience(void **state)
{
  (void)state;
  float x[128 * 30];
  bool differs = false;
  portable_gaussian(x, 128 * 30);
  for (int unit = 0; unit < 30; unit++) {
    struct sample sample = reference_sample(x + unit * 128, 128);
    struct calibration calibration = reference_calibration("llmcompressor-mse", "int4", true);
    assert_true(calibration.option[0] == 2.4 && calibration.option[1] == 0.2 &&
                calibration.option[2] == 100 && calibration.option[3] == 5);
    size_t best = best_factor(&calibration, &sample, 20);
    calibration.option[3] = 100;
    struct choice all = reference_choice("llmcompressor-mse", &calibration, &sample);
    assert_true(fabs(all.hi - (double)sample.max * (1 - (double)best / 100)) < 1e-6);
    calibration.option[3] = 1;
    struct choice first = reference_choice("llmcompressor-mse", &calibration, &sample);
    assert_true(first.hi >= all.hi);
    differs |= first.hi > all.hi;
  }
  assert_true(differs);
}

/* CONVENTIONS 2.4: factors and decibels of llm-compressor's search on the portable tensors, int8.
 */
static void test_llmcompressor_golden(void **state)
{
  (void)state;
  static const struct {
    void (*make)(float *, size_t);
    double factor, db;
  } golden[] = {{portable_gaussian, 0.85, 40.45},
                {portable_laplace, 0.81, 34.69},
                {portable_student3, 0.81, 15.09}};
  for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
    float *x = portable(golden[i].make, N);
    struct sample sample = reference_sample(x, N);
    struct calibration calibration = reference_calibration("llmcompressor-mse", "int8", false);
    calibration.rule = scale_rule_find("compressed-tensors");
    struct choice choice = reference_choice("llmcompressor-mse", &calibration, &sample);
    struct reference found = reference_run(&calibration, "llmcompressor-mse", &sample);
    double factor = choice.hi / (double)sample.max;
    if (fabs(factor - golden[i].factor) > 1e-6 || fabs(found.db - golden[i].db) > 5e-3)
      fail_msg("%zu: %.4f, %.4f dB", i, factor, found.db);
    assert_true(choice.at_end == (i > 0));
    free(x);
  }
}

/* --- the references' own results
 * ------------------------------------------------------------------ */

/* All vectors of llm-compressor and GPTQ, each under its own scale rule and arithmetic; but for
 * units that are all zero, which never reach a calibrator. */
struct expected {
  double scale, zero; /* zero point from 0 */
};

/* The same scale and zero point; or, README 4, an error within a relative 1e-5 of the reference's:
 * they sum in float32, where neighbours may tie. */
static void check_scaling(const char *what, const struct calibration *calibration,
                          const struct choice *choice, const struct sample *sample,
                          struct expected expected)
{
  struct scaling found;
  calibration_scale(calibration, choice, &found);
  if ((double)found.scale == expected.scale && (double)found.zero == expected.zero)
    return;
  struct calibration measured = *calibration;
  measured.parameter = calibration->option[0];
  double error = lp_error(&measured, sample, (double)found.scale, found.zero);
  double theirs = lp_error(&measured, sample, expected.scale, lrint(expected.zero));
  if (!(fabs(error - theirs) <= 1e-5 * theirs))
    fail_msg("%s: %.9g, %ld (error %.9g); expected %.9g, %g (error %.9g)", what,
             (double)found.scale, found.zero, error, expected.scale, expected.zero, theirs);
}

static const char *text_of(const json_t *entry, const char *key)
{
  return json_string_value(json_object_get(entry, key));
}

static double number_of(const json_t *entry, const char *key)
{
  return json_number_value(json_object_get(entry, key));
}

/* "int4_asym...": the calibration of ROW, under the scale rule of its system. */
static struct calibration calibration_of_config(const char *row, const char *config)
{
  bool gptq = strcmp(row, "gptq-mse") == 0;
  char format[8];
  snprintf(format, sizeof format, "%.4s", config);
  struct calibration calibration = reference_calibration(row, format, strstr(config, "_asym"));
  calibration.rule = scale_rule_find(gptq ? "gptq" : "compressed-tensors");
  calibration.arithmetic = gptq ? ARITHMETIC_DIVIDE : ARITHMETIC_ZERO_FIRST;
  calibration.unsigned_codes = gptq && !calibration.asymmetric; /* 0..15 around 8 */
  if (strstr(config, "maxshrink0.8_norm2_nopatience")) {
    calibration.option[0] = 2;
    calibration.option[1] = 0.8;
    calibration.option[3] = 10000;
  }
  return calibration;
}

/* One tensor, one scale. */
static size_t check_flat(const json_t *entry, const char *row, const char *zero_key, double shift)
{
  const char *config = text_of(entry, "config"), *input = text_of(entry, "input");
  struct vector vector;
  char what[256];
  if (strcmp(input, "zeros") == 0)
    return 0;
  if (!strstr(config, "_asym") && strcmp(row, "llmcompressor-mse") == 0)
    shift = 0; /* codes of both signs, around 0 */
  assert_true(vector_load(&vector, "conformance/calibration/inputs/%s.npy", input));
  struct sample sample = reference_sample(vector_floats(&vector), vector.count);
  struct calibration calibration = calibration_of_config(row, config);
  struct choice choice = reference_choice(row, &calibration, &sample);
  snprintf(what, sizeof what, "%s of %s, %s", row, input, config);
  check_scaling(what, &calibration, &choice, &sample,
                (struct expected){number_of(entry, "scale"), number_of(entry, zero_key) + shift});
  if (json_object_get(entry, "min") &&
      (choice.lo != number_of(entry, "min") || choice.hi != number_of(entry, "max")))
    fail_msg("%s: %.9g..%.9g", what, choice.lo, choice.hi);
  vector_free(&vector);
  return 1;
}

/* A scale for each row or group of LENGTH of the weights; ZERO_SHIFT turns their zero points into
 * ours. */
static size_t check_weights(const json_t *entry, const char *row, size_t length,
                            const char *zero_key, double zero_shift)
{
  const char *config = text_of(entry, "config");
  struct vector weights, scales, zeros;
  size_t checked = 0;
  if (!strstr(config, "_asym") && strcmp(row, "llmcompressor-mse") == 0)
    zero_shift = 0;
  assert_true(vector_load(&weights, "conformance/calibration/inputs/wmat.npy"));
  assert_true(vector_load(&scales, "conformance/calibration/%s", text_of(entry, "scale_file")));
  assert_true(vector_load(&zeros, "conformance/calibration/%s", text_of(entry, zero_key)));
  size_t units = weights.count / length;
  struct grain grain;
  grain_make(&(struct granularity){.kind = GRAIN_GROUP, .group = length},
             &(struct shape){1, {weights.count}}, &grain, NULL);
  for (size_t unit = 0; unit < units; unit++) {
    struct sample sample = reference_sample(vector_floats(&weights) + unit * length, length);
    struct calibration calibration = calibration_of_config(row, config);
    char what[256];
    if (sample.min == 0 && sample.max == 0)
      continue;
    sample.grain = &grain; /* not alone */
    sample.unit = unit;
    struct choice choice = reference_choice(row, &calibration, &sample);
    snprintf(what, sizeof what, "%s, %s, unit %zu", row, config, unit);
    size_t at = scales.count == units ? unit : 0;
    check_scaling(
        what, &calibration, &choice, &sample,
        (struct expected){vector_number(&scales, at), vector_number(&zeros, at) + zero_shift});
    checked++;
  }
  vector_free(&weights);
  vector_free(&scales);
  vector_free(&zeros);
  return checked;
}

static void test_llmcompressor_vectors(void **state)
{
  (void)state;
  size_t i, flat = 0, units = 0;
  json_t *entry;
  if (!vectors_folder())
    skip();
  json_t *manifest = manifest_load("llmc");
  json_array_foreach(json_object_get(manifest, "entries"), i, entry) {
    const char *family = text_of(entry, "family"), *config = text_of(entry, "config");
    double half = config[3] == '8' ? 128 : 8;
    if (strcmp(family, "llmc_memoryless_mse") == 0)
      flat += check_flat(entry, "llmcompressor-mse", "zero_point", half);
    else if (strcmp(family, "llmc_memoryless_mse_weight") == 0)
      units += check_weights(entry, "llmcompressor-mse", strstr(config, "group") ? 128 : 256,
                             "zero_point_file", half);
  }
  json_decref(manifest);
  assert_int_equal(flat, 8 * 17);
  assert_int_equal(units, 4 * (31 + 62));
}

static void test_gptq_vectors(void **state)
{
  (void)state;
  size_t i, flat = 0, units = 0;
  json_t *entry;
  if (!vectors_folder())
    skip();
  json_t *manifest = manifest_load("weights");
  json_array_foreach(json_object_get(manifest, "entries"), i, entry) {
    const char *family = text_of(entry, "family"), *config = text_of(entry, "config");
    if (strcmp(family, "gptq_find_params_mse_flat") == 0)
      flat += check_flat(entry, "gptq-mse", "zero", 0);
    else if (strcmp(family, "gptq_find_params") == 0 && strstr(config, "_mse"))
      units +=
          check_weights(entry, "gptq-mse", strstr(config, "_row") ? 256 : 32 * 256, "zero_file", 0);
  }
  json_decref(manifest);
  assert_int_equal(flat, 4 * 17);
  assert_int_equal(units, 8 * (31 + 1));
}

/* The definitions of a percentile: ours is numpy's and torch's linear one (torch computes the rank
 * in float32, hence the looser check), PPQ's the value at rank floor(n p), which is that of the
 * inverted distribution function wherever n p is no whole number. */
static void check_percentiles(const json_t *entry, const struct sample *sample, size_t *ppq)
{
  double p = number_of(entry, "percentile"), position = (double)sample->finite * p / 100;
  for (int magnitude = 0; magnitude < 2; magnitude++) {
    double found, expected = number_of(entry, magnitude ? "abs_np_linear" : "signed_np_linear");
    assert_int_equal(sample_percentiles(sample, magnitude, &p, 1, &found, NULL), STATUS_OK);
    if (!(fabs(found - expected) <= 1e-6 * fabs(expected)))
      fail_msg("%s, %g: %.12g, expected %.12g", text_of(entry, "input"), p, found, expected);
  }
  if (p < 50 || position == floor(position))
    return;
  struct calibration calibration = reference_calibration("ppq-percentile", "int8", true);
  calibration.parameter = p;
  struct choice choice = reference_choice("ppq-percentile", &calibration, sample);
  assert_true(choice.hi == number_of(entry, "signed_np_inverted_cdf"));
  assert_true(choice.hi == number_of(entry, "signed_torch_kthvalue_ceil"));
  ++*ppq;
}

static void test_percentile_vectors(void **state)
{
  (void)state;
  size_t i, checked = 0, ppq = 0;
  json_t *entry;
  if (!vectors_folder())
    skip();
  json_t *manifest = manifest_load("percentile");
  json_array_foreach(json_object_get(manifest, "entries"), i, entry) {
    struct vector vector;
    const char *input = text_of(entry, "input");
    assert_true(vector_load(&vector, "conformance/calibration/inputs/%s.npy", input));
    float *x = vector.data;
    size_t finite = 0;
    for (size_t k = 0; k < vector.count; k++)
      if (isfinite(x[k]))
        x[finite++] = x[k];
    struct sample sample = reference_sample(x, finite);
    if (strcmp(text_of(entry, "family"), "percentile_definitions") == 0) {
      check_percentiles(entry, &sample, &ppq);
      checked++;
    }
    vector_free(&vector);
  }
  json_decref(manifest);
  assert_int_equal(checked, 144);
  assert_true(ppq > 50);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_moments),
      cmocka_unit_test(test_sigma),
      cmocka_unit_test(test_exclude),
      cmocka_unit_test(test_aciq_tables),
      cmocka_unit_test(test_aciq_vectors),
      cmocka_unit_test(test_aciq_around_mean),
      cmocka_unit_test(test_lp_brute_force),
      cmocka_unit_test(test_lp_of_two),
      cmocka_unit_test(test_lp_exact_levels),
      cmocka_unit_test(test_lp_far_outlier),
      cmocka_unit_test(test_alternate_falls),
      cmocka_unit_test(test_alternate_gain),
      cmocka_unit_test(test_ppq),
      cmocka_unit_test(test_awq_clip),
      cmocka_unit_test(test_shrinking),
      cmocka_unit_test(test_patience),
      cmocka_unit_test(test_llmcompressor_golden),
      cmocka_unit_test(test_llmcompressor_vectors),
      cmocka_unit_test(test_gptq_vectors),
      cmocka_unit_test(test_percentile_vectors),
  };
  return cmocka_run_group_tests_name("searching calibrators", tests, NULL, NULL);
}
