/* NumPy's .npz: a zip archive whose members are .npy files, stored or deflated.
 *
 * Opening reads the directory and the header of each member; the values of a member are inflated
 * when it is loaded, large ones into a temporary file, and kept until the source is closed. A large
 * stored member is read where it lies in the file; its checksum is not compared. Nothing is
 * believed that the archive cannot hold: the directory's sizes are held against what deflate can
 * reach, the header against the directory, and what is loaded against the memory of the machine. */
#include "config.h"

#include "data/map_range.h"
#include "data/npy.h"
#include "data/spill.h"
#include "data/zip_members.h"
#include "quant/base/size.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>

#define MEMBER_SUFFIX ".npy"

enum {
  MAGIC_SIZE = 4,
  HEADER_MOST = 1 << 20, /* NumPy's own limit is 10,000 */
  DEFLATE_MOST = 1032,   /* deflated bytes grow to at most this many times their number */
  PIECE = 1 << 20,       /* bytes inflated between two looks at whether to go on: whole elements */
};

/* Where the values of a tensor lie: in which member, from which byte on, of how many. */
struct member {
  zip_uint64_t index;
  size_t start, size;
  bool stored, in_place; /* not deflated; its values are the file's own bytes */
};

struct archive {
  zip_t *zip;
  const struct map *map;
  struct member *members; /* of the tensors, in their order */
  size_t loaded;          /* bytes */
};

bool npz_tastes(const char *spec, const unsigned char *head, size_t length)
{
  if (length > 0) /* a member, or the end of an archive without any */
    return length >= MAGIC_SIZE &&
           (memcmp(head, "PK\3\4", MAGIC_SIZE) == 0 || memcmp(head, "PK\5\6", MAGIC_SIZE) == 0);
  return text_ends(spec, ".npz");
}

/* --- the archive --------------------------------------------------------------------- */

static enum status zip_failed(zip_error_t *reason, struct error *error)
{
  if (zip_error_code_zip(reason) == ZIP_ER_MEMORY)
    return error_memory(error, "a zip archive");
  if (zip_error_code_zip(reason) == ZIP_ER_NOZIP)
    return error_set(error, STATUS_INPUT, ZIP_NO_DIRECTORY);
  return error_set(error, STATUS_INPUT, "zip archive: %s", SHOWN(zip_error_strerror(reason)));
}

static enum status open_archive(const struct map *map, zip_t **out, struct error *error)
{
  zip_error_t reason;
  if (map->size == 0) /* libzip would take it for an archive without members */
    return error_set(error, STATUS_INPUT, "the file is empty; expected a zip archive");
  zip_error_init(&reason);
  zip_source_t *bytes = zip_source_buffer_create(map->bytes, map->size, 0, &reason);
  *out = bytes ? zip_open_from_source(bytes, ZIP_RDONLY, &reason) : NULL;
  enum status status = *out ? STATUS_OK : zip_failed(&reason, error);
  if (!*out && bytes)
    zip_source_free(bytes);
  zip_error_fini(&reason);
  return status;
}

/* --- one member ---------------------------------------------------------------------- */

static enum status check_member(const zip_stat_t *facts, size_t archive_size, struct error *error)
{
  const zip_uint64_t all = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  if ((facts->valid & all) != all)
    return error_set(error, STATUS_INPUT, "the directory lacks its size");
  if (facts->valid & ZIP_STAT_ENCRYPTION_METHOD && facts->encryption_method != ZIP_EM_NONE)
    return error_set(error, STATUS_INPUT, "encrypted");
  if (facts->comp_method != ZIP_CM_STORE && facts->comp_method != ZIP_CM_DEFLATE)
    return error_set(error, STATUS_INPUT,
                     "compression method %u; expected 0 (stored) or 8 (deflated)",
                     facts->comp_method);
  if (facts->comp_size > archive_size)
    return error_set(error, STATUS_INPUT, "claims %ju bytes of the archive's %zu",
                     (uintmax_t)facts->comp_size, archive_size);
  zip_uint64_t times = facts->comp_method == ZIP_CM_STORE ? 1 : DEFLATE_MOST;
  if (facts->size / times > facts->comp_size || facts->size > SIZE_MAX)
    return error_set(error, STATUS_INPUT, "claims %ju bytes, which %ju cannot hold",
                     (uintmax_t)facts->size, (uintmax_t)facts->comp_size);
  return STATUS_OK;
}

static enum status read_bytes(zip_file_t *file, unsigned char *bytes, size_t size,
                              struct error *error)
{
  for (size_t done = 0; done < size;) {
    zip_int64_t got = zip_fread(file, bytes + done, size - done);
    if (got < 0)
      return zip_failed(zip_file_get_error(file), error);
    if (got == 0)
      return error_set(error, STATUS_INPUT, "ends after %zu bytes; expected %zu", done, size);
    done += (size_t)got;
  }
  return STATUS_OK;
}

/* Prefix and header of a member of SIZE bytes into BYTES, which the caller frees. */
static enum status fetch_header(zip_file_t *file, size_t size, struct bytes *out,
                                unsigned char **bytes, struct error *error)
{
  unsigned char prefix[NPY_PREFIX_MAX];
  size_t have = size_min(size, sizeof prefix), start = 0, length = 0;
  enum status status = read_bytes(file, prefix, have, error);
  if (status == STATUS_OK)
    status = npy_prefix((struct bytes){prefix, have}, &start, &length, error);
  if (status != STATUS_OK)
    return status;
  if (length > HEADER_MOST)
    return error_set(error, STATUS_INPUT, "header of %zu bytes; expected at most %d", length,
                     HEADER_MOST);
  size_t all = size_min(size_max(start + length, have), size);
  if (!(*bytes = mem_array(all, 1)))
    return error_memory(error, "a header");
  memcpy(*bytes, prefix, have);
  *out = (struct bytes){*bytes, all};
  return read_bytes(file, *bytes + have, all - have, error);
}

static enum status read_member(zip_file_t *file, struct member *member, struct tensor *tensor,
                               struct error *error)
{
  unsigned char *bytes = NULL;
  struct bytes header;
  enum status status = fetch_header(file, member->size, &header, &bytes, error);
  if (status == STATUS_OK)
    status = npy_header(header, tensor, &member->start, error);
  if (status == STATUS_OK)
    status = npy_check_data(tensor, member->start, member->size, error);
  free(bytes);
  return status;
}

static enum status add_member(struct source *source, struct archive *archive, const char *name,
                              const zip_stat_t *facts, struct error *error)
{
  struct member *member = &archive->members[source->count];
  struct tensor tensor = {0};
  enum status status = check_member(facts, archive->map->size, error);
  if (status != STATUS_OK)
    return status;
  *member = (struct member){.index = facts->index,
                            .size = (size_t)facts->size,
                            .stored = facts->comp_method == ZIP_CM_STORE};
  zip_file_t *file = zip_fopen_index(archive->zip, facts->index, 0);
  if (!file)
    return zip_failed(zip_get_error(archive->zip), error);
  status = read_member(file, member, &tensor, error);
  zip_fclose(file);
  tensor.name = name;
  return status == STATUS_OK ? source_add(source, &tensor, error) : status;
}

/* --- all members --------------------------------------------------------------------- */

static enum status add_entry(struct source *source, struct archive *archive, zip_uint64_t index,
                             struct error *error)
{
  zip_stat_t facts;
  if (zip_stat_index(archive->zip, index, ZIP_FL_ENC_RAW, &facts) != 0)
    return zip_failed(zip_get_error(archive->zip), error);
  if (!(facts.valid & ZIP_STAT_NAME) || !text_ends(facts.name, MEMBER_SUFFIX))
    return STATUS_OK;
  char *name = strndup(facts.name, strlen(facts.name) - strlen(MEMBER_SUFFIX));
  if (!name)
    return error_memory(error, "a tensor's name");
  enum status status = add_member(source, archive, name, &facts, error);
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", SHOWN(facts.name));
  free(name);
  return status;
}

static enum status add_entries(struct source *source, struct archive *archive, struct error *error)
{
  zip_int64_t count = zip_get_num_entries(archive->zip, 0);
  enum status status = STATUS_OK;
  archive->members = mem_array((size_t)count, sizeof *archive->members);
  if (!archive->members)
    return error_memory(error, "the list of members");
  for (zip_int64_t i = 0; i < count && status == STATUS_OK; i++)
    status = add_entry(source, archive, (zip_uint64_t)i, error);
  if (status == STATUS_OK && count > 0 && source->count == 0)
    return error_set(error, STATUS_INPUT,
                     "zip archive of %jd members, none of them a .npy; the first is %s",
                     (intmax_t)count, SHOWN(zip_get_name(archive->zip, 0, ZIP_FL_ENC_RAW)));
  return status == STATUS_OK ? source_check_names(source, error) : status;
}

/* --- values -------------------------------------------------------------------------- */

/* Half of the machine's memory for all that is inflated into memory. */
static enum status check_memory(const struct archive *archive, size_t bytes, struct error *error)
{
  size_t half = source_memory() / 2;
  if (spill_is_file(bytes))
    return STATUS_OK;
  if (archive->loaded <= half && bytes <= half - archive->loaded)
    return STATUS_OK;
  return error_set(error, STATUS_MEMORY,
                   "needs %zu bytes beside the %zu that are loaded; half of this machine's memory "
                   "is %zu",
                   bytes, archive->loaded, half);
}

static enum status read_values(zip_file_t *file, const struct tensor *tensor, unsigned char *values,
                               struct progress *progress, struct error *error)
{
  enum status status = STATUS_OK;
  for (size_t done = 0, size; done < tensor->bytes && status == STATUS_OK; done += size) {
    if (progress_cancelled(progress))
      return error_set(error, STATUS_CANCELLED, "cancelled");
    size = size_min(tensor->bytes - done, PIECE);
    status = read_bytes(file, values + done, size, error);
    progress_advance(progress, size / tensor->stored->size);
    map_passed(size);
  }
  return status;
}

/* The header again, to get past it, then the values; who reads to the end has the checksum
 * compared. */
static enum status inflate(zip_file_t *file, const struct member *member,
                           const struct tensor *tensor, unsigned char *values,
                           struct progress *progress, struct error *error)
{
  unsigned char *header = mem_array(member->start, 1), behind;
  if (!header)
    return error_memory(error, "a header");
  enum status status = read_bytes(file, header, member->start, error);
  free(header);
  if (status == STATUS_OK)
    status = read_values(file, tensor, values, progress, error);
  if (status == STATUS_OK && member->start + tensor->bytes == member->size &&
      zip_fread(file, &behind, 1) < 0)
    return zip_failed(zip_file_get_error(file), error);
  return status;
}

static enum status inflate_new(struct archive *archive, const struct member *member,
                               struct tensor *tensor, struct progress *progress,
                               struct error *error)
{
  unsigned char *values = NULL;
  enum status status = check_memory(archive, tensor->bytes, error);
  if (status != STATUS_OK)
    return status;
  zip_file_t *file = zip_fopen_index(archive->zip, member->index, 0);
  if (!file)
    return zip_failed(zip_get_error(archive->zip), error);
  status = spill_new(tensor->bytes, &values, error);
  if (status == STATUS_OK)
    status = inflate(file, member, tensor, values, progress, error);
  zip_fclose(file);
  if (status != STATUS_OK) {
    spill_free(values);
    return status;
  }
  tensor->data = values;
  archive->loaded += spill_is_file(tensor->bytes) ? 0 : tensor->bytes;
  return STATUS_OK;
}

/* libzip tells what members are, not where: the directory is read for that. */
static enum status lend(const struct archive *archive, struct member *member, struct tensor *tensor,
                        struct progress *progress, struct error *error)
{
  struct zip_member *members = NULL;
  size_t count = 0;
  enum status status =
      zip_members_read(archive->map->bytes, archive->map->size, &members, &count, error);
  if (status != STATUS_OK)
    return status;
  const struct zip_member *found = member->index < count ? &members[member->index] : NULL;
  if (found && found->stored && found->size == member->size) {
    tensor->data = found->data + member->start;
    member->in_place = true;
    progress_advance(progress, tensor->count);
  } else {
    status = error_set(error, STATUS_INPUT, "its place in the archive is not found");
  }
  free(members);
  return status;
}

static enum status npz_load(struct source *source, size_t index, struct progress *progress,
                            struct error *error)
{
  struct archive *archive = source->state;
  struct tensor *tensor = &source->tensors[index];
  struct member *member = &archive->members[index];
  map_guard();
  progress_expect(progress, tensor->count);
  if (member->stored && spill_is_file(tensor->bytes))
    return lend(archive, member, tensor, progress, error);
  return inflate_new(archive, member, tensor, progress, error);
}

/* --- the source ---------------------------------------------------------------------- */

static void npz_close(struct source *source)
{
  struct archive *archive = source->state;
  for (size_t i = 0; i < source->count; i++)
    if (!source->tensors[i].derived && !archive->members[i].in_place)
      spill_free(source->tensors[i].data);
  if (archive->zip)
    zip_discard(archive->zip);
  free(archive->members);
  free(archive);
}

enum status npz_open(const char *spec, struct source *source, struct error *error)
{
  struct map *map;
  struct archive *archive = mem_array(1, sizeof *archive);
  if (!archive)
    return error_memory(error, "a source");
  source->state = archive;
  source->load = npz_load;
  source->close = npz_close;
  enum status status = source_map(source, spec, &map, error);
  if (status != STATUS_OK)
    return status;
  archive->map = map;
  status = open_archive(map, &archive->zip, error);
  if (status == STATUS_OK)
    status = add_entries(source, archive, error);
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", SHOWN(spec));
  return status;
}
