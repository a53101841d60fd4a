#include "tests/screen/fixture.h"

#include "tui/screen/keys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHANNELS = 16, LENGTH = 32, LOUD = 5, SMALL = 4 };

static char folder[] = "/tmp/qscope-screen-XXXXXX", home[] = "/tmp/qscope-home-XXXXXX";

static void write_floats(FILE *file, int channels, int length)
{
  for (int c = 0; c < channels; c++)
    for (int i = 0; i < length; i++) {
      float x = ((float)((i * 37 + c * 11) % 64) - 31.5f) / 32 * (c == LOUD ? 40.0f : 1.0f);
      fwrite(&x, sizeof x, 1, file);
    }
}

static void write_model(void)
{
  char header[1024];
  FILE *file = fopen("model.safetensors", "wb");
  assert_non_null(file);
  int conv = CHANNELS * LENGTH * 4, bias = CHANNELS * 4;
  uint64_t length = (uint64_t)snprintf(
      header, sizeof header,
      "{\"conv\":{\"dtype\":\"F32\",\"shape\":[%d,%d],\"data_offsets\":[0,%d]},"
      "\"bias\":{\"dtype\":\"F32\",\"shape\":[%d],\"data_offsets\":[%d,%d]},"
      "\"bad\\u001b[31mred\\u0007\":{\"dtype\":\"F32\",\"shape\":[%d],\"data_offsets\":[%d,%d]}}",
      CHANNELS, LENGTH, conv, CHANNELS, conv, conv + bias, SMALL, conv + bias,
      conv + bias + SMALL * 4);
  fwrite(&length, sizeof length, 1, file);
  fwrite(header, 1, (size_t)length, file);
  write_floats(file, CHANNELS, LENGTH);
  write_floats(file, CHANNELS, 1);
  write_floats(file, SMALL, 1);
  assert_int_equal(fclose(file), 0);
}

int fixture_enter(void **state)
{
  (void)state;
  if (!mkdtemp(folder) || chdir(folder) != 0 || !mkdtemp(home))
    return -1;
  setenv("XDG_CONFIG_HOME", home, 1);
  setenv("XDG_STATE_HOME", home, 1);
  write_model();
  FILE *file = fopen("damaged.npy", "wb");
  fputs("\x93NUMPY", file);
  fclose(file);
  return 0;
}

void fixture_empty(const char *path)
{
  int at = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = at >= 0 ? fdopendir(at) : NULL;
  for (struct dirent *entry; directory && (entry = readdir(directory));)
    if (entry->d_name[0] != '.')
      unlinkat(at, entry->d_name, 0);
  if (directory)
    closedir(directory);
}

int fixture_leave(void **state)
{
  (void)state;
  char own[64];
  snprintf(own, sizeof own, "%s/qscope", home);
  fixture_empty(folder);
  fixture_empty(own);
  if (chdir("/") != 0 || (rmdir(own) != 0 && errno != ENOENT) || rmdir(home) != 0)
    return -1;
  return rmdir(folder);
}

const char *fixture_program(void)
{
  const char *program = getenv("QSCOPE_PROGRAM");
  return program ? program : "qscope";
}

struct harness *fixture_start(const char *const *arguments, const struct harness_options *options)
{
  const char *all[24] = {fixture_program()};
  for (size_t i = 0; i < 22 && arguments[i]; i++)
    all[i + 1] = arguments[i];
  struct harness_options with = *options;
  with.arguments = all;
  return harness_start(&with);
}

struct harness *fixture_open(void)
{
  const char *arguments[] = {"model.safetensors", "-t", "conv", NULL};
  struct harness *harness = fixture_start(arguments, &(struct harness_options){.rows = 24});
  assert_true(harness_wait_settled(harness));
  return harness;
}

void fixture_quit(struct harness *harness)
{
  harness_bytes(harness, "q");
  int status = harness_wait_end(harness);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
  assert_false(harness_alternate(harness));
  assert_true(harness_cursor_visible(harness));
  harness_end(harness);
}

char *screen_of(struct harness *harness)
{
  return strdup(harness_screen(harness));
}

void assert_shows(struct harness *harness, const char *text)
{
  if (!harness_shows(harness, text))
    fail_msg("\"%s\" is not on the screen:\n%s", text, harness_screen(harness));
}

void assert_shows_not(struct harness *harness, const char *text)
{
  if (harness_shows(harness, text))
    fail_msg("\"%s\" is on the screen:\n%s", text, harness_screen(harness));
}

void type(struct harness *harness, const char *text)
{
  assert_true(harness_type(harness, text));
}

const char *key_bytes(uint32_t key, char *buffer)
{
  static const struct {
    uint32_t key;
    const char *bytes;
  } special[] = {
      {KEY_CODE_UP, "\033OA"},       {KEY_CODE_DOWN, "\033OB"},     {KEY_CODE_RIGHT, "\033OC"},
      {KEY_CODE_LEFT, "\033OD"},     {KEY_CODE_PAGE_UP, "\033[5~"}, {KEY_CODE_PAGE_DOWN, "\033[6~"},
      {KEY_CODE_HOME, "\033OH"},     {KEY_CODE_END, "\033OF"},      {KEY_CODE_BACKSPACE, "\177"},
      {KEY_CODE_BACK_TAB, "\033[Z"}, {KEY_CODE_F1, "\033OP"},       {KEY_CODE_F2, "\033OQ"},
      {KEY_CODE_F3, "\033OR"},       {KEY_CODE_F4, "\033OS"},       {KEY_CODE_F5, "\033[15~"},
      {KEY_CODE_F6, "\033[17~"},     {KEY_CODE_F7, "\033[18~"},     {KEY_CODE_F8, "\033[19~"},
      {KEY_CODE_F9, "\033[20~"},     {KEY_CODE_F10, "\033[21~"},    {KEY_CODE_F11, "\033[23~"},
      {KEY_CODE_F12, "\033[24~"}};
  for (size_t i = 0; i < sizeof special / sizeof *special; i++)
    if (special[i].key == key)
      return special[i].bytes;
  assert_true(key < 0x7F);
  buffer[0] = (char)key;
  buffer[1] = 0;
  return buffer;
}

void fixture_selected(struct harness *harness, char *text, size_t size)
{
  int row, column;
  assert_true(harness_find(harness, "\342\226\270", &row, &column));
  assert_int_equal(column, 0);
  snprintf(text, size, "%s", harness_row(harness, row));
}
