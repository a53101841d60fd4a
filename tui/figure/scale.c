/* From numbers to places, and the ticks between. */
#include "tui/figure/plot.h"

#include <math.h>
#include <stdio.h>

/* Names that ticks have. */
static size_t shown_names(const struct scale *scale)
{
  return scale->axis->numbered ? 0 : scale->axis->names;
}

double scale_place(const struct scale *scale, double value)
{
  double lo = scale->axis->lo, hi = scale->axis->hi;
  if (scale->axis->log) {
    if (!(value > 0))
      return value <= 0 ? scale->from : (double)NAN;
    lo = log10(lo);
    hi = log10(hi);
    value = log10(value);
  }
  double share = fmin(fmax((value - lo) / (hi - lo), -1), 2); /* far outside is outside */
  return isnan(value) ? value : scale->from + share * (scale->to - scale->from);
}

void scale_tick_text(const struct canvas *canvas, const struct scale *scale, size_t i, char *text,
                     size_t size)
{
  char plain[64];
  double step = scale->ticks > 1 ? scale->tick[1] - scale->tick[0] : scale->tick[0];
  axis_tick_text(scale->axis, scale->tick[i], step, plain, sizeof plain);
  if (shown_names(scale))
    snprintf(text, size, "%s", plain);
  else
    canvas_typeset(canvas, plain, text, size);
}

double scale_widest_tick(const struct canvas *canvas, const struct scale *scale)
{
  double widest = 0;
  for (size_t i = 0; i < scale->ticks; i++) {
    char text[64];
    scale_tick_text(canvas, scale, i, text, sizeof text);
    widest = fmax(widest, canvas_text_width(canvas, TEXT_TICK, text));
  }
  return widest;
}

/* All the names, turned, where a line of text each has room. */
static bool turn_names(struct scale *scale)
{
  size_t names = shown_names(scale);
  double apart = fabs(scale->to - scale->from) / (double)(names ? names : 1);
  scale->turned = names > 0 && names <= MOST_TICKS && apart >= text_size[TEXT_TICK];
  if (scale->turned)
    scale->ticks = axis_ticks(scale->axis, names, scale->tick);
  return scale->turned;
}

void scale_choose_ticks(const struct canvas *canvas, struct scale *scale, bool horizontal)
{
  double length = fabs(scale->to - scale->from);
  double room = horizontal ? 40 : 1.8 * text_row(TEXT_TICK);
  double least = length > 2 * text_row(TEXT_TICK) ? 2 : 1; /* one tells nothing */
  size_t most = (size_t)fmin(fmax(length / room, least), MOST_TICKS);
  if (!horizontal && turn_names(scale)) { /* each has a line as it is */
    scale->turned = false;
    return;
  }
  for (; most > 0; most--) {
    scale->ticks = axis_ticks(scale->axis, most, scale->tick);
    if (horizontal && scale->ticks < shown_names(scale) && turn_names(scale))
      return;
    if (!horizontal || scale->ticks < 2)
      return;
    double apart = fabs(scale_place(scale, scale->tick[1]) - scale_place(scale, scale->tick[0]));
    if (scale_widest_tick(canvas, scale) * 1.35 + 2 <= apart)
      return;
  }
}
