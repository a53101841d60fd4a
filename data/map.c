#include "config.h"

#include "data/map.h"

#include "data/source_types.h"
#include "quant/base/size.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the signal handler reads: a list that only grows at its head, whose nodes are reused but
 * never freed, so that it can be walked at any moment without a lock. */
struct map_range {
  struct map_range *next;
  atomic_uintptr_t start; /* 0: free for reuse */
  atomic_size_t length;   /* whole pages */
  atomic_bool failed;
};

static _Atomic(struct map_range *) ranges;
static pthread_mutex_t ranges_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction previous_action;

static bool repair(uintptr_t address)
{
  for (struct map_range *range = atomic_load(&ranges); range; range = range->next) {
    uintptr_t start = atomic_load(&range->start);
    size_t length = atomic_load(&range->length);
    if (start == 0 || address < start || address - start >= length)
      continue;
    uintptr_t page = address & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
    void *zeros = mmap((void *)page, length - (page - start), PROT_READ,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    atomic_store(&range->failed, true);
    return zeros != MAP_FAILED;
  }
  return false;
}

static void on_bus_error(int signal, siginfo_t *info, void *context)
{
  (void)context;
  int saved = errno;
  bool fault = info->si_code > 0; /* the kernel's, not one that a process sent */
  if (!fault || !repair((uintptr_t)info->si_addr)) {
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
  pthread_mutex_lock(&ranges_lock);
  put_in_front();
  pthread_mutex_unlock(&ranges_lock);
}

/* A list node for the pages at START, or NULL when memory runs out. */
static struct map_range *watch(const void *start, size_t length)
{
  pthread_mutex_lock(&ranges_lock);
  put_in_front();
  struct map_range *range = atomic_load(&ranges);
  while (range && atomic_load(&range->start) != 0)
    range = range->next;
  if (!range && (range = calloc(1, sizeof *range))) {
    range->next = atomic_load(&ranges);
    atomic_store(&ranges, range);
  }
  if (range) {
    atomic_store(&range->failed, false);
    atomic_store(&range->length, length);
    atomic_store(&range->start, (uintptr_t)start);
  }
  pthread_mutex_unlock(&ranges_lock);
  return range;
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

static enum status open_regular(const char *path, int *file, size_t *size, struct error *error)
{
  struct stat facts;
  *file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (*file < 0 || fstat(*file, &facts) != 0)
    return error_set(error, STATUS_INPUT, "cannot open: %s", strerror(errno));
  if (!S_ISREG(facts.st_mode))
    return error_set(error, STATUS_INPUT, "expected a regular file, found %s%s",
                     file_kind(facts.st_mode),
                     S_ISFIFO(facts.st_mode) ? " (a .npy can be piped to the source \"-\")" : "");
  if (facts.st_size < 0 || (uintmax_t)facts.st_size > SIZE_MAX / 2)
    return error_set(error, STATUS_INPUT, "too large to map: %jd bytes", (intmax_t)facts.st_size);
  *size = (size_t)facts.st_size;
  return STATUS_OK;
}

static enum status map_pages(struct map *map, struct error *error)
{
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t length = size_div_up(map->size, page) * page;
  void *bytes = mmap(NULL, map->size, PROT_READ, MAP_SHARED, map->file, 0);
  if (bytes == MAP_FAILED)
    return error_set(error, STATUS_INPUT, "cannot map: %s", strerror(errno));
  map->bytes = bytes;
  map->length = length;
  map->range = watch(bytes, length);
  return map->range ? STATUS_OK : error_memory(error, "the list of maps");
}

enum status map_open(const char *path, struct map **out, struct error *error)
{
  static const unsigned char nothing[1];
  struct map *map = calloc(1, sizeof *map);
  if (!map || !(map->path = strdup(path))) {
    free(map);
    return error_memory(error, "a map");
  }
  map->bytes = nothing;
  enum status status = open_regular(path, &map->file, &map->size, error);
  if (status == STATUS_OK && map->size > 0)
    status = map_pages(map, error);
  if (status != STATUS_OK) {
    error_prefix(error, "%s: ", SHOWN(path));
    map_close(map);
    return status;
  }
  *out = map;
  return STATUS_OK;
}

void map_close(struct map *map)
{
  if (!map)
    return;
  if (map->range)
    atomic_store(&map->range->start, 0);
  if (map->length > 0)
    munmap((void *)(uintptr_t)map->bytes, map->length);
  if (map->file >= 0)
    close(map->file);
  free(map->path);
  free(map);
}

enum status map_verify(const struct map *map, struct error *error)
{
  struct stat facts;
  if (fstat(map->file, &facts) != 0)
    return error_set(error, STATUS_INPUT, "%s: cannot be checked: %s", SHOWN(map->path),
                     strerror(errno));
  if ((uintmax_t)facts.st_size < map->size)
    return error_set(error, STATUS_INPUT,
                     "%s: file shrank while it was open: expected %zu bytes, found %jd",
                     SHOWN(map->path), map->size, (intmax_t)facts.st_size);
  if (map->range && atomic_load(&map->range->failed))
    return error_set(error, STATUS_INPUT, "%s: could not be read while it was mapped",
                     SHOWN(map->path));
  return STATUS_OK;
}
