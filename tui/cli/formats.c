/* qscope formats: the ways to store a number, or all codes of one of them. */
#include "analysis/export.h"
#include "quant/format.h"
#include "quant/quantizer.h"
#include "tui/cli/commands.h"
#include "tui/cli/table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static json_t *format_json(const struct format *format)
{
  json_t *row = json_object();
  json_object_set_new(row, "name", json_string(format->name));
  json_object_set_new(row, "aliases", json_string(format->aliases));
  json_object_set_new(row, "bits", json_integer(format->bits));
  json_object_set_new(row, "bits_per_element", export_number(format_stored_bits(format)));
  json_object_set_new(row, "max", export_number(format_max(format)));
  json_object_set_new(row, "min_normal", export_number(format_min_normal(format)));
  json_object_set_new(row, "min_subnormal", export_number(format_min_subnormal(format)));
  json_object_set_new(row, "levels", json_integer((long long)format_levels(format, false, false)));
  json_object_set_new(row, "summary", json_string(format->summary));
  return row;
}

/* Nothing where there is no such number. */
static const char *number_text(double number, char text[32])
{
  text[0] = 0;
  if (!isnan(number))
    snprintf(text, 32, "%.6g", number);
  return text;
}

static bool add_format(struct table *table, const struct format *format)
{
  char bits[16], levels[32], most[32], normal[32], subnormal[32];
  snprintf(bits, sizeof bits, "%.5g", format_stored_bits(format));
  snprintf(levels, sizeof levels, "%zu", format_levels(format, false, false));
  return table_add(
      table, (const char *const[]){
                 format->name, format->aliases, bits, levels, number_text(format_max(format), most),
                 number_text(format_min_normal(format), normal),
                 number_text(format_min_subnormal(format), subnormal), format->summary});
}

static enum status list_formats(const struct options *options, struct error *error)
{
  if (options->style == REPORT_JSON) {
    json_t *rows = json_array();
    for (size_t i = 0; i < format_table_length; i++)
      json_array_append_new(rows, format_json(&format_table[i]));
    export_json(rows, stdout);
    return STATUS_OK;
  }
  struct table table = {.columns = 8, .right = 0x7c};
  bool good = table_add(&table, (const char *const[]){"format", "also", "bits", "levels", "largest",
                                                      "min normal", "min subnormal", "what it is"});
  for (size_t i = 0; i < format_table_length && good; i++)
    good = add_format(&table, &format_table[i]);
  return table_finish(&table, good, options->style == REPORT_CSV, error);
}

/* --- the values of one ---------------------------------------------------------------------- */

struct code_text {
  char code[16], bits[32];
};

static struct code_text code_text(const struct format *format, uint32_t code)
{
  struct code_text text;
  snprintf(text.code, sizeof text.code, "0x%0*x", (format->bits + 3) / 4, code);
  for (int bit = 0; bit < format->bits; bit++)
    text.bits[bit] = "01"[code >> (format->bits - 1 - bit) & 1];
  text.bits[format->bits] = 0;
  return text;
}

static enum status values_json(const struct format *format)
{
  json_t *root = format_json(format), *values = json_array();
  for (uint32_t code = 0; code < format_codes(format); code++) {
    json_t *row = json_object();
    double value = (double)format_decode(format, code);
    json_object_set_new(row, "code", json_integer(code));
    json_object_set_new(row, "bits", json_string(code_text(format, code).bits));
    json_object_set_new(row, "value",
                        isinf(value) ? json_string(value > 0 ? "inf" : "-inf")
                                     : export_number(value));
    json_array_append_new(values, row);
  }
  json_object_set_new(root, "values", values);
  export_json(root, stdout);
  return STATUS_OK;
}

static enum status list_values(const struct options *options, const struct format *format,
                               struct error *error)
{
  if (options->style == REPORT_JSON)
    return values_json(format);
  struct table table = {.columns = 3, .right = 0x4};
  bool good = table_add(&table, (const char *const[]){"code", "bits", "value"});
  for (uint32_t code = 0; code < format_codes(format) && good; code++) {
    struct code_text text = code_text(format, code);
    char value[32];
    float decoded = format_decode(format, code);
    snprintf(value, sizeof value, "%.9g", (double)(isnan(decoded) ? NAN : decoded));
    good = table_add(&table, (const char *const[]){text.code, text.bits, value});
  }
  return table_finish(&table, good, options->style == REPORT_CSV, error);
}

enum status formats_run(const struct options *options, struct error *error)
{
  struct quantizer quantizer;
  if (!options->values)
    return list_formats(options, error);
  const struct format *format = format_find(options->values);
  if (!format) { /* codebook=FILE, and the message for what is no format */
    enum status status = quantizer_parse(options->values, &quantizer, error);
    if (status != STATUS_OK)
      return status;
    format = quantizer.format;
  }
  if (format->learned)
    return error_set(error, STATUS_USAGE, "--values: the levels of %s are learned from a tensor",
                     format->name);
  if (format->bits > FORMAT_CODE_BITS)
    return error_set(error, STATUS_USAGE,
                     "--values: %s has %d bits; formats of up to %d are listed", format->name,
                     format->bits, FORMAT_CODE_BITS);
  return list_values(options, format, error);
}
