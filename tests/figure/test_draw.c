/* What is drawn is where it belongs: bars are measured in the decoded picture. The expected
 * heights are those the figure was made from. */
#include "tests/figure/picture.h"
#include "tui/figure/canvas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint32_t bar_fill[] = {[THEME_LIGHT] = 0xa9cfe6, [THEME_DARK] = 0x1f5f86};
static const uint32_t background[] = {[THEME_LIGHT] = 0xffffff, [THEME_DARK] = 0x15181d};

static bool is_bar(const struct picture *picture, unsigned x, unsigned y, enum figure_theme theme)
{
  uint32_t pixel = picture->pixel[(size_t)y * picture->width + x];
  return color_distance(pixel, bar_fill[theme]) <= 2;
}

/* Pixels of bar colour in column X. */
static unsigned column_height(const struct picture *picture, unsigned x, enum figure_theme theme)
{
  unsigned n = 0;
  for (unsigned y = 0; y < picture->height; y++)
    n += is_bar(picture, x, y, theme);
  return n;
}

/* The columns between which bars are seen; the first and the last must have a height. */
static void bar_extent(const struct picture *picture, enum figure_theme theme, unsigned *left,
                       unsigned *right)
{
  *left = picture->width;
  *right = 0;
  for (unsigned x = 0; x < picture->width; x++)
    if (column_height(picture, x, theme) > 8) { /* more than a letter's fringe */
      *left = x < *left ? x : *left;
      *right = x + 1;
    }
}

/* True when the N bars in PICTURE have the heights EXPECTED, up to a common factor. */
static bool bars_match(const struct picture *picture, const double *expected, size_t n,
                       enum figure_theme theme)
{
  unsigned left, right;
  double most = 0, tallest = 0;
  bar_extent(picture, theme, &left, &right);
  if (right <= left)
    return false;
  for (size_t i = 0; i < n; i++) {
    unsigned x = left + (unsigned)(((double)i + 0.5) * (right - left) / (double)n);
    most = fmax(most, column_height(picture, x, theme));
    tallest = fmax(tallest, expected[i]);
  }
  for (size_t i = 0; i < n; i++) {
    unsigned x = left + (unsigned)(((double)i + 0.5) * (right - left) / (double)n);
    double found = column_height(picture, x, theme) / most;
    if (fabs(found - expected[i] / tallest) > 0.02)
      return false;
  }
  return true;
}

/* WIDTH x HEIGHT pixels at DPI, light. */
static struct figure_options sized(unsigned width, unsigned height, unsigned dpi)
{
  struct figure_options options = figure_options_default();
  options.width = width;
  options.height = height;
  options.dpi = dpi;
  return options;
}

static const double heights[] = {1, 4, 2, 8, 3};
enum { HEIGHTS = sizeof heights / sizeof *heights };

static void draw(const struct figure *figure, const struct figure_options *options,
                 struct picture *picture)
{
  char *folder = folder_make(), path[4200];
  snprintf(path, sizeof path, "%s/a.png", folder);
  write_or_skip(figure, path, options);
  picture_read(path, picture);
  folder_remove(folder);
}

static void bars_are_where_they_belong(void **state)
{
  (void)state;
  static const unsigned sizes[][3] = {
      {800, 500, 100}, {1600, 1000, 200}, {640, 1200, 96}, {160, 160, 72}};
  struct figure *figure = bars_figure(heights, HEIGHTS);
  for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
    const unsigned *size = sizes[i / 2];
    struct figure_options options = sized(size[0], size[1], size[2]);
    options.theme = i % 2 ? THEME_DARK : THEME_LIGHT;
    struct picture picture;
    draw(figure, &options, &picture);
    assert_int_equal(picture.width, size[0]);
    assert_int_equal(picture.height, size[1]);
    assert_int_equal(picture.pixel[0], background[options.theme]);
    assert_true(size[0] < 300 || bars_match(&picture, heights, HEIGHTS, options.theme));
    picture_free(&picture);
  }
  figure_free(figure);
}

/* The comparator can fail: other heights, other order, other theme. */
/* Rows of the picture that have ink of text, below the middle. */
static unsigned rows_with_ink(const struct picture *picture)
{
  unsigned rows = 0;
  for (unsigned y = picture->height / 2; y < picture->height; y++) {
    bool ink = false;
    for (unsigned x = 0; x < picture->width && !ink; x++)
      ink = color_distance(picture->pixel[(size_t)y * picture->width + x], 0x1a1a1a) < 40;
    rows += ink;
  }
  return rows;
}

/* A list takes room of its own below the panels, whose bars stay what they are. */
static void a_list_below_the_panels(void **state)
{
  (void)state;
  static const unsigned sizes[][2] = {{1200, 800}, {640, 400}, {200, 160}};
  struct figure *bare = bars_figure(heights, HEIGHTS), *listed = bars_figure(heights, HEIGHTS);
  for (int i = 1; i <= 30; i++) {
    char text[32];
    snprintf(text, sizeof text, "%d a name of some length", i);
    assert_true(figure_add_word(listed, text));
  }
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct figure_options options = figure_options_default();
    struct picture without, with;
    options.width = sizes[i][0];
    options.height = sizes[i][1];
    draw(bare, &options, &without);
    draw(listed, &options, &with);
    assert_true(sizes[i][0] < 1200 || rows_with_ink(&with) > rows_with_ink(&without) + 40);
    assert_true(sizes[i][0] < 640 || bars_match(&with, heights, HEIGHTS, THEME_LIGHT));
    picture_free(&without);
    picture_free(&with);
  }
  figure_free(bare);
  figure_free(listed);
}

static void wrong_bars_are_noticed(void **state)
{
  (void)state;
  static const double taller[] = {1.5, 4, 2, 8, 3}, reversed[] = {3, 8, 2, 4, 1};
  struct figure *figure = bars_figure(heights, HEIGHTS);
  struct figure_options options = sized(800, 500, 100);
  struct picture picture;
  draw(figure, &options, &picture);
  assert_true(bars_match(&picture, heights, HEIGHTS, THEME_LIGHT));
  assert_false(bars_match(&picture, taller, HEIGHTS, THEME_LIGHT));
  assert_false(bars_match(&picture, reversed, HEIGHTS, THEME_LIGHT));
  assert_false(bars_match(&picture, heights, HEIGHTS, THEME_DARK));
  picture_free(&picture);
  figure_free(figure);
}

/* On a log axis equal factors are equal heights: 1, 10, 100 over an axis from 0.1. */
static void log_axis(void **state)
{
  (void)state;
  static const double count[] = {1, 10, 100, 0}, expected[] = {1, 2, 3, 0};
  struct figure *figure = bars_figure(count, 4);
  struct axis *y = &figure->panel[0]->y;
  y->log = y->integral = true;
  y->lo = 0.1;
  struct figure_options options = sized(800, 500, 100);
  struct picture picture;
  draw(figure, &options, &picture);
  /* The empty last bin leaves the extent to three bars. */
  assert_true(bars_match(&picture, expected, 3, THEME_LIGHT));
  picture_free(&picture);
  figure_free(figure);
}

/* One outlier among more channels than pixels is still as tall as it should be. */
static void no_outlier_vanishes(void **state)
{
  (void)state;
  enum { CHANNELS = 20000 };
  struct figure *figure = figure_new("many");
  struct panel *panel = figure_add_panel(figure, NULL);
  double *edge = malloc((CHANNELS + 1) * sizeof *edge), *value = malloc(CHANNELS * sizeof *value);
  assert_true(panel && edge && value);
  for (size_t i = 0; i <= CHANNELS; i++)
    edge[i] = (double)i - 0.5;
  for (size_t i = 0; i < CHANNELS; i++)
    value[i] = i == 7777 ? 10 : 1;
  panel->x.integral = true;
  assert_true(axis_set(&panel->x, "channel", NULL, -0.5, CHANNELS - 0.5) &&
              axis_set(&panel->y, "max |x|", NULL, 0, 10));
  assert_non_null(panel_add_mark(panel, MARK_BARS, ROLE_ORIGINAL, CHANNELS, edge, value, NULL));
  struct figure_options options = sized(800, 500, 100);
  struct picture picture;
  draw(figure, &options, &picture);
  /* The tint behind the solid minimum is the fill colour: only the outlier's column has it. */
  unsigned columns = 0, tallest = 0;
  for (unsigned x = 0; x < picture.width; x++) {
    unsigned height = column_height(&picture, x, THEME_LIGHT);
    columns += height > 20;
    tallest = height > tallest ? height : tallest;
  }
  assert_int_equal(columns, 1);
  assert_true(tallest > 200);
  picture_free(&picture);
  free(edge);
  free(value);
  figure_free(figure);
}

/* Every mark, broken numbers and all, in every place it can be: nothing crashes or fails. */
static void everything_can_be_drawn(void **state)
{
  (void)state;
  static const double values[] = {0, -INFINITY, NAN, 1e308, -1e308, INFINITY, 0.5, 1e-320};
  static const struct {
    double lo, hi;
    bool log;
  } axes[] = {{0, 1, false}, {1e-3, 1, true}, {1, 1, false}, {NAN, 1, false}, {-1, 1, true}};
  for (size_t a = 0; a < sizeof axes / sizeof *axes; a++) {
    struct figure *figure = figure_new("");
    struct panel *panel = figure_add_panel(figure, "title");
    panel->y.log = axes[a].log;
    assert_true(axis_set(&panel->x, NULL, NULL, axes[a].lo, axes[a].hi) &&
                axis_set(&panel->y, "y", "unit", axes[a].lo, axes[a].hi));
    for (int kind = MARK_BARS; kind <= MARK_SERIES; kind++)
      for (int role = ROLE_ORIGINAL; role < ROLE_SERIES + FIGURE_SERIES; role++) {
        size_t n = kind == MARK_VLINE || kind == MARK_HLINE ? 1 : 7;
        assert_non_null(panel_add_mark(panel, (enum mark_kind)kind, (enum role)role, n, values,
                                       values, role % 2 ? "a label" : NULL));
      }
    struct figure_options options = sized(400, 300, 100);
    struct picture picture;
    draw(figure, &options, &picture);
    picture_free(&picture);
    panel->ruler = true;
    draw(figure, &options, &picture);
    picture_free(&picture);
    figure_free(figure);
  }
}

/* Without colour, dash and shape tell any two series apart. */
/* The outlines of pins have no points: their dashes differ, from each other and from the solid line
 * of what they are compared with. */
static void pins_differ_in_greyscale(void **state)
{
  (void)state;
  enum { FIRST = 3 }; /* pins_role() */
  for (int a = 0; a < FIGURE_PINS; a++) {
    struct style one = theme_style(&themes[THEME_LIGHT], (enum role)(ROLE_SERIES + FIRST + a));
    assert_int_not_equal(one.dash, DASH_SOLID);
    for (int b = 0; b < a; b++)
      assert_int_not_equal(
          one.dash, theme_style(&themes[THEME_LIGHT], (enum role)(ROLE_SERIES + FIRST + b)).dash);
  }
}

static void series_differ_in_greyscale(void **state)
{
  (void)state;
  for (int a = 0; a < FIGURE_SERIES; a++)
    for (int b = 0; b < a; b++) {
      struct style one = theme_style(&themes[THEME_LIGHT], (enum role)(ROLE_SERIES + a));
      struct style other = theme_style(&themes[THEME_LIGHT], (enum role)(ROLE_SERIES + b));
      assert_true(one.dash != other.dash || one.shape != other.shape);
      assert_true(one.stroke != other.stroke || one.hollow != other.hollow);
    }
}

static void sentences_and_empty_figures(void **state)
{
  (void)state;
  struct figure *figure = figure_new("nothing");
  struct figure_options options = sized(400, 300, 100);
  options.theme = THEME_DARK;
  struct picture picture;
  draw(figure, &options, &picture);
  picture_free(&picture);
  assert_non_null(figure_add_panel(figure, "The tensor is empty: there is nothing to draw."));
  assert_non_null(figure_add_panel(figure, NULL));
  char *text = malloc(5000);
  assert_non_null(text);
  memset(text, 'w', 4999); /* one word, far too long for a line */
  text[4999] = '\0';
  figure->caption[3] = text;
  draw(figure, &options, &picture);
  picture_free(&picture);
  figure_free(figure);
}

/* Words longer than any buffer, of characters of several bytes, in every place for words: cut or
 * wrapped between characters (Cairo refuses half of one). */
static void long_words_are_cut_between_characters(void **state)
{
  (void)state;
  for (size_t shift = 0; shift < 4; shift++) {
    char text[3000] = "xyz";
    size_t length = shift;
    while (length + 4 < sizeof text)
      length += (size_t)snprintf(text + length, 4, "%s", "\u20ac");
    struct figure *figure = bars_figure(heights, HEIGHTS);
    struct panel *panel = figure->panel[0];
    assert_true(axis_set(&panel->x, text, text, 0, 5) && axis_set(&panel->y, text, text, 0, 10));
    assert_non_null(panel_add_mark(panel, MARK_POINTS, ROLE_OUTLIER, 1, heights, heights, text));
    assert_non_null(panel_add_mark(panel, MARK_VLINE, ROLE_CLIP, 1, heights, NULL, text));
    assert_non_null(panel_add_mark(panel, MARK_HLINE, ROLE_MEDIAN, 1, heights, NULL, text));
    assert_non_null(figure_add_panel(figure, text));
    free(figure->title);
    figure->title = strdup(text);
    figure->caption[1] = strdup(text);
    struct figure_options options = sized(400, 300, 100);
    struct picture picture;
    draw(figure, &options, &picture);
    picture_free(&picture);
    figure_free(figure);
  }
}

static void impossible_sizes_are_refused(void **state)
{
  (void)state;
  static const unsigned sizes[][3] = {
      {159, 500, 100}, {800, 16385, 100}, {0, 0, 100}, {800, 500, 0}, {800, 500, 100000}};
  struct figure *figure = bars_figure(heights, HEIGHTS);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct figure_options options = sized(sizes[i][0], sizes[i][1], sizes[i][2]);
    struct error error;
    assert_int_equal(figure_write(figure, "/nonexistent/a.png", &options, &error), STATUS_USAGE);
  }
  figure_free(figure);
}

/* An inch is 25.4 mm: 85 mm at 300 dpi are 1004 pixels, at 600 dpi 2008. */
static void sizes_as_they_are_written(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    unsigned width, height;
  } good[] = {{"1600x1000", 1600, 1000},  {"85mm", 1004, 0}, {"85x60mm", 1004, 709},
              {"88.9x50.8mm", 1050, 600}, {"1004", 1004, 0}, {"1600X1000", 1600, 1000}};
  static const char *const bad[] = {"",      "x",      "1600x", "x1000",  "85cm",
                                    "-85mm", "0x60mm", "85.5",  "85x0mm", "0x10x20",
                                    "mm",    "1e9mm",  "85mmx", "nanmm"};
  char text[FIGURE_SIZE_TEXT];
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    struct figure_options options = figure_options_default(), again = options;
    options.dpi = again.dpi = 300;
    assert_true(figure_size_scan(good[i].text, &options));
    const struct figure_options pixels = figure_pixels(&options);
    assert_int_equal(pixels.width, good[i].width);
    assert_int_equal(pixels.height, good[i].height);
    assert_true(figure_size_scan(figure_size_print(&options, text), &again));
    assert_memory_equal(&options, &again, sizeof options);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct figure_options options = figure_options_default(), before = options;
    if (figure_size_scan(bad[i], &options))
      fail_msg("%s was taken for a size", bad[i]);
    assert_memory_equal(&options, &before, sizeof options);
  }
}

/* A figure of PANELS panels, all the same. */
static struct figure *tall_figure(size_t panels)
{
  struct figure *figure = bars_figure(heights, HEIGHTS);
  while (figure->panels < panels) {
    struct panel *panel = figure_add_panel(figure, "more");
    const double x[] = {0, 1}, y[] = {0, 1};
    assert_true(panel && axis_set(&panel->x, "x", NULL, 0, 1) &&
                axis_set(&panel->y, "y", NULL, 0, 1) &&
                panel_add_mark(panel, MARK_LINE, ROLE_ERROR, 2, x, y, NULL));
  }
  return figure;
}

/* In a column of a paper: as tall as the panels need, and letters of 5 points at least; what is
 * too low for them says so. */
static void letters_stay_legible(void **state)
{
  (void)state;
  unsigned last = 0;
  char text[FIGURE_REMARK];
  struct error error;
  for (size_t panels = 1; panels <= 4; panels++) {
    struct figure *figure = tall_figure(panels);
    struct figure_options options = sized(0, 0, 300), low = options;
    struct figure_extent extent;
    struct picture picture;
    assert_true(figure_size_scan("85mm", &options) && figure_size_scan("85x30mm", &low));
    draw(figure, &options, &picture);
    assert_int_equal(figure_extent(figure, &options, &extent, &error), STATUS_OK);
    assert_int_equal(picture.width, 1004);
    assert_int_equal(picture.height, extent.height);
    assert_true(picture.height > last + 100);
    assert_true(extent.letters >= 5 && extent.letters <= 8);
    assert_string_equal(figure_remark(figure, &options, text), "");
    assert_non_null(
        strstr(figure_remark(figure, &low, text), "points tall on paper: a size without"));
    last = picture.height;
    picture_free(&picture);
    figure_free(figure);
  }
}

/* The same picture but for the title has what stands below it further down when the title takes two
 * lines; one that fits does not. */
static void long_titles_take_two_lines(void **state)
{
  (void)state;
  static const char *const titles[] = {
      "a", "a \u00b7 b",
      "a tensor with a rather long name \u00b7 int8,sym,tensor,percentile=99.99"};
  unsigned height[3];
  for (size_t i = 0; i < 3; i++) {
    struct figure *figure = tall_figure(1);
    struct figure_options options = sized(1004, 0, 300);
    struct figure_extent extent;
    struct error error;
    char *title = strdup(titles[i]);
    assert_non_null(title);
    free(figure->title);
    figure->title = title;
    assert_int_equal(figure_extent(figure, &options, &extent, &error), STATUS_OK);
    height[i] = extent.height;
    figure_free(figure);
  }
  assert_int_equal(height[0], height[1]);
  assert_true(height[2] > height[0] + 20);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bars_are_where_they_belong),
      cmocka_unit_test(a_list_below_the_panels),
      cmocka_unit_test(wrong_bars_are_noticed),
      cmocka_unit_test(log_axis),
      cmocka_unit_test(no_outlier_vanishes),
      cmocka_unit_test(everything_can_be_drawn),
      cmocka_unit_test(series_differ_in_greyscale),
      cmocka_unit_test(pins_differ_in_greyscale),
      cmocka_unit_test(sentences_and_empty_figures),
      cmocka_unit_test(long_words_are_cut_between_characters),
      cmocka_unit_test(impossible_sizes_are_refused),
      cmocka_unit_test(sizes_as_they_are_written),
      cmocka_unit_test(letters_stay_legible),
      cmocka_unit_test(long_titles_take_two_lines),
  };
  return cmocka_run_group_tests_name("draw", tests, NULL, NULL);
}
