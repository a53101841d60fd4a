/* HDF5, and what is kept in it: Keras models (.h5), variables of MATLAB 7.3.
 *
 * The groups are walked in turn, not by recursion; a group that is reached twice is walked once.
 * Soft links lead to what is found elsewhere; links into other files, and datasets whose values lie
 * in other files, are counted and left alone.
 *
 * libhdf5 crashes on some damaged files. What it is asked to do is done in a child process first,
 * and here only when the child lives (data/child.h). */
#include "config.h"

#include "data/source_types.h"

#include <string.h>

#define SIGNATURE "\x89HDF\r\n\x1a\n"
#define MATLAB_73 "MATLAB 7.3 MAT-file"

enum { SIGNATURE_SIZE = 8, USER_BLOCK = 512 };

static bool has_signature(const unsigned char *head, size_t length, size_t at)
{
  return length >= at + SIGNATURE_SIZE && memcmp(head + at, SIGNATURE, SIGNATURE_SIZE) == 0;
}

bool hdf5_tastes(const char *spec, const unsigned char *head, size_t length)
{
  if (length > 0)
    return has_signature(head, length, 0) || has_signature(head, length, USER_BLOCK);
  return text_ends(spec, ".h5") || text_ends(spec, ".hdf5");
}

#ifndef HAVE_HDF5

enum status hdf5_open(const char *spec, struct source *source, struct error *error)
{
  struct map *map;
  enum status status = source_map(source, spec, &map, error);
  if (status != STATUS_OK)
    return status;
  return error_set(error, STATUS_INPUT,
                   "%s: an HDF5 file, which this build of qscope cannot read: it needs libhdf5 "
                   "(package libhdf5-dev, hdf5-devel or hdf5); then configure and build again",
                   SHOWN(spec));
}

#else

#include "data/child.h"
#include "data/hdf5.h"
#include "data/spill.h"
#include "quant/base/size.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
  DEPTH_MOST = 64,
  GROUPS_MOST = 20000,
  LINKS_MOST = 1 << 22,
  ATTRIBUTES_MOST = 100,
  TEXT_MOST = 1 << 20,
};

static const char *const names[] = {
#define CALL(name) LIBRARY_NAME(H5, name)
#include "data/hdf5_calls.def"
#undef CALL
};
struct hdf5_calls h5;
static struct library libhdf5 = {.name = HDF5_LIBRARY,
                                 .file = HDF5_FILE,
                                 .packages = "hdf5, or libhdf5 with its number",
                                 .names = names,
                                 .count = sizeof names / sizeof *names,
                                 .calls = &h5};
static_assert(sizeof h5 == sizeof names, "a name for each call");

static pthread_mutex_t library = PTHREAD_MUTEX_INITIALIZER;

void hdf5_lock(void)
{
  pthread_mutex_lock(&library);
  h5.dont_atexit(); /* what it does at exit crashes over what a damaged file has left open */
  h5.Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void hdf5_unlock(void)
{
  pthread_mutex_unlock(&library);
}

static herr_t first_reason(unsigned depth, const H5E_error2_t *reason, void *text)
{
  if (depth == 0 && reason->desc)
    snprintf(text, SHOWN_SIZE, "%s", reason->desc);
  return 0;
}

enum status hdf5_failed(struct error *error, const char *what)
{
  char text[SHOWN_SIZE] = "no reason is given";
  h5.Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first_reason, text);
  return error_set(error, STATUS_INPUT, "%s: %s", what, SHOWN(text));
}

/* --- groups ----------------------------------------------------------------------------- */

/* Groups that were met, in that order. */
struct group {
  char *path; /* "/" or "/a/b" */
  haddr_t address;
  unsigned depth;
};

struct walk {
  struct source *source;
  struct group *groups;
  size_t count, capacity, current;
  enum status status;
  struct error *error;
};

/* Takes PATH over. */
static enum status add_group(struct walk *walk, char *path, haddr_t address, unsigned depth)
{
  if (walk->count == walk->capacity) {
    size_t capacity = walk->capacity ? 2 * walk->capacity : 64;
    struct group *groups = mem_resize(walk->groups, capacity, sizeof *groups);
    if (!groups) {
      free(path);
      return error_memory(walk->error, "the list of groups");
    }
    walk->groups = groups;
    walk->capacity = capacity;
  }
  walk->groups[walk->count++] = (struct group){path, address, depth};
  return STATUS_OK;
}

/* A group that is new; takes PATH over. */
static enum status meet_group(struct walk *walk, char *path, haddr_t address)
{
  struct hdf5 *hdf5 = walk->source->state;
  unsigned depth = walk->groups[walk->current].depth + 1;
  bool known = false;
  for (size_t i = 0; i < walk->count && !known; i++)
    known = walk->groups[i].address == address;
  hdf5->deep += !known && depth > DEPTH_MOST;
  if (!known && depth <= DEPTH_MOST && walk->count < GROUPS_MOST)
    return add_group(walk, path, address, depth);
  free(path);
  return known || depth > DEPTH_MOST
             ? STATUS_OK
             : error_set(walk->error, STATUS_INPUT, "more than %d groups", GROUPS_MOST);
}

static enum status meet_object(struct walk *walk, const char *name)
{
  const char *outer = walk->groups[walk->current].path;
  size_t size = strlen(outer) + strlen(name) + 2;
  char *path = malloc(size);
  H5O_info_t facts;
  struct hdf5 *hdf5 = walk->source->state;
  if (!path)
    return error_memory(walk->error, "a tensor's name");
  snprintf(path, size, "%s%s%s", outer, *outer ? "/" : "", name);
  enum status status = STATUS_OK;
  if (h5.Oget_info_by_name(hdf5->file, path, &facts, H5P_DEFAULT) < 0) {
    status = hdf5_failed(walk->error, "cannot be opened");
    error_prefix(walk->error, "%s: ", SHOWN(path));
  } else if (facts.type == H5O_TYPE_GROUP) {
    return meet_group(walk, path, facts.addr);
  } else if (facts.type == H5O_TYPE_DATASET) {
    status = hdf5_add_dataset(walk->source, path, walk->error);
  }
  free(path);
  return status;
}

static herr_t meet_link(hid_t group, const char *name, const H5L_info_t *link, void *state)
{
  struct walk *walk = state;
  struct hdf5 *hdf5 = walk->source->state;
  (void)group;
  if (++hdf5->links > LINKS_MOST)
    walk->status = error_set(walk->error, STATUS_INPUT, "more than %d links", LINKS_MOST);
  else if (link->type == H5L_TYPE_HARD)
    walk->status = meet_object(walk, name);
  else
    *(link->type == H5L_TYPE_SOFT ? &hdf5->soft : &hdf5->external) += 1;
  return walk->status == STATUS_OK ? 0 : 1;
}

static enum status walk_group(struct walk *walk)
{
  struct hdf5 *hdf5 = walk->source->state;
  const char *path = walk->groups[walk->current].path;
  hid_t group = h5.Gopen2(hdf5->file, *path ? path : "/", H5P_DEFAULT);
  herr_t done =
      group < 0 ? -1 : h5.Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, meet_link, walk);
  if (done < 0 && walk->status == STATUS_OK) {
    walk->status = hdf5_failed(walk->error, "cannot be read");
    error_prefix(walk->error, "group /%s: ", SHOWN(walk->groups[walk->current].path));
  }
  if (group >= 0)
    h5.Gclose(group);
  return walk->status;
}

static enum status walk_groups(struct source *source, struct error *error)
{
  struct hdf5 *hdf5 = source->state;
  struct walk walk = {.source = source, .error = error};
  H5O_info_t facts;
  char *root = strdup("");
  if (h5.Oget_info_by_name(hdf5->file, "/", &facts, H5P_DEFAULT) < 0) {
    free(root);
    return hdf5_failed(error, "the first group");
  }
  walk.status = root ? add_group(&walk, root, facts.addr, 0) : error_memory(error, "a name");
  for (; walk.status == STATUS_OK && walk.current < walk.count; walk.current++)
    walk.status = walk_group(&walk);
  for (size_t i = 0; i < walk.count; i++)
    free(walk.groups[i].path);
  free(walk.groups);
  return walk.status;
}

/* --- what the file says about itself ------------------------------------------------------ */

/* The text of ATTRIBUTE, one string of either kind, which the caller frees; else NULL. */
static char *attribute_text(hid_t attribute, hid_t type)
{
  char *text = NULL, *copy = NULL;
  size_t size = h5.Tget_size(type);
  if (h5.Tis_variable_str(type) > 0) {
    if (h5.Aread(attribute, type, &text) >= 0 && text)
      copy = strdup(text);
    h5.free_memory(text);
  } else if (size > 0 && size <= TEXT_MOST && (copy = calloc(size + 1, 1)) &&
             h5.Aread(attribute, type, copy) < 0) {
    free(copy);
    copy = NULL;
  }
  return copy;
}

static enum status tell_attribute(struct source *source, hid_t attribute, struct error *error)
{
  char name[BRIEF_TEXT];
  hid_t type = h5.Aget_type(attribute), space = h5.Aget_space(attribute);
  enum status status = STATUS_OK;
  char *text = NULL;
  if (h5.Tget_class(type) == H5T_STRING && h5.Sget_simple_extent_npoints(space) == 1 &&
      h5.Aget_name(attribute, sizeof name, name) > 0)
    text = attribute_text(attribute, type);
  if (text)
    status = source_tell(source, name, text, error);
  free(text);
  h5.Sclose(space);
  h5.Tclose(type);
  return status;
}

/* Texts of the first group: Keras's version, and the model's configuration. */
static enum status tell_attributes(struct source *source, struct error *error)
{
  struct hdf5 *hdf5 = source->state;
  enum status status = STATUS_OK;
  for (hsize_t i = 0; i < ATTRIBUTES_MOST && status == STATUS_OK; i++) {
    hid_t attribute =
        h5.Aopen_by_idx(hdf5->file, "/", H5_INDEX_NAME, H5_ITER_INC, i, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0)
      break;
    status = tell_attribute(source, attribute, error);
    h5.Aclose(attribute);
  }
  return status;
}

static enum status write_note(struct source *source, struct error *error)
{
  const struct hdf5 *hdf5 = source->state;
  const struct skipped kinds[] = {
      {hdf5->text, "dataset of text", "datasets of text"},
      {hdf5->other, "dataset that holds no plain numbers", "datasets that hold no plain numbers"},
      {hdf5->foreign, "dataset whose values lie elsewhere", "datasets whose values lie elsewhere"},
      {hdf5->external, "link into another file", "links into other files"},
      {hdf5->soft, "soft link", "soft links"},
      {hdf5->deep, "group that is nested too deep", "groups that are nested too deep"}};
  return source_note_skipped(source, kinds, sizeof kinds / sizeof *kinds, error);
}

/* --- the source --------------------------------------------------------------------------- */

static void hdf5_close(struct source *source)
{
  struct hdf5 *hdf5 = source->state;
  for (size_t i = 0; i < hdf5->in_memory_count; i++)
    if (hdf5->in_memory[i])
      spill_free(source->tensors[i].data);
  if (hdf5->file >= 0) {
    hdf5_lock();
    h5.Fclose(hdf5->file);
    hdf5_unlock();
  }
  free(hdf5->in_memory);
  free(hdf5);
}

static enum status read_file(const char *spec, struct source *source, struct error *error)
{
  struct hdf5 *hdf5 = source->state;
  hdf5->file = h5.Fopen(spec, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (hdf5->file < 0)
    return hdf5_failed(error, "not a whole HDF5 file");
  enum status status = walk_groups(source, error);
  if (status == STATUS_OK)
    status = tell_attributes(source, error);
  if (status == STATUS_OK)
    status = source_check_names(source, error);
  return status == STATUS_OK ? write_note(source, error) : status;
}

/* What it finds is told by who reads the file here. */
static bool list_only(void *source)
{
  struct source *tried = source;
  read_file(tried->spec, tried, NULL);
  return true;
}

static enum status read_if_safe(const char *spec, struct source *source, struct error *error)
{
  hdf5_lock();
  enum status status =
      child_try(&(struct trial){list_only, source, HDF5_LIBRARY, 0}, source->opening, error);
  if (status == STATUS_OK)
    status = read_file(spec, source, error);
  hdf5_unlock();
  return status;
}

enum status hdf5_open(const char *spec, struct source *source, struct error *error)
{
  struct hdf5 *hdf5 = mem_array(1, sizeof *hdf5);
  struct map *map = NULL;
  if (!hdf5)
    return error_memory(error, "a source");
  *hdf5 = (struct hdf5){.file = -1};
  source->state = hdf5;
  source->load = hdf5_load;
  source->close = hdf5_close;
  enum status status = source_map(source, spec, &map, error);
  if (status != STATUS_OK)
    return status;
  hdf5->map = map;
  hdf5->matlab =
      map->size > strlen(MATLAB_73) && memcmp(map->bytes, MATLAB_73, strlen(MATLAB_73)) == 0;
  status = library_load(&libhdf5, error);
  if (status == STATUS_OK)
    status = read_if_safe(spec, source, error);
  if (status == STATUS_OK && !(hdf5->in_memory = mem_array(source->count, sizeof(bool))))
    status = error_memory(error, "the list of tensors");
  hdf5->in_memory_count = status == STATUS_OK ? source->count : 0;
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", SHOWN(spec));
  return status;
}

#endif
