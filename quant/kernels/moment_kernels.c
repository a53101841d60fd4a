/* Central moments of a block. */
#include "quant/kernels/table.h"

static double mean_of(const float *x, size_t whole, const float *tail, size_t n)
{
  struct lanes sum = {0};
  for (size_t i = 0; i < whole; i += LANES) {
    KERNEL_UNROLL
    for (size_t p = 0; p < PARTS; p++)
      sum.part[p] += doubles_load(x + i + p * DOUBLES);
  }
  for (size_t p = 0; p < PARTS; p++)
    sum.part[p] += doubles_load(tail + p * DOUBLES);
  return lanes_total(&sum) / (double)n;
}

struct powers {
  struct lanes second, third, fourth;
};

/* Of one part of the lanes. */
KERNEL_INLINE void add_powers(doubles d, struct powers *sums, size_t part)
{
  const doubles d2 = d * d;
  sums->second.part[part] += d2;
  sums->third.part[part] += d2 * d;
  sums->fourth.part[part] += d2 * d2;
}

void KERNEL(moments)(const float *x, size_t n, struct central_moments *out)
{
  const size_t whole = n / LANES * LANES;
  float tail[LANES] = {0}, there[LANES] = {0};
  struct powers sums = {0};
  for (size_t i = whole; i < n; i++) {
    tail[i - whole] = x[i];
    there[i - whole] = 1;
  }
  const double mean = mean_of(x, whole, tail, n);
  const doubles center = (doubles){0} + mean;
  for (size_t i = 0; i < whole; i += LANES) {
    KERNEL_UNROLL
    for (size_t p = 0; p < PARTS; p++)
      add_powers(doubles_load(x + i + p * DOUBLES) - center, &sums, p);
  }
  for (size_t p = 0; p < PARTS; p++)
    add_powers((doubles_load(tail + p * DOUBLES) - center) * doubles_load(there + p * DOUBLES),
               &sums, p);
  *out = (struct central_moments){mean, lanes_total(&sums.second), lanes_total(&sums.third),
                                  lanes_total(&sums.fourth)};
}
