/* Folders of .npy files, and folders with one model in them. The arrays of good/npy-folder are
 * w9 (9 1 2 3), w10 (10 1) and layer/bias (0.5), beside a broken file and a text. */
#include "tests/data/files.h"

#include "data/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char shell_text[2000];

/* Runs COMMAND in the folder of the tests, which it leaves as empty as it was. */
static void in_folder(const char *command)
{
  snprintf(shell_text, sizeof shell_text, "cd '%s' && { %s; }", files_folder(), command);
  assert_int_equal(system(shell_text), 0);
}

static const char *inside(const char *name)
{
  static char path[2][600];
  static unsigned turn;
  turn ^= 1;
  snprintf(path[turn], sizeof path[turn], "%s/%s", files_folder(), name);
  return path[turn];
}

static void number(const char *name, float value)
{
  files_npy(name, "'<f4'", "False", "(1,)", &value, sizeof value);
}

static float first_value(struct source *source, size_t index)
{
  float *values = files_values(source, index), value = values[0];
  free(values);
  return value;
}

static void check_name(const struct source *source, size_t index, const char *name)
{
  assert_string_equal(source_tensor(source, index)->name, name);
}

/* In natural order, with what is below; the rest is told. */
static void test_arrays(void **state)
{
  (void)state;
  struct source *source = files_open(files_data("good", "npy-folder"));
  assert_string_equal(source_type_name(source), "npy");
  assert_int_equal(source_count(source), 3);
  check_name(source, 0, "layer/bias");
  check_name(source, 1, "w9");
  check_name(source, 2, "w10");
  for (size_t i = 0; i < 3; i++)
    assert_null(source_tensor(source, i)->data); /* nothing is mapped yet */
  assert_true(first_value(source, 0) == 0.5F);
  assert_true(first_value(source, 1) == 9);
  assert_true(first_value(source, 2) == 10);
  assert_true(first_value(source, 2) == 10);
  assert_int_equal(source_tensor(source, 1)->shape.dims, 2);
  assert_int_equal(source_verify(source, NULL), STATUS_OK);
  assert_string_equal(source_note(source),
                      "skipped: 1 damaged .npy file, 1 file that is no .npy; broken.npy: header of "
                      "16 bytes at offset 10, but 2 bytes follow");
  source_close(source);
}

/* More files than a process may have open, all of them loaded at once. */
static void test_many(void **state)
{
  (void)state;
  enum { FILES = 300, OPEN = 64 };
  char name[40];
  struct rlimit before, few;
  in_folder("mkdir many");
  for (size_t i = 0; i < FILES; i++) {
    snprintf(name, sizeof name, "many/x%zu.npy", i);
    number(name, (float)i);
  }
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  few = before;
  few.rlim_cur = OPEN;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
  struct source *source = files_open(inside("many"));
  assert_int_equal(source_count(source), FILES);
  for (size_t i = 0; i < FILES; i++)
    assert_true(first_value(source, i) == (float)i);
  assert_int_equal(source_verify(source, NULL), STATUS_OK);
  source_close(source);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  in_folder("rm -r many");
}

/* Neither links nor pipes are opened; a circle ends; so does a ladder of folders. */
static void test_hostile(void **state)
{
  (void)state;
  in_folder("mkdir -p h/1/2/3/4/5/6/7/8/9 && ln -s / h/root && ln -s .. h/1/up && "
            "ln -s /dev/zero h/zero.npy && mkfifo h/pipe.npy && mkdir h/d.npy && : >h/.npy");
  number("h/good.npy", 1);
  number("h/1/2/3/4/5/6/7/8/eight.npy", 8);
  number("h/1/2/3/4/5/6/7/8/9/nine.npy", 9);
  number("h/d.npy/within.npy", 2);
  struct source *source = files_open(inside("h"));
  assert_int_equal(source_count(source), 3);
  check_name(source, 0, "1/2/3/4/5/6/7/8/eight");
  check_name(source, 1, "d.npy/within");
  check_name(source, 2, "good");
  assert_string_equal(source_note(source),
                      "skipped: 1 link, 1 folder that cannot be opened or lies too deep, 3 files "
                      "that are no .npy");
  source_close(source);
  in_folder("rm h/good.npy && mv h/d.npy e && rm -r h && mkdir h && printf x >h/x.npy && rm -r e");
  files_refused(inside("h"), STATUS_INPUT, "none of 1 .npy file can be read; x.npy: not a .npy");
  in_folder("rm -r h");
}

static void refused_load(struct source *source, const char *fragment)
{
  struct error error = {0};
  assert_int_equal(source_load(source, 0, NULL, &error), STATUS_INPUT);
  if (!strstr(error.text, fragment))
    fail_msg("expected \"%s\" in \"%s\"", fragment, error.text);
}

/* Between opening and loading, and after it. */
static void test_changes(void **state)
{
  (void)state;
  const float two[] = {3, 4};
  struct error error = {0};
  in_folder("mkdir c");
  number("c/x.npy", 1);
  struct source *source = files_open(inside("c"));
  files_npy("c/x.npy", "'<f4'", "False", "(2,)", two, sizeof two);
  refused_load(source, "the file has changed since the folder was opened");
  files_npy("c/x.npy", "'<i4'", "False", "(1,)", two, sizeof two);
  refused_load(source, "the file has changed since the folder was opened");
  in_folder("rm c/x.npy");
  refused_load(source, "c/x.npy: cannot open: No such file");
  in_folder("ln -s /dev/zero c/x.npy");
  refused_load(source, "c/x.npy: cannot open: Too many levels of symbolic links");
  number("c/x.npy", 5);
  assert_true(first_value(source, 0) == 5);
  number("c/x.npy", 6); /* another file of the same name */
  assert_int_equal(source_verify(source, NULL), STATUS_OK);
  assert_true(first_value(source, 0) == 5);
  source_close(source);
  source = files_open(inside("c"));
  assert_true(first_value(source, 0) == 6);
  assert_int_equal(truncate(inside("c/x.npy"), 130), 0);
  assert_int_equal(source_verify(source, &error), STATUS_INPUT);
  assert_non_null(strstr(error.text, "c/x.npy: file shrank while it was open"));
  source_close(source);
  in_folder("rm -r c");
}

/* Models of several files go first; --input-format npy has the arrays all the same. */
static void test_precedence(void **state)
{
  (void)state;
  const char *header = "{\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}";
  struct source *source;
  in_folder("mkdir p");
  number("p/x.npy", 1);
  files_safetensors("p/model.safetensors", header, "a", 1);
  source = files_open(inside("p"));
  check_name(source, 0, "t");
  source_close(source);
  assert_int_equal(source_open_as(inside("p"), "npy", &source, NULL), STATUS_OK);
  check_name(source, 0, "x");
  assert_string_equal(source_input_format(source), "npy");
  source_close(source);
  in_folder("rm -r p");
}

static void copy(const char *good, const char *to)
{
  char command[1500];
  snprintf(command, sizeof command, "cp '%s' '%s'", files_data("good", good), inside(to));
  assert_int_equal(system(command), 0);
}

/* The only file of a type that is known by its content, whatever its name and its neighbours. */
static void test_only_model(void **state)
{
  (void)state;
  static const char *const models[][2] = {{"npz-stored.npz", "npz"},
                                          {"pt-zip.pt", "pytorch"},
                                          {"pt-legacy.pth", "pytorch"},
                                          {"onnx-features.onnx", "onnx"},
                                          {"imatrix-older.dat", "imatrix"}};
  for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
    in_folder("mkdir m && echo words >m/README && echo 1,2 >m/t.csv && mkdir m/within");
    copy(models[i][0], "m/the.model");
    struct source *source = files_open(inside("m"));
    assert_string_equal(source_type_name(source), models[i][1]);
    assert_non_null(strstr(source_note(source), "opened the.model, the only model here"));
    assert_string_equal(source_spec(source), inside("m"));
    source_close(source);
    copy("npz-stored.npz", "m/a.npz");
    files_refused(inside("m"), STATUS_INPUT, "holds 2 models (");
    in_folder("rm -r m");
  }
  in_folder("mkdir m && echo words >m/README");
  files_refused(inside("m"), STATUS_INPUT,
                "a directory without any model: no *.safetensors, *model*.bin, *.gguf, *.npy, and "
                "no single file of another type (npy, pytorch, npz, gguf");
  in_folder("rm -r m");
}

/* Whatever file its name looks like. */
static void test_names(void **state)
{
  static const char *const names[] = {
      "x.npy", "x.npz", "x.pt",  "x.gguf",    "x.safetensors",           "x.onnx",
      "x.h5",  "x.mat", "x.csv", "x.imatrix", "x.safetensors.index.json"};
  (void)state;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char command[100], within[100];
    snprintf(command, sizeof command, "mkdir %s", names[i]);
    in_folder(command);
    snprintf(within, sizeof within, "%s/w.npy", names[i]);
    number(within, 7);
    struct source *source = files_open(inside(names[i]));
    assert_string_equal(source_type_name(source), "npy");
    check_name(source, 0, "w");
    assert_null(source_input_format(source));
    source_close(source);
    snprintf(command, sizeof command, "rm -r %s", names[i]);
    in_folder(command);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_arrays),     cmocka_unit_test(test_many),
      cmocka_unit_test(test_hostile),    cmocka_unit_test(test_changes),
      cmocka_unit_test(test_precedence), cmocka_unit_test(test_only_model),
      cmocka_unit_test(test_names),
  };
  return cmocka_run_group_tests(tests, NULL, files_remove);
}
