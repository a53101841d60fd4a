/* The sums of the kernels, and the error pass: every instruction set against the documented order
 * of summation, bit for bit, by plain scalar code that shares nothing with it. */
#include "tests/support/kernel_draws.h"

#include "quant/kernels/kernels.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* --- sums --------------------------------------------------------------------------------- */

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
    kernel_check_bits(found, kernels_available()[0]->power_error(x, y, NULL, n, powers[k], 0.25f),
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
  for (size_t n = 0; kernel_next_length(&n);)
    for (size_t c = 0; c < 2; c++) {
      float *x = memory + n % 8;
      const struct unit unit = {.scale = 0.03f, .lo = -100, .hi = 155};
      float scale = c ? 0.004f : unit.scale;
      kernel_fill(x, n, MIX_BELL);
      for (size_t i = 0; i < n; i++) {
        uint16_t code;
        if (c)
          kernel_minifloat(x[i], format, scale, &y[i], &code);
        else
          kernel_integer(x[i], &unit, &y[i], &code);
        double e = (double)x[i] - (double)y[i];
        error2[i] = e * e;
        yd[i] = (double)y[i];
        xy[i] = (double)x[i] * yd[i];
        yy[i] = yd[i] * yd[i];
      }
      for (size_t level = 0; levels[level]; level++) {
        kernel_check_bits(c ? levels[level]->minifloat_sse(x, n, &grid, scale)
                            : levels[level]->integer_sse(x, n, unit),
                          kernel_lane_sum(error2, n), "sse");
        struct line_sums sums = {0};
        levels[level]->line_sums(x, y, n, &sums);
        kernel_check_bits(sums.xy, kernel_lane_sum(xy, n), "xy");
        kernel_check_bits(sums.yy, kernel_lane_sum(yy, n), "yy");
        kernel_check_bits(sums.y, kernel_lane_sum(yd, n), "y");
        check_powers(x, y, n, levels[level]);
      }
    }
}

struct rung_terms {
  double error[MOST], kept[MOST], slope[MOST], curve[MOST];
};

/* By the definition, term by term; how many have a curvature. */
static size_t rung_terms(const struct rungs *rungs, const float *distance, const double *power,
                         double scale, float rate, float near, struct rung_terms *out)
{
  size_t bent = 0;
  for (size_t i = 0; i < rungs->end; i++) {
    bool passes = false;
    for (size_t k = 0; k < rungs->passes; k++)
      passes |= i >= rungs->low[k] && i < rungs->high[k];
    const float rung = passes ? 0 : rungs->rung[i], size = fabsf(rung);
    const float level = rungs->size[i] > scale * (double)rungs->rung[i] ? -rung : rung;
    const float d = fmaxf(distance[i], 1e-30f), inverse = 1 / d;
    const float left = 1 - rate * size * inverse;
    const double term = rungs->weight[i] * power[i], pull = term * (double)inverse;
    const bool curved = left > 0 && d >= near * size;
    out->error[i] = term;
    out->kept[i] = level != 0 ? term : 0;
    out->slope[i] = pull * (double)level;
    out->curve[i] = curved ? pull * (double)inverse * (double)(left * size * size) : 0;
    bent += curved;
  }
  return bent;
}

/* Some distances and rungs are 0. */
static void test_rung_sums(void **state)
{
  (void)state;
  static float distance[MOST], rung[MOST];
  static double size[MOST], weight[MOST], power[MOST], kept[MOST];
  static struct rung_terms terms;
  const double scale = 0.25;
  const struct kernels *const *levels = kernels_available();
  for (size_t n = 0; kernel_next_length(&n);) {
    const float rate = 0.01f, near = n % 2 ? 0.02f : 0;
    const uint32_t low[] = {(uint32_t)n / 5, (uint32_t)n / 4, (uint32_t)n / 2};
    const uint32_t high[] = {(uint32_t)n / 3, (uint32_t)n / 3 + 1, (uint32_t)n / 2};
    for (size_t i = 0; i < n; i++) {
      rung[i] = i % 5 == 2 ? 0 : kernel_bell();
      size[i] = scale * (double)rung[i] + (i % 7 == 3 ? 0 : (double)kernel_bell() * 0.1);
      weight[i] = (double)(i % 9);
      distance[i] = (float)fabs(size[i] - scale * (double)rung[i]);
    }
    for (size_t l = 0; levels[l]; l++) {
      const struct rungs rungs = {.size = size,
                                  .weight = weight,
                                  .rung = rung,
                                  .end = n,
                                  .passes = 3,
                                  .low = low,
                                  .high = high,
                                  .power = n % 2 ? kept : NULL};
      struct kept_sums sums = {0};
      levels[l]->powers(distance, n, 2.4, 1, power);
      size_t bent = rung_terms(&rungs, distance, power, scale, rate, near, &terms);
      assert_true(n < 40 || (bent > 0 && bent < n));
      levels[l]->rung_sums(&rungs, scale, 2.4, rate, near, &sums);
      kernel_check_bits(sums.error, kernel_lane_sum(terms.error, n), "error");
      kernel_check_bits(sums.kept, kernel_lane_sum(terms.kept, n), "kept");
      kernel_check_bits(sums.slope, kernel_lane_sum(terms.slope, n), "slope");
      kernel_check_bits(sums.curve, kernel_lane_sum(terms.curve, n), "curve");
      assert_true(n % 2 == 0 || memcmp(kept, power, n * sizeof *power) == 0);
    }
  }
}

/* Term by term. */
static void test_counted_error(void **state)
{
  (void)state;
  static float x[MOST], y[MOST];
  static uint64_t counts[MOST];
  static double terms[MOST];
  const struct kernels *const *levels = kernels_available();
  for (size_t n = 0; kernel_next_length(&n);) {
    for (size_t i = 0; i < n; i++) {
      x[i] = kernel_bell();
      y[i] = rintf(x[i] * 4) / 4;
      counts[i] = (uint64_t)kernel_random() << (kernel_random() % 32);
      double e = (double)x[i] - (double)y[i];
      terms[i] = (double)counts[i] * e * e;
    }
    for (size_t l = 0; levels[l]; l++)
      kernel_check_bits(levels[l]->counted_error(x, y, counts, n), kernel_lane_sum(terms, n),
                        "error");
  }
}

/* One by one, by divisions. Half of the magnitudes pass exactly where a bucket begins; all numbers
 * are whole, so that sums have no rounding. */
static void test_crossings(void **state)
{
  (void)state;
  enum { BUCKETS = 64 };
  static double size[MOST], inverse[MOST];
  static kernel_pair own[MOST], gain[BUCKETS];
  const struct kernels *const *levels = kernels_available();
  for (size_t n = 0; kernel_next_length(&n);) {
    const struct crossing crossing = {
        .per_size = 96, .offset = 32, .last = BUCKETS - 1, .rise = {1, 3}};
    double moment[BUCKETS] = {0}, weight[BUCKETS] = {0};
    for (size_t i = 0; i < n; i++) {
      double place = (double)(kernel_random() % (BUCKETS + 1));
      size[i] = crossing.per_size / (crossing.offset + place + (i % 2 ? 0 : 0.37));
      inverse[i] = 1 / size[i];
      own[i] = (kernel_pair){(double)(i % 5), (double)(i % 3)};
      double at = crossing.per_size / size[i] - crossing.offset;
      size_t bucket = at < 0 ? 0 : at > crossing.last ? BUCKETS - 1 : (size_t)at;
      moment[bucket] += own[i][0];
      weight[bucket] += 3 * own[i][1];
    }
    for (size_t l = 0; levels[l]; l++) {
      memset(gain, 0, sizeof gain);
      levels[l]->crossings(size, inverse, own, n, &crossing, gain);
      for (size_t b = 0; b < BUCKETS; b++)
        assert_true(gain[b][0] == moment[b] && gain[b][1] == weight[b]);
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
    *sums[k] = kernel_lane_sum(terms[k], kept);
  return t;
}

static void check_tally(const struct tally *found, const struct tally *expected)
{
  kernel_check_bits(found->error, expected->error, "error");
  kernel_check_bits(found->error2, expected->error2, "error2");
  kernel_check_bits(found->clipped_error2, expected->clipped_error2, "clipped_error2");
  kernel_check_bits(found->signal2, expected->signal2, "signal2");
  kernel_check_bits(found->reconstruction2, expected->reconstruction2, "reconstruction2");
  kernel_check_bits(found->product, expected->product, "product");
  kernel_check_bits(found->bulk_error2, expected->bulk_error2, "bulk_error2");
  kernel_check_bits(found->bulk_signal2, expected->bulk_signal2, "bulk_signal2");
  kernel_check_bits(found->max_error, expected->max_error, "max_error");
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
    for (size_t n = 0; kernel_next_length(&n);) {
      const struct unit unit = units[n % 4];
      struct tally_bounds bounds = {.clip_lo = (unit.lo - 0.5f) * unit.scale,
                                    .clip_hi = (unit.hi + 0.5f) * unit.scale,
                                    .rail_lo = unit.lo * unit.scale,
                                    .rail_hi = unit.hi * unit.scale,
                                    .bulk = bulks[n / 4 % 4]};
      float *x = x_memory + n % 8, *y = y_memory + n % 5;
      kernel_fill(x, n, (enum mix)mix);
      const float edges[] = {bounds.clip_lo, bounds.clip_hi, bounds.bulk, -bounds.bulk};
      for (size_t i = 3; i < n; i += 11)
        x[i] = i % 2 ? edges[i % 4] : nextafterf(edges[i / 2 % 4], kernel_bell());
      kernels.integer_run(x, n, unit, y, NULL);
      struct tally expected = scalar_tally(x, y, n, &bounds);
      for (size_t level = 0; levels[level]; level++) {
        struct tally found = {0};
        levels[level]->tally(x, y, n, &bounds, &found);
        check_tally(&found, &expected);
        levels[level]->tally(x, y, n, &bounds, &found);
        assert_int_equal(found.finite, 2 * expected.finite);
        kernel_check_bits(found.error2, 2 * expected.error2, "error2 twice");
        kernel_check_bits(found.max_error, expected.max_error, "max_error twice");
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
    kernel_integer(x, &c->unit, y, code);
  else
    kernel_minifloat(x, c->format, c->unit.scale, y, code);
  *code = *code == c->minus_zero ? 0 : *code;
}

static bool is_inside(const struct pass_case *c, float x)
{
  const struct tally_bounds *b = &c->bounds;
  if (c->unit.scale < 0 || isinf(b->rail_lo) || isinf(b->rail_hi))
    return false;
  return isfinite(x) && x >= b->clip_lo && x <= b->clip_hi;
}

/* In the bulk, or there is none. */
static bool is_near(const struct pass_case *c, float x)
{
  return is_inside(c, x) && (!(c->bounds.bulk >= 0) || fabsf(x) <= c->bounds.bulk);
}

/* Those inside, near or all, by the definition: sums in lanes by place. */
static struct tally scalar_inside(const struct pass_case *c, const float *x, size_t n, bool near)
{
  static double terms[3][PASS_RUN];
  struct tally t = {.least = INFINITY, .most = -INFINITY};
  for (size_t i = 0; i < n; i++) {
    float y;
    uint16_t code;
    terms[0][i] = terms[1][i] = terms[2][i] = 0;
    if (!(near ? is_near : is_inside)(c, x[i]))
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
  t.error = kernel_lane_sum(terms[0], n);
  t.error2 = kernel_lane_sum(terms[1], n);
  t.signal2 = kernel_lane_sum(terms[2], n);
  t.bulk_error2 = near && c->bounds.bulk >= 0 ? t.error2 : 0;
  t.bulk_signal2 = near && c->bounds.bulk >= 0 ? t.signal2 : 0;
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
  t.reconstruction2 = kernel_lane_sum(powers, CODES_COUNTED);
  t.product = (inside->signal2 + t.reconstruction2 - inside->error2) / 2;
  return t;
}

/* A tally without what follows from the codes of those inside, and that: CODED. */
static struct tally scalar_pass(const struct pass_case *c, const float *x, size_t n,
                                struct tally *coded, uint32_t *count)
{
  static float others[PASS_RUN], rest[MOST], y[MOST];
  struct tally t = {0}, all_inside = {0};
  memset(count, 0, CODES_COUNTED * sizeof *count);
  for (size_t run = 0; run < n; run += PASS_RUN) {
    size_t m = n - run < PASS_RUN ? n - run : PASS_RUN, far = 0, kept = 0;
    for (size_t i = run; i < run + m; i++) {
      float back;
      uint16_t code;
      pass_value(c, x[i], &back, &code);
      count[code] += isfinite(x[i]) != 0;
      if (is_near(c, x[i]))
        continue;
      others[far++] = x[i];
      if (is_inside(c, x[i]))
        continue;
      assert_true(kept < MOST);
      rest[kept] = x[i];
      y[kept++] = back;
    }
    const struct tally parts[] = {scalar_inside(c, x + run, m, true),
                                  scalar_inside(c, others, far, false),
                                  scalar_tally(rest, y, kept, &c->bounds)};
    for (int part = 0; part < 3; part++)
      tally_merge(&t, &parts[part]);
    for (int part = 0; part < 2; part++)
      tally_merge(&all_inside, &parts[part]);
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

/* By two calls, where there are enough; which leaves nothing behind. PAIRS: NULL to count each. */
static void run_pass(const struct kernels *level, const struct pass_case *c, const float *x,
                     size_t n, uint16_t *pairs, struct tally *tally, struct tally *follows,
                     uint32_t *count)
{
  static struct coded none, coded;
  const struct minifloat_grid grid = format_grid(c->format);
  size_t first = n < PASS_RUN ? n : PASS_RUN;
  memset(count, 0, CODES_COUNTED * sizeof *count);
  coded.pairs = none.pairs = pairs;
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
  kernel_check_bits(found->error2, expected->error2, "error2 alone");
  kernel_check_bits(found->signal2, expected->signal2, "signal2 alone");
  kernel_check_bits(found->clipped_error2, expected->clipped_error2, "clipped_error2 alone");
  kernel_check_bits(found->max_error, expected->max_error, "max_error alone");
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
  static uint16_t pairs[CODE_PAIRS];
  uint32_t expected_count[CODES_COUNTED], count[CODES_COUNTED];
  struct tally plain = {0}, expected_coded;
  struct tally expected = scalar_pass(c, x, n, &expected_coded, expected_count);
  for (size_t level = 0; levels[level]; level++) {
    struct tally squares = {0};
    for (int paired = 0; paired < 2; paired++) {
      struct tally found = {0}, coded = {0};
      run_pass(levels[level], c, x, n, paired ? pairs : NULL, &found, &coded, count);
      check_tally(&found, &expected);
      check_tally(&coded, &expected_coded);
      assert_memory_equal(count, expected_count, sizeof count);
    }
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
  kernel_check_bits(plain.max_error, expected.max_error, "max_error");
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
      for (size_t n = 0; kernel_next_length(&n);) {
        const struct pass_case c =
            pass_case(pass_units[u].format, pass_units[u].asymmetric, pass_units[u].scale,
                      pass_units[u].zero, bulks[(n + u) % 5]);
        const float edges[] = {c.bounds.clip_lo, c.bounds.clip_hi, c.bounds.bulk, -c.bounds.bulk};
        float *x = memory + n % 8;
        kernel_fill(x, n, (enum mix)mix);
        for (size_t i = 3; i < n; i += 11)
          x[i] = i % 2 ? edges[i % 4] : nextafterf(edges[i / 2 % 4], kernel_bell());
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
      kernel_fill(x, n, MIX_SPECIAL);
      check_pass(&cases[c], x, n);
      for (size_t i = 0; i < n; i++)
        x[i] = 0.7f;
      check_pass(&cases[c], x, n);
    }
}

/* Neighbours that are always the same: their counter would overflow if it were not settled. */
static void test_pass_pairs(void **state)
{
  (void)state;
  enum { LONG = 40 * PASS_RUN + 9 };
  static float x[LONG];
  static uint16_t pairs[CODE_PAIRS];
  const struct pass_case c = pass_case("int8", false, 0.03f, 0, 2.6f);
  const struct kernels *const *levels = kernels_available();
  for (size_t i = 0; i < LONG; i++)
    x[i] = 0.75f;
  for (size_t level = 0; levels[level]; level++) {
    struct tally found = {0}, coded = {0};
    uint32_t count[CODES_COUNTED];
    run_pass(levels[level], &c, x, LONG, pairs, &found, &coded, count);
    assert_int_equal(coded.finite, LONG);
    assert_int_equal(count[128 + 25], LONG); /* 0.75 / 0.03 */
    count[128 + 25] = 0;
    for (size_t code = 0; code < CODES_COUNTED; code++)
      assert_int_equal(count[code], 0);
    for (size_t pair = 0; pair < CODE_PAIRS; pair++)
      assert_int_equal(pairs[pair], 0);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_search_sums),   cmocka_unit_test(test_rung_sums),
      cmocka_unit_test(test_counted_error), cmocka_unit_test(test_crossings),
      cmocka_unit_test(test_tally),         cmocka_unit_test(test_tally_sees_differences),
      cmocka_unit_test(test_tally_merge),   cmocka_unit_test(test_tally_range),
      cmocka_unit_test(test_tally_inexact), cmocka_unit_test(test_pass),
      cmocka_unit_test(test_pass_long),     cmocka_unit_test(test_pass_pairs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
