#include "quant/layer/cholesky.h"

#include "quant/base/blas.h"
#include "quant/base/size.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { BLOCK = 128 };
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

/* --- the factor ---------------------------------------------------------------------------------
 */

struct factoring {
  double *a;
  size_t n, first, end; /* the columns first..end-1 are factored */
};

/* The diagonal block, in place; the row that is stuck, or N. DIAGONAL: what the pivots were. */
static size_t factor_block(const struct factoring *job, const double *diagonal)
{
  const size_t n = job->n;
  for (size_t j = job->first; j < job->end; j++) {
    double *row = job->a + j * n;
    for (size_t k = job->first; k < j; k++) {
      const double *other = job->a + k * n;
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

/* Rows of the panel below the diagonal block: P = A L^-T. */
static void solve_panel(void *context, size_t chunk, unsigned worker)
{
  const struct factoring *job = context;
  const size_t row = job->end + chunk * BLOCK, n = job->n;
  (void)worker;
  blas()->dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit,
                (int)size_min(BLOCK, n - row), (int)(job->end - job->first), 1,
                job->a + job->first * n + job->first, (int)n, job->a + row * n + job->first,
                (int)n);
}

/* Rows of what is left, up to the diagonal: A -= P Pᵀ. */
static void update_rows(void *context, size_t chunk, unsigned worker)
{
  const struct factoring *job = context;
  const size_t n = job->n, inner = job->end - job->first;
  const size_t blocks = size_div_up(n - job->end, BLOCK);
  const size_t row = job->end + (blocks - 1 - chunk) * BLOCK; /* the longest rows first */
  const int rows = (int)size_min(BLOCK, n - row), before = (int)(row - job->end);
  const double *panel = job->a + job->first;
  (void)worker;
  if (before > 0)
    blas()->dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, before, (int)inner, -1,
                  panel + row * n, (int)n, panel + job->end * n, (int)n, 1,
                  job->a + row * n + job->end, (int)n);
  blas()->dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, rows, (int)inner, -1, panel + row * n,
                (int)n, 1, job->a + row * n + row, (int)n);
}

static enum status factor(double *a, size_t n, const double *diagonal, size_t *stuck,
                          struct progress *progress)
{
  for (size_t first = 0; first < n; first += BLOCK) {
    struct factoring job = {a, n, first, size_min(n, first + BLOCK)};
    *stuck = factor_block(&job, diagonal);
    if (*stuck < n)
      return STATUS_INPUT;
    const size_t below = size_div_up(n - job.end, BLOCK);
    enum status status = pool_for(below, solve_panel, &job, progress);
    if (status == STATUS_OK)
      status = pool_for(below, update_rows, &job, progress);
    if (status != STATUS_OK)
      return status;
    progress_advance(progress, block_cost(n, first));
  }
  return STATUS_OK;
}

/* A becomes L in its lower triangle, which is all that is read, A = L Lᵀ. STATUS_INPUT: see the
 * header, but that *STUCK is a combination of rows before it. */
static enum status cholesky(double *a, size_t n, size_t *stuck, struct progress *progress)
{
  double *diagonal = mem_array(n, sizeof *diagonal);
  if (!diagonal)
    return STATUS_MEMORY;
  for (size_t i = 0; i < n; i++)
    diagonal[i] = a[i * n + i];
  enum status status = factor(a, n, diagonal, stuck, progress);
  free(diagonal);
  return status;
}

/* --- of the inverse -----------------------------------------------------------------------------
 */

struct inverting {
  double *a; /* L in its lower triangle; U, as it becomes known, above the diagonal */
  size_t n;
  double *diagonal; /* of U */
  double **columns; /* of each worker: n x BLOCK */
  struct progress *progress;
};

/* Columns first..first+BLOCK-1 of X = L^-1, from L X = I, which is zero above its diagonal; then
 * both orders reversed: what is below the diagonal comes to lie above it. */
static void invert_columns(void *context, size_t chunk, unsigned worker)
{
  const struct inverting *job = context;
  const size_t n = job->n, first = chunk * BLOCK, width = size_min(BLOCK, n - first);
  const size_t rows = n - first;
  double *x = job->columns[worker];
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < width; j++)
      x[i * width + j] = i == j;
  blas()->dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, (int)rows,
                (int)width, 1, job->a + first * n + first, (int)n, x, (int)width);
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < width && j < i; j++)
      job->a[(rows - 1 - i) * n + n - 1 - first - j] = x[i * width + j];
  for (size_t j = 0; j < width; j++)
    job->diagonal[n - 1 - first - j] = x[j * width + j];
  progress_advance(job->progress, block_cost(n, first));
}

static void free_columns(double **columns, size_t count)
{
  for (size_t i = 0; columns && i < count; i++)
    free(columns[i]);
  free(columns);
}

static double **make_columns(size_t count, size_t n)
{
  double **columns = mem_array(count, sizeof *columns);
  for (size_t i = 0; columns && i < count; i++)
    if (!(columns[i] = mem_array(n, BLOCK * sizeof **columns))) {
      free_columns(columns, count);
      return NULL;
    }
  return columns;
}

/* J H J: with both orders reversed the array is read from its end. */
static void reverse(double *values, size_t count)
{
  for (size_t i = 0, j = count; i + 1 < j; i++) {
    const double last = values[--j];
    values[j] = values[i];
    values[i] = last;
  }
}

/* U as float32, from its first element on: OUT may be the memory that is read. */
static void store(const struct inverting *job, float *out)
{
  const size_t n = job->n;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      double value = j > i ? 0 : job->diagonal[i];
      if (j > i)
        memcpy(&value, (const char *)job->a + (i * n + j) * sizeof value, sizeof value);
      const float rounded = j < i ? 0 : (float)value;
      memcpy((char *)out + (i * n + j) * sizeof rounded, &rounded, sizeof rounded);
    }
}

static enum status invert(struct inverting *job, float *out)
{
  const size_t workers = pool_threads();
  job->diagonal = mem_array(job->n, sizeof *job->diagonal);
  job->columns = make_columns(workers, job->n);
  enum status status = STATUS_MEMORY;
  if (job->diagonal && job->columns)
    status = pool_for(size_div_up(job->n, BLOCK), invert_columns, job, job->progress);
  if (status == STATUS_OK)
    store(job, out);
  free_columns(job->columns, workers);
  free(job->diagonal);
  return status;
}

enum status cholesky_of_inverse(double *h, size_t n, float *out, size_t *stuck,
                                struct progress *progress)
{
  reverse(h, n * n);
  enum status status = cholesky(h, n, stuck, progress);
  if (status == STATUS_INPUT)
    *stuck = n - 1 - *stuck;
  return status == STATUS_OK
             ? invert(&(struct inverting){.a = h, .n = n, .progress = progress}, out)
             : status;
}
