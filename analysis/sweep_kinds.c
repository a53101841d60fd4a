#include "analysis/sweep_kinds.h"

#include "quant/base/nearest.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- how a value edits a spec ----------------------------------------------------------------- */

static enum status edit_bits(const struct quantizer *base, const char *value, struct quantizer *out,
                             struct error *error)
{
  char format[SWEEP_VALUE_TEXT + 4];
  if (!format_is_integer(base->format))
    return error_set(error, STATUS_USAGE, "the width of %s is fixed", base->format->name);
  snprintf(format, sizeof format, "int%s", value);
  return spec_replace_format(base, format, out, error);
}

static enum status edit_group(const struct quantizer *base, const char *value,
                              struct quantizer *out, struct error *error)
{
  char word[SWEEP_VALUE_TEXT + 8];
  snprintf(word, sizeof word, "group=%s", value);
  return spec_replace(base, spec_word_is_grain, word, out, error);
}

/* The block of a format that has some, else the group of a spec that has some. */
static enum status edit_block(const struct quantizer *base, const char *value,
                              struct quantizer *out, struct error *error)
{
  char word[SWEEP_VALUE_TEXT + 8];
  if (spec_has(base, spec_word_is_group))
    return edit_group(base, value, out, error);
  snprintf(word, sizeof word, "block=%s", value);
  return spec_replace(base, spec_word_is_block, word, out, error);
}

static enum status edit_clip(const struct quantizer *base, const char *value, struct quantizer *out,
                             struct error *error)
{
  char word[SWEEP_VALUE_TEXT + 8];
  snprintf(word, sizeof word, "clip=%s", value);
  return spec_replace(base, spec_word_is_range, word, out, error);
}

static enum status edit_percentile(const struct quantizer *base, const char *value,
                                   struct quantizer *out, struct error *error)
{
  char word[SWEEP_VALUE_TEXT + 16];
  snprintf(word, sizeof word, "percentile=%s", value);
  return spec_replace(base, spec_word_is_range, word, out, error);
}

static enum status edit_calibrator(const struct quantizer *base, const char *value,
                                   struct quantizer *out, struct error *error)
{
  return spec_replace(base, spec_word_is_range, value, out, error);
}

/* A format that brings its blocks has no use for the words of the others: it is taken alone. */
static enum status edit_format(const struct quantizer *base, const char *value,
                               struct quantizer *out, struct error *error)
{
  struct quantizer alone;
  if (quantizer_parse(value, &alone, error) != STATUS_OK)
    return STATUS_USAGE;
  if (spec_has(&alone, spec_word_is_grain))
    return spec_replace_format(base, value, out, error);
  *out = alone;
  return STATUS_OK;
}

/* --- numbers that follow each other ----------------------------------------------------------- */

static double next_whole(double at)
{
  return at + 1;
}

static double next_doubled(double at)
{
  return 2 * at;
}

/* The next of SERIES (COUNT numbers from 1 to below 10, times powers of ten) above AT. */
static double next_of(const double *series, size_t count, double at)
{
  double power = floor(log10(at) + 1e-9), above = at * (1 + 1e-9);
  for (;; power++)
    for (size_t i = 0; i < count; i++) {
      double next = power < 0 ? series[i] / pow(10, -power) : series[i] * pow(10, power);
      if (next > above)
        return next;
    }
}

/* Shares are compared as ratios: the preferred numbers R20 of ISO 3, 12 % from one to the next. */
static double next_preferred(double at)
{
  static const double r20[] = {1.00, 1.12, 1.25, 1.40, 1.60, 1.80, 2.00, 2.24, 2.50, 2.80,
                               3.15, 3.55, 4.00, 4.50, 5.00, 5.60, 6.30, 7.10, 8.00, 9.00};
  return next_of(r20, sizeof r20 / sizeof *r20, at);
}

/* What a percentile cuts off counts: 10, 5, 2, 1, 0.5 ... 0.0001 percent, and nothing. */
static double next_percentile(double at)
{
  static const double series[] = {1, 2, 5};
  double cut = 100 - at;
  return cut < 1.5e-4 ? 100 : 100 - 1 / next_of(series, 3, 1 / cut);
}

/* --- the kinds -------------------------------------------------------------------------------- */

static enum status add_value(struct sweep *sweep, const char *value, struct error *error)
{
  if (sweep->values == SWEEP_VALUES)
    return error_set(error, STATUS_USAGE, "%s: more than %d values", sweep->kind->name,
                     SWEEP_VALUES);
  snprintf(sweep->value[sweep->values++], SWEEP_VALUE_TEXT, "%s", value);
  return STATUS_OK;
}

static enum status all_calibrators(struct sweep *sweep, struct error *error)
{
  enum status status = STATUS_OK;
  for (size_t i = 0; i < calibrator_table_length && status == STATUS_OK; i++)
    status = add_value(sweep, calibrator_table[i].name, error);
  return status;
}

static enum status all_formats(struct sweep *sweep, struct error *error)
{
  enum status status = STATUS_OK;
  for (size_t i = 0; i < format_table_length && status == STATUS_OK; i++)
    status = add_value(sweep, format_table[i].name, error);
  return status;
}

/* From flat to heavy tails. */
static enum status all_distributions(struct sweep *sweep, struct error *error)
{
  static const char *const names[] = {"uniform",        "gaussian",        "student-t:nu=30",
                                      "laplace",        "student-t:nu=10", "student-t:nu=7",
                                      "student-t:nu=5", "student-t:nu=3"};
  enum status status = STATUS_OK;
  for (size_t i = 0; i < sizeof names / sizeof *names && status == STATUS_OK; i++)
    status = add_value(sweep, names[i], error);
  return status;
}

const struct sweep_kind sweep_kinds[] = {
    {.name = "bits",
     .about = "the width of integers",
     .standard = "2:8",
     .least = 1,
     .most = 16,
     .whole = true,
     .next = next_whole,
     .any = "intN",
     .edit = edit_bits,
     .companions = {sweep_other_scheme, sweep_mse, sweep_other_grain, sweep_integers}},
    {.name = "group",
     .about = "how many elements share a scale",
     .standard = "16:256",
     .least = 1,
     .most = 1 << 30,
     .whole = true,
     .next = next_doubled,
     .replaced = spec_word_is_grain,
     .edit = edit_group,
     .shows_values = true,
     .companions = {sweep_other_scheme, sweep_mse, sweep_narrower, sweep_wider, sweep_integers}},
    {.name = "block",
     .about = "the length of blocks, or of groups",
     .standard = "16:256",
     .least = 1,
     .most = 1 << 30,
     .whole = true,
     .next = next_doubled,
     .replaced = spec_word_is_group_or_block,
     .edit = edit_block,
     .shows_values = true,
     .companions = {sweep_other_scheme, sweep_mse, sweep_narrower, sweep_wider, sweep_integers}},
    {.name = "clip",
     .about = "the clip threshold as a share of the largest magnitude",
     .standard = "0.05:1",
     .least = 0.001,
     .most = 16,
     .next = next_preferred,
     .replaced = spec_word_is_range,
     .edit = edit_clip,
     .axis = SWEEP_AXIS_VALUES,
     .axis_label = "clip threshold / largest magnitude of its unit",
     .companions = {sweep_other_scheme, sweep_other_grain, sweep_other_width, sweep_integers}},
    {.name = "percentile",
     .about = "the share of the values that is not clipped",
     .standard = "90:100",
     .least = 50,
     .most = 100,
     .next = next_percentile,
     .replaced = spec_word_is_range,
     .edit = edit_percentile,
     .axis = SWEEP_AXIS_NAMES,
     .axis_label = "percentile",
     .companions = {sweep_other_scheme, sweep_other_grain, sweep_other_width, sweep_integers}},
    {.name = "calibrator",
     .about = "the rule that chooses the range",
     .names = all_calibrators,
     .replaced = spec_word_is_range,
     .edit = edit_calibrator,
     .axis = SWEEP_AXIS_NAMES,
     .axis_label = "calibrator",
     .companions = {sweep_other_scheme, sweep_other_grain, sweep_integers}},
    {.name = "format",
     .about = "the number format",
     .names = all_formats,
     .replaced = spec_word_is_symmetric,
     .any = "any",
     .edit = edit_format,
     .points = true,
     .shows_values = true,
     .companions = {sweep_mse, sweep_other_grain}},
    {.name = "distribution",
     .about = "the data: SQNR against peak / RMS",
     .names = all_distributions,
     .edit = sweep_edit_distribution,
     .axis = SWEEP_AXIS_PAPR,
     .axis_label = "peak / RMS",
     .shows_values = true,
     .elsewhere = true,
     .companions = {sweep_int8, sweep_mse, sweep_e4m3, sweep_e5m2}},
};
const size_t sweep_kinds_length = sizeof sweep_kinds / sizeof *sweep_kinds;

const char *sweep_name(const struct sweep *sweep)
{
  return sweep->kind->name;
}

const char *sweep_over_at(size_t i, const char **about)
{
  if (i >= sweep_kinds_length)
    return NULL;
  *about = sweep_kinds[i].about;
  return sweep_kinds[i].name;
}

const char *sweep_over_values(size_t i)
{
  return sweep_kinds[i].standard;
}

const char *sweep_over_default(const struct quantizer *quantizer)
{
  return format_is_integer(quantizer->format) ? "bits" : "format";
}

const char *sweep_over_next(const char *over, int by)
{
  int count = (int)sweep_kinds_length, at = 0;
  size_t length = strcspn(over, "=");
  for (int i = 0; i < count; i++)
    if (strlen(sweep_kinds[i].name) == length && strncmp(sweep_kinds[i].name, over, length) == 0)
      at = i;
  return sweep_kinds[((at + by) % count + count) % count].name;
}

/* --- reading what to sweep over --------------------------------------------------------------- */

static enum status wrong_kind(const char *word, struct error *error)
{
  const char *names[16];
  for (size_t i = 0; i < sweep_kinds_length; i++)
    names[i] = sweep_kinds[i].name;
  const char *near = nearest_word(word, names, sweep_kinds_length);
  return error_set(error, STATUS_USAGE,
                   "unknown '%s'%s%s%s; expected bits=2:8, group=16,32, block=16:256, clip=0.05:1, "
                   "percentile=90:100, calibrator, format or distribution",
                   word, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static bool read_number(const struct sweep_kind *kind, const char *text, char **end, double *out)
{
  errno = 0;
  *out = strtod(text, end);
  return *end != text && !errno && *out >= kind->least && *out <= kind->most &&
         !(kind->whole && *out != floor(*out));
}

/* How far it is from one number of LO:HI:STEP to the next; whole numbers go by whole steps. */
static bool read_step(const struct sweep_kind *kind, const char *text, char **end, double *out)
{
  errno = 0;
  *out = strtod(text, end);
  return *end != text && !errno && *out > 0 && isfinite(*out) &&
         !(kind->whole && *out != floor(*out));
}

static enum status wrong_number(const struct sweep_kind *kind, const char *text,
                                struct error *error)
{
  return error_set(error, STATUS_USAGE,
                   "%s: expected a %snumber from %.10g to %.10g, LO:HI or LO:HI:STEP, found '%s'",
                   kind->name, kind->whole ? "whole " : "", kind->least, kind->most, text);
}

/* "4", "2:8", "16:256" or "0.5:1:0.1". */
static enum status add_numbers(struct sweep *sweep, const char *text, struct error *error)
{
  const struct sweep_kind *kind = sweep->kind;
  char *end, number[32];
  double from, to, step = 0;
  bool good = read_number(kind, text, &end, &from);
  to = from;
  if (good && *end == ':')
    good = read_number(kind, end + 1, &end, &to) && from <= to;
  if (good && *end == ':')
    good = read_step(kind, end + 1, &end, &step);
  if (!good || *end)
    return wrong_number(kind, text, error);
  double at = from;
  for (size_t i = 1; at <= to * (1 + 1e-12); i++) {
    snprintf(number, sizeof number, "%.10g", at);
    enum status status = add_value(sweep, number, error);
    if (status != STATUS_OK || at >= to)
      return status;
    at = step > 0 ? from + (double)i * step : kind->next(at);
  }
  return STATUS_OK;
}

static bool is_calibrator(const char *text)
{
  char name[SWEEP_VALUE_TEXT];
  snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "="), text);
  return calibrator_find(name);
}

/* A name is tried on the spec that takes all of its kind, so that a typo is told from a value
 * that some spec cannot take. */
static enum status add_name(struct sweep *sweep, const char *text, struct error *error)
{
  struct quantizer any, unused;
  enum status status = quantizer_parse("int8", &any, error);
  if (strlen(text) >= SWEEP_VALUE_TEXT)
    return error_set(error, STATUS_USAGE, "%s: '%.32s...' is too long", sweep->kind->name, text);
  if (sweep->kind->edit == edit_calibrator && !is_calibrator(text))
    return error_set(error, STATUS_USAGE, "calibrator: '%s' is none; see qscope calibrators", text);
  if (status == STATUS_OK)
    status = sweep->kind->edit(&any, text, &unused, error);
  if (status == STATUS_OK)
    return add_value(sweep, text, error);
  error_prefix(error, "%s: ", sweep->kind->name);
  return status;
}

static enum status read_values(struct sweep *sweep, const char *text, struct error *error)
{
  enum status status = STATUS_OK;
  char *copy = strdup(text), *rest = NULL;
  if (!copy)
    return error_memory(error, "the sweep");
  for (char *word = strtok_r(copy, ",", &rest); word && status == STATUS_OK;
       word = strtok_r(NULL, ",", &rest))
    status = sweep->kind->names ? add_name(sweep, word, error) : add_numbers(sweep, word, error);
  free(copy);
  if (status == STATUS_OK && sweep->values == 0)
    status = error_set(error, STATUS_USAGE, "%s: expected values, found none", sweep->kind->name);
  return status;
}

enum status sweep_read(struct sweep *sweep, const char *over, struct error *error)
{
  char name[32];
  const char *equals = strchr(over, '=');
  snprintf(name, sizeof name, "%.*s", (int)strcspn(over, "="), over);
  for (size_t i = 0; i < sweep_kinds_length; i++)
    if (strcmp(sweep_kinds[i].name, name) == 0)
      sweep->kind = &sweep_kinds[i];
  if (!sweep->kind)
    return wrong_kind(name, error);
  if (equals)
    return read_values(sweep, equals + 1, error);
  if (sweep->kind->standard)
    return read_values(sweep, sweep->kind->standard, error);
  return sweep->kind->names(sweep, error);
}
