/* Groups, whose scales are made many at a time: each must be what the same values get as a tensor
 * of their own, to the bit; and their kernels, on every instruction set. */
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
  struct fit *fit;
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

enum { MOST = 700 };

static void check_ranges(const struct kernels *level, const float *x, size_t n, size_t first,
                         size_t length)
{
  float lo[MOST + 1], hi[MOST + 1];
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
  static const size_t lengths[] = {1, 2, 7, 8, 9, 16, 31, 32, 33, 128, 300};
  static float memory[MOST + 8];
  (void)state;
  for (size_t n = 0; n <= MOST; n += n < 258 ? 1 : 37)
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
      float *x = memory + n % 8; /* unaligned starts */
      size_t length = lengths[l], first = 1 + random_bits() % length;
      fill(x, n, MOST, length);
      if (n % 2)
        for (size_t i = 0; i < n; i++)
          x[i] = isfinite(x[i]) ? x[i] : -1;
      for (const struct kernels *const *level = kernels_available(); *level; level++)
        check_ranges(*level, x, n, first, length);
    }
}

int main(void)
{
  kernels_init();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ranges),
      cmocka_unit_test(test_units_are_tensors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
