/* Mapped files: what cannot be mapped, and files that shrink under the map. */
#include "config.h"

#include "tests/data/files.h"

#include "data/map.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void refused(const char *path, const char *fragment)
{
  struct map *map = NULL;
  struct error error = {0};
  assert_int_equal(map_open(path, &map, &error), STATUS_INPUT);
  if (!strstr(error.text, fragment))
    fail_msg("expected \"%s\" in \"%s\"", fragment, error.text);
  assert_memory_equal(error.text, path, strlen(path));
}

static struct map *opened(const char *path)
{
  struct map *map = NULL;
  struct error error = {0};
  if (map_open(path, &map, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  return map;
}

static void test_bytes(void **state)
{
  (void)state;
  struct map *map = opened(files_write("bytes", "hello", 5));
  assert_int_equal(map->size, 5);
  assert_memory_equal(map->bytes, "hello", 5);
  assert_true(fcntl(map->file, F_GETFD) & FD_CLOEXEC);
  assert_int_equal(map_verify(map, NULL), STATUS_OK);
  map_close(map);
}

static void test_empty_file(void **state)
{
  (void)state;
  struct map *map = opened(files_write("empty", "", 0));
  assert_int_equal(map->size, 0);
  assert_non_null(map->bytes);
  assert_int_equal(map_verify(map, NULL), STATUS_OK);
  map_close(map);
}

static void test_what_is_no_regular_file(void **state)
{
  (void)state;
  char pipe_path[300];
  snprintf(pipe_path, sizeof pipe_path, "%s/pipe", files_folder());
  assert_int_equal(mkfifo(pipe_path, 0600), 0);
  refused(pipe_path, "expected a regular file, found a pipe (pipe it to the source");
  refused(files_folder(), "found a directory");
  refused("/dev/null", "found a character device");
  refused("/nonexistent/file", "cannot open: No such file or directory");
}

static void test_permission(void **state)
{
  (void)state;
  const char *path = files_write("secret", "x", 1);
  if (geteuid() == 0)
    skip(); /* root may read everything */
  chmod(path, 0);
  refused(path, "cannot open: Permission denied");
}

enum { LARGE = 1 << 20 };

/* A file of LARGE ones, mapped, then cut to SIZE bytes. */
static struct map *cut_while_mapped(size_t size)
{
  static unsigned char ones[LARGE];
  memset(ones, 1, sizeof ones);
  const char *path = files_write("cut", ones, sizeof ones);
  struct map *map = opened(path);
  assert_int_equal(map->bytes[LARGE - 1], 1);
  assert_int_equal(truncate(path, (off_t)size), 0);
  return map;
}

static size_t sum(const struct map *map)
{
  size_t total = 0;
  for (size_t i = 0; i < map->size; i++)
    total += map->bytes[i];
  return total;
}

static void expect_shrunk(const struct map *map, const char *found)
{
  struct error error = {0};
  assert_int_equal(map_verify(map, &error), STATUS_INPUT);
  assert_non_null(strstr(error.text, "file shrank while it was open: expected 1048576 bytes"));
  assert_non_null(strstr(error.text, found));
}

static void test_shrinks_before_it_is_read(void **state)
{
  (void)state;
  struct map *map = cut_while_mapped(65536);
  assert_int_equal(sum(map), 65536); /* zeros in place of what is gone */
  expect_shrunk(map, "found 65536");
  map_close(map);
}

static void test_shrinks_to_nothing(void **state)
{
  (void)state;
  struct map *map = cut_while_mapped(0);
  assert_int_equal(map->bytes[LARGE / 2], 0); /* the fault in the middle, then one before it */
  assert_int_equal(sum(map), 0);
  expect_shrunk(map, "found 0");
  map_close(map);
}

/* Cut inside the last page, nothing faults: only the size tells. */
static void test_shrinks_by_a_byte(void **state)
{
  (void)state;
  struct map *map = cut_while_mapped(LARGE - 1);
  assert_int_equal(sum(map), LARGE - 1);
  expect_shrunk(map, "found 1048575");
  map_close(map);
}

static void test_others_are_untouched(void **state)
{
  (void)state;
  struct map *whole = opened(files_write("whole", "whole", 5));
  struct map *map = cut_while_mapped(0);
  assert_int_equal(sum(map), 0);
  assert_int_equal(map_verify(whole, NULL), STATUS_OK);
  assert_memory_equal(whole->bytes, "whole", 5);
  map_close(map);
  struct map *again = opened(files_write("whole", "whole", 5)); /* reuses the other's place */
  assert_int_equal(map_verify(again, NULL), STATUS_OK);
  map_close(again);
  map_close(whole);
}

/* --- a SIGBUS that is not ours: in a child process, whose end is looked at --------------- */

static void exit_seven(int signal)
{
  (void)signal;
  _exit(7);
}

static int child_status(void (*handler)(int), void (*die)(void))
{
  const char *path = files_write("child", "child", 5);
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    struct map *map;
    signal(SIGBUS, handler);
    if (map_open(path, &map, NULL) == STATUS_OK)
      die();
    _exit(1);
  }
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  return status;
}

static void die_by_kill(void)
{
  raise(SIGBUS);
}

/* A fault in a map that is not in the list. */
static void die_by_fault(void)
{
  int file = open(files_folder(), O_RDWR | O_TMPFILE, 0600);
  if (file < 0 || ftruncate(file, 1 << 16) != 0)
    _exit(2);
  volatile unsigned char *bytes = mmap(NULL, 1 << 16, PROT_READ, MAP_SHARED, file, 0);
  if (bytes == MAP_FAILED || ftruncate(file, 0) != 0)
    _exit(3);
  _exit(bytes[100] ? 4 : 5);
}

static void test_other_bus_errors_go_on(void **state)
{
  (void)state;
  void (*const ways[])(void) = {die_by_kill, die_by_fault};
  for (size_t i = 0; i < 2; i++) {
    int status = child_status(SIG_DFL, ways[i]);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGBUS);
    status = child_status(exit_seven, ways[i]);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
  }
}

/* A handler that the program installs after map_open: map_guard goes in front of it again, and
 * what is no map's fault ends there, even when that handler puts back what it found. */
static struct sigaction found_handler;
static char guarded[300];

static void put_back(int signal)
{
  sigaction(signal, &found_handler, NULL);
  raise(signal);
}

static void install_put_back(void)
{
  struct sigaction action = {.sa_handler = put_back};
  sigaction(SIGBUS, &action, &found_handler);
  map_guard();
  struct map *map;
  if (map_open(guarded, &map, NULL) != STATUS_OK || truncate(guarded, 0) != 0)
    _exit(2);
  if (map->bytes[0] != 0)
    _exit(3);
  raise(SIGBUS);
}

static void test_guard(void **state)
{
  (void)state;
  snprintf(guarded, sizeof guarded, "%s", files_write("guarded", "x", 1));
  int status = child_status(SIG_DFL, install_put_back);
  assert_true(WIFSIGNALED(status));
  assert_int_equal(WTERMSIG(status), SIGBUS);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bytes),
      cmocka_unit_test(test_empty_file),
      cmocka_unit_test(test_what_is_no_regular_file),
      cmocka_unit_test(test_permission),
      cmocka_unit_test(test_shrinks_before_it_is_read),
      cmocka_unit_test(test_shrinks_to_nothing),
      cmocka_unit_test(test_shrinks_by_a_byte),
      cmocka_unit_test(test_others_are_untouched),
      cmocka_unit_test(test_other_bus_errors_go_on),
      cmocka_unit_test(test_guard),
  };
  return cmocka_run_group_tests(tests, NULL, files_remove);
}
