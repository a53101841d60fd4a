/* The format table and what follows from a row. */
#include "quant/format.h"

#include "quant/block.h"
#include "quant/codebook.h"

#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define INTEGER(number, text)                                                                      \
  {                                                                                                \
    .name = "int" #number, .aliases = "", .summary = text, .family = &integer_family,              \
    .bits = number,                                                                                \
  }
#define SMALL_FLOAT(word, others, e, m, b, how, text)                                              \
  {                                                                                                \
    .name = word, .aliases = others, .summary = text, .family = &minifloat_family,                 \
    .bits = 1 + (e) + (m), .exponent_bits = e, .mantissa_bits = m, .bias = b, .top = how           \
  }
#define CAST(word, others, e, m, b, text)                                                          \
  {                                                                                                \
    .name = word, .aliases = others, .summary = text, .family = &minifloat_family,                 \
    .bits = 1 + (e) + (m), .exponent_bits = e, .mantissa_bits = m, .bias = b, .top = TOP_IEEE,     \
    .raw_by_default = true                                                                         \
  }

#define BLOCK(word, also, width, text)                                                             \
  {                                                                                                \
    .name = word, .aliases = also, .summary = text, .family = &block_family, .bits = width,        \
  }

const struct format format_table[] = {
    INTEGER(1, "0 and 1: uint1 only, since one bit has no symmetric levels"),
    INTEGER(2, "4 levels; with asym an unsigned code and a zero point, as in every integer row"),
    INTEGER(3, "8 levels"),
    INTEGER(4, "16 levels: the usual weight format, with a scale per group"),
    INTEGER(5, "32 levels"),
    INTEGER(6, "64 levels"),
    INTEGER(7, "128 levels"),
    INTEGER(8, "256 levels: the usual format of integer inference"),
    INTEGER(9, "512 levels"),
    INTEGER(10, "1024 levels"),
    INTEGER(11, "2048 levels"),
    INTEGER(12, "4096 levels: converters of cameras and microphones"),
    INTEGER(13, "8192 levels"),
    INTEGER(14, "16384 levels"),
    INTEGER(15, "32768 levels"),
    INTEGER(16, "65536 levels: activations that must not lose anything"),
    SMALL_FLOAT("float8_e4m3fn", "e4m3 fp8_e4m3 fp8 e4m3fn f8_e4m3", 4, 3, 7, TOP_FN,
                "OCP FP8 with 3 mantissa bits, largest number 448, no infinity"),
    SMALL_FLOAT("float8_e5m2", "e5m2 fp8_e5m2 f8_e5m2", 5, 2, 15, TOP_IEEE,
                "OCP FP8 with 2 mantissa bits, largest number 57344, infinity and NaN"),
    SMALL_FLOAT("float8_e3m4", "e3m4 fp8_e3m4", 3, 4, 3, TOP_IEEE,
                "IEEE-like FP8 with 4 mantissa bits, largest number 15.5"),
    SMALL_FLOAT("float8_e2m5", "e2m5 fp8_e2m5", 2, 5, 1, TOP_FINITE,
                "FP8 with 5 mantissa bits, all codes finite: close to an integer"),
    SMALL_FLOAT("float8_e4m3", "e4m3ieee", 4, 3, 7, TOP_IEEE,
                "IEEE-like FP8 with infinity and NaN, largest number 240"),
    SMALL_FLOAT("float8_e4m3fnuz", "e4m3fnuz fp8_e4m3fnuz", 4, 3, 8, TOP_FNUZ,
                "FP8 of AMD MI300 and Graphcore, largest number 240, no minus zero"),
    SMALL_FLOAT("float8_e5m2fnuz", "e5m2fnuz fp8_e5m2fnuz", 5, 2, 16, TOP_FNUZ,
                "FP8 of AMD MI300 and Graphcore, largest number 57344, no minus zero"),
    SMALL_FLOAT("float8_e4m3b11fnuz", "e4m3b11fnuz e4m3b11", 4, 3, 11, TOP_FNUZ,
                "FP8 with bias 11, largest number 30, no minus zero"),
    SMALL_FLOAT("float6_e2m3fn", "e2m3 fp6_e2m3 fp6 e2m3fn", 2, 3, 1, TOP_FINITE,
                "OCP FP6 with 3 mantissa bits, largest number 7.5, all codes finite"),
    SMALL_FLOAT("float6_e3m2fn", "e3m2 fp6_e3m2 e3m2fn", 3, 2, 3, TOP_FINITE,
                "OCP FP6 with 2 mantissa bits, largest number 28, all codes finite"),
    SMALL_FLOAT("float4_e2m1fn", "e2m1 fp4_e2m1 fp4 e2m1fn", 2, 1, 1, TOP_FINITE,
                "OCP FP4: 0 0.5 1 1.5 2 3 4 6 and their negatives"),
    {.name = "nf4",
     .aliases = "normalfloat4",
     .summary = "16 levels at quantiles of a Gaussian (bitsandbytes), a scale per block of 64",
     .family = &codebook_family,
     .bits = 4,
     .codebook = &nf4_codebook,
     .block = 64},
    {.name = "bnb_fp4",
     .aliases = "",
     .summary = "the fp4 of bitsandbytes, which is not E2M1; a scale per block of 64",
     .family = &codebook_family,
     .bits = 4,
     .codebook = &bnb_fp4_codebook,
     .block = 64},
    CAST("float16", "fp16 f16 half", 5, 10, 15,
         "IEEE half precision, largest number 65504; a plain cast by default"),
    CAST("bfloat16", "bf16", 8, 7, 127, "the upper half of float32; a plain cast by default"),
    CAST("tf32", "tensorfloat32", 8, 10, 127,
         "19 bits of float32, what tensor cores multiply; a plain cast by default; no codes"),
    {.name = "float8_e8m0fnu",
     .aliases = "e8m0 e8m0fnu",
     .summary = "bare powers of two, no sign, no zero: the scales of MX; a plain cast by default",
     .family = &power_family,
     .bits = 8,
     .exponent_bits = 8,
     .bias = 127,
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

static const struct format *find_row(const char *word)
{
  for (size_t i = 0; i < format_table_length; i++)
    if (word_in(word, format_table[i].name) || word_in(word, format_table[i].aliases))
      return &format_table[i];
  return NULL;
}

/* --- rows made on demand --------------------------------------------------------------- */

/* They are never freed: quantizers point at them, and a session names a handful. */
struct made {
  struct format format;
  struct made *next;
  char name[];
};

static struct made *made_rows;
static pthread_mutex_t made_lock = PTHREAD_MUTEX_INITIALIZER;

static bool codebook_equal(const struct codebook *a, const struct codebook *b)
{
  return a == b || (a && b && a->count == b->count &&
                    memcmp(a->level, b->level, a->count * sizeof *a->level) == 0);
}

static struct made *find_made(const struct format *format)
{
  for (struct made *row = made_rows; row; row = row->next)
    if (strcmp(row->name, format->name) == 0 &&
        codebook_equal(row->format.codebook, format->codebook))
      return row;
  return NULL;
}

/* The row like FORMAT that stays; its name is copied, its codebook becomes the row's if *kept. */
static const struct format *keep(const struct format *format, bool *kept)
{
  size_t length = strlen(format->name) + 1;
  pthread_mutex_lock(&made_lock);
  struct made *row = find_made(format);
  *kept = !row;
  if (!row && (row = malloc(sizeof *row + length))) {
    row->format = *format;
    memcpy(row->name, format->name, length);
    row->format.name = row->name;
    row->next = made_rows;
    made_rows = row;
  }
  pthread_mutex_unlock(&made_lock);
  *kept = *kept && row;
  return row ? &row->format : NULL;
}

/* Digits of *TEXT, at most 5, as a number; goes past them. */
static bool read_digits(const char **text, int *out)
{
  int digits = 0, value = 0;
  for (; isdigit((unsigned char)**text) && digits < 6; digits++)
    value = 10 * value + *(*text)++ - '0';
  *out = value;
  return digits > 0 && digits < 6;
}

static bool read_top(const char *text, enum minifloat_top *top)
{
  static const struct {
    const char *word;
    enum minifloat_top top;
  } words[] = {{"", TOP_FINITE},
               {"all", TOP_FINITE},
               {"fn", TOP_FN},
               {"fnuz", TOP_FNUZ},
               {"ieee", TOP_IEEE}};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcasecmp(text, words[i].word) == 0) {
      *top = words[i].top;
      return true;
    }
  return false;
}

/* The kernels round by adding 1.5 * 2^23 steps, and take float32's own exponents for bfloat16's. */
static bool is_possible(const struct format *format)
{
  int e = format->exponent_bits, m = format->mantissa_bits;
  if (e < 1 || e > 8 || m < (format->top == TOP_FINITE ? 0 : 1) || format->bits > FORMAT_CODE_BITS)
    return false;
  if (e == 1 && format->top == TOP_IEEE)
    return false;
  if (e == 8)
    return format->top == TOP_IEEE && format->bias == 127;
  return format->bias <= 127 && (1 << e) - format->bias <= 100 && 1 - format->bias - m >= -149;
}

/* eXmY[bB][suffix], with or without floatN_ in front. */
static bool read_float(const char *word, struct format *format)
{
  const char *text = word;
  int bits = 0;
  if (strncasecmp(text, "float", 5) == 0) {
    text += 5;
    if (!read_digits(&text, &bits) || *text++ != '_')
      return false;
  }
  *format = (struct format){.aliases = "", .family = &minifloat_family};
  if (tolower((unsigned char)*text++) != 'e' || !read_digits(&text, &format->exponent_bits) ||
      tolower((unsigned char)*text++) != 'm' || !read_digits(&text, &format->mantissa_bits))
    return false;
  bool biased = tolower((unsigned char)*text) == 'b';
  text += biased;
  if ((biased && !read_digits(&text, &format->bias)) || !read_top(text, &format->top))
    return false;
  format->bits = 1 + format->exponent_bits + format->mantissa_bits;
  if (!biased && format->exponent_bits >= 1 && format->exponent_bits <= 8)
    format->bias = (1 << (format->exponent_bits - 1)) - (format->top != TOP_FNUZ);
  return (bits == 0 || bits == format->bits) && is_possible(format);
}

/* The row of the table that means the same, or one made for it. */
static const struct format *find_float(const char *word)
{
  static const char *const suffixes[] = {
      [TOP_FINITE] = "", [TOP_IEEE] = "ieee", [TOP_FN] = "fn", [TOP_FNUZ] = "fnuz"};
  struct format format;
  char name[32], bias[16] = "";
  bool kept;
  if (!read_float(word, &format))
    return NULL;
  for (size_t i = 0; i < format_table_length; i++) {
    const struct format *row = &format_table[i];
    if (row->family == format.family && row->exponent_bits == format.exponent_bits &&
        row->mantissa_bits == format.mantissa_bits && row->bias == format.bias &&
        row->top == format.top)
      return row;
  }
  int e = format.exponent_bits, m = format.mantissa_bits;
  if (format.bias != (1 << (e - 1)) - (format.top != TOP_FNUZ))
    snprintf(bias, sizeof bias, "b%d", format.bias);
  /* A name of a row of the table without a suffix is that row. */
  snprintf(name, sizeof name, "e%dm%d%s%s", e, m, bias, suffixes[format.top]);
  if (find_row(name))
    snprintf(name, sizeof name, "e%dm%d%sall", e, m, bias);
  format.name = name;
  format.summary = "a small float made to order";
  return keep(&format, &kept);
}

static const struct format *find_lloyd(const char *word)
{
  const char *text = word + strlen("lloyd=");
  int levels;
  char name[32];
  bool kept;
  if (strncasecmp(word, "lloyd=", strlen("lloyd=")) != 0 || !read_digits(&text, &levels) || *text ||
      levels < CODEBOOK_LEAST || levels > CODEBOOK_MOST)
    return NULL;
  struct format format = {.name = name,
                          .aliases = "",
                          .summary = "the levels with the least squared error for this tensor",
                          .family = &codebook_family,
                          .learned = (size_t)levels,
                          .raw_by_default = true};
  while (1 << format.bits < levels)
    format.bits++;
  snprintf(name, sizeof name, "lloyd=%d", levels);
  return keep(&format, &kept);
}

const struct format *format_find(const char *word)
{
  const struct format *format = find_row(word);
  if (!format)
    format = find_float(word);
  return format ? format : find_lloyd(word);
}

static enum status find_codebook(const char *word, const char *file, const struct format **out,
                                 struct error *error)
{
  float *levels = NULL;
  size_t count = 0;
  if (!codebook_reader)
    return error_set(error, STATUS_USAGE, "codebook: this program reads no codebooks");
  enum status status = codebook_reader(file, &levels, &count, error);
  if (status == STATUS_OK)
    status = codebook_check(levels, count, error);
  if (status != STATUS_OK) {
    free(levels);
    return status;
  }
  struct codebook *codebook = codebook_new(levels, count);
  free(levels);
  struct format format = {.name = word,
                          .aliases = "",
                          .summary = "levels from a file",
                          .family = &codebook_family,
                          .codebook = codebook};
  while ((size_t)1 << format.bits < count)
    format.bits++;
  bool kept = false;
  *out = codebook ? keep(&format, &kept) : NULL;
  if (!kept)
    free(codebook);
  return *out ? STATUS_OK : error_memory(error, "the codebook");
}

enum status format_parse(const char *word, const struct format **out, struct error *error)
{
  static const char codebook[] = "codebook=", lloyd[] = "lloyd=";
  *out = NULL;
  if (strncasecmp(word, codebook, sizeof codebook - 1) == 0)
    return find_codebook(word, word + sizeof codebook - 1, out, error);
  *out = format_find(word);
  if (!*out && strncasecmp(word, lloyd, sizeof lloyd - 1) == 0)
    return error_set(error, STATUS_USAGE, "lloyd: expected a number of levels from %d to %d",
                     CODEBOOK_LEAST, CODEBOOK_MOST);
  return STATUS_OK;
}

char *format_label(const struct format *format, char *text, size_t size)
{
  size_t length = strcspn(format->aliases, " "), whole = strlen(format->name);
  if (length == 0 || length > whole)
    snprintf(text, size, "%s", format->name);
  else
    snprintf(text, size, "%.*s", (int)length, format->aliases);
  return text;
}

double format_max(const struct format *format)
{
  return format->family->max(format);
}

double format_min_normal(const struct format *format)
{
  return format->exponent_bits ? ldexp(1, 1 - format->bias) : (double)NAN;
}

double format_min_subnormal(const struct format *format)
{
  return format->mantissa_bits ? ldexp(1, 1 - format->bias - format->mantissa_bits) : (double)NAN;
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
  return format->family->encode(format, x, false);
}

uint32_t format_cast(const struct format *format, float x, bool nonfinite)
{
  return format->family->encode(format, x, nonfinite);
}

bool format_overflows(const struct format *format)
{
  return format->family == &power_family ||
         (format->family == &minifloat_family && format->top != TOP_FINITE);
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

struct grid grid_make(const struct format *format, bool asymmetric, bool narrow, bool nonfinite)
{
  struct grid grid = {
      .format = format, .asymmetric = asymmetric, .narrow = narrow, .nonfinite = nonfinite};
  format->family->prepare(&grid);
  return grid;
}

size_t grid_levels(const struct grid *grid)
{
  return grid->codebook  ? grid->codebook->count
         : grid->limited ? (size_t)(grid->code_hi - grid->code_lo + 1)
                         : format_levels(grid->format, grid->asymmetric, grid->narrow);
}
