#include "tests/analysis/tensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

uint64_t random_bits(uint64_t *state)
{
  uint64_t z = *state += 0x9E3779B97F4A7C15U;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
  z = (z ^ z >> 27) * 0x94D049BB133111EBU;
  return z ^ z >> 31;
}

double random_uniform(uint64_t *state)
{
  return ((double)(random_bits(state) >> 11) + 0.5) / 0x1p53;
}

float *random_values(size_t count, uint64_t seed, bool awkward)
{
  const float odd[] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 1e-42f};
  float *values = malloc((count ? count : 1) * sizeof *values);
  for (size_t i = 0; i < count; i++) {
    double sum = -6;
    for (int k = 0; k < 12; k++)
      sum += random_uniform(&seed);
    values[i] = (float)(i % 97 == 5 ? 30 * sum : sum);
    if (awkward && random_bits(&seed) % 11 == 0)
      values[i] = odd[random_bits(&seed) % 6];
  }
  return values;
}

struct tensor tensor_over(const float *values, struct shape shape)
{
  size_t count = shape_elements(&shape);
  return (struct tensor){.name = "test",
                         .shape = shape,
                         .stored = stored_find("f32"),
                         .count = count,
                         .bytes = count * sizeof *values,
                         .data = (const unsigned char *)values};
}

struct quantizer quantizer_of(const char *spec)
{
  struct quantizer quantizer;
  struct error error;
  if (quantizer_parse(spec, &quantizer, &error) != STATUS_OK) {
    fprintf(stderr, "%s: %s\n", spec, error.text);
    abort();
  }
  return quantizer;
}
