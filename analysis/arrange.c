#include "config.h"

#include "analysis/arrange.h"

#include "quant/base/size.h"

#include <math.h>

enum { SAMPLE_ROWS = 64, SAMPLE_COLUMNS = 64, HEAD_MOST = 1024 };

static const double agreement_db = 6;

/* --- views ---------------------------------------------------------------------------------- */

bool arrange_can_transpose(const struct tensor *tensor)
{
  return tensor->shape.dims == 2 && tensor->stored->length == 1 && !tensor->derived;
}

void arrange_transpose(const struct tensor *tensor, struct arranged *out)
{
  struct tensor *turned = &out->tensor;
  size_t rows = tensor->shape.dim[0], columns = tensor->shape.dim[1];
  size_t down = tensor->strided ? tensor->stride[0] : columns;
  size_t along = tensor->strided ? tensor->stride[1] : 1;
  *out = (struct arranged){.tensor = *tensor};
  turned->shape.dim[0] = columns;
  turned->shape.dim[1] = rows;
  tensor_set_strides(turned, (const size_t[SHAPE_MAX_DIMS]){along, down});
  out->feed = tensor_feed(turned);
}

/* Where row ROW of the one order lies in the other. */
static size_t rope_row(size_t row, size_t head, bool back)
{
  size_t first = row - row % head, within = row % head, half = head / 2;
  return first + (back ? within % 2 * half + within / 2 : within % half * 2 + within / half);
}

static void decode_rows(const void *self, size_t start, size_t n, float *out)
{
  const struct arranged *arranged = self;
  float scratch[FEED_BLOCK];
  for (size_t i = 0, run; i < n; i += run) {
    size_t row = (start + i) / arranged->columns, column = (start + i) % arranged->columns;
    size_t from = rope_row(row, arranged->head, arranged->back) * arranged->columns + column;
    run = size_min(arranged->columns - column, n - i);
    const float *values = feed_block(&arranged->base, from, run, scratch);
    for (size_t k = 0; k < run; k++)
      out[i + k] = values[k];
  }
}

static size_t row_count(const struct tensor *tensor)
{
  return tensor->shape.dims ? tensor->shape.dim[0] : 1;
}

void arrange_rows(const struct tensor *tensor, struct arrangement how, struct arranged *out)
{
  *out = (struct arranged){.base = tensor_feed(tensor)};
  out->feed = out->base;
  if (how.kind != ARRANGED_ROPE && how.kind != ARRANGED_ROPE_BACK)
    return;
  out->head = row_count(tensor) / how.heads;
  out->columns = tensor->count / row_count(tensor);
  out->back = how.kind == ARRANGED_ROPE_BACK;
  out->feed = (struct feed){.count = tensor->count, .self = out, .decode = decode_rows};
}

/* --- which one ------------------------------------------------------------------------------ */

struct trial {
  struct feed a, b;
  size_t rows, columns; /* of A */
};

static double ratio_db(const struct trial *trial, struct arrangement how)
{
  double signal2 = 0, error2 = 0;
  size_t head = how.heads ? trial->rows / how.heads : 0;
  size_t rows = size_min(trial->rows, SAMPLE_ROWS), n = size_min(trial->columns, SAMPLE_COLUMNS);
  for (size_t i = 0; i < rows; i++) {
    float x_scratch[FEED_BLOCK], y_scratch[FEED_BLOCK], one[FEED_BLOCK];
    size_t row = i * trial->rows / rows, from = row;
    if (how.heads)
      from = rope_row(row, head, how.kind == ARRANGED_ROPE_BACK);
    const float *x = feed_block(&trial->a, row * trial->columns, n, x_scratch), *y = y_scratch;
    if (how.kind == ARRANGED_TRANSPOSED)
      for (size_t k = 0; k < n; k++)
        y_scratch[k] = *feed_block(&trial->b, k * trial->rows + row, 1, one);
    else
      y = feed_block(&trial->b, from * trial->columns, n, y_scratch);
    for (size_t k = 0; k < n; k++) {
      double error = (double)x[k] - (double)y[k];
      if (!isfinite(error))
        continue;
      signal2 += (double)x[k] * (double)x[k];
      error2 += error * error;
    }
  }
  return signal2 > 0 ? sqnr_db(signal2, error2) : (double)NAN;
}

static void try_one(const struct trial *trial, struct arrangement how, double *best,
                    struct arrangement *found)
{
  double db = ratio_db(trial, how);
  if (db >= agreement_db && db >= *best + agreement_db) {
    *best = db;
    *found = how;
  }
}

static void try_heads(const struct trial *trial, double *best, struct arrangement *found)
{
  for (size_t head = 4; head <= size_min(trial->rows, HEAD_MOST); head += 2) {
    if (trial->rows % head != 0)
      continue;
    size_t heads = trial->rows / head;
    try_one(trial, (struct arrangement){ARRANGED_ROPE, heads}, best, found);
    try_one(trial, (struct arrangement){ARRANGED_ROPE_BACK, heads}, best, found);
  }
}

struct arrangement arrange_find(const struct tensor *a, const struct tensor *b)
{
  struct arrangement found = {ARRANGED_ALIKE, 0};
  if (a->count == 0 || a->shape.dims == 0 || a->shape.dims > 2)
    return found;
  const struct trial trial = {tensor_feed(a), tensor_feed(b), row_count(a),
                              a->count / row_count(a)};
  bool alike = shape_elements(&b->shape) == a->count && row_count(b) == trial.rows;
  double best = alike ? ratio_db(&trial, found) : (double)-INFINITY;
  if (isnan(best))
    return found;
  if (a->shape.dims == 2 && b->shape.dims == 2 && b->shape.dim[1] == a->shape.dim[0])
    try_one(&trial, (struct arrangement){ARRANGED_TRANSPOSED, 0}, &best, &found);
  if (alike)
    try_heads(&trial, &best, &found);
  return found;
}
