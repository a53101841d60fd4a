/* The characters beyond letters: two const tables with the same indexes, UTF-8 and ASCII.
 *
 * Ownership: constant. Threads: immutable; glyphs_usable reads the locale. */
#ifndef QSCOPE_TUI_SCREEN_GLYPHS_H
#define QSCOPE_TUI_SCREEN_GLYPHS_H

#include <stdbool.h>
#include <stdint.h>

enum glyph {
#define GLYPH(name, utf8, ascii) GLYPH_##name,
#include "tui/screen/glyphs.def"
#undef GLYPH
  GLYPH_COUNT
};

struct glyphs {
  bool ascii;
  uint32_t code[GLYPH_COUNT];
};

extern const struct glyphs glyphs_utf8, glyphs_ascii;

/* True when the locale's character set is UTF-8 and its C library counts every glyph as one
 * column: a name like "en_US.UTF-8" alone proves nothing. */
bool glyphs_usable(void);

#endif
