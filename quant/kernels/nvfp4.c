/* NVFP4: E2M1 elements in blocks of 16 under an E4M3 scale, and a float32 scale for the tensor.
 *
 * A block is its scale, then the codes; the tensor's scale stays in the setting. The libraries of
 * the field differ in small things, each a variant: how the tensor's scale is kept (g = absmax /
 * 2688, or its inverse), the smallest block scale, the scale of a zero block, and whether elements
 * are divided or multiplied by a reciprocal. All arithmetic is float32, in the order of the
 * variant.
 *
 * Four over six: a block may map its largest to 4 instead of 6 (its scale is half as large again),
 * where that errs less; the tensor's scale then is absmax / (6 * 256), which leaves E4M3 room for
 * the larger scales.
 *
 * A block with NaN has the scale NaN and codes 0; infinity becomes 6 under the largest scale. */
#include "quant/kernels/blocks.h"

#include <float.h>

enum { LENGTH = 16 };
enum variant { MODELOPT, TORCHAO, TORCHAO_SINGLE, VLLM };
static const char *const variants[] = {"modelopt", "torchao", "torchao_single", "vllm", NULL};

#define SIX           6.0f
#define SCALE_LARGEST 448.0f

static const struct minifloat_grid e4m3 = {.mantissa_bits = 3,
                                           .min_exponent = -6,
                                           .max = SCALE_LARGEST,
                                           .bits = 8,
                                           .exponent_bits = 4,
                                           .top = TOP_FN};
static const struct minifloat_grid e2m1 = {.mantissa_bits = 1,
                                           .min_exponent = 0,
                                           .max = SIX,
                                           .bits = 4,
                                           .exponent_bits = 2,
                                           .top = TOP_FN};

/* --- scales ---------------------------------------------------------------------------------- */

/* No scale may be 0 or infinite; of a tensor of zeros it is 1. */
static float tensor_scale(const struct block_setting *setting, float absmax)
{
  const float most = SIX * (setting->four_over_six ? 256 : SCALE_LARGEST);
  if (setting->variant == TORCHAO_SINGLE)
    return 0;
  if (absmax == 0)
    return 1;
  float scale = setting->variant == VLLM ? most / absmax : absmax / most;
  return scale > FLT_MAX ? FLT_MAX : scale < FLT_MIN ? FLT_MIN : scale;
}

/* What the variant rounds to E4M3 for a block whose largest magnitude is MOST; NaN stays NaN. */
static inline float block_scale(const struct block_setting *setting, float most)
{
  const float g = setting->tensor_scale;
  switch (setting->variant) {
  case MODELOPT: {
    float scale = most / (SIX * g);
    return scale == 0 ? 1 : scale < 0x1p-9f ? 0x1p-9f : scale;
  }
  case TORCHAO:
  case TORCHAO_SINGLE: {
    float scale = most / SIX;
    scale = setting->variant == TORCHAO ? scale / g : scale;
    return scale < 0x1p-6f ? 0x1p-6f : scale;
  }
  default:
    return g * (most * (1 / SIX));
  }
}

/* Both scales of a block as one number: y = level * it. */
static inline float whole_scale(const struct block_setting *setting, float scale)
{
  const float g = setting->tensor_scale;
  return setting->variant == VLLM             ? scale / g
         : setting->variant == TORCHAO_SINGLE ? scale
                                              : scale * g;
}

/* Only where they are part of the caller does the compiler know the length of a block. */
#define ALWAYS_INLINE inline __attribute__((always_inline))

/* --- elements -------------------------------------------------------------------------------- */

/* x in units of the block's scale. */
static ALWAYS_INLINE void scale_elements(const struct block_setting *setting, float scale,
                                         const float *x, size_t n, float *v)
{
  const float g = setting->tensor_scale;
  float factor = (setting->variant == TORCHAO_SINGLE ? 1 : 1 / g) / scale;
  if (setting->variant == VLLM)
    factor = scale == 0 ? 0 : 1 / (scale * (1 / g));
  if (setting->variant == MODELOPT)
    for (size_t i = 0; i < n; i++)
      v[i] = x[i] / (scale * g);
  else
    for (size_t i = 0; i < n; i++)
      v[i] = x[i] * factor;
  for (size_t i = 0; i < n; i++)
    v[i] = v[i] == v[i] ? v[i] : 0; /* infinity under the scale 0 */
}

/* Codes of a block under SCALE, a number of E4M3. */
static ALWAYS_INLINE void encode_elements(const struct block_setting *setting, float scale,
                                          const float *x, size_t n, uint32_t *code)
{
  const struct minifloat_constants c = minifloat_constants(&e2m1);
  float v[BLOCK_MOST];
  scale_elements(setting, scale, x, n, v);
  for (size_t i = 0; i < n; i++) {
    float g = minifloat_special(v[i], minifloat_nearest(v[i], &c), &c);
    code[i] = minifloat_code(g, &c);
  }
}

static double squared_error(const struct block_setting *setting, float scale, const float *x,
                            size_t n, const uint32_t *code)
{
  float whole = whole_scale(setting, scale);
  double error2 = 0;
  for (size_t i = 0; i < n; i++) {
    double error = (double)x[i] - (double)(whole * block_e2m1[code[i]]);
    error2 += error * error;
  }
  return error2;
}

/* The number of E4M3 nearest to SCALE, at most 448; NaN stays NaN. */
static inline float e4m3_nearest(float scale)
{
  const struct minifloat_constants c = minifloat_constants(&e4m3);
  return minifloat_nearest(scale, &c);
}

/* Codes of a block under SCALE or, where its largest errs less as 4, a scale half as large again;
 * which one. RAW is what SCALE was rounded from. */
static ALWAYS_INLINE float four_over_six(const struct block_setting *setting, float raw,
                                         float scale, const float *x, size_t n, uint32_t *code)
{
  uint32_t other[BLOCK_MOST];
  float larger = e4m3_nearest(raw * 1.5f);
  if (larger == scale)
    return scale;
  encode_elements(setting, larger, x, n, other);
  if (!(squared_error(setting, larger, x, n, other) < squared_error(setting, scale, x, n, code)))
    return scale;
  memcpy(code, other, n * sizeof *code);
  return larger;
}

/* --- the codec ------------------------------------------------------------------------------- */

enum { BATCH = 16 }; /* blocks whose scales are found together: each alone waits for itself */

static ALWAYS_INLINE void encode_batch(const struct block_setting *setting, const float *x,
                                       size_t length, size_t blocks, unsigned char *packed)
{
  const struct minifloat_constants c = minifloat_constants(&e4m3);
  float raw[BATCH], scale[BATCH];
  uint32_t code[BLOCK_MOST];
  for (size_t b = 0; b < blocks; b++)
    raw[b] = block_scale(setting, bits_float(block_most(x + b * length, length)));
  for (size_t b = 0; b < blocks; b++)
    scale[b] = minifloat_nearest(raw[b], &c);
  for (size_t b = 0; b < blocks; b++, x += length, packed += 1 + length / 2) {
    bool number = scale[b] == scale[b];
    encode_elements(setting, number ? scale[b] : 1, x, length, code);
    if (number && setting->four_over_six)
      scale[b] = four_over_six(setting, raw[b], scale[b], x, length, code);
    packed[0] = number ? (unsigned char)(minifloat_code(scale[b], &c) & 0x7f) : 0x7f;
    codes_pack(4, code, length, packed + 1);
    if (!number)
      memset(packed + 1, 0, length / 2);
  }
}

static ALWAYS_INLINE void encode_blocks(const struct block_setting *setting, const float *x,
                                        size_t length, size_t n, unsigned char *packed)
{
  size_t blocks = n / length;
  for (size_t taken; blocks > 0; blocks -= taken) {
    taken = blocks < BATCH ? blocks : BATCH;
    encode_batch(setting, x, length, taken, packed);
    x += taken * length;
    packed += taken * (1 + length / 2);
  }
}

/* A length that the compiler knows makes plain vectors of its loops. */
static void encode(const struct block_setting *setting, const float *x, const float *importance,
                   size_t n, unsigned char *packed)
{
  size_t length = block_length(setting, LENGTH);
  (void)importance;
  if (length == LENGTH)
    encode_blocks(setting, x, LENGTH, n, packed);
  else
    encode_blocks(setting, x, length, n, packed);
}

static void take_apart(const struct block_setting *setting, const unsigned char *packed,
                       struct block_parts *parts)
{
  const float g = setting->tensor_scale;
  codes_unpack(4, packed + 1, block_length(setting, LENGTH), parts->code);
  parts->scale[0] = whole_scale(setting, block_e4m3[packed[0]]);
  parts->sub_scale[0] = packed[0];
  parts->has_offset = false;
  parts->levels = block_e2m1;
  parts->level_count = 16;
  parts->note[0] = (struct block_note){"scale", "e4m3", block_e4m3[packed[0]], packed[0]};
  parts->note[1] = (struct block_note){"tensor scale", "float32", g, float_bits(g)};
  parts->notes = setting->variant == TORCHAO_SINGLE ? 1 : 2;
}

static inline void decode_blocks(const struct block_setting *setting, const unsigned char *packed,
                                 size_t length, size_t blocks, float *y)
{
  for (; blocks > 0; blocks--, packed += 1 + length / 2, y += length)
    nibble_values(packed + 1, length, &e2m1, whole_scale(setting, block_e4m3[packed[0]]), y);
}

static void decode(const struct block_setting *setting, const unsigned char *packed, size_t blocks,
                   float *y)
{
  size_t length = block_length(setting, LENGTH);
  if (length == LENGTH)
    decode_blocks(setting, packed, LENGTH, blocks, y);
  else
    decode_blocks(setting, packed, length, blocks, y);
}

const struct block_codec KERNEL(nvfp4_codecs)[] = {
    {.name = "nvfp4",
     .length = LENGTH,
     .bytes = 1 + LENGTH / 2,
     .sub_length = LENGTH,
     .pads = true,
     .variants = variants,
     .resizes = true,
     .four_over_six = true,
     .tensor_scale = tensor_scale,
     .encode = encode,
     .take_apart = take_apart,
     .decode = decode},
    {.name = NULL},
};
