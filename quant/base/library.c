#include "config.h"

#include "quant/base/library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

static enum status missing(const struct library *library, struct error *error)
{
  const char *reason = dlerror();
  return error_set(error, STATUS_INPUT, "needs %s (package %s), which cannot be loaded: %s",
                   library->name, library->packages, reason ? reason : library->file);
}

static enum status load(struct library *library, struct error *error)
{
  if (library->handle)
    return STATUS_OK;
  void *handle = dlopen(library->file, RTLD_LAZY | RTLD_LOCAL);
  if (!handle)
    return missing(library, error);
  for (size_t i = 0; i < library->count; i++) {
    void *call = dlsym(handle, library->names[i]);
    if (!call) {
      enum status status = missing(library, error);
      dlclose(handle);
      return status;
    }
    memcpy((char *)library->calls + i * sizeof call, &call, sizeof call);
  }
  library->handle = handle;
  return STATUS_OK;
}

enum status library_load(struct library *library, struct error *error)
{
  static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&one);
  enum status status = load(library, error);
  pthread_mutex_unlock(&one);
  return status;
}
