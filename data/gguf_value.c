/* The numbers, strings and key/values of a GGUF file. Values are checked, and told as text; what
 * follows the first items of an array is only stepped over. */
#include "config.h"

#include "data/gguf.h"
#include "data/map_range.h"
#include "quant/base/number.h"
#include "quant/base/size.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  NESTING_MOST = 4, /* arrays of arrays */
  ITEMS_TOLD = 6,   /* of an array */
  ITEM_TOLD = 24,   /* bytes of a string in it; of one alone BRIEF_TEXT */
};

/* --- numbers and strings ------------------------------------------------------------- */

size_t gguf_left(const struct gguf_reader *in)
{
  return in->size - in->at;
}

enum status gguf_need(const struct gguf_reader *in, size_t bytes, const char *what)
{
  if (gguf_left(in) >= bytes)
    return STATUS_OK;
  return error_set(in->error, STATUS_INPUT,
                   "ends inside %s at offset %zu: expected %zu bytes, found %zu", what, in->at,
                   bytes, gguf_left(in));
}

enum status gguf_word(struct gguf_reader *in, unsigned size, const char *what, uint64_t *out)
{
  enum status status = gguf_need(in, size, what);
  *out = 0;
  if (status != STATUS_OK)
    return status;
  for (unsigned i = 0; i < size; i++)
    *out = *out << 8 | in->bytes[in->at + (in->big ? i : size - 1 - i)];
  in->at += size;
  return STATUS_OK;
}

enum status gguf_count(struct gguf_reader *in, size_t least, const char *what, size_t *out)
{
  uint64_t count;
  size_t place = in->at;
  enum status status = gguf_word(in, 8, what, &count);
  if (status == STATUS_OK && count > gguf_left(in) / least)
    return error_set(in->error, STATUS_INPUT,
                     "%s at offset %zu: found %ju, but the %zu bytes that follow hold at most %zu",
                     what, place, (uintmax_t)count, gguf_left(in), gguf_left(in) / least);
  *out = (size_t)count;
  return status;
}

enum status gguf_string(struct gguf_reader *in, const char *what, const unsigned char **text,
                        size_t *length)
{
  enum status status = gguf_count(in, 1, what, length);
  *text = in->bytes + in->at;
  if (status != STATUS_OK)
    return status;
  in->at += *length;
  map_listed(sizeof(uint64_t) + *length);
  return status;
}

/* --- types of values ----------------------------------------------------------------- */

enum value_number { UNSIGNED, SIGNED, FLOATING, TRUTH, OTHER };

enum { VALUE_U32 = 4, VALUE_STRING = 8, VALUE_ARRAY = 9 };

/* By GGUF's number of the type; strings and arrays have no fixed size. */
static const struct value_type {
  const char *name;
  enum value_number number;
  unsigned size;
} value_types[] = {
    {"uint8", UNSIGNED, 1},   {"int8", SIGNED, 1},  {"uint16", UNSIGNED, 2},  {"int16", SIGNED, 2},
    {"uint32", UNSIGNED, 4},  {"int32", SIGNED, 4}, {"float32", FLOATING, 4}, {"bool", TRUTH, 1},
    {"string", OTHER, 0},     {"array", OTHER, 0},  {"uint64", UNSIGNED, 8},  {"int64", SIGNED, 8},
    {"float64", FLOATING, 8},
};
enum { VALUE_TYPES = sizeof value_types / sizeof *value_types };

static enum status read_value_type(struct gguf_reader *in, unsigned *out)
{
  uint64_t type;
  size_t place = in->at;
  enum status status = gguf_word(in, 4, "the type of a value", &type);
  if (status == STATUS_OK && type >= VALUE_TYPES)
    return error_set(in->error, STATUS_INPUT,
                     "unknown type of value %ju at offset %zu; expected 0 to %d", (uintmax_t)type,
                     place, VALUE_TYPES - 1);
  *out = (unsigned)type;
  return status;
}

/* --- brief a value ----------------------------------------------------------------- */

/* In the fewest digits that give it back. */
static void tell_float32(float value, struct brief *brief)
{
  char text[NUMBER_TEXT];
  int digits = 6;
  do
    snprintf(text, sizeof text, "%.*g", digits, (double)value);
  while (strtof(text, NULL) != value && digits++ < 9);
  brief_print(brief, "%s", text);
}

static void tell_floating(const struct value_type *type, uint64_t bits, struct brief *brief)
{
  char text[NUMBER_TEXT];
  double wide;
  float narrow;
  uint32_t low = (uint32_t)bits;
  memcpy(&wide, &bits, sizeof wide);
  memcpy(&narrow, &low, sizeof narrow);
  if (type->size == sizeof narrow)
    tell_float32(narrow, brief);
  else
    brief_print(brief, "%s", number_print(wide, text));
}

static int64_t sign_extended(uint64_t bits, unsigned size)
{
  uint64_t sign = UINT64_C(1) << (8 * size - 1);
  return (int64_t)((bits ^ sign) - sign);
}

static enum status tell_number(struct gguf_reader *in, const struct value_type *type,
                               struct brief *brief)
{
  uint64_t bits;
  enum status status = gguf_word(in, type->size, "a value", &bits);
  if (status != STATUS_OK)
    return status;
  if (type->number == FLOATING)
    tell_floating(type, bits, brief);
  else if (type->number == SIGNED)
    brief_print(brief, "%jd", (intmax_t)sign_extended(bits, type->size));
  else if (type->number == TRUTH && bits <= 1)
    brief_print(brief, "%s", bits ? "true" : "false");
  else
    brief_print(brief, "%ju", (uintmax_t)bits);
  return STATUS_OK;
}

static enum status tell_string(struct gguf_reader *in, bool item, struct brief *brief)
{
  const unsigned char *text;
  size_t length;
  enum status status = gguf_string(in, "a string's length", &text, &length);
  if (status != STATUS_OK)
    return status;
  brief_print(brief, "%s", item ? "\"" : "");
  brief_quote(brief, text, length, item ? ITEM_TOLD : BRIEF_TEXT);
  brief_print(brief, "%s", item ? "\"" : "");
  return STATUS_OK;
}

static enum status tell_array(struct gguf_reader *in, unsigned depth, struct brief *brief);

/* One value of TYPE in DEPTH arrays. */
static enum status tell_value(struct gguf_reader *in, unsigned type, unsigned depth,
                              struct brief *brief)
{
  if (type == VALUE_ARRAY)
    return tell_array(in, depth, brief);
  if (type == VALUE_STRING)
    return tell_string(in, depth > 0, brief);
  return tell_number(in, &value_types[type], brief);
}

/* --- arrays -------------------------------------------------------------------------- */

static enum status read_array(struct gguf_reader *in, unsigned depth, unsigned *type, size_t *count)
{
  if (depth == NESTING_MOST)
    return error_set(in->error, STATUS_INPUT, "arrays nest deeper than %d at offset %zu",
                     NESTING_MOST, in->at);
  enum status status = read_value_type(in, type);
  if (status != STATUS_OK)
    return status;
  size_t least = *type == VALUE_STRING ? 8 : *type == VALUE_ARRAY ? 12 : value_types[*type].size;
  return gguf_count(in, least, "the length of an array", count);
}

/* COUNT values behind those that were told: vocabularies are long. */
static enum status skip_values(struct gguf_reader *in, unsigned type, size_t count, unsigned depth)
{
  enum status status = STATUS_OK;
  const unsigned char *text;
  size_t length, size = value_types[type].size;
  if (size > 0) { /* the product fits: an array's length was held against the file */
    status = gguf_need(in, count * size, "a value");
    in->at += status == STATUS_OK ? count * size : 0;
    return status;
  }
  for (; type == VALUE_STRING && count > 0 && status == STATUS_OK; count--)
    status = gguf_string(in, "a string's length", &text, &length);
  for (unsigned inner; count > 0 && status == STATUS_OK; count--) {
    status = read_array(in, depth, &inner, &length);
    if (status == STATUS_OK)
      status = skip_values(in, inner, length, depth + 1);
  }
  return status;
}

/* "3 x int32: 1, 2, 3", in brackets within another array. */
static enum status tell_array(struct gguf_reader *in, unsigned depth, struct brief *brief)
{
  unsigned type;
  size_t count;
  enum status status = read_array(in, depth, &type, &count);
  if (status != STATUS_OK)
    return status;
  brief_print(brief, "%s%zu x %s", depth ? "[" : "", count, value_types[type].name);
  size_t told = size_min(count, ITEMS_TOLD);
  for (size_t i = 0; i < told && status == STATUS_OK; i++) {
    brief_print(brief, i ? ", " : ": ");
    status = tell_value(in, type, depth + 1, brief);
  }
  if (status == STATUS_OK)
    status = skip_values(in, type, count - told, depth + 1);
  brief_print(brief, "%s%s", told < count ? ", ..." : "", depth ? "]" : "");
  return status;
}

/* --- what some values mean ----------------------------------------------------------- */

/* What most tensors of a file are stored as; the numbers of withdrawn types are left out. */
static const char *const file_types[] = {
    [0] = "all F32", [1] = "F16",      [2] = "Q4_0",
    [3] = "Q4_1",    [7] = "Q8_0",     [8] = "Q5_0",
    [9] = "Q5_1",    [10] = "Q2_K",    [11] = "Q3_K_S",
    [12] = "Q3_K_M", [13] = "Q3_K_L",  [14] = "Q4_K_S",
    [15] = "Q4_K_M", [16] = "Q5_K_S",  [17] = "Q5_K_M",
    [18] = "Q6_K",   [19] = "IQ2_XXS", [20] = "IQ2_XS",
    [21] = "Q2_K_S", [22] = "IQ3_XS",  [23] = "IQ3_XXS",
    [24] = "IQ1_S",  [25] = "IQ4_NL",  [26] = "IQ3_S",
    [27] = "IQ3_M",  [28] = "IQ2_S",   [29] = "IQ2_M",
    [30] = "IQ4_XS", [31] = "IQ1_M",   [32] = "BF16",
    [36] = "TQ1_0",  [37] = "TQ2_0",   [38] = "MXFP4 in the experts",
    [39] = "NVFP4",  [40] = "Q1_0",    [41] = "Q2_0",
};
#define FILE_TYPE_KEY "general.file_type"
enum { FILE_TYPE_GUESSED = 1024 }; /* added when the writer had not been told */

static void explain_file_type(uint64_t number, struct brief *brief)
{
  uint64_t type = number % FILE_TYPE_GUESSED;
  if (type >= sizeof file_types / sizeof *file_types || !file_types[type])
    return;
  brief_print(brief, " (%s%s%s)", type ? "mostly " : "", file_types[type],
              number >= FILE_TYPE_GUESSED ? ", guessed" : "");
}

static const struct fact {
  const char *key;
  int type; /* the only one allowed; -1: any whole number */
} facts[GGUF_FACTS] = {
    [GGUF_ALIGNMENT] = {"general.alignment", VALUE_U32},
    [GGUF_SPLIT_NUMBER] = {"split.no", -1},
    [GGUF_SPLIT_COUNT] = {"split.count", -1},
    [GGUF_SPLIT_TENSORS] = {"split.tensors.count", -1},
};

static bool spells(const unsigned char *text, size_t length, const char *word)
{
  return length == strlen(word) && memcmp(text, word, length) == 0;
}

static enum status check_fact_type(const struct fact *fact, unsigned type, struct error *error)
{
  if (fact->type >= 0 && type != (unsigned)fact->type)
    return error_set(error, STATUS_INPUT, "type of value %u; expected %d (%s)", type, fact->type,
                     value_types[fact->type].name);
  if (value_types[type].number != UNSIGNED && value_types[type].number != SIGNED)
    return error_set(error, STATUS_INPUT, "type of value %u (%s); expected a whole number", type,
                     value_types[type].name);
  return STATUS_OK;
}

/* Reads the value of FACT and goes back in front of it. */
static enum status read_fact(struct gguf_reader *in, enum gguf_fact which, unsigned type,
                             struct gguf_facts *out)
{
  uint64_t value = 0;
  unsigned size = value_types[type].size;
  if (out->given[which])
    return error_set(in->error, STATUS_INPUT, "second entry of this key");
  enum status status = check_fact_type(&facts[which], type, in->error);
  if (status == STATUS_OK)
    status = gguf_word(in, size, "a value", &value);
  if (status != STATUS_OK)
    return status;
  in->at -= size;
  if (value_types[type].number == SIGNED && sign_extended(value, size) < 0)
    return error_set(in->error, STATUS_INPUT, "expected a number of 0 or more, found %jd",
                     (intmax_t)sign_extended(value, size));
  if (which == GGUF_ALIGNMENT && (value == 0 || (value & (value - 1)) != 0))
    return error_set(in->error, STATUS_INPUT, "expected a power of two, found %ju",
                     (uintmax_t)value);
  out->given[which] = true;
  out->value[which] = (size_t)value;
  return STATUS_OK;
}

/* --- an entry ------------------------------------------------------------------------ */

/* The value of KEY, to TELLING; what it means where it is a fact, or a number with a name. */
static enum status read_value(struct gguf_reader *in, const unsigned char *key, size_t length,
                              struct gguf_facts *out, struct brief *brief)
{
  unsigned type = 0;
  enum status status = read_value_type(in, &type);
  for (enum gguf_fact i = 0; i < GGUF_FACTS && status == STATUS_OK; i++)
    if (spells(key, length, facts[i].key))
      status = read_fact(in, i, type, out);
  size_t place = in->at;
  if (status == STATUS_OK)
    status = tell_value(in, type, 0, brief);
  if (status == STATUS_OK && type == VALUE_U32 && spells(key, length, FILE_TYPE_KEY)) {
    uint64_t number;
    in->at = place;
    gguf_word(in, 4, "a value", &number);
    explain_file_type(number, brief);
  }
  return status;
}

enum status gguf_entry(struct gguf_reader *in, struct gguf_facts *out, struct source *source)
{
  const unsigned char *key;
  size_t length;
  enum status status = gguf_string(in, "the length of a metadata key", &key, &length);
  if (status != STATUS_OK)
    return status;
  struct brief name = {0}, value = {0};
  brief_quote(&name, key, length, BRIEF_TEXT);
  status = read_value(in, key, length, out, &value);
  if (status != STATUS_OK)
    error_prefix(in->error, "metadata \"%s\": ", SHOWN(name.text));
  return status == STATUS_OK && source ? source_tell(source, name.text, value.text, in->error)
                                       : status;
}
