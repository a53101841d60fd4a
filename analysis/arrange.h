/* Tensors whose elements lie in another order than those of the tensor they are compared with.
 *
 * Ownership: an arranged view borrows its tensor. Threads: immutable once made. */
#ifndef QSCOPE_ANALYSIS_ARRANGE_H
#define QSCOPE_ANALYSIS_ARRANGE_H

#include "analysis/diff.h"

/* A tensor seen in another order: its feed refers to it, so it must stay where it is. */
struct arranged {
  struct tensor tensor; /* for ARRANGED_TRANSPOSED */
  struct feed base, feed;
  size_t head, columns; /* rows of a head, elements of a row */
  bool back;
};

/* True when TENSOR can be seen transposed: two axes, plain numbers. */
bool arrange_can_transpose(const struct tensor *tensor);
/* TENSOR, which can be, with its axes exchanged. */
void arrange_transpose(const struct tensor *tensor, struct arranged *out);

/* TENSOR with its rows as HOW (one of the two rotary orders, or alike) finds them. */
void arrange_rows(const struct tensor *tensor, struct arrangement how, struct arranged *out);

/* In which arrangement B agrees with A (both loaded, of as many elements), judged by a sample of
 * some thousand elements: ARRANGED_ALIKE unless another gives an SQNR that is at least 6 dB, and by
 * 6 dB better. SQUARE: transposition is worth a try. */
struct arrangement arrange_find(const struct tensor *a, const struct tensor *b);

#endif
