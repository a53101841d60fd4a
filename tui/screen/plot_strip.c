/* A strip: a number line whose marks are one row of cells in colours, under the bars of the same
 * axis. */
#include "tui/screen/heat_cells.h"
#include "tui/screen/plot_parts.h"

#include <math.h>

enum { RAMP = 16 }; /* columns of the scale of colours */

bool plot_is_strip(const struct panel *panel)
{
  return panel->ruler && panel->marks > 0 && panel->mark[0]->kind == MARK_CELLS;
}

/* What the colours mean; where there is no room, only what they are colours of. */
static void draw_meaning(const struct plot *plot)
{
  const struct axis *color = &plot->panel->color;
  if (!plot->header) {
    struct rect gutter = {plot->area.row, plot->outer.column, 1,
                          plot->area.column - plot->outer.column - 1};
    cells_text_right(plot->cells, gutter, 0, plot_ink(PAINT_DIM), color->label);
    return;
  }
  struct rect line = {plot->outer.row, plot->outer.column, 1, plot->outer.columns};
  int column =
      cells_text(plot->cells, line, 0, 1, (struct style){.attributes = CELL_BOLD}, color->label);
  heat_scale(plot->cells, line, column + 2, plot->glyphs, color, NULL, RAMP);
}

/* In a column of several cells the largest counts. */
void plot_strip(const struct plot *plot)
{
  const struct mark *cells = plot->panel->mark[0];
  const struct mark bars = {.kind = MARK_BARS, .n = cells->across, .x = cells->x, .y = cells->y};
  double value[COLUMNS_MOST];
  plot_largest(plot, &bars, 1, value);
  for (int c = 0; c < plot->area.columns; c++)
    heat_put(plot->cells, plot->area.row, plot->area.column + c, plot->glyphs,
             colormap_level(&plot->panel->color, value[c]));
  draw_meaning(plot);
}
