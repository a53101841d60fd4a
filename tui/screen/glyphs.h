/* The characters beyond letters: const tables with the same indexes, a set for each way to divide a
 * cell, and one in plain ASCII.
 *
 * Fonts and terminals differ in what they draw well; glyphs_card lets people judge.
 * Ownership: constant. Threads: immutable; glyphs_usable reads the locale. */
#ifndef QSCOPE_TUI_SCREEN_GLYPHS_H
#define QSCOPE_TUI_SCREEN_GLYPHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum glyph {
#define GLYPH(name, utf8, ascii) GLYPH_##name,
#include "tui/screen/glyphs.def"
#undef GLYPH
  GLYPH_COUNT
};

/* Parts of a cell in columns and rows, at most 2 x 4. Bit ROW * 2 + COLUMN of a pattern is a part
 * that is filled; row 0 is the highest. */
struct parts {
  int down;                            /* rows of parts */
  uint32_t (*pattern)(unsigned parts); /* two parts across; NULL: one, and code[] has the glyphs */
};

/* A set has parts for each kind of panel, for they want different things: bars are filled areas and
 * want many heights, curves are thin and want many places. Heat maps are halves in every set but
 * ASCII: only these have two colours that do not depend on each other. */
struct glyphs {
  const char *name; /* "sextant" */
  bool ascii;
  struct parts bars, curves;
  const uint32_t *code; /* by enum glyph */
};

/* The sets: the best for each kind of panel first ("auto"), then those that take one kind of parts
 * for all, ASCII last. */
extern const struct glyphs *const glyphs_table[];
extern const size_t glyphs_table_length;
extern const struct glyphs glyphs_auto, glyphs_utf8, glyphs_ascii; /* utf8: eighths */

/* The set called NAME, or NULL. */
const struct glyphs *glyphs_find(const char *name);

/* Bars across a cell: 1 or 2. */
int glyphs_across(const struct glyphs *glyphs);

/* True when the locale's character set is UTF-8 and its C library counts every glyph of the set as
 * one column: a name like "en_US.UTF-8" alone proves nothing. ASCII is always usable. */
bool glyphs_usable(const struct glyphs *glyphs);

/* True when the locale's character set has the set: what a file needs. */
bool glyphs_writable(const struct glyphs *glyphs);
/* Why a set is not usable, behind "it is not". */
const char *glyphs_lack(const struct glyphs *glyphs);

/* A test card: the same bars in every usable set, for people to choose by. */
void glyphs_card(FILE *out);

#endif
