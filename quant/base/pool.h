/* Parallel loops over fixed chunks, with one cancel flag and one progress counter.
 *
 * The work is cut into chunks whose borders depend on the data alone, never on the number of
 * threads; results are kept per chunk and merged in chunk order, so that every number is the
 * same on one core and on sixty-four. Ownership: borrows everything. Threads: pool_for may be
 * called from any thread; the function runs on several threads at once, each chunk on one. */
#ifndef QSCOPE_QUANT_BASE_POOL_H
#define QSCOPE_QUANT_BASE_POOL_H

#include "quant/base/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* Shared by the one who asked for the work and those who do it. Zero-initialise. */
struct progress {
  atomic_bool cancelled;
  atomic_size_t done, total; /* elements or chunks, whatever the work counts in */
};

static inline bool progress_cancelled(const struct progress *progress)
{
  return progress && atomic_load_explicit(&progress->cancelled, memory_order_relaxed);
}

static inline void progress_cancel(struct progress *progress)
{
  atomic_store(&progress->cancelled, true);
}

/* Announces AMOUNT more units of work to come, or reports AMOUNT done. NULL is allowed. */
void progress_expect(struct progress *progress, size_t amount);
void progress_advance(struct progress *progress, size_t amount);

/* Work on one chunk. WORKER is below pool_threads() and names the calling thread, so that
 * scratch memory can be kept per worker. */
typedef void pool_function(void *context, size_t chunk, unsigned worker);

/* Runs FUNCTION for chunks 0..chunks-1. Returns STATUS_OK, or STATUS_CANCELLED when PROGRESS
 * (may be NULL) was cancelled before all chunks were started. Runs on the calling thread
 * alone when no thread can be created. */
enum status pool_for(size_t chunks, pool_function *function, void *context,
                     struct progress *progress);

/* Number of threads pool_for uses: pool_set_threads, else QSCOPE_THREADS, else the processors
 * that are online; between 1 and 256. pool_set_threads(0) restores the default. */
unsigned pool_threads(void);
void pool_set_threads(unsigned threads);

#endif
