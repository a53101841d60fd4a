#include "tests/analysis/tensors.h"

#include "tests/support/portable.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

float *random_values(size_t count, uint64_t seed, bool awkward)
{
  const float odd[] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 1e-42f};
  float *values = malloc((count ? count : 1) * sizeof *values);
  for (size_t i = 0; i < count; i++) {
    double sum = -6;
    for (int k = 0; k < 12; k++)
      sum += portable_uniform(&seed);
    values[i] = (float)(i % 97 == 5 ? 30 * sum : sum);
    if (awkward && portable_next(&seed) % 11 == 0)
      values[i] = odd[portable_next(&seed) % 6];
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
