/* Errors of transformed tensors, and the what-ifs: against plain loops in double that quantize z by
 * the fit, undo the transform by its definition, and compare with x; and what-ifs against reports
 * of the quantizer they mean. */
#include "tests/analysis/tensors.h"

#include "analysis/what_if.h"
#include "data/transformed.h"
#include "quant/format.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct transform word(const char *text)
{
  struct transform transform;
  assert_int_equal(transform_parse(text, &transform, NULL), STATUS_OK);
  return transform;
}

static struct transformed *lay(const struct tensor *tensor, const char *text, int axis)
{
  struct transform transform = word(text);
  struct transformed *t;
  struct error error;
  if (transformed_new(tensor, &transform, axis, &t, &error) != STATUS_OK ||
      transformed_prepare(t, NULL, &error) != STATUS_OK)
    fail_msg("%s: %s", text, error.text);
  return t;
}

static struct result *measure(const struct tensor *tensor, const char *spec, int axis)
{
  const struct quantizer quantizer = quantizer_of(spec);
  const struct result_request request = {.axis = axis, .lo = NAN, .hi = NAN};
  struct result *result = NULL;
  struct error error = {0};
  if (result_compute(tensor, &quantizer, &request, NULL, &result, &error) != STATUS_OK)
    fail_msg("%s: %s", spec, error.text);
  return result;
}

static void near(double found, double expected, double relative, const char *what)
{
  if (!(fabs(found - expected) <= relative * fabs(expected) + 1e-300))
    fail_msg("%s: found %.17g, expected %.17g", what, found, expected);
}

/* What became of z, by the fit; then undone by the definition, in double. */
static double *undo(const struct transformed *t, const struct fit *fit, const float *x,
                    size_t count)
{
  float z[FEED_BLOCK], quantized[FEED_BLOCK];
  double *y = calloc(count, sizeof *y), *back = calloc(count, sizeof *back);
  const struct feed feed = tensor_feed(&t->tensor);
  const struct format *half = format_find("float16");
  size_t inner = t->grain.inner, channels = t->grain.channels;
  for (size_t start = 0, n; start < count; start += n) {
    n = count - start < FEED_BLOCK ? count - start : FEED_BLOCK;
    fit_round_trip(fit, start, n, feed_block(&feed, start, n, z), quantized, NULL);
    for (size_t i = 0; i < n; i++)
      y[start + i] = (double)quantized[i];
  }
  for (size_t i = 0; i < count; i++) {
    size_t c = i / inner % channels;
    double absmax = 0;
    for (size_t k = 0; k < count; k++)
      if (k / inner % channels == c && isfinite(x[k]))
        absmax = fmax(absmax, fabs((double)x[k]));
    if (t->transform.kind == TRANSFORM_SMOOTH)
      back[i] = y[i] * (double)(float)pow(absmax, t->transform.parameter);
    else if (t->transform.kind == TRANSFORM_SPLIT)
      back[i] = isnan(t->factor[c]) ? (double)format_decode(half, format_encode(half, x[i])) : y[i];
    else
      for (size_t k = 0; k < t->block; k++) {
        size_t from = i + (k - c % t->block) * inner;
        back[i] += (__builtin_popcountll(c % t->block & k) % 2 ? -1 : 1) * y[from] /
                   sqrt((double)t->block);
      }
  }
  free(y);
  return back;
}

struct sums {
  double error2, signal2, error, most, clipped2;
};

static void check_errors(const struct result *r, const struct transformed *t, const float *x,
                         size_t count)
{
  double *y = undo(t, r->fit, x, count);
  struct sums all = {0}, *own = calloc(t->grain.channels, sizeof *own);
  for (size_t i = 0; i < count; i++) {
    struct sums *c = &own[i / t->grain.inner % t->grain.channels];
    double error = (double)x[i] - y[i];
    all.error2 += error * error;
    all.signal2 += (double)x[i] * (double)x[i];
    all.error += error;
    all.most = fmax(all.most, fabs(error));
    c->error2 += error * error;
    c->signal2 += (double)x[i] * (double)x[i];
  }
  const double n = (double)count, tolerance = 2e-4; /* y is float32, sums of up to 64 of them */
  near(r->metrics.mse, all.error2 / n, tolerance, "mse");
  near(r->metrics.sqnr_db, 10 * log10(all.signal2 / all.error2), tolerance, "sqnr");
  near(r->metrics.max_abs_error, all.most, 1e-3, "max error");
  near(r->metrics.rounding_mse + r->metrics.clipping_mse, r->metrics.mse, 1e-12, "the split");
  for (size_t c = 0; c < t->grain.channels; c++)
    near(r->channels.channel[c].mse, own[c].error2 * (double)t->grain.channels / n, 1e-3,
         "channel");
  free(own);
  free(y);
}

static void test_errors(void **state)
{
  static const char *const specs[] = {"int8", "int4,asym,group=16", "e4m3,channel=1",
                                      "int4,percentile=99", "nf4,block=64"};
  static const char *const words[] = {"smooth=0.5", "smooth=1", "hadamard", "hadamard=4",
                                      "split=2"};
  const struct shape shape = {3, {8, 12, 64}};
  float *x = random_values(shape_elements(&shape), 5, false);
  struct tensor tensor = tensor_over(x, shape);
  (void)state;
  for (size_t s = 0; s < sizeof specs / sizeof *specs; s++)
    for (size_t w = 0; w < sizeof words / sizeof *words; w++)
      for (int axis = 0; axis < 3; axis++) {
        struct transformed *t = lay(&tensor, words[w], axis);
        struct quantizer quantizer = quantizer_of(specs[s]);
        if (!format_is_block(quantizer.format) || t->transform.kind != TRANSFORM_SPLIT) {
          struct result *r = measure(&t->tensor, specs[s], axis);
          check_errors(r, t, x, tensor.count);
          result_free(r);
        }
        transformed_free(t);
      }
  free(x);
}

/* The rotation is orthogonal: the error of z is the error of x. */
static void test_rotation_keeps_sums(void **state)
{
  const struct shape shape = {2, {32, 256}};
  float *x = random_values(shape_elements(&shape), 6, false);
  struct tensor tensor = tensor_over(x, shape);
  struct transformed *t = lay(&tensor, "hadamard", 1);
  struct result *r = measure(&t->tensor, "int4", 1);
  struct feed feed = tensor_feed(&t->tensor);
  float *z = calloc(tensor.count, sizeof *z);
  (void)state;
  for (size_t i = 0; i < tensor.count; i += 256)
    feed.decode(feed.self, i, 256, z + i);
  struct tensor plain = tensor_over(z, shape);
  struct result *direct = measure(&plain, "int4", 1);
  near(r->metrics.mse, direct->metrics.mse, 1e-5, "mse");
  near(r->metrics.sqnr_db, direct->metrics.sqnr_db, 1e-5, "sqnr");
  assert_true(r->metrics.clip_rate == direct->metrics.clip_rate);
  assert_true(r->metrics.code_entropy_bits == direct->metrics.code_entropy_bits);
  result_free(direct);
  result_free(r);
  transformed_free(t);
  free(z);
  free(x);
}

/* A column a hundred times the others, per tensor: everything that is tried helps, and smooth=1 is
 * the same as a scale for each column, but for the rounding of z. */
static void test_outlier_column(void **state)
{
  enum { ROWS = 64, COLUMNS = 32 };
  float *x = random_values(ROWS * COLUMNS, 9, false);
  (void)state;
  for (size_t i = 0; i < ROWS * COLUMNS; i++)
    x[i] = (i % 97 == 5 ? 1 : x[i]) * (i % COLUMNS == 7 ? 100 : 1);
  struct tensor tensor = tensor_over(x, (struct shape){2, {ROWS, COLUMNS}});
  struct transformed *t = lay(&tensor, "smooth=1", 1);
  struct result *smooth = measure(&t->tensor, "int8", 1), *own = measure(&tensor, "int8", 1),
                *column = measure(&tensor, "int8,channel=1", 1);
  near(smooth->metrics.sqnr_db, column->metrics.sqnr_db, 1e-3, "smooth=1");
  assert_true(smooth->metrics.channel_sqnr_worst > own->metrics.channel_sqnr_worst + 20);
  result_free(smooth);
  result_free(column);
  result_free(own);
  transformed_free(t);
  free(x);
}

/* Values that are kept are no NaN of the file's. */
static void test_split_counts(void **state)
{
  float *x = random_values(40 * 10, 3, false);
  x[3] = NAN;
  x[399] = INFINITY;
  struct tensor tensor = tensor_over(x, (struct shape){2, {40, 10}});
  struct transformed *t = lay(&tensor, "split=5", 1);
  struct result *r = measure(&t->tensor, "int8", 1);
  (void)state;
  assert_int_equal(r->facts.nan + r->facts.inf, 2);
  near(r->metrics.bits_per_element, 0.5 * 16 + 0.5 * (8 + 32.0 / 400), 1e-12, "bits");
  result_free(r);
  transformed_free(t);
  free(x);
}

/* --- what if ---------------------------------------------------------------------------------- */

static struct what_if_answer ask(const char *name, const struct what_if_case *now)
{
  struct what_if_answer answer;
  struct error error;
  if (what_if_measure(what_if_find(name), now, NULL, &answer, &error) != STATUS_OK)
    fail_msg("%s: %s", name, error.text);
  return answer;
}

static void test_answers_are_reports(void **state)
{
  static const char *const rows[][3] = {{"smooth", "int8", "smooth=0.5"},
                                        {"rotate", "int8", "hadamard"},
                                        {"split", "int8", "split=4"},
                                        {"clip", "int8,mse", "none"},
                                        {"channel", "int8,channel=1", "none"},
                                        {"asym", "int8,asym", "none"},
                                        {"bit", "int9", "none"}};
  float *x = random_values(32 * 64, 21, true);
  struct tensor tensor = tensor_over(x, (struct shape){2, {32, 64}});
  const struct what_if_case now = {
      .original = &tensor, .quantizer = quantizer_of("int8"), .axis = 1};
  (void)state;
  assert_int_equal(what_if_table_length, sizeof rows / sizeof *rows);
  for (size_t i = 0; i < what_if_table_length; i++) {
    struct what_if_answer answer = ask(rows[i][0], &now);
    struct transform transform = word(rows[i][2]);
    struct quantizer quantizer = quantizer_of(rows[i][1]);
    assert_true(answer.possible);
    assert_true(transform_equal(&answer.transform, &transform));
    assert_true(quantizer_equal(&answer.quantizer, &quantizer));
    struct transformed *t = transform.kind ? lay(&tensor, rows[i][2], 1) : NULL;
    struct result *r = measure(t ? &t->tensor : &tensor, rows[i][1], 1);
    near(answer.sqnr_db, r->metrics.sqnr_db, 1e-12, rows[i][0]);
    near(answer.mse, r->metrics.mse, 1e-12, rows[i][0]);
    near(answer.bits_per_element, r->metrics.bits_per_element, 1e-12, rows[i][0]);
    result_free(r);
    transformed_free(t);
  }
  free(x);
}

static void test_impossible(void **state)
{
  float *x = random_values(3 * 64, 2, false);
  struct tensor tensor = tensor_over(x, (struct shape){2, {3, 64}});
  struct what_if_case now = {.original = &tensor, .quantizer = quantizer_of("q4_0")};
  (void)state;
  assert_string_equal(ask("split", &now).why_not, "the format stores whole blocks");
  assert_false(ask("clip", &now).possible);
  assert_false(ask("bit", &now).possible);
  assert_non_null(strstr(ask("rotate", &now).why_not, "3 channels"));
  assert_true(ask("smooth", &now).possible);
  now.quantizer = quantizer_of("int8,mse,channel");
  assert_string_equal(ask("clip", &now).why_not, "it is on");
  assert_string_equal(ask("channel", &now).why_not, "it is on");
  now.transform = word("smooth=0.5");
  assert_string_equal(ask("smooth", &now).why_not, "it is on");
  now.quantizer = quantizer_of("e4m3");
  assert_string_equal(ask("asym", &now).why_not, "only integers have a zero point");
  free(x);
}

/* What changes the quantizer keeps the transform. */
static void test_transform_stays(void **state)
{
  float *x = random_values(32 * 64, 4, false);
  struct tensor tensor = tensor_over(x, (struct shape){2, {32, 64}});
  const struct what_if_case now = {.original = &tensor,
                                   .quantizer = quantizer_of("int4"),
                                   .transform = word("hadamard"),
                                   .axis = 1};
  struct what_if_answer answer = ask("channel", &now);
  struct transformed *t = lay(&tensor, "hadamard", 1);
  struct result *r = measure(&t->tensor, "int4,channel=1", 1);
  (void)state;
  near(answer.sqnr_db, r->metrics.sqnr_db, 1e-12, "channel on top of hadamard");
  result_free(r);
  transformed_free(t);
  free(x);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_errors),
      cmocka_unit_test(test_rotation_keeps_sums),
      cmocka_unit_test(test_outlier_column),
      cmocka_unit_test(test_split_counts),
      cmocka_unit_test(test_answers_are_reports),
      cmocka_unit_test(test_impossible),
      cmocka_unit_test(test_transform_stays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
