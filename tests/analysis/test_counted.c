/* What a digest answers against passes over the elements: the same values stored once in 16 bits or
 * fewer, which are counted, and once as float32, which are not.
 *
 * By definition (analysis/counted.h) everything that is counted, and every extreme, is the same to
 * the bit; sums are taken in another order, and are the same to the bit where no partial sum
 * rounds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/result.h"
#include "data/tensor_digest.h"
#include "tests/analysis/reference.h"
#include "tests/analysis/tensors.h"
#include "tests/support/portable.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 37, COLUMNS = 1811, COUNT = ROWS * COLUMNS };

struct pair {
  unsigned char bytes[2 * COUNT];
  float *values;
  struct tensor counted, plain;
};

/* The float32 tensor that has the values of COUNTED. */
static void decode(struct pair *pair)
{
  struct feed feed = tensor_feed(&pair->counted);
  pair->values = malloc(COUNT * sizeof *pair->values);
  for (size_t start = 0, n; start < COUNT; start += n) {
    float scratch[FEED_BLOCK];
    n = COUNT - start < FEED_BLOCK ? COUNT - start : FEED_BLOCK;
    memcpy(pair->values + start, feed_block(&feed, start, n, scratch), n * sizeof(float));
  }
  pair->plain = tensor_over(pair->values, pair->counted.shape);
  assert_true(tensor_has_digest(&pair->counted));
  assert_false(tensor_has_digest(&pair->plain));
}

static struct pair *pair_of(const char *stored)
{
  struct pair *pair = calloc(1, sizeof *pair);
  const struct stored *type = stored_find(stored);
  assert_non_null(pair);
  assert_non_null(type);
  pair->counted = (struct tensor){.name = "test",
                                  .shape = {.dims = 2, .dim = {ROWS, COLUMNS}},
                                  .stored = type,
                                  .count = COUNT,
                                  .bytes = COUNT * type->size,
                                  .data = pair->bytes};
  return pair;
}

/* Every code of the type, NaN, infinities, both zeros and denormals among them, but most values in
 * one octave or two. */
static struct pair *any_values(const char *stored)
{
  struct pair *pair = pair_of(stored);
  uint64_t seed = 9;
  size_t size = pair->counted.stored->size;
  for (size_t i = 0; i < COUNT; i++) {
    uint64_t random = portable_next(&seed) >> 20;
    uint16_t code = (uint16_t)random;
    if (random >> 16 & 7)
      code = (uint16_t)((code & 0x80FF) | 0x3F00);
    memcpy(pair->bytes + i * size, &code, size);
  }
  decode(pair);
  return pair;
}

static void free_pair(struct pair *pair)
{
  free(pair->values);
  free(pair);
}

static struct result *result_of(const struct tensor *tensor, const char *spec, bool at_once)
{
  const struct result_request request = {.axis = 0,
                                         .bins = 60,
                                         .lo = (double)NAN,
                                         .hi = (double)NAN,
                                         .details = true,
                                         .at_once = at_once};
  struct quantizer quantizer = quantizer_of(spec);
  struct result *result = NULL;
  struct error error;
  if (result_compute(tensor, &quantizer, &request, NULL, &result, &error) != STATUS_OK)
    fail_msg("%s: %s", spec, error.text);
  return result;
}

static bool is_sum(const char *name)
{
  static const char *const sums[] = {
      "mse",        "rmse",   "sqnr_db", "bulk_sqnr_db",        "rounding_mse",      "clipping_mse",
      "mean_error", "cosine", "papr",    "channel_sqnr_median", "channel_sqnr_worst"};
  for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
    if (strcmp(sums[i], name) == 0)
      return true;
  return false;
}

static bool same(double a, double b)
{
  return a == b || (isnan(a) && isnan(b));
}

/* Errors of both signs cancel in the mean: its slack is that of their magnitudes. */
static void check_metrics(const char *spec, const struct metrics *found, const struct metrics *pass)
{
  for (size_t i = 0; i < metric_table_length; i++) {
    const struct metric *metric = &metric_table[i];
    double a = metric->value(found), b = metric->value(pass);
    if (strcmp(metric->name, "mean_error") == 0 && isfinite(b))
      assert_true(fabs(a - b) <= 1e-12 * pass->rmse);
    else if (strcmp(metric->name, "rounding_mse") == 0 && isfinite(b))
      assert_true(fabs(a - b) <= 1e-12 * pass->mse); /* what is left of the MSE */
    else if (strcmp(metric->unit, "dB") == 0 && isfinite(b) && is_sum(metric->name))
      assert_true(fabs(a - b) <= 1e-11); /* a relative 2e-12 of the ratio */
    else if (is_sum(metric->name))
      reference_near(metric->name, a, b, 1e-12);
    else if (!same(a, b))
      fail_msg("%s: %s is %.17g by the digest and %.17g by a pass", spec, metric->name, a, b);
  }
}

static void check_histogram(const struct histogram *found, const struct histogram *pass)
{
  assert_int_equal(found->bins, pass->bins);
  assert_true(found->lo == pass->lo && found->hi == pass->hi);
  assert_memory_equal(found->count, pass->count, pass->bins * sizeof *pass->count);
  assert_true(found->under == pass->under && found->over == pass->over);
  assert_true(found->nan == pass->nan && found->inf == pass->inf);
}

static void check_curves(const struct result *found, const struct result *pass)
{
  check_histogram(&found->original, &pass->original);
  check_histogram(&found->reconstruction, &pass->reconstruction);
  check_histogram(&found->error, &pass->error);
  for (size_t i = 0; i < pass->original.bins; i++) {
    assert_true(same(found->error_max[i], pass->error_max[i]));
    reference_near("squared error of a bin", found->error2[i], pass->error2[i], 1e-12);
    reference_near("mean error of a bin", found->error_mean[i], pass->error_mean[i], 1e-12);
  }
}

/* A pass for the channels alone has no bulk to set apart: its squares are added in another order.
 */
static void check_channels(const struct channels *found, const struct channels *pass)
{
  assert_int_equal(found->count, pass->count);
  assert_int_equal(found->share_scales, pass->share_scales);
  assert_memory_equal(found->by_ratio, pass->by_ratio, pass->count * sizeof *pass->by_ratio);
  for (size_t c = 0; c < pass->count; c++) {
    const struct channel *a = &found->channel[c], *b = &pass->channel[c];
    reference_near("MSE of a channel", a->mse, b->mse, 1e-12);
    assert_true(same(a->sqnr_db, b->sqnr_db) || fabs(a->sqnr_db - b->sqnr_db) <= 1e-11);
    assert_true(a->finite == b->finite);
    assert_true(same(a->absmax, b->absmax) && same(a->scale, b->scale));
    assert_true(same(a->clip_rate, b->clip_rate) && same(a->ratio, b->ratio));
  }
}

static void check(const struct pair *pair, const char *spec)
{
  struct result *found = result_of(&pair->counted, spec, false);
  struct result *pass = result_of(&pair->plain, spec, false);
  assert_false(found->partial);
  assert_true(fit_scale(found->fit, 0) == fit_scale(pass->fit, 0));
  check_metrics(spec, &found->metrics, &pass->metrics);
  check_curves(found, pass);
  check_channels(&found->channels, &pass->channels);
  result_free(found);
  result_free(pass);
}

static const char *const specs[] = {"int8",
                                    "int4",
                                    "int8,asym",
                                    "int8,narrow,percentile=99",
                                    "int4,percentile=99.9",
                                    "int16",
                                    "int8,range=-1:1,round=away",
                                    "int8,range=-1:1,round=zero",
                                    "int8,scale=0.01",
                                    "int8,asym,arithmetic=zero-first",
                                    "int8,arithmetic=reciprocal,range=-1:1",
                                    "e4m3",
                                    "e4m3,scale=1",
                                    "e5m2,scale=1e-6,overflow=nonfinite",
                                    "e2m1,scale=0.25",
                                    "fp16,scale=1",
                                    "nf4,tensor",
                                    "int8,round=stochastic"};

static void test_every_type(void **state)
{
  (void)state;
  const char *const types[] = {"bf16", "f16", "f8_e4m3", "f8_e5m2", "i16", "u8"};
  for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
    struct pair *pair = any_values(types[t]);
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
      check(pair, specs[i]);
    free_pair(pair);
  }
}

/* Whole multiples of 1/64 up to 512, in steps of 1/8: no sum of squares of theirs rounds. */
static void test_exact_sums(void **state)
{
  (void)state;
  struct pair *pair = pair_of("i16");
  uint64_t seed = 4;
  for (size_t i = 0; i < COUNT; i++) {
    int16_t code = (int16_t)((int64_t)(portable_next(&seed) >> 40) % 2048 - 1024);
    memcpy(pair->bytes + 2 * i, &code, sizeof code);
  }
  decode(pair);
  struct result *found = result_of(&pair->counted, "int8,scale=6", false);
  struct result *pass = result_of(&pair->plain, "int8,scale=6", false);
  assert_true(found->metrics.mse > 0 && found->metrics.clipping_mse > 0);
  for (size_t i = 0; i < metric_table_length; i++) {
    const struct metric *metric = &metric_table[i];
    if (strcmp(metric->name, "papr") != 0) /* of the moments, which go about the mean */
      assert_true(same(metric->value(&found->metrics), metric->value(&pass->metrics)));
  }
  assert_memory_equal(found->error_mean, pass->error_mean, found->original.bins * sizeof(double));
  result_free(found);
  result_free(pass);
  free_pair(pair);
}

/* At once: all but the channels, which are those of the whole answer when it comes. */
static void test_at_once(void **state)
{
  (void)state;
  struct pair *pair = any_values("bf16");
  struct result *part = result_of(&pair->counted, "int8,percentile=99", true);
  struct result *whole = result_of(&pair->counted, "int8,percentile=99", false);
  assert_true(part->partial && !whole->partial);
  assert_int_equal(part->channels.count, 0);
  assert_true(isnan(part->metrics.channel_sqnr_median) && isnan(part->metrics.channel_sqnr_worst));
  assert_true(part->metrics.mse == whole->metrics.mse);
  assert_true(part->metrics.kl_divergence == whole->metrics.kl_divergence);
  check_curves(part, whole);
  result_keep_channels(part, whole);
  check_channels(&part->channels, &whole->channels);
  assert_true(isnan(part->metrics.channel_sqnr_worst));
  result_free(part);
  result_free(whole);
  /* Where no digest answers, nothing is left out. */
  const char *const others[] = {"int8,channel", "int8,round=stochastic", "int4,group=32"};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    struct result *all = result_of(&pair->counted, others[i], true);
    assert_true(!all->partial && all->channels.count == ROWS);
    result_free(all);
  }
  free_pair(pair);
}

/* Nothing finite; one value only. */
static void test_degenerate(void **state)
{
  (void)state;
  const uint16_t codes[] = {0x7FC0, 0xFF80, 0x8000, 0x3F80}; /* NaN, -inf, -0, 1 */
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    struct pair *pair = pair_of("bf16");
    for (size_t k = 0; k < COUNT; k++)
      memcpy(pair->bytes + 2 * k, &codes[i], sizeof codes[i]);
    decode(pair);
    check(pair, "int8");
    check(pair, "e4m3");
    check(pair, "int8,range=-0.5:0.5");
    free_pair(pair);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_type),
      cmocka_unit_test(test_exact_sums),
      cmocka_unit_test(test_at_once),
      cmocka_unit_test(test_degenerate),
  };
  kernels_init();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
