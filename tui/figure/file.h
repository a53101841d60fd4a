/* Between the drawing (cairo.c) and the kinds of files, one .c each. Internal to tui/figure/.
 *
 * Ownership: figure_draw allocates the pixels, the readers the recipe; the caller frees both.
 * Threads: any, one figure at a time. */
#ifndef QSCOPE_TUI_FIGURE_FILE_H
#define QSCOPE_TUI_FIGURE_FILE_H

#include "tui/figure/draw.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct _cairo_surface; /* cairo_surface_t: whoever draws includes cairo.h */

enum { RECIPE_MOST = 65536 }; /* bytes of a recipe that is read */

/* Opaque pixels 0x00RRGGBB, row by row from the top. */
struct raster {
  unsigned width, height;
  size_t stride; /* pixels from one row to the next */
  uint32_t *pixel;
};

/* Draws FIGURE. STATUS_OUTPUT: no font is installed, or Cairo failed. STATUS_MEMORY. */
enum status figure_draw(const struct figure *figure, const struct figure_options *options,
                        struct raster *out, struct error *error);

/* The same on SURFACE, one pixel of OPTIONS being PIXEL of its units. */
enum status figure_draw_on(struct _cairo_surface *surface, double pixel,
                           const struct figure *figure, const struct figure_options *options,
                           struct error *error);

/* Write FIGURE to FILE, which is memory, with the words that say its ORIGIN: its recipe, and below
 * that its stamp. STATUS_OUTPUT, STATUS_MEMORY. */
enum status png_write(const struct figure *figure, const char *origin,
                      const struct figure_options *options, FILE *file, struct error *error);
enum status svg_write(const struct figure *figure, const char *origin,
                      const struct figure_options *options, FILE *file, struct error *error);
enum status pdf_write(const struct figure *figure, const char *origin,
                      const struct figure_options *options, FILE *file, struct error *error);

/* Read that from FILE, which begins as its kind does. STATUS_INPUT: damaged, or without one.
 */
enum status png_read(FILE *file, char **recipe, struct error *error);
enum status svg_read(FILE *file, char **recipe, struct error *error);
enum status pdf_read(FILE *file, char **recipe, struct error *error);

/* --- what the vector files share (vector.c) -------------------------------------------------- */

/* What Cairo writes its bytes with; CLOSURE is a FILE. */
enum _cairo_status vector_put(void *closure, const unsigned char *data, unsigned length);
/* PIXELS of OPTIONS in points. */
double vector_points(unsigned pixels, const struct figure_options *options);
/* Draws FIGURE on SURFACE, which is new, and finishes and destroys it. STATUS_OUTPUT. */
enum status vector_draw(struct _cairo_surface *surface, const struct figure *figure,
                        const struct figure_options *options, struct error *error);
/* All of FILE with a '\0' behind it, a new string; NULL when it is too long or cannot be read. */
char *vector_read(FILE *file, size_t *size, struct error *error);

#endif
