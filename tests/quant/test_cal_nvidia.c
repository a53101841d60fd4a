/* NVIDIA's calibrators against what pytorch-quantization and Model-Optimizer themselves chose
 * (conformance vectors), and the golden rows of CONVENTIONS 2.4.
 *
 * Left out: entries that the reference refuses (NaN and infinities in `special`; here they are left
 * aside), those of all-zero tensors, which no calibrator is asked about, and the mse_curve entries,
 * which are curves and no calibrator's choice. trt_mse and modelopt_mse of `micro`: the reference
 * takes every number for 0 when the threshold is below 2^-24, so that all candidates are equal and
 * the first wins; trt_mse of `huge`: its float32 sums overflow. */
#include "tests/quant/reference.h"
#include "tests/support/manifest.h"
#include "tests/support/npy_vectors.h"
#include "tests/support/portable.h"

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

enum { BATCHES = 5, BINS = 0, NUMPY, START, STRIDE };

/* Squared error of the narrow symmetric (or unsigned) grid with threshold T. */
static double grid_error(const struct sample *sample, int bits, bool asymmetric, double t)
{
  double levels = asymmetric ? ldexp(1, bits) - 1 : ldexp(1, bits - 1) - 1, scale = t / levels;
  double sum = 0;
  for (size_t i = 0; i < sample->finite; i++) {
    double x = (double)sample->values[i];
    double code = fmin(fmax(nearbyint(x / scale), asymmetric ? 0 : -levels), levels);
    sum += (x - code * scale) * (x - code * scale);
  }
  return sum;
}

static bool is_family(const json_t *entry, const char *family, const char *row)
{
  return row && strcmp(manifest_text(entry, "family"), family) == 0;
}

static const char *row_of(const json_t *entry)
{
  static const char *const rows[][2] = {{"trt_max", "nvidia-max"},
                                        {"trt_percentile", "nvidia-percentile"},
                                        {"trt_entropy", "nvidia-entropy"},
                                        {"trt_mse", "nvidia-mse"},
                                        {"modelopt_mse", "modelopt-mse"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (is_family(entry, rows[i][0], rows[i][1]))
      return rows[i][1];
  return NULL;
}

/* Equal, or of equal worth: a search's objective may be within 1e-5 of the reference's. */
static void check_entry(const json_t *entry, const char *row, const struct sample *sample)
{
  const char *config = manifest_text(entry, "config");
  bool search = strstr(row, "mse") != NULL;
  const char *format = strstr(config, "int4") ? "int4" : "int8";
  struct calibration calibration =
      reference_calibration(row, format, strstr(config, "unsigned") != NULL);
  calibration.narrow = !calibration.asymmetric;
  if (strcmp(row, "nvidia-percentile") == 0)
    calibration.parameter = manifest_number(entry, "percentile");
  if (strcmp(row, "modelopt-mse") == 0)
    calibration.option[2] = manifest_number(entry, "num_steps");
  else
    calibration.option[NUMPY] = strncmp(config, "np_hist", 7) == 0;
  struct choice choice = reference_choice(row, &calibration, sample);
  double expected = manifest_number(entry, "amax");
  double found = fmax(choice.hi, -choice.lo);
  if ((float)found == (float)expected)
    return;
  int bits = calibration.format->bits;
  double theirs = grid_error(sample, bits, calibration.asymmetric, expected);
  double ours = grid_error(sample, bits, calibration.asymmetric, found);
  if (!search || fabs(ours - theirs) > 1e-5 * theirs)
    fail_msg("%s of %s, %s: %.9g, expected %.9g", row, manifest_text(entry, "input"), config, found,
             expected);
}

static void test_vectors(void **state)
{
  (void)state;
  size_t i, checked = 0;
  json_t *entry, *loaded;
  if (!vectors_folder())
    skip();
  loaded = manifest_load("trt");
  json_array_foreach(json_object_get(loaded, "entries"), i, entry) {
    const char *row = row_of(entry);
    struct vector vector;
    if (!row || json_object_get(entry, "raises") || !json_is_number(json_object_get(entry, "amax")))
      continue;
    assert_true(vector_load(&vector, "conformance/calibration/inputs/%s.npy",
                            manifest_text(entry, "input")));
    struct sample sample = reference_sample(vector_floats(&vector), vector.count);
    bool micro = strcmp(manifest_text(entry, "input"), "micro") == 0 && strstr(row, "mse");
    bool huge =
        strcmp(manifest_text(entry, "input"), "huge") == 0 && strcmp(row, "nvidia-mse") == 0;
    if (!micro && !huge && isfinite(sample.min) && isfinite(sample.max) &&
        sample_absmax(&sample) > 0) {
      check_entry(entry, row, &sample);
      checked++;
    }
    vector_free(&vector);
  }
  json_decref(loaded);
  printf("# %zu vectors\n", checked);
  assert_int_equal(checked, 336);
}

/* --- histograms ----------------------------------------------------------------------------- */

static void test_other_widths(void **state)
{
  (void)state;
  static const struct {
    const char *key, *row, *format;
    double start, stride;
  } cases[] = {{"entropy_int4", "nvidia-entropy", "int4", 128, 1},
               {"entropy_int6", "nvidia-entropy", "int6", 128, 1},
               {"entropy_stride4_start256", "nvidia-entropy", "int8", 256, 4},
               {"mse_int4", "nvidia-mse", "int4", 128, 1},
               {"mse_int6", "nvidia-mse", "int6", 128, 1}};
  size_t i, checked = 0;
  json_t *entry, *loaded;
  if (!vectors_folder())
    skip();
  loaded = manifest_load("trt");
  json_array_foreach(json_object_get(loaded, "entries"), i, entry) {
    struct vector vector;
    if (strcmp(manifest_text(entry, "family"), "trt_hist") != 0)
      continue;
    assert_true(vector_load(&vector, "conformance/calibration/inputs/%s.npy",
                            manifest_text(entry, "input")));
    struct sample sample = reference_sample(vector_floats(&vector), vector.count);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++, checked++) {
      struct calibration calibration = reference_calibration(cases[c].row, cases[c].format, false);
      calibration.narrow = true;
      calibration.option[START] = cases[c].start;
      calibration.option[STRIDE] = cases[c].stride;
      struct choice choice = reference_choice(cases[c].row, &calibration, &sample);
      if ((float)choice.hi != (float)manifest_number(entry, cases[c].key))
        fail_msg("%s of %s: %.9g, expected %.9g", cases[c].key, manifest_text(entry, "input"),
                 choice.hi, manifest_number(entry, cases[c].key));
    }
    vector_free(&vector);
  }
  json_decref(loaded);
  assert_int_equal(checked, 15);
}

static struct sample union_of(const struct vector *vector, struct sample batch[BATCHES])
{
  size_t length = vector->count / BATCHES;
  struct sample whole = reference_sample(vector_floats(vector), vector->count);
  for (size_t i = 0; i < BATCHES; i++)
    batch[i] = reference_sample(vector_floats(vector) + i * length, length);
  whole.batch = batch;
  whole.batches = BATCHES;
  return whole;
}

/* Histograms that grow: five batches of rising and falling range. */
static void test_batches(void **state)
{
  (void)state;
  size_t i, checked = 0;
  json_t *entry, *loaded;
  struct vector vector;
  struct sample batch[BATCHES];
  if (!vectors_folder())
    skip();
  loaded = manifest_load("trt");
  assert_true(vector_load(&vector, "conformance/calibration/inputs/batches.npy"));
  struct sample sample = union_of(&vector, batch);
  json_array_foreach(json_object_get(loaded, "entries"), i, entry) {
    const char *config = manifest_text(entry, "config");
    if (strcmp(manifest_text(entry, "family"), "trt_hist_multibatch") != 0)
      continue;
    const char *row = strstr(config, "entropy") ? "nvidia-entropy"
                      : strstr(config, "mse")   ? "nvidia-mse"
                                                : "nvidia-percentile";
    struct calibration calibration = reference_calibration(row, "int8", false);
    calibration.narrow = true;
    calibration.option[NUMPY] = strncmp(config, "np_hist", 7) == 0;
    if (strstr(row, "percentile"))
      calibration.parameter = manifest_number(entry, "percentile");
    struct choice choice = reference_choice(row, &calibration, &sample);
    if (fabs(choice.hi / manifest_number(entry, "amax") - 1) > 1.2e-7)
      fail_msg("%s: %.9g, expected %.9g", config, choice.hi, manifest_number(entry, "amax"));
    checked++;
  }
  vector_free(&vector);
  json_decref(loaded);
  assert_int_equal(checked, 8);
}

/* Row by row. NaN where the reference raises; the zero row is not calibrated. */
static void test_calibrate_weights(void **state)
{
  (void)state;
  static const char *const names[] = {"percentile", "mse"};
  struct vector weights;
  size_t checked = 0;
  if (!vectors_folder())
    skip();
  assert_true(vector_load(&weights, "conformance/calibration/inputs/wmat.npy"));
  for (size_t k = 0; k < 2; k++) {
    struct vector expected;
    char row[32];
    snprintf(row, sizeof row, "nvidia-%s", names[k]);
    assert_true(vector_load(
        &expected, "conformance/calibration/expected/trt/wmat_calibrate_weights_%s.npy", names[k]));
    assert_int_equal(expected.count, weights.dim[0]);
    for (size_t i = 0; i < weights.dim[0]; i++) {
      struct sample sample =
          reference_sample(vector_floats(&weights) + i * weights.dim[1], weights.dim[1]);
      double theirs = vector_number(&expected, i);
      bool micro = k == 1 && sample_absmax(&sample) <= 0x1p-24F; /* see above */
      if (isnan(theirs) || sample_absmax(&sample) == 0 || micro)
        continue;
      struct calibration calibration = reference_calibration(row, "int8", false);
      calibration.narrow = true;
      struct choice choice = reference_choice(row, &calibration, &sample);
      double ours = grid_error(&sample, 8, false, choice.hi);
      double least = grid_error(&sample, 8, false, theirs);
      /* Its edges are numpy's over 0..max: the last bit may differ from torch's. */
      if (fabs(choice.hi / theirs - 1) > 1.2e-7 && (k == 0 || fabs(ours - least) > 1e-5 * least))
        fail_msg("%s, row %zu: %.9g, expected %.9g", row, i, choice.hi, theirs);
      checked++;
    }
    vector_free(&expected);
  }
  vector_free(&weights);
  printf("# %zu rows\n", checked);
  assert_int_equal(checked, 61);
}

/* --- golden numbers -------------------------------------------------------------------------- */

static void test_golden(void **state)
{
  (void)state;
  enum { N = 1 << 20 };
  static void (*const makers[])(float *, size_t) = {portable_gaussian, portable_laplace,
                                                    portable_student3};
  static const struct {
    const char *row;
    double parameter, clip[3], db[3];
  } golden[] = {
      {"nvidia-max", 0, {4.866, 13.99, 165.4}, {39.12, 32.95, 13.29}},
      {"nvidia-percentile", 99.9, {3.284, 6.871, 13.00}, {37.18, 29.68, 12.54}},
      {"nvidia-percentile", 99.99, {3.890, 9.043, 28.59}, {40.59, 34.95, 16.21}},
      {"nvidia-percentile", 99.999, {4.351, 11.63, 61.39}, {40.06, 34.48, 18.70}},
      {"nvidia-entropy", 0, {4.569, 9.801, 21.49}, {39.66, 35.22, 14.87}},
      {"nvidia-mse", 0, {3.905, 9.757, 61.59}, {40.60, 35.22, 18.70}},
      {"modelopt-mse", 0, {4.098, 10.40, 57.68}, {40.46, 35.10, 18.65}},
  };
  float *x = malloc(N * sizeof *x);
  assert_non_null(x);
  for (size_t source = 0; source < 3; source++) {
    makers[source](x, N);
    struct sample sample = reference_sample(x, N);
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
      struct calibration calibration = reference_calibration(golden[i].row, "int8", false);
      calibration.narrow = true;
      calibration.parameter = golden[i].parameter;
      struct reference found = reference_run(&calibration, golden[i].row, &sample);
      double clip = (double)found.scale * 127, stated = golden[i].clip[source];
      if (fabs(clip - stated) > 6e-4 * stated || fabs(found.db - golden[i].db[source]) > 6e-3)
        fail_msg("%s, %zu: clip %.6g, %.4f dB; stated %g, %g", golden[i].row, source, clip,
                 found.db, stated, golden[i].db[source]);
    }
  }
  free(x);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_vectors), cmocka_unit_test(test_other_widths),
      cmocka_unit_test(test_batches), cmocka_unit_test(test_calibrate_weights),
      cmocka_unit_test(test_golden),
  };
  return cmocka_run_group_tests_name("NVIDIA's calibrators", tests, NULL, NULL);
}
