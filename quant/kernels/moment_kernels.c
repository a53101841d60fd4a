/* Central moments of a block. */
#include "quant/kernels/table.h"

/* Four lanes, whatever the width of the machine's vectors: one fixed order of additions. */
typedef double quad __attribute__((vector_size(4 * sizeof(double))));

static inline quad quad_load(const float *x)
{
  return (quad){WIDENED_4(x, 0)};
}

static double quad_total(quad v)
{
  return (v[0] + v[1]) + (v[2] + v[3]);
}

void KERNEL(moments)(const float *x, size_t n, struct central_moments *out)
{
  quad sum = {0}, s2 = {0}, s3 = {0}, s4 = {0};
  size_t whole = n - n % 4;
  float tail[4] = {0};
  memcpy(tail, x + whole, (n - whole) * sizeof *tail);
  for (size_t i = 0; i < whole; i += 4)
    sum += quad_load(x + i);
  sum += quad_load(tail);
  double mean = quad_total(sum) / (double)n;
  const quad center = {mean, mean, mean, mean};
  for (size_t i = 0; i < whole; i += 4) {
    quad d = quad_load(x + i) - center, d2 = d * d;
    s2 += d2;
    s3 += d2 * d;
    s4 += d2 * d2;
  }
  for (size_t i = 0; i < n - whole; i++) {
    double d = (double)tail[i] - mean, d2 = d * d;
    s2[i] += d2;
    s3[i] += d2 * d;
    s4[i] += d2 * d2;
  }
  *out = (struct central_moments){mean, quad_total(s2), quad_total(s3), quad_total(s4)};
}
