/* The experiments themselves, by what they are about, and how their rows are written. Internal to
 * analysis/.
 *
 * Ownership: constant. Threads: none needed. */
#ifndef QSCOPE_ANALYSIS_EXPERIMENTS_H
#define QSCOPE_ANALYSIS_EXPERIMENTS_H

#include "analysis/experiment.h"

#include <math.h>

#define NEAR(value, off) (value) - (off), (value) + (off)
#define AT_LEAST(value)  (value), HUGE_VAL
#define AT_MOST(value)   -HUGE_VAL, (value)
#define ANYTHING         -HUGE_VAL, HUGE_VAL
/* The difference of two rows, counted from 0. */
#define LESS(label, a, b, ...)                                                                     \
  {                                                                                                \
    label, NULL, NULL, NULL, __VA_ARGS__, a, b                                                     \
  }
#define ROWS(array) sizeof(array) / sizeof *(array), (array)

/* exp_grid.c: what a grid of integers does */
extern const struct experiment exp_rulers, exp_clipping, exp_group_size, exp_ggml_blocks;
/* exp_range.c: how a range is chosen */
extern const struct experiment exp_one_outlier, exp_percentile, exp_calibrators, exp_two_metrics,
    exp_utilisation, exp_moving_targets;
/* exp_divergence.c: SQNR of int8 under the threshold of least divergence, with care for the zeros
 * (parameter 1) or without (0) */
double exp_divergence(const struct measured *m);
/* The same, of a rule as it is often written down; parameter 1: its threshold as a share of the
 * largest value. */
double exp_divergence_as_written(const struct measured *m);
/* exp_floats.c: small floats */
extern const struct experiment exp_fp8_or_int8, exp_fp8_scale, exp_which_error;
/* exp_gptq.c: GPTQ, methods of its experiment alone, and what two columns have left of an error of
 * 1 */
extern const struct experiment exp_gptq;
struct method;
extern const struct method exp_gptq_with_hessian, exp_awq_gptq, exp_awq_gptq_actorder;
double exp_residual_without(const struct measured *m);
double exp_residual_gptq(const struct measured *m);
double exp_residual_with_hessian(const struct measured *m);
/* exp_outliers.c: outlier channels, what is measured of columns, and SmoothQuant as it should not
 * be
 */
extern const struct experiment exp_outlier_channels, exp_smoothquant;
extern const struct method exp_smooth_inverted, exp_smooth_weights, exp_smooth_few;
double exp_median_column(const struct measured *m);
double exp_outliers_found(const struct measured *m);
double exp_false_alarms(const struct measured *m);
double exp_over_own_median(const struct measured *m);
double exp_channel_by_range(const struct measured *m);
double exp_channel_by_largest(const struct measured *m);
double exp_beside_far(const struct measured *m);
double exp_by_itself(const struct measured *m);
double exp_body_with_far(const struct measured *m);
double exp_groups_kept(const struct measured *m);
/* exp_awq.c: AWQ, and steps that are changed without their range */
extern const struct experiment exp_awq;
extern const struct method exp_awq_gamma_quarter, exp_awq_gamma_half, exp_awq_gamma_minus;
double exp_best_of_search(const struct measured *m);
double exp_importance_8(const struct measured *m);
double exp_importance_4(const struct measured *m);
/* exp_scale.c: rounds of a closed form, and the joint search of two scales */
extern const struct experiment exp_scale_search;
double exp_rounds_as_told(const struct measured *m);
double exp_rounds_repaired(const struct measured *m);
/* exp_joint.c: that search as it is told, and what it returns */
extern const struct method exp_joint_told, exp_joint_independent;
double exp_last_ratio(const struct measured *m);
double exp_worst_ratio(const struct measured *m);
double exp_last_loss(const struct measured *m);
double exp_best_loss(const struct measured *m);
double exp_best_loss_db(const struct measured *m);
double exp_ratio_across(const struct measured *m);
double exp_ratio_down(const struct measured *m);
/* exp_zero.c: zero points */
extern const struct experiment exp_wasted_half, exp_zero_point;

#endif
