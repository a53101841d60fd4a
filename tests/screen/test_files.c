/* Files of all kinds behave alike: the same keys, the same views, whatever the numbers came from.
 */
#include "tests/screen/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const files[] = {
    "shards-with-index",
    "pack-floats.safetensors",
    "gguf-plain-numbers.gguf",
    "gguf-all-types.gguf",
    "gguf-big-endian.gguf",
    "pt-zip.pt",
    "pt-legacy.pth",
    "onnx-features.onnx",
    "npz-stored.npz",
    "npz-deflated.npz",
    "npy-f4.npy",
    "text-columns.csv",
    "text-blanks.txt",
    "imatrix.gguf",
    "imatrix-older.dat",
    "model-mlx",
};
enum { FILES = sizeof files / sizeof *files, ROWS = 24, COLUMNS = 100 };

static void assert_file_shows(struct harness *harness, const char *file, const char *text)
{
  if (!harness_shows(harness, text))
    fail_msg("%s: \"%s\" is not on the screen:\n%s", file, text, harness_screen(harness));
}

static struct harness *open_file(const char *file)
{
  static char path[4096];
  const char *folder = getenv("QSCOPE_SRCDIR");
  if (!folder)
    skip();
  snprintf(path, sizeof path, "%s/tests/data/good/%s", folder, file);
  const char *arguments[] = {path, "-q", "int8", NULL};
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = ROWS, .columns = COLUMNS});
  assert_true(harness_wait_settled(harness));
  return harness;
}

/* Every view opens on every file, and its hints are those of any other file. */
static void every_view(void **state)
{
  (void)state;
  static const char *const keys = "1234567";
  char hints[8][512];
  for (size_t f = 0; f < FILES; f++) {
    struct harness *harness = open_file(files[f]);
    for (size_t k = 0; keys[k]; k++) {
      char key[] = {keys[k], '\0'};
      assert_true(harness_press(harness, key, 1));
      const char *hint = harness_row(harness, ROWS - 1);
      if (f == 0)
        snprintf(hints[k], sizeof hints[k], "%s", hint);
      else if (strcmp(hint, hints[k]) != 0)
        fail_msg("%s, view %s: the hints are\n%s\nand not\n%s", files[f], key, hint, hints[k]);
      assert_file_shows(harness, files[f], "exact ");
    }
    fixture_quit(harness);
  }
}

/* Knobs turn, undo goes back, the list of tensors opens, filters and closes, a figure is written.
 */
static void every_key(void **state)
{
  (void)state;
  for (size_t f = 0; f < FILES; f++) {
    struct harness *harness = open_file(files[f]);
    assert_file_shows(harness, files[f], "-q int8,sym,tensor,minmax");
    assert_true(harness_press(harness, "Bg", 2));
    assert_file_shows(harness, files[f], "-q int7,sym,");
    assert_true(harness_press(harness, "uu", 2));
    assert_file_shows(harness, files[f], "-q int8,sym,tensor,minmax");
    assert_true(harness_press(harness, "t", 1));
    assert_file_shows(harness, files[f], "Tensors  ");
    assert_true(harness_press(harness, "m", 1));
    assert_file_shows(harness, files[f], "Metadata  ");
    assert_true(harness_press(harness, "mt", 2));
    assert_true(harness_press(harness, "E", 1));
    assert_file_shows(harness, files[f], "wrote ");
    assert_true(harness_press(harness, "v", 1));
    assert_file_shows(harness, files[f], "checks of int8");
    assert_true(harness_press(harness, "v", 1));
    fixture_quit(harness);
  }
}

/* Numbers may come through a pipe: keys are then read from the terminal itself. */
static void standard_input(void **state)
{
  (void)state;
  const char *arguments[] = {"/bin/sh", "-c", "cat model.safetensors | \"$0\" - -t conv",
                             fixture_program(), NULL};
  struct harness *harness = harness_start(
      &(struct harness_options){.arguments = arguments, .rows = ROWS, .columns = COLUMNS});
  assert_non_null(harness);
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "conv");
  assert_true(harness_press(harness, "B", 1));
  assert_shows(harness, "-q int7,sym");
  assert_true(harness_press(harness, "t", 1));
  assert_shows(harness, "bias");
  harness_send(harness, "q", 1);
  harness_send(harness, "q", 1);
  assert_int_equal(harness_wait_end(harness), 0);
  harness_end(harness);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_view),
      cmocka_unit_test(every_key),
      cmocka_unit_test(standard_input),
  };
  return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
