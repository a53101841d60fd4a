/* qscope calibrators: the ways to choose a range, and to make a scale of it. */
#include "analysis/export.h"
#include "quant/calibrator.h"
#include "quant/scale_rule.h"
#include "tui/cli/commands.h"
#include "tui/cli/table.h"

#include <stdio.h>

static json_t *word_or_null(const char *text)
{
  return text ? json_string(text) : json_null();
}

/* The further numbers it takes as words of a spec. */
static json_t *options_json(const struct calibrator *row)
{
  json_t *options = json_array();
  for (size_t i = 0; i < CALIBRATOR_OPTIONS && row->option[i].word; i++) {
    const struct calibrator_option *option = &row->option[i];
    json_t *object = json_object();
    json_object_set_new(object, "word", json_string(option->word));
    json_object_set_new(object, "default", export_number(option->value));
    json_object_set_new(object, "least", export_number(option->least));
    json_object_set_new(object, "most", export_number(option->most));
    json_object_set_new(object, "summary", word_or_null(option->summary));
    json_array_append_new(options, object);
  }
  return options;
}

static json_t *calibrator_json(const struct calibrator *row)
{
  json_t *object = json_object();
  json_object_set_new(object, "kind", json_string("calibrator"));
  json_object_set_new(object, "name", json_string(row->name));
  json_object_set_new(object, "parameter", word_or_null(row->parameter));
  json_object_set_new(object, "default",
                      row->parameter ? export_number(row->default_value) : json_null());
  json_object_set_new(object, "options", options_json(row));
  json_object_set_new(object, "running", json_boolean(row->running));
  json_object_set_new(object, "summary", json_string(row->summary));
  json_object_set_new(object, "explanation", word_or_null(row->explanation));
  json_object_set_new(object, "reference", word_or_null(row->reference));
  return object;
}

static json_t *rule_json(const struct scale_rule *row)
{
  return json_pack("{s:s, s:s, s:s, s:b, s:b, s:s?}", "kind", "scale-rule", "name", row->name,
                   "formula", row->formula, "symmetric", row->symmetric, "asymmetric",
                   row->asymmetric, "reference", row->reference);
}

static enum status list_rules(struct error *error)
{
  struct table table = {.columns = 3};
  bool good = table_add(&table, (const char *const[]){"scale rule", "scheme", "8 bits"});
  for (size_t i = 0; i < scale_rule_table_length && good; i++) {
    const struct scale_rule *row = &scale_rule_table[i];
    const char *scheme = !row->asymmetric ? "sym" : row->symmetric ? "both" : "asym";
    good = table_add(&table, (const char *const[]){row->name, scheme, row->formula});
  }
  return table_finish(&table, good, false, error);
}

static bool add_calibrator(struct table *table, const struct calibrator *row)
{
  char word[64], value[32] = "";
  snprintf(word, sizeof word, row->parameter ? "%s=%s" : "%s", row->name, row->parameter);
  if (row->parameter)
    snprintf(value, sizeof value, "%g", row->default_value);
  return table_add(table, (const char *const[]){word, value, row->summary});
}

enum status calibrators_run(const struct options *options, struct error *error)
{
  if (options->style == REPORT_JSON) {
    json_t *rows = json_array();
    for (size_t i = 0; i < calibrator_table_length; i++)
      json_array_append_new(rows, calibrator_json(&calibrator_table[i]));
    for (size_t i = 0; i < scale_rule_table_length; i++)
      json_array_append_new(rows, rule_json(&scale_rule_table[i]));
    export_json(rows, stdout);
    return STATUS_OK;
  }
  struct table table = {.columns = 3};
  bool good = table_add(&table, (const char *const[]){"calibrator", "default", "what it does"});
  for (size_t i = 0; i < calibrator_table_length && good; i++)
    good = add_calibrator(&table, &calibrator_table[i]);
  enum status status = table_finish(&table, good, false, error);
  putchar('\n');
  return status == STATUS_OK ? list_rules(error) : status;
}
