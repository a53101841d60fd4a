/* The spec: reading, checking and printing. quantizer_fit lives in fit.c. */
#include "quant/spec.h"

#include "quant/base/nearest.h"
#include "quant/base/number.h"
#include "quant/base/size.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* TEXT made harmless for a terminal, and cut when it is long. */
static const char *shown(const char *text, char out[SHOWN])
{
  size_t used = 0, i = 0;
  for (; text[i] && i < SHOWN_LENGTH; i++) {
    bool plain = isascii((unsigned char)text[i]) && isprint((unsigned char)text[i]);
    used += (size_t)snprintf(out + used, SHOWN - used, plain ? "%c" : "\\x%02x",
                             (unsigned char)text[i]);
  }
  snprintf(out + used, SHOWN - used, "%s", text[i] ? "..." : "");
  return out;
}

/* Fails with `word 2 "chanel" WHAT`. */
enum status spec_fail(struct parse *parse, const char *what)
{
  char word[SHOWN];
  return error_set(parse->error, STATUS_USAGE, "word %zu \"%s\" %s", parse->position,
                   shown(parse->words[parse->position - 1], word), what);
}

enum status spec_fail_expected(struct parse *parse, const char *expected)
{
  char what[192];
  snprintf(what, sizeof what, "is not right: expected %s", expected);
  return spec_fail(parse, what);
}

/* --- numbers ------------------------------------------------------------------------- */

static bool read_number(const char *text, double *out)
{
  char *end;
  if (isspace((unsigned char)text[0]) || text[0] == 0)
    return false;
  *out = strtod(text, &end);
  return *end == 0 && isfinite(*out);
}

bool spec_whole(const char *text, uint64_t *out)
{
  char *end;
  errno = 0;
  if (!isdigit((unsigned char)text[0]))
    return false;
  *out = strtoull(text, &end, 10);
  return *end == 0 && errno == 0;
}

/* --- the words ----------------------------------------------------------------------- */

static enum status read_sym(struct parse *parse, const char *value)
{
  (void)value;
  parse->quantizer.asymmetric = false;
  return STATUS_OK;
}

static enum status read_asym(struct parse *parse, const char *value)
{
  (void)value;
  parse->quantizer.asymmetric = true;
  return STATUS_OK;
}

static enum status read_full(struct parse *parse, const char *value)
{
  (void)value;
  parse->quantizer.narrow = false;
  return STATUS_OK;
}

static enum status read_narrow(struct parse *parse, const char *value)
{
  (void)value;
  parse->quantizer.narrow = true;
  return STATUS_OK;
}

static enum status read_tensor(struct parse *parse, const char *value)
{
  (void)value;
  parse->quantizer.granularity = (struct granularity){.kind = GRAIN_TENSOR};
  return STATUS_OK;
}

static enum status read_token(struct parse *parse, const char *value)
{
  (void)value;
  parse->quantizer.granularity = (struct granularity){.kind = GRAIN_TOKEN};
  return STATUS_OK;
}

static enum status read_channel(struct parse *parse, const char *value)
{
  uint64_t axis = 0;
  bool negative = value && value[0] == '-';
  if (value && !spec_whole(value + negative, &axis))
    axis = SHAPE_MAX_DIMS + 1;
  if (axis + !negative > SHAPE_MAX_DIMS)
    return spec_fail_expected(parse, "an axis from -8 to 7, as in channel=1");
  parse->quantizer.granularity =
      (struct granularity){.kind = GRAIN_CHANNEL, .axis = negative ? -(int)axis : (int)axis};
  return STATUS_OK;
}

enum status spec_read_group(struct parse *parse, const char *value)
{
  uint64_t length;
  if (!spec_whole(value, &length) || length == 0 || length > SIZE_MAX)
    return spec_fail_expected(parse, "a length of 1 or more, as in group=128");
  parse->quantizer.granularity = (struct granularity){.kind = GRAIN_GROUP, .group = length};
  return STATUS_OK;
}

static enum status read_scale(struct parse *parse, const char *value)
{
  if (!read_number(value, &parse->quantizer.scale))
    return spec_fail_expected(parse, "a number above 0, as in scale=0.05");
  parse->quantizer.by = BY_SCALE;
  return STATUS_OK;
}

static enum status read_zero(struct parse *parse, const char *value)
{
  if (!read_number(value, &parse->quantizer.zero))
    return spec_fail_expected(parse, "a code, as in zero=128");
  return STATUS_OK;
}

static enum status read_range(struct parse *parse, const char *value)
{
  char lo[QUANTIZER_TEXT];
  const char *colon = strchr(value, ':');
  size_t length = colon ? (size_t)(colon - value) : 0;
  memcpy(lo, value, length);
  lo[length] = 0;
  if (!colon || !read_number(lo, &parse->quantizer.lo) ||
      !read_number(colon + 1, &parse->quantizer.hi))
    return spec_fail_expected(parse, "two numbers, as in range=-1.5:1.5");
  parse->quantizer.by = BY_RANGE;
  return STATUS_OK;
}

/* float32 is NULL. */
static bool is_scale_type(const struct format *type)
{
  return !type || type == format_find("float16") || type == format_find("bfloat16");
}

static const char *const rounding_names[] = {
    [ROUND_EVEN] = "even",
    [ROUND_AWAY] = "away",
    [ROUND_ZERO] = "zero",
    [ROUND_STOCHASTIC] = "stochastic",
};
enum { ROUNDINGS = sizeof rounding_names / sizeof *rounding_names };

static enum status read_seed(struct parse *parse, const char *seed)
{
  if (parse->quantizer.rounding != ROUND_STOCHASTIC)
    return spec_fail_expected(parse, "a seed with round=stochastic only");
  if (!spec_whole(seed, &parse->quantizer.seed))
    return spec_fail_expected(parse, "a whole number as seed, as in round=stochastic=7");
  return STATUS_OK;
}

static enum status read_round(struct parse *parse, const char *value)
{
  const char *seed = strchr(value, '=');
  size_t length = seed ? (size_t)(seed - value) : strlen(value);
  for (int i = 0; i < ROUNDINGS; i++)
    if (strlen(rounding_names[i]) == length && strncasecmp(value, rounding_names[i], length) == 0) {
      parse->quantizer.rounding = (enum rounding)i;
      return seed ? read_seed(parse, seed + 1) : STATUS_OK;
    }
  char what[160];
  const char *meant = nearest_word(value, rounding_names, ROUNDINGS);
  snprintf(what, sizeof what, "is not right: expected even, away, zero or stochastic%s%s%s",
           meant ? "; did you mean \"round=" : "", meant ? meant : "", meant ? "\"?" : "");
  return spec_fail(parse, what);
}

static enum status read_overflow(struct parse *parse, const char *value)
{
  parse->quantizer.nonfinite = strcasecmp(value, "nonfinite") == 0;
  if (!parse->quantizer.nonfinite && strcasecmp(value, "saturate") != 0)
    return spec_fail_expected(parse, "overflow=saturate or overflow=nonfinite");
  return STATUS_OK;
}

static enum status read_pow2(struct parse *parse, const char *value)
{
  (void)value;
  parse->quantizer.pow2 = true;
  return STATUS_OK;
}

static enum status read_scale_type(struct parse *parse, const char *value)
{
  bool plain = strcasecmp(value, "float32") == 0 || strcasecmp(value, "fp32") == 0;
  const struct format *type = plain ? NULL : format_find(value);
  if (!plain && (!type || !is_scale_type(type)))
    return spec_fail_expected(parse, "scale-type=float32, float16 or bfloat16");
  parse->quantizer.scale_type = type;
  return STATUS_OK;
}

enum value { VALUE_NONE, VALUE_OPTIONAL, VALUE_NEEDED };

struct keyword {
  const char *name;
  enum slot slot;
  enum value value;
  read_function *read;
};

static const struct keyword keywords[] = {
    {"sym", SLOT_SCHEME, VALUE_NONE, read_sym},
    {"asym", SLOT_SCHEME, VALUE_NONE, read_asym},
    {"full", SLOT_CLAMP, VALUE_NONE, read_full},
    {"narrow", SLOT_CLAMP, VALUE_NONE, read_narrow},
    {"tensor", SLOT_GRAIN, VALUE_NONE, read_tensor},
    {"channel", SLOT_GRAIN, VALUE_OPTIONAL, read_channel},
    {"group", SLOT_GRAIN, VALUE_NEEDED, spec_read_group},
    {"token", SLOT_GRAIN, VALUE_NONE, read_token},
    {"scale", SLOT_SCALE, VALUE_NEEDED, read_scale},
    {"range", SLOT_SCALE, VALUE_NEEDED, read_range},
    {"zero", SLOT_ZERO, VALUE_NEEDED, read_zero},
    {"round", SLOT_ROUND, VALUE_NEEDED, read_round},
    {"block", SLOT_BLOCK, VALUE_NEEDED, spec_read_block},
    {"scale-rule", SLOT_RULE, VALUE_NEEDED, spec_read_rule},
    {"variant", SLOT_VARIANT, VALUE_NEEDED, spec_read_variant},
    {"four-over-six", SLOT_FOUR_OVER_SIX, VALUE_NONE, spec_read_four_over_six},
    {"pad", SLOT_PAD, VALUE_NONE, spec_read_pad},
    {"importance", SLOT_IMPORTANCE, VALUE_NEEDED, spec_read_importance},
    {"overflow", SLOT_OVERFLOW, VALUE_NEEDED, read_overflow},
    {"pow2", SLOT_POW2, VALUE_NONE, read_pow2},
    {"scale-type", SLOT_SCALE_TYPE, VALUE_NEEDED, read_scale_type},
};
enum { KEYWORDS = sizeof keywords / sizeof *keywords };

static const struct keyword *keyword_find(const char *name)
{
  for (size_t i = 0; i < KEYWORDS; i++)
    if (strcasecmp(keywords[i].name, name) == 0)
      return &keywords[i];
  return NULL;
}

/* The format called NAME into *OUT, NULL when there is none; "uint4" and the like are int4 with
 * *ASYMMETRIC set. */
static enum status find_format(const char *name, bool *asymmetric, const struct format **out,
                               struct error *error)
{
  enum status status = format_parse(name, out, error);
  *asymmetric = false;
  if (status != STATUS_OK || *out || (name[0] != 'u' && name[0] != 'U'))
    return status;
  const struct format *format = format_find(name + 1);
  *asymmetric = format && format_is_integer(format);
  *out = *asymmetric ? format : NULL;
  return STATUS_OK;
}

/* True when NAME looks like a format: a second one in a spec. */
static bool is_format(const char *name)
{
  bool asymmetric;
  const struct format *format;
  return find_format(name, &asymmetric, &format, NULL) == STATUS_OK && format;
}

/* --- words that do not exist ---------------------------------------------------------- */

/* A list of words for nearest_word. */
struct vocabulary {
  char text[4096];
  size_t used;
  const char *words[256];
  size_t count;
};

static void learn(struct vocabulary *vocabulary, const char *prefix, const char *word,
                  size_t length)
{
  size_t room = sizeof vocabulary->text - vocabulary->used;
  if (vocabulary->count == 256 || strlen(prefix) + length >= room)
    return;
  char *copy = vocabulary->text + vocabulary->used;
  vocabulary->used += (size_t)snprintf(copy, room, "%s%.*s", prefix, (int)length, word) + 1;
  vocabulary->words[vocabulary->count++] = copy;
}

static void learn_formats(struct vocabulary *vocabulary)
{
  for (size_t i = 0; i < format_table_length; i++) {
    const struct format *format = &format_table[i];
    learn(vocabulary, "", format->name, strlen(format->name));
    if (format_is_integer(format))
      learn(vocabulary, "u", format->name, strlen(format->name));
    for (const char *alias = format->aliases; *alias;) {
      size_t length = strcspn(alias, " ");
      learn(vocabulary, "", alias, length);
      alias += length + strspn(alias + length, " ");
    }
  }
}

static void learn_keywords(struct vocabulary *vocabulary)
{
  for (size_t i = 0; i < KEYWORDS; i++)
    learn(vocabulary, "", keywords[i].name, strlen(keywords[i].name));
  for (size_t i = 0; i < calibrator_table_length; i++)
    learn(vocabulary, "", calibrator_table[i].name, strlen(calibrator_table[i].name));
}

static enum status fail_unknown(struct parse *parse, const char *name)
{
  struct vocabulary vocabulary = {.used = 0};
  bool first = parse->position == 1;
  char what[160];
  if (first)
    learn_formats(&vocabulary);
  else
    learn_keywords(&vocabulary);
  const char *meant = nearest_word(name, vocabulary.words, vocabulary.count);
  snprintf(what, sizeof what, "is not %s%s%s%s",
           first ? "a format, with which a spec begins" : "known", meant ? "; did you mean \"" : "",
           meant ? meant : "", meant ? "\"?" : "");
  return spec_fail(parse, what);
}

/* --- checking ------------------------------------------------------------------------- */

static enum status check_scheme(const struct quantizer *quantizer, enum slot *culprit,
                                struct error *error)
{
  const char *format = quantizer->format->name;
  bool integer = format_is_integer(quantizer->format);
  *culprit = SLOT_SCHEME;
  if (quantizer->asymmetric && !integer)
    return error_set(error, STATUS_USAGE,
                     "\"asym\" contradicts \"%s\": only integers have a zero point", format);
  *culprit = SLOT_CLAMP;
  if (quantizer->narrow && !integer)
    return error_set(error, STATUS_USAGE,
                     "\"narrow\" contradicts \"%s\": only integers have a code too many", format);
  if (quantizer->narrow && quantizer->asymmetric)
    return error_set(error, STATUS_USAGE,
                     "\"narrow\" contradicts \"asym\": the asymmetric scheme uses all codes");
  *culprit = SLOT_FORMAT;
  if (integer && quantizer->format->bits == 1 && !quantizer->asymmetric)
    return error_set(error, STATUS_USAGE,
                     "\"%s\" has no symmetric scheme: one bit holds two levels; uint1 has them",
                     format);
  return STATUS_OK;
}

static bool is_plain_cast(const struct quantizer *quantizer)
{
  return quantizer->by == BY_SCALE && quantizer->scale == 1 && !quantizer->asymmetric;
}

/* What only some families have. */
static enum status check_extras(const struct quantizer *quantizer, enum slot *culprit,
                                struct error *error)
{
  const struct format *format = quantizer->format;
  *culprit = SLOT_OVERFLOW;
  if (quantizer->nonfinite && !format_overflows(format))
    return error_set(error, STATUS_USAGE,
                     "\"overflow=nonfinite\" contradicts \"%s\": it has no infinity and no NaN",
                     format->name);
  *culprit = quantizer->pow2 ? SLOT_POW2 : SLOT_SCALE_TYPE;
  if (format_is_block(format) && (quantizer->pow2 || quantizer->scale_type))
    return error_set(error, STATUS_USAGE,
                     "\"%s\" contradicts \"%s\", which fixes how its scales are stored",
                     quantizer->pow2 ? "pow2" : "scale-type", format->name);
  *culprit = SLOT_SCALE_TYPE;
  if (!is_scale_type(quantizer->scale_type))
    return error_set(error, STATUS_USAGE,
                     "\"scale-type=%s\": expected float32, float16 or bfloat16",
                     quantizer->scale_type->name);
  if (quantizer->scale_type && quantizer->pow2)
    return error_set(error, STATUS_USAGE,
                     "\"scale-type\" contradicts \"pow2\", which stores an exponent");
  return STATUS_OK;
}

/* Learned levels are in the units of the tensor. */
static enum status check_learned(const struct quantizer *quantizer, enum slot *culprit,
                                 struct error *error)
{
  const char *format = quantizer->format->name;
  if (!quantizer->format->learned)
    return STATUS_OK;
  *culprit = SLOT_GRAIN;
  if (quantizer->granularity.kind != GRAIN_TENSOR)
    return error_set(error, STATUS_USAGE, "\"%s\" learns one list of levels for the whole tensor",
                     format);
  *culprit = SLOT_SCALE;
  if (!is_plain_cast(quantizer) || quantizer->pow2 || quantizer->scale_type)
    return error_set(error, STATUS_USAGE, "\"%s\" learns levels that need no scale", format);
  return STATUS_OK;
}

static enum status check_granularity(const struct quantizer *quantizer, enum slot *culprit,
                                     struct error *error)
{
  const struct granularity *granularity = &quantizer->granularity;
  *culprit = SLOT_GRAIN;
  if (granularity->kind == GRAIN_GROUP && granularity->group == 0)
    return error_set(error, STATUS_USAGE, "\"group=0\": a group has 1 element or more");
  if (granularity->kind == GRAIN_CHANNEL &&
      (granularity->axis < -SHAPE_MAX_DIMS || granularity->axis >= SHAPE_MAX_DIMS))
    return error_set(error, STATUS_USAGE, "\"channel=%d\": expected an axis from %d to %d",
                     granularity->axis, -SHAPE_MAX_DIMS, SHAPE_MAX_DIMS - 1);
  return STATUS_OK;
}

static enum status check_scale(const struct quantizer *quantizer, enum slot *culprit,
                               struct error *error)
{
  char text[32];
  float scale = (float)quantizer->scale;
  *culprit = SLOT_SCALE;
  if (!(scale > 0) || !isfinite(scale))
    return error_set(error, STATUS_USAGE, "\"scale=%s\": expected a float32 number above 0",
                     number_print(quantizer->scale, text));
  return STATUS_OK;
}

static enum status check_zero(const struct quantizer *quantizer, enum slot *culprit,
                              struct error *error)
{
  char text[32];
  long lowest, highest;
  double zero = quantizer->zero;
  *culprit = SLOT_ZERO;
  if (zero != 0 && !quantizer->asymmetric)
    return error_set(error, STATUS_USAGE,
                     "\"zero=%s\" contradicts \"sym\": the symmetric zero point is 0",
                     number_print(zero, text));
  quantizer_code_range(quantizer, &lowest, &highest);
  if (quantizer->asymmetric &&
      !(zero >= (double)lowest && zero <= (double)highest && zero == rint(zero)))
    return error_set(error, STATUS_USAGE, "\"zero=%s\": expected a whole number from %ld to %ld",
                     number_print(zero, text), lowest, highest);
  return STATUS_OK;
}

static enum status check_range(const struct quantizer *quantizer, enum slot *culprit,
                               struct error *error)
{
  char lo[32], hi[32];
  float low = (float)quantizer->lo, high = (float)quantizer->hi;
  *culprit = SLOT_SCALE;
  if (!(low < high) || !isfinite(low) || !isfinite(high))
    return error_set(error, STATUS_USAGE,
                     "\"range=%s:%s\": expected two float32 numbers, the lower one first",
                     number_print(quantizer->lo, lo), number_print(quantizer->hi, hi));
  return STATUS_OK;
}

static enum status check_calibrator(const struct quantizer *quantizer, enum slot *culprit,
                                    struct error *error)
{
  const struct calibrator *calibrator = quantizer->calibrator;
  char text[32];
  *culprit = SLOT_SCALE;
  if (!calibrator)
    return error_set(error, STATUS_USAGE, "neither a calibrator nor a scale nor a range is given");
  if (calibrator->integers_only && !quantizer->format->family->even)
    return error_set(error, STATUS_USAGE,
                     "\"%s\" contradicts \"%s\": its rule supposes evenly spaced levels (mse "
                     "works with floats)",
                     calibrator->name, quantizer->format->name);
  if (calibrator->parameter &&
      !(quantizer->parameter >= calibrator->least && quantizer->parameter <= calibrator->most))
    return error_set(error, STATUS_USAGE, "\"%s=%s\": expected a number from %g to %g",
                     calibrator->name, number_print(quantizer->parameter, text), calibrator->least,
                     calibrator->most);
  return STATUS_OK;
}

static enum status check_all(const struct quantizer *quantizer, enum slot *culprit,
                             struct error *error)
{
  static check_function *const by_origin[][2] = {
      [BY_CALIBRATOR] = {check_calibrator, NULL},
      [BY_SCALE] = {check_scale, check_zero},
      [BY_RANGE] = {check_range, NULL},
      [BY_FORMAT] = {NULL, NULL},
  };
  check_function *const checks[] = {
      check_scheme,
      spec_check_block_scheme,
      spec_check_block_words,
      check_granularity,
      by_origin[quantizer->by][0],
      by_origin[quantizer->by][1],
      check_extras,
      check_learned,
  };
  for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
    if (checks[i] && checks[i](quantizer, culprit, error) != STATUS_OK)
      return STATUS_USAGE;
  return STATUS_OK;
}

enum status quantizer_check(const struct quantizer *quantizer, struct error *error)
{
  enum slot culprit;
  return check_all(quantizer, &culprit, error);
}

/* --- reading -------------------------------------------------------------------------- */

/* Marks SLOT as decided by the word being read. */
enum status spec_decide(struct parse *parse, enum slot slot)
{
  size_t earlier = parse->decided_by[slot];
  char word[SHOWN], what[SHOWN + 64];
  if (earlier == 0) {
    parse->decided_by[slot] = parse->position;
    return STATUS_OK;
  }
  const char *before = parse->words[earlier - 1];
  bool same = strcasecmp(before, parse->words[parse->position - 1]) == 0;
  snprintf(what, sizeof what, "%s word %zu \"%s\"", same ? "repeats" : "contradicts", earlier,
           shown(before, word));
  return spec_fail(parse, what);
}

static enum status read_calibrator(struct parse *parse, const struct calibrator *calibrator,
                                   const char *value)
{
  char what[160], least[32], most[32];
  double parameter = calibrator_default(calibrator, parse->quantizer.format);
  if (value && (!read_number(value, &parameter) || parameter < calibrator->least ||
                parameter > calibrator->most)) {
    snprintf(what, sizeof what, "a number from %s to %s", number_print(calibrator->least, least),
             number_print(calibrator->most, most));
    return spec_fail_expected(parse, what);
  }
  parse->quantizer.calibrator = calibrator;
  parse->quantizer.parameter = parameter;
  calibrator_options(calibrator, parse->quantizer.option);
  parse->quantizer.by = BY_CALIBRATOR;
  return STATUS_OK;
}

static enum status check_value(struct parse *parse, enum value rule, const char *value)
{
  if (rule == VALUE_NONE && value)
    return spec_fail(parse, "has a value where none belongs");
  if ((rule == VALUE_NEEDED && !value) || (value && !*value))
    return spec_fail(parse, "lacks its value (NAME=VALUE)");
  return STATUS_OK;
}

/* Reads a word after the first. */
static enum status read_word(struct parse *parse, char *word)
{
  char name[QUANTIZER_TEXT];
  char *equals = strchr(word, '=');
  const char *value = equals ? equals + 1 : NULL;
  snprintf(name, sizeof name, "%.*s", (int)(equals ? equals - word : (long)strlen(word)), word);
  const struct keyword *keyword = keyword_find(name);
  const struct calibrator *calibrator = calibrator_find(name);
  if (!keyword && !calibrator)
    return is_format(word) ? spec_decide(parse, SLOT_FORMAT) : fail_unknown(parse, name);
  enum value rule = keyword ? keyword->value : calibrator->parameter ? VALUE_OPTIONAL : VALUE_NONE;
  enum status status = check_value(parse, rule, value);
  if (status == STATUS_OK)
    status = spec_decide(parse, keyword ? keyword->slot : SLOT_SCALE);
  if (status != STATUS_OK)
    return status;
  return keyword ? keyword->read(parse, value) : read_calibrator(parse, calibrator, value);
}

/* uint8,asym says one thing twice, which is no contradiction. */
static bool says_asym_again(const struct parse *parse, const char *word)
{
  return parse->decided_by[SLOT_SCHEME] == 1 && strcasecmp(word, "asym") == 0;
}

static enum status read_words(struct parse *parse)
{
  struct quantizer *quantizer = &parse->quantizer;
  parse->position = 1;
  enum status status =
      find_format(parse->words[0], &quantizer->asymmetric, &quantizer->format, parse->error);
  if (status != STATUS_OK) {
    error_prefix(parse->error, "word 1: ");
    return status;
  }
  if (!quantizer->format)
    return fail_unknown(parse, parse->words[0]);
  parse->decided_by[SLOT_FORMAT] = 1;
  parse->decided_by[SLOT_SCHEME] = quantizer->asymmetric;
  for (parse->position = 2; parse->position <= parse->count && status == STATUS_OK;
       parse->position++) {
    char *word = parse->words[parse->position - 1];
    if (!says_asym_again(parse, word))
      status = read_word(parse, word);
  }
  return status;
}

/* What the spec leaves open, and the word that needs another. */
static enum status complete(struct parse *parse)
{
  struct quantizer *quantizer = &parse->quantizer;
  if (format_is_block(quantizer->format))
    return spec_complete_block(parse);
  if (!parse->decided_by[SLOT_SCALE]) {
    quantizer->by = quantizer->format->raw_by_default ? BY_SCALE : BY_CALIBRATOR;
    quantizer->scale = 1;
    quantizer->calibrator = quantizer->format->raw_by_default ? NULL : calibrator_find("minmax");
  }
  if (!parse->decided_by[SLOT_GRAIN] && quantizer->format->block)
    quantizer->granularity =
        (struct granularity){.kind = GRAIN_GROUP, .group = quantizer->format->block};
  parse->position = parse->decided_by[SLOT_ZERO];
  if (parse->position && quantizer->by != BY_SCALE)
    return spec_fail(parse, "needs a scale beside it (scale=S)");
  return STATUS_OK;
}

static enum status check_combination(struct parse *parse)
{
  enum slot culprit;
  enum status status = check_all(&parse->quantizer, &culprit, parse->error);
  if (status != STATUS_OK && parse->decided_by[culprit])
    error_prefix(parse->error, "word %zu: ", parse->decided_by[culprit]);
  return status;
}

static void trim(char **word)
{
  *word += strspn(*word, " ");
  for (size_t n = strlen(*word); n > 0 && (*word)[n - 1] == ' '; n--)
    (*word)[n - 1] = 0;
}

/* Cuts the spec at its commas. */
static enum status split(struct parse *parse, const char *spec)
{
  if (strlen(spec) >= sizeof parse->text)
    return error_set(parse->error, STATUS_USAGE, "%zu characters are too long, at most %zu fit",
                     strlen(spec), sizeof parse->text - 1);
  strcpy(parse->text, spec);
  for (char *rest = parse->text; rest;) {
    char *word = strsep(&rest, ",");
    trim(&word);
    parse->position = parse->count + 1;
    if (parse->count == MAX_WORDS)
      return error_set(parse->error, STATUS_USAGE, "more than %d words", MAX_WORDS);
    parse->words[parse->count++] = word;
    if (!*word)
      return error_set(parse->error, STATUS_USAGE, "word %zu is empty", parse->position);
  }
  return STATUS_OK;
}

enum status quantizer_parse(const char *spec, struct quantizer *out, struct error *error)
{
  struct parse parse = {.error = error};
  enum status status = split(&parse, spec);
  if (status == STATUS_OK)
    status = read_words(&parse);
  if (status == STATUS_OK)
    status = complete(&parse);
  if (status == STATUS_OK)
    status = check_combination(&parse);
  if (status == STATUS_OK) {
    *out = parse.quantizer;
    return status;
  }
  char text[SHOWN];
  error_prefix(error, "spec \"%s\": ", shown(spec, text));
  return status;
}

/* --- printing ------------------------------------------------------------------------- */

void spec_append(char *text, const char *format, ...)
{
  size_t used = strlen(text);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text + used, QUANTIZER_TEXT - used, format, arguments);
  va_end(arguments);
}

static void print_granularity(const struct quantizer *quantizer, char *text)
{
  const struct granularity *granularity = &quantizer->granularity;
  static const char *const names[] = {[GRAIN_TENSOR] = "tensor",
                                      [GRAIN_CHANNEL] = "channel",
                                      [GRAIN_TOKEN] = "token",
                                      [GRAIN_GROUP] = "group"};
  bool block = granularity->kind == GRAIN_GROUP && quantizer->format->block;
  spec_append(text, ",%s", block ? "block" : names[granularity->kind]);
  if (granularity->kind == GRAIN_CHANNEL && granularity->axis != 0)
    spec_append(text, "=%d", granularity->axis);
  if (granularity->kind == GRAIN_GROUP)
    spec_append(text, "=%zu", granularity->group);
}

static void print_range(const struct quantizer *quantizer, char *text)
{
  char a[32], b[32];
  if (quantizer->by == BY_RANGE)
    spec_append(text, ",range=%s:%s", number_print(quantizer->lo, a),
                number_print(quantizer->hi, b));
  else if (quantizer->by == BY_SCALE)
    spec_append(text, ",scale=%s", number_print(quantizer->scale, a));
  else
    spec_append(text, ",%s", quantizer->calibrator->name);
  if (quantizer->by == BY_SCALE && quantizer->asymmetric)
    spec_append(text, ",zero=%s", number_print(quantizer->zero, a));
  if (quantizer->by == BY_CALIBRATOR && quantizer->calibrator->parameter)
    spec_append(text, "=%s", number_print(quantizer->parameter, a));
}

static void print_rounding(const struct quantizer *quantizer, char *text)
{
  if (quantizer->rounding != ROUND_EVEN)
    spec_append(text, ",round=%s", rounding_names[quantizer->rounding]);
  if (quantizer->rounding == ROUND_STOCHASTIC && quantizer->seed != 0)
    spec_append(text, "=%llu", (unsigned long long)quantizer->seed);
}

char *quantizer_print(const struct quantizer *quantizer, char *text)
{
  snprintf(text, QUANTIZER_TEXT, "%s", quantizer->format->name);
  if (format_is_integer(quantizer->format))
    spec_append(text, quantizer->asymmetric ? ",asym" : ",sym");
  if (quantizer->narrow)
    spec_append(text, ",narrow");
  if (format_is_block(quantizer->format)) {
    spec_print_block(quantizer, text);
  } else {
    print_granularity(quantizer, text);
    print_range(quantizer, text);
  }
  print_rounding(quantizer, text);
  if (quantizer->nonfinite)
    spec_append(text, ",overflow=nonfinite");
  if (quantizer->pow2)
    spec_append(text, ",pow2");
  if (quantizer->scale_type)
    spec_append(text, ",scale-type=%s", quantizer->scale_type->name);
  return text;
}

/* --- comparing ------------------------------------------------------------------------ */

static bool granularity_equal(const struct granularity *a, const struct granularity *b)
{
  return a->kind == b->kind && (a->kind != GRAIN_CHANNEL || a->axis == b->axis) &&
         (a->kind != GRAIN_GROUP || a->group == b->group);
}

static bool range_equal(const struct quantizer *a, const struct quantizer *b)
{
  if (a->by != b->by)
    return false;
  if (a->by == BY_SCALE)
    return a->scale == b->scale && a->zero == b->zero;
  if (a->by == BY_RANGE)
    return a->lo == b->lo && a->hi == b->hi;
  if (a->by == BY_FORMAT)
    return spec_block_equal(&a->block, &b->block);
  return a->calibrator == b->calibrator &&
         (!a->calibrator->parameter || a->parameter == b->parameter);
}

bool quantizer_equal(const struct quantizer *a, const struct quantizer *b)
{
  return a->format == b->format && a->asymmetric == b->asymmetric && a->narrow == b->narrow &&
         granularity_equal(&a->granularity, &b->granularity) && range_equal(a, b) &&
         a->nonfinite == b->nonfinite && a->pow2 == b->pow2 && a->scale_type == b->scale_type &&
         a->rounding == b->rounding && (a->rounding != ROUND_STOCHASTIC || a->seed == b->seed);
}

void quantizer_code_range(const struct quantizer *quantizer, long *lowest, long *highest)
{
  if (format_is_integer(quantizer->format)) {
    long half = 1L << (quantizer->format->bits - 1);
    *lowest = quantizer->asymmetric ? 0 : quantizer->narrow - half;
    *highest = quantizer->asymmetric ? 2 * half - 1 : half - 1;
  } else {
    double max = format_max(quantizer->format);
    *highest = max < (double)LONG_MAX ? (long)max : LONG_MAX;
    *lowest = -*highest;
  }
}
