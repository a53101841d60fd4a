/* Visits against plain loops; percentiles against sorting and against NumPy's own results. */
#include "quant/sample.h"

#include "tests/support/manifest.h"
#include "tests/support/npy_vectors.h"
#include "tests/support/portable.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

/* --- a tensor and its grain -------------------------------------------------------------- */

struct tensor {
  float *values;
  struct shape shape;
  struct feed feed;
  struct grain grain;
};

static void decode(const void *self, size_t start, size_t n, float *out)
{
  assert_true(n <= FEED_BLOCK);
  memcpy(out, (const float *)self + start, n * sizeof *out);
}

/* Element i holds i, every 97th is not finite. Not DIRECT: read through decode. */
static struct tensor tensor_make(struct shape shape, struct granularity granularity, bool direct)
{
  struct tensor tensor = {.shape = shape};
  size_t count = shape_elements(&shape);
  static const float odd[] = {NAN, INFINITY, -INFINITY};
  tensor.values = malloc((count + 1) * sizeof *tensor.values);
  assert_non_null(tensor.values);
  for (size_t i = 0; i < count; i++)
    tensor.values[i] = i % 97 == 5 ? odd[i % 3] : (float)i;
  tensor.feed = feed_floats(tensor.values, count);
  if (!direct)
    tensor.feed = (struct feed){.count = count, .decode = decode, .self = tensor.values};
  assert_int_equal(grain_make(&granularity, &shape, &tensor.grain, NULL), STATUS_OK);
  return tensor;
}

static struct sample sample_of(const struct tensor *tensor, size_t unit)
{
  return (struct sample){.feed = &tensor->feed, .grain = &tensor->grain, .unit = unit};
}

/* --- visiting ----------------------------------------------------------------------------- */

struct seen {
  size_t count;
  double sum;
  float first, last;
  bool disordered;
};

static void see(void *state, const float *x, const uint64_t *counts, size_t n, const void *context)
{
  (void)counts;
  struct seen *seen = state;
  (void)context;
  for (size_t i = 0; i < n; i++) {
    if (seen->count == 0)
      seen->first = x[i];
    else if (x[i] <= seen->last)
      seen->disordered = true;
    seen->last = x[i];
    seen->sum += (double)x[i];
    seen->count++;
  }
}

static void see_both(void *into, const void *from, const void *context)
{
  struct seen *a = into;
  const struct seen *b = from;
  (void)context;
  if (b->count == 0)
    return;
  if (a->count == 0) {
    *a = *b;
    return;
  }
  a->disordered |= b->disordered || b->first <= a->last;
  a->last = b->last;
  a->sum += b->sum;
  a->count += b->count;
}

static const struct visitor visitor = {
    .state_size = sizeof(struct seen), .block = see, .merge = see_both};

/* Every unit of the tensor sees exactly its own finite values, in order. */
static void check_units(struct shape shape, struct granularity granularity, bool direct)
{
  struct tensor tensor = tensor_make(shape, granularity, direct);
  struct seen *expected = calloc(tensor.grain.units, sizeof *expected);
  assert_non_null(expected);
  for (size_t i = 0; i < tensor.grain.count; i++)
    if (isfinite(tensor.values[i]))
      see(&expected[grain_unit(&tensor.grain, i)], &tensor.values[i], NULL, 1, NULL);
  for (size_t unit = 0; unit < tensor.grain.units; unit++) {
    struct sample sample = sample_of(&tensor, unit);
    struct seen found;
    assert_int_equal(sample_visit(&sample, &visitor, &found), STATUS_OK);
    assert_int_equal(found.count, expected[unit].count);
    assert_false(found.disordered);
    assert_true(found.first == expected[unit].first && found.last == expected[unit].last);
    /* whole numbers below 2^53: exact in any order */
    assert_true(found.sum == expected[unit].sum);
  }
  free(expected);
  free(tensor.values);
}

static void test_visit(void **state)
{
  (void)state;
  const struct granularity tensor = {.kind = GRAIN_TENSOR}, token = {.kind = GRAIN_TOKEN},
                           group = {.kind = GRAIN_GROUP, .group = 30000};
  struct shape line = {1, {3 * FEED_CHUNK + 17}};
  for (int direct = 0; direct < 2; direct++) {
    check_units(line, tensor, direct);
    check_units((struct shape){1, {1}}, tensor, direct);
    check_units((struct shape){0}, tensor, direct);
    check_units((struct shape){1, {40 * FEED_CHUNK + 1}}, tensor, direct);
    check_units((struct shape){2, {5, FEED_CHUNK + 3}}, token, direct);
    check_units((struct shape){2, {2, FEED_CHUNK + 3}}, group, direct);
    for (int axis = 0; axis < 3; axis++) {
      struct granularity channel = {.kind = GRAIN_CHANNEL, .axis = axis};
      check_units((struct shape){3, {1000, 3, 61}}, channel, direct);
      check_units((struct shape){3, {7, 11, 5000}}, channel, direct);
    }
    /* channels that interleave: late axis, short and long strides, more than a window */
    check_units((struct shape){2, {70000, 3}}, (struct granularity){GRAIN_CHANNEL, 1, 0}, direct);
    check_units((struct shape){2, {100, 5000}}, (struct granularity){GRAIN_CHANNEL, 1, 0}, direct);
  }
}

/* Only non-finite values: the visitor's state stays zero. */
static void test_nothing_finite(void **state)
{
  (void)state;
  float values[] = {NAN, INFINITY, -INFINITY};
  struct feed feed = feed_floats(values, 3);
  struct grain grain;
  grain_make(&(struct granularity){.kind = GRAIN_TENSOR}, &(struct shape){1, {3}}, &grain, NULL);
  struct sample sample = {.feed = &feed, .grain = &grain};
  struct seen found = {.count = 77};
  assert_int_equal(sample_visit(&sample, &visitor, &found), STATUS_OK);
  assert_int_equal(found.count, 0);
}

static void test_cancel(void **state)
{
  (void)state;
  struct tensor tensor =
      tensor_make((struct shape){1, {5 * FEED_CHUNK}}, (struct granularity){GRAIN_TENSOR, 0, 0}, 1);
  struct progress progress = {0};
  struct sample sample = sample_of(&tensor, 0);
  struct sample gathered = {.values = tensor.values, .finite = 10, .progress = &progress};
  struct seen found;
  struct error error;
  double half = 50, out;
  sample.progress = &progress;
  progress_cancel(&progress);
  assert_int_equal(sample_visit(&sample, &visitor, &found), STATUS_CANCELLED);
  assert_int_equal(sample_visit(&gathered, &visitor, &found), STATUS_CANCELLED);
  sample.finite = sample.grain->count;
  assert_int_equal(sample_percentiles(&sample, true, &half, 1, &out, &error), STATUS_CANCELLED);
  assert_int_equal(error.status, STATUS_CANCELLED);
  free(tensor.values);
}

/* Sums that depend on their order: still the same on one thread and on seven. */
static void test_threads(void **state)
{
  (void)state;
  enum { N = 9 * FEED_CHUNK + 5 };
  float *x = malloc(N * sizeof *x);
  assert_non_null(x);
  portable_laplace(x, N);
  struct feed feed = feed_floats(x, N);
  struct grain grain;
  grain_make(&(struct granularity){.kind = GRAIN_TENSOR}, &(struct shape){1, {N}}, &grain, NULL);
  struct sample sample = {.feed = &feed, .grain = &grain};
  struct seen one, seven;
  pool_set_threads(1);
  sample_visit(&sample, &visitor, &one);
  pool_set_threads(7);
  sample_visit(&sample, &visitor, &seven);
  pool_set_threads(0);
  assert_true(one.sum == seven.sum);
  free(x);
}

/* --- order statistics ----------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

/* The definition, on a sorted copy. */
static double by_sorting(const float *x, size_t n, bool magnitude, double percentile)
{
  float *sorted = malloc(n * sizeof *sorted);
  assert_non_null(sorted);
  for (size_t i = 0; i < n; i++)
    sorted[i] = magnitude ? fabsf(x[i]) : x[i];
  qsort(sorted, n, sizeof *sorted, compare);
  double position = (double)(n - 1) * (percentile / 100);
  size_t below = (size_t)position, above = below + 1 < n ? below + 1 : n - 1;
  double a = (double)sorted[below], b = (double)sorted[above];
  free(sorted);
  return a + (position - (double)below) * (b - a);
}

static const double percentiles[] = {0, 0.05, 1, 33.3, 50, 99, 99.99, 100};
enum { PERCENTILES = sizeof percentiles / sizeof *percentiles };

/* Gathered and spread samples of the same values. */
static void check_percentiles(const float *x, size_t n)
{
  struct feed feed = feed_floats(x, n);
  struct grain grain;
  grain_make(&(struct granularity){.kind = GRAIN_TENSOR}, &(struct shape){1, {n}}, &grain, NULL);
  struct sample samples[] = {{.finite = n, .values = x},
                             {.finite = n, .feed = &feed, .grain = &grain}};
  for (int magnitude = 0; magnitude < 2; magnitude++)
    for (int kind = 0; kind < 2; kind++) {
      double found[PERCENTILES];
      assert_int_equal(
          sample_percentiles(&samples[kind], magnitude, percentiles, PERCENTILES, found, NULL),
          STATUS_OK);
      for (int i = 0; i < PERCENTILES; i++)
        assert_true(found[i] == by_sorting(x, n, magnitude, percentiles[i]));
    }
}

static void test_percentiles(void **state)
{
  (void)state;
  enum { MOST = 100003 };
  static const size_t sizes[] = {1, 2, 3, 7, 100, 4095, 4096, 4097, 20000, MOST};
  float *x = malloc(MOST * sizeof *x);
  assert_non_null(x);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    size_t n = sizes[i];
    portable_laplace(x, n);
    check_percentiles(x, n);
    for (size_t k = 0; k < n; k++) /* many equal ones */
      x[k] = (float)((int)(x[k] * 2));
    check_percentiles(x, n);
    for (size_t k = 0; k < n; k++)
      x[k] = (float)k - (float)(n / 2); /* sorted */
    check_percentiles(x, n);
    for (size_t k = 0; k < n; k++)
      x[k] = -3.25F; /* constant */
    check_percentiles(x, n);
  }
  free(x);
}

static void test_extreme_values(void **state)
{
  (void)state;
  float x[] = {-FLT_MAX, FLT_MAX,        -FLT_MIN, FLT_MIN, -FLT_TRUE_MIN, FLT_TRUE_MIN,
               0,        FLT_MIN / 1024, 1,        -1,      1e30F,         -1e-30F};
  check_percentiles(x, sizeof x / sizeof *x);
  float many[5000];
  for (size_t i = 0; i < 5000; i++)
    many[i] = x[i % (sizeof x / sizeof *x)];
  check_percentiles(many, 5000);
}

/* numpy.percentile's default on the reference inputs: relative 1e-6, because NumPy takes the
 * difference of two neighbours in float32. */
static void check_reference(const json_t *entry, size_t *checked)
{
  static const char *const keys[] = {"signed_np_linear", "abs_np_linear"};
  const char *input = manifest_text(entry, "input");
  double percentile = manifest_number(entry, "percentile");
  struct vector vector;
  if (strcmp(manifest_text(entry, "family"), "percentile_definitions") != 0)
    return;
  assert_true(vector_load(&vector, "conformance/calibration/inputs/%s.npy", input));
  for (int magnitude = 0; magnitude < 2; magnitude++) {
    const json_t *expected = json_object_get(entry, keys[magnitude]);
    struct sample sample = {.finite = vector.count, .values = vector_floats(&vector)};
    double found;
    if (!json_is_number(expected))
      continue;
    sample_percentiles(&sample, magnitude, &percentile, 1, &found, NULL);
    double wanted = json_number_value(expected);
    assert_true(fabs(found - wanted) <= 1e-6 * fabs(wanted));
    ++*checked;
  }
  vector_free(&vector);
}

static void test_reference(void **state)
{
  (void)state;
  size_t i, checked = 0;
  json_t *entry;
  if (!vectors_folder())
    skip();
  json_t *manifest = manifest_load("percentile");
  json_array_foreach(json_object_get(manifest, "entries"), i, entry)
    check_reference(entry, &checked);
  json_decref(manifest);
  assert_in_range(checked, 200, 1000);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_visit),       cmocka_unit_test(test_nothing_finite),
      cmocka_unit_test(test_cancel),      cmocka_unit_test(test_threads),
      cmocka_unit_test(test_percentiles), cmocka_unit_test(test_extreme_values),
      cmocka_unit_test(test_reference),
  };
  return cmocka_run_group_tests_name("sample", tests, NULL, NULL);
}
