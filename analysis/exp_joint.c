/* The joint search of the scales of weights and activations, as it is told.
 *
 * The claim's numbers name no layer. Of some ten thousand set-ups that were tried in double (five
 * kinds of weights, seventeen of activations, from 32 to 4096 channels, int4 and int8, a scale for
 * the tensor, the channel, the token or 128 of them, codes that end and codes that do not, errors
 * as they are and relative ones) one has all of them within a few tenths of a dB whatever the seed:
 * weights N(0, 0.02 LN(0.3)), 256 x 512, in int4 with one scale and zero point, both made anew for
 * each ratio; N(0, 1) for activations, absmax / 7, rounded AND NOT CLAMPED. So a smaller scale of
 * the activations is always better, and the best of them is the least that is tried, 0.40. Over
 * eight seeds, 1024 tokens: 0.0249 at 0.9, 0.0300 at 1.2, 0.0108 at 0.70 to 0.75 and 0.40; the
 * fixed product loses 3.7 dB. Where codes end at 7 the best ratio is 0.5 and that is 3.2 dB. */
#include "analysis/exp_layer.h"
#include "analysis/experiments.h"
#include "quant/base/size.h"
#include "quant/layer/loss.h"

#include <math.h>
#include <stdio.h>

enum { WEIGHT_MOST = 15, INPUT_MOST = 7 }; /* four bits */

struct told {
  const struct layer_task *task;
  float lo, hi, most;     /* the range of the weights; max |x| */
  float *weight, *inputs; /* W', X' */
};

static void read_ranges(struct told *told)
{
  const struct layer *layer = told->task->layer;
  for (size_t i = 0; i < layer->rows * layer->columns; i++) {
    told->lo = fminf(told->lo, layer->weight[i]);
    told->hi = fmaxf(told->hi, layer->weight[i]);
  }
  for (size_t j = 0; j < layer->columns; j++)
    told->most = fmaxf(told->most, layer->absmax[j]);
}

static void round_weights(const struct told *told, double ratio)
{
  const struct layer *layer = told->task->layer;
  const double step = ratio * (double)(told->hi - told->lo) / WEIGHT_MOST;
  const double zero = fmin(rint(-(double)told->lo / step), WEIGHT_MOST);
  for (size_t i = 0; i < layer->rows * layer->columns; i++) {
    const double code = rint((double)layer->weight[i] / step) + zero;
    told->weight[i] = (float)((fmin(fmax(code, 0), WEIGHT_MOST) - zero) * step);
  }
}

static void round_inputs(const struct told *told, double ratio)
{
  const struct layer *layer = told->task->layer;
  const double step = ratio * (double)told->most / INPUT_MOST;
  for (size_t i = 0; i < layer->tokens * layer->columns; i++)
    told->inputs[i] = (float)(rint((double)layer->activation[i] / step) * step);
}

/* --- the search ------------------------------------------------------------------------------- */

static const double line[] = {0.8, 0.9, 1.0, 1.1, 1.2};
enum { LINE = 5, SIDE = 13 }; /* SIDE: 0.40 to 1 by 0.05 */

static bool lay_axes(struct method_search *search, bool independent)
{
  const size_t width = independent ? SIDE : LINE, height = independent ? SIDE : 1;
  *search = (struct method_search){.across = "ratio of the weight scales",
                                   .down = independent ? "ratio of the activation scales" : NULL,
                                   .loss = "output MSE",
                                   .width = width,
                                   .height = height,
                                   .x = mem_array(width, sizeof(double)),
                                   .y = independent ? mem_array(height, sizeof(double)) : NULL,
                                   .value = mem_array(width * height, sizeof(double))};
  if (!search->x || !search->value || (independent && !search->y))
    return false;
  for (size_t i = 0; i < width; i++)
    search->x[i] = independent ? (double)(8 + i) / 20 : line[i];
  for (size_t i = 0; search->y && i < height; i++)
    search->y[i] = search->x[i];
  return true;
}

static enum status try_all(const struct told *told, struct method_search *search,
                           struct error *error)
{
  enum status status = STATUS_OK;
  for (size_t at = 0; at < search->width * search->height && status == STATUS_OK; at++) {
    const size_t column = at % search->width, row = at / search->width;
    round_weights(told, search->x[column]);
    if (column == 0 || !search->y)
      round_inputs(told, search->y ? search->y[row] : 1 / search->x[column]);
    status = layer_loss(told->task->layer, told->weight, told->inputs, told->task->progress,
                        &search->value[at], error);
    if (status == STATUS_OK && search->value[at] < search->value[search->best])
      search->best = at;
  }
  return status;
}

/* Leaves W' at the best ratio. */
static enum status search_scales(const struct layer_task *task, struct layer_made *made,
                                 bool independent, struct error *error)
{
  const struct layer *layer = task->layer;
  struct told told = {.task = task,
                      .inputs = mem_array(layer->tokens * layer->columns, sizeof(float))};
  told.weight = made->weight = mem_array(layer->rows * layer->columns, sizeof(float));
  enum status status = STATUS_OK;
  if (!told.weight || !told.inputs || !lay_axes(&made->search, independent))
    status = error_memory(error, "the ratios");
  if (status == STATUS_OK) {
    read_ranges(&told);
    status = try_all(&told, &made->search, error);
  }
  if (status == STATUS_OK)
    round_weights(&told, made->search.x[made->search.best % made->search.width]);
  free(told.inputs);
  return status;
}

static enum status told_run(const struct layer_task *task, struct layer_made *made,
                            struct error *error)
{
  return search_scales(task, made, false, error);
}

static enum status told_run_independent(const struct layer_task *task, struct layer_made *made,
                                        struct error *error)
{
  return search_scales(task, made, true, error);
}

const struct method exp_joint_told = {.name = "joint-as-told", .run = told_run};
const struct method exp_joint_independent = {.name = "joint-as-told,independent",
                                             .run = told_run_independent};

/* --- what it found ---------------------------------------------------------------------------- */

static const struct method_search *search_of(const struct measured *m)
{
  return &m->trial->made.search;
}

/* Of a line of ratios. */
double exp_last_ratio(const struct measured *m)
{
  return search_of(m)->x[search_of(m)->width - 1];
}

double exp_worst_ratio(const struct measured *m)
{
  const struct method_search *search = search_of(m);
  size_t worst = 0;
  for (size_t i = 1; i < search->width; i++)
    worst = search->value[i] > search->value[worst] ? i : worst;
  return search->x[worst];
}

double exp_last_loss(const struct measured *m)
{
  return search_of(m)->value[search_of(m)->width - 1];
}

double exp_best_loss(const struct measured *m)
{
  return search_of(m)->value[search_of(m)->best];
}

double exp_best_loss_db(const struct measured *m)
{
  return -10 * log10(exp_best_loss(m));
}

/* On a surface, where the best of search is a place. */
double exp_ratio_across(const struct measured *m)
{
  return search_of(m)->x[search_of(m)->best % search_of(m)->width];
}

double exp_ratio_down(const struct measured *m)
{
  const struct method_search *search = search_of(m);
  return search->y ? search->y[search->best / search->width] : (double)NAN;
}
