/* The experiment on GPTQ, and what is told of its update and wrong. */
#include "analysis/exp_layer.h"
#include "analysis/experiments.h"
#include "quant/base/size.h"
#include "quant/layer/cholesky.h"
#include "quant/layer/find_params.h"
#include "quant/layer/product.h"

#include <math.h>
#include <string.h>

/* --- the update as it is often written -------------------------------------------------------- */

/* One row of N weights: the loss of column i is taken from each column j behind it in the measure
 * of (x_i . x_j) / (x_i . x_i + eps), that is with H where H^-1 belongs. */
static void round_row(const struct triangle *gram, const struct quantizer *quantizer, float *weight)
{
  static const double eps = 1e-6;
  const size_t group = quantizer->granularity.group, n = gram->n;
  struct weight_grid grid = {0};
  for (size_t i = 0; i < n; i++) {
    const double square = triangle_row(gram, i)[i] + eps;
    if (i % group == 0)
      grid = find_params(weight + i, size_min(group, n - i), quantizer->format->bits,
                         !quantizer->asymmetric, false);
    const float value = weight_grid_value(&grid, weight_grid_code(&grid, weight[i]));
    const double loss = (double)weight[i] - (double)value;
    for (size_t j = i + 1; j < n; j++)
      weight[j] = (float)((double)weight[j] - loss * triangle_row(gram, j)[i] / square);
    weight[i] = value;
  }
}

static enum status with_hessian(const struct layer_task *task, struct layer_made *made,
                                struct error *error)
{
  const struct layer *layer = task->layer;
  const size_t n = layer->columns, count = layer->rows * n;
  if (task->weight.granularity.kind != GRAIN_GROUP)
    return error_set(error, STATUS_USAGE, "group=N is expected");
  struct triangle gram = {NULL, 0};
  made->weight = mem_array(count, sizeof *made->weight);
  enum status status =
      made->weight && triangle_make(&gram, n)
          ? product_gram(layer->activation, layer->tokens, NULL, &gram, task->progress, error)
          : error_memory(error, "the weights");
  if (status == STATUS_OK)
    memcpy(made->weight, layer->weight, count * sizeof *made->weight);
  for (size_t r = 0; status == STATUS_OK && r < layer->rows; r++)
    round_row(&gram, &task->weight, made->weight + r * n);
  triangle_free(&gram);
  return status;
}

const struct method exp_gptq_with_hessian = {.name = "gptq-with-H", .run = with_hessian};

/* --- both ------------------------------------------------------------------------------------- */

/* GPTQ on the layer as AWQ's factors make it. */
static enum status run_scaled(const struct layer_task *task, const struct layer_inputs *inputs,
                              const char *method, float *weight, float *x, struct layer_made *made,
                              struct error *error)
{
  const struct layer *layer = task->layer;
  struct layer scaled;
  struct layer_task step = *task;
  layer_inputs_turn(inputs, layer->weight, layer->rows, layer->columns, true, false, weight);
  layer_inputs_turn(inputs, layer->activation, layer->tokens, layer->columns, false, false, x);
  enum status status = layer_open(weight, layer->rows, layer->columns, x, layer->tokens,
                                  task->progress, &scaled, error);
  if (status != STATUS_OK)
    return status;
  step.layer = &scaled;
  status = method_parse(method, &step.method, error);
  if (status == STATUS_OK)
    status = method_run(&step, made, error);
  if (status == STATUS_OK)
    layer_inputs_turn(inputs, made->weight, layer->rows, layer->columns, true, true, made->weight);
  layer_close(&scaled);
  return status;
}

static enum status awq_then(const char *method, const struct layer_task *task,
                            struct layer_made *made, struct error *error)
{
  const struct layer *layer = task->layer;
  struct layer_task step = *task;
  struct layer_made first;
  step.method = method_plain(method_find("awq"));
  enum status status = method_run(&step, &first, error);
  if (status != STATUS_OK)
    return status;
  float *weight = mem_array(layer->rows * layer->columns, sizeof *weight);
  float *x = mem_array(layer->tokens * layer->columns, sizeof *x);
  status = weight && x ? run_scaled(task, &first.inputs, method, weight, x, made, error)
                       : error_memory(error, "a scaled layer");
  free(weight);
  free(x);
  layer_made_free(&first);
  return status;
}

static enum status awq_then_gptq(const struct layer_task *task, struct layer_made *made,
                                 struct error *error)
{
  return awq_then("gptq", task, made, error);
}

static enum status awq_then_ordered(const struct layer_task *task, struct layer_made *made,
                                    struct error *error)
{
  return awq_then("gptq,actorder", task, made, error);
}

const struct method exp_awq_gptq = {.name = "awq+gptq", .run = awq_then_gptq};
const struct method exp_awq_gptq_actorder = {.name = "awq+gptq,actorder", .run = awq_then_ordered};

/* --- two columns ------------------------------------------------------------------------------ */

/* The error of the output when column 1 was rounded by 1 and column 2 was moved by UPDATE; the
 * columns' inputs have a mean square of 1 and this correlation. */
static const double correlation = 0.9;

static double residual(double update)
{
  return 1 + 2 * correlation * update + update * update;
}

double exp_residual_without(const struct measured *m)
{
  (void)m;
  return residual(0);
}

double exp_residual_gptq(const struct measured *m)
{
  struct triangle h;
  struct upper u = {NULL, 0, 0};
  double result = (double)NAN;
  size_t stuck;
  (void)m;
  if (triangle_make(&h, 2)) {
    triangle_row(&h, 0)[0] = triangle_row(&h, 1)[1] = 1;
    triangle_row(&h, 1)[0] = correlation;
    if (cholesky_of_inverse(&h, 2, &u, &stuck, NULL) == STATUS_OK)
      result = residual((double)upper_row(&u, 0)[1] / (double)upper_row(&u, 0)[0]);
  }
  triangle_free(&h);
  upper_free(&u);
  return result;
}

double exp_residual_with_hessian(const struct measured *m)
{
  (void)m;
  return residual(correlation);
}

/* --- the experiment --------------------------------------------------------------------------- */

/* 2048 tokens are held out, the others learned from; the seed is not the weight's, whose numbers
 * they would be. With five outlier channels much depends on which they are: over seven seeds AWQ
 * has 27.0 to 30.1 dB where they are 100 times as large. This one is in the middle of most rows. */
#define INPUTS(tokens, more) "synth:correlated,shape=" tokens "x512" more
#define Q                    " -q int4,asym,group=128"

static const struct experiment_row gptq[] = {
    {"round to nearest", INPUTS("6144", ",seed=2"), "-m rtn" Q, "held_out_sqnr_db",
     NEAR(19.96, 0.2), 0, 0},
    {"gptq", NULL, "-m gptq" Q, "held_out_sqnr_db", NEAR(21.87, 0.2), 0, 0},
    {"gptq, large inputs first", NULL, "-m gptq,actorder" Q, "held_out_sqnr_db", NEAR(22.1, 0.2), 0,
     0},
    {"awq, then gptq", NULL, "-m awq+gptq" Q, "held_out_sqnr_db", NEAR(22.2, 0.2), 0, 0},
    {"with H where its inverse belongs", NULL, "-m gptq-with-H" Q, "held_out_sqnr_db",
     NEAR(4.8, 0.2), 0, 0},
    LESS("gptq over round to nearest", 1, 0, NEAR(1.9, 0.2)),
    LESS("what the order gains", 2, 1, NEAR(0.2, 0.1)),
    {"two columns, nothing made up for", NULL, NULL, "two_columns_none", NEAR(1, 1e-6), 0, 0},
    {"two columns, gptq", NULL, NULL, "two_columns_gptq", NEAR(0.19, 1e-6), 0, 0},
    {"two columns, with H", NULL, NULL, "two_columns_with_h", NEAR(3.43, 1e-6), 0, 0},
    {"64 tokens: gptq", INPUTS("2112", ",seed=2"), "-m gptq" Q, "held_out_sqnr_db", NEAR(18.9, 0.2),
     0, 0},
    {"as its own tokens see it", NULL, NULL, "output_sqnr_db", AT_LEAST(27), 0, 0},
    {"256 tokens", INPUTS("2304", ",seed=2"), "-m gptq" Q, "held_out_sqnr_db", NEAR(18.2, 0.2), 0,
     0},
    {"512 tokens", INPUTS("2560", ",seed=2"), "-m gptq" Q, "held_out_sqnr_db", NEAR(19.3, 0.2), 0,
     0},
    {"1024 tokens", INPUTS("3072", ",seed=2"), "-m gptq" Q, "held_out_sqnr_db", NEAR(21.0, 0.2), 0,
     0},
    {"nothing in common: round to nearest", INPUTS("6144", ",seed=2,correlation=0"), "-m rtn" Q,
     "held_out_sqnr_db", NEAR(19.96, 0.2), 0, 0},
    {"nothing in common: gptq", NULL, "-m gptq" Q, "held_out_sqnr_db", NEAR(19.69, 0.2), 0, 0},
    LESS("gptq over round to nearest", 16, 15, NEAR(-0.27, 0.1)),
    {"outliers of 30: round to nearest", INPUTS("6144", ",seed=3,outliers=0.01,size=30"),
     "-m rtn" Q, "held_out_sqnr_db", NEAR(19.9, 1), 0, 0},
    {"outliers of 30: awq", NULL, "-m awq" Q, "held_out_sqnr_db", NEAR(24.0, 1), 0, 0},
    {"outliers of 30: gptq", NULL, "-m gptq" Q, "held_out_sqnr_db", NEAR(23.4, 1), 0, 0},
    {"outliers of 30: large inputs first", NULL, "-m gptq,actorder" Q, "held_out_sqnr_db",
     NEAR(24.2, 1), 0, 0},
    {"outliers of 30: awq, then gptq", NULL, "-m awq+gptq" Q, "held_out_sqnr_db", NEAR(26.5, 1), 0,
     0},
    {"outliers of 100: round to nearest", INPUTS("6144", ",seed=3,outliers=0.01,size=100"),
     "-m rtn" Q, "held_out_sqnr_db", NEAR(19.9, 1), 0, 0},
    {"outliers of 100: awq", NULL, "-m awq" Q, "held_out_sqnr_db", NEAR(27.8, 1), 0, 0},
    {"outliers of 100: gptq", NULL, "-m gptq" Q, "held_out_sqnr_db", NEAR(23.9, 1), 0, 0},
    {"outliers of 100: large inputs first", NULL, "-m gptq,actorder" Q, "held_out_sqnr_db",
     NEAR(25.1, 1), 0, 0},
    {"outliers of 100: awq, then gptq", NULL, "-m awq+gptq" Q, "held_out_sqnr_db", NEAR(31.2, 1), 0,
     0},
    LESS("awq over gptq", 24, 25, AT_LEAST(2)),
    LESS("both over awq", 27, 24, AT_LEAST(2)),
};
const struct experiment exp_gptq = {
    .name = "gptq",
    .title = "GPTQ and what it needs",
    .claim = "GPTQ propagates errors in the measure of the inputs' products, keeps sensitive "
             "weights at more bits, and always helps; 32 to 128 samples are enough for it.",
    .question = "How many dB does it gain at the output, on which inputs, and from how many tokens "
                "on?",
    .recipe = "synth:weight-gaussian,shape=256x512 -q int4,asym,group=128 --view layer -m rtn "
              "-m gptq -m gptq,actorder -m awq --activation synth:correlated,seed=2,shape=4096x512",
    .weight = "synth:weight-gaussian,shape=256x512",
    .see =
        "Under gptq the weights' own SQNR falls by a dB and more while the output's rises by two: "
        "the errors are larger, and cancel. Look at its options (w), and at other inputs.",
    .answer =
        "All weights have the same bits; the inverse of H tells which errors cancel, H itself "
        "makes them add up (5 dB, and 3.43 times the error of two columns instead of 0.19). It "
        "gains 2 dB where inputs have causes in common and loses a little where they have none. "
        "It needs tokens, twice the inputs or more: a sample is a sequence of 2048; with half as "
        "many tokens as inputs it is worse than rounding, while its own tokens praise it. With "
        "strong outlier channels AWQ is ahead, and both together are best.",
    ROWS(gptq)};
