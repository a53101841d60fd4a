#include "quant/high_digest.h"

#include "quant/base/size.h"
#include "quant/family.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { CELLS = 65536, LOW_BITS = 16, INFINITE = 0x7F80, SIGN = 0x8000, LEVELS_MOST = 65536 };
enum { AHEAD = 512 }; /* elements that are asked for before they are counted */

/* Sums of the lower 16 bits. */
struct whole_sums {
  uint64_t count, sum, squares;
};

/* --- counting ------------------------------------------------------------------------------- */

struct counting {
  const struct feed *feed;
  struct progress *progress;
  struct whole_sums *sums; /* CELLS for each worker */
};

static void count_block(const float *x, size_t n, struct whole_sums *sums)
{
  for (size_t i = 0; i < n; i++) {
    uint32_t bits;
    __builtin_prefetch(x + i + AHEAD);
    memcpy(&bits, &x[i], sizeof bits);
    uint64_t low = bits & 0xFFFF;
    struct whole_sums *cell = &sums[bits >> LOW_BITS];
    cell->count++;
    cell->sum += low;
    cell->squares += low * low;
  }
}

static void count_chunk(void *context, size_t chunk, unsigned worker)
{
  const struct counting *counting = context;
  float scratch[FEED_BLOCK];
  size_t start = chunk * FEED_CHUNK, end = size_min(start + FEED_CHUNK, counting->feed->count), n;
  for (; start < end && !progress_cancelled(counting->progress); start += n) {
    n = size_min(FEED_BLOCK, end - start);
    count_block(feed_block(counting->feed, start, n, scratch), n,
                counting->sums + (size_t)worker * CELLS);
    progress_advance(counting->progress, n);
  }
}

static void merge_workers(struct whole_sums *sums, size_t workers)
{
  for (size_t i = CELLS; i < workers * CELLS; i++) {
    struct whole_sums *into = &sums[i % CELLS];
    into->count += sums[i].count;
    into->sum += sums[i].sum;
    into->squares += sums[i].squares;
  }
}

/* --- cells ---------------------------------------------------------------------------------- */

static float float_of(uint32_t bits)
{
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* x = base + low * unit, both with the sign of the cell. */
static struct high_cell cell_of(uint32_t index, const struct whole_sums *sums)
{
  float base = float_of(index << LOW_BITS), end = float_of(index << LOW_BITS | 0xFFFF);
  double b = (double)base, unit = (double)float_of(index << LOW_BITS | 1) - b;
  double n = (double)sums->count, low = (double)sums->sum, squares = (double)sums->squares;
  bool negative = index & SIGN;
  return (struct high_cell){.low = negative ? end : base,
                            .high = negative ? base : end,
                            .count = sums->count,
                            .sum = n * b + unit * low,
                            .spread = unit * unit * fmax(squares - low * low / n, 0)};
}

/* Cell I in ascending order: the negative ones first, the largest magnitude before the others. */
static uint32_t index_of(uint32_t i)
{
  return i < INFINITE ? (uint32_t)(SIGN | (INFINITE - 1 - i)) : i - INFINITE;
}

static bool take_cells(struct high_digest *digest, struct whole_sums *sums)
{
  digest->cell = mem_array(2 * INFINITE, sizeof *digest->cell);
  for (uint32_t i = 0; digest->cell && i < 2 * INFINITE; i++) {
    uint32_t index = index_of(i);
    if (sums[index].count)
      digest->cell[digest->cells++] = cell_of(index, &sums[index]);
  }
  return digest->cell != NULL;
}

/* --- means ---------------------------------------------------------------------------------- */

/* A cell that is wide in the range of the tensor stands for several values: a histogram of their
 * means alone would be a comb. */
enum { POINTS = 4096 };

struct means {
  float *value;
  uint64_t *count;
  size_t used;
  float least, most; /* of the tensor */
  bool split;        /* there is room for several values of a cell */
};

static void add_value(struct means *means, double value, uint64_t count)
{
  if (count == 0)
    return;
  means->value[means->used] = fminf(fmaxf((float)value, means->least), means->most);
  means->count[means->used++] = count;
}

/* COUNT values of CELL, with the sum SUM. */
static void add_cell(struct means *means, const struct high_cell *cell, double sum, uint64_t count)
{
  double low = fmax((double)cell->low, (double)means->least);
  double width = fmin((double)cell->high, (double)means->most) - low;
  double pieces = ceil(width * POINTS / ((double)means->most - (double)means->least));
  size_t n = means->split && pieces > 1 ? (size_t)fmin(pieces, (double)count) : 1;
  if (n <= 1) {
    add_value(means, sum / (double)count, count);
    return;
  }
  for (size_t i = 0; i < n; i++)
    add_value(means, low + width * ((double)i + 0.5) / (double)n, count / n + (i < count % n));
}

/* The lowest and the highest value of the tensor stand apart from the rest of their cells. */
static void add_means(struct means *means, const struct high_digest *digest)
{
  for (size_t i = 0; i < digest->cells; i++) {
    const struct high_cell *cell = &digest->cell[i];
    double sum = cell->sum;
    uint64_t rest = cell->count;
    const float ends[] = {means->least, means->most};
    const bool here[] = {i == 0, i + 1 == digest->cells};
    for (int end = 0; end < 2; end++)
      if (here[end] && rest > 0) {
        add_value(means, (double)ends[end], 1);
        sum -= (double)ends[end];
        rest--;
      }
    add_cell(means, cell, sum, rest);
  }
}

static bool take_means(struct high_digest *digest, const struct extremes *extremes)
{
  size_t most = digest->cells + POINTS + 2; /* cells share the range of the tensor */
  struct means means = {.value = mem_array(most, sizeof *means.value),
                        .count = mem_array(most, sizeof *means.count),
                        .least = extremes->min,
                        .most = extremes->max,
                        .split = most <= DIGEST_MOST};
  if (means.value && means.count) {
    add_means(&means, digest);
    digest->means = digest_new(means.value, means.count, means.used);
  }
  if (digest->means) {
    digest->means->nan = extremes->nan;
    digest->means->inf = extremes->inf;
  }
  free(means.value);
  free(means.count);
  return digest->means != NULL;
}

/* --- making --------------------------------------------------------------------------------- */

void high_digest_free(struct high_digest *digest)
{
  if (!digest)
    return;
  free(digest->cell);
  digest_free(digest->means);
  free(digest);
}

size_t high_digest_bytes(const struct high_digest *digest)
{
  return sizeof *digest + 2 * (size_t)INFINITE * sizeof *digest->cell + digest_bytes(digest->means);
}

static struct high_digest *make(struct whole_sums *sums, size_t workers,
                                const struct extremes *extremes)
{
  struct high_digest *digest = mem_array(1, sizeof *digest);
  if (!digest)
    return NULL;
  merge_workers(sums, workers);
  if (take_cells(digest, sums) && take_means(digest, extremes))
    return digest;
  high_digest_free(digest);
  return NULL;
}

enum status high_digest_make(const struct feed *feed, const struct extremes *extremes,
                             struct progress *progress, struct high_digest **out)
{
  size_t chunks = size_div_up(feed->count, FEED_CHUNK), workers = size_min(pool_threads(), chunks);
  struct counting counting = {feed, progress, mem_array(workers, CELLS * sizeof *counting.sums)};
  progress_expect(progress, feed->count);
  if (!counting.sums)
    return STATUS_MEMORY;
  enum status status = pool_for(chunks, count_chunk, &counting, progress);
  if (status == STATUS_OK && !(*out = make(counting.sums, workers, extremes)))
    status = STATUS_MEMORY;
  free(counting.sums);
  return status;
}

/* --- bounds --------------------------------------------------------------------------------- */

bool high_digest_knows_scale(const struct quantizer *quantizer)
{
  return quantizer->by == BY_SCALE || quantizer->by == BY_RANGE ||
         (quantizer->by == BY_CALIBRATOR && !quantizer->calibrator->choose);
}

bool high_digest_can_measure(const struct quantizer *quantizer)
{
  const struct format *format = quantizer->format;
  bool nearest = quantizer->rounding == ROUND_EVEN || quantizer->rounding == ROUND_AWAY;
  return quantizer->granularity.kind == GRAIN_TENSOR && !format_is_block(format) && nearest &&
         format->bits <= FORMAT_CODE_BITS && format->family != &power_family && !format->learned &&
         !quantizer->rule && !quantizer->nonfinite && quantizer->arithmetic == ARITHMETIC_DIVIDE;
}

/* Levels in ascending order, and where between two of them the nearest changes. */
struct levels {
  const double *level;
  size_t count, at; /* AT: no cell to come is nearer to an earlier one */
  double blur;      /* x / scale has at least this error, in the domain of x */
};

static double threshold(const struct levels *levels, size_t i)
{
  return levels->level[i] + (levels->level[i + 1] - levels->level[i]) / 2;
}

/* The nearest level to X, from number I on. */
static size_t nearest_from(const struct levels *levels, size_t i, double x)
{
  while (i + 1 < levels->count && x > threshold(levels, i))
    i++;
  return i;
}

static double square(double x)
{
  return x * x;
}

/* Integral of (x - level)^2 over LOW..HIGH. */
static double integral(double level, double low, double high)
{
  double a = low - level, b = high - level;
  return (b - a) * (a * a + a * b + b * b) / 3;
}

/* One value of the cell. */
struct cell_error {
  double least, most, likely;
};

/* A cell whose values go to the levels FIRST to LAST. */
static struct cell_error many_levels(const struct levels *levels, size_t first, size_t last,
                                     const struct high_cell *cell, double mean, double spread)
{
  double a = (double)cell->low, b = (double)cell->high, likely = 0;
  size_t from = nearest_from(levels, first, a), at = nearest_from(levels, from, mean);
  size_t to = nearest_from(levels, at, b);
  double low2 = square(a - levels->level[from]), high2 = square(b - levels->level[to]);
  double largest = fmax(low2, high2), gap = 0, start = a;
  for (size_t i = from; i < to; start = threshold(levels, i), i++) {
    largest = fmax(largest, square(levels->level[i + 1] - levels->level[i]) / 4);
    likely += integral(levels->level[i], start, threshold(levels, i));
  }
  for (size_t i = first; i < last; i++)
    gap = fmax(gap, levels->level[i + 1] - levels->level[i]);
  likely += integral(levels->level[to], start, b);
  double chord = (low2 * (b - mean) + high2 * (mean - a)) / (b - a);
  double most = fmin(spread + square(mean - levels->level[at]), largest);
  double missed = 2 * gap * (fmax(fabs(a), fabs(b)) * 0x1p-22 + levels->blur);
  return (struct cell_error){.least = fmax(spread - (mean - a) * (b - mean) + chord, 0),
                             .most = most + missed,
                             .likely = likely / (b - a)};
}

static struct cell_error cell_error(struct levels *levels, const struct high_cell *cell)
{
  double a = (double)cell->low, b = (double)cell->high, n = (double)cell->count;
  double margin = fmax(fabs(a), fabs(b)) * 0x1p-22 + levels->blur;
  double mean = fmin(fmax(cell->sum / n, a), b), spread = cell->spread / n;
  size_t first = nearest_from(levels, levels->at, a - margin);
  size_t last = nearest_from(levels, first, b + margin);
  levels->at = first;
  if (first < last)
    return many_levels(levels, first, last, cell, mean, spread);
  double error2 = spread + square(mean - levels->level[first]);
  return (struct cell_error){error2, error2, error2};
}

/* What the sums themselves have lost: some units in the last place of what they were made of. */
static double rounding_of(const struct high_cell *cell, const struct cell_error *error)
{
  double width = (double)cell->high - (double)cell->low;
  double largest = fmax(fabs((double)cell->low), fabs((double)cell->high));
  return 1e-14 * width * width + 1e-15 * largest * sqrt(error->most) + 1e-13 * error->most;
}

enum status high_digest_error(const struct high_digest *digest, const struct fit *fit,
                              struct error_estimate *out)
{
  struct levels levels = {.blur = fabs((double)fit_scale(fit, 0)) * 0x1p-148};
  double *level = fit_levels(fit, 0, &levels.count);
  *out = (struct error_estimate){0};
  if (!level)
    return STATUS_MEMORY;
  levels.level = level;
  for (size_t i = 0; i < digest->cells; i++) {
    const struct high_cell *cell = &digest->cell[i];
    struct cell_error error = cell_error(&levels, cell);
    double n = (double)cell->count, rounding = rounding_of(cell, &error);
    out->least += n * fmax(error.least - rounding, 0);
    out->most += n * (error.most + rounding);
    out->likely += n * fmin(fmax(error.likely, error.least), error.most);
  }
  free(level);
  return STATUS_OK;
}
