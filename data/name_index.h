/* Which tensor has which name: a hash table over the tensors of a source, so that finding one among
 * a million costs no more than among ten.
 *
 * The hash has a secret of the process: no file can be made of names that collide. Ownership: the
 * index keeps positions, not names; name_index_free frees it. Threads: any may find while none
 * extends. */
#ifndef QSCOPE_DATA_NAME_INDEX_H
#define QSCOPE_DATA_NAME_INDEX_H

#include "data/tensor.h"

#define NAME_NONE SIZE_MAX

struct name_slot {
  uint32_t place; /* of the tensor, from 1; 0: free */
  uint32_t hash;
};

/* All zero is an empty one. */
struct name_index {
  struct name_slot *slot;
  size_t slots; /* a power of two, or 0 */
  size_t used;
  size_t seen; /* tensors that were taken: they must keep name and place */
};

/* Takes those of the COUNT tensors that were not taken yet; of one name the first one counts.
 * *TWICE: the first tensor whose name another at FROM or behind it has already, or NAME_NONE. False
 * when memory runs out. */
bool name_index_extend(struct name_index *index, const struct tensor *tensors, size_t count,
                       size_t from, size_t *twice);

/* The tensor called NAME, or NAME_NONE. */
size_t name_index_find(const struct name_index *index, const struct tensor *tensors,
                       const char *name);

void name_index_free(struct name_index *index);

#endif
