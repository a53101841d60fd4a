#include "quant/layer/loss.h"

#include "quant/base/size.h"
#include "quant/layer/product.h"

/* Multiplications in the time of one quantized element, roughly. */
enum { MULTIPLICATIONS = 64 };

struct job {
  const struct layer *layer;
  const float *wrong, *moved, *reached;
  size_t across; /* tiles of output channels; there are more of tokens */
  double *sum;   /* of each tile */
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
  product_tile(layer->activation + token * inner, inner, m, job->wrong + row * inner, inner, n,
               inner, s->part, &s->product);
  if (job->moved)
    product_tile(job->moved + token * inner, inner, m, job->reached + row * inner, inner, n, inner,
                 s->other, &s->product);
  job->sum[chunk] = sum_squares(s->part, job->moved ? s->other : NULL, m * n);
  if (row == 0)
    progress_advance(job->progress, cost(m, layer));
}

enum status layer_loss(const struct layer *layer, const float *wrong, const float *moved,
                       const float *reached, struct progress *progress, double *mse,
                       struct error *error)
{
  struct job job = {layer, wrong, moved,   reached, size_div_up(layer->rows, PRODUCT_TILE),
                    NULL,  NULL,  progress};
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
