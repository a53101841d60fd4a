/* Colours of the screen: a theme gives every role an ink and a paper; what a terminal has decides
 * how they come out.
 *
 * A theme is text, also the two that are built in:
 *
 *   # qscope theme
 *   background = #1c1c1c            what the terminal's own paper is taken to be
 *   key        = #ffd75f yellow     ink of the role; the word is for terminals of 8 or 16 colours
 *   title      = #eeeeee white on #005f87 blue
 *
 * A role that is not named has the terminal's own colours. What stands in for a colour on a
 * monochrome terminal (bold, reverse) is fixed: no theme can take it away.
 * Ownership: plain values. Threads: immutable. */
#ifndef QSCOPE_TUI_SCREEN_COLORS_H
#define QSCOPE_TUI_SCREEN_COLORS_H

#include "quant/base/status.h"
#include "tui/screen/cells.h"

enum color_depth { DEPTH_MONO, DEPTH_8, DEPTH_16, DEPTH_256, DEPTH_DIRECT };

struct theme_color {
  int32_t rgb;   /* 0xrrggbb; -1: the terminal's own */
  int16_t index; /* the nearest of 256 */
  int8_t ansi;   /* one of the first 16, for few colours; -1: the terminal's own */
};

struct screen_theme {
  char name[32];
  uint32_t background;
  struct theme_color ink[PAINT_COUNT], paper[PAINT_COUNT];
};

/* The built-in themes: their names and texts. The first is for dark backgrounds, the second for
 * light ones. */
struct theme_text {
  const char *name, *text;
};
extern const struct theme_text theme_texts[];
extern const size_t theme_texts_length;

/* Reads TEXT, which people call NAME. STATUS_INPUT names the line, what was expected and found. */
enum status theme_parse(const char *text, const char *name, struct screen_theme *theme,
                        struct error *error);

/* The theme that WORD means: a built-in one, NAME of themes/NAME.theme in the user's
 * configuration, or the path of a file. NULL or "auto": by COLORFGBG, where the terminal tells it,
 * else the dark one. STATUS_USAGE: there is none; or as theme_parse. */
enum status theme_find(const char *word, struct screen_theme *theme, struct error *error);

/* The word of ROLE in a theme ("original"). */
const char *theme_role(enum paint role);

struct colors {
  int32_t ink, paper;  /* a palette's index, or 0xrrggbb (DEPTH_DIRECT); -1: the terminal's own */
  unsigned attributes; /* CELL_ bits: those of the style, and what stands in for a colour */
};

/* How STYLE looks at DEPTH. */
struct colors colors_of(const struct screen_theme *theme, struct style style,
                        enum color_depth depth);

/* The index in the palette of 256 colours that is nearest to RGB, by the squared distance: the
 * cube of 6 x 6 x 6, or one of the 24 greys. The first 16 are never taken: users change them. */
int color_256(uint32_t rgb);

#endif
