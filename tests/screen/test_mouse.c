/* The mouse: what clicks, the wheel and dragging do, and that the terminal gets it back. */
#include "tests/screen/fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { LEFT = 0, MOTION = 32, WHEEL_UP = 64, WHEEL_DOWN = 65 };

/* An event in the encoding of xterm's mode 1006; rows and columns count from 1 there. */
static bool mouse(struct harness *harness, int button, int row, int column, bool down)
{
  char bytes[32];
  snprintf(bytes, sizeof bytes, "\033[<%d;%d;%d%c", button, column + 1, row + 1, down ? 'M' : 'm');
  return harness_press(harness, bytes, 1);
}

static void click_at(struct harness *harness, int row, int column)
{
  assert_true(mouse(harness, LEFT, row, column, true));
  assert_true(mouse(harness, LEFT, row, column, false));
}

static void click(struct harness *harness, const char *text)
{
  int row, column;
  assert_true(harness_find(harness, text, &row, &column));
  click_at(harness, row, column);
}

static void clicks_are_keys(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  click(harness, "2 error"); /* a hint */
  assert_shows(harness, "--view error");
  click(harness, "b bits"); /* a knob */
  assert_shows(harness, "-q int9,");
  click(harness, "? help");
  assert_shows(harness, "type to find");
  click(harness, "fewer bits"); /* an entry of the help runs */
  assert_shows(harness, "-q int8,");
  type(harness, ":cha");
  click(harness, "channels "); /* a suggestion of the palette */
  assert_shows(harness, "--view channels");
  fixture_quit(harness);
}

/* The cell of the selected point, which is the only reversed one in the plot. */
static void find_selected(struct harness *harness, int *row, int *column)
{
  for (*row = 2; *row < 18; ++*row)
    for (*column = 7; *column < 52; ++*column)
      if (harness_cell(harness, *row, *column).reverse)
        return;
  fail_msg("no point stands out");
}

/* A click on a point, or beside it, is what the arrows are: on the line of the present quantizer
 * the points of 2, 4 and 6 bits are far apart. Where there is nothing it does nothing. */
static void points_are_selected(void **state)
{
  (void)state;
  static const char *const specs[] = {"int2,sym,channel", "int4,sym,channel", "int6,sym,channel"};
  int row[3], column[3];
  struct harness *harness = fixture_open();
  type(harness, ":int4,channel\r:over bits=2,4,6\r");
  for (int i = 0; i < 3; i++) {
    char line[64];
    snprintf(line, sizeof line, ":point %s\r", specs[i]);
    type(harness, line);
    find_selected(harness, &row[i], &column[i]);
  }
  for (int i = 0; i < 3; i++) {
    int selected_row, selected_column;
    char spec[8];
    click_at(harness, row[i], column[i] + (i == 1)); /* one beside it */
    find_selected(harness, &selected_row, &selected_column);
    assert_int_equal(selected_row, row[i]);
    assert_int_equal(selected_column, column[i]);
    snprintf(spec, sizeof spec, " %.4s,", specs[i]); /* other lines may have a point there, too */
    assert_shows(harness, spec);
  }
  char *before = screen_of(harness);
  click_at(harness, row[0] - 5, column[0]); /* above the lowest: nothing is near */
  assert_string_equal(before, harness_screen(harness));
  free(before);
  type(harness, "\033:point int16\r");
  assert_shows(harness, "no point of the sweep is int16");
  fixture_quit(harness);
}

/* A click on the plot takes the cursor there: column 22 of 45 is the middle of -10 to 10. */
static void a_click_sets_the_cursor(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  type(harness, ":zoom -10:10\r");
  char *before = screen_of(harness);
  click_at(harness, 8, 7 + 22);
  char *clicked = screen_of(harness);
  assert_string_not_equal(before, clicked);
  type(harness, "\033:cursor 0\r");
  assert_string_equal(clicked, harness_screen(harness));
  free(before);
  free(clicked);
  fixture_quit(harness);
}

/* The first click selects a line, the second does what Enter does. */
static void lines_are_chosen(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  type(harness, "t");
  click(harness, "bias");
  assert_shows(harness, "of 3");
  click(harness, "bias");
  assert_shows(harness, "-t bias");
  type(harness, ":tensor conv\r3");
  int row, column;
  assert_true(harness_find(harness, "of median", &row, &column));
  click_at(harness, row + 3, column);
  click_at(harness, row + 3, column);
  assert_shows(harness, " channel ");
  assert_shows(harness, "--channel");
  fixture_quit(harness);
}

/* The bounds that the recipe names. */
static void range_of(struct harness *harness, double *lo, double *hi)
{
  const char *range = strstr(harness_screen(harness), "--range");
  assert_non_null(range);
  assert_int_equal(sscanf(range + strlen("--range") + 1, "%lf:%lf", lo, hi), 2);
}

static void the_wheel_zooms_at_the_pointer(void **state)
{
  (void)state;
  double lo, hi, closer_lo, closer_hi;
  struct harness *harness = fixture_open();
  type(harness, ":zoom -10:10\r");
  /* In the middle of the first column of the plot, 45 columns for 20 units: -10 + 20 / 90. */
  assert_true(mouse(harness, WHEEL_UP, 8, 7, true));
  range_of(harness, &lo, &hi);
  double pointer = -10 + 20.0 / 90;
  assert_true(hi - lo > 9.98 && hi - lo < 10.02);
  assert_true((pointer - lo) / (hi - lo) > 0.5 / 45 - 0.002);
  assert_true((pointer - lo) / (hi - lo) < 0.5 / 45 + 0.002);
  assert_true(mouse(harness, WHEEL_DOWN, 8, 7, true));
  range_of(harness, &closer_lo, &closer_hi);
  assert_true(closer_lo > -10.05 && closer_lo < -9.95 && closer_hi > 9.95 && closer_hi < 10.05);
  type(harness, "t");
  assert_true(mouse(harness, WHEEL_DOWN, 8, 7, true)); /* lists are walked */
  assert_true(mouse(harness, WHEEL_UP, 8, 7, true));
  type(harness, "\033");
  fixture_quit(harness);
}

static void dragging_selects_a_range(void **state)
{
  (void)state;
  double lo, hi;
  struct harness *harness = fixture_open();
  type(harness, ":zoom -10:10\r");
  assert_true(mouse(harness, LEFT, 8, 7 + 10, true));
  assert_true(harness_wait_bytes(harness, "\033[?1002h")); /* motion is asked for now */
  assert_true(mouse(harness, LEFT + MOTION, 8, 7 + 15, true));
  assert_true(harness_cell(harness, 8, 7 + 12).reverse);
  assert_false(harness_cell(harness, 8, 7 + 16).reverse);
  assert_true(mouse(harness, LEFT + MOTION, 8, 7 + 19, true));
  assert_true(mouse(harness, LEFT, 8, 7 + 19, false));
  assert_true(harness_wait_bytes(harness, "\033[?1002l"));
  /* Columns 10 to 19 of 45, whole: from -10 + 20 * 10 / 45 to -10 + 20 * 20 / 45. */
  range_of(harness, &lo, &hi);
  assert_true(lo > -5.57 && lo < -5.54 && hi > -1.13 && hi < -1.10);
  type(harness, "u");
  range_of(harness, &lo, &hi);
  assert_true(lo > -10.1 && lo < -9.9);
  fixture_quit(harness);
}

/* The line where values are clipped is a handle: the range by hand. Both ends of a symmetric range
 * move, one of an asymmetric one; a click there still stands the cursor. */
static void clip_lines_are_handles(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  int row, column;
  assert_true(harness_find(harness, "\xe2\x94\x8a", &row, &column)); /* the dotted line */
  click_at(harness, row, column);
  assert_shows_not(harness, "range=");
  assert_true(mouse(harness, LEFT, row, column, true));
  assert_true(mouse(harness, LEFT | MOTION, row, 30, true));
  assert_true(mouse(harness, LEFT, row, 30, false));
  assert_shows(harness, "tensor,range=-");
  double lo = 0, hi = 0;
  const char *text = strstr(harness_screen(harness), "tensor,range=");
  assert_non_null(text);
  assert_int_equal(sscanf(text, "tensor,range=%lf:%lf", &lo, &hi), 2);
  assert_true(hi > 0 && lo == -hi);
  type(harness, "u");
  assert_shows_not(harness, "range=");
  assert_shows(harness, "minmax");
  fixture_quit(harness);
}

static void the_terminal_gets_it_back(void **state)
{
  (void)state;
  size_t before, after;
  struct harness *harness = fixture_open();
  assert_true(harness_wait_bytes(harness, "1000h"));
  type(harness, "M");
  assert_shows(harness, "mouse off (M)");
  harness_output(harness, &before);
  type(harness, "M");
  assert_shows_not(harness, "mouse off (M)");
  const char *output = harness_output(harness, &after);
  assert_non_null(strstr(output + before, "1000h"));
  harness_bytes(harness, "q");
  harness_wait_end(harness);
  output = harness_output(harness, &before);
  assert_non_null(strstr(output + after, "1000l"));
  harness_end(harness);
  harness = fixture_open(); /* also when it is killed */
  harness_output(harness, &before);
  kill(harness_child(harness), SIGTERM);
  assert_true(WIFSIGNALED(harness_wait_end(harness)));
  output = harness_output(harness, &after);
  assert_non_null(strstr(output + before, "1000l"));
  harness_end(harness);
  const char *arguments[] = {"model.safetensors", "--mouse", "no", NULL};
  harness = fixture_start(arguments, &(struct harness_options){.rows = 24});
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "mouse off (M)");
  assert_null(strstr(harness_output(harness, &after), "1000h"));
  fixture_quit(harness);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(clicks_are_keys),
      cmocka_unit_test(a_click_sets_the_cursor),
      cmocka_unit_test(points_are_selected),
      cmocka_unit_test(lines_are_chosen),
      cmocka_unit_test(the_wheel_zooms_at_the_pointer),
      cmocka_unit_test(dragging_selects_a_range),
      cmocka_unit_test(clip_lines_are_handles),
      cmocka_unit_test(the_terminal_gets_it_back),
  };
  return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
