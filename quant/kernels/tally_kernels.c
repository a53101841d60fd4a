/* Sums and counts over a block: the tally, the extremes, and the lanes that the searches use. */
#include "quant/kernels/table.h"

void KERNEL(lanes_add_error2)(const float *x, const float *y, size_t n, struct lanes *error2)
{
  struct lanes sum = lanes_copy(error2);
  for (size_t i = 0; i < n; i += LANES)
    for (int p = 0; p < PARTS; p++) {
      size_t at = i + (size_t)(p * DOUBLES);
      doubles e = doubles_load(x + at) - doubles_load(y + at);
      sum.part[p] += e * e;
    }
  *error2 = lanes_copy(&sum);
}

/* --- tally ----------------------------------------------------------------------------- */

struct sums {
  struct lanes error, error2, clipped_error2, signal2, reconstruction2, product;
  struct lanes bulk_error2, bulk_signal2;
};

static inline doubles masked(doubles value, masks keep)
{
  return (doubles)((masks)value & keep);
}

/* What one sweep over a block of finite elements finds. Magnitudes are the bits of floats. */
struct scan {
  uint32_t largest, worst, farthest; /* |x|, |x - y| rounded to float32, |y| */
  float least, most;                 /* y; of no use where the farthest is not finite */
  uint32_t flushed;
  bool exact; /* the rounded differences are the differences */
};

static ints magnitudes(floats x)
{
  return (ints)x & INT32_MAX;
}

static uint32_t largest_of(ints v)
{
  int32_t largest = 0;
  for (size_t k = 0; k < FLOATS; k++)
    largest = v[k] > largest ? v[k] : largest;
  return (uint32_t)largest;
}

/* Differences of N elements, a multiple of TURN. A difference is a float32 where y is 0, and where
 * x lies within a factor of two of y (P. H. Sterbenz, Floating-Point Computation, 1974): all
 * rounding errors, and few of those of clipping. */
static struct scan tally_scan(const float *x, const float *y, size_t n, float *e)
{
  ints largest = {0}, worst = {0}, farthest = {0}, flushed = {0}, inexact = {0};
  floats least = (floats){0} + __builtin_inff(), most = -least;
  for (size_t i = 0; i < n; i += FLOATS) {
    floats a = floats_load(x + i), b = floats_load(y + i), d = a - b;
    ints distance = magnitudes(d), size = magnitudes(b), gone = b == 0;
    memcpy(e + i, &d, sizeof d);
    largest = ints_max(largest, magnitudes(a));
    worst = ints_max(worst, distance);
    farthest = ints_max(farthest, size);
    least = floats_min(least, b);
    most = floats_max(most, b);
    flushed -= gone & (a != 0);
    inexact |= ~gone & ~((floats)distance + (floats)distance < (floats)size);
  }
  struct scan scan = {.largest = largest_of(largest),
                      .worst = largest_of(worst),
                      .farthest = largest_of(farthest),
                      .least = least[0],
                      .most = most[0],
                      .exact = true};
  for (size_t k = 0; k < FLOATS; k++) {
    scan.least = least[k] < scan.least ? least[k] : scan.least;
    scan.most = most[k] > scan.most ? most[k] : scan.most;
    scan.flushed += (uint32_t)flushed[k];
    scan.exact &= inexact[k] == 0;
  }
  return scan;
}

static uint32_t count_clipped(const float *x, size_t n, const struct tally_bounds *bounds)
{
  const float lo = bounds->clip_lo, hi = bounds->clip_hi;
  uint32_t clipped = 0;
  for (size_t i = 0; i < n; i++)
    clipped += (uint32_t)((x[i] < lo) | (x[i] > hi));
  return clipped;
}

static uint32_t count_at_rail(const float *y, size_t n, const struct tally_bounds *bounds)
{
  const float lo = bounds->rail_lo, hi = bounds->rail_hi;
  uint32_t at_rail = 0;
  for (size_t i = 0; i < n; i++)
    at_rail += (uint32_t)((y[i] <= lo) | (y[i] >= hi));
  return at_rail;
}

/* The sums of N elements, a multiple of LANES, part by part, so that they stay in registers. The
 * product of two float32 is exact in double, and so a fused multiply-add gives the bits of a
 * multiplication and an addition; not so that of differences which are not float32. */
KERNEL_INLINE void tally_sums(const float *x, const float *y, const float *e, size_t n, double bulk,
                              bool exact, bool with_bulk, struct sums *sums)
{
  for (int p = 0; p < PARTS; p++) {
    doubles error = sums->error.part[p], error2 = sums->error2.part[p];
    doubles signal2 = sums->signal2.part[p], reconstruction2 = sums->reconstruction2.part[p];
    doubles product = sums->product.part[p];
    doubles bulk_error2 = sums->bulk_error2.part[p], bulk_signal2 = sums->bulk_signal2.part[p];
    for (size_t i = (size_t)(p * DOUBLES); i < n; i += LANES) {
      doubles xd = doubles_load(x + i), yd = doubles_load(y + i);
      doubles ed = exact ? doubles_load(e + i) : xd - yd;
      error += ed;
      error2 = exact ? doubles_fma(ed, ed, error2) : error2 + ed * ed;
      signal2 = doubles_fma(xd, xd, signal2);
      reconstruction2 = doubles_fma(yd, yd, reconstruction2);
      product = doubles_fma(xd, yd, product);
      if (with_bulk) {
        masks inside = (masks)((doubles)((masks)xd & INT64_MAX) <= bulk);
        doubles xm = masked(xd, inside), em = masked(ed, inside);
        bulk_error2 = exact ? doubles_fma(em, em, bulk_error2) : bulk_error2 + em * em;
        bulk_signal2 = doubles_fma(xm, xm, bulk_signal2);
      }
    }
    sums->error.part[p] = error;
    sums->error2.part[p] = error2;
    sums->signal2.part[p] = signal2;
    sums->reconstruction2.part[p] = reconstruction2;
    sums->product.part[p] = product;
    sums->bulk_error2.part[p] = bulk_error2;
    sums->bulk_signal2.part[p] = bulk_signal2;
  }
}

static void tally_add(const float *x, const float *y, const float *e, size_t n, float bulk,
                      bool exact, struct sums *sums)
{
  if (exact && bulk >= 0)
    tally_sums(x, y, e, n, (double)bulk, true, true, sums);
  else if (exact)
    tally_sums(x, y, e, n, 0, true, false, sums);
  else if (bulk >= 0)
    tally_sums(x, y, e, n, (double)bulk, false, true, sums);
  else
    tally_sums(x, y, e, n, 0, false, false, sums);
}

static void tally_clipped(const float *x, const float *y, size_t n,
                          const struct tally_bounds *bounds, struct lanes *clipped_error2)
{
  const double lo = (double)bounds->clip_lo, hi = (double)bounds->clip_hi;
  for (size_t i = 0; i < n; i += LANES)
    for (int p = 0; p < PARTS; p++) {
      size_t at = i + (size_t)(p * DOUBLES);
      doubles xd = doubles_load(x + at), e = xd - doubles_load(y + at);
      clipped_error2->part[p] += masked(e * e, (masks)(xd < lo) | (masks)(xd > hi));
    }
}

/* Largest exact |x - y| of a block whose largest float32 difference has the bits WORST. Rounding
 * is monotone, so a block whose rounded worst is below the rounded maximum cannot beat it. The
 * bits of positive doubles have the order of the doubles, and whole numbers may be compared in
 * any order. */
static void tally_worst(const float *x, const float *y, size_t n, uint32_t worst, double *max_error)
{
  if (worst == 0 || bits_float(worst) < (float)*max_error)
    return;
  int64_t largest;
  memcpy(&largest, max_error, sizeof largest);
  for (size_t i = 0; i < n; i++) {
    double e = fabs((double)x[i] - (double)y[i]);
    int64_t bits;
    memcpy(&bits, &e, sizeof bits);
    largest = bits > largest ? bits : largest;
  }
  memcpy(max_error, &largest, sizeof largest);
}

/* The finite elements of a block, moved together; a count of them. */
static size_t tally_finite(const float *x, const float *y, size_t n, float *x_out, float *y_out)
{
  size_t kept = 0;
  for (size_t i = 0; i < n; i++) {
    x_out[kept] = x[i];
    y_out[kept] = y[i];
    kept += float_magnitude(x[i]) < FLOAT_INFINITY;
  }
  return kept;
}

/* Least and largest finite y; of none, what a tally of nothing has. */
static void tally_range(const float *y, size_t n, struct scan *scan)
{
  scan->least = __builtin_inff();
  scan->most = -__builtin_inff();
  for (size_t i = 0; i < n; i++) {
    bool counts = float_magnitude(y[i]) < FLOAT_INFINITY;
    scan->least = counts && y[i] < scan->least ? y[i] : scan->least;
    scan->most = counts && y[i] > scan->most ? y[i] : scan->most;
  }
}

static void tally_note(const struct scan *scan, struct tally *tally)
{
  float largest = bits_float(scan->largest);
  /* Adding +0 turns -0 into +0, so that the sign of a zero never depends on the order. */
  float least = scan->least + 0.0f, most = scan->most + 0.0f;
  tally->absmax = largest > tally->absmax ? largest : tally->absmax;
  if (tally->finite == 0 || least < tally->least)
    tally->least = least;
  if (tally->finite == 0 || most > tally->most)
    tally->most = most;
  tally->flushed += scan->flushed;
}

/* N finite elements; PADDED of them, a multiple of TURN, may be read, those beyond N zeros. */
static void tally_block(const float *x, const float *y, size_t n, size_t padded, const float *e,
                        const struct tally_bounds *bounds, struct scan scan, struct sums *sums,
                        struct tally *tally)
{
  float reach = -bounds->clip_lo < bounds->clip_hi ? -bounds->clip_lo : bounds->clip_hi;
  if (n < padded || scan.farthest >= FLOAT_INFINITY)
    tally_range(y, n, &scan);
  tally_note(&scan, tally);
  tally->finite += n;
  tally_worst(x, y, n, scan.worst, &tally->max_error);
  tally_add(x, y, e, padded, bounds->bulk, scan.exact, sums);
  if (scan.farthest >= FLOAT_INFINITY || scan.least <= bounds->rail_lo ||
      scan.most >= bounds->rail_hi)
    tally->at_rail += count_at_rail(y, n, bounds);
  uint32_t clipped = bits_float(scan.largest) <= reach ? 0 : count_clipped(x, n, bounds);
  tally->clipped += clipped;
  if (clipped)
    tally_clipped(x, y, padded, bounds, &sums->clipped_error2);
}

/* A block that is ragged or not all finite: by copies. */
static void tally_copied(const float *x, const float *y, size_t n,
                         const struct tally_bounds *bounds, struct sums *sums, struct tally *tally)
{
  float x_copy[KERNEL_BLOCK + 1], y_copy[KERNEL_BLOCK + 1], e[KERNEL_BLOCK];
  n = tally_finite(x, y, n, x_copy, y_copy);
  size_t padded = (n + TURN - 1) / TURN * TURN;
  for (size_t i = n; i < padded; i++)
    x_copy[i] = y_copy[i] = 0;
  if (n > 0)
    tally_block(x_copy, y_copy, n, padded, e, bounds, tally_scan(x_copy, y_copy, padded, e), sums,
                tally);
}

static void tally_piece(const float *x, const float *y, size_t n, const struct tally_bounds *bounds,
                        struct sums *sums, struct tally *tally)
{
  float e[KERNEL_BLOCK];
  if (n % TURN == 0) {
    struct scan scan = tally_scan(x, y, n, e);
    if (scan.largest < FLOAT_INFINITY) {
      tally_block(x, y, n, n, e, bounds, scan, sums, tally);
      return;
    }
  }
  tally_copied(x, y, n, bounds, sums, tally);
}

void KERNEL(tally)(const float *x, const float *y, size_t n, const struct tally_bounds *bounds,
                   struct tally *tally)
{
  struct sums sums = {0};
  for (size_t done = 0; done < n; done += KERNEL_BLOCK) {
    size_t m = n - done < KERNEL_BLOCK ? n - done : KERNEL_BLOCK;
    tally_piece(x + done, y + done, m, bounds, &sums, tally);
  }
  tally->error += lanes_total(&sums.error);
  tally->error2 += lanes_total(&sums.error2);
  tally->clipped_error2 += lanes_total(&sums.clipped_error2);
  tally->signal2 += lanes_total(&sums.signal2);
  tally->reconstruction2 += lanes_total(&sums.reconstruction2);
  tally->product += lanes_total(&sums.product);
  tally->bulk_error2 += lanes_total(&sums.bulk_error2);
  tally->bulk_signal2 += lanes_total(&sums.bulk_signal2);
}

/* --- extremes -------------------------------------------------------------------------- */

/* N values; false, and nothing is added, where one is not finite. A minimum leaves its second
 * operand where the first is NaN. */
static bool extremes_finite(const float *x, size_t n, struct extremes *extremes)
{
  enum { AHEAD = 1024 };
  const floats none = (floats){0} + __builtin_inff();
  floats low = none, high = -none;
  ints largest = {0}, zeros = {0};
  for (size_t i = 0; i < n; i += FLOATS) {
    if (i % 16 == 0)
      __builtin_prefetch(x + i + AHEAD);
    const floats v = floats_some(x + i, n - i < FLOATS ? n - i : FLOATS);
    const ints size = (ints)v & INT32_MAX;
    low = floats_min(v, low);
    high = floats_max(v, high);
    largest = ints_max(largest, size);
    zeros -= size == 0;
  }
  uint32_t count = (uint32_t)ints_total(zeros), most = 0;
  for (size_t k = 0; k < FLOATS; k++)
    most = (uint32_t)largest[k] > most ? (uint32_t)largest[k] : most;
  if (most >= FLOAT_INFINITY)
    return false;
  if (n == 0)
    return true;
  if (n % FLOATS && x[n / FLOATS * FLOATS] == 0) /* what stands for those that are missing */
    count -= (uint32_t)(FLOATS - n % FLOATS);
  /* Adding +0 turns -0 into +0, so that the sign of a zero never depends on the order. */
  const float min = floats_least(low) + 0.0f, max = -floats_least(-high) + 0.0f;
  extremes->finite += n;
  extremes->zeros += count;
  extremes->min = min < extremes->min ? min : extremes->min;
  extremes->max = max > extremes->max ? max : extremes->max;
  return true;
}

static void extremes_mixed(const float *x, size_t n, struct extremes *extremes)
{
  float kept[KERNEL_BLOCK + 1];
  size_t finite = 0, infinite = 0;
  for (size_t i = 0; i < n; i++) {
    uint32_t magnitude = float_magnitude(x[i]);
    kept[finite] = x[i];
    finite += magnitude < FLOAT_INFINITY;
    infinite += magnitude == FLOAT_INFINITY;
  }
  extremes->inf += infinite;
  extremes->nan += n - finite - infinite;
  extremes_finite(kept, finite, extremes);
}

void KERNEL(extremes)(const float *x, size_t n, struct extremes *extremes)
{
  for (size_t done = 0; done < n; done += KERNEL_BLOCK) {
    size_t m = n - done < KERNEL_BLOCK ? n - done : KERNEL_BLOCK;
    if (!extremes_finite(x + done, m, extremes))
      extremes_mixed(x + done, m, extremes);
  }
}

void KERNEL(extremes_lanes)(const float *x, size_t n, float *min, float *max, uint32_t *finite)
{
  for (size_t i = 0; i < n; i++) {
    bool counts = float_magnitude(x[i]) < FLOAT_INFINITY;
    min[i] = (counts & (x[i] < min[i])) ? x[i] : min[i];
    max[i] = (counts & (x[i] > max[i])) ? x[i] : max[i];
    finite[i] += counts;
  }
}

/* Magnitudes are ordered as their bits are: from 1 to the bits of the limit less 1. */
uint32_t KERNEL(count_below)(const float *x, size_t n, float limit)
{
  const uint32_t span = float_bits(limit) - 1;
  uint32_t count = 0;
  for (size_t i = 0; i < n; i++)
    count += float_magnitude(x[i]) - 1 < span;
  return count;
}

size_t KERNEL(find_between)(const float *x, size_t n, uint32_t first, uint32_t last, float *out)
{
  enum { STEP = 64, AHEAD = 2048 };
  const ints low = (ints){0} + (int32_t)first, high = (ints){0} + (int32_t)last;
  size_t found = 0, i = 0;
  for (; i + STEP <= n; i += STEP) {
    uint64_t between = 0;
    KERNEL_UNROLL
    for (size_t k = 0; k < STEP; k += FLOATS) {
      const ints size = (ints)floats_load(x + i + k) & INT32_MAX;
      if (k % 16 == 0)
        __builtin_prefetch(x + i + k + AHEAD);
      between |= (uint64_t)chosen_bits(ints_within(size, low, high)) << k;
    }
    for (; between; between &= between - 1)
      out[found++] = x[i + (size_t)__builtin_ctzll(between)];
  }
  for (; i < n; i++) {
    out[found] = x[i];
    found += float_magnitude(x[i]) - first <= last - first;
  }
  return found;
}
