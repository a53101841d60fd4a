/* The palette, and the line in which a quantizer is written: what they find, complete and show. */
#include "tests/screen/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The SQNR that the numbers beside the view say. */
static void sqnr_of(struct harness *harness, char *text, size_t size)
{
  const char *screen = harness_screen(harness), *at = strstr(screen, "\342\224\202 SQNR");
  assert_non_null(at);
  snprintf(text, size, "%.*s", (int)strcspn(at, "\n"), at);
}

static void a_spec_is_shown_while_it_is_written(void **state)
{
  (void)state;
  char eight[128], four[128];
  struct harness *harness = fixture_open();
  char *before = screen_of(harness);
  sqnr_of(harness, eight, sizeof eight);
  type(harness, "s");
  assert_shows(harness, ":quantizer int8,sym,tensor,minmax");
  assert_true(harness_press(harness, "\033OH", 1)); /* Home */
  assert_true(harness_press(harness, "\033[3~", 1));
  assert_shows(harness, ":uantizer");
  type(harness, "q\005\025quantizer int4"); /* ^E ^U */
  assert_shows(harness, "applies int4,sym,tensor,minmax");
  sqnr_of(harness, four, sizeof four);
  assert_string_not_equal(eight, four);
  type(harness, "\033"); /* and nothing has happened */
  assert_string_equal(before, harness_screen(harness));
  type(harness, "u");
  assert_shows(harness, "nothing to undo");
  free(before);
  type(harness, "s\025int4\r");
  char applied[128];
  sqnr_of(harness, applied, sizeof applied);
  assert_string_equal(four, applied);
  type(harness, "\032"); /* ^Z */
  sqnr_of(harness, applied, sizeof applied);
  assert_string_equal(eight, applied);
  type(harness, "\031"); /* ^Y */
  sqnr_of(harness, applied, sizeof applied);
  assert_string_equal(four, applied);
  fixture_quit(harness);
}

static void the_wrong_word_is_told(void **state)
{
  (void)state;
  int row, column, under, below;
  struct harness *harness = fixture_open();
  type(harness, "s\025quantizer int8,asmy,mse");
  assert_true(harness_find(harness, "asmy,mse", &row, &column));
  assert_true(harness_find(harness, "^ word 2", &below, &under));
  assert_int_equal(below, row + 1);
  assert_int_equal(under, column);
  assert_true(harness_cell(harness, row, column).underline);
  assert_false(harness_cell(harness, row, column - 2).underline);
  assert_shows(harness, "did you mean \"asym\"");
  type(harness, "\r"); /* it says so, and changes nothing */
  assert_shows(harness, "is not known");
  assert_shows(harness, "-q int8,sym,tensor,minmax");
  type(harness, "s\025quantizer int8,sym,tensor,minmax,grup=8"); /* there is no room behind it */
  assert_shows(harness, "did you mean \"group\"?");
  type(harness, "\033");
  fixture_quit(harness);
}

static void tab_completes(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  type(harness, "s\025quantizer int4,as\t,gro\t16,ms\t");
  assert_shows(harness, ":quantizer int4,asym,group=16,mse");
  type(harness, "\r");
  assert_shows(harness, "-q int4,asym,group=16,mse");
  type(harness, "s\025quantizer int4,rou\ta\t,perc\t=");
  assert_shows(harness, ":quantizer int4,round=away,percentile=");
  assert_shows(harness, "percentile=99.99");
  assert_shows(harness, "percentile=99.5");
  assert_shows_not(harness, "lacks its value"); /* not yet */
  type(harness, "99.5\r");
  assert_shows(harness, "-q int4,sym,tensor,percentile=99.5,round=away");
  type(harness, "s\025quantizer q4_0,importance=mod\t");
  assert_shows(harness, ":quantizer q4_0,importance=model.safetensors");
  type(harness, "\033:over gro\t");
  assert_shows(harness, ":over group");
  type(harness, "=\t");
  assert_shows(harness, ":over group=16:256");
  type(harness, "\033:save-sc\t");
  assert_shows(harness, ":save-screen");
  type(harness, "\033:open mod\t");
  assert_shows(harness, ":open model.safetensors");
  type(harness, "\033:assert sqn\t");
  assert_shows(harness, ":assert sqnr_db");
  type(harness, ">=1\r");
  assert_shows(harness, "sqnr_db>=1 holds");
  fixture_quit(harness);
}

static void names_are_found(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  type(harness, ":e4m3\r"); /* a format */
  assert_shows(harness, "-q float8_e4m3fn,tensor,minmax");
  type(harness, ":q4_0\r");
  assert_shows(harness, "-q q4_0");
  type(harness, ":int8\r:bias\r"); /* a tensor */
  assert_shows(harness, "-t bias");
  type(harness, ":int8\r:pytorch-qint8"); /* a preset */
  assert_shows(harness, "applies int8");
  type(harness, "\033:entro");
  assert_shows(harness, "calibrator");
  assert_true(harness_press(harness, "\033OB", 1)); /* Down: the next suggestion */
  type(harness, "\033");
  type(harness, "\020chann"); /* ^P; a command */
  assert_shows(harness, "view 3");
  type(harness, "\r");
  assert_shows(harness, "--view channels");
  type(harness, ":zoom -1:1\r:histogram\r");
  assert_shows(harness, "--range");
  type(harness, ":bits 3\r");
  assert_shows(harness, "no command is called 'bits'");
  fixture_quit(harness);
}

/* The last change again, by either key; cursor movements of a view are changes, too. */
static void a_change_is_repeated(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  type(harness, "B.X");
  assert_shows(harness, "-q int5,");
  type(harness, "uu.");
  assert_shows(harness, "-q int6,");
  fixture_quit(harness);
}

static void a_session_is_shown_and_written(void **state)
{
  (void)state;
  unlink("steps.qs");
  struct harness *harness = fixture_open();
  type(harness, "B2L");
  assert_shows(harness, "bits-fewer");
  assert_shows(harness, "error");
  assert_shows(harness, "recipe qscope model.safetensors");
  type(harness, "s"); /* asks for a file */
  assert_shows(harness, ":save-session");
  type(harness, "steps.qs\r");
  assert_shows(harness, "wrote steps.qs");
  assert_int_equal(access("steps.qs", R_OK), 0);
  type(harness, "L"); /* closes */
  assert_shows(harness, "--view error");
  fixture_quit(harness);
}

static void hints_are_hidden(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  assert_shows(harness, "q quit");
  type(harness, "H");
  assert_shows_not(harness, "q quit");
  type(harness, "H");
  assert_shows(harness, "q quit");
  fixture_quit(harness);
}

static void the_last_state_comes_back(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  type(harness, "B3d");
  fixture_quit(harness);
  const char *arguments[] = {"--restore", NULL};
  harness = fixture_start(arguments, &(struct harness_options){.rows = 24});
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "-t conv -q int7,sym,tensor,minmax --view channels --axis 1");
  fixture_quit(harness);
}

static void write_settings(const char *text)
{
  char path[256];
  snprintf(path, sizeof path, "%s/qscope", getenv("XDG_CONFIG_HOME"));
  mkdir(path, 0700);
  snprintf(path, sizeof path, "%s/qscope/config", getenv("XDG_CONFIG_HOME"));
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  assert_int_equal(fclose(file), 0);
}

static struct harness *start_with(const char *option, const char *value)
{
  const char *arguments[] = {"model.safetensors", option, value, NULL};
  struct harness *harness = fixture_start(arguments, &(struct harness_options){.rows = 24});
  assert_true(harness_wait_settled(harness));
  return harness;
}

/* Settings hold for every start; an option counts more; what is wrong is told, and stops nothing.
 */
static void settings_are_read_and_written(void **state)
{
  (void)state;
  write_settings("# mine\nhints = no\nfuture = 1\n");
  struct harness *harness = start_with(NULL, NULL);
  assert_shows_not(harness, "q quit");
  assert_shows(harness, "config:3: unknown key 'future'");
  fixture_quit(harness);
  harness = start_with("--hints", "yes");
  assert_shows(harness, "q quit");
  type(harness, "M");
  type(harness, "\013"); /* ^K */
  assert_shows(harness, "wrote ");
  fixture_quit(harness);
  harness = start_with(NULL, NULL);
  assert_shows(harness, "q quit");
  assert_shows(harness, "mouse off (M)");
  fixture_quit(harness);
  write_settings("ascii = maybe\n");
  harness = start_with(NULL, NULL);
  assert_shows(harness, "ascii: expected one of yes, no");
  fixture_quit(harness);
  harness = start_with("--ignore-config", NULL);
  assert_shows_not(harness, "expected one of");
  fixture_quit(harness);
  write_settings("");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_spec_is_shown_while_it_is_written),
      cmocka_unit_test(the_wrong_word_is_told),
      cmocka_unit_test(tab_completes),
      cmocka_unit_test(names_are_found),
      cmocka_unit_test(a_change_is_repeated),
      cmocka_unit_test(a_session_is_shown_and_written),
      cmocka_unit_test(hints_are_hidden),
      cmocka_unit_test(the_last_state_comes_back),
      cmocka_unit_test(settings_are_read_and_written),
  };
  return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
