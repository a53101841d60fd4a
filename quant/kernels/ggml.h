/* What the ggml codecs share: scales in float16, packing, rounding rules, and the tables that
 * they offer to table.c. Rules: the reference quantizer of ggml (ggml-org/ggml), as
 * CONVENTIONS 1.4 and the conformance vectors state them.
 *
 * Conversions of values that no integer holds are undefined in the reference; here they are
 * defined: NaN and out-of-range quotients become the nearest code in range, NaN the code that
 * its function names. Included by kernel sources only: everything is compiled once for each
 * instruction set. Ownership: codecs borrow. Threads: no state. */
#ifndef QSCOPE_QUANT_KERNELS_GGML_H
#define QSCOPE_QUANT_KERNELS_GGML_H

#include "quant/base/half.h"
#include "quant/block.h"
#include "quant/kernels/lanes.h"

extern const struct block_codec KERNEL(ggml_legacy_codecs)[];
extern const struct block_codec KERNEL(ggml_k_codecs)[];
extern const struct block_codec KERNEL(ggml_iq4_codecs)[];
extern const struct block_codec KERNEL(ggml_iq_codecs)[];
extern const struct block_codec KERNEL(ggml_fp4_codecs)[];
extern const struct block_codec KERNEL(ggml_low_codecs)[];

enum {
  SUPER = 256,       /* elements of a super-block */
  PASS_LENGTH = 512, /* elements that the searches take at a time: 16 or 32 lanes' worth */
};

/* --- stored numbers ------------------------------------------------------------------------ */

static inline void half_store(unsigned char *to, float x)
{
  uint16_t half = half_from_float(x);
  to[0] = (unsigned char)(half & 0xff);
  to[1] = (unsigned char)(half >> 8);
}

static inline uint16_t half_bits(const unsigned char *from)
{
  return (uint16_t)(from[0] | from[1] << 8);
}

static inline float half_load(const unsigned char *from)
{
  return half_to_float(half_bits(from));
}

static inline float half_rounded(float x)
{
  return half_to_float(half_from_float(x));
}

static inline struct block_note half_note(const char *name, const unsigned char *from)
{
  return (struct block_note){name, "float16", half_load(from), half_bits(from)};
}

/* Number INDEX of an array of numbers of WIDTH bits (a divisor of 8), from the low end up. */
static inline unsigned packed_number(const unsigned char *from, unsigned width, size_t index)
{
  size_t bit = index * width;
  return (unsigned)from[bit / 8] >> bit % 8 & ((1u << width) - 1);
}

/* N codes of WIDTH bits in order, from the low end of the first byte up; 32 bits at a time, which
 * compilers turn into one shift by different amounts. */
static inline void packed_unpack(const unsigned char *restrict from, unsigned width, size_t n,
                                 uint8_t *restrict code)
{
  for (size_t done = 0; done < n; done += 32 / width, from += 4) {
    uint32_t word =
        from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
    for (unsigned j = 0; j < 32 / width; j++)
      code[done + j] = (uint8_t)(word >> width * j & ((1u << width) - 1));
  }
}

/* Two codes of four bits to a byte: element j low, element j + HALF high. */
static inline void nibbles_pack(const uint8_t *restrict code, size_t half,
                                unsigned char *restrict to)
{
  for (size_t j = 0; j < half; j++)
    to[j] = (unsigned char)((code[j] & 15) | code[j + half] << 4);
}

static inline void nibbles_unpack(const unsigned char *restrict from, size_t half,
                                  uint8_t *restrict code)
{
  for (size_t j = 0; j < half; j++) {
    code[j] = from[j] & 15;
    code[j + half] = from[j] >> 4;
  }
}

/* Two bits of four codes to a byte: of elements j, j + 32, j + 64, j + 96, from the low end up. */
static inline void crumbs_pack(const uint8_t *restrict code, unsigned shift,
                               unsigned char *restrict to)
{
  for (size_t j = 0; j < 32; j++)
    to[j] = (unsigned char)((code[j] >> shift & 3) | (code[j + 32] >> shift & 3) << 2 |
                            (code[j + 64] >> shift & 3) << 4 | (code[j + 96] >> shift & 3) << 6);
}

static inline void crumbs_unpack(const unsigned char *restrict from, uint8_t *restrict code)
{
  for (size_t j = 0; j < 32; j++) {
    code[j] = from[j] & 3;
    code[j + 32] = from[j] >> 2 & 3;
    code[j + 64] = from[j] >> 4 & 3;
    code[j + 96] = from[j] >> 6;
  }
}

/* Bit k of byte l is bit BIT of the code of element 32 k + l. */
static inline void bit_planes_pack(const uint8_t *restrict code, unsigned bit,
                                   unsigned char *restrict to)
{
  for (size_t l = 0; l < 32; l++) {
    unsigned byte = 0;
    for (size_t k = 0; k < 8; k++)
      byte |= (code[32 * k + l] >> bit & 1u) << k;
    to[l] = (unsigned char)byte;
  }
}

static inline void bit_planes_add(const unsigned char *restrict from, unsigned bit,
                                  uint8_t *restrict code)
{
  for (unsigned k = 0; k < 8; k++)
    for (size_t l = 0; l < 32; l++)
      code[32 * k + l] |= (uint8_t)((from[l] >> k & 1) << bit);
}

/* --- rounding ------------------------------------------------------------------------------ */

static inline float reciprocal_or_zero(float d)
{
  return d != 0 ? 1.0f / d : 0.0f;
}

/* Kept within 0..most; NaN gives 0. */
static inline float kept_within(float v, float most)
{
  v = v > 0.0f ? v : 0.0f;
  return v < most ? v : most;
}

/* Codes of values in range, towards zero. A loop of its own: merged with the clamp, the conversion
 * would be done on both sides of each comparison. */
static inline void trunc_codes(const float *restrict v, size_t n, uint8_t *restrict code)
{
  for (size_t i = 0; i < n; i++)
    code[i] = (uint8_t)(int32_t)v[i];
}

/* C's roundf, kept within -most..most; NaN gives 0. The constant is the float below one half:
 * one half itself would carry 0.49999997 over. */
static inline int32_t away_code(float v, float most)
{
  v = v == v ? v : 0.0f;
  v = -most > v ? -most : v;
  v = most < v ? most : v;
  return (int32_t)(v + copysignf(0x1.fffffep-2f, v));
}

/* ggml's rounding of the searched types: see wide_nearest; 0 for NaN. */
static inline int32_t magic_code(float v)
{
  v = v == v ? v : 0.0f;
  return (int32_t)(float_bits(v + ROUND_MAGIC) & 0x7fffffu) - 0x400000;
}

static inline int32_t magic_clamped(float v, int32_t lo, int32_t hi)
{
  int32_t l = magic_code(v);
  l = l > lo ? l : lo;
  return l < hi ? l : hi;
}

/* --- extremes of a block ------------------------------------------------------------------- */

/* Magnitude as an integer that sorts like it; NaN counts as 0. */
static inline int32_t magnitude_key(float x)
{
  int32_t magnitude = (int32_t)float_magnitude(x);
  return magnitude > (int32_t)FLOAT_INFINITY ? 0 : magnitude;
}

static inline float magnitude_most(const float *x, size_t n)
{
  int32_t most = 0;
  for (size_t i = 0; i < n; i++)
    most = magnitude_key(x[i]) > most ? magnitude_key(x[i]) : most;
  return bits_float((uint32_t)most);
}

/* The first element of the largest magnitude, with its sign; +0 when there is none. */
static inline float first_most(const float *x, size_t n)
{
  int32_t most = (int32_t)float_bits(magnitude_most(x, n)), first = INT32_MAX;
  if (most == 0)
    return 0.0f;
  for (size_t i = 0; i < n; i++) {
    /* With a mask, since GCC makes a branch of anything else. */
    int32_t there = -(magnitude_key(x[i]) == most);
    int32_t place = (int32_t)(2 * i + (float_bits(x[i]) >> 31));
    place = (place & there) | (INT32_MAX & ~there);
    first = place < first ? place : first;
  }
  return bits_float((uint32_t)most | (uint32_t)(first & 1) << 31);
}

static inline float sum_squares(const float *x, size_t n)
{
  float sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += x[i] * x[i];
  return sum;
}

/* Weights under an importance vector: q * sqrt(mean square of the surroundings + x^2). */
static inline void weigh(const float *restrict x, const float *restrict importance, size_t n,
                         float mean2, float *restrict weights)
{
  for (size_t i = 0; i < n; i++)
    weights[i] = importance[i] * sqrtf(mean2 + x[i] * x[i]);
}

/* --- decoding ------------------------------------------------------------------------------ */

/* y of a block whose levels are code - zero; the lengths are constants where this is used. */
static inline void expand(const struct block_parts *restrict parts, size_t length,
                          size_t sub_length, int zero, float *restrict y)
{
  for (size_t sub = 0; sub < length / sub_length; sub++) {
    float scale = parts->scale[sub], offset = parts->offset[sub];
    const uint8_t *code = parts->code + sub * sub_length;
    float *to = y + sub * sub_length;
    if (parts->has_offset)
      for (size_t i = 0; i < sub_length; i++)
        to[i] = scale * (float)((int)code[i] - zero) + offset;
    else
      for (size_t i = 0; i < sub_length; i++)
        to[i] = scale * (float)((int)code[i] - zero);
  }
}

/* The same by table. */
static inline void expand_levels(const struct block_parts *restrict parts, size_t length,
                                 size_t sub_length, float *restrict y)
{
  for (size_t sub = 0; sub < length / sub_length; sub++)
    for (size_t i = sub * sub_length; i < (sub + 1) * sub_length; i++)
      y[i] = parts->scale[sub] * parts->levels[parts->code[i]];
}

/* The same straight from 2 HALF codes of four bits, element j low, element j + HALF high: codes
 * laid down first would be waited for. Four lookups side by side are faster than a gather. */
typedef float four_floats __attribute__((vector_size(4 * sizeof(float))));
static inline void expand_nibbles(const float *level, const unsigned char *restrict from,
                                  size_t half, float scale, float *restrict y)
{
  for (size_t j = 0; j < half; j += 4, from += 4) {
    four_floats low = {level[from[0] & 15], level[from[1] & 15], level[from[2] & 15],
                       level[from[3] & 15]};
    four_floats high = {level[from[0] >> 4], level[from[1] >> 4], level[from[2] >> 4],
                        level[from[3] >> 4]};
    low = scale * low;
    high = scale * high;
    memcpy(y + j, &low, sizeof low);
    memcpy(y + half + j, &high, sizeof high);
  }
}

/* TYPE_decode out of TYPE_take_apart. */
#define GGML_DECODE(type, size, length, expansion)                                                 \
  static void type##_decode(const struct block_setting *setting, const unsigned char *packed,      \
                            size_t blocks, float *y)                                               \
  {                                                                                                \
    struct block_parts parts;                                                                      \
    for (; blocks--; packed += (size), y += (length)) {                                            \
      type##_take_apart(setting, packed, &parts);                                                  \
      expansion;                                                                                   \
    }                                                                                              \
  }

#define GGML_DECODE_LINEAR(type, size, length, sub_length, zero)                                   \
  GGML_DECODE(type, size, length, expand(&parts, length, sub_length, zero, y))
#define GGML_DECODE_LEVELS(type, size, length, sub_length)                                         \
  GGML_DECODE(type, size, length, expand_levels(&parts, length, sub_length, y))

#endif
