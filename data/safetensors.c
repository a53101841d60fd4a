/* safetensors: eight bytes (the header's length, little-endian), a JSON header that names each
 * tensor with its type, shape and place, then the tensors back to back. A model of many files
 * has an index, "*.safetensors.index.json", whose weight_map says which file holds which tensor.
 *
 * Stricter than JSON: keys occur once, tensors neither overlap nor leave holes, and every size
 * agrees with shape and type. Jansson reads integers exactly (63 bits; larger ones are an
 * error), limits the depth, and refuses names that hold a NUL. */
#include "config.h"

#include "data/source_types.h"
#include "quant/base/size.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INDEX_SUFFIX ".safetensors.index.json"
#define SHARD_SUFFIX ".safetensors"
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

static bool is_directory(const char *path)
{
  struct stat facts;
  return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

bool safetensors_tastes(const char *spec, const unsigned char *head, size_t length)
{
  if (length > 0) /* a header of at most 100 MB has zeros in the upper half of its length */
    return length > LENGTH_SIZE && head[LENGTH_SIZE] == '{' && !memcmp(head + 4, "\0\0\0", 4);
  return text_ends(spec, SHARD_SUFFIX) || text_ends(spec, INDEX_SUFFIX) || is_directory(spec);
}

/* --- one entry of a header ----------------------------------------------------------- */

/* A tensor and its place in the data of its file. */
struct entry {
  struct tensor tensor;
  size_t begin, end;
};

static enum status read_dtype(const json_t *value, struct tensor *tensor, unsigned *bits,
                              struct error *error)
{
  const char *word = json_string_value(value);
  if (!word)
    return error_set(error, STATUS_INPUT, "dtype: expected a string");
  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
    if (strcmp(word, dtypes[i].dtype) == 0) {
      tensor->stored = stored_find(dtypes[i].stored);
      *bits = dtypes[i].bits;
      return STATUS_OK;
    }
  return error_set(error, STATUS_INPUT, "unknown dtype \"%s\"; expected F32, BF16, F8_E4M3, I8 ...",
                   SHOWN(word));
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
  shape_print(&tensor->shape, text, sizeof text);
  if (!size_mul(tensor->count, bits, &all))
    return error_set(error, STATUS_INPUT, "shape %s of %s is larger than the address space", text,
                     tensor->stored->name);
  if (all % 8 != 0)
    return error_set(error, STATUS_INPUT, "shape %s of %s does not fill whole bytes", text,
                     tensor->stored->name);
  if (all / 8 != tensor->bytes)
    return error_set(error, STATUS_INPUT,
                     "shape %s of %s needs %zu bytes, data_offsets [%zu, %zu] hold %zu", text,
                     tensor->stored->name, all / 8, entry->begin, entry->end, tensor->bytes);
  return STATUS_OK;
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
  if (status != STATUS_OK)
    return status;
  char text[200];
  tensor->bytes = entry->end - entry->begin;
  if (!shape_count(&tensor->shape, &tensor->count))
    return error_set(error, STATUS_INPUT, "shape %s is larger than the address space",
                     shape_print(&tensor->shape, text, sizeof text));
  return check_size(entry, bits, error);
}

/* --- one file ---------------------------------------------------------------------------- */

static enum status read_metadata(const json_t *value, struct error *error)
{
  const char *key;
  json_t *item;
  if (!value || json_is_null(value))
    return STATUS_OK;
  if (!json_is_object(value))
    return error_set(error, STATUS_INPUT, "__metadata__: expected null or a map of strings");
  json_object_foreach(
      (json_t *)(uintptr_t)value, key,
      item) if (!json_is_string(item)) return error_set(error, STATUS_INPUT,
                                                        "__metadata__: \"%s\" is not a string",
                                                        SHOWN(key));
  return STATUS_OK;
}

static enum status parse_json(const unsigned char *text, size_t size, json_t **out,
                              struct error *error)
{
  json_error_t json;
  *out = json_loadb((const char *)text, size, JSON_REJECT_DUPLICATES, &json);
  if (!*out)
    return error_set(error, STATUS_INPUT, "not valid JSON at byte %d: %s", json.position,
                     SHOWN(json.text));
  return STATUS_OK;
}

/* The JSON of the file's header; *start is where the data begins. */
static enum status read_header(const struct map *map, json_t **root, size_t *start,
                               struct error *error)
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
  return parse_json(map->bytes + LENGTH_SIZE, (size_t)length, root, error);
}

static int by_place(const void *left, const void *right)
{
  const struct entry *a = left, *b = right;
  if (a->begin != b->begin)
    return a->begin < b->begin ? -1 : 1;
  if (a->end != b->end)
    return a->end < b->end ? -1 : 1;
  return strcmp(a->tensor.name, b->tensor.name);
}

/* In order of place, each begins where the one before it ends, and the last ends the file. */
static enum status check_places(const struct entry *entries, size_t count, size_t data,
                                struct error *error)
{
  size_t end = 0;
  for (size_t i = 0; i < count; i++) {
    const struct entry *entry = &entries[i];
    if (entry->end > data)
      return error_set(error, STATUS_INPUT,
                       "%s: data_offsets [%zu, %zu] end outside the file's %zu bytes of data",
                       SHOWN(entry->tensor.name), entry->begin, entry->end, data);
    if (entry->begin != end)
      return error_set(error, STATUS_INPUT, "%s: %s: expected it to begin at %zu, found %zu",
                       SHOWN(entry->tensor.name),
                       entry->begin < end ? "overlaps the tensor before it"
                                          : "hole before the tensor",
                       end, entry->begin);
    end = entry->end;
  }
  if (end != data)
    return error_set(error, STATUS_INPUT,
                     "the tensors end at byte %zu of the data, the file at %zu", end, data);
  return STATUS_OK;
}

static enum status read_entries(const json_t *root, struct entry *entries, size_t *count,
                                struct error *error)
{
  const char *key;
  json_t *value;
  *count = 0;
  json_object_foreach((json_t *)(uintptr_t)root, key, value)
  {
    if (strcmp(key, "__metadata__") == 0)
      continue;
    struct entry *entry = &entries[*count];
    entry->tensor.name = key;
    enum status status = read_entry(value, entry, error);
    if (status != STATUS_OK) {
      error_prefix(error, "%s: ", SHOWN(key));
      return status;
    }
    ++*count;
  }
  return STATUS_OK;
}

static enum status add_entries(struct source *source, const struct map *map, const json_t *root,
                               size_t start, struct error *error)
{
  struct entry *entries = mem_array(json_object_size(root), sizeof *entries);
  size_t count = 0;
  if (!entries)
    return error_memory(error, "the list of tensors");
  enum status status = read_metadata(json_object_get(root, "__metadata__"), error);
  if (status == STATUS_OK)
    status = read_entries(root, entries, &count, error);
  if (status == STATUS_OK) {
    qsort(entries, count, sizeof *entries, by_place);
    status = check_places(entries, count, map->size - start, error);
  }
  for (size_t i = 0; i < count && status == STATUS_OK; i++) {
    entries[i].tensor.data = map->bytes + start + entries[i].begin;
    status = source_add(source, &entries[i].tensor, error);
  }
  free(entries);
  return status;
}

static enum status open_shard(const char *path, struct source *source, struct error *error)
{
  struct map *map;
  json_t *root = NULL;
  size_t start = 0;
  enum status status = source_map(source, path, &map, error);
  if (status != STATUS_OK)
    return status;
  status = read_header(map, &root, &start, error);
  if (status == STATUS_OK)
    status = add_entries(source, map, root, start, error);
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", SHOWN(path));
  json_decref(root);
  return status;
}

/* --- many files: a sorted list of names -------------------------------------------------- */

struct names {
  char **items;
  size_t count;
};

static void names_clear(struct names *names)
{
  for (size_t i = 0; i < names->count; i++)
    free(names->items[i]);
  free(names->items);
}

static enum status names_add(struct names *names, const char *name, struct error *error)
{
  char **items = mem_resize(names->items, names->count + 1, sizeof *items);
  char *copy = strdup(name);
  if (items)
    names->items = items;
  if (!items || !copy) {
    free(copy);
    return error_memory(error, "a list of files");
  }
  names->items[names->count++] = copy;
  return STATUS_OK;
}

static int by_name(const void *left, const void *right)
{
  return strcmp(*(char *const *)left, *(char *const *)right);
}

/* "folder/file" where PATH is the folder, or a file in it; the caller frees it. */
static char *beside(const char *folder, size_t folder_length, const char *file)
{
  size_t size = folder_length + 1 + strlen(file) + 1;
  char *path = malloc(size);
  bool slash = folder_length > 0 && folder[folder_length - 1] != '/';
  if (path)
    snprintf(path, size, "%.*s%s%s", (int)folder_length, folder, slash ? "/" : "", file);
  return path;
}

static enum status open_beside(const char *folder, size_t folder_length, const char *file,
                               struct source *source, struct error *error)
{
  char *path = beside(folder, folder_length, file);
  if (!path)
    return error_memory(error, "a file's name");
  enum status status = open_shard(path, source, error);
  free(path);
  return status;
}

/* --- an index ------------------------------------------------------------------------------ */

/* The files that WEIGHT_MAP names, sorted, each once. Only names of the index's own folder. */
static enum status index_files(const json_t *weight_map, struct names *files, struct error *error)
{
  const char *tensor;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)weight_map, tensor, value)
  {
    const char *file = json_string_value(value);
    if (!file || !*file || strchr(file, '/') || file[0] == '.')
      return error_set(error, STATUS_INPUT,
                       "weight_map: %s: expected the name of a file in the same folder, found %s",
                       SHOWN(tensor), file ? SHOWN(file) : "no string");
    enum status status = names_add(files, file, error);
    if (status != STATUS_OK)
      return status;
  }
  qsort(files->items, files->count, sizeof *files->items, by_name);
  size_t kept = 0;
  for (size_t i = 0; i < files->count; i++)
    if (kept > 0 && strcmp(files->items[kept - 1], files->items[i]) == 0)
      free(files->items[i]);
    else
      files->items[kept++] = files->items[i];
  files->count = kept;
  return STATUS_OK;
}

/* The tensors of FILE (from index FIRST on) are those that WEIGHT_MAP places there. */
static enum status check_shard(const struct source *source, size_t first, const char *file,
                               const json_t *weight_map, struct error *error)
{
  for (size_t i = first; i < source->count; i++) {
    const char *name = source->tensors[i].name;
    const char *place = json_string_value(json_object_get(weight_map, name));
    if (!place)
      return error_set(error, STATUS_INPUT, "%s is in %s, but the index does not list it",
                       SHOWN(name), SHOWN(file));
    if (strcmp(place, file) != 0)
      return error_set(error, STATUS_INPUT, "%s is in %s, but the index places it in %s",
                       SHOWN(name), SHOWN(file), SHOWN(place));
  }
  return STATUS_OK;
}

static int by_tensor_name(const void *left, const void *right)
{
  return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* The names of all tensors, sorted; the caller frees the list. */
static const char **sorted_names(const struct source *source)
{
  const char **names = mem_array(source->count, sizeof *names);
  for (size_t i = 0; names && i < source->count; i++)
    names[i] = source->tensors[i].name;
  if (names)
    qsort(names, source->count, sizeof *names, by_tensor_name);
  return names;
}

static enum status check_complete(const struct source *source, const json_t *weight_map,
                                  struct error *error)
{
  const char *name;
  json_t *value;
  enum status status = STATUS_OK;
  const char **names = sorted_names(source);
  if (!names)
    return error_memory(error, "a list of names");
  json_object_foreach(
      (json_t *)(uintptr_t)weight_map, name,
      value) if (!bsearch(&name, names, source->count, sizeof *names, by_tensor_name))
  {
    status = error_set(error, STATUS_INPUT, "the index places %s in %s, which does not hold it",
                       SHOWN(name), SHOWN(json_string_value(value)));
    break;
  }
  free(names);
  return status;
}

static enum status open_shards(const char *path, const json_t *weight_map, struct source *source,
                               struct error *error)
{
  struct names files = {0};
  size_t folder = (size_t)(path_base(path) - path);
  enum status status = index_files(weight_map, &files, error);
  for (size_t i = 0; i < files.count && status == STATUS_OK; i++) {
    size_t first = source->count;
    status = open_beside(path, folder, files.items[i], source, error);
    if (status == STATUS_OK)
      status = check_shard(source, first, files.items[i], weight_map, error);
  }
  if (status == STATUS_OK)
    status = check_complete(source, weight_map, error);
  names_clear(&files);
  return status;
}

static enum status open_index(const char *path, struct source *source, struct error *error)
{
  struct map *map;
  json_t *root = NULL;
  enum status status = map_open(path, &map, error);
  if (status != STATUS_OK)
    return status;
  status = parse_json(map->bytes, map->size, &root, error);
  const json_t *weight_map = json_object_get(root, "weight_map");
  if (status == STATUS_OK && !json_is_object(weight_map))
    status = error_set(error, STATUS_INPUT, "expected an object \"weight_map\"");
  if (status == STATUS_OK)
    status = open_shards(path, weight_map, source, error);
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", SHOWN(path));
  json_decref(root);
  map_close(map);
  return status;
}

/* --- a directory --------------------------------------------------------------------------- */

static enum status list_folder(const char *path, struct names *shards, struct names *indexes,
                               struct error *error)
{
  DIR *folder = opendir(path);
  if (!folder)
    return error_set(error, STATUS_INPUT, "%s: cannot open: %s", SHOWN(path), strerror(errno));
  enum status status = STATUS_OK;
  for (struct dirent *item; status == STATUS_OK && (item = readdir(folder));)
    if (item->d_name[0] != '.' && text_ends(item->d_name, INDEX_SUFFIX))
      status = names_add(indexes, item->d_name, error);
    else if (item->d_name[0] != '.' && text_ends(item->d_name, SHARD_SUFFIX))
      status = names_add(shards, item->d_name, error);
  closedir(folder);
  if (shards->count > 0)
    qsort(shards->items, shards->count, sizeof *shards->items, by_name);
  return status;
}

static enum status check_distinct(const char *path, const struct source *source,
                                  struct error *error)
{
  enum status status = STATUS_OK;
  const char **names = sorted_names(source);
  if (!names)
    return error_memory(error, "a list of names");
  for (size_t i = 1; i < source->count && status == STATUS_OK; i++)
    if (strcmp(names[i - 1], names[i]) == 0)
      status = error_set(error, STATUS_INPUT, "%s: two files hold a tensor %s; open one of them",
                         SHOWN(path), SHOWN(names[i]));
  free(names);
  return status;
}

static enum status open_listed(const char *path, const struct names *shards,
                               const struct names *indexes, struct source *source,
                               struct error *error)
{
  size_t length = strlen(path);
  if (indexes->count > 1)
    return error_set(error, STATUS_INPUT, "%s: holds %zu indexes (%s, %s ...); open one of them",
                     SHOWN(path), indexes->count, SHOWN(indexes->items[0]),
                     SHOWN(indexes->items[1]));
  if (indexes->count == 1) {
    char *index = beside(path, length, indexes->items[0]);
    enum status status =
        index ? open_index(index, source, error) : error_memory(error, "a file's name");
    free(index);
    return status;
  }
  if (shards->count == 0)
    return error_set(error, STATUS_INPUT, "%s: a directory without any *.safetensors file",
                     SHOWN(path));
  enum status status = STATUS_OK;
  for (size_t i = 0; i < shards->count && status == STATUS_OK; i++)
    status = open_beside(path, length, shards->items[i], source, error);
  return status == STATUS_OK ? check_distinct(path, source, error) : status;
}

static enum status open_folder(const char *path, struct source *source, struct error *error)
{
  struct names shards = {0}, indexes = {0};
  enum status status = list_folder(path, &shards, &indexes, error);
  if (status == STATUS_OK)
    status = open_listed(path, &shards, &indexes, source, error);
  names_clear(&shards);
  names_clear(&indexes);
  return status;
}

enum status safetensors_open(const char *spec, struct source *source, struct error *error)
{
  return is_directory(spec)              ? open_folder(spec, source, error)
         : text_ends(spec, INDEX_SUFFIX) ? open_index(spec, source, error)
                                         : open_shard(spec, source, error);
}
