/* The grid of cells everything is drawn into: code point, colour roles, attributes.
 *
 * Panels draw here and never see the terminal, so that any of them can be tested as text.
 * Ownership: cells_resize allocates, cells_free frees. Threads: one at a time. */
#ifndef QSCOPE_TUI_SCREEN_CELLS_H
#define QSCOPE_TUI_SCREEN_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Colour roles, for ink and for paper; colors.c maps them to what the terminal has. The plot
 * roles follow the figure's. */
enum paint {
  PAINT_NONE, /* the terminal's own */
  PAINT_DIM,
  PAINT_KEY,   /* a key that can be pressed */
  PAINT_VALUE, /* a knob's setting, a number */
  PAINT_FRAME,
  PAINT_TITLE, /* paper of the title row, and its ink */
  PAINT_SELECTED,
  PAINT_GOOD,
  PAINT_WARNING,
  PAINT_ORIGINAL,
  PAINT_RECONSTRUCTION,
  PAINT_ERROR,
  PAINT_CLIP,
  PAINT_SHADE, /* the area beyond the thresholds */
  PAINT_LEVEL,
  PAINT_OUTLIER,
  PAINT_MEDIAN,
  PAINT_REFERENCE,
  PAINT_COUNT,
  /* Levels of a heat map, as ink and as paper (colormap.h); behind them what lies above the scale
   * of colours, what lies below, and what has no number. */
  PAINT_HEAT = PAINT_COUNT,
  PAINT_HEAT_ABOVE = PAINT_HEAT + 64,
  PAINT_HEAT_BELOW,
  PAINT_HEAT_NONE,
};

enum { CELL_BOLD = 1, CELL_DIM = 2, CELL_REVERSE = 4, CELL_UNDERLINE = 8 };

struct style {
  uint8_t ink, paper, attributes;
};

struct cell {
  uint32_t code; /* 0: the right half of the wide character before it */
  struct style style;
};

struct rect {
  int row, column, rows, columns;
};

struct cells {
  int rows, columns;
  bool ascii; /* text beyond ASCII becomes '?' */
  struct cell *cell;
};

/* Sets the size and clears; false (and an empty grid) when memory runs out. */
bool cells_resize(struct cells *cells, int rows, int columns);
void cells_free(struct cells *cells);
void cells_clear(struct cells *cells);

/* The whole grid as a rectangle. */
struct rect cells_all(const struct cells *cells);

/* NULL outside the grid. */
struct cell *cells_at(const struct cells *cells, int row, int column);

void cells_put(struct cells *cells, int row, int column, uint32_t code, struct style style);
void cells_fill(struct cells *cells, struct rect rect, uint32_t code, struct style style);

/* Writes UTF-8 TEXT in row ROW, column COLUMN of RECT (both relative to it), cut at its right
 * edge. Returns the column behind the text. Bytes that are no printable character become '?'. */
int cells_text(struct cells *cells, struct rect rect, int row, int column, struct style style,
               const char *text);
int cells_printf(struct cells *cells, struct rect rect, int row, int column, struct style style,
                 const char *format, ...) __attribute__((format(printf, 6, 7)));

/* Text that ends at the right edge of RECT. Returns the column where it starts. */
int cells_text_right(struct cells *cells, struct rect rect, int row, struct style style,
                     const char *text);

/* TEXT over all rows of RECT, broken between words; what does not fit ends in MARK (one column). */
void cells_wrap(struct cells *cells, struct rect rect, struct style style, const char *text,
                const char *mark);

/* Columns that TEXT takes. */
int text_width(const struct cells *cells, const char *text);

/* Copies TEXT to OUT (SIZE bytes) so that it takes at most COLUMNS columns: when it is too long,
 * the middle (what follows the first HEAD columns) is replaced by MARK, one column of UTF-8.
 * Returns OUT. */
char *text_cut(const struct cells *cells, const char *text, int columns, int head, const char *mark,
               char *out, size_t size);
/* The same, with both ends kept equally. */
char *text_shorten(const struct cells *cells, const char *text, int columns, const char *mark,
                   char *out, size_t size);

/* CODE as UTF-8, NUL-terminated, into TEXT (5 bytes); returns TEXT. */
char *utf8_encode(uint32_t code, char *text);
/* Decodes one character at *TEXT and moves on; 0xFFFD for a broken sequence, 0 at the end. */
uint32_t utf8_next(const char **text);

/* The grid as lines of UTF-8, trailing blanks cut; a new string that the caller frees. */
char *cells_dump(const struct cells *cells);

#endif
