/* A model of many files, of safetensors or of PyTorch: an index, "*.index.json", whose weight_map
 * says which file holds which tensor, or a folder of files. Index and files must agree both ways.
 *
 * Files are opened by plain names of the index's own folder. Symbolic links are followed, as in
 * the cache of Hugging Face, where every file of a model is one. */
#include "config.h"

#include "data/gguf.h"
#include "data/pytorch.h"
#include "data/safetensors.h"
#include "quant/base/size.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- kinds of shards, the preferred first --------------------------------------------------- */

typedef enum status add_function(const char *path, struct source *source, struct error *error);

static const struct shard_kind {
  const char *suffix, *index; /* endings of names */
  const char *part;           /* must be in a name that no index lists; else it is something else */
  const char *type;           /* of source_types */
  add_function *add;
  /* A file finds the others by itself; this tells those from other models. NULL: all are opened. */
  bool (*same_model)(const char *file, const char *other);
} shard_kinds[] = {
    {SHARD_SUFFIX, SHARD_SUFFIX INDEX_SUFFIX, "", "safetensors", safetensors_add, NULL},
    {".bin", ".bin" INDEX_SUFFIX, "model", "pytorch", pytorch_add, NULL},
    {".pt", ".pt" INDEX_SUFFIX, "-of-", "pytorch", pytorch_add, NULL},
    {".pth", ".pth" INDEX_SUFFIX, "-of-", "pytorch", pytorch_add, NULL},
    {GGUF_SUFFIX, GGUF_SUFFIX INDEX_SUFFIX, "", "gguf", gguf_open, gguf_same_model},
};
enum { SHARD_KINDS = sizeof shard_kinds / sizeof *shard_kinds };

static const struct shard_kind *kind_of(const char *file)
{
  for (size_t i = 0; i < SHARD_KINDS; i++)
    if (text_ends(file, shard_kinds[i].suffix))
      return &shard_kinds[i];
  return NULL;
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
  const struct shard_kind *kind = kind_of(file);
  if (!kind)
    return error_set(error, STATUS_INPUT,
                     "%s: expected *.safetensors, *.bin, *.pt, *.pth or *.gguf", SHOWN(file));
  char *path = beside(folder, folder_length, file);
  if (!path)
    return error_memory(error, "a file's name");
  source_set_type(source, kind->type); /* that of its files */
  enum status status = kind->add(path, source, error);
  free(path);
  return status;
}

/* --- an index ------------------------------------------------------------------------------ */

/* The files that WEIGHT_MAP names, sorted, each once. Only names of the index's own folder. */
static enum status index_files(json_t *weight_map, struct names *files, struct error *error)
{
  const char *tensor;
  json_t *value;
  json_object_foreach(weight_map, tensor, value) {
    const char *file = json_string_value(value);
    if (!file || !*file || strchr(file, '/') || file[0] == '.')
      return error_set(error, STATUS_INPUT,
                       "weight_map: %s: expected the name of a file in the same folder, found %s",
                       SHOWN(tensor), file ? SHOWN(file) : "no string");
    bool known = files->count > 0 && strcmp(files->items[files->count - 1], file) == 0;
    enum status status = known ? STATUS_OK : names_add(files, file, error);
    if (status != STATUS_OK)
      return status;
  }
  if (files->count > 0) /* without any there are no items to sort */
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

static enum status check_complete(const struct source *source, json_t *weight_map,
                                  struct error *error)
{
  const char *name;
  json_t *value;
  enum status status = STATUS_OK;
  const char **names = sorted_names(source);
  if (!names)
    return error_memory(error, "a list of names");
  json_object_foreach(weight_map, name, value)
    if (!bsearch(&name, names, source->count, sizeof *names, by_tensor_name)) {
      status = error_set(error, STATUS_INPUT, "the index places %s in %s, which does not hold it",
                         SHOWN(name), SHOWN(json_string_value(value)));
      break;
    }
  free(names);
  return status;
}

static enum status open_shards(const char *path, json_t *weight_map, struct source *source,
                               struct error *error)
{
  struct names files = {0};
  size_t folder = (size_t)(path_base(path) - path);
  enum status status = index_files(weight_map, &files, error);
  struct progress *meter = source_meter(source, files.count);
  for (size_t i = 0; i < files.count && status == STATUS_OK; i++) {
    size_t first = source->count;
    status = open_beside(path, folder, files.items[i], source, error);
    if (status == STATUS_OK)
      status = check_shard(source, first, files.items[i], weight_map, error);
    progress_advance(meter, 1);
  }
  if (status == STATUS_OK)
    status = check_complete(source, weight_map, error);
  names_clear(&files);
  return status;
}

enum status shards_open_index(const char *path, struct source *source, struct error *error)
{
  struct map *map;
  json_t *root = NULL;
  enum status status = map_open(path, &map, error);
  if (status != STATUS_OK)
    return status;
  status = safetensors_json(map->bytes, map->size, &root, error);
  json_t *weight_map = json_object_get(root, "weight_map");
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

/* What a folder holds of each kind. */
struct listing {
  struct names shards[SHARD_KINDS], indexes[SHARD_KINDS];
};

static enum status list_file(struct listing *listing, const char *name, struct error *error)
{
  for (size_t i = 0; i < SHARD_KINDS; i++)
    if (text_ends(name, shard_kinds[i].index))
      return names_add(&listing->indexes[i], name, error);
    else if (text_ends(name, shard_kinds[i].suffix) && strstr(name, shard_kinds[i].part))
      return names_add(&listing->shards[i], name, error);
  return STATUS_OK;
}

static enum status list_folder(const char *path, struct listing *listing, struct error *error)
{
  DIR *folder = opendir(path);
  if (!folder)
    return error_set(error, STATUS_INPUT, "%s: cannot open: %s", SHOWN(path), strerror(errno));
  enum status status = STATUS_OK;
  for (struct dirent *item; status == STATUS_OK && (item = readdir(folder));)
    if (item->d_name[0] != '.')
      status = list_file(listing, item->d_name, error);
  closedir(folder);
  for (size_t i = 0; i < SHARD_KINDS; i++)
    if (listing->shards[i].count > 0)
      qsort(listing->shards[i].items, listing->shards[i].count, sizeof(char *), by_name);
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

/* The M of "-N-of-M." in NAME; 0 when it is not one of a numbered row. */
static size_t numbered_of(const char *name)
{
  const char *of = strstr(name, "-of-");
  size_t all = 0;
  for (of = of ? of + 4 : ""; *of >= '0' && *of <= '9' && all < 1000000; of++)
    all = 10 * all + (size_t)(*of - '0');
  return *of == '.' ? all : 0;
}

/* Says how many shards of a numbered row are missing: an unfinished download. */
static enum status note_missing(const struct names *shards, struct source *source,
                                struct error *error)
{
  size_t all = numbered_of(shards->items[0]), found = 0;
  char note[120];
  for (size_t i = 0; i < shards->count; i++)
    found += numbered_of(shards->items[i]) == all;
  if (found >= all)
    return STATUS_OK;
  snprintf(note, sizeof note, "%zu of %zu shards are missing", all - found, all);
  return source_add_note(source, note, error);
}

/* A model whose first file opens all of its files: the only model in the folder. */
static enum status open_first(const char *path, const struct shard_kind *kind,
                              const struct names *shards, struct source *source,
                              struct error *error)
{
  for (size_t i = 1; i < shards->count; i++)
    if (!kind->same_model(shards->items[0], shards->items[i]))
      return error_set(error, STATUS_INPUT,
                       "%s: holds several models (%s, %s ...); open one of them", SHOWN(path),
                       SHOWN(shards->items[0]), SHOWN(shards->items[i]));
  return open_beside(path, strlen(path), shards->items[0], source, error);
}

static enum status open_files(const char *path, const struct names *shards, struct source *source,
                              struct error *error)
{
  enum status status = STATUS_OK;
  const struct shard_kind *kind = kind_of(shards->items[0]);
  if (kind->same_model)
    return open_first(path, kind, shards, source, error);
  struct progress *meter = source_meter(source, shards->count);
  for (size_t i = 0; i < shards->count && status == STATUS_OK; i++) {
    status = open_beside(path, strlen(path), shards->items[i], source, error);
    progress_advance(meter, 1);
  }
  if (status == STATUS_OK)
    status = note_missing(shards, source, error);
  return status == STATUS_OK ? check_distinct(path, source, error) : status;
}

static enum status open_one_index(const char *path, const struct names *indexes,
                                  struct source *source, struct error *error)
{
  if (indexes->count > 1)
    return error_set(error, STATUS_INPUT, "%s: holds %zu indexes (%s, %s ...); open one of them",
                     SHOWN(path), indexes->count, SHOWN(indexes->items[0]),
                     SHOWN(indexes->items[1]));
  char *index = beside(path, strlen(path), indexes->items[0]);
  enum status status =
      index ? shards_open_index(index, source, error) : error_memory(error, "a file's name");
  free(index);
  return status;
}

/* The first kind of which there is something; what there is of the next is said to be left out. */
static enum status open_listed(const char *path, const struct listing *listing,
                               struct source *source, bool *found, struct error *error)
{
  const struct shard_kind *opened = NULL;
  enum status status = STATUS_OK;
  for (size_t i = 0; i < SHARD_KINDS && status == STATUS_OK; i++) {
    const struct names *shards = &listing->shards[i], *indexes = &listing->indexes[i];
    char note[80];
    if (shards->count == 0 && indexes->count == 0)
      continue;
    if (opened) {
      snprintf(note, sizeof note, "*%s files beside the *%s files are not read",
               shard_kinds[i].suffix, opened->suffix);
      status = source_add_note(source, note, error);
      break;
    }
    opened = &shard_kinds[i];
    status = indexes->count > 0 ? open_one_index(path, indexes, source, error)
                                : open_files(path, shards, source, error);
  }
  *found = opened;
  return status;
}

/* The revision in the file PATH: letters and digits, as its name is to be a folder's. */
static bool read_revision(const char *path, char *text, size_t size)
{
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  ssize_t length = file < 0 ? -1 : read(file, text, size - 1);
  if (file >= 0)
    close(file);
  text[length > 0 ? length : 0] = '\0';
  text[strcspn(text, "\r\n")] = '\0';
  return *text && !text[strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz")];
}

const char *shards_snapshot(const char *path, char *text, size_t size)
{
  char revision[80];
  struct stat facts;
  bool whole = (size_t)snprintf(text, size, "%s/refs/main", path) < size &&
               read_revision(text, revision, sizeof revision) &&
               (size_t)snprintf(text, size, "%s/snapshots/%s", path, revision) < size;
  return whole && stat(text, &facts) == 0 && S_ISDIR(facts.st_mode) ? text : path;
}

enum status shards_open_folder(const char *path, struct source *source, bool *found,
                               struct error *error)
{
  struct listing listing = {0};
  enum status status = list_folder(path, &listing, error);
  if (status == STATUS_OK)
    status = open_listed(path, &listing, source, found, error);
  for (size_t i = 0; i < SHARD_KINDS; i++) {
    names_clear(&listing.shards[i]);
    names_clear(&listing.indexes[i]);
  }
  return status;
}
