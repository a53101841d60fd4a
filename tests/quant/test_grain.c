/* Granularity: every kind over many shapes against brute force on coordinates; ragged tails,
 * empty tensors, scalars, wrong axes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "quant/grain.h"

#include <stdlib.h>
#include <string.h>

static struct grain lay(struct granularity granularity, const struct shape *shape)
{
  struct grain grain;
  struct error error;
  if (grain_make(&granularity, shape, &grain, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  return grain;
}

static const struct shape shapes[] = {
    {.dims = 0},
    {.dims = 1, .dim = {1}},
    {.dims = 1, .dim = {17}},
    {.dims = 2, .dim = {3, 5}},
    {.dims = 2, .dim = {1, 9}},
    {.dims = 2, .dim = {9, 1}},
    {.dims = 3, .dim = {4, 3, 20}},
    {.dims = 3, .dim = {2, 7, 1}},
    {.dims = 4, .dim = {2, 3, 4, 5}},
    {.dims = 8, .dim = {1, 2, 1, 3, 1, 2, 1, 2}},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

/* The unit of element INDEX from its coordinates alone. */
static size_t unit_by_coordinates(const struct granularity *granularity, const struct shape *shape,
                                  size_t index)
{
  size_t at[SHAPE_MAX_DIMS + 1] = {0}, rest = index;
  for (unsigned i = shape->dims; i-- > 0;) {
    at[i] = rest % shape->dim[i];
    rest /= shape->dim[i];
  }
  size_t columns = shape->dims ? shape->dim[shape->dims - 1] : 1;
  size_t column = shape->dims ? at[shape->dims - 1] : 0, row = index / columns;
  int axis = granularity->axis;
  switch (granularity->kind) {
  case GRAIN_TENSOR:
    return 0;
  case GRAIN_CHANNEL:
    return shape->dims ? at[axis < 0 ? axis + (int)shape->dims : axis] : 0;
  case GRAIN_TOKEN:
    return row;
  case GRAIN_GROUP:
    break;
  }
  size_t groups = columns / granularity->group + (columns % granularity->group != 0);
  return row * groups + column / granularity->group;
}

static void check_grain(struct granularity granularity, const struct shape *shape)
{
  struct grain grain = lay(granularity, shape);
  size_t count = shape_elements(shape);
  size_t *units = malloc((count + 1) * sizeof *units);
  assert_non_null(units);
  size_t most = 0;
  assert_int_equal(grain.count, count);
  for (size_t i = 0; i < count; i++) {
    units[i] = unit_by_coordinates(&granularity, shape, i);
    most = units[i] > most ? units[i] : most;
    assert_int_equal(grain_unit(&grain, i), units[i]);
  }
  assert_int_equal(grain.units, most + 1);

  for (size_t unit = 0; unit < grain.units; unit++) {
    size_t k = 0;
    for (size_t i = 0; i < count; i++)
      if (units[i] == unit)
        assert_int_equal(grain_element(&grain, unit, k++), i);
    assert_int_equal(grain_unit_size(&grain, unit), k);
  }

  for (size_t start = 0; start < count; start++) {
    static const size_t limits[] = {1, 2, 7, 1000};
    size_t longest = 1, unit;
    while (start + longest < count && units[start + longest] == units[start])
      longest++;
    for (size_t l = 0; l < 4; l++) {
      size_t run = grain_run(&grain, start, limits[l], &unit);
      assert_int_equal(unit, units[start]);
      assert_in_range(run, 1, limits[l]);
      assert_int_equal(run, longest < limits[l] ? longest : limits[l]);
    }
    struct grain_walk walk = grain_walk_from(&grain, start);
    for (size_t i = start; i < count; i++)
      assert_int_equal(grain_walk_step(&walk), units[i]);
  }
  free(units);
}

static void test_tensor_and_token(void **state)
{
  (void)state;
  for (size_t s = 0; s < SHAPES; s++) {
    check_grain((struct granularity){.kind = GRAIN_TENSOR}, &shapes[s]);
    check_grain((struct granularity){.kind = GRAIN_TOKEN}, &shapes[s]);
  }
}

static void test_channels(void **state)
{
  (void)state;
  for (size_t s = 0; s < SHAPES; s++) {
    int dims = shapes[s].dims ? (int)shapes[s].dims : 1;
    for (int axis = -dims; axis < dims; axis++)
      check_grain((struct granularity){.kind = GRAIN_CHANNEL, .axis = axis}, &shapes[s]);
  }
}

static void test_groups(void **state)
{
  (void)state;
  static const size_t groups[] = {1, 2, 3, 5, 8, 16, 1000, SIZE_MAX};
  for (size_t s = 0; s < SHAPES; s++)
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++)
      check_grain((struct granularity){.kind = GRAIN_GROUP, .group = groups[g]}, &shapes[s]);
}

/* By hand: rows of 10 in groups of 4 are 4 + 4 + 2. */
static void test_ragged_tail(void **state)
{
  (void)state;
  const struct shape shape = {.dims = 2, .dim = {2, 10}};
  struct grain grain = lay((struct granularity){.kind = GRAIN_GROUP, .group = 4}, &shape);
  assert_int_equal(grain.units, 6);
  assert_int_equal(grain_unit_size(&grain, 2), 2);
  assert_int_equal(grain_unit(&grain, 9), 2);
  assert_int_equal(grain_unit(&grain, 10), 3);
  assert_int_equal(grain_element(&grain, 5, 1), 19);
}

static void test_empty(void **state)
{
  (void)state;
  static const struct shape empty[] = {{.dims = 1, .dim = {0}},
                                       {.dims = 2, .dim = {0, 5}},
                                       {.dims = 2, .dim = {5, 0}},
                                       {.dims = 3, .dim = {SIZE_MAX, 0, SIZE_MAX}}};
  static const struct granularity all[] = {{.kind = GRAIN_TENSOR},
                                           {.kind = GRAIN_CHANNEL},
                                           {.kind = GRAIN_TOKEN},
                                           {.kind = GRAIN_GROUP, .group = 3}};
  for (size_t s = 0; s < 4; s++)
    for (size_t g = 0; g < 4; g++) {
      struct grain grain = lay(all[g], &empty[s]);
      assert_int_equal(grain.units, 0);
      assert_int_equal(grain.count, 0);
    }
}

static void check_error(struct granularity granularity, struct shape shape, const char *words)
{
  struct grain grain;
  struct error error;
  memset(&grain, 0x55, sizeof grain);
  struct grain before = grain;
  assert_int_equal(grain_make(&granularity, &shape, &grain, &error), STATUS_USAGE);
  assert_non_null(strstr(error.text, words));
  assert_memory_equal(&grain, &before, sizeof grain);
}

static void test_errors(void **state)
{
  (void)state;
  struct shape matrix = {.dims = 2, .dim = {3, 4}}, scalar = {.dims = 0};
  struct shape huge = {.dims = 2, .dim = {SIZE_MAX, 2}};
  check_error((struct granularity){.kind = GRAIN_CHANNEL, .axis = 2}, matrix, "channel=2");
  check_error((struct granularity){.kind = GRAIN_CHANNEL, .axis = -3}, matrix, "3x4");
  check_error((struct granularity){.kind = GRAIN_CHANNEL, .axis = 1}, scalar, "scalar");
  check_error((struct granularity){.kind = GRAIN_GROUP}, matrix, "group=0");
  check_error((struct granularity){.kind = GRAIN_TENSOR}, huge, "elements");
}

static void test_interleaved(void **state)
{
  (void)state;
  const struct shape wide = {.dims = 2, .dim = {100, 100}};
  const struct shape image = {.dims = 4, .dim = {8, 8, 32, 32}};
  const struct shape one = {.dims = 2, .dim = {100, 1}};
  struct granularity last = {.kind = GRAIN_CHANNEL, .axis = -1};
  struct granularity first = {.kind = GRAIN_CHANNEL};
  struct granularity second = {.kind = GRAIN_CHANNEL, .axis = 1};
  struct grain grain = lay(last, &wide);
  assert_true(grain_is_interleaved(&grain));
  grain = lay(first, &wide);
  assert_false(grain_is_interleaved(&grain));
  grain = lay(second, &image);
  assert_false(grain_is_interleaved(&grain));
  grain = lay(last, &one); /* one channel: a single run */
  assert_false(grain_is_interleaved(&grain));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tensor_and_token),
      cmocka_unit_test(test_channels),
      cmocka_unit_test(test_groups),
      cmocka_unit_test(test_ragged_tail),
      cmocka_unit_test(test_empty),
      cmocka_unit_test(test_errors),
      cmocka_unit_test(test_interleaved),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
