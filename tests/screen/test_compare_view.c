/* The comparison of two files as people meet it: keys, rows, the figure, sizes, errors. */
#include "tests/screen/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Writes second.safetensors: the model with channel 2 of "conv" lost, and with another name for
 * "bias". */
static int write_second(void **state)
{
  enum { ROW = 32 * 4 };
  static char bytes[1 << 16];
  uint64_t header;
  if (fixture_enter(state) != 0)
    return -1;
  FILE *from = fopen("model.safetensors", "rb"), *to = fopen("second.safetensors", "wb");
  if (!from || !to)
    return -1;
  size_t length = fread(bytes, 1, sizeof bytes, from);
  memcpy(&header, bytes, sizeof header);
  char *name = strstr(bytes + 8, "\"bias\"");
  memcpy(name, "\"gain\"", 6);
  memset(bytes + 8 + header + 2 * ROW, 0, ROW);
  fwrite(bytes, 1, length, to);
  fclose(from);
  return fclose(to);
}

static struct harness *open_pair(int rows, int columns)
{
  const char *arguments[] = {"model.safetensors",  "-t", "conv", "--compare",
                             "second.safetensors", NULL};
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = rows, .columns = columns});
  assert_true(harness_wait_settled(harness));
  return harness;
}

/* The row of the table that the pointer stands on, as text. */
static const char *selected(struct harness *harness)
{
  int row, column;
  assert_true(harness_find(harness, "\342\226\270", &row, &column));
  assert_int_equal(column, 0);
  return harness_row(harness, row);
}

static void pairs_and_figure(void **state)
{
  (void)state;
  struct harness *harness = open_pair(24, 80);
  static const char *const texts[] = {"--compare second.safetensors --view compare",
                                      "B second.safetensors",
                                      "all 2: ",
                                      "elements per bin",
                                      "tensor of A",
                                      "only in A",
                                      "only in B",
                                      "gain",
                                      "bad\\x1b[31mred",
                                      "The knobs, int8",
                                      "r rank"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    assert_shows(harness, texts[i]);
  assert_non_null(strstr(selected(harness), "conv"));
  fixture_quit(harness);
}

/* The number in the row is the one that "qscope diff" prints. */
static void screen_and_command_agree(void **state)
{
  (void)state;
  char command[512], line[512], number[32] = "";
  snprintf(command, sizeof command, "'%s' diff model.safetensors second.safetensors -t conv",
           fixture_program());
  FILE *pipe = popen(command, "r");
  assert_non_null(pipe);
  while (fgets(line, sizeof line, pipe))
    sscanf(line, "conv f32, f32 %31s", number);
  assert_int_equal(pclose(pipe), 0);
  assert_true(strlen(number) >= 4);
  struct harness *harness = open_pair(24, 80);
  assert_non_null(strstr(selected(harness), number));
  fixture_quit(harness);
}

/* Down goes to the tensor of the next row, and past the last pair to those without a partner. */
static void arrows_walk(void **state)
{
  (void)state;
  struct harness *harness = open_pair(24, 140);
  assert_true(harness_press(harness, "j", 1));
  assert_non_null(strstr(selected(harness), "bad\\x1b[31mred"));
  assert_shows(harness, "identical");
  assert_true(harness_press(harness, "j", 1));
  assert_non_null(strstr(selected(harness), "only in A"));
  assert_shows(harness, "No tensor of B is called so.");
  assert_shows(harness, "-t bias");
  assert_true(harness_press(harness, "j", 1));
  assert_non_null(strstr(selected(harness), "gain"));
  assert_shows(harness, "-t bias"); /* A has no such tensor to go to */
  assert_true(harness_press(harness, "jjkkkk", 6));
  assert_non_null(strstr(selected(harness), "conv"));
  assert_true(harness_press(harness, "n", 1));
  assert_non_null(strstr(selected(harness), "bias"));
  fixture_quit(harness);
}

static void other_ranks(void **state)
{
  (void)state;
  struct harness *harness = open_pair(24, 80);
  assert_true(harness_press(harness, "r", 1));
  assert_shows(harness, "ranked: the largest MSE first");
  assert_true(harness_press(harness, "rrrr", 4));
  assert_shows(harness, "ranked: in the order of A");
  assert_true(harness_press(harness, "r", 1));
  assert_shows(harness, "ranked: the lowest SQNR first");
  fixture_quit(harness);
}

/* A second file is opened from within; what cannot be opened leaves everything as it was. */
static void opened_by_hand(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  assert_true(harness_press(harness, "5", 1));
  assert_shows(harness, "Nothing to compare with: a pins this quantizer");
  assert_true(harness_press(harness, "Onone.npy\r", 10));
  assert_shows(harness, "none.npy: cannot open");
  assert_true(harness_press(harness, "Osecond.safetensors\r", 20));
  assert_shows(harness, "B second.safetensors");
  assert_true(harness_press(harness, "Odamaged.npy\r", 13));
  assert_shows(harness, "damaged.npy: ");
  assert_shows(harness, "B second.safetensors");
  assert_true(harness_press(harness, "Osynth:gaussian\r", 16));
  assert_shows(harness, "no tensor of model.safetensors is called as one of synth:gaussian");
  assert_shows(harness, "B second.safetensors");
  assert_true(harness_press(harness, "osynth:gaussian\r", 16));
  assert_shows(harness, "Nothing to compare with");
  fixture_quit(harness);
}

/* Transposed tensors are compared when that is asked for. */
static void aligned_on_demand(void **state)
{
  (void)state;
  const char *arguments[] = {"synth:gaussian,shape=4x6", "--compare", "synth:laplace,shape=6x4",
                             NULL};
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = 24, .columns = 80});
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "4x6 in A, 6x4 in B: transposed");
  assert_true(harness_press(harness, "x", 1));
  assert_shows(harness, "--align --view compare");
  assert_shows_not(harness, "4x6 in A");
  assert_shows(harness, "elements per bin");
  assert_true(harness_press(harness, "x", 1));
  assert_shows(harness, "4x6 in A");
  fixture_quit(harness);
}

static void exports_what_it_shows(void **state)
{
  (void)state;
  struct harness *harness = open_pair(24, 80);
  assert_true(harness_press(harness, "E", 1));
  assert_shows(harness, "wrote conv-compare.png");
  assert_true(harness_press(harness, "jjE", 3));
  assert_shows(harness, "there is no pair to draw");
  fixture_quit(harness);
  char command[512], line[512];
  snprintf(command, sizeof command, "'%s' replay conv-compare.png --print", fixture_program());
  FILE *pipe = popen(command, "r");
  assert_non_null(fgets(line, sizeof line, pipe));
  assert_int_equal(pclose(pipe), 0);
  assert_string_equal(line, "qscope model.safetensors -t conv -q int8,sym,tensor,minmax --compare "
                            "second.safetensors --view compare\n");
  snprintf(command, sizeof command,
           "'%s' replay conv-compare.png -o again.png && cmp conv-compare.png again.png",
           fixture_program());
  assert_int_equal(system(command), 0);
}

static void every_size(void **state)
{
  (void)state;
  static const int sizes[][2] = {{40, 120}, {24, 80}, {12, 40}, {50, 200}, {8, 30}, {16, 60}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct harness *harness = open_pair(sizes[i][0], sizes[i][1]);
    assert_shows(harness, "con");
    if (sizes[i][0] >= 12)
      assert_shows(harness, "SQNR");
    if (sizes[i][0] >= 40)
      assert_shows(harness, "Error against value");
    fixture_quit(harness);
  }
}

static void zoomed(void **state)
{
  (void)state;
  struct harness *harness = open_pair(24, 80);
  assert_true(harness_press(harness, "zV", 2));
  assert_shows(harness, "--log --range ");
  assert_true(harness_press(harness, "0", 1));
  assert_shows_not(harness, "--range ");
  fixture_quit(harness);
}

/* What was quantized before is said to lie on its grid, here and in the other views. */
static void a_grid_is_recognised(void **state)
{
  (void)state;
  char command[512];
  snprintf(
      command, sizeof command,
      "'%s' report model.safetensors -t conv -q int4,channel --dequantized grid.npy >report.txt",
      fixture_program());
  assert_int_equal(system(command), 0);
  const char *arguments[] = {"grid.npy", "-q", "int4,channel", NULL};
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = 24, .columns = 140});
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "It lies on a 4-bit grid, one for each channel of axis 0");
  fixture_quit(harness);
  const char *pair[] = {"model.safetensors", "-t",       "conv",      "--compare",
                        "grid.npy",          "--rename", "conv=grid", NULL};
  harness = fixture_start(pair, &(struct harness_options){.rows = 24, .columns = 200});
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "B lies on a 4-bit grid");
  fixture_quit(harness);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pairs_and_figure),
      cmocka_unit_test(screen_and_command_agree),
      cmocka_unit_test(arrows_walk),
      cmocka_unit_test(other_ranks),
      cmocka_unit_test(opened_by_hand),
      cmocka_unit_test(aligned_on_demand),
      cmocka_unit_test(exports_what_it_shows),
      cmocka_unit_test(every_size),
      cmocka_unit_test(zoomed),
      cmocka_unit_test(a_grid_is_recognised),
  };
  return cmocka_run_group_tests(tests, write_second, fixture_leave);
}
