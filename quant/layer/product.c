#include "quant/layer/product.h"

#include "quant/base/blas.h"
#include "quant/base/size.h"

#include <string.h>

enum { INNER = 512 }; /* of one float32 product */

static void add_part(const float *part, size_t count, double *tile)
{
  for (size_t i = 0; i < count; i++)
    tile[i] += (double)part[i];
}

void product_tile(const float *a, size_t a_stride, size_t m, const float *b, size_t b_stride,
                  size_t n, size_t inner, double *tile, struct product_scratch *scratch)
{
  memset(tile, 0, m * n * sizeof *tile);
  for (size_t k = 0; k < inner; k += INNER) {
    const size_t length = size_min(INNER, inner - k);
    blas()->sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)n, (int)length, 1, a + k,
                  (int)a_stride, b + k, (int)b_stride, 0, scratch->part, (int)n);
    add_part(scratch->part, m * n, tile);
  }
}

struct gram_job {
  const float *x;
  size_t rows, columns, tiles; /* tiles on a side */
  double *gram;
  struct gram_scratch {
    struct product_scratch product;
    double tile[PRODUCT_TILE * PRODUCT_TILE];
  } * scratch; /* one for each worker */
};

/* Tile (i, j) of XᵀX, and its mirror image. */
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
  for (size_t k = 0; k < job->rows; k += INNER) {
    const float *x = job->x + k * job->columns;
    blas()->sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)m, (int)n,
                  (int)size_min(INNER, job->rows - k), 1, x + i, (int)job->columns, x + j,
                  (int)job->columns, 0, scratch->product.part, (int)n);
    add_part(scratch->product.part, m * n, scratch->tile);
  }
  for (size_t r = 0; r < m; r++)
    for (size_t c = 0; c < n; c++) {
      const double sum = scratch->tile[r * n + c];
      job->gram[(i + r) * job->columns + j + c] = sum;
      job->gram[(j + c) * job->columns + i + r] = sum;
    }
}

enum status product_gram(const float *x, size_t rows, size_t columns, double *gram,
                         struct progress *progress, struct error *error)
{
  struct gram_job job = {x, rows, columns, size_div_up(columns, PRODUCT_TILE), gram, NULL};
  job.scratch = mem_array(pool_threads(), sizeof *job.scratch);
  if (!job.scratch)
    return error_memory(error, "the products of input channels");
  enum status status = pool_for(job.tiles * job.tiles, gram_tile, &job, progress);
  free(job.scratch);
  return status;
}
