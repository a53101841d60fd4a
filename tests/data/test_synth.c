/* Synthetic tensors: moments and tail probabilities against closed forms (or GSL's quadrature
 * and cumulative functions, which the generators do not use), within six standard errors;
 * determinism; parameters. */
#include "tests/data/files.h"

#include "quant/base/pool.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_integration.h>
#include <gsl/gsl_randist.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 1 << 20, SIDE = 1024 };

static float *drawn(const char *spec)
{
  struct source *source = files_open(spec);
  float *values = files_values(source, 0);
  source_close(source);
  return values;
}

/* Mean of POWER (|x|^power, signed for odd ones) and share of |x| above T. */
static double moment(const float *values, int power)
{
  double sum = 0;
  for (size_t i = 0; i < N; i++)
    sum += pow((double)values[i], power);
  return sum / N;
}

static double share_beyond(const float *values, double t)
{
  size_t beyond = 0;
  for (size_t i = 0; i < N; i++)
    beyond += fabs((double)values[i]) > t;
  return (double)beyond / N;
}

/* FOUND is a mean of N draws whose variance is VARIANCE. */
static void near(double found, double expected, double variance)
{
  if (!(fabs(found - expected) <= 6 * sqrt(variance / N)))
    fail_msg("expected %g, found %g, off by %.1f standard errors", expected, found,
             fabs(found - expected) / sqrt(variance / N));
}

static void near_share(const float *values, double t, double p)
{
  near(share_beyond(values, t), p, p * (1 - p));
}

static void test_gaussian(void **state)
{
  (void)state;
  float *x = drawn("synth:gaussian");
  near(moment(x, 1), 0, 1);
  near(moment(x, 2), 1, 2);
  near(moment(x, 4), 3, 96); /* E x^8 - 9 */
  near_share(x, 1, 2 * gsl_cdf_ugaussian_Q(1));
  near_share(x, 3, 2 * gsl_cdf_ugaussian_Q(3));
  near_share(x, 4, 2 * gsl_cdf_ugaussian_Q(4));
  free(x);
}

static void test_laplace(void **state)
{
  (void)state;
  float *x = drawn("synth:laplace");
  near(moment(x, 1), 0, 2);
  near(moment(x, 2), 2, 20); /* E x^4 = 24 */
  near_share(x, 1, exp(-1));
  near_share(x, 7, exp(-7));
  free(x);
}

static void test_student_t(void **state)
{
  (void)state;
  static const double nus[] = {1, 3, 10};
  for (size_t i = 0; i < 3; i++) {
    char spec[64];
    snprintf(spec, sizeof spec, "synth:student-t,nu=%g", nus[i]);
    float *x = drawn(spec);
    near_share(x, 0.5, 2 * gsl_cdf_tdist_Q(0.5, nus[i]));
    near_share(x, 3, 2 * gsl_cdf_tdist_Q(3, nus[i]));
    near_share(x, 8, 2 * gsl_cdf_tdist_Q(8, nus[i]));
    free(x);
  }
}

static void test_uniform(void **state)
{
  (void)state;
  float *x = drawn("synth:uniform");
  near(moment(x, 1), 0, 1.0 / 3);
  near(moment(x, 2), 1.0 / 3, 4.0 / 45);
  near_share(x, 0.5, 0.5);
  assert_true(share_beyond(x, 1) == 0);
  free(x);
}

static void test_lognormal(void **state)
{
  (void)state;
  float *x = drawn("synth:lognormal");
  near(moment(x, 1), 0, exp(2));
  near(moment(x, 2), exp(2), exp(8) - exp(4));
  near_share(x, 1, 0.5);
  near_share(x, exp(2), gsl_cdf_ugaussian_Q(2));
  free(x);
}

static void test_bimodal(void **state)
{
  (void)state;
  float *x = drawn("synth:bimodal,width=0.15");
  double w = 0.15 * 0.15;
  near(moment(x, 1), 0, 1 + w);
  near(moment(x, 2), 1 + w, 4 * w + 2 * w * w);
  near_share(x, 1.15, gsl_cdf_ugaussian_Q(1));
  free(x);
}

static void test_relu(void **state)
{
  (void)state;
  float *x = drawn("synth:relu");
  near(1 - share_beyond(x, 0), 0.5, 0.25);
  near(moment(x, 1), 1 / sqrt(2 * M_PI), 0.5 - 1 / (2 * M_PI));
  near(moment(x, 2), 0.5, 1.25);
  free(x);
  x = drawn("synth:relu,mean=-0.8");
  near_share(x, 0, gsl_cdf_ugaussian_Q(0.8));
  free(x);
}

static double gelu_power(double n, void *power)
{
  return pow(n * 0.5 * erfc(-n / M_SQRT2), *(int *)power) * gsl_ran_ugaussian_pdf(n);
}

static double gelu_moment(int power)
{
  gsl_integration_workspace *space = gsl_integration_workspace_alloc(200);
  gsl_function function = {gelu_power, &power};
  double result, error;
  gsl_integration_qag(&function, -12, 12, 1e-12, 1e-10, 200, GSL_INTEG_GAUSS31, space, &result,
                      &error);
  gsl_integration_workspace_free(space);
  return result;
}

static void test_gelu(void **state)
{
  (void)state;
  float *x = drawn("synth:gelu"), least = 0;
  double m1 = gelu_moment(1), m2 = gelu_moment(2);
  assert_true(fabs(m1 - 1 / (2 * sqrt(M_PI))) < 1e-9); /* the closed form of the mean */
  near(moment(x, 1), m1, m2 - m1 * m1);
  near(moment(x, 2), m2, gelu_moment(4) - m2 * m2);
  for (size_t i = 0; i < N; i++)
    least = fminf(least, x[i]);
  assert_true(least >= -0.16998f && least < -0.1699f); /* the least value of GELU */
  free(x);
}

static void test_scale_and_offset(void **state)
{
  (void)state;
  float *x = drawn("synth:gaussian,shape=1000"), *y = drawn("synth:gaussian,shape=1000,scale=2");
  float *z = drawn("synth:gaussian,shape=1000,offset=0.5");
  for (size_t i = 0; i < 1000; i++) {
    assert_true(y[i] == 2 * x[i]);
    assert_true(fabsf(z[i] - (x[i] + 0.5f)) <= 1e-6f);
  }
  free(x);
  free(y);
  free(z);
}

/* --- the two that have channels --------------------------------------------------------- */

static double rms(const float *first, size_t n, size_t stride)
{
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += (double)first[i * stride] * (double)first[i * stride];
  return sqrt(sum / (double)n);
}

static int by_value(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

/* Mean and standard deviation of the logarithm of N sizes. */
static void log_moments(const double *sizes, size_t n, double *mean, double *deviation)
{
  double sum = 0, squares = 0;
  for (size_t i = 0; i < n; i++)
    sum += log(sizes[i]);
  *mean = sum / (double)n;
  for (size_t i = 0; i < n; i++)
    squares += (log(sizes[i]) - *mean) * (log(sizes[i]) - *mean);
  *deviation = sqrt(squares / (double)n);
}

/* Rows of 1024: the logarithms of their RMS have mean ln 0.02 and deviation 0.3 (1024 of them:
 * standard errors 0.0094 and 0.0066; the RMS itself adds 0.03 in quadrature). */
static void test_llm_weight(void **state)
{
  (void)state;
  float *x = drawn("synth:llm-weight");
  double sizes[SIDE], mean, deviation, beyond = 0;
  for (size_t row = 0; row < SIDE; row++)
    sizes[row] = rms(x + row * SIDE, SIDE, 1);
  log_moments(sizes, SIDE, &mean, &deviation);
  assert_true(fabs(mean - log(0.02)) < 0.06);
  assert_true(fabs(deviation - 0.3) < 0.045);
  for (size_t i = 0; i < N; i++)
    beyond += fabs((double)x[i]) > 4 * sizes[i / SIDE];
  /* tails: t with 10 degrees of freedom, scaled to variance 1, against 4 row RMS */
  double expected = 2 * gsl_cdf_tdist_Q(4 / sqrt(0.8), 10);
  assert_true(fabs(beyond / N / expected - 1) < 0.25);
  free(x);
}

/* Five outlier channels of 1024, each 20 to 100 times the typical one, of steady sign. */
static void test_llm_activation(void **state)
{
  (void)state;
  float *x = drawn("synth:llm-activation");
  double sizes[SIDE], mean, deviation;
  size_t outliers = 0;
  for (size_t column = 0; column < SIDE; column++) {
    sizes[column] = rms(x + column, SIDE, SIDE);
    if (sizes[column] < 15)
      continue;
    double sum = 0;
    for (size_t row = 0; row < SIDE; row++)
      sum += (double)x[row * SIDE + column];
    outliers++;
    assert_true(sizes[column] > 20 * 0.95 && sizes[column] < 100 * 1.05);
    assert_true(fabs(fabs(sum) / SIDE / sizes[column] - 0.7 / sqrt(0.58)) < 0.03);
  }
  assert_int_equal(outliers, 5);
  qsort(sizes, SIDE, sizeof *sizes, by_value);
  log_moments(sizes, SIDE - 5, &mean, &deviation);
  assert_true(fabs(mean) < 0.08);
  assert_true(fabs(deviation - 0.4) < 0.06);
  free(x);
  x = drawn("synth:llm-activation,outliers=0");
  for (size_t column = 0; column < SIDE; column++)
    assert_true(rms(x + column, SIDE, SIDE) < 15);
  free(x);
}

/* A tensor with more rows begins with the same rows: the same channels, the same gains. */
static void test_more_rows_keep_the_channels(void **state)
{
  (void)state;
  static const char *const names[] = {"gaussian", "llm-weight", "llm-activation", "correlated"};
  for (size_t i = 0; i < 4; i++) {
    char spec[64];
    snprintf(spec, sizeof spec, "synth:%s,shape=128x1024", names[i]);
    float *few = drawn(spec);
    snprintf(spec, sizeof spec, "synth:%s,shape=300x1024", names[i]);
    float *many = drawn(spec);
    assert_memory_equal(few, many, 128 * 1024 * sizeof *few);
    free(few);
    free(many);
  }
}

static double largest_ratio(const float *a, const float *b, size_t rows)
{
  double worst = 1;
  for (size_t j = 0; j < SIDE; j++) {
    const double ratio = rms(a + j, rows, SIDE) / rms(b + j, rows, SIDE);
    worst = fmax(worst, fmax(ratio, 1 / ratio));
  }
  return worst;
}

/* channel-seed=1: the channels of seed 1 under elements of seed 2. 1024 values tell the size of a
 * channel to 2.2 %; gains of 0.4 differ by more, outliers by 60 times. Without it the channels are
 * those of the seed, with the seed itself nothing changes. What tokens have in common, as in
 * correlated, is of the tokens. */
static void test_channel_seed(void **state)
{
  (void)state;
  float *one = drawn("synth:llm-activation,seed=1"), *two = drawn("synth:llm-activation,seed=2"),
        *mixed = drawn("synth:llm-activation,channel-seed=1,seed=2"),
        *same = drawn("synth:llm-activation,seed=2,channel-seed=2");
  assert_memory_equal(two, same, SIDE * SIDE * sizeof *two);
  assert_true(largest_ratio(one, mixed, SIDE) < 1.2);
  assert_true(largest_ratio(one, two, SIDE) > 10);
  for (size_t i = 0; i < SIDE; i++)
    assert_true(one[i] < mixed[i] || one[i] > mixed[i]);
  free(one);
  free(two);
  free(mixed);
  free(same);
  one = drawn("synth:correlated,correlation=1,seed=1");
  mixed = drawn("synth:correlated,correlation=1,seed=2,channel-seed=1");
  assert_true(largest_ratio(one, mixed, SIDE) < 1.5);
  double products = 0;
  for (size_t i = 0; i < SIDE; i++)
    products += (double)one[i] * (double)mixed[i];
  assert_true(fabs(products / SIDE / rms(one, SIDE, 1) / rms(mixed, SIDE, 1)) < 0.9);
  free(one);
  free(mixed);
}

/* 64 columns are c Z L + sqrt(1 - c^2) N with 32 causes: the mean square of the correlation of two
 * columns is c^4 E[(l l')^2] / (E|l|^2)^2 = c^4 / 32, over sampling noise of 1 / rows; without
 * correlation the noise is all. */
static void test_correlated(void **state)
{
  (void)state;
  enum { ROWS = 16384, COLUMNS = 64 };
  static const double correlation[] = {0, 0.7, 1};
  for (size_t k = 0; k < 3; k++) {
    char spec[96];
    double square = 0, size[COLUMNS];
    snprintf(spec, sizeof spec, "synth:correlated,shape=16384x64,correlation=%g", correlation[k]);
    float *x = drawn(spec);
    for (size_t j = 0; j < COLUMNS; j++)
      size[j] = rms(x + j, ROWS, COLUMNS);
    for (size_t i = 0; i < COLUMNS; i++)
      for (size_t j = 0; j < i; j++) {
        double product = 0;
        for (size_t t = 0; t < ROWS; t++)
          product += (double)x[t * COLUMNS + i] * (double)x[t * COLUMNS + j];
        square += pow(product / ROWS / size[i] / size[j], 2);
      }
    square /= COLUMNS * (COLUMNS - 1) / 2.0;
    const double expected = pow(correlation[k], 4) / 32 + 1.0 / ROWS;
    if (fabs(square / expected - 1) > 0.15)
      fail_msg("%s: %g, not %g", spec, square, expected);
    free(x);
  }
}

/* Excess kurtosis, peak over RMS and share of zeros of the models of tensors, within what three
 * seeds of an independent generator (another language, another random stream) gave. */
static void test_shapes_of_the_models(void **state)
{
  (void)state;
  static const struct {
    const char *name;
    double kurtosis, kurtosis_off, papr, papr_off, zeros;
  } rows[] = {
      {"weight-gaussian", 1.32, 0.4, 9.2, 2.5, 0},
      {"post-layernorm", 2.88, 1.5, 11.9, 4, 0},
      {"outlier-channels", 366, 120, 43.4, 8, 0},
      {"outlier-channels,outliers=0.01,size=20", 89.3, 30, 25.9, 5, 0},
      {"weight-columns", 61.6, 8, 37.9, 5, 0},
      {"massive-activation", 2.53e5, 5e3, 639.9, 15, 0},
      {"hidden-gelu", 12.3, 4, 15.8, 5, 0},
      {"hidden-relu", 16.4, 5, 16.9, 6, 0.75},
      {"swiglu", 136, 60, 60, 20, 0},
      {"attention-logits", 1.72, 0.1, 6.7, 0.5, 0},
      {"attention-softmax", 2370, 500, 83.2, 6, 0},
      {"key-cache", 12.9, 4, 8.5, 1.5, 0},
      {"value-cache", 0.271, 0.05, 6.1, 0.8, 0},
      {"exponential", 5.94, 0.2, 10.6, 1.5, 0},
      {"outliers", 811, 20, 170.8, 0.3, 0},
      {"skewed", -1.2, 0.01, 1.73, 0.02, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char spec[96];
    snprintf(spec, sizeof spec, "synth:%s", rows[i].name);
    float *x = drawn(spec);
    double mean = moment(x, 1), power = moment(x, 2), fourth = 0, peak = 0, zeros = 0;
    for (size_t k = 0; k < N; k++) {
      fourth += pow((double)x[k] - mean, 4);
      peak = fmax(peak, fabs((double)x[k]));
      zeros += !(x[k] < 0 || x[k] > 0);
    }
    double kurtosis = fourth / N / pow(power - mean * mean, 2) - 3, papr = peak / sqrt(power);
    if (fabs(kurtosis - rows[i].kurtosis) > rows[i].kurtosis_off ||
        fabs(papr - rows[i].papr) > rows[i].papr_off || fabs(zeros / N - rows[i].zeros) > 0.03)
      fail_msg("%s: kurtosis %g, peak %g, zeros %g", spec, kurtosis, papr, zeros / N);
    free(x);
  }
}

/* Exactly as many values outside as were asked for, in different columns; rows of a softmax add up
 * to 1; batches change when they should. */
static void test_counts_and_sums(void **state)
{
  (void)state;
  static const struct {
    const char *spec;
    size_t count;
  } rows[] = {{"synth:outliers", 1},
              {"synth:outliers,share=1e-4", 105},
              {"synth:outliers,share=1e-3", 1049},
              {"synth:outliers,share=0", 1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    float *x = drawn(rows[i].spec);
    size_t count = 0, first_column = 0;
    for (size_t k = 0; k < N; k++) {
      count += x[k] > 99;
      first_column += x[k] > 99 && k % SIDE < SIDE / 8;
    }
    assert_int_equal(count, rows[i].count);
    assert_true(count < 1000 || (first_column > count / 12 && first_column < count / 5));
    free(x);
  }
  float *x = drawn("synth:attention-softmax");
  for (size_t row = 0; row < SIDE; row++) {
    double sum = 0;
    for (size_t k = 0; k < SIDE; k++)
      sum += (double)x[row * SIDE + k];
    assert_true(fabs(sum - 1) < 1e-5);
  }
  free(x);
  x = drawn("synth:step");
  assert_true(fabs(rms(x, SIDE * SIDE / 2, 1) - 1) < 0.01);
  assert_true(fabs(rms(x + SIDE * SIDE / 2, SIDE * SIDE / 2, 1) - 3) < 0.03);
  free(x);
  x = drawn("synth:drift");
  assert_true(fabs(rms(x, SIDE, 1) - 1) < 0.15 && fabs(rms(x + N - SIDE, SIDE, 1) - 3) < 0.4);
  free(x);
  x = drawn("synth:spikes");
  size_t large = 0;
  for (size_t row = 0; row < SIDE; row++)
    large += rms(x + row * SIDE, SIDE, 1) > 5;
  assert_true(large > 5 && large < 45); /* 2 % of 1024, within five standard deviations */
  free(x);
  x = drawn("synth:llama-activation");
  assert_true(x[0] == 156.3f && x[1] == -12.5f);
  for (size_t k = 1; k < N; k++)
    assert_true(x[k] >= -12.5f && x[k] <= 156.3f);
  free(x);
}

/* --- determinism and parameters ---------------------------------------------------------- */

static void test_number_of_threads(void **state)
{
  (void)state;
  struct source *gallery = files_open("synth:shape=3x70000");
  for (size_t i = 0; i < source_count(gallery); i++) {
    char spec[64];
    snprintf(spec, sizeof spec, "synth:%s,shape=3x70000", source_tensor(gallery, i)->name);
    pool_set_threads(1);
    float *one = drawn(spec);
    pool_set_threads(7);
    float *seven = files_values(gallery, i);
    assert_memory_equal(one, seven, 3 * 70000 * sizeof *one);
    free(one);
    free(seven);
  }
  pool_set_threads(0);
  source_close(gallery);
}

static void test_seeds_and_chunks_differ(void **state)
{
  (void)state;
  float *first = drawn("synth:gaussian,shape=131072"),
        *second = drawn("synth:gaussian,shape=131072,seed=2"),
        *third = drawn("synth:gaussian,shape=131072,seed=4294967297"); /* 2^32 + 1 */
  size_t equal = 0;
  for (size_t i = 0; i < 65536; i++)
    equal += first[i] == second[i] || first[i] == third[i] || first[i] == first[65536 + i] ||
             second[i] == first[65536 + i];
  assert_true(equal < 20); /* floats of one normal distribution meet by chance now and then */
  free(first);
  free(second);
  free(third);
}

static void test_gallery(void **state)
{
  (void)state;
  static const char *const expected[] = {"gaussian",
                                         "laplace",
                                         "student-t",
                                         "uniform",
                                         "lognormal",
                                         "exponential",
                                         "bimodal",
                                         "skewed",
                                         "outliers",
                                         "relu",
                                         "gelu",
                                         "gradient",
                                         "llm-weight",
                                         "weight-gaussian",
                                         "weight-t5",
                                         "weight-columns",
                                         "llm-activation",
                                         "post-layernorm",
                                         "outlier-channels",
                                         "correlated",
                                         "massive-activation",
                                         "llama-activation",
                                         "hidden-gelu",
                                         "hidden-relu",
                                         "swiglu",
                                         "attention-logits",
                                         "attention-softmax",
                                         "key-cache",
                                         "value-cache",
                                         "drift",
                                         "step",
                                         "spikes"};
  enum { COUNT = sizeof expected / sizeof *expected };
  struct source *source = files_open("synth:");
  assert_int_equal(source_count(source), COUNT);
  for (size_t i = 0; i < COUNT; i++) {
    const struct tensor *tensor = source_tensor(source, i);
    assert_string_equal(tensor->name, expected[i]);
    assert_string_equal(tensor->stored->name, "f32");
    assert_int_equal(tensor->count, N);
    assert_null(tensor->data); /* drawn when it is loaded */
    assert_true(strlen(source_remark(source, i)) > 10);
  }
  assert_non_null(strstr(source_remark(source, 2), "nu=3 degrees of freedom"));
  source_close(source);
}

static void test_cancel_and_progress(void **state)
{
  (void)state;
  struct source *source = files_open("synth:laplace");
  struct progress progress = {0};
  progress_cancel(&progress);
  assert_int_equal(source_load(source, 0, &progress, NULL), STATUS_CANCELLED);
  assert_null(source_tensor(source, 0)->data);
  struct progress again = {0};
  assert_int_equal(source_load(source, 0, &again, NULL), STATUS_OK);
  assert_non_null(source_tensor(source, 0)->data);
  assert_int_equal(atomic_load(&again.total), N);
  assert_int_equal(atomic_load(&again.done), N);
  source_close(source);
}

static void test_shapes(void **state)
{
  (void)state;
  static const struct {
    const char *spec;
    unsigned dims;
    size_t count;
  } cases[] = {
      {"synth:gaussian,shape=5", 1, 5},         {"synth:llm-weight,shape=2x3x4", 3, 24},
      {"synth:llm-activation,shape=2x0", 2, 0}, {"synth:llm-activation,shape=0x3", 2, 0},
      {"synth:llm-activation,shape=1", 1, 1},   {"synth:gaussian,shape=1x1x1x1x1x1x1x2", 8, 2},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct source *source = files_open(cases[i].spec);
    assert_int_equal(source_tensor(source, 0)->shape.dims, cases[i].dims);
    assert_int_equal(source_tensor(source, 0)->count, cases[i].count);
    free(files_values(source, 0));
    source_close(source);
  }
}

static void test_wrong_parameters(void **state)
{
  (void)state;
  static const char *const cases[][2] = {
      {"synth:gausian", "unknown distribution \"gausian\"; did you mean \"gaussian\"?"},
      {"synth:zzz", "there are: gaussian, laplace, student-t"},
      {"synth:student-t,mu=3", "unknown parameter \"mu\"; did you mean \"nu\"?"},
      {"synth:gaussian,nu=3", "unknown parameter \"nu\""},
      {"synth:nu=3", "unknown parameter \"nu\""},
      {"synth:student-t,nu=0", "nu=0: expected a number from 0.5 to"},
      {"synth:student-t,nu=-1", "nu=-1: expected"},
      {"synth:student-t,nu=nan", "nu=nan: expected"},
      {"synth:student-t,nu=inf", "nu=inf: expected"},
      {"synth:student-t,nu=3x", "nu=3x: expected"},
      {"synth:student-t,nu=", "nu=: expected"},
      {"synth:student-t,nu", "\"nu\": expected PARAMETER=VALUE"},
      {"synth:student-t,,nu=3", "\"\": expected PARAMETER=VALUE"},
      {"synth:gaussian,seed=-1", "seed=-1: expected a whole number"},
      {"synth:gaussian,seed=1.5", "seed=1.5: expected a whole number"},
      {"synth:gaussian,seed=18446744073709551616", "expected a whole number from 0 to 2^64-1"},
      {"synth:gaussian,shape=", "shape=: expected sizes with x"},
      {"synth:gaussian,shape=4x", "shape=4x: expected sizes"},
      {"synth:gaussian,shape=-4x4", "shape=-4x4: expected sizes"},
      {"synth:gaussian,shape=4*4", "shape=4*4: expected sizes"},
      {"synth:gaussian,shape=1x1x1x1x1x1x1x1x1", "expected sizes"},
      {"synth:gaussian,shape=65536x65536", "expected at most 2^31 elements"},
      {"synth:gaussian,shape=4294967296x4294967296", "expected at most 2^31 elements"},
      {"synth:gaussian,shape=99999999999999999999", "expected sizes"},
      {"synth:gaussian,scale=0", "scale=0: expected"},
      {"synth:uniform,low=2", "low=2: expected at most high=1"},
      {"synth:llm-activation,low=200", "low=200: expected at most high=100"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    files_refused(cases[i][0], STATUS_USAGE, cases[i][1]);
    files_refused(cases[i][0], STATUS_USAGE, cases[i][0]);
  }
}

/* What is kept in memory for each row or column is refused before it is allocated. */
static void test_gains(void **state)
{
  (void)state;
  static const char *const cases[][2] = {
      {"synth:llm-weight,shape=2147483648x1", "a gain for each row"},
      {"synth:llm-activation,shape=1x4194305", "for each column, and keeps them: expected at most "
                                               "4194304, found 4194305"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct error error = {0};
    struct source *source = files_open(cases[i][0]);
    assert_int_equal(source_load(source, 0, NULL, &error), STATUS_MEMORY);
    assert_non_null(strstr(error.text, cases[i][1]));
    source_close(source);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_gaussian),
      cmocka_unit_test(test_laplace),
      cmocka_unit_test(test_student_t),
      cmocka_unit_test(test_uniform),
      cmocka_unit_test(test_lognormal),
      cmocka_unit_test(test_bimodal),
      cmocka_unit_test(test_relu),
      cmocka_unit_test(test_gelu),
      cmocka_unit_test(test_scale_and_offset),
      cmocka_unit_test(test_llm_weight),
      cmocka_unit_test(test_llm_activation),
      cmocka_unit_test(test_more_rows_keep_the_channels),
      cmocka_unit_test(test_channel_seed),
      cmocka_unit_test(test_correlated),
      cmocka_unit_test(test_number_of_threads),
      cmocka_unit_test(test_seeds_and_chunks_differ),
      cmocka_unit_test(test_gallery),
      cmocka_unit_test(test_shapes_of_the_models),
      cmocka_unit_test(test_counts_and_sums),
      cmocka_unit_test(test_cancel_and_progress),
      cmocka_unit_test(test_shapes),
      cmocka_unit_test(test_wrong_parameters),
      cmocka_unit_test(test_gains),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
