/* The marks of a panel. */
#include "tui/figure/plot.h"

#include "analysis/colormap.h"

#include <cairo.h>
#include <math.h>

const double dot_radius = 1.8, rug_height = 5;
static const double bar_gap = 3; /* bars of separate things this wide keep a distance */

struct style plot_style(const struct plot *plot, const struct mark *mark)
{
  return theme_style(plot->canvas->theme, mark->role);
}

static void stroke_style(const struct plot *plot, const struct mark *mark)
{
  const struct style style = plot_style(plot, mark);
  canvas_line(plot->canvas, &style);
}

double plot_bar_top(const struct plot *plot, double height)
{
  double y = scale_place(&plot->y, height);
  return isnan(y) ? plot->y.from : y;
}

static double bar_base(const struct plot *plot)
{
  return plot->panel->y.log ? plot->frame.y1 : scale_place(&plot->y, 0);
}

/* Channels and the like: one bar each, not a shape. */
static void fill_bars_apart(const struct plot *plot, const struct mark *mark, double distance)
{
  const struct canvas *canvas = plot->canvas;
  double base = canvas_snap(canvas, bar_base(plot));
  double shrink = distance >= bar_gap ? distance * 0.1 : 0;
  for (size_t i = 0; i < mark->n; i++) {
    double x0 = canvas_snap(canvas, scale_place(&plot->x, mark->x[i]) + shrink);
    double x1 = canvas_snap(canvas, scale_place(&plot->x, mark->x[i + 1]) - shrink);
    cairo_rectangle(canvas->cr, x0, base, x1 - x0, plot_bar_top(plot, mark->y[i]) - base);
  }
  canvas_color(canvas, plot_style(plot, mark).stroke, 0.75);
  cairo_fill(canvas->cr);
}

/* The outline of bars or steps: one path for each run of them that stands above the base, so that
 * nothing is drawn where there is nothing. */
static void outline(const struct plot *plot, const struct mark *mark)
{
  const struct canvas *canvas = plot->canvas;
  double base = bar_base(plot);
  bool standing = false;
  for (size_t i = 0; i < mark->n; i++) {
    double x0 = canvas_snap(canvas, scale_place(&plot->x, mark->x[i]));
    double x1 = canvas_snap(canvas, scale_place(&plot->x, mark->x[i + 1])),
           y = plot_bar_top(plot, mark->y[i]);
    bool stands = fabs(y - base) > 1e-6;
    if (stands && !standing)
      cairo_move_to(canvas->cr, x0, base);
    if (stands) {
      cairo_line_to(canvas->cr, x0, y);
      cairo_line_to(canvas->cr, x1, y);
    } else if (standing) {
      cairo_line_to(canvas->cr, x0, base);
    }
    if (stands && i + 1 == mark->n)
      cairo_line_to(canvas->cr, x1, base);
    standing = stands;
  }
}

static void draw_steps(const struct plot *plot, const struct mark *mark)
{
  outline(plot, mark);
  stroke_style(plot, mark);
  cairo_stroke(plot->canvas->cr);
}

static void fill_bars_joined(const struct plot *plot, const struct mark *mark)
{
  const struct style style = plot_style(plot, mark);
  outline(plot, mark);
  canvas_color(plot->canvas, style.fill, 1);
  cairo_fill_preserve(plot->canvas->cr);
  canvas_line(plot->canvas, &(struct style){.stroke = style.stroke, .width = 0.5});
  cairo_stroke(plot->canvas->cr);
}

/* What lies beyond the scale of colours stands out from its neighbours at that end, with colours
 * and without: dark above the brightest, bright below the darkest, in every theme. */
static const uint32_t above_color = 0x8f2a00, below_color = 0xe0e0e0;

static void draw_cells(const struct plot *plot, const struct mark *mark)
{
  const struct canvas *canvas = plot->canvas;
  const double *y = mark->x + mark->across + 1;
  for (size_t i = 0; i < mark->n; i++) {
    size_t across = i % mark->across, down = i / mark->across;
    int level = colormap_level(&plot->panel->color, mark->y[i]);
    if (level == COLORMAP_NONE)
      continue;
    double x0 = canvas_snap(canvas, scale_place(&plot->x, mark->x[across]));
    double x1 = canvas_snap(canvas, scale_place(&plot->x, mark->x[across + 1]));
    double y0 =
        plot->panel->ruler ? plot->frame.y0 : canvas_snap(canvas, scale_place(&plot->y, y[down]));
    double y1 = plot->panel->ruler ? plot->frame.y1
                                   : canvas_snap(canvas, scale_place(&plot->y, y[down + 1]));
    uint32_t color = level == COLORMAP_BELOW    ? below_color
                     : level == COLORMAP_LEVELS ? above_color
                                                : colormap_rgb(level);
    cairo_rectangle(canvas->cr, x0, y0, x1 - x0, y1 - y0);
    canvas_color(canvas, color, 1);
    cairo_fill(canvas->cr);
  }
}

/* How wide the columns are that stand for several bars: visible on paper, too. */
static double column_width(const struct canvas *canvas)
{
  return ceil(0.5 / canvas->pixel) * canvas->pixel;
}

/* A path of columns, each as tall as the largest (or the smallest) of the bars in it. */
static void columns_path(const struct plot *plot, const struct mark *mark, bool largest)
{
  double base = bar_base(plot), width = column_width(plot->canvas);
  for (size_t i = 0; i < mark->n;) {
    double column = floor(scale_place(&plot->x, mark->x[i]) / width) * width;
    double top = plot_bar_top(plot, mark->y[i]);
    while (++i < mark->n && scale_place(&plot->x, mark->x[i]) < column + width) {
      double y = plot_bar_top(plot, mark->y[i]);
      top = largest ? fmin(top, y) : fmax(top, y); /* downwards is larger */
    }
    cairo_rectangle(plot->canvas->cr, column, top, width, base - top);
  }
}

/* More bars than columns: the smallest are solid and the largest stand behind them, so that
 * neither a peak nor a dip can vanish. */
static void fill_bars_dense(const struct plot *plot, const struct mark *mark)
{
  const struct style style = plot_style(plot, mark);
  columns_path(plot, mark, true);
  canvas_color(plot->canvas, style.fill, 1);
  cairo_fill(plot->canvas->cr);
  columns_path(plot, mark, false);
  canvas_color(plot->canvas, style.stroke, 0.75);
  cairo_fill(plot->canvas->cr);
}

static void draw_bars(const struct plot *plot, const struct mark *mark)
{
  if (mark->n == 0)
    return;
  double span = fabs(scale_place(&plot->x, mark->x[mark->n]) - scale_place(&plot->x, mark->x[0]));
  double distance = span / (double)mark->n;
  if (distance < column_width(plot->canvas))
    fill_bars_dense(plot, mark);
  else if (plot->panel->x.integral)
    fill_bars_apart(plot, mark, distance);
  else
    fill_bars_joined(plot, mark);
}

void plot_dot(const struct plot *plot, const struct mark *mark, double x, double y, double radius)
{
  const struct canvas *canvas = plot->canvas;
  cairo_new_sub_path(canvas->cr);
  cairo_arc(canvas->cr, x, y, radius, 0, 2 * M_PI);
  canvas_color(canvas, plot_style(plot, mark).stroke, 1);
  cairo_fill(canvas->cr);
}

/* Corners of the shapes, for a radius of 1; the cross is drawn as two strokes. */
static const struct {
  size_t corners;
  double at[4][2];
} shapes[] = {[SHAPE_SQUARE] = {4, {{-0.9, -0.9}, {0.9, -0.9}, {0.9, 0.9}, {-0.9, 0.9}}},
              [SHAPE_TRIANGLE] = {3, {{0, -1.25}, {1.15, 0.85}, {-1.15, 0.85}}},
              [SHAPE_DIAMOND] = {4, {{0, -1.3}, {1.3, 0}, {0, 1.3}, {-1.3, 0}}},
              [SHAPE_UPSIDE_DOWN] = {3, {{0, 1.25}, {1.15, -0.85}, {-1.15, -0.85}}},
              [SHAPE_CROSS] = {4, {{-1, -1}, {1, 1}, {-1, 1}, {1, -1}}}};
static const double shape_radius = 2.5;

static void cross(const struct canvas *canvas, double x, double y)
{
  const double(*at)[2] = shapes[SHAPE_CROSS].at;
  for (size_t i = 0; i < 4; i += 2)
    canvas_segment(canvas, x + shape_radius * at[i][0], y + shape_radius * at[i][1],
                   x + shape_radius * at[i + 1][0], y + shape_radius * at[i + 1][1]);
}

static void shape_path(const struct canvas *canvas, enum point_shape shape, double x, double y)
{
  cairo_new_path(canvas->cr);
  if (shape == SHAPE_DISC)
    cairo_arc(canvas->cr, x, y, shape_radius, 0, 2 * M_PI);
  for (size_t i = 0; shape != SHAPE_DISC && i < shapes[shape].corners; i++)
    cairo_line_to(canvas->cr, x + shape_radius * shapes[shape].at[i][0],
                  y + shape_radius * shapes[shape].at[i][1]);
  cairo_close_path(canvas->cr);
}

void plot_point(const struct plot *plot, const struct mark *mark, double x, double y)
{
  const struct canvas *canvas = plot->canvas;
  const struct style style = plot_style(plot, mark);
  if (mark->role < ROLE_SERIES) {
    plot_dot(plot, mark, x, y, dot_radius);
    return;
  }
  canvas_line(canvas, &(struct style){.stroke = style.stroke, .width = 1.1});
  if (style.shape == SHAPE_CROSS) {
    cross(canvas, x, y);
    return;
  }
  shape_path(canvas, style.shape, x, y);
  canvas_color(canvas, style.hollow ? canvas->theme->background : style.fill, 1);
  cairo_fill_preserve(canvas->cr);
  canvas_color(canvas, style.stroke, 1);
  cairo_stroke(canvas->cr);
}

static void draw_line(const struct plot *plot, const struct mark *mark)
{
  const struct canvas *canvas = plot->canvas;
  for (size_t i = 0; i < mark->n;) {
    double y = scale_place(&plot->y, mark->y[i]);
    size_t run = 0;
    for (; i + run < mark->n && !isnan(y = scale_place(&plot->y, mark->y[i + run])); run++)
      cairo_line_to(canvas->cr, scale_place(&plot->x, mark->x[i + run]), y);
    if (run == 1) { /* a point between gaps has no line: show it all the same */
      cairo_new_path(canvas->cr);
      plot_dot(plot, mark, scale_place(&plot->x, mark->x[i]), scale_place(&plot->y, mark->y[i]),
               0.9);
    }
    cairo_new_sub_path(canvas->cr);
    stroke_style(plot, mark);
    if (run > 1)
      cairo_stroke(canvas->cr);
    cairo_new_path(canvas->cr);
    i += run ? run : 1;
  }
}

static void draw_points(const struct plot *plot, const struct mark *mark)
{
  for (size_t i = 0; i < mark->n; i++)
    if (!isnan(mark->x[i]) && !isnan(mark->y[i]))
      plot_point(plot, mark, scale_place(&plot->x, mark->x[i]), scale_place(&plot->y, mark->y[i]));
}

static void draw_series(const struct plot *plot, const struct mark *mark)
{
  draw_line(plot, mark);
  draw_points(plot, mark);
}

static void draw_vline(const struct plot *plot, const struct mark *mark)
{
  double x = scale_place(&plot->x, mark->x[0]);
  if (x < plot->frame.x0 || x > plot->frame.x1)
    return;
  stroke_style(plot, mark);
  canvas_segment(plot->canvas, x, plot->frame.y0, x, plot->frame.y1);
}

static void draw_hline(const struct plot *plot, const struct mark *mark)
{
  double y = scale_place(&plot->y, mark->x[0]);
  stroke_style(plot, mark);
  canvas_segment(plot->canvas, plot->frame.x0, y, plot->frame.x1, y);
}

/* Tinted and hatched: the hatch carries the meaning without colour. */
static void draw_band(const struct plot *plot, const struct mark *mark)
{
  const struct canvas *canvas = plot->canvas;
  const struct box *frame = &plot->frame;
  double x0 = fmax(scale_place(&plot->x, mark->x[0]), frame->x0);
  double x1 = fmin(scale_place(&plot->x, mark->x[1]), frame->x1), height = frame->y1 - frame->y0;
  if (!(x0 < x1))
    return;
  cairo_save(canvas->cr);
  cairo_rectangle(canvas->cr, x0, frame->y0, x1 - x0, height);
  cairo_clip(canvas->cr);
  canvas_color(canvas, plot_style(plot, mark).fill, 0.13);
  cairo_paint(canvas->cr);
  canvas_color(canvas, plot_style(plot, mark).fill, 0.45);
  cairo_set_line_width(canvas->cr, 0.4);
  cairo_set_dash(canvas->cr, NULL, 0, 0);
  for (double x = x0 - height; x < x1; x += 5)
    canvas_segment(canvas, x, frame->y1, x + height, frame->y0);
  cairo_restore(canvas->cr);
}

/* The levels as a ruler under the frame; where they are too close to tell apart, a solid strip. */
static void draw_rug(const struct plot *plot, const struct mark *mark)
{
  const struct canvas *canvas = plot->canvas;
  struct style style = plot_style(plot, mark);
  double top = plot->frame.y1 + 0.8, bottom = plot->frame.y1 + rug_height, last = -1e9;
  if (plot->panel->ruler) {
    top = plot->frame.y0;
    bottom = plot->frame.y1;
  }
  double close = fmax(2 * canvas->pixel, 1.1);
  style.dash = DASH_SOLID;
  style.width = fmin(style.width, 0.6);
  for (size_t i = 0; i < mark->n; i++) {
    double x = scale_place(&plot->x, mark->x[i]);
    if (x - last < close) {
      double from = canvas_snap(canvas, last);
      canvas_color(canvas, style.fill, 1);
      cairo_rectangle(canvas->cr, from, top, canvas_snap(canvas, x) - from, bottom - top);
      cairo_fill(canvas->cr);
    } else {
      canvas_line(canvas, &style);
      canvas_segment(canvas, x, top, x, bottom);
    }
    last = x;
  }
}

/* A small arrow at the top wherever a bar goes on beyond the axis. */
static void draw_cut(const struct plot *plot, const struct mark *mark)
{
  const struct canvas *canvas = plot->canvas;
  double last = -1e9, top = plot->frame.y0;
  canvas_color(canvas, plot_style(plot, mark).stroke, 1);
  for (size_t i = 0; i < mark->n; i++) {
    double x = scale_place(&plot->x, (mark->x[i] + mark->x[i + 1]) / 2);
    if (!(mark->y[i] > plot->panel->y.hi) || isinf(mark->y[i]) || x - last < 4)
      continue;
    cairo_move_to(canvas->cr, x, top + 0.5);
    cairo_line_to(canvas->cr, x + 2.2, top + 4.5);
    cairo_line_to(canvas->cr, x - 2.2, top + 4.5);
    cairo_close_path(canvas->cr);
    cairo_fill(canvas->cr);
    last = x;
  }
}

static void draw_marks(const struct plot *plot, enum mark_kind kind,
                       void (*draw)(const struct plot *plot, const struct mark *mark))
{
  for (size_t i = 0; i < plot->panel->marks; i++)
    if (plot->panel->mark[i]->kind == kind)
      draw(plot, plot->panel->mark[i]);
}

static void draw_grid(const struct plot *plot)
{
  const struct canvas *canvas = plot->canvas;
  canvas_line(canvas, &(struct style){.stroke = canvas->theme->grid, .width = 0.5});
  for (size_t i = 0; i < plot->y.ticks; i++) {
    double y = canvas_snap(canvas, scale_place(&plot->y, plot->y.tick[i]));
    canvas_segment(canvas, plot->frame.x0, y, plot->frame.x1, y);
  }
}

void plot_marks(struct plot *plot)
{
  draw_grid(plot);
  draw_marks(plot, MARK_CELLS, draw_cells);
  draw_marks(plot, MARK_BARS, draw_bars);
  draw_marks(plot, MARK_BAND, draw_band);
  draw_marks(plot, MARK_STEPS, draw_steps);
  draw_marks(plot, MARK_LINE, draw_line);
  draw_marks(plot, MARK_HLINE, draw_hline);
  draw_marks(plot, MARK_SERIES, draw_series);
  draw_marks(plot, MARK_POINTS, draw_points);
  draw_marks(plot, MARK_BARS, draw_cut);
  draw_marks(plot, MARK_STEPS, draw_cut);
}

void plot_vlines(const struct plot *plot)
{
  draw_marks(plot, MARK_VLINE, draw_vline);
}

void plot_rug(const struct plot *plot)
{
  draw_marks(plot, MARK_TICKS, draw_rug);
}
