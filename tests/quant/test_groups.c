/* Groups, whose scales are made many at a time: each must be what the same values get as a tensor
 * of their own, to the bit; and their kernels, on every instruction set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/kernel_draws.h"

#include "quant/base/pool.h"
#include "quant/quantizer.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* xorshift64*, to have the same numbers everywhere. */
static uint64_t random_state = 88172645463325252u;

static uint32_t random_bits(void)
{
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return (uint32_t)(random_state * 2685821657736338717u >> 32);
}

static float uniform(void)
{
  return (float)(int32_t)random_bits() * 0x1p-31f;
}

/* --- kinds of groups ---------------------------------------------------------------------- */

enum kind {
  BELL,
  POSITIVE,
  NEGATIVE,
  ZEROS,
  CONSTANT,
  MINUS_ZEROS,
  WITH_NAN,
  WITH_INFINITY,
  NO_NUMBERS,
  DENORMALS,
  HUGE,
  WHOLE, /* multiples of a half: ties */
  KINDS
};

static float draw(enum kind kind)
{
  switch (kind) {
  case BELL:
    break;
  case POSITIVE:
    return fabsf(uniform());
  case NEGATIVE:
    return -fabsf(uniform());
  case ZEROS:
    return 0;
  case CONSTANT:
    return -0.3f;
  case MINUS_ZEROS:
    return random_bits() % 2 ? -0.0f : 0;
  case WITH_NAN:
    return random_bits() % 8 ? uniform() : NAN;
  case WITH_INFINITY:
    return random_bits() % 8 ? uniform() : random_bits() % 2 ? INFINITY : -INFINITY;
  case NO_NUMBERS:
    return random_bits() % 2 ? INFINITY : NAN;
  case DENORMALS:
    return uniform() * 0x1p-140f;
  case HUGE:
    return uniform() * FLT_MAX;
  case WHOLE:
    return (float)(int)(random_bits() % 31) / 2 - 7;
  case KINDS:
    break;
  }
  return (uniform() + uniform() + uniform()) * 0.7f;
}

/* Groups of LENGTH in rows of COLUMNS; half of them plain. */
static void fill(float *x, size_t n, size_t columns, size_t length)
{
  enum kind kind = BELL;
  for (size_t i = 0; i < n; i++) {
    if (i % columns % length == 0)
      kind = random_bits() % 2 ? BELL : (enum kind)(random_bits() % KINDS);
    x[i] = draw(kind);
  }
}

/* --- fits --------------------------------------------------------------------------------- */

static struct fit *fit_of(const char *text, const struct feed *feed, struct shape shape)
{
  struct quantizer quantizer;
  struct fit *fit = NULL;
  struct error error;
  if (quantizer_parse(text, &quantizer, &error) != STATUS_OK ||
      quantizer_fit(&quantizer, feed, &shape, NULL, &fit, &error) != STATUS_OK)
    fail_msg("%s: %s", text, error.text);
  return fit;
}

static bool same_unit(const struct fit *a, size_t unit, const struct fit *b)
{
  double lo[2], hi[2];
  float scale[2] = {fit_scale(a, unit), fit_scale(b, 0)};
  float offset[2] = {fit_offset(a, unit), fit_offset(b, 0)};
  fit_range(a, unit, &lo[0], &hi[0]);
  fit_range(b, 0, &lo[1], &hi[1]);
  return memcmp(&scale[0], &scale[1], sizeof(float)) == 0 && offset[0] == offset[1] &&
         fit_zero_point(a, unit) == fit_zero_point(b, 0) && lo[0] == lo[1] && hi[0] == hi[1];
}

static void decode(const void *self, size_t start, size_t n, float *out)
{
  memcpy(out, (const float *)self + start, n * sizeof *out);
}

static void check_units(const char *format, const float *x, size_t rows, size_t columns,
                        size_t length)
{
  char grouped[80], whole[80];
  const size_t n = rows * columns;
  const struct shape shape = {.dims = 2, .dim = {rows, columns}};
  const struct feed lent = feed_floats(x, n);
  const struct feed decoded = {.count = n, .decode = decode, .self = x};
  snprintf(grouped, sizeof grouped, "%s,group=%zu", format, length);
  snprintf(whole, sizeof whole, "%s,tensor", format);
  struct fit *fit = fit_of(grouped, &lent, shape), *other = fit_of(grouped, &decoded, shape);
  const struct grain *grain = fit_grain(fit);
  for (size_t unit = 0; unit < grain->units; unit++) {
    size_t start = grain_element(grain, unit, 0), size = grain_unit_size(grain, unit);
    const struct feed own = feed_floats(x + start, size);
    struct fit *one = fit_of(whole, &own, (struct shape){.dims = 1, .dim = {size}});
    if (!same_unit(fit, unit, one) || !same_unit(other, unit, one))
      fail_msg("%s in rows of %zu: group %zu is not what its values are alone", grouped, columns,
               unit);
    fit_free(one);
  }
  fit_free(fit);
  fit_free(other);
}

/* Scales that wait for the values of a pass, its blocks in any order, are what a fit makes. */
static void check_waiting(const char *format, const float *x, size_t rows, size_t columns,
                          size_t length)
{
  char spec[80];
  struct quantizer quantizer;
  struct fit *waiting = NULL;
  struct error error;
  const size_t n = rows * columns, blocks = (n + FEED_BLOCK - 1) / FEED_BLOCK;
  const struct shape shape = {.dims = 2, .dim = {rows, columns}};
  const struct feed feed = feed_floats(x, n);
  snprintf(spec, sizeof spec, "%s,group=%zu", format, length);
  struct fit *fit = fit_of(spec, &feed, shape);
  assert_int_equal(quantizer_parse(spec, &quantizer, &error), STATUS_OK);
  const struct batch values = {.feed = feed, .shape = shape};
  assert_int_equal(quantizer_fit_waiting(&quantizer, &values, NULL, &waiting, &error), STATUS_OK);
  bool whole = columns % length == 0 && FEED_BLOCK % length == 0 && length < FEED_BLOCK / 4;
  assert_int_equal(fit_is_waiting(waiting), whole);
  for (size_t i = 0; whole && i < blocks; i++) {
    size_t start = (blocks - 1 - i) * FEED_BLOCK;
    fit_block(waiting, start, x + start, n - start < FEED_BLOCK ? n - start : FEED_BLOCK);
  }
  if (whole)
    fit_settle(waiting);
  assert_false(fit_is_waiting(waiting));
  struct group_row ends[2];
  assert_int_equal(fit_group_rows(fit, &feed, 0, &ends[0]),
                   fit_group_rows(waiting, &feed, 0, &ends[1]));
  assert_int_equal(ends[0].least == NULL, ends[1].least == NULL);
  for (size_t unit = 0; unit < fit_grain(fit)->units; unit++) {
    assert_memory_equal(&ends[0].units[unit], &ends[1].units[unit], sizeof *ends[0].units);
    if (ends[0].least)
      assert_true(ends[0].least[unit] == ends[1].least[unit] &&
                  ends[0].most[unit] == ends[1].most[unit]);
  }
  fit_free(fit);
  fit_free(waiting);
}

static void test_waiting(void **state)
{
  static const char *const formats[] = {
      "int4,asym", "int8",      "int8,asym,absmax", "int4,asym,pow2", "int8,scale-rule=signed",
      "e4m3",      "nf4,absmax"};
  static const size_t sizes[][3] = {{3, 64, 32},     {70, 96, 32}, {5, 4096, 128}, {9, 1536, 512},
                                    {2, 4096, 1024}, {3, 100, 19}, {2, 192, 96}};
  (void)state;
  for (size_t f = 0; f < sizeof formats / sizeof *formats; f++)
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
      for (int finite = 0; finite < 2; finite++) {
        size_t rows = sizes[s][0], columns = sizes[s][1], length = sizes[s][2];
        float *x = malloc(rows * columns * sizeof *x);
        assert_non_null(x);
        fill(x, rows * columns, columns, length);
        for (size_t i = 0; finite && i < rows * columns; i++)
          x[i] = isfinite(x[i]) ? x[i] : 1;
        check_waiting(formats[f], x, rows, columns, length);
        free(x);
      }
}

static void test_units_are_tensors(void **state)
{
  (void)state;
  static const char *const formats[] = {"int4,asym",
                                        "int4",
                                        "int8,asym",
                                        "int8",
                                        "int8,narrow",
                                        "int16,asym",
                                        "int2,asym",
                                        "uint1",
                                        "int8,asym,absmax",
                                        "int4,absmax",
                                        "int4,asym,pow2",
                                        "int4,asym,scale-type=float16",
                                        "int8,asym,signed",
                                        "int4,asym,scale-rule=free-minimum",
                                        "int4,asym,scale-rule=pytorch,arithmetic=reciprocal",
                                        "int8,scale-rule=signed",
                                        "e4m3",
                                        "e2m1",
                                        "bf16,minmax",
                                        "nf4,absmax"};
  static const size_t sizes[][3] = {{3, 64, 32},     {2, 70, 32},    {5, 33, 16},  {7, 5, 3},
                                    {2, 100, 19},    {3, 9000, 128}, {4, 257, 64}, {2, 9001, 2048},
                                    {1, 9001, 9001}, {40, 12, 64}};
  for (size_t f = 0; f < sizeof formats / sizeof *formats; f++)
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
      size_t rows = sizes[s][0], columns = sizes[s][1], length = sizes[s][2];
      float *x = malloc(rows * columns * sizeof *x);
      assert_non_null(x);
      fill(x, rows * columns, columns, length);
      check_units(formats[f], x, rows, columns, length);
      free(x);
    }
}

/* --- kernels ------------------------------------------------------------------------------ */

enum { LONGEST = 2300 }; /* more than a vector of groups of 128 */

static void check_ranges(const struct kernels *level, const float *x, size_t n, size_t first,
                         size_t length)
{
  float lo[LONGEST + 1], hi[LONGEST + 1];
  bool finite = true;
  size_t count = 0;
  memset(lo, 0xa5, sizeof lo);
  memset(hi, 0xa5, sizeof hi);
  for (size_t i = 0; i < n; i++)
    finite &= isfinite(x[i]) != 0;
  assert_int_equal(level->group_ranges(x, n, first, length, lo, hi), finite);
  for (size_t i = 0, m = first; i < n; i += m, m = length, count++) {
    float least = INFINITY, most = -INFINITY;
    m = n - i < m ? n - i : m;
    for (size_t k = i; k < i + m; k++) {
      least = fminf(least, x[k]);
      most = fmaxf(most, x[k]);
    }
    least += 0.0f; /* no minus zero */
    most += 0.0f;
    if (finite &&
        (memcmp(&least, &lo[count], sizeof least) || memcmp(&most, &hi[count], sizeof most)))
      fail_msg("%s: group %zu of %zu elements", level->name, count, m);
  }
  uint32_t beyond[2];
  memcpy(&beyond[0], &lo[count], sizeof *lo);
  memcpy(&beyond[1], &hi[count], sizeof *hi);
  assert_true(beyond[0] == 0xa5a5a5a5 && beyond[1] == 0xa5a5a5a5);
}

static void test_ranges(void **state)
{
  static const size_t lengths[] = {1, 2, 7, 8, 9, 16, 31, 32, 33, 48, 64, 128, 300};
  static float memory[LONGEST + 8];
  (void)state;
  for (size_t n = 0; n <= LONGEST; n += n < 258 ? 1 : 37)
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
      float *x = memory + n % 8; /* unaligned starts */
      size_t length = lengths[l], first = 1 + random_bits() % length;
      fill(x, n, LONGEST, length);
      if (n % 2)
        for (size_t i = 0; i < n; i++)
          x[i] = isfinite(x[i]) ? x[i] : -1;
      for (const struct kernels *const *level = kernels_available(); *level; level++)
        check_ranges(*level, x, n, first, length);
    }
}

/* By the rules qmax and affine as they are written: the same bits at every level. */
static void test_scales(void **state)
{
  enum { N = 77 };
  float lo[N], hi[N], scale[N], zero[N];
  (void)state;
  for (size_t i = 0; i < N; i++) {
    lo[i] = uniform() - (i % 5 == 0 ? 4 : 0);
    hi[i] = lo[i] + fabsf(uniform()) + 0x1p-20f;
  }
  for (const struct kernels *const *level = kernels_available(); *level; level++)
    for (int bits = 2; bits <= 8; bits++) {
      const float max = (float)((1 << (bits - 1)) - 1), steps = (float)((1 << bits) - 1);
      (*level)->group_scales(lo, hi, N, max, false, scale, zero);
      for (size_t i = 0; i < N; i++)
        assert_true(scale[i] == fmaxf(fabsf(lo[i]), fabsf(hi[i])) / max && zero[i] == 0);
      (*level)->group_scales(lo, hi, N, steps, true, scale, zero);
      for (size_t i = 0; i < N; i++) {
        const float low = fminf(lo[i], 0), expected = (fmaxf(hi[i], 0) - low) / steps;
        assert_true(scale[i] == expected && zero[i] == fminf(rintf(-low / expected), steps));
      }
    }
}

struct expected {
  struct tally tally;
  uint64_t count[256];
  uint64_t high;
  double product, reconstruction2; /* added up for themselves */
  size_t n;                        /* elements that the kernel works on */
};

static const struct unit *unit_at(const struct group_row *row, size_t i)
{
  return row->units + (i < row->first ? 0 : 1 + (i - row->first) / row->length);
}

/* The level nearest to V, half to even, were there no end to the grid: by definition, in double. */
static float level_of(float v, const struct minifloat_grid *grid)
{
  if (!grid || v == 0)
    return rintf(v);
  int exponent = ilogb((double)v);
  double step = ldexp(1, (exponent > grid->min_exponent ? exponent : grid->min_exponent) -
                             grid->mantissa_bits);
  return (float)(rint((double)v / step) * step);
}

/* The code of a level: those of magnitudes count the levels from 0 on. */
static uint8_t code_of(float level, const struct minifloat_grid *grid)
{
  const int m = grid->mantissa_bits, sign = 1 << (grid->bits - 1);
  double size = fabs((double)level), least = ldexp(1, grid->min_exponent);
  int octave = size < least ? 0 : ilogb(size) - grid->min_exponent;
  int code = (int)(size / ldexp(least, octave - m)) + (octave << m);
  return (uint8_t)(code + (level < 0 ? sign : 0));
}

/* The scale may make 0 of a level: not for the kernel. */
static bool is_tiny(const struct unit *unit, const struct minifloat_grid *grid)
{
  return grid &&
         ldexp((double)unit->scale, grid->min_exponent - grid->mantissa_bits) < (double)FLT_MIN;
}

/* Elements of the groups before the first that has one which is clipped or not finite. */
static size_t elements_inside(const float *x, size_t n, const struct group_row *row)
{
  size_t start = 0;
  for (size_t i = 0; i < n; i++) {
    const struct unit *unit = unit_at(row, i);
    float r = isfinite(x[i]) ? level_of(x[i] / unit->scale, row->grid) : 0;
    if (i >= row->first && (i - row->first) % row->length == 0)
      start = i;
    if (!isfinite(x[i]) || is_tiny(unit, row->grid) || !(r >= unit->lo && r <= unit->hi))
      return start;
  }
  return n;
}

/* By the definitions, element by element. */
static void expect(const float *x, size_t n, const struct group_row *row, float bulk,
                   struct expected *out)
{
  static double terms[6][LONGEST];
  struct tally t = {0};
  long double product = 0, reconstruction2 = 0;
  memset(terms, 0, sizeof terms);
  n = elements_inside(x, n, row);
  *out = (struct expected){.n = n};
  for (size_t i = 0; i < n; i++) {
    const struct unit *unit = unit_at(row, i);
    float r = level_of(x[i] / unit->scale, row->grid);
    float y = r * unit->scale + 0.0f;
    double xd = (double)x[i], e = xd - (double)y;
    bool inside = fabsf(x[i]) <= bulk;
    const double values[6] = {e, e * e, xd * xd, xd * e, inside ? e * e : 0, inside ? xd * xd : 0};
    for (int k = 0; k < 6; k++)
      terms[k][i] = values[k];
    product += (long double)x[i] * (long double)y;
    reconstruction2 += (long double)y * (long double)y;
    out->count[row->grid ? code_of(r, row->grid) : (uint8_t)(r - unit->lo)]++;
    int zero = (int)-unit->lo, top = (int)(unit->hi - unit->lo),
        reach = zero > top - zero ? zero : top - zero;
    out->high += abs((int)r) > 100 * reach / 127;
    t.at_rail += r == unit->lo || r == unit->hi;
    t.flushed += x[i] != 0 && y == 0;
    t.max_error = fmax(t.max_error, fabs(e));
    t.absmax = fmaxf(t.absmax, fabsf(x[i]));
    t.least = i == 0 || y < t.least ? y : t.least;
    t.most = i == 0 || y > t.most ? y : t.most;
  }
  double sums[6];
  for (int k = 0; k < 6; k++)
    sums[k] = kernel_lane_sum(terms[k], n);
  t.finite = n;
  t.error = sums[0];
  t.error2 = sums[1];
  t.signal2 = sums[2];
  t.product = sums[2] - sums[3];
  t.reconstruction2 = t.product - (sums[3] - sums[1]);
  t.bulk_error2 = sums[4];
  t.bulk_signal2 = sums[5];
  out->tally = t;
  out->product = (double)product;
  out->reconstruction2 = (double)reconstruction2;
}

static void check_near(double found, double expected, double scale)
{
  if (!(fabs(found - expected) <= 1e-13 * scale))
    fail_msg("%.17g, expected %.17g", found, expected);
}

static void check_same(const struct kernels *level, const struct tally *found,
                       const struct tally *expected, size_t n, const struct group_row *row)
{
  if (memcmp(found, expected, sizeof *found))
    fail_msg("%s: %zu elements in groups of %zu", level->name, n, row->length);
}

/* Where nobody asks for more than squares. */
static void check_squares(const struct kernels *level, const float *x, size_t n,
                          const struct group_row *row, float bulk, const struct expected *expected)
{
  const struct tally *all = &expected->tally;
  const struct tally squares = {.error2 = all->error2,
                                .signal2 = all->signal2,
                                .max_error = all->max_error,
                                .absmax = all->absmax,
                                .least = all->least,
                                .most = all->most,
                                .finite = all->finite};
  struct tally tally = {0};
  assert_int_equal(level->group_errors(x, n, row, bulk, NULL, &tally, NULL), expected->n);
  check_same(level, &tally, &squares, n, row);
}

/* Counters of pairs are settled only where one is full; with FULL, one is, else it has room. */
static uint32_t fill_pairs(uint16_t *pairs, bool full)
{
  return pairs[1 * CODES_COUNTED + 2] = full ? UINT16_MAX - 1 : 1000;
}

/* PAIRS: NULL for none. FAR: whether codes far from zero are asked for, and one of PAIRS is full.
 */
static void check_counts(const struct kernels *level, const float *x, size_t n,
                         const struct group_row *row, float bulk, const struct expected *expected,
                         uint16_t *pairs, bool far)
{
  uint64_t counts[(CODE_COUNTERS + 1) * CODES_COUNTED] = {0}, high = 0;
  uint32_t sums[CODES_COUNTED] = {0};
  const bool full = pairs && far;
  const uint32_t before = pairs ? fill_pairs(pairs, full) : 0;
  uint32_t paired = UINT16_MAX; /* so that they are looked at before the first one is counted */
  const struct code_tables tables = {counts, CODES_COUNTED, pairs, &paired};
  struct tally tally = {0};
  assert_int_equal(level->group_errors(x, n, row, bulk, &tables, &tally, far ? &high : NULL),
                   expected->n);
  check_same(level, &tally, &expected->tally, n, row);
  assert_true(!far || high == expected->high);
  assert_true(!pairs || expected->n < 4 ||
              paired == (full ? 0 : before) + (uint32_t)expected->n / 2);
  if (pairs)
    level->settle_pairs(pairs, CODES_COUNTED, sums);
  for (size_t i = 0; i < CODES_COUNTED; i++) {
    uint64_t count = sums[i];
    for (size_t t = 0; t < CODE_COUNTERS; t++)
      count += counts[t * CODES_COUNTED + i];
    assert_true(count == expected->count[i] + (i == 1 || i == 2 ? before : 0) &&
                counts[CODE_COUNTERS * CODES_COUNTED + i] == 0);
  }
}

static void check_errors(const struct kernels *level, const float *x, size_t n,
                         const struct group_row *row, float bulk, const struct expected *expected)
{
  static uint16_t pairs[CODE_PAIRS];
  const bool integers = !row->grid;
  check_counts(level, x, n, row, bulk, expected, NULL, integers);
  for (int far = 0; far <= integers && n % 16 == 0; far++) /* settling is long */
    check_counts(level, x, n, row, bulk, expected, pairs, far);
  check_squares(level, x, n, row, bulk, expected);
  /* The same where the ends are known. */
  float least[LONGEST + 1], most[LONGEST + 1];
  struct group_row known = *row;
  known.least = least;
  known.most = most;
  if (!level->group_ranges(x, n, row->first, row->length, least, most))
    assert_true(level->group_ranges(x, n = expected->n, row->first, row->length, least, most));
  check_counts(level, x, n, &known, bulk, expected, NULL, integers);
  check_squares(level, x, n, &known, bulk, expected);
  const struct tally *tally = &expected->tally;
  check_near(tally->product, expected->product, tally->signal2);
  check_near(tally->reconstruction2, expected->reconstruction2, tally->signal2);
}

/* The units of N elements by their extremes; TIGHT: too small for them. */
static void make_units(const float *x, size_t n, const struct group_row *row, int bits, bool tight,
                       struct unit *units)
{
  const float steps = (float)((1 << bits) - 1);
  for (size_t i = 0, m = row->first; i < n; i += m, m = row->length, units++) {
    float lo = 0, hi = 0;
    m = n - i < m ? n - i : m;
    for (size_t k = i; k < i + m; k++) {
      lo = fminf(lo, x[k]);
      hi = fmaxf(hi, x[k]);
    }
    float scale = lo == hi ? 1 : fmaxf(hi / steps - lo / steps, FLT_TRUE_MIN) * (tight ? 0.8f : 1);
    float zero = lo == hi ? 0 : fminf(rintf(-lo / scale), steps);
    *units = (struct unit){.scale = scale, .lo = -zero, .hi = steps - zero};
  }
}

static void make_small_units(const float *x, size_t n, const struct group_row *row, bool tight,
                             struct unit *units)
{
  const float max = row->grid->max;
  for (size_t i = 0, m = row->first; i < n; i += m, m = row->length, units++) {
    float most = 0;
    m = n - i < m ? n - i : m;
    for (size_t k = i; k < i + m; k++)
      most = fmaxf(most, fabsf(x[k]));
    const float scale = most == 0 ? 1 : fmaxf(most / max, FLT_TRUE_MIN) * (tight ? 0.8f : 1);
    *units = (struct unit){.scale = scale, .lo = -max, .hi = max};
  }
}

struct outcome {
  size_t clips, kept, part; /* rows with groups that are clipped; without; with both */
};

static void check_levels(const float *x, size_t n, const struct group_row *row, float bulk,
                         struct outcome *outcome)
{
  static struct expected expected;
  expect(x, n, row, bulk, &expected);
  expected.n < n ? outcome->clips++ : outcome->kept++;
  outcome->part += expected.n > 0 && expected.n < n;
  for (const struct kernels *const *level = kernels_available(); *level; level++)
    check_errors(*level, x, n, row, bulk, &expected);
}

/* N elements in groups of LENGTH; GRID: of small floats, or NULL. */
static void check_groups(size_t n, size_t length, float bulk, const struct minifloat_grid *grid,
                         struct outcome *outcome)
{
  static const int widths[] = {2, 4, 5, 8};
  static float memory[LONGEST + 8];
  static struct unit units[LONGEST];
  struct outcome ignored = {0};
  float *x = memory + n % 8;
  const size_t first = n % 3 ? 1 + random_bits() % length : length;
  const struct group_row row = {.units = units, .grid = grid, .first = first, .length = length};
  fill(x, n, LONGEST, length);
  for (size_t i = 0; i < n; i++)
    x[i] = fabsf(x[i]) < 1e37f ? x[i] : 0.25f; /* no reconstruction is infinite */
  if (grid)
    make_small_units(x, n, &row, n % 7 == 3, units);
  else
    make_units(x, n, &row, widths[n % 4], n % 7 == 3, units);
  check_levels(x, n, &row, bulk, outcome);
  if (n == 0)
    return;
  x[random_bits() % n] = n % 2 ? NAN : INFINITY;
  check_levels(x, n, &row, bulk, &ignored);
}

static const size_t lengths[] = {8, 16, 32, 33, 50, 64, 96, 128, 600};
static const float bulks[] = {-1, 0, 0.4f, 1.5f, INFINITY};
enum { LENGTHS = sizeof lengths / sizeof *lengths };

static void test_errors(void **state)
{
  struct outcome outcome = {0};
  (void)state;
  for (size_t n = 0; n <= LONGEST; n += n < 258 ? 1 : 29)
    for (size_t l = 0; l < LENGTHS; l++)
      check_groups(n, lengths[l], bulks[(n + l) % 5], NULL, &outcome);
  assert_true(outcome.clips > 100 && outcome.kept > 1000 && outcome.part > 50);
}

/* The grids of every kind of end, from 4 to 8 bits. */
static void test_small_errors(void **state)
{
  static const struct minifloat_grid grids[] = {
      {3, -6, 448, 8, 4, .top = TOP_FN},     {2, -14, 57344, 8, 5, .top = TOP_IEEE},
      {3, -7, 240, 8, 4, .top = TOP_FNUZ},   {1, 0, 6, 4, 2, .top = TOP_FINITE},
      {3, 0, 7.5f, 6, 2, .top = TOP_FINITE}, {2, -2, 28, 6, 3, .top = TOP_FINITE}};
  struct outcome outcome = {0};
  (void)state;
  for (size_t n = 0; n <= LONGEST; n += n < 258 ? 1 : 29)
    for (size_t l = 0; l < LENGTHS; l++)
      check_groups(n, lengths[l], bulks[(n + l) % 5], &grids[(n + l) % 6], &outcome);
  assert_true(outcome.clips > 100 && outcome.kept > 1000 && outcome.part > 50);
}

int main(void)
{
  kernels_init();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ranges),
      cmocka_unit_test(test_scales),
      cmocka_unit_test(test_units_are_tensors),
      cmocka_unit_test(test_waiting),
      cmocka_unit_test(test_errors),
      cmocka_unit_test(test_small_errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
