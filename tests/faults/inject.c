#include "tests/faults/inject.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_int armed = -1;
static atomic_size_t calls;
static size_t fails_at;
static bool and_later;

void inject_arm(enum fault_kind kind, size_t n, bool from_then_on)
{
  fails_at = n;
  and_later = from_then_on;
  atomic_store(&calls, 0);
  atomic_store(&armed, (int)kind);
}

size_t inject_disarm(void)
{
  atomic_store(&armed, -1);
  return atomic_load(&calls);
}

static bool fails(enum fault_kind kind, int reason)
{
  if (atomic_load(&armed) != (int)kind)
    return false;
  size_t call = atomic_fetch_add(&calls, 1) + 1;
  bool failing = fails_at && (and_later ? call >= fails_at : call == fails_at);
  if (failing)
    errno = reason;
  return failing;
}

/* --- memory: which blocks are ours ------------------------------------------------------------ */

enum { PLACES = 1 << 18, GONE = 1 };
static uintptr_t places[PLACES];
static size_t live;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
char *__real_realpath(const char *path, char *resolved);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);
char *__wrap_realpath(const char *path, char *resolved);

static size_t place_of(uintptr_t block)
{
  return (size_t)((block >> 4) * 0x9E3779B97F4A7C15u >> 40) % PLACES;
}

static void *note(void *block)
{
  if (!block)
    return NULL;
  pthread_mutex_lock(&lock);
  if (++live > PLACES / 2)
    abort(); /* a scenario too large for the table */
  size_t at = place_of((uintptr_t)block);
  while (places[at] > GONE)
    at = (at + 1) % PLACES;
  places[at] = (uintptr_t)block;
  pthread_mutex_unlock(&lock);
  return block;
}

static bool forget(void *block)
{
  pthread_mutex_lock(&lock);
  size_t at = place_of((uintptr_t)block), tried = 0;
  while (places[at] && places[at] != (uintptr_t)block && tried++ < PLACES)
    at = (at + 1) % PLACES;
  bool found = block && places[at] == (uintptr_t)block;
  if (found) {
    places[at] = places[(at + 1) % PLACES] ? GONE : 0;
    live--;
  }
  pthread_mutex_unlock(&lock);
  return found;
}

size_t inject_live(void)
{
  pthread_mutex_lock(&lock);
  size_t blocks = live;
  pthread_mutex_unlock(&lock);
  return blocks;
}

void *__wrap_malloc(size_t size)
{
  return fails(FAULT_MEMORY, ENOMEM) ? NULL : note(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
  return fails(FAULT_MEMORY, ENOMEM) ? NULL : note(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
  if (fails(FAULT_MEMORY, ENOMEM))
    return NULL;
  bool ours = forget(block);
  void *moved = __real_realloc(block, size);
  if (!moved && ours)
    note(block);
  return note(moved);
}

void __wrap_free(void *block)
{
  forget(block);
  __real_free(block);
}

char *__wrap_strndup(const char *text, size_t size)
{
  size_t length = strnlen(text, size);
  char *copy = __wrap_malloc(length + 1);
  if (copy) {
    memcpy(copy, text, length);
    copy[length] = '\0';
  }
  return copy;
}

char *__wrap_strdup(const char *text)
{
  return __wrap_strndup(text, SIZE_MAX);
}

char *__wrap_realpath(const char *path, char *resolved)
{
  if (fails(FAULT_MEMORY, ENOMEM))
    return NULL;
  char *found = __real_realpath(path, resolved);
  return resolved ? found : note(found);
}

/* --- files and threads ------------------------------------------------------------------------ */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
  mode_t mode = 0;
  if (flags & O_CREAT) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  return fails(FAULT_READ, EIO) ? -1 : __real_open(path, flags, mode);
}

/* A call that is passed on as it is, or fails. */
#define WRAP(kind, reason, type, failure, name, parameters, arguments)                             \
  type __real_##name parameters;                                                                   \
  type __wrap_##name parameters;                                                                   \
  type __wrap_##name parameters                                                                    \
  {                                                                                                \
    return fails(kind, reason) ? (failure) : __real_##name arguments;                              \
  }

WRAP(FAULT_READ, EIO, ssize_t, -1, read, (int file, void *out, size_t size), (file, out, size))
WRAP(FAULT_READ, EIO, ssize_t, -1, pread, (int file, void *out, size_t size, off_t at),
     (file, out, size, at))
WRAP(FAULT_READ, EIO, int, -1, fstat, (int file, struct stat *out), (file, out))
WRAP(FAULT_READ, EIO, int, -1, stat, (const char *path, struct stat *out), (path, out))
WRAP(FAULT_READ, EIO, DIR *, NULL, opendir, (const char *path), (path))
WRAP(FAULT_MAP, ENOMEM, void *, MAP_FAILED, mmap,
     (void *at, size_t size, int protection, int flags, int file, off_t offset),
     (at, size, protection, flags, file, offset))
WRAP(FAULT_THREAD, EMFILE, int, -1, pipe, (int *ends), (ends))
WRAP(FAULT_WRITE, ENOSPC, int, -1, mkstemp, (char *name), (name))
WRAP(FAULT_WRITE, ENOSPC, FILE *, NULL, fopen, (const char *path, const char *mode), (path, mode))
WRAP(FAULT_WRITE, ENOSPC, FILE *, NULL, fdopen, (int file, const char *mode), (file, mode))
WRAP(FAULT_WRITE, ENOSPC, int, EOF, fflush, (FILE * file), (file))
WRAP(FAULT_WRITE, ENOSPC, int, -1, fsync, (int file), (file))
WRAP(FAULT_WRITE, ENOSPC, int, -1, fchmod, (int file, mode_t mode), (file, mode))
WRAP(FAULT_WRITE, ENOSPC, int, -1, rename, (const char *from, const char *to), (from, to))

/* ferror tells of FILE from now on: it is written where nobody may write. */
int __real_fflush(FILE *file);
static void break_stream(FILE *file)
{
  int descriptor = fileno(file), kept = dup(descriptor);
  int closed = __real_open("/dev/null", O_RDONLY);
  dup2(closed, descriptor);
  close(closed);
  fputc(0, file);
  __real_fflush(file);
  dup2(kept, descriptor);
  close(kept);
  errno = ENOSPC;
}

/* A failure on standard output would have to be found in ferror: a full device shows that. */
size_t __real_fwrite(const void *from, size_t size, size_t count, FILE *file);
size_t __wrap_fwrite(const void *from, size_t size, size_t count, FILE *file);
size_t __wrap_fwrite(const void *from, size_t size, size_t count, FILE *file)
{
  bool failing = file != stdout && file != stderr && fails(FAULT_WRITE, ENOSPC);
  if (failing)
    break_stream(file);
  return failing ? 0 : __real_fwrite(from, size, count, file);
}

/* A failing fclose has closed the file all the same. */
int __real_fclose(FILE *file);
int __wrap_fclose(FILE *file);
int __wrap_fclose(FILE *file)
{
  bool failing = fails(FAULT_WRITE, ENOSPC);
  int closed = __real_fclose(file);
  if (failing)
    errno = ENOSPC;
  return failing ? EOF : closed;
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*work)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*work)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*work)(void *), void *argument)
{
  return fails(FAULT_THREAD, EAGAIN) ? EAGAIN
                                     : __real_pthread_create(thread, attributes, work, argument);
}
