/* AWQ: input channels are multiplied by a power of the size of their activations before rounding,
 * so that channels which matter lose less of themselves; the inverse goes into the operation
 * before.
 * mit-han-lab/llm-awq: quantize/auto_scale.py, quantize/auto_clip.py; with `duo` casper-hansen/
 * AutoAWQ: quantize/quantizer.py. Factors are float32, as there: which exponent wins depends on it.
 */
#include "quant/base/size.h"
#include "quant/layer/clip.h"
#include "quant/layer/loss.h"
#include "quant/layer/methods.h"
#include "quant/layer/round.h"
#include "quant/scale_rule.h"

#include <math.h>
#include <stdio.h>

enum { SEARCHED = -1 };                            /* alpha when none was given */
enum { STATISTIC_MEAN = 0, PARAMS_REFERENCE = 0 }; /* places among the choices */

struct awq {
  const struct layer_task *task;
  const struct layer *layer;
  struct quantizer quantizer;
  float *activation; /* of each column: what is raised to the exponent */
  float *weight;     /* of each column: mean share of the largest weight of its group; NULL */
  float *factor;     /* those of `inputs` */
  const struct layer_inputs *inputs;
  float *work; /* rows x columns: W times the factors, its reconstruction, or its error */
};

/* --- parameters ------------------------------------------------------------------------------- */

/* The reference's own grid at the bits and groups that were asked for. */
static void use_own_rule(struct quantizer *quantizer)
{
  if (!format_is_integer(quantizer->format))
    return;
  struct quantizer own = {.format = quantizer->format,
                          .asymmetric = quantizer->asymmetric,
                          .scale_type = quantizer->scale_type,
                          .granularity = quantizer->granularity,
                          .calibrator = calibrator_find("minmax")};
  calibrator_options(own.calibrator, own.option);
  own.rule = scale_rule_find(own.asymmetric ? "awq" : "floored-absmax");
  *quantizer = own;
}

static void read_activation(const struct awq *awq)
{
  const struct layer *layer = awq->layer;
  const bool mean = method_value(awq->task, "statistic") <= STATISTIC_MEAN;
  for (size_t j = 0; j < layer->columns; j++)
    awq->activation[j] = mean ? (float)layer->mean_abs[j] : layer->absmax[j];
}

static float largest(const float *values, size_t count)
{
  float most = 0;
  for (size_t i = 0; i < count; i++)
    most = fmaxf(most, fabsf(values[i]));
  return most;
}

/* Mean over the rows of |w| / (the largest |w| of its group + 1e-6). */
static enum status read_weight(const struct awq *awq, struct error *error)
{
  const struct layer *layer = awq->layer;
  const size_t group = clip_group(&awq->quantizer, layer->columns);
  double *sum = mem_array(layer->columns, sizeof *sum);
  if (!sum)
    return error_memory(error, "the input channels");
  for (size_t start = 0; start < layer->columns; start += group) {
    const size_t length = size_min(group, layer->columns - start);
    for (size_t r = 0; r < layer->rows; r++) {
      const float *w = layer->weight + r * layer->columns + start;
      const float most = largest(w, length) + 1e-6F;
      for (size_t j = 0; j < length; j++)
        sum[start + j] += (double)(fabsf(w[j]) / most);
    }
  }
  for (size_t j = 0; j < layer->columns; j++)
    awq->weight[j] = (float)(sum[j] / (double)layer->rows);
  free(sum);
  return STATUS_OK;
}

/* The factors of exponent ALPHA, around 1; those that float32 cannot hold are 1, as in AutoAWQ. */
static void make_factors(const struct awq *awq, float alpha)
{
  float least = HUGE_VALF, most = 0;
  for (size_t j = 0; j < awq->layer->columns; j++) {
    float factor = powf(awq->activation[j], alpha);
    if (awq->weight)
      factor /= powf(awq->weight[j], 1 - alpha) + 1e-4F;
    awq->factor[j] = fmaxf(factor, 1e-4F);
    least = fminf(least, awq->factor[j]);
    most = fmaxf(most, awq->factor[j]);
  }
  const float middle = sqrtf(most * least);
  for (size_t j = 0; j < awq->layer->columns; j++) {
    const float factor = awq->factor[j] / middle;
    awq->factor[j] = isnormal(factor) ? factor : 1;
  }
}

/* --- one candidate ---------------------------------------------------------------------------- */

/* work = W times the factors. */
static void scale(const struct awq *awq)
{
  const struct layer *layer = awq->layer;
  layer_inputs_turn(awq->inputs, layer->weight, layer->rows, layer->columns, true, false,
                    awq->work);
}

/* work = its reconstruction, divided by the factors again; MADE, unless NULL, what is stored. */
static enum status quantize(const struct awq *awq, struct layer_made *made, struct error *error)
{
  const size_t rows = awq->layer->rows, columns = awq->layer->columns;
  struct method_codes *codes = made && awq->task->keeps_codes ? &made->codes : NULL;
  enum status status =
      layer_round(&awq->quantizer, awq->work, rows, columns, awq->work,
                  made ? &made->stored_bits : NULL, codes, awq->task->progress, error);
  if (status == STATUS_OK)
    layer_inputs_turn(awq->inputs, awq->work, rows, columns, true, true, awq->work);
  return status;
}

static enum status try_exponent(const struct awq *awq, double alpha, double *loss,
                                struct error *error)
{
  make_factors(awq, (float)alpha);
  scale(awq);
  enum status status = quantize(awq, NULL, error);
  return status == STATUS_OK
             ? layer_loss(awq->layer, awq->work, NULL, awq->task->progress, loss, error)
             : status;
}

/* --- the search ------------------------------------------------------------------------------- */

static enum status search(const struct awq *awq, struct method_search *out, struct error *error)
{
  const size_t grid = (size_t)method_value(awq->task, "grid");
  *out = (struct method_search){.across = "alpha",
                                .loss = "output MSE",
                                .width = grid,
                                .height = 1,
                                .x = mem_array(grid, sizeof(double)),
                                .value = mem_array(grid, sizeof(double))};
  if (!out->x || !out->value)
    return error_memory(error, "the search");
  progress_expect(awq->task->progress, grid * layer_loss_cost(awq->layer));
  for (size_t i = 0; i < grid; i++) {
    out->x[i] = (double)i / (double)grid;
    enum status status = try_exponent(awq, out->x[i], &out->value[i], error);
    if (status != STATUS_OK)
      return status;
    if (out->value[i] < out->value[out->best])
      out->best = i;
  }
  return STATUS_OK;
}

static enum status clip(const struct awq *awq, struct error *error)
{
  const struct layer *layer = awq->layer;
  const size_t group = clip_group(&awq->quantizer, layer->columns);
  const struct clip_task task = {layer, awq->work, awq->factor, &awq->quantizer,
                                 awq->task->progress};
  float *most = mem_array(layer->rows * size_div_up(layer->columns, group), sizeof *most);
  enum status status =
      most ? clip_search(&task, most, error) : error_memory(error, "the clip search");
  if (status == STATUS_OK)
    clip_apply(awq->work, layer->rows, layer->columns, group, most, 1, awq->work);
  free(most);
  return status;
}

static enum status finish(const struct awq *awq, double alpha, struct layer_made *made,
                          struct error *error)
{
  enum status status = STATUS_OK;
  make_factors(awq, (float)alpha);
  scale(awq);
  if (method_value(awq->task, "clip") > 0)
    status = clip(awq, error);
  return status == STATUS_OK ? quantize(awq, made, error) : status;
}

static void tell(const struct awq *awq, double alpha, struct layer_made *made)
{
  const struct method_search *search = &made->search;
  const int used = snprintf(made->said, sizeof made->said, "columns times %s|x|^%.4g%s%s",
                            method_value(awq->task, "statistic") > STATISTIC_MEAN ? "max" : "mean",
                            alpha, awq->weight ? " over the size of their weights" : "",
                            method_value(awq->task, "clip") > 0 ? ", groups clipped" : "");
  if (search->width && search->value[search->best] > 0)
    snprintf(made->said + used, sizeof made->said - (size_t)used,
             "; exponent 0 had %.3g times the output MSE",
             search->value[0] / search->value[search->best]);
}

enum status awq_run(const struct layer_task *task, struct layer_made *made, struct error *error)
{
  const struct layer *layer = task->layer;
  struct awq awq = {
      .task = task, .layer = layer, .quantizer = task->weight, .inputs = &made->inputs};
  const bool duo = method_value(task, "duo") > 0;
  double alpha = method_value(task, "alpha");
  if (method_value(task, "params") <= PARAMS_REFERENCE)
    use_own_rule(&awq.quantizer);
  awq.activation = mem_array(layer->columns, sizeof *awq.activation);
  awq.weight = duo ? mem_array(layer->columns, sizeof *awq.weight) : NULL;
  awq.factor = made->inputs.factor = mem_array(layer->columns, sizeof *awq.factor);
  awq.work = made->weight = mem_array(layer->rows * layer->columns, sizeof *awq.work);
  enum status status = awq.activation && awq.factor && awq.work && (awq.weight || !duo)
                           ? STATUS_OK
                           : error_memory(error, "the weights");
  if (status == STATUS_OK)
    read_activation(&awq);
  if (status == STATUS_OK && duo)
    status = read_weight(&awq, error);
  if (status == STATUS_OK && alpha <= SEARCHED) {
    status = search(&awq, &made->search, error);
    alpha = status == STATUS_OK ? made->search.x[made->search.best] : alpha;
  }
  if (status == STATUS_OK)
    status = finish(&awq, alpha, made, error);
  if (status == STATUS_OK)
    tell(&awq, alpha, made);
  free(awq.activation);
  free(awq.weight);
  return status;
}
