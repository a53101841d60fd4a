/* Results on tensors that others can compute: the portable ones of CONVENTIONS 2.4, and a trained
 * network, whose numbers come from numpy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/result.h"
#include "data/source.h"
#include "tests/analysis/reference.h"
#include "tests/analysis/tensors.h"
#include "tests/support/portable.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct result *result_of(const struct tensor *tensor, const char *spec)
{
  struct quantizer quantizer = quantizer_of(spec);
  struct result_request request = {.lo = (double)NAN, .hi = (double)NAN};
  struct result *result = NULL;
  struct error error;
  if (result_compute(tensor, &quantizer, &request, NULL, &result, &error) != STATUS_OK)
    fail_msg("%s: %s", spec, error.text);
  return result;
}

/* SQNR in dB, as CONVENTIONS 2.4 prints it for the rows "max, /127", "affine min-max, uint8" and,
 * for int4 in groups of 128, "/7". */
static void test_portable_tensors(void **state)
{
  (void)state;
  static void (*const make[])(float *, size_t) = {portable_gaussian, portable_laplace,
                                                  portable_student3};
  const struct {
    const char *spec;
    double db[3], tolerance;
  } rows[] = {
      {"int8", {39.124, 32.950, 13.288}, 0.0006},
      {"int8,asym", {39.26, 33.15, 15.80}, 0.006},
      {"int4,group=128", {18.616, 15.926, 12.98}, 0.006},
  };
  size_t n = 1 << 20;
  float *x = calloc(n, sizeof *x);
  struct tensor tensor = tensor_over(x, (struct shape){.dims = 1, .dim = {n}});
  for (int d = 0; d < 3; d++) {
    make[d](x, n);
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
      struct result *result = result_of(&tensor, rows[r].spec);
      if (!(fabs(result->metrics.sqnr_db - rows[r].db[d]) < rows[r].tolerance))
        fail_msg("%s, tensor %d: %.4f dB, expected %.3f", rows[r].spec, d, result->metrics.sqnr_db,
                 rows[r].db[d]);
      assert_true(result->metrics.clip_rate == 0);
      result_free(result);
    }
  }
  free(x);
}

/* conv4.weight (128x64x3) of silero_vad_16k.safetensors. By numpy, per row of X = w.reshape(128,
 * -1):
 *
 *   s = np.float32(np.abs(X).max()) / np.float32(127)        # or .max(1)[:, None] per channel
 *   r = np.clip(np.rint(X / s), -128, 127).astype(np.float32); y = r * s
 *   d = X.astype(float) - y; e, p = (d**2).sum(), (X.astype(float)**2).sum()
 *   mse = (d**2).mean(); sqnr = 10 * np.log10(p / e); zero = ((X != 0) & (y == 0)).mean()
 *   m = np.abs(X) <= np.percentile(np.abs(X.astype(float)), 99)      # bulk
 *   bulk = 10 * np.log10((X[m].astype(float)**2).sum() / (d[m]**2).sum())
 *   ch = 10 * np.log10((X.astype(float)**2).sum(1) / (d**2).sum(1))  # median, min, argmin
 *   u, c = np.unique(r, return_counts=True); q = c / c.sum()         # levels, entropy
 *   entropy = -(q * np.log2(q)).sum()
 *   kurtosis = ((f - f.mean())**4).mean() / f.std()**4 - 3; papr = abs(f).max() /
 * sqrt((f*f).mean())
 */
struct golden {
  const char *spec;
  double mse, sqnr, max_error, median, worst, bulk, zero_rate, entropy;
  size_t worst_channel, levels;
  const char *verdict;
};

static void check_golden(const struct tensor *tensor, const struct golden *golden)
{
  struct result *result = result_of(tensor, golden->spec);
  const struct metrics *m = &result->metrics;
  char text[256];
  reference_near("mse", m->mse, golden->mse, 1e-12);
  reference_near("sqnr", m->sqnr_db, golden->sqnr, 1e-12);
  reference_near("max error", m->max_abs_error, golden->max_error, 1e-12);
  reference_near("median channel", m->channel_sqnr_median, golden->median, 1e-12);
  reference_near("worst channel", m->channel_sqnr_worst, golden->worst, 1e-12);
  reference_near("bulk", m->bulk_sqnr_db, golden->bulk, 1e-12);
  reference_near("zero rate", m->zero_rate, golden->zero_rate, 1e-15);
  reference_near("entropy", m->code_entropy_bits, golden->entropy, 1e-12);
  assert_int_equal(m->worst_channel, golden->worst_channel);
  assert_int_equal(m->levels_used, golden->levels);
  assert_string_equal(result_verdict(result, text, sizeof text), golden->verdict);
  /* Row 53 is 148 times the median row, and the first in the list of outliers. */
  assert_int_equal(result->channels.count, 128);
  assert_int_equal(result->channels.by_ratio[0], 53);
  reference_near("ratio", result->channels.channel[53].ratio, 36.702232 / 0.2473282, 1e-6);
  reference_near("std", result->facts.std, 0.28267907625732752, 1e-12);
  reference_near("kurtosis", result->facts.kurtosis, 12046.996630273694, 1e-11);
  reference_near("papr", m->papr, 129.83685511511078, 1e-12);
  reference_near("p99", result->facts.p99, 0.3340234085917473, 1e-15);
  result_free(result);
}

static void test_trained_network(void **state)
{
  (void)state;
  const struct golden rows[] = {
      {"int8", 0.001666619223025909, 16.807525989740494, 0.14444898068904877, 2.0628327398850672, 0,
       2.7092145151359706, 0.95072428385416663, 0.36303293496805178, 8, 19,
       "Outlier channel: one scale serves 128 channels "
       "although channel 53 is 148x the median: try channel (about 15 dB better)."},
      {"int8,channel", 5.6812745170406192e-05, 31.481432109778783, 0.14181599020957947,
       38.401515369371388, 31.128667547018143, 17.516175308283671, 0.0994873046875,
       5.4956981494155235, 53, 250,
       "Rounding is the whole error, nothing clips; 9.95 % of the values became zero."},
  };
  char path[1024];
  struct source *source = NULL;
  struct error error;
  size_t index;
  const char *shared = getenv("QSCOPE_SHARED");
  snprintf(path, sizeof path, "%s/samples/safetensors/silero_vad_16k.safetensors",
           shared ? shared : "");
  if (access(path, R_OK) != 0)
    skip();
  if (source_open(path, &source, &error) != STATUS_OK ||
      source_find(source, "conv4.weight", &index, &error) != STATUS_OK ||
      source_load(source, index, NULL, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  for (int i = 0; i < 2; i++)
    check_golden(source_tensor(source, index), &rows[i]);
  source_close(source);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_portable_tensors),
      cmocka_unit_test(test_trained_network),
  };
  kernels_init();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
