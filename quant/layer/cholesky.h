/* Cholesky factors of large symmetric matrices, in double, cut into blocks for a BLAS.
 *
 * Ownership: borrows all arrays; frees what it allocates. Threads: parallel inside; the cut depends
 * on the size alone, so results do not depend on the number of threads. */
#ifndef QSCOPE_QUANT_LAYER_CHOLESKY_H
#define QSCOPE_QUANT_LAYER_CHOLESKY_H

#include "quant/base/pool.h"

#include <stddef.h>

/* OUT (n x n) = U, the upper triangular factor of the inverse, H^-1 = Uᵀ U, with zeros below. H is
 * symmetric and is destroyed; OUT may be the memory of H, of which it takes the first half. H^-1 is
 * never formed: with J the matrix that reverses an order, J H J = L Lᵀ gives U = J L^-1 J.
 * STATUS_INPUT: H is not positive definite, or so nearly singular that row *STUCK is a combination
 * of those behind it but for rounding: its pivot is below n 2^-52 of its diagonal element.
 * STATUS_CANCELLED, STATUS_MEMORY. Advances PROGRESS by cholesky_cost, which the caller announces.
 */
enum status cholesky_of_inverse(double *h, size_t n, float *out, size_t *stuck,
                                struct progress *progress);

/* What that counts of progress, in quantized elements that take as long. */
size_t cholesky_cost(size_t n);

#endif
