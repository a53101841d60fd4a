/* Outlier-channel protection: the worst input channels of W in more bits than the rest. */
#include "quant/base/size.h"
#include "quant/base/uniform.h"
#include "quant/layer/columns.h"
#include "quant/layer/methods.h"
#include "quant/layer/round.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What a channel is judged by: places among the choices of "by". */
enum { BY_ACTIVATION, BY_WEIGHT, BY_RANDOM };

static const char *const quantizers[] = {"fp16", "int8,channel=1", "int5,asym,channel=1"};

/* --- judging ---------------------------------------------------------------------------------- */

static void by_activation(const struct layer *layer, double *score)
{
  memcpy(score, layer->mean_abs, layer->columns * sizeof *score);
}

static void by_weight(const struct layer *layer, double *score)
{
  for (size_t i = 0; i < layer->rows * layer->columns; i++)
    score[i % layer->columns] += (double)layer->weight[i] * (double)layer->weight[i];
  for (size_t j = 0; j < layer->columns; j++)
    score[j] = sqrt(score[j]);
}

static void by_random(size_t columns, uint64_t seed, double *score)
{
  for (size_t j = 0; j < columns; j++)
    score[j] = uniform_at(seed, j);
}

static void judge(const struct layer_task *task, double *score)
{
  const int by = (int)method_value(task, "by");
  if (by == BY_ACTIVATION)
    by_activation(task->layer, score);
  else if (by == BY_WEIGHT)
    by_weight(task->layer, score);
  else
    by_random(task->layer->columns, (uint64_t)method_value(task, "seed"), score);
}

/* --- choosing --------------------------------------------------------------------------------- */

/* How many of COUNT channels, the worst first, have more than TIMES the median. */
static size_t count_above(const double *score, const uint32_t *worst, size_t count, double times)
{
  const double median = (score[worst[(count - 1) / 2]] + score[worst[count / 2]]) / 2;
  size_t above = 0;
  while (above < count && score[worst[above]] > times * median)
    above++;
  return above;
}

static enum status choose(const struct layer_task *task, unsigned char *chosen, size_t *count,
                          struct error *error)
{
  const size_t columns = task->layer->columns;
  const double k = method_value(task, "k");
  double *score = mem_array(columns, sizeof *score);
  uint32_t *worst = mem_array(columns, sizeof *worst);
  if (score && worst)
    judge(task, score);
  const bool ranked = score && worst && columns_rank(score, 1, columns, worst);
  if (ranked) {
    *count = k > 0 ? (size_t)fmin(k, (double)columns)
                   : count_above(score, worst, columns, method_value(task, "times"));
    for (size_t i = 0; i < *count; i++)
      chosen[worst[i]] = 1;
  }
  free(score);
  free(worst);
  return ranked ? STATUS_OK : error_memory(error, "the input channels");
}

/* --- the method ------------------------------------------------------------------------------- */

/* made->weight = the task's quantizer on W, whose chosen columns are 0 and take no part. */
static enum status round_rest(const struct layer_task *task, const unsigned char *chosen,
                              struct layer_made *made, struct error *error)
{
  const struct layer *layer = task->layer;
  for (size_t i = 0; i < layer->rows * layer->columns; i++)
    made->weight[i] = chosen[i % layer->columns] ? 0 : layer->weight[i];
  return layer_round(&task->weight, made->weight, layer->rows, layer->columns, made->weight,
                     &made->stored_bits, NULL, task->progress, error);
}

static void tell(const struct layer_task *task, size_t count, struct layer_made *made)
{
  static const char *const by[] = {"by their activations", "by their weights", "at random"};
  char as[METHOD_TEXT];
  snprintf(made->said, sizeof made->said, "%zu of %zu input channels, chosen %s, are %s", count,
           task->layer->columns, by[(int)method_value(task, "by")], method_word(task, "as", as));
}

enum status protect_run(const struct layer_task *task, struct layer_made *made, struct error *error)
{
  const struct layer *layer = task->layer;
  struct quantizer quantizer;
  size_t count = 0;
  if (method_value(task, "by") >= BY_RANDOM && !(method_value(task, "k") > 0))
    return error_set(error, STATUS_USAGE, "by=random needs k=N: no channel stands out at random");
  unsigned char *chosen = mem_array(layer->columns, 1);
  made->weight = mem_array(layer->rows * layer->columns, sizeof *made->weight);
  enum status status = chosen && made->weight ? choose(task, chosen, &count, error)
                                              : error_memory(error, "the weights");
  if (status == STATUS_OK)
    status = quantizer_parse(quantizers[(int)method_value(task, "as")], &quantizer, error);
  if (status == STATUS_OK)
    status = round_rest(task, chosen, made, error);
  if (status == STATUS_OK)
    status = columns_keep(task, chosen, &quantizer, &task->weight, made, error);
  tell(task, count, made);
  if (status == STATUS_OK && task->quantizes_activation)
    return columns_keep_inputs(task, chosen, made, error);
  free(chosen);
  return status;
}
