#include "quant/layer/loss.h"

#include "quant/base/size.h"
#include "quant/layer/product.h"

/* Multiplications in the time of one quantized element, roughly. */
enum { MULTIPLICATIONS = 64 };

struct job {
  const struct layer *layer;
  const float *weight, *inputs; /* W', X'; NULL: X' = X */
  size_t across;                /* tiles of output channels; there are more of tokens */
  double *sum;                  /* of each tile */
  struct scratch {
    struct product_scratch product;
    double part[PRODUCT_TILE * PRODUCT_TILE], other[PRODUCT_TILE * PRODUCT_TILE];
  } * scratch; /* one for each worker */
  struct progress *progress;
};

static size_t cost(size_t tokens, const struct layer *layer)
{
  return (size_t)((double)tokens * (double)layer->rows * (double)layer->columns / MULTIPLICATIONS);
}

size_t layer_loss_cost(const struct layer *layer)
{
  return cost(layer->tokens, layer);
}

static double sum_squares(const double *part, const double *other, size_t count)
{
  double sum = 0;
  for (size_t i = 0; i < count; i++) {
    const double e = other ? part[i] + other[i] : part[i];
    sum += e * e;
  }
  return sum;
}

static void loss_tile(void *context, size_t chunk, unsigned worker)
{
  const struct job *job = context;
  const struct layer *layer = job->layer;
  struct scratch *s = &job->scratch[worker];
  const size_t inner = layer->columns, token = chunk / job->across * PRODUCT_TILE,
               row = chunk % job->across * PRODUCT_TILE;
  const size_t m = size_min(PRODUCT_TILE, layer->tokens - token),
               n = size_min(PRODUCT_TILE, layer->rows - row);
  const float *x = layer->activation + token * inner, *w = layer->weight + row * inner,
              *reached = job->weight + row * inner;
  product_sides((struct product_side){x, NULL, inner, m},
                (struct product_side){reached, w, inner, n}, inner, s->part, &s->product);
  if (job->inputs)
    product_sides((struct product_side){job->inputs + token * inner, x, inner, m},
                  (struct product_side){reached, NULL, inner, n}, inner, s->other, &s->product);
  job->sum[chunk] = sum_squares(s->part, job->inputs ? s->other : NULL, m * n);
  if (row == 0)
    progress_advance(job->progress, cost(m, layer));
}

enum status layer_loss(const struct layer *layer, const float *weight, const float *inputs,
                       struct progress *progress, double *mse, struct error *error)
{
  struct job job = {layer, weight, inputs,  size_div_up(layer->rows, PRODUCT_TILE),
                    NULL,  NULL,   progress};
  const size_t tiles = job.across * size_div_up(layer->tokens, PRODUCT_TILE);
  job.sum = mem_array(tiles, sizeof *job.sum);
  job.scratch = mem_array(pool_threads(), sizeof *job.scratch);
  enum status status = job.sum && job.scratch ? pool_for(tiles, loss_tile, &job, progress)
                                              : error_memory(error, "the output of the layer");
  double sum = 0;
  for (size_t i = 0; status == STATUS_OK && i < tiles; i++)
    sum += job.sum[i];
  if (status == STATUS_OK)
    *mse = sum / ((double)layer->tokens * (double)layer->rows);
  free(job.sum);
  free(job.scratch);
  return status;
}
