/* Estimates against the exact results that replace them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/result.h"
#include "tests/analysis/tensors.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 64, COLUMNS = 3001, COUNT = ROWS * COLUMNS };

struct measured {
  struct result *estimate, *exact;
};

static struct measured measure(const float *values, const char *spec)
{
  struct tensor tensor = tensor_over(values, (struct shape){.dims = 2, .dim = {ROWS, COLUMNS}});
  struct feed feed = tensor_feed(&tensor);
  struct quantizer quantizer = quantizer_of(spec);
  struct facts facts;
  struct high_digest *high;
  struct measured measured;
  struct error error;
  assert_int_equal(facts_compute(&feed, FLT_MIN, NULL, &facts, NULL), STATUS_OK);
  const struct extremes extremes = {
      .min = (float)facts.min, .max = (float)facts.max, .nan = facts.nan, .inf = facts.inf};
  const struct result_request request = {
      .bins = 50, .lo = (double)NAN, .hi = (double)NAN, .facts = &facts};
  assert_true(result_can_estimate(&quantizer, &request));
  assert_int_equal(high_digest_make(&feed, &extremes, NULL, &high), STATUS_OK);
  if (result_compute(&tensor, &quantizer, &request, NULL, &measured.exact, &error) != STATUS_OK)
    fail_msg("%s: %s", spec, error.text);
  assert_int_equal(result_estimate(&tensor, &quantizer, &request, high, &measured.estimate, &error),
                   STATUS_OK);
  high_digest_free(high);
  return measured;
}

static void free_measured(struct measured *measured)
{
  result_free(measured->estimate);
  result_free(measured->exact);
}

static void check(const float *values, const char *spec, bool bounded)
{
  struct measured both = measure(values, spec);
  const struct result *estimate = both.estimate, *exact = both.exact;
  assert_true(estimate->estimated && estimate->partial && !exact->estimated && !exact->partial);
  assert_memory_equal(&estimate->facts, &exact->facts, sizeof exact->facts);
  assert_int_equal(estimate->original.nan, exact->original.nan);
  assert_int_equal(histogram_total(&estimate->original), histogram_total(&exact->original));
  assert_int_equal(histogram_total(&estimate->error), histogram_total(&exact->error));
  assert_int_equal(estimate->channels.count, 0);
  assert_true(isnan(estimate->metrics.channel_sqnr_worst));
  assert_true(bounded == !isnan(estimate->least_mse) && bounded == !isnan(estimate->most_mse));
  if (bounded &&
      !(estimate->least_mse <= exact->metrics.mse && exact->metrics.mse <= estimate->most_mse))
    fail_msg("%s: %.17g is not within %.17g .. %.17g", spec, exact->metrics.mse,
             estimate->least_mse, estimate->most_mse);
  free_measured(&both);
}

static void test_bounds_hold(void **state)
{
  (void)state;
  const char *const bounded[] = {"int8", "int4,asym", "e4m3", "e2m1", "fp16", "int4,range=-1:1"};
  const char *const others[] = {"int4,mse", "int8,percentile=99", "int8,entropy"};
  for (int awkward = 0; awkward < 2; awkward++) {
    float *values = random_values(COUNT, 12, awkward);
    for (size_t i = 0; i < sizeof bounded / sizeof *bounded; i++)
      check(values, bounded[i], true);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
      check(values, others[i], false);
    free(values);
  }
}

/* What has no bounds is near all the same, here to a few parts in a hundred. */
static void test_near(void **state)
{
  (void)state;
  const char *const specs[] = {"int4", "int8,percentile=99", "e4m3"};
  float *values = random_values(COUNT, 13, false);
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
    struct measured both = measure(values, specs[i]);
    const struct metrics *a = &both.estimate->metrics, *b = &both.exact->metrics;
    assert_true(fabs(a->sqnr_db - b->sqnr_db) < 0.05);
    assert_true(fabs(a->bulk_sqnr_db - b->bulk_sqnr_db) < 0.1);
    assert_true(fabs(a->code_entropy_bits - b->code_entropy_bits) < 0.05);
    assert_true(fabs(a->zero_rate - b->zero_rate) < 0.01);
    assert_true(fabs(a->clip_rate - b->clip_rate) < 0.001);
    assert_true(fabs(a->rounding_mse + a->clipping_mse - a->mse) <= 1e-12 * a->mse);
    for (size_t bin = 0; bin < both.exact->original.bins; bin++)
      assert_true(fabs((double)both.estimate->original.count[bin] -
                       (double)both.exact->original.count[bin]) < 0.01 * COUNT);
    free_measured(&both);
  }
  free(values);
}

static void test_nothing_finite(void **state)
{
  (void)state;
  float *values = malloc(COUNT * sizeof *values);
  for (size_t i = 0; i < COUNT; i++)
    values[i] = i % 2 ? NAN : INFINITY;
  check(values, "int8", false);
  free(values);
}

static void test_what_is_not_estimated(void **state)
{
  (void)state;
  const char *const specs[] = {"int8,channel", "int4,group=32", "mxfp4", "int8,round=stochastic"};
  struct result_request request = {.bins = 0};
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
    struct quantizer quantizer = quantizer_of(specs[i]);
    assert_false(result_can_estimate(&quantizer, &request));
  }
  struct quantizer quantizer = quantizer_of("int8");
  assert_true(result_can_estimate(&quantizer, &request));
  request.calibrated.batching.on = true;
  assert_false(result_can_estimate(&quantizer, &request));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bounds_hold),
      cmocka_unit_test(test_near),
      cmocka_unit_test(test_nothing_finite),
      cmocka_unit_test(test_what_is_not_estimated),
  };
  kernels_init();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
