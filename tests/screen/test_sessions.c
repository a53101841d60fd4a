/* Sessions on disk: what is left when the explorer is left, killed, or lost, and what comes back.
 */
#include "tests/screen/fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* --- the state folder ------------------------------------------------------------------------- */

enum { PATH_ROOM = 600 };

static const char *state_folder(void)
{
  static char path[256];
  snprintf(path, sizeof path, "%s/qscope", getenv("XDG_STATE_HOME"));
  return path;
}

static int enter_empty(void **state)
{
  (void)state;
  fixture_empty(state_folder());
  return 0;
}

/* How many sessions there are; the path of one of them in PATH. */
static int sessions(char *path, size_t size)
{
  DIR *directory = opendir(state_folder());
  int count = 0;
  *path = '\0';
  for (struct dirent *entry; directory && (entry = readdir(directory));)
    if (strncmp(entry->d_name, "session-", 8) == 0) {
      snprintf(path, size, "%s/%s", state_folder(), entry->d_name);
      count++;
    }
  if (directory)
    closedir(directory);
  return count;
}

static char *text_of(const char *path)
{
  static char text[65536];
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  return text;
}

static void write_text(const char *path, const char *text)
{
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  assert_int_equal(fclose(file), 0);
}

/* --- the program ------------------------------------------------------------------------------ */

static struct harness *start(const char *one, const char *two, const char *variable)
{
  const char *arguments[] = {one, two, NULL};
  return fixture_start(arguments, &(struct harness_options){.rows = 24, .environment = {variable}});
}

static struct harness *start_settled(const char *one, const char *two)
{
  struct harness *harness = start(one, two, NULL);
  assert_true(harness_wait_settled(harness));
  return harness;
}

static bool says(const struct harness *harness, const char *text)
{
  size_t length;
  return strstr(harness_output(harness, &length), text) != NULL;
}

/* Kills it by NUMBER; it must have ended by that, with the terminal as it was. */
static void end_by(struct harness *harness, int number)
{
  kill(harness_child(harness), number);
  int status = harness_wait_end(harness);
  assert_true(WIFSIGNALED(status));
  assert_int_equal(WTERMSIG(status), number);
  if (number == SIGKILL) /* nobody can do anything then */
    return;
  assert_false(harness_alternate(harness));
  assert_true(harness_settings_restored(harness));
}

static void assert_ends(struct harness *harness, int exit_status)
{
  int status = harness_wait_end(harness);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), exit_status);
}

/* --- killed ----------------------------------------------------------------------------------- */

/* Whatever ends it: one line says what, and how to go on; that brings back the same screen, also
 * what is pinned in a view that does not show it. */
static void a_killed_session_goes_on(void **state)
{
  (void)state;
  static const struct {
    int number;
    const char *name;
  } rows[] = {{SIGSEGV, "SIGSEGV"}, {SIGTERM, "SIGTERM"}, {SIGHUP, "SIGHUP"}, {SIGINT, "SIGINT"},
              {SIGABRT, "SIGABRT"}, {SIGUSR1, "SIGUSR1"}, {SIGKILL, NULL}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char path[PATH_ROOM], words[PATH_ROOM + 100];
    fixture_empty(state_folder());
    struct harness *harness = start_settled("model.safetensors", NULL);
    type(harness, "aB2d0");
    char *before = screen_of(harness);
    end_by(harness, rows[i].number);
    assert_int_equal(sessions(path, sizeof path), 1);
    if (rows[i].name) {
      snprintf(words, sizeof words,
               "qscope: ended by %s; to go on where it was: qscope --restore %s", rows[i].name,
               path);
      if (!says(harness, words))
        fail_msg("not said: %s\n%s", words, harness_screen(harness));
    } else {
      assert_false(says(harness, "ended by"));
    }
    harness_end(harness);
    harness = start_settled("--restore", i % 2 ? path : NULL);
    type(harness, "0"); /* the whole range, as it was: what was said is gone */
    assert_string_equal(before, harness_screen(harness));
    type(harness, "5"); /* and the pin is there */
    assert_shows(harness, "A: int8");
    fixture_quit(harness);
    free(before);
  }
}

/* A session that was left well stays as it is when the next one crashes. */
static void a_crash_overwrites_nothing(void **state)
{
  (void)state;
  char good[PATH_ROOM], other[PATH_ROOM];
  struct stat about;
  struct harness *harness = start_settled("model.safetensors", NULL);
  type(harness, "B");
  harness_bytes(harness, "q");
  assert_ends(harness, 0);
  assert_false(says(harness, "restore"));
  harness_end(harness);
  assert_int_equal(sessions(good, sizeof good), 1);
  char *before = strdup(text_of(good));
  assert_non_null(strstr(before, "\n#= left\n"));
  assert_int_equal(stat(good, &about), 0);
  assert_int_equal(about.st_mode & 0777, 0600);
  harness = start_settled("synth:gaussian", NULL);
  end_by(harness, SIGSEGV);
  harness_end(harness);
  assert_int_equal(sessions(other, sizeof other), 2);
  assert_string_equal(before, text_of(good));
  harness = start_settled("--restore", good);
  assert_shows(harness, "-q int7,sym,");
  fixture_quit(harness);
  free(before);
}

static void what_is_not_to_be_kept_is_not(void **state)
{
  (void)state;
  char path[PATH_ROOM];
  struct harness *harness = start_settled("--ignore-config", "model.safetensors");
  end_by(harness, SIGTERM);
  assert_true(says(harness, "qscope: ended by SIGTERM\r\n"));
  harness_end(harness);
  assert_int_equal(sessions(path, sizeof path), 0);
}

/* What goes on elsewhere is nobody else's, and a session is on the disk before it ends. */
static void the_living_are_left_alone(void **state)
{
  (void)state;
  char path[PATH_ROOM];
  struct harness *first = start_settled("model.safetensors", NULL);
  assert_int_equal(sessions(path, sizeof path), 1);
  type(first, "B");
  assert_non_null(strstr(text_of(path), "\nbits-fewer\n#= now qscope model.safetensors "));
  struct harness *second = start("--restore", NULL, NULL);
  assert_ends(second, 3);
  assert_true(says(second, "there is no session to restore yet"));
  harness_end(second);
  harness_hang_up(first);
  harness_wait_end(first);
  harness_end(first);
  second = start_settled("--restore", NULL);
  assert_shows(second, "-q int7,sym,");
  fixture_quit(second);
}

/* Whose terminal went, hears of it at the next start. */
static void the_next_start_tells(void **state)
{
  (void)state;
  char mark[PATH_ROOM], killed[PATH_ROOM];
  static const char *const variable = "QSCOPE_TEST_WELCOME=1";
  struct harness *harness = start_settled("model.safetensors", NULL);
  end_by(harness, SIGHUP);
  harness_end(harness);
  assert_int_equal(sessions(killed, sizeof killed), 1);
  snprintf(mark, sizeof mark, "%s/welcomed", state_folder());
  write_text(mark, "");
  const char *arguments[] = {"model.safetensors", "-t", "conv", NULL};
  struct harness_options options = {.rows = 24, .environment = {variable}};
  for (int i = 0; i < 2; i++) {
    harness = fixture_start(arguments, &options);
    assert_true(harness_wait_settled(harness));
    if (i == 0)
      assert_shows(harness, "the last session was ended by SIGHUP; to go on with it: qscope");
    if (i == 0)
      assert_shows(harness, strrchr(killed, '/') + 1);
    else /* this one was left as people leave */
      assert_shows_not(harness, "the last session");
    fixture_quit(harness);
  }
}

/* The script of a session does the same as its keys did. */
static void the_file_is_a_script(void **state)
{
  (void)state;
  char path[PATH_ROOM], command[2048];
  struct harness *harness = start_settled("model.safetensors", NULL);
  type(harness, "B3");
  end_by(harness, SIGTERM);
  harness_end(harness);
  assert_int_equal(sessions(path, sizeof path), 1);
  FILE *file = fopen(path, "a");
  assert_non_null(file);
  fputs("save-screen shot.txt\n", file);
  fclose(file);
  snprintf(command, sizeof command, "'%s' --script '%s'", fixture_program(), path);
  assert_int_equal(system(command), 0); /* NOLINT: nothing of a user is in it */
  assert_non_null(strstr(text_of("shot.txt"), "-q int7,sym,tensor,minmax --view channels"));
}

/* Names are those of the folder where the session was. */
static void another_folder(void **state)
{
  (void)state;
  char here[256];
  assert_non_null(getcwd(here, sizeof here));
  struct harness *harness = start_settled("model.safetensors", NULL);
  fixture_quit(harness);
  assert_int_equal(chdir(getenv("XDG_STATE_HOME")), 0);
  harness = start_settled("--restore", NULL);
  assert_shows(harness, "conv");
  fixture_quit(harness);
  assert_int_equal(chdir(here), 0);
}

static void damaged_files(void **state)
{
  (void)state;
  static const struct {
    const char *text, *says;
  } rows[] = {
      {"", "no session has looked at it"},
      {"# a session of qscope\n", "no session is in it"},
      {"# a session of qscope\n#= now qscope --nothing\n", "recipe: unknown word"},
      {"# a session of qscope\n#= now qscope synth:gaussian", "no session is in it"},
      {"# a session of qscope\n#= source x y\n#= folder\n#= now qscope synth:gaussian -q int3\n#= "
       "no",
       NULL}, /* an unfinished line behind good ones */
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    write_text("s.qs", rows[i].text);
    struct harness *harness = start("--restore", "s.qs", NULL);
    if (rows[i].says) {
      assert_ends(harness, 3);
      if (!says(harness, rows[i].says))
        fail_msg("not said: %s\n%s", rows[i].says, harness_screen(harness));
      harness_end(harness);
      continue;
    }
    assert_true(harness_wait_settled(harness));
    assert_shows(harness, "-q int3,sym,");
    fixture_quit(harness);
  }
}

/* Old ones go. */
static void they_are_thinned_out(void **state)
{
  (void)state;
  char path[PATH_ROOM];
  struct harness *harness = start_settled("model.safetensors", NULL);
  fixture_quit(harness);
  for (int i = 0; i < 40; i++) {
    snprintf(path, sizeof path, "%s/session-old%03d", state_folder(), i);
    write_text(path, "# a session of qscope\n");
    const struct timespec times[2] = {{.tv_sec = 1000 + i}, {.tv_sec = 1000 + i}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
  }
  harness = start_settled("--restore", NULL);
  fixture_quit(harness);
  assert_int_equal(sessions(path, sizeof path), 33);
  snprintf(path, sizeof path, "%s/session-old000", state_folder());
  assert_int_not_equal(access(path, F_OK), 0);
}

/* Sentences, too; lines through a pipe are a script, and no session. */
static void spoken_sessions_are_kept(void **state)
{
  (void)state;
  char path[PATH_ROOM], command[2048];
  struct harness *harness = start("model.safetensors", "--linear", NULL);
  harness_bytes(harness, "bits-fewer\n");
  assert_true(harness_wait_text(harness, "int7"));
  harness_bytes(harness, "error\n");
  assert_true(harness_wait_text(harness, "View Error"));
  kill(harness_child(harness), SIGHUP);
  assert_true(WIFSIGNALED(harness_wait_end(harness)));
  harness_end(harness);
  assert_int_equal(sessions(path, sizeof path), 1);
  harness = start_settled("--restore", NULL);
  assert_shows(harness, "-q int7,sym,tensor,minmax --view error");
  fixture_quit(harness);
  fixture_empty(state_folder());
  snprintf(command, sizeof command, "echo bits-fewer | '%s' model.safetensors --linear >lines.txt",
           fixture_program());
  assert_int_equal(system(command), 0);
  assert_int_equal(sessions(path, sizeof path), 0);
}

/* A stop that nobody announced, and somebody who writes over the screen meanwhile. */
static void it_goes_on_after_a_stop(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  char *before = screen_of(harness);
  kill(harness_child(harness), SIGSTOP);
  assert_true(harness_wait_stopped(harness));
  size_t length, after;
  harness_output(harness, &length);
  kill(harness_child(harness), SIGCONT);
  assert_true(harness_press(harness, "0", 1));
  harness_output(harness, &after);
  assert_string_equal(before, harness_screen(harness));
  assert_true(after - length > 1000); /* all of it was drawn again */
  assert_true(harness_alternate(harness));
  free(before);
  fixture_quit(harness);
}

/* --- the view of a file ----------------------------------------------------------------------- */

static void leave_two_views(void)
{
  struct harness *harness = start_settled("model.safetensors", NULL);
  type(harness, "nB3");
  fixture_quit(harness);
  harness = start_settled("synth:gaussian", NULL);
  type(harness, "BB2");
  fixture_quit(harness);
}

static void a_source_comes_back(void **state)
{
  (void)state;
  leave_two_views();
  struct harness *harness = start_settled("--restore", "./model.safetensors");
  assert_shows(harness, "-t bias -q int7,sym,tensor,minmax --view channels");
  assert_shows_not(harness, "has changed");
  fixture_quit(harness);
  harness = start_settled("synth:gaussian", "--restore");
  assert_shows(harness, "-q int6,sym,tensor,minmax --view error");
  fixture_quit(harness);
  harness = start("synth:laplace", "--restore", NULL);
  assert_ends(harness, 3);
  assert_true(says(harness, "synth:laplace: no session has looked at it yet"));
  harness_end(harness);
}

/* A file that was written again: the view is tried, and people are told. */
static void a_file_has_changed(void **state)
{
  (void)state;
  leave_two_views();
  const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
  assert_int_equal(utimensat(AT_FDCWD, "model.safetensors", times, 0), 0);
  struct harness *harness = start_settled("model.safetensors", "--restore");
  assert_shows(harness, "model.safetensors has changed since then: the view is the old one");
  assert_shows(harness, "-t bias -q int7,");
  fixture_quit(harness);
  write_text("numbers.csv", "a,b\n1,2\n3,4\n");
  harness = start_settled("numbers.csv", NULL);
  type(harness, "nB");
  fixture_quit(harness);
  write_text("numbers.csv", "1,2\n3,4\n");
  harness = start_settled("numbers.csv", "--restore");
  assert_shows(harness, "numbers.csv has changed: what was looked at is not there any more");
  assert_shows(harness, "-q int8,sym,");
  fixture_quit(harness);
}

/* The setting brings back what is the same as it was, and nothing else. */
static void by_habit(void **state)
{
  (void)state;
  char path[PATH_ROOM];
  leave_two_views();
  snprintf(path, sizeof path, "%s/config", state_folder());
  write_text(path, "restore = yes\n");
  struct harness *harness = start_settled("model.safetensors", NULL);
  assert_shows(harness, "-t bias -q int7,sym,tensor,minmax --view channels");
  fixture_quit(harness);
  harness = start_settled("model.safetensors", "-qint4");
  assert_shows(harness, "-q int4,");
  assert_shows_not(harness, "--view channels");
  fixture_quit(harness);
  harness = start_settled("synth:laplace", NULL);
  assert_shows(harness, "-q int8,");
  fixture_quit(harness);
  harness = start_settled("synth:gaussian", NULL);
  assert_shows(harness, "--view error");
  fixture_quit(harness);
  const struct timespec times[2] = {{.tv_sec = 2000}, {.tv_sec = 2000}};
  assert_int_equal(utimensat(AT_FDCWD, "model.safetensors", times, 0), 0);
  harness = start_settled("model.safetensors", NULL);
  assert_shows(harness, "has changed since it was left: opened afresh");
  assert_shows(harness, "-q int8,");
  fixture_quit(harness);
}

static void words_that_do_not_go_together(void **state)
{
  (void)state;
  static const char *const words[] = {"-qint4", "--worst-first", "--rank=bulk", "--log"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    struct harness *harness = start("--restore", words[i], NULL);
    assert_ends(harness, 2);
    assert_true(says(harness, "--restore brings tensor, quantizer and view"));
    harness_end(harness);
  }
}

/* What a view shows in another order comes back in it. */
static void the_order_comes_back(void **state)
{
  (void)state;
  struct harness *harness = start_settled("model.safetensors", NULL);
  type(harness, "3 r");
  assert_shows(harness, "--worst-first");
  fixture_quit(harness);
  harness = start_settled("--restore", NULL);
  assert_shows(harness, "--view heat --worst-first");
  assert_shows(harness, "worst row first");
  fixture_quit(harness);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_killed_session_goes_on, enter_empty),
      cmocka_unit_test_setup(a_crash_overwrites_nothing, enter_empty),
      cmocka_unit_test_setup(what_is_not_to_be_kept_is_not, enter_empty),
      cmocka_unit_test_setup(the_living_are_left_alone, enter_empty),
      cmocka_unit_test_setup(the_next_start_tells, enter_empty),
      cmocka_unit_test_setup(the_file_is_a_script, enter_empty),
      cmocka_unit_test_setup(another_folder, enter_empty),
      cmocka_unit_test_setup(damaged_files, enter_empty),
      cmocka_unit_test_setup(they_are_thinned_out, enter_empty),
      cmocka_unit_test_setup(it_goes_on_after_a_stop, enter_empty),
      cmocka_unit_test_setup(spoken_sessions_are_kept, enter_empty),
      cmocka_unit_test_setup(a_source_comes_back, enter_empty),
      cmocka_unit_test_setup(a_file_has_changed, enter_empty),
      cmocka_unit_test_setup(by_habit, enter_empty),
      cmocka_unit_test_setup(the_order_comes_back, enter_empty),
      cmocka_unit_test_setup(words_that_do_not_go_together, enter_empty),
  };
  return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
