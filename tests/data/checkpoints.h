/* Checkpoints that tests write: the same tensors as a .safetensors or as a zip of PyTorch.
 *
 * Ownership: as files.h. Threads: one. */
#ifndef QSCOPE_TESTS_DATA_CHECKPOINTS_H
#define QSCOPE_TESTS_DATA_CHECKPOINTS_H

#include "tests/data/files.h"

/* A tensor; DTYPE as safetensors calls it ("I32", "BF16"). */
struct part {
  const char *name, *dtype;
  unsigned dims;
  size_t dim[4];
  const void *data; /* in the machine's order, which is taken to be little-endian */
};

/* Bytes of PART. */
size_t part_size(const struct part *part);

const char *checkpoint_safetensors(const char *name, const struct part *parts, size_t count);

/* A .bin or .pt: data.pkl, stored, and a member for each tensor, DEFLATED or not. */
const char *checkpoint_pytorch(const char *name, const struct part *parts, size_t count,
                               bool deflated);

/* Writes TEXT to config.json of the folder. */
void checkpoint_config(const char *text);

/* Finds the tensor NAME, loads it, and compares its values with EXPECTED: all at once, and piece
 * by piece with starts and lengths of all kinds, and from several threads. Its index. */
size_t checkpoint_expect(struct source *source, const char *name, const float *expected,
                         size_t count);

#endif
