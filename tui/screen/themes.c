/* Themes as text: the built-in ones, and reading. */
#include "quant/base/nearest.h"
#include "tui/base/xdg.h"
#include "tui/screen/colors.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The series are Okabe-Ito blue and orange; papers are dark twins of the inks, so that light text
 * stays legible on them. */
static const char dark[] = "# qscope theme: for dark backgrounds\n"
                           "background     = #121212\n"
                           "dim            = #9e9e9e on #303030\n"
                           "key            = #ffd75f yellow\n"
                           "value          = #eeeeee\n"
                           "frame          = #6c6c6c\n"
                           "title          = #eeeeee white on #005f87 blue\n"
                           "selected       = #eeeeee white on #005faf blue\n"
                           "good           = #5fd7af green\n"
                           "warning        = #ffaf5f yellow\n"
                           "original       = #0087d7 cyan on #0087d7 cyan\n"
                           "reconstruction = #ffaf00 yellow on #ffaf00 yellow\n"
                           "error          = #d787af magenta on #d787af magenta\n"
                           "clip           = #ff5f5f red on #ff5f5f red\n"
                           "shade          = #af5f5f red\n"
                           "level          = #ffd787 yellow\n"
                           "outlier        = #ff875f red on #ff875f red\n"
                           "median         = #5fd7af green on #5fd7af green\n"
                           "reference      = #a8a8a8 white\n";

static const char light[] = "# qscope theme: for light backgrounds\n"
                            "background     = #ffffff\n"
                            "dim            = #5f5f5f on #e4e4e4\n"
                            "key            = #875f00 blue\n"
                            "value          = #000000\n"
                            "frame          = #808080\n"
                            "title          = #ffffff white on #005f87 blue\n"
                            "selected       = #ffffff white on #005faf blue\n"
                            "good           = #005f5f green\n"
                            "warning        = #af0000 red\n"
                            "original       = #0087d7 blue on #0087d7 blue\n"
                            "reconstruction = #af5f00 red on #af5f00 red\n"
                            "error          = #870087 magenta on #870087 magenta\n"
                            "clip           = #d70000 red on #d70000 red\n"
                            "shade          = #af5f5f red\n"
                            "level          = #5f5f00\n"
                            "outlier        = #af0000 red on #af0000 red\n"
                            "median         = #005f5f green on #005f5f green\n"
                            "reference      = #585858\n";

const struct theme_text theme_texts[] = {{"dark", dark}, {"light", light}};
const size_t theme_texts_length = sizeof theme_texts / sizeof *theme_texts;

static const char *const roles[PAINT_COUNT] = {
    [PAINT_NONE] = "background",
    [PAINT_DIM] = "dim",
    [PAINT_KEY] = "key",
    [PAINT_VALUE] = "value",
    [PAINT_FRAME] = "frame",
    [PAINT_TITLE] = "title",
    [PAINT_SELECTED] = "selected",
    [PAINT_GOOD] = "good",
    [PAINT_WARNING] = "warning",
    [PAINT_ORIGINAL] = "original",
    [PAINT_RECONSTRUCTION] = "reconstruction",
    [PAINT_ERROR] = "error",
    [PAINT_CLIP] = "clip",
    [PAINT_SHADE] = "shade",
    [PAINT_LEVEL] = "level",
    [PAINT_OUTLIER] = "outlier",
    [PAINT_MEDIAN] = "median",
    [PAINT_REFERENCE] = "reference",
};

static const char *const ansi[] = {
    "black",        "red",           "green",       "yellow",         "blue",
    "magenta",      "cyan",          "white",       "bright-black",   "bright-red",
    "bright-green", "bright-yellow", "bright-blue", "bright-magenta", "bright-cyan",
    "bright-white"};

static const struct theme_color no_color = {-1, -1, -1};

enum { ANSI = sizeof ansi / sizeof *ansi, WORDS = 8 };

const char *theme_role(enum paint role)
{
  return roles[role];
}

/* --- reading ------------------------------------------------------------------------------- */

static int place_of(const char *word, const char *const *words, int count)
{
  int i = 0;
  while (i < count && strcmp(words[i], word) != 0)
    i++;
  return i < count ? i : -1;
}

static bool read_rgb(const char *word, int32_t *rgb)
{
  if (word[0] != '#' || strlen(word) != 7 || strspn(word + 1, "0123456789abcdefABCDEF") != 6)
    return false;
  *rgb = (int32_t)strtol(word + 1, NULL, 16);
  return true;
}

/* "#rrggbb", and perhaps the name of one of 16 colours. Returns the words taken; 0: an error. */
static int read_color(char **word, int count, struct theme_color *color, const char **wrong)
{
  *color = no_color;
  if (count == 0 || !read_rgb(word[0], &color->rgb)) {
    *wrong = count ? word[0] : "";
    return 0;
  }
  color->index = (int16_t)color_256((uint32_t)color->rgb);
  if (count == 1 || strcmp(word[1], "on") == 0)
    return 1;
  color->ansi = (int8_t)place_of(word[1], ansi, ANSI);
  if (color->ansi < 0)
    *wrong = word[1];
  return color->ansi < 0 ? 0 : 2;
}

/* What follows "role =". */
static bool read_role(char **word, int count, enum paint role, struct screen_theme *theme,
                      const char **wrong)
{
  struct theme_color paper = no_color;
  int used = read_color(word, count, &theme->ink[role], wrong);
  if (!used)
    return false;
  if (used < count) {
    *wrong = word[used];
    int more = strcmp(word[used], "on") == 0
                   ? read_color(word + used + 1, count - used - 1, &paper, wrong)
                   : 0;
    if (!more || used + 1 + more < count)
      return false;
  }
  theme->paper[role] = paper;
  if (role == PAINT_NONE) { /* the terminal's own are taken to be so, not made so */
    theme->background = (uint32_t)theme->ink[role].rgb;
    theme->ink[role] = theme->paper[role] = no_color;
  }
  return true;
}

static enum status wrong_line(struct error *error, const char *name, int line, const char *expected,
                              const char *found)
{
  return error_set(error, STATUS_INPUT, "theme %.200s, line %d: expected %s, found '%.40s'", name,
                   line, expected, found);
}

static enum status read_line(char *text, const char *name, int line, struct screen_theme *theme,
                             struct error *error)
{
  static const char expected[] = "ROLE = #rrggbb [COLOUR] [on #rrggbb [COLOUR]]";
  char *word[WORDS], *rest, *one = strtok_r(text, " \t\r", &rest);
  const char *wrong = "";
  int words = 0;
  for (; one && words < WORDS; one = strtok_r(NULL, " \t\r", &rest))
    word[words++] = one;
  if (words == 0 || *word[0] == '#')
    return STATUS_OK;
  if (words < 3 || strcmp(word[1], "=") != 0)
    return wrong_line(error, name, line, expected, words > 1 ? word[1] : word[0]);
  int role = place_of(word[0], roles, PAINT_COUNT);
  if (role < 0) {
    const char *near = nearest_word(word[0], roles, PAINT_COUNT);
    return wrong_line(error, name, line, near ? near : "a role", word[0]);
  }
  if (!read_role(word + 2, words - 2, (enum paint)role, theme, &wrong))
    return wrong_line(error, name, line, expected, wrong);
  return STATUS_OK;
}

enum status theme_parse(const char *text, const char *name, struct screen_theme *theme,
                        struct error *error)
{
  enum { LINE = 256 };
  enum status status = STATUS_OK;
  *theme = (struct screen_theme){.background = 0};
  snprintf(theme->name, sizeof theme->name, "%s", name);
  for (int i = 0; i < PAINT_COUNT; i++)
    theme->ink[i] = theme->paper[i] = no_color;
  for (int line = 1; *text && status == STATUS_OK; line++) {
    char copy[LINE];
    size_t length = strcspn(text, "\n");
    snprintf(copy, sizeof copy, "%.*s", (int)(length < LINE ? length : LINE - 1), text);
    status = length < LINE ? read_line(copy, name, line, theme, error)
                           : wrong_line(error, name, line, "a shorter line", "");
    text += length + (text[length] == '\n');
  }
  return status;
}

/* --- finding ------------------------------------------------------------------------------- */

static enum status read_file(FILE *file, const char *path, struct screen_theme *theme,
                             struct error *error)
{
  enum { MOST = 16384 };
  char text[MOST];
  size_t length = fread(text, 1, sizeof text, file);
  if (ferror(file))
    return error_set(error, STATUS_INPUT, "theme %.200s: %s", path, strerror(errno));
  if (length == sizeof text || memchr(text, '\0', length))
    return error_set(error, STATUS_INPUT, "theme %.200s: expected a text under %d bytes", path,
                     MOST);
  text[length] = '\0';
  return theme_parse(text, path, theme, error);
}

static enum status no_theme(const char *word, struct error *error)
{
  return error_set(error, STATUS_USAGE,
                   "expected auto, dark, light, a file, or a NAME of themes/NAME.theme beside the "
                   "configuration; found '%.200s'",
                   word);
}

/* The user's own, by name. */
static enum status find_own(const char *word, struct screen_theme *theme, struct error *error)
{
  char name[96], *path;
  snprintf(name, sizeof name, "themes/%.64s.theme", word);
  if (xdg_path(XDG_CONFIG, name, &path, error) != STATUS_OK)
    return no_theme(word, error);
  FILE *file = fopen(path, "r");
  enum status status = file ? read_file(file, path, theme, error) : no_theme(word, error);
  if (file)
    fclose(file);
  free(path);
  return status;
}

/* "15;0" is light ink on black paper; 7 and 15 are white paper. */
static const char *by_terminal(void)
{
  const char *both = getenv("COLORFGBG"), *paper = both ? strrchr(both, ';') : NULL;
  return paper && (strcmp(paper, ";15") == 0 || strcmp(paper, ";7") == 0) ? "light" : "dark";
}

enum status theme_find(const char *word, struct screen_theme *theme, struct error *error)
{
  if (!word || strcmp(word, "auto") == 0)
    word = by_terminal();
  for (size_t i = 0; i < theme_texts_length; i++)
    if (strcmp(word, theme_texts[i].name) == 0)
      return theme_parse(theme_texts[i].text, word, theme, error);
  if (!strchr(word, '/'))
    return find_own(word, theme, error);
  FILE *file = fopen(word, "r");
  if (!file)
    return error_set(error, STATUS_USAGE, "theme %.200s: %s", word, strerror(errno));
  enum status status = read_file(file, word, theme, error);
  fclose(file);
  return status;
}
