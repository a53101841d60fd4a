/* AWQ against the results of the reference implementations (conformance/layer), and its
 * properties. Tolerances are those that stand beside the results: the same exponent wins, losses
 * within 2 %, output SQNR within 0.05 dB, 98 in 100 weights equal; where factors are the
 * reference's, 99 in 100 clip thresholds and weights. */
#include "quant/base/size.h"
#include "quant/layer/clip.h"
#include "quant/layer/round.h"
#include "tests/support/layer_runs.h"
#include "tests/support/manifest.h"
#include "tests/support/npy_vectors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- the reference's results ------------------------------------------------------------------ */

static void check_near(const char *what, double value, double expected, double relative)
{
  if (!(fabs(value - expected) <= relative * fabs(expected)))
    fail_msg("%s: %.9g, expected %.9g", what, value, expected);
}

static void check_sqnr(const struct layer_vectors *vectors, const float *weight,
                       const json_t *expected)
{
  const double error = layer_vectors_output_error(vectors, weight);
  const double sqnr = 10 * log10(manifest_number(expected, "output_sq") / error);
  if (!(fabs(sqnr - manifest_number(expected, "output_sqnr_db")) <= 0.05))
    fail_msg("output SQNR %.4f dB, expected %.4f", sqnr,
             manifest_number(expected, "output_sqnr_db"));
  check_near("weight MSE", layer_vectors_weight_mse(vectors, weight),
             manifest_number(expected, "weight_mse"), 0.02);
}

/* At least SHARE of the numbers of the file that ENTRY names at KEY are those at VALUES. */
static void check_file(const json_t *entry, const char *key, const float *values, double relative,
                       double share)
{
  struct vector vector;
  if (!manifest_text(entry, key))
    return;
  assert_true(vector_load(&vector, "conformance/layer/%s", manifest_text(entry, key)));
  size_t equal = 0;
  for (size_t i = 0; i < vector.count; i++) {
    const double expected = vector_number(&vector, i);
    equal += fabs((double)values[i] - expected) <= relative * fabs(expected) + 1e-12;
  }
  if ((double)equal < share * (double)vector.count)
    fail_msg("%s: %zu of %zu are equal", manifest_text(entry, key), equal, vector.count);
  vector_free(&vector);
}

static void check_history(const json_t *entry, const struct method_search *search)
{
  const json_t *history = json_object_get(entry, "history"), *candidate;
  size_t i;
  assert_int_equal(json_array_size(history), search->width);
  json_array_foreach(history, i, candidate) {
    check_near("exponent", search->x[i], manifest_number(candidate, "ratio"), 1e-12);
    check_near("loss", search->value[i], manifest_number(candidate, "loss"), 0.02);
  }
  check_near("best exponent", search->x[search->best], manifest_number(entry, "best_ratio"), 1e-12);
}

/* The clip search and what it makes, of the weight that the factors of the file at SCALED_BY scaled
 * (NULL: none). The reference's factors, because ranges cut to +-max put the zero point on a tie:
 * the last bit of a factor, which is that of its powf, decides which way it goes. */
static void check_clip(const json_t *entry, const char *key, const char *scaled_by,
                       const struct layer *layer, const char *spec)
{
  struct quantizer quantizer;
  struct error error;
  struct vector scales = {0};
  const size_t columns = layer->columns, count = layer->rows * columns;
  float *weight = mem_array(count, sizeof *weight), *most = mem_array(count, sizeof *most);
  assert_true(weight && most);
  if (scaled_by)
    assert_true(vector_load(&scales, "conformance/layer/%s", manifest_text(entry, scaled_by)));
  const float *factor = scaled_by ? vector_floats(&scales) : NULL;
  for (size_t i = 0; i < count; i++)
    weight[i] = layer->weight[i] * (factor ? factor[i % columns] : 1);
  assert_int_equal(quantizer_parse(spec, &quantizer, &error), STATUS_OK);
  const struct clip_task task = {layer, weight, factor, &quantizer, NULL};
  assert_int_equal(clip_search(&task, most, &error), STATUS_OK);
  check_file(entry, key, most, 1e-5, 0.99);
  if (factor) {
    clip_apply(weight, layer->rows, columns, clip_group(&quantizer, columns), most, 1, weight);
    assert_int_equal(
        layer_round(&quantizer, weight, layer->rows, columns, weight, NULL, NULL, NULL, &error),
        STATUS_OK);
    for (size_t i = 0; i < count; i++)
      weight[i] /= factor[i % columns];
    check_file(entry, "clip_dq_file", weight, 1e-5, 0.99);
  }
  free(weight);
  free(most);
  vector_free(&scales);
}

static void check_entry(const struct layer_vectors *vectors, struct layer *layer,
                        const json_t *entry, bool duo)
{
  struct layer_made made;
  char spec[40], method[40], own[80];
  snprintf(spec, sizeof spec, "int%c,asym,group=128", manifest_text(entry, "config")[3]);
  snprintf(own, sizeof own, "%s,scale-rule=awq", spec);
  layer_runs_do(layer, "rtn", own, NULL, &made);
  check_sqnr(vectors, made.weight, json_object_get(entry, "rtn"));
  layer_made_free(&made);

  snprintf(method, sizeof method, "awq%s", duo ? ",duo" : "");
  layer_runs_do(layer, method, spec, NULL, &made);
  check_history(entry, &made.search);
  check_file(entry, "scales_file", made.inputs.factor, 1e-5, 1);
  check_file(entry, "dq_file", made.weight, 1e-5, 0.98);
  check_sqnr(vectors, made.weight, json_object_get(entry, "scaled"));
  check_clip(entry, "clip_max_file", "scales_file", layer, own);
  layer_made_free(&made);

  strcat(method, ",clip");
  layer_runs_do(layer, method, spec, NULL, &made);
  check_sqnr(vectors, made.weight, json_object_get(entry, "scaled_then_clipped"));
  layer_made_free(&made);
  if (!json_object_get(entry, "clip_only_unscaled"))
    return;
  check_clip(entry, "cliponly_max_file", NULL, layer, own);
  layer_runs_do(layer, "awq,alpha=0,clip", spec, NULL, &made);
  check_sqnr(vectors, made.weight, json_object_get(entry, "clip_only_unscaled"));
  layer_made_free(&made);
}

static bool check_awq(const struct layer_vectors *vectors, struct layer *layer, const json_t *entry)
{
  const char *family = manifest_text(entry, "family");
  if (!strstr(family, "awq"))
    return false;
  print_message("%s %s\n", family, manifest_text(entry, "config"));
  check_entry(vectors, layer, entry, strcmp(family, "autoawq_duo") == 0);
  return true;
}

static void test_reference_small(void **state)
{
  (void)state;
  if (!vectors_folder())
    skip();
  assert_int_equal(layer_runs_each("small", check_awq), 6);
}

static void test_reference_big(void **state)
{
  (void)state;
  if (!vectors_folder())
    skip();
  assert_int_equal(layer_runs_each("big", check_awq), 6);
}

/* --- properties ------------------------------------------------------------------------------- */

enum { ROWS = 20, COLUMNS = 96, TOKENS = 40, DEAD = 7, LOUD = 50 };

struct small {
  float weight[ROWS * COLUMNS], activation[TOKENS * COLUMNS];
  struct layer layer;
};

/* Whole numbers without order; channel DEAD is never used, channel LOUD is a hundred times larger.
 */
static void small_open(struct small *small, size_t tokens)
{
  for (size_t i = 0; i < ROWS * COLUMNS; i++)
    small->weight[i] = (float)((int)(i * i * 7 % 201) - 100) / 64;
  for (size_t i = 0; i < TOKENS * COLUMNS; i++) {
    const size_t j = i % COLUMNS;
    const float x = (float)((int)(i * i * 11 % 157) - 78) / 32;
    small->activation[i] = j == DEAD ? 0 : j == LOUD ? 100 * x : x;
  }
  layer_runs_open(small->weight, ROWS, COLUMNS, small->activation, tokens, &small->layer);
}

static void check_same(struct layer *layer, const char *method, const char *other, const char *spec,
                       const char *other_spec)
{
  struct layer_made made, expected;
  layer_runs_do(layer, method, spec, NULL, &made);
  layer_runs_do(layer, other, other_spec, NULL, &expected);
  for (size_t i = 0; i < layer->rows * layer->columns; i++)
    if (!(made.weight[i] == expected.weight[i]))
      fail_msg("%s, %s: weight %zu is %g, expected %g", method, spec, i, (double)made.weight[i],
               (double)expected.weight[i]);
  assert_true(made.stored_bits == expected.stored_bits);
  layer_made_free(&made);
  layer_made_free(&expected);
}

static void test_exponent_0_is_rtn(void **state)
{
  (void)state;
  struct small small;
  small_open(&small, TOKENS);
  check_same(&small.layer, "awq,alpha=0", "rtn", "int4,asym,group=32",
             "int4,asym,group=32,scale-rule=awq");
  check_same(&small.layer, "awq,alpha=0", "rtn", "int4,group=32",
             "int4,group=32,scale-rule=floored-absmax");
  static const char *const specs[] = {"int4,asym,group=32",
                                      "int3,channel",
                                      "int4,group=40,mse",
                                      "int8",
                                      "e2m1,group=16",
                                      "mxfp4",
                                      "q4_0"};
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
    check_same(&small.layer, "awq,alpha=0,params=quantizer", "rtn", specs[i], specs[i]);
  layer_close(&small.layer);
}

/* What the search finds is what the exponent alone gives, and no worse than exponent 0; the mean
 * error of the output is that of a plain loop in double. */
static void check_search(struct layer *layer, const char *method, const char *spec)
{
  struct layer_made made, again;
  char text[80];
  layer_runs_do(layer, method, spec, NULL, &made);
  const struct method_search *search = &made.search;
  assert_int_equal(search->width, 20);
  assert_true(search->value[search->best] <= search->value[0]);
  snprintf(text, sizeof text, "%s,alpha=%g", method, search->x[search->best]);
  layer_runs_do(layer, text, spec, NULL, &again);
  assert_int_equal(again.search.width, 0);
  assert_memory_equal(made.weight, again.weight, layer->rows * layer->columns * sizeof(float));
  check_near("loss", search->value[search->best],
             layer_runs_error(layer, &made) / (double)(layer->tokens * layer->rows), 1e-4);
  layer_made_free(&made);
  layer_made_free(&again);
}

static void test_search(void **state)
{
  (void)state;
  struct small small;
  static const size_t tokens[] = {TOKENS, 3, 1};
  for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
    small_open(&small, tokens[i]);
    check_search(&small.layer, "awq", "int4,asym,group=32");
    check_search(&small.layer, "awq,duo", "int4,group=40");
    check_search(&small.layer, "awq,statistic=max,params=quantizer", "q4_0");
    layer_close(&small.layer);
  }
}

/* A loud channel loses less under AWQ than by rounding alone: its weights are multiplied. */
static void test_loud_channel(void **state)
{
  (void)state;
  struct small small;
  struct layer_made made;
  small_open(&small, TOKENS);
  layer_runs_do(&small.layer, "awq", "int4,asym,group=32", NULL, &made);
  assert_true(made.inputs.factor[LOUD] > 2 * made.inputs.factor[LOUD + 1]);
  assert_true(made.search.value[made.search.best] < 0.5 * made.search.value[0]);
  assert_non_null(strstr(made.said, "columns times mean|x|^"));
  layer_made_free(&made);
  layer_close(&small.layer);
}

/* Clipping one group of one row at 1 - i/20 of its largest weight, i from 0 to 9: the best of the
 * ten by a plain loop, for one token and for a few; a dead layer is left alone. */
static void test_clip(void **state)
{
  (void)state;
  struct small small;
  struct quantizer quantizer;
  struct error error;
  float most[ROWS * 3];
  assert_int_equal(quantizer_parse("int4,group=40", &quantizer, &error), STATUS_OK);
  for (size_t tokens = 1; tokens <= TOKENS; tokens += TOKENS - 1) {
    small_open(&small, tokens);
    const struct clip_task task = {&small.layer, small.weight, NULL, &quantizer, NULL};
    assert_int_equal(clip_search(&task, most, &error), STATUS_OK);
    for (size_t g = 0; g < 3; g++) {
      const size_t first = 5 * COLUMNS + g * 40, length = g == 2 ? 16 : 40;
      double best = HUGE_VAL;
      float top = 0, expected = 0;
      for (size_t j = 0; j < length; j++)
        top = fmaxf(top, fabsf(small.weight[first + j]));
      for (int i = 0; i < 10; i++) {
        const float limit = top * (float)(1 - i / 20.0), step = limit / 7;
        double sum = 0;
        for (size_t t = 0; t < tokens; t++) {
          double e = 0;
          for (size_t j = 0; j < length; j++) {
            const float w = small.weight[first + j], cut = fminf(fmaxf(w, -limit), limit);
            e += (double)small.activation[t * COLUMNS + g * 40 + j] *
                 ((double)(rintf(cut / step) * step) - (double)w);
          }
          sum += e * e;
        }
        if (sum < best * (1 - 1e-9)) {
          best = sum;
          expected = limit;
        }
      }
      check_near("threshold", (double)most[5 * 3 + g], (double)expected, 1e-6);
    }
    layer_close(&small.layer);
  }
}

/* Without any activation all exponents are alike: no channel is scaled. */
static void test_dead_layer(void **state)
{
  (void)state;
  struct small small;
  struct layer_made made;
  small_open(&small, TOKENS);
  layer_close(&small.layer);
  memset(small.activation, 0, sizeof small.activation);
  layer_runs_open(small.weight, ROWS, COLUMNS, small.activation, TOKENS, &small.layer);
  layer_runs_do(&small.layer, "awq,clip", "int4,asym,group=32", NULL, &made);
  for (size_t j = 0; j < COLUMNS; j++)
    assert_true(made.inputs.factor[j] == 1);
  assert_int_equal(made.search.best, 0);
  assert_true(made.search.value[19] == 0);
  layer_made_free(&made);
  check_same(&small.layer, "awq,clip", "rtn", "int4,group=32",
             "int4,group=32,scale-rule=floored-absmax");
  layer_close(&small.layer);
}

/* One thread or four, over several tiles of tokens and of rows: the same losses, the same weights,
 * to the bit. */
static void test_threads(void **state)
{
  (void)state;
  enum { MANY = 600, WIDE = 48 };
  static float weight[MANY * WIDE], activation[MANY * WIDE];
  struct layer layer;
  struct layer_made one, four;
  for (size_t i = 0; i < MANY * WIDE; i++) {
    weight[i] = sinf((float)(i * i % 10007));
    activation[i] = cosf((float)(i * i % 7919)) * (i % WIDE == 5 ? 40 : 1);
  }
  layer_runs_open(weight, MANY, WIDE, activation, MANY, &layer);
  pool_set_threads(1);
  layer_runs_do(&layer, "awq,clip", "int4,asym,group=16", NULL, &one);
  pool_set_threads(4);
  layer_runs_do(&layer, "awq,clip", "int4,asym,group=16", NULL, &four);
  pool_set_threads(0);
  assert_memory_equal(one.search.value, four.search.value, 20 * sizeof *one.search.value);
  assert_memory_equal(one.weight, four.weight, sizeof weight);
  layer_made_free(&one);
  layer_made_free(&four);
  layer_close(&layer);
}

static void test_texts(void **state)
{
  (void)state;
  struct method_choice choice;
  struct error error;
  char text[METHOD_TEXT];
  assert_int_equal(method_parse("awq,grid=10,clip,statistic=max,duo", &choice, &error), STATUS_OK);
  assert_string_equal(method_print(&choice, text), "awq,clip,grid=10,statistic=max,duo");
  assert_int_equal(method_parse("awq,alpha=-1", &choice, &error), STATUS_USAGE);
  assert_int_equal(method_parse("awq,clap", &choice, &error), STATUS_USAGE);
  assert_non_null(strstr(error.text, "did you mean 'clip'?"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_reference_small),
      cmocka_unit_test(test_reference_big),
      cmocka_unit_test(test_exponent_0_is_rtn),
      cmocka_unit_test(test_search),
      cmocka_unit_test(test_loud_channel),
      cmocka_unit_test(test_clip),
      cmocka_unit_test(test_dead_layer),
      cmocka_unit_test(test_threads),
      cmocka_unit_test(test_texts),
  };
  return cmocka_run_group_tests_name("awq", tests, NULL, NULL);
}
