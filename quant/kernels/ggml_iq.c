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

/* --- eight elements -------------------------------------------------------------------------- */

/* As many floats as a vector holds, up to the eight. */
#ifdef __AVX2__
enum { SIDE = 8 };
#else
enum { SIDE = 4 };
#endif
typedef float some __attribute__((vector_size(SIDE * sizeof(float))));
typedef uint32_t some_bits __attribute__((vector_size(SIDE * sizeof(uint32_t))));

/* Values without the signs; bit j of SIGNS: element j is negative. The values of iq1 have their
 * signs and are moved by an eighth: SIGNS is 1 where down. */
struct octet {
  some v[8 / SIDE];
  uint32_t signs;
};

static inline struct octet octet(const float *values, uint32_t signs)
{
  struct octet octet = {.signs = signs};
  memcpy(octet.v, values, sizeof octet.v);
  return octet;
}

static inline struct octet octet_of_two(const float *a, const float *b, uint32_t signs)
{
#ifdef __AVX2__
  return (struct octet){{{a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3]}}, signs};
#else
  struct octet octet = {.signs = signs};
  memcpy(&octet.v[0], a, sizeof octet.v[0]);
  memcpy(&octet.v[1], b, sizeof octet.v[1]);
  return octet;
#endif
}

static inline void octet_signed(struct octet octet, float scale, float *restrict y)
{
  static const uint32_t places[8] = {1, 2, 4, 8, 16, 32, 64, 128};
  for (size_t j = 0; j < 8; j += SIDE) {
    some_bits place;
    memcpy(&place, places + j, sizeof place);
    some_bits minus = (some_bits)((octet.signs & place) == place) & FLOAT_SIGN;
    some v = scale * (some)((some_bits)octet.v[j / SIDE] ^ minus);
    memcpy(y + j, &v, sizeof v);
  }
}

static inline void octet_moved(struct octet octet, float scale, float *restrict y)
{
  float move = bits_float(float_bits(0.125f) | octet.signs << 31);
  for (size_t j = 0; j < 8; j += SIDE) {
    some v = scale * (octet.v[j / SIDE] + move);
    memcpy(y + j, &v, sizeof v);
  }
}

/* --- one type -------------------------------------------------------------------------------- */

struct grid {
  size_t bytes, sub_length;
  struct octet (*octet)(const unsigned char *packed, size_t index); /* of 32 */
  uint32_t (*d)(const unsigned char *packed);                       /* bits of a float16 */
  uint32_t (*stored)(const unsigned char *packed, size_t sub);      /* of the scale */
  float (*scale)(float d, uint32_t stored);
  const float *levels;
  size_t level_count;
  float step; /* the index of a magnitude is how often this fits into it; 0: iq1 */
};

/* Inlined, so that each type has loops of its own. */
#define GRID_INLINE static inline __attribute__((always_inline))

GRID_INLINE void octet_codes(const struct grid *grid, const float *values, uint32_t signs,
                             uint8_t *code)
{
  for (unsigned j = 0; j < 8; j++)
    if (grid->step > 0)
      code[j] =
          (uint8_t)((size_t)(values[j] / grid->step) + (signs >> j & 1) * grid->level_count / 2);
    else
      code[j] = (uint8_t)(2 * (int)(values[j] + 1) + !signs);
}

GRID_INLINE void grid_take_apart(const struct grid *grid, const unsigned char *packed,
                                 struct block_parts *parts)
{
  uint32_t bits = grid->d(packed);
  float d = half_to_float((uint16_t)bits);
  parts->has_offset = false;
  parts->levels = grid->levels;
  parts->level_count = grid->level_count;
  parts->note[0] = (struct block_note){"d", "float16", d, bits};
  parts->notes = 1;
  for (size_t sub = 0; sub < SUPER / grid->sub_length; sub++) {
    uint32_t stored = grid->stored(packed, sub);
    parts->sub_scale[sub] = (int32_t)stored;
    parts->scale[sub] = grid->scale(d, stored);
    parts->sub_offset[sub] = 0;
    parts->offset[sub] = 0;
  }
  for (size_t i = 0; i < SUPER; i += 8) {
    struct octet octet = grid->octet(packed, i / 8);
    float values[8];
    memcpy(values, octet.v, sizeof values);
    octet_codes(grid, values, octet.signs, parts->code + i);
  }
}

GRID_INLINE void grid_decode(const struct grid *grid, const unsigned char *restrict packed,
                             size_t blocks, float *restrict y)
{
  for (; blocks--; packed += grid->bytes) {
    float d = half_to_float((uint16_t)grid->d(packed));
    for (size_t sub = 0; sub < SUPER / grid->sub_length; sub++) {
      float scale = grid->scale(d, grid->stored(packed, sub));
      for (size_t i = 0; i < grid->sub_length / 8; i++, y += 8) {
        struct octet octet = grid->octet(packed, sub * grid->sub_length / 8 + i);
        if (grid->step > 0)
          octet_signed(octet, scale, y);
        else
          octet_moved(octet, scale, y);
      }
    }
  }
}

/* TYPE_take_apart and TYPE_decode out of TYPE_octet and TYPE_stored. */
#define GRID(type, size, sub, d_of, scale_of, its_levels, its_step)                                \
  static const struct grid type##_grid_type = {.bytes = (size),                                    \
                                               .sub_length = (sub),                                \
                                               .octet = type##_octet,                              \
                                               .d = d_of,                                          \
                                               .stored = type##_stored,                            \
                                               .scale = scale_of,                                  \
                                               .levels = its_levels,                               \
                                               .level_count =                                      \
                                                   sizeof its_levels / sizeof *its_levels,         \
                                               .step = its_step};                                  \
  static void type##_take_apart(const struct block_setting *setting, const unsigned char *packed,  \
                                struct block_parts *parts)                                         \
  {                                                                                                \
    (void)setting;                                                                                 \
    grid_take_apart(&type##_grid_type, packed, parts);                                             \
  }                                                                                                \
  static void type##_decode(const struct block_setting *setting, const unsigned char *packed,      \
                            size_t blocks, float *y)                                               \
  {                                                                                                \
    (void)setting;                                                                                 \
    grid_decode(&type##_grid_type, packed, blocks, y);                                             \
  }

static inline float quarter_scale(float d, uint32_t stored)
{
  return d * (0.5f + (float)stored) * 0.25f;
}

static inline float half_scale(float d, uint32_t stored)
{
  return d * (0.5f + (float)stored) * 0.5f;
}

static inline float odd_scale(float d, uint32_t stored)
{
  return d * (float)(2 * stored + 1);
}

/* --- iq2 ------------------------------------------------------------------------------------- */

static inline struct octet iq2_xxs_octet(const unsigned char *packed, size_t index)
{
  const unsigned char *q = packed + 2 + index / 4 * 8;
  uint32_t signs = word32(q + 4) >> 7 * (index % 4) & 127;
  return octet(iq2_xxs_grid[q[index % 4]], signs_of(signs));
}

static inline uint32_t iq2_xxs_stored(const unsigned char *packed, size_t sub)
{
  return packed[2 + 8 * sub + 7] >> 4;
}

GRID(iq2_xxs, IQ2_XXS_BYTES, 32, word16, quarter_scale, iq2_levels, 16)

static inline struct octet iq2_xs_octet(const unsigned char *packed, size_t index)
{
  uint32_t q = word16(packed + 2 + 2 * index);
  return octet(iq2_xs_grid[q & 511], signs_of(q >> 9));
}

static inline uint32_t iq2_xs_stored(const unsigned char *packed, size_t sub)
{
  return packed_number(packed + 66, 4, sub);
}

GRID(iq2_xs, IQ2_XS_BYTES, 16, word16, quarter_scale, iq2_levels, 16)

static inline struct octet iq2_s_octet(const unsigned char *packed, size_t index)
{
  const unsigned char *q = packed + 2, *signs = packed + 34, *high = packed + 66;
  return octet(iq2_s_grid[q[index] | packed_number(high, 2, index) << 8], signs[index]);
}

static inline uint32_t iq2_s_stored(const unsigned char *packed, size_t sub)
{
  return packed_number(packed + 74, 4, sub);
}

GRID(iq2_s, IQ2_S_BYTES, 16, word16, quarter_scale, iq2_levels, 16)

/* --- iq3 ------------------------------------------------------------------------------------- */

static inline struct octet iq3_xxs_octet(const unsigned char *packed, size_t index)
{
  const unsigned char *q = packed + 2 + 2 * index;
  uint32_t signs = word32(packed + 66 + index / 4 * 4) >> 7 * (index % 4) & 127;
  return octet_of_two(iq3_xxs_grid[q[0]], iq3_xxs_grid[q[1]], signs_of(signs));
}

static inline uint32_t iq3_xxs_stored(const unsigned char *packed, size_t sub)
{
  return packed[66 + 4 * sub + 3] >> 4;
}

GRID(iq3_xxs, IQ3_XXS_BYTES, 32, word16, half_scale, iq3_xxs_levels, 8)

static inline struct octet iq3_s_octet(const unsigned char *packed, size_t index)
{
  const unsigned char *q = packed + 2 + 2 * index, *high = packed + 66, *signs = packed + 74;
  unsigned two = packed_number(high, 2, index);
  return octet_of_two(iq3_s_grid[q[0] | (two & 1) << 8], iq3_s_grid[q[1] | (two & 2) << 7],
                      signs[index]);
}

static inline uint32_t iq3_s_stored(const unsigned char *packed, size_t sub)
{
  return packed_number(packed + 106, 4, sub);
}

GRID(iq3_s, IQ3_S_BYTES, 32, word16, odd_scale, iq3_s_levels, 2)

/* --- iq1 ------------------------------------------------------------------------------------- */

static inline struct octet iq1_s_octet(const unsigned char *packed, size_t index)
{
  uint32_t high = word16(packed + 34 + index / 4 * 2);
  return octet(iq1_grid[packed[2 + index] | (high >> 3 * (index % 4) & 7) << 8], high >> 15);
}

static inline uint32_t iq1_s_stored(const unsigned char *packed, size_t sub)
{
  return word16(packed + 34 + 2 * sub) >> 12 & 7;
}

GRID(iq1_s, IQ1_S_BYTES, 32, word16, odd_scale, iq1_levels, 0)

/* The float16 scale is spread over the top four bits of the four words of scales. */
static inline uint32_t iq1_m_d(const unsigned char *packed)
{
  uint32_t d = 0;
  for (size_t k = 0; k < 4; k++)
    d |= word16(packed + 48 + 2 * k) >> 12 << 4 * k;
  return d;
}

static inline struct octet iq1_m_octet(const unsigned char *packed, size_t index)
{
  unsigned four = packed_number(packed + 32, 4, index);
  return octet(iq1_grid[packed[index] | (four & 7) << 8], four >> 3);
}

static inline uint32_t iq1_m_stored(const unsigned char *packed, size_t sub)
{
  return word16(packed + 48 + sub / 4 * 2) >> 3 * (sub % 4) & 7;
}

GRID(iq1_m, IQ1_M_BYTES, 16, iq1_m_d, odd_scale, iq1_levels, 0)

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

static inline void one_scale(struct block_parts *parts)
{
  parts->scale[0] = parts->note[0].value;
  parts->offset[0] = 0;
  parts->sub_scale[0] = parts->sub_offset[0] = 0;
}

static inline void q8_1_take_apart(const struct block_setting *setting, const unsigned char *packed,
                                   struct block_parts *parts)
{
  (void)setting;
  byte_codes(packed + 4, 32, parts);
  parts->note[0] = half_note("d", packed);
  parts->note[1] = half_note("s", packed + 2);
  parts->notes = 2;
  one_scale(parts);
}

static inline void q8_k_take_apart(const struct block_setting *setting, const unsigned char *packed,
                                   struct block_parts *parts)
{
  (void)setting;
  byte_codes(packed + 4, SUPER, parts);
  uint32_t bits = word32(packed);
  parts->note[0] = (struct block_note){"d", "float32", bits_float(bits), bits};
  parts->notes = 1;
  one_scale(parts);
}

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
