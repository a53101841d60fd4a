/* The user's settings: what lines mean, what is kept, and which files are left alone. */
#include "tui/base/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/qscope-settings-XXXXXX";
static char path[64];

static int enter(void **state)
{
  (void)state;
  if (!mkdtemp(folder))
    return -1;
  snprintf(path, sizeof path, "%s/qscope/config", folder);
  return 0;
}

static int leave(void **state)
{
  (void)state;
  char below[64];
  snprintf(below, sizeof below, "%s/qscope", folder);
  unlink(path);
  rmdir(below);
  return rmdir(folder);
}

static struct settings *parsed(const char *text)
{
  struct settings *settings;
  struct error error;
  assert_int_equal(settings_parse(text, strlen(text), &settings, &error), STATUS_OK);
  return settings;
}

static void lines_are_read(void **state)
{
  (void)state;
  struct settings *settings = parsed("# mine\n\n color=256 \r\nname = a = b\nbroken\n= x\nlast =");
  assert_int_equal(settings->lines, 7);
  assert_string_equal(settings_get(settings, "color"), "256");
  assert_string_equal(settings_get(settings, "name"), "a = b");
  assert_string_equal(settings_get(settings, "last"), "");
  assert_null(settings_get(settings, "broken"));
  assert_true(settings->line[4].wrong && settings->line[5].wrong && !settings->line[0].wrong);
  assert_int_equal(settings->version, SETTINGS_VERSION);
  settings_free(settings);
  settings = parsed("a = 1\na = 2\nversion = 7\n");
  assert_string_equal(settings_get(settings, "a"), "2"); /* of two, the last */
  assert_int_equal(settings->version, 7);
  settings_free(settings);
  settings = parsed("");
  assert_int_equal(settings->lines, 0);
  settings_free(settings);
  struct error error;
  assert_int_equal(settings_parse("a\0b", 3, &settings, &error), STATUS_INPUT);
}

static void what_is_unknown_is_kept(void **state)
{
  (void)state;
  struct error error;
  struct stat about;
  char text[256];
  struct settings *settings = parsed("# mine\nfuture = 3\nnonsense\nhints = yes\n");
  assert_int_equal(settings_set(settings, "hints", "no", &error), STATUS_OK);
  assert_int_equal(settings_set(settings, "mouse", "no", &error), STATUS_OK);
  assert_int_equal(settings_write(settings, path, &error), STATUS_OK);
  settings_free(settings);
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  size_t length = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[length] = 0;
  assert_string_equal(text, "version = 1\n# mine\nfuture = 3\nnonsense\nhints = no\nmouse = no\n");
  assert_int_equal(stat(path, &about), 0);
  assert_int_equal(about.st_mode & 0777, 0600);
  assert_int_equal(settings_read(path, &settings, &error), STATUS_OK);
  assert_string_equal(settings_get(settings, "mouse"), "no");
  assert_int_equal(settings_write(settings, path, &error), STATUS_OK); /* says its version once */
  settings_free(settings);
  assert_int_equal(settings_read(path, &settings, &error), STATUS_OK);
  assert_int_equal(settings->lines, 6);
  settings_free(settings);
}

static void some_files_are_left_alone(void **state)
{
  (void)state;
  struct settings *settings;
  struct error error;
  assert_int_equal(settings_read("/nonexistent/config", &settings, &error), STATUS_OK);
  assert_int_equal(settings->lines, 0);
  settings_free(settings);
  assert_int_equal(settings_read("/tmp", &settings, &error), STATUS_INPUT);
  assert_non_null(strstr(error.text, "no file of settings"));
  assert_null(settings);
  settings = parsed("version = 2\nnew = 1\n");
  assert_int_equal(settings_write(settings, path, &error), STATUS_OUTPUT);
  assert_non_null(strstr(error.text, "later version"));
  settings_free(settings);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  for (int i = 0; i <= SETTINGS_MOST; i++)
    putc('#', file);
  fclose(file);
  assert_int_equal(settings_read(path, &settings, &error), STATUS_INPUT);
  assert_non_null(strstr(error.text, "longer than"));
  if (geteuid() != 0 || chown(path, 12345, (gid_t)-1) != 0)
    skip();
  file = fopen(path, "w");
  fputs("hints = no\n", file);
  fclose(file);
  assert_int_equal(settings_read(path, &settings, &error), STATUS_INPUT);
  assert_non_null(strstr(error.text, "belongs to another user"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_are_read),
      cmocka_unit_test(what_is_unknown_is_kept),
      cmocka_unit_test(some_files_are_left_alone),
  };
  return cmocka_run_group_tests(tests, enter, leave);
}
