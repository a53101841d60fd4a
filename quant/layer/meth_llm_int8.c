/* LLM.int8(): input channels with a value of at least the threshold stay in 16 bits on both sides,
 * the rest is int8 with a scale for each row of W and each token of X.
 * bitsandbytes multiplies the outliers of X with the rows' int8 (weights=int8); the paper keeps
 * their weights in float16 (arXiv 2208.07339). */
#include "quant/base/half.h"
#include "quant/base/size.h"
#include "quant/layer/columns.h"
#include "quant/layer/methods.h"
#include "quant/layer/round.h"

#include <stdio.h>

/* bitsandbytes/backends/default/ops.py: rint(x (127 / a)) of the row's largest magnitude a. */
#define WEIGHT     "int8,channel,minmax,scale-rule=qmax,arithmetic=multiply"
#define ACTIVATION "int8,token,minmax,scale-rule=qmax,arithmetic=multiply"

enum { WEIGHTS_FLOAT16 = 0, PARAMS_REFERENCE = 0 }; /* places among the choices */

/* 1 for each column that reaches the threshold as the float16 that the reference reads; how many.
 */
static size_t choose(const struct layer *layer, double threshold, unsigned char *chosen)
{
  size_t count = 0;
  for (size_t j = 0; j < layer->columns; j++) {
    const float most = half_to_float(half_from_float(layer->absmax[j]));
    chosen[j] = threshold > 0 && (double)most >= threshold;
    count += chosen[j];
  }
  return count;
}

static enum status choose_quantizers(const struct layer_task *task, struct quantizer *weight,
                                     struct layer_made *made, struct error *error)
{
  *weight = task->weight;
  if (method_value(task, "params") > PARAMS_REFERENCE && task->quantizes_activation)
    return STATUS_OK;
  made->inputs.quantized = true;
  enum status status = quantizer_parse(ACTIVATION, &made->inputs.quantizer, error);
  return status == STATUS_OK && method_value(task, "params") <= PARAMS_REFERENCE
             ? quantizer_parse(WEIGHT, weight, error)
             : status;
}

enum status llm_int8_run(const struct layer_task *task, struct layer_made *made,
                         struct error *error)
{
  const struct layer *layer = task->layer;
  const double threshold = method_value(task, "threshold");
  struct quantizer weight, float16;
  unsigned char *chosen = mem_array(layer->columns, 1);
  made->weight = mem_array(layer->rows * layer->columns, sizeof *made->weight);
  if (!chosen || !made->weight) {
    free(chosen);
    return error_memory(error, "the weights");
  }
  const size_t count = choose(layer, threshold, chosen);
  enum status status = columns_keep_inputs(task, chosen, made, error);
  made->inputs.counted = (float)threshold;
  if (status == STATUS_OK)
    status = choose_quantizers(task, &weight, made, error);
  if (status == STATUS_OK)
    status = quantizer_parse("fp16", &float16, error);
  const bool keeps = count > 0 && method_value(task, "weights") <= WEIGHTS_FLOAT16;
  if (status == STATUS_OK)
    status = layer_round(&weight, layer->weight, layer->rows, layer->columns, made->weight,
                         &made->stored_bits, task->keeps_codes && !keeps ? &made->codes : NULL,
                         task->progress, error);
  if (status == STATUS_OK && keeps)
    status = columns_keep(task, chosen, &float16, &weight, made, error);
  snprintf(made->said, sizeof made->said,
           "%zu of %zu input channels reach %.4g and stay in 16 bits%s", count, layer->columns,
           threshold, method_value(task, "params") > PARAMS_REFERENCE ? "" : "; the rest is int8");
  return status;
}
