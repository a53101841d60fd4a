/* PyTorch checkpoints: .pt, .pth, .bin, .ckpt. Since version 1.6 a zip archive (a pickle, data.pkl,
 * and a member for each storage); before that a row of pickles and then the storages. Nothing of a
 * pickle is run; see data/pickle.h.
 *
 * Stored members are read where they lie in the mapped file; compressed ones are inflated when a
 * tensor of theirs is loaded, and kept. */
#include "config.h"

#include "data/map_range.h"
#include "data/pack.h"
#include "data/pytorch.h"
#include "data/spill.h"
#include "data/zip_members.h"
#include "quant/base/size.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>

#define PICKLE_NAME    "data.pkl"
#define STORAGE_FOLDER "data/"

enum {
  ZIP_HEAD = 30,
  LEGACY_PICKLES = 3,
  DEFLATE_MOST = 1032, /* deflated bytes grow to at most this many times their number */
};

/* The first pickle of the legacy container, behind its protocol: a number of ten bytes. */
static const unsigned char magic[] = {0x8a, 0x0a, 'l',  0xfc, 0x9c, 'F', 0xf9,
                                      ' ',  'j',  0xa8, 'P',  0x19, '.'};

static bool is_legacy(const unsigned char *head, size_t length)
{
  return length >= 2 + sizeof magic && head[0] == 0x80 &&
         memcmp(head + 2, magic, sizeof magic) == 0;
}

/* A zip whose first member is no array of NumPy's. */
static bool is_zip(const unsigned char *head, size_t length)
{
  if (length < ZIP_HEAD || memcmp(head, "PK\3\4", 4) != 0)
    return false;
  size_t name = (size_t)head[26] | (size_t)head[27] << 8;
  return name < 4 || ZIP_HEAD + name > length || memcmp(head + ZIP_HEAD + name - 4, ".npy", 4) != 0;
}

bool pytorch_tastes(const char *spec, const unsigned char *head, size_t length)
{
  if (length > 0)
    return is_legacy(head, length) || is_zip(head, length);
  return text_ends(spec, ".pt") || text_ends(spec, ".pth") || text_ends(spec, ".ckpt");
}

/* The tensor without a name is called as the file is, without its ending. */
static char *unnamed_tensor(const char *path)
{
  char *name = strdup(path_base(path));
  char *dot = name ? strrchr(name, '.') : NULL;
  if (dot && dot > name)
    *dot = '\0';
  return name;
}

static enum status walk_root(struct source *source, struct pytorch *file,
                             const struct pickle *pickle, struct error *error)
{
  char *unnamed = unnamed_tensor(file->map->path);
  if (!unnamed)
    return error_memory(error, "a tensor's name");
  enum status status = pytorch_walk(source, file, pickle_root(pickle), unnamed, error);
  free(unnamed);
  return status;
}

/* --- zip: members that are compressed -------------------------------------------------------- */

static enum status zip_failed(zip_error_t *reason, struct error *error)
{
  return error_set(error, STATUS_INPUT, "zip archive: %s", SHOWN(zip_error_strerror(reason)));
}

static enum status inflate_open(zip_t *zip, size_t member, unsigned char *bytes, size_t size,
                                struct progress *progress, struct error *error)
{
  zip_file_t *file = zip_fopen_index(zip, member, 0);
  enum status status = STATUS_OK;
  if (!file)
    return zip_failed(zip_get_error(zip), error);
  for (size_t done = 0; done < size && status == STATUS_OK;) {
    zip_int64_t got = zip_fread(file, bytes + done, size_min(size - done, 1 << 20));
    if (progress_cancelled(progress))
      status = error_set(error, STATUS_CANCELLED, "cancelled");
    else if (got <= 0)
      status = got < 0 ? zip_failed(zip_file_get_error(file), error)
                       : error_set(error, STATUS_INPUT, "ends after %zu bytes; expected %zu", done,
                                   size);
    else {
      done += (size_t)got;
      map_passed((size_t)got);
    }
  }
  zip_fclose(file);
  return status;
}

/* Member number MEMBER of the archive in MAP, of SIZE bytes, as new memory. */
static enum status inflate(const struct map *map, size_t member, size_t size,
                           struct progress *progress, unsigned char **out, struct error *error)
{
  zip_error_t reason;
  zip_error_init(&reason);
  *out = NULL;
  zip_source_t *bytes = zip_source_buffer_create(map->bytes, map->size, 0, &reason);
  zip_t *zip = bytes ? zip_open_from_source(bytes, ZIP_RDONLY, &reason) : NULL;
  enum status status = STATUS_OK;
  if (!zip) {
    status = zip_failed(&reason, error);
    zip_source_free(bytes);
  } else {
    status = spill_new(size, out, error);
    if (status == STATUS_OK)
      status = inflate_open(zip, member, *out, size, progress, error);
  }
  zip_error_fini(&reason);
  if (zip)
    zip_discard(zip);
  if (status != STATUS_OK) {
    spill_free(*out);
    *out = NULL;
  }
  return status;
}

/* Half of the machine's memory for all that is inflated; and what deflate can reach. */
static enum status check_inflated(const struct checkpoint *checkpoint,
                                  const struct zip_member *member, struct error *error)
{
  size_t half = source_memory() / 2, size = member->size;
  if (size / DEFLATE_MOST > member->compressed)
    return error_set(error, STATUS_INPUT, "a member claims %zu bytes, which %zu cannot hold", size,
                     member->compressed);
  if (spill_is_file(size))
    return STATUS_OK; /* in a file */
  if (checkpoint->inflated <= half && size <= half - checkpoint->inflated)
    return STATUS_OK;
  return error_set(error, STATUS_MEMORY, "needs %zu bytes; half of this machine's memory is %zu",
                   size, half);
}

/* --- zip: members
 * --------------------------------------------------------------------------------- */

struct members {
  struct zip_member *member;
  size_t count, pickle; /* pickle: number of data.pkl */
};

static bool name_ends(const struct zip_member *member, const char *suffix)
{
  size_t length = strlen(suffix);
  return member->name_length >= length &&
         memcmp(member->name + member->name_length - length, suffix, length) == 0;
}

static bool find_pickle(struct members *members)
{
  for (size_t i = 0; i < members->count; i++) {
    const struct zip_member *member = &members->member[i];
    bool whole = member->name_length == strlen(PICKLE_NAME);
    if (name_ends(member, PICKLE_NAME) &&
        (whole || member->name[member->name_length - strlen(PICKLE_NAME) - 1] == '/')) {
      members->pickle = i;
      return true;
    }
  }
  return false;
}

/* True when MEMBER is FOLDER + NAME; with *rest, when it begins so. */
static bool is_in_folder(const struct pytorch *pytorch, const struct zip_member *member,
                         const char *name, const char **rest)
{
  size_t length = pytorch->folder_length + strlen(name);
  if (member->name_length < length || (!rest && member->name_length > length) ||
      memcmp(member->name, pytorch->folder, pytorch->folder_length) != 0 ||
      memcmp(member->name + pytorch->folder_length, name, strlen(name)) != 0)
    return false;
  if (rest)
    *rest = member->name + length;
  return true;
}

static enum status list_storages(struct pytorch *pytorch, const struct members *members,
                                 struct error *error)
{
  pytorch->storage = mem_array(members->count, sizeof *pytorch->storage);
  if (!pytorch->storage)
    return error_memory(error, "the list of storages");
  for (size_t i = 0; i < members->count; i++) {
    const struct zip_member *member = &members->member[i];
    const char *key;
    if (is_in_folder(pytorch, member, "byteorder", NULL) && member->data && member->size >= 3)
      pytorch->swapped = memcmp(member->data, "big", 3) == 0;
    if (!is_in_folder(pytorch, member, STORAGE_FOLDER, &key))
      continue;
    pytorch->storage[pytorch->storages++] =
        (struct storage){.key = key,
                         .key_length = (size_t)(member->name + member->name_length - key),
                         .bytes = member->size,
                         .data = member->data,
                         .member = i};
  }
  qsort(pytorch->storage, pytorch->storages, sizeof *pytorch->storage, storage_compare);
  return STATUS_OK;
}

static enum status check_storages(const struct pytorch *pytorch, const struct members *members,
                                  struct error *error)
{
  for (size_t i = 0; i < pytorch->storages; i++) {
    const struct storage *storage = &pytorch->storage[i];
    if (i > 0 && storage_compare(storage - 1, storage) == 0)
      return error_set(error, STATUS_INPUT, "zip archive: two members are data/%s",
                       SHOWN_PART(storage->key, storage->key_length));
    if (!storage->data && members->member[storage->member].size / DEFLATE_MOST >
                              members->member[storage->member].compressed)
      return error_set(error, STATUS_INPUT,
                       "zip archive: member data/%s claims %zu bytes, which %zu cannot hold",
                       SHOWN_PART(storage->key, storage->key_length), storage->bytes,
                       members->member[storage->member].compressed);
  }
  return STATUS_OK;
}

static enum status read_zip_pickle(struct source *source, struct pytorch *file,
                                   const struct members *members, struct error *error)
{
  const struct zip_member *member = &members->member[members->pickle];
  unsigned char *inflated = NULL;
  struct pickle *pickle = NULL;
  enum status status = STATUS_OK;
  if (!member->data) {
    status = check_inflated(source->state, member, error);
    if (status == STATUS_OK)
      status = inflate(file->map, members->pickle, member->size, NULL, &inflated, error);
  }
  if (status == STATUS_OK)
    status = pickle_read(inflated ? inflated : member->data, member->size, NULL, &pickle, error);
  if (status == STATUS_OK)
    status = walk_root(source, file, pickle, error);
  pickle_free(pickle);
  spill_free(inflated);
  return status;
}

static enum status read_zip(struct source *source, struct pytorch *file, struct members *members,
                            struct error *error)
{
  const struct zip_member *member = &members->member[members->pickle];
  file->folder = member->name;
  file->folder_length = member->name_length - strlen(PICKLE_NAME);
  enum status status = list_storages(file, members, error);
  if (status == STATUS_OK)
    status = check_storages(file, members, error);
  return status == STATUS_OK ? read_zip_pickle(source, file, members, error) : status;
}

/* --- legacy
 * ------------------------------------------------------------------------------------------- */

struct stream {
  const unsigned char *bytes;
  size_t size, at;
  struct error *error;
};

static enum status next_pickle(struct stream *stream, struct pickle **out)
{
  size_t used = 0, at = stream->at;
  enum status status =
      pickle_read(stream->bytes + at, stream->size - at, &used, out, stream->error);
  if (status == STATUS_INPUT)
    error_prefix(stream->error, "behind offset %zu: ", at);
  stream->at += used;
  return status;
}

/* Magic number, protocol and what the machine was like: only its byte order matters. */
static enum status skip_head(struct stream *stream, struct pytorch *pytorch)
{
  enum status status = STATUS_OK;
  for (int i = 0; i < LEGACY_PICKLES && status == STATUS_OK; i++) {
    struct pickle *pickle = NULL;
    status = next_pickle(stream, &pickle);
    const struct pickle_node *root = pickle ? pickle_root(pickle) : NULL;
    for (size_t k = 0; root && root->kind == PICKLE_DICT && k + 1 < root->count; k += 2)
      if (pickle_is_text(root->item[k], "little_endian"))
        pytorch->swapped = root->item[k + 1]->kind == PICKLE_BOOL && !root->item[k + 1]->integer;
    pickle_free(pickle);
  }
  return status;
}

/* The storages that the pickle speaks of, each once, with the size that it claims. */
static enum status collect_storages(struct pytorch *pytorch, const struct pickle *pickle,
                                    struct error *error)
{
  size_t count = 0, kept = 0;
  for (const struct pickle_node *node = NULL; (node = pickle_next(pickle, node));)
    count += node->kind == PICKLE_PERSISTENT;
  pytorch->storage = mem_array(count, sizeof *pytorch->storage);
  if (!pytorch->storage)
    return error_memory(error, "the list of storages");
  for (const struct pickle_node *node = NULL; (node = pickle_next(pickle, node));) {
    const struct stored *stored;
    struct storage *storage = &pytorch->storage[pytorch->storages];
    if (!pytorch_storage_id(node, &stored, storage))
      continue;
    storage->member = stored->size;
    pytorch->storages++;
  }
  qsort(pytorch->storage, pytorch->storages, sizeof *pytorch->storage, storage_compare);
  for (size_t i = 0; i < pytorch->storages; i++)
    if (kept == 0 || storage_compare(&pytorch->storage[kept - 1], &pytorch->storage[i]) != 0)
      pytorch->storage[kept++] = pytorch->storage[i];
  pytorch->storages = kept;
  return STATUS_OK;
}

/* The number of elements in eight bytes, then the elements. */
static enum status place_storage(struct stream *stream, struct pytorch *pytorch,
                                 const struct pickle_node *key)
{
  struct storage wanted = {.key = key->text, .key_length = key->length};
  struct storage *storage =
      bsearch(&wanted, pytorch->storage, pytorch->storages, sizeof wanted, storage_compare);
  uint64_t elements = 0;
  size_t bytes;
  if (!storage)
    return error_set(stream->error, STATUS_INPUT, "offset %zu: a storage that no tensor has",
                     stream->at);
  if (stream->size - stream->at < sizeof elements)
    return error_set(stream->error, STATUS_INPUT, "ends before storage %s",
                     SHOWN_PART(key->text, key->length));
  for (size_t i = sizeof elements; i-- > 0;)
    elements = elements << 8 | stream->bytes[stream->at + (pytorch->swapped ? 7 - i : i)];
  stream->at += sizeof elements;
  if (elements > SIZE_MAX || !size_mul((size_t)elements, storage->member, &bytes) ||
      bytes > stream->size - stream->at || bytes != storage->bytes)
    return error_set(stream->error, STATUS_INPUT,
                     "storage %s at offset %zu has %ju elements of %zu bytes; expected %zu "
                     "bytes, %zu follow",
                     SHOWN_PART(key->text, key->length), stream->at, (uintmax_t)elements,
                     storage->member, storage->bytes, stream->size - stream->at);
  storage->data = stream->bytes + stream->at;
  stream->at += bytes;
  return STATUS_OK;
}

static enum status place_storages(struct stream *stream, struct pytorch *pytorch)
{
  struct pickle *keys = NULL;
  enum status status = next_pickle(stream, &keys);
  const struct pickle_node *root = keys ? pickle_root(keys) : NULL;
  if (status == STATUS_OK && root->kind != PICKLE_LIST)
    status = error_set(stream->error, STATUS_INPUT, "the list of storages is no list");
  for (size_t i = 0; status == STATUS_OK && i < root->count; i++)
    status = root->item[i]->kind == PICKLE_TEXT
                 ? place_storage(stream, pytorch, root->item[i])
                 : error_set(stream->error, STATUS_INPUT, "the key of a storage is no text");
  pickle_free(keys);
  for (size_t i = 0; i < pytorch->storages && status == STATUS_OK; i++)
    if (!pytorch->storage[i].data)
      status = error_set(stream->error, STATUS_INPUT, "storage %s is not in the file",
                         SHOWN_PART(pytorch->storage[i].key, pytorch->storage[i].key_length));
  return status;
}

static enum status read_legacy(struct source *source, struct pytorch *file, struct error *error)
{
  struct stream stream = {.bytes = file->map->bytes, .size = file->map->size, .error = error};
  struct pickle *pickle = NULL;
  enum status status = skip_head(&stream, file);
  if (status == STATUS_OK)
    status = next_pickle(&stream, &pickle);
  if (status == STATUS_OK)
    status = collect_storages(file, pickle, error);
  if (status == STATUS_OK)
    status = place_storages(&stream, file);
  if (status == STATUS_OK)
    status = walk_root(source, file, pickle, error);
  pickle_free(pickle);
  return status;
}

/* --- the source
 * ---------------------------------------------------------------------------------------- */

static enum status pytorch_load(struct source *source, size_t index, struct progress *progress,
                                struct error *error)
{
  struct checkpoint *checkpoint = source->state;
  const struct view_of_storage *view = &checkpoint->view[index];
  struct storage *storage = &view->file->storage[view->storage];
  const struct map *map = view->file->map;
  map_guard();
  if (!storage->data) {
    struct zip_member member = {.size = storage->bytes, .compressed = map->size};
    unsigned char *bytes;
    enum status status = check_inflated(checkpoint, &member, error);
    if (status == STATUS_OK)
      status = inflate(map, storage->member, storage->bytes, progress, &bytes, error);
    if (status != STATUS_OK)
      return status;
    storage->data = bytes;
    storage->owned = true;
    checkpoint->inflated += spill_is_file(storage->bytes) ? 0 : storage->bytes;
  }
  source->tensors[index].data = storage->data + view->offset;
  return STATUS_OK;
}

static void file_free(struct pytorch *file)
{
  for (size_t i = 0; i < file->storages; i++)
    if (file->storage[i].owned)
      spill_free(file->storage[i].data);
  free(file->storage);
  free(file);
}

static void pytorch_close(struct source *source)
{
  struct checkpoint *checkpoint = source->state;
  for (struct pytorch *file = checkpoint->files, *next; file; file = next) {
    next = file->next;
    file_free(file);
  }
  free(checkpoint->view);
  free(checkpoint);
}

/* A zip of something else: arrays of NumPy, or nothing that qscope knows. */
static enum status open_arrays(const char *spec, struct source *source, struct error *error)
{
  pytorch_close(source);
  source->state = NULL;
  source->load = NULL;
  source->close = NULL;
  for (size_t i = 0; i < source_types_length; i++)
    if (source_types[i].open == npz_open)
      source->type = &source_types[i];
  return npz_open(spec, source, error);
}

static enum status open_zip(struct source *source, struct pytorch *file, bool *checkpoint,
                            struct error *error)
{
  struct members members = {0};
  enum status status =
      zip_members_read(file->map->bytes, file->map->size, &members.member, &members.count, error);
  *checkpoint = status != STATUS_OK || find_pickle(&members);
  if (status == STATUS_OK && *checkpoint)
    status = read_zip(source, file, &members, error);
  free(members.member);
  return status;
}

/* One more file of the checkpoint, mapped. */
static enum status add_file(const char *path, struct source *source, struct pytorch **out,
                            struct error *error)
{
  struct map *map;
  if (!source->state) {
    source->state = mem_array(1, sizeof(struct checkpoint));
    if (!source->state)
      return error_memory(error, "a source");
    source->load = pytorch_load;
    source->close = pytorch_close;
  }
  enum status status = source_map(source, path, &map, error);
  if (status != STATUS_OK)
    return status;
  struct checkpoint *checkpoint = source->state;
  *out = mem_array(1, sizeof **out);
  if (!*out)
    return error_memory(error, "a checkpoint");
  (*out)->map = map;
  (*out)->next = checkpoint->files;
  checkpoint->files = *out;
  return STATUS_OK;
}

/* *checkpoint: false for a zip without a pickle. */
static enum status read_file(const char *path, struct source *source, bool *checkpoint,
                             struct error *error)
{
  struct pytorch *file;
  size_t before = source->count;
  *checkpoint = true;
  enum status status = add_file(path, source, &file, error);
  if (status != STATUS_OK)
    return status;
  if (is_legacy(file->map->bytes, file->map->size))
    status = read_legacy(source, file, error);
  else
    status = open_zip(source, file, checkpoint, error);
  if (status == STATUS_OK && *checkpoint && source->count == before)
    status = error_set(error, STATUS_INPUT, "a checkpoint without tensors%s%s",
                       source->note ? ": " : "", source->note ? source->note : "");
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", SHOWN(path));
  return status;
}

enum status pytorch_add(const char *path, struct source *source, struct error *error)
{
  bool checkpoint;
  enum status status = read_file(path, source, &checkpoint, error);
  if (status == STATUS_OK && !checkpoint)
    status = error_set(error, STATUS_INPUT,
                       "%s: a zip archive without a data.pkl; expected a "
                       "checkpoint of PyTorch",
                       SHOWN(path));
  return status;
}

enum status pytorch_open(const char *spec, struct source *source, struct error *error)
{
  bool checkpoint;
  enum status status = read_file(spec, source, &checkpoint, error);
  if (status != STATUS_OK)
    return status;
  return checkpoint ? packs_open(spec, source, error) : open_arrays(spec, source, error);
}
