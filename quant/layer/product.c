#include "quant/layer/product.h"

#include "quant/base/blas.h"
#include "quant/base/size.h"

#include <string.h>

static void add_part(const float *part, size_t count, double *tile)
{
  for (size_t i = 0; i < count; i++)
    tile[i] += (double)part[i];
}

/* LENGTH columns of SIDE from K on, where they are or in BLOCK; *stride of them. */
static const float *side_block(struct product_side side, size_t k, size_t length, float *block,
                               size_t *stride)
{
  *stride = side.minus ? length : side.stride;
  if (!side.minus)
    return side.values + k;
  for (size_t r = 0; r < side.rows; r++) {
    const float *values = side.values + r * side.stride + k,
                *minus = side.minus + r * side.stride + k;
    for (size_t i = 0; i < length; i++)
      block[r * length + i] = values[i] - minus[i];
  }
  return block;
}

void product_sides(struct product_side a, struct product_side b, size_t inner, double *tile,
                   struct product_scratch *scratch)
{
  memset(tile, 0, a.rows * b.rows * sizeof *tile);
  for (size_t k = 0; k < inner; k += PRODUCT_INNER) {
    const size_t length = size_min(PRODUCT_INNER, inner - k);
    size_t a_stride, b_stride;
    const float *left = side_block(a, k, length, scratch->side[0], &a_stride),
                *right = side_block(b, k, length, scratch->side[1], &b_stride);
    blas()->sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)a.rows, (int)b.rows, (int)length, 1,
                  left, (int)a_stride, right, (int)b_stride, 0, scratch->part, (int)b.rows);
    add_part(scratch->part, a.rows * b.rows, tile);
  }
}

void product_tile(const float *a, size_t a_stride, size_t m, const float *b, size_t b_stride,
                  size_t n, size_t inner, double *tile, struct product_scratch *scratch)
{
  product_sides((struct product_side){a, NULL, a_stride, m},
                (struct product_side){b, NULL, b_stride, n}, inner, tile, scratch);
}

struct gram_job {
  const float *x;
  size_t rows, columns, tiles; /* tiles on a side */
  const uint32_t *place;
  struct triangle *gram;
  struct gram_scratch {
    struct product_scratch product;
    double tile[PRODUCT_TILE * PRODUCT_TILE];
  } * scratch; /* one for each worker */
};

static void place_tile(const struct gram_job *job, size_t i, size_t j, size_t m, size_t n,
                       const double *tile)
{
  for (size_t r = 0; r < m; r++)
    for (size_t c = 0; c < n; c++) {
      const size_t a = job->place ? job->place[i + r] : i + r;
      const size_t b = job->place ? job->place[j + c] : j + c;
      triangle_row(job->gram, a > b ? a : b)[a > b ? b : a] = tile[r * n + c];
    }
}

/* Tile (i, j) of XᵀX. */
static void gram_tile(void *context, size_t chunk, unsigned worker)
{
  const struct gram_job *job = context;
  const size_t i = chunk / job->tiles * PRODUCT_TILE, j = chunk % job->tiles * PRODUCT_TILE;
  if (j < i)
    return;
  const size_t m = size_min(PRODUCT_TILE, job->columns - i),
               n = size_min(PRODUCT_TILE, job->columns - j);
  struct gram_scratch *scratch = &job->scratch[worker];
  memset(scratch->tile, 0, m * n * sizeof *scratch->tile);
  for (size_t k = 0; k < job->rows; k += PRODUCT_INNER) {
    const float *x = job->x + k * job->columns;
    blas()->sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)m, (int)n,
                  (int)size_min(PRODUCT_INNER, job->rows - k), 1, x + i, (int)job->columns, x + j,
                  (int)job->columns, 0, scratch->product.part, (int)n);
    add_part(scratch->product.part, m * n, scratch->tile);
  }
  place_tile(job, i, j, m, n, scratch->tile);
}

enum status product_gram(const float *x, size_t rows, const uint32_t *place, struct triangle *gram,
                         struct progress *progress, struct error *error)
{
  struct gram_job job = {x, rows, gram->n, size_div_up(gram->n, PRODUCT_TILE), place, gram, NULL};
  job.scratch = mem_array(pool_threads(), sizeof *job.scratch);
  if (!job.scratch)
    return error_memory(error, "the products of input channels");
  enum status status = pool_for(job.tiles * job.tiles, gram_tile, &job, progress);
  free(job.scratch);
  return status;
}
