#include "tests/screen/fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHANNELS = 16, LENGTH = 32, LOUD = 5, SMALL = 4 };

static char folder[] = "/tmp/qscope-screen-XXXXXX";

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
  if (!mkdtemp(folder) || chdir(folder) != 0)
    return -1;
  write_model();
  FILE *file = fopen("damaged.npy", "wb");
  fputs("\x93NUMPY", file);
  fclose(file);
  return 0;
}

int fixture_leave(void **state)
{
  (void)state;
  DIR *directory = opendir(folder);
  for (struct dirent *entry; directory && (entry = readdir(directory));)
    if (entry->d_name[0] != '.')
      unlink(entry->d_name);
  if (directory)
    closedir(directory);
  return chdir("/") == 0 ? rmdir(folder) : -1;
}

const char *fixture_program(void)
{
  const char *program = getenv("QSCOPE_PROGRAM");
  return program ? program : "qscope";
}

struct harness *fixture_start(const char *const *arguments, const struct harness_options *options)
{
  const char *all[12] = {fixture_program()};
  for (size_t i = 0; i < 10 && arguments[i]; i++)
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
