/* Replays files through the targets they belong to, with any compiler; one line of TAP for each
 * target.
 *
 *   replay PATH...              every file (of each folder), by its name
 *   replay -t TARGET PATH...    through one target; a file named here need not look like its files
 *   replay -o FOLDER -t TARGET PATH...   does not run it, but copies its inputs to FOLDER: seeds
 *
 * A folder in a folder is an input of the target "folder", unless it bears the name of a target:
 * then it is a corpus, and all its files are inputs of that one. */
#include "tests/fuzz/target.h"

#include "data/source_types.h"
#include "quant/base/size.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct replay {
  const struct fuzz_target *target;
  const char *seeds; /* where inputs are copied to; NULL: they are run */
  size_t inputs;
};

struct input {
  uint8_t *data;
  size_t size;
};

static void append(struct input *input, const void *data, size_t size)
{
  size_t room;
  uint8_t *grown = size_add(input->size, size, &room) ? mem_resize(input->data, room, 1) : NULL;
  if (!grown)
    fuzz_fail("out of memory");
  if (size > 0)
    memcpy(grown + input->size, data, size);
  input->data = grown;
  input->size += size;
}

static void append_file(struct input *input, const char *path)
{
  char piece[4096];
  FILE *file = fopen(path, "rb");
  if (!file)
    fuzz_fail("cannot read %s", path);
  for (size_t size; (size = fread(piece, 1, sizeof piece, file)) > 0;)
    append(input, piece, size);
  fclose(file);
}

static bool is_folder(const char *path)
{
  struct stat facts;
  return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

/* Calls VISIT for everything in the folder PATH, in the order of the names. */
static void visit_folder(const char *path, void (*visit)(void *self, const char *path), void *self)
{
  struct dirent **items;
  int count = scandir(path, &items, NULL, alphasort);
  for (int i = 0; i < count; i++) {
    char inside[1024];
    snprintf(inside, sizeof inside, "%s/%s", path, items[i]->d_name);
    if (items[i]->d_name[0] != '.')
      visit(self, inside);
    free(items[i]);
  }
  if (count >= 0)
    free(items);
}

/* A file of a folder, as fuzz_run_folder expects it. */
static void pack_file(void *self, const char *path)
{
  char head[512];
  if (is_folder(path))
    return;
  int length = snprintf(head, sizeof head, "==> %s <==\n", path_base(path));
  append(self, head, (size_t)length);
  append_file(self, path);
}

static void copy_input(const struct replay *replay, const struct input *input, const char *path)
{
  char name[1024];
  snprintf(name, sizeof name, "%s/%s", replay->seeds, path_base(path));
  FILE *file = fopen(name, "wb");
  if (!file || fwrite(input->data, 1, input->size, file) != input->size || fclose(file))
    fuzz_fail("cannot write %s", name);
}

static void run_input(struct replay *replay, const char *path)
{
  struct input input = {0};
  append(&input, "", 0);
  if (is_folder(path))
    visit_folder(path, pack_file, &input);
  else
    append_file(&input, path);
  replay->inputs++;
  if (replay->seeds) {
    copy_input(replay, &input, path);
  } else {
    printf("# %s: %s\n", replay->target->name, path);
    fflush(stdout); /* should it crash, this is what tells where */
    replay->target->run(replay->target, input.data, input.size);
  }
  free(input.data);
}

/* One of the suffixes in the row, "*" for every file, "/" for folders. */
static bool belongs(const struct fuzz_target *target, const char *path)
{
  char suffixes[128], *rest, *suffix;
  bool folder = is_folder(path);
  snprintf(suffixes, sizeof suffixes, "%s", target->suffixes);
  for (suffix = strtok_r(suffixes, " ", &rest); suffix; suffix = strtok_r(NULL, " ", &rest))
    if (strcmp(suffix, "/") == 0 ? folder : !folder && (*suffix == '*' || text_ends(path, suffix)))
      return true;
  return false;
}

static void visit_corpus(void *self, const char *path)
{
  run_input(self, path);
}

static void visit_item(void *self, const char *path)
{
  struct replay *replay = self;
  const struct fuzz_target *owner = is_folder(path) ? fuzz_find(path_base(path)) : NULL;
  if (owner == replay->target)
    visit_folder(path, visit_corpus, replay);
  else if (!owner && belongs(replay->target, path))
    run_input(replay, path);
}

static void visit_argument(struct replay *replay, const char *path, bool forced)
{
  if (is_folder(path))
    visit_folder(path, visit_item, replay);
  else if (forced || belongs(replay->target, path))
    run_input(replay, path);
}

static int usage(void)
{
  fputs("usage: replay [-t TARGET] [-o FOLDER] PATH...\ntargets:", stderr);
  for (size_t i = 0; i < fuzz_targets_length; i++)
    fprintf(stderr, " %s", fuzz_targets[i].name);
  fputc('\n', stderr);
  return 2;
}

int main(int count, char **words)
{
  const char *only = NULL, *seeds = NULL;
  bool failed = false;
  size_t tests = 0;
  for (int option; (option = getopt(count, words, "t:o:")) != -1;)
    *(option == 't' ? &only : &seeds) = optarg;
  if (optind >= count || (only && !fuzz_find(only)) || (seeds && !only))
    return usage();
  for (size_t i = 0; i < fuzz_targets_length; i++) {
    struct replay replay = {.target = &fuzz_targets[i], .seeds = seeds};
    if (only && strcmp(only, fuzz_targets[i].name) != 0)
      continue;
    for (int word = optind; word < count; word++)
      visit_argument(&replay, words[word], only != NULL);
    printf("%sok %zu - %s: %zu inputs\n", replay.inputs > 0 ? "" : "not ", ++tests,
           replay.target->name, replay.inputs);
    failed |= replay.inputs == 0;
  }
  printf("1..%zu\n", tests);
  return failed;
}
