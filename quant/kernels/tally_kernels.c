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

struct counts {
  uint32_t finite, clipped, at_rail, flushed, bulk;
  uint32_t worst; /* bits of the largest |x - y| rounded to float32 */
};

/* Counts of N finite elements. Whole numbers, so the order of additions is the compiler's. */
static struct counts tally_count(const float *x, const float *y, size_t n,
                                 const struct tally_bounds *bounds)
{
  const struct tally_bounds b = *bounds;
  struct counts c = {.finite = (uint32_t)n};
  uint32_t clipped = 0, at_rail = 0, flushed = 0, bulk = 0;
  int32_t worst = 0;
  for (size_t i = 0; i < n; i++) {
    clipped += (uint32_t)((x[i] < b.clip_lo) | (x[i] > b.clip_hi));
    at_rail += (uint32_t)((y[i] <= b.rail_lo) | (y[i] >= b.rail_hi));
    flushed += (uint32_t)((x[i] != 0) & (y[i] == 0));
    bulk += (uint32_t)(fabsf(x[i]) <= b.bulk);
    int32_t difference = (int32_t)float_magnitude(x[i] - y[i]);
    worst = difference > worst ? difference : worst;
  }
  c.clipped = clipped;
  c.at_rail = at_rail;
  c.flushed = flushed;
  c.bulk = bulk;
  c.worst = (uint32_t)worst;
  return c;
}

static void tally_totals(const float *x, const float *y, size_t n, struct sums *sums)
{
  struct lanes error = lanes_copy(&sums->error), error2 = lanes_copy(&sums->error2),
               signal2 = lanes_copy(&sums->signal2);
  struct lanes reconstruction2 = lanes_copy(&sums->reconstruction2),
               product = lanes_copy(&sums->product);
  for (size_t i = 0; i < n; i += LANES)
    for (int p = 0; p < PARTS; p++) {
      size_t at = i + (size_t)(p * DOUBLES);
      doubles xd = doubles_load(x + at), yd = doubles_load(y + at), e = xd - yd;
      error.part[p] += e;
      error2.part[p] += e * e;
      signal2.part[p] += xd * xd;
      reconstruction2.part[p] += yd * yd;
      product.part[p] += xd * yd;
    }
  sums->error = lanes_copy(&error);
  sums->error2 = lanes_copy(&error2);
  sums->signal2 = lanes_copy(&signal2);
  sums->reconstruction2 = lanes_copy(&reconstruction2);
  sums->product = lanes_copy(&product);
}

static doubles masked(doubles value, masks keep)
{
  return (doubles)((masks)value & keep);
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

/* The square of a float32 is exact in double, so that |x| <= bulk is one comparison. */
static void tally_bulk(const float *x, const float *y, size_t n, double bulk, struct sums *sums)
{
  struct lanes error2 = lanes_copy(&sums->bulk_error2), signal2 = lanes_copy(&sums->bulk_signal2);
  const double bulk2 = bulk * bulk;
  for (size_t i = 0; i < n; i += LANES)
    for (int p = 0; p < PARTS; p++) {
      size_t at = i + (size_t)(p * DOUBLES);
      doubles xd = doubles_load(x + at), e = xd - doubles_load(y + at), square = xd * xd;
      masks inside = (masks)(square <= bulk2);
      error2.part[p] += masked(e * e, inside);
      signal2.part[p] += masked(square, inside);
    }
  sums->bulk_error2 = lanes_copy(&error2);
  sums->bulk_signal2 = lanes_copy(&signal2);
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

static bool all_finite(const float *x, size_t n)
{
  int32_t largest = 0;
  for (size_t i = 0; i < n; i++) {
    int32_t magnitude = (int32_t)float_magnitude(x[i]);
    largest = magnitude > largest ? magnitude : largest;
  }
  return (uint32_t)largest < FLOAT_INFINITY;
}

static void tally_block(const float *x, const float *y, size_t n, const struct tally_bounds *bounds,
                        struct sums *sums, struct tally *tally)
{
  float x_copy[KERNEL_BLOCK + 1], y_copy[KERNEL_BLOCK + 1];
  if (n % LANES || !all_finite(x, n)) {
    n = tally_finite(x, y, n, x_copy, y_copy);
    x = x_copy;
    y = y_copy;
  }
  struct counts counts = tally_count(x, y, n, bounds);
  tally_worst(x, y, n, counts.worst, &tally->max_error);
  if (n % LANES) {
    lanes_pad(x_copy, n, 0.0f);
    n = lanes_pad(y_copy, n, 0.0f);
  }
  tally_totals(x, y, n, sums);
  if (counts.clipped)
    tally_clipped(x, y, n, bounds, &sums->clipped_error2);
  if (counts.bulk)
    tally_bulk(x, y, n, (double)bounds->bulk, sums);
  tally->finite += counts.finite;
  tally->clipped += counts.clipped;
  tally->at_rail += counts.at_rail;
  tally->flushed += counts.flushed;
}

void KERNEL(tally)(const float *x, const float *y, size_t n, const struct tally_bounds *bounds,
                   struct tally *tally)
{
  struct sums sums = {0};
  for (size_t done = 0; done < n; done += KERNEL_BLOCK) {
    size_t m = n - done < KERNEL_BLOCK ? n - done : KERNEL_BLOCK;
    tally_block(x + done, y + done, m, bounds, &sums, tally);
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

static void extremes_finite(const float *x, size_t n, struct extremes *extremes)
{
  int32_t lowest = INT32_MAX, highest = INT32_MIN;
  uint32_t zeros = 0;
  for (size_t i = 0; i < n; i++) {
    int32_t key = float_key(x[i]);
    lowest = key < lowest ? key : lowest;
    highest = key > highest ? key : highest;
    zeros += x[i] == 0;
  }
  extremes->finite += n;
  extremes->zeros += zeros;
  if (n == 0)
    return;
  /* Adding +0 turns -0 into +0, so that the sign of a zero never depends on the order. */
  float min = key_float(lowest) + 0.0f, max = key_float(highest) + 0.0f;
  extremes->min = min < extremes->min ? min : extremes->min;
  extremes->max = max > extremes->max ? max : extremes->max;
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
    if (all_finite(x + done, m))
      extremes_finite(x + done, m, extremes);
    else
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
