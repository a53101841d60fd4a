/* The readout of a cursor: a bin of known values, counted by hand; what its ends become; the words.
 */
#include "tests/analysis/tensors.h"

#include "analysis/readout.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct result *measure(const struct tensor *tensor, const char *spec, size_t bins, double lo,
                              double hi)
{
  struct result *result = NULL;
  struct error error;
  struct quantizer quantizer = quantizer_of(spec);
  struct result_request request = {.bins = bins, .lo = lo, .hi = hi};
  if (result_compute(tensor, &quantizer, &request, NULL, &result, &error) != STATUS_OK)
    fail_msg("%s: %s", spec, error.text);
  return result;
}

/* Under int8 with steps of 1 these become 0 0 2 2 3 3 4 4 (ties to even) and -7: the errors
 * of 1.25, 1.5, 1.75 are 0.25, 0.5, 0.25 (1, 2, 2), of all: 0.0625 + 0.25 + 0.0625 + 0.25 + 0.0625.
 */
static const float values[] = {1.25f, 1.5f, 1.75f, 3, 3, 3.5f, 4.25f, -7, NAN};
enum { COUNT = sizeof values / sizeof *values };

static void a_bin_by_hand(void **state)
{
  (void)state;
  struct tensor tensor = tensor_over(values, (struct shape){1, {COUNT}});
  struct result *result = measure(&tensor, "int8,scale=1", 8, -8, 8); /* bins of 2 */
  struct readout readout;
  assert_true(readout_at(result, 0.5, &readout));
  assert_true(readout.lo == 0 && readout.hi == 2 && readout.count == 3);
  assert_true(fabs(readout.share - 3.0 / 8) < 1e-12 && fabs(readout.below - 4.0 / 8) < 1e-12);
  assert_true(fabs(readout.error_share - 0.375 / 0.6875) < 1e-12);
  assert_true(fabs(readout.error_mean - 1.0 / 3) < 1e-12 && readout.error_max == 0.5);
  assert_true(readout.maps && readout.first_code == 0 && readout.last_code == 2);
  assert_true(readout.first_level == 0 && readout.last_level == 2);
  char text[READOUT_TEXT];
  readout_print(&readout, &result->quantizer, text, sizeof text);
  assert_string_equal(text, "0 to 2: 3 values (37.5 %, 50 % up to here), codes 0 to 2, 54.5 % of "
                            "the error (mean 0.333, largest 0.5)");
  /* The upper edge belongs to the next bin, the last one to the last. */
  assert_true(readout_at(result, 2, &readout) && readout.lo == 2);
  assert_true(readout_at(result, 8, &readout) && readout.hi == 8 && readout.count == 0);
  assert_true(isnan(readout.error_mean) && readout.error_share == 0);
  assert_false(readout_at(result, 8.001, &readout));
  assert_false(readout_at(result, (double)NAN, &readout));
  result_free(result);
}

/* The shares of all bins are one, whatever the quantizer. */
static void shares_are_one(void **state)
{
  (void)state;
  static const char *const specs[] = {"int4", "e4m3", "int8,asym,percentile=90", "nf4"};
  float *x = random_values(4000, 3, false);
  struct tensor tensor = tensor_over(x, (struct shape){2, {40, 100}});
  for (size_t s = 0; s < sizeof specs / sizeof *specs; s++) {
    struct result *result = measure(&tensor, specs[s], 33, (double)NAN, (double)NAN);
    const struct histogram *h = &result->original;
    double share = 0, error = 0;
    struct readout readout;
    for (size_t i = 0; i < h->bins; i++) {
      assert_true(
          readout_at(result, (histogram_edge(h, i) + histogram_edge(h, i + 1)) / 2, &readout));
      share += readout.share;
      error += readout.error_share;
    }
    assert_true(fabs(share - 1) < 1e-9 && fabs(error - 1) < 1e-9 && readout.below == 1);
    result_free(result);
  }
  free(x);
}

static void words(void **state)
{
  (void)state;
  struct tensor tensor = tensor_over(values, (struct shape){1, {COUNT}});
  static const struct {
    const char *spec, *part;
  } rows[] = {{"int8,scale=10", ", code 0, "},
              {"int8,group=2", ", codes by the scales"},
              {"e4m3,scale=1", ", becomes 0 to 2"},
              {"fp16", ", becomes 0 to 2"},
              {"int8,asym,scale=1,zero=7", ", codes 7 to 9"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct result *result = measure(&tensor, rows[i].spec, 8, -8, 8);
    struct readout readout;
    char text[READOUT_TEXT];
    assert_true(readout_at(result, 1, &readout));
    if (!strstr(readout_print(&readout, &result->quantizer, text, sizeof text), rows[i].part))
      fail_msg("%s: \"%s\"", rows[i].spec, text);
    result_free(result);
  }
  const float none[] = {NAN, INFINITY};
  tensor = tensor_over(none, (struct shape){1, {2}});
  struct result *result = measure(&tensor, "int8", 8, -8, 8);
  struct readout readout;
  assert_true(readout_at(result, 1, &readout) && readout.count == 0 && isnan(readout.error_share));
  result_free(result);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_bin_by_hand),
      cmocka_unit_test(shares_are_one),
      cmocka_unit_test(words),
  };
  kernels_init();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
