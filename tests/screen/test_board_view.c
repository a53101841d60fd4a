/* The board view as people meet it: keys, rows, explanation, sizes, cancelling. */
#include "tests/screen/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct harness *open_board(const char *spec, int rows, int columns)
{
  const char *arguments[] = {
      "model.safetensors", "-t", "conv", "-q", spec, "--view", "board", NULL};
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = rows, .columns = columns});
  assert_true(harness_wait_settled(harness));
  return harness;
}

enum { WITHOUT_TIME = 40 }; /* rank, name and SQNR; how long it took is not the same twice */

/* --- what it shows ------------------------------------------------------------------------ */

static void curve_and_table(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  assert_true(harness_press(harness, "6", 1));
  static const char *const texts[] = {"--view board",  "SQNR dB",    "\342\224\200 clipping",
                                      "best by total", "bulk",       "clips at",
                                      "minmax",        "Enter take", "x why",
                                      "? help"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    assert_shows(harness, texts[i]);
  char row[512];
  fixture_selected(harness, row, sizeof row);
  assert_non_null(strstr(row, "minmax")); /* the knob's own rule */
  fixture_quit(harness);
}

/* The best row, first in the table, has the number that "qscope board" prints for it. */
static void screen_and_command_agree(void **state)
{
  (void)state;
  char command[512], line[512] = "", name[64] = "", number[32] = "";
  snprintf(command, sizeof command, "'%s' board model.safetensors -t conv -q int4",
           fixture_program());
  FILE *pipe = popen(command, "r");
  assert_non_null(pipe);
  for (int i = 0; i < 5; i++) /* two lines of head, the peak, the headings */
    assert_non_null(fgets(line, sizeof line, pipe));
  while (fgets(command, sizeof command, pipe))
    continue;
  assert_int_equal(pclose(pipe), 0);
  assert_int_equal(sscanf(line, "%63s %*s %*s %*s %31s", name, number), 2);
  struct harness *harness = open_board("int4", 24, 80);
  assert_true(harness_press(harness, "\033[5~\033[5~\033[5~\033[5~", 4));
  fixture_selected(harness, line, sizeof line);
  assert_non_null(strstr(line, name));
  assert_non_null(strstr(line, number));
  fixture_quit(harness);
}

/* --- keys --------------------------------------------------------------------------------- */

static void enter_takes_the_rule(void **state)
{
  (void)state;
  struct harness *harness = open_board("int4", 24, 80);
  char before[512], after[512];
  assert_true(harness_press(harness, "\033[5~\033[5~\033[5~\033[5~", 4));
  fixture_selected(harness, before, sizeof before);
  assert_true(harness_press(harness, "\r", 1));
  assert_shows_not(harness, "-q int4,sym,tensor,minmax");
  assert_shows(harness, "calibrator ");
  fixture_selected(harness, after, sizeof after);
  assert_memory_equal(before, after, 30); /* the same board, the same place on it */
  assert_true(harness_press(harness, "u", 1));
  assert_shows(harness, "-q int4,sym,tensor,minmax");
  fixture_quit(harness);
}

static void arrows_walk(void **state)
{
  (void)state;
  struct harness *harness = open_board("int8", 24, 80);
  char first[512], second[512], third[512];
  assert_true(harness_press(harness, "\033[5~\033[5~\033[5~\033[5~", 4));
  fixture_selected(harness, first, sizeof first);
  assert_true(harness_press(harness, "j", 1));
  fixture_selected(harness, second, sizeof second);
  assert_string_not_equal(first, second);
  assert_true(harness_press(harness, "\033OA", 1));
  fixture_selected(harness, third, sizeof third);
  assert_string_equal(first, third);
  for (int i = 0; i < 8; i++)
    assert_true(harness_press(harness, "\033[6~", 1)); /* to the end, and stays there */
  fixture_selected(harness, third, sizeof third);
  assert_string_not_equal(first, third);
  fixture_quit(harness);
}

static void rules_are_explained(void **state)
{
  (void)state;
  struct harness *harness = open_board("int8", 24, 80);
  assert_true(harness_press(harness, "x", 1));
  assert_shows(harness, "Takes the smallest"); /* of minmax */
  assert_shows(harness, "int8,sym,tensor,minmax");
  assert_shows_not(harness, "best by total");
  assert_true(harness_press(harness, "\033[5~\033[5~\033[5~\033[5~", 4));
  assert_shows_not(harness, "Takes the smallest"); /* the sentences follow the selection */
  assert_true(harness_press(harness, "\033", 1));
  assert_shows(harness, "best by total");
  assert_true(harness_press(harness, "x", 1));
  assert_shows_not(harness, "best by total");
  assert_true(harness_press(harness, "x", 1));
  assert_shows(harness, "best by total");
  assert_true(harness_press(harness, "?", 1)); /* the help has those of the view first */
  assert_shows(harness, "Here, in the view Board");
  assert_true(harness_press(harness, "?", 1));
  fixture_quit(harness);
}

/* A knob makes another board; refused rules stay at the end, with the reason. */
static void knobs_make_another(void **state)
{
  (void)state;
  struct harness *harness = open_board("int8", 40, 120);
  char before[512], after[512];
  fixture_selected(harness, before, sizeof before);
  assert_true(harness_press(harness, "B", 1));
  fixture_selected(harness, after, sizeof after);
  assert_string_not_equal(before, after);
  assert_true(harness_type(harness, ":e4m3"));
  assert_true(harness_press(harness, "\r", 1));
  assert_true(harness_type(harness, ":q4_0"));
  assert_true(harness_press(harness, "\r", 1));
  assert_shows(harness, "brings its own blocks and scales");
  assert_true(harness_press(harness, "\r", 1));
  assert_shows(harness, "there is no calibrator to take");
  fixture_quit(harness);
}

/* A quantizer shows while it is typed, and leaves no trace when it is not taken. */
static void appears_while_typing(void **state)
{
  (void)state;
  struct harness *harness = open_board("int8", 24, 80);
  char before[512], after[512];
  fixture_selected(harness, before, sizeof before);
  assert_true(harness_type(harness, ":int4"));
  assert_shows(harness, "-q int4,sym,tensor,minmax --view board");
  assert_true(harness_type(harness, ",asy")); /* nothing yet: what was there before */
  assert_shows(harness, "-q int8,sym,tensor,minmax --view board");
  assert_true(harness_type(harness, "m"));
  assert_shows(harness, "-q int4,asym,tensor,minmax --view board");
  assert_true(harness_press(harness, "\033", 1));
  assert_shows(harness, "-q int8,sym,tensor,minmax --view board");
  fixture_selected(harness, after, sizeof after);
  before[WITHOUT_TIME] = after[WITHOUT_TIME] = '\0';
  assert_string_equal(before, after);
  assert_true(harness_press(harness, "u", 1));
  assert_shows(harness, "nothing to undo");
  assert_true(harness_type(harness, ":int4\r"));
  assert_shows(harness, "-q int4,sym,tensor,minmax --view board");
  assert_true(harness_press(harness, "u", 1));
  assert_shows(harness, "-q int8,sym,tensor,minmax --view board");
  fixture_quit(harness);
}

/* The page of checks opens over any view, follows the knobs, and closes. */
static void checks_at_every_size(void **state)
{
  (void)state;
  static const int sizes[][2] = {{24, 80}, {40, 120}, {12, 40}};
  for (size_t i = 0; i < 3; i++) {
    struct harness *harness = open_board("int8", sizes[i][0], sizes[i][1]);
    assert_true(harness_press(harness, "v", 1));
    assert_shows(harness, "checks of int8,sym,tensor,minmax");
    assert_shows(harness, "utilisation");
    assert_shows(harness, "share of |codes| above 100/127");
    if (sizes[i][1] >= 80)
      assert_shows(harness, "below 0.1 %"); /* the usual reading, where there is room */
    assert_true(harness_press(harness, "j", 1));
    assert_shows(harness, "share of elements on an end code");
    assert_true(harness_press(harness, "m", 1)); /* a knob turns, the page stays */
    assert_shows(harness, "checks of int8,asym,tensor,minmax");
    assert_true(harness_press(harness, "\033", 1));
    assert_shows_not(harness, "checks of");
    assert_shows(harness, "best by");
    fixture_quit(harness);
  }
}

/* d adds the predicted curve, and takes it away again. */
static void predictions_on_demand(void **state)
{
  (void)state;
  struct harness *harness = open_board("int8", 40, 120);
  assert_shows_not(harness, "predicted");
  assert_true(harness_press(harness, "T", 1));
  assert_shows(harness, "--view board --theory");
  assert_shows(harness, "predicted");
  assert_true(harness_press(harness, "T", 1));
  assert_shows_not(harness, "predicted");
  fixture_quit(harness);
}

static void squared_error_instead(void **state)
{
  (void)state;
  struct harness *harness = open_board("int8", 24, 80);
  assert_true(harness_press(harness, "V", 1));
  assert_shows(harness, "mean squared error");
  assert_shows(harness, "--view board --log");
  fixture_quit(harness);
}

/* --- sizes -------------------------------------------------------------------------------- */

static void every_size(void **state)
{
  (void)state;
  static const int sizes[][2] = {{12, 40}, {18, 66}, {24, 80}, {40, 120}, {60, 200}, {13, 200}};
  struct harness *harness = open_board("int8,asym", 24, 80);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    harness_resize(harness, sizes[i][0], sizes[i][1]);
    assert_true(harness_press(harness, "j", 1));
    assert_true(harness_press(harness, "k", 1));
    assert_shows(harness, "SQNR");
    assert_shows(harness, "minmax");
    if (sizes[i][0] <= 13)
      assert_shows_not(harness, "SQNR dB"); /* the table alone */
  }
  fixture_quit(harness);
}

static void only_ascii(void **state)
{
  (void)state;
  const char *arguments[] = {"model.safetensors", "-t", "conv", "-q", "int8", "--view", "board",
                             "--ascii",           NULL};
  struct harness *harness = fixture_start(arguments, &(struct harness_options){.rows = 24});
  assert_true(harness_wait_settled(harness));
  assert_true(harness_press(harness, "x", 1));
  for (const char *at = harness_screen(harness); *at; at++)
    assert_true((unsigned char)*at < 0x80);
  assert_true(harness_press(harness, "x", 1));
  for (const char *at = harness_screen(harness); *at; at++)
    assert_true((unsigned char)*at < 0x80);
  fixture_quit(harness);
}

/* --- figures and channels ----------------------------------------------------------------- */

static void exports_what_it_shows(void **state)
{
  (void)state;
  struct harness *harness = open_board("int8", 24, 80);
  assert_true(harness_press(harness, "E", 1));
  assert_shows(harness, "wrote conv-board.png");
  fixture_quit(harness);
  char command[512], line[512];
  snprintf(command, sizeof command, "'%s' replay conv-board.png --print", fixture_program());
  FILE *pipe = popen(command, "r");
  assert_non_null(fgets(line, sizeof line, pipe));
  assert_int_equal(pclose(pipe), 0);
  assert_string_equal(line,
                      "qscope model.safetensors -t conv -q int8,sym,tensor,minmax --view board\n");
}

/* With an outlier channel, who clips it is best by the bulk, and last by the total; undo and the
 * recipe know the order. */
static void the_reader_chooses_the_metric(void **state)
{
  (void)state;
  struct harness *harness = open_board("int4", 24, 80);
  char total[512], bulk[512];
  assert_true(harness_press(harness, "\033[5~\033[5~\033[5~\033[5~", 4));
  fixture_selected(harness, total, sizeof total);
  assert_true(harness_press(harness, "r", 1));
  assert_shows(harness, "best by bulk");
  assert_shows(harness, "--view board --rank bulk");
  assert_shows(harness, "ranked by the bulk");
  assert_true(harness_press(harness, "\033[5~\033[5~\033[5~\033[5~", 4));
  fixture_selected(harness, bulk, sizeof bulk);
  assert_string_not_equal(total, bulk);
  assert_true(harness_press(harness, "r", 1));
  assert_shows(harness, "best by channel");
  assert_true(harness_press(harness, "uuu", 3)); /* between the two the selection went up again */
  assert_shows(harness, "best by total");
  assert_shows_not(harness, "--rank");
  fixture_quit(harness);
}

static void a_channel_has_its_own(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  assert_true(harness_press(harness, "3\r6", 3));
  assert_shows(harness, "channel 5");
  assert_shows(harness, "best by total");
  fixture_quit(harness);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(curve_and_table),
      cmocka_unit_test(screen_and_command_agree),
      cmocka_unit_test(enter_takes_the_rule),
      cmocka_unit_test(arrows_walk),
      cmocka_unit_test(rules_are_explained),
      cmocka_unit_test(knobs_make_another),
      cmocka_unit_test(appears_while_typing),
      cmocka_unit_test(checks_at_every_size),
      cmocka_unit_test(predictions_on_demand),
      cmocka_unit_test(squared_error_instead),
      cmocka_unit_test(every_size),
      cmocka_unit_test(only_ascii),
      cmocka_unit_test(exports_what_it_shows),
      cmocka_unit_test(the_reader_chooses_the_metric),
      cmocka_unit_test(a_channel_has_its_own),
  };
  return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
