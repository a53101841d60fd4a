/* Numbers without a header: "raw:FILE,dtype=bf16,shape=4096x4096,offset=128,order=big". What stands
 * in no file must be said: the stored type at least; the rest has usual values. */
#include "config.h"

#include "data/source_types.h"
#include "quant/base/nearest.h"
#include "quant/base/number.h"
#include "quant/base/size.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

struct layout {
  const struct stored *stored;
  struct shape shape;
  int open; /* the axis whose size follows from the file's; -1: none does */
  size_t offset;
  bool big, fortran;
};

/* --- options --------------------------------------------------------------------------------- */

/* What other programs call the stored types. */
static const struct {
  const char *word, *stored;
} aliases[] = {
    {"double", "f64"},
    {"float64", "f64"},
    {"fp64", "f64"},
    {"float", "f32"},
    {"float32", "f32"},
    {"fp32", "f32"},
    {"single", "f32"},
    {"half", "f16"},
    {"float16", "f16"},
    {"fp16", "f16"},
    {"bfloat16", "bf16"},
    {"float8_e4m3fn", "f8_e4m3"},
    {"float8_e4m3", "f8_e4m3"},
    {"f8_e4m3fn", "f8_e4m3"},
    {"fp8_e4m3", "f8_e4m3"},
    {"e4m3", "f8_e4m3"},
    {"e4m3fn", "f8_e4m3"},
    {"float8_e5m2", "f8_e5m2"},
    {"fp8_e5m2", "f8_e5m2"},
    {"e5m2", "f8_e5m2"},
    {"float8_e4m3fnuz", "f8_e4m3fnuz"},
    {"e4m3fnuz", "f8_e4m3fnuz"},
    {"float8_e5m2fnuz", "f8_e5m2fnuz"},
    {"e5m2fnuz", "f8_e5m2fnuz"},
    {"float8_e8m0fnu", "f8_e8m0"},
    {"e8m0", "f8_e8m0"},
    {"float4_e2m1", "f4"},
    {"e2m1", "f4"},
    {"int64", "i64"},
    {"int32", "i32"},
    {"int16", "i16"},
    {"int8", "i8"},
    {"int4", "i4"},
    {"uint64", "u64"},
    {"uint32", "u32"},
    {"uint16", "u16"},
    {"uint8", "u8"},
    {"byte", "u8"},
    {"uint4", "u4"},
    {"boolean", "bool"},
};
enum { ALIASES = sizeof aliases / sizeof *aliases, WORDS_MOST = 160 };

static enum status unknown_dtype(const char *value, struct error *error)
{
  const char *words[WORDS_MOST];
  size_t count = 0;
  for (size_t i = 0; i < stored_table_length && count < WORDS_MOST; i++)
    if (stored_table[i].decode)
      words[count++] = stored_table[i].name;
  size_t stored = count;
  for (size_t i = 0; i < ALIASES && count < WORDS_MOST; i++)
    words[count++] = aliases[i].word;
  const char *near = nearest_word(value, words, count);
  if (near)
    return error_set(error, STATUS_USAGE, "dtype=%s: no stored type; did you mean \"%s\"?",
                     SHOWN(value), near);
  return source_unknown_word("dtype", value, words, stored, error);
}

static enum status read_dtype(const char *value, struct layout *layout, struct error *error)
{
  const char *name = value;
  for (size_t i = 0; i < ALIASES; i++)
    if (strcasecmp(aliases[i].word, value) == 0)
      name = aliases[i].stored;
  layout->stored = stored_find(name);
  if (!layout->stored)
    return unknown_dtype(value, error);
  if (!layout->stored->decode)
    return error_set(error, STATUS_USAGE, "dtype=%s: such values cannot be decoded", SHOWN(value));
  return STATUS_OK;
}

static enum status read_shape(const char *value, struct layout *layout, struct error *error)
{
  if (shape_scan(value, &layout->shape, &layout->open))
    return STATUS_OK;
  return error_set(
      error, STATUS_USAGE,
      "shape=%s: expected 1 to %d sizes with x between them, such as 4096x768; one may "
      "be -1 or ?",
      SHOWN(value), SHAPE_MAX_DIMS);
}

static enum status read_offset(const char *value, struct layout *layout, struct error *error)
{
  if (number_size(value, &layout->offset))
    return STATUS_OK;
  return error_set(error, STATUS_USAGE,
                   "offset=%s: expected a number of bytes, such as 128, 0x80, 4K or 4Ki",
                   SHOWN(value));
}

/* Which of two words VALUE is. */
static enum status read_choice(const char *what, const char *value, const char *usual,
                               const char *other, bool *is_other, struct error *error)
{
  *is_other = strcasecmp(value, other) == 0;
  if (*is_other || strcasecmp(value, usual) == 0)
    return STATUS_OK;
  return error_set(error, STATUS_USAGE, "%s=%s: expected %s or %s", what, SHOWN(value), usual,
                   other);
}

static enum status read_order(const char *value, struct layout *layout, struct error *error)
{
  return read_choice("order", value, "little", "big", &layout->big, error);
}

static enum status read_layout(const char *value, struct layout *layout, struct error *error)
{
  return read_choice("layout", value, "c", "fortran", &layout->fortran, error);
}

static const struct option {
  const char *name;
  enum status (*read)(const char *value, struct layout *layout, struct error *error);
} options[] = {
    {"dtype", read_dtype}, {"shape", read_shape},   {"offset", read_offset},
    {"order", read_order}, {"layout", read_layout},
};
enum { OPTIONS = sizeof options / sizeof *options };

/* The option that WORD ("offset=128") sets, or NULL. */
static const struct option *find_option(const char *word)
{
  size_t length = strcspn(word, "=");
  for (size_t i = 0; i < OPTIONS && word[length]; i++)
    if (strlen(options[i].name) == length && strncmp(options[i].name, word, length) == 0)
      return &options[i];
  return NULL;
}

/* Cuts options off the end of SPEC, which leaves the file's name: that may hold commas. */
static enum status cut_options(char *spec, struct layout *layout, struct error *error)
{
  const struct option *option;
  enum status status = STATUS_OK;
  bool seen[OPTIONS] = {0};
  char *comma;
  while (status == STATUS_OK && (comma = strrchr(spec, ',')) && (option = find_option(comma + 1))) {
    if (seen[option - options])
      return error_set(error, STATUS_USAGE, "%s is given twice", option->name);
    seen[option - options] = true;
    status = option->read(strchr(comma, '=') + 1, layout, error);
    *comma = '\0';
  }
  return status;
}

/* What was taken for the file's name is rather an option that is not known. */
static enum status check_name(const char *path, struct error *error)
{
  const char *names[OPTIONS], *comma = strrchr(path, ',');
  char word[SHOWN_SIZE];
  if (!comma || access(path, F_OK) == 0)
    return STATUS_OK;
  for (size_t i = 0; i < OPTIONS; i++)
    names[i] = options[i].name;
  snprintf(word, sizeof word, "%.*s", (int)strcspn(comma + 1, "="), comma + 1);
  return source_unknown_word("option", word, names, OPTIONS, error);
}

/* What does not go together, whatever the file holds. */
static enum status check_layout(const char *path, const struct layout *layout, struct error *error)
{
  const struct stored *stored = layout->stored;
  if (!*path)
    return error_set(error, STATUS_USAGE, "expected the name of a file");
  if (!stored)
    return error_set(error, STATUS_USAGE,
                     "expected dtype=TYPE behind the file's name, such as dtype=bf16");
  if (stored->length > 1 && layout->fortran && layout->shape.dims > 1)
    return error_set(error, STATUS_USAGE, "layout=fortran: %s has %u elements in one block",
                     stored->name, stored->length);
  if (layout->big && stored->length > 1 && stored->size > 1 && !stored->words)
    return error_set(error, STATUS_USAGE,
                     "order=big: the order of bytes in blocks of %s is not defined", stored->name);
  return STATUS_OK;
}

/* --- the file -------------------------------------------------------------------------------- */

/* Elements and bytes that SHAPE takes. */
static enum status measure(const struct layout *layout, const struct shape *shape, size_t *count,
                           size_t *bytes, struct error *error)
{
  const struct stored *stored = layout->stored;
  char text[200];
  if (!shape_count(shape, count) || !size_mul(*count / stored->length, stored->size, bytes))
    return error_set(error, STATUS_USAGE, "shape %s of %s is larger than the address space",
                     shape_print(shape, text, sizeof text), stored->name);
  size_t row = shape->dims ? shape->dim[shape->dims - 1] : 1;
  if (row % stored->length != 0)
    return error_set(error, STATUS_USAGE, "row length %zu; %s needs a multiple of %u", row,
                     stored->name, stored->length);
  return STATUS_OK;
}

/* Gives the open axis of SHAPE as many elements as ROOM bytes hold: whole steps of it. */
static enum status close_shape(const struct layout *layout, size_t room, struct shape *shape,
                               struct error *error)
{
  size_t *size = &shape->dim[layout->open], count, bytes;
  *size = layout->open + 1 == (int)shape->dims ? layout->stored->length : 1;
  enum status status = measure(layout, shape, &count, &bytes, error);
  if (status != STATUS_OK)
    return status;
  if (bytes == 0)
    return error_set(error, STATUS_USAGE,
                     "the other sizes of the shape leave the open one no value");
  if (room < bytes)
    return error_set(error, STATUS_INPUT,
                     "data ends early: expected at least %zu bytes from offset %zu, found %zu",
                     bytes, layout->offset, room);
  *size *= room / bytes;
  return STATUS_OK;
}

static enum status add_tensor(struct source *source, const char *path, const struct layout *layout,
                              const struct map *map, struct error *error)
{
  char name[SHOWN_SIZE], text[200];
  struct tensor tensor = {
      .name = source_file_name(path, name), .shape = layout->shape, .stored = layout->stored};
  if (map->size == 0)
    return error_set(error, STATUS_INPUT, "the file is empty");
  if (layout->offset > map->size)
    return error_set(error, STATUS_INPUT, "offset %zu lies behind the file's %zu bytes",
                     layout->offset, map->size);
  size_t room = map->size - layout->offset;
  enum status status =
      layout->open >= 0 ? close_shape(layout, room, &tensor.shape, error) : STATUS_OK;
  if (status == STATUS_OK)
    status = measure(layout, &tensor.shape, &tensor.count, &tensor.bytes, error);
  if (status != STATUS_OK)
    return status;
  if (tensor.bytes > room)
    return error_set(error, STATUS_INPUT,
                     "data ends early: %s of %s from offset %zu: expected %zu bytes, found %zu",
                     shape_print(&tensor.shape, text, sizeof text), tensor.stored->name,
                     layout->offset, tensor.bytes, room);
  tensor.data = map->bytes + layout->offset;
  tensor.swapped = layout->big && tensor.stored->size > 1;
  if (layout->fortran)
    tensor_set_fortran(&tensor);
  status = source_add(source, &tensor, error);
  if (status != STATUS_OK || tensor.bytes == room)
    return status;
  size_t left = room - tensor.bytes;
  snprintf(text, sizeof text, "%zu byte%s behind the tensor %s not read", left,
           left == 1 ? "" : "s", left == 1 ? "is" : "are");
  return source_add_note(source, text, error);
}

static enum status open_file(struct source *source, const char *path, const struct layout *layout,
                             struct error *error)
{
  struct map *map;
  enum status status = source_map(source, path, &map, error);
  if (status != STATUS_OK)
    return status;
  status = add_tensor(source, path, layout, map, error);
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", SHOWN(map->path));
  return status;
}

enum status raw_open(const char *spec, struct source *source, struct error *error)
{
  struct layout layout = {.shape = {.dims = 1}, .open = 0};
  char *path = strdup(source_words(source, spec));
  if (!path)
    return error_memory(error, "a file's name");
  enum status status = cut_options(path, &layout, error);
  if (status == STATUS_OK)
    status = check_name(path, error);
  if (status == STATUS_OK)
    status = check_layout(path, &layout, error);
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", SHOWN(spec));
  else
    status = open_file(source, path, &layout, error);
  free(path);
  return status;
}
