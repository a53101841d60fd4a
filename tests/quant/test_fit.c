/* The fit: an int8 grid by hand, closed forms, and every number against a computation of its
 * own; the same bits on any number of threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "quant/base/pool.h"
#include "quant/quantizer.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct quantizer spec(const char *text)
{
  struct quantizer quantizer;
  struct error error;
  if (quantizer_parse(text, &quantizer, &error) != STATUS_OK)
    fail_msg("%s: %s", text, error.text);
  return quantizer;
}

static struct shape matrix(size_t rows, size_t columns)
{
  return (struct shape){.dims = 2, .dim = {rows, columns}};
}

static struct fit *fit_of(const char *text, const float *x, struct shape shape)
{
  struct quantizer quantizer = spec(text);
  struct feed feed = feed_floats(x, shape_elements(&shape));
  struct fit *fit;
  struct error error;
  if (quantizer_fit(&quantizer, &feed, &shape, NULL, &fit, &error) != STATUS_OK)
    fail_msg("%s: %s", text, error.text);
  return fit;
}

/* xorshift64*, to have the same numbers everywhere; uniform in [-1, 1). */
static uint64_t random_state = 88172645463325252u;

static float uniform(void)
{
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return (float)(int32_t)(random_state * 2685821657736338717u >> 32) * 0x1p-31f;
}

/* Sum of twelve uniforms: near enough to a Gaussian, with a known range. */
static float bell(void)
{
  float sum = 0;
  for (int i = 0; i < 12; i++)
    sum += uniform();
  return sum / 2;
}

/* --- by hand ------------------------------------------------------------------------------ */

/* absmax 2 gives scale 2/127; the codes are computed with pencil and paper: x * 63.5. */
static void test_int8_by_hand(void **state)
{
  (void)state;
  const float x[] = {0, 2, -2, 1, -1, 0.5f, 0.01f, -0.008f, 0.007f};
  static const int grid[] = {0, 127, -127, 64, -64, 32, 1, -1, 0};
  /* 63.5 is a tie: to the even 64. 31.75, 0.635, -0.508, 0.4445. */
  enum { N = sizeof x / sizeof x[0] };
  struct fit *fit = fit_of("int8", x, matrix(1, N));
  float y[N];
  uint16_t codes[N];
  assert_true(fit_scale(fit, 0) == 2.0f / 127);
  assert_int_equal(fit_zero_point(fit, 0), 0);
  fit_round_trip(fit, 0, N, x, y, codes);
  for (int i = 0; i < N; i++) {
    assert_int_equal(codes[i], grid[i] + 128);
    assert_true(y[i] == (float)grid[i] * (2.0f / 127));
  }
  double lo, hi;
  fit_range(fit, 0, &lo, &hi);
  assert_true(lo == (double)(-128 * (2.0f / 127)) && hi == (double)(127 * (2.0f / 127)));
  fit_free(fit);
}

/* -1..3 on 0..15: scale 4/15, zero point round(3.75) = 4, so the grid is -4..11 steps. */
static void test_uint4_by_hand(void **state)
{
  (void)state;
  const float x[] = {-1, 3, 0, 1.9f, -0.15f};
  static const int codes_expected[] = {0, 15, 4, 11, 3};
  struct fit *fit = fit_of("int4,asym", x, matrix(1, 5));
  float y[5];
  uint16_t codes[5];
  assert_true(fit_scale(fit, 0) == 4.0f / 15);
  assert_int_equal(fit_zero_point(fit, 0), 4);
  fit_round_trip(fit, 0, 5, x, y, codes);
  for (int i = 0; i < 5; i++) {
    assert_int_equal(codes[i], codes_expected[i]);
    assert_true(y[i] == (float)(codes_expected[i] - 4) * (4.0f / 15));
  }
  fit_free(fit);
}

static void test_narrow_never_uses_the_lowest_code(void **state)
{
  (void)state;
  const float x[] = {-1, 1};
  struct fit *fit = fit_of("int8,narrow,scale=0.001", x, matrix(1, 2));
  float y[2];
  uint16_t codes[2];
  fit_round_trip(fit, 0, 2, x, y, codes);
  assert_true(y[0] == -127 * 0.001f && y[1] == 127 * 0.001f);
  assert_int_equal(codes[0], 0);
  assert_int_equal(codes[1], 254);
  fit_free(fit);
}

static void test_casts(void **state)
{
  (void)state;
  const float x[] = {1e9f, 0.1f, -0.0f};
  float y[3];
  struct fit *fit = fit_of("fp16", x, matrix(1, 3));
  assert_true(fit_bits_per_element(fit) == 16);
  fit_round_trip(fit, 0, 3, x, y, NULL);
  assert_true(y[0] == 65504 && y[1] == 0x1.998p-4f && y[2] == 0 && signbit(y[2]));
  fit_free(fit);
  fit = fit_of("e4m3", x, matrix(1, 3));
  assert_true(fit_scale(fit, 0) == 1e9f / 448);
  fit_round_trip(fit, 0, 3, x, y, NULL);
  assert_true(y[0] == 448 * (1e9f / 448));
  fit_free(fit);
}

/* --- closed forms ------------------------------------------------------------------------- */

/* A uniform source that fills the grid: MSE = scale^2 / 12. */
static void test_uniform_noise(void **state)
{
  (void)state;
  enum { N = 1 << 18 };
  float *x = malloc(N * sizeof *x), *y = malloc(N * sizeof *y);
  assert_non_null(x);
  assert_non_null(y);
  for (size_t i = 0; i < N; i++)
    x[i] = uniform();
  static const char *const specs[] = {"int8", "int4", "int8,asym", "int5,asym", "int16"};
  for (size_t s = 0; s < sizeof specs / sizeof specs[0]; s++) {
    struct fit *fit = fit_of(specs[s], x, matrix(64, N / 64));
    double error2 = 0, scale = (double)fit_scale(fit, 0);
    for (size_t i = 0; i < N; i += FEED_BLOCK)
      fit_round_trip(fit, i, FEED_BLOCK, x + i, y + i, NULL);
    for (size_t i = 0; i < N; i++)
      error2 += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
    /* The standard error of the mean of e^2 is 0.9/sqrt(N) of it; end steps are half used. */
    assert_true(fabs(error2 / N / (scale * scale / 12) - 1) < 0.01);
    fit_free(fit);
  }
  free(x);
  free(y);
}

/* --- units -------------------------------------------------------------------------------- */

static const char *const granularities[] = {"tensor",     "channel=0", "channel=1",
                                            "channel=-1", "token",     "group=7",
                                            "group=32",   "group=1",   "group=1000"};

/* Scales from a naive walk over all elements, for every granularity and several shapes. */
static void test_units_against_naive(void **state)
{
  (void)state;
  static const struct shape shapes[] = {
      {.dims = 2, .dim = {3, 5}},       {.dims = 2, .dim = {300, 70}},
      {.dims = 2, .dim = {2, 40000}},   {.dims = 3, .dim = {7, 9000, 2}},
      {.dims = 3, .dim = {33, 5, 100}}, {.dims = 4, .dim = {2, 129, 3, 3}}};
  for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
    size_t n = shape_elements(&shapes[s]);
    float *x = malloc(n * sizeof *x), *y = malloc(n * sizeof *y);
    uint16_t *codes = malloc(n * sizeof *codes);
    assert_true(x && y && codes);
    for (size_t i = 0; i < n; i++)
      x[i] = i % 97 == 5 ? NAN : i % 89 == 3 ? INFINITY : bell();
    for (size_t g = 0; g < sizeof granularities / sizeof granularities[0]; g++)
      for (int asymmetric = 0; asymmetric <= 1; asymmetric++) {
        char text[64];
        snprintf(text, sizeof text, "int8,%s,%s", asymmetric ? "asym" : "sym", granularities[g]);
        struct fit *fit = fit_of(text, x, shapes[s]);
        const struct grain *grain = fit_grain(fit);
        float *lo = calloc(grain->units, sizeof *lo), *hi = calloc(grain->units, sizeof *hi);
        assert_true(lo && hi);
        for (size_t i = 0; i < n; i++) {
          size_t unit = grain_unit(grain, i);
          if (isfinite(x[i])) {
            lo[unit] = fminf(lo[unit], x[i]);
            hi[unit] = fmaxf(hi[unit], x[i]);
          }
        }
        for (size_t start = 0; start < n; start += 1000)
          fit_round_trip(fit, start, n - start < 1000 ? n - start : 1000, x + start, y + start,
                         codes + start);
        for (size_t unit = 0; unit < grain->units; unit++) {
          float scale = asymmetric ? (hi[unit] - lo[unit]) / 255 : fmaxf(-lo[unit], hi[unit]) / 127;
          if (lo[unit] == 0 && hi[unit] == 0)
            scale = 1;
          if (fit_scale(fit, unit) != scale)
            fail_msg("%s, shape %zu, unit %zu", text, s, unit);
          assert_int_equal(fit_zero_point(fit, unit), asymmetric ? lrintf(-lo[unit] / scale) : 0);
        }
        for (size_t i = 0; i < n; i++) {
          size_t unit = grain_unit(grain, i);
          float scale = fit_scale(fit, unit), zero = (float)fit_zero_point(fit, unit);
          float lowest = asymmetric ? -zero : -128;
          float r = fminf(fmaxf(rintf(x[i] / scale), lowest), lowest + 255);
          if (isnan(x[i]) ? !isnan(y[i]) : y[i] != r * scale)
            fail_msg("%s, shape %zu, element %zu", text, s, i);
          assert_int_equal(codes[i], (int)((isnan(x[i]) ? 0 : r) - lowest));
        }
        free(lo);
        free(hi);
        fit_free(fit);
      }
    free(x);
    free(y);
    free(codes);
  }
}

static void test_small_floats_by_units(void **state)
{
  (void)state;
  enum { ROWS = 37, COLUMNS = 130, N = ROWS * COLUMNS };
  static float x[N], y[N], single;
  static uint16_t codes[N], code;
  for (size_t i = 0; i < N; i++)
    x[i] = i == 77 ? NAN : bell() * (float)(1 + i % 13);
  static const char *const formats[] = {"e4m3", "e5m2", "fp16,minmax", "bf16,minmax"};
  for (size_t f = 0; f < 4; f++)
    for (size_t g = 0; g < sizeof granularities / sizeof granularities[0]; g++) {
      char text[64];
      snprintf(text, sizeof text, "%s,%s", formats[f], granularities[g]);
      struct fit *fit = fit_of(text, x, matrix(ROWS, COLUMNS));
      const struct format *format = fit_quantizer(fit)->format;
      fit_round_trip(fit, 0, 3000, x, y, codes);
      fit_round_trip(fit, 3000, N - 3000, x + 3000, y + 3000, codes + 3000);
      for (size_t i = 0; i < N; i++) {
        float scale = fit_scale(fit, grain_unit(fit_grain(fit), i));
        uint32_t expected = format_encode(format, x[i] / scale);
        assert_int_equal(codes[i], expected);
        float value = format_decode(format, expected) * scale;
        assert_true(isnan(value) ? isnan(y[i]) : y[i] == value);
        fit_round_trip(fit, i, 1, x + i, &single, &code);
        assert_memory_equal(&single, &y[i], sizeof single);
        assert_int_equal(code, codes[i]);
      }
      fit_free(fit);
    }
}

/* --- degenerate units --------------------------------------------------------------------- */

static void test_degenerate(void **state)
{
  (void)state;
  static const char *const specs[] = {"int8,token", "int8,asym,token", "int4,token,percentile=99",
                                      "e4m3,token", "e5m2,token",      "bf16,minmax,token"};
  const float x[5][4] = {{0, -0.0f, 0, 0},
                         {NAN, NAN, INFINITY, -INFINITY},
                         {1e-45f, -1e-45f, 0, 0},
                         {FLT_MAX, -FLT_MAX, 1, NAN},
                         {-3, -3, -3, -3}};
  for (size_t s = 0; s < sizeof specs / sizeof specs[0]; s++) {
    struct fit *fit = fit_of(specs[s], &x[0][0], matrix(5, 4));
    float y[5][4];
    uint16_t codes[5][4];
    fit_round_trip(fit, 0, 20, &x[0][0], &y[0][0], &codes[0][0]);
    assert_true(fit_scale(fit, 0) == 1 && fit_scale(fit, 1) == 1);
    assert_int_equal(fit_zero_point(fit, 0), 0);
    for (int i = 0; i < 4; i++)
      assert_true(y[0][i] == 0);
    assert_true(isnan(y[1][0]) && isnan(y[1][1]) && isnan(y[3][3]));
    for (size_t unit = 0; unit < 5; unit++)
      assert_true(fit_scale(fit, unit) > 0 && isfinite(fit_scale(fit, unit)));
    assert_true(fabsf(y[4][0] + 3) < 0.001f);
    fit_free(fit);
  }
}

static void test_empty_and_scalar(void **state)
{
  (void)state;
  static const char *const specs[] = {"int8", "int8,channel=1", "int4,group=32,percentile=99",
                                      "e4m3,token"};
  for (size_t s = 0; s < sizeof specs / sizeof specs[0]; s++) {
    struct fit *fit = fit_of(specs[s], NULL, matrix(0, 7));
    assert_int_equal(fit_grain(fit)->units, 0);
    assert_true(fit_bits_per_element(fit) == 0);
    fit_round_trip(fit, 0, 0, NULL, NULL, NULL);
    fit_free(fit);
  }
  const float x = -5;
  float y;
  struct fit *fit = fit_of("int8,channel=0", &x, (struct shape){.dims = 0});
  fit_round_trip(fit, 0, 1, &x, &y, NULL);
  assert_true(y == -127 * (5.0f / 127));
  assert_true(fit_bits_per_element(fit) == 8 + 32);
  fit_free(fit);
}

static void test_errors(void **state)
{
  (void)state;
  const float x[6] = {0};
  struct quantizer quantizer = spec("int8,channel=2");
  struct feed feed = feed_floats(x, 6);
  struct shape shape = matrix(2, 3);
  struct fit *fit = NULL;
  struct error error;
  assert_int_equal(quantizer_fit(&quantizer, &feed, &shape, NULL, &fit, &error), STATUS_USAGE);
  assert_non_null(strstr(error.text, "channel=2"));
  assert_null(fit);
  quantizer = spec("int8,percentile=99");
  struct progress progress = {0};
  progress_cancel(&progress);
  assert_int_equal(quantizer_fit(&quantizer, &feed, &shape, &progress, &fit, &error),
                   STATUS_CANCELLED);
  assert_null(fit);
}

/* --- bounds ------------------------------------------------------------------------------- */

static float next_up(float x)
{
  return nextafterf(x, INFINITY);
}

/* The clip bounds are the last floats whose rounded code the clamp leaves alone: checked by
 * rounding without a clamp on both sides of them, and over a stretch of neighbours. */
static void check_integer_bounds(const char *text, float scale)
{
  char full[96];
  const float x = 1;
  snprintf(full, sizeof full, "%s,scale=%.9g", text, (double)scale);
  struct fit *fit = fit_of(full, &x, matrix(1, 1));
  struct tally_bounds bounds;
  fit_bounds(fit, 0, &bounds);
  enum rounding mode = fit_quantizer(fit)->rounding;
  float zero = (float)fit_zero_point(fit, 0);
  long lowest, highest;
  quantizer_code_range(fit_quantizer(fit), &lowest, &highest);
  double lo = (double)((float)lowest - zero), hi = (double)((float)highest - zero);
  scale = fit_scale(fit, 0);
  assert_true(bounds.rail_lo == (float)lo * scale && bounds.rail_hi == (float)hi * scale);
  float at = bounds.clip_hi, below = bounds.clip_lo;
  for (int i = 0; i < 200; i++) {
    at = nextafterf(at, -INFINITY);
    below = next_up(below);
  }
  for (int i = 0; i < 400; i++, at = next_up(at), below = nextafterf(below, -INFINITY)) {
    double up = (double)(at / scale), down = (double)(below / scale);
    up = mode == ROUND_EVEN ? rint(up) : mode == ROUND_AWAY ? round(up) : trunc(up);
    down = mode == ROUND_EVEN ? rint(down) : mode == ROUND_AWAY ? round(down) : trunc(down);
    if ((up > hi) != (at > bounds.clip_hi) || (down < lo) != (below < bounds.clip_lo))
      fail_msg("%s: %a or %a", full, (double)at, (double)below);
  }
  fit_free(fit);
}

static void test_integer_bounds(void **state)
{
  (void)state;
  static const char *const specs[] = {"int8",
                                      "int8,narrow",
                                      "int2",
                                      "int16",
                                      "int4,round=away",
                                      "int8,round=zero",
                                      "int8,asym,zero=0",
                                      "int8,asym,zero=255",
                                      "int4,asym,zero=7",
                                      "int4,asym,zero=8,round=away"};
  static const float scales[] = {1,      0.0157480314f, 0.1f,   3.14159274f,
                                 1e-38f, 1.4e-45f,      3e-44f, 1e30f};
  for (size_t s = 0; s < sizeof specs / sizeof specs[0]; s++)
    for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++)
      check_integer_bounds(specs[s], scales[i]);
}

/* Scale 1: the overflow points that CONVENTIONS states, and their neighbours. */
static void test_float_bounds(void **state)
{
  (void)state;
  static const struct {
    const char *spec;
    float last;
  } rows[] = {{"e4m3,scale=1", 464},
              {"e4m3,scale=1,round=away", 0x1.cffffep8f},
              {"e4m3,scale=1,round=zero", 0x1.dffffep8f},
              {"e4m3,scale=1,round=stochastic", 448},
              {"e5m2,scale=1", 0x1.dffffep15f},
              {"fp16,scale=1", 0x1.ffdffep15f},
              {"bf16,scale=1", 0x1.fefffep127f},
              {"bf16,scale=4", FLT_MAX},
              {"e4m3,scale=0.5", 232}};
  const float x = 1;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fit *fit = fit_of(rows[i].spec, &x, matrix(1, 1));
    struct tally_bounds bounds;
    fit_bounds(fit, 0, &bounds);
    if (bounds.clip_hi != rows[i].last || bounds.clip_lo != -rows[i].last)
      fail_msg("%s: %a", rows[i].spec, (double)bounds.clip_hi);
    fit_free(fit);
  }
}

/* The int8 scale of a unit's own extremes never clips them, whatever the magnitude. */
static void test_minmax_does_not_clip(void **state)
{
  (void)state;
  static const char *const specs[] = {"int8", "int4", "int8,narrow", "e4m3", "e5m2", "fp16,minmax"};
  for (size_t s = 0; s < sizeof specs / sizeof specs[0]; s++)
    for (int i = 0; i < 300; i++) {
      float x = ldexpf(1 + fabsf(uniform()), i - 140 < 126 ? i - 140 : 126);
      if (!isnormal(x / 1e5f))
        continue;
      struct fit *fit = fit_of(specs[s], &x, matrix(1, 1));
      struct tally_bounds bounds;
      fit_bounds(fit, 0, &bounds);
      if (x > bounds.clip_hi)
        fail_msg("%s: %a", specs[s], (double)x);
      fit_free(fit);
    }
}

/* --- other numbers ------------------------------------------------------------------------ */

static void test_bits_per_element(void **state)
{
  (void)state;
  static const struct {
    const char *spec;
    double bits;
  } rows[] = {{"int8", 8 + 32.0 / 600},
              {"int8,asym", 8 + 40.0 / 600},
              {"int4,group=32", 4 + 32 * 12.0 / 600}, /* 12 rows of 50: 2 groups each */
              {"int4,asym,group=32", 4 + 36 * 24.0 / 600},
              {"e4m3,channel=1", 8 + 32 * 50.0 / 600},
              {"fp16", 16},
              {"bf16", 16},
              {"bf16,minmax", 16 + 32.0 / 600},
              {"int8,scale=1", 8}};
  static float x[600] = {1};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fit *fit = fit_of(rows[i].spec, x, matrix(12, 50));
    double expected = i == 2 ? 4 + 32 * 24.0 / 600 : rows[i].bits;
    if (fabs(fit_bits_per_element(fit) - expected) > 1e-12)
      fail_msg("%s: %g", rows[i].spec, fit_bits_per_element(fit));
    fit_free(fit);
  }
}

static void test_levels(void **state)
{
  (void)state;
  static const struct {
    const char *spec;
    size_t count;
    double first, last;
  } rows[] = {{"int8,scale=0.5", 256, -64, 63.5},
              {"int8,narrow,scale=0.5", 255, -63.5, 63.5},
              {"int4,asym,scale=0.5,zero=3", 16, -1.5, 6},
              {"e4m3,scale=2", 253, -896, 896},
              {"e5m2,scale=1", 247, -57344, 57344},
              {"bf16,scale=1", 65279, -0x1.fep127, 0x1.fep127}};
  const float x = 1;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fit *fit = fit_of(rows[i].spec, &x, matrix(1, 1));
    size_t count;
    double *levels = fit_levels(fit, 0, &count);
    assert_non_null(levels);
    assert_int_equal(count, rows[i].count);
    assert_true(levels[0] == rows[i].first && levels[count - 1] == rows[i].last);
    for (size_t k = 1; k < count; k++)
      assert_true(levels[k] > levels[k - 1]);
    for (size_t k = 0; k < count; k++) {
      float value = (float)levels[k], back;
      fit_round_trip(fit, 0, 1, &value, &back, NULL);
      assert_true(back == value);
    }
    free(levels);
    fit_free(fit);
  }
}

/* Away and stochastic rounding cross unit borders too, and depend on the index alone. */
static void test_other_roundings(void **state)
{
  (void)state;
  enum { ROWS = 20, COLUMNS = 33, N = ROWS * COLUMNS };
  static float x[N], y[N], piece[N];
  static uint16_t codes[N], piece_codes[N];
  for (size_t i = 0; i < N; i++)
    x[i] = bell();
  static const char *const specs[] = {"int4,group=8,round=stochastic", "int8,channel=1,round=away",
                                      "e4m3,token,round=zero", "e5m2,round=stochastic=9"};
  for (size_t s = 0; s < 4; s++) {
    struct fit *fit = fit_of(specs[s], x, matrix(ROWS, COLUMNS));
    fit_round_trip(fit, 0, N, x, y, codes);
    for (size_t start = 0; start < N; start += 41) {
      size_t n = N - start < 41 ? N - start : 41;
      fit_round_trip(fit, start, n, x + start, piece + start, piece_codes + start);
    }
    assert_memory_equal(y, piece, sizeof y);
    assert_memory_equal(codes, piece_codes, sizeof codes);
    for (size_t i = 0; i < N; i++) {
      float step = fit_scale(fit, grain_unit(fit_grain(fit), i));
      if (!format_is_integer(fit_quantizer(fit)->format))
        step = fmaxf(step, fabsf(x[i])) / 2;
      assert_true(fabsf(y[i] - x[i]) <= step);
      if (fit_quantizer(fit)->rounding == ROUND_ZERO)
        assert_true(fabsf(y[i]) <= fabsf(x[i]));
    }
    fit_free(fit);
  }
}

/* --- threads, feeds ------------------------------------------------------------------------ */

static void decode_halves(const void *self, size_t start, size_t n, float *out)
{
  const float *x = self;
  for (size_t i = 0; i < n; i++)
    out[i] = x[start + i];
}

/* Same scales from memory and from a decoding feed, with 1, 2 and 5 threads; progress ends at
 * its total. */
static void test_threads_and_feeds(void **state)
{
  (void)state;
  enum { ROWS = 700, COLUMNS = 1030, N = ROWS * COLUMNS };
  static const char *const specs[] = {"int8",
                                      "int8,channel=0,percentile=99.5",
                                      "int8,channel=1",
                                      "int4,asym,channel=1,percentile=99",
                                      "int4,group=128,percentile=98",
                                      "e4m3,token",
                                      "int8,entropy",
                                      "int4,channel=1,mse"};
  float *x = malloc(N * sizeof *x);
  assert_non_null(x);
  for (size_t i = 0; i < N; i++)
    x[i] = bell();
  for (size_t s = 0; s < sizeof specs / sizeof specs[0]; s++) {
    struct quantizer quantizer = spec(specs[s]);
    struct shape shape = matrix(ROWS, COLUMNS);
    struct fit *reference = NULL;
    static const unsigned threads[] = {1, 2, 5};
    for (size_t t = 0; t < 6; t++) {
      struct feed feed = feed_floats(x, N);
      if (t >= 3)
        feed = (struct feed){.count = N, .decode = decode_halves, .self = x};
      struct progress progress = {0};
      struct fit *fit;
      struct error error;
      pool_set_threads(threads[t % 3]);
      assert_int_equal(quantizer_fit(&quantizer, &feed, &shape, &progress, &fit, &error),
                       STATUS_OK);
      assert_true(atomic_load(&progress.total) >= N);
      assert_int_equal(atomic_load(&progress.done), atomic_load(&progress.total));
      for (size_t unit = 0; reference && unit < fit_grain(fit)->units; unit++) {
        assert_true(fit_scale(fit, unit) == fit_scale(reference, unit));
        assert_int_equal(fit_zero_point(fit, unit), fit_zero_point(reference, unit));
      }
      if (reference)
        fit_free(fit);
      else
        reference = fit;
    }
    fit_free(reference);
  }
  pool_set_threads(0);
  free(x);
}

/* What a calibrator is shown: gathered and large units hold the same finite values, checked by
 * the percentile that a sort gives. */
static int compare_floats(const void *a, const void *b)
{
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static void test_gathered_units(void **state)
{
  (void)state;
  static const struct {
    const char *spec;
    struct shape shape;
  } rows[] = {{"int8,channel=1,percentile=90", {.dims = 2, .dim = {100, 77}}},
              {"int8,channel=1,percentile=90", {.dims = 3, .dim = {11, 6, 200}}},
              {"int8,group=50,percentile=90", {.dims = 2, .dim = {9, 120}}},
              {"int8,token,percentile=90", {.dims = 2, .dim = {30, 333}}},
              {"int8,channel=0,percentile=90", {.dims = 2, .dim = {2, 1100000}}}};
  for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
    size_t n = shape_elements(&rows[r].shape), count = 0;
    float *x = malloc(n * sizeof *x), *sorted = malloc(n * sizeof *sorted);
    assert_true(x && sorted);
    for (size_t i = 0; i < n; i++)
      x[i] = i % 50 == 7 ? -INFINITY : i % 31 == 0 ? NAN : uniform();
    struct fit *fit = fit_of(rows[r].spec, x, rows[r].shape);
    const struct grain *grain = fit_grain(fit);
    for (size_t unit = 0; unit < grain->units; unit++, count = 0) {
      for (size_t k = 0; k < grain_unit_size(grain, unit); k++)
        if (isfinite(x[grain_element(grain, unit, k)]))
          sorted[count++] = fabsf(x[grain_element(grain, unit, k)]);
      qsort(sorted, count, sizeof *sorted, compare_floats);
      double place = (double)(count - 1) * 0.9;
      size_t below = (size_t)place;
      double next = (double)sorted[below + 1 < count ? below + 1 : below];
      double threshold =
          (double)sorted[below] + (place - (double)below) * (next - (double)sorted[below]);
      float scale = (float)threshold / 127;
      assert_true(fabsf(fit_scale(fit, unit) - scale) <= scale * 1e-6f);
    }
    fit_free(fit);
    free(x);
    free(sorted);
  }
}

int main(void)
{
  kernels_init();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_int8_by_hand),
      cmocka_unit_test(test_uint4_by_hand),
      cmocka_unit_test(test_narrow_never_uses_the_lowest_code),
      cmocka_unit_test(test_casts),
      cmocka_unit_test(test_uniform_noise),
      cmocka_unit_test(test_units_against_naive),
      cmocka_unit_test(test_small_floats_by_units),
      cmocka_unit_test(test_degenerate),
      cmocka_unit_test(test_empty_and_scalar),
      cmocka_unit_test(test_errors),
      cmocka_unit_test(test_integer_bounds),
      cmocka_unit_test(test_float_bounds),
      cmocka_unit_test(test_minmax_does_not_clip),
      cmocka_unit_test(test_bits_per_element),
      cmocka_unit_test(test_levels),
      cmocka_unit_test(test_other_roundings),
      cmocka_unit_test(test_threads_and_feeds),
      cmocka_unit_test(test_gathered_units),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
