#include "config.h"

#include "data/spill.h"

#include "data/map.h"
#include "data/map_range.h"
#include "data/source_types.h"
#include "data/temporary.h"
#include "quant/base/size.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static enum status failed(size_t size, int reason, struct error *error)
{
  return error_set(error, STATUS_MEMORY,
                   "needs %zu bytes in a temporary file in %s (TMPDIR names another folder): %s",
                   size, SHOWN(temporary_folder()), strerror(reason));
}

/* A file of SIZE bytes, whose place is reserved; -1 and errno. */
static int make_file(size_t size)
{
  size_t room;
  int file = temporary_file(&room);
  if (file < 0)
    return -1;
  int reason = size > room ? ENOSPC : posix_fallocate(file, 0, (off_t)size);
  if (reason == 0)
    return file;
  close(file);
  errno = reason;
  return -1;
}

static enum status map_file(size_t size, unsigned char **out, struct error *error)
{
  size_t page = (size_t)sysconf(_SC_PAGESIZE), length = size_div_up(size, page) * page;
  int file = make_file(size);
  if (file < 0)
    return failed(size, errno, error);
  void *bytes = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  struct map_range *range = bytes == MAP_FAILED ? NULL : map_range_add(bytes, length, file);
  if (range) {
    map_guard();
    *out = bytes;
    return STATUS_OK;
  }
  if (bytes != MAP_FAILED)
    munmap(bytes, length);
  enum status status = failed(size, ENOMEM, error);
  close(file);
  return status;
}

enum status spill_new(size_t size, unsigned char **out, struct error *error)
{
  if (spill_is_file(size))
    return map_file(size, out, error);
  *out = mem_array(size, 1);
  return *out ? STATUS_OK : error_memory(error, "what is unpacked");
}

void spill_free(const void *bytes)
{
  struct map_range *range = bytes ? map_range_at(bytes) : NULL;
  if (!range) {
    free((void *)(uintptr_t)bytes);
    return;
  }
  int file = map_range_file(range);
  map_range_unmap(range);
  close(file);
}
