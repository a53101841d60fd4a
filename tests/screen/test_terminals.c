/* The explorer and its terminal: what is sent to which, and what is left behind. */
#include "config.h"

#include "tests/screen/fixture.h"

#include <ctype.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wchar.h>

static const char *const model[] = {"model.safetensors", "-t", "conv", NULL};

static struct harness *start(const char *a, const char *b)
{
  return fixture_start(model, &(struct harness_options){.environment = {a, b}});
}

/* Does the output set a colour (SGR 30-49 and 90-107)? */
static bool has_colour(const struct harness *harness)
{
  size_t length;
  const char *at = harness_output(harness, &length), *end = at + length;
  while (at + 2 < end && (at = memmem(at, (size_t)(end - at), "\033[", 2))) {
    at += 2;
    const char *stop = at;
    while (stop < end && (isdigit((unsigned char)*stop) || *stop == ';'))
      stop++;
    if (stop == end || *stop != 'm')
      continue;
    for (const char *part = at; part < stop; part += strcspn(part, ";m") + 1) {
      long code = strtol(part, NULL, 10);
      if ((code >= 30 && code <= 49) || (code >= 90 && code <= 107))
        return true;
    }
  }
  return false;
}

static bool is_ascii(const struct harness *harness)
{
  size_t length;
  const char *at = harness_output(harness, &length);
  for (size_t i = 0; i < length; i++)
    if ((unsigned char)at[i] >= 0x80)
      return false;
  return true;
}

/* The list has a last line with totals, for people: 16 x 32, 16 and 4 float32. */
static void a_list_ends_with_totals(void **state)
{
  (void)state;
  static const char *const list[] = {NULL, "list", "model.safetensors", NULL};
  const char *arguments[4];
  memcpy(arguments, list, sizeof list);
  arguments[0] = fixture_program();
  struct harness *harness = harness_start(&(struct harness_options){.arguments = arguments});
  assert_int_equal(harness_wait_end(harness), 0);
  assert_true(harness_shows(harness, "3 tensors, 532 elements, 2128 bytes, 32 bits per element"));
  harness_end(harness);
}

static void usable_terminals_work(void **state)
{
  (void)state;
  static const char *const terms[] = {
      "TERM=xterm-256color", "TERM=xterm", "TERM=vt100", "TERM=linux",           "TERM=screen",
      "TERM=tmux-256color",  "TERM=ansi",  "TERM=vt220", "TERM=screen-256color", "TERM=rxvt"};
  for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
    struct harness *harness = start(terms[i], NULL);
    if (!harness_wait_settled(harness)) {
      size_t length;
      print_message("# %s: %s\n", terms[i], harness_output(harness, &length));
      /* an entry that this machine's terminal data lacks is refused, not drawn */
      assert_true(harness_shows(harness, "unknown"));
      harness_end(harness);
      continue;
    }
    assert_true(harness_type(harness, "bV23ti"));
    harness_bytes(harness, "\033");
    harness_bytes(harness, "q");
    int status = harness_wait_end(harness);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(harness_settings_restored(harness));
    harness_end(harness);
  }
}

/* GO changes the screen, BACK brings it back. */
static void there_and_back(struct harness *harness, const char *go, const char *back)
{
  char *before = screen_of(harness);
  assert_true(harness_press(harness, go, 1));
  assert_string_not_equal(before, harness_screen(harness));
  assert_true(harness_press(harness, back, 1));
  assert_string_equal(before, harness_screen(harness));
  free(before);
}

/* Cursor keys come as "ESC [ A" or, from a terminal in application mode, as "ESC O A" (DECCKM);
 * Home and End also with numbers. A description names one of them; all work, but where it has the
 * sequence for another key (rxvt: "ESC O A" is Ctrl-Shift-Up). */
static void keys_work_in_each_form(void **state)
{
  (void)state;
  static const char *const terms[] = {"TERM=xterm-256color", "TERM=vt100", "TERM=linux",
                                      "TERM=screen",         "TERM=vt220", "TERM=tmux-256color",
                                      "TERM=xterm"};
  /* right, left, down, up, last, first */
  static const char *const forms[][6] = {
      {"\033[C", "\033[D", "\033[B", "\033[A", "\033[F", "\033[H"},
      {"\033OC", "\033OD", "\033OB", "\033OA", "\033OF", "\033OH"},
      {"\033[C", "\033OD", "\033OB", "\033[A", "\033[4~", "\033[1~"},
      {"\033OC", "\033[D", "\033[B", "\033OA", "\033[8~", "\033[7~"},
  };
  for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
    struct harness *harness = start(terms[i], NULL);
    if (!harness_wait_settled(harness)) { /* an entry that this machine's terminal data lacks */
      harness_end(harness);
      continue;
    }
    for (size_t j = 0; j < sizeof forms / sizeof *forms; j++) {
      assert_true(harness_press(harness, forms[j][0], 1)); /* a cursor to move */
      there_and_back(harness, forms[j][0], forms[j][1]);
      assert_true(harness_press(harness, forms[j][5], 1));
      there_and_back(harness, forms[j][4], forms[j][5]);
      assert_true(harness_type(harness, "3"));
      there_and_back(harness, forms[j][2], forms[j][3]);
      assert_true(harness_type(harness, "1\033"));
    }
    fixture_quit(harness);
  }
}

static void unusable_terminals_are_refused(void **state)
{
  (void)state;
  static const char *const terms[] = {"TERM=no-such-terminal", "TERM="};
  for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
    size_t length;
    struct harness *harness = start(terms[i], NULL);
    int status = harness_wait_end(harness);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 4);
    const char *output = harness_output(harness, &length);
    assert_true(strncmp(output, "qscope: ", 8) == 0);
    assert_non_null(strstr(output, "TERM"));
    assert_null(memchr(output, '\033', length));
    assert_true(harness_settings_restored(harness));
    harness_end(harness);
  }
}

/* Where nothing but lines can be shown there are sentences. */
static void dumb_terminals_get_sentences(void **state)
{
  (void)state;
  struct harness *harness = start("TERM=dumb", NULL);
  assert_true(harness_wait_text(harness, "SQNR 36.56 dB"));
  harness_bytes(harness, "bits-fewer\n");
  assert_true(harness_wait_text(harness, "less than before"));
  harness_bytes(harness, "quit\n");
  int status = harness_wait_end(harness);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
  assert_true(is_ascii(harness));
  size_t length;
  const char *output = harness_output(harness, &length);
  assert_null(memchr(output, '\033', length));
  harness_end(harness);
}

static void c_locale_gets_ascii_only(void **state)
{
  (void)state;
  struct harness *harness = start("LC_ALL=C", NULL);
  assert_true(harness_wait_settled(harness));
  assert_true(harness_type(harness, "V2"));
  assert_true(harness_type(harness, "3?"));
  assert_true(harness_type(harness, "\033t"));
  assert_true(harness_type(harness, "\0331i"));
  assert_true(harness_shows(harness, "only ASCII"));
  assert_true(harness_shows(harness, "##"));
  assert_true(is_ascii(harness));
  fixture_quit(harness);
  harness = start("LC_ALL=C.UTF-8", NULL);
  assert_true(harness_wait_settled(harness));
  assert_false(is_ascii(harness)); /* the comparison can fail */
  assert_true(harness_type(harness, "i"));
  assert_true(harness_shows(harness, "glyphs: eighth"));
  assert_true(harness_type(harness, "i"));
  assert_true(harness_shows(harness, "glyphs: half"));
  while (!harness_shows(harness, "glyphs: ascii"))
    assert_true(harness_type(harness, "i"));
  assert_true(harness_shows(harness, "##"));
  assert_true(harness_type(harness, "i"));
  assert_true(harness_shows(harness, "glyphs: auto"));
  fixture_quit(harness);
}

/* What the C library knows no width of cannot be placed: the set before it is taken, and said. */
static void octants_need_the_c_library(void **state)
{
  static const char *const arguments[] = {"model.safetensors", "-t",     "conv",
                                          "--glyphs",          "octant", NULL};
  (void)state;
  struct harness *harness = fixture_start(arguments, &(struct harness_options){.rows = 24});
  assert_true(harness_wait_settled(harness));
  assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
  bool known = wcwidth(0x1CD00) == 1;
  setlocale(LC_CTYPE, "C");
  assert_true(harness_shows(harness, "sextant instead of octant") == !known);
  assert_true(harness_type(harness, "i"));
  assert_true(harness_shows(harness, "glyphs: braille"));
  fixture_quit(harness);
  harness = fixture_start(arguments, &(struct harness_options){.environment = {"LC_ALL=C"}});
  assert_true(harness_wait_settled(harness));
  assert_true(harness_shows(harness, "ascii instead of octant"));
  assert_true(is_ascii(harness));
  fixture_quit(harness);
}

static void no_color_means_none(void **state)
{
  (void)state;
  struct harness *harness = start("NO_COLOR=1", NULL);
  assert_true(harness_wait_settled(harness));
  assert_true(harness_type(harness, "c23t"));
  harness_bytes(harness, "\033q");
  harness_wait_end(harness);
  assert_false(has_colour(harness));
  harness_end(harness);
  harness = start("NO_COLOR=", NULL); /* empty: not set */
  assert_true(harness_wait_settled(harness));
  assert_true(has_colour(harness));
  fixture_quit(harness);
}

static void eight_colours_suffice(void **state)
{
  (void)state;
  struct harness *harness = start("TERM=xterm", NULL);
  size_t length;
  assert_true(harness_wait_settled(harness));
  assert_true(harness_type(harness, "c23"));
  const char *output = harness_output(harness, &length);
  assert_null(memmem(output, length, "38;5;", 5));
  assert_true(has_colour(harness));
  fixture_quit(harness);
}

static bool says(const struct harness *harness, const char *bytes)
{
  size_t length;
  const char *output = harness_output(harness, &length);
  return memmem(output, length, bytes, strlen(bytes)) != NULL;
}

/* A frame stands between two marks where the terminal knows them, and nowhere else. */
static void frames_are_synchronised(void **state)
{
  (void)state;
  struct harness *harness = start("TERM=xterm-256color", NULL);
  assert_true(harness_wait_settled(harness));
  assert_true(harness_type(harness, "23"));
  size_t length, open = 0, marks = 0;
  const char *at = harness_output(harness, &length), *end = at + length;
  while ((at = memmem(at, (size_t)(end - at), "\033[?2026", 7))) {
    at += 7;
    assert_int_equal(*at, open ? 'l' : 'h');
    open = !open;
    marks++;
  }
  assert_int_equal(open, 0);
  assert_true(marks >= 4);
  fixture_quit(harness);
  harness = start("TERM=vt100", NULL);
  assert_true(harness_wait_settled(harness));
  assert_false(says(harness, "2026"));
  fixture_quit(harness);
}

/* Over a slow link what is sent counts: a step of the cursor is a few cells, not a screen. */
static void a_step_sends_little(void **state)
{
  enum { MOST = 10240 };
  static const char *const keys[] = {"\033OC", "\033OD", "3", "j", "k", "7", "\033OC", "j"};
  (void)state;
  struct harness *harness =
      fixture_start(model, &(struct harness_options){.rows = 40, .columns = 120});
  size_t before, after;
  assert_true(harness_wait_settled(harness));
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    harness_output(harness, &before);
    assert_true(harness_press(harness, keys[i], 1));
    harness_output(harness, &after);
    assert_true(after > before); /* it is a step */
    bool opens = keys[i][0] == '3' || keys[i][0] == '7';
    if (after - before > MOST && !opens)
      fail_msg("key %zu: %zu bytes", i, after - before);
  }
  fixture_quit(harness);
}

/* Compiles DESCRIPTION, as the database of terminals has it; false where that cannot be done. */
static bool describe(const char *description)
{
  FILE *file = fopen("terminal.src", "w");
  assert_non_null(file);
  fputs(description, file);
  assert_int_equal(fclose(file), 0);
  return system("tic -x -o terminals terminal.src 2>/dev/null") == 0;
}

/* Sixteen colours, and colours as numbers: two entries that a base system lacks. */
static void deep_and_shallow_colours(void **state)
{
  static const char entries[] =
      "sixteen|sixteen colours,\n"
      "\tcolors#16, pairs#256,\n"
      "\tsetaf=\\E[%?%p1%{8}%<%t3%p1%d%e%p1%{16}%<%t9%p1%{8}%-%d%;m,\n"
      "\tsetab=\\E[%?%p1%{8}%<%t4%p1%d%e%p1%{16}%<%t10%p1%{8}%-%d%;m,\n"
      "\tuse=xterm-256color,\n"
      "direct|colours as numbers,\n"
      "\tRGB, colors#0x1000000, pairs#0x7fff, ccc@, initc@,\n"
      "\tsetaf=\\E[%?%p1%{8}%<%t3%p1%d%e38\\:2\\:\\:%p1%{65536}%/%d\\:%p1%{256}%/%{255}%&%d"
      "\\:%p1%{255}%&%d%;m,\n"
      "\tsetab=\\E[%?%p1%{8}%<%t4%p1%d%e48\\:2\\:\\:%p1%{65536}%/%d\\:%p1%{256}%/%{255}%&%d"
      "\\:%p1%{255}%&%d%;m,\n"
      "\tuse=xterm-256color,\n";
  char folder[512], place[600];
  (void)state;
  if (!describe(entries))
    skip();
  assert_non_null(getcwd(folder, sizeof folder));
  snprintf(place, sizeof place, "TERMINFO=%s/terminals", folder);
  struct harness *harness = start("TERM=sixteen", place);
  assert_true(harness_wait_settled(harness));
  assert_true(says(harness, "\033[33"));
  assert_false(says(harness, "38;5;") || says(harness, "38:2:"));
  fixture_quit(harness);
  harness = start("TERM=direct", place);
  assert_true(harness_wait_settled(harness));
  assert_true(says(harness, "38:2::255:215:95")); /* keys: #ffd75f */
  assert_false(says(harness, "38;5;"));
  assert_true(harness_type(harness, "I"));
  assert_true(harness_shows(harness, "theme light"));
  assert_true(says(harness, "38:2::135:95:0")); /* #875f00 */
  fixture_quit(harness);
  assert_int_equal(system("rm -r terminals terminal.src"), 0);
}

/* A theme of one's own; a broken one ends the program before the screen is touched. */
static void themes_of_ones_own(void **state)
{
  static const char *const arguments[] = {"model.safetensors", "-t",          "conv",
                                          "--theme",           "./own.theme", NULL};
  (void)state;
  FILE *file = fopen("own.theme", "w");
  assert_non_null(file);
  fputs("key = #00ff00 green\n", file);
  assert_int_equal(fclose(file), 0);
  struct harness *harness = fixture_start(arguments, &(struct harness_options){.rows = 24});
  assert_true(harness_wait_settled(harness));
  assert_true(says(harness, "38;5;46m"));
  fixture_quit(harness);
  file = fopen("own.theme", "w");
  assert_non_null(file);
  fputs("key = green\n", file);
  assert_int_equal(fclose(file), 0);
  harness = fixture_start(arguments, &(struct harness_options){.rows = 24});
  int status = harness_wait_end(harness);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 3);
  assert_true(says(harness, "theme ./own.theme, line 1: expected ROLE = #rrggbb"));
  assert_false(says(harness, "\033"));
  harness_end(harness);
  assert_int_equal(unlink("own.theme"), 0);
}

static void signals_restore_the_terminal(void **state)
{
  (void)state;
  static const int numbers[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGSEGV};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    struct harness *harness = start(NULL, NULL);
    assert_true(harness_wait_settled(harness));
    assert_true(harness_alternate(harness));
    assert_false(harness_settings_restored(harness));
    kill(harness_child(harness), numbers[i]);
    int status = harness_wait_end(harness);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), numbers[i]);
    assert_false(harness_alternate(harness));
    assert_true(harness_cursor_visible(harness));
    assert_true(harness_settings_restored(harness));
    harness_end(harness);
  }
}

/* A shell with job control stops it, looks at the terminal, and brings it back. */
static void suspend_and_continue(void **state)
{
  (void)state;
  char script[1024];
  if (access("/bin/bash", X_OK) != 0)
    skip();
  snprintf(script, sizeof script,
           "set -m; '%s' model.safetensors -t conv; stty -a | grep -q ' icanon' && echo stopped; "
           "read answer; fg; echo status $?",
           fixture_program());
  const char *arguments[] = {"/bin/bash", "-c", script, NULL};
  struct harness *harness = harness_start(&(struct harness_options){.arguments = arguments});
  assert_true(harness_wait_settled(harness));
  char *before = strdup(harness_screen(harness));
  harness_send(harness, "\030", 1); /* ^X: ^Z undoes */
  assert_true(harness_wait_text(harness, "stopped"));
  assert_false(harness_alternate(harness));
  size_t length;
  assert_non_null(strstr(harness_output(harness, &length), "1000l")); /* the mouse is given back */
  harness_bytes(harness, "\n");
  assert_true(harness_wait_text(harness, "SQNR"));
  assert_true(harness_press(harness, "0", 1));
  assert_true(harness_alternate(harness));
  assert_string_equal(before, harness_screen(harness));
  free(before);
  harness_bytes(harness, "q");
  assert_true(harness_wait_text(harness, "status 0"));
  harness_end(harness);
}

static void a_closed_terminal_ends_it(void **state)
{
  (void)state;
  struct harness *harness = start(NULL, NULL);
  assert_true(harness_wait_settled(harness));
  harness_hang_up(harness);
  int status = harness_wait_end(harness);
  assert_true(WIFEXITED(status) || WTERMSIG(status) == SIGHUP);
  harness_end(harness);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_list_ends_with_totals),
      cmocka_unit_test(usable_terminals_work),
      cmocka_unit_test(keys_work_in_each_form),
      cmocka_unit_test(unusable_terminals_are_refused),
      cmocka_unit_test(dumb_terminals_get_sentences),
      cmocka_unit_test(c_locale_gets_ascii_only),
      cmocka_unit_test(octants_need_the_c_library),
      cmocka_unit_test(no_color_means_none),
      cmocka_unit_test(eight_colours_suffice),
      cmocka_unit_test(frames_are_synchronised),
      cmocka_unit_test(a_step_sends_little),
      cmocka_unit_test(deep_and_shallow_colours),
      cmocka_unit_test(themes_of_ones_own),
      cmocka_unit_test(signals_restore_the_terminal),
      cmocka_unit_test(suspend_and_continue),
      cmocka_unit_test(a_closed_terminal_ends_it),
  };
  return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
