/* What can be combined in a quantizer, and what contradicts what. */
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
  if (quantizer->narrow && (quantizer->asymmetric || quantizer->limited))
    return error_set(error, STATUS_USAGE, "\"narrow\" contradicts \"%s\"",
                     quantizer->limited
                         ? "codes"
                         : "asym\": the asymmetric scheme uses all codes, so not \"narrow");
  *culprit = SLOT_FORMAT;
  if (integer && quantizer->format->bits == 1 && !quantizer->asymmetric)
    return error_set(error, STATUS_USAGE,
                     "\"%s\" has no symmetric scheme: one bit holds two levels; uint1 has them",
                     format);
  return STATUS_OK;
}

bool spec_is_cast(const struct quantizer *quantizer)
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
  if (!spec_is_scale_type(quantizer->scale_type))
    return error_set(error, STATUS_USAGE,
                     "\"scale-type=%s\": expected float32, float16 or bfloat16",
                     quantizer->scale_type->name);
  if (quantizer->scale_type && quantizer->pow2)
    return error_set(error, STATUS_USAGE,
                     "\"scale-type\" contradicts \"pow2\", which stores an exponent");
  return STATUS_OK;
}

/* How codes are numbered and limited. */
static enum status check_codes(const struct quantizer *quantizer, enum slot *culprit,
                               struct error *error)
{
  const struct format *format = quantizer->format;
  *culprit = SLOT_SIGN;
  if ((quantizer->signed_codes && !quantizer->asymmetric) ||
      (quantizer->unsigned_codes && (quantizer->asymmetric || !format_is_integer(format))))
    return error_set(
        error, STATUS_USAGE,
        "\"signed\" belongs to the asymmetric scheme, unsigned codes (uint8,sym) to the "
        "symmetric one");
  *culprit = SLOT_CODES;
  if (!quantizer->limited)
    return STATUS_OK;
  if (!format_is_integer(format))
    return error_set(error, STATUS_USAGE,
                     "\"codes\" contradicts \"%s\": only integers have codes "
                     "to limit",
                     format->name);
  long lowest, highest;
  struct quantizer whole = *quantizer;
  whole.limited = false;
  quantizer_code_range(&whole, &lowest, &highest);
  if (quantizer->code_lo < lowest || quantizer->code_hi > highest)
    return error_set(error, STATUS_USAGE, "\"codes=%ld:%ld\": the codes are %ld to %ld",
                     quantizer->code_lo, quantizer->code_hi, lowest, highest);
  if (!quantizer->asymmetric && !quantizer->unsigned_codes &&
      (quantizer->code_lo > 0 || quantizer->code_hi <= 0))
    return error_set(error, STATUS_USAGE,
                     "\"codes=%ld:%ld\": symmetric codes lie on both sides of 0",
                     quantizer->code_lo, quantizer->code_hi);
  return STATUS_OK;
}

/* Where quotients are rounded, and how a range becomes a scale. */
static enum status check_arithmetic(const struct quantizer *quantizer, enum slot *culprit,
                                    struct error *error)
{
  const struct format *format = quantizer->format;
  const struct scale_rule *rule = quantizer->rule;
  *culprit = SLOT_ARITHMETIC;
  if (quantizer->arithmetic != ARITHMETIC_DIVIDE &&
      (!format_is_integer(format) || quantizer->rounding != ROUND_EVEN))
    return error_set(error, STATUS_USAGE, "\"arithmetic=%s\" contradicts \"%s\"",
                     spec_arithmetic_names[quantizer->arithmetic],
                     format_is_integer(format) ? "round" : format->name);
  *culprit = SLOT_RULE;
  if (rule && (format_is_block(format) || format->learned))
    return error_set(error, STATUS_USAGE, "\"scale-rule\" contradicts \"%s\", which has its own",
                     format->name);
  if (rule && quantizer->by == BY_SCALE)
    return error_set(error, STATUS_USAGE,
                     "\"scale-rule\" contradicts \"scale\": a rule makes the "
                     "scale of a range");
  if (rule && !(quantizer->asymmetric ? rule->asymmetric : rule->symmetric))
    return error_set(error, STATUS_USAGE, "\"scale-rule=%s\" has no %s scheme", rule->name,
                     quantizer->asymmetric ? "asymmetric" : "symmetric");
  if (rule && rule->integers && !format_is_integer(format))
    return error_set(error, STATUS_USAGE,
                     "\"scale-rule=%s\" contradicts \"%s\": it speaks of codes", rule->name,
                     format->name);
  if (rule && rule->offset && quantizer->arithmetic != ARITHMETIC_DIVIDE)
    return error_set(error, STATUS_USAGE,
                     "\"scale-rule=%s\" contradicts \"arithmetic=%s\": a free "
                     "minimum is taken off first",
                     rule->name, spec_arithmetic_names[quantizer->arithmetic]);
  *culprit = SLOT_EPS;
  if (quantizer->eps > 0 && (format_is_block(format) || quantizer->by == BY_SCALE))
    return error_set(error, STATUS_USAGE, "\"eps\" needs a scale that is made of a range");
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
  if (!spec_is_cast(quantizer) || quantizer->pow2 || quantizer->scale_type)
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
  const char *refusal = calibrator->refuse ? calibrator->refuse(quantizer) : NULL;
  if (refusal)
    return error_set(error, STATUS_USAGE, "\"%s\": %s", calibrator->name, refusal);
  if (calibrator->parameter &&
      !(quantizer->parameter >= calibrator->least && quantizer->parameter <= calibrator->most))
    return error_set(error, STATUS_USAGE, "\"%s=%s\": expected a number from %g to %g",
                     calibrator->name, number_print(quantizer->parameter, text), calibrator->least,
                     calibrator->most);
  return STATUS_OK;
}

enum status spec_check(const struct quantizer *quantizer, enum slot *culprit, struct error *error)
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
      check_codes,
      check_arithmetic,
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
  return spec_check(quantizer, &culprit, error);
}
