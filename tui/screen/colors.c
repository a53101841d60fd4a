#include "tui/screen/colors.h"

struct role_row {
  int ink256, ink8, paper256, paper8;
  unsigned ink_mono, paper_mono; /* CELL_ bits that stand in for the colour */
};

/* 256-colour indexes near Okabe-Ito: blue 32, orange 214, vermilion 202, green 36, yellow 227,
 * sky 117, purple 175. Papers are dark twins, so that light ink stays legible on them. */
static const struct role_row rows[PAINT_COUNT] = {
    [PAINT_NONE] = {-1, -1, -1, -1, 0, 0},
    [PAINT_DIM] = {245, -1, 236, -1, 0, 0},
    [PAINT_KEY] = {221, 3, -1, -1, CELL_BOLD, 0},
    [PAINT_VALUE] = {255, -1, -1, -1, CELL_BOLD, 0},
    [PAINT_FRAME] = {240, -1, -1, -1, 0, 0},
    [PAINT_TITLE] = {255, 7, 24, 4, 0, CELL_REVERSE},
    [PAINT_SELECTED] = {255, 7, 25, 4, 0, CELL_REVERSE},
    [PAINT_GOOD] = {79, 2, -1, -1, 0, 0},
    [PAINT_WARNING] = {215, 3, -1, -1, CELL_BOLD, 0},
    [PAINT_ORIGINAL] = {32, 6, 32, 6, 0, CELL_REVERSE},
    [PAINT_RECONSTRUCTION] = {214, 3, 214, 3, 0, CELL_REVERSE},
    [PAINT_ERROR] = {175, 5, 175, 5, 0, CELL_REVERSE},
    [PAINT_CLIP] = {203, 1, 203, 1, 0, CELL_REVERSE},
    [PAINT_SHADE] = {88, 1, -1, -1, 0, 0},
    [PAINT_LEVEL] = {222, 3, -1, -1, 0, 0},
    [PAINT_OUTLIER] = {209, 1, 209, 1, CELL_BOLD, CELL_REVERSE},
    [PAINT_MEDIAN] = {79, 2, 79, 2, 0, CELL_REVERSE},
    [PAINT_REFERENCE] = {248, 7, -1, -1, 0, 0},
};

struct colors colors_of(struct style style, enum color_depth depth)
{
  const struct role_row *ink = &rows[style.ink], *paper = &rows[style.paper];
  switch (depth) {
  case DEPTH_256:
    return (struct colors){ink->ink256, paper->paper256, style.attributes};
  case DEPTH_8:
    return (struct colors){ink->ink8, paper->paper8, style.attributes};
  case DEPTH_MONO:
    break;
  }
  return (struct colors){-1, -1, style.attributes | ink->ink_mono | paper->paper_mono};
}
