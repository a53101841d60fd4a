/* The quantizer as a value: printed as a spec, and compared. */
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

/* --- printing ------------------------------------------------------------------------- */

void spec_append(char *text, const char *format, ...)
{
  size_t used = strlen(text);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text + used, QUANTIZER_TEXT - used, format, arguments);
  va_end(arguments);
}

const char *quantizer_granularity_name(const struct quantizer *quantizer)
{
  static const char *const names[] = {[GRAIN_TENSOR] = "tensor",
                                      [GRAIN_CHANNEL] = "channel",
                                      [GRAIN_TOKEN] = "token",
                                      [GRAIN_GROUP] = "group"};
  bool block = quantizer->granularity.kind == GRAIN_GROUP && quantizer->format->block;
  return block || format_is_block(quantizer->format) ? "block" : names[quantizer->granularity.kind];
}

const char *quantizer_arithmetic_name(enum arithmetic arithmetic)
{
  return spec_arithmetic_names[arithmetic];
}

static void print_granularity(const struct quantizer *quantizer, char *text)
{
  const struct granularity *granularity = &quantizer->granularity;
  spec_append(text, ",%s", quantizer_granularity_name(quantizer));
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

static void print_options(const struct quantizer *quantizer, char *text)
{
  const struct calibrator *calibrator = quantizer->calibrator;
  char number[32];
  for (size_t i = 0; quantizer->by == BY_CALIBRATOR && i < CALIBRATOR_OPTIONS; i++)
    if (calibrator->option[i].word && quantizer->option[i] != calibrator->option[i].value)
      spec_append(text, ",%s=%s", calibrator->option[i].word,
                  number_print(quantizer->option[i], number));
}

/* How a range becomes a scale, and a quotient a code. */
static void print_conventions(const struct quantizer *quantizer, char *text)
{
  char number[32];
  if (quantizer->limited)
    spec_append(text, ",codes=%ld:%ld", quantizer->code_lo, quantizer->code_hi);
  if (quantizer->rule)
    spec_append(text, ",scale-rule=%s", quantizer->rule->name);
  if (quantizer->eps > 0)
    spec_append(text, ",eps=%s", number_print(quantizer->eps, number));
  if (quantizer->arithmetic != ARITHMETIC_DIVIDE)
    spec_append(text, ",arithmetic=%s", spec_arithmetic_names[quantizer->arithmetic]);
}

static void print_rounding(const struct quantizer *quantizer, char *text)
{
  if (quantizer->rounding != ROUND_EVEN)
    spec_append(text, ",round=%s", spec_rounding_names[quantizer->rounding]);
  if (quantizer->rounding == ROUND_STOCHASTIC && quantizer->seed != 0)
    spec_append(text, "=%llu", (unsigned long long)quantizer->seed);
}

char *quantizer_print(const struct quantizer *quantizer, char *text)
{
  snprintf(text, QUANTIZER_TEXT, "%s%s", quantizer->unsigned_codes ? "u" : "",
           quantizer->format->name);
  if (format_is_integer(quantizer->format))
    spec_append(text, quantizer->asymmetric ? ",asym" : ",sym");
  if (quantizer->signed_codes)
    spec_append(text, ",signed");
  if (quantizer->narrow)
    spec_append(text, ",narrow");
  if (format_is_block(quantizer->format)) {
    spec_print_block(quantizer, text);
  } else {
    print_granularity(quantizer, text);
    print_range(quantizer, text);
    print_options(quantizer, text);
  }
  print_conventions(quantizer, text);
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

static bool options_equal(const struct quantizer *a, const struct quantizer *b)
{
  for (size_t i = 0; i < CALIBRATOR_OPTIONS && a->calibrator->option[i].word; i++)
    if (a->option[i] != b->option[i])
      return false;
  return true;
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
         (!a->calibrator->parameter || a->parameter == b->parameter) && options_equal(a, b);
}

static bool conventions_equal(const struct quantizer *a, const struct quantizer *b)
{
  return a->rule == b->rule && a->eps == b->eps && a->arithmetic == b->arithmetic &&
         a->signed_codes == b->signed_codes && a->unsigned_codes == b->unsigned_codes &&
         a->limited == b->limited &&
         (!a->limited || (a->code_lo == b->code_lo && a->code_hi == b->code_hi));
}

bool quantizer_equal(const struct quantizer *a, const struct quantizer *b)
{
  return a->format == b->format && a->asymmetric == b->asymmetric && a->narrow == b->narrow &&
         granularity_equal(&a->granularity, &b->granularity) && range_equal(a, b) &&
         conventions_equal(a, b) && a->nonfinite == b->nonfinite && a->pow2 == b->pow2 &&
         a->scale_type == b->scale_type && a->rounding == b->rounding &&
         (a->rounding != ROUND_STOCHASTIC || a->seed == b->seed);
}

void quantizer_code_range(const struct quantizer *quantizer, long *lowest, long *highest)
{
  bool whole_type = quantizer->rule && quantizer->rule->clamps_whole_type;
  if (!format_is_integer(quantizer->format)) {
    double max = format_max(quantizer->format);
    *highest = max < (double)LONG_MAX ? (long)max : LONG_MAX;
    *lowest = -*highest;
    return;
  }
  if (quantizer->limited && !whole_type) {
    *lowest = quantizer->code_lo;
    *highest = quantizer->code_hi;
    return;
  }
  long half = 1L << (quantizer->format->bits - 1);
  bool from_zero = quantizer->asymmetric ? !quantizer->signed_codes : quantizer->unsigned_codes;
  bool narrow = quantizer->narrow && !quantizer->asymmetric;
  *lowest = from_zero ? 0 : narrow - half;
  *highest = *lowest + 2 * half - 1 - narrow;
}
