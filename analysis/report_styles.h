/* The three styles of the report, for analysis/report.c alone.
 *
 * Ownership: borrows; report_json returns a new reference, report_page_free frees the page.
 * Threads: one at a time. */
#ifndef QSCOPE_ANALYSIS_REPORT_STYLES_H
#define QSCOPE_ANALYSIS_REPORT_STYLES_H

#include "analysis/report.h"
#include "analysis/verdict.h"

#include <jansson.h>

/* The scale, zero point and range that a result has as single numbers: those of the only unit of
 * a per-tensor quantizer. NaN elsewhere. */
struct report_unit {
  double scale, zero_point, lo, hi;
};
struct report_unit report_unit(const struct result *result);

/* "static" (calibrated before) or "dynamic" (made at run time); empty where nothing was calibrated
 * beforehand. */
const char *report_ranges(const struct report_entry *entry);

/* Batches that static quantizers were calibrated on. */
size_t report_batches(const struct report_entry *entry);

/* A remark on the stored type, NULL when there is none. */
const char *report_note(const struct tensor *tensor);

enum { REPORT_OUTLIERS = 8 };

/* Outlier channels worth naming: at most REPORT_OUTLIERS, 0 where there is one channel. */
size_t report_outliers(const struct result *result);

/* What the report adds to an entry: why its error is what it is, and how it compares with the first
 * quantizer of the same tensor. */
struct report_judgement {
  struct evidence evidence;
  const char *first; /* the spec of the first; NULL: this is the first */
  struct verdict pair;
};

json_t *report_json(const struct report_entry *entry, const struct report_judgement *judgement);

void report_csv_heading(FILE *out);
void report_csv_row(FILE *out, const struct report_entry *entry,
                    const struct report_judgement *judgement);

/* Results of one tensor that will stand side by side. */
struct report_page;
struct report_page *report_page_new(void);
void report_page_free(struct report_page *page);
/* Prints what is there first when ENTRY is another tensor or does not fit beside it. False when
 * memory runs out. */
bool report_page_add(struct report_page *page, const struct report_entry *entry,
                     const struct report_judgement *judgement, FILE *out);
void report_page_print(struct report_page *page, FILE *out);

#endif
