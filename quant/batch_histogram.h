/* Histograms as the calibrators of NVIDIA and ONNX Runtime collect them: binned over the range of
 * the first batch, and grown by whole bins when a later batch reaches further. Which bin a value
 * on an edge falls into follows the arithmetic of the library that each of them uses.
 *
 * Ownership: batch_histogram_make allocates, batch_histogram_free frees. Threads: immutable once
 * made; the counting is parallel for large samples. */
#ifndef QSCOPE_QUANT_BATCH_HISTOGRAM_H
#define QSCOPE_QUANT_BATCH_HISTOGRAM_H

#include "quant/base/status.h"
#include "quant/sample.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_MOST = 1 << 15 }; /* bins; one that would grow further starts over: see make */

enum batch_histogram_rule {
  HISTOGRAM_TORCH,      /* |x| over 0..max as torch.histc counts (pytorch-quantization) */
  HISTOGRAM_NUMPY,      /* |x| over min|x|..max|x| as numpy.histogram does (the same, numpy) */
  HISTOGRAM_MAGNITUDES, /* like NUMPY, with edges kept as float32 (ONNX Runtime, symmetric) */
  HISTOGRAM_SIGNED,     /* x over -t..t, t = max |x|; grows on both sides (ONNX Runtime) */
};

struct batch_histogram {
  enum batch_histogram_rule rule;
  size_t bins;
  double reach;    /* upper end before rounding to float32 */
  double *edge;    /* bins + 1, ascending; float32 values except those that NUMPY added */
  uint64_t *count; /* of each bin; what later batches have below the first edge is lost */
};

/* Counts the batches of SAMPLE in order, the first in BINS (1 or more) bins. Batches of zeros alone
 * wait for the first that has a range. When the batches differ so much that more than
 * HISTOGRAM_MOST bins would be needed, they are counted as one batch instead. STATUS_MEMORY,
 * STATUS_CANCELLED. */
enum status batch_histogram_make(struct batch_histogram *out, const struct sample *sample,
                                 enum batch_histogram_rule rule, size_t bins, struct error *error);
void batch_histogram_free(struct batch_histogram *histogram);

/* First bin at which the running sum of shares, numpy.cumsum(count / total), reaches SHARE; bins
 * when rounding keeps it below. */
size_t batch_histogram_reach(const struct batch_histogram *histogram, double share);

/* Mean and standard deviation of the bin centres; of sign(c) * |c|^(1/3) with ROOTS. */
void batch_histogram_moments(const struct batch_histogram *histogram, bool roots, double *mean,
                             double *std);

#endif
