/* qscope formats: the ways to store a number. */
#include "analysis/export.h"
#include "quant/format.h"
#include "tui/cli/commands.h"
#include "tui/cli/table.h"

#include <stdio.h>

static json_t *format_json(const struct format *format)
{
  json_t *row = json_object();
  json_object_set_new(row, "name", json_string(format->name));
  json_object_set_new(row, "aliases", json_string(format->aliases));
  json_object_set_new(row, "bits", json_integer(format->bits));
  json_object_set_new(row, "bits_per_element", export_number(format_stored_bits(format)));
  json_object_set_new(row, "max", export_number(format_max(format)));
  json_object_set_new(row, "summary", json_string(format->summary));
  return row;
}

static bool add_format(struct table *table, const struct format *format)
{
  char bits[16], most[32];
  snprintf(bits, sizeof bits, "%.5g", format_stored_bits(format));
  snprintf(most, sizeof most, "%g", format_max(format));
  return table_add(
      table, (const char *const[]){format->name, format->aliases, bits, most, format->summary});
}

enum status formats_run(const struct options *options, struct error *error)
{
  if (options->style == REPORT_JSON) {
    json_t *rows = json_array();
    for (size_t i = 0; i < format_table_length; i++)
      json_array_append_new(rows, format_json(&format_table[i]));
    export_json(rows, stdout);
    return STATUS_OK;
  }
  struct table table = {.columns = 5, .right = 1 << 2 | 1 << 3};
  bool good =
      table_add(&table, (const char *const[]){"format", "also", "bits", "largest", "what it is"});
  for (size_t i = 0; i < format_table_length && good; i++)
    good = add_format(&table, &format_table[i]);
  return table_finish(&table, good, false, error);
}
