/* float16 (IEEE 754 binary16) to float32 and back, for stored tensors and for the scales that block
 * formats store: round half to even, overflow to infinity. Exact on every machine: integer
 * arithmetic and one float32 addition. Ownership, threads: plain values. */
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

/* Without a branch, so that loops over it become vectors: the exponent is biased anew by 112; a
 * subnormal is made by subtracting the leading one that it does not have. A NaN keeps its sign and
 * payload and becomes quiet, as IEEE 754 has conversions do and as the machine's instruction does.
 */
static inline float half_to_float(uint16_t half)
{
  uint32_t sign = (uint32_t)(half & 0x8000u) << 16, magnitude = (uint32_t)(half & 0x7fffu) << 13;
  uint32_t bits = magnitude + (113u << 23), small;
  float x;
  memcpy(&x, &bits, sizeof x);
  x -= 0x1p-14f;
  memcpy(&small, &x, sizeof small);
  uint32_t quiet = (int32_t)magnitude > 0x7c00 << 13 ? 0x7fc00000u : 0x7f800000u;
  uint32_t finite = (int32_t)magnitude < 0x400 << 13 ? small : magnitude + (112u << 23);
  bits = sign | ((int32_t)magnitude < 0x7c00 << 13 ? finite : quiet | magnitude);
  memcpy(&x, &bits, sizeof x);
  return x;
}

#endif
