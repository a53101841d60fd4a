/* The marks of a panel, and where they are. */
#include "tui/screen/plot_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  EIGHTHS = 8,
  TELLING = 3, /* eighths: a smaller difference to the bar is the same height */
};

uint8_t plot_paint(enum role role)
{
  static const uint8_t paints[] = {
      [ROLE_ORIGINAL] = PAINT_ORIGINAL, [ROLE_RECONSTRUCTION] = PAINT_RECONSTRUCTION,
      [ROLE_ERROR] = PAINT_ERROR,       [ROLE_CLIP] = PAINT_CLIP,
      [ROLE_LEVEL] = PAINT_LEVEL,       [ROLE_OUTLIER] = PAINT_OUTLIER,
      [ROLE_MEDIAN] = PAINT_MEDIAN,     [ROLE_REFERENCE] = PAINT_REFERENCE,
  };
  static const uint8_t series[] = {PAINT_ORIGINAL, PAINT_RECONSTRUCTION, PAINT_ERROR, PAINT_CLIP,
                                   PAINT_OUTLIER,  PAINT_MEDIAN,         PAINT_LEVEL};
  if (role >= ROLE_SERIES)
    return series[(size_t)(role - ROLE_SERIES) % sizeof series];
  return paints[role];
}

/* The shapes of things that are compared, in the order of the figures for print. */
enum glyph plot_point_glyph(enum role role)
{
  enum { SHAPES = GLYPH_CROSS - GLYPH_DISC + 1 };
  return role < ROLE_SERIES ? GLYPH_POINT
                            : (enum glyph)(GLYPH_DISC + (int)(role - ROLE_SERIES) % SHAPES);
}

struct style plot_ink(uint8_t paint)
{
  return (struct style){.ink = paint};
}

enum glyph plot_shape(enum role role, uint8_t *paint)
{
  *paint = plot_paint(role);
  return plot_point_glyph(role);
}

/* --- data to cells ------------------------------------------------------------------------ */

static double plot_scaled(const struct axis *axis, double value)
{
  double lo = axis->log ? log10(axis->lo) : axis->lo;
  double hi = axis->log ? log10(axis->hi) : axis->hi;
  if (axis->log)
    value = value > 0 ? log10(value) : -(double)INFINITY;
  return hi > lo ? (value - lo) / (hi - lo) : 0;
}

/* Position of X in columns of the data area; may be outside. */
double plot_column(const struct plot *plot, double x)
{
  return plot_scaled(&plot->panel->x, x) * plot->area.columns;
}

/* Height of Y in parts of a row, PARTS to each; what is there at all is at least one. */
static int parts_of(const struct plot *plot, double y, int parts)
{
  double most = plot->area.rows * parts, height = plot_scaled(&plot->panel->y, y) * most;
  if (!(height > 0))
    return 0;
  return height >= most ? (int)most : height < 1 ? 1 : (int)lround(height);
}

int plot_eighths(const struct plot *plot, double y)
{
  return parts_of(plot, y, EIGHTHS);
}

/* The largest value of MARK in each part of a column, ACROSS to each; NaN where it has none. */
void plot_largest(const struct plot *plot, const struct mark *mark, int across, double *value)
{
  int columns = plot->area.columns * across;
  bool bins = mark->kind == MARK_BARS || mark->kind == MARK_STEPS;
  for (int i = 0; i < columns; i++)
    value[i] = NAN;
  for (size_t i = 0; i < mark->n; i++) {
    double from = plot_column(plot, mark->x[i]) * across;
    double to = bins ? plot_column(plot, mark->x[i + 1]) * across : from;
    if (!(to >= 0 && from <= columns) || isnan(mark->y[i]))
      continue;
    double first = ceil(fmax(from, 0) - 0.5), last = ceil(fmin(to, columns) - 0.5) - 1;
    if (first > last)
      first = last = fmin(floor((from + to) / 2), columns - 1);
    for (int c = (int)fmax(first, 0); c <= (int)last && c < columns; c++)
      value[c] = fmax(value[c], mark->y[i]);
  }
}

static void columns_of(const struct plot *plot, const struct mark *mark, double *value)
{
  plot_largest(plot, mark, 1, value);
}

/* The values of a line in the parts of columns, ACROSS to each, between its points I and I + 1,
 * which have none of their own. */
static void join(const struct plot *plot, const struct mark *mark, size_t i, int across,
                 double *value)
{
  size_t left = mark->x[i] <= mark->x[i + 1] ? i : i + 1, right = 2 * i + 1 - left;
  double from = plot_column(plot, mark->x[left]) * across,
         to = plot_column(plot, mark->x[right]) * across;
  double low = mark->y[left], high = mark->y[right];
  bool log = plot->panel->y.log && low > 0 && high > 0;
  if (!isfinite(low) || !isfinite(high) || !(from < to))
    return;
  int last = (int)fmin(floor(to), plot->area.columns * across) - 1;
  for (int c = (int)fmax(floor(from) + 1, 0); c <= last; c++) {
    double t = (c + 0.5 - from) / (to - from);
    double y = log ? low * pow(high / low, t) : low + t * (high - low);
    value[c] = isnan(value[c]) ? y : value[c];
  }
}

/* The same for a whole line: all that it has in each part of a column. */
static void joined(const struct plot *plot, const struct mark *mark, int across, double *value)
{
  plot_largest(plot, mark, across, value);
  for (size_t i = 0; i + 1 < mark->n; i++)
    join(plot, mark, i, across, value);
}

/* Row of the cell that holds the EIGHTHSth eighth from below (1 is the lowest). */
int plot_row(const struct plot *plot, int eighths)
{
  return plot->area.row + plot->area.rows - 1 - (eighths > 0 ? eighths - 1 : 0) / EIGHTHS;
}

/* Draws over what is there: a full block below becomes the paper. */
static void over_code(const struct plot *plot, int row, int column, uint32_t code, uint8_t paint)
{
  const struct cell *below = cells_at(plot->cells, row, column);
  if (!below)
    return;
  struct style style = {.ink = paint, .paper = below->style.paper};
  if (!plot->glyphs->ascii && below->code == plot->glyphs->code[GLYPH_BAR_8] &&
      below->style.ink != paint)
    style.paper = below->style.ink;
  cells_put(plot->cells, row, column, code, style);
}

static void over(const struct plot *plot, int row, int column, enum glyph glyph, uint8_t paint)
{
  over_code(plot, row, column, plot->glyphs->code[glyph], paint);
}

/* --- marks -------------------------------------------------------------------------------- */

static bool band_columns(const struct plot *plot, const struct mark *mark, int *first, int *last)
{
  double from = plot_column(plot, mark->x[0]), to = plot_column(plot, mark->x[1]);
  *first = (int)fmax(0, ceil(from - 0.5));
  *last = (int)fmin(plot->area.columns - 1, ceil(to - 0.5) - 1);
  return *first <= *last;
}

static void draw_band(const struct plot *plot, const struct mark *mark)
{
  int first, last;
  if (!band_columns(plot, mark, &first, &last))
    return;
  struct rect rect = plot->area;
  rect.column += first;
  rect.columns = last - first + 1;
  struct style style = {.ink = PAINT_SHADE, .attributes = CELL_DIM};
  cells_fill(plot->cells, rect, plot->glyphs->code[GLYPH_SHADE], style);
}

/* Bars inside a band take its colour: that is the share it speaks of. */
static uint8_t bar_paint(const struct plot *plot, enum role role, int column)
{
  for (size_t i = 0; i < plot->panel->marks; i++) {
    const struct mark *band = plot->panel->mark[i];
    int first, last;
    if (band->kind == MARK_BAND && band_columns(plot, band, &first, &last) && column >= first &&
        column <= last)
      return plot_paint(band->role);
  }
  return plot_paint(role);
}

/* One column of bars, two side by side in each cell. */
static void draw_pair(const struct plot *plot, int column, const int *height, uint8_t paint)
{
  int down = plot->glyphs->bars.down, tallest = height[0] > height[1] ? height[0] : height[1];
  for (int done = 0; done < tallest; done += down) {
    unsigned parts = 0;
    for (int i = 0; i < down; i++)
      for (int side = 0; side < 2; side++)
        if (done + i < height[side])
          parts |= 1U << (2 * (down - 1 - i) + side);
    cells_put(plot->cells, plot->area.row + plot->area.rows - 1 - done / down,
              plot->area.column + column, plot->glyphs->bars.pattern(parts), plot_ink(paint));
  }
}

/* A bar that goes on above the axis says so. */
static void point_up(const struct plot *plot, int column, double value, uint8_t paint)
{
  if (value > plot->panel->y.hi)
    cells_put(plot->cells, plot->area.row, plot->area.column + column, plot->glyphs->code[GLYPH_UP],
              plot_ink(paint));
}

/* Where a cell has two parts across, it shows two bars. */
static void draw_pairs(const struct plot *plot, const struct mark *mark)
{
  double value[2 * COLUMNS_MOST];
  plot_largest(plot, mark, 2, value);
  for (int c = 0; c < plot->area.columns; c++) {
    const double *pair = value + 2 * (size_t)c;
    const int height[2] = {parts_of(plot, pair[0], plot->glyphs->bars.down),
                           parts_of(plot, pair[1], plot->glyphs->bars.down)};
    int eighths = plot_eighths(plot, fmax(pair[0], pair[1]));
    plot->bar[c] = eighths > plot->bar[c] ? eighths : plot->bar[c];
    draw_pair(plot, c, height, bar_paint(plot, mark->role, c));
    point_up(plot, c, fmax(pair[0], pair[1]), bar_paint(plot, mark->role, c));
  }
}

/* The row of a lane's zero; as many rows are above as below, or one less. */
static int lane_zero(const struct plot *plot)
{
  return plot->area.row + (plot->area.rows - 1) / 2;
}

/* A bar of so many EIGHTHS that hangs from the top of ROW: the lower part, inverted. */
static void hang(const struct plot *plot, int row, int column, int eighths, uint8_t paint)
{
  struct style style = {.ink = paint, .attributes = CELL_REVERSE};
  uint32_t full = plot->glyphs->code[GLYPH_BAR_8], code = plot->glyphs->code[GLYPH_BAR_8 - eighths];
  if (plot->glyphs->ascii || eighths == EIGHTHS)
    cells_put(plot->cells, row, column, eighths > 4 ? full : plot->glyphs->code[GLYPH_CAP_HIGH],
              plot_ink(paint));
  else /* halves have no other part that could be seen */
    cells_put(plot->cells, row, column, code == full ? plot->glyphs->code[GLYPH_BAR_4] : code,
              style);
}

/* Bars that stand and hang on the zero line; on the line their sign. */
static void draw_lane(const struct plot *plot, const struct mark *mark)
{
  double value[COLUMNS_MOST];
  uint8_t paint = plot_paint(mark->role);
  int zero = lane_zero(plot), above = zero - plot->area.row;
  columns_of(plot, mark, value);
  for (int c = 0; c < plot->area.columns; c++) {
    int column = plot->area.column + c;
    int height = (int)lround(fmin(fabs(value[c]) / plot->panel->y.hi, 1) * above * EIGHTHS);
    if (isnan(value[c]) || value[c] == 0)
      continue;
    cells_put(plot->cells, zero, column, value[c] > 0 ? '+' : '-', plot_ink(paint));
    for (int row = 1; height > 0; row++, height -= EIGHTHS) {
      int part = height < EIGHTHS ? height : EIGHTHS;
      if (value[c] < 0)
        hang(plot, zero + row, column, part, paint);
      else
        cells_put(plot->cells, zero - row, column, plot->glyphs->code[GLYPH_BAR_0 + part],
                  plot_ink(paint));
    }
  }
}

static void draw_bars(const struct plot *plot, const struct mark *mark)
{
  if (plot->panel->lane)
    return draw_lane(plot, mark);
  if (plot->glyphs->bars.pattern)
    return draw_pairs(plot, mark);
  double value[COLUMNS_MOST];
  columns_of(plot, mark, value);
  for (int c = 0; c < plot->area.columns; c++) {
    uint8_t paint = bar_paint(plot, mark->role, c);
    int height = plot_eighths(plot, value[c]);
    plot->bar[c] = height > plot->bar[c] ? height : plot->bar[c];
    for (int done = 0; done < height; done += EIGHTHS) {
      int part = height - done < EIGHTHS ? height - done : EIGHTHS;
      cells_put(plot->cells, plot_row(plot, done + 1), plot->area.column + c,
                plot->glyphs->code[GLYPH_BAR_0 + part], plot_ink(paint));
    }
    point_up(plot, c, value[c], paint);
  }
}

/* The glyph of a horizontal stroke at a height within its cell. */
static enum glyph cap_of(int eighths)
{
  int within = (eighths - 1) % EIGHTHS;
  return within < 3 ? GLYPH_CAP_LOW : within < 6 ? GLYPH_CAP_MIDDLE : GLYPH_CAP_HIGH;
}

/* An outline over the bars: a cap at its height, and a stem where it rises above them. */
static void draw_steps(const struct plot *plot, const struct mark *mark)
{
  double value[COLUMNS_MOST];
  uint8_t paint = plot_paint(mark->role);
  columns_of(plot, mark, value);
  for (int c = 0; c < plot->area.columns; c++) {
    if (isnan(value[c]))
      continue;
    int height = plot_eighths(plot, value[c]), bar = plot->bar[c];
    int column = plot->area.column + c, top = plot_row(plot, height);
    if (height == 0 || (bar > 0 && abs(height - bar) < TELLING))
      continue; /* nothing to see, or the bar says it */
    for (int row = plot_row(plot, bar) - 1; bar > 0 && row > top; row--)
      over(plot, row, column, GLYPH_STEM, paint);
    over(plot, top, column, cap_of(height), paint);
  }
}

/* Errors are known bin by bin, and nothing between. */
static bool is_joined(enum role role)
{
  return role >= ROLE_SERIES || role == ROLE_MEDIAN || role == ROLE_REFERENCE;
}

static void draw_caps(const struct plot *plot, const struct mark *mark)
{
  double value[COLUMNS_MOST];
  if (is_joined(mark->role))
    joined(plot, mark, 1, value);
  else
    columns_of(plot, mark, value);
  for (int c = 0; c < plot->area.columns; c++) {
    int height = isnan(value[c]) ? 0 : plot_eighths(plot, value[c]);
    if (height > 0)
      over(plot, plot_row(plot, height), plot->area.column + c, cap_of(height),
           plot_paint(mark->role));
  }
}

/* Where a curve is in half a column, in parts of a row from below: what it climbs from the half
 * before, too, so that it has no gaps. From 1; nothing where TO is 0. */
struct span {
  int from, to;
};

static void spans_of(const struct plot *plot, const double *value, struct span *span)
{
  int before = 0, halves = 2 * plot->area.columns;
  for (int i = 0; i < halves; i++) {
    int at = isnan(value[i]) ? 0 : parts_of(plot, value[i], plot->glyphs->curves.down);
    span[i] = (struct span){at, at};
    if (at > 0 && before > 0 && before < at - 1)
      span[i].from = before + 1;
    if (at > 0 && before > at + 1)
      span[i].to = before - 1;
    before = at;
  }
}

/* The parts of column COLUMN that PAIR fills, which are ROW rows of cells above the lowest. */
static unsigned filled(const struct span *pair, int row, int down)
{
  unsigned parts = 0;
  for (int side = 0; side < 2; side++)
    for (int i = 0; i < down; i++) {
      int part = row * down + i + 1;
      if (pair[side].to > 0 && part >= pair[side].from && part <= pair[side].to)
        parts |= 1U << (2 * (down - 1 - i) + side);
    }
  return parts;
}

static void draw_curve(const struct plot *plot, const struct mark *mark)
{
  const struct parts *curves = &plot->glyphs->curves;
  double value[2 * COLUMNS_MOST];
  struct span span[2 * COLUMNS_MOST];
  joined(plot, mark, 2, value);
  spans_of(plot, value, span);
  for (int c = 0; c < plot->area.columns; c++)
    for (int row = 0; row < plot->area.rows; row++) {
      unsigned parts = filled(span + 2 * (size_t)c, row, curves->down);
      if (parts)
        over_code(plot, plot->area.row + plot->area.rows - 1 - row, plot->area.column + c,
                  curves->pattern(parts), plot_paint(mark->role));
    }
}

static void draw_line(const struct plot *plot, const struct mark *mark)
{
  bool curve = plot->glyphs->curves.pattern && is_joined(mark->role);
  (curve ? draw_curve : draw_caps)(plot, mark);
}

/* Writes a label where nothing but blanks would be covered; false when there is no such place. */
static bool label_at(const struct plot *plot, int row, int column, const char *label,
                     struct style style)
{
  int width = text_width(plot->cells, label);
  if (row < plot->area.row || row >= plot->area.row + plot->area.rows ||
      column < plot->area.column || column + width > plot->area.column + plot->area.columns)
    return false;
  for (int i = -1; i <= width; i++) { /* the neighbours, too: text shall not touch a bar */
    const struct cell *cell = cells_at(plot->cells, row, column + i);
    if (cell && column + i >= plot->area.column && cell->code != ' ' &&
        cell->code != plot->glyphs->code[GLYPH_SHADE])
      return false;
  }
  cells_text(plot->cells, cells_all(plot->cells), row, column, style, label);
  return true;
}

/* Beside COLUMN: on its right, else on its left; in ROW or a few rows around. */
static void label_beside(const struct plot *plot, int row, int column, const char *label,
                         struct style style)
{
  static const int tries[] = {0, -1, 1, -2, 2, 3, 4};
  int width = text_width(plot->cells, label);
  for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
    if (label_at(plot, row + tries[i], column + 2, label, style) ||
        label_at(plot, row + tries[i], column - 1 - width, label, style))
      return;
}

static void draw_points(const struct plot *plot, const struct mark *mark)
{
  for (size_t i = 0; i < mark->n; i++) {
    double at = plot_column(plot, mark->x[i]);
    int height = plot_eighths(plot, mark->y[i]);
    if (!(at >= 0 && at < plot->area.columns) || height == 0)
      continue;
    int column = plot->area.column + (int)at, row = plot_row(plot, height);
    const struct cell *below = cells_at(plot->cells, row, column);
    if (below->code != ' ' && mark->role < ROLE_SERIES && row > plot->area.row)
      row--; /* on top of the bar, not over its end */
    over(plot, row, column, plot_point_glyph(mark->role), plot_paint(mark->role));
    if (mark->label && mark->n == 1) /* several share one in the legend */
      label_beside(plot, row, column, mark->label, plot_ink(plot_paint(mark->role)));
  }
}

static void draw_series(const struct plot *plot, const struct mark *mark)
{
  const struct mark points = {
      .kind = MARK_POINTS, .role = mark->role, .n = mark->n, .x = mark->x, .y = mark->y};
  draw_line(plot, mark);
  draw_points(plot, &points);
}

static int vline_column(const struct plot *plot, const struct mark *mark)
{
  double at = plot_column(plot, mark->x[0]);
  if (!(at >= -0.01 && at <= plot->area.columns + 0.01))
    return -1;
  return plot->area.column + (int)fmin(fmax(at, 0), plot->area.columns - 1);
}

static void draw_vline(const struct plot *plot, const struct mark *mark)
{
  int column = vline_column(plot, mark);
  for (int row = 0; column >= 0 && row < plot->area.rows; row++)
    over(plot, plot->area.row + row, column, GLYPH_CLIP, plot_paint(mark->role));
}

static void draw_hline(const struct plot *plot, const struct mark *mark)
{
  if (plot->panel->lane) {
    /* A dash would be a sign. */
    uint32_t line = plot->glyphs->ascii ? '.' : plot->glyphs->code[GLYPH_DASH];
    for (int c = 0; c < plot->area.columns; c++)
      if (cells_at(plot->cells, lane_zero(plot), plot->area.column + c)->code == ' ')
        cells_put(plot->cells, lane_zero(plot), plot->area.column + c, line,
                  plot_ink(plot_paint(mark->role)));
    return;
  }
  double at = plot_scaled(&plot->panel->y, mark->x[0]);
  if (!(at >= 0 && at <= 1))
    return;
  int row = plot_row(plot, plot_eighths(plot, mark->x[0]));
  for (int c = 0; c < plot->area.columns; c++) {
    uint32_t below = cells_at(plot->cells, row, plot->area.column + c)->code;
    /* The end of a bar says more than the line through it. */
    if (below == ' ' || below == plot->glyphs->code[GLYPH_BAR_8])
      over(plot, row, plot->area.column + c, GLYPH_DASH, plot_paint(mark->role));
  }
}

static void label_vline(const struct plot *plot, const struct mark *mark)
{
  int column = vline_column(plot, mark);
  if (column >= 0 && mark->label)
    label_beside(plot, plot->area.row, column, mark->label, plot_ink(plot_paint(mark->role)));
}

static void label_hline(const struct plot *plot, const struct mark *mark)
{
  double at = plot_scaled(&plot->panel->y, mark->x[0]);
  if (!mark->label || !(at >= 0 && at <= 1))
    return;
  int row = plot_row(plot, plot_eighths(plot, mark->x[0])),
      width = text_width(plot->cells, mark->label);
  int right = plot->area.column + plot->area.columns;
  struct style style = plot_ink(plot_paint(mark->role));
  if (label_at(plot, row - 1, right - width, mark->label, style) ||
      label_at(plot, row - 1, plot->area.column + 1, mark->label, style))
    return;
  for (int up = 1; up <= row - plot->area.row; up++)
    if (label_at(plot, row - up, right - width, mark->label, style))
      return;
  label_at(plot, row + 1, right - width, mark->label, style);
}

static bool band_label_at(const struct plot *plot, int first, int last, const char *label,
                          struct style style)
{
  int width = text_width(plot->cells, label), left = plot->area.column;
  const int columns[] = {left + (first + last + 1 - width) / 2, left + first - width - 2,
                         left + last + 3};
  for (int row = plot->area.row + 1; row < plot->area.row + plot->area.rows; row++)
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
      if (label_at(plot, row, columns[i], label, style))
        return true;
  return false;
}

/* In the band or beside it; where that is too narrow, without the last word. */
static void label_band(const struct plot *plot, const struct mark *mark)
{
  int first, last;
  char words[64];
  if (!mark->label || !band_columns(plot, mark, &first, &last))
    return;
  struct style style = {.ink = plot_paint(mark->role), .attributes = CELL_BOLD};
  snprintf(words, sizeof words, "%s", mark->label);
  char *blank = strrchr(words, ' ');
  if (!band_label_at(plot, first, last, words, style) && blank) {
    *blank = 0;
    band_label_at(plot, first, last, words, style);
  }
}
/* --- all of them -------------------------------------------------------------------------- */

void plot_draw_marks(const struct plot *plot, enum mark_kind kind,
                     void (*draw)(const struct plot *, const struct mark *))
{
  for (size_t i = 0; i < plot->panel->marks; i++)
    if (plot->panel->mark[i]->kind == kind)
      draw(plot, plot->panel->mark[i]);
}

void plot_all_marks(const struct plot *plot)
{
  static const struct {
    enum mark_kind kind;
    void (*draw)(const struct plot *, const struct mark *);
  } order[] = {{MARK_BAND, draw_band},    {MARK_BARS, draw_bars},     {MARK_HLINE, draw_hline},
               {MARK_STEPS, draw_steps},  {MARK_LINE, draw_line},     {MARK_SERIES, draw_series},
               {MARK_VLINE, draw_vline},  {MARK_POINTS, draw_points}, {MARK_VLINE, label_vline},
               {MARK_HLINE, label_hline}, {MARK_BAND, label_band}};
  for (size_t i = 0; i < sizeof order / sizeof *order; i++)
    plot_draw_marks(plot, order[i].kind, order[i].draw);
}
