/* Two sources compared, tensor by tensor: which tensor goes with which, the numbers of each pair as
 * they become known, a ranking, a total.
 *
 * Ownership: diff_table_clear frees; the sources are borrowed and stay open. Threads: one at a
 * time, but the numbers of a row may be computed elsewhere and handed in. */
#ifndef QSCOPE_ANALYSIS_DIFF_TABLE_H
#define QSCOPE_ANALYSIS_DIFF_TABLE_H

#include "analysis/diff.h"
#include "analysis/match.h"

#include <stdio.h>

enum diff_state {
  DIFF_WAITING,
  DIFF_DONE,
  DIFF_SHAPES, /* the shapes do not fit */
  DIFF_FAILED, /* for another reason */
};

struct diff_row {
  size_t a, b; /* numbers of the tensors */
  enum diff_state state;
  struct diff *diff; /* DIFF_DONE */
  char *reason;      /* DIFF_SHAPES, DIFF_FAILED: why; or NULL */
};

struct diff_table {
  const struct source *a, *b;
  struct matching matching;
  size_t rows, done; /* done: not waiting */
  struct diff_row *row;
  size_t *rank; /* numbers of rows as they are shown */
};

/* What all compared tensors together give: A in one piece against B in one piece. */
struct diff_total {
  size_t tensors, identical;
  uint64_t count;
  double mse, sqnr_db, a_bits, b_bits;
};

/* Matches the tensors; see match_sources. Rows whose shapes do not fit (diff_shapes_fit with ALIGN)
 * say so. The rank is A's order. STATUS_MEMORY. */
enum status diff_table_init(const struct source *a, const struct source *b, const size_t *chosen,
                            size_t count, const struct rename_rule *rule, size_t rules, bool align,
                            struct diff_table *out, struct error *error);
void diff_table_clear(struct diff_table *table);

/* STATUS_INPUT, with a name of each side, when no tensor of A has a partner in B. */
enum status diff_table_check(const struct diff_table *table, struct error *error);

/* Hands in the numbers of ROW, or why there are none (STATUS). Takes DIFF. */
void diff_table_set(struct diff_table *table, size_t row, struct diff *diff, enum status status,
                    const struct error *error);

/* Ranks by KEY, the worst first: "sqnr_db" or another metric that a comparison has, "elements",
 * or "name", the order of A. Rows without numbers come last. STATUS_USAGE with the nearest key. */
enum status diff_table_rank(struct diff_table *table, const char *key, struct error *error);

struct diff_total diff_table_total(const struct diff_table *table);

/* The table for machines. JSON: an object with the pairs, the tensors without a partner, the total.
 * Comma-separated values: a line for each pair, then one for each tensor without a partner. At most
 * TOP pairs. */
void diff_table_json(const struct diff_table *table, size_t top, FILE *out);
void diff_table_csv(const struct diff_table *table, size_t top, FILE *out);

#endif
