/* The ggml types with E2M1 elements: mxfp4_ggml, blocks of 32 with an E8M0 scale (e1 q16), and
 * nvfp4_ggml, blocks of 64 with four UE4M3 scales (s4 q32) and no tensor scale. They differ from
 * the OCP and NVIDIA formats of the same names: ties go towards zero, and minus zero is never
 * made. */
#include "quant/block_levels.h"
#include "quant/kernels/ggml.h"

enum { MX_LENGTH = 32, NV_LENGTH = 64, NV_SUB = 16, MXFP4_BYTES = 17, NVFP4_BYTES = 36 };

/* Twice the E2M1 values, as ggml keeps them: the scales below are halved. */
static const float doubled_levels[16] = {0,     1,  2,  3,  4,  6,  8,  12,
                                         -0.0f, -1, -2, -3, -4, -6, -8, -12};

/* --- elements -------------------------------------------------------------------------------- */

/* The nearest level by distance, the lowest code on a tie, and for NaN code 0. Valid while the
 * distances from x are exact enough to tell levels apart. */
static inline void e2m1_codes(const float *restrict x, size_t n, float d, uint8_t *restrict code)
{
  for (size_t i = 0; i < n; i++) {
    float a = fabsf(x[i]);
    int above = (a > 0.5f * d) + (a > 1.5f * d) + (a > 2.5f * d) + (a > 3.5f * d) + (a > 5.0f * d) +
                (a > 7.0f * d) + (a > 10.0f * d);
    int sign = (int)(float_bits(x[i]) >> 31) * 8;
    code[i] = (uint8_t)(above + (above ? sign : 0));
  }
}

/* The same for any d: where x is so large that all distances round to the same, the lowest code. */
static void e2m1_codes_far(const float *x, size_t n, float d, uint8_t *code)
{
  for (size_t i = 0; i < n; i++) {
    float best = fabsf(doubled_levels[0] * d - x[i]);
    code[i] = 0;
    for (uint8_t k = 1; k < 16; k++) {
      float distance = fabsf(doubled_levels[k] * d - x[i]);
      if (distance < best) {
        best = distance;
        code[i] = k;
      }
    }
  }
}

/* --- mxfp4_ggml ------------------------------------------------------------------------------ */

/* floor(log2f(a)) as ggml has it: just below a power of two the logarithm rounds up to the whole
 * number. Only there is it looked at. */
static inline int floor_log2(float a)
{
  uint32_t bits = float_bits(a);
  if (bits < 0x00800000u || (bits & 0x7fffffu) > 0x7fff00u)
    return (int)floorf((float)log2((double)a));
  return (int)(bits >> 23) - 127;
}

/* Exponents below the scale's range, where the reference's conversion is undefined, and infinite
 * blocks take the nearest scale. */
static inline uint8_t mx_exponent(float most)
{
  if (most == 0)
    return 0;
  int e = most <= 0x1.fffffep127f ? floor_log2(most) - 2 + 127 : 254;
  return (uint8_t)(e < 0 ? 0 : e);
}

/* 2^(e - 128): half of what E8M0 means. */
static inline float mx_half_scale(uint8_t e)
{
  return bits_float(e < 2 ? 0x00200000u << e : (uint32_t)(e - 1) << 23);
}

static void mxfp4_ggml_encode(const struct block_setting *setting, const float *restrict x,
                              const float *importance, size_t n, unsigned char *restrict packed)
{
  uint8_t code[MX_LENGTH];
  (void)setting;
  (void)importance;
  for (size_t done = 0; done < n; done += MX_LENGTH, packed += MXFP4_BYTES) {
    packed[0] = mx_exponent(magnitude_most(x + done, MX_LENGTH));
    e2m1_codes(x + done, MX_LENGTH, mx_half_scale(packed[0]), code);
    nibbles_pack(code, MX_LENGTH / 2, packed + 1);
  }
}

static inline void e2m1_notes(struct block_parts *parts)
{
  parts->has_offset = false;
  parts->levels = doubled_levels;
  parts->level_count = 16;
  parts->notes = 0;
}

static inline void mxfp4_ggml_take_apart(const struct block_setting *setting,
                                         const unsigned char *packed, struct block_parts *parts)
{
  (void)setting;
  e2m1_notes(parts);
  nibbles_unpack(packed + 1, MX_LENGTH / 2, parts->code);
  parts->scale[0] = mx_half_scale(packed[0]);
  parts->offset[0] = 0;
  parts->sub_scale[0] = parts->sub_offset[0] = 0;
  parts->note[parts->notes++] =
      (struct block_note){"shared exponent", "e8m0", 2 * parts->scale[0], packed[0]};
}

static void mxfp4_ggml_decode(const struct block_setting *setting, const unsigned char *packed,
                              size_t blocks, float *restrict y)
{
  (void)setting;
  for (; blocks--; packed += MXFP4_BYTES, y += MX_LENGTH)
    expand_nibbles(doubled_levels, packed + 1, MX_LENGTH / 2, mx_half_scale(packed[0]), y);
}

/* --- nvfp4_ggml ------------------------------------------------------------------------------ */

/* Halves round up, subnormals truncate after adding one half and end at 7, and whatever reaches
 * 248 becomes 448. */
static inline uint8_t ue4m3_code(float v)
{
  if (!(v > 0))
    return 0;
  if (v >= 248)
    return 0x7e;
  if (v < 0x1p-6f)
    return (uint8_t)kept_within(v * 512 + 0.5f, 7);
  return (uint8_t)((float_bits(v) + 0x80000u - (120u << 23)) >> 20);
}

/* Half of the value; 0x7f, NaN elsewhere, is 0 here, and the top bit does not count. */
static inline float ue4m3_half(uint8_t code)
{
  code &= 0x7f;
  return code == 0x7f ? 0.0f : 0.5f * block_e4m3[code];
}

static void nvfp4_ggml_encode(const struct block_setting *setting, const float *restrict x,
                              const float *importance, size_t n, unsigned char *restrict packed)
{
  uint8_t code[NV_SUB];
  (void)setting;
  (void)importance;
  for (size_t done = 0; done < n; done += NV_SUB) {
    size_t sub = done % NV_LENGTH / NV_SUB;
    unsigned char *block = packed + done / NV_LENGTH * NVFP4_BYTES;
    float most = magnitude_most(x + done, NV_SUB);
    block[sub] = ue4m3_code(most / 6.0f);
    float d = ue4m3_half(block[sub]);
    if (most <= 4096 * d)
      e2m1_codes(x + done, NV_SUB, d, code);
    else
      e2m1_codes_far(x + done, NV_SUB, d, code);
    nibbles_pack(code, NV_SUB / 2, block + 4 + sub * NV_SUB / 2);
  }
}

static inline void nvfp4_ggml_take_apart(const struct block_setting *setting,
                                         const unsigned char *packed, struct block_parts *parts)
{
  (void)setting;
  e2m1_notes(parts);
  for (size_t sub = 0; sub < NV_LENGTH / NV_SUB; sub++) {
    nibbles_unpack(packed + 4 + sub * NV_SUB / 2, NV_SUB / 2, parts->code + sub * NV_SUB);
    parts->sub_scale[sub] = packed[sub];
    parts->sub_offset[sub] = 0;
    parts->scale[sub] = ue4m3_half(packed[sub]);
    parts->offset[sub] = 0;
  }
}

static void nvfp4_ggml_decode(const struct block_setting *setting, const unsigned char *packed,
                              size_t blocks, float *restrict y)
{
  (void)setting;
  for (; blocks--; packed += NVFP4_BYTES, y += NV_LENGTH)
    for (size_t sub = 0; sub < NV_LENGTH / NV_SUB; sub++)
      expand_nibbles(doubled_levels, packed + 4 + sub * NV_SUB / 2, NV_SUB / 2,
                     ue4m3_half(packed[sub]), y + sub * NV_SUB);
}

const struct block_codec KERNEL(ggml_fp4_codecs)[] = {{.name = "mxfp4_ggml",
                                                       .length = MX_LENGTH,
                                                       .bytes = MXFP4_BYTES,
                                                       .sub_length = MX_LENGTH,
                                                       .encode = mxfp4_ggml_encode,
                                                       .take_apart = mxfp4_ggml_take_apart,
                                                       .decode = mxfp4_ggml_decode},
                                                      {.name = "nvfp4_ggml",
                                                       .length = NV_LENGTH,
                                                       .bytes = NVFP4_BYTES,
                                                       .sub_length = NV_SUB,
                                                       .encode = nvfp4_ggml_encode,
                                                       .take_apart = nvfp4_ggml_take_apart,
                                                       .decode = nvfp4_ggml_decode},
                                                      {0}};
