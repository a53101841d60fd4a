/* The meter on a terminal: what it says, and that no name of a file writes to the terminal. */
#include "tui/cli/meter.h"

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 20000 };

/* Puts a pseudo-terminal in the place of standard error; what is written there comes out here. */
static int other_end(void)
{
  int master, slave;
  if (openpty(&master, &slave, NULL, NULL, NULL) != 0)
    skip();
  assert_int_equal(dup2(slave, STDERR_FILENO), STDERR_FILENO);
  close(slave);
  return master;
}

/* Reads until WORD has come, or patience ends; TEXT then holds everything. */
static bool comes(int file, const char *word, char *text, size_t size)
{
  size_t length = 0;
  text[0] = '\0';
  while (!strstr(text, word) && length + 1 < size) {
    struct pollfd wait = {.fd = file, .events = POLLIN};
    if (poll(&wait, 1, PATIENCE_MS) != 1)
      return false;
    ssize_t got = read(file, text + length, size - 1 - length);
    if (got <= 0)
      return false;
    length += (size_t)got;
    text[length] = '\0';
  }
  return true;
}

static void names_stay_words(void **state)
{
  char text[4096];
  (void)state;
  int file = other_end();
  meter_start(2);
  struct progress *progress = meter_task("a\033]0;evil\a\nb", 2);
  progress->total = 4;
  progress->done = 1;
  assert_true(comes(file, "25 %", text, sizeof text));
  meter_stop();
  assert_non_null(strstr(text, "qscope: a"));
  for (const char *c = text; *c; c++)
    assert_true(*c == '\r' || (unsigned char)*c >= ' ');
  close(file);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(names_stay_words)};
  return cmocka_run_group_tests_name("meter", tests, NULL, NULL);
}
