/* The numbers that a format has, as view K lays them on a line: the positive ones, each as a share
 * of the largest, whatever the scale.
 *
 * Ownership: format_numbers_of allocates `value`, which the caller frees. Threads: none needed. */
#ifndef QSCOPE_ANALYSIS_FORMAT_NUMBERS_H
#define QSCOPE_ANALYSIS_FORMAT_NUMBERS_H

#include "quant/quantizer.h"

#include <stdbool.h>
#include <stddef.h>

struct format_numbers {
  size_t count;  /* 0: the format has no numbers of its own */
  double *value; /* ascending, at scale 1; of unsigned codes 1, 2 ... as far as the levels go */
};

/* False when memory runs out. */
bool format_numbers_of(const struct quantizer *quantizer, struct format_numbers *out);

/* The place of the number that is nearest to SHARE (above 0) of the largest, as a ratio; there is
 * one. And the share that the number at PLACE is. */
size_t format_number_near(const struct format_numbers *numbers, double share);
double format_share(const struct format_numbers *numbers, size_t place);

/* What is known of the number of the last of COUNT quantizers that is nearest to SHARE: its code,
 * the next one and what both are in the data (with SCALE; NaN: there are several scales), and how
 * wide the steps of the others are beside its own there, all with the same largest number. "" where
 * it has no number, or memory runs out. */
char *format_readout(const struct quantizer *quantizers, size_t count, double share, double scale,
                     char *text, size_t size);

#endif
