/* What if: the changes people try against an outlier channel, each measured on the tensor. A row of
 * the table changes the transform or the quantizer, never both; the other one stays as it is.
 *
 * What is said of a row is what a report of the tensor under that quantizer and transform says:
 * nothing is estimated. Ownership: plain values; the case is borrowed. Threads: what_if_measure may
 * run on any thread and is itself parallel. */
#ifndef QSCOPE_ANALYSIS_WHAT_IF_H
#define QSCOPE_ANALYSIS_WHAT_IF_H

#include "analysis/result.h"
#include "data/transform.h"

enum { WHAT_IF_MOST = 8, WHAT_IF_CHANNELS = 4 };

/* The present state. */
struct what_if_case {
  const struct tensor *original; /* before the transform; loaded */
  struct quantizer quantizer;
  struct transform transform;
  int axis;                    /* of the channels */
  const struct facts *facts;   /* of the original, or NULL */
  const struct digest *digest; /* the same; read only when the facts are given */
  struct calibrated calibrated;
};

struct what_if {
  const char *name; /* "smooth" */
  const char *what; /* "divide each channel by the root of its absmax" */
  const char *why;  /* one line: when it helps */
  /* Changes the copies of what the case has; NULL, or the reason why that makes no sense. */
  const char *(*change)(const struct what_if_case *now, struct quantizer *quantizer,
                        struct transform *transform);
};
extern const struct what_if what_if_table[];
extern const size_t what_if_table_length; /* at most WHAT_IF_MOST */
const struct what_if *what_if_find(const char *name);

struct what_if_answer {
  bool possible;
  char why_not[160];          /* where it is not */
  struct quantizer quantizer; /* what it means; */
  struct transform transform;
  double sqnr_db, mse, bits_per_element;
};

/* The case of RESULT, which was computed from TENSOR as REQUEST says. */
struct what_if_case what_if_case_of(const struct tensor *tensor, const struct result *result,
                                    const struct result_request *request);

/* Measures row WHAT. What cannot be done is an answer, too. STATUS_CANCELLED, STATUS_MEMORY. */
enum status what_if_measure(const struct what_if *what, const struct what_if_case *now,
                            struct progress *progress, struct what_if_answer *out,
                            struct error *error);

/* What ANSWER changes, as it is written on a command line: "--transform smooth=0.5", "-q int8,...".
 * Into TEXT; returns it. */
enum { WHAT_IF_TEXT = QUANTIZER_TEXT + TRANSFORM_TEXT };
char *what_if_print(const struct what_if_answer *answer, const struct what_if_case *now,
                    char text[WHAT_IF_TEXT]);

/* The answers to all rows, in the order of the table. */
struct what_ifs {
  struct what_if_case now;
  double sqnr_db; /* the present one */
  struct what_if_answer answer[WHAT_IF_MOST];
};
enum status what_ifs_measure(const struct tensor *tensor, const struct result *result,
                             const struct result_request *request, struct progress *progress,
                             struct what_ifs *out, struct error *error);

#endif
