/* A sweep: specs in which one word takes value after value, all measured on one tensor.
 *
 *   bits=2:8                 the width of integers, every one
 *   group=16,32,64           the length of groups; 16:256 doubles from one to the next
 *   block=16:256             the same, for formats that bring blocks and for specs with group=
 *   clip=0.05:1              the clip threshold as a share of the largest magnitude
 *   percentile=90:100        the share of the values that is not clipped: 90, 95, 98, 99, 99.5 ...
 *   calibrator               every calibrator, or those of calibrator=minmax,mse,percentile=99.9
 *   format                   every format, or those of format=int8,e4m3
 *   distribution             the same spec on synthetic tensors, from a low ratio of peak and RMS
 * to a high one, or on distribution=gaussian,student-t:nu=5; beside them the tensor itself
 *
 * LO:HI:STEP counts in steps of any length. A value that a spec cannot take is left out with a
 * note. A spec that takes none of them is measured once, as it stands, so that it can be compared
 * with those that do.
 *
 * The Pareto front is that of the metric against the stored bits per element, over all rows: a row
 * is on it unless another has no more bits and is no worse, and is better in one of the two. Of
 * rows that are equal in both the first is on it. Rows without the metric (no signal) never are; an
 * exact row has the best metric there is.
 *
 * Ownership: the plans return sweeps that the caller frees. Threads: sweep_run on any thread; it is
 * itself parallel. */
#ifndef QSCOPE_ANALYSIS_SWEEP_H
#define QSCOPE_ANALYSIS_SWEEP_H

#include "analysis/metrics.h"
#include "analysis/result.h"
#include "analysis/view.h"
#include "data/tensor.h"
#include "quant/quantizer.h"

#include <stdio.h>

enum { SWEEP_VALUES = 128, SWEEP_VALUE_TEXT = 64 };

enum { SWEEP_NO_ROW = -1 };

enum sweep_state { SWEEP_WAITING, SWEEP_DONE, SWEEP_LEFT_OUT };

struct sweep_row {
  size_t line;  /* which of the specs */
  size_t value; /* which of the values; meaningless for a line that takes none */
  bool fixed;   /* the spec as it stands, on the tensor itself */
  struct quantizer quantizer;
  enum sweep_state state;
  size_t note; /* SWEEP_LEFT_OUT: the note that says why */
  bool pareto;
  double predicted_sqnr_db; /* by the best fitting distribution; NaN where it says nothing */
  struct metrics metrics;   /* without details (relative errors, KL) and channels */
};

struct sweep_kind;
struct standing;

struct sweep {
  const struct sweep_kind *kind;
  bool theory;              /* predict, too: set before sweep_run */
  enum sweep_metric metric; /* what the front is of: set before sweep_run, or sweep_rank */
  /* Lines whose names are told in full; those behind them are compared with the first. */
  size_t given;
  size_t values, lines, rows, notes;
  size_t done;  /* rows that are not waiting */
  long present; /* the row of the quantizer that people have; SWEEP_NO_ROW: unknown */
  char (*value)[SWEEP_VALUE_TEXT]; /* "16", "percentile=99.9" */
  struct quantizer *line;          /* the specs as they were given */
  struct sweep_row *row;           /* line after line, in the order of the values */
  size_t *rank;                    /* row numbers: the best first, what is not measured last */
  struct standing *standing;       /* room to rank in */
  char **note;                     /* what was left out, and why: for people */
  /* Set by the caller: what sweep_run calibrates on, and what people call it. */
  struct calibrated calibrated;
  struct batching batching;
  const char *data; /* other data; NULL: the tensor itself */
};

/* What a kind of sweep is called ("bits"). */
const char *sweep_name(const struct sweep *sweep);

/* What a view sweeps over unless it is told: the bits of integers, formats in place of others. */
const char *sweep_over_default(const struct quantizer *quantizer);
/* The kind of sweep that comes BY places behind the one that OVER names, in a ring: what to sweep
 * over, with the usual values. */
const char *sweep_over_next(const char *over, int by);

/* The name of kind I, and in a few words what it changes; NULL behind the last. */
const char *sweep_over_at(size_t i, const char **about);
/* The values that kind I has when none are given ("2:8"); NULL: all names of a table. */
const char *sweep_over_values(size_t i);
/* STATUS_USAGE: nobody could sweep over OVER. */
enum status sweep_over_check(const char *over, struct error *error);

/* Reads OVER and lays it over the quantizers. STATUS_USAGE: OVER is not understood, or no spec
 * takes any of its values. */
enum status sweep_plan(const char *over, const struct quantizer *quantizers, size_t count,
                       struct sweep **out, struct error *error);

/* The same for people who look at COUNT quantizers, of which the last is what they have: its line
 * is the first, and it is a row even when it is none of the values; and a single one gets
 * companions, lines that differ from it in one word, as many as teach something. */
enum status sweep_plan_view(const char *over, const struct quantizer *quantizers, size_t count,
                            struct sweep **out, struct error *error);

/* Told before each row, and at the end; the sweep may be copied, and is not finished. */
typedef void sweep_news(void *context, const struct sweep *sweep);

struct sweep_request {
  const struct facts *facts;   /* of the tensor, when known; else NULL */
  const struct digest *digest; /* the same */
  sweep_news *news;            /* may be NULL */
  bool at_once;                /* without what takes a pass where a digest has the rest: channels */
  /* Metrics of a row that were measured before; and those that were measured now. May be NULL. */
  bool (*recall)(void *context, const struct quantizer *quantizer, struct metrics *out);
  void (*keep)(void *context, const struct quantizer *quantizer, const struct metrics *metrics);
  void *context;
};

/* Measures every row that waits on TENSOR (loaded), in their order; REQUEST may be NULL. What does
 * not fit the tensor is left out with a note. STATUS_USAGE (nothing fits), STATUS_CANCELLED (what
 * was measured stays, and another run goes on), STATUS_MEMORY. */
enum status sweep_run(struct sweep *sweep, const struct tensor *tensor,
                      const struct sweep_request *request, struct progress *progress,
                      struct error *error);
void sweep_free(struct sweep *sweep);
/* NULL when memory runs out. */
struct sweep *sweep_copy(const struct sweep *sweep);

/* Ranks by another metric, and marks the rows of the front. */
void sweep_rank(struct sweep *sweep, enum sweep_metric metric);
/* The name of the metric in metric_table, and its value for ROW. */
const char *sweep_metric_name(enum sweep_metric metric);
double sweep_metric_value(enum sweep_metric metric, const struct sweep_row *row);
/* True when A is better than B; what exists is better than what does not. */
bool sweep_better(enum sweep_metric metric, const struct sweep_row *a, const struct sweep_row *b);
/* In one sentence: what is better than the present quantizer at no more bits, or that nothing is;
 * empty while nobody knows. */
char *sweep_verdict(const struct sweep *sweep, char *text, size_t size);
/* In one sentence: what ROW is, and what it has more or less than the present one, for how many
 * bits. */
char *sweep_describe(const struct sweep *sweep, const struct sweep_row *row, char *text,
                     size_t size);
/* The metric of that name; false when a sweep cannot rank by it. */
bool sweep_metric_find(const char *name, enum sweep_metric *out);

/* True when ROW is not of the tensor, but of the data that its value is. Such a row is never on the
 * front, and nothing is said to be better because of it. */
bool sweep_is_elsewhere(const struct sweep *sweep, const struct sweep_row *row);

/* VALUE for people, into TEXT of SWEEP_VALUE_TEXT bytes: "student-t 5". */
char *sweep_value_label(const struct sweep *sweep, size_t value, char *text);

/* What tells ROW from the others: its quantizer, with the value in front where that is data; and
 * the row that is called so, or sweep->rows. TEXT has SWEEP_NAME bytes. */
enum { SWEEP_NAME = QUANTIZER_TEXT + SWEEP_VALUE_TEXT };
char *sweep_row_name(const struct sweep *sweep, const struct sweep_row *row, char *text);
/* The same for a table: of data the value, or that it is this tensor, and the line for a legend. */
char *sweep_row_label(const struct sweep *sweep, const struct sweep_row *row, char *text);
/* STATUS_USAGE: NAME has no quantizer, or there is no such row. */
enum status sweep_row_find(const struct sweep *sweep, const char *name, size_t *row,
                           struct error *error);

/* The metrics that a sweep shows, in their order: names of metric_table. */
extern const char *const sweep_metrics[];
extern const size_t sweep_metrics_length;

/* True when a line takes none of the values. */
bool sweep_line_is_fixed(const struct sweep *sweep, size_t line);

/* The name of line I for a legend: its spec without what the sweep replaces; in a view, behind the
 * first line, only what that has not. TEXT has QUANTIZER_TEXT bytes. */
char *sweep_label(const struct sweep *sweep, size_t line, char *text);

/* The sweep for machines. */
void sweep_json(const struct sweep *sweep, const char *source, const struct tensor *tensor,
                FILE *out);
void sweep_csv(const struct sweep *sweep, const char *source, const struct tensor *tensor,
               FILE *out);

#endif
