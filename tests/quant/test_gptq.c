/* GPTQ against the results of the reference implementation (conformance/layer); its properties; and
 * the factor of the inverse against the plain way to it. */
#include "quant/layer/cholesky.h"
#include "tests/support/layer_runs.h"
#include "tests/support/manifest.h"
#include "tests/support/npy_vectors.h"
#include "tests/support/portable.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The layers are those of the reference: the diagonal of its Hessian (2 / 8 sequences) XᵀX. */
static void check_layer(const char *name)
{
  struct layer_vectors vectors;
  struct vector diagonal;
  layer_vectors_load(name, &vectors);
  assert_true(vector_load(&diagonal, "conformance/layer/layers/%s/H_diag.npy", name));
  assert_int_equal(diagonal.count, vectors.columns);
  for (size_t i = 0; i < vectors.columns; i++) {
    const double expected = vector_number(&diagonal, i);
    assert_true(fabs(vectors.gram[i * vectors.columns + i] / 4 - expected) <= 1e-5 * expected);
  }
  vector_free(&diagonal);
  layer_vectors_free(&vectors);
}

static void test_layers(void **state)
{
  (void)state;
  if (!vectors_folder())
    skip();
  check_layer("small");
  check_layer("big");
}

/* --- the reference's vectors ------------------------------------------------------------------ */

/* What the manifest says of one run, as a method and a quantizer. */
static void read_entry(const json_t *entry, char *method, char *spec, size_t size)
{
  const int group = (int)manifest_number(entry, "groupsize");
  snprintf(method, size, "gptq,blocksize=%d,damp=%g%s%s%s",
           (int)manifest_number(entry, "blocksize"), manifest_number(entry, "percdamp"),
           json_is_true(json_object_get(entry, "actorder")) ? ",actorder" : "",
           json_is_true(json_object_get(entry, "static_groups")) ? ",static-groups" : "",
           json_is_true(json_object_get(entry, "mse")) ? ",params=reference-mse" : "");
  const int used = snprintf(spec, size, "int%d,%s,", (int)manifest_number(entry, "bits"),
                            json_is_true(json_object_get(entry, "sym")) ? "sym" : "asym");
  if (group > 0)
    snprintf(spec + used, size - (size_t)used, "group=%d", group);
  else
    snprintf(spec + used, size - (size_t)used, "channel");
}

static bool near(double value, double expected, double off)
{
  return fabs(value - expected) <= off * fabs(expected);
}

/* Of the stored rows, those elements that are another level; rounding of float32 aside. */
static double share_of_others(const struct vector *expected, const float *weight)
{
  size_t others = 0;
  for (size_t i = 0; i < expected->count; i++) {
    const double e = vector_number(expected, i);
    others += fabs((double)weight[i] - e) > 1e-5 * fabs(e) + 1e-9;
  }
  return (double)others / (double)expected->count;
}

/* Codes, scales, zero points and the groups of columns give the weights back. */
static void check_codes(const struct layer_vectors *vectors, const struct layer_made *made,
                        int bits)
{
  const struct method_codes *codes = &made->codes;
  const size_t n = vectors->columns, width = (n + codes->groups - 1) / codes->groups;
  for (size_t i = 0; i < vectors->rows * n; i++) {
    const size_t group = codes->group ? codes->group[i % n] : i % n / width;
    const size_t unit = i / n * codes->groups + group;
    const float zero = codes->zero ? codes->zero[unit] : (float)(1 << (bits - 1));
    assert_true(made->weight[i] == codes->scale[unit] * ((float)codes->code[i] - zero));
  }
}

/* Sums in another order may turn an element that lies between two levels, and those behind it: one
 * in a thousand is let pass, and a thousandth of the errors (0.004 dB). */
static void check_entry(const struct layer_vectors *vectors, const json_t *entry)
{
  char method[METHOD_TEXT], spec[QUANTIZER_TEXT];
  const char *config = manifest_text(entry, "config"), *file = manifest_text(entry, "dq_file");
  struct layer layer;
  struct layer_made made;
  read_entry(entry, method, spec, sizeof spec);
  layer_runs_open_vectors(vectors, &layer);
  layer_runs_do(&layer, method, spec, NULL, &made);

  const double sequences = manifest_number(entry, "nsequences");
  double loss = strtod(strstr(made.said, "loss ") + 5, NULL);
  loss *= (double)vectors->tokens / sequences;
  const double output = layer_vectors_output_error(vectors, made.weight);
  const double weight = layer_vectors_weight_mse(vectors, made.weight);
  const double of_output = manifest_number(entry, "output_err_sq");
  double others = 0;
  if (file) {
    struct vector expected;
    assert_true(vector_load(&expected, "conformance/layer/%s", file));
    others = share_of_others(&expected, made.weight);
    vector_free(&expected);
  }
  if (others > 0.001 || !near(output, of_output, 0.001))
    fail_msg("%s: %g others, output error %g of %g", config, others, output, of_output);
  if (!near(loss, manifest_number(entry, "reference_loss_sum"), 0.001) ||
      !near(weight, manifest_number(entry, "weight_mse"), 0.001))
    fail_msg("%s: loss %g, weight %g", config, loss, weight);
  check_codes(vectors, &made, (int)manifest_number(entry, "bits"));
  layer_made_free(&made);
  layer_close(&layer);
}

static void check_vectors(const char *name, size_t count)
{
  struct layer_vectors vectors;
  size_t i, found = 0;
  const json_t *entry;
  layer_vectors_load(name, &vectors);
  json_array_foreach(json_object_get(vectors.manifest, "entries"), i, entry) {
    if (strcmp(manifest_text(entry, "family"), "gptq") != 0)
      continue;
    check_entry(&vectors, entry);
    found++;
  }
  assert_int_equal(found, count);
  layer_vectors_free(&vectors);
}

static void test_small(void **state)
{
  (void)state;
  if (!vectors_folder())
    skip();
  check_vectors("small", 22);
}

static void test_big(void **state)
{
  (void)state;
  if (!vectors_folder())
    skip();
  check_vectors("big", 19);
}

/* --- properties ------------------------------------------------------------------------------- */

/* Inputs that have nothing in common leave nothing to make up for. */
static void test_identity(void **state)
{
  (void)state;
  enum { N = 150, ROWS = 70 };
  static const char *const specs[] = {"int4,asym,group=32", "int3,channel,mse", "e2m1,group=64",
                                      "nf4,token"};
  static float weight[ROWS * N], x[N * N];
  layer_runs_fill(weight, ROWS * N, 1);
  for (size_t i = 0; i < N; i++)
    x[i * N + i] = 3;
  struct layer layer;
  layer_runs_open(weight, ROWS, N, x, N, &layer);
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
    struct layer_made rtn, made;
    layer_runs_do(&layer, "rtn", specs[i], NULL, &rtn);
    layer_runs_do(&layer, "gptq,params=quantizer,blocksize=48", specs[i], NULL, &made);
    assert_memory_equal(made.weight, rtn.weight, sizeof weight);
    assert_memory_equal(made.codes.code, rtn.codes.code, ROWS * N * sizeof *rtn.codes.code);
    assert_memory_equal(made.codes.scale, rtn.codes.scale,
                        ROWS * rtn.codes.groups * sizeof *rtn.codes.scale);
    assert_true(near(made.stored_bits, rtn.stored_bits, 1e-12));
    layer_made_free(&made);
    layer_made_free(&rtn);
  }
  layer_close(&layer);
}

/* One token: all columns can make up for each other, so next to nothing is left of the error. */
static void test_one_token(void **state)
{
  (void)state;
  enum { N = 96, ROWS = 5 };
  float weight[ROWS * N], x[N];
  struct layer layer;
  struct layer_made rtn, made;
  layer_runs_fill(weight, ROWS * N, 2);
  layer_runs_fill(x, N, 3);
  layer_runs_open(weight, ROWS, N, x, 1, &layer);
  layer_runs_do(&layer, "rtn", "int4,asym,channel", NULL, &rtn);
  layer_runs_do(&layer, "gptq,actorder", "int4,asym,channel", NULL, &made);
  assert_true(layer_runs_error(&layer, &made) < 0.01 * layer_runs_error(&layer, &rtn));
  layer_made_free(&made);
  layer_made_free(&rtn);
  layer_close(&layer);
}

/* Two tokens for six channels of which one is dead: nothing to invert without dampening. */
static void test_singular(void **state)
{
  (void)state;
  enum { N = 6, ROWS = 2 };
  const float weight[ROWS * N] = {1, 2, 3, -4, 5, 6, -1, 2, 0.5F, 4, -5, 7};
  const float x[2 * N] = {1, 2, 0, 3, -1, 1, 2, 1, 0, 1, 1, -1};
  struct layer layer;
  struct layer_made made;
  layer_runs_open(weight, ROWS, N, x, 2, &layer);
  layer_runs_refuse(&layer, "gptq,damp=0", "int4,channel",
                    "2 tokens do not tell 6 input channels apart");
  layer_runs_refuse(&layer, "gptq,damp=0", "int4,channel", "damp=0.01 is usual");
  layer_runs_do(&layer, "gptq", "int4,channel", NULL, &made);
  assert_true(made.weight[2] == 0 && made.weight[N + 2] == 0);
  assert_non_null(strstr(made.said, ", 1 dead input channel"));
  layer_made_free(&made);
  layer_close(&layer);

  const float zero[N] = {0};
  layer_runs_open(weight, ROWS, N, zero, 1, &layer);
  layer_runs_do(&layer, "gptq", "int4,channel", NULL, &made);
  for (size_t i = 0; i < ROWS * N; i++)
    assert_true(made.weight[i] == 0);
  assert_non_null(strstr(made.said, ", 6 dead input channels"));
  layer_made_free(&made);
  layer_close(&layer);
}

static void test_refusals(void **state)
{
  (void)state;
  const float weight[4] = {1, 2, 3, 4}, x[4] = {1, 0, 0, 1};
  struct layer layer;
  layer_runs_open(weight, 2, 2, x, 2, &layer);
  layer_runs_refuse(&layer, "gptq", "int4", "one scale for each output channel");
  layer_runs_refuse(&layer, "gptq", "int4,channel=1", "one scale for each output channel");
  layer_runs_refuse(&layer, "gptq", "q4_0", "a format's own blocks bring theirs");
  layer_runs_refuse(&layer, "gptq", "e4m3,channel", "params=quantizer takes this one's");
  layer_runs_refuse(&layer, "gptq", "int4,narrow,channel", "params=quantizer takes this one's");
  layer_runs_refuse(&layer, "gptq,static-groups", "int4,channel", "static-groups needs group=N");
  layer_close(&layer);
}

/* Weights at the ends of float32, and groups that do not come out even. */
static void test_extremes(void **state)
{
  (void)state;
  enum { N = 7 };
  static const float sizes[] = {3e38F, 1e-44F, 0};
  for (size_t k = 0; k < 3; k++) {
    float weight[N], x[2 * N];
    struct layer layer;
    struct layer_made made;
    layer_runs_fill(weight, N, 4);
    layer_runs_fill(x, 2 * N, 5);
    for (size_t j = 0; j < N; j++)
      weight[j] = weight[j] < 0 ? -sizes[k] : sizes[k];
    layer_runs_open(weight, 1, N, x, 2, &layer);
    layer_runs_do(&layer, "gptq,actorder", "int4,asym,group=3", NULL, &made);
    assert_int_equal(made.codes.groups, 3);
    for (size_t j = 0; j < N; j++)
      assert_true(isfinite(made.weight[j]));
    layer_made_free(&made);
    layer_close(&layer);
  }
}

/* Squares beyond float32 are told as such, not as channels that tokens do not tell apart. */
static void test_overflow(void **state)
{
  (void)state;
  const float weight[2] = {1, 2}, x[4] = {1, 1e30F, 2, 1};
  struct layer layer;
  layer_runs_open(weight, 1, 2, x, 2, &layer);
  layer_runs_refuse(&layer, "gptq", "int4,channel", "input channel 1 is too large");
  layer_close(&layer);
}

/* Codes of 16 rows, a scale and a zero point for each of two groups, the group of each column. */
static void test_bits(void **state)
{
  (void)state;
  enum { N = 24, ROWS = 16 };
  static float weight[ROWS * N], x[N * N];
  struct layer layer;
  struct layer_made made;
  layer_runs_fill(weight, ROWS * N, 6);
  layer_runs_fill(x, N * N, 7);
  layer_runs_open(weight, ROWS, N, x, N, &layer);
  layer_runs_do(&layer, "gptq", "int3,asym,group=12", NULL, &made);
  assert_true(made.stored_bits == ROWS * (N * 3 + 2 * (32 + 3)));
  assert_null(made.codes.group);
  layer_made_free(&made);
  layer_runs_do(&layer, "gptq,actorder", "int3,asym,group=12", NULL, &made);
  assert_true(made.stored_bits == ROWS * (N * 3 + 2 * (32 + 3)) + N * 32);
  assert_non_null(made.codes.group);
  layer_made_free(&made);
  layer_runs_do(&layer, "gptq,actorder,static-groups", "int3,group=12", NULL, &made);
  assert_true(made.stored_bits == ROWS * (N * 3 + 2 * 32) && !made.codes.group);
  layer_made_free(&made);
  layer_close(&layer);
}

static void test_threads(void **state)
{
  (void)state;
  enum { N = 300, ROWS = 130 };
  static float weight[ROWS * N], x[400 * N];
  struct layer layer;
  struct layer_made one, four;
  layer_runs_fill(weight, ROWS * N, 8);
  layer_runs_fill(x, 400 * N, 9);
  layer_runs_open(weight, ROWS, N, x, 400, &layer);
  pool_set_threads(1);
  layer_runs_do(&layer, "gptq,actorder", "int4,group=64", NULL, &one);
  pool_set_threads(4);
  layer_runs_do(&layer, "gptq,actorder", "int4,group=64", NULL, &four);
  pool_set_threads(0);
  assert_memory_equal(one.weight, four.weight, sizeof weight);
  assert_string_equal(one.said, four.said);
  layer_made_free(&one);
  layer_made_free(&four);
  layer_close(&layer);
}

/* What was announced is done in the end. */
static void test_progress(void **state)
{
  (void)state;
  enum { N = 300, R = 70 };
  static float weight[R * N], x[20 * N];
  struct progress progress = {0};
  struct layer layer;
  struct layer_task task;
  struct layer_made made;
  struct error error;
  layer_runs_fill(weight, R * N, 11);
  layer_runs_fill(x, 20 * N, 12);
  layer_runs_open(weight, R, N, x, 20, &layer);
  layer_runs_task(&layer, "gptq", "int4,group=32", NULL, &task);
  task.progress = &progress;
  assert_int_equal(method_run(&task, &made, &error), STATUS_OK);
  assert_true(atomic_load(&progress.total) > 0);
  assert_int_equal(atomic_load(&progress.done), atomic_load(&progress.total));
  layer_made_free(&made);
  layer_close(&layer);
}

static void test_cancel(void **state)
{
  (void)state;
  const float weight[4] = {1, 2, 3, 4}, x[4] = {1, 0, 0, 1};
  struct progress progress = {0};
  struct layer layer;
  struct layer_task task;
  struct layer_made made;
  struct error error;
  layer_runs_open(weight, 2, 2, x, 2, &layer);
  layer_runs_task(&layer, "gptq", "int4,channel", NULL, &task);
  task.progress = &progress;
  progress_cancel(&progress);
  assert_int_equal(method_run(&task, &made, &error), STATUS_CANCELLED);
  layer_close(&layer);
}

/* --- the factor of the inverse ---------------------------------------------------------------- */

enum { ORDER = 300 };

/* B = A^-1 by elimination without a choice of pivots, which positive definite matrices do not need;
 * A becomes the identity. */
static void invert(double *a, double *b)
{
  for (size_t i = 0; i < ORDER; i++)
    b[i * ORDER + i] = 1;
  for (size_t k = 0; k < ORDER; k++) {
    const double pivot = a[k * ORDER + k];
    for (size_t j = 0; j < ORDER; j++) {
      a[k * ORDER + j] /= pivot;
      b[k * ORDER + j] /= pivot;
    }
    for (size_t i = 0; i < ORDER; i++) {
      const double factor = a[i * ORDER + k];
      for (size_t j = 0; i != k && j < ORDER; j++) {
        a[i * ORDER + j] -= factor * a[k * ORDER + j];
        b[i * ORDER + j] -= factor * b[k * ORDER + j];
      }
    }
  }
}

/* XᵀX of ORDER + 10 rows. */
static void make_gram(double *h)
{
  static float x[(ORDER + 10) * ORDER];
  layer_runs_fill(x, (ORDER + 10) * ORDER, 10);
  memset(h, 0, ORDER * ORDER * sizeof *h);
  for (size_t t = 0; t < ORDER + 10; t++)
    for (size_t i = 0; i < ORDER; i++)
      for (size_t j = 0; j < ORDER; j++)
        h[i * ORDER + j] += (double)x[t * ORDER + i] * (double)x[t * ORDER + j];
}

/* J H J of H. */
static struct triangle reversed(const double *h)
{
  struct triangle triangle;
  assert_true(triangle_make(&triangle, ORDER));
  for (size_t i = 0; i < ORDER; i++)
    for (size_t j = 0; j <= i; j++)
      triangle_row(&triangle, i)[j] = h[(ORDER - 1 - i) * ORDER + ORDER - 1 - j];
  return triangle;
}

/* The plain way: H^-1, then its factor U row by row. Panels of 100 rows end within those of the
 * triangle. */
static void test_factor(void **state)
{
  (void)state;
  static double h[ORDER * ORDER], a[ORDER * ORDER], inverse[ORDER * ORDER], u[ORDER * ORDER];
  struct upper factor;
  size_t stuck;
  make_gram(h);
  memcpy(a, h, sizeof a);
  invert(a, inverse);
  for (size_t i = 0; i < ORDER; i++)
    for (size_t j = i; j < ORDER; j++) {
      double sum = inverse[i * ORDER + j];
      for (size_t k = 0; k < i; k++)
        sum -= u[k * ORDER + i] * u[k * ORDER + j];
      u[i * ORDER + j] = i == j ? sqrt(sum) : sum / u[i * ORDER + i];
    }
  struct triangle triangle = reversed(h);
  assert_int_equal(cholesky_of_inverse(&triangle, 100, &factor, &stuck, NULL), STATUS_OK);
  for (size_t i = 0; i < ORDER; i++) {
    assert_int_equal(upper_stride(&factor, i), ORDER - i / 100 * 100);
    for (size_t j = i; j < ORDER; j++) {
      const double expected = u[i * ORDER + j], scale = u[i * ORDER + i];
      assert_true(fabs((double)upper_row(&factor, i)[j - i] - expected) < 1e-6 * scale);
    }
  }
  triangle_free(&triangle);
  upper_free(&factor);
}

/* Row 200 becomes the sum of rows 20 and 30, so of what is factored from the end row 20 is the last
 * to be told from the others, and cannot be. */
static void test_stuck(void **state)
{
  (void)state;
  static double h[ORDER * ORDER];
  struct upper factor;
  size_t stuck;
  make_gram(h);
  for (size_t j = 0; j < ORDER; j++)
    h[200 * ORDER + j] = h[20 * ORDER + j] + h[30 * ORDER + j];
  for (size_t i = 0; i < ORDER; i++)
    h[i * ORDER + 200] = h[i * ORDER + 20] + h[i * ORDER + 30];
  struct triangle triangle = reversed(h);
  assert_int_equal(cholesky_of_inverse(&triangle, 1, &factor, &stuck, NULL), STATUS_INPUT);
  assert_int_equal(stuck, 20);
  assert_null(factor.value);
  triangle_free(&triangle);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_layers),    cmocka_unit_test(test_small),
      cmocka_unit_test(test_big),       cmocka_unit_test(test_identity),
      cmocka_unit_test(test_one_token), cmocka_unit_test(test_singular),
      cmocka_unit_test(test_refusals),  cmocka_unit_test(test_extremes),
      cmocka_unit_test(test_bits),      cmocka_unit_test(test_threads),
      cmocka_unit_test(test_progress),  cmocka_unit_test(test_cancel),
      cmocka_unit_test(test_factor),    cmocka_unit_test(test_stuck),
      cmocka_unit_test(test_overflow),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
