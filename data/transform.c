#include "data/transform.h"

#include "quant/base/nearest.h"
#include "quant/base/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct transform_type transform_table[] = {
    {"smooth", "ALPHA", "divide each channel by its absmax^ALPHA (0..1), multiply back",
     TRANSFORM_SMOOTH, 0.5, 0, 1, false},
    {"hadamard", "N", "rotate every N channels (a power of two) by a Hadamard matrix, and back",
     TRANSFORM_HADAMARD, 0, 2, TRANSFORM_BLOCK_MOST, true},
    {"split", "K", "keep the K channels of the largest absmax in 16 bits", TRANSFORM_SPLIT, 4, 1,
     TRANSFORM_CHANNELS_MOST, true},
};
enum { TYPES = sizeof transform_table / sizeof *transform_table };
const size_t transform_table_length = TYPES;

const struct transform_type *transform_type_of(enum transform_kind kind)
{
  size_t i = 0;
  while (i + 1 < TYPES && transform_table[i].kind != kind)
    i++;
  return &transform_table[i];
}

static enum status unknown_name(const char *text, struct error *error)
{
  const char *names[TYPES + 1] = {"none"};
  for (size_t i = 0; i < TYPES; i++)
    names[i + 1] = transform_table[i].name;
  const char *near = nearest_word(text, names, TYPES + 1);
  return error_set(error, STATUS_USAGE,
                   "unknown transform '%.40s'%s%s%s; there are smooth=ALPHA, hadamard[=N] and "
                   "split=K",
                   text, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static bool is_power_of_two(double x)
{
  int exponent;
  return frexp(x, &exponent) == 0.5;
}

static enum status read_argument(const struct transform_type *type, const char *text, double *out,
                                 struct error *error)
{
  char *end;
  double value = strtod(text, &end);
  bool number = end != text && !*end && value >= type->least && value <= type->most &&
                (!type->whole || value == floor(value));
  if (!number)
    return error_set(error, STATUS_USAGE, "%s: expected a%s number from %g to %g, found '%.40s'",
                     type->name, type->whole ? " whole" : "", type->least, type->most, text);
  if (type->kind == TRANSFORM_HADAMARD && !is_power_of_two(value))
    return error_set(error, STATUS_USAGE, "hadamard: expected a power of two, found '%.40s'", text);
  *out = value;
  return STATUS_OK;
}

enum status transform_parse(const char *text, struct transform *out, struct error *error)
{
  size_t length = strcspn(text, "=");
  if (strcmp(text, "none") == 0) {
    *out = (struct transform){.kind = TRANSFORM_NONE};
    return STATUS_OK;
  }
  for (size_t i = 0; i < TYPES; i++) {
    const struct transform_type *type = &transform_table[i];
    if (strlen(type->name) != length || strncmp(type->name, text, length) != 0)
      continue;
    struct transform made = {type->kind, type->standard};
    enum status status = STATUS_OK;
    if (text[length])
      status = read_argument(type, text + length + 1, &made.parameter, error);
    if (status == STATUS_OK)
      *out = made;
    return status;
  }
  return unknown_name(text, error);
}

char *transform_print(const struct transform *transform, char *text)
{
  char number[NUMBER_TEXT];
  const struct transform_type *type = transform_type_of(transform->kind);
  if (transform->kind == TRANSFORM_NONE)
    snprintf(text, TRANSFORM_TEXT, "none");
  else if (transform->parameter < type->least)
    snprintf(text, TRANSFORM_TEXT, "%s", type->name);
  else
    snprintf(text, TRANSFORM_TEXT, "%s=%s", type->name, number_print(transform->parameter, number));
  return text;
}

bool transform_equal(const struct transform *a, const struct transform *b)
{
  return a->kind == b->kind && (a->kind == TRANSFORM_NONE ||
                                !(a->parameter < b->parameter || a->parameter > b->parameter));
}
