/* Scale rules, percentile, entropy and the whole against references: NVIDIA's own thresholds
 * (conformance vectors), the portable tensors of CONVENTIONS 2.4, and closed-form quantiles. The
 * mse search has test_mse. */
#include "quant/calibrator.h"

#include "tests/quant/reference.h"
#include "tests/support/manifest.h"
#include "tests/support/npy_vectors.h"
#include "tests/support/portable.h"

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
#include <jansson.h>

static void test_table(void **state)
{
  (void)state;
  static const char *const names[] = {"minmax", "percentile", "entropy", "mse"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const struct calibrator *calibrator = calibrator_find(names[i]);
    assert_non_null(calibrator);
    assert_string_equal(calibrator->name, names[i]);
    assert_true(strlen(calibrator->summary) > 10);
    assert_true((calibrator->choose == NULL) == (i == 0));
  }
  assert_ptr_equal(calibrator_find("MinMax"), calibrator_find("minmax"));
  assert_null(calibrator_find("max"));
}

/* --- the default scale rules ----------------------------------------------------------------- */

static void test_scale_rules(void **state)
{
  (void)state;
  static const struct {
    const char *format;
    bool asymmetric, narrow;
    double lo, hi;
    float scale;
    long zero;
  } rules[] = {
      {"int8", false, false, -1, 1, 1.0F / 127, 0},
      {"int8", false, true, -1, 1, 1.0F / 127, 0},
      {"int8", false, false, -2, 1, 2.0F / 127, 0},
      {"int4", false, false, 0, 3.5, 0.5F, 0},
      {"int2", false, false, -3, 3, 3, 0},
      {"float8_e4m3fn", false, false, -896, 10, 2, 0},
      {"int8", true, false, -127.5, 127.5, 1, 128}, /* 127.5 rounds to even */
      {"int8", true, false, -126.5, 128.5, 1, 126},
      {"int8", true, false, 0, 255, 1, 0},
      {"int8", true, false, -255, 0, 1, 255},
      {"int8", true, false, 5, 10, 10.0F / 255, 0}, /* widened to hold 0 */
      {"int8", true, false, -10, -5, 10.0F / 255, 255},
      {"int4", true, false, -5, 10, 1, 5},
      /* nothing to scale */
      {"int8", false, false, 0, 0, 1, 0},
      {"int8", true, false, 0, 0, 1, 0},
      /* the ends of float32 */
      {"int8", false, false, 0, (double)FLT_TRUE_MIN, FLT_TRUE_MIN, 0},
      {"int8", true, false, 0, (double)FLT_TRUE_MIN, FLT_TRUE_MIN, 0},
      /* 127 * (FLT_MAX / 127) rounds to infinity; the float below does not */
      {"int8", false, false, -(double)FLT_MAX, (double)FLT_MAX, 0x1.020406p+121F, 0},
      /* with 2 FLT_MAX / 255 the lowest code, -128, would be infinite */
      {"int8", true, false, -(double)FLT_MAX, (double)FLT_MAX, FLT_MAX / 128, 128},
  };
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    struct calibration calibration = {.format = format_find(rules[i].format),
                                      .asymmetric = rules[i].asymmetric,
                                      .narrow = rules[i].narrow};
    struct choice choice = {.lo = rules[i].lo, .hi = rules[i].hi};
    struct scaling found;
    calibration_scale(&calibration, &choice, &found);
    if (found.scale != rules[i].scale || found.zero != rules[i].zero)
      fail_msg("rule %zu: %.9g, %ld", i, (double)found.scale, found.zero);
  }
}

static void test_chosen_scale_passes(void **state)
{
  (void)state;
  struct calibration calibration = {.format = format_find("int8"), .asymmetric = true};
  struct choice choice = {.lo = -1, .hi = 1, .has_scale = true, .scale = 0.25F, .zero = 3};
  struct scaling found;
  calibration_scale(&calibration, &choice, &found);
  assert_true(found.scale == 0.25F && found.zero == 3);
}

static void test_integer_unit(void **state)
{
  (void)state;
  static const struct {
    bool asymmetric, narrow;
    long zero;
    float lo, hi;
  } units[] = {{false, false, 0, -8, 7},
               {false, true, 0, -7, 7},
               {true, false, 0, 0, 15},
               {true, false, 15, -15, 0},
               {true, false, 6, -6, 9}};
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    struct calibration calibration = {.format = format_find("int4"),
                                      .asymmetric = units[i].asymmetric,
                                      .narrow = units[i].narrow};
    struct grid grid = calibration_grid(&calibration);
    struct unit unit = integer_family.unit(&grid, 0.5F, units[i].zero);
    assert_true(unit.scale == 0.5F && unit.lo == units[i].lo && unit.hi == units[i].hi);
  }
}

/* --- entropy against the original ------------------------------------------------------------- */

/* The threshold to the last bit, unsigned ones through the asymmetric scheme. */
static void check_entropy(const json_t *entry, size_t *checked)
{
  const char *config = manifest_text(entry, "config");
  const char *input = manifest_text(entry, "input");
  const json_t *expected = json_object_get(entry, "amax");
  struct vector vector;
  if (strcmp(manifest_text(entry, "family"), "trt_entropy") != 0 ||
      strncmp(config, "torch_hist", 10) != 0 || !expected || json_number_value(expected) == 0)
    return;
  assert_true(vector_load(&vector, "conformance/calibration/inputs/%s.npy", input));
  struct calibration calibration = {.format = format_find("int8"),
                                    .asymmetric = strstr(config, "unsigned") != NULL};
  struct sample sample = reference_sample(vector_floats(&vector), vector.count);
  struct choice choice = {.has_scale = false};
  assert_int_equal(calibrator_find("entropy")->choose(&calibration, &sample, &choice, NULL),
                   STATUS_OK);
  if ((float)choice.hi != (float)json_number_value(expected))
    fail_msg("%s %s: %.9g, expected %.9g", input, config, choice.hi, json_number_value(expected));
  assert_true(choice.lo == (calibration.asymmetric ? 0 : -choice.hi));
  vector_free(&vector);
  ++*checked;
}

static void test_entropy_vectors(void **state)
{
  (void)state;
  size_t i, checked = 0;
  json_t *entry;
  if (!vectors_folder())
    skip();
  json_t *manifest = manifest_load("trt");
  json_array_foreach(json_object_get(manifest, "entries"), i, entry)
    check_entropy(entry, &checked);
  json_decref(manifest);
  assert_int_equal(checked, 21);
}

/* Nothing is merged when there are more levels than bins: everything is kept. */
static void test_entropy_many_levels(void **state)
{
  (void)state;
  float x[1000];
  portable_gaussian(x, 1000);
  struct sample sample = reference_sample(x, 1000);
  struct calibration calibration = {.format = format_find("int16")};
  struct choice choice;
  calibrator_find("entropy")->choose(&calibration, &sample, &choice, NULL);
  assert_true((float)choice.hi == sample_absmax(&sample));
}

/* Two-sided asymmetric: the symmetric threshold on both sides, no further than the values. */
static void test_entropy_two_sides(void **state)
{
  (void)state;
  enum { N = 5000 };
  float x[N];
  portable_laplace(x, N);
  for (size_t i = 0; i < N; i++)
    x[i] = fmaxf(x[i], -0.5F);
  struct sample sample = reference_sample(x, N);
  struct calibration calibration = {.format = format_find("int8")};
  struct choice symmetric, choice;
  calibrator_find("entropy")->choose(&calibration, &sample, &symmetric, NULL);
  calibration.asymmetric = true;
  calibrator_find("entropy")->choose(&calibration, &sample, &choice, NULL);
  assert_true(choice.lo == -0.5);
  assert_true(choice.hi == symmetric.hi && choice.hi > 1 && choice.hi < (double)sample.max);
}

/* --- percentile ------------------------------------------------------------------------------- */

static void test_percentile_sides(void **state)
{
  (void)state;
  float x[1001];
  for (int i = 0; i <= 1000; i++)
    x[i] = (float)(i - 400); /* -400..600 */
  struct sample sample = reference_sample(x, 1001);
  struct calibration calibration = {.format = format_find("int8"), .parameter = 90};
  struct choice choice;
  const struct calibrator *percentile = calibrator_find("percentile");
  assert_int_equal(percentile->choose(&calibration, &sample, &choice, NULL), STATUS_OK);
  /* |x| sorted: 0, 1, 1, ... 400, 400, 401, ... 600; position 900 holds 500 */
  assert_true(choice.hi == 500 && choice.lo == -400 && !choice.has_scale);
  calibration.asymmetric = true;
  percentile->choose(&calibration, &sample, &choice, NULL);
  assert_true(fabs(choice.lo + 350) < 1e-9 && fabs(choice.hi - 550) < 1e-9);
}

/* --- the portable tensors --------------------------------------------------------------------- */

enum { N = 1 << 20, SOURCES = 3 };

static float *portable[SOURCES]; /* Gaussian, Laplace, t3 */

static int make_portable(void **state)
{
  (void)state;
  static void (*const makers[])(float *, size_t) = {portable_gaussian, portable_laplace,
                                                    portable_student3};
  for (int i = 0; i < SOURCES; i++) {
    portable[i] = malloc(N * sizeof **portable);
    if (!portable[i])
      return -1;
    makers[i](portable[i], N);
  }
  return 0;
}

static int free_portable(void **state)
{
  (void)state;
  for (int i = 0; i < SOURCES; i++)
    free(portable[i]);
  return 0;
}

/* The generator's own check values. */
static void test_portable(void **state)
{
  (void)state;
  static const double gaussian[] = {1.278634, 0.190824, 0.687954, 0.019506};
  for (int i = 0; i < 4; i++)
    assert_true(fabs((double)portable[0][i] - gaussian[i]) < 1e-6);
  assert_true(fabs((double)portable[1][0] + 0.147276) < 1e-6);
  assert_true(fabs((double)portable[1][1] + 2.939966) < 1e-6);
  assert_true(fabs((double)portable[2][0] - 3.100912) < 1e-6);
  struct sample samples[SOURCES];
  for (int i = 0; i < SOURCES; i++)
    samples[i] = reference_sample(portable[i], N);
  assert_true(fabs((double)samples[0].min + 4.866147) < 1e-6);
  assert_true(fabs((double)samples[0].max - 4.746118) < 1e-6);
  assert_true(fabs((double)sample_absmax(&samples[1]) - 13.988259) < 1e-6);
  assert_true(fabs((double)sample_absmax(&samples[2]) - 165.423889) < 1e-5);
}

/* CONVENTIONS 2.4 at 8 bits: threshold (0: not stated) and dB, printed digits give the tolerance.
 */
static void test_golden(void **state)
{
  (void)state;
  static const struct {
    const char *calibrator;
    double parameter;
    bool asymmetric;
    double threshold[SOURCES], db[SOURCES], tolerance, db_tolerance;
  } golden[] = {
      {"minmax", 0, false, {4.866, 13.99, 165.4}, {39.124, 32.950, 13.288}, 5e-4, 1e-3},
      {"minmax", 0, true, {0}, {39.26, 33.15, 15.80}, 0, 5e-3},
      {"entropy", 0, false, {4.569, 9.801, 21.49}, {39.66, 35.22, 14.87}, 5e-4, 5e-3},
      /* The table's row is NVIDIA's search over 2048 bins, at most 0.01 dB above the true minimum;
       * that is flat, so the clip is known to a percent only, and not at all for t3. */
      {"mse", 0, false, {3.91, 9.757, 0}, {40.60, 35.22, 18.70}, 1e-2, 1e-2},
  };
  for (size_t i = 0; i < sizeof golden / sizeof *golden; i++)
    for (int source = 0; source < SOURCES; source++) {
      struct calibration calibration = {.format = format_find("int8"),
                                        .asymmetric = golden[i].asymmetric,
                                        .narrow = !golden[i].asymmetric,
                                        .parameter = golden[i].parameter};
      struct sample sample = reference_sample(portable[source], N);
      struct reference found = reference_run(&calibration, golden[i].calibrator, &sample);
      double threshold = (double)found.scale * 127, stated = golden[i].threshold[source];
      if (stated > 0 && fabs(threshold - stated) > golden[i].tolerance * stated)
        fail_msg("%s %d: threshold %.6g, stated %g", golden[i].calibrator, source, threshold,
                 stated);
      if (fabs(found.db - golden[i].db[source]) > golden[i].db_tolerance)
        fail_msg("%s %d: %.4f dB, stated %g", golden[i].calibrator, source, found.db,
                 golden[i].db[source]);
    }
}

/* A sample quantile is within a few of its standard errors, sqrt(p (1 - p) / n) / density, of the
 * closed form; four of them here. */
static void test_quantiles(void **state)
{
  (void)state;
  static const double percents[] = {90, 99, 99.5, 99.9, 99.99, 99.999};
  for (size_t i = 0; i < sizeof percents / sizeof *percents; i++) {
    double p = percents[i] / 100, found;
    struct sample sample = reference_sample(portable[0], N);
    sample_percentiles(&sample, true, &percents[i], 1, &found, NULL);
    double closed = gsl_cdf_ugaussian_Pinv((1 + p) / 2);
    double density = 2 * exp(-closed * closed / 2) / sqrt(2 * acos(-1));
    assert_true(fabs(found - closed) < 4 * sqrt(p * (1 - p) / N) / density);
    sample = reference_sample(portable[1], N);
    sample_percentiles(&sample, true, &percents[i], 1, &found, NULL);
    closed = -log(1 - p);
    assert_true(fabs(found - closed) < 4 * sqrt(p * (1 - p) / N) / (1 - p));
  }
}

/* --- the same answer however it is computed -------------------------------------------------- */

static void decode(const void *self, size_t start, size_t n, float *out)
{
  memcpy(out, (const float *)self + start, n * sizeof *out);
}

/* Spread or gathered, lent or decoded, one thread or five. */
static void test_independence(void **state)
{
  (void)state;
  enum { COUNT = 3 * FEED_CHUNK + 77 };
  struct sample whole = reference_sample(portable[2], COUNT);
  struct feed feeds[] = {feed_floats(portable[2], COUNT),
                         {.count = COUNT, .decode = decode, .self = portable[2]}};
  struct grain grain;
  grain_make(&(struct granularity){.kind = GRAIN_TENSOR}, &(struct shape){1, {COUNT}}, &grain,
             NULL);
  static const char *const names[] = {"percentile", "entropy", "mse"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    for (int asymmetric = 0; asymmetric < 2; asymmetric++) {
      struct calibration calibration = {
          .format = format_find("int8"), .asymmetric = asymmetric, .parameter = 99.9};
      struct reference expected = reference_run(&calibration, names[i], &whole);
      for (unsigned threads = 1; threads <= 5; threads += 4)
        for (size_t f = 0; f < 2; f++) {
          struct sample sample = whole;
          sample.values = NULL;
          sample.feed = &feeds[f];
          sample.grain = &grain;
          pool_set_threads(threads);
          struct choice choice;
          assert_int_equal(calibrator_find(names[i])->choose(&calibration, &sample, &choice, NULL),
                           STATUS_OK);
          struct scaling found;
          calibration_scale(&calibration, &choice, &found);
          assert_true(found.scale == expected.scale && found.zero == expected.zero);
        }
    }
  pool_set_threads(0);
}

/* Rows that ask for no more than the extremes, which are known. */
static bool reads_nothing(const char *name)
{
  static const char *const names[] = {"absmax",      "clip",     "ema",
                                      "sample-mean", "aimet-tf", "nvidia-max"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(name, names[i]) == 0)
      return true;
  return false;
}

static void test_cancelled(void **state)
{
  (void)state;
  struct progress progress = {0};
  progress_cancel(&progress);
  struct feed feed = feed_floats(portable[0], N);
  struct grain grain;
  grain_make(&(struct granularity){.kind = GRAIN_TENSOR}, &(struct shape){1, {N}}, &grain, NULL);
  struct sample sample = reference_sample(portable[0], N);
  sample.values = NULL;
  sample.feed = &feed;
  sample.grain = &grain;
  sample.progress = &progress;
  for (size_t i = 1; i < calibrator_table_length; i++) {
    struct calibration calibration = reference_calibration(calibrator_table[i].name, "int8", false);
    struct choice choice;
    struct error error;
    bool reads = !reads_nothing(calibrator_table[i].name);
    assert_int_equal(calibrator_table[i].choose(&calibration, &sample, &choice, &error),
                     reads ? STATUS_CANCELLED : STATUS_OK);
  }
}

/* --- small and odd units -------------------------------------------------------------------- */

static const float one[] = {0.7F}, negative[] = {-2.5F}, two[] = {1, -3},
                   constant[] = {3.5F, 3.5F, 3.5F, 3.5F, 3.5F}, tiny[] = {FLT_TRUE_MIN, 0, 0},
                   denormal[] = {FLT_MIN / 3, -FLT_MIN / 7, FLT_TRUE_MIN * 5},
                   huge[] = {FLT_MAX, -FLT_MAX, 1, 0, FLT_MAX / 3},
                   wide[] = {FLT_MAX, FLT_TRUE_MIN, 1e-20F, -1};
static const struct {
  const float *values;
  size_t count;
} odd[] = {
    {one, 1},  {negative, 1}, {two, 2},  {constant, 5},
    {tiny, 3}, {denormal, 3}, {huge, 5}, {wide, 4},
};

/* Every calibrator, format and scheme gives a usable scale, and no code is wasted on nothing: the
 * error is finite and not above that of returning zeros. */
static void test_odd_units(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
    for (size_t f = 0; f < format_table_length; f++)
      for (size_t c = 0; c < calibrator_table_length; c++)
        for (int asymmetric = 0; asymmetric < 2; asymmetric++) {
          struct calibration calibration =
              reference_calibration(calibrator_table[c].name, format_table[f].name, asymmetric);
          bool integer = format_is_integer(&format_table[f]);
          bool one_bit = integer && format_table[f].bits == 1 && !asymmetric;
          if (format_is_block(&format_table[f]) || one_bit ||
              ((asymmetric || calibrator_table[c].integers_only) && !integer))
            continue;
          struct sample sample = reference_sample(odd[i].values, odd[i].count);
          struct reference found = reference_run(&calibration, calibrator_table[c].name, &sample);
          if (!(found.scale > 0 && isfinite(found.scale)))
            fail_msg("unit %zu %s %s %d: scale %g", i, format_table[f].name,
                     calibrator_table[c].name, asymmetric, (double)found.scale);
          if (asymmetric)
            assert_in_range(found.zero, 0, (1L << format_table[f].bits) - 1);
          else
            assert_int_equal(found.zero, 0);
          if (!(found.error <= found.signal * (1 + 1e-6)))
            fail_msg("unit %zu %s %s %d: error %g, signal %g", i, format_table[f].name,
                     calibrator_table[c].name, asymmetric, found.error, found.signal);
        }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_table),
      cmocka_unit_test(test_scale_rules),
      cmocka_unit_test(test_chosen_scale_passes),
      cmocka_unit_test(test_integer_unit),
      cmocka_unit_test(test_entropy_vectors),
      cmocka_unit_test(test_entropy_many_levels),
      cmocka_unit_test(test_entropy_two_sides),
      cmocka_unit_test(test_percentile_sides),
      cmocka_unit_test(test_portable),
      cmocka_unit_test(test_golden),
      cmocka_unit_test(test_quantiles),
      cmocka_unit_test(test_independence),
      cmocka_unit_test(test_cancelled),
      cmocka_unit_test(test_odd_units),
  };
  return cmocka_run_group_tests_name("calibrators", tests, make_portable, free_portable);
}
