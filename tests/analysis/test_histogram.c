/* Histograms: what belongs to which bin, by hand; totals; and where we differ from GSL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/histogram.h"
#include "tests/analysis/tensors.h"

#include <gsl/gsl_histogram.h>
#include <math.h>
#include <stdlib.h>

static void test_bins_by_hand(void **state)
{
  (void)state;
  struct histogram h;
  assert_true(histogram_init(&h, -1, 1, 4)); /* -1 .. -0.5 .. 0 .. 0.5 .. 1 */
  const float x[] = {-1,    -0.75f, -0.5f, 0,         -0.0f,    0.5f,    1,    0.99f,
                     -1.1f, 1.1f,   NAN,   -INFINITY, INFINITY, -1e-45f, 7e30f};
  histogram_add(&h, x, sizeof x / sizeof *x);
  /* -1 -.75 | -.5 | 0 -0 -1e-45 | .5 1 .99; what is too small to change x - lo counts as 0. */
  const uint64_t expected[] = {2, 1, 3, 3};
  for (size_t i = 0; i < 4; i++)
    assert_int_equal(h.count[i], expected[i]);
  assert_int_equal(h.under, 1);
  assert_int_equal(h.over, 2);
  assert_int_equal(h.nan, 1);
  assert_int_equal(h.inf, 2);
  assert_int_equal(histogram_total(&h), sizeof x / sizeof *x);
  assert_int_equal(histogram_peak(&h), 3);
  histogram_free(&h);
}

static void test_edges(void **state)
{
  (void)state;
  struct histogram h;
  assert_true(histogram_init(&h, -3, 7, 5));
  for (size_t i = 0; i <= 5; i++)
    assert_true(histogram_edge(&h, i) == -3.0 + 2.0 * (double)i);
  histogram_free(&h);
}

/* Same bins as GSL inside the range; the upper edge and NaN are ours on purpose: GSL drops the
 * one and counts the other in bin 0. */
static void test_against_gsl(void **state)
{
  (void)state;
  size_t n = 100000, bins = 64; /* edges that are exact in double, so that both agree to the last */
  float *x = random_values(n, 4, false);
  struct histogram h;
  gsl_histogram *oracle = gsl_histogram_alloc(bins);
  gsl_histogram_set_ranges_uniform(oracle, -4, 4);
  assert_true(histogram_init(&h, -4, 4, bins));
  histogram_add(&h, x, n);
  for (size_t i = 0; i < n; i++)
    gsl_histogram_increment(oracle, (double)x[i]);
  for (size_t i = 0; i < bins; i++)
    assert_int_equal(h.count[i], (uint64_t)gsl_histogram_get(oracle, i));
  assert_int_equal(histogram_total(&h), n);
  histogram_add(&h, (const float[]){4}, 1);
  gsl_histogram_increment(oracle, 4);
  assert_int_equal(h.count[bins - 1], (uint64_t)gsl_histogram_get(oracle, bins - 1) + 1);
  gsl_histogram_free(oracle);
  histogram_free(&h);
  free(x);
}

static void test_merge_is_addition(void **state)
{
  (void)state;
  float *x = random_values(9999, 5, true);
  struct histogram whole, left, right;
  assert_true(histogram_init(&whole, -2, 1.7, 33));
  assert_true(histogram_init(&left, -2, 1.7, 33));
  assert_true(histogram_init(&right, -2, 1.7, 33));
  histogram_add(&whole, x, 9999);
  histogram_add(&left, x, 1234);
  histogram_add(&right, x + 1234, 9999 - 1234);
  histogram_merge(&left, &right);
  assert_memory_equal(left.count, whole.count, 33 * sizeof *whole.count);
  assert_int_equal(left.under, whole.under);
  assert_int_equal(left.over, whole.over);
  assert_int_equal(left.nan, whole.nan);
  assert_int_equal(left.inf, whole.inf);
  assert_true(whole.nan > 0 && whole.inf > 0 && whole.under > 0 && whole.over > 0);
  histogram_free(&whole);
  histogram_free(&left);
  histogram_free(&right);
  free(x);
}

static void test_too_many_bins(void **state)
{
  (void)state;
  struct histogram h;
  assert_false(histogram_init(&h, 0, 1, SIZE_MAX / 4));
  histogram_free(&h);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bins_by_hand),  cmocka_unit_test(test_edges),
      cmocka_unit_test(test_against_gsl),   cmocka_unit_test(test_merge_is_addition),
      cmocka_unit_test(test_too_many_bins),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
