/* The Walsh-Hadamard transform. Ownership: none. Threads: no state. */
#ifndef QSCOPE_QUANT_HADAMARD_H
#define QSCOPE_QUANT_HADAMARD_H

#include <stddef.h>

/* VALUES (n blocks of WIDE numbers each, n a power of two) times the matrix of order n
 * (Sylvester's, entries +-1) times 1/sqrt(n), in place. Symmetric and orthogonal: the same call
 * undoes it. */
void hadamard(float *values, size_t n, size_t wide);

#endif
