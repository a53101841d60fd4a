/* The error of one tensor against another: by definition, whatever the order of the elements, and
 * the same bits for any number of threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/diff.h"
#include "tests/analysis/reference.h"
#include "tests/analysis/tensors.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct diff *diff_with(const struct tensor *a, const struct tensor *b,
                              struct diff_request request)
{
  struct diff *diff = NULL;
  struct error error;
  request.lo = request.hi = (double)NAN;
  if (diff_compute(a, b, &request, NULL, &diff, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  return diff;
}

static struct diff *diff_of(const float *a, const float *b, struct shape shape)
{
  struct tensor x = tensor_over(a, shape), y = tensor_over(b, shape);
  return diff_with(&x, &y, (struct diff_request){.axis = 0});
}

/* Twelve values, and what the definitions make of them, worked out by hand. */
static void test_by_hand(void **state)
{
  (void)state;
  const float a[3][4] = {{1, 2, 3, 4}, {0, 0, 0, 0}, {-1, 1, -1, 1}};
  const float b[3][4] = {{1, 2, 3, 2}, {0, 0, 0, 0.5f}, {-1, 1, -1, 1}};
  struct diff *diff = diff_of(a[0], b[0], (struct shape){.dims = 2, .dim = {3, 4}});
  const struct metrics *m = &diff->metrics;
  reference_near("mse", m->mse, 4.25 / 12, 1e-15);
  reference_near("sqnr_db", m->sqnr_db, 10 * log10(34 / 4.25), 1e-14);
  reference_near("max_abs_error", m->max_abs_error, 2, 0);
  reference_near("mean_error", m->mean_error, 1.5 / 12, 1e-15);
  reference_near("cosine", m->cosine, 26 / sqrt(34 * 22.25), 1e-14);
  assert_true(isnan(m->clip_rate) && isnan(m->code_entropy_bits));
  assert_int_equal(diff->differing, 2);
  assert_int_equal(diff->channels.count, 3);
  assert_int_equal(diff->worst_count, 1); /* row 0: 30 / 4; row 1 -inf dB, row 2 exact */
  assert_int_equal(diff->worst[0].channel, 0);
  reference_near("row 0", diff->channels.channel[0].sqnr_db, 10 * log10(30.0 / 4), 1e-14);
  diff_free(diff);
}

static void test_missing_numbers(void **state)
{
  (void)state;
  const float a[] = {1, NAN, INFINITY, 2, NAN, -INFINITY, 3};
  const float b[] = {1, NAN, 7, INFINITY, INFINITY, -INFINITY, NAN};
  struct diff *diff = diff_of(a, b, (struct shape){.dims = 1, .dim = {7}});
  assert_int_equal(diff->a.nan, 2);
  assert_int_equal(diff->a.inf, 2);
  assert_int_equal(diff->b.nan, 2);
  assert_int_equal(diff->b.inf, 3);
  assert_int_equal(diff->lost, 2);
  assert_int_equal(diff->found, 1);
  assert_int_equal(diff->differing, 4);
  assert_true(diff->metrics.mse == 0); /* of the one that is finite in both */
  char text[DIFF_TEXT];
  assert_string_equal(diff_remark(diff, text, sizeof text),
                      "2 finite in A only; 1 finite in B only");
  diff_free(diff);
}

/* Identical is said of bits: the two zeros differ, and there is no error. */
static void test_identical(void **state)
{
  (void)state;
  const float a[] = {0, 1, NAN}, b[] = {-0.0f, 1, NAN};
  struct shape shape = {.dims = 1, .dim = {3}};
  struct diff *same = diff_of(a, a, shape), *zeros = diff_of(a, b, shape);
  char text[DIFF_TEXT];
  assert_int_equal(same->differing, 0);
  assert_string_equal(diff_remark(same, text, sizeof text), "identical");
  assert_int_equal(zeros->differing, 1);
  assert_true(isinf(zeros->metrics.sqnr_db) && isinf(same->metrics.sqnr_db));
  diff_free(same);
  diff_free(zeros);
}

static void test_empty_and_scalar(void **state)
{
  (void)state;
  const float one = 3, other = 2;
  struct diff *diff = diff_of(&one, &other, (struct shape){.dims = 0});
  assert_true(diff->metrics.mse == 1);
  diff_free(diff);
  diff = diff_of(&one, &other, (struct shape){.dims = 2, .dim = {0, 4}});
  assert_true(isnan(diff->metrics.mse) && isnan(diff->a_bits));
  char text[DIFF_TEXT];
  assert_string_equal(diff_remark(diff, text, sizeof text), "");
  diff_free(diff);
}

static void test_threads(void **state)
{
  (void)state;
  enum { ROWS = 300, COLUMNS = 1000 };
  struct shape shape = {.dims = 2, .dim = {ROWS, COLUMNS}};
  float *a = random_values(ROWS * COLUMNS, 1, true), *b = random_values(ROWS * COLUMNS, 2, true);
  struct tensor x = tensor_over(a, shape), y = tensor_over(b, shape);
  pool_set_threads(1);
  struct diff *one = diff_with(&x, &y, (struct diff_request){.axis = 1, .bins = 50});
  pool_set_threads(7);
  struct diff *seven = diff_with(&x, &y, (struct diff_request){.axis = 1, .bins = 50});
  pool_set_threads(0);
  assert_memory_equal(&one->metrics, &seven->metrics, sizeof one->metrics);
  assert_memory_equal(one->channels.channel, seven->channels.channel,
                      COLUMNS * sizeof *one->channels.channel);
  assert_memory_equal(one->error_mean, seven->error_mean, 50 * sizeof *one->error_mean);
  assert_memory_equal(one->b_histogram.count, seven->b_histogram.count,
                      50 * sizeof *one->b_histogram.count);
  diff_free(one);
  diff_free(seven);
  free(a);
  free(b);
}

/* The histograms are those of the tensors by themselves; the lane is the error by the bins of A. */
static void test_histograms(void **state)
{
  (void)state;
  const float a[] = {0, 0, 1, 4, NAN}, b[] = {0.5f, 0, 1, 3, 1};
  struct tensor x = tensor_over(a, (struct shape){.dims = 1, .dim = {5}}),
                y = tensor_over(b, (struct shape){.dims = 1, .dim = {5}});
  struct diff *diff = diff_with(&x, &y, (struct diff_request){.bins = 4});
  const uint64_t a_count[] = {2, 1, 0, 1}, b_count[] = {2, 2, 0, 1};
  assert_true(diff->a_histogram.lo == 0 && diff->a_histogram.hi == 4);
  assert_memory_equal(diff->a_histogram.count, a_count, sizeof a_count);
  assert_memory_equal(diff->b_histogram.count, b_count, sizeof b_count);
  assert_true(diff->error_mean[0] == 0.25 && diff->error_max[0] == 0.5);
  assert_true(diff->error_mean[1] == 0 && isnan(diff->error_max[2]) && diff->error_max[3] == 1);
  diff_free(diff);
}

/* --- other orders --------------------------------------------------------------------------- */

static float *transpose(const float *x, size_t rows, size_t columns)
{
  float *y = calloc(rows * columns, sizeof *y);
  for (size_t i = 0; i < rows; i++)
    for (size_t k = 0; k < columns; k++)
      y[k * rows + i] = x[i * columns + k];
  return y;
}

/* Adds a little to every value: what a conversion to another format would do. */
static void disturb(float *x, size_t n)
{
  for (size_t i = 0; i < n; i++)
    x[i] += 0.01f * (float)((int)(i % 7) - 3);
}

static void same_numbers(const struct diff *one, const struct diff *other)
{
  reference_near("mse", one->metrics.mse, other->metrics.mse, 1e-12);
  reference_near("sqnr", one->metrics.sqnr_db, other->metrics.sqnr_db, 1e-12);
  assert_int_equal(one->channels.count, other->channels.count);
  for (size_t c = 0; c < one->channels.count; c++)
    reference_near("channel", one->channels.channel[c].mse, other->channels.channel[c].mse, 1e-12);
}

static void test_transposed(void **state)
{
  (void)state;
  enum { ROWS = 64, COLUMNS = 96 };
  struct shape shape = {.dims = 2, .dim = {ROWS, COLUMNS}};
  float *a = random_values(ROWS * COLUMNS, 3, false), *b = calloc(ROWS * COLUMNS, sizeof *b);
  memcpy(b, a, ROWS * COLUMNS * sizeof *b);
  disturb(b, ROWS * COLUMNS);
  float *turned = transpose(b, ROWS, COLUMNS);
  struct tensor x = tensor_over(a, shape), y = tensor_over(b, shape),
                z = tensor_over(turned, (struct shape){.dims = 2, .dim = {COLUMNS, ROWS}});
  struct diff *refused = NULL;
  struct error error;
  const struct diff_request plain = {.lo = (double)NAN, .hi = (double)NAN};
  assert_int_equal(diff_compute(&x, &z, &plain, NULL, &refused, &error), STATUS_USAGE);
  assert_non_null(strstr(error.text, "--align"));
  for (int axis = 0; axis < 2; axis++) {
    struct diff *straight = diff_with(&x, &y, (struct diff_request){.axis = axis}),
                *aligned = diff_with(&x, &z, (struct diff_request){.axis = axis, .align = true});
    assert_int_equal(aligned->compared.kind, ARRANGED_TRANSPOSED);
    same_numbers(straight, aligned);
    diff_free(straight);
    diff_free(aligned);
  }
  free(a);
  free(b);
  free(turned);
}

/* A square matrix hides it: only the values tell. */
static void test_transposed_square(void **state)
{
  (void)state;
  enum { SIDE = 80 };
  struct shape shape = {.dims = 2, .dim = {SIDE, SIDE}};
  float *a = random_values(SIDE * SIDE, 3, false), *b = transpose(a, SIDE, SIDE);
  disturb(b, SIDE * SIDE);
  struct tensor x = tensor_over(a, shape), y = tensor_over(b, shape);
  struct diff *alike = diff_with(&x, &y, (struct diff_request){.axis = 0}),
              *aligned = diff_with(&x, &y, (struct diff_request){.align = true});
  assert_int_equal(alike->compared.kind, ARRANGED_ALIKE);
  assert_int_equal(alike->suggested.kind, ARRANGED_TRANSPOSED);
  assert_true(alike->metrics.sqnr_db < 0 && aligned->metrics.sqnr_db > 20);
  assert_int_equal(aligned->compared.kind, ARRANGED_TRANSPOSED);
  diff_free(alike);
  diff_free(aligned);
  free(a);
  free(b);
}

/* llama.cpp's conversion: (heads, 2, d/2, columns) with the middle axes exchanged. */
static float *rotary(const float *x, size_t heads, size_t head, size_t columns)
{
  float *y = calloc(heads * head * columns, sizeof *y);
  for (size_t h = 0; h < heads; h++)
    for (size_t half = 0; half < 2; half++)
      for (size_t i = 0; i < head / 2; i++)
        memcpy(y + (h * head + 2 * i + half) * columns,
               x + (h * head + half * head / 2 + i) * columns, columns * sizeof *y);
  return y;
}

static void test_rotary_order(void **state)
{
  (void)state;
  enum { HEADS = 6, HEAD = 16, COLUMNS = 50, ROWS = HEADS * HEAD };
  for (size_t columns = 1; columns <= COLUMNS; columns += COLUMNS - 1) {
    struct shape shape = {.dims = columns > 1 ? 2 : 1, .dim = {ROWS, columns}};
    float *a = random_values(ROWS * COLUMNS, 9, false), *b = rotary(a, HEADS, HEAD, columns);
    disturb(b, ROWS * columns);
    struct tensor x = tensor_over(a, shape), y = tensor_over(b, shape);
    for (int back = 0; back < 2; back++) {
      struct diff *alike = diff_with(back ? &y : &x, back ? &x : &y, (struct diff_request){0}),
                  *aligned = diff_with(back ? &y : &x, back ? &x : &y,
                                       (struct diff_request){.align = true});
      assert_int_equal(alike->suggested.kind, back ? ARRANGED_ROPE_BACK : ARRANGED_ROPE);
      assert_int_equal(alike->suggested.heads, HEADS);
      assert_int_equal(aligned->compared.heads, HEADS);
      assert_true(aligned->metrics.max_abs_error < 0.031);
      char text[DIFF_TEXT];
      assert_non_null(strstr(diff_remark(alike, text, sizeof text), "6 heads: --align"));
      diff_free(alike);
      diff_free(aligned);
    }
    free(a);
    free(b);
  }
}

/* Two tensors that have nothing to do with each other agree in no order. */
static void test_no_order_for_strangers(void **state)
{
  (void)state;
  struct shape shape = {.dims = 2, .dim = {64, 64}};
  float *a = random_values(4096, 1, false), *b = random_values(4096, 2, false);
  struct diff *diff = diff_of(a, b, shape);
  assert_int_equal(diff->suggested.kind, ARRANGED_ALIKE);
  diff_free(diff);
  free(a);
  free(b);
}

static void test_shapes(void **state)
{
  (void)state;
  const float x[6] = {0};
  struct tensor row = tensor_over(x, (struct shape){.dims = 2, .dim = {1, 6}}),
                flat = tensor_over(x, (struct shape){.dims = 1, .dim = {6}}),
                wide = tensor_over(x, (struct shape){.dims = 2, .dim = {2, 3}}),
                tall = tensor_over(x, (struct shape){.dims = 2, .dim = {3, 2}});
  bool transposed;
  assert_true(diff_shapes_fit(&row, &flat, false, &transposed) && !transposed);
  assert_false(diff_shapes_fit(&flat, &wide, true, &transposed));
  assert_false(diff_shapes_fit(&tall, &wide, false, &transposed));
  assert_true(transposed);
  assert_true(diff_shapes_fit(&tall, &wide, true, NULL));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_by_hand),      cmocka_unit_test(test_missing_numbers),
      cmocka_unit_test(test_identical),    cmocka_unit_test(test_empty_and_scalar),
      cmocka_unit_test(test_threads),      cmocka_unit_test(test_histograms),
      cmocka_unit_test(test_transposed),   cmocka_unit_test(test_transposed_square),
      cmocka_unit_test(test_rotary_order), cmocka_unit_test(test_no_order_for_strangers),
      cmocka_unit_test(test_shapes),
  };
  return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
