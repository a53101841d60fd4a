#include "config.h"

#include "tui/base/settings.h"

#include "data/outfile.h"
#include "data/tensor.h"
#include "quant/base/size.h"
#include "tui/base/xdg.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char blanks[] = " \t\r";

/* --- lines -------------------------------------------------------------------------------- */

static void clear_line(struct settings_line *line)
{
  free(line->text);
  free(line->key);
  free(line->value);
  *line = (struct settings_line){.text = NULL};
}

/* A copy of LENGTH bytes without the blanks around them; NULL when memory runs out. */
static char *trimmed(const char *text, size_t length)
{
  while (length > 0 && strchr(blanks, *text)) {
    text++;
    length--;
  }
  while (length > 0 && strchr(blanks, text[length - 1]))
    length--;
  return strndup(text, length);
}

/* Makes LINE of LENGTH bytes; false when memory runs out. */
static bool make_line(struct settings_line *line, const char *text, size_t length)
{
  *line = (struct settings_line){.text = strndup(text, length)};
  if (!line->text)
    return false;
  size_t first = strspn(line->text, blanks);
  const char *equals = strchr(line->text, '=');
  if (line->text[first] == 0 || line->text[first] == '#')
    return true;
  line->wrong = !equals || equals == line->text + first;
  if (line->wrong)
    return true;
  line->key = trimmed(line->text, (size_t)(equals - line->text));
  line->value = trimmed(equals + 1, strlen(equals + 1));
  return line->key && line->value;
}

/* Room for one more line, or NULL. */
static struct settings_line *more(struct settings *settings)
{
  struct settings_line *line = mem_resize(settings->line, settings->lines + 1, sizeof *line);
  if (!line)
    return NULL;
  settings->line = line;
  return &line[settings->lines];
}

static bool append(struct settings *settings, const char *text, size_t length)
{
  struct settings_line *line = more(settings);
  if (!line)
    return false;
  bool made = make_line(line, text, length);
  if (made)
    settings->lines++;
  else
    clear_line(line);
  return made;
}

/* --- reading ------------------------------------------------------------------------------ */

void settings_free(struct settings *settings)
{
  for (size_t i = 0; settings && i < settings->lines; i++)
    clear_line(&settings->line[i]);
  if (settings)
    free(settings->line);
  free(settings);
}

enum status settings_parse(const char *text, size_t length, struct settings **out,
                           struct error *error)
{
  struct settings *settings = mem_array(1, sizeof *settings);
  *out = NULL;
  if (memchr(text, 0, length)) {
    free(settings);
    return error_set(error, STATUS_INPUT, "holds a NUL byte: no text");
  }
  bool read = settings != NULL;
  while (read && length > 0) {
    const char *end = memchr(text, '\n', length);
    size_t line = end ? (size_t)(end - text) : length;
    read = append(settings, text, line);
    length -= line + (end != NULL);
    text += line + (end != NULL);
  }
  if (!read) {
    settings_free(settings);
    return error_memory(error, "the settings");
  }
  const char *version = settings_get(settings, "version");
  settings->version = version ? strtol(version, NULL, 10) : SETTINGS_VERSION;
  *out = settings;
  return STATUS_OK;
}

/* All of the file DESCRIPTOR into TEXT. */
static enum status read_text(int descriptor, char *text, size_t *length, struct error *error)
{
  struct stat about;
  ssize_t got = 1;
  if (fstat(descriptor, &about) != 0 || !S_ISREG(about.st_mode))
    return error_set(error, STATUS_INPUT, "is no file of settings");
  if (about.st_uid != geteuid())
    return error_set(error, STATUS_INPUT, "belongs to another user: not read");
  for (*length = 0; got > 0 && *length <= SETTINGS_MOST; *length += got > 0 ? (size_t)got : 0)
    got = read(descriptor, text + *length, SETTINGS_MOST + 1 - *length);
  if (got < 0)
    return error_set(error, STATUS_INPUT, "cannot be read: %s", strerror(errno));
  if (*length > SETTINGS_MOST)
    return error_set(error, STATUS_INPUT, "is longer than %d bytes", SETTINGS_MOST);
  return STATUS_OK;
}

enum status settings_read(const char *path, struct settings **out, struct error *error)
{
  static const char nothing[] = "";
  char shown[256];
  size_t length = 0;
  *out = NULL;
  int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0 && (errno == ENOENT || errno == ENOTDIR))
    return settings_parse(nothing, 0, out, error);
  char *text = mem_array(SETTINGS_MOST + 2, 1);
  enum status status = text ? STATUS_OK : error_memory(error, "the settings");
  if (status == STATUS_OK && descriptor < 0)
    status = error_set(error, STATUS_INPUT, "cannot open: %s", strerror(errno));
  if (status == STATUS_OK)
    status = read_text(descriptor, text, &length, error);
  if (status == STATUS_OK)
    status = settings_parse(text, length, out, error);
  if (descriptor >= 0)
    close(descriptor);
  free(text);
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", text_escape(path, shown, sizeof shown));
  return status;
}

/* --- changing and writing ----------------------------------------------------------------- */

static struct settings_line *find(const struct settings *settings, const char *key)
{
  struct settings_line *found = NULL;
  for (size_t i = 0; i < settings->lines; i++)
    if (settings->line[i].key && strcmp(settings->line[i].key, key) == 0)
      found = &settings->line[i];
  return found;
}

const char *settings_get(const struct settings *settings, const char *key)
{
  const struct settings_line *line = find(settings, key);
  return line ? line->value : NULL;
}

enum status settings_set(struct settings *settings, const char *key, const char *value,
                         struct error *error)
{
  struct settings_line *old = find(settings, key), made;
  char *text;
  int length = asprintf(&text, "%s = %s", key, value);
  if (length < 0)
    return error_memory(error, "the settings");
  bool done = old ? make_line(&made, text, (size_t)length) : append(settings, text, (size_t)length);
  if (old && done) {
    clear_line(old);
    *old = made;
  } else if (old) {
    clear_line(&made);
  }
  free(text);
  return done ? STATUS_OK : error_memory(error, "the settings");
}

enum status settings_write(const struct settings *settings, const char *path, struct error *error)
{
  struct outfile *file;
  char shown[256];
  if (settings->version > SETTINGS_VERSION)
    return error_set(error, STATUS_OUTPUT,
                     "%s: a later version of the program wrote it (version %ld): left as it is",
                     text_escape(path, shown, sizeof shown), settings->version);
  enum status status = xdg_make_folders(path, error);
  if (status == STATUS_OK)
    status = outfile_open(path, &file, error);
  if (status != STATUS_OK)
    return status;
  FILE *out = outfile_stream(file);
  fchmod(fileno(out), 0600);
  if (!settings_get(settings, "version"))
    fprintf(out, "version = %d\n", SETTINGS_VERSION);
  for (size_t i = 0; i < settings->lines; i++)
    fprintf(out, "%s\n", settings->line[i].text);
  return outfile_commit(file, error);
}
