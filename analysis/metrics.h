/* The metrics: the only definitions.
 *
 * x is the finite input, y its reconstruction, N the number of finite elements; NaN and Inf
 * never enter a metric. Sums are double, blocked in a fixed order. A number that does not
 * exist is NaN here and null in the report.
 *
 *   mse = mean((x - y)^2); rmse its root; max_abs_error = max |x - y|; mean_error = mean(x - y)
 *   sqnr_db = 10 log10(sum x^2 / sum (x - y)^2); +inf when there is no error ("exact")
 *   clip_rate = share of elements whose rounded code the clamp changed
 *   overflow_rate = share of the finite elements whose reconstruction is infinite or NaN
 *     (overflow=nonfinite); they are left out of every other metric, of N, too
 *   rail_rate = share of elements whose code is the lowest or the highest, told by its value
 *   rounding_mse + clipping_mse = mse: error of the elements inside / outside the range
 *   bulk_sqnr_db = the same ratio over the elements with |x| <= the 99th percentile of |x|
 *   channel_sqnr_db = median and worst over the channels of the chosen axis
 *   papr = absmax / rms
 *   zero_rate = share of non-zero x that became 0, of all N
 *   levels_used = distinct codes that occur (unknown for formats of more than 16 bits); levels =
 * codes the scheme can produce (the two zeros of a small float are one) code_entropy_bits = -sum p
 * log2 p over the codes high_code_rate = share of elements with |grid value| > 100/127 of the
 * grid's largest cosine = sum xy / sqrt(sum x^2 sum y^2) relative_error_p50, _p99 = percentiles of
 * |x - y| / |x| over the non-zero x, each rounded to float32 (and to its largest number when
 * beyond) kl_divergence = sum P ln(P / Q) over METRICS_KL_BINS equal bins of [min, max] of x, P the
 *     original's and Q the reconstruction's shares; y beyond the range counts in the last bin on
 *     that side; a bin empty in Q counts with 1e-10. Few bins, so that those of an 8-bit grid hold
 *     a level or two each; a coarser grid leaves bins empty, and the number is large
 *   clipped_blocks = share of the (sub-)blocks of a block format whose largest value lies beyond
 * the largest (or lowest) that the block can represent; null for other formats bits_per_element =
 * all stored bits (codes, scales, zero points) / number of elements
 *
 * Ownership: plain values. Threads: none needed. */
#ifndef QSCOPE_ANALYSIS_METRICS_H
#define QSCOPE_ANALYSIS_METRICS_H

#include "quant/kernels/kernels.h"

#include <stddef.h>
#include <stdint.h>

enum { METRICS_KL_BINS = 128 };

struct metrics {
  double mse, rmse, sqnr_db, max_abs_error, mean_error;
  double clip_rate, rail_rate, rounding_mse, clipping_mse, overflow_rate;
  double bulk_sqnr_db, channel_sqnr_median, channel_sqnr_worst;
  size_t worst_channel;
  double papr, zero_rate, code_entropy_bits, high_code_rate, cosine;
  double relative_error_p50, relative_error_p99, kl_divergence, clipped_blocks, bits_per_element;
  size_t levels_used, levels;
};

/* One row for each metric people see, so that the report, the table of the explorer and the
 * figure captions agree on names, units and order. */
struct metric {
  const char *name;    /* "sqnr_db": the key in JSON and CSV */
  const char *label;   /* "SQNR" */
  const char *unit;    /* "dB", "%", "bit", or "" */
  int better;          /* 1: more is better, -1: less is, 0: that depends */
  const char *meaning; /* one line: why it matters */
  double (*value)(const struct metrics *metrics);
};
extern const struct metric metric_table[];
extern const size_t metric_table_length;
const struct metric *metric_find(const char *name);

/* VALUE as people read it: "41.39 dB", "0.0122 %", "exact", "n/a", "7.264e-05". */
char *metric_print(const struct metric *metric, double value, char *text, size_t size);

/* What int8 by minmax keeps of a smooth distribution with this PAPR: 10 log10(12 * 127^2) - 20
 * log10(papr), or 52.87 dB less the peak. Scaled E4M3 has 31.5 dB whatever it is, so that they
 * cross at METRICS_PAPR_CROSSING. */
double papr_rule_db(double papr);
#define METRICS_PAPR_CROSSING 11.7
/* That in words: "peak / RMS 75.2: minmax int8 15.3 dB, scaled e4m3 31.5 dB (even at 11.7)"; empty
 * where PAPR is no number. */
char *papr_words(double papr, char *text, size_t size);

/* 1: B is better than A, -1: worse; 0: neither can be said. */
int metric_judge(const struct metric *metric, double a, double b);

/* What B has more than A, as people read it: "+3.20 dB", "-0.384 %", "same"; errors without a unit
 * as a ratio, "0.48x"; "n/a" where one does not exist. */
char *metric_difference(const struct metric *metric, double a, double b, char *text, size_t size);

/* Signal-to-noise ratio in dB from the two sums; NaN when there is no signal and no error. */
double sqnr_db(double signal2, double error2);

/* Makes MSE the mse of METRICS, of values whose root mean square is RMS, and changes what follows
 * from it; what share of it clipping makes stays. */
void metrics_set_mse(struct metrics *metrics, double rms, double mse);

/* Fills what follows from the errors of TALLY and the number of elements that it lacks because they
 * overflowed: mse, rmse, sqnr_db, max_abs_error, clip_rate, rounding_mse, clipping_mse,
 * overflow_rate. */
void metrics_from_errors(const struct tally *tally, uint64_t overflowed, struct metrics *metrics);

/* The same, and what follows from the other sums. */
void metrics_from_tally(const struct tally *tally, uint64_t overflowed, struct metrics *metrics);

#endif
