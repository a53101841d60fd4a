/* Decoders of the stored types, against the formats' definitions computed by ldexp. */
#include "tests/data/files.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void same_bits(float found, float expected)
{
  uint32_t a, b;
  if (isnan(expected)) {
    assert_true(isnan(found));
    return;
  }
  memcpy(&a, &found, sizeof a);
  memcpy(&b, &expected, sizeof b);
  assert_int_equal(a, b);
}

/* The value of CODE by the definition of a binary format with E exponent and M fraction bits. */
static float by_definition(uint32_t code, int e, int m, bool infinities)
{
  int bias = (1 << (e - 1)) - 1, exponent = (int)(code >> m) & ((1 << e) - 1);
  double fraction = (double)(code & ((1u << m) - 1)), sign = code >> (e + m) & 1 ? -1 : 1;
  if (infinities && exponent == (1 << e) - 1)
    return fraction > 0 ? NAN : copysignf(INFINITY, (float)sign);
  if (!infinities && (code & ((1u << (e + m)) - 1)) == (1u << (e + m)) - 1)
    return NAN;
  double value =
      exponent ? ldexp(1 + ldexp(fraction, -m), exponent - bias) : ldexp(fraction, 1 - bias - m);
  return (float)(sign * value);
}

/* All codes of a 16-bit format, decoded at an odd address. */
static void check_16_bits(const char *name, int e, int m)
{
  unsigned char *bytes = malloc(2 * 65536 + 1);
  float *out = malloc(65536 * sizeof *out);
  for (uint32_t code = 0; code < 65536; code++) {
    bytes[1 + 2 * code] = code & 255;
    bytes[2 + 2 * code] = (unsigned char)(code >> 8);
  }
  stored_find(name)->decode(bytes + 1, 65536, out);
  for (uint32_t code = 0; code < 65536; code++)
    same_bits(out[code], by_definition(code, e, m, true));
  free(out);
  free(bytes);
}

static void test_half_all_codes(void **state)
{
  (void)state;
  check_16_bits("f16", 5, 10);
}

static void test_bfloat_all_codes(void **state)
{
  (void)state;
  check_16_bits("bf16", 8, 7);
}

static void check_8_bits(const char *name, int e, int m, bool infinities)
{
  unsigned char bytes[256];
  float out[256];
  for (unsigned code = 0; code < 256; code++)
    bytes[code] = (unsigned char)code;
  stored_find(name)->decode(bytes, 256, out);
  for (unsigned code = 0; code < 256; code++)
    same_bits(out[code], by_definition(code, e, m, infinities));
}

static void test_small_floats_all_codes(void **state)
{
  (void)state;
  check_8_bits("f8_e5m2", 5, 2, true);
  check_8_bits("f8_e4m3", 4, 3, false);
}

static void test_scale_bytes(void **state)
{
  (void)state;
  const unsigned char bytes[] = {0, 1, 127, 128, 254, 255};
  const float expected[] = {0x1p-127f, 0x1p-126f, 1, 2, 0x1p127f, NAN};
  float out[6];
  stored_find("f8_e8m0")->decode(bytes, 6, out);
  for (size_t i = 0; i < 6; i++)
    same_bits(out[i], expected[i]);
}

/* Wide types round to nearest, ties to even: the hardware's conversion. */
static void test_wide_types_round(void **state)
{
  (void)state;
  const unsigned char one_and_tie[] = {0, 0, 0, 0x10, 0, 0, 0xF0, 0x3F}; /* 1 + 2^-24, a tie */
  const unsigned char above_tie[] = {1, 0, 0, 0x10, 0, 0, 0xF0, 0x3F};
  const unsigned char all_ones[] = {255, 255, 255, 255, 255, 255, 255, 255};
  const unsigned char odd[] = {1, 0, 0, 1, 0, 0, 0, 0}; /* 2^24 + 1 */
  float out;
  stored_find("f64")->decode(one_and_tie, 1, &out);
  same_bits(out, 1.0f);
  stored_find("f64")->decode(above_tie, 1, &out);
  same_bits(out, 1.0f + 0x1p-23f);
  stored_find("i64")->decode(all_ones, 1, &out);
  same_bits(out, -1.0f);
  stored_find("u64")->decode(all_ones, 1, &out);
  same_bits(out, 0x1p64f);
  stored_find("i32")->decode(all_ones, 1, &out);
  same_bits(out, -1.0f);
  stored_find("u32")->decode(all_ones, 1, &out);
  same_bits(out, 0x1p32f);
  stored_find("i32")->decode(odd, 1, &out);
  same_bits(out, 0x1p24f);
  stored_find("i64")->decode(odd, 1, &out);
  same_bits(out, 0x1p24f);
}

static void test_narrow_integers(void **state)
{
  (void)state;
  const unsigned char bytes[] = {0x80, 0xFF};
  float out[2];
  stored_find("i8")->decode(bytes, 2, out);
  same_bits(out[0], -128.0f);
  same_bits(out[1], -1.0f);
  stored_find("u8")->decode(bytes, 2, out);
  same_bits(out[0], 128.0f);
  stored_find("i16")->decode(bytes, 1, out);
  same_bits(out[0], -128.0f); /* 0xFF80 */
  stored_find("u16")->decode(bytes, 1, out);
  same_bits(out[0], 65408.0f);
  stored_find("bool")->decode(bytes, 2, out);
  same_bits(out[0], 1.0f);
}

static void test_table(void **state)
{
  (void)state;
  assert_null(stored_find("f128"));
  assert_ptr_equal(stored_find("BF16"), stored_find("bf16"));
  assert_false(stored_find("f64")->exact);
  assert_true(stored_find("i16")->exact);
  assert_true(stored_find("bool")->integral);
  for (size_t i = 0; i < stored_table_length; i++)
    assert_ptr_equal(stored_find(stored_table[i].name), &stored_table[i]);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_half_all_codes),
      cmocka_unit_test(test_bfloat_all_codes),
      cmocka_unit_test(test_scale_bytes),
      cmocka_unit_test(test_small_floats_all_codes),
      cmocka_unit_test(test_wide_types_round),
      cmocka_unit_test(test_narrow_integers),
      cmocka_unit_test(test_table),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
