/* A screen of text as a picture: letters by the font, blocks and braille as what they mean, so that
 * they meet without seams whatever the font is. */
#include "tui/figure/snapshot.h"

#include "data/outfile.h"
#include "tui/figure/canvas.h"
#include "tui/figure/file.h"
#include "tui/figure/octant.h"

#include <cairo-svg.h>
#include <cairo.h>
#include <math.h>
#include <string.h>
#include <strings.h>

enum { CELL_WIDTH = 10, CELL_HEIGHT = 20, MARGIN = 10, FONT_SIZE = 16, SIDE_MOST = 16384 };
static const char font_name[] = "DejaVu Sans Mono";

static void set_color(cairo_t *cr, uint32_t color, double alpha)
{
  cairo_set_source_rgba(cr, (color >> 16 & 255) / 255.0, (color >> 8 & 255) / 255.0,
                        (color & 255) / 255.0, alpha);
}

/* --- blocks ------------------------------------------------------------------------------- */

/* Fills the part of the cell at (X, Y) between two corners, in shares of the cell. */
static void part(cairo_t *cr, double x, double y, double x0, double y0, double x1, double y1)
{
  cairo_rectangle(cr, x + x0 * CELL_WIDTH, y + y0 * CELL_HEIGHT, (x1 - x0) * CELL_WIDTH,
                  (y1 - y0) * CELL_HEIGHT);
  cairo_fill(cr);
}

static void quadrants(cairo_t *cr, double x, double y, uint32_t code)
{
  /* U+2596 on: bits upper left, upper right, lower left, lower right. */
  static const unsigned char shapes[] = {4, 8, 1, 13, 9, 7, 11, 2, 6, 14};
  unsigned shape = shapes[code - 0x2596];
  for (unsigned bit = 0; bit < 4; bit++)
    if (shape >> bit & 1)
      part(cr, x, y, (bit & 1) / 2.0, (bit >> 1) / 2.0, (bit & 1) / 2.0 + 0.5,
           (bit >> 1) / 2.0 + 0.5);
}

/* U+2580 to U+259F. */
static void block(cairo_t *cr, double x, double y, const struct snapshot_cell *cell)
{
  uint32_t code = cell->code;
  if (code == 0x2580)
    part(cr, x, y, 0, 0, 1, 0.5);
  else if (code <= 0x2588)
    part(cr, x, y, 0, 1 - (code - 0x2580) / 8.0, 1, 1);
  else if (code <= 0x258F)
    part(cr, x, y, 0, 0, (0x2590 - code) / 8.0, 1);
  else if (code == 0x2590)
    part(cr, x, y, 0.5, 0, 1, 1);
  else if (code <= 0x2593) {
    set_color(cr, cell->ink, (code - 0x2590) / 4.0);
    part(cr, x, y, 0, 0, 1, 1);
  } else if (code == 0x2594)
    part(cr, x, y, 0, 0, 1, 0.125);
  else if (code == 0x2595)
    part(cr, x, y, 0.875, 0, 1, 1);
  else
    quadrants(cr, x, y, code);
}

/* Two columns of four dots; bits 0 to 2 and 3 to 5 are the upper three, 6 and 7 the lowest. */
static void braille(cairo_t *cr, double x, double y, uint32_t code)
{
  for (unsigned bit = 0; bit < 8; bit++) {
    unsigned column = bit < 6 ? bit / 3 : bit - 6, row = bit < 6 ? bit % 3 : 3;
    if (!(code >> bit & 1))
      continue;
    cairo_arc(cr, x + (column + 0.5) * CELL_WIDTH / 2.0, y + (row + 0.5) * CELL_HEIGHT / 4.0, 1.6,
              0, 2 * M_PI);
    cairo_fill(cr);
  }
}

/* U+1FB00 to U+1FB3B: two columns of three, without the patterns that are older. */
static void sextant(cairo_t *cr, double x, double y, uint32_t code)
{
  enum { LEFT_HALF = 0x15, RIGHT_HALF = 0x2A };
  unsigned shape = code - 0x1FB00 + 1;
  shape += shape >= LEFT_HALF;
  shape += shape >= RIGHT_HALF;
  for (unsigned bit = 0; bit < 6; bit++)
    if (shape >> bit & 1)
      part(cr, x, y, (bit & 1) / 2.0, (bit >> 1) / 3.0, (bit & 1) / 2.0 + 0.5,
           (bit >> 1) / 3.0 + 1 / 3.0);
}

static void octant(cairo_t *cr, double x, double y, unsigned pattern)
{
  for (unsigned bit = 0; bit < 8; bit++)
    if (pattern >> bit & 1)
      part(cr, x, y, (bit & 1) / 2.0, (bit >> 1) / 4.0, (bit & 1) / 2.0 + 0.5,
           (bit >> 1) / 4.0 + 0.25);
}

/* --- lines -------------------------------------------------------------------------------- */

enum { LEFT = 1, RIGHT = 2, UP = 4, DOWN = 8, DASHED = 16 };

/* Which arms a box character has; 0: it is left to the font. */
static unsigned arms(uint32_t code)
{
  static const struct {
    uint32_t code;
    unsigned arms;
  } lines[] = {{0x2500, LEFT | RIGHT},
               {0x2502, UP | DOWN},
               {0x2504, LEFT | RIGHT | DASHED},
               {0x250A, UP | DOWN | DASHED},
               {0x250C, RIGHT | DOWN},
               {0x2510, LEFT | DOWN},
               {0x2514, RIGHT | UP},
               {0x2518, LEFT | UP},
               {0x251C, UP | DOWN | RIGHT},
               {0x2524, UP | DOWN | LEFT},
               {0x252C, LEFT | RIGHT | DOWN},
               {0x2534, LEFT | RIGHT | UP},
               {0x253C, LEFT | RIGHT | UP | DOWN}};
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    if (lines[i].code == code)
      return lines[i].arms;
  return 0;
}

static void line(cairo_t *cr, double x, double y, unsigned arms)
{
  static const double dashes[] = {2.5, 2.5};
  double middle_x = x + CELL_WIDTH / 2.0, middle_y = y + CELL_HEIGHT / 2.0;
  cairo_set_line_width(cr, 1.25);
  cairo_set_dash(cr, dashes, arms & DASHED ? 2 : 0, 0);
  cairo_move_to(cr, arms & LEFT ? x : middle_x, middle_y);
  cairo_line_to(cr, arms & RIGHT ? x + CELL_WIDTH : middle_x, middle_y);
  cairo_move_to(cr, middle_x, arms & UP ? y : middle_y);
  cairo_line_to(cr, middle_x, arms & DOWN ? y + CELL_HEIGHT : middle_y);
  cairo_stroke(cr);
}

/* --- the grid ----------------------------------------------------------------------------- */

static void letter(cairo_t *cr, double x, double y, const struct snapshot_cell *cell)
{
  char text[5];
  size_t length = 0;
  uint32_t code = cell->code;
  if (code < 0x80) {
    text[length++] = (char)code;
  } else {
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
    text[length++] = (char)(lead[more] | code >> (6 * more));
    while (more-- > 0)
      text[length++] = (char)(0x80 | (code >> (6 * more) & 0x3F));
  }
  text[length] = 0;
  cairo_select_font_face(cr, font_name, CAIRO_FONT_SLANT_NORMAL,
                         cell->bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_move_to(cr, x, y + CELL_HEIGHT * 0.775);
  cairo_show_text(cr, text);
}

static void draw_cell(cairo_t *cr, double x, double y, const struct snapshot_cell *cell)
{
  uint32_t code = cell->code;
  unsigned pattern;
  set_color(cr, cell->ink, cell->dim ? 0.6 : 1);
  if (code >= 0x2580 && code <= 0x259F)
    block(cr, x, y, cell);
  else if (code >= 0x2800 && code <= 0x28FF)
    braille(cr, x, y, code);
  else if (code >= 0x1FB00 && code <= 0x1FB3B)
    sextant(cr, x, y, code);
  else if (code >= 0x1CD00 && octant_pattern(code, &pattern))
    octant(cr, x, y, pattern);
  else if (arms(code))
    line(cr, x, y, arms(code));
  else if (code > ' ')
    letter(cr, x, y, cell);
  if (cell->underline)
    part(cr, x, y, 0, 0.92, 1, 0.97);
}

static void draw(cairo_t *cr, const struct snapshot *snapshot)
{
  set_color(cr, snapshot->background, 1);
  cairo_paint(cr);
  cairo_set_antialias(cr, CAIRO_ANTIALIAS_GRAY);
  cairo_set_font_size(cr, FONT_SIZE);
  for (int pass = 0; pass < 2; pass++) /* letters may reach into their neighbours' cells */
    for (int row = 0; row < snapshot->rows; row++)
      for (int column = 0; column < snapshot->columns; column++) {
        const struct snapshot_cell *cell = &snapshot->cell[row * snapshot->columns + column];
        double x = MARGIN + column * CELL_WIDTH, y = MARGIN + row * CELL_HEIGHT;
        if (pass == 1) {
          draw_cell(cr, x, y, cell);
        } else if (cell->paper != snapshot->background) {
          set_color(cr, cell->paper, 1);
          part(cr, x, y, 0, 0, 1, 1);
        }
      }
}

static enum status draw_on(cairo_surface_t *surface, const struct snapshot *snapshot,
                           struct error *error)
{
  cairo_t *cr = cairo_create(surface);
  enum status status = STATUS_OK;
  if (!canvas_has_letters(cr, "0Aa"))
    status = error_set(error, STATUS_OUTPUT,
                       "no font is installed, so that the picture would have no text: install "
                       "DejaVu Sans Mono (package fonts-dejavu-core, dejavu-sans-mono-fonts or "
                       "ttf-dejavu)");
  else
    draw(cr, snapshot);
  cairo_surface_flush(surface);
  cairo_status_t drawn = cairo_status(cr);
  cairo_destroy(cr);
  if (status == STATUS_OK && drawn != CAIRO_STATUS_SUCCESS)
    status = error_set(error, STATUS_OUTPUT, "drawing failed: %s", cairo_status_to_string(drawn));
  return status;
}

/* --- files -------------------------------------------------------------------------------- */

/* The picture of SNAPSHOT to FILE. */
static enum status write_picture(const struct snapshot *snapshot, unsigned width, unsigned height,
                                 bool svg, FILE *file, struct error *error)
{
  cairo_surface_t *surface =
      svg ? cairo_svg_surface_create_for_stream(vector_put, file, width, height)
          : cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)width, (int)height);
  enum status status = draw_on(surface, snapshot, error);
  cairo_status_t written = CAIRO_STATUS_SUCCESS;
  if (svg)
    cairo_surface_finish(surface);
  else if (status == STATUS_OK)
    written = cairo_surface_write_to_png_stream(surface, vector_put, file);
  if (status == STATUS_OK && written == CAIRO_STATUS_SUCCESS)
    written = cairo_surface_status(surface);
  cairo_surface_destroy(surface);
  if (status == STATUS_OK && written != CAIRO_STATUS_SUCCESS)
    status = error_set(error, STATUS_OUTPUT, "drawing failed: %s", cairo_status_to_string(written));
  return status;
}

enum status snapshot_write(const struct snapshot *snapshot, const char *path, struct error *error)
{
  struct outfile *file;
  const char *dot = strrchr(path, '.');
  unsigned width = (unsigned)snapshot->columns * CELL_WIDTH + 2 * MARGIN;
  unsigned height = (unsigned)snapshot->rows * CELL_HEIGHT + 2 * MARGIN;
  if (width > SIDE_MOST || height > SIDE_MOST)
    return error_set(error, STATUS_USAGE, "a picture of %d x %d characters is too large",
                     snapshot->columns, snapshot->rows);
  enum status status = outfile_open(path, &file, error);
  if (status != STATUS_OK)
    return status;
  status = write_picture(snapshot, width, height, dot && strcasecmp(dot, ".svg") == 0,
                         outfile_stream(file), error);
  if (status == STATUS_OK)
    return outfile_commit(file, error);
  outfile_discard(file);
  return status;
}
