/* Experiments on a layer: opening, running, measuring. */
#include "analysis/exp_layer.h"

#include "analysis/experiments.h"
#include "data/source.h"

#include <stdio.h>
#include <string.h>

const struct method *const exp_method_table[] = {
    &exp_gptq_with_hessian, &exp_awq_gptq,          &exp_awq_gptq_actorder, &exp_smooth_inverted,
    &exp_smooth_weights,    &exp_awq_gamma_quarter, &exp_awq_gamma_half,    &exp_awq_gamma_minus,
    &exp_joint_told,        &exp_joint_independent, &exp_smooth_few};
const size_t exp_method_table_length = sizeof exp_method_table / sizeof *exp_method_table;

bool layer_trial_is(const char *spec)
{
  return strncmp(spec, "-m ", 3) == 0;
}

static enum status parse_method(const char *text, struct method_choice *out, struct error *error)
{
  for (size_t i = 0; i < exp_method_table_length; i++)
    if (strcmp(exp_method_table[i]->name, text) == 0) {
      *out = method_plain(exp_method_table[i]);
      return STATUS_OK;
    }
  return method_parse(text, out, error);
}

enum status layer_trial_parse(const char *spec, struct layer_task *task, struct error *error)
{
  char method[METHOD_TEXT], weight[QUANTIZER_TEXT], activation[QUANTIZER_TEXT];
  const int found = sscanf(spec, "-m %255s -q %255s -a %255s", method, weight, activation);
  if (found < 2)
    return error_set(error, STATUS_USAGE, "'%s': -m METHOD -q SPEC is expected", spec);
  *task = (struct layer_task){.quantizes_activation = found == 3};
  enum status status = parse_method(method, &task->method, error);
  if (status == STATUS_OK)
    status = quantizer_parse(weight, &task->weight, error);
  if (status == STATUS_OK && found == 3)
    status = quantizer_parse(activation, &task->activation, error);
  return status;
}

/* WEIGHT for COLUMNS input channels: with half as many output channels, unless it has a shape. */
static enum status load_weight(struct layer_trial *trial, const char *weight, size_t columns,
                               struct progress *progress, struct error *error)
{
  char spec[128];
  if (trial->source)
    return STATUS_OK;
  snprintf(spec, sizeof spec, strstr(weight, ",shape=") ? "%s" : "%s,shape=%zux%zu", weight,
           columns / 2, columns);
  enum status status = source_open(spec, &trial->source, error);
  return status == STATUS_OK ? source_load(trial->source, 0, progress, error) : status;
}

/* Synthetic tensors are float32, native. */
static const float *values_of(const struct tensor *tensor)
{
  return (const float *)(const void *)tensor->data;
}

static void drop_run(struct layer_trial *trial)
{
  layer_made_free(&trial->made);
  layer_numbers_free(&trial->numbers);
}

static void drop_layer(struct layer_trial *trial)
{
  drop_run(trial);
  layer_close(&trial->layer);
  layer_output_free(&trial->output);
  layer_output_free(&trial->held_out);
}

enum status layer_trial_open(struct layer_trial *trial, const char *weight,
                             const struct tensor *activation, struct progress *progress,
                             struct error *error)
{
  drop_layer(trial);
  enum status status = load_weight(trial, weight, activation->shape.dim[1], progress, error);
  if (status != STATUS_OK)
    return status;
  const struct tensor *w = source_tensor(trial->source, 0);
  const size_t columns = w->shape.dim[1], tokens = activation->shape.dim[0];
  if (activation->shape.dim[1] != columns || tokens <= LAYER_TRIAL_HELD)
    return error_set(error, STATUS_USAGE,
                     "the activation of the experiment is %zu x %zu, more than %d x %zu is "
                     "expected",
                     tokens, activation->shape.dim[1], LAYER_TRIAL_HELD, columns);
  const float *held_out = values_of(activation), *x = held_out + LAYER_TRIAL_HELD * columns;
  trial->held_out = (struct layer_output){held_out, LAYER_TRIAL_HELD, NULL};
  trial->output = (struct layer_output){x, tokens - LAYER_TRIAL_HELD, NULL};
  return layer_open(values_of(w), w->shape.dim[0], columns, x, tokens - LAYER_TRIAL_HELD, progress,
                    &trial->layer, error);
}

enum status layer_trial_run(struct layer_trial *trial, const char *spec, struct progress *progress,
                            struct error *error)
{
  drop_run(trial);
  enum status status = layer_trial_parse(spec, &trial->task, error);
  trial->task.layer = &trial->layer;
  trial->task.progress = progress;
  return status == STATUS_OK ? method_run(&trial->task, &trial->made, error) : status;
}

enum status layer_trial_measure(struct layer_trial *trial, bool held_out, struct progress *progress,
                                struct error *error)
{
  layer_numbers_free(&trial->numbers);
  return layer_measure(&trial->layer, &trial->made, held_out ? &trial->held_out : &trial->output,
                       progress, &trial->numbers, error);
}

void layer_trial_clear(struct layer_trial *trial)
{
  drop_layer(trial);
  source_close(trial->source);
  *trial = (struct layer_trial){.source = NULL};
}
