/* safetensors: eight bytes (the header's length, little-endian), a JSON header that names each
 * tensor with its type, shape and place, then the tensors back to back.
 *
 * Stricter than JSON: keys occur once, tensors neither overlap nor leave holes, and every size
 * agrees with shape and type. Jansson reads integers exactly (63 bits; larger ones are an
 * error), limits the depth, and refuses names that hold a NUL. */
#include "config.h"

#include "data/folder.h"
#include "data/json_members.h"
#include "data/pack.h"
#include "data/plain_entry.h"
#include "data/safetensors.h"
#include "quant/base/size.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_SIZE = 8, HEADER_MAX = 100000000 };

static const struct {
  const char *dtype, *stored;
  unsigned bits;
} dtypes[] = {
    {"BOOL", "bool", 8},       {"U8", "u8", 8},           {"I8", "i8", 8},
    {"F8_E5M2", "f8_e5m2", 8}, {"F8_E4M3", "f8_e4m3", 8}, {"F8_E8M0", "f8_e8m0", 8},
    {"I16", "i16", 16},        {"U16", "u16", 16},        {"F16", "f16", 16},
    {"BF16", "bf16", 16},      {"I32", "i32", 32},        {"U32", "u32", 32},
    {"F32", "f32", 32},        {"F64", "f64", 64},        {"I64", "i64", 64},
    {"U64", "u64", 64},        {"C64", "c64", 64},        {"F4", "f4", 4},
    {"F6_E2M3", "f6_e2m3", 6}, {"F6_E3M2", "f6_e3m2", 6},
};

bool safetensors_tastes(const char *spec, const unsigned char *head, size_t length)
{
  if (length > 0) /* a header of at most 100 MB has zeros in the upper half of its length */
    return length > LENGTH_SIZE && head[LENGTH_SIZE] == '{' && !memcmp(head + 4, "\0\0\0", 4);
  return text_ends(spec, SHARD_SUFFIX) || text_ends(spec, INDEX_SUFFIX) || path_is_folder(spec);
}

/* --- one entry of a header ----------------------------------------------------------- */

/* A tensor and its place in the data of its file. */
struct entry {
  struct tensor tensor;
  size_t begin, end;
};

static enum status find_dtype(const char *word, struct tensor *tensor, unsigned *bits,
                              struct error *error)
{
  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
    if (strcmp(word, dtypes[i].dtype) == 0) {
      tensor->stored = stored_find(dtypes[i].stored);
      *bits = dtypes[i].bits;
      return STATUS_OK;
    }
  return error_set(error, STATUS_INPUT, "unknown dtype \"%s\"; expected F32, BF16, F8_E4M3, I8 ...",
                   SHOWN(word));
}

static enum status read_dtype(const json_t *value, struct tensor *tensor, unsigned *bits,
                              struct error *error)
{
  const char *word = json_string_value(value);
  return word ? find_dtype(word, tensor, bits, error)
              : error_set(error, STATUS_INPUT, "dtype: expected a string");
}

static bool read_size(const json_t *value, size_t *out)
{
  json_int_t number = json_integer_value(value);
  *out = (size_t)number;
  return json_is_integer(value) && number >= 0 && (uintmax_t)number <= SIZE_MAX;
}

static enum status read_shape(const json_t *value, struct shape *shape, struct error *error)
{
  if (!json_is_array(value))
    return error_set(error, STATUS_INPUT, "shape: expected an array of sizes");
  if (json_array_size(value) > SHAPE_MAX_DIMS)
    return error_set(error, STATUS_INPUT, "shape has %zu dimensions; expected at most %d",
                     json_array_size(value), SHAPE_MAX_DIMS);
  shape->dims = (unsigned)json_array_size(value);
  for (unsigned i = 0; i < shape->dims; i++)
    if (!read_size(json_array_get(value, i), &shape->dim[i]))
      return error_set(error, STATUS_INPUT, "shape: size %u is not a whole number from 0 on", i);
  return STATUS_OK;
}

static enum status read_offsets(const json_t *value, struct entry *entry, struct error *error)
{
  if (!json_is_array(value) || json_array_size(value) != 2 ||
      !read_size(json_array_get(value, 0), &entry->begin) ||
      !read_size(json_array_get(value, 1), &entry->end) || entry->end < entry->begin)
    return error_set(error, STATUS_INPUT, "data_offsets: expected [begin, end], begin <= end");
  return STATUS_OK;
}

/* size = shape x dtype, in whole bytes. */
static enum status check_size(const struct entry *entry, unsigned bits, struct error *error)
{
  const struct tensor *tensor = &entry->tensor;
  char text[200];
  size_t all;
  if (!size_mul(tensor->count, bits, &all))
    return error_set(error, STATUS_INPUT, "shape %s of %s is larger than the address space",
                     shape_print(&tensor->shape, text, sizeof text), tensor->stored->name);
  if (all % 8 != 0)
    return error_set(error, STATUS_INPUT, "shape %s of %s does not fill whole bytes",
                     shape_print(&tensor->shape, text, sizeof text), tensor->stored->name);
  if (all / 8 != tensor->bytes)
    return error_set(error, STATUS_INPUT,
                     "shape %s of %s needs %zu bytes, data_offsets [%zu, %zu] hold %zu",
                     shape_print(&tensor->shape, text, sizeof text), tensor->stored->name, all / 8,
                     entry->begin, entry->end, tensor->bytes);
  return STATUS_OK;
}

/* count and bytes of an entry that is read. */
static enum status measure(struct entry *entry, unsigned bits, struct error *error)
{
  struct tensor *tensor = &entry->tensor;
  char text[200];
  tensor->bytes = entry->end - entry->begin;
  if (!shape_count(&tensor->shape, &tensor->count))
    return error_set(error, STATUS_INPUT, "shape %s is larger than the address space",
                     shape_print(&tensor->shape, text, sizeof text));
  return check_size(entry, bits, error);
}

/* Most tensors of a file are of the type of the one before. */
struct last_type {
  char dtype[sizeof((struct plain_entry *)0)->dtype];
  const struct stored *stored;
  unsigned bits;
};

static enum status find_again(const char *dtype, struct last_type *last, struct tensor *tensor,
                              unsigned *bits, struct error *error)
{
  if (last->stored && strcmp(dtype, last->dtype) == 0) {
    tensor->stored = last->stored;
    *bits = last->bits;
    return STATUS_OK;
  }
  enum status status = find_dtype(dtype, tensor, bits, error);
  if (status != STATUS_OK)
    return status;
  last->stored = tensor->stored;
  last->bits = *bits;
  snprintf(last->dtype, sizeof last->dtype, "%s", dtype);
  return STATUS_OK;
}

static enum status take_plain(const struct plain_entry *plain, struct last_type *last,
                              struct entry *entry, struct error *error)
{
  unsigned bits = 0;
  entry->tensor.shape = plain->shape;
  entry->begin = plain->begin;
  entry->end = plain->end;
  enum status status = find_again(plain->dtype, last, &entry->tensor, &bits, error);
  return status == STATUS_OK ? measure(entry, bits, error) : status;
}

static enum status read_entry(const json_t *value, struct entry *entry, struct error *error)
{
  struct tensor *tensor = &entry->tensor;
  unsigned bits = 0;
  if (!json_is_object(value))
    return error_set(error, STATUS_INPUT, "expected an object with dtype, shape, data_offsets");
  enum status status = read_dtype(json_object_get(value, "dtype"), tensor, &bits, error);
  if (status == STATUS_OK)
    status = read_shape(json_object_get(value, "shape"), &tensor->shape, error);
  if (status == STATUS_OK)
    status = read_offsets(json_object_get(value, "data_offsets"), entry, error);
  return status == STATUS_OK ? measure(entry, bits, error) : status;
}

/* --- one file ---------------------------------------------------------------------------- */

/* Shards repeat what the first one says. */
static bool is_told(const struct source *source, const char *key, const char *value)
{
  enum { LOOK = 64 };
  for (size_t i = 0; i < size_min(source_metadata_count(source), LOOK); i++) {
    const struct metadatum *told = source_metadatum(source, i);
    if (strcmp(told->key, key) == 0 && strcmp(told->value, value) == 0)
      return true;
  }
  return false;
}

static enum status read_metadata(json_t *value, struct source *source, struct error *error)
{
  const char *key;
  json_t *item;
  if (!value || json_is_null(value))
    return STATUS_OK;
  if (!json_is_object(value))
    return error_set(error, STATUS_INPUT, "__metadata__: expected null or a map of strings");
  enum status status = STATUS_OK;
  json_object_foreach(value, key, item) {
    if (!json_is_string(item))
      return error_set(error, STATUS_INPUT, "__metadata__: \"%s\" is not a string", SHOWN(key));
    if (!is_told(source, key, json_string_value(item)))
      status = source_tell(source, key, json_string_value(item), error);
    if (status != STATUS_OK)
      return status;
  }
  return status;
}

enum status safetensors_json(const unsigned char *text, size_t size, json_t **out,
                             struct error *error)
{
  enum status status = json_read(&(struct json_text){text, size, 0}, out, error);
  if (status != STATUS_OK || json_is_object(*out) || json_is_array(*out))
    return status;
  json_decref(*out);
  *out = NULL;
  return error_set(error, STATUS_INPUT, "not valid JSON: expected an object");
}

/* Where the data begins, behind the header. */
static enum status find_data(const struct map *map, size_t *start, struct error *error)
{
  uint64_t length = 0;
  if (map->size < LENGTH_SIZE)
    return error_set(error, STATUS_INPUT,
                     "expected at least 8 bytes (the header's length), found %zu", map->size);
  for (unsigned i = LENGTH_SIZE; i-- > 0;)
    length = length << 8 | map->bytes[i];
  if (length > HEADER_MAX)
    return error_set(error, STATUS_INPUT, "header of %ju bytes; expected at most %d",
                     (uintmax_t)length, HEADER_MAX);
  if (length > map->size - LENGTH_SIZE)
    return error_set(error, STATUS_INPUT, "header of %ju bytes, but only %zu bytes follow",
                     (uintmax_t)length, map->size - LENGTH_SIZE);
  if (length < 2 || map->bytes[LENGTH_SIZE] != '{')
    return error_set(error, STATUS_INPUT, "header does not begin with \"{\"");
  *start = LENGTH_SIZE + (size_t)length;
  return STATUS_OK;
}

/* The file whose header is being read. */
struct header {
  struct source *source;
  const struct map *map;
  size_t start, data; /* where the data begins, and its bytes */
  size_t first;       /* tensor of the source */
  struct progress *meter;
  struct last_type last;
  size_t read; /* bytes of the header that the meter has counted */
};

static enum status place_entry(const struct header *header, struct entry *entry,
                               struct error *error)
{
  if (entry->end > header->data)
    return error_set(error, STATUS_INPUT,
                     "data_offsets [%zu, %zu] end outside the file's %zu bytes of data",
                     entry->begin, entry->end, header->data);
  entry->tensor.data = header->map->bytes + header->start + entry->begin;
  return STATUS_OK;
}

/* Nearly all entries are plain; json_read has the last word on all others. */
static enum status add_entry(struct header *header, const char *key, const struct json_text *value,
                             struct error *error)
{
  struct entry entry = {.tensor = {.name = key}};
  struct plain_entry plain;
  json_t *json = NULL;
  enum status status = STATUS_OK;
  if (plain_entry_read(value, &plain))
    status = take_plain(&plain, &header->last, &entry, error);
  else if ((status = json_read(value, &json, error)) == STATUS_OK)
    status = read_entry(json, &entry, error);
  else
    return status;
  json_decref(json);
  if (status == STATUS_OK)
    status = place_entry(header, &entry, error);
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", SHOWN(key));
  return status == STATUS_OK ? source_add(header->source, &entry.tensor, error) : status;
}

static enum status add_member(void *context, const char *key, const struct json_text *value,
                              struct error *error)
{
  struct header *header = context;
  json_t *json = NULL;
  size_t end = value->offset + value->size;
  progress_advance(header->meter, end - header->read);
  header->read = end;
  if (strcmp(key, "__metadata__") != 0)
    return add_entry(header, key, value, error);
  enum status status = json_read(value, &json, error);
  if (status == STATUS_OK)
    status = read_metadata(json, header->source, error);
  json_decref(json);
  return status;
}

static int by_place(const void *left, const void *right)
{
  const struct tensor *a = left, *b = right;
  if (a->data != b->data)
    return a->data < b->data ? -1 : 1;
  if (a->bytes != b->bytes)
    return a->bytes < b->bytes ? -1 : 1;
  return strcmp(a->name, b->name);
}

static void sort_by_place(struct tensor *tensors, size_t count)
{
  bool sorted = true; /* most writers do */
  for (size_t i = 1; i < count && sorted; i++)
    sorted = by_place(&tensors[i - 1], &tensors[i]) <= 0;
  if (!sorted)
    qsort(tensors, count, sizeof *tensors, by_place);
}

/* In order of place, each begins where the one before it ends, and the last ends the file. */
static enum status check_places(const struct header *header, struct error *error)
{
  size_t end = 0;
  for (size_t i = header->first; i < header->source->count; i++) {
    const struct tensor *tensor = &header->source->tensors[i];
    size_t begin = (size_t)(tensor->data - header->map->bytes) - header->start;
    if (begin != end)
      return error_set(error, STATUS_INPUT, "%s: %s: expected it to begin at %zu, found %zu",
                       SHOWN(tensor->name),
                       begin < end ? "overlaps the tensor before it" : "hole before the tensor",
                       end, begin);
    end = begin + tensor->bytes;
  }
  if (end != header->data)
    return error_set(error, STATUS_INPUT,
                     "the tensors end at byte %zu of the data, the file at %zu", end, header->data);
  return STATUS_OK;
}

/* Of this file: an index of several says what it thinks of names that two of them have. */
static enum status check_names(const struct header *header, struct error *error)
{
  struct source *source = header->source;
  size_t twice;
  if (!name_index_extend(&source->names, source->tensors, source->count, header->first, &twice))
    return error_memory(error, "the list of names");
  return twice == NAME_NONE ? STATUS_OK
                            : error_set(error, STATUS_INPUT, "%s: duplicate name",
                                        SHOWN(source->tensors[twice].name));
}

static enum status add_tensors(struct header *header, struct error *error)
{
  const unsigned char *text = header->map->bytes + LENGTH_SIZE;
  enum status status = json_members(text, header->start - LENGTH_SIZE, add_member, header, error);
  struct source *source = header->source;
  size_t count = source->count - header->first;
  if (status != STATUS_OK || count == 0)
    return status == STATUS_OK ? check_places(header, error) : status;
  sort_by_place(source->tensors + header->first, count);
  status = check_names(header, error);
  return status == STATUS_OK ? check_places(header, error) : status;
}

enum status safetensors_add(const char *path, struct source *source, struct error *error)
{
  struct map *map;
  size_t start = 0;
  enum status status = source_map(source, path, &map, error);
  if (status != STATUS_OK)
    return status;
  status = find_data(map, &start, error);
  if (status == STATUS_OK) {
    struct header header = {.source = source,
                            .map = map,
                            .start = start,
                            .data = map->size - start,
                            .first = source->count,
                            .meter = source_meter(source, start)};
    status = add_tensors(&header, error);
  }
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", SHOWN(path));
  return status;
}

enum status safetensors_open(const char *spec, struct source *source, struct error *error)
{
  char snapshot[4096];
  const char *path = path_is_folder(spec) ? shards_snapshot(spec, snapshot, sizeof snapshot) : spec;
  bool found = true;
  enum status status = path_is_folder(path) ? shards_open_folder(path, source, &found, error)
                       : text_ends(path, INDEX_SUFFIX) ? shards_open_index(path, source, error)
                                                       : safetensors_add(path, source, error);
  if (!found)
    return folder_open(path, source, error);
  return status == STATUS_OK ? packs_open(path, source, error) : status;
}
