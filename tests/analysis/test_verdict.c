/* The verdict names the dominant cause, and only what was measured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/verdict.h"
#include "tests/analysis/tensors.h"
#include "tests/support/portable.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 32, COLUMNS = 64 };

static const struct shape matrix = {.dims = 2, .dim = {ROWS, COLUMNS}};

/* Uniform in +-1; row 5 times OUTLIER. */
static float *matrix_values(float outlier)
{
  float *x = malloc(ROWS * COLUMNS * sizeof *x);
  uint64_t seed = 77;
  for (size_t i = 0; i < ROWS * COLUMNS; i++)
    x[i] = (float)(2 * portable_uniform(&seed) - 1) * (i / COLUMNS == 5 ? outlier : 1);
  return x;
}

/* The verdict on X under SPEC must begin with BEGINNING and hold PART. */
static void check(const float *x, struct shape shape, const char *spec, int axis,
                  const char *beginning, const char *part)
{
  struct tensor tensor = tensor_over(x, shape);
  struct quantizer quantizer = quantizer_of(spec);
  struct result_request request = {.axis = axis, .lo = (double)NAN, .hi = (double)NAN};
  struct result *result = NULL;
  struct error error;
  char text[256];
  if (result_compute(&tensor, &quantizer, &request, NULL, &result, &error) != STATUS_OK)
    fail_msg("%s: %s", spec, error.text);
  result_verdict(result, text, sizeof text);
  if (strncmp(text, beginning, strlen(beginning)) != 0 || !strstr(text, part))
    fail_msg("%s: the verdict is \"%s\", expected \"%s...%s\"", spec, text, beginning, part);
  result_free(result);
}

static void test_outlier(void **state)
{
  (void)state;
  float *x = matrix_values(40);
  check(x, matrix, "int8", 0, "Outlier channel", "channel 5 is");
  check(x, matrix, "int4,asym", 0, "Outlier channel", "try channel (about");
  check(x, matrix, "int8,channel=1", 0, "Outlier channel", "channel 5 is");
  /* With a scale of its own it harms nobody. */
  check(x, matrix, "int8,channel", 0, "Rounding", "");
  check(x, matrix, "int8,group=16", 0, "Rounding", "");
  check(x, matrix, "int8,token", 0, "Rounding", "");
  /* The steps of a small float follow each value. */
  check(x, matrix, "e4m3", 0, "Rounding", "");
  /* Seen along the columns, no channel stands out. */
  check(x, matrix, "int8", 1, "Rounding", "");
  /* Clipped off, it did not set the scale: the error is the clipping. */
  check(x, matrix, "int8,range=-1:1", 0, "Clipping dominates", "wider");
  free(x);
}

static void test_no_outlier(void **state)
{
  (void)state;
  float *x = matrix_values(1);
  check(x, matrix, "int8", 0, "Rounding is the whole error, nothing clips.", "");
  check(x, matrix, "int2", 0, "Rounding is the whole error", "became zero");
  check(x, matrix, "int8,range=-0.5:0.5", 0, "Clipping dominates: clipping made", "of the values");
  free(x);
}

/* 100 values of which one is clipped: 64.75 on the int8 grid of step 0.5 ends at 63.5, 1.25 below.
 * The others are off by 0.125: 99 / 64 = 1.547 against 1.5625, a balance. */
static void test_balance(void **state)
{
  (void)state;
  float x[100];
  for (int i = 0; i < 100; i++)
    x[i] = (float)(i / 2 % 2 ? i : -i) / 2 + (i % 2 ? 0.125f : -0.125f);
  x[99] = 64.75f;
  check(x, (struct shape){.dims = 1, .dim = {100}}, "int8,scale=0.5", 0,
        "Rounding and clipping balance: clipping made 50.3 % of the error, from 1 %", "");
  x[99] = 64; /* 0.5 below: 0.25 of 1.797 is 14 % */
  check(x, (struct shape){.dims = 1, .dim = {100}}, "int8,scale=0.5", 0,
        "Rounding dominates: 86.1 % of the error", "");
}

static void test_nothing_to_say(void **state)
{
  (void)state;
  const float none[] = {NAN, INFINITY}, zeros[] = {0, 0}, whole[] = {3, -127};
  const struct shape two = {.dims = 1, .dim = {2}};
  check(none, two, "int8", 0, "Nothing to measure", "no finite");
  check(NULL, (struct shape){.dims = 1, .dim = {0}}, "int8", 0, "Nothing to measure", "");
  check(zeros, two, "int8", 0, "Exact", "");
  check(whole, two, "int8,scale=1", 0, "Exact", "");
}

/* Most channels zero: a ratio to a median of zero is no measure of an outlier. */
static void test_zero_median(void **state)
{
  (void)state;
  float x[32] = {0.3f, 0.7f, 1, 0.9f, 0.1f, -0.77f, 0.5f};
  check(x, (struct shape){.dims = 2, .dim = {8, 4}}, "int4", 0, "Rounding", "");
}

static void test_short_text(void **state)
{
  (void)state;
  char text[8];
  const float x[] = {1, 2};
  struct tensor tensor = tensor_over(x, (struct shape){.dims = 1, .dim = {2}});
  struct quantizer quantizer = quantizer_of("int8");
  struct result_request request = {.lo = (double)NAN, .hi = (double)NAN};
  struct result *result = NULL;
  struct error error;
  assert_int_equal(result_compute(&tensor, &quantizer, &request, NULL, &result, &error), STATUS_OK);
  assert_ptr_equal(result_verdict(result, text, sizeof text), text);
  assert_int_equal(strlen(text), 7);
  result_free(result);
}

/* --- causes ----------------------------------------------------------------------------------- */

/* What SPEC makes of X along axis 0. */
static struct evidence evidence(const float *x, struct shape shape, const char *spec)
{
  struct tensor tensor = tensor_over(x, shape);
  struct quantizer quantizer = quantizer_of(spec);
  struct result_request request = {.lo = (double)NAN, .hi = (double)NAN};
  struct result *result = NULL;
  struct error error;
  if (result_compute(&tensor, &quantizer, &request, NULL, &result, &error) != STATUS_OK)
    fail_msg("%s: %s", spec, error.text);
  struct evidence found = evidence_of(result);
  result_free(result);
  return found;
}

/* SPEC on X errs because of CAUSE; another scheme, FIXED (NULL: none), takes the cause away, and
 * gains within 1 dB of what the cause was said to cost. */
static void expect_cause(const float *x, struct shape shape, const char *spec, const char *cause,
                         const char *fixed)
{
  const struct evidence now = evidence(x, shape, spec);
  const struct cause *found = cause_of(&now);
  char text[VERDICT_TEXT];
  if (!found || strcmp(found->name, cause) != 0)
    fail_msg("%s: %s instead of %s", spec, found ? found->name : "nothing", cause);
  assert_int_equal(verdict_print(&now, text, sizeof text)[strlen(text) - 1], '.');
  if (!fixed)
    return;
  const struct evidence then = evidence(x, shape, fixed);
  double gain = then.metrics.sqnr_db - now.metrics.sqnr_db, said = cause_gain_db(found, &now);
  if (fabs(gain - said) > 1)
    fail_msg("%s: %s is said to cost %.2f dB; %s gains %.2f dB", spec, cause, said, fixed, gain);
  if (cause_of(&then) == found)
    fail_msg("%s: still %s", fixed, cause);
}

enum { MANY = 20000 };
static const struct shape line = {.dims = 1, .dim = {MANY}};

/* LO..HI, evenly random. */
static void fill_uniform(float *x, size_t n, double lo, double hi)
{
  uint64_t seed = 5;
  for (size_t i = 0; i < n; i++)
    x[i] = (float)(lo + (hi - lo) * portable_uniform(&seed));
}

/* Each tensor is made so that one thing is wrong, and the advice is what heals it. */
static void test_each_cause(void **state)
{
  (void)state;
  float *x = malloc(MANY * sizeof *x);
  fill_uniform(x, MANY, -1, 1);
  expect_cause(x, line, "int8", "rounding", NULL);
  expect_cause(x, line, "int8,range=-0.9:0.9", "clipping", NULL);
  expect_cause(x, line, "int8,scale=1", "wide-range", "int8");
  expect_cause(x, line, "int8,asym,range=-9:9", "wide-range", "int8");
  expect_cause(x, line, "int8,range=-4:4", "wide-range", "int8");
  expect_cause(x, line, "int8,range=-1.4:1.4", "rounding", NULL);
  expect_cause(x, line, "int3", "rounding", NULL);
  fill_uniform(x, MANY, 0, 1);
  expect_cause(x, line, "int8", "one-sided", "int8,asym");
  expect_cause(x, line, "int8,group=100", "one-sided", "int8,asym,group=100");
  fill_uniform(x, MANY, -5, -1);
  expect_cause(x, line, "int8", "one-sided", "int8,asym");
  /* Rounding down a thousand values of one sign: the mean of the error is half a step, its square
   * three quarters of the MSE of step^2 / 3. */
  fill_uniform(x, MANY, 0, 1);
  expect_cause(x, line, "int8,asym,round=zero", "bias", "int8,asym");
  /* Normal numbers of e4m3 begin at 2^-6. */
  fill_uniform(x, MANY, -0.004, 0.004);
  expect_cause(x, line, "e4m3,scale=1", "underflow", "e4m3");
  fill_uniform(x, MANY, -600, 600);
  expect_cause(x, line, "e4m3,scale=1,overflow=nonfinite", "overflow", NULL);
  expect_cause(x, line, "e4m3,scale=1", "clipping", NULL);
  free(x);
}

/* One value of 100 among 20000 in +-1: no channel is to blame, since there are none. Without it,
 * the closed form says, steps are 2 * p99 / 255 instead of 100 / 127. */
static void test_few_values(void **state)
{
  (void)state;
  float *x = malloc(MANY * sizeof *x);
  fill_uniform(x, MANY, -1, 1);
  x[777] = 100;
  expect_cause(x, line, "int8", "few-values", NULL);
  struct evidence now = evidence(x, line, "int8");
  double step = 2 * now.facts.p99 / 255, without = step * step / 12;
  assert_true(fabs(cause_gain_db(cause_of(&now), &now) - 10 * log10(now.metrics.mse / without)) <
              1e-9);
  /* Clipped off, it is the clipping that costs; a float does not mind. */
  expect_cause(x, line, "int8,range=-1:1", "clipping", NULL);
  expect_cause(x, line, "e4m3", "rounding", NULL);
  free(x);
}

/* Row 5 is forty times the others: a scale for each row is worth what was said. */
static void test_outlier_worth(void **state)
{
  (void)state;
  float *x = matrix_values(40);
  expect_cause(x, matrix, "int8", "outlier-channel", "int8,channel");
  expect_cause(x, matrix, "int8,channel=1", "outlier-channel", "int8,channel");
  expect_cause(x, matrix, "int8,scale=10", "wide-range", NULL);
  free(x);
}

/* Two things are wrong at a time: the one that costs more is named. All values are positive (6 dB);
 * row 5 is 40 times the others (14.5 dB), 4.2 times (10 dB), 1.9 times (no outlier). With the
 * outlier clipped off as well, it is the clipping. */
static void test_larger_of_two(void **state)
{
  (void)state;
  const float outliers[] = {40, 4.2f, 1.9f};
  const char *const causes[] = {"outlier-channel", "outlier-channel", "one-sided"};
  for (size_t k = 0; k < 3; k++) {
    float *x = matrix_values(outliers[k]);
    for (size_t i = 0; i < ROWS * COLUMNS; i++)
      x[i] = fabsf(x[i]);
    expect_cause(x, matrix, "int8", causes[k], NULL);
    struct evidence now = evidence(x, matrix, "int8");
    double most = cause_gain_db(cause_of(&now), &now);
    for (size_t i = 0; i < cause_table_length; i++)
      assert_true(cause_gain_db(&cause_table[i], &now) <= most);
    expect_cause(x, matrix, "int8,range=0:1", "clipping", NULL);
    free(x);
  }
}

/* --- two of a tensor -------------------------------------------------------------------------- */

/* BETTER (-1: A, 1: B) is better because of CAUSE, by the difference of the measured SQNR; the
 * sentence holds PART. */
static void expect_pair(const float *x, struct shape shape, const char *a, const char *b,
                        int better, const char *cause, const char *part)
{
  const struct evidence first = evidence(x, shape, a), second = evidence(x, shape, b);
  struct verdict forth = verdict_of_pair(&first, &second, "A", "B");
  struct verdict back = verdict_of_pair(&second, &first, "B", "A");
  bool right = forth.better == better && back.better == -better &&
               (cause ? forth.cause && strcmp(forth.cause, cause) == 0 : !forth.cause);
  if (!right || !strstr(forth.text, part))
    fail_msg("%s, %s: \"%s\" (%s)", a, b, forth.text, forth.cause ? forth.cause : "no cause");
  /* The other way round it is the same news. */
  if (better)
    assert_string_equal(forth.text, back.text);
  assert_true(forth.sqnr_db == -back.sqnr_db || isnan(forth.sqnr_db));
  if (isfinite(first.metrics.sqnr_db) && isfinite(second.metrics.sqnr_db))
    assert_true(forth.sqnr_db == second.metrics.sqnr_db - first.metrics.sqnr_db);
}

static void test_pair_causes(void **state)
{
  (void)state;
  float *x = matrix_values(40);
  expect_pair(x, matrix, "int8", "int8,channel", 1, "outlier-channel",
              "channel 5, 40.3x the median, sets the scale of A");
  expect_pair(x, matrix, "int8,channel", "int8,range=-1:1", -1, "clipping", "B clips 3.");
  expect_pair(x, matrix, "int4,channel", "int8,channel", 1, "levels",
              "for 4 bit/element more: B has 256 levels, A only 16");
  free(x);
  x = malloc(MANY * sizeof *x);
  fill_uniform(x, MANY, 0, 1);
  expect_pair(x, line, "int8", "int8,asym", 1, "one-sided", "A leaves 50 % of its range unused");
  expect_pair(x, line, "int8,asym", "e4m3", -1, "format-kind",
              "the levels of int8 suit these data (peak / RMS 1.7");
  expect_pair(x, line, "e5m2", "e4m3", 1, "levels", "B keeps 3 fraction bits, A only 2");
  expect_pair(x, line, "int8,asym,round=zero", "int8,asym", 1, "bias", "do not cancel");
  fill_uniform(x, MANY, -1, 1);
  expect_pair(x, line, "int8,range=-1.4:1.4", "int8", 1, "range", "1.4x as long");
  x[777] = 30;
  expect_pair(x, line, "int8", "e4m3", 1, "few-values", "a few values set the scale of A");
  /* The total is decided by one value; the others say the opposite. */
  expect_pair(x, line, "int8", "int8,range=-1:1", -1, "clipping",
              "For the smallest 99 % of the values B is better by");
  fill_uniform(x, MANY, -600, 600);
  /* More is lost than the SQNR shows. */
  expect_pair(x, line, "e4m3,scale=1,overflow=nonfinite", "e4m3,scale=1", 1, "overflow",
              "of the values overflow in A, and its SQNR leaves them out");
  free(x);
}

/* Data with a heavy middle: more scales serve it better though nothing else is wrong. */
static void test_pair_scales(void **state)
{
  (void)state;
  float *x = matrix_values(1);
  for (size_t i = 0; i < ROWS * COLUMNS; i++)
    x[i] *= i % COLUMNS < COLUMNS / 2 ? 1 : 0.1f;
  expect_pair(x, matrix, "int8,channel", "int8,group=16", 1, "scales",
              "B has a scale for every 16 values, A for every 64");
  free(x);
}

static void test_pair_ties(void **state)
{
  (void)state;
  float *x = matrix_values(1);
  expect_pair(x, matrix, "int8", "int8", 0, NULL, "the same in every metric, to the bit");
  expect_pair(x, matrix, "int8,range=-1:1", "int8,range=-1.0001:1.0001", 0, NULL,
              "equally good, within 0.05 dB. Both take 8.016 bit/element.");
  free(x);
  const float whole[] = {3, -127}, none[] = {NAN, INFINITY};
  const struct shape two = {.dims = 1, .dim = {2}};
  expect_pair(whole, two, "int8,scale=1", "int9,scale=1", 0, NULL, "A saves 1 bit/element");
  expect_pair(whole, two, "int8,scale=1", "int4", -1, "one-sided", "A is exact, B is not (SQNR");
  expect_pair(none, two, "int8", "int4", 0, NULL, "Nothing to compare");
}

/* Numbers that may still change say so. */
static void test_pair_uncertain(void **state)
{
  (void)state;
  float *x = matrix_values(40);
  struct evidence a = evidence(x, matrix, "int8"), b = evidence(x, matrix, "int8,channel");
  a.uncertain = true;
  assert_non_null(strstr(verdict_of_pair(&a, &b, "A", "B").text, "B is better by ~"));
  free(x);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_outlier),       cmocka_unit_test(test_no_outlier),
      cmocka_unit_test(test_balance),       cmocka_unit_test(test_nothing_to_say),
      cmocka_unit_test(test_zero_median),   cmocka_unit_test(test_short_text),
      cmocka_unit_test(test_each_cause),    cmocka_unit_test(test_few_values),
      cmocka_unit_test(test_outlier_worth), cmocka_unit_test(test_larger_of_two),
      cmocka_unit_test(test_pair_causes),   cmocka_unit_test(test_pair_scales),
      cmocka_unit_test(test_pair_ties),     cmocka_unit_test(test_pair_uncertain),
  };
  kernels_init();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
