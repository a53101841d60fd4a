/* Groups: neighbours that share a scale, side by side. */
#include "quant/kernels/table.h"

/* --- ranges ----------------------------------------------------------------------------- */

/* Bits that are all 0 where no value was infinite or NaN. */
static uint32_t any_bits(ints v)
{
  int32_t any = 0;
  for (int k = 0; k < FLOATS; k++)
    any |= v[k];
  return (uint32_t)any;
}

static float least_of(floats v)
{
#if defined __AVX2__
  __m128 half = _mm_min_ps(_mm256_castps256_ps128((__m256)v), _mm256_extractf128_ps((__m256)v, 1));
  half = _mm_min_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_min_ss(half, _mm_movehdup_ps(half)));
#else
  float least = v[0];
  for (int k = 1; k < FLOATS; k++)
    least = v[k] < least ? v[k] : least;
  return least;
#endif
}

/* N >= FLOATS: the last vector overlaps the one before. Ors into *BAD. */
static void range_of(const float *x, size_t n, float *lo, float *hi, ints *bad)
{
  floats last = floats_load(x + n - FLOATS), least = last, most = last;
  ints odd = *bad | (ints)(last - last);
  for (size_t i = 0; i + FLOATS < n; i += FLOATS) {
    floats v = floats_load(x + i);
    least = floats_min(least, v);
    most = floats_max(most, v);
    odd |= (ints)(v - v);
  }
  *bad = odd;
  /* Adding +0 turns -0 into +0, so that the sign of a zero never depends on the order. */
  *lo = least_of(least) + 0.0f;
  *hi = -least_of(-most) + 0.0f;
}

static void range_of_few(const float *x, size_t n, float *lo, float *hi, ints *bad)
{
  float copy[FLOATS];
  for (size_t k = 0; k < FLOATS; k++)
    copy[k] = x[k < n ? k : 0];
  range_of(copy, FLOATS, lo, hi, bad);
}

bool KERNEL(group_ranges)(const float *x, size_t n, size_t first, size_t length, float *lo,
                          float *hi)
{
  ints bad = {0};
  for (size_t i = 0, m = first; i < n; i += m, m = length) {
    m = n - i < m ? n - i : m;
    (m < FLOATS ? range_of_few : range_of)(x + i, m, lo++, hi++, &bad);
  }
  return any_bits(bad) == 0;
}

/* --- codes in bytes --------------------------------------------------------------------- */

#ifdef __AVX2__
enum { BYTES = 32 };
#else
enum { BYTES = 16 };
#endif
typedef uint8_t bytes __attribute__((vector_size(BYTES)));

static uint32_t bytes_total(bytes v)
{
  uint32_t total = 0;
#if defined __AVX2__
  __m256i sums = _mm256_sad_epu8((__m256i)v, _mm256_setzero_si256());
  for (int k = 0; k < 4; k++)
    total += (uint32_t)((long long __attribute__((vector_size(32))))sums)[k];
#else
  for (int k = 0; k < BYTES; k++)
    total += v[k];
#endif
  return total;
}

static bytes bytes_load(const uint8_t *from)
{
  bytes v;
  memcpy(&v, from, sizeof v);
  return v;
}

/* Four vectors of numbers up to 255, as bytes. */
KERNEL_INLINE void bytes_store(const ints v[4], uint8_t *to)
{
#if defined __AVX2__
  __m256i low = _mm256_packus_epi32((__m256i)v[0], (__m256i)v[1]);
  __m256i high = _mm256_packus_epi32((__m256i)v[2], (__m256i)v[3]);
  __m256i mixed = _mm256_packus_epi16(low, high);
  __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  _mm256_storeu_si256((__m256i *)to, _mm256_permutevar8x32_epi32(mixed, order));
#elif defined __SSE2__
  __m128i low = _mm_packs_epi32((__m128i)v[0], (__m128i)v[1]);
  __m128i high = _mm_packs_epi32((__m128i)v[2], (__m128i)v[3]);
  _mm_storeu_si128((__m128i *)to, _mm_packus_epi16(low, high));
#else
  for (int i = 0; i < 4; i++)
    for (int k = 0; k < FLOATS; k++)
      to[i * FLOATS + k] = (uint8_t)v[i][k];
#endif
}

void KERNEL(byte_counts)(const uint8_t *codes, size_t n, size_t values, uint64_t *counts)
{
  enum { MOST = 255 * BYTES };
  size_t whole = n / BYTES * BYTES;
  for (size_t done = 0; done < whole; done += MOST) {
    size_t end = whole - done < MOST ? whole : done + MOST;
    for (size_t value = 0; value < values; value += 2) {
      bytes a = {0}, b = {0};
      for (size_t i = done; i < end; i += BYTES) {
        bytes code = bytes_load(codes + i);
        a -= (bytes)(code == (uint8_t)value);
        b -= (bytes)(code == (uint8_t)(value + 1));
      }
      counts[value] += bytes_total(a);
      if (value + 1 < values)
        counts[value + 1] += bytes_total(b);
    }
  }
  for (size_t i = whole; i < n; i++)
    counts[codes[i]]++;
}

/* --- round trips ------------------------------------------------------------------------ */

/* What is found on the way, for all groups of a call. */
struct group_scan {
  ints worst, zeros;             /* bits of the largest |x - y|; how many x are 0 */
  uint32_t worst_few, zeros_few; /* the same of the last elements of groups */
  bytes flat, at_rail, high;     /* codes of 0; of an end of the grid; far from zero: in a block */
  uint64_t flat_all, at_rail_all, high_all; /* so far */
};

/* Differences of elements none of which is clipped: such a difference is a float32. Where r = 0 it
 * is x; else |x| is above |y| / 2 and below 2 |y| (P. H. Sterbenz, Floating-Point Computation,
 * 1974), because a quotient that rounds to r is at least r - 1/2, and is above it where r = 1. */
KERNEL_INLINE ints group_vector(const float *x, floats scale, ints first, float *e, ints *worst,
                                ints *zeros)
{
  floats v = floats_load(x), shifted = v / scale + ROUND_MAGIC;
  floats d = v - (shifted - ROUND_MAGIC) * scale;
  memcpy(e, &d, sizeof d);
  *worst = ints_max(*worst, (ints)d & INT32_MAX);
  *zeros -= v == 0;
  return (ints)shifted - first;
}

static void group_few(const float *x, size_t n, const struct unit *unit, float *e, uint8_t *codes,
                      struct group_scan *scan)
{
  const uint32_t first = float_bits(unit->lo + ROUND_MAGIC);
  for (size_t i = 0; i < n; i++) {
    float shifted = x[i] / unit->scale + ROUND_MAGIC;
    e[i] = x[i] - (shifted - ROUND_MAGIC) * unit->scale;
    codes[i] = (uint8_t)(float_bits(shifted) - first);
    uint32_t size = float_magnitude(e[i]);
    scan->worst_few = size > scan->worst_few ? size : scan->worst_few;
    scan->zeros_few += x[i] == 0;
  }
}

static void group_round(const float *x, size_t n, const struct unit *unit, float *e, uint8_t *codes,
                        struct group_scan *scan)
{
  const floats scale = (floats){0} + unit->scale;
  const ints first = (ints)((floats){0} + (unit->lo + ROUND_MAGIC));
  ints worst = scan->worst, zeros = scan->zeros;
  size_t i = 0;
  for (; i + 4 * FLOATS <= n; i += 4 * FLOATS) {
    const ints code[4] = {
        group_vector(x + i, scale, first, e + i, &worst, &zeros),
        group_vector(x + i + FLOATS, scale, first, e + i + FLOATS, &worst, &zeros),
        group_vector(x + i + 2 * FLOATS, scale, first, e + i + 2 * FLOATS, &worst, &zeros),
        group_vector(x + i + 3 * FLOATS, scale, first, e + i + 3 * FLOATS, &worst, &zeros)};
    bytes_store(code, codes + i);
  }
  scan->worst = worst;
  scan->zeros = zeros;
  group_few(x + i, n - i, unit, e + i, codes + i, scan);
}

/* Codes of 0, of the ends, and those beyond 100/127 of the farther end. */
static void group_codes(const uint8_t *codes, size_t n, const struct unit *unit,
                        struct group_scan *scan)
{
  const int zero = (int)-unit->lo, top = (int)(unit->hi - unit->lo);
  const int far = 100 * (zero > top - zero ? zero : top - zero) / 127;
  const uint8_t first = (uint8_t)(zero > far ? zero - far : 0);
  const uint8_t within = (uint8_t)((zero + far < 255 ? zero + far : 255) - first);
  bytes flat = scan->flat, at_rail = scan->at_rail, high = scan->high;
  size_t i = 0;
  for (; i + BYTES <= n; i += BYTES) {
    bytes code = bytes_load(codes + i);
    flat -= (bytes)(code == (uint8_t)zero);
    at_rail -= (bytes)(code == 0) | (bytes)(code == (uint8_t)top);
    high -= (bytes)((bytes)(code - first) > within);
  }
  scan->flat = flat;
  scan->at_rail = at_rail;
  scan->high = high;
  for (; i < n; i++) {
    scan->flat_all += codes[i] == zero;
    scan->at_rail_all += (codes[i] == 0) | (codes[i] == top);
    scan->high_all += (uint8_t)(codes[i] - first) > within;
  }
}

/* Before the bytes are full: a block has fewer vectors than a byte counts. */
static void add_bytes(struct group_scan *scan)
{
  scan->flat_all += bytes_total(scan->flat);
  scan->at_rail_all += bytes_total(scan->at_rail);
  scan->high_all += bytes_total(scan->high);
  scan->flat = scan->at_rail = scan->high = (bytes){0};
}

/* The group that the next element lies in, and how many of its elements are left. */
struct group_place {
  const struct unit *unit;
  size_t left, length;
};

static void round_piece(const float *x, size_t n, struct group_place *place, float *e,
                        uint8_t *codes, struct group_scan *scan)
{
  for (size_t i = 0, m; i < n; i += m) {
    if (place->left == 0) {
      place->unit++;
      place->left = place->length;
    }
    m = n - i < place->left ? n - i : place->left;
    group_round(x + i, m, place->unit, e + i, codes + i, scan);
    group_codes(codes + i, m, place->unit, scan);
    place->left -= m;
  }
  add_bytes(scan);
}

/* --- sums ------------------------------------------------------------------------------- */

struct group_sums {
  struct lanes error, error2, signal2, moment; /* moment: x (x - y) */
  struct lanes bulk_error2, bulk_signal2;
};

/* One vector of X and E to the sums of the lanes from LANE on. Products of two float32 are exact in
 * double: see tally_sums in tally_kernels.c. Without a branch on the bulk: whether one of a few
 * values is beyond it is what a processor foretells worst. */
KERNEL_INLINE void add_vector(floats x, floats e, chosen bulk, size_t lane, struct group_sums *sums)
{
  for (size_t p = 0; p < FLOATS / DOUBLES; p++) {
    size_t at = lane / DOUBLES + p;
    doubles xd = floats_widened(x, p), ed = floats_widened(e, p);
    sums->error.part[at] += ed;
    sums->error2.part[at] = doubles_fma(ed, ed, sums->error2.part[at]);
    sums->signal2.part[at] = doubles_fma(xd, xd, sums->signal2.part[at]);
    sums->moment.part[at] = doubles_fma(xd, ed, sums->moment.part[at]);
    sums->bulk_error2.part[at] = chosen_add_squares(e, bulk, p, sums->bulk_error2.part[at]);
    sums->bulk_signal2.part[at] = chosen_add_squares(x, bulk, p, sums->bulk_signal2.part[at]);
  }
}

KERNEL_INLINE struct group_sums sums_copy(const struct group_sums *from)
{
  return (struct group_sums){lanes_copy(&from->error),       lanes_copy(&from->error2),
                             lanes_copy(&from->signal2),     lanes_copy(&from->moment),
                             lanes_copy(&from->bulk_error2), lanes_copy(&from->bulk_signal2)};
}

/* N elements, a multiple of LANES. What the next call will read is fetched on the way. */
static __attribute__((noinline)) void add_sums(const float *x, const float *e, size_t n, float bulk,
                                               struct group_sums *all)
{
  const floats limit = (floats){0} + bulk;
  struct group_sums sums = sums_copy(all);
  for (size_t i = 0; i < n; i += LANES) {
    __builtin_prefetch(x + i + GROUP_ERRORS_MOST);
    for (size_t h = 0; h < LANES; h += FLOATS) {
      floats v = floats_load(x + i + h), size = (floats)((ints)v & INT32_MAX);
      add_vector(v, floats_load(e + i + h), chosen_at_most(size, limit), h, &sums);
    }
  }
  *all = sums_copy(&sums);
}

/* y is x - e. */
static void add_up(const struct group_sums *sums, struct tally *tally)
{
  double error2 = lanes_total(&sums->error2), signal2 = lanes_total(&sums->signal2);
  double moment = lanes_total(&sums->moment);
  tally->error += lanes_total(&sums->error);
  tally->error2 += error2;
  tally->bulk_error2 += lanes_total(&sums->bulk_error2);
  tally->bulk_signal2 += lanes_total(&sums->bulk_signal2);
  tally->signal2 += signal2;
  tally->product += signal2 - moment;
  tally->reconstruction2 += (signal2 - moment) - (moment - error2);
}

/* --- the whole -------------------------------------------------------------------------- */

struct ends {
  float absmax, least, most; /* of x; of y, but for the sign of a zero */
  int32_t clips;             /* not 0: some end is clipped, or its reconstruction may be infinite */
};

/* Adds the ends of N <= KERNEL_BLOCK groups. */
static void add_ends(const float *lo, const float *hi, size_t n, const struct unit *unit,
                     struct ends *ends)
{
  const float room = 65536; /* more than any grid has, less than the magic number rounds */
  float scale[KERNEL_BLOCK], first[KERNEL_BLOCK], last[KERNEL_BLOCK];
  float absmax = ends->absmax, least = ends->least, most = ends->most;
  int32_t clips = 0;
  for (size_t g = 0; g < n; g++) {
    scale[g] = unit[g].scale;
    first[g] = unit[g].lo;
    last[g] = unit[g].hi;
  }
  for (size_t g = 0; g < n; g++) {
    float a = lo[g] / scale[g], b = hi[g] / scale[g], size = -lo[g] > hi[g] ? -lo[g] : hi[g];
    a = a < -room ? -room : a > room ? room : a;
    b = b < -room ? -room : b > room ? room : b;
    a = (a + ROUND_MAGIC) - ROUND_MAGIC;
    b = (b + ROUND_MAGIC) - ROUND_MAGIC;
    /* A negative scale turns nothing over: low ones stay low. */
    float low = a * scale[g], high = b * scale[g];
    clips |= (a < first[g]) | (a > last[g]) | (b < first[g]) | (b > last[g]) |
             !(high - low < __builtin_inff());
    absmax = size > absmax ? size : absmax;
    least = low < least ? low : least;
    most = high > most ? high : most;
  }
  *ends = (struct ends){absmax, least, most, ends->clips | clips};
}

/* How many of N groups there are before the first that is clipped. */
static size_t before_clips(const float *lo, const float *hi, size_t n, const struct unit *unit)
{
  struct ends one = {0};
  for (size_t g = 0; g < n; g++) {
    add_ends(lo + g, hi + g, 1, unit + g, &one);
    if (one.clips)
      return g;
  }
  return n;
}

/* How many of the groups there are before the first that is clipped; takes note of their ends. */
static size_t tally_ends(const float *lo, const float *hi, size_t groups, const struct unit *unit,
                         struct tally *tally)
{
  struct ends ends = {tally->absmax, __builtin_inff(), -__builtin_inff(), 0};
  size_t done = 0;
  for (size_t n; done < groups; done += n) {
    const struct ends before = ends;
    n = groups - done < KERNEL_BLOCK ? groups - done : KERNEL_BLOCK;
    add_ends(lo + done, hi + done, n, unit + done, &ends);
    if (!ends.clips)
      continue;
    groups = done + before_clips(lo + done, hi + done, n, unit + done);
    n = groups - done;
    ends = before;
    add_ends(lo + done, hi + done, n, unit + done, &ends);
  }
  if (groups == 0)
    return 0;
  ends.least += 0.0f;
  ends.most += 0.0f;
  tally->absmax = ends.absmax;
  tally->least = tally->finite == 0 || ends.least < tally->least ? ends.least : tally->least;
  tally->most = tally->finite == 0 || ends.most > tally->most ? ends.most : tally->most;
  return groups;
}

/* Elements of so many groups, the last of which may be cut short. */
static size_t elements_of(const struct group_row *row, size_t groups, size_t n)
{
  size_t all = groups == 0 ? 0 : row->first + (groups - 1) * row->length;
  return all < n ? all : n;
}

/* The ranges of the groups before the first that has a value which is not finite; how many. */
static size_t finite_ranges(const float *x, size_t n, const struct group_row *row, size_t groups,
                            float *lo, float *hi)
{
  if (KERNEL(group_ranges)(x, n, row->first, row->length, lo, hi))
    return groups;
  for (size_t g = 0; g < groups; g++) {
    size_t start = elements_of(row, g, n), end = elements_of(row, g + 1, n);
    if (!KERNEL(group_ranges)(x + start, end - start, row->length, row->length, lo + g, hi + g))
      return g;
  }
  return groups;
}

/* The same without knowing them. */
static __attribute__((noinline)) size_t tally_ranges(const float *x, size_t n,
                                                     const struct group_row *row, size_t groups,
                                                     struct tally *tally)
{
  float lo[GROUP_ERRORS_MOST], hi[GROUP_ERRORS_MOST];
  groups = finite_ranges(x, n, row, groups, lo, hi);
  return tally_ends(lo, hi, groups, row->units, tally);
}

static void tally_scan(const struct group_scan *scan, struct tally *tally)
{
  uint32_t worst = scan->worst_few;
  uint64_t zeros = scan->zeros_few;
  for (int k = 0; k < FLOATS; k++) {
    worst = (uint32_t)scan->worst[k] > worst ? (uint32_t)scan->worst[k] : worst;
    zeros += (uint32_t)scan->zeros[k];
  }
  double max_error = (double)bits_float(worst);
  tally->max_error = max_error > tally->max_error ? max_error : tally->max_error;
  tally->flushed += scan->flat_all - zeros;
  tally->at_rail += scan->at_rail_all;
}

size_t KERNEL(group_errors)(const float *x, size_t n, const struct group_row *row, float bulk,
                            uint8_t *codes, struct tally *tally, uint64_t *high)
{
  float e[KERNEL_BLOCK], copy[LANES] = {0};
  if (n == 0)
    return 0;
  size_t groups = n <= row->first ? 1 : 1 + (n - row->first + row->length - 1) / row->length;
  groups = row->least ? tally_ends(row->least, row->most, groups, row->units, tally)
                      : tally_ranges(x, n, row, groups, tally);
  n = elements_of(row, groups, n);
  if (n == 0)
    return 0;
  struct group_scan scan = {.worst = {0}};
  struct group_sums sums = {0};
  struct group_place place = {row->units, row->first, row->length};
  for (size_t i = 0; i < n; i += KERNEL_BLOCK) {
    size_t m = n - i < KERNEL_BLOCK ? n - i : KERNEL_BLOCK, whole = m / LANES * LANES;
    round_piece(x + i, m, &place, e, codes + i, &scan);
    add_sums(x + i, e, whole, bulk, &sums);
    if (m > whole) {
      memcpy(copy, x + i + whole, (m - whole) * sizeof *x);
      memset(e + m, 0, (whole + LANES - m) * sizeof *e);
      add_sums(copy, e + whole, LANES, bulk, &sums);
    }
  }
  tally_scan(&scan, tally);
  add_up(&sums, tally);
  tally->finite += n;
  *high += scan.high_all;
  return n;
}
