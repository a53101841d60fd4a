/* Digests of stored tensors against counting what the decoder says, element by element. */
#include "data/tensor_digest.h"

#include "quant/base/pool.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 3 * FEED_CHUNK + 1237 };

static unsigned char bytes[2 * COUNT];

/* Every byte from a generator: every code of every type comes up, NaN and infinities too. One
 * stretch within a chunk and one at the start of a chunk of words is the same code again and again.
 */
static int setup(void **state)
{
  (void)state;
  uint64_t x = 88172645463325252u;
  for (size_t i = 0; i < sizeof bytes; i++) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    bytes[i] = (unsigned char)(x >> 32);
  }
  memset(bytes + 5000, 0x3c, 20000);
  memset(bytes + 2 * FEED_CHUNK, 0x3c, 20001);
  return 0;
}

static struct tensor tensor_of(const char *stored, size_t count)
{
  struct tensor tensor = {.name = "x",
                          .shape = {1, {count}},
                          .stored = stored_find(stored),
                          .count = count,
                          .data = bytes};
  assert_non_null(tensor.stored);
  tensor.bytes = count * tensor.stored->size;
  return tensor;
}

static int ascending(const void *a, const void *b)
{
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

/* Sorts the decoded values and compares runs of equal ones with the entries. */
static void check_digest(const struct tensor *tensor, const struct digest *digest)
{
  float *x = malloc(tensor->count * sizeof *x), scratch[FEED_BLOCK];
  struct feed feed = tensor_feed(tensor);
  size_t finite = 0, nan = 0, inf = 0, entry = 0;
  assert_non_null(x);
  for (size_t start = 0, n; start < tensor->count; start += n) {
    n = tensor->count - start < FEED_BLOCK ? tensor->count - start : FEED_BLOCK;
    const float *block = feed_block(&feed, start, n, scratch);
    for (size_t i = 0; i < n; i++) {
      nan += isnan(block[i]) ? 1 : 0;
      inf += isinf(block[i]) ? 1 : 0;
      if (isfinite(block[i]))
        x[finite++] = block[i];
    }
  }
  qsort(x, finite, sizeof *x, ascending);
  for (size_t i = 0, end; i < finite; i = end, entry++) {
    for (end = i; end < finite && x[end] == x[i];)
      end++;
    assert_in_range(entry, 0, digest->distinct - 1);
    assert_true(digest->values[entry] == x[i] && !signbit(digest->values[entry]) == (x[i] >= 0));
    assert_int_equal(digest->counts[entry], end - i);
  }
  assert_int_equal(digest->distinct, entry);
  assert_int_equal(digest->finite, finite);
  assert_int_equal(digest->nan, nan);
  assert_int_equal(digest->inf, inf);
  free(x);
}

static void test_types(void **state)
{
  (void)state;
  static const char *const types[] = {"bf16", "f16", "f8_e4m3", "f8_e5m2", "f8_e8m0",
                                      "i16",  "u16", "i8",      "u8",      "bool"};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    for (int swapped = 0; swapped < 2; swapped++)
      for (unsigned threads = 1; threads < 4; threads += 2) {
        struct tensor tensor = tensor_of(types[i], COUNT);
        struct digest *digest;
        tensor.swapped = swapped;
        pool_set_threads(threads);
        assert_true(tensor_has_digest(&tensor));
        assert_int_equal(tensor_digest(&tensor, NULL, &digest, NULL), STATUS_OK);
        check_digest(&tensor, digest);
        digest_free(digest);
      }
  pool_set_threads(0);
}

/* The order of the elements does not matter to it. */
static void test_fortran(void **state)
{
  (void)state;
  struct tensor tensor = tensor_of("f16", 3 * FEED_CHUNK);
  tensor.shape = (struct shape){2, {3, FEED_CHUNK}};
  tensor_set_fortran(&tensor);
  assert_true(tensor.strided && tensor_has_digest(&tensor));
  struct digest *digest;
  assert_int_equal(tensor_digest(&tensor, NULL, &digest, NULL), STATUS_OK);
  check_digest(&tensor, digest);
  digest_free(digest);
}

/* Too wide, in blocks, or too small to be worth it. */
static void test_others(void **state)
{
  (void)state;
  static const char *const types[] = {"f32", "f64", "i32", "q4_0", "iq4_nl", "f4"};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    struct tensor tensor = tensor_of(types[i], 1 << 20);
    assert_false(tensor_has_digest(&tensor));
  }
  struct tensor small = tensor_of("bf16", DIGEST_MOST), empty = tensor_of("bf16", 0);
  assert_false(tensor_has_digest(&small));
  assert_false(tensor_has_digest(&empty));
}

static void test_cancelled(void **state)
{
  (void)state;
  struct tensor tensor = tensor_of("bf16", COUNT);
  struct progress progress = {0};
  struct digest *digest = NULL;
  struct error error;
  progress_cancel(&progress);
  assert_int_equal(tensor_digest(&tensor, &progress, &digest, &error), STATUS_CANCELLED);
  assert_null(digest);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_types),
      cmocka_unit_test(test_fortran),
      cmocka_unit_test(test_others),
      cmocka_unit_test(test_cancelled),
  };
  return cmocka_run_group_tests_name("tensor_digest", tests, setup, NULL);
}
