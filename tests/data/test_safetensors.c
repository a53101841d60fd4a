/* .safetensors files: good ones of the project, what they hold, and real ones. */
#include "tests/data/files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct tensor *named(const struct source *source, const char *name)
{
  size_t index;
  struct error error = {0};
  if (source_find(source, name, &index, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  return source_tensor(source, index);
}

/* Every type is listed with its size; those without a decoder are refused when loaded. */
static void test_all_types(void **state)
{
  (void)state;
  static const struct {
    const char *name, *stored;
    size_t bytes;
    bool decoded;
  } expected[] = {
      {"t.00.bool", "bool", 8, true},
      {"t.01.u8", "u8", 8, true},
      {"t.02.i8", "i8", 8, true},
      {"t.03.f8_e5m2", "f8_e5m2", 8, true},
      {"t.04.f8_e4m3", "f8_e4m3", 8, true},
      {"t.05.f8_e8m0", "f8_e8m0", 8, true},
      {"t.06.i16", "i16", 16, true},
      {"t.07.u16", "u16", 16, true},
      {"t.08.f16", "f16", 16, true},
      {"t.09.bf16", "bf16", 16, true},
      {"t.10.i32", "i32", 32, true},
      {"t.11.u32", "u32", 32, true},
      {"t.12.f32", "f32", 32, true},
      {"t.13.f64", "f64", 64, true},
      {"t.14.i64", "i64", 64, true},
      {"t.15.u64", "u64", 64, true},
      {"t.16.c64", "c64", 64, false},
      {"t.17.f4", "f4", 4, true},
      {"t.18.f6_e2m3", "f6_e2m3", 6, false},
      {"t.19.f6_e3m2", "f6_e3m2", 6, false},
      {"t.16.c64.real", "f32", 32, true},
      {"t.16.c64.imag", "f32", 32, true},
  };
  struct source *source = files_open(files_data("good", "safetensors-all-dtypes.safetensors"));
  assert_string_equal(source_type_name(source), "safetensors");
  assert_int_equal(source_count(source), sizeof expected / sizeof *expected);
  for (size_t i = 0; i < source_count(source); i++) {
    const struct tensor *tensor = source_tensor(source, i);
    struct error error = {0};
    assert_string_equal(tensor->name, expected[i].name);
    assert_string_equal(tensor->stored->name, expected[i].stored);
    assert_int_equal(tensor->count, 8);
    assert_int_equal(tensor->bytes, expected[i].bytes);
    assert_int_equal(source_load(source, i, NULL, &error) == STATUS_OK, expected[i].decoded);
    if (expected[i].decoded)
      free(files_values(source, i));
    else
      assert_non_null(strstr(error.text, tensor_is_complex(tensor)
                                             ? "t.16.c64.real and t.16.c64.imag"
                                             : "cannot be decoded"));
  }
  source_close(source);
}

static void check(const char *path, const char *name, const float *expected, size_t count)
{
  struct source *source = files_open(path);
  size_t index;
  assert_int_equal(source_find(source, name, &index, NULL), STATUS_OK);
  assert_int_equal(source_tensor(source, index)->count, count);
  float *values = files_values(source, index);
  assert_memory_equal(values, expected, count * sizeof *values);
  assert_int_equal(source_verify(source, NULL), STATUS_OK);
  free(values);
  source_close(source);
}

static void test_small_files(void **state)
{
  (void)state;
  const float values[] = {1, 2, 3, 4};
  check(files_data("good", "safetensors-metadata-null.safetensors"), "x", values, 2);
  check(files_data("good", "safetensors-metadata.safetensors"), "x", values, 2);
  check(files_data("good", "safetensors-padded-header.safetensors"), NULL, values, 1);
  check(files_data("good", "safetensors-empty-tensors.safetensors"), "a", values, 0);
  check(files_data("good", "safetensors-empty-tensors.safetensors"), "d", values, 0);
  check(files_data("good", "safetensors-order-of-offsets.safetensors"), "first", values, 3);
  check(files_data("good", "shards-with-index"), "b", values, 4);
  check(files_data("good", "shards-with-index/"), "b", values, 4);
  check(files_data("good", "shards-with-index/model.safetensors.index.json"), "a", values, 2);
  check(files_data("good", "shards-without-index"), "a", values, 2);
}

/* Listed by place in the file, not by place in the header. */
static void test_order(void **state)
{
  (void)state;
  struct source *source =
      files_open(files_data("good", "safetensors-order-of-offsets.safetensors"));
  assert_string_equal(source_tensor(source, 0)->name, "first");
  assert_string_equal(source_tensor(source, 1)->name, "last");
  source_close(source);
  source = files_open(files_data("good", "safetensors-no-tensors.safetensors"));
  assert_int_equal(source_count(source), 0);
  source_close(source);
}

/* Names are kept as they are; the file's first is found again and is shown escaped. */
static void test_nasty_names(void **state)
{
  (void)state;
  char text[64];
  struct source *source =
      files_open(files_data("good", "safetensors-name-with-escape.safetensors"));
  assert_int_equal(source_count(source), 12);
  assert_string_equal(source_tensor(source, 0)->name, "\033[31mred");
  assert_string_equal(text_escape(source_tensor(source, 0)->name, text, sizeof text),
                      "\\x1b[31mred");
  assert_ptr_equal(named(source, "caf\xC3\xA9"), source_tensor(source, 4));
  assert_ptr_equal(named(source, "\033[31mred"), source_tensor(source, 0));
  size_t index;
  struct error error = {0};
  assert_int_equal(source_find(source, "\033]0;title\007", &index, &error), STATUS_INPUT);
  assert_null(strpbrk(error.text, "\033\007"));
  source_close(source);
}

/* Integers of 53 bits and more are read exactly: an end off by one is refused. */
static void test_exact_integers(void **state)
{
  (void)state;
  const char *header = "{\"x\":{\"dtype\":\"U8\",\"shape\":[9007199254740993],"
                       "\"data_offsets\":[0,9007199254740992]}}";
  files_refused(files_safetensors("e.safetensors", header, "", 0), STATUS_INPUT,
                "shape 9007199254740993 of u8 needs 9007199254740993 bytes, data_offsets [0, "
                "9007199254740992] hold 9007199254740992");
}

/* --- real files, and what their README says of them --------------------------------------- */

static void test_sample_network(void **state)
{
  (void)state;
  const char *path = files_sample("safetensors/silero_vad_16k.safetensors");
  if (!path)
    skip();
  struct source *source = files_open(path);
  size_t total = 0, index;
  assert_int_equal(source_count(source), 15);
  for (size_t i = 0; i < 15; i++)
    total += source_tensor(source, i)->count;
  assert_int_equal(total, 309633);
  assert_int_equal(source_find(source, "conv4.weight", &index, NULL), STATUS_OK);
  const struct tensor *tensor = source_tensor(source, index);
  float *values = files_values(source, index);
  size_t largest = 0;
  for (size_t i = 0; i < tensor->count; i++)
    if (fabsf(values[i]) > fabsf(values[largest]))
      largest = i;
  assert_int_equal(largest / (tensor->count / tensor->shape.dim[0]), 53); /* output row */
  assert_true(fabsf(fabsf(values[largest]) - 36.7f) < 0.05f);
  free(values);
  source_close(source);
}

static void test_samples_open(void **state)
{
  (void)state;
  static const struct {
    const char *file;
    size_t tensors, values;
  } samples[] = {
      {"opt-125m-lora", 48, 294912},   {"llama3-8b-lora-mlx", 8, 212992},
      {"torchao-fp8-linear", 3, 8704}, {"csm-voice-prompts", 2, 64812},
      {"nine-dtypes", 9, 54},          {"hadamard-matrices-i8", 33, 166661},
      {"silero_vad_16k", 15, 309633},
  };
  for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
    char name[128];
    size_t values = 0;
    snprintf(name, sizeof name, "safetensors/%s.safetensors", samples[i].file);
    const char *path = files_sample(name);
    if (!path)
      skip();
    struct source *source = files_open(path);
    size_t stored = source_count(source); /* what the file holds comes first */
    while (stored > 0 && source_tensor(source, stored - 1)->derived)
      stored--;
    assert_int_equal(stored, samples[i].tensors);
    for (size_t t = 0; t < samples[i].tensors; t++) {
      assert_null(source_tensor(source, t)->derived);
      values += source_tensor(source, t)->count;
      free(files_values(source, t));
    }
    assert_int_equal(values, samples[i].values);
    source_close(source);
  }
}

/* All matrices of the file hold 1 and -1 alone; fp8 data lies within 448. */
static void test_sample_values(void **state)
{
  (void)state;
  const char *path = files_sample("safetensors/hadamard-matrices-i8.safetensors");
  if (!path)
    skip();
  struct source *source = files_open(path);
  float *values = files_values(source, 1);
  for (size_t i = 0; i < source_tensor(source, 1)->count; i++)
    assert_true(fabsf(values[i]) == 1.0f);
  free(values);
  source_close(source);
  source = files_open(files_sample("safetensors/torchao-fp8-linear.safetensors"));
  size_t index;
  float largest = 0;
  assert_int_equal(source_find(source, "0.weight:qdata", &index, NULL), STATUS_OK);
  values = files_values(source, index);
  for (size_t i = 0; i < source_tensor(source, index)->count; i++)
    largest = fmaxf(largest, fabsf(values[i]));
  assert_true(largest == 448.0f);
  free(values);
  source_close(source);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_all_types),      cmocka_unit_test(test_small_files),
      cmocka_unit_test(test_order),          cmocka_unit_test(test_nasty_names),
      cmocka_unit_test(test_exact_integers), cmocka_unit_test(test_sample_network),
      cmocka_unit_test(test_samples_open),   cmocka_unit_test(test_sample_values),
  };
  return cmocka_run_group_tests(tests, NULL, files_remove);
}
