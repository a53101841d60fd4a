/* The colour map of heat maps: cividis (Nunez, Anderton, Renslow 2018), whose lightness grows
 * evenly and which people see alike whatever their colour vision; in COLORMAP_LEVELS steps, so that
 * a terminal's table of colour pairs holds every two of them.
 *
 * Ownership: plain values. Threads: no state. */
#ifndef QSCOPE_ANALYSIS_COLORMAP_H
#define QSCOPE_ANALYSIS_COLORMAP_H

#include "analysis/figure.h"

enum { COLORMAP_LEVELS = 64, COLORMAP_BELOW = -1, COLORMAP_NONE = -2 };

/* 0xRRGGBB of LEVEL 0..COLORMAP_LEVELS-1. */
uint32_t colormap_rgb(int level);

/* The level of VALUE on the axis COLOR: 0..COLORMAP_LEVELS-1; COLORMAP_BELOW and COLORMAP_LEVELS
 * for what lies beyond its ends, COLORMAP_NONE for NaN. */
int colormap_level(const struct axis *color, double value);

#endif
