#include "config.h"

#include "tui/base/xdg.h"

#include "data/tensor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct {
  const char *variable, *below_home;
} places[] = {
    [XDG_CONFIG] = {"XDG_CONFIG_HOME", ".config"},
    [XDG_STATE] = {"XDG_STATE_HOME", ".local/state"},
};

/* The value of VARIABLE when it is an absolute path, else NULL. */
static const char *absolute(const char *variable)
{
  const char *value = getenv(variable);
  return value && *value == '/' ? value : NULL;
}

enum status xdg_path(enum xdg_place place, const char *name, char **path, struct error *error)
{
  const char *folder = absolute(places[place].variable), *home = absolute("HOME");
  *path = NULL;
  if (!folder && !home)
    return error_set(error, STATUS_OUTPUT, "%s: neither %s nor HOME says where to keep it", name,
                     places[place].variable);
  int length = folder ? asprintf(path, "%s/qscope/%s", folder, name)
                      : asprintf(path, "%s/%s/qscope/%s", home, places[place].below_home, name);
  if (length >= 0)
    return STATUS_OK;
  *path = NULL;
  return error_memory(error, name);
}

enum status xdg_make_folders(const char *path, struct error *error)
{
  char *folder = strdup(path), shown[256];
  enum status status = folder ? STATUS_OK : error_memory(error, path);
  for (char *slash = folder; status == STATUS_OK && (slash = strchr(slash + 1, '/'));) {
    *slash = '\0';
    if (mkdir(folder, 0700) && errno != EEXIST)
      status = error_set(error, STATUS_OUTPUT, "%s: the folder cannot be created: %s",
                         text_escape(folder, shown, sizeof shown), strerror(errno));
    *slash = '/';
  }
  free(folder);
  return status;
}
