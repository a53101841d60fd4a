/* The format table and what follows from a row. */
#include "quant/format.h"

#include "quant/block.h"
#include "quant/family.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define INTEGER(number, text)                                                                      \
  {                                                                                                \
    .name = "int" #number, .aliases = "", .summary = text, .family = &integer_family,              \
    .bits = number,                                                                                \
  }

#define BLOCK(word, also, width, text)                                                             \
  {                                                                                                \
    .name = word, .aliases = also, .summary = text, .family = &block_family, .bits = width,        \
  }

const struct format format_table[] = {
    INTEGER(2, "4 levels; with asym an unsigned code and a zero point, as in every integer row"),
    INTEGER(3, "8 levels"),
    INTEGER(4, "16 levels: the usual weight format, with a scale per group"),
    INTEGER(5, "32 levels"),
    INTEGER(6, "64 levels"),
    INTEGER(7, "128 levels"),
    INTEGER(8, "256 levels: the usual format of integer inference"),
    INTEGER(16, "65536 levels: activations that must not lose anything"),
    {.name = "float8_e4m3fn",
     .aliases = "e4m3 fp8_e4m3 fp8",
     .summary = "OCP FP8 with 3 mantissa bits, largest number 448, no infinity; saturating",
     .family = &minifloat_family,
     .bits = 8,
     .exponent_bits = 4,
     .mantissa_bits = 3,
     .bias = 7,
     .specials = SPECIALS_FN},
    {.name = "float8_e5m2",
     .aliases = "e5m2 fp8_e5m2",
     .summary = "OCP FP8 with 2 mantissa bits, largest number 57344; saturating",
     .family = &minifloat_family,
     .bits = 8,
     .exponent_bits = 5,
     .mantissa_bits = 2,
     .bias = 15,
     .specials = SPECIALS_IEEE},
    {.name = "float16",
     .aliases = "fp16 f16 half",
     .summary = "IEEE half precision, largest number 65504; saturating; a plain cast by default",
     .family = &minifloat_family,
     .bits = 16,
     .exponent_bits = 5,
     .mantissa_bits = 10,
     .bias = 15,
     .specials = SPECIALS_IEEE,
     .raw_by_default = true},
    {.name = "bfloat16",
     .aliases = "bf16",
     .summary = "the upper half of float32; a plain cast by default",
     .family = &minifloat_family,
     .bits = 16,
     .exponent_bits = 8,
     .mantissa_bits = 7,
     .bias = 127,
     .specials = SPECIALS_IEEE,
     .raw_by_default = true},
    BLOCK("mxfp8_e4m3", "mxfp8", 8, "OCP MX: E4M3 in blocks of 32 under a power of two"),
    BLOCK("mxfp8_e5m2", "", 8, "OCP MX: E5M2 in blocks of 32 under a power of two"),
    BLOCK("mxfp6_e2m3", "mxfp6", 6, "OCP MX: E2M3 in blocks of 32 under a power of two"),
    BLOCK("mxfp6_e3m2", "", 6, "OCP MX: E3M2 in blocks of 32 under a power of two"),
    BLOCK("mxfp4", "mxfp4_e2m1", 4, "OCP MX: E2M1 in blocks of 32 under a power of two"),
    BLOCK("mxint8", "", 8, "OCP MX: 64ths, -127 to 127, in blocks of 32 under a power of two"),
    BLOCK("nvfp4", "", 4, "E2M1 in blocks of 16 under an E4M3 scale, a float32 scale on top"),
    BLOCK("q4_0", "", 4, "ggml: 32 codes under a float16 scale; the largest value has code 0"),
    BLOCK("q4_1", "", 4, "ggml: 32 codes, float16 scale and minimum"),
    BLOCK("q5_0", "", 5, "ggml: 32 codes under a float16 scale; the largest value has code 0"),
    BLOCK("q5_1", "", 5, "ggml: 32 codes, float16 scale and minimum"),
    BLOCK("q8_0", "", 8, "ggml: 32 codes, a float16 scale"),
    BLOCK("q2_k", "", 2, "ggml: 16 x 16, scales and minima of 4 bits under two float16 scales"),
    BLOCK("q3_k", "", 3, "ggml: 16 x 16, scales of 6 bits under a float16 scale"),
    BLOCK("q4_k", "", 4, "ggml: 8 x 32, scales and minima of 6 bits under two float16 scales"),
    BLOCK("q5_k", "", 5, "ggml: 8 x 32, scales and minima of 6 bits under two float16 scales"),
    BLOCK("q6_k", "", 6, "ggml: 16 x 16, scales of 8 bits under a float16 scale"),
    BLOCK("iq4_nl", "", 4, "ggml: 32 codes of a fixed codebook, a float16 scale"),
    BLOCK("iq4_xs", "", 4,
          "ggml: 8 x 32 codes of a fixed codebook, scales of 6 bits under float16"),
    BLOCK("tq1_0", "", 2, "ggml: 256 ternary digits, five to a byte, a float16 scale"),
    BLOCK("tq2_0", "", 2, "ggml: 256 ternary digits of two bits, a float16 scale"),
    BLOCK("q1_0", "", 1, "ggml: 128 signs, a float16 scale: their mean magnitude"),
    BLOCK("q2_0", "", 2, "ggml: 64 codes, a float16 scale"),
    BLOCK("mxfp4_ggml", "", 4, "ggml's MXFP4: floor rule, ties towards zero"),
    BLOCK("nvfp4_ggml", "", 4, "ggml's NVFP4: 4 x 16 under unsigned E4M3 scales, no tensor scale"),
};
const size_t format_table_length = sizeof format_table / sizeof format_table[0];

/* True when WORD is one of the space-separated words of LIST, whatever the case. */
static bool word_in(const char *word, const char *list)
{
  size_t length = strlen(word);
  while (*list) {
    size_t next = strcspn(list, " ");
    if (next == length && strncasecmp(word, list, length) == 0)
      return true;
    list += next + strspn(list + next, " ");
  }
  return false;
}

const struct format *format_find(const char *word)
{
  for (size_t i = 0; i < format_table_length; i++)
    if (word_in(word, format_table[i].name) || word_in(word, format_table[i].aliases))
      return &format_table[i];
  return NULL;
}

char *format_label(const struct format *format, char *text, size_t size)
{
  const char *label = *format->aliases ? format->aliases : format->name;
  snprintf(text, size, "%.*s", (int)strcspn(label, " "), label);
  return text;
}

double format_max(const struct format *format)
{
  return format->family->max(format);
}

double format_min_normal(const struct format *format)
{
  return ldexp(1, 1 - format->bias);
}

double format_min_subnormal(const struct format *format)
{
  return ldexp(1, 1 - format->bias - format->mantissa_bits);
}

size_t format_codes(const struct format *format)
{
  return (size_t)1 << format->bits;
}

size_t format_levels(const struct format *format, bool asymmetric, bool narrow)
{
  return format->family->levels(format, asymmetric, narrow);
}

float format_decode(const struct format *format, uint32_t code)
{
  return format->family->decode(format, code);
}

uint32_t format_encode(const struct format *format, float x)
{
  return format->family->encode(format, x);
}

bool format_is_integer(const struct format *format)
{
  return format->family->has_zero_point;
}

bool format_is_block(const struct format *format)
{
  return format->family == &block_family;
}

double format_stored_bits(const struct format *format)
{
  if (!format_is_block(format))
    return format->bits;
  const struct block_codec *codec = block_codec_find(format->name);
  return 8 * (double)codec->bytes / (double)codec->length;
}

struct grid grid_make(const struct format *format, bool asymmetric, bool narrow)
{
  struct grid grid = {.format = format, .asymmetric = asymmetric, .narrow = narrow};
  format->family->prepare(&grid);
  return grid;
}
