/* The heat map: where in a tensor the error, the magnitudes and the scales are, cell by cell.
 *
 * The tensor is looked at as a matrix: the axes up to that of the channels are its rows and the
 * others its columns; where the channels lie along the last axis (but those of length 1) they are
 * the columns. A part of the matrix is cut into cells of TALL x WIDE elements, at most as
 * many as asked for; where groups or blocks lie along the columns a cell is one of them wide or
 * several, unless the part is as narrow as a few. One pass over the part; each cell is added up by
 * one thread in storage order, so the numbers do not depend on the number of threads. Errors are in
 * the domain of the original.
 *
 * Ownership: heat_compute returns a map that the caller frees. Threads: it may run on any thread
 * and is itself parallel; a finished map is immutable. */
#ifndef QSCOPE_ANALYSIS_HEAT_H
#define QSCOPE_ANALYSIS_HEAT_H

#include "analysis/view.h"
#include "data/tensor.h"
#include "quant/base/pool.h"
#include "quant/quantizer.h"

#include <stdint.h>

enum { HEAT_MOST = 512, HEAT_CELLS = 128 /* of a figure for print */ };

struct heat_request {
  size_t down, across; /* cells at most, each up to HEAT_MOST; 0: no map is wanted */
  struct view_part part;
};

struct heat {
  size_t rows, columns; /* of the matrix */
  char row_name[32], column_name[32];
  struct view_part part; /* clipped to the matrix: row[0]..row[1]-1, column[0]..column[1]-1 */
  size_t tall, wide;     /* elements of a cell; the last ones may be smaller */
  size_t down, across;   /* cells */
  double *value[HEAT_QUANTITIES]; /* of each cell, row by row; NaN: it has no such number */
  uint64_t *special;              /* elements that are NaN or infinite, or became so */
};

/* The quantities, in the order of enum heat_quantity. */
struct heat_quantity_type {
  const char *name;  /* "error": the word for --quantity */
  const char *label; /* "mean squared error" */
  const char *unit;  /* or NULL */
  bool decibels;     /* no logarithmic axis */
};
extern const struct heat_quantity_type heat_quantities[HEAT_QUANTITIES];
bool heat_quantity_find(const char *name, enum heat_quantity *out);

/* What VIEW needs for a map of at most DOWN x ACROSS cells; none where it is no heat map. */
struct heat_request heat_request_of(const struct view *view, size_t down, size_t across);

/* Measures TENSOR (loaded) under FIT, channels along AXIS. STATUS_USAGE where the part lies
 * outside, STATUS_CANCELLED, STATUS_MEMORY. Counts progress in elements. */
enum status heat_compute(const struct tensor *tensor, const struct fit *fit, int axis,
                         const struct heat_request *request, struct progress *progress,
                         struct heat **out, struct error *error);
void heat_free(struct heat *heat);

/* The cell (down * across counted row by row) that comes behind cell AFTER when the worst is the
 * first: the largest of QUANTITY, the lowest of SQNR; of equals the one that is counted first.
 * AFTER HEAT_BEGIN: the worst. HEAT_BEGIN where none follows; cells without a number are left out.
 */
#define HEAT_BEGIN SIZE_MAX
size_t heat_next_worst(const struct heat *heat, enum heat_quantity quantity, size_t after);

/* Rows row[0]..row[1]-1 and columns of the cell in row DOWN, column ACROSS of the map. */
struct view_part heat_cell(const struct heat *heat, size_t down, size_t across);

/* The channels along AXIS of TENSOR that CELL is in: COUNT from FIRST on, the last one followed by
 * 0. False where there are none. */
bool heat_channels(const struct tensor *tensor, int axis, const struct view_part *cell,
                   size_t *first, size_t *count);

/* The range of QUANTITY that colours are for: the 1st to the 99th percentile of the cells (all of
 * them where there are few), logarithmic where the ends are positive and far apart. False when no
 * cell has a number. */
bool heat_range(const struct heat *heat, enum heat_quantity quantity, double *lo, double *hi,
                bool *log);
/* The same of N values; DECIBELS are logarithms already. */
bool heat_range_of(const double *value, size_t n, bool decibels, double *lo, double *hi, bool *log);

#endif
