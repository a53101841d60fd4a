/* One pass over a tensor and its reconstruction, or another tensor, block by block, in parallel.
 *
 * The tensor is cut into spans: whole chunks in storage order, their number fixed by the size of
 * the tensor alone. A span is walked by one thread from front to back, so a sum kept for each span
 * and merged in span order does not depend on the number of threads; and there are few enough
 * spans that each can keep a table of its own. Integer counters need no such care: they may be
 * kept for each worker. Ownership: borrows everything. Threads: the block function runs on
 * several threads at once, each span on one. */
#ifndef QSCOPE_ANALYSIS_PASS_H
#define QSCOPE_ANALYSIS_PASS_H

#include "quant/base/pool.h"
#include "quant/base/status.h"
#include "quant/feed.h"
#include "quant/quantizer.h"

#include <stdbool.h>
#include <stddef.h>

/* The least and the greatest value that some unit can represent; nothing while LO > HI. */
struct ranges {
  double lo, hi;
};

struct pass {
  const struct feed *feed;
  const struct fit *fit;    /* makes the reconstruction; or: */
  struct fit *waiting;      /* the same, while its scales wait for the blocks of this pass */
  struct ranges *ranges;    /* of FIT's units, where it is on demand, if wanted */
  const struct feed *other; /* is what the tensor is compared with; as many elements */
  size_t spans;             /* from pass_spans */
  bool codes;               /* the blocks need codes, too */
  bool bare;                /* neither reconstruction nor codes: the block function makes its own */
  bool lost;                /* the blocks show elements that overflowed as they are */
  struct progress *progress;
};

struct pass_block {
  size_t span;
  unsigned worker;
  const struct fit *fit; /* that of the pass, or a part of it that serves this block */
  size_t start, n;       /* elements start..start+n-1 of the tensor, n <= FEED_BLOCK */
  const float *x, *y;    /* an x whose reconstruction is not finite is NaN here, see pass.c; not
                            so where y is another tensor: pass_without_lost */
  size_t lost;           /* finite elements that became infinite or NaN (overflow=nonfinite) */
  const uint16_t *codes; /* NULL unless asked for */
};

/* Number of spans for COUNT elements: at most MOST (at least 1), 0 for an empty tensor. */
size_t pass_spans(size_t count, size_t most);

/* Elements *start..*end-1 of SPAN. */
void pass_span(const struct pass *pass, size_t span, size_t *start, size_t *end);

/* Calls BLOCK for every block. Polls the cancel flag and counts progress at each.
 * STATUS_CANCELLED, STATUS_MEMORY. */
enum status pass_run(const struct pass *pass,
                     void (*block)(void *context, const struct pass_block *block), void *context);

/* X with NaN where a finite number became infinite or NaN: what has no error has no place in the
 * sums. Into SCRATCH (N floats), which it returns; counts them in *lost. */
const float *pass_without_lost(const float *x, const float *y, size_t n, float *scratch,
                               size_t *lost);

#endif
