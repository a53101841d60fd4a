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
 * Worst first, the lines of the channels (the rows; the columns where those are the channels) are
 * ranked by a quantity, each over all of its elements, and then cut: a cell is of lines that follow
 * each other in rank, and the part counts ranks. So the order is the same in every part.
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
  bool worst_first; /* by this: */
  enum heat_quantity quantity;
};

struct heat {
  size_t rows, columns;               /* of the matrix */
  char row_name[32], column_name[32]; /* "channel (axis 0)", "axes 1 to 3" */
  size_t channels;                    /* along the rows or the columns: */
  bool channels_down;                 /* a row is of one channel */
  size_t *order, *place;              /* worst first: the line of each rank, and its inverse;
                                         NULL: as the tensor has them */
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

/* Rows row[0]..row[1]-1 and columns of the cell in row DOWN, column ACROSS of the map; ranks, where
 * these are ranked. */
struct view_part heat_cell(const struct heat *heat, size_t down, size_t across);

/* True where the rows are ranked; the columns. */
bool heat_ranks_rows(const struct heat *heat);
bool heat_ranks_columns(const struct heat *heat);
/* The row of the matrix that stands at PLACE (the column), and where that ROW (COLUMN) stands. */
size_t heat_row(const struct heat *heat, size_t place);
size_t heat_column(const struct heat *heat, size_t place);
size_t heat_place_of_row(const struct heat *heat, size_t row);
size_t heat_place_of_column(const struct heat *heat, size_t column);

/* The Ith channel of CELL; they are heat_channels many, of which some may be the same. */
size_t heat_channels(const struct heat *heat, const struct view_part *cell);
size_t heat_channel(const struct heat *heat, const struct view_part *cell, size_t i);

enum { HEAT_LABEL = 64 };
/* The axis of the rows (or columns) into TEXT: "channel (axis 0)", "worst first: channel (axis 0)"
 * or "rank, worst first: channel (axis 0)"; what is first survives where there is little room. */
char *heat_axis_label(const struct heat *heat, bool rows, char *text, size_t size);

/* "588", or of several lines FROM..TO-1 that are ranked "588, 3, 41 and 15 more", of others
 * "12..15": the rows (or else columns) that they are, as text of SIZE bytes. */
char *heat_lines(const struct heat *heat, bool rows, const size_t range[2], char *text,
                 size_t size);

/* The range of QUANTITY that colours are for: the 1st to the 99th percentile of the cells (all of
 * them where there are few), logarithmic where the ends are positive and far apart. False when no
 * cell has a number. */
bool heat_range(const struct heat *heat, enum heat_quantity quantity, double *lo, double *hi,
                bool *log);
/* The same of N values; DECIBELS are logarithms already. */
bool heat_range_of(const double *value, size_t n, bool decibels, double *lo, double *hi, bool *log);

#endif
