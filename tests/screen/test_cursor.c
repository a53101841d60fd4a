/* The cursor over values as people meet it: steps, ends, zoom around it, a click, another size of
 * the screen, beside what is pinned. */
#include "tests/screen/fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char left[] = "\033OD", right[] = "\033OC";

static struct harness *open_histogram(int rows, int columns)
{
  static const char *const arguments[] = {"synth:gaussian,shape=64x64", "-q", "int4", NULL};
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = rows, .columns = columns});
  assert_true(harness_wait_settled(harness));
  return harness;
}

/* The ends of the bin that the readout speaks of, and how many values it says are there. */
static long read_bin(struct harness *harness, double *lo, double *hi)
{
  char *screen = screen_of(harness);
  long count = -1;
  for (char *line = strtok(screen, "\n"); line; line = strtok(NULL, "\n"))
    if (sscanf(line, " %lf to %lf: %ld values", lo, hi, &count) == 3)
      break;
  free(screen);
  return count;
}

static void steps_and_ends(void **state)
{
  (void)state;
  double lo, hi, next_lo, next_hi;
  struct harness *harness = open_histogram(24, 80);
  assert_true(read_bin(harness, &lo, &hi) < 0);
  assert_true(harness_press(harness, right, 1)); /* the highest bin first */
  long most = read_bin(harness, &lo, &hi);
  assert_true(most > 100 && lo < hi);
  assert_shows(harness, "up to here)");
  assert_shows(harness, "(mean");
  for (int vi = 0; vi < 2; vi++) {
    assert_true(harness_press(harness, vi ? "l" : right, 1));
    assert_true(read_bin(harness, &next_lo, &next_hi) <= most && next_lo == hi);
    assert_true(harness_press(harness, vi ? "h" : left, 1));
    assert_int_equal(read_bin(harness, &next_lo, &next_hi), most);
  }
  assert_true(harness_press(harness, "\033OH", 1)); /* Home */
  assert_true(read_bin(harness, &lo, &hi) >= 0 && lo < -3);
  assert_true(harness_press(harness, left, 1));
  assert_shows(harness, "there are no values further out");
  assert_true(harness_press(harness, "\033OF", 1)); /* End */
  assert_shows(harness, "100 % up to here");
  assert_true(harness_press(harness, "\033", 1));
  assert_true(read_bin(harness, &lo, &hi) < 0);
  assert_shows(harness, "Rounding is the whole error");
  fixture_quit(harness);
}

/* Another screen has other bins; the cursor stays on its value, in a bin that holds it. */
static void the_value_stays(void **state)
{
  (void)state;
  double lo, hi;
  struct harness *harness = open_histogram(24, 80);
  harness_type(harness, ":cursor 1.25\r");
  assert_true(harness_wait_settled(harness));
  for (int columns = 70; columns <= 150; columns += 20) {
    harness_resize(harness, 24, columns);
    assert_true(harness_wait_settled(harness));
    assert_true(read_bin(harness, &lo, &hi) > 0 && lo <= 1.25 && hi >= 1.25);
  }
  assert_true(harness_press(harness, "zzz", 3)); /* closer, around it */
  assert_true(read_bin(harness, &lo, &hi) >= 0 && lo <= 1.25 && hi >= 1.25 && hi - lo < 0.1);
  assert_true(harness_press(harness, "2", 1));
  assert_true(read_bin(harness, &lo, &hi) >= 0 && lo <= 1.25 && hi >= 1.25);
  fixture_quit(harness);
}

/* At the end of a zoomed window the window follows. */
static void the_window_follows(void **state)
{
  (void)state;
  double lo, hi;
  struct harness *harness = open_histogram(24, 80);
  harness_type(harness, ":zoom 0:1\r");
  assert_true(harness_press(harness, "\033OF", 1));
  assert_true(read_bin(harness, &lo, &hi) >= 0 && fabs(hi - 1) < 1e-6);
  assert_true(harness_press(harness, right, 1));
  assert_shows(harness, "--range 0.125:1.125");
  assert_true(read_bin(harness, &lo, &hi) >= 0 && lo < 1.02 && hi > 1);
  assert_true(harness_press(harness, "0", 1));
  assert_true(read_bin(harness, &lo, &hi) >= 0 && lo < 1.02 && hi > 1);
  fixture_quit(harness);
}

static void beside_pins(void **state)
{
  (void)state;
  struct harness *harness = open_histogram(24, 80);
  assert_true(harness_press(harness, "ab5", 3));
  assert_true(harness_press(harness, right, 1));
  assert_shows(harness, "; A ");
  assert_shows(harness, "% of its");
  assert_true(harness_press(harness, "3", 1)); /* no cursor there */
  assert_shows_not(harness, "% of its");
  fixture_quit(harness);
}

/* The row of the table that the pointer is on; it has to be on one. */
static void pointed(struct harness *harness, char *text, size_t size)
{
  fixture_selected(harness, text, size);
  assert_true(strlen(text) > 0);
}

/* Where there is no cursor, Home and End go to the first row and the last: once there, Up and Down
 * stay. */
static void ends_of_rows(void **state)
{
  static const char *const views[] = {"3", "4", "6"};
  (void)state;
  struct harness *harness = open_histogram(40, 120);
  for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
    char last[256], first[256], now[256];
    assert_true(harness_press(harness, views[i], 1));
    assert_true(harness_press(harness, "\033OF", 1));
    pointed(harness, last, sizeof last);
    assert_true(harness_press(harness, "\033OB", 1));
    pointed(harness, now, sizeof now);
    assert_string_equal(now, last);
    assert_true(harness_press(harness, "\033OH", 1));
    pointed(harness, first, sizeof first);
    assert_string_not_equal(first, last);
    assert_true(harness_press(harness, "\033OA", 1));
    pointed(harness, now, sizeof now);
    assert_string_equal(now, first);
  }
  assert_true(harness_press(harness, "K\033OF", 2));
  assert_shows(harness, "int4: 7, number 7 of 7, the largest");
  fixture_quit(harness);
}

/* The row that the pointer is on, without what stands beside the view (a list may have scrolled);
 * where there is none the whole screen. */
static char *place_of(struct harness *harness)
{
  char row[256];
  if (!harness_shows(harness, "\u25b8"))
    return screen_of(harness);
  fixture_selected(harness, row, sizeof row);
  char *frame = strstr(row, "\u2502");
  if (frame)
    *frame = '\0';
  return strdup(row);
}

/* The cursors of the other views, too, stay where they are, through sizes that have no room for
 * them. Keys stand each in the middle of what it goes along. */
static void another_size_keeps_it(void **state)
{
  static const struct {
    const char *keys;
    unsigned count;
  } keys[] = {{"3jjjjj", 6}, {"4jj", 3}, {"6jjj", 4}, {"7\033OC\033OC", 3}, {"Kjjj", 4}, {"9j", 2}};
  static const int sizes[][2] = {{12, 40}, {5, 20}, {60, 200}, {18, 66}};
  (void)state;
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    struct harness *harness = open_histogram(24, 80);
    assert_true(harness_press(harness, keys[i].keys, keys[i].count));
    assert_true(harness_wait_settled(harness));
    char *before = place_of(harness);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
      harness_resize(harness, sizes[k][0], sizes[k][1]);
      assert_true(harness_wait_settled(harness));
    }
    harness_resize(harness, 24, 80);
    assert_true(harness_wait_settled(harness));
    char *after = place_of(harness);
    assert_string_equal(before, after);
    free(before);
    free(after);
    fixture_quit(harness);
  }
}

static void wrong_values(void **state)
{
  (void)state;
  struct harness *harness = open_histogram(24, 80);
  harness_type(harness, ":cursor here\r");
  assert_true(harness_wait_text(harness, "expected a value"));
  harness_type(harness, "\033\033:cursor 1e9\r");
  assert_true(harness_wait_text(harness, "out of sight"));
  fixture_quit(harness);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(steps_and_ends),     cmocka_unit_test(the_value_stays),
      cmocka_unit_test(the_window_follows), cmocka_unit_test(beside_pins),
      cmocka_unit_test(ends_of_rows),       cmocka_unit_test(another_size_keeps_it),
      cmocka_unit_test(wrong_values),
  };
  return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
