/* Cholesky factors of large symmetric matrices, in double, cut into blocks for a BLAS.
 *
 * Ownership: borrows all arrays; frees what it allocates. Threads: parallel inside; the cut depends
 * on the size alone, so results do not depend on the number of threads. */
#ifndef QSCOPE_QUANT_LAYER_CHOLESKY_H
#define QSCOPE_QUANT_LAYER_CHOLESKY_H

#include "quant/base/pool.h"
#include "quant/layer/triangle.h"

#include <stddef.h>

/* OUT = U, the upper triangular factor of the inverse, H^-1 = Uᵀ U, in panels of BLOCK rows;
 * upper_free. REVERSED is J H J, with J the matrix that reverses an order: element (i, j) of H is
 * its (n-1-i, n-1-j); it is destroyed. H^-1 is
 * never formed: J H J = L Lᵀ gives U = J L^-1 J.
 * STATUS_INPUT: H is not positive definite, or so nearly singular that row *STUCK of H is a
 * combination of those behind it but for rounding: its pivot is below n 2^-52 of its diagonal
 * element. STATUS_CANCELLED, STATUS_MEMORY; OUT is empty then. Advances PROGRESS by cholesky_cost,
 * which the caller announces. */
enum status cholesky_of_inverse(struct triangle *reversed, size_t block, struct upper *out,
                                size_t *stuck, struct progress *progress);

/* What that counts of progress for a matrix n x n, in quantized elements that take as long. */
size_t cholesky_cost(size_t n);

#endif
