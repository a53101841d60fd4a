/* The layer view as people meet it: tokens, methods, knobs, sizes, sentences where there is no
 * layer. */
#include "tests/screen/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 32 };

/* TOKENS x WIDTH float32: the identity, or that with something more in it. */
static void write_tokens(const char *name, int tokens, int width, float more)
{
  FILE *file = fopen(name, "wb");
  char header[129];
  assert_non_null(file);
  int used =
      snprintf(header, sizeof header,
               "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", tokens, width);
  memset(header + used, ' ', sizeof header - (size_t)used);
  header[117] = '\n';
  fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, file);
  fwrite(header, 1, 118, file);
  for (int t = 0; t < tokens; t++)
    for (int j = 0; j < width; j++) {
      float x = (j == t % width ? 1.0f : 0.0f) + more * (float)((t * 7 + j * 3) % 11);
      fwrite(&x, sizeof x, 1, file);
    }
  assert_int_equal(fclose(file), 0);
}

static int enter(void **state)
{
  if (fixture_enter(state) != 0)
    return -1;
  write_tokens("eye.npy", WIDTH, WIDTH, 0);
  write_tokens("more.npy", 2 * WIDTH, WIDTH, 0.25f);
  write_tokens("narrow.npy", WIDTH, WIDTH / 2, 0.25f);
  return 0;
}

static struct harness *open_layer(const char *spec, int rows, int columns)
{
  const char *arguments[] = {
      "model.safetensors", "-t", "conv", "-q", spec, "--view", "layer", NULL};
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = rows, .columns = columns});
  assert_true(harness_wait_settled(harness));
  return harness;
}

/* Types a command line and runs it. */
static void command(struct harness *harness, const char *line)
{
  type(harness, ":");
  type(harness, line);
  assert_true(harness_press(harness, "\r", 1));
}

/* The numbers of the selected row: method, output SQNR, weight SQNR. */
static void selected(struct harness *harness, char *method, double *output, double *weight)
{
  char row[512];
  fixture_selected(harness, row, sizeof row);
  const char *at = strpbrk(row, "abcdefghijklmnopqrstuvwxyz");
  assert_non_null(at);
  assert_int_equal(sscanf(at, "%63s %lf %lf", method, output, weight), 3);
}

/* What COMMAND prints, its first line. */
static void first_line(const char *shell, char *line, int size)
{
  FILE *pipe = popen(shell, "r");
  assert_non_null(pipe);
  assert_non_null(fgets(line, size, pipe));
  assert_int_equal(pclose(pipe), 0);
}

/* --- what it shows ------------------------------------------------------------------------ */

static void methods_and_tokens(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  assert_true(harness_press(harness, "9", 1));
  static const char *const texts[] = {"--view layer",
                                      "synthetic tokens llm-activation 512x32",
                                      "by output",
                                      "weight",
                                      "bits",
                                      "w/x %",
                                      "rtn",
                                      "awq",
                                      "Error of each output channel",
                                      "is best",
                                      "r sort",
                                      "Enter look"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    assert_shows(harness, texts[i]);
  fixture_quit(harness);
}

/* When the tokens are the identity, Y = Wᵀ: what the output loses is what the weight loses, and the
 * report has that number. */
static void identity_gives_the_error_of_the_weight(void **state)
{
  (void)state;
  char method[64], shell[512], line[128];
  double output, weight, expected;
  struct harness *harness = open_layer("int4,group=8", 24, 80);
  command(harness, "activation eye.npy");
  command(harness, "methods rtn");
  assert_shows(harness, "tokens eye 32x32");
  selected(harness, method, &output, &weight);
  assert_string_equal(method, "rtn");
  assert_float_equal(output, weight, 0.0101);
  snprintf(shell, sizeof shell,
           "'%s' report model.safetensors -t conv -q int4,group=8 --json | "
           "sed -n 's/.*\"sqnr_db\": \\([0-9.]*\\).*/\\1/p' | head -n 1",
           fixture_program());
  first_line(shell, line, sizeof line);
  expected = strtod(line, NULL);
  assert_float_equal(output, expected, 0.0051);
  fixture_quit(harness);
}

static void rows_are_sorted_by_any_column(void **state)
{
  (void)state;
  struct harness *harness = open_layer("int3,group=8", 24, 80);
  char method[64];
  double best, next, weight;
  selected(harness, method, &best, &weight); /* the best is selected until somebody moves */
  assert_true(harness_press(harness, "j", 1));
  selected(harness, method, &next, &weight);
  assert_true(next <= best);
  assert_true(harness_press(harness, "r", 1));
  assert_shows(harness, "sorted by held-out");
  assert_true(harness_press(harness, "r", 1));
  assert_shows(harness, "by weight");
  assert_shows(harness, "--sort weight");
  assert_true(harness_press(harness, "rrr", 3));
  assert_shows(harness, "by method");
  assert_true(harness_press(harness, "\033[5~\033[5~", 2));
  selected(harness, method, &next, &weight);
  assert_string_equal(method, "rtn"); /* the first of the table */
  fixture_quit(harness);
}

/* --- knobs -------------------------------------------------------------------------------- */

static void knobs_ask_for_other_rows(void **state)
{
  (void)state;
  struct harness *harness = open_layer("int4,group=8", 24, 80);
  char method[64];
  double first, second, weight;
  command(harness, "methods rtn");
  selected(harness, method, &first, &weight);
  assert_true(harness_press(harness, "B", 1));
  selected(harness, method, &second, &weight);
  assert_true(second < first);
  assert_shows(harness, "-q int3,");
  assert_true(harness_press(harness, "u", 1));
  selected(harness, method, &second, &weight);
  assert_true(second >= first && second <= first);
  assert_true(harness_press(harness, "x", 1));
  assert_shows(harness, "; x as int8");
  assert_shows(harness, "--activation-quantizer int8,sym,token,minmax");
  selected(harness, method, &second, &weight);
  assert_true(second < first);
  command(harness, "activation-quantizer none");
  assert_shows_not(harness, "x as int8");
  fixture_quit(harness);
}

static void options_turn(void **state)
{
  (void)state;
  struct harness *harness = open_layer("int4,group=8", 24, 80);
  command(harness, "methods rtn awq");
  command(harness, "layer-sort"); /* held-out: none; the order stays */
  type(harness, "k");
  command(harness, "method awq,grid=10");
  assert_shows(harness, "-m rtn -m awq,grid=10");
  char row[512];
  fixture_selected(harness, row, sizeof row);
  if (!strstr(row, "awq"))
    type(harness, "j");
  assert_true(harness_press(harness, "+", 1)); /* the first option is a switch */
  assert_shows(harness, "-m awq,clip,grid=10");
  assert_true(harness_press(harness, "-", 1));
  assert_shows(harness, "-m rtn -m awq,grid=10");
  type(harness, "w");
  assert_shows(harness, "+ and - turn it");
  assert_true(harness_press(harness, "+", 1));
  assert_shows(harness, "-m awq ");
  type(harness, "Y");
  assert_shows(harness, "awq,clip,grid=10");
  assert_true(harness_press(harness, "\033", 1));
  assert_true(harness_press(harness, "u", 1));
  assert_shows(harness, "-m awq,grid=10");
  command(harness, "methods rtn");
  type(harness, "+");
  assert_shows(harness, "this method has no options");
  command(harness, "method pie");
  assert_shows(harness, "'pie' is no method");
  fixture_quit(harness);
}

static void pins_have_rows(void **state)
{
  (void)state;
  struct harness *harness = open_layer("int4,group=8", 24, 80);
  command(harness, "methods rtn awq");
  assert_true(harness_press(harness, "a", 1));
  assert_true(harness_press(harness, "B", 1));
  static const char *const rows[] = {"A rtn", "A awq", "B rtn", "B awq"};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    assert_shows(harness, rows[i]);
  fixture_quit(harness);
}

/* --- the selected method -------------------------------------------------------------------- */

static void the_method_closely(void **state)
{
  (void)state;
  struct harness *harness = open_layer("int4,group=8", 24, 80);
  command(harness, "methods awq");
  assert_true(harness_press(harness, "\r", 1));
  assert_shows(harness, "Why: ");
  assert_shows(harness, "mit-han-lab/llm-awq");
  assert_shows_not(harness, "by output");
  assert_true(harness_press(harness, "v", 1));
  assert_shows(harness, "Size of each input channel");
  assert_true(harness_press(harness, "\033OC", 1));
  assert_shows(harness, "input channel ");
  assert_shows(harness, "; factor ");
  assert_true(harness_press(harness, "\033", 1)); /* the cursor, then the page */
  assert_shows_not(harness, "; factor ");
  assert_true(harness_press(harness, "\033", 1));
  assert_shows(harness, "by output");
  type(harness, "vv");
  assert_shows(harness, "What the search tried");
  assert_true(harness_press(harness, "\033OC", 1));
  assert_shows(harness, " 1.00 times the least");
  assert_true(harness_press(harness, "uuu", 3)); /* the cursor, and the two plots */
  assert_shows(harness, "Error of each output channel");
  assert_shows_not(harness, "times the least");
  type(harness, "?");
  assert_shows(harness, "Here, in the view Layer");
  type(harness, "?");
  fixture_quit(harness);
}

/* --- where there is no layer ---------------------------------------------------------------- */

static void what_does_not_fit_is_said(void **state)
{
  (void)state;
  struct harness *harness = open_layer("int8", 24, 80);
  command(harness, "activation narrow.npy");
  assert_shows(harness, "takes 32 input");
  assert_shows(harness, "transposes the weight: then"); /* conv is 16 x 32, the tokens 16 wide */
  type(harness, "T");
  assert_shows(harness, "W transposed");
  assert_shows(harness, "--transpose-weight");
  assert_shows(harness, "by output");
  type(harness, "T");
  command(harness, "activation nothing.npy");
  assert_shows(harness, "nothing.npy: ");
  assert_shows(harness, "--activation narrow.npy"); /* what was chosen stays */
  command(harness, "activation-tensor pie");
  assert_shows(harness, "pie");
  command(harness, "activation more.npy");
  command(harness, "evaluate eye.npy");
  assert_shows(harness, "held out eye 32x32");
  assert_shows(harness, "held weight");
  command(harness, "evaluate none");
  assert_shows_not(harness, "held out");
  command(harness, "hold-out 25%");
  assert_shows(harness, "the last 25 % held out");
  assert_shows(harness, "held weight");
  assert_shows(harness, "--hold-out 0.25");
  command(harness, "hold-out 2");
  assert_shows(harness, "expected a share");
  command(harness, "hold-out none");
  assert_shows_not(harness, "held weight");
  command(harness, "tensor bias");
  assert_shows(harness, "expected a matrix");
  type(harness, "jv+wx\033");
  command(harness, "tensor conv");
  assert_shows(harness, "by output");
  fixture_quit(harness);
}

/* Wider than the screen takes, though it has few numbers. */
static void what_is_too_large_is_said(void **state)
{
  (void)state;
  const char *arguments[] = {"synth:gaussian,shape=2x20000", "--view", "layer", NULL};
  struct harness *harness = fixture_start(arguments, &(struct harness_options){.rows = 24});
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "A layer of 2 x 20000 is too much");
  assert_shows(harness, "qscope layer takes");
  fixture_quit(harness);
}

/* Neighbours of the weight, until another source is named. */
static void names_are_completed(void **state)
{
  (void)state;
  struct harness *harness = open_layer("int8", 24, 80);
  type(harness, ":activation-tensor con");
  assert_true(harness_press(harness, "\t\r", 2));
  assert_shows(harness, "tokens conv 16x32");
  command(harness, "activation more.npy");
  type(harness, ":activation-tensor ");
  assert_true(harness_press(harness, "\t\r", 2));
  assert_shows(harness, "--activation more.npy -t more");
  type(harness, ":method aw");
  assert_true(harness_press(harness, "\t", 1));
  type(harness, ",cl");
  assert_true(harness_press(harness, "\t\r", 2));
  assert_shows(harness, " awq,clip ");
  fixture_quit(harness);
}

/* The file that the open one is compared with, and that which is opened next. */
static void other_files_come_and_go(void **state)
{
  (void)state;
  struct harness *harness = open_layer("int8", 24, 80);
  command(harness, "activation more.npy");
  command(harness, "compare-with model.safetensors");
  assert_true(harness_press(harness, "9", 1));
  assert_shows(harness, "tokens more 64x32");
  assert_true(harness_press(harness, "5", 1));
  assert_true(harness_press(harness, "9", 1));
  command(harness, "open more.npy");
  assert_shows(harness, "synthetic tokens"); /* those of another file are not its own */
  assert_shows_not(harness, "--activation");
  fixture_quit(harness);
}

static void fits_any_screen(void **state)
{
  (void)state;
  static const int sizes[][2] = {{5, 20},   {12, 40}, {18, 66}, {24, 80},
                                 {43, 132}, {1, 8},   {60, 200}};
  struct harness *harness = open_layer("int4", 24, 80);
  command(harness, "methods rtn awq");
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    harness_resize(harness, sizes[i][0], sizes[i][1]);
    assert_true(harness_press(harness, "j", 1));
    assert_true(harness_press(harness, "\r", 1));
    assert_true(harness_press(harness, "v", 1));
    assert_true(harness_press(harness, "\r", 1));
    if (sizes[i][0] >= 12)
      assert_shows(harness, "awq");
    else if (sizes[i][0] > 4)
      assert_shows(harness, "rtn 22.36 dB"); /* the row that j went to */
  }
  harness_resize(harness, 24, 80);
  assert_true(harness_press(harness, "1", 1));
  fixture_quit(harness);
}

/* Esc leaves what is known, and says so; a knob starts again. */
static void long_work_can_be_stopped(void **state)
{
  (void)state;
  const char *arguments[] = {
      "synth:llm-weight,shape=1024x2048", "-q", "int4,group=32", "--view", "layer", NULL};
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = 40, .columns = 120});
  assert_true(harness_wait_text(harness, "waits")); /* its turn has not come */
  assert_true(harness_press(harness, "j\033", 2));
  assert_shows(harness, "stopped: the methods that are known stay");
  assert_shows(harness, "  stopped");
  command(harness, "methods rtn");
  assert_shows(harness, "Error of each output channel");
  assert_shows_not(harness, "stopped");
  fixture_quit(harness);
}

/* The figure has its recipe inside, and its numbers beside it. */
static void the_figure_is_written(void **state)
{
  (void)state;
  char shell[1024], line[512];
  struct harness *harness = open_layer("int4,group=8", 24, 80);
  command(harness, "methods rtn awq");
  command(harness, "save-figure layer.svg");
  bool drawn = !harness_shows(harness, "font is installed");
  if (drawn)
    assert_shows(harness, "wrote layer.svg");
  fixture_quit(harness);
  if (!drawn)
    skip();
  snprintf(shell, sizeof shell, "'%s' replay layer.svg --print", fixture_program());
  first_line(shell, line, sizeof line);
  assert_non_null(strstr(line, "--view layer -m rtn -m awq"));
}

/* --- without a screen ----------------------------------------------------------------------- */

/* The recipe of the state opens the state again. */
static void a_script_and_its_recipe(void **state)
{
  (void)state;
  char shell[1024], line[512];
  snprintf(shell, sizeof shell,
           "printf 'activation more.npy\\nevaluate eye.npy\\nmethods rtn awq,clip\\n"
           "activation-quantizer int8,token\\nsave-screen a.txt\\n' >a.script && "
           "'%s' model.safetensors -t conv -q int4,group=8 --script a.script && "
           "grep -c 'tokens more 64x32; held out eye 32x32' a.txt",
           fixture_program());
  first_line(shell, line, sizeof line);
  assert_int_equal(atoi(line), 1);
  snprintf(shell, sizeof shell,
           "printf 'save-screen b.txt\\n' >b.script && '%s' replay --script b.script "
           "\"qscope model.safetensors -t conv -q int4,group=8 --view layer -m rtn -m awq,clip "
           "--activation-quantizer int8,token --activation more.npy --evaluate eye.npy\" && "
           "grep -c 'tokens more 64x32; held out eye 32x32' b.txt",
           fixture_program());
  first_line(shell, line, sizeof line);
  assert_int_equal(atoi(line), 1);
}

static void sentences(void **state)
{
  (void)state;
  char shell[1024], line[512];
  snprintf(
      shell, sizeof shell,
      "printf 'activation eye.npy\\nmethods rtn\\ndown\\nread\\nquit\\n' | '%s' --linear "
      "model.safetensors -t conv -q int4,group=8 >said.txt; "
      "grep -c 'rtn: output SQNR [0-9.]* dB, weight SQNR [0-9.]* dB, 8 bits per weight' said.txt",
      fixture_program());
  first_line(shell, line, sizeof line);
  if (atoi(line) != 1) {
    first_line("grep rtn said.txt", line, sizeof line);
    fail_msg("%s", line);
  }
  first_line("grep -c 'Error of each output channel' said.txt", line, sizeof line);
  assert_true(atoi(line) >= 1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(methods_and_tokens),
      cmocka_unit_test(identity_gives_the_error_of_the_weight),
      cmocka_unit_test(rows_are_sorted_by_any_column),
      cmocka_unit_test(knobs_ask_for_other_rows),
      cmocka_unit_test(options_turn),
      cmocka_unit_test(pins_have_rows),
      cmocka_unit_test(the_method_closely),
      cmocka_unit_test(what_does_not_fit_is_said),
      cmocka_unit_test(what_is_too_large_is_said),
      cmocka_unit_test(names_are_completed),
      cmocka_unit_test(other_files_come_and_go),
      cmocka_unit_test(fits_any_screen),
      cmocka_unit_test(long_work_can_be_stopped),
      cmocka_unit_test(the_figure_is_written),
      cmocka_unit_test(a_script_and_its_recipe),
      cmocka_unit_test(sentences),
  };
  return cmocka_run_group_tests_name("layer view", tests, enter, fixture_leave);
}
