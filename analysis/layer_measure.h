/* What a method's error does to the output of a layer: the numbers of the layer lab.
 *
 * With E = Y' - Y, Y = X Wᵀ, Y' = X' W'ᵀ + bias (see struct layer_made), D = W' - W, A = X' - X:
 * E = X Dᵀ + bias (the part from weights) + A Wᵀ (from activations) + A Dᵀ (their interaction).
 *   output_mse            = mean E^2 over tokens and output channels
 *   weights_mse           = mean (X Dᵀ + bias)^2
 *   activations_mse       = mean (A Wᵀ)^2
 *   interaction_mse       = output_mse - weights_mse - activations_mse (cross terms: any sign)
 *   output_sqnr_db        = 10 log10(mean Y^2 / output_mse)
 *   cosine                = sum Y Y' / sqrt(sum Y^2 sum Y'^2)
 *   weight_sqnr_db        = 10 log10(sum W^2 / sum D^2), weight_mse = mean D^2
 *   bits_per_weight       = all stored bits / weights
 * Errors are products of differences, not differences of products: nothing cancels. Products are
 * float32 in blocks, sums are double (quant/layer/product.h); Y is kept in float32.
 *
 * Ownership: layer_numbers_free, layer_output_free. Threads: parallel inside; from any thread, one
 * at a time on the same output. */
#ifndef QSCOPE_ANALYSIS_LAYER_MEASURE_H
#define QSCOPE_ANALYSIS_LAYER_MEASURE_H

#include "quant/layer/method.h"

struct layer_numbers {
  size_t tokens, rows;
  double output_mse, weights_mse, activations_mse, interaction_mse;
  double output_power;   /* mean Y^2 */
  double output_sqnr_db; /* as sqnr_db (metrics.h) */
  double cosine;         /* NAN without signal */
  double weight_mse, weight_sqnr_db;
  double bits_per_weight;
  double *channel_mse;   /* of each output channel: rows */
  double *channel_power; /* the same: mean y^2 */
};

/* The tokens to measure on, and the output of the layer there, which is the same for all methods:
 * the first layer_measure computes it. Zero but for the tokens. */
struct layer_output {
  const float *x; /* tokens x columns; borrowed */
  size_t tokens;
  float *y; /* tokens x rows; NULL: not yet there */
};
void layer_output_free(struct layer_output *output);

/* Measures MADE on the tokens of OUTPUT: the calibration tokens of LAYER (x == layer->activation),
 * or others. STATUS_CANCELLED, STATUS_MEMORY. */
enum status layer_measure(const struct layer *layer, const struct layer_made *made,
                          struct layer_output *output, struct progress *progress,
                          struct layer_numbers *out, struct error *error);
void layer_numbers_free(struct layer_numbers *numbers);

/* SQNR of output channel ROW in dB, as sqnr_db (metrics.h). */
double layer_channel_sqnr(const struct layer_numbers *numbers, size_t row);

#endif
