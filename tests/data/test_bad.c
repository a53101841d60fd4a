/* Files that cannot be opened, one per defect: the list, with a part of the message that each
 * must get, is tests/data/bad/README. */
#include "tests/data/files.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CASES = 400, LINE = 256 };

static struct {
  char file[LINE], fragment[LINE];
  bool seen;
} cases[CASES];
static size_t count;

/* "name  fragment" per line, after the line "----". */
static int read_list(void **state)
{
  (void)state;
  char line[LINE];
  bool listed = false;
  FILE *readme = fopen(files_data("bad", "README"), "r");
  if (!readme)
    return -1;
  while (fgets(line, sizeof line, readme)) {
    char *gap = strstr(line, "  ");
    line[strcspn(line, "\n")] = '\0';
    if (listed && gap && count < CASES) {
      strcpy(cases[count].fragment, gap + strspn(gap, " "));
      *gap = '\0';
      strcpy(cases[count++].file, line);
    }
    listed |= strcmp(line, "----") == 0;
  }
  fclose(readme);
  return 0;
}

static void test_each_gets_its_message(void **state)
{
  (void)state;
  assert_true(count > 130);
  for (size_t i = 0; i < count; i++) {
    const char *path = files_data("bad", cases[i].file);
    files_refused(path, STATUS_INPUT, cases[i].fragment);
    files_refused(path, STATUS_INPUT, path); /* names the file, too */
  }
}

static void mark_seen(const char *file)
{
  for (size_t i = 0; i < count; i++)
    if (strcmp(cases[i].file, file) == 0) {
      cases[i].seen = true;
      return;
    }
  fail_msg("%s is not listed in bad/README", file);
}

static void test_all_are_listed(void **state)
{
  (void)state;
  DIR *folder = opendir(files_data("bad", ""));
  assert_non_null(folder);
  for (struct dirent *item; (item = readdir(folder));)
    if (item->d_name[0] != '.' && strcmp(item->d_name, "README") != 0)
      mark_seen(item->d_name);
  closedir(folder);
  for (size_t i = 0; i < count; i++)
    if (!cases[i].seen)
      fail_msg("bad/%s is listed but does not exist", cases[i].file);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_each_gets_its_message),
      cmocka_unit_test(test_all_are_listed),
  };
  return cmocka_run_group_tests(tests, read_list, NULL);
}
