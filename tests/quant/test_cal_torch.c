/* PyTorch's and torchao's HistogramObserver against what they computed (conformance vectors): the
 * range, and scale and zero point under scale-rule=pytorch; and the golden rows of CONVENTIONS 2.4.
 * Left out: inputs with NaN or infinities, which the references refuse or drop, and zeros, about
 * which no calibrator is asked here. */
#include "quant/scale_rule.h"

#include "tests/quant/reference.h"
#include "tests/support/manifest.h"
#include "tests/support/npy_vectors.h"
#include "tests/support/portable.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

enum { BATCHES = 5, GOLDEN = 1 << 20, OPTION_TRUNCATE = 1 };

static struct sample sample_of(const struct vector *vector, bool in_batches,
                               struct sample batch[BATCHES])
{
  const float *x = vector_floats(vector);
  struct sample sample = reference_sample(x, vector->count);
  size_t row = vector->count / BATCHES;
  if (in_batches) {
    for (size_t i = 0; i < BATCHES; i++)
      batch[i] = reference_sample(x + i * row, row);
    sample.batch = batch;
    sample.batches = BATCHES;
  }
  return sample;
}

static bool check(const json_t *entry, const char *row, bool truncate)
{
  const char *config = manifest_text(entry, "config");
  bool symmetric = strstr(config, "symmetric") != NULL;
  struct vector vector;
  struct sample batch[BATCHES];
  struct scaling scaling;
  struct choice choice;
  assert_true(
      vector_load(&vector, "conformance/calibration/inputs/%s.npy", manifest_text(entry, "input")));
  struct sample sample = sample_of(&vector, strstr(config, "multibatch") != NULL, batch);
  struct calibration calibration = reference_calibration(row, "int8", !symmetric);
  calibration.rule = scale_rule_find("pytorch");
  if (truncate)
    calibration.option[OPTION_TRUNCATE] = 1;
  assert_int_equal(calibrator_find(row)->choose(&calibration, &sample, &choice, NULL), STATUS_OK);
  calibration_scale(&calibration, &choice, &scaling);
  vector_free(&vector);
  double lo = manifest_number(entry, "new_min"), hi = manifest_number(entry, "new_max"),
         width = hi - lo;
  bool same = fabs(choice.lo - lo) <= 1e-6 * width && fabs(choice.hi - hi) <= 1e-6 * width &&
              fabs((double)scaling.scale - manifest_number(entry, "scale")) <=
                  1e-6 * (double)scaling.scale &&
              scaling.zero == (symmetric ? 0 : lrint(manifest_number(entry, "zero_point")));
  if (!same)
    print_message("# %s %s %s: %.9g..%.9g, %.9g, %ld; expected %.9g..%.9g, %.9g, %g\n", row,
                  manifest_text(entry, "input"), config, choice.lo, choice.hi,
                  (double)scaling.scale, scaling.zero, lo, hi, manifest_number(entry, "scale"),
                  manifest_number(entry, "zero_point"));
  return same;
}

static void check_family(const char *family, const char *row, bool truncate, size_t expected)
{
  size_t i, checked = 0, same = 0;
  json_t *entry;
  if (!vectors_folder())
    skip();
  json_t *root = manifest_load("torch");
  json_array_foreach(json_object_get(root, "entries"), i, entry) {
    if (strcmp(manifest_text(entry, "family"), family) != 0 || json_object_get(entry, "raises") ||
        strcmp(manifest_text(entry, "input"), "zeros") == 0 ||
        strcmp(manifest_text(entry, "input"), "special") == 0)
      continue;
    checked++;
    same += check(entry, row, truncate);
  }
  json_decref(root);
  assert_int_equal(checked, expected);
  assert_int_equal(same, checked);
}

static void test_shipped(void **state)
{
  (void)state;
  check_family("torch_histogram_1.13.1", "torch-histogram", true, 33);
}

static void test_whole_range(void **state)
{
  (void)state;
  check_family("torch_histogram_1.13.1_nocast", "torch-histogram", false, 35);
}

static void test_torchao(void **state)
{
  (void)state;
  check_family("torch_histogram_torchao", "torchao-histogram", false, 35);
}

/* CONVENTIONS 2.4: quint8 affine, ends as printed. */
static void test_golden(void **state)
{
  (void)state;
  static const struct {
    double lo, hi, tolerance, db;
  } rows[] = {
      {-3.881, 3.967, 5e-4, 40.63}, {-10.32, 9.74, 6e-3, 35.25}, {-46.7, 56.8, 6e-2, 18.76}};
  float *x = calloc(GOLDEN, sizeof *x);
  assert_non_null(x);
  for (size_t i = 0; i < 3; i++) {
    (i == 0 ? portable_gaussian : i == 1 ? portable_laplace : portable_student3)(x, GOLDEN);
    struct sample sample = reference_sample(x, GOLDEN);
    struct calibration calibration = reference_calibration("torch-histogram", "int8", true);
    struct choice choice;
    calibration.rule = scale_rule_find("pytorch");
    assert_int_equal(
        calibrator_find("torch-histogram")->choose(&calibration, &sample, &choice, NULL),
        STATUS_OK);
    struct reference found = reference_run(&calibration, "torch-histogram", &sample);
    if (fabs(choice.lo - rows[i].lo) > rows[i].tolerance ||
        fabs(choice.hi - rows[i].hi) > rows[i].tolerance || fabs(found.db - rows[i].db) > 6e-3)
      fail_msg("tensor %zu: %.6g..%.6g, %.4f dB", i, choice.lo, choice.hi, found.db);
  }
  free(x);
}

static void test_degenerate(void **state)
{
  (void)state;
  static const float data[][4] = {{1, 1, 1, 1},      {0, 1e-45f, 0, 0},      {FLT_MAX, -FLT_MAX},
                                  {1e30f, -1, 0, 1}, {1e-30f, 2e-30f, 0, 0}, {-5, -4, -3, -2}};
  static const char *const names[] = {"torch-histogram", "torchao-histogram"};
  for (size_t d = 0; d < sizeof data / sizeof *data; d++)
    for (size_t k = 0; k < 2; k++) {
      struct sample sample = reference_sample(data[d], 4), batch[2];
      struct calibration calibration = reference_calibration(names[k], "int8", true);
      struct choice choice;
      assert_int_equal(calibrator_find(names[k])->choose(&calibration, &sample, &choice, NULL),
                       STATUS_OK);
      assert_true(isfinite(choice.lo) && isfinite(choice.hi) && choice.lo <= choice.hi);
      /* a second batch that is thousands of times wider */
      static const float wide[] = {-3e30f, 5e30f};
      batch[0] = sample;
      batch[1] = reference_sample(wide, 2);
      sample.batch = batch;
      sample.batches = 2;
      assert_int_equal(calibrator_find(names[k])->choose(&calibration, &sample, &choice, NULL),
                       STATUS_OK);
      assert_true(isfinite(choice.lo) && isfinite(choice.hi) && choice.lo <= choice.hi);
    }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_shipped),    cmocka_unit_test(test_whole_range),
      cmocka_unit_test(test_torchao),    cmocka_unit_test(test_golden),
      cmocka_unit_test(test_degenerate),
  };
  return cmocka_run_group_tests_name("PyTorch's histogram observers", tests, NULL, NULL);
}
