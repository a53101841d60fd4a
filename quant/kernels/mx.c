/* OCP microscaling (Microscaling Formats 1.0): small elements under a shared power of two.
 *
 * A block is its E8M0 scale, then the codes. The shared exponent follows one of the rules of the
 * field's implementations, all of them on the bits of the largest magnitude (the logarithm of
 * microxcaling's Python errs just below powers of two); elements are divided by the scale (exact),
 * rounded, and clamped to the largest finite value. A block with NaN or infinity has the scale NaN,
 * and codes 0. */
#include "quant/kernels/blocks.h"

enum rule { RULE_FLOOR, RULE_CEIL, RULE_RCEIL, RULE_EVEN };
static const char *const rules[] = {"floor", "ceil", "rceil", "even", NULL};

enum { LENGTH = 32, SCALE_LARGEST = 254, SCALE_NAN = 255, MANTISSA = 0x7fffff };

struct element {
  struct minifloat_grid grid; /* int8: mantissa_bits and max alone */
  int bits, emax;             /* exponent of the largest number */
  uint32_t last;              /* eight bits: its code */
  bool infinite;              /* has an infinity */
  const float *levels;
};

/* --- the shared scale ------------------------------------------------------------------------ */

/* The smallest power of two at or above D, as E8M0. */
static inline int scale_above(float d)
{
  uint32_t bits = float_bits(d);
  if (bits >> 23 == 0) /* 2^-127 is a subnormal float32 */
    return bits > 0x400000;
  return (int)(bits >> 23) + ((bits & MANTISSA) != 0);
}

/* E8M0 code for a block whose largest magnitude has the bits MOST. */
static inline int scale_code(uint32_t most, int rule, const struct element *element)
{
  int code = (int)(most >> 23) - element->emax;
  if (most >= FLOAT_INFINITY)
    return SCALE_NAN;
  if (rule == RULE_CEIL)
    code += (most & MANTISSA) != 0;
  else if (rule == RULE_RCEIL)
    code = scale_above(bits_float(most) * (1 / element->grid.max));
  else if (rule == RULE_EVEN)
    code = (int)((most + (1u << (22 - element->grid.mantissa_bits))) >> 23) - element->emax;
  return code < 0 ? 0 : code > SCALE_LARGEST ? SCALE_LARGEST : code;
}

/* --- elements -------------------------------------------------------------------------------- */

static inline void encode_floats(const struct element *element, const float *x, size_t n,
                                 float inverse, int rounding, uint32_t *code)
{
  const struct minifloat_constants c = minifloat_constants(&element->grid);
  if (rounding == ROUND_EVEN)
    for (size_t i = 0; i < n; i++)
      code[i] =
          minifloat_code(minifloat_special(x[i], minifloat_nearest(x[i] * inverse, &c), &c), &c);
  else
    for (size_t i = 0; i < n; i++)
      code[i] = minifloat_code(
          minifloat_special(x[i], minifloat_directed(x[i] * inverse, &c, rounding), &c), &c);
}

/* 64ths in two's complement, -127 to 127. */
static inline void encode_integers(const float *x, size_t n, float inverse, int rounding,
                                   uint32_t *code)
{
  if (rounding == ROUND_EVEN)
    for (size_t i = 0; i < n; i++)
      code[i] = float_bits(integer_shifted(x[i] * inverse * 64, 1, -127, 127)) & 0xff;
  else
    for (size_t i = 0; i < n; i++) {
      float v = x[i] * inverse * 64;
      v = rounding == ROUND_AWAY ? roundf(v) : truncf(v);
      code[i] = (uint8_t)(int8_t)(v > 127 ? 127 : v < -127 ? -127 : v);
    }
}

static inline void encode(const struct element *element, const struct block_setting *setting,
                          const float *x, size_t length, size_t n, unsigned char *packed)
{
  size_t bytes = 1 + length * (size_t)element->bits / 8;
  uint32_t code[BLOCK_MOST];
  for (; n > 0; n -= length, x += length, packed += bytes) {
    int scale = scale_code(block_most(x, length), setting->rule, element);
    packed[0] = (unsigned char)scale;
    if (scale == SCALE_NAN) {
      memset(packed + 1, 0, bytes - 1);
      continue;
    }
    float inverse = block_e8m0[254 - scale];
    if (element->levels == block_64ths)
      encode_integers(x, length, inverse, setting->rounding, code);
    else
      encode_floats(element, x, length, inverse, setting->rounding, code);
    codes_pack(element->bits, code, length, packed + 1);
  }
}

static inline void take_apart(const struct element *element, const struct block_setting *setting,
                              const unsigned char *packed, struct block_parts *parts)
{
  float scale = block_e8m0[packed[0]];
  codes_unpack(element->bits, packed + 1, block_length(setting, LENGTH), parts->code);
  parts->scale[0] = scale;
  parts->sub_scale[0] = packed[0];
  parts->has_offset = false;
  parts->levels = element->levels;
  parts->level_count = (size_t)1 << element->bits;
  parts->note[0] = (struct block_note){"scale", "e8m0", scale, packed[0]};
  parts->notes = 1;
}

/* y = scale * number of N codes of eight bits; behind the largest number lies infinity, where the
 * format has one, then NaN. */
static inline void byte_values(const struct element *element, const unsigned char *restrict code,
                               size_t n, float scale, float *restrict y)
{
  const uint32_t infinity = element->last + 1u, nan = infinity + element->infinite;
  for (size_t i = 0; i < n; i++) {
    uint32_t magnitude = code[i] & 0x7fu;
    uint32_t bits = float_bits(minifloat_level(code[i], &element->grid));
    bits = magnitude >= infinity ? FLOAT_INFINITY | (bits & FLOAT_SIGN) : bits;
    bits = magnitude >= nan ? float_bits(__builtin_nanf("")) : bits;
    y[i] = scale * bits_float(bits);
  }
}

static inline void decode(const struct element *element, size_t length, const unsigned char *packed,
                          size_t blocks, float *y)
{
  size_t bytes = 1 + length * (size_t)element->bits / 8;
  for (; blocks > 0; blocks--, packed += bytes, y += length) {
    float scale = block_e8m0[packed[0]];
    if (element->bits == 4)
      nibble_values(packed + 1, length, &element->grid, scale, y);
    else if (element->bits == 6)
      sextet_values(packed + 1, length, &element->grid, scale, y);
    else if (element->grid.exponent_bits > 0)
      byte_values(element, packed + 1, length, scale, y);
    else
      for (size_t i = 0; i < length; i++)
        y[i] = scale * ((float)(int8_t)packed[1 + i] * 0x1p-6f);
  }
}

/* --- the formats ----------------------------------------------------------------------------- */

/* One element format: its constants, and the codec's functions compiled for them and, because a
 * known length makes plain vectors of the loops, for the usual block. */
#define ELEMENT(name, width, exponent, mantissa, exponent_bias, largest, octave, values, code,     \
                infinity)                                                                          \
  static const struct element element_##name = {.grid = {.mantissa_bits = (mantissa),              \
                                                         .min_exponent = 1 - (exponent_bias),      \
                                                         .max = (largest),                         \
                                                         .bits = (width),                          \
                                                         .exponent_bits = (exponent),              \
                                                         .top = TOP_FN},                           \
                                                .bits = (width),                                   \
                                                .emax = (octave),                                  \
                                                .levels = (values),                                \
                                                .last = (code),                                    \
                                                .infinite = (infinity)};                           \
  static void encode_##name(const struct block_setting *setting, const float *x,                   \
                            const float *importance, size_t n, unsigned char *packed)              \
  {                                                                                                \
    size_t length = block_length(setting, LENGTH);                                                 \
    (void)importance;                                                                              \
    if (length == LENGTH)                                                                          \
      encode(&element_##name, setting, x, LENGTH, n, packed);                                      \
    else                                                                                           \
      encode(&element_##name, setting, x, length, n, packed);                                      \
  }                                                                                                \
  static void take_apart_##name(const struct block_setting *setting, const unsigned char *packed,  \
                                struct block_parts *parts)                                         \
  {                                                                                                \
    take_apart(&element_##name, setting, packed, parts);                                           \
  }                                                                                                \
  static void decode_##name(const struct block_setting *setting, const unsigned char *packed,      \
                            size_t blocks, float *y)                                               \
  {                                                                                                \
    size_t length = block_length(setting, LENGTH);                                                 \
    if (length == LENGTH)                                                                          \
      decode(&element_##name, LENGTH, packed, blocks, y);                                          \
    else                                                                                           \
      decode(&element_##name, length, packed, blocks, y);                                          \
  }
ELEMENT(e4m3, 8, 4, 3, 7, 448, 8, block_e4m3, 0x7e, false)
ELEMENT(e5m2, 8, 5, 2, 15, 57344, 15, block_e5m2, 0x7b, true)
ELEMENT(e2m3, 6, 2, 3, 1, 7.5f, 2, block_e2m3, 0, false)
ELEMENT(e3m2, 6, 3, 2, 3, 28, 4, block_e3m2, 0, false)
ELEMENT(e2m1, 4, 2, 1, 1, 6, 2, block_e2m1, 0, false)
/* Six bits behind the leading one of 64 to 127. */
ELEMENT(int8, 8, 0, 6, 0, 127 / 64.0f, 0, block_64ths, 0, false)
#undef ELEMENT

#define CODEC(word, element, width, limit)                                                         \
  {                                                                                                \
    .name = word, .length = LENGTH, .bytes = 1 + LENGTH * (width) / 8, .sub_length = LENGTH,       \
    .pads = true, .rules = rules, .resizes = true, .rounds = true, .encode = encode_##element,     \
    .least = -(limit), .most = (limit), .take_apart = take_apart_##element,                        \
    .decode = decode_##element,                                                                    \
  }
const struct block_codec KERNEL(mx_codecs)[] = {
    CODEC("mxfp8_e4m3", e4m3, 8, 0),
    CODEC("mxfp8_e5m2", e5m2, 8, 0),
    CODEC("mxfp6_e2m3", e2m3, 6, 0),
    CODEC("mxfp6_e3m2", e3m2, 6, 0),
    CODEC("mxfp4", e2m1, 4, 0),
    CODEC("mxint8", int8, 8, 127 / 64.0f),
    {.name = NULL},
};
