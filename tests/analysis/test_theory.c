/* Theory against manifest_theory.json (mpmath with 30 digits, and SciPy), against the printed table
 * of CONVENTIONS 2.1, and against closed forms. */
#include "analysis/theory.h"

#include "quant/codebook.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 256 };

static json_t *manifest;

static int load(void **state)
{
  char path[4096];
  const char *shared = getenv("QSCOPE_SHARED");
  (void)state;
  snprintf(path, sizeof path, "%s/conformance/calibration/manifest_theory.json",
           shared ? shared : "");
  manifest = json_load_file(path, 0, NULL);
  return 0;
}

static int unload(void **state)
{
  (void)state;
  json_decref(manifest);
  return 0;
}

static json_t *section(const char *name)
{
  if (!manifest)
    skip();
  json_t *found = json_object_get(manifest, name);
  assert_non_null(found);
  return found;
}

static double number(const json_t *row, const char *key)
{
  const json_t *value = json_object_get(row, key);
  if (!json_is_number(value))
    fail_msg("no number at %s", key);
  return json_number_value(value);
}

static size_t whole(const json_t *row, const char *key)
{
  return (size_t)number(row, key);
}

static void near(double found, double expected, double tolerance, const char *what, size_t which)
{
  if (!(fabs(found - expected) <= tolerance * fmax(fabs(expected), 1e-300)))
    fail_msg("%s %zu: found %.17g, expected %.17g", what, which, found, expected);
}

static struct distribution parsed(const char *word)
{
  struct distribution d;
  struct error error = {0};
  if (distribution_parse(word, &d, &error) != STATUS_OK)
    fail_msg("%s: %s", word, error.text);
  return d;
}

/* 1e-12 of the number; the entropy 1e-9. */
static void test_optimum_uniform(void **state)
{
  const char *name;
  json_t *rows, *row;
  size_t i, seen = 0;
  double levels[MOST];
  (void)state;
  json_object_foreach(section("optimum_uniform"), name, rows) {
    const struct distribution d = parsed(name);
    json_array_foreach(rows, i, row) {
      size_t count = whole(row, "levels");
      struct theory_error error;
      theory_symmetric(count, levels);
      double step = theory_best_scale(&d, levels, count);
      theory_error(&d, levels, count, step, &error);
      near(step, number(row, "step"), 1e-12, name, count);
      near(error.mse, number(row, "mse"), 1e-12, name, count);
      near(error.sqnr_db, number(row, "sqnr_db"), 1e-12, name, count);
      near(error.entropy_bits, number(row, "entropy_bits"), 1e-9, name, count);
      near(step * (double)count / 2, number(row, "clip_alpha"), 1e-12, name, count);
      seen++;
    }
  }
  assert_int_equal(seen, 71);
}

/* Levels, thresholds and MSE 1e-9 of the number: the reference stopped at a residual of 1e-12. */
static void test_lloyd_max(void **state)
{
  const char *name;
  json_t *rows, *row;
  size_t i, seen = 0;
  double levels[MOST];
  (void)state;
  json_object_foreach(section("lloyd_max"), name, rows) {
    const struct distribution d = parsed(name);
    json_array_foreach(rows, i, row) {
      size_t count = whole(row, "levels"), half = count / 2;
      struct theory_error error;
      assert_int_equal(theory_lloyd_max(&d, count, levels), STATUS_OK);
      theory_error(&d, levels, count, 1, &error);
      near(error.mse, number(row, "mse"), 1e-9, name, count);
      near(error.entropy_bits, number(row, "entropy_bits"), 1e-8, name, count);
      const json_t *positive = json_object_get(row, "positive_levels"),
                   *between = json_object_get(row, "positive_thresholds");
      for (size_t k = 0; k < json_array_size(positive); k++)
        near(levels[count - half + k], json_number_value(json_array_get(positive, k)), 1e-8, name,
             count);
      size_t first = count - half - (count % 2); /* below the first threshold above 0 */
      for (size_t k = 0; k < json_array_size(between); k++)
        near((levels[first + k] + levels[first + k + 1]) / 2,
             json_number_value(json_array_get(between, k)), 1e-8, name, count);
      seen++;
    }
  }
  assert_int_equal(seen, 36);
}

/* The reference minimised with SciPy: scale 1e-8, MSE 1e-12 (the minimum is flat). */
static void test_signed_integers(void **state)
{
  const char *name, *bits, *scheme;
  json_t *formats, *schemes, *row;
  double levels[MOST];
  (void)state;
  json_object_foreach(section("optimum_signed_integer_grid"), name, formats) {
    const struct distribution d = parsed(name);
    json_object_foreach(formats, bits, schemes) {
      json_object_foreach(schemes, scheme, row) {
        long lowest = (long)number(row, "qmin");
        size_t count = (size_t)((long)number(row, "qmax") - lowest + 1);
        struct theory_error error;
        theory_integers(lowest, count, levels);
        double scale = theory_best_scale(&d, levels, count);
        theory_error(&d, levels, count, scale, &error);
        near(scale, number(row, "scale"), 1e-8, scheme, count);
        near(error.mse, number(row, "mse"), 1e-12, scheme, count);
        near(error.sqnr_db, number(row, "sqnr_db"), 1e-12, scheme, count);
      }
    }
  }
}

static void test_fixed_clip(void **state)
{
  const char *name;
  json_t *rows, *row;
  size_t i;
  double levels[MOST];
  (void)state;
  json_object_foreach(section("fixed_clip_integer"), name, rows) {
    const struct distribution d = parsed(name);
    json_array_foreach(rows, i, row) {
      long half = 1L << (whole(row, "bits") - 1);
      bool full = json_is_true(json_object_get(row, "full_range"));
      size_t count = (size_t)(2 * half - !full);
      struct theory_error error;
      theory_integers(full ? -half : 1 - half, count, levels);
      theory_error(&d, levels, count, number(row, "clip_sigmas") / (double)(half - 1), &error);
      near(error.mse, number(row, "mse"), 1e-11, name, i);
      near(error.rounding + error.clipping, error.mse, 1e-15, "parts", i);
    }
  }
}

/* ACIQ minimises an approximation; the vectors give the exact optimum beside it. Alphas are in
 * units of sigma (Gaussian) and of b = sigma / sqrt(2) (Laplace). */
static void test_aciq(void **state)
{
  json_t *row;
  size_t i;
  double levels[MOST];
  const struct distribution gauss = parsed("gaussian"), laplace = parsed("laplace");
  (void)state;
  json_array_foreach(section("aciq"), i, row) {
    size_t count = (size_t)1 << whole(row, "bits");
    double half = (double)count / 2;
    struct theory_error error;
    theory_symmetric(count, levels);
    double step = theory_best_scale(&gauss, levels, count);
    theory_error(&gauss, levels, count, step, &error);
    near(step * half, number(row, "gauss_exact_optimum_alpha"), 1e-7, "gauss", count);
    near(error.mse, number(row, "gauss_exact_optimum_mse"), 1e-12, "gauss", count);
    theory_error(&gauss, levels, count, number(row, "gauss_alpha_over_sigma") / half, &error);
    near(error.mse, number(row, "gauss_exact_mse_at_that_alpha"), 1e-11, "gauss at", count);
    step = theory_best_scale(&laplace, levels, count);
    theory_error(&laplace, levels, count, step, &error);
    near(step * half * sqrt(2), number(row, "laplace_exact_optimum_alpha_over_b"), 1e-7, "laplace",
         count);
    near(2 * error.mse, number(row, "laplace_exact_optimum_mse_b1"), 1e-12, "laplace", count);
    theory_error(&laplace, levels, count, number(row, "laplace_alpha_over_b") / sqrt(2) / half,
                 &error);
    near(2 * error.mse, number(row, "laplace_exact_mse_b1_at_that_alpha"), 1e-11, "laplace at",
         count);
  }
}

/* MSE over the variance at each sigma, 1e-9; the best of the reference's 400 scales is not better
 * than ours, and not much worse. */
static void check_float(const char *format, const char *name, const double *levels, size_t count,
                        const json_t *rows)
{
  static const char *const lists[] = {"power_of_two_sigma", "amax_scaled"};
  const struct distribution d = parsed(name);
  struct theory_error error;
  for (size_t list = 0; list < 2; list++) {
    json_t *row;
    size_t i;
    json_array_foreach(json_object_get(rows, lists[list]), i, row) {
      theory_error(&d, levels, count, 1 / number(row, "sigma_in_format_units"), &error);
      near(error.mse, number(row, "mse"), 1e-9, format, i);
      assert_true(fabs(error.sqnr_db - number(row, "sqnr_db")) < 1e-8);
    }
  }
  const json_t *best = json_object_get(rows, "best_scaling_grid400");
  theory_error(&d, levels, count, theory_best_scale(&d, levels, count), &error);
  assert_true(error.mse <= number(best, "mse") * (1 + 1e-12));
  near(error.mse, number(best, "mse"), 0.005, format, count);
}

static void test_float_formats(void **state)
{
  const char *format, *name;
  json_t *group, *rows;
  (void)state;
  json_object_foreach(section("float_formats"), format, group) {
    size_t count;
    const struct format *row = format_find(format);
    double *levels = theory_format_levels(row, &count);
    assert_non_null(levels);
    assert_int_equal(count, 2 * whole(group, "n_nonneg") - 1);
    near(levels[count - 1], number(group, "max"), 0, format, 0);
    json_object_foreach(group, name, rows)
      if (json_is_object(rows))
        check_float(format, name, levels, count, rows);
    free(levels);
  }
}

static void test_asymptotics(void **state)
{
  const char *bits;
  json_t *value;
  (void)state;
  const json_t *rows = section("asymptotics");
  const struct distribution gauss = parsed("gaussian"), laplace = parsed("laplace");
  near(theory_db_per_bit(), number(rows, "db_per_bit"), 1e-15, "dB per bit", 0);
  near(theory_sine_db(), number(rows, "sine_full_scale_offset_db"), 1e-14, "sine", 0);
  near(theory_entropy_coded_gap_db(), number(rows, "entropy_coded_uniform_gap_db"), 1e-14, "gap",
       0);
  near(theory_panter_dite(&gauss), number(rows, "panter_dite_gaussian"), 1e-10, "gauss", 0);
  near(10 * log10(theory_panter_dite(&gauss)), number(rows, "panter_dite_gaussian_db"), 1e-10,
       "gauss", 0);
  near(theory_panter_dite(&laplace), number(rows, "panter_dite_laplacian"), 1e-10, "laplace", 0);
  json_object_foreach(json_object_get(rows, "uniform_source_sqnr_db"), bits, value)
    near(theory_uniform_db((size_t)1 << atoi(bits)), json_number_value(value), 1e-14, "bits",
         (size_t)atoi(bits));
}

/* The table of CONVENTIONS 2.1, digit for digit, but where the manifest says otherwise: 64 levels
 * have 29.829 dB there (29.830 on the page), 256 the MSEs 0.000087686
 * and 0.000041185 (the page pads four digits with zeros: 0.000087690, 0.000041190, and
 * 0.000068060 for Laplace). */
static void test_printed_table(void **state)
{
  static const struct {
    const char *name;
    size_t count;
    const char *step, *mse, *db, *lloyd;
  } rows[] = {
      {"gaussian", 2, "1.5958", "0.36338", "4.396", "0.36338"},
      {"gaussian", 4, "0.9957", "0.11885", "9.250", "0.11748"},
      {"gaussian", 8, "0.5860", "0.037440", "14.267", "0.034548"},
      {"gaussian", 16, "0.3352", "0.011543", "19.377", "0.0095010"},
      {"gaussian", 32, "0.1881", "0.0034952", "24.565", "0.0025047"},
      {"gaussian", 64, "0.10406", "0.0010400", "29.829", "0.00064424"},
      {"gaussian", 128, "0.056868", "0.00030433", "35.167", "0.00016348"},
      {"gaussian", 256, "0.030762", "0.000087686", "40.571", "0.000041185"},
      {"laplace", 2, "1.4142", "0.50000", "3.010", "0.50000"},
      {"laplace", 4, "1.0874", "0.19630", "7.071", "0.17619"},
      {"laplace", 8, "0.7309", "0.071748", "11.442", "0.054476"},
      {"laplace", 16, "0.4610", "0.025351", "15.960", "0.015373"},
      {"laplace", 32, "0.2800", "0.0087132", "20.598", "0.0041022"},
      {"laplace", 64, "0.16568", "0.0029134", "25.356", "0.0010610"},
      {"laplace", 128, "0.096099", "0.00094860", "30.229", "0.00026987"},
      {"laplace", 256, "0.054844", "0.00030142", "35.208", "0.000068062"},
  };
  double levels[MOST];
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const char *const words[] = {rows[i].step, rows[i].mse, rows[i].db, rows[i].lloyd};
    const struct distribution d = parsed(rows[i].name);
    struct theory_error error, best;
    theory_symmetric(rows[i].count, levels);
    double step = theory_best_scale(&d, levels, rows[i].count);
    theory_error(&d, levels, rows[i].count, step, &error);
    assert_int_equal(theory_lloyd_max(&d, rows[i].count, levels), STATUS_OK);
    theory_error(&d, levels, rows[i].count, 1, &best);
    const double found[] = {step, error.mse, error.sqnr_db, best.mse};
    for (int k = 0; k < 4; k++) {
      char text[32];
      snprintf(text, sizeof text, "%.*f", (int)strlen(strchr(words[k], '.') + 1), found[k]);
      assert_string_equal(text, words[k]);
    }
  }
}

/* The signal-to-noise ratio of three levels is better than that of four (README 3.6). */
static void test_gamma_is_not_monotone(void **state)
{
  double levels[MOST];
  struct theory_error three, four;
  const struct distribution d = parsed("gamma");
  (void)state;
  theory_symmetric(3, levels);
  theory_error(&d, levels, 3, theory_best_scale(&d, levels, 3), &three);
  theory_symmetric(4, levels);
  theory_error(&d, levels, 4, theory_best_scale(&d, levels, 4), &four);
  near(three.mse, 0.2961, 2e-4, "three", 3);
  near(four.mse, 0.3200, 2e-4, "four", 4);
  assert_true(three.mse < four.mse);
}

/* One level at 0 costs the variance, whatever the density; the mean shifts and the deviation
 * scales; a limit holds the tail there (closed form for the Laplace density). */
static void test_moments(void **state)
{
  static const char *const words[] = {"gaussian", "laplace",     "gamma",
                                      "uniform",  "student-t=3", "student-t=8"};
  static const double zero[] = {0};
  struct theory_error error;
  (void)state;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    struct distribution d = parsed(words[i]);
    theory_error(&d, zero, 1, 1, &error);
    near(error.mse, 1, 1e-13, words[i], 0);
    near(error.signal, 1, 1e-13, words[i], 1);
    near(distribution_below(&d, 0), 0.5, 1e-14, words[i], 2);
    near(distribution_below(&d, -0.7) + distribution_below(&d, 0.7), 1, 1e-14, words[i], 3);
    d.mean = 3;
    d.deviation = 2;
    theory_error(&d, zero, 1, 1, &error);
    near(error.mse, 9 + 4, 1e-13, words[i], 4);
    near(distribution_below(&d, 3), 0.5, 1e-14, words[i], 5);
  }
  struct distribution cut = parsed("laplace");
  cut.limit = 2 / sqrt(2); /* two b */
  theory_error(&cut, zero, 1, 1, &error);
  near(error.signal, 1 - 3 * exp(-2), 1e-12, "limited", 0);
  near(distribution_below(&cut, 1.5), 1, 0, "beyond the limit", 0);
}

/* E[x^2] of the t of 5 degrees, in units of its variance, from its quantile: half its mass is
 * within 0.7267 of its own unit (tables), which is sqrt(5/3) deviations smaller here. */
static void test_student(void **state)
{
  const struct distribution d = parsed("student-t=5");
  (void)state;
  double quartile = 0.7266868438004229 * sqrt(3.0 / 5);
  near(distribution_below(&d, quartile), 0.75, 1e-12, "quartile", 5);
}

static void test_words(void **state)
{
  struct distribution d;
  struct error error;
  (void)state;
  assert_int_equal(distribution_parse("gausian", &d, &error), STATUS_USAGE);
  assert_non_null(strstr(error.text, "did you mean 'gaussian'"));
  assert_int_equal(distribution_parse("student-t=2", &d, &error), STATUS_USAGE);
  assert_int_equal(distribution_parse("student-t=nan", &d, &error), STATUS_USAGE);
  assert_int_equal(distribution_parse("laplace=3", &d, &error), STATUS_USAGE);
  assert_int_equal(distribution_parse("", &d, &error), STATUS_USAGE);
}

/* DISTRIBUTION as 65,536 values in even steps up to REACH, each counted as often as its step is
 * likely, in units of 2^-52. */
static struct sample counted(const struct distribution *distribution, double reach)
{
  enum { VALUES = 65536 };
  static float value[VALUES];
  static uint64_t count[VALUES];
  struct sample sample = {.values = value, .counts = count};
  double step = 2 * reach / VALUES;
  for (int i = 0; i < VALUES; i++) {
    double x = (i + 0.5) * step - reach, a = -fabs(x) - step / 2;
    double part = distribution_below(distribution, a + step) - distribution_below(distribution, a);
    uint64_t times = (uint64_t)llrint(ldexp(part, 52));
    if (times == 0)
      continue;
    value[sample.distinct] = (float)x;
    count[sample.distinct++] = times;
    sample.finite += times;
  }
  sample.min = value[0];
  sample.max = value[sample.distinct - 1];
  return sample;
}

/* Levels that are learned from values err by at most 3e-4 more than the best levels of the
 * distribution that the values have, which theory_lloyd_max finds by integration. */
static void test_learned_levels(void **state)
{
  (void)state;
  static const char *const names[] = {"gaussian", "laplace"};
  for (int d = 0; d < 2; d++) {
    struct distribution distribution;
    struct error error;
    assert_int_equal(distribution_parse(names[d], &distribution, &error), STATUS_OK);
    struct sample sample = counted(&distribution, d ? 26 : 8.5);
    for (size_t levels = 2; levels <= MOST; levels *= 2) {
      struct codebook *codebook;
      double level[MOST], best[MOST];
      struct theory_error learned, least;
      assert_int_equal(lloyd_learn(&sample, levels, &codebook, &error), STATUS_OK);
      assert_int_equal(codebook->count, levels);
      for (size_t k = 0; k < levels; k++)
        level[k] = (double)codebook->level[k];
      theory_error(&distribution, level, levels, 1, &learned);
      theory_lloyd_max(&distribution, levels, best);
      theory_error(&distribution, best, levels, 1, &least);
      if (!(learned.mse <= least.mse * (levels < 64 ? 1 + 1e-5 : 1 + 3e-4)))
        fail_msg("%zu levels of %s: %.9g, the best %.9g", levels, names[d], learned.mse, least.mse);
      free(codebook);
    }
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_optimum_uniform), cmocka_unit_test(test_lloyd_max),
      cmocka_unit_test(test_learned_levels),  cmocka_unit_test(test_signed_integers),
      cmocka_unit_test(test_fixed_clip),      cmocka_unit_test(test_aciq),
      cmocka_unit_test(test_float_formats),   cmocka_unit_test(test_asymptotics),
      cmocka_unit_test(test_printed_table),   cmocka_unit_test(test_gamma_is_not_monotone),
      cmocka_unit_test(test_moments),         cmocka_unit_test(test_student),
      cmocka_unit_test(test_words),
  };
  return cmocka_run_group_tests_name("theory", tests, load, unload);
}
