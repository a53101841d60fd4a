/* Tensors picked from one source or several, and the data that quantizers are calibrated on.
 *
 * Ownership: what picks_open and picks_find opened is closed by picks_clear; sources that were
 * handed in are borrowed. A pool owns its batches and descriptions. Threads: the main thread. */
#ifndef QSCOPE_TUI_CLI_PICKS_H
#define QSCOPE_TUI_CLI_PICKS_H

#include "analysis/facts.h"
#include "analysis/result.h"
#include "data/source.h"
#include "data/transform.h"

struct pick {
  struct source *source;
  size_t index;
};

struct picks {
  struct pick *pick;
  size_t count;
  struct source **opened;
  size_t sources;
};

void picks_clear(struct picks *picks);

/* Opens SPEC (as TYPE, or NULL) and picks what PATTERNS name (none: all), as work_select does. */
enum status picks_open(struct picks *picks, const char *spec, const char *type,
                       const char *const *patterns, size_t pattern_count, struct error *error);

/* The same of the last source opened, once more for other patterns: what is picked already stays
 * where it is. */
enum status picks_more(struct picks *picks, const char *const *patterns, size_t pattern_count,
                       struct error *error);

/* Lays TRANSFORM along AXIS over pick number I. A message names the source and the tensor. */
enum status picks_transform(struct picks *picks, size_t i, const struct transform *transform,
                            int axis, struct error *error);

/* Picks what WORD names: a tensor (or a shell pattern) of one of the HOME sources; else
 * SOURCE:TENSOR; else the tensors of a SOURCE. A source may be a shell pattern of file names, whose
 * files follow each other in the order of their names. STATUS_INPUT when it is none of that. */
enum status picks_find(struct picks *picks, struct source *const *home, size_t homes,
                       const char *word, struct error *error);

/* Calibration data: loaded and described. */
struct pool {
  struct batches *batches; /* NULL: empty */
  struct described *data;
  size_t count;
};

/* Loads and describes PICKS, whose batches follow each other; each is cut as BATCHING says. */
enum status pool_fill(struct pool *pool, const struct picks *picks, struct batching batching,
                      struct error *error);
void pool_clear(struct pool *pool);

/* What the quantizers of RECIPE are calibrated on, into OUT; names are looked for in HOME first.
 * PICKS and POOL, empty before, hold it: the caller clears both, also after a failure. */
struct recipe;
enum status pool_of_recipe(const struct recipe *recipe, struct source *home, struct picks *picks,
                           struct pool *pool, struct calibrated *out, struct error *error);

/* STATUS_USAGE when QUANTIZER gives each batch a scale of its own. */
enum status pool_check(const struct pool *pool, struct batching batching,
                       const struct quantizer *quantizer, struct error *error);

#endif
