/* The one- and two-bit ggml types without a search: tq1_0 and tq2_0 (-1, 0, 1; blocks of 256),
 * q1_0 (-1, 1; blocks of 128) and q2_0 (-1, 0, 1, 2; blocks of 64), each with a float16 scale.
 *
 * Layouts, in bytes: tq1_0 q48 h4 d2; tq2_0 q64 d2; q1_0 d2 b16; q2_0 d2 q16. */
#include "quant/kernels/ggml.h"

enum {
  Q1_LENGTH = 128,
  Q2_LENGTH = 64,
  TQ1_0_BYTES = 54,
  TQ2_0_BYTES = 66,
  Q1_0_BYTES = 18,
  Q2_0_BYTES = 18,
};

/* Codes 0, 1, 2 of n elements; returns the scale. */
static inline float ternary_codes(const float *restrict x, size_t n, uint8_t *restrict code)
{
  float d = magnitude_most(x, n), factor = reciprocal_or_zero(d);
  for (size_t i = 0; i < n; i++)
    code[i] = (uint8_t)(away_code(x[i] * factor, 1.0f) + 1);
  return d;
}

static inline void one_scale(const unsigned char *d, size_t levels, struct block_parts *parts)
{
  parts->has_offset = false;
  parts->levels = BLOCK_LEVELS(1);
  parts->level_count = levels;
  parts->note[0] = half_note("d", d);
  parts->notes = 1;
  parts->scale[0] = parts->note[0].value;
  parts->offset[0] = 0;
  parts->sub_scale[0] = parts->sub_offset[0] = 0;
}

/* --- tq2_0 ----------------------------------------------------------------------------------- */

static void tq2_0_encode(const struct block_setting *setting, const float *x,
                         const float *importance, size_t n, unsigned char *packed)
{
  uint8_t code[SUPER];
  (void)setting;
  (void)importance;
  for (size_t done = 0; done < n; done += SUPER, packed += TQ2_0_BYTES) {
    half_store(packed + 64, ternary_codes(x + done, SUPER, code));
    crumbs_pack(code, 0, packed);
    crumbs_pack(code + 128, 0, packed + 32);
  }
}

static inline void tq2_0_take_apart(const struct block_setting *setting,
                                    const unsigned char *packed, struct block_parts *parts)
{
  (void)setting;
  crumbs_unpack(packed, parts->code);
  crumbs_unpack(packed + 32, parts->code + 128);
  one_scale(packed + 64, 4, parts);
}

GGML_DECODE_LINEAR(tq2_0, TQ2_0_BYTES, SUPER, SUPER, 1)

/* --- tq1_0 ----------------------------------------------------------------------------------- */

/* Digits of base three, the first element's the most significant, as a fraction of 256 rounded
 * up: multiplying by three brings up one digit after the other. DIGITS runs of STRIDE elements
 * become STRIDE bytes; four digits stand as five with a last zero. */
static inline void trits_pack(const uint8_t *restrict code, size_t stride, size_t digits,
                              unsigned char *restrict to)
{
  for (size_t m = 0; m < stride; m++) {
    unsigned v = 0;
    for (size_t k = 0; k < 5; k++)
      v = 3 * v + (k < digits ? code[k * stride + m] : 0);
    to[m] = (unsigned char)((v * 256 + 242) / 243);
  }
}

static inline void trits_unpack(const unsigned char *restrict from, size_t stride, size_t digits,
                                uint8_t *restrict code)
{
  static const uint8_t powers[5] = {1, 3, 9, 27, 81};
  for (size_t k = 0; k < digits; k++)
    for (size_t m = 0; m < stride; m++)
      code[k * stride + m] = (uint8_t)((unsigned)(uint8_t)(from[m] * powers[k]) * 3 >> 8);
}

static void tq1_0_encode(const struct block_setting *setting, const float *x,
                         const float *importance, size_t n, unsigned char *packed)
{
  uint8_t code[SUPER];
  (void)setting;
  (void)importance;
  for (size_t done = 0; done < n; done += SUPER, packed += TQ1_0_BYTES) {
    half_store(packed + 52, ternary_codes(x + done, SUPER, code));
    trits_pack(code, 32, 5, packed);
    trits_pack(code + 160, 16, 5, packed + 32);
    trits_pack(code + 240, 4, 4, packed + 48);
  }
}

static inline void tq1_0_take_apart(const struct block_setting *setting,
                                    const unsigned char *packed, struct block_parts *parts)
{
  (void)setting;
  trits_unpack(packed, 32, 5, parts->code);
  trits_unpack(packed + 32, 16, 5, parts->code + 160);
  trits_unpack(packed + 48, 4, 4, parts->code + 240);
  one_scale(packed + 52, 3, parts);
}

GGML_DECODE_LINEAR(tq1_0, TQ1_0_BYTES, SUPER, SUPER, 1)

/* --- q1_0 ------------------------------------------------------------------------------------ */

static void q1_0_encode(const struct block_setting *setting, const float *x,
                        const float *importance, size_t n, unsigned char *packed)
{
  (void)setting;
  (void)importance;
  for (; n; n -= Q1_LENGTH, x += Q1_LENGTH, packed += Q1_0_BYTES) {
    float sum = 0;
    for (size_t i = 0; i < Q1_LENGTH; i++)
      sum += fabsf(x[i]);
    half_store(packed, sum / (float)Q1_LENGTH);
    for (size_t i = 0; i < Q1_LENGTH; i += 8) {
      unsigned byte = 0;
      for (size_t k = 0; k < 8; k++)
        byte |= (unsigned)(x[i + k] >= 0) << k;
      packed[2 + i / 8] = (unsigned char)byte;
    }
  }
}

static inline void q1_0_take_apart(const struct block_setting *setting, const unsigned char *packed,
                                   struct block_parts *parts)
{
  static const float levels[2] = {-1, 1};
  (void)setting;
  packed_unpack(packed + 2, 1, Q1_LENGTH, parts->code);
  one_scale(packed, 2, parts);
  parts->levels = levels;
}

GGML_DECODE_LEVELS(q1_0, Q1_0_BYTES, Q1_LENGTH, Q1_LENGTH)

/* --- q2_0 ------------------------------------------------------------------------------------ */

static void q2_0_encode(const struct block_setting *setting, const float *x,
                        const float *importance, size_t n, unsigned char *packed)
{
  uint8_t code[Q2_LENGTH];
  (void)setting;
  (void)importance;
  for (size_t done = 0; done < n; done += Q2_LENGTH, packed += Q2_0_BYTES) {
    half_store(packed, ternary_codes(x + done, Q2_LENGTH, code));
    for (size_t i = 0; i < Q2_LENGTH; i += 4)
      packed[2 + i / 4] =
          (unsigned char)(code[i] | code[i + 1] << 2 | code[i + 2] << 4 | code[i + 3] << 6);
  }
}

static inline void q2_0_take_apart(const struct block_setting *setting, const unsigned char *packed,
                                   struct block_parts *parts)
{
  (void)setting;
  packed_unpack(packed + 2, 2, Q2_LENGTH, parts->code);
  one_scale(packed, 4, parts);
}

GGML_DECODE_LINEAR(q2_0, Q2_0_BYTES, Q2_LENGTH, Q2_LENGTH, 1)

#define ROW(type, elements, size, limit)                                                           \
  {                                                                                                \
    .name = #type, .length = elements, .bytes = size, .sub_length = elements, .least = -(limit),   \
    .most = (limit), .encode = type##_encode, .take_apart = type##_take_apart,                     \
    .decode = type##_decode,                                                                       \
  }

const struct block_codec KERNEL(ggml_low_codecs)[] = {ROW(tq1_0, SUPER, TQ1_0_BYTES, 0),
                                                      ROW(tq2_0, SUPER, TQ2_0_BYTES, 1),
                                                      ROW(q1_0, Q1_LENGTH, Q1_0_BYTES, 0),
                                                      ROW(q2_0, Q2_LENGTH, Q2_0_BYTES, 1),
                                                      {0}};
