/* The kernels: every instruction set against the baseline bit for bit, and the baseline against
 * plain scalar code that shares nothing with it. All lengths to 257 and some beyond a block,
 * every alignment, guard bands, and mixes of NaN, infinities and denormals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "quant/family.h"
#include "quant/fit.h"
#include "quant/kernels/kernels.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1400, GUARD = 16, ROOM = MOST + 2 * GUARD };

static const size_t lengths_beyond[] = {511, 512, 513, 520, 1023, 1024, 1025, 1399};

/* Lengths 0..257, then those around the kernels' inner blocks; false at the end. */
static bool next_length(size_t *n)
{
  size_t beyond = sizeof lengths_beyond / sizeof lengths_beyond[0];
  if (*n < 257) {
    ++*n;
    return true;
  }
  for (size_t i = 0; i < beyond; i++)
    if (lengths_beyond[i] > *n) {
      *n = lengths_beyond[i];
      return true;
    }
  return false;
}

static uint64_t random_state = 0x853c49e6748fea9bu;

static uint32_t random_bits(void)
{
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return (uint32_t)(random_state * 2685821657736338717u >> 32);
}

static float float_of(uint32_t bits)
{
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static float bell(void)
{
  float sum = 0;
  for (int i = 0; i < 4; i++)
    sum += (float)(int32_t)random_bits() * 0x1p-31f;
  return sum;
}

static const uint32_t special[] = {0,          0x80000000, 1,          0x80000001, 0x007fffff,
                                   0x807fffff, 0x00800000, 0x7f7fffff, 0xff7fffff, 0x7f800000,
                                   0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001, 0xffbfffff,
                                   0x3f000000, 0xbf000000, 0x3effffff};

enum mix { MIX_BELL, MIX_SPECIAL, MIX_BITS, MIX_FINITE, MIXES };

static float draw(enum mix mix)
{
  if (mix == MIX_BITS)
    return float_of(random_bits());
  if (mix == MIX_SPECIAL && random_bits() % 4 == 0)
    return float_of(special[random_bits() % (sizeof special / sizeof special[0])]);
  if (mix == MIX_FINITE && random_bits() % 16 == 0)
    return float_of(special[random_bits() % 9]) * (random_bits() % 2 ? 1.0f : 1e-30f);
  return bell();
}

static void fill(float *x, size_t n, enum mix mix)
{
  for (size_t i = 0; i < n; i++)
    x[i] = draw(mix);
}

/* Equal bits; NaNs may differ in payload only against the scalar reference. */
static bool same(float a, float b)
{
  return isnan(a) ? isnan(b) : memcmp(&a, &b, sizeof a) == 0;
}

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
    for (size_t n = 0; next_length(&n);) {
      fill(x, n, (enum mix)mix);
      results_clear(&baseline);
      trip(levels[0], x, n, baseline.y + GUARD, baseline.codes + GUARD, how);
      check_guards(&baseline, n);
      for (size_t i = 0; i < n; i++) {
        float y;
        uint16_t code;
        scalar(x[i], i, how, &y, &code);
        if (!same(y, baseline.y[GUARD + i]) || code != baseline.codes[GUARD + i])
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

static void integer_by_unit(float x, const struct unit *unit, float *y, uint16_t *code)
{
  if (isnan(x)) {
    *y = NAN;
    *code = (uint16_t)-unit->lo;
    return;
  }
  double r = nearbyint((double)(x / unit->scale));
  r = r < (double)unit->lo ? (double)unit->lo : r > (double)unit->hi ? (double)unit->hi : r;
  *y = (float)(r + 0.0) * unit->scale; /* + 0.0: integers have no negative zero */
  *code = (uint16_t)(uint32_t)(r - (double)unit->lo);
}

static void integer_scalar(float x, size_t i, const void *how, float *y, uint16_t *code)
{
  (void)i;
  integer_by_unit(x, how, y, code);
}

static void integer_lane_scalar(float x, size_t i, const void *how, float *y, uint16_t *code)
{
  (void)how;
  integer_by_unit(x, &lane_units[i], y, code);
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
      for (size_t n = 0; next_length(&n);) {
        fill(x, n, (enum mix)mix);
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
    lane_units[i] = integer_units[random_bits() % INTEGER_UNITS];
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
      integer_by_unit(x[i], &unit, &expected, &code);
      if (!same(expected, y[i]))
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

/* Nearest by bits of the double: cut the mantissa, compare what was cut with half of a step. */
static float nearest_in_format(const struct format *format, float v)
{
  double max = format_max(format), a = fmin(fabs((double)v), 4 * max);
  if (isnan(v))
    return NAN;
  int exponent = a > 0 ? ilogb(a) : -2000;
  if (exponent < 1 - format->bias)
    exponent = 1 - format->bias;
  double step = ldexp(1, exponent - format->mantissa_bits);
  double below = floor(a / step), rest = a / step - below;
  if (rest > 0.5 || (rest == 0.5 && fmod(below, 2) == 1))
    below++;
  return copysignf((float)fmin(below * step, max), v);
}

static void minifloat_by_scale(float x, const struct format *format, float scale, float *y,
                               uint16_t *code)
{
  bool fn = format->top == TOP_FN;
  uint32_t sign = signbit(x) ? 1u << (format->bits - 1) : 0;
  uint32_t top = ((1u << format->exponent_bits) - 1) << format->mantissa_bits;
  uint32_t quiet = top | 1u << (format->mantissa_bits - 1), ones = sign ^ (fn ? 0x7f : 0);
  if (isnan(x) || isinf(x)) {
    *y = isinf(x) && !fn ? x : NAN;
    *code = (uint16_t)(fn ? ones : isinf(x) ? sign | top : sign | quiet);
    return;
  }
  float g = nearest_in_format(format, x / scale);
  *y = g * scale;
  int exponent = 0;
  double fraction = frexp(fabs((double)g), &exponent) * 2; /* 1 <= fraction < 2 */
  exponent += format->bias - 1;
  double units = ldexp(1, format->mantissa_bits);
  uint32_t field = g == 0         ? 0
                   : exponent > 0 ? (uint32_t)((exponent - 1 + fraction) * units)
                                  : (uint32_t)(ldexp(fraction, exponent - 1) * units);
  *code = (uint16_t)(sign | field);
}

static void minifloat_scalar(float x, size_t i, const void *how, float *y, uint16_t *code)
{
  (void)i;
  const struct minifloat_case *c = how;
  minifloat_by_scale(x, c->format, c->scale, y, code);
}

static void minifloat_lane_scalar(float x, size_t i, const void *how, float *y, uint16_t *code)
{
  const struct minifloat_case *c = how;
  minifloat_by_scale(x, c->format, lane_scales[i].scale, y, code);
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
    lane_scales[i].scale = minifloat_scales[random_bits() % 5];
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
        x[i] = float_of((high + i) << 12 | low[(high / 1024 + i) % 6]);
      kernels.minifloat_run(x, 1024, &grid, 1, y, codes);
      for (size_t i = 0; i < 1024; i++) {
        float expected;
        uint16_t code;
        minifloat_by_scale(x[i], format, 1, &expected, &code);
        if (!same(expected, y[i]) || code != codes[i])
          fail_msg("%s: %a became %a code 0x%x", format->name, (double)x[i], (double)y[i],
                   codes[i]);
      }
    }
  }
}

/* --- sums --------------------------------------------------------------------------------- */

/* A sum in the documented order: element i in lane i % 8, lanes added pairwise. */
static double lane_sum(const double *terms, size_t n)
{
  double v[8] = {0};
  for (size_t i = 0; i < n; i++)
    v[i % 8] += terms[i];
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

static void check_bits(double found, double expected, const char *what)
{
  if (memcmp(&found, &expected, sizeof found) != 0 && !(isnan(found) && isnan(expected)))
    fail_msg("%s: found %a, expected %a", what, found, expected);
}

/* Within the stated accuracy of pow(), and the same bits as the baseline. */
static void check_powers(const float *x, const float *y, size_t n, const struct kernels *level)
{
  static const double powers[] = {0.5, 1, 2, 2.4, 3, 10};
  for (size_t k = 0; k < sizeof powers / sizeof *powers; k++) {
    double expected = 0, found = level->power_error(x, y, NULL, n, powers[k], 0.25f);
    for (size_t i = 0; i < n; i++)
      expected += pow((double)fabsf(x[i] - y[i]) / 4, powers[k]);
    if (!(fabs(found - expected) <= 1e-6 * expected))
      fail_msg("%s, power %g of %zu: %.9g, expected %.9g", level->name, powers[k], n, found,
               expected);
    check_bits(found, kernels_available()[0]->power_error(x, y, NULL, n, powers[k], 0.25f),
               "power");
  }
}

static void test_search_sums(void **state)
{
  (void)state;
  static float memory[ROOM], y[MOST];
  static double error2[MOST], xy[MOST], yy[MOST], yd[MOST];
  const struct kernels *const *levels = kernels_available();
  const struct format *format = format_find("e4m3");
  struct minifloat_grid grid = format_grid(format);
  for (size_t n = 0; next_length(&n);)
    for (size_t c = 0; c < 2; c++) {
      float *x = memory + n % 8;
      const struct unit unit = {.scale = 0.03f, .lo = -100, .hi = 155};
      float scale = c ? 0.004f : unit.scale;
      fill(x, n, MIX_BELL);
      for (size_t i = 0; i < n; i++) {
        uint16_t code;
        if (c)
          minifloat_by_scale(x[i], format, scale, &y[i], &code);
        else
          integer_by_unit(x[i], &unit, &y[i], &code);
        double e = (double)x[i] - (double)y[i];
        error2[i] = e * e;
        yd[i] = (double)y[i];
        xy[i] = (double)x[i] * yd[i];
        yy[i] = yd[i] * yd[i];
      }
      for (size_t level = 0; levels[level]; level++) {
        check_bits(c ? levels[level]->minifloat_sse(x, n, &grid, scale)
                     : levels[level]->integer_sse(x, n, unit),
                   lane_sum(error2, n), "sse");
        struct line_sums sums = {0};
        levels[level]->line_sums(x, y, n, &sums);
        check_bits(sums.xy, lane_sum(xy, n), "xy");
        check_bits(sums.yy, lane_sum(yy, n), "yy");
        check_bits(sums.y, lane_sum(yd, n), "y");
        check_powers(x, y, n, levels[level]);
      }
    }
}

/* The tally by its definition; non-finite x are as if they were not there. */
static struct tally scalar_tally(const float *x, const float *y, size_t n,
                                 const struct tally_bounds *b)
{
  static double terms[8][MOST];
  struct tally t = {0};
  size_t kept = 0;
  /* Lanes are counted from each inner block, so empty places are filled up to a multiple of 8. */
  for (size_t block = 0; block < n; block += 512) {
    for (size_t i = block; i < n && i < block + 512; i++) {
      if (!isfinite(x[i]))
        continue;
      double xd = (double)x[i], yd = (double)y[i], e = xd - yd;
      bool clipped = x[i] < b->clip_lo || x[i] > b->clip_hi, bulk = fabsf(x[i]) <= b->bulk;
      double values[8] = {e,       e * e,   clipped ? e * e : 0, xd * xd,
                          yd * yd, xd * yd, bulk ? e * e : 0,    bulk ? xd * xd : 0};
      for (int k = 0; k < 8; k++)
        terms[k][kept] = values[k];
      kept++;
      t.max_error = fmax(t.max_error, fabs(e));
      t.absmax = fmaxf(t.absmax, fabsf(x[i]));
      t.least = t.finite == 0 || y[i] < t.least ? y[i] + 0.0f : t.least;
      t.most = t.finite == 0 || y[i] > t.most ? y[i] + 0.0f : t.most;
      t.finite++;
      t.clipped += clipped;
      t.at_rail += y[i] <= b->rail_lo || y[i] >= b->rail_hi;
      t.flushed += x[i] != 0 && y[i] == 0;
    }
    for (; kept % 8; kept++)
      for (int k = 0; k < 8; k++)
        terms[k][kept] = 0;
  }
  double *sums[8] = {&t.error,           &t.error2,  &t.clipped_error2, &t.signal2,
                     &t.reconstruction2, &t.product, &t.bulk_error2,    &t.bulk_signal2};
  for (int k = 0; k < 8; k++)
    *sums[k] = lane_sum(terms[k], kept);
  return t;
}

static void check_tally(const struct tally *found, const struct tally *expected)
{
  check_bits(found->error, expected->error, "error");
  check_bits(found->error2, expected->error2, "error2");
  check_bits(found->clipped_error2, expected->clipped_error2, "clipped_error2");
  check_bits(found->signal2, expected->signal2, "signal2");
  check_bits(found->reconstruction2, expected->reconstruction2, "reconstruction2");
  check_bits(found->product, expected->product, "product");
  check_bits(found->bulk_error2, expected->bulk_error2, "bulk_error2");
  check_bits(found->bulk_signal2, expected->bulk_signal2, "bulk_signal2");
  check_bits(found->max_error, expected->max_error, "max_error");
  assert_int_equal(found->finite, expected->finite);
  assert_int_equal(found->clipped, expected->clipped);
  assert_int_equal(found->at_rail, expected->at_rail);
  assert_int_equal(found->flushed, expected->flushed);
  assert_memory_equal(&found->absmax, &expected->absmax, sizeof found->absmax);
  assert_memory_equal(&found->least, &expected->least, sizeof found->least);
  assert_memory_equal(&found->most, &expected->most, sizeof found->most);
}

static void test_tally(void **state)
{
  (void)state;
  static float x_memory[ROOM], y_memory[ROOM];
  const struct kernels *const *levels = kernels_available();
  static const struct unit units[] = {{.scale = 0.01f, .lo = -128, .hi = 127},
                                      {.scale = 0.5f, .lo = -8, .hi = 7},
                                      {.scale = 0.02f, .lo = 0, .hi = 255},
                                      {.scale = 0.05f, .lo = -128, .hi = 127}};
  static const float bulks[] = {0, 1, 2.5f, 1e9f};
  for (int mix = 0; mix < MIXES; mix++)
    for (size_t n = 0; next_length(&n);) {
      const struct unit unit = units[n % 4];
      struct tally_bounds bounds = {.clip_lo = (unit.lo - 0.5f) * unit.scale,
                                    .clip_hi = (unit.hi + 0.5f) * unit.scale,
                                    .rail_lo = unit.lo * unit.scale,
                                    .rail_hi = unit.hi * unit.scale,
                                    .bulk = bulks[n / 4 % 4]};
      float *x = x_memory + n % 8, *y = y_memory + n % 5;
      fill(x, n, (enum mix)mix);
      const float edges[] = {bounds.clip_lo, bounds.clip_hi, bounds.bulk, -bounds.bulk};
      for (size_t i = 3; i < n; i += 11)
        x[i] = i % 2 ? edges[i % 4] : nextafterf(edges[i / 2 % 4], bell());
      kernels.integer_run(x, n, unit, y, NULL);
      struct tally expected = scalar_tally(x, y, n, &bounds);
      for (size_t level = 0; levels[level]; level++) {
        struct tally found = {0};
        levels[level]->tally(x, y, n, &bounds, &found);
        check_tally(&found, &expected);
        levels[level]->tally(x, y, n, &bounds, &found);
        assert_int_equal(found.finite, 2 * expected.finite);
        check_bits(found.error2, 2 * expected.error2, "error2 twice");
        check_bits(found.max_error, expected.max_error, "max_error twice");
      }
    }
}

/* The comparator can fail. */
static void test_tally_sees_differences(void **state)
{
  (void)state;
  const float x[] = {1, 2}, y[] = {1, 1.5f};
  const struct tally_bounds bounds = {-9, 9, -8, 8, 0};
  struct tally a = {0}, b = {0};
  kernels.tally(x, y, 2, &bounds, &a);
  kernels.tally(x, x, 2, &bounds, &b);
  assert_true(a.error == 0.5 && a.error2 == 0.25 && a.max_error == 0.5);
  assert_true(b.error2 == 0 && b.max_error == 0 && b.product == 5);
}

static void test_tally_merge(void **state)
{
  (void)state;
  struct tally a = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, -2, 3};
  struct tally b = {10, 20, 30, 40, 50, 60, 70, 80, 4, 100, 110, 120, 130, 12, -1, 4};
  tally_merge(&a, &b);
  const struct tally expected = {11, 22, 33, 44, 55, 66, 77, 88, 9, 110, 121, 132, 143, 14, -2, 4};
  check_tally(&a, &expected);
}

/* A tally of nothing has no range of its own; infinite and NaN reconstructions are not in it. */
static void test_tally_range(void **state)
{
  (void)state;
  static float x[24], y[24];
  const struct tally_bounds bounds = {-INFINITY, INFINITY, NAN, NAN, -1};
  const struct kernels *const *levels = kernels_available();
  for (size_t i = 0; i < 24; i++)
    x[i] = y[i] = 3 + (float)i;
  y[2] = INFINITY;
  y[5] = -INFINITY;
  y[11] = NAN;
  for (size_t level = 0; levels[level]; level++)
    for (size_t n = 13; n <= 24; n++) {
      struct tally found = {0}, sum = {0};
      levels[level]->tally(x, y, n, &bounds, &found);
      assert_true(found.least == 3 && found.most == 2 + (float)n && found.absmax == found.most);
      tally_merge(&sum, &found);
      tally_merge(&sum, &(struct tally){0});
      assert_true(sum.least == 3 && sum.most == found.most);
    }
}

/* Differences that are no float32: of clipped values, of a reconstruction far from its value. */
static void test_tally_inexact(void **state)
{
  (void)state;
  float x[16], y[16];
  const struct tally_bounds bounds = {-1, 1, -1, 1, 3};
  const struct kernels *const *levels = kernels_available();
  for (size_t i = 0; i < 16; i++) {
    x[i] = i % 3 ? 1e9f + 64 * (float)i : 0x1.234566p-30f;
    y[i] = i % 2 ? 1.0000001f : -0.7f;
  }
  struct tally expected = scalar_tally(x, y, 16, &bounds);
  for (size_t level = 0; levels[level]; level++) {
    struct tally found = {0};
    levels[level]->tally(x, y, 16, &bounds, &found);
    check_tally(&found, &expected);
  }
}

/* --- the error pass ----------------------------------------------------------------------- */

enum { PASS_RUN = 4096, PASS_MOST = 2 * PASS_RUN + 700 };

/* A unit of a format, and what it makes of each element. */
struct pass_case {
  const struct format *format;
  struct unit unit;
  struct tally_bounds bounds;
  uint32_t minus_zero; /* a code that counts as 0; 0: none */
};

static void pass_value(const struct pass_case *c, float x, float *y, uint16_t *code)
{
  if (c->format->family == &integer_family)
    integer_by_unit(x, &c->unit, y, code);
  else
    minifloat_by_scale(x, c->format, c->unit.scale, y, code);
  *code = *code == c->minus_zero ? 0 : *code;
}

static bool is_inside(const struct pass_case *c, float x)
{
  const struct tally_bounds *b = &c->bounds;
  if (c->unit.scale < 0 || isinf(b->rail_lo) || isinf(b->rail_hi))
    return false;
  bool bulk = !(b->bulk >= 0) || fabsf(x) <= b->bulk;
  return isfinite(x) && bulk && x >= b->clip_lo && x <= b->clip_hi;
}

/* Those inside, by the definition: sums in lanes by place. */
static struct tally scalar_inside(const struct pass_case *c, const float *x, size_t n)
{
  static double terms[3][PASS_RUN];
  struct tally t = {.least = INFINITY, .most = -INFINITY};
  for (size_t i = 0; i < n; i++) {
    float y;
    uint16_t code;
    terms[0][i] = terms[1][i] = terms[2][i] = 0;
    if (!is_inside(c, x[i]))
      continue;
    pass_value(c, x[i], &y, &code);
    double xd = (double)x[i], yd = (double)y, e = xd - yd;
    terms[0][i] = e;
    terms[1][i] = e * e;
    terms[2][i] = xd * xd;
    t.max_error = fmax(t.max_error, fabs(e));
    t.absmax = fmaxf(t.absmax, fabsf(x[i]));
    t.finite++;
  }
  t.error = lane_sum(terms[0], n);
  t.error2 = lane_sum(terms[1], n);
  t.signal2 = lane_sum(terms[2], n);
  t.bulk_error2 = c->bounds.bulk >= 0 ? t.error2 : 0;
  t.bulk_signal2 = c->bounds.bulk >= 0 ? t.signal2 : 0;
  return t;
}

/* What follows from the codes of those inside, of all runs together: the squares of reconstructions
 * in lanes by code. INSIDE: what the runs add up to. */
static struct tally scalar_coded(const struct pass_case *c, const float *x, size_t n,
                                 const struct tally *inside)
{
  double powers[CODES_COUNTED] = {0}, times[CODES_COUNTED] = {0};
  const struct tally_bounds *b = &c->bounds;
  struct tally t = {0};
  for (size_t i = 0; i < n; i++) {
    float y;
    uint16_t code;
    if (!is_inside(c, x[i]))
      continue;
    pass_value(c, x[i], &y, &code);
    powers[code] = (double)y * (double)y;
    times[code]++;
    t.least = t.finite == 0 || y < t.least ? y + 0.0f : t.least;
    t.most = t.finite == 0 || y > t.most ? y + 0.0f : t.most;
    t.finite++;
    t.at_rail += y <= b->rail_lo || y >= b->rail_hi;
    t.flushed += x[i] != 0 && y == 0;
  }
  for (size_t code = 0; code < CODES_COUNTED; code++)
    powers[code] *= times[code];
  t.reconstruction2 = lane_sum(powers, CODES_COUNTED);
  t.product = (inside->signal2 + t.reconstruction2 - inside->error2) / 2;
  return t;
}

/* A tally without what follows from the codes of those inside, and that: CODED. */
static struct tally scalar_pass(const struct pass_case *c, const float *x, size_t n,
                                struct tally *coded, uint32_t *count)
{
  static float others[MOST], y[MOST];
  struct tally t = {0}, all_inside = {0};
  memset(count, 0, CODES_COUNTED * sizeof *count);
  for (size_t run = 0; run < n; run += PASS_RUN) {
    size_t m = n - run < PASS_RUN ? n - run : PASS_RUN, kept = 0;
    struct tally inside = scalar_inside(c, x + run, m);
    tally_merge(&t, &inside);
    tally_merge(&all_inside, &inside);
    for (size_t i = run; i < run + m; i++) {
      float back;
      uint16_t code;
      pass_value(c, x[i], &back, &code);
      count[code] += isfinite(x[i]) != 0;
      if (is_inside(c, x[i]))
        continue;
      assert_true(kept < MOST);
      others[kept] = x[i];
      y[kept++] = back;
    }
    struct tally outside = scalar_tally(others, y, kept, &c->bounds);
    tally_merge(&t, &outside);
  }
  *coded = scalar_coded(c, x, n, &all_inside);
  return t;
}

/* CODED: NULL for the sums of squares alone. */
static void tally_elements(const struct kernels *level, const struct pass_case *c, const float *x,
                           size_t n, struct tally *tally, struct coded *coded)
{
  const struct minifloat_grid grid = format_grid(c->format);
  if (c->format->family == &integer_family)
    level->integer_tally(x, n, c->unit, &c->bounds, tally, coded);
  else
    level->minifloat_tally(x, n, &grid, c->unit.scale, &c->bounds, tally, coded);
}

/* By two calls, where there are enough; which leaves nothing behind. */
static void run_pass(const struct kernels *level, const struct pass_case *c, const float *x,
                     size_t n, struct tally *tally, struct tally *follows, uint32_t *count)
{
  static const struct coded none;
  static struct coded coded;
  const struct minifloat_grid grid = format_grid(c->format);
  size_t first = n < PASS_RUN ? n : PASS_RUN;
  memset(count, 0, CODES_COUNTED * sizeof *count);
  tally_elements(level, c, x, first, tally, &coded);
  tally_elements(level, c, x + first, n - first, tally, &coded);
  if (c->format->family == &integer_family)
    level->integer_coded(c->unit, &c->bounds, &coded, follows, count);
  else
    level->minifloat_coded(&grid, c->unit.scale, &c->bounds, &coded, follows, count);
  assert_memory_equal(&coded, &none, sizeof none);
  count[0] += c->minus_zero ? count[c->minus_zero] : 0;
  if (c->minus_zero)
    count[c->minus_zero] = 0;
}

/* Without codes the squares are the same, to the bit. */
static void check_squares(const struct tally *found, const struct tally *expected)
{
  check_bits(found->error2, expected->error2, "error2 alone");
  check_bits(found->signal2, expected->signal2, "signal2 alone");
  assert_int_equal(found->finite, expected->finite);
  assert_int_equal(found->clipped, expected->clipped);
  assert_memory_equal(&found->absmax, &expected->absmax, sizeof found->absmax);
}

/* Against the definition, to the bit, and against the tally of all at once: whole numbers and
 * extremes are the same, sums but for their order. */
static void check_pass(const struct pass_case *c, const float *x, size_t n)
{
  static float y[PASS_MOST];
  const struct kernels *const *levels = kernels_available();
  uint32_t expected_count[CODES_COUNTED], count[CODES_COUNTED];
  struct tally plain = {0}, expected_coded;
  struct tally expected = scalar_pass(c, x, n, &expected_coded, expected_count);
  for (size_t level = 0; levels[level]; level++) {
    struct tally found = {0}, coded = {0}, squares = {0};
    run_pass(levels[level], c, x, n, &found, &coded, count);
    check_tally(&found, &expected);
    check_tally(&coded, &expected_coded);
    assert_memory_equal(count, expected_count, sizeof count);
    tally_elements(levels[level], c, x, n, &squares, NULL);
    check_squares(&squares, &expected);
  }
  tally_merge_coded(&expected, &expected_coded);
  for (size_t i = 0; i < n; i++) {
    uint16_t code;
    pass_value(c, x[i], &y[i], &code);
  }
  kernels.tally(x, y, n, &c->bounds, &plain);
  assert_int_equal(plain.finite, expected.finite);
  assert_int_equal(plain.clipped, expected.clipped);
  assert_int_equal(plain.at_rail, expected.at_rail);
  assert_int_equal(plain.flushed, expected.flushed);
  assert_memory_equal(&plain.least, &expected.least, sizeof plain.least);
  assert_memory_equal(&plain.most, &expected.most, sizeof plain.most);
  check_bits(plain.max_error, expected.max_error, "max_error");
  assert_true(fabs(plain.error2 - expected.error2) <= 1e-13 * plain.error2);
  assert_true(fabs(plain.clipped_error2 - expected.clipped_error2) <= 1e-13 * plain.error2);
  assert_true(fabs(plain.bulk_error2 - expected.bulk_error2) <= 1e-13 * plain.error2);
  assert_true(fabs(plain.product - expected.product) <=
              1e-13 * (plain.signal2 + plain.reconstruction2));
}

static struct pass_case pass_case(const char *name, bool asymmetric, float scale, long zero,
                                  float bulk)
{
  const struct format *format = format_find(name);
  struct grid grid = grid_make(format, asymmetric, false, false);
  struct pass_case c = {.format = format, .unit = format->family->unit(&grid, scale, zero)};
  unit_bounds(&grid, &c.unit, ROUND_EVEN, &c.bounds);
  c.bounds.bulk = bulk;
  if (format->family->signed_zero)
    c.minus_zero = 1u << (format->bits - 1);
  return c;
}

static const struct {
  const char *format;
  bool asymmetric;
  float scale;
  long zero;
} pass_units[] = {
    {"int8", false, 0.03f, 0},   {"int8", false, 0.005f, 0}, {"int8", true, 0.017f, 93},
    {"int8", true, 0.02f, 0},    {"int4", false, 0.5f, 0},   {"int4", true, 0.2f, 15},
    {"int2", false, 1.5f, 0},    {"e4m3", false, 0.008f, 0}, {"e4m3", false, 0.002f, 0},
    {"e5m2", false, 6e-5f, 0},   {"int8", false, 1e-44f, 0}, {"e4m3", false, 1e-44f, 0},
    {"int8", false, 2.6e36f, 0}, {"int8", false, -0.03f, 0}, {"e4m3", false, 7e35f, 0},
    {"int8", false, 1e-30f, 0},
};

static void test_pass(void **state)
{
  (void)state;
  static float memory[ROOM];
  static const float bulks[] = {-1, 2.5f, 1e9f, 0, 0.01f};
  for (size_t u = 0; u < sizeof pass_units / sizeof pass_units[0]; u++)
    for (int mix = 0; mix < MIXES; mix++)
      for (size_t n = 0; next_length(&n);) {
        const struct pass_case c =
            pass_case(pass_units[u].format, pass_units[u].asymmetric, pass_units[u].scale,
                      pass_units[u].zero, bulks[(n + u) % 5]);
        const float edges[] = {c.bounds.clip_lo, c.bounds.clip_hi, c.bounds.bulk, -c.bounds.bulk};
        float *x = memory + n % 8;
        fill(x, n, (enum mix)mix);
        for (size_t i = 3; i < n; i += 11)
          x[i] = i % 2 ? edges[i % 4] : nextafterf(edges[i / 2 % 4], bell());
        for (size_t i = 5; i < n; i += 13)
          x[i] = ((float)i + 0.5f) * c.unit.scale; /* ties */
        check_pass(&c, x, n);
      }
}

/* Runs of 4096 and what is left; all of one value, which fills one counter. */
static void test_pass_long(void **state)
{
  (void)state;
  static float x[PASS_MOST];
  const struct pass_case cases[] = {pass_case("int8", false, 0.03f, 0, 2.6f),
                                    pass_case("e4m3", false, 0.008f, 0, 2.6f)};
  for (size_t n = PASS_RUN - 1; n <= PASS_MOST; n += n < PASS_RUN + 1 ? 1 : 4603)
    for (size_t c = 0; c < 2; c++) {
      fill(x, n, MIX_SPECIAL);
      check_pass(&cases[c], x, n);
      for (size_t i = 0; i < n; i++)
        x[i] = 0.7f;
      check_pass(&cases[c], x, n);
    }
}

/* --- extremes ----------------------------------------------------------------------------- */

static void test_extremes(void **state)
{
  (void)state;
  static float memory[ROOM];
  const struct kernels *const *levels = kernels_available();
  for (int mix = 0; mix < MIXES; mix++)
    for (size_t n = 0; next_length(&n);) {
      float *x = memory + n % 8;
      fill(x, n, (enum mix)mix);
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

static void test_extremes_lanes(void **state)
{
  (void)state;
  static float memory[ROOM], min[MOST], max[MOST], expected_min[MOST], expected_max[MOST];
  static uint32_t finite[MOST], expected_finite[MOST];
  const struct kernels *const *levels = kernels_available();
  for (size_t level = 0; levels[level]; level++)
    for (size_t n = 0; next_length(&n);) {
      for (size_t i = 0; i < n; i++) {
        min[i] = expected_min[i] = INFINITY;
        max[i] = expected_max[i] = -INFINITY;
        finite[i] = expected_finite[i] = 0;
      }
      for (int row = 0; row < 5; row++) {
        float *x = memory + (size_t)row;
        fill(x, n, (enum mix)(row % MIXES));
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

/* Two sweeps in four lanes, as the contract has it. */
static void test_moments(void **state)
{
  (void)state;
  static float memory[ROOM];
  const struct kernels *const *levels = kernels_available();
  for (size_t n = 0; next_length(&n);) {
    float *x = memory + n % 8;
    double sum[4] = {0}, power[3][4] = {{0}}, total[4];
    fill(x, n, n % 2 ? MIX_FINITE : MIX_BELL);
    for (size_t i = 0; i < n; i++)
      sum[i % 4] += (double)x[i];
    double mean = ((sum[0] + sum[1]) + (sum[2] + sum[3])) / (double)n;
    for (size_t i = 0; i < n; i++) {
      double d = (double)x[i] - mean, d2 = d * d;
      power[0][i % 4] += d2;
      power[1][i % 4] += d2 * d;
      power[2][i % 4] += d2 * d2;
    }
    total[0] = mean;
    for (int k = 0; k < 3; k++)
      total[k + 1] = (power[k][0] + power[k][1]) + (power[k][2] + power[k][3]);
    for (size_t level = 0; levels[level]; level++) {
      struct central_moments found;
      levels[level]->moments(x, n, &found);
      check_bits(found.mean, total[0], "mean");
      check_bits(found.m2, total[1], "m2");
      check_bits(found.m3, total[2], "m3");
      check_bits(found.m4, total[3], "m4");
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
    for (size_t n = 0; next_length(&n);) {
      float *x = x_memory + n % 8, *y = y_memory + n % 3;
      struct error_bin expected[BINS] = {{0}};
      fill(x, n, MIX_FINITE);
      fill(y, n, (enum mix)mix); /* reconstructions may be infinite or NaN */
      for (size_t i = 0; i < n; i++) {
        at[i] = (int32_t)(random_bits() % BINS);
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
    for (size_t n = 0; next_length(&n);) {
      const struct bin_edges *e = &edges[n % 2];
      float *x = x_memory + n % 8, *less = y_memory + n % 3;
      fill(x, n, (enum mix)mix);
      fill(less, n, (enum mix)mix);
      for (size_t i = 0; n % 3 == 0 && i < n; i++) { /* all inside, but for rounding at the ends */
        x[i] = (float)e->hi - fmodf(fabsf(bell()), 1);
        less[i] = 0;
      }
      for (size_t i = 0; i < n; i += 9)
        x[i] = i % 2 ? (float)e->hi : nextafterf((float)e->lo, bell());
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
    return float_of(sign | 0x7f800000u | fraction << 13 | (fraction ? 0x400000u : 0));
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
    bfloat[bits] = float_of(bits << 16);
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
      cmocka_unit_test(test_search_sums),
      cmocka_unit_test(test_tally),
      cmocka_unit_test(test_tally_sees_differences),
      cmocka_unit_test(test_tally_merge),
      cmocka_unit_test(test_tally_range),
      cmocka_unit_test(test_tally_inexact),
      cmocka_unit_test(test_pass),
      cmocka_unit_test(test_pass_long),
      cmocka_unit_test(test_extremes),
      cmocka_unit_test(test_extremes_of_zeros_and_nothing),
      cmocka_unit_test(test_extremes_lanes),
      cmocka_unit_test(test_moments),
      cmocka_unit_test(test_bins),
      cmocka_unit_test(test_error_bins),
      cmocka_unit_test(test_half_decode),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
