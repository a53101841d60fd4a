/* The figure of a sweep. Ownership and threads: as figure.h. */
#ifndef QSCOPE_ANALYSIS_FIG_SWEEP_H
#define QSCOPE_ANALYSIS_FIG_SWEEP_H

#include "analysis/figure.h"
#include "analysis/sweep.h"

/* The figure of a SWEEP that was run on TENSOR. NULL when memory runs out. */
struct figure *fig_sweep(const struct sweep *sweep, const char *source, const struct tensor *tensor,
                         const char *recipe);

#endif
