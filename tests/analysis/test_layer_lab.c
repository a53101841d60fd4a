/* The layer lab: tensors become layers, methods become rows, rows become sentences. Expected values
 * are closed forms and products in double that are computed here. */
#include "analysis/layer_lab.h"
#include "quant/base/size.h"
#include "tests/analysis/tensors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 6, COLUMNS = 8, TOKENS = 10 };

static struct layer_place place(const struct tensor *tensor)
{
  return (struct layer_place){"file.npz", tensor};
}

static struct tensor named(const char *name, const float *values, struct shape shape)
{
  struct tensor tensor = tensor_over(values, shape);
  tensor.name = name;
  return tensor;
}

static struct layer_ask ask(const char *method, const char *spec, const char *activation)
{
  struct layer_ask ask = {.weight = quantizer_of(spec)};
  struct error error;
  assert_int_equal(method_parse(method, &ask.method, &error), STATUS_OK);
  ask.quantizes_activation = activation != NULL;
  if (activation)
    ask.activation = quantizer_of(activation);
  return ask;
}

/* --- the problem ------------------------------------------------------------------------------ */

static void fail_to_open(struct shape w, struct shape x, bool transposed, const char *message)
{
  float values[64] = {0};
  struct tensor weight = named("fc.weight", values, w), activation = named("acts", values, x);
  struct layer_question question = {
      .weight = place(&weight), .activation = place(&activation), .transposed = transposed};
  struct layer_problem problem;
  struct error error = {0};
  assert_int_equal(layer_problem_open(&question, NULL, &problem, &error), STATUS_INPUT);
  if (!strstr(error.text, message))
    fail_msg("%s", error.text);
}

static void test_misfits(void **state)
{
  (void)state;
  fail_to_open((struct shape){2, {4, 8}}, (struct shape){2, {5, 4}}, false,
               "file.npz: fc.weight (4x8) takes 8 input channels, the activation file.npz: acts "
               "(5x4) has 4; the transposed weight would fit");
  fail_to_open((struct shape){2, {4, 8}}, (struct shape){2, {5, 8}}, true,
               "(4x8, transposed) takes 4 input channels, the activation file.npz: acts (5x8) has "
               "8; the weight as it is would fit");
  fail_to_open((struct shape){2, {4, 8}}, (struct shape){2, {5, 3}}, false, "(5x3) has 3");
  fail_to_open((struct shape){1, {8}}, (struct shape){2, {5, 8}}, false,
               "expected a matrix of output channels x input channels");
  fail_to_open((struct shape){3, {2, 2, 4}}, (struct shape){2, {5, 2}}, true, "expected a matrix");
  fail_to_open((struct shape){2, {4, 8}}, (struct shape){0, {0}}, false, "found a scalar");
  fail_to_open((struct shape){2, {4, 8}}, (struct shape){2, {0, 8}}, false, "no tokens");
  fail_to_open((struct shape){2, {0, 8}}, (struct shape){2, {2, 8}}, false, "the weight is empty");
}

static void open_values(struct shape w, struct shape x, bool transposed, double hold_out,
                        struct layer_problem *problem)
{
  static float weight_values[ROWS * COLUMNS], values[TOKENS * COLUMNS];
  static struct tensor weight, activation;
  struct error error = {0};
  for (size_t i = 0; i < ROWS * COLUMNS; i++)
    weight_values[i] = (float)i;
  for (size_t i = 0; i < TOKENS * COLUMNS; i++)
    values[i] = (float)(i % 7);
  weight = named("w", weight_values, w);
  activation = named("x", values, x);
  struct layer_question question = {.weight = place(&weight),
                                    .activation = place(&activation),
                                    .hold_out = hold_out,
                                    .transposed = transposed};
  if (layer_problem_open(&question, NULL, problem, &error) != STATUS_OK)
    fail_msg("%s", error.text);
}

static void test_shapes(void **state)
{
  (void)state;
  struct layer_problem problem;
  open_values((struct shape){4, {ROWS, 2, 2, 2}}, (struct shape){3, {2, 5, COLUMNS}}, false, 0,
              &problem);
  assert_int_equal(problem.layer.rows, ROWS);
  assert_int_equal(problem.layer.columns, COLUMNS);
  assert_int_equal(problem.layer.tokens, TOKENS);
  assert_int_equal(problem.held_tokens, 0);
  layer_problem_close(&problem);
  open_values((struct shape){2, {COLUMNS, ROWS}}, (struct shape){1, {COLUMNS}}, true, 0, &problem);
  assert_int_equal(problem.layer.rows, ROWS);
  assert_int_equal(problem.layer.tokens, 1);
  for (size_t r = 0; r < ROWS; r++)
    for (size_t j = 0; j < COLUMNS; j++)
      assert_true(problem.layer.weight[r * COLUMNS + j] == (float)(j * ROWS + r));
  layer_problem_close(&problem);
}

/* The last 3 of 10 tokens. */
static void test_hold_out(void **state)
{
  (void)state;
  struct layer_problem problem;
  open_values((struct shape){2, {ROWS, COLUMNS}}, (struct shape){2, {TOKENS, COLUMNS}}, false, 0.3,
              &problem);
  assert_int_equal(problem.layer.tokens, 7);
  assert_int_equal(problem.held_tokens, 3);
  assert_true(problem.held_out[0] == (float)(7 * COLUMNS % 7));
  layer_problem_close(&problem);
}

static void test_nonfinite(void **state)
{
  (void)state;
  float w[4] = {1, 2, 3, 4}, x[4] = {1, 2, 3, NAN};
  const struct shape shape = {2, {2, 2}};
  struct tensor weight = named("w", w, shape), good = named("good", w, shape),
                bad = named("bad", x, shape);
  struct layer_problem problem;
  struct error error = {0};
  struct layer_question question = {.weight = place(&weight), .activation = place(&bad)};
  assert_int_equal(layer_problem_open(&question, NULL, &problem, &error), STATUS_INPUT);
  assert_non_null(strstr(error.text, "file.npz: bad: the activation: NaN at token 1"));
  question.activation = place(&good);
  question.held_out = place(&bad);
  assert_int_equal(layer_problem_open(&question, NULL, &problem, &error), STATUS_INPUT);
  assert_non_null(strstr(error.text, "file.npz: bad: held out: the activation: NaN at token 1"));
}

static void matched_like(const char *source, const char *like, const char *expected)
{
  char *text = layer_matched_source(source, like, 8);
  assert_string_equal(text, expected);
  free(text);
}

static void matched(const char *source, size_t columns, const char *expected)
{
  char *text = layer_matched_source(source, NULL, columns);
  assert_string_equal(text, expected);
  free(text);
}

static void test_matched(void **state)
{
  (void)state;
  matched("synth:llm-activation,seed=3", 256, "synth:llm-activation,seed=3,shape=512x256");
  matched("synth:llm-activation", 1000, "synth:llm-activation,seed=2,shape=2000x1000");
  matched("synth:llm-activation", 8192, "synth:llm-activation,seed=2,shape=4096x8192");
  matched("synth:llm-activation,shape=9x9", 8, "synth:llm-activation,shape=9x9,seed=2");
  matched("synth:", 8, "synth:");
  matched("x.npy", 8, "x.npy");
  /* held-out tokens: other ones of the same channels */
  matched_like("synth:llm-activation", "synth:llm-activation,seed=2,shape=512x8",
               "synth:llm-activation,seed=3,channel-seed=2,shape=512x8");
  matched_like("synth:llm-activation,seed=7,shape=9x8", "synth:llm-activation,shape=512x8",
               "synth:llm-activation,seed=7,shape=9x8,channel-seed=1");
  matched_like("synth:llm-activation", "synth:llm-activation,channel-seed=4,seed=0",
               "synth:llm-activation,seed=2,channel-seed=4,shape=512x8");
  matched_like("synth:llm-activation,channel-seed=9", "synth:llm-activation,seed=2",
               "synth:llm-activation,channel-seed=9,seed=3,shape=512x8");
  matched_like("synth:llm-activation", "synth:llm-activations,seed=2",
               "synth:llm-activation,seed=3,shape=512x8");
  matched_like("synth:gaussian", "x.npy", "synth:gaussian,seed=2,shape=512x8");
  matched_like("x.npy", "synth:gaussian", "x.npy");
}

/* Signs of 16 x 16 numbers: the same, of other sizes; independent; all alike. */
static void test_same_draws(void **state)
{
  (void)state;
  enum { SIDE = 16, COUNT = SIDE * SIDE };
  float w[COUNT], gains[COUNT], other[COUNT], positive[COUNT];
  for (uint32_t i = 0, a = 1, b = 99; i < COUNT; i++) {
    a = a * 1664525u + 1013904223u;
    b = b * 22695477u + 1u;
    w[i] = a >> 31 ? 1 : -1;
    gains[i] = w[i] * (float)(1 + i % SIDE * 10);
    other[i] = b >> 31 ? 1 : -1;
    positive[i] = 1;
  }
  const float *const x[] = {gains, other, positive};
  const struct shape shape = {2, {SIDE, SIDE}};
  for (int k = 0; k < 3; k++) {
    struct tensor weight = named("w", k == 2 ? positive : w, shape),
                  tokens = named("x", x[k], shape);
    struct layer_question question = {.weight = place(&weight), .activation = place(&tokens)};
    struct layer_problem problem;
    assert_int_equal(layer_problem_open(&question, NULL, &problem, NULL), STATUS_OK);
    assert_int_equal(problem.same_draws, k == 0);
    layer_problem_close(&problem);
  }
}

/* Squares 100, 1, 1, 1: one channel has half of them. All alike: 2 of 4. */
static void test_energy(void **state)
{
  (void)state;
  const float w[4] = {1, 1, 1, 1}, few[4] = {1, 10, 1, 1};
  const struct shape shape = {2, {1, 4}};
  struct tensor weight = named("w", w, shape), x = named("x", few, shape);
  struct layer_question question = {.weight = place(&weight), .activation = place(&x)};
  struct layer_problem problem;
  assert_int_equal(layer_problem_open(&question, NULL, &problem, NULL), STATUS_OK);
  assert_int_equal(problem.half_energy, 1);
  layer_problem_close(&problem);
  question.activation = place(&weight);
  assert_int_equal(layer_problem_open(&question, NULL, &problem, NULL), STATUS_OK);
  assert_int_equal(problem.half_energy, 2);
  layer_problem_close(&problem);
}

/* --- runs ------------------------------------------------------------------------------------- */

/* Output error by products in double, with int4 of absmax / 7 for the whole matrix. */
static double expected_mse(const float *w, const float *x, size_t tokens)
{
  float absmax = 0;
  double sum = 0;
  for (size_t i = 0; i < ROWS * COLUMNS; i++)
    absmax = fmaxf(absmax, fabsf(w[i]));
  const float scale = absmax / 7;
  for (size_t t = 0; t < tokens; t++)
    for (size_t r = 0; r < ROWS; r++) {
      double error = 0;
      for (size_t j = 0; j < COLUMNS; j++) {
        const float v = w[r * COLUMNS + j];
        error += (double)x[t * COLUMNS + j] * (double)(rintf(v / scale) * scale - v);
      }
      sum += error * error;
    }
  return sum / (double)(tokens * ROWS);
}

static void test_runs(void **state)
{
  (void)state;
  float *w = random_values(ROWS * COLUMNS, 1, false),
        *x = random_values(TOKENS * COLUMNS, 2, false);
  struct tensor weight = named("w", w, (struct shape){2, {ROWS, COLUMNS}}),
                activation = named("x", x, (struct shape){2, {TOKENS, COLUMNS}});
  struct layer_question question = {
      .weight = place(&weight), .activation = place(&activation), .hold_out = 0.4};
  struct layer_problem problem;
  struct layer_row rows[3] = {{.ask = ask("rtn", "int4", NULL)},
                              {.ask = ask("rtn", "int4,channel=5", NULL)},
                              {.ask = ask("rtn", "int4", "int8,token")}};
  assert_int_equal(layer_problem_open(&question, NULL, &problem, NULL), STATUS_OK);
  for (size_t i = 0; i < 3; i++)
    assert_int_equal(layer_row_run(&problem, &rows[i], NULL, NULL), STATUS_OK);
  const double calibration = expected_mse(w, x, 6), held = expected_mse(w, x + 6 * COLUMNS, 4);
  assert_true(fabs(rows[0].calibration.output_mse / calibration - 1) < 1e-5);
  assert_true(fabs(rows[0].held_out.output_mse / held - 1) < 1e-5);
  assert_int_equal(rows[0].held_out.tokens, 4);
  assert_true(rows[0].seconds >= 0);
  assert_int_equal(rows[1].state, LAYER_REFUSED);
  assert_non_null(strstr(rows[1].reason, "rtn: "));
  assert_true(rows[2].calibration.activations_mse > 0 && rows[0].calibration.activations_mse == 0);
  assert_int_equal(layer_group(rows, 2), 2);
  assert_int_equal(layer_best(rows, 3, 0), 0);
  assert_int_equal(layer_best(rows, 3, 1), 3);
  for (size_t i = 0; i < 3; i++)
    layer_row_free(&rows[i]);
  layer_problem_close(&problem);
  free(w);
  free(x);
}

/* Those of the table alone, rtn first, and some only where activations are quantized. */
static void test_defaults(void **state)
{
  (void)state;
  size_t weights = 0, both = 0;
  assert_string_equal(layer_default_method(0, false)->name, "rtn");
  while (layer_default_method(weights, false))
    weights++;
  while (layer_default_method(both, true))
    assert_ptr_equal(layer_default_method(both, true),
                     method_find(layer_default_method(both, true)->name)),
        both++;
  assert_true(both >= weights);
}

/* What is cancelled waits; what was done stays. */
static void test_cancel(void **state)
{
  (void)state;
  struct layer_problem problem;
  struct progress progress = {0};
  struct layer_row rows[2] = {{.ask = ask("rtn", "int4", NULL)}, {.ask = ask("rtn", "int8", NULL)}};
  open_values((struct shape){2, {ROWS, COLUMNS}}, (struct shape){2, {TOKENS, COLUMNS}}, false, 0,
              &problem);
  assert_int_equal(layer_row_run(&problem, &rows[0], NULL, &progress), STATUS_OK);
  const double mse = rows[0].calibration.output_mse;
  progress_cancel(&progress);
  assert_int_equal(layer_row_run(&problem, &rows[1], NULL, &progress), STATUS_CANCELLED);
  assert_true(rows[0].state == LAYER_DONE && rows[0].calibration.output_mse == mse);
  assert_true(rows[1].state == LAYER_WAITING && !rows[1].calibration.channel_mse);
  layer_row_free(&rows[0]);
  layer_problem_close(&problem);
}

/* What was made is kept where it is asked for, with its codes. */
static void test_kept(void **state)
{
  (void)state;
  struct layer_problem problem;
  struct layer_made made;
  struct layer_row row = {.ask = ask("rtn", "int8,channel", NULL)};
  open_values((struct shape){2, {ROWS, COLUMNS}}, (struct shape){2, {TOKENS, COLUMNS}}, false, 0,
              &problem);
  assert_int_equal(layer_row_run(&problem, &row, &made, NULL), STATUS_OK);
  assert_non_null(made.codes.code);
  assert_true(fabsf(made.weight[COLUMNS - 1] - 7) < 1e-6F); /* the absmax of the first row */
  layer_made_free(&made);
  layer_row_free(&row);
  layer_problem_close(&problem);
}

/* --- what they say ---------------------------------------------------------------------------- */

/* Channels of 10, 20, 30 and 40 dB and one without a signal: median 25, worst 10 at channel 2. */
static void test_spread(void **state)
{
  (void)state;
  double mse[5] = {1e-2, 1e-3, 1e-1, 0, 1e-4}, power[5] = {1, 1, 1, 0, 1};
  const struct layer_numbers numbers = {.rows = 5, .channel_mse = mse, .channel_power = power};
  const struct layer_spread spread = layer_channel_spread(&numbers);
  assert_true(fabs(spread.median_db - 25) < 1e-9 && fabs(spread.worst_db - 10) < 1e-9);
  assert_int_equal(spread.worst, 2);
}

/* A finished row whose output has power 1. */
static struct layer_row told(struct layer_ask ask, double weights_mse, double activations_mse,
                             double weight_sqnr_db, double bits)
{
  const double mse = weights_mse + activations_mse;
  return (struct layer_row){.ask = ask,
                            .state = LAYER_DONE,
                            .calibration = {.tokens = 100,
                                            .rows = 1,
                                            .output_mse = mse,
                                            .weights_mse = weights_mse,
                                            .activations_mse = activations_mse,
                                            .output_power = 1,
                                            .output_sqnr_db = mse > 0 ? -10 * log10(mse) : HUGE_VAL,
                                            .weight_sqnr_db = weight_sqnr_db,
                                            .bits_per_weight = bits}};
}

static void hold(struct layer_row *row, double sqnr_db)
{
  row->held_out = row->calibration;
  row->held_out.output_sqnr_db = sqnr_db;
}

static void expect(const struct layer_problem *problem, const struct layer_row *rows, size_t count,
                   size_t like, const char *expected)
{
  char text[LAYER_VERDICT];
  assert_string_equal(layer_verdict(problem, rows, count, like, text), expected);
}

/* A method of another name, which this test may not depend on. */
static const struct method other = {.name = "other"};

static struct layer_ask other_ask(const char *spec, const char *activation)
{
  struct layer_ask made = ask("rtn", spec, activation);
  made.method.method = &other;
  return made;
}

static void test_verdicts(void **state)
{
  (void)state;
  const struct layer_problem spread = {.layer = {.columns = 100, .tokens = 400}, .half_energy = 45},
                             few = {.layer = {.columns = 100, .tokens = 400}, .half_energy = 2};
  struct layer_row rows[2] = {told(ask("rtn", "int4", NULL), 1e-2, 0, 21, 4.25),
                              told(other_ask("int4", NULL), 1e-3, 0, 19.5, 4.5)};
  expect(&spread, rows, 1, 0, "rtn reaches 20.0 dB at the output, at 4.25 bits per weight.");
  expect(&spread, rows, 2, 0,
         "other is best: 30.0 dB at the output, 10.0 dB over rtn, at 4.50 bits per weight (rtn "
         "4.25). By their weights alone other would be 1.5 dB worse than rtn.");
  expect(&few, rows, 2, 1,
         "other is best: 30.0 dB at the output, 10.0 dB over rtn, at 4.50 bits per weight (rtn "
         "4.25). 2 of the 100 input channels carry half of the energy of the inputs: what their "
         "weights lose counts most. By their weights alone other would be 1.5 dB worse than rtn.");
  rows[1] = told(other_ask("int4", NULL), 1e-1, 0, 22, 4.25);
  expect(&spread, rows, 2, 0,
         "rtn is best: 20.0 dB at the output, 10.0 dB over other, at 4.25 bits per weight (other "
         "4.25). By their weights alone rtn would be 1.0 dB worse than other.");
  rows[1] = told(other_ask("int4", NULL), 1e-2, 0, 21, 4.25);
  expect(&spread, rows, 2, 0,
         "rtn and other are level: 20.0 dB at the output, at 4.25 and 4.25 bits per weight.");
  rows[1] = told(other_ask("int4", NULL), 0, 0, HUGE_VAL, 16);
  expect(&spread, rows, 2, 0,
         "other leaves the output exact, at 16.00 bits per weight. At the bits of rtn nothing is "
         "better than rtn.");
  const struct layer_row budgets[3] = {told(ask("rtn", "int4", NULL), 1e-2, 0, 21, 4.25),
                                       told(other_ask("int4", NULL), 1e-4, 0, 40, 8.5),
                                       told(other_ask("int4", NULL), 1e-3, 0, 30, 4.5)};
  expect(&spread, budgets, 3, 0,
         "other is best: 40.0 dB at the output, 20.0 dB over rtn, at 8.50 bits per weight (rtn "
         "4.25). At the bits of rtn other is best: 30.0 dB.");
  rows[1].calibration.output_sqnr_db = (double)NAN;
  expect(&spread, rows + 1, 1, 0,
         "The output is too large for float32: there is nothing to compare.");
  rows[1].calibration.output_power = 0;
  expect(&spread, rows + 1, 1, 0, "The output is 0 for all tokens: there is nothing to compare.");
  rows[1].state = LAYER_REFUSED;
  rows[0].state = LAYER_WAITING;
  expect(&spread, rows, 2, 0, "");
}

/* Rows of other quantizers are not compared. */
static void test_groups(void **state)
{
  (void)state;
  const struct layer_problem problem = {.layer = {.columns = 100, .tokens = 400},
                                        .half_energy = 45};
  const struct layer_row rows[2] = {told(ask("rtn", "int4", NULL), 1e-2, 0, 21, 4),
                                    told(ask("rtn", "int8", NULL), 1e-4, 0, 41, 8)};
  expect(&problem, rows, 2, 0, "rtn reaches 20.0 dB at the output, at 4.00 bits per weight.");
  expect(&problem, rows, 2, 1, "rtn reaches 40.0 dB at the output, at 8.00 bits per weight.");
  assert_int_equal(layer_group(rows, 1), 1);
}

/* Smoothing: activations 20 dB better, weights 3 dB worse. */
static void test_parts(void **state)
{
  (void)state;
  const struct layer_problem problem = {.layer = {.columns = 200, .tokens = 400}, .half_energy = 1};
  struct layer_row rows[2] = {told(ask("rtn", "int8", "int8"), 1e-4, 1e-2, 40, 8),
                              told(other_ask("int8", "int8"), 2e-4, 1e-4, 37, 8)};
  expect(&problem, rows, 2, 0,
         "other is best: 35.2 dB at the output, 15.3 dB over rtn, at 8.00 bits per weight (rtn "
         "8.00). The error from the activations is 20.0 dB smaller, that from the weights 3.0 dB "
         "larger. 1 of the 200 input channels carries half of the energy of the inputs: it sets "
         "the scale that the others have to share. Of what is left 67 % comes from the weights, 33 "
         "% from the activations. By their weights alone other would be 3.0 dB worse than rtn.");
  const struct layer_row weights[2] = {told(ask("rtn", "int4", "int8"), 1e-2, 1e-4, 20, 4),
                                       told(other_ask("int4", "int8"), 1e-3, 1e-6, 20, 4)};
  expect(&problem, weights, 2, 0,
         "other is best: 30.0 dB at the output, 10.0 dB over rtn, at 4.00 bits per weight (rtn "
         "4.00). The error from the activations is 20.0 dB smaller, that from the weights 10.0 dB "
         "smaller. 1 of the 200 input channels carries half of the energy of the inputs: what its "
         "weights lose counts most. 100 % of what is left comes from the weights.");
  expect(
      &problem, rows, 1, 0,
      "rtn reaches 20.0 dB at the output, at 8.00 bits per weight. 99 % of what is left comes from "
      "the activations: better weights would not help.");
  rows[0] = told(ask("rtn", "int8", "int8"), 1e-2, 1e-4, 40, 8);
  expect(
      &problem, rows, 1, 0,
      "rtn reaches 20.0 dB at the output, at 8.00 bits per weight. 99 % of what is left comes from "
      "the weights.");
}

static void test_overfit(void **state)
{
  (void)state;
  struct layer_problem problem = {.layer = {.columns = 100, .tokens = 50}, .half_energy = 45};
  struct layer_row rows[2] = {told(ask("rtn", "int4", NULL), 1e-2, 0, 21, 4),
                              told(other_ask("int4", NULL), 1e-3, 0, 22, 4)};
  expect(&problem, rows, 2, 0,
         "other is best: 30.0 dB at the output, 10.0 dB over rtn, at 4.00 bits per weight (rtn "
         "4.00). 50 tokens are few for 100 input channels: held-out ones would tell whether it "
         "lasts.");
  hold(&rows[0], 19);
  hold(&rows[1], 18);
  expect(
      &problem, rows, 2, 0,
      "rtn is best: 19.0 dB at the output on held-out tokens, 1.0 dB over other, at 4.00 bits per "
      "weight (other 4.00). By their weights alone rtn would be 1.0 dB worse than other. other "
      "fits its calibration tokens too closely: 30.0 dB on them, 18.0 dB on held-out ones (50 "
      "tokens for 100 input channels).");
  hold(&rows[1], 28.6); /* 0.4 dB more than what rtn loses */
  expect(
      &problem, rows, 2, 0,
      "other is best: 28.6 dB at the output on held-out tokens, 9.6 dB over rtn, at 4.00 bits per "
      "weight (rtn 4.00).");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_misfits),    cmocka_unit_test(test_shapes),
      cmocka_unit_test(test_hold_out),   cmocka_unit_test(test_nonfinite),
      cmocka_unit_test(test_matched),    cmocka_unit_test(test_energy),
      cmocka_unit_test(test_same_draws), cmocka_unit_test(test_runs),
      cmocka_unit_test(test_cancel),     cmocka_unit_test(test_defaults),
      cmocka_unit_test(test_kept),       cmocka_unit_test(test_spread),
      cmocka_unit_test(test_verdicts),   cmocka_unit_test(test_groups),
      cmocka_unit_test(test_parts),      cmocka_unit_test(test_overfit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
