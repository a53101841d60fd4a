#include "quant/base/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_THREADS = 256 };

static atomic_uint chosen_threads;

void progress_expect(struct progress *progress, size_t amount)
{
  if (progress)
    atomic_fetch_add_explicit(&progress->total, amount, memory_order_relaxed);
}

void progress_advance(struct progress *progress, size_t amount)
{
  if (progress)
    atomic_fetch_add_explicit(&progress->done, amount, memory_order_relaxed);
}

static unsigned clamp_threads(long threads)
{
  return threads < 1 ? 1 : threads > MAX_THREADS ? MAX_THREADS : (unsigned)threads;
}

unsigned pool_threads(void)
{
  unsigned threads = atomic_load(&chosen_threads);
  if (threads)
    return threads;
  const char *wish = getenv("QSCOPE_THREADS");
  threads = clamp_threads(wish ? strtol(wish, NULL, 10) : sysconf(_SC_NPROCESSORS_ONLN));
  atomic_store(&chosen_threads, threads);
  return threads;
}

void pool_set_threads(unsigned threads)
{
  atomic_store(&chosen_threads, threads ? clamp_threads((long)threads) : 0);
}

struct loop {
  atomic_size_t next;
  size_t chunks;
  pool_function *function;
  void *context;
  struct progress *progress;
};

struct worker {
  struct loop *loop;
  unsigned number;
  pthread_t thread;
};

static void *work(void *argument)
{
  struct worker *worker = argument;
  struct loop *loop = worker->loop;
  while (!progress_cancelled(loop->progress)) {
    size_t chunk = atomic_fetch_add(&loop->next, 1);
    if (chunk >= loop->chunks)
      break;
    loop->function(loop->context, chunk, worker->number);
  }
  return NULL;
}

enum status pool_for(size_t chunks, pool_function *function, void *context,
                     struct progress *progress)
{
  struct loop loop = {
      .chunks = chunks, .function = function, .context = context, .progress = progress};
  struct worker workers[MAX_THREADS];
  unsigned wanted = pool_threads(), started = 1;
  if (wanted > chunks)
    wanted = chunks ? (unsigned)chunks : 1;
  for (; started < wanted; started++) {
    workers[started] = (struct worker){.loop = &loop, .number = started};
    if (pthread_create(&workers[started].thread, NULL, work, &workers[started]) != 0)
      break;
  }
  workers[0] = (struct worker){.loop = &loop};
  work(&workers[0]);
  for (unsigned i = 1; i < started; i++)
    pthread_join(workers[i].thread, NULL);
  return progress_cancelled(progress) ? STATUS_CANCELLED : STATUS_OK;
}
