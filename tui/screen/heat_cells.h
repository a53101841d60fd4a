/* How a level of a colour map (colormap.h) looks in a cell: as its colour, or as a letter of a ramp
 * where there are too few colours.
 *
 * Ownership: plain values. Threads: the UI thread; heat_colored asks the terminal. */
#ifndef QSCOPE_TUI_SCREEN_HEAT_CELLS_H
#define QSCOPE_TUI_SCREEN_HEAT_CELLS_H

#include "analysis/colormap.h"
#include "tui/screen/cells.h"
#include "tui/screen/glyphs.h"

/* True when levels are colours. */
bool heat_colored(const struct glyphs *glyphs);
/* The role of LEVEL, as ink or as paper. */
uint8_t heat_paint(int level);
/* The letter of LEVEL. */
uint32_t heat_letter(int level);
/* LEVEL in a whole cell. */
void heat_put(struct cells *cells, int row, int column, const struct glyphs *glyphs, int level);

/* "0.0012 [colours] 0.3 dB log" from COLUMN of LINE on, with RAMP columns of colours; UNIT
 * may be NULL.
 * Returns the column behind. */
int heat_scale(struct cells *cells, struct rect line, int column, const struct glyphs *glyphs,
               const struct axis *color, const char *unit, int ramp);

#endif
