/* Recipes that say how weights and activations share scales, and then round to nearest.
 *
 * zeroquant (Yao et al. 2022): a scale for each group of a row of the weights, a scale for each
 * token, made at run time. llm-qat (Liu et al. 2023), its quantizers without its training: minmax,
 * symmetric, nothing clipped; a scale for each output channel and for each token. The format of
 * either side is the task's; activations without a quantizer are int8. */
#include "quant/calibrator.h"
#include "quant/layer/methods.h"

#include <stdio.h>

/* FORMAT by minmax with nothing clipped, symmetric. */
static struct quantizer plain(const struct format *format, struct granularity granularity)
{
  struct quantizer quantizer = {.format = format,
                                .granularity = granularity,
                                .calibrator = calibrator_find("minmax"),
                                .by = BY_CALIBRATOR};
  calibrator_options(quantizer.calibrator, quantizer.option);
  return quantizer;
}

static enum status refuse_blocks(const struct quantizer *quantizer, const char *what,
                                 struct error *error)
{
  return format_is_block(quantizer->format)
             ? error_set(error, STATUS_USAGE,
                         "%s brings blocks of its own, this method sets how %s share scales",
                         quantizer->format->name, what)
             : STATUS_OK;
}

/* The quantizer of the tokens: symmetric, a scale for each, the format of the task's or int8. */
static struct quantizer token_wise(const struct layer_task *task)
{
  const struct granularity token = {.kind = GRAIN_TOKEN};
  return plain(task->quantizes_activation ? task->activation.format : format_find("int8"), token);
}

/* Rounds with TASK's weights; says what was set. */
static enum status round_with(const struct layer_task *task, const struct quantizer *activation,
                              struct layer_made *made, struct error *error)
{
  char weights[QUANTIZER_TEXT], tokens[QUANTIZER_TEXT];
  enum status status = quantizer_check(&task->weight, error);
  if (status == STATUS_OK)
    status = quantizer_check(activation, error);
  if (status == STATUS_OK)
    status = rtn_run(task, made, error);
  if (status != STATUS_OK)
    return status;
  made->inputs.quantized = true;
  made->inputs.quantizer = *activation;
  snprintf(made->said, sizeof made->said, "weights %.100s, activations %.100s",
           quantizer_print(&task->weight, weights), quantizer_print(activation, tokens));
  return STATUS_OK;
}

static enum status refuse_both(const struct layer_task *task, struct error *error)
{
  enum status status = refuse_blocks(&task->weight, "weights", error);
  return status == STATUS_OK && task->quantizes_activation
             ? refuse_blocks(&task->activation, "activations", error)
             : status;
}

enum status zeroquant_run(const struct layer_task *task, struct layer_made *made,
                          struct error *error)
{
  enum status status = refuse_both(task, error);
  if (status != STATUS_OK)
    return status;
  const size_t group = (size_t)method_value(task, "group");
  const struct granularity *asked = &task->weight.granularity;
  const struct quantizer activation = token_wise(task);
  struct layer_task grouped = *task;
  if (group || asked->kind != GRAIN_GROUP)
    grouped.weight.granularity =
        (struct granularity){.kind = GRAIN_GROUP, .group = group ? group : 128};
  return round_with(&grouped, &activation, made, error);
}

enum status llm_qat_run(const struct layer_task *task, struct layer_made *made, struct error *error)
{
  enum status status = refuse_both(task, error);
  if (status != STATUS_OK)
    return status;
  const struct granularity channel = {.kind = GRAIN_CHANNEL};
  const struct quantizer activation = token_wise(task);
  struct layer_task symmetric = *task;
  symmetric.weight = plain(task->weight.format, channel);
  return round_with(&symmetric, &activation, made, error);
}
