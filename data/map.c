#include "config.h"

#include "data/map.h"

#include "data/map_range.h"
#include "data/source_types.h"
#include "quant/base/size.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t handler_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction previous_action;

static void on_bus_error(int signal, siginfo_t *info, void *context)
{
  (void)context;
  int saved = errno;
  bool fault = info->si_code > 0; /* the kernel's, not one that a process sent */
  if (!fault || !map_range_repair((uintptr_t)info->si_addr)) {
    sigaction(signal, &previous_action, NULL);
    previous_action.sa_flags = 0; /* should it come back here, that is the end */
    previous_action.sa_handler = SIG_DFL;
    raise(signal);
  }
  errno = saved;
}

static void put_in_front(void)
{
  struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  struct sigaction current;
  sigemptyset(&action.sa_mask);
  if (sigaction(SIGBUS, NULL, &current) != 0 ||
      ((current.sa_flags & SA_SIGINFO) && current.sa_sigaction == on_bus_error))
    return;
  previous_action = current;
  sigaction(SIGBUS, &action, NULL);
}

void map_guard(void)
{
  pthread_mutex_lock(&handler_lock);
  put_in_front();
  pthread_mutex_unlock(&handler_lock);
}

static const char *file_kind(mode_t mode)
{
  return S_ISDIR(mode)    ? "a directory"
         : S_ISFIFO(mode) ? "a pipe"
         : S_ISSOCK(mode) ? "a socket"
         : S_ISCHR(mode)  ? "a character device"
         : S_ISBLK(mode)  ? "a block device"
                          : "not a regular file";
}

static enum status check_file(struct map *map, struct error *error)
{
  struct stat facts;
  if (map->file < 0 || fstat(map->file, &facts) != 0)
    return error_set(error, STATUS_INPUT, "cannot open: %s", strerror(errno));
  if (!S_ISREG(facts.st_mode))
    return error_set(error, STATUS_INPUT, "expected a regular file, found %s%s",
                     file_kind(facts.st_mode),
                     S_ISFIFO(facts.st_mode) ? " (pipe it to the source \"-\")" : "");
  if (facts.st_size < 0 || (uintmax_t)facts.st_size > SIZE_MAX / 2)
    return error_set(error, STATUS_INPUT, "too large to map: %jd bytes", (intmax_t)facts.st_size);
  map->size = (size_t)facts.st_size;
  map->device = facts.st_dev;
  map->number = facts.st_ino;
  return STATUS_OK;
}

/* A file that is mapped counts as address space, though little of it is ever resident. */
static enum status cannot_map(const struct map *map, int why, struct error *error)
{
  struct rlimit limit;
  if (why == ENOMEM && getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    return error_set(
        error, STATUS_INPUT,
        "cannot map: its %zu bytes have no room in the address space, which is limited "
        "to %ju (ulimit -v); memory itself can be limited by ulimit -d",
        map->size, (uintmax_t)limit.rlim_cur);
  return error_set(error, STATUS_INPUT, "cannot map: %s", strerror(why));
}

static enum status map_pages(struct map *map, struct error *error)
{
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t length = size_div_up(map->size, page) * page;
  void *bytes = mmap(NULL, map->size, PROT_READ, MAP_SHARED, map->file, 0);
  if (bytes == MAP_FAILED)
    return cannot_map(map, errno, error);
  map->bytes = bytes;
  map_guard();
  map->range = map_range_add(bytes, length, map->file);
  if (map->range)
    return STATUS_OK;
  munmap(bytes, length);
  return error_memory(error, "the list of maps");
}

enum status map_open_file(int file, const char *name, struct map **out, struct error *error)
{
  static const unsigned char nothing[1];
  struct map *map = calloc(1, sizeof *map);
  if (!map || !(map->path = strdup(name))) {
    free(map);
    if (file >= 0)
      close(file);
    return error_memory(error, "a map");
  }
  map->bytes = nothing;
  map->file = file;
  enum status status = check_file(map, error);
  if (status == STATUS_OK && map->size > 0)
    status = map_pages(map, error);
  if (status != STATUS_OK) {
    error_prefix(error, "%s: ", SHOWN(name));
    map_close(map);
    return status;
  }
  *out = map;
  return STATUS_OK;
}

enum status map_open(const char *path, struct map **out, struct error *error)
{
  return map_open_file(open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), path, out, error);
}

void map_close(struct map *map)
{
  if (!map)
    return;
  if (map->range)
    map_range_unmap(map->range);
  if (map->file >= 0)
    close(map->file);
  free(map->path);
  free(map);
}

void map_close_file(struct map *map)
{
  if (map->range)
    map_range_forget_file(map->range);
  close(map->file);
  map->file = -1;
}

/* What is known of the file now: of a closed one only while the path still leads to it. */
static bool look_again(const struct map *map, struct stat *facts)
{
  if (map->file >= 0)
    return fstat(map->file, facts) == 0;
  if (stat(map->path, facts) != 0 || facts->st_dev != map->device || facts->st_ino != map->number)
    facts->st_size = (off_t)map->size;
  return true;
}

bool map_failed(const struct map *map)
{
  return map->range && map_range_failed(map->range);
}

enum status map_verify(const struct map *map, struct error *error)
{
  struct stat facts;
  if (!look_again(map, &facts))
    return error_set(error, STATUS_INPUT, "%s: cannot be checked: %s", SHOWN(map->path),
                     strerror(errno));
  if ((uintmax_t)facts.st_size < map->size)
    return error_set(error, STATUS_INPUT,
                     "%s: file shrank while it was open: expected %zu bytes, found %jd",
                     SHOWN(map->path), map->size, (intmax_t)facts.st_size);
  if (map_failed(map))
    return error_set(error, STATUS_INPUT, "%s: could not be read while it was mapped",
                     SHOWN(map->path));
  return STATUS_OK;
}
