/* The heat map's figure: the cells, what of them is not finite, and the scale of colours below. */
#include "analysis/colormap.h"
#include "analysis/heat.h"
#include "analysis/views.h"
#include "quant/base/size.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SPECIAL_MOST = 4096 /* cells that are marked */ };

/* N+1 edges EACH apart from FROM to TO. */
static double *edges(size_t from, size_t to, size_t each, size_t n)
{
  double *edge = mem_array(n + 1, sizeof *edge);
  for (size_t i = 0; edge && i <= n; i++)
    edge[i] = (double)size_min(from + i * each, to);
  return edge;
}

/* Crosses on the cells that hold NaN or infinities. */
static bool mark_special(struct panel *panel, const struct heat *heat)
{
  double *x = mem_array(SPECIAL_MOST, sizeof *x), *y = mem_array(SPECIAL_MOST, sizeof *y);
  size_t n = 0, cells = heat->down * heat->across;
  for (size_t at = 0; x && y && at < cells && n < SPECIAL_MOST; at++) {
    if (!heat->special[at])
      continue;
    struct view_part cell = heat_cell(heat, at / heat->across, at % heat->across);
    x[n] = (double)(cell.column[0] + cell.column[1]) / 2;
    y[n++] = (double)(cell.row[0] + cell.row[1]) / 2;
  }
  bool done =
      x && y && (n == 0 || panel_add_mark(panel, MARK_POINTS, ROLE_CLIP, n, x, y, "NaN or Inf"));
  free(x);
  free(y);
  return done;
}

static bool has_number(const struct heat *heat, enum heat_quantity quantity)
{
  for (size_t at = 0; at < heat->down * heat->across; at++)
    if (isfinite(heat->value[quantity][at]))
      return true;
  return false;
}

static bool set_color(struct axis *color, const struct heat *heat, enum heat_quantity quantity)
{
  const struct heat_quantity_type *type = &heat_quantities[quantity];
  double lo, hi;
  if (!heat_range(heat, quantity, &lo, &hi, &color->log))
    return false;
  if (!(lo < hi)) { /* one colour, in the middle of the scale */
    const double off = color->log ? 0.5 * lo : fabs(lo) / 2 + 0.5;
    lo -= off;
    hi += off;
  }
  return axis_set(color, type->label, type->unit, lo, hi);
}

/* The lines that are ranked have their numbers for ticks, where each has cells of its own; of
 * several in one only the rank is a number. */
static bool name_lines(struct panel *panel, const struct heat *heat)
{
  enum { NAME = 96 };
  const bool rows = heat_ranks_rows(heat);
  const size_t each = rows ? heat->tall : heat->wide, count = rows ? heat->down : heat->across,
               from = rows ? heat->part.row[0] : heat->part.column[0];
  struct axis *axis = rows ? &panel->y : &panel->x;
  char(*text)[NAME] = mem_array(count, sizeof *text);
  const char **name = mem_array(count, sizeof *name);
  for (size_t i = 0; text && name && i < count; i++) {
    const struct view_part cell = heat_cell(heat, rows ? i : 0, rows ? 0 : i);
    name[i] = heat_lines(heat, rows, rows ? cell.row : cell.column, text[i], NAME);
  }
  axis->numbered = each > 1;
  const bool done =
      text && name &&
      axis_name_places(axis, (double)from + (double)each / 2, (double)each, count, name);
  free(text);
  free(name);
  return done;
}

static bool add_cells(struct panel *panel, const struct heat *heat, enum heat_quantity quantity)
{
  const struct view_part *part = &heat->part;
  char across[HEAT_LABEL], down[HEAT_LABEL];
  double *x = edges(part->column[0], part->column[1], heat->wide, heat->across);
  double *y = edges(part->row[0], part->row[1], heat->tall, heat->down);
  bool done =
      x && y && panel_add_cells(panel, heat->across, heat->down, x, y, heat->value[quantity]);
  free(x);
  free(y);
  panel->x.integral = panel->y.integral = panel->y.down = true;
  return done && mark_special(panel, heat) &&
         axis_set(&panel->x, heat_axis_label(heat, false, across, sizeof across), NULL,
                  (double)part->column[0], (double)part->column[1]) &&
         axis_set(&panel->y, heat_axis_label(heat, true, down, sizeof down), NULL,
                  (double)part->row[0], (double)part->row[1]) &&
         (!heat->order || name_lines(panel, heat));
}

/* The value SHARE of the way along the scale from LO to HI. */
static double along(double lo, double hi, bool log, double share)
{
  return log ? lo * pow(hi / lo, share) : lo + (hi - lo) * share;
}

/* The scale of colours as a strip of cells over a number line, and at its ends, a little apart, the
 * colours of what lies beyond. */
static bool add_scale(struct figure *figure, const struct axis *color)
{
  enum { APART = 2, CELLS = COLORMAP_LEVELS + 2 * APART };
  double edge[CELLS + 1], value[CELLS], lo = color->lo, hi = color->hi;
  const double height[2] = {0, 1};
  struct panel *panel = figure_add_panel(figure, NULL);
  if (!panel)
    return false;
  for (int i = 0; i <= CELLS; i++)
    edge[i] = along(lo, hi, color->log, (double)(i - APART) / COLORMAP_LEVELS);
  for (int i = 0; i < CELLS; i++) {
    value[i] = along(lo, hi, color->log, (i - APART + 0.5) / COLORMAP_LEVELS);
    if (i == APART - 1 || i == CELLS - APART)
      value[i] = (double)NAN;
  }
  panel->ruler = true;
  panel->x.log = panel->color.log = color->log;
  return axis_set(&panel->x, color->label, color->unit, edge[0], edge[CELLS]) &&
         axis_set(&panel->color, color->label, color->unit, lo, hi) &&
         panel_add_cells(panel, CELLS, 1, edge, height, value);
}

static size_t count_beyond(const struct heat *heat, enum heat_quantity quantity,
                           const struct axis *color, int level)
{
  size_t count = 0;
  for (size_t at = 0; at < heat->down * heat->across; at++)
    count += colormap_level(color, heat->value[quantity][at]) == level;
  return count;
}

static bool say_beyond(struct figure *figure, const struct heat *heat, enum heat_quantity quantity,
                       const struct axis *color)
{
  size_t above = count_beyond(heat, quantity, color, COLORMAP_LEVELS);
  size_t below = count_beyond(heat, quantity, color, COLORMAP_BELOW);
  return (above == 0 && below == 0) ||
         fig_note(figure,
                  "Of %zu cells %zu lie above the scale of colours and %zu below it: the colours "
                  "at its ends.",
                  heat->down * heat->across, above, below);
}

/* "Rows by the mean squared error of the whole row, worst first: 588, 3, 41, 77, 5 ..." */
static bool say_order(struct figure *figure, const struct heat *heat, enum heat_quantity quantity)
{
  enum { SOME = 8 };
  const bool rows = heat_ranks_rows(heat);
  const size_t lines = rows ? heat->rows : heat->columns, said = size_min(lines, SOME);
  char words[SOME * 24] = "";
  for (size_t i = 0, used = 0; i < said; i++)
    used +=
        (size_t)snprintf(words + used, sizeof words - used, "%s%zu", i ? ", " : "", heat->order[i]);
  return fig_note(figure, "%s by the %s of the whole %s, worst first: %s%s",
                  rows ? "Rows" : "Columns", heat_quantities[quantity].label,
                  rows ? "row" : "column", words, said < lines ? " ..." : ".");
}

bool fig_heat(struct figure *figure, const struct result *result, const struct view *view)
{
  const struct heat *heat = result->heat;
  char *title;
  if (!heat)
    return fig_nothing(figure, "The map was not measured.");
  struct axis color = {.label = NULL};
  if (!has_number(heat, view->quantity))
    return fig_nothing(figure, "No cell of the map has a number.");
  if (!set_color(&color, heat, view->quantity)) /* memory has run out */
    return false;
  const char *label = heat_quantities[view->quantity].label;
  bool done = fig_text(&title, "%c%s of each %zu x %zu elements", toupper((unsigned char)*label),
                       label + 1, heat->tall, heat->wide);
  struct panel *panel = done ? figure_add_panel(figure, title) : NULL;
  free(title);
  if (panel)
    panel->color.log = color.log;
  done = panel && axis_set(&panel->color, color.label, color.unit, color.lo, color.hi) &&
         add_cells(panel, heat, view->quantity) && add_scale(figure, &color) &&
         (!heat->order || say_order(figure, heat, view->quantity)) &&
         say_beyond(figure, heat, view->quantity, &color);
  free(color.label);
  free(color.unit);
  return done;
}
