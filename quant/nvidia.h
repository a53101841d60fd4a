/* What NVIDIA's calibrators share (pytorch-quantization and Model-Optimizer: calib/histogram.py):
 * the histogram of |x|, and the range that a threshold of |x| is. Their options stand in the order
 * of enum nvidia_option; an option of 0 stands for its default.
 *
 * Ownership: the caller frees the histogram. Threads: no state. */
#ifndef QSCOPE_QUANT_NVIDIA_H
#define QSCOPE_QUANT_NVIDIA_H

#include "quant/batch_histogram.h"
#include "quant/calibrator.h"

enum nvidia_option { NVIDIA_BINS, NVIDIA_NUMPY, NVIDIA_START, NVIDIA_STRIDE, NVIDIA_LEVELS };

double nvidia_option(const struct calibration *calibration, enum nvidia_option option,
                     double standard);

enum status nvidia_histogram(struct batch_histogram *out, const struct calibration *calibration,
                             const struct sample *sample, struct error *error);

/* Asymmetric, and all values on one side of zero: the original's unsigned integers. */
bool nvidia_one_sided(const struct calibration *calibration, const struct sample *sample);

/* The range of THRESHOLD on |x|; asymmetric: no further than the values reach. */
void nvidia_range(const struct calibration *calibration, const struct sample *sample,
                  double threshold, struct choice *choice);

#endif
