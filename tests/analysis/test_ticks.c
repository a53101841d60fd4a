/* Ticks: expected positions and labels written by hand, and properties that hold on any axis. */
#include "analysis/figure.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 16 };

static const struct row {
  double lo, hi;
  bool log, integral;
  size_t most;
  const char *labels; /* of all ticks, one after the other */
} rows[] = {
    {-1, 1, false, false, 5, "-1.0 -0.5 0 0.5 1.0"},
    {0, 1, false, false, 6, "0 0.2 0.4 0.6 0.8 1.0"},
    {0.1, 0.7, false, false, 7, "0.1 0.2 0.3 0.4 0.5 0.6 0.7"},
    {-0.3, 0.31, false, false, 8, "-0.3 -0.2 -0.1 0 0.1 0.2 0.3"},
    {0, 100, false, false, 11, "0 10 20 30 40 50 60 70 80 90 100"},
    {12.34, 12.36, false, false, 5, "12.340 12.345 12.350 12.355 12.360"},
    {0, 3e-5, false, false, 4, "0 1e-5 2e-5 3e-5"},
    {0, 2.4e-5, false, false, 6, "0 5e-6 1e-5 1.5e-5 2e-5"},
    {0, 5e6, false, false, 6, "0 1e6 2e6 3e6 4e6 5e6"},
    {0, 3, false, true, 10, "0 1 2 3"},
    {-0.5, 1.5, false, true, 10, "0 1"},
    {0, 8400, false, true, 5, "0 2000 4000 6000 8000"},
    {0, 84000, false, true, 5, "0 20k 40k 60k 80k"},
    {0, 1.6e6, false, true, 5, "0 500k 1M 1.5M"},
    {0.5, 2e6, true, true, 8, "1 10 100 1k 10k 100k 1M"},
    {0.5, 2e6, true, true, 4, "1 100 10k 1M"},
    {0.05, 200, true, true, 8, "1 10 100"}, /* no tenth of an element */
    {1e-5, 1e-2, true, false, 8, "1e-5 1e-4 0.001 0.01"},
    {1.2, 4.1, true, false, 4, "2 3 4"},
    {7e-4, 0.4, true, false, 2, "0.001 0.1"},
    {2, 9, true, true, 4, "2 4 6 8"},
    {1, 1, false, false, 5, ""},
    {2, 1, false, false, 5, ""},
    {0, 1, true, false, 5, ""},
    {0, INFINITY, false, false, 5, ""},
    {NAN, 1, false, false, 5, ""},
    {0, 1, false, false, 0, ""},
};

static void labels_of(const struct axis *axis, size_t most, char *text, size_t size)
{
  double tick[MOST];
  size_t n = axis_ticks(axis, most, tick), used = 0;
  *text = '\0';
  for (size_t i = 0; i < n; i++) {
    char label[32];
    axis_tick_text(axis, tick[i], n > 1 ? tick[1] - tick[0] : tick[0], label, sizeof label);
    used += (size_t)snprintf(text + used, size - used, "%s%s", i ? " " : "", label);
  }
}

static void table_of_labels(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct axis axis = {
        .lo = rows[i].lo, .hi = rows[i].hi, .log = rows[i].log, .integral = rows[i].integral};
    char text[512];
    labels_of(&axis, rows[i].most, text, sizeof text);
    assert_string_equal(text, rows[i].labels);
  }
}

/* Names stand at their places, whatever the first is; where there are too many every second one. Of
 * what has names for the data alone, ticks are numbers. */
static void ticks_with_names(void **state)
{
  static const char *const names[] = {"588", "3", "41", "77"};
  struct axis axis = {.label = NULL};
  double tick[MOST];
  char text[64];
  (void)state;
  assert_true(axis_set(&axis, "channel", NULL, 16, 20));
  axis.integral = true;
  assert_true(axis_name_places(&axis, 16.5, 1, 4, names));
  labels_of(&axis, 4, text, sizeof text);
  assert_string_equal(text, "588 3 41 77");
  labels_of(&axis, 3, text, sizeof text);
  assert_string_equal(text, "588 41");
  assert_int_equal(axis_ticks(&axis, 3, tick), 2);
  assert_true(tick[0] == 16.5 && tick[1] == 18.5);
  assert_string_equal(axis_name_at(&axis, 19.5), "77");
  assert_null(axis_name_at(&axis, 21));
  axis.numbered = true;
  labels_of(&axis, 10, text, sizeof text);
  assert_string_equal(text, "16 17 18 19 20");
  axis_set_names(&axis, "nothing", 0, names);
  free(axis.name);
  free(axis.label);
}

/* Exactly the double nearest to the decimal that is printed. */
static void ticks_are_free_of_noise(void **state)
{
  (void)state;
  struct axis axis = {.lo = 0, .hi = 1};
  double tick[MOST];
  size_t n = axis_ticks(&axis, 11, tick);
  static const double expected[] = {0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1};
  assert_int_equal(n, 11);
  assert_memory_equal(tick, expected, sizeof expected);
}

/* xorshift with a fixed seed: the same axes on every machine. */
static double random_unit(uint64_t *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return (double)(*state >> 11) / 9007199254740992.0;
}

static void ticks_stay_inside_in_order_and_apart(void **state)
{
  (void)state;
  uint64_t seed = 20240607;
  for (int i = 0; i < 5000; i++) {
    double size = pow(10, 60 * random_unit(&seed) - 30);
    double lo = size * (random_unit(&seed) - 0.5), hi = lo + size * random_unit(&seed);
    struct axis axis = {.lo = lo, .hi = hi, .integral = i % 3 == 0};
    size_t most = 1 + (size_t)(random_unit(&seed) * (MOST - 1));
    double tick[MOST];
    size_t n = axis_ticks(&axis, most, tick);
    assert_true(n <= most);
    char last[32] = "", label[32];
    for (size_t k = 0; k < n; k++) {
      assert_true(tick[k] >= lo - 1e-8 * size && tick[k] <= hi + 1e-8 * size);
      assert_true(k == 0 || tick[k] > tick[k - 1]);
      assert_true(!axis.integral || tick[k] == floor(tick[k]));
      axis_tick_text(&axis, tick[k], n > 1 ? tick[1] - tick[0] : tick[0], label, sizeof label);
      assert_string_not_equal(label, last);
      assert_true(strlen(label) < 24);
      strcpy(last, label);
    }
  }
}

static void log_ticks_are_powers_of_ten(void **state)
{
  (void)state;
  for (int decades = 3; decades < 300; decades += 7) {
    struct axis axis = {.lo = 1e-150, .hi = 1e-150 * pow(10, decades), .log = true};
    double tick[MOST];
    size_t n = axis_ticks(&axis, MOST, tick);
    assert_true(n >= 2 && n <= MOST);
    for (size_t k = 0; k < n; k++)
      assert_true(fabs(log10(tick[k]) - round(log10(tick[k]))) < 1e-9);
  }
}

/* Within a decade or two powers of ten alone are too few: 1, 2 and 5 times them. */
static void short_log_ticks_are_finer(void **state)
{
  (void)state;
  struct axis axis = {.lo = 0.9, .hi = 30, .log = true};
  static const double expected[] = {1, 2, 5, 10, 20};
  double tick[MOST];
  assert_int_equal(axis_ticks(&axis, MOST, tick), 5);
  for (size_t k = 0; k < 5; k++)
    assert_true(tick[k] == expected[k]);
  assert_int_equal(axis_ticks(&axis, 4, tick), 2); /* no room: 1 and 10 */
  axis.hi = 4;
  assert_int_equal(axis_ticks(&axis, MOST, tick) > 2, true);
}

/* A tick alone has no distance to another: its label is the number itself, never a rounded one. */
static void a_tick_alone_is_itself(void **state)
{
  (void)state;
  const struct axis linear = {.lo = 0.1, .hi = 2}, log = {.lo = 0.01, .hi = 2, .log = true};
  char text[32];
  assert_string_equal(axis_tick_text(&linear, 0.2, 0, text, sizeof text), "0.2");
  assert_string_equal(axis_tick_text(&linear, 1.5, 1.5, text, sizeof text), "1.5");
  assert_string_equal(axis_tick_text(&log, 0.15, 0, text, sizeof text), "0.15");
  assert_string_equal(axis_tick_text(&log, 0.02, 0.02, text, sizeof text), "0.02");
}

static void labels_fit_their_buffer(void **state)
{
  (void)state;
  struct axis axis = {.lo = 0, .hi = 123456, .integral = true};
  char text[4] = "xyz";
  axis_tick_text(&axis, 123456, 1, text, sizeof text);
  assert_int_equal(text[3], '\0');
  axis_tick_text(&axis, 123456, 1, text, 0);
  assert_int_equal(text[3], '\0');
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(table_of_labels),
      cmocka_unit_test(ticks_with_names),
      cmocka_unit_test(ticks_are_free_of_noise),
      cmocka_unit_test(ticks_stay_inside_in_order_and_apart),
      cmocka_unit_test(log_ticks_are_powers_of_ten),
      cmocka_unit_test(short_log_ticks_are_finer),
      cmocka_unit_test(a_tick_alone_is_itself),
      cmocka_unit_test(labels_fit_their_buffer),
  };
  return cmocka_run_group_tests_name("ticks", tests, NULL, NULL);
}
