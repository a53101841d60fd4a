/* Between the drawing (cairo.c) and the file (png.c). Internal to tui/figure/.
 *
 * Ownership: figure_draw allocates the pixels, the caller frees them. Threads: any, one figure
 * at a time. */
#ifndef QSCOPE_TUI_FIGURE_PNG_H
#define QSCOPE_TUI_FIGURE_PNG_H

#include "tui/figure/draw.h"

#include <stddef.h>
#include <stdint.h>

/* Opaque pixels 0x00RRGGBB, row by row from the top. */
struct raster {
  unsigned width, height;
  size_t stride; /* pixels from one row to the next */
  uint32_t *pixel;
};

/* Draws FIGURE. STATUS_OUTPUT: no font is installed, or Cairo failed. STATUS_MEMORY. */
enum status figure_draw(const struct figure *figure, const struct figure_options *options,
                        struct raster *out, struct error *error);

/* What a PNG says besides its pixels. */
struct png_words {
  unsigned dpi;
  const char *title, *recipe; /* UTF-8; NULL: none */
};

/* Writes RASTER to PATH ("-": standard output), as draw.h promises. STATUS_OUTPUT. */
enum status png_write_file(const char *path, const struct raster *raster,
                           const struct png_words *words, struct error *error);

#endif
