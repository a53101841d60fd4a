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
  };
  char text[32];
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const struct format *format = format_find(rows[i].word);
    assert_non_null(format);
    assert_string_equal(format->name, rows[i].name);
    assert_string_equal(format_label(format, text, sizeof text), rows[i].label);
  }
  static const char *const absent[] = {"", " ", "int", "int1", "int9", "uint4", "fp8 ", "e4m3 fp8"};
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
  unsigned m = (unsigned)format->mantissa_bits, e = (unsigned)format->exponent_bits;
  double sign = code >> (m + e) ? -1 : 1;
  unsigned exponent = (code >> m) % (1u << e), mantissa = code % (1u << m);
  bool last = exponent == (1u << e) - 1;
  if (strcmp(format->name, "float8_e4m3fn") == 0) {
    if (last && mantissa == 7)
      return (double)NAN;
  } else if (last) {
    return mantissa ? (double)NAN : sign * HUGE_VAL;
  }
  double fraction = mantissa / pow(2, m);
  return sign * (exponent ? pow(2, (double)exponent - format->bias) * (1 + fraction)
                          : pow(2, 1 - format->bias) * fraction);
}

/* None for the formats with blocks of their own: test_blocks and test_ggml have theirs. */
static size_t element_codes(const struct format *format)
{
  return format_is_block(format) ? 0 : format_codes(format);
}

static void test_decode_every_code(void **state)
{
  (void)state;
  for (size_t f = 0; f < format_table_length; f++)
    for (uint32_t code = 0; code < element_codes(&format_table[f]); code++)
      if (!same(format_decode(&format_table[f], code),
                (float)value_of_code(&format_table[f], code)))
        fail_msg("%s code 0x%x", format_table[f].name, code);
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
  uint32_t sign = !integer && signbit(x) ? 1u << (format->bits - 1) : 0;
  bool fn = format->specials == SPECIALS_FN;
  uint32_t top = ((1u << format->exponent_bits) - 1) << format->mantissa_bits;
  uint32_t all_ones = (1u << (format->bits - 1)) - 1;
  if (isnan(x))
    return integer ? 0 : sign | (fn ? all_ones : top | 1u << (format->mantissa_bits - 1));
  if (isinf(x) && !integer)
    return sign | (fn ? all_ones : top);
  double v = integer ? (double)x : fabs((double)x);
  size_t low = 0, high = grid->count - 1;
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
  for (size_t f = 0; f < format_table_length; f++) {
    if (format_is_block(&format_table[f]))
      continue;
    struct ruler grid = ruler_make(&format_table[f]);
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
  for (size_t f = 0; f < format_table_length; f++) {
    if (format_is_block(&format_table[f]))
      continue;
    struct ruler grid = ruler_make(&format_table[f]);
    for (uint32_t high = 0; high < 65536; high++)
      check_encode(&grid, float_of(high << 16 | low[high % 6]));
    grid_free(&grid);
  }
}

static void test_encode_inverts_decode(void **state)
{
  (void)state;
  for (size_t f = 0; f < format_table_length; f++)
    for (uint32_t code = 0; code < element_codes(&format_table[f]); code++) {
      float value = format_decode(&format_table[f], code);
      if (!isnan(value) && format_encode(&format_table[f], value) != code)
        fail_msg("%s code 0x%x", format_table[f].name, code);
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
  } rows[] = {{"fp8_e4m3fn", "e4m3"}, {"fp8_e5m2", "e5m2"}, {"fp16", "fp16"}, {"bf16", "bf16"}};
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
    for (size_t i = 0; i < x.count; i++) {
      uint32_t found = format_encode(format, xs[i]);
      if (!same(format_decode(format, found), values[x.count + i]))
        fail_msg("%s: %a", rows[r].name, (double)xs[i]);
      if (found != (uint32_t)vector_number(&code, x.count + i) && !isnan(values[x.count + i]))
        fail_msg("%s: code of %a", rows[r].name, (double)xs[i]);
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
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
