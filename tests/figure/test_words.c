/* Text that is too long for its place, measured with the font that draws it. */
#include "tests/figure/picture.h"
#include "tui/figure/plot.h"

#include <cairo.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char ellipsis[] = "\u2026";
/* The inspector's title of a tensor with a long name; the euro has three bytes. */
static const char title[] =
    "model.layers.0.self_attn.q_\u20ac\u20ac\u20ac\u20ac_proj.weight \u00b7 "
    "int4,sym,narrow,group=128";

static struct canvas canvas_make(void)
{
  cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 16, 16);
  struct canvas canvas = {.cr = cairo_create(surface), .width = 16, .height = 16, .pixel = 1};
  cairo_surface_destroy(surface);
  if (!canvas_has_letters(canvas.cr, "0Aa")) {
    cairo_destroy(canvas.cr);
    print_message("# SKIP: no font is installed\n");
    skip();
  }
  return canvas;
}

/* Bytes of TEXT up to the character behind byte AT. */
static size_t next_character(const char *text, size_t at)
{
  do
    at++;
  while ((text[at] & 0xc0) == 0x80);
  return at;
}

/* As many characters as there is room for, and the ellipsis: one more would be too wide. */
static void check_cut(const struct canvas *canvas, const char *cut, double width)
{
  char wider[TEXT_MOST];
  size_t kept = strlen(cut) - strlen(ellipsis);
  assert_string_equal(cut + kept, ellipsis);
  assert_memory_equal(cut, title, kept);
  assert_int_equal(text_boundary(title, kept), kept);
  assert_true(kept == 0 || canvas_text_width(canvas, TEXT_TITLE, cut) <= width);
  snprintf(wider, sizeof wider, "%.*s%s", (int)next_character(title, kept), title, ellipsis);
  assert_true(canvas_text_width(canvas, TEXT_TITLE, wider) > width);
}

static void a_long_title_ends_in_an_ellipsis(void **state)
{
  (void)state;
  char text[TEXT_MOST];
  struct canvas canvas = canvas_make();
  double whole = canvas_text_width(&canvas, TEXT_TITLE, title);
  canvas_fit(&canvas, TEXT_TITLE, title, text, whole);
  assert_string_equal(text, title);
  for (double width = whole - 0.5; width > 0; width -= 3) {
    canvas_fit(&canvas, TEXT_TITLE, title, text, width);
    check_cut(&canvas, text, width);
  }
  canvas_fit(&canvas, TEXT_TITLE, title, text, 0);
  assert_string_equal(text, ellipsis);
  canvas_fit(&canvas, TEXT_TITLE, "", text, 0);
  assert_string_equal(text, "");
  cairo_destroy(canvas.cr);
}

/* The columns of the title's rows (the topmost 20 of 300) that are not background: *first and
 * behind the last. */
static void title_extent(const struct picture *picture, unsigned *first, unsigned *end)
{
  *first = picture->width;
  *end = 0;
  for (unsigned x = 0; x < picture->width; x++)
    for (unsigned y = 0; y < picture->height / 15; y++)
      if (color_distance(picture->pixel[(size_t)y * picture->width + x], 0xffffff) > 60) {
        *first = x < *first ? x : *first;
        *end = x + 1;
      }
}

/* In the picture, too: a title of any length leaves a margin on the right as on the left. */
static void a_long_title_stays_in_the_picture(void **state)
{
  (void)state;
  static const double heights[] = {1, 2, 3};
  static const struct figure_options options = {.width = 400, .height = 300, .dpi = 100};
  char *folder = folder_make(), path[4200];
  snprintf(path, sizeof path, "%s/a.png", folder);
  struct figure *figure = bars_figure(heights, 3);
  free(figure->title);
  figure->title = strdup(title);
  write_or_skip(figure, path, &options);
  struct picture picture;
  unsigned first, end;
  picture_read(path, &picture);
  title_extent(&picture, &first, &end);
  assert_true(first > 0 && end > picture.width / 2);
  assert_true(picture.width - end >= first - 1);
  picture_free(&picture);
  figure_free(figure);
  folder_remove(folder);
}

/* Twenty names of a font's height each fit when they are turned, and are all there. */
static void many_names_are_turned(void **state)
{
  (void)state;
  enum { NAMES = 20 };
  static const char *names[NAMES];
  struct canvas canvas = canvas_make();
  struct axis axis = {0};
  for (size_t i = 0; i < NAMES; i++)
    names[i] = "calibrator";
  assert_true(axis_set_names(&axis, "calibrator", NAMES, names));
  double room = NAMES * text_size[TEXT_TICK], wide = canvas_text_width(&canvas, TEXT_TICK, *names);
  const struct {
    double length;
    size_t ticks;
    bool turned;
  } rows[] = {{2 * NAMES * wide, NAMES, false}, {room + 1, NAMES, true}, {room / 2, 1, false}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct scale scale = {.axis = &axis, .from = 0, .to = rows[i].length};
    scale_choose_ticks(&canvas, &scale, true);
    assert_int_equal(scale.turned, rows[i].turned);
    assert_true(rows[i].ticks == NAMES ? scale.ticks == NAMES : scale.ticks < NAMES);
  }
  cairo_destroy(canvas.cr);
  struct figure *owner = figure_new(NULL); /* frees the axis */
  figure_add_panel(owner, NULL)->x = axis;
  figure_free(owner);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_long_title_ends_in_an_ellipsis),
      cmocka_unit_test(a_long_title_stays_in_the_picture),
      cmocka_unit_test(many_names_are_turned),
  };
  return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
