#include "tests/data/ggufs.h"

#include "tests/data/files.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 32 };

void bytes_add(struct bytes *bytes, const void *data, size_t size)
{
  bytes->data = realloc(bytes->data, bytes->size + size + 1);
  assert_non_null(bytes->data);
  if (size > 0)
    memcpy(bytes->data + bytes->size, data, size);
  bytes->size += size;
}

static void add_word(const struct ggufs *file, struct bytes *bytes, uint64_t value, unsigned size)
{
  unsigned char word[8];
  for (unsigned i = 0; i < size; i++)
    word[file->big ? size - 1 - i : i] = (unsigned char)(value >> 8 * i);
  bytes_add(bytes, word, size);
}

static void add_text(const struct ggufs *file, struct bytes *bytes, const char *text)
{
  add_word(file, bytes, strlen(text), 8);
  bytes_add(bytes, text, strlen(text));
}

static void begin_key(struct ggufs *file, const char *key, uint32_t type)
{
  file->keys++;
  add_text(file, &file->key_bytes, key);
  add_word(file, &file->key_bytes, type, 4);
}

void ggufs_number(struct ggufs *file, const char *key, uint32_t type, uint64_t value, unsigned size)
{
  begin_key(file, key, type);
  add_word(file, &file->key_bytes, value, size);
}

void ggufs_u16(struct ggufs *file, const char *key, uint16_t value)
{
  ggufs_number(file, key, 2, value, 2);
}

void ggufs_u32(struct ggufs *file, const char *key, uint32_t value)
{
  ggufs_number(file, key, 4, value, 4);
}

void ggufs_text(struct ggufs *file, const char *key, const char *value)
{
  begin_key(file, key, 8);
  add_text(file, &file->key_bytes, value);
}

void ggufs_texts(struct ggufs *file, const char *key, size_t count, const char *const *values)
{
  begin_key(file, key, 9);
  add_word(file, &file->key_bytes, 8, 4);
  add_word(file, &file->key_bytes, count, 8);
  for (size_t i = 0; i < count; i++)
    add_text(file, &file->key_bytes, values[i]);
}

static void pad(struct bytes *bytes, size_t before)
{
  while ((before + bytes->size) % ALIGNMENT != 0)
    bytes_add(bytes, "", 1);
}

void ggufs_tensor(struct ggufs *file, const char *name, uint32_t type, size_t rows, size_t columns,
                  const void *data, size_t size)
{
  file->tensors++;
  add_text(file, &file->record_bytes, name);
  add_word(file, &file->record_bytes, rows > 0 ? 2 : 1, 4);
  add_word(file, &file->record_bytes, columns, 8);
  if (rows > 0)
    add_word(file, &file->record_bytes, rows, 8);
  add_word(file, &file->record_bytes, type, 4);
  add_word(file, &file->record_bytes, file->data_bytes.size, 8);
  bytes_add(&file->data_bytes, data, size);
  pad(&file->data_bytes, 0);
}

void ggufs_floats(struct ggufs *file, const char *name, size_t rows, size_t columns,
                  const float *values)
{
  struct bytes data = {0};
  size_t count = columns * (rows > 0 ? rows : 1);
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, &values[i], sizeof bits);
    add_word(file, &data, bits, sizeof bits);
  }
  ggufs_tensor(file, name, 0, rows, columns, data.data, data.size);
  free(data.data);
}

const char *ggufs_write(struct ggufs *file, const char *name)
{
  struct bytes all = {0};
  bytes_add(&all, file->magic ? file->magic : "GGUF", 4);
  add_word(file, &all, file->version ? file->version : 3, 4);
  add_word(file, &all, file->tensors, 8);
  add_word(file, &all, file->keys, 8);
  bytes_add(&all, file->key_bytes.data, file->key_bytes.size);
  bytes_add(&all, file->record_bytes.data, file->record_bytes.size);
  pad(&all, 0);
  bytes_add(&all, file->data_bytes.data, file->data_bytes.size);
  const char *path = files_write(name, all.data, all.size);
  free(all.data);
  free(file->key_bytes.data);
  free(file->record_bytes.data);
  free(file->data_bytes.data);
  *file = (struct ggufs){.big = file->big};
  return path;
}
