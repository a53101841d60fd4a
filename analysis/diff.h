/* The error of one tensor against another, whatever the two are stored as: A is the reference, x
 * of the definitions in metrics.h, and B is y.
 *
 * One pass over both side by side (one more for the histograms), block by block on the worker pool,
 * sums in a fixed order. Of the metrics those are known that need no quantizer: mse, rmse, sqnr_db,
 * max_abs_error, mean_error, cosine, zero_rate, overflow_rate, the channels' SQNR,
 * bits_per_element (of B); the others are NaN.
 *
 * Ownership: diff_compute returns a diff that the caller frees; it does not refer to the tensors
 * afterwards. Threads: diff_compute may run on any thread; a finished diff is immutable. */
#ifndef QSCOPE_ANALYSIS_DIFF_H
#define QSCOPE_ANALYSIS_DIFF_H

#include "analysis/grid.h"
#include "analysis/histogram.h"
#include "analysis/metrics.h"
#include "analysis/result.h"
#include "data/tensor.h"
#include "quant/base/pool.h"

enum { DIFF_WORST = 3, DIFF_TEXT = 256 };

/* How the elements of B lie, seen from A. */
enum arrangement_kind {
  ARRANGED_ALIKE,
  ARRANGED_TRANSPOSED,
  /* llama.cpp keeps the rows of query and key matrices in the order in which its rotary embedding
   * pairs them: rows i and i + d/2 of each head of d rows become rows 2i and 2i + 1. */
  ARRANGED_ROPE,      /* B is in that order, A in the checkpoint's */
  ARRANGED_ROPE_BACK, /* the other way round */
};

struct arrangement {
  enum arrangement_kind kind;
  size_t heads; /* ARRANGED_ROPE, ARRANGED_ROPE_BACK */
};

struct diff_channel {
  size_t channel;
  double sqnr_db, mse;
};

struct diff {
  uint64_t count;
  struct metrics metrics;
  struct channels channels;              /* of A along the axis; without scales; none when brief */
  struct diff_channel worst[DIFF_WORST]; /* the lowest SQNR first */
  size_t worst_count;                    /* those whose SQNR is known and finite */
  struct extremes a, b;                  /* of each by itself */
  uint64_t lost, found;                  /* finite in A only; in B only */
  uint64_t differing;            /* values with other bits, two NaNs being one; 0: identical */
  double signal2, error2;        /* the sums: totals over several tensors add them */
  double a_bits, b_bits;         /* stored bits per element */
  struct arrangement compared;   /* how the two were laid over each other */
  struct arrangement suggested;  /* how they would agree, when that is not how they were compared */
  struct on_grid a_grid, b_grid; /* when asked for */
  struct histogram a_histogram, b_histogram; /* same edges; bins 0 unless asked for */
  double *error_mean, *error_max; /* of |x - y|, by the bins of A; NaN where there is none */
};

struct diff_request {
  int axis;      /* channels of A along this axis; negative: from the end */
  bool align;    /* lay B over A as they agree, where that is not as they are */
  bool brief;    /* of the channels keep the worst alone: a model has millions */
  bool grids;    /* find the grids on which the tensors lie (a few milliseconds, seldom a pass) */
  size_t bins;   /* of the histograms; 0: none wanted */
  double lo, hi; /* their range; NaN: both tensors' */
};

/* True when B can be compared with A: the same shape (axes of length 1 do not count), or the
 * transposed one and align. TRANSPOSED (may be NULL): B has the shape of A's transpose, and it is
 * no square. */
bool diff_shapes_fit(const struct tensor *a, const struct tensor *b, bool align, bool *transposed);

/* Compares B with A; both are loaded. STATUS_USAGE where the shapes do not fit or there is no such
 * axis, STATUS_CANCELLED, STATUS_MEMORY. Counts progress in elements of A. */
enum status diff_compute(const struct tensor *a, const struct tensor *b,
                         const struct diff_request *request, struct progress *progress,
                         struct diff **out, struct error *error);
void diff_free(struct diff *diff);
/* Makes it brief: channels and histograms are dropped. */
void diff_shorten(struct diff *diff);

/* What is to be said of a comparison besides its numbers ("identical", "B is transposed: ...",
 * counts of NaN that do not agree, grids), into TEXT; "" for most. */
char *diff_remark(const struct diff *diff, char *text, size_t size);

/* "transposed", "rope order, 32 heads"; "" for ARRANGED_ALIKE. */
char *arrangement_print(struct arrangement arrangement, char *text, size_t size);

#endif
