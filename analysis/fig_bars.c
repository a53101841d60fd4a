/* Bars of many things beside each other, channels or tensors: their axes, their median, names for
 * those that stand out. */
#include "analysis/fig_bars.h"

#include <math.h>
#include <stdio.h>

/* Above this ratio of largest to median magnitude a linear axis shows only the outlier. */
static const double log_spread = 100;

bool fig_name_bar(struct panel *panel, double x, double y, const char *label)
{
  return panel_add_mark(panel, MARK_POINTS, ROLE_OUTLIER, 1, &x, &y, label);
}

bool fig_median(struct panel *panel, double median, const char *unit)
{
  char label[64];
  snprintf(label, sizeof label, "median %.4g%s", median, unit);
  return panel_add_mark(panel, MARK_HLINE, ROLE_MEDIAN, 1, &median, NULL, label);
}

bool fig_magnitude_axis(struct panel *panel, const char *label, const struct spread *spread,
                        bool log)
{
  const double least = spread->least_positive, most = spread->most;
  panel->y.log = log || most > log_spread * fmax(spread->median, least);
  return axis_set(&panel->y, label, NULL, panel->y.log ? least / 2 : 0,
                  panel->y.log ? most * 4 : most * 1.2);
}

bool fig_sqnr_axis(struct panel *panel, const struct spread *spread)
{
  const double least = spread->least, most = spread->most, span = fmax(most, 0) - fmin(least, 0);
  return axis_set(&panel->y, "SQNR", "dB", least < 0 ? least - 0.1 * span : 0,
                  fmax(most, 0) + 0.15 * span + (span > 0 ? 0 : 1));
}
