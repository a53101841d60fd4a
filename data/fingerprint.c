#include "data/fingerprint.h"

#include "data/source.h"
#include "quant/base/size.h"
#include "quant/base/xxh64.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *spec_file(const char *spec, size_t *length)
{
  size_t prefix = source_prefix(spec);
  bool none = source_reads_stdin(spec) || (prefix && strncmp(spec, "synth:", prefix) == 0);
  const char *file = spec + prefix;
  *length = none ? 0 : prefix ? strcspn(file, ",") : strlen(file);
  return *length ? file : NULL;
}

/* --- files ---------------------------------------------------------------------------------- */

struct taking {
  struct fingerprint sum;
  struct xxh64 hash;
};

static void add_block(struct taking *taking, int file, off_t at)
{
  unsigned char block[FINGERPRINT_BLOCK];
  ssize_t got = pread(file, block, sizeof block, at);
  xxh64_add(&taking->hash, block, got > 0 ? (size_t)got : 0);
}

/* Adds the regular file NAME in FOLDER; false: it is none, or cannot be read. */
static bool add_file(struct taking *taking, int folder, const char *name)
{
  struct stat about;
  int file = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  bool good = file >= 0 && fstat(file, &about) == 0 && S_ISREG(about.st_mode);
  if (good) {
    uint64_t time = (uint64_t)about.st_mtim.tv_sec * 1000000000u + (uint64_t)about.st_mtim.tv_nsec;
    taking->sum.bytes += (uint64_t)about.st_size;
    taking->sum.time = time > taking->sum.time ? time : taking->sum.time;
    add_block(taking, file, 0);
    if (about.st_size > FINGERPRINT_BLOCK)
      add_block(taking, file, about.st_size - FINGERPRINT_BLOCK);
  }
  if (file >= 0)
    close(file);
  return good;
}

static int visible(const struct dirent *entry)
{
  return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
  return strcmp((*a)->d_name, (*b)->d_name);
}

static bool add_folder(struct taking *taking, const char *path)
{
  struct dirent **names;
  bool some = false;
  int count = scandir(path, &names, visible, by_name);
  int folder = count >= 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  for (int i = 0; i < count; i++) {
    some = (folder >= 0 && add_file(taking, folder, names[i]->d_name)) || some;
    free(names[i]);
  }
  if (count >= 0)
    free(names);
  if (folder >= 0)
    close(folder);
  return some;
}

/* An index of shards stands for its folder. */
static void cut_index(char *path)
{
  static const char end[] = ".index.json";
  size_t length = strlen(path);
  if (length < sizeof end || strcmp(path + length - (sizeof end - 1), end) != 0)
    return;
  char *slash = strrchr(path, '/');
  strcpy(slash ? slash + 1 : path, slash ? "" : ".");
}

bool fingerprint_take(const char *spec, struct fingerprint *out)
{
  struct taking taking = {.sum = {0}};
  struct stat about;
  size_t length;
  const char *file = spec_file(spec, &length);
  char *path = file ? strndup(file, length) : NULL;
  if (!path)
    return false;
  cut_index(path);
  xxh64_init(&taking.hash);
  bool good =
      stat(path, &about) == 0 &&
      (S_ISDIR(about.st_mode) ? add_folder(&taking, path) : add_file(&taking, AT_FDCWD, path));
  free(path);
  *out = taking.sum;
  out->hash = xxh64_value(&taking.hash);
  return good;
}

bool fingerprint_equal(const struct fingerprint *a, const struct fingerprint *b)
{
  return a->bytes == b->bytes && a->time == b->time && a->hash == b->hash;
}

/* --- text ----------------------------------------------------------------------------------- */

char *fingerprint_print(const struct fingerprint *fingerprint, char text[FINGERPRINT_TEXT])
{
  snprintf(text, FINGERPRINT_TEXT, "%" PRIu64 " %" PRIu64 " %016" PRIx64, fingerprint->bytes,
           fingerprint->time, fingerprint->hash);
  return text;
}

bool fingerprint_scan(const char *text, struct fingerprint *out, size_t *length)
{
  int used = 0;
  int found = sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNx64 "%n", &out->bytes, &out->time,
                     &out->hash, &used);
  *length = (size_t)used;
  return found == 3 && used > 0;
}
