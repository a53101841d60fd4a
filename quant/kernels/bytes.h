/* Codes of up to 8 bits side by side, as many as one machine vector has bytes. Included by kernel
 * sources only. */
#ifndef QSCOPE_QUANT_KERNELS_BYTES_H
#define QSCOPE_QUANT_KERNELS_BYTES_H

#include "quant/kernels/lanes.h"

#if defined __AVX512F__
enum { BYTES = 64 };
typedef __mmask64 chosen_bytes;
#elif defined __AVX2__
enum { BYTES = 32 };
#else
enum { BYTES = 16 };
#endif
typedef uint8_t bytes __attribute__((vector_size(BYTES)));
#ifndef __AVX512F__
typedef bytes chosen_bytes;
#endif

/* Those of A that are B. */
static inline chosen_bytes bytes_equal(bytes a, bytes b)
{
#if defined __AVX512F__
  return _mm512_cmpeq_epi8_mask((__m512i)a, (__m512i)b);
#else
  return (bytes)(a == b);
#endif
}

static inline chosen_bytes bytes_at_least(bytes a, bytes b)
{
#if defined __AVX512F__
  return _mm512_cmpge_epu8_mask((__m512i)a, (__m512i)b);
#else
  return (bytes)(a >= b);
#endif
}

/* SUM, and 1 for each that is chosen. */
static inline bytes bytes_count(bytes sum, chosen_bytes which)
{
#if defined __AVX512F__
  return (bytes)_mm512_mask_sub_epi8((__m512i)sum, which, (__m512i)sum, _mm512_set1_epi8(-1));
#else
  return sum - which;
#endif
}

/* V, but VALUE from FIRST, a multiple of GRAIN, on. */
KERNEL_INLINE bytes bytes_from(bytes v, size_t first, uint8_t value)
{
#if defined __AVX512F__
  if (first > 0)
    return (bytes)_mm512_mask_set1_epi8((__m512i)v, ~(__mmask64)0 << first, (char)value);
#endif
  (void)v;
  (void)first;
  return (bytes){0} + value;
}

static inline uint32_t bytes_total(bytes v)
{
  uint32_t total = 0;
#if defined __AVX2__
  for (int i = 0; i < BYTES; i += 32) {
    __m256i part, sums;
    memcpy(&part, (const char *)&v + i, sizeof part);
    sums = _mm256_sad_epu8(part, _mm256_setzero_si256());
    for (int k = 0; k < 4; k++)
      total += (uint32_t)((long long __attribute__((vector_size(32))))sums)[k];
  }
#else
  for (int k = 0; k < BYTES; k++)
    total += v[k];
#endif
  return total;
}

/* Numbers up to 255, as bytes. */
KERNEL_INLINE bytes bytes_of(const ints v[BYTES / FLOATS])
{
#if defined __AVX512F__
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  __m512i low = _mm512_packus_epi32((__m512i)v[0], (__m512i)v[1]);
  __m512i high = _mm512_packus_epi32((__m512i)v[2], (__m512i)v[3]);
  return (bytes)_mm512_permutexvar_epi32(order, _mm512_packus_epi16(low, high));
#elif defined __AVX2__
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  __m256i low = _mm256_packus_epi32((__m256i)v[0], (__m256i)v[1]);
  __m256i high = _mm256_packus_epi32((__m256i)v[2], (__m256i)v[3]);
  return (bytes)_mm256_permutevar8x32_epi32(_mm256_packus_epi16(low, high), order);
#elif defined __SSE2__
  __m128i low = _mm_packs_epi32((__m128i)v[0], (__m128i)v[1]);
  __m128i high = _mm_packs_epi32((__m128i)v[2], (__m128i)v[3]);
  return (bytes)_mm_packus_epi16(low, high);
#else
  bytes all;
  for (int i = 0; i < BYTES / FLOATS; i++)
    for (int k = 0; k < FLOATS; k++)
      all[i * FLOATS + k] = (uint8_t)v[i][k];
  return all;
#endif
}

#endif
