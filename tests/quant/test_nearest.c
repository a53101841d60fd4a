/* Edit distances counted by hand, and what counts as near. */
#include "quant/base/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_distance(void **state)
{
  (void)state;
  assert_int_equal(edit_distance("", ""), 0);
  assert_int_equal(edit_distance("", "abc"), 3);
  assert_int_equal(edit_distance("abc", ""), 3);
  assert_int_equal(edit_distance("chanel", "channel"), 1);
  assert_int_equal(edit_distance("kitten", "sitting"), 3);
  assert_int_equal(edit_distance("gruop", "group"), 1);
  assert_int_equal(edit_distance("INT8", "int8"), 0);
  char longer[200];
  for (int i = 0; i < 199; i++)
    longer[i] = 'x';
  longer[199] = 0;
  assert_int_equal(edit_distance(longer, ""), 64);
}

static void test_nearest(void **state)
{
  (void)state;
  static const char *const words[] = {"tensor", "channel", "token", "group", "percentile", "mse"};
  size_t count = sizeof words / sizeof *words;
  assert_string_equal(nearest_word("chanel", words, count), "channel");
  assert_string_equal(nearest_word("Channels", words, count), "channel");
  assert_string_equal(nearest_word("perc", words, count), "percentile");
  assert_string_equal(nearest_word("mes", words, count), "mse");
  assert_null(nearest_word("quaternion", words, count));
  assert_null(nearest_word("xyz", words, count));
  assert_null(nearest_word("", words, count));
  assert_null(nearest_word("mse", words, 0));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_distance),
      cmocka_unit_test(test_nearest),
  };
  return cmocka_run_group_tests_name("nearest", tests, NULL, NULL);
}
