/* qscope methods: the methods of the layer lab, and what may follow their names. */
#include "analysis/export.h"
#include "quant/layer/method.h"
#include "tui/cli/commands.h"
#include "tui/cli/table.h"

#include <stdio.h>

static const char *const kinds[] = {
    [METHOD_FLAG] = "flag", [METHOD_NUMBER] = "number", [METHOD_CHOICE] = "choice"};

static json_t *default_json(const struct method_option *option)
{
  char word[METHOD_TEXT];
  if (option->kind == METHOD_FLAG)
    return json_false();
  if (option->kind == METHOD_CHOICE)
    return json_string(method_option_print(option, option->value, word));
  return method_option_is_automatic(option, option->value) ? json_null()
                                                           : export_number(option->value);
}

static json_t *option_json(const struct method_option *option)
{
  const bool number = option->kind == METHOD_NUMBER;
  json_t *object = json_object(), *choices = json_array();
  const char *at;
  int length;
  for (size_t i = 0; (at = method_option_word(option, i, &length)); i++)
    json_array_append_new(choices, json_stringn(at, (size_t)length));
  json_object_set_new(object, "word", json_string(option->word));
  json_object_set_new(object, "kind", json_string(kinds[option->kind]));
  json_object_set_new(object, "default", default_json(option));
  json_object_set_new(object, "least", number ? export_number(option->least) : json_null());
  json_object_set_new(object, "most", number ? export_number(option->most) : json_null());
  json_object_set_new(object, "whole", number ? json_boolean(option->whole) : json_null());
  json_object_set_new(object, "choices", choices);
  json_object_set_new(object, "summary", json_string(option->summary));
  return object;
}

static json_t *method_json(const struct method *method)
{
  json_t *object = json_object(), *options = json_array();
  for (size_t i = 0; i < method_option_count(method); i++)
    json_array_append_new(options, option_json(&method->option[i]));
  json_object_set_new(object, "name", json_string(method->name));
  json_object_set_new(object, "summary", json_string(method->summary));
  json_object_set_new(object, "why", json_string(method->why));
  json_object_set_new(object, "reference",
                      method->reference ? json_string(method->reference) : json_null());
  json_object_set_new(object, "options", options);
  return object;
}

/* "  ,damp=N", "0.01" and what it is. */
static bool add_option(struct table *table, const struct method_option *option)
{
  static const char *const values[] = {
      [METHOD_FLAG] = "", [METHOD_NUMBER] = "=N", [METHOD_CHOICE] = "=WORD"};
  char word[96], value[METHOD_TEXT], summary[256];
  snprintf(word, sizeof word, "  ,%s%s", option->word, values[option->kind]);
  snprintf(summary, sizeof summary, "%s", option->summary);
  if (option->kind == METHOD_CHOICE)
    snprintf(summary, sizeof summary, "%s: %s", option->summary, option->choices);
  method_option_print(option, option->value, value);
  return table_add(table, (const char *const[]){word, value, summary});
}

static bool add_method(struct table *table, const struct method *method)
{
  bool good = table_add(table, (const char *const[]){method->name, "", method->summary}) &&
              table_add(table, (const char *const[]){"", "", method->why});
  for (size_t i = 0; i < method_option_count(method) && good; i++)
    good = add_option(table, &method->option[i]);
  return good;
}

enum status methods_run(const struct options *options, struct error *error)
{
  if (options->style == REPORT_JSON) {
    json_t *rows = json_array();
    for (size_t i = 0; i < method_table_length; i++)
      json_array_append_new(rows, method_json(&method_table[i]));
    export_json(rows, stdout);
    return STATUS_OK;
  }
  struct table table = {.columns = 3};
  bool good = table_add(&table, (const char *const[]){"method", "default", "what it does"});
  for (size_t i = 0; i < method_table_length && good; i++)
    good = add_method(&table, &method_table[i]);
  return table_finish(&table, good, false, error);
}
