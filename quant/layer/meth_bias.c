/* bias: what a method does to the mean of each output channel on the calibration tokens is taken
 * back by a bias.
 *
 * The mean of Y' - Y of output channel r needs no product of the tokens: it is
 * sum_j mean(x_j) (w'_rj - w_rj) + (mean(x'_j) - mean(x_j)) w'_rj. */
#include "quant/base/size.h"
#include "quant/layer/methods.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* *out = mean(x') - mean(x) of each input channel; NULL where X' = X. */
static enum status shifts(const struct layer_task *task, const struct layer_made *made,
                          double **out, struct error *error)
{
  const struct layer *layer = task->layer;
  const size_t columns = layer->columns, count = layer->tokens * columns;
  *out = NULL;
  if (layer_inputs_exact(&made->inputs))
    return STATUS_OK;
  float *reached = mem_array(count, sizeof *reached);
  double *shift = mem_array(columns, sizeof *shift);
  enum status status = reached && shift
                           ? layer_inputs_apply(&made->inputs, layer, layer->activation,
                                                layer->tokens, reached, task->progress, error)
                           : error_memory(error, "the activations");
  for (size_t i = 0; status == STATUS_OK && i < count; i++)
    shift[i % columns] += (double)reached[i] - (double)layer->activation[i];
  for (size_t j = 0; status == STATUS_OK && j < columns; j++)
    shift[j] /= (double)layer->tokens;
  free(reached);
  if (status == STATUS_OK)
    *out = shift;
  else
    free(shift);
  return status;
}

/* The mean output error of channel ROW. */
static double mean_error(const struct layer *layer, const struct layer_made *made,
                         const double *shift, size_t row)
{
  const float *w = layer->weight + row * layer->columns, *v = made->weight + row * layer->columns;
  double sum = 0;
  for (size_t j = 0; j < layer->columns; j++)
    sum += layer->mean[j] * ((double)v[j] - (double)w[j]) + (shift ? shift[j] * (double)v[j] : 0);
  return sum;
}

static void correct(const struct layer *layer, struct layer_made *made, const double *shift)
{
  double squares = 0;
  for (size_t r = 0; r < layer->rows; r++) {
    const double error = mean_error(layer, made, shift, r);
    made->bias[r] = (float)-error;
    squares += error * error;
  }
  made->stored_bits += 32 * (double)layer->rows;
  const size_t used = strlen(made->said);
  snprintf(made->said + used, sizeof made->said - used,
           "%sa bias for each output channel, %.3g in the root mean square", used ? "; " : "",
           sqrt(squares / (double)layer->rows));
}

enum status bias_run(const struct layer_task *task, struct layer_made *made, struct error *error)
{
  struct layer_task inner = *task;
  char name[METHOD_TEXT];
  double *shift;
  inner.method = method_plain(method_find(method_word(task, "of", name)));
  enum status status = inner.method.method->run(&inner, made, error);
  if (status != STATUS_OK)
    return status;
  made->bias = mem_array(task->layer->rows, sizeof *made->bias);
  if (!made->bias)
    return error_memory(error, "the biases");
  status = shifts(task, made, &shift, error);
  if (status == STATUS_OK)
    correct(task->layer, made, shift);
  free(shift);
  return status;
}
