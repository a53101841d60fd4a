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

/* --- one candidate ---------------------------------------------------------------------------- */

enum { SLAB = 512, ROWS = 64 }; /* rows at a time; of a chunk */

/* The search in some rows, which do not know of the others. */
struct search {
  const struct clip_task *task;
  const float *x; /* sampled tokens, divided by the factors */
  size_t tokens, columns, group, groups;
  const float *weight; /* the rows */
  size_t rows;
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

/* ERROR (of N rows) += what group G from ROW on adds to the squared output of all tokens. */
static void add_errors(const struct search *search, size_t row, size_t n, size_t g,
                       struct scratch *s, double *error)
{
  const size_t columns = search->columns, first = g * search->group,
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
  const size_t row = chunk * ROWS, n = size_min(ROWS, search->rows - row);
  for (size_t i = row * search->columns; i < (row + n) * search->columns; i++)
    search->wrong[i] -= search->weight[i];
  for (size_t g = 0; g < search->groups; g++) {
    double error[ROWS] = {0};
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
  struct progress *progress = search->task->progress;
  search->shrink = (float)(1 - step / (double)CLIP_GRID);
  clip_apply(search->weight, search->rows, search->columns, search->group, search->top,
             search->shrink, search->wrong);
  enum status status = layer_round(search->task->quantizer, search->wrong, search->rows,
                                   search->columns, search->wrong, NULL, NULL, progress, error);
  return status == STATUS_OK ? pool_for(size_div_up(search->rows, ROWS), try_rows, search, progress)
                             : status;
}

/* --- the search ------------------------------------------------------------------------------- */

/* Rows that can be searched by themselves: some, or where they share a scale all ROWS. */
static size_t slab_rows(const struct quantizer *quantizer, size_t rows)
{
  const struct granularity *granularity = &quantizer->granularity;
  const bool apart = granularity->kind == GRAIN_GROUP || granularity->kind == GRAIN_TOKEN ||
                     (granularity->kind == GRAIN_CHANNEL && granularity->axis == 0);
  return apart && quantizer->by != BY_FORMAT && !quantizer->format->learned ? size_min(SLAB, rows)
                                                                            : rows;
}

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

static void start(const struct search *search)
{
  for (size_t r = 0; r < search->rows; r++)
    for (size_t g = 0; g < search->groups; g++) {
      const size_t i = r * search->groups + g,
                   end = size_min(search->columns, (g + 1) * search->group);
      search->top[i] = 0;
      for (size_t j = g * search->group; j < end; j++)
        search->top[i] = fmaxf(search->top[i], fabsf(search->weight[r * search->columns + j]));
      search->most[i] = search->top[i];
      search->least[i] = HUGE_VAL;
    }
}

/* What a candidate for ROWS rows counts of progress: multiplications as in loss.h, by rows, so that
 * slabs add up. */
static size_t cost(const struct search *search, size_t rows)
{
  const struct layer row = {.rows = 1, .columns = search->columns, .tokens = search->tokens};
  return rows * layer_loss_cost(&row);
}

static enum status search_rows(struct search *search, size_t first, size_t rows, float *most,
                               struct error *error)
{
  enum status status = STATUS_OK;
  search->weight = search->task->weight + first * search->columns;
  search->most = most + first * search->groups;
  search->rows = rows;
  start(search);
  for (int step = 0; step < CLIP_STEPS && status == STATUS_OK; step++) {
    status = try_candidate(search, step, error);
    progress_advance(search->task->progress, cost(search, rows));
  }
  return status;
}

enum status clip_search(const struct clip_task *task, float *most, struct error *error)
{
  const struct layer *layer = task->layer;
  const size_t group = clip_group(task->quantizer, layer->columns),
               groups = size_div_up(layer->columns, group),
               slab = slab_rows(task->quantizer, layer->rows);
  struct search search = {
      .task = task, .columns = layer->columns, .group = group, .groups = groups};
  float *x = sample_tokens(task, &search.tokens);
  search.x = x;
  search.wrong = mem_array(slab * layer->columns, sizeof *search.wrong);
  search.top = mem_array(slab * groups, sizeof *search.top);
  search.least = mem_array(slab * groups, sizeof *search.least);
  search.scratch = mem_array(pool_threads(), sizeof *search.scratch);
  enum status status = x && search.wrong && search.top && search.least && search.scratch
                           ? STATUS_OK
                           : error_memory(error, "the clip search");
  progress_expect(task->progress, CLIP_STEPS * cost(&search, layer->rows));
  for (size_t row = 0; row < layer->rows && status == STATUS_OK; row += slab)
    status = search_rows(&search, row, size_min(slab, layer->rows - row), most, error);
  free(x);
  free(search.wrong);
  free(search.top);
  free(search.least);
  free(search.scratch);
  return status;
}
