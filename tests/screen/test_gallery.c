/* Experiments in the explorer, the dialog of the export, and the welcome of the first start. */
#include "tests/screen/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct harness *open_gallery(int rows, int columns)
{
  const char *arguments[] = {"synth:shape=64x64", NULL};
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = rows, .columns = columns});
  assert_true(harness_wait_settled(harness));
  return harness;
}

/* --- experiments ------------------------------------------------------------------------------ */

static void the_list_says_what_is_claimed(void **state)
{
  (void)state;
  struct harness *harness = open_gallery(24, 80);
  type(harness, "S");
  assert_shows(harness, "Experiments: what is often said");
  assert_shows(harness, "> rulers");
  assert_shows(harness, "Which scale rule keeps most of groups of 32");
  type(harness, "jj");
  assert_shows(harness, "> one-outlier");
  assert_shows(harness, "A percentile cures outliers.");
  assert_true(harness_press(harness, "\033[6~\033[6~\033[6~\033[6~", 4));
  assert_shows(harness, "> moving-targets"); /* the last */
  type(harness, "q");
  assert_shows_not(harness, "what is often said");
  fixture_quit(harness);
}

/* The state, the question, the knobs as ever, and the answer: 73 steps of 0.01 are clipped off 2.0.
 */
static void an_experiment_opens_and_is_answered(void **state)
{
  (void)state;
  struct harness *harness = open_gallery(40, 100);
  type(harness, "Sj\r");
  assert_shows(harness, "-q int4,sym,narrow,tensor,minmax --view board");
  assert_shows(harness, "Where does the sum of rounding and clipping error");
  type(harness, "b");
  assert_shows(harness, "-q int5,sym,narrow");
  type(harness, "S");
  assert_shows(harness, "The scale's two errors");
  assert_shows(harness, "0.73"); /* settled: it was measured */
  assert_shows(harness, "holds    yes");
  assert_shows(harness, "-q int5,sym,narrow"); /* the state is where it was left */
  assert_true(harness_press(harness, "\177", 1));
  assert_shows(harness, "> clipping");
  type(harness, "\r");
  assert_shows(harness, "-q int4,sym,narrow");
  type(harness, "S\r");
  assert_shows_not(harness, "The scale's two errors");
  fixture_quit(harness);
}

/* A small screen shows a part of the page, and scrolls. */
static void a_page_scrolls(void **state)
{
  (void)state;
  struct harness *harness = open_gallery(12, 40);
  type(harness, "Sj\rS");
  assert_shows(harness, "The scale's two errors");
  assert_shows_not(harness, "holds");
  for (int i = 0; i < 9; i++)
    assert_true(harness_press(harness, "\033[6~", 1));
  assert_shows(harness, "holds    yes");
  type(harness, "k");
  assert_shows_not(harness, "holds");
  type(harness, "q");
  fixture_quit(harness);
}

static void a_script_opens_one_by_its_recipe(void **state)
{
  (void)state;
  char command[600], line[256] = "";
  snprintf(command, sizeof command,
           "printf 'experiments\\nexperiments-down\\nexperiments-open\\nassert levels>=1\\n"
           "save-session s.txt\\n' | '%s' synth:shape=8x8 --script - && grep -c recipe s.txt",
           fixture_program());
  FILE *pipe = popen(command, "r");
  assert_non_null(fgets(line, sizeof line, pipe));
  assert_int_equal(pclose(pipe), 0);
  assert_int_equal(atoi(line), 2); /* where it began, and where the experiment led */
}

/* --- the dialog
 * ----------------------------------------------------------------------------------- */

static bool begins(const char *path, const char *with)
{
  char head[16] = "";
  FILE *file = fopen(path, "rb");
  size_t length = file ? fread(head, 1, strlen(with), file) : 0;
  if (file)
    fclose(file);
  return length == strlen(with) && memcmp(head, with, length) == 0;
}

static bool has_font(struct harness *harness)
{
  if (!harness_shows(harness, "font is installed"))
    return true;
  harness_bytes(harness, "\033");
  harness_end(harness);
  return false;
}

static void the_dialog_writes_what_was_chosen(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  type(harness, "e");
  assert_shows(harness, "Export: histogram");
  assert_shows(harness, "> file    conv-histogram.png");
  assert_shows(harness, "size    1600x1000");
  type(harness, "\t\t\t"); /* to the kind */
  assert_true(harness_press(harness, "\033OC", 1));
  assert_shows(harness, "file    conv-histogram.svg");
  type(harness, "\t\t ");
  assert_shows(harness, "> data    yes");
  type(harness, "\r");
  if (!has_font(harness))
    skip();
  assert_shows(harness, "wrote conv-histogram.svg and its numbers (1600x1000 at 200 dpi)");
  assert_true(begins("conv-histogram.svg", "<?xml"));
  assert_true(begins("conv-histogram.csv", "panel,title,se"));
  type(harness, "E"); /* the same, without asking, to a new file */
  assert_shows(harness, "wrote conv-histogram-2.svg and its numbers");
  type(harness, "2e"); /* remembered, for another view */
  assert_shows(harness, "> file    conv-error.svg");
  assert_shows(harness, "data    yes");
  assert_true(harness_press(harness, "\033", 1));
  assert_shows_not(harness, "Export:");
  assert_int_not_equal(access("conv-error.svg", F_OK), 0);
  fixture_quit(harness);
}

static void the_dialog_refuses_and_stays(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  type(harness, "e");
  assert_true(harness_press(harness, "\025", 1)); /* ^U */
  type(harness, "none/a.png\r");
  if (!has_font(harness))
    skip();
  assert_shows(harness, "none/a.png: cannot be written: No such file or directory");
  assert_shows(harness, "> file    none/a.png"); /* it is still there */
  assert_true(harness_press(harness, "\025", 1));
  type(harness, "a.jpg\r");
  assert_shows(harness, "expected a name that ends in .png, .svg or .pdf");
  assert_true(harness_press(harness, "\025", 1));
  type(harness, "model.pdf\t");
  assert_true(harness_press(harness, "\025", 1));
  type(harness, "wide\r");
  assert_shows(harness, "size: expected 1600x1000 (pixels), 85x60mm or 85mm, found 'wide'");
  assert_true(harness_press(harness, "\025", 1));
  type(harness, "4x4\r");
  assert_shows(harness, "size: expected 160 to 16384 pixels, found 4x4");
  assert_true(harness_press(harness, "\t\025", 2)); /* the size is the second field again */
  type(harness, "100\r");
  assert_shows(harness, "found 4x4");
  assert_true(harness_press(harness, "\033", 1));
  assert_int_not_equal(access("model.pdf", F_OK), 0);
  fixture_quit(harness);
}

/* A file that is there is written over when Enter is pressed once more. */
static void nothing_is_overwritten_unasked(void **state)
{
  (void)state;
  FILE *file = fopen("mine.pdf", "w");
  fputs("mine", file);
  fclose(file);
  struct harness *harness = fixture_open();
  type(harness, "e");
  assert_true(harness_press(harness, "\025", 1));
  type(harness, "mine.pdf\r");
  assert_shows(harness, "there is such a file: Enter once more writes over it");
  assert_true(begins("mine.pdf", "mine"));
  type(harness, "\r");
  if (!has_font(harness))
    skip();
  assert_shows(harness, "wrote mine.pdf");
  assert_true(begins("mine.pdf", "%PDF-"));
  fixture_quit(harness);
}

static void write_numbers(const char *text)
{
  FILE *file = fopen("numbers.csv", "w");
  assert_non_null(file);
  fputs(text, file);
  assert_int_equal(fclose(file), 0);
}

/* Who opens a figure again is told when its tensor has other values by now. */
static void a_figure_of_other_values(void **state)
{
  (void)state;
  static const char *const arguments[] = {"replay", "numbers.png", NULL};
  char command[512];
  write_numbers("1,2,3\n4,5,6\n");
  snprintf(command, sizeof command, "'%s' plot numbers.csv -o numbers.png 2>/dev/null",
           fixture_program());
  if (system(command) != 0) /* no font */
    skip();
  for (int i = 0; i < 2; i++) {
    struct harness *harness = fixture_start(arguments, &(struct harness_options){.rows = 24});
    assert_true(harness_wait_settled(harness));
    if (i == 0)
      assert_shows_not(harness, "has other values");
    else
      assert_shows(harness, "numbers has other values than when this figure was made");
    fixture_quit(harness);
    write_numbers("1,2,3\n4,5,7\n");
  }
}

/* A figure that takes long is not lost to a quick q; a second q means it. The keys come at once, so
 * that the work has not begun. */
static void leaving_waits_for_the_figure(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  type(harness, "4e");
  harness_send(harness, "\rq", 2);
  assert_true(harness_wait_settled(harness));
  if (!has_font(harness))
    skip();
  assert_shows(harness, "wrote conv-sweep.png");
  type(harness, "e");
  harness_bytes(harness, "\rqq");
  int status = harness_wait_end(harness);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
  assert_int_not_equal(access("conv-sweep-2.png", F_OK), 0);
  harness_end(harness);
  assert_int_equal(unlink("conv-sweep.png"), 0);
}

/* --- the welcome
 * ---------------------------------------------------------------------------------- */

static struct harness *start_new_user(const char *home)
{
  static char variable[64];
  const char *arguments[] = {"model.safetensors", "-t", "conv", NULL};
  snprintf(variable, sizeof variable, "XDG_STATE_HOME=%s", home);
  struct harness *harness = fixture_start(
      arguments,
      &(struct harness_options){.rows = 24, .environment = {"QSCOPE_TEST_WELCOME=1", variable}});
  assert_true(harness_wait_settled(harness));
  return harness;
}

static void the_welcome_comes_once(void **state)
{
  (void)state;
  char home[] = "/tmp/qscope-new-XXXXXX", path[64];
  assert_non_null(mkdtemp(home));
  struct harness *harness = start_new_user(home);
  assert_shows(harness, "Welcome to qscope");
  assert_shows(harness, "f turns the format, 3 shows which channel is to blame,");
  assert_shows(harness, "S opens experiments, ? lists every key.");
  type(harness, "f"); /* the key does what it does */
  assert_shows_not(harness, "Welcome to qscope");
  assert_shows(harness, "-q float8_e4m3fn");
  fixture_quit(harness);
  harness = start_new_user(home);
  assert_shows_not(harness, "Welcome to qscope");
  fixture_quit(harness);
  snprintf(path, sizeof path, "%s/qscope", home);
  fixture_empty(path);
  assert_int_equal(rmdir(path), 0);
  assert_int_equal(rmdir(home), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_list_says_what_is_claimed),
      cmocka_unit_test(an_experiment_opens_and_is_answered),
      cmocka_unit_test(a_page_scrolls),
      cmocka_unit_test(a_script_opens_one_by_its_recipe),
      cmocka_unit_test(the_dialog_writes_what_was_chosen),
      cmocka_unit_test(the_dialog_refuses_and_stays),
      cmocka_unit_test(nothing_is_overwritten_unasked),
      cmocka_unit_test(a_figure_of_other_values),
      cmocka_unit_test(leaving_waits_for_the_figure),
      cmocka_unit_test(the_welcome_comes_once),
  };
  return cmocka_run_group_tests_name("gallery", tests, fixture_enter, fixture_leave);
}
