/* Checksums of tensors, against XXH64 of the bytes that the files were made of. */
#include "tests/data/files.h"

#include "data/source_types.h"
#include "data/tensor_hash.h"
#include "quant/base/size.h"
#include "quant/base/xxh64.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t hash_of(const void *bytes, size_t length)
{
  struct xxh64 hash;
  xxh64_init(&hash);
  xxh64_add(&hash, bytes, length);
  return xxh64_value(&hash);
}

static void assert_hash(struct source *source, size_t index, uint64_t expected)
{
  struct error error;
  uint64_t hash = 0;
  assert_int_equal(tensor_hash(source, index, NULL, &hash, &error), STATUS_OK);
  if (hash != expected)
    fail_msg("%s: %016llx, expected %016llx", source_tensor(source, index)->name,
             (unsigned long long)hash, (unsigned long long)expected);
}

static void decode_nothing(const struct derived *self, size_t start, size_t n, float *out)
{
  (void)self, (void)start;
  memset(out, 0, n * sizeof *out);
}

static const struct stored pair = {.name = "pair", .length = 1, .size = 1, .exact = true};

static unsigned char data[30];

static struct source *open_parts(void)
{
  const char header[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[0,24]},"
                        "\"b\":{\"dtype\":\"U8\",\"shape\":[6],\"data_offsets\":[24,30]},"
                        "\"none\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[30,30]}}";
  for (size_t i = 0; i < sizeof data; i++)
    data[i] = (unsigned char)(7 * i);
  return files_open(files_safetensors("parts.safetensors", header, data, sizeof data));
}

/* A stored tensor is its bytes; a derived one those of its parts, in their order. */
static void test_stored_and_derived(void **state)
{
  (void)state;
  struct error error;
  struct source *source = open_parts();
  struct derived *derived = mem_array(1, sizeof *derived);
  assert_non_null(derived);
  derived->decode = decode_nothing;
  derived->parts = 2;
  derived->part[0].index = 1;
  derived->part[1].index = 0;
  const struct tensor tensor = {
      .name = "both", .shape = {.dims = 1, .dim = {6}}, .stored = &pair, .count = 6, .bytes = 30};
  assert_int_equal(source_add_derived(source, &tensor, derived, &error), STATUS_OK);
  unsigned char both[30];
  memcpy(both, data + 24, 6);
  memcpy(both + 6, data, 24);
  assert_hash(source, 0, hash_of(data, 24));
  assert_hash(source, 1, hash_of(data + 24, 6));
  assert_hash(source, 2, hash_of(data, 0));
  assert_hash(source, 3, hash_of(both, 30));
  source_close(source);
}

/* The order of the elements does not count: a copy in C order may be made of it or not. */
static void test_fortran(void **state)
{
  (void)state;
  enum { ROWS = 1500, COLUMNS = 2000, VALUES = ROWS * COLUMNS };
  static const char start[] = "\x93NUMPY\1\0\x76\0{'descr': '<f4', 'fortran_order': True, "
                              "'shape': (1500, 2000), }";
  float *values = mem_array(VALUES, sizeof *values);
  assert_non_null(values);
  for (size_t i = 0; i < VALUES; i++)
    values[i] = (float)(i % 1000);
  char head[128], path[512];
  memset(head, ' ', sizeof head);
  memcpy(head, start, sizeof start - 1);
  head[sizeof head - 1] = '\n';
  snprintf(path, sizeof path, "%s/fortran.npy", files_folder());
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  fwrite(head, 1, sizeof head, file);
  fwrite(values, sizeof *values, VALUES, file);
  assert_int_equal(fclose(file), 0);
  struct source *source = files_open(path);
  assert_true(source_tensor(source, 0)->strided);
  for (int i = 0; i < 2; i++) /* before and after the copy, if there is one */
    assert_hash(source, 0, hash_of(values, VALUES * sizeof *values));
  source_close(source);
  free(values);
}

/* What shares its elements is its values: one row that stands for three. */
static void test_repeated(void **state)
{
  (void)state;
  struct error error;
  struct source *source = open_parts();
  const float row[] = {1, 2, 3, 4}, whole[] = {1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4};
  struct tensor tensor = {.name = "rows",
                          .shape = {.dims = 2, .dim = {3, 4}},
                          .stored = stored_find("f32"),
                          .count = 12,
                          .bytes = 48,
                          .data = (const unsigned char *)row};
  const size_t stride[] = {0, 1};
  tensor_set_strides(&tensor, stride);
  tensor.swapped = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
  assert_int_equal(source_add(source, &tensor, &error), STATUS_OK);
  assert_hash(source, 3, hash_of(whole, sizeof whole));
  source_close(source);
}

static void test_refusals(void **state)
{
  (void)state;
  struct error error;
  struct progress progress = {0};
  uint64_t hash;
  char path[512];
  struct source *source = open_parts();
  snprintf(path, sizeof path, "%s/parts.safetensors", files_folder());
  progress_cancel(&progress);
  assert_int_equal(tensor_hash(source, 0, &progress, &hash, &error), STATUS_CANCELLED);
  assert_int_equal(truncate(path, 20), 0);
  assert_int_equal(tensor_hash(source, 0, NULL, &hash, &error), STATUS_INPUT);
  assert_non_null(strstr(error.text, "shrank"));
  source_close(source);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_stored_and_derived),
      cmocka_unit_test(test_fortran),
      cmocka_unit_test(test_repeated),
      cmocka_unit_test(test_refusals),
  };
  return cmocka_run_group_tests_name("tensor_hash", tests, NULL, files_remove);
}
