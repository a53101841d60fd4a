/* The tensors of a source as a list or a tree that is sorted, filtered and folded: what the
 * browser shows and `qscope list` prints.
 *
 * The levels of the tree are the parts of the names between dots and slashes, in natural order; a
 * level with a single one below it is joined with it ("model.layers"); levels beyond
 * CATALOG_DEPTH stay in one name. Ownership: catalog_free frees; the source and the statistics are
 * borrowed. Threads: one at a time. */
#ifndef QSCOPE_ANALYSIS_CATALOG_H
#define QSCOPE_ANALYSIS_CATALOG_H

#include "analysis/filter.h"
#include "analysis/stats.h"
#include "data/source.h"

#include <stdbool.h>
#include <stdint.h>

enum { CATALOG_DEPTH = 24 };
#define CATALOG_NONE UINT32_MAX

enum catalog_key {
  KEY_NAME, /* natural order; with a filter of bare words, the best match first */
  KEY_FILE, /* the order of the file */
  KEY_DTYPE,
  KEY_ROLE,
  KEY_SHAPE, /* dimensions, then sizes */
  KEY_SIZE,
  KEY_BYTES,
  KEY_ABSMAX,
  KEY_STD,
  KEY_KURTOSIS,
  KEY_OUTLIER,
  KEY_SQNR,
  KEY_CLIP,
  KEY_COUNT
};
struct catalog_key_row {
  const char *word; /* "bytes" */
  bool largest;     /* it is the large values that people look for: they come first */
};
extern const struct catalog_key_row catalog_keys[KEY_COUNT];

/* "KEY" or "KEY,reverse". STATUS_USAGE names the nearest key. */
enum status catalog_key_parse(const char *text, enum catalog_key *key, bool *reverse,
                              struct error *error);

struct catalog;

/* NULL when memory runs out. STATS: one row for each tensor, or NULL. */
struct catalog *catalog_new(const struct source *source, const struct stats *stats);
void catalog_free(struct catalog *catalog);

/* True when some names have levels in common. */
bool catalog_has_groups(const struct catalog *catalog);

/* Each makes the list anew. A wrong filter (STATUS_USAGE) changes nothing. */
enum status catalog_filter(struct catalog *catalog, const char *text, struct error *error);
void catalog_sort(struct catalog *catalog, enum catalog_key key, bool reverse);
void catalog_set_tree(struct catalog *catalog, bool tree);
/* After statistics have become known. */
void catalog_refresh(struct catalog *catalog);
/* Folds and unfolds a group, or all of them. While a filter holds, all are open. */
void catalog_open(struct catalog *catalog, uint32_t node, bool open);
void catalog_open_all(struct catalog *catalog, bool open);

/* Tensors that pass, those of which it is not known yet, and whether the filter asks statistics. */
size_t catalog_matches(const struct catalog *catalog);
size_t catalog_pending(const struct catalog *catalog);
bool catalog_is_filtered(const struct catalog *catalog);

struct catalog_row {
  uint32_t node;   /* stays the same whatever is shown */
  uint32_t tensor; /* CATALOG_NONE: a group */
  unsigned depth;  /* 0 in the list */
  bool open;       /* a group whose members are shown */
  const char *label;
  size_t label_size;           /* bytes of it: not terminated there */
  size_t tensors;              /* that pass, below a group; 1 for a tensor */
  double elements, bytes;      /* of those stored (derived ones are made of them) */
  const struct stored *stored; /* NULL: several */
};

size_t catalog_rows(const struct catalog *catalog);
struct catalog_row catalog_row(const struct catalog *catalog, size_t row);
/* The row of all together. */
struct catalog_row catalog_total(const struct catalog *catalog);

/* Node of TENSOR; row of NODE, or of the nearest group above it that is shown (0 when none). */
uint32_t catalog_node(const struct catalog *catalog, size_t tensor);
size_t catalog_find(const struct catalog *catalog, uint32_t node);
uint32_t catalog_parent(const struct catalog *catalog, uint32_t node);
/* The row that the filter's words mean best; 0 when there are no words. */
size_t catalog_best(const struct catalog *catalog);

/* Statistic STAT of ROW: of a group the largest (sqnr: the smallest) of those that pass and are
 * known. STATS_UNKNOWN while none is. */
enum stats_state catalog_stat(const struct catalog *catalog, const struct catalog_row *row,
                              enum stat stat, double *value);

#endif
