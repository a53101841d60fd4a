/* Names of tensors as people read them: their levels, and how well a few letters mean them (their
 * order is quant/base/name_order.h's).
 *
 * Ownership: nothing allocates. Threads: no state. */
#ifndef QSCOPE_ANALYSIS_NAMES_H
#define QSCOPE_ANALYSIS_NAMES_H

#include "quant/base/name_order.h"

#include <stddef.h>

/* Bytes that A and B have in common up to and including their last common separator; of their
 * first LEVELS separators. */
size_t name_common(const char *a, const char *b, unsigned levels);

/* How well PATTERN means NAME: 0 when its letters do not occur in NAME in this order; more is
 * better. The pattern in one piece counts most, then letters at the start of a word and letters in
 * a row; of equals the shorter name is better. Case does not matter. */
int name_score(const char *pattern, const char *name);

#endif
