#include "quant/layer/columns.h"

#include "quant/base/size.h"
#include "quant/layer/round.h"

/* --- in order --------------------------------------------------------------------------------- */

struct place {
  double score;
  uint32_t column;
};

static int larger_first(const void *a, const void *b)
{
  const struct place *x = a, *y = b;
  if (x->score < y->score || x->score > y->score)
    return x->score < y->score ? 1 : -1;
  return (x->column > y->column) - (x->column < y->column);
}

bool columns_rank(const double *score, size_t stride, size_t count, uint32_t *rank)
{
  struct place *place = mem_array(count, sizeof *place);
  for (size_t j = 0; place && j < count; j++)
    place[j] = (struct place){score[j * stride], (uint32_t)j};
  if (place)
    qsort(place, count, sizeof *place, larger_first);
  for (size_t j = 0; place && j < count; j++)
    rank[j] = place[j].column;
  free(place);
  return place != NULL;
}

/* --- kept apart ------------------------------------------------------------------------------- */

static size_t count_of(const unsigned char *chosen, size_t columns)
{
  size_t count = 0;
  for (size_t j = 0; j < columns; j++)
    count += chosen[j] != 0;
  return count;
}

/* PART = the CHOSEN columns of W. */
static void gather(const struct layer *layer, const unsigned char *chosen, float *part)
{
  for (size_t i = 0; i < layer->rows * layer->columns; i++)
    if (chosen[i % layer->columns])
      *part++ = layer->weight[i];
}

/* The other way round. */
static void scatter(const float *part, const struct layer *layer, const unsigned char *chosen,
                    float *weight)
{
  for (size_t i = 0; i < layer->rows * layer->columns; i++)
    if (chosen[i % layer->columns])
      weight[i] = *part++;
}

enum status columns_keep(const struct layer_task *task, const unsigned char *chosen,
                         const struct quantizer *quantizer, const struct quantizer *rest,
                         struct layer_made *made, struct error *error)
{
  const struct layer *layer = task->layer;
  const size_t rows = layer->rows, count = count_of(chosen, layer->columns);
  double bits = 0;
  if (count == 0)
    return STATUS_OK;
  float *part = mem_array(rows * count, sizeof *part);
  if (!part)
    return error_memory(error, "input channels");
  gather(layer, chosen, part);
  enum status status =
      layer_round(quantizer, part, rows, count, part, &bits, NULL, task->progress, error);
  if (status == STATUS_OK)
    scatter(part, layer, chosen, made->weight);
  free(part);
  if (rest->by != BY_FORMAT)
    bits -= (double)(rows * count) * rest->format->bits;
  made->stored_bits += bits + 32 * (double)count;
  return status;
}

enum status columns_keep_inputs(const struct layer_task *task, unsigned char *chosen,
                                struct layer_made *made, struct error *error)
{
  static const float too_large = 65520; /* rounds to infinity */
  const struct layer *layer = task->layer;
  made->inputs.kept = chosen;
  for (size_t j = 0; j < layer->columns; j++)
    if (chosen[j] && layer->absmax[j] >= too_large)
      return error_set(error, STATUS_USAGE,
                       "input channel %zu reaches %g, which float16 cannot hold", j,
                       (double)layer->absmax[j]);
  return STATUS_OK;
}
