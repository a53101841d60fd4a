/* The figure of a sweep. Ownership and threads: as figure.h. */
#ifndef QSCOPE_ANALYSIS_FIG_SWEEP_H
#define QSCOPE_ANALYSIS_FIG_SWEEP_H

#include "analysis/figure.h"
#include "analysis/sweep.h"

/* The figure of a SWEEP that was run on TENSOR, without the rest of the view of a result; VIEW says
 * whether the front is drawn. NULL when memory runs out. */
struct figure *fig_sweep(const struct sweep *sweep, const struct view *view, const char *source,
                         const struct tensor *tensor, const char *recipe);

/* Where ROW stands in the panel; false when it has no place there (not measured, exact). */
bool fig_sweep_place(const struct sweep *sweep, const struct sweep_row *row, double *x, double *y);

/* Adds to PANEL, whose axes are set, what a sweep over distributions has beside its lines; false
 * when memory runs out. Internal to the figure of a sweep. */
bool fig_papr(struct panel *panel, const struct sweep *sweep);

#endif
