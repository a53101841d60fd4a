/* Draws a figure with Cairo: title, panels and caption on one canvas. */
#include "quant/base/size.h"
#include "tui/figure/file.h"
#include "tui/figure/plot.h"

#include <cairo.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double margin = 7, gap = 4;

/* A canvas of this size has room for text of these sizes; a smaller one gets the whole picture
 * scaled down, a larger one scaled up a little, so that it stays legible when it is printed in a
 * narrower column. */
static const double comfortable_width = 300, comfortable_head = 110, comfortable_panel = 100,
                    comfortable_ruler = 34, comfortable_lane = 84;
static const double most_enlarged = 1.25;

/* Bytes of the first word of TEXT; a number keeps its unit. */
static size_t word_length(const char *text)
{
  size_t length = strcspn(text, " ");
  while (strncmp(text + length, " %", 2) == 0 || strncmp(text + length, " dB", 3) == 0)
    length += 1 + strcspn(text + length + 1, " ");
  return length;
}

/* Bytes of TEXT that fit on a line of the caption: whole words, or part of one that is too long. */
static size_t line_length(const struct canvas *canvas, const char *text)
{
  char line[TEXT_MOST];
  double room = canvas->width - 2 * margin;
  size_t fits = 0;
  for (size_t end = 0; text[end];) {
    size_t next = end + strspn(text + end, " ");
    next += word_length(text + next);
    if (next >= sizeof line)
      break;
    memcpy(line, text, next);
    line[next] = '\0';
    if (canvas_text_width(canvas, TEXT_CAPTION, line) > room)
      break;
    fits = end = next;
  }
  if (fits > 0)
    return fits;
  canvas_fit(canvas, TEXT_CAPTION, text, line, room);
  fits = strlen(line) - strlen("\u2026"); /* continued on the next line */
  return fits > 0 && fits < strlen(text) ? fits : strlen(text);
}

/* Wraps TEXT to the canvas; draws it from baseline Y on when DRAW; returns its height. */
static double wrap(const struct canvas *canvas, const char *text, double y, bool draw)
{
  double height = 0;
  for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
    char line[TEXT_MOST];
    size_t length = line_length(canvas, text);
    snprintf(line, sizeof line, "%.*s", (int)length, text);
    if (draw)
      canvas_text(canvas, TEXT_CAPTION, line, margin, y + height, 0);
    height += text_row(TEXT_CAPTION);
    text += length;
  }
  return height;
}

static double draw_caption(const struct canvas *canvas, const struct figure *figure, double y,
                           bool draw)
{
  double height = 0;
  for (size_t i = 0; i < FIGURE_CAPTION_LINES; i++)
    if (figure->caption[i])
      height += wrap(canvas, figure->caption[i], y + height + text_size[TEXT_CAPTION], draw);
  return height;
}

/* The widest tick label of the x or the y axes when they are about LENGTH long. */
static double widest_label(const struct canvas *canvas, const struct figure *figure, double length,
                           bool horizontal)
{
  double widest = 0;
  for (size_t i = 0; i < figure->panels; i++) {
    const struct panel *panel = figure->panel[i];
    struct scale scale = {.axis = horizontal ? &panel->x : &panel->y, .from = 0, .to = length};
    if (panel->marks == 0 || (panel->ruler && !horizontal))
      continue;
    scale_choose_ticks(canvas, &scale, horizontal);
    widest = fmax(widest, scale.turned ? 0 : scale_widest_tick(canvas, &scale));
  }
  return widest;
}

/* True when panel I and the one below it have the same x axis: its title is said once. */
static bool shares_x(const struct figure *figure, size_t i)
{
  if (i + 1 >= figure->panels)
    return false;
  const struct axis *a = &figure->panel[i]->x, *b = &figure->panel[i + 1]->x;
  return figure->panel[i + 1]->marks > 0 && a->label && b->label &&
         strcmp(a->label, b->label) == 0 && !(a->lo < b->lo) && !(a->lo > b->lo) &&
         !(a->hi < b->hi) && !(a->hi > b->hi);
}

static void draw_title(const struct canvas *canvas, const char *title)
{
  char text[TEXT_MOST];
  canvas_fit(canvas, TEXT_TITLE, title, text, canvas->width - 2 * margin);
  canvas_text(canvas, TEXT_TITLE, text, margin, margin + text_size[TEXT_TITLE] * 0.8, 0);
}

/* The height of panel I that is low; 0: it shares what the low ones leave. */
static double low_height(const struct figure *figure, size_t i)
{
  const struct panel *panel = figure->panel[i];
  bool both = panel->title && i + 1 == figure->panels; /* a title above and one below */
  return panel->ruler ? comfortable_ruler + (both ? text_row(TEXT_LABEL) : 0)
                      : (panel->lane ? comfortable_lane : 0);
}

static size_t count_tall(const struct figure *figure)
{
  size_t count = 0;
  for (size_t i = 0; i < figure->panels; i++)
    count += low_height(figure, i) > 0 ? 0 : 1;
  return count;
}

/* The height of panel I in a figure of HEIGHT: low ones are lower where there are many. */
static double panel_height(const struct figure *figure, size_t i, double height)
{
  double equal = height / (double)figure->panels, lows = 0;
  size_t tall = count_tall(figure);
  for (size_t k = 0; k < figure->panels; k++)
    lows += fmin(low_height(figure, k), equal);
  if (tall == 0)
    return equal;
  double low = low_height(figure, i);
  return low > 0 ? fmin(low, equal) : (height - lows) / (double)tall;
}

static void draw_figure(const struct canvas *canvas, const struct figure *figure)
{
  canvas_color(canvas, canvas->theme->background, 1);
  cairo_paint(canvas->cr);
  draw_title(canvas, figure->title);
  double top = margin + text_row(TEXT_TITLE) + gap * 0.5;
  double caption = draw_caption(canvas, figure, 0, false);
  double bottom = canvas->height - margin - caption - (caption > 0 ? gap : 0);
  draw_caption(canvas, figure, bottom + gap, true);
  double list = list_height(canvas, figure);
  bottom -= list + (list > 0 ? gap : 0);
  list_draw(canvas, figure, bottom + gap);
  if (figure->panels == 0)
    return;
  double height = bottom - top, tallest = 0;
  for (size_t i = 0; i < figure->panels; i++)
    tallest = fmax(tallest, panel_height(figure, i, height));
  double left = margin + text_row(TEXT_LABEL) + 5 + tick_length +
                widest_label(canvas, figure, tallest * 0.7, false);
  /* The last label of an x axis may stand under its end. */
  double over = widest_label(canvas, figure, canvas->width - left, true) / 2;
  double right = canvas->width - fmax(margin + 6, over + 3);
  left = canvas_snap(canvas, left);
  right = canvas_snap(canvas, right);
  for (size_t i = 0; i < figure->panels; i++) {
    double own = panel_height(figure, i, height);
    struct box area = {margin, top, canvas->width - margin,
                       top + own - (i + 1 < figure->panels ? gap * 1.5 : 0)};
    panel_draw(canvas, figure->panel[i], &area, left, right, !shares_x(figure, i));
    top += own;
  }
}

enum status figure_draw_on(cairo_surface_t *surface, double pixel, const struct figure *figure,
                           const struct figure_options *options, struct error *error)
{
  cairo_t *cr = cairo_create(surface);
  enum status status = STATUS_OK;
  double scale = options->dpi / 72.0;
  double tall = comfortable_head + comfortable_panel * (double)size_max(count_tall(figure), 1);
  for (size_t i = 0; i < figure->panels; i++)
    tall += low_height(figure, i);
  double fit = fmin(options->width / scale / comfortable_width, options->height / scale / tall);
  scale *= fmin(fit, most_enlarged);
  struct canvas canvas = {cr,
                          &themes[options->theme],
                          options->width / scale,
                          options->height / scale,
                          1 / scale,
                          canvas_has_letters(cr, "\u207b\u2070\u00b9\u2074")};
  double list = list_height(&canvas, figure);
  if (list > 0 && canvas.height < tall + list) { /* smaller letters: more columns, too */
    scale *= canvas.height / (tall + list);
    canvas.width = options->width / scale;
    canvas.height = options->height / scale;
    canvas.pixel = 1 / scale;
  }
  cairo_scale(cr, scale * pixel, scale * pixel);
  if (!canvas_has_letters(cr, "0Aa"))
    status = error_set(error, STATUS_OUTPUT,
                       "no font is installed, so that a figure would have no text: install "
                       "DejaVu Sans (package fonts-dejavu-core, dejavu-sans-fonts or ttf-dejavu)");
  else
    draw_figure(&canvas, figure);
  cairo_surface_flush(surface);
  if (status == STATUS_OK && cairo_status(cr) != CAIRO_STATUS_SUCCESS)
    status = error_set(error, STATUS_OUTPUT, "drawing failed: %s",
                       cairo_status_to_string(cairo_status(cr)));
  cairo_destroy(cr);
  return status;
}

enum status figure_draw(const struct figure *figure, const struct figure_options *options,
                        struct raster *out, struct error *error)
{
  int stride = cairo_format_stride_for_width(CAIRO_FORMAT_RGB24, (int)options->width);
  size_t bytes;
  if (stride <= 0 || !size_mul((size_t)stride, options->height, &bytes))
    return error_memory(error, "a picture");
  *out = (struct raster){options->width, options->height, (size_t)stride / sizeof(uint32_t),
                         mem_array(bytes, 1)};
  if (!out->pixel)
    return error_memory(error, "a picture");
  cairo_surface_t *surface =
      cairo_image_surface_create_for_data((unsigned char *)out->pixel, CAIRO_FORMAT_RGB24,
                                          (int)options->width, (int)options->height, stride);
  enum status status = figure_draw_on(surface, 1, figure, options, error);
  cairo_surface_destroy(surface);
  if (status != STATUS_OK) {
    free(out->pixel);
    *out = (struct raster){0};
  }
  return status;
}
