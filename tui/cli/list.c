/* qscope list: the tensors of a source. */
#include "analysis/export.h"
#include "data/source.h"
#include "tui/cli/commands.h"
#include "tui/cli/table.h"

#include <stdio.h>
#include <unistd.h>

enum { SHAPE_TEXT = 24 * SHAPE_MAX_DIMS };

static json_t *shape_json(const struct shape *shape)
{
  json_t *array = json_array();
  for (unsigned i = 0; i < shape->dims; i++)
    json_array_append_new(array, json_integer((json_int_t)shape->dim[i]));
  return array;
}

static json_t *tensor_json(const struct source *source, size_t index)
{
  const struct tensor *tensor = source_tensor(source, index);
  json_t *row = json_object();
  json_object_set_new(row, "name", export_text(tensor->name));
  json_object_set_new(row, "stored", json_string(tensor->stored->name));
  json_object_set_new(row, "shape", shape_json(&tensor->shape));
  json_object_set_new(row, "elements", json_integer((json_int_t)tensor->count));
  json_object_set_new(row, "bytes", json_integer((json_int_t)tensor->bytes));
  if (tensor->derived)
    json_object_set_new(row, "derived", json_true());
  if (*source_remark(source, index))
    json_object_set_new(row, "remark", export_text(source_remark(source, index)));
  return row;
}

static json_t *metadata_json(const struct source *source)
{
  json_t *array = json_array();
  for (size_t i = 0; i < source_metadata_count(source); i++) {
    const struct metadatum *metadatum = source_metadatum(source, i);
    json_t *object = json_object();
    json_object_set_new(object, "key", export_text(metadatum->key));
    json_object_set_new(object, "value", export_text(metadatum->value));
    json_array_append_new(array, object);
  }
  return array;
}

/* Of what is stored: derived tensors are made of it. */
struct totals {
  size_t tensors, derived;
  double elements, bytes; /* views may repeat elements beyond any integer */
};

static struct totals totals_of(const struct source *source)
{
  struct totals totals = {.tensors = 0};
  for (size_t i = 0; i < source_count(source); i++) {
    const struct tensor *tensor = source_tensor(source, i);
    totals.tensors += !tensor->derived;
    totals.derived += tensor->derived != NULL;
    totals.elements += tensor->derived ? 0 : (double)tensor->count;
    totals.bytes += tensor->derived ? 0 : (double)tensor->bytes;
  }
  return totals;
}

static json_t *whole_number(double value)
{
  return value < 0x1p53 ? json_integer((json_int_t)value) : json_real(value);
}

static json_t *totals_json(const struct source *source)
{
  const struct totals totals = totals_of(source);
  json_t *object = json_object();
  json_object_set_new(object, "tensors", json_integer((json_int_t)totals.tensors));
  json_object_set_new(object, "elements", whole_number(totals.elements));
  json_object_set_new(object, "bytes", whole_number(totals.bytes));
  json_object_set_new(object, "bits_per_element",
                      totals.elements > 0 ? json_real(8 * totals.bytes / totals.elements)
                                          : json_null());
  return object;
}

/* For people: what reads a table from a pipe wants rows of tensors alone. */
static void print_totals(const struct source *source)
{
  const struct totals totals = totals_of(source);
  if (totals.tensors < 2 || !isatty(STDOUT_FILENO))
    return;
  printf("\n%zu tensors, %.0f elements, %.0f bytes", totals.tensors, totals.elements, totals.bytes);
  if (totals.elements > 0)
    printf(", %.4g bits per element", 8 * totals.bytes / totals.elements);
  if (totals.derived > 0)
    printf("; %zu derived from them", totals.derived);
  putchar('\n');
}

static void print_member(const char *before, json_t *value)
{
  fputs(before, stdout);
  json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
  json_decref(value);
}

/* One line for each tensor, as it is made: a tree of a million takes a gigabyte. */
static void list_json(const struct source *source, bool metadata)
{
  print_member("{\n  \"source\": ", export_text(source_spec(source)));
  print_member(",\n  \"type\": ", json_string(source_type_name(source)));
  if (metadata)
    print_member(",\n  \"metadata\": ", metadata_json(source));
  fputs(",\n  \"tensors\": [", stdout);
  for (size_t i = 0; i < source_count(source); i++)
    print_member(i ? ",\n    " : "\n    ", tensor_json(source, i));
  fputs(source_count(source) ? "\n  ]" : "]", stdout);
  print_member(",\n  \"totals\": ", totals_json(source));
  if (*source_note(source))
    print_member(",\n  \"note\": ", export_text(source_note(source)));
  fputs("\n}\n", stdout);
}

static bool add_tensor(struct table *table, const struct source *source, size_t index)
{
  const struct tensor *tensor = source_tensor(source, index);
  char shape[SHAPE_TEXT], elements[24], bytes[24];
  snprintf(elements, sizeof elements, "%zu", tensor->count);
  snprintf(bytes, sizeof bytes, "%zu", tensor->bytes);
  return table_add(table, (const char *const[]){tensor->name, tensor->stored->name,
                                                shape_print(&tensor->shape, shape, sizeof shape),
                                                elements, bytes, source_remark(source, index)});
}

/* The column of remarks is there when the source has any. */
static size_t table_width(const struct source *source)
{
  for (size_t i = 0; i < source_count(source); i++)
    if (*source_remark(source, i))
      return 6;
  return 5;
}

static enum status list_table(const struct source *source, enum report_style style,
                              struct error *error)
{
  struct table table = {.columns = table_width(source), .right = 1 << 3 | 1 << 4};
  bool good = table_add(
      &table, (const char *const[]){"name", "stored", "shape", "elements", "bytes", "remark"});
  for (size_t i = 0; i < source_count(source) && good; i++)
    good = add_tensor(&table, source, i);
  enum status status = table_finish(&table, good, style == REPORT_CSV, error);
  if (status == STATUS_OK && style == REPORT_TEXT)
    print_totals(source);
  return status;
}

/* In place of the tensors. */
static enum status list_metadata(const struct source *source, enum report_style style,
                                 struct error *error)
{
  struct table table = {.columns = 2};
  bool good = table_add(&table, (const char *const[]){"key", "value"});
  for (size_t i = 0; i < source_metadata_count(source) && good; i++) {
    const struct metadatum *metadatum = source_metadatum(source, i);
    good = table_add(&table, (const char *const[]){metadatum->key, metadatum->value});
  }
  return table_finish(&table, good, style == REPORT_CSV, error);
}

/* On standard error; JSON has it inside. */
static void print_note(const struct source *source)
{
  char shown[256];
  if (*source_note(source))
    fprintf(stderr, "qscope: %s: %s\n", text_escape(source_spec(source), shown, sizeof shown),
            source_note(source));
}

enum status list_run(const struct options *options, struct error *error)
{
  struct source *source;
  if (options->operands == 0)
    return error_set(error, STATUS_USAGE, "list: expected a SOURCE; see qscope list --help");
  enum status status = source_open_as(options->operand[0], options->input_format, &source, error);
  if (status != STATUS_OK)
    return status;
  if (options->style == REPORT_JSON)
    list_json(source, options->metadata);
  else if (options->metadata)
    status = list_metadata(source, options->style, error);
  else
    status = list_table(source, options->style, error);
  if (status == STATUS_OK && options->style != REPORT_JSON)
    print_note(source);
  source_close(source);
  return status;
}
