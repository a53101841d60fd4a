/* Facts against GSL's statistics and by hand where numbers do not exist. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/facts.h"
#include "analysis/magnitudes.h"
#include "tests/analysis/tensors.h"

#include <float.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct facts facts_of(const float *x, size_t n)
{
  struct feed feed = feed_floats(x, n);
  struct facts facts;
  struct error error;
  assert_int_equal(facts_compute(&feed, FLT_MIN, NULL, &facts, &error), STATUS_OK);
  return facts;
}

static void assert_near(double found, double expected, double tolerance)
{
  double scale = fmax(fabs(expected), 1e-300);
  if (!(fabs(found - expected) <= tolerance * scale))
    fail_msg("found %.17g, expected %.17g", found, expected);
}

/* GSL over the finite values in double; population moments, numpy's default percentile (which is
 * GSL's quantile, too). */
static void check_against_gsl(const float *x, size_t n)
{
  double *finite = malloc((n + 1) * sizeof *finite);
  size_t kept = 0;
  for (size_t i = 0; i < n; i++)
    if (isfinite(x[i]))
      finite[kept++] = (double)x[i];
  struct facts facts = facts_of(x, n);
  double mean = gsl_stats_mean(finite, 1, kept);
  double variance = gsl_stats_variance_with_fixed_mean(finite, 1, kept, mean);
  assert_int_equal(facts.count, n);
  assert_int_equal(facts.finite, kept);
  assert_int_equal(facts.finite + facts.nan + facts.inf, n);
  assert_near(facts.mean, mean, 1e-11);
  assert_near(facts.std, sqrt(variance), 1e-12);
  assert_near(facts.kurtosis, gsl_stats_kurtosis_m_sd(finite, 1, kept, mean, sqrt(variance)),
              1e-11);
  assert_near(facts.rms, sqrt(gsl_stats_tss_m(finite, 1, kept, 0) / (double)kept), 1e-12);
  assert_near(facts.papr, facts.absmax / facts.rms, 1e-15);
  assert_true(facts.min == gsl_stats_min(finite, 1, kept));
  assert_true(facts.max == gsl_stats_max(finite, 1, kept));
  for (size_t i = 0; i < kept; i++)
    finite[i] = fabs(finite[i]);
  gsl_sort(finite, 1, kept);
  assert_true(facts.absmax == finite[kept - 1]);
  assert_near(facts.p99, gsl_stats_quantile_from_sorted_data(finite, 1, kept, 0.99), 1e-14);
  free(finite);
}

static void test_gsl_agrees(void **state)
{
  (void)state;
  const size_t sizes[] = {2, 3, 7, 4095, 4096, 4097, 65537, 3 * 65536 + 17, (1 << 20) + 4099};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (int awkward = 0; awkward < 2; awkward++) {
      float *x = random_values(sizes[i], i + 1, awkward && sizes[i] > 7);
      check_against_gsl(x, sizes[i]);
      free(x);
    }
}

/* A mean that is 10,000 standard deviations away from zero: sums of squares of x would keep
 * 8 digits of the variance; central moments keep them all. */
static void test_far_from_zero(void **state)
{
  (void)state;
  size_t n = 70000;
  float *x = random_values(n, 3, false);
  for (size_t i = 0; i < n; i++)
    x[i] += 10000;
  check_against_gsl(x, n);
  free(x);
}

static void test_nothing(void **state)
{
  (void)state;
  struct facts empty = facts_of(NULL, 0);
  assert_int_equal(empty.count, 0);
  const float none[] = {NAN, INFINITY, NAN, -INFINITY, -INFINITY};
  struct facts facts = facts_of(none, 5);
  assert_int_equal(facts.nan, 2);
  assert_int_equal(facts.inf, 3);
  assert_int_equal(facts.finite, 0);
  const struct facts *both[] = {&empty, &facts};
  for (int i = 0; i < 2; i++) {
    const struct facts *f = both[i];
    assert_true(isnan(f->min) && isnan(f->max) && isnan(f->absmax) && isnan(f->mean));
    assert_true(isnan(f->std) && isnan(f->kurtosis) && isnan(f->rms) && isnan(f->papr));
    assert_true(isnan(f->p99));
  }
}

static void test_one_element(void **state)
{
  (void)state;
  const float x = -2.5f;
  struct facts facts = facts_of(&x, 1);
  assert_true(facts.min == -2.5 && facts.max == -2.5 && facts.absmax == 2.5);
  assert_true(facts.mean == -2.5 && facts.std == 0 && facts.rms == 2.5 && facts.papr == 1);
  assert_true(facts.p99 == 2.5 && isnan(facts.kurtosis));
}

static void test_constant(void **state)
{
  (void)state;
  float x[5001];
  for (size_t i = 0; i < 5001; i++)
    x[i] = 0.1f;
  struct facts facts = facts_of(x, 5001);
  assert_true(facts.mean == (double)0.1f && facts.std == 0 && isnan(facts.kurtosis));
  assert_true(facts.papr == 1 && facts.p99 == (double)0.1f);
}

static void test_zeros(void **state)
{
  (void)state;
  const float x[] = {0, -0.0f, 0, NAN};
  struct facts facts = facts_of(x, 4);
  assert_int_equal(facts.zeros, 3);
  assert_true(facts.absmax == 0 && facts.rms == 0 && facts.std == 0);
  assert_true(isnan(facts.papr)); /* 0 / 0 */
  const float small[] = {0, FLT_MIN, -FLT_MIN / 2, FLT_TRUE_MIN, -INFINITY, 1};
  facts = facts_of(small, 6);
  assert_int_equal(facts.zeros, 1);
  assert_int_equal(facts.denormals, 2);
}

static void test_extreme_magnitudes(void **state)
{
  (void)state;
  const float tiny[] = {1e-45f, -1e-45f, 3e-45f, 1e-40f}, huge[] = {3e38f, -3e38f, 1e38f, 2e38f};
  check_against_gsl(tiny, 4);
  check_against_gsl(huge, 4);
}

static void test_threads_change_nothing(void **state)
{
  (void)state;
  size_t n = 5 * 65536 + 321;
  float *x = random_values(n, 9, true);
  pool_set_threads(1);
  struct facts one = facts_of(x, n);
  const unsigned threads[] = {2, 5};
  for (int i = 0; i < 2; i++) {
    pool_set_threads(threads[i]);
    struct facts more = facts_of(x, n);
    assert_memory_equal(&one, &more, sizeof one);
  }
  pool_set_threads(0);
  free(x);
}

/* Stored in 16 bits: described by its digest, which says the same as the values one by one. */
static void test_digest_agrees(void **state)
{
  (void)state;
  enum { N = 3 * 65536 + 5 };
  for (int awkward = 0; awkward < 2; awkward++) {
    float *x = random_values(N, 11, awkward);
    uint16_t *stored = malloc(N * sizeof *stored);
    assert_non_null(stored);
    for (size_t i = 0; i < N; i++) {
      uint32_t bits;
      memcpy(&bits, &x[i], sizeof bits);
      stored[i] = (uint16_t)(bits >> 16);
      bits &= 0xffff0000u;
      memcpy(&x[i], &bits, sizeof bits);
    }
    struct tensor tensor = {.name = "x",
                            .shape = {1, {N}},
                            .stored = stored_find("bf16"),
                            .count = N,
                            .bytes = 2 * (size_t)N,
                            .data = (const unsigned char *)stored};
    struct facts expected = facts_of(x, N), found;
    struct digest *digest;
    assert_int_equal(facts_of_tensor(&tensor, NULL, &found, &digest, NULL), STATUS_OK);
    assert_non_null(digest);
    assert_memory_equal(&found.count, &expected.count, 6 * sizeof(uint64_t));
    assert_true(found.min == expected.min && found.max == expected.max &&
                found.absmax == expected.absmax && found.p99 == expected.p99);
    assert_near(found.mean, expected.mean, 1e-11);
    assert_near(found.std, expected.std, 1e-13);
    assert_near(found.rms, expected.rms, 1e-13);
    assert_near(found.kurtosis, expected.kurtosis, 1e-12);
    assert_near(found.papr, expected.papr, 1e-13);
    digest_free(digest);
    free(stored);
    free(x);
  }
}

/* Nothing but NaN, and a single value. */
static void test_digest_degenerate(void **state)
{
  (void)state;
  const float value[] = {(float)NAN, -2.5f};
  const uint64_t counts[2][2] = {{70000, 0}, {1, 70000}};
  for (int i = 0; i < 2; i++) {
    struct digest *digest = digest_new(value, counts[i], 2);
    struct facts facts;
    assert_non_null(digest);
    facts_from_digest(digest, 1, &facts);
    assert_int_equal(facts.count, 70000 + i);
    assert_int_equal(facts.finite, i ? 70000 : 0);
    assert_true(isnan(facts.kurtosis) && isnan(facts.mean) == !i && isnan(facts.p99) == !i);
    assert_true(i == 0 || (facts.std == 0 && facts.mean == -2.5 && facts.p99 == 2.5));
    digest_free(digest);
  }
}

/* Every code of a type once: its denormals are the fractions but 0, with either sign. */
static void test_denormals_of_the_stored_type(void **state)
{
  (void)state;
  enum { CODES = 65536 };
  static const struct {
    const char *stored;
    size_t bytes;
    unsigned denormals;
  } types[] = {
      {"f16", 2 * CODES, 2 * 1023}, {"bf16", 2 * CODES, 2 * 127}, {"i16", 2 * CODES, 0},
      {"f8_e4m3", 256, 2 * 7},      {"f8_e5m2", 256, 2 * 3},      {"f8_e4m3fnuz", 256, 2 * 7},
      {"f8_e5m2fnuz", 256, 2 * 3},  {"f8_e8m0", 256, 0},          {"f4", 256, 2 * 2 * 16}};
  unsigned char *codes = malloc(2 * CODES);
  assert_non_null(codes);
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    const struct stored *stored = stored_find(types[i].stored);
    for (size_t byte = 0; byte < types[i].bytes; byte++)
      codes[byte] = (unsigned char)(stored->size == 1 ? byte : byte % 2 ? byte / 512 : byte / 2);
    struct tensor tensor = {.name = "x",
                            .stored = stored,
                            .count = types[i].bytes / stored->size * stored->length,
                            .bytes = types[i].bytes,
                            .data = codes};
    tensor.shape = (struct shape){1, {tensor.count}};
    struct facts facts;
    struct digest *digest;
    assert_int_equal(facts_of_tensor(&tensor, NULL, &facts, &digest, NULL), STATUS_OK);
    assert_int_equal(facts.denormals, types[i].denormals);
    digest_free(digest);
  }
  free(codes);
}

static void test_cancelled(void **state)
{
  (void)state;
  float *x = random_values(70000, 2, false);
  struct feed feed = feed_floats(x, 70000);
  struct progress progress = {0};
  struct facts facts = {.count = 42};
  struct error error;
  progress_cancel(&progress);
  assert_int_equal(facts_compute(&feed, FLT_MIN, &progress, &facts, &error), STATUS_CANCELLED);
  assert_int_equal(facts.count, 42);
  free(x);
}

static int by_magnitude(const void *a, const void *b)
{
  float x = fabsf(*(const float *)a), y = fabsf(*(const float *)b);
  return (x > y) - (x < y);
}

/* Against sorted magnitudes, with the default percentile of numpy. */
static void check_percentiles(struct magnitudes *magnitudes, const struct feed *feed,
                              const float *sorted, size_t n)
{
  static const double percentiles[] = {100, 99.99, 99, 50, 1, 0};
  for (size_t p = 0; p < sizeof percentiles / sizeof *percentiles; p++) {
    double last = (double)(n - 1), place = last * (percentiles[p] / 100), below = floor(place);
    double low = (double)fabsf(sorted[(size_t)below]), found;
    double high = (double)fabsf(sorted[(size_t)fmin(below + 1, last)]);
    assert_int_equal(magnitudes_percentile(magnitudes, feed, n, percentiles[p], NULL, &found),
                     STATUS_OK);
    assert_true(found == low + (place - below) * (high - low));
  }
}

/* Percentiles that ride along are those of sorted magnitudes, also where counters are emptied on
 * the way, where a wanted value stands many times or beside another, and where others are NaN. */
static void test_magnitudes(void **state)
{
  (void)state;
  enum { COUNT = 50021, CALL = 1000 };
  float *x = random_values(COUNT, 9, true), *finite = malloc(COUNT * sizeof *finite);
  const struct feed feed = feed_floats(x, COUNT);
  size_t n = 0;
  for (size_t i = 0; i < COUNT / 5; i++)
    x[i * 3] = i % 2 ? -1.5f : 1.5f;
  for (size_t i = 0; i < COUNT; i++)
    if (isfinite(x[i]))
      finite[n++] = x[i];
  assert_true(n < COUNT);
  qsort(finite, n, sizeof *finite, by_magnitude);
  for (uint32_t most = CALL; most < 100 * CALL; most *= 7) {
    struct magnitudes *magnitudes = magnitudes_new(most);
    assert_non_null(magnitudes);
    for (size_t i = 0; i < n; i += CALL)
      magnitudes_add(magnitudes, 0, finite + i, i + CALL < n ? CALL : n - i);
    check_percentiles(magnitudes, &feed, finite, n);
    magnitudes_free(magnitudes);
  }
  free(finite);
  free(x);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_gsl_agrees),
      cmocka_unit_test(test_far_from_zero),
      cmocka_unit_test(test_nothing),
      cmocka_unit_test(test_one_element),
      cmocka_unit_test(test_constant),
      cmocka_unit_test(test_zeros),
      cmocka_unit_test(test_extreme_magnitudes),
      cmocka_unit_test(test_threads_change_nothing),
      cmocka_unit_test(test_digest_agrees),
      cmocka_unit_test(test_digest_degenerate),
      cmocka_unit_test(test_denormals_of_the_stored_type),
      cmocka_unit_test(test_magnitudes),
      cmocka_unit_test(test_cancelled),
  };
  kernels_init();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
