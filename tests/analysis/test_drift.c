/* What quantizers are calibrated on, and what they cost there: against the same data in one piece.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/drift.h"
#include "tests/analysis/tensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 6, COLUMNS = 500, N = ROWS * COLUMNS };

static float *values, *later; /* what was seen, what comes later */

static int setup(void **state)
{
  (void)state;
  values = random_values(N, 3, true);
  later = random_values(N, 4, false);
  for (size_t i = 0; i < N; i++)
    later[i] *= 3;
  return 0;
}

static int teardown(void **state)
{
  (void)state;
  free(values);
  free(later);
  return 0;
}

static struct result *measure(const struct tensor *tensor, const char *spec,
                              struct calibrated calibrated)
{
  const struct quantizer quantizer = quantizer_of(spec);
  const struct result_request request = {
      .lo = (double)NAN, .hi = (double)NAN, .calibrated = calibrated};
  struct result *result;
  struct error error;
  if (result_compute(tensor, &quantizer, &request, NULL, &result, &error) != STATUS_OK)
    fail_msg("%s: %s", spec, error.text);
  return result;
}

static struct described describe(const struct tensor *tensor)
{
  struct described described = {.tensor = tensor};
  assert_int_equal(facts_of_tensor(tensor, NULL, &described.facts, &described.digest, NULL),
                   STATUS_OK);
  return described;
}

static void assert_near(double found, double expected)
{
  if (!(fabs(found - expected) <= 1e-12 * fabs(expected)))
    fail_msg("found %.17g, expected %.17g", found, expected);
}

/* Two parts of the data: their common numbers are those of the whole. */
static void test_pooled(void **state)
{
  (void)state;
  static const char *const specs[] = {"int8", "int8,asym,percentile=99", "int8,channel=1", "e4m3"};
  const struct tensor whole = tensor_over(values, (struct shape){2, {ROWS, COLUMNS}});
  const struct tensor parts[] = {
      tensor_over(values, (struct shape){2, {2, COLUMNS}}),
      tensor_over(values + 2 * COLUMNS, (struct shape){2, {4, COLUMNS}})};
  struct batches *batches = batches_new();
  struct described data[] = {describe(&parts[0]), describe(&parts[1])};
  for (int i = 0; i < 2; i++)
    assert_int_equal(batches_add(batches, &parts[i], NULL, (struct batching){0}, NULL), STATUS_OK);
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
    const struct quantizer quantizer = quantizer_of(specs[i]);
    struct result *result = measure(&whole, specs[i], (struct calibrated){0});
    struct drift drift;
    assert_int_equal(
        drift_measure(data, 2, &quantizer, &(struct calibrated){.on = batches}, NULL, &drift, NULL),
        STATUS_OK);
    assert_int_equal(drift.finite, result->facts.finite);
    assert_true(drift.min == result->facts.min && drift.max == result->facts.max);
    assert_near(drift.mse, result->metrics.mse);
    assert_near(drift.sqnr_db, result->metrics.sqnr_db);
    assert_near(drift.clip_rate, result->metrics.clip_rate);
    assert_true(drift.max_abs_error == result->metrics.max_abs_error);
    result_free(result);
  }
  batches_free(batches);
}

/* Scales from what was seen, numbers from what came later. */
static void test_deployed(void **state)
{
  (void)state;
  const struct shape shape = {2, {ROWS, COLUMNS}};
  const struct tensor seen = tensor_over(values, shape), now = tensor_over(later, shape);
  struct batches *batches = batches_new();
  assert_int_equal(batches_add(batches, &seen, NULL, (struct batching){0}, NULL), STATUS_OK);
  static const char *const specs[] = {"int8", "int8,channel=1,mse"};
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
    struct result *there = measure(&seen, specs[i], (struct calibrated){0});
    struct result *here = measure(&now, specs[i], (struct calibrated){.on = batches});
    for (size_t unit = 0; unit < fit_grain(there->fit)->units; unit++)
      assert_true(fit_scale(here->fit, unit) == fit_scale(there->fit, unit));
    assert_int_equal(here->facts.finite, N);
    result_free(there);
    result_free(here);
  }
  /* Dynamic: nothing of the calibration data. */
  struct result *own = measure(&now, "int8,token", (struct calibrated){0});
  struct result *dynamic = measure(&now, "int8,token", (struct calibrated){.on = batches});
  assert_true(own->metrics.mse == dynamic->metrics.mse);
  result_free(own);
  result_free(dynamic);
  batches_free(batches);
}

/* Calibration data of 16 bits are read through their digest, and say the same. */
static void test_digest(void **state)
{
  (void)state;
  enum { MANY = 70000 };
  static const char *const specs[] = {"int8,percentile=99", "int8,mse", "int8,asym,entropy",
                                      "int8,ema"};
  float *x = random_values(MANY, 7, true);
  uint16_t *stored = malloc(MANY * sizeof *stored);
  assert_non_null(stored);
  for (size_t i = 0; i < MANY; i++) {
    uint32_t bits;
    memcpy(&bits, &x[i], sizeof bits);
    stored[i] = (uint16_t)(bits >> 16);
  }
  const struct tensor seen = {.name = "x",
                              .shape = {1, {MANY}},
                              .stored = stored_find("bf16"),
                              .count = MANY,
                              .bytes = 2 * (size_t)MANY,
                              .data = (const unsigned char *)stored};
  const struct tensor now = tensor_over(later, (struct shape){2, {ROWS, COLUMNS}});
  struct described described = describe(&seen);
  assert_non_null(described.digest);
  struct batches *counted = batches_new(), *plain = batches_new();
  assert_int_equal(batches_add(counted, &seen, described.digest, (struct batching){0}, NULL),
                   STATUS_OK);
  assert_int_equal(batches_add(plain, &seen, NULL, (struct batching){0}, NULL), STATUS_OK);
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
    struct result *a = measure(&now, specs[i], (struct calibrated){.on = counted});
    struct result *b = measure(&now, specs[i], (struct calibrated){.on = plain});
    assert_true(fit_scale(a->fit, 0) == fit_scale(b->fit, 0));
    assert_true(a->metrics.mse == b->metrics.mse);
    result_free(a);
    result_free(b);
  }
  batches_free(counted);
  batches_free(plain);
  digest_free(described.digest);
  free(stored);
  free(x);
}

/* Rows that look at all values do not care how they came; running ones do. */
static void test_own_batches(void **state)
{
  (void)state;
  const struct tensor tensor = tensor_over(values, (struct shape){2, {ROWS, COLUMNS}});
  const struct calibrated by_row = {.batching = {true, 0}};
  static const char *const specs[] = {"int8,percentile=99", "int8,ema=0.3"};
  for (int i = 0; i < 2; i++) {
    struct result *at_once = measure(&tensor, specs[i], (struct calibrated){0});
    struct result *batched = measure(&tensor, specs[i], by_row);
    assert_true((fit_scale(at_once->fit, 0) == fit_scale(batched->fit, 0)) == (i == 0));
    result_free(at_once);
    result_free(batched);
  }
}

/* Nothing finite in the calibration data: no number, and no clipping is claimed. */
static void test_no_numbers(void **state)
{
  (void)state;
  static const float nothing[] = {NAN, INFINITY};
  const struct tensor tensor = tensor_over(nothing, (struct shape){1, {2}});
  struct described data = describe(&tensor);
  struct batches *batches = batches_new();
  const struct quantizer quantizer = quantizer_of("int8");
  struct drift drift;
  assert_int_equal(batches_add(batches, &tensor, NULL, (struct batching){0}, NULL), STATUS_OK);
  assert_int_equal(
      drift_measure(&data, 1, &quantizer, &(struct calibrated){.on = batches}, NULL, &drift, NULL),
      STATUS_OK);
  assert_int_equal(drift.finite, 0);
  assert_true(isnan(drift.mse) && isnan(drift.sqnr_db) && isnan(drift.clip_rate) &&
              isnan(drift.min));
  batches_free(batches);
}

static void test_cancelled(void **state)
{
  (void)state;
  const struct tensor tensor = tensor_over(values, (struct shape){2, {ROWS, COLUMNS}});
  struct described data = describe(&tensor);
  struct batches *batches = batches_new();
  const struct quantizer quantizer = quantizer_of("int8,ema");
  struct progress progress = {0};
  struct drift drift;
  struct error error;
  assert_int_equal(batches_add(batches, &tensor, NULL, (struct batching){true, 0}, NULL),
                   STATUS_OK);
  progress_cancel(&progress);
  assert_int_equal(drift_measure(&data, 1, &quantizer, &(struct calibrated){.on = batches},
                                 &progress, &drift, &error),
                   STATUS_CANCELLED);
  batches_free(batches);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pooled),      cmocka_unit_test(test_deployed),
      cmocka_unit_test(test_own_batches), cmocka_unit_test(test_digest),
      cmocka_unit_test(test_no_numbers),  cmocka_unit_test(test_cancelled),
  };
  kernels_init();
  return cmocka_run_group_tests_name("drift", tests, setup, teardown);
}
