/* A decoded PNG, for tests: pixels, resolution and words.
 *
 * Ownership: picture_read allocates, picture_free frees. Threads: one at a time. */
#ifndef QSCOPE_TESTS_FIGURE_PICTURE_H
#define QSCOPE_TESTS_FIGURE_PICTURE_H

#include "tui/figure/draw.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct picture {
  unsigned width, height, depth, color_type;
  unsigned per_metre; /* pHYs; 0: none */
  int srgb_intent;    /* -1: no sRGB chunk */
  bool has_time;
  uint32_t *pixel; /* 0xRRGGBB, row by row */
  char *title, *software, *recipe;
  int recipe_kind; /* libpng's compression code: which kind of chunk */
};

/* Fails the test when PATH cannot be decoded. */
void picture_read(const char *path, struct picture *picture);
void picture_free(struct picture *picture);

/* The largest difference of a channel between two colours, 0..255. */
int color_distance(uint32_t a, uint32_t b);

/* A figure with one panel of N bars of the given heights over 0..N. */
struct figure *bars_figure(const double *height, size_t n);

/* Writes FIGURE or fails the test; skips it where no font is installed. */
void write_or_skip(const struct figure *figure, const char *path,
                   const struct figure_options *options);

/* A new empty folder under TMPDIR, and its removal with all files in it. */
char *folder_make(void);
void folder_remove(char *folder);

#endif
