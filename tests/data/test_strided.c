/* Large tensors that do not lie in C order, against the definition: the element at an index lies at
 * the sum of index times stride. */
#include "tests/data/files.h"

#include "data/map_range.h"
#include "data/tensor.h"
#include "quant/base/size.h"

#include <stdlib.h>
#include <string.h>

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

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_fortran),
      cmocka_unit_test(test_permuted),
      cmocka_unit_test(test_changed),
  };
  return cmocka_run_group_tests_name("strided", tests, NULL, files_remove);
}
