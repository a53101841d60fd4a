/* The loss that searches of the layer lab lessen: the mean squared error of the output.
 *
 * Ownership: borrows all arrays. Threads: parallel inside; the cut depends on the sizes alone. */
#ifndef QSCOPE_QUANT_LAYER_LOSS_H
#define QSCOPE_QUANT_LAYER_LOSS_H

#include "quant/layer/layer.h"

/* *mse = the mean of (X Dᵀ + A W'ᵀ)^2 over the tokens of LAYER and its output channels: D = W' - W
 * with W' = WEIGHT, A = X' - X with X' = INPUTS (tokens x columns; NULL where X' = X). Differences
 * are made on the way. Advances PROGRESS by layer_loss_cost, which the caller announces.
 * STATUS_CANCELLED, STATUS_MEMORY. */
enum status layer_loss(const struct layer *layer, const float *weight, const float *inputs,
                       struct progress *progress, double *mse, struct error *error);

/* What one product of the layer counts of progress, in quantized elements that take as long. */
size_t layer_loss_cost(const struct layer *layer);

#endif
