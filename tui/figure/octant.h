/* Octants: characters that fill any of the 2 x 4 parts of a cell (Unicode 16).
 *
 * Bit ROW * 2 + COLUMN of a pattern is a part that is filled; row 0 is the highest.
 * Ownership: none. Threads: any. */
#ifndef QSCOPE_TUI_FIGURE_OCTANT_H
#define QSCOPE_TUI_FIGURE_OCTANT_H

#include <stdbool.h>
#include <stdint.h>

enum { OCTANT_PATTERNS = 256 };

/* The character whose parts are the PATTERN. */
uint32_t octant_code(unsigned pattern);
/* The pattern of CODE; false when it is none of these characters. */
bool octant_pattern(uint32_t code, unsigned *pattern);

#endif
