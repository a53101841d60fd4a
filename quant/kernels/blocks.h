/* What the MX and NVFP4 codecs share: rounding to a small float in the modes of the spec, and codes
 * of four, six and eight bits in bytes, the first element in the low bits. Included by kernel
 * sources only. Ownership: borrows. Threads: no state. */
#ifndef QSCOPE_QUANT_KERNELS_BLOCKS_H
#define QSCOPE_QUANT_KERNELS_BLOCKS_H

#include "quant/block.h"
#include "quant/block_levels.h"
#include "quant/kernels/lanes.h"

extern const struct block_codec KERNEL(mx_codecs)[];
extern const struct block_codec KERNEL(nvfp4_codecs)[];

/* Elements of a block, MEANT where the setting says nothing. */
static inline size_t block_length(const struct block_setting *setting, size_t meant)
{
  return setting->length ? setting->length : meant;
}

/* Bits of the largest magnitude: in the order of the magnitudes, infinity and NaN on top. */
static inline uint32_t block_most(const float *x, size_t n)
{
  uint32_t most = 0;
  for (size_t i = 0; i < n; i++) {
    uint32_t bits = float_magnitude(x[i]);
    most = bits > most ? bits : most;
  }
  return most;
}

/* The grid value of V for round=away and round=zero. v is finite. */
static inline float minifloat_directed(float v, const struct minifloat_constants *c, int rounding)
{
  v = minifloat_clamp(v, c->limit);
  float power = bits_float(float_bits(v) & FLOAT_INFINITY);
  power = c->min_normal > power ? c->min_normal : power;
  float step = power * (c->magic / 1.5f * 0x1p-23f); /* exact: powers of two */
  float steps = v / step;
  return copysignf((rounding == ROUND_AWAY ? roundf(steps) : truncf(steps)) * step, v);
}

/* --- levels ----------------------------------------------------------------------------------- */

/* Value at scale 1 of a code of a grid without infinity and NaN. Computed, because plain vectors
 * cannot look a table up. */
static inline float minifloat_level(uint32_t code, const struct minifloat_grid *grid)
{
  const int sign = grid->bits - 1, mantissa = grid->mantissa_bits;
  uint32_t magnitude = code & ((1u << sign) - 1);
  uint32_t normal = (magnitude << (23 - mantissa)) + ((uint32_t)(126 + grid->min_exponent) << 23);
  float step = bits_float((uint32_t)(127 + grid->min_exponent - mantissa) << 23);
  uint32_t subnormal = float_bits((float)(int32_t)magnitude * step);
  return bits_float((magnitude >> mantissa ? normal : subnormal) | code >> sign << 31);
}

/* --- codes in bytes: n is a multiple of 4, of 2 for four bits -------------------------------- */

/* Codes come as wide as the floats that they are made from: narrower ones would make short vectors
 * of the loops that round. */
static inline void codes_pack(int bits, const uint32_t *restrict code, size_t n,
                              unsigned char *restrict to)
{
  if (bits == 8)
    for (size_t i = 0; i < n; i++)
      to[i] = (unsigned char)code[i];
  else if (bits == 4)
    for (size_t i = 0; i < n / 2; i++)
      to[i] = (unsigned char)(code[2 * i] | code[2 * i + 1] << 4);
  else
    for (size_t i = 0; i < n / 4; i++, code += 4, to += 3) {
      uint32_t word = code[0] | code[1] << 6 | code[2] << 12 | code[3] << 18;
      to[0] = (unsigned char)word;
      to[1] = (unsigned char)(word >> 8);
      to[2] = (unsigned char)(word >> 16);
    }
}

static inline void codes_unpack(int bits, const unsigned char *restrict from, size_t n,
                                uint8_t *restrict code)
{
  if (bits == 8)
    memcpy(code, from, n);
  else if (bits == 4)
    for (size_t i = 0; i < n / 2; i++) {
      code[2 * i] = from[i] & 15;
      code[2 * i + 1] = from[i] >> 4;
    }
  else
    for (size_t i = 0; i < n / 4; i++, code += 4, from += 3) {
      code[0] = from[0] & 63;
      code[1] = (uint8_t)((from[0] >> 6 | from[1] << 2) & 63);
      code[2] = (uint8_t)((from[1] >> 4 | from[2] << 4) & 63);
      code[3] = from[2] >> 2;
    }
}

/* y = scale * level of N codes of four bits. Where each lane has a shift of its own, eight at a
 * time out of a register: codes laid down as bytes would be waited for. */
static inline __attribute__((always_inline)) void nibble_values(const unsigned char *restrict from,
                                                                size_t n,
                                                                const struct minifloat_grid *grid,
                                                                float scale, float *restrict y)
{
#ifdef __AVX2__
  for (; n >= 8; n -= 8, from += 4, y += 8) {
    uint32_t word =
        from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
    for (uint32_t j = 0; j < 8; j++)
      y[j] = scale * minifloat_level(word >> 4 * j & 15, grid);
  }
#endif
  uint8_t code[BLOCK_MOST];
  codes_unpack(4, from, n, code);
  for (size_t i = 0; i < n; i++)
    y[i] = scale * minifloat_level(code[i], grid);
}

/* The same of six bits: three bytes hold four codes. */
typedef uint32_t eight_words __attribute__((vector_size(32)));
static inline __attribute__((always_inline)) void sextet_values(const unsigned char *restrict from,
                                                                size_t n,
                                                                const struct minifloat_grid *grid,
                                                                float scale, float *restrict y)
{
#ifdef __AVX2__
  for (; n >= 8; n -= 8, from += 6, y += 8) {
    uint32_t first = from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16;
    uint32_t second = from[3] | (uint32_t)from[4] << 8 | (uint32_t)from[5] << 16;
    eight_words word = {first, first, first, first, second, second, second, second};
    word = word >> (eight_words){0, 6, 12, 18, 0, 6, 12, 18} & 63;
    for (size_t j = 0; j < 8; j++)
      y[j] = scale * minifloat_level(word[j], grid);
  }
#endif
  uint8_t code[BLOCK_MOST];
  codes_unpack(6, from, n, code);
  for (size_t i = 0; i < n; i++)
    y[i] = scale * minifloat_level(code[i], grid);
}

#endif
