/* Checks that engineers do by hand on a quantized tensor, each with its usual reading and what
 * measurement says of it; and assertions on any number of a report ("sqnr_db>=30").
 *
 * Gains are computed, not estimated: the tensor is quantized again under the changed quantizer, or
 * without the elements that are kept in 16 bits. Ownership: checks_free frees what checks_compute
 * allocated. Threads: checks_compute may run on any thread and is itself parallel. */
#ifndef QSCOPE_ANALYSIS_CHECKS_H
#define QSCOPE_ANALYSIS_CHECKS_H

#include "analysis/result.h"

enum { CHECKS_VALUES_PER = 1000, CHECKS_CODES_MOST = 256 };

/* NaN where a check has no meaning. */
struct checks {
  double utilisation;  /* high_code_rate of the metrics */
  double rail_rate;    /* of the metrics */
  double code_entropy; /* bits a code */
  double dead_codes;   /* share of the codes between the lowest and the highest that occur that
                          never do; of unused_codes: of all */
  double unused_codes;
  double flushed;                  /* zero_rate of the metrics */
  double asymmetry_gain_db;        /* SQNR under the asymmetric twin, less SQNR */
  double extra_bit_gain_db;        /* one bit (of the mantissa) more */
  double outlier_channels_gain_db; /* the 4 channels of the largest absmax (at most half of
                                      all) in 16 bits: what_if.h */
  double outlier_values_gain_db;   /* one value of CHECKS_VALUES_PER, the largest, in 16 bits */
  size_t channels_kept;
  uint64_t values_kept;
  /* How often each code occurs, in the order of the codes as they are saved; 0 codes where the
   * format has more than CHECKS_CODES_MOST. */
  size_t codes;
  double *code_value; /* at scale 1, the zero point not subtracted */
  uint64_t *code_count;
};

/* Checks RESULT, which was computed from TENSOR as REQUEST says; DIGEST of the tensor or NULL.
 * Measures the tensor up to four times more. STATUS_CANCELLED, STATUS_MEMORY. */
enum status checks_compute(const struct tensor *tensor, const struct result *result,
                           const struct result_request *request, struct progress *progress,
                           struct checks *out, struct error *error);
void checks_free(struct checks *checks);

struct check {
  const char *name, *label, *unit;
  const char *usual;   /* the usual reading */
  const char *why;     /* one line: what it means, what measurement says */
  double low, high;    /* the usual reading as a range */
  const char *outside; /* what to call a value beyond it */
  size_t offset;       /* of the value in struct checks */
};
extern const struct check check_table[];
extern const size_t check_table_length;

double check_value(const struct check *check, const struct checks *checks);
/* "usual", "n/a", or what the check calls a value outside its usual range. */
const char *check_verdict(const struct check *check, double value);
/* VALUE as people read it: "12.3 %", "5.97 dB". */
char *check_print(const struct check *check, double value, char *text, size_t size);

/* --- assertions ---------------------------------------------------------------------------- */

/* NAME OPERATOR NUMBER; NAME is a metric (metrics.h) or a check. A % behind the number divides it
 * by 100. */
struct assertion {
  const char *text; /* as written; borrowed */
  const struct metric *metric;
  const struct check *check; /* exactly one of both */
  int relation;              /* place in the list of operators */
  double limit;
};

/* STATUS_USAGE names what is wrong, and the nearest name. */
enum status assertion_parse(const char *text, struct assertion *out, struct error *error);

/* Whether ASSERTION holds for VALUE. */
bool assertion_accepts(const struct assertion *assertion, double value);

/* Whether ASSERTION holds for RESULT; *value is the number. A number that does not exist (NaN)
 * fails every assertion. CHECKS may be NULL when ASSERTION is on a metric. */
bool assertion_holds(const struct assertion *assertion, const struct result *result,
                     const struct checks *checks, double *value);

#endif
