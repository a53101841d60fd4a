/* What the tests of packed checkpoints share.
 *
 * Ownership: the caller's arrays. Threads: one. */
#ifndef QSCOPE_TESTS_DATA_PACKS_H
#define QSCOPE_TESTS_DATA_PACKS_H

#include "tests/data/checkpoints.h"

enum {
  PACKS_MOST = 1 << 19, /* elements of a weight */
  PACKS_SCALES = 1024,
  PACKS_NAMED = 96 /* bytes of a name */
};

/* The same numbers in every run: 0 .. BELOW - 1, from SEED on. */
void packs_seed(uint32_t seed);
unsigned packs_next(unsigned below);

/* COUNT bytes, and PACKS_SCALES scales, which are 64ths. */
void packs_draw(size_t count, unsigned char *bytes, float *scales);

/* Opens the folder, whose only weight NAME has the expected values. */
struct source *packs_check(const char *name, const char *stored, size_t rows, size_t columns,
                           const float *expected);

#endif
