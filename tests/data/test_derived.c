/* Derived tensors: values that are computed from other tensors of a source, here one and twice
 * another; expected values by hand. */
#include "tests/data/files.h"

#include "data/slice.h"
#include "data/source_types.h"
#include "data/tensor_digest.h"
#include "quant/base/size.h"

#include <stdlib.h>
#include <string.h>

/* out = first + 2 * second, element by element. */
static void decode_sum(const struct derived *self, size_t start, size_t n, float *out)
{
  float *other = mem_array(n, sizeof *other);
  struct feed first = tensor_feed(self->part[0].tensor);
  struct feed second = tensor_feed(self->part[1].tensor);
  assert_non_null(other);
  const float *a = feed_block(&first, start, n, out), *b = feed_block(&second, start, n, other);
  for (size_t i = 0; i < n; i++)
    out[i] = a[i] + 2 * b[i];
  free(other);
}

static const struct stored sum_of_two = {.name = "sum", .length = 1, .size = 2, .exact = true};

/* A source with parts "a" and "b" of six elements each, and the derived tensor "sum" (2, 3). */
static struct source *open_sum(void)
{
  const char header[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[0,24]},"
                        "\"b\":{\"dtype\":\"U8\",\"shape\":[6],\"data_offsets\":[24,30]}}";
  unsigned char data[30];
  const float a[] = {0.5f, 1.5f, 2.5f, 3.5f, 4.5f, 5.5f};
  memcpy(data, a, sizeof a);
  memcpy(data + sizeof a, "\0\1\2\3\4\5", 6);
  struct source *source = files_open(files_safetensors("sum.safetensors", header, data, 30));
  struct derived *derived = mem_array(1, sizeof *derived);
  struct error error;
  assert_non_null(derived);
  derived->decode = decode_sum;
  derived->parts = 2;
  derived->part[0].index = 0;
  derived->part[1].index = 1;
  const struct tensor tensor = {.name = "sum",
                                .shape = {.dims = 2, .dim = {2, 3}},
                                .stored = &sum_of_two,
                                .count = 6,
                                .bytes = 30};
  assert_int_equal(source_add_derived(source, &tensor, derived, &error), STATUS_OK);
  return source;
}

static void test_values_after_loading(void **state)
{
  (void)state;
  struct source *source = open_sum();
  const struct tensor *tensor = source_tensor(source, 2);
  assert_int_equal(source_count(source), 3);
  assert_false(tensor_is_loaded(tensor));
  float *values = files_values(source, 2);
  assert_true(tensor_is_loaded(tensor));
  for (int i = 0; i < 6; i++)
    assert_true(values[i] == 0.5f + 3 * (float)i);
  free(values);
  source_close(source);
}

/* Every start and every length. */
static void test_any_piece(void **state)
{
  (void)state;
  struct source *source = open_sum();
  free(files_values(source, 2));
  struct feed feed = tensor_feed(source_tensor(source, 2));
  assert_null(feed.direct);
  for (size_t start = 0; start < 6; start++)
    for (size_t n = 0; start + n <= 6; n++) {
      float out[7] = {[0] = -1, [6] = -1};
      out[n] = -1;
      feed.decode(feed.self, start, n, out);
      for (size_t i = 0; i < n; i++)
        assert_true(out[i] == 0.5f + 3 * (float)(start + i));
      assert_true(out[n] == -1);
    }
  source_close(source);
}

/* A part that cannot be read is named. */
static void test_part_that_fails(void **state)
{
  (void)state;
  struct source *source = open_sum();
  struct error error;
  source->tensors[1].stored = stored_find("c64");
  assert_int_equal(source_load(source, 2, NULL, &error), STATUS_INPUT);
  assert_string_equal(error.text, "b: values stored as c64 cannot be decoded");
  assert_false(tensor_is_loaded(source_tensor(source, 2)));
  source_close(source);
}

static void test_channel_is_a_copy(void **state)
{
  (void)state;
  struct source *source = open_sum(), *slice = NULL;
  struct error error;
  free(files_values(source, 2));
  assert_int_equal(source_channel(source, 2, 0, 1, &slice, &error), STATUS_OK);
  float *values = files_values(slice, 0);
  for (int i = 0; i < 3; i++)
    assert_true(values[i] == 0.5f + 3 * (float)(3 + i));
  free(values);
  source_close(slice);
  source_close(source);
}

/* Codes cannot be counted where there are none: `stored` is a name alone. */
static void test_no_digest(void **state)
{
  (void)state;
  const struct derived derived = {.decode = decode_sum};
  struct tensor tensor = {
      .name = "large", .stored = stored_find("bf16"), .count = DIGEST_MOST + 1, .bytes = 4};
  assert_true(tensor_has_digest(&tensor));
  tensor.derived = &derived;
  assert_false(tensor_has_digest(&tensor));
}

static void test_remarks(void **state)
{
  (void)state;
  struct source *source = open_sum();
  struct error error;
  assert_string_equal(source_remark(source, 2), "");
  assert_int_equal(source_set_remark(source, 2, "from a and b", &error), STATUS_OK);
  assert_int_equal(source_set_remark(source, 0, "first", &error), STATUS_OK);
  assert_int_equal(source_set_remark(source, 0, "the first", &error), STATUS_OK);
  assert_string_equal(source_remark(source, 0), "the first");
  assert_string_equal(source_remark(source, 1), "");
  assert_string_equal(source_remark(source, 2), "from a and b");
  source_close(source);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_values_after_loading),
      cmocka_unit_test(test_any_piece),
      cmocka_unit_test(test_part_that_fails),
      cmocka_unit_test(test_channel_is_a_copy),
      cmocka_unit_test(test_no_digest),
      cmocka_unit_test(test_remarks),
  };
  return cmocka_run_group_tests_name("data/derived", tests, NULL, files_remove);
}
