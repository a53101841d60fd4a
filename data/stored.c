/* The table of stored types, and their decoders. Each decoder is one plain loop over its
 * elements, so that the compiler can vectorise it; float16 and bfloat16 are kernels, blocks are
 * decoded by their codecs. */
#include "config.h"

#include "data/tensor.h"
#include "quant/block.h"
#include "quant/format.h"
#include "quant/kernels/kernels.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

static inline float float_of(uint32_t bits)
{
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline double double_of(uint64_t bits)
{
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* A decoder of elements that are UNSIGNED words in little-endian order; `word` is one. */
#define DECODER(name, unsigned_type, to_host, expression)                                          \
  static void decode_##name(const unsigned char *bytes, size_t n, float *out)                      \
  {                                                                                                \
    for (size_t i = 0; i < n; i++) {                                                               \
      unsigned_type word;                                                                          \
      memcpy(&word, bytes + i * sizeof word, sizeof word);                                         \
      word = to_host(word);                                                                        \
      out[i] = expression;                                                                         \
    }                                                                                              \
  }
#define ONE_BYTE(word) (word)

DECODER(f64, uint64_t, le64toh, (float)double_of(word))
DECODER(f32, uint32_t, le32toh, float_of(word))
DECODER(i64, uint64_t, le64toh, (float)(int64_t)word)
DECODER(u64, uint64_t, le64toh, (float)word)
DECODER(i32, uint32_t, le32toh, (float)(int32_t)word)
DECODER(u32, uint32_t, le32toh, (float)word)
DECODER(i16, uint16_t, le16toh, (float)(int16_t)word)
DECODER(u16, uint16_t, le16toh, (float)word)
DECODER(i8, uint8_t, ONE_BYTE, (float)(int8_t)word)
DECODER(u8, uint8_t, ONE_BYTE, (float)word)
/* Any byte but 0 is true, as NumPy reads it. */
DECODER(bool, uint8_t, ONE_BYTE, word ? 1.0f : 0.0f)

static void decode_f16(const unsigned char *bytes, size_t n, float *out)
{
  kernels.half_decode(bytes, n, out);
}

static void decode_bf16(const unsigned char *bytes, size_t n, float *out)
{
  kernels.bfloat_decode(bytes, n, out);
}

/* Two to a byte, the first in the low half; an odd last one leaves the high half of its byte. */
static void decode_u4(const unsigned char *bytes, size_t n, float *out)
{
  for (size_t i = 0; i < n; i++)
    out[i] = (float)(bytes[i / 2] >> 4 * (i % 2) & 15);
}

static void decode_i4(const unsigned char *bytes, size_t n, float *out)
{
  for (size_t i = 0; i < n; i++)
    out[i] = (float)(((bytes[i / 2] >> 4 * (i % 2) & 15) ^ 8) - 8);
}

/* E2M1, two to a byte in the same way. */
static void decode_f4(const unsigned char *bytes, size_t n, float *out)
{
  static const float values[16] = {0,     0.5f,  1,  1.5f,  2,  3,  4,  6,
                                   -0.0f, -0.5f, -1, -1.5f, -2, -3, -4, -6};
  for (size_t i = 0; i < n; i++)
    out[i] = values[bytes[i / 2] >> 4 * (i % 2) & 15];
}

/* The 256 values of a small float format, from the table that also quantizes. */
#define SMALL_FLOAT(name, format)                                                                  \
  static float name##_values[256];                                                                 \
  static void name##_fill(void)                                                                    \
  {                                                                                                \
    for (uint32_t code = 0; code < 256; code++)                                                    \
      name##_values[code] = format_decode(format_find(format), code);                              \
  }                                                                                                \
  static void decode_##name(const unsigned char *bytes, size_t n, float *out)                      \
  {                                                                                                \
    static pthread_once_t once = PTHREAD_ONCE_INIT;                                                \
    pthread_once(&once, name##_fill);                                                              \
    for (size_t i = 0; i < n; i++)                                                                 \
      out[i] = name##_values[bytes[i]];                                                            \
  }

SMALL_FLOAT(f8_e4m3, "float8_e4m3fn")
SMALL_FLOAT(f8_e5m2, "float8_e5m2")
SMALL_FLOAT(f8_e4m3fnuz, "float8_e4m3fnuz")
SMALL_FLOAT(f8_e5m2fnuz, "float8_e5m2fnuz")

/* The scales of the OCP microscaling formats: a bare power of two, 2^(code - 127), NaN at 255. */
static void decode_f8_e8m0(const unsigned char *bytes, size_t n, float *out)
{
  for (size_t i = 0; i < n; i++)
    out[i] = bytes[i] == 0     ? 0x1p-127f
             : bytes[i] == 255 ? float_of(0x7FC00000u)
                               : float_of((uint32_t)bytes[i] << 23);
}

/* Where the blocks of ggml have words: float16 scales first of all. Not known for the types that
 * ggml declares as bytes and reads as wider words in the order of the machine (q5_0, q5_1, iq1_m,
 * iq2_xxs, iq3_xxs): there the order depends on who wrote the file. */
#define WORDS(name, ...) static const struct word_run name[] = {__VA_ARGS__, {0, 0, 0}}
static const struct word_run bytes_alone[] = {{0, 0, 0}};
WORDS(d_first, {0, 2, 1});
WORDS(two_first, {0, 2, 2}); /* d and another; iq4_xs: d, the high bits of the scales */
WORDS(q2_k_words, {80, 2, 2});
WORDS(q3_k_words, {108, 2, 1});
WORDS(q6_k_words, {208, 2, 1});
WORDS(q8_k_words, {0, 4, 1}, {260, 2, 16});
WORDS(iq1_s_words, {0, 2, 1}, {34, 2, 8});
WORDS(iq2_xs_words, {0, 2, 33});
WORDS(tq1_0_words, {52, 2, 1});
WORDS(tq2_0_words, {64, 2, 1});

/* The block types of ggml: name, codec, elements and bytes of a block, words in it. */
#define GGML_TYPES(TYPE)                                                                           \
  TYPE(q4_0, "q4_0", 32, 18, d_first)                                                              \
  TYPE(q4_1, "q4_1", 32, 20, two_first)                                                            \
  TYPE(q5_0, "q5_0", 32, 22, NULL)                                                                 \
  TYPE(q5_1, "q5_1", 32, 24, NULL)                                                                 \
  TYPE(q8_0, "q8_0", 32, 34, d_first)                                                              \
  TYPE(q8_1, "q8_1", 32, 36, two_first)                                                            \
  TYPE(q2_k, "q2_k", 256, 84, q2_k_words)                                                          \
  TYPE(q3_k, "q3_k", 256, 110, q3_k_words)                                                         \
  TYPE(q4_k, "q4_k", 256, 144, two_first)                                                          \
  TYPE(q5_k, "q5_k", 256, 176, two_first)                                                          \
  TYPE(q6_k, "q6_k", 256, 210, q6_k_words)                                                         \
  TYPE(q8_k, "q8_k", 256, 292, q8_k_words)                                                         \
  TYPE(iq1_s, "iq1_s", 256, 50, iq1_s_words)                                                       \
  TYPE(iq1_m, "iq1_m", 256, 56, NULL)                                                              \
  TYPE(iq2_xxs, "iq2_xxs", 256, 66, NULL)                                                          \
  TYPE(iq2_xs, "iq2_xs", 256, 74, iq2_xs_words)                                                    \
  TYPE(iq2_s, "iq2_s", 256, 82, d_first)                                                           \
  TYPE(iq3_xxs, "iq3_xxs", 256, 98, NULL)                                                          \
  TYPE(iq3_s, "iq3_s", 256, 110, d_first)                                                          \
  TYPE(iq4_nl, "iq4_nl", 32, 18, d_first)                                                          \
  TYPE(iq4_xs, "iq4_xs", 256, 136, two_first)                                                      \
  TYPE(tq1_0, "tq1_0", 256, 54, tq1_0_words)                                                       \
  TYPE(tq2_0, "tq2_0", 256, 66, tq2_0_words)                                                       \
  TYPE(mxfp4, "mxfp4_ggml", 32, 17, bytes_alone)                                                   \
  TYPE(nvfp4, "nvfp4_ggml", 64, 36, bytes_alone)                                                   \
  TYPE(q1_0, "q1_0", 128, 18, d_first)                                                             \
  TYPE(q2_0, "q2_0", 64, 18, d_first)

/* Through the codec, which is looked up once. */
#define GGML_DECODER(name, codec, length, size, words)                                             \
  static const struct block_codec *name##_codec;                                                   \
  static void name##_find(void)                                                                    \
  {                                                                                                \
    name##_codec = block_codec_find(codec);                                                        \
  }                                                                                                \
  static void decode_##name(const unsigned char *bytes, size_t n, float *out)                      \
  {                                                                                                \
    static pthread_once_t once = PTHREAD_ONCE_INIT;                                                \
    pthread_once(&once, name##_find);                                                              \
    name##_codec->decode(&(struct block_setting){.tensor_scale = 1}, bytes, n / (length), out);    \
  }
#define GGML_ROW(name, codec, length, size, words)                                                 \
  {#name, length, size, true, false, decode_##name, words, 0},

GGML_TYPES(GGML_DECODER)

const struct stored stored_table[] = {
    {"f64", 1, 8, false, false, decode_f64, NULL, 0},
    {"f32", 1, 4, true, false, decode_f32, NULL, 0},
    {"f16", 1, 2, true, false, decode_f16, NULL, 0x1p-14f},
    {"bf16", 1, 2, true, false, decode_bf16, NULL, 0},
    {"f8_e4m3", 1, 1, true, false, decode_f8_e4m3, NULL, 0x1p-6f},
    {"f8_e5m2", 1, 1, true, false, decode_f8_e5m2, NULL, 0x1p-14f},
    {"f8_e4m3fnuz", 1, 1, true, false, decode_f8_e4m3fnuz, NULL, 0x1p-7f},
    {"f8_e5m2fnuz", 1, 1, true, false, decode_f8_e5m2fnuz, NULL, 0x1p-15f},
    {"f8_e8m0", 1, 1, true, false, decode_f8_e8m0, NULL, 0x1p-127f},
    {"i64", 1, 8, false, true, decode_i64, NULL, 0},
    {"u64", 1, 8, false, true, decode_u64, NULL, 0},
    {"i32", 1, 4, false, true, decode_i32, NULL, 0},
    {"u32", 1, 4, false, true, decode_u32, NULL, 0},
    {"i16", 1, 2, true, true, decode_i16, NULL, 0},
    {"u16", 1, 2, true, true, decode_u16, NULL, 0},
    {"i8", 1, 1, true, true, decode_i8, NULL, 0},
    {"u8", 1, 1, true, true, decode_u8, NULL, 0},
    {"bool", 1, 1, true, true, decode_bool, NULL, 0},
    {"i4", 2, 1, true, true, decode_i4, NULL, 0},
    {"u4", 2, 1, true, true, decode_u4, NULL, 0},
    {"f4", 2, 1, true, false, decode_f4, NULL, 1},
    GGML_TYPES(GGML_ROW)
    /* Listed, refused when loaded. */
    {"c64", 1, 8, false, false, NULL, NULL, 0},
    {"c128", 1, 16, false, false, NULL, NULL, 0},
    {"f6_e2m3", 4, 3, true, false, NULL, NULL, 1},
    {"f6_e3m2", 4, 3, true, false, NULL, NULL, 0x1p-2f},
};
const size_t stored_table_length = sizeof stored_table / sizeof *stored_table;

const struct stored *stored_find(const char *name)
{
  for (size_t i = 0; i < stored_table_length; i++)
    if (strcasecmp(stored_table[i].name, name) == 0)
      return &stored_table[i];
  return NULL;
}
