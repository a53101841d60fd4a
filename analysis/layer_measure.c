#include "analysis/layer_measure.h"

#include "analysis/metrics.h"
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
  const float *x, *reached; /* X, X'; NULL: X' = X */
  size_t tokens;
  float *y;
  bool has_y;
  size_t across;     /* tiles of output channels; there are more of tokens */
  struct sums *sums; /* for each tile of tokens: rows */
  struct scratch {
    struct product_scratch product;
    double tile[TILES][PRODUCT_TILE * PRODUCT_TILE];
  } * scratch; /* one for each worker */
};

/* A tile: M tokens from TOKEN on, N output channels from ROW on. */
struct place {
  size_t token, row, m, n;
};

static void add_channel(const struct job *job, const struct scratch *s, const struct place *at,
                        size_t column, struct sums *sums)
{
  const double bias = job->made->bias ? (double)job->made->bias[at->row + column] : 0;
  for (size_t t = 0; t < at->m; t++) {
    const size_t i = t * at->n + column;
    const double y = (double)job->y[(at->token + t) * job->layer->rows + at->row + column];
    const double weights = s->tile[WEIGHTS][i] + bias;
    const double activations = job->reached ? s->tile[ACTIVATIONS][i] : 0;
    const double error = weights + activations + (job->reached ? s->tile[BOTH][i] : 0);
    sums->power += y * y;
    sums->error += error * error;
    sums->weights += weights * weights;
    sums->activations += activations * activations;
    sums->reached += (y + error) * (y + error);
    sums->product += y * (y + error);
  }
}

/* Y of a tile is computed and kept. */
static void fill_output(const struct job *job, const struct place *at, const double *tile)
{
  for (size_t t = 0; t < at->m; t++)
    for (size_t c = 0; c < at->n; c++)
      job->y[(at->token + t) * job->layer->rows + at->row + c] = (float)tile[t * at->n + c];
}

static void measure_tile(void *context, size_t chunk, unsigned worker)
{
  const struct job *job = context;
  struct scratch *s = &job->scratch[worker];
  const size_t inner = job->layer->columns, rows = job->layer->rows, slab = chunk / job->across;
  struct place at = {.token = slab * PRODUCT_TILE, .row = chunk % job->across * PRODUCT_TILE};
  at.m = size_min(PRODUCT_TILE, job->tokens - at.token);
  at.n = size_min(PRODUCT_TILE, rows - at.row);
  const float *from = job->x + at.token * inner, *w = job->layer->weight + at.row * inner;
  const struct product_side x = {from, NULL, inner, at.m}, weight = {w, NULL, inner, at.n},
                            wrong = {job->made->weight + at.row * inner, w, inner, at.n};
  if (!job->has_y) {
    product_sides(x, weight, inner, s->tile[OUTPUT], &s->product);
    fill_output(job, &at, s->tile[OUTPUT]);
  }
  product_sides(x, wrong, inner, s->tile[WEIGHTS], &s->product);
  if (job->reached) {
    const struct product_side moved = {job->reached + at.token * inner, from, inner, at.m};
    product_sides(moved, weight, inner, s->tile[ACTIVATIONS], &s->product);
    product_sides(moved, wrong, inner, s->tile[BOTH], &s->product);
  }
  for (size_t c = 0; c < at.n; c++)
    add_channel(job, s, &at, c, &job->sums[slab * rows + at.row + c]);
}

double layer_channel_sqnr(const struct layer_numbers *numbers, size_t row)
{
  return sqnr_db(numbers->channel_power[row], numbers->channel_mse[row]);
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
  out->interaction_mse = job->reached ? (all.error - all.weights - all.activations) / count : 0;
  out->output_sqnr_db = sqnr_db(all.power, all.error);
  out->cosine =
      all.power > 0 && all.reached > 0 ? all.product / sqrt(all.power * all.reached) : (double)NAN;
}

static void tell_weights(const struct layer *layer, const struct layer_made *made,
                         struct layer_numbers *out)
{
  const size_t count = layer->rows * layer->columns;
  double power = 0, error = 0;
  for (size_t i = 0; i < count; i++) {
    const double w = (double)layer->weight[i], wrong = (double)(made->weight[i] - layer->weight[i]);
    power += w * w;
    error += wrong * wrong;
  }
  out->weight_mse = error / (double)count;
  out->weight_sqnr_db = sqnr_db(power, error);
  out->bits_per_weight = made->stored_bits / (double)count;
}

/* *out = X', a new array; NULL where nothing is rounded. */
static enum status reach(const struct job *job, struct progress *progress, float **out,
                         struct error *error)
{
  const struct layer_inputs *inputs = &job->made->inputs;
  *out = NULL;
  if (layer_inputs_exact(inputs))
    return STATUS_OK;
  *out = mem_array(job->tokens * job->layer->columns, sizeof **out);
  return *out ? layer_inputs_apply(inputs, job->layer, job->x, job->tokens, *out, progress, error)
              : error_memory(error, "the activations");
}

/* Room for Y, unless it is there. */
static float *output_room(const struct job *job, const struct layer_output *output)
{
  size_t count;
  if (output->y || !size_mul(job->tokens, job->layer->rows, &count))
    return output->y;
  return mem_array(count, sizeof *output->y);
}

static enum status run_job(struct job *job, struct progress *progress,
                           struct layer_numbers *numbers, struct error *error)
{
  const size_t rows = job->layer->rows, slabs = size_div_up(job->tokens, PRODUCT_TILE);
  job->sums = mem_array(slabs * rows, sizeof *job->sums);
  job->scratch = mem_array(pool_threads(), sizeof *job->scratch);
  numbers->channel_mse = mem_array(rows, sizeof(double));
  numbers->channel_power = mem_array(rows, sizeof(double));
  enum status status =
      job->y && job->sums && job->scratch && numbers->channel_mse && numbers->channel_power
          ? pool_for(slabs * job->across, measure_tile, job, progress)
          : error_memory(error, "the output of the layer");
  if (status == STATUS_OK) {
    conclude(job, slabs, numbers);
    tell_weights(job->layer, job->made, numbers);
  }
  free(job->sums);
  free(job->scratch);
  return status;
}

enum status layer_measure(const struct layer *layer, const struct layer_made *made,
                          struct layer_output *output, struct progress *progress,
                          struct layer_numbers *out, struct error *error)
{
  struct layer_numbers numbers = {.tokens = output->tokens, .rows = layer->rows};
  struct job job = {.layer = layer,
                    .made = made,
                    .x = output->x,
                    .tokens = output->tokens,
                    .has_y = output->y != NULL,
                    .across = size_div_up(layer->rows, PRODUCT_TILE)};
  float *reached;
  enum status status = reach(&job, progress, &reached, error);
  job.reached = reached;
  job.y = output_room(&job, output);
  if (status == STATUS_OK)
    status = run_job(&job, progress, &numbers, error);
  free(reached);
  if (status == STATUS_OK) {
    output->y = job.y;
    *out = numbers;
  } else {
    layer_numbers_free(&numbers);
    if (!output->y)
      free(job.y);
  }
  return status;
}

void layer_output_free(struct layer_output *output)
{
  free(output->y);
  *output = (struct layer_output){0};
}

void layer_numbers_free(struct layer_numbers *numbers)
{
  free(numbers->channel_mse);
  free(numbers->channel_power);
  *numbers = (struct layer_numbers){0};
}
