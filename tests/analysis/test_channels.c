/* Channels: the outlier list, ratios, and which scales a channel has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/result.h"
#include "tests/analysis/reference.h"
#include "tests/analysis/tensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct result *result_of(const float *x, struct shape shape, const char *spec, int axis)
{
  struct tensor tensor = tensor_over(x, shape);
  struct quantizer quantizer = quantizer_of(spec);
  struct result_request request = {.axis = axis, .lo = (double)NAN, .hi = (double)NAN};
  struct result *result = NULL;
  struct error error;
  if (result_compute(&tensor, &quantizer, &request, NULL, &result, &error) != STATUS_OK)
    fail_msg("%s: %s", spec, error.text);
  return result;
}

/* Rows with absmax 1, 8, 2, nothing finite, 2, 0: median of {0, 1, 2, 2, 8} is 2. */
static const float rows[6][3] = {{1, 0, -0.5f},   {-8, 1, NAN}, {2, INFINITY, -2},
                                 {NAN, NAN, NAN}, {-2, 2, 1},   {0, 0, 0}};
static const struct shape rows_shape = {.dims = 2, .dim = {6, 3}};

static void test_outlier_list(void **state)
{
  (void)state;
  struct result *result = result_of(rows[0], rows_shape, "int8,channel", 0);
  const struct channels *channels = &result->channels;
  const double absmax[] = {1, 8, 2, (double)NAN, 2, 0}, ratio[] = {0.5, 4, 1, (double)NAN, 1, 0};
  const uint64_t finite[] = {3, 2, 2, 0, 3, 3};
  const size_t order[] = {1, 2, 4, 0, 5, 3}; /* equal ones as they come, no number last */
  assert_int_equal(channels->count, 6);
  assert_int_equal(channels->axis, 0);
  assert_true(channels->median_absmax == 2);
  for (size_t c = 0; c < 6; c++) {
    reference_near("absmax", channels->channel[c].absmax, absmax[c], 0);
    reference_near("ratio", channels->channel[c].ratio, ratio[c], 0);
    assert_int_equal(channels->channel[c].finite, finite[c]);
    assert_int_equal(channels->by_ratio[c], order[c]);
  }
  assert_true(isnan(channels->channel[3].mse) && isnan(channels->channel[3].sqnr_db));
  assert_true(channels->channel[5].mse == 0 && isnan(channels->channel[5].sqnr_db));
  result_free(result);
}

/* 1, 7, 3, 5: the median of an even number is the mean of the middle two. */
static void test_median_of_four(void **state)
{
  (void)state;
  const float x[] = {1, -7, 3, 5};
  struct result *result = result_of(x, (struct shape){.dims = 1, .dim = {4}}, "int8", 0);
  assert_true(result->channels.median_absmax == 4);
  assert_true(result->channels.channel[1].ratio == 1.75);
  result_free(result);
}

/* Scales: one for all; one each; and where channels and units cross, none. */
static void test_scales(void **state)
{
  (void)state;
  float *x = random_values(24, 1, false);
  struct shape shape = {.dims = 2, .dim = {4, 6}};
  const struct {
    const char *spec;
    int axis;
    bool own, shared;
  } cases[] = {
      {"int8", 0, false, true},           {"int8,channel=0", 0, true, false},
      {"int8,channel=1", 1, true, false}, {"int8,channel=-1", 1, true, false},
      {"int8,channel=1", 0, false, true}, {"int8,token", 0, true, false},
      {"int8,token", 1, false, true},     {"int8,group=3", 0, false, false},
      {"int8,group=6", 0, true, false},   {"int8,group=3", 1, false, true},
      {"int8,group=1", 1, false, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct result *result = result_of(x, shape, cases[i].spec, cases[i].axis);
    assert_int_equal(result->channels.share_scales, cases[i].shared);
    for (size_t c = 0; c < result->channels.count; c++) {
      double expected = cases[i].own ? (double)fit_scale(result->fit, c) : (double)NAN;
      if (fit_grain(result->fit)->units == 1)
        expected = (double)fit_scale(result->fit, 0);
      reference_near(cases[i].spec, result->channels.channel[c].scale, expected, 0);
    }
    result_free(result);
  }
  free(x);
}

/* A square matrix, where the number of channels does not tell the axes apart. */
static void test_square(void **state)
{
  (void)state;
  float *x = random_values(25, 2, false);
  struct shape shape = {.dims = 2, .dim = {5, 5}};
  struct result *same = result_of(x, shape, "int8,channel=1", 1);
  struct result *crossed = result_of(x, shape, "int8,channel=1", 0);
  assert_false(same->channels.share_scales);
  assert_true(crossed->channels.share_scales);
  assert_true(isnan(crossed->channels.channel[0].scale));
  result_free(same);
  result_free(crossed);
  free(x);
}

static void test_negative_axis(void **state)
{
  (void)state;
  float *x = random_values(24, 3, false);
  struct shape shape = {.dims = 3, .dim = {2, 3, 4}};
  struct result *result = result_of(x, shape, "int8", -2);
  assert_int_equal(result->channels.axis, 1);
  assert_int_equal(result->channels.count, 3);
  result_free(result);
  free(x);
}

/* Vectors have a channel an element while that is something to look at. */
static void test_vectors(void **state)
{
  (void)state;
  size_t n = RESULT_SINGLES_MOST + 1;
  float *x = random_values(n, 4, false);
  struct result *small =
      result_of(x, (struct shape){.dims = 1, .dim = {RESULT_SINGLES_MOST}}, "int8", 0);
  struct result *large = result_of(x, (struct shape){.dims = 1, .dim = {n}}, "int8", 0);
  assert_int_equal(small->channels.count, RESULT_SINGLES_MOST);
  assert_true(small->channels.channel[7].absmax == fabs((double)x[7]));
  assert_int_equal(large->channels.count, 1);
  assert_true(large->channels.channel[0].ratio == 1);
  reference_near("sqnr", large->metrics.channel_sqnr_worst, large->metrics.sqnr_db, 1e-14);
  result_free(small);
  result_free(large);
  struct result *scalar = result_of(x, (struct shape){.dims = 0}, "int8", 0);
  assert_int_equal(scalar->channels.count, 1);
  result_free(scalar);
  free(x);
}

/* More channels than anybody looks at: one; scales that no memory holds are refused. */
static void test_too_many(void **state)
{
  (void)state;
  size_t count = RESULT_CHANNELS_MOST + 1;
  float *x = random_values(2 * count, 5, false);
  struct result *result = result_of(x, (struct shape){.dims = 2, .dim = {count, 2}}, "int8", 0);
  assert_int_equal(result->channels.count, 1);
  result_free(result);
  free(x);
  /* What has to be kept is refused; scales that follow from values side by side need not be. */
  static const struct {
    const char *spec;
    enum status status;
  } cases[] = {{"int8,channel=1", STATUS_MEMORY},
               {"int4,channel=1,mse", STATUS_MEMORY},
               {"int4,group=32", STATUS_OK},
               {"int8,channel=0", STATUS_OK},
               {"mxfp4", STATUS_OK},
               {"int8", STATUS_OK}};
  struct tensor huge = {.name = "w", .shape = {.dims = 2, .dim = {32, (size_t)1 << 45}}};
  huge.count = (size_t)1 << 50;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct quantizer quantizer = quantizer_of(cases[i].spec);
    struct error error = {0};
    assert_int_equal(result_check_room(&huge, &quantizer, &error), cases[i].status);
    assert_true(cases[i].status == STATUS_OK ||
                strstr(error.text, "let more elements share a scale"));
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_outlier_list),  cmocka_unit_test(test_median_of_four),
      cmocka_unit_test(test_scales),        cmocka_unit_test(test_square),
      cmocka_unit_test(test_negative_axis), cmocka_unit_test(test_vectors),
      cmocka_unit_test(test_too_many),
  };
  kernels_init();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
