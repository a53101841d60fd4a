/* Tables of numbers in text: numbers against strtod, and small files whose tensors were written
 * down by hand. */
#include "tests/data/files.h"

#include "data/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum text_kind number(const char *text, double *value)
{
  static const struct text_style style = {'\n', ',', '.'};
  const unsigned char *at = (const unsigned char *)text;
  struct text_cell cell;
  assert_true(text_next(&style, &at, at + strlen(text), &cell));
  return text_number(&style, &cell, value);
}

/* The C locale's strtod is the reference, to the last bit. */
static void test_numbers(void **state)
{
  (void)state;
  static const char *const texts[] = {"0",
                                      "-0",
                                      "1",
                                      "+1.5",
                                      ".5",
                                      "5.",
                                      "1e10",
                                      "1E-10",
                                      "-2.5e+3",
                                      "0x1p-2",
                                      "0X1.8P+3",
                                      "1e400",
                                      "-1e400",
                                      "1e-400",
                                      "4.9e-324",
                                      "2.2250738585072011e-308",
                                      "1.7976931348623157e308",
                                      "1.7976931348623159e308",
                                      "0.1",
                                      "123456789012345678901234567890",
                                      "9007199254740993",
                                      "0.30000000000000004",
                                      "3.14159265358979323846264338327950288",
                                      "inf",
                                      "-inf",
                                      "Infinity",
                                      "8.41e21",
                                      "9.5367431640625e-7"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    double expected = strtod(texts[i], NULL), found = 0;
    assert_int_equal(number(texts[i], &found), TEXT_NUMBER);
    if (memcmp(&found, &expected, sizeof found) != 0)
      fail_msg("%s: %a, not %a", texts[i], found, expected);
  }
}

/* Numbers of all sizes, as printed with 17 digits and with fewer: by both ways of reading. */
static void test_random_numbers(void **state)
{
  (void)state;
  static const struct text_style style = {'\n', ',', '.'};
  uint64_t bits = 88172645463325252u;
  for (int i = 0; i < 20000; i++) {
    char text[64];
    double x, quick = 0, slow = 0;
    bits ^= bits << 13;
    bits ^= bits >> 7;
    bits ^= bits << 17;
    memcpy(&x, &bits, sizeof x);
    if (!isfinite(x))
      continue;
    snprintf(text, sizeof text, i % 3 ? "%.17g" : "%.6f",
             i % 3 ? x : ldexp((double)(bits >> 40), -9));
    double expected = strtod(text, NULL);
    const unsigned char *at = (const unsigned char *)text;
    assert_int_equal(number(text, &slow), TEXT_NUMBER);
    assert_true(slow == expected);
    if (text_quick(&style, &at, at + strlen(text), &quick))
      assert_true(quick == expected);
  }
}

static void test_what_is_no_number(void **state)
{
  (void)state;
  static const char *const missing[] = {"",    "  ",   "nan",  "NaN", "NA",
                                        "n/a", "null", "None", "\"\""};
  static const char *const words[] = {"abc", "1x",      "0x",    "1e",  "--1",
                                      "1 2", "infinit", "1.2.3", "0x1p"};
  double value;
  for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
    char text[32];
    snprintf(text, sizeof text, "%s,", missing[i]);
    if (number(text, &value) != TEXT_MISSING || !isnan(value))
      fail_msg("\"%s\" is missing", missing[i]);
  }
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (number(words[i], &value) != TEXT_WORD)
      fail_msg("\"%s\" is a word", words[i]);
}

/* --- tables --------------------------------------------------------------------------------- */

static struct source *open_text(const char *text)
{
  return files_open(files_write("table.csv", text, strlen(text)));
}

static void check(struct source *source, const char *name, const float *expected, size_t count)
{
  size_t index;
  struct error error;
  if (source_find(source, name, &index, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  assert_int_equal(source_tensor(source, index)->count, count);
  float *values = files_values(source, index);
  for (size_t i = 0; i < count; i++)
    if (!(values[i] == expected[i] || (isnan(values[i]) && isnan(expected[i]))))
      fail_msg("%s[%zu]: %g", name, i, (double)values[i]);
  free(values);
}

/* The same table in every dress. */
static void test_styles(void **state)
{
  (void)state;
  static const struct {
    const char *text, *note;
  } rows[] = {
      {"x,y\n1,2.5\n-3,4\n", "between commas, header in line 1"},
      {"x,y\r\n1,2.5\r\n-3,4", "between commas"},
      {"x\ty\n1\t2.5\n-3\t4\n", "between tabs"},
      {"x;y\n1;2,5\n-3;4\n", "between semicolons, decimal commas"},
      {"x;y\n1;2.5\n-3;4\n", "between semicolons"},
      {"# x y\n 1   2.5\n-3 4 \n", "between blanks, names in line 1"},
      {"\xef\xbb\xbf\"x\",\"y\"\n\"1\",\"2.5\"\n\n-3,4\n", "header in line 1"},
      {"# made by hand\nx,y\n1,2.5\n# half way\n-3,4\n", "header in line 2"},
      {"x,y\r1,2.5\r-3,4\r", "header in line 1"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct source *source = open_text(rows[i].text);
    assert_string_equal(source_type_name(source), "text");
    if (!strstr(source_note(source), rows[i].note))
      fail_msg("%zu: %s", i, source_note(source));
    assert_int_equal(source_count(source), 3);
    check(source, "table", (const float[]){1, 2.5f, -3, 4}, 4);
    check(source, "x", (const float[]){1, -3}, 2);
    check(source, "y", (const float[]){2.5f, 4}, 2);
    source_close(source);
  }
}

/* Columns keep the names of the header, whatever the file is called. */
static void test_matrix_name(void **state)
{
  (void)state;
  static const struct {
    const char *file, *header, *matrix;
  } rows[] = {
      {"x.csv", "a,b", "x"}, {"x.csv", "x,b", "x.csv"}, {"x.csv", "x,x.csv", "x.csv#2"},
      {"x", "x,b", "x#2"},   {"x.csv", "2,x", "x.csv"},
  };
  char text[100];
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int size = snprintf(text, sizeof text, "%s,c\n1,2,7\n3,4,8\n", rows[i].header);
    struct source *source = files_open(files_write(rows[i].file, text, (size_t)size));
    assert_int_equal(source_count(source), 4);
    assert_string_equal(source_tensor(source, 0)->name, rows[i].matrix);
    check(source, rows[i].matrix, (const float[]){1, 2, 7, 3, 4, 8}, 6);
    check(source, strtok(text, ","), (const float[]){1, 3}, 2);
    check(source, "c", (const float[]){7, 8}, 2);
    assert_string_equal(source_remark(source, 0), "a row is a channel; axis 1 takes the columns");
    assert_string_equal(source_remark(source, 1), "");
    source_close(source);
  }
}

/* Words are left out, missing values are NaN, columns without names have numbers. */
static void test_columns(void **state)
{
  (void)state;
  struct source *source = open_text("id,what,v\n1,a,2\n5,\"b, or c\",\n9,d,inf\n");
  assert_non_null(strstr(source_note(source), "column 2 (words)"));
  check(source, "id", (const float[]){1, 5, 9}, 3);
  check(source, "v", (const float[]){2, NAN, INFINITY}, 3);
  source_close(source);
  source = open_text("1 2\n3 4\n5 6\n");
  assert_non_null(strstr(source_note(source), "no header"));
  check(source, "1", (const float[]){1, 3, 5}, 3);
  check(source, "2", (const float[]){2, 4, 6}, 3);
  source_close(source);
  source = open_text("w\n1\n2\n3\n"); /* one column: no matrix beside it */
  assert_int_equal(source_count(source), 1);
  check(source, "w", (const float[]){1, 2, 3}, 3);
  source_close(source);
  source = open_text("a,a,b,a#2,a,b,a\n1,2,3,4,5,6,7\n");
  check(source, "a#2", (const float[]){2}, 1);
  check(source, "a#2#2", (const float[]){4}, 1);
  check(source, "a#3", (const float[]){5}, 1);
  check(source, "b#2", (const float[]){6}, 1);
  check(source, "a#4", (const float[]){7}, 1);
  source_close(source);
}

static void test_refused(void **state)
{
  (void)state;
  static const struct {
    const char *text, *fragment;
  } rows[] = {
      {"# nothing\n# but comments\n", "no line of numbers"},
      {"x,y\n", "no column of numbers"},
      {"\"q\n", "no column of numbers"},
      {"some words\nand more\n", "no column of numbers"},
      {"1,2\n3,4\n5\n", "line 3: expected 2 columns"},
      {"1,2\n3,4\n5,6,7\n", "line 3: expected 2 columns"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    files_refused(files_write("bad.csv", rows[i].text, strlen(rows[i].text)), STATUS_INPUT,
                  rows[i].fragment);
  files_refused(files_write("bad.csv", "1,2\n3\0,4\n", 9), STATUS_INPUT,
                "control characters or NUL");
}

/* What the first megabyte does not show: a word, or a row of another length, far behind. */
static void test_far_behind(void **state)
{
  (void)state;
  enum { ROWS = 400000, MOST = ROWS * 6 + 32 };
  char *text = malloc(MOST);
  size_t used = 0;
  struct error error;
  assert_non_null(text);
  for (int i = 0; i < ROWS; i++)
    used += (size_t)snprintf(text + used, MOST - used, "%d,%d\n", i % 10, 7);
  for (int kind = 0; kind < 2; kind++) {
    strcpy(text + used, kind ? "1\n" : "oops\033,3\n");
    struct source *source = files_open(files_write("long.csv", text, strlen(text)));
    assert_int_equal(source_tensor(source, 0)->shape.dim[0], ROWS + 1);
    assert_int_equal(source_load(source, 0, NULL, &error), STATUS_INPUT);
    assert_non_null(strstr(error.text, kind ? "line 400001: expected 2 columns"
                                            : "line 400001, column 1: expected a number"));
    assert_null(strchr(error.text, '\033'));
    source_close(source);
  }
  free(text);
}

/* A single line of ten megabytes, and a header of names that are too long. */
static void test_wide(void **state)
{
  (void)state;
  enum { COLUMNS = 1000000, MOST = 2 * COLUMNS };
  char *text = malloc(MOST + 1);
  assert_non_null(text);
  for (size_t i = 0; i < MOST; i++)
    text[i] = i % 2 ? ',' : '1';
  text[MOST - 1] = '\n';
  struct source *source = files_open(files_write("wide.csv", text, MOST));
  assert_int_equal(source_tensor(source, 0)->count, COLUMNS);
  assert_true(source_count(source) < 2000);
  assert_non_null(strstr(source_note(source), "columns are offered one by one"));
  source_close(source);
  memset(text, 'n', 5000);
  strcpy(text + 5000, ",b\n1,2\n3,4\n");
  source = open_text(text);
  assert_int_equal(source_count(source), 3);
  assert_true(strlen(source_tensor(source, 1)->name) < 300);
  source_close(source);
  free(text);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers),
                                     cmocka_unit_test(test_random_numbers),
                                     cmocka_unit_test(test_what_is_no_number),
                                     cmocka_unit_test(test_styles),
                                     cmocka_unit_test(test_columns),
                                     cmocka_unit_test(test_matrix_name),
                                     cmocka_unit_test(test_refused),
                                     cmocka_unit_test(test_far_behind),
                                     cmocka_unit_test(test_wide)};
  return cmocka_run_group_tests(tests, NULL, files_remove);
}
