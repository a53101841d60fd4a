/* The ground floor's base: statuses, checked sizes, shapes, the worker pool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "quant/base/pool.h"
#include "quant/base/shape.h"
#include "quant/base/size.h"
#include "quant/base/status.h"
#include "quant/base/xxh64.h"

#include <stdlib.h>
#include <string.h>

/* --- status ------------------------------------------------------------------------------- */

static void test_status(void **state)
{
  (void)state;
  struct error error;
  assert_int_equal(error_set(&error, STATUS_INPUT, "offset %d: expected %s", 12, "a dot"),
                   STATUS_INPUT);
  assert_int_equal(error.status, STATUS_INPUT);
  assert_string_equal(error.text, "offset 12: expected a dot");
  error_prefix(&error, "%s: ", "model.npy");
  assert_string_equal(error.text, "model.npy: offset 12: expected a dot");
  assert_int_equal(error.status, STATUS_INPUT);
  assert_int_equal(error_set(NULL, STATUS_USAGE, "nobody listens"), STATUS_USAGE);
  error_prefix(NULL, "nobody");
  assert_int_equal(error_memory(&error, "a tile"), STATUS_MEMORY);
  assert_string_equal(error.text, "out of memory for a tile");
}

/* A message never moves the cursor: C0, DEL, and C1 in UTF-8. */
static void test_status_is_quiet(void **state)
{
  (void)state;
  struct error error;
  error_set(&error, STATUS_INPUT, "name %s", "\033[31m\n\177\302\233\302\240\303\244");
  assert_string_equal(error.text, "name ?[31m????\302\240\303\244");
  error_prefix(&error, "%s: ", "\a");
  assert_string_equal(error.text, "?: name ?[31m????\302\240\303\244");
}

static void test_status_cuts_long_text(void **state)
{
  (void)state;
  struct error error;
  char line[2000];
  memset(line, 'x', sizeof line - 1);
  line[sizeof line - 1] = '\0';
  error_set(&error, STATUS_INPUT, "%s", line);
  assert_int_equal(strlen(error.text), sizeof error.text - 1);
  error_prefix(&error, "file: ");
  assert_int_equal(strlen(error.text), sizeof error.text - 1);
  assert_memory_equal(error.text, "file: xxx", 9);
  error_prefix(&error, "%s", line);
  assert_int_equal(strlen(error.text), sizeof error.text - 1);
}

/* The exit codes that DESIGN lists. */
static void test_exit_codes(void **state)
{
  (void)state;
  assert_int_equal(status_exit_code(STATUS_OK), 0);
  assert_int_equal(status_exit_code(STATUS_USAGE), 2);
  assert_int_equal(status_exit_code(STATUS_INPUT), 3);
  assert_int_equal(status_exit_code(STATUS_MEMORY), 3);
  assert_int_equal(status_exit_code(STATUS_OUTPUT), 4);
}

/* --- size --------------------------------------------------------------------------------- */

static void test_sizes(void **state)
{
  (void)state;
  size_t out;
  assert_true(size_add(SIZE_MAX - 1, 1, &out));
  assert_true(out == SIZE_MAX);
  assert_false(size_add(SIZE_MAX, 1, &out));
  assert_true(size_mul(SIZE_MAX / 2, 2, &out));
  assert_true(out == SIZE_MAX - 1);
  assert_false(size_mul(SIZE_MAX / 2 + 1, 2, &out));
  assert_int_equal(size_div_up(0, 4), 0);
  assert_int_equal(size_div_up(9, 4), 3);
  assert_int_equal(size_div_up(8, 4), 2);
  assert_true(size_div_up(SIZE_MAX, 2) == SIZE_MAX / 2 + 1);
  assert_int_equal(size_min(3, 5), 3);
  assert_int_equal(size_max(3, 5), 5);
}

static void test_allocation(void **state)
{
  (void)state;
  volatile size_t huge = SIZE_MAX / 2; /* volatile: the compiler would see through it */
  unsigned char *none = mem_array(0, 8), *some = mem_array(16, 4);
  assert_non_null(none);
  assert_non_null(some);
  for (size_t i = 0; i < 64; i++)
    assert_int_equal(some[i], 0);
  some[63] = 7;
  assert_null(mem_resize(some, huge, 3));
  unsigned char *more = mem_resize(some, 100, 4);
  assert_non_null(more);
  assert_int_equal(more[63], 7);
  free(more);
  free(none);
}

/* --- shape -------------------------------------------------------------------------------- */

static void test_shape(void **state)
{
  (void)state;
  struct shape shape = {.dims = 3, .dim = {128, 64, 3}}, scalar = {.dims = 0};
  struct shape empty = {.dims = 3, .dim = {SIZE_MAX, SIZE_MAX, 0}};
  struct shape huge = {.dims = 2, .dim = {SIZE_MAX, 2}};
  char text[64], small[6];
  size_t count;
  assert_true(shape_count(&shape, &count));
  assert_int_equal(count, 128 * 64 * 3);
  assert_int_equal(shape_elements(&scalar), 1);
  assert_true(shape_count(&empty, &count));
  assert_int_equal(count, 0);
  assert_false(shape_count(&huge, &count));
  assert_string_equal(shape_print(&shape, text, sizeof text), "128x64x3");
  assert_string_equal(shape_print(&scalar, text, sizeof text), "scalar");
  assert_string_equal(shape_print(&shape, small, sizeof small), "128x6");
}

static void test_shape_axis(void **state)
{
  (void)state;
  struct shape shape = {.dims = 3, .dim = {2, 3, 4}}, scalar = {.dims = 0};
  unsigned axis;
  for (int i = 0; i < 3; i++) {
    assert_true(shape_axis(&shape, i, &axis));
    assert_int_equal(axis, i);
    assert_true(shape_axis(&shape, i - 3, &axis));
    assert_int_equal(axis, i);
  }
  assert_false(shape_axis(&shape, 3, &axis));
  assert_false(shape_axis(&shape, -4, &axis));
  assert_false(shape_axis(&scalar, 0, &axis));
}

/* --- pool --------------------------------------------------------------------------------- */

enum { CHUNKS = 1000 };

struct counting {
  atomic_int visits[CHUNKS];
  atomic_int wrong_worker;
  struct progress *progress;
  size_t stop_at;
};

static void count_chunk(void *context, size_t chunk, unsigned worker)
{
  struct counting *counting = context;
  atomic_fetch_add(&counting->visits[chunk], 1);
  if (worker >= pool_threads())
    atomic_store(&counting->wrong_worker, 1);
  if (counting->stop_at && chunk == counting->stop_at)
    progress_cancel(counting->progress);
  progress_advance(counting->progress, 1);
}

static void test_pool_visits_each_chunk_once(void **state)
{
  (void)state;
  for (unsigned threads = 1; threads <= 9; threads += 4) {
    static struct counting counting;
    struct progress progress = {0};
    counting = (struct counting){.progress = &progress};
    pool_set_threads(threads);
    assert_int_equal(pool_threads(), threads);
    progress_expect(&progress, CHUNKS);
    assert_int_equal(pool_for(CHUNKS, count_chunk, &counting, &progress), STATUS_OK);
    for (size_t i = 0; i < CHUNKS; i++)
      assert_int_equal(atomic_load(&counting.visits[i]), 1);
    assert_int_equal(atomic_load(&counting.wrong_worker), 0);
    assert_int_equal(atomic_load(&progress.done), atomic_load(&progress.total));
    assert_int_equal(pool_for(0, count_chunk, &counting, NULL), STATUS_OK);
  }
  pool_set_threads(0);
  assert_in_range(pool_threads(), 1, 256);
}

static void test_pool_cancels(void **state)
{
  (void)state;
  static struct counting counting;
  struct progress progress = {0};
  counting = (struct counting){.progress = &progress, .stop_at = 10};
  pool_set_threads(1);
  assert_int_equal(pool_for(CHUNKS, count_chunk, &counting, &progress), STATUS_CANCELLED);
  assert_int_equal(atomic_load(&progress.done), 11); /* one thread: nothing after chunk 10 */
  assert_true(progress_cancelled(&progress));
  assert_false(progress_cancelled(NULL));
  pool_set_threads(0);
}

static void nested_chunk(void *context, size_t chunk, unsigned worker)
{
  (void)chunk;
  (void)worker;
  struct counting *counting = context;
  pool_for(20, count_chunk, counting, NULL);
}

/* pool_for inside pool_for: a large unit is read in parallel wherever it is asked for. */
static void test_pool_nests(void **state)
{
  (void)state;
  static struct counting counting;
  counting = (struct counting){.progress = NULL};
  pool_set_threads(3);
  assert_int_equal(pool_for(7, nested_chunk, &counting, NULL), STATUS_OK);
  for (size_t i = 0; i < 20; i++)
    assert_int_equal(atomic_load(&counting.visits[i]), 7);
  pool_set_threads(0);
}

/* --- checksum ----------------------------------------------------------------------------- */

static uint64_t xxh64_of(const void *bytes, size_t length, size_t piece)
{
  struct xxh64 hash;
  xxh64_init(&hash);
  for (size_t at = 0; at < length; at += piece)
    xxh64_add(&hash, (const char *)bytes + at, length - at < piece ? length - at : piece);
  return xxh64_value(&hash);
}

/* The vectors of words are those that implementations of XXH64 publish; those of numbers, the bytes
 * that the reference tests itself with, were computed with libxxhash 0.8.1. */
static void test_xxh64(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    uint64_t value;
  } words[] = {{"", 0xef46db3751d8e999},
               {"a", 0xd24ec4f1a98c6e5b},
               {"abc", 0x44bc2cf5ad770999},
               {"Nobody inspects the spammish repetition", 0xfbcea83c8a378bf1}};
  static const struct {
    size_t length;
    uint64_t value;
  } numbers[] = {{1, 0xe934a84adb052768},  {4, 0x9136a0dca57457ee},  {14, 0x8282dcc4994e35c8},
                 {32, 0x18b216492bb44b70}, {33, 0x55c8dc3e578f5b59}, {63, 0xa9efbe0fa0f3f4e7},
                 {64, 0xef558f8acac2b5cd}, {101, 0xa51ea2101b2d114c}};
  unsigned char bytes[101];
  uint64_t generator = 2654435761;
  for (size_t i = 0; i < sizeof bytes; i++, generator *= 0x9e3779b185ebca8d)
    bytes[i] = (unsigned char)(generator >> 56);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    assert_true(xxh64_of(words[i].text, strlen(words[i].text), 1000) == words[i].value);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    for (size_t piece = 1; piece < 110; piece++)
      assert_true(xxh64_of(bytes, numbers[i].length, piece) == numbers[i].value);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_status),
      cmocka_unit_test(test_status_is_quiet),
      cmocka_unit_test(test_status_cuts_long_text),
      cmocka_unit_test(test_exit_codes),
      cmocka_unit_test(test_sizes),
      cmocka_unit_test(test_allocation),
      cmocka_unit_test(test_shape),
      cmocka_unit_test(test_shape_axis),
      cmocka_unit_test(test_pool_visits_each_chunk_once),
      cmocka_unit_test(test_pool_cancels),
      cmocka_unit_test(test_pool_nests),
      cmocka_unit_test(test_xxh64),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
