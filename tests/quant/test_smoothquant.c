/* SmoothQuant, LLM.int8() and outlier-channel protection: against the results of the reference
 * implementations (conformance/layer; output SQNR within 0.05 dB as it is suggested there, factors
 * within 1e-5), and their properties. */
#include "quant/base/half.h"
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

/* --- the references' results ------------------------------------------------------------------ */

static void check_sqnr(const char *what, const json_t *expected, double error)
{
  const double db = 10 * log10(manifest_number(expected, "output_sq") / error),
               reference = manifest_number(expected, "output_sqnr_db");
  if (!(fabs(db - reference) <= 0.05))
    fail_msg("%s: output SQNR %.4f dB, expected %.4f", what, db, reference);
}

static void check_factors(const json_t *entry, const float *factor)
{
  struct vector vector;
  if (!manifest_text(entry, "scales_file"))
    return;
  assert_true(vector_load(&vector, "conformance/layer/%s", manifest_text(entry, "scales_file")));
  for (size_t i = 0; i < vector.count; i++)
    assert_true(fabs((double)factor[i] - vector_number(&vector, i)) <=
                1e-5 * vector_number(&vector, i));
  vector_free(&vector);
}

/* "alpha0.5_w_channel_a_token", "..._weight_only_channel", "..._W4A4_channel_token" */
static void check_smoothquant(const struct layer_vectors *vectors, struct layer *layer,
                              const json_t *entry)
{
  const char *config = manifest_text(entry, "config");
  const bool four = strstr(config, "W4A4") != NULL, exact = strstr(config, "only") != NULL;
  char method[40], weight[40], activation[40];
  struct layer_made made;
  snprintf(method, sizeof method, "smoothquant,alpha=%g", strtod(config + 5, NULL));
  snprintf(weight, sizeof weight, "int%d,%s", four ? 4 : 8,
           strstr(config, "w_tensor") ? "tensor" : "channel");
  snprintf(activation, sizeof activation, "int%d,%s", four ? 4 : 8,
           strstr(config, "a_tensor") ? "tensor" : "token");
  layer_runs_do(layer, method, weight, activation, &made);
  check_factors(entry, made.inputs.factor);
  check_sqnr(config, entry,
             exact ? layer_vectors_output_error(vectors, made.weight)
                   : layer_runs_error(layer, &made));
  layer_made_free(&made);
  const json_t *plain = json_object_get(entry, "no_smoothing");
  if (!plain || strstr(config, "0.75")) /* it is the same one */
    return;
  layer_runs_do(layer, "rtn", weight, activation, &made);
  check_sqnr("without", plain, layer_runs_error(layer, &made));
  layer_made_free(&made);
}

static void check_llm_int8(struct layer *layer, const json_t *entry)
{
  static const char *const weights[] = {"int8", "float16"};
  static const char *const keys[] = {"bitsandbytes", "paper_fp16_outlier_weights"};
  const json_t *columns = json_object_get(entry, "outlier_columns"), *column;
  for (size_t form = 0; form < 2; form++) {
    char method[60];
    struct layer_made made;
    size_t i, kept = 0;
    snprintf(method, sizeof method, "llm.int8,threshold=%g,weights=%s",
             strtod(manifest_text(entry, "config") + strlen("threshold"), NULL), weights[form]);
    layer_runs_do(layer, method, "int4", NULL, &made);
    for (i = 0; i < layer->columns; i++)
      kept += made.inputs.kept[i];
    assert_int_equal(kept, json_array_size(columns));
    json_array_foreach(columns, i, column)
      assert_true(made.inputs.kept[json_integer_value(column)]);
    check_sqnr(method, json_object_get(entry, keys[form]), layer_runs_error(layer, &made));
    const double count = (double)(layer->rows * layer->columns), apart = (double)layer->rows * 8;
    assert_true(made.stored_bits == count * 8 + (double)layer->rows * 32 +
                                        (form == 1 ? (double)kept * (apart + 32) : 0));
    layer_made_free(&made);
  }
}

/* VALUES are 127ths of SCALE of their row: the codes NAME of the small layer, but for one in a
 * thousand, which is on a tie. */
static void check_codes(const char *name, const float *values, const float *scale, size_t columns,
                        const unsigned char *kept)
{
  struct vector vector;
  size_t equal = 0;
  assert_true(vector_load(&vector, "conformance/layer/layers/small/llmint8_t6.0_%s.npy", name));
  for (size_t i = 0; i < vector.count; i++) {
    const double code =
        kept && kept[i % columns] ? 0 : (double)values[i] * 127 / (double)scale[i / columns];
    equal += fabs(code - vector_number(&vector, i)) < 1e-3;
  }
  if (equal * 1000 < vector.count * 999)
    fail_msg("%s: %zu of %zu are equal", name, equal, vector.count);
  vector_free(&vector);
}

static void round_to_half(float *values, size_t count)
{
  for (size_t i = 0; i < count; i++)
    values[i] = half_to_float(half_from_float(values[i]));
}

/* Codes are those of the reference under the largest magnitudes of its rows, where both read
 * float16. */
static void test_llm_int8_codes(void **state)
{
  (void)state;
  struct layer_vectors vectors;
  struct vector of_tokens, of_rows;
  struct layer layer;
  struct layer_made made;
  struct error error;
  if (!vectors_folder())
    skip();
  layer_vectors_load("small", &vectors);
  round_to_half(vectors.weight, vectors.rows * vectors.columns);
  round_to_half(vectors.activation, vectors.tokens * vectors.columns);
  layer_runs_open_vectors(&vectors, &layer);
  layer_runs_do(&layer, "llm.int8,weights=int8", "int8", NULL, &made);
  float *x = calloc(layer.tokens * layer.columns, sizeof *x);
  assert_non_null(x);
  assert_int_equal(
      layer_inputs_apply(&made.inputs, &layer, layer.activation, layer.tokens, x, NULL, &error),
      STATUS_OK);
  assert_true(
      vector_load(&of_tokens, "conformance/layer/layers/small/llmint8_t6.0_row_scale_A.npy"));
  assert_true(vector_load(&of_rows, "conformance/layer/layers/small/llmint8_t6.0_row_scale_W.npy"));
  check_codes("codes_W_first16", made.weight, vector_floats(&of_rows), layer.columns, NULL);
  check_codes("codes_A_first8", x, vector_floats(&of_tokens), layer.columns, made.inputs.kept);
  vector_free(&of_tokens);
  vector_free(&of_rows);
  free(x);
  layer_made_free(&made);
  layer_close(&layer);
  layer_vectors_free(&vectors);
}

static bool check_entry(const struct layer_vectors *vectors, struct layer *layer,
                        const json_t *entry)
{
  const char *family = manifest_text(entry, "family");
  if (strcmp(family, "smoothquant") == 0)
    check_smoothquant(vectors, layer, entry);
  else if (strcmp(family, "llm_int8") == 0)
    check_llm_int8(layer, entry);
  else
    return false;
  return true;
}

static void test_reference_small(void **state)
{
  (void)state;
  if (!vectors_folder())
    skip();
  assert_int_equal(layer_runs_each("small", check_entry), 15);
}

static void test_reference_big(void **state)
{
  (void)state;
  if (!vectors_folder())
    skip();
  assert_int_equal(layer_runs_each("big", check_entry), 15);
}

/* --- a small layer ---------------------------------------------------------------------------- */

enum { ROWS = 12, COLUMNS = 40, TOKENS = 30, DEAD = 7, UNUSED = 11, LOUD = 21 };

struct small {
  float weight[ROWS * COLUMNS], activation[TOKENS * COLUMNS];
  struct layer layer;
};

/* Channel DEAD is never used, channel UNUSED has no weights, LOUD is a hundred times larger: from
 * -240 to 240, the others from -2.4 to 2.4. */
static void small_open(struct small *small, size_t tokens)
{
  for (size_t i = 0; i < ROWS * COLUMNS; i++)
    small->weight[i] = i % COLUMNS == UNUSED ? 0 : (float)((int)(i * i * 7 % 201) - 100) / 64;
  for (size_t i = 0; i < TOKENS * COLUMNS; i++) {
    const size_t j = i % COLUMNS;
    const float x = (float)((int)(i * i * 11 % 157) - 78) / 32;
    small->activation[i] = j == DEAD ? 0 : j == LOUD ? 100 * x : x;
  }
  layer_runs_open(small->weight, ROWS, COLUMNS, small->activation, tokens, &small->layer);
}

/* --- SmoothQuant ------------------------------------------------------------------------------ */

/* (X / s)(W s)ᵀ is X Wᵀ, but for a rounding of each factor. */
static void test_product_stays(void **state)
{
  (void)state;
  struct small small;
  struct layer_made made;
  small_open(&small, TOKENS);
  for (int alpha = 0; alpha <= 4; alpha++) {
    char method[40];
    snprintf(method, sizeof method, "smoothquant,alpha=%g", alpha / 4.0);
    layer_runs_do(&small.layer, method, "int8,channel", NULL, &made);
    float x[COLUMNS], w[COLUMNS];
    memcpy(x, small.activation, sizeof x);
    memcpy(w, small.weight, sizeof w);
    layer_inputs_turn(&made.inputs, x, 1, COLUMNS, false, false, x);
    layer_inputs_turn(&made.inputs, w, 1, COLUMNS, true, false, w);
    double before = 0, after = 0, size = 0;
    for (size_t j = 0; j < COLUMNS; j++) {
      before += (double)small.activation[j] * (double)small.weight[j];
      after += (double)x[j] * (double)w[j];
      size += fabs((double)x[j] * (double)w[j]);
    }
    assert_true(fabs(after - before) <= 0x1p-22 * size);
    layer_made_free(&made);
  }
  layer_close(&small.layer);
}

/* s = sqrt(240 / 1.5) and the like, by hand; the floors where a channel has nothing. */
static void test_factors(void **state)
{
  (void)state;
  struct small small;
  struct layer_made made;
  small_open(&small, TOKENS);
  layer_runs_do(&small.layer, "smoothquant", "int8,channel", NULL, &made);
  double most = 0;
  for (size_t r = 0; r < ROWS; r++)
    most = fmax(most, fabs((double)small.weight[r * COLUMNS + LOUD]));
  const double loud = sqrt((double)small.layer.absmax[LOUD] / most);
  assert_true(fabs((double)made.inputs.factor[LOUD] - loud) < 1e-5 * loud);
  assert_true(made.inputs.factor[DEAD] == 1e-5F);
  const double unused = sqrt((double)small.layer.absmax[UNUSED] / 1e-5);
  assert_true(fabs((double)made.inputs.factor[UNUSED] - unused) < 1e-5 * unused);
  assert_true(made.inputs.quantized && made.inputs.quantizer.granularity.kind == GRAIN_TOKEN);
  assert_non_null(strstr(made.said, "int8,token: none were asked for"));
  layer_made_free(&made);
  layer_close(&small.layer);
}

/* The curve is what the exponents give one by one; the best of them is taken. */
static void test_sweep(void **state)
{
  (void)state;
  struct small small;
  static const size_t tokens[] = {TOKENS, 1};
  for (size_t k = 0; k < 2; k++) {
    struct layer_made made, one;
    small_open(&small, tokens[k]);
    layer_runs_do(&small.layer, "smoothquant,sweep", "int8,channel", "int8", &made);
    const struct method_search *search = &made.search;
    assert_int_equal(search->width, 21);
    for (size_t i = 0; i < search->width; i++) {
      char method[60];
      assert_true(search->value[search->best] <= search->value[i]);
      snprintf(method, sizeof method, "smoothquant,alpha=%.17g", search->x[i]);
      layer_runs_do(&small.layer, method, "int8,channel", "int8", &one);
      const double mse = layer_runs_error(&small.layer, &one) / (double)(tokens[k] * ROWS);
      assert_true(fabs(search->value[i] - mse) <= 1e-4 * mse);
      if (i == search->best)
        assert_memory_equal(one.weight, made.weight, sizeof small.weight);
      layer_made_free(&one);
    }
    layer_made_free(&made);
    layer_close(&small.layer);
  }
}

/* --- LLM.int8() ------------------------------------------------------------------------------- */

/* |x| = 240 reaches 240, and channels with 2.4 do not: inclusive, and nothing else in 16 bits. */
static void test_threshold(void **state)
{
  (void)state;
  struct small small;
  struct layer_made made;
  small_open(&small, TOKENS);
  char method[60];
  for (int more = 0; more <= 1; more++) {
    const double most = (double)small.layer.absmax[LOUD];
    snprintf(method, sizeof method, "llm.int8,threshold=%.17g", more ? most + 1 : most);
    layer_runs_do(&small.layer, method, "int8", NULL, &made);
    for (size_t j = 0; j < COLUMNS; j++)
      assert_int_equal(made.inputs.kept[j], !more && j == LOUD);
    for (size_t r = 0; r < ROWS && !more; r++) {
      const float w = small.weight[r * COLUMNS + LOUD];
      assert_true(made.weight[r * COLUMNS + LOUD] == half_to_float(half_from_float(w)));
    }
    layer_made_free(&made);
  }
  layer_close(&small.layer);
}

/* Without outliers it is vector-wise int8: rows of W, tokens of X. */
static void test_without_outliers(void **state)
{
  (void)state;
  struct small small;
  struct layer_made made, plain;
  small_open(&small, TOKENS);
  layer_runs_do(&small.layer, "llm.int8,threshold=0", "int2", NULL, &made);
  layer_runs_do(&small.layer, "rtn", "bitsandbytes-int8", "int8,token", &plain);
  assert_memory_equal(made.weight, plain.weight, sizeof small.weight);
  assert_true(made.stored_bits == plain.stored_bits);
  layer_made_free(&plain);
  layer_made_free(&made);

  layer_runs_do(&small.layer, "llm.int8,threshold=0,params=quantizer", "int4,group=8", "int4",
                &made);
  layer_runs_do(&small.layer, "rtn", "int4,group=8", "int4", &plain);
  assert_memory_equal(made.weight, plain.weight, sizeof small.weight);
  assert_true(layer_runs_error(&small.layer, &made) == layer_runs_error(&small.layer, &plain));
  layer_made_free(&plain);
  layer_made_free(&made);
  layer_close(&small.layer);
}

static void test_float16_is_too_small(void **state)
{
  (void)state;
  struct small small;
  struct layer_made made;
  struct error error;
  small_open(&small, TOKENS);
  layer_close(&small.layer);
  small.activation[LOUD] = 1e6F;
  layer_runs_open(small.weight, ROWS, COLUMNS, small.activation, TOKENS, &small.layer);
  struct layer_task task = {.layer = &small.layer};
  assert_int_equal(quantizer_parse("int8", &task.weight, &error), STATUS_OK);
  assert_int_equal(method_parse("llm.int8", &task.method, &error), STATUS_OK);
  assert_int_equal(method_run(&task, &made, &error), STATUS_USAGE);
  assert_string_equal(error.text,
                      "llm.int8: input channel 21 reaches 1e+06, which float16 cannot hold");
  layer_close(&small.layer);
}

/* --- protection ------------------------------------------------------------------------------- */

/* All channels: float16 of W, and of X where activations are quantized; 16 bits, and what the empty
 * rest still has: a scale of 32 bits for each row, and a number for each column. */
static void test_protect_all(void **state)
{
  (void)state;
  struct small small;
  struct layer_made made;
  small_open(&small, TOKENS);
  layer_runs_do(&small.layer, "protect,k=40", "int4,channel", "int8", &made);
  for (size_t i = 0; i < ROWS * COLUMNS; i++)
    assert_true(made.weight[i] == half_to_float(half_from_float(small.weight[i])));
  float x[TOKENS * COLUMNS];
  struct error error;
  assert_int_equal(
      layer_inputs_apply(&made.inputs, &small.layer, small.activation, TOKENS, x, NULL, &error),
      STATUS_OK);
  for (size_t i = 0; i < TOKENS * COLUMNS; i++)
    assert_true(x[i] == half_to_float(half_from_float(small.activation[i])));
  assert_true(made.stored_bits == ROWS * COLUMNS * 16 + ROWS * 32 + COLUMNS * 32);
  layer_made_free(&made);
  layer_close(&small.layer);
}

/* Which are chosen: by mean |x| the loud one, by weights one whose norm none exceeds, by chance as
 * many as asked for, others with another seed. The rest is as without them. */
static void test_protect_some(void **state)
{
  (void)state;
  struct small small;
  struct layer_made made, plain;
  small_open(&small, TOKENS);
  layer_runs_do(&small.layer, "protect", "int4,channel", NULL, &made);
  assert_non_null(strstr(made.said, "1 of 40 input channels, chosen by their activations"));
  assert_true(made.stored_bits == ROWS * (COLUMNS - 1) * 4 + ROWS * 32 + ROWS * 16 + 32);
  assert_null(made.inputs.kept); /* activations are as they were */
  float rest[ROWS * COLUMNS];
  memcpy(rest, small.weight, sizeof rest);
  for (size_t r = 0; r < ROWS; r++) {
    const float w = small.weight[r * COLUMNS + LOUD];
    assert_true(made.weight[r * COLUMNS + LOUD] == half_to_float(half_from_float(w)));
    rest[r * COLUMNS + LOUD] = 0;
  }
  struct layer other;
  layer_runs_open(rest, ROWS, COLUMNS, small.activation, TOKENS, &other);
  layer_runs_do(&other, "rtn", "int4,channel", NULL, &plain);
  for (size_t i = 0; i < ROWS * COLUMNS; i++)
    if (i % COLUMNS != LOUD)
      assert_true(made.weight[i] == plain.weight[i]);
  layer_made_free(&plain);
  layer_made_free(&made);
  layer_close(&other);
  layer_close(&small.layer);
}

static size_t kept_of(struct small *small, const char *method, unsigned char *kept)
{
  struct layer_made made;
  size_t count = 0;
  layer_runs_do(&small->layer, method, "int4,channel", "int8", &made);
  memcpy(kept, made.inputs.kept, COLUMNS);
  for (size_t j = 0; j < COLUMNS; j++)
    count += kept[j];
  layer_made_free(&made);
  return count;
}

static void test_protect_choices(void **state)
{
  (void)state;
  struct small small;
  unsigned char kept[COLUMNS], other[COLUMNS];
  double norm[COLUMNS] = {0};
  small_open(&small, TOKENS);
  assert_int_equal(kept_of(&small, "protect,times=1000", kept), 0);
  assert_int_equal(kept_of(&small, "protect,k=3,by=weight", kept), 3);
  for (size_t i = 0; i < ROWS * COLUMNS; i++)
    norm[i % COLUMNS] += (double)small.weight[i] * (double)small.weight[i];
  for (size_t i = 0; i < COLUMNS; i++)
    for (size_t j = 0; j < COLUMNS; j++)
      assert_true(!kept[i] || kept[j] || norm[i] >= norm[j]);
  assert_int_equal(kept_of(&small, "protect,k=5,by=random", kept), 5);
  assert_int_equal(kept_of(&small, "protect,k=5,by=random", other), 5);
  assert_memory_equal(kept, other, sizeof kept);
  assert_int_equal(kept_of(&small, "protect,k=5,by=random,seed=2", other), 5);
  assert_memory_not_equal(kept, other, sizeof kept);
  layer_close(&small.layer);
}

/* int8 and int5 of one column each: absmax / 127, (max - min) / 31; how much each loses. */
static void test_protect_bits(void **state)
{
  (void)state;
  struct small small;
  static const struct {
    const char *as;
    double bits;
  } forms[] = {{"float16", 16}, {"int8", 8 + 32.0 / ROWS}, {"int5", 5 + 37.0 / ROWS}};
  double before = 0;
  small_open(&small, TOKENS);
  for (size_t i = 0; i < 3; i++) {
    char method[60];
    struct layer_made made;
    snprintf(method, sizeof method, "protect,k=1,as=%s", forms[i].as);
    layer_runs_do(&small.layer, method, "int2,channel", NULL, &made);
    double error = 0;
    for (size_t r = 0; r < ROWS; r++)
      error +=
          fabs((double)made.weight[r * COLUMNS + LOUD] - (double)small.weight[r * COLUMNS + LOUD]);
    assert_true(error > 2 * before || i == 0);
    before = error;
    assert_true(fabs(made.stored_bits -
                     (ROWS * (COLUMNS - 1) * 2 + ROWS * 32 + ROWS * forms[i].bits + 32)) < 1e-6);
    layer_made_free(&made);
  }
  layer_close(&small.layer);
}

static void test_protect_refuses(void **state)
{
  (void)state;
  struct small small;
  struct layer_made made;
  struct error error;
  small_open(&small, TOKENS);
  struct layer_task task = {.layer = &small.layer};
  assert_int_equal(quantizer_parse("int4", &task.weight, &error), STATUS_OK);
  assert_int_equal(method_parse("protect,by=random", &task.method, &error), STATUS_OK);
  assert_int_equal(method_run(&task, &made, &error), STATUS_USAGE);
  assert_non_null(strstr(error.text, "by=random needs k=N"));
  layer_close(&small.layer);
}

/* Numbers at the ends of float32 give finite weights and factors. */
static void test_extremes(void **state)
{
  (void)state;
  static const char *const methods[] = {"awq", "awq,alpha=2,clip", "smoothquant,alpha=1",
                                        "smoothquant,alpha=0", "protect,as=int8"};
  struct small small;
  for (size_t k = 0; k < sizeof methods / sizeof *methods; k++) {
    struct layer_made made;
    small_open(&small, TOKENS);
    layer_close(&small.layer);
    for (size_t i = 0; i < TOKENS * COLUMNS; i++)
      small.activation[i] *= i % COLUMNS == LOUD ? 1e36F : i % 3 ? 1e30F : 1e-40F;
    for (size_t i = 0; i < ROWS * COLUMNS; i++)
      small.weight[i] *= i % COLUMNS == LOUD ? 1e6F : 1e-30F;
    layer_runs_open(small.weight, ROWS, COLUMNS, small.activation, TOKENS, &small.layer);
    layer_runs_do(&small.layer, methods[k], "int8,channel", NULL, &made);
    for (size_t i = 0; i < ROWS * COLUMNS; i++)
      assert_true(isfinite(made.weight[i]));
    for (size_t j = 0; made.inputs.factor && j < COLUMNS; j++)
      assert_true(isfinite(made.inputs.factor[j]) && made.inputs.factor[j] > 0);
    layer_made_free(&made);
    layer_close(&small.layer);
  }
}

/* A run that was cancelled says so and leaves nothing. */
static void test_cancelled(void **state)
{
  (void)state;
  struct small small;
  static const char *const methods[] = {
      "awq", "awq,alpha=0.5,clip", "smoothquant", "smoothquant,sweep", "llm.int8", "protect"};
  small_open(&small, TOKENS);
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    struct progress progress = {0};
    struct layer_task task = {.layer = &small.layer, .progress = &progress};
    struct layer_made made;
    struct error error;
    progress_cancel(&progress);
    assert_int_equal(quantizer_parse("int4,channel", &task.weight, &error), STATUS_OK);
    assert_int_equal(method_parse(methods[i], &task.method, &error), STATUS_OK);
    assert_int_equal(method_run(&task, &made, &error), STATUS_CANCELLED);
    assert_null(made.weight);
  }
  layer_close(&small.layer);
}

/* Work that was announced is done at the end. */
static void test_progress(void **state)
{
  (void)state;
  struct small small;
  static const char *const methods[] = {"awq,clip", "smoothquant,sweep"};
  small_open(&small, TOKENS);
  for (size_t i = 0; i < 2; i++) {
    struct progress progress = {0};
    struct layer_task task = {.layer = &small.layer, .progress = &progress};
    struct layer_made made;
    struct error error;
    assert_int_equal(quantizer_parse("int4,channel", &task.weight, &error), STATUS_OK);
    assert_int_equal(method_parse(methods[i], &task.method, &error), STATUS_OK);
    assert_int_equal(method_run(&task, &made, &error), STATUS_OK);
    assert_true(progress.total >= 20 * TOKENS * ROWS * COLUMNS / 64);
    assert_int_equal(progress.done, progress.total);
    layer_made_free(&made);
  }
  layer_close(&small.layer);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_reference_small),
      cmocka_unit_test(test_reference_big),
      cmocka_unit_test(test_llm_int8_codes),
      cmocka_unit_test(test_product_stays),
      cmocka_unit_test(test_factors),
      cmocka_unit_test(test_sweep),
      cmocka_unit_test(test_threshold),
      cmocka_unit_test(test_without_outliers),
      cmocka_unit_test(test_float16_is_too_small),
      cmocka_unit_test(test_protect_all),
      cmocka_unit_test(test_protect_some),
      cmocka_unit_test(test_protect_choices),
      cmocka_unit_test(test_protect_bits),
      cmocka_unit_test(test_protect_refuses),
      cmocka_unit_test(test_extremes),
      cmocka_unit_test(test_cancelled),
      cmocka_unit_test(test_progress),
  };
  return cmocka_run_group_tests_name("smoothquant", tests, NULL, NULL);
}
