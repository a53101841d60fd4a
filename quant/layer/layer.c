#include "quant/layer/layer.h"

#include "quant/base/size.h"

#include <math.h>
#include <stdint.h>

/* The first value that is no finite number, or COUNT. */
static size_t first_nonfinite(const float *values, size_t count)
{
  for (size_t i = 0; i < count; i++)
    if (!isfinite(values[i]))
      return i;
  return count;
}

static enum status check_finite(const char *what, const char *row, const float *values, size_t rows,
                                size_t columns, struct error *error)
{
  size_t at = first_nonfinite(values, rows * columns);
  if (at == rows * columns)
    return STATUS_OK;
  return error_set(error, STATUS_INPUT,
                   "%s: %s at %s %zu, input channel %zu: finite numbers are expected", what,
                   isnan(values[at]) ? "NaN" : "Inf", row, at / columns, at % columns);
}

enum status layer_check_tokens(const float *x, size_t tokens, size_t columns, struct error *error)
{
  if (tokens == 0)
    return error_set(error, STATUS_INPUT, "the activation has no tokens");
  return check_finite("the activation", "token", x, tokens, columns, error);
}

static enum status check(const struct layer *layer, struct error *error)
{
  size_t count;
  if (layer->rows == 0 || layer->columns == 0)
    return error_set(error, STATUS_INPUT, "the weight is empty: %zu x %zu", layer->rows,
                     layer->columns);
  if (layer->columns > INT32_MAX || !size_mul(layer->rows, layer->columns, &count) ||
      !size_mul(layer->tokens, layer->columns, &count))
    return error_set(error, STATUS_INPUT, "the layer is too large: %zu x %zu, %zu tokens",
                     layer->rows, layer->columns, layer->tokens);
  enum status status = check_finite("the weight", "output channel", layer->weight, layer->rows,
                                    layer->columns, error);
  return status == STATUS_OK
             ? layer_check_tokens(layer->activation, layer->tokens, layer->columns, error)
             : status;
}

static void read_tokens(struct layer *layer)
{
  for (size_t t = 0; t < layer->tokens; t++) {
    const float *x = layer->activation + t * layer->columns;
    for (size_t j = 0; j < layer->columns; j++) {
      const float magnitude = fabsf(x[j]);
      if (magnitude > layer->absmax[j])
        layer->absmax[j] = magnitude;
      layer->mean[j] += (double)x[j];
      layer->mean_abs[j] += (double)magnitude;
      layer->power[j] += (double)x[j] * (double)x[j];
    }
  }
  for (size_t j = 0; j < layer->columns; j++) {
    layer->mean[j] /= (double)layer->tokens;
    layer->mean_abs[j] /= (double)layer->tokens;
    layer->power[j] /= (double)layer->tokens;
  }
}

static void read_weight(struct layer *layer)
{
  for (size_t r = 0; r < layer->rows; r++) {
    const float *w = layer->weight + r * layer->columns;
    for (size_t j = 0; j < layer->columns; j++)
      layer->weight_absmax[j] = fmaxf(layer->weight_absmax[j], fabsf(w[j]));
  }
}

enum status layer_open(const float *weight, size_t rows, size_t columns, const float *activation,
                       size_t tokens, struct progress *progress, struct layer *layer,
                       struct error *error)
{
  struct layer open = {.weight = weight,
                       .rows = rows,
                       .columns = columns,
                       .activation = activation,
                       .tokens = tokens};
  enum status status = check(&open, error);
  if (status != STATUS_OK)
    return status;
  open.absmax = mem_array(columns, sizeof *open.absmax);
  open.mean = mem_array(columns, sizeof *open.mean);
  open.mean_abs = mem_array(columns, sizeof *open.mean_abs);
  open.power = mem_array(columns, sizeof *open.power);
  open.weight_absmax = mem_array(columns, sizeof *open.weight_absmax);
  if (!open.absmax || !open.mean || !open.mean_abs || !open.power || !open.weight_absmax) {
    layer_close(&open);
    return error_memory(error, "the input channels");
  }
  read_tokens(&open);
  read_weight(&open);
  if (progress_cancelled(progress)) {
    layer_close(&open);
    return STATUS_CANCELLED;
  }
  *layer = open;
  return STATUS_OK;
}

void layer_close(struct layer *layer)
{
  free(layer->absmax);
  free(layer->mean);
  free(layer->mean_abs);
  free(layer->power);
  free(layer->weight_absmax);
  *layer = (struct layer){0};
}
