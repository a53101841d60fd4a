/* GPTQ: columns are rounded one after the other, and what each one loses is made up for by those
 * that are not rounded yet, as far as their inputs are correlated.
 *
 * With H = 2 XᵀX and H^-1 = Uᵀ U, U upper triangular: the error of column i, divided by U_ii, times
 * row i of U is taken from the columns behind it. The order of operations, the float32 arithmetic
 * and the moment at which a group's scale is found are those of the reference implementation:
 * within a block of columns the weights that a scale is found from do not know of the block's own
 * updates. Rows do not know of each other. */
#include "quant/base/blas.h"
#include "quant/base/size.h"
#include "quant/layer/cholesky.h"
#include "quant/layer/columns.h"
#include "quant/layer/find_params.h"
#include "quant/layer/methods.h"
#include "quant/layer/product.h"
#include "quant/layer/round.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 64 }; /* of one job */
enum params { PARAMS_REFERENCE, PARAMS_REFERENCE_MSE, PARAMS_QUANTIZER };
/* Which weights have a scale in common, as it is found before all rounding; or neighbours in the
 * order of rounding, when it is their turn. */
enum sharing { ROWS_WHOLE, GROUPS_BEFOREHAND, GROUPS_IN_ORDER };

struct gptq {
  const struct layer_task *task;
  size_t rows, columns, block, group, groups; /* block, group: so many columns */
  enum sharing sharing;
  enum params params;
  uint32_t *order;     /* the columns, as they are rounded */
  unsigned char *dead; /* of each column: its input is always 0 */
  size_t dead_columns;
  struct upper factor; /* U, in panels as wide as a block */
  float *scale, *zero;
  double *loss; /* of each row */
  struct layer_made *made;
  struct scratch *scratch; /* of each worker */
};

struct scratch {
  float *weight;     /* ROWS x columns, in the order of rounding */
  float *error;      /* ROWS x block: of the columns of the block, divided by U_ii */
  float *group;      /* ROWS x group: what a scale is found from */
  struct fit **fits; /* of each group: params=quantizer */
  enum status status;
  struct error problem;
};

/* --- progress, in quantized elements that take as long ---------------------------------------- */

/* Multiplications in the time of one, roughly. */
enum { MULTIPLICATIONS = 64 };

static size_t gram_cost(const struct layer *layer)
{
  return (size_t)((double)layer->tokens * (double)layer->columns * (double)layer->columns / 2 /
                  MULTIPLICATIONS);
}

/* WIDTH columns of ROWS rows: half of the columns lie behind them. */
static size_t block_cost(const struct gptq *gptq, size_t rows, size_t width)
{
  return (size_t)((double)rows * (double)width * (double)gptq->columns / 2 / MULTIPLICATIONS);
}

static void expect_all(const struct gptq *gptq)
{
  const struct layer *layer = gptq->task->layer;
  size_t sum = cholesky_cost(gptq->columns) + gram_cost(layer);
  for (size_t row = 0; row < gptq->rows; row += ROWS)
    for (size_t start = 0; start < gptq->columns; start += gptq->block)
      sum += block_cost(gptq, size_min(ROWS, gptq->rows - row),
                        size_min(gptq->block, gptq->columns - start));
  progress_expect(gptq->task->progress, sum);
}

/* --- what is refused -------------------------------------------------------------------------- */

/* True when nothing is asked for but bits, a scheme, a granularity and a calibrator. */
static bool is_plain(const struct quantizer *quantizer)
{
  return format_is_integer(quantizer->format) && !quantizer->narrow && !quantizer->pow2 &&
         !quantizer->scale_type && !quantizer->rule && !(quantizer->eps > 0) &&
         quantizer->arithmetic == 0 && !quantizer->limited && !quantizer->unsigned_codes &&
         !quantizer->signed_codes && quantizer->by == BY_CALIBRATOR &&
         quantizer->rounding == ROUND_EVEN;
}

static enum status check(const struct layer_task *task, struct error *error)
{
  const struct quantizer *quantizer = &task->weight;
  char spec[QUANTIZER_TEXT];
  quantizer_print(quantizer, spec);
  if (quantizer->by == BY_FORMAT)
    return error_set(error, STATUS_USAGE,
                     "%s: the scales of columns that are rounded one by one must be known "
                     "beforehand, and a format's own blocks bring theirs; int4,group=128 does",
                     spec);
  if (!layer_scales_rows(quantizer))
    return error_set(error, STATUS_USAGE,
                     "%s: one scale for each output channel (channel) or group (group=N) is "
                     "expected",
                     spec);
  if (method_value(task, "static-groups") > 0 && quantizer->granularity.kind != GRAIN_GROUP)
    return error_set(error, STATUS_USAGE, "%s: static-groups needs group=N", spec);
  if ((int)method_value(task, "params") != PARAMS_QUANTIZER && !is_plain(quantizer))
    return error_set(error, STATUS_USAGE,
                     "%s: the reference's own scales know integers of any width, sym or asym, in "
                     "channels or groups, and nothing else; params=quantizer takes this one's",
                     spec);
  return STATUS_OK;
}

/* --- the order and the factor ----------------------------------------------------------------- */

/* The columns as they are rounded: from the one with the largest inputs on, BY_SIZE. */
static bool choose_order(struct gptq *gptq, bool by_size)
{
  const size_t n = gptq->columns;
  gptq->order = mem_array(n, sizeof *gptq->order);
  for (size_t i = 0; gptq->order && i < n; i++)
    gptq->order[i] = (uint32_t)i;
  return gptq->order && (!by_size || columns_rank(gptq->task->layer->power, 1, n, gptq->order));
}

/* XᵀX, the columns in the order of rounding from the last to the first, as their factor wants them.
 * It is as large as the weight, and is not kept for others. */
static enum status read_gram(const struct gptq *gptq, struct triangle *gram, struct error *error)
{
  const struct layer *layer = gptq->task->layer;
  const size_t n = gptq->columns;
  uint32_t *place = mem_array(n, sizeof *place);
  enum status status = STATUS_OK;
  if (!place || !triangle_make(gram, n))
    status = error_memory(error, "the Hessian");
  for (size_t i = 0; place && i < n; i++)
    place[gptq->order[i]] = (uint32_t)(n - 1 - i);
  if (status == STATUS_OK)
    status =
        product_gram(layer->activation, layer->tokens, place, gram, gptq->task->progress, error);
  progress_advance(gptq->task->progress, gram_cost(layer));
  free(place);
  return status;
}

/* The diagonal element of the I-th column in the order of rounding. */
static double *diagonal(const struct triangle *gram, size_t i)
{
  const size_t at = gram->n - 1 - i;
  return &triangle_row(gram, at)[at];
}

/* Which columns are dead; and none is too large. */
static enum status find_dead(struct gptq *gptq, const struct triangle *gram, struct error *error)
{
  gptq->dead = mem_array(gptq->columns, 1);
  if (!gptq->dead)
    return error_memory(error, "the Hessian");
  for (size_t i = 0; i < gptq->columns; i++) {
    const double square = *diagonal(gram, i);
    if (!isfinite(square))
      return error_set(error, STATUS_USAGE,
                       "input channel %u is too large: the sum of its squares is beyond float32",
                       gptq->order[i]);
    const bool dead = !(square > 0);
    gptq->dead[gptq->order[i]] = dead;
    gptq->dead_columns += dead;
  }
  return STATUS_OK;
}

/* XᵀX becomes H, in place: 2 XᵀX, dampened by DAMP of the mean of its diagonal. A dead column is
 * nobody's neighbour, whatever its diagonal is. */
static void make_hessian(const struct gptq *gptq, struct triangle *gram, double damp)
{
  const size_t n = gptq->columns;
  double mean = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j <= i; j++)
      triangle_row(gram, i)[j] *= 2;
  for (size_t i = 0; i < n; i++)
    mean += *diagonal(gram, i) / (double)n;
  for (size_t i = 0; i < n; i++)
    *diagonal(gram, i) += gptq->dead[gptq->order[i]] ? 1 : damp * mean;
}

static enum status factor_hessian(struct gptq *gptq, struct triangle *h, double damp,
                                  struct error *error)
{
  size_t stuck = 0;
  enum status status =
      cholesky_of_inverse(h, gptq->block, &gptq->factor, &stuck, gptq->task->progress);
  if (status == STATUS_MEMORY)
    return error_memory(error, "the factor of the Hessian");
  if (status == STATUS_INPUT)
    return error_set(error, STATUS_USAGE,
                     "%zu tokens do not tell %zu input channels apart (channel %u is a combination "
                     "of others) and damp=%g is too little to make up for it; damp=0.01 is usual",
                     gptq->task->layer->tokens, gptq->columns, gptq->order[stuck], damp);
  return status;
}

/* The order of columns and U. */
static enum status prepare(struct gptq *gptq, struct error *error)
{
  const double damp = method_value(gptq->task, "damp");
  struct triangle gram = {NULL, 0};
  enum status status = choose_order(gptq, method_value(gptq->task, "actorder") > 0)
                           ? read_gram(gptq, &gram, error)
                           : error_memory(error, "the Hessian");
  if (status == STATUS_OK)
    status = find_dead(gptq, &gram, error);
  if (status == STATUS_OK) {
    make_hessian(gptq, &gram, damp);
    status = factor_hessian(gptq, &gram, damp, error);
  }
  triangle_free(&gram);
  return status;
}

/* --- scales ----------------------------------------------------------------------------------- */

/* Columns of GROUP. */
static size_t group_width(const struct gptq *gptq, size_t group)
{
  return size_min(gptq->group, gptq->columns - group * gptq->group);
}

static void find_own(const struct gptq *gptq, const float *values, size_t first, size_t rows,
                     size_t group)
{
  const struct quantizer *quantizer = &gptq->task->weight;
  const size_t width = group_width(gptq, group);
  for (size_t r = 0; r < rows; r++) {
    const struct weight_grid grid =
        find_params(values + r * width, width, quantizer->format->bits, !quantizer->asymmetric,
                    gptq->params == PARAMS_REFERENCE_MSE);
    gptq->scale[(first + r) * gptq->groups + group] = grid.scale;
    gptq->zero[(first + r) * gptq->groups + group] = grid.zero;
  }
}

static void fit_quantizers(const struct gptq *gptq, struct scratch *scratch, const float *values,
                           size_t first, size_t rows, size_t group)
{
  const struct shape shape = {2, {rows, group_width(gptq, group)}};
  const struct feed feed = feed_floats(values, shape_elements(&shape));
  fit_free(scratch->fits[group]);
  scratch->fits[group] = NULL;
  scratch->status = quantizer_fit(&gptq->task->weight, &feed, &shape, NULL, &scratch->fits[group],
                                  &scratch->problem);
  for (size_t r = 0; r < rows && scratch->status == STATUS_OK; r++) {
    gptq->scale[(first + r) * gptq->groups + group] = fit_scale(scratch->fits[group], r);
    gptq->zero[(first + r) * gptq->groups + group] = (float)fit_zero_point(scratch->fits[group], r);
  }
}

/* Scales of GROUP for rows FIRST..FIRST+ROWS-1 from VALUES (rows x the group's width). */
static void find_scales(const struct gptq *gptq, struct scratch *scratch, const float *values,
                        size_t first, size_t rows, size_t group)
{
  if (gptq->params == PARAMS_QUANTIZER)
    fit_quantizers(gptq, scratch, values, first, rows, group);
  else
    find_own(gptq, values, first, rows, group);
}

/* Of groups that begin within the columns START..END-1 of the order, from the weights as they are
 * before this block. */
static void find_block_scales(const struct gptq *gptq, struct scratch *scratch, size_t first,
                              size_t rows, size_t start, size_t end)
{
  for (size_t g = size_div_up(start, gptq->group); g * gptq->group < end; g++) {
    const size_t width = group_width(gptq, g);
    for (size_t r = 0; r < rows; r++)
      memcpy(scratch->group + r * width, scratch->weight + r * gptq->columns + g * gptq->group,
             width * sizeof *scratch->group);
    if (scratch->status == STATUS_OK)
      find_scales(gptq, scratch, scratch->group, first, rows, g);
  }
}

/* Of all groups, in the order of the columns, without what dead columns hold. */
static void find_static_scales(const struct gptq *gptq, struct scratch *scratch, size_t first,
                               size_t rows)
{
  const float *weight = gptq->task->layer->weight + first * gptq->columns;
  for (size_t g = 0; g < gptq->groups && scratch->status == STATUS_OK; g++) {
    const size_t width = group_width(gptq, g), start = g * gptq->group;
    for (size_t r = 0; r < rows; r++)
      for (size_t j = 0; j < width; j++)
        scratch->group[r * width + j] =
            gptq->dead[start + j] ? 0 : weight[r * gptq->columns + start + j];
    find_scales(gptq, scratch, scratch->group, first, rows, g);
  }
}

/* --- rounding --------------------------------------------------------------------------------- */

/* Rounds WEIGHT of ROW (of those that the scratch is about, which begin at FIRST), which is at
 * PLACE of the order; keeps it and its code. */
static float round_weight(const struct gptq *gptq, const struct scratch *scratch, size_t first,
                          size_t row, size_t place, float weight)
{
  const uint32_t column = gptq->order[place];
  const size_t at = gptq->sharing == GROUPS_IN_ORDER ? place : column, group = at / gptq->group;
  const size_t to = (first + row) * gptq->columns + column;
  const size_t unit = (first + row) * gptq->groups + group;
  uint16_t *codes = gptq->made->codes.code;
  uint16_t code;
  float value;
  if (gptq->params == PARAMS_QUANTIZER)
    fit_round_trip(scratch->fits[group],
                   row * group_width(gptq, group) + (at - group * gptq->group), 1, &weight, &value,
                   &code);
  else {
    const int bits = gptq->task->weight.format->bits;
    const struct weight_grid grid = {gptq->scale[unit], gptq->zero[unit],
                                     (float)((1UL << bits) - 1)};
    const float number = weight_grid_code(&grid, weight);
    value = weight_grid_value(&grid, number);
    code = (uint16_t)number;
  }
  gptq->made->weight[to] = value;
  if (codes)
    codes[to] = code;
  return value;
}

/* Columns START..END-1 of one row: each error goes to the columns behind it in the block. */
static void round_row(const struct gptq *gptq, struct scratch *scratch, size_t first, size_t row,
                      size_t start, size_t end)
{
  float *weight = scratch->weight + row * gptq->columns;
  float *errors = scratch->error + row * (end - start);
  for (size_t i = start; i < end; i++) {
    const float *u = upper_row(&gptq->factor, i); /* from column i on */
    const float value = round_weight(gptq, scratch, first, row, i, weight[i]);
    const float error = (weight[i] - value) / u[0];
    gptq->loss[first + row] += (double)error * (double)error / 2;
    for (size_t j = i; j < end; j++)
      weight[j] -= error * u[j - i];
    errors[i - start] = error;
  }
}

static void round_block(const struct gptq *gptq, struct scratch *scratch, size_t first, size_t rows,
                        size_t start, size_t end)
{
  const size_t n = gptq->columns;
  if (gptq->sharing == GROUPS_IN_ORDER)
    find_block_scales(gptq, scratch, first, rows, start, end);
  if (scratch->status != STATUS_OK)
    return;
  for (size_t r = 0; r < rows; r++)
    round_row(gptq, scratch, first, r, start, end);
  if (end < n)
    blas()->sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)(n - end),
                  (int)(end - start), -1, scratch->error, (int)(end - start),
                  upper_row(&gptq->factor, start) + (end - start),
                  (int)upper_stride(&gptq->factor, start), 1, scratch->weight + end, (int)n);
  progress_advance(gptq->task->progress, block_cost(gptq, rows, end - start));
}

static void gather(const struct gptq *gptq, struct scratch *scratch, size_t first, size_t rows)
{
  for (size_t r = 0; r < rows; r++) {
    const float *weight = gptq->task->layer->weight + (first + r) * gptq->columns;
    for (size_t i = 0; i < gptq->columns; i++)
      scratch->weight[r * gptq->columns + i] =
          gptq->dead[gptq->order[i]] ? 0 : weight[gptq->order[i]];
  }
}

static void round_rows(void *context, size_t chunk, unsigned worker)
{
  const struct gptq *gptq = context;
  struct scratch *scratch = &gptq->scratch[worker];
  const size_t first = chunk * ROWS, rows = size_min(ROWS, gptq->rows - first), n = gptq->columns;
  if (scratch->status != STATUS_OK)
    return;
  gather(gptq, scratch, first, rows);
  if (gptq->sharing == ROWS_WHOLE) /* the reference finds these before it looks for dead columns */
    find_scales(gptq, scratch, gptq->task->layer->weight + first * n, first, rows, 0);
  else if (gptq->sharing == GROUPS_BEFOREHAND)
    find_static_scales(gptq, scratch, first, rows);
  for (size_t start = 0; start < n && !progress_cancelled(gptq->task->progress);
       start += gptq->block)
    round_block(gptq, scratch, first, rows, start, size_min(n, start + gptq->block));
}

/* --- the run ---------------------------------------------------------------------------------- */

static void free_scratch(struct gptq *gptq)
{
  for (size_t i = 0; gptq->scratch && i < pool_threads(); i++) {
    struct scratch *scratch = &gptq->scratch[i];
    for (size_t g = 0; scratch->fits && g < gptq->groups; g++)
      fit_free(scratch->fits[g]);
    free(scratch->fits);
    free(scratch->weight);
    free(scratch->error);
    free(scratch->group);
  }
  free(gptq->scratch);
}

static bool make_scratch(struct gptq *gptq)
{
  gptq->scratch = mem_array(pool_threads(), sizeof *gptq->scratch);
  for (size_t i = 0; gptq->scratch && i < pool_threads(); i++) {
    struct scratch *scratch = &gptq->scratch[i];
    scratch->weight = mem_array(ROWS * gptq->columns, sizeof(float));
    scratch->error = mem_array(ROWS * gptq->block, sizeof(float));
    scratch->group = mem_array(ROWS * gptq->group, sizeof(float));
    scratch->fits = mem_array(gptq->groups, sizeof(struct fit *));
    if (!scratch->weight || !scratch->error || !scratch->group || !scratch->fits)
      return false;
  }
  return gptq->scratch != NULL;
}

static void plan(const struct layer_task *task, struct layer_made *made, struct gptq *gptq)
{
  const struct granularity *granularity = &task->weight.granularity;
  const size_t columns = task->layer->columns;
  const bool grouped = granularity->kind == GRAIN_GROUP;
  *gptq = (struct gptq){.task = task, .made = made, .rows = task->layer->rows, .columns = columns};
  gptq->block = size_min((size_t)method_value(task, "blocksize"), columns);
  gptq->group = grouped ? size_min(granularity->group, columns) : columns;
  gptq->groups = size_div_up(columns, gptq->group);
  gptq->sharing = !grouped                                  ? ROWS_WHOLE
                  : method_value(task, "static-groups") > 0 ? GROUPS_BEFOREHAND
                                                            : GROUPS_IN_ORDER;
  gptq->params = (enum params)method_value(task, "params");
}

static bool make_room(struct gptq *gptq)
{
  struct layer_made *made = gptq->made;
  const size_t count = gptq->rows * gptq->columns, units = gptq->rows * gptq->groups;
  made->weight = mem_array(count, sizeof *made->weight);
  gptq->scale = mem_array(units, sizeof *gptq->scale);
  gptq->zero = mem_array(units, sizeof *gptq->zero);
  gptq->loss = mem_array(gptq->rows, sizeof *gptq->loss);
  if (gptq->task->keeps_codes)
    made->codes.code = mem_array(count, sizeof *made->codes.code);
  return made->weight && gptq->scale && gptq->zero && gptq->loss && make_scratch(gptq) &&
         (made->codes.code || !gptq->task->keeps_codes);
}

static enum status round_all(struct gptq *gptq, struct error *error)
{
  enum status status =
      pool_for(size_div_up(gptq->rows, ROWS), round_rows, gptq, gptq->task->progress);
  for (size_t i = 0; i < pool_threads() && status == STATUS_OK; i++) {
    status = gptq->scratch[i].status;
    if (status != STATUS_OK && error)
      *error = gptq->scratch[i].problem;
  }
  return status;
}

/* True when it has to be stored which group a column is in. */
static bool has_map(const struct gptq *gptq)
{
  return gptq->sharing == GROUPS_IN_ORDER && gptq->groups > 1 &&
         method_value(gptq->task, "actorder") > 0;
}

/* Hands scales, zero points and the map over to the codes. */
static enum status keep_codes(struct gptq *gptq, struct error *error)
{
  struct method_codes *codes = &gptq->made->codes;
  codes->groups = gptq->groups;
  codes->scale = gptq->scale;
  gptq->scale = NULL;
  if (gptq->task->weight.asymmetric) {
    codes->zero = gptq->zero;
    gptq->zero = NULL;
  }
  if (!has_map(gptq))
    return STATUS_OK;
  codes->group = mem_array(gptq->columns, sizeof *codes->group);
  for (size_t i = 0; codes->group && i < gptq->columns; i++)
    codes->group[gptq->order[i]] = (uint32_t)(i / gptq->group);
  return codes->group ? STATUS_OK : error_memory(error, "the groups of columns");
}

static enum status conclude(struct gptq *gptq, struct error *error)
{
  enum { MAP_BITS = 32 }; /* as g_idx is stored */
  struct layer_made *made = gptq->made;
  const struct quantizer *quantizer = &gptq->task->weight;
  double bits = 0, loss = 0;
  char dead[64] = "";
  for (size_t r = 0; r < gptq->rows; r++)
    loss += gptq->loss[r] / (double)gptq->task->layer->tokens;
  if (gptq->dead_columns)
    snprintf(dead, sizeof dead, ", %zu dead input channel%s", gptq->dead_columns,
             gptq->dead_columns == 1 ? "" : "s");
  snprintf(made->said, sizeof made->said, "damp %g, loss %.4g a token, %s scales%s",
           method_value(gptq->task, "damp"), loss,
           gptq->params == PARAMS_QUANTIZER ? "the quantizer's" : "the reference's", dead);
  enum status status = layer_scale_bits(quantizer, &bits, error);
  made->stored_bits = (double)gptq->rows * (double)gptq->columns * quantizer->format->bits +
                      (double)gptq->rows * (double)gptq->groups * bits +
                      (has_map(gptq) ? MAP_BITS * (double)gptq->columns : 0);
  if (status == STATUS_OK && gptq->task->keeps_codes)
    status = keep_codes(gptq, error);
  return status;
}

enum status gptq_run(const struct layer_task *task, struct layer_made *made, struct error *error)
{
  struct gptq gptq;
  enum status status = check(task, error);
  if (status != STATUS_OK)
    return status;
  plan(task, made, &gptq);
  expect_all(&gptq);
  status = prepare(&gptq, error);
  if (status == STATUS_OK && !make_room(&gptq))
    status = error_memory(error, "the rounded weights");
  if (status == STATUS_OK)
    status = round_all(&gptq, error);
  if (status == STATUS_OK)
    status = conclude(&gptq, error);
  free_scratch(&gptq);
  free(gptq.order);
  free(gptq.dead);
  upper_free(&gptq.factor);
  free(gptq.scale);
  free(gptq.zero);
  free(gptq.loss);
  return status;
}
