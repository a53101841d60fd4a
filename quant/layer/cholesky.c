#include "quant/layer/cholesky.h"

#include "quant/base/blas.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { BLOCK = TRIANGLE_PANEL };
/* Multiplications in double in the time of one quantized element, roughly. */
enum { MULTIPLICATIONS = 32 };

/* Of the columns FIRST..FIRST+BLOCK-1, in the factor or in its inverse. */
static size_t block_cost(size_t n, size_t first)
{
  const double left = (double)(n - first), width = (double)size_min(BLOCK, n - first);
  return (size_t)(left * left * width / 2 / MULTIPLICATIONS);
}

size_t cholesky_cost(size_t n)
{
  size_t sum = 0;
  for (size_t first = 0; first < n; first += BLOCK)
    sum += 2 * block_cost(n, first);
  return sum;
}

/* --- the factor ------------------------------------------------------------------------------- */

struct panel {
  const struct triangle *a;
  size_t first, end; /* the columns first..end-1, whose diagonal block is in this panel of rows */
  double *copy;      /* of what is below it, to be inverted: (n - end) x (end - first) */
};

/* The diagonal block, in place; the row that is stuck, or N. DIAGONAL: what the pivots were. */
static size_t factor_block(const struct panel *job, const double *diagonal)
{
  const size_t n = job->a->n;
  for (size_t j = job->first; j < job->end; j++) {
    double *row = triangle_row(job->a, j);
    for (size_t k = job->first; k < j; k++) {
      const double *other = triangle_row(job->a, k);
      double sum = row[k];
      for (size_t i = job->first; i < k; i++)
        sum -= row[i] * other[i];
      row[k] = sum / other[k];
      row[j] -= row[k] * row[k];
    }
    if (!(row[j] > (double)n * DBL_EPSILON * diagonal[j]))
      return j;
    row[j] = sqrt(row[j]);
  }
  return n;
}

/* BLOCK rows from ROW on, of columns FIRST..END-1: times the inverse of the diagonal block, which
 * is TRANSPOSED. */
static void solve_rows(const struct panel *job, size_t row, enum CBLAS_TRANSPOSE transposed)
{
  const struct triangle *a = job->a;
  blas()->dtrsm(CblasRowMajor, CblasRight, CblasLower, transposed, CblasNonUnit,
                (int)size_min(BLOCK, a->n - row), (int)(job->end - job->first), 1,
                triangle_row(a, job->first) + job->first, (int)triangle_stride(a, job->first),
                triangle_row(a, row) + job->first, (int)triangle_stride(a, row));
}

/* Rows of the panel below the diagonal block: P = A L^-T. */
static void solve_panel(void *context, size_t chunk, unsigned worker)
{
  const struct panel *job = context;
  (void)worker;
  solve_rows(job, job->end + chunk * BLOCK, CblasTrans);
}

/* BLOCK rows of what is left, the longest first, up to the diagonal: A -= P Pᵀ. */
static void update_rows(void *context, size_t chunk, unsigned worker)
{
  const struct panel *job = context;
  const struct triangle *a = job->a;
  const size_t row = job->end + (size_div_up(a->n - job->end, BLOCK) - 1 - chunk) * BLOCK;
  const int rows = (int)size_min(BLOCK, a->n - row), inner = (int)(job->end - job->first);
  const int stride = (int)triangle_stride(a, row);
  double *own = triangle_row(a, row);
  (void)worker;
  for (size_t column = job->end; column < row; column += BLOCK)
    blas()->dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, BLOCK, inner, -1, own + job->first,
                  stride, triangle_row(a, column) + job->first, (int)triangle_stride(a, column), 1,
                  own + column, stride);
  blas()->dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, rows, inner, -1, own + job->first, stride,
                1, own + row, stride);
}

static enum status factor(const struct triangle *a, const double *diagonal, size_t *stuck,
                          struct progress *progress)
{
  for (size_t first = 0; first < a->n; first += BLOCK) {
    struct panel job = {a, first, size_min(a->n, first + BLOCK), NULL};
    *stuck = factor_block(&job, diagonal);
    if (*stuck < a->n)
      return STATUS_INPUT;
    const size_t below = size_div_up(a->n - job.end, BLOCK);
    enum status status = pool_for(below, solve_panel, &job, progress);
    if (status == STATUS_OK)
      status = pool_for(below, update_rows, &job, progress);
    if (status != STATUS_OK)
      return status;
    progress_advance(progress, block_cost(a->n, first));
  }
  return STATUS_OK;
}

/* A becomes L, A = L Lᵀ. STATUS_INPUT: see the header, but that *STUCK is a combination of rows
 * before it. */
static enum status cholesky(const struct triangle *a, size_t *stuck, struct progress *progress)
{
  double *diagonal = mem_array(a->n, sizeof *diagonal);
  if (!diagonal)
    return STATUS_MEMORY;
  for (size_t i = 0; i < a->n; i++)
    diagonal[i] = triangle_row(a, i)[i];
  enum status status = factor(a, diagonal, stuck, progress);
  free(diagonal);
  return status;
}

/* --- its inverse ------------------------------------------------------------------------------ */

/* BLOCK rows below the diagonal block D, the longest first: with P what L has there and X the
 * inverse of all that is behind, which is known, they become -X P D^-1. */
static void invert_rows(void *context, size_t chunk, unsigned worker)
{
  const struct panel *job = context;
  const struct triangle *a = job->a;
  const size_t row = job->end + (size_div_up(a->n - job->end, BLOCK) - 1 - chunk) * BLOCK;
  const int width = (int)(job->end - job->first), stride = (int)triangle_stride(a, row);
  double *own = triangle_row(a, row);
  (void)worker;
  blas()->dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)size_min(BLOCK, a->n - row), width,
                stride - (int)job->end, -1, own + job->end, stride, job->copy, width, 0,
                own + job->first, stride);
  solve_rows(job, row, CblasNoTrans);
}

/* D becomes D^-1, by way of BLOCK x BLOCK elements. */
static void invert_block(const struct panel *job, double *room)
{
  const size_t width = job->end - job->first;
  for (size_t i = 0; i < width; i++)
    for (size_t j = 0; j < width; j++)
      room[i * width + j] = i == j;
  blas()->dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, (int)width,
                (int)width, 1, triangle_row(job->a, job->first) + job->first,
                (int)triangle_stride(job->a, job->first), room, (int)width);
  for (size_t i = 0; i < width; i++)
    memcpy(triangle_row(job->a, job->first + i) + job->first, room + i * width,
           (i + 1) * sizeof *room);
}

/* L becomes L^-1, from its last columns to its first. */
static enum status invert(const struct triangle *a, struct progress *progress)
{
  const size_t n = a->n, panels = size_div_up(n, BLOCK);
  double *room = mem_array(panels * BLOCK, BLOCK * sizeof *room);
  enum status status = room ? STATUS_OK : STATUS_MEMORY;
  for (size_t panel = panels; panel-- > 0 && status == STATUS_OK;) {
    const size_t first = panel * BLOCK, end = size_min(n, first + BLOCK), width = end - first;
    struct panel job = {a, first, end, room};
    for (size_t i = end; i < n; i++)
      memcpy(room + (i - end) * width, triangle_row(a, i) + first, width * sizeof *room);
    status = pool_for(size_div_up(n - end, BLOCK), invert_rows, &job, progress);
    invert_block(&job, room);
    progress_advance(progress, block_cost(n, first));
  }
  free(room);
  return status;
}

/* U = J X J. */
static enum status store(const struct triangle *x, size_t block, struct upper *out)
{
  const size_t n = x->n;
  if (!upper_make(out, n, block))
    return STATUS_MEMORY;
  for (size_t i = 0; i < n; i++) {
    const double *from = triangle_row(x, n - 1 - i);
    float *to = upper_row(out, i);
    for (size_t j = i; j < n; j++)
      to[j - i] = (float)from[n - 1 - j];
  }
  return STATUS_OK;
}

enum status cholesky_of_inverse(struct triangle *reversed, size_t block, struct upper *out,
                                size_t *stuck, struct progress *progress)
{
  *out = (struct upper){NULL, reversed->n, block};
  enum status status = cholesky(reversed, stuck, progress);
  if (status == STATUS_INPUT)
    *stuck = reversed->n - 1 - *stuck;
  if (status == STATUS_OK)
    status = invert(reversed, progress);
  return status == STATUS_OK ? store(reversed, block, out) : status;
}
