/* Groups: neighbours that share a scale, side by side.
 *
 * What bounds it, in cycles for 8 values (memory takes 7 or 8 for their 32 bytes): with AVX-512 the
 * two ports of its vectors, which take 22 operations (2 for the range, 10 or 11 for the round trip,
 * 10 for six sums in double), 11 cycles; with AVX2 three ports and 43, 14. Counts of codes take
 * place beside that, half of them (in pairs). Each group takes some 50 operations more. */
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
#if defined __AVX512F__
  __m256 whole =
      _mm256_min_ps(_mm512_castps512_ps256((__m512)v), _mm512_extractf32x8_ps((__m512)v, 1));
#else
  __m256 whole = (__m256)v;
#endif
  __m128 half = _mm_min_ps(_mm256_castps256_ps128(whole), _mm256_extractf128_ps(whole, 1));
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

/* Numbers up to 255, as bytes. */
KERNEL_INLINE bytes bytes_of(const ints v[BYTES / FLOATS])
{
#if defined __AVX512BW__
  __m512i mixed = _mm512_packus_epi32((__m512i)v[0], (__m512i)v[1]);
  __m256i order = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
  return (bytes)_mm256_permutevar8x32_epi32(_mm512_cvtepi16_epi8(mixed), order);
#elif defined __AVX2__
  __m256i low = _mm256_packus_epi32((__m256i)v[0], (__m256i)v[1]);
  __m256i high = _mm256_packus_epi32((__m256i)v[2], (__m256i)v[3]);
  __m256i mixed = _mm256_packus_epi16(low, high);
  __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  return (bytes)_mm256_permutevar8x32_epi32(mixed, order);
#elif defined __SSE2__
  __m128i low = _mm_packs_epi32((__m128i)v[0], (__m128i)v[1]);
  __m128i high = _mm_packs_epi32((__m128i)v[2], (__m128i)v[3]);
  return (bytes)_mm_packus_epi16(low, high);
#else
  bytes all;
  for (int i = 0; i < BYTES / FLOATS; i++)
    for (int k = 0; k < FLOATS; k++)
      all[i * FLOATS + k] = (uint8_t)v[i][k];
  return all;
#endif
}

/* --- round trips ------------------------------------------------------------------------ */

/* What is found on the way, for all groups of a call. */
struct group_scan {
  uint32_t worst, zeros;        /* bits of the largest |x - y|; how many x are 0 */
  uint64_t flat, at_rail, high; /* codes of 0; of an end of the grid; far from zero */
};

/* The same in vectors. Bytes count up to 255, and a block has fewer vectors. */
struct group_vectors {
  ints worst, zeros;
  bytes flat, at_rail, near; /* not far from zero */
};

/* What codes of a unit mean: ZERO and TOP, and that those of up to WITHIN from FIRST on are not far
 * from zero, within 100/127 of the farther end. */
struct group_codes {
  uint8_t zero, top, first, within;
};

static inline struct group_codes codes_of(const struct unit *unit)
{
  const int zero = (int)-unit->lo, top = (int)(unit->hi - unit->lo);
  const int far = 100 * (zero > top - zero ? zero : top - zero) / 127;
  const int first = zero > far ? zero - far : 0, last = zero + far < 255 ? zero + far : 255;
  return (struct group_codes){(uint8_t)zero, (uint8_t)top, (uint8_t)first, (uint8_t)(last - first)};
}

/* Differences of elements none of which is clipped: such a difference is a float32. Where r = 0 it
 * is x; else |x| is above |y| / 2 and below 2 |y| (P. H. Sterbenz, Floating-Point Computation,
 * 1974), because a quotient that rounds to r is at least r - 1/2, and is above it where r = 1. */
KERNEL_INLINE ints round_vector(const float *x, floats scale, ints first, float *e,
                                struct group_vectors *found)
{
  floats v = floats_load(x), shifted = v / scale + ROUND_MAGIC;
  floats d = v - (shifted - ROUND_MAGIC) * scale;
  memcpy(e, &d, sizeof d);
  found->worst = ints_max(found->worst, (ints)d & INT32_MAX);
  found->zeros -= v == 0;
  return (ints)shifted - first;
}

/* N elements of one unit, a multiple of BYTES. */
KERNEL_INLINE void round_whole(const float *x, size_t n, const struct unit *unit, bool high,
                               float *e, uint8_t *codes, struct group_vectors *found)
{
  const floats scale = (floats){0} + unit->scale;
  const ints first = (ints)((floats){0} + (unit->lo + ROUND_MAGIC));
  const struct group_codes is = codes_of(unit);
  for (size_t i = 0; i < n; i += BYTES) {
    ints code[BYTES / FLOATS];
    KERNEL_UNROLL
    for (size_t k = 0; k < BYTES / FLOATS; k++)
      code[k] = round_vector(x + i + k * FLOATS, scale, first, e + i + k * FLOATS, found);
    const bytes all = bytes_of(code);
    memcpy(codes + i, &all, sizeof all);
    found->flat -= (bytes)(all == is.zero);
    found->at_rail -= (bytes)(all == 0) | (bytes)(all == is.top);
    if (high)
      found->near -= (bytes)((bytes)(all - is.first) <= is.within);
  }
}

static __attribute__((noinline)) void round_few(const float *x, size_t n, const struct unit *unit,
                                                float *e, uint8_t *codes, struct group_scan *scan)
{
  const uint32_t first = float_bits(unit->lo + ROUND_MAGIC);
  const struct group_codes is = codes_of(unit);
  for (size_t i = 0; i < n; i++) {
    float shifted = x[i] / unit->scale + ROUND_MAGIC;
    e[i] = x[i] - (shifted - ROUND_MAGIC) * unit->scale;
    codes[i] = (uint8_t)(float_bits(shifted) - first);
    uint32_t size = float_magnitude(e[i]);
    scan->worst = size > scan->worst ? size : scan->worst;
    scan->zeros += x[i] == 0;
    scan->flat += codes[i] == is.zero;
    scan->at_rail += (codes[i] == 0) | (codes[i] == is.top);
    scan->high += (uint8_t)(codes[i] - is.first) > is.within;
  }
}

/* Of N elements, whose codes are asked for where HIGH. */
static void add_vectors(const struct group_vectors *found, size_t n, bool high,
                        struct group_scan *scan)
{
  for (int k = 0; k < FLOATS; k++) {
    scan->worst = (uint32_t)found->worst[k] > scan->worst ? (uint32_t)found->worst[k] : scan->worst;
    scan->zeros += (uint32_t)found->zeros[k];
  }
  scan->flat += bytes_total(found->flat);
  scan->at_rail += bytes_total(found->at_rail);
  scan->high += high ? n - bytes_total(found->near) : 0;
}

/* The group that the next element lies in, and how many of its elements are left. */
struct group_place {
  const struct unit *unit;
  size_t left, length;
};

/* RAGGED: groups may end anywhere, not at multiples of BYTES alone. HIGH: somebody asks. */
KERNEL_INLINE void round_groups(const float *x, size_t n, bool ragged, bool high,
                                struct group_place *place, float *e, uint8_t *codes,
                                struct group_scan *scan)
{
  struct group_vectors found = {.worst = {0}};
  size_t vectors = 0;
  for (size_t i = 0, m; i < n; i += m) {
    if (place->left == 0) {
      place->unit++;
      place->left = place->length;
    }
    m = n - i < place->left ? n - i : place->left;
    size_t whole = ragged ? m / BYTES * BYTES : m;
    round_whole(x + i, whole, place->unit, high, e + i, codes + i, &found);
    if (ragged && whole < m)
      round_few(x + i + whole, m - whole, place->unit, e + i + whole, codes + i + whole, scan);
    vectors += whole;
    place->left -= m;
  }
  add_vectors(&found, vectors, high, scan);
}

static __attribute__((noinline)) void round_piece(const float *x, size_t n, bool high,
                                                  struct group_place *place, float *e,
                                                  uint8_t *codes, struct group_scan *scan)
{
  if ((n | place->left | place->length) % BYTES)
    round_groups(x, n, true, true, place, e, codes, scan);
  else if (high)
    round_groups(x, n, false, true, place, e, codes, scan);
  else
    round_groups(x, n, false, false, place, e, codes, scan);
}

/* --- sums ------------------------------------------------------------------------------- */

struct group_sums {
  struct lanes error, error2, signal2, moment; /* moment: x (x - y) */
  struct lanes bulk_error2, bulk_signal2;
};

/* TURN elements of X and E; BULK tells which of them are part of it. Both are widened as they are
 * loaded, which takes a processor less. Products of two float32 are exact in double: see tally_sums
 * in tally_kernels.c. Without a branch on the bulk: whether one of a few values is beyond it is
 * what a processor foretells worst. */
KERNEL_INLINE void add_turn(const float *x, const float *e, const chosen *bulk,
                            struct group_sums *sums)
{
  KERNEL_UNROLL
  for (size_t p = 0; p < TURN / DOUBLES; p++) {
    const size_t at = p % PARTS;
    const doubles xd = doubles_load(x + p * DOUBLES), ed = doubles_load(e + p * DOUBLES);
    const chosen_doubles inside = chosen_part(bulk[p * DOUBLES / FLOATS], p % (FLOATS / DOUBLES));
    sums->error.part[at] += ed;
    sums->error2.part[at] = doubles_fma(ed, ed, sums->error2.part[at]);
    sums->signal2.part[at] = doubles_fma(xd, xd, sums->signal2.part[at]);
    sums->moment.part[at] = doubles_fma(xd, ed, sums->moment.part[at]);
    sums->bulk_error2.part[at] = chosen_add_squares(ed, inside, sums->bulk_error2.part[at]);
    sums->bulk_signal2.part[at] = chosen_add_squares(xd, inside, sums->bulk_signal2.part[at]);
  }
}

KERNEL_INLINE struct group_sums sums_copy(const struct group_sums *from)
{
  return (struct group_sums){lanes_copy(&from->error),       lanes_copy(&from->error2),
                             lanes_copy(&from->signal2),     lanes_copy(&from->moment),
                             lanes_copy(&from->bulk_error2), lanes_copy(&from->bulk_signal2)};
}

KERNEL_INLINE void count_code(const struct code_tables *tables, uint8_t code, size_t turn)
{
  tables->count[turn % CODE_COUNTERS * tables->codes + code]++;
}

/* LANES of them. */
KERNEL_INLINE void count_lanes(const struct code_tables *tables, const uint8_t *codes)
{
  if (tables->pairs) {
    KERNEL_UNROLL
    for (size_t k = 0; k < LANES; k += 2)
      count_pair(tables->pairs, codes + k);
    return;
  }
  KERNEL_UNROLL
  for (size_t k = 0; k < LANES; k++)
    count_code(tables, codes[k], k);
}

/* N elements, a multiple of TURN. Their codes are counted on the way, which keeps other units of a
 * processor busy. What the next call will read is fetched. */
KERNEL_INLINE void add_elements(const float *x, const float *e, const uint8_t *codes, size_t n,
                                float bulk, const struct code_tables *tables,
                                struct group_sums *all)
{
  const floats limit = (floats){0} + bulk;
  struct group_sums sums = sums_copy(all);
  for (size_t i = 0; i < n; i += TURN) {
    chosen inside[TURN_VECTORS];
    __builtin_prefetch(x + i + GROUP_ERRORS_MOST);
    KERNEL_UNROLL
    for (size_t k = 0; k < TURN_VECTORS; k++) {
      const ints size = (ints)floats_load(x + i + k * FLOATS) & INT32_MAX;
      inside[k] = chosen_at_most((floats)size, limit);
    }
    add_turn(x + i, e + i, inside, &sums);
    KERNEL_UNROLL
    for (size_t k = 0; tables && k < TURN; k += LANES)
      count_lanes(tables, codes + i + k);
  }
  *all = sums_copy(&sums);
}

static __attribute__((noinline)) void add_sums(const float *x, const float *e, const uint8_t *codes,
                                               size_t n, float bulk,
                                               const struct code_tables *tables,
                                               struct group_sums *all)
{
  if (!tables) {
    add_elements(x, e, codes, n, bulk, NULL, all);
  } else if (tables->pairs) {
    const struct code_tables own = {.pairs = tables->pairs};
    add_elements(x, e, codes, n, bulk, &own, all);
  } else {
    const struct code_tables own = {.count = tables->count, .codes = tables->codes};
    add_elements(x, e, codes, n, bulk, &own, all);
  }
}

/* Fewer than TURN of them. */
static void add_few(const float *x, float *e, const uint8_t *codes, size_t n, float bulk,
                    const struct code_tables *tables, struct group_sums *all)
{
  float copy[TURN] = {0};
  memcpy(copy, x, n * sizeof *x);
  memset(e + n, 0, (TURN - n) * sizeof *e);
  add_sums(copy, e, codes, TURN, bulk, NULL, all);
  for (size_t i = 0; tables && i < n; i++)
    count_code(tables, codes[i], i);
}

/* Room for the pairs of N elements. */
static void make_room(const struct code_tables *tables, size_t n)
{
  uint32_t sums[CODES_COUNTED] = {0};
  if (*tables->paired > UINT16_MAX - n / 2) {
    KERNEL(settle_pairs)(tables->pairs, tables->codes, sums);
    for (size_t code = 0; code < tables->codes; code++)
      tables->count[code] += sums[code];
    *tables->paired = 0;
  }
  *tables->paired += (uint32_t)n / 2;
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
  double max_error = (double)bits_float(scan->worst);
  tally->max_error = max_error > tally->max_error ? max_error : tally->max_error;
  tally->flushed += scan->flat - scan->zeros;
  tally->at_rail += scan->at_rail;
}

size_t KERNEL(group_errors)(const float *x, size_t n, const struct group_row *row, float bulk,
                            const struct code_tables *tables, struct tally *tally, uint64_t *high)
{
  float e[KERNEL_BLOCK];
  uint8_t codes[KERNEL_BLOCK];
  if (n == 0)
    return 0;
  size_t groups = n <= row->first ? 1 : 1 + (n - row->first + row->length - 1) / row->length;
  groups = row->least ? tally_ends(row->least, row->most, groups, row->units, tally)
                      : tally_ranges(x, n, row, groups, tally);
  n = elements_of(row, groups, n);
  if (n == 0)
    return 0;
  if (tables && tables->pairs)
    make_room(tables, n);
  struct group_scan scan = {0};
  struct group_sums sums = {0};
  struct group_place place = {row->units, row->first, row->length};
  for (size_t i = 0; i < n; i += KERNEL_BLOCK) {
    size_t m = n - i < KERNEL_BLOCK ? n - i : KERNEL_BLOCK, whole = m / TURN * TURN;
    round_piece(x + i, m, high != NULL, &place, e, codes, &scan);
    add_sums(x + i, e, codes, whole, bulk, tables, &sums);
    if (m > whole)
      add_few(x + i + whole, e + whole, codes + whole, m - whole, bulk, tables, &sums);
  }
  tally_scan(&scan, tally);
  add_up(&sums, tally);
  tally->finite += n;
  if (high)
    *high += scan.high;
  return n;
}
