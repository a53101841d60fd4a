/* float16 (IEEE 754 binary16) to float32 and back, for the scales that block formats store: round
 * half to even, overflow to infinity. Exact on every machine: integer arithmetic and one float32
 * addition. Ownership, threads: plain values. */
#ifndef QSCOPE_QUANT_BASE_HALF_H
#define QSCOPE_QUANT_BASE_HALF_H

#include <stdint.h>
#include <string.h>

/* Every NaN becomes the same one, so that no compiler's order of operands shows: the negative one,
 * which is what an invalid operation makes on x86 and hence what the reference stores. */
static inline uint16_t half_from_float(float x)
{
  uint32_t bits, sign;
  memcpy(&bits, &x, sizeof bits);
  sign = bits >> 16 & 0x8000u;
  bits &= 0x7fffffffu;
  if (bits > 0x7f800000u)
    return 0xfe00u;
  if (bits >= 0x477ff000u) /* 65520: half a step above the largest number */
    return (uint16_t)(sign | 0x7c00u);
  if (bits < 0x38800000u) { /* 2^-14: the steps below are those of float32 at 0.5 */
    float shifted;
    memcpy(&shifted, &bits, sizeof shifted);
    shifted += 0.5f;
    memcpy(&bits, &shifted, sizeof bits);
    return (uint16_t)(sign | (bits - 0x3f000000u));
  }
  bits += 0xfffu + (bits >> 13 & 1u);
  return (uint16_t)(sign | (bits - 0x38000000u) >> 13);
}

static inline float half_to_float(uint16_t half)
{
  uint32_t sign = (uint32_t)(half & 0x8000u) << 16, rest = half & 0x7fffu, bits;
  float x;
  if (rest < 0x400u) { /* subnormals: whole multiples of 2^-24 */
    x = (float)rest * 0x1p-24f;
    memcpy(&bits, &x, sizeof bits);
  } else {
    bits = (rest << 13) + (rest < 0x7c00u ? 0x38000000u : 0x70000000u);
  }
  bits |= sign;
  memcpy(&x, &bits, sizeof x);
  return x;
}

#endif
