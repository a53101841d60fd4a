/* NumPy's .npy, versions 1 to 3: "\x93NUMPY", two version bytes, the length of a header, the
 * header (a Python dict literal), the data. Bytes after the data are allowed, as NumPy allows
 * them: several arrays may follow each other in one file, and the first is read. */
#include "config.h"

#include "data/npy.h"

#include "data/folder.h"
#include "quant/base/size.h"

#include <stdlib.h>
#include <string.h>

#define NPY_MAGIC "\x93NUMPY"
enum { MAGIC_SIZE = 6 };

static uint64_t little_endian(const unsigned char *bytes, unsigned size)
{
  uint64_t value = 0;
  for (unsigned i = size; i-- > 0;)
    value = value << 8 | bytes[i];
  return value;
}

bool npy_tastes(const char *spec, const unsigned char *head, size_t length)
{
  if (length > 0)
    return length >= MAGIC_SIZE && memcmp(head, NPY_MAGIC, MAGIC_SIZE) == 0;
  return text_ends(spec, ".npy");
}

/* --- the element type ("descr") --------------------------------------------------- */

static const struct {
  const char *descr, *stored;
} npy_types[] = {
    {"f2", "f16"}, {"f4", "f32"},  {"f8", "f64"}, {"i1", "i8"},    {"i2", "i16"},
    {"i4", "i32"}, {"i8", "i64"},  {"u1", "u8"},  {"u2", "u16"},   {"u4", "u32"},
    {"u8", "u64"}, {"b1", "bool"}, {"c8", "c64"}, {"c16", "c128"},
};

/* What the kinds are that hold no real numbers. */
static const struct {
  char kind;
  const char *what;
} npy_refused[] = {
    {'O', "Python objects (a pickle, which is never executed)"},
    {'c', "complex numbers of another width"},
    {'S', "byte strings"},
    {'a', "byte strings"},
    {'U', "text"},
    {'V', "raw bytes or a type that NumPy itself does not have"},
    {'M', "dates"},
    {'m', "time spans"},
};

static enum status read_descr(const char *descr, struct tensor *tensor, struct error *error)
{
  bool big_host = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
  bool big = descr[0] == '>' || (big_host && descr[0] != '<');
  const char *type = descr + (descr[0] && strchr("<>=|", descr[0]));
  for (size_t i = 0; i < sizeof npy_types / sizeof *npy_types; i++)
    if (strcmp(type, npy_types[i].descr) == 0) {
      tensor->stored = stored_find(npy_types[i].stored);
      tensor->swapped = big && tensor->stored->size > 1;
      return STATUS_OK;
    }
  for (size_t i = 0; i < sizeof npy_refused / sizeof *npy_refused; i++)
    if (type[0] == npy_refused[i].kind)
      return error_set(error, STATUS_INPUT,
                       "element type \"%s\" holds %s; expected numbers (f2 f4 f8 i1..i8 "
                       "u1..u8 b1 c8 c16)",
                       SHOWN(descr), npy_refused[i].what);
  return error_set(error, STATUS_INPUT,
                   "unknown element type \"%s\"; expected one of f2 f4 f8 i1..i8 u1..u8 b1 c8 c16",
                   SHOWN(descr));
}

/* --- the header: a Python dict literal of three known keys ------------------------- */

struct reader {
  const unsigned char *next, *end;
  size_t offset; /* of the header in the file, for messages */
  const unsigned char *begin;
  struct error *error;
  bool fortran; /* what fortran_order says */
};

static enum status syntax(const struct reader *in, const char *expected)
{
  size_t place = in->offset + (size_t)(in->next - in->begin);
  if (in->next == in->end)
    return error_set(in->error, STATUS_INPUT, "header ends at offset %zu, expected %s", place,
                     expected);
  return error_set(in->error, STATUS_INPUT, "header at offset %zu: expected %s, found byte 0x%02x",
                   place, expected, *in->next);
}

static void skip_blanks(struct reader *in)
{
  while (in->next < in->end && (*in->next == ' ' || *in->next == '\n' || *in->next == '\t'))
    in->next++;
}

/* Takes CHARACTER if it comes next after blanks. */
static bool take(struct reader *in, char character)
{
  skip_blanks(in);
  if (in->next == in->end || *in->next != (unsigned char)character)
    return false;
  in->next++;
  return true;
}

static bool take_word(struct reader *in, const char *word)
{
  size_t length = strlen(word);
  skip_blanks(in);
  if ((size_t)(in->end - in->next) < length || memcmp(in->next, word, length) != 0)
    return false;
  in->next += length;
  return true;
}

/* A quoted string without escapes, into TEXT. */
static enum status read_string(struct reader *in, const char *expected, char *text, size_t size)
{
  skip_blanks(in);
  if (in->next == in->end || (*in->next != '\'' && *in->next != '"'))
    return syntax(in, expected);
  unsigned char quote = *in->next++;
  size_t used = 0;
  for (; in->next < in->end && *in->next != quote; in->next++) {
    if (*in->next == '\\' || *in->next == 0 || *in->next == '\n' || used + 1 == size)
      return syntax(in, expected);
    text[used++] = (char)*in->next;
  }
  text[used] = '\0';
  return take(in, (char)quote) ? STATUS_OK : syntax(in, "a closing quote");
}

static enum status read_size(struct reader *in, size_t *out)
{
  skip_blanks(in);
  if (in->next == in->end || *in->next < '0' || *in->next > '9')
    return syntax(in, "a size of the shape");
  for (*out = 0; in->next < in->end && *in->next >= '0' && *in->next <= '9'; in->next++)
    if (!size_mul(*out, 10, out) || !size_add(*out, (size_t)(*in->next - '0'), out))
      return error_set(in->error, STATUS_INPUT, "a size of the shape does not fit in 64 bits");
  if (in->next < in->end && *in->next == 'L') /* as Python 2 wrote them */
    in->next++;
  return STATUS_OK;
}

static enum status read_shape(struct reader *in, struct shape *shape)
{
  if (!take(in, '('))
    return syntax(in, "\"(\" before the shape");
  shape->dims = 0;
  while (!take(in, ')')) {
    if (shape->dims == SHAPE_MAX_DIMS)
      return error_set(in->error, STATUS_INPUT, "shape has more than %d dimensions",
                       SHAPE_MAX_DIMS);
    enum status status = read_size(in, &shape->dim[shape->dims++]);
    if (status != STATUS_OK)
      return status;
    if (!take(in, ',') && (in->next == in->end || *in->next != ')'))
      return syntax(in, "\",\" or \")\" in the shape");
  }
  return STATUS_OK;
}

static enum status read_order(struct reader *in, bool *fortran)
{
  *fortran = take_word(in, "True");
  return *fortran || take_word(in, "False") ? STATUS_OK : syntax(in, "True or False");
}

static enum status read_type(struct reader *in, struct tensor *tensor)
{
  char descr[32];
  skip_blanks(in);
  if (in->next < in->end && *in->next == '[')
    return error_set(in->error, STATUS_INPUT,
                     "structured elements (records with fields); expected plain numbers");
  enum status status = read_string(in, "an element type such as '<f4'", descr, sizeof descr);
  return status == STATUS_OK ? read_descr(descr, tensor, in->error) : status;
}

enum { KEY_DESCR = 1, KEY_ORDER = 2, KEY_SHAPE = 4, KEYS_ALL = 7 };

static enum status read_entry(struct reader *in, struct tensor *tensor, unsigned *seen)
{
  char key[32];
  enum status status = read_string(in, "a key of the header", key, sizeof key);
  if (status != STATUS_OK)
    return status;
  unsigned bit = strcmp(key, "descr") == 0           ? KEY_DESCR
                 : strcmp(key, "fortran_order") == 0 ? KEY_ORDER
                 : strcmp(key, "shape") == 0         ? KEY_SHAPE
                                                     : 0;
  if (!bit || *seen & bit)
    return error_set(in->error, STATUS_INPUT,
                     "%s header key \"%s\"; expected descr, fortran_order and shape, once each",
                     bit ? "second" : "unknown", SHOWN(key));
  *seen |= bit;
  if (!take(in, ':'))
    return syntax(in, "\":\" after the key");
  return bit == KEY_DESCR   ? read_type(in, tensor)
         : bit == KEY_ORDER ? read_order(in, &in->fortran)
                            : read_shape(in, &tensor->shape);
}

static enum status read_header(struct reader *in, struct tensor *tensor)
{
  unsigned seen = 0;
  if (!take(in, '{'))
    return syntax(in, "\"{\"");
  while (!take(in, '}')) {
    enum status status = read_entry(in, tensor, &seen);
    if (status != STATUS_OK)
      return status;
    if (!take(in, ',') && (in->next == in->end || *in->next != '}'))
      return syntax(in, "\",\" or \"}\"");
  }
  skip_blanks(in);
  if (in->next != in->end)
    return syntax(in, "nothing but blanks after the dict");
  if (seen != KEYS_ALL)
    return error_set(in->error, STATUS_INPUT, "header lacks %s",
                     !(seen & KEY_DESCR)   ? "descr"
                     : !(seen & KEY_ORDER) ? "fortran_order"
                                           : "shape");
  return STATUS_OK;
}

/* --- the file ------------------------------------------------------------------------ */

enum status npy_prefix(struct bytes file, size_t *start, size_t *size, struct error *error)
{
  if (file.size == 0)
    return error_set(error, STATUS_INPUT, "the file is empty; expected a .npy array");
  if (file.size < MAGIC_SIZE || memcmp(file.data, NPY_MAGIC, MAGIC_SIZE) != 0)
    return error_set(error, STATUS_INPUT,
                     "not a .npy file: expected first bytes 93 4e 55 4d 50 59, found %s",
                     first_bytes(file.data, file.size, (char[BYTES_SHOWN]){0}));
  unsigned version = file.size > MAGIC_SIZE ? file.data[MAGIC_SIZE] : 0;
  unsigned width = version == 1 ? 2 : 4;
  *start = MAGIC_SIZE + 2 + width;
  if (file.size < *start)
    return error_set(error, STATUS_INPUT, "ends inside its prefix: expected %zu bytes, found %zu",
                     *start, file.size);
  if (version < 1 || version > 3 || file.data[MAGIC_SIZE + 1] != 0)
    return error_set(error, STATUS_INPUT, "unknown .npy version %u.%u; expected 1.0, 2.0 or 3.0",
                     version, file.data[MAGIC_SIZE + 1]);
  *size = (size_t)little_endian(file.data + MAGIC_SIZE + 2, width);
  return STATUS_OK;
}

enum status npy_header(struct bytes file, struct tensor *tensor, size_t *start, struct error *error)
{
  size_t size = 0;
  enum status status = npy_prefix(file, start, &size, error);
  if (status != STATUS_OK)
    return status;
  if (size > file.size - *start)
    return error_set(error, STATUS_INPUT, "header of %zu bytes at offset %zu, but %zu bytes follow",
                     size, *start, file.size - *start);
  const unsigned char *header = file.data + *start;
  struct reader in = {
      .next = header, .end = header + size, .begin = header, .offset = *start, .error = error};
  status = read_header(&in, tensor);
  if (status != STATUS_OK)
    return status;
  char text[200];
  *start += size;
  if (!shape_count(&tensor->shape, &tensor->count) ||
      !size_mul(tensor->count, tensor->stored->size, &tensor->bytes))
    return error_set(error, STATUS_INPUT, "shape %s of %s is larger than the address space",
                     shape_print(&tensor->shape, text, sizeof text), tensor->stored->name);
  if (in.fortran)
    tensor_set_fortran(tensor);
  return STATUS_OK;
}

enum status npy_check_data(const struct tensor *tensor, size_t start, size_t size,
                           struct error *error)
{
  char text[200];
  if (size - start >= tensor->bytes)
    return STATUS_OK;
  return error_set(error, STATUS_INPUT,
                   "data ends early: %s of %s from offset %zu: expected %zu bytes, found %zu",
                   shape_print(&tensor->shape, text, sizeof text), tensor->stored->name, start,
                   tensor->bytes, size - start);
}

static enum status add_array(struct source *source, const char *path, struct tensor *tensor,
                             struct error *error)
{
  char *name = strdup(strcmp(path, "-") == 0 ? "stdin" : path_base(path));
  if (!name)
    return error_memory(error, "a tensor's name");
  if (text_ends(name, ".npy") && strlen(name) > 4)
    name[strlen(name) - 4] = '\0';
  tensor->name = name;
  enum status status = source_add(source, tensor, error);
  free(name);
  return status;
}

enum status npy_open(const char *path, struct source *source, struct error *error)
{
  struct map *map;
  struct tensor tensor = {0};
  size_t start = 0;
  if (path_is_folder(path))
    return folder_open(path, source, error);
  enum status status = source_map(source, path, &map, error);
  if (status != STATUS_OK)
    return status;
  status = npy_header((struct bytes){map->bytes, map->size}, &tensor, &start, error);
  if (status == STATUS_OK)
    status = npy_check_data(&tensor, start, map->size, error);
  if (status == STATUS_OK) {
    tensor.data = map->bytes + start;
    status = add_array(source, path, &tensor, error);
  }
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", SHOWN(path));
  return status;
}
