/* Groups: neighbours that share a scale, side by side. */
#include "quant/kernels/table.h"

static floats load(const float *x)
{
  floats v;
  memcpy(&v, x, sizeof v);
  return v;
}

/* --- ranges ----------------------------------------------------------------------------- */

/* Bits that are all 0 where no value was infinite or NaN. */
static uint32_t any_bits(ints v)
{
  int32_t any = 0;
  for (int k = 0; k < FLOATS; k++)
    any |= v[k];
  return (uint32_t)any;
}

static float least_of(floats v)
{
#if defined __AVX2__
  __m128 half = _mm_min_ps(_mm256_castps256_ps128((__m256)v), _mm256_extractf128_ps((__m256)v, 1));
  half = _mm_min_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_min_ss(half, _mm_movehdup_ps(half)));
#else
  float least = v[0];
  for (int k = 1; k < FLOATS; k++)
    least = v[k] < least ? v[k] : least;
  return least;
#endif
}

/* N >= FLOATS: the last vector overlaps the one before. Ors into *BAD. */
static void range_of(const float *x, size_t n, float *lo, float *hi, ints *bad)
{
  floats last = load(x + n - FLOATS), least = last, most = last;
  ints odd = *bad | (ints)(last - last);
  for (size_t i = 0; i + FLOATS < n; i += FLOATS) {
    floats v = load(x + i);
    least = floats_min(least, v);
    most = floats_max(most, v);
    odd |= (ints)(v - v);
  }
  *bad = odd;
  /* Adding +0 turns -0 into +0, so that the sign of a zero never depends on the order. */
  *lo = least_of(least) + 0.0f;
  *hi = -least_of(-most) + 0.0f;
}

static void range_of_few(const float *x, size_t n, float *lo, float *hi, ints *bad)
{
  float copy[FLOATS];
  for (size_t k = 0; k < FLOATS; k++)
    copy[k] = x[k < n ? k : 0];
  range_of(copy, FLOATS, lo, hi, bad);
}

bool KERNEL(group_ranges)(const float *x, size_t n, size_t first, size_t length, float *lo,
                          float *hi)
{
  ints bad = {0};
  for (size_t i = 0, m = first; i < n; i += m, m = length) {
    m = n - i < m ? n - i : m;
    (m < FLOATS ? range_of_few : range_of)(x + i, m, lo++, hi++, &bad);
  }
  return any_bits(bad) == 0;
}
