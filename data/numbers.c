#include "data/numbers.h"

#include "data/imatrix.h"
#include "data/source.h"
#include "quant/base/size.h"

#include <string.h>

/* Names the file once: messages of source_load leave that to the caller. */
static enum status place(const char *path, enum status status, struct error *error)
{
  char text[256];
  error_prefix(error, "%s: ", text_escape(path, text, sizeof text));
  return status;
}

/* Elements FIRST .. FIRST + COUNT - 1. */
static enum status copy_some(const struct tensor *tensor, size_t first, size_t count,
                             float **values, struct error *error)
{
  if (count > NUMBERS_MOST)
    return error_set(error, STATUS_INPUT, "expected at most %d numbers, found %zu", NUMBERS_MOST,
                     count);
  const struct feed feed = tensor_feed(tensor);
  float *copy = mem_array(count, sizeof *copy);
  if (!copy)
    return error_memory(error, "its numbers");
  for (size_t start = 0, n; start < count; start += n) {
    n = size_min(FEED_BLOCK, count - start);
    const float *x = feed_block(&feed, first + start, n, copy + start);
    if (x != copy + start)
      memcpy(copy + start, x, n * sizeof *x);
  }
  *values = copy;
  return STATUS_OK;
}

static enum status read_entry(struct source *source, const struct imatrix_entry *entry,
                              const char *path, float **values, size_t *count, struct error *error)
{
  float *found = NULL;
  enum status status = source_load(source, entry->index, NULL, error);
  if (status == STATUS_OK)
    status =
        copy_some(source_tensor(source, entry->index), entry->first, entry->count, &found, error);
  if (status != STATUS_OK)
    return place(path, status, error);
  status = source_verify(source, error);
  if (status != STATUS_OK) {
    free(found);
    return status;
  }
  *values = found;
  *count = entry->count;
  return STATUS_OK;
}

/* The entry of NAME, and an error that names one when there is none. */
static enum status find_entry(const struct source *source, const char *path, const char *name,
                              struct imatrix_entry *out, struct error *error)
{
  char shown[3][256];
  if (imatrix_find(source, name, out))
    return STATUS_OK;
  size_t first = 0;
  while (first < source_count(source) && !source_tensor(source, first)->derived)
    first++;
  const char *some =
      first < source_count(source) ? source_tensor(source, first)->name : "none at all";
  return error_set(error, STATUS_USAGE, "%s: no entry for the tensor %s; the first one is %s",
                   text_escape(path, shown[0], sizeof shown[0]),
                   text_escape(name, shown[1], sizeof shown[1]),
                   text_escape(some, shown[2], sizeof shown[2]));
}

static enum status find_only(const struct source *source, struct imatrix_entry *out,
                             struct error *error)
{
  enum status status = source_find(source, NULL, &out->index, error);
  if (status == STATUS_OK)
    out->count = source_tensor(source, out->index)->count;
  return status;
}

/* NAME is NULL for the only tensor of SOURCE. */
static enum status read_source(struct source *source, const char *path, const char *name,
                               float **values, size_t *count, struct error *error)
{
  struct imatrix_entry entry = {.first = 0};
  bool entries = name && strcmp(source_type_name(source), IMATRIX_TYPE) == 0;
  enum status status =
      entries ? find_entry(source, path, name, &entry, error) : find_only(source, &entry, error);
  return status == STATUS_OK ? read_entry(source, &entry, path, values, count, error) : status;
}

enum status numbers_read_for(const char *path, const char *name, float **values, size_t *count,
                             struct error *error)
{
  struct source *source;
  enum status status = source_open(path, &source, error);
  if (status != STATUS_OK)
    return status;
  status = read_source(source, path, name, values, count, error);
  source_close(source);
  return status;
}

enum status numbers_read(const char *path, float **values, size_t *count, struct error *error)
{
  return numbers_read_for(path, NULL, values, count, error);
}
