/* Products of matrices: the functions of a BLAS that GSL's own interface declares, from the fast
 * library that configure found (loaded at the first call, for it is as large as all the rest), or
 * else from GSL's plain one, which gives the same numbers but for rounding, some fifty times
 * slower.
 *
 * Ownership: nothing. Threads: blas() from any; the library is told to use the calling thread
 * alone, so that qscope's own workers share the processors, and cut the work the same way for any
 * number of them. */
#ifndef QSCOPE_QUANT_BASE_BLAS_H
#define QSCOPE_QUANT_BASE_BLAS_H

#include <gsl/gsl_cblas.h>

struct blas {
  const char *name; /* "OpenBLAS", "GSL" */
  __typeof__(&cblas_sgemm) sgemm;
  __typeof__(&cblas_dgemm) dgemm;
  __typeof__(&cblas_dsyrk) dsyrk;
  __typeof__(&cblas_dtrsm) dtrsm;
};

/* The fast one where it can be loaded (QSCOPE_BLAS=gsl in the environment forbids it), else GSL's.
 */
const struct blas *blas(void);

#endif
