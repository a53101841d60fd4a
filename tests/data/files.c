#include "tests/data/files.h"

#include "quant/base/size.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[256];

const char *files_folder(void)
{
  const char *parent = getenv("TMPDIR");
  if (!folder[0]) {
    snprintf(folder, sizeof folder, "%s/qscope-test-XXXXXX", parent ? parent : "/tmp");
    assert_non_null(mkdtemp(folder));
  }
  return folder;
}

void files_clear(void)
{
  DIR *list = folder[0] ? opendir(folder) : NULL;
  for (struct dirent *item; list && (item = readdir(list));) {
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, item->d_name);
    unlink(path);
  }
  if (list)
    closedir(list);
}

int files_remove(void **state)
{
  (void)state;
  files_clear();
  return folder[0] ? rmdir(folder) : 0;
}

const char *files_write(const char *name, const void *bytes, size_t size)
{
  static char path[512];
  snprintf(path, sizeof path, "%s/%s", files_folder(), name);
  unlink(path); /* some file systems flush to disk when a file is emptied and written again */
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(size ? fwrite(bytes, 1, size, file) : 0, size);
  assert_int_equal(fclose(file), 0);
  return path;
}

/* HEAD followed by DATA as one file. */
static const char *write_two(const char *name, const void *head, size_t head_size, const void *data,
                             size_t size)
{
  unsigned char *bytes = malloc(head_size + size);
  assert_non_null(bytes);
  memcpy(bytes, head, head_size);
  if (size)
    memcpy(bytes + head_size, data, size);
  const char *path = files_write(name, bytes, head_size + size);
  free(bytes);
  return path;
}

const char *files_npy(const char *name, const char *descr, const char *fortran, const char *shape,
                      const void *data, size_t size)
{
  char head[256], text[240];
  int length = snprintf(text, sizeof text, "{'descr': %s, 'fortran_order': %s, 'shape': %s, }",
                        descr, fortran, shape);
  int padded = (10 + length + 1 + 63) / 64 * 64 - 10;
  int used =
      snprintf(head, sizeof head, "\x93NUMPY\1%c%c%c%-*s\n", 'x', 'x', 'x', padded - 1, text);
  head[7] = 0;
  head[8] = (char)(padded & 255);
  head[9] = (char)(padded >> 8);
  return write_two(name, head, (size_t)used, data, size);
}

const char *files_safetensors(const char *name, const char *header, const void *data, size_t size)
{
  char head[4096] = "";
  size_t length = strlen(header);
  for (size_t i = 0; i < 8; i++)
    head[i] = (char)((uint64_t)length >> 8 * i & 255);
  memcpy(head + 8, header, length);
  return write_two(name, head, 8 + length, data, size);
}

const char *files_sample(const char *name)
{
  static char path[600];
  const char *shared = getenv("QSCOPE_SHARED");
  snprintf(path, sizeof path, "%s/samples/%s", shared ? shared : ".", name);
  return access(path, R_OK) == 0 ? path : NULL;
}

const char *files_data(const char *kind, const char *name)
{
  static char path[600];
  const char *data = getenv("QSCOPE_TEST_DATA");
  snprintf(path, sizeof path, "%s/%s/%s", data ? data : "tests/data", kind, name);
  return path;
}

void files_golden(const char *written, const char *name)
{
  static unsigned char wanted[8192], found[8192];
  char path[600];
  FILE *file = fopen(written, "rb");
  assert_non_null(file);
  size_t size = fread(wanted, 1, sizeof wanted, file);
  fclose(file);
  assert_true(size < sizeof wanted);
  snprintf(path, sizeof path, "%s", files_data("good", name));
  if (getenv("UPDATE_GOLDEN") && (file = fopen(path, "wb"))) {
    assert_int_equal(fwrite(wanted, 1, size, file), size);
    fclose(file);
  }
  file = fopen(path, "rb");
  assert_non_null(file);
  assert_int_equal(fread(found, 1, sizeof found, file), size);
  fclose(file);
  assert_memory_equal(wanted, found, size);
}

struct source *files_open(const char *path)
{
  struct source *source = NULL;
  struct error error = {0};
  if (source_open(path, &source, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  return source;
}

void files_refused(const char *spec, enum status status, const char *fragment)
{
  struct source *source = NULL;
  struct error error = {0};
  assert_int_equal(source_open(spec, &source, &error), status);
  assert_int_equal(error.status, status);
  if (!strstr(error.text, fragment))
    fail_msg("expected \"%s\" in \"%s\"", fragment, error.text);
}

float *files_values(struct source *source, size_t index)
{
  struct error error = {0};
  if (source_load(source, index, NULL, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  struct feed feed = tensor_feed(source_tensor(source, index));
  float *values = mem_array(feed.count, sizeof *values);
  float *scratch = mem_array(FEED_BLOCK, sizeof *scratch);
  assert_non_null(values);
  assert_non_null(scratch);
  for (size_t start = 0; start < feed.count; start += FEED_BLOCK) {
    size_t n = size_min(FEED_BLOCK, feed.count - start);
    memcpy(values + start, feed_block(&feed, start, n, scratch), n * sizeof *values);
  }
  free(scratch);
  return values;
}
