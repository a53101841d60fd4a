/* The statistics of all tensors of a source, gathered one after the other while the engine has
 * nothing else to do: what is in sight first, then the rest.
 *
 * Ownership: gather_free frees; the source is borrowed, and no engine may be at work on it then.
 * Threads: gather_work on the engine's thread, the others on the front end's; the rows are read as
 * stats.h says. */
#ifndef QSCOPE_ANALYSIS_GATHER_H
#define QSCOPE_ANALYSIS_GATHER_H

#include "analysis/engine.h"
#include "analysis/stats.h"

struct gather;

/* For ENGINE, which gets to know the tensors by the way; NULL when memory runs out. */
struct gather *gather_new(struct source *source, struct engine *engine);
void gather_free(struct gather *gather);

/* One row for each tensor. */
const struct stats *gather_stats(const struct gather *gather);
/* Tensors that are done, whatever came of it. */
size_t gather_done(const struct gather *gather);

/* What the SQNR is of, and the channels along which axis. Rows of another quantizer are forgotten:
 * gather_work must not run. */
void gather_set_quantizer(struct gather *gather, const struct quantizer *quantizer, int axis);

/* These tensors next (at most GATHER_FIRST of them). */
enum { GATHER_FIRST = 256 };
void gather_first(struct gather *gather, const size_t *tensors, size_t count);

/* For engine_set_idle, with the gather as context: computes rows for some tens of milliseconds. */
bool gather_work(void *context, struct progress *progress);

#endif
