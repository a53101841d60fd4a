/* Batches of a tensor against indexing by hand: every axis, lent and decoded, near and far slices.
 */
#include "data/batches.h"

#include "quant/base/size.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 200000 };

static float floats[MOST];
static int16_t wholes[MOST];

/* Element i holds a number that tells it from its neighbours and fits both types. */
static int setup(void **state)
{
  (void)state;
  for (size_t i = 0; i < MOST; i++) {
    wholes[i] = (int16_t)(i * 7919 % 32749);
    floats[i] = (float)wholes[i];
  }
  return 0;
}

static struct tensor tensor_of(bool direct, struct shape shape)
{
  struct tensor tensor = {.name = "x",
                          .shape = shape,
                          .stored = stored_find(direct ? "f32" : "i16"),
                          .count = shape_elements(&shape),
                          .data = direct ? (const unsigned char *)floats
                                         : (const unsigned char *)wholes};
  assert_true(tensor.count <= MOST);
  tensor.bytes = tensor.count * tensor.stored->size;
  tensor.swapped = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
  return tensor;
}

/* Where element K of slice INDEX along AXIS stands in C order. */
static size_t place(const struct shape *shape, unsigned axis, size_t index, size_t k)
{
  size_t digits[SHAPE_MAX_DIMS], at = 0;
  for (unsigned i = shape->dims; i-- > 0;) {
    size_t size = i == axis ? 1 : shape->dim[i];
    digits[i] = i == axis ? index : k % size;
    k /= size;
  }
  for (unsigned i = 0; i < shape->dims; i++)
    at = at * shape->dim[i] + digits[i];
  return at;
}

/* Reads the batch in pieces of N elements. */
static void check_batch(const struct batch *batch, const struct shape *shape, unsigned axis,
                        size_t index, size_t piece)
{
  float scratch[FEED_BLOCK];
  for (size_t start = 0, n; start < batch->feed.count; start += n) {
    n = size_min(piece, batch->feed.count - start);
    const float *x = feed_block(&batch->feed, start, n, scratch);
    for (size_t i = 0; i < n; i++)
      if (x[i] != floats[place(shape, axis, index, start + i)])
        fail_msg("axis %u, batch %zu, element %zu", axis, index, start + i);
  }
}

static void check_axis(const struct tensor *tensor, int axis)
{
  const struct shape *shape = &tensor->shape;
  struct batches *batches = batches_new();
  unsigned resolved;
  assert_non_null(batches);
  assert_true(shape_axis(shape, axis, &resolved));
  assert_int_equal(batches_add(batches, tensor, NULL, (struct batching){true, axis}, NULL),
                   STATUS_OK);
  assert_int_equal(batches->count, shape->dim[resolved]);
  for (size_t i = 0; i < batches->count; i++) {
    const struct batch *batch = &batches->batch[i];
    assert_int_equal(batch->shape.dims, shape->dims);
    assert_int_equal(batch->shape.dim[resolved], 1);
    assert_int_equal(batch->feed.count, tensor->count / shape->dim[resolved]);
    assert_int_equal(shape_elements(&batch->shape), batch->feed.count);
    if (i < 3 || i + 1 == batches->count) {
      check_batch(batch, shape, resolved, i, FEED_BLOCK);
      check_batch(batch, shape, resolved, i, 7);
      check_batch(batch, shape, resolved, i, 1000);
    }
  }
  batches_free(batches);
}

static void test_every_axis(void **state)
{
  (void)state;
  static const struct shape shapes[] = {{1, {5}},         {3, {2, 3, 4}},    {2, {3000, 2}},
                                        {2, {2, 3000}},   {3, {1, 5000, 3}}, {3, {9, 1, 1}},
                                        {3, {4, 37, 53}}, {2, {37, 5000}}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (int direct = 0; direct < 2; direct++) {
      struct tensor tensor = tensor_of(direct, shapes[i]);
      for (int axis = -(int)shapes[i].dims; axis < (int)shapes[i].dims; axis++)
        check_axis(&tensor, axis);
    }
}

/* What lies in one piece is lent, not copied. */
static void test_lent(void **state)
{
  (void)state;
  struct tensor tensor = tensor_of(true, (struct shape){2, {3, 100}});
  struct batches *batches = batches_new();
  assert_int_equal(batches_add(batches, &tensor, NULL, (struct batching){true, 0}, NULL),
                   STATUS_OK);
  assert_ptr_equal(batches->batch[2].feed.direct, floats + 200);
  assert_int_equal(batches_add(batches, &tensor, NULL, (struct batching){0}, NULL), STATUS_OK);
  assert_int_equal(batches->count, 4); /* the last one is the whole tensor */
  assert_ptr_equal(batches->batch[3].feed.direct, floats);
  assert_int_equal(batches->batch[3].feed.count, 300);
  batches_free(batches);
  batches_free(NULL);
}

static void refuse(struct shape shape, int axis, const char *says)
{
  struct tensor tensor = tensor_of(false, shape);
  struct batches *batches = batches_new();
  struct error error = {0};
  assert_int_equal(batches_add(batches, &tensor, NULL, (struct batching){true, axis}, &error),
                   STATUS_USAGE);
  if (!strstr(error.text, says))
    fail_msg("%s", error.text);
  assert_int_equal(batches->count, 0);
  batches_free(batches);
}

static void test_refused(void **state)
{
  (void)state;
  refuse((struct shape){2, {2, 3}}, 2, "--batches 2: the tensor 2x3 has axes 0 to 1 (or -2 to -1)");
  refuse((struct shape){2, {2, 3}}, -3, "--batches -3");
  refuse((struct shape){0}, 0, "a scalar has no axes");
  refuse((struct shape){2, {2, BATCHES_MOST + 1}}, 1, "expected at most 65536 batches");
}

static void test_empty(void **state)
{
  (void)state;
  struct tensor tensor = tensor_of(false, (struct shape){2, {0, 3}});
  struct batches *batches = batches_new();
  for (int axis = 0; axis < 2; axis++)
    assert_int_equal(batches_add(batches, &tensor, NULL, (struct batching){true, axis}, NULL),
                     STATUS_OK);
  assert_int_equal(batches->count, 0);
  batches_free(batches);
}

static void test_check(void **state)
{
  (void)state;
  const struct shape shape = {3, {2, 3, 4}};
  static const struct {
    const char *spec;
    int axis;
    bool refused;
  } checks[] = {{"int8", 0, false},           {"int8,channel=0", 1, false},
                {"int8,channel=0", 0, true},  {"int8,channel=-1", 2, true},
                {"int8,channel=2", -1, true}, {"int8,channel=2", -2, false},
                {"int8,token", 0, false},     {"int8", 3, true}};
  for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
    struct quantizer quantizer;
    assert_int_equal(quantizer_parse(checks[i].spec, &quantizer, NULL), STATUS_OK);
    enum status status =
        batching_check((struct batching){true, checks[i].axis}, &quantizer, &shape, NULL);
    assert_int_equal(status, checks[i].refused ? STATUS_USAGE : STATUS_OK);
    assert_int_equal(batching_check((struct batching){0}, &quantizer, &shape, NULL), STATUS_OK);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_axis), cmocka_unit_test(test_lent),
      cmocka_unit_test(test_refused),    cmocka_unit_test(test_empty),
      cmocka_unit_test(test_check),
  };
  return cmocka_run_group_tests_name("batches", tests, setup, NULL);
}
