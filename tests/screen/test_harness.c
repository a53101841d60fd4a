/* The harness itself: each of its comparators is shown to fail when it should. */
#include "tests/screen/harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

static struct harness *start(const char *script)
{
  const char *arguments[] = {"/bin/sh", "-c", script, NULL};
  return harness_start(&(struct harness_options){.arguments = arguments});
}

static void text_is_seen_and_missed(void **state)
{
  (void)state;
  struct harness *harness = start("printf 'hello \\303\\227'; read answer; echo got $answer");
  assert_true(harness_wait_text(harness, "hello \xc3\x97"));
  harness_quiet(harness, true);
  assert_false(harness_wait_text(harness, "goodbye"));
  assert_false(harness_wait_no_text(harness, "hello"));
  harness_quiet(harness, false);
  harness_bytes(harness, "x\n");
  assert_true(harness_wait_text(harness, "got x"));
  int row, column;
  assert_true(harness_find(harness, "\xc3\x97", &row, &column));
  assert_int_equal(row, 0);
  assert_int_equal(column, 6);
  assert_false(harness_find(harness, "nowhere", &row, &column));
  harness_end(harness);
}

static void the_end_is_seen(void **state)
{
  (void)state;
  struct harness *harness = start("exit 4");
  assert_int_equal(WEXITSTATUS(harness_wait_end(harness)), 4);
  harness_quiet(harness, true);
  assert_false(harness_wait_text(harness, "anything"));
  harness_end(harness);
}

static void a_program_that_stays_has_not_ended(void **state)
{
  (void)state;
  struct harness *harness = start("read forever");
  harness_quiet(harness, true);
  assert_int_equal(harness_wait_end(harness), -1);
  harness_end(harness);
}

static void settling_counts_keys(void **state)
{
  (void)state;
  struct harness *harness = start("printf '\\033]5379;idle;0\\a'; read a; "
                                  "printf '\\033]5379;idle;1\\a'; read b");
  assert_true(harness_wait_settled(harness));
  harness_quiet(harness, true);
  assert_false(harness_press(harness, "x", 1)); /* not handled before Enter: "x\n" is two keys */
  harness_quiet(harness, false);
  assert_true(harness_press(harness, "\n", 0));
  harness_quiet(harness, true);
  assert_false(harness_press(harness, "y\n", 2));
  harness_end(harness);
}

static void attributes_are_read(void **state)
{
  (void)state;
  struct harness *harness = start("printf 'a\\033[1;7;31mb\\033[0m\\033[?1049h\\033[?25l'; read x");
  assert_true(harness_wait_bytes(harness, "\033[?25l"));
  assert_true(harness_alternate(harness));
  assert_false(harness_cursor_visible(harness));
  harness_bytes(harness, "\n");
  harness_end(harness);
  harness = start("printf 'a\\033[1;7;31mb\\033[0m.'; read x");
  assert_true(harness_wait_text(harness, "ab."));
  struct harness_cell a = harness_cell(harness, 0, 0), b = harness_cell(harness, 0, 1);
  assert_true(a.plain_ink && !a.bold && !a.reverse);
  assert_true(!b.plain_ink && b.bold && b.reverse);
  assert_false(harness_alternate(harness));
  harness_end(harness);
}

static void size_reaches_the_program(void **state)
{
  (void)state;
  struct harness *harness = start("stty size; read x; stty size; read x");
  assert_true(harness_wait_text(harness, "24 80"));
  harness_resize(harness, 30, 100);
  harness_bytes(harness, "\n");
  assert_true(harness_wait_text(harness, "30 100"));
  harness_end(harness);
}

static void settling_waits_for_the_size(void **state)
{
  (void)state;
  struct harness *harness = start("printf '\\033]5379;idle;0;24x80\\a'; read a; "
                                  "printf '\\033]5379;idle;0;30x100\\a'; read b");
  assert_true(harness_wait_settled(harness));
  harness_resize(harness, 30, 100);
  harness_quiet(harness, true);
  assert_false(harness_wait_settled(harness));
  harness_quiet(harness, false);
  harness_bytes(harness, "\n");
  assert_true(harness_wait_settled(harness));
  harness_end(harness);
}

static void changed_settings_are_noticed(void **state)
{
  (void)state;
  struct harness *harness = start("echo a; read x; stty -echo; echo b; read x");
  assert_true(harness_wait_text(harness, "a"));
  assert_true(harness_settings_restored(harness));
  harness_bytes(harness, "\n");
  assert_true(harness_wait_text(harness, "b"));
  assert_false(harness_settings_restored(harness));
  harness_end(harness);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_is_seen_and_missed),
      cmocka_unit_test(the_end_is_seen),
      cmocka_unit_test(a_program_that_stays_has_not_ended),
      cmocka_unit_test(settling_counts_keys),
      cmocka_unit_test(attributes_are_read),
      cmocka_unit_test(size_reaches_the_program),
      cmocka_unit_test(settling_waits_for_the_size),
      cmocka_unit_test(changed_settings_are_noticed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
