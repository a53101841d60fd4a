#include "tests/support/portable.h"

#include <math.h>

static const uint64_t golden = 0x9E3779B97F4A7C15U;
static const double pi = 3.14159265358979323846;

uint64_t portable_next(uint64_t *state)
{
  uint64_t z = *state += golden;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
  z = (z ^ z >> 27) * 0x94D049BB133111EBU;
  return z ^ z >> 31;
}

double portable_uniform(uint64_t *state)
{
  return ((double)(portable_next(state) >> 11) + 0.5) / 9007199254740992.0;
}

double portable_normal(uint64_t *state)
{
  double u1 = portable_uniform(state), u2 = portable_uniform(state);
  return sqrt(-2 * log(u1)) * cos(2 * pi * u2);
}

void portable_gaussian(float *out, size_t n)
{
  uint64_t state = golden;
  for (size_t i = 0; i < n; i++)
    out[i] = (float)portable_normal(&state);
}

void portable_laplace(float *out, size_t n)
{
  uint64_t state = golden;
  for (size_t i = 0; i < n; i++) {
    double v = portable_uniform(&state) - 0.5;
    out[i] = (float)((v > 0 ? -1 : 1) * log(1 - 2 * fabs(v)));
  }
}

void portable_student3(float *out, size_t n)
{
  uint64_t state = golden;
  for (size_t i = 0; i < n; i++) {
    double top = portable_normal(&state), sum = 0;
    for (int k = 0; k < 3; k++) {
      double g = portable_normal(&state);
      sum += g * g;
    }
    out[i] = (float)(top / sqrt(sum / 3));
  }
}
