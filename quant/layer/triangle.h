/* Half of a large symmetric or triangular matrix, and no more: a BLAS reads such halves out of
 * whole matrices, which hold twice as much. Rows are kept in panels, each panel a plain matrix as
 * wide as its widest row, so that products of blocks find them with a stride.
 *
 * Ownership: triangle_free, upper_free. Threads: distinct rows on any. */
#ifndef QSCOPE_QUANT_LAYER_TRIANGLE_H
#define QSCOPE_QUANT_LAYER_TRIANGLE_H

#include "quant/base/size.h"

#include <stdbool.h>
#include <stddef.h>

enum { TRIANGLE_PANEL = 128 }; /* rows */

/* The lower triangle of a matrix n x n; what lies above the diagonal within a panel is 0. */
struct triangle {
  double *value;
  size_t n;
};

/* Zeros. False: no memory. */
bool triangle_make(struct triangle *triangle, size_t n);
void triangle_free(struct triangle *triangle);

/* Columns that the panel of row I has: the stride of its rows. */
static inline size_t triangle_stride(const struct triangle *triangle, size_t i)
{
  return size_min(triangle->n, (i / TRIANGLE_PANEL + 1) * TRIANGLE_PANEL);
}

/* Row I from column 0 on. */
static inline double *triangle_row(const struct triangle *triangle, size_t i)
{
  const size_t panel = i / TRIANGLE_PANEL;
  return triangle->value + (size_t)TRIANGLE_PANEL * TRIANGLE_PANEL * (panel * (panel + 1) / 2) +
         i % TRIANGLE_PANEL * triangle_stride(triangle, i);
}

/* The upper triangle of a matrix n x n in float32, in panels of BLOCK rows. */
struct upper {
  float *value;
  size_t n, block;
};

/* Zeros; block > 0. False: no memory. */
bool upper_make(struct upper *upper, size_t n, size_t block);
void upper_free(struct upper *upper);

/* Columns that the panel of row I has: the stride of its rows. */
static inline size_t upper_stride(const struct upper *upper, size_t i)
{
  return upper->n - (i - i % upper->block);
}

/* Element (i, i), and those behind it in its row. */
static inline float *upper_row(const struct upper *upper, size_t i)
{
  const size_t inside = i % upper->block, first = i - inside, panel = i / upper->block;
  const size_t before = first * upper->n - upper->block * upper->block * (panel * (panel - 1) / 2);
  return upper->value + before + inside * (upper->n - first) + inside;
}

#endif
