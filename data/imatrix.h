/* Importance matrices of llama.cpp: for each layer the mean square of what flowed into each column
 * of its weight. The older files have a format of their own, the newer ones are GGUF.
 *
 * Of either kind a source lists the sums as the file has them ("NAME.sums"; "NAME.in_sum2" and
 * "NAME.counts"), and as a derived tensor called NAME, the layer's weight, their means: a value for
 * each column, or for each column of each expert (a row for each).
 *
 * Ownership: the source owns what is added. Threads: as source.h says. */
#ifndef QSCOPE_DATA_IMATRIX_H
#define QSCOPE_DATA_IMATRIX_H

#include "data/source_types.h"

/* The type of sources of either kind. */
#define IMATRIX_TYPE "imatrix"

/* If SOURCE, all of whose tensors come from GGUF, says that it is an importance matrix, makes it
 * one; else leaves it as it is. */
enum status imatrix_offer(struct source *source, struct error *error);

/* Where the means for one weight lie: elements FIRST .. FIRST + COUNT - 1 of tensor INDEX. */
struct imatrix_entry {
  size_t index, first, count;
};

/* The means for the tensor called NAME, by that name or by GGUF's for it (see data/rename.h); for
 * an expert that has a tensor of its own, its row of all experts'. SOURCE is of IMATRIX_TYPE. */
bool imatrix_find(const struct source *source, const char *name, struct imatrix_entry *out);

#endif
