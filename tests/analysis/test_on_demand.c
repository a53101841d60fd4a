/* Fits that keep no scales: whatever is measured is the same to the bit. The reference is the same
 * measurement with all scales kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/inspect.h"
#include "analysis/result.h"
#include "data/transformed.h"
#include "tests/analysis/tensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BINS = 200 };

static struct result *measure(const struct tensor *tensor, const char *spec, int axis,
                              bool keep_nothing)
{
  const struct quantizer quantizer = quantizer_of(spec);
  const struct result_request request = {.axis = axis,
                                         .lo = (double)NAN,
                                         .hi = (double)NAN,
                                         .bins = BINS,
                                         .details = true,
                                         .blocks = true,
                                         .heat = {.down = 3, .across = 5},
                                         .keep_nothing = keep_nothing};
  struct result *result = NULL;
  struct error error;
  if (result_compute(tensor, &quantizer, &request, NULL, &result, &error) != STATUS_OK)
    fail_msg("%s: %s", spec, error.text);
  return result;
}

/* Doubles side by side, NaN like NaN. */
static void same(const char *spec, const char *what, const void *a, const void *b, size_t count)
{
  const double *x = a, *y = b;
  for (size_t i = 0; i < count; i++)
    if (!(x[i] == y[i] || (isnan(x[i]) && isnan(y[i]))))
      fail_msg("%s: %s %zu: %.17g kept, %.17g on demand", spec, what, i, x[i], y[i]);
}

static void same_histogram(const char *spec, const struct histogram *a, const struct histogram *b)
{
  assert_true(a->lo == b->lo && a->hi == b->hi && a->bins == b->bins);
  assert_true(a->under == b->under && a->over == b->over && a->nan == b->nan && a->inf == b->inf);
  if (memcmp(a->count, b->count, a->bins * sizeof *a->count) != 0)
    fail_msg("%s: the histograms differ", spec);
}

static void same_channels(const char *spec, const struct channels *a, const struct channels *b)
{
  assert_int_equal(a->count, b->count);
  assert_int_equal(a->share_scales, b->share_scales);
  for (size_t c = 0; c < a->count; c++) {
    const struct channel *x = &a->channel[c], *y = &b->channel[c];
    const double one[] = {x->absmax, x->scale, x->mse, x->sqnr_db, x->clip_rate, x->ratio};
    const double other[] = {y->absmax, y->scale, y->mse, y->sqnr_db, y->clip_rate, y->ratio};
    same(spec, "channels", one, other, sizeof one / sizeof *one);
  }
}

/* Every number of a block but those that a fit on demand cannot have: all of them are there. */
static void same_block(const struct tensor *tensor, const char *spec, const struct result *a,
                       const struct result *b, size_t number)
{
  const struct feed feed = tensor_feed(tensor);
  static struct inspect_block one, other;
  struct error error;
  assert_int_equal(inspect_read(&feed, a->fit, number, &one, &error), STATUS_OK);
  assert_int_equal(inspect_read(&feed, b->fit, number, &other, &error), STATUS_OK);
  assert_int_equal(one.length, other.length);
  assert_int_equal(one.zero, other.zero);
  assert_memory_equal(one.code, other.code, one.length * sizeof *one.code);
  assert_memory_equal(one.y, other.y, one.length * sizeof *one.y);
  same(spec, "levels", one.level, other.level, one.length);
  same(spec, "steps", one.step, other.step, one.length);
  assert_int_equal(one.notes, other.notes);
  for (size_t i = 0; i < one.notes; i++)
    assert_int_equal(one.note[i].bits, other.note[i].bits);
}

static void same_results(const struct tensor *tensor, const char *spec, int axis)
{
  struct result *a = measure(tensor, spec, axis, false), *b = measure(tensor, spec, axis, true);
  const struct metrics *one = &a->metrics, *other = &b->metrics;
  if (fit_grain(a->fit)->units > 1 && !fit_is_on_demand(b->fit))
    fail_msg("%s: the scales were kept", spec);
  assert_false(fit_is_on_demand(a->fit));
#define SAME(name) same(spec, #name, &one->name, &other->name, 1)
  SAME(mse);
  SAME(sqnr_db);
  SAME(max_abs_error);
  SAME(mean_error);
  SAME(clip_rate);
  SAME(rail_rate);
  SAME(overflow_rate);
  SAME(rounding_mse);
  SAME(clipping_mse);
  SAME(bulk_sqnr_db);
  SAME(channel_sqnr_median);
  SAME(channel_sqnr_worst);
  SAME(zero_rate);
  SAME(code_entropy_bits);
  SAME(high_code_rate);
  SAME(cosine);
  SAME(relative_error_p50);
  SAME(relative_error_p99);
  SAME(kl_divergence);
  SAME(clipped_blocks);
  SAME(bits_per_element);
#undef SAME
  assert_int_equal(one->levels_used, other->levels_used);
  same_channels(spec, &a->channels, &b->channels);
  same_histogram(spec, &a->original, &b->original);
  same_histogram(spec, &a->reconstruction, &b->reconstruction);
  same_histogram(spec, &a->error, &b->error);
  same(spec, "error curve", a->error_mean, b->error_mean, BINS);
  same(spec, "error sums", a->error2, b->error2, BINS);
  assert_int_equal(a->blocks->count, b->blocks->count);
  same(spec, "blocks", a->blocks->error2, b->blocks->error2, a->blocks->count);
  for (int q = 0; q < HEAT_QUANTITIES; q++)
    same(spec, "heat", a->heat->value[q], b->heat->value[q], a->heat->down * a->heat->across);
  same_block(tensor, spec, a, b, 0);
  same_block(tensor, spec, a, b, a->blocks->count - 1);
  same_block(tensor, spec, a, b, a->blocks->count / 2);
  result_free(a);
  result_free(b);
}

/* Extremes, searches, ranges by hand, zero points, offsets, two levels of scales; groups that lie
 * in blocks and that straddle them; long runs, whose codes are tallied, and short ones. */
static const char *const specs[] = {"int8,group=128",
                                    "int4,asym,group=32",
                                    "int4,group=100",
                                    "int8,group=1",
                                    "int4,asym,group=7,percentile=99",
                                    "int8,group=32,round=stochastic",
                                    "nf4,block=64",
                                    "e4m3,group=16",
                                    "int4,group=32,range=-1:1",
                                    "int8,token",
                                    "int8,asym,token,mse",
                                    "int8,channel=0",
                                    "int4,channel=0",
                                    "mxfp4",
                                    "nvfp4",
                                    "mxfp4,pad",
                                    "e2m1,group=600",
                                    "int8,group=1000",
                                    "int8,group=1000,pow2",
                                    "int4,group=32,percentile=99"};

static void every_spec(struct shape shape, bool specials)
{
  size_t count = shape_elements(&shape);
  float *x = random_values(count, 5, specials);
  const struct tensor tensor = tensor_over(x, shape);
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
    same_results(&tensor, specs[i], 0);
  free(x);
}

static void test_even_rows(void **state)
{
  (void)state;
  every_spec((struct shape){.dims = 2, .dim = {24, 3200}}, false);
}

static void test_ragged_rows(void **state)
{
  (void)state;
  every_spec((struct shape){.dims = 2, .dim = {15, 5001}}, false);
}

static void test_one_row(void **state)
{
  (void)state;
  every_spec((struct shape){.dims = 2, .dim = {2, 40003}}, false);
}

/* Units of one element: of a vector, of a column; and rows of hardly more. */
static void test_short_units(void **state)
{
  (void)state;
  static const struct shape shapes[] = {
      {.dims = 1, .dim = {9001}}, {.dims = 2, .dim = {9001, 1}}, {.dims = 3, .dim = {9001, 1, 3}}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    every_spec(shapes[i], i == 0);
}

static void test_special_values(void **state)
{
  (void)state;
  every_spec((struct shape){.dims = 3, .dim = {3, 40, 640}}, true);
}

/* Blocks of ggml divide their rows: q4_k has offsets, too. */
static void test_ggml(void **state)
{
  (void)state;
  float *x = random_values(512 * 150, 6, false);
  const struct tensor tensor = tensor_over(x, (struct shape){.dims = 2, .dim = {150, 512}});
  static const char *const blocks[] = {"q4_0", "q4_1", "q8_0", "q4_k", "q6_k", "iq4_nl"};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
    same_results(&tensor, blocks[i], 1);
  free(x);
}

/* What needs all values of a column at once, and a single scale, is always kept. */
static void test_kept(void **state)
{
  (void)state;
  float *x = random_values(600, 7, false);
  const struct tensor tensor = tensor_over(x, (struct shape){.dims = 2, .dim = {20, 30}});
  static const char *const kept[] = {"int8", "int8,channel=1", "lloyd=16"};
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
    struct result *result = measure(&tensor, kept[i], 0, true);
    assert_false(fit_is_on_demand(result->fit));
    result_free(result);
  }
  free(x);
}

/* It answers for what its parts have in common, and says that it knows no scale. */
static void test_whole(void **state)
{
  (void)state;
  float *x = random_values(6400, 8, false);
  const struct tensor tensor = tensor_over(x, (struct shape){.dims = 2, .dim = {10, 640}});
  struct result *a = measure(&tensor, "int4,group=32", 0, false);
  struct result *b = measure(&tensor, "int4,group=32", 0, true);
  assert_int_equal(fit_grain(b->fit)->units, 200);
  assert_int_equal(fit_level_count(b->fit), fit_level_count(a->fit));
  assert_true(isnan(fit_scale(b->fit, 7)) && !isnan(fit_scale(a->fit, 7)));
  assert_true(fit_bytes(b->fit) < 1000 && fit_bytes(a->fit) > 200 * sizeof(float));
  result_free(a);
  result_free(b);
  free(x);
}

int main(void)
{
  kernels_init();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_even_rows),      cmocka_unit_test(test_ragged_rows),
      cmocka_unit_test(test_one_row),        cmocka_unit_test(test_short_units),
      cmocka_unit_test(test_special_values), cmocka_unit_test(test_ggml),
      cmocka_unit_test(test_kept),           cmocka_unit_test(test_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
