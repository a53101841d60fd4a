/* Results do not depend on the number of threads, to the bit; and every pass stops at the block at
 * which it is cancelled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/result.h"
#include "data/tensor_digest.h"
#include "tests/analysis/tensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct result_request everything = {
    .bins = 40, .lo = (double)NAN, .hi = (double)NAN, .details = true, .blocks = true};

static const char *const specs[] = {"int8",
                                    "int8,asym,percentile=99",
                                    "int8,entropy",
                                    "int6,mse",
                                    "int4,asym,mse",
                                    "nf4,tensor,mse",
                                    "e4m3,lp",
                                    "e4m3",
                                    "int8,round=stochastic",
                                    "e5m2,scale=1e-5,overflow=nonfinite",
                                    "int8,channel",
                                    "int8,channel=1",
                                    "int8,channel,mse",
                                    "int4,asym,group=32",
                                    "int4,group=64,mse",
                                    "int8,token",
                                    "nf4,block=64",
                                    "mxfp4",
                                    "nvfp4",
                                    "q4_0",
                                    "q4_k"};
enum { SPECS = sizeof specs / sizeof *specs };

/* Some values per chunk and a ragged end; rows of a whole number of any block. */
enum { COLUMNS = 1024, ROWS = 2 * FEED_CHUNK / COLUMNS + 3, COUNT = ROWS * COLUMNS };

static const struct shape shape = {.dims = 2, .dim = {ROWS, COLUMNS}};

static struct result *compute(const struct tensor *tensor, const char *spec, unsigned threads)
{
  struct quantizer quantizer = quantizer_of(spec);
  struct result *result = NULL;
  struct error error;
  pool_set_threads(threads);
  enum status status = result_compute(tensor, &quantizer, &everything, NULL, &result, &error);
  pool_set_threads(0);
  if (status != STATUS_OK)
    fail_msg("%s: %s", spec, error.text);
  return result;
}

/* Bits, but that NaN is NaN. */
static bool same(const double *a, const double *b, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (memcmp(&a[i], &b[i], sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i])))
      return false;
  return true;
}

static bool same_metrics(const struct metrics *a, const struct metrics *b)
{
  for (size_t i = 0; i < metric_table_length; i++) {
    double x = metric_table[i].value(a), y = metric_table[i].value(b);
    if (!same(&x, &y, 1))
      return false;
  }
  return a->worst_channel == b->worst_channel;
}

static bool same_histogram(const struct histogram *a, const struct histogram *b)
{
  return a->lo == b->lo && a->hi == b->hi &&
         memcmp(a->count, b->count, b->bins * sizeof *b->count) == 0 && a->under == b->under &&
         a->over == b->over && a->nan == b->nan && a->inf == b->inf;
}

static bool same_facts(const struct facts *a, const struct facts *b)
{
  const double x[] = {a->min, a->max, a->mean, a->std, a->kurtosis, a->rms, a->p99};
  const double y[] = {b->min, b->max, b->mean, b->std, b->kurtosis, b->rms, b->p99};
  return same(x, y, sizeof x / sizeof *x) && a->finite == b->finite && a->zeros == b->zeros;
}

static bool same_channels(const struct channels *a, const struct channels *b)
{
  for (size_t i = 0; i < b->count; i++) {
    const struct channel *p = &a->channel[i], *q = &b->channel[i];
    const double x[] = {p->absmax, p->scale, p->mse, p->sqnr_db, p->clip_rate, p->ratio};
    const double y[] = {q->absmax, q->scale, q->mse, q->sqnr_db, q->clip_rate, q->ratio};
    if (!same(x, y, sizeof x / sizeof *x) || p->finite != q->finite)
      return false;
  }
  return a->count == b->count && memcmp(a->by_ratio, b->by_ratio, b->count * sizeof(size_t)) == 0;
}

static void check_same(const char *spec, unsigned threads, const struct result *a,
                       const struct result *b)
{
  bool equal = same_facts(&a->facts, &b->facts) && same_metrics(&a->metrics, &b->metrics) &&
               same_histogram(&a->original, &b->original) &&
               same_histogram(&a->reconstruction, &b->reconstruction) &&
               same_histogram(&a->error, &b->error) &&
               same(a->error_mean, b->error_mean, b->original.bins) &&
               same(a->error_max, b->error_max, b->original.bins) &&
               same(a->error2, b->error2, b->original.bins) &&
               same_channels(&a->channels, &b->channels) && a->blocks->count == b->blocks->count &&
               same(a->blocks->error2, b->blocks->error2, b->blocks->count);
  if (!equal)
    fail_msg("%s: %u threads give other numbers than one", spec, threads);
}

static void check_threads(const struct tensor *tensor)
{
  const unsigned threads[] = {2, 7, 64};
  for (size_t i = 0; i < SPECS; i++) {
    struct result *one = compute(tensor, specs[i], 1);
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
      struct result *many = compute(tensor, specs[i], threads[t]);
      check_same(specs[i], threads[t], many, one);
      result_free(many);
    }
    result_free(one);
  }
}

static void float32_on_any_number_of_threads(void **state)
{
  (void)state;
  float *values = random_values(COUNT, 31, true);
  struct tensor tensor = tensor_over(values, shape);
  check_threads(&tensor);
  free(values);
}

/* The same by a digest, where there is one scale. */
static void bfloat16_on_any_number_of_threads(void **state)
{
  (void)state;
  float *values = random_values(COUNT, 32, true);
  uint16_t *halves = malloc(COUNT * sizeof *halves);
  for (size_t i = 0; i < COUNT; i++) {
    uint32_t bits;
    memcpy(&bits, &values[i], sizeof bits);
    halves[i] = (uint16_t)(bits >> 16);
  }
  struct tensor tensor = tensor_over(values, shape);
  tensor.stored = stored_find("bf16");
  tensor.bytes = COUNT * sizeof *halves;
  tensor.data = (const unsigned char *)halves;
  assert_true(tensor_has_digest(&tensor));
  check_threads(&tensor);
  free(halves);
  free(values);
}

/* --- cancelling --------------------------------------------------------------------------- */

/* Decodes float32, and cancels at the block with this number. */
static struct progress progress;
static size_t decoded, cancel_at;

static void decode(const unsigned char *bytes, size_t n, float *out)
{
  if (++decoded == cancel_at)
    progress_cancel(&progress);
  memcpy(out, bytes, n * sizeof *out);
}

static enum status run(const struct tensor *tensor, const char *spec, size_t at)
{
  struct quantizer quantizer = quantizer_of(spec);
  struct result *result = NULL;
  struct error error;
  progress = (struct progress){.cancelled = false};
  decoded = 0;
  cancel_at = at;
  enum status status = result_compute(tensor, &quantizer, &everything, &progress, &result, &error);
  assert_true((status == STATUS_OK) == (result != NULL));
  result_free(result);
  return status;
}

/* On one thread no block is read after the one at which it was cancelled, but for one: a fit of
 * blocks may be half way through a stretch of them. At the last blocks there is nothing left to
 * cancel. */
static void every_block_is_a_place_to_stop(void **state)
{
  (void)state;
  enum { LAST = 3 };
  const struct stored counting = {
      .name = "counting", .length = 1, .size = sizeof(float), .exact = true, .decode = decode};
  const struct shape small = {.dims = 2, .dim = {FEED_CHUNK / COLUMNS + 9, COLUMNS}};
  float *values = random_values(shape_elements(&small), 33, false);
  struct tensor tensor = tensor_over(values, small);
  tensor.stored = &counting;
  pool_set_threads(1);
  for (size_t i = 0; i < SPECS; i++) {
    assert_int_equal(run(&tensor, specs[i], 0), STATUS_OK);
    size_t all = decoded;
    for (size_t at = 1; at <= all; at += 1 + all / 50) {
      enum status status = run(&tensor, specs[i], at);
      if (status != STATUS_CANCELLED && at + LAST < all)
        fail_msg("%s: cancelled at block %zu of %zu, and went on", specs[i], at, all);
      if (status == STATUS_CANCELLED && decoded > at + 1)
        fail_msg("%s: cancelled at block %zu of %zu, and read %zu more", specs[i], at, all,
                 decoded - at);
    }
  }
  pool_set_threads(0);
  free(values);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(float32_on_any_number_of_threads),
      cmocka_unit_test(bfloat16_on_any_number_of_threads),
      cmocka_unit_test(every_block_is_a_place_to_stop),
  };
  kernels_init();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
