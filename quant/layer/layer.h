/* A linear layer, y = W x, and the tokens it is calibrated on: what the methods of quant/layer work
 * on. Weight error is not output error: the methods differ in what they know of x.
 *
 * Ownership: a layer borrows weight and activation and owns what it knows of them; layer_close.
 * Threads: a layer is immutable once open; methods are parallel inside. */
#ifndef QSCOPE_QUANT_LAYER_LAYER_H
#define QSCOPE_QUANT_LAYER_LAYER_H

#include "quant/base/pool.h"

#include <stddef.h>

struct layer {
  const float *weight; /* rows x columns: output channels x input channels, C order */
  size_t rows, columns;
  const float *activation; /* tokens x columns */
  size_t tokens;

  /* What the tokens and the weight say of each input channel: */
  float *absmax;        /* max |x| */
  double *mean;         /* of x */
  double *mean_abs;     /* of |x| */
  double *power;        /* mean x^2 */
  float *weight_absmax; /* max |w| */
};

/* Opens the layer and reads its channels. STATUS_INPUT: a size is 0, or a value is no finite number
 * (the message says of which and where); STATUS_CANCELLED, STATUS_MEMORY. On failure LAYER needs no
 * layer_close. */
enum status layer_open(const float *weight, size_t rows, size_t columns, const float *activation,
                       size_t tokens, struct progress *progress, struct layer *layer,
                       struct error *error);
void layer_close(struct layer *layer);

/* STATUS_INPUT where one of TOKENS rows of X is no finite number; the message says where. */
enum status layer_check_tokens(const float *x, size_t tokens, size_t columns, struct error *error);

#endif
