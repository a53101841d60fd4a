/* Draws a figure with Cairo and writes it as PNG, SVG or PDF; reads the recipe out of such a file.
 *
 * The file carries the recipe, and below it the hashes of its tensors: a PNG in an iTXt chunk
 * (keyword qscope:recipe), with the resolution in pHYs, and sRGB; an SVG in its metadata; a PDF as
 * its subject. Vector files bring their letters along. The same figure is the same file: there are
 * no dates in it. It is written as data/outfile.h says, to a temporary name in the same folder, and
 * renamed: a failure leaves nothing behind and an existing file untouched. Ownership: borrows.
 * Threads: any, one figure at a time. */
#ifndef QSCOPE_TUI_FIGURE_DRAW_H
#define QSCOPE_TUI_FIGURE_DRAW_H

#include "analysis/figure.h"
#include "quant/base/status.h"

#include <stdbool.h>

enum figure_theme { THEME_LIGHT, THEME_DARK };

struct figure_options {
  unsigned width, height; /* pixels; height 0: as tall as the figure needs */
  unsigned dpi;           /* 20..2400: size on paper; text and lines scale with it */
  enum figure_theme theme;
  double paper[2]; /* width and height in millimetres, in place of those in pixels; 0: none */
};
enum { FIGURE_SIZE_LEAST = 160, FIGURE_SIZE_MOST = 16384 };

/* "1600x1000" (pixels), "85x60mm"; without a height it is as tall as it needs: "1600", "85mm".
 * False, and nothing is changed, when TEXT is something else. */
bool figure_size_scan(const char *text, struct figure_options *options);
enum { FIGURE_SIZE_TEXT = 64 };
char *figure_size_print(const struct figure_options *options, char text[FIGURE_SIZE_TEXT]);
/* The same in pixels; a height that was left open stays 0. */
struct figure_options figure_pixels(const struct figure_options *options);

/* How large FIGURE gets: in pixels, and its smallest letters in points on paper. */
struct figure_extent {
  unsigned width, height;
  double letters;
};
enum status figure_extent(const struct figure *figure, const struct figure_options *options,
                          struct figure_extent *out, struct error *error);
/* What whoever prints it should know of that: "" or that the letters get too small. */
enum { FIGURE_REMARK = 160 };
const char *figure_remark(const struct figure *figure, const struct figure_options *options,
                          char text[FIGURE_REMARK]);

/* 1600 x 1000 pixels at 200 dpi (8 x 5 inches), light. */
struct figure_options figure_options_default(void);

/* The kind of file is that of PATH's ending, else PNG. PATH "-" is standard output; a device or
 * pipe is written in place. STATUS_OUTPUT: path not writable, disk full; no font installed (says
 * so, with the package to install). STATUS_USAGE: size outside FIGURE_SIZE_LEAST to _MOST. */
enum status figure_write(const struct figure *figure, const char *path,
                         const struct figure_options *options, struct error *error);

/* The numbers behind FIGURE (figure_csv) as a file of their own. STATUS_OUTPUT. */
enum status figure_write_data(const struct figure *figure, const char *path, struct error *error);

/* True when PATH ends as a figure does: .png, .svg, .pdf. */
bool figure_is_name(const char *path);
/* True when there is such a file, and it begins as one of them does. */
bool figure_is_file(const char *path);

/* The recipe in the figure at PATH: a new string that the caller frees. STATUS_INPUT when there is
 * no such file, it is no figure, it is damaged, or it carries no recipe. */
enum status figure_read_recipe(const char *path, char **recipe, struct error *error);
/* The same with what it says of its tensors (figure_stamps_differ), "" where it says nothing. */
enum status figure_read(const char *path, char **recipe, char **stamp, struct error *error);

#endif
