#include "quant/extent.h"

#include "quant/base/size.h"
#include "quant/kernels/lanes.h"

enum { ROWS_AT_ONCE = 64 }; /* of a chunk of columns: what its folding is spread over */

struct measure {
  const struct feed *feed;
  const struct grain *grain;
  struct progress *progress;
  struct extent *extents;
  /* Interleaved channels: the tensor as rows of `row` elements, read in tiles of `tile`. */
  size_t row, tile, tiles;
};

static void extent_add(struct extent *extent, float min, float max, size_t finite)
{
  if (finite == 0)
    return;
  int low = float_key(min), high = float_key(max);
  int seen = atomic_load_explicit(&extent->low, memory_order_relaxed);
  while (low < seen && !atomic_compare_exchange_weak(&extent->low, &seen, low))
    ;
  seen = atomic_load_explicit(&extent->high, memory_order_relaxed);
  while (high > seen && !atomic_compare_exchange_weak(&extent->high, &seen, high))
    ;
  atomic_fetch_add_explicit(&extent->finite, finite, memory_order_relaxed);
}

/* --- runs: neighbours share a unit ------------------------------------------------------- */

struct pending {
  size_t unit;
  struct extremes extremes;
};

static void pending_flush(const struct measure *measure, struct pending *pending)
{
  struct extremes *e = &pending->extremes;
  extent_add(&measure->extents[pending->unit], e->min, e->max, e->finite);
  *e = extremes_empty();
}

static void add_runs(const struct measure *measure, struct pending *pending, const float *x,
                     size_t start, size_t n)
{
  size_t run, unit;
  for (size_t i = 0; i < n; i += run) {
    run = grain_run(measure->grain, start + i, n - i, &unit);
    if (unit != pending->unit) {
      pending_flush(measure, pending);
      pending->unit = unit;
    }
    kernels.extremes(x + i, run, &pending->extremes);
  }
}

static void measure_runs(void *context, size_t chunk, unsigned worker)
{
  (void)worker;
  const struct measure *measure = context;
  size_t start = chunk * FEED_CHUNK, end = size_min(start + FEED_CHUNK, measure->feed->count), n;
  float scratch[FEED_BLOCK];
  struct pending pending = {grain_unit(measure->grain, start), extremes_empty()};
  progress_advance(measure->progress, end - start);
  for (; start < end && !progress_cancelled(measure->progress); start += n) {
    n = size_min(end - start, FEED_BLOCK);
    add_runs(measure, &pending, feed_block(measure->feed, start, n, scratch), start, n);
  }
  pending_flush(measure, &pending);
}

/* --- columns: neighbours belong to different units ---------------------------------------- */

struct columns {
  float min[FEED_BLOCK], max[FEED_BLOCK];
  uint32_t finite[FEED_BLOCK];
};

static void columns_clear(struct columns *columns, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    columns->min[i] = INFINITY;
    columns->max[i] = -INFINITY;
    columns->finite[i] = 0;
  }
}

/* A chunk is a block of rows of one tile: every column is folded into its channel once, after
 * ROWS_AT_ONCE rows went by in vectors. */
static void measure_columns(void *context, size_t chunk, unsigned worker)
{
  (void)worker;
  const struct measure *measure = context;
  const struct grain *grain = measure->grain;
  size_t first = chunk / measure->tiles * ROWS_AT_ONCE;
  size_t column = chunk % measure->tiles * measure->tile, done = 0;
  size_t width = size_min(measure->tile, measure->row - column);
  struct columns columns;
  float scratch[FEED_BLOCK];
  columns_clear(&columns, width);
  for (size_t row = first; row < first + ROWS_AT_ONCE; row++) {
    size_t start = row * measure->row + column;
    if (start >= grain->count || progress_cancelled(measure->progress))
      break;
    size_t n = size_min(width, grain->count - start);
    const float *x = feed_block(measure->feed, start, n, scratch);
    kernels.extremes_lanes(x, n, columns.min, columns.max, columns.finite);
    done += n;
  }
  for (size_t i = 0; i < width; i++)
    extent_add(&measure->extents[(column + i) / grain->inner % grain->channels], columns.min[i],
               columns.max[i], columns.finite[i]);
  progress_advance(measure->progress, done);
}

/* Short rows are joined to long ones; long rows are cut into tiles. */
static enum status measure_all_columns(struct measure *measure)
{
  const struct grain *grain = measure->grain;
  size_t columns = grain->channels * grain->inner;
  measure->row = columns <= FEED_BLOCK ? FEED_BLOCK / columns * columns : columns;
  measure->tile = size_min(measure->row, FEED_BLOCK);
  measure->tiles = size_div_up(measure->row, measure->tile);
  size_t rows = size_div_up(grain->count, measure->row);
  return pool_for(size_div_up(rows, ROWS_AT_ONCE) * measure->tiles, measure_columns, measure,
                  measure->progress);
}

enum status extents_measure(const struct feed *feed, const struct grain *grain,
                            struct progress *progress, struct extent *extents)
{
  struct measure measure = {.feed = feed, .grain = grain, .progress = progress, .extents = extents};
  for (size_t unit = 0; unit < grain->units; unit++) {
    atomic_init(&extents[unit].low, INT32_MAX);
    atomic_init(&extents[unit].high, INT32_MIN);
    atomic_init(&extents[unit].finite, 0);
  }
  if (grain->kind == GRAIN_CHANNEL && grain_is_interleaved(grain))
    return measure_all_columns(&measure);
  return pool_for(size_div_up(feed->count, FEED_CHUNK), measure_runs, &measure, progress);
}

void extent_set(struct extent *extent, float min, float max, size_t finite)
{
  atomic_init(&extent->low, float_key(min));
  atomic_init(&extent->high, float_key(max));
  atomic_init(&extent->finite, finite);
}

float extent_min(const struct extent *extent)
{
  return key_float(atomic_load_explicit(&extent->low, memory_order_relaxed)) + 0.0f;
}

float extent_max(const struct extent *extent)
{
  return key_float(atomic_load_explicit(&extent->high, memory_order_relaxed)) + 0.0f;
}

size_t extent_finite(const struct extent *extent)
{
  return atomic_load_explicit(&extent->finite, memory_order_relaxed);
}
