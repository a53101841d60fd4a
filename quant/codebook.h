/* Codebooks: formats whose levels are a list. Built in (nf4, bitsandbytes' fp4), from a file
 * (codebook=FILE), or fitted to the tensor (lloyd=LEVELS).
 *
 * This floor knows no files: whoever can read them sets codebook_reader once, before threads
 * start. Ownership: codebook_new returns a codebook that the caller frees with free(); built-in
 * ones are constant. Threads: immutable. */
#ifndef QSCOPE_QUANT_CODEBOOK_H
#define QSCOPE_QUANT_CODEBOOK_H

#include "quant/base/status.h"
#include "quant/family.h"
#include "quant/sample.h"

enum { CODEBOOK_LEAST = 2, CODEBOOK_MOST = 65536 };

extern struct codebook nf4_codebook, bnb_fp4_codebook;

/* Fills AT, which has room for CODEBOOK_BUCKETS (64 KiB: what caches hold beside the elements), and
 * lets CODEBOOK, whose levels, bounds and codes are set, search with it. */
enum { CODEBOOK_BUCKETS = 4096 };
void codebook_make_buckets(struct codebook *codebook, struct codebook_bucket *at);

/* A codebook of COUNT ascending levels (copied); NULL when memory runs out. */
struct codebook *codebook_new(const float *levels, size_t count);

/* Refuses levels that are not ascending, distinct and finite, or too few or too many; names the
 * first one at fault. STATUS_INPUT. */
enum status codebook_check(const float *levels, size_t count, struct error *error);

/* Reads the levels of FILE into a new array. Unset: no files can be read. */
extern enum status (*codebook_reader)(const char *file, float **levels, size_t *count,
                                      struct error *error);

/* The LEVELS levels with the least squared error for SAMPLE, found by Lloyd's iteration on a digest
 * of the values (one bin per 2^-11 of an octave): STATUS_MEMORY, STATUS_CANCELLED. Fewer levels
 * when the sample has fewer values. Deterministic. */
enum status lloyd_learn(const struct sample *sample, size_t levels, struct codebook **out,
                        struct error *error);

#endif
