/* Metrics that follow from a tally, and how they are printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/metrics.h"

#include <math.h>
#include <string.h>

static void test_sqnr(void **state)
{
  (void)state;
  assert_true(sqnr_db(100, 1) == 20);
  assert_true(sqnr_db(1, 0) == (double)INFINITY); /* exact */
  assert_true(isnan(sqnr_db(0, 0)));              /* neither signal nor error */
  assert_true(sqnr_db(0, 1) == -(double)INFINITY);
}

/* x = {1, -2, 4, 0.5}, y = {1, -2.5, 3, 0}: worked out by hand. 4 is clipped to 3. */
static void test_tally_by_hand(void **state)
{
  (void)state;
  const float x[] = {1, -2, 4, 0.5f}, y[] = {1, -2.5f, 3, 0};
  const struct tally_bounds bounds = {-3.25f, 3.25f, -3, 3, 2};
  struct tally tally = {0};
  struct metrics m = {0};
  kernels.tally(x, y, 4, &bounds, &tally);
  metrics_from_tally(&tally, 0, &m);
  assert_true(m.mse == (0.25 + 1 + 0.25) / 4);
  assert_true(m.rmse == sqrt(0.375));
  assert_true(m.mean_error == (0.5 + 1 + 0.5) / 4);
  assert_true(m.max_abs_error == 1);
  assert_true(m.clip_rate == 0.25 && m.rail_rate == 0.25 && m.zero_rate == 0.25);
  assert_true(m.clipping_mse == 0.25 && m.rounding_mse == 0.125);
  assert_true(fabs(m.sqnr_db - 10 * log10(21.25 / 1.5)) < 1e-12);
  assert_true(fabs(m.bulk_sqnr_db - 10 * log10(5.25 / 0.5)) < 1e-12);
  assert_true(fabs(m.cosine - 18 / sqrt(21.25 * 16.25)) < 1e-15);
}

static void test_nothing_finite(void **state)
{
  (void)state;
  struct tally tally = {0};
  struct metrics m = {0};
  metrics_from_tally(&tally, 0, &m);
  assert_true(isnan(m.mse) && isnan(m.rmse) && isnan(m.sqnr_db) && isnan(m.max_abs_error));
  assert_true(isnan(m.mean_error) && isnan(m.clip_rate) && isnan(m.rail_rate));
  assert_true(isnan(m.rounding_mse) && isnan(m.clipping_mse) && isnan(m.bulk_sqnr_db));
  assert_true(isnan(m.zero_rate) && isnan(m.cosine));
}

static void test_table(void **state)
{
  (void)state;
  const struct metrics m = {.mse = 1, .sqnr_db = 2, .levels = 3, .bits_per_element = 4};
  assert_true(metric_find("mse")->value(&m) == 1);
  assert_true(metric_find("sqnr_db")->value(&m) == 2);
  assert_true(metric_find("levels")->value(&m) == 3);
  assert_true(metric_find("bits_per_element")->value(&m) == 4);
  assert_null(metric_find("snr"));
  for (size_t i = 0; i < metric_table_length; i++) {
    assert_ptr_equal(metric_find(metric_table[i].name), &metric_table[i]);
    assert_true(strlen(metric_table[i].label) > 0 && strlen(metric_table[i].label) <= 16);
    assert_true(strlen(metric_table[i].meaning) > 0);
  }
}

static void check_print(const char *name, double value, const char *expected)
{
  char text[64];
  assert_string_equal(metric_print(metric_find(name), value, text, sizeof text), expected);
}

static void test_print(void **state)
{
  (void)state;
  check_print("sqnr_db", 41.3871, "41.39 dB");
  check_print("sqnr_db", (double)INFINITY, "exact");
  check_print("sqnr_db", (double)NAN, "n/a");
  check_print("sqnr_db", -3.5, "-3.50 dB");
  check_print("mse", 7.26493e-05, "7.265e-05");
  check_print("mse", 0, "0");
  check_print("mse", (double)NAN, "n/a");
  check_print("clip_rate", 0.00012207, "0.0122 %");
  check_print("clip_rate", 0, "0 %");
  check_print("clip_rate", 1, "100 %");
  check_print("clip_rate", 0.99999, ">99.9 %");
  check_print("levels_used", 127, "127");
  check_print("levels", 65536, "65536");
  check_print("code_entropy_bits", 6.13718, "6.137 bit");
  check_print("bits_per_element", 4.25, "4.25 bit");
  check_print("cosine", 0.99996412, "0.99996412");
  check_print("cosine", 0.98765, "0.9877");
  check_print("cosine", 1, "1");
}

static void check_difference(const char *name, double a, double b, const char *expected, int judged)
{
  char text[64];
  const struct metric *metric = metric_find(name);
  assert_string_equal(metric_difference(metric, a, b, text, sizeof text), expected);
  assert_int_equal(metric_judge(metric, a, b), judged);
  assert_int_equal(metric_judge(metric, b, a), -judged);
}

static void test_difference(void **state)
{
  (void)state;
  check_difference("sqnr_db", 31.5, 34.7, "+3.20 dB", 1);
  check_difference("sqnr_db", 34.7, 31.5, "-3.20 dB", -1);
  check_difference("sqnr_db", 31.5, (double)INFINITY, "+inf", 1);
  check_difference("clip_rate", 0, 0.00384, "+0.384 %", -1);
  check_difference("bits_per_element", 8, 4.125, "-3.88 bit", 1);
  check_difference("mse", 0.04, 0.01, "0.25x", 1);
  check_difference("mse", 0, 0.01, "+0.01", -1);
  check_difference("cosine", 0.98, 0.99, "+0.01", 1);
  check_difference("levels_used", 14, 16, "+2", 0);
  check_difference("mse", 0.5, 0.5, "same", 0);
  check_difference("mse", 0.5, (double)NAN, "n/a", 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sqnr),           cmocka_unit_test(test_tally_by_hand),
      cmocka_unit_test(test_nothing_finite), cmocka_unit_test(test_table),
      cmocka_unit_test(test_print),          cmocka_unit_test(test_difference),
  };
  kernels_init();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
