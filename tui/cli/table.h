/* A table of words: aligned columns for people, comma-separated values for programs.
 *
 * Ownership: copies the cells; table_free frees. Threads: one at a time. */
#ifndef QSCOPE_TUI_CLI_TABLE_H
#define QSCOPE_TUI_CLI_TABLE_H

#include "quant/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { TABLE_COLUMNS = 12 };

struct table {
  size_t columns, rows; /* the first row holds the headings */
  unsigned right;       /* a bit for each column that is aligned to the right */
  char **cell;
};

/* Adds a row of table->columns cells. False when memory runs out. */
bool table_add(struct table *table, const char *const *cells);
void table_free(struct table *table);

/* Control characters are escaped; widths are those of the terminal. */
void table_print(const struct table *table, FILE *out);
void table_csv(const struct table *table, FILE *out);

/* Writes a table that is complete (GOOD) to standard output and frees it, or says that memory
 * ran out for it. */
enum status table_finish(struct table *table, bool good, bool csv, struct error *error);

/* WORDS in lines of at most 78 columns behind LABEL, which takes INDENT of them; lines that follow
 * begin under the first word. */
void table_words(FILE *out, const char *label, int indent, const char *words);

#endif
