#include "quant/codebook.h"

#include "quant/base/size.h"
#include "quant/kernels/lanes.h"

#include <math.h>

enum status (*codebook_reader)(const char *file, float **levels, size_t *count,
                               struct error *error);

enum status codebook_check(const float *levels, size_t count, struct error *error)
{
  if (count < CODEBOOK_LEAST || count > CODEBOOK_MOST)
    return error_set(error, STATUS_INPUT, "%zu levels: a codebook has %d to %d", count,
                     CODEBOOK_LEAST, CODEBOOK_MOST);
  for (size_t i = 0; i < count; i++) {
    if (!isfinite(levels[i]))
      return error_set(error, STATUS_INPUT, "level %zu is %g: levels are finite numbers", i,
                       (double)levels[i]);
    if (i > 0 && !(levels[i] > levels[i - 1]))
      return error_set(error, STATUS_INPUT,
                       "level %zu (%.9g) is not above level %zu (%.9g): levels are sorted and "
                       "distinct",
                       i, (double)levels[i], i - 1, (double)levels[i - 1]);
  }
  return STATUS_OK;
}

static size_t nearest_to_zero(const float *levels, size_t count)
{
  size_t nearest = 0;
  for (size_t i = 1; i < count; i++)
    if (fabsf(levels[i]) < fabsf(levels[nearest]))
      nearest = i;
  return nearest;
}

/* --- buckets: see struct codebook_buckets ---------------------------------------------------- */

enum { BUCKETS_MOST = 2048 }; /* of one sign: what the first cache holds beside the elements */

/* Number of bounds below V. */
static int32_t bounds_below(const struct codebook *codebook, float v)
{
  size_t low = 0, high = codebook->count - 1;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (codebook->bound[middle] < v)
      low = middle + 1;
    else
      high = middle;
  }
  return (int32_t)low;
}

/* Magnitudes of bucket K. */
static void bucket_ends(const struct codebook_buckets *buckets, int32_t k, float ends[2])
{
  uint32_t first = (uint32_t)(buckets->base + k) << buckets->shift;
  uint32_t last = first + (1u << buckets->shift) - 1;
  ends[0] = k == 0 ? 0 : bits_float(first);
  ends[1] = k == buckets->count - 1 ? INFINITY : bits_float(last);
}

/* Fills RANK; returns the most bounds that part a bucket. */
static int32_t fill_buckets(const struct codebook *codebook, const struct codebook_buckets *buckets,
                            int32_t *rank)
{
  int32_t most = 0;
  for (int32_t k = 0; k < buckets->count; k++) {
    float ends[2];
    bucket_ends(buckets, k, ends);
    int32_t *positive = &rank[k], *negative = &rank[buckets->count + k];
    *positive = bounds_below(codebook, ends[0]);
    *negative = bounds_below(codebook, -ends[1]);
    int32_t parts[2] = {bounds_below(codebook, ends[1]) - *positive,
                        bounds_below(codebook, -ends[0]) - *negative};
    most = parts[0] > most ? parts[0] : most;
    most = parts[1] > most ? parts[1] : most;
  }
  return most;
}

/* Buckets of 2^-BITS of an octave. The first one holds one bound of each sign, however small. */
static struct codebook_buckets buckets_of(const struct codebook *codebook, uint32_t bits)
{
  const float *bound = codebook->bound, *last = bound + codebook->count - 2;
  size_t negative = (size_t)bounds_below(codebook, 0);
  const float *smallest = bound + negative;
  uint32_t shift = 23 - bits, high = float_magnitude(*last), low = high;
  high = float_magnitude(*bound) > high ? float_magnitude(*bound) : high;
  if (smallest < last && float_magnitude(smallest[1]) < low)
    low = float_magnitude(smallest[1]);
  if (negative >= 2 && float_magnitude(smallest[-2]) < low)
    low = float_magnitude(smallest[-2]);
  int32_t base = (int32_t)(low >> shift) - 1;
  base = base < 0 ? 0 : base;
  return (struct codebook_buckets){
      .base = base, .count = (int32_t)(high >> shift) - base + 2, .shift = shift};
}

/* The finest buckets that are few enough, or the first where one bound parts each. RANK has room
 * for 2 BUCKETS_MOST. */
static void make_buckets(struct codebook *codebook, int32_t *rank)
{
  for (uint32_t bits = 0; bits <= 23; bits++) {
    struct codebook_buckets buckets = buckets_of(codebook, bits);
    if (buckets.count > BUCKETS_MOST)
      break;
    int32_t most = fill_buckets(codebook, &buckets, rank);
    buckets.rank = rank;
    buckets.within = 1;
    while (buckets.within < most)
      buckets.within = 2 * buckets.within + 1;
    codebook->buckets = buckets;
    if (buckets.within == 1)
      break;
  }
  fill_buckets(codebook, &codebook->buckets, rank);
}

struct codebook *codebook_new(const float *levels, size_t count)
{
  size_t size = 1;
  while (size < count)
    size *= 2;
  size_t ranks = size > CODEBOOK_FEW ? 2 * BUCKETS_MOST : 0;
  struct codebook *codebook =
      malloc(sizeof *codebook + 3 * size * sizeof(float) + ranks * sizeof(int32_t));
  if (!codebook)
    return NULL;
  float *level = (float *)(codebook + 1), *bound = level + size;
  for (size_t i = 0; i < size; i++)
    level[i] = levels[size_min(i, count - 1)];
  for (size_t i = 0; i < 2 * size; i++)
    bound[i] = i + 1 < count ? (float)(((double)levels[i] + (double)levels[i + 1]) / 2) : INFINITY;
  *codebook = (struct codebook){.count = count,
                                .size = size,
                                .level = level,
                                .bound = bound,
                                .zero = (uint16_t)nearest_to_zero(levels, count)};
  if (ranks)
    make_buckets(codebook, (int32_t *)(bound + 2 * size));
  return codebook;
}

/* --- the family ----------------------------------------------------------------------------- */

static double max_of(const struct format *format)
{
  const struct codebook *codebook = format->codebook;
  if (!codebook)
    return (double)NAN;
  return (double)fmaxf(fabsf(codebook->level[0]), fabsf(codebook->level[codebook->count - 1]));
}

static size_t levels_of(const struct format *format, bool asymmetric, bool narrow)
{
  (void)asymmetric;
  (void)narrow;
  return format->codebook ? format->codebook->count : format->learned;
}

static float code_level(const struct codebook *codebook, uint32_t code)
{
  if (!codebook->code)
    return code < codebook->count ? codebook->level[code] : NAN;
  for (size_t rank = 0; rank < codebook->count; rank++)
    if (codebook->code[rank] == code)
      return codebook->level[rank];
  return 0; /* the other zero */
}

static float decode(const struct format *format, uint32_t code)
{
  return format->codebook ? code_level(format->codebook, code) : NAN;
}

static uint32_t encode(const struct format *format, float x, bool nonfinite)
{
  (void)nonfinite;
  float y;
  uint16_t code = 0;
  if (format->codebook)
    kernels.codebook_run(&x, 1, format->codebook, 1, &y, &code);
  return code;
}

static void prepare(struct grid *grid)
{
  grid->codebook = grid->format->codebook;
}

static struct unit unit_of(const struct grid *grid, float scale, long zero)
{
  (void)zero;
  const struct codebook *codebook = grid->codebook;
  return (struct unit){
      .scale = scale, .lo = codebook->level[0], .hi = codebook->level[codebook->count - 1]};
}

static float level(const struct grid *grid, const struct unit *unit, size_t index)
{
  (void)unit;
  return grid->codebook->level[index];
}

static size_t zero_level(const struct grid *grid, const struct unit *unit)
{
  (void)unit;
  return grid->codebook->zero;
}

/* Beyond its ends a codebook would go on in steps like the last one. */
static void ends(const struct grid *grid, const struct unit *unit, struct grid_end end[2])
{
  (void)unit;
  const float *at = grid->codebook->level;
  size_t last = grid->codebook->count - 1;
  bool alone = last == 0;
  end[0] = (struct grid_end){-(double)at[0], alone ? 1 : (double)at[1] - (double)at[0], false};
  end[1] = (struct grid_end){(double)at[last], alone ? 1 : (double)at[last] - (double)at[last - 1],
                             false};
}

static float code_value(const struct grid *grid, const struct unit *unit, uint32_t code)
{
  (void)unit;
  return code_level(grid->codebook, code);
}

static void run(const struct grid *grid, const struct unit *unit, const float *x, size_t n,
                float *y, uint16_t *codes)
{
  kernels.codebook_run(x, n, grid->codebook, unit->scale, y, codes);
}

static void lanes(const struct grid *grid, const struct unit *units, const float *x, size_t n,
                  float *y, uint16_t *codes)
{
  kernels.codebook_lanes(x, n, grid->codebook, units, y, codes);
}

/* Rank of the highest level at or below V, which is at least the lowest. */
static size_t rank_below(const struct codebook *codebook, float v)
{
  size_t low = 0, high = codebook->count;
  while (high - low > 1) {
    size_t middle = low + (high - low) / 2;
    if (codebook->level[middle] <= v)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/* Which of two neighbours: the distance to the lower one in steps is a number between 0 and 1,
 * and rounding it up or down is rounding x. Away and zero look from the side of zero. */
static size_t choose(const struct codebook *codebook, size_t below, float v,
                     struct rounding_rule rule, size_t index)
{
  if (rule.mode == ROUND_EVEN)
    return below + (v > codebook->bound[below]);
  double lower = (double)codebook->level[below], upper = (double)codebook->level[below + 1];
  double part = ((double)v - lower) / (upper - lower);
  if (v < 0 && rule.mode != ROUND_STOCHASTIC)
    return below + 1 - (size_t)round_to_whole(1 - part, rule, index);
  return below + (size_t)round_to_whole(part, rule, index);
}

static float value(const struct grid *grid, const struct unit *unit, float x,
                   struct rounding_rule rule, size_t index, uint16_t *code)
{
  const struct codebook *codebook = grid->codebook;
  float v = x * (1 / unit->scale);
  size_t rank = codebook->zero;
  if (!isnan(v)) {
    v = fminf(fmaxf(v, codebook->level[0]), codebook->level[codebook->count - 1]);
    rank = rank_below(codebook, v);
    if (rank + 1 < codebook->count)
      rank = choose(codebook, rank, v, rule, index);
  }
  if (code)
    *code = codebook->code ? codebook->code[rank] : (uint16_t)rank;
  return isnan(x) ? x : codebook->level[rank] * unit->scale;
}

static double sse(const struct grid *grid, const struct unit *unit, const float *x, size_t n)
{
  return kernels.codebook_sse(x, n, grid->codebook, unit->scale);
}

const struct family codebook_family = {
    .name = "codebook",
    .widest = 1,
    .narrowest = 0.02,
    .max = max_of,
    .levels = levels_of,
    .decode = decode,
    .encode = encode,
    .prepare = prepare,
    .unit = unit_of,
    .level = level,
    .zero_level = zero_level,
    .ends = ends,
    .code_value = code_value,
    .run = run,
    .lanes = lanes,
    .value = value,
    .sse = sse,
};
