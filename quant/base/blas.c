#include "config.h"

#include "quant/base/blas.h"

#include "quant/base/library.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct blas chosen = {"GSL", cblas_sgemm, cblas_dgemm, cblas_dsyrk, cblas_dtrsm};

#ifdef HAVE_OPENBLAS
struct openblas_calls {
  __typeof__(&cblas_sgemm) sgemm;
  __typeof__(&cblas_dgemm) dgemm;
  __typeof__(&cblas_dsyrk) dsyrk;
  __typeof__(&cblas_dtrsm) dtrsm;
  void (*set_num_threads)(int threads);
};

static void load(void)
{
  static const char *const names[] = {"cblas_sgemm", "cblas_dgemm", "cblas_dsyrk", "cblas_dtrsm",
                                      "openblas_set_num_threads"};
  static struct openblas_calls calls;
  static struct library library = {.name = "OpenBLAS",
                                   .file = OPENBLAS_FILE,
                                   .packages = "libopenblas0",
                                   .names = names,
                                   .count = sizeof names / sizeof *names,
                                   .calls = &calls};
  const char *wish = getenv("QSCOPE_BLAS");
  if ((wish && strcmp(wish, "gsl") == 0) || library_load(&library, NULL) != STATUS_OK)
    return;
  calls.set_num_threads(1);
  chosen = (struct blas){library.name, calls.sgemm, calls.dgemm, calls.dsyrk, calls.dtrsm};
}
#else
static void load(void)
{
}
#endif

const struct blas *blas(void)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  return &chosen;
}
