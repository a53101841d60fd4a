/* The canvas of a figure: colours, lines and text in points (1/72 inch), whatever the resolution.
 * Internal to tui/figure/.
 *
 * Ownership: borrows the Cairo context. Threads: one canvas belongs to one thread. */
#ifndef QSCOPE_TUI_FIGURE_CANVAS_H
#define QSCOPE_TUI_FIGURE_CANVAS_H

#include "analysis/figure.h"
#include "tui/figure/draw.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct _cairo; /* cairo_t: whoever draws includes cairo.h */

enum dash { DASH_SOLID, DASH_LONG, DASH_SHORT, DASH_DOTTED, DASH_DOT, DASH_DOT_DOT, DASH_UNEVEN };
enum point_shape {
  SHAPE_DISC,
  SHAPE_SQUARE,
  SHAPE_TRIANGLE,
  SHAPE_DIAMOND,
  SHAPE_UPSIDE_DOWN,
  SHAPE_CROSS
};

/* How a role looks: Okabe-Ito colours, whose lightness, dashes and shapes tell roles apart without
 * colour. */
struct style {
  uint32_t fill, stroke; /* 0xRRGGBB */
  double width;
  enum dash dash;
  enum point_shape shape;
  bool hollow;
};

enum { THEME_SERIES = 8 };
struct theme {
  uint32_t background, text, frame, grid;
  struct style role[ROLE_SERIES];
  uint32_t series[THEME_SERIES]; /* colours, which come again hollow */
};
extern const struct theme themes[]; /* by enum figure_theme */

enum text_kind { TEXT_TITLE, TEXT_LABEL, TEXT_TICK, TEXT_CAPTION, TEXT_KINDS };
extern const double text_size[TEXT_KINDS];
enum { TEXT_MOST = 512 }; /* bytes of a line of text */

struct box {
  double x0, y0, x1, y1;
};

struct canvas {
  struct _cairo *cr;
  const struct theme *theme;
  double width, height; /* points */
  double pixel;         /* one pixel in points */
  bool has_raised;      /* the font has raised digits, for powers of ten */
};

/* The look of ROLE in THEME. */
struct style theme_style(const struct theme *theme, enum role role);

void canvas_color(const struct canvas *canvas, uint32_t color, double alpha);
/* Colour, width (at least a pixel) and dashes of STYLE's strokes. */
void canvas_line(const struct canvas *canvas, const struct style *style);
void canvas_segment(const struct canvas *canvas, double x0, double y0, double x1, double y1);
/* The nearest pixel border, so that fills and hairlines are crisp. */
double canvas_snap(const struct canvas *canvas, double at);

/* True when the installed font has every letter of TEXT. Without any font Cairo draws letters of
 * its own (a "user" font), or nothing, and reports success: the text would be lost silently. */
bool canvas_has_letters(struct _cairo *cr, const char *text);
double canvas_text_width(const struct canvas *canvas, enum text_kind kind, const char *text);
/* The distance of two lines of text. */
double text_row(enum text_kind kind);
/* TEXT with its anchor (0 left, 0.5 centre, 1 right) at X and its baseline at Y. */
void canvas_text(const struct canvas *canvas, enum text_kind kind, const char *text, double x,
                 double y, double anchor);
/* The largest number of bytes up to LENGTH that cuts TEXT between two characters. */
size_t text_boundary(const char *text, size_t length);
/* TEXT in OUT (TEXT_MOST bytes), cut to WIDTH with an ellipsis where it is longer. */
void canvas_fit(const struct canvas *canvas, enum text_kind kind, const char *text, char *out,
                double width);
/* "-2e-5" as print has it: "−2·10⁻⁵". */
void canvas_typeset(const struct canvas *canvas, const char *plain, char *out, size_t size);
/* Powers within words: "smallest 2^-6" with a raised -6. */
void canvas_raise(const struct canvas *canvas, const char *plain, char *out, size_t size);

#endif
