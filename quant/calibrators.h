/* The rows of the calibrator table: one choose function for each cal_<name>.c. Only
 * calibrator.c and the rows include this; see struct calibrator for the contract. */
#ifndef QSCOPE_QUANT_CALIBRATORS_H
#define QSCOPE_QUANT_CALIBRATORS_H

#include "quant/calibrator.h"

typedef enum status choose_function(const struct calibration *calibration,
                                    const struct sample *sample, struct choice *choice,
                                    struct error *error);

choose_function absmax_choose, clip_choose, ema_choose, sample_mean_choose;
choose_function percentile_choose, entropy_choose, mse_choose;
choose_function mse_choose_roughly; /* a start for other searches */
choose_function llmcompressor_mse_choose, gptq_mse_choose, awq_clip_choose;
choose_function ppq_percentile_choose, alternate_choose, lp_choose;
choose_function aimet_tf_choose, aimet_tf_enhanced_choose, aimet_percentile_choose;
choose_function aimet_mse_choose, aimet_entropy_choose, torch_histogram_choose,
    torchao_histogram_choose;
choose_function sigma_choose, exclude_choose, aciq_gaussian_choose, aciq_laplace_choose;
choose_function nvidia_max_choose, nvidia_percentile_choose, nvidia_mse_choose, modelopt_mse_choose;
choose_function onnxruntime_percentile_choose, onnxruntime_entropy_choose, distribution_choose;

const char *distribution_refuse(const struct quantizer *quantizer);

/* For rules with a free minimum: of ranges that shrink from either end, the one with the least
 * squared error, refined by
 * alternating least squares, or minmax so refined. Good, not proved. */
enum status free_minimum_least(const struct calibration *calibration, const struct sample *sample,
                               struct choice *choice, struct error *error);

#endif
