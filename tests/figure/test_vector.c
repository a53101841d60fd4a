/* SVG and PDF: sound files by a reading of our own, the words inside, and the recipe back. */
#include "config.h"

#include "tests/figure/picture.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double heights[] = {1, 2, 3};
static const struct figure_options small = {.width = 320, .height = 200, .dpi = 100};
/* What XML and PDF strings have to escape, and letters of two, three and four bytes. */
static const char hostile[] =
    "qscope 'a<b>&c \"q\" (x) \\\\ )(.npy' -t caf\u00e9 -q \u20ac \U0001d11e -t 'recipe >' ]]>";

struct place {
  char *folder, path[4200];
};

static void place_make(struct place *place, const char *name)
{
  place->folder = folder_make();
  snprintf(place->path, sizeof place->path, "%s/%s", place->folder, name);
}

static char *read_text(const char *path, size_t *size)
{
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  char *bytes = calloc(1, (1 << 20) + 1);
  assert_non_null(bytes);
  *size = fread(bytes, 1, 1 << 20, file);
  assert_true(*size < 1 << 20);
  fclose(file);
  return bytes;
}

static void write_text(const char *path, const char *bytes, size_t size)
{
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  fclose(file);
}

/* FIGURE written to PLACE twice: the same bytes, which are returned. */
static char *written(const struct figure *figure, const struct place *place, size_t *size)
{
  size_t again_size;
  write_or_skip(figure, place->path, &small);
  char *bytes = read_text(place->path, size);
  write_or_skip(figure, place->path, &small);
  char *again = read_text(place->path, &again_size);
  assert_int_equal(*size, again_size);
  assert_memory_equal(bytes, again, *size);
  free(again);
  return bytes;
}

static void expect_recipe(const char *path, const char *recipe)
{
  struct error error = {STATUS_OK, ""};
  char *found;
  if (figure_read_recipe(path, &found, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  assert_string_equal(found, recipe);
  free(found);
}

/* --- SVG: is it well-formed? ----------------------------------------------------------------- */

static size_t name_length(const char *text)
{
  return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_:.");
}

/* Attributes up to the '>' of a tag: name="value", none twice; returns where the tag ends. */
static const char *check_attributes(const char *at)
{
  for (;;) {
    at += strspn(at, " \n");
    if (*at == '>' || (*at == '/' && at[1] == '>') || (*at == '?' && at[1] == '>'))
      return at;
    size_t length = name_length(at);
    assert_true(length > 0 && at[length] == '=' && at[length + 1] == '"');
    at += length + 2;
    at += strcspn(at, "\"<");
    assert_int_equal(*at, '"');
    at++;
  }
}

/* Text between tags: no bare '&', nothing that XML cannot hold. */
static const char *check_text(const char *at)
{
  for (; *at && *at != '<'; at++) {
    assert_true((unsigned char)*at >= 0x20 || isspace((unsigned char)*at));
    assert_true(*at != '>');
    if (*at == '&')
      assert_true(strncmp(at, "&amp;", 5) == 0 || strncmp(at, "&lt;", 4) == 0 ||
                  strncmp(at, "&gt;", 4) == 0);
  }
  return at;
}

/* Every element ends where it should: the names that are open, one in the other. */
static void check_xml(const char *text)
{
  enum { DEEPEST = 64 };
  const char *open[DEEPEST];
  size_t depth = 0, roots = 0;
  for (const char *at = check_text(text); *at; at = check_text(at)) {
    bool end = at[1] == '/', declaration = at[1] == '?';
    const char *name = at + 1 + (end || declaration);
    size_t length = name_length(name);
    assert_true(length > 0);
    at = check_attributes(name + length);
    if (end) {
      assert_true(depth > 0 && strncmp(open[depth - 1], name, length) == 0);
      depth--;
    } else if (*at == '>') {
      assert_true(depth < DEEPEST);
      roots += depth == 0;
      open[depth++] = name;
    }
    at += *at == '>' ? 1 : 2;
  }
  assert_int_equal(depth, 0);
  assert_int_equal(roots, 1);
}

static void expect_words(const char *text, const char *words)
{
  if (!strstr(text, words))
    fail_msg("no <%s>", words);
}

static void svg_is_sound_and_says_what_it_is(void **state)
{
  (void)state;
  struct place place;
  size_t size;
  place_make(&place, "a.svg");
  struct figure *figure = bars_figure(heights, 3);
  free(figure->recipe);
  figure->recipe = strdup(hostile);
  free(figure->caption[0]);
  figure->caption[0] = strdup("4 < 5 & \x01 end.");
  char *svg = written(figure, &place, &size);
  check_xml(svg);
  expect_words(svg, "width=\"230.4pt\""); /* 320 pixels at 100 dpi, 72 points an inch */
  expect_words(svg, "height=\"144pt\"");
  expect_words(svg, "<title>bars \u00b7 test</title>");
  expect_words(svg, "<desc>4 &lt; 5 &amp; ? end. </desc>");
  assert_null(strstr(svg, "<text")); /* letters are outlines */
  expect_recipe(place.path, hostile);
  free(svg);
  figure_free(figure);
  folder_remove(place.folder);
}

static void svg_saved_again_by_other_tools(void **state)
{
  (void)state;
  static const char *const files[] = {
      "<svg xmlns:q=\"urn:qscope:recipe\"><metadata><q:recipe x=\"1\">qscope a&amp;b"
      "</q:recipe></metadata></svg>",
      "<?xml version='1.0'?>\n<svg><desc>recipe > </desc><ns0:recipe "
      "xmlns:ns0='urn:qscope:recipe'>qscope a&#38;b</ns0:recipe></svg>",
      "<svg><recipe\nxmlns=\"urn:qscope:recipe\"\n>qscope a&#x26;b</recipe></svg>",
  };
  struct place place;
  place_make(&place, "a.svg");
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    write_text(place.path, files[i], strlen(files[i]));
    expect_recipe(place.path, "qscope a&b");
  }
  folder_remove(place.folder);
}

/* --- PDF -------------------------------------------------------------------------------------- */

/* The table of references: where it says, and every object where the table says. */
static void check_references(const char *pdf, size_t size)
{
  const char *start = pdf + size - strlen("startxref\n000000\n%%EOF\n");
  start = strstr(start, "startxref");
  assert_non_null(start);
  size_t table = strtoul(start + strlen("startxref"), NULL, 10);
  assert_true(table < size);
  assert_memory_equal(pdf + table, "xref\n0 ", 7);
  char *at;
  size_t count = strtoul(pdf + table + 7, &at, 10);
  assert_true(count > 5);
  for (size_t i = 0; i < count; i++) {
    const char *entry = at + 1 + 20 * i;
    char begins[32];
    snprintf(begins, sizeof begins, "%zu 0 obj", i);
    if (i > 0)
      assert_memory_equal(pdf + strtoul(entry, NULL, 10), begins, strlen(begins));
  }
}

static bool contains(const char *bytes, size_t size, const char *words)
{
  return memmem(bytes, size, words, strlen(words)) != NULL;
}

static void pdf_is_sound_and_says_what_it_is(void **state)
{
  (void)state;
  static const char *const recipes[] = {hostile, "qscope plain -q int8", "qscope (a)\\(b"};
  for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
    struct place place;
    size_t size;
    place_make(&place, "a.pdf");
    struct figure *figure = bars_figure(heights, 3);
    free(figure->recipe);
    figure->recipe = strdup(recipes[i]);
    char *pdf = written(figure, &place, &size);
    assert_memory_equal(pdf, "%PDF-1.4", 8);
    check_references(pdf, size);
    assert_true(contains(pdf, size, "/MediaBox [ 0 0 230.4"));
    assert_true(contains(pdf, size, "/FontFile")); /* embedded */
    assert_false(contains(pdf, size, "Date"));
    expect_recipe(place.path, recipes[i]);
    free(pdf);
    figure_free(figure);
    folder_remove(place.folder);
  }
}

static void pdf_strings(void **state)
{
  (void)state;
  static const struct {
    const char *object, *recipe;
  } rows[] = {
      {"(qscope a\\(b\\)c)", "qscope a(b)c"},
      {"(qscope (nested) x)", "qscope (nested) x"},
      {"(qscope \\303\\251\\\\)", "qscope \u00e9\\"},
      {"<FEFF007100730063006F00700065002020AC>", "qscope \u20ac"},
      {" <feff007100730063006F0070006500200000D834DD1E", NULL}, /* a letter that is none */
      {"(something else)", NULL},
      {"(qscope first) /Subject (qscope last)", "qscope last"},
      {"7 0 R", NULL},
  };
  struct place place;
  place_make(&place, "a.pdf");
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char file[256], *recipe;
    struct error error;
    snprintf(file, sizeof file, "%%PDF-1.4\n<< /Subject %s >>\n", rows[i].object);
    write_text(place.path, file, strlen(file));
    if (rows[i].recipe) {
      expect_recipe(place.path, rows[i].recipe);
    } else if (figure_read_recipe(place.path, &recipe, &error) == STATUS_OK) {
      assert_int_equal(strncmp(recipe, "qscope ", 7), 0);
      free(recipe);
    } else {
      assert_non_null(strstr(error.text, "carries no recipe"));
    }
  }
  folder_remove(place.folder);
}

/* --- both ------------------------------------------------------------------------------------- */

static unsigned next(unsigned *seed)
{
  *seed = *seed * 1664525u + 1013904223u;
  return *seed >> 8;
}

/* Cut and bent copies, the same on every machine: each is read or refused. */
static void damaged_files_are_survived(void **state)
{
  (void)state;
  static const char *const names[] = {"a.svg", "a.pdf"};
  unsigned seed = 42;
  for (size_t k = 0; k < 2; k++) {
    struct place place;
    size_t size;
    place_make(&place, names[k]);
    struct figure *figure = bars_figure(heights, 3);
    char *bytes = written(figure, &place, &size), *bent = malloc(size);
    assert_non_null(bent);
    const char *words = memmem(bytes, size, k ? "/Subject" : "<recipe", k ? 8 : 7);
    assert_non_null(words);
    size_t from = (size_t)(words - bytes);
    for (int i = 0; i < 300; i++) {
      memcpy(bent, bytes, size);
      for (unsigned n = 1 + next(&seed) % 4; n > 0; n--)
        bent[from + next(&seed) % 200] = (char)next(&seed);
      write_text(place.path, bent, i % 3 ? size : from + next(&seed) % 200);
      struct error error;
      char *recipe = NULL;
      enum status status = figure_read_recipe(place.path, &recipe, &error);
      assert_true((status == STATUS_OK) == (recipe != NULL));
      assert_true(status == STATUS_OK || status == STATUS_INPUT);
      free(recipe);
    }
    free(bent);
    free(bytes);
    figure_free(figure);
    folder_remove(place.folder);
  }
}

static void names_of_figures(void **state)
{
  (void)state;
  static const struct {
    const char *name;
    bool is;
  } rows[] = {{"a.png", true}, {"a.SVG", true}, {"b/c.pdf", true},   {"a.npy", false},
              {"png", false},  {"", false},     {"a.png.txt", false}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    assert_int_equal(figure_is_name(rows[i].name), rows[i].is);
  assert_false(figure_is_file("/nonexistent/a.png"));
  assert_false(figure_is_file("/dev/null"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(svg_is_sound_and_says_what_it_is),
      cmocka_unit_test(svg_saved_again_by_other_tools),
      cmocka_unit_test(pdf_is_sound_and_says_what_it_is),
      cmocka_unit_test(pdf_strings),
      cmocka_unit_test(damaged_files_are_survived),
      cmocka_unit_test(names_of_figures),
  };
  return cmocka_run_group_tests_name("vector", tests, NULL, NULL);
}
