/* Finding a block codec, and the values of a block that has been taken apart. */
#include "quant/block.h"
#include "quant/kernels/kernels.h"

#include <math.h>
#include <string.h>

struct block_codec block_resized(const struct block_codec *codec, size_t length)
{
  const size_t scale_bytes = 1;
  struct block_codec resized = *codec;
  resized.length = resized.sub_length = length;
  resized.bytes = scale_bytes + (codec->bytes - scale_bytes) * length / codec->length;
  return resized;
}

/* Zeros are a block of every codec. */
const float *block_levels(const struct block_codec *codec, size_t *count)
{
  static const unsigned char zeros[BLOCK_BYTES_MOST];
  const struct block_setting setting = {.length = codec->length, .tensor_scale = 1};
  struct block_parts parts;
  codec->take_apart(&setting, zeros, &parts);
  *count = parts.level_count;
  return parts.levels;
}

bool block_makes(const struct block_codec *codec, float level)
{
  bool all = codec->least == codec->most;
  return isfinite(level) && (all || (level >= codec->least && level <= codec->most));
}

void block_values(const struct block_codec *codec, const struct block_parts *parts, float *y)
{
  for (size_t i = 0; i < codec->length; i++) {
    size_t sub = i / codec->sub_length;
    y[i] = parts->scale[sub] * parts->levels[parts->code[i]];
    if (parts->has_offset)
      y[i] += parts->offset[sub];
  }
}

const struct block_codec *block_codec_of(const struct kernels *level, size_t index)
{
  for (const struct block_codec *const *family = level->codecs; *family; family++)
    for (const struct block_codec *codec = *family; codec->name; codec++)
      if (index-- == 0)
        return codec;
  return NULL;
}

const struct block_codec *block_codec_at(size_t index)
{
  return block_codec_of(&kernels, index);
}

const struct block_codec *block_codec_find(const char *name)
{
  const struct block_codec *codec;
  for (size_t i = 0; (codec = block_codec_at(i)); i++)
    if (strcmp(codec->name, name) == 0)
      return codec;
  return NULL;
}
