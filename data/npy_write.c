#include "data/npy_write.h"

#include "data/outfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ORDER "<"
#else
#define ORDER ">"
#endif

static const struct {
  const char *descr;
  size_t size;
} types[] = {
    [NPY_I1] = {"|i1", 1},      [NPY_U1] = {"|u1", 1},      [NPY_I2] = {ORDER "i2", 2},
    [NPY_U2] = {ORDER "u2", 2}, [NPY_I4] = {ORDER "i4", 4}, [NPY_F4] = {ORDER "f4", 4},
};

struct npy_writer {
  struct outfile *file;
  size_t size; /* bytes of an element */
};

enum { ALIGNMENT = 64, PREFIX = 10, HEADER_ROOM = 256 + 24 * SHAPE_MAX_DIMS };

/* The shape as Python writes a tuple: "()", "(3,)", "(3, 4)". */
static void print_tuple(const struct shape *shape, char *text, size_t size)
{
  size_t used = (size_t)snprintf(text, size, "(");
  for (unsigned i = 0; i < shape->dims; i++)
    used += (size_t)snprintf(text + used, size - used, "%s%zu", i ? ", " : "", shape->dim[i]);
  snprintf(text + used, size - used, shape->dims == 1 ? ",)" : ")");
}

/* Magic, version, length, and the dictionary padded so that the data starts aligned. */
static void write_header(struct outfile *out, const char *descr, const struct shape *shape)
{
  char tuple[24 * SHAPE_MAX_DIMS + 4], text[HEADER_ROOM];
  print_tuple(shape, tuple, sizeof tuple);
  int used = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }",
                      descr, tuple);
  int total = (PREFIX + used + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  int padded = total - PREFIX;
  const unsigned char prefix[PREFIX] = {0x93,
                                        'N',
                                        'U',
                                        'M',
                                        'P',
                                        'Y',
                                        1,
                                        0,
                                        (unsigned char)(padded & 0xff),
                                        (unsigned char)(padded >> 8)};
  snprintf(text + used, sizeof text - (size_t)used, "%*s", padded - used, "\n");
  outfile_write(out, prefix, sizeof prefix);
  outfile_write(out, text, (size_t)padded);
}

enum status npy_write_begin(const char *path, enum npy_type type, const struct shape *shape,
                            struct npy_writer **out, struct error *error)
{
  struct npy_writer *writer = calloc(1, sizeof *writer);
  if (!writer)
    return error_memory(error, path);
  enum status status = outfile_open(path, &writer->file, error);
  if (status != STATUS_OK) {
    free(writer);
    return status;
  }
  writer->size = types[type].size;
  write_header(writer->file, types[type].descr, shape);
  *out = writer;
  return STATUS_OK;
}

void npy_write_block(struct npy_writer *writer, const void *values, size_t count)
{
  outfile_write(writer->file, values, writer->size * count);
}

enum status npy_write_end(struct npy_writer *writer, struct error *error)
{
  enum status status = outfile_commit(writer->file, error);
  free(writer);
  return status;
}

void npy_write_discard(struct npy_writer *writer)
{
  if (!writer)
    return;
  outfile_discard(writer->file);
  free(writer);
}
