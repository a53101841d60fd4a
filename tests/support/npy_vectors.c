#include "tests/support/npy_vectors.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *vectors_folder(void)
{
  const char *folder = getenv("QSCOPE_SHARED");
  struct stat info;
  if (!folder || !*folder || stat(folder, &info) != 0 || !S_ISDIR(info.st_mode))
    return NULL;
  return folder;
}

/* Reads "'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }". */
static bool read_header(const char *header, struct vector *out)
{
  const char *descr = strstr(header, "'descr': '"), *shape = strstr(header, "'shape': (");
  if (!descr || !shape || !strstr(header, "'fortran_order': False"))
    return false;
  descr += strlen("'descr': '");
  out->type = descr[1];
  out->size = strtoul(descr + 2, NULL, 10);
  out->count = 1;
  for (shape += strlen("'shape': ("); *shape != ')' && out->dims < 4;) {
    char *end;
    out->dim[out->dims] = strtoul(shape, &end, 10);
    if (end == shape)
      return false;
    out->count *= out->dim[out->dims++];
    shape = end + strspn(end, ", ");
  }
  return *descr != '>' && strchr("fiu", out->type) && out->size >= 1 && out->size <= 8;
}

static bool read_stream(FILE *stream, struct vector *out)
{
  unsigned char start[10];
  char header[4096] = "";
  if (fread(start, 1, sizeof start, stream) != sizeof start || memcmp(start, "\x93NUMPY\1", 7) != 0)
    return false;
  size_t length = (size_t)start[8] | (size_t)start[9] << 8;
  if (length >= sizeof header || fread(header, 1, length, stream) != length ||
      !read_header(header, out))
    return false;
  out->data = malloc(out->count * out->size + 1);
  return out->data && fread(out->data, out->size, out->count, stream) == out->count;
}

bool vector_load(struct vector *out, const char *file, ...)
{
  char name[256], path[1024];
  va_list arguments;
  va_start(arguments, file);
  vsnprintf(name, sizeof name, file, arguments);
  va_end(arguments);
  const char *folder = vectors_folder();
  snprintf(path, sizeof path, "%s/%s", folder ? folder : ".", name);
  *out = (struct vector){0};
  FILE *stream = fopen(path, "rb");
  bool good = stream && read_stream(stream, out);
  if (stream)
    fclose(stream);
  if (!good) {
    fprintf(stderr, "# %s: expected a plain .npy file\n", path);
    vector_free(out);
  }
  return good;
}

void vector_free(struct vector *vector)
{
  free(vector->data);
  *vector = (struct vector){0};
}

#define NUMBER(letter, ctype)                                                                      \
  if (vector->type == letter && vector->size == sizeof(ctype)) {                                   \
    ctype number;                                                                                  \
    memcpy(&number, (const char *)vector->data + index * sizeof number, sizeof number);            \
    return (double)number;                                                                         \
  }

double vector_number(const struct vector *vector, size_t index)
{
  NUMBER('f', float)
  NUMBER('f', double)
  NUMBER('u', uint8_t)
  NUMBER('u', uint16_t)
  NUMBER('u', uint32_t)
  NUMBER('u', uint64_t)
  NUMBER('i', int8_t)
  NUMBER('i', int16_t)
  NUMBER('i', int32_t)
  NUMBER('i', int64_t)
  abort();
}

const float *vector_floats(const struct vector *vector)
{
  return vector->type == 'f' && vector->size == 4 ? vector->data : NULL;
}
