/* What the screen shows while a source is read, and what keys do then. The source is a pipe that
 * the test fills when it likes, so that reading lasts as long as it needs to. */
#include "tests/screen/fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LONG = 100000 };

static const char pipe_path[] = "pipe";
static const char wait_words[] = "reading";

/* The explorer on the pipe, whose other end comes into *end; its first screen is there. */
static struct harness *open_pipe(int *end, const struct harness_options *options)
{
  static char line[4200];
  const char *arguments[] = {"/bin/sh", "-c", line, NULL};
  struct harness_options with = *options;
  unlink(pipe_path);
  assert_int_equal(mkfifo(pipe_path, 0600), 0);
  *end = open(pipe_path, O_RDWR | O_CLOEXEC); /* so that nobody waits for the other side */
  assert_true(*end >= 0);
  snprintf(line, sizeof line, "exec '%s' - < %s", fixture_program(), pipe_path);
  with.arguments = arguments;
  struct harness *harness = harness_start(&with);
  assert_true(harness_wait_text(harness, wait_words));
  return harness;
}

static struct harness *open_usual(int *end)
{
  return open_pipe(end, &(struct harness_options){.rows = 24});
}

static void put(int end, const char *text)
{
  assert_int_equal(write(end, text, strlen(text)), strlen(text));
}

/* It ends at once, with STATUS, and leaves the terminal as it was. */
static void expect_end(struct harness *harness, int end, int expected)
{
  int status = harness_wait_end(harness);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), expected);
  assert_false(harness_alternate(harness));
  assert_true(harness_cursor_visible(harness));
  assert_true(harness_settings_restored(harness));
  harness_end(harness);
  close(end);
}

/* A whole frame: what is read, and how to leave. */
static void first_screen(void **state)
{
  (void)state;
  int end;
  struct harness *harness = open_usual(&end);
  assert_true(harness_wait_text(harness, "Esc q leaves")); /* the frame may come in parts */
  assert_non_null(strstr(harness_row(harness, 0), "standard input"));
  assert_non_null(strstr(harness_row(harness, 23), "Esc q leaves"));
  assert_true(harness_alternate(harness));
  harness_bytes(harness, "q");
  expect_end(harness, end, 0);
}

static void escape_leaves(void **state)
{
  (void)state;
  int end;
  struct harness *harness = open_usual(&end);
  harness_bytes(harness, "3f\033");
  expect_end(harness, end, 0);
}

/* The bytes so far, where nobody knows how many there will be. */
static void tells_bytes(void **state)
{
  (void)state;
  int end;
  static char text[LONG + 1];
  struct harness *harness = open_usual(&end);
  memset(text, '7', LONG);
  for (size_t at = 0; at < LONG; at += 4096) {
    char part[4097];
    snprintf(part, sizeof part, "%.4096s", text + at);
    put(end, part);
  }
  assert_true(harness_wait_text(harness, "100 kB"));
  harness_bytes(harness, "q");
  expect_end(harness, end, 0);
}

/* Keys that came too early are done when the numbers are there, in their order. */
static void keeps_keys(void **state)
{
  (void)state;
  int end;
  struct harness *harness = open_pipe(&end, &(struct harness_options){.columns = 120});
  harness_send(harness, "3Bg", 3);
  put(end, "1,2,3\n4,5,6\n7,8,10\n");
  close(end);
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "Largest magnitude");
  assert_shows(harness, "int7,sym,channel");
  fixture_quit(harness);
}

/* Told on the terminal that was there before, with the status that it has everywhere. */
static void tells_errors(void **state)
{
  (void)state;
  int end;
  size_t length;
  struct harness *harness = open_usual(&end);
  put(end, "no table\n");
  close(end);
  int status = harness_wait_end(harness);
  assert_int_equal(WEXITSTATUS(status), 3);
  assert_false(harness_alternate(harness));
  const char *output = harness_output(harness, &length);
  assert_non_null(strstr(output, "qscope: standard input: "));
  harness_end(harness);
}

static void takes_sizes(void **state)
{
  (void)state;
  int end;
  struct harness *harness = open_usual(&end);
  harness_resize(harness, 5, 20);
  assert_true(harness_wait_no_text(harness, "Esc q leaves"));
  assert_true(harness_wait_text(harness, wait_words));
  harness_resize(harness, 30, 100);
  assert_true(harness_wait_text(harness, "Esc q leaves"));
  assert_non_null(strstr(harness_row(harness, 29), "Esc q leaves"));
  put(end, "1,2,3\n4,5,6\n7,8,10\n");
  close(end);
  assert_true(harness_wait_text(harness, "SQNR"));
  fixture_quit(harness);
}

static void signals_restore(void **state)
{
  (void)state;
  int end;
  struct harness *harness = open_usual(&end);
  kill(harness_child(harness), SIGTERM);
  int status = harness_wait_end(harness);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  assert_false(harness_alternate(harness));
  assert_true(harness_settings_restored(harness));
  harness_end(harness);
  close(end);
}

/* Whose window goes does not wait. */
static void hang_up(void **state)
{
  (void)state;
  int end;
  struct harness *harness = open_usual(&end);
  harness_hang_up(harness);
  assert_int_not_equal(harness_wait_end(harness), -1);
  harness_end(harness);
  close(end);
}

int main(void)
{
  cmocka_set_message_output(CM_OUTPUT_TAP);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(first_screen),    cmocka_unit_test(escape_leaves),
      cmocka_unit_test(tells_bytes),     cmocka_unit_test(keeps_keys),
      cmocka_unit_test(tells_errors),    cmocka_unit_test(takes_sizes),
      cmocka_unit_test(signals_restore), cmocka_unit_test(hang_up),
  };
  return cmocka_run_group_tests_name("the screen while a source is read", tests, fixture_enter,
                                     fixture_leave);
}
