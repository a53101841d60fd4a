/* The kernel table: the inner loops, compiled once for each instruction set from one plain C
 * source and chosen once at start. All levels give identical bits; tests/quant/test_kernels,
 * test_kernel_sums and test_search_bounds prove it. The table's initial value is the baseline, so
 * forgetting kernels_init is slow, not wrong.
 *
 * Ownership: kernels borrow arrays for the call. Threads: kernels_init once, before threads
 * start; the table is constant afterwards. Arrays need no alignment. */
#ifndef QSCOPE_QUANT_KERNELS_H
#define QSCOPE_QUANT_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How x / scale becomes a grid value. */
enum rounding {
  ROUND_EVEN,       /* nearest, ties to even: the default */
  ROUND_AWAY,       /* nearest, ties away from zero */
  ROUND_ZERO,       /* towards zero */
  ROUND_STOCHASTIC, /* up or down with probability given by the distance; depends on seed and
                       element index only */
};

/* How an integer code comes about: references round the same quotient at different places. DIVIDE
 * is ours; the others are asked for by name (arithmetic=) and by presets. z is the zero point,
 * lo..hi the codes, s the scale, all in float32. */
enum arithmetic {
  ARITHMETIC_DIVIDE,      /* clamp(rint(x / s) + z), (q - z) s: ONNX QuantizeLinear, GPTQ, AWQ */
  ARITHMETIC_RECIPROCAL,  /* clamp(rint(x (1 / s)) + z): PyTorch */
  ARITHMETIC_ZERO_FIRST,  /* rint(clamp(x / s + z)): compressed-tensors */
  ARITHMETIC_CLAMP_FIRST, /* x clamped to the range, then x / s + z rounded half up: AIMET */
  ARITHMETIC_MULTIPLY,    /* clamp(rint(x m)), q / m with m = max / absmax: NVIDIA */
  ARITHMETIC_OFFSET, /* clamp(rint((x - offset) / s)), q s + offset: rules with a free minimum */
};

/* One unit: its scale and the ends of its grid at scale 1. Integers: grid value r = round(x /
 * scale) clamped to lo..hi, reconstruction r * scale, code r - lo (0..levels-1). For the asymmetric
 * scheme lo = -zero_point and hi = levels - 1 - zero_point; so zero is always exactly on the grid.
 */
struct unit {
  float scale;
  float lo, hi; /* integers: whole numbers, |.| <= 65535 */
  float offset; /* ARITHMETIC_OFFSET; else 0 */
  union {
    float zero;       /* ARITHMETIC_ZERO_FIRST: the zero point */
    float multiplier; /* ARITHMETIC_MULTIPLY */
  };
};

/* Small-float grid: sign, exponent, mantissa; see struct format. Value = grid * scale. */
struct minifloat_grid {
  int mantissa_bits, min_exponent; /* of the smallest normal number, unbiased: -6 for e4m3 */
  float max;                       /* largest finite value */
  int bits, exponent_bits;
  enum minifloat_top {
    TOP_FINITE, /* every code is a number: infinity is clamped, NaN becomes a zero */
    TOP_IEEE,   /* infinity and NaN in the top exponent */
    TOP_FN,     /* no infinity; NaN is all ones */
    TOP_FNUZ,   /* no infinity, no minus zero: its code is the NaN */
  } top;
  bool nonfinite; /* finite values beyond max become what infinity becomes; else they become max */
};

/* Values that share a bucket: at most one bound parts them, so that two levels are left. */
struct codebook_bucket {
  float bound;     /* x above it is the higher level; +inf where none parts the bucket */
  float low, high; /* the levels */
  uint32_t pair;   /* their codes, the higher level's in the high half; see codebook_buckets */
};

/* Which bucket x is in grows with x. LINEAR: (x - low) * slope. Otherwise by the bits of x above
 * SHIFT, so that each octave has as many: COUNT for the positive x from BASE on, outwards, and as
 * many before them for the negative ones. The outermost buckets hold all that is beyond. */
struct codebook_buckets {
  const struct codebook_bucket *at;
  bool linear;
  float low, slope, last;
  int32_t base, count;
  uint32_t shift;
  int32_t within; /* 1; or so many bounds may part a bucket (2^k - 1), and PAIR is a rank */
};

/* Sorted levels. Codes are ranks, or what CODE makes of them. LEVEL has SIZE entries, a power of
 * two that is at least COUNT, BOUND twice as many, so that a search needs no test for the end. */
struct codebook {
  size_t count, size;
  const float *level;   /* ascending; the last one is repeated */
  const float *bound;   /* x at or below bound[k] is at most level k; the rest is +inf */
  const uint16_t *code; /* of a rank; NULL: the rank itself */
  uint16_t zero;        /* rank of the level nearest to 0 */
  struct codebook_buckets buckets;
};

/* Sums over a block, each in eight double lanes that are added up in a fixed order: element i
 * goes to lane i % 8, once non-finite x have been taken out. */
struct tally {
  double error, error2, clipped_error2, signal2, reconstruction2, product;
  double bulk_error2, bulk_signal2;
  double max_error;
  uint64_t finite, clipped, at_rail, flushed; /* flushed: x != 0 became 0 */
  float absmax;                               /* of x; 0 when none is finite */
  float least, most; /* finite y; +inf / -inf when there is none, 0 / 0 of a tally of nothing */
};

/* What the tally needs to know of a unit, in the domain of x and y. */
struct tally_bounds {
  float clip_lo, clip_hi; /* x below / above: the clamp changed the rounded code */
  float rail_lo, rail_hi; /* reconstructions of the lowest and the highest code */
  float bulk;             /* |x| at or below belongs to the bulk */
};

struct extremes {
  float min, max; /* of the finite values; +inf / -inf when there is none */
  uint64_t finite, nan, inf, zeros;
};

/* The mean, and the sums of the second to fourth powers of x - mean. */
struct central_moments {
  double mean, m2, m3, m4;
};

/* Sums of x, y, x^2, x y and y^2. */
struct line_sums {
  double x, y, xx, xy, yy;
};

/* Of errors d^p: their sum; of those whose level stays, the same, and what their slope and their
 * curvature follow from. */
struct kept_sums {
  double error, kept, slope, curve;
};

/* Magnitudes FIRST to END - 1 and their rungs at scale 1. Those from low[k] to high[k] - 1 do not
 * keep theirs; both ascend with k. */
struct rungs {
  const double *size, *weight;
  const float *rung;
  size_t first, end, passes;
  const uint32_t *low, *high;
  double *power; /* takes the powers of the distances; or NULL */
};

/* Two sums that grow together. */
typedef double kernel_pair __attribute__((vector_size(2 * sizeof(double))));

/* How magnitudes that ascend pass the middle between two levels as the scale s shrinks: magnitude x
 * in bucket per_size / x - offset of 1 / s, at most LAST (below 2^30); and what the levels gain. */
struct crossing {
  double per_size, offset, last;
  kernel_pair rise;
};

/* How values pass the middle between two levels as the scale grows: size x at x per_middle, where
 * its error is share[0] of its mass. Before and behind, the error lies above two lines each, the
 * first from there on, the second share[1] of the mass high there: their slopes for a pull of 1,
 * and how far they go for a size of 1: the first until the second is higher, that one down to 0. */
struct level_pass {
  double per_middle, share[2];
  double up[2], down[2], up_reach[2], down_reach[2];
};

/* BUCKETS of scales from FROM on; lines are given by where they are at MIDDLE, and their slopes. */
struct broken {
  double from, middle, width;
  size_t buckets;
  kernel_pair *change; /* what is added to all buckets from each on; one more */
  kernel_pair *within; /* to one bucket */
};

/* last + 1 equal bins over lo..hi, which is not empty: bin of v is floor((v - lo) * per_unit) in
 * double, at most LAST. Behind them, counters for what is below lo, above hi, infinite or NaN. */
struct bin_edges {
  double lo, hi, per_unit, last; /* per_unit: (last + 1) / (hi - lo); last: at most 2^30 */
};
enum { BINS_OUTSIDE = 3 };

/* Of the values in a bin: of their errors |x - y| the sum, the sum of the squares of those that are
 * finite, and the largest; and their number, a whole one. */
struct error_bin {
  double sum, squares, count, most;
};

/* Units side by side: the group of the first has FIRST elements, the others LENGTH. */
struct group_row {
  const struct unit *units;
  const struct minifloat_grid *grid; /* small floats, without the exponents of float32; or NULL */
  size_t first, length;
  const float *least, *most; /* value of each group, of all of it, all finite; NULL: not known */
};
enum { GROUP_ERRORS_MOST = 4096 }; /* elements of a call */
enum { CODES_COUNTED = 256, CODE_COUNTERS = 4, CODE_PAIRS = CODES_COUNTED * CODES_COUNTED };

/* CODE_COUNTERS tables of CODES counters, one behind the other, that take turns, so that equal
 * neighbours do not wait for each other; to be added up. A processor counts at most once a cycle:
 * so PAIRS may be CODE_PAIRS counters of two neighbouring codes each, none above *PAIRED; what they
 * hold at the end is for settle_pairs. */
struct code_tables {
  uint64_t *count;
  size_t codes;
  uint16_t *pairs;  /* NULL: none */
  uint32_t *paired; /* at most 2^16 - 1; 0 at first */
};

/* Elements of a unit that were tallied, until what their codes say is added, too: at most 2^31 - 1
 * of them. All 0 at first, but for PAIRS: that may be CODE_PAIRS counters of two neighbours each,
 * all 0, which make long runs faster. */
struct coded {
  double error2, signal2;                        /* of those inside: see integer_tally */
  uint64_t finite, zeros;                        /* of them; of these, x is 0 */
  uint32_t inside[CODE_COUNTERS][CODES_COUNTED]; /* to be added up, in the kernel's own order */
  uint32_t outside[CODES_COUNTED];               /* how often each code occurs of the others */
  uint16_t *pairs;                               /* borrowed; NULL: none */
  uint32_t paired;                               /* none of PAIRS is above it */
};

struct block_codec;

struct places;

struct kernels {
  const char *name; /* "baseline", "avx2", "avx512" */

  /* Block codecs compiled for this level: tables of one family each, every table ended by a row
   * without a name, the list by NULL. Use block_codec_find. */
  const struct block_codec *const *codecs;

  /* n elements of one unit: reconstruction into y; codes (r - lo) into codes unless NULL.
   * NaN reconstructs to NaN with the code of zero; infinities clamp. x / scale is a true
   * float32 division. A negative x that rounds to 0 becomes +0: integers have one zero.
   * ROUND_EVEN only; other modes go through quant/rounding.h. */
  void (*integer_run)(const float *x, size_t n, struct unit unit, float *y, uint16_t *codes);
  /* The same with a unit per element. */
  void (*integer_lanes)(const float *x, size_t n, const struct unit *units, float *y,
                        uint16_t *codes);
  /* The other arithmetics: element i is of units[i * step], STEP 0 or 1. NaN, infinities and what
   * overflows become what the reference makes of them: RECIPROCAL: the lowest code, also for what
   * is beyond 2^63 steps; CLAMP_FIRST: NaN the highest; ZERO_FIRST, MULTIPLY, OFFSET: NaN stays. */
  void (*integer_by)(enum arithmetic arithmetic, const float *x, size_t n, const struct unit *units,
                     size_t step, float *y, uint16_t *codes);
  /* Small floats; codes are the format's bit patterns (the low 16 bits of them). Infinity and NaN
   * become what the format has for them: see enum minifloat_top. */
  void (*minifloat_run)(const float *x, size_t n, const struct minifloat_grid *grid, float scale,
                        float *y, uint16_t *codes);
  void (*minifloat_lanes)(const float *x, size_t n, const struct minifloat_grid *grid,
                          const struct unit *units, float *y, uint16_t *codes);
  /* Sum of (x - y)^2 where y is the round trip: the inner loop of the mse search. x must be
   * finite. Squares and sums are double, in eight lanes. */
  double (*integer_sse)(const float *x, size_t n, struct unit unit);
  double (*minifloat_sse)(const float *x, size_t n, const struct minifloat_grid *grid, float scale);
  /* Codebooks: the level nearest to x * (1 / scale), halfway the lower one, times scale; the
   * reciprocal is rounded to float32 first, as bitsandbytes does. NaN stays NaN with the code of
   * zero. */
  void (*codebook_run)(const float *x, size_t n, const struct codebook *codebook, float scale,
                       float *y, uint16_t *codes);
  void (*codebook_lanes)(const float *x, size_t n, const struct codebook *codebook,
                         const struct unit *units, float *y, uint16_t *codes);
  double (*codebook_sse)(const float *x, size_t n, const struct codebook *codebook, float scale);
  /* Bare powers of two (quant/power.c): element i is of units[i * step], STEP 0 or 1. */
  void (*power_run)(const float *x, size_t n, const struct unit *units, size_t step, bool nonfinite,
                    float *y, uint16_t *codes);
  /* Sum of (|x - y| unit)^p, p > 0, UNIT a power of two; x and y finite. COUNTS: how often each
   * stands there, NULL when once. Each power is good to a
   * relative 1e-6 (a float32 difference, and logarithms by polynomials); the sum is double, in
   * eight lanes. */
  double (*power_error)(const float *x, const float *y, const uint64_t *counts, size_t n, double p,
                        float unit);
  /* Sum of counts (x - y)^2 in eight double lanes. */
  double (*counted_error)(const float *x, const float *y, const uint64_t *counts, size_t n);
  /* The powers themselves, of distances d >= 0. */
  void (*powers)(const float *d, size_t n, double p, float unit, double *out);
  /* Adds own[i] * rise to the gain of the bucket of the magnitude size[i] > 0. INVERSE: 1 / size.
   * Buckets are those of divisions by SIZE. */
  void (*crossings)(const double *size, const double *inverse, const kernel_pair *own, size_t n,
                    const struct crossing *crossing, kernel_pair *gain);
  /* The first of the numbers that is at least size[i] FACTOR (0 where that is less): places_first,
   * N times. */
  void (*places_find)(const struct places *places, const double *size, size_t n, double factor,
                      uint32_t *at);
  /* Adds to BROKEN lines below the errors of N values that pass a middle, whose arrays have room
   * for whole LANES. A bucket has a line that is nowhere above the error in it. */
  void (*breaks)(const double *size, const double *mass, const double *pull, size_t n,
                 const struct level_pass *pass, const struct broken *broken);
  /* Of the distances |size - scale rung|, rounded to float32, with term = weight distance^p and
   * pull = term / distance (1e-30 where that is less), and a level that is the rung, its negative
   * where the magnitude is larger, 0 where it does not keep its own: adds term; where the level is
   * not 0, term again, pull level, and the part of pull / distance level^2 that is left after 1 -
   * rate |level| / distance, none where that is below 0 or the distance below near |level|. In
   * eight double lanes; divided in float32. */
  void (*rung_sums)(const struct rungs *rungs, double scale, double p, float rate, float near,
                    struct kept_sums *sums);
  /* Adds the sums of a least-squares line through x over y, in eight double lanes. */
  void (*line_sums)(const float *x, const float *y, size_t n, struct line_sums *sums);
  /* Adds the block to TALLY. Non-finite x are left out of everything. */
  void (*tally)(const float *x, const float *y, size_t n, const struct tally_bounds *bounds,
                struct tally *tally);
  /* The tally of N elements of one unit with at most 256 codes, without keeping reconstructions: as
   * integer_run (minifloat_run) and `tally` give it, but for the order of the sums. An element is
   * inside when it is neither clipped nor NaN. Of each 4096, those inside that are in the bulk add
   * to lane i % 8, counted from the start; the others are gathered: those of them that are inside
   * likewise, the rest makes a tally. What follows from the codes of those inside (reconstruction2,
   * product, at_rail, flushed, least, most) comes with integer_coded. CODED: NULL when nobody asks;
   * then of TALLY only the sums of squares (error2, clipped_error2, signal2), max_error, finite,
   * clipped and absmax mean something, and the work is half. The format must not lose numbers
   * (nonfinite) nor have the exponents of float32. */
  void (*integer_tally)(const float *x, size_t n, struct unit unit,
                        const struct tally_bounds *bounds, struct tally *tally,
                        struct coded *coded);
  void (*minifloat_tally)(const float *x, size_t n, const struct minifloat_grid *grid, float scale,
                          const struct tally_bounds *bounds, struct tally *tally,
                          struct coded *coded);
  /* The rest, for all runs of the unit since CODED was 0, which it is again: into a TALLY of its
   * own, whose finite elements are those inside; see tally_merge_coded. Reconstructions are squared
   * once for each code, in lane code % 8; the sum of products follows from the other three.
   * COUNT, with room for CODES_COUNTED: adds the codes of the finite elements; -0 counts as 0 where
   * it may. */
  void (*integer_coded)(struct unit unit, const struct tally_bounds *bounds, struct coded *coded,
                        struct tally *tally, uint32_t *count);
  void (*minifloat_coded)(const struct minifloat_grid *grid, float scale,
                          const struct tally_bounds *bounds, struct coded *coded,
                          struct tally *tally, uint32_t *count);
  /* Adds the block to EXTREMES (initialise with extremes_empty). */
  void (*extremes)(const float *x, size_t n, struct extremes *extremes);
  /* How many of X are below LIMIT in magnitude, but not 0. LIMIT > 0. */
  uint32_t (*count_below)(const float *x, size_t n, float limit);
  /* Those of X whose magnitudes have bits from FIRST to LAST, into OUT (room for N); how many. Made
   * for few; asks for the memory behind X. */
  size_t (*find_between)(const float *x, size_t n, uint32_t first, uint32_t last, float *out);
  /* Of N finite values, 1 or more: two sweeps, in eight double lanes. */
  void (*moments)(const float *x, size_t n, struct central_moments *out);
  /* As extremes with a unit per element: a row of a matrix whose columns are the units. Lowers
   * min[i], raises max[i] and counts finite[i] when x[i] is finite. */
  void (*extremes_lanes)(const float *x, size_t n, float *min, float *max, uint32_t *finite);
  /* at[i] = the counter of x[i], or of x[i] - less[i] (in double) unless LESS is NULL: 0..last, or
   * last + 1 below lo, last + 2 above hi, last + 3 infinite or NaN. */
  void (*bins)(const float *x, const float *less, size_t n, const struct bin_edges *edges,
               int32_t *at);
  /* Adds x[i] and its reconstruction y[i] to bins[at[i]], in the order of i; an error that is NaN
   * counts as infinite. */
  void (*error_bins)(const float *x, const float *y, const int32_t *at, size_t n,
                     struct error_bin *bins);
  /* N float16 in little-endian order, as float32; NaN become quiet: see quant/base/half.h. */
  void (*half_decode)(const unsigned char *bytes, size_t n, float *out);
  /* N bfloat16 in little-endian order, as float32. */
  void (*bfloat_decode)(const unsigned char *bytes, size_t n, float *out);
  /* The extremes of groups side by side: the first has FIRST elements, the others LENGTH, the last
   * one what is left of N. False when a value is infinite or NaN: then they mean nothing. A zero is
   * +0. */
  bool (*group_ranges)(const float *x, size_t n, size_t first, size_t length, float *lo, float *hi);
  /* Scales and zero points of N groups by their extremes, as the rules qmax (STEPS: the largest
   * code) and affine (STEPS: the largest code less the smallest) make them, where no limit of
   * float32 is near. Not in place. */
  void (*group_scales)(const float *lo, const float *hi, size_t n, float steps, bool asymmetric,
                       float *scale, float *zero);
  /* Round trips of N elements (at most GROUP_ERRORS_MOST) in groups of integers or small floats
   * of up to 8 bits that divide and round to even: what is lost into TALLY, how often each code
   * occurs into TABLES, and into *high (NULL: nobody asks) how many codes of integers lie beyond
   * 100/127 of the end that is farther from zero. TABLES NULL: nobody asks for that, HIGH is NULL,
   * too, and of TALLY only error2, signal2, max_error, finite, absmax and the extremes of the
   * reconstruction are added to: half the work. The sums of x y and y^2 follow from those of x^2,
   * x (x - y) and (x - y)^2. BULK: as in tally_bounds. Stops before the first group in which an x
   * is not finite or is clipped, or whose scale is so small that a level of small floats could
   * become 0; how many elements were worked on. */
  size_t (*group_errors)(const float *x, size_t n, const struct group_row *row, float bulk,
                         const struct code_tables *tables, struct tally *tally, uint64_t *high);
  /* Adds how often each of the first CODES codes occurs in PAIRS to COUNT, and clears PAIRS. */
  void (*settle_pairs)(uint16_t *pairs, size_t codes, uint32_t *count);
};

/* The table in use. */
extern struct kernels kernels;

/* Chooses the best level the processor has and QSCOPE_ISA (baseline, avx2, avx512) allows. An
 * unknown QSCOPE_ISA value is ignored with a warning on stderr. */
void kernels_init(void);

/* Levels that are built in and that this processor can run, best last; for tests, the
 * benchmark and --version. NULL-terminated, constant. */
const struct kernels *const *kernels_available(void);

static inline struct extremes extremes_empty(void)
{
  return (struct extremes){.min = __builtin_inff(), .max = -__builtin_inff()};
}

void extremes_merge(struct extremes *into, const struct extremes *from);
void tally_merge(struct tally *into, const struct tally *from);
/* The same of what integer_coded found of elements that are in INTO already. */
void tally_merge_coded(struct tally *into, const struct tally *coded);

#endif
