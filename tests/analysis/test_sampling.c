/* Estimates from samples against the exact results that replace them. The generator and its seeds
 * are fixed, so that what a confidence interval misses is the same every time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/result.h"
#include "quant/base/pool.h"
#include "tests/analysis/tensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 256, COLUMNS = 2048, COUNT = ROWS * COLUMNS, ELEMENTS = 1 << 16 };

static const struct shape matrix = {.dims = 2, .dim = {ROWS, COLUMNS}};

static double uniform(uint64_t *state)
{
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return ((double)(*state >> 11) + 0.5) * 0x1p-53;
}

/* Normal values in ROWS rows whose gains are normal in the logarithm, SPREAD their deviation. */
static float *rows_of_gains(uint64_t seed, double spread)
{
  float *values = malloc(COUNT * sizeof *values);
  uint64_t state = seed * 77773 + 1;
  for (size_t i = 0; i < COUNT; i += 2) {
    static double gain;
    double r = sqrt(-2 * log(uniform(&state))), t = 6.283185307179586 * uniform(&state);
    if (i % COLUMNS == 0)
      gain = exp(spread * sqrt(-2 * log(uniform(&state))) * cos(6.28 * uniform(&state)));
    values[i] = (float)(gain * r * cos(t));
    values[i + 1] = (float)(gain * r * sin(t));
  }
  return values;
}

static struct extremes extremes_of(const struct facts *facts)
{
  return (struct extremes){.min = (float)facts->min, .max = (float)facts->max};
}

struct measured {
  struct result *sample, *exact;
};

/* KNOWN: with the facts of the whole. */
static struct measured measure(const float *values, const struct shape *shape, const char *spec,
                               bool known, size_t elements)
{
  struct tensor tensor = tensor_over(values, *shape);
  struct quantizer quantizer = quantizer_of(spec);
  struct measured measured;
  struct error error;
  struct result_request request = {.bins = 50, .lo = (double)NAN, .hi = (double)NAN};
  if (result_compute(&tensor, &quantizer, &request, NULL, &measured.exact, &error) != STATUS_OK)
    fail_msg("%s: %s", spec, error.text);
  const struct extremes extremes = extremes_of(&measured.exact->facts);
  request.facts = known ? &measured.exact->facts : NULL;
  assert_true(result_can_sample(&tensor, &quantizer, &request, elements));
  if (result_sample(&tensor, &quantizer, &request, &extremes, elements, NULL, &measured.sample,
                    &error) != STATUS_OK)
    fail_msg("%s: %s", spec, error.text);
  return measured;
}

static void free_measured(struct measured *measured)
{
  result_free(measured->sample);
  result_free(measured->exact);
}

static const char *const bounded[] = {
    "int4,group=128",
    "int4,asym,group=32",
    "int4,group=128,mse",
    "nf4",
    "mxfp4",
    "nvfp4",
    "q4_k",
    "q8_0",
    "int8,token",
    "int8,channel,mse",
    "int4,channel",
    "int8",
    "int8,range=-2.5:2.5",
    "bf16",
    "int8,channel=1",
};
enum { BOUNDED = sizeof bounded / sizeof *bounded };

/* What the sample says of the SQNR lies that much too high, as a ratio. */
static double off(const struct measured *both)
{
  return pow(10, (both->sample->metrics.sqnr_db - both->exact->metrics.sqnr_db) / 10);
}

static bool is_bounded(const struct result *sample)
{
  assert_true(isnan(sample->least_mse) == isnan(sample->most_mse));
  return !isnan(sample->most_mse);
}

/* 99 of 100 intervals: of all that are stated, two of 100 may miss. Most of them are stated. */
static void test_bounds_hold(void **state)
{
  (void)state;
  int all = 0, stated = 0, missed = 0;
  for (uint64_t seed = 1; seed <= 12; seed++) {
    float *values = rows_of_gains(seed, (double)(seed % 3) * 0.25);
    for (size_t i = 0; i < BOUNDED; i++, all++) {
      bool known = seed % 2 || strcmp(bounded[i], "int8,channel=1") == 0;
      struct measured both = measure(values, &matrix, bounded[i], known, ELEMENTS);
      const struct result *sample = both.sample, *exact = both.exact;
      double mse = sample->metrics.mse, low = sample->least_mse / mse,
             high = sample->most_mse / mse;
      assert_true(sample->estimated && sample->partial && !exact->estimated);
      assert_true(sample->facts_sampled == !known && sample->sampled > 0.1 && !sample->fit);
      if (is_bounded(sample)) {
        stated++;
        missed += !(low <= off(&both) && off(&both) <= high);
        assert_true(low < 1 && 1 < high && high < 2);
      }
      free_measured(&both);
    }
    free(values);
  }
  assert_true(stated >= 0.95 * all);
  assert_true(missed <= 0.02 * stated);
}

/* A sample of everything: the numbers are the exact ones but for the order of the sums. */
static void test_all_of_it(void **state)
{
  (void)state;
  float *values = rows_of_gains(5, 0.3);
  const char *const specs[] = {"int4,group=128", "int8,token", "q8_0", "int4,channel=1", "int8"};
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
    struct measured both = measure(values, &matrix, specs[i], true, COUNT);
    const struct result *sample = both.sample, *exact = both.exact;
    assert_true(sample->sampled == 1 && is_bounded(sample));
    assert_true(fabs(off(&both) - 1) < 1e-12);
    assert_true(sample->metrics.max_abs_error == exact->metrics.max_abs_error);
    assert_true(sample->metrics.zero_rate == exact->metrics.zero_rate);
    assert_memory_equal(sample->original.count, exact->original.count, 50 * sizeof(uint64_t));
    assert_memory_equal(sample->error.count, exact->error.count,
                        exact->error.bins * sizeof(uint64_t));
    assert_true(sample->most_mse - sample->least_mse <= 1e-12 * sample->most_mse);
    free_measured(&both);
  }
  free(values);
}

/* The other numbers, and what has no bounds: near all the same, here to some parts in a hundred.
 * The bits of an element are known exactly. */
static void test_near(void **state)
{
  (void)state;
  const char *const specs[] = {"int4,group=128,mse", "int8,mse", "int8,percentile=99", "nf4",
                               "int8"};
  float *values = rows_of_gains(3, 0.3);
  for (size_t i = 0; i < 2 * sizeof specs / sizeof *specs; i++) {
    struct measured both = measure(values, &matrix, specs[i / 2], i % 2, ELEMENTS);
    const struct metrics *a = &both.sample->metrics, *b = &both.exact->metrics;
    assert_true(fabs(a->sqnr_db - b->sqnr_db) < 0.7);
    assert_true(fabs(a->mse / b->mse - 1) < 0.2);
    assert_true(fabs(a->code_entropy_bits - b->code_entropy_bits) < 0.1);
    assert_true(fabs(a->zero_rate - b->zero_rate) < 0.01);
    assert_true(fabs(a->bits_per_element - b->bits_per_element) < 1e-9);
    assert_true(fabs(a->rounding_mse + a->clipping_mse - a->mse) <= 1e-12 * a->mse);
    assert_true(isnan(a->channel_sqnr_worst) && both.sample->channels.count == 0);
    assert_int_equal(both.sample->facts.count, COUNT);
    for (size_t bin = 0; i % 2 && bin < both.exact->original.bins; bin++)
      assert_true(fabs((double)both.sample->original.count[bin] -
                       (double)both.exact->original.count[bin]) < 0.02 * COUNT);
    free_measured(&both);
  }
  free(values);
}

/* What is known of the whole is not estimated. */
static void test_known(void **state)
{
  (void)state;
  float *values = rows_of_gains(4, 0.3);
  struct tensor tensor = tensor_over(values, matrix);
  struct quantizer quantizer = quantizer_of("int4,group=128");
  struct measured both = measure(values, &matrix, "int4,group=128", true, ELEMENTS);
  const struct histogram *original = &both.exact->original;
  const struct result_request request = {.bins = 50,
                                         .lo = original->lo,
                                         .hi = original->hi,
                                         .facts = &both.exact->facts,
                                         .original = original};
  struct result *sample;
  struct error error;
  assert_memory_equal(&both.sample->facts, &both.exact->facts, sizeof both.exact->facts);
  assert_int_equal(
      result_sample(&tensor, &quantizer, &request, NULL, ELEMENTS, NULL, &sample, &error),
      STATUS_OK);
  assert_memory_equal(sample->original.count, original->count, 50 * sizeof(uint64_t));
  result_free(sample);
  free_measured(&both);
  free(values);
}

static void check_same(const struct result *a, const struct result *b)
{
  assert_memory_equal(&a->metrics, &b->metrics, sizeof a->metrics);
  assert_memory_equal(&a->facts, &b->facts, sizeof a->facts);
  assert_memory_equal(a->reconstruction.count, b->reconstruction.count, 50 * sizeof(uint64_t));
  assert_memory_equal(a->error2, b->error2, 50 * sizeof(double));
  assert_true(a->least_mse == b->least_mse && a->most_mse == b->most_mse);
}

static void test_same_every_time(void **state)
{
  (void)state;
  const char *const specs[] = {"int4,group=128,mse", "nvfp4", "int8,channel", "int4,channel=1"};
  float *values = rows_of_gains(6, 0.3);
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
    const unsigned threads[] = {1, 2, 5};
    struct measured both[3];
    for (int k = 0; k < 3; k++) {
      pool_set_threads(threads[k]);
      both[k] = measure(values, &matrix, specs[i], true, ELEMENTS);
      check_same(both[k].sample, both[0].sample);
    }
    for (int k = 0; k < 3; k++)
      free_measured(&both[k]);
  }
  pool_set_threads(0);
  free(values);
}

/* --- odd shapes and odd values ---------------------------------------------------------------- */

/* Rows that groups do not divide, and a row that is too long to be taken whole: its tail is left
 * out. */
static void test_ragged(void **state)
{
  (void)state;
  float *values = random_values(COUNT, 7, false);
  const struct shape shapes[] = {{.dims = 2, .dim = {ROWS, 1999}},
                                 {.dims = 2, .dim = {3, 150001}},
                                 {.dims = 1, .dim = {COUNT - 5}},
                                 {.dims = 3, .dim = {16, 33, 777}}};
  const char *const specs[] = {"int4,group=128", "int4,group=32,mse", "mxfp4"};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (size_t k = 0; k < sizeof specs / sizeof *specs; k++) {
      struct measured both = measure(values, &shapes[i], specs[k], k % 2, ELEMENTS);
      assert_true(both.sample->sampled > 0.05 && both.sample->sampled < 0.25);
      assert_true(fabs(both.sample->metrics.sqnr_db - both.exact->metrics.sqnr_db) < 0.3);
      assert_true(fabs(both.sample->metrics.bits_per_element -
                       both.exact->metrics.bits_per_element) < 0.01);
      free_measured(&both);
    }
  free(values);
}

static bool can_sample(struct shape shape, const char *spec, bool known, size_t elements)
{
  static const float nothing;
  static const struct facts facts;
  struct tensor tensor = tensor_over(&nothing, shape);
  struct quantizer quantizer = quantizer_of(spec);
  const struct result_request request = {.facts = known ? &facts : NULL};
  return result_can_sample(&tensor, &quantizer, &request, elements);
}

static void test_what_is_not_sampled(void **state)
{
  (void)state;
  const struct shape few = {.dims = 2, .dim = {4, 65536}}, none = {.dims = 2, .dim = {0, 8}},
                     scalar = {.dims = 0}, long_rows = {.dims = 2, .dim = {32, 1 << 20}};
  assert_true(can_sample(matrix, "int8,token", false, ELEMENTS));
  assert_false(can_sample(few, "int8,token", true, 1 << 18)); /* fewer than 16 */
  assert_false(can_sample(long_rows, "int4,group=1048576", true, 1 << 20));
  assert_false(can_sample(none, "int4,group=32", false, ELEMENTS));
  assert_false(can_sample(scalar, "int8", false, ELEMENTS));
  assert_false(can_sample(matrix, "int8,channel=5", false, ELEMENTS)); /* there is no such axis */
  /* The extremes of a part are not those of a channel; nothing is known of a long way. */
  assert_false(can_sample(long_rows, "int8,channel", true, 1 << 20));
  assert_true(can_sample(long_rows, "int8,channel,mse", true, 1 << 20));
  assert_false(can_sample(matrix, "int8,channel=1", false, ELEMENTS));
  assert_true(can_sample(matrix, "int8,channel=1", true, ELEMENTS));
  assert_false(can_sample(matrix, "int8,channel=1,mse", false, ELEMENTS)); /* 32 of each channel */
  struct tensor tensor = tensor_over(NULL, matrix);
  struct quantizer quantizer = quantizer_of("int8");
  struct result_request request = {.calibrated.batching.on = true};
  struct result *result = NULL;
  struct error error;
  assert_false(result_can_sample(&tensor, &quantizer, &request, ELEMENTS));
  assert_int_equal(
      result_sample(&tensor, &quantizer, &request, NULL, ELEMENTS, NULL, &result, &error),
      STATUS_USAGE);
  request.calibrated.batching.on = false;
  assert_int_equal(/* the extremes are asked for */
                   result_sample(&tensor, &quantizer, &request, NULL, ELEMENTS, NULL, &result,
                                 &error),
                   STATUS_USAGE);
}

/* Nothing is promised where the sample has no error, or one piece has most of it. */
static void test_odd_values(void **state)
{
  (void)state;
  const char *const specs[] = {"int4,group=128", "int8", "nvfp4", "int8,channel", "int8,token,mse"};
  float *values = random_values(COUNT, 9, true); /* NaN, infinities */
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
    struct measured both = measure(values, &matrix, specs[i], false, ELEMENTS);
    const struct result *sample = both.sample, *exact = both.exact;
    assert_true(isnan(exact->metrics.sqnr_db)
                    ? isnan(sample->metrics.sqnr_db)
                    : fabs(sample->metrics.sqnr_db - exact->metrics.sqnr_db) < 1);
    assert_true(fabs((double)sample->facts.nan / (double)exact->facts.nan - 1) < 0.1);
    assert_true(fabs((double)histogram_total(&sample->original) - COUNT) < 100);
    free_measured(&both);
  }
  const float all[] = {0, 1.5f, NAN, INFINITY};
  for (size_t k = 0; k < sizeof all / sizeof *all; k++)
    for (size_t i = 0; i < 2 * sizeof specs / sizeof *specs; i++) {
      for (size_t e = 0; e < COUNT; e++)
        values[e] = all[k];
      struct measured both = measure(values, &matrix, specs[i / 2], i % 2, ELEMENTS);
      const struct result *sample = both.sample, *exact = both.exact;
      assert_true(isnan(sample->metrics.mse) == isnan(exact->metrics.mse));
      assert_true(isnan(exact->metrics.mse) || sample->metrics.mse == exact->metrics.mse);
      assert_true(!is_bounded(sample) || exact->metrics.mse > 0);
      assert_int_equal(sample->facts.nan, exact->facts.nan);
      free_measured(&both);
    }
  for (size_t e = 0; e < COUNT; e++) /* a row with nearly all of the error */
    values[e] = (float)sin((double)e) * (e / COLUMNS == 7 ? 1e6f : 1);
  struct measured both = measure(values, &matrix, "int8,token", false, COUNT);
  assert_false(is_bounded(both.sample));
  free_measured(&both);
  free(values);
}

static void test_cancelled(void **state)
{
  (void)state;
  float *values = rows_of_gains(2, 0);
  struct tensor tensor = tensor_over(values, matrix);
  struct quantizer quantizer = quantizer_of("int4,group=128,mse");
  struct result_request request = {.bins = 0};
  struct progress progress = {.total = 0};
  struct result *result = NULL;
  struct error error;
  progress_cancel(&progress);
  assert_int_equal(
      result_sample(&tensor, &quantizer, &request, NULL, ELEMENTS, &progress, &result, &error),
      STATUS_CANCELLED);
  assert_null(result);
  free(values);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bounds_hold),
      cmocka_unit_test(test_all_of_it),
      cmocka_unit_test(test_near),
      cmocka_unit_test(test_known),
      cmocka_unit_test(test_same_every_time),
      cmocka_unit_test(test_ragged),
      cmocka_unit_test(test_what_is_not_sampled),
      cmocka_unit_test(test_odd_values),
      cmocka_unit_test(test_cancelled),
  };
  kernels_init();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
