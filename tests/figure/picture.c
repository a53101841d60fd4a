#include "tests/figure/picture.h"

#include <dirent.h>
#include <png.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void read_words(png_structp png, png_infop info, struct picture *picture)
{
  png_textp text = NULL;
  int count = 0;
  png_get_text(png, info, &text, &count);
  for (int i = 0; i < count; i++) {
    char **word = strcmp(text[i].key, "Title") == 0           ? &picture->title
                  : strcmp(text[i].key, "Software") == 0      ? &picture->software
                  : strcmp(text[i].key, "qscope:recipe") == 0 ? &picture->recipe
                                                              : NULL;
    if (word == &picture->recipe)
      picture->recipe_kind = text[i].compression;
    if (word)
      *word = strdup(text[i].text);
  }
}

static void read_header(png_structp png, png_infop info, struct picture *picture)
{
  png_uint_32 x = 0, y = 0;
  int unit = PNG_RESOLUTION_UNKNOWN;
  picture->width = png_get_image_width(png, info);
  picture->height = png_get_image_height(png, info);
  picture->depth = png_get_bit_depth(png, info);
  picture->color_type = png_get_color_type(png, info);
  picture->srgb_intent = -1;
  png_get_sRGB(png, info, &picture->srgb_intent);
  if (png_get_pHYs(png, info, &x, &y, &unit) && unit == PNG_RESOLUTION_METER && x == y)
    picture->per_metre = x;
  picture->has_time = png_get_valid(png, info, PNG_INFO_tIME);
}

static void read_pixels(png_structp png, struct picture *picture)
{
  unsigned char *row = calloc(picture->width, 3);
  picture->pixel = calloc((size_t)picture->width * picture->height, sizeof *picture->pixel);
  assert_true(row && picture->pixel);
  for (unsigned y = 0; y < picture->height; y++) {
    png_read_row(png, row, NULL);
    for (unsigned x = 0; x < picture->width; x++)
      picture->pixel[(size_t)y * picture->width + x] =
          (uint32_t)row[3 * x] << 16 | (uint32_t)row[3 * x + 1] << 8 | row[3 * x + 2];
  }
  free(row);
}

void picture_read(const char *path, struct picture *picture)
{
  *picture = (struct picture){0};
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png_create_info_struct(png);
  assert_non_null(info);
  if (setjmp(png_jmpbuf(png)))
    fail_msg("%s: not a sound PNG", path);
  png_init_io(png, file);
  png_read_info(png, info);
  read_header(png, info, picture);
  assert_int_equal(picture->color_type, PNG_COLOR_TYPE_RGB);
  assert_int_equal(picture->depth, 8);
  read_pixels(png, picture);
  png_read_end(png, info);
  read_words(png, info, picture);
  png_destroy_read_struct(&png, &info, NULL);
  fclose(file);
}

void picture_free(struct picture *picture)
{
  free(picture->pixel);
  free(picture->title);
  free(picture->software);
  free(picture->recipe);
}

int color_distance(uint32_t a, uint32_t b)
{
  int most = 0;
  for (int shift = 0; shift < 24; shift += 8) {
    int d = abs((int)(a >> shift & 255) - (int)(b >> shift & 255));
    most = d > most ? d : most;
  }
  return most;
}

struct figure *bars_figure(const double *height, size_t n)
{
  struct figure *figure = figure_new("bars \u00b7 test");
  assert_non_null(figure);
  struct panel *panel = figure_add_panel(figure, NULL);
  assert_non_null(panel);
  double edge[64], peak = 0;
  assert_true(n < 64);
  for (size_t i = 0; i <= n; i++)
    edge[i] = (double)i;
  for (size_t i = 0; i < n; i++)
    peak = height[i] > peak ? height[i] : peak;
  assert_true(axis_set(&panel->x, "value", NULL, 0, (double)n));
  assert_true(axis_set(&panel->y, "elements per bin", NULL, 0, peak * 1.25));
  assert_non_null(panel_add_mark(panel, MARK_BARS, ROLE_ORIGINAL, n, edge, height, NULL));
  figure->recipe = strdup("qscope plot 'caf\u00e9.npy' -q int8,sym,tensor,minmax");
  figure->caption[0] = strdup("A caption.");
  return figure;
}

void write_or_skip(const struct figure *figure, const char *path,
                   const struct figure_options *options)
{
  struct error error = {STATUS_OK, ""};
  enum status status = figure_write(figure, path, options, &error);
  if (status == STATUS_OUTPUT && strstr(error.text, "no font is installed")) {
    print_message("# SKIP: %s\n", error.text);
    skip();
  }
  if (status != STATUS_OK)
    fail_msg("%s", error.text);
}

char *folder_make(void)
{
  const char *base = getenv("TMPDIR");
  char *folder = malloc(4096);
  assert_non_null(folder);
  snprintf(folder, 4096, "%s/qscope-test-XXXXXX", base && *base ? base : "/tmp");
  assert_non_null(mkdtemp(folder));
  return folder;
}

void folder_remove(char *folder)
{
  DIR *directory = opendir(folder);
  assert_non_null(directory);
  for (struct dirent *entry; (entry = readdir(directory));)
    if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
      unlinkat(dirfd(directory), entry->d_name, 0);
  closedir(directory);
  assert_int_equal(rmdir(folder), 0);
  free(folder);
}
