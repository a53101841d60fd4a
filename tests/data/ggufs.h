/* A writer of GGUF files for tests, in either byte order.
 *
 * Ownership: the writer holds what it was given; ggufs_write frees it. Threads: one. */
#ifndef QSCOPE_TESTS_DATA_GGUFS_H
#define QSCOPE_TESTS_DATA_GGUFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
  unsigned char *data;
  size_t size;
};
void bytes_add(struct bytes *bytes, const void *data, size_t size);

struct ggufs {
  bool big;
  const char *magic; /* NULL: "GGUF" */
  uint32_t version;  /* 0: 3 */
  uint64_t keys, tensors;
  struct bytes key_bytes, record_bytes, data_bytes;
};

/* TYPE of the value by GGUF's number, SIZE bytes of it. */
void ggufs_number(struct ggufs *file, const char *key, uint32_t type, uint64_t value,
                  unsigned size);
void ggufs_u16(struct ggufs *file, const char *key, uint16_t value);
void ggufs_u32(struct ggufs *file, const char *key, uint32_t value);
void ggufs_text(struct ggufs *file, const char *key, const char *value);
void ggufs_texts(struct ggufs *file, const char *key, size_t count, const char *const *values);

/* ROWS rows of COLUMNS (0 rows: one dimension) of ggml's TYPE; the bytes as they are. */
void ggufs_tensor(struct ggufs *file, const char *name, uint32_t type, size_t rows, size_t columns,
                  const void *data, size_t size);
void ggufs_floats(struct ggufs *file, const char *name, size_t rows, size_t columns,
                  const float *values);

/* Writes NAME into the tests' folder; its path (see files_write). */
const char *ggufs_write(struct ggufs *file, const char *name);

#endif
