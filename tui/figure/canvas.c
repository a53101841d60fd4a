/* The canvas: colours, lines and text. */
#include "tui/figure/canvas.h"

#include <cairo.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const struct theme themes[] = {
    [THEME_LIGHT] =
        {.background = 0xffffff,
         .text = 0x1a1a1a,
         .frame = 0x4d4d4d,
         .grid = 0xe3e3e3,
         .role = {[ROLE_ORIGINAL] = {0xa9cfe6, 0x0072b2, 0.9, DASH_SOLID, SHAPE_DISC, false},
                  [ROLE_RECONSTRUCTION] = {0xf2c6a3, 0xd55e00, 1.0, DASH_SOLID, SHAPE_DISC, false},
                  [ROLE_ERROR] = {0x99d4c3, 0x007a5a, 0.9, DASH_SOLID, SHAPE_DISC, false},
                  [ROLE_CLIP] = {0xcc79a7, 0x7b2d5e, 0.9, DASH_LONG, SHAPE_DISC, false},
                  [ROLE_LEVEL] = {0x8c8c8c, 0x333333, 0.45, DASH_SOLID, SHAPE_DISC, false},
                  [ROLE_OUTLIER] = {0xd55e00, 0x8f3f00, 0.9, DASH_SOLID, SHAPE_DISC, false},
                  [ROLE_MEDIAN] = {0x4d4d4d, 0x1a1a1a, 0.9, DASH_SHORT, SHAPE_DISC, false},
                  [ROLE_REFERENCE] = {0x737373, 0x595959, 0.8, DASH_DOTTED, SHAPE_DISC, false}},
         .series = {0x0072b2, 0xd55e00, 0x00805c, 0x7b2d5e, 0x1a1a1a, 0xc08a00, 0x3b9fd8,
                    0xb8558a}},
    [THEME_DARK] =
        {.background = 0x15181d,
         .text = 0xe8e8e8,
         .frame = 0xa0a4aa,
         .grid = 0x30343b,
         .role = {[ROLE_ORIGINAL] = {0x1f5f86, 0x56b4e9, 0.9, DASH_SOLID, SHAPE_DISC, false},
                  [ROLE_RECONSTRUCTION] = {0x7a4a12, 0xffb347, 1.0, DASH_SOLID, SHAPE_DISC, false},
                  [ROLE_ERROR] = {0x0b5c47, 0x3ddcaf, 0.9, DASH_SOLID, SHAPE_DISC, false},
                  [ROLE_CLIP] = {0xcc79a7, 0xe7a6cb, 0.9, DASH_LONG, SHAPE_DISC, false},
                  [ROLE_LEVEL] = {0x7a7f87, 0xc9cdd3, 0.45, DASH_SOLID, SHAPE_DISC, false},
                  [ROLE_OUTLIER] = {0xff8c3a, 0xffd0a8, 0.9, DASH_SOLID, SHAPE_DISC, false},
                  [ROLE_MEDIAN] = {0xd0d0d0, 0xf5f5f5, 0.9, DASH_SHORT, SHAPE_DISC, false},
                  [ROLE_REFERENCE] = {0xa0a4aa, 0xb8bcc2, 0.8, DASH_DOTTED, SHAPE_DISC, false}},
         .series = {0x56b4e9, 0xffa14a, 0x3ddcaf, 0xe7a6cb, 0xf5f5f5, 0xf0d04a, 0x3c86c4,
                    0xc4679a}},
};

const double text_size[TEXT_KINDS] = {
    [TEXT_TITLE] = 9.5, [TEXT_LABEL] = 8, [TEXT_TICK] = 7, [TEXT_CAPTION] = 7};
static const double line_height = 1.3;

struct style theme_style(const struct theme *theme, enum role role)
{
  /* As many as there are colours of pins behind the first three: without colour they still differ
   * from each other, and from the solid line of what they are compared with. */
  static const enum dash dashes[] = {DASH_SOLID,   DASH_LONG,   DASH_DOT,  DASH_UNEVEN,
                                     DASH_DOT_DOT, DASH_DOTTED, DASH_SHORT};
  enum { DASHES = sizeof dashes / sizeof *dashes, SHAPES = SHAPE_CROSS + 1 };
  if (role < ROLE_SERIES)
    return theme->role[role];
  unsigned k = (unsigned)(role - ROLE_SERIES) % FIGURE_SERIES;
  uint32_t color = theme->series[k % THEME_SERIES];
  return (struct style){
      color, color, 1.1, dashes[k % DASHES], (enum point_shape)(k % SHAPES), k >= THEME_SERIES};
}

void canvas_color(const struct canvas *canvas, uint32_t color, double alpha)
{
  cairo_set_source_rgba(canvas->cr, (color >> 16 & 255) / 255.0, (color >> 8 & 255) / 255.0,
                        (color & 255) / 255.0, alpha);
}

void canvas_line(const struct canvas *canvas, const struct style *style)
{
  static const struct {
    double length[6];
    int count;
  } dashes[] = {
      [DASH_SOLID] = {{0, 0}, 0},           [DASH_LONG] = {{5, 2.5}, 2},
      [DASH_SHORT] = {{3, 2}, 2},           [DASH_DOTTED] = {{1, 1.6}, 2},
      [DASH_DOT] = {{5, 1.8, 1.2, 1.8}, 4}, [DASH_DOT_DOT] = {{5, 1.6, 1.2, 1.6, 1.2, 1.6}, 6},
      [DASH_UNEVEN] = {{8, 1.8, 3, 1.8}, 4}};
  canvas_color(canvas, style->stroke, 1);
  cairo_set_line_join(canvas->cr, CAIRO_LINE_JOIN_BEVEL);
  cairo_set_line_width(canvas->cr, fmax(style->width, canvas->pixel));
  cairo_set_dash(canvas->cr, dashes[style->dash].length, dashes[style->dash].count, 0);
}

void canvas_segment(const struct canvas *canvas, double x0, double y0, double x1, double y1)
{
  cairo_move_to(canvas->cr, x0, y0);
  cairo_line_to(canvas->cr, x1, y1);
  cairo_stroke(canvas->cr);
}

double canvas_snap(const struct canvas *canvas, double at)
{
  return round(at / canvas->pixel) * canvas->pixel;
}

bool canvas_has_letters(cairo_t *cr, const char *text)
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

static void set_font(const struct canvas *canvas, enum text_kind kind)
{
  cairo_select_font_face(canvas->cr, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                         kind == TEXT_TITLE ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(canvas->cr, text_size[kind]);
}

double canvas_text_width(const struct canvas *canvas, enum text_kind kind, const char *text)
{
  cairo_text_extents_t extents;
  set_font(canvas, kind);
  cairo_text_extents(canvas->cr, text, &extents);
  return extents.x_advance;
}

double text_row(enum text_kind kind)
{
  return text_size[kind] * line_height;
}

void canvas_text(const struct canvas *canvas, enum text_kind kind, const char *text, double x,
                 double y, double anchor)
{
  double width = canvas_text_width(canvas, kind, text);
  canvas_color(canvas, canvas->theme->text, 1);
  cairo_move_to(canvas->cr, x - anchor * width, y);
  cairo_show_text(canvas->cr, text);
}

size_t text_boundary(const char *text, size_t length)
{
  while (length > 0 && (text[length] & 0xc0) == 0x80)
    length--;
  return length;
}

void canvas_fit(const struct canvas *canvas, enum text_kind kind, const char *text, char *out,
                double width)
{
  static const char ellipsis[] = "\u2026";
  size_t length = strlen(text), most = TEXT_MOST - sizeof ellipsis;
  bool cut = length > most;
  length = cut ? text_boundary(text, most) : length;
  memcpy(out, text, length);
  memcpy(out + length, cut ? ellipsis : "", cut ? sizeof ellipsis : 1);
  while (length > 0 && canvas_text_width(canvas, kind, out) > width) {
    length = text_boundary(text, length - 1);
    memcpy(out + length, ellipsis, sizeof ellipsis);
  }
}

static const char *const raised[] = {"\u2070", "\u00b9", "\u00b2", "\u00b3", "\u2074",
                                     "\u2075", "\u2076", "\u2077", "\u2078", "\u2079"};

/* In words, a power is written with a caret: "2^-6". */
void canvas_raise(const struct canvas *canvas, const char *plain, char *out, size_t size)
{
  size_t used = 0;
  bool power = false;
  *out = '\0';
  for (const char *c = plain; *c && used + 8 < size; c++) {
    char letter[2] = {*c, '\0'};
    const char *piece = letter;
    bool digit = *c >= '0' && *c <= '9';
    power = canvas->has_raised && (*c == '^' || (power && (digit || *c == '-')));
    if (power)
      piece = *c == '^' ? "" : digit ? raised[*c - '0'] : "\u207b";
    used += (size_t)snprintf(out + used, size - used, "%s", piece);
  }
}

void canvas_typeset(const struct canvas *canvas, const char *plain, char *out, size_t size)
{
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
