#include "config.h"

#include "tui/base/session_file.h"

#include "data/source.h"
#include "quant/base/size.h"
#include "tui/base/xdg.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MOST = 64 << 20 };

void kept_clear(struct kept *kept)
{
  recipe_clear(&kept->recipe);
  free(kept->path);
  *kept = (struct kept){.left = false};
  recipe_init(&kept->recipe);
}

/* --- names ---------------------------------------------------------------------------------- */

/* SPEC as it is from the root: FOLDER (NULL: the present one) in front of the name of a file. NULL
 * when memory runs out. */
static char *absolute(const char *spec, const char *folder)
{
  size_t length;
  const char *file = spec_file(spec, &length);
  char *here = NULL, *text;
  if (!file || *file == '/')
    return strdup(spec);
  if (!folder && !(folder = here = getcwd(NULL, 0)))
    return NULL;
  if (asprintf(&text, "%.*s%s/%s", (int)(file - spec), spec, folder, file) < 0)
    text = NULL;
  free(here);
  return text;
}

char *session_source_name(const char *spec)
{
  size_t length;
  const char *file = spec_file(spec, &length);
  char *real = file == spec ? realpath(spec, NULL) : NULL;
  return real ? real : absolute(spec, NULL);
}

/* Replaces *SPEC (may be NULL); false when memory runs out. */
static bool make_absolute(char **spec, const char *folder)
{
  char *text = *spec ? absolute(*spec, folder) : NULL;
  if (!text)
    return !*spec;
  free(*spec);
  *spec = text;
  return true;
}

/* Names in a recipe of FOLDER, as they are from here. */
static bool move_recipe(struct recipe *recipe, const char *folder)
{
  char *here = getcwd(NULL, 0);
  bool same = here && strcmp(here, folder) == 0;
  free(here);
  return same || (make_absolute(&recipe->source, folder) &&
                  make_absolute(&recipe->compare.source, folder) &&
                  make_absolute(&recipe->activation.source, folder) &&
                  make_absolute(&recipe->evaluate.source, folder));
}

/* --- one file ------------------------------------------------------------------------------- */

/* What was found so far. */
struct finding {
  const char *wanted; /* the source, absolute; NULL: any */
  struct kept *kept;
  char *folder, *now;
  bool matches, has_files; /* of the state that comes next */
  struct fingerprint files;
};

static bool keep_line(char **line, const char *text)
{
  char *copy = strdup(text);
  if (copy) {
    free(*line);
    *line = copy;
  }
  return copy != NULL;
}

static void read_source(struct finding *finding, const char *text)
{
  size_t length;
  finding->has_files = fingerprint_scan(text, &finding->files, &length);
  if (!finding->has_files) /* "-": no file */
    length = strcspn(text, " ");
  finding->matches =
      !finding->wanted || (text[length] == ' ' && strcmp(text + length + 1, finding->wanted) == 0);
}

/* False when memory runs out. */
static bool read_remark(struct finding *finding, const char *text)
{
  static const char folder[] = "folder ", source[] = "source ", now[] = "now ",
                    ended[] = "ended by ";
  struct kept *kept = finding->kept;
  if (strncmp(text, folder, sizeof folder - 1) == 0)
    return keep_line(&finding->folder, text + sizeof folder - 1);
  if (strncmp(text, source, sizeof source - 1) == 0)
    read_source(finding, text + sizeof source - 1);
  if (strncmp(text, now, sizeof now - 1) == 0 && finding->matches) {
    kept->has_files = finding->has_files;
    kept->files = finding->files;
    return keep_line(&finding->now, text + sizeof now - 1);
  }
  if (strncmp(text, ended, sizeof ended - 1) == 0)
    snprintf(kept->signal, sizeof kept->signal, "%s", text + sizeof ended - 1);
  kept->left = kept->left || strcmp(text, "left") == 0;
  return true;
}

/* A last line without an end was being written: it does not count. */
static bool read_lines(struct finding *finding, FILE *file)
{
  char *line = NULL;
  size_t room = 0;
  ssize_t length;
  bool good = true;
  while (good && (length = getline(&line, &room, file)) > 0) {
    if (line[length - 1] != '\n' || strncmp(line, "#= ", 3) != 0)
      continue;
    line[length - 1] = '\0';
    good = read_remark(finding, line + 3);
  }
  free(line);
  return good;
}

static enum status take_finding(struct finding *finding, const char *path, struct error *error)
{
  struct kept *kept = finding->kept;
  char shown[256];
  if (!finding->now)
    return error_set(error, STATUS_INPUT, "%s: no session is in it",
                     text_escape(path, shown, sizeof shown));
  enum status status = recipe_parse(finding->now, &kept->recipe, error);
  if (status != STATUS_OK) {
    error_prefix(error, "%s: ", text_escape(path, shown, sizeof shown));
    return error->status = STATUS_INPUT;
  }
  return !finding->folder || move_recipe(&kept->recipe, finding->folder)
             ? STATUS_OK
             : error_memory(error, "a session");
}

/* To be read; at once also where it is a pipe that nobody writes to. NULL as fopen. */
static FILE *open_at_once(const char *path)
{
  int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "r");
  if (descriptor >= 0 && !file)
    close(descriptor);
  return file;
}

/* The last state in PATH that looks at WANTED (NULL: at anything). */
static enum status read_file(const char *path, const char *wanted, struct kept *out,
                             struct error *error)
{
  struct finding finding = {.wanted = wanted, .kept = out, .matches = !wanted};
  struct stat about;
  char shown[256];
  *out = (struct kept){.path = strdup(path)};
  recipe_init(&out->recipe);
  text_escape(path, shown, sizeof shown);
  FILE *file = open_at_once(path);
  if (!file)
    return error_set(error, STATUS_INPUT, "%s: cannot open: %s", shown, strerror(errno));
  enum status status = STATUS_OK;
  if (!out->path)
    status = error_memory(error, "a session");
  else if (fstat(fileno(file), &about) != 0 || about.st_uid != geteuid())
    status = error_set(error, STATUS_INPUT, "%s: belongs to another user: not read", shown);
  else if (!S_ISREG(about.st_mode) || about.st_size > FILE_MOST)
    status = error_set(error, STATUS_INPUT, "%s: no session is in it", shown);
  else if (!read_lines(&finding, file))
    status = error_memory(error, "a session");
  fclose(file);
  if (status == STATUS_OK)
    status = take_finding(&finding, path, error);
  free(finding.folder);
  free(finding.now);
  return status;
}

enum status kept_read(const char *path, struct kept *out, struct error *error)
{
  return read_file(path, NULL, out, error);
}

bool session_is_file(const char *path)
{
  char head[sizeof SESSION_HEAD] = "";
  FILE *file = open_at_once(path);
  bool same = file && fgets(head, sizeof head, file) && strcmp(head, SESSION_HEAD) == 0;
  if (file)
    fclose(file);
  return same;
}

enum status session_file_new(int *file, char **path, struct error *error)
{
  char shown[256];
  *file = -1;
  enum status status = xdg_path(XDG_STATE, SESSION_NAME "XXXXXX", path, error);
  if (status == STATUS_OK)
    status = xdg_make_folders(*path, error);
  if (status != STATUS_OK)
    return status;
  *file = mkostemp(*path, O_APPEND | O_CLOEXEC); /* for the user alone */
  if (*file < 0)
    return error_set(error, STATUS_OUTPUT, "%s: %s", text_escape(*path, shown, sizeof shown),
                     strerror(errno));
  flock(*file, LOCK_EX | LOCK_NB);
  return STATUS_OK;
}

/* --- all of them ---------------------------------------------------------------------------- */

struct session_entry {
  char *path;
  struct timespec time;
};

struct session_list {
  struct session_entry *entry; /* the newest first */
  size_t count;
};

/* A lock goes with the process that holds it. */
static bool goes_on(const char *path)
{
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  bool locked = file >= 0 && flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  if (file >= 0)
    close(file);
  return locked;
}

static int newest_first(const void *a, const void *b)
{
  const struct session_entry *one = a, *other = b;
  if (one->time.tv_sec != other->time.tv_sec)
    return one->time.tv_sec < other->time.tv_sec ? 1 : -1;
  if (one->time.tv_nsec != other->time.tv_nsec)
    return one->time.tv_nsec < other->time.tv_nsec ? 1 : -1;
  return strcmp(one->path, other->path);
}

static void free_list(struct session_list *list)
{
  for (size_t i = 0; i < list->count; i++)
    free(list->entry[i].path);
  free(list->entry);
}

/* False when memory runs out. */
static bool add_entry(struct session_list *list, const char *folder, const char *name)
{
  struct stat about;
  struct session_entry *more = mem_resize(list->entry, list->count + 1, sizeof *more);
  char *path;
  if (!more)
    return false;
  list->entry = more;
  if (asprintf(&path, "%s%s", folder, name) < 0)
    return false;
  if (lstat(path, &about) != 0 || !S_ISREG(about.st_mode)) {
    free(path);
    return true;
  }
  more[list->count++] = (struct session_entry){path, about.st_mtim};
  return true;
}

static enum status list_sessions(struct session_list *list, struct error *error)
{
  char *folder;
  *list = (struct session_list){NULL, 0};
  enum status status = xdg_path(XDG_STATE, "", &folder, error);
  if (status != STATUS_OK)
    return status;
  DIR *directory = opendir(folder);
  bool good = true;
  for (struct dirent *entry; good && directory && (entry = readdir(directory));)
    if (strncmp(entry->d_name, SESSION_NAME, sizeof SESSION_NAME - 1) == 0)
      good = add_entry(list, folder, entry->d_name);
  if (directory)
    closedir(directory);
  free(folder);
  if (list->count > 0)
    qsort(list->entry, list->count, sizeof *list->entry, newest_first);
  if (!good)
    free_list(list);
  return good ? STATUS_OK : error_memory(error, "the list of sessions");
}

/* The first that has what is WANTED and has ended. */
static enum status find_kept(const char *wanted, struct kept *out, struct error *error)
{
  struct session_list list;
  struct error wrong = {.status = STATUS_OK};
  enum status status = list_sessions(&list, error);
  if (status != STATUS_OK)
    return status;
  bool found = false;
  for (size_t i = 0; i < list.count && !found; i++)
    if (!goes_on(list.entry[i].path)) {
      kept_clear(out);
      found = read_file(list.entry[i].path, wanted, out, &wrong) == STATUS_OK;
    }
  free_list(&list);
  if (!found)
    kept_clear(out);
  return found ? STATUS_OK : error_set(error, STATUS_INPUT, "there is no session to restore yet");
}

enum status kept_last(struct kept *out, struct error *error)
{
  *out = (struct kept){.left = false};
  return find_kept(NULL, out, error);
}

enum status kept_of(const char *spec, struct kept *out, struct error *error)
{
  char *wanted = session_source_name(spec), shown[256];
  *out = (struct kept){.left = false};
  if (!wanted)
    return error_memory(error, "a session");
  enum status status = find_kept(wanted, out, error);
  free(wanted);
  if (status == STATUS_INPUT)
    error_set(error, STATUS_INPUT, "%s: no session has looked at it yet",
              text_escape(spec, shown, sizeof shown));
  return status;
}

void sessions_thin_out(void)
{
  struct session_list list;
  if (list_sessions(&list, NULL) != STATUS_OK)
    return;
  for (size_t i = SESSIONS_KEPT; i < list.count; i++)
    if (!goes_on(list.entry[i].path))
      unlink(list.entry[i].path);
  free_list(&list);
}
