/* Draws a figure with Cairo: title, panels and caption on one canvas. */
#include "quant/base/size.h"
#include "tui/figure/file.h"
#include "tui/figure/plot.h"

#include <cairo.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const double figure_margin = 7;
static const double gap = 4;

/* A canvas this wide has room for text of these sizes; in a narrower one everything gets smaller,
 * in a wider one a little larger, so that it stays legible when it is printed in a narrower column.
 */
static const double comfortable_width = 300, most_enlarged = 1.25;

/* What panels need below their title and legend: in a lower canvas everything gets smaller, too. */
struct room {
  double panel, ruler, lane;
};
static const struct room comfortable = {110, 20, 64}, tight = {76, 20, 48};
static const double alone = 1.3; /* a panel without others may be taller */

/* True when the word of LENGTH bytes stands with the next one: a number with what it counts, "A:"
 * and signs with what they are. */
static bool clings(const char *word, size_t length)
{
  bool number = isdigit((unsigned char)word[0]) && isdigit((unsigned char)word[length - 1]);
  bool sign = length == 1 && ispunct((unsigned char)word[0]);
  return length > 0 &&
         (number || sign || (length == 2 && isupper((unsigned char)word[0]) && word[1] == ':'));
}

/* Bytes of the first word of TEXT, with those that cling to it. */
static size_t word_length(const char *text)
{
  size_t length = strcspn(text, " ");
  for (size_t last = 0; length > last && text[length] && clings(text + last, length - last);) {
    last = length + 1;
    length = last + strcspn(text + last, " ");
  }
  return length;
}

/* Bytes of TEXT that fit on a line of the caption: whole words, or part of one that is too long. */
static size_t line_length(const struct canvas *canvas, const char *text)
{
  char line[TEXT_MOST];
  double room = canvas->width - 2 * figure_margin;
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
      canvas_text(canvas, TEXT_CAPTION, line, figure_margin, y + height, 0);
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

static const char title_break[] = " \u00b7 ";

/* Where the title goes on in a second line, because one has no room for it; NULL: nowhere. */
static const char *second_line(const struct canvas *canvas, const char *title)
{
  bool fits = canvas_text_width(canvas, TEXT_TITLE, title) <= canvas->width - 2 * figure_margin;
  const char *at = fits ? NULL : strstr(title, title_break);
  return at ? at + strlen(title_break) : NULL;
}

static double title_height(const struct canvas *canvas, const char *title)
{
  return text_row(TEXT_TITLE) * (second_line(canvas, title) ? 2 : 1);
}

static void draw_title(const struct canvas *canvas, const char *title)
{
  const char *second = second_line(canvas, title);
  size_t length = second ? (size_t)(second - title) - strlen(title_break) : strlen(title);
  char line[TEXT_MOST], text[TEXT_MOST];
  snprintf(line, sizeof line, "%.*s", (int)size_min(length, TEXT_MOST - 1), title);
  double y = figure_margin + text_size[TEXT_TITLE] * 0.8, room = canvas->width - 2 * figure_margin;
  canvas_fit(canvas, TEXT_TITLE, line, text, room);
  canvas_text(canvas, TEXT_TITLE, text, figure_margin, y, 0);
  if (!second)
    return;
  canvas_fit(canvas, TEXT_TITLE, second, text, room);
  canvas_text(canvas, TEXT_TITLE, text, figure_margin, y + text_row(TEXT_TITLE), 0);
}

/* The height of panel I with as much as ROOM says: of a low one if LOW, else of another; 0: it is
 * none of them. */
static double height_of(const struct canvas *canvas, const struct figure *figure, size_t i,
                        const struct room *room, bool low)
{
  const struct panel *panel = figure->panel[i];
  const bool last = i + 1 == figure->panels; /* a number line has its numbers below */
  if (low != (panel->ruler || panel->lane))
    return 0;
  return panel_surround(canvas, panel, figure_margin + 40, canvas->width - figure_margin,
                        !shares_x(figure, i)) +
         (panel->ruler  ? room->ruler + (last ? 3 * text_row(TEXT_TICK) : 0)
          : panel->lane ? room->lane
                        : room->panel * (figure->panels == 1 ? alone : 1));
}

/* The same of all panels. */
static double heights_of(const struct canvas *canvas, const struct figure *figure,
                         const struct room *room, bool low)
{
  double height = 0;
  for (size_t i = 0; i < figure->panels; i++)
    height += height_of(canvas, figure, i, room, low);
  return height;
}

/* The height of panel I in a figure whose panels have HEIGHT: they share it as they share what is
 * comfortable, but low ones do not grow. */
static double panel_height(const struct canvas *canvas, const struct figure *figure, size_t i,
                           double height)
{
  const double low = heights_of(canvas, figure, &comfortable, true),
               tall = heights_of(canvas, figure, &comfortable, false);
  const double share = tall > 0 ? fmin(height / (low + tall), 1) : height / low;
  const double own = height_of(canvas, figure, i, &comfortable, true);
  return own > 0
             ? own * share
             : height_of(canvas, figure, i, &comfortable, false) / tall * (height - low * share);
}

/* What FIGURE needs of a canvas of this width, with as much as ROOM for each panel. */
static double needed_height(const struct canvas *canvas, const struct figure *figure,
                            const struct room *room)
{
  double caption = draw_caption(canvas, figure, 0, false), list = list_height(canvas, figure);
  return 2 * figure_margin + title_height(canvas, figure->title) + gap * 0.5 +
         heights_of(canvas, figure, room, true) + heights_of(canvas, figure, room, false) +
         caption + (caption > 0 ? gap : 0) + list + (list > 0 ? gap : 0);
}

static void draw_figure(const struct canvas *canvas, const struct figure *figure)
{
  canvas_color(canvas, canvas->theme->background, 1);
  cairo_paint(canvas->cr);
  draw_title(canvas, figure->title);
  double top = figure_margin + title_height(canvas, figure->title) + gap * 0.5;
  double caption = draw_caption(canvas, figure, 0, false);
  double bottom = canvas->height - figure_margin - caption - (caption > 0 ? gap : 0);
  draw_caption(canvas, figure, bottom + gap, true);
  double list = list_height(canvas, figure);
  bottom -= list + (list > 0 ? gap : 0);
  list_draw(canvas, figure, bottom + gap);
  if (figure->panels == 0)
    return;
  double height = bottom - top, tallest = 0;
  for (size_t i = 0; i < figure->panels; i++)
    tallest = fmax(tallest, panel_height(canvas, figure, i, height));
  double left = figure_margin + text_row(TEXT_LABEL) + 5 + tick_length +
                widest_label(canvas, figure, tallest * 0.7, false);
  /* The last label of an x axis may stand under its end. */
  double over = widest_label(canvas, figure, canvas->width - left, true) / 2;
  double right = canvas->width - fmax(figure_margin + 6, over + 3);
  left = canvas_snap(canvas, left);
  right = canvas_snap(canvas, right);
  for (size_t i = 0; i < figure->panels; i++) {
    double own = panel_height(canvas, figure, i, height);
    struct box area = {figure_margin, top, canvas->width - figure_margin,
                       top + own - (i + 1 < figure->panels ? gap * 1.5 : 0)};
    panel_draw(canvas, figure->panel[i], &area, left, right, !shares_x(figure, i));
    top += own;
  }
}

/* Makes the points of CANVAS SCALE pixels wide. */
static void set_scale(struct canvas *canvas, const struct figure_options *options, double scale)
{
  canvas->width = options->width / scale;
  canvas->height = options->height / scale;
  canvas->pixel = 1 / scale;
}

/* A canvas on CR whose letters are as large as the picture has room for; of height 0: as its width
 * has. */
static struct canvas canvas_for(cairo_t *cr, const struct figure *figure,
                                const struct figure_options *options)
{
  struct canvas canvas = {.cr = cr,
                          .theme = &themes[options->theme],
                          .has_raised = canvas_has_letters(cr, "\u207b\u2070\u00b9\u2074")};
  double scale = options->dpi / 72.0;
  scale *= fmin(options->width / scale / comfortable_width, most_enlarged);
  set_scale(&canvas, options, scale);
  for (int i = 0;
       i < 80 && options->height && needed_height(&canvas, figure, &tight) > canvas.height; i++)
    set_scale(&canvas, options, scale *= 0.96);
  return canvas;
}

enum status figure_extent(const struct figure *figure, const struct figure_options *options,
                          struct figure_extent *out, struct error *error)
{
  struct figure_options sized = figure_pixels(options);
  cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 1, 1);
  cairo_t *cr = cairo_create(surface);
  const struct canvas canvas = canvas_for(cr, figure, &sized);
  double height = needed_height(&canvas, figure, &comfortable) / canvas.pixel;
  cairo_status_t status = cairo_status(cr);
  cairo_destroy(cr);
  cairo_surface_destroy(surface);
  if (status != CAIRO_STATUS_SUCCESS)
    return error_set(error, STATUS_OUTPUT, "drawing failed: %s", cairo_status_to_string(status));
  *out = (struct figure_extent){sized.width, sized.height,
                                text_size[TEXT_TICK] / canvas.pixel * 72.0 / sized.dpi};
  if (out->height == 0)
    out->height = (unsigned)fmin(ceil(height), FIGURE_SIZE_MOST);
  return STATUS_OK;
}

enum status figure_draw_on(cairo_surface_t *surface, double pixel, const struct figure *figure,
                           const struct figure_options *options, struct error *error)
{
  cairo_t *cr = cairo_create(surface);
  enum status status = STATUS_OK;
  const struct canvas canvas = canvas_for(cr, figure, options);
  const double scale = 1 / canvas.pixel;
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
