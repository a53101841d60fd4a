#include "quant/hadamard.h"

#include <math.h>

void hadamard(float *values, size_t n, size_t wide)
{
  for (size_t half = wide; half < n * wide; half *= 2)
    for (size_t at = 0; at < n * wide; at += 2 * half)
      for (size_t i = at; i < at + half; i++) {
        float a = values[i], b = values[i + half];
        values[i] = a + b;
        values[i + half] = a - b;
      }
  float norm = (float)(1 / sqrt((double)n));
  for (size_t i = 0; i < n * wide; i++)
    values[i] *= norm;
}
