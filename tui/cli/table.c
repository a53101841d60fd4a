#include "config.h"

#include "tui/cli/table.h"

#include "analysis/export.h"
#include "data/tensor.h"
#include "quant/base/size.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

enum { CELL_TEXT = 1024 };

bool table_add(struct table *table, const char *const *cells)
{
  size_t used = table->rows * table->columns;
  char **grown = mem_resize(table->cell, used + table->columns, sizeof *grown);
  if (!grown)
    return false;
  table->cell = grown;
  for (size_t i = 0; i < table->columns; i++)
    if (!(grown[used + i] = strdup(cells[i]))) {
      while (i--)
        free(grown[used + i]);
      return false;
    }
  table->rows++;
  return true;
}

void table_free(struct table *table)
{
  for (size_t i = 0; i < table->rows * table->columns; i++)
    free(table->cell[i]);
  free(table->cell);
  *table = (struct table){0};
}

/* Columns of the terminal that TEXT takes. */
static size_t text_width(const char *text)
{
  wchar_t wide[CELL_TEXT];
  size_t length = mbstowcs(wide, text, CELL_TEXT);
  int width = length < CELL_TEXT ? wcswidth(wide, length) : -1;
  return width < 0 ? strlen(text) : (size_t)width;
}

static void print_cell(const char *text, size_t width, bool right, bool last, FILE *out)
{
  size_t own = text_width(text), pad = width > own ? width - own : 0;
  fprintf(out, "%*s%s", right ? (int)pad : 0, "", text);
  if (!last)
    fprintf(out, "%*s", (right ? 0 : (int)pad) + 2, "");
}

void table_print(const struct table *table, FILE *out)
{
  size_t width[TABLE_COLUMNS] = {0};
  char text[CELL_TEXT];
  for (size_t i = 0; i < table->rows * table->columns; i++) {
    size_t *column = &width[i % table->columns];
    *column = size_max(*column, text_width(text_escape(table->cell[i], text, sizeof text)));
  }
  for (size_t i = 0; i < table->rows * table->columns; i++) {
    size_t column = i % table->columns;
    bool last = column + 1 == table->columns;
    print_cell(text_escape(table->cell[i], text, sizeof text), width[column],
               table->right >> column & 1, last, out);
    if (last)
      fputc('\n', out);
  }
}

void table_csv(const struct table *table, FILE *out)
{
  for (size_t i = 0; i < table->rows * table->columns; i++) {
    export_csv_text(out, table->cell[i]);
    fputc((i + 1) % table->columns ? ',' : '\n', out);
  }
}

enum status table_finish(struct table *table, bool good, bool csv, struct error *error)
{
  if (good && csv)
    table_csv(table, stdout);
  else if (good)
    table_print(table, stdout);
  table_free(table);
  return good ? STATUS_OK : error_memory(error, "the table");
}

void table_words(FILE *out, const char *label, int indent, const char *words)
{
  enum { LINE = 78 };
  size_t used = 0;
  for (const char *word = words; *word;) {
    const size_t length = strcspn(word, " ");
    const bool first = word == words;
    if (first || used + 1 + length > LINE)
      used = (size_t)fprintf(out, "%s%-*s", first ? "" : "\n", indent, first ? label : "") - !first;
    else
      used += (size_t)fprintf(out, " ");
    used += (size_t)fprintf(out, "%.*s", (int)length, word);
    word += length + strspn(word + length, " ");
  }
  fputc('\n', out);
}
