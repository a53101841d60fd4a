#include "quant/layer/inputs.h"

#include "quant/base/half.h"
#include "quant/base/size.h"
#include "quant/hadamard.h"

#include <string.h>

void layer_inputs_free(struct layer_inputs *inputs)
{
  free(inputs->factor);
  free(inputs->sign);
  free(inputs->kept);
  *inputs = (struct layer_inputs){0};
}

bool layer_inputs_exact(const struct layer_inputs *inputs)
{
  return !inputs->quantized && !inputs->kept;
}

static void rotate(const struct layer_inputs *inputs, float *row, size_t columns, bool back)
{
  for (int step = 0; step < 2; step++)
    if ((step == 0) != back && inputs->sign)
      for (size_t j = 0; j < columns; j++)
        row[j] *= inputs->sign[j];
    else if ((step == 1) != back)
      for (size_t j = 0; j + inputs->rotation <= columns; j += inputs->rotation)
        hadamard(row + j, inputs->rotation, 1);
}

void layer_inputs_turn(const struct layer_inputs *inputs, float *values, size_t rows,
                       size_t columns, bool weight, bool back)
{
  for (size_t r = 0; r < rows; r++) {
    float *row = values + r * columns;
    if (inputs->rotation && back)
      rotate(inputs, row, columns, true);
    for (size_t j = 0; inputs->factor && j < columns; j++)
      row[j] = weight != back ? row[j] * inputs->factor[j] : row[j] / inputs->factor[j];
    if (inputs->rotation && !back)
      rotate(inputs, row, columns, false);
  }
}

/* A copy of X as it is quantized; kept columns are 0, so that they take no part in any range. */
static float *prepared(const struct layer_inputs *inputs, const float *x, size_t tokens,
                       size_t columns, float *out)
{
  if (!out)
    return NULL;
  memcpy(out, x, tokens * columns * sizeof *out);
  layer_inputs_turn(inputs, out, tokens, columns, false, false);
  for (size_t i = 0; inputs->kept && i < tokens * columns; i++)
    if (inputs->kept[i % columns])
      out[i] = 0;
  return out;
}

/* The fit for X of SHAPE, which is prepared in VALUES. */
static enum status fit_inputs(const struct layer_inputs *inputs, const struct layer *layer,
                              const float *x, const float *values, const struct shape *shape,
                              struct progress *progress, struct fit **fit, struct error *error)
{
  const struct feed feed = feed_floats(values, shape_elements(shape));
  if (x == layer->activation || quantizer_is_dynamic(&inputs->quantizer))
    return quantizer_fit(&inputs->quantizer, &feed, shape, progress, fit, error);
  const size_t count = layer->tokens * layer->columns;
  float *calibration = prepared(inputs, layer->activation, layer->tokens, layer->columns,
                                mem_array(count, sizeof *calibration));
  if (!calibration)
    return error_memory(error, "the calibration tokens");
  const struct batch batch = {.feed = feed_floats(calibration, count),
                              .shape = {2, {layer->tokens, layer->columns}}};
  enum status status =
      quantizer_fit_batches(&inputs->quantizer, &batch, 1, shape, progress, fit, error);
  free(calibration);
  return status;
}

static enum status quantize(const struct layer_inputs *inputs, const struct layer *layer,
                            const float *x, size_t tokens, float *out, struct progress *progress,
                            struct error *error)
{
  const struct shape shape = {2, {tokens, layer->columns}};
  const size_t count = tokens * layer->columns;
  struct fit *fit;
  enum status status = fit_inputs(inputs, layer, x, out, &shape, progress, &fit, error);
  if (status != STATUS_OK)
    return status;
  float block[FEED_BLOCK];
  for (size_t start = 0; start < count; start += FEED_BLOCK) {
    const size_t n = size_min(FEED_BLOCK, count - start);
    memcpy(block, out + start, n * sizeof *block);
    fit_round_trip(fit, start, n, block, out + start, NULL);
  }
  fit_free(fit);
  return STATUS_OK;
}

enum status layer_inputs_apply(const struct layer_inputs *inputs, const struct layer *layer,
                               const float *x, size_t tokens, float *out, struct progress *progress,
                               struct error *error)
{
  const size_t columns = layer->columns;
  prepared(inputs, x, tokens, columns, out);
  enum status status = STATUS_OK;
  if (inputs->quantized)
    status = quantize(inputs, layer, x, tokens, out, progress, error);
  if (status != STATUS_OK)
    return status;
  layer_inputs_turn(inputs, out, tokens, columns, false, true);
  for (size_t i = 0; inputs->kept && i < tokens * columns; i++)
    if (inputs->kept[i % columns])
      out[i] = half_to_float(half_from_float(x[i]));
  return STATUS_OK;
}
