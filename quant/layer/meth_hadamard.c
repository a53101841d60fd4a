/* hadamard: the input dimension is rotated on both sides, which spreads outliers over a block of
 * channels: (x H)(W H)ᵀ = x Wᵀ, for H is orthogonal. W H is rounded; W' is that, rotated back. */
#include "quant/base/size.h"
#include "quant/layer/methods.h"
#include "quant/layer/round.h"
#include "quant/rounding.h"

#include <stdio.h>

/* The largest power of two that divides N. */
static size_t even_part(size_t n)
{
  return n & -n;
}

static enum status choose_block(const struct layer_task *task, size_t *out, struct error *error)
{
  const size_t columns = task->layer->columns, wish = (size_t)method_value(task, "block");
  *out = wish ? wish : even_part(columns);
  if (wish & (wish - 1))
    return error_set(error, STATUS_USAGE, "block=%zu is no power of two", wish);
  if (columns % *out)
    return error_set(error, STATUS_USAGE,
                     "block=%zu does not divide the %zu input channels; the largest that does is "
                     "%zu",
                     wish, columns, even_part(columns));
  return STATUS_OK;
}

/* Heads or tails for each column: half a step is rounded up or down by chance. */
static float *random_signs(size_t columns, uint64_t seed)
{
  const struct rounding_rule toss = {ROUND_STOCHASTIC, seed};
  float *sign = mem_array(columns, sizeof *sign);
  for (size_t j = 0; sign && j < columns; j++)
    sign[j] = round_to_whole(0.5, toss, j) > 0 ? 1 : -1;
  return sign;
}

static void say(const struct layer_task *task, struct layer_made *made)
{
  const size_t block = made->inputs.rotation, columns = task->layer->columns;
  const char *signs = made->inputs.sign ? ", after random signs" : "";
  if (block == 1)
    snprintf(made->said, sizeof made->said,
             "no power of two divides the %zu input channels: nothing is rotated%s", columns,
             signs);
  else if (block == columns)
    snprintf(made->said, sizeof made->said, "all %zu input channels rotated as one%s", block,
             signs);
  else
    snprintf(made->said, sizeof made->said, "%zu blocks of %zu input channels rotated%s",
             columns / block, block, signs);
}

enum status hadamard_run(const struct layer_task *task, struct layer_made *made,
                         struct error *error)
{
  const struct layer *layer = task->layer;
  const bool signs = method_value(task, "signs") > 0;
  enum status status = choose_block(task, &made->inputs.rotation, error);
  if (status != STATUS_OK)
    return status;
  made->weight = mem_array(layer->rows * layer->columns, sizeof *made->weight);
  if (signs)
    made->inputs.sign = random_signs(layer->columns, (uint64_t)method_value(task, "seed"));
  if (!made->weight || (signs && !made->inputs.sign))
    return error_memory(error, "the weights");
  status = layer_round_turned(task, &task->weight, made, error);
  if (status == STATUS_OK && signs)
    made->stored_bits += (double)layer->columns;
  say(task, made);
  return status;
}
