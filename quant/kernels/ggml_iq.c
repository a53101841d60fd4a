/* The ggml types that qscope opens but does not make: iq1_s iq1_m iq2_xxs iq2_xs iq2_s iq3_xxs
 * iq3_s, whose groups of four or eight elements are entries of a grid, and q8_1 and q8_k, the
 * types of ggml's activations.
 *
 * Layouts, in bytes: iq1_s d2 q32 h16; iq1_m q32 h16 sc8; iq2_xxs d2 q64; iq2_xs d2 q64 sc8;
 * iq2_s d2 q32 signs32 h8 sc8; iq3_xxs d2 q64 signs-and-scales32; iq3_s d2 q64 h8 signs32 sc4;
 * q8_1 d2 s2 q32; q8_k d4 (float32) q256 sums32. */
#include "quant/ggml_iq_tables.h"
#include "quant/kernels/ggml.h"

enum {
  IQ1_S_BYTES = 50,
  IQ1_M_BYTES = 56,
  IQ2_XXS_BYTES = 66,
  IQ2_XS_BYTES = 74,
  IQ2_S_BYTES = 82,
  IQ3_XXS_BYTES = 98,
  IQ3_S_BYTES = 110,
  Q8_1_BYTES = 36,
  Q8_K_BYTES = 292,
};

/* Codes are an index of magnitude, with that of the negative ones behind. */
static const float iq1_levels[6] = {-1.125f, -0.875f, -0.125f, 0.125f, 0.875f, 1.125f};
static const float iq2_levels[6] = {8, 25, 43, -8, -25, -43};
static const float iq3_xxs_levels[16] = {4,  12,  20,  28,  36,  44,  52,  62,
                                         -4, -12, -20, -28, -36, -44, -52, -62};
static const float iq3_s_levels[16] = {1,  3,  5,  7,  9,  11,  13,  15,
                                       -1, -3, -5, -7, -9, -11, -13, -15};

static inline uint32_t word16(const unsigned char *from)
{
  return from[0] | (uint32_t)from[1] << 8;
}

static inline uint32_t word32(const unsigned char *from)
{
  return word16(from) | word16(from + 2) << 16;
}

/* Seven signs, and an eighth that makes the number of minus signs even. */
static inline unsigned signs_of(uint32_t seven)
{
  return (unsigned)(seven | (uint32_t)__builtin_parity(seven) << 7);
}

/* Eight bytes of one word: byte j in bits 8 j. */
#define EIGHT_BYTES(byte) (0x0101010101010101u * (uint64_t)(byte))

static inline void bytes_store(uint64_t bytes, uint8_t *to)
{
  for (unsigned j = 0; j < 8; j++)
    to[j] = (uint8_t)(bytes >> 8 * j & 0xff);
}

/* Bit j becomes byte j, 0 or 1. */
static inline uint64_t bits_spread(unsigned bits)
{
  uint64_t one_each = EIGHT_BYTES(bits) & 0x8040201008040201u;
  return (one_each + EIGHT_BYTES(0x7f)) >> 7 & EIGHT_BYTES(1);
}

/* Eight fields of two bits, or four of three, a byte each. */
static inline uint64_t crumbs_spread(unsigned entry)
{
  uint64_t x = entry;
  x = (x | x << 24) & 0x000000ff000000ffu;
  x = (x | x << 12) & 0x000f000f000f000fu;
  return (x | x << 6) & EIGHT_BYTES(3);
}

static inline uint64_t octals_spread(unsigned entry)
{
  uint64_t x = (entry & 0x3fu) | (uint64_t)(entry & 0xfc0u) << 10;
  return (x | x << 5) & 0x07070707u;
}

static inline void eight_codes(unsigned entry, unsigned signs, uint8_t *code)
{
  bytes_store(crumbs_spread(entry) + 3 * bits_spread(signs), code);
}

/* Two entries of four. */
static inline void four_codes_twice(unsigned first, unsigned second, unsigned signs, uint8_t *code)
{
  bytes_store((octals_spread(first) | octals_spread(second) << 32) + 8 * bits_spread(signs), code);
}

/* -1, 0 or 1, moved by an eighth up or down. */
static inline void moved_codes(unsigned entry, bool down, uint8_t *code)
{
  bytes_store(2 * crumbs_spread(entry) + EIGHT_BYTES(!down), code);
}

static inline void grid_notes(uint32_t d, const float *levels, size_t count,
                              struct block_parts *parts)
{
  parts->has_offset = false;
  parts->levels = levels;
  parts->level_count = count;
  parts->note[0] = (struct block_note){"d", "float16", half_to_float((uint16_t)d), d};
  parts->notes = 1;
}

static inline void grid_sub(struct block_parts *parts, size_t sub, uint32_t stored, float scale)
{
  parts->sub_scale[sub] = (int32_t)stored;
  parts->sub_offset[sub] = 0;
  parts->scale[sub] = scale;
  parts->offset[sub] = 0;
}

static inline float iq2_scale(float d, uint32_t stored)
{
  return d * (0.5f + (float)stored) * 0.25f;
}

static inline float odd_scale(float d, uint32_t stored)
{
  return d * (float)(2 * stored + 1);
}

#define TAKE_APART(type)                                                                           \
  static inline void type##_take_apart(const struct block_setting *setting,                        \
                                       const unsigned char *packed, struct block_parts *parts)

/* --- iq2 ------------------------------------------------------------------------------------- */

TAKE_APART(iq2_xxs)
{
  (void)setting;
  grid_notes(word16(packed), iq2_levels, 6, parts);
  for (size_t sub = 0; sub < SUPER / 32; sub++) {
    const unsigned char *q = packed + 2 + 8 * sub;
    uint32_t signs = word32(q + 4);
    for (size_t l = 0; l < 4; l++)
      eight_codes(iq2_xxs_grid[q[l]], signs_of(signs >> 7 * l & 127),
                  parts->code + 32 * sub + 8 * l);
    grid_sub(parts, sub, signs >> 28, iq2_scale(parts->note[0].value, signs >> 28));
  }
}

/* Scales of sixteen sub-blocks, two to a byte. */
static inline void iq2_scales(const unsigned char *from, struct block_parts *parts)
{
  for (size_t sub = 0; sub < SUPER / 16; sub++) {
    uint32_t stored = packed_number(from, 4, sub);
    grid_sub(parts, sub, stored, iq2_scale(parts->note[0].value, stored));
  }
}

TAKE_APART(iq2_xs)
{
  (void)setting;
  grid_notes(word16(packed), iq2_levels, 6, parts);
  for (size_t l = 0; l < SUPER / 8; l++) {
    uint32_t q = word16(packed + 2 + 2 * l);
    eight_codes(iq2_xs_grid[q & 511], signs_of(q >> 9), parts->code + 8 * l);
  }
  iq2_scales(packed + 66, parts);
}

TAKE_APART(iq2_s)
{
  const unsigned char *q = packed + 2, *signs = packed + 34, *high = packed + 66;
  (void)setting;
  grid_notes(word16(packed), iq2_levels, 6, parts);
  for (size_t l = 0; l < SUPER / 8; l++)
    eight_codes(iq2_s_grid[q[l] | packed_number(high, 2, l) << 8], signs[l], parts->code + 8 * l);
  iq2_scales(packed + 74, parts);
}

/* --- iq3 ------------------------------------------------------------------------------------- */

TAKE_APART(iq3_xxs)
{
  (void)setting;
  grid_notes(word16(packed), iq3_xxs_levels, 16, parts);
  for (size_t sub = 0; sub < SUPER / 32; sub++) {
    const unsigned char *q = packed + 2 + 8 * sub;
    uint32_t signs = word32(packed + 66 + 4 * sub);
    for (size_t l = 0; l < 4; l++)
      four_codes_twice(iq3_xxs_grid[q[2 * l]], iq3_xxs_grid[q[2 * l + 1]],
                       signs_of(signs >> 7 * l & 127), parts->code + 32 * sub + 8 * l);
    grid_sub(parts, sub, signs >> 28, parts->note[0].value * (0.5f + (float)(signs >> 28)) * 0.5f);
  }
}

TAKE_APART(iq3_s)
{
  const unsigned char *q = packed + 2, *high = packed + 66, *signs = packed + 74;
  (void)setting;
  grid_notes(word16(packed), iq3_s_levels, 16, parts);
  for (size_t l = 0; l < SUPER / 8; l++) {
    unsigned two = packed_number(high, 2, l);
    four_codes_twice(iq3_s_grid[q[2 * l] | (two & 1) << 8],
                     iq3_s_grid[q[2 * l + 1] | (two & 2) << 7], signs[l], parts->code + 8 * l);
  }
  for (size_t sub = 0; sub < SUPER / 32; sub++) {
    uint32_t stored = packed_number(packed + 106, 4, sub);
    grid_sub(parts, sub, stored, odd_scale(parts->note[0].value, stored));
  }
}

/* --- iq1 ------------------------------------------------------------------------------------- */

TAKE_APART(iq1_s)
{
  (void)setting;
  grid_notes(word16(packed), iq1_levels, 6, parts);
  for (size_t sub = 0; sub < SUPER / 32; sub++) {
    const unsigned char *q = packed + 2 + 4 * sub;
    uint32_t high = word16(packed + 34 + 2 * sub), stored = high >> 12 & 7;
    for (size_t l = 0; l < 4; l++)
      moved_codes(iq1_grid[q[l] | (high >> 3 * l & 7) << 8], high >> 15,
                  parts->code + 32 * sub + 8 * l);
    grid_sub(parts, sub, stored, odd_scale(parts->note[0].value, stored));
  }
}

/* The float16 scale is spread over the top four bits of the four words of scales. */
TAKE_APART(iq1_m)
{
  const unsigned char *q = packed, *high = packed + 32, *scales = packed + 48;
  uint32_t d = 0;
  (void)setting;
  for (size_t k = 0; k < 4; k++)
    d |= word16(scales + 2 * k) >> 12 << 4 * k;
  grid_notes(d, iq1_levels, 6, parts);
  for (size_t l = 0; l < SUPER / 8; l++) {
    unsigned four = packed_number(high, 4, l);
    moved_codes(iq1_grid[q[l] | (four & 7) << 8], four >> 3, parts->code + 8 * l);
  }
  for (size_t sub = 0; sub < SUPER / 16; sub++) {
    uint32_t stored = word16(scales + sub / 4 * 2) >> 3 * (sub % 4) & 7;
    grid_sub(parts, sub, stored, odd_scale(parts->note[0].value, stored));
  }
}

/* --- q8_1, q8_k ------------------------------------------------------------------------------ */

/* N signed bytes. */
static inline void byte_codes(const unsigned char *restrict from, size_t n,
                              struct block_parts *restrict parts)
{
  for (size_t i = 0; i < n; i++)
    parts->code[i] = from[i] ^ 0x80;
  parts->has_offset = false;
  parts->levels = BLOCK_LEVELS(128);
  parts->level_count = 256;
}

TAKE_APART(q8_1)
{
  (void)setting;
  byte_codes(packed + 4, 32, parts);
  parts->note[0] = half_note("d", packed);
  parts->note[1] = half_note("s", packed + 2);
  parts->notes = 2;
  grid_sub(parts, 0, 0, parts->note[0].value);
}

TAKE_APART(q8_k)
{
  (void)setting;
  byte_codes(packed + 4, SUPER, parts);
  uint32_t bits = word32(packed);
  parts->note[0] = (struct block_note){"d", "float32", bits_float(bits), bits};
  parts->notes = 1;
  grid_sub(parts, 0, 0, parts->note[0].value);
}

GGML_DECODE_LEVELS(iq1_s, IQ1_S_BYTES, SUPER, 32)
GGML_DECODE_LEVELS(iq1_m, IQ1_M_BYTES, SUPER, 16)
GGML_DECODE_LEVELS(iq2_xxs, IQ2_XXS_BYTES, SUPER, 32)
GGML_DECODE_LEVELS(iq2_xs, IQ2_XS_BYTES, SUPER, 16)
GGML_DECODE_LEVELS(iq2_s, IQ2_S_BYTES, SUPER, 16)
GGML_DECODE_LEVELS(iq3_xxs, IQ3_XXS_BYTES, SUPER, 32)
GGML_DECODE_LEVELS(iq3_s, IQ3_S_BYTES, SUPER, 32)
GGML_DECODE_LINEAR(q8_1, Q8_1_BYTES, 32, 32, 128)
GGML_DECODE_LINEAR(q8_k, Q8_K_BYTES, SUPER, SUPER, 128)

#define ROW(type, elements, size, sub)                                                             \
  {                                                                                                \
    .name = #type, .length = elements, .bytes = size, .sub_length = sub,                           \
    .take_apart = type##_take_apart, .decode = type##_decode,                                      \
  }

const struct block_codec KERNEL(ggml_iq_codecs)[] = {
    ROW(iq1_s, SUPER, IQ1_S_BYTES, 32),     ROW(iq1_m, SUPER, IQ1_M_BYTES, 16),
    ROW(iq2_xxs, SUPER, IQ2_XXS_BYTES, 32), ROW(iq2_xs, SUPER, IQ2_XS_BYTES, 16),
    ROW(iq2_s, SUPER, IQ2_S_BYTES, 16),     ROW(iq3_xxs, SUPER, IQ3_XXS_BYTES, 32),
    ROW(iq3_s, SUPER, IQ3_S_BYTES, 32),     ROW(q8_1, 32, Q8_1_BYTES, 32),
    ROW(q8_k, SUPER, Q8_K_BYTES, SUPER),    {0}};
