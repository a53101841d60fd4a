#include "config.h"

#include "tui/screen/session_file.h"

#include "data/outfile.h"
#include "tui/base/xdg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEPT_MOST = 1 << 20 };

enum status session_keep(const char *recipe, struct error *error)
{
  char *path;
  struct outfile *file;
  enum status status = xdg_path(XDG_STATE, "session", &path, error);
  if (status == STATUS_OK)
    status = xdg_make_folders(path, error);
  if (status == STATUS_OK)
    status = outfile_open(path, &file, error);
  if (status == STATUS_OK) {
    fchmod(fileno(outfile_stream(file)), 0600); /* names of files are nobody else's business */
    fprintf(outfile_stream(file), "%s\n", recipe);
    status = outfile_commit(file, error);
  }
  free(path);
  return status;
}

static enum status read_kept(const char *path, char **recipe, struct error *error)
{
  struct stat about;
  FILE *file = fopen(path, "r");
  char *line = NULL;
  size_t room = 0;
  if (!file)
    return errno == ENOENT
               ? error_set(error, STATUS_INPUT, "there is no session to restore yet (%s)", path)
               : error_set(error, STATUS_INPUT, "%s: cannot open: %s", path, strerror(errno));
  enum status status = STATUS_OK;
  if (fstat(fileno(file), &about) != 0 || about.st_uid != geteuid())
    status = error_set(error, STATUS_INPUT, "%s: belongs to another user: not read", path);
  else if (!S_ISREG(about.st_mode) || about.st_size > KEPT_MOST)
    status = error_set(error, STATUS_INPUT, "%s: no session is in it", path);
  else if (getline(&line, &room, file) <= 0)
    status = error_set(error, STATUS_INPUT, "%s: is empty", path);
  fclose(file);
  if (status != STATUS_OK) {
    free(line);
    return status;
  }
  line[strcspn(line, "\n")] = 0;
  *recipe = line;
  return STATUS_OK;
}

enum status session_kept(char **recipe, struct error *error)
{
  char *path;
  enum status status = xdg_path(XDG_STATE, "session", &path, error);
  if (status == STATUS_OK)
    status = read_kept(path, recipe, error);
  free(path);
  return status;
}
