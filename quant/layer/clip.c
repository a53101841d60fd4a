#include "quant/layer/clip.h"

#include "quant/base/size.h"
#include "quant/layer/loss.h"
#include "quant/layer/product.h"
#include "quant/layer/round.h"

#include <math.h>

size_t clip_group(const struct quantizer *quantizer, size_t columns)
{
  if (quantizer->by == BY_FORMAT)
    return size_min(columns,
                    quantizer->block.length ? quantizer->block.length : quantizer->format->block);
  return quantizer->granularity.kind == GRAIN_GROUP
             ? size_min(columns, quantizer->granularity.group)
             : columns;
}

void clip_apply(const float *weight, size_t rows, size_t columns, size_t group, const float *most,
                float shrink, float *out)
{
  const size_t groups = size_div_up(columns, group);
  for (size_t r = 0; r < rows; r++)
    for (size_t g = 0; g < groups; g++) {
      const float limit = most[r * groups + g] * shrink;
      const size_t end = r * columns + size_min(columns, (g + 1) * group);
      for (size_t i = r * columns + g * group; i < end; i++)
        out[i] = fminf(fmaxf(weight[i], -limit), limit);
    }
}

/* --- one candidate ------------------------------------------------------------------------------
 */

struct search {
  const struct clip_task *task;
  const float *x; /* sampled tokens, divided by the factors */
  size_t tokens, group, groups;
  float *wrong;  /* rows x columns: the candidate, then its error */
  float *top;    /* rows x groups: the largest magnitude */
  float *most;   /* the best so far */
  double *least; /* its error */
  float shrink;
  struct scratch {
    struct product_scratch product;
    double tile[PRODUCT_TILE * PRODUCT_TILE];
  } * scratch; /* one for each worker */
};

/* Some rows' WRONG becomes that of the weight. */
static void subtract(const struct search *search, size_t row, size_t n)
{
  const size_t columns = search->task->layer->columns;
  for (size_t i = row * columns; i < (row + n) * columns; i++)
    search->wrong[i] -= search->task->weight[i];
}

/* ERROR (of N rows) += what group G from ROW on adds to the squared output of all tokens. */
static void add_errors(const struct search *search, size_t row, size_t n, size_t g,
                       struct scratch *s, double *error)
{
  const size_t columns = search->task->layer->columns, first = g * search->group,
               length = size_min(search->group, columns - first);
  for (size_t token = 0; token < search->tokens; token += PRODUCT_TILE) {
    const size_t m = size_min(PRODUCT_TILE, search->tokens - token);
    product_tile(search->x + token * columns + first, columns, m,
                 search->wrong + row * columns + first, columns, n, length, s->tile, &s->product);
    for (size_t t = 0; t < m; t++)
      for (size_t r = 0; r < n; r++)
        error[r] += s->tile[t * n + r] * s->tile[t * n + r];
  }
}

static void try_rows(void *context, size_t chunk, unsigned worker)
{
  const struct search *search = context;
  const size_t row = chunk * PRODUCT_TILE,
               n = size_min(PRODUCT_TILE, search->task->layer->rows - row);
  subtract(search, row, n);
  for (size_t g = 0; g < search->groups; g++) {
    double error[PRODUCT_TILE] = {0};
    add_errors(search, row, n, g, &search->scratch[worker], error);
    for (size_t r = 0; r < n; r++) {
      const size_t i = (row + r) * search->groups + g;
      if (!(error[r] < search->least[i]))
        continue;
      search->least[i] = error[r];
      search->most[i] = search->top[i] * search->shrink;
    }
  }
}

static enum status try_candidate(struct search *search, int step, struct error *error)
{
  const struct clip_task *task = search->task;
  const struct layer *layer = task->layer;
  search->shrink = (float)(1 - step / (double)CLIP_GRID);
  clip_apply(task->weight, layer->rows, layer->columns, search->group, search->top, search->shrink,
             search->wrong);
  enum status status = layer_round(task->quantizer, search->wrong, layer->rows, layer->columns,
                                   search->wrong, NULL, NULL, task->progress, error);
  return status == STATUS_OK
             ? pool_for(size_div_up(layer->rows, PRODUCT_TILE), try_rows, search, task->progress)
             : status;
}

/* --- the search ---------------------------------------------------------------------------------
 */

static float *sample_tokens(const struct clip_task *task, size_t *tokens)
{
  const struct layer *layer = task->layer;
  const size_t step = size_max(1, layer->tokens / CLIP_TOKENS), columns = layer->columns;
  *tokens = size_div_up(layer->tokens, step);
  float *x = mem_array(*tokens * columns, sizeof *x);
  for (size_t t = 0; x && t < *tokens; t++)
    for (size_t j = 0; j < columns; j++) {
      const float value = layer->activation[t * step * columns + j];
      x[t * columns + j] = task->factor ? value / task->factor[j] : value;
    }
  return x;
}

static void start(struct search *search)
{
  const struct layer *layer = search->task->layer;
  for (size_t i = 0; i < layer->rows * layer->columns; i++) {
    float *top =
        &search->top[i / layer->columns * search->groups + i % layer->columns / search->group];
    *top = fmaxf(*top, fabsf(search->task->weight[i]));
  }
  for (size_t i = 0; i < layer->rows * search->groups; i++) {
    search->most[i] = search->top[i];
    search->least[i] = HUGE_VAL;
  }
}

enum status clip_search(const struct clip_task *task, float *most, struct error *error)
{
  const struct layer *layer = task->layer;
  const size_t group = clip_group(task->quantizer, layer->columns),
               groups = size_div_up(layer->columns, group), count = layer->rows * groups;
  struct search search = {.task = task, .group = group, .groups = groups, .most = most};
  float *x = sample_tokens(task, &search.tokens);
  search.x = x;
  search.wrong = mem_array(layer->rows * layer->columns, sizeof *search.wrong);
  search.top = mem_array(count, sizeof *search.top);
  search.least = mem_array(count, sizeof *search.least);
  search.scratch = mem_array(pool_threads(), sizeof *search.scratch);
  enum status status = x && search.wrong && search.top && search.least && search.scratch
                           ? STATUS_OK
                           : error_memory(error, "the clip search");
  if (status == STATUS_OK)
    start(&search);
  const struct layer few = {
      .rows = layer->rows, .columns = layer->columns, .tokens = search.tokens};
  progress_expect(task->progress, CLIP_STEPS * layer_loss_cost(&few));
  for (int step = 0; step < CLIP_STEPS && status == STATUS_OK; step++) {
    status = try_candidate(&search, step, error);
    progress_advance(task->progress, layer_loss_cost(&few));
  }
  free(x);
  free(search.wrong);
  free(search.top);
  free(search.least);
  free(search.scratch);
  return status;
}
