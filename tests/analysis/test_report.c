/* The report: what is written reads back as what was measured, whatever the tensor is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/export.h"
#include "analysis/report.h"
#include "tests/analysis/tensors.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const float values[] = {-1, -0.5f, 0, 0.304f, 1.27f, -0.003f};

/* A tensor called NAME under each of SPECS (which end with NULL), in STYLE; the caller frees. */
static char *report_text(const float *x, size_t count, const char *name, const char *const *specs,
                         enum report_style style, size_t announced)
{
  struct tensor tensor = tensor_over(x, (struct shape){.dims = 1, .dim = {count}});
  const struct result_request request = {.lo = (double)NAN, .hi = (double)NAN, .details = true};
  char *text;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  struct report *report = report_begin(out, style, announced);
  tensor.name = name;
  for (; *specs; specs++) {
    struct quantizer quantizer = quantizer_of(*specs);
    struct result *result;
    struct report_entry entry = {.source = "some, source", .tensor = &tensor};
    assert_int_equal(result_compute(&tensor, &quantizer, &request, NULL, &result, NULL), STATUS_OK);
    entry.result = result;
    assert_int_equal(report_entry(report, &entry, NULL), STATUS_OK);
    result_free(result);
  }
  assert_int_equal(report_end(report, NULL), STATUS_OK);
  fclose(out);
  return text;
}

static json_t *report_json_of(const float *x, size_t count, const char *name,
                              const char *const *specs, size_t announced)
{
  char *text = report_text(x, count, name, specs, REPORT_JSON, announced);
  json_error_t error;
  json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
  if (!root)
    fail_msg("not JSON: %s in:\n%s", error.text, text);
  free(text);
  return root;
}

/* The value at the dotted PATH; fails when there is none. */
static const json_t *at(const json_t *node, const char *path)
{
  char words[128], *rest = words, *name;
  snprintf(words, sizeof words, "%s", path);
  while ((name = strsep(&rest, "."))) {
    node = json_object_get(node, name);
    if (!node)
      fail_msg("nothing at %s of %s", name, path);
  }
  return node;
}

#define ONE(spec) ((const char *const[]){spec, NULL})

/* Every metric of the table reads back to the bit. */
static void test_json_reads_back(void **state)
{
  (void)state;
  struct tensor tensor = tensor_over(values, (struct shape){.dims = 1, .dim = {6}});
  struct quantizer quantizer = quantizer_of("int4,asym");
  const struct result_request request = {.lo = (double)NAN, .hi = (double)NAN, .details = true};
  struct result *result;
  assert_int_equal(result_compute(&tensor, &quantizer, &request, NULL, &result, NULL), STATUS_OK);
  json_t *root = report_json_of(values, 6, "x", ONE("int4,asym"), 1);
  for (size_t i = 0; i < metric_table_length; i++) {
    const char *name = metric_table[i].name;
    char path[64];
    bool nested = strncmp(name, "channel_sqnr_", 13) == 0;
    snprintf(path, sizeof path, "metrics.%s%s", nested ? "channel_sqnr_db." : "",
             nested ? name + 13 : name);
    double expected = metric_table[i].value(&result->metrics);
    const json_t *found = at(root, path);
    if (isfinite(expected))
      assert_true(json_number_value(found) == expected);
    else
      assert_true(json_is_null(found));
  }
  assert_true(json_number_value(at(root, "quantizer.scale")) == (double)fit_scale(result->fit, 0));
  assert_int_equal(json_integer_value(at(root, "quantizer.zero_point")),
                   fit_zero_point(result->fit, 0));
  assert_true(json_number_value(at(root, "max")) == (double)1.27f);
  json_decref(root);
  result_free(result);
}

/* The keys of DESIGN, in its order. */
static void test_json_schema(void **state)
{
  (void)state;
  static const char *const keys[] = {"source", "tensor", "stored", "shape",     "count",
                                     "nan",    "inf",    "zeros",  "denormals", "min",
                                     "max",    "absmax", "mean",   "std",       "kurtosis"};
  static const char *const quantizer[] = {"spec",       "format", "symmetric",  "granularity",
                                          "calibrator", "scale",  "zero_point", "range"};
  json_t *root = report_json_of(values, 6, "x", ONE("int8"), 1);
  void *place = json_object_iter(root);
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    assert_string_equal(json_object_iter_key(place), keys[i]);
    place = json_object_iter_next(root, place);
  }
  place = json_object_iter(json_object_get(root, "quantizer"));
  for (size_t i = 0; i < sizeof quantizer / sizeof quantizer[0]; i++) {
    assert_string_equal(json_object_iter_key(place), quantizer[i]);
    place = json_object_iter_next(json_object_get(root, "quantizer"), place);
  }
  assert_true(json_is_true(at(root, "exact")));
  json_decref(root);
}

/* Infinite SQNR and numbers that do not exist are null; the reason stands beside them. */
static void test_json_without_numbers(void **state)
{
  (void)state;
  const float grid[] = {-127, 1, 127}, nothing[] = {NAN, INFINITY};
  json_t *root = report_json_of(grid, 3, "x", ONE("int8"), 1);
  assert_true(json_is_null(at(root, "metrics.sqnr_db")));
  assert_true(json_is_true(at(root, "metrics.exact_reconstruction")));
  json_decref(root);
  root = report_json_of(nothing, 2, "x", ONE("int8"), 1);
  assert_true(json_is_null(at(root, "metrics.mse")));
  assert_true(json_is_null(at(root, "min")));
  assert_true(json_is_false(at(root, "metrics.exact_reconstruction")));
  assert_int_equal(json_integer_value(at(root, "nan")), 1);
  assert_int_equal(json_integer_value(at(root, "inf")), 1);
  json_decref(root);
  root = report_json_of(values, 6, "x", ONE("int8,group=2"), 1);
  assert_true(json_is_null(at(root, "quantizer.scale")));
  assert_true(json_is_null(at(root, "quantizer.range")));
  assert_int_equal(json_integer_value(at(root, "quantizer.group")), 2);
  json_decref(root);
}

/* Names that JSON, CSV and terminals stumble over. */
static void test_names(void **state)
{
  (void)state;
  json_t *root = report_json_of(values, 6, "ctrl\033[1m\"q\"", ONE("int8"), 1);
  assert_string_equal(json_string_value(at(root, "tensor")), "ctrl\033[1m\"q\"");
  json_decref(root);
  root = report_json_of(values, 6, "bad\xff", ONE("int8"), 1);
  assert_string_equal(json_string_value(at(root, "tensor")), "bad\\xff");
  json_decref(root);
  char *csv = report_text(values, 6, "a \"b\", c", ONE("int8"), REPORT_CSV, 1);
  assert_non_null(strstr(csv, "\"some, source\",\"a \"\"b\"\", c\",f32,6,"));
  free(csv);
  char *text = report_text(values, 6, "ctrl\033[1m", ONE("int8"), REPORT_TEXT, 1);
  assert_null(strchr(text, '\033'));
  free(text);
}

/* What was announced decides between object and array, even when less came. */
static void test_json_arrays(void **state)
{
  (void)state;
  json_t *root = report_json_of(values, 6, "x", (const char *const[]){"int8", "int4", NULL}, 2);
  assert_int_equal(json_array_size(root), 2);
  json_decref(root);
  root = report_json_of(values, 6, "x", ONE("int8"), 2);
  assert_int_equal(json_array_size(root), 1);
  json_decref(root);
  root = report_json_of(values, 6, "x", (const char *const[]){NULL}, 2);
  assert_int_equal(json_array_size(root), 0);
  json_decref(root);
}

/* Cells of a row: commas outside quotes, and one. */
static size_t cells(const char *row)
{
  size_t found = 1;
  for (bool quoted = false; *row; row++) {
    quoted ^= *row == '"';
    found += *row == ',' && !quoted;
  }
  return found;
}

static void test_csv_is_rectangular(void **state)
{
  (void)state;
  char *csv = report_text(values, 6, "x", (const char *const[]){"int8", "e4m3,group=3", NULL},
                          REPORT_CSV, 2);
  char *rest = csv, *heading = strsep(&rest, "\n");
  assert_int_equal(cells("a,\"b,c\",d"), 3);
  assert_true(cells(heading) > metric_table_length);
  assert_int_equal(cells(strsep(&rest, "\n")), cells(heading));
  assert_int_equal(cells(strsep(&rest, "\n")), cells(heading));
  assert_string_equal(rest, "");
  free(csv);
}

/* Columns side by side while they fit 80, then a table below. */
static void test_text_columns(void **state)
{
  (void)state;
  char *text = report_text(
      values, 6, "x", (const char *const[]){"int8", "int4", "int2,group=2", NULL}, REPORT_TEXT, 3);
  char *rest = text, *line;
  size_t tables = 0;
  while ((line = strsep(&rest, "\n"))) {
    assert_true(strlen(line) <= 80);
    tables += strncmp(line, "SQNR", 4) == 0;
  }
  assert_int_equal(tables, 2);
  free(text);
}

/* A full disk is an error of the output. */
/* The second quantizer of a tensor is judged against the first: the numbers are the differences of
 * the two entries, the sentence stands in text, JSON and CSV alike. */
static void test_against_first(void **state)
{
  (void)state;
  const char *const specs[] = {"int4", "int8", NULL};
  json_t *root = report_json_of(values, 6, "x", specs, 2);
  const json_t *first = json_array_get(root, 0), *second = json_array_get(root, 1);
  const json_t *pair = at(second, "against_first");
  assert_null(json_object_get(first, "against_first"));
  assert_string_equal(json_string_value(at(pair, "first")), "int4,sym,tensor,minmax");
  assert_string_equal(json_string_value(at(pair, "better")), "this");
  assert_string_equal(json_string_value(at(pair, "cause")), "levels");
  assert_true(json_number_value(at(pair, "sqnr_db")) ==
              json_number_value(at(second, "metrics.sqnr_db")) -
                  json_number_value(at(first, "metrics.sqnr_db")));
  assert_true(json_number_value(at(pair, "bits_per_element")) == 4);
  assert_string_equal(json_string_value(at(first, "cause")), "rounding");
  const char *sentence = json_string_value(at(pair, "verdict"));
  assert_non_null(strstr(sentence, "int8,sym,tensor,minmax is better by"));
  char *csv = report_text(values, 6, "x", specs, REPORT_CSV, 2);
  assert_non_null(strstr(csv, sentence));
  char *text = report_text(values, 6, "x", specs, REPORT_TEXT, 2);
  assert_non_null(strstr(text, "\nint8,sym,tensor,minmax is better by"));
  json_decref(root);
  free(csv);
  free(text);
}

static void test_full_disk(void **state)
{
  (void)state;
  FILE *full = fopen("/dev/full", "w");
  if (!full)
    skip();
  struct error error = {0};
  struct report *report = report_begin(full, REPORT_CSV, 1);
  assert_int_equal(report_end(report, &error), STATUS_OUTPUT);
  assert_non_null(strstr(error.text, "No space left"));
  fclose(full);
}

static void test_csv_numbers(void **state)
{
  (void)state;
  char *text;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  export_csv_number(out, 0.1);
  fputc('|', out);
  export_csv_number(out, (double)NAN);
  fputc('|', out);
  export_csv_number(out, (double)-INFINITY);
  fclose(out);
  assert_string_equal(text, "0.10000000000000001||-inf");
  free(text);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_json_reads_back),
      cmocka_unit_test(test_json_schema),
      cmocka_unit_test(test_json_without_numbers),
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_json_arrays),
      cmocka_unit_test(test_csv_is_rectangular),
      cmocka_unit_test(test_text_columns),
      cmocka_unit_test(test_against_first),
      cmocka_unit_test(test_full_disk),
      cmocka_unit_test(test_csv_numbers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
