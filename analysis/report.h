/* The report: the numbers of results as JSON, CSV or text.
 *
 * Keys and meaning as DESIGN and metrics.h state them; null where a number does not exist;
 * doubles with the 17 digits that read back exactly. Ownership: borrows. Threads: one at a time. */
#ifndef QSCOPE_ANALYSIS_REPORT_H
#define QSCOPE_ANALYSIS_REPORT_H

#include "analysis/checks.h"
#include "analysis/drift.h"
#include "analysis/grid.h"
#include "analysis/result.h"
#include "analysis/theory_fit.h"
#include "analysis/what_if.h"

#include <stddef.h>
#include <stdio.h>

/* What static quantizers were calibrated on. */
struct report_calibration {
  struct batching batching;  /* cut along an axis */
  const char *data;          /* other data, as the user named it; NULL: the tensor itself */
  size_t batches;            /* of other data */
  const struct drift *drift; /* of other data: what the quantizer costs there */
};

/* Distributions fitted to the tensor, and what each predicts of the quantizer. */
struct report_theory {
  struct theory_fits fits;
  struct theory_prediction prediction[THEORY_FITS];
};

struct report_entry {
  const char *source;
  const struct tensor *tensor;
  const struct result *result;
  const struct report_calibration *calibration; /* NULL: the tensor in one piece */
  const struct checks *checks;                  /* NULL: not asked for */
  const struct what_ifs *what_ifs;              /* the same */
  const struct report_theory *theory;           /* the same */
  const struct on_grid *grid; /* on which the tensor lies already; NULL: not looked for */
};

enum report_style { REPORT_TEXT, REPORT_JSON, REPORT_CSV };

/* Writers that take entries one by one, so that a long run can be read while it goes on. A JSON
 * report of one entry is an object, of several an array: COUNT announces how many will come. */
struct report;
struct report *report_begin(FILE *out, enum report_style style, size_t count);
enum status report_entry(struct report *report, const struct report_entry *entry,
                         struct error *error);
/* Finishes and frees. STATUS_OUTPUT when writing failed (full disk, closed pipe). */
enum status report_end(struct report *report, struct error *error);

#endif
