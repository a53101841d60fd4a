#include "config.h"

#include "data/folder.h"

#include "data/npy.h"
#include "quant/base/name_order.h"
#include "quant/base/size.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NPY_SUFFIX ".npy"
enum { FILE_MOST = 4096 }; /* bytes of a path */

/* --- what a folder holds ---------------------------------------------------------------------- */

struct walk {
  char **files; /* .npy files, by the way from the folder */
  size_t count, capacity, entries;
  size_t others, links, too_deep;
  struct error *error;
};

static void walk_clear(struct walk *walk)
{
  for (size_t i = 0; i < walk->count; i++)
    free(walk->files[i]);
  free(walk->files);
}

/* Takes FILE over; NULL: memory ran out. */
static enum status keep_file(struct walk *walk, char *file)
{
  if (file && walk->count == walk->capacity) {
    size_t capacity = walk->capacity ? 2 * walk->capacity : 64;
    char **files = mem_resize(walk->files, capacity, sizeof *files);
    if (files) {
      walk->files = files;
      walk->capacity = capacity;
    }
  }
  if (!file || walk->count == walk->capacity) {
    free(file);
    return error_memory(walk->error, "a list of files");
  }
  walk->files[walk->count++] = file;
  return STATUS_OK;
}

static enum status walk_folder(struct walk *walk, int file, const char *way, unsigned levels);

/* A folder that cannot be opened counts as one that lies too deep. */
static enum status walk_within(struct walk *walk, int folder, const char *name, const char *way,
                               unsigned levels)
{
  int file =
      levels > 0 ? openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
  if (file >= 0)
    return walk_folder(walk, file, way, levels - 1);
  walk->too_deep++;
  return STATUS_OK;
}

/* What ITEM of the open FOLDER is, for S_ISREG and its like; 0 where that is not known. */
static mode_t mode_of(int folder, const struct dirent *item)
{
  struct stat facts;
  if (item->d_type != DT_UNKNOWN)
    return (mode_t)DTTOIF(item->d_type);
  return fstatat(folder, item->d_name, &facts, AT_SYMLINK_NOFOLLOW) == 0 ? facts.st_mode : 0;
}

/* ITEM of the open FOLDER, to which PARENT is the way. */
static enum status walk_entry(struct walk *walk, int folder, const struct dirent *item,
                              const char *parent, unsigned levels)
{
  const char *name = item->d_name;
  size_t size = strlen(parent) + strlen(name) + 2;
  char *way = malloc(size);
  if (!way)
    return error_memory(walk->error, "a file's name");
  snprintf(way, size, "%s%s%s", parent, *parent ? "/" : "", name);
  mode_t mode = mode_of(folder, item);
  bool array = text_ends(name, NPY_SUFFIX) && strlen(name) > strlen(NPY_SUFFIX);
  enum status status = STATUS_OK;
  if (S_ISREG(mode) && array)
    return keep_file(walk, way);
  if (S_ISDIR(mode))
    status = walk_within(walk, folder, name, way, levels);
  else if (S_ISLNK(mode) && array)
    walk->links++;
  else
    walk->others++;
  free(way);
  return status;
}

/* Closes FILE, the folder. */
static enum status walk_folder(struct walk *walk, int file, const char *way, unsigned levels)
{
  DIR *folder = fdopendir(file);
  enum status status = STATUS_OK;
  if (!folder) {
    close(file);
    return error_memory(walk->error, "a folder");
  }
  for (struct dirent *item; status == STATUS_OK && (item = readdir(folder));)
    if (item->d_name[0] != '.' && walk->entries < FOLDER_ENTRIES) {
      walk->entries++;
      status = walk_entry(walk, file, item, way, levels);
    }
  closedir(folder);
  return status;
}

static int open_folder(const char *path)
{
  return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int by_name(const void *left, const void *right)
{
  return name_order(*(char *const *)left, *(char *const *)right);
}

static enum status walk_path(struct walk *walk, const char *path)
{
  int file = open_folder(path);
  if (file < 0)
    return error_set(walk->error, STATUS_INPUT, "cannot open: %s", strerror(errno));
  enum status status = walk_folder(walk, file, "", FOLDER_LEVELS);
  if (walk->count > 0)
    qsort(walk->files, walk->count, sizeof *walk->files, by_name);
  return status;
}

/* The file at the end of WAY below the open FOLDER, through no link; -1 and errno. */
static int open_below(int folder, const char *way)
{
  char name[SHOWN_SIZE];
  int at = folder;
  for (const char *slash; at >= 0 && (slash = strchr(way, '/')); way = slash + 1) {
    snprintf(name, sizeof name, "%.*s", (int)(slash - way), way);
    int next = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (at != folder)
      close(at);
    at = next;
  }
  if (at < 0)
    return -1;
  int file = openat(at, way, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  int reason = errno;
  if (at != folder)
    close(at);
  errno = reason;
  return file;
}

/* --- headers --------------------------------------------------------------------------------- */

enum { HEAD_SIZE = 512 }; /* holds nearly every header */

static enum status read_head(int file, unsigned char *head, size_t size, struct error *error)
{
  for (size_t done = 0; done < size;) {
    ssize_t got = pread(file, head + done, size - done, (off_t)done);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return error_set(error, STATUS_INPUT, "cannot be read: %s",
                       got < 0 ? strerror(errno) : "it ends early");
    done += (size_t)got;
  }
  return STATUS_OK;
}

/* A header of WANTED bytes, more than there is room for on the stack. */
static enum status read_long_header(int file, size_t wanted, struct tensor *tensor, size_t *start,
                                    struct error *error)
{
  unsigned char *head = mem_array(wanted, 1);
  if (!head)
    return error_memory(error, "a header");
  enum status status = read_head(file, head, wanted, error);
  if (status == STATUS_OK)
    status = npy_header((struct bytes){head, wanted}, tensor, start, error);
  free(head);
  return status;
}

static enum status read_header(int file, struct tensor *tensor, size_t *start, struct error *error)
{
  struct stat facts;
  unsigned char head[HEAD_SIZE];
  size_t length = 0;
  if (file < 0 || fstat(file, &facts) != 0)
    return error_set(error, STATUS_INPUT, "cannot open: %s", strerror(errno));
  if (!S_ISREG(facts.st_mode) || facts.st_size < 0)
    return error_set(error, STATUS_INPUT, "expected a regular file");
  size_t size = (size_t)facts.st_size;
  struct bytes begin = {head, size_min(size, sizeof head)};
  enum status status = read_head(file, head, begin.size, error);
  if (status == STATUS_OK)
    status = npy_prefix(begin, start, &length, error);
  if (status != STATUS_OK)
    return status;
  size_t wanted = size_min(size, *start + length);
  status = wanted <= begin.size ? npy_header(begin, tensor, start, error)
                                : read_long_header(file, wanted, tensor, start, error);
  return status == STATUS_OK ? npy_check_data(tensor, *start, size, error) : status;
}

/* --- the arrays ------------------------------------------------------------------------------ */

/* The folder, and where the data of each tensor begins in its file. */
struct arrays {
  char *path;
  size_t *start;
};

/* Bad files are counted; the first one is named in BAD. */
static enum status add_array(struct source *source, int folder, char *way, struct brief *bad,
                             size_t *bad_count, struct error *error)
{
  struct arrays *arrays = source->state;
  struct tensor tensor = {.name = way};
  struct error reason = {0};
  size_t start = 0, length = strlen(way) - strlen(NPY_SUFFIX);
  int file = open_below(folder, way);
  enum status status = read_header(file, &tensor, &start, &reason);
  if (file >= 0)
    close(file);
  if (status == STATUS_INPUT && (*bad_count)++ == 0)
    brief_print(bad, "%s: %s", SHOWN(way), reason.text);
  if (status == STATUS_INPUT)
    return STATUS_OK;
  if (status != STATUS_OK)
    return error_set(error, status, "%s: %s", SHOWN(way), reason.text);
  arrays->start[source->count] = start;
  way[length] = '\0';
  status = source_add(source, &tensor, error);
  way[length] = NPY_SUFFIX[0];
  return status;
}

/* What was left aside. */
static enum status note_rest(struct source *source, const struct walk *walk, size_t bad_count,
                             const struct brief *bad, struct error *error)
{
  const struct skipped kinds[] = {
      {bad_count, "damaged .npy file", "damaged .npy files"},
      {walk->links, "link", "links"},
      {walk->too_deep, "folder that cannot be opened or lies too deep",
       "folders that cannot be opened or lie too deep"},
      {walk->others, "file that is no .npy", "files that are no .npy"},
  };
  enum status status = source_note_skipped(source, kinds, sizeof kinds / sizeof *kinds, error);
  if (status == STATUS_OK && bad_count > 0)
    status = source_add_note(source, bad->text, error);
  if (status == STATUS_OK && walk->entries == FOLDER_ENTRIES)
    status = source_add_note(source, "only a part of so many files was looked at", error);
  return status;
}

static enum status add_arrays(const char *path, const struct walk *walk, struct source *source,
                              struct error *error)
{
  struct brief bad = {.used = 0};
  size_t bad_count = 0;
  enum status status = STATUS_OK;
  int folder = open_folder(path);
  if (folder < 0)
    return error_set(error, STATUS_INPUT, "cannot open: %s", strerror(errno));
  struct progress *meter = source_meter(source, walk->count);
  for (size_t i = 0; i < walk->count && status == STATUS_OK; i++) {
    status = add_array(source, folder, walk->files[i], &bad, &bad_count, error);
    progress_advance(meter, 1);
  }
  close(folder);
  if (status == STATUS_OK && source->count == 0)
    return error_set(error, STATUS_INPUT, "none of %zu .npy file%s can be read; %s", walk->count,
                     walk->count == 1 ? "" : "s", bad.text);
  return status == STATUS_OK ? note_rest(source, walk, bad_count, &bad, error) : status;
}

/* The header once more: the file may be another one by now. */
static enum status check_header(const struct map *map, const struct tensor *tensor, size_t start,
                                struct error *error)
{
  struct tensor now = {0};
  size_t begin = 0;
  enum status status = npy_header((struct bytes){map->bytes, map->size}, &now, &begin, error);
  if (status == STATUS_OK)
    status = npy_check_data(&now, begin, map->size, error);
  if (status != STATUS_OK)
    return status;
  bool same = begin == start && now.stored == tensor->stored && now.swapped == tensor->swapped &&
              now.strided == tensor->strided && now.shape.dims == tensor->shape.dims &&
              memcmp(now.shape.dim, tensor->shape.dim, now.shape.dims * sizeof *now.shape.dim) == 0;
  return same ? STATUS_OK
              : error_set(error, STATUS_INPUT, "the file has changed since the folder was opened");
}

/* The file stays mapped, but not open: there may be more of them than a process may have open. */
static enum status folder_load(struct source *source, size_t index, struct progress *progress,
                               struct error *error)
{
  (void)progress;
  const struct arrays *arrays = source->state;
  struct tensor *tensor = &source->tensors[index];
  struct map *map;
  size_t size = strlen(arrays->path) + strlen(tensor->name) + sizeof NPY_SUFFIX + 1;
  char *path = malloc(size);
  if (!path)
    return error_memory(error, "a file's name");
  snprintf(path, size, "%s/%s" NPY_SUFFIX, arrays->path, tensor->name);
  int folder = open_folder(arrays->path);
  int file = folder < 0 ? -1 : open_below(folder, path + strlen(arrays->path) + 1);
  enum status status = map_open_file(file, path, &map, error);
  if (folder >= 0)
    close(folder);
  free(path);
  if (status != STATUS_OK)
    return status;
  map_close_file(map);
  status = check_header(map, tensor, arrays->start[index], error);
  if (status != STATUS_OK) {
    map_close(map);
    return status;
  }
  status = source_keep(source, map, error);
  if (status == STATUS_OK)
    tensor->data = map->bytes + arrays->start[index];
  return status;
}

static void folder_close(struct source *source)
{
  struct arrays *arrays = source->state;
  free(arrays->path);
  free(arrays->start);
  free(arrays);
}

static enum status open_arrays(const char *path, const struct walk *walk, struct source *source,
                               struct error *error)
{
  struct arrays *arrays = source->state = mem_array(1, sizeof *arrays);
  if (!arrays)
    return error_memory(error, "a source");
  source->load = folder_load;
  source->close = folder_close;
  source_set_type(source, "npy");
  arrays->path = strdup(path);
  arrays->start = mem_array(walk->count, sizeof *arrays->start);
  if (!arrays->path || !arrays->start)
    return error_memory(error, "a source");
  return add_arrays(path, walk, source, error);
}

/* --- the only file --------------------------------------------------------------------------- */

static enum status nothing_there(struct error *error)
{
  struct brief types = {.used = 0};
  for (size_t i = 0; i + 1 < source_types_length; i++)
    if (!source_types[i].prefix)
      brief_print(&types, "%s%s", types.used ? ", " : "", source_types[i].name);
  return error_set(error, STATUS_INPUT,
                   "a directory without any model: no *.safetensors, *model*.bin, *.gguf, *.npy, "
                   "and no single file of another type (%s)",
                   types.text);
}

/* The files of FOLDER that are of a known type: how many, the first two names (of SHOWN_SIZE bytes)
 * and the type of the first. */
static size_t find_models(const char *path, DIR *folder, char name[2][SHOWN_SIZE],
                          const struct source_type **type)
{
  char file[FILE_MOST];
  size_t count = 0;
  for (struct dirent *item; (item = readdir(folder));) {
    bool whole = item->d_name[0] != '.' &&
                 (size_t)snprintf(file, sizeof file, "%s/%s", path, item->d_name) < sizeof file;
    const struct source_type *found = whole ? source_recognise(file) : NULL;
    if (!found)
      continue;
    if (count == 0)
      *type = found;
    if (count < 2)
      snprintf(name[count], SHOWN_SIZE, "%s", item->d_name);
    count++;
  }
  return count;
}

/* The path of the only file of a known type in the folder PATH, into FILE of SIZE bytes. */
static enum status find_only(const char *path, char *file, size_t size,
                             const struct source_type **type, struct error *error)
{
  char name[2][SHOWN_SIZE];
  DIR *folder = opendir(path);
  if (!folder)
    return error_set(error, STATUS_INPUT, "cannot open: %s", strerror(errno));
  size_t count = find_models(path, folder, name, type);
  closedir(folder);
  if (count == 0)
    return nothing_there(error);
  if (count > 1)
    return error_set(error, STATUS_INPUT, "holds %zu models (%s, %s%s); open one of them", count,
                     SHOWN(name[0]), SHOWN(name[1]), count > 2 ? " ..." : "");
  snprintf(file, size, "%s/%s", path, name[0]);
  return STATUS_OK;
}

static enum status open_only(const char *file, const struct source_type *type,
                             struct source *source, struct error *error)
{
  char note[SHOWN_SIZE + 64];
  source->type = type;
  snprintf(note, sizeof note, "opened %s, the only model here", SHOWN(path_base(file)));
  enum status status = type->open(file, source, error);
  return status == STATUS_OK ? source_add_note(source, note, error) : status;
}

enum status folder_open(const char *path, struct source *source, struct error *error)
{
  char file[FILE_MOST];
  const struct source_type *type = NULL;
  struct walk walk = {.error = error};
  enum status status = walk_path(&walk, path);
  if (status == STATUS_OK)
    status = walk.count > 0 ? open_arrays(path, &walk, source, error)
                            : find_only(path, file, sizeof file, &type, error);
  walk_clear(&walk);
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", SHOWN(path));
  return status == STATUS_OK && type ? open_only(file, type, source, error) : status;
}
