/* The numbers of formats and what is said of one, against the definitions: E4M3 has 2^(e-7) (1 +
 * m/8) with 448 as its largest and multiples of 2^-9 below 2^-6; int8 counts. */
#include "tests/analysis/tensors.h"

#include "analysis/format_numbers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct format_numbers numbers_of(const char *spec)
{
  const struct quantizer quantizer = quantizer_of(spec);
  struct format_numbers numbers;
  assert_true(format_numbers_of(&quantizer, &numbers));
  return numbers;
}

static void test_numbers(void **state)
{
  struct format_numbers e4m3 = numbers_of("e4m3"), int4 = numbers_of("int4"),
                        uint4 = numbers_of("int4,asym");
  (void)state;
  assert_int_equal(e4m3.count, 126); /* 15 x 8 + 7 subnormal ones - 1, which is NaN */
  for (size_t i = 0; i < e4m3.count; i++) {
    const int code = (int)i + 1, exponent = code / 8, mantissa = code % 8;
    const double expected =
        exponent ? ldexp(1 + mantissa / 8.0, exponent - 7) : ldexp(mantissa, -9);
    assert_true(e4m3.value[i] == expected);
    assert_true(format_share(&e4m3, i) == expected / 448);
  }
  assert_int_equal(int4.count, 7);
  assert_int_equal(uint4.count, 15);
  for (size_t i = 0; i < uint4.count; i++)
    assert_true(uint4.value[i] == (double)i + 1);
  free(e4m3.value);
  free(int4.value);
  free(uint4.value);
}

/* Nearest as a ratio: the middle of 1 and 2 is the root of 2, not 1.5. */
static void test_near(void **state)
{
  struct format_numbers int4 = numbers_of("int4");
  (void)state;
  assert_int_equal(format_number_near(&int4, 1e-9), 0);
  assert_int_equal(format_number_near(&int4, 1.4 / 7), 0);
  assert_int_equal(format_number_near(&int4, 1.45 / 7), 1);
  assert_int_equal(format_number_near(&int4, 1), 6);
  assert_int_equal(format_number_near(&int4, 5), 6);
  for (size_t i = 0; i < int4.count; i++)
    assert_int_equal(format_number_near(&int4, format_share(&int4, i)), i);
  free(int4.value);
}

static void test_words(void **state)
{
  const struct quantizer both[] = {quantizer_of("int8"), quantizer_of("e4m3")},
                         same[] = {quantizer_of("e4m3,channel"), quantizer_of("e4m3")};
  char text[512];
  (void)state;
  /* 224 of 448 is half: the step there is 16 / 448, that of int8 1 / 127. */
  assert_string_equal(
      format_readout(both, 2, 0.5, 0.5, text, sizeof text),
      "e4m3: 224 (code 0x76), number 118 of 126; next 240, 7.14 % more; in the data "
      "112 and 120; int8: steps 0.22 times as wide");
  assert_string_equal(
      format_readout(same, 2, 1, (double)NAN, text, sizeof text),
      "e4m3: 448 (code 0x7e), number 126 of 126, the largest; in the data times its "
      "scale");
  assert_string_equal(format_readout(both, 1, 0.25, 2, text, sizeof text),
                      "int8: 32, number 32 of 127; next 33, 3.12 % more; in the data 64 and 66");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_numbers),
      cmocka_unit_test(test_near),
      cmocka_unit_test(test_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
