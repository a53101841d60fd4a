/* The error pass: what a quantizer with one scale does to a run of values, without keeping their
 * reconstruction.
 *
 * Most values lie inside: neither clipped nor NaN. Their errors are float32 numbers (P. H.
 * Sterbenz, Floating-Point Computation, 1974: x lies within a factor of two of y, or y is 0), so
 * that they need no more than three sums in double; what else is known of them follows from how
 * often each code occurs, once for all runs of a unit. The few beyond the bulk count as 0 at first,
 * and are gathered for a round of their own; those outside are left by it, for the tally of
 * reconstructions that are kept. Processors wait for results, not for units: so each turn of the
 * loop divides, rounds the quotients of the turn before, adds up the errors of the turn before
 * that, and counts codes that were laid down long ago.
 *
 * What bounds it, of int8, in cycles for 8 values (memory takes 7 or 8 for their 32 bytes): with
 * AVX-512 the two ports of its vectors, which take 16 operations (7 for the float32, 9 to widen two
 * numbers and for three sums), 8 cycles; with AVX2 three ports and 31, 10 to 11. Counts of single
 * codes take as long: 8 stores, one a cycle, and 32 of the 6 operations that can begin in a cycle;
 * so neighbours are counted in pairs, which takes half. Small floats take 3 more operations. */
#include "quant/kernels/table.h"

#include <float.h>

enum {
  AHEAD = 512, /* elements from which memory is asked before they are needed */
  RUN = 4096,  /* elements at a time */
  LAG = 64,    /* elements from a code that is laid down to the one that is counted */
  RING = 64,   /* elements of which values and errors are laid down, too */
};

struct rounder {
  bool minifloat, symmetric; /* symmetric: lo = -hi */
  float scale, lo, hi;       /* values that are taken lie between lo and hi */
  struct unit unit;
  const struct minifloat_grid *grid;
  struct minifloat_constants c;
  uint32_t codes; /* number of codes, in whole TURNs */
};

struct sums {
  struct lanes error, error2, signal2;
  floats largest, worst; /* magnitudes of those inside; of their errors */
  ints least;            /* of all x */
};

/* What goes from one turn of the loop to the next: values, 0 for those outside; their quotients;
 * errors of those before. */
struct turn {
  floats kept[TURN_VECTORS], v[TURN_VECTORS], error[TURN_VECTORS];
};

/* The last RING values and errors, where nothing is counted: see lanes_add_squares. */
struct laid {
  float kept[RING], error[RING];
};

enum counting { COUNT_NOTHING, COUNT_CODES, COUNT_PAIRS };

/* --- rounding ---------------------------------------------------------------------------- */

static inline floats floats_all(float x)
{
  return (floats){0} + x;
}

/* KEY: the low byte tells levels apart, 0 is that of 0; see count_inside. Here, the number. */
KERNEL_INLINE floats round_integer(floats v, ints *key)
{
  floats shifted = v + ROUND_MAGIC;
  *key = (ints)shifted;
  return shifted - ROUND_MAGIC;
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

/* Part by part: see lanes_copy. */
KERNEL_INLINE struct sums sums_copy(const struct sums *from)
{
  return (struct sums){lanes_copy(&from->error),
                       lanes_copy(&from->error2),
                       lanes_copy(&from->signal2),
                       from->largest,
                       from->worst,
                       from->least};
}

/* Adds the TURN numbers of V. */
KERNEL_INLINE void lanes_add(const floats *v, struct lanes *sum)
{
  KERNEL_UNROLL
  for (size_t p = 0; p < TURN / DOUBLES; p++)
    sum->part[p % PARTS] += floats_widened(v[p * DOUBLES / FLOATS], p % (FLOATS / DOUBLES));
}

/* Their squares. LAID: where they lie in memory as well, or NULL. What is loaded is widened for
 * less, but there is no room for more stores beside those that count. */
KERNEL_INLINE void lanes_add_squares(const floats *v, const float *laid, struct lanes *sum)
{
  KERNEL_UNROLL
  for (size_t p = 0; p < TURN / DOUBLES; p++) {
    doubles wide = laid ? doubles_load(laid + p * DOUBLES)
                        : floats_widened(v[p * DOUBLES / FLOATS], p % (FLOATS / DOUBLES));
    sum->part[p % PARTS] = doubles_fma(wide, wide, sum->part[p % PARTS]);
  }
}

/* TURN values and their quotients into TURN. A bit for each that is inside. */
KERNEL_INLINE uint32_t divide(const float *x, const struct rounder *r, bool codes,
                              struct turn *turn, struct sums *sums, float *kept)
{
  uint32_t all = 0;
  KERNEL_UNROLL
  for (size_t k = 0; k < TURN_VECTORS; k++) {
    floats a = floats_load(x + k * FLOATS);
    ints size = (ints)a & INT32_MAX;
    chosen inside = r->symmetric ? chosen_at_most((floats)size, floats_all(r->hi))
                                 : chosen_within(a, floats_all(r->lo), floats_all(r->hi));
    all |= chosen_bits(inside) << k * FLOATS;
    if (codes)
      sums->least = ints_min(sums->least, size);
    a = floats_chosen(a, inside);
    sums->largest = floats_farther(sums->largest, a);
    if (!codes)
      memcpy(kept + k * FLOATS, &a, sizeof a);
    turn->kept[k] = a;
    turn->v[k] = a / r->scale;
  }
  if (codes)
    lanes_add_squares(turn->kept, NULL, &sums->signal2);
  return all;
}

/* The errors of what was divided, and the keys of its codes. */
KERNEL_INLINE void round_quotients(const struct rounder *r, bool codes, struct turn *turn,
                                   struct sums *sums, float *error, uint8_t *keys)
{
  KERNEL_UNROLL
  for (size_t k = 0; k < TURN_VECTORS; k++) {
    ints key;
    floats v = turn->v[k];
    floats g = r->minifloat ? floats_to_grid(v, &r->c, &key) : round_integer(v, &key);
    floats e = turn->kept[k] - g * r->scale;
    turn->error[k] = e;
    sums->worst = floats_farther(sums->worst, e);
    if (codes) {
      ints_store_bytes(key, keys + k * FLOATS);
    } else {
      memcpy(error + k * FLOATS, &e, sizeof e);
    }
  }
}

/* Of TURN elements that have been rounded. */
KERNEL_INLINE void add_errors(const struct turn *turn, bool codes, const struct laid *laid,
                              size_t at, struct sums *sums)
{
  if (codes) {
    lanes_add(turn->error, &sums->error);
    lanes_add_squares(turn->error, NULL, &sums->error2);
  } else {
    lanes_add_squares(NULL, laid->kept + at % RING, &sums->signal2);
    lanes_add_squares(NULL, laid->error + at % RING, &sums->error2);
  }
}

KERNEL_INLINE void count_keys(const uint8_t *keys, uint32_t (*count)[CODES_COUNTED])
{
  KERNEL_UNROLL
  for (size_t k = 0; k < LANES; k++)
    count[k % CODE_COUNTERS][keys[k]]++;
}

KERNEL_INLINE void count_pairs(const uint8_t *keys, uint16_t *pairs)
{
  KERNEL_UNROLL
  for (size_t k = 0; k < LANES; k += 2)
    count_pair(pairs, keys + k);
}

/* N values (whole TURNs, at most RUN); asks for the memory from AHEAD on. CODED only where anything
 * is counted; pairs count all but the last LAG. A bit of INSIDE for each. */
KERNEL_INLINE void add_values(const float *x, const float *ahead, size_t n,
                              const struct rounder *rounder, bool minifloat, bool symmetric,
                              enum counting counting, struct sums *sums, struct coded *coded,
                              uint8_t *inside)
{
  const bool codes = counting != COUNT_NOTHING;
  uint16_t *pairs = counting == COUNT_PAIRS ? coded->pairs : NULL;
  uint8_t keys[TURN + RUN]; /* the first turn rounds what nothing has divided */
  struct laid laid = {.kept = {0}};
  struct rounder r = *rounder;
  struct sums s = sums_copy(sums);
  struct turn turn = {0};
  r.minifloat = minifloat;
  r.symmetric = symmetric;
  for (size_t i = 0; i < n; i += TURN) {
    __builtin_prefetch(ahead + i);
    add_errors(&turn, codes, &laid, i - 2 * TURN, &s);
    round_quotients(&r, codes, &turn, &s, laid.error + (i - TURN) % RING, keys + i);
    const uint32_t bits = divide(x + i, &r, codes, &turn, &s, laid.kept + i % RING);
    KERNEL_UNROLL
    for (size_t k = 0; k < TURN / 8; k++)
      inside[i / 8 + k] = (uint8_t)(bits >> 8 * k);
    if (!codes || i < LAG)
      continue;
    KERNEL_UNROLL
    for (size_t k = 0; k < TURN; k += LANES)
      if (counting == COUNT_PAIRS)
        count_pairs(keys + TURN + i - LAG + k, pairs);
      else
        count_keys(keys + TURN + i - LAG + k, coded->inside);
  }
  add_errors(&turn, codes, &laid, n - 2 * TURN, &s);
  round_quotients(&r, codes, &turn, &s, laid.error + (n - TURN) % RING, keys + n);
  add_errors(&turn, codes, &laid, n - TURN, &s);
  for (size_t i = n < LAG ? 0 : n - LAG; codes && i < n; i += LANES)
    count_keys(keys + TURN + i, coded->inside);
  *sums = sums_copy(&s);
}

/* A loop for each kind. */
typedef void values_function(const float *x, const float *ahead, size_t n, const struct rounder *r,
                             struct sums *sums, struct coded *coded, uint8_t *inside);
#define VALUES_FUNCTION(name, minifloat, symmetric, counting)                                      \
  static void name(const float *x, const float *ahead, size_t n, const struct rounder *r,          \
                   struct sums *sums, struct coded *coded, uint8_t *inside)                        \
  {                                                                                                \
    add_values(x, ahead, n, r, minifloat, symmetric, counting, sums, coded, inside);               \
  }
VALUES_FUNCTION(integer_squares, false, false, COUNT_NOTHING)
VALUES_FUNCTION(integer_codes, false, false, COUNT_CODES)
VALUES_FUNCTION(integer_pairs, false, false, COUNT_PAIRS)
VALUES_FUNCTION(even_integer_squares, false, true, COUNT_NOTHING)
VALUES_FUNCTION(even_integer_codes, false, true, COUNT_CODES)
VALUES_FUNCTION(even_integer_pairs, false, true, COUNT_PAIRS)
VALUES_FUNCTION(minifloat_squares, true, false, COUNT_NOTHING)
VALUES_FUNCTION(minifloat_codes, true, false, COUNT_CODES)
VALUES_FUNCTION(minifloat_pairs, true, false, COUNT_PAIRS)
VALUES_FUNCTION(even_minifloat_squares, true, true, COUNT_NOTHING)
VALUES_FUNCTION(even_minifloat_codes, true, true, COUNT_CODES)
VALUES_FUNCTION(even_minifloat_pairs, true, true, COUNT_PAIRS)

static values_function *const values_functions[2][2][3] = {
    {{integer_squares, integer_codes, integer_pairs},
     {even_integer_squares, even_integer_codes, even_integer_pairs}},
    {{minifloat_squares, minifloat_codes, minifloat_pairs},
     {even_minifloat_squares, even_minifloat_codes, even_minifloat_pairs}}};

static enum counting counting_of(const struct coded *coded)
{
  return !coded ? COUNT_NOTHING : coded->pairs ? COUNT_PAIRS : COUNT_CODES;
}

void KERNEL(settle_pairs)(uint16_t *pairs, size_t codes, uint32_t *count)
{
  for (size_t high = 0; high < codes; high++) {
    uint16_t *row = pairs + high * CODES_COUNTED;
    uint32_t sum = 0;
    for (size_t k = 0; k < codes; k++) {
      sum += row[k];
      count[k] += row[k];
      row[k] = 0;
    }
    count[high] += sum;
  }
}

static uint16_t largest_pair(const uint16_t *pairs, size_t codes)
{
  uint16_t most = 0;
  for (size_t i = 0; i < codes * CODES_COUNTED; i++)
    most = pairs[i] > most ? pairs[i] : most;
  return most;
}

bool KERNEL(pairs_room)(uint16_t *pairs, size_t codes, uint32_t more, uint32_t *paired,
                        uint32_t *count)
{
  if (*paired > UINT16_MAX - more)
    *paired = largest_pair(pairs, codes);
  const bool full = *paired > UINT16_MAX - more;
  if (full) {
    KERNEL(settle_pairs)(pairs, codes, count);
    *paired = 0;
  }
  *paired += more;
  return full;
}

/* Room for the pairs of N elements. */
static void make_room(struct coded *coded, size_t n)
{
  uint32_t *count = coded->inside[0];
  if (coded->pairs)
    KERNEL(pairs_room)(coded->pairs, CODES_COUNTED, (uint32_t)n / 2, &coded->paired, count);
}

/* Any N (at most RUN); returns how many zeros were added that stand for nothing, those outside not
 * among them. INSIDE has a bit for each of N; those that follow are 1. */
static size_t add_run(const float *x, size_t n, const struct rounder *r, struct sums *sums,
                      struct coded *coded, uint8_t *inside)
{
  float copy[TURN] = {0};
  size_t whole = n / TURN * TURN;
  values_function *add = values_functions[r->minifloat][r->symmetric][counting_of(coded)];
  add(x, x + AHEAD, whole, r, sums, coded, inside);
  if (whole == n)
    return 0;
  inside += whole / 8;
  memcpy(copy, x + whole, (n - whole) * sizeof *copy);
  add(copy, copy, TURN, r, sums, coded, inside);
  for (size_t i = 0; i < TURN; i++)
    inside[i / 8] |= (uint8_t)((i >= n - whole) << i % 8);
  return whole + TURN - n;
}

/* --- what follows ------------------------------------------------------------------------- */

struct range {
  floats least, most;
  ints at_rail, gone;
};

/* What follows of the reconstructions from the codes, each of which occurs COUNT times. */
static struct tally levels_tally(const uint32_t *count, const struct rounder *r,
                                 const struct tally_bounds *bounds)
{
  float y[CODES_COUNTED];
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
    code += FLOATS;
    memcpy(y + i, &level, sizeof level);
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
    reconstruction2.part[p] += doubles_of(count + i + p * DOUBLES) * (level * level);
  }
  float least = range.least[0], most = range.most[0];
  for (size_t k = 1; k < FLOATS; k++) {
    least = range.least[k] < least ? range.least[k] : least;
    most = range.most[k] > most ? range.most[k] : most;
  }
  least += 0.0f; /* no minus zero */
  most += 0.0f;
  return (struct tally){.reconstruction2 = lanes_total(&reconstruction2),
                        .least = least,
                        .most = most,
                        .at_rail = (uint64_t)ints_total(range.at_rail),
                        .flushed = (uint64_t)ints_total(range.gone)};
}

/* How often each code occurs inside; the two zeros are one. */
static void count_inside(const struct coded *coded, const struct rounder *r, uint32_t *count)
{
  uint32_t total[CODES_COUNTED] = {0};
  for (size_t t = 0; t < CODE_COUNTERS; t++)
    for (size_t key = 0; key < CODES_COUNTED; key++)
      total[key] += coded->inside[t][key];
  const size_t first = (uint8_t)(int32_t)r->unit.lo, sign = FLOAT_SIGN >> r->c.sign_shift;
  if (!r->minifloat) {
    memcpy(count, total + first, (CODES_COUNTED - first) * sizeof *count);
    memcpy(count + CODES_COUNTED - first, total, first * sizeof *count);
    return;
  }
  memset(count, 0, CODES_COUNTED * sizeof *count);
  memcpy(count, total, sign * sizeof *count);
  for (size_t magnitude = 1; magnitude < sign; magnitude++)
    count[sign + magnitude] = total[CODES_COUNTED - magnitude];
}

/* 2 x y = x^2 + y^2 - (x - y)^2. */
static void add_coded(const struct rounder *r, const struct tally_bounds *bounds,
                      struct coded *coded, struct tally *tally, uint32_t *count)
{
  uint32_t inside[CODES_COUNTED];
  uint16_t *pairs = coded->pairs;
  if (coded->paired)
    KERNEL(settle_pairs)(pairs, CODES_COUNTED, coded->inside[0]);
  count_inside(coded, r, inside);
  for (size_t code = 0; code < CODES_COUNTED; code++)
    count[code] += coded->outside[code] + inside[code];
  if (coded->finite) {
    struct tally own = levels_tally(inside, r, bounds);
    own.finite = coded->finite;
    own.product = (coded->signal2 + own.reconstruction2 - coded->error2) / 2;
    own.flushed -= coded->zeros;
    tally_merge(tally, &own);
  }
  memset(coded, 0, sizeof *coded);
  coded->pairs = pairs;
}

/* Of magnitudes. */
static float largest_of(floats v)
{
  return -floats_least(-v);
}

static bool any_zero(ints least)
{
  bool zero = false;
  for (size_t k = 0; k < FLOATS; k++)
    zero |= least[k] == 0;
  return zero;
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

/* A bit for each of 64 that are not inside. */
static uint64_t outside_word(const uint8_t *inside)
{
  uint64_t word;
  memcpy(&word, inside, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  return ~word;
}

/* The values whose bits of INSIDE are 0, moved together; how many. OUT has room for two more. Words
 * with any are listed first: no branch could foretell them. */
static size_t gather(const float *x, size_t n, const uint8_t *inside, float *out)
{
  uint16_t words[RUN / 64];
  size_t listed = 0, found = 0;
  for (size_t i = 0; i + 64 <= n; i += 64) {
    words[listed] = (uint16_t)i;
    listed += outside_word(inside + i / 8) != 0;
  }
  for (size_t k = 0; k < listed; k++)
    found += gather_word(x + words[k], outside_word(inside + words[k] / 8), out + found);
  for (size_t i = n / 64 * 64; i < n; i += 8)
    for (uint32_t bits = (uint8_t)~inside[i / 8]; bits; bits &= bits - 1)
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

/* At most RUN elements: those inside by R, BULK or not. The others into OTHERS, which has room for
 * two more; how many. */
static size_t tally_inside(const float *x, size_t n, const struct rounder *r, bool bulk,
                           struct tally *tally, struct coded *coded, float *others)
{
  struct sums sums = {.least = (ints){0} + INT32_MAX};
  uint8_t bits[RUN / 8];
  if (coded)
    make_room(coded, n);
  size_t forced = add_run(x, n, r, &sums, coded, bits);
  size_t found = gather(x, n, bits, others);
  struct tally inside = {.finite = n - found,
                         .error2 = lanes_total(&sums.error2),
                         .signal2 = lanes_total(&sums.signal2),
                         .absmax = largest_of(sums.largest),
                         .max_error = (double)largest_of(sums.worst),
                         .least = __builtin_inff(),
                         .most = -__builtin_inff()};
  if (coded) {
    inside.error = lanes_total(&sums.error);
    inside.bulk_error2 = bulk ? inside.error2 : 0;
    inside.bulk_signal2 = bulk ? inside.signal2 : 0;
    coded->finite += inside.finite;
    coded->error2 += inside.error2;
    coded->signal2 += inside.signal2;
    if (any_zero(sums.least) && r->lo <= 0 && r->hi >= 0)
      coded->zeros += count_zeros(x, n);
    coded->inside[0][0] -= (uint32_t)(forced + found);
  }
  tally_merge(tally, &inside);
  return found;
}

/* Values beyond the bulk are sought among the others of the first round. */
static void tally_run(const float *x, size_t n, const struct rounder *near,
                      const struct rounder *all, const struct tally_bounds *bounds,
                      struct tally *tally, struct coded *coded)
{
  float others[RUN + 2], clipped[RUN + 2], *left = others;
  size_t found = tally_inside(x, n, near, bounds->bulk >= 0, tally, coded, others);
  if (found && (near->lo != all->lo || near->hi != all->hi)) {
    left = clipped;
    found = tally_inside(others, found, all, false, tally, coded, clipped);
  }
  if (found)
    add_outside(left, found, all, bounds, tally, coded ? coded->outside : NULL);
}

/* R for values of up to REACH that are not clipped; for none where the unit has levels that are no
 * numbers. */
static struct rounder within_reach(const struct rounder *r, const struct tally_bounds *bounds,
                                   float reach)
{
  struct rounder out = *r;
  bool usable = r->scale > 0 && r->scale <= FLT_MAX && bounds->rail_lo >= -FLT_MAX &&
                bounds->rail_hi <= FLT_MAX;
  out.lo = bounds->clip_lo > -reach ? bounds->clip_lo : -reach;
  out.hi = bounds->clip_hi < reach ? bounds->clip_hi : reach;
  out.symmetric = usable && out.lo == -out.hi;
  if (usable)
    return out;
  out.scale = 1;
  out.lo = 1;
  out.hi = -1;
  return out;
}

static void tally_all(const float *x, size_t n, const struct rounder *r,
                      const struct tally_bounds *bounds, struct tally *tally, struct coded *coded)
{
  const bool bulk = bounds->bulk >= 0 && bounds->bulk < FLT_MAX;
  const struct rounder all = within_reach(r, bounds, FLT_MAX);
  const struct rounder near = bulk ? within_reach(r, bounds, bounds->bulk) : all;
  for (size_t done = 0, m; done < n; done += m) {
    m = n - done < RUN ? n - done : RUN;
    tally_run(x + done, m, &near, &all, bounds, tally, coded);
  }
}

static struct rounder integer_rounder(struct unit unit)
{
  const uint32_t levels = (uint32_t)(unit.hi - unit.lo) + 1;
  return (struct rounder){
      .scale = unit.scale, .unit = unit, .codes = (levels + TURN - 1) / TURN * TURN};
}

static struct rounder minifloat_rounder(const struct minifloat_grid *grid, float scale)
{
  const uint32_t codes = 1u << grid->bits;
  return (struct rounder){.minifloat = true,
                          .scale = scale,
                          .unit.scale = scale,
                          .grid = grid,
                          .c = minifloat_constants(grid),
                          .codes = codes < TURN ? TURN : codes};
}

void KERNEL(integer_tally)(const float *x, size_t n, struct unit unit,
                           const struct tally_bounds *bounds, struct tally *tally,
                           struct coded *coded)
{
  struct rounder r = integer_rounder(unit);
  tally_all(x, n, &r, bounds, tally, coded);
}

void KERNEL(minifloat_tally)(const float *x, size_t n, const struct minifloat_grid *grid,
                             float scale, const struct tally_bounds *bounds, struct tally *tally,
                             struct coded *coded)
{
  struct rounder r = minifloat_rounder(grid, scale);
  tally_all(x, n, &r, bounds, tally, coded);
}

void KERNEL(integer_coded)(struct unit unit, const struct tally_bounds *bounds, struct coded *coded,
                           struct tally *tally, uint32_t *count)
{
  const struct rounder r = integer_rounder(unit);
  add_coded(&r, bounds, coded, tally, count);
}

void KERNEL(minifloat_coded)(const struct minifloat_grid *grid, float scale,
                             const struct tally_bounds *bounds, struct coded *coded,
                             struct tally *tally, uint32_t *count)
{
  const struct rounder r = minifloat_rounder(grid, scale);
  add_coded(&r, bounds, coded, tally, count);
}
