#include "analysis/gather.h"

#include "quant/base/size.h"

#include <pthread.h>
#include <time.h>

/* Bytes of compressed tensors that are unpacked for statistics alone: they stay in memory until
 * the source is closed. */
enum { UNPACK_MOST = 128 << 20 }; /* all synthetic tensors fit */

struct gather {
  struct source *source;
  struct engine *engine;
  struct stats *stats;
  size_t count;
  struct quantizer quantizer;
  int axis;
  atomic_size_t done;
  /* The worker's: */
  size_t next, unpacked;
  /* Under the lock: */
  pthread_mutex_t lock;
  size_t first[GATHER_FIRST], firsts;
};

struct gather *gather_new(struct source *source, struct engine *engine)
{
  struct gather *gather = mem_array(1, sizeof *gather);
  if (!gather)
    return NULL;
  gather->source = source;
  gather->engine = engine;
  gather->count = source_count(source);
  gather->stats = mem_array(gather->count, sizeof *gather->stats);
  if (!gather->stats) {
    free(gather);
    return NULL;
  }
  pthread_mutex_init(&gather->lock, NULL);
  return gather;
}

void gather_free(struct gather *gather)
{
  if (!gather)
    return;
  pthread_mutex_destroy(&gather->lock);
  free(gather->stats);
  free(gather);
}

const struct stats *gather_stats(const struct gather *gather)
{
  return gather->stats;
}

size_t gather_done(const struct gather *gather)
{
  return atomic_load(&gather->done);
}

void gather_set_quantizer(struct gather *gather, const struct quantizer *quantizer, int axis)
{
  if (gather->axis == axis && quantizer_equal(&gather->quantizer, quantizer))
    return;
  gather->quantizer = *quantizer;
  gather->axis = axis;
  gather->next = 0;
  atomic_store(&gather->done, 0);
  for (size_t i = 0; i < gather->count; i++)
    atomic_store(&gather->stats[i].state, STATS_UNKNOWN);
}

void gather_first(struct gather *gather, const size_t *tensors, size_t count)
{
  pthread_mutex_lock(&gather->lock);
  gather->firsts = size_min(count, GATHER_FIRST);
  for (size_t i = 0; i < gather->firsts; i++)
    gather->first[i] = tensors[i];
  pthread_mutex_unlock(&gather->lock);
}

static bool unknown(const struct gather *gather, size_t index)
{
  return atomic_load(&gather->stats[index].state) == STATS_UNKNOWN;
}

/* The next tensor that has no row; false when all have one. */
static bool choose(struct gather *gather, size_t *index)
{
  bool found = false;
  pthread_mutex_lock(&gather->lock);
  for (size_t i = 0; i < gather->firsts && !found; i++) {
    *index = gather->first[i];
    found = unknown(gather, *index);
  }
  pthread_mutex_unlock(&gather->lock);
  for (; !found && gather->next < gather->count; gather->next += !found) {
    *index = gather->next;
    found = unknown(gather, *index);
  }
  return found;
}

/* Computes the row of tensor INDEX; false when it was cancelled. */
static bool compute(struct gather *gather, size_t index, struct progress *progress)
{
  struct error error;
  struct stats *row = &gather->stats[index];
  size_t unpacks = stats_unpacks(gather->source, index);
  enum stats_state state = STATS_KNOWN;
  if (unpacks > UNPACK_MOST - size_min(gather->unpacked, UNPACK_MOST)) {
    state = STATS_COMPRESSED;
  } else {
    struct known known = {.digest = NULL};
    engine_take_known(gather->engine, gather->source, index, &known);
    enum status status = stats_compute(gather->source, index, &gather->quantizer, gather->axis,
                                       &known, progress, row->value, &error);
    if (status == STATUS_OK)
      engine_offer_known(gather->engine, gather->source, index, &known);
    else
      known_free(&known);
    gather->unpacked += unpacks - size_min(unpacks, stats_unpacks(gather->source, index));
    if (status == STATUS_CANCELLED || progress_cancelled(progress))
      return false;
    state = status == STATUS_OK ? STATS_KNOWN : STATS_NONE;
  }
  atomic_store_explicit(&row->state, (unsigned char)state, memory_order_release);
  atomic_fetch_add(&gather->done, 1);
  return true;
}

static double now(void)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

bool gather_work(void *context, struct progress *progress)
{
  const double turn = 0.08; /* seconds between two looks of the front end */
  struct gather *gather = context;
  double start = now();
  size_t index;
  do {
    if (!choose(gather, &index))
      return false;
    if (!compute(gather, index, progress))
      return true;
  } while (now() - start < turn && !progress_cancelled(progress));
  return true;
}
