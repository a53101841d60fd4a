/* A sweep: specs in which one word takes value after value, all measured on one tensor.
 *
 *   bits=2:8                 the width of integers, every one
 *   group=16,32,64           the length of groups; 16:256 doubles from one to the next
 *   block=16:256             the same, for formats that bring blocks and for specs with group=
 *   calibrator               every calibrator, or those of calibrator=minmax,mse,percentile=99.9
 *   format                   every format, or those of format=int8,e4m3
 *
 * A value that a spec cannot take is left out with a note. A spec that takes none of them is
 * measured once, as it stands, so that it can be compared with those that do.
 *
 * Ownership: sweep_plan returns a sweep that the caller frees. Threads: sweep_run on any thread;
 * it is itself parallel. */
#ifndef QSCOPE_ANALYSIS_SWEEP_H
#define QSCOPE_ANALYSIS_SWEEP_H

#include "analysis/metrics.h"
#include "analysis/result.h"
#include "data/tensor.h"
#include "quant/quantizer.h"

#include <stdio.h>

enum { SWEEP_VALUES = 128, SWEEP_VALUE_TEXT = 64 };

struct sweep_row {
  size_t line;  /* which of the specs */
  size_t value; /* which of the values; meaningless for a line that takes none */
  bool fixed;   /* the spec as it stands */
  struct quantizer quantizer;
  double predicted_sqnr_db; /* by the best fitting distribution; NaN where it says nothing */
  struct metrics metrics;   /* without details (relative errors, KL) and channels */
};

struct sweep_kind;

struct sweep {
  const struct sweep_kind *kind;
  bool theory; /* predict, too: set before sweep_run */
  size_t values, lines, rows, notes;
  char (*value)[SWEEP_VALUE_TEXT]; /* "16", "percentile=99.9" */
  struct quantizer *line;          /* the specs as they were given */
  struct sweep_row *row;           /* line after line, in the order of the values */
  char **note;                     /* what was left out, and why: for people */
  /* Set by the caller: what sweep_run calibrates on, and what people call it. */
  struct calibrated calibrated;
  struct batching batching;
  const char *data; /* other data; NULL: the tensor itself */
};

/* What a kind of sweep is called ("bits"), and whether its values are names that have no place on
 * an axis of numbers. */
const char *sweep_name(const struct sweep *sweep);
bool sweep_of_names(const struct sweep *sweep);
/* True when each point is a thing of its own, so that no line joins them: formats. */
bool sweep_of_points(const struct sweep *sweep);

/* Reads OVER and lays it over the quantizers. STATUS_USAGE: OVER is not understood, or no spec
 * takes any of its values. */
enum status sweep_plan(const char *over, const struct quantizer *quantizers, size_t count,
                       struct sweep **out, struct error *error);

/* Measures every row on TENSOR. STATUS_USAGE (axis), STATUS_CANCELLED, STATUS_MEMORY. */
enum status sweep_run(struct sweep *sweep, const struct tensor *tensor, struct progress *progress,
                      struct error *error);
void sweep_free(struct sweep *sweep);

/* The metrics that a sweep shows, in their order: names of metric_table. */
extern const char *const sweep_metrics[];
extern const size_t sweep_metrics_length;

/* The name of line I for a legend: its spec without what the sweep replaces. TEXT has
 * QUANTIZER_TEXT bytes. */
char *sweep_label(const struct sweep *sweep, size_t line, char *text);

/* The sweep for machines. */
void sweep_json(const struct sweep *sweep, const char *source, const struct tensor *tensor,
                FILE *out);
void sweep_csv(const struct sweep *sweep, const char *source, const struct tensor *tensor,
               FILE *out);

#endif
