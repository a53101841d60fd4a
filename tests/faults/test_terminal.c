/* The explorer while calls fail: whichever it is, the terminal is as it was found afterwards: main
 * screen, cursor, settings. It goes on with a message, or ends with status 3 or 4 and one; it never
 * crashes and never hangs. About MEMORY_TRIES of the allocations, a dozen of the other calls of
 * each kind; all of them with QSCOPE_FAULTS_ALL in the environment. */
#include "tests/faults/inject.h"
#include "tests/screen/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { MEMORY_TRIES = 60, PATH = 600 };

static char program[PATH];

static struct harness *start(const char *fault)
{
  const char *arguments[] = {program, "model.safetensors", "-t", "conv", NULL};
  struct harness *harness = harness_start(&(struct harness_options){
      .arguments = arguments,
      .environment = {fault, "QSCOPE_FAULT_COUNT=count.txt", "QSCOPE_THREADS=2"}});
  assert_non_null(harness);
  harness_quiet(harness, true);
  return harness;
}

/* Opens, looks at some views, turns a knob, opens the browser, quits. */
static int look_around(struct harness *harness)
{
  static const char *const keys[] = {"2", "3", "b", "b", "\033", "1"};
  bool runs = harness_wait_settled(harness);
  for (size_t i = 0; runs && i < sizeof keys / sizeof *keys; i++)
    runs = harness_press(harness, keys[i], 1);
  harness_bytes(harness, "q"); /* also where nothing can be shown */
  return harness_wait_end(harness);
}

static size_t count_calls(enum fault_kind kind)
{
  char fault[64];
  size_t calls = 0;
  snprintf(fault, sizeof fault, "QSCOPE_FAULT=%s:0", fault_names[kind]);
  struct harness *harness = start(fault);
  int status = look_around(harness);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  harness_end(harness);
  FILE *file = fopen("count.txt", "r");
  assert_non_null(file);
  assert_int_equal(fscanf(file, "%zu", &calls), 1);
  fclose(file);
  return calls;
}

static void check_fault(enum fault_kind kind, size_t n, bool later)
{
  char fault[64];
  snprintf(fault, sizeof fault, "QSCOPE_FAULT=%s:%zu%s", fault_names[kind], n, later ? "+" : "");
  struct harness *harness = start(fault);
  int status = look_around(harness);
  if (!WIFEXITED(status))
    fail_msg("%s: wait status %x\n%s", fault, (unsigned)status, harness_screen(harness));
  int code = WEXITSTATUS(status);
  if (getenv("QSCOPE_FAULTS_COUNT"))
    print_message("# %s: %d %.200s\n", fault, code, code ? harness_screen(harness) : "");
  if (code != 0 && code != 3 && code != 4)
    fail_msg("%s: exit status %d\n%s", fault, code, harness_screen(harness));
  if (code != 0 && !harness_shows(harness, "qscope: "))
    fail_msg("%s: exit status %d without a word\n%s", fault, code, harness_screen(harness));
  if (harness_alternate(harness) || !harness_cursor_visible(harness) ||
      !harness_settings_restored(harness))
    fail_msg("%s: the terminal is not restored", fault);
  harness_end(harness);
}

static void check_kind(enum fault_kind kind, size_t tries)
{
  size_t calls = count_calls(kind), step = calls / tries + 1;
  if (getenv("QSCOPE_FAULTS_ALL"))
    step = 1;
  print_message("# %s: %zu calls\n", fault_names[kind], calls);
  for (size_t n = 1; n <= calls; n += step)
    check_fault(kind, n, n / step % 3 == 2); /* every third: and all behind it */
}

static void test_memory(void **state)
{
  (void)state;
  check_kind(FAULT_MEMORY, MEMORY_TRIES);
}

static void test_others(void **state)
{
  (void)state;
  for (enum fault_kind kind = FAULT_READ; kind < FAULT_KINDS; kind++)
    check_kind(kind, 12);
}

static int enter(void **state)
{
  const char *build = getenv("QSCOPE_BUILDDIR");
  snprintf(program, sizeof program, "%s/tests/faults/faulty", build ? build : ".");
  return fixture_enter(state);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_memory),
      cmocka_unit_test(test_others),
  };
  return cmocka_run_group_tests_name("terminal", tests, enter, fixture_leave);
}
