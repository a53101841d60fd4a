/* The views: what of a result is looked at, and how. One row each in the table.
 *
 * Ownership: plain values; strings are copied. Threads: none needed. */
#ifndef QSCOPE_ANALYSIS_VIEW_H
#define QSCOPE_ANALYSIS_VIEW_H

#include "quant/layer/method.h"

#include <stdbool.h>
#include <stddef.h>

enum view_kind {
  VIEW_HISTOGRAM,
  VIEW_ERROR,
  VIEW_CHANNELS,
  VIEW_HEAT,
  VIEW_SWEEP,
  VIEW_COMPARE,
  VIEW_BOARD,
  VIEW_INSPECTOR,
  VIEW_LAYER,
  VIEW_FORMAT,
  VIEW_TENSORS
};

enum { VIEW_WORST_BLOCK = -1, VIEW_OVER = 512, VIEW_FILTER = 512, VIEW_METHODS = 24 };

/* What a sweep is ranked and drawn by. */
enum sweep_metric { SWEEP_SQNR, SWEEP_MSE, SWEEP_BULK, SWEEP_METRICS };

/* What a heat map shows of its cells. */
enum heat_quantity { HEAT_ERROR, HEAT_SQNR, HEAT_ABSMAX, HEAT_SCALE, HEAT_QUANTITIES };

/* A part of a matrix: rows row[0]..row[1]-1, columns column[0]..column[1]-1; an end of 0: all. */
struct view_part {
  size_t row[2], column[2];
};

/* What the methods of a layer are sorted by. */
enum layer_sort {
  LAYER_BY_OUTPUT, /* output SQNR on the calibration tokens, best first */
  LAYER_BY_HELD_OUT,
  LAYER_BY_WEIGHT, /* SQNR of the weight, best first */
  LAYER_BY_BITS,   /* fewest first */
  LAYER_BY_TIME,
  LAYER_BY_METHOD, /* as they were named */
  LAYER_SORTS
};
extern const char *const layer_sort_names[LAYER_SORTS];
bool layer_sort_find(const char *name, enum layer_sort *out);

/* What is done to the layer that the tensor is the weight of. */
struct view_layer {
  size_t methods; /* 0: all of the table, as they are by default */
  struct method_choice method[VIEW_METHODS];
  bool quantizes_activation;
  struct quantizer activation;
  bool transposed; /* the weight is stored as input x output channels */
  double hold_out; /* share of the tokens that is held out; 0: none */
  enum layer_sort sort;
};

struct view {
  enum view_kind kind;
  bool log_counts;
  bool theory;          /* board: also what the best fitting distribution predicts */
  double lo, hi;        /* zoom window on the x axis; NaN, NaN: everything */
  int axis;             /* of the channels */
  long channel;         /* this channel alone, or -1 */
  size_t against;       /* of what is pinned: differences are taken from this one */
  long block;           /* of the inspector, unit of the board; from 0, or VIEW_WORST_BLOCK */
  char over[VIEW_OVER]; /* of the sweep: "bits=2:8"; empty: as sweep_over_default says */
  enum sweep_metric metric;
  bool front_hidden;           /* of the sweep: no Pareto front */
  enum heat_quantity quantity; /* of the heat map, and what it shows: */
  struct view_part part;
  bool worst_first;         /* its channels ranked by the quantity; the part then counts ranks */
  char filter[VIEW_FILTER]; /* of the list of tensors: as filter.h; empty: all */
  int rank;                 /* of the board: enum board_ranking */
  struct view_layer layer;
  size_t bins; /* 0: chosen by whoever draws */
};

struct diff;
struct figure;
struct figure_pins;
struct layer_shown;
struct quantizer;
struct result;
struct source;
struct stats;
struct tensor;

struct view_type {
  const char *name;  /* "histogram": the word for --view */
  const char *title; /* "Histogram" */
  const char *summary;
  enum view_kind kind;
  bool errors; /* its figure has the errors by value: see result_request */
  /* Adds the panels of this view to FIGURE; false when memory runs out. One of the six is
   * there: from what a quantizer does to a tensor, */
  bool (*build)(struct figure *figure, const struct result *result, const struct view *view);
  /* from COUNT quantizers alone, */
  bool (*of_quantizers)(struct figure *figure, const struct quantizer *quantizers, size_t count,
                        const struct view *view);
  /* from what methods do to a layer: the whole figure, */
  struct figure *(*of_layer)(const struct layer_shown *shown, const char *recipe);
  /* from the statistics of all tensors of a source: the whole figure, */
  struct figure *(*of_tensors)(const struct source *source, const struct stats *stats,
                               const struct quantizer *quantizer, const struct view *view,
                               const char *recipe);
  /* from two tensors, */
  bool (*of_pair)(struct figure *figure, const struct diff *diff, const struct view *view);
  /* from what several quantizers do to a tensor. Beside `build`: adds what is pinned to its panels.
   */
  bool (*pinned)(struct figure *figure, const struct result *result, const struct figure_pins *pins,
                 const struct view *view);
};
extern const struct view_type view_table[];
extern const size_t view_table_length;
const struct view_type *view_type_of(enum view_kind kind);
const struct view_type *view_find(const char *name);

/* Keeps WORDS, a filter of the list of tensors. STATUS_USAGE as filter_parse, or: it is too long.
 */
enum status view_set_filter(struct view *view, const char *words, struct error *error);

/* "0.25" or "25%", above 0 and below 1; false when TEXT is something else. */
bool view_share_scan(const char *text, double *out);

/* "LO:HI" with LO below HI, both finite; false (and nothing) when TEXT is something else. */
bool view_range_parse(const char *text, double *lo, double *hi);

/* Reads "R0:R1,C0:C1"; false when it is no part. */
bool view_part_scan(const char *text, struct view_part *out);
/* The same as text ("" for all of it) into TEXT of VIEW_PART_TEXT bytes; returns TEXT. */
enum { VIEW_PART_TEXT = 96 };
char *view_part_print(const struct view_part *part, char *text);
bool view_part_equal(const struct view_part *a, const struct view_part *b);

/* The view everything starts with: histogram, linear, all of it, axis 0, the worst block. */
struct view view_default(void);

#endif
