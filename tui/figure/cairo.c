/* Draws a figure with Cairo. All lengths are points (1/72 inch): the canvas is scaled by the
 * resolution, so that a figure of a given size in inches looks the same at any. */
#include <cairo.h>

#include "quant/base/size.h"
#include "tui/figure/png.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- themes: Okabe-Ito colours; lightness and dashes tell roles apart without colour --------- */

enum dash { DASH_SOLID, DASH_LONG, DASH_SHORT, DASH_DOTTED };

struct style {
  uint32_t fill, stroke;
  double width;
  enum dash dash;
};

struct theme {
  uint32_t background, text, frame, grid;
  struct style role[ROLE_REFERENCE + 1];
};

static const struct theme themes[] = {
    [THEME_LIGHT] = {.background = 0xffffff,
                     .text = 0x1a1a1a,
                     .frame = 0x4d4d4d,
                     .grid = 0xe3e3e3,
                     .role = {[ROLE_ORIGINAL] = {0xa9cfe6, 0x0072b2, 0.9, DASH_SOLID},
                              [ROLE_RECONSTRUCTION] = {0xf2c6a3, 0xd55e00, 1.0, DASH_SOLID},
                              [ROLE_ERROR] = {0x99d4c3, 0x007a5a, 0.9, DASH_SOLID},
                              [ROLE_CLIP] = {0xcc79a7, 0x7b2d5e, 0.9, DASH_LONG},
                              [ROLE_LEVEL] = {0x8c8c8c, 0x333333, 0.45, DASH_SOLID},
                              [ROLE_OUTLIER] = {0xd55e00, 0x8f3f00, 0.9, DASH_SOLID},
                              [ROLE_MEDIAN] = {0x4d4d4d, 0x1a1a1a, 0.9, DASH_SHORT},
                              [ROLE_REFERENCE] = {0x737373, 0x595959, 0.8, DASH_DOTTED}}},
    [THEME_DARK] = {.background = 0x15181d,
                    .text = 0xe8e8e8,
                    .frame = 0xa0a4aa,
                    .grid = 0x30343b,
                    .role = {[ROLE_ORIGINAL] = {0x1f5f86, 0x56b4e9, 0.9, DASH_SOLID},
                             [ROLE_RECONSTRUCTION] = {0x7a4a12, 0xffb347, 1.0, DASH_SOLID},
                             [ROLE_ERROR] = {0x0b5c47, 0x3ddcaf, 0.9, DASH_SOLID},
                             [ROLE_CLIP] = {0xcc79a7, 0xe7a6cb, 0.9, DASH_LONG},
                             [ROLE_LEVEL] = {0x7a7f87, 0xc9cdd3, 0.45, DASH_SOLID},
                             [ROLE_OUTLIER] = {0xff8c3a, 0xffd0a8, 0.9, DASH_SOLID},
                             [ROLE_MEDIAN] = {0xd0d0d0, 0xf5f5f5, 0.9, DASH_SHORT},
                             [ROLE_REFERENCE] = {0xa0a4aa, 0xb8bcc2, 0.8, DASH_DOTTED}}},
};

/* --- lengths, in points ------------------------------------------------------------------------
 */

enum { TITLE, LABEL, TICK, CAPTION, TEXT_KINDS };
static const double text_size[TEXT_KINDS] = {9.5, 8, 7, 7};
static const double line_height = 1.3;
static const double margin = 7, gap = 4, tick_length = 3, rug_height = 5;
static const double dot_radius = 1.8;
static const double minor_room = 14; /* a decade this tall has minor ticks */
static const double bar_gap = 3;     /* bars of separate things this wide keep a distance */
/* A canvas of this size has room for text of these sizes; a smaller one gets the whole picture
 * scaled down, a larger one scaled up a little, so that it stays legible when it is printed in a
 * narrower column. */
static const double comfortable_width = 350, comfortable_head = 110, comfortable_panel = 100;
static const double most_enlarged = 1.25;

enum { MOST_TICKS = 64, MOST_LABELS = 64, LABEL_ROWS = 3, TEXT = 512 };

struct box {
  double x0, y0, x1, y1;
};

struct canvas {
  cairo_t *cr;
  const struct theme *theme;
  double width, height; /* points */
  double pixel;         /* one pixel in points */
  bool has_raised;      /* the font has raised digits, for powers of ten */
};

static void set_color(const struct canvas *canvas, uint32_t color, double alpha)
{
  cairo_set_source_rgba(canvas->cr, (color >> 16 & 255) / 255.0, (color >> 8 & 255) / 255.0,
                        (color & 255) / 255.0, alpha);
}

static void set_line(const struct canvas *canvas, const struct style *style)
{
  static const struct {
    double length[2];
    int count;
  } dashes[] = {[DASH_SOLID] = {{0, 0}, 0},
                [DASH_LONG] = {{5, 2.5}, 2},
                [DASH_SHORT] = {{3, 2}, 2},
                [DASH_DOTTED] = {{1, 1.6}, 2}};
  set_color(canvas, style->stroke, 1);
  cairo_set_line_width(canvas->cr, fmax(style->width, canvas->pixel));
  cairo_set_dash(canvas->cr, dashes[style->dash].length, dashes[style->dash].count, 0);
}

static void segment(const struct canvas *canvas, double x0, double y0, double x1, double y1)
{
  cairo_move_to(canvas->cr, x0, y0);
  cairo_line_to(canvas->cr, x1, y1);
  cairo_stroke(canvas->cr);
}

/* The nearest pixel border, so that fills and hairlines are crisp. */
static double snap(const struct canvas *canvas, double at)
{
  return round(at / canvas->pixel) * canvas->pixel;
}

/* --- text ---------------------------------------------------------------------------------------
 */

/* True when the installed font has every letter of TEXT. Without any font Cairo draws letters of
 * its own (a "user" font), or nothing, and reports success: the text would be lost silently. */
static bool has_letters(cairo_t *cr, const char *text)
{
  cairo_select_font_face(cr, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  cairo_scaled_font_t *font = cairo_get_scaled_font(cr);
  if (cairo_scaled_font_status(font) != CAIRO_STATUS_SUCCESS ||
      cairo_scaled_font_get_type(font) == CAIRO_FONT_TYPE_USER)
    return false;
  cairo_glyph_t *glyph = NULL;
  int count = 0;
  bool found = cairo_scaled_font_text_to_glyphs(font, 0, 0, text, -1, &glyph, &count, NULL, NULL,
                                                NULL) == CAIRO_STATUS_SUCCESS &&
               count > 0;
  for (int i = 0; i < count; i++)
    found = found && glyph[i].index != 0;
  cairo_glyph_free(glyph);
  return found;
}

static void set_font(const struct canvas *canvas, int kind)
{
  cairo_select_font_face(canvas->cr, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                         kind == TITLE ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(canvas->cr, text_size[kind]);
}

static double text_width(const struct canvas *canvas, int kind, const char *text)
{
  cairo_text_extents_t extents;
  set_font(canvas, kind);
  cairo_text_extents(canvas->cr, text, &extents);
  return extents.x_advance;
}

static double row(int kind)
{
  return text_size[kind] * line_height;
}

/* TEXT with its anchor (0 left, 0.5 centre, 1 right) at X and its baseline at Y. */
static void draw_text(const struct canvas *canvas, int kind, const char *text, double x, double y,
                      double anchor)
{
  double width = text_width(canvas, kind, text);
  set_color(canvas, canvas->theme->text, 1);
  cairo_move_to(canvas->cr, x - anchor * width, y);
  cairo_show_text(canvas->cr, text);
}

/* Cuts TEXT in place to WIDTH, with an ellipsis. */
static void elide(const struct canvas *canvas, int kind, char *text, size_t size, double width)
{
  static const char ellipsis[] = "\u2026";
  size_t length = strlen(text);
  if (text_width(canvas, kind, text) <= width)
    return;
  length = size_min(length, size - sizeof ellipsis);
  do {
    while (length > 0 && (text[--length] & 0xc0) == 0x80)
      ;
    memcpy(text + length, ellipsis, sizeof ellipsis);
  } while (length > 0 && text_width(canvas, kind, text) > width);
}

/* "-2e-5" as print has it: "−2·10⁻⁵". */
static void typeset(const struct canvas *canvas, const char *plain, char *out, size_t size)
{
  static const char *const raised[] = {"\u2070", "\u00b9", "\u00b2", "\u00b3", "\u2074",
                                       "\u2075", "\u2076", "\u2077", "\u2078", "\u2079"};
  const char *e = canvas->has_raised ? strchr(plain, 'e') : NULL;
  size_t used = 0;
  *out = '\0';
  for (const char *c = plain; *c && used + 8 < size; c++) {
    char letter[2] = {*c, '\0'};
    const char *piece = letter;
    if (e && c < e && e - plain == 1 && *plain == '1')
      piece = ""; /* 1e5 is 10^5 */
    else if (c == e)
      piece = e - plain == 1 && *plain == '1' ? "10" : "\u00b710";
    else if (*c == '-')
      piece = e && c > e ? "\u207b" : "\u2212";
    else if (e && c > e)
      piece = raised[*c - '0'];
    used += (size_t)snprintf(out + used, size - used, "%s", piece);
  }
}

/* --- axes ----------------------------------------------------------------------------------------
 */

struct scale {
  const struct axis *axis;
  double from, to; /* where lo and hi are drawn */
  size_t ticks;
  double tick[MOST_TICKS];
};

static double place(const struct scale *scale, double value)
{
  double lo = scale->axis->lo, hi = scale->axis->hi;
  if (scale->axis->log) {
    if (!(value > 0))
      return value <= 0 ? scale->from : (double)NAN;
    lo = log10(lo);
    hi = log10(hi);
    value = log10(value);
  }
  double share = fmin(fmax((value - lo) / (hi - lo), -1), 2); /* far outside is outside */
  return isnan(value) ? value : scale->from + share * (scale->to - scale->from);
}

static void tick_text(const struct canvas *canvas, const struct scale *scale, size_t i, char *text,
                      size_t size)
{
  char plain[64];
  double step = scale->ticks > 1 ? scale->tick[1] - scale->tick[0] : scale->tick[0];
  axis_tick_text(scale->axis, scale->tick[i], step, plain, sizeof plain);
  typeset(canvas, plain, text, size);
}

static double widest_tick(const struct canvas *canvas, const struct scale *scale)
{
  double widest = 0;
  for (size_t i = 0; i < scale->ticks; i++) {
    char text[64];
    tick_text(canvas, scale, i, text, sizeof text);
    widest = fmax(widest, text_width(canvas, TICK, text));
  }
  return widest;
}

/* As many ticks as fit: on x their labels must not touch, on y a line of text each. */
static void choose_ticks(const struct canvas *canvas, struct scale *scale, bool horizontal)
{
  double length = fabs(scale->to - scale->from);
  double room = horizontal ? 40 : 1.8 * row(TICK);
  size_t most = (size_t)fmin(fmax(length / room, 1), MOST_TICKS);
  for (; most > 0; most--) {
    scale->ticks = axis_ticks(scale->axis, most, scale->tick);
    if (!horizontal || scale->ticks < 2)
      return;
    double apart = fabs(place(scale, scale->tick[1]) - place(scale, scale->tick[0]));
    if (widest_tick(canvas, scale) * 1.35 + 2 <= apart)
      return;
  }
}

static void axis_title(const struct axis *axis, char *text, size_t size)
{
  snprintf(text, size, "%s%s%s%s", axis->label ? axis->label : "", axis->unit ? " (" : "",
           axis->unit ? axis->unit : "", axis->unit ? ")" : "");
}

/* --- a panel
 * --------------------------------------------------------------------------------------- */

struct legend_entry {
  const struct mark *mark;
  double x, y; /* left, baseline */
};

struct top_label {
  const char *text;
  double x; /* left */
  int row;
};

struct plot {
  const struct canvas *canvas;
  const struct panel *panel;
  struct box frame;
  struct scale x, y;
  bool has_rug, has_x_title;
  size_t boxes; /* labels placed inside the frame, which must not overlap */
  struct box box[MOST_LABELS];
};

static const struct style *style_of(const struct plot *plot, const struct mark *mark)
{
  return &plot->canvas->theme->role[mark->role];
}

/* The y value of bar I as drawn: a gap stays at the base, infinity reaches the top. */
static double bar_top(const struct plot *plot, double height)
{
  double y = place(&plot->y, height);
  return isnan(y) ? plot->y.from : y;
}

static double bar_base(const struct plot *plot)
{
  return plot->panel->y.log ? plot->frame.y1 : place(&plot->y, 0);
}

/* Channels and the like: one bar each, not a shape. */
static void fill_bars_apart(const struct plot *plot, const struct mark *mark, double distance)
{
  const struct canvas *canvas = plot->canvas;
  double base = snap(canvas, bar_base(plot));
  double shrink = distance >= bar_gap ? distance * 0.1 : 0;
  for (size_t i = 0; i < mark->n; i++) {
    double x0 = snap(canvas, place(&plot->x, mark->x[i]) + shrink);
    double x1 = snap(canvas, place(&plot->x, mark->x[i + 1]) - shrink);
    cairo_rectangle(canvas->cr, x0, base, x1 - x0, bar_top(plot, mark->y[i]) - base);
  }
  set_color(canvas, style_of(plot, mark)->stroke, 0.75);
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
    double x0 = snap(canvas, place(&plot->x, mark->x[i]));
    double x1 = snap(canvas, place(&plot->x, mark->x[i + 1])), y = bar_top(plot, mark->y[i]);
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
  set_line(plot->canvas, style_of(plot, mark));
  cairo_stroke(plot->canvas->cr);
}

static void fill_bars_joined(const struct plot *plot, const struct mark *mark)
{
  const struct style *style = style_of(plot, mark);
  outline(plot, mark);
  set_color(plot->canvas, style->fill, 1);
  cairo_fill_preserve(plot->canvas->cr);
  set_line(plot->canvas, &(struct style){.stroke = style->stroke, .width = 0.5});
  cairo_stroke(plot->canvas->cr);
}

/* More bars than pixels: each column of pixels shows the smallest bar solid and the largest
 * behind it, so that neither a peak nor a dip can vanish. */
static void fill_bars_dense(const struct plot *plot, const struct mark *mark)
{
  const struct canvas *canvas = plot->canvas;
  const struct style *style = style_of(plot, mark);
  double base = bar_base(plot);
  for (size_t i = 0; i < mark->n;) {
    double column = floor(place(&plot->x, mark->x[i]) / canvas->pixel) * canvas->pixel;
    double low = bar_top(plot, mark->y[i]), high = low;
    while (++i < mark->n && place(&plot->x, mark->x[i]) < column + canvas->pixel) {
      double y = bar_top(plot, mark->y[i]);
      low = fmax(low, y); /* downwards is larger */
      high = fmin(high, y);
    }
    set_color(canvas, style->fill, 1);
    cairo_rectangle(canvas->cr, column, high, canvas->pixel, base - high);
    cairo_fill(canvas->cr);
    set_color(canvas, style->stroke, 0.75);
    cairo_rectangle(canvas->cr, column, low, canvas->pixel, base - low);
    cairo_fill(canvas->cr);
  }
}

static void draw_bars(const struct plot *plot, const struct mark *mark)
{
  if (mark->n == 0)
    return;
  double span = fabs(place(&plot->x, mark->x[mark->n]) - place(&plot->x, mark->x[0]));
  double distance = span / (double)mark->n;
  if (distance < plot->canvas->pixel)
    fill_bars_dense(plot, mark);
  else if (plot->panel->x.integral)
    fill_bars_apart(plot, mark, distance);
  else
    fill_bars_joined(plot, mark);
}

static void draw_dot(const struct plot *plot, const struct mark *mark, double x, double y,
                     double radius)
{
  const struct canvas *canvas = plot->canvas;
  cairo_new_sub_path(canvas->cr);
  cairo_arc(canvas->cr, x, y, radius, 0, 2 * M_PI);
  set_color(canvas, style_of(plot, mark)->stroke, 1);
  cairo_fill(canvas->cr);
}

static bool in_frame(const struct box *frame, double x, double y)
{
  return x >= frame->x0 && x <= frame->x1 && y >= frame->y0 && y <= frame->y1;
}

static void draw_line(const struct plot *plot, const struct mark *mark)
{
  const struct canvas *canvas = plot->canvas;
  for (size_t i = 0; i < mark->n;) {
    double y = place(&plot->y, mark->y[i]);
    size_t run = 0;
    for (; i + run < mark->n && !isnan(y = place(&plot->y, mark->y[i + run])); run++)
      cairo_line_to(canvas->cr, place(&plot->x, mark->x[i + run]), y);
    if (run == 1) { /* a point between gaps has no line: show it all the same */
      cairo_new_path(canvas->cr);
      draw_dot(plot, mark, place(&plot->x, mark->x[i]), place(&plot->y, mark->y[i]), 0.9);
    }
    cairo_new_sub_path(canvas->cr);
    set_line(canvas, style_of(plot, mark));
    if (run > 1)
      cairo_stroke(canvas->cr);
    cairo_new_path(canvas->cr);
    i += run ? run : 1;
  }
}

static void draw_points(const struct plot *plot, const struct mark *mark)
{
  for (size_t i = 0; i < mark->n; i++)
    draw_dot(plot, mark, place(&plot->x, mark->x[i]), place(&plot->y, mark->y[i]), dot_radius);
}

static void draw_vline(const struct plot *plot, const struct mark *mark)
{
  double x = place(&plot->x, mark->x[0]);
  if (x < plot->frame.x0 || x > plot->frame.x1)
    return;
  set_line(plot->canvas, style_of(plot, mark));
  segment(plot->canvas, x, plot->frame.y0, x, plot->frame.y1);
}

static void draw_hline(const struct plot *plot, const struct mark *mark)
{
  double y = place(&plot->y, mark->x[0]);
  set_line(plot->canvas, style_of(plot, mark));
  segment(plot->canvas, plot->frame.x0, y, plot->frame.x1, y);
}

/* Tinted and hatched: the hatch carries the meaning without colour. */
static void draw_band(const struct plot *plot, const struct mark *mark)
{
  const struct canvas *canvas = plot->canvas;
  const struct box *frame = &plot->frame;
  double x0 = fmax(place(&plot->x, mark->x[0]), frame->x0);
  double x1 = fmin(place(&plot->x, mark->x[1]), frame->x1), height = frame->y1 - frame->y0;
  if (!(x0 < x1))
    return;
  cairo_save(canvas->cr);
  cairo_rectangle(canvas->cr, x0, frame->y0, x1 - x0, height);
  cairo_clip(canvas->cr);
  set_color(canvas, style_of(plot, mark)->fill, 0.13);
  cairo_paint(canvas->cr);
  set_color(canvas, style_of(plot, mark)->fill, 0.45);
  cairo_set_line_width(canvas->cr, 0.4);
  cairo_set_dash(canvas->cr, NULL, 0, 0);
  for (double x = x0 - height; x < x1; x += 5)
    segment(canvas, x, frame->y1, x + height, frame->y0);
  cairo_restore(canvas->cr);
}

/* The levels as a ruler under the frame; where they are too close to tell apart, a solid strip. */
static void draw_rug(const struct plot *plot, const struct mark *mark)
{
  const struct canvas *canvas = plot->canvas;
  const struct style *style = style_of(plot, mark);
  double top = plot->frame.y1 + 0.8, bottom = plot->frame.y1 + rug_height, last = -1e9;
  double close = fmax(2 * canvas->pixel, 1.1);
  for (size_t i = 0; i < mark->n; i++) {
    double x = place(&plot->x, mark->x[i]);
    if (x - last < close) {
      set_color(canvas, style->fill, 1);
      cairo_rectangle(canvas->cr, last, top, x - last, bottom - top);
      cairo_fill(canvas->cr);
    } else {
      set_line(canvas, style);
      segment(canvas, x, top, x, bottom);
    }
    last = x;
  }
}

/* A small arrow at the top wherever a bar goes on beyond the axis. */
static void draw_cut(const struct plot *plot, const struct mark *mark)
{
  const struct canvas *canvas = plot->canvas;
  double last = -1e9, top = plot->frame.y0;
  set_color(canvas, style_of(plot, mark)->stroke, 1);
  for (size_t i = 0; i < mark->n; i++) {
    double x = place(&plot->x, (mark->x[i] + mark->x[i + 1]) / 2);
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

/* --- labels that must not overlap --------------------------------------------------------------
 */

static bool overlap(const struct box *a, const struct box *b)
{
  return a->x0 < b->x1 && b->x0 < a->x1 && a->y0 < b->y1 && b->y0 < a->y1;
}

static bool is_free(const struct plot *plot, const struct box *box)
{
  if (!in_frame(&plot->frame, box->x0, box->y0) || !in_frame(&plot->frame, box->x1, box->y1))
    return false;
  for (size_t i = 0; i < plot->boxes; i++)
    if (overlap(box, &plot->box[i]))
      return false;
  return true;
}

/* True when a bar stands behind BOX. */
static bool covers_bar(const struct plot *plot, const struct box *box)
{
  for (size_t m = 0; m < plot->panel->marks; m++) {
    const struct mark *mark = plot->panel->mark[m];
    for (size_t i = 0; mark->kind == MARK_BARS && i < mark->n; i++)
      if (place(&plot->x, mark->x[i + 1]) > box->x0 && place(&plot->x, mark->x[i]) < box->x1 &&
          bar_top(plot, mark->y[i]) < box->y1)
        return true;
  }
  return false;
}

static void draw_point_label(struct plot *plot, const char *text, const struct box *box)
{
  const struct canvas *canvas = plot->canvas;
  plot->box[plot->boxes++] = *box;
  set_color(canvas, canvas->theme->background, 0.8);
  cairo_rectangle(canvas->cr, box->x0 - 1, box->y0 - 0.5, box->x1 - box->x0 + 2,
                  box->y1 - box->y0 + 1);
  cairo_fill(canvas->cr);
  draw_text(canvas, TICK, text, box->x0, box->y1 - 1.2, 0);
}

/* The label of a single point: above it, else beside it, else below; where no bar stands, else
 * on one; left out where nothing is free. */
static void label_point(struct plot *plot, const struct mark *mark)
{
  double x = place(&plot->x, mark->x[0]), y = place(&plot->y, mark->y[0]);
  double width = text_width(plot->canvas, TICK, mark->label), height = text_size[TICK];
  double centred = fmax(fmin(x - width / 2, plot->frame.x1 - width - 1), plot->frame.x0 + 1);
  const double left[] = {centred, x - width - 4, x + 4, centred};
  const double top[] = {y - height - 3, y - height / 2, y - height / 2, y + 3};
  enum { PLACES = sizeof left / sizeof *left };
  if (plot->boxes == MOST_LABELS)
    return;
  for (size_t i = 0; i < 2 * PLACES; i++) {
    size_t k = i % PLACES;
    struct box box = {left[k], top[k], left[k] + width, top[k] + height};
    if (!is_free(plot, &box) || (i < PLACES && covers_bar(plot, &box)))
      continue;
    draw_point_label(plot, mark->label, &box);
    return;
  }
}

static bool is_point_label(const struct mark *mark)
{
  return mark->label && mark->kind == MARK_POINTS && mark->n == 1;
}

/* The points themselves are obstacles to every label. */
static void label_points(struct plot *plot)
{
  for (size_t i = 0; i < plot->panel->marks && plot->boxes < MOST_LABELS; i++) {
    const struct mark *mark = plot->panel->mark[i];
    if (!is_point_label(mark))
      continue;
    double x = place(&plot->x, mark->x[0]), y = place(&plot->y, mark->y[0]);
    plot->box[plot->boxes++] =
        (struct box){x - dot_radius, y - dot_radius, x + dot_radius, y + dot_radius};
  }
  for (size_t i = 0; i < plot->panel->marks; i++)
    if (is_point_label(plot->panel->mark[i]))
      label_point(plot, plot->panel->mark[i]);
}

static bool is_top_label(const struct mark *mark)
{
  return mark->label && (mark->kind == MARK_VLINE || mark->kind == MARK_BAND);
}

static bool is_legend_entry(const struct mark *mark)
{
  return mark->label && !is_point_label(mark) && !is_top_label(mark);
}

/* Where the label of a line or band is centred; NaN when that is outside the axis. */
static double top_centre(const struct plot *plot, const struct mark *mark)
{
  const struct axis *axis = &plot->panel->x;
  double at = mark->x[0];
  if (mark->kind == MARK_BAND)
    at = (fmax(mark->x[0], axis->lo) + fmin(mark->x[1], axis->hi)) / 2;
  return at >= axis->lo && at <= axis->hi ? place(&plot->x, at) : (double)NAN;
}

/* Gives each label above the frame a row in which it touches no other; returns the number of
 * rows. Labels that find none are left out. */
static int place_top_labels(const struct plot *plot, struct top_label *labels, size_t *count)
{
  struct box taken[MOST_LABELS];
  int rows = 0;
  *count = 0;
  for (size_t i = 0; i < plot->panel->marks && *count < MOST_LABELS; i++) {
    const struct mark *mark = plot->panel->mark[i];
    double centre = is_top_label(mark) ? top_centre(plot, mark) : (double)NAN;
    if (isnan(centre))
      continue;
    double width = text_width(plot->canvas, TICK, mark->label);
    double x = fmin(centre - width / 2, plot->frame.x1 - width);
    x = fmax(x, plot->frame.x0);
    for (int r = 0; r < LABEL_ROWS; r++) {
      struct box box = {x - 3, r, x + width + 3, r + 1};
      bool clear = true;
      for (size_t k = 0; k < *count; k++)
        clear = clear && !overlap(&box, &taken[k]);
      if (!clear)
        continue;
      taken[*count] = box;
      labels[(*count)++] = (struct top_label){mark->label, x, r};
      rows = r >= rows ? r + 1 : rows;
      break;
    }
  }
  return rows;
}

/* --- legend
 * ----------------------------------------------------------------------------------------- */

static const double swatch_width = 14;

static void draw_swatch(const struct plot *plot, const struct mark *mark, double x, double baseline)
{
  const struct canvas *canvas = plot->canvas;
  const struct style *style = style_of(plot, mark);
  double top = baseline - text_size[TICK] * 0.75, middle = baseline - text_size[TICK] * 0.35;
  switch (mark->kind) {
  case MARK_BARS:
    cairo_rectangle(canvas->cr, x, top, swatch_width, baseline - top);
    set_color(canvas, style->fill, 1);
    cairo_fill_preserve(canvas->cr);
    set_line(canvas, &(struct style){.stroke = style->stroke, .width = 0.5});
    cairo_stroke(canvas->cr);
    return;
  case MARK_TICKS:
    set_line(canvas, style);
    for (int i = 0; i < 5; i++)
      segment(canvas, x + 1 + 3 * i, top, x + 1 + 3 * i, baseline);
    return;
  case MARK_POINTS:
    draw_dot(plot, mark, x + swatch_width / 2, middle, dot_radius);
    return;
  case MARK_STEPS:
  case MARK_LINE:
  case MARK_VLINE:
  case MARK_HLINE:
  case MARK_BAND:
    break;
  }
  set_line(canvas, style);
  segment(canvas, x, middle, x + swatch_width, middle);
}

/* Lays the legend right-aligned in rows from baseline TOP on; the first row shares its line with
 * the panel's title, which takes FIRST_LEFT. Returns the number of rows. */
static int place_legend(const struct plot *plot, double first_left, struct legend_entry *entries,
                        size_t *count)
{
  double left = first_left, right = plot->frame.x1, at = right;
  int rows = 0;
  size_t row_start = 0;
  *count = 0;
  /* From the last entry of a row to its first, so that the order reads from left to right. */
  double width[MOST_LABELS];
  for (size_t i = 0; i < plot->panel->marks && *count < MOST_LABELS; i++)
    if (is_legend_entry(plot->panel->mark[i])) {
      entries[*count].mark = plot->panel->mark[i];
      width[*count] =
          swatch_width + 4 + text_width(plot->canvas, TICK, plot->panel->mark[i]->label) + 10;
      (*count)++;
    }
  while (row_start < *count) {
    size_t end = row_start;
    double used = 0;
    while (end < *count && (end == row_start || used + width[end] <= right - left)) {
      used += width[end];
      end++;
    }
    if (rows == 0 && first_left > plot->frame.x0 && used > right - left) {
      rows = 1; /* nothing fits beside the title */
      left = plot->frame.x0;
      continue;
    }
    at = fmax(right - used + 10, plot->frame.x0);
    for (size_t i = row_start; i < end; at += width[i], i++) {
      entries[i].x = at;
      entries[i].y = rows;
    }
    rows++;
    left = plot->frame.x0;
    row_start = end;
  }
  return rows;
}

/* --- a panel as a whole
 * ------------------------------------------------------------------------------- */

/* Marks in the order in which they cover each other. */
static void draw_marks(struct plot *plot, enum mark_kind kind,
                       void (*draw)(const struct plot *plot, const struct mark *mark))
{
  for (size_t i = 0; i < plot->panel->marks; i++)
    if (plot->panel->mark[i]->kind == kind)
      draw(plot, plot->panel->mark[i]);
}

static void draw_grid(const struct plot *plot)
{
  const struct canvas *canvas = plot->canvas;
  set_line(canvas, &(struct style){.stroke = canvas->theme->grid, .width = 0.5});
  for (size_t i = 0; i < plot->y.ticks; i++) {
    double y = snap(canvas, place(&plot->y, plot->y.tick[i]));
    segment(canvas, plot->frame.x0, y, plot->frame.x1, y);
  }
}

static void draw_inside(struct plot *plot)
{
  cairo_t *cr = plot->canvas->cr;
  const struct box *frame = &plot->frame;
  cairo_save(cr);
  cairo_rectangle(cr, frame->x0, frame->y0, frame->x1 - frame->x0, frame->y1 - frame->y0);
  cairo_clip(cr);
  draw_grid(plot);
  draw_marks(plot, MARK_BARS, draw_bars);
  draw_marks(plot, MARK_BAND, draw_band);
  draw_marks(plot, MARK_STEPS, draw_steps);
  draw_marks(plot, MARK_LINE, draw_line);
  draw_marks(plot, MARK_HLINE, draw_hline);
  draw_marks(plot, MARK_POINTS, draw_points);
  draw_marks(plot, MARK_BARS, draw_cut);
  draw_marks(plot, MARK_STEPS, draw_cut);
  label_points(plot);
  cairo_restore(cr);
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
        double y = place(scale, k * power);
        segment(plot->canvas, plot->frame.x0 - 1.6, y, plot->frame.x0, y);
      }
}

static void draw_x_axis(const struct plot *plot)
{
  const struct canvas *canvas = plot->canvas;
  double bottom = plot->frame.y1 + (plot->has_rug ? rug_height : 0);
  char text[TEXT];
  for (size_t i = 0; i < plot->x.ticks; i++) {
    double x = place(&plot->x, plot->x.tick[i]);
    tick_text(canvas, &plot->x, i, text, sizeof text);
    draw_text(canvas, TICK, text, x, bottom + tick_length + row(TICK), 0.5);
    set_line(canvas, &(struct style){.stroke = canvas->theme->frame, .width = 0.6});
    segment(canvas, x, bottom, x, bottom + tick_length);
  }
  if (!plot->has_x_title)
    return;
  axis_title(&plot->panel->x, text, sizeof text);
  draw_text(canvas, LABEL, text, (plot->frame.x0 + plot->frame.x1) / 2,
            bottom + tick_length + row(TICK) + row(LABEL) + 1, 0.5);
}

static void draw_y_axis(const struct plot *plot, double label_x)
{
  const struct canvas *canvas = plot->canvas;
  const struct box *frame = &plot->frame;
  char text[TEXT];
  for (size_t i = 0; i < plot->y.ticks; i++) {
    double y = place(&plot->y, plot->y.tick[i]);
    tick_text(canvas, &plot->y, i, text, sizeof text);
    draw_text(canvas, TICK, text, frame->x0 - tick_length - 2, y + text_size[TICK] * 0.36, 1);
    set_line(canvas, &(struct style){.stroke = canvas->theme->frame, .width = 0.6});
    segment(canvas, frame->x0 - tick_length, y, frame->x0, y);
  }
  set_line(canvas, &(struct style){.stroke = canvas->theme->frame, .width = 0.5});
  draw_minor_ticks(plot, &plot->y);
  axis_title(&plot->panel->y, text, sizeof text);
  elide(canvas, LABEL, text, sizeof text, frame->y1 - frame->y0 + 20);
  cairo_save(canvas->cr);
  cairo_translate(canvas->cr, label_x, (frame->y0 + frame->y1) / 2);
  cairo_rotate(canvas->cr, -M_PI / 2);
  draw_text(canvas, LABEL, text, 0, 0, 0.5);
  cairo_restore(canvas->cr);
}

static void draw_frame(const struct plot *plot)
{
  const struct canvas *canvas = plot->canvas;
  const struct box *frame = &plot->frame;
  double bottom = frame->y1 + (plot->has_rug ? rug_height : 0);
  set_line(canvas, &(struct style){.stroke = canvas->theme->frame, .width = 0.6});
  cairo_rectangle(canvas->cr, frame->x0, frame->y0, frame->x1 - frame->x0, frame->y1 - frame->y0);
  cairo_stroke(canvas->cr);
  if (plot->has_rug)
    segment(canvas, frame->x0, bottom, frame->x1, bottom);
}

static bool has_rug(const struct panel *panel)
{
  for (size_t i = 0; i < panel->marks; i++)
    if (panel->mark[i]->kind == MARK_TICKS)
      return true;
  return false;
}

/* A panel without marks is a sentence. */
static void draw_sentence(const struct canvas *canvas, const struct panel *panel,
                          const struct box *area)
{
  char text[TEXT];
  snprintf(text, sizeof text, "%s", panel->title ? panel->title : "");
  elide(canvas, LABEL, text, sizeof text, area->x1 - area->x0);
  draw_text(canvas, LABEL, text, (area->x0 + area->x1) / 2, (area->y0 + area->y1) / 2, 0.5);
}

/* Draws the rows above the frame and returns where the frame begins. */
static double draw_head(struct plot *plot, double top)
{
  const struct canvas *canvas = plot->canvas;
  struct legend_entry entries[MOST_LABELS];
  struct top_label labels[MOST_LABELS];
  size_t legend, count;
  const char *title = plot->panel->title;
  double left = plot->frame.x0 + (title ? text_width(canvas, LABEL, title) + 12 : 0);
  int rows = place_legend(plot, left, entries, &legend);
  if (rows == 0 && title)
    rows = 1;
  if (title)
    draw_text(canvas, LABEL, title, plot->frame.x0, top + text_size[LABEL], 0);
  for (size_t i = 0; i < legend; i++) {
    double baseline = top + text_size[LABEL] + entries[i].y * row(LABEL);
    draw_swatch(plot, entries[i].mark, entries[i].x, baseline);
    draw_text(canvas, TICK, entries[i].mark->label, entries[i].x + swatch_width + 4, baseline, 0);
  }
  top += rows * row(LABEL) + (rows ? gap * 0.5 : 0);
  int label_rows = place_top_labels(plot, labels, &count);
  for (size_t i = 0; i < count; i++)
    draw_text(canvas, TICK, labels[i].text, labels[i].x,
              top + text_size[TICK] + labels[i].row * row(TICK), 0);
  return top + label_rows * row(TICK) + (label_rows ? 1 : 0);
}

static double foot_height(const struct plot *plot)
{
  return (plot->has_rug ? rug_height : 0) + tick_length + row(TICK) +
         (plot->has_x_title ? row(LABEL) : 0) + 3;
}

/* AREA is the panel with its labels; the frame begins at LEFT and ends at RIGHT in every panel. */
static void draw_panel(const struct canvas *canvas, const struct panel *panel,
                       const struct box *area, double left, double right, bool has_x_title)
{
  if (panel->marks == 0) {
    draw_sentence(canvas, panel, area);
    return;
  }
  struct plot plot = {
      .canvas = canvas, .panel = panel, .has_rug = has_rug(panel), .has_x_title = has_x_title};
  plot.frame = (struct box){left, area->y0, right, area->y1 - foot_height(&plot)};
  plot.x = (struct scale){.axis = &panel->x, .from = left, .to = right};
  choose_ticks(canvas, &plot.x, true);
  plot.frame.y0 = fmin(draw_head(&plot, area->y0), plot.frame.y1 - 4 * canvas->pixel);
  plot.frame.y0 = snap(canvas, plot.frame.y0);
  plot.frame.y1 = snap(canvas, plot.frame.y1);
  plot.y = (struct scale){.axis = &panel->y, .from = plot.frame.y1, .to = plot.frame.y0};
  choose_ticks(canvas, &plot.y, false);
  draw_inside(&plot);
  draw_marks(&plot, MARK_TICKS, draw_rug);
  draw_frame(&plot);
  draw_marks(&plot, MARK_VLINE, draw_vline);
  draw_x_axis(&plot);
  draw_y_axis(&plot, area->x0 + text_size[LABEL]);
}

/* --- the figure
 * ---------------------------------------------------------------------------------------- */

/* Bytes of the first word of TEXT; a number keeps its unit. */
static size_t word_length(const char *text)
{
  size_t length = strcspn(text, " ");
  while (strncmp(text + length, " %", 2) == 0 || strncmp(text + length, " dB", 3) == 0)
    length += 1 + strcspn(text + length + 1, " ");
  return length;
}

/* Wraps TEXT to the canvas; draws it from baseline Y on when DRAW; returns its height. */
static double wrap(const struct canvas *canvas, const char *text, double y, bool draw)
{
  char line[TEXT] = "";
  double height = 0, room = canvas->width - 2 * margin;
  for (const char *word = text; *word;) {
    size_t length = word_length(word), used = strlen(line);
    length = size_min(length, sizeof line - 8);
    char longer[2 * TEXT];
    snprintf(longer, sizeof longer, "%s%s%.*s", line, used ? " " : "", (int)length, word);
    if (used && (text_width(canvas, CAPTION, longer) > room || strlen(longer) >= sizeof line)) {
      if (draw)
        draw_text(canvas, CAPTION, line, margin, y + height, 0);
      height += row(CAPTION);
      snprintf(longer, sizeof longer, "%.*s", (int)length, word);
    }
    memcpy(line, longer, strlen(longer) + 1);
    elide(canvas, CAPTION, line, sizeof line, room);
    word += length;
    word += strspn(word, " ");
  }
  if (*line && draw)
    draw_text(canvas, CAPTION, line, margin, y + height, 0);
  return height + (*line ? row(CAPTION) : 0);
}

static double draw_caption(const struct canvas *canvas, const struct figure *figure, double y,
                           bool draw)
{
  double height = 0;
  for (size_t i = 0; i < FIGURE_CAPTION_LINES; i++)
    if (figure->caption[i])
      height += wrap(canvas, figure->caption[i], y + height + text_size[CAPTION], draw);
  return height;
}

/* Room for the widest tick label of the y axes, whose length is about HEIGHT. */
static double left_margin(const struct canvas *canvas, const struct figure *figure, double height)
{
  double widest = 0;
  for (size_t i = 0; i < figure->panels; i++) {
    struct scale scale = {.axis = &figure->panel[i]->y, .from = height, .to = 0};
    if (figure->panel[i]->marks == 0)
      continue;
    choose_ticks(canvas, &scale, false);
    widest = fmax(widest, widest_tick(canvas, &scale));
  }
  return margin + row(LABEL) + 3 + widest + tick_length + 2;
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
  char text[TEXT];
  snprintf(text, sizeof text, "%s", title);
  elide(canvas, TITLE, text, sizeof text, canvas->width - 2 * margin);
  draw_text(canvas, TITLE, text, margin, margin + text_size[TITLE] * 0.8, 0);
}

static void draw_figure(const struct canvas *canvas, const struct figure *figure)
{
  set_color(canvas, canvas->theme->background, 1);
  cairo_paint(canvas->cr);
  draw_title(canvas, figure->title);
  double top = margin + row(TITLE) + gap * 0.5;
  double caption = draw_caption(canvas, figure, 0, false);
  double bottom = canvas->height - margin - caption - (caption > 0 ? gap : 0);
  draw_caption(canvas, figure, bottom + gap, true);
  if (figure->panels == 0)
    return;
  double height = (bottom - top) / (double)figure->panels;
  double left = snap(canvas, left_margin(canvas, figure, height * 0.7));
  double right = snap(canvas, canvas->width - margin - 6);
  for (size_t i = 0; i < figure->panels; i++) {
    double y = top + height * (double)i;
    struct box area = {margin, y, canvas->width - margin,
                       y + height - (i + 1 < figure->panels ? gap * 1.5 : 0)};
    draw_panel(canvas, figure->panel[i], &area, left, right, !shares_x(figure, i));
  }
}

static enum status draw_on(cairo_surface_t *surface, const struct figure *figure,
                           const struct figure_options *options, struct error *error)
{
  cairo_t *cr = cairo_create(surface);
  enum status status = STATUS_OK;
  double scale = options->dpi / 72.0;
  double tall = comfortable_head + comfortable_panel * (double)size_max(figure->panels, 1);
  double fit = fmin(options->width / scale / comfortable_width, options->height / scale / tall);
  scale *= fmin(fit, most_enlarged);
  struct canvas canvas = {cr,
                          &themes[options->theme],
                          options->width / scale,
                          options->height / scale,
                          1 / scale,
                          has_letters(cr, "\u207b\u2070\u00b9\u2074")};
  cairo_scale(cr, scale, scale);
  if (!has_letters(cr, "0Aa"))
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
  enum status status = draw_on(surface, figure, options, error);
  cairo_surface_destroy(surface);
  if (status != STATUS_OK) {
    free(out->pixel);
    *out = (struct raster){0};
  }
  return status;
}
