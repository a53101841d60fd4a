/* The view table, and numbers as text. */
#include "analysis/view.h"

#include "quant/base/number.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void every_view_is_found_by_its_name(void **state)
{
  (void)state;
  for (size_t i = 0; i < view_table_length; i++) {
    assert_ptr_equal(view_find(view_table[i].name), &view_table[i]);
    assert_int_equal(view_table[i].kind, i); /* the recipe and the knobs rely on it */
    assert_int_equal(!view_table[i].build + !view_table[i].of_quantizers + !view_table[i].of_layer +
                         !view_table[i].of_pair + !view_table[i].of_tensors,
                     4);
    assert_true(!view_table[i].pinned || view_table[i].build || view_table[i].of_pair);
    assert_ptr_equal(view_type_of(view_table[i].kind), &view_table[i]);
    assert_true(strlen(view_table[i].summary) > 0 && strlen(view_table[i].summary) <= 72);
  }
  assert_int_equal(view_table_length, VIEW_TENSORS + 1);
  assert_null(view_find("Histogram"));
  assert_null(view_find("hist"));
  assert_null(view_find(""));
}

static void the_first_view(void **state)
{
  (void)state;
  struct view view = view_default();
  assert_int_equal(view.kind, VIEW_HISTOGRAM);
  assert_false(view.log_counts);
  assert_true(isnan(view.lo) && isnan(view.hi));
  assert_int_equal(view.axis, 0);
  assert_int_equal(view.channel, -1);
  assert_int_equal(view.bins, 0);
}

static void numbers_take_the_fewest_digits(void **state)
{
  (void)state;
  static const struct {
    double value;
    const char *text;
  } rows[] = {
      {0, "0"},
      {1, "1"},
      {-0.1, "-0.1"},
      {100, "100"},
      {-1250, "-1250"},
      {1e15, "1e+15"},
      {1.0 / 3, "0.3333333333333333"},
      {0.1 + 0.2, "0.30000000000000004"},
      {1e-7, "1e-07"},
      {123456789, "123456789"},
      {5e-324, "5e-324"},
      {DBL_MAX, "1.7976931348623157e+308"},
      {INFINITY, "inf"},
      {NAN, "nan"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char text[NUMBER_TEXT];
    assert_string_equal(number_print(rows[i].value, text), rows[i].text);
    assert_true(isnan(rows[i].value) || strtod(text, NULL) == rows[i].value);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_view_is_found_by_its_name),
      cmocka_unit_test(the_first_view),
      cmocka_unit_test(numbers_take_the_fewest_digits),
  };
  return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
