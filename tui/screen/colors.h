/* Colour roles to what a terminal has: nothing, 8 colours, or 256.
 *
 * The series are Okabe-Ito blue and orange, told apart without colour by glyph, reverse video or
 * underline. Ownership: constant. Threads: immutable. */
#ifndef QSCOPE_TUI_SCREEN_COLORS_H
#define QSCOPE_TUI_SCREEN_COLORS_H

#include "tui/screen/cells.h"

enum color_depth { DEPTH_MONO, DEPTH_8, DEPTH_256 };

struct colors {
  int ink, paper;      /* -1: the terminal's own */
  unsigned attributes; /* CELL_ bits to add: what stands in for a colour */
};

/* How STYLE looks at DEPTH. */
struct colors colors_of(struct style style, enum color_depth depth);

#endif
