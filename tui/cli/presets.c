/* qscope presets: quantizers by the names of the systems that make them so. */
#include "analysis/export.h"
#include "quant/preset.h"
#include "quant/quantizer.h"
#include "quant/scale_rule.h"
#include "tui/cli/commands.h"

#include <stdio.h>

/* What the calibrator takes: its parameter and its options by their words. */
static json_t *numbers_json(const struct quantizer *quantizer)
{
  const struct calibrator *calibrator = quantizer->calibrator;
  json_t *numbers = json_object();
  if (calibrator->parameter)
    json_object_set_new(numbers, calibrator->parameter, export_number(quantizer->parameter));
  for (size_t i = 0; i < CALIBRATOR_OPTIONS && calibrator->option[i].word; i++)
    json_object_set_new(numbers, calibrator->option[i].word, export_number(quantizer->option[i]));
  return numbers;
}

/* The least scale: as written, or as the rule has it. */
static json_t *eps_json(const struct quantizer *quantizer)
{
  double eps = quantizer->eps > 0 ? quantizer->eps : quantizer->rule ? quantizer->rule->eps : 0;
  return eps > 0 ? export_number(eps) : json_null();
}

/* The parts of a preset, as its quantizer has them. */
static void add_parts(json_t *object, const struct quantizer *quantizer)
{
  const struct calibrator *calibrator =
      quantizer->by == BY_CALIBRATOR ? quantizer->calibrator : NULL;
  char text[QUANTIZER_TEXT];
  long lowest, highest;
  json_object_set_new(object, "expanded", json_string(quantizer_print(quantizer, text)));
  json_object_set_new(object, "format", json_string(quantizer->format->name));
  json_object_set_new(object, "symmetric", json_boolean(!quantizer->asymmetric));
  json_object_set_new(object, "granularity", json_string(quantizer_granularity_name(quantizer)));
  json_object_set_new(object, "calibrator",
                      calibrator ? json_string(calibrator->name) : json_null());
  json_object_set_new(object, "calibrator_numbers",
                      calibrator ? numbers_json(quantizer) : json_null());
  json_object_set_new(object, "eps", eps_json(quantizer));
  json_object_set_new(object, "scale_rule",
                      quantizer->rule ? json_string(quantizer->rule->name) : json_null());
  json_object_set_new(object, "scale_formula",
                      quantizer->rule ? json_string(quantizer->rule->formula) : json_null());
  json_object_set_new(object, "arithmetic",
                      json_string(quantizer_arithmetic_name(quantizer->arithmetic)));
  if (!format_is_integer(quantizer->format))
    return;
  quantizer_code_range(quantizer, &lowest, &highest);
  json_object_set_new(object, "codes",
                      json_pack("[I, I]", (json_int_t)lowest, (json_int_t)highest));
}

static enum status preset_json(const struct preset *row, json_t *rows, struct error *error)
{
  struct quantizer quantizer;
  enum status status = quantizer_parse(row->spec, &quantizer, error);
  if (status != STATUS_OK)
    return status;
  json_t *object = json_object();
  json_object_set_new(object, "name", json_string(row->name));
  json_object_set_new(object, "system", json_string(row->system));
  json_object_set_new(object, "spec", json_string(row->spec));
  json_object_set_new(object, "rules", json_string(row->rules));
  json_object_set_new(object, "differs", json_string(row->differs));
  json_object_set_new(object, "reference", json_string(row->reference));
  add_parts(object, &quantizer);
  json_array_append_new(rows, object);
  return STATUS_OK;
}

static enum status list_json(struct error *error)
{
  json_t *rows = json_array();
  enum status status = STATUS_OK;
  for (size_t i = 0; i < preset_table_length && status == STATUS_OK; i++)
    status = preset_json(&preset_table[i], rows, error);
  if (status == STATUS_OK)
    export_json(rows, stdout);
  else
    json_decref(rows);
  return status;
}

/* Some lines each: a table with all of it would be wider than a screen. */
enum status presets_run(const struct options *options, struct error *error)
{
  if (options->style == REPORT_JSON)
    return list_json(error);
  for (size_t i = 0; i < preset_table_length; i++) {
    const struct preset *row = &preset_table[i];
    printf("%s  (%s)\n  rules:    %s\n  differs:  %s\n  spec:     %s\n", row->name, row->system,
           row->rules, row->differs, row->spec);
  }
  return STATUS_OK;
}
