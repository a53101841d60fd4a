/* Themes: what they say, what is wrong with them, and whether people can read them. */
#include "tui/screen/colors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* --- contrast, as WCAG 2.1 defines it -------------------------------------------------------- */

static double channel(uint32_t byte)
{
  double c = byte / 255.0;
  return c <= 0.03928 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
}

static double luminance(uint32_t rgb)
{
  return 0.2126 * channel(rgb >> 16 & 255) + 0.7152 * channel(rgb >> 8 & 255) +
         0.0722 * channel(rgb & 255);
}

static double contrast(uint32_t a, uint32_t b)
{
  double la = luminance(a), lb = luminance(b);
  return (fmax(la, lb) + 0.05) / (fmin(la, lb) + 0.05);
}

/* 4.5:1 for text, 3:1 for lines and bars: success criteria 1.4.3 and 1.4.11. */
static double wanted(int role)
{
  switch (role) {
  case PAINT_FRAME:
  case PAINT_ORIGINAL:
  case PAINT_RECONSTRUCTION:
  case PAINT_ERROR:
  case PAINT_CLIP:
  case PAINT_SHADE:
    return 3;
  default:
    return 4.5;
  }
}

static void every_role_can_be_read(void **state)
{
  (void)state;
  for (size_t i = 0; i < theme_texts_length; i++) {
    struct screen_theme theme;
    assert_int_equal(theme_find(theme_texts[i].name, &theme, NULL), STATUS_OK);
    for (int role = PAINT_NONE + 1; role < PAINT_COUNT; role++) {
      bool papered = role == PAINT_TITLE || role == PAINT_SELECTED;
      uint32_t paper = papered ? (uint32_t)theme.paper[role].rgb : theme.background;
      assert_true(theme.ink[role].rgb >= 0);
      double ratio = contrast((uint32_t)theme.ink[role].rgb, paper);
      if (ratio < wanted(role))
        fail_msg("%s: %s has a contrast of %.2f", theme.name, theme_role((enum paint)role), ratio);
    }
  }
}

/* --- reading --------------------------------------------------------------------------------- */

static void a_theme_is_read(void **state)
{
  static const char text[] = "# a comment\n\n"
                             "background = #ffffff\n"
                             "key = #102030 bright-blue on #FFFFFF white\r\n"
                             "dim\t=\t#000000";
  struct screen_theme theme;
  (void)state;
  assert_int_equal(theme_parse(text, "mine", &theme, NULL), STATUS_OK);
  assert_string_equal(theme.name, "mine");
  assert_int_equal(theme.background, 0xffffff);
  assert_int_equal(theme.ink[PAINT_NONE].rgb, -1);
  assert_int_equal(theme.ink[PAINT_KEY].rgb, 0x102030);
  assert_int_equal(theme.ink[PAINT_KEY].ansi, 12);
  assert_int_equal(theme.paper[PAINT_KEY].rgb, 0xffffff);
  assert_int_equal(theme.paper[PAINT_KEY].ansi, 7);
  assert_int_equal(theme.ink[PAINT_DIM].rgb, 0);
  assert_int_equal(theme.ink[PAINT_DIM].ansi, -1);
  assert_int_equal(theme.ink[PAINT_CLIP].rgb, -1);
}

static void what_is_wrong_is_named(void **state)
{
  static const struct {
    const char *text, *error;
  } cases[] = {
      {"kez = #102030", "line 1: expected key, found 'kez'"},
      {"\nkey #102030", "line 2: expected ROLE = #rrggbb"},
      {"key =", "found '='"},
      {"key = 102030", "found '102030'"},
      {"key = #10203", "found '#10203'"},
      {"key = #10203g", "found '#10203g'"},
      {"key = #102030 blau", "found 'blau'"},
      {"key = #102030 on", "found ''"},
      {"key = #102030 on red", "found 'red'"},
      {"key = #102030 blue #000000", "found '#000000'"},
      {"key = #102030 blue on #000000 red more", "found 'on'"},
      {"key = #102030 on #000000 on #000000", "found 'on'"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct screen_theme theme;
    struct error error;
    assert_int_equal(theme_parse(cases[i].text, "mine", &theme, &error), STATUS_INPUT);
    if (!strstr(error.text, "theme mine") || !strstr(error.text, cases[i].error))
      fail_msg("'%s': %s", cases[i].text, error.text);
  }
}

static void long_lines_are_refused(void **state)
{
  struct screen_theme theme;
  struct error error;
  char text[400];
  (void)state;
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = '\0';
  assert_int_equal(theme_parse(text, "mine", &theme, &error), STATUS_INPUT);
  assert_non_null(strstr(error.text, "shorter line"));
}

/* --- finding --------------------------------------------------------------------------------- */

static void write_file(const char *path, const char *text, size_t size)
{
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

static void themes_are_found(void **state)
{
  static const char text[] = "key = #010203\n", broken[] = "key\0= #010203\n";
  char folder[] = "theme-test-XXXXXX", path[128];
  struct screen_theme theme;
  struct error error;
  (void)state;
  assert_non_null(mkdtemp(folder));
  char *here = realpath(folder, NULL);
  setenv("XDG_CONFIG_HOME", here, 1);
  assert_int_equal(theme_find("mine", &theme, &error), STATUS_USAGE);
  assert_non_null(strstr(error.text, "found 'mine'"));
  snprintf(path, sizeof path, "%s/qscope", folder);
  assert_int_equal(mkdir(path, 0700), 0);
  snprintf(path, sizeof path, "%s/qscope/themes", folder);
  assert_int_equal(mkdir(path, 0700), 0);
  snprintf(path, sizeof path, "%s/qscope/themes/mine.theme", folder);
  write_file(path, text, sizeof text - 1);
  assert_int_equal(theme_find("mine", &theme, &error), STATUS_OK);
  assert_int_equal(theme.ink[PAINT_KEY].rgb, 0x010203);
  assert_int_equal(theme_find(path, &theme, &error), STATUS_OK);
  write_file(path, broken, sizeof broken - 1);
  assert_int_equal(theme_find(path, &theme, &error), STATUS_INPUT);
  assert_int_equal(theme_find("./nowhere.theme", &theme, &error), STATUS_USAGE);
  assert_int_equal(unlink(path), 0);
  snprintf(path, sizeof path, "%s/qscope/themes", folder);
  assert_int_equal(rmdir(path), 0);
  snprintf(path, sizeof path, "%s/qscope", folder);
  assert_int_equal(rmdir(path), 0);
  assert_int_equal(rmdir(folder), 0);
  free(here);
}

static void the_terminal_may_tell_its_paper(void **state)
{
  static const char *const cases[][2] = {{"0;15", "light"},
                                         {"0;default;15", "light"},
                                         {"0;7", "light"},
                                         {"15;0", "dark"},
                                         {"", "dark"}};
  struct screen_theme theme;
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    setenv("COLORFGBG", cases[i][0], 1);
    assert_int_equal(theme_find(NULL, &theme, NULL), STATUS_OK);
    assert_string_equal(theme.name, cases[i][1]);
  }
  unsetenv("COLORFGBG");
}

/* --- colours --------------------------------------------------------------------------------- */

/* The palette's own colours map to themselves: xterm's cube has the steps 0, 95, 135 ... */
static void the_palette_is_xterms(void **state)
{
  (void)state;
  assert_int_equal(color_256(0x000000), 16);
  assert_int_equal(color_256(0xffffff), 231);
  assert_int_equal(color_256(0x5f87af), 67);
  assert_int_equal(color_256(0x0087d7), 32);
  assert_int_equal(color_256(0x080808), 232);
  assert_int_equal(color_256(0xeeeeee), 255);
  assert_int_equal(color_256(0xfe0101), 196);
}

static void depth_by_depth(void **state)
{
  struct screen_theme theme;
  struct style style = {.ink = PAINT_KEY, .paper = PAINT_SELECTED, .attributes = CELL_UNDERLINE};
  (void)state;
  assert_int_equal(theme_parse("key = #5f87af bright-red\nselected = #000000 on #080808 blue", "t",
                               &theme, NULL),
                   STATUS_OK);
  static const struct colors expected[] = {
      [DEPTH_MONO] = {-1, -1, CELL_UNDERLINE | CELL_BOLD | CELL_REVERSE},
      [DEPTH_8] = {1, 4, CELL_UNDERLINE},
      [DEPTH_16] = {9, 4, CELL_UNDERLINE},
      [DEPTH_256] = {67, 232, CELL_UNDERLINE},
      [DEPTH_DIRECT] = {0x5f87af, 0x080808, CELL_UNDERLINE},
  };
  for (int depth = DEPTH_MONO; depth <= DEPTH_DIRECT; depth++) {
    struct colors found = colors_of(&theme, style, (enum color_depth)depth);
    assert_int_equal(found.ink, expected[depth].ink);
    assert_int_equal(found.paper, expected[depth].paper);
    assert_int_equal(found.attributes, expected[depth].attributes);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_role_can_be_read), cmocka_unit_test(a_theme_is_read),
      cmocka_unit_test(what_is_wrong_is_named), cmocka_unit_test(long_lines_are_refused),
      cmocka_unit_test(themes_are_found),       cmocka_unit_test(the_terminal_may_tell_its_paper),
      cmocka_unit_test(the_palette_is_xterms),  cmocka_unit_test(depth_by_depth),
  };
  return cmocka_run_group_tests_name("themes", tests, NULL, NULL);
}
