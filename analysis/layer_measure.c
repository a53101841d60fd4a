#include "analysis/layer_measure.h"

#include "quant/base/size.h"
#include "quant/layer/product.h"

#include <math.h>
#include <string.h>

/* Sums of one output channel. */
struct sums {
  double power, error, weights, activations; /* of squares: y, e, their parts */
  double reached, product;                   /* of y'^2, of y y' */
};

enum { OUTPUT, WEIGHTS, ACTIVATIONS, BOTH, TILES };

struct job {
  const struct layer *layer;
  const struct layer_made *made;
  const float *x;
  size_t tokens;
  const float *moved; /* A = X' - X; NULL: X' = X */
  const float *wrong; /* D = W' - W */
  size_t across;      /* tiles of output channels; there are more of tokens */
  struct sums *sums;  /* for each tile of tokens: rows */
  struct scratch {
    struct product_scratch product;
    double tile[TILES][PRODUCT_TILE * PRODUCT_TILE];
  } * scratch; /* one for each worker */
};

static void add_channel(const struct job *job, const struct scratch *s, size_t m, size_t n,
                        size_t column, double bias, struct sums *sums)
{
  for (size_t t = 0; t < m; t++) {
    const size_t i = t * n + column;
    const double y = s->tile[OUTPUT][i], weights = s->tile[WEIGHTS][i] + bias;
    const double activations = job->moved ? s->tile[ACTIVATIONS][i] : 0;
    const double error = weights + activations + (job->moved ? s->tile[BOTH][i] : 0);
    sums->power += y * y;
    sums->error += error * error;
    sums->weights += weights * weights;
    sums->activations += activations * activations;
    sums->reached += (y + error) * (y + error);
    sums->product += y * (y + error);
  }
}

static void measure_tile(void *context, size_t chunk, unsigned worker)
{
  const struct job *job = context;
  const struct layer *layer = job->layer;
  struct scratch *s = &job->scratch[worker];
  const size_t inner = layer->columns, slab = chunk / job->across;
  const size_t token = slab * PRODUCT_TILE, row = chunk % job->across * PRODUCT_TILE;
  const size_t m = size_min(PRODUCT_TILE, job->tokens - token),
               n = size_min(PRODUCT_TILE, layer->rows - row);
  const float *x = job->x + token * inner, *w = layer->weight + row * inner,
              *d = job->wrong + row * inner, *a = job->moved ? job->moved + token * inner : NULL;
  product_tile(x, inner, m, w, inner, n, inner, s->tile[OUTPUT], &s->product);
  product_tile(x, inner, m, d, inner, n, inner, s->tile[WEIGHTS], &s->product);
  if (a) {
    product_tile(a, inner, m, w, inner, n, inner, s->tile[ACTIVATIONS], &s->product);
    product_tile(a, inner, m, d, inner, n, inner, s->tile[BOTH], &s->product);
  }
  for (size_t c = 0; c < n; c++)
    add_channel(job, s, m, n, c, job->made->bias ? (double)job->made->bias[row + c] : 0,
                &job->sums[slab * layer->rows + row + c]);
}

/* 10 log10(signal / error) as the header has it. */
static double ratio_db(double signal, double error)
{
  if (!(signal > 0))
    return (double)NAN;
  return error > 0 ? 10 * log10(signal / error) : (double)INFINITY;
}

double layer_channel_sqnr(const struct layer_numbers *numbers, size_t row)
{
  return ratio_db(numbers->channel_power[row], numbers->channel_mse[row]);
}

static void add_sums(struct sums *to, const struct sums *from)
{
  to->power += from->power;
  to->error += from->error;
  to->weights += from->weights;
  to->activations += from->activations;
  to->reached += from->reached;
  to->product += from->product;
}

/* Adds slabs up in their order, and tells each channel and the whole. */
static void conclude(const struct job *job, size_t slabs, struct layer_numbers *out)
{
  struct sums all = {0};
  const size_t rows = job->layer->rows;
  for (size_t r = 0; r < rows; r++) {
    struct sums channel = {0};
    for (size_t slab = 0; slab < slabs; slab++)
      add_sums(&channel, &job->sums[slab * rows + r]);
    out->channel_mse[r] = channel.error / (double)job->tokens;
    out->channel_power[r] = channel.power / (double)job->tokens;
    add_sums(&all, &channel);
  }
  const double count = (double)job->tokens * (double)rows;
  out->output_power = all.power / count;
  out->output_mse = all.error / count;
  out->weights_mse = all.weights / count;
  out->activations_mse = all.activations / count;
  out->interaction_mse = job->moved ? (all.error - all.weights - all.activations) / count : 0;
  out->output_sqnr_db = ratio_db(all.power, all.error);
  out->cosine =
      all.power > 0 && all.reached > 0 ? all.product / sqrt(all.power * all.reached) : (double)NAN;
}

static void tell_weights(const struct layer *layer, const struct layer_made *made,
                         const float *wrong, struct layer_numbers *out)
{
  const size_t count = layer->rows * layer->columns;
  double power = 0, error = 0;
  for (size_t i = 0; i < count; i++) {
    power += (double)layer->weight[i] * (double)layer->weight[i];
    error += (double)wrong[i] * (double)wrong[i];
  }
  out->weight_mse = error / (double)count;
  out->weight_sqnr_db = ratio_db(power, error);
  out->bits_per_weight = made->stored_bits / (double)count;
}

/* *out = B - A, a new array. */
static float *difference(const float *a, const float *b, size_t count)
{
  float *out = mem_array(count, sizeof *out);
  for (size_t i = 0; out && i < count; i++)
    out[i] = b[i] - a[i];
  return out;
}

/* *out = A = X' - X, NULL where nothing is rounded. */
static enum status move_inputs(const struct layer *layer, const struct layer_made *made,
                               const float *x, size_t tokens, struct progress *progress,
                               float **out, struct error *error)
{
  *out = NULL;
  if (layer_inputs_exact(&made->inputs))
    return STATUS_OK;
  const size_t count = tokens * layer->columns;
  float *moved = mem_array(count, sizeof *moved);
  if (!moved)
    return error_memory(error, "the activations");
  enum status status = layer_inputs_apply(&made->inputs, layer, x, tokens, moved, progress, error);
  for (size_t i = 0; status == STATUS_OK && i < count; i++)
    moved[i] -= x[i];
  if (status == STATUS_OK)
    *out = moved;
  else
    free(moved);
  return status;
}

enum status layer_measure(const struct layer *layer, const struct layer_made *made, const float *x,
                          size_t tokens, struct progress *progress, struct layer_numbers *out,
                          struct error *error)
{
  const size_t rows = layer->rows, slabs = size_div_up(tokens, PRODUCT_TILE);
  struct layer_numbers numbers = {.tokens = tokens, .rows = rows};
  float *moved, *wrong = difference(layer->weight, made->weight, rows * layer->columns);
  enum status status = move_inputs(layer, made, x, tokens, progress, &moved, error);
  struct job job = {layer, made, x, tokens, moved, wrong, size_div_up(rows, PRODUCT_TILE),
                    NULL,  NULL};
  job.sums = mem_array(slabs * rows, sizeof *job.sums);
  job.scratch = mem_array(pool_threads(), sizeof *job.scratch);
  numbers.channel_mse = mem_array(rows, sizeof(double));
  numbers.channel_power = mem_array(rows, sizeof(double));
  if (status == STATUS_OK &&
      !(wrong && job.sums && job.scratch && numbers.channel_mse && numbers.channel_power))
    status = error_memory(error, "the output of the layer");
  if (status == STATUS_OK)
    status = pool_for(slabs * job.across, measure_tile, &job, progress);
  if (status == STATUS_OK) {
    conclude(&job, slabs, &numbers);
    tell_weights(layer, made, wrong, &numbers);
    *out = numbers;
  } else
    layer_numbers_free(&numbers);
  free(moved);
  free(wrong);
  free(job.sums);
  free(job.scratch);
  return status;
}

void layer_numbers_free(struct layer_numbers *numbers)
{
  free(numbers->channel_mse);
  free(numbers->channel_power);
  *numbers = (struct layer_numbers){0};
}
