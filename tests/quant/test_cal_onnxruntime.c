/* ONNX Runtime's calibrators against what its own code chose (conformance vectors), and the golden
 * rows of CONVENTIONS 2.4.
 *
 * Left out: entries that the reference refuses, tensors with NaN or infinities (here they are left
 * aside) and all-zero tensors, which no calibrator is asked about. */
#include "quant/batch_histogram.h"

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

enum { BATCHES = 5, BINS = 0, LEVELS, ROOTS = 1 };

/* "p99.9_asym_2048" and "bins2048_q255" and the batched "entropy_asym_bins128_q128_p0". */
static struct calibration calibration_of(const json_t *entry, const char *row)
{
  const char *config = manifest_text(entry, "config");
  bool asymmetric = strstr(config, "asym") != NULL;
  struct calibration calibration = reference_calibration(row, "int8", asymmetric);
  const char *bins = strstr(config, "bins"), *levels = strstr(config, "_q");
  const char *percentile = config[0] == 'p' ? strrchr(config, 'p') : NULL;
  if (bins)
    calibration.option[BINS] = atof(bins + 4);
  if (levels && strstr(row, "entropy"))
    calibration.option[LEVELS] = atof(levels + 2);
  if (percentile && strstr(row, "percentile"))
    calibration.parameter = atof(percentile + 1);
  return calibration;
}

/* --- near ties ------------------------------------------------------------------------ */

enum { TIE_BINS = 2048, TIE_LEVELS = 128 };

/* What the search minimises for the window of HALF bins around the middle one, written down once
 * more from the rule (vectors, README 3.3) in double. */
static void smooth(double *p, size_t n)
{
  size_t empty = 0;
  for (size_t i = 0; i < n; i++)
    empty += p[i] == 0;
  double taken = 1e-4 * (double)empty / (double)(n - empty);
  for (size_t i = 0; i < n; i++)
    p[i] += p[i] == 0 ? 1e-4 : -taken;
}

static double divergence(const double *bins, size_t half)
{
  double p[TIE_BINS + 1], q[TIE_BINS + 1], sum_p = 0, sum_q = 0, found = 0;
  size_t middle = TIE_BINS / 2, start = middle - half, end = middle + half + 1;
  end = end < TIE_BINS ? end : TIE_BINS;
  size_t n = end - start, merged = n / TIE_LEVELS;
  memcpy(p, bins + start, n * sizeof *p);
  for (size_t i = 0; i < start; i++)
    p[0] += bins[i];
  for (size_t i = end; i < TIE_BINS; i++)
    p[n - 1] += bins[i];
  memset(q, 0, sizeof q);
  for (size_t level = 0; level < TIE_LEVELS; level++) {
    size_t first = level * merged, last = first + merged, filled = 0;
    double sum = 0;
    for (size_t i = first; i < (level + 1 < TIE_LEVELS ? last : n); i++)
      sum += bins[start + i];
    for (size_t i = first; i < last; i++)
      filled += p[i] != 0;
    for (size_t i = first; i < last && filled; i++)
      q[i] = floor(sum / (double)filled);
  }
  smooth(p, n);
  smooth(q, n);
  for (size_t i = 0; i < n; i++) {
    sum_p += p[i];
    sum_q += q[i];
  }
  for (size_t i = 0; i < n; i++)
    found += p[i] / sum_p * log(p[i] / sum_p / (q[i] / sum_q));
  return found;
}

/* Near ties of the search, at the seventh digit of a divergence in float32 (vectors, README 4). */
static bool is_near_tie(const json_t *entry)
{
  const char *input = manifest_text(entry, "input");
  return strcmp(manifest_text(entry, "config"), "bins2048_q128") == 0 &&
         (strcmp(input, "student_t3") == 0 || strcmp(input, "gelu_skew") == 0);
}

/* There another window may win, but none that is worse by more than 1e-5. */
static void check_tie(const json_t *entry, const struct choice *choice, const struct sample *sample)
{
  double top = (double)fmaxf(fabsf(sample->min), fabsf(sample->max)), width = 2 * top / TIE_BINS;
  double *bins = calloc(TIE_BINS, sizeof *bins);
  assert_non_null(bins);
  for (size_t i = 0; i < sample->finite; i++) {
    double bin = floor(((double)sample->values[i] + top) / width);
    bins[(size_t)fmin(bin, TIE_BINS - 1)]++;
  }
  size_t half = (size_t)lround((choice->hi + top) / width) - TIE_BINS / 2 - 1;
  size_t theirs =
      (size_t)lround((manifest_number(entry, "highest") + top) / width) - TIE_BINS / 2 - 1;
  double found = divergence(bins, half), best = divergence(bins, theirs);
  const json_t *told = json_object_get(entry, "kl_min");
  if ((told && fabs(best / json_number_value(told) - 1) > 1e-5) || found > best * (1 + 1e-5))
    fail_msg("%s: divergence %.9g; the reference's %.9g", manifest_text(entry, "input"), found,
             best);
  free(bins);
}

static void check_range(const json_t *entry, const char *row, const struct sample *sample)
{
  struct calibration calibration = calibration_of(entry, row);
  struct choice choice = reference_choice(row, &calibration, sample);
  float lo = (float)manifest_number(entry, "lowest"), hi = (float)manifest_number(entry, "highest");
  if ((float)choice.lo == lo && (float)choice.hi == hi)
    return;
  if (is_near_tie(entry))
    check_tie(entry, &choice, sample);
  else
    fail_msg("%s of %s, %s: %.9g..%.9g, expected %.9g..%.9g", row, manifest_text(entry, "input"),
             manifest_text(entry, "config"), choice.lo, choice.hi, (double)lo, (double)hi);
}

/* Mean and deviation; the scale is the deviation over that of the 254 finite codes of e4m3fn, which
 * are known: both zeros, 7 and 120 magnitudes of each sign. */
static void check_distribution(const json_t *entry, const struct sample *sample)
{
  double squares = 0, mean, std;
  for (int code = 0; code < 127; code++) {
    double fraction = code % 8, power = code / 8;
    double value = power > 0 ? ldexp(8 + fraction, (int)power - 10) : ldexp(fraction, -9);
    squares += 2 * value * value;
  }
  double expected = manifest_number(entry, "std");
  struct calibration calibration = reference_calibration("distribution", "e4m3", false);
  struct batch_histogram histogram;
  calibration.option[BINS] = atof(manifest_text(entry, "config") + 4);
  calibration.option[ROOTS] = strstr(manifest_text(entry, "config"), "p3") != NULL;
  assert_int_equal(batch_histogram_make(&histogram, sample, HISTOGRAM_SIGNED,
                                        (size_t)calibration.option[BINS], NULL),
                   STATUS_OK);
  assert_true((float)histogram.edge[0] == (float)manifest_number(entry, "lowest"));
  assert_true((float)histogram.edge[histogram.bins] == (float)manifest_number(entry, "highest"));
  batch_histogram_moments(&histogram, calibration.option[ROOTS] > 0, &mean, &std);
  batch_histogram_free(&histogram);
  /* The reference squares in float32. Of a tensor far from zero little is left of the spread. */
  double allowed = 1e-6 * (mean * mean / (expected * expected) + 1) * expected;
  if (fabs(mean - manifest_number(entry, "avg")) > 1e-6 * (fabs(mean) + expected) ||
      fabs(std - expected) > allowed)
    fail_msg("%s, %s: mean %.9g, std %.9g; expected %.9g, %.9g", manifest_text(entry, "input"),
             manifest_text(entry, "config"), mean, std, manifest_number(entry, "avg"), expected);
  struct choice choice = reference_choice("distribution", &calibration, sample);
  if (std > 0)
    assert_true(choice.has_scale &&
                fabs((double)choice.scale * sqrt(squares / 254) - std) <= 1e-6 * std);
}

static void check_entry(const json_t *entry, const struct sample *sample, size_t checked[3])
{
  const char *family = manifest_text(entry, "family");
  if (strcmp(family, "ort_percentile") == 0) {
    check_range(entry, "onnxruntime-percentile", sample);
    checked[0]++;
  } else if (strcmp(family, "ort_entropy") == 0 || strcmp(family, "ort_entropy_1.16dev") == 0) {
    check_range(entry, "onnxruntime-entropy", sample);
    checked[1]++;
  } else if (strcmp(family, "ort_distribution") == 0 &&
             json_is_number(json_object_get(entry, "std"))) {
    check_distribution(entry, sample);
    checked[2]++;
  }
}

static void test_vectors(void **state)
{
  (void)state;
  size_t i, checked[3] = {0};
  json_t *entry, *loaded;
  if (!vectors_folder())
    skip();
  loaded = manifest_load("ort");
  json_array_foreach(json_object_get(loaded, "entries"), i, entry) {
    struct vector vector;
    if (json_object_get(entry, "raises") || strcmp(manifest_text(entry, "input"), "batches") == 0)
      continue;
    assert_true(vector_load(&vector, "conformance/calibration/inputs/%s.npy",
                            manifest_text(entry, "input")));
    struct sample sample = reference_sample(vector_floats(&vector), vector.count);
    if (isfinite(sample.min) && isfinite(sample.max) && sample_absmax(&sample) > 0 &&
        strcmp(manifest_text(entry, "input"), "special") != 0)
      check_entry(entry, &sample, checked);
    vector_free(&vector);
  }
  json_decref(loaded);
  printf("# percentile %zu, entropy %zu, distribution %zu\n", checked[0], checked[1], checked[2]);
  assert_true(checked[0] == 136 && checked[1] == 106 && checked[2] == 60);
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
  loaded = manifest_load("ort");
  assert_true(vector_load(&vector, "conformance/calibration/inputs/batches.npy"));
  size_t length = vector.count / BATCHES;
  struct sample sample = reference_sample(vector_floats(&vector), vector.count);
  for (size_t k = 0; k < BATCHES; k++)
    batch[k] = reference_sample(vector_floats(&vector) + k * length, length);
  sample.batch = batch;
  sample.batches = BATCHES;
  json_array_foreach(json_object_get(loaded, "entries"), i, entry) {
    const char *config = manifest_text(entry, "config");
    if (strcmp(manifest_text(entry, "family"), "ort_hist_multibatch") != 0)
      continue;
    bool entropy = strncmp(config, "entropy", 7) == 0;
    struct batch_histogram histogram;
    enum batch_histogram_rule rule =
        strstr(config, "asym") ? HISTOGRAM_SIGNED : HISTOGRAM_MAGNITUDES;
    check_range(entry, entropy ? "onnxruntime-entropy" : "onnxruntime-percentile", &sample);
    size_t bins = (size_t)atoi(strstr(config, "bins") + 4);
    assert_int_equal(batch_histogram_make(&histogram, &sample, rule, bins, NULL), STATUS_OK);
    assert_int_equal(histogram.bins, (size_t)manifest_number(entry, "final_bins"));
    uint64_t total = 0;
    for (size_t k = 0; k < histogram.bins; k++)
      total += histogram.count[k];
    assert_int_equal(total, (uint64_t)manifest_number(entry, "hist_sum"));
    batch_histogram_free(&histogram);
    checked++;
  }
  vector_free(&vector);
  json_decref(loaded);
  assert_int_equal(checked, 5);
}

/* Batches whose ranges are worlds apart: counted as one, and nothing is lost. */
static void test_too_many_bins(void **state)
{
  (void)state;
  static const float zeros[2] = {0, 0}, small[2] = {1e-30F, -2e-30F}, large[3] = {1, -2, 1e20F};
  static const float all[7] = {0, 0, 1e-30F, -2e-30F, 1, -2, 1e20F};
  struct sample batch[3] = {reference_sample(zeros, 2), reference_sample(small, 2),
                            reference_sample(large, 3)};
  for (enum batch_histogram_rule rule = HISTOGRAM_TORCH; rule <= HISTOGRAM_SIGNED; rule++) {
    struct sample whole = reference_sample(all, 7);
    struct batch_histogram histogram;
    uint64_t total = 0;
    whole.batch = batch;
    whole.batches = 3;
    assert_int_equal(batch_histogram_make(&histogram, &whole, rule, 64, NULL), STATUS_OK);
    assert_int_equal(histogram.bins, 64);
    for (size_t i = 0; i < 64; i++)
      total += histogram.count[i];
    assert_int_equal(total, 7);
    batch_histogram_free(&histogram);
  }
}

static void test_golden(void **state)
{
  (void)state;
  enum { N = 1 << 20 };
  static void (*const makers[])(float *, size_t) = {portable_gaussian, portable_laplace,
                                                    portable_student3};
  static const double lo[] = {-4.315, -9.67, -20.7}, hi[] = {4.320, 9.69, 20.8},
                      digit[] = {1e-3, 1e-2, 0.1};
  float *x = malloc(N * sizeof *x);
  assert_non_null(x);
  for (size_t source = 0; source < 3; source++) {
    makers[source](x, N);
    struct sample sample = reference_sample(x, N);
    struct calibration calibration = reference_calibration("onnxruntime-entropy", "int8", true);
    struct choice choice = reference_choice("onnxruntime-entropy", &calibration, &sample);
    assert_true(choice.lo == (double)sample.min && choice.hi == (double)sample.max);
    calibration.option[BINS] = 2048;
    choice = reference_choice("onnxruntime-entropy", &calibration, &sample);
    if (fabs(choice.lo - lo[source]) > digit[source] ||
        fabs(choice.hi - hi[source]) > digit[source])
      fail_msg("entropy, %zu: %.6g..%.6g", source, choice.lo, choice.hi);
    static const double percentile[] = {4.351, 11.63, 61.39};
    calibration = reference_calibration("onnxruntime-percentile", "int8", false);
    choice = reference_choice("onnxruntime-percentile", &calibration, &sample);
    if (fabs(fmax(choice.hi, -choice.lo) / percentile[source] - 1) > 6e-4)
      fail_msg("percentile, %zu: %.6g..%.6g", source, choice.lo, choice.hi);
  }
  free(x);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_vectors),
      cmocka_unit_test(test_batches),
      cmocka_unit_test(test_too_many_bins),
      cmocka_unit_test(test_golden),
  };
  return cmocka_run_group_tests_name("ONNX Runtime's calibrators", tests, NULL, NULL);
}
