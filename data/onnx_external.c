/* External data of an ONNX model: a file in the folder of the model, and nowhere else. */
#include "config.h"

#include "data/onnx.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No absolute path, and no step upwards. */
static bool stays_inside(const char *location)
{
  if (*location == '\0' || *location == '/')
    return false;
  for (const char *step = location; step; step = strchr(step, '/')) {
    step += *step == '/';
    if (strncmp(step, "..", 2) == 0 && (step[2] == '/' || step[2] == '\0'))
      return false;
  }
  return true;
}

/* True when the real path FILE lies in the folder of the real path BESIDE. */
static bool is_below(const char *file, const char *beside)
{
  const char *slash = strrchr(beside, '/');
  size_t length = slash ? (size_t)(slash - beside) + 1 : 0;
  return length > 0 && strncmp(file, beside, length) == 0;
}

/* Real path of LOCATION, which counts from the folder of MODEL, into PATH. The folder is the one
 * that MODEL is named in, or the one that it really lies in (caches link every file of a model). */
static enum status resolve(const char *model, const char *location, char path[PATH_MAX],
                           struct error *error)
{
  char wanted[PATH_MAX], folder[PATH_MAX], real[PATH_MAX];
  int before = (int)(path_base(model) - model);
  int length = snprintf(wanted, sizeof wanted, "%.*s%s", before, model, location);
  int shown = snprintf(folder, sizeof folder, "%.*s.", before, model);
  if (length < 0 || length >= PATH_MAX || shown < 0 || shown >= PATH_MAX - 2)
    return error_set(error, STATUS_INPUT, "external data: the path is too long");
  if (!realpath(wanted, path) || !realpath(model, real) || !realpath(folder, wanted))
    return error_set(error, STATUS_INPUT, "external data: cannot open %s: %s", SHOWN(location),
                     strerror(errno));
  size_t end = strlen(wanted);
  if (end > 1 && end + 1 < sizeof wanted)
    memcpy(wanted + end, "/", 2);
  if (is_below(path, wanted) || is_below(path, real))
    return STATUS_OK;
  return error_set(error, STATUS_INPUT,
                   "external data: %s is a link to a file outside the model's folder",
                   SHOWN(location));
}

/* The map of PATH: one that the source has already, or a new one. */
static enum status map_once(struct source *source, const char *path, const struct map **out,
                            struct error *error)
{
  struct map *map = NULL;
  for (size_t i = 1; i < source->maps_count && !map; i++)
    if (strcmp(source->maps[i]->path, path) == 0)
      map = source->maps[i];
  enum status status = map ? STATUS_OK : source_map(source, path, &map, error);
  *out = map;
  return status;
}

enum status onnx_external(struct source *source, struct protobuf_span location,
                          const struct map **out, struct error *error)
{
  struct onnx *onnx = source->state;
  char text[PATH_MAX], path[PATH_MAX];
  if (onnx->external && onnx->location.size == location.size &&
      memcmp(onnx->location.bytes, location.bytes, location.size) == 0) {
    *out = onnx->external;
    return STATUS_OK;
  }
  if (location.size >= sizeof text || (location.size && memchr(location.bytes, 0, location.size)))
    return error_set(error, STATUS_INPUT, "external data: the location is no file's name");
  if (location.size > 0)
    memcpy(text, location.bytes, location.size);
  text[location.size] = '\0';
  if (!stays_inside(text))
    return error_set(error, STATUS_INPUT,
                     "external data: expected a file in the folder of the model, found \"%s\"",
                     SHOWN(text));
  enum status status = resolve(source->spec, text, path, error);
  if (status == STATUS_OK)
    status = map_once(source, path, out, error);
  if (status == STATUS_OK) {
    onnx->external = *out;
    onnx->location = location;
  }
  return status;
}
