/* The kernels: every instruction set against the baseline bit for bit, and the baseline against
 * plain scalar code that shares nothing with it. All lengths to 257 and some beyond a block,
 * every alignment, guard bands, and mixes of NaN, infinities and denormals. */
#include "tests/support/kernel_draws.h"

#include "quant/kernels/kernels.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- results with guard bands ------------------------------------------------------------- */

struct results {
  float y[ROOM];
  uint16_t codes[ROOM];
};

static void results_clear(struct results *results)
{
  memset(results, 0xa5, sizeof *results);
}

static void check_guards(const struct results *results, size_t n)
{
  static struct results clean;
  results_clear(&clean);
  assert_memory_equal(results->y, clean.y, GUARD * sizeof(float));
  assert_memory_equal(results->codes, clean.codes, GUARD * sizeof(uint16_t));
  size_t end = GUARD + n;
  assert_memory_equal(results->y + end, clean.y, (ROOM - end) * sizeof(float));
  assert_memory_equal(results->codes + end, clean.codes, (ROOM - end) * sizeof(uint16_t));
}

/* One round trip of N elements into the room between the guards. */
typedef void round_trip(const struct kernels *level, const float *x, size_t n, float *y,
                        uint16_t *codes, const void *how);

/* What one element must become. */
typedef void scalar_trip(float x, size_t i, const void *how, float *y, uint16_t *code);

static void check_round_trip(round_trip *trip, scalar_trip *scalar, const void *how)
{
  static float memory[ROOM], x[MOST];
  static struct results baseline, found;
  const struct kernels *const *levels = kernels_available();
  for (int mix = 0; mix < MIXES; mix++)
    for (size_t n = 0; kernel_next_length(&n);) {
      kernel_fill(x, n, (enum mix)mix);
      results_clear(&baseline);
      trip(levels[0], x, n, baseline.y + GUARD, baseline.codes + GUARD, how);
      check_guards(&baseline, n);
      for (size_t i = 0; i < n; i++) {
        float y;
        uint16_t code;
        scalar(x[i], i, how, &y, &code);
        if (!kernel_same(y, baseline.y[GUARD + i]) || code != baseline.codes[GUARD + i])
          fail_msg("%a: expected %a code %u, found %a code %u", (double)x[i], (double)y, code,
                   (double)baseline.y[GUARD + i], baseline.codes[GUARD + i]);
      }
      for (size_t level = 0; levels[level]; level++) {
        size_t shift = n % 8; /* unaligned starts */
        memcpy(memory + shift, x, n * sizeof *x);
        results_clear(&found);
        trip(levels[level], memory + shift, n, found.y + GUARD, found.codes + GUARD, how);
        assert_memory_equal(&found, &baseline, sizeof found);
        results_clear(&found);
        trip(levels[level], memory + shift, n, found.y + GUARD, NULL, how);
        assert_memory_equal(found.y, baseline.y, sizeof found.y);
      }
    }
}

/* --- integers ----------------------------------------------------------------------------- */

static struct unit lane_units[MOST];

static void integer_run(const struct kernels *level, const float *x, size_t n, float *y,
                        uint16_t *codes, const void *how)
{
  level->integer_run(x, n, *(const struct unit *)how, y, codes);
}

static void integer_lanes(const struct kernels *level, const float *x, size_t n, float *y,
                          uint16_t *codes, const void *how)
{
  (void)how;
  level->integer_lanes(x, n, lane_units, y, codes);
}

static void integer_scalar(float x, size_t i, const void *how, float *y, uint16_t *code)
{
  (void)i;
  kernel_integer(x, how, y, code);
}

static void integer_lane_scalar(float x, size_t i, const void *how, float *y, uint16_t *code)
{
  (void)how;
  kernel_integer(x, &lane_units[i], y, code);
}

static const struct unit integer_units[] = {
    {.scale = 0.02f, .lo = -128, .hi = 127},      {.scale = 0.02f, .lo = -127, .hi = 127},
    {.scale = 0.3f, .lo = -2, .hi = 1},           {.scale = 1, .lo = -8, .hi = 7},
    {.scale = 0.01f, .lo = -100, .hi = 155},      {.scale = 0.01f, .lo = 0, .hi = 255},
    {.scale = 0.01f, .lo = -255, .hi = 0},        {.scale = 1e-4f, .lo = -32768, .hi = 32767},
    {.scale = 3e-5f, .lo = -65535, .hi = 0},      {.scale = 3e-5f, .lo = 0, .hi = 65535},
    {.scale = 1.4e-45f, .lo = -128, .hi = 127},   {.scale = 1e38f, .lo = -128, .hi = 127},
    {.scale = FLT_TRUE_MIN, .lo = 0, .hi = 65535}};
enum { INTEGER_UNITS = sizeof integer_units / sizeof integer_units[0] };

/* All levels agree on the other arithmetics, run and lanes, bit by bit; what they compute is for
 * test_scale_rules. */
static void test_integer_by(void **state)
{
  (void)state;
  const struct kernels *const *levels = kernels_available();
  static float x[MOST], y[MOST], expected[MOST];
  static uint16_t codes[MOST], expected_codes[MOST];
  static struct unit units[MOST];
  for (int mix = 0; mix < MIXES; mix++)
    for (int arithmetic = ARITHMETIC_RECIPROCAL; arithmetic <= ARITHMETIC_OFFSET; arithmetic++)
      for (size_t n = 0; kernel_next_length(&n);) {
        kernel_fill(x, n, (enum mix)mix);
        for (size_t i = 0; i < n; i++) {
          units[i] = integer_units[i % INTEGER_UNITS];
          units[i].offset = (float)i / 64 - 3;
          units[i].multiplier = arithmetic == ARITHMETIC_ZERO_FIRST ? (float)(i % 16) : 3.7f;
        }
        for (size_t step = 0; step < 2; step++) {
          levels[0]->integer_by((enum arithmetic)arithmetic, x, n, units, step, expected,
                                expected_codes);
          for (size_t i = 1; levels[i]; i++) {
            levels[i]->integer_by((enum arithmetic)arithmetic, x, n, units, step, y, codes);
            assert_memory_equal(codes, expected_codes, n * sizeof *codes);
            for (size_t k = 0; k < n; k++)
              assert_true(memcmp(&y[k], &expected[k], sizeof *y) == 0 ||
                          (y[k] != y[k] && expected[k] != expected[k]));
          }
        }
      }
}

static void test_integer_run(void **state)
{
  (void)state;
  for (size_t i = 0; i < INTEGER_UNITS; i++)
    check_round_trip(integer_run, integer_scalar, &integer_units[i]);
}

static void test_integer_lanes(void **state)
{
  (void)state;
  for (size_t i = 0; i < MOST; i++)
    lane_units[i] = integer_units[kernel_random() % INTEGER_UNITS];
  check_round_trip(integer_lanes, integer_lane_scalar, NULL);
}

/* Every half step of int16 and its neighbours: the magic number must round as rint does. */
static void test_integer_ties(void **state)
{
  (void)state;
  const struct unit unit = {.scale = 1, .lo = -65535, .hi = 65535};
  for (int step = -2 * 65540; step <= 2 * 65540; step++) {
    float x[3], y[3], expected;
    uint16_t code;
    x[0] = (float)step / 2;
    x[1] = nextafterf(x[0], INFINITY);
    x[2] = nextafterf(x[0], -INFINITY);
    kernels.integer_run(x, 3, unit, y, NULL);
    for (int i = 0; i < 3; i++) {
      kernel_integer(x[i], &unit, &expected, &code);
      if (!kernel_same(expected, y[i]))
        fail_msg("%a became %a", (double)x[i], (double)y[i]);
    }
  }
}

/* --- small floats ------------------------------------------------------------------------- */

struct minifloat_case {
  const struct format *format;
  struct minifloat_grid grid;
  float scale;
};

static struct unit lane_scales[MOST];

static void minifloat_run(const struct kernels *level, const float *x, size_t n, float *y,
                          uint16_t *codes, const void *how)
{
  const struct minifloat_case *c = how;
  level->minifloat_run(x, n, &c->grid, c->scale, y, codes);
}

static void minifloat_lanes(const struct kernels *level, const float *x, size_t n, float *y,
                            uint16_t *codes, const void *how)
{
  const struct minifloat_case *c = how;
  level->minifloat_lanes(x, n, &c->grid, lane_scales, y, codes);
}

static void minifloat_scalar(float x, size_t i, const void *how, float *y, uint16_t *code)
{
  (void)i;
  const struct minifloat_case *c = how;
  kernel_minifloat(x, c->format, c->scale, y, code);
}

static void minifloat_lane_scalar(float x, size_t i, const void *how, float *y, uint16_t *code)
{
  const struct minifloat_case *c = how;
  kernel_minifloat(x, c->format, lane_scales[i].scale, y, code);
}

static const char *const minifloats[] = {"e4m3", "e5m2", "fp16", "bf16"};
static const float minifloat_scales[] = {1, 0.004f, 3e-6f, 1e-40f, 1e30f};

static void test_minifloat_run(void **state)
{
  (void)state;
  for (size_t f = 0; f < 4; f++)
    for (size_t s = 0; s < 5; s++) {
      const struct format *format = format_find(minifloats[f]);
      struct minifloat_case c = {format, format_grid(format), minifloat_scales[s]};
      check_round_trip(minifloat_run, minifloat_scalar, &c);
    }
}

static void test_minifloat_lanes(void **state)
{
  (void)state;
  for (size_t i = 0; i < MOST; i++)
    lane_scales[i].scale = minifloat_scales[kernel_random() % 5];
  for (size_t f = 0; f < 4; f++) {
    const struct format *format = format_find(minifloats[f]);
    struct minifloat_case c = {format, format_grid(format), 0};
    check_round_trip(minifloat_lanes, minifloat_lane_scalar, &c);
  }
}

/* All float32 whose low 12 bits are 0, 1, half or full: every exponent, every tie. */
static void test_minifloat_everywhere(void **state)
{
  (void)state;
  static const uint32_t low[] = {0, 1, 0x7ff, 0x800, 0x801, 0xfff};
  static float x[MOST], y[MOST];
  static uint16_t codes[MOST];
  for (size_t f = 0; f < 4; f++) {
    const struct format *format = format_find(minifloats[f]);
    struct minifloat_grid grid = format_grid(format);
    for (uint32_t high = 0; high < 1u << 20; high += 1024) {
      for (uint32_t i = 0; i < 1024; i++)
        x[i] = kernel_float((high + i) << 12 | low[(high / 1024 + i) % 6]);
      kernels.minifloat_run(x, 1024, &grid, 1, y, codes);
      for (size_t i = 0; i < 1024; i++) {
        float expected;
        uint16_t code;
        kernel_minifloat(x[i], format, 1, &expected, &code);
        if (!kernel_same(expected, y[i]) || code != codes[i])
          fail_msg("%s: %a became %a code 0x%x", format->name, (double)x[i], (double)y[i],
                   codes[i]);
      }
    }
  }
}

/* --- extremes ----------------------------------------------------------------------------- */

static void test_extremes(void **state)
{
  (void)state;
  static float memory[ROOM];
  const struct kernels *const *levels = kernels_available();
  for (int mix = 0; mix < MIXES; mix++)
    for (size_t n = 0; kernel_next_length(&n);) {
      float *x = memory + n % 8;
      kernel_fill(x, n, (enum mix)mix);
      struct extremes expected = extremes_empty();
      for (size_t i = 0; i < n; i++) {
        expected.nan += isnan(x[i]) != 0;
        expected.inf += isinf(x[i]) != 0;
        if (!isfinite(x[i]))
          continue;
        expected.finite++;
        expected.zeros += x[i] == 0;
        expected.min = fminf(expected.min, x[i]) + 0.0f;
        expected.max = fmaxf(expected.max, x[i]) + 0.0f;
      }
      for (size_t level = 0; levels[level]; level++) {
        struct extremes found = extremes_empty();
        levels[level]->extremes(x, n, &found);
        assert_memory_equal(&found.min, &expected.min, sizeof found.min);
        assert_memory_equal(&found.max, &expected.max, sizeof found.max);
        assert_int_equal(found.finite, expected.finite);
        assert_int_equal(found.nan, expected.nan);
        assert_int_equal(found.inf, expected.inf);
        assert_int_equal(found.zeros, expected.zeros);
      }
    }
}

static void test_extremes_of_zeros_and_nothing(void **state)
{
  (void)state;
  const float zeros[] = {-0.0f, 0.0f, -0.0f}, nothing[] = {NAN, INFINITY, -INFINITY};
  struct extremes e = extremes_empty();
  kernels.extremes(zeros, 3, &e);
  assert_true(e.min == 0 && !signbit(e.min) && !signbit(e.max));
  assert_int_equal(e.zeros, 3);
  e = extremes_empty();
  kernels.extremes(nothing, 3, &e);
  assert_true(e.min == INFINITY && e.max == -INFINITY);
  assert_int_equal(e.finite, 0);
  assert_int_equal(e.nan, 1);
  assert_int_equal(e.inf, 2);
}

static void test_count_below(void **state)
{
  (void)state;
  static float memory[ROOM];
  static const float limits[] = {FLT_TRUE_MIN, FLT_MIN, 0x1p-14f, 1, INFINITY};
  const struct kernels *const *levels = kernels_available();
  for (int mix = 0; mix < MIXES; mix++)
    for (size_t n = 0; kernel_next_length(&n);) {
      float *x = memory + n % 8;
      kernel_fill(x, n, (enum mix)mix);
      const float limit = limits[n % (sizeof limits / sizeof *limits)];
      uint32_t expected = 0;
      for (size_t i = 0; i < n; i++)
        expected += x[i] != 0 && fabsf(x[i]) < limit;
      for (size_t level = 0; levels[level]; level++)
        assert_int_equal(levels[level]->count_below(x, n, limit), expected);
    }
}

/* Against a plain loop; ranges with all, with few, with one pattern of bits, and with none. */
static void test_find_between(void **state)
{
  (void)state;
  static float memory[ROOM], found[MOST], expected[MOST];
  static const uint32_t ranges[][2] = {
      {0, INT32_MAX}, {0x3f800000, 0x3f80ffff}, {0x3f000000, 0x40ffffff}, {0, 0}, {1, 1}};
  const struct kernels *const *levels = kernels_available();
  for (int mix = 0; mix < MIXES; mix++)
    for (size_t n = 0; kernel_next_length(&n);) {
      float *x = memory + n % 8;
      kernel_fill(x, n, (enum mix)mix);
      for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++) {
        size_t few = 0;
        for (size_t i = 0; i < n; i++) {
          uint32_t bits;
          memcpy(&bits, &x[i], sizeof bits);
          bits &= INT32_MAX;
          if (bits >= ranges[r][0] && bits <= ranges[r][1])
            expected[few++] = x[i];
        }
        for (size_t level = 0; levels[level]; level++) {
          assert_int_equal(levels[level]->find_between(x, n, ranges[r][0], ranges[r][1], found),
                           few);
          assert_true(few == 0 || memcmp(found, expected, few * sizeof *found) == 0);
        }
      }
    }
}

static void test_extremes_lanes(void **state)
{
  (void)state;
  static float memory[ROOM], min[MOST], max[MOST], expected_min[MOST], expected_max[MOST];
  static uint32_t finite[MOST], expected_finite[MOST];
  const struct kernels *const *levels = kernels_available();
  for (size_t level = 0; levels[level]; level++)
    for (size_t n = 0; kernel_next_length(&n);) {
      for (size_t i = 0; i < n; i++) {
        min[i] = expected_min[i] = INFINITY;
        max[i] = expected_max[i] = -INFINITY;
        finite[i] = expected_finite[i] = 0;
      }
      for (int row = 0; row < 5; row++) {
        float *x = memory + (size_t)row;
        kernel_fill(x, n, (enum mix)(row % MIXES));
        levels[level]->extremes_lanes(x, n, min, max, finite);
        for (size_t i = 0; i < n; i++)
          if (isfinite(x[i])) {
            expected_min[i] = fminf(expected_min[i], x[i]);
            expected_max[i] = fmaxf(expected_max[i], x[i]);
            expected_finite[i]++;
          }
      }
      for (size_t i = 0; i < n; i++) {
        assert_true(min[i] == expected_min[i] && max[i] == expected_max[i]);
        assert_int_equal(finite[i], expected_finite[i]);
      }
    }
}

/* Two sweeps in eight lanes, as the contract has it. */
static void test_moments(void **state)
{
  (void)state;
  static float memory[ROOM];
  static double terms[4][MOST];
  const struct kernels *const *levels = kernels_available();
  for (size_t n = 0; kernel_next_length(&n);) {
    float *x = memory + n % 8;
    double total[4];
    kernel_fill(x, n, n % 2 ? MIX_FINITE : MIX_BELL);
    for (size_t i = 0; i < n; i++)
      terms[0][i] = (double)x[i];
    total[0] = kernel_lane_sum(terms[0], n) / (double)n;
    for (size_t i = 0; i < n; i++) {
      double d = (double)x[i] - total[0];
      terms[1][i] = d * d;
      terms[2][i] = d * d * d;
      terms[3][i] = d * d * (d * d);
    }
    for (int k = 1; k < 4; k++)
      total[k] = kernel_lane_sum(terms[k], n);
    for (size_t level = 0; levels[level]; level++) {
      struct central_moments found;
      levels[level]->moments(x, n, &found);
      kernel_check_bits(found.mean, total[0], "mean");
      kernel_check_bits(found.m2, total[1], "m2");
      kernel_check_bits(found.m3, total[2], "m3");
      kernel_check_bits(found.m4, total[3], "m4");
    }
  }
}

/* --- bins --------------------------------------------------------------------------------- */

static int32_t bin_of(double v, const struct bin_edges *edges)
{
  if (!isfinite(v))
    return (int32_t)edges->last + 3;
  if (v < edges->lo || v > edges->hi)
    return (int32_t)edges->last + (v < edges->lo ? 1 : 2);
  return (int32_t)fmin(floor((v - edges->lo) * edges->per_unit), edges->last);
}

/* Sums in the order of the elements; few bins, so that neighbours share one. */
static void test_error_bins(void **state)
{
  (void)state;
  static float x_memory[ROOM], y_memory[ROOM];
  static int32_t at[MOST];
  enum { BINS = 5 };
  const struct kernels *const *levels = kernels_available();
  for (int mix = 0; mix < MIXES; mix++)
    for (size_t n = 0; kernel_next_length(&n);) {
      float *x = x_memory + n % 8, *y = y_memory + n % 3;
      struct error_bin expected[BINS] = {{0}};
      kernel_fill(x, n, MIX_FINITE);
      kernel_fill(y, n, (enum mix)mix); /* reconstructions may be infinite or NaN */
      for (size_t i = 0; i < n; i++) {
        at[i] = (int32_t)(kernel_random() % BINS);
        struct error_bin *bin = &expected[at[i]];
        double e = fabs((double)x[i] - (double)y[i]);
        e = isnan(e) ? (double)INFINITY : e;
        bin->sum += e;
        bin->squares += isinf(e) ? 0 : e * e;
        bin->count++;
        bin->most = fmax(bin->most, e);
      }
      for (size_t level = 0; levels[level]; level++) {
        struct error_bin found[BINS + 1] = {{0}};
        levels[level]->error_bins(x, y, at, n, found);
        assert_memory_equal(found, expected, sizeof expected);
        assert_true(found[BINS].count == 0);
      }
    }
}

static void test_bins(void **state)
{
  (void)state;
  static float x_memory[ROOM], y_memory[ROOM];
  static int32_t at[ROOM];
  const struct kernels *const *levels = kernels_available();
  const struct bin_edges edges[] = {{-2, 2, 2048 / 4.0, 2047}, {0.1, 1.3, 7 / 1.2, 6}};
  for (int mix = 0; mix < MIXES; mix++)
    for (size_t n = 0; kernel_next_length(&n);) {
      const struct bin_edges *e = &edges[n % 2];
      float *x = x_memory + n % 8, *less = y_memory + n % 3;
      kernel_fill(x, n, (enum mix)mix);
      kernel_fill(less, n, (enum mix)mix);
      for (size_t i = 0; n % 3 == 0 && i < n; i++) { /* all inside, but for rounding at the ends */
        x[i] = (float)e->hi - fmodf(fabsf(kernel_bell()), 1);
        less[i] = 0;
      }
      for (size_t i = 0; i < n; i += 9)
        x[i] = i % 2 ? (float)e->hi : nextafterf((float)e->lo, kernel_bell());
      for (size_t level = 0; levels[level]; level++)
        for (int pair = 0; pair < 2; pair++) {
          memset(at, 0xa5, sizeof at);
          levels[level]->bins(x, pair ? less : NULL, n, e, at);
          for (size_t i = 0; i < n; i++) {
            double v = pair ? (double)x[i] - (double)less[i] : (double)x[i];
            assert_int_equal(at[i], bin_of(v, e));
          }
          assert_int_equal(at[n], (int32_t)0xa5a5a5a5);
        }
    }
}

/* --- choosing a level --------------------------------------------------------------------- */

/* --- float16 ------------------------------------------------------------------------------ */

/* By definition: sign, 5 bits of exponent, 10 of fraction. A NaN keeps its bits and becomes quiet.
 */
static float half_by_definition(uint32_t half)
{
  uint32_t sign = half >> 15 << 31, exponent = half >> 10 & 31, fraction = half & 1023;
  if (exponent == 31)
    return kernel_float(sign | 0x7f800000u | fraction << 13 | (fraction ? 0x400000u : 0));
  float magnitude = exponent ? ldexpf((float)(1024 + fraction), (int)exponent - 25)
                             : ldexpf((float)fraction, -24);
  return sign ? -magnitude : magnitude;
}

enum { HALVES = 65536 };
typedef void decoder(const unsigned char *bytes, size_t n, float *out);

/* All of them, from odd addresses; ragged ends about START, before a guard. */
static void check_decoder(decoder *decode, const float *expected, size_t start)
{
  static unsigned char bytes[2 * HALVES + 1];
  static float found[HALVES];
  for (uint32_t half = 0; half < HALVES; half++) {
    bytes[1 + 2 * half] = (unsigned char)half;
    bytes[2 + 2 * half] = (unsigned char)(half >> 8);
  }
  memset(found, 0xa5, sizeof found);
  decode(bytes + 1, HALVES, found);
  assert_memory_equal(found, expected, sizeof found);
  for (size_t n = 0; n < 40; n++) {
    memset(found, 0xa5, 64 * sizeof *found);
    decode(bytes + 1 + 2 * start, n, found);
    assert_memory_equal(found, expected + start, n * sizeof *found);
    assert_memory_equal(found + n, "\xa5\xa5\xa5\xa5", sizeof *found);
  }
}

/* On every level; the ragged ends are infinities and NaN. */
static void test_half_decode(void **state)
{
  static float half[HALVES], bfloat[HALVES];
  (void)state;
  for (uint32_t bits = 0; bits < HALVES; bits++) {
    half[bits] = half_by_definition(bits);
    bfloat[bits] = kernel_float(bits << 16);
  }
  for (const struct kernels *const *level = kernels_available(); *level; level++) {
    check_decoder((*level)->half_decode, half, 0x7bf0);
    check_decoder((*level)->bfloat_decode, bfloat, 0x7f70);
  }
}

static void test_choice(void **state)
{
  (void)state;
  const struct kernels *const *levels = kernels_available();
  assert_string_equal(levels[0]->name, "baseline");
  assert_string_equal(kernels.name, "baseline"); /* before kernels_init */
  assert_ptr_equal(kernels.tally, levels[0]->tally);
  size_t last = 0;
  while (levels[last + 1])
    last++;
  for (size_t i = 0; levels[i]; i++) {
    setenv("QSCOPE_ISA", levels[i]->name, 1);
    kernels_init();
    assert_string_equal(kernels.name, levels[i]->name);
  }
  setenv("QSCOPE_ISA", "mmx", 1); /* unknown: a warning, and the best there is */
  kernels_init();
  assert_string_equal(kernels.name, levels[last]->name);
  unsetenv("QSCOPE_ISA");
  kernels_init();
  assert_string_equal(kernels.name, levels[last]->name);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_choice),
      cmocka_unit_test(test_integer_by),
      cmocka_unit_test(test_integer_run),
      cmocka_unit_test(test_integer_lanes),
      cmocka_unit_test(test_integer_ties),
      cmocka_unit_test(test_minifloat_run),
      cmocka_unit_test(test_minifloat_lanes),
      cmocka_unit_test(test_minifloat_everywhere),
      cmocka_unit_test(test_extremes),
      cmocka_unit_test(test_extremes_of_zeros_and_nothing),
      cmocka_unit_test(test_count_below),
      cmocka_unit_test(test_find_between),
      cmocka_unit_test(test_extremes_lanes),
      cmocka_unit_test(test_moments),
      cmocka_unit_test(test_bins),
      cmocka_unit_test(test_error_bins),
      cmocka_unit_test(test_half_decode),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
