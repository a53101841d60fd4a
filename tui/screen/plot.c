#include "tui/screen/plot_parts.h"

#include "quant/base/size.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
  GUTTER = 6, /* y labels; the axis itself is one column more */
  TICKS_MOST = 24,
  LEAST_ROWS = 2,
  RULER_ROWS = 3, /* of a number line: its title, what stands on it, the ticks */
  LANE_ROWS = 6,  /* of a lane: its legend, bars above and below, the ticks */
  LEAST_COLUMNS = 8,
  PANELS_MOST = 16,
};

int plot_data_left(void)
{
  return GUTTER + 1;
}

int plot_data_columns(int columns)
{
  int data = columns - GUTTER - 2;
  return data < 1 ? 1 : data > COLUMNS_MOST ? COLUMNS_MOST : data;
}

/* --- axes --------------------------------------------------------------------------------- */

static void draw_levels(const struct plot *plot, const struct mark *mark)
{
  int row = plot->area.row + plot->area.rows;
  unsigned count[COLUMNS_MOST];
  memset(count, 0, sizeof count);
  for (size_t i = 0; i < mark->n; i++) {
    double at = plot_column(plot, mark->x[i]);
    if (at >= 0 && at <= plot->area.columns)
      count[(int)fmin(at, plot->area.columns - 1)]++;
  }
  for (int c = 0; c < plot->area.columns; c++) {
    bool tick =
        cells_at(plot->cells, row, plot->area.column + c)->code == plot->glyphs->code[GLYPH_TICK_X];
    enum glyph glyph = tick ? GLYPH_LEVEL_AND_TICK : count[c] > 1 ? GLYPH_LEVELS : GLYPH_LEVEL;
    if (count[c])
      cells_put(plot->cells, row, plot->area.column + c, plot->glyphs->code[glyph],
                plot_ink(plot_paint(mark->role)));
  }
}

static double step_of(const double *ticks, size_t count)
{
  return count > 1 ? ticks[1] - ticks[0] : 0;
}

static size_t x_ticks_most(const struct plot *plot)
{
  return size_min((size_t)(plot->area.columns / 9 + 1), TICKS_MOST);
}

static int tick_column(const struct plot *plot, double tick)
{
  return plot->area.column + (int)fmin(plot_column(plot, tick), plot->area.columns - 1);
}

/* The numbers at the ticks, and where there is room the axis' name, in ROW. */
static void draw_x_labels(const struct plot *plot, int row)
{
  const struct axis *axis = &plot->panel->x;
  double ticks[TICKS_MOST];
  char text[32];
  size_t count = axis_ticks(axis, x_ticks_most(plot), ticks);
  int free_from = plot->outer.column, end = plot->outer.column + plot->outer.columns;
  for (size_t i = 0; i < count; i++) {
    axis_tick_text(axis, ticks[i], step_of(ticks, count), text, sizeof text);
    int width = text_width(plot->cells, text), start = tick_column(plot, ticks[i]) - width / 2;
    start = start < free_from ? free_from : start;
    if (start + width > end)
      continue;
    cells_text(plot->cells, cells_all(plot->cells), row, start, plot_ink(PAINT_REFERENCE), text);
    free_from = start + width + 1;
  }
  int label = text_width(plot->cells, axis->label ? axis->label : "");
  if (label > 0 && end - label > free_from)
    cells_text(plot->cells, cells_all(plot->cells), row, end - label, plot_ink(PAINT_DIM),
               axis->label);
}

static void draw_x_axis(const struct plot *plot)
{
  int row = plot->area.row + plot->area.rows, left = plot->area.column;
  double ticks[TICKS_MOST];
  cells_put(plot->cells, row, left - 1, plot->glyphs->code[GLYPH_CORNER], plot_ink(PAINT_FRAME));
  cells_fill(plot->cells, (struct rect){row, left, 1, plot->area.columns},
             plot->glyphs->code[GLYPH_HORIZONTAL], plot_ink(PAINT_FRAME));
  size_t count = axis_ticks(&plot->panel->x, x_ticks_most(plot), ticks);
  for (size_t i = 0; i < count; i++)
    cells_put(plot->cells, row, tick_column(plot, ticks[i]), plot->glyphs->code[GLYPH_TICK_X],
              plot_ink(PAINT_REFERENCE));
  if (plot->x_labels)
    draw_x_labels(plot, row + 1);
}

static void draw_y_axis(const struct plot *plot)
{
  const struct axis *axis = &plot->panel->y;
  int column = plot->area.column - 1;
  double ticks[TICKS_MOST];
  char text[32];
  cells_fill(plot->cells, (struct rect){plot->area.row, column, plot->area.rows, 1},
             plot->glyphs->code[GLYPH_VERTICAL], plot_ink(PAINT_FRAME));
  size_t most = size_min((size_t)(plot->area.rows / 3 + 1), TICKS_MOST);
  size_t count = axis_ticks(axis, most, ticks);
  struct rect gutter = {0, plot->outer.column, plot->cells->rows, GUTTER};
  for (size_t i = 0; i < count; i++) {
    int row = plot_row(plot, plot_eighths(plot, ticks[i]));
    cells_put(plot->cells, row, column, plot->glyphs->code[GLYPH_TICK_Y], plot_ink(PAINT_FRAME));
    axis_tick_text(axis, ticks[i], step_of(ticks, count), text, sizeof text);
    cells_text_right(plot->cells, gutter, row, plot_ink(PAINT_REFERENCE), text);
  }
}

/* The glyph that stands for MARK in the legend, or -1 when its label stands in the plot. */
static int swatch_of(const struct mark *mark)
{
  static const int swatch[] = {
      [MARK_BARS] = GLYPH_BAR_8,
      [MARK_STEPS] = GLYPH_CAP_MIDDLE,
      [MARK_LINE] = GLYPH_CAP_MIDDLE,
      [MARK_POINTS] = -1,
      [MARK_TICKS] = GLYPH_LEVEL,
      [MARK_VLINE] = -1,
      [MARK_HLINE] = -1,
      [MARK_BAND] = -1,
      [MARK_SERIES] = -1,
      [MARK_CELLS] = -1,
  };
  if (!mark->label)
    return -1;
  bool points = mark->kind == MARK_SERIES || (mark->kind == MARK_POINTS && mark->n > 1);
  return points ? (int)plot_point_glyph(mark->role) : swatch[mark->kind];
}

/* The legend from COLUMN on, as much of it as fits; BRIEF entries end at their first comma. Returns
 * the column behind, also of what does not fit. Draws nothing when DRAW is false. */
static int legend(const struct plot *plot, struct rect line, int column, bool brief, bool draw)
{
  char words[64];
  for (size_t i = 0; i < plot->panel->marks; i++) {
    const struct mark *mark = plot->panel->mark[i];
    int swatch = swatch_of(mark);
    if (swatch < 0)
      continue;
    snprintf(words, sizeof words, "%s", mark->label);
    if (brief)
      words[strcspn(words, ",")] = 0;
    int behind = column + 4 + text_width(plot->cells, words);
    if (draw && behind <= line.columns + 2) {
      cells_put(plot->cells, line.row, line.column + column, plot->glyphs->code[swatch],
                plot_ink(plot_paint(mark->role)));
      cells_text(plot->cells, line, 0, column + 2, plot_ink(PAINT_DIM), words);
    }
    column = behind;
  }
  return column - 2;
}

/* A title that is cut says so: half a number would be another one. */
static void put_title(const struct plot *plot, struct rect line, int column, const char *title)
{
  char mark[5], shown[256];
  int room = line.columns - column;
  utf8_encode(plot->glyphs->code[GLYPH_ELLIPSIS], mark);
  cells_text(plot->cells, line, 0, column, (struct style){.attributes = CELL_BOLD},
             text_cut(plot->cells, title, room, room - 1, mark, shown, sizeof shown));
}

/* Title of the axis, title of the panel, legend. What the panel's title says of the axis makes room
 * first, then the long words of the legend. */
static void draw_header(const struct plot *plot)
{
  const struct axis *y = &plot->panel->y;
  const char *title = plot->panel->title;
  struct rect line = {plot->outer.row, plot->outer.column, 1, plot->outer.columns};
  char label[64];
  snprintf(label, sizeof label, "%s%s%s", y->label ? y->label : "", y->unit ? " " : "",
           y->unit ? y->unit : "");
  int named = *label ? text_width(plot->cells, label) + 2 : 0;
  int titled = title ? text_width(plot->cells, title) + 2 : 0;
  bool brief = legend(plot, line, 1 + named + titled, false, false) > line.columns;
  if (title && legend(plot, line, 1 + named + titled, true, false) > line.columns)
    named = 0;
  if (named)
    cells_text(plot->cells, line, 0, 1, plot_ink(PAINT_DIM), label);
  if (title)
    put_title(plot, line, 1 + named, title);
  legend(plot, line, 1 + named + titled, brief, true);
}

/* --- the panel ---------------------------------------------------------------------------- */

static struct plot plot_make(struct cells *cells, struct rect rect, const struct panel *panel,
                             const struct glyphs *glyphs, bool labels)
{
  struct plot plot = {.cells = cells, .outer = rect, .panel = panel, .glyphs = glyphs};
  bool strip = plot_is_strip(panel);
  plot.header = rect.rows >= (panel->ruler ? RULER_ROWS : 5);
  plot.x_axis = rect.rows >= 3 && !strip; /* a strip has it above */
  plot.x_labels = labels && (rect.rows >= 4 || strip);
  plot.area = (struct rect){
      .row = rect.row + plot.header,
      .column = rect.column + plot_data_left(),
      .rows = rect.rows - plot.header - plot.x_axis - plot.x_labels,
      .columns = plot_data_columns(rect.columns),
  };
  return plot;
}

bool plot_cell(struct rect rect, const struct panel *panel, const struct glyphs *glyphs, double x,
               double y, int *row, int *column)
{
  const struct plot plot = plot_make(NULL, rect, panel, glyphs, true);
  double at = plot_column(&plot, x);
  int height = plot_eighths(&plot, y);
  *row = plot_row(&plot, height);
  *column = plot.area.column + (int)fmin(fmax(at, 0), plot.area.columns);
  return height > 0 && at >= 0 && at < plot.area.columns;
}

bool plot_value(struct rect rect, const struct axis *axis, int row, int column, double *x)
{
  const int columns = plot_data_columns(rect.columns), at = column - rect.column - plot_data_left();
  const double share = (at + 0.5) / columns;
  *x = axis->log ? axis->lo * pow(axis->hi / axis->lo, share)
                 : axis->lo + (axis->hi - axis->lo) * share;
  return row >= rect.row && row < rect.row + rect.rows && at >= 0 && at < columns &&
         axis->lo < axis->hi;
}

/* A pointer on the axis at X. */
static void draw_pointer(const struct plot *plot, double x)
{
  double at = plot_column(plot, x);
  if (at >= 0 && at < plot->area.columns)
    cells_put(plot->cells, plot->area.row + plot->area.rows, plot->area.column + (int)at,
              plot->glyphs->code[GLYPH_UP], (struct style){.ink = PAINT_KEY});
}

static void draw_strip(const struct plot *plot)
{
  plot_strip(plot);
  draw_x_labels(plot, plot->area.row + plot->area.rows);
}

static void draw_panel(struct cells *cells, struct rect rect, const struct panel *panel,
                       const struct glyphs *glyphs, bool labels, double pointer)
{
  if (rect.rows < LEAST_ROWS || rect.columns < GUTTER + LEAST_COLUMNS)
    return;
  if (panel->marks == 0) { /* a sentence that says why there is nothing */
    cells_text(cells, rect, rect.rows / 2, 2, plot_ink(PAINT_DIM),
               panel->title ? panel->title : "");
    return;
  }
  int bar[COLUMNS_MOST] = {0};
  struct plot plot = plot_make(cells, rect, panel, glyphs, labels);
  if (plot_is_strip(panel))
    return draw_strip(&plot);
  plot.bar = bar;
  plot_all_marks(&plot);
  if (!panel->ruler)
    draw_y_axis(&plot);
  if (plot.x_axis) {
    draw_x_axis(&plot);
    plot_draw_marks(&plot, MARK_TICKS, draw_levels);
    draw_pointer(&plot, pointer);
  }
  if (plot.header)
    draw_header(&plot);
}

void plot_panel(struct cells *cells, struct rect rect, const struct panel *panel,
                const struct glyphs *glyphs)
{
  draw_panel(cells, rect, panel, glyphs, true, (double)NAN);
}

static bool same_axis(const struct axis *a, const struct axis *b)
{
  return a->lo == b->lo && a->hi == b->hi && a->log == b->log;
}

/* Of a figure of ROWS: a third, as far as that is more than it needs; so that its zero is in the
 * middle. */
static int lane_rows(int rows)
{
  return rows / 3 > LANE_ROWS ? rows / 6 * 2 : LANE_ROWS;
}

/* Rows of the strip that FIGURE of ROWS ends with, its numbers included: there is one where the
 * bars have enough, and what its colours mean where they have plenty. */
static int strip_rows(int rows)
{
  enum { ENOUGH = 11, PLENTY = 16 };
  return rows >= PLENTY ? RULER_ROWS : rows >= ENOUGH ? RULER_ROWS - 1 : 0;
}

/* Panels on one axis are labelled once, below the last of PANELS, or of the STRIP. */
static bool has_labels(const struct figure *figure, int i, int panels, bool strip)
{
  return !strip && (i + 1 == panels || !same_axis(&figure->panel[i]->x, &figure->panel[i + 1]->x));
}

/* The panels of FIGURE in RECT, from above; the strip at its end may have no rows. */
static void place_panels(struct rect rect, const struct figure *figure,
                         struct rect place[PANELS_MOST])
{
  int panels = (int)size_min(figure->panels, PANELS_MOST), top = rect.row;
  if (panels > 1 && plot_is_strip(figure->panel[panels - 1])) {
    const int strip = strip_rows(rect.rows);
    rect.rows -= strip;
    panels--;
    place[panels] = (struct rect){rect.row + rect.rows, rect.column, strip, rect.columns};
  }
  const bool strip = panels < (int)figure->panels && place[panels].rows > 0;
  for (int i = 0; i < panels; i++) {
    const struct panel *panel = figure->panel[i];
    const bool labels = has_labels(figure, i, panels, strip);
    int rows = (rect.row + rect.rows - top + (labels || strip ? 0 : -1)) / (panels - i);
    if (panel->ruler && i + 1 < panels && rows > RULER_ROWS)
      rows = RULER_ROWS;
    if (i + 1 < panels && figure->panel[i + 1]->lane)
      rows = rect.rows > 2 * LANE_ROWS ? rect.rows - lane_rows(rect.rows) : rect.rows / 2;
    place[i] = (struct rect){top, rect.column, rows, rect.columns};
    top += rows;
  }
}

bool plot_is_over(struct rect rect, const struct figure *figure, int row)
{
  struct rect place[PANELS_MOST];
  const size_t panels = size_min(figure->panels, PANELS_MOST);
  if (panels == 0)
    return false;
  place_panels(rect, figure, place);
  for (size_t i = 0; i < panels; i++)
    if (row >= place[i].row && row < place[i].row + place[i].rows)
      return same_axis(&figure->panel[i]->x, &figure->panel[panels - 1]->x);
  return true; /* between them, or on what they share */
}

void plot_figure(struct cells *cells, struct rect rect, const struct figure *figure,
                 const struct glyphs *glyphs, double pointer)
{
  struct rect place[PANELS_MOST];
  const int all = (int)size_min(figure->panels, PANELS_MOST);
  const bool ends = all > 1 && plot_is_strip(figure->panel[all - 1]);
  const int panels = ends ? all - 1 : all;
  place_panels(rect, figure, place);
  const bool strip = ends && place[panels].rows > 0;
  for (int i = 0; i < panels; i++) {
    const struct panel *panel = figure->panel[i];
    /* The pointer is one of the last axis. */
    const bool pointed = same_axis(&panel->x, &figure->panel[panels - 1]->x);
    draw_panel(cells, place[i], panel, glyphs, has_labels(figure, i, panels, strip),
               pointed ? pointer : (double)NAN);
  }
  if (strip)
    draw_panel(cells, place[panels], figure->panel[panels], glyphs, true, (double)NAN);
}
