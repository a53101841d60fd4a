/* Numbers and names for machines: JSON and CSV as every part of the program writes them.
 *
 * Ownership: the json functions return new references. Threads: no state. */
#ifndef QSCOPE_ANALYSIS_EXPORT_H
#define QSCOPE_ANALYSIS_EXPORT_H

#include "data/tensor.h"

#include <jansson.h>
#include <stdio.h>

/* VALUE, or null when it is NaN or infinite. */
json_t *export_number(double value);

/* TEXT as it is when it is valid UTF-8, else escaped as for people (\xNN): JSON has no other way.
 */
json_t *export_text(const char *text);

/* {"spec": "smooth=0.5", "axis": 1} of what TENSOR is transformed with; NULL where it is not. */
json_t *export_transform(const struct tensor *tensor);

/* Writes ROOT, indented by two, with doubles that read back exactly; releases ROOT. Errors show
 * in ferror(OUT). */
void export_json(json_t *root, FILE *out);

/* The same as two cells with a comma before each, or the HEADING above them. */
void export_csv_transform(FILE *out, const struct tensor *tensor, bool heading);

/* A cell of comma-separated values: control characters and what reorders text escaped as for people
 * (\xNN), quoted where RFC 4180 asks for it. */
void export_csv_text(FILE *out, const char *text);
/* Empty when VALUE is NaN; "inf" and "-inf" otherwise where it is not finite. */
void export_csv_number(FILE *out, double value);

#endif
