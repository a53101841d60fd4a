/* Results against numbers worked out by hand, closed forms and a second implementation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/result.h"
#include "data/transformed.h"
#include "tests/analysis/reference.h"
#include "tests/analysis/tensors.h"
#include "tests/support/portable.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct result_request plain = {.lo = (double)NAN, .hi = (double)NAN};
static const struct result_request everything = {
    .bins = 60, .lo = (double)NAN, .hi = (double)NAN, .details = true};

static struct result *result_of(const float *x, struct shape shape, const char *spec,
                                const struct result_request *request)
{
  struct tensor tensor = tensor_over(x, shape);
  struct quantizer quantizer = quantizer_of(spec);
  struct result *result = NULL;
  struct error error;
  if (result_compute(&tensor, &quantizer, request, NULL, &result, &error) != STATUS_OK)
    fail_msg("%s: %s", spec, error.text);
  return result;
}

static struct shape vector(size_t n)
{
  return (struct shape){.dims = 1, .dim = {n}};
}

/* Thirteen finite values on the int8 grid with a step of 0.5 (r = x / 0.5, y = r / 2):
 *
 *       x      x/0.5     r      y      x - y
 *       0        0       0      0      0
 *       0.25     0.5     0      0      0.25      ties go to the even neighbour; became 0
 *       0.75     1.5     2      1     -0.25      tie
 *      -0.3125  -0.625  -1     -0.5    0.1875
 *      63.5    127     127     63.5    0         rail
 *      63.625  127.25  127     63.5    0.125     rail, rounds inside
 *      64      128     127     63.5    0.5       rail, clipped
 *     -64     -128    -128    -64      0         rail
 *     -64.25  -128.5  -128    -64     -0.25      rail, tie to -128: inside
 *     -70     -140    -128    -64     -6         rail, clipped
 *      50.5    101     101     50.5    0         high
 *      50      100     100     50      0         not high
 *     -50.5   -101    -101    -50.5    0         high
 *
 * Squares of the errors: inside 0.0625 * 3 + 0.03515625 + 0.015625 = 0.23828125, clipped
 * 0.25 + 36 = 36.25. Codes: -128 and 127 three times, 0 twice, 2 -1 101 100 -101 once: eight
 * levels. |x| sorted ends in 64, 64.25, 70: p99 lies between the last two (12 * 0.99 = 11.88),
 * so the bulk is all but -70. */
static void test_int8_by_hand(void **state)
{
  (void)state;
  const float x[] = {0,   0.25f,    0.75f,   -0.3125f, NAN,   63.5f, 63.625f, 64,
                     -64, INFINITY, -64.25f, -70,      50.5f, 50,    -50.5f};
  const double n = 13;
  struct result *result = result_of(x, vector(15), "int8,scale=0.5", &plain);
  const struct metrics *m = &result->metrics;
  assert_int_equal(result->facts.nan, 1);
  assert_int_equal(result->facts.inf, 1);
  assert_int_equal(result->facts.finite, 13);
  assert_true(m->mse == 36.48828125 / n);
  assert_true(m->clipping_mse == 36.25 / n);
  reference_near("rounding", m->rounding_mse, 0.23828125 / n, 1e-15);
  assert_true(m->mean_error == -5.4375 / n);
  assert_true(m->max_abs_error == 6);
  assert_true(m->clip_rate == 2 / n && m->rail_rate == 6 / n && m->zero_rate == 1 / n);
  assert_true(m->high_code_rate == 8 / n);
  assert_int_equal(m->levels_used, 8);
  assert_int_equal(m->levels, 256);
  double entropy = -(6 / n * log2(3 / n) + 2 / n * log2(2 / n) + 5 / n * log2(1 / n));
  reference_near("entropy", m->code_entropy_bits, entropy, 1e-14);
  double signal2 = 0;
  for (size_t i = 0; i < 15; i++)
    signal2 += isfinite(x[i]) ? (double)x[i] * (double)x[i] : 0;
  reference_near("sqnr", m->sqnr_db, 10 * log10(signal2 / 36.48828125), 1e-14);
  reference_near("bulk", m->bulk_sqnr_db, 10 * log10((signal2 - 4900) / 0.48828125), 1e-14);
  reference_near("papr", m->papr, 70 / sqrt(signal2 / n), 1e-14);
  reference_check(result, x, &(struct shape){.dims = 1, .dim = {15}}, 0);
  result_free(result);
}

/* A uniform source that fills a fine grid has an error that is uniform in +-step/2: variance
 * step^2 / 12, no correlation with x. 2^20 values: the standard error of the MSE is 0.09 %. */
static void test_uniform_noise(void **state)
{
  (void)state;
  size_t n = 1 << 20;
  float *x = malloc(n * sizeof *x);
  uint64_t seed = 11;
  for (size_t i = 0; i < n; i++)
    x[i] = (float)(2 * portable_uniform(&seed) - 1);
  const char *specs[] = {"int8", "int6", "int8,asym"};
  for (int i = 0; i < 3; i++) {
    struct result *result = result_of(x, vector(n), specs[i], &plain);
    double step = (double)fit_scale(result->fit, 0);
    reference_near("mse", result->metrics.mse, step * step / 12, 0.005);
    reference_near("sqnr", result->metrics.sqnr_db, 10 * log10(1.0 / 3 / (step * step / 12)),
                   0.001);
    assert_true(result->metrics.max_abs_error <= step / 2 * 1.00001);
    assert_int_equal(result->channels.count, 1); /* too long for a channel an element */
    result_free(result);
  }
  free(x);
}

/* --- the second implementation ------------------------------------------------------------ */

static void check_spec(const float *x, const struct shape *shape, const char *spec, int axis)
{
  struct result_request request = everything;
  request.axis = axis;
  struct result *result = result_of(x, *shape, spec, &request);
  reference_check(result, x, shape, axis);
  result_free(result);
}

static void test_second_implementation(void **state)
{
  (void)state;
  const struct shape shapes[] = {
      {.dims = 0},
      {.dims = 1, .dim = {1}},
      {.dims = 1, .dim = {517}},
      {.dims = 2, .dim = {7, 331}},
      {.dims = 2, .dim = {331, 7}},
      {.dims = 2, .dim = {5, 643}},
      {.dims = 2, .dim = {3, 1}},
      {.dims = 3, .dim = {13, 24, 3}},
      {.dims = 4, .dim = {3, 5, 2, 41}},
      {.dims = 2, .dim = {0, 4}},
  };
  const char *specs[] = {"int8",
                         "int4,narrow",
                         "int3,asym",
                         "int8,channel",
                         "int8,asym,channel=-1",
                         "int4,group=32",
                         "int5,asym,group=5",
                         "int4,asym,group=32",
                         "int8,asym,group=50",
                         "int8,group=20,scale-rule=signed",
                         "int8,asym,token,codes=10:200",
                         "int4,asym,group=16,percentile=90",
                         "int2,asym,token,scale=0.7",
                         "int8,token",
                         "e4m3",
                         "e5m2,channel=-1",
                         "e4m3,group=7",
                         "e4m3,group=32",
                         "e2m1,token",
                         "fp16",
                         "int8,percentile=90",
                         "e4m3,range=-2:2",
                         "int4,asym,range=-1:2"};
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    const struct shape *shape = &shapes[s];
    for (int awkward = 0; awkward < 2; awkward++) {
      float *x = random_values(shape_elements(shape), s + 1, awkward);
      for (size_t q = 0; q < sizeof specs / sizeof *specs; q++)
        for (int axis = 0; axis == 0 || axis < (int)shape->dims; axis++)
          check_spec(x, shape, specs[q], axis);
      free(x);
    }
  }
}

/* Several chunks and spans; channels that wrap within a block and channels that span blocks; units
 * that lie in several channels by long runs. */
static void test_large(void **state)
{
  (void)state;
  const struct shape shapes[] = {{.dims = 2, .dim = {151, 771}},
                                 {.dims = 3, .dim = {3, 13000, 3}},
                                 {.dims = 2, .dim = {2, 70001}},
                                 {.dims = 3, .dim = {2, 3, 1031}}};
  const char *specs[] = {"int16",
                         "int8,channel=1",
                         "int4,asym,group=100",
                         "int8,percentile=99",
                         "e4m3,channel",
                         "e4m3,channel=1",
                         "int8,asym,channel,percentile=98"};
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    float *x = random_values(shape_elements(&shapes[s]), s + 40, s == 1);
    for (size_t q = 0; q < sizeof specs / sizeof *specs; q++)
      for (int axis = 0; axis < 2; axis++)
        check_spec(x, &shapes[s], specs[q], axis);
    free(x);
  }
}

/* Groups whose scales wait for the pass that measures; on a coarse grid, ends lie between two codes
 * and some groups clip; under mse most do. */
static void test_groups_on_the_way(void **state)
{
  (void)state;
  const struct shape shape = {.dims = 2, .dim = {37, 1024}};
  const char *specs[] = {"int4,asym,group=32", "int4,asym,group=64,mse",
                         "int8,group=512",     "int16,asym,group=32",
                         "e4m3,group=128",     "int4,asym,group=32,pow2"};
  for (int kind = 0; kind < 4; kind++) {
    float *x = random_values(37 * 1024, 77, kind % 2 == 1);
    for (size_t i = 0; kind >= 2 && i < 37 * 1024; i++)
      x[i] = rintf(x[i] * 8) / 8;
    for (size_t q = 0; q < sizeof specs / sizeof *specs; q++)
      for (int axis = 0; axis < 2; axis++)
        check_spec(x, &shape, specs[q], axis);
    struct result *result = result_of(x, shape, specs[0], &everything);
    assert_true((result->metrics.clip_rate > 0) == (kind >= 2));
    assert_false(fit_is_waiting(result->fit));
    result_free(result);
    free(x);
  }
}

/* --- what does not exist ------------------------------------------------------------------- */

static void test_empty(void **state)
{
  (void)state;
  struct shape shape = {.dims = 2, .dim = {4, 0}};
  struct result *result = result_of(NULL, shape, "int8,channel", &everything);
  const struct metrics *m = &result->metrics;
  assert_true(isnan(m->mse) && isnan(m->sqnr_db) && isnan(m->bits_per_element) && isnan(m->papr));
  assert_true(isnan(m->code_entropy_bits) && isnan(m->channel_sqnr_worst));
  assert_int_equal(m->levels_used, 0);
  assert_int_equal(result->channels.count, 0);
  assert_int_equal(histogram_total(&result->original), 0);
  result_free(result);
}

static void test_all_zero(void **state)
{
  (void)state;
  const float x[12] = {0};
  struct shape shape = {.dims = 2, .dim = {3, 4}};
  struct result *result = result_of(x, shape, "int8,channel", &everything);
  const struct metrics *m = &result->metrics;
  assert_true(m->mse == 0 && m->max_abs_error == 0 && m->zero_rate == 0 && m->clip_rate == 0);
  assert_true(isnan(m->sqnr_db) && isnan(m->cosine) && isnan(m->relative_error_p50));
  assert_true(isnan(m->channel_sqnr_median) && isnan(m->kl_divergence));
  assert_int_equal(m->levels_used, 1);
  assert_true(m->code_entropy_bits == 0);
  assert_true(result->original.lo < 0 && result->original.hi > 0);
  assert_true(isnan(result->channels.channel[0].ratio)); /* 0 / 0 */
  result_free(result);
}

static void test_exact(void **state)
{
  (void)state;
  const float x[] = {-127, 127, 3, -5, 0, 64};
  struct result *result = result_of(x, vector(6), "int8,scale=1", &everything);
  assert_true(result->metrics.mse == 0 && result->metrics.sqnr_db == (double)INFINITY);
  assert_true(result->metrics.channel_sqnr_worst == (double)INFINITY);
  assert_true(result->error.lo == -0.5 && result->error.hi == 0.5); /* half a step */
  assert_int_equal(histogram_total(&result->error), 6);
  result_free(result);
}

static void test_nothing_finite(void **state)
{
  (void)state;
  const float x[] = {NAN, INFINITY, -INFINITY};
  struct result *result = result_of(x, vector(3), "int8", &everything);
  assert_true(isnan(result->metrics.mse) && isnan(result->metrics.sqnr_db));
  assert_true(isnan(result->metrics.high_code_rate) && isnan(result->metrics.code_entropy_bits));
  assert_int_equal(result->metrics.levels_used, 0);
  assert_int_equal(result->original.nan, 1);
  assert_int_equal(result->original.inf, 2);
  assert_int_equal(histogram_total(&result->reconstruction), 0);
  result_free(result);
}

/* The largest and the smallest numbers there are: sums and ranges must survive them. */
static void test_extreme_magnitudes(void **state)
{
  (void)state;
  const float huge[] = {FLT_MAX, -FLT_MAX, 1e38f, -3e38f, 7, 0};
  const float tiny[] = {1e-45f, -3e-45f, 4e-44f, 0, FLT_MIN, -1e-39f};
  const float both[] = {FLT_MAX, 1e-45f, -1, 3e37f, -FLT_MIN, 0.5f};
  const float *const values[] = {huge, tiny, both};
  const char *specs[] = {"int8",       "int8,asym",    "int4,group=2",       "e4m3",
                         "e5m2",       "fp16",         "int8,narrow",        "int8,channel",
                         "bf16,token", "int8,scale=1", "int3,asym,channel=1"};
  struct shape shape = {.dims = 2, .dim = {2, 3}};
  for (size_t v = 0; v < 3; v++)
    for (size_t q = 0; q < sizeof specs / sizeof *specs; q++)
      for (int axis = 0; axis < 2; axis++)
        check_spec(values[v], &shape, specs[q], axis);
}

/* --- ranges of the histograms --------------------------------------------------------------- */

static void test_ranges(void **state)
{
  (void)state;
  float *x = random_values(5000, 6, false);
  for (size_t i = 0; i < 5000; i++)
    x[i] = x[i] < -1 ? -1 : x[i];
  struct result *symmetric = result_of(x, vector(5000), "int8", &everything);
  assert_true(symmetric->original.lo == -symmetric->original.hi);
  assert_true(symmetric->original.hi >= symmetric->facts.absmax);
  assert_int_equal(symmetric->original.under + symmetric->original.over, 0);
  assert_int_equal(symmetric->reconstruction.under + symmetric->reconstruction.over, 0);
  assert_true(symmetric->error.hi == symmetric->metrics.max_abs_error);
  assert_true(symmetric->reconstruction.lo == symmetric->original.lo);
  assert_true(symmetric->reconstruction.hi == symmetric->original.hi);
  result_free(symmetric);
  struct result *asymmetric = result_of(x, vector(5000), "int8,asym", &everything);
  double step = (double)fit_scale(asymmetric->fit, 0);
  assert_true(asymmetric->original.lo >= -1 - step && asymmetric->original.lo <= -1);
  result_free(asymmetric);
  struct result_request window = {.bins = 10, .lo = 0.5, .hi = 1};
  struct result *zoomed = result_of(x, vector(5000), "int8", &window);
  assert_true(zoomed->original.lo == 0.5 && zoomed->original.hi == 1);
  assert_true(zoomed->original.under > 0 && zoomed->original.over > 0);
  assert_int_equal(histogram_total(&zoomed->original), 5000);
  result_free(zoomed);
  free(x);
}

static void same_counts(const struct histogram *a, const struct histogram *b)
{
  assert_int_equal(a->bins, b->bins);
  assert_memory_equal(a->count, b->count, a->bins * sizeof *a->count);
  assert_true(a->lo == b->lo && a->hi == b->hi && a->under == b->under && a->over == b->over &&
              a->nan == b->nan && a->inf == b->inf);
}

/* Without errors by value: the same counts, whether those of the original are known or not, and in
 * a window, too. What is known of other bins is of no use, and of no harm. */
static void test_without_errors(void **state)
{
  static const char *const specs[] = {"int8",           "int4,percentile=99", "e4m3",
                                      "int12",          "int8,channel",       "nf4,block=64",
                                      "int8,round=away"};
  const struct shape shape = {.dims = 2, .dim = {30, 101}};
  (void)state;
  float *x = random_values(30 * 101, 31, true);
  for (size_t q = 0; q < sizeof specs / sizeof *specs; q++)
    for (int window = 0; window < 2; window++) {
      struct result_request request = {.bins = 60, .lo = NAN, .hi = NAN};
      request.lo = window ? -2.5 : (double)NAN;
      request.hi = window ? 0.75 : (double)NAN;
      struct result *full = result_of(x, shape, specs[q], &request);
      request.no_errors = true;
      struct result *first = result_of(x, shape, specs[q], &request);
      struct histogram of_others = {0}, known = {0};
      assert_true(histogram_init(&of_others, -1, 1, 60) &&
                  histogram_copy(&known, &first->original));
      request.original = &known;
      struct result *again = result_of(x, shape, specs[q], &request);
      request.original = &of_others;
      struct result *after_others = result_of(x, shape, specs[q], &request);
      struct result *results[] = {first, again, after_others};
      for (size_t i = 0; i < 3; i++) {
        same_counts(&results[i]->original, &full->original);
        same_counts(&results[i]->reconstruction, &full->reconstruction);
        assert_true(results[i]->error.bins == 0 && !results[i]->error_mean && !results[i]->error2);
        assert_memory_equal(&results[i]->metrics, &full->metrics, sizeof full->metrics);
        result_free(results[i]);
      }
      assert_non_null(full->error2);
      histogram_free(&of_others);
      histogram_free(&known);
      result_free(full);
    }
  free(x);
}

static void test_bad_requests(void **state)
{
  (void)state;
  float *x = random_values(60, 6, false);
  struct tensor tensor = tensor_over(x, (struct shape){.dims = 2, .dim = {6, 10}});
  struct quantizer quantizer = quantizer_of("int8"), wrong = quantizer_of("int8,channel=2");
  struct result *result = NULL;
  struct error error;
  struct result_request request = {.axis = 2, .lo = (double)NAN, .hi = (double)NAN};
  assert_int_equal(result_compute(&tensor, &quantizer, &request, NULL, &result, &error),
                   STATUS_USAGE);
  request = (struct result_request){.bins = 10, .lo = 2, .hi = 2};
  assert_int_equal(result_compute(&tensor, &quantizer, &request, NULL, &result, &error),
                   STATUS_USAGE);
  assert_non_null(strstr(error.text, "2 to 2"));
  assert_int_equal(result_compute(&tensor, &wrong, &plain, NULL, &result, &error), STATUS_USAGE);
  assert_null(result);
  free(x);
}

/* --- in parts --------------------------------------------------------------------------------- */

struct heard {
  size_t times;
  struct result *numbers;
};

static void hear(void *context, const struct result *numbers)
{
  struct heard *heard = context;
  heard->times++;
  result_free(heard->numbers);
  heard->numbers = result_copy(numbers);
  assert_non_null(heard->numbers);
}

/* The numbers before the histograms are those of the whole result, to the bit. Without a pass to
 * come there is no such news. */
static void test_numbers_come_first(void **state)
{
  static const char *const specs[] = {
      "int8", "int4,group=16,asym", "int4,channel,mse", "e4m3", "q4_0", "int12", "nf4,block=64",
      "mxfp4"};
  const struct shape shape = {.dims = 2, .dim = {30, 96}};
  (void)state;
  float *x = random_values(30 * 96, 32, false);
  for (size_t q = 0; q < sizeof specs / sizeof *specs; q++) {
    struct heard heard = {0};
    struct result_request request = {
        .bins = 60, .lo = NAN, .hi = NAN, .news = hear, .context = &heard};
    struct result *whole = result_of(x, shape, specs[q], &request);
    const struct result *numbers = heard.numbers;
    assert_int_equal(heard.times, 1);
    assert_memory_equal(&numbers->metrics, &whole->metrics, sizeof whole->metrics);
    assert_memory_equal(&numbers->facts, &whole->facts, sizeof whole->facts);
    assert_int_equal(numbers->channels.count, 30);
    assert_memory_equal(numbers->channels.channel, whole->channels.channel,
                        30 * sizeof *whole->channels.channel);
    assert_true(numbers->fit == whole->fit && numbers->original.bins == 0 && !numbers->error2);
    request.bins = 0;
    result_free(result_of(x, shape, specs[q], &request));
    assert_int_equal(heard.times, 1);
    result_free(heard.numbers);
    result_free(whole);
  }
  free(x);
}

/* Nor where nothing is left to be counted: a known original, and codes that were. */
static void test_nothing_comes_later(void **state)
{
  (void)state;
  float *x = random_values(3000, 33, false);
  struct heard heard = {0};
  struct result_request request = {.bins = 60, .lo = NAN, .hi = NAN, .no_errors = true};
  const struct shape shape = {.dims = 2, .dim = {3, 1000}};
  struct result *first = result_of(x, shape, "int8", &request);
  request.original = &first->original;
  request.news = hear;
  request.context = &heard;
  result_free(result_of(x, shape, "int8", &request));
  assert_int_equal(heard.times, 0);
  result_free(first);
  free(x);
}

/* Nor of the z of a transform, whose errors are not those of the original. */
static void test_transformed_in_one_go(void **state)
{
  (void)state;
  float *x = random_values(16 * 64, 34, false);
  struct tensor tensor = tensor_over(x, (struct shape){.dims = 2, .dim = {16, 64}});
  struct quantizer quantizer = quantizer_of("int4,channel");
  struct heard heard = {0};
  const struct result_request request = {
      .bins = 60, .lo = NAN, .hi = NAN, .news = hear, .context = &heard};
  struct transform transform;
  struct transformed *t;
  struct result *result;
  assert_int_equal(transform_parse("hadamard", &transform, NULL), STATUS_OK);
  assert_int_equal(transformed_new(&tensor, &transform, 1, &t, NULL), STATUS_OK);
  assert_int_equal(transformed_prepare(t, NULL, NULL), STATUS_OK);
  assert_int_equal(result_compute(&t->tensor, &quantizer, &request, NULL, &result, NULL),
                   STATUS_OK);
  assert_int_equal(heard.times, 0);
  assert_int_equal(result->original.bins, 60);
  result_free(result);
  transformed_free(t);
  free(x);
}

/* --- threads, storage, cancelling ------------------------------------------------------------ */

static void assert_same(const struct result *a, const struct result *b)
{
  size_t bins = a->original.bins;
  assert_memory_equal(&a->metrics, &b->metrics, sizeof a->metrics);
  assert_memory_equal(&a->facts, &b->facts, sizeof a->facts);
  assert_int_equal(a->channels.count, b->channels.count);
  assert_memory_equal(a->channels.channel, b->channels.channel,
                      a->channels.count * sizeof *a->channels.channel);
  assert_memory_equal(a->channels.by_ratio, b->channels.by_ratio,
                      a->channels.count * sizeof *a->channels.by_ratio);
  assert_memory_equal(a->original.count, b->original.count, bins * sizeof *a->original.count);
  assert_memory_equal(a->reconstruction.count, b->reconstruction.count,
                      bins * sizeof *a->original.count);
  assert_memory_equal(a->error.count, b->error.count, bins * sizeof *a->original.count);
  assert_memory_equal(a->error_mean, b->error_mean, bins * sizeof *a->error_mean);
  assert_memory_equal(a->error_max, b->error_max, bins * sizeof *a->error_max);
  assert_memory_equal(a->error2, b->error2, bins * sizeof *a->error2);
}

static void test_threads_change_nothing(void **state)
{
  (void)state;
  struct shape shape = {.dims = 2, .dim = {211, 1003}};
  float *x = random_values(shape_elements(&shape), 21, true);
  const char *specs[] = {"int8", "int4,asym,channel=1", "e4m3,group=64", "nvfp4", "q4_k,pad"};
  for (int q = 0; q < 5; q++)
    for (int axis = 0; axis < 2; axis++) {
      struct result_request request = everything;
      request.axis = axis;
      pool_set_threads(1);
      struct result *one = result_of(x, shape, specs[q], &request);
      for (unsigned threads = 2; threads <= 5; threads += 3) {
        pool_set_threads(threads);
        struct result *more = result_of(x, shape, specs[q], &request);
        assert_same(one, more);
        result_free(more);
      }
      result_free(one);
    }
  pool_set_threads(0);
  free(x);
}

/* What errors alone tell; sums may be added up in another order, the rest is the same. */
static void check_errors_only(const struct result *whole, const struct result *errors)
{
  static const char *const sums[] = {"mse",
                                     "rmse",
                                     "sqnr_db",
                                     "rounding_mse",
                                     "clipping_mse",
                                     "channel_sqnr_median",
                                     "channel_sqnr_worst"};
  static const char *const same[] = {"max_abs_error", "clip_rate", "overflow_rate", "papr",
                                     "bits_per_element"};
  const struct metrics *a = &whole->metrics, *b = &errors->metrics;
  for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
    const struct metric *metric = metric_find(sums[i]);
    reference_near(sums[i], metric->value(b), metric->value(a), 1e-12);
  }
  for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
    const struct metric *metric = metric_find(same[i]);
    assert_true(metric->value(b) == metric->value(a));
  }
  assert_true(isnan(b->mean_error) && isnan(b->cosine) && isnan(b->bulk_sqnr_db) &&
              isnan(b->zero_rate) && isnan(b->rail_rate) && isnan(b->code_entropy_bits));
  assert_int_equal(whole->channels.count, errors->channels.count);
  for (size_t c = 0; c < whole->channels.count; c++) {
    const struct channel *of = &whole->channels.channel[c], *is = &errors->channels.channel[c];
    reference_near("channel mse", is->mse, of->mse, 1e-12);
    assert_true(is->absmax == of->absmax && is->clip_rate == of->clip_rate);
    assert_true(is->ratio == of->ratio && is->finite == of->finite);
  }
}

/* The same numbers as with everything else, whatever way a quantizer is measured: in long runs with
 * and without clipping, in groups, in units that change with each element, in blocks. */
static void test_errors_only(void **state)
{
  static const char *const specs[] = {"int8",
                                      "int8,percentile=99",
                                      "int8,channel",
                                      "int4,channel,percentile=90",
                                      "int8,token",
                                      "int4,asym,group=32",
                                      "int8,group=128",
                                      "e4m3",
                                      "e4m3,channel",
                                      "e4m3,group=64",
                                      "int4,asym,channel=1",
                                      "nvfp4",
                                      "q4_k,pad",
                                      "int16",
                                      "nf4,group=64",
                                      "e4m3,scale=0.001,overflow=nonfinite"};
  (void)state;
  const struct shape shape = {.dims = 2, .dim = {131, 1024}};
  const struct result_request few = {.lo = (double)NAN, .hi = (double)NAN, .errors_only = true};
  for (int nonfinite = 0; nonfinite < 2; nonfinite++) {
    float *x = random_values(shape_elements(&shape), 33, nonfinite);
    for (size_t q = 0; q < sizeof specs / sizeof *specs; q++) {
      struct result *whole = result_of(x, shape, specs[q], &plain);
      pool_set_threads(1);
      struct result *errors = result_of(x, shape, specs[q], &few);
      pool_set_threads(3);
      struct result *again = result_of(x, shape, specs[q], &few);
      pool_set_threads(0);
      check_errors_only(whole, errors);
      assert_memory_equal(&errors->metrics, &again->metrics, sizeof again->metrics);
      result_free(whole);
      result_free(errors);
      result_free(again);
    }
    free(x);
  }
}

/* A big-endian tensor is decoded block by block and gives what the lent one gives; facts that are
 * handed in are used. */
static void test_decoded_tensor(void **state)
{
  (void)state;
  size_t n = 70000;
  float *x = random_values(n, 22, false);
  unsigned char *swapped = malloc(n * sizeof *x);
  for (size_t i = 0; i < n; i++)
    for (size_t b = 0; b < 4; b++)
      swapped[4 * i + b] = ((const unsigned char *)x)[4 * i + 3 - b];
  struct shape shape = {.dims = 2, .dim = {70, 1000}};
  struct result *direct = result_of(x, shape, "int8,channel", &everything);
  struct tensor tensor = tensor_over(x, shape);
  tensor.data = swapped;
  tensor.swapped = true;
  struct result_request request = everything;
  request.facts = &direct->facts;
  struct quantizer quantizer = quantizer_of("int8,channel");
  struct result *decoded = NULL;
  struct error error;
  assert_int_equal(result_compute(&tensor, &quantizer, &request, NULL, &decoded, &error),
                   STATUS_OK);
  assert_same(direct, decoded);
  result_free(direct);
  result_free(decoded);
  free(swapped);
  free(x);
}

static void test_cancelled(void **state)
{
  (void)state;
  float *x = random_values(70000, 2, false);
  struct tensor tensor = tensor_over(x, vector(70000));
  struct quantizer quantizer = quantizer_of("int8");
  struct progress progress = {0};
  struct result *result = NULL;
  struct error error;
  progress_cancel(&progress);
  assert_int_equal(result_compute(&tensor, &quantizer, &everything, &progress, &result, &error),
                   STATUS_CANCELLED);
  assert_null(result);
  free(x);
}

/* A tensor that is cancelled while it is read for the TURN-th time. */
struct cancelling {
  struct derived derived;
  const float *x;
  struct progress *progress;
  _Atomic size_t reads;
  size_t turn;
};

static void read_and_cancel(const struct derived *self, size_t start, size_t n, float *out)
{
  struct cancelling *cancelling = (struct cancelling *)(uintptr_t)self;
  if (atomic_fetch_add(&cancelling->reads, 1) == cancelling->turn)
    progress_cancel(cancelling->progress);
  memcpy(out, cancelling->x + start, n * sizeof *out);
}

/* Reads that computing SPEC takes when it is cancelled in read TURN. */
static size_t reads_until(const float *x, size_t n, const char *spec, size_t turn)
{
  struct progress progress = {0};
  struct cancelling cancelling = {
      .derived = {.decode = read_and_cancel}, .x = x, .progress = &progress, .turn = turn};
  struct tensor tensor = tensor_over(x, (struct shape){.dims = 2, .dim = {n / 16, 16}});
  struct quantizer quantizer = quantizer_of(spec);
  struct result_request request = everything;
  struct result *result = NULL;
  struct error error;
  request.blocks = true;
  tensor.derived = &cancelling.derived;
  enum status status = result_compute(&tensor, &quantizer, &request, &progress, &result, &error);
  bool cancelled = progress_cancelled(&progress);
  assert_int_equal(status, cancelled ? STATUS_CANCELLED : STATUS_OK);
  assert_int_equal(result == NULL, cancelled);
  result_free(result);
  return cancelling.reads;
}

/* Cancelled in every STEP-th read: no thread reads another block. */
static void cancel_everywhere(const float *x, size_t n, const char *spec, unsigned threads,
                              size_t step)
{
  pool_set_threads(threads);
  size_t all = reads_until(x, n, spec, SIZE_MAX);
  assert_true(all > n / FEED_BLOCK);
  for (size_t turn = 0; turn < all; turn += step) {
    size_t reads = reads_until(x, n, spec, turn);
    if (reads > turn + threads)
      fail_msg("%s: cancelled in read %zu, went on to read %zu", spec, turn, reads);
  }
}

static void test_cancelled_at_every_block(void **state)
{
  static const char *const specs[] = {
      "int8",         "int8,channel", "int4,group=16", "e4m3,percentile=99",
      "int8,entropy", "int4,mse",     "nvfp4",         "int8,channel=1"};
  enum { FEW = 3 * FEED_BLOCK, MANY = FEED_CHUNK + 4000 };
  (void)state;
  float *x = random_values(MANY, 2, true);
  for (size_t q = 0; q < sizeof specs / sizeof *specs; q++)
    cancel_everywhere(x, FEW, specs[q], 1, 1);
  cancel_everywhere(x, MANY, "int8", 2, 7);
  pool_set_threads(0);
  free(x);
}

static void test_progress_is_complete(void **state)
{
  (void)state;
  float *x = random_values(200000, 2, false);
  struct tensor tensor = tensor_over(x, vector(200000));
  const char *specs[] = {"int8", "int8,channel", "int4,mse", "int8,percentile=99", "nvfp4"};
  for (int i = 0; i < 5; i++) {
    struct quantizer quantizer = quantizer_of(specs[i]);
    struct progress progress = {0};
    struct result *result = NULL;
    struct error error;
    assert_int_equal(result_compute(&tensor, &quantizer, &everything, &progress, &result, &error),
                     STATUS_OK);
    assert_true(progress.total >= 200000);
    assert_int_equal(progress.done, progress.total);
    result_free(result);
  }
  free(x);
}

/* Four blocks of mxfp4, whose largest element is 6: under the scales 1, 1, 1 and 2^-9 the largest
 * values are 4, 7.9 (clipped), 6 and 6.1 * 2^-9 (clipped a little, though it rounds to 6). */
static void test_clipped_blocks(void **state)
{
  static float x[128];
  (void)state;
  x[3] = -4;
  x[40] = 7.9f;
  x[64] = 6;
  x[127] = -6.1f * 0x1p-9f;
  struct result *result = result_of(x, vector(128), "mxfp4", &plain);
  assert_true(result->metrics.clipped_blocks == 0.5);
  assert_true(result->metrics.clip_rate == 1 / 128.0);
  assert_true(result->metrics.bits_per_element == 4.25);
  assert_true(result->metrics.levels == 15);
  result_free(result);
  result = result_of(x, vector(128), "int4", &plain);
  assert_true(isnan(result->metrics.clipped_blocks));
  result_free(result);
}

/* A block of 4096 elements whose 64 short rows all clip in every group: each element of +-1 keeps
 * half of itself, so that mse = 1/4. */
static void test_groups_that_all_clip(void **state)
{
  enum { ROWS = 64, WIDE = 64, ALL = ROWS * WIDE };
  static float x[ALL];
  const struct shape shape = {.dims = 2, .dim = {ROWS, WIDE}};
  (void)state;
  for (size_t i = 0; i < ALL; i++)
    x[i] = i % 2 ? 1 : -1;
  struct result *result = result_of(x, shape, "int4,narrow,group=16,clip=0.5", &plain);
  assert_true(result->metrics.clip_rate == 1);
  assert_float_equal(result->metrics.mse, 0.25, 1e-7);
  result_free(result);
}

/* Blocks that begin in one span and end in the next are counted once: against a count by units. */
static void test_clipped_blocks_across_spans(void **state)
{
  enum { ROWS = 4001, WIDE = 83 };
  float *x = random_values(ROWS * WIDE, 9, false);
  struct shape shape = {.dims = 2, .dim = {ROWS, WIDE}};
  (void)state;
  for (size_t i = 0; i < ROWS * WIDE; i++)
    x[i] += x[i] > 0 ? 3 : -3; /* many near the top of their octave */
  struct result *result = result_of(x, shape, "mxfp4,block=64", &plain);
  const struct grain *grain = fit_grain(result->fit);
  size_t clipped = 0;
  for (size_t unit = 0; unit < grain->units; unit++) {
    double lo, hi;
    bool beyond = false;
    fit_range(result->fit, unit, &lo, &hi);
    for (size_t k = 0; k < grain_unit_size(grain, unit); k++)
      beyond |= fabs((double)x[grain_element(grain, unit, k)]) > hi;
    clipped += beyond;
  }
  assert_in_range(clipped, grain->units / 10, grain->units * 9 / 10);
  assert_true(result->metrics.clipped_blocks == (double)clipped / (double)grain->units);
  result_free(result);
  free(x);
}

/* Facts lend their extremes to the fit: it has the scale that quantizer_fit finds by itself. */
static void test_extremes_of_facts(void **state)
{
  static const char *const specs[] = {"int8",        "int8,asym",    "int4",       "e4m3",
                                      "int8,lp=2.4", "int8,entropy", "int8,token", "nvfp4"};
  static const float odd[4][3] = {
      {NAN, INFINITY, -INFINITY}, {0, -0.0f, NAN}, {3, NAN, 3}, {-1e-42f, -INFINITY, -2}};
  (void)state;
  float *bell = random_values(4096, 5, true);
  for (size_t s = 0; s < sizeof specs / sizeof *specs; s++)
    for (size_t k = 0; k < 5; k++) {
      const float *x = k < 4 ? odd[k] : bell;
      const struct shape shape = vector(k < 4 ? 3 : 4096);
      const struct tensor tensor = tensor_over(x, shape);
      const struct feed feed = tensor_feed(&tensor);
      const struct quantizer quantizer = quantizer_of(specs[s]);
      struct result *result = result_of(x, shape, specs[s], &plain);
      struct fit *fit = NULL;
      assert_int_equal(quantizer_fit(&quantizer, &feed, &shape, NULL, &fit, NULL), STATUS_OK);
      if (memcmp(&(float){fit_scale(fit, 0)}, &(float){fit_scale(result->fit, 0)}, 4) ||
          fit_zero_point(fit, 0) != fit_zero_point(result->fit, 0))
        fail_msg("%s %zu: %g %g", specs[s], k, (double)fit_scale(fit, 0),
                 (double)fit_scale(result->fit, 0));
      fit_free(fit);
      result_free(result);
    }
  free(bell);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_int8_by_hand),
      cmocka_unit_test(test_uniform_noise),
      cmocka_unit_test(test_second_implementation),
      cmocka_unit_test(test_large),
      cmocka_unit_test(test_groups_on_the_way),
      cmocka_unit_test(test_empty),
      cmocka_unit_test(test_all_zero),
      cmocka_unit_test(test_exact),
      cmocka_unit_test(test_nothing_finite),
      cmocka_unit_test(test_extreme_magnitudes),
      cmocka_unit_test(test_ranges),
      cmocka_unit_test(test_without_errors),
      cmocka_unit_test(test_bad_requests),
      cmocka_unit_test(test_numbers_come_first),
      cmocka_unit_test(test_nothing_comes_later),
      cmocka_unit_test(test_transformed_in_one_go),
      cmocka_unit_test(test_threads_change_nothing),
      cmocka_unit_test(test_errors_only),
      cmocka_unit_test(test_decoded_tensor),
      cmocka_unit_test(test_cancelled),
      cmocka_unit_test(test_cancelled_at_every_block),
      cmocka_unit_test(test_progress_is_complete),
      cmocka_unit_test(test_clipped_blocks),
      cmocka_unit_test(test_clipped_blocks_across_spans),
      cmocka_unit_test(test_groups_that_all_clip),
      cmocka_unit_test(test_extremes_of_facts),
  };
  kernels_init();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
