/* As many float32 as one machine vector holds, side by side. The searches of the ggml types give
 * each sub-block a lane of its own, so that its sums keep the order of the sequential reference
 * and the bits do not depend on the width. Selections are written with bits: both compilers turn
 * them into one blend. Included by kernel sources only. */
#ifndef QSCOPE_QUANT_KERNELS_WIDE_H
#define QSCOPE_QUANT_KERNELS_WIDE_H

#include "quant/kernels/lanes.h"

#if defined __AVX512F__
enum { WIDE = 16 };
#elif defined __AVX__
enum { WIDE = 8 };
#else
enum { WIDE = 4 };
#endif

typedef float wide __attribute__((vector_size(WIDE * sizeof(float))));
typedef int32_t wide_int __attribute__((vector_size(WIDE * sizeof(int32_t))));

static inline wide wide_select(wide_int mask, wide yes, wide no)
{
  return (wide)((mask & (wide_int)yes) | (~mask & (wide_int)no));
}

static inline wide wide_magnitude(wide x)
{
  return (wide)((wide_int)x & INT32_MAX);
}

static inline wide wide_root(wide x)
{
  for (int lane = 0; lane < WIDE; lane++)
    x[lane] = sqrtf(x[lane]);
  return x;
}

/* ggml's rounding: half to even below 2^22 in magnitude; beyond, the low bits of what the
 * addition leaves; 0 for a NaN without payload. */
static inline wide_int wide_nearest(wide v)
{
  return ((wide_int)(v + ROUND_MAGIC) & 0x7fffff) - 0x400000;
}

static inline wide wide_clamped(wide_int v, int32_t lo, int32_t hi)
{
  for (int lane = 0; lane < WIDE; lane++)
    v[lane] = v[lane] > lo ? v[lane] : lo;
  for (int lane = 0; lane < WIDE; lane++)
    v[lane] = v[lane] < hi ? v[lane] : hi;
  return __builtin_convertvector(v, wide);
}

/* LANES_USED runs of n floats become n vectors, a run in each lane; unused lanes are zero.
 * NaN lose what they carry: which of two NaN an operation passes on is the compiler's choice. */
static inline void wide_load(const float *x, size_t n, size_t lanes_used, wide *out)
{
  float *flat = (float *)out;
  for (size_t i = 0; i < n; i++)
    for (size_t lane = 0; lane < WIDE; lane++)
      flat[i * WIDE + lane] = lane < lanes_used ? x[lane * n + i] : 0.0f;
  for (size_t i = 0; i < n; i++)
    out[i] = wide_select(out[i] == out[i], out[i], (wide){0} + __builtin_nanf(""));
}

#endif
