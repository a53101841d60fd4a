/* The end record, the directory in front of it, and the head of each member: PKWARE's APPNOTE 4.3.
 */
#include "config.h"

#include "data/zip_members.h"

#include "quant/base/size.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
  END_SIZE = 22,
  COMMENT_MOST = 65535,
  LOCATOR_SIZE = 20,
  END64_SIZE = 56,
  ENTRY_SIZE = 46, /* of the directory, without its texts */
  HEAD_SIZE = 30,  /* of a member, without its texts */
  EXTRA_64 = 1,
};

struct archive {
  const unsigned char *bytes;
  size_t size;
  struct error *error;
};

static uint64_t number(const unsigned char *bytes, size_t width)
{
  uint64_t value = 0;
  for (size_t i = width; i-- > 0;)
    value = value << 8 | bytes[i];
  return value;
}

static bool holds(const struct archive *archive, uint64_t offset, uint64_t length)
{
  return offset <= archive->size && length <= archive->size - offset;
}

static bool is_record(const struct archive *archive, uint64_t offset, uint64_t length,
                      const char *signature)
{
  return holds(archive, offset, length) && memcmp(archive->bytes + offset, signature, 4) == 0;
}

static enum status damaged(const struct archive *archive, const char *what, uint64_t offset)
{
  return error_set(archive->error, STATUS_INPUT, "zip archive: %s at offset %ju is damaged", what,
                   (uintmax_t)offset);
}

/* --- the end --------------------------------------------------------------------------------- */

struct directory {
  uint64_t offset, size, count;
};

/* Real numbers of an archive whose end record has no room for them. */
static enum status read_end64(const struct archive *archive, size_t end, struct directory *out)
{
  size_t locator = end - size_min(end, LOCATOR_SIZE);
  if (!is_record(archive, locator, LOCATOR_SIZE, "PK\6\7"))
    return STATUS_OK;
  uint64_t place = number(archive->bytes + locator + 8, 8);
  if (!is_record(archive, place, END64_SIZE, "PK\6\6"))
    return damaged(archive, "the end of the directory", locator);
  const unsigned char *record = archive->bytes + place;
  *out = (struct directory){number(record + 48, 8), number(record + 40, 8), number(record + 32, 8)};
  return STATUS_OK;
}

static enum status read_end(const struct archive *archive, struct directory *out)
{
  size_t least = archive->size - size_min(archive->size, END_SIZE + COMMENT_MOST);
  for (size_t end = archive->size - size_min(archive->size, END_SIZE) + 1; end-- > least;)
    if (is_record(archive, end, END_SIZE, "PK\5\6")) {
      const unsigned char *record = archive->bytes + end;
      *out = (struct directory){number(record + 16, 4), number(record + 12, 4),
                                number(record + 10, 2)};
      return read_end64(archive, end, out);
    }
  return error_set(archive->error, STATUS_INPUT, ZIP_NO_DIRECTORY);
}

/* --- one member ------------------------------------------------------------------------------- */

/* Numbers that 32 bits cannot hold stand in an extra field, in the order size, compressed, offset,
 * each only when its place in the entry is all ones. */
static void read_extra(const unsigned char *extra, size_t length, uint64_t *const value[3])
{
  while (length >= 4) {
    size_t id = (size_t)number(extra, 2), size = (size_t)number(extra + 2, 2);
    if (size > length - 4)
      return;
    const unsigned char *field = extra + 4;
    for (int i = 0; id == EXTRA_64 && i < 3 && size >= 8; i++)
      if (*value[i] == UINT32_MAX) {
        *value[i] = number(field, 8);
        field += 8;
        size -= 8;
      }
    size_t step = 4 + (size_t)number(extra + 2, 2);
    extra += step;
    length -= step;
  }
}

static enum status find_data(const struct archive *archive, uint64_t head,
                             struct zip_member *member)
{
  if (!is_record(archive, head, HEAD_SIZE, "PK\3\4"))
    return damaged(archive, "the head of a member", head);
  const unsigned char *bytes = archive->bytes + head;
  uint64_t start = head + HEAD_SIZE + number(bytes + 26, 2) + number(bytes + 28, 2);
  if (!holds(archive, start, member->compressed))
    return error_set(archive->error, STATUS_INPUT,
                     "zip archive: a member at offset %ju claims %zu bytes, the file has %zu",
                     (uintmax_t)start, member->compressed, archive->size);
  member->data = archive->bytes + start;
  return STATUS_OK;
}

/* Reads the entry at *OFFSET and goes past it. */
static enum status read_entry(const struct archive *archive, uint64_t *offset,
                              struct zip_member *member)
{
  if (!is_record(archive, *offset, ENTRY_SIZE, "PK\1\2"))
    return damaged(archive, "the directory", *offset);
  const unsigned char *entry = archive->bytes + *offset;
  uint64_t flags = number(entry + 8, 2), method = number(entry + 10, 2);
  uint64_t compressed = number(entry + 20, 4), size = number(entry + 24, 4);
  uint64_t name = number(entry + 28, 2), extra = number(entry + 30, 2);
  uint64_t head = number(entry + 42, 4);
  uint64_t length = ENTRY_SIZE + name + extra + number(entry + 32, 2);
  if (!holds(archive, *offset, length))
    return damaged(archive, "the directory", *offset);
  read_extra(entry + ENTRY_SIZE + name, (size_t)extra,
             (uint64_t *const[]){&size, &compressed, &head});
  if (compressed > archive->size || size > SIZE_MAX)
    return damaged(archive, "the size of a member", *offset);
  *member = (struct zip_member){.name = (const char *)entry + ENTRY_SIZE,
                                .name_length = (size_t)name,
                                .stored = method == 0 && !(flags & 1) && size == compressed,
                                .compressed = (size_t)compressed,
                                .size = (size_t)size};
  *offset += length;
  return member->stored ? find_data(archive, head, member) : STATUS_OK;
}

enum status zip_members_read(const unsigned char *bytes, size_t size, struct zip_member **out,
                             size_t *count, struct error *error)
{
  struct archive archive = {bytes, size, error};
  struct directory directory = {0};
  enum status status = read_end(&archive, &directory);
  if (status != STATUS_OK)
    return status;
  if (!holds(&archive, directory.offset, directory.size) ||
      directory.count > directory.size / ENTRY_SIZE)
    return error_set(error, STATUS_INPUT,
                     "zip archive: its directory claims %ju members in %ju bytes from offset %ju; "
                     "the file has %zu",
                     (uintmax_t)directory.count, (uintmax_t)directory.size,
                     (uintmax_t)directory.offset, size);
  *count = (size_t)directory.count;
  *out = mem_array(*count, sizeof **out);
  if (!*out)
    return error_memory(error, "the directory of a zip archive");
  uint64_t offset = directory.offset;
  for (size_t i = 0; i < *count && status == STATUS_OK; i++)
    status = read_entry(&archive, &offset, &(*out)[i]);
  if (status != STATUS_OK) {
    free(*out);
    *out = NULL;
  }
  return status;
}
