#include "tui/screen/colors.h"

#include "analysis/colormap.h"

/* What stands in for the colours where there are none. */
static const struct {
  unsigned ink, paper;
} mono[PAINT_COUNT] = {
    [PAINT_KEY] = {CELL_BOLD, 0},
    [PAINT_VALUE] = {CELL_BOLD, 0},
    [PAINT_TITLE] = {0, CELL_REVERSE},
    [PAINT_SELECTED] = {0, CELL_REVERSE},
    [PAINT_WARNING] = {CELL_BOLD, 0},
    [PAINT_ORIGINAL] = {0, CELL_REVERSE},
    [PAINT_RECONSTRUCTION] = {0, CELL_REVERSE},
    [PAINT_ERROR] = {0, CELL_REVERSE},
    [PAINT_CLIP] = {0, CELL_REVERSE},
    [PAINT_OUTLIER] = {CELL_BOLD, CELL_REVERSE},
    [PAINT_MEDIAN] = {0, CELL_REVERSE},
};

static int distance(uint32_t a, uint32_t b)
{
  int sum = 0;
  for (int shift = 0; shift < 24; shift += 8) {
    int d = (int)(a >> shift & 255) - (int)(b >> shift & 255);
    sum += d * d;
  }
  return sum;
}

/* The palette as xterm has it; index 16..255. */
static uint32_t rgb_of(int index)
{
  static const uint32_t step[] = {0, 95, 135, 175, 215, 255};
  if (index >= 232)
    return (uint32_t)(8 + 10 * (index - 232)) * 0x010101;
  index -= 16;
  return step[index / 36] << 16 | step[index / 6 % 6] << 8 | step[index % 6];
}

int color_256(uint32_t rgb)
{
  int best = 16;
  for (int index = 17; index < 256; index++)
    if (distance(rgb_of(index), rgb) < distance(rgb_of(best), rgb))
      best = index;
  return best;
}

static int32_t color_of(struct theme_color color, enum color_depth depth)
{
  switch (depth) {
  case DEPTH_MONO:
    return -1;
  case DEPTH_8:
    return color.ansi < 0 ? -1 : color.ansi % 8;
  case DEPTH_16:
    return color.ansi;
  case DEPTH_256:
    return color.rgb < 0 ? -1 : color.index;
  case DEPTH_DIRECT:
    break;
  }
  return color.rgb;
}

/* The colour of a cell of a heat map: the map's own whatever the theme, but for what lies beyond.
 */
static struct theme_color heat_color(const struct screen_theme *theme, int paint)
{
  static struct theme_color levels[COLORMAP_LEVELS];
  static const struct theme_color none = {-1, -1, -1};
  if (paint == PAINT_HEAT_NONE)
    return none;
  if (paint >= PAINT_HEAT_ABOVE)
    return theme->ink[paint == PAINT_HEAT_ABOVE ? PAINT_OUTLIER : PAINT_DIM];
  struct theme_color *level = &levels[paint - PAINT_HEAT];
  if (level->index == 0) {
    uint32_t rgb = colormap_rgb(paint - PAINT_HEAT);
    *level = (struct theme_color){(int32_t)rgb, (int16_t)color_256(rgb), -1};
  }
  return *level;
}

static struct theme_color pick(const struct screen_theme *theme, const struct theme_color *roles,
                               int paint)
{
  return paint < PAINT_COUNT ? roles[paint] : heat_color(theme, paint);
}

struct colors colors_of(const struct screen_theme *theme, struct style style,
                        enum color_depth depth)
{
  struct colors colors = {color_of(pick(theme, theme->ink, style.ink), depth),
                          color_of(pick(theme, theme->paper, style.paper), depth),
                          style.attributes};
  if (depth == DEPTH_MONO && style.ink < PAINT_COUNT && style.paper < PAINT_COUNT)
    colors.attributes |= mono[style.ink].ink | mono[style.paper].paper;
  return colors;
}
