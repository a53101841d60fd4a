/* The index of names, and the quick reader of plain entries, each against the slow way. */
#include "data/name_index.h"
#include "data/plain_entry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- names -------------------------------------------------------------------------------- */

enum { COUNT = 5000 };

static void every_name_is_found(void **state)
{
  (void)state;
  static char names[COUNT][16];
  struct tensor *tensors = calloc(COUNT, sizeof *tensors);
  struct name_index index = {.slot = NULL};
  size_t twice;
  for (size_t i = 0; i < COUNT; i++) {
    snprintf(names[i], sizeof names[i], "layer.%zu.w", i);
    tensors[i].name = names[i];
  }
  assert_true(name_index_find(&index, tensors, "layer.0.w") == NAME_NONE);
  for (size_t count = 0; count <= COUNT; count += 1000) { /* a part at a time */
    assert_true(name_index_extend(&index, tensors, count, 0, &twice));
    assert_true(twice == NAME_NONE);
  }
  for (size_t i = 0; i < COUNT; i++)
    assert_true(name_index_find(&index, tensors, names[i]) == i);
  assert_true(name_index_find(&index, tensors, "layer.5000.w") == NAME_NONE);
  assert_true(name_index_find(&index, tensors, "") == NAME_NONE);
  name_index_free(&index);
  free(tensors);
}

static void of_one_name_the_first_counts(void **state)
{
  (void)state;
  const struct tensor tensors[] = {{.name = ""}, {.name = "a"}, {.name = ""}, {.name = "a"}};
  struct name_index index = {.slot = NULL};
  size_t twice;
  assert_true(name_index_extend(&index, tensors, 1, 0, &twice));
  assert_true(name_index_extend(&index, tensors, 4, 1, &twice));
  assert_true(twice == 3); /* "" was there before 1 */
  assert_true(name_index_find(&index, tensors, "") == 0);
  assert_true(name_index_find(&index, tensors, "a") == 1);
  name_index_free(&index);
}

/* --- entries ------------------------------------------------------------------------------ */

static bool reads(const char *text, struct plain_entry *entry)
{
  const struct json_text value = {(const unsigned char *)text, strlen(text), 0};
  return plain_entry_read(&value, entry);
}

static void plain_entries_are_read(void **state)
{
  (void)state;
  static const char *const texts[] = {
      "{\"dtype\":\"F8_E4M3\",\"shape\":[3,0,70],\"data_offsets\":[12,123456789012345678]}",
      " { \"shape\" : [ 3 ,\n0,\t70 ],\r\"data_offsets\":[ 12, 123456789012345678 ] ,"
      "\"dtype\":\"F8_E4M3\" } ",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct plain_entry entry;
    assert_true(reads(texts[i], &entry));
    assert_string_equal(entry.dtype, "F8_E4M3");
    assert_int_equal(entry.shape.dims, 3);
    assert_int_equal(entry.shape.dim[0], 3);
    assert_int_equal(entry.shape.dim[1], 0);
    assert_int_equal(entry.shape.dim[2], 70);
    assert_true(entry.begin == 12 && entry.end == 123456789012345678);
  }
}

/* Whatever JSON refuses or reads otherwise: every beginning of a good one, and these. */
static void others_are_left_to_json(void **state)
{
  (void)state;
  static const char good[] = "{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[0,2]}";
  static const char *const texts[] = {
      "{}",
      "[]",
      "null",
      "{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[0,2]}x",
      "{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[0,2],}",
      "{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[2,0]}",
      "{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[0,2,4]}",
      "{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[0]}",
      "{\"dtype\":\"F16\",\"shape\":[01],\"data_offsets\":[0,2]}",
      "{\"dtype\":\"F16\",\"shape\":[-1],\"data_offsets\":[0,2]}",
      "{\"dtype\":\"F16\",\"shape\":[1.0],\"data_offsets\":[0,2]}",
      "{\"dtype\":\"F16\",\"shape\":[1e1],\"data_offsets\":[0,2]}",
      "{\"dtype\":\"F16\",\"shape\":[1,],\"data_offsets\":[0,2]}",
      "{\"dtype\":\"F16\",\"shape\":[,1],\"data_offsets\":[0,2]}",
      "{\"dtype\":\"F16\",\"shape\":[1 1],\"data_offsets\":[0,2]}",
      "{\"dtype\":\"F16\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,2]}",
      "{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[0,1234567890123456789]}",
      "{\"dtype\":\"F16\",\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[0,2]}",
      "{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[0,2],\"more\":1}",
      "{\"dtype\":\"F\\u0031\",\"shape\":[],\"data_offsets\":[0,2]}",
      "{\"dtype\":16,\"shape\":[],\"data_offsets\":[0,2]}",
      "{\"dtype\":\"F16\",\"shape\":null,\"data_offsets\":[0,2]}",
      "{\"dtype\":\"F16\"\v,\"shape\":[],\"data_offsets\":[0,2]}",
  };
  struct plain_entry entry;
  assert_true(reads(good, &entry));
  assert_int_equal(entry.shape.dims, 0);
  for (size_t length = 0; length + 1 < sizeof good; length++)
    assert_false(
        plain_entry_read(&(struct json_text){(const unsigned char *)good, length, 0}, &entry));
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (reads(texts[i], &entry))
      fail_msg("%s", texts[i]);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_name_is_found),
      cmocka_unit_test(of_one_name_the_first_counts),
      cmocka_unit_test(plain_entries_are_read),
      cmocka_unit_test(others_are_left_to_json),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
