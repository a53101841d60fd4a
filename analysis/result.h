/* A result: metrics, histograms and per-channel numbers of one tensor under one quantizer.
 *
 * Ownership: result_compute returns a result that the caller frees; it copies what it needs
 * and does not refer to the tensor afterwards. Threads: result_compute may run on any thread
 * and is itself parallel; a finished result is immutable. */
#ifndef QSCOPE_ANALYSIS_RESULT_H
#define QSCOPE_ANALYSIS_RESULT_H

#include "analysis/board.h"
#include "analysis/facts.h"
#include "analysis/heat.h"
#include "analysis/histogram.h"
#include "analysis/inspect.h"
#include "analysis/metrics.h"
#include "analysis/spread.h"
#include "data/batches.h"
#include "data/tensor.h"
#include "quant/high_digest.h"
#include "quant/quantizer.h"

#include <stdbool.h>

/* A tensor whose channels would be single elements (one dimension, a column) has them up to this
 * many; a longer one is a single channel. */
enum { RESULT_SINGLES_MOST = 65536 };
/* More channels than these are a single channel, too: their numbers would fill the memory. */
enum { RESULT_CHANNELS_MOST = 1 << 19 };
enum { RESULT_BINS_MOST = 1 << 20 };
/* Scales (and packed blocks) that take more bytes than these are not kept, but made again wherever
 * they are used. */
enum { RESULT_KEEP = 128 << 20 };

/* Numbers of one channel of the chosen axis. */
struct channel {
  double absmax,
      scale; /* scale: of the unit, when each channel has one or all share it; else NaN */
  double mse, sqnr_db, clip_rate;
  double ratio; /* absmax / the median channel's absmax */
  uint64_t finite;
};

struct channels {
  unsigned axis; /* 0-based */
  size_t count;
  struct channel *channel;
  double median_absmax;
  struct spread absmax, sqnr_db; /* worked out once: figures are made anew at each knob */
  bool share_scales; /* some scale of the quantizer serves elements of several channels */
  size_t *by_ratio;  /* channel numbers, largest ratio first: the outlier list */
};

struct result;

struct result_request {
  int axis;       /* channels along this axis; negative counts from the end */
  size_t bins;    /* of the histograms, at most RESULT_BINS_MOST; 0: none wanted */
  double lo, hi;  /* their range; NaN: the data's (symmetric about 0 for sym schemes) */
  bool no_errors; /* the histogram of the error and the errors by bin may be left out */
  /* Of the metrics only what errors and channels tell: mse, rmse, sqnr_db, max_abs_error,
   * clip_rate, rounding_mse, clipping_mse, overflow_rate, those of the channels, papr,
   * bits_per_element. The others may be missing, and the pass is shorter. Not with bins, details, a
   * board. */
  bool errors_only;
  bool details;                /* also relative errors, KL (two more passes) */
  bool blocks;                 /* also the error of each block (one more) */
  bool board;                  /* also the calibrator board (many) ... */
  long unit;                   /* ... of this unit; negative: the one with the largest magnitude */
  bool theory;                 /* of the board: the predicted curve, too */
  struct heat_request heat;    /* also a heat map, where cells are asked for (one more) */
  bool checks;                 /* also the checks (the tensor again, five times) */
  const struct facts *facts;   /* when already known for this tensor; else NULL */
  const struct digest *digest; /* the same; read only when the facts are given */
  const struct histogram *original; /* of this tensor's values, for where its bins are wanted */
  struct calibrated calibrated;
  const struct extremes *extremes; /* see struct batch: of the tensor that this is a sample of */
  bool keep_nothing;               /* as if that were 0: what is measured is the same */
  bool timed; /* scales are chosen by themselves, so that fit_seconds tells how long that takes */
  /* What takes a pass where a digest of the tensor answers everything else (the channels and their
   * metrics, the blocks) is left out: the answer is there at once, and is partial. */
  bool at_once;
  /* Hears all numbers of the result before the pass for the histograms, where there is one: they
   * are missing, and so is what else is asked for. On the thread of the caller; it copies what it
   * needs. Not called for transformed tensors. */
  void (*news)(void *context, const struct result *numbers);
  void *context;
  bool in_parts; /* of an engine: such numbers are an answer (not complete); `news` is its own */
};

struct sweep;

struct result {
  struct facts facts;
  struct quantizer quantizer;
  struct metrics metrics;
  struct channels channels;
  struct histogram original, reconstruction; /* same edges */
  struct histogram error;                    /* of y - x, over +- its largest magnitude */
  /* Mean and largest |error| of the elements in each bin of `original` (NaN where empty): the
   * "error against x" curve. NULL, as `error` has no bins: not measured (no_errors). */
  double *error_mean, *error_max;
  /* The sum of (y - x)^2 over each of these bins, 0 where empty: with what lies outside them they
   * are mse times the number of finite elements. What overflowed is left out. */
  double *error2;
  struct fit *fit;               /* scales, ranges and levels; owned; NULL: see SAMPLED */
  struct inspect_errors *blocks; /* NULL unless asked for */
  struct board *board;           /* the same */
  struct checks *checks;         /* the same */
  struct heat *heat;             /* the same */
  struct sweep *sweep;           /* NULL unless someone who ran one put it here */
  bool has_details;
  bool estimated;             /* by result_estimate or result_sample; then: */
  double least_mse, most_mse; /* the MSE lies between these; NaN: no bounds are stated */
  double sampled; /* share of the elements that was measured by result_sample; 0: by nothing less
                     than all. The bounds are then likely, not sure; there is no fit */
  bool facts_sampled; /* the facts, too, are those of the sample, but for COUNT */
  size_t scales;      /* of the tensor */
  bool rescaled;      /* smooth: errors are in other units than facts, ranges and scales */
  bool partial;       /* no channels (or those of another result), no blocks: see at_once */
  bool numbers_only;  /* an engine's first part: no histograms, no errors by bin, no blocks */
  double fit_seconds; /* that choosing the scales took: see `timed` */
};

/* STATUS_MEMORY when the scales of QUANTIZER for TENSOR have to be kept and would fill half of the
 * machine's memory; result_compute asks first of all. */
enum status result_check_room(const struct tensor *tensor, const struct quantizer *quantizer,
                              struct error *error);

/* Fits QUANTIZER to TENSOR, or to what it is calibrated on, and measures it on TENSOR. Counts
 * progress in elements. STATUS_USAGE (axis; a running calibrator whose quantizer is dynamic),
 * STATUS_CANCELLED (*out untouched), STATUS_MEMORY. */
enum status result_compute(const struct tensor *tensor, const struct quantizer *quantizer,
                           const struct result_request *request, struct progress *progress,
                           struct result **out, struct error *error);
/* An estimate, at once and partial, of what result_compute will say, from a digest on the high bits
 * of TENSOR: every value of a cell counts as its mean, but the MSE and what follows from it are
 * worked out for values that are spread evenly. Bounds of the MSE are stated where the scale
 * is sure to be that of the exact result. REQUEST has the facts of the tensor. */
enum status result_estimate(const struct tensor *tensor, const struct quantizer *quantizer,
                            const struct result_request *request, const struct high_digest *high,
                            struct result **out, struct error *error);
/* True where that makes sense: one scale for the tensor, rounding to the nearest level. */
bool result_can_estimate(const struct quantizer *quantizer, const struct result_request *request);

/* An estimate from a sample of some ELEMENTS: whole groups, blocks, tokens or channels from all
 * over the tensor, or stretches of it where one scale serves more than that, taken out of as many
 * strata of equal size, one of each. Which ones depends on the tensor's shape, the quantizer,
 * ELEMENTS and on whether the facts are known, on nothing else. The sample is quantized and
 * measured as result_compute does it; what is shared by the whole tensor comes from EXTREMES where
 * the quantizer asks for them (result_sample_extremes).
 *
 * The bounds are those of a confidence interval: of the ratio of the squared errors to the squares
 * of the values (or of their mean, where that is closer and the facts are known), from the
 * differences between the pieces (Student's t for 99.9 %, linearized, less what the sample is of
 * the whole). As errors are skewed, fewer hold than that: count on 99 of 100. Where the facts of
 * the tensor are not known, they are bounds of the SQNR, and of the MSE as far as the sample's rms
 * is the tensor's. No bounds are stated where they would mean little: fewer than 16 pieces, one
 * that holds a fifth of the error or of the squares, no error at all, scales from a part of what
 * they serve. REQUEST: what takes more than the metrics and the histograms is left out; the facts
 * and the histogram of the original may be known. STATUS_USAGE also where result_can_sample says
 * no. */
enum status result_sample(const struct tensor *tensor, const struct quantizer *quantizer,
                          const struct result_request *request, const struct extremes *extremes,
                          size_t elements, struct progress *progress, struct result **out,
                          struct error *error);
/* False where that makes no sense: scales from the extremes of more values than are seen, from
 * other data, or with a transform around. */
bool result_can_sample(const struct tensor *tensor, const struct quantizer *quantizer,
                       const struct result_request *request, size_t elements);
/* True when the extremes of the whole tensor have to be known. */
bool result_sample_extremes(const struct quantizer *quantizer);

void result_free(struct result *result);

/* The same once more, without its board and checks; the fit is shared. NULL when memory runs out.
 */
struct result *result_copy(const struct result *result);
/* Memory that it takes, without board and checks. */
size_t result_bytes(const struct result *result);

/* Gives PARTIAL the channels of EARLIER, a result of the same tensor along the same axis, until its
 * own are measured: magnitudes, ratios and order are the same under every quantizer, errors are
 * not (and the channel metrics stay NaN). Without memory it stays without. */
void result_keep_channels(struct result *partial, const struct result *earlier);

/* The dominant cause in one sentence ("rounding", "clipping", or an outlier channel), into TEXT. */
char *result_verdict(const struct result *result, char *text, size_t size);

#endif
