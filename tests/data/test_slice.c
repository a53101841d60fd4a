/* A channel alone: every axis, against indexing by hand; stored types; wrong requests. */
#include "tests/data/files.h"

#include "data/slice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 2x3x4 i16, value = 100 i + 10 j + k, in C and in Fortran order. */
static struct source *open_cube(bool fortran)
{
  int16_t values[24];
  for (int i = 0; i < 2; i++)
    for (int j = 0; j < 3; j++)
      for (int k = 0; k < 4; k++)
        values[fortran ? (k * 3 + j) * 2 + i : (i * 3 + j) * 4 + k] =
            (int16_t)(100 * i + 10 * j + k);
  return files_open(files_npy("cube.npy", "'<i2'", fortran ? "True" : "False", "(2, 3, 4)", values,
                              sizeof values));
}

static struct source *channel_of(struct source *source, int axis, size_t channel)
{
  struct source *slice = NULL;
  struct error error;
  assert_int_equal(source_load(source, 0, NULL, &error), STATUS_OK);
  assert_int_equal(source_channel(source, 0, axis, channel, &slice, &error), STATUS_OK);
  return slice;
}

static void check_channel(struct source *source, int axis, size_t channel)
{
  const size_t dims[] = {2, 3, 4};
  struct source *slice = channel_of(source, axis, channel);
  const struct tensor *tensor = source_tensor(slice, 0);
  assert_int_equal(source_count(slice), 1);
  assert_string_equal(tensor->name, source_tensor(source, 0)->name);
  assert_string_equal(tensor->stored->name, "f32");
  assert_int_equal(tensor->count, 24 / dims[axis]);
  for (int i = 0; i < 3; i++)
    assert_int_equal(tensor->shape.dim[i], i == axis ? 1 : dims[i]);
  float *values = files_values(slice, 0);
  size_t n = 0;
  for (size_t i = 0; i < 2; i++)
    for (size_t j = 0; j < 3; j++)
      for (size_t k = 0; k < 4; k++)
        if ((const size_t[]){i, j, k}[axis] == channel)
          assert_true(values[n++] == (float)(100 * i + 10 * j + k));
  assert_int_equal(n, tensor->count);
  free(values);
  source_close(slice);
}

static void test_every_axis(void **state)
{
  (void)state;
  const size_t dims[] = {2, 3, 4};
  for (int fortran = 0; fortran < 2; fortran++) {
    struct source *source = open_cube(fortran);
    for (int axis = 0; axis < 3; axis++)
      for (size_t channel = 0; channel < dims[axis]; channel++)
        check_channel(source, axis, channel);
    source_close(source);
  }
}

static void test_outlives_its_source(void **state)
{
  (void)state;
  struct source *source = open_cube(false), *slice = channel_of(source, -1, 3);
  source_close(source);
  float *values = files_values(slice, 0);
  assert_true(values[0] == 3 && values[5] == 123);
  free(values);
  source_close(slice);
}

/* Longer than a block of the feed. */
static void test_long_channel(void **state)
{
  (void)state;
  enum { LENGTH = 3 * FEED_BLOCK + 5 };
  float *values = malloc(2 * LENGTH * sizeof *values);
  assert_non_null(values);
  for (int i = 0; i < 2 * LENGTH; i++)
    values[i] = (float)i;
  char shape[32];
  snprintf(shape, sizeof shape, "(2, %d)", LENGTH);
  struct source *source = files_open(
      files_npy("long.npy", "'<f4'", "False", shape, values, 2 * LENGTH * sizeof *values));
  struct source *slice = channel_of(source, 0, 1);
  float *found = files_values(slice, 0);
  assert_memory_equal(found, values + LENGTH, LENGTH * sizeof *values);
  free(found);
  free(values);
  source_close(slice);
  source_close(source);
}

static void test_wrong_requests(void **state)
{
  (void)state;
  struct source *source = open_cube(false), *slice = NULL;
  struct error error;
  assert_int_equal(source_load(source, 0, NULL, &error), STATUS_OK);
  assert_int_equal(source_channel(source, 0, 3, 0, &slice, &error), STATUS_USAGE);
  assert_non_null(strstr(error.text, "axis 3"));
  assert_int_equal(source_channel(source, 0, 1, 3, &slice, &error), STATUS_USAGE);
  assert_non_null(strstr(error.text, "channel 3"));
  assert_null(slice);
  source_close(source);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_axis),
      cmocka_unit_test(test_outlives_its_source),
      cmocka_unit_test(test_long_channel),
      cmocka_unit_test(test_wrong_requests),
  };
  return cmocka_run_group_tests(tests, NULL, files_remove);
}
