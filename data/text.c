/* Tables of numbers in text: comma-, semicolon-, tab- or blank-separated. When it is opened, the
 * rows are counted; when a tensor of it is loaded, all numbers are read at once into one matrix,
 * of which the columns are views. */
#include "config.h"

#include "data/text.h"

#include "data/source_types.h"
#include "quant/base/size.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
  COLUMNS_MOST = 1024, /* that are offered one by one */
  NAME_MOST = 200,     /* bytes of a column's name */
};

/* A cell that is no number, in a column of numbers. */
struct bad_cell {
  struct text_cell cell;
  size_t line; /* 0: there is none */
};

struct text_state {
  struct text_table table;
  struct map *map;
  size_t rows;
  double *values;                 /* rows x table.numbers; NULL until loaded */
  size_t *place;                  /* of each column of numbers: in the table */
  struct bad_cell *bad;           /* of each column of numbers: the first */
  size_t again[COLUMNS_MOST + 1]; /* how often the name of each tensor was asked for once more */
};

bool text_tastes(const char *spec, const unsigned char *head, size_t length)
{
  static const char *const suffixes[] = {".csv", ".tsv", ".tab", ".txt", ".dat"};
  struct text_table table;
  for (size_t i = 0; length == 0 && i < sizeof suffixes / sizeof *suffixes; i++)
    if (text_ends(spec, suffixes[i]))
      return true;
  if (length == 0 || strchr("{[<", head[0]) || !text_is_text(head, length) ||
      text_table_find(head, length, length == SOURCE_HEAD, &table, NULL) != STATUS_OK)
    return false;
  text_table_clear(&table);
  return true;
}

/* --- rows ----------------------------------------------------------------------------------- */

/* Rows begin at the first that the table found. */
static struct text_line before_first(const struct text_table *table)
{
  return (struct text_line){.number = table->first.number - 1};
}

static size_t count_rows(const struct text_table *table, struct progress *meter)
{
  enum { TELL = 1 << 20 };
  struct text_line line = before_first(table);
  const unsigned char *at = table->first.begin, *told = at;
  size_t rows = 0;
  while (!progress_cancelled(meter) &&
         text_next_row(&table->style, &at, table->end, &line, NULL, NULL)) {
    rows++;
    if (at - told < TELL)
      continue;
    progress_advance(meter, (size_t)(at - told));
    told = at;
  }
  return rows;
}

/* The numbers of a row into VALUES. */
static enum status read_row(struct text_state *state, const struct text_line *line, double *values,
                            struct error *error)
{
  const struct text_table *table = &state->table;
  const unsigned char *at = line->begin;
  struct text_cell cell;
  size_t found = 0, taken = 0;
  for (;; found++) {
    bool wanted = found < table->columns && table->column[found] == COLUMN_NUMBERS;
    if (wanted && text_quick(&table->style, &at, line->end, &values[taken])) {
      taken++;
      continue;
    }
    if (!text_next(&table->style, &at, line->end, &cell))
      break;
    if (!wanted)
      continue;
    if (text_number(&table->style, &cell, &values[taken]) == TEXT_WORD &&
        state->bad[taken].line == 0)
      state->bad[taken] = (struct bad_cell){cell, line->number};
    taken++;
  }
  return found == table->columns ? STATUS_OK : text_ragged(table, line, found, error);
}

static enum status read_rows(struct text_state *state, double *values, struct progress *progress,
                             struct error *error)
{
  const struct text_table *table = &state->table;
  struct text_line line = before_first(table);
  const unsigned char *at = table->first.begin;
  enum status status = STATUS_OK;
  size_t row = 0;
  for (; row < state->rows && status == STATUS_OK; row++) {
    if (!text_next_row(&table->style, &at, table->end, &line, NULL, NULL))
      return error_set(error, STATUS_INPUT, "ends after %zu rows; expected %zu", row, state->rows);
    if (progress_cancelled(progress))
      return STATUS_CANCELLED;
    status = read_row(state, &line, values + row * table->numbers, error);
  }
  return status;
}

/* --- loading -------------------------------------------------------------------------------- */

static enum status read_values(struct text_state *state, struct progress *progress,
                               struct error *error)
{
  size_t numbers = state->rows * state->table.numbers; /* text_open has checked the bytes */
  if (numbers > source_memory() / 2 / sizeof(double))
    return error_set(error, STATUS_INPUT,
                     "%zu numbers need %zu bytes of memory, more than half of the machine's",
                     numbers, numbers * sizeof(double));
  double *values = mem_array(numbers, sizeof *values);
  if (!values)
    return error_memory(error, "the numbers of a text");
  enum status status = read_rows(state, values, progress, error);
  if (status == STATUS_OK)
    state->values = values;
  else
    free(values);
  return status;
}

/* The matrix, where it is offered, is tensor 0; INDEX of a column of numbers among them. */
static bool is_matrix(const struct text_state *state, size_t index)
{
  return index == 0 && state->table.numbers > 1;
}

static const struct bad_cell *bad_of(const struct text_state *state, size_t index, size_t *column)
{
  size_t begin = is_matrix(state, index) || index == 0 ? 0 : index - 1;
  size_t end = is_matrix(state, index) ? state->table.numbers : begin + 1;
  for (*column = begin; *column < end; ++*column)
    if (state->bad[*column].line)
      return &state->bad[*column];
  return NULL;
}

static void hand_out(struct source *source, const struct text_state *state)
{
  size_t column;
  for (size_t i = 0; i < source->count; i++)
    if (!bad_of(state, i, &column))
      source->tensors[i].data =
          (const unsigned char *)(state->values + (i && state->table.numbers > 1 ? i - 1 : 0));
}

static enum status text_load(struct source *source, size_t index, struct progress *progress,
                             struct error *error)
{
  struct text_state *state = source->state;
  size_t column;
  char found[64];
  enum status status = STATUS_OK;
  if (!state->values) {
    memset(state->bad, 0, state->table.numbers * sizeof *state->bad);
    status = read_values(state, progress, error);
    if (status == STATUS_OK)
      hand_out(source, state);
  }
  const struct bad_cell *bad = status == STATUS_OK ? bad_of(state, index, &column) : NULL;
  if (!bad)
    return status;
  size_t length = (size_t)(bad->cell.end - bad->cell.begin);
  snprintf(found, sizeof found, "%.*s", (int)size_min(length, sizeof found - 1),
           (const char *)bad->cell.begin);
  return error_set(error, STATUS_INPUT, "line %zu, column %zu: expected a number, found \"%s\"",
                   bad->line, state->place[column] + 1, SHOWN(found));
}

static void text_close(struct source *source)
{
  struct text_state *state = source->state;
  text_table_clear(&state->table);
  free(state->values);
  free(state->place);
  free(state->bad);
  free(state);
}

/* --- names ---------------------------------------------------------------------------------- */

/* What CELL says, where doubled quotes stand for one, into NAME. */
static void copy_name(const struct text_cell *cell, char *name)
{
  size_t used = 0;
  for (const unsigned char *at = cell->begin; at < cell->end && used < NAME_MOST; at++) {
    if (!*at)
      break;
    name[used++] = (char)*at;
    if (cell->quoted && (*at == '"' || *at == '\'') && at + 1 < cell->end && at[1] == *at)
      at++;
  }
  while (used == NAME_MOST && used > 1 && ((unsigned char)name[used - 1] & 0xC0) == 0x80)
    used--; /* not within a character */
  name[used] = '\0';
}

/* The tensor called NAME; their count where there is none. */
static size_t named(const struct source *source, const char *name)
{
  size_t i = 0;
  while (i < source->count && strcmp(source->tensors[i].name, name) != 0)
    i++;
  return i;
}

static bool is_taken(const struct source *source, const char *name)
{
  return named(source, name) < source->count;
}

/* Gives NAME, of NAME_MOST and some more bytes, a number where it occurs again. */
static void make_distinct(const struct source *source, char *name)
{
  struct text_state *state = source->state;
  const size_t length = strlen(name), first = named(source, name);
  while (is_taken(source, name))
    snprintf(name + length, 24, "#%zu", state->again[first]++ + 2);
}

/* --- tensors -------------------------------------------------------------------------------- */

static enum status add(struct source *source, const char *wanted, size_t columns,
                       struct error *error)
{
  const struct text_state *state = source->state;
  struct tensor tensor = {.stored = stored_find("f64")};
  char name[NAME_MOST + 32];
  snprintf(name, sizeof name, "%.*s", NAME_MOST, wanted);
  make_distinct(source, name);
  tensor.name = name;
  tensor.shape = (struct shape){.dims = columns > 1 ? 2 : 1, .dim = {state->rows, columns}};
  tensor.count = state->rows * columns;
  tensor.bytes = tensor.count * sizeof(double);
  tensor.swapped = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
  if (columns == 1 && state->table.numbers > 1)
    tensor_set_strides(&tensor, &state->table.numbers);
  return source_add(source, &tensor, error);
}

/* The columns of numbers up to COLUMNS_MOST, by their names in the header, else by their numbers.
 */
static enum status add_columns(struct source *source, const char *only, struct error *error)
{
  struct text_state *state = source->state;
  const struct text_table *table = &state->table;
  const unsigned char *at = table->header.begin;
  enum status status = STATUS_OK;
  size_t added = 0;
  for (size_t i = 0; i < table->columns && status == STATUS_OK; i++) {
    struct text_cell cell;
    char name[NAME_MOST + 1] = "";
    bool named = (i > 0 || !table->header_shifted) && at &&
                 text_next(&table->style, &at, table->header.end, &cell);
    if (table->column[i] != COLUMN_NUMBERS)
      continue;
    state->place[added] = i;
    if (named)
      copy_name(&cell, name);
    if (!*name && only)
      snprintf(name, sizeof name, "%.*s", NAME_MOST, only);
    if (!*name)
      snprintf(name, sizeof name, "%zu", i + 1);
    if (added++ < COLUMNS_MOST)
      status = add(source, name, 1, error);
  }
  return status;
}

/* The matrix is called as the file without its suffix; where a column is called that, as the file.
 */
static enum status name_matrix(const char *spec, struct source *source, struct error *error)
{
  char name[NAME_MOST + 32], stem[SHOWN_SIZE];
  snprintf(name, sizeof name, "%.*s", NAME_MOST, source_file_name(spec, stem));
  if (is_taken(source, name))
    snprintf(name, sizeof name, "%.*s", NAME_MOST, source_short_title(spec));
  make_distinct(source, name);
  char *copy = strdup(name);
  if (!copy)
    return error_memory(error, "a tensor's name");
  free((char *)(uintptr_t)source->tensors[0].name);
  source->tensors[0].name = copy;
  return source_set_remark(source, 0, "a row is a channel; axis 1 takes the columns", error);
}

/* The only column is called as the file where no header names it. */
static enum status add_tensors(const char *spec, struct source *source, struct error *error)
{
  const struct text_state *state = source->state;
  char name[SHOWN_SIZE];
  if (state->table.numbers == 1)
    return add_columns(source, source_file_name(spec, name), error);
  enum status status = add(source, "", state->table.numbers, error);
  if (status == STATUS_OK)
    status = add_columns(source, NULL, error);
  return status == STATUS_OK ? name_matrix(spec, source, error) : status;
}

/* --- what was assumed ----------------------------------------------------------------------- */

static const char *separator_name(const struct text_style *style)
{
  return style->separator == ','    ? "commas"
         : style->separator == ';'  ? "semicolons"
         : style->separator == '\t' ? "tabs"
                                    : "blanks";
}

static void tell_left_out(const struct text_table *table, enum text_column kind, const char *what,
                          struct brief *note)
{
  enum { SHOW = 3 };
  size_t count = 0;
  for (size_t i = 0; i < table->columns; i++)
    if (table->column[i] == kind && count++ < SHOW)
      brief_print(note, "%s%zu", count > 1 ? ", " : "; left out: column ", i + 1);
  if (count > 0)
    brief_print(note, "%s (%s)", count > SHOW ? " ..." : "", what);
}

static enum status add_note(struct source *source, struct error *error)
{
  const struct text_state *state = source->state;
  const struct text_table *table = &state->table;
  struct brief note = {0};
  brief_print(&note, "%zu row%s of %zu number%s", state->rows, state->rows == 1 ? "" : "s",
              table->numbers, table->numbers == 1 ? "" : "s");
  if (table->columns > 1)
    brief_print(&note, " between %s", separator_name(&table->style));
  if (table->style.decimal == ',')
    brief_print(&note, ", decimal commas");
  if (table->header.begin)
    brief_print(&note, ", %s in line %zu", table->header_comment ? "names" : "header",
                table->header.number);
  else
    brief_print(&note, ", no header");
  tell_left_out(table, COLUMN_WORDS, "words", &note);
  tell_left_out(table, COLUMN_ROW_NUMBERS, "row numbers", &note);
  tell_left_out(table, COLUMN_EMPTY, "empty", &note);
  if (table->numbers > COLUMNS_MOST)
    brief_print(&note, "; the first %d columns are offered one by one", COLUMNS_MOST);
  return source_add_note(source, note.text, error);
}

/* --- opening -------------------------------------------------------------------------------- */

static enum status read_shape(struct source *source, struct error *error)
{
  struct text_state *state = source->state;
  size_t numbers, bytes;
  state->rows = count_rows(&state->table, source_meter(source, state->map->size));
  if (!size_mul(state->rows, state->table.numbers, &numbers) ||
      !size_mul(numbers, sizeof(double), &bytes))
    return error_set(error, STATUS_INPUT,
                     "%zu rows of %zu numbers are larger than the address space", state->rows,
                     state->table.numbers);
  state->place = mem_array(state->table.numbers, sizeof *state->place);
  state->bad = mem_array(state->table.numbers, sizeof *state->bad);
  return state->place && state->bad ? STATUS_OK : error_memory(error, "the columns of a table");
}

static enum status open_table(const char *spec, struct source *source, struct error *error)
{
  struct text_state *state = source->state;
  if (state->map->size == 0)
    return error_set(error, STATUS_INPUT, "the file is empty");
  enum status status =
      text_table_find(state->map->bytes, state->map->size, false, &state->table, error);
  if (status == STATUS_OK)
    status = read_shape(source, error);
  if (status == STATUS_OK)
    status = add_tensors(spec, source, error);
  return status == STATUS_OK ? add_note(source, error) : status;
}

enum status text_open(const char *spec, struct source *source, struct error *error)
{
  struct text_state *state = source->state = mem_array(1, sizeof *state);
  if (!state)
    return error_memory(error, "a table");
  source->close = text_close;
  source->load = text_load;
  enum status status = source_map(source, spec, &state->map, error);
  if (status != STATUS_OK)
    return status;
  status = open_table(spec, source, error);
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", SHOWN(spec));
  return status;
}
