/* The block inspector as people meet it: its numbers, its keys, its sizes. */
#include "config.h"

#include "tests/screen/fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The text behind "KEY": on its first line in what the program prints as JSON; the caller frees. */
static char *inspected(const char *arguments, const char *key)
{
  char command[1024], line[1024], quoted[64], *value = NULL;
  snprintf(command, sizeof command, "'%s' inspect model.safetensors %s --json", fixture_program(),
           arguments);
  snprintf(quoted, sizeof quoted, "\"%s\": ", key);
  FILE *pipe = popen(command, "r");
  assert_non_null(pipe);
  while (fgets(line, sizeof line, pipe)) {
    char *found = strstr(line, quoted);
    if (!found || value)
      continue;
    found += strlen(quoted) + (found[strlen(quoted)] == '"');
    found[strcspn(found, "\",\n")] = 0;
    value = strdup(found);
  }
  assert_int_equal(pclose(pipe), 0);
  assert_non_null(value);
  return value;
}

static void assert_block(struct harness *harness, long number)
{
  char text[64];
  snprintf(text, sizeof text, " block %ld of 0..15 ", number);
  assert_shows(harness, text);
}

static void the_inspector_walks(void **state)
{
  (void)state;
  static const char up[] = "\033OA", down[] = "\033OB", right[] = "\033OC", left[] = "\033OD";
  struct harness *harness = fixture_open();
  char *text = inspected("-t conv", "worst");
  long worst = strtol(text, NULL, 10);
  free(text);
  type(harness, "7");
  assert_block(harness, worst);
  assert_shows(harness, "the worst");
  assert_shows(harness, "--view inspector");
  assert_shows_not(harness, "--block");
  for (int i = 0; i < 20; i++)
    assert_true(harness_press(harness, up, 1));
  assert_block(harness, 0);
  assert_shows(harness, "--block 0");
  text = inspected("-t conv --block 0", "formula");
  assert_shows(harness, text); /* of the first element */
  assert_true(harness_press(harness, right, 1));
  assert_shows_not(harness, text);
  assert_true(harness_press(harness, left, 1));
  assert_shows(harness, text);
  free(text);
  assert_true(harness_press(harness, left, 1)); /* nothing before the first */
  assert_block(harness, 0);
  for (int i = 0; i < 32; i++)
    assert_true(harness_press(harness, right, 1));
  assert_block(harness, 1); /* over the end of a block into the next */
  text = inspected("-t conv --block 1", "formula");
  assert_shows(harness, text);
  free(text);
  assert_true(harness_press(harness, "\033[6~", 1));
  assert_block(harness, 11);
  assert_true(harness_press(harness, down, 1));
  assert_block(harness, 12);
  assert_true(harness_press(harness, "\033[5~", 1));
  assert_block(harness, 2);
  type(harness, "w");
  assert_block(harness, worst);
  assert_shows(harness, "the worst");
  assert_shows(harness, "int8,sym,tensor,minmax"); /* w is no knob here ... */
  type(harness, "1w");
  assert_shows(harness, "group="); /* ... but elsewhere */
  type(harness, ":worst-block\r"); /* and from anywhere by name */
  assert_shows(harness, "the worst");
  fixture_quit(harness);
}

static void the_inspector_follows_the_knobs(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  type(harness, "7");
  assert_shows(harness, "of 0..15 ");
  type(harness, ":int4,asym,group=8\r");
  assert_shows(harness, "of 0..63 ");
  assert_shows(harness, "zero point");
  char *text = inspected("-t conv -q int4,asym,group=8", "formula");
  assert_shows(harness, text);
  free(text);
  type(harness, ":e4m3\r");
  text = inspected("-t conv -q e4m3", "encoding");
  assert_shows(harness, text);
  free(text);
  /* A block that was chosen stays that of the same element: [2,9], the third of its block of 7. */
  type(harness, "u");
  for (int i = 0; i < 64; i++)
    assert_true(harness_press(harness, "\033OA", 1));
  for (int i = 0; i < 9; i++)
    assert_true(harness_press(harness, "\033OB", 1));
  assert_true(harness_press(harness, "\033OC", 1));
  assert_shows(harness, "block 9 of 0..63");
  type(harness, ":int4,asym,group=7\r");
  text = inspected("-t conv -q int4,asym,group=7 --element 2,9", "block");
  assert_string_equal(text, "11");
  assert_shows(harness, "block 11 of 0..79");
  free(text);
  assert_true(harness_press(harness, "\033OD", 1));
  assert_true(harness_press(harness, "\033OD", 1));
  text = inspected("-t conv -q int4,asym,group=7 --block 11", "formula");
  assert_shows(harness, text);
  free(text);
  type(harness, "uu"); /* and back: the two elements, and the knob */
  assert_shows(harness, "block 9 of 0..63");
  type(harness, ":e4m3\r");
  type(harness, "uuuu"); /* undo takes the knobs back, too; the walk is one step, the element one */
  assert_shows(harness, "int8,sym,tensor,minmax --view inspector");
  fixture_quit(harness);
}

static void the_inspector_has_every_size(void **state)
{
  (void)state;
  static const struct {
    int rows, columns;
  } sizes[] = {{24, 80}, {40, 120}, {12, 40}, {18, 66}, {13, 50}, {60, 200}};
  struct harness *harness = fixture_open();
  type(harness, "7");
  char *formula = inspected("-t conv", "formula");
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    harness_resize(harness, sizes[i].rows, sizes[i].columns);
    assert_true(harness_press(harness, "\033", 1));
    assert_shows(harness, " block ");
    assert_shows(harness, "code");
    assert_shows(harness, formula);
    assert_shows(harness, "y - x = ");
  }
  free(formula);
  fixture_quit(harness);
  const char *arguments[] = {
      "model.safetensors", "-t",      "bias", "--view", "inspector",
      "--ascii",           "--block", "99",   NULL}; /* beyond the last is the last */
  harness = fixture_start(arguments, &(struct harness_options){.rows = 24});
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, " block 0 of 0..0 ");
  for (const char *at = harness_screen(harness); *at; at++)
    assert_true(*at == '\n' || (*at >= ' ' && *at <= '~'));
  fixture_quit(harness);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_inspector_walks),
      cmocka_unit_test(the_inspector_follows_the_knobs),
      cmocka_unit_test(the_inspector_has_every_size),
  };
  return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
