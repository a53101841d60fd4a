/* What a text is: which style cuts its lines into cells, where its header is, which columns hold
 * numbers. */
#include "config.h"

#include "data/source_types.h"
#include "data/text.h"
#include "quant/base/size.h"

#include <string.h>

/* The styles that are tried; of equals the first is taken. */
static const struct text_style styles[] = {
    {'\n', ',', '.'},  {'\n', '\t', '.'}, {'\n', ';', '.'}, {'\n', ' ', '.'},
    {'\n', '\t', ','}, {'\n', ';', ','},  {'\n', ' ', ','},
};
enum { STYLES = sizeof styles / sizeof *styles, TRIED_LINES = 50 };

bool text_is_text(const unsigned char *bytes, size_t size)
{
  for (size_t i = 0; i < size; i++)
    if (bytes[i] < 0x20 && !(bytes[i] >= '\t' && bytes[i] <= '\r'))
      return false;
  return size > 0;
}

/* --- lines ---------------------------------------------------------------------------------- */

static const unsigned char *skip_indent(const unsigned char *at, const unsigned char *end)
{
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
    at++;
  return at;
}

static bool is_comment(const unsigned char *at, const unsigned char *end)
{
  return at < end && (*at == '#' || *at == '%' || (*at == '/' && end - at > 1 && at[1] == '/'));
}

bool text_next_row(const struct text_style *style, const unsigned char **at,
                   const unsigned char *end, struct text_line *line, struct text_line *comment,
                   size_t *comments)
{
  while (*at < end) {
    const unsigned char *begin = *at, *stop = memchr(begin, style->newline, (size_t)(end - begin));
    *at = stop ? stop + 1 : end;
    *line = (struct text_line){begin, stop ? stop : end, line->number + 1};
    const unsigned char *first = skip_indent(begin, line->end);
    if (is_comment(first, line->end)) {
      if (comment)
        *comment = *line;
      if (comments)
        ++*comments;
    } else if (first < line->end)
      return true;
  }
  return false;
}

/* --- the style ------------------------------------------------------------------------------ */

static size_t count_cells(const struct text_style *style, const struct text_line *line)
{
  struct text_cell cell;
  size_t count = 0;
  for (const unsigned char *at = line->begin; text_next(style, &at, line->end, &cell);)
    count++;
  return count;
}

/* How well a style fits: the share of cells that are numbers or missing, in rows that have as many
 * cells as most. */
struct fit {
  size_t cells, good, width, rows, even;
};

static void add_row(struct fit *fit, const struct text_style *style, const struct text_line *line)
{
  struct text_cell cell;
  double value;
  size_t width = 0;
  for (const unsigned char *at = line->begin; text_next(style, &at, line->end, &cell); width++)
    fit->good += text_number(style, &cell, &value) == TEXT_NUMBER;
  fit->cells += width;
  fit->rows++;
  if (fit->rows == 1)
    fit->width = width;
  fit->even += width == fit->width;
}

/* Numbers per cell in even rows, in thousandths. Commas that are decimal show only beside another
 * separator: alone they separate. */
static size_t share(const struct fit *fit, const struct text_style *style)
{
  bool possible = fit->cells > 0 && (style->decimal == '.' || fit->width > 1);
  return possible ? 1000 * fit->good / fit->cells * fit->even / fit->rows : 0;
}

static char newline_of(const unsigned char *begin, const unsigned char *end)
{
  size_t size = size_min((size_t)(end - begin), TEXT_SAMPLE);
  return !memchr(begin, '\n', size) && memchr(begin, '\r', size) ? '\r' : '\n';
}

/* Rows up to END, without the first, which may be the header, if there are others. */
static void fit_style(const struct text_style *style, const unsigned char *begin,
                      const unsigned char *end, struct fit *fit)
{
  struct text_line line = {0}, first;
  const unsigned char *at = begin;
  *fit = (struct fit){0};
  if (!text_next_row(style, &at, end, &first, NULL, NULL))
    return;
  for (size_t i = 0; i < TRIED_LINES && text_next_row(style, &at, end, &line, NULL, NULL); i++)
    add_row(fit, style, &line);
  if (fit->rows == 0)
    add_row(fit, style, &first);
}

static void find_style(struct text_table *table, const unsigned char *end)
{
  size_t best = 0, width = 0;
  char newline = newline_of(table->begin, end);
  for (size_t i = 0; i < STYLES; i++) {
    struct text_style style = styles[i];
    struct fit fit;
    style.newline = newline;
    fit_style(&style, table->begin, end, &fit);
    size_t good = share(&fit, &style);
    if (i == 0 || good > best || (good == best && fit.width > width)) {
      table->style = style;
      best = good;
      width = fit.width;
    }
  }
}

/* --- header and columns --------------------------------------------------------------------- */

/* How often the cells of a column are what. */
struct tally {
  size_t numbers, words, named;
  bool ordinal;      /* the numbers count up by one */
  bool word_on_top;  /* in the first row */
  bool empty_on_top; /* the same */
  double last;
};

enum status text_ragged(const struct text_table *table, const struct text_line *line, size_t found,
                        struct error *error)
{
  return error_set(error, STATUS_INPUT,
                   "line %zu: expected %zu column%s, as in line %zu, found %zu", line->number,
                   table->columns, table->columns == 1 ? "" : "s", table->first.number, found);
}

/* Counts the cells of a row; of the first row only what they would be as a header. */
static enum status tally_row(const struct text_table *table, const struct text_line *line,
                             size_t rows, struct tally *tally, struct error *error)
{
  struct text_cell cell;
  size_t i = 0;
  for (const unsigned char *at = line->begin; text_next(&table->style, &at, line->end, &cell);
       i++) {
    double value;
    if (i == table->columns)
      return text_ragged(table, line, count_cells(&table->style, line), error);
    struct tally *column = &tally[i];
    enum text_kind kind = text_number(&table->style, &cell, &value);
    column->numbers += kind == TEXT_NUMBER;
    column->words += kind == TEXT_WORD;
    column->named += kind == TEXT_MISSING && cell.begin < cell.end;
    column->ordinal =
        kind == TEXT_NUMBER &&
        (rows == 0 ? value == 0 || value == 1 : column->ordinal && value == column->last + 1);
    column->last = value;
  }
  return i == table->columns ? STATUS_OK : text_ragged(table, line, i, error);
}

static void look_on_top(const struct text_table *table, const struct text_line *line, size_t shift,
                        struct tally *tally)
{
  struct text_cell cell;
  double value;
  size_t i = shift;
  for (const unsigned char *at = line->begin;
       i < table->columns && text_next(&table->style, &at, line->end, &cell); i++) {
    enum text_kind kind = text_number(&table->style, &cell, &value);
    tally[i].word_on_top = kind == TEXT_WORD;
    tally[i].empty_on_top = cell.begin == cell.end;
  }
  if (shift)
    tally[0].empty_on_top = true;
}

/* Everything above the rows: LINE is the first that is no comment, COMMENT the last comment before
 * it. The header is LINE when a column of numbers has a word there. */
static void find_header(struct text_table *table, const struct text_line *line,
                        const struct text_line *comment, struct tally *tally)
{
  size_t width = count_cells(&table->style, line);
  bool words = false;
  table->header_shifted = width + 1 == table->columns;
  look_on_top(table, line, table->header_shifted, tally);
  for (size_t i = 0; i < table->columns; i++)
    words |= tally[i].word_on_top && tally[i].words == 0;
  if (words || table->header_shifted)
    table->header = *line;
  else if (comment->begin && comment->number + 1 == line->number) {
    struct text_line bare = *comment;
    bare.begin = skip_indent(bare.begin, bare.end);
    while (bare.begin < bare.end && strchr("#%/", *bare.begin))
      bare.begin++;
    if (count_cells(&table->style, &bare) == table->columns && table->columns > 1) {
      table->header = bare;
      table->header_comment = true;
    }
  }
}

static enum text_column column_of(const struct text_table *table, const struct tally *column,
                                  size_t index, size_t rows)
{
  bool unnamed = !table->header.begin || column->empty_on_top;
  if (column->words > 0)
    return COLUMN_WORDS;
  if (column->numbers == 0 && column->named == 0 && unnamed)
    return COLUMN_EMPTY;
  return index == 0 && unnamed && table->header.begin && column->ordinal && rows > 1
             ? COLUMN_ROW_NUMBERS
             : COLUMN_NUMBERS;
}

/* ALONE: a row by itself is a table only where all of it is numbers. */
static void judge_columns(struct text_table *table, const struct tally *tally, size_t rows,
                          bool alone)
{
  size_t counted = 0, words = 0;
  for (size_t i = 0; i < table->columns; i++) {
    table->column[i] = (unsigned char)column_of(table, &tally[i], i, rows);
    table->numbers += table->column[i] == COLUMN_NUMBERS;
    words += table->column[i] == COLUMN_WORDS;
    counted += tally[i].numbers > 0 && table->column[i] == COLUMN_NUMBERS;
  }
  if (counted == 0 || (alone && words > 0)) /* names of columns, and nothing in them */
    table->numbers = 0;
}

/* Columns from the rows below LINE, the first; from LINE itself where there are none. */
static enum status find_columns(struct text_table *table, const struct text_line *line,
                                const struct text_line *comment, const unsigned char *at,
                                const unsigned char *end, struct error *error)
{
  struct text_line below = *line;
  bool alone = !text_next_row(&table->style, &at, end, &below, NULL, NULL);
  table->first = alone ? *line : below;
  table->columns = count_cells(&table->style, &table->first);
  table->column = mem_array(table->columns, 1);
  struct tally *tally = mem_array(table->columns, sizeof *tally);
  if (!table->column || !tally) {
    free(tally);
    return error_memory(error, "the columns of a table");
  }
  size_t rows = 0;
  enum status status = STATUS_OK;
  for (struct text_line row = table->first; status == STATUS_OK; rows++) {
    status = tally_row(table, &row, rows, tally, error);
    if (!text_next_row(&table->style, &at, end, &row, NULL, NULL))
      break;
  }
  if (status == STATUS_OK && !alone)
    find_header(table, line, comment, tally);
  if (status == STATUS_OK)
    judge_columns(table, tally, rows + 1, alone);
  if (status == STATUS_OK && !alone && (!table->header.begin || table->header_comment)) {
    table->first = *line;
    if (count_cells(&table->style, line) != table->columns) {
      struct text_table other = *table;
      other.first = below;
      status = text_ragged(&other, line, count_cells(&table->style, line), error);
    }
  }
  free(tally);
  return status;
}

/* --- the table ------------------------------------------------------------------------------ */

static enum status skip_mark(struct text_table *table, struct error *error)
{
  size_t size = (size_t)(table->end - table->begin);
  if (size >= 2 &&
      (memcmp(table->begin, "\xff\xfe", 2) == 0 || memcmp(table->begin, "\xfe\xff", 2) == 0))
    return error_set(error, STATUS_INPUT,
                     "text in UTF-16; expected UTF-8 (iconv -f UTF-16 -t UTF-8 converts it)");
  if (size >= 3 && memcmp(table->begin, "\xef\xbb\xbf", 3) == 0)
    table->begin += 3;
  return STATUS_OK;
}

/* Where what is looked at ends: behind the last whole line of the sample, but behind two rows. */
static const unsigned char *sample_end(const struct text_table *table, bool head)
{
  struct text_style style = {.newline = newline_of(table->begin, table->end), .separator = ','};
  struct text_line line = {0};
  const unsigned char *at = table->begin, *end = table->end;
  for (size_t rows = 0; text_next_row(&style, &at, table->end, &line, NULL, NULL); rows++) {
    if (head && at == table->end && rows > 0 && line.end == at)
      return line.begin;
    if (rows > 0 && at - table->begin >= TEXT_SAMPLE)
      return at;
  }
  return end;
}

static enum status no_table(const struct text_line *line, struct error *error)
{
  char begin[48];
  size_t size = size_min((size_t)(line->end - line->begin), sizeof begin - 1);
  memcpy(begin, line->begin, size);
  begin[size] = '\0';
  begin[strcspn(begin, "\r")] = '\0';
  return error_set(error, STATUS_INPUT,
                   "unknown type of text: no column of numbers; line %zu begins \"%s\"",
                   line->number, SHOWN(begin));
}

enum status text_table_find(const unsigned char *bytes, size_t size, bool head,
                            struct text_table *table, struct error *error)
{
  *table = (struct text_table){.begin = bytes, .end = bytes + size};
  enum status status = skip_mark(table, error);
  if (status != STATUS_OK)
    return status;
  const unsigned char *end = sample_end(table, head), *at = table->begin;
  struct text_line line = {0}, comment = {0};
  if (!text_is_text(table->begin, (size_t)(end - at)) && end > at)
    return error_set(error, STATUS_INPUT, "holds control characters or NUL; expected text");
  find_style(table, end);
  if (!text_next_row(&table->style, &at, end, &line, &comment, &table->comments))
    return error_set(error, STATUS_INPUT, "unknown type of text: no line of numbers");
  status = find_columns(table, &line, &comment, at, end, error);
  if (status == STATUS_OK && table->numbers == 0)
    status = no_table(&line, error);
  if (status != STATUS_OK)
    text_table_clear(table);
  return status;
}

void text_table_clear(struct text_table *table)
{
  free(table->column);
  table->column = NULL;
}
