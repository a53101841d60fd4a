/* Tables of numbers in cells: a name, and behind it as many columns as find room.
 *
 * Ownership: borrows everything. Threads: no state. */
#ifndef QSCOPE_TUI_SCREEN_ROWS_H
#define QSCOPE_TUI_SCREEN_ROWS_H

#include "tui/screen/cells.h"
#include "tui/screen/glyphs.h"

struct rows_column {
  const char *heading;
  int width;
  /* The number of ROW, which belongs to WHOLE, as text. */
  void (*print)(const void *whole, const void *row, char *text, size_t size);
};

struct rows_form {
  const struct rows_column *column; /* in the order in which they find room */
  int columns;                      /* that do */
  int name;                         /* columns of the name */
};

/* How a table of WIDTH columns is laid out: the name gets LEAST, and of the rest up to MOST. */
struct rows_form rows_fit(const struct rows_column *column, int columns, int width, int least,
                          int most);
/* The row of a table of COUNT rows that is shown first, when SHOWN have room and the SELECTED one
 * is among them; FIRST is the one that was. */
size_t rows_first(size_t first, size_t selected, size_t shown, size_t count);
/* Clears LINE for a row in STYLE; a SELECTED one has its own paper, the pointer, and ink that can
 * be read there. Returns the style of what comes on it. */
struct style rows_line(struct cells *cells, const struct glyphs *glyphs, struct rect line,
                       struct style style, bool selected);
/* The headings in row ROW of RECT. */
void rows_head(struct cells *cells, struct rect rect, int row, const struct rows_form *form,
               struct style style);
/* The numbers of ROW; returns the column behind them. */
int rows_numbers(struct cells *cells, struct rect line, const struct rows_form *form,
                 const void *whole, const void *row, struct style style);

#endif
