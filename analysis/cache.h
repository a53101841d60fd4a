/* What was computed before, least recently used first to go: results by (source, tensor,
 * quantizer, part), metrics alone by (source, tensor, quantizer), and what is known of a tensor
 * whatever the quantizer (facts and digest).
 *
 * A part is what a request asks for beyond the metrics: axis, bins and their range, errors
 * by bin, details, blocks. A result that has blocks also answers who asks for none; so with errors.
 * Sources are told apart by their number, so that a closed one is never taken for another.
 * Ownership: the cache copies the results it keeps and gives copies (their fits are shared); facts
 * and digests move in and out. Threads: one at a time. */
#ifndef QSCOPE_ANALYSIS_CACHE_H
#define QSCOPE_ANALYSIS_CACHE_H

#include "analysis/result.h"
#include "data/source.h"

struct cache;

/* For at most BYTES of memory; 0: keeps nothing. NULL when memory runs out. */
struct cache *cache_new(size_t bytes);
void cache_free(struct cache *cache);
/* Another bound; what does not fit any more goes. */
void cache_set_most(struct cache *cache, size_t bytes);
/* Memory that the entries take now. */
size_t cache_bytes(const struct cache *cache);

/* Keeps a copy of RESULT. Not of a partial one, nor where REQUEST asks for a board, checks or
 * a calibration on other values; nor when memory runs out. */
void cache_keep_result(struct cache *cache, uint64_t source, size_t tensor,
                       const struct quantizer *quantizer, const struct result_request *request,
                       const struct result *result);
/* A copy that the caller frees; NULL when there is none. */
struct result *cache_find_result(struct cache *cache, uint64_t source, size_t tensor,
                                 const struct quantizer *quantizer,
                                 const struct result_request *request);

/* Keeps the metrics of a quantizer that is calibrated on the tensor itself; gives them, or those of
 * a result that has them, in *OUT. Those of the channels need not be there. */
void cache_keep_metrics(struct cache *cache, uint64_t source, size_t tensor,
                        const struct quantizer *quantizer, const struct metrics *metrics);
bool cache_find_metrics(struct cache *cache, uint64_t source, size_t tensor,
                        const struct quantizer *quantizer, struct metrics *out);

/* What is known of a tensor whatever the quantizer. */
struct known {
  struct facts facts;
  struct digest *digest;     /* NULL: it has none */
  struct high_digest *high;  /* NULL: not made yet, or not needed */
  struct histogram original; /* the last that was wanted; without bins: none was */
};
void known_free(struct known *known);

/* Keeps KNOWN, whose digests become the cache's. */
void cache_keep_known(struct cache *cache, uint64_t source, size_t tensor,
                      const struct known *known);
/* The same where there is room without anything else going, and before all others when there is not
 * any more: nobody has asked for it yet. */
void cache_offer_known(struct cache *cache, uint64_t source, size_t tensor,
                       const struct known *known);
/* Takes it out; its digests become the caller's. */
bool cache_take_known(struct cache *cache, uint64_t source, size_t tensor, struct known *known);

#endif
