/* A filter of tensors as people type it: words with blanks between them, which must all hold.
 *
 *   conv weight        letters of the name (fuzzy, see names.h), or a part of the stored type
 *   name:a*.weight     the name holds this; with * or ?, it is a pattern for the whole name
 *   dtype:bf16 role:embedding shape:768x*    type and role may be cut short; = wants all of it
 *   size>1M bytes<2G ndim:2                  elements, stored bytes; K M G T, Ki Mi Gi Ti
 *   absmax std kurtosis outlier sqnr         with < <= > >= : = !=
 *   !word              what does not hold
 *
 * Ownership: embedded. Threads: immutable once parsed. */
#ifndef QSCOPE_ANALYSIS_FILTER_H
#define QSCOPE_ANALYSIS_FILTER_H

#include "analysis/stats.h"
#include "quant/base/shape.h"

#include <stdbool.h>

enum { FILTER_TERMS = 24, FILTER_WORD = 256 };

enum filter_subject {
  FILTER_WORDS, /* a bare word */
  FILTER_NAME,
  FILTER_DTYPE,
  FILTER_ROLE,
  FILTER_SHAPE,
  FILTER_SIZE,
  FILTER_BYTES,
  FILTER_NDIM,
  FILTER_STAT, /* FILTER_STAT + a stat */
};

enum filter_relation { IS, EXACTLY, IS_NOT, BELOW, AT_MOST, ABOVE, AT_LEAST };

struct filter_term {
  enum filter_subject subject;
  enum stat stat;
  enum filter_relation relation;
  bool negated;
  double number;
  char text[FILTER_WORD];
};

struct filter {
  size_t terms;
  struct filter_term term[FILTER_TERMS];
  bool ranks; /* has bare words: matches have scores */
  bool asks_stats;
};

/* STATUS_USAGE with a sentence that names the word, its position (from 1) and the nearest right
 * one. */
enum status filter_parse(const char *text, struct filter *out, struct error *error);

enum filter_verdict { FILTER_FAILS, FILTER_PASSES, FILTER_PENDING };

/* Whether TENSOR passes. STATS (NULL: none are known, all are pending) of it; *score (may be
 * NULL): how well the bare words mean it. */
enum filter_verdict filter_test(const struct filter *filter, const struct tensor *tensor,
                                const struct stats *stats, int *score);

#endif
