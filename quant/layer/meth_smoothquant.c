/* SmoothQuant: the size of outlier channels goes from the activations, which have one scale for all
 * channels, into the weights, so that both can be quantized.
 * s_j = max(max|x_j|^alpha / max(max|w_j|, 1e-5)^(1 - alpha), 1e-5); x / s, W s
 * (mit-han-lab/smoothquant: smooth.py). */
#include "quant/base/size.h"
#include "quant/layer/loss.h"
#include "quant/layer/methods.h"
#include "quant/layer/round.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

/* The reference's activations, for a task that has none. */
#define OWN_ACTIVATION "smoothquant-int8-token"

enum { SWEEP = 21 }; /* exponents 0, 0.05 ... 1 */

static const float floor_of_all = 1e-5F;

/* W times its factor stays finite. */
static void make_factors(const struct layer *layer, float alpha, float *factor)
{
  const float *weight = layer->weight_absmax;
  for (size_t j = 0; j < layer->columns; j++) {
    const float s = powf(layer->absmax[j], alpha) / powf(fmaxf(weight[j], floor_of_all), 1 - alpha);
    factor[j] = fmaxf(fminf(s, FLT_MAX / fmaxf(weight[j], 1)), floor_of_all);
  }
}

/* --- the sweep -------------------------------------------------------------------------------- */

/* Output MSE of what MADE holds; INPUTS has room for X'. */
static enum status measure(const struct layer_task *task, const struct layer_made *made,
                           float *inputs, double *mse, struct error *error)
{
  const struct layer *layer = task->layer;
  enum status status = layer_inputs_apply(&made->inputs, layer, layer->activation, layer->tokens,
                                          inputs, task->progress, error);
  return status == STATUS_OK ? layer_loss(layer, made->weight, inputs, task->progress, mse, error)
                             : status;
}

static enum status try_all(const struct layer_task *task, float *inputs, struct layer_made *made,
                           struct error *error)
{
  struct layer_task trial = *task;
  struct method_search *search = &made->search;
  trial.keeps_codes = false;
  progress_expect(task->progress, SWEEP * layer_loss_cost(task->layer));
  for (size_t i = 0; i < SWEEP; i++) {
    search->x[i] = (double)i / (SWEEP - 1);
    make_factors(task->layer, (float)search->x[i], made->inputs.factor);
    enum status status = layer_round_turned(&trial, &task->weight, made, error);
    if (status == STATUS_OK)
      status = measure(task, made, inputs, &search->value[i], error);
    if (status != STATUS_OK)
      return status;
    if (search->value[i] < search->value[search->best])
      search->best = i;
  }
  return STATUS_OK;
}

/* made->search: the output MSE of every exponent. */
static enum status sweep(const struct layer_task *task, struct layer_made *made,
                         struct error *error)
{
  const struct layer *layer = task->layer;
  float *inputs = mem_array(layer->tokens * layer->columns, sizeof *inputs);
  made->search = (struct method_search){.across = "alpha",
                                        .loss = "output MSE",
                                        .width = SWEEP,
                                        .height = 1,
                                        .x = mem_array(SWEEP, sizeof(double)),
                                        .value = mem_array(SWEEP, sizeof(double))};
  enum status status = inputs && made->search.x && made->search.value
                           ? try_all(task, inputs, made, error)
                           : error_memory(error, "the sweep");
  free(inputs);
  return status;
}

/* --- the method ------------------------------------------------------------------------------- */

static void tell(const struct layer_task *task, double alpha, struct layer_made *made)
{
  float most = 0;
  const float *factor = made->inputs.factor, *weight = task->layer->weight_absmax;
  for (size_t j = 0; j < task->layer->columns; j++)
    most = weight[j] > 0 && task->layer->absmax[j] > 0 ? fmaxf(most, factor[j]) : most;
  snprintf(made->said, sizeof made->said, "activations divided by up to %.3g, exponent %.4g%s%s",
           (double)most, alpha, made->search.width ? " (the best of the sweep)" : "",
           task->quantizes_activation ? "" : "; activations are int8,token: none were asked for");
}

static enum status run(const struct layer_task *task, struct layer_made *made, struct error *error)
{
  double alpha = method_value(task, "alpha");
  enum status status = STATUS_OK;
  if (!task->quantizes_activation) {
    made->inputs.quantized = true;
    status = quantizer_parse(OWN_ACTIVATION, &made->inputs.quantizer, error);
  }
  if (status == STATUS_OK && method_value(task, "sweep") > 0) {
    status = sweep(task, made, error);
    alpha = status == STATUS_OK ? made->search.x[made->search.best] : alpha;
  }
  if (status != STATUS_OK)
    return status;
  make_factors(task->layer, (float)alpha, made->inputs.factor);
  tell(task, alpha, made);
  return layer_round_turned(task, &task->weight, made, error);
}

enum status smoothquant_run(const struct layer_task *task, struct layer_made *made,
                            struct error *error)
{
  const struct layer *layer = task->layer;
  made->inputs.factor = mem_array(layer->columns, sizeof *made->inputs.factor);
  made->weight = mem_array(layer->rows * layer->columns, sizeof *made->weight);
  return made->inputs.factor && made->weight ? run(task, made, error)
                                             : error_memory(error, "the weights");
}
