/* What the tests of kernels share: numbers of all kinds, and what one element must become by plain
 * scalar code.
 *
 * Ownership: none. Threads: one; the random numbers have one state. */
#ifndef QSCOPE_TESTS_KERNEL_DRAWS_H
#define QSCOPE_TESTS_KERNEL_DRAWS_H

#include "quant/fit.h"
#include "quant/format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MOST = 1400, GUARD = 16, ROOM = MOST + 2 * GUARD };

/* Lengths 0..257, then those around the kernels' inner blocks, all below MOST; false at the end. */
bool kernel_next_length(size_t *n);

enum mix { MIX_BELL, MIX_SPECIAL, MIX_BITS, MIX_FINITE, MIXES };
/* N numbers: bell-shaped; among them NaN, infinities, zeros and denormals; any bits; finite ones.
 */
void kernel_fill(float *x, size_t n, enum mix mix);
uint32_t kernel_random(void);
float kernel_bell(void); /* within +-4 */
float kernel_float(uint32_t bits);

/* Equal bits; NaNs may differ in payload only against the scalar reference. */
bool kernel_same(float a, float b);
/* Fails the test unless the bits are equal, or both are NaN. */
void kernel_check_bits(double found, double expected, const char *what);

/* A sum in the documented order: element i in lane i % 8, lanes added pairwise. */
double kernel_lane_sum(const double *terms, size_t n);

/* The round trip of one element, sharing nothing with the kernels. */
void kernel_integer(float x, const struct unit *unit, float *y, uint16_t *code);
void kernel_minifloat(float x, const struct format *format, float scale, float *y, uint16_t *code);

#endif
