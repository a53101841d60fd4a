/* A transform laid over a tensor: the values that are quantized, and the way back.
 *
 * z = T x is read piece by piece as any derived tensor, from the original, which is never copied;
 * but a rotation along another axis than the last, whose blocks lie scattered, is worked out once
 * (data/spill.h: a temporary file where it is large). What a quantizer makes of z is turned back
 * into y, which belongs beside x: errors are of y against x, in the domain of the original.
 * NaN and infinities: as float32 arithmetic has it, so one spoils its block of a rotation. A
 * channel without a magnitude (all zero, no finite value) is divided by 1. Values that split keeps
 * are NaN in z: no calibrator and no metric sees them.
 *
 * Ownership: borrows the original, which must outlive it; transformed_free frees the rest, so does
 * closing the source of source_transform. Threads: prepare on one thread; then reading from any. */
#ifndef QSCOPE_DATA_TRANSFORMED_H
#define QSCOPE_DATA_TRANSFORMED_H

#include "data/source.h"
#include "data/tensor.h"
#include "data/transform.h"
#include "quant/grain.h"

#include <stdint.h>

struct transformed {
  struct derived derived; /* the tensor's; it comes first */
  struct transform transform;
  const struct tensor *original;
  struct tensor tensor; /* z: name, shape and stored type of the original */
  unsigned axis;
  struct grain grain; /* its channels */
  struct feed feed;   /* x */
  float *factor;      /* smooth, split: of each channel; NaN: kept in 16 bits */
  uint64_t kept;      /* elements */
  const struct format *kept_as;
  size_t block;   /* hadamard: its length */
  float *rotated; /* z, where it is worked out beforehand */
  double bulk;    /* p99 of |x|; whoever knows it may leave it here. NaN: nobody did */
};

/* Lays TRANSFORM over TENSOR, whose channels lie along AXIS. STATUS_USAGE where that cannot be, in
 * words: no such axis, no power of two divides its length, nothing would be left to quantize. */
enum status transformed_new(const struct tensor *tensor, const struct transform *transform,
                            int axis, struct transformed **out, struct error *error);
void transformed_free(struct transformed *transformed);

/* Finds what depends on the values (magnitudes of the channels, scattered rotations): one pass over
 * the original, which is loaded. Then `tensor` can be read. Counts progress in elements.
 * STATUS_CANCELLED, STATUS_MEMORY. */
enum status transformed_prepare(struct transformed *transformed, struct progress *progress,
                                struct error *error);

/* Gives up what transformed_prepare found; it can be found again. Nobody reads any more. */
void transformed_release(struct transformed *transformed);

/* What TENSOR is the z of, or NULL. */
struct transformed *tensor_transformed(const struct tensor *tensor);
/* The tensor that it is laid over; TENSOR itself where there is no transform. */
const struct tensor *tensor_original(const struct tensor *tensor);

/* Stored bits per element where z is stored in BITS. */
double transformed_bits(const struct transformed *transformed, double bits);

/* y: the way back of QUANTIZED, a feed of what became of z. */
struct way_back {
  const struct transformed *transformed;
  struct feed quantized, feed; /* feed: y */
  float *rotated;
};
/* BACK must stay where it is until way_back_close, as long as its feed is used. */
enum status way_back_open(const struct transformed *transformed, const struct feed *quantized,
                          struct progress *progress, struct way_back *back, struct error *error);
void way_back_close(struct way_back *back);

/* Tensor INDEX of SOURCE under TRANSFORM as a source of its own, with one tensor. The message does
 * not repeat source and tensor, which the caller chose. source_load and
 * source_verify of it reach through to SOURCE, which must stay open. */
enum status source_transform(struct source *source, size_t index, const struct transform *transform,
                             int axis, struct source **out, struct error *error);

#endif
