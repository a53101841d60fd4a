#include "quant/places.h"

enum { OCTAVES = 16, MANTISSA = 52, BIAS = 1023 };

void places_fill(struct places *places, const double *value, size_t count)
{
  const int bits = count < PLACES_MANY ? 7 : 9;
  uint32_t most = 0;
  size_t i = 0;
  places->value = value;
  places->shift = MANTISSA - bits;
  places->below = ((int64_t)(BIAS - OCTAVES) << bits) - 1;
  places->cells = ((uint32_t)OCTAVES << bits) + 2;
  for (uint32_t cell = 0; cell < places->cells; cell++) {
    places->start[cell] = (uint32_t)i;
    while (i < count && places_cell(places, value[i]) <= cell)
      i++;
    uint32_t held = (uint32_t)i - places->start[cell];
    most = cell > 0 && held > most ? held : most;
  }
  places->start[places->cells] = (uint32_t)count;
  places->stride = 1;
  while (2 * places->stride <= most)
    places->stride *= 2;
}
