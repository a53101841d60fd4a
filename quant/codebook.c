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

/* The bucket of V, as the kernels find it. */
static size_t bucket_of(const struct codebook_buckets *b, float v)
{
  if (b->linear)
    return (size_t)fminf(fmaxf((v - b->low) * b->slope, 0), b->last);
  int32_t at = (int32_t)(float_magnitude(v) >> b->shift) - b->base;
  at = at < 0 ? 0 : at >= b->count ? b->count - 1 : at;
  return (size_t)(b->count + (signbit(v) ? ~at : at));
}

static size_t buckets_count(const struct codebook_buckets *b)
{
  return 2 * (size_t)b->count;
}

/* The most bounds that lie in one bucket. */
static size_t most_within(const struct codebook *codebook, const struct codebook_buckets *buckets)
{
  size_t most = 0;
  for (size_t k = 0, first = 0; k + 1 < codebook->count; k++) {
    if (bucket_of(buckets, codebook->bound[k]) != bucket_of(buckets, codebook->bound[first]))
      first = k;
    most = size_max(most, k - first + 1);
  }
  return most;
}

/* Buckets of 2^-BITS of an octave. The first one holds one bound of each sign, however small. */
static struct codebook_buckets octaves(const struct codebook *codebook, uint32_t bits)
{
  const float *first = codebook->bound, *last = first + codebook->count - 2, *positive = first;
  uint32_t shift = 23 - bits, low, high;
  while (positive <= last && *positive < 0)
    positive++;
  low = high = float_magnitude(*last);
  high = float_magnitude(*first) > high ? float_magnitude(*first) : high;
  if (positive < last && float_magnitude(positive[1]) < low)
    low = float_magnitude(positive[1]);
  if (positive - first >= 2 && float_magnitude(positive[-2]) < low)
    low = float_magnitude(positive[-2]);
  int32_t base = (int32_t)(low >> shift) - 1;
  base = base < 0 ? 0 : base;
  return (struct codebook_buckets){
      .base = base, .count = (int32_t)(high >> shift) - base + 2, .shift = shift};
}

/* COUNT buckets of one width between the outer bounds; where those are too far apart for a
 * float32, or a single one, SLOPE is no finite number. */
static struct codebook_buckets equal_parts(const struct codebook *codebook, size_t count)
{
  float low = codebook->bound[0], high = codebook->bound[codebook->count - 2];
  return (struct codebook_buckets){.linear = true,
                                   .low = low,
                                   .slope = (float)(count - 1) / (high - low),
                                   .last = (float)(count - 1),
                                   .count = (int32_t)count / 2};
}

/* The fewest buckets that one bound parts each; else the finest parts of octaves. */
static struct codebook_buckets choose_buckets(const struct codebook *codebook)
{
  struct codebook_buckets best = {0}, next;
  for (uint32_t bits = 0; bits <= 23 && best.within != 1; bits++) {
    next = octaves(codebook, bits);
    if (bits > 0 && buckets_count(&next) > CODEBOOK_BUCKETS)
      break;
    best = next;
    for (best.within = 1; (size_t)best.within < most_within(codebook, &best);)
      best.within = 2 * best.within + 1;
  }
  for (size_t count = 16; count <= CODEBOOK_BUCKETS; count *= 2) {
    next = equal_parts(codebook, count);
    if (best.within == 1 && count >= buckets_count(&best))
      break;
    if (isfinite(next.slope) && most_within(codebook, &next) == 1) {
      next.within = 1;
      return next;
    }
  }
  return best;
}

static uint32_t code_of(const struct codebook *codebook, size_t rank)
{
  return codebook->code ? codebook->code[rank] : (uint32_t)rank;
}

/* The bucket behind RANK bounds; PARTED by the next one or not. */
static struct codebook_bucket bucket_at(const struct codebook *codebook, size_t rank, bool parted)
{
  size_t above = rank + parted;
  return (struct codebook_bucket){.bound = parted ? codebook->bound[rank] : INFINITY,
                                  .low = codebook->level[rank],
                                  .high = codebook->level[above],
                                  .pair = codebook->buckets.within > 1
                                              ? (uint32_t)rank
                                              : code_of(codebook, rank) | code_of(codebook, above)
                                                                              << 16};
}

void codebook_make_buckets(struct codebook *codebook, struct codebook_bucket *at)
{
  codebook->buckets = choose_buckets(codebook);
  codebook->buckets.at = at;
  for (size_t k = 0, rank = 0; k < buckets_count(&codebook->buckets); k++) {
    size_t next = rank;
    while (next + 1 < codebook->count && bucket_of(&codebook->buckets, codebook->bound[next]) == k)
      next++;
    at[k] = bucket_at(codebook, rank, next > rank);
    rank = next;
  }
}

/* Never minus zero, which buckets would tell from zero. */
static float middle_of(float low, float high)
{
  return (float)(((double)low + (double)high) / 2) + 0.0f;
}

struct codebook *codebook_new(const float *levels, size_t count)
{
  size_t size = 1;
  while (size < count)
    size *= 2;
  struct codebook *codebook = malloc(sizeof *codebook + 3 * size * sizeof(float) +
                                     CODEBOOK_BUCKETS * sizeof(struct codebook_bucket));
  if (!codebook)
    return NULL;
  float *level = (float *)(codebook + 1), *bound = level + size;
  for (size_t i = 0; i < size; i++)
    level[i] = levels[size_min(i, count - 1)];
  for (size_t i = 0; i < 2 * size; i++)
    bound[i] = i + 1 < count ? middle_of(levels[i], levels[i + 1]) : INFINITY;
  *codebook = (struct codebook){.count = count,
                                .size = size,
                                .level = level,
                                .bound = bound,
                                .zero = (uint16_t)nearest_to_zero(levels, count)};
  codebook_make_buckets(codebook, (struct codebook_bucket *)(void *)(bound + 2 * size));
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
