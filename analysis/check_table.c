/* The checks as people read them, and assertions on them and on the metrics. */
#include "analysis/checks.h"

#include "quant/base/nearest.h"
#include "quant/base/size.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define BIG ((double)INFINITY)
#define ROW(field, label, unit, usual, low, high, outside, why)                                    \
  {                                                                                                \
#field, label, unit, usual, why, low, high, outside, offsetof(struct checks, field)            \
  }
const struct check check_table[] = {
    ROW(utilisation, "utilisation", "%", "20..40 % is healthy", 0.2, 0.4, "outside",
        "share of |codes| above 100/127 of full scale; only flat data reach 20 % without clipping: "
        "a Gaussian at its best has 0.2 %, and is at 14.8 dB instead of 40.7 when forced to 20 %"),
    ROW(rail_rate, "rail rate", "%", "below 0.1 %", 0, 0.001, "beyond",
        "share of elements on an end code; not the clip rate: flat data without clipping have "
        "0.2 % at 8 bits"),
    ROW(code_entropy, "code entropy", "bit", "near the bits", 0, BIG, "beyond",
        "bits that an ideal coder needs; much fewer than stored means codes are spent on nothing"),
    ROW(dead_codes, "dead codes", "%", "none", 0, 0, "some",
        "share of the codes between the lowest and the highest used that never occur: gaps, few "
        "elements, or data that were quantized before"),
    ROW(unused_codes, "unused codes", "%", "few", 0, 0.1, "many",
        "share of all codes that never occur: room that the range does not use"),
    ROW(flushed, "flushed to 0", "%", "below 5 %", 0, 0.05, "beyond",
        "share of elements that were not 0 and became 0: the step is coarse for the bulk"),
    ROW(asymmetry_gain_db, "zero point", "dB", "below 1 dB", -BIG, 1, "helps",
        "what the asymmetric twin (a zero point) gains, fitted and measured; one-sided data gain "
        "6 dB"),
    ROW(extra_bit_gain_db, "one more bit", "dB", "about 6 dB", 5, 7, "other",
        "what one bit more gains, measured; near 0 means that clipping, not rounding, costs"),
    ROW(outlier_channels_gain_db, "outlier channels", "dB", "below 1 dB", -BIG, 1, "helps",
        "what 4 channels of the largest absmax over the median (at most half) gain in 16 bits"),
    ROW(outlier_values_gain_db, "outlier values", "dB", "below 1 dB", -BIG, 1, "helps",
        "what the largest 0.1 % of the values gain in 16 bits"),
};
#undef ROW
const size_t check_table_length = sizeof check_table / sizeof *check_table;

double check_value(const struct check *check, const struct checks *checks)
{
  double value;
  memcpy(&value, (const char *)checks + check->offset, sizeof value);
  return value;
}

const char *check_verdict(const struct check *check, double value)
{
  if (isnan(value))
    return "n/a";
  return value >= check->low && value <= check->high ? "usual" : check->outside;
}

char *check_print(const struct check *check, double value, char *text, size_t size)
{
  if (isnan(value))
    snprintf(text, size, "n/a");
  else if (check->unit[0] == '%')
    snprintf(text, size, "%.3g %%", value * 100);
  else if (check->unit[0] == 'd')
    snprintf(text, size, "%+.2f dB", value);
  else
    snprintf(text, size, "%.4g %s", value, check->unit);
  return text;
}

/* --- assertions ---------------------------------------------------------------------------- */

enum relation { AT_LEAST, AT_MOST, EQUAL, UNEQUAL, ABOVE, BELOW };
static const char *const relations[] = {">=", "<=", "==", "!=", ">", "<"}; /* longer ones first */
enum { RELATIONS = sizeof relations / sizeof *relations };

static enum status unknown_name(const char *name, struct error *error)
{
  enum { MOST = 64 };
  const char *names[MOST];
  size_t count = 0;
  for (size_t i = 0; i < metric_table_length && count < MOST; i++)
    names[count++] = metric_table[i].name;
  for (size_t i = 0; i < check_table_length && count < MOST; i++)
    names[count++] = check_table[i].name;
  const char *near = nearest_word(name, names, count);
  return near ? error_set(error, STATUS_USAGE,
                          "no metric and no check is called '%s'; did you "
                          "mean '%s'?",
                          name, near)
              : error_set(error, STATUS_USAGE,
                          "no metric and no check is called '%s'; qscope report --csv names the "
                          "metrics, --checks the checks",
                          name);
}

static enum status find_name(const char *name, struct assertion *out, struct error *error)
{
  out->metric = metric_find(name);
  for (size_t i = 0; i < check_table_length && !out->metric && !out->check; i++)
    if (strcmp(check_table[i].name, name) == 0)
      out->check = &check_table[i];
  return out->metric || out->check ? STATUS_OK : unknown_name(name, error);
}

enum status assertion_parse(const char *text, struct assertion *out, struct error *error)
{
  char name[64], *end;
  size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz_0123456789");
  size_t gap = length + strspn(text + length, " ");
  struct assertion made = {.text = text, .relation = 0};
  while (made.relation < RELATIONS &&
         strncmp(text + gap, relations[made.relation], strlen(relations[made.relation])) != 0)
    made.relation++;
  if (length == 0 || length >= sizeof name || made.relation == RELATIONS)
    return error_set(error, STATUS_USAGE, "expected NAME>=NUMBER (or <=, >, <, ==, !=), found '%s'",
                     text);
  memcpy(name, text, length);
  name[length] = '\0';
  enum status status = find_name(name, &made, error);
  if (status != STATUS_OK)
    return status;
  const char *number = text + gap + strlen(relations[made.relation]);
  made.limit = strtod(number, &end);
  bool percent = *end == '%';
  if (end == number || end[percent] || isnan(made.limit))
    return error_set(error, STATUS_USAGE, "expected a number behind '%s', found '%s'",
                     relations[made.relation], number);
  if (percent)
    made.limit /= 100;
  *out = made;
  return STATUS_OK;
}

bool assertion_accepts(const struct assertion *assertion, double x)
{
  if (isnan(x))
    return false;
  switch ((enum relation)assertion->relation) {
  case AT_LEAST:
    return x >= assertion->limit;
  case AT_MOST:
    return x <= assertion->limit;
  case EQUAL:
    return x == assertion->limit;
  case UNEQUAL:
    return x != assertion->limit;
  case ABOVE:
    return x > assertion->limit;
  case BELOW:
    break;
  }
  return x < assertion->limit;
}

bool assertion_holds(const struct assertion *assertion, const struct result *result,
                     const struct checks *checks, double *value)
{
  *value = assertion->metric ? assertion->metric->value(&result->metrics)
           : checks          ? check_value(assertion->check, checks)
                             : (double)NAN;
  return assertion_accepts(assertion, *value);
}
