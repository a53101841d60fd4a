#include "tui/screen/heat_cells.h"

#include "tui/screen/terminal.h"

bool heat_colored(const struct glyphs *glyphs)
{
  return !glyphs->ascii && terminal_depth() >= DEPTH_256;
}

uint8_t heat_paint(int level)
{
  return level == COLORMAP_NONE    ? PAINT_HEAT_NONE
         : level == COLORMAP_BELOW ? PAINT_HEAT_BELOW
                                   : (uint8_t)(PAINT_HEAT + level);
}

uint32_t heat_letter(int level)
{
  static const char ramp[] = " .:-=+*#%@";
  enum { STEPS = sizeof ramp - 1 };
  if (level == COLORMAP_NONE)
    return '?';
  if (level == COLORMAP_BELOW)
    return ',';
  return level == COLORMAP_LEVELS ? '^' : (uint32_t)ramp[level * STEPS / COLORMAP_LEVELS];
}

void heat_put(struct cells *cells, int row, int column, const struct glyphs *glyphs, int level)
{
  if (heat_colored(glyphs))
    cells_put(cells, row, column, ' ', (struct style){.paper = heat_paint(level)});
  else
    cells_put(cells, row, column, heat_letter(level),
              (struct style){.ink = level == COLORMAP_LEVELS ? PAINT_OUTLIER : PAINT_NONE});
}

int heat_scale(struct cells *cells, struct rect line, int column, const struct glyphs *glyphs,
               const struct axis *color, const char *unit, int ramp)
{
  const struct style plain = {.ink = PAINT_NONE};
  column = cells_printf(cells, line, 0, column, plain, "%.3g ", color->lo);
  for (int i = 0; i < ramp && column < line.columns; i++, column++)
    heat_put(cells, line.row, line.column + column, glyphs, i * COLORMAP_LEVELS / ramp);
  return cells_printf(cells, line, 0, column + 1, plain, "%.3g%s%s%s", color->hi, unit ? " " : "",
                      unit ? unit : "", color->log ? " log" : "");
}
