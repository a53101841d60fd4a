/* The verdict names the dominant cause, and only what was measured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/result.h"
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
  check(x, matrix, "int4,asym", 0, "Outlier channel", "try channel.");
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
    x[i] = (float)i / 2 + 0.125f;
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

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_outlier),     cmocka_unit_test(test_no_outlier),
      cmocka_unit_test(test_balance),     cmocka_unit_test(test_nothing_to_say),
      cmocka_unit_test(test_zero_median), cmocka_unit_test(test_short_text),
  };
  kernels_init();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
