/* A digest: the distinct finite values of a tensor, and how often each occurs. For tensors stored
 * in 16 bits or fewer it is the whole truth about every question that does not ask where a value
 * stands: min, max, sums, percentiles, and what any calibrator of the whole tensor chooses.
 *
 * Digests merge by addition. Ownership: digest_new returns a digest that the caller frees with
 * digest_free. Threads: immutable once made. */
#ifndef QSCOPE_QUANT_DIGEST_H
#define QSCOPE_QUANT_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIGEST_MOST = 65536 }; /* entries */

struct digest {
  size_t distinct;  /* entries */
  size_t room;      /* for so many */
  float *values;    /* finite, ascending; both zeros are +0 */
  uint64_t *counts; /* of each, 1 or more */
  uint64_t finite, nan, inf;
};

/* The digest of tables that give the value of each of CODES (at most DIGEST_MOST) codes, in any
 * order and with repetitions, and how often each code occurs. NULL when memory runs out. */
struct digest *digest_new(const float *value, const uint64_t *count, size_t codes);
void digest_free(struct digest *digest);
/* Memory that it takes. */
size_t digest_bytes(const struct digest *digest);

/* The digest of both tensors together; they may share no entry or all. NULL when memory runs out,
 * or when the union has more than DIGEST_MOST entries. */
struct digest *digest_merge(const struct digest *a, const struct digest *b);

#endif
