/* Extremes of groups side by side, and the scales that follow from them.
 *
 * What bounds it: memory. In cache a group of 128 takes some 7 ns, one of 32 some 2.5: turning the
 * extremes of a group into two numbers takes as long as looking at 32 values, so as many groups are
 * turned at once as a vector has numbers. */
#include "quant/kernels/table.h"

/* --- ranges ----------------------------------------------------------------------------- */

/* Least and most of what is in each place of a group's vectors. */
struct span {
  floats least, most;
};

/* N >= FLOATS: the last vector overlaps the one before. *NUMBERS: all but those that met a NaN. */
KERNEL_INLINE struct span span_of(const float *x, size_t n, chosen *numbers)
{
  const float *last = x + n - FLOATS;
  floats a = floats_load(x), b = floats_load(last);
  struct span span = {floats_min(a, b), floats_max(a, b)};
  *numbers = chosen_ordered(*numbers, a, b);
  for (x += FLOATS; x < last; x += 2 * FLOATS) {
    a = floats_load(x);
    b = floats_load(x + FLOATS < last ? x + FLOATS : last);
    span.least = floats_min(span.least, floats_min(a, b));
    span.most = floats_max(span.most, floats_max(a, b));
    *numbers = chosen_ordered(*numbers, a, b);
  }
  return span;
}

/* Adding +0 turns -0 into +0, so that the sign of a zero never depends on the order. */
static void range_of(const float *x, size_t n, float *lo, float *hi, chosen *numbers)
{
  float copy[FLOATS];
  for (size_t k = 0; n < FLOATS && k < FLOATS; k++)
    copy[k] = x[k < n ? k : 0];
  const struct span span = n < FLOATS ? span_of(copy, FLOATS, numbers) : span_of(x, n, numbers);
  *lo = floats_least(span.least) + 0.0f;
  *hi = -floats_least(-span.most) + 0.0f;
}

/* Where the two that are folded into one lie: in halves or quarters of a vector, or within its
 * quarters. */
enum fold { HALVES, QUARTERS, WITHIN };

/* Every other part of A, then of B. */
KERNEL_INLINE floats every_other(floats a, floats b, enum fold parts, bool second)
{
#if defined __AVX512F__
  const __m512 x = (__m512)a, y = (__m512)b;
  if (parts == HALVES)
    return (floats)(second ? _mm512_shuffle_f32x4(x, y, 0xee) : _mm512_shuffle_f32x4(x, y, 0x44));
  if (parts == QUARTERS)
    return (floats)(second ? _mm512_shuffle_f32x4(x, y, 0xdd) : _mm512_shuffle_f32x4(x, y, 0x88));
  return (floats)(second ? _mm512_shuffle_ps(x, y, 0xdd) : _mm512_shuffle_ps(x, y, 0x88));
#elif defined __AVX2__
  const __m256 x = (__m256)a, y = (__m256)b;
  if (parts == HALVES)
    return (floats)(second ? _mm256_permute2f128_ps(x, y, 0x31)
                           : _mm256_permute2f128_ps(x, y, 0x20));
  return (floats)(second ? _mm256_shuffle_ps(x, y, 0xdd) : _mm256_shuffle_ps(x, y, 0x88));
#else
  (void)parts;
  return second ? (floats){a[1], a[3], b[1], b[3]} : (floats){a[0], a[2], b[0], b[2]};
#endif
}

KERNEL_INLINE struct span folded(struct span a, struct span b, enum fold parts)
{
  return (struct span){floats_min(every_other(a.least, b.least, parts, false),
                                  every_other(a.least, b.least, parts, true)),
                       floats_max(every_other(a.most, b.most, parts, false),
                                  every_other(a.most, b.most, parts, true))};
}

/* Of every fourth group: four numbers of each. */
KERNEL_INLINE struct span fourths(const struct span *group)
{
  const size_t last = FLOATS - 4;
  if (FLOATS == 4)
    return group[0];
  if (FLOATS == 8)
    return folded(group[0], group[last], HALVES);
  return folded(folded(group[0], group[4 % FLOATS], HALVES),
                folded(group[8 % FLOATS], group[last], HALVES), QUARTERS);
}

/* FLOATS groups, turned as a matrix is: number k of the result is of group k. */
static void ranges_together(const float *x, size_t length, float *lo, float *hi, chosen *numbers)
{
  struct span group[FLOATS];
  chosen seen = *numbers;
  for (size_t k = 0; k < FLOATS; k++, x += length)
    group[k] = span_of(x, length, &seen);
  *numbers = seen;
  struct span all = folded(folded(fourths(group), fourths(group + 1), WITHIN),
                           folded(fourths(group + 2), fourths(group + 3), WITHIN), WITHIN);
  all.least += 0.0f;
  all.most += 0.0f;
  memcpy(lo, &all.least, sizeof all.least);
  memcpy(hi, &all.most, sizeof all.most);
}

static bool all_finite(const float *lo, const float *hi, size_t n)
{
  int finite = 1;
  for (size_t i = 0; i < n; i++)
    finite &= (lo[i] - lo[i]) + (hi[i] - hi[i]) == 0;
  return finite;
}

/* As many groups of LENGTH as are whole FLOATS of them; how many. */
static size_t ranges_of_many(const float *x, size_t n, size_t length, float *lo, float *hi,
                             chosen *numbers)
{
  const size_t step = FLOATS * length;
  size_t groups = 0;
  for (; length >= FLOATS && n >= step; groups += FLOATS, x += step, n -= step)
    ranges_together(x, length, lo + groups, hi + groups, numbers);
  return groups;
}

bool KERNEL(group_ranges)(const float *x, size_t n, size_t first, size_t length, float *lo,
                          float *hi)
{
  chosen numbers = chosen_all();
  size_t start = first == length ? 0 : first < n ? first : n, groups = start > 0;
  if (groups > 0)
    range_of(x, start, lo, hi, &numbers);
  const size_t many =
      ranges_of_many(x + start, n - start, length, lo + groups, hi + groups, &numbers);
  groups += many;
  for (start += many * length; start < n; start += length, groups++)
    range_of(x + start, n - start < length ? n - start : length, lo + groups, hi + groups,
             &numbers);
  return chosen_bits(numbers) == chosen_bits(chosen_all()) && all_finite(lo, hi, groups);
}

/* --- scales ------------------------------------------------------------------------------- */

static void symmetric_scales(const float *lo, const float *hi, size_t n, float max, float *scale,
                             float *zero)
{
  for (size_t i = 0; i < n; i++) {
    float most = -lo[i] > hi[i] ? -lo[i] : hi[i];
    scale[i] = most / max;
    zero[i] = 0;
  }
}

static void asymmetric_scales(const float *lo, const float *hi, size_t n, float steps, float *scale,
                              float *zero)
{
  for (size_t i = 0; i < n; i++) {
    float low = lo[i] < 0 ? lo[i] : 0, high = hi[i] > 0 ? hi[i] : 0;
    scale[i] = (high - low) / steps;
    float below = -low / scale[i];
    below = below < steps ? below : steps;
    zero[i] = (below + ROUND_MAGIC) - ROUND_MAGIC;
  }
}

void KERNEL(group_scales)(const float *lo, const float *hi, size_t n, float steps, bool asymmetric,
                          float *scale, float *zero)
{
  (asymmetric ? asymmetric_scales : symmetric_scales)(lo, hi, n, steps, scale, zero);
}
