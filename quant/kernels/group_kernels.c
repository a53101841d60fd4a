/* Groups: neighbours that share a scale, side by side.
 *
 * What bounds it, in cycles for 8 values (memory takes 7 or 8 for their 32 bytes): with AVX-512 the
 * two ports of its vectors, which take 18 operations (5 for the round trip, 2 for the codes, 11 to
 * widen two numbers and for six sums in double), 9 cycles, and 2 more for the counters of codes,
 * which other units work on meanwhile; with AVX2 three ports and 43 operations, 14, because there
 * are too few registers to do all in one loop, and a block goes through two. Small floats take 6
 * more. Squares alone take 11 of the 18 (AVX-512), 6 cycles: less than memory. Each group takes
 * some 30 operations more, and 28 bytes (its unit and its extremes) that are to be asked for in
 * time: without that, groups of 32 took a sixth longer. */
#include "quant/kernels/bytes.h"
#include "quant/kernels/table.h"

#include <float.h>
#include <stddef.h>

/* Groups of multiples of GRAIN elements take the short way: all that are usual. */
enum { GRAIN = BYTES < 32 ? BYTES : 32 };

/* --- round trips ------------------------------------------------------------------------ */

/* What a call is asked for. */
struct group_wish {
  float bulk;                       /* as in tally_bounds */
  const struct code_tables *tables; /* NULL: nothing but squares and the largest error */
  bool high;                        /* codes far from zero, too */
};

/* What is found on the way, for all groups of a call. */
struct group_scan {
  float worst, least;           /* largest |x - y|; |x|: whether there is a 0 */
  uint64_t flat, at_rail, high; /* codes of 0; of an end of the grid; far from zero */
};

/* The same in vectors. */
struct group_vectors {
  floats worst, least;
  bytes flat, at_rail, near;
};

/* What codes of a unit mean: ZERO and TOP, and that those of up to WITHIN from FIRST on are not far
 * from zero, within 100/127 of the farther end. */
struct group_codes {
  uint8_t zero, top, first, within;
};

static inline struct group_codes codes_of(const struct unit *unit)
{
  const int zero = (int)-unit->lo, top = (int)(unit->hi - unit->lo);
  const int far = (int)(100 * (uint32_t)(zero > top - zero ? zero : top - zero) / 127);
  const int first = zero > far ? zero - far : 0, last = zero + far < 255 ? zero + far : 255;
  return (struct group_codes){(uint8_t)zero, (uint8_t)top, (uint8_t)first, (uint8_t)(last - first)};
}

static inline void fetch(const void *start, size_t length)
{
  for (size_t i = 0; i < length; i += 64)
    __builtin_prefetch((const char *)start + i);
}

/* Units and extremes of groups are asked for so early: more than a call reads of any that are long
 * enough to be common, and few enough to stay in the first cache. */
enum { GROUPS_AHEAD = 128 };

/* Small floats: how quotients are rounded; the least scale whose products with levels are surely
 * not 0; the bit of the sign and the code of the largest number. */
struct small {
  struct minifloat_constants c;
  float least;
  uint8_t sign, top;
};

static struct small small_of(const struct minifloat_grid *grid)
{
  const struct minifloat_constants c = minifloat_constants(grid);
  return (struct small){.c = c,
                        .least = FLT_MIN * (float)(1 << grid->mantissa_bits) / c.min_normal,
                        .sign = (uint8_t)(1u << (grid->bits - 1)),
                        .top = (uint8_t)minifloat_code(grid->max, &c)};
}

/* The group that the next element lies in, and how many of its elements are left. */
struct group_place {
  size_t group, left, length;
};

static inline void place_turn(struct group_place *place)
{
  place->group++;
  place->left = place->length;
}

/* Of MOST elements, those that the group has which the next one lies in. */
static inline size_t place_next(struct group_place *place, size_t most)
{
  if (place->left == 0)
    place_turn(place);
  const size_t taken = most < place->left ? most : place->left;
  place->left -= taken;
  return taken;
}

/* What vectors need of units, made for FLOATS of them at once. */
enum { TABLE = GROUP_ERRORS_MOST / GRAIN + 2 * FLOATS };
struct unit_table {
  bool levels; /* integers whose codes are asked for: all, else the scales alone */
  float scale[TABLE];
  int32_t first[TABLE];
  uint8_t zero[TABLE], below_top[TABLE], near_first[TABLE], near_within[TABLE];
};

/* The unit of FLOATS elements, and what codes of each of BYTES mean. */
struct unit_vectors {
  floats scale;
  ints first;
  bytes zero, below_top, near_first, near_within;
};

/* Unit GROUP from element AT of BYTES on: its scale, and of CODED integers the rest. */
KERNEL_INLINE void take_unit(const struct unit_table *table, size_t group, size_t at, bool coded,
                             bool high, struct unit_vectors *out)
{
  out->scale = (floats){0} + table->scale[group];
  if (!coded)
    return;
  out->first = (ints){0} + table->first[group];
  out->zero = bytes_from(out->zero, at, table->zero[group]);
  out->below_top = bytes_from(out->below_top, at, table->below_top[group]);
  if (!high)
    return;
  out->near_first = bytes_from(out->near_first, at, table->near_first[group]);
  out->near_within = bytes_from(out->near_within, at, table->near_within[group]);
}

/* Differences of elements none of which is clipped: such a difference is a float32. Where r = 0 it
 * is x; else |x| is above |y| / 2 and below 2 |y| (P. H. Sterbenz, Floating-Point Computation,
 * 1974), because a quotient that rounds to r is at least r less half a step, and is above it where
 * r is the first step. The low bytes of the result are codes; of SMALL floats, keys. */
KERNEL_INLINE ints round_vector(const float *x, const struct unit_vectors *unit,
                                const struct small *small, bool coded, float *e,
                                struct group_vectors *found)
{
  floats v = floats_load(x), q = v / unit->scale, r;
  ints code;
  if (small) {
    r = floats_to_grid(q, &small->c, &code);
    code &= UINT8_MAX;
  } else {
    floats shifted = q + ROUND_MAGIC;
    code = (ints)shifted - unit->first;
    r = shifted - ROUND_MAGIC;
  }
  floats d = v - r * unit->scale;
  memcpy(e, &d, sizeof d);
  found->worst = floats_farther(found->worst, d);
  if (coded)
    found->least = floats_nearer(found->least, v);
  return code;
}

/* Codes of KEYS: the negative ones are the codes of magnitudes with the sign. */
KERNEL_INLINE bytes codes_of_keys(bytes keys, uint8_t sign)
{
  const bytes minus = sign - keys;
#if defined __AVX512F__
  return (bytes)_mm512_mask_mov_epi8((__m512i)keys, _mm512_movepi8_mask((__m512i)keys),
                                     (__m512i)minus);
#elif defined __AVX2__
  return (bytes)_mm256_blendv_epi8((__m256i)keys, (__m256i)minus, (__m256i)keys);
#else
  const bytes below = (bytes)(keys > INT8_MAX);
  return (minus & below) | (keys & ~below);
#endif
}

/* The codes of BYTES elements. HIGH: somebody asks for those far from zero. */
KERNEL_INLINE void note_codes(const ints code[BYTES / FLOATS], const struct unit_vectors *unit,
                              const struct small *small, bool high, uint8_t *codes,
                              struct group_vectors *found)
{
  bytes all = bytes_of(code);
  if (small) {
    all = codes_of_keys(all, small->sign);
    found->flat = bytes_count(found->flat, bytes_equal(all, (bytes){0}));
    found->at_rail = bytes_count(
        found->at_rail, bytes_at_least(all & (uint8_t)(small->sign - 1), (bytes){0} + small->top));
  } else {
    found->flat = bytes_count(found->flat, bytes_equal(all, unit->zero));
    /* 0 less 1 is the largest. */
    found->at_rail = bytes_count(found->at_rail, bytes_at_least(all - 1, unit->below_top));
  }
  memcpy(codes, &all, sizeof all);
  if (high)
    found->near =
        bytes_count(found->near, bytes_at_least(unit->near_within, all - unit->near_first));
}

/* N elements of one unit. */
KERNEL_INLINE void round_each(const float *x, size_t n, const struct unit *unit,
                              const struct small *small, float *e, uint8_t *codes,
                              struct group_scan *scan)
{
  const float scale = unit->scale;
  const uint32_t base = float_bits(unit->lo + ROUND_MAGIC);
  const struct group_codes is =
      small ? (struct group_codes){.top = small->top, .within = UINT8_MAX} : codes_of(unit);
  const uint32_t magnitude = small ? small->sign - 1u : UINT8_MAX;
  int32_t worst = (int32_t)float_bits(scan->worst), least = (int32_t)float_bits(scan->least);
  uint32_t flat = 0, at_rail = 0, high = 0;
  for (size_t i = 0; i < n; i++) {
    float v = x[i] / scale, shifted = v + ROUND_MAGIC;
    float r = small ? minifloat_nearest(v, &small->c) : shifted - ROUND_MAGIC;
    uint32_t code = small ? minifloat_code(r, &small->c) : float_bits(shifted) - base;
    float d = x[i] - r * scale;
    int32_t error = (int32_t)float_magnitude(d), size = (int32_t)float_magnitude(x[i]);
    e[i] = d;
    codes[i] = (uint8_t)code;
    worst = error > worst ? error : worst;
    least = size < least ? size : least;
    flat += code == is.zero;
    at_rail += ((code == 0) & !small) | ((code & magnitude) == is.top);
    high += code - is.first > is.within;
  }
  scan->worst = bits_float((uint32_t)worst);
  scan->least = bits_float((uint32_t)least);
  scan->flat += flat;
  scan->at_rail += at_rail;
  scan->high += high;
}

static void round_run(const float *x, size_t n, const struct unit *unit, const struct small *small,
                      float *e, uint8_t *codes, struct group_scan *scan)
{
  if (small)
    round_each(x, n, unit, small, e, codes, scan);
  else
    round_each(x, n, unit, NULL, e, codes, scan);
}

/* Of N elements. */
static void add_vectors(const struct group_vectors *found, size_t n, const struct group_wish *wish,
                        struct group_scan *scan)
{
  const float worst = -floats_least(-found->worst), least = floats_least(found->least);
  scan->worst = worst > scan->worst ? worst : scan->worst;
  if (!wish->tables)
    return;
  scan->least = least < scan->least ? least : scan->least;
  scan->flat += bytes_total(found->flat);
  scan->at_rail += bytes_total(found->at_rail);
  scan->high += wish->high ? n - bytes_total(found->near) : 0;
}

/* --- sums ------------------------------------------------------------------------------- */

struct group_sums {
  struct lanes error2, signal2;
  struct lanes error, moment, bulk_error2, bulk_signal2; /* moment: x (x - y) */
};

KERNEL_INLINE struct group_sums sums_copy(const struct group_sums *from)
{
  return (struct group_sums){lanes_copy(&from->error2),      lanes_copy(&from->signal2),
                             lanes_copy(&from->error),       lanes_copy(&from->moment),
                             lanes_copy(&from->bulk_error2), lanes_copy(&from->bulk_signal2)};
}

/* TURN elements of X and E, where nobody asks for more than squares. */
KERNEL_INLINE void add_squares(const float *x, const float *e, struct group_sums *sums)
{
  KERNEL_UNROLL
  for (size_t p = 0; p < TURN / DOUBLES; p++) {
    const size_t at = p % PARTS;
    const doubles xd = doubles_load(x + p * DOUBLES), ed = doubles_load(e + p * DOUBLES);
    sums->error2.part[at] = doubles_fma(ed, ed, sums->error2.part[at]);
    sums->signal2.part[at] = doubles_fma(xd, xd, sums->signal2.part[at]);
  }
}

/* All sums of TURN elements of X and E. Both are widened as they are loaded, which takes a
 * processor less. Products of two float32 are exact in double: see tally_sums in tally_kernels.c.
 * Without a branch on the bulk: whether one of a few values is beyond it is what a processor
 * foretells worst. */
KERNEL_INLINE void add_turn(const float *x, const float *e, floats bulk, struct group_sums *sums)
{
  chosen inside[TURN_VECTORS];
  KERNEL_UNROLL
  for (size_t k = 0; k < TURN_VECTORS; k++) {
    const floats size = (floats)((ints)floats_load(x + k * FLOATS) & INT32_MAX);
    inside[k] = chosen_at_most(size, bulk);
  }
  KERNEL_UNROLL
  for (size_t p = 0; p < TURN / DOUBLES; p++) {
    const size_t at = p % PARTS;
    const doubles xd = doubles_load(x + p * DOUBLES), ed = doubles_load(e + p * DOUBLES);
    const chosen_doubles in = chosen_part(inside[p * DOUBLES / FLOATS], p % (FLOATS / DOUBLES));
    sums->error.part[at] += ed;
    sums->error2.part[at] = doubles_fma(ed, ed, sums->error2.part[at]);
    sums->signal2.part[at] = doubles_fma(xd, xd, sums->signal2.part[at]);
    sums->moment.part[at] = doubles_fma(xd, ed, sums->moment.part[at]);
    sums->bulk_error2.part[at] = chosen_add_squares(ed, in, sums->bulk_error2.part[at]);
    sums->bulk_signal2.part[at] = chosen_add_squares(xd, in, sums->bulk_signal2.part[at]);
  }
}

KERNEL_INLINE void count_code(const struct code_tables *tables, uint8_t code, size_t turn)
{
  tables->count[turn % CODE_COUNTERS * tables->codes + code]++;
}

/* TURN of them. */
KERNEL_INLINE void count_turn(const struct code_tables *tables, const uint8_t *codes)
{
  KERNEL_UNROLL
  for (size_t k = 0; k < TURN; k += 2) {
    if (tables->pairs) {
      count_pair(tables->pairs, codes + k);
    } else {
      count_code(tables, codes[k], k);
      count_code(tables, codes[k + 1], k + 1);
    }
  }
}

KERNEL_INLINE void add_sums(const float *x, const float *e, const struct group_wish *wish,
                            struct group_sums *sums)
{
  if (wish->tables)
    add_turn(x, e, (floats){0} + wish->bulk, sums);
  else
    add_squares(x, e, sums);
}

/* Fewer than TURN. */
static void add_few(const float *x, float *e, const uint8_t *codes, size_t n,
                    const struct group_wish *wish, struct group_sums *sums)
{
  float copy[TURN] = {0};
  memcpy(copy, x, n * sizeof *x);
  memset(e + n, 0, (TURN - n) * sizeof *e);
  add_sums(copy, e, wish, sums);
  for (size_t i = 0; wish->tables && i < n; i++)
    count_code(wish->tables, codes[i], i);
}

/* Room for the pairs of N elements. */
static void make_room(const struct code_tables *tables, size_t n)
{
  uint32_t sums[CODES_COUNTED] = {0};
  const bool full =
      KERNEL(pairs_room)(tables->pairs, tables->codes, (uint32_t)n / 2, tables->paired, sums);
  for (size_t code = 0; full && code < tables->codes; code++)
    tables->count[code] += sums[code];
}

/* --- both ------------------------------------------------------------------------------- */

/* Codes are counted while elements are added up, which keeps other units of a processor busy. What
 * the next call will read is fetched. */
KERNEL_INLINE void add_coded_turn(const float *x, const float *e, const uint8_t *codes,
                                  const struct group_wish *wish, struct group_sums *sums)
{
  __builtin_prefetch(x + GROUP_ERRORS_MOST);
  add_sums(x, e, wish, sums);
  if (wish->tables)
    count_turn(wish->tables, codes);
}

#ifdef __AVX512F__
enum { WHOLE_MOST = 255 * BYTES };

/* N elements, at most WHOLE_MOST: whole BYTES in groups of whole GRAINs. There are registers for
 * all that is added up: so both are one loop, and their parts fill each other's gaps. Elements of
 * each step are added up in the next, when their errors are known. */
KERNEL_INLINE void add_steps(const float *x, size_t n, const struct unit_table *units,
                             const struct small *small, const struct group_wish *wish,
                             struct group_place *from, struct group_scan *scan,
                             struct group_sums *all)
{
  const bool coded = wish->tables != NULL, levels = coded && !small;
  float e[2 * BYTES];
  uint8_t codes[2 * BYTES];
  struct group_vectors found = {.least = (floats){0} + 1};
  struct group_sums sums = sums_copy(all);
  struct group_place place = *from;
  struct unit_vectors unit = {.scale = {0}};
  bool split = false; /* the last step was of two units */
  take_unit(units, place.group, 0, levels, wish->high, &unit);
  for (size_t i = 0, slot = 0; i <= n; i += BYTES, slot ^= BYTES) {
    ints code[BYTES / FLOATS];
    KERNEL_UNROLL
    for (size_t k = 0; i < n && k < BYTES; k += FLOATS) {
      if (k % GRAIN == 0) {
        if (place.left == 0 || (k == 0 && split)) {
          take_unit(units, place.group + (place.left == 0), k, levels, wish->high, &unit);
          split = k > 0;
        }
        if (place.left == 0)
          place_turn(&place);
        place.left -= GRAIN;
      }
      code[k / FLOATS] = round_vector(x + i + k, &unit, small, coded, e + slot + k, &found);
    }
    if (coded && i < n)
      note_codes(code, &unit, small, wish->high, codes + slot, &found);
    KERNEL_UNROLL
    for (size_t k = 0; i > 0 && k < BYTES; k += TURN)
      add_coded_turn(x + i - BYTES + k, e + (slot ^ BYTES) + k, codes + (slot ^ BYTES) + k, wish,
                     &sums);
  }
  *from = place;
  *all = sums_copy(&sums);
  add_vectors(&found, n, wish, scan);
}

/* A loop for each kind. */
static void add_whole(const float *x, size_t n, const struct unit_table *units,
                      const struct small *small, const struct group_wish *wish,
                      struct group_place *place, struct group_scan *scan, struct group_sums *sums)
{
  const struct group_wish squares = {.tables = NULL};
  const struct code_tables pairs = {.pairs = wish->tables ? wish->tables->pairs : NULL};
  const struct group_wish paired = {wish->bulk, &pairs, false}, far = {wish->bulk, &pairs, true};
  const struct group_wish single = {wish->bulk, wish->tables, true};
  if (!wish->tables && small)
    add_steps(x, n, units, small, &squares, place, scan, sums);
  else if (!wish->tables)
    add_steps(x, n, units, NULL, &squares, place, scan, sums);
  else if (small && pairs.pairs)
    add_steps(x, n, units, small, &paired, place, scan, sums);
  else if (small)
    add_steps(x, n, units, small, &single, place, scan, sums);
  else if (!pairs.pairs)
    add_steps(x, n, units, NULL, &single, place, scan, sums);
  else if (wish->high)
    add_steps(x, n, units, NULL, &far, place, scan, sums);
  else
    add_steps(x, n, units, NULL, &paired, place, scan, sums);
}
#else
enum { WHOLE_MOST = KERNEL_BLOCK };

KERNEL_INLINE void round_groups(const float *x, size_t n, const struct unit_table *units,
                                const struct small *small, const struct group_wish *wish,
                                struct group_place *place, float *e, uint8_t *codes,
                                struct group_scan *scan)
{
  const bool coded = wish->tables != NULL;
  struct group_vectors found = {.least = (floats){0} + 1};
  for (size_t i = 0, end; i < n; i = end) {
    struct unit_vectors unit = {.scale = {0}};
    end = i + place_next(place, n - i);
    take_unit(units, place->group, 0, coded && !small, wish->high, &unit);
    for (; i < end; i += BYTES) {
      ints code[BYTES / FLOATS];
      KERNEL_UNROLL
      for (size_t k = 0; k < BYTES; k += FLOATS)
        code[k / FLOATS] = round_vector(x + i + k, &unit, small, coded, e + i + k, &found);
      if (coded)
        note_codes(code, &unit, small, wish->high, codes + i, &found);
    }
  }
  add_vectors(&found, n, wish, scan);
}

static __attribute__((noinline)) void
round_piece(const float *x, size_t n, const struct unit_table *units, const struct small *small,
            const struct group_wish *wish, struct group_place *place, float *e, uint8_t *codes,
            struct group_scan *scan)
{
  const struct group_wish squares = {.tables = NULL};
  const struct group_wish near = {.tables = wish->tables},
                          far = {.tables = wish->tables, .high = 1};
  if (!wish->tables && small)
    round_groups(x, n, units, small, &squares, place, e, codes, scan);
  else if (!wish->tables)
    round_groups(x, n, units, NULL, &squares, place, e, codes, scan);
  else if (small)
    round_groups(x, n, units, small, &near, place, e, codes, scan);
  else if (wish->high)
    round_groups(x, n, units, NULL, &far, place, e, codes, scan);
  else
    round_groups(x, n, units, NULL, &near, place, e, codes, scan);
}

KERNEL_INLINE void add_kind(const float *x, const float *e, const uint8_t *codes, size_t n,
                            const struct group_wish *wish, struct group_sums *all)
{
  struct group_sums sums = sums_copy(all);
  for (size_t i = 0; i < n; i += TURN)
    add_coded_turn(x + i, e + i, codes + i, wish, &sums);
  *all = sums_copy(&sums);
}

static __attribute__((noinline)) void add_piece(const float *x, const float *e,
                                                const uint8_t *codes, size_t n,
                                                const struct group_wish *wish,
                                                struct group_sums *sums)
{
  const struct code_tables *tables = wish->tables;
  const struct code_tables pairs = {.pairs = tables ? tables->pairs : NULL};
  const struct code_tables single = {.count = tables ? tables->count : NULL,
                                     .codes = tables ? tables->codes : 0};
  if (!tables)
    add_kind(x, e, codes, n, &(struct group_wish){.tables = NULL}, sums);
  else if (pairs.pairs)
    add_kind(x, e, codes, n, &(struct group_wish){wish->bulk, &pairs, false}, sums);
  else
    add_kind(x, e, codes, n, &(struct group_wish){wish->bulk, &single, false}, sums);
}

/* N elements, at most WHOLE_MOST: whole BYTES in groups of whole BYTES. */
static void add_whole(const float *x, size_t n, const struct unit_table *units,
                      const struct small *small, const struct group_wish *wish,
                      struct group_place *place, struct group_scan *scan, struct group_sums *sums)
{
  float e[KERNEL_BLOCK];
  uint8_t codes[KERNEL_BLOCK];
  round_piece(x, n, units, small, wish, place, e, codes, scan);
  add_piece(x, e, codes, n, wish, sums);
}
#endif

/* N elements, at most KERNEL_BLOCK, in groups that may end anywhere. */
static void add_ragged(const float *x, size_t n, const struct unit *units,
                       const struct small *small, const struct group_wish *wish,
                       struct group_place *place, struct group_scan *scan, struct group_sums *sums)
{
  float e[KERNEL_BLOCK];
  uint8_t codes[KERNEL_BLOCK];
  for (size_t i = 0, m; i < n; i += m) {
    m = place_next(place, n - i);
    round_run(x + i, m, units + place->group, small, e + i, codes + i, scan);
  }
  const size_t whole = n / TURN * TURN;
  for (size_t i = 0; i < whole; i += TURN)
    add_coded_turn(x + i, e + i, codes + i, wish, sums);
  if (n > whole)
    add_few(x + whole, e + whole, codes + whole, n - whole, wish, sums);
}

/* y is x - e. SQUARES: of nothing else. */
static void add_up(const struct group_sums *sums, bool squares, struct tally *tally)
{
  double error2 = lanes_total(&sums->error2), signal2 = lanes_total(&sums->signal2);
  double moment = lanes_total(&sums->moment);
  tally->error2 += error2;
  tally->signal2 += signal2;
  if (squares)
    return;
  tally->error += lanes_total(&sums->error);
  tally->bulk_error2 += lanes_total(&sums->bulk_error2);
  tally->bulk_signal2 += lanes_total(&sums->bulk_signal2);
  tally->product += signal2 - moment;
  tally->reconstruction2 += (signal2 - moment) - (moment - error2);
}

/* --- the whole -------------------------------------------------------------------------- */

struct ends {
  floats absmax, least, most; /* of x; of y, but for the sign of a zero */
};

/* Field FIELD, a float, of FLOATS units side by side. */
static inline floats floats_of_units(const struct unit *unit, size_t field)
{
  enum { STEP = sizeof *unit / sizeof(float) };
  const float *x = (const float *)((const char *)unit + field);
#if defined __AVX512F__
  const __m512i numbers = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return (floats)_mm512_i32gather_ps(_mm512_mullo_epi32(numbers, _mm512_set1_epi32(STEP)), x, 4);
#elif defined __AVX2__
  const __m256i numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return (floats)_mm256_i32gather_ps(x, _mm256_mullo_epi32(numbers, _mm256_set1_epi32(STEP)), 4);
#else
  floats v;
  for (size_t k = 0; k < FLOATS; k++)
    v[k] = x[k * STEP];
  return v;
#endif
}

/* The levels of quotients; of small floats that lie far beyond the grid, no number. */
static inline floats levels_of(floats v, const struct small *small)
{
  ints key;
  if (small)
    return floats_to_grid(v, &small->c, &key);
  const floats room =
      (floats){0} + 65536; /* more than any grid has, less than the magic number rounds */
  v = floats_max(floats_min(v, room), -room);
  return (v + ROUND_MAGIC) - ROUND_MAGIC;
}

/* See codes_of; a product and a shift in place of the division by 127, for up to 255. */
static inline void note_units(floats scale, floats lo, floats hi, size_t at,
                              struct unit_table *table)
{
  memcpy(table->scale + at, &scale, sizeof scale);
  if (!table->levels)
    return;
  const floats shifted = lo + ROUND_MAGIC;
  const ints zero = __builtin_convertvector(-lo, ints),
             top = __builtin_convertvector(hi - lo, ints);
  const ints far = ints_max(zero, top - zero) * (100 * 33027) >> 22;
  const ints first = ints_max(zero - far, (ints){0}), last = ints_min(zero + far, (ints){0} + 255);
  memcpy(table->first + at, &shifted, sizeof shifted);
  ints_store_bytes(zero, table->zero + at);
  ints_store_bytes(top - 1, table->below_top + at);
  ints_store_bytes(first, table->near_first + at);
  ints_store_bytes(last - first, table->near_within + at);
}

/* Adds the ends of N <= FLOATS groups to ENDS, but of none from the first on that is clipped, or
 * whose reconstruction may be infinite; how many. */
static size_t add_ends(const float *lo, const float *hi, size_t n, const struct unit *unit,
                       const struct small *small, struct ends *ends, size_t at,
                       struct unit_table *table)
{
  struct unit few[FLOATS];
  if (n == 0)
    return 0;
  fetch(unit + GROUPS_AHEAD, FLOATS * sizeof *unit);
  fetch(lo + GROUPS_AHEAD, FLOATS * sizeof *lo);
  fetch(hi + GROUPS_AHEAD, FLOATS * sizeof *hi);
  for (size_t k = 0; n < FLOATS && k < FLOATS; k++)
    few[k] = unit[k < n ? k : 0];
  unit = n < FLOATS ? few : unit;
  const floats from = floats_some(lo, n), to = floats_some(hi, n);
  const floats scale = floats_of_units(unit, offsetof(struct unit, scale));
  const floats first = floats_of_units(unit, offsetof(struct unit, lo));
  const floats last = floats_of_units(unit, offsetof(struct unit, hi));
  if (table)
    note_units(scale, first, last, at, table);
  const floats a = levels_of(from / scale, small), b = levels_of(to / scale, small);
  /* A negative scale turns nothing over: low ones stay low. */
  const floats low = a * scale, high = b * scale;
  const floats finite = (floats){0} + FLT_MAX;
  const chosen large = small ? chosen_at_most((floats){0} + small->least, scale) : chosen_all();
  const chosen bounded = large & chosen_at_most(high - low, finite);
  const uint32_t fine =
      chosen_bits(bounded & chosen_within(a, first, last) & chosen_within(b, first, last));
  if (fine != chosen_bits(chosen_all()))
    return add_ends(lo, hi, (size_t)__builtin_ctz(~fine), unit, small, ends, at, table);
  ends->absmax = floats_max(ends->absmax, floats_max(-from, to));
  ends->least = floats_min(ends->least, low);
  ends->most = floats_max(ends->most, high);
  return n;
}

/* How many of the groups there are before the first that is clipped; takes note of their ends. */
static size_t tally_ends(const float *lo, const float *hi, size_t groups, const struct unit *unit,
                         const struct small *small, struct unit_table *table, struct tally *tally)
{
  const floats none = (floats){0} + __builtin_inff();
  struct ends ends = {(floats){0} + tally->absmax, none, -none};
  size_t done = 0, n = FLOATS;
  for (; done < groups && n == FLOATS; done += n)
    n = add_ends(lo + done, hi + done, groups - done < FLOATS ? groups - done : FLOATS, unit + done,
                 small, &ends, done, table);
  if (done == 0)
    return 0;
  const float least = floats_least(ends.least) + 0.0f, most = -floats_least(-ends.most) + 0.0f;
  tally->absmax = -floats_least(-ends.absmax);
  tally->least = tally->finite == 0 || least < tally->least ? least : tally->least;
  tally->most = tally->finite == 0 || most > tally->most ? most : tally->most;
  return done;
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
                                                     const struct small *small,
                                                     struct unit_table *table, struct tally *tally)
{
  float lo[GROUP_ERRORS_MOST], hi[GROUP_ERRORS_MOST];
  groups = finite_ranges(x, n, row, groups, lo, hi);
  return tally_ends(lo, hi, groups, row->units, small, table, tally);
}

static void tally_scan(const struct group_scan *scan, const float *x, size_t n, bool squares,
                       struct tally *tally)
{
  const double max_error = (double)scan->worst;
  tally->max_error = max_error > tally->max_error ? max_error : tally->max_error;
  if (squares)
    return;
  tally->flushed += scan->flat - (scan->least == 0 ? count_zeros(x, n) : 0);
  tally->at_rail += scan->at_rail;
}

size_t KERNEL(group_errors)(const float *x, size_t n, const struct group_row *row, float bulk,
                            const struct code_tables *tables, struct tally *tally, uint64_t *high)
{
  if (n == 0)
    return 0;
  const struct small grid = row->grid ? small_of(row->grid) : (struct small){0};
  const struct small *small = row->grid ? &grid : NULL;
  const bool grains = n <= row->first || (row->first | row->length) % GRAIN == 0;
  size_t groups = n <= row->first ? 1 : 1 + (n - row->first + row->length - 1) / row->length;
  struct unit_table units, *table = grains ? &units : NULL;
  units.levels = tables && !small;
  groups = row->least ? tally_ends(row->least, row->most, groups, row->units, small, table, tally)
                      : tally_ranges(x, n, row, groups, small, table, tally);
  n = elements_of(row, groups, n);
  if (n == 0)
    return 0;
  if (tables && tables->pairs)
    make_room(tables, n);
  const struct group_wish wish = {bulk, tables, high != NULL};
  struct group_scan scan = {.least = 1};
  struct group_sums sums = {0};
  struct group_place place = {.left = row->first, .length = row->length};
  const size_t whole = grains ? n / BYTES * BYTES : 0;
  for (size_t i = 0, m; i < whole; i += m) {
    m = whole - i < WHOLE_MOST ? whole - i : WHOLE_MOST;
    add_whole(x + i, m, &units, small, &wish, &place, &scan, &sums);
  }
  for (size_t i = whole, m; i < n; i += m) {
    m = n - i < KERNEL_BLOCK ? n - i : KERNEL_BLOCK;
    add_ragged(x + i, m, row->units, small, &wish, &place, &scan, &sums);
  }
  tally_scan(&scan, x, n, !tables, tally);
  add_up(&sums, !tables, tally);
  tally->finite += n;
  if (high)
    *high += scan.high;
  return n;
}
