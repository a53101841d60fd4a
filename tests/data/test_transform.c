/* Transforms: words; each against plain loops in double over the definition (the Hadamard matrix as
 * (-1)^popcount(i & j)); closed forms; what is refused. */
#include "tests/data/files.h"

#include "data/transformed.h"
#include "quant/format.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct transform word(const char *text)
{
  struct transform transform;
  struct error error;
  if (transform_parse(text, &transform, &error) != STATUS_OK)
    fail_msg("%s: %s", text, error.text);
  return transform;
}

static struct tensor over(const float *values, struct shape shape)
{
  size_t count = shape_elements(&shape);
  return (struct tensor){.name = "x",
                         .shape = shape,
                         .stored = stored_find("f32"),
                         .count = count,
                         .bytes = 4 * count,
                         .data = (const unsigned char *)values};
}

static struct transformed *lay(const struct tensor *tensor, const char *text, int axis)
{
  struct transform transform = word(text);
  struct transformed *t;
  struct error error;
  if (transformed_new(tensor, &transform, axis, &t, &error) != STATUS_OK ||
      transformed_prepare(t, NULL, &error) != STATUS_OK)
    fail_msg("%s: %s", text, error.text);
  return t;
}

static void read_feed(const struct feed *feed, float *out)
{
  float scratch[FEED_BLOCK];
  for (size_t start = 0, n; start < feed->count; start += n) {
    n = feed->count - start < 1000 ? feed->count - start : 1000;
    memcpy(out + start, feed_block(feed, start, n, scratch), n * sizeof *out);
  }
}

static float *values_of(const struct tensor *tensor)
{
  float *values = calloc(tensor->count, sizeof *values);
  struct feed feed = tensor_feed(tensor);
  read_feed(&feed, values);
  return values;
}

/* Reproducible, in -4..4, every 53rd fifty times that. */
static float *some_values(size_t count)
{
  float *values = calloc(count, sizeof *values);
  uint32_t state = 12345;
  for (size_t i = 0; i < count; i++) {
    state = state * 1664525u + 1013904223u;
    values[i] = ((float)(state >> 8) / 16777216.0f - 0.5f) * (i % 53 ? 8 : 400);
  }
  return values;
}

/* Element (o, c, i) of a tensor seen as outer x channels x inner. */
struct view3 {
  size_t outer, channels, inner;
};
static struct view3 view_of(struct shape shape, unsigned axis)
{
  struct view3 view = {1, shape.dim[axis], 1};
  for (unsigned i = 0; i < shape.dims; i++)
    *(i < axis ? &view.outer : &view.inner) *= i == axis ? 1 : shape.dim[i];
  return view;
}
static size_t at(struct view3 view, size_t o, size_t c, size_t i)
{
  return (o * view.channels + c) * view.inner + i;
}

static void near(double found, double expected, double tolerance, size_t index)
{
  if (!(fabs(found - expected) <= tolerance))
    fail_msg("element %zu: found %.9g, expected %.9g", index, found, expected);
}

/* --- words ------------------------------------------------------------------------------------ */

static void test_words(void **state)
{
  static const char *const words[] = {"smooth=0.5",   "smooth=0", "smooth=1", "hadamard",
                                      "hadamard=128", "split=4",  "none"};
  char text[TRANSFORM_TEXT];
  (void)state;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    struct transform transform = word(words[i]);
    assert_string_equal(transform_print(&transform, text), words[i]);
  }
  struct transform smooth = word("smooth"), split = word("split");
  assert_string_equal(transform_print(&smooth, text), "smooth=0.5");
  assert_string_equal(transform_print(&split, text), "split=4");
  assert_true(transform_equal(&smooth, &(struct transform){TRANSFORM_SMOOTH, 0.5}));
  assert_false(transform_equal(&smooth, &split));
}

static void test_wrong_words(void **state)
{
  static const char *const words[][2] = {{"smoth", "did you mean 'smooth'"},
                                         {"smooth=2", "from 0 to 1"},
                                         {"smooth=", "found ''"},
                                         {"smooth=nan", "from 0 to 1"},
                                         {"hadamard=12", "power of two"},
                                         {"hadamard=1", "from 2"},
                                         {"hadamard=0", "from 2"},
                                         {"split=0", "from 1"},
                                         {"split=1.5", "whole"},
                                         {"split=1x", "whole"},
                                         {"", "unknown transform"},
                                         {"split=1e300", "whole"}};
  (void)state;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    struct transform out = {TRANSFORM_SPLIT, 77};
    struct error error;
    assert_int_equal(transform_parse(words[i][0], &out, &error), STATUS_USAGE);
    if (!strstr(error.text, words[i][1]))
      fail_msg("%s: %s", words[i][0], error.text);
    assert_true(out.parameter == 77);
  }
}

/* --- values ----------------------------------------------------------------------------------- */

static double hadamard_entry(size_t i, size_t j, size_t n)
{
  return (__builtin_popcountll(i & j) % 2 ? -1 : 1) / sqrt((double)n);
}

static void check_rotation(const float *x, const float *z, struct view3 v, size_t n)
{
  for (size_t o = 0; o < v.outer; o++)
    for (size_t c = 0; c < v.channels; c++)
      for (size_t i = 0; i < v.inner; i++) {
        double sum = 0;
        for (size_t k = 0; k < n; k++)
          sum += hadamard_entry(c % n, k, n) * (double)x[at(v, o, c - c % n + k, i)];
        near((double)z[at(v, o, c, i)], sum, 1e-4, at(v, o, c, i));
      }
}

/* The way back of z itself is x again, to float32 rounding of the largest value. */
static void check_back(const struct transformed *t, const float *x, double tolerance)
{
  struct feed z = tensor_feed(&t->tensor);
  struct way_back back;
  struct error error;
  assert_int_equal(way_back_open(t, &z, NULL, &back, &error), STATUS_OK);
  float *again = calloc(z.count, sizeof *again);
  read_feed(&back.feed, again);
  for (size_t i = 0; i < z.count; i++)
    near((double)again[i], (double)x[i], tolerance, i);
  free(again);
  way_back_close(&back);
}

static void test_rotations(void **state)
{
  const struct {
    struct shape shape;
    const char *word;
    size_t block[3];
  } cases[] = {{{2, {12, 40}}, "hadamard", {4, 8}},
               {{2, {16, 6}}, "hadamard=2", {2, 2}},
               {{3, {4, 6, 32}}, "hadamard", {4, 2, 32}},
               {{2, {2, 8192}}, "hadamard", {2, 8192}},
               {{1, {64}}, "hadamard=16", {16}}};
  (void)state;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    for (unsigned axis = 0; axis < cases[k].shape.dims; axis++) {
      float *x = some_values(shape_elements(&cases[k].shape));
      struct tensor tensor = over(x, cases[k].shape);
      struct transformed *t = lay(&tensor, cases[k].word, (int)axis);
      assert_int_equal(t->block, cases[k].block[axis]);
      float *z = values_of(&t->tensor);
      if (cases[k].block[axis] < 1000) /* else the product takes long */
        check_rotation(x, z, view_of(cases[k].shape, axis), t->block);
      check_back(t, x, 1e-3);
      free(z);
      transformed_free(t);
      free(x);
    }
}

/* The closed form: a single number v becomes +-v/sqrt(n) everywhere, all + for the first. */
static void test_one_hot(void **state)
{
  enum { N = 16384 };
  float *x = calloc(2 * N, sizeof *x);
  struct tensor tensor = over(x, (struct shape){2, {2, N}});
  (void)state;
  x[0] = 128;
  x[N + 777] = -256;
  struct transformed *t = lay(&tensor, "hadamard", -1);
  float *z = values_of(&t->tensor);
  for (size_t i = 0; i < N; i++) {
    assert_true(z[i] == 1);
    assert_true(fabsf(z[N + i]) == 2);
  }
  free(z);
  transformed_free(t);
  free(x);
}

/* A few elements from any place are those of the whole. */
static void test_pieces(void **state)
{
  static const char *const words[] = {"hadamard", "smooth", "split=3"};
  struct shape shape = {2, {24, 4096 * 3}};
  float *x = some_values(shape_elements(&shape));
  struct tensor tensor = over(x, shape);
  (void)state;
  for (size_t w = 0; w < 3; w++)
    for (int axis = 0; axis < 2; axis++) {
      struct transformed *t = lay(&tensor, words[w], axis);
      struct feed feed = tensor_feed(&t->tensor);
      float *z = values_of(&t->tensor), scratch[FEED_BLOCK];
      for (size_t start = 0; start < tensor.count; start += 9973)
        for (size_t n = 1; n <= FEED_BLOCK && start + n <= tensor.count; n = 3 * n + 1) {
          const float *part = feed_block(&feed, start, n, scratch);
          for (size_t i = 0; i < n; i++)
            assert_true(part[i] == z[start + i] || (isnan(part[i]) && isnan(z[start + i])));
        }
      free(z);
      transformed_free(t);
    }
  free(x);
}

/* x / absmax^alpha, by loops; alpha = 1 makes every channel reach 1. */
static void test_smooth(void **state)
{
  const struct shape shape = {3, {5, 7, 9}};
  float *x = some_values(shape_elements(&shape));
  struct tensor tensor = over(x, shape);
  (void)state;
  for (unsigned axis = 0; axis < 3; axis++)
    for (int whole = 0; whole < 2; whole++) {
      struct transformed *t = lay(&tensor, whole ? "smooth=1" : "smooth=0.5", (int)axis);
      struct view3 v = view_of(shape, axis);
      float *z = values_of(&t->tensor);
      for (size_t c = 0; c < v.channels; c++) {
        double absmax = 0, reached = 0;
        for (size_t o = 0; o < v.outer; o++)
          for (size_t i = 0; i < v.inner; i++)
            absmax = fmax(absmax, fabs((double)x[at(v, o, c, i)]));
        double s = whole ? absmax : sqrt(absmax);
        for (size_t o = 0; o < v.outer; o++)
          for (size_t i = 0; i < v.inner; i++) {
            near((double)z[at(v, o, c, i)], (double)x[at(v, o, c, i)] / s, 1e-5, at(v, o, c, i));
            reached = fmax(reached, fabs((double)z[at(v, o, c, i)]));
          }
        near(reached, absmax / s, 1e-6 * absmax / s, c);
      }
      check_back(t, x, 1e-4);
      near(transformed_bits(t, 8), 8 + 32.0 * (double)v.channels / (double)tensor.count, 1e-12, 0);
      free(z);
      transformed_free(t);
    }
  free(x);
}

/* Channels of zeros, of NaN and infinities, of denormals: divided by 1, or by what divides back. */
static void test_smooth_awkward(void **state)
{
  const float x[] = {0, -0.0f, NAN, INFINITY, 1e-42f, -3e-42f, 2, -INFINITY, FLT_MAX, 1};
  struct tensor tensor = over(x, (struct shape){2, {5, 2}});
  struct transformed *t = lay(&tensor, "smooth=1", 0);
  float *z = values_of(&t->tensor);
  (void)state;
  assert_true(z[0] == 0 && z[1] == 0);
  assert_true(isnan(z[2]) && z[3] == INFINITY);
  near((double)z[5], -3e-42 / (double)FLT_MIN, 1e-6, 5);
  assert_true(z[6] == 1 && z[7] == -INFINITY);
  assert_true(z[8] == 1);
  free(z);
  transformed_free(t);
}

/* The channels of the largest absmax are NaN to the quantizer and 16-bit floats on the way back; of
 * two equal ones the first. */
static void test_split(void **state)
{
  const float x[] = {1, -2, 3, 0.1f, 5, -5, 0.3f, -7, 9, 9, 9, 9};
  struct tensor tensor = over(x, (struct shape){2, {3, 4}});
  struct transformed *t = lay(&tensor, "split=2", 1);
  float *z = values_of(&t->tensor);
  (void)state;
  for (size_t i = 0; i < 12; i++)
    assert_true(i % 4 < 2 ? isnan(z[i]) : z[i] == x[i]);
  near(transformed_bits(t, 4), 4 * 0.5 + 16 * 0.5, 1e-12, 0);
  struct feed feed = tensor_feed(&t->tensor);
  struct way_back back;
  struct error error;
  assert_int_equal(way_back_open(t, &feed, NULL, &back, &error), STATUS_OK);
  float y[12];
  read_feed(&back.feed, y);
  const struct format *half = format_find("float16");
  for (size_t i = 0; i < 12; i++)
    assert_true(y[i] == (i % 4 < 2 ? format_decode(half, format_encode(half, x[i])) : x[i]));
  way_back_close(&back);
  free(z);
  transformed_free(t);
}

/* Beyond float16, bfloat16 takes over. */
static void test_split_large(void **state)
{
  const float x[] = {1e6f, 1, 2, 3};
  struct tensor tensor = over(x, (struct shape){2, {2, 2}});
  struct transformed *t = lay(&tensor, "split=1", 0);
  (void)state;
  assert_string_equal(t->kept_as->name, "bfloat16");
  transformed_free(t);
}

/* NaN spoils its block of a rotation, no other. */
static void test_rotation_of_nan(void **state)
{
  float x[32] = {[3] = NAN, [20] = 1};
  struct tensor tensor = over(x, (struct shape){2, {4, 8}});
  struct transformed *t = lay(&tensor, "hadamard", 1);
  float *z = values_of(&t->tensor);
  (void)state;
  for (size_t i = 0; i < 32; i++)
    assert_true(i < 8 ? isnan(z[i]) : isfinite(z[i]));
  free(z);
  transformed_free(t);
}

/* --- refusals --------------------------------------------------------------------------------- */

static void refused(struct shape shape, const char *text, int axis, const char *why)
{
  static const float values[64];
  struct tensor tensor = over(values, shape);
  struct transform transform = word(text);
  struct transformed *t;
  struct error error;
  assert_int_equal(transformed_new(&tensor, &transform, axis, &t, &error), STATUS_USAGE);
  if (!strstr(error.text, why))
    fail_msg("%s: %s", text, error.text);
}

static void test_refusals(void **state)
{
  (void)state;
  refused((struct shape){2, {3, 4}}, "hadamard", 0, "3 channels; expected a multiple of 2");
  refused((struct shape){2, {3, 4}}, "hadamard=8", 1, "4 channels; expected a multiple of 8");
  refused((struct shape){2, {3, 4}}, "split=3", 0, "nothing would be left");
  refused((struct shape){2, {3, 4}}, "smooth", 2, "no axis 2; the tensor has 2");
  refused((struct shape){2, {0, 4}}, "smooth", 0, "empty");
  refused((struct shape){0, {0}}, "hadamard", 0, "multiple of 2");
  refused((struct shape){0, {0}}, "split=1", 0, "nothing would be left");
}

/* --- as a source ------------------------------------------------------------------------------ */

static void test_source(void **state)
{
  struct source *source = files_open("synth:gaussian,shape=16x32"), *over_it;
  struct transform transform = word("hadamard");
  struct error error;
  (void)state;
  assert_int_equal(source_transform(source, 0, &transform, 1, &over_it, &error), STATUS_OK);
  const struct tensor *z = source_tensor(over_it, 0), *x = source_tensor(source, 0);
  assert_string_equal(z->name, x->name);
  assert_false(tensor_is_loaded(z));
  assert_int_equal(source_load(over_it, 0, NULL, &error), STATUS_OK);
  assert_true(tensor_is_loaded(z) && tensor_is_loaded(x));
  assert_ptr_equal(tensor_original(z), x);
  assert_ptr_equal(tensor_original(x), x);
  assert_null(tensor_transformed(x));
  assert_int_equal(source_verify(over_it, &error), STATUS_OK);
  assert_true(source_number(over_it) != source_number(source));
  float *before = values_of(x), *after = values_of(z);
  check_rotation(before, after, view_of(x->shape, 1), 32);
  free(before);
  free(after);
  source_close(over_it);
  assert_int_equal(source_transform(source, 0, &transform, 5, &over_it, &error), STATUS_USAGE);
  source_close(source);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_words),          cmocka_unit_test(test_wrong_words),
      cmocka_unit_test(test_rotations),      cmocka_unit_test(test_one_hot),
      cmocka_unit_test(test_pieces),         cmocka_unit_test(test_smooth),
      cmocka_unit_test(test_smooth_awkward), cmocka_unit_test(test_split),
      cmocka_unit_test(test_split_large),    cmocka_unit_test(test_rotation_of_nan),
      cmocka_unit_test(test_refusals),       cmocka_unit_test(test_source),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
