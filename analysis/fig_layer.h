/* What figures show of a layer's methods: how they compare, and one of them closely.
 *
 * Ownership: borrows everything. Threads: as figure.h. */
#ifndef QSCOPE_ANALYSIS_FIG_LAYER_H
#define QSCOPE_ANALYSIS_FIG_LAYER_H

#include "analysis/figure.h"
#include "analysis/layer_bench.h"

struct layer_shown {
  const struct layer_row *row; /* as they were asked for */
  size_t rows;
  const size_t *rank;               /* their order: numbers of rows */
  size_t selected;                  /* a number of a row */
  const struct layer_answer *facts; /* of the layer; NULL: nothing is known yet */
};

/* What of the selected row is shown. */
enum layer_detail {
  LAYER_OUTPUT,  /* error of each output channel */
  LAYER_INPUTS,  /* largest |x| of each input channel, and |x| over its factor */
  LAYER_WEIGHTS, /* the same of the weight, times the factor */
  LAYER_SEARCH,  /* what its search has tried */
  LAYER_DETAILS
};
extern const char *const layer_detail_names[LAYER_DETAILS];

/* False when the selected row has no such thing. */
bool layer_has_detail(const struct layer_shown *shown, enum layer_detail detail);

/* Appends a panel of DETAIL; a sentence when there is none. False when memory runs out. */
bool fig_layer_detail(struct figure *figure, const struct layer_shown *shown,
                      enum layer_detail detail);
/* Appends a panel of all methods that are done: bars of the output SQNR and of the weight's beside
 * it, points of the former on held-out tokens. Quantizers, where there are several, have letters,
 * which the figure's words explain. */
bool fig_layer_methods(struct figure *figure, const struct layer_shown *shown);

/* The whole figure: all methods, the channels of the best one, and as its caption the tensors and
 * the verdict. SHOWN has facts. NULL when memory runs out. */
struct figure *figure_of_layer(const struct layer_shown *shown, const char *recipe);

#endif
