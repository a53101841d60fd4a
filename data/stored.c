/* The table of stored types, and their decoders. Each decoder is one plain loop over its
 * elements, so that the compiler can vectorise it. */
#include "config.h"

#include "data/tensor.h"
#include "quant/format.h"

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

/* Binary16 by integer moves: the exponent is re-biased by 112; a subnormal is the fraction in
 * units of 2^-24, made by subtracting the leading one that it does not have. */
static inline float half_of(uint16_t bits)
{
  uint32_t sign = (bits & 0x8000u) << 16, magnitude = (bits & 0x7FFFu) << 13;
  float subnormal = float_of(magnitude + (113u << 23)) - 0x1p-14f;
  uint32_t small, normal = magnitude + (112u << 23), special = magnitude | 0x7F800000u;
  memcpy(&small, &subnormal, sizeof small);
  uint32_t finite = magnitude < (0x400u << 13) ? small : normal;
  return float_of(sign | (magnitude >= (0x7C00u << 13) ? special : finite));
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
DECODER(f16, uint16_t, le16toh, half_of(word))
DECODER(bf16, uint16_t, le16toh, float_of((uint32_t)word << 16))
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

/* The scales of the OCP microscaling formats: a bare power of two, 2^(code - 127), NaN at 255. */
static void decode_f8_e8m0(const unsigned char *bytes, size_t n, float *out)
{
  for (size_t i = 0; i < n; i++)
    out[i] = bytes[i] == 0     ? 0x1p-127f
             : bytes[i] == 255 ? float_of(0x7FC00000u)
                               : float_of((uint32_t)bytes[i] << 23);
}

const struct stored stored_table[] = {
    {"f64", 8, false, false, decode_f64},
    {"f32", 4, true, false, decode_f32},
    {"f16", 2, true, false, decode_f16},
    {"bf16", 2, true, false, decode_bf16},
    {"f8_e4m3", 1, true, false, decode_f8_e4m3},
    {"f8_e5m2", 1, true, false, decode_f8_e5m2},
    {"f8_e8m0", 1, true, false, decode_f8_e8m0},
    {"i64", 8, false, true, decode_i64},
    {"u64", 8, false, true, decode_u64},
    {"i32", 4, false, true, decode_i32},
    {"u32", 4, false, true, decode_u32},
    {"i16", 2, true, true, decode_i16},
    {"u16", 2, true, true, decode_u16},
    {"i8", 1, true, true, decode_i8},
    {"u8", 1, true, true, decode_u8},
    {"bool", 1, true, true, decode_bool},
    /* Listed, refused when loaded. */
    {"c64", 8, false, false, NULL},
    {"f6_e2m3", 0, true, false, NULL},
    {"f6_e3m2", 0, true, false, NULL},
    {"f4", 0, true, false, NULL},
};
const size_t stored_table_length = sizeof stored_table / sizeof *stored_table;

const struct stored *stored_find(const char *name)
{
  for (size_t i = 0; i < stored_table_length; i++)
    if (strcasecmp(stored_table[i].name, name) == 0)
      return &stored_table[i];
  return NULL;
}
