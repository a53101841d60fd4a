/* The K types: super-blocks of 256 whose sub-blocks have small integer scales of their own, and
 * float16 numbers that scale those.
 *
 * Layouts, in bytes: q2_k sc16 q64 d2 dmin2; q3_k h32 q64 sc12 d2; q4_k d2 dmin2 sc12 q128;
 * q5_k d2 dmin2 sc12 h32 q128; q6_k ql128 qh64 sc16 d2. A search finds each sub-block's scale;
 * the scales are rounded; the codes are then made anew for the scales as stored. */
#include "quant/kernels/ggml_search.h"

enum {
  BLOCKS = PASS_LENGTH / SUPER, /* super-blocks of one call of a search */
  SUBS_16 = SUPER / 16,
  SUBS_32 = SUPER / 32,
  Q2_K_BYTES = 84,
  Q3_K_BYTES = 110,
  Q4_K_BYTES = 144,
  Q5_K_BYTES = 176,
  Q6_K_BYTES = 210,
};

/* --- what the affine types share: q2_k, q4_k, q5_k ------------------------------------------- */

/* Scales and minima of a super-block as stored, and the float16 numbers above them. */
struct stored_affine {
  uint8_t scale[SUBS_16], min[SUBS_16];
  float d, dmin;
};

/* Whole numbers 0 .. most for the non-negative V; returns their scale. */
static float store_numbers(const float *v, size_t n, int most, uint8_t *codes)
{
  float largest = 0;
  for (size_t i = 0; i < n; i++)
    largest = v[i] > largest ? v[i] : largest;
  float factor = largest > 0 ? (float)most / largest : 0.0f;
  for (size_t i = 0; i < n; i++)
    codes[i] = (uint8_t)magic_code(factor * v[i]);
  return largest / (float)most;
}

/* SUMS: the weights of each sub-block, or NULL without an importance vector. */
static void store_affine(const struct affine_fit *fits, size_t subs, const float *sums, int most,
                         struct stored_affine *out)
{
  float scales[SUBS_16], mins[SUBS_16];
  for (size_t j = 0; j < subs; j++) {
    scales[j] = fits[j].scale;
    mins[j] = -fits[j].min;
  }
  if (sums) {
    out->d = KERNEL(positive_fit)(scales, sums, subs, most, out->scale);
    out->dmin = KERNEL(positive_fit)(mins, sums, subs, most, out->min);
  } else {
    out->d = store_numbers(scales, subs, most, out->scale);
    out->dmin = store_numbers(mins, subs, most, out->min);
  }
}

static inline void sub_sums(const float *weights, size_t n, size_t subs, float *sums)
{
  for (size_t j = 0; j < subs; j++) {
    sums[j] = 0;
    for (size_t i = 0; i < n; i++)
      sums[j] += weights[j * n + i];
  }
}

/* Codes for the stored scales; a sub-block whose scale is zero keeps those of the search. */
static inline void affine_final_codes(const float *x, const struct stored_affine *stored,
                                      const struct affine_fit *fits, size_t n, int top,
                                      uint8_t *code)
{
  float d = half_rounded(stored->d), dmin = half_rounded(stored->dmin);
  for (size_t j = 0; j < SUPER / n; j++) {
    float scale = d * (float)stored->scale[j], offset = dmin * (float)stored->min[j];
    if (scale != 0)
      affine_requantize(x + j * n, n, scale, offset, top, code + j * n);
    else
      affine_codes(&fits[j], x + j * n, n, top, code + j * n);
  }
}

typedef void affine_store(const float *x, const struct affine_fit *fits, const float *sums,
                          unsigned char *packed);

static inline void affine_encode(const float *x, const float *importance, size_t n, size_t length,
                                 const struct affine_rule *plain, float mean_factor, size_t bytes,
                                 affine_store *store, unsigned char *packed)
{
  const struct affine_rule given = {plain->top, -0.9f, 0.05f, 36, false, WEIGHT_GIVEN};
  struct affine_fit fits[PASS_LENGTH / 16];
  float weights[PASS_LENGTH], sums[SUBS_16];
  size_t subs = SUPER / length;
  for (size_t done = 0; done < n; done += PASS_LENGTH) {
    size_t m = n - done < PASS_LENGTH ? n - done : PASS_LENGTH;
    for (size_t i = 0; importance && i < m; i += SUPER)
      weigh(x + done + i, importance + done + i, SUPER,
            mean_factor * sum_squares(x + done + i, SUPER) / (float)SUPER, weights + i);
    KERNEL(affine_search)
    (importance ? &given : plain, x + done, importance ? weights : NULL, length, m / length, fits);
    for (size_t block = 0; block < m / SUPER; block++, packed += bytes) {
      if (importance)
        sub_sums(weights + block * SUPER, length, subs, sums);
      store(x + done + block * SUPER, fits + block * subs, importance ? sums : NULL, packed);
    }
  }
}

/* --- q2_k ------------------------------------------------------------------------------------ */

static void q2_k_store(const float *x, const struct affine_fit *fits, const float *sums,
                       unsigned char *packed)
{
  struct stored_affine stored;
  uint8_t code[SUPER];
  store_affine(fits, SUBS_16, sums, 15, &stored);
  for (size_t j = 0; j < SUBS_16; j++) {
    packed[j] = (unsigned char)(stored.scale[j] | stored.min[j] << 4);
    stored.scale[j] = packed[j] & 15;
    stored.min[j] = packed[j] >> 4;
  }
  half_store(packed + 80, stored.d);
  half_store(packed + 82, stored.dmin);
  affine_final_codes(x, &stored, fits, 16, 3, code);
  crumbs_pack(code, 0, packed + 16);
  crumbs_pack(code + 128, 0, packed + 48);
}

static void q2_k_encode(const struct block_setting *setting, const float *x,
                        const float *importance, size_t n, unsigned char *packed)
{
  static const struct affine_rule rule = {3, -0.5f, 0.1f, 15, true, WEIGHT_MAGNITUDE};
  (void)setting;
  affine_encode(x, importance, n, 16, &rule, 1.0f, Q2_K_BYTES, q2_k_store, packed);
}

static inline void affine_notes(const unsigned char *d, int levels, struct block_parts *parts)
{
  parts->has_offset = true;
  parts->levels = BLOCK_LEVELS(0);
  parts->level_count = (size_t)levels;
  parts->note[0] = half_note("d", d);
  parts->note[1] = half_note("dmin", d + 2);
  parts->notes = 2;
}

static inline void affine_sub(struct block_parts *parts, size_t j, int32_t scale, int32_t min)
{
  parts->sub_scale[j] = scale;
  parts->sub_offset[j] = min;
  parts->scale[j] = parts->note[0].value * (float)scale;
  parts->offset[j] = -(parts->note[1].value * (float)min);
}

static inline void q2_k_take_apart(const struct block_setting *setting, const unsigned char *packed,
                                   struct block_parts *parts)
{
  (void)setting;
  crumbs_unpack(packed + 16, parts->code);
  crumbs_unpack(packed + 48, parts->code + 128);
  affine_notes(packed + 80, 4, parts);
  for (size_t j = 0; j < SUBS_16; j++)
    affine_sub(parts, j, packed[j] & 15, packed[j] >> 4);
}

GGML_DECODE_LINEAR(q2_k, Q2_K_BYTES, SUPER, 16, 0)

/* --- q4_k, q5_k ------------------------------------------------------------------------------ */

/* Eight pairs of six bits: the first four scales and minima in the low bits of a byte each; of the
 * others the low nibbles share a byte and the top two bits lie above the first ones. */
static inline void six_bits_pack(const uint8_t *scale, const uint8_t *min, unsigned char *to)
{
  for (size_t j = 0; j < 4; j++) {
    to[j] = (unsigned char)(scale[j] | scale[j + 4] >> 4 << 6);
    to[j + 4] = (unsigned char)(min[j] | min[j + 4] >> 4 << 6);
    to[j + 8] = (unsigned char)((scale[j + 4] & 15) | (min[j + 4] & 15) << 4);
  }
}

static inline void six_bits_unpack(const unsigned char *from, uint8_t *scale, uint8_t *min)
{
  for (size_t j = 0; j < 4; j++) {
    scale[j] = from[j] & 63;
    min[j] = from[j + 4] & 63;
    scale[j + 4] = (uint8_t)((from[j + 8] & 15) | from[j] >> 6 << 4);
    min[j + 4] = (uint8_t)(from[j + 8] >> 4 | from[j + 4] >> 6 << 4);
  }
}

static inline void k_store(const float *x, const struct affine_fit *fits, const float *sums,
                           int top, unsigned char *packed)
{
  struct stored_affine stored;
  uint8_t code[SUPER];
  store_affine(fits, SUBS_32, sums, 63, &stored);
  for (size_t j = 0; j < SUBS_32; j++) {
    stored.scale[j] = stored.scale[j] < 63 ? stored.scale[j] : 63;
    stored.min[j] = stored.min[j] < 63 ? stored.min[j] : 63;
  }
  half_store(packed, stored.d);
  half_store(packed + 2, stored.dmin);
  six_bits_pack(stored.scale, stored.min, packed + 4);
  affine_final_codes(x, &stored, fits, 32, top, code);
  packed += 16;
  if (top == 31) {
    bit_planes_pack(code, 4, packed);
    packed += 32;
  }
  for (size_t k = 0; k < SUPER / 64; k++)
    nibbles_pack(code + 64 * k, 32, packed + 32 * k);
}

static void q4_k_store(const float *x, const struct affine_fit *fits, const float *sums,
                       unsigned char *packed)
{
  k_store(x, fits, sums, 15, packed);
}

static void q5_k_store(const float *x, const struct affine_fit *fits, const float *sums,
                       unsigned char *packed)
{
  k_store(x, fits, sums, 31, packed);
}

static void q4_k_encode(const struct block_setting *setting, const float *x,
                        const float *importance, size_t n, unsigned char *packed)
{
  static const struct affine_rule rule = {15, -1.0f, 0.1f, 20, false, WEIGHT_RMS};
  (void)setting;
  affine_encode(x, importance, n, 32, &rule, 2.0f, Q4_K_BYTES, q4_k_store, packed);
}

static void q5_k_encode(const struct block_setting *setting, const float *x,
                        const float *importance, size_t n, unsigned char *packed)
{
  static const struct affine_rule rule = {31, -0.5f, 0.1f, 15, false, WEIGHT_RMS};
  (void)setting;
  affine_encode(x, importance, n, 32, &rule, 2.0f, Q5_K_BYTES, q5_k_store, packed);
}

static inline void k_take_apart(const unsigned char *packed, int levels, struct block_parts *parts)
{
  uint8_t scale[SUBS_32], min[SUBS_32];
  const unsigned char *q = packed + (levels == 32 ? 48 : 16);
  for (size_t k = 0; k < SUPER / 64; k++)
    nibbles_unpack(q + 32 * k, 32, parts->code + 64 * k);
  if (levels == 32)
    bit_planes_add(packed + 16, 4, parts->code);
  affine_notes(packed, levels, parts);
  six_bits_unpack(packed + 4, scale, min);
  for (size_t j = 0; j < SUBS_32; j++)
    affine_sub(parts, j, scale[j], min[j]);
}

static inline void q4_k_take_apart(const struct block_setting *setting, const unsigned char *packed,
                                   struct block_parts *parts)
{
  (void)setting;
  k_take_apart(packed, 16, parts);
}

static inline void q5_k_take_apart(const struct block_setting *setting, const unsigned char *packed,
                                   struct block_parts *parts)
{
  (void)setting;
  k_take_apart(packed, 32, parts);
}

GGML_DECODE_LINEAR(q4_k, Q4_K_BYTES, SUPER, 32, 0)
GGML_DECODE_LINEAR(q5_k, Q5_K_BYTES, SUPER, 32, 0)

/* --- what the symmetric types share: q3_k, q6_k ----------------------------------------------- */

static inline void symmetric_notes(const unsigned char *d, int top, struct block_parts *parts)
{
  parts->has_offset = false;
  parts->levels = BLOCK_LEVELS(top);
  parts->level_count = (size_t)(2 * top);
  parts->note[0] = half_note("d", d);
  parts->notes = 1;
}

static inline void symmetric_sub(struct block_parts *parts, size_t j, int32_t scale)
{
  parts->sub_scale[j] = scale;
  parts->sub_offset[j] = 0;
  parts->offset[j] = 0;
  parts->scale[j] = parts->note[0].value * (float)scale;
}

/* --- q3_k ------------------------------------------------------------------------------------ */

/* Sixteen scales of six bits: low nibbles of j and j + 8 share a byte; the top two bits of j, j +
 * 4, j + 8, j + 12 share another. */
static inline void q3_scales_pack(const uint8_t *scale, unsigned char *to)
{
  for (size_t j = 0; j < 8; j++)
    to[j] = (unsigned char)((scale[j] & 15) | (scale[j + 8] & 15) << 4);
  for (size_t j = 0; j < 4; j++)
    to[8 + j] = (unsigned char)(scale[j] >> 4 | scale[j + 4] >> 4 << 2 | scale[j + 8] >> 4 << 4 |
                                scale[j + 12] >> 4 << 6);
}

static inline int32_t q3_scale(const unsigned char *from, size_t j)
{
  unsigned low = packed_number(from + j % 8, 4, j / 8),
           high = packed_number(from + 8 + j % 4, 2, j / 4);
  return (int32_t)(low | high << 4) - 32;
}

/* Codes 0 .. 63 of the signed scales, which are d * (code - 32). */
static float q3_store_scales(const float *scales, uint8_t *codes)
{
  float most = first_most(scales, SUBS_16), factor = -32.0f / most;
  memset(codes, 0, SUBS_16);
  if (most == 0)
    return 0;
  for (size_t j = 0; j < SUBS_16; j++)
    codes[j] = (uint8_t)(magic_clamped(factor * scales[j], -32, 31) + 32);
  return 1.0f / factor;
}

/* CODE holds the codes of the search, kept where the scale is zero. */
static void q3_k_store(const float *x, float d, const uint8_t *scales, uint8_t *code,
                       unsigned char *packed)
{
  half_store(packed + 108, d);
  q3_scales_pack(scales, packed + 96);
  d = half_rounded(d);
  for (size_t j = 0; j < SUBS_16; j++) {
    float scale = d * (float)((int)scales[j] - 32);
    if (scale != 0)
      symmetric_requantize(x + 16 * j, 16, scale, 4, code + 16 * j);
  }
  bit_planes_pack(code, 2, packed);
  crumbs_pack(code, 0, packed + 32);
  crumbs_pack(code + 128, 0, packed + 64);
}

static void q3_k_plain(const float *x, size_t blocks, unsigned char *packed)
{
  float scales[PASS_LENGTH / 16];
  uint8_t code[PASS_LENGTH], stored[SUBS_16];
  KERNEL(refine_search)(x, blocks * SUBS_16, scales, code);
  for (size_t block = 0; block < blocks; block++) {
    float d = q3_store_scales(scales + block * SUBS_16, stored);
    q3_k_store(x + block * SUPER, d, stored, code + block * SUPER, packed + block * Q3_K_BYTES);
  }
}

static void q3_k_weighted(const float *x, const float *importance, size_t blocks,
                          unsigned char *packed)
{
  float weights[PASS_LENGTH], sums[PASS_LENGTH / 16], scales[PASS_LENGTH / 16];
  struct symmetric_fit fits[PASS_LENGTH / 16], above[BLOCKS];
  uint8_t code[SUPER], stored[SUBS_16];
  for (size_t i = 0; i < blocks * SUPER; i += SUPER)
    weigh(x + i, importance + i, SUPER, 2.0f * sum_squares(x + i, SUPER) / (float)SUPER,
          weights + i);
  KERNEL(symmetric_search)(x, weights, 16, blocks * SUBS_16, 4, fits);
  sub_sums(weights, 16, blocks * SUBS_16, sums);
  for (size_t j = 0; j < blocks * SUBS_16; j++)
    scales[j] = fits[j].scale;
  KERNEL(symmetric_search)(scales, sums, SUBS_16, blocks, 32, above);
  for (size_t block = 0; block < blocks; block++) {
    symmetric_codes(&above[block], scales + block * SUBS_16, SUBS_16, 32, stored);
    for (size_t j = 0; j < SUBS_16; j++)
      symmetric_codes(&fits[block * SUBS_16 + j], x + block * SUPER + 16 * j, 16, 4, code + 16 * j);
    q3_k_store(x + block * SUPER, above[block].scale, stored, code, packed + block * Q3_K_BYTES);
  }
}

static void q3_k_encode(const struct block_setting *setting, const float *x,
                        const float *importance, size_t n, unsigned char *packed)
{
  (void)setting;
  for (size_t done = 0; done < n; done += PASS_LENGTH, packed += BLOCKS * Q3_K_BYTES) {
    size_t blocks = (n - done < PASS_LENGTH ? n - done : PASS_LENGTH) / SUPER;
    if (importance)
      q3_k_weighted(x + done, importance + done, blocks, packed);
    else
      q3_k_plain(x + done, blocks, packed);
  }
}

static inline void q3_k_take_apart(const struct block_setting *setting, const unsigned char *packed,
                                   struct block_parts *parts)
{
  (void)setting;
  crumbs_unpack(packed + 32, parts->code);
  crumbs_unpack(packed + 64, parts->code + 128);
  bit_planes_add(packed, 2, parts->code);
  symmetric_notes(packed + 108, 4, parts);
  for (size_t j = 0; j < SUBS_16; j++)
    symmetric_sub(parts, j, q3_scale(packed + 96, j));
}

GGML_DECODE_LINEAR(q3_k, Q3_K_BYTES, SUPER, 16, 4)

/* --- q6_k ------------------------------------------------------------------------------------ */

static void q6_k_store(const float *x, const struct symmetric_fit *fits, unsigned char *packed)
{
  float scales[SUBS_16];
  uint8_t code[SUPER];
  for (size_t j = 0; j < SUBS_16; j++)
    scales[j] = fits[j].scale;
  float most = first_most(scales, SUBS_16), factor = -128.0f / most;
  if (fabsf(most) < 1e-15f) {
    memset(packed, 0, Q6_K_BYTES);
    return;
  }
  half_store(packed + 208, 1.0f / factor);
  float d = half_load(packed + 208);
  for (size_t j = 0; j < SUBS_16; j++) {
    int32_t stored = magic_clamped(factor * scales[j], INT32_MIN, 127);
    packed[192 + j] = (unsigned char)(stored & 0xff);
    float scale = d * (float)(int8_t)packed[192 + j];
    if (scale != 0)
      symmetric_requantize(x + 16 * j, 16, scale, 32, code + 16 * j);
    else
      symmetric_codes(&fits[j], x + 16 * j, 16, 32, code + 16 * j);
  }
  for (size_t h = 0; h < 2; h++) {
    nibbles_pack(code + 128 * h, 64, packed + 64 * h);
    crumbs_pack(code + 128 * h, 4, packed + 128 + 32 * h);
  }
}

static void q6_k_encode(const struct block_setting *setting, const float *x,
                        const float *importance, size_t n, unsigned char *packed)
{
  float squares[PASS_LENGTH];
  struct symmetric_fit fits[PASS_LENGTH / 16];
  (void)setting;
  for (size_t done = 0; done < n; done += PASS_LENGTH) {
    size_t m = n - done < PASS_LENGTH ? n - done : PASS_LENGTH;
    for (size_t i = 0; i < m; i++)
      squares[i] = x[done + i] * x[done + i];
    KERNEL(symmetric_search)
    (x + done, importance ? importance + done : squares, 16, m / 16, 32, fits);
    for (size_t block = 0; block < m / SUPER; block++, packed += Q6_K_BYTES)
      q6_k_store(x + done + block * SUPER, fits + block * SUBS_16, packed);
  }
}

static inline void q6_k_take_apart(const struct block_setting *setting, const unsigned char *packed,
                                   struct block_parts *parts)
{
  (void)setting;
  for (size_t h = 0; h < 2; h++) {
    uint8_t top[128], *code = parts->code + 128 * h;
    nibbles_unpack(packed + 64 * h, 64, code);
    crumbs_unpack(packed + 128 + 32 * h, top);
    for (size_t i = 0; i < sizeof top; i++)
      code[i] |= (uint8_t)(top[i] << 4);
  }
  symmetric_notes(packed + 208, 32, parts);
  for (size_t j = 0; j < SUBS_16; j++)
    symmetric_sub(parts, j, (int8_t)packed[192 + j]);
}

GGML_DECODE_LINEAR(q6_k, Q6_K_BYTES, SUPER, 16, 32)

#define ROW(type, size, sub)                                                                       \
  {                                                                                                \
    .name = #type, .length = SUPER, .bytes = size, .sub_length = sub, .takes_importance = true,    \
    .encode = type##_encode, .take_apart = type##_take_apart, .decode = type##_decode,             \
  }

const struct block_codec KERNEL(ggml_k_codecs)[] = {
    ROW(q2_k, Q2_K_BYTES, 16), ROW(q3_k, Q3_K_BYTES, 16), ROW(q4_k, Q4_K_BYTES, 32),
    ROW(q5_k, Q5_K_BYTES, 32), ROW(q6_k, Q6_K_BYTES, 16), {0}};
