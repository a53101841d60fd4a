/* The portable tensors of CONVENTIONS 2.4: the same values in every language, from SplitMix64 and
 * closed-form transforms. Each call starts its stream anew.
 *
 * Ownership: the caller's arrays. Threads: no state. */
#ifndef QSCOPE_TESTS_PORTABLE_H
#define QSCOPE_TESTS_PORTABLE_H

#include <stddef.h>
#include <stdint.h>

/* Next output of SplitMix64; *state is increased before it is mixed. */
uint64_t portable_next(uint64_t *state);

/* Uniform in (0, 1): (the top 53 bits + 0.5) / 2^53. */
double portable_uniform(uint64_t *state);

/* Standard normal: sqrt(-2 ln u1) cos(2 pi u2). */
double portable_normal(uint64_t *state);

/* The three tensors: standard normal; Laplace of scale 1; Student t with 3 degrees of freedom. */
void portable_gaussian(float *out, size_t n);
void portable_laplace(float *out, size_t n);
void portable_student3(float *out, size_t n);

#endif
