/* The error pass: what a quantizer with one scale does to a run of values, without keeping their
 * reconstruction.
 *
 * Most values lie inside: neither clipped nor beyond the bulk nor NaN. Their errors are float32
 * numbers (P. H. Sterbenz, Floating-Point Computation, 1974: x lies within a factor of two of y, or
 * y is 0), so that they need no more than three sums in double; what else is known of them follows
 * from how often each code occurs. The few outside count as 0 there, and are gathered for the tally
 * of reconstructions that are kept. Processors wait for results, not for units: so the loops are
 * short, each works on a block in the nearest cache, and the codes of one block are counted while
 * the errors of the next are added up. Where codes are not asked for, one loop adds up squares. */
#include "quant/kernels/table.h"

#include <float.h>
#include <stddef.h>

enum {
  AHEAD = 512, /* elements from which memory is asked before they are needed */
  RUN = 4096,  /* elements at a time: counters of 16 bits hold them */
  BLOCK = 128, /* elements in the nearest cache: a multiple of LANES */
  TABLES = 8,  /* counters that take turns: equal neighbours need not wait for each other */
};

struct rounder {
  bool minifloat;
  float scale, lo, hi; /* values inside lie between lo and hi */
  struct unit unit;
  const struct minifloat_grid *grid;
  struct minifloat_constants c;
  int32_t first;  /* integers: bits of the shifted lowest number */
  uint32_t zero;  /* code of 0 */
  uint32_t codes; /* number of codes, in whole LANES */
};

struct sums {
  struct lanes error, error2, signal2;
  ints largest, worst, zeros; /* |x|, |error|; elements that are 0 */
  uint16_t count[TABLES][CODES_COUNTED];
};

/* --- rounding ---------------------------------------------------------------------------- */

static inline floats floats_all(float x)
{
  return (floats){0} + x;
}

KERNEL_INLINE floats round_integer(floats v, const struct rounder *r, ints *code)
{
  floats shifted = v + ROUND_MAGIC;
  *code = (ints)shifted - r->first;
  return shifted - ROUND_MAGIC;
}

/* See minifloat_nearest and minifloat_code; all zeros are +0. */
KERNEL_INLINE floats round_minifloat(floats v, const struct rounder *r, ints *code)
{
  const floats least = floats_all(r->c.min_normal);
  floats power = floats_max((floats)((ints)v & (int32_t)FLOAT_INFINITY), least);
  floats magic = power * r->c.magic, g = (v + magic) - magic;
  ints magnitude = (ints)g & INT32_MAX;
  ints normal = magnitude - ((ints)least - (1 << 23));
  ints subnormal = (ints)((floats)magnitude + least) - (ints)least;
  uints field = (uints)ints_max(normal, subnormal) >> r->c.round_bits;
  *code = (ints)(field | ((uints)g & FLOAT_SIGN) >> r->c.sign_shift);
  return g;
}

/* The levels at scale 1 of codes; what is no code may be any number. */
static floats levels_of(const struct rounder *r, ints code)
{
  if (!r->minifloat)
    return __builtin_convertvector(code, floats) + r->unit.lo;
  const int32_t sign = (int32_t)(FLOAT_SIGN >> r->c.sign_shift);
  const int32_t least = (int32_t)float_bits(r->c.min_normal);
  ints bits = (code & (sign - 1)) << r->c.round_bits;
  ints subnormal = (ints)((floats)(bits + least) - r->c.min_normal);
  ints normal = bits + (least - (1 << 23)), small = bits < 1 << 23;
  return (floats)((subnormal & small) | (normal & ~small) | (code & sign) << r->c.sign_shift);
}

/* --- values inside ------------------------------------------------------------------------ */

/* KEPT: N values (whole LANES), 0 for those that are not inside; V: their quotients. A bit of
 * OUTSIDE for each. */
static void divide(const float *x, size_t n, const struct rounder *r, struct sums *sums,
                   float *kept, float *v, uint8_t *outside)
{
  const floats scale = floats_all(r->scale), lo = floats_all(r->lo), hi = floats_all(r->hi);
  struct lanes signal2 = lanes_copy(&sums->signal2);
  ints largest = sums->largest, zeros = sums->zeros;
  for (size_t i = 0; i < n; i += LANES) {
    uint32_t bits = 0;
    KERNEL_UNROLL
    for (size_t k = 0; k < LANES; k += FLOATS) {
      floats a = floats_load(x + i + k);
      ints inside = (a >= lo) & (a <= hi);
      a = (floats)((ints)a & inside);
      floats q = a / scale;
      memcpy(kept + i + k, &a, sizeof a);
      memcpy(v + i + k, &q, sizeof q);
      bits |= ints_signs(~inside) << k;
      largest = ints_max(largest, (ints)a & INT32_MAX);
      zeros -= a == 0;
      KERNEL_UNROLL
      for (size_t p = 0; p < FLOATS / DOUBLES; p++) {
        doubles wide = floats_widened(a, p);
        signal2.part[k / DOUBLES + p] = doubles_fma(wide, wide, signal2.part[k / DOUBLES + p]);
      }
    }
    outside[i / LANES] = (uint8_t)bits;
  }
  sums->signal2 = lanes_copy(&signal2);
  sums->largest = largest;
  sums->zeros = zeros;
}

/* Adds the squares alone of N values (whole LANES), and asks for the memory from AHEAD on. A bit of
 * OUTSIDE for each. */
KERNEL_INLINE void add_squares(const float *x, const float *ahead, size_t n,
                               const struct rounder *r, bool minifloat, struct sums *sums,
                               uint8_t *outside)
{
  const floats scale = floats_all(r->scale), lo = floats_all(r->lo), hi = floats_all(r->hi);
  struct lanes signal2 = lanes_copy(&sums->signal2), error2 = lanes_copy(&sums->error2);
  ints largest = sums->largest;
  for (size_t i = 0; i < n; i += LANES) {
    uint32_t bits = 0;
    __builtin_prefetch(ahead + i);
    KERNEL_UNROLL
    for (size_t k = 0; k < LANES; k += FLOATS) {
      ints code;
      floats a = floats_load(x + i + k);
      ints inside = (a >= lo) & (a <= hi);
      a = (floats)((ints)a & inside);
      floats q = a / scale;
      floats g = minifloat ? round_minifloat(q, r, &code) : round_integer(q, r, &code);
      floats e = a - g * scale;
      bits |= ints_signs(~inside) << k;
      largest = ints_max(largest, (ints)a & INT32_MAX);
      KERNEL_UNROLL
      for (size_t p = 0; p < FLOATS / DOUBLES; p++) {
        size_t part = k / DOUBLES + p;
        doubles x2 = floats_widened(a, p), e2 = floats_widened(e, p);
        signal2.part[part] = doubles_fma(x2, x2, signal2.part[part]);
        error2.part[part] = doubles_fma(e2, e2, error2.part[part]);
      }
    }
    outside[i / LANES] = (uint8_t)bits;
  }
  sums->signal2 = lanes_copy(&signal2);
  sums->error2 = lanes_copy(&error2);
  sums->largest = largest;
}

/* The same of any N (at most RUN). */
KERNEL_INLINE void square_run(const float *x, size_t n, const struct rounder *r, bool minifloat,
                              struct sums *sums, uint8_t *outside)
{
  float copy[LANES] = {0};
  size_t whole = n / LANES * LANES;
  add_squares(x, x + AHEAD, whole, r, minifloat, sums, outside);
  if (whole == n)
    return;
  memcpy(copy, x + whole, (n - whole) * sizeof *copy);
  add_squares(copy, copy, LANES, r, minifloat, sums, outside + whole / LANES);
  outside[whole / LANES] &= (uint8_t)((1u << (n - whole)) - 1);
}

static void count_codes(const int32_t *codes, size_t from, size_t to, struct sums *sums)
{
  for (size_t i = from; i < to; i++)
    sums->count[i % TABLES][(uint8_t)codes[i]]++;
}

/* Adds the errors of a block that was divided, and counts the codes of the one before. */
KERNEL_INLINE void add_errors(const float *x, const float *kept, const float *v, size_t n,
                              const struct rounder *r, bool minifloat, const int32_t *before,
                              struct sums *sums, int32_t *codes)
{
  const floats scale = floats_all(r->scale);
  struct lanes error = lanes_copy(&sums->error), error2 = lanes_copy(&sums->error2);
  ints worst = sums->worst;
  for (size_t i = 0; i < n; i += LANES) {
    __builtin_prefetch(x + AHEAD + i);
    KERNEL_UNROLL
    for (size_t k = 0; k < LANES; k += FLOATS) {
      ints code;
      floats q = floats_load(v + i + k);
      floats g = minifloat ? round_minifloat(q, r, &code) : round_integer(q, r, &code);
      floats e = floats_load(kept + i + k) - g * scale;
      memcpy(codes + i + k, &code, sizeof code);
      worst = ints_max(worst, (ints)e & INT32_MAX);
      KERNEL_UNROLL
      for (size_t p = 0; p < FLOATS / DOUBLES; p++) {
        size_t part = k / DOUBLES + p;
        doubles wide = floats_widened(e, p);
        error.part[part] += wide;
        error2.part[part] = doubles_fma(wide, wide, error2.part[part]);
      }
    }
    KERNEL_UNROLL
    for (size_t k = 0; k < LANES; k++)
      sums->count[k % TABLES][(uint8_t)before[i + k]]++;
  }
  sums->error = lanes_copy(&error);
  sums->error2 = lanes_copy(&error2);
  sums->worst = worst;
}

/* Adds up N elements (at most RUN); returns how many zeros were counted that stand for nothing,
 * those of OUTSIDE not among them. */
KERNEL_INLINE size_t add_run(const float *x, size_t n, const struct rounder *r, bool minifloat,
                             struct sums *sums, uint8_t *outside)
{
  float copy[BLOCK], kept[BLOCK], v[BLOCK];
  int32_t codes[2][BLOCK], *now = codes[0], *before = codes[1];
  size_t forced = BLOCK;
  for (size_t i = 0; i < BLOCK; i++)
    before[i] = (int32_t)r->zero;
  for (size_t done = 0; done < n; done += BLOCK) {
    const float *block = x + done;
    size_t m = n - done < BLOCK ? n - done : BLOCK;
    if (m % LANES) {
      memcpy(copy, block, m * sizeof *copy);
      size_t padded = lanes_pad(copy, m, 0.0f);
      forced += padded - m;
      m = padded;
      block = copy;
    }
    divide(block, m, r, sums, kept, v, outside + done / LANES);
    add_errors(x + done, kept, v, m, r, minifloat, before, sums, now);
    count_codes(before, m, BLOCK, sums);
    int32_t *turn = now;
    now = before;
    before = turn;
  }
  size_t rest = n % BLOCK ? (n % BLOCK + LANES - 1) / LANES * LANES : BLOCK;
  count_codes(before, 0, rest, sums);
  if (n % LANES)
    outside[n / LANES] &= (uint8_t)((1u << n % LANES) - 1);
  return forced;
}

/* --- what follows ------------------------------------------------------------------------- */

/* Adds up the tables, without the FORCED zeros. */
static void add_tables(const struct sums *sums, const struct rounder *r, size_t forced,
                       int32_t *count)
{
  uint16_t total[CODES_COUNTED] = {0};
  for (size_t t = 0; t < TABLES; t++)
    for (size_t code = 0; code < CODES_COUNTED; code++)
      total[code] = (uint16_t)(total[code] + sums->count[t][code]);
  for (size_t code = 0; code < CODES_COUNTED; code++)
    count[code] = total[code];
  count[r->zero] -= (int32_t)forced;
}

struct range {
  floats least, most;
  ints at_rail, gone;
};

static int32_t ints_total(ints v)
{
  int32_t total = 0;
  for (size_t k = 0; k < FLOATS; k++)
    total += v[k];
  return total;
}

/* What follows of the reconstructions from the codes, each of which occurs COUNT times. */
static void add_levels(const int32_t *count, const struct rounder *r,
                       const struct tally_bounds *bounds, struct tally *tally)
{
  float y[CODES_COUNTED], times[CODES_COUNTED];
  struct lanes reconstruction2 = {0};
  struct range range = {.least = floats_all(__builtin_inff()),
                        .most = floats_all(-__builtin_inff())};
  ints code;
  for (size_t k = 0; k < FLOATS; k++)
    code[k] = (int32_t)k;
  for (size_t i = 0; i < r->codes; i += FLOATS) {
    ints c, used;
    memcpy(&c, count + i, sizeof c);
    used = c > 0;
    floats level = (floats)((ints)(levels_of(r, code) * r->scale) & used);
    floats t = __builtin_convertvector(c, floats);
    code += FLOATS;
    memcpy(y + i, &level, sizeof level);
    memcpy(times + i, &t, sizeof t);
    ints unused = ~used & (ints)floats_all(__builtin_inff());
    range.least = floats_min(range.least, (floats)((ints)level | unused));
    range.most = floats_max(range.most, (floats)((ints)level | (unused | (~used & INT32_MIN))));
    range.at_rail += c & ((level <= bounds->rail_lo) | (level >= bounds->rail_hi));
    range.gone += c & (level == 0);
  }
  for (size_t i = 0; i < r->codes; i += LANES)
    KERNEL_UNROLL
  for (size_t p = 0; p < PARTS; p++) {
    doubles level = doubles_load(y + i + p * DOUBLES);
    reconstruction2.part[p] += doubles_load(times + i + p * DOUBLES) * (level * level);
  }
  tally->least = __builtin_inff();
  tally->most = -__builtin_inff();
  for (size_t k = 0; k < FLOATS; k++) {
    tally->least = range.least[k] < tally->least ? range.least[k] : tally->least;
    tally->most = range.most[k] > tally->most ? range.most[k] : tally->most;
  }
  tally->least += 0.0f; /* no minus zero */
  tally->most += 0.0f;
  tally->at_rail = (uint64_t)ints_total(range.at_rail);
  tally->flushed = (uint64_t)ints_total(range.gone);
  tally->reconstruction2 = lanes_total(&reconstruction2);
}

static float largest_of(ints v)
{
  int32_t largest = 0;
  for (size_t k = 0; k < FLOATS; k++)
    largest = v[k] > largest ? v[k] : largest;
  return bits_float((uint32_t)largest);
}

/* The tally of the N values inside. 2 x y = x^2 + y^2 - (x - y)^2. */
static struct tally inside_tally(const struct sums *sums, size_t n, size_t forced,
                                 const int32_t *count, const struct rounder *r,
                                 const struct tally_bounds *bounds)
{
  struct tally tally = {.finite = n};
  if (n == 0)
    return tally;
  add_levels(count, r, bounds, &tally);
  tally.error = lanes_total(&sums->error);
  tally.error2 = lanes_total(&sums->error2);
  tally.signal2 = lanes_total(&sums->signal2);
  tally.product = (tally.signal2 + tally.reconstruction2 - tally.error2) / 2;
  if (bounds->bulk >= 0) {
    tally.bulk_error2 = tally.error2;
    tally.bulk_signal2 = tally.signal2;
  }
  tally.max_error = (double)largest_of(sums->worst);
  tally.absmax = largest_of(sums->largest);
  tally.flushed -= (uint64_t)ints_total(sums->zeros) - forced;
  return tally;
}

/* 64 values whose bits are WORD; most often there are none or one, which no branch could foretell.
 * OUT has room for two more than are found. */
static size_t gather_word(const float *x, uint64_t word, float *out)
{
  size_t found = (size_t)__builtin_popcountll(word);
  const uint64_t last = (uint64_t)1 << 63;
  out[0] = x[__builtin_ctzll(word | last)];
  word &= word - 1;
  out[1] = x[__builtin_ctzll(word | last)];
  for (size_t i = 2; i < found; i++) {
    word &= word - 1;
    out[i] = x[__builtin_ctzll(word)];
  }
  return found;
}

/* The values of OUTSIDE, moved together; how many. OUT has room for two more. */
static size_t gather(const float *x, size_t n, const uint8_t *outside, float *out)
{
  size_t found = 0, i = 0;
  for (; i + 64 <= n; i += 64) {
    uint64_t word;
    memcpy(&word, outside + i / LANES, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    found += gather_word(x + i, word, out + found);
  }
  for (; i < n; i += LANES)
    for (uint32_t bits = outside[i / LANES]; bits; bits &= bits - 1)
      out[found++] = x[i + (size_t)__builtin_ctz(bits)];
  return found;
}

/* COUNT: NULL when nobody asks. */
static void add_outside(const float *x, size_t n, const struct rounder *r,
                        const struct tally_bounds *bounds, struct tally *tally, uint32_t *count)
{
  float y[RUN];
  uint16_t codes[RUN];
  if (r->minifloat)
    KERNEL(minifloat_run)(x, n, r->grid, r->unit.scale, y, codes);
  else
    KERNEL(integer_run)(x, n, r->unit, y, codes);
  KERNEL(tally)(x, y, n, bounds, tally);
  for (size_t i = 0; count && i < n; i++)
    count[(uint8_t)codes[i]] += float_magnitude(x[i]) < FLOAT_INFINITY;
}

static void tally_run(const float *x, size_t n, const struct rounder *r,
                      const struct tally_bounds *bounds, struct tally *tally,
                      uint32_t *restrict count)
{
  struct sums sums;
  float others[RUN + 2];
  uint8_t outside[RUN / LANES];
  int32_t counted[CODES_COUNTED];
  memset(&sums, 0, sizeof sums);
  size_t nothing = r->minifloat ? add_run(x, n, r, true, &sums, outside)
                                : add_run(x, n, r, false, &sums, outside);
  size_t found = gather(x, n, outside, others);
  add_tables(&sums, r, nothing + found, counted);
  for (size_t code = 0; code < CODES_COUNTED; code++)
    count[code] += (uint32_t)counted[code];
  const struct tally inside =
      inside_tally(&sums, n - found, nothing - BLOCK + found, counted, r, bounds);
  tally_merge(tally, &inside);
  if (found)
    add_outside(others, found, r, bounds, tally, count);
}

/* The same without codes. */
static void squares_run(const float *x, size_t n, const struct rounder *r,
                        const struct tally_bounds *bounds, struct tally *tally)
{
  struct sums sums;
  float others[RUN + 2];
  uint8_t outside[RUN / LANES];
  memset(&sums, 0, offsetof(struct sums, count));
  if (r->minifloat)
    square_run(x, n, r, true, &sums, outside);
  else
    square_run(x, n, r, false, &sums, outside);
  size_t found = gather(x, n, outside, others);
  const struct tally inside = {.finite = n - found,
                               .error2 = lanes_total(&sums.error2),
                               .signal2 = lanes_total(&sums.signal2),
                               .absmax = largest_of(sums.largest)};
  tally_merge(tally, &inside);
  if (found)
    add_outside(others, found, r, bounds, tally, NULL);
}

/* Between which values lie inside; between none where the unit has levels that are no numbers. */
static void set_inside(struct rounder *r, const struct tally_bounds *bounds)
{
  const float reach = bounds->bulk >= 0 && bounds->bulk < FLT_MAX ? bounds->bulk : FLT_MAX;
  bool usable = r->scale > 0 && r->scale <= FLT_MAX && bounds->rail_lo >= -FLT_MAX &&
                bounds->rail_hi <= FLT_MAX;
  r->lo = bounds->clip_lo > -reach ? bounds->clip_lo : -reach;
  r->hi = bounds->clip_hi < reach ? bounds->clip_hi : reach;
  if (usable)
    return;
  r->scale = 1;
  r->lo = 1;
  r->hi = -1;
}

static void tally_all(const float *x, size_t n, struct rounder *r,
                      const struct tally_bounds *bounds, struct tally *tally, uint32_t *count)
{
  set_inside(r, bounds);
  for (size_t done = 0, m; done < n; done += m) {
    m = n - done < RUN ? n - done : RUN;
    if (count)
      tally_run(x + done, m, r, bounds, tally, count);
    else
      squares_run(x + done, m, r, bounds, tally);
  }
}

void KERNEL(integer_tally)(const float *x, size_t n, struct unit unit,
                           const struct tally_bounds *bounds, struct tally *tally, uint32_t *count)
{
  const uint32_t levels = (uint32_t)(unit.hi - unit.lo) + 1;
  struct rounder r = {.scale = unit.scale,
                      .unit = unit,
                      .first = (int32_t)float_bits(unit.lo + ROUND_MAGIC),
                      .zero = (uint8_t)(int32_t)-unit.lo,
                      .codes = (levels + LANES - 1) / LANES * LANES};
  tally_all(x, n, &r, bounds, tally, count);
}

void KERNEL(minifloat_tally)(const float *x, size_t n, const struct minifloat_grid *grid,
                             float scale, const struct tally_bounds *bounds, struct tally *tally,
                             uint32_t *count)
{
  const uint32_t codes = 1u << grid->bits;
  struct rounder r = {.minifloat = true,
                      .scale = scale,
                      .unit.scale = scale,
                      .grid = grid,
                      .c = minifloat_constants(grid),
                      .codes = codes < LANES ? LANES : codes};
  tally_all(x, n, &r, bounds, tally, count);
}
