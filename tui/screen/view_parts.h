/* What the views of the explorer know beside the result, and where the user is in each: the parts
 * of struct explorer that belong to one view alone.
 *
 * Ownership: embedded in the explorer; each view frees what it holds. Threads: the UI thread, but
 * for what is said of struct grid_watch. */
#ifndef QSCOPE_TUI_SCREEN_VIEW_PARTS_H
#define QSCOPE_TUI_SCREEN_VIEW_PARTS_H

#include "analysis/diff_table.h"
#include "analysis/engine.h"
#include "analysis/fig_layer.h"
#include "analysis/figure.h"
#include "analysis/recipe.h"
#include "tui/screen/history.h"

/* Where the user is on the calibrator board. */
struct board_place {
  bool chosen;                   /* false: the calibrator of the knobs is selected */
  const struct calibrator *rule; /* the selected one; NULL: by hand */
  size_t first;                  /* row of the table that is shown first */
  bool explaining;               /* the rule's sentences stand in place of the table */
};

/* The sweep of view 4, and where the user is on it. */
struct sweeping {
  struct sweep *sweep;                       /* NULL: none yet */
  struct state of;                           /* what it was planned for */
  char why[sizeof((struct error *)0)->text]; /* there is none for it */
  bool chosen;                               /* else the present quantizer is selected */
  size_t row;                                /* the selected one */
  size_t first;                              /* place in the ranking that the table shows first */
};

/* The source that the present one is compared with, and what is known of the pairs. */
struct comparing {
  struct comparand with;
  struct source *other; /* NULL: none is open */
  struct diff_table table;
  size_t rank;    /* what the pairs are ranked by */
  bool unranked;  /* there are new numbers */
  size_t in_b;    /* the selected one of those that only B has, from 1; 0: the present tensor */
  size_t first;   /* line of the table that is shown first */
  size_t waiting; /* none of the rows before it waits */
  size_t asked;   /* the row that the engine works on, and how: */
  struct diff_request asked_request;
  size_t full; /* the row that has histograms and channels, and of what: */
  struct diff_request full_request;
};

/* The what-ifs of view 3, and those of them that are answered. */
struct asking {
  bool open;
  size_t selected;
  size_t known;    /* answers */
  struct state of; /* what they are of */
  struct what_if_answer answer[WHAT_IF_MOST];
};

/* Numbers of what is pinned, as far as they are known, and of what was. */
enum { PIN_SLOTS = 2 * FIGURE_PINS };
struct pinned {
  struct pin_slot {
    struct result *result; /* NULL: none */
    struct state of;       /* its quantizer is the knobs' */
  } slot[PIN_SLOTS];
  size_t turn;        /* the slot that is used next */
  struct state asked; /* what the engine works on */
  bool stopped;       /* the user does not want the rest */
  /* Of a figure to be written: the present result, and of the pins those that are there. */
  struct result *present, *exported[FIGURE_PINS];
  size_t exports;
};

/* The heat map and where the user is on it. */
struct heating {
  struct heat *map; /* NULL: none was measured */
  struct state of;  /* what it is of, and of how many cells at most: */
  size_t rows, columns;
  size_t row, column;        /* the element of the matrix that the cursor is on, */
  size_t down, across;       /* and the cell of the map that has it */
  bool ranked;               /* it was found as the next worst: */
  size_t worst;              /* this one */
  struct view_part outer[8]; /* the parts around the present one, the innermost last */
  size_t depth;
};

/* The methods of view 9, one row for each and each quantizer that is pinned, and the layer that
 * they are of. */
enum { LAYER_ROWS = VIEW_METHODS * (FIGURE_PINS + 1), LAYER_KEPT = 96 };
struct layering {
  struct recipe_data
      data[LAYER_PARTS]; /* what was chosen, but for the weight; source NULL: nothing */
  struct source *opened[LAYER_PARTS]; /* by this view; NULL: none, or the explorer's own */
  struct layer_sources of;            /* what the rows are of */
  bool planned;
  struct state plan;      /* what they were planned for */
  char why[LAYER_REASON]; /* there is no layer: a sentence; else empty */
  bool synthetic;         /* nobody chose the tokens */
  size_t rows;            /* of rows: */
  struct layer_row row[LAYER_ROWS], kept[LAYER_KEPT]; /* kept: may be wanted again */
  size_t rank[LAYER_ROWS];
  size_t turn;                /* place in `kept` that is used next */
  struct layer_answer *facts; /* of the layer; NULL: not known yet */
  bool chosen;                /* else the best row is selected */
  size_t selected, first;     /* number of a row; place in the order */
  enum layer_detail detail;
  bool open;      /* details stand in place of the table */
  size_t option;  /* of the selected method */
  bool pointing;  /* the cursor is on channel: */
  size_t channel; /* of the detail */
};

/* On which grid the present tensor lies; the engine writes it until it is done. */
struct grid_watch {
  struct source *source; /* NULL: nothing was looked at yet */
  size_t tensor;
  struct on_grid grid;
  atomic_bool done;
};

#endif
