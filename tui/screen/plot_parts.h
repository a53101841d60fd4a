/* Inside of plot.h: a panel on its way into cells, and what its files share.
 *
 * Ownership: borrows everything. Threads: as plot.h. */
#ifndef QSCOPE_TUI_SCREEN_PLOT_PARTS_H
#define QSCOPE_TUI_SCREEN_PLOT_PARTS_H

#include "tui/screen/plot.h"

enum { COLUMNS_MOST = 1024 };

struct plot {
  struct cells *cells;
  struct rect outer, area; /* the whole panel; where the data is */
  const struct panel *panel;
  const struct glyphs *glyphs;
  bool header, x_axis, x_labels;
  int *bar; /* height of the tallest bar in each column, in eighths */
};

/* The colour of ROLE, and the shape of its points; a style of that ink alone. */
uint8_t plot_paint(enum role role);
enum glyph plot_point_glyph(enum role role);
struct style plot_ink(uint8_t paint);

/* Position of X in columns of the data area; may be outside. */
double plot_column(const struct plot *plot, double x);
/* Height of Y in eighths of a row; what is there at all is at least one. */
int plot_eighths(const struct plot *plot, double y);
/* Row of the cell that holds the EIGHTHSth eighth from below (1 is the lowest). */
int plot_row(const struct plot *plot, int eighths);

/* The largest value of MARK in each part of a column, ACROSS to each; NaN where it has none. */
void plot_largest(const struct plot *plot, const struct mark *mark, int across, double *value);

/* The marks in the order in which they cover each other; those of KIND alone, by DRAW. */
void plot_all_marks(const struct plot *plot);
void plot_draw_marks(const struct plot *plot, enum mark_kind kind,
                     void (*draw)(const struct plot *, const struct mark *));

/* True for a number line of cells in colours; draws it without its axis. */
bool plot_is_strip(const struct panel *panel);
void plot_strip(const struct plot *plot);

#endif
