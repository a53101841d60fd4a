/* The folders of the XDG Base Directory Specification, with its defaults and its rule that a
 * relative path is ignored. */
#include "tui/base/xdg.h"

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

static void set(const char *name, const char *value)
{
  if (value)
    setenv(name, value, 1);
  else
    unsetenv(name);
}

static void each_variable_and_its_default(void **state)
{
  (void)state;
  static const struct {
    enum xdg_place place;
    const char *variable, *value, *home, *path;
  } rows[] = {
      {XDG_CONFIG, "XDG_CONFIG_HOME", "/c", "/h", "/c/qscope/config"},
      {XDG_CONFIG, "XDG_CONFIG_HOME", NULL, "/h", "/h/.config/qscope/config"},
      {XDG_CONFIG, "XDG_CONFIG_HOME", "", "/h", "/h/.config/qscope/config"},
      {XDG_CONFIG, "XDG_CONFIG_HOME", "relative", "/h", "/h/.config/qscope/config"},
      {XDG_CONFIG, "XDG_CONFIG_HOME", "/c", NULL, "/c/qscope/config"},
      {XDG_STATE, "XDG_STATE_HOME", "/s", "/h", "/s/qscope/config"},
      {XDG_STATE, "XDG_STATE_HOME", NULL, "/h", "/h/.local/state/qscope/config"},
      {XDG_STATE, "XDG_STATE_HOME", NULL, NULL, NULL},
      {XDG_STATE, "XDG_STATE_HOME", "relative", "relative", NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct error error;
    char *path;
    set(rows[i].variable, rows[i].value);
    set("HOME", rows[i].home);
    enum status status = xdg_path(rows[i].place, "config", &path, &error);
    assert_int_equal(status, rows[i].path ? STATUS_OK : STATUS_OUTPUT);
    if (rows[i].path)
      assert_string_equal(path, rows[i].path);
    else
      assert_true(!path && strstr(error.text, rows[i].variable));
    free(path);
  }
}

static void folders_are_made_for_the_user_alone(void **state)
{
  (void)state;
  char top[] = "/tmp/qscope-xdg-XXXXXX", path[128];
  struct stat found;
  struct error error;
  assert_non_null(mkdtemp(top));
  snprintf(path, sizeof path, "%s/a/b/file", top);
  mode_t old = umask(0);
  assert_int_equal(xdg_make_folders(path, &error), STATUS_OK);
  assert_int_equal(xdg_make_folders(path, &error), STATUS_OK); /* they are there already */
  umask(old);
  snprintf(path, sizeof path, "%s/a/b", top);
  assert_int_equal(stat(path, &found), 0);
  assert_true(S_ISDIR(found.st_mode));
  assert_int_equal(found.st_mode & 0777, 0700);
  snprintf(path, sizeof path, "%s/a/b/file", top);
  assert_int_not_equal(stat(path, &found), 0); /* the folders alone */
  fclose(fopen(path, "w"));
  snprintf(path, sizeof path, "%s/a/b/file/c/d", top);
  assert_int_equal(xdg_make_folders(path, &error), STATUS_OUTPUT);
  assert_non_null(strstr(error.text, "/a/b/file/c: the folder cannot be created"));
  snprintf(path, sizeof path, "%s/a/b/file", top);
  assert_int_equal(unlink(path), 0);
  for (const char *const *name = (const char *const[]){"/a/b", "/a", "", NULL}; *name; name++) {
    snprintf(path, sizeof path, "%s%s", top, *name);
    assert_int_equal(rmdir(path), 0);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_variable_and_its_default),
      cmocka_unit_test(folders_are_made_for_the_user_alone),
  };
  return cmocka_run_group_tests_name("xdg", tests, NULL, NULL);
}
