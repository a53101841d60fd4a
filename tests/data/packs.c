#include "tests/data/packs.h"

static uint32_t state;

void packs_seed(uint32_t seed)
{
  state = seed;
}

unsigned packs_next(unsigned below)
{
  state = state * 1664525u + 1013904223u;
  return (state >> 8) % below;
}

void packs_draw(size_t count, unsigned char *bytes, float *scales)
{
  packs_seed((uint32_t)count + 1);
  for (size_t i = 0; i < count; i++)
    bytes[i] = (unsigned char)packs_next(256);
  for (size_t i = 0; i < PACKS_SCALES; i++)
    scales[i] = (float)(1 + packs_next(200)) / 64;
}

struct source *packs_check(const char *name, const char *stored, size_t rows, size_t columns,
                           const float *expected)
{
  struct source *source = files_open(files_folder());
  size_t index = checkpoint_expect(source, name, expected, rows * columns);
  const struct tensor *tensor = source_tensor(source, index);
  assert_string_equal(tensor->stored->name, stored);
  assert_int_equal(tensor->shape.dims, 2);
  assert_int_equal(tensor->shape.dim[0], rows);
  assert_int_equal(tensor->shape.dim[1], columns);
  return source;
}
