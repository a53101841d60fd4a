/* What a search of lp_search.h has proved, for the search of the next zero point: there one side
 * has a level more and the other one less, which changes the errors of clipped values alone. Where
 * the old bounds and the least that these change by leave nothing better than the best, the next
 * search need not look.
 *
 * Ownership: plain values. Threads: no state. */
#ifndef QSCOPE_QUANT_LP_FLOOR_H
#define QSCOPE_QUANT_LP_FLOOR_H

#include <stdbool.h>
#include <stddef.h>

enum { LP_LEAVES = 4096, LP_CELLS = 256 };

/* No scale in between has a smaller error. */
struct lp_leaf {
  double from, to, bound;
};

struct lp_floor {
  size_t steps[2], count;
  bool lost; /* there were more leaves than fit, or some that are not known */
  struct lp_leaf leaf[LP_LEAVES];
  /* By how much errors are larger at least than those of the floor before this one, in cells of the
   * scale from MOST down; NaN: not worked out yet. */
  double most, cell[LP_CELLS];
};

struct lp_search;

/* Begins a floor of SEARCH, from MOST down. */
void lp_floor_start(struct lp_floor *floor, const struct lp_search *search, double most);

/* FLOOR may be NULL. */
void lp_floor_add(struct lp_floor *floor, double from, double to, double bound);

/* The least error that scales from FROM to TO have as far as search->before tells, -HUGE_VAL where
 * it does not; search->floor is that of SEARCH itself. Gives up below NEEDED. */
double lp_floor_bound(const struct lp_search *search, double from, double to, double needed);

#endif
