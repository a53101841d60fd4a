/* The digest on high bits: its cells against a loop over the values, and its bounds against the
 * errors themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "quant/base/pool.h"
#include "quant/high_digest.h"
#include "tests/support/portable.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 2 * FEED_CHUNK + 4321 };

static float values[COUNT];

static float normal(uint64_t *seed)
{
  double sum = -6;
  for (int k = 0; k < 12; k++)
    sum += portable_uniform(seed);
  return (float)sum;
}

static void fill_bell(void)
{
  uint64_t seed = 7;
  for (size_t i = 0; i < COUNT; i++)
    values[i] = normal(&seed) * (i % 1009 == 3 ? 40 : 1);
}

/* Any bits, most of them in a few octaves: NaN, infinities, zeros and denormals come up. */
static void fill_any(void)
{
  const uint32_t odd[] = {0, 0x80000000, 1, 0x807FFFFF, 0x7FC00000, 0x7F800000, 0xFF800000};
  uint64_t seed = 3;
  for (size_t i = 0; i < COUNT; i++) {
    uint64_t random = portable_next(&seed) >> 16;
    uint32_t bits = (uint32_t)random;
    if (random >> 32 & 15)
      bits = (bits & 0x81FFFFFF) | 0x3E000000;
    if ((random >> 36 & 63) == 0)
      bits = odd[i % 7];
    memcpy(&values[i], &bits, sizeof bits);
  }
}

/* Half of them the same. */
static void fill_few(void)
{
  uint64_t seed = 5;
  for (size_t i = 0; i < COUNT; i++)
    values[i] = i % 2 ? 0.7f : (float)(portable_next(&seed) >> 40 & 7) / 3;
}

static struct extremes extremes_of(void)
{
  struct extremes extremes = extremes_empty();
  kernels.extremes(values, COUNT, &extremes);
  return extremes;
}

static struct high_digest *digest_of(unsigned threads)
{
  struct feed feed = feed_floats(values, COUNT);
  struct extremes extremes = extremes_of();
  struct high_digest *digest = NULL;
  pool_set_threads(threads);
  assert_int_equal(high_digest_make(&feed, &extremes, NULL, &digest), STATUS_OK);
  pool_set_threads(0);
  return digest;
}

/* Sums over the values between the ends of the cell, in long double. */
static void check_cell(const struct high_cell *cell)
{
  long double sum = 0, spread = 0;
  size_t count = 0;
  uint32_t low, high;
  memcpy(&low, &cell->low, sizeof low);
  memcpy(&high, &cell->high, sizeof high);
  for (size_t i = 0; i < COUNT; i++) {
    uint32_t bits;
    memcpy(&bits, &values[i], sizeof bits);
    if (bits >> 16 != low >> 16)
      continue;
    count++;
    sum += (long double)values[i];
  }
  for (size_t i = 0; i < COUNT; i++) {
    uint32_t bits;
    memcpy(&bits, &values[i], sizeof bits);
    long double d = (long double)values[i] - sum / (long double)count;
    spread += bits >> 16 == low >> 16 ? d * d : 0;
  }
  long double width = (long double)cell->high - (long double)cell->low;
  assert_true(low >> 16 == high >> 16 && cell->low < cell->high);
  assert_int_equal(cell->count, count);
  assert_true(fabsl((long double)cell->sum - sum) <= 1e-15L * fabsl(sum) + 1e-60L);
  assert_true(fabsl((long double)cell->spread - spread) <=
              1e-14L * (spread + (long double)count * width * width));
}

/* All in one cell, which is wider than the range. */
static void fill_close(void)
{
  uint64_t seed = 6;
  for (size_t i = 0; i < COUNT; i++)
    values[i] = 1 + (float)(portable_next(&seed) >> 50) * 0x1p-23f;
}

static void fill_same(void)
{
  for (size_t i = 0; i < COUNT; i++)
    values[i] = -0.3f;
}

static void test_cells(void **state)
{
  (void)state;
  void (*const fills[])(void) = {fill_any, fill_few, fill_close, fill_same};
  for (int f = 0; f < 4; f++) {
    fills[f]();
    struct high_digest *digest = digest_of(1);
    struct extremes extremes = extremes_of();
    uint64_t count = 0;
    assert_true(digest->cells > (f < 2));
    assert_true(digest->means->distinct <= DIGEST_MOST);
    for (size_t i = 0; i < digest->cells; i++) {
      count += digest->cell[i].count;
      assert_true(i == 0 || digest->cell[i - 1].high <= digest->cell[i].low);
      if (i % (digest->cells / 60 + 1) == 0) /* each takes a loop over all */
        check_cell(&digest->cell[i]);
    }
    assert_int_equal(count, extremes.finite);
    /* The means have the tensor's count, sum and ends. */
    const struct digest *means = digest->means;
    assert_int_equal(means->finite, extremes.finite);
    assert_int_equal(means->nan, extremes.nan);
    assert_int_equal(means->inf, extremes.inf);
    assert_true(means->values[0] == extremes.min);
    assert_true(means->values[means->distinct - 1] == extremes.max);
    high_digest_free(digest);
  }
  high_digest_free(NULL);
}

static void test_threads(void **state)
{
  (void)state;
  fill_any();
  struct high_digest *one = digest_of(1);
  const unsigned threads[] = {2, 7, 64};
  for (int i = 0; i < 3; i++) {
    struct high_digest *many = digest_of(threads[i]);
    assert_int_equal(many->cells, one->cells);
    assert_memory_equal(many->cell, one->cell, one->cells * sizeof *one->cell);
    high_digest_free(many);
  }
  high_digest_free(one);
}

static void test_cancel(void **state)
{
  (void)state;
  struct feed feed = feed_floats(values, COUNT);
  struct extremes extremes = extremes_of();
  struct high_digest *digest = NULL;
  struct progress progress = {.cancelled = true};
  assert_int_equal(high_digest_make(&feed, &extremes, &progress, &digest), STATUS_CANCELLED);
  assert_null(digest);
}

/* --- bounds ------------------------------------------------------------------------------- */

static long double error_of(const struct fit *fit)
{
  long double sum = 0;
  for (size_t start = 0, n; start < COUNT; start += n) {
    float y[FEED_BLOCK];
    n = COUNT - start < FEED_BLOCK ? COUNT - start : FEED_BLOCK;
    fit_round_trip(fit, start, n, values + start, y, NULL);
    for (size_t i = 0; i < n; i++)
      if (isfinite(values[start + i])) {
        long double e = (long double)values[start + i] - (long double)y[i];
        sum += e * e;
      }
  }
  return sum;
}

static void check_bounds(const char *spec, const struct high_digest *digest, double *width)
{
  struct feed feed = feed_floats(values, COUNT);
  struct shape shape = {.dims = 1, .dim = {COUNT}};
  struct quantizer quantizer;
  struct fit *fit, *guess;
  struct error_estimate estimate;
  assert_int_equal(quantizer_parse(spec, &quantizer, NULL), STATUS_OK);
  assert_true(high_digest_can_measure(&quantizer));
  assert_int_equal(quantizer_fit(&quantizer, &feed, &shape, NULL, &fit, NULL), STATUS_OK);
  const struct batch means = {feed, shape, digest->means, NULL};
  assert_int_equal(quantizer_fit_values(&quantizer, &means, NULL, &guess, NULL), STATUS_OK);
  if (high_digest_knows_scale(&quantizer))
    assert_true(fit_scale(fit, 0) == fit_scale(guess, 0));
  assert_int_equal(high_digest_error(digest, fit, &estimate), STATUS_OK);
  long double sum = error_of(fit);
  if (!((long double)estimate.least <= sum && sum <= (long double)estimate.most))
    fail_msg("%s: %.17Lg is not within %.17g .. %.17g", spec, sum, estimate.least, estimate.most);
  assert_true(estimate.least <= estimate.likely && estimate.likely <= estimate.most);
  *width = (estimate.most - estimate.least) / (double)sum;
  fit_free(fit);
  fit_free(guess);
}

static void test_bounds(void **state)
{
  (void)state;
  const char *const specs[] = {"int8",
                               "int4",
                               "int2",
                               "int8,asym",
                               "int4,asym",
                               "int8,narrow",
                               "int16",
                               "e4m3",
                               "e5m2",
                               "e2m1",
                               "fp16",
                               "fp16,minmax",
                               "e4m3,scale=1",
                               "int8,scale=0.03125",
                               "int8,scale=1e-20",
                               "int8,scale=1e20",
                               "int4,range=-1:1",
                               "int6,range=-2:2,round=away",
                               "int8,asym,range=-1:3",
                               "nf4,tensor",
                               "int8,mse",
                               "int8,percentile=99",
                               "int5,pow2"};
  void (*const fills[])(void) = {fill_bell, fill_any, fill_few, fill_close, fill_same};
  for (int f = 0; f < 5; f++) {
    fills[f]();
    struct high_digest *digest = digest_of(0);
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
      double width;
      check_bounds(specs[i], digest, &width);
      /* And they are worth something: four bits of a bell are known to 1 %. */
      if (f == 0 && strcmp(specs[i], "int4,range=-1:1") == 0)
        assert_true(width < 0.01);
    }
    high_digest_free(digest);
  }
}

static void test_what_can_be_measured(void **state)
{
  (void)state;
  const char *const not [] = {"int8,channel",
                              "int4,group=32",
                              "mxfp4",
                              "int8,round=stochastic",
                              "int8,round=zero",
                              "int8,arithmetic=reciprocal",
                              "e5m2,overflow=nonfinite",
                              "lloyd=8",
                              "e8m0,tensor",
                              "tf32"};
  for (size_t i = 0; i < sizeof not / sizeof *not ; i++) {
    struct quantizer quantizer;
    struct error error;
    if (quantizer_parse(not [i], &quantizer, &error) != STATUS_OK)
      fail_msg("%s: %s", not [i], error.text);
    if (high_digest_can_measure(&quantizer))
      fail_msg("%s", not [i]);
  }
  struct quantizer quantizer;
  assert_int_equal(quantizer_parse("int8,mse", &quantizer, NULL), STATUS_OK);
  assert_false(high_digest_knows_scale(&quantizer));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_cells),
      cmocka_unit_test(test_threads),
      cmocka_unit_test(test_cancel),
      cmocka_unit_test(test_bounds),
      cmocka_unit_test(test_what_can_be_measured),
  };
  kernels_init();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
