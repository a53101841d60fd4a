/* Draws a figure with Cairo and writes it as PNG; reads the recipe out of a PNG.
 *
 * The file carries the recipe in an iTXt chunk (keyword qscope:recipe), the resolution in pHYs,
 * and sRGB. It is written to a temporary name in the same folder and renamed: a failure leaves
 * nothing behind and an existing file untouched. Ownership: borrows. Threads: any, one figure
 * at a time. */
#ifndef QSCOPE_TUI_FIGURE_DRAW_H
#define QSCOPE_TUI_FIGURE_DRAW_H

#include "analysis/figure.h"
#include "quant/base/status.h"

enum figure_theme { THEME_LIGHT, THEME_DARK };

struct figure_options {
  unsigned width, height; /* pixels */
  unsigned dpi;           /* 20..2400: resolution for pHYs; text and lines scale with it */
  enum figure_theme theme;
};

/* 1600 x 1000 pixels at 200 dpi (8 x 5 inches), light. */
struct figure_options figure_options_default(void);

/* PATH "-" is standard output; a device or pipe is written in place. STATUS_OUTPUT: path not
 * writable, disk full; no font installed (says so, with the package to
 * install). STATUS_USAGE: size outside 160..16384. */
enum status figure_write_png(const struct figure *figure, const char *path,
                             const struct figure_options *options, struct error *error);

/* The recipe in the PNG at PATH: a new string that the caller frees. STATUS_INPUT when there is
 * no such file, it is not a PNG, it is damaged, or it carries no recipe. */
enum status figure_read_recipe(const char *path, char **recipe, struct error *error);

#endif
