/* The kinds of sweep, one row each: what is swept over, which values it takes, and how a value
 * edits a spec. Internal to the sweep.
 *
 * Ownership: the table is constant. Threads: no state. */
#ifndef QSCOPE_ANALYSIS_SWEEP_KINDS_H
#define QSCOPE_ANALYSIS_SWEEP_KINDS_H

#include "analysis/facts.h"
#include "analysis/spec_edit.h"
#include "analysis/sweep.h"

/* Where the rows of a sweep stand on the x axis. */
enum sweep_axis {
  SWEEP_AXIS_BITS,   /* at their stored bits per element */
  SWEEP_AXIS_VALUES, /* at the values, which are numbers; logarithmic */
  SWEEP_AXIS_NAMES,  /* one place for each value */
  SWEEP_AXIS_PAPR,   /* at peak over RMS of their data, in dB */
};

/* A quantizer that is worth a line beside BASE; false when there is none. */
typedef bool sweep_companion(const struct quantizer *base, struct quantizer *out);

sweep_companion sweep_other_scheme; /* symmetric or not */
sweep_companion sweep_mse;          /* the least error instead of the extremes, and back */
sweep_companion sweep_other_grain;  /* a scale for each channel; then for each group */
sweep_companion sweep_narrower;     /* a bit less */
sweep_companion sweep_wider;        /* a bit more */
sweep_companion sweep_other_width;  /* 4 bits, or 8 */
sweep_companion sweep_integers;     /* 4 bits, of what has no width to change */
sweep_companion sweep_int8, sweep_e4m3, sweep_e5m2;

enum { SWEEP_COMPANIONS = 5 };

struct sweep_kind {
  const char *name, *about;
  const char *standard; /* values when none are given; NULL: every name of the table */
  double least, most;   /* of numbers; names: 0, 0 */
  bool whole;           /* whole numbers only */
  /* The number that follows AT in LO:HI. */
  double (*next)(double at);
  enum status (*names)(struct sweep *sweep, struct error *error);
  spec_word_test *replaced; /* words that have no place in the label of a line */
  const char *any;          /* what stands for the format in it; NULL: the format stays */
  enum status (*edit)(const struct quantizer *base, const char *value, struct quantizer *out,
                      struct error *error);
  enum sweep_axis axis;
  const char *axis_label; /* of SWEEP_AXIS_VALUES and _NAMES */
  bool points;            /* each row is a thing of its own: no line joins them */
  bool shows_values;      /* beside the points: the axis does not tell */
  bool elsewhere;         /* values are data that the spec is tried on, beside the tensor */
  sweep_companion *companions[SWEEP_COMPANIONS]; /* of a single quantizer; the rest: NULL */
};

extern const struct sweep_kind sweep_kinds[];
extern const size_t sweep_kinds_length;

/* The data of a value, while its rows are measured. */
struct sweep_data {
  size_t value;
  struct source *source; /* with one tensor, loaded; NULL: none */
  struct facts facts;
  struct digest *digest; /* NULL where it has none */
};

/* Makes DATA that of VALUE; nothing to do when it is. STATUS_CANCELLED, STATUS_MEMORY. */
enum status sweep_data_open(struct sweep_data *data, const struct sweep *sweep, size_t value,
                            struct progress *progress, struct error *error);
void sweep_data_close(struct sweep_data *data);
enum status sweep_edit_distribution(const struct quantizer *base, const char *value,
                                    struct quantizer *out, struct error *error);

/* Reads OVER ("bits=2:8") into the kind and the values of SWEEP. */
enum status sweep_read(struct sweep *sweep, const char *over, struct error *error);

#endif
