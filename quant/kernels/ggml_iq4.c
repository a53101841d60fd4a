/* The four-bit ggml types with a codebook: iq4_nl, blocks of 32 with a float16 scale (d2 q16), and
 * iq4_xs, super-blocks of 256 with eight scales of six bits (d2 sh2 sl4 q128). */
#include "quant/kernels/ggml_search.h"

enum {
  LENGTH = 32,
  SUBS = SUPER / LENGTH,
  BLOCKS = PASS_LENGTH / SUPER,
  IQ4_NL_BYTES = 18,
  IQ4_XS_BYTES = 136,
};

/* Weights of runs of SPAN elements under an importance vector. */
static inline void weigh_spans(const float *x, const float *importance, size_t n, size_t span,
                               float *weights)
{
  for (size_t i = 0; i < n; i += span)
    weigh(x + i, importance + i, span, sum_squares(x + i, span) * (2.0f / (float)span),
          weights + i);
}

static inline void level_notes(const unsigned char *d, struct block_parts *parts)
{
  parts->has_offset = false;
  parts->levels = KERNEL(iq4_levels);
  parts->level_count = 16;
  parts->note[0] = half_note("d", d);
  parts->notes = 1;
}

/* --- iq4_nl ---------------------------------------------------------------------------------- */

static const char *const iq4_nl_variants[] = {"search", "row", NULL};

static void iq4_nl_encode_rows(const float *x, size_t n, unsigned char *packed)
{
  float scales[PASS_LENGTH / LENGTH];
  uint8_t code[PASS_LENGTH];
  for (size_t done = 0; done < n; done += PASS_LENGTH) {
    size_t m = n - done < PASS_LENGTH ? n - done : PASS_LENGTH;
    KERNEL(codebook_rows)(x + done, m / LENGTH, scales, code);
    for (size_t block = 0; block < m / LENGTH; block++, packed += IQ4_NL_BYTES) {
      half_store(packed, scales[block]);
      nibbles_pack(code + block * LENGTH, LENGTH / 2, packed + 2);
    }
  }
}

static void iq4_nl_encode(const struct block_setting *setting, const float *x,
                          const float *importance, size_t n, unsigned char *packed)
{
  float weights[PASS_LENGTH], scales[PASS_LENGTH / LENGTH];
  uint8_t code[LENGTH];
  if (setting->variant)
    return iq4_nl_encode_rows(x, n, packed);
  for (size_t done = 0; done < n; done += PASS_LENGTH) {
    size_t m = n - done < PASS_LENGTH ? n - done : PASS_LENGTH;
    if (importance)
      weigh_spans(x + done, importance + done, m, LENGTH, weights);
    KERNEL(codebook_search)(x + done, importance ? weights : NULL, m / LENGTH, scales);
    for (size_t block = 0; block < m / LENGTH; block++, packed += IQ4_NL_BYTES) {
      half_store(packed, scales[block]);
      KERNEL(codebook_codes)
      (x + done + block * LENGTH, LENGTH, reciprocal_or_zero(scales[block]), code);
      nibbles_pack(code, LENGTH / 2, packed + 2);
    }
  }
}

static inline void iq4_nl_take_apart(const struct block_setting *setting,
                                     const unsigned char *packed, struct block_parts *parts)
{
  (void)setting;
  nibbles_unpack(packed + 2, LENGTH / 2, parts->code);
  level_notes(packed, parts);
  parts->scale[0] = parts->note[0].value;
  parts->offset[0] = 0;
  parts->sub_scale[0] = parts->sub_offset[0] = 0;
}

static void iq4_nl_decode(const struct block_setting *setting, const unsigned char *packed,
                          size_t blocks, float *restrict y)
{
  (void)setting;
  for (; blocks--; packed += IQ4_NL_BYTES, y += LENGTH)
    expand_nibbles(KERNEL(iq4_levels), packed + 2, LENGTH / 2, half_load(packed), y);
}

/* --- iq4_xs ---------------------------------------------------------------------------------- */

/* The codes are made with d before it is rounded to float16, as the reference does. */
static void iq4_xs_store(const float *x, const float *scales, unsigned char *packed)
{
  float d = -first_most(scales, SUBS) / 32.0f, factor = reciprocal_or_zero(d);
  unsigned high = 0;
  uint8_t code[LENGTH];
  memset(packed, 0, 8);
  half_store(packed, d);
  for (size_t j = 0; j < SUBS; j++) {
    int32_t stored = magic_clamped(factor * scales[j], -32, 31);
    unsigned bits = (unsigned)(stored + 32);
    packed[4 + j / 2] |= (unsigned char)((bits & 15) << 4 * (j % 2));
    high |= bits >> 4 << 2 * j;
    KERNEL(codebook_codes)(x + j * LENGTH, LENGTH, reciprocal_or_zero(d * (float)stored), code);
    nibbles_pack(code, LENGTH / 2, packed + 8 + j * LENGTH / 2);
  }
  packed[2] = (unsigned char)(high & 0xff);
  packed[3] = (unsigned char)(high >> 8);
}

static void iq4_xs_encode(const struct block_setting *setting, const float *x,
                          const float *importance, size_t n, unsigned char *packed)
{
  float weights[PASS_LENGTH], scales[PASS_LENGTH / LENGTH];
  (void)setting;
  for (size_t done = 0; done < n; done += PASS_LENGTH) {
    size_t m = n - done < PASS_LENGTH ? n - done : PASS_LENGTH;
    if (importance)
      weigh_spans(x + done, importance + done, m, SUPER, weights);
    KERNEL(codebook_search)(x + done, importance ? weights : NULL, m / LENGTH, scales);
    for (size_t block = 0; block < m / SUPER; block++, packed += IQ4_XS_BYTES)
      iq4_xs_store(x + done + block * SUPER, scales + block * SUBS, packed);
  }
}

/* Scale of sub-block J as stored: six bits. */
static inline int32_t iq4_xs_stored(const unsigned char *packed, size_t j)
{
  return (int32_t)(packed_number(packed + 4, 4, j) | packed_number(packed + 2, 2, j) << 4) - 32;
}

static inline void iq4_xs_take_apart(const struct block_setting *setting,
                                     const unsigned char *packed, struct block_parts *parts)
{
  (void)setting;
  level_notes(packed, parts);
  for (size_t j = 0; j < SUBS; j++) {
    nibbles_unpack(packed + 8 + j * LENGTH / 2, LENGTH / 2, parts->code + j * LENGTH);
    parts->sub_scale[j] = iq4_xs_stored(packed, j);
    parts->sub_offset[j] = 0;
    parts->scale[j] = parts->note[0].value * (float)parts->sub_scale[j];
    parts->offset[j] = 0;
  }
}

static void iq4_xs_decode(const struct block_setting *setting, const unsigned char *packed,
                          size_t blocks, float *restrict y)
{
  (void)setting;
  for (; blocks--; packed += IQ4_XS_BYTES, y += SUPER) {
    float d = half_load(packed);
    for (size_t j = 0; j < SUBS; j++)
      expand_nibbles(KERNEL(iq4_levels), packed + 8 + j * LENGTH / 2, LENGTH / 2,
                     d * (float)iq4_xs_stored(packed, j), y + j * LENGTH);
  }
}

const struct block_codec KERNEL(ggml_iq4_codecs)[] = {{.name = "iq4_nl",
                                                       .length = LENGTH,
                                                       .bytes = IQ4_NL_BYTES,
                                                       .sub_length = LENGTH,
                                                       .takes_importance = true,
                                                       .variants = iq4_nl_variants,
                                                       .encode = iq4_nl_encode,
                                                       .take_apart = iq4_nl_take_apart,
                                                       .decode = iq4_nl_decode},
                                                      {.name = "iq4_xs",
                                                       .length = SUPER,
                                                       .bytes = IQ4_XS_BYTES,
                                                       .sub_length = LENGTH,
                                                       .takes_importance = true,
                                                       .encode = iq4_xs_encode,
                                                       .take_apart = iq4_xs_take_apart,
                                                       .decode = iq4_xs_decode},
                                                      {0}};
