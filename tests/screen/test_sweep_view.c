/* The sweep view as people meet it: points, keys, sizes, cancelling, figures. */
#include "tests/screen/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct harness *open_sweep(const char *spec, const char *over, int rows, int columns)
{
  const char *arguments[] = {
      "model.safetensors", "-t", "conv", "-q", spec, "--view", "sweep", "--over", over, NULL};
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = rows, .columns = columns});
  assert_true(harness_wait_settled(harness));
  return harness;
}

/* What COMMAND prints, its first line. */
static void first_line(const char *command, char *line, int size)
{
  FILE *pipe = popen(command, "r");
  assert_non_null(pipe);
  assert_non_null(fgets(line, size, pipe));
  assert_int_equal(pclose(pipe), 0);
}

/* --- what it shows ------------------------------------------------------------------------ */

static void points_and_readout(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  assert_true(harness_press(harness, "4", 1));
  static const char *const texts[] = {
      "--view sweep", "SQNR dB", "\342\227\217 intN", "\342\226\240 asym", "chosen",
      "w over",       "r rank",  "x front",           "Enter take"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    assert_shows(harness, texts[i]);
  assert_shows(harness, "int8,sym,tensor,minmax  8.062 bit "); /* the readout, of the knobs' own */
  fixture_quit(harness);
}

/* Every row of the table has the numbers that "qscope sweep" prints for its spec. */
static void screen_and_command_agree(void **state)
{
  (void)state;
  char command[512], line[512], spec[128], bits[32], sqnr[32];
  struct harness *harness = open_sweep("int4,group=16", "group=4:16", 48, 160);
  snprintf(command, sizeof command,
           "'%s' sweep model.safetensors -t conv -q int4 -q int4,asym -q int5 --over group=4:16",
           fixture_program());
  FILE *pipe = popen(command, "r");
  assert_non_null(pipe);
  assert_non_null(fgets(line, sizeof line, pipe)); /* the heading */
  int rows = 0;
  for (; fgets(line, sizeof line, pipe); rows++) {
    int row, column;
    assert_int_equal(sscanf(line, "%*s %127s %31s bit %31s", spec, bits, sqnr), 3);
    strcat(spec, " ");
    assert_true(harness_find(harness, spec, &row, &column));
    assert_non_null(strstr(harness_row(harness, row), sqnr));
    assert_non_null(strstr(harness_row(harness, row), bits));
    bool starred = strchr(line, '*'), shown = strchr(harness_row(harness, row), '*');
    assert_true(!shown || starred); /* the screen has more rows to be better than these */
  }
  assert_int_equal(pclose(pipe), 0);
  assert_int_equal(rows, 9);
  fixture_quit(harness);
}

/* --- keys --------------------------------------------------------------------------------- */

static void arrows_walk(void **state)
{
  (void)state;
  struct harness *harness = open_sweep("int4", "bits=2:6", 40, 120);
  char here[512], there[512];
  fixture_selected(harness, here, sizeof here);
  assert_non_null(strstr(here, "int4,sym,tensor,minmax"));
  assert_true(harness_press(harness, "\033OC", 1)); /* along the line */
  fixture_selected(harness, there, sizeof there);
  assert_non_null(strstr(there, "int5,sym,tensor,minmax"));
  assert_true(harness_press(harness, "\033OC\033OC", 2));
  fixture_selected(harness, there, sizeof there);
  assert_non_null(strstr(there, "int6,sym,tensor,minmax"));
  assert_shows(harness, "the line ends here");
  assert_true(harness_press(harness, "\033OD", 1));
  assert_shows(harness, "for 1 bit more"); /* int5 against int4 */
  assert_true(harness_press(harness, "\033OC", 1));
  assert_true(harness_press(harness, "\033OD\033OD", 2));
  fixture_selected(harness, there, sizeof there);
  assert_string_equal(here, there);
  assert_true(harness_press(harness, "\033[5~\033[5~\033[5~", 3)); /* to the best of all */
  fixture_selected(harness, there, sizeof there);
  assert_non_null(strstr(there, "* int6,sym,channel,minmax"));
  for (int i = 0; i < 5; i++)
    assert_true(harness_press(harness, "\033[6~", 1)); /* to the worst, and stays there */
  fixture_selected(harness, there, sizeof there);
  assert_non_null(strstr(there, "int2,"));
  fixture_quit(harness);
}

static void enter_takes_the_point(void **state)
{
  (void)state;
  struct harness *harness = open_sweep("int4", "bits=2:6", 24, 80);
  assert_true(harness_press(harness, "\033OC\r", 2));
  assert_shows(harness, "took int5,sym,tensor,minmax");
  assert_shows(harness, "-q int5,sym,tensor,minmax --view sweep --over bits=2:6");
  assert_shows(harness, "int5,sym,tensor,minmax  5.062 bit"); /* and it is what the readout is of */
  assert_true(harness_press(harness, "u", 1));
  assert_shows(harness, "-q int4,sym,tensor,minmax --view sweep --over bits=2:6");
  assert_true(harness_press(harness, "U", 1));
  assert_shows(harness, "-q int5,sym,tensor,minmax --view sweep --over bits=2:6");
  fixture_quit(harness);
}

static void over_the_next_thing(void **state)
{
  (void)state;
  static const char *const kinds[] = {"group",      "clip",   "percentile",
                                      "calibrator", "format", "distribution"};
  struct harness *harness = open_sweep("int4", "bits", 24, 80);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    char shown[32];
    assert_true(harness_press(harness, "w", 1)); /* block is none: int4 has no blocks */
    snprintf(shown, sizeof shown, "--over %s", kinds[i]);
    assert_shows(harness, shown);
  }
  assert_true(harness_press(harness, "w", 1));
  assert_shows(harness, "--over bits");
  assert_true(harness_press(harness, "W", 1));
  assert_shows(harness, "--over distribution");
  assert_true(harness_press(harness, "u", 1));
  assert_shows(harness, "--over bits");
  assert_true(harness_press(harness, "1", 1));
  assert_shows_not(harness, "--over");
  assert_true(harness_press(harness, "4", 1));
  assert_shows(harness, "--over bits");
  fixture_quit(harness);
}

static void metrics_and_the_front(void **state)
{
  (void)state;
  struct harness *harness = open_sweep("int4", "bits=2:6", 24, 132);
  assert_true(harness_press(harness, "r", 1));
  assert_shows(harness, "mean squared error");
  assert_shows(harness, "--over bits=2:6 --metric mse");
  assert_true(harness_press(harness, "r", 1));
  assert_shows(harness, "bulk SQNR dB");
  assert_shows(harness, "--metric bulk_sqnr_db");
  assert_true(harness_press(harness, "r", 1));
  assert_shows_not(harness, "--metric");
  assert_shows(harness, "Pareto front");
  assert_true(harness_press(harness, "x", 1));
  assert_shows(harness, "--no-pareto");
  assert_shows_not(harness, "Pareto front");
  assert_true(harness_press(harness, "u", 1));
  assert_shows(harness, "Pareto front");
  fixture_quit(harness);
}

/* The message says what is better, or that nothing is. */
static void the_verdict(void **state)
{
  (void)state;
  struct harness *harness = open_sweep("int4", "bits=2:6", 24, 132);
  assert_shows(harness, "dB more at no more bits");
  for (int i = 0; i < 3; i++) /* the best of all, and again among its own companions */
    assert_true(harness_press(harness, "\033[5~\033[5~\033[5~\r", 4));
  assert_true(harness_press(harness, "xx", 2)); /* what was done gives way */
  assert_shows(harness, "on the front: nothing here is better at");
  fixture_quit(harness);
}

static void what_cannot_be_swept(void **state)
{
  (void)state;
  struct harness *harness = open_sweep("bf16", "block", 24, 132);
  assert_shows(harness, "nothing to sweep over");
  assert_true(harness_press(harness, "\r", 1));
  assert_shows(harness, "there is no point to take");
  assert_true(harness_press(harness, "w", 1)); /* goes on to what can be */
  assert_shows(harness, "--over clip");
  assert_shows_not(harness, "nothing to sweep over");
  fixture_quit(harness);
}

/* --- sizes -------------------------------------------------------------------------------- */

static void every_size(void **state)
{
  (void)state;
  static const struct {
    int rows, columns;
    bool readout, table;
  } sizes[] = {{12, 40, false, false}, {18, 66, true, false},  {24, 80, true, false},
               {40, 120, false, true}, {60, 200, false, true}, {13, 200, false, false}};
  struct harness *harness = open_sweep("int4", "bits", 24, 80);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    harness_resize(harness, sizes[i].rows, sizes[i].columns);
    assert_true(harness_press(harness, "j", 1));
    assert_true(harness_press(harness, "k", 1));
    assert_shows(harness, "SQNR dB");
    (sizes[i].readout ? assert_shows : assert_shows_not)(harness, "minmax  4.062 bit");
    (sizes[i].table ? assert_shows : assert_shows_not)(harness, "* on the front");
  }
  fixture_quit(harness);
}

static void only_ascii(void **state)
{
  (void)state;
  const char *arguments[] = {"model.safetensors", "-t", "conv", "-q", "int4", "--view", "sweep",
                             "--ascii",           NULL};
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = 40, .columns = 120});
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "# asym");
  for (const char *at = harness_screen(harness); *at; at++)
    assert_true((unsigned char)*at < 0x80);
  fixture_quit(harness);
}

/* --- figures, channels, long work --------------------------------------------------------- */

/* Replaying the recipe that is inside the figure gives the same file. */
static void exports_what_it_shows(void **state)
{
  (void)state;
  char command[512], line[512];
  struct harness *harness = open_sweep("int4,group=16", "group=4:32", 24, 80);
  assert_true(harness_press(harness, "rE", 2));
  assert_shows(harness, "wrote conv-sweep.png");
  fixture_quit(harness);
  snprintf(command, sizeof command, "'%s' replay conv-sweep.png --print", fixture_program());
  first_line(command, line, sizeof line);
  assert_string_equal(line, "qscope model.safetensors -t conv -q int4,sym,group=16,minmax "
                            "--view sweep --over group=4:32 --metric mse\n");
  snprintf(command, sizeof command,
           "'%s' replay conv-sweep.png -o again.png && cmp conv-sweep.png again.png && echo same",
           fixture_program());
  first_line(command, line, sizeof line);
  assert_string_equal(line, "same\n");
}

static void a_channel_has_its_own(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  assert_true(harness_press(harness, "3\r4", 3));
  assert_shows(harness, "channel 5");
  assert_shows(harness, "SQNR dB");
  assert_shows(harness, "chosen");
  fixture_quit(harness);
}

/* What is pinned has lines of its own, in the recipe too, in place of the companions. */
static void pins_are_lines(void **state)
{
  (void)state;
  struct harness *harness = open_sweep("int4", "bits=2:6", 40, 120);
  assert_shows(harness, "channel");
  assert_true(harness_press(harness, "a", 1));
  assert_true(harness_type(harness, ":int4,channel,mse\r"));
  assert_shows(harness, "intN,sym,channel,mse");
  assert_shows(harness,
               "\342\226\240 tensor,minmax"); /* what it has that the present one has not */
  assert_shows_not(harness, "asym");
  assert_shows(harness,
               "-q int4,sym,tensor,minmax -q int4,sym,channel,mse --view sweep --over bits=2:6");
  fixture_quit(harness);
}

/* Data in place of specs: the plot of SQNR against peak / RMS, its points and their names. */
static void over_data(void **state)
{
  (void)state;
  struct harness *harness =
      open_sweep("int8", "distribution=uniform:shape=64x64,gaussian:shape=64x64", 40, 120);
  assert_shows(harness, "52.87 dB less the peak");
  assert_shows(harness, "this tensor: int8");
  assert_shows(harness, "uniform 64x64: mse");
  assert_shows(harness, " peak / RMS "); /* the verdict starts with it */
  type(harness, ":point uniform:shape=64x64 float8_e4m3fn\r");
  assert_shows(harness, "uniform:shape=64x64 float8_e4m3fn,tensor,minmax: 8.008 bit");
  assert_shows(harness, "peak / RMS 1.7");
  type(harness, "\r");
  assert_shows(harness, "-q float8_e4m3fn,tensor,minmax --view sweep");
  fixture_quit(harness);
}

/* Esc leaves what is known, and says so; a knob starts again. */
static void a_long_sweep_can_be_stopped(void **state)
{
  (void)state;
  const char *arguments[] = {"synth:laplace,shape=1024x4096",
                             "-q",
                             "int4,group=32",
                             "--view",
                             "sweep",
                             "--over",
                             "group",
                             NULL};
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = 40, .columns = 120});
  assert_true(harness_wait_text(harness, " of 25 points"));
  assert_true(harness_press(harness, "\033", 1));
  assert_shows(harness, "stopped: the points that are known stay");
  assert_shows(harness, " of 25 points");
  fixture_quit(harness);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(points_and_readout),
      cmocka_unit_test(screen_and_command_agree),
      cmocka_unit_test(arrows_walk),
      cmocka_unit_test(enter_takes_the_point),
      cmocka_unit_test(over_the_next_thing),
      cmocka_unit_test(metrics_and_the_front),
      cmocka_unit_test(the_verdict),
      cmocka_unit_test(what_cannot_be_swept),
      cmocka_unit_test(every_size),
      cmocka_unit_test(only_ascii),
      cmocka_unit_test(exports_what_it_shows),
      cmocka_unit_test(a_channel_has_its_own),
      cmocka_unit_test(pins_are_lines),
      cmocka_unit_test(over_data),
      cmocka_unit_test(a_long_sweep_can_be_stopped),
  };
  return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
