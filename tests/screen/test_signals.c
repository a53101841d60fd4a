/* What the handlers of signals leave behind: the terminal, a line in a file, a line on standard
 * error; also when the stack has overflowed. */
#include "tui/screen/signals.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Reads what came out of a pipe, to its end. */
static char *drain(int file, char *text, size_t size)
{
  size_t length = 0;
  for (ssize_t got; (got = read(file, text + length, size - 1 - length)) > 0;)
    length += (size_t)got;
  text[length] = '\0';
  close(file);
  return text;
}

/* Goes down until there is no stack left; what it returns depends on every frame. */
__attribute__((noinline, no_sanitize_address)) static int overflow(volatile char *above, int depth)
{
  volatile char here[4096];
  here[0] = (char)depth;
  here[sizeof here - 1] = above ? above[0] : 0;
  return depth < 0 ? here[0] : overflow(here, depth + 1) + here[sizeof here - 1];
}

static void die_of(int number)
{
  const struct rlimit limit = {1 << 20, 1 << 20}, none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  if (number != SIGSEGV)
    raise(number);
  setrlimit(RLIMIT_STACK, &limit);
  overflow(NULL, 0);
}

/* In a child: what it wrote into TEXT of each of the three; its wait status. */
static int killed_by(int number, char text[3][2048])
{
  int pipes[3][2], status;
  for (int i = 0; i < 3; i++)
    assert_int_equal(pipe(pipes[i]), 0);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    const struct signal_rescue rescue = {
        .terminal = pipes[0][1], .length = 7, .restore = "RESTORE"};
    dup2(pipes[2][1], STDERR_FILENO);
    if (!signals_install())
      _exit(9);
    signals_arm(&rescue);
    signals_leave(pipes[1][1], "; go on so");
    die_of(number);
    _exit(8);
  }
  for (int i = 0; i < 3; i++) {
    close(pipes[i][1]);
    drain(pipes[i][0], text[i], sizeof text[i]);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  return status;
}

static void every_signal_leaves_the_same(void **state)
{
  (void)state;
  static const struct {
    int number;
    const char *name;
  } rows[] = {{SIGTERM, "SIGTERM"}, {SIGHUP, "SIGHUP"},      {SIGINT, "SIGINT"},
              {SIGQUIT, "SIGQUIT"}, {SIGABRT, "SIGABRT"},    {SIGSEGV, "SIGSEGV"},
              {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"},      {SIGILL, "SIGILL"},
              {SIGSYS, "SIGSYS"},   {SIGTRAP, "SIGTRAP"},    {SIGXCPU, "SIGXCPU"},
              {SIGXFSZ, "SIGXFSZ"}, {SIGALRM, "SIGALRM"},    {SIGUSR1, "SIGUSR1"},
              {SIGUSR2, "SIGUSR2"}, {SIGVTALRM, "SIGVTALRM"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char text[3][2048], file[64], words[64];
    int status = killed_by(rows[i].number, text);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), rows[i].number);
    snprintf(file, sizeof file, "#= ended by %s\n", rows[i].name);
    snprintf(words, sizeof words, "qscope: ended by %s; go on so\n", rows[i].name);
    assert_string_equal(text[0], "RESTORE");
    assert_string_equal(text[1], file);
    assert_string_equal(text[2], words);
  }
}

/* Advice that is too long is cut, and nothing else. */
static void long_advice(void **state)
{
  (void)state;
  int pipes[2], status;
  char advice[5000], text[8192];
  memset(advice, 'x', sizeof advice - 1);
  advice[sizeof advice - 1] = '\0';
  assert_int_equal(pipe(pipes), 0);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    const struct signal_rescue rescue = {.terminal = -1};
    dup2(pipes[1], STDERR_FILENO);
    signals_install();
    signals_arm(&rescue);
    signals_leave(-1, advice);
    raise(SIGTERM);
    _exit(8);
  }
  close(pipes[1]);
  drain(pipes[0], text, sizeof text);
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFSIGNALED(status));
  assert_true(strlen(text) > 1000 && strlen(text) < 1200);
  assert_int_equal(strncmp(text, "qscope: ended by SIGTERMxxx", 27), 0);
  assert_string_equal(text + strlen(text) - 4, "xxx\n");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_signal_leaves_the_same),
      cmocka_unit_test(long_advice),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
