/* The formats that bring their own blocks, as rows of the format table: what their codes mean at
 * scale 1. The codec that bears the row's name does the rest. */
#include "quant/block.h"
#include "quant/family.h"

#include <math.h>

static const float *levels_of(const struct format *format, size_t *count)
{
  return block_levels(block_codec_find(format->name), count);
}

static double max_of(const struct format *format)
{
  const struct block_codec *codec = block_codec_find(format->name);
  size_t count;
  const float *level = levels_of(format, &count);
  double most = 0;
  for (size_t i = 0; i < count; i++)
    if (block_makes(codec, level[i]))
      most = fmax(most, fabs((double)level[i]));
  return most;
}

/* The two zeros are one level. */
static size_t distinct(const struct format *format, bool asymmetric, bool narrow)
{
  const struct block_codec *codec = block_codec_find(format->name);
  size_t count, found = 0;
  const float *level = levels_of(format, &count);
  (void)asymmetric;
  (void)narrow;
  for (size_t i = 0; i < count; i++) {
    bool fresh = block_makes(codec, level[i]);
    for (size_t k = 0; k < i && fresh; k++)
      fresh = level[k] != level[i];
    found += fresh;
  }
  return found;
}

static float decode(const struct format *format, uint32_t code)
{
  size_t count;
  const float *level = levels_of(format, &count);
  return code < count ? level[code] : NAN;
}

/* The code of the level nearest to X, the first of equals: blocks have rules of their own. */
static uint32_t encode(const struct format *format, float x, bool nonfinite)
{
  (void)nonfinite;
  size_t count, best = 0;
  const float *level = levels_of(format, &count);
  float distance = INFINITY;
  for (size_t i = 0; i < count; i++)
    if (isfinite(level[i]) && fabsf(level[i] - x) < distance) {
      distance = fabsf(level[i] - x);
      best = i;
    }
  return (uint32_t)best;
}

static float code_value(const struct grid *grid, const struct unit *unit, uint32_t code)
{
  (void)unit;
  return decode(grid->format, code);
}

const struct family block_family = {
    .name = "block",
    .max = max_of,
    .levels = distinct,
    .decode = decode,
    .encode = encode,
    .code_value = code_value,
};
