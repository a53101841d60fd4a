/* The formats: every code against an independent formula, encoding against a search over all
 * values with tie rules of its own, and the reference casts when the shared vectors are there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "quant/family.h"
#include "quant/rounding.h"
#include "tests/support/npy_vectors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t bits_of(float x)
{
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static float float_of(uint32_t bits)
{
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* Equal bits, or both NaN. */
static bool same(float a, float b)
{
  return isnan(a) ? isnan(b) : bits_of(a) == bits_of(b);
}

/* --- the table ------------------------------------------------------------------------- */

static void test_names(void **state)
{
  (void)state;
  static const struct {
    const char *word, *name, *label;
  } rows[] = {
      {"int2", "int2", "int2"},
      {"INT8", "int8", "int8"},
      {"int16", "int16", "int16"},
      {"float8_e4m3fn", "float8_e4m3fn", "e4m3"},
      {"e4m3", "float8_e4m3fn", "e4m3"},
      {"fp8_e4m3", "float8_e4m3fn", "e4m3"},
      {"fp8", "float8_e4m3fn", "e4m3"},
      {"E5M2", "float8_e5m2", "e5m2"},
      {"fp8_e5m2", "float8_e5m2", "e5m2"},
      {"half", "float16", "fp16"},
      {"f16", "float16", "fp16"},
      {"bf16", "bfloat16", "bf16"},
      {"fp4", "float4_e2m1fn", "e2m1"},
      {"e4m3b11", "float8_e4m3b11fnuz", "e4m3b11fnuz"},
      {"e8m0", "float8_e8m0fnu", "e8m0"},
      {"e5m2ieee", "float8_e5m2", "e5m2"},
      {"float6_e2m3", "float6_e2m3fn", "e2m3"},
      {"e5m10ieee", "float16", "fp16"},
      {"e3m3", "e3m3", "e3m3"},
      {"float7_E3M3all", "e3m3", "e3m3"},
      {"e4m3all", "e4m3all", "e4m3all"},
      {"e2m1b0fn", "e2m1b0fn", "e2m1b0fn"},
      {"lloyd=16", "lloyd=16", "lloyd=16"},
  };
  char text[32];
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const struct format *format = format_find(rows[i].word);
    assert_non_null(format);
    assert_string_equal(format->name, rows[i].name);
    assert_string_equal(format_label(format, text, sizeof text), rows[i].label);
  }
  static const char *const absent[] = {
      "",        " ",           "int",         "int0",      "int17", "uint4",
      "fp8 ",    "e4m3 fp8",    "e0m3",        "e9m2",      "e8m3",  "e8m8ieee",
      "e3m0fn",  "e1m3ieee",    "float8_e3m3", "e3m3x",     "e4m3b", "e4m3b999999",
      "lloyd=1", "lloyd=65537", "lloyd=",      "codebook=x"};
  for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
    assert_null(format_find(absent[i]));
}

/* Maxima and smallest numbers as CONVENTIONS 1.3 lists them; levels by counting by hand. */
static void test_limits(void **state)
{
  (void)state;
  static const struct {
    const char *name;
    double max, min_normal, min_subnormal;
    size_t levels;
  } rows[] = {
      {"e4m3", 448, 0x1p-6, 0x1p-9, 256 - 2 - 1},
      {"e5m2", 57344, 0x1p-14, 0x1p-16, 256 - 8 - 1},
      {"fp16", 65504, 0x1p-14, 0x1p-24, 65536 - 2048 - 1},
      {"bf16", 0x1.fep127, 0x1p-126, 0x1p-133, 65536 - 256 - 1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const struct format *format = format_find(rows[i].name);
    assert_true(format_max(format) == rows[i].max);
    assert_true(format_min_normal(format) == rows[i].min_normal);
    assert_true(format_min_subnormal(format) == rows[i].min_subnormal);
    assert_int_equal(format_levels(format, false, false), rows[i].levels);
  }
  const struct format *int8 = format_find("int8"), *int2 = format_find("int2");
  assert_true(format_max(int8) == 127 && format_max(int2) == 1);
  assert_int_equal(format_levels(int8, false, false), 256);
  assert_int_equal(format_levels(int8, false, true), 255);
  assert_int_equal(format_levels(int8, true, true), 256);
  assert_int_equal(format_levels(int2, false, true), 3);
  assert_int_equal(format_codes(format_find("int16")), 65536);
}

/* --- decoding -------------------------------------------------------------------------- */

/* IEEE 754's formula for a code, in double; specials as each format's specification lists them. */
static double value_of_code(const struct format *format, uint32_t code)
{
  if (format_is_integer(format))
    return code < format_codes(format) / 2 ? code : (double)code - (double)format_codes(format);
  if (format->family == &power_family)
    return code == 255 ? (double)NAN : pow(2, (double)code - 127);
  unsigned m = (unsigned)format->mantissa_bits, e = (unsigned)format->exponent_bits;
  double sign = code >> (m + e) ? -1 : 1;
  unsigned exponent = (code >> m) % (1u << e), mantissa = code % (1u << m);
  bool last = exponent == (1u << e) - 1, full = mantissa == (1u << m) - 1;
  if (format->top == TOP_IEEE && last)
    return mantissa ? (double)NAN : sign * HUGE_VAL;
  if (format->top == TOP_FN && last && full)
    return (double)NAN;
  if (format->top == TOP_FNUZ && sign < 0 && exponent == 0 && mantissa == 0)
    return (double)NAN;
  double fraction = mantissa / pow(2, m);
  return sign * (exponent ? pow(2, (double)exponent - format->bias) * (1 + fraction)
                          : pow(2, 1 - format->bias) * fraction);
}

/* Element formats whose codes follow a formula: the rows of the table but the codebooks, and some
 * that are made to order. */
static const struct format *formula_format(size_t index)
{
  static const char *const made[] = {"e3m3",   "e2m1b3fn", "e4m3all", "e5m10fnuz", "e1m2",  "e3m0",
                                     "e2m2fn", "e7m3ieee", "e4m2b9",  "e5m9",      "e1m6fn"};
  enum { MADE = sizeof made / sizeof *made };
  size_t rows = 0;
  for (size_t f = 0; f < format_table_length; f++)
    if (!format_table[f].codebook && !format_is_block(&format_table[f]) && rows++ == index)
      return &format_table[f];
  return index - rows < MADE ? format_find(made[index - rows]) : NULL;
}

static void test_decode_every_code(void **state)
{
  (void)state;
  const struct format *format;
  for (size_t f = 0; (format = formula_format(f)); f++)
    for (uint32_t code = 0; code < format_codes(format); code++)
      if (!same(format_decode(format, code), (float)value_of_code(format, code)))
        fail_msg("%s code 0x%x", format->name, code);
}

/* --- encoding -------------------------------------------------------------------------- */

/* All finite values from lowest to highest (minifloats: of positive sign), with their codes. */
struct ruler {
  const struct format *format;
  size_t count;
  double *value;
  uint32_t *code;
};

static struct ruler ruler_make(const struct format *format)
{
  size_t codes = format_codes(format);
  struct ruler grid = {format, 0, calloc(codes + 1, sizeof *grid.value),
                       calloc(codes + 1, sizeof *grid.code)};
  assert_non_null(grid.value);
  assert_non_null(grid.code);
  bool integer = format_is_integer(format);
  for (uint32_t i = 0; i < (integer ? codes : codes / 2); i++) {
    uint32_t code = integer ? (uint32_t)((i + codes / 2) % codes) : i;
    double value = value_of_code(format, code);
    if (!isfinite(value))
      continue;
    grid.value[grid.count] = value;
    grid.code[grid.count++] = code;
  }
  return grid;
}

static void grid_free(struct ruler *grid)
{
  free(grid->value);
  free(grid->code);
}

/* Code nearest to X, by bisection in double; a tie goes to the even code, which for integers
 * and for adjacent small floats is the even number of steps. */
static uint32_t nearest_code(const struct ruler *grid, float x)
{
  const struct format *format = grid->format;
  bool integer = format_is_integer(format);
  uint32_t minus = 1u << (format->bits - 1), sign = !integer && signbit(x) ? minus : 0;
  uint32_t top = ((1u << format->exponent_bits) - 1) << format->mantissa_bits;
  uint32_t all_ones = minus - 1;
  if (!integer && !isfinite(x))
    switch (format->top) {
    case TOP_FINITE:
      return isnan(x) ? sign ^ minus : sign | all_ones;
    case TOP_IEEE:
      return sign | (isnan(x) ? top | 1u << (format->mantissa_bits - 1) : top);
    case TOP_FN:
      return sign | all_ones;
    case TOP_FNUZ:
      return minus;
    }
  if (isnan(x))
    return 0;
  double v = integer ? (double)x : fabs((double)x);
  size_t low = 0, high = grid->count - 1;
  double half = grid->count > 1 ? (grid->value[0] + grid->value[1]) / 2 : 0;
  if (format->top == TOP_FNUZ && v <= half)
    return 0; /* no minus zero */
  if (v <= grid->value[low])
    return sign | grid->code[low];
  if (v >= grid->value[high])
    return sign | grid->code[high];
  while (high - low > 1) {
    size_t middle = (low + high) / 2;
    *(grid->value[middle] <= v ? &low : &high) = middle;
  }
  double below = v - grid->value[low], above = grid->value[high] - v;
  size_t best = below < above ? low : above < below ? high : grid->code[low] % 2 ? high : low;
  /* Without a mantissa the implicit one is the last bit, odd everywhere: ties go up, but to 0. */
  if (!integer && format->mantissa_bits == 0 && below == above && low > 0)
    best = high;
  return sign | grid->code[best];
}

static void check_encode(const struct ruler *grid, float x)
{
  uint32_t found = format_encode(grid->format, x), expected = nearest_code(grid, x);
  if (found != expected)
    fail_msg("%s: %a became 0x%x, nearest is 0x%x", grid->format->name, (double)x, found, expected);
}

static void check_around(const struct ruler *grid, float x)
{
  check_encode(grid, x);
  check_encode(grid, -x);
  for (int side = -1; side <= 1; side += 2) {
    float near = nextafterf(x, (float)side * INFINITY);
    check_encode(grid, near);
    check_encode(grid, -near);
  }
}

static void test_encode_values_midpoints_neighbours(void **state)
{
  (void)state;
  const struct format *format;
  for (size_t f = 0; (format = formula_format(f)); f++) {
    if (format->family == &power_family)
      continue; /* rules of its own: test_elements */
    struct ruler grid = ruler_make(format);
    for (size_t i = 0; i < grid.count; i++) {
      check_around(&grid, (float)grid.value[i]);
      if (i + 1 < grid.count)
        check_around(&grid, (float)((grid.value[i] + grid.value[i + 1]) / 2));
    }
    grid_free(&grid);
  }
}

/* Every bfloat16 pattern, with the low half of the float32 empty, half, and full. */
static void test_encode_everywhere(void **state)
{
  (void)state;
  static const uint32_t low[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff};
  const struct format *format;
  for (size_t f = 0; (format = formula_format(f)); f++) {
    if (format->family == &power_family)
      continue; /* rules of its own: test_elements */
    struct ruler grid = ruler_make(format);
    for (uint32_t high = 0; high < 65536; high++)
      check_encode(&grid, float_of(high << 16 | low[high % 6]));
    grid_free(&grid);
  }
}

static void test_encode_inverts_decode(void **state)
{
  (void)state;
  const struct format *format;
  for (size_t f = 0; (format = formula_format(f)); f++)
    for (uint32_t code = 0; code < format_codes(format); code++) {
      float value = format_decode(format, code);
      if (!isnan(value) &&
          (format_encode(format, value) != code || format_cast(format, value, true) != code))
        fail_msg("%s code 0x%x", format->name, code);
    }
}

/* Numbers that CONVENTIONS and the cast rules state in words. */
static void test_encode_stated(void **state)
{
  (void)state;
  static const struct {
    const char *format;
    float x, value;
  } rows[] = {
      {"e4m3", 464, 448},
      {"e4m3", 1e30f, 448},
      {"e4m3", -465, -448},
      {"e4m3", INFINITY, NAN},
      {"e4m3", 0x1p-10f, 0},
      {"e4m3", 0x1.8p-9f, 0x1p-8f},
      {"e4m3", -0.0f, -0.0f},
      {"e4m3", -1e-30f, -0.0f},
      {"e4m3", 17, 16},
      {"e4m3", 19, 20},
      {"e5m2", 61440, 57344},
      {"e5m2", 1e30f, 57344},
      {"e5m2", INFINITY, INFINITY},
      {"e5m2", -INFINITY, -INFINITY},
      {"e5m2", 0x1p-17f, 0},
      {"fp16", 65520, 65504},
      {"fp16", 2049, 2048},
      {"fp16", 2051, 2052},
      {"fp16", 0x1p-25f, 0},
      {"bf16", 257, 256},
      {"bf16", 259, 260},
      {"bf16", 3.4e38f, 0x1.fep127f},
      {"bf16", 0x1p-134f, 0},
      {"int8", 0.5f, 0},
      {"int8", 1.5f, 2},
      {"int8", -128.5f, -128},
      {"int8", 127.5f, 127},
      {"int8", INFINITY, 127},
      {"int8", -INFINITY, -128},
      {"int8", NAN, 0},
      {"int2", -9, -2},
      {"int16", 40000, 32767},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const struct format *format = format_find(rows[i].format);
    float found = format_decode(format, format_encode(format, rows[i].x));
    if (!same(found, rows[i].value))
      fail_msg("%s: %a became %a", rows[i].format, (double)rows[i].x, (double)found);
  }
}

/* --- other roundings ------------------------------------------------------------------- */

static void test_round_modes(void **state)
{
  (void)state;
  static const struct {
    double v, even, away, zero;
  } rows[] = {
      {0.5, 0, 1, 0},
      {-0.5, 0, -1, 0},
      {1.5, 2, 2, 1},
      {2.5, 2, 3, 2},
      {-2.5, -2, -3, -2},
      {(double)0.49999997f, 0, 0, 0},
      {0.49999999999999994, 0, 0, 0},
      {2.999, 3, 3, 2},
      {8388609, 8388609, 8388609, 8388609},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    double v = rows[i].v;
    assert_true(round_to_whole(v, (struct rounding_rule){.mode = ROUND_EVEN}, 0) == rows[i].even);
    assert_true(round_to_whole(v, (struct rounding_rule){.mode = ROUND_AWAY}, 0) == rows[i].away);
    assert_true(round_to_whole(v, (struct rounding_rule){.mode = ROUND_ZERO}, 0) == rows[i].zero);
  }
}

/* Unbiased: the mean over indices is the value itself (four standard errors), a whole number
 * never moves, and the same seed and index always give the same result. */
static void test_round_stochastic(void **state)
{
  (void)state;
  enum { DRAWS = 100000 };
  static const double values[] = {0.25, -0.25, 3.9, -7.5, 1e-3};
  for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
    double sum = 0;
    for (size_t i = 0; i < DRAWS; i++) {
      struct rounding_rule rule = {.mode = ROUND_STOCHASTIC, .seed = 7};
      double r = round_to_whole(values[v], rule, i);
      assert_true(r == floor(values[v]) || r == ceil(values[v]));
      assert_true(r == round_to_whole(values[v], rule, i));
      sum += r;
    }
    double share = values[v] - floor(values[v]);
    double error = sqrt(share * (1 - share) / DRAWS);
    assert_true(fabs(sum / DRAWS - values[v]) <= 4 * error);
  }
  struct rounding_rule one = {.mode = ROUND_STOCHASTIC, .seed = 1};
  struct rounding_rule two = {.mode = ROUND_STOCHASTIC, .seed = 2};
  size_t differ = 0;
  for (size_t i = 0; i < 1000; i++) {
    assert_true(round_to_whole(-3, one, i) == -3);
    differ += round_to_whole(0.5, one, i) != round_to_whole(0.5, two, i);
  }
  assert_in_range(differ, 400, 600);
}

static void test_minifloat_modes(void **state)
{
  (void)state;
  struct minifloat_grid grid = format_grid(format_find("e4m3"));
  struct rounding_rule away = {.mode = ROUND_AWAY}, zero = {.mode = ROUND_ZERO};
  assert_true(minifloat_round_any(17, &grid, away, 0) == 18);
  assert_true(minifloat_round_any(-17, &grid, away, 0) == -18);
  assert_true(minifloat_round_any(17.99f, &grid, zero, 0) == 16);
  assert_true(minifloat_round_any(0x1p-10f, &grid, away, 0) == 0x1p-9f);
  assert_true(minifloat_round_any(1000, &grid, zero, 0) == 448);
  assert_true(signbit(minifloat_round_any(-0x1p-10f, &grid, zero, 0)));
}

/* --- the reference vectors ------------------------------------------------------------- */

static void test_reference_casts(void **state)
{
  (void)state;
  static const struct {
    const char *file, *name;
  } rows[] = {{"fp8_e4m3fn", "e4m3"},
              {"fp8_e5m2", "e5m2"},
              {"fp8_e4m3fnuz", "e4m3fnuz"},
              {"fp8_e5m2fnuz", "e5m2fnuz"},
              {"fp8_e4m3b11fnuz", "e4m3b11fnuz"},
              {"fp8_e4m3", "float8_e4m3"},
              {"fp8_e3m4", "e3m4"},
              {"fp6_e3m2fn", "e3m2"},
              {"fp6_e2m3fn", "e2m3"},
              {"fp4_e2m1fn", "e2m1"},
              {"e8m0fnu", "e8m0"},
              {"fp16", "fp16"},
              {"bf16", "bf16"}};
  if (!vectors_folder())
    skip();
  for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
    const struct format *format = format_find(rows[r].name);
    struct vector x, code, value;
    assert_true(vector_load(&x, "conformance/formats/casts/%s_x.npy", rows[r].file));
    assert_true(vector_load(&code, "conformance/formats/casts/%s_code.npy", rows[r].file));
    assert_true(vector_load(&value, "conformance/formats/casts/%s_val.npy", rows[r].file));
    const float *xs = vector_floats(&x), *values = vector_floats(&value);
    assert_int_equal(code.count, 2 * x.count);
    for (size_t row = 0; row < 2; row++) {
      const struct grid grid = grid_make(format, false, false, row == 0);
      const struct unit unit = format->family->unit(&grid, 1, 0);
      for (size_t i = 0; i < x.count; i++) {
        size_t at = row * x.count + i;
        uint32_t found = format_cast(format, xs[i], row == 0);
        float y;
        uint16_t code_of_kernel;
        format->family->run(&grid, &unit, xs + i, 1, &y, &code_of_kernel);
        if (!same(format_decode(format, found), values[at]) || !same(y, values[at]))
          fail_msg("%s row %zu: %a", rows[r].name, row, (double)xs[i]);
        if (found != code_of_kernel ||
            (found != (uint32_t)vector_number(&code, at) && !isnan(values[at])))
          fail_msg("%s row %zu: code of %a", rows[r].name, row, (double)xs[i]);
      }
    }
    vector_free(&x);
    vector_free(&code);
    vector_free(&value);
  }
}

static void test_reference_integers(void **state)
{
  (void)state;
  static const struct {
    const char *file;
    float lo, hi;
  } rows[] = {{"int2", -2, 1},         {"int4", -8, 7}, {"int8", -128, 127}, {"int4_sym", -7, 7},
              {"int8_sym", -127, 127}, {"uint2", 0, 3}, {"uint4", 0, 15},    {"uint8", 0, 255}};
  if (!vectors_folder())
    skip();
  struct vector x;
  assert_true(vector_load(&x, "conformance/formats/int/icast_x.npy"));
  for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
    struct vector expected;
    assert_true(vector_load(&expected, "conformance/formats/int/icast_%s.npy", rows[r].file));
    struct unit unit = {.scale = 1, .lo = rows[r].lo, .hi = rows[r].hi};
    for (size_t i = 0; i < x.count; i++) {
      float value, in = vector_floats(&x)[i];
      uint16_t code;
      kernels.integer_run(&in, 1, unit, &value, &code);
      if ((double)value != vector_number(&expected, i) || (float)code + unit.lo != value)
        fail_msg("%s: %a became %g", rows[r].file, (double)in, (double)value);
    }
    vector_free(&expected);
  }
  vector_free(&x);
}

/* Affine schemes of PyTorch's observers: its scale rule on our extremes, its codes and values on
 * our grid. It multiplies by the float32 reciprocal of the scale, which is the test's part here;
 * our own quantizers divide. */
static void check_affine(const char *name, float lowest, float highest, bool symmetric,
                         const struct vector *x, size_t unit_size)
{
  struct vector scale, zero, q, y;
  assert_true(vector_load(&scale, "conformance/formats/int/affine_%s_scale.npy", name) &&
              vector_load(&zero, "conformance/formats/int/affine_%s_zp.npy", name) &&
              vector_load(&q, "conformance/formats/int/affine_%s_q.npy", name) &&
              vector_load(&y, "conformance/formats/int/affine_%s_y.npy", name));
  assert_int_equal(scale.count * unit_size, x->count);
  for (size_t u = 0; u < scale.count; u++) {
    const float *in = vector_floats(x) + u * unit_size, s = vector_floats(&scale)[u];
    const float z = (float)vector_number(&zero, u), reciprocal = 1 / s;
    struct extremes e = extremes_empty();
    kernels.extremes(in, unit_size, &e);
    float min = fminf(e.min, 0), max = fmaxf(e.max, 0);
    float rule =
        symmetric ? fmaxf(-min, max) / ((highest - lowest) / 2) : (max - min) / (highest - lowest);
    assert_true(s == fmaxf(rule, 0x1p-23f));
    struct unit unit = {.scale = 1, .lo = lowest - z, .hi = highest - z};
    for (size_t i = 0; i < unit_size; i++) {
      size_t at = u * unit_size + i;
      float scaled = in[i] * reciprocal, grid;
      kernels.integer_run(&scaled, 1, unit, &grid, NULL);
      if ((double)(grid + z) != vector_number(&q, at) || grid * s != vector_floats(&y)[at])
        fail_msg("%s, element %zu: %a became %g", name, at, (double)in[i], (double)grid);
    }
  }
  vector_free(&scale);
  vector_free(&zero);
  vector_free(&q);
  vector_free(&y);
}

static void test_reference_affine(void **state)
{
  (void)state;
  struct vector x;
  if (!vectors_folder())
    skip();
  assert_true(vector_load(&x, "conformance/formats/int/affine_x.npy"));
  check_affine("pt_i8_sym", -128, 127, true, &x, x.count);
  check_affine("pt_u8_asym", 0, 255, false, &x, x.count);
  check_affine("pc_i8_sym", -128, 127, true, &x, x.dim[1]);
  check_affine("g32_i4_sym", -8, 7, true, &x, 32);
  check_affine("g32_u4_asym", 0, 15, false, &x, 32);
  vector_free(&x);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_decode_every_code),
      cmocka_unit_test(test_encode_values_midpoints_neighbours),
      cmocka_unit_test(test_encode_everywhere),
      cmocka_unit_test(test_encode_inverts_decode),
      cmocka_unit_test(test_encode_stated),
      cmocka_unit_test(test_round_modes),
      cmocka_unit_test(test_round_stochastic),
      cmocka_unit_test(test_minifloat_modes),
      cmocka_unit_test(test_reference_casts),
      cmocka_unit_test(test_reference_integers),
      cmocka_unit_test(test_reference_affine),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
