/* The layer lab's ground: method texts, refusals, products, what is done to inputs. Expected values
 * are closed forms. */
#include "quant/base/size.h"
#include "quant/layer/method.h"
#include "quant/layer/product.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Whole numbers from -8 to 8, whose products and sums are exact in float32. */
static void fill(float *values, size_t count, unsigned step)
{
  for (size_t i = 0; i < count; i++)
    values[i] = (float)((int)(i * step % 17) - 8);
}

static void test_tile(void **state)
{
  (void)state;
  enum { M = 5, N = 3, INNER = 1100 };
  static float a[M * INNER], b[N * INNER];
  static struct product_scratch scratch;
  double tile[M * N];
  fill(a, M * INNER, 5);
  fill(b, N * INNER, 7);
  product_tile(a, INNER, M, b, INNER, N, INNER, tile, &scratch);
  for (size_t i = 0; i < M; i++)
    for (size_t j = 0; j < N; j++) {
      double sum = 0;
      for (size_t k = 0; k < INNER; k++)
        sum += (double)a[i * INNER + k] * (double)b[j * INNER + k];
      assert_true(tile[i * N + j] == sum);
    }
}

static void test_gram(void **state)
{
  (void)state;
  enum { ROWS = 600, COLUMNS = 300 };
  static float x[ROWS * COLUMNS];
  static uint32_t backwards[COLUMNS];
  struct triangle gram, reversed;
  struct error error;
  fill(x, ROWS * COLUMNS, 11);
  for (uint32_t i = 0; i < COLUMNS; i++)
    backwards[i] = COLUMNS - 1 - i;
  assert_true(triangle_make(&gram, COLUMNS) && triangle_make(&reversed, COLUMNS));
  assert_int_equal(product_gram(x, ROWS, NULL, &gram, NULL, &error), STATUS_OK);
  assert_int_equal(product_gram(x, ROWS, backwards, &reversed, NULL, &error), STATUS_OK);
  for (size_t i = 0; i < COLUMNS; i += 37)
    for (size_t j = 0; j <= i; j += 23) {
      double sum = 0;
      for (size_t t = 0; t < ROWS; t++)
        sum += (double)x[t * COLUMNS + i] * (double)x[t * COLUMNS + j];
      assert_true(triangle_row(&gram, i)[j] == sum);
      assert_true(triangle_row(&reversed, backwards[j])[backwards[i]] == sum);
    }
  triangle_free(&gram);
  triangle_free(&reversed);
}

static void test_refusals(void **state)
{
  (void)state;
  float w[6] = {1, 2, 3, 4, 5, 6}, x[6] = {1, 2, 3, 4, NAN, 6};
  struct layer layer;
  struct error error;
  assert_int_equal(layer_open(w, 2, 3, x, 2, NULL, &layer, &error), STATUS_INPUT);
  assert_non_null(strstr(error.text, "NaN at token 1, input channel 1"));
  assert_int_equal(layer_open(w, 2, 3, x, 0, NULL, &layer, &error), STATUS_INPUT);
  assert_non_null(strstr(error.text, "no tokens"));
  assert_int_equal(layer_open(w, 0, 3, w, 2, NULL, &layer, &error), STATUS_INPUT);
  w[5] = -INFINITY;
  assert_int_equal(layer_open(w, 2, 3, w, 1, NULL, &layer, &error), STATUS_INPUT);
  assert_non_null(strstr(error.text, "Inf at output channel 1, input channel 2"));
}

static void test_channels(void **state)
{
  (void)state;
  const float w[3] = {0}, x[6] = {1, -2, 0, -3, 4, 0};
  struct layer layer;
  struct error error;
  assert_int_equal(layer_open(w, 1, 3, x, 2, NULL, &layer, &error), STATUS_OK);
  assert_true(layer.absmax[0] == 3 && layer.absmax[1] == 4 && layer.absmax[2] == 0);
  assert_true(layer.mean[0] == -1 && layer.mean[1] == 1 && layer.mean_abs[1] == 3);
  layer_close(&layer);
}

static void parse(const char *text, const char *expected)
{
  struct method_choice choice;
  struct error error;
  char printed[METHOD_TEXT];
  if (method_parse(text, &choice, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  assert_string_equal(method_print(&choice, printed), expected);
}

static void refuse(const char *text, const char *message)
{
  struct method_choice choice;
  struct error error;
  assert_int_equal(method_parse(text, &choice, &error), STATUS_USAGE);
  if (!strstr(error.text, message))
    fail_msg("%s: %s", text, error.text);
}

static void test_texts(void **state)
{
  (void)state;
  parse("rtn", "rtn");
  refuse("rnt", "did you mean 'rtn'?");
  refuse("rtn,fast", "'fast' is no option of rtn");
  refuse("", "'' is no method");
}

/* Factors and rotations are undone: x goes and comes back, and W X stays what it was. */
static void test_turn(void **state)
{
  (void)state;
  enum { ROWS = 2, COLUMNS = 12 };
  float x[ROWS * COLUMNS], w[COLUMNS], turned[ROWS * COLUMNS], factor[COLUMNS], sign[COLUMNS];
  fill(x, ROWS * COLUMNS, 5);
  fill(w, COLUMNS, 3);
  for (size_t j = 0; j < COLUMNS; j++) {
    factor[j] = j % 2 ? 4 : 0.5F;
    sign[j] = j % 3 ? 1 : -1;
  }
  const struct layer_inputs inputs = {.factor = factor, .sign = sign, .rotation = 4};
  memcpy(turned, x, sizeof x);
  layer_inputs_turn(&inputs, turned, ROWS, COLUMNS, false, false, turned);
  layer_inputs_turn(&inputs, w, 1, COLUMNS, true, false, w);
  float again[COLUMNS];
  fill(again, COLUMNS, 3);
  for (size_t r = 0; r < ROWS; r++) {
    double before = 0, after = 0;
    for (size_t j = 0; j < COLUMNS; j++) {
      before += (double)x[r * COLUMNS + j] * (double)again[j];
      after += (double)turned[r * COLUMNS + j] * (double)w[j];
    }
    assert_true(before == after); /* powers of two, order 4: exact */
  }
  layer_inputs_turn(&inputs, turned, ROWS, COLUMNS, false, true, turned);
  layer_inputs_turn(&inputs, w, 1, COLUMNS, true, true, w);
  assert_memory_equal(turned, x, sizeof x);
  assert_memory_equal(w, again, sizeof again);
}

/* Kept columns are float16 and take no part in the scale of the others: int8 of {127, -64}. */
static void test_kept(void **state)
{
  (void)state;
  const float w[3] = {1, 1, 1}, x[3] = {1000.25F, 127, -64};
  unsigned char kept[3] = {1, 0, 0};
  float out[3];
  struct layer layer;
  struct error error;
  struct layer_inputs inputs = {.kept = kept, .quantized = true};
  assert_int_equal(layer_open(w, 1, 3, x, 1, NULL, &layer, &error), STATUS_OK);
  assert_int_equal(quantizer_parse("int8,token", &inputs.quantizer, &error), STATUS_OK);
  assert_int_equal(layer_inputs_apply(&inputs, &layer, x, 1, out, NULL, &error), STATUS_OK);
  assert_true(out[0] == 1000.0F || out[0] == 1000.5F); /* float16 steps by 0.5 there */
  assert_true(out[1] == 127 && out[2] == -64);
  layer_close(&layer);
}

/* Held-out tokens meet the scale of the calibration tokens: absmax 127, so 254 clips to 127. */
static void test_held_out(void **state)
{
  (void)state;
  const float w[2] = {1, 1}, x[2] = {127, 1}, other[4] = {254, 3, 2, 1};
  float out[4];
  struct layer layer;
  struct error error;
  struct layer_inputs inputs = {.quantized = true};
  assert_int_equal(layer_open(w, 1, 2, x, 1, NULL, &layer, &error), STATUS_OK);
  assert_int_equal(quantizer_parse("int8", &inputs.quantizer, &error), STATUS_OK);
  assert_int_equal(layer_inputs_apply(&inputs, &layer, other, 2, out, NULL, &error), STATUS_OK);
  assert_true(out[0] == 127 && out[1] == 3 && out[2] == 2 && out[3] == 1);
  layer_close(&layer);
}

/* int4 with scale 1 (absmax 7): 6.25 becomes 6, codes count from -8. */
static void test_rtn(void **state)
{
  (void)state;
  const float w[4] = {7, 6.25F, -7, 0.25F}, x[2] = {1, 1};
  struct layer layer;
  struct layer_made made;
  struct error error;
  struct layer_task task = {.layer = &layer, .keeps_codes = true};
  assert_int_equal(layer_open(w, 2, 2, x, 1, NULL, &layer, &error), STATUS_OK);
  assert_int_equal(quantizer_parse("int4,channel", &task.weight, &error), STATUS_OK);
  assert_int_equal(method_parse("rtn", &task.method, &error), STATUS_OK);
  assert_int_equal(method_run(&task, &made, &error), STATUS_OK);
  assert_true(made.weight[0] == 7 && made.weight[1] == 6 && made.weight[2] == -7 &&
              made.weight[3] == 0);
  assert_int_equal(made.codes.code[1], 14);
  assert_true(made.codes.groups == 1 && made.codes.scale[1] == 1 && !made.codes.zero);
  assert_true(made.stored_bits == 4 * 4 + 2 * 32);
  layer_made_free(&made);
  layer_close(&layer);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tile),     cmocka_unit_test(test_gram),
      cmocka_unit_test(test_refusals), cmocka_unit_test(test_channels),
      cmocka_unit_test(test_texts),    cmocka_unit_test(test_turn),
      cmocka_unit_test(test_kept),     cmocka_unit_test(test_held_out),
      cmocka_unit_test(test_rtn),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
