/* What the figures of channels and of tensors share: bars of many things beside each other.
 * Internal to analysis/.
 *
 * Ownership: as figure.h. Threads: as figure.h. */
#ifndef QSCOPE_ANALYSIS_FIG_BARS_H
#define QSCOPE_ANALYSIS_FIG_BARS_H

#include "analysis/figure.h"
#include "analysis/spread.h"

/* What this many times its median is an outlier; so many decibels below it, bad. */
static const double fig_outlier_ratio = 3, fig_bad_db = 3;

/* These add to PANEL, and are false when memory runs out: a point with a name on the top of a bar,
 * the line of the median, */
bool fig_name_bar(struct panel *panel, double x, double y, const char *label);
bool fig_median(struct panel *panel, double median, const char *unit);
/* the y axis of magnitudes, logarithmic when LOG or when a linear one would show the largest alone;
 * and of decibels. */
bool fig_magnitude_axis(struct panel *panel, const char *label, const struct spread *spread,
                        bool log);
bool fig_sqnr_axis(struct panel *panel, const struct spread *spread);

#endif
