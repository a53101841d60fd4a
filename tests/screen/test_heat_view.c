/* The heat map on the screen: colours and their twin in characters, the cursor's readout, into a
 * cell and out again, what it exports. */
#include "tests/screen/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static struct harness *open_map(int rows, int columns, bool ascii)
{
  const char *arguments[] = {"model.safetensors",
                             "-t",
                             "conv",
                             "-q",
                             "int8",
                             "--axis",
                             "0",
                             "--view",
                             "heat",
                             "--quantity",
                             "absmax",
                             ascii ? "--ascii" : NULL,
                             NULL};
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = rows, .columns = columns});
  assert_true(harness_wait_settled(harness));
  return harness;
}

static void press_down(struct harness *harness, int times)
{
  while (times-- > 0)
    assert_true(harness_press(harness, "\033OB", 1));
}

static void keys_open_it(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  assert_true(harness_press(harness, "3 ", 2));
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "--view heat");
  assert_shows(harness, "mean squared error of");
  assert_shows(harness, "channel (axis 0)");
  static const char *const labels[] = {"SQNR of", "largest |x| of", "largest scale of",
                                       "mean squared error of"};
  for (size_t i = 0; i < 4; i++) {
    assert_true(harness_press(harness, "v", 1));
    assert_shows(harness, labels[i]);
  }
  assert_true(harness_press(harness, " ", 1));
  assert_shows(harness, "--view channels");
  fixture_quit(harness);
}

/* Channel 5 of 16 is forty times the others: its row is bright, the others are not. */
static void colours_tell_the_outlier(void **state)
{
  (void)state;
  struct harness *harness = open_map(24, 80, false);
  int row, column;
  assert_true(harness_find(harness, "     5 ", &row, &column)); /* rows are numbered by fives */
  int same = 0; /* the map has a row of the tensor in each row of the screen */
  for (int i = 8; i < 32; i++) {
    struct harness_cell bright = harness_cell(harness, row, i);
    struct harness_cell dark = harness_cell(harness, row + 1, i);
    assert_int_equal(bright.code, 0x2580);
    assert_false(bright.plain_ink || bright.plain_paper);
    same += bright.ink == dark.ink;
  }
  assert_int_equal(same, 0);
  fixture_quit(harness);
}

static void characters_tell_it_too(void **state)
{
  (void)state;
  struct harness *harness = open_map(24, 80, true);
  int row, column, five;
  assert_shows_not(harness, "\342");
  assert_true(harness_find(harness, "%@@", &row, &column));
  assert_true(harness_find(harness, "     5 ", &five, &column)); /* rows are numbered by fives */
  assert_int_equal(row, five);
  fixture_quit(harness);
}

/* Channel 5 is forty times the others: the worst by magnitude is the first row; the cursor stays on
 * its element, Enter and x go to what the label says, and undo brings the order back. */
static void the_worst_channels_first(void **state)
{
  (void)state;
  struct harness *harness = open_map(24, 80, false);
  int row, column, first;
  assert_true(harness_find(harness, "     0", &first, &column));
  press_down(harness, 7);
  assert_shows(harness, "row 7, column 0: MSE");
  char *plain = screen_of(harness), *numbers = strdup(strstr(plain, "column 0: MSE"));
  *strstr(numbers, ", SQNR") = '\0';
  assert_true(harness_press(harness, "r", 1));
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "--worst-first");
  assert_shows(harness, ", worst row first");
  assert_true(harness_find(harness, "     5", &row, &column));
  assert_int_equal(row, first);
  assert_shows(harness, ": row 7, column 0: MSE"); /* the same element, by its rank */
  assert_shows(harness, numbers);
  assert_true(harness_press(harness, "\033OH", 1)); /* Home */
  assert_shows(harness, "rank 0: row 5, column 0: MSE");
  assert_true(harness_press(harness, "\r", 1));
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "--view inspector");
  assert_shows(harness, "block 5 of");
  assert_true(harness_press(harness, "u", 1));
  assert_shows(harness, "rank 0: row 5, column 0: MSE");
  assert_true(harness_press(harness, "x", 1));
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "--channel 5");
  assert_true(harness_press(harness, "uuu", 3)); /* the channel, Home, the order */
  assert_true(harness_wait_settled(harness));
  assert_string_equal(plain, harness_screen(harness));
  assert_true(harness_press(harness, "U", 1));
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, ": row 7, column 0: MSE");
  assert_true(harness_press(harness, "w", 1));
  assert_shows(harness, "rank 0: row 5, column ");
  free(plain);
  free(numbers);
  fixture_quit(harness);
}

/* What is ranked is what is shown; with several channels in a row the numbers are ranks. */
static void ranks_follow_what_is_shown(void **state)
{
  (void)state;
  struct harness *harness = open_map(12, 40, false);
  assert_true(harness_press(harness, "r", 1));
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "worst row first");
  assert_shows(harness, "rows 5, ");
  char *by_magnitude = screen_of(harness);
  assert_true(harness_press(harness, "v", 1)); /* the scale: one for all, so rows as they are */
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "rows 0, 1");
  assert_true(harness_press(harness, "u", 1));
  assert_true(harness_wait_settled(harness));
  assert_string_equal(by_magnitude, harness_screen(harness));
  assert_true(harness_press(harness, "\r", 1)); /* into the first ranks */
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "--worst-first --part 0:");
  assert_shows(harness, "rank 1: row 0, ");
  assert_true(harness_press(harness, "r", 1)); /* a part of ranks is none of rows */
  assert_true(harness_wait_settled(harness));
  assert_shows_not(harness, "--worst-first");
  assert_shows_not(harness, "--part 0:2,");
  free(by_magnitude);
  fixture_quit(harness);
}

/* The cursor is on an element, whatever the size of the screen. */
static void another_size_keeps_the_element(void **state)
{
  (void)state;
  struct harness *harness = open_map(24, 80, false);
  assert_true(harness_press(harness, "w", 1));
  char *screen = screen_of(harness), *words = strstr(screen, "row 5, column ");
  assert_non_null(words);
  int column = atoi(words + strlen("row 5, column "));
  harness_resize(harness, 12, 40);
  assert_true(harness_wait_settled(harness));
  int from = -1, to = -1;
  char *small = screen_of(harness);
  words = strstr(small, "column ");
  assert_non_null(words);
  assert_true(sscanf(words, "column %d..%d", &from, &to) >= 1);
  assert_true(column >= from && column <= (to < 0 ? from : to));
  harness_resize(harness, 24, 80);
  assert_true(harness_wait_settled(harness));
  assert_string_equal(screen, harness_screen(harness));
  free(screen);
  free(small);
  fixture_quit(harness);
}

/* A click is a cursor command; so is the session's script. */
static void a_click_sets_the_cursor(void **state)
{
  (void)state;
  struct harness *harness = open_map(24, 80, false);
  char press[64];
  int row, column, ten;
  assert_true(harness_find(harness, "    10", &row, &column));
  ten = row;
  assert_true(harness_find(harness, "     0", &row, &column));
  for (int up = 0; up < 2; up++) {
    snprintf(press, sizeof press, "\033[<0;%d;%d%c", column + 8 + 3, ten + 1, up ? 'm' : 'M');
    assert_true(harness_press(harness, press, 1));
  }
  assert_shows(harness, "row 10, column 3: MSE");
  assert_true(harness_press(harness, "L", 1));
  assert_shows(harness, "cursor 10,3");
  assert_true(harness_press(harness, "L", 1));
  fixture_quit(harness);
}

/* Into a cell, element by element, to the inspector; out again step by step. */
static void enter_goes_into_cells(void **state)
{
  (void)state;
  struct harness *harness = open_map(24, 80, false);
  assert_shows(harness, "row 0, column 0: MSE");
  assert_true(harness_press(harness, "\033OC\033OB", 2)); /* right, down */
  assert_shows(harness, "row 1, column 1: MSE");
  assert_true(harness_press(harness, "\r", 1)); /* cells are single elements here */
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "--view inspector");
  assert_shows(harness, "x / scale");
  assert_true(harness_press(harness, "u", 1));
  assert_shows(harness, "--view heat");
  fixture_quit(harness);
}

/* Channel 5 has the largest magnitudes: the worst cell is there, and so are the next ones. */
static void the_worst_come_first(void **state)
{
  (void)state;
  struct harness *harness = open_map(24, 80, false);
  assert_true(harness_press(harness, "w", 1));
  char *first = screen_of(harness);
  assert_shows(harness, "row 5, column ");
  assert_true(harness_press(harness, "w", 1));
  assert_string_not_equal(first, harness_screen(harness));
  assert_shows(harness, "row 5, column ");
  assert_true(harness_press(harness, "\033OHw", 2)); /* from elsewhere it begins again */
  assert_string_equal(first, harness_screen(harness));
  free(first);
  fixture_quit(harness);
}

static void parts_and_back(void **state)
{
  (void)state;
  struct harness *harness = open_map(12, 40, false);
  assert_true(harness_press(harness, "\r", 1));
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "--part ");
  assert_true(harness_press(harness, "\177", 1));
  assert_shows_not(harness, "--part ");
  assert_true(harness_press(harness, "\177", 1));
  assert_shows(harness, "whole tensor");
  fixture_quit(harness);
}

/* The worst cell is of channel 5, whose one large value sets the scale of all. */
static void a_cell_leads_to_its_channel(void **state)
{
  (void)state;
  struct harness *harness = open_map(24, 80, false);
  assert_true(harness_press(harness, "wx", 2));
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "--channel 5");
  assert_shows(harness, "--view histogram");
  fixture_quit(harness);
}

/* What e writes is what the recipe draws, to the byte. */
static void exports_are_replayed(void **state)
{
  (void)state;
  struct harness *harness = open_map(24, 80, false);
  assert_true(harness_press(harness, "r", 1));
  assert_true(harness_press(harness, "e", 1));
  assert_true(harness_press(harness, "\r", 1)); /* the dialog, as it stands */
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "wrote conv-heat.png");
  char command[1024];
  snprintf(command, sizeof command,
           "'%s' replay conv-heat.png -o again.png && cmp conv-heat.png again.png",
           fixture_program());
  assert_int_equal(system(command), 0);
  fixture_quit(harness);
}

/* A knob makes another map. */
static void knobs_make_another(void **state)
{
  (void)state;
  struct harness *harness = open_map(24, 80, false);
  static const char *const keys[] = {"b", "g", "d", "f", "m", "n", "N"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    assert_true(harness_press(harness, keys[i], 1));
    assert_true(harness_wait_settled(harness));
    assert_shows_not(harness, "computing the map");
    assert_shows(harness, ", down ");
  }
  fixture_quit(harness);
}

static void every_size(void **state)
{
  static const int sizes[][2] = {{1, 1},   {5, 20},   {6, 41},  {12, 40},
                                 {14, 50}, {43, 132}, {60, 200}};
  (void)state;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct harness *harness = open_map(sizes[i][0], sizes[i][1], i % 2);
    assert_true(harness_press(harness, "\033OB\033OC\033[6~\033[5~\033OAv", 6));
    fixture_quit(harness);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keys_open_it),
      cmocka_unit_test(colours_tell_the_outlier),
      cmocka_unit_test(characters_tell_it_too),
      cmocka_unit_test(enter_goes_into_cells),
      cmocka_unit_test(the_worst_channels_first),
      cmocka_unit_test(ranks_follow_what_is_shown),
      cmocka_unit_test(another_size_keeps_the_element),
      cmocka_unit_test(a_click_sets_the_cursor),
      cmocka_unit_test(the_worst_come_first),
      cmocka_unit_test(a_cell_leads_to_its_channel),
      cmocka_unit_test(parts_and_back),
      cmocka_unit_test(exports_are_replayed),
      cmocka_unit_test(knobs_make_another),
      cmocka_unit_test(every_size),
  };
  return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
