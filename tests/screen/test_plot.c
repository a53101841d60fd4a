/* Panels drawn into cells: hand-made figures, as text, in both glyph sets. */
#include "analysis/figure.h"
#include "tui/screen/plot.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 10, COLUMNS = 28, DATA = 20 };

/* Bars 0..19 high, an outline that agrees, falls short, and stands out; levels; a threshold with
 * the band behind it. All positions by hand: one bin for each of the 20 data columns. */
static struct figure *staircase(bool log)
{
  double edge[DATA + 1], bars[DATA], steps[DATA], levels[] = {0.5, 4.5, 8.5, 12.5, 12.7};
  double threshold = 15, band[] = {15, 20};
  for (int i = 0; i <= DATA; i++)
    edge[i] = i;
  for (int i = 0; i < DATA; i++) {
    bars[i] = i;
    steps[i] = i == 5 ? 10 : i == 14 ? 4 : i;
  }
  struct figure *figure = figure_new("t");
  struct panel *panel = figure_add_panel(figure, NULL);
  assert_true(axis_set(&panel->x, "value", NULL, 0, 20));
  assert_true(axis_set(&panel->y, "n", NULL, log ? 0.5 : 0, log ? 50 : 24));
  panel->y.log = log;
  panel_add_mark(panel, MARK_BAND, ROLE_CLIP, 2, band, NULL, NULL);
  panel_add_mark(panel, MARK_BARS, ROLE_ORIGINAL, DATA, edge, bars, "bars");
  panel_add_mark(panel, MARK_STEPS, ROLE_RECONSTRUCTION, DATA, edge, steps, "steps");
  panel_add_mark(panel, MARK_TICKS, ROLE_LEVEL, 5, levels, NULL, NULL);
  panel_add_mark(panel, MARK_VLINE, ROLE_CLIP, 1, &threshold, NULL, NULL);
  return figure;
}

static char *drawn(struct figure *figure, const struct glyphs *glyphs, int rows, int columns)
{
  struct cells cells = {.ascii = glyphs->ascii};
  assert_true(cells_resize(&cells, rows, columns));
  plot_figure(&cells, cells_all(&cells), figure, glyphs, (double)NAN);
  char *text = cells_dump(&cells);
  cells_free(&cells);
  figure_free(figure);
  return text;
}

static void assert_drawn(struct figure *figure, const struct glyphs *glyphs, const char *expected)
{
  char *text = drawn(figure, glyphs, ROWS, COLUMNS);
  assert_string_equal(text, expected);
  free(text);
}

/* 7 rows of 8 eighths over 24: value v is round(v * 56 / 24) eighths high. */
static void golden_utf8(void **state)
{
  (void)state;
  assert_drawn(staircase(false), &glyphs_utf8,
               " n  █ bars  ─ steps\n"
               "      │               ┊░░░░\n"
               "    20┤               ┊░░▂▄\n"
               "      │              ▁┊▅███\n"
               "      │           ▂▄▆█┊████\n"
               "    10┤     ▔  ▃▅▇████┊████\n"
               "      │    ▁▄▆███████▁┊████\n"
               "     0┤ ▂▅▇███████████┊████\n"
               "      └┼───┴───┴─┬─╨──────┬\n"
               "       0        10       20\n");
}

static char *curve_drawn(const struct glyphs *glyphs, const double *x, const double *y)
{
  const double edge[] = {8, 9}, height = 5;
  struct figure *figure = figure_new("t");
  struct panel *panel = figure_add_panel(figure, NULL);
  assert_true(axis_set(&panel->x, "", NULL, 0, 9) && axis_set(&panel->y, "", NULL, 0, 8));
  panel_add_mark(panel, MARK_BARS, ROLE_ORIGINAL, 1, edge, &height, NULL);
  panel_add_mark(panel, MARK_LINE, ROLE_MEDIAN, 2, x, y, NULL);
  return drawn(figure, glyphs, 3, 17);
}

/* Two rows of nine columns: a dot is one unit of y and half a unit of x. The line climbs from the
 * first dot to the eighth over 16 halves, round(1 + 7 t) high; where it is steep, dots fill the
 * height between its halves. A bar of 5 beside it has its eighths: one cell and two. */
static void curves_are_dots_and_bars_are_eighths(void **state)
{
  (void)state;
  char *text = curve_drawn(&glyphs_auto, (const double[]){0, 7.75}, (const double[]){1, 8});
  assert_non_null(strstr(text, "    ⣀⠤⠒⠉▂\n"));
  assert_non_null(strstr(text, "⡠⠔⠒⠉    █\n"));
  free(text);
  text = curve_drawn(&glyphs_auto, (const double[]){0, 1.25}, (const double[]){1, 8});
  assert_non_null(strstr(text, "⢀⠇      ▂\n"));
  assert_non_null(strstr(text, "⡸       █\n"));
  free(text);
  text = curve_drawn(&glyphs_utf8, (const double[]){0, 7.75}, (const double[]){1, 8});
  assert_non_null(strstr(text, "▔▂\n")); /* strokes */
  assert_null(strstr(text, "⣀"));
  free(text);
  text = curve_drawn(glyphs_find("quadrant"), (const double[]){0, 7.75}, (const double[]){1, 8});
  assert_non_null(strstr(text, "    ▗▄▞▀▄\n")); /* two heights to a row, for the bar, too */
  free(text);
}

/* The axis ends at 8: a bar of 8 is as high as the panel, one of 9 has an arrow on top, in every
 * set of glyphs. */
static void bars_beyond_the_axis_point_up(void **state)
{
  (void)state;
  const double edge[] = {0, 1, 2, 3}, height[] = {8, 9, 4};
  for (size_t g = 0; g < glyphs_table_length; g++) {
    struct figure *figure = figure_new("t");
    struct panel *panel = figure_add_panel(figure, NULL);
    assert_true(axis_set(&panel->x, "", NULL, 0, 9) && axis_set(&panel->y, "", NULL, 0, 8));
    panel_add_mark(panel, MARK_BARS, ROLE_ORIGINAL, 3, edge, height, NULL);
    char *text = drawn(figure, glyphs_table[g], 3, 17), arrow[5];
    utf8_encode(glyphs_table[g]->code[GLYPH_UP], arrow);
    const char *found = strstr(text, arrow);
    assert_non_null(found);
    assert_true(found < strchr(text, '\n')); /* in the first row */
    assert_null(strstr(found + strlen(arrow), arrow));
    free(text);
  }
}

/* Four bars, 14, 28, 42 and 56 eighths high, and under them a strip of 0, 1, 2 and 4 on colours
 * from 1 to 3: below, the first, the middle one, above. Without a terminal there are no colours,
 * but letters. */
static void a_strip_stands_under_the_bars(void **state)
{
  (void)state;
  const double edge[] = {-0.5, 0.5, 1.5, 2.5, 3.5}, height[] = {1, 2, 3, 4};
  const double value[] = {0, 1, 2, 4}, both[] = {0, 1};
  struct figure *figure = figure_new("t");
  struct panel *panel = figure_add_panel(figure, NULL);
  panel->x.integral = true;
  assert_true(axis_set(&panel->x, "c", NULL, -0.5, 3.5) && axis_set(&panel->y, "n", NULL, 0, 4));
  panel_add_mark(panel, MARK_BARS, ROLE_ORIGINAL, 4, edge, height, NULL);
  panel = figure_add_panel(figure, NULL);
  panel->ruler = panel->x.integral = true;
  assert_true(axis_set(&panel->x, "c", NULL, -0.5, 3.5) &&
              axis_set(&panel->color, "MSE", NULL, 1, 3));
  panel_add_cells(panel, 4, 1, edge, both, value);
  char *text = drawn(figure, &glyphs_utf8, 11, COLUMNS);
  assert_string_equal(text, " n\n"
                            "     4┤               █████\n"
                            "      │          ▂▂▂▂▂█████\n"
                            "      │          ██████████\n"
                            "     2┤     ▄▄▄▄▄██████████\n"
                            "      │     ███████████████\n"
                            "      │▆▆▆▆▆███████████████\n"
                            "     0┤████████████████████\n"
                            "      └──┬─────────┬───────\n"
                            "   MSE ,,,,,     +++++^^^^^\n"
                            "         0         2       c\n");
  free(text);
}

static void golden_ascii(void **state)
{
  (void)state;
  assert_drawn(staircase(false), &glyphs_ascii,
               " n  # bars  - steps\n"
               "      |               !////\n"
               "    20+               !//.:\n"
               "      |              .!:###\n"
               "      |           .::#!####\n"
               "    10+     \"  .:#####!####\n"
               "      |    .::#######_!####\n"
               "     0+ .:############!####\n"
               "      +*---'---'-+-\"------+\n"
               "       0        10       20\n");
}

static void golden_log(void **state)
{
  (void)state;
  assert_drawn(staircase(true), &glyphs_utf8,
               " n  █ bars  ─ steps\n"
               "      │               ┊░░░░\n"
               "      │              ▁┊▂▃▄▄\n"
               "    10┤     ─  ▂▃▄▆▇██┊████\n"
               "      │    ▁▄▆███████▁┊████\n"
               "      │  ▁▆███████████┊████\n"
               "      │  █████████████┊████\n"
               "     1┤ ██████████████┊████\n"
               "      └┼───┴───┴─┬─╨──────┬\n"
               "       0        10       20\n");
}

/* Heights against the closed form, not against a picture. */
static void bars_have_their_height(void **state)
{
  (void)state;
  struct cells cells = {0};
  struct figure *figure = staircase(false);
  figure->panel[0]->marks = 2; /* band and bars only; the rest is freed by hand below */
  assert_true(cells_resize(&cells, ROWS, COLUMNS));
  plot_panel(&cells, cells_all(&cells), figure->panel[0], &glyphs_utf8);
  for (int c = 0; c < DATA; c++) {
    int eighths = 0;
    for (int row = 1; row < ROWS - 2; row++) {
      uint32_t code = cells_at(&cells, row, 7 + c)->code;
      eighths += code >= 0x2581 && code <= 0x2588 ? (int)(code - 0x2580) : 0;
    }
    assert_int_equal(eighths, lround(c * 56 / 24.0));
    /* beyond the threshold the bars have the colour of what is clipped */
    if (c > 0)
      assert_int_equal(cells_at(&cells, ROWS - 3, 7 + c)->style.ink,
                       c >= 15 ? PAINT_CLIP : PAINT_ORIGINAL);
  }
  figure->panel[0]->marks = 5;
  figure_free(figure);
  cells_free(&cells);
}

static void gaps_stay_gaps(void **state)
{
  (void)state;
  double x[] = {2.5, 7.5, 12.5, 17.5}, y[] = {5, (double)NAN, 5, 5};
  struct figure *figure = figure_new("t");
  struct panel *panel = figure_add_panel(figure, NULL);
  assert_true(axis_set(&panel->x, NULL, NULL, 0, 20) && axis_set(&panel->y, NULL, NULL, 0, 10));
  panel_add_mark(panel, MARK_LINE, ROLE_ERROR, 4, x, y, NULL);
  struct cells cells = {0};
  assert_true(cells_resize(&cells, ROWS, COLUMNS));
  plot_panel(&cells, cells_all(&cells), panel, &glyphs_utf8);
  int marks = 0;
  for (int row = 0; row < ROWS - 2; row++)
    for (int c = 0; c < DATA; c++)
      if (cells_at(&cells, row, 7 + c)->style.ink == PAINT_ERROR) {
        assert_true(c == 2 || c == 12 || c == 17);
        marks++;
      }
  assert_int_equal(marks, 3);
  figure_free(figure);
  cells_free(&cells);
}

/* Nothing is drawn outside the rectangle, whatever its size. */
static void every_rectangle_is_respected(void **state)
{
  (void)state;
  const struct style outside = {.ink = PAINT_GOOD};
  struct cells cells = {0};
  assert_true(cells_resize(&cells, 24, 60));
  for (int rows = 0; rows <= 20; rows++)
    for (int columns = 0; columns <= 50; columns += 7) {
      struct figure *figure = staircase(rows % 2);
      struct rect rect = {2, 3, rows, columns};
      cells_fill(&cells, cells_all(&cells), '.', outside);
      plot_figure(&cells, rect, figure, &glyphs_utf8, 10);
      for (int r = 0; r < 24; r++)
        for (int c = 0; c < 60; c++)
          if (r < 2 || r >= 2 + rows || c < 3 || c >= 3 + columns)
            assert_int_equal(cells_at(&cells, r, c)->style.ink, PAINT_GOOD);
      figure_free(figure);
    }
  cells_free(&cells);
}

static void a_panel_without_marks_says_why(void **state)
{
  (void)state;
  struct figure *figure = figure_new("t");
  figure_add_panel(figure, "Nothing here.");
  char *text = drawn(figure, &glyphs_utf8, 5, 30);
  assert_string_equal(text, "\n\n  Nothing here.\n\n\n");
  free(text);
}

/* Bars of 1 to 16 sixteenths over two rows of eight cells, in every set. By hand: a set of D parts
 * a row shows round(height * 2 D / 16) parts, at least one; two bars share a cell where the set has
 * two parts across, else a cell shows the taller of its two. */
static void every_set_of_glyphs(void **state)
{
  enum { BARS = 16 };
  static const struct {
    const char *name, *upper, *lower;
  } cases[] = {
      {"eighth", "    ▂▄▆█", "▂▄▆█████"},
      {"half", "    ▄▄██", "▄▄██████"},
      {"quadrant", "    ▗▄▟█", "▄▄▟█████"},
      {"sextant", "    \U0001FB1E\U0001FB35\U0001FB39█", "\U0001FB2D\U0001FB35\U0001FB39█████"},
      {"octant", "    ▂▄▆█", "▂▄▆█████"},
      {"braille", "    ⣀⣤⣶⣿", "⣀⣤⣶⣿⣿⣿⣿⣿"},
      {"ascii", "    .::#", ".::#####"},
  };
  double edge[BARS + 1], height[BARS];
  (void)state;
  for (int i = 0; i <= BARS; i++)
    edge[i] = i;
  for (int i = 0; i < BARS; i++)
    height[i] = i + 1;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct figure *figure = figure_new("t");
    struct panel *panel = figure_add_panel(figure, NULL);
    assert_true(axis_set(&panel->x, "", NULL, 0, BARS));
    assert_true(axis_set(&panel->y, "", NULL, 0, BARS));
    panel_add_mark(panel, MARK_BARS, ROLE_ORIGINAL, BARS, edge, height, NULL);
    const struct glyphs *glyphs = glyphs_find(cases[i].name);
    assert_non_null(glyphs);
    assert_true(glyphs_writable(glyphs));
    char *text = drawn(figure, glyphs, 4, 16);
    assert_non_null(strstr(text, cases[i].upper));
    assert_non_null(strstr(text, cases[i].lower));
    free(text);
  }
  assert_null(glyphs_find("decant"));
}

/* Bars that stand on zero and hang from it, 24 eighths at most: the sign of each is on the line,
 * even where nothing else is to be seen. */
static struct figure *lane(void)
{
  static const double values[DATA] = {24, 12, 1, 0.2, 0, -0.2, -1, -12, -24};
  double edge[DATA + 1], more[DATA], less[DATA], zero = 0;
  for (int i = 0; i <= DATA; i++)
    edge[i] = i;
  for (int i = 0; i < DATA; i++) {
    more[i] = values[i] > 0 ? values[i] : 0;
    less[i] = values[i] < 0 ? values[i] : 0;
  }
  struct figure *figure = figure_new("t");
  struct panel *panel = figure_add_panel(figure, NULL);
  panel->lane = true;
  assert_true(axis_set(&panel->x, "value", NULL, 0, 20));
  assert_true(axis_set(&panel->y, "B-A", NULL, -24, 24));
  panel_add_mark(panel, MARK_BARS, ROLE_RECONSTRUCTION, DATA, edge, more, "+ B");
  panel_add_mark(panel, MARK_BARS, ROLE_ORIGINAL, DATA, edge, less, "- A");
  panel_add_mark(panel, MARK_HLINE, ROLE_REFERENCE, 1, &zero, NULL, NULL);
  return figure;
}

static void lanes_stand_and_hang(void **state)
{
  (void)state;
  assert_drawn(lane(), &glyphs_utf8,
               " B-A  █ + B  █ - A\n"
               "    20┤█\n"
               "      │█▄\n"
               "      │██▁\n"
               "     0┤++++┄----┄┄┄┄┄┄┄┄┄┄┄\n"
               "      │      ▇██\n"
               "      │       ▄█\n"
               "   -20┤        █\n"
               "      └┬─────────┬────────┬\n"
               "       0        10       20\n");
  assert_drawn(lane(), &glyphs_ascii,
               " B-A  # + B  # - A\n"
               "    20+#\n"
               "      |#:\n"
               "      |##.\n"
               "     0+++++.----...........\n"
               "      |      \"##\n"
               "      |       \"#\n"
               "   -20+        #\n"
               "      ++---------+--------+\n"
               "       0        10       20\n");
}

int main(void)
{
  setlocale(LC_CTYPE, "C.UTF-8");
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_set_of_glyphs),
      cmocka_unit_test(golden_utf8),
      cmocka_unit_test(curves_are_dots_and_bars_are_eighths),
      cmocka_unit_test(bars_beyond_the_axis_point_up),
      cmocka_unit_test(a_strip_stands_under_the_bars),
      cmocka_unit_test(golden_ascii),
      cmocka_unit_test(golden_log),
      cmocka_unit_test(lanes_stand_and_hang),
      cmocka_unit_test(bars_have_their_height),
      cmocka_unit_test(gaps_stay_gaps),
      cmocka_unit_test(every_rectangle_is_respected),
      cmocka_unit_test(a_panel_without_marks_says_why),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
