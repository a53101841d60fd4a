/* qscope list: the tensors of a source. */
#include "analysis/catalog.h"
#include "analysis/export.h"
#include "analysis/purpose.h"
#include "data/source.h"
#include "quant/base/size.h"
#include "tui/cli/commands.h"
#include "tui/cli/table.h"
#include "tui/cli/work.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SHAPE_TEXT = 24 * SHAPE_MAX_DIMS };

static json_t *shape_json(const struct shape *shape)
{
  json_t *array = json_array();
  for (unsigned i = 0; i < shape->dims; i++)
    json_array_append_new(array, json_integer((json_int_t)shape->dim[i]));
  return array;
}

/* What is listed: the rows of the catalog, with their statistics where those are asked for. */
struct listing {
  struct source *source;
  struct catalog *catalog; /* NULL: everything, in the order of the file */
  struct stats *stats;     /* NULL: none */
  bool shows_stats, tree;
};

static size_t rows_of(const struct listing *listing)
{
  return listing->catalog ? catalog_rows(listing->catalog) : source_count(listing->source);
}

static struct catalog_row row_at(const struct listing *listing, size_t row)
{
  if (listing->catalog)
    return catalog_row(listing->catalog, row);
  const struct tensor *tensor = source_tensor(listing->source, row);
  return (struct catalog_row){.tensor = (uint32_t)row,
                              .label = tensor->name,
                              .label_size = strlen(tensor->name),
                              .tensors = 1,
                              .elements = (double)tensor->count,
                              .bytes = (double)tensor->bytes,
                              .stored = tensor->stored};
}

static const char *const stat_words[STAT_COUNT] = {
    [STAT_ABSMAX] = "absmax",   [STAT_STD] = "std",      [STAT_KURTOSIS] = "kurtosis",
    [STAT_OUTLIER] = "outlier", [STAT_SQNR] = "sqnr_db", [STAT_CLIP] = "clip_rate",
};

static void stats_json(json_t *row, const struct stats *stats)
{
  for (int i = 0; i < STAT_COUNT; i++)
    json_object_set_new(row, stat_words[i],
                        stats->state == STATS_KNOWN && isfinite(stats->value[i])
                            ? json_real(stats->value[i])
                            : json_null());
}

static json_t *tensor_json(const struct listing *listing, size_t index)
{
  const struct source *source = listing->source;
  const struct tensor *tensor = source_tensor(source, index);
  json_t *row = json_object();
  json_object_set_new(row, "name", export_text(tensor->name));
  json_object_set_new(row, "stored", json_string(tensor->stored->name));
  json_object_set_new(row, "shape", shape_json(&tensor->shape));
  json_object_set_new(row, "elements", json_integer((json_int_t)tensor->count));
  json_object_set_new(row, "bytes", json_integer((json_int_t)tensor->bytes));
  json_object_set_new(row, "role", json_string(purpose_table[purpose_of(tensor)].word));
  if (tensor->derived)
    json_object_set_new(row, "derived", json_true());
  if (listing->shows_stats)
    stats_json(row, &listing->stats[index]);
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

static struct totals totals_of(const struct listing *listing)
{
  struct totals totals = {.tensors = 0};
  for (size_t i = 0; i < rows_of(listing); i++) {
    size_t index = row_at(listing, i).tensor;
    if (index == CATALOG_NONE)
      continue;
    const struct tensor *tensor = source_tensor(listing->source, index);
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

static json_t *totals_json(const struct listing *listing)
{
  const struct totals totals = totals_of(listing);
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
static void print_totals(const struct listing *listing)
{
  const struct totals totals = totals_of(listing);
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
static void list_json(const struct listing *listing, bool metadata)
{
  const struct source *source = listing->source;
  size_t rows = rows_of(listing);
  print_member("{\n  \"source\": ", export_text(source_spec(source)));
  print_member(",\n  \"type\": ", json_string(source_type_name(source)));
  if (metadata)
    print_member(",\n  \"metadata\": ", metadata_json(source));
  fputs(",\n  \"tensors\": [", stdout);
  for (size_t i = 0; i < rows; i++)
    print_member(i ? ",\n    " : "\n    ", tensor_json(listing, row_at(listing, i).tensor));
  fputs(rows ? "\n  ]" : "]", stdout);
  print_member(",\n  \"totals\": ", totals_json(listing));
  if (*source_note(source))
    print_member(",\n  \"note\": ", export_text(source_note(source)));
  fputs("\n}\n", stdout);
}

/* --- the table ------------------------------------------------------------------------------ */

enum { NAME, STORED, SHAPE, ELEMENTS, BYTES, ROLE, STATS, REMARK = STATS + STAT_COUNT, COLUMNS };

enum { CELL = 24 * SHAPE_MAX_DIMS };
struct line {
  const char *column[COLUMNS];
  char text[COLUMNS][CELL];
  char *name; /* of a row of the tree, made here */
};

static void fill_stats(const struct listing *listing, const struct catalog_row *row,
                       struct line *line)
{
  static const char *const missing[] = {[STATS_NONE] = "-", [STATS_COMPRESSED] = "-"};
  for (int i = 0; i < STAT_COUNT; i++) {
    double value;
    enum stats_state state = catalog_stat(listing->catalog, row, (enum stat)i, &value);
    char *text = line->text[STATS + i];
    if (state != STATS_KNOWN || isnan(value))
      snprintf(text, CELL, "%s", state != STATS_KNOWN && missing[state] ? missing[state] : "-");
    else if (isinf(value))
      snprintf(text, CELL, "%s", i == STAT_SQNR && value > 0 ? "exact" : "inf");
    else
      snprintf(text, CELL, "%.6g", value);
    line->column[STATS + i] = text;
  }
}

static bool fill_name(const struct listing *listing, const struct catalog_row *row,
                      struct line *line)
{
  size_t indent = listing->tree ? 2 * (size_t)row->depth : 0, size = indent + row->label_size + 2;
  line->name = mem_array(size, 1);
  if (line->name)
    snprintf(line->name, size, "%*s%.*s%s", (int)indent, "", (int)row->label_size, row->label,
             row->tensor == CATALOG_NONE ? "/" : "");
  line->column[NAME] = line->name;
  return line->name;
}

static bool fill(const struct listing *listing, size_t at, struct line *line)
{
  const struct catalog_row row = row_at(listing, at);
  const struct tensor *tensor =
      row.tensor == CATALOG_NONE ? NULL : source_tensor(listing->source, row.tensor);
  line->column[STORED] = row.stored ? row.stored->name : "mixed";
  line->column[SHAPE] = tensor ? shape_print(&tensor->shape, line->text[SHAPE], CELL) : "";
  if (!tensor)
    snprintf(line->text[SHAPE], CELL, "%zu tensor%s", row.tensors, row.tensors == 1 ? "" : "s");
  line->column[SHAPE] = line->text[SHAPE];
  snprintf(line->text[ELEMENTS], CELL, "%.0f", row.elements);
  line->column[ELEMENTS] = line->text[ELEMENTS];
  snprintf(line->text[BYTES], CELL, "%.0f", row.bytes);
  line->column[BYTES] = line->text[BYTES];
  line->column[ROLE] = tensor ? purpose_table[purpose_of(tensor)].word : "";
  line->column[REMARK] = tensor ? source_remark(listing->source, row.tensor) : "";
  if (listing->shows_stats)
    fill_stats(listing, &row, line);
  return fill_name(listing, &row, line);
}

/* The column of remarks is there when the source has any. */
static bool has_remarks(const struct source *source)
{
  for (size_t i = 0; i < source_count(source); i++)
    if (*source_remark(source, i))
      return true;
  return false;
}

static size_t choose_columns(const struct listing *listing, int *chosen)
{
  bool remarks = has_remarks(listing->source);
  size_t count = 0;
  for (int i = 0; i < COLUMNS; i++)
    if (i < ROLE || (i < REMARK ? listing->shows_stats : remarks))
      chosen[count++] = i;
  return count;
}

static bool add_line(struct table *table, const int *chosen, const struct line *line)
{
  const char *cells[COLUMNS];
  for (size_t i = 0; i < table->columns; i++)
    cells[i] = line->column[chosen[i]];
  return table_add(table, cells);
}

static enum status list_table(const struct listing *listing, enum report_style style,
                              struct error *error)
{
  struct line line = {.column = {"name", "stored", "shape", "elements", "bytes", "role", "absmax",
                                 "std", "kurtosis", "outlier", "sqnr_db", "clip_rate", "remark"}};
  int chosen[COLUMNS];
  struct table table = {.columns = choose_columns(listing, chosen)};
  for (size_t i = 0; i < table.columns; i++)
    if (chosen[i] == ELEMENTS || chosen[i] == BYTES || (chosen[i] >= STATS && chosen[i] < REMARK))
      table.right |= 1U << i;
  bool good = add_line(&table, chosen, &line);
  for (size_t i = 0; i < rows_of(listing) && good; i++) {
    good = fill(listing, i, &line) && add_line(&table, chosen, &line);
    free(line.name);
  }
  enum status status = table_finish(&table, good, style == REPORT_CSV, error);
  if (status == STATUS_OK && style == REPORT_TEXT)
    print_totals(listing);
  return status;
}

/* --- what is listed ------------------------------------------------------------------------- */

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
    fprintf(stderr, "qscope: %s: %s\n",
            text_escape(source_title(source_spec(source)), shown, sizeof shown),
            source_note(source));
}

/* A sort or a filter by statistics needs them, too. */
static bool needs_stats(const struct options *options, enum catalog_key key)
{
  struct filter filter;
  return options->stats || key >= KEY_ABSMAX ||
         (options->filter && filter_parse(options->filter, &filter, NULL) == STATUS_OK &&
          filter.asks_stats);
}

static enum status read_request(const struct options *options, enum catalog_key *key, bool *reverse,
                                struct error *error)
{
  struct filter unused;
  enum status status = STATUS_OK;
  *key = options->tree ? KEY_NAME : KEY_FILE;
  *reverse = false;
  if (options->tree && options->style != REPORT_TEXT)
    return error_set(error, STATUS_USAGE,
                     "list: --tree is a table for people; JSON and CSV have the whole names");
  if (options->sort &&
      (status = catalog_key_parse(options->sort, key, reverse, error)) != STATUS_OK)
    error_prefix(error, "list: --sort: ");
  else if (options->filter && (status = filter_parse(options->filter, &unused, error)) != STATUS_OK)
    error_prefix(error, "list: --filter: ");
  return status;
}

static enum status make_listing(struct listing *listing, const struct options *options,
                                enum catalog_key key, bool reverse, struct error *error)
{
  const struct quantizer quantizer =
      options->quantizers ? options->quantizer[0] : work_default_quantizer();
  enum status status = STATUS_OK;
  if (needs_stats(options, key))
    status =
        work_stats(listing->source, &quantizer, options->view.axis, &listing->stats, NULL, error);
  if (status != STATUS_OK || !(listing->stats || options->sort || options->filter || options->tree))
    return status;
  listing->catalog = catalog_new(listing->source, listing->stats);
  if (!listing->catalog)
    return error_memory(error, "the list of tensors");
  catalog_sort(listing->catalog, key, reverse);
  catalog_open_all(listing->catalog, true);
  catalog_set_tree(listing->catalog, options->tree);
  return options->filter ? catalog_filter(listing->catalog, options->filter, error) : status;
}

static enum status print_listing(const struct listing *listing, const struct options *options,
                                 struct error *error)
{
  enum status status = STATUS_OK;
  if (options->style == REPORT_JSON)
    list_json(listing, options->metadata);
  else if (options->metadata)
    status = list_metadata(listing->source, options->style, error);
  else
    status = list_table(listing, options->style, error);
  if (status == STATUS_OK && options->style != REPORT_JSON)
    print_note(listing->source);
  return status;
}

enum status list_run(const struct options *options, struct error *error)
{
  struct listing listing = {.shows_stats = options->stats, .tree = options->tree};
  enum catalog_key key;
  bool reverse;
  if (options->operands == 0)
    return error_set(error, STATUS_USAGE, "list: expected a SOURCE; see qscope list --help");
  enum status status = read_request(options, &key, &reverse, error);
  if (status == STATUS_OK)
    status = source_open_as(options->operand[0], options->input_format, &listing.source, error);
  if (status != STATUS_OK)
    return status;
  status = make_listing(&listing, options, key, reverse, error);
  if (status == STATUS_OK)
    status = print_listing(&listing, options, error);
  catalog_free(listing.catalog);
  free(listing.stats);
  source_close(listing.source);
  return status;
}
