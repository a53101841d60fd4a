/* The built-in experiments: a widespread claim, a question, a prepared state to turn the knobs of,
 * and the answer, which is measured afresh from synthetic tensors.
 *
 * Ownership: the table is constant; answers are plain values. Threads: experiment_run may run on
 * any thread and is itself parallel. */
#ifndef QSCOPE_ANALYSIS_EXPERIMENT_H
#define QSCOPE_ANALYSIS_EXPERIMENT_H

#include "quant/base/pool.h"
#include "quant/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct result;
struct layer_trial;

enum { EXPERIMENT_ROWS = 40 };

/* One measured number and what it has to be for the conclusion to hold. */
struct experiment_row {
  const char *label;
  const char *source, *spec; /* NULL: those of the row before; of a layer: see exp_layer.h */
  const char *metric;        /* of metric_table or experiment_measures; NULL: a difference */
  double least, most;        /* the conclusion holds when every value lies between these */
  size_t a, b;               /* a difference: of the values of these rows, counted from 0 */
};

struct experiment {
  const char *name, *title;
  const char *claim;    /* what is often said */
  const char *question; /* to be answered by turning the knobs */
  const char *recipe;   /* the state that it begins with */
  const char *weight;   /* the synthetic weight of rows about a layer; else NULL */
  const char *see;      /* where to look, and what is to be seen */
  const char *answer;   /* what the numbers say of the claim */
  size_t rows;
  const struct experiment_row *row;
};
extern const struct experiment *const experiment_table[];
extern const size_t experiment_table_length;
const struct experiment *experiment_find(const char *name);

/* What a row measures beside the metrics: of values X and their reconstruction Y, or of a method
 * that was run on a layer. */
struct measured {
  const float *x, *y; /* y: NULL unless asked for */
  size_t count, columns;
  const struct result *result;
  const struct layer_trial *trial; /* NULL unless the row is about a layer */
  double parameter;
};

enum measure_needs {
  NEEDS_X,
  NEEDS_Y,           /* and x */
  NEEDS_RUN,         /* of a method on a layer, and nothing else */
  NEEDS_CALIBRATION, /* its numbers on the tokens that it has learned from */
  NEEDS_HELD_OUT,    /* its numbers on the others */
};

struct experiment_measure {
  const char *name, *label, *unit;
  double (*value)(const struct measured *measured);
  double parameter;
  enum measure_needs needs;
};
extern const struct experiment_measure experiment_measures[];
extern const size_t experiment_measures_length;

struct experiment_answer {
  double value[EXPERIMENT_ROWS];
  bool within[EXPERIMENT_ROWS];
  bool holds; /* all of them */
};

/* How many tensors EXPERIMENT quantizes: what RUN counts of progress, besides elements. */
size_t experiment_states(const struct experiment *experiment);

/* Measures every row. STATUS_CANCELLED, STATUS_MEMORY; STATUS_USAGE for a row that cannot be
 * measured, which a test rules out. */
enum status experiment_run(const struct experiment *experiment, struct progress *progress,
                           struct experiment_answer *answer, struct error *error);

/* The value of ROW as people read it. */
char *experiment_print(const struct experiment *experiment, size_t row, double value, char *text,
                       size_t size);
/* What it has to be: "31.10 dB to 31.90 dB", "at least 2.00 dB"; empty: anything. */
char *experiment_bounds(const struct experiment *experiment, size_t row, char *text, size_t size);

/* "metric" in JSON: the name of ROW's metric or measure, of a difference that of its first row. */
const char *experiment_metric(const struct experiment *experiment, size_t row);

/* Claim, question, recipe, rows, answer and whether it holds; ANSWER may be NULL: not measured. */
void experiment_json(const struct experiment *experiment, const struct experiment_answer *answer,
                     FILE *out);
/* All of them, without answers. */
void experiments_json(FILE *out);

#endif
