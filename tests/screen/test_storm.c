/* A storm: thousands of keys and sizes that nobody would choose, the same ones in every run.
 *
 * The program may leave when it is told to (the palette reaches every command), but it never fails,
 * and it always leaves the terminal as it was. QSCOPE_STORM is how many keys; without it nothing is
 * done: knobs at random come upon searches (a histogram's for each of 512 groups, under every
 * calibrator) that take longer than a test may wait. test_explorer has a short storm of tame keys.
 */
#include "tests/screen/fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCH = 24 };

static uint64_t seed = 20261121;

/* Marsaglia's xorshift with 64 bits. */
static unsigned below(unsigned limit)
{
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (unsigned)(seed >> 33) % limit;
}

/* One key: letters mostly, sometimes one with a name, in each form that terminals send. Not q, nor
 * what stops the process; figures are rare, for each writes a file. */
static const char *any_key(char *letter)
{
  static const char *const named[] = {
      "\r",      "\t",     "\177",     "\014",   "\033[A", "\033[B",  "\033[C",
      "\033[D",  "\033OA", "\033OB",   "\033OC", "\033OD", "\033[5~", "\033[6~",
      "\033[3~", "\033[H", "\033[F",   "\033OH", "\033OF", "\033[1~", "\033[4~",
      "\033[Z",  "\033OP", "\033[15~", "\020",   "\031"};
  if (below(4) == 0)
    return named[below(sizeof named / sizeof *named)];
  do
    *letter = (char)(' ' + 1 + below(94));
  while (*letter == 'q' || *letter == 'Q' || (*letter == 'e' && below(20) > 0) ||
         (*letter == 'E' && below(20) > 0));
  return letter;
}

/* What it writes for itself goes here, too. */
static char folders[3][600];

static void stay_here(void)
{
  static const char *const names[] = {"HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"};
  char here[512];
  assert_non_null(getcwd(here, sizeof here));
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    snprintf(folders[i], sizeof folders[i], "%s=%s/own", names[i], here);
}

/* On small tensors: calibrators that search would take minutes on those of the gallery. */
static struct harness *open_somewhere(void)
{
  static const char *const model[] = {"model.safetensors", NULL};
  struct harness_options options = {
      .rows = 1 + (int)below(50),
      .columns = 1 + (int)below(160),
      .environment = {folders[0], folders[1], folders[2]},
  };
  struct harness *harness = fixture_start(model, &options);
  assert_true(harness_wait_settled(harness));
  return harness;
}

static void assert_left_well(struct harness *harness)
{
  int status = harness_wait_end(harness);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    size_t length;
    const char *output = harness_output(harness, &length);
    size_t last = length < 4000 ? length : 4000;
    print_message("# status %#x; the last bytes:\n%.*s\n", (unsigned)status, (int)last,
                  output + length - last);
  }
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
  assert_true(harness_settings_restored(harness));
  harness_end(harness);
}

/* Sends some keys; returns how many. Escapes end them: they close what is open, and stop what takes
 * long. */
static unsigned some_keys(struct harness *harness, bool *alive)
{
  enum { ESCAPES = 3 };
  char bytes[BATCH * 8 + ESCAPES] = "", letter[2] = "";
  unsigned keys = 1 + below(BATCH - 1);
  for (unsigned i = 0; i < keys; i++)
    strcat(bytes, any_key(letter));
  strcat(bytes, "\033\033\033");
  keys += ESCAPES;
  if (below(8) == 0)
    harness_resize(harness, 1 + (int)below(60), 1 + (int)below(200));
  *alive = harness_press(harness, bytes, keys);
  return keys;
}

static void nothing_breaks(void **state)
{
  const char *wanted = getenv("QSCOPE_STORM");
  (void)state;
  if (!wanted)
    skip();
  unsigned long most = strtoul(wanted, NULL, 10);
  stay_here();
  struct harness *harness = open_somewhere();
  for (unsigned long sent = 0; sent < most;) {
    bool alive;
    sent += some_keys(harness, &alive);
    if (!alive) {
      assert_left_well(harness);
      harness = open_somewhere();
    }
  }
  harness_bytes(harness, "\033");
  assert_int_equal(kill(harness_child(harness), SIGTERM), 0);
  assert_true(WIFSIGNALED(harness_wait_end(harness)));
  assert_true(harness_settings_restored(harness));
  harness_end(harness);
  if (access("own", F_OK) == 0)
    assert_int_equal(system("rm -r own"), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_breaks)};
  return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
