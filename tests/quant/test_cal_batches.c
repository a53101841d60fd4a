/* Values that came counted (a digest) or in batches: visits and percentiles against plain loops,
 * every row of the table on a digest against the values themselves, fits over batches against the
 * same tensor in one piece, moving ranges against PyTorch, llm-compressor and ONNX Runtime
 * (conformance vectors). */
#include "quant/base/pool.h"
#include "quant/quantizer.h"
#include "quant/sample.h"

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

enum { CODES = 65536, N = 100000 };

static float portable[3][N];

static int setup(void **state)
{
  (void)state;
  portable_gaussian(portable[0], N);
  portable_laplace(portable[1], N);
  portable_student3(portable[2], N);
  return 0;
}

/* --- digests -------------------------------------------------------------------------------- */

static float bfloat(uint32_t code)
{
  uint32_t bits = code << 16;
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static uint32_t bfloat_code(float x)
{
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits >> 16;
}

/* Cuts the values to bfloat16 and counts them. */
static struct digest *digest_of(float *x, size_t n)
{
  static float value[CODES];
  static uint64_t count[CODES];
  memset(count, 0, sizeof count);
  for (uint32_t code = 0; code < CODES; code++)
    value[code] = bfloat(code);
  for (size_t i = 0; i < n; i++) {
    x[i] = bfloat(bfloat_code(x[i]));
    count[bfloat_code(x[i])]++;
  }
  struct digest *digest = digest_new(value, count, CODES);
  assert_non_null(digest);
  return digest;
}

static void test_digest(void **state)
{
  (void)state;
  const float value[] = {2, -1, 0, NAN, INFINITY, -0.0f, 2, -INFINITY, 7, NAN};
  const uint64_t count[] = {3, 1, 4, 1, 5, 9, 2, 6, 0, 5};
  struct digest *digest = digest_new(value, count, 10);
  assert_non_null(digest);
  assert_int_equal(digest->distinct, 3);
  const float values[] = {-1, 0, 2};
  const uint64_t counts[] = {1, 13, 5};
  assert_memory_equal(digest->values, values, sizeof values); /* the zero is +0 */
  assert_memory_equal(digest->counts, counts, sizeof counts);
  assert_int_equal(digest->finite, 19);
  assert_int_equal(digest->nan, 6);
  assert_int_equal(digest->inf, 11);

  const float others[] = {3, -1, -5};
  struct digest *other = digest_new(others, count, 3), *sum = digest_merge(digest, other);
  assert_non_null(other);
  assert_non_null(sum);
  const float all[] = {-5, -1, 0, 2, 3};
  const uint64_t sums[] = {4, 2, 13, 5, 3};
  assert_int_equal(sum->distinct, 5);
  assert_memory_equal(sum->values, all, sizeof all);
  assert_memory_equal(sum->counts, sums, sizeof sums);
  assert_int_equal(sum->finite, 27);
  assert_int_equal(sum->nan, 6);
  digest_free(sum);
  digest_free(other);
  digest_free(digest);

  digest = digest_new(value + 3, count + 3, 2); /* nothing finite */
  assert_non_null(digest);
  assert_int_equal(digest->distinct, 0);
  assert_int_equal(digest->finite, 0);
  digest_free(digest);
  digest_free(NULL);
}

static struct sample sample_of_digest(const struct digest *digest)
{
  return (struct sample){.finite = digest->finite,
                         .min = digest->values[0],
                         .max = digest->values[digest->distinct - 1],
                         .values = digest->values,
                         .counts = digest->counts,
                         .distinct = digest->distinct};
}

/* --- visits --------------------------------------------------------------------------------- */

struct seen {
  uint64_t count;
  double sum;
  float last;
};

static void see(void *state, const float *x, const uint64_t *counts, size_t n, const void *context)
{
  struct seen *seen = state;
  (void)context;
  for (size_t i = 0; i < n; i++) {
    uint64_t times = counts ? counts[i] : 1;
    seen->count += times;
    seen->sum += (double)times * (double)x[i];
    seen->last = x[i];
  }
}

static void see_both(void *into, const void *from, const void *context)
{
  struct seen *a = into;
  const struct seen *b = from;
  (void)context;
  a->count += b->count;
  a->sum += b->sum;
  a->last = b->last;
}

static const struct visitor visitor = {
    .state_size = sizeof(struct seen), .block = see, .merge = see_both};

/* One batch of each kind: gathered, where it lies, counted. Whole numbers: sums are exact. */
static void test_visit_union(void **state)
{
  (void)state;
  enum { FIRST = 10, SECOND = 3 * FEED_BLOCK + 7 };
  static float first[FIRST], second[SECOND];
  const float third[] = {-4, 1, 5};
  const uint64_t counts[] = {7, 1000000000000, 2};
  for (size_t i = 0; i < FIRST; i++)
    first[i] = (float)i;
  for (size_t i = 0; i < SECOND; i++)
    second[i] = i % 5 == 2 ? NAN : 1;
  struct shape shape = {1, {SECOND}};
  struct granularity tensor = {.kind = GRAIN_TENSOR};
  struct grain grain;
  struct feed feed = feed_floats(second, SECOND);
  assert_int_equal(grain_make(&tensor, &shape, &grain, NULL), STATUS_OK);
  const struct sample batch[] = {
      {.finite = FIRST, .values = first},
      {.finite = SECOND, .feed = &feed, .grain = &grain},
      {.finite = 1000000000009, .values = third, .counts = counts, .distinct = 3}};
  const struct sample whole = {.batch = batch, .batches = 3};
  struct seen seen;
  assert_int_equal(sample_visit(&whole, &visitor, &seen), STATUS_OK);
  size_t ones = SECOND - (SECOND + 2) / 5;
  assert_true(seen.count == FIRST + ones + 1000000000009);
  assert_true(seen.sum == 45 + (double)ones + 1e12 - 28 + 10);
  assert_true(seen.last == 5);
  assert_int_equal(sample_batches(&whole), 3);
  assert_ptr_equal(sample_batch(&whole, 2), &batch[2]);
}

static int ascending(const void *a, const void *b)
{
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static double sorted_percentile(const float *sorted, size_t n, double percentile)
{
  double position = (double)(n - 1) * (percentile / 100), whole = floor(position);
  size_t i = (size_t)whole, next = i + 1 < n ? i + 1 : i;
  return (double)sorted[i] + (position - whole) * ((double)sorted[next] - (double)sorted[i]);
}

/* Of counted values, and of counted batches, against sorting. */
static void test_percentiles(void **state)
{
  (void)state;
  static const double wanted[] = {0, 0.005, 1, 50, 99.9, 99.99, 100};
  enum { COUNT = sizeof wanted / sizeof *wanted };
  static float x[N];
  for (size_t source = 0; source < 3; source++) {
    memcpy(x, portable[source], sizeof x);
    struct digest *first = digest_of(x, N / 3), *second = digest_of(x + N / 3, N - N / 3);
    struct digest *both = digest_merge(first, second);
    assert_non_null(both);
    struct sample batch[] = {sample_of_digest(first), sample_of_digest(second)};
    struct sample samples[] = {sample_of_digest(both), {.finite = N, .batch = batch, .batches = 2}};
    for (int magnitude = 0; magnitude < 2; magnitude++) {
      for (size_t i = 0; magnitude && i < N; i++)
        x[i] = fabsf(x[i]);
      qsort(x, N, sizeof *x, ascending);
      for (int s = 0; s < 2; s++) {
        double found[COUNT];
        assert_int_equal(sample_percentiles(&samples[s], magnitude, wanted, COUNT, found, NULL),
                         STATUS_OK);
        for (size_t i = 0; i < COUNT; i++)
          assert_true(found[i] == sorted_percentile(x, N, wanted[i]));
      }
    }
    digest_free(first);
    digest_free(second);
    digest_free(both);
  }
}

/* --- fits ----------------------------------------------------------------------------------- */

static struct quantizer spec(const char *text)
{
  struct quantizer quantizer;
  struct error error;
  if (quantizer_parse(text, &quantizer, &error) != STATUS_OK)
    fail_msg("%s: %s", text, error.text);
  return quantizer;
}

/* The same units, to the bit; of lp, whose search ends a relative 1e-5 above the least error,
 * wherever that is, scales that are near. */
static void assert_same_fit(const struct fit *a, const struct fit *b, const char *text)
{
  double near = strcmp(fit_quantizer(a)->calibrator->name, "lp") == 0 ? 1e-2 : 0;
  assert_int_equal(fit_grain(a)->units, fit_grain(b)->units);
  for (size_t unit = 0; unit < fit_grain(a)->units; unit++)
    if (fabs((double)fit_scale(a, unit) / (double)fit_scale(b, unit) - 1) > near ||
        fit_zero_point(a, unit) != fit_zero_point(b, unit))
      fail_msg("%s: unit %zu: %.9g, %ld; expected %.9g, %ld", text, unit,
               (double)fit_scale(a, unit), fit_zero_point(a, unit), (double)fit_scale(b, unit),
               fit_zero_point(b, unit));
}

static struct fit *fit_whole(const char *text, const float *x, struct shape shape,
                             const struct digest *digest)
{
  struct quantizer quantizer = spec(text);
  const struct batch values = {feed_floats(x, shape_elements(&shape)), shape, digest, NULL};
  struct fit *fit;
  struct error error;
  if (quantizer_fit_values(&quantizer, &values, NULL, &fit, &error) != STATUS_OK)
    fail_msg("%s: %s", text, error.text);
  return fit;
}

/* Every row of the table, with and without a digest. With it the data must not be read. */
static void test_digest_fits(void **state)
{
  (void)state;
  static const char *const formats[] = {"int8", "int4,asym", "e4m3", "int8,asym", "fp16"};
  static float x[N];
  char text[128];
  struct error error;
  struct shape shape = {1, {N}};
  for (size_t source = 0; source < 3; source++) {
    memcpy(x, portable[source], sizeof x);
    struct digest *digest = digest_of(x, N);
    for (size_t i = 0; i < calibrator_table_length; i++)
      for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
        struct quantizer quantizer;
        snprintf(text, sizeof text, "%s,tensor,%s", formats[f], calibrator_table[i].name);
        if (quantizer_parse(text, &quantizer, &error) != STATUS_OK)
          continue; /* the row has no meaning there */
        struct fit *plain = fit_whole(text, x, shape, NULL);
        const struct batch unreadable = {{.count = N}, shape, digest, NULL};
        struct fit *counted;
        if (quantizer_fit_values(&quantizer, &unreadable, NULL, &counted, &error) != STATUS_OK)
          fail_msg("%s: %s", text, error.text);
        assert_same_fit(counted, plain, text);
        fit_free(plain);
        fit_free(counted);
      }
    digest_free(digest);
  }
}

/* Learned levels: on a digest, and on batches. */
static void test_lloyd(void **state)
{
  (void)state;
  static float x[N];
  struct shape shape = {1, {N}}, half = {1, {N / 2}};
  memcpy(x, portable[1], sizeof x);
  struct digest *digest = digest_of(x, N);
  struct quantizer quantizer = spec("lloyd=16");
  struct batch batches[] = {{.feed = feed_floats(x, N / 2), .shape = half},
                            {.feed = feed_floats(x + N / 2, N / 2), .shape = half}};
  struct fit *plain = fit_whole("lloyd=16", x, shape, NULL);
  struct fit *counted = fit_whole("lloyd=16", x, shape, digest), *batched;
  assert_int_equal(quantizer_fit_batches(&quantizer, batches, 2, &shape, NULL, &batched, NULL),
                   STATUS_OK);
  size_t count[3];
  double *levels[] = {fit_levels(plain, 0, &count[0]), fit_levels(counted, 0, &count[1]),
                      fit_levels(batched, 0, &count[2])};
  for (int i = 1; i < 3; i++) {
    assert_int_equal(count[i], count[0]);
    assert_memory_equal(levels[i], levels[0], count[0] * sizeof(double));
  }
  for (int i = 0; i < 3; i++)
    free(levels[i]);
  fit_free(plain);
  fit_free(counted);
  fit_free(batched);
  digest_free(digest);
}

enum { BATCHES = 4, CHANNELS = 5, LENGTH = 300 };

/* Batches of BATCHES x CHANNELS x LENGTH values, along axis 0, for a tensor of them all. */
static void make_batches(const float *x, struct batch *batches)
{
  struct shape shape = {3, {1, CHANNELS, LENGTH}};
  for (size_t i = 0; i < BATCHES; i++)
    batches[i] = (struct batch){.feed = feed_floats(x + i * CHANNELS * LENGTH, CHANNELS * LENGTH),
                                .shape = shape};
}

static const struct shape all_batches = {3, {BATCHES, CHANNELS, LENGTH}};

static struct fit *fit_batches(const char *text, const struct batch *batches, size_t count,
                               struct shape shape)
{
  struct quantizer quantizer = spec(text);
  struct fit *fit;
  struct error error;
  if (quantizer_fit_batches(&quantizer, batches, count, &shape, NULL, &fit, &error) != STATUS_OK)
    fail_msg("%s: %s", text, error.text);
  return fit;
}

/* What asks for the values alone must not see the batches. */
static void test_one_piece(void **state)
{
  (void)state;
  static const char *const specs[] = {
      "int8,tensor",          "int8,channel=1",         "int8,asym,channel=1,percentile=99",
      "int4,channel=-2,mse",  "int8,tensor,percentile", "int8,asym,tensor,exclude",
      "int4,asym,tensor,mse", "e4m3,channel=2,mse",     "int8,asym,tensor,absmax"};
  static float x[BATCHES * CHANNELS * LENGTH];
  struct batch batches[BATCHES];
  memcpy(x, portable[2], sizeof x);
  x[7] = NAN;
  x[CHANNELS * LENGTH + 1] = INFINITY;
  make_batches(x, batches);
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
    struct fit *whole = fit_whole(specs[i], x, all_batches, NULL);
    struct fit *fit = fit_batches(specs[i], batches, BATCHES, all_batches);
    assert_same_fit(fit, whole, specs[i]);
    fit_free(fit);
    fit_free(whole);
  }
}

/* Units too large to gather are read where they lie, on any number of threads. */
static void test_large_units(void **state)
{
  (void)state;
  enum { LARGE = 1 << 21 };
  static float x[LARGE];
  for (size_t i = 0; i < LARGE; i++)
    x[i] = portable[i % 3][i % N] * (1 + (float)(i % 7));
  struct shape shape = {1, {LARGE}}, half = {1, {LARGE / 2}};
  struct batch batches[] = {{.feed = feed_floats(x, LARGE / 2), .shape = half},
                            {.feed = feed_floats(x + LARGE / 2, LARGE / 2), .shape = half}};
  static const char *const specs[] = {"int8,tensor,percentile=99.9", "int8,tensor,exclude",
                                      "int4,asym,tensor,mse"};
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
    struct fit *whole = fit_whole(specs[i], x, shape, NULL);
    for (unsigned threads = 1; threads < 4; threads += 2) {
      pool_set_threads(threads);
      struct fit *fit = fit_batches(specs[i], batches, 2, shape);
      assert_same_fit(fit, whole, specs[i]);
      fit_free(fit);
    }
    pool_set_threads(0);
    fit_free(whole);
  }
}

/* Each channel has averages of its own: against a plain loop in float32 and in double. */
static void test_running_channels(void **state)
{
  (void)state;
  static float x[BATCHES * CHANNELS * LENGTH];
  struct batch batches[BATCHES];
  memcpy(x, portable[2], sizeof x);
  make_batches(x, batches);
  struct fit *ema = fit_batches("int8,asym,channel=1,ema=0.25", batches, BATCHES, all_batches);
  struct fit *mean = fit_batches("int8,asym,channel=1,sample-mean", batches, BATCHES, all_batches);
  struct calibration calibration = {.format = format_find("int8"), .asymmetric = true};
  for (size_t channel = 0; channel < CHANNELS; channel++) {
    float moved[2] = {0};
    double sum[2] = {0};
    for (size_t i = 0; i < BATCHES; i++) {
      const float *own = x + (i * CHANNELS + channel) * LENGTH;
      struct sample sample = reference_sample(own, LENGTH);
      sum[0] += (double)sample.min;
      sum[1] += (double)sample.max;
      moved[0] = i ? moved[0] + 0.25f * (sample.min - moved[0]) : sample.min;
      moved[1] = i ? moved[1] + 0.25f * (sample.max - moved[1]) : sample.max;
    }
    struct choice choices[] = {{.lo = (double)moved[0], .hi = (double)moved[1]},
                               {.lo = sum[0] / BATCHES, .hi = sum[1] / BATCHES}};
    const struct fit *fits[] = {ema, mean};
    for (int i = 0; i < 2; i++) {
      struct scaling scaling;
      calibration_scale(&calibration, &choices[i], &scaling);
      assert_true(fit_scale(fits[i], channel) == scaling.scale);
      assert_int_equal(fit_zero_point(fits[i], channel), scaling.zero);
    }
  }
  fit_free(ema);
  fit_free(mean);
}

/* With one batch they are minmax. */
static void test_inert(void **state)
{
  (void)state;
  static const char *const rows[] = {"ema", "ema=0.5", "sample-mean"};
  struct shape shape = {1, {N}};
  char text[64];
  struct fit *minmax = fit_whole("int8,asym,tensor,minmax", portable[2], shape, NULL);
  for (size_t i = 0; i < 3; i++) {
    snprintf(text, sizeof text, "int8,asym,tensor,%s", rows[i]);
    struct fit *fit = fit_whole(text, portable[2], shape, NULL);
    assert_same_fit(fit, minmax, text);
    fit_free(fit);
  }
  fit_free(minmax);
}

/* --- odd batches ---------------------------------------------------------------------------- */

/* Empty batches and those without numbers count for nothing; zeros do count. */
static void test_empty_batches(void **state)
{
  (void)state;
  const float a[] = {-1, 3}, nothing[] = {NAN, INFINITY}, zeros[] = {0, 0}, b[] = {-5, 1};
  struct shape two = {1, {2}}, none = {1, {0}};
  struct batch batches[] = {{.feed = feed_floats(nothing, 0), .shape = none},
                            {.feed = feed_floats(nothing, 2), .shape = two},
                            {.feed = feed_floats(a, 2), .shape = two},
                            {.feed = feed_floats(nothing, 2), .shape = two},
                            {.feed = feed_floats(zeros, 2), .shape = two},
                            {.feed = feed_floats(b, 2), .shape = two}};
  struct fit *fit = fit_batches("int8,asym,tensor,ema=0.5", batches, 6, two);
  /* max: 3, 1.5, 1.25; min: -1, -0.5, -2.75 */
  assert_true(fit_scale(fit, 0) == (1.25f + 2.75f) / 255);
  fit_free(fit);
  fit = fit_batches("int8,tensor,sample-mean", batches, 6, two);
  assert_true(fit_scale(fit, 0) == 2.0f / 127); /* min (-1 + 0 - 5) / 3, max (3 + 0 + 1) / 3 */
  fit_free(fit);
  for (size_t count = 0; count < 3; count++) { /* nothing to go by */
    fit = fit_batches("int8,tensor,ema", batches, count, two);
    assert_int_equal(fit_grain(fit)->units, 1);
    assert_true(fit_scale(fit, 0) == 1);
    fit_free(fit);
  }
  fit = fit_batches("int8,channel,percentile", batches, 0, (struct shape){2, {3, 4}});
  assert_int_equal(fit_grain(fit)->units, 3);
  assert_true(fit_scale(fit, 2) == 1);
  fit_free(fit);
}

/* The ends of float32: a moving range stays finite. */
static void test_extreme_batches(void **state)
{
  (void)state;
  static const char *const specs[] = {"int8,tensor,ema=0.5", "int8,asym,tensor,ema=0.5",
                                      "int8,asym,tensor,sample-mean", "e4m3,tensor,absmax",
                                      "int8,tensor,ema=0"};
  const float high[] = {FLT_MAX}, low[] = {-FLT_MAX}, tiny[] = {FLT_TRUE_MIN}, zero[] = {0};
  struct shape one = {1, {1}};
  const float *const values[] = {high, low, tiny, zero};
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
    for (size_t first = 0; first < 4; first++)
      for (size_t second = 0; second < 4; second++) {
        struct batch batches[] = {{.feed = feed_floats(values[first], 1), .shape = one},
                                  {.feed = feed_floats(values[second], 1), .shape = one}};
        struct fit *fit = fit_batches(specs[i], batches, 2, one);
        assert_true(fit_scale(fit, 0) > 0 && isfinite(fit_scale(fit, 0)));
        fit_free(fit);
      }
}

static void test_refusals(void **state)
{
  (void)state;
  static const struct {
    const char *spec, *says;
    size_t channels; /* of the second batch */
  } refused[] = {
      {"int8,token", "made from the values they serve", 3},
      {"int8,group=2,percentile", "made from the values they serve", 3},
      {"mxfp4", "made from the values they serve", 3},
      {"int8,channel=1", "channel=1: batch 2 has 4 channels, the tensor that is quantized 3", 4},
      {"int8,channel=2", "channel=2: the tensor 2x3 has axes 0 to 1", 3},
  };
  static const float x[8] = {1};
  struct shape shape = {2, {2, 3}};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    size_t channels = refused[i].channels;
    struct batch batches[] = {{.feed = feed_floats(x, 6), .shape = shape},
                              {.feed = feed_floats(x, 2 * channels), .shape = {2, {2, channels}}}};
    struct quantizer quantizer = spec(refused[i].spec);
    struct fit *fit;
    struct error error = {0};
    assert_int_equal(quantizer_fit_batches(&quantizer, batches, 2, &shape, NULL, &fit, &error),
                     STATUS_USAGE);
    if (!strstr(error.text, refused[i].says))
      fail_msg("%s: %s", refused[i].spec, error.text);
  }
  struct batch flat = {.feed = feed_floats(x, 6), .shape = {1, {6}}};
  struct quantizer quantizer = spec("int8,channel=1");
  struct fit *fit;
  struct error error = {0};
  assert_int_equal(quantizer_fit_batches(&quantizer, &flat, 1, &shape, NULL, &fit, &error),
                   STATUS_USAGE);
  assert_non_null(strstr(error.text, "batch 1: channel=1"));
}

static void test_dynamic(void **state)
{
  (void)state;
  static const char *const dynamic[] = {"int8,token", "int4,group=32,mse", "q4_k", "nvfp4"};
  static const char *const fixed[] = {"int8", "int8,channel", "int8,token,scale=0.5", "fp16"};
  for (size_t i = 0; i < 4; i++) {
    struct quantizer a = spec(dynamic[i]), b = spec(fixed[i]);
    assert_true(quantizer_is_dynamic(&a));
    assert_false(quantizer_is_dynamic(&b));
  }
}

/* --- the references ------------------------------------------------------------------------- */

enum { ROWS = 5, COLUMNS = 2048 };

/* A sample of the first COUNT rows of the reference's batches. */
static struct sample reference_batches(const float *x, size_t count, struct sample *batch)
{
  struct sample whole = reference_sample(x, count * COLUMNS);
  for (size_t i = 0; i < count; i++)
    batch[i] = reference_sample(x + i * COLUMNS, COLUMNS);
  whole.batch = batch;
  whole.batches = count;
  return whole;
}

static void check_range(const char *what, const struct choice *choice, double lo, double hi,
                        double tolerance)
{
  if (!(fabs(choice->lo - lo) <= tolerance * fabs(lo) &&
        fabs(choice->hi - hi) <= tolerance * fabs(hi)))
    fail_msg("%s: %.17g %.17g, expected %.17g %.17g", what, choice->lo, choice->hi, lo, hi);
}

static struct choice choose(const char *row, double parameter, double magnitude,
                            const struct sample *sample)
{
  const struct calibrator *calibrator = calibrator_find(row);
  struct calibration calibration = {
      .format = format_find("int8"), .parameter = parameter, .option = {magnitude}};
  struct choice choice = {.lo = (double)sample->min, .hi = (double)sample->max};
  assert_non_null(calibrator);
  if (calibrator->choose)
    assert_int_equal(calibrator->choose(&calibration, sample, &choice, NULL), STATUS_OK);
  return choice;
}

/* Family, row, whether ONNX Runtime's entry is symmetric; how near: PyTorch to the bit, the others
 * compute the same average in another order of operations or in double. */
static const struct family_row {
  const char *family, *row, *magnitude_row, *lo, *hi;
  double tolerance;
} family_rows[] = {
    {"torch_ema", "ema", "ema", "min", "max", 0},
    {"torch_minmax_multibatch", "minmax", "minmax", "min", "max", 0},
    {"llmc_minmax_ema", "ema", "ema", "min", "max", 1.2e-7},
    {"ort_minmax_multibatch", "minmax", "absmax", "lowest", "highest", 0},
    {"ort_minmax_moving_average_per_call", "ema", "ema", "lowest", "highest", 1e-6},
    {"ort_minmax_moving_average_single_call", "sample-mean", "sample-mean", "lowest", "highest",
     1e-6},
};

static double number(const json_t *entry, const char *key, double missing)
{
  const json_t *value = json_object_get(entry, key);
  return value ? json_number_value(value) : missing;
}

/* PyTorch's average after each batch. */
static void check_trace(const json_t *entry, const float *x, double constant)
{
  const json_t *trace = json_object_get(entry, "trace_min_max");
  for (size_t i = 0; i < json_array_size(trace); i++) {
    struct sample batch[ROWS], sample = reference_batches(x, i + 1, batch);
    const json_t *pair = json_array_get(trace, i);
    struct choice choice = choose("ema", constant, 0, &sample);
    check_range("trace", &choice, json_number_value(json_array_get(pair, 0)),
                json_number_value(json_array_get(pair, 1)), 0);
  }
}

/* PyTorch's configurations as specs; its zero points count from SHIFT. */
static const struct {
  const char *config, *words;
  long shift;
} torch_configs[] = {
    {"quint8_affine", "int8,asym", 0},
    {"quint8_affine_c0.1", "int8,asym", 0},
    {"quint8_symmetric", "int8", 128},
    {"qint8_symmetric", "int8", 0},
    {"qint8_affine", "int8,asym", -128},
    {"quint8_affine_reduce", "int8,asym,codes=0:127", 0},
    {"qint8_symmetric_reduce", "int8,codes=-64:63", 0},
    {"qint8_symmetric_m127", "int8,codes=-127:127", 0},
    {"int4_symmetric", "int4", 0},
    {"uint4_affine", "int4,asym", 0},
    {"uint4_symmetric", "int4", 7},
};

/* Scale and zero point of a fit over the batches, to the bit. */
static void check_torch_scale(const json_t *entry, const char *row, double constant, const float *x)
{
  const char *config = manifest_text(entry, "config");
  struct shape shape = {2, {1, COLUMNS}};
  struct batch batches[ROWS];
  char text[128];
  for (size_t i = 0; i < ROWS; i++)
    batches[i] = (struct batch){.feed = feed_floats(x + i * COLUMNS, COLUMNS), .shape = shape};
  for (size_t i = 0; i < sizeof torch_configs / sizeof *torch_configs; i++) {
    if (strcmp(config, torch_configs[i].config) != 0)
      continue;
    int used =
        snprintf(text, sizeof text, "%s,tensor,scale-rule=pytorch,%s", torch_configs[i].words, row);
    if (strcmp(row, "ema") == 0)
      snprintf(text + used, sizeof text - (size_t)used, "=%g", constant);
    struct fit *fit = fit_batches(text, batches, ROWS, shape);
    if ((double)fit_scale(fit, 0) != number(entry, "scale", (double)NAN) ||
        fit_zero_point(fit, 0) != (long)number(entry, "zero_point", 0) - torch_configs[i].shift)
      fail_msg("%s: %.9g, %ld, expected %.9g, %g", text, (double)fit_scale(fit, 0),
               fit_zero_point(fit, 0), number(entry, "scale", (double)NAN),
               number(entry, "zero_point", 0));
    fit_free(fit);
    return;
  }
  fail_msg("no spec for %s", config);
}

static bool check_entry(const json_t *entry, const float *x)
{
  const char *name = manifest_text(entry, "family");
  const char *config = manifest_text(entry, "config");
  const struct family_row *row = NULL;
  for (size_t i = 0; i < sizeof family_rows / sizeof *family_rows; i++)
    if (strcmp(name, family_rows[i].family) == 0)
      row = &family_rows[i];
  if (!row)
    return false;
  double constant = number(entry, "averaging_constant", 0.01);
  if (strncmp(name, "torch", 5) == 0)
    check_torch_scale(entry, row->row, constant, x);
  if (json_object_get(entry, "trace_min_max")) {
    check_trace(entry, x, constant);
    return true;
  }
  bool magnitude = strncmp(config, "sym1", 4) == 0;
  struct sample batch[ROWS], sample = reference_batches(x, ROWS, batch);
  struct choice choice =
      choose(magnitude ? row->magnitude_row : row->row, constant, magnitude, &sample);
  if (magnitude) { /* what the scale rule makes of both sides */
    choice.hi = fmax(fabs(choice.lo), fabs(choice.hi));
    choice.lo = -choice.hi;
  }
  check_range(name, &choice, number(entry, row->lo, (double)NAN),
              number(entry, row->hi, (double)NAN), row->tolerance);
  return true;
}

static void test_references(void **state)
{
  (void)state;
  static const struct {
    const char *file;
    size_t entries;
  } manifests[] = {{"torch", 21}, {"llmc", 1}, {"ort", 6}};
  struct vector vector;
  if (!vectors_folder())
    skip();
  assert_true(vector_load(&vector, "conformance/calibration/inputs/batches.npy"));
  assert_true(vector.dims == 2 && vector.dim[0] == ROWS && vector.dim[1] == COLUMNS);
  for (size_t m = 0; m < sizeof manifests / sizeof *manifests; m++) {
    size_t i, checked = 0;
    json_t *entry;
    json_t *manifest = manifest_load(manifests[m].file);
    json_array_foreach(json_object_get(manifest, "entries"), i, entry)
      checked += check_entry(entry, vector_floats(&vector));
    json_decref(manifest);
    assert_int_equal(checked, manifests[m].entries);
  }
  vector_free(&vector);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_digest),          cmocka_unit_test(test_visit_union),
      cmocka_unit_test(test_percentiles),     cmocka_unit_test(test_digest_fits),
      cmocka_unit_test(test_lloyd),           cmocka_unit_test(test_one_piece),
      cmocka_unit_test(test_large_units),     cmocka_unit_test(test_running_channels),
      cmocka_unit_test(test_inert),           cmocka_unit_test(test_empty_batches),
      cmocka_unit_test(test_extreme_batches), cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_dynamic),         cmocka_unit_test(test_references),
  };
  return cmocka_run_group_tests_name("batches", tests, setup, NULL);
}
