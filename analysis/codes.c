#include "analysis/codes.h"

#include "quant/base/size.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  LANES = CODE_COUNTERS, /* tables that take turns, so that equal neighbours do not wait for each
                            other */
  LANES_CODES = 1024,    /* up to this many codes; larger tables would leave the cache */
  LINE = 8,              /* counters of a cache line */
};

bool codes_init(struct codes *codes, const struct fit *fit)
{
  const struct quantizer *quantizer = fit_quantizer(fit);
  bool counted = quantizer->format->bits <= FORMAT_CODE_BITS;
  *codes = (struct codes){.fit = fit, .codes = counted ? format_codes(quantizer->format) : 0};
  codes->lanes = codes->codes <= LANES_CODES ? LANES : 1;
  codes->stride = codes->lanes * codes->codes + LINE;
  codes->workers = pool_threads();
  codes->high_by_unit = quantizer->asymmetric && fit_grain(fit)->units > 1;
  codes->count = mem_array(codes->workers * codes->stride, sizeof *codes->count);
  codes->high = mem_array(codes->workers * LINE, sizeof *codes->high);
  return codes->count && codes->high;
}

bool codes_pair(struct codes *codes)
{
  codes->pairs = mem_array(codes->workers, CODE_PAIRS * sizeof *codes->pairs);
  codes->paired = mem_array(codes->workers, LINE * sizeof *codes->paired);
  return codes->pairs && codes->paired;
}

void codes_free(struct codes *codes)
{
  free(codes->pairs);
  free(codes->paired);
  free(codes->count);
  free(codes->high);
}

/* Codes above LAST or below FIRST, counted from the lowest, are high: |code - zero point| > 100/127
 * of the farthest code. */
static void high_limits(const struct fit *fit, size_t unit, long *first, long *last)
{
  long lowest, highest;
  quantizer_code_range(fit_quantizer(fit), &lowest, &highest);
  long zero = fit_zero_point(fit, unit) - lowest, top = highest - lowest;
  long reach = zero > top - zero ? zero : top - zero;
  *first = zero - 100 * reach / 127;
  *last = zero + 100 * reach / 127;
}

/* How many of N codes are high; of the finite values only. */
static uint64_t count_run(const struct pass_block *block, size_t start, size_t n, bool finite,
                          uint16_t first, uint16_t last)
{
  const uint16_t *codes = block->codes + start;
  uint32_t high = 0;
  for (size_t i = 0; finite && i < n; i++)
    high += (uint32_t)((codes[i] < first) | (codes[i] > last));
  for (size_t i = 0; !finite && i < n; i++)
    high += isfinite(block->x[start + i]) && (codes[i] < first || codes[i] > last);
  return high;
}

static void count_high(struct codes *codes, const struct pass_block *block, bool finite)
{
  const struct grain *grain = fit_grain(codes->fit);
  uint64_t high = 0;
  for (size_t i = 0, run; i < block->n; i += run) {
    size_t unit;
    long first, last;
    run = grain_run(grain, block->start + i, block->n - i, &unit);
    high_limits(block->fit, unit, &first, &last);
    high += count_run(block, i, run, finite, (uint16_t)(first < 0 ? 0 : first),
                      (uint16_t)(last > UINT16_MAX ? UINT16_MAX : last));
  }
  codes->high[block->worker * LINE] += high;
}

/* Tables that take turns; written out, because compilers keep a loop of four turns. */
#define COUNT_IN_TURN(count, stride, code, i, n)                                                   \
  do {                                                                                             \
    uint64_t *first = (count), *second = first + (stride), *third = second + (stride);             \
    uint64_t *fourth = third + (stride);                                                           \
    for (; (i) + LANES <= (n); (i) += LANES) {                                                     \
      first[(code)[i]]++;                                                                          \
      second[(code)[(i) + 1]]++;                                                                   \
      third[(code)[(i) + 2]]++;                                                                    \
      fourth[(code)[(i) + 3]]++;                                                                   \
    }                                                                                              \
  } while (0)

void codes_add(struct codes *codes, const struct pass_block *block, bool finite)
{
  if (codes->codes == 0)
    return;
  uint64_t *count = codes->count + block->worker * codes->stride;
  size_t lane = codes->lanes == LANES ? codes->codes : 0, i = 0;
  if (codes->high_by_unit)
    count_high(codes, block, finite);
  if (!finite) {
    for (; i < block->n; i++)
      count[block->codes[i]] += isfinite(block->x[i]) != 0;
    return;
  }
  COUNT_IN_TURN(count, lane, block->codes, i, block->n);
  for (; i < block->n; i++)
    count[block->codes[i]]++;
}

struct code_tables codes_tables(const struct codes *codes, unsigned worker)
{
  struct code_tables tables = {.count = codes->count + worker * codes->stride,
                               .codes = codes->codes};
  if (codes->pairs) {
    tables.pairs = codes->pairs + (size_t)worker * CODE_PAIRS;
    tables.paired = codes->paired + (size_t)worker * LINE;
  }
  return tables;
}

void codes_add_high(struct codes *codes, unsigned worker, uint64_t high)
{
  codes->high[worker * LINE] += high;
}

void codes_add_counts(struct codes *codes, unsigned worker, const struct fit *fit, size_t unit,
                      const uint32_t *count)
{
  uint64_t *sums = codes->count + worker * codes->stride, high = 0;
  for (size_t code = 0; code < codes->codes; code++)
    sums[code] += count[code];
  if (!codes->high_by_unit)
    return;
  long first, last;
  high_limits(fit, unit, &first, &last);
  for (long code = 0; code < (long)codes->codes; code++)
    high += code < first || code > last ? count[code] : 0;
  codes->high[worker * LINE] += high;
}

void codes_add_counted(struct codes *codes, const struct counted *counted)
{
  for (size_t i = 0; codes->codes > 0 && i < counted->n; i++)
    if (!counted_is_lost(counted, i))
      codes->count[counted->code[i]] += counted->count[i];
}

/* Counts of all workers into the first table. */
static void gather(const struct codes *codes)
{
  uint32_t count[CODES_COUNTED];
  for (size_t w = 0; codes->pairs && w < codes->workers; w++) {
    memset(count, 0, sizeof count);
    if (codes->paired[w * LINE])
      kernels.settle_pairs(codes->pairs + w * CODE_PAIRS, codes->codes, count);
    for (size_t i = 0; i < codes->codes; i++)
      codes->count[i] += count[i];
  }
  for (size_t w = 0; w < codes->workers; w++)
    for (size_t i = w == 0 ? codes->codes : 0; i < codes->lanes * codes->codes; i++)
      codes->count[i % codes->codes] += codes->count[w * codes->stride + i];
}

/* True when CODE stands for a number above 100/127 of the largest. */
static bool is_high(const struct codes *codes, size_t code)
{
  const struct quantizer *quantizer = fit_quantizer(codes->fit);
  long first, last;
  if (quantizer->asymmetric) {
    high_limits(codes->fit, 0, &first, &last);
    return (long)code < first || (long)code > last;
  }
  return fabs(fit_code_value(codes->fit, 0, (uint32_t)code)) * 127 > fit_grid_max(codes->fit) * 100;
}

/* Codes of a block format that mean the same number count as the first of them. */
static void merge_equal(const struct codes *codes)
{
  for (size_t i = 1; i < codes->codes; i++)
    for (size_t k = 0; k < i; k++)
      if (fit_code_value(codes->fit, 0, (uint32_t)k) ==
          fit_code_value(codes->fit, 0, (uint32_t)i)) {
        codes->count[k] += codes->count[i];
        codes->count[i] = 0;
      }
}

void codes_finish(const struct codes *codes, struct metrics *metrics)
{
  const struct quantizer *quantizer = fit_quantizer(codes->fit);
  metrics->levels = fit_level_count(codes->fit);
  if (codes->codes == 0)
    return;
  gather(codes);
  if (format_is_block(quantizer->format))
    merge_equal(codes);
  if (quantizer->format->family->signed_zero && quantizer->format->top != TOP_FNUZ) {
    size_t minus_zero = codes->codes / 2;
    codes->count[0] += codes->count[minus_zero];
    codes->count[minus_zero] = 0;
  }
  uint64_t total = 0, high = 0;
  metrics->levels_used = 0;
  for (size_t i = 0; i < codes->codes; i++) {
    total += codes->count[i];
    metrics->levels_used += codes->count[i] != 0;
    if (codes->count[i] && !codes->high_by_unit && is_high(codes, i))
      high += codes->count[i];
  }
  for (size_t w = 0; w < codes->workers; w++)
    high += codes->high[w * LINE];
  double entropy = 0, n = total ? (double)total : (double)NAN;
  for (size_t i = 0; i < codes->codes; i++)
    if (codes->count[i])
      entropy += (double)codes->count[i] / n * log2(n / (double)codes->count[i]);
  metrics->code_entropy_bits = total ? entropy : (double)NAN;
  /* Where the lowest code stands for a stored minimum, no code is far from zero by itself. */
  metrics->high_code_rate = fit_has_offset(codes->fit) ? (double)NAN : (double)high / n;
}
