#include "data/outfile.h"

#include "data/tensor.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct outfile {
  FILE *stream;
  char *path;      /* where it belongs, links resolved */
  char *temporary; /* where it is written; NULL when written directly */
  int reason;      /* errno of the first failure, or 0 */
};

static enum status cannot_write(const char *path, int reason, struct error *error)
{
  char shown[256];
  return error_set(error, STATUS_OUTPUT, "%s: cannot be written: %s",
                   strcmp(path, "-") == 0 ? "standard output"
                                          : text_escape(path, shown, sizeof shown),
                   strerror(reason));
}

static void release(struct outfile *file)
{
  free(file->path);
  free(file->temporary);
  free(file);
}

/* "folder/.qscope-XXXXXX" beside PATH: short, so that a long file name still has room. */
static char *temporary_name(const char *path)
{
  static const char pattern[] = ".qscope-XXXXXX";
  const char *slash = strrchr(path, '/');
  size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
  char *name = malloc(folder + sizeof pattern);
  if (name) {
    memcpy(name, path, folder);
    memcpy(name + folder, pattern, sizeof pattern);
  }
  return name;
}

/* The permissions that a plain fopen would give, or those of the file that is replaced. */
static mode_t wanted_mode(const struct stat *old)
{
  if (old)
    return old->st_mode & 0777;
  mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

static bool open_temporary(struct outfile *file, const struct stat *old)
{
  file->temporary = temporary_name(file->path);
  int descriptor = file->temporary ? mkstemp(file->temporary) : -1;
  if (descriptor < 0) {
    free(file->temporary);
    file->temporary = NULL;
    return false;
  }
  if (fchmod(descriptor, wanted_mode(old)) == 0)
    file->stream = fdopen(descriptor, "wb");
  if (!file->stream) {
    close(descriptor);
    unlink(file->temporary);
  }
  return file->stream != NULL;
}

enum status outfile_open(const char *path, struct outfile **out, struct error *error)
{
  struct stat old;
  bool standard = strcmp(path, "-") == 0, exists = !standard && stat(path, &old) == 0;
  struct outfile *file = calloc(1, sizeof *file);
  if (!file)
    return error_memory(error, path);
  /* Renaming over a link would replace the link, over a device the device. */
  file->path = exists ? realpath(path, NULL) : strdup(path);
  errno = file->path ? 0 : ENOMEM;
  if (standard)
    file->stream = stdout;
  else if (file->path && exists && !S_ISREG(old.st_mode))
    file->stream = fopen(path, "wb");
  else if (file->path && (!exists || access(path, W_OK) == 0))
    open_temporary(file, exists ? &old : NULL);
  if (!file->stream) {
    cannot_write(path, errno, error);
    release(file);
    return STATUS_OUTPUT;
  }
  *out = file;
  return STATUS_OK;
}

FILE *outfile_stream(const struct outfile *file)
{
  return file->stream;
}

void outfile_write(struct outfile *file, const void *bytes, size_t size)
{
  if (size && fwrite(bytes, 1, size, file->stream) != size && !file->reason)
    file->reason = errno;
}

static void note(struct outfile *file, bool failed)
{
  if (failed && !file->reason)
    file->reason = errno ? errno : EIO;
}

enum status outfile_commit(struct outfile *file, struct error *error)
{
  enum status status = STATUS_OK;
  errno = 0;
  note(file, fflush(file->stream) != 0);
  note(file, ferror(file->stream) != 0);
  if (file->temporary && !file->reason) /* what is renamed is on the disk */
    note(file, fsync(fileno(file->stream)) != 0 && errno != EINVAL && errno != ENOTSUP);
  if (file->stream != stdout)
    note(file, fclose(file->stream) != 0);
  if (file->temporary && !file->reason)
    note(file, rename(file->temporary, file->path) != 0);
  if (file->reason) {
    status = cannot_write(file->path, file->reason, error);
    if (file->temporary)
      unlink(file->temporary);
  }
  release(file);
  return status;
}

void outfile_discard(struct outfile *file)
{
  if (!file)
    return;
  if (file->stream != stdout)
    fclose(file->stream);
  if (file->temporary)
    unlink(file->temporary);
  release(file);
}
