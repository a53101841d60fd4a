#include "analysis/colormap.h"

#include <math.h>

/* Nine places of the map, evenly apart; between them it is nearly straight. */
static const uint8_t stops[][3] = {{0, 32, 81},     {17, 54, 108},   {60, 77, 110},
                                   {98, 100, 111},  {127, 124, 117}, {154, 148, 120},
                                   {187, 175, 113}, {226, 203, 92},  {253, 234, 69}};
enum { STRETCHES = sizeof stops / sizeof *stops - 1 };

uint32_t colormap_rgb(int level)
{
  double at = (double)level * STRETCHES / (COLORMAP_LEVELS - 1);
  int first = at < STRETCHES ? (int)at : STRETCHES - 1;
  uint32_t rgb = 0;
  for (int i = 0; i < 3; i++) {
    double value = stops[first][i] + (at - first) * (stops[first + 1][i] - stops[first][i]);
    rgb = rgb << 8 | (uint32_t)lround(value);
  }
  return rgb;
}

int colormap_level(const struct axis *color, double value)
{
  double lo = color->lo, hi = color->hi;
  if (isnan(value))
    return COLORMAP_NONE;
  if (value < lo)
    return COLORMAP_BELOW;
  if (value > hi)
    return COLORMAP_LEVELS;
  double share = color->log ? log(value / lo) / log(hi / lo)
                 : hi > lo  ? (value - lo) / (hi - lo)
                            : 0;
  int level = (int)(share * COLORMAP_LEVELS);
  return level < COLORMAP_LEVELS ? level : COLORMAP_LEVELS - 1;
}
