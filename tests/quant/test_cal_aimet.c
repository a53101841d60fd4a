/* AIMET's calibrators against its own encodings (conformance vectors of its CPU library) under
 * scale-rule=aimet, and against the portable Gaussian of CONVENTIONS 2.4. Left out: all-zero
 * tensors, which no calibrator is asked about here (the quantizer gives them scale 1). */
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

static const double TOLERANCE = 2e-6;

enum { BATCHES = 5, GOLDEN = 1 << 20 };

static struct calibration calibration_of(const char *row, const char *config)
{
  struct calibration calibration = reference_calibration(
      row, strncmp(config, "bw4", 3) == 0 ? "int4" : "int8", strstr(config, "asym") != NULL);
  const char *percent = strstr(config, "_p");
  calibration.narrow = strstr(config, "strict") != NULL;
  calibration.unsigned_codes = strstr(config, "unsigned") != NULL;
  calibration.rule = scale_rule_find("aimet");
  if (percent)
    calibration.parameter = atof(percent + 2);
  return calibration;
}

/* VECTOR as one sample, "batches" row by row. */
static struct sample sample_of(const struct vector *vector, const char *input,
                               struct sample batch[BATCHES])
{
  const float *x = vector_floats(vector);
  struct sample sample = reference_sample(x, vector->count);
  size_t row = vector->count / BATCHES;
  if (strcmp(input, "batches") == 0) {
    for (size_t i = 0; i < BATCHES; i++)
      batch[i] = reference_sample(x + i * row, row);
    sample.batch = batch;
    sample.batches = BATCHES;
  }
  return sample;
}

static bool check(const json_t *entry, const char *row)
{
  const char *config = manifest_text(entry, "config");
  const char *input = manifest_text(entry, "input");
  double delta = manifest_number(entry, "delta");
  long offset = (long)json_integer_value(json_object_get(entry, "offset"));
  struct vector vector;
  struct sample batch[BATCHES];
  struct choice choice = {.has_scale = false};
  struct scaling scaling;
  if (!vector_load(&vector, "conformance/calibration/inputs/%s.npy", input))
    return false;
  struct sample sample = sample_of(&vector, input, batch);
  struct calibration calibration = calibration_of(row, config);
  assert_int_equal(calibrator_find(row)->choose(&calibration, &sample, &choice, NULL), STATUS_OK);
  calibration_scale(&calibration, &choice, &scaling);
  vector_free(&vector);
  long zero = calibration.asymmetric || calibration.unsigned_codes ? -offset : 0;
  /* float32 against double where a range of 1e-9 is widened to 0.01; else two ulps */
  bool same = fabs((double)scaling.scale - delta) <= TOLERANCE * delta && scaling.zero == zero;
  if (!same)
    print_message("# %s %s %s: %.9g, %ld; expected %.9g, %ld\n", row, input, config,
                  (double)scaling.scale, scaling.zero, delta, zero);
  return same;
}

/* Rows whose words are other than the families'. */
static void check_family(const char *family, const char *row, size_t expected)
{
  size_t i, checked = 0, same = 0;
  json_t *entry;
  if (!vectors_folder())
    skip();
  json_t *root = manifest_load("aimet");
  json_array_foreach(json_object_get(root, "entries"), i, entry) {
    if (strcmp(manifest_text(entry, "family"), family) != 0 ||
        strcmp(manifest_text(entry, "input"), "zeros") == 0)
      continue;
    checked++;
    same += check(entry, row);
  }
  json_decref(root);
  assert_int_equal(checked, expected);
  assert_int_equal(same, checked);
}

static void test_tf(void **state)
{
  (void)state;
  check_family("aimet_tf", "aimet-tf", 108);
}

static void test_tf_enhanced(void **state)
{
  (void)state;
  check_family("aimet_tf_enhanced", "aimet-tf-enhanced", 108);
}

static void test_percentile(void **state)
{
  (void)state;
  check_family("aimet_percentile", "aimet-percentile", 432);
}

static void test_mse(void **state)
{
  (void)state;
  check_family("aimet_mse", "aimet-mse", 108);
}

static void test_entropy(void **state)
{
  (void)state;
  check_family("aimet_entropy", "aimet-entropy", 72);
}

/* CONVENTIONS 2.4, symmetric tf_enhanced on the Gaussian: SQNR as printed, the upper end within
 * 0.05 percent. That page's rows are of a re-implementation; its Laplace and t3 rows (10.25, 70.6)
 * are not met (10.97, 69.0), while all vectors of the library itself are. */
static void test_golden(void **state)
{
  (void)state;
  float *x = malloc(GOLDEN * sizeof *x);
  assert_non_null(x);
  portable_gaussian(x, GOLDEN);
  struct sample sample = reference_sample(x, GOLDEN);
  struct calibration calibration = reference_calibration("aimet-tf-enhanced", "int8", false);
  struct reference found = reference_run(&calibration, "aimet-tf-enhanced", &sample);
  free(x);
  assert_true(fabs((double)found.scale * 127 - 4.298) < 0.002);
  assert_true(fabs(found.db - 40.15) < 0.006);
}

/* Nothing crashes, and every scale is a number above 0. */
static void test_degenerate(void **state)
{
  (void)state;
  static const char *const rows[] = {"aimet-tf", "aimet-tf-enhanced", "aimet-percentile",
                                     "aimet-mse"};
  static const float tensors[][2] = {{1, 1},
                                     {-3.5F, -3.5F},
                                     {FLT_TRUE_MIN, FLT_TRUE_MIN},
                                     {-FLT_TRUE_MIN, 0},
                                     {-FLT_MAX, FLT_MAX},
                                     {FLT_MAX, FLT_MAX},
                                     {1e30F, 1e30F},
                                     {1e6F, 1e6F + 0.0625F},
                                     {0, 1}};
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
    for (size_t t = 0; t < sizeof tensors / sizeof *tensors; t++)
      for (int asymmetric = 0; asymmetric < 2; asymmetric++)
        for (size_t n = 1; n <= 2; n++) {
          struct sample sample = reference_sample(tensors[t], n);
          struct calibration calibration = reference_calibration(rows[r], "int8", asymmetric);
          struct choice choice = {.has_scale = false};
          struct scaling scaling;
          assert_int_equal(calibrator_find(rows[r])->choose(&calibration, &sample, &choice, NULL),
                           STATUS_OK);
          calibration_scale(&calibration, &choice, &scaling);
          if (!(isfinite(scaling.scale) && scaling.scale > 0 && scaling.zero >= 0 &&
                scaling.zero <= 255))
            fail_msg("%s, tensor %zu, %zu values: %g, %ld", rows[r], t, n, (double)scaling.scale,
                     scaling.zero);
        }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tf),         cmocka_unit_test(test_tf_enhanced),
      cmocka_unit_test(test_percentile), cmocka_unit_test(test_mse),
      cmocka_unit_test(test_entropy),    cmocka_unit_test(test_golden),
      cmocka_unit_test(test_degenerate),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
