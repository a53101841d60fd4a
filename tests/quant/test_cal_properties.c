/* What holds for every row of the calibrator table, whatever its rule: the loops are over the
 * table, so a new row is covered when it is written. Where a rule cannot have a property, it is
 * named here with the reason. */
#include "quant/calibrator.h"
#include "quant/fit.h"
#include "quant/quantizer.h"

#include "tests/quant/reference.h"
#include "tests/support/portable.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void (*const makers[])(float *, size_t) = {portable_gaussian, portable_laplace,
                                                  portable_student3};
enum { MAKERS = sizeof makers / sizeof *makers, MOST = 4096 };

/* Formats with their schemes, and the rules and code ranges of some systems. */
static const char *const schemes[] = {"int8",
                                      "int8,asym",
                                      "int4",
                                      "int4,asym",
                                      "e4m3",
                                      "nf4,tensor",
                                      "int8,scale-rule=pytorch",
                                      "int4,scale-rule=signed",
                                      "int8,asym,codes=0:127",
                                      "int4,asym,scale-rule=free-minimum"};
enum { SCHEMES = sizeof schemes / sizeof *schemes };

/* The calibration that a spec of ROW and SCHEME asks for; false when ROW has no meaning there. */
static bool calibration_of(const struct calibrator *row, size_t scheme, struct calibration *out)
{
  char spec[QUANTIZER_TEXT];
  struct quantizer quantizer;
  struct error error;
  snprintf(spec, sizeof spec, "%s,%s", schemes[scheme], row->name);
  if (quantizer_parse(spec, &quantizer, &error) != STATUS_OK)
    return false;
  *out = fit_calibration(&quantizer);
  return true;
}

static struct choice choose(const struct calibrator *row, const struct calibration *calibration,
                            const struct sample *sample)
{
  struct choice choice = {.lo = (double)sample->min, .hi = (double)sample->max};
  struct error error;
  if (row->choose && row->choose(calibration, sample, &choice, &error) != STATUS_OK)
    fail_msg("%s: %s", row->name, error.text);
  return choice;
}

static struct scaling scaling_of(const struct calibrator *row,
                                 const struct calibration *calibration, const struct sample *sample)
{
  struct choice choice = choose(row, calibration, sample);
  struct scaling scaling;
  calibration_scale(calibration, &choice, &scaling);
  return scaling;
}

static void test_rows_are_explained(void **state)
{
  (void)state;
  for (size_t i = 0; i < calibrator_table_length; i++) {
    const struct calibrator *row = &calibrator_table[i];
    if (!row->summary || strlen(row->summary) < 10)
      fail_msg("%s lacks a summary", row->name);
    if (!row->explanation || strlen(row->explanation) < 100)
      fail_msg("%s lacks an explanation", row->name);
    for (size_t k = 0; k < CALIBRATOR_OPTIONS && row->option[k].word; k++)
      assert_true(row->option[k].least <= row->option[k].value &&
                  row->option[k].value <= row->option[k].most && row->option[k].summary);
    if (row->parameter)
      assert_true(row->least <= row->default_value && row->default_value <= row->most);
    assert_ptr_equal(calibrator_find(row->name), row);
  }
}

/* --- mse is the least ---------------------------------------------------------------------- */

/* The error of the quantizer itself, as the kernels compute it. */
static double error_of(const struct calibration *calibration, const struct scaling *scaling,
                       const struct sample *sample)
{
  struct grid grid = calibration_grid(calibration);
  struct unit unit = calibration_unit(&grid, scaling);
  float y[MOST];
  double sum = 0;
  grid.format->family->run(&grid, &unit, sample->values, sample->finite, y, NULL);
  for (size_t i = 0; i < sample->finite; i++) {
    double error = (double)sample->values[i] - (double)y[i];
    sum += error * error;
  }
  return sum;
}

/* The search proves a relative 1e-7 for formats of at most 8 bits; the scale's
 * rounding to float32 adds up to 2 sqrt(E) sqrt(sum y^2) 2^-24. */
static void check_mse(size_t scheme, const struct sample *sample)
{
  const struct calibrator *mse = calibrator_find("mse");
  struct calibration calibration;
  assert_true(calibration_of(mse, scheme, &calibration));
  struct scaling scaling = scaling_of(mse, &calibration, sample);
  double least = error_of(&calibration, &scaling, sample), signal = 0;
  bool proven = calibration.format->bits <= 8;
  for (size_t i = 0; i < sample->finite; i++)
    signal += (double)sample->values[i] * (double)sample->values[i];
  for (size_t i = 0; i < calibrator_table_length; i++) {
    if (!calibration_of(&calibrator_table[i], scheme, &calibration))
      continue;
    scaling = scaling_of(&calibrator_table[i], &calibration, sample);
    double other = error_of(&calibration, &scaling, sample);
    double allowed =
        other * (proven ? 1 + 1e-6 : 1 + 1.1e-4) + sqrt(other * signal) * 0x1p-22 + signal * 1e-12;
    if (!(least <= allowed))
      fail_msg("%s, %zu values: mse %.9g, %s %.9g", schemes[scheme], sample->finite, least,
               calibrator_table[i].name, other);
  }
}

static void test_mse_is_least(void **state)
{
  (void)state;
  static const size_t sizes[] = {2, 16, 128, 500};
  float x[MOST];
  for (int maker = 0; maker < MAKERS; maker++)
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
      for (size_t scheme = 0; scheme < SCHEMES - 1; scheme++) { /* free minima: not proved */
        makers[maker](x, sizes[s]);
        for (size_t i = 0; s == 2 && i < sizes[s]; i++) /* once off centre */
          x[i] += 1;
        struct sample sample = reference_sample(x, sizes[s]);
        check_mse(scheme, &sample);
      }
}

/* --- percentile 100 is minmax --------------------------------------------------------------- */

/* Of order statistics; the percentiles of histograms give an edge of the last bin. */
static void test_percentile_of_everything(void **state)
{
  (void)state;
  static const char *const names[] = {"percentile", "ppq-percentile"};
  float x[MOST];
  portable_laplace(x, MOST);
  struct sample sample = reference_sample(x, MOST);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    for (size_t scheme = 0; scheme < SCHEMES; scheme++) {
      const struct calibrator *row = calibrator_find(names[i]);
      struct calibration calibration;
      assert_true(calibration_of(row, scheme, &calibration));
      calibration.parameter = 100;
      struct scaling found = scaling_of(row, &calibration, &sample);
      struct scaling expected = scaling_of(calibrator_find("minmax"), &calibration, &sample);
      assert_true(found.scale == expected.scale && found.zero == expected.zero);
    }
}

/* The bits-aware default: CONVENTIONS asks for 99.99 at 8 bits, 99.9 at 6, 99 at 4. */
static void test_percentile_defaults(void **state)
{
  (void)state;
  static const struct {
    const char *format;
    double percentile;
  } defaults[] = {{"int16", 99.99}, {"int8", 99.99}, {"e4m3", 99.99}, {"int7", 99.9},
                  {"int6", 99.9},   {"e3m2", 99.9},  {"int4", 99},    {"int2", 99}};
  for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
    const struct format *format = format_find(defaults[i].format);
    assert_non_null(format);
    assert_true(calibrator_default(calibrator_find("percentile"), format) ==
                defaults[i].percentile);
  }
}

/* --- symmetry -------------------------------------------------------------------------------- */

/* Not aimet-mse: the middles that it codes lie half a bin too high; nor aimet-entropy with a zero
 * point: each end goes two bins inwards where the least is lost, which one value more decides. Both
 * equal their reference's vectors (test_cal_aimet). */
static bool leans(const struct calibrator *calibrator, const struct calibration *calibration)
{
  return strcmp(calibrator->name, "aimet-mse") == 0 ||
         (strcmp(calibrator->name, "aimet-entropy") == 0 && calibration->asymmetric);
}

/* x and -x for every x: what a rule chooses is as symmetric as its bins, of which the coarsest
 * have a 128th of the range. */
static void test_symmetric_data(void **state)
{
  (void)state;
  float x[MOST];
  for (int maker = 0; maker < MAKERS; maker++) {
    makers[maker](x, MOST / 2);
    for (size_t i = 0; i < MOST / 2; i++)
      x[MOST / 2 + i] = -x[i];
    struct sample sample = reference_sample(x, MOST);
    for (size_t i = 0; i < calibrator_table_length; i++)
      for (size_t scheme = 0; scheme < SCHEMES; scheme++) {
        struct calibration calibration;
        if (!calibration_of(&calibrator_table[i], scheme, &calibration) ||
            leans(&calibrator_table[i], &calibration))
          continue;
        struct choice choice = choose(&calibrator_table[i], &calibration, &sample);
        if (!choice.has_scale && fabs(choice.lo + choice.hi) > (double)sample_absmax(&sample) / 64)
          fail_msg("%s, %s: %g..%g", calibrator_table[i].name, schemes[scheme], choice.lo,
                   choice.hi);
      }
  }
}

/* --- scaling by powers of two ----------------------------------------------------------------- */

/* Rows with an absolute number in their rule, which a scaled tensor does not scale. */
static const char *const absolute_rows[] = {NULL};

static bool is_absolute(const struct calibrator *row)
{
  for (const char *const *name = absolute_rows; *name; name++)
    if (strcmp(*name, row->name) == 0)
      return true;
  return false;
}

/* Exactly: float32 and double scale by powers of two without rounding. */
static void test_powers_of_two(void **state)
{
  (void)state;
  static const int exponents[] = {-7, 9};
  float x[1024], scaled[1024];
  for (int maker = 0; maker < MAKERS; maker++) {
    makers[maker](x, 1024);
    struct sample sample = reference_sample(x, 1024);
    for (size_t k = 0; k < 2; k++) {
      for (size_t i = 0; i < 1024; i++)
        scaled[i] = ldexpf(x[i], exponents[k]);
      struct sample other = reference_sample(scaled, 1024);
      for (size_t i = 0; i < calibrator_table_length; i++)
        for (size_t scheme = 0; scheme < SCHEMES; scheme++) {
          const struct calibrator *row = &calibrator_table[i];
          struct calibration calibration;
          if (is_absolute(row) || !calibration_of(row, scheme, &calibration))
            continue;
          struct scaling a = scaling_of(row, &calibration, &sample);
          struct scaling b = scaling_of(row, &calibration, &other);
          if (ldexpf(a.scale, exponents[k]) != b.scale || a.zero != b.zero ||
              ldexpf(a.offset, exponents[k]) != b.offset)
            fail_msg("%s, %s, 2^%d: %.9g, %ld; then %.9g, %ld", row->name, schemes[scheme],
                     exponents[k], (double)a.scale, a.zero, ldexp((double)b.scale, -exponents[k]),
                     b.zero);
        }
    }
  }
}

/* --- degenerate tensors ----------------------------------------------------------------------- */

static const float zeros[4] = {0, -0.0F, 0, 0}, constant[] = {3.5F, 3.5F, 3.5F, 3.5F},
                   below[] = {-0.1F, -0.1F}, one[] = {0.7F}, two[] = {1, -3},
                   nan_only[] = {NAN, NAN, INFINITY}, mixed[] = {NAN, 2, -INFINITY, -1, 0.5F},
                   denormal[] = {FLT_MIN / 3, -FLT_MIN / 7, FLT_TRUE_MIN * 5, 0},
                   tiny[] = {FLT_TRUE_MIN, 0, 0},
                   huge[] = {FLT_MAX, -FLT_MAX, 1, 0, FLT_MAX / 3, -1e30F},
                   wide[] = {FLT_MAX, FLT_TRUE_MIN, 1e-20F, -1};
#define UNIT(x) x, sizeof(x) / sizeof *(x)
static const struct {
  const char *name;
  const float *values;
  size_t count;
} degenerate[] = {
    {"zeros", UNIT(zeros)},        {"constant", UNIT(constant)},  {"constant below", UNIT(below)},
    {"one value", UNIT(one)},      {"two values", UNIT(two)},     {"no number", UNIT(nan_only)},
    {"some numbers", UNIT(mixed)}, {"denormals", UNIT(denormal)}, {"the least", UNIT(tiny)},
    {"the largest", UNIT(huge)},   {"wide", UNIT(wide)},          {"nothing", zeros, 0},
};

/* The whole way: no failure, a scale that means something, and numbers for numbers. */
static void check_degenerate(const char *spec, const char *name, const float *x, size_t n)
{
  struct quantizer quantizer;
  struct error error;
  struct fit *fit;
  struct feed feed = feed_floats(x, n);
  struct shape shape = {.dims = 1, .dim = {n}};
  float y[16];
  if (quantizer_parse(spec, &quantizer, &error) != STATUS_OK)
    return; /* the row has no meaning there */
  if (quantizer_fit(&quantizer, &feed, &shape, NULL, &fit, &error) != STATUS_OK)
    fail_msg("%s of %s: %s", spec, name, error.text);
  for (size_t unit = 0; unit < fit_grain(fit)->units; unit++)
    if (!(fabsf(fit_scale(fit, unit)) > 0) || isinf(fit_scale(fit, unit)))
      fail_msg("%s of %s: scale %g", spec, name, (double)fit_scale(fit, unit));
  if (n > 0)
    fit_round_trip(fit, 0, n, x, y, NULL);
  for (size_t i = 0; i < n; i++)
    if (isfinite(x[i]) && isnan(y[i]))
      fail_msg("%s of %s: %g became NaN", spec, name, (double)x[i]);
  fit_free(fit);
}

static void test_degenerate(void **state)
{
  (void)state;
  static const char *const formats[] = {"int8",
                                        "int8,asym",
                                        "int4,asym,group=3",
                                        "int4,group=2",
                                        "int2,asym",
                                        "e4m3",
                                        "e2m1,group=2",
                                        "nf4",
                                        "int16",
                                        "int4,scale-rule=signed",
                                        "int8,asym,scale-rule=free-minimum",
                                        "int8,arithmetic=multiply",
                                        "fp16"};
  char spec[QUANTIZER_TEXT];
  for (size_t i = 0; i < calibrator_table_length; i++)
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++)
      for (size_t d = 0; d < sizeof degenerate / sizeof *degenerate; d++) {
        snprintf(spec, sizeof spec, "%s,%s", formats[f], calibrator_table[i].name);
        check_degenerate(spec, degenerate[d].name, degenerate[d].values, degenerate[d].count);
      }
}

/* --- units ------------------------------------------------------------------------------------ */

/* Per channel and per group every row chooses for each unit what it chooses for its values alone.
 */
static void test_units_are_alone(void **state)
{
  (void)state;
  enum { ROWS = 6, COLUMNS = 64 };
  static const char *const grains[] = {"channel=0", "group=64", "token"};
  float x[ROWS * COLUMNS];
  char spec[QUANTIZER_TEXT];
  portable_student3(x, ROWS * COLUMNS);
  for (size_t i = 0; i < calibrator_table_length; i++)
    for (size_t g = 0; g < 3; g++) {
      struct quantizer quantizer;
      struct error error;
      struct fit *fit;
      struct feed feed = feed_floats(x, ROWS * COLUMNS);
      struct shape shape = {.dims = 2, .dim = {ROWS, COLUMNS}};
      /* Its patience is for units that stand alone: see cal_shrink.c. */
      if (strcmp(calibrator_table[i].name, "llmcompressor-mse") == 0)
        continue;
      snprintf(spec, sizeof spec, "int4,asym,%s,%s", grains[g], calibrator_table[i].name);
      if (quantizer_parse(spec, &quantizer, &error) != STATUS_OK)
        continue;
      assert_int_equal(quantizer_fit(&quantizer, &feed, &shape, NULL, &fit, &error), STATUS_OK);
      assert_int_equal(fit_grain(fit)->units, ROWS);
      for (size_t row = 0; row < ROWS; row++) {
        struct sample sample = reference_sample(x + row * COLUMNS, COLUMNS);
        struct calibration calibration = fit_calibration(&quantizer);
        struct scaling alone = scaling_of(&calibrator_table[i], &calibration, &sample);
        if (alone.scale != fit_scale(fit, row) || alone.zero != fit_zero_point(fit, row))
          fail_msg("%s, row %zu: %.9g, alone %.9g", spec, row, (double)fit_scale(fit, row),
                   (double)alone.scale);
      }
      fit_free(fit);
    }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rows_are_explained),
      cmocka_unit_test(test_mse_is_least),
      cmocka_unit_test(test_percentile_of_everything),
      cmocka_unit_test(test_percentile_defaults),
      cmocka_unit_test(test_symmetric_data),
      cmocka_unit_test(test_powers_of_two),
      cmocka_unit_test(test_degenerate),
      cmocka_unit_test(test_units_are_alone),
  };
  kernels_init();
  return cmocka_run_group_tests_name("properties of calibrators", tests, NULL, NULL);
}
