/* Products of matrices in float32 whose sums are kept in double: the inner dimension is cut into
 * blocks, each block is one float32 product, and blocks are added in double in their order.
 *
 * Ownership: borrows all arrays. Threads: product_tile on any; product_gram is itself parallel. The
 * cut depends on the sizes alone, so results do not depend on the number of threads. */
#ifndef QSCOPE_QUANT_LAYER_PRODUCT_H
#define QSCOPE_QUANT_LAYER_PRODUCT_H

#include "quant/base/pool.h"
#include "quant/layer/triangle.h"

#include <stddef.h>
#include <stdint.h>

enum {
  PRODUCT_TILE = 256,  /* rows and columns of a tile, at most */
  PRODUCT_INNER = 512, /* of one float32 product */
};

/* Memory of one thread that computes tiles. */
struct product_scratch {
  float part[PRODUCT_TILE * PRODUCT_TILE];
  float side[2][PRODUCT_TILE * PRODUCT_INNER];
};

/* TILE (m x n) = the products of M rows of A with N rows of B (A Bᵀ), each of INNER elements; rows
 * of A lie A_STRIDE apart, those of B B_STRIDE. m, n <= PRODUCT_TILE. */
void product_tile(const float *a, size_t a_stride, size_t m, const float *b, size_t b_stride,
                  size_t n, size_t inner, double *tile, struct product_scratch *scratch);

/* Rows that lie STRIDE apart: of a matrix, or of the difference VALUES - MINUS of two. */
struct product_side {
  const float *values, *minus; /* minus: NULL or as values */
  size_t stride, rows;         /* rows <= PRODUCT_TILE */
};

/* The same for differences, which are made block by block and never kept: as if each had been
 * rounded to float32 beforehand. */
void product_sides(struct product_side a, struct product_side b, size_t inner, double *tile,
                   struct product_scratch *scratch);

/* GRAM = XᵀX of X (rows x GRAM's columns), row and column i of it at PLACE[i] (NULL: where they
 * are). STATUS_CANCELLED, STATUS_MEMORY. Counts tiles as progress. */
enum status product_gram(const float *x, size_t rows, const uint32_t *place, struct triangle *gram,
                         struct progress *progress, struct error *error);

#endif
