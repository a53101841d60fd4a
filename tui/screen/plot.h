/* Draws a panel of a figure into cells: the same numbers as the PNG, in eighth blocks.
 *
 * Ownership: borrows everything. Threads: one grid at a time. */
#ifndef QSCOPE_TUI_SCREEN_PLOT_H
#define QSCOPE_TUI_SCREEN_PLOT_H

#include "analysis/figure.h"
#include "tui/screen/cells.h"
#include "tui/screen/glyphs.h"

/* A panel in a rectangle. Axes, ticks, legend and labels are left out one by one as the
 * rectangle gets smaller; below 2 rows or 8 columns nothing is drawn. */
void plot_panel(struct cells *cells, struct rect rect, const struct panel *panel,
                const struct glyphs *glyphs);

/* All panels of FIGURE, stacked; a pointer stands on their axes at POINTER (NaN: none). */
void plot_figure(struct cells *cells, struct rect rect, const struct figure *figure,
                 const struct glyphs *glyphs, double pointer);

/* The cell in which (X, Y) of PANEL is when it is drawn in RECT, the last one of its figure; false
 * when it is outside. */
bool plot_cell(struct rect rect, const struct panel *panel, const struct glyphs *glyphs, double x,
               double y, int *row, int *column);

/* What COLUMN of the screen, in its middle, is on the x AXIS of a figure drawn in RECT; false
 * beside the data, and where ROW is not in RECT. */
bool plot_value(struct rect rect, const struct axis *axis, int row, int column, double *x);

/* True when ROW of the screen, in which FIGURE is drawn in RECT, is over the x axis that its last
 * panel has; others have one of their own. */
bool plot_is_over(struct rect rect, const struct figure *figure, int row);

/* The shape and the colour of the points of ROLE, as plots have them. */
enum glyph plot_shape(enum role role, uint8_t *paint);

/* Columns of the data area when a panel is drawn COLUMNS wide: what to ask histograms for, so
 * that each bin is one column. */
int plot_data_columns(int columns);
/* Where that area begins, from the left of the panel. */
int plot_data_left(void);

#endif
