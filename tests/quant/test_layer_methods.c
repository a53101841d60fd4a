/* hadamard, zeroquant, llm-qat, bias, alternating and joint: closed forms, what must stay equal,
 * what must not rise; and of every method of the table: odd shapes, dead channels, constant
 * weights, any number of threads. Expected values are written down or computed here by plain sums.
 */
#include "quant/base/size.h"
#include "quant/layer/method.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 24, COLUMNS = 96, TOKENS = 50 };

static uint32_t noise_state;

/* Bell-shaped, within +-2. */
static float noise(void)
{
  float sum = 0;
  for (int k = 0; k < 4; k++) {
    noise_state = noise_state * 1664525U + 1013904223U;
    sum += (float)(int32_t)noise_state;
  }
  return sum * 0x1p-32F;
}

struct bench {
  float *w, *x;
  struct layer layer;
  struct layer_task task;
  struct layer_made made;
};

/* Channels of different size and with a mean; channel COLUMNS/2 sticks out. */
static void fill(struct bench *bench, size_t rows, size_t columns, size_t tokens)
{
  noise_state = 1;
  bench->w = malloc(rows * columns * sizeof *bench->w);
  bench->x = malloc(tokens * columns * sizeof *bench->x);
  assert_true(bench->w && bench->x);
  for (size_t i = 0; i < rows * columns; i++)
    bench->w[i] = 0.1F * noise();
  for (size_t i = 0; i < tokens * columns; i++) {
    const size_t j = i % columns;
    bench->x[i] = (noise() + 0.3F) * (j == columns / 2 ? 30 : 0.5F + (float)(j % 5));
  }
}

static void open_bench(struct bench *bench, size_t rows, size_t columns, size_t tokens)
{
  struct error error;
  bench->task = (struct layer_task){.layer = &bench->layer, .keeps_codes = true};
  if (layer_open(bench->w, rows, columns, bench->x, tokens, NULL, &bench->layer, &error) !=
      STATUS_OK)
    fail_msg("%s", error.text);
}

static struct bench *new_bench(size_t rows, size_t columns, size_t tokens)
{
  struct bench *bench = calloc(1, sizeof *bench);
  assert_non_null(bench);
  fill(bench, rows, columns, tokens);
  open_bench(bench, rows, columns, tokens);
  return bench;
}

static void free_bench(struct bench *bench)
{
  layer_made_free(&bench->made);
  layer_close(&bench->layer);
  free(bench->w);
  free(bench->x);
  free(bench);
}

static enum status try_run(struct bench *bench, const char *method, const char *weight,
                           const char *activation, struct error *error)
{
  layer_made_free(&bench->made);
  enum status status = method_parse(method, &bench->task.method, error);
  if (status == STATUS_OK)
    status = quantizer_parse(weight, &bench->task.weight, error);
  bench->task.quantizes_activation = activation != NULL;
  if (status == STATUS_OK && activation)
    status = quantizer_parse(activation, &bench->task.activation, error);
  return status == STATUS_OK ? method_run(&bench->task, &bench->made, error) : status;
}

static void run(struct bench *bench, const char *method, const char *weight, const char *activation)
{
  struct error error;
  if (try_run(bench, method, weight, activation, &error) != STATUS_OK)
    fail_msg("%s: %s", method, error.text);
}

static void refuse(struct bench *bench, const char *method, const char *weight, const char *message)
{
  struct error error;
  assert_int_equal(try_run(bench, method, weight, NULL, &error), STATUS_USAGE);
  if (!strstr(error.text, message))
    fail_msg("%s, %s: %s", method, weight, error.text);
}

static float *copy(const float *values, size_t count)
{
  float *out = malloc(count * sizeof *out);
  assert_non_null(out);
  return memcpy(out, values, count * sizeof *out);
}

/* X' of all tokens, a new array. */
static float *reached(struct bench *bench)
{
  const struct layer *layer = &bench->layer;
  struct error error;
  float *out = malloc(layer->tokens * layer->columns * sizeof *out);
  assert_non_null(out);
  assert_int_equal(layer_inputs_apply(&bench->made.inputs, layer, layer->activation, layer->tokens,
                                      out, NULL, &error),
                   STATUS_OK);
  return out;
}

/* Y' - Y of token T and channel R. */
static double output_error(const struct bench *bench, const float *x, size_t t, size_t r)
{
  const struct layer *layer = &bench->layer;
  const size_t n = layer->columns;
  double sum = bench->made.bias ? (double)bench->made.bias[r] : 0;
  for (size_t j = 0; j < n; j++)
    sum += (double)x[t * n + j] * (double)bench->made.weight[r * n + j] -
           (double)layer->activation[t * n + j] * (double)layer->weight[r * n + j];
  return sum;
}

static double output_mse(struct bench *bench)
{
  float *x = reached(bench);
  double sum = 0;
  for (size_t t = 0; t < bench->layer.tokens; t++)
    for (size_t r = 0; r < bench->layer.rows; r++)
      sum += pow(output_error(bench, x, t, r), 2);
  free(x);
  return sum / (double)(bench->layer.tokens * bench->layer.rows);
}

/* --- hadamard --------------------------------------------------------------------------------- */

/* Even whole numbers rotated by the order 4 are whole numbers, which int8 with the scale 1 keeps:
 * what is rotated back is W. */
static void test_rotation_alone(void **state)
{
  (void)state;
  static const char *const methods[] = {"hadamard,block=4", "hadamard,block=4,signs",
                                        "hadamard,block=1"};
  struct bench *bench = new_bench(ROWS, COLUMNS, TOKENS);
  for (size_t i = 0; i < (size_t)ROWS * COLUMNS; i++)
    bench->w[i] = (float)((int)(i * 5 % 31) - 15) * 2;
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    run(bench, methods[i], "int8,scale=1", NULL);
    for (size_t k = 0; k < (size_t)ROWS * COLUMNS; k++)
      assert_true(bench->made.weight[k] == bench->w[k]);
    assert_true(layer_inputs_exact(&bench->made.inputs));
  }
  free_bench(bench);
}

/* One channel is thirty times the others: rotated, its size is shared by its block. */
static void test_rotation_helps(void **state)
{
  (void)state;
  struct bench *bench = new_bench(ROWS, COLUMNS, TOKENS);
  run(bench, "rtn", "int8,channel=0", "int8,token");
  const double plain = output_mse(bench), bits = bench->made.stored_bits;
  run(bench, "hadamard", "int8,channel=0", "int8,token");
  assert_int_equal(bench->made.inputs.rotation, 32);
  assert_true(output_mse(bench) < plain / 2);
  assert_true(bench->made.stored_bits == bits);
  assert_non_null(strstr(bench->made.said, "3 blocks of 32"));
  run(bench, "hadamard,signs,seed=7", "int8,channel=0", "int8,token");
  assert_true(output_mse(bench) < plain / 2);
  assert_true(bench->made.stored_bits == bits + COLUMNS); /* a bit for each sign */
  free_bench(bench);
}

static void test_signs(void **state)
{
  (void)state;
  struct bench *bench = new_bench(2, 4096, 1);
  run(bench, "hadamard,signs", "int8", NULL);
  float *first = copy(bench->made.inputs.sign, 4096);
  double sum = 0;
  for (size_t j = 0; j < 4096; j++) {
    assert_true(fabsf(first[j]) == 1);
    sum += (double)first[j];
  }
  assert_true(fabs(sum) < 4 * 64); /* four standard deviations */
  run(bench, "hadamard,signs", "int8", NULL);
  assert_memory_equal(bench->made.inputs.sign, first, 4096 * sizeof *first);
  run(bench, "hadamard,signs,seed=2", "int8", NULL);
  assert_memory_not_equal(bench->made.inputs.sign, first, 4096 * sizeof *first);
  free(first);
  free_bench(bench);
}

static void test_block_refusals(void **state)
{
  (void)state;
  struct bench *bench = new_bench(3, 12, 2);
  refuse(bench, "hadamard,block=3", "int8", "block=3 is no power of two");
  refuse(bench, "hadamard,block=8", "int8", "does not divide the 12 input channels");
  run(bench, "hadamard", "int8", NULL);
  assert_int_equal(bench->made.inputs.rotation, 4);
  free_bench(bench);
  bench = new_bench(3, 7, 2);
  run(bench, "hadamard", "int8", NULL);
  assert_non_null(strstr(bench->made.said, "nothing is rotated"));
  float *rotated = copy(bench->made.weight, 21);
  run(bench, "rtn", "int8", NULL);
  assert_memory_equal(rotated, bench->made.weight, 21 * sizeof *rotated);
  free(rotated);
  free_bench(bench);
}

/* --- recipes ---------------------------------------------------------------------------------- */

/* METHOD with WEIGHT and ACTIVATION is rtn with the other two. */
static void same_as(struct bench *bench, const char *method, const char *weight,
                    const char *activation, const char *rtn_weight, const char *rtn_activation)
{
  struct error error;
  struct quantizer expected;
  run(bench, "rtn", rtn_weight, NULL);
  float *plain = copy(bench->made.weight, (size_t)ROWS * COLUMNS);
  const double bits = bench->made.stored_bits;
  run(bench, method, weight, activation);
  assert_memory_equal(plain, bench->made.weight, ROWS * COLUMNS * sizeof *plain);
  assert_true(bench->made.stored_bits == bits);
  assert_int_equal(quantizer_parse(rtn_activation, &expected, &error), STATUS_OK);
  assert_true(bench->made.inputs.quantized &&
              quantizer_equal(&bench->made.inputs.quantizer, &expected));
  free(plain);
}

static void test_recipes(void **state)
{
  (void)state;
  struct bench *bench = new_bench(ROWS, COLUMNS, TOKENS);
  same_as(bench, "zeroquant", "int4", NULL, "int4,group=128", "int8,token");
  same_as(bench, "zeroquant", "int4,asym,group=32", "int8,asym", "int4,asym,group=32",
          "int8,token");
  same_as(bench, "zeroquant,group=16", "int8,mse", "e4m3", "int8,group=16,mse", "e4m3,token");
  assert_non_null(strstr(bench->made.said, "group=16"));
  assert_non_null(strstr(bench->made.said, "token"));
  same_as(bench, "llm-qat", "int4,asym,group=32,mse", NULL, "int4,channel", "int8,token");
  same_as(bench, "llm-qat", "int8,percentile=99", "int4,asym,percentile=99", "int8,channel",
          "int4,token");
  refuse(bench, "zeroquant", "q4_0", "brings blocks of its own");
  refuse(bench, "llm-qat", "q4_k", "brings blocks of its own");
  free_bench(bench);
}

/* --- bias ------------------------------------------------------------------------------------- */

/* The mean output error of each channel is no more than what float32 leaves of it. */
static void test_mean_is_taken_back(void **state)
{
  (void)state;
  static const char *const activations[] = {NULL, "int8,token", "int4", "int8,asym,channel=1"};
  struct bench *bench = new_bench(ROWS, COLUMNS, TOKENS);
  for (size_t i = 0; i < sizeof activations / sizeof *activations; i++) {
    run(bench, "rtn", "int3,channel", activations[i]);
    const double plain = output_mse(bench), bits = bench->made.stored_bits;
    run(bench, "bias", "int3,channel", activations[i]);
    float *x = reached(bench);
    for (size_t r = 0; r < ROWS; r++) {
      double sum = 0;
      for (size_t t = 0; t < TOKENS; t++)
        sum += output_error(bench, x, t, r) / TOKENS;
      assert_true(fabs(sum) <= 1e-6 * fabs((double)bench->made.bias[r]) + 1e-12);
    }
    free(x);
    assert_true(output_mse(bench) < plain);
    assert_true(bench->made.stored_bits == bits + 32 * ROWS);
  }
  free_bench(bench);
}

/* Every method of the table but itself can be chosen. */
static void test_bias_of(void **state)
{
  (void)state;
  struct bench *bench = new_bench(ROWS, COLUMNS, TOKENS);
  run(bench, "bias,of=hadamard", "int4,channel", "int8,token");
  assert_int_equal(bench->made.inputs.rotation, 32);
  assert_non_null(strstr(bench->made.said, "rotated; a bias"));
  for (size_t i = 0; i < method_table_length; i++) {
    struct method_choice choice;
    struct error error;
    char text[METHOD_TEXT];
    const bool itself = strcmp(method_table[i].name, "bias") == 0;
    snprintf(text, sizeof text, "bias,of=%s", method_table[i].name);
    if ((method_parse(text, &choice, &error) == STATUS_OK) == itself)
      fail_msg("%s %s", text, itself ? "is taken" : "is missing");
  }
  free_bench(bench);
}

/* --- alternating ------------------------------------------------------------------------------ */

/* mean_r sum_j h_j (w' - w)^2. */
static double weighted_loss(const struct bench *bench)
{
  const struct layer *layer = &bench->layer;
  double sum = 0;
  for (size_t j = 0; j < layer->columns; j++) {
    double power = 0, errors = 0;
    for (size_t t = 0; t < layer->tokens; t++)
      power += pow((double)layer->activation[t * layer->columns + j], 2);
    for (size_t r = 0; r < layer->rows; r++) {
      const size_t i = r * layer->columns + j;
      errors += pow((double)bench->made.weight[i] - (double)layer->weight[i], 2);
    }
    sum += power / (double)layer->tokens * errors;
  }
  return sum / (double)layer->rows;
}

static void check_rounds(const struct bench *bench, const char *spec)
{
  const struct method_search *search = &bench->made.search;
  const double last = search->value[search->width - 1];
  for (size_t i = 1; i < search->width; i++)
    if (search->value[i] > search->value[i - 1])
      fail_msg("%s: round %zu raises the loss", spec, i);
  if (!(fabs(weighted_loss(bench) - last) <= 1e-6 * last))
    fail_msg("%s: %g, W' has %g", spec, last, weighted_loss(bench));
  assert_true(search->value[search->best] <= last);
}

static void test_loss_falls(void **state)
{
  (void)state;
  static const char *const specs[] = {
      "int4,group=32",       "int4,asym,group=32",  "int3,asym",        "int2,channel",
      "int4,channel=1",      "e2m1,group=16",       "nf4,group=64",     "int4,asym,group=32,pow2",
      "int8,asym,channel=1", "int4,narrow,group=7", "int4,mse,group=32"};
  struct bench *bench = new_bench(ROWS, COLUMNS, TOKENS);
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
    run(bench, "rtn", specs[i], NULL);
    const double plain = weighted_loss(bench), bits = bench->made.stored_bits;
    run(bench, "alternating", specs[i], NULL);
    check_rounds(bench, specs[i]);
    assert_int_equal(bench->made.search.width, 21);
    assert_true(fabs(bench->made.search.value[0] - plain) <= 1e-6 * plain);
    assert_true(bench->made.search.value[20] <= plain);
    assert_true(bench->made.stored_bits == bits);
  }
  free_bench(bench);
}

static void test_no_rounds(void **state)
{
  (void)state;
  struct bench *bench = new_bench(ROWS, COLUMNS, TOKENS);
  run(bench, "rtn", "int4,asym,group=32", NULL);
  float *plain = copy(bench->made.weight, (size_t)ROWS * COLUMNS);
  run(bench, "alternating,rounds=0", "int4,asym,group=32", NULL);
  assert_memory_equal(plain, bench->made.weight, ROWS * COLUMNS * sizeof *plain);
  free(plain);
  free_bench(bench);
}

/* Zero points between the codes: another grid, as many bits for one as for a scale; what is stored
 * says what W' is. */
static void test_free_zero(void **state)
{
  (void)state;
  struct bench *bench = new_bench(ROWS, COLUMNS, TOKENS);
  run(bench, "alternating", "int3,asym,group=32", NULL);
  const double whole = bench->made.search.value[20];
  run(bench, "alternating,free", "int3,asym,group=32", NULL);
  check_rounds(bench, "free");
  assert_true(bench->made.search.value[20] < whole);
  assert_true(bench->made.stored_bits == ROWS * (3 * COLUMNS + 3 * (32 + 32)));
  const struct method_codes *codes = &bench->made.codes;
  for (size_t i = 0; i < (size_t)ROWS * COLUMNS; i++) {
    const size_t group = i / 32;
    const float y = ((float)codes->code[i] - codes->zero[group]) * codes->scale[group];
    assert_true(fabsf(y - bench->made.weight[i]) < 1e-6F);
  }
  refuse(bench, "alternating,free", "int3,group=32", "free needs a zero point: int3,asym");
  refuse(bench, "alternating", "q4_0", "chooses the scales of its blocks itself");
  refuse(bench, "alternating", "int8,scale=0.1", "scale by hand");
  refuse(bench, "alternating", "int8,round=stochastic", "to the nearest code");
  free_bench(bench);
}

/* Two weights, 0.3 and 1, int3: the scale of minmax is 1/3. The channel of the second is dead, so
 * that the first decides alone: 0.3 becomes exact, by the code 1 that it has. */
static void test_dead_channel(void **state)
{
  (void)state;
  struct bench *bench = calloc(1, sizeof *bench);
  assert_non_null(bench);
  fill(bench, 1, 2, 3);
  bench->w[0] = 0.3F;
  bench->w[1] = 1;
  for (size_t t = 0; t < 3; t++)
    bench->x[2 * t + 1] = 0;
  open_bench(bench, 1, 2, 3);
  run(bench, "alternating", "int3", NULL);
  assert_true(fabsf(bench->made.weight[0] - 0.3F) < 1e-7F);
  assert_true(fabsf(bench->made.weight[1] - 0.9F) < 1e-6F);
  assert_true(bench->made.search.value[20] < 1e-12);
  assert_int_equal(bench->made.search.best, 1);
  free_bench(bench);
}

/* --- joint ------------------------------------------------------------------------------------ */

/* The surface at (COLUMN, ROW) is the error of rtn with clip=, which for minmax is the same ratio.
 */
static void check_surface(struct bench *bench, size_t column, size_t row)
{
  const struct method_search *search = &bench->made.search;
  char weight[QUANTIZER_TEXT], activation[QUANTIZER_TEXT];
  const double found = search->value[row * search->width + column];
  const double other = search->y ? search->y[row] : 1 / search->x[column];
  snprintf(weight, sizeof weight, "int4,asym,channel,clip=%.9g", search->x[column]);
  snprintf(activation, sizeof activation, "int8,token,clip=%.9g", other);
  run(bench, "rtn", weight, activation);
  const double expected = output_mse(bench);
  if (!(fabs(found - expected) <= 1e-4 * expected))
    fail_msg("%s, %s: %g, not %g", weight, activation, found, expected);
}

static void test_surface(void **state)
{
  (void)state;
  struct bench *bench = new_bench(ROWS, COLUMNS, TOKENS);
  for (size_t i = 0; i < 9; i++) {
    run(bench, "joint", "int4,asym,channel", "int8,token");
    assert_int_equal(bench->made.search.width, 9);
    assert_int_equal(bench->made.search.height, 1);
    assert_true(bench->made.search.x[6] == 1);
    if (bench->made.search.x[i] <= 1) /* clip= goes to 1 */
      check_surface(bench, i, 0);
  }
  for (size_t i = 0; i < 7; i++) {
    run(bench, "joint,independent", "int4,asym,channel", "int8,token");
    assert_int_equal(bench->made.search.height, 9);
    check_surface(bench, i, 6 - i);
  }
  free_bench(bench);
}

/* The plain pair is the one that was there; the best is what is made, no worse than it, and all
 * pairs are no worse than the line through them. */
static void test_best_pair(void **state)
{
  (void)state;
  struct bench *bench = new_bench(ROWS, COLUMNS, TOKENS);
  run(bench, "rtn", "int3,channel", "int4,token");
  const double plain = output_mse(bench), bits = bench->made.stored_bits;
  run(bench, "joint,step=0.2", "int3,channel", "int4,token");
  const double line = bench->made.search.value[bench->made.search.best];
  assert_true(fabs(bench->made.search.value[3] - plain) <= 1e-5 * plain);
  assert_true(fabs(output_mse(bench) - line) <= 1e-5 * line && line <= plain * (1 + 1e-5));
  run(bench, "joint,independent,step=0.2", "int3,channel", "int4,token");
  const double all = bench->made.search.value[bench->made.search.best];
  assert_true(fabs(output_mse(bench) - all) <= 1e-5 * all && all < line);
  assert_true(bench->made.stored_bits == bits);
  run(bench, "joint,least=1,most=1", "int3,channel", "int4,token");
  assert_true(fabs(output_mse(bench) - plain) <= 1e-12 * plain);
  free_bench(bench);
}

static void test_joint_refusals(void **state)
{
  (void)state;
  struct bench *bench = new_bench(ROWS, COLUMNS, TOKENS);
  refuse(bench, "joint", "int4", "the activations need a quantizer");
  struct error error;
  assert_int_equal(try_run(bench, "joint", "q4_0", "int8", &error), STATUS_USAGE);
  assert_non_null(strstr(error.text, "scales of their own"));
  assert_int_equal(try_run(bench, "joint", "int4", "int8,scale=0.1", &error), STATUS_USAGE);
  assert_non_null(strstr(error.text, "activations is given by hand"));
  assert_int_equal(try_run(bench, "joint,step=0.01", "int4", "int8", &error), STATUS_USAGE);
  assert_non_null(strstr(error.text, "81 ratios, at most 64"));
  free_bench(bench);
}

/* --- all of them ------------------------------------------------------------------------------ */

static const char *const all_methods[] = {
    "hadamard",         "hadamard,signs", "zeroquant",
    "llm-qat",          "bias",           "alternating",
    "alternating,free", "joint",          "joint,independent,step=0.3,tokens=2"};

/* METHOD on what BENCH holds: finite numbers and some bits; or a refusal in words, of methods that
 * may refuse. */
static void run_finite(struct bench *bench, const char *method, bool may_refuse)
{
  static const char *const activations[] = {"int8,token", "int8"};
  for (size_t i = 0; i < 2; i++) {
    struct error error = {0};
    const enum status status = try_run(bench, method, "int4,asym,group=5", activations[i], &error);
    if (may_refuse && status == STATUS_USAGE && strlen(error.text) > 10)
      continue;
    if (status != STATUS_OK)
      fail_msg("%s: %s", method, error.text);
    for (size_t k = 0; k < bench->layer.rows * bench->layer.columns; k++)
      if (!isfinite(bench->made.weight[k]))
        fail_msg("%s: weight %zu is %g", method, k, (double)bench->made.weight[k]);
    if (!isfinite(output_mse(bench)))
      fail_msg("%s: no output", method);
    assert_true(bench->made.stored_bits > 0);
  }
}

enum content { ORDINARY, CONSTANT, ZERO_WEIGHT, DEAD, LARGE };

static void set_content(struct bench *bench, enum content content, size_t weights, size_t inputs)
{
  for (size_t i = 0; i < weights; i++)
    bench->w[i] = content == CONSTANT      ? -0.37F
                  : content == ZERO_WEIGHT ? 0
                  : content == LARGE       ? bench->w[i] * 1e30F
                                           : bench->w[i];
  for (size_t i = 0; content == DEAD && i < inputs; i++)
    bench->x[i] = 0;
}

static void test_odd_shapes(void **state)
{
  (void)state;
  static const size_t shapes[][3] = {{1, 1, 1}, {1, 12, 5}, {7, 1, 3}, {5, 13, 1}, {3, 24, 2}};
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
    for (enum content content = ORDINARY; content <= LARGE; content++) {
      struct bench *bench = calloc(1, sizeof *bench);
      const size_t *shape = shapes[s];
      assert_non_null(bench);
      fill(bench, shape[0], shape[1], shape[2]);
      set_content(bench, content, shape[0] * shape[1], shape[2] * shape[1]);
      open_bench(bench, shape[0], shape[1], shape[2]);
      for (size_t i = 0; i < sizeof all_methods / sizeof *all_methods; i++)
        run_finite(bench, all_methods[i], false);
      for (size_t i = 0; i < method_table_length; i++)
        run_finite(bench, method_table[i].name, true);
      free_bench(bench);
    }
}

/* The loss that METHOD's search found, or 0. */
static double found_loss(const struct bench *bench)
{
  const struct method_search *search = &bench->made.search;
  return search->width ? search->value[search->best] : 0;
}

static void same_on_threads(struct bench *bench, const char *method)
{
  const size_t count = bench->layer.rows * bench->layer.columns;
  pool_set_threads(1);
  run(bench, method, "int4,asym,group=32", "int8,token");
  float *one = copy(bench->made.weight, count);
  const double loss = found_loss(bench), bits = bench->made.stored_bits;
  pool_set_threads(3);
  run(bench, method, "int4,asym,group=32", "int8,token");
  if (memcmp(one, bench->made.weight, count * sizeof *one) != 0 || !(loss == found_loss(bench)) ||
      !(bits == bench->made.stored_bits))
    fail_msg("%s depends on the number of threads", method);
  free(one);
}

static void test_threads(void **state)
{
  (void)state;
  struct bench *bench = new_bench(65, 1030, 30);
  for (size_t i = 0; i < sizeof all_methods / sizeof *all_methods; i++)
    same_on_threads(bench, all_methods[i]);
  for (size_t i = 0; i < method_table_length; i++)
    same_on_threads(bench, method_table[i].name);
  pool_set_threads(0);
  free_bench(bench);
}

static void test_cancelled(void **state)
{
  (void)state;
  struct bench *bench = new_bench(ROWS, COLUMNS, TOKENS);
  struct progress progress = {0};
  struct error error;
  progress_cancel(&progress);
  bench->task.progress = &progress;
  for (size_t i = 0; i < sizeof all_methods / sizeof *all_methods; i++)
    assert_int_equal(try_run(bench, all_methods[i], "int4,asym,group=32", "int8,token", &error),
                     STATUS_CANCELLED);
  free_bench(bench);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rotation_alone), cmocka_unit_test(test_rotation_helps),
      cmocka_unit_test(test_signs),          cmocka_unit_test(test_block_refusals),
      cmocka_unit_test(test_recipes),        cmocka_unit_test(test_mean_is_taken_back),
      cmocka_unit_test(test_bias_of),        cmocka_unit_test(test_loss_falls),
      cmocka_unit_test(test_no_rounds),      cmocka_unit_test(test_free_zero),
      cmocka_unit_test(test_dead_channel),   cmocka_unit_test(test_surface),
      cmocka_unit_test(test_best_pair),      cmocka_unit_test(test_joint_refusals),
      cmocka_unit_test(test_odd_shapes),     cmocka_unit_test(test_threads),
      cmocka_unit_test(test_cancelled),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
