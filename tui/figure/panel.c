/* A panel: frame, axes, marks and labels. */
#include "tui/figure/plot.h"

#include <cairo.h>
#include <math.h>
#include <stdio.h>

const double tick_length = 3;
static const double minor_room = 14; /* a decade this tall has minor ticks */

static void axis_title(const struct axis *axis, char *text, size_t size)
{
  int length =
      snprintf(text, size, "%s%s%s%s", axis->label ? axis->label : "", axis->unit ? " (" : "",
               axis->unit ? axis->unit : "", axis->unit ? ")" : "");
  if (length > 0 && (size_t)length >= size)
    text[text_boundary(text, size - 2)] = '\0';
}

static void draw_minor_ticks(const struct plot *plot, const struct scale *scale)
{
  const struct axis *axis = scale->axis;
  double decade = fabs(scale->to - scale->from) / log10(axis->hi / axis->lo);
  if (!axis->log || !(decade >= minor_room))
    return;
  for (double power = pow(10, floor(log10(axis->lo))); power < axis->hi; power *= 10)
    for (int k = 2; k < 10; k++)
      if (k * power > axis->lo && k * power < axis->hi) {
        double y = scale_place(scale, k * power);
        canvas_segment(plot->canvas, plot->frame.x0 - 1.6, y, plot->frame.x0, y);
      }
}

/* Numbers on a number line, and names, stand under the panel below when that has the same ones. */
static bool has_labels(const struct plot *plot)
{
  return plot->has_x_title || !(plot->panel->ruler || plot->panel->x.names);
}

/* The height of the labels under the x axis: as many lines, or the longest one when they are
 * turned, but never most of the picture. */
static double labels_height(const struct plot *plot)
{
  const struct canvas *canvas = plot->canvas;
  const double most = (canvas->height > 0 ? canvas->height : canvas->width) / 3;
  return plot->x.turned ? fmin(scale_widest_tick(canvas, &plot->x), most) + 3 : text_row(TEXT_TICK);
}

/* The label of tick I under X, below TOP. */
static void draw_x_label(const struct plot *plot, size_t i, double x, double top)
{
  const struct canvas *canvas = plot->canvas;
  char text[TEXT_MOST], fitted[TEXT_MOST];
  scale_tick_text(canvas, &plot->x, i, text, sizeof text);
  if (!plot->x.turned) {
    canvas_text(canvas, TEXT_TICK, text, x, top + text_row(TEXT_TICK), 0.5);
    return;
  }
  canvas_fit(canvas, TEXT_TICK, text, fitted, labels_height(plot) - 2);
  cairo_save(canvas->cr);
  cairo_translate(canvas->cr, x + text_size[TEXT_TICK] * 0.36, top + 2);
  cairo_rotate(canvas->cr, -M_PI / 2);
  canvas_text(canvas, TEXT_TICK, fitted, 0, 0, 1);
  cairo_restore(canvas->cr);
}

static void draw_x_axis(const struct plot *plot)
{
  const struct canvas *canvas = plot->canvas;
  double bottom = plot->frame.y1 + (plot->has_rug ? rug_height : 0);
  char text[TEXT_MOST];
  if (!has_labels(plot))
    return;
  for (size_t i = 0; i < plot->x.ticks; i++) {
    double x = scale_place(&plot->x, plot->x.tick[i]);
    draw_x_label(plot, i, x, bottom + tick_length);
    canvas_line(canvas, &(struct style){.stroke = canvas->theme->frame, .width = 0.6});
    canvas_segment(canvas, x, bottom, x, bottom + tick_length);
  }
  if (!plot->has_x_title)
    return;
  axis_title(&plot->panel->x, text, sizeof text);
  canvas_text(canvas, TEXT_LABEL, text, (plot->frame.x0 + plot->frame.x1) / 2,
              bottom + tick_length + labels_height(plot) + text_row(TEXT_LABEL) + 1, 0.5);
}

static void draw_y_axis(const struct plot *plot, double label_x)
{
  const struct canvas *canvas = plot->canvas;
  const struct box *frame = &plot->frame;
  char text[TEXT_MOST], title[TEXT_MOST];
  for (size_t i = 0; i < plot->y.ticks; i++) {
    double y = scale_place(&plot->y, plot->y.tick[i]);
    scale_tick_text(canvas, &plot->y, i, text, sizeof text);
    canvas_text(canvas, TEXT_TICK, text, frame->x0 - tick_length - 2,
                y + text_size[TEXT_TICK] * 0.36, 1);
    canvas_line(canvas, &(struct style){.stroke = canvas->theme->frame, .width = 0.6});
    canvas_segment(canvas, frame->x0 - tick_length, y, frame->x0, y);
  }
  canvas_line(canvas, &(struct style){.stroke = canvas->theme->frame, .width = 0.5});
  draw_minor_ticks(plot, &plot->y);
  axis_title(&plot->panel->y, title, sizeof title);
  canvas_fit(canvas, TEXT_LABEL, title, text, frame->y1 - frame->y0 + 20);
  cairo_save(canvas->cr);
  cairo_translate(canvas->cr, label_x, (frame->y0 + frame->y1) / 2);
  cairo_rotate(canvas->cr, -M_PI / 2);
  canvas_text(canvas, TEXT_LABEL, text, 0, 0, 0.5);
  cairo_restore(canvas->cr);
}

static void draw_frame(const struct plot *plot)
{
  const struct canvas *canvas = plot->canvas;
  const struct box *frame = &plot->frame;
  double bottom = frame->y1 + (plot->has_rug ? rug_height : 0);
  canvas_line(canvas, &(struct style){.stroke = canvas->theme->frame, .width = 0.6});
  if (plot->panel->ruler) {
    canvas_segment(canvas, frame->x0, bottom, frame->x1, bottom);
    return;
  }
  cairo_rectangle(canvas->cr, frame->x0, frame->y0, frame->x1 - frame->x0, frame->y1 - frame->y0);
  cairo_stroke(canvas->cr);
  if (plot->has_rug)
    canvas_segment(canvas, frame->x0, bottom, frame->x1, bottom);
}

/* True when the levels need a strip of their own under the frame. */
static bool has_rug(const struct panel *panel)
{
  if (panel->ruler)
    return false;
  for (size_t i = 0; i < panel->marks; i++)
    if (panel->mark[i]->kind == MARK_TICKS)
      return true;
  return false;
}

/* A panel without marks is a sentence. */
static void draw_sentence(const struct canvas *canvas, const struct panel *panel,
                          const struct box *area)
{
  char text[TEXT_MOST];
  canvas_fit(canvas, TEXT_LABEL, panel->title ? panel->title : "", text, area->x1 - area->x0);
  canvas_text(canvas, TEXT_LABEL, text, (area->x0 + area->x1) / 2, (area->y0 + area->y1) / 2, 0.5);
}

static double foot_height(const struct plot *plot)
{
  if (!has_labels(plot))
    return plot->panel->ruler ? 1 : text_row(TEXT_TICK);
  return (plot->has_rug ? rug_height : 0) + tick_length + labels_height(plot) +
         (plot->has_x_title ? text_row(TEXT_LABEL) : 0) + 3;
}

/* Calls DRAW with everything outside the frame cut off. */
static void draw_inside(struct plot *plot, void (*draw)(struct plot *plot))
{
  cairo_t *cr = plot->canvas->cr;
  const struct box *frame = &plot->frame;
  cairo_save(cr);
  cairo_rectangle(cr, frame->x0, frame->y0, frame->x1 - frame->x0, frame->y1 - frame->y0);
  cairo_clip(cr);
  draw(plot);
  cairo_restore(cr);
}

double panel_surround(const struct canvas *canvas, const struct panel *panel, double left,
                      double right, bool has_x_title)
{
  struct plot plot = {
      .canvas = canvas, .panel = panel, .has_x_title = has_x_title, .frame = {left, 0, right, 0}};
  if (panel->marks == 0)
    return 0;
  plot.x = (struct scale){.axis = &panel->x, .from = left, .to = right};
  scale_choose_ticks(canvas, &plot.x, true);
  cairo_save(canvas->cr);
  cairo_rectangle(canvas->cr, 0, 0, 0, 0); /* measured, not drawn */
  cairo_clip(canvas->cr);
  double height = labels_head(&plot, 0);
  cairo_restore(canvas->cr);
  return height +
         (plot.x.turned && has_labels(&plot) ? labels_height(&plot) - text_row(TEXT_TICK) : 0);
}

void panel_draw(const struct canvas *canvas, const struct panel *panel, const struct box *area,
                double left, double right, bool has_x_title)
{
  if (panel->marks == 0) {
    draw_sentence(canvas, panel, area);
    return;
  }
  struct plot plot = {
      .canvas = canvas, .panel = panel, .has_rug = has_rug(panel), .has_x_title = has_x_title};
  plot.x = (struct scale){.axis = &panel->x, .from = left, .to = right};
  scale_choose_ticks(canvas, &plot.x, true);
  plot.frame = (struct box){left, area->y0, right, area->y1 - foot_height(&plot)};
  plot.frame.y0 = fmin(labels_head(&plot, area->y0), plot.frame.y1 - 4 * canvas->pixel);
  plot.frame.y0 = canvas_snap(canvas, plot.frame.y0);
  plot.frame.y1 = canvas_snap(canvas, plot.frame.y1);
  plot.y = (struct scale){.axis = &panel->y, .from = plot.frame.y1, .to = plot.frame.y0};
  if (panel->y.down)
    plot.y = (struct scale){.axis = &panel->y, .from = plot.frame.y0, .to = plot.frame.y1};
  if (!panel->ruler)
    scale_choose_ticks(canvas, &plot.y, false);
  draw_inside(&plot, plot_marks);
  plot_rug(&plot);
  draw_frame(&plot);
  plot_vlines(&plot);
  draw_inside(&plot, labels_points);
  draw_x_axis(&plot);
  if (!panel->ruler)
    draw_y_axis(&plot, area->x0 + text_size[TEXT_LABEL]);
}
