/* The cache of results: what answers what, who goes first, how much memory stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/cache.h"
#include "tests/analysis/tensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct result_request plain = {.bins = 20, .lo = (double)NAN, .hi = (double)NAN};
enum { ROWS = 8, COLUMNS = 40, SOURCE = 3, TENSOR = 1, PLENTY = 1 << 20 };

static float *values;

static int setup(void **state)
{
  (void)state;
  values = random_values(ROWS * COLUMNS, 5, false);
  return 0;
}

static int teardown(void **state)
{
  (void)state;
  free(values);
  return 0;
}

static struct result *compute(const char *spec, const struct result_request *request)
{
  struct tensor tensor = tensor_over(values, (struct shape){.dims = 2, .dim = {ROWS, COLUMNS}});
  struct quantizer quantizer = quantizer_of(spec);
  struct result *result = NULL;
  assert_int_equal(result_compute(&tensor, &quantizer, request, NULL, &result, NULL), STATUS_OK);
  return result;
}

static void keep(struct cache *cache, const char *spec, const struct result_request *request)
{
  struct quantizer quantizer = quantizer_of(spec);
  struct result *result = compute(spec, request);
  cache_keep_result(cache, SOURCE, TENSOR, &quantizer, request, result);
  result_free(result);
}

static bool has(struct cache *cache, const char *spec, const struct result_request *request)
{
  struct quantizer quantizer = quantizer_of(spec);
  struct result *found = cache_find_result(cache, SOURCE, TENSOR, &quantizer, request);
  bool is = found != NULL;
  result_free(found);
  return is;
}

static void check_histogram(const struct histogram *a, const struct histogram *b)
{
  assert_true(a->bins == b->bins && a->lo == b->lo && a->hi == b->hi && a->count != b->count);
  assert_memory_equal(a->count, b->count, a->bins * sizeof *a->count);
}

/* A copy has the same numbers in memory of its own, and outlives the result and the cache. */
static void a_copy_is_the_same(void **state)
{
  (void)state;
  struct result_request request = plain;
  request.blocks = true;
  struct cache *cache = cache_new(PLENTY);
  struct quantizer quantizer = quantizer_of("int4,group=20");
  struct result *result = compute("int4,group=20", &request);
  cache_keep_result(cache, SOURCE, TENSOR, &quantizer, &request, result);
  assert_true(cache_bytes(cache) >= result_bytes(result));
  struct result *found = cache_find_result(cache, SOURCE, TENSOR, &quantizer, &request);
  assert_non_null(found);
  assert_ptr_not_equal(found, result);
  cache_free(cache);
  assert_memory_equal(&found->metrics, &result->metrics, sizeof found->metrics);
  assert_memory_equal(&found->facts, &result->facts, sizeof found->facts);
  check_histogram(&found->original, &result->original);
  check_histogram(&found->reconstruction, &result->reconstruction);
  check_histogram(&found->error, &result->error);
  assert_int_equal(found->channels.count, ROWS);
  assert_memory_equal(found->channels.channel, result->channels.channel,
                      ROWS * sizeof *found->channels.channel);
  assert_memory_equal(found->channels.by_ratio, result->channels.by_ratio, ROWS * sizeof(size_t));
  assert_int_equal(found->blocks->count, ROWS * COLUMNS / 20);
  assert_memory_equal(found->blocks->error2, result->blocks->error2,
                      found->blocks->count * sizeof(double));
  for (size_t i = 0; i < plain.bins; i++)
    assert_true(found->error2[i] == result->error2[i] &&
                memcmp(&found->error_max[i], &result->error_max[i], sizeof(double)) == 0);
  float scale = fit_scale(result->fit, 3);
  result_free(result);
  assert_true(fit_scale(found->fit, 3) == scale);
  result_free(found);
}

/* Every part of the key counts; blocks are more than none. */
static void what_answers_what(void **state)
{
  (void)state;
  struct cache *cache = cache_new(PLENTY);
  struct result_request other = plain, blocks = plain;
  struct quantizer quantizer = quantizer_of("int8");
  keep(cache, "int8", &plain);
  assert_true(has(cache, "int8,sym,minmax", &plain));
  assert_false(has(cache, "int8,mse", &plain));
  assert_null(cache_find_result(cache, SOURCE + 1, TENSOR, &quantizer, &plain));
  assert_null(cache_find_result(cache, SOURCE, TENSOR + 1, &quantizer, &plain));
  other.bins = 21;
  assert_false(has(cache, "int8", &other));
  other = plain;
  other.lo = -1;
  other.hi = 1;
  assert_false(has(cache, "int8", &other));
  other = plain;
  other.axis = 1;
  assert_false(has(cache, "int8", &other));
  other = plain;
  other.details = true;
  assert_false(has(cache, "int8", &other));
  other = plain;
  other.no_errors = true; /* with them is as good */
  assert_true(has(cache, "int8", &other));
  keep(cache, "int3", &other);
  assert_true(has(cache, "int3", &other));
  assert_false(has(cache, "int3", &plain));
  other = plain;
  other.errors_only = true; /* the same */
  assert_true(has(cache, "int8", &other));
  keep(cache, "int2", &other);
  assert_true(has(cache, "int2", &other));
  assert_false(has(cache, "int2", &plain));
  other = plain;
  other.at_once = true; /* the whole is as good */
  assert_true(has(cache, "int8", &other));
  other.checks = true;
  assert_false(has(cache, "int8", &other));
  blocks.blocks = true;
  assert_false(has(cache, "int8", &blocks));
  keep(cache, "int4", &blocks);
  assert_true(has(cache, "int4", &blocks) && has(cache, "int4", &plain));
  cache_free(cache);
}

/* With room for three, the one that was not used for the longest time goes. */
static void the_least_used_goes(void **state)
{
  (void)state;
  struct cache *cache = cache_new(PLENTY);
  keep(cache, "int8", &plain);
  size_t each = cache_bytes(cache);
  cache_set_most(cache, 3 * each + each / 2);
  keep(cache, "int7", &plain);
  keep(cache, "int6", &plain);
  assert_int_equal(cache_bytes(cache), 3 * each);
  assert_true(has(cache, "int8", &plain)); /* the oldest is used: now it is the newest */
  keep(cache, "int5", &plain);
  assert_int_equal(cache_bytes(cache), 3 * each);
  assert_false(has(cache, "int7", &plain));
  assert_true(has(cache, "int6", &plain) && has(cache, "int8", &plain));
  keep(cache, "int5", &plain); /* is there: nothing goes for it */
  assert_int_equal(cache_bytes(cache), 3 * each);
  cache_set_most(cache, each);
  assert_int_equal(cache_bytes(cache), each);
  assert_true(has(cache, "int8", &plain));
  cache_set_most(cache, 0);
  assert_int_equal(cache_bytes(cache), 0);
  keep(cache, "int8", &plain);
  assert_false(has(cache, "int8", &plain));
  cache_free(cache);
}

/* What is larger than all of the cache is not kept, and nothing goes for it. */
static void too_large(void **state)
{
  (void)state;
  struct result_request wide = plain;
  wide.bins = 10000;
  struct cache *cache = cache_new(PLENTY);
  keep(cache, "int8", &plain);
  cache_set_most(cache, cache_bytes(cache) * 2);
  keep(cache, "int8", &wide);
  assert_true(has(cache, "int8", &plain) && !has(cache, "int8", &wide));
  cache_free(cache);
}

static struct known known_of(uint64_t count)
{
  const float two[] = {1, 2};
  const uint64_t counts[] = {3, 4};
  struct extremes extremes = {.min = -4, .max = 4};
  struct feed feed = feed_floats(values, ROWS * COLUMNS);
  struct known known = {.facts = {.count = count}, .digest = digest_new(two, counts, 2)};
  assert_int_equal(high_digest_make(&feed, &extremes, NULL, &known.high), STATUS_OK);
  return known;
}

/* What is known of a tensor moves in and out, and takes its turn with the results. */
static void what_is_known_moves(void **state)
{
  (void)state;
  struct cache *cache = cache_new(8 << 20);
  struct known known = known_of(7), found = {.digest = NULL};
  assert_false(cache_take_known(cache, SOURCE, TENSOR, &found));
  keep(cache, "int8", &plain); /* of the same tensor: nothing of the kind */
  size_t result = cache_bytes(cache);
  assert_false(cache_take_known(cache, SOURCE, TENSOR, &found));
  cache_keep_known(cache, SOURCE, TENSOR, &known);
  assert_true(cache_bytes(cache) >=
              result + digest_bytes(known.digest) + high_digest_bytes(known.high));
  assert_false(cache_take_known(cache, SOURCE, TENSOR + 1, &found));
  assert_true(cache_take_known(cache, SOURCE, TENSOR, &found));
  assert_ptr_equal(found.digest, known.digest);
  assert_ptr_equal(found.high, known.high);
  assert_int_equal(found.facts.count, 7);
  assert_int_equal(cache_bytes(cache), result);
  cache_keep_known(cache, SOURCE, TENSOR, &known);
  cache_set_most(cache, 1);
  assert_false(cache_take_known(cache, SOURCE, TENSOR, &found));
  known = known_of(8);
  cache_keep_known(cache, SOURCE, TENSOR, &known); /* no room: freed */
  assert_int_equal(cache_bytes(cache), 0);
  cache_free(cache);
  cache_free(NULL);
}

/* Metrics alone are those of the spec; a result gives them, too, whatever else it has. */
static void metrics_alone(void **state)
{
  (void)state;
  struct cache *cache = cache_new(PLENTY);
  struct quantizer int4 = quantizer_of("int4"), int5 = quantizer_of("int5");
  struct metrics metrics = {.mse = 0.5, .bits_per_element = 4}, found;
  assert_false(cache_find_metrics(cache, SOURCE, TENSOR, &int4, &found));
  cache_keep_metrics(cache, SOURCE, TENSOR, &int4, &metrics);
  assert_true(cache_find_metrics(cache, SOURCE, TENSOR, &int4, &found));
  assert_memory_equal(&found, &metrics, sizeof found);
  assert_false(cache_find_metrics(cache, SOURCE, TENSOR, &int5, &found));
  assert_false(cache_find_metrics(cache, SOURCE, TENSOR + 1, &int4, &found));
  assert_false(cache_find_metrics(cache, SOURCE + 1, TENSOR, &int4, &found));
  assert_false(has(cache, "int4", &plain)); /* they are no result */
  struct known known;
  assert_false(cache_take_known(cache, SOURCE, TENSOR, &known));
  struct result *result = compute("int5", &plain);
  cache_keep_result(cache, SOURCE, TENSOR, &int5, &plain, result);
  assert_true(cache_find_metrics(cache, SOURCE, TENSOR, &int5, &found));
  assert_true(found.mse == result->metrics.mse && found.sqnr_db == result->metrics.sqnr_db);
  result_free(result);
  struct result_request batches = plain; /* calibrated otherwise: other metrics */
  batches.calibrated.batching = (struct batching){true, 0};
  keep(cache, "int8", &batches);
  struct quantizer int8 = quantizer_of("int8");
  assert_false(cache_find_metrics(cache, SOURCE, TENSOR, &int8, &found));
  cache_set_most(cache, 0);
  cache_keep_metrics(cache, SOURCE, TENSOR, &int4, &metrics); /* no room */
  assert_int_equal(cache_bytes(cache), 0);
  cache_free(cache);
}

/* What nobody asked for takes no other's place, and is the first to go. */
static void offered_facts_go_first(void **state)
{
  (void)state;
  struct cache *cache = cache_new(PLENTY);
  struct known known = {.facts = {.count = 5}};
  cache_keep_known(cache, SOURCE, 1, &known);
  size_t one = cache_bytes(cache);
  cache_offer_known(cache, SOURCE, 2, &known);
  cache_offer_known(cache, SOURCE, 3, &known);
  assert_int_equal(cache_bytes(cache), 3 * one);
  cache_set_most(cache, 2 * one);
  assert_false(cache_take_known(cache, SOURCE, 3, &known));
  cache_offer_known(cache, SOURCE, 4, &known); /* no room */
  assert_false(cache_take_known(cache, SOURCE, 4, &known));
  known = (struct known){.facts = {.count = 5}};
  cache_keep_known(cache, SOURCE, 5, &known);
  assert_false(cache_take_known(cache, SOURCE, 2, &known));
  assert_true(cache_take_known(cache, SOURCE, 1, &known));
  assert_true(cache_take_known(cache, SOURCE, 5, &known));
  assert_int_equal(cache_bytes(cache), 0);
  cache_free(cache);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_copy_is_the_same),  cmocka_unit_test(what_answers_what),
      cmocka_unit_test(the_least_used_goes), cmocka_unit_test(too_large),
      cmocka_unit_test(what_is_known_moves), cmocka_unit_test(offered_facts_go_first),
      cmocka_unit_test(metrics_alone),
  };
  kernels_init();
  return cmocka_run_group_tests(tests, setup, teardown);
}
