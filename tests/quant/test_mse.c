/* The mse search against brute force, closed forms and the other calibrators. */
#include "quant/best_scale.h"

#include "tests/quant/reference.h"
#include "tests/support/portable.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The search proves its answer to a relative 1e-7 (and 1e-13 of the signal, the rounding of its
 * sums). What remains is the rounding of the scale to float32: it moves each of the reconstructions
 * y by up to 2^-24 y, hence the error E by up to 2 sqrt(E) sqrt(sum y^2) 2^-24. */
static double allowed(double least, double signal)
{
  return least * (1 + 1e-6) + sqrt(least * signal) * 0x1p-22 + signal * 1e-12;
}

/* Least error over COUNT clips from 2.2 times to 0.01 times the range, geometric. */
static double brute_force(const struct calibration *calibration, const struct sample *sample,
                          int count)
{
  struct choice whole = {.lo = (double)sample->min, .hi = (double)sample->max};
  struct scaling scaling;
  double least = HUGE_VAL;
  calibration_scale(calibration, &whole, &scaling);
  for (int i = 0; i < count; i++) {
    double clip = 2.2 * pow(0.01 / 2.2, (double)i / count);
    least = fmin(least, reference_error(calibration, sample->values, sample->finite,
                                        (double)scaling.scale * clip, 0));
  }
  return least;
}

/* The same with every zero point. */
static double brute_force_zeros(const struct calibration *calibration, const struct sample *sample,
                                int count)
{
  double range = fmax((double)sample->max, 0) - fmin((double)sample->min, 0), least = HUGE_VAL;
  long levels = 1L << calibration->format->bits;
  for (long zero = 0; zero < levels; zero++)
    for (int i = 0; i < count; i++) {
      double scale = range / (double)(levels - 1) * 1.2 * pow(0.1, (double)i / count);
      least =
          fmin(least, reference_error(calibration, sample->values, sample->finite, scale, zero));
    }
  return least;
}

enum { MOST = 400 };

static int ascending(const void *a, const void *b)
{
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

/* The mse of SAMPLE as values and as a digest, which is searched another way: the worse of both. */
static struct reference run_mse(const struct calibration *calibration, const struct sample *sample)
{
  float x[MOST];
  uint64_t once[MOST];
  assert_true(sample->finite <= MOST);
  memcpy(x, sample->values, sample->finite * sizeof *x);
  qsort(x, sample->finite, sizeof *x, ascending);
  for (size_t i = 0; i < sample->finite; i++)
    once[i] = 1;
  struct sample digest = *sample;
  digest.values = x;
  digest.counts = once;
  digest.distinct = sample->finite;
  struct reference values = reference_run(calibration, "mse", sample);
  struct reference counted = reference_run(calibration, "mse", &digest);
  return counted.error > values.error ? counted : values;
}

static void check_least(const struct calibration *calibration, const struct sample *sample,
                        double least)
{
  struct reference found = run_mse(calibration, sample);
  if (!(found.error <= allowed(least, found.signal)))
    fail_msg("%s%s, %zu values: %.9g, brute force %.9g", calibration->format->name,
             calibration->asymmetric ? ",asym" : "", sample->finite, found.error, least);
}

static void (*const makers[])(float *, size_t) = {portable_gaussian, portable_laplace,
                                                  portable_student3};
enum { MAKERS = sizeof makers / sizeof *makers };
static const char *const small_formats[] = {"int2", "int3", "int4",          "int5",       "int6",
                                            "int7", "int8", "float8_e4m3fn", "float8_e5m2"};
enum { SMALL_FORMATS = sizeof small_formats / sizeof *small_formats };

/* 20000 clips. */
static void test_brute_force(void **state)
{
  (void)state;
  static const size_t sizes[] = {2, 5, 33};
  float x[MOST];
  for (int maker = 0; maker < MAKERS; maker++)
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
      for (size_t f = 0; f < SMALL_FORMATS; f++) {
        struct calibration calibration = {.format = format_find(small_formats[f]),
                                          .narrow = f < 7 && (f + s) % 2};
        makers[maker](x, sizes[s]);
        struct sample sample = reference_sample(x, sizes[s]);
        check_least(&calibration, &sample, brute_force(&calibration, &sample, 20000));
      }
}

/* One larger unit per format: ripples are flatter, so 2000 clips see them all. */
static void test_brute_force_larger(void **state)
{
  (void)state;
  float x[MOST];
  for (size_t f = 0; f < SMALL_FORMATS; f++) {
    struct calibration calibration = {.format = format_find(small_formats[f])};
    makers[f % MAKERS](x, MOST);
    struct sample sample = reference_sample(x, MOST);
    check_least(&calibration, &sample, brute_force(&calibration, &sample, 2000));
  }
}

static void test_brute_force_zeros(void **state)
{
  (void)state;
  static const size_t sizes[] = {2, 7, 40};
  float x[MOST];
  for (int maker = 0; maker < MAKERS; maker++)
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
      for (size_t f = 0; f < 7; f++) {
        struct calibration calibration = {.format = format_find(small_formats[f]),
                                          .asymmetric = true};
        makers[maker](x, sizes[s]);
        for (size_t i = 0; i < sizes[s]; i++) /* in one case shifted, in one cut off */
          x[i] = s == 1 ? x[i] + 3 : s == 2 ? fmaxf(x[i], -0.2F) : x[i];
        struct sample sample = reference_sample(x, sizes[s]);
        int count = 40000 >> calibration.format->bits;
        check_least(&calibration, &sample, brute_force_zeros(&calibration, &sample, count));
      }
}

/* A spread unit, found through bins and settled on the values. Brute force around the answer and
 * over the whole range. */
static void test_bins(void **state)
{
  (void)state;
  enum { N = 70000 };
  float *x = malloc(N * sizeof *x);
  assert_non_null(x);
  for (int maker = 0; maker < MAKERS; maker++)
    for (size_t f = 2; f < SMALL_FORMATS; f += 4) { /* int4, int8 */
      struct calibration calibration = {.format = format_find(small_formats[f])};
      makers[maker](x, N);
      struct sample sample = reference_sample(x, N);
      struct reference found = reference_run(&calibration, "mse", &sample);
      double least = brute_force(&calibration, &sample, 200);
      for (int i = -20; i <= 20; i++)
        least = fmin(least,
                     reference_error(&calibration, x, N, (double)found.scale * (1 + 2e-4 * i), 0));
      if (!(found.error <= allowed(least, found.signal)))
        fail_msg("%s %d: %.9g, brute force %.9g", small_formats[f], maker, found.error, least);
    }
  free(x);
}

/* Wide values in 16 bits, as they come and counted: the same scale, to the bit, near ties too (the
 * scales of e5m2 differ by a billionth of the error from octave to octave). */
static void test_counted(void **state)
{
  (void)state;
  enum { N = 70000 };
  static const char *const names[] = {"int4", "int8", "float8_e4m3fn", "float8_e5m2", "nf4"};
  float *x = malloc(N * sizeof *x), *sorted = malloc(N * sizeof *sorted);
  uint64_t *once = malloc(N * sizeof *once), stream = 11;
  assert_true(x && sorted && once);
  for (int round = 0; round < 3; round++) {
    for (size_t i = 0; i < N; i++) {
      uint32_t bits;
      float wide = (float)copysign(exp(2 * portable_normal(&stream)), portable_normal(&stream));
      memcpy(&bits, &wide, sizeof bits);
      bits &= 0xffff0000U;
      memcpy(&x[i], &bits, sizeof bits);
    }
    memcpy(sorted, x, N * sizeof *x);
    qsort(sorted, N, sizeof *sorted, ascending);
    struct sample values = reference_sample(x, N), digest = values;
    digest.distinct = 0;
    for (size_t i = 0; i < N; i++) {
      bool next = i == 0 || sorted[i] > sorted[digest.distinct - 1];
      sorted[digest.distinct - !next] = sorted[i];
      once[digest.distinct - !next] = next ? 1 : once[digest.distinct - 1] + 1;
      digest.distinct += next;
    }
    digest.values = sorted;
    digest.counts = once;
    for (size_t f = 0; f < sizeof names / sizeof *names; f++) {
      struct calibration calibration = {.format = format_find(names[f])};
      struct choice a = reference_choice("mse", &calibration, &values);
      struct choice b = reference_choice("mse", &calibration, &digest);
      if (a.scale < b.scale || a.scale > b.scale)
        fail_msg("%s: %.9g, counted %.9g", names[f], (double)a.scale, (double)b.scale);
    }
  }
  free(x);
  free(sorted);
  free(once);
}

/* --- closed forms ----------------------------------------------------------------------------- */

/* EXPERIMENTS 3.1: exact optima of the grids -(2^(b-1) - 1)..2^(b-1) - 1 by quadrature. The search
 * takes the density itself, as weights on a fine grid; tolerances from the printed digits. */
static const struct optimum {
  int bits;
  double clip, db;
} optima[2][7] = {
    {{2, 1.2240, 7.208},
     {3, 1.9523, 13.292},
     {4, 2.4739, 18.898},
     {5, 2.8987, 24.326},
     {6, 3.2701, 29.709},
     {7, 3.6075, 35.106},
     {8, 3.9205, 40.540}},
    {{2, 2.0000, 5.780},
     {3, 3.4864, 10.805},
     {4, 4.8199, 15.623},
     {5, 6.0980, 20.417},
     {6, 7.3586, 25.259},
     {7, 8.6178, 30.178},
     {8, 9.8827, 35.181}},
};

/* Weights of the unit Gaussian, of the unit Laplace density, without constant factors. */
static double density(int source, double x)
{
  return exp(source == 0 ? -x * x / 2 : -x);
}

static void test_optima(void **state)
{
  (void)state;
  enum { N = 100000 };
  double *size = malloc(N * sizeof *size), *weight = malloc(N * sizeof *weight);
  assert_non_null(size);
  assert_non_null(weight);
  for (int source = 0; source < 2; source++) {
    double end = source == 0 ? 8 : 32, energy = 0;
    for (size_t i = 0; i < N; i++) {
      size[i] = ((double)i + 0.5) / N;
      weight[i] = density(source, end * size[i]);
      energy += weight[i] * size[i] * size[i];
    }
    const struct atoms any = {.count = N, .positive = N, .size = size, .weight = weight};
    struct atoms sorted = any;
    assert_true(atoms_prepare(&sorted));
    for (int i = 0; i < 14; i++) { /* each as sorted atoms, then as any */
      const struct optimum *optimum = &optima[source][i / 2];
      size_t steps = ((size_t)1 << (optimum->bits - 1)) - 1;
      struct ladder ladder = {.steps = steps, .even = true, .doubles = true};
      for (size_t k = 0; k <= steps; k++)
        ladder.value[k] = (double)k;
      ladder_finish(&ladder);
      struct scale_search search = {.ladder = {&ladder, &ladder},
                                    .atoms = i % 2 ? any : sorted,
                                    .steps = {steps, steps},
                                    .energy = energy,
                                    .error = energy};
      assert_true(scale_improve(&search));
      double clip = search.scale * (double)steps * end, db = 10 * log10(energy / search.error);
      if (fabs(db - optimum->db) > 1e-3 || fabs(clip / optimum->clip - 1) > 1e-3)
        fail_msg("source %d, %d bits: clip %.5f, %.4f dB", source, optimum->bits, clip, db);
    }
    atoms_release(&sorted);
  }
  free(size);
  free(weight);
}

/* Levels that hold every value: no error, and the scale that minmax takes. */
static void test_no_error(void **state)
{
  (void)state;
  float x[255];
  for (int i = 0; i < 255; i++)
    x[i] = 0.25F * (float)(i - 127);
  struct sample sample = reference_sample(x, 255);
  struct calibration calibration = {.format = format_find("int8")};
  struct reference found = reference_run(&calibration, "mse", &sample);
  assert_true(found.error == 0 && found.scale == 0.25F);
  float constant[] = {3.5F, 3.5F, 3.5F};
  sample = reference_sample(constant, 3);
  found = reference_run(&calibration, "mse", &sample);
  assert_true(found.scale == 3.5F / 127);
}

/* --- never worse than another choice --------------------------------------------------------- */

static void check_against_others(const struct calibration *base, const struct sample *sample)
{
  static const double percents[] = {50, 90, 99, 99.9, 99.99};
  struct calibration calibration = *base;
  struct reference mse = run_mse(&calibration, sample);
  struct reference other = reference_run(&calibration, "minmax", sample);
  assert_true(mse.error <= allowed(other.error, mse.signal));
  for (size_t i = 0; i < sizeof percents / sizeof *percents; i++) {
    calibration.parameter = percents[i];
    other = reference_run(&calibration, "percentile", sample);
    if (!(mse.error <= allowed(other.error, mse.signal)))
      fail_msg("%s asym %d, %zu values: %.9g, percentile=%g %.9g", calibration.format->name,
               calibration.asymmetric, sample->finite, mse.error, percents[i], other.error);
  }
  if (format_is_integer(calibration.format)) {
    other = reference_run(&calibration, "entropy", sample);
    assert_true(mse.error <= allowed(other.error, mse.signal));
  }
}

static void test_never_worse(void **state)
{
  (void)state;
  static const size_t sizes[] = {1, 2, 3, 8, 17, 64, 128, 300};
  float x[MOST];
  uint64_t stream = 5;
  for (int round = 0; round < 12; round++)
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
      size_t n = sizes[s];
      float shift = round % 3 == 0 ? 2 : 0, power = (float)(1 + round % 4);
      for (size_t i = 0; i < n; i++) {
        double g = portable_normal(&stream);
        x[i] = shift + (float)copysign(pow(fabs(g), (double)power), g);
      }
      struct sample sample = reference_sample(x, n);
      for (size_t f = 0; f < SMALL_FORMATS; f++)
        for (int asymmetric = 0; asymmetric < 1 + (f < 7); asymmetric++) {
          struct calibration calibration = {.format = format_find(small_formats[f]),
                                            .asymmetric = asymmetric};
          check_against_others(&calibration, &sample);
        }
    }
}

/* 16-bit formats are measured at 64 scales only; minmax is one of them. */
static void test_wide_formats(void **state)
{
  (void)state;
  static const char *const names[] = {"int16", "float16", "bfloat16"};
  float x[MOST];
  for (size_t f = 0; f < 3; f++)
    for (int maker = 0; maker < MAKERS; maker++)
      for (int asymmetric = 0; asymmetric < 1 + (f == 0); asymmetric++) {
        struct calibration calibration = {.format = format_find(names[f]),
                                          .asymmetric = asymmetric};
        makers[maker](x, MOST);
        struct sample sample = reference_sample(x, MOST);
        struct reference mse = reference_run(&calibration, "mse", &sample);
        struct reference minmax = reference_run(&calibration, "minmax", &sample);
        assert_true(mse.error <= minmax.error * (1 + 1e-4));
      }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_brute_force),       cmocka_unit_test(test_brute_force_larger),
      cmocka_unit_test(test_brute_force_zeros), cmocka_unit_test(test_bins),
      cmocka_unit_test(test_counted),           cmocka_unit_test(test_optima),
      cmocka_unit_test(test_no_error),          cmocka_unit_test(test_never_worse),
      cmocka_unit_test(test_wide_formats),
  };
  return cmocka_run_group_tests_name("mse", tests, NULL, NULL);
}
