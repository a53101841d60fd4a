/* joint: the scales of the weights and of the activations are multiplied by ratios, the pair with
 * the least output error wins.
 *
 * As it is told, the product of both ratios is 1 (s_w r, s_a / r): a line through the surface of
 * all pairs. With `independent` all pairs are tried. Ratios are 1 + k step from least to most, so
 * that the plain pair (1, 1) is always among them, and it is kept unless another is better. Errors
 * are measured on evenly spaced tokens; scales that are chosen beforehand come from all tokens. */
#include "quant/base/size.h"
#include "quant/fit.h"
#include "quant/layer/loss.h"
#include "quant/layer/methods.h"
#include "quant/layer/round.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { RATIOS_MOST = 64 }; /* on a side */

struct joint {
  const struct layer_task *task;
  const struct layer *layer;
  struct layer few;           /* the layer on some tokens: rows x columns, tokens */
  float *activation, *moved;  /* the tokens of `few`; X' of them */
  float *reached;             /* W' */
  struct fit *plain, *fit;    /* of the weights: as chosen, and with a ratio */
  struct layer_inputs inputs; /* borrows nothing and owns nothing: quantizer and ratio */
  double least, most, step;
  bool independent;
};

static enum status refuse(const struct quantizer *quantizer, const char *what, struct error *error)
{
  if (quantizer->by == BY_FORMAT)
    return error_set(error, STATUS_USAGE, "the blocks of %s (%s) have scales of their own",
                     quantizer->format->name, what);
  if (quantizer->by == BY_SCALE)
    return error_set(error, STATUS_USAGE,
                     "the scale of the %s is given by hand: there is no search", what);
  return STATUS_OK;
}

static size_t ratio_count(const struct joint *joint, size_t *below)
{
  *below = (size_t)floor((1 - joint->least) / joint->step + 1e-9);
  return *below + 1 + (size_t)floor((joint->most - 1) / joint->step + 1e-9);
}

static enum status check(struct joint *joint, struct error *error)
{
  const struct layer_task *task = joint->task;
  size_t below;
  if (!task->quantizes_activation)
    return error_set(error, STATUS_USAGE,
                     "two scales are searched: the activations need a quantizer, too");
  enum status status = refuse(&task->weight, "weights", error);
  if (status == STATUS_OK)
    status = refuse(&task->activation, "activations", error);
  if (status == STATUS_OK && ratio_count(joint, &below) > RATIOS_MOST)
    status =
        error_set(error, STATUS_USAGE, "from %g to %g by %g are %zu ratios, at most %d",
                  joint->least, joint->most, joint->step, ratio_count(joint, &below), RATIOS_MOST);
  return status;
}

/* The axes of MADE's search. */
static enum status lay_axes(const struct joint *joint, struct method_search *search,
                            struct error *error)
{
  size_t below;
  const size_t n = ratio_count(joint, &below), height = joint->independent ? n : 1;
  *search =
      (struct method_search){.across = "ratio of the weight scales",
                             .down = joint->independent ? "ratio of the activation scales" : NULL,
                             .loss = "output MSE",
                             .width = n,
                             .height = height,
                             .x = mem_array(n, sizeof(double)),
                             .y = joint->independent ? mem_array(n, sizeof(double)) : NULL,
                             .value = mem_array(n * height, sizeof(double))};
  if (!search->x || (joint->independent && !search->y) || !search->value)
    return error_memory(error, "the ratios");
  for (size_t i = 0; i < n; i++)
    search->x[i] = 1 + ((double)i - (double)below) * joint->step;
  if (search->y)
    memcpy(search->y, search->x, n * sizeof *search->y);
  search->best = joint->independent ? below * n + below : below;
  return STATUS_OK;
}

static enum status take_tokens(struct joint *joint, struct error *error)
{
  const struct layer *layer = joint->layer;
  const size_t columns = layer->columns,
               tokens = size_min(layer->tokens, (size_t)method_value(joint->task, "tokens"));
  joint->activation = mem_array(tokens * columns, sizeof(float));
  joint->moved = mem_array(tokens * columns, sizeof(float));
  if (!joint->activation || !joint->moved)
    return error_memory(error, "the activations");
  for (size_t t = 0; t < tokens; t++) {
    const size_t at = (size_t)((double)t * (double)layer->tokens / (double)tokens);
    memcpy(joint->activation + t * columns, layer->activation + at * columns,
           columns * sizeof(float));
  }
  joint->few = (struct layer){.weight = layer->weight,
                              .rows = layer->rows,
                              .columns = columns,
                              .activation = joint->activation,
                              .tokens = tokens};
  return STATUS_OK;
}

/* The two fits of the weights, and room for W'. */
static enum status fit_weights(struct joint *joint, struct error *error)
{
  const struct layer *layer = joint->layer;
  const size_t count = layer->rows * layer->columns;
  const struct shape shape = {2, {layer->rows, layer->columns}};
  const struct feed feed = feed_floats(layer->weight, count);
  const struct quantizer *quantizer = &joint->task->weight;
  struct progress *progress = joint->task->progress;
  if (!joint->reached)
    return error_memory(error, "the weights");
  enum status status = quantizer_fit(quantizer, &feed, &shape, progress, &joint->plain, error);
  return status == STATUS_OK ? quantizer_fit(quantizer, &feed, &shape, progress, &joint->fit, error)
                             : status;
}

/* W' with scales that are RATIO times the plain ones. */
static enum status round_weights(struct joint *joint, double ratio, double *bits,
                                 struct method_codes *codes, struct error *error)
{
  fit_stretch(joint->fit, joint->plain, ratio);
  return layer_round_fit(joint->fit, joint->layer->weight, joint->layer->rows,
                         joint->layer->columns, joint->reached, bits, codes, joint->task->progress,
                         error);
}

static enum status move_inputs(struct joint *joint, double ratio, struct error *error)
{
  const struct layer *few = &joint->few;
  joint->inputs.ratio = ratio;
  return layer_inputs_apply(&joint->inputs, joint->layer, few->activation, few->tokens,
                            joint->moved, joint->task->progress, error);
}

static enum status weights_loss(struct joint *joint, double ratio, double *loss,
                                struct error *error)
{
  enum status status = round_weights(joint, ratio, NULL, NULL, error);
  return status == STATUS_OK ? layer_loss(&joint->few, joint->reached, joint->moved,
                                          joint->task->progress, loss, error)
                             : status;
}

/* The ratio of the activations at place (column, row) of the surface. */
static double other_ratio(const struct method_search *search, size_t column, size_t row)
{
  return search->y ? search->y[row] : 1 / search->x[column];
}

static enum status search_all(struct joint *joint, struct method_search *search,
                              struct error *error)
{
  enum status status = STATUS_OK;
  for (size_t row = 0; row < search->height; row++)
    for (size_t column = 0; column < search->width && status == STATUS_OK; column++) {
      const size_t at = row * search->width + column;
      if (column == 0 || !search->y)
        status = move_inputs(joint, other_ratio(search, column, row), error);
      if (status == STATUS_OK)
        status = weights_loss(joint, search->x[column], &search->value[at], error);
    }
  for (size_t at = 0; status == STATUS_OK && at < search->width * search->height; at++)
    if (search->value[at] < search->value[search->best])
      search->best = at;
  return status;
}

/* Takes the best pair. */
static enum status conclude(struct joint *joint, double plain, struct layer_made *made,
                            struct error *error)
{
  const struct method_search *search = &made->search;
  const size_t column = search->best % search->width, row = search->best / search->width;
  made->inputs.ratio = other_ratio(search, column, row);
  snprintf(made->said, sizeof made->said,
           "weight scales times %.3g, activation scales times %.3g: output MSE %.4g, %.4g without, "
           "on %zu token%s",
           search->x[column], made->inputs.ratio, search->value[search->best], plain,
           joint->few.tokens, joint->few.tokens == 1 ? "" : "s");
  return round_weights(joint, search->x[column], &made->stored_bits,
                       joint->task->keeps_codes ? &made->codes : NULL, error);
}

static enum status search_scales(struct joint *joint, struct layer_made *made, struct error *error)
{
  struct method_search *search = &made->search;
  enum status status = lay_axes(joint, search, error);
  if (status == STATUS_OK)
    status = take_tokens(joint, error);
  if (status == STATUS_OK)
    status = fit_weights(joint, error);
  if (status != STATUS_OK)
    return status;
  const size_t plain = search->best;
  progress_expect(joint->task->progress,
                  search->width * search->height * layer_loss_cost(&joint->few));
  status = search_all(joint, search, error);
  return status == STATUS_OK ? conclude(joint, search->value[plain], made, error) : status;
}

enum status joint_run(const struct layer_task *task, struct layer_made *made, struct error *error)
{
  struct joint joint = {.task = task,
                        .layer = task->layer,
                        .inputs = made->inputs,
                        .least = method_value(task, "least"),
                        .most = method_value(task, "most"),
                        .step = method_value(task, "step"),
                        .independent = method_value(task, "independent") > 0};
  enum status status = check(&joint, error);
  if (status != STATUS_OK)
    return status;
  made->weight = mem_array(task->layer->rows * task->layer->columns, sizeof *made->weight);
  joint.reached = made->weight;
  status = search_scales(&joint, made, error);
  free(joint.activation);
  free(joint.moved);
  fit_free(joint.plain);
  fit_free(joint.fit);
  return status;
}
