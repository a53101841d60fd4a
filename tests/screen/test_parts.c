/* The pure parts of the explorer: layout, commands, keys, cells, glyphs, colours. */
#include "tui/figure/octant.h"
#include "tui/screen/cells.h"
#include "tui/screen/colors.h"
#include "tui/screen/commands.h"
#include "tui/screen/glyphs.h"
#include "tui/screen/help.h"
#include "tui/screen/keys.h"
#include "tui/screen/layout.h"
#include "tui/screen/prompt.h"
#include "tui/screen/run_line.h"
#include "tui/screen/text_commands.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool overlap(struct rect a, struct rect b)
{
  return a.rows > 0 && b.rows > 0 && a.row < b.row + b.rows && b.row < a.row + a.rows &&
         a.column < b.column + b.columns && b.column < a.column + a.columns;
}

static void overlap_can_fail(void **state)
{
  (void)state;
  assert_true(overlap((struct rect){0, 0, 2, 2}, (struct rect){1, 1, 2, 2}));
  assert_false(overlap((struct rect){0, 0, 2, 2}, (struct rect){0, 2, 2, 2}));
}

static void check_layout(int rows, int columns, enum focus focus, int figures)
{
  struct layout layout = layout_make(rows, columns, focus, figures);
  for (int i = 0; i < PLACE_COUNT; i++) {
    struct rect a = layout.place[i];
    assert_true(a.rows >= 0 && a.columns >= 0);
    if (a.rows == 0)
      continue;
    assert_true(a.row >= 0 && a.column >= 0 && a.columns > 0);
    assert_true(a.row + a.rows <= rows && a.column + a.columns <= columns);
    assert_false(overlap(a, layout.frame));
    for (int k = 0; k < i; k++)
      assert_false(overlap(a, layout.place[k]));
  }
  assert_true(layout.place[PLACE_TITLE].rows == 1);
}

static void layout_fits_every_size(void **state)
{
  (void)state;
  for (int rows = 1; rows <= 60; rows++)
    for (int columns = 1; columns <= 200; columns++)
      for (int focus = 0; focus < FOCUS_COUNT; focus++)
        for (int figures = 1; figures <= 3; figures++)
          check_layout(rows, columns, (enum focus)focus, figures);
}

static void layout_forms_are_as_designed(void **state)
{
  (void)state;
  struct layout design = layout_make(24, 80, FOCUS_PLOT, 3);
  assert_int_equal(design.form, LAYOUT_FULL);
  assert_true(design.place[PLACE_PLOT].columns >= 50 && design.place[PLACE_PLOT].rows >= 18);
  assert_int_equal(design.place[PLACE_KNOBS].rows, KNOB_ROWS);
  assert_true(design.place[PLACE_METRICS].rows >= 10);
  assert_int_equal(design.place[PLACE_COMPANION].rows, 0);
  assert_int_equal(layout_make(12, 40, FOCUS_PLOT, 3).form, LAYOUT_ONE);
  assert_true(layout_make(12, 40, FOCUS_METRICS, 3).place[PLACE_METRICS].rows >= 8);
  assert_int_equal(layout_make(11, 40, FOCUS_PLOT, 3).form, LAYOUT_LINE);
  assert_int_equal(layout_make(12, 39, FOCUS_PLOT, 3).form, LAYOUT_LINE);
  struct layout large = layout_make(40, 120, FOCUS_PLOT, 3);
  assert_true(large.place[PLACE_COMPANION].rows >= 10 && large.place[PLACE_THIRD].rows >= 10);
  assert_int_equal(large.place[PLACE_COMPANION].row, large.place[PLACE_THIRD].row);
  struct layout wide = layout_make(24, 120, FOCUS_PLOT, 3);
  assert_int_equal(wide.place[PLACE_COMPANION].row, wide.place[PLACE_PLOT].row);
  assert_true(wide.place[PLACE_COMPANION].columns >= 40);
  assert_int_equal(wide.place[PLACE_THIRD].rows, 0);
  assert_true(layout_make(24, 200, FOCUS_PLOT, 3).place[PLACE_THIRD].columns >= 40);
  assert_int_equal(layout_make(40, 120, FOCUS_PLOT, 1).place[PLACE_COMPANION].rows, 0);
}

static void command_keys_are_unique(void **state)
{
  (void)state;
  for (int id = 0; id < COMMAND_COUNT; id++) {
    uint32_t keys[COMMAND_KEYS];
    size_t count = keys_parse(explorer_commands[id].keys, keys, COMMAND_KEYS);
    assert_true(count > 0 || explorer_commands[id].text != TEXT_NONE);
    int scope = explorer_commands[id].scope;
    if (scope == SCOPE_EVERYWHERE)
      scope = VIEW_HISTOGRAM;
    for (size_t i = 0; i < count; i++)
      assert_int_equal(command_of_key(keys[i], scope), id); /* the first with the key is this one */
  }
  assert_int_equal(command_of_key('~', VIEW_INSPECTOR), COMMAND_COUNT);
  assert_int_equal(command_of_key('w', VIEW_INSPECTOR), COMMAND_WORST_BLOCK);
  assert_int_equal(command_of_key('w', VIEW_CHANNELS), COMMAND_WHAT_IF);
  assert_int_equal(command_of_key('w', VIEW_ERROR), COMMAND_GROUP_NEXT);
  assert_int_equal(command_of_key(']', VIEW_INSPECTOR), COMMAND_GROUP_NEXT);
  assert_int_equal(command_of_key('b', SCOPE_LIST), COMMAND_COUNT); /* pages have their own alone */
}

static void commands_are_documented(void **state)
{
  (void)state;
  for (int id = 0; id < COMMAND_COUNT; id++) {
    const struct command *command = &explorer_commands[id];
    enum command_id best[COMMAND_COUNT];
    assert_true(strlen(command->name) > 1 && strlen(command->what) > 3);
    assert_true(strlen(command->what) <= 65 && strlen(command->why) <= 63); /* on 80 columns */
    int scores[COMMAND_COUNT];
    size_t found = commands_match(command->name, best, scores);
    if (command->scope < SCOPE_PAGES)
      assert_true(found > 0 && (int)best[0] == id); /* the palette finds it by its name */
    for (int other = 0; other < id; other++)
      assert_string_not_equal(explorer_commands[other].name, command->name);
  }
}

/* Each is reached by a key, or written in the palette because it takes text; and by its line. */
static void commands_are_reached_in_every_way(void **state)
{
  (void)state;
  for (int id = 0; id < COMMAND_COUNT; id++) {
    const struct command *command = &explorer_commands[id];
    char line[80];
    snprintf(line, sizeof line, "  %s  rest of it", command->name);
    struct line_parts parts = line_split(line);
    assert_int_equal(parts.id, id);
    assert_string_equal(line + parts.text_start, "rest of it");
    assert_int_equal(text_command_of((enum command_id)id) != NULL, command->text != TEXT_NONE);
    assert_true(*command->keys || command->text != TEXT_NONE);
    enum command_id listed[COMMAND_COUNT];
    size_t count = help_commands(command->name, SCOPE_EVERYWHERE, listed);
    bool found = false;
    for (size_t i = 0; i < count; i++)
      found = found || (int)listed[i] == id;
    assert_true(found); /* the help finds it by its name */
  }
  enum command_id all[COMMAND_COUNT];
  assert_int_equal(help_commands("", VIEW_CHANNELS, all), COMMAND_COUNT);
  assert_int_equal(explorer_commands[all[0]].scope, VIEW_CHANNELS); /* those of the view first */
  assert_int_equal(line_split("no-such x").id, COMMAND_COUNT);
}

/* A key that some keyboards lack must not be the only way. What takes text is written in the
 * palette. */
static void no_command_only_on_rare_keys(void **state)
{
  (void)state;
  for (int id = 0; id < COMMAND_COUNT; id++) {
    uint32_t keys[COMMAND_KEYS];
    size_t count = keys_parse(explorer_commands[id].keys, keys, COMMAND_KEYS), good = 0;
    for (size_t i = 0; i < count; i++)
      good += (keys[i] < KEY_CODE_F1 || keys[i] > KEY_CODE_F12) &&
              (keys[i] < '!' || keys[i] > 0x7E || (keys[i] >= '0' && keys[i] <= '9') ||
               (keys[i] >= 'A' && keys[i] <= 'Z') || (keys[i] >= 'a' && keys[i] <= 'z'));
    assert_true(good > 0 || explorer_commands[id].text != TEXT_NONE);
  }
}

static void names_prefer_the_near(void **state)
{
  (void)state;
  enum command_id ids[COMMAND_COUNT];
  int scores[COMMAND_COUNT];
  assert_int_equal(commands_match("zzz", ids, scores), 0);
  assert_true(commands_match("fmn", ids, scores) > 0);
  assert_int_equal(ids[0], COMMAND_FORMAT_NEXT);
  assert_true(commands_match("form", ids, scores) > 1);
  assert_true(ids[0] == COMMAND_FORMAT_NEXT || ids[0] == COMMAND_VIEW_FORMAT);
  size_t of_pages = 0;
  for (int id = 0; id < COMMAND_COUNT; id++)
    of_pages += explorer_commands[id].scope >= SCOPE_PAGES;
  assert_int_equal(commands_match("", ids, scores), COMMAND_COUNT - of_pages);
  assert_int_equal(commands_match("int4,asym", ids, scores), 0);
}

/* What an editor of lines does with each key; the cursor is '|'. */
static void prompts_are_edited(void **state)
{
  (void)state;
  enum { A = 1, E = 5, K = 11, U = 21, W = 23 };
  static const struct {
    const char *before;
    uint32_t key;
    const char *after;
  } cases[] = {
      {"int|8", '4', "int4|8"},
      {"|int8", 0xE9, "\u00e9|int8"},
      {"int8|", KEY_CODE_LEFT, "int|8"},
      {"|int8", KEY_CODE_LEFT, "|int8"},
      {"x\u00e9|y", KEY_CODE_LEFT, "x|\u00e9y"},
      {"x|\u00e9y", KEY_CODE_RIGHT, "x\u00e9|y"},
      {"int8|", KEY_CODE_RIGHT, "int8|"},
      {"in|t8", KEY_CODE_HOME, "|int8"},
      {"in|t8", A, "|int8"},
      {"in|t8", KEY_CODE_END, "int8|"},
      {"in|t8", E, "int8|"},
      {"x\u00e9|y", KEY_CODE_BACKSPACE, "x|y"},
      {"|y", KEY_CODE_BACKSPACE, "|y"},
      {"x|\u00e9y", KEY_CODE_DELETE, "x|y"},
      {"xy|", KEY_CODE_DELETE, "xy|"},
      {"int8,group=32,|mse", W, "int8,group=|mse"},
      {"int8,asym|,mse", W, "int8,|,mse"},
      {"int8,|mse", U, "|mse"},
      {"int8|,mse", K, "int8|"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct prompt prompt;
    char shown[64];
    const char *bar = strchr(cases[i].before, '|');
    snprintf(shown, sizeof shown, "%.*s%s", (int)(bar - cases[i].before), cases[i].before, bar + 1);
    prompt_set(&prompt, shown);
    prompt.at = (size_t)(bar - cases[i].before);
    assert_true(prompt_edit(&prompt, cases[i].key));
    assert_int_equal(prompt.length, strlen(prompt.text));
    snprintf(shown, sizeof shown, "%.*s|%s", (int)prompt.at, prompt.text, prompt.text + prompt.at);
    assert_string_equal(shown, cases[i].after);
  }
  struct prompt full;
  prompt_clear(&full);
  assert_false(prompt_edit(&full, KEY_CODE_UP));
  assert_false(prompt_key(&full, KEY_CODE_LEFT)); /* of those who move with it themselves */
  for (int i = 0; i < 2 * PROMPT_TEXT; i++)
    prompt_key(&full, 'x');
  assert_int_equal(full.length, PROMPT_TEXT - 1);
}

static void keys_have_names(void **state)
{
  (void)state;
  char name[16];
  uint32_t keys[4];
  assert_int_equal(keys_parse("z + Right ^L", keys, 4), 4);
  assert_int_equal(keys[0], 'z');
  assert_int_equal(keys[1], '+');
  assert_int_equal(keys[2], KEY_CODE_RIGHT);
  assert_int_equal(keys[3], 12);
  assert_string_equal(key_text(KEY_CODE_RIGHT, name, sizeof name), "Right");
  assert_string_equal(key_text(12, name, sizeof name), "^L");
  assert_string_equal(key_text('q', name, sizeof name), "q");
}

static void cells_clip_text(void **state)
{
  (void)state;
  struct cells cells = {0};
  assert_true(cells_resize(&cells, 2, 6));
  struct rect left = {0, 0, 2, 4};
  assert_int_equal(cells_text(&cells, left, 0, 1, (struct style){0}, "abcdef"), 4);
  cells_text(&cells, left, 5, 0, (struct style){0}, "outside");
  cells_put(&cells, 9, 9, 'x', (struct style){0});
  cells_text_right(&cells, cells_all(&cells), 1, (struct style){0}, "\xc3\x97\xe4\xb8\xad");
  char *dump = cells_dump(&cells);
  assert_string_equal(dump, " abc\n   \xc3\x97\xe4\xb8\xad\n");
  free(dump);
  cells_free(&cells);
}

static void odd_bytes_become_question_marks(void **state)
{
  (void)state;
  struct cells cells = {0};
  assert_true(cells_resize(&cells, 1, 12));
  /* escape, broken UTF-8, a combining accent, an overlong lead */
  cells_text(&cells, cells_all(&cells), 0, 0, (struct style){0}, "a\033[1m\xff\xcc\x81\xc0z");
  char *dump = cells_dump(&cells);
  assert_string_equal(dump, "a?[1m???z\n");
  free(dump);
  cells.ascii = true;
  cells_clear(&cells);
  cells_text(&cells, cells_all(&cells), 0, 0, (struct style){0}, "a\xc3\xa9 2\xc3\x97");
  dump = cells_dump(&cells);
  assert_string_equal(dump, "a? 2x\n"); /* some have a twin in ASCII */
  free(dump);
  cells_free(&cells);
}

static void utf8_both_ways(void **state)
{
  (void)state;
  static const uint32_t codes[] = {'a', 0xE9, 0x2588, 0x1FB00};
  for (size_t i = 0; i < 4; i++) {
    char text[5];
    const char *at = utf8_encode(codes[i], text);
    assert_int_equal(utf8_next(&at), codes[i]);
    assert_int_equal(*at, 0);
  }
}

static void shorten_keeps_both_ends(void **state)
{
  (void)state;
  struct cells cells = {0};
  char text[64];
  assert_string_equal(text_shorten(&cells, "abcdefghij", 10, "~", text, sizeof text), "abcdefghij");
  assert_string_equal(text_shorten(&cells, "abcdefghij", 7, "~", text, sizeof text), "abc~hij");
  assert_string_equal(text_shorten(&cells, "abcdefghij", 2, "~", text, sizeof text), "~j");
  assert_string_equal(text_shorten(&cells, "abcdefghij", 0, "~", text, sizeof text), "");
}

static void glyph_sets_match(void **state)
{
  (void)state;
  for (int i = 0; i < GLYPH_COUNT; i++) {
    assert_true(glyphs_utf8.code[i] >= ' ');
    assert_true(glyphs_ascii.code[i] >= ' ' && glyphs_ascii.code[i] < 0x7F);
  }
  assert_true(glyphs_usable(&glyphs_utf8));
  setlocale(LC_CTYPE, "C");
  assert_false(glyphs_usable(&glyphs_utf8));
  setlocale(LC_CTYPE, "C.UTF-8");
}

/* The cells of "BLOCK OCTANT-123" are 1, 2 and 3: from 1 at the top left, row by row, to 8. */
static unsigned cells_named(const char *digits)
{
  unsigned pattern = 0;
  for (; *digits; digits++)
    pattern |= 1U << (*digits - '1');
  return pattern;
}

/* Expected from the names of the characters (UnicodeData 16.0): what is called BLOCK OCTANT-..., of
 * which those around every gap are here, and all others by what their names say of the cells. The
 * block has 230 characters and ascends with the bits of the cells, so that these are enough. */
static void octants_have_the_cells_of_their_names(void **state)
{
  static const struct {
    uint32_t code;
    const char *cells;
  } names[] = {
      {0x1CD00, "3"},       {0x1CD01, "23"},      {0x1CD02, "123"},    {0x1CD03, "4"},
      {0x1CD04, "14"},      {0x1CD05, "124"},     {0x1CD06, "34"},     {0x1CD08, "234"},
      {0x1CD09, "5"},       {0x1CD0C, "125"},     {0x1CD0D, "135"},    {0x1CD0F, "1235"},
      {0x1CD10, "45"},      {0x1CD13, "1245"},    {0x1CD18, "6"},      {0x1CD1A, "26"},
      {0x1CD1B, "126"},     {0x1CD27, "56"},      {0x1CD2A, "1256"},   {0x1CD33, "3456"},
      {0x1CD68, "123567"},  {0x1CDAB, "1234568"}, {0x1CDAE, "1278"},   {0x1CDB7, "3478"},
      {0x1CDBA, "123478"},  {0x1CDDD, "125678"},  {0x1CDDE, "35678"},  {0x1CDDF, "235678"},
      {0x1CDE0, "1235678"}, {0x1CDE1, "45678"},   {0x1CDE2, "145678"}, {0x1CDE3, "1245678"},
      {0x1CDE4, "1345678"}, {0x1CDE5, "2345678"}, {' ', ""}, /* SPACE */
      {0x1CEA8, "1"},                                        /* LEFT HALF UPPER ONE QUARTER BLOCK */
      {0x1CEAB, "2"},       /* RIGHT HALF UPPER ONE QUARTER BLOCK */
      {0x1CEA3, "7"},       /* LEFT HALF LOWER ONE QUARTER BLOCK */
      {0x1CEA0, "8"},       /* RIGHT HALF LOWER ONE QUARTER BLOCK */
      {0x1FB82, "12"},      /* UPPER ONE QUARTER BLOCK */
      {0x1FB85, "123456"},  /* UPPER THREE QUARTERS BLOCK */
      {0x1FBE6, "35"},      /* MIDDLE LEFT ONE QUARTER BLOCK */
      {0x1FBE7, "46"},      /* MIDDLE RIGHT ONE QUARTER BLOCK */
      {0x2580, "1234"},     /* UPPER HALF BLOCK */
      {0x2582, "78"},       /* LOWER ONE QUARTER BLOCK */
      {0x2584, "5678"},     /* LOWER HALF BLOCK */
      {0x2586, "345678"},   /* LOWER THREE QUARTERS BLOCK */
      {0x2588, "12345678"}, /* FULL BLOCK */
      {0x258C, "1357"},     /* LEFT HALF BLOCK */
      {0x2590, "2468"},     /* RIGHT HALF BLOCK */
      {0x2596, "57"},       /* QUADRANT LOWER LEFT */
      {0x2597, "68"},       /* QUADRANT LOWER RIGHT */
      {0x2598, "13"},       /* QUADRANT UPPER LEFT */
      {0x2599, "135678"},   /* QUADRANT UPPER LEFT AND LOWER LEFT AND LOWER RIGHT */
      {0x259A, "1368"},     /* QUADRANT UPPER LEFT AND LOWER RIGHT */
      {0x259B, "123457"},   /* QUADRANT UPPER LEFT AND UPPER RIGHT AND LOWER LEFT */
      {0x259C, "123468"},   /* QUADRANT UPPER LEFT AND UPPER RIGHT AND LOWER RIGHT */
      {0x259D, "24"},       /* QUADRANT UPPER RIGHT */
      {0x259E, "2457"},     /* QUADRANT UPPER RIGHT AND LOWER LEFT */
      {0x259F, "245678"},   /* QUADRANT UPPER RIGHT AND LOWER LEFT AND LOWER RIGHT */
  };
  unsigned inside = 0, back;
  uint32_t last = 0;
  (void)state;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    assert_int_equal(octant_code(cells_named(names[i].cells)), names[i].code);
  for (unsigned pattern = 0; pattern < OCTANT_PATTERNS; pattern++) {
    const uint32_t code = octant_code(pattern);
    assert_true(octant_pattern(code, &back) && back == pattern); /* no two are alike */
    if (code < 0x1CD00 || code > 0x1CDE5)
      continue;
    assert_true(code > last);
    last = code;
    inside++;
  }
  assert_int_equal(inside, 230);
  assert_false(octant_pattern('x', &back));
}

/* Colours follow the theme down every step; what stands in for them does not need it. */
static void colours_have_a_twin(void **state)
{
  struct screen_theme theme;
  (void)state;
  assert_int_equal(theme_find("dark", &theme, NULL), STATUS_OK);
  for (int paint = 0; paint < PAINT_COUNT; paint++) {
    struct style style = {.ink = (uint8_t)paint, .paper = PAINT_NONE};
    struct colors mono = colors_of(&theme, style, DEPTH_MONO);
    assert_int_equal(mono.ink, -1);
    assert_int_equal(mono.paper, -1);
    assert_true(colors_of(&theme, style, DEPTH_8).ink < 8);
    assert_true(colors_of(&theme, style, DEPTH_256).ink < 256);
  }
  struct style bar = {.ink = PAINT_RECONSTRUCTION, .paper = PAINT_ORIGINAL};
  assert_true(colors_of(&theme, bar, DEPTH_MONO).attributes & CELL_REVERSE);
}

int main(void)
{
  setlocale(LC_CTYPE, "C.UTF-8");
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(overlap_can_fail),
      cmocka_unit_test(layout_fits_every_size),
      cmocka_unit_test(layout_forms_are_as_designed),
      cmocka_unit_test(command_keys_are_unique),
      cmocka_unit_test(commands_are_documented),
      cmocka_unit_test(commands_are_reached_in_every_way),
      cmocka_unit_test(no_command_only_on_rare_keys),
      cmocka_unit_test(names_prefer_the_near),
      cmocka_unit_test(prompts_are_edited),
      cmocka_unit_test(keys_have_names),
      cmocka_unit_test(cells_clip_text),
      cmocka_unit_test(odd_bytes_become_question_marks),
      cmocka_unit_test(utf8_both_ways),
      cmocka_unit_test(shorten_keeps_both_ends),
      cmocka_unit_test(glyph_sets_match),
      cmocka_unit_test(octants_have_the_cells_of_their_names),
      cmocka_unit_test(colours_have_a_twin),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
