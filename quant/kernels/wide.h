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

/* Vectors must not be handed over in memory, whatever a compiler thinks of the function's size. */
#define WIDE_INLINE static inline __attribute__((always_inline))

WIDE_INLINE wide wide_select(wide_int mask, wide yes, wide no)
{
  return (wide)((mask & (wide_int)yes) | (~mask & (wide_int)no));
}

WIDE_INLINE wide wide_magnitude(wide x)
{
  return (wide)((wide_int)x & INT32_MAX);
}

WIDE_INLINE wide wide_root(wide x)
{
  for (int lane = 0; lane < WIDE; lane++)
    x[lane] = sqrtf(x[lane]);
  return x;
}

/* ggml's rounding: half to even below 2^22 in magnitude; beyond, the low bits of what the
 * addition leaves; 0 for a NaN without payload. */
WIDE_INLINE wide_int wide_nearest(wide v)
{
  return ((wide_int)(v + ROUND_MAGIC) & 0x7fffff) - 0x400000;
}

/* GCC recognizes a maximum in the loop only, clang in the selection only. */
#ifdef __clang__
#define WIDE_PICK(a, better, b)                                                                    \
  wide_int pick = a better b;                                                                      \
  return (a & pick) | (b & ~pick)
#else
#define WIDE_PICK(a, better, b)                                                                    \
  for (int lane = 0; lane < WIDE; lane++)                                                          \
    a[lane] = a[lane] better b[lane] ? a[lane] : b[lane];                                          \
  return a
#endif

WIDE_INLINE wide_int wide_larger(wide_int a, wide_int b)
{
  WIDE_PICK(a, >, b);
}

WIDE_INLINE wide_int wide_smaller(wide_int a, wide_int b)
{
  WIDE_PICK(a, <, b);
}

WIDE_INLINE wide wide_clamped(wide_int v, int32_t lo, int32_t hi)
{
  v = wide_smaller(wide_larger(v, (wide_int){0} + lo), (wide_int){0} + hi);
  return __builtin_convertvector(v, wide);
}

enum { WIDE_LOAD_MOST = 32 };

/* LANES_USED runs of n (at most WIDE_LOAD_MOST) floats become n vectors, a run in each lane; unused
 * lanes are zero. NaN lose what they carry: which of two NaN an operation passes on is the
 * compiler's choice. */
WIDE_INLINE void wide_load(const float *x, size_t n, size_t lanes_used, wide *out)
{
  static const float zeros[WIDE_LOAD_MOST];
  const float *from[WIDE];
  for (size_t lane = 0; lane < WIDE; lane++)
    from[lane] = lane < lanes_used ? x + lane * n : zeros;
  for (size_t i = 0; i < n; i++) {
    wide v;
    for (size_t lane = 0; lane < WIDE; lane++)
      v[lane] = from[lane][i];
    out[i] = wide_select(v == v, v, (wide){0} + __builtin_nanf(""));
  }
}

#endif
