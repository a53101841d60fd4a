#include "data/map_range.h"

#include "quant/base/size.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { OWN_STEP = 1 << 16, STEP = 16 << 20 /* bytes between two looks: own, of all threads */ };

/* A list that only grows at its head, whose nodes are reused but never freed, so that the handler
 * can walk it at any moment without a lock. */
struct map_range {
  struct map_range *next;
  atomic_uintptr_t start; /* 0: free for reuse */
  atomic_size_t length;   /* whole pages */
  atomic_int file;
  atomic_bool failed;
};

static _Atomic(struct map_range *) ranges;
/* Held while ranges come and go, and while pages are let go of: a range that was unmapped may be
 * anybody's memory the next moment. */
static pthread_mutex_t ranges_lock = PTHREAD_MUTEX_INITIALIZER;

struct map_range *map_range_add(const void *start, size_t length, int file)
{
  pthread_mutex_lock(&ranges_lock);
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
    atomic_store(&range->file, file);
    atomic_store(&range->start, (uintptr_t)start);
  }
  pthread_mutex_unlock(&ranges_lock);
  return range;
}

void map_range_unmap(struct map_range *range)
{
  pthread_mutex_lock(&ranges_lock);
  void *start = (void *)atomic_exchange(&range->start, 0);
  munmap(start, atomic_load(&range->length));
  pthread_mutex_unlock(&ranges_lock);
}

static struct map_range *find(uintptr_t address)
{
  struct map_range *range = atomic_load(&ranges);
  for (; range; range = range->next) {
    uintptr_t start = atomic_load(&range->start);
    if (start != 0 && address >= start && address - start < atomic_load(&range->length))
      break;
  }
  return range;
}

struct map_range *map_range_at(const void *start)
{
  struct map_range *range = find((uintptr_t)start);
  return range && atomic_load(&range->start) == (uintptr_t)start ? range : NULL;
}

void map_range_forget_file(struct map_range *range)
{
  atomic_store(&range->file, -1);
}

int map_range_file(const struct map_range *range)
{
  return atomic_load(&range->file);
}

bool map_range_repair(uintptr_t address)
{
  struct map_range *range = find(address);
  if (!range)
    return false;
  uintptr_t page = address & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
  size_t before = page - atomic_load(&range->start);
  void *zeros = mmap((void *)page, atomic_load(&range->length) - before, PROT_READ,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  atomic_store(&range->failed, true);
  return zeros != MAP_FAILED;
}

bool map_range_failed(const struct map_range *range)
{
  return atomic_load(&range->failed);
}

void map_copy(const unsigned char *from, size_t size, unsigned char *to)
{
  struct map_range *range = find((uintptr_t)from);
  if (!range || atomic_load(&range->file) < 0) {
    memcpy(to, from, size);
    return;
  }
  size_t offset = (uintptr_t)from - atomic_load(&range->start), done = 0;
  while (done < size) {
    ssize_t got = pread(atomic_load(&range->file), to + done, size - done, (off_t)(offset + done));
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      break;
    done += (size_t)got;
  }
  if (done == size)
    return;
  memset(to + done, 0, size - done); /* as the handler does */
  atomic_store(&range->failed, true);
}

/* --- resident pages ------------------------------------------------------------------------- */

/* True when there are more than MOST bytes of files mapped and resident, or too many beside the
 * rest of the process; also where the system does not tell. */
static bool too_many_resident(size_t most)
{
  static atomic_int kept = -1;
  char text[128];
  unsigned long all, shared; /* pages */
  int file = atomic_load(&kept), none = -1;
  if (file < 0 && (file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) >= 0 &&
      !atomic_compare_exchange_strong(&kept, &none, file)) {
    close(file);
    file = none;
  }
  ssize_t length = pread(file, text, sizeof text - 1, 0);
  text[length > 0 ? length : 0] = '\0';
  if (sscanf(text, "%*u %lu %lu", &all, &shared) != 2)
    return true;
  const size_t page = (size_t)sysconf(_SC_PAGESIZE), files = shared * page;
  return files > most || (files > MAP_RESIDENT_LEAST && all * page > MAP_PROCESS_MOST);
}

void map_let_go(void)
{
  pthread_mutex_lock(&ranges_lock);
  for (struct map_range *range = atomic_load(&ranges); range; range = range->next)
    if (atomic_load(&range->start) != 0)
      madvise((void *)atomic_load(&range->start), atomic_load(&range->length), MADV_DONTNEED);
  pthread_mutex_unlock(&ranges_lock);
}

static void passed(size_t bytes, size_t most)
{
  static _Thread_local size_t own;
  static atomic_size_t everyone;
  own += bytes;
  if (own < OWN_STEP)
    return;
  size_t before = atomic_fetch_add_explicit(&everyone, own, memory_order_relaxed);
  size_t looks = (before + own) / STEP - before / STEP;
  own = 0;
  if (looks > 0 && too_many_resident(most))
    map_let_go();
}

void map_passed(size_t bytes)
{
  passed(bytes, MAP_RESIDENT_MOST);
}

void map_listed(size_t bytes)
{
  passed(size_min(bytes, MAP_AROUND), MAP_LISTED_MOST);
}
