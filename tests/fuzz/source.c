/* What every target that opens files shares: bytes become files, and a source is asked everything.
 */
#include "config.h"

#include "tests/fuzz/target.h"

#include "data/source.h"
#include "quant/base/size.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  ELEMENTS_MOST = 1 << 17, /* elements that are decoded of one source */
  TENSORS_MOST = 256,      /* tensors that are loaded */
  GENERATED_MOST = 1 << 16 /* elements of a tensor that is drawn, not read */
};

_Noreturn void fuzz_fail(const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  fputs("fuzz: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  abort();
}

/* --- bytes become files --------------------------------------------------------------- */

static char folder[256];

static void empty_folder(void)
{
  DIR *list = folder[0] ? opendir(folder) : NULL;
  for (struct dirent *item; list && (item = readdir(list));) {
    char path[sizeof folder + 300];
    snprintf(path, sizeof path, "%s/%s", folder, item->d_name);
    unlink(path);
  }
  if (list)
    closedir(list);
}

static void remove_folder(void)
{
  empty_folder();
  rmdir(folder);
}

const char *fuzz_folder(void)
{
  const char *parent = getenv("TMPDIR");
  if (folder[0])
    return folder;
  snprintf(folder, sizeof folder, "%s/qscope-fuzz-XXXXXX", parent ? parent : "/tmp");
  if (!mkdtemp(folder))
    fuzz_fail("cannot make a folder like %s", folder);
  atexit(remove_folder);
  return folder;
}

const char *fuzz_write(const char *name, const uint8_t *data, size_t size)
{
  static char path[sizeof folder + 300];
  snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
  FILE *file = fopen(path, "wb");
  if (!file || (size > 0 && fwrite(data, 1, size, file) != size) || fclose(file))
    fuzz_fail("cannot write %s", path);
  return path;
}

/* --- a source is asked everything ------------------------------------------------------- */

/* C0, DEL, and C1 in UTF-8: what text_escape keeps from the terminal. */
static bool is_quiet(const char *text)
{
  for (const unsigned char *at = (const unsigned char *)text; *at; at++)
    if (*at < ' ' || *at == 0x7F || (at[0] == 0xC2 && at[1] >= 0x80 && at[1] < 0xA0))
      return false;
  return true;
}

void fuzz_refusal(enum status status, const struct error *error)
{
  if (status != STATUS_INPUT && status != STATUS_USAGE && status != STATUS_MEMORY)
    fuzz_fail("status %d: %s", status, error->text);
  if (error->status != status)
    fuzz_fail("status %d, but %d in the error: %s", status, error->status, error->text);
  if (!error->text[0] || !is_quiet(error->text))
    fuzz_fail("a message that cannot be shown: \"%s\"", error->text);
}

/* Decodes elements START.. of FEED, and touches them where they are lent. */
static void read_piece(const struct feed *feed, size_t start, size_t n)
{
  static float scratch[FEED_BLOCK];
  volatile float touched = 0;
  const float *values = feed_block(feed, start, n, scratch);
  for (size_t i = 0; i < n; i++)
    touched = values[i];
  (void)touched;
}

/* The first piece, the last, and one that begins and ends in odd places; elements decoded. */
static size_t read_pieces(const struct tensor *tensor)
{
  struct feed feed = tensor_feed(tensor);
  if (feed.count != tensor->count)
    fuzz_fail("a tensor of %zu elements, a feed of %zu", tensor->count, feed.count);
  size_t n = size_min(feed.count, FEED_BLOCK), third = feed.count / 3;
  if (n == 0)
    return 0;
  read_piece(&feed, 0, n);
  read_piece(&feed, feed.count - n, n);
  read_piece(&feed, third, size_min(feed.count - third, 777));
  return 3 * n;
}

static size_t read_tensor(struct source *source, size_t index)
{
  const struct tensor *tensor = source_tensor(source, index);
  char shown[80];
  size_t count, found;
  struct error error = {0};
  if (!shape_count(&tensor->shape, &count) || count != tensor->count)
    fuzz_fail("the shape does not hold the %zu elements of the tensor", tensor->count);
  if (!is_quiet(text_escape(tensor->name, shown, sizeof shown)))
    fuzz_fail("a name that cannot be shown");
  if (tensor->name[0] && source_find(source, tensor->name, &found, &error) != STATUS_OK)
    fuzz_fail("a tensor that is not found by its name: %s", error.text);
  if (!is_quiet(source_remark(source, index)))
    fuzz_fail("a remark that cannot be shown: %s", source_remark(source, index));
  if (strcmp(source_type_name(source), "synth") == 0 && tensor->count > GENERATED_MOST)
    return 0;
  enum status status = source_load(source, index, NULL, &error);
  if (status == STATUS_OK)
    return read_pieces(source_tensor(source, index));
  fuzz_refusal(status, &error);
  return 0;
}

static void read_metadata(const struct source *source)
{
  for (size_t i = 0; i < source_metadata_count(source); i++) {
    const struct metadatum *datum = source_metadatum(source, i);
    if (!datum->key || !datum->value)
      fuzz_fail("metadata without a key or a value");
  }
}

static void ask(struct source *source)
{
  size_t count = source_count(source), elements = 0, index;
  struct error error = {0};
  for (size_t i = 0; i < size_min(count, TENSORS_MOST) && elements < ELEMENTS_MOST; i++)
    elements += read_tensor(source, i);
  if (count > TENSORS_MOST)
    read_tensor(source, count - 1);
  read_metadata(source);
  if (source_find(source, "no.such.tensor", &index, &error) == STATUS_INPUT)
    fuzz_refusal(STATUS_INPUT, &error);
  if (!is_quiet(source_note(source)))
    fuzz_fail("a note that cannot be shown: %s", source_note(source));
  if (source_verify(source, &error) != STATUS_OK)
    fuzz_fail("the file did not change: %s", error.text);
}

void fuzz_source(const char *spec, const char *type)
{
  struct source *source;
  struct error error = {0};
  enum status status = source_open_as(spec, type, &source, &error);
  if (status != STATUS_OK) {
    fuzz_refusal(status, &error);
    return;
  }
  ask(source);
  source_close(source);
}

/* --- folders ---------------------------------------------------------------------------- */

static const char opening[] = "==> ", closing[] = " <==\n";

/* Where TEXT is in DATA, or SIZE. */
static size_t find(const uint8_t *data, size_t size, const char *text)
{
  const uint8_t *at = memmem(data, size, text, strlen(text));
  return at ? (size_t)(at - data) : size;
}

/* A name that stays in the folder. */
static void plain_name(const uint8_t *data, size_t size, char *name, size_t most)
{
  size_t length = size_min(size, most - 1);
  for (size_t i = 0; i < length; i++)
    name[i] = data[i] == '/' || data[i] == '\0' ? '_' : (char)data[i];
  name[length] = '\0';
  if (strcmp(name, "") == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
    snprintf(name, most, "empty");
}

/* Opened as a folder, and by its first file, which may name the others. */
void fuzz_run_folder(const struct fuzz_target *target, const uint8_t *data, size_t size)
{
  char first[sizeof folder + 300] = "", name[64];
  (void)target;
  fuzz_folder();
  empty_folder();
  for (size_t i = 0; i < 16 && size > 0; i++) {
    size_t start = find(data, size, opening), head = size_min(size - start, sizeof opening - 1);
    data += start + head, size -= start + head;
    size_t end = find(data, size, closing), tail = size_min(size - end, sizeof closing - 1);
    plain_name(data, end, name, sizeof name);
    data += end + tail, size -= end + tail;
    size_t bytes = find(data, size, opening);
    const char *path = fuzz_write(name, data, bytes);
    if (!first[0])
      snprintf(first, sizeof first, "%s", path);
    data += bytes, size -= bytes;
  }
  fuzz_source(fuzz_folder(), NULL);
  if (first[0])
    fuzz_source(first, NULL);
}
