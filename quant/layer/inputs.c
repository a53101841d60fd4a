#include "quant/layer/inputs.h"

#include "quant/base/half.h"
#include "quant/base/size.h"
#include "quant/fit.h"
#include "quant/hadamard.h"
#include "quant/layer/round.h"

#include <math.h>
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

struct turn {
  const struct layer_inputs *inputs;
  const float *values;
  size_t columns;
  bool weight, back;
  float *out;
};

static void turn_row(void *context, size_t r, unsigned worker)
{
  const struct turn *turn = context;
  const struct layer_inputs *inputs = turn->inputs;
  const size_t columns = turn->columns;
  float *row = turn->out + r * columns;
  (void)worker;
  if (turn->out != turn->values)
    memcpy(row, turn->values + r * columns, columns * sizeof *row);
  if (inputs->rotation && turn->back)
    rotate(inputs, row, columns, true);
  for (size_t j = 0; inputs->factor && j < columns; j++)
    row[j] = turn->weight != turn->back ? row[j] * inputs->factor[j] : row[j] / inputs->factor[j];
  if (inputs->rotation && !turn->back)
    rotate(inputs, row, columns, false);
}

void layer_inputs_turn(const struct layer_inputs *inputs, const float *values, size_t rows,
                       size_t columns, bool weight, bool back, float *out)
{
  struct turn turn = {inputs, values, columns, weight, back, out};
  if (inputs->factor || inputs->rotation || out != values)
    pool_for(rows, turn_row, &turn, NULL);
}

/* A copy of X as it is quantized; kept columns are 0 but for what counts, so that they take no part
 * in any range. */
static float *prepared(const struct layer_inputs *inputs, const float *x, size_t tokens,
                       size_t columns, float *out)
{
  if (!out)
    return NULL;
  layer_inputs_turn(inputs, x, tokens, columns, false, false, out);
  for (size_t i = 0; inputs->kept && i < tokens * columns; i++)
    if (inputs->kept[i % columns] && !(fabsf(x[i]) < inputs->counted))
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
  struct fit *fit;
  enum status status = fit_inputs(inputs, layer, x, out, &shape, progress, &fit, error);
  if (status != STATUS_OK)
    return status;
  if (inputs->ratio > 0)
    fit_stretch(fit, fit, inputs->ratio);
  status = layer_round_fit(fit, out, tokens, layer->columns, out, NULL, NULL, progress, error);
  fit_free(fit);
  return status;
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
  layer_inputs_turn(inputs, out, tokens, columns, false, true, out);
  for (size_t i = 0; inputs->kept && i < tokens * columns; i++)
    if (inputs->kept[i % columns])
      out[i] = half_to_float(half_from_float(x[i]));
  return STATUS_OK;
}
