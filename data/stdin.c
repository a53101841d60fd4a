#include "config.h"

#include "data/stdin.h"

#include "data/source_types.h"
#include "data/temporary.h"
#include "quant/base/size.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
  struct stat of; /* what standard input was when it was made */
  int file;
  size_t size, most;
  bool open, ended;
} copy;

/* Redirected from a file, of which nothing has been read: it is as good as a copy. */
static bool is_file(const struct stat *facts)
{
  return S_ISREG(facts->st_mode) && lseek(STDIN_FILENO, 0, SEEK_CUR) == 0;
}

static enum status make_file(struct error *error)
{
  size_t room;
  copy.file = temporary_file(&room);
  if (copy.file < 0)
    return error_set(error, STATUS_INPUT, "cannot make a temporary file in %s: %s",
                     SHOWN(temporary_folder()), strerror(errno));
  copy.most = size_min(source_memory() / 2, room);
  return STATUS_OK;
}

static enum status open_copy(const struct stat *facts, struct error *error)
{
  if (copy.open && facts->st_dev == copy.of.st_dev && facts->st_ino == copy.of.st_ino)
    return STATUS_OK;
  if (copy.open)
    close(copy.file);
  memset(&copy, 0, sizeof copy);
  if (isatty(STDIN_FILENO))
    return error_set(error, STATUS_INPUT, "is a terminal; expected a file or a pipe");
  enum status status = make_file(error);
  copy.open = status == STATUS_OK;
  copy.of = *facts;
  return status;
}

static enum status keep(const char *bytes, size_t size, struct error *error)
{
  if (size > copy.most - copy.size)
    return error_set(error, STATUS_INPUT,
                     "holds more than %zu bytes, all that there is room for; save it to a file",
                     copy.most);
  for (size_t done = 0; done < size;) {
    ssize_t put = pwrite(copy.file, bytes + done, size - done, (off_t)(copy.size + done));
    if (put < 0 && errno == EINTR)
      continue;
    if (put <= 0)
      return error_set(error, STATUS_INPUT, "cannot write to a temporary file (TMPDIR): %s",
                       strerror(errno));
    done += (size_t)put;
  }
  copy.size += size;
  return STATUS_OK;
}

/* Until something comes, or PROGRESS is cancelled: whoever is at the other end may take its time.
 */
static enum status await_bytes(struct progress *progress, struct error *error)
{
  enum { LOOK_MS = 50 };
  struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
  while (!progress_cancelled(progress))
    if (!progress || poll(&in, 1, LOOK_MS) != 0)
      return STATUS_OK;
  return error_set(error, STATUS_CANCELLED, "cancelled");
}

static enum status copy_bytes(size_t wanted, struct progress *progress, struct error *error)
{
  static char bytes[1 << 16];
  enum status status = STATUS_OK;
  while (status == STATUS_OK && !copy.ended && copy.size < wanted) {
    status = await_bytes(progress, error);
    if (status != STATUS_OK)
      return status;
    ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return error_set(error, STATUS_INPUT, "cannot read: %s", strerror(errno));
    copy.ended = got == 0;
    status = keep(bytes, (size_t)got, error);
    progress_advance(progress, (size_t)got);
  }
  return status;
}

static enum status copy_stdin(size_t wanted, int *file, struct progress *progress,
                              struct error *error)
{
  struct stat facts;
  *file = STDIN_FILENO;
  if (fstat(STDIN_FILENO, &facts) != 0)
    return error_set(error, STATUS_INPUT, "cannot be read: %s", strerror(errno));
  if (is_file(&facts))
    return STATUS_OK;
  enum status status = open_copy(&facts, error);
  if (status == STATUS_OK)
    status = copy_bytes(wanted, progress, error);
  *file = copy.file;
  return status;
}

enum status stdin_file(size_t wanted, int *file, struct progress *progress, struct error *error)
{
  pthread_mutex_lock(&lock);
  enum status status = copy_stdin(wanted, file, progress, error);
  pthread_mutex_unlock(&lock);
  return status;
}
