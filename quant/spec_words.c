/* The words of a spec: what each of them sets. */
#include "quant/spec.h"

#include "quant/base/nearest.h"
#include "quant/base/number.h"
#include "quant/scale_rule.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- numbers ------------------------------------------------------------------------- */

bool spec_number(const char *text, double *out)
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
  if (!spec_number(value, &parse->quantizer.scale))
    return spec_fail_expected(parse, "a number above 0, as in scale=0.05");
  parse->quantizer.by = BY_SCALE;
  return STATUS_OK;
}

static enum status read_zero(struct parse *parse, const char *value)
{
  if (!spec_number(value, &parse->quantizer.zero))
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
  if (!colon || !spec_number(lo, &parse->quantizer.lo) ||
      !spec_number(colon + 1, &parse->quantizer.hi))
    return spec_fail_expected(parse, "two numbers, as in range=-1.5:1.5");
  parse->quantizer.by = BY_RANGE;
  return STATUS_OK;
}

/* float32 is NULL. */
bool spec_is_scale_type(const struct format *type)
{
  return !type || type == format_find("float16") || type == format_find("bfloat16");
}

const char *const spec_rounding_names[] = {
    [ROUND_EVEN] = "even",
    [ROUND_AWAY] = "away",
    [ROUND_ZERO] = "zero",
    [ROUND_STOCHASTIC] = "stochastic",
};
enum { ROUNDINGS = sizeof spec_rounding_names / sizeof *spec_rounding_names };

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
    if (strlen(spec_rounding_names[i]) == length &&
        strncasecmp(value, spec_rounding_names[i], length) == 0) {
      parse->quantizer.rounding = (enum rounding)i;
      return seed ? read_seed(parse, seed + 1) : STATUS_OK;
    }
  char what[160];
  const char *meant = nearest_word(value, spec_rounding_names, ROUNDINGS);
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
  if (!plain && (!type || !spec_is_scale_type(type)))
    return spec_fail_expected(parse, "scale-type=float32, float16 or bfloat16");
  parse->quantizer.scale_type = type;
  return STATUS_OK;
}

const char *const spec_arithmetic_names[] = {
    [ARITHMETIC_DIVIDE] = "divide",         [ARITHMETIC_RECIPROCAL] = "reciprocal",
    [ARITHMETIC_ZERO_FIRST] = "zero-first", [ARITHMETIC_CLAMP_FIRST] = "clamp-first",
    [ARITHMETIC_MULTIPLY] = "multiply",
};
enum { ARITHMETICS = sizeof spec_arithmetic_names / sizeof *spec_arithmetic_names };

static enum status read_arithmetic(struct parse *parse, const char *value)
{
  for (int i = 0; i < ARITHMETICS; i++)
    if (strcasecmp(spec_arithmetic_names[i], value) == 0) {
      parse->quantizer.arithmetic = (enum arithmetic)i;
      return STATUS_OK;
    }
  return spec_fail_expected(parse, "divide, reciprocal, zero-first, clamp-first or multiply");
}

static enum status read_eps(struct parse *parse, const char *value)
{
  double eps;
  if (!spec_number(value, &eps) || !(eps > 0))
    return spec_fail_expected(parse, "the least scale, a number above 0, as in eps=1e-5");
  parse->quantizer.eps = eps;
  return STATUS_OK;
}

static enum status read_codes(struct parse *parse, const char *value)
{
  char *end;
  errno = 0;
  long lo = strtol(value, &end, 10), hi = 0;
  bool good = end > value && *end == ':';
  const char *second = good ? end + 1 : value;
  if (good)
    hi = strtol(second, &end, 10);
  if (!good || end == second || *end || errno || lo >= hi)
    return spec_fail_expected(parse, "two codes, the lower one first, as in codes=-64:63");
  parse->quantizer.limited = true;
  parse->quantizer.code_lo = lo;
  parse->quantizer.code_hi = hi;
  return STATUS_OK;
}

static enum status read_signed(struct parse *parse, const char *value)
{
  (void)value;
  parse->quantizer.signed_codes = true;
  return STATUS_OK;
}

/* Block formats have rules of their own under this word. */
static enum status read_rule(struct parse *parse, const char *value)
{
  if (format_is_block(parse->quantizer.format))
    return spec_read_rule(parse, value);
  parse->quantizer.rule = scale_rule_find(value);
  if (parse->quantizer.rule)
    return STATUS_OK;
  const char *names[SCALE_RULES_MOST], *meant;
  char what[160];
  for (size_t i = 0; i < scale_rule_table_length; i++)
    names[i] = scale_rule_table[i].name;
  meant = nearest_word(value, names, scale_rule_table_length);
  snprintf(what, sizeof what, "is no scale rule (\"qscope calibrators\" lists them)%s%s%s",
           meant ? "; did you mean \"scale-rule=" : "", meant ? meant : "", meant ? "\"?" : "");
  return spec_fail(parse, what);
}

const struct keyword spec_keywords[] = {
    {"sym", SLOT_SCHEME, VALUE_NONE, read_sym, "codes on both sides of zero, without a zero point",
     NULL},
    {"asym", SLOT_SCHEME, VALUE_NONE, read_asym, "a zero point: the codes follow the data", NULL},
    {"full", SLOT_CLAMP, VALUE_NONE, read_full, "symmetric integers use -128, too", NULL},
    {"narrow", SLOT_CLAMP, VALUE_NONE, read_narrow, "symmetric integers leave out -128", NULL},
    {"tensor", SLOT_GRAIN, VALUE_NONE, read_tensor, "one scale for all", NULL},
    {"channel", SLOT_GRAIN, VALUE_OPTIONAL, read_channel, "a scale for each channel of an axis",
     "0 1 2 -1"},
    {"group", SLOT_GRAIN, VALUE_NEEDED, spec_read_group,
     "a scale for so many neighbours, as in group=128", "16 32 64 128 256"},
    {"token", SLOT_GRAIN, VALUE_NONE, read_token, "a scale for each row", NULL},
    {"scale", SLOT_SCALE, VALUE_NEEDED, read_scale, "this scale, by hand", "1"},
    {"range", SLOT_SCALE, VALUE_NEEDED, read_range, "this range by hand, as in range=-1:1",
     "-1:1 0:1 0:6"},
    {"zero", SLOT_ZERO, VALUE_NEEDED, read_zero, "the zero point beside scale=", "0 128"},
    {"round", SLOT_ROUND, VALUE_NEEDED, read_round, "even, away, zero, stochastic=SEED",
     "even away zero stochastic stochastic=1"},
    {"block", SLOT_BLOCK, VALUE_NEEDED, spec_read_block, "length of the format's blocks",
     "16 32 64 128 256"},
    {"scale-rule", SLOT_RULE, VALUE_NEEDED, read_rule, "how the scale is made of the range", NULL},
    {"variant", SLOT_VARIANT, VALUE_NEEDED, spec_read_variant, "which of the format's variants",
     NULL},
    {"four-over-six", SLOT_FOUR_OVER_SIX, VALUE_NONE, spec_read_four_over_six,
     "nvfp4: the better of two scales", NULL},
    {"pad", SLOT_PAD, VALUE_NONE, spec_read_pad, "fill ragged rows with zeros", NULL},
    {"importance", SLOT_IMPORTANCE, VALUE_NEEDED, spec_read_importance,
     "FILE with a weight for each column", NULL},
    {"overflow", SLOT_OVERFLOW, VALUE_NEEDED, read_overflow,
     "what is too large: saturate or infinity", "saturate nonfinite"},
    {"pow2", SLOT_POW2, VALUE_NONE, read_pow2, "scales are powers of two", NULL},
    {"scale-type", SLOT_SCALE_TYPE, VALUE_NEEDED, read_scale_type,
     "scales are stored as float16 or bfloat16", "float32 float16 bfloat16"},
    {"eps", SLOT_EPS, VALUE_NEEDED, read_eps, "the least scale", "1e-8 1e-5"},
    {"arithmetic", SLOT_ARITHMETIC, VALUE_NEEDED, read_arithmetic,
     "divide, reciprocal, zero-first, clamp-first, multiply",
     "divide reciprocal zero-first clamp-first multiply"},
    {"codes", SLOT_CODES, VALUE_NEEDED, read_codes, "these codes alone, as in codes=-64:63",
     "-127:127 -64:63 0:127"},
    {"signed", SLOT_SIGN, VALUE_NONE, read_signed, "asymmetric codes count from -128", NULL},
};
const size_t spec_keywords_length = sizeof spec_keywords / sizeof *spec_keywords;

const struct keyword *spec_keyword_find(const char *name)
{
  for (size_t i = 0; i < spec_keywords_length; i++)
    if (strcasecmp(spec_keywords[i].name, name) == 0)
      return &spec_keywords[i];
  return NULL;
}
