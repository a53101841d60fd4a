/* The simple ggml types: blocks of 32, a float16 scale, and for two of them a float16 minimum.
 *
 * Layouts, in bytes: q4_0 d2 q16; q4_1 d2 m2 q16; q5_0 d2 h4 q16; q5_1 d2 m2 h4 q16; q8_0 d2 q32.
 * Element j is the low half of byte j of q, element j + 16 the high half; the fifth bits are a
 * little-endian word with element j in bit j. */
#include "quant/kernels/ggml_search.h"

#include <float.h>

enum { LENGTH = 32, HALF = 16, GROUP = PASS_LENGTH / LENGTH };

/* --- codes ---------------------------------------------------------------------------------- */

static inline void fifth_bits_store(const uint8_t *code, unsigned char *to)
{
  uint32_t word = 0;
  for (uint32_t j = 0; j < LENGTH; j++)
    word |= (uint32_t)(code[j] >> 4) << j;
  for (uint32_t k = 0; k < 4; k++)
    to[k] = (unsigned char)(word >> 8 * k & 0xff);
}

static inline void fifth_bits_load(const unsigned char *from, uint8_t *code)
{
  uint8_t bit[LENGTH];
  packed_unpack(from, 1, LENGTH, bit);
  for (size_t j = 0; j < LENGTH; j++)
    code[j] |= (uint8_t)(bit[j] << 4);
}

/* Codes behind the scales: five bits when TOP needs them. */
static inline void codes_store(const uint8_t *code, int levels, unsigned char *to)
{
  if (levels == 32) {
    fifth_bits_store(code, to);
    to += 4;
  }
  nibbles_pack(code, HALF, to);
}

static inline void codes_load(const unsigned char *from, int levels, uint8_t *code)
{
  nibbles_unpack(from + (levels == 32 ? 4 : 0), HALF, code);
  if (levels == 32)
    fifth_bits_load(from, code);
}

/* --- q4_0, q5_0 ------------------------------------------------------------------------------ */

static inline void symmetric_block(const float *restrict x, int top, unsigned char *restrict packed)
{
  float v[LENGTH];
  uint8_t code[LENGTH];
  float d = first_most(x, LENGTH) / (float)-top, factor = reciprocal_or_zero(d);
  for (size_t i = 0; i < LENGTH; i++)
    v[i] = kept_within(x[i] * factor + ((float)top + 0.5f), (float)(2 * top - 1));
  trunc_codes(v, LENGTH, code);
  half_store(packed, d);
  codes_store(code, 2 * top, packed + 2);
}

static inline void symmetric_weighted(const float *x, const float *importance, size_t n, int top,
                                      size_t bytes, unsigned char *packed)
{
  float weights[PASS_LENGTH], mean2 = sum_squares(x, n) / (float)n;
  struct symmetric_fit fits[GROUP];
  uint8_t code[LENGTH];
  for (size_t done = 0; done < n; done += PASS_LENGTH) {
    size_t m = n - done < PASS_LENGTH ? n - done : PASS_LENGTH;
    weigh(x + done, importance + done, m, mean2, weights);
    KERNEL(symmetric_search)(x + done, weights, LENGTH, m / LENGTH, top, fits);
    for (size_t block = 0; block < m / LENGTH; block++, packed += bytes) {
      symmetric_codes(&fits[block], x + done + block * LENGTH, LENGTH, top, code);
      half_store(packed, fits[block].scale);
      codes_store(code, 2 * top, packed + 2);
    }
  }
}

static inline void symmetric_encode(const float *x, const float *importance, size_t n, int top,
                                    size_t bytes, unsigned char *packed)
{
  if (importance)
    symmetric_weighted(x, importance, n, top, bytes, packed);
  else
    for (size_t done = 0; done < n; done += LENGTH, packed += bytes)
      symmetric_block(x + done, top, packed);
}

static inline void symmetric_parts(const unsigned char *packed, int top, struct block_parts *parts)
{
  codes_load(packed + 2, 2 * top, parts->code);
  parts->scale[0] = half_load(packed);
  parts->has_offset = false;
  parts->offset[0] = 0;
  parts->sub_scale[0] = parts->sub_offset[0] = 0;
  parts->levels = BLOCK_LEVELS(top);
  parts->level_count = (size_t)(2 * top);
  parts->note[0] = half_note("d", packed);
  parts->notes = 1;
}

/* --- q4_1, q5_1 ------------------------------------------------------------------------------ */

struct extent {
  float min, max;
};

/* Of a zero minimum the first zero's sign is kept, as the sequential comparison does. */
static inline struct extent block_extent(const float *x)
{
  int32_t lowest = float_key(FLT_MAX), highest = float_key(-FLT_MAX);
  for (size_t i = 0; i < LENGTH; i++) {
    int32_t nan = -((int32_t)float_magnitude(x[i]) > (int32_t)FLOAT_INFINITY);
    int32_t key = float_key(x[i]) & ~nan, low = key | (nan & INT32_MAX),
            high = key | (nan & INT32_MIN);
    lowest = low < lowest ? low : lowest;
    highest = high > highest ? high : highest;
  }
  struct extent extent = {key_float(lowest), key_float(highest)};
  if (extent.min == 0)
    for (size_t i = LENGTH; i--;)
      extent.min = x[i] == 0 ? x[i] : extent.min;
  return extent;
}

static inline void affine_block(const float *restrict x, int top, unsigned char *restrict packed)
{
  float v[LENGTH];
  uint8_t code[LENGTH];
  struct extent extent = block_extent(x);
  float d = (extent.max - extent.min) / (float)top, factor = reciprocal_or_zero(d);
  for (size_t i = 0; i < LENGTH; i++)
    v[i] = kept_within((x[i] - extent.min) * factor + 0.5f, (float)top);
  trunc_codes(v, LENGTH, code);
  half_store(packed, d);
  half_store(packed + 2, extent.min);
  codes_store(code, top + 1, packed + 4);
}

static inline void affine_weighted(const float *x, const float *importance, size_t n, int top,
                                   size_t bytes, unsigned char *packed)
{
  const struct affine_rule rule = {top, -0.9f, 0.05f, 36, false, WEIGHT_GIVEN};
  float weights[PASS_LENGTH], mean2 = sum_squares(x, n) / (float)n;
  struct affine_fit fits[GROUP];
  uint8_t code[LENGTH];
  for (size_t done = 0; done < n; done += PASS_LENGTH) {
    size_t m = n - done < PASS_LENGTH ? n - done : PASS_LENGTH;
    weigh(x + done, importance + done, m, mean2, weights);
    KERNEL(affine_search)(&rule, x + done, weights, LENGTH, m / LENGTH, fits);
    for (size_t block = 0; block < m / LENGTH; block++, packed += bytes) {
      affine_codes(&fits[block], x + done + block * LENGTH, LENGTH, top, code);
      half_store(packed, fits[block].scale);
      half_store(packed + 2, fits[block].min);
      codes_store(code, top + 1, packed + 4);
    }
  }
}

static inline void affine_encode(const float *x, const float *importance, size_t n, int top,
                                 size_t bytes, unsigned char *packed)
{
  if (importance)
    affine_weighted(x, importance, n, top, bytes, packed);
  else
    for (size_t done = 0; done < n; done += LENGTH, packed += bytes)
      affine_block(x + done, top, packed);
}

static inline void affine_parts(const unsigned char *packed, int top, struct block_parts *parts)
{
  codes_load(packed + 4, top + 1, parts->code);
  parts->scale[0] = half_load(packed);
  parts->has_offset = true;
  parts->offset[0] = half_load(packed + 2);
  parts->sub_scale[0] = parts->sub_offset[0] = 0;
  parts->levels = BLOCK_LEVELS(0);
  parts->level_count = (size_t)top + 1;
  parts->note[0] = half_note("d", packed);
  parts->note[1] = half_note("m", packed + 2);
  parts->notes = 2;
}

/* --- the four of them ------------------------------------------------------------------------ */

/* Codes are CODE - zero times the scale; ARGUMENT is what the functions of the kind call top. */
#define SIMPLE_TYPE(type, kind, argument, size, zero)                                              \
  static void type##_encode(const struct block_setting *setting, const float *x,                   \
                            const float *importance, size_t n, unsigned char *packed)              \
  {                                                                                                \
    (void)setting;                                                                                 \
    kind##_encode(x, importance, n, argument, size, packed);                                       \
  }                                                                                                \
  static void type##_take_apart(const struct block_setting *setting, const unsigned char *packed,  \
                                struct block_parts *parts)                                         \
  {                                                                                                \
    (void)setting;                                                                                 \
    kind##_parts(packed, argument, parts);                                                         \
  }                                                                                                \
  GGML_DECODE_LINEAR(type, size, LENGTH, LENGTH, zero)

enum { Q4_0_BYTES = 18, Q4_1_BYTES = 20, Q5_0_BYTES = 22, Q5_1_BYTES = 24, Q8_0_BYTES = 34 };

SIMPLE_TYPE(q4_0, symmetric, 8, Q4_0_BYTES, 8)
SIMPLE_TYPE(q5_0, symmetric, 16, Q5_0_BYTES, 16)
SIMPLE_TYPE(q4_1, affine, 15, Q4_1_BYTES, 0)
SIMPLE_TYPE(q5_1, affine, 31, Q5_1_BYTES, 0)

/* --- q8_0 ------------------------------------------------------------------------------------ */

static void q8_0_encode(const struct block_setting *setting, const float *restrict x,
                        const float *importance, size_t n, unsigned char *restrict packed)
{
  (void)setting;
  (void)importance;
  for (size_t done = 0; done < n; done += LENGTH, packed += Q8_0_BYTES) {
    float d = magnitude_most(x + done, LENGTH) / 127.0f, factor = reciprocal_or_zero(d);
    half_store(packed, d);
    for (size_t i = 0; i < LENGTH; i++)
      packed[2 + i] = (unsigned char)away_code(x[done + i] * factor, 127.0f);
  }
}

static void q8_0_take_apart(const struct block_setting *setting, const unsigned char *packed,
                            struct block_parts *parts)
{
  (void)setting;
  for (size_t i = 0; i < LENGTH; i++)
    parts->code[i] = (uint8_t)(packed[2 + i] ^ 0x80);
  parts->scale[0] = half_load(packed);
  parts->has_offset = false;
  parts->offset[0] = 0;
  parts->sub_scale[0] = parts->sub_offset[0] = 0;
  parts->levels = BLOCK_LEVELS(128);
  parts->level_count = 256;
  parts->note[0] = half_note("d", packed);
  parts->notes = 1;
}

GGML_DECODE_LINEAR(q8_0, Q8_0_BYTES, LENGTH, LENGTH, 128)

#define ROW(type, size, weighs, limit)                                                             \
  {                                                                                                \
    .name = #type, .length = LENGTH, .bytes = size, .sub_length = LENGTH,                          \
    .takes_importance = weighs, .least = -(limit), .most = (limit), .encode = type##_encode,       \
    .take_apart = type##_take_apart, .decode = type##_decode,                                      \
  }

const struct block_codec KERNEL(ggml_legacy_codecs)[] = {
    ROW(q4_0, Q4_0_BYTES, true, 0),    ROW(q4_1, Q4_1_BYTES, true, 0),
    ROW(q5_0, Q5_0_BYTES, true, 0),    ROW(q5_1, Q5_1_BYTES, true, 0),
    ROW(q8_0, Q8_0_BYTES, false, 127), {0}};
