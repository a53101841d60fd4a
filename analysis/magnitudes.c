#include "analysis/magnitudes.h"

#include "quant/base/size.h"
#include "quant/kernels/kernels.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Upper halves without the sign; lower halves. LANES: neighbours are counted apart, because values
 * of one size would wait for each other's counts. */
enum { UPPER = 1 << 15, LOWER = 1 << 16, LANES = 4 };

/* Small counters take half the cache. */
struct table {
  uint32_t upper[UPPER][LANES];
  uint64_t added, emptied[UPPER]; /* elements in the former; what was in them before */
};

struct magnitudes {
  unsigned workers;
  uint32_t most;       /* elements that small counters may count */
  struct table *table; /* of each worker */
};

struct magnitudes *magnitudes_new(uint32_t most)
{
  struct magnitudes *magnitudes = mem_array(1, sizeof *magnitudes);
  if (!magnitudes)
    return NULL;
  magnitudes->workers = pool_threads();
  magnitudes->most = most;
  magnitudes->table = mem_array(magnitudes->workers, sizeof *magnitudes->table);
  if (magnitudes->table)
    return magnitudes;
  free(magnitudes);
  return NULL;
}

void magnitudes_free(struct magnitudes *magnitudes)
{
  if (!magnitudes)
    return;
  free(magnitudes->table);
  free(magnitudes);
}

static uint32_t bits_of(float x)
{
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits & 0x7fffffffU;
}

static uint64_t count_of(const struct table *table, uint32_t upper)
{
  uint64_t count = table->emptied[upper];
  for (size_t lane = 0; lane < LANES; lane++)
    count += table->upper[upper][lane];
  return count;
}

static void empty(struct table *table)
{
  for (uint32_t upper = 0; upper < UPPER; upper++)
    table->emptied[upper] = count_of(table, upper);
  memset(table->upper, 0, sizeof table->upper);
  table->added = 0;
}

void magnitudes_add(struct magnitudes *magnitudes, unsigned worker, const float *x, size_t n)
{
  struct table *table = &magnitudes->table[worker];
  size_t i = 0;
  if (table->added + n > magnitudes->most)
    empty(table);
  table->added += n;
  for (; i + LANES <= n; i += LANES) {
    __builtin_prefetch(x + i + FEED_BLOCK); /* who counts is last to use a block */
    for (size_t lane = 0; lane < LANES; lane++)
      table->upper[bits_of(x[i + lane]) >> 16][lane]++;
  }
  for (; i < n; i++)
    table->upper[bits_of(x[i]) >> 16][0]++;
}

/* The upper half of the value with RANK, which becomes its rank among those that begin so. */
static uint32_t find_upper(const struct magnitudes *magnitudes, uint64_t *rank)
{
  for (uint32_t upper = 0;; upper++) {
    uint64_t count = 0;
    for (unsigned worker = 0; worker < magnitudes->workers; worker++)
      count += count_of(&magnitudes->table[worker], upper);
    if (*rank < count || upper == UPPER - 1)
      return upper;
    *rank -= count;
  }
}

/* --- the second pass ------------------------------------------------------------------------ */

/* Two neighbours in rank; they may begin alike. */
struct lowers {
  const struct feed *feed;
  struct progress *progress;
  uint32_t upper[2];
  uint64_t *counts; /* 2 * LOWER for each worker */
};

/* Neighbours in rank have nothing between them: what lies there begins as one of them. */
static void count_block(const struct lowers *lowers, const float *x, size_t n, uint64_t *counts)
{
  float found[FEED_BLOCK];
  const uint32_t first = lowers->upper[0] << 16, last = lowers->upper[1] << 16 | (LOWER - 1);
  size_t few = kernels.find_between(x, n, first, last, found);
  for (size_t i = 0; i < few; i++) {
    const uint32_t bits = bits_of(found[i]);
    counts[(bits >> 16 == lowers->upper[0] ? 0 : LOWER) + (bits & (LOWER - 1))]++;
  }
}

static void count_lowers(void *context, size_t chunk, unsigned worker)
{
  const struct lowers *lowers = context;
  uint64_t *counts = lowers->counts + (size_t)worker * 2 * LOWER;
  float scratch[FEED_BLOCK];
  size_t start = chunk * FEED_CHUNK, end = size_min(start + FEED_CHUNK, lowers->feed->count), n;
  for (; start < end && !progress_cancelled(lowers->progress); start += n) {
    n = size_min(FEED_BLOCK, end - start);
    count_block(lowers, feed_block(lowers->feed, start, n, scratch), n, counts);
  }
}

/* The value with RANK among those whose upper half is that of SIDE. */
static double find_lower(const struct lowers *lowers, int side, uint64_t rank)
{
  bool same = lowers->upper[0] == lowers->upper[1];
  size_t first = same ? 0 : (size_t)side * LOWER;
  uint32_t lower = 0, bits;
  for (;; lower++) {
    uint64_t count = 0;
    for (unsigned worker = 0; worker < pool_threads(); worker++)
      count += lowers->counts[(size_t)worker * 2 * LOWER + first + lower];
    if (rank < count || lower == LOWER - 1)
      break;
    rank -= count;
  }
  float value;
  bits = lowers->upper[side] << 16 | lower;
  memcpy(&value, &bits, sizeof value);
  return (double)value;
}

enum status magnitudes_percentile(struct magnitudes *magnitudes, const struct feed *feed,
                                  uint64_t count, double percentile, struct progress *progress,
                                  double *out)
{
  double last = (double)(count - 1), position = fmin(fmax(last * (percentile / 100), 0), last);
  uint64_t rank[2] = {(uint64_t)position, (uint64_t)fmin(floor(position) + 1, last)};
  struct lowers lowers = {.feed = feed, .progress = progress};
  lowers.upper[0] = find_upper(magnitudes, &rank[0]);
  lowers.upper[1] = find_upper(magnitudes, &rank[1]);
  lowers.counts = mem_array(pool_threads(), 2 * LOWER * sizeof(uint64_t));
  if (!lowers.counts)
    return STATUS_MEMORY;
  enum status status =
      pool_for(size_div_up(feed->count, FEED_CHUNK), count_lowers, &lowers, progress);
  if (status == STATUS_OK) {
    double below = find_lower(&lowers, 0, rank[0]), above = find_lower(&lowers, 1, rank[1]);
    *out = below + (position - floor(position)) * (above - below);
  }
  free(lowers.counts);
  return status;
}
