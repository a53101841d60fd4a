/* XXH64, a fast checksum of 64 bits: tells whether bytes are the same, and is no protection against
 * somebody who wants them to seem so. Several GB/s on one core: more than most disks read.
 *
 * Source: the specification of xxHash (Yann Collet), section "XXH64 algorithm". Ownership:
 * embedded, holds no memory. Threads: one at a time. */
#ifndef QSCOPE_QUANT_BASE_XXH64_H
#define QSCOPE_QUANT_BASE_XXH64_H

#include <stddef.h>
#include <stdint.h>

enum { XXH64_STRIPE = 32 };

struct xxh64 {
  uint64_t lane[4], total;
  unsigned char rest[XXH64_STRIPE]; /* what does not fill a stripe yet: total % XXH64_STRIPE */
};

/* Begins, with the seed 0. */
void xxh64_init(struct xxh64 *hash);
/* Adds LENGTH bytes. However they are cut into pieces, the result is that of all in a row. */
void xxh64_add(struct xxh64 *hash, const void *bytes, size_t length);
/* The result so far; more may be added. */
uint64_t xxh64_value(const struct xxh64 *hash);

#endif
