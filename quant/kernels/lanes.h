/* What the kernels have in common: one element's arithmetic, written so that compilers turn a
 * plain loop over it into vector code, and sums in eight double lanes.
 *
 * Element i of a call always goes to lane i % 8 and the lanes are added in one fixed order, so
 * a sum has the same bits whatever the width of the machine's vectors. Elementwise arithmetic
 * is float32, one rounding per operation. Included by the kernel sources, and by
 * quant/minifloat.c for the code of a value. */
#ifndef QSCOPE_QUANT_KERNELS_LANES_H
#define QSCOPE_QUANT_KERNELS_LANES_H

#include "quant/kernels/kernels.h"

#include <math.h>
#include <string.h>

#ifdef __SSE2__
#include <immintrin.h>
#endif

/* KERNEL(name) is name_baseline, name_avx2 ...: the same source is linked once for each level. */
#define KERNEL_PASTE_(name, isa) name##_##isa
#define KERNEL_PASTE(name, isa)  KERNEL_PASTE_(name, isa)
#ifdef KERNEL_ISA
#define KERNEL(name) KERNEL_PASTE(name, KERNEL_ISA)
#endif

enum {
  LANES = 8,
  KERNEL_BLOCK = 512, /* elements of one pass: a multiple of LANES that stays in the first cache */
};

/* Where a function's arguments choose what is left of it. */
#define KERNEL_INLINE static inline __attribute__((always_inline))

/* Before a loop of a few turns that is to leave no loop, whatever the user's CFLAGS are. */
#ifdef __clang__
#define KERNEL_UNROLL _Pragma("clang loop unroll(full)")
#else
#define KERNEL_UNROLL _Pragma("GCC unroll 8")
#endif

/* --- bits of a float ------------------------------------------------------------------- */

#define FLOAT_SIGN     0x80000000u
#define FLOAT_INFINITY 0x7f800000u /* also the mask of the exponent */

static inline uint32_t float_bits(float x)
{
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static inline float bits_float(uint32_t bits)
{
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static inline uint32_t float_magnitude(float x)
{
  return float_bits(x) & ~FLOAT_SIGN;
}

static inline uint32_t count_zeros(const float *x, size_t n)
{
  uint32_t zeros = 0;
  for (size_t i = 0; i < n; i++)
    zeros += x[i] == 0;
  return zeros;
}

/* Whole numbers in the order of the floats (-0 below +0), NaN having been sorted out before:
 * they let minima and maxima be taken in any order, by any thread. */
static inline int32_t float_key(float x)
{
  int32_t bits = (int32_t)float_bits(x);
  return bits ^ (int32_t)((uint32_t)(bits >> 31) >> 1);
}

static inline float key_float(int32_t key)
{
  return bits_float((uint32_t)(key ^ (int32_t)((uint32_t)(key >> 31) >> 1)));
}

/* --- powers of two: see quant/power.c ---------------------------------------------------- */

enum { POWER_LARGEST = 254, POWER_NAN = 255 };

static inline float power_value(uint32_t code)
{
  float value = bits_float(code << 23);
  value = code == 0 ? 0x1p-127f : value;
  return code >= POWER_NAN ? __builtin_nanf("") : value;
}

/* Code of V, the quotient of X; of what is too large, and of what is not positive. The branches are
 * selections between numbers that are known, or GCC keeps them. */
static inline uint32_t power_code(float x, float v, uint32_t over, uint32_t under)
{
  uint32_t bits = float_bits(v), code = (bits + 0x400000u) >> 23, tiny = bits > 0x400000u;
  code = bits < 0x800000u ? tiny : code;
  code = bits >= 0x7f400000u ? over : code;
  code = v > 0 ? code : under;
  return float_magnitude(x) >= FLOAT_INFINITY ? POWER_NAN : code;
}

/* --- integers -------------------------------------------------------------------------- */

/* 1.5 * 2^23: adding it leaves no room for a fraction, so the addition itself rounds to a whole
 * number, half to even. Valid below 2^22, which is why the clamp comes first; since the ends
 * of the clamp are whole, clamping before or after rounding gives the same. */
#define ROUND_MAGIC 12582912.0f

/* The grid value shifted by ROUND_MAGIC: its low bits are the number. The comparisons are
 * written so that NaN passes through. */
static inline float integer_shifted(float x, float scale, float lo, float hi)
{
  float v = x / scale;
  v = lo > v ? lo : v;
  v = hi < v ? hi : v;
  return v + ROUND_MAGIC;
}

static inline uint16_t integer_code(float shifted, float lo)
{
  shifted = shifted == shifted ? shifted : ROUND_MAGIC;
  return (uint16_t)(float_bits(shifted) - float_bits(lo + ROUND_MAGIC));
}

/* --- small floats ---------------------------------------------------------------------- */

/* The numbers that the inner loop needs of a grid. */
struct minifloat_constants {
  float limit; /* what quotients are clamped to: max, or the number that would come next */
  float min_normal;
  float magic;         /* times the power of two at or below |v|: see minifloat_nearest */
  uint32_t round_bits; /* bits of float32 below the grid's mantissa */
  uint32_t wide;       /* all ones for the exponent range of float32 itself (bfloat16) */
  /* Bits of magnitudes: the largest number, what comes of beyond and of infinity, of NaN. */
  int32_t max, infinity, nan;
  uint32_t nan_sign;  /* flips the sign of NaN: formats without NaN make it a zero of that sign */
  uint32_t zero_sign; /* the sign bit, 0 when there is no minus zero */
  uint32_t sign_shift;
  uint32_t excess; /* of the code that infinity or NaN, counted as a number, would have */
};

/* Code of a normal magnitude, were there no end to the exponents. */
static inline uint32_t minifloat_field(uint32_t magnitude, const struct minifloat_grid *grid)
{
  uint32_t below = (uint32_t)(126 + grid->min_exponent) << 23;
  return (magnitude - below) >> (23 - grid->mantissa_bits);
}

static inline struct minifloat_constants minifloat_constants(const struct minifloat_grid *grid)
{
  uint32_t mantissa = (uint32_t)grid->mantissa_bits;
  uint32_t top = ((1u << grid->exponent_bits) - 1) << mantissa;
  uint32_t all_ones = top | ((1u << mantissa) - 1), quiet = FLOAT_INFINITY | 0x400000u;
  uint32_t max = float_bits(grid->max);
  bool finite = grid->top == TOP_FINITE, ieee = grid->top == TOP_IEEE;
  bool nonfinite = grid->nonfinite && !finite;
  /* Adding one unit of the grid's last place to the bits also steps into the next octave. */
  return (struct minifloat_constants){
      .limit = nonfinite ? bits_float(max + (1u << (23 - mantissa))) : grid->max,
      .min_normal = bits_float((uint32_t)(127 + grid->min_exponent) << 23),
      .magic = 1.5f * (float)(1u << (23 - mantissa)),
      .round_bits = 23 - mantissa,
      .wide = grid->exponent_bits == 8 ? ~0u : 0,
      .max = (int32_t)max,
      .infinity = (int32_t)(finite ? max
                            : ieee ? FLOAT_INFINITY
                                   : quiet),
      .nan = (int32_t)(finite ? 0 : quiet),
      .nan_sign = finite ? FLOAT_SIGN : 0,
      .zero_sign = grid->top == TOP_FNUZ ? 0 : FLOAT_SIGN,
      .sign_shift = 32 - (uint32_t)grid->bits,
      .excess = finite ? 0
                : ieee ? minifloat_field(FLOAT_INFINITY, grid) - top
                       : minifloat_field(quiet, grid) - all_ones - (grid->top == TOP_FNUZ),
  };
}

static inline float minifloat_clamp(float v, float limit)
{
  v = -limit > v ? -limit : v;
  return limit < v ? limit : v;
}

/* The grid value nearest to V, half to even, NaN passed through; the sign of a zero is lost. With
 * p the power of two at or below |v| (at least the smallest normal), the grid's step at v is
 * p / 2^mantissa; adding 1.5 * 2^23 steps makes the addition round to whole steps. */
static inline float minifloat_nearest(float v, const struct minifloat_constants *c)
{
  v = minifloat_clamp(v, c->limit);
  float power = bits_float(float_bits(v) & FLOAT_INFINITY);
  power = c->min_normal > power ? c->min_normal : power;
  float magic = power * c->magic;
  return (v + magic) - magic;
}

/* The same for a grid with the exponents of float32, where the magic number would overflow:
 * rounding is cutting the low bits after adding just under half of the last kept one. */
static inline float minifloat_nearest_wide(float v, const struct minifloat_constants *c)
{
  v = minifloat_clamp(v, c->limit);
  uint32_t bits = float_bits(v), half = (1u << (c->round_bits - 1)) - 1;
  uint32_t rounded = (bits + half + (bits >> c->round_bits & 1)) >> c->round_bits << c->round_bits;
  return bits_float((bits & ~FLOAT_SIGN) > FLOAT_INFINITY ? bits : rounded);
}

/* What the format makes of X whose nearest grid value is G: the sign of X, and its own idea of
 * infinity, NaN, overflow and minus zero. (A finite x whose quotient overflows is an overflow like
 * any other.) */
static inline float minifloat_special(float x, float g, const struct minifloat_constants *c)
{
  int32_t from = (int32_t)float_magnitude(x), to = (int32_t)float_magnitude(g);
  uint32_t sign = float_bits(x) & FLOAT_SIGN;
  to = to > c->max ? c->infinity : to;
  to = from == (int32_t)FLOAT_INFINITY ? c->infinity : to;
  to = from > (int32_t)FLOAT_INFINITY ? c->nan : to;
  sign ^= from > (int32_t)FLOAT_INFINITY ? c->nan_sign : 0;
  sign &= to == 0 ? c->zero_sign : FLOAT_SIGN;
  return bits_float((uint32_t)to | sign);
}

/* Bit pattern of G, which comes from minifloat_special. The bits of a magnitude count in steps of
 * the grid from the smallest normal on, and so do those of a subnormal to which that has been
 * added; each count is the larger one where it holds. */
static inline uint32_t minifloat_code(float g, const struct minifloat_constants *c)
{
  int32_t magnitude = (int32_t)float_magnitude(g), least = (int32_t)float_bits(c->min_normal);
  int32_t normal = magnitude - (least - (1 << 23));
  int32_t subnormal = (int32_t)float_bits(bits_float((uint32_t)magnitude) + c->min_normal) - least;
  uint32_t field = (uint32_t)(normal > subnormal ? normal : subnormal) >> c->round_bits;
  field -= magnitude > c->max ? c->excess : 0;
  return field | (float_bits(g) & FLOAT_SIGN) >> c->sign_shift;
}

/* --- buckets --------------------------------------------------------------------------- */

/* PLACE, or the nearer end of 0 to LAST. */
static inline double within(double place, double last)
{
  place = place > 0 ? place : 0;
  return place < last ? place : last;
}

/* --- sums ------------------------------------------------------------------------------ */

/* Doubles that one machine vector holds, LANES of them in all; and as many floats widened, as
 * the initializer that both compilers turn into one instruction (__builtin_convertvector costs
 * GCC 12 five). */
#if defined __AVX512F__
enum { DOUBLES = 8 };
#define WIDENED(x) WIDENED_4(x, 0), WIDENED_4(x, 4)
#elif defined __AVX__
enum { DOUBLES = 4 };
#define WIDENED(x) WIDENED_4(x, 0)
#else
enum { DOUBLES = 2 };
#define WIDENED(x) (double)(x)[0], (double)(x)[1]
#endif
#define WIDENED_4(x, i)                                                                            \
  (double)(x)[i], (double)(x)[(i) + 1], (double)(x)[(i) + 2], (double)(x)[(i) + 3]
enum { PARTS = LANES / DOUBLES };

typedef double doubles __attribute__((vector_size(DOUBLES * sizeof(double))));
typedef int64_t masks __attribute__((vector_size(DOUBLES * sizeof(int64_t))));

struct lanes {
  doubles part[PARTS];
};

static inline doubles doubles_load(const float *x)
{
  return (doubles){WIDENED(x)};
}

/* Of whole numbers below 2^31. */
static inline doubles doubles_of(const uint32_t *x)
{
  return (doubles){WIDENED((const int32_t *)x)};
}

/* a b + c, where a b is exact in double: then it makes no difference to the result whether the
 * machine has one instruction for it. */
static inline doubles doubles_fma(doubles a, doubles b, doubles c)
{
#if defined __AVX512F__
  return (doubles)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined __FMA__
  return (doubles)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#else
  return c + a * b;
#endif
}

/* Part by part: a copy of the whole struct makes GCC 12 keep a loop's sums in memory. */
static inline struct lanes lanes_copy(const struct lanes *from)
{
  struct lanes to;
  for (int p = 0; p < PARTS; p++)
    to.part[p] = from->part[p];
  return to;
}

static inline double lanes_total(const struct lanes *lanes)
{
  double v[LANES];
  memcpy(v, lanes->part, sizeof v);
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

/* Pads the last, partial group of eight of BLOCK (N elements) with FILL; returns the number of
 * elements to work on. BLOCK has room for KERNEL_BLOCK. */
static inline size_t lanes_pad(float *block, size_t n, float fill)
{
  size_t padded = (n + LANES - 1) / LANES * LANES;
  for (size_t i = n; i < padded; i++)
    block[i] = fill;
  return padded;
}

/* --- floats side by side ------------------------------------------------------------------ */

#if defined __AVX512F__
enum { FLOATS = 16 };
#elif defined __AVX2__
enum { FLOATS = 8 };
#else
enum { FLOATS = 4 };
#endif
/* Elements of a turn of a loop: whole vectors, and once or more round the lanes. */
enum { TURN = (int)FLOATS > (int)LANES ? (int)FLOATS : (int)LANES, TURN_VECTORS = TURN / FLOATS };
typedef float floats __attribute__((vector_size(FLOATS * sizeof(float))));
typedef int32_t ints __attribute__((vector_size(FLOATS * sizeof(int32_t))));
typedef uint32_t uints __attribute__((vector_size(FLOATS * sizeof(uint32_t))));

static inline floats floats_load(const float *x)
{
  floats v;
  memcpy(&v, x, sizeof v);
  return v;
}

/* N <= FLOATS numbers, the first of them once more for each that is missing. */
static inline floats floats_some(const float *x, size_t n)
{
  float all[FLOATS];
  if (n == FLOATS)
    return floats_load(x);
  for (size_t k = 0; k < FLOATS; k++)
    all[k] = x[k < n ? k : 0];
  return floats_load(all);
}

/* Part PART of V: DOUBLES of its numbers, widened. */
static inline doubles floats_widened(floats v, size_t part)
{
#if defined __AVX512F__
  __m512 x = (__m512)v;
  return (doubles)_mm512_cvtps_pd(part ? _mm512_extractf32x8_ps(x, 1) : _mm512_castps512_ps256(x));
#elif defined __AVX2__
  __m256 x = (__m256)v;
  return (doubles)_mm256_cvtps_pd(part ? _mm256_extractf128_ps(x, 1) : _mm256_castps256_ps128(x));
#elif defined __SSE2__ && !defined __AVX__
  __m128 x = (__m128)v;
  return (doubles)_mm_cvtps_pd(part ? _mm_movehl_ps(x, x) : x);
#else
  float x[FLOATS];
  memcpy(x, &v, sizeof v);
  return doubles_load(x + part * DOUBLES);
#endif
}

static inline int32_t ints_total(ints v)
{
  int32_t total = 0;
  for (size_t k = 0; k < FLOATS; k++)
    total += v[k];
  return total;
}

/* V, or its negative where SIGN is below 0. V is 0 where SIGN is. */
static inline ints ints_signed(ints v, ints sign)
{
#if defined __AVX512DQ__
  return (ints)_mm512_mask_sub_epi32((__m512i)v, _mm512_movepi32_mask((__m512i)sign),
                                     _mm512_setzero_si512(), (__m512i)v);
#elif defined __AVX2__
  return (ints)_mm256_sign_epi32((__m256i)v, (__m256i)sign);
#else
  ints below = sign >> 31;
  return (v ^ below) - below;
#endif
}

/* The low bytes of V. */
static inline void ints_store_bytes(ints v, uint8_t *to)
{
#if defined __AVX512F__
  _mm_storeu_si128((__m128i *)to, _mm512_cvtepi32_epi8((__m512i)v));
#elif defined __AVX2__
  const __m256i low = _mm256_set1_epi32(0x0c080400);
  __m256i bytes = _mm256_shuffle_epi8((__m256i)v, low);
  _mm_storel_epi64((__m128i *)to, _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes),
                                                     _mm256_extracti128_si256(bytes, 1)));
#else
  for (size_t k = 0; k < FLOATS; k++)
    to[k] = (uint8_t)v[k];
#endif
}

/* Some of FLOATS numbers. */
#ifdef __AVX512F__
typedef __mmask16 chosen;
#else
typedef ints chosen;
#endif

/* Those of V that are at most LIMIT; none that is NaN. */
static inline chosen chosen_at_most(floats v, floats limit)
{
#ifdef __AVX512F__
  return _mm512_cmp_ps_mask((__m512)v, (__m512)limit, _CMP_LE_OQ);
#else
  return v <= limit;
#endif
}

/* Those from LO to HI. */
static inline chosen chosen_within(floats v, floats lo, floats hi)
{
#ifdef __AVX512F__
  return _mm512_mask_cmp_ps_mask(chosen_at_most(v, hi), (__m512)v, (__m512)lo, _CMP_GE_OQ);
#else
  return (v >= lo) & (v <= hi);
#endif
}

/* The same of whole numbers. */
static inline chosen ints_within(ints v, ints lo, ints hi)
{
#ifdef __AVX512F__
  return _mm512_mask_cmp_epi32_mask(_mm512_cmp_epi32_mask((__m512i)v, (__m512i)hi, _MM_CMPINT_LE),
                                    (__m512i)v, (__m512i)lo, _MM_CMPINT_NLT);
#else
  return (v >= lo) & (v <= hi);
#endif
}

static inline chosen chosen_all(void)
{
#ifdef __AVX512F__
  return (chosen)~0;
#else
  return (chosen){0} - 1;
#endif
}

/* Those of WHICH where neither A nor B is NaN. */
static inline chosen chosen_ordered(chosen which, floats a, floats b)
{
#if defined __AVX512F__
  return _mm512_mask_cmp_ps_mask(which, (__m512)a, (__m512)b, _CMP_ORD_Q);
#elif defined __AVX2__
  return which & (ints)_mm256_cmp_ps((__m256)a, (__m256)b, _CMP_ORD_Q);
#elif defined __SSE2__
  return which & (ints)_mm_cmpord_ps((__m128)a, (__m128)b);
#else
  return which & (a == a) & (b == b);
#endif
}

/* A bit for each number: 1 for those that are chosen. */
static inline uint32_t chosen_bits(chosen which)
{
#if defined __AVX512F__
  return which;
#elif defined __AVX2__
  return (uint32_t)_mm256_movemask_ps((__m256)which);
#elif defined __SSE2__
  return (uint32_t)_mm_movemask_ps((__m128)which);
#else
  uint32_t bits = 0;
  for (size_t k = 0; k < FLOATS; k++)
    bits |= (uint32_t)(which[k] != 0) << k;
  return bits;
#endif
}

/* Those of V; 0 for the others. */
static inline floats floats_chosen(floats v, chosen which)
{
#ifdef __AVX512F__
  return (floats)_mm512_maskz_mov_ps(which, (__m512)v);
#else
  return (floats)((ints)v & which);
#endif
}

/* Some of DOUBLES numbers. */
#ifdef __AVX512F__
typedef __mmask8 chosen_doubles;
#else
typedef masks chosen_doubles;
#endif

/* Those that part PART of FLOATS numbers has of WHICH. */
static inline chosen_doubles chosen_part(chosen which, size_t part)
{
#if defined __AVX512F__
  return (chosen_doubles)(which >> part * DOUBLES);
#elif defined __AVX2__
  __m256i all = (__m256i)which;
  return (chosen_doubles)_mm256_cvtepi32_epi64(part ? _mm256_extracti128_si256(all, 1)
                                                    : _mm256_castsi256_si128(all));
#elif defined __SSE2__ && !defined __AVX__
  __m128i all = (__m128i)which;
  return (chosen_doubles)(part ? _mm_unpackhi_epi32(all, all) : _mm_unpacklo_epi32(all, all));
#else
  chosen_doubles mask;
  for (size_t k = 0; k < DOUBLES; k++)
    mask[k] = which[part * DOUBLES + k];
  return mask;
#endif
}

/* SUM and the squares of those of V, whose squares are exact. */
static inline doubles chosen_add_squares(doubles v, chosen_doubles which, doubles sum)
{
#ifdef __AVX512F__
  return (doubles)_mm512_mask3_fmadd_pd((__m512d)v, (__m512d)v, (__m512d)sum, which);
#else
  doubles only = (doubles)((masks)v & which);
  return doubles_fma(only, only, sum);
#endif
}

/* Minima and maxima: compilers make comparisons and blends of what is written out. */
#if defined __AVX512F__
#define FLOATS_PICK(op, a, b) ((floats)_mm512_##op##_ps((__m512)(a), (__m512)(b)))
#elif defined __AVX2__
#define FLOATS_PICK(op, a, b) ((floats)_mm256_##op##_ps((__m256)(a), (__m256)(b)))
#elif defined __SSE2__
#define FLOATS_PICK(op, a, b) ((floats)_mm_##op##_ps((__m128)(a), (__m128)(b)))
#else
#define FLOATS_PICK_min <
#define FLOATS_PICK_max >
#define FLOATS_PICK(op, a, b)                                                                      \
  ((floats)(((a FLOATS_PICK_##op b) & (ints)(a)) | (~(a FLOATS_PICK_##op b) & (ints)(b))))
#endif

static inline floats floats_min(floats a, floats b)
{
  return FLOATS_PICK(min, a, b);
}

static inline floats floats_max(floats a, floats b)
{
  return FLOATS_PICK(max, a, b);
}

/* The smallest of V, none of which is NaN. */
static inline float floats_least(floats v)
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

/* The larger of magnitudes MOST and those of V; none is NaN. */
static inline floats floats_farther(floats most, floats v)
{
#if defined __AVX512DQ__
  return (floats)_mm512_range_ps((__m512)most, (__m512)v, 11);
#else
  return floats_max(most, (floats)((ints)v & INT32_MAX));
#endif
}

/* The smaller ones. */
static inline floats floats_nearer(floats least, floats v)
{
#if defined __AVX512DQ__
  return (floats)_mm512_range_ps((__m512)least, (__m512)v, 10);
#else
  return floats_min(least, (floats)((ints)v & INT32_MAX));
#endif
}

static inline ints ints_min(ints a, ints b)
{
#if defined __AVX512F__
  return (ints)_mm512_min_epi32((__m512i)a, (__m512i)b);
#elif defined __AVX2__
  return (ints)_mm256_min_epi32((__m256i)a, (__m256i)b);
#else
  ints larger = a > b;
  return (b & larger) | (a & ~larger);
#endif
}

static inline ints ints_max(ints a, ints b)
{
#if defined __AVX512F__
  return (ints)_mm512_max_epi32((__m512i)a, (__m512i)b);
#elif defined __AVX2__
  return (ints)_mm256_max_epi32((__m256i)a, (__m256i)b);
#else
  ints larger = a > b;
  return (a & larger) | (b & ~larger);
#endif
}

/* --- quotients of small floats -------------------------------------------------------------- */

/* See minifloat_nearest, but for the clamp: V far beyond the grid gives no number; all zeros are
 * +0. The low byte of KEY is the code without its sign, or its negative: steps from the beginning
 * of the octave, the low bits of SHIFTED, and the steps of the octaves below. */
KERNEL_INLINE floats floats_to_grid(floats v, const struct minifloat_constants *c, ints *key)
{
  const floats least = (floats){0} + c->min_normal;
  floats power = floats_max((floats)((ints)v & (int32_t)FLOAT_INFINITY), least);
  floats magic = power * c->magic, shifted = v + magic;
  ints below = ((ints)power - (ints)least) >> c->round_bits;
  *key = ints_signed(below, (ints)v) + (ints)shifted;
  return shifted - magic;
}

/* --- codes in pairs ----------------------------------------------------------------------- */

/* Two neighbours, whose codes are bytes. */
KERNEL_INLINE void count_pair(uint16_t *pairs, const uint8_t *codes)
{
  uint16_t pair;
  memcpy(&pair, codes, sizeof pair);
  pairs[pair]++;
}

#endif
