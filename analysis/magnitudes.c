#include "analysis/magnitudes.h"

#include "quant/base/size.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Upper halves without the sign; lower halves. LANES: neighbours are counted apart, because values
 * of one size would wait for each other's counts. */
enum { UPPER = 1 << 15, LOWER = 1 << 16, LANES = 4, GROUP = 64 };

struct magnitudes {
  unsigned workers;
  uint64_t *upper; /* UPPER * LANES for each worker */
};

struct magnitudes *magnitudes_new(void)
{
  struct magnitudes *magnitudes = mem_array(1, sizeof *magnitudes);
  if (!magnitudes)
    return NULL;
  magnitudes->workers = pool_threads();
  magnitudes->upper = mem_array(magnitudes->workers, UPPER * LANES * sizeof(uint64_t));
  if (magnitudes->upper)
    return magnitudes;
  free(magnitudes);
  return NULL;
}

void magnitudes_free(struct magnitudes *magnitudes)
{
  if (!magnitudes)
    return;
  free(magnitudes->upper);
  free(magnitudes);
}

static uint32_t bits_of(float x)
{
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits & 0x7fffffffU;
}

void magnitudes_add(struct magnitudes *magnitudes, unsigned worker, const float *x, size_t n)
{
  uint64_t *counts = magnitudes->upper + (size_t)worker * UPPER * LANES;
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    __builtin_prefetch(x + i + FEED_BLOCK); /* who counts is last to use a block */
    for (size_t lane = 0; lane < LANES; lane++)
      counts[(bits_of(x[i + lane]) >> 16) * LANES + lane]++;
  }
  for (; i < n; i++)
    counts[(bits_of(x[i]) >> 16) * LANES]++;
}

/* The upper half of the value with RANK, which becomes its rank among those that begin so. */
static uint32_t find_upper(const struct magnitudes *magnitudes, uint64_t *rank)
{
  for (uint32_t upper = 0;; upper++) {
    uint64_t count = 0;
    for (unsigned worker = 0; worker < magnitudes->workers; worker++)
      for (size_t lane = 0; lane < LANES; lane++)
        count += magnitudes->upper[((size_t)worker * UPPER + upper) * LANES + lane];
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

/* Whole numbers without branches, so that the loop runs in vectors: few groups have one. */
static bool any_begins(const float *x, size_t n, uint32_t first, uint32_t second)
{
  uint32_t any = 0;
  for (size_t i = 0; i < n; i++) {
    uint32_t upper = bits_of(x[i]) >> 16;
    any |= (uint32_t)(upper == first) | (uint32_t)(upper == second);
  }
  return any;
}

static void count_group(const struct lowers *lowers, const float *x, size_t n, uint64_t *counts)
{
  for (size_t i = 0; i < n; i++) {
    uint32_t bits = bits_of(x[i]), upper = bits >> 16, lower = bits & (LOWER - 1);
    if (upper == lowers->upper[0])
      counts[lower]++;
    else if (upper == lowers->upper[1])
      counts[LOWER + lower]++;
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
    const float *x = feed_block(lowers->feed, start, n, scratch);
    for (size_t i = 0; i < n; i += GROUP) {
      size_t length = size_min(GROUP, n - i);
      if (any_begins(x + i, length, lowers->upper[0], lowers->upper[1]))
        count_group(lowers, x + i, length, counts);
    }
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
