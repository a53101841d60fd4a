/* Sources: which type a file is, finding tensors by name, files that shrink while open. */
#include "tests/data/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void check_type(const char *path, const char *type)
{
  struct source *source = files_open(path);
  assert_string_equal(source_type_name(source), type);
  assert_string_equal(source_spec(source), path);
  source_close(source);
}

/* What a file holds decides; its name only when that says nothing. */
static void test_type_by_content(void **state)
{
  (void)state;
  const float data[] = {1, 2};
  const char *header = "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
  check_type(files_npy("a.npy", "'<f4'", "False", "(2,)", data, 8), "npy");
  check_type(files_npy("a.safetensors", "'<f4'", "False", "(2,)", data, 8), "npy");
  check_type(files_npy("a", "'<f4'", "False", "(2,)", data, 8), "npy");
  check_type(files_safetensors("b.safetensors", header, data, 8), "safetensors");
  check_type(files_safetensors("b.npy", header, data, 8), "safetensors");
  check_type("synth:", "synth");
  files_refused(files_write("c.txt", "1 2 3\0", 6), STATUS_INPUT,
                "holds control characters or NUL");
  files_refused(
      files_write("c", "1 2 3\0", 6), STATUS_INPUT,
      "unknown type of file, first bytes 31 20 32 20 33 00; expected one of: npy, pytorch, "
      "npz, gguf, safetensors, onnx, hdf5, matlab, imatrix, synth, raw, text");
  files_refused(files_write("c", "some words\n", 11), STATUS_INPUT,
                "unknown type of text: no column of numbers; line 1 begins \"some words\"");
  check_type(files_write("c.npy", "1 2 3\n", 6), "text");
  files_refused("", STATUS_INPUT, "cannot open: No such file");
}

static enum status open_as(const char *path, const char *type, struct source **out,
                           const char *fragment)
{
  struct error error = {0};
  enum status status = source_open_as(path, type, out, &error);
  if (status != STATUS_OK && !strstr(error.text, fragment))
    fail_msg("expected \"%s\" in \"%s\"", fragment, error.text);
  return status;
}

/* What is asked for is remembered only where it was needed. */
static void test_type_by_word(void **state)
{
  (void)state;
  struct source *source;
  const float data[] = {1, 2};
  const char *path = files_npy("a.gguf", "'<f4'", "False", "(2,)", data, 8);
  assert_int_equal(open_as(path, "npy", &source, ""), STATUS_OK);
  assert_string_equal(source_type_name(source), "npy");
  assert_null(source_input_format(source));
  source_close(source);
  assert_int_equal(open_as(path, "gguf", &source, "not a GGUF file"), STATUS_INPUT);
  assert_int_equal(open_as(path, "ngy", &source,
                           "--input-format: unknown type \"ngy\"; did you mean \"npy\"?; expected "
                           "one of: npy, pytorch, npz,"),
                   STATUS_USAGE);
  assert_int_equal(open_as(path, "", &source, "expected one of"), STATUS_USAGE);
}

/* Both are zip archives: their members tell them apart. */
static void test_zips_by_members(void **state)
{
  (void)state;
  char command[1300], path[600];
  static const char *const zips[][3] = {{"pt-zip.pt", "z.npz", "pytorch"},
                                        {"npz-stored.npz", "z.pt", "npz"},
                                        {"npz-deflated.npz", "z.bin", "npz"}};
  for (size_t i = 0; i < sizeof zips / sizeof *zips; i++) {
    snprintf(path, sizeof path, "%s/%s", files_folder(), zips[i][1]);
    snprintf(command, sizeof command, "cp '%s' '%s'", files_data("good", zips[i][0]), path);
    assert_int_equal(system(command), 0);
    check_type(path, zips[i][2]);
  }
}

/* "synth:" and "-" never name a file, even where one exists. */
static void test_words_before_files(void **state)
{
  (void)state;
  char before[512];
  assert_non_null(getcwd(before, sizeof before));
  files_npy("synth:gaussian", "'<f4'", "False", "(1,)", "\0\0\0\0", 4);
  assert_int_equal(chdir(files_folder()), 0);
  check_type("synth:gaussian", "synth");
  check_type("./synth:gaussian", "npy");
  assert_int_equal(chdir(before), 0);
}

static struct source *three_tensors(void)
{
  const char *header =
      "{\"layer.0.weight\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
      "\"layer.0.bias\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]},"
      "\"head\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[2,3]}}";
  return files_open(files_safetensors("three.safetensors", header, "abc", 3));
}

static void not_found(const struct source *source, const char *name, const char *fragment)
{
  size_t index;
  struct error error = {0};
  assert_int_equal(source_find(source, name, &index, &error), STATUS_INPUT);
  if (!strstr(error.text, fragment))
    fail_msg("expected \"%s\" in \"%s\"", fragment, error.text);
}

static void test_find(void **state)
{
  (void)state;
  struct source *source = three_tensors();
  size_t index = 9;
  assert_int_equal(source_find(source, "head", &index, NULL), STATUS_OK);
  assert_int_equal(index, 2);
  not_found(source, "haed", "no tensor \"haed\"; did you mean \"head\"?");
  not_found(source, "layer.0", "names with it: layer.0.weight, layer.0.bias");
  not_found(source, "zzzzzz", "there are 3: layer.0.weight, layer.0.bias, head");
  not_found(source, NULL, "holds 3 tensors, name one of: layer.0.weight, layer.0.bias, head");
  not_found(source, "", "holds 3 tensors");
  assert_string_equal(source_remark(source, 0), "");
  source_close(source);
  source = files_open(files_npy("only.npy", "'<f4'", "False", "(1,)", "\0\0\0\0", 4));
  assert_int_equal(source_find(source, NULL, &index, NULL), STATUS_OK);
  assert_int_equal(index, 0);
  assert_int_equal(source_find(source, "only", &index, NULL), STATUS_OK);
  source_close(source);
  source = files_open(files_data("good", "safetensors-no-tensors.safetensors"));
  not_found(source, NULL, "holds no tensors");
  not_found(source, "x", "holds no tensors");
  source_close(source);
}

/* What is gone reads as zeros, and source_verify says so: no crash. */
static void test_shrinks_while_open(void **state)
{
  (void)state;
  enum { COUNT = 1 << 18 };
  float *ones = malloc(COUNT * sizeof *ones), sum = 0;
  for (size_t i = 0; i < COUNT; i++)
    ones[i] = 1;
  const char *path = files_npy("s.npy", "'<f4'", "False", "(262144,)", ones, COUNT * sizeof *ones);
  struct source *source = files_open(path);
  struct error error = {0};
  assert_int_equal(source_verify(source, &error), STATUS_OK);
  assert_int_equal(truncate(path, 128 + 4 * 65536), 0);
  float *values = files_values(source, 0);
  for (size_t i = 0; i < COUNT; i++)
    sum += values[i];
  assert_true(sum == 65536.0f);
  assert_int_equal(source_verify(source, &error), STATUS_INPUT);
  assert_non_null(strstr(error.text, path));
  assert_non_null(strstr(error.text, "expected 1048704 bytes, found 262272"));
  free(values);
  free(ones);
  source_close(source);
}

/* A file replaced by another of the same name (as most programs save) keeps its old bytes. */
static void test_replaced_while_open(void **state)
{
  (void)state;
  char path[300], other[300];
  snprintf(path, sizeof path, "%s",
           files_npy("r.npy", "'<f4'", "False", "(1,)", "\0\0\x80\x3F", 4));
  struct source *source = files_open(path);
  snprintf(other, sizeof other, "%s", files_write("other", "", 0));
  assert_int_equal(rename(other, path), 0);
  float *values = files_values(source, 0);
  assert_true(values[0] == 1.0f);
  assert_int_equal(source_verify(source, NULL), STATUS_OK);
  free(values);
  source_close(source);
}

/* What is shown when nobody says which: no token numbers, if there is anything else. */
static void test_first(void **state)
{
  (void)state;
  const char header[] = "{\"ids\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]},"
                        "\"odd\":{\"dtype\":\"C64\",\"shape\":[1],\"data_offsets\":[8,16]},"
                        "\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[16,20]}}";
  const char more[] = "{\"ids\":{\"dtype\":\"I8\",\"shape\":[2,2],\"data_offsets\":[0,4]},"
                      "\"scale\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[4,8]},"
                      "\"bias\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[8,16]},"
                      "\"weight\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[16,32]}}";
  const char all[] = "{\"ids\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}";
  struct source *source = files_open(files_safetensors("a.safetensors", header, (char[20]){0}, 20));
  assert_int_equal(source_first(source), 2);
  source_close(source);
  source = files_open(files_safetensors("a.safetensors", more, (char[32]){0}, 32));
  assert_string_equal(source_tensor(source, source_first(source))->name, "weight");
  source_close(source);
  source = files_open(files_safetensors("a.safetensors", all, (char[8]){0}, 8));
  assert_int_equal(source_first(source), 0);
  source_close(source);
}

static void test_types_are_described(void **state)
{
  (void)state;
  assert_true(source_types_length >= 3);
  for (size_t i = 0; i < source_types_length; i++) {
    assert_true(strlen(source_types[i].name) > 0);
    assert_true(strlen(source_types[i].summary) > 0);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_type_by_content),
      cmocka_unit_test(test_type_by_word),
      cmocka_unit_test(test_zips_by_members),
      cmocka_unit_test(test_words_before_files),
      cmocka_unit_test(test_find),
      cmocka_unit_test(test_shrinks_while_open),
      cmocka_unit_test(test_replaced_while_open),
      cmocka_unit_test(test_first),
      cmocka_unit_test(test_types_are_described),
  };
  return cmocka_run_group_tests(tests, NULL, files_remove);
}
