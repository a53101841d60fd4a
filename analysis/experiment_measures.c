/* What experiments measure beside the metrics: properties of a reconstruction, and what variants of
 * the arithmetic would lose that no quantizer offers, because they are wrong. */
#include "analysis/exp_layer.h"
#include "analysis/experiments.h"
#include "analysis/result.h"
#include "quant/base/size.h"

#include <math.h>
#include <stdlib.h>

/* --- of the result ---------------------------------------------------------------------------- */

static double largest_number(const struct measured *m)
{
  return format_max(m->result->quantizer.format);
}

static double threshold_sigma(const struct measured *m)
{
  double lo, hi;
  fit_range(m->result->fit, 0, &lo, &hi);
  return hi / m->result->facts.std;
}

/* int8 by minmax on a smooth distribution: a rounding error of a step over the root of 12. */
static double papr_rule(const struct measured *m)
{
  return papr_rule_db(m->result->metrics.papr);
}

/* --- of values and reconstruction ------------------------------------------------------------- */

static double mean_relative_error(const struct measured *m)
{
  double sum = 0;
  size_t n = 0;
  for (size_t i = 0; i < m->count; i++)
    if (m->x[i] < 0 || m->x[i] > 0) {
      sum += fabs((double)m->y[i] - (double)m->x[i]) / fabs((double)m->x[i]);
      n++;
    }
  return sum / (double)n;
}

static double within_an_eighth(const struct measured *m)
{
  size_t n = 0;
  for (size_t i = 0; i < m->count; i++)
    n += fabs((double)m->y[i] - (double)m->x[i]) <= 0.125 * fabs((double)m->x[i]);
  return (double)n / (double)m->count;
}

static int ascending(const void *a, const void *b)
{
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

/* How many times smaller than the largest magnitude a value has to be for the levels around it to
 * be closer than those of int8. */
static double finer_than_int8(const struct measured *m)
{
  float *level = mem_array(m->count, sizeof *level);
  double most = 0, finer = 0;
  for (size_t i = 0; level && i < m->count; i++) {
    level[i] = fabsf(m->y[i]);
    most = fmax(most, (double)level[i]);
  }
  if (!level)
    return NAN;
  qsort(level, m->count, sizeof *level, ascending);
  for (size_t i = 1; i < m->count; i++) {
    double gap = (double)level[i] - (double)level[i - 1];
    if (gap > 0 && gap < most / 127)
      finer = (double)level[i];
  }
  free(level);
  return most / finer;
}

/* --- variants of the arithmetic --------------------------------------------------------------- */

/* An affine grid of codes 0..most. */
struct affine {
  double step, zero, most;
  bool added_back; /* the zero point is added to the code where it should be subtracted */
};

static double affine_value(const struct affine *grid, double x)
{
  double code = fmin(fmax(rint(x / grid->step + grid->zero), 0), grid->most);
  return grid->step * (grid->added_back ? code : code - grid->zero);
}

/* SQNR of every value of M (one in SPARSE, the others being 0) on GRID. */
static double affine_sqnr(const struct measured *m, const struct affine *grid, size_t sparse)
{
  double signal = 0, error = 0;
  for (size_t i = 0; i < m->count; i++) {
    double x = i % sparse ? 0 : (double)m->x[i], d = affine_value(grid, x) - x;
    signal += x * x;
    error += d * d;
  }
  return sqnr_db(signal, error);
}

/* The grid of the extremes, whose zero point is yet to be rounded. */
static struct affine grid_of(const struct measured *m, double most)
{
  const struct facts *facts = &m->result->facts;
  double step = (facts->max - facts->min) / most;
  return (struct affine){.step = step, .zero = -facts->min / step, .most = most};
}

static double clamped_zero(const struct measured *m)
{
  struct affine grid = grid_of(m, 255);
  grid.zero = fmin(fmax(rint(grid.zero), 0), grid.most);
  return affine_sqnr(m, &grid, 1);
}

static double added_back(const struct measured *m)
{
  struct affine grid = grid_of(m, 255);
  grid.zero = rint(grid.zero);
  grid.added_back = true;
  return affine_sqnr(m, &grid, 1);
}

enum { SPARSE = 10 };

static double sparse_rounded(const struct measured *m)
{
  struct affine grid = grid_of(m, 255);
  grid.zero = rint(grid.zero);
  return affine_sqnr(m, &grid, SPARSE);
}

/* 0.13 of a step off: nine zeros in ten are wrong by that, one value in ten by the usual step^2 /
 * 12, so that 4.5 dB are lost. */
static double sparse_unrounded(const struct measured *m)
{
  struct affine grid = grid_of(m, 255);
  grid.zero = floor(grid.zero) + 0.13;
  return affine_sqnr(m, &grid, SPARSE);
}

enum { MODE_BINS = 100 };

/* The zero point of 4 bits from the left edge of the fullest of 100 bins. */
static double mode_zero(const struct measured *m)
{
  const struct facts *facts = &m->result->facts;
  size_t count[MODE_BINS] = {0}, fullest = 0;
  double width = (facts->max - facts->min) / MODE_BINS;
  for (size_t i = 0; i < m->count; i++) {
    size_t bin = (size_t)fmin(((double)m->x[i] - facts->min) / width, MODE_BINS - 1);
    count[bin]++;
  }
  for (size_t i = 1; i < MODE_BINS; i++)
    fullest = count[i] > count[fullest] ? i : fullest;
  struct affine grid = grid_of(m, 15);
  grid.zero = fmin(fmax(rint((facts->min + width * (double)fullest) / grid.step), 0), grid.most);
  return affine_sqnr(m, &grid, 1);
}

/* Codes that round(S x - round(S min)) and round(x / s) + round(-min / s) disagree on, S = 1/s. */
static double inverse_scale_mismatches(const struct measured *m)
{
  struct affine grid = grid_of(m, 255);
  double inverse = 1 / grid.step, shift = -rint(inverse * m->result->facts.min);
  size_t different = 0;
  for (size_t i = 0; i < m->count; i++) {
    double x = (double)m->x[i];
    double one = rint(inverse * x + shift), other = rint(x / grid.step) + rint(grid.zero);
    different += one < other || one > other;
  }
  return (double)different;
}

/* Of forty ties (k + 1/2 steps), those that rounding after the zero point was added moves. */
static double tie_mismatches(const struct measured *m)
{
  size_t different = 0;
  for (int k = -20; k < 20; k++) {
    double tie = k + 0.5, after = rint(tie + m->parameter), before = rint(tie) + m->parameter;
    different += after < before || after > before;
  }
  return (double)different;
}

/* --- batches ---------------------------------------------------------------------------------- */

static double largest_of(const float *x, size_t n)
{
  double most = 0;
  for (size_t i = 0; i < n; i++)
    most = fmax(most, fabs((double)x[i]));
  return most;
}

static void add_batch(const float *x, size_t n, double most, double *signal, double *error)
{
  double step = most / 127;
  for (size_t i = 0; i < n; i++) {
    double value = (double)x[i], d = step * fmin(fmax(rint(value / step), -127), 127) - value;
    *signal += value * value;
    *error += d * d;
  }
}

/* Rows as batches: each under the moving average of the largest magnitudes up to its own. */
static double running_average(const struct measured *m)
{
  double average = 0, signal = 0, error = 0;
  for (size_t start = 0; start < m->count; start += m->columns) {
    double most = largest_of(m->x + start, m->columns);
    average = start == 0 ? most : m->parameter * average + (1 - m->parameter) * most;
    add_batch(m->x + start, m->columns, average, &signal, &error);
  }
  return sqnr_db(signal, error);
}

/* Batches after a step half way through until the average has come so far (the parameter's whole
 * part in percent) of the way; the rest of it is how much of the average is kept. */
static double batches_to_follow(const struct measured *m)
{
  double share = floor(m->parameter) / 100, keep = m->parameter - floor(m->parameter);
  size_t rows = m->count / m->columns, step = rows / 2;
  double before = 0, after = 0, average = 0;
  for (size_t r = 0; r < rows; r++)
    *(r < step ? &before : &after) += largest_of(m->x + r * m->columns, m->columns);
  before /= (double)step;
  after /= (double)(rows - step);
  for (size_t r = 0; r < rows; r++) {
    double most = largest_of(m->x + r * m->columns, m->columns);
    average = r == 0 ? most : keep * average + (1 - keep) * most;
    if (r >= step && average >= before + share * (after - before))
      return (double)(r - step + 1);
  }
  return INFINITY;
}

/* All rows under the largest magnitude of the first ones. */
static double first_batches(const struct measured *m)
{
  double signal = 0, error = 0;
  size_t first = (size_t)m->parameter * m->columns;
  double most = largest_of(m->x, first < m->count ? first : m->count);
  for (size_t start = 0; start < m->count; start += m->columns)
    add_batch(m->x + start, m->columns, most, &signal, &error);
  return sqnr_db(signal, error);
}

/* --- layers ----------------------------------------------------------------------------------- */

static double output_sqnr(const struct measured *m)
{
  return m->trial->numbers.output_sqnr_db;
}

static double layer_bits(const struct measured *m)
{
  return m->trial->numbers.bits_per_weight;
}

const struct experiment_measure experiment_measures[] = {
    {"largest_number", "largest number", "", largest_number, 0, NEEDS_X},
    {"threshold_sigma", "threshold / standard deviation", "", threshold_sigma, 0, NEEDS_X},
    {"papr_rule_db", "52.87 dB - 20 log10(peak / RMS)", "dB", papr_rule, 0, NEEDS_X},
    {"mean_relative_error", "mean relative error", "%", mean_relative_error, 0, NEEDS_Y},
    {"within_an_eighth", "within an eighth", "%", within_an_eighth, 0, NEEDS_Y},
    {"finer_than_int8", "largest / where steps are int8's", "x", finer_than_int8, 0, NEEDS_Y},
    {"entropy_naive_sqnr_db", "SQNR, zeros as they are", "dB", exp_divergence, 0, NEEDS_X},
    {"entropy_fixed_sqnr_db", "SQNR, zeros left out", "dB", exp_divergence, 1, NEEDS_X},
    {"written_sqnr_db", "SQNR, divergence as written", "dB", exp_divergence_as_written, 0, NEEDS_X},
    {"written_threshold", "threshold / largest value", "", exp_divergence_as_written, 1, NEEDS_X},
    {"half_0.5", "batches to half of a step", "", batches_to_follow, 50.5, NEEDS_X},
    {"half_0.9", "batches to half of a step", "", batches_to_follow, 50.9, NEEDS_X},
    {"half_0.99", "batches to half of a step", "", batches_to_follow, 50.99, NEEDS_X},
    {"most_0.9", "batches to nine tenths of a step", "", batches_to_follow, 90.9, NEEDS_X},
    {"most_0.99", "batches to nine tenths of a step", "", batches_to_follow, 90.99, NEEDS_X},
    {"clamped_zero_sqnr_db", "SQNR, zero point clamped", "dB", clamped_zero, 0, NEEDS_X},
    {"added_back_sqnr_db", "SQNR, zero point added back", "dB", added_back, 0, NEEDS_X},
    {"sparse_rounded_sqnr_db", "SQNR, nine in ten zero", "dB", sparse_rounded, 0, NEEDS_X},
    {"sparse_unrounded_sqnr_db", "SQNR, zero point not rounded", "dB", sparse_unrounded, 0,
     NEEDS_X},
    {"mode_zero_sqnr_db", "SQNR, zero point of the fullest bin", "dB", mode_zero, 0, NEEDS_X},
    {"inverse_scale_mismatches", "codes that differ", "", inverse_scale_mismatches, 0, NEEDS_X},
    {"tie_mismatches_3", "ties that differ", "", tie_mismatches, 3, NEEDS_X},
    {"tie_mismatches_4", "ties that differ", "", tie_mismatches, 4, NEEDS_X},
    {"ema_0.5_sqnr_db", "SQNR, moving average", "dB", running_average, 0.5, NEEDS_X},
    {"ema_0.9_sqnr_db", "SQNR, moving average", "dB", running_average, 0.9, NEEDS_X},
    {"ema_0.99_sqnr_db", "SQNR, moving average", "dB", running_average, 0.99, NEEDS_X},
    {"output_sqnr_db", "output SQNR", "dB", output_sqnr, 0, NEEDS_CALIBRATION},
    {"held_out_sqnr_db", "output SQNR, other tokens", "dB", output_sqnr, 0, NEEDS_HELD_OUT},
    {"two_columns_none", "error that is left", "", exp_residual_without, 0, NEEDS_RUN},
    {"best_of_search", "best exponent", "", exp_best_of_search, 0, NEEDS_RUN},
    {"median_column_sqnr_db", "SQNR of the median channel", "dB", exp_median_column, 0, NEEDS_Y},
    {"found_by_medians", "outliers found", "%", exp_outliers_found, 0, NEEDS_X},
    {"found_by_sigma", "outliers found", "%", exp_outliers_found, 1, NEEDS_X},
    {"found_by_6", "outliers found", "%", exp_outliers_found, 2, NEEDS_X},
    {"found_by_distances", "outliers found", "%", exp_outliers_found, 3, NEEDS_X},
    {"called_by_6", "others called outliers", "%", exp_false_alarms, 2, NEEDS_X},
    {"called_by_distances", "others called outliers", "%", exp_false_alarms, 3, NEEDS_X},
    {"over_own_median", "channels called outliers", "%", exp_over_own_median, 0, NEEDS_X},
    {"beside_far_sqnr_db", "SQNR", "dB", exp_beside_far, 0, NEEDS_X},
    {"by_itself_sqnr_db", "SQNR", "dB", exp_by_itself, 0, NEEDS_X},
    {"body_with_far_sqnr_db", "SQNR of the others", "dB", exp_body_with_far, 0, NEEDS_X},
    {"groups_kept", "groups above 40 dB", "%", exp_groups_kept, 0, NEEDS_X},
    {"channel_4_sqnr_db", "SQNR", "dB", exp_channel_by_range, 15, NEEDS_X},
    {"channel_5_sqnr_db", "SQNR", "dB", exp_channel_by_range, 31, NEEDS_X},
    {"channel_5_largest_sqnr_db", "SQNR, scale max|w| / 31", "dB", exp_channel_by_largest, 31,
     NEEDS_X},
    {"importance_0_sqnr_db", "SQNR", "dB", exp_importance_8, 0, NEEDS_X},
    {"importance_0.25_sqnr_db", "SQNR, smaller scale", "dB", exp_importance_8, 0.25, NEEDS_X},
    {"importance_1_sqnr_db", "SQNR, smaller scale", "dB", exp_importance_8, 1, NEEDS_X},
    {"importance_4_sqnr_db", "SQNR, smaller scale", "dB", exp_importance_8, 4, NEEDS_X},
    {"importance_4bit_0_sqnr_db", "SQNR", "dB", exp_importance_4, 0, NEEDS_X},
    {"importance_4bit_0.5_sqnr_db", "SQNR, smaller scale", "dB", exp_importance_4, 0.5, NEEDS_X},
    {"two_columns_gptq", "error that is left", "", exp_residual_gptq, 0, NEEDS_RUN},
    {"two_columns_with_h", "error that is left", "", exp_residual_with_hessian, 0, NEEDS_RUN},
    {"told_1_sqnr_db", "SQNR, the form as told", "dB", exp_rounds_as_told, 1, NEEDS_X},
    {"told_20_sqnr_db", "SQNR, the form as told", "dB", exp_rounds_as_told, 20, NEEDS_X},
    {"repaired_3_sqnr_db", "SQNR, the form repaired", "dB", exp_rounds_repaired, 3, NEEDS_X},
    {"repaired_20_sqnr_db", "SQNR, the form repaired", "dB", exp_rounds_repaired, 20, NEEDS_X},
    {"best_ratio", "best ratio", "", exp_ratio_across, 0, NEEDS_RUN},
    {"other_ratio", "best ratio of the other scale", "", exp_ratio_down, 0, NEEDS_RUN},
    {"last_ratio", "last ratio", "", exp_last_ratio, 0, NEEDS_RUN},
    {"worst_ratio", "worst ratio", "", exp_worst_ratio, 0, NEEDS_RUN},
    {"best_loss", "output MSE at the best ratio", "", exp_best_loss, 0, NEEDS_RUN},
    {"best_loss_db", "that in dB", "dB", exp_best_loss_db, 0, NEEDS_RUN},
    {"last_loss", "output MSE at the last ratio", "", exp_last_loss, 0, NEEDS_RUN},
    {"layer_bits", "bits per weight", "", layer_bits, 0, NEEDS_CALIBRATION},
    {"static_32_sqnr_db", "SQNR, first batches", "dB", first_batches, 32, NEEDS_X},
};
const size_t experiment_measures_length = sizeof experiment_measures / sizeof *experiment_measures;
