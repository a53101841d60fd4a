/* Large tensors that do not lie in C order, against the definition: the element at an index lies at
 * the sum of index times stride. */
#include "tests/data/files.h"

#include "data/map_range.h"
#include "data/strided.h"
#include "data/tensor.h"
#include "quant/base/size.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What element PLACE of the data is: exact in float32. */
static float value_at(size_t place)
{
  return (float)(place % 16777213);
}

static unsigned char *make_data(size_t count, bool swapped)
{
  uint32_t *data = mem_array(count, sizeof *data);
  assert_non_null(data);
  for (size_t i = 0; i < count; i++) {
    float x = value_at(i);
    memcpy(&data[i], &x, sizeof x);
    data[i] = swapped ? __builtin_bswap32(data[i]) : data[i];
  }
  return (unsigned char *)data;
}

static size_t place_of(const struct tensor *tensor, size_t index)
{
  size_t place = 0;
  for (unsigned axis = tensor->shape.dims; axis-- > 0; index /= tensor->shape.dim[axis])
    place += index % tensor->shape.dim[axis] * tensor->stride[axis];
  return place;
}

/* Blocks from FIRST on, STEP apart. */
static void check_blocks(const struct tensor *tensor, size_t first, size_t step)
{
  struct feed feed = tensor_feed(tensor);
  static float scratch[FEED_BLOCK];
  for (size_t start = first; start < tensor->count; start += step) {
    size_t n = size_min(FEED_BLOCK - start % 7, tensor->count - start);
    const float *x = feed_block(&feed, start, n, scratch);
    for (size_t i = 0; i < n; i++)
      if (x[i] != value_at(place_of(tensor, start + i)))
        fail_msg("element %zu: %g, expected %g", start + i, (double)x[i],
                 (double)value_at(place_of(tensor, start + i)));
  }
}

static struct tensor make(struct shape shape, bool swapped)
{
  bool big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
  struct tensor tensor = {
      .name = "x", .shape = shape, .stored = stored_find("f32"), .swapped = swapped != big};
  tensor.count = shape_elements(&shape);
  tensor.bytes = tensor.count * sizeof(float);
  return tensor;
}

static void test_fortran(void **state)
{
  (void)state;
  static const struct shape shapes[] = {{2, {1200, 1001}},
                                        {2, {3, 400001}},
                                        {2, {400001, 3}},
                                        {3, {130, 97, 99}},
                                        {3, {1, 1200, 999}}};
  for (size_t i = 0; i < 2 * sizeof shapes / sizeof *shapes; i++) {
    bool swapped = i % 2;
    struct tensor tensor = make(shapes[i / 2], swapped);
    unsigned char *data = make_data(tensor.count, swapped);
    tensor_set_fortran(&tensor);
    tensor.data = data;
    check_blocks(&tensor, 0, FEED_BLOCK - 6);
    check_blocks(&tensor, 12345, 99991);
    free(data);
  }
}

/* A permuted view with gaps: axis 1 is nearest, two elements apart. */
static void test_permuted(void **state)
{
  (void)state;
  struct tensor tensor = make((struct shape){3, {60, 300, 70}}, false);
  unsigned char *data = make_data(2 * tensor.count, false);
  tensor_set_strides(&tensor, (const size_t[]){600, 2, 36000});
  tensor.data = data;
  check_blocks(&tensor, 0, FEED_BLOCK - 6);
  free(data);
}

/* The same tensor at the same place with other values: nothing of the old ones is shown. */
static void test_changed(void **state)
{
  (void)state;
  struct tensor tensor = make((struct shape){2, {1200, 1000}}, false);
  float *data = (float *)(void *)make_data(tensor.count, false), scratch[4];
  tensor_set_fortran(&tensor);
  tensor.data = (const unsigned char *)data;
  struct feed feed = tensor_feed(&tensor);
  assert_true(*feed_block(&feed, 0, 1, scratch) == 0);
  data[0] = 7;
  feed = tensor_feed(&tensor);
  assert_true(*feed_block(&feed, 0, 1, scratch) == 7);
  free(data);
}

/* --- copies ----------------------------------------------------------------------------------- */

/* Elements of every size, with the bytes that they had, where the definition says. */
static void test_straighten(void **state)
{
  (void)state;
  static const struct {
    struct shape shape;
    size_t stride[3];
    const char *stored;
  } layouts[] = {{{2, {4100, 1033}}, {1, 4100}, "u8"},
                 {{2, {2100, 1009}}, {1, 2100}, "f16"},
                 {{3, {3, 1100, 333}}, {1100 * 333, 1, 1100}, "f32"},
                 {{3, {130, 97, 99}}, {1, 130, 130 * 97}, "f64"},
                 {{3, {1200, 1001, 2}}, {2, 2400, 1}, "f32"},
                 {{3, {700, 2, 801}}, {2, 1, 1400}, "f64"}};
  for (size_t k = 0; k < sizeof layouts / sizeof *layouts; k++) {
    struct tensor tensor = {
        .name = "x", .shape = layouts[k].shape, .stored = stored_find(layouts[k].stored)};
    size_t size = tensor.stored->size;
    tensor.count = shape_elements(&tensor.shape);
    tensor.bytes = tensor.count * size;
    tensor_set_strides(&tensor, layouts[k].stride);
    unsigned char *data = make_data(size_div_up(tensor.bytes, 4), false);
    unsigned char *to = mem_array(tensor.bytes, 1);
    struct progress progress = {.done = 0};
    assert_non_null(to);
    tensor.data = data;
    if (strided_in_bands(&tensor)) {
      assert_true(strided_straighten(&tensor, to, &progress));
      assert_int_equal(progress.done, tensor.count);
      for (size_t i = 0; i < tensor.count; i++)
        if (memcmp(to + i * size, data + place_of(&tensor, i) * size, size) != 0)
          fail_msg("layout %zu: element %zu", k, i);
    } else {
      assert_int_equal(k, 4); /* neighbours in C order are neighbours */
    }
    free(to);
    free(data);
  }
}

/* A file of ROWS x 1001 numbers in Fortran order; those behind the first COUNT are 0. */
static const char *fortran_file(size_t rows, size_t count)
{
  char shape[64];
  unsigned char *data = make_data(count, false);
  snprintf(shape, sizeof shape, "(%zu, 1001)", rows);
  const char *path = files_npy("f.npy", "'<f4'", "True", shape, data, count * sizeof(float));
  int file = open(path, O_WRONLY);
  off_t end = lseek(file, 0, SEEK_END);
  assert_int_equal(ftruncate(file, end + (off_t)((rows * 1001 - count) * sizeof(float))), 0);
  close(file);
  free(data);
  return path;
}

/* Loading makes a copy once; closing gives everything back (sanitizers tell). */
static void test_load(void **state)
{
  (void)state;
  if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
    skip();
  struct source *source = files_open(fortran_file(1200, (size_t)1200 * 1001));
  struct tensor before = *source_tensor(source, 0);
  struct progress cancelled = {.cancelled = true};
  assert_true(before.strided);
  assert_int_equal(source_load(source, 0, &cancelled, NULL), STATUS_CANCELLED);
  assert_true(source_tensor(source, 0)->strided);
  float *values = files_values(source, 0);
  for (size_t i = 0; i < before.count; i++)
    assert_true(values[i] == value_at(place_of(&before, i)));
  free(values);
  const unsigned char *copy = source_tensor(source, 0)->data;
  assert_false(source_tensor(source, 0)->strided);
  assert_true(copy != before.data);
  assert_int_equal(source_load(source, 0, NULL, NULL), STATUS_OK);
  assert_true(source_tensor(source, 0)->data == copy);
  assert_int_equal(source_verify(source, NULL), STATUS_OK);
  source_close(source);
  files_clear();
}

/* Without a place for the temporary file it is read where it lies, then and later. */
static void test_load_no_room(void **state)
{
  (void)state;
  if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
    skip();
  struct source *source = files_open(fortran_file(20000, 30000));
  struct tensor before = *source_tensor(source, 0);
  setenv("TMPDIR", "/nonexistent", 1);
  assert_int_equal(source_load(source, 0, NULL, NULL), STATUS_OK);
  unsetenv("TMPDIR");
  assert_int_equal(source_load(source, 0, NULL, NULL), STATUS_OK);
  const struct tensor *tensor = source_tensor(source, 0);
  assert_true(tensor->strided && tensor->data == before.data);
  struct feed feed = tensor_feed(tensor);
  static float scratch[FEED_BLOCK];
  const float *x = feed_block(&feed, 0, 1001, scratch);
  for (size_t i = 0; i < 1001; i++)
    assert_true(x[i] == (i * 20000 < 30000 ? value_at(i * 20000) : 0));
  source_close(source);
  files_clear();
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_fortran), cmocka_unit_test(test_permuted),
      cmocka_unit_test(test_changed), cmocka_unit_test(test_straighten),
      cmocka_unit_test(test_load),    cmocka_unit_test(test_load_no_room),
  };
  return cmocka_run_group_tests_name("strided", tests, NULL, files_remove);
}
