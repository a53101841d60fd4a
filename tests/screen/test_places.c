/* The cursor of every view: arrows and the keys of vi, Home and End, clicks, undo, other sizes; and
 * what is said of the place. The heat map's is in test_heat_view.c, that over values in
 * test_cursor.c. */
#include "tests/screen/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char left[] = "\033OD", right[] = "\033OC", up[] = "\033OA", down[] = "\033OB",
                  home[] = "\033OH", end[] = "\033OF", page_down[] = "\033[6~";

static void press(struct harness *harness, const char *key)
{
  assert_true(harness_press(harness, key, 1));
}

static void click(struct harness *harness, int row, int column)
{
  char bytes[32];
  for (int let_go = 0; let_go < 2; let_go++) {
    snprintf(bytes, sizeof bytes, "\033[<0;%d;%d%c", column + 1, row + 1, let_go ? 'm' : 'M');
    press(harness, bytes);
  }
}

static struct harness *open_view(const char *view, int rows, int columns)
{
  const char *const arguments[] = {
      "model.safetensors", "-t", "conv", "-q", "int8", "--axis", "0", "--view", view, NULL};
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = rows, .columns = columns});
  assert_true(harness_wait_settled(harness));
  return harness;
}

/* A key of vi does what its arrow does, which BACK takes back. */
static void assert_same_key(struct harness *harness, const char *key, const char *arrow,
                            const char *back)
{
  press(harness, arrow);
  char *screen = screen_of(harness);
  press(harness, back);
  press(harness, key);
  assert_string_equal(screen, harness_screen(harness));
  free(screen);
}

/* The number that the line of the pointer begins with. */
static int selected(struct harness *harness)
{
  char line[256];
  fixture_selected(harness, line, sizeof line);
  return (int)strtol(line + strlen("\342\226\270"), NULL, 10);
}

/* --- view K --------------------------------------------------------------------------------- */

/* int8 at scale 1: 127 numbers, each 1 from the next. */
static void numbers_of_the_format(void **state)
{
  (void)state;
  struct harness *harness = open_view("format", 24, 80);
  assert_shows_not(harness, "number 1");
  press(harness, right);
  assert_shows(harness, "int8: 127, number 127 of 127, the largest; in the data ");
  press(harness, right);
  assert_shows(harness, "this is the largest number");
  press(harness, left);
  assert_shows(harness, "int8: 126, number 126 of 127; next 127, 0.794 % more; in the data");
  press(harness, down);
  assert_shows(harness, "int8: 63, number 63 of 127");
  press(harness, up);
  assert_shows(harness, "int8: 126, ");
  press(harness, home);
  assert_shows(harness, "int8: 1, number 1 of 127; next 2, 100 % more");
  press(harness, left);
  assert_shows(harness, "this is the smallest number");
  press(harness, end);
  assert_shows(harness, "int8: 127, ");
  press(harness, page_down); /* ten powers of two */
  assert_shows(harness, "int8: 1, ");
  assert_same_key(harness, "l", right, left);
  assert_same_key(harness, "k", up, down);
  assert_same_key(harness, "j", down, up);
  assert_same_key(harness, "h", left, right);
  press(harness, "\033");
  assert_shows_not(harness, "number 1");
  fixture_quit(harness);
}

/* Another format has another number at the place; one that is pinned is compared there. */
static void the_place_stays(void **state)
{
  (void)state;
  struct harness *harness = open_view("format", 24, 80);
  type(harness, ":cursor 0.5\r");
  assert_shows(harness, "int8: 64, number 64 of 127");
  char *screen = screen_of(harness);
  harness_resize(harness, 43, 132);
  assert_shows(harness, "int8: 64, number 64 of 127");
  harness_resize(harness, 24, 80);
  assert_true(harness_wait_settled(harness));
  assert_string_equal(screen, harness_screen(harness));
  free(screen);
  type(harness, "a:e4m3\r");
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "e4m3: 224 (code 0x76), number 118 of 126; next 240, 7.14 % more; in the");
  assert_shows(harness, "int8: steps 0.22 times as wide");
  type(harness, "uu");
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "int8: 64, number 64 of 127");
  type(harness, "u"); /* the cursor itself */
  assert_shows_not(harness, "number 64");
  type(harness, ":cursor none\r");
  assert_shows(harness, "expected a share of the largest number");
  type(harness, "\033:q4_k\r");
  fixture_quit(harness);
}

/* The column of the lowest pointer; -1 when there is none. */
static int pointer_column(struct harness *harness)
{
  for (int row = 23; row >= 0; row--)
    for (int column = 0; column < 53; column++)
      if (harness_cell(harness, row, column).code == 0x25b2)
        return column;
  return -1;
}

/* A click takes a number that is drawn there; it is a command as any. */
static void a_click_takes_a_number(void **state)
{
  (void)state;
  struct harness *harness = open_view("format", 24, 80);
  for (int column = 12; column < 50; column += 9) {
    click(harness, 10, column);
    assert_shows(harness, "of 127; next ");
    assert_in_range(pointer_column(harness), column - 5, column + 5); /* 1, 2, 3 are far apart */
  }
  click(harness, 10, 49);
  assert_int_equal(pointer_column(harness), 49);
  press(harness, "L");
  assert_shows(harness, "cursor 0.");
  press(harness, "L");
  press(harness, "u");
  assert_int_equal(pointer_column(harness), -1);
  fixture_quit(harness);
}

/* --- view 2 --------------------------------------------------------------------------------- */

/* The upper panel counts errors: a place there is no value; below it is one. */
static void errors_are_no_values(void **state)
{
  (void)state;
  struct harness *harness = open_view("error", 24, 80);
  int row, column;
  assert_true(harness_find(harness, "Error against value", &row, &column));
  click(harness, 4, 20);
  assert_shows_not(harness, " values (");
  click(harness, row + 3, 20);
  assert_shows(harness, " values (");
  fixture_quit(harness);
}

/* --- view 3 --------------------------------------------------------------------------------- */

/* The list is ranked, the axis is not: left and right follow the axis. Channel 5 is the first. */
static void channels(void **state)
{
  (void)state;
  struct harness *harness = open_view("channels", 24, 80);
  const int columns = 80 - 27 - 8; /* of the plot's data, left of the panel of numbers */
  assert_int_equal(selected(harness), 5);
  press(harness, right);
  assert_int_equal(selected(harness), 6);
  press(harness, left);
  press(harness, left);
  assert_int_equal(selected(harness), 4);
  assert_same_key(harness, "l", right, left);
  assert_same_key(harness, "h", left, right);
  /* 16 bars over as many columns: the middle of bar 10. */
  click(harness, 5, 7 + (int)((10 + 0.5) / 16 * columns));
  assert_int_equal(selected(harness), 10);
  type(harness, ":cursor 15\r");
  press(harness, right);
  assert_shows(harness, "this is the last channel");
  type(harness, ":cursor 16\r");
  assert_shows(harness, "expected a channel (0 to 15), found '16'");
  type(harness, "\033u"); /* the steps of a cursor are undone together */
  assert_int_equal(selected(harness), 5);
  fixture_quit(harness);
}

/* --- view 6 --------------------------------------------------------------------------------- */

/* The selected rule's threshold; the pointer of its line has two bytes more than columns. */
static double threshold_of(struct harness *harness)
{
  char line[256];
  int row, column;
  assert_true(harness_find(harness, "clips at", &row, &column));
  fixture_selected(harness, line, sizeof line);
  return strtod(line + 2 + column, NULL);
}

static void rules_along_the_curve(void **state)
{
  (void)state;
  struct harness *harness = open_view("board", 40, 132);
  type(harness, ":cursor 0\r");
  const double least = threshold_of(harness);
  double before = least;
  assert_true(least > 0);
  for (int i = 0; i < 3; i++) {
    press(harness, right);
    assert_true(threshold_of(harness) >= before);
    before = threshold_of(harness);
  }
  for (int i = 0; i < 3; i++)
    press(harness, left);
  assert_true(threshold_of(harness) <= least && threshold_of(harness) >= least);
  press(harness, left);
  assert_shows(harness, "no rule clips earlier");
  click(harness, 5, 8 + 80); /* near the right end of the curve */
  assert_true(threshold_of(harness) > least);
  fixture_quit(harness);
}

/* --- view 7 --------------------------------------------------------------------------------- */

/* A click on an element selects it, one on the strip takes the worst block of its cell: with 16
 * blocks, three columns each, the block itself. */
static void elements_and_blocks(void **state)
{
  (void)state;
  struct harness *harness = open_view("inspector", 24, 80);
  int row, column;
  type(harness, ":cursor 3,2\r");
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "block 3 of 0..15");
  assert_int_equal(selected(harness), 2);
  assert_true(harness_find(harness, "\342\226\270", &row, &column));
  click(harness, row + 3, 10);
  assert_int_equal(selected(harness), 5);
  click(harness, 5, 1 + 9 * 3 + 1);
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "block 9 of 0..15");
  type(harness, "u");
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "block 3 of 0..15");
  type(harness, ":cursor 16\r");
  assert_shows(harness, "there is no element 16 of 16 blocks");
  type(harness, "\033:cursor 2,32\r");
  assert_shows(harness, "there is no element 2,32 of 16 blocks");
  type(harness, "\033");
  fixture_quit(harness);
}

/* --- view 9 --------------------------------------------------------------------------------- */

static void channels_of_the_layer(void **state)
{
  (void)state;
  struct harness *harness = open_view("layer", 40, 132);
  type(harness, ":methods rtn\r");
  assert_true(harness_wait_settled(harness));
  type(harness, ":cursor 7\r");
  assert_shows(harness, "output channel 7: MSE ");
  press(harness, right);
  assert_shows(harness, "output channel 8: MSE ");
  click(harness, 8, 8 + 2); /* 16 channels over more than 80 columns */
  assert_shows(harness, "output channel 0: MSE ");
  press(harness, "u");
  assert_shows_not(harness, "output channel 0: MSE ");
  fixture_quit(harness);
}

/* --- view 5, of pins ------------------------------------------------------------------------ */

/* A click on a pin's row chooses it and leaves the cursor alone; one on the figure is the cursor's.
 */
static void pins(void **state)
{
  (void)state;
  const char *const arguments[] = {"model.safetensors", "-t", "conv", "-q", "int8", "-q",
                                   "int8,channel",      "-q", "int4", "-q", "e4m3", "--view",
                                   "compare",           NULL};
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = 24, .columns = 80});
  char line[256];
  int row, column;
  assert_true(harness_wait_settled(harness));
  fixture_selected(harness, line, sizeof line);
  assert_non_null(strstr(line, "A "));
  assert_true(harness_find(harness, "\342\226\270", &row, &column));
  click(harness, row + 2, 12);
  fixture_selected(harness, line, sizeof line);
  assert_non_null(strstr(line, "C "));
  assert_shows(harness, "--against C");
  assert_shows_not(harness, " values (");
  click(harness, row + 1, 12);
  assert_shows(harness, "--against B");
  click(harness, 5, 7 + 22);
  assert_shows(harness, " values (");
  assert_shows(harness, "--against B");
  fixture_quit(harness);
}

/* --- view 5, of two files --------------------------------------------------------------------- */

static void bins_of_two_files(void **state)
{
  (void)state;
  const char *const arguments[] = {"model.safetensors", "-t",     "conv", "--compare",
                                   "model.safetensors", "--axis", "0",    NULL};
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = 24, .columns = 80});
  assert_true(harness_wait_settled(harness));
  press(harness, right); /* the highest bin; all is equal */
  assert_shows(harness, " values in A (");
  char *screen = screen_of(harness);
  long a = -1, b = -2;
  double lo, hi, percent;
  for (char *line = strtok(screen, "\n"); line; line = strtok(NULL, "\n"))
    if (sscanf(line, " %lf to %lf: %ld values in A (%lf %%), %ld in B", &lo, &hi, &a, &percent,
               &b) == 5)
      break;
  free(screen);
  assert_true(a > 0 && a == b && lo < hi);
  screen = screen_of(harness);
  press(harness, right);
  assert_string_not_equal(screen, harness_screen(harness));
  press(harness, left);
  assert_string_equal(screen, harness_screen(harness));
  free(screen);
  press(harness, home);
  assert_shows(harness, " values in A (");
  press(harness, "\033");
  assert_shows_not(harness, " values in A (");
  click(harness, 5, 7 + 22);
  assert_shows(harness, " values in A (");
  fixture_quit(harness);
}

/* --- pages ---------------------------------------------------------------------------------- */

/* Home and End go as far as the arrows do. */
static void ends_of_pages(void **state)
{
  (void)state;
  struct harness *harness = open_view("histogram", 24, 80);
  static const char *const keys[] = {"S", "v", "Y"};
  type(harness, "bm2"); /* changes, for the list of them */
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    press(harness, keys[i]);
    press(harness, end);
    char *last = screen_of(harness);
    press(harness, down);
    assert_string_equal(last, harness_screen(harness));
    press(harness, home);
    char *first = screen_of(harness);
    assert_string_not_equal(first, last);
    press(harness, up);
    assert_string_equal(first, harness_screen(harness));
    press(harness, "\033");
    free(first);
    free(last);
  }
  fixture_quit(harness);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_of_the_format),
      cmocka_unit_test(the_place_stays),
      cmocka_unit_test(a_click_takes_a_number),
      cmocka_unit_test(errors_are_no_values),
      cmocka_unit_test(channels),
      cmocka_unit_test(rules_along_the_curve),
      cmocka_unit_test(elements_and_blocks),
      cmocka_unit_test(channels_of_the_layer),
      cmocka_unit_test(ends_of_pages),
      cmocka_unit_test(pins),
      cmocka_unit_test(bins_of_two_files),
  };
  return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
