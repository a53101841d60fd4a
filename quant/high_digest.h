/* A digest on the high bits of float32: of all values whose upper 16 bits agree (a cell: 1/128 of
 * an octave) it knows how many there are, their sum and the sum of their squares. It cannot say
 * what a quantizer does to each of them, but between which bounds the squared errors of them all
 * lie.
 *
 * Sums are kept as whole numbers while values are counted, so that the outcome depends neither on
 * their order nor on the number of threads.
 * Ownership: high_digest_make returns a digest that high_digest_free frees. Threads: immutable once
 * made; making it is parallel. */
#ifndef QSCOPE_QUANT_HIGH_DIGEST_H
#define QSCOPE_QUANT_HIGH_DIGEST_H

#include "quant/base/pool.h"
#include "quant/digest.h"
#include "quant/feed.h"
#include "quant/quantizer.h"

/* Elements whose whole sums fit 64 bits. */
#define HIGH_DIGEST_MOST ((size_t)1 << 32)

struct high_cell {
  float low, high;    /* the least and the greatest number of the cell */
  uint64_t count;     /* 1 or more */
  double sum, spread; /* sum of (x - mean)^2: of squares, with nothing lost */
};

struct high_digest {
  size_t cells;
  struct high_cell *cell; /* ascending; finite values only */
  /* Each cell by its mean, wide ones by several values, the least and the greatest value of all by
   * themselves: stands in for a true digest where an estimate will do. */
  struct digest *means;
};

/* Of the values of FEED (at most HIGH_DIGEST_MOST), whose EXTREMES are known. Counts progress in
 * elements (announced here). STATUS_CANCELLED, STATUS_MEMORY. */
enum status high_digest_make(const struct feed *feed, const struct extremes *extremes,
                             struct progress *progress, struct high_digest **out);
void high_digest_free(struct high_digest *digest);
size_t high_digest_bytes(const struct high_digest *digest);

/* Sum of squared errors. */
struct error_estimate {
  double least, most; /* it lies between these */
  double likely;      /* and here, were the values of each cell spread evenly */
};

/* True for quantizers that the bounds below hold for: one scale for the tensor, x / scale to the
 * nearest of at most 65,536 levels. */
bool high_digest_can_measure(const struct quantizer *quantizer);
/* True when that scale is given, or follows from the extremes: then `means` yields the same. */
bool high_digest_knows_scale(const struct quantizer *quantizer);

/* Of the values of DIGEST under FIT, whose quantizer can be measured. STATUS_MEMORY.
 *
 * To the nearest level f(x) = x^2 - g(x) with g(x) the maximum of 2 l x - l^2 over the levels l, a
 * convex function. So in a cell of n values with sum s the errors add up to at most
 * sum x^2 - n g(s / n) (Jensen), and to at least sum x^2 less n times the chord of g over the cell,
 * taken at s / n (Edmundson and Madansky); nor to more than n times the largest square in the cell.
 * A quotient rounded to float32 may miss the nearest level by as little: the upper bound allows it.
 */
enum status high_digest_error(const struct high_digest *digest, const struct fit *fit,
                              struct error_estimate *out);

#endif
