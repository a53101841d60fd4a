#include "config.h"

#include "data/temporary.h"

#include "quant/base/size.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

const char *temporary_folder(void)
{
  const char *named = getenv("TMPDIR");
  return named && *named ? named : "/tmp";
}

static size_t room_of(int file)
{
  struct statvfs disk;
  size_t bytes;
  bool known =
      fstatvfs(file, &disk) == 0 && size_mul((size_t)disk.f_bavail, (size_t)disk.f_frsize, &bytes);
  return known ? bytes / 2 : SIZE_MAX;
}

int temporary_file(size_t *room)
{
  static const char pattern[] = "/.qscope-XXXXXX";
  size_t size = strlen(temporary_folder()) + sizeof pattern;
  char *name = malloc(size);
  if (!name)
    return -1;
  snprintf(name, size, "%s%s", temporary_folder(), pattern);
  int file = mkstemp(name), reason = errno;
  if (file >= 0) {
    unlink(name);
    fcntl(file, F_SETFD, FD_CLOEXEC);
    *room = room_of(file);
  }
  free(name);
  errno = reason;
  return file;
}
