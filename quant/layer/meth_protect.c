/* Outlier-channel protection: the worst input channels of W in more bits than the rest. */
#include "quant/base/size.h"
#include "quant/layer/columns.h"
#include "quant/layer/methods.h"
#include "quant/layer/round.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What a channel is judged by: places among the choices of "by". */
enum { BY_ACTIVATION, BY_WEIGHT, BY_RANDOM };

static const char *const quantizers[] = {"fp16", "int8,channel=1", "int5,asym,channel=1"};

/* --- judging ------------------------------------------------------------------------------------
 */

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

/* A number between 0 and 1 for each channel (the finaliser of splitmix64 over seed and number). */
static void by_random(size_t columns, uint64_t seed, double *score)
{
  for (size_t j = 0; j < columns; j++) {
    uint64_t word = (seed << 32) + j + 0x9E3779B97F4A7C15u;
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9u;
    word = (word ^ word >> 27) * 0x94D049BB133111EBu;
    score[j] = (double)((word ^ word >> 31) >> 11) * 0x1p-53;
  }
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

/* --- choosing -----------------------------------------------------------------------------------
 */

struct judged {
  double score;
  size_t column;
};

/* The worst first; of equals the first. */
static int worse_first(const void *a, const void *b)
{
  const struct judged *x = a, *y = b;
  if (x->score < y->score || x->score > y->score)
    return x->score < y->score ? 1 : -1;
  return (x->column > y->column) - (x->column < y->column);
}

/* How many of COUNT channels, the worst first, have more than TIMES the median. */
static size_t count_above(const struct judged *judged, size_t count, double times)
{
  const double median = (judged[(count - 1) / 2].score + judged[count / 2].score) / 2;
  size_t above = 0;
  while (above < count && judged[above].score > times * median)
    above++;
  return above;
}

static enum status choose(const struct layer_task *task, unsigned char *chosen, size_t *count,
                          struct error *error)
{
  const size_t columns = task->layer->columns;
  const double k = method_value(task, "k");
  double *score = mem_array(columns, sizeof *score);
  struct judged *judged = mem_array(columns, sizeof *judged);
  if (score && judged) {
    judge(task, score);
    for (size_t j = 0; j < columns; j++)
      judged[j] = (struct judged){score[j], j};
    qsort(judged, columns, sizeof *judged, worse_first);
    *count = k > 0 ? (size_t)fmin(k, (double)columns)
                   : count_above(judged, columns, method_value(task, "times"));
    for (size_t i = 0; i < *count; i++)
      chosen[judged[i].column] = 1;
  }
  enum status status = score && judged ? STATUS_OK : error_memory(error, "the input channels");
  free(score);
  free(judged);
  return status;
}

/* --- the method ---------------------------------------------------------------------------------
 */

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
  static const char *const as[] = {"float16", "int8", "int5"};
  snprintf(made->said, sizeof made->said, "%zu of %zu input channels, chosen %s, are %s", count,
           task->layer->columns, by[(int)method_value(task, "by")],
           as[(int)method_value(task, "as")]);
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
