/* Counts of the codes that a quantizer used: levels, entropy, share of high codes.
 *
 * Codes of all units count together. The two zeros of a small float are one level here, as they
 * are in `levels`. Ownership: codes_init allocates, codes_free frees. Threads: one writer for
 * each worker number. */
#ifndef QSCOPE_ANALYSIS_CODES_H
#define QSCOPE_ANALYSIS_CODES_H

#include "analysis/counted.h"
#include "analysis/metrics.h"
#include "analysis/pass.h"

struct codes {
  const struct fit *fit;
  size_t codes, lanes, stride; /* counters of a worker: lanes x codes, and room to the next */
  unsigned workers;
  bool high_by_unit; /* what is a high code differs between units */
  uint64_t *count;
  uint64_t *high;   /* for each worker, a cache line apart */
  uint16_t *pairs;  /* CODE_PAIRS of each worker; NULL: see codes_pair */
  uint32_t *paired; /* as HIGH */
};

bool codes_init(struct codes *codes, const struct fit *fit);
void codes_free(struct codes *codes);
/* After codes_init: codes_tables have counters of pairs, too, where there are few codes, which are
 * worth their memory for long tensors. False without memory. */
bool codes_pair(struct codes *codes);
/* Counts a block of finite values; FINITE false: x holds others, which are left out. */
void codes_add(struct codes *codes, const struct pass_block *block, bool finite);
/* Where kernels count the codes of finite values, and how many of them are HIGH, which is to be
 * told where high_by_unit: for formats of at most 8 bits. */
struct code_tables codes_tables(const struct codes *codes, unsigned worker);
void codes_add_high(struct codes *codes, unsigned worker, uint64_t high);
/* Counts a run of UNIT, which FIT knows, whose codes, those of finite values, occur COUNT
 * times each. */
void codes_add_counts(struct codes *codes, unsigned worker, const struct fit *fit, size_t unit,
                      const uint32_t *count);
/* The same for all values of a digest. */
void codes_add_counted(struct codes *codes, const struct counted *counted);
/* Fills levels, levels_used, code_entropy_bits and high_code_rate. */
void codes_finish(const struct codes *codes, struct metrics *metrics);

#endif
