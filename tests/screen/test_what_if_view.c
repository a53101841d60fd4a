/* The what-ifs of view 3 as people meet them: the numbers of the command line, taking one, undoing
 * it, taking it off, sizes. */
#include "tests/screen/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct harness *open_channels(int rows, int columns)
{
  static const char *const arguments[] = {
      "model.safetensors", "-t", "conv", "-q", "int8", "--view", "channels", "--axis", "0", NULL};
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = rows, .columns = columns});
  assert_true(harness_wait_settled(harness));
  return harness;
}

/* "smooth      55.61 dB" as the report prints it: name and SQNR of every row that is possible. */
static void screen_and_command_agree(void **state)
{
  char command[512], line[512], name[64], sqnr[64];
  int rows = 0;
  (void)state;
  struct harness *harness = open_channels(24, 80);
  assert_true(harness_press(harness, "w", 1));
  assert_shows(harness, "what if");
  snprintf(command, sizeof command,
           "'%s' report model.safetensors -t conv -q int8 --axis 0 --what-if", fixture_program());
  FILE *pipe = popen(command, "r");
  assert_non_null(pipe);
  while (fgets(line, sizeof line, pipe))
    if (sscanf(line, "  %63[a-z] %63s dB %*s dB", name, sqnr) == 2 && strstr(line, " bit  -")) {
      snprintf(line, sizeof line, "%s dB", sqnr);
      assert_shows(harness, name);
      assert_shows(harness, line);
      rows++;
    }
  assert_int_equal(pclose(pipe), 0);
  assert_int_equal(rows, 7);
  fixture_quit(harness);
}

static void enter_takes_it_and_backspace_takes_it_off(void **state)
{
  (void)state;
  struct harness *harness = open_channels(24, 80);
  assert_true(harness_press(harness, "wj", 2));
  assert_true(harness_press(harness, "\r", 1)); /* the second: rotate */
  assert_shows(harness, "conv after hadamard");
  assert_shows(harness, "--transform hadamard");
  assert_shows(harness, "it is on");
  assert_true(harness_press(harness, "u", 1));
  assert_shows_not(harness, "after hadamard");
  assert_true(harness_press(harness, "U", 1));
  assert_shows(harness, "conv after hadamard");
  assert_true(harness_press(harness, "\177", 1));
  assert_shows(harness, "hadamard is off");
  assert_shows_not(harness, "conv after");
  assert_true(harness_press(harness, "u", 1));
  assert_shows(harness, "conv after hadamard");
  fixture_quit(harness);
}

/* A row that changes the quantizer: the knobs follow. */
static void enter_turns_knobs(void **state)
{
  (void)state;
  struct harness *harness = open_channels(24, 80);
  assert_true(harness_press(harness, "wjjjj", 5));
  assert_true(harness_press(harness, "\r", 1));
  assert_shows(harness, "-q int8,sym,channel,minmax");
  assert_true(harness_press(harness, "\r", 1));
  assert_shows(harness, "it is on");
  fixture_quit(harness);
}

static void the_list_comes_back(void **state)
{
  (void)state;
  struct harness *harness = open_channels(24, 80);
  assert_shows(harness, "of median");
  assert_true(harness_press(harness, "w", 1));
  assert_shows_not(harness, "of median");
  assert_true(harness_press(harness, "w", 1));
  assert_shows(harness, "of median");
  assert_true(harness_press(harness, "w", 1));
  assert_true(harness_press(harness, "\033", 1));
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "of median");
  fixture_quit(harness);
}

/* The argument of a transform has keys: ALPHA goes by twentieths, K by one, N twofold, as far as it
 * fits. conv has 16 channels. */
static void the_argument_is_turned(void **state)
{
  (void)state;
  struct harness *harness = open_channels(24, 80);
  assert_true(harness_press(harness, "z", 1));
  assert_shows(harness, "there is no transform");
  type(harness, ":transform smo\t\r");
  assert_shows(harness, "conv after smooth=0.5");
  assert_true(harness_press(harness, "zzZ", 3));
  assert_shows(harness, "conv after smooth=0.55");
  assert_shows(harness, "--transform smooth=0.55");
  type(harness, "u");
  assert_shows(harness, "conv after smooth=0.6");
  type(harness, ":transform smooth=1\rz");
  assert_shows(harness, "smooth goes from 0 to 1");
  type(harness, ":transform hadamard\rZ");
  assert_shows(harness, "conv after hadamard=8");
  type(harness, "zz");
  assert_shows(harness, "conv after hadamard=16");
  assert_shows(harness, "axis 0 has 16 channels");
  type(harness, ":transform split=1\rz");
  assert_shows(harness, "conv after split=2");
  type(harness, "ZZ");
  assert_shows(harness, "split goes from 1 to");
  type(harness, ":transform none\r");
  assert_shows_not(harness, "--transform");
  type(harness, ":transform smoth\r");
  assert_shows(harness, "did you mean 'smooth'");
  fixture_quit(harness);
}

/* A channel alone is as it is; back from it the transform is on again. */
static void a_channel_alone(void **state)
{
  (void)state;
  struct harness *harness = open_channels(24, 80);
  assert_true(harness_press(harness, "w", 1));
  assert_true(harness_press(harness, "\r", 1));
  assert_true(harness_press(harness, "w", 1));
  assert_shows(harness, "conv after smooth=0.5");
  assert_true(harness_press(harness, "\r", 1));
  assert_shows(harness, "conv channel ");
  assert_shows_not(harness, "--transform");
  assert_true(harness_press(harness, "3w", 2));
  assert_shows(harness, "no others to be compared with");
  assert_true(harness_press(harness, "\177", 1));
  assert_shows(harness, "conv after smooth=0.5");
  fixture_quit(harness);
}

/* The command line opens it, the other views look at what is quantized. */
static void every_view_with_a_transform(void **state)
{
  (void)state;
  static const char *const arguments[] = {"model.safetensors", "-t",      "conv", "--axis", "0",
                                          "--transform",       "split=2", NULL};
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = 24, .columns = 80});
  assert_true(harness_wait_settled(harness));
  static const char *const keys[] = {"1", "2", "3", "6", "7", "K", "f", "d", "D", "g"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    assert_true(harness_press(harness, keys[i], 1));
    assert_true(harness_wait_settled(harness));
    assert_shows(harness, "split=2");
  }
  assert_true(harness_press(harness, "n", 1)); /* a vector: its two largest values stay */
  assert_shows(harness, "bias");
  fixture_quit(harness);
}

static void small_screens(void **state)
{
  static const int sizes[][2] = {{12, 40}, {5, 20}, {50, 160}, {14, 60}};
  (void)state;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct harness *harness = open_channels(sizes[i][0], sizes[i][1]);
    assert_true(harness_press(harness, "wjjj", 4));
    assert_true(harness_wait_settled(harness));
    if (sizes[i][0] > 5)
      assert_shows(harness, "clip");
    fixture_quit(harness);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(screen_and_command_agree),
      cmocka_unit_test(enter_takes_it_and_backspace_takes_it_off),
      cmocka_unit_test(enter_turns_knobs),
      cmocka_unit_test(the_list_comes_back),
      cmocka_unit_test(a_channel_alone),
      cmocka_unit_test(the_argument_is_turned),
      cmocka_unit_test(every_view_with_a_transform),
      cmocka_unit_test(small_screens),
  };
  return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
