/* Tables of numbers in text: how their lines are cut into cells, what a number looks like, and
 * where header, comments and columns of numbers are.
 *
 * Ownership: borrows the bytes; text_table_clear frees the lists of columns. Threads: no state. */
#ifndef QSCOPE_DATA_TEXT_H
#define QSCOPE_DATA_TEXT_H

#include "quant/base/status.h"

#include <stdbool.h>
#include <stddef.h>

struct text_cell {
  const unsigned char *begin, *end; /* without blanks and quotes around it */
  bool quoted;                      /* doubled quotes inside stand for one */
};

/* How lines are cut. */
struct text_style {
  char newline;   /* '\n', which may follow a '\r'; or '\r' alone */
  char separator; /* ',' ';' '\t', or ' ' for runs of blanks and tabs */
  char decimal;   /* '.', or ',' where that does not separate */
};

/* --- cells and numbers (data/text_number.c) ------------------------------------------------- */

/* The next cell of a line at *AT, which moves behind its separator; false when none is left (*AT is
 * NULL then). A separator at the end of a line leaves an empty cell. Quoted cells end on their
 * line; a quote that does not enclose all of a cell is a character like others. */
bool text_next(const struct text_style *style, const unsigned char **at, const unsigned char *end,
               struct text_cell *cell);

enum text_kind { TEXT_NUMBER, TEXT_MISSING, TEXT_WORD };

/* What CELL holds, independent of the locale. A number, into *VALUE, exactly as strtod reads it:
 * decimal (also with Fortran's D), hexadecimal, inf, infinity; beyond the range of double it is
 * infinite or zero. TEXT_MISSING: nothing, or one of nan na n/a null none (any case, also
 * quoted); *VALUE is NaN. */
enum text_kind text_number(const struct text_style *style, const struct text_cell *cell,
                           double *value);

/* The same in one step for a cell that is a plain decimal number, the common case; false, and *AT
 * as it was, where text_next and text_number have to look. */
bool text_quick(const struct text_style *style, const unsigned char **at, const unsigned char *end,
                double *value);

/* --- tables (data/text_table.c) --------------------------------------------------------------- */

/* What a column holds, as far as the first TEXT_SAMPLE bytes tell. */
enum text_column { COLUMN_NUMBERS, COLUMN_WORDS, COLUMN_EMPTY, COLUMN_ROW_NUMBERS };
enum { TEXT_SAMPLE = 1 << 20 };

struct text_table {
  struct text_style style;
  size_t columns;        /* cells of a row */
  unsigned char *column; /* what each holds: enum text_column */
  size_t numbers;        /* how many hold numbers */
  struct text_line {
    const unsigned char *begin, *end;
    size_t number;                  /* from 1 */
  } header;                         /* begin NULL: there is none */
  bool header_comment;              /* it is a comment that has a word for each column */
  bool header_shifted;              /* has no word for the first column */
  struct text_line first;           /* row */
  size_t comments;                  /* lines in front of it */
  const unsigned char *begin, *end; /* of the text, behind a byte order mark */
};

/* True when BYTES may be the beginning of a text: no control characters but blanks. */
bool text_is_text(const unsigned char *bytes, size_t size);

/* The next line at *AT that is a row (no comment, not blank); false at the end. *LINE holds the
 * line before, or zeros; COMMENTS (may be NULL) counts those passed. */
bool text_next_row(const struct text_style *style, const unsigned char **at,
                   const unsigned char *end, struct text_line *line, struct text_line *comment,
                   size_t *comments);

/* Finds style, header and columns of numbers from the first TEXT_SAMPLE bytes and at least two
 * rows. HEAD: the bytes are only the beginning of a file, whose last line may be cut. STATUS_INPUT
 * when it is no table of numbers, with line, expected and found; STATUS_MEMORY. */
enum status text_table_find(const unsigned char *bytes, size_t size, bool head,
                            struct text_table *table, struct error *error);
void text_table_clear(struct text_table *table);

/* STATUS_INPUT: LINE has FOUND cells where the table has others. */
enum status text_ragged(const struct text_table *table, const struct text_line *line, size_t found,
                        struct error *error);

#endif
